//! `lpse-kiosk user unlock`: the end of an account's waits after wrong codes and wrong passwords.

use clap::Args;

use super::{outcome::told, which::Which};
use crate::{
    cli::error::CliError,
    domain::{Source, officer::AccountAct},
    service::Services,
};

/// End an account's waits after wrong codes and wrong passwords
///
/// Wrong passwords are forgotten, from whatever terminal or address they came; the next wrong code waits as long again.
/// What a terminal or an address as a whole has guessed at other accounts is not forgotten by it: nobody waits for that.
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
        format!(
            "{} need not wait any more: wrong passwords are forgotten wherever they were typed, and the wait after wrong codes has ended.",
            key.user_id
        ),
        format!("{} does not wait for anything.", key.user_id),
    )
}
