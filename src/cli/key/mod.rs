//! `lpse-kiosk key`: the master keys that seal secrets in the store. One file a command.

mod check;
mod drop_old;
mod records;
mod rotate;

use clap::{Args, Subcommand};

use super::error::CliError;
use crate::{
    domain::Source,
    service::{Services, keys::KeysError},
};

/// Master keys: bring in a new one, check that everything opens, let old ones go
#[derive(Debug, Args)]
pub struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    Rotate(rotate::RotateArguments),
    Check(check::CheckArguments),
    DropOld(drop_old::DropOldArguments),
}

pub async fn run(
    arguments: KeyArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    match arguments.command {
        KeyCommand::Rotate(arguments) => rotate::run(&arguments, services, source).await,
        KeyCommand::Check(arguments) => check::run(&arguments, services, source).await,
        KeyCommand::DropOld(arguments) => drop_old::run(&arguments, services, source).await,
    }
}

impl From<KeysError> for CliError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Key(error) => Self::Refused(error.to_string()),
            KeysError::Service(error) => Self::Service(error),
        }
    }
}
