//! `lpse-kiosk audit`: who did what, when, from where, and whether the log still says what was recorded. One file a
//! command.
//!
//! They read the log's files, beside a running kiosk and without one, and need neither store nor master key; only
//! `verify` asks the store how far the log is known to have come.

mod export;
mod search;
mod show;
mod tail;
mod verify;

use std::{io, path::Path};

use clap::{Args, Subcommand};

use super::CliError;
use crate::{
    adapter::audit_log::AuditFiles,
    config::{Config, Flags},
};

/// The audit log: look, search, verify, export
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
}

pub fn run(arguments: AuditArguments, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    match arguments.command {
        AuditCommand::Tail(arguments) => tail::run(&arguments, &config),
        AuditCommand::Search(arguments) => search::run(&arguments, &config),
        AuditCommand::Verify(arguments) => verify::run(&arguments, &config),
        AuditCommand::Export(arguments) => export::run(&arguments, &config),
    }
}

/// The log's files, if there are any.
fn files(config: &Config) -> Result<AuditFiles, CliError> {
    let file = config.audit_file();
    let files = AuditFiles::of(&file);
    match files.parts() {
        Ok(parts) if !parts.is_empty() => Ok(files),
        Ok(_) => Err(none(&file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(none(&file)),
        Err(error) => Err(unreadable(&file, &error)),
    }
}

fn none(file: &Path) -> CliError {
    CliError::Refused(format!(
        "there is no audit log at {}; --data or [audit] file says where it is",
        file.display()
    ))
}

fn unreadable(file: &Path, error: &io::Error) -> CliError {
    CliError::Refused(format!(
        "the audit log {} cannot be read: {error}",
        file.display()
    ))
}

/// Why a log was not read to its end: it cannot be, or its reader's output cannot be written. [`output`] tells which.
fn broken_off(config: &Config, error: io::Error) -> CliError {
    match error.downcast::<CliError>() {
        Ok(error) => error,
        Err(error) => unreadable(&config.audit_file(), &error),
    }
}

/// An error of the output, on its way through the reading of a log.
fn output(error: CliError) -> io::Error {
    io::Error::other(error)
}

/// Tells of lines that are no records, once the others are printed.
fn tell_damaged(damaged: u64) {
    if damaged > 0 {
        let lines = if damaged == 1 { "line is" } else { "lines are" };
        super::say(&format!(
            "{damaged} {lines} no record and not shown; `lpse-kiosk audit verify` names the first"
        ));
    }
}
