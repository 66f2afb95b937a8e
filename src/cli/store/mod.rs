//! `lpse-kiosk store`: the store as a whole. One file a command.

mod copy;

use clap::{Args, Subcommand};

use super::CliError;
use crate::config::Flags;

/// The store as a whole: copy it into one of another kind
#[derive(Debug, Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Copy(copy::CopyArguments),
}

pub fn run(arguments: &StoreArguments, flags: &Flags) -> Result<(), CliError> {
    match &arguments.command {
        StoreCommand::Copy(arguments) => copy::run(arguments, flags),
    }
}
