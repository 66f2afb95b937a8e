//! `lpse-kiosk user set-password`: a password from the operator's hand.

use clap::Args;

use super::{act::words, reason::Reason, which::Which};
use crate::{
    cli::{error::CliError, outcome::Form, password},
    domain::{Source, audit::Act, officer::AccountAct},
    service::Services,
};

/// Set a new password, asked for as with add; open logins of the account end, and its owner is told by e-mail
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk user set-password PPK30 \
        --reason \"Lupa password, KTP diperiksa\"\n  lpse-kiosk user set-password PPK30 --one-time \
        --reason \"Lupa password, KTP diperiksa\"")]
pub struct SetPasswordArguments {
    #[command(flatten)]
    which: Which,
    /// Good for one login within 24 hours, at which its owner must choose another
    #[arg(long)]
    one_time: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: SetPasswordArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let account = arguments.which.account(services).await?;
    let password = password::new(&account.key, &account.name, &account.email)?;
    let password = services.accounts.hash(password).await?;
    let (accounts, key) = (&services.accounts, &account.key);
    let by = arguments.reason.from(source);
    let (act, done, told) = match arguments.one_time {
        true => {
            let issue = AccountAct::IssuePassword;
            let issued = accounts.issue_password(key, password, by).await;
            (issue.row().act, issued, words(&issue, &key.user_id))
        }
        false => {
            let set = accounts.set_password(key, password, by).await;
            let told = format!("Password of {} set.", key.user_id);
            (Act::SetPassword, set, (told.clone(), told))
        }
    };
    arguments.form.told(act, key, done, told)
}
