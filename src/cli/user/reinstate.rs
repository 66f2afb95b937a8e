//! `lpse-kiosk user reinstate`: the end of a suspension.

use clap::Args;

use super::{outcome::told, which::Which};
use crate::{
    cli::error::CliError,
    domain::{Source, officer::AccountAct},
    service::Services,
};

/// End the suspension of an account
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lpse-kiosk user reinstate PPK30 --type non-penyedia")]
pub struct ReinstateArguments {
    #[command(flatten)]
    which: Which,
}

pub async fn run(
    arguments: ReinstateArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let key = arguments.which.key();
    let done = services.accounts.act(&key, &AccountAct::Reinstate, source);
    told(
        done.await,
        format!("{} is reinstated.", key.user_id),
        format!("{} was not suspended.", key.user_id),
    )
}
