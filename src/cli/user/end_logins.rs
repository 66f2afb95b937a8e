//! `lpse-kiosk user end-logins`: whoever is logged in to the account is so no longer.

use clap::Args;

use super::{outcome::told, which::Which};
use crate::{
    cli::error::CliError,
    domain::{Source, officer::AccountAct},
    service::Services,
};

/// End every open login of an account
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lpse-kiosk user end-logins PPK30 --type non-penyedia")]
pub struct EndLoginsArguments {
    #[command(flatten)]
    which: Which,
}

pub async fn run(
    arguments: EndLoginsArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let key = arguments.which.key();
    let ended = format!("Open logins of {} have ended.", key.user_id);
    let done = services.accounts.act(&key, &AccountAct::EndLogins, source);
    told(done.await, ended.clone(), ended)
}
