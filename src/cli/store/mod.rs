//! `lpse-kiosk store`: the store as a whole. One file a command.

mod begin_anew;
pub mod check;
mod copy;

use clap::{Args, Subcommand};

use super::{error::CliError, services::with_services};
use crate::config::Flags;

/// The store as a whole: check every record, copy it into one of another kind, or begin with an empty one where it is gone
#[derive(Debug, Args)]
pub struct StoreArguments {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Check(check::CheckArguments),
    Copy(copy::CopyArguments),
    BeginAnew(begin_anew::BeginAnewArguments),
}

pub fn run(arguments: &StoreArguments, flags: &Flags) -> Result<(), CliError> {
    match &arguments.command {
        StoreCommand::Check(arguments) => with_services(flags, async |services, source, _| {
            check::run(arguments, &services, &source).await
        }),
        StoreCommand::Copy(arguments) => copy::run(arguments, flags),
        StoreCommand::BeginAnew(arguments) => begin_anew::run(arguments, flags),
    }
}
