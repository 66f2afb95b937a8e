//! `lpse-kiosk user remove`: an account goes, with everything that is kept about it.

use std::io::{self, IsTerminal, Write};

use clap::Args;

use super::{reason::Reason, which::Which};
use crate::{
    cli::{error::CliError, outcome::Form},
    domain::{Account, Source, audit::Act},
    service::Services,
};

/// Remove an account; on a terminal, it is asked about first
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk user remove PPK30 --reason \"Pensiun per 1 Desember\"\n  \
        lpse-kiosk user remove PPK30 --yes --reason \"Pensiun per 1 Desember\""
)]
pub struct RemoveArguments {
    #[command(flatten)]
    which: Which,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reason: Reason,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: RemoveArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let RemoveArguments {
        which,
        yes,
        reason,
        form,
    } = arguments;
    let account = which.account(services).await?;
    if !yes && !confirmed(&account)? {
        return Err(CliError::Refused("nothing was removed".into()));
    }
    let by = reason.from(source);
    let key = &account.key;
    let removed = services.accounts.remove(key, by).await;
    let told = format!("Removed {} {}.", key.user_type, key.user_id);
    form.told(Act::RemoveAccount, key, removed, (told.clone(), told))
}

fn confirmed(account: &Account) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Refused(
            "nothing was removed: there is nobody to ask; say --yes".into(),
        ));
    }
    let mut error = io::stderr();
    write!(
        error,
        "Remove {} {} ({})? [y/N] ",
        account.key.user_type, account.key.user_id, account.name
    )?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let answer = answer.trim().to_ascii_lowercase();
    Ok(matches!(answer.as_str(), "y" | "yes" | "ya"))
}
