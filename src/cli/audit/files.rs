//! The audit log's files for the commands that read them, and what is told where they cannot be read.

use std::{io, path::Path};

use crate::{
    adapter::audit_log::AuditFiles,
    cli::{error::CliError, standard_error::say},
};

/// The files of the log at `file`, if there are any.
pub fn files(file: &Path) -> Result<AuditFiles, CliError> {
    let files = AuditFiles::of(file);
    match files.parts() {
        Ok(parts) if !parts.is_empty() => Ok(files),
        Ok(_) => Err(none(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(none(file)),
        Err(error) => Err(unreadable(file, &error)),
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

/// Why the log at `file` was not read to its end: it cannot be, or its reader's output cannot be written. [`output`]
/// tells which.
pub fn broken_off(file: &Path, error: io::Error) -> CliError {
    match error.downcast::<CliError>() {
        Ok(error) => error,
        Err(error) => unreadable(file, &error),
    }
}

/// An error of the output, on its way through the reading of a log.
pub fn output(error: CliError) -> io::Error {
    io::Error::other(error)
}

/// Tells of lines that are no records, once the others are printed.
pub fn tell_damaged(damaged: u64) {
    if damaged > 0 {
        let lines = if damaged == 1 { "line is" } else { "lines are" };
        say(&format!(
            "{damaged} {lines} no record and not shown; `lpse-kiosk audit verify` names the first"
        ));
    }
}
