//! `lpse-kiosk user suspend`: nobody logs in to the account until it is reinstated.

use clap::Args;

use super::{outcome::told, which::Which};
use crate::{
    cli::error::CliError,
    domain::{Source, officer::AccountAct},
    service::Services,
};

/// Suspend an account: nobody logs in to it until it is reinstated, and open logins end
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lpse-kiosk user suspend PPK30 --type non-penyedia")]
pub struct SuspendArguments {
    #[command(flatten)]
    which: Which,
}

pub async fn run(
    arguments: SuspendArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let key = arguments.which.key();
    let done = services.accounts.act(&key, &AccountAct::Suspend, source);
    told(
        done.await,
        format!("{} is suspended.", key.user_id),
        format!("{} was suspended already.", key.user_id),
    )
}
