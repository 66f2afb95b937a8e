//! `lpse-kiosk store`: the store as a whole. One file a command.

mod begin_anew;
mod copy;

use clap::{Args, Subcommand};

use super::CliError;
use crate::config::Flags;

/// The store as a whole: copy it into one of another kind, or begin with an empty one where it is gone
#[derive(Debug, Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Copy(copy::CopyArguments),
    BeginAnew(begin_anew::BeginAnewArguments),
}

pub fn run(arguments: &StoreArguments, flags: &Flags) -> Result<(), CliError> {
    match &arguments.command {
        StoreCommand::Copy(arguments) => copy::run(arguments, flags),
        StoreCommand::BeginAnew(arguments) => begin_anew::run(arguments, flags),
    }
}
