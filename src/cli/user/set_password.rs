//! `lpse-kiosk user set-password`.

use clap::Args;

use super::{Which, known};
use crate::{
    cli::{CliError, output::line, password},
    domain::Source,
    service::Services,
};

/// Set a new password, asked for as with add; open logins of the account end
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lpse-kiosk user set-password PPK30 --type non-penyedia")]
pub struct SetPasswordArguments {
    #[command(flatten)]
    which: Which,
}

pub async fn run(
    arguments: SetPasswordArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let account = known(services, &arguments.which.key()).await?;
    let password = password::new(&account.key, &account.name, &account.email)?;
    let password = services.accounts.hash(password).await?;
    services
        .accounts
        .set_password(&account.key, password, source)
        .await?;
    line(format!("Password of {} set.", account.key.user_id))
}
