//! `lpse-kiosk user unlock`.

use clap::Args;

use super::{Which, told};
use crate::{
    cli::CliError,
    domain::{Source, officer::AccountAct},
    service::Services,
};

/// End an account's wait after wrong codes; the next wrong one waits as long again
///
/// A hold after 100 wrong codes is not ended by it: `user reset-totp` does that.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lpse-kiosk user unlock PPK30 --type non-penyedia")]
pub struct UnlockArguments {
    #[command(flatten)]
    which: Which,
}

pub async fn run(
    arguments: UnlockArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let key = arguments.which.key();
    let done = services.accounts.act(&key, &AccountAct::Unlock, source);
    told(
        done.await,
        format!("{} need not wait any more.", key.user_id),
        format!("{} does not wait for anything.", key.user_id),
    )
}
