//! `lpse-kiosk user set-password`: a password from the operator's hand.

use clap::Args;

use super::{act::words, reason::Reason, which::Which};
use crate::{
    cli::{error::CliError, output::line, password},
    domain::{Source, officer::AccountAct},
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
    if arguments.one_time {
        accounts.issue_password(key, password, by).await?;
        let (is, _) = words(&AccountAct::IssuePassword, &key.user_id);
        line(is)
    } else {
        accounts.set_password(key, password, by).await?;
        line(format!("Password of {} set.", key.user_id))
    }
}
