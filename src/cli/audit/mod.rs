//! `lpse-kiosk audit`: who did what, when, from where, and whether the log still says what was recorded. One file a
//! command.
//!
//! They read the log's files, beside a running kiosk and without one, and need neither store nor master key; only
//! `verify` asks the store how far the log is known to have come. `key` tells whose signatures checkpoints of it have.

mod export;
mod files;
mod key;
mod search;
mod show;
mod tail;
mod verify;
mod witnesses;

use clap::{Args, Subcommand};

use super::error::CliError;
use crate::config::{Config, Flags};

/// The audit log: look, search, verify, export; the key of its checkpoints
///
/// Every attempt and every act is one record: who, what, when, from where, how it ended and why. Records are numbered and
/// chained, so that whatever is changed, removed or put in between is found by `audit verify`.
#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Tail(tail::TailArguments),
    Search(search::SearchArguments),
    Verify(verify::VerifyArguments),
    Export(export::ExportArguments),
    Key(key::KeyArguments),
}

pub fn run(arguments: AuditArguments, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    match arguments.command {
        AuditCommand::Tail(arguments) => tail::run(&arguments, &config),
        AuditCommand::Search(arguments) => search::run(&arguments, &config),
        AuditCommand::Verify(arguments) => verify::run(&arguments, &config),
        AuditCommand::Export(arguments) => export::run(&arguments, &config),
        AuditCommand::Key(arguments) => key::run(&arguments, &config),
    }
}
