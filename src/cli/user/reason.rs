//! Why an account is changed, as a command says it to the audit log.

use clap::Args;

use crate::{
    domain::{Source, officer::Statement},
    service::accounts::ByCommand,
};

/// What to write where a command that must say why does not.
pub const WANTED: &str =
    "say why, for the audit log, in 5 to 200 characters: --reason \"Ponsel hilang, KTP diperiksa\"";

/// The reason for a change.
#[derive(Debug, Args)]
pub struct Reason {
    /// Why, and by what whoever asked was known: 5 to 200 characters for the audit log, as at the officer's desk
    #[arg(long, value_name = "TEXT", value_parser = Statement::parse)]
    reason: Statement,
}

/// The reason for what changes no account that there is.
#[derive(Debug, Args)]
pub struct AnyReason {
    /// Why, if there is more to say than the command does: 5 to 200 characters for the audit log
    #[arg(long, value_name = "TEXT", value_parser = Statement::parse)]
    reason: Option<Statement>,
}

impl Reason {
    /// What is asked for from `from`, for this reason.
    pub fn from<'a>(&'a self, from: &'a Source) -> ByCommand<'a> {
        let reason = Some(&self.reason);
        ByCommand { from, reason }
    }
}

impl AnyReason {
    /// What is asked for from `from`, for this reason if there is one.
    pub fn from<'a>(&'a self, from: &'a Source) -> ByCommand<'a> {
        let reason = self.reason.as_ref();
        ByCommand { from, reason }
    }
}
