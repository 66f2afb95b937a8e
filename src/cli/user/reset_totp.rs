//! `lpse-kiosk user reset-totp`: the way out of a lost phone or a held authenticator.

use clap::Args;

use super::which::Which;
use crate::{
    cli::{error::CliError, output::line},
    domain::Source,
    service::Services,
};

/// Switch an account's TOTP off, also when it is held after too many wrong codes; open logins end
///
/// Check who asks first: until TOTP is activated again, the password alone is enough, unless the policy is required.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lpse-kiosk user reset-totp PPK30 --type non-penyedia")]
pub struct ResetTotpArguments {
    #[command(flatten)]
    which: Which,
}

pub async fn run(
    arguments: ResetTotpArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let which = arguments.which;
    services.accounts.reset_totp(&which.key(), source).await?;
    line(format!("TOTP of {} is off.", which.user_id))
}
