//! Errors of commands, in words for the operator, and the exit status that scripts see.

use std::io;

use super::exit_status::ExitStatus;
use crate::{
    assembly::AssemblyError,
    config::ConfigError,
    daemon::HostError,
    frontend::attach::terminal::AttachError,
    service::{ServiceError, accounts::AccountsError},
};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Attach(#[from] AttachError),
    #[error("{0}{hint}", hint = hint(.0))]
    Accounts(#[from] AccountsError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Refused(String),
    /// What the command is about is not there.
    #[error("{0}")]
    NotThere(String),
    /// What was to be added is there already.
    #[error("{0}")]
    ThereAlready(String),
    /// Standard output has said everything already, to somebody who sees it.
    #[error("see above")]
    Told,
    /// The audit log is whole, and of another store than there is.
    #[error("{0}")]
    OtherStore(String),
    /// The audit log is whole, and what is known of it from outside is of records that are not kept here.
    #[error("{0}")]
    NotCompared(String),
    #[error("interrupted; nothing was changed")]
    Interrupted,
    #[error("output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// What to do about it.
fn hint(error: &AccountsError) -> &'static str {
    match error {
        AccountsError::Exists(_) => "; `user set-password` gives it a new password",
        AccountsError::Unknown(_) => "; `user list` shows which there are",
        AccountsError::Held(_) => "; see `user reset-totp`",
        AccountsError::NothingToDo(_) | AccountsError::Service(_) => "",
    }
}

impl CliError {
    /// Its number in the table of [`ExitStatus`], of which the rooms below know some by themselves.
    pub fn exit_status(&self) -> u8 {
        let status = match self {
            Self::Assembly(error) => return error.exit_status(),
            Self::Host(error) => return error.exit_status(),
            Self::Attach(error) => return error.exit_status(),
            Self::Config(_) | Self::Usage(_) => ExitStatus::Usage,
            Self::Service(_) | Self::Accounts(AccountsError::Service(_)) => ExitStatus::NotNow,
            Self::Interrupted => ExitStatus::Interrupted,
            Self::OtherStore(_) => ExitStatus::OtherStore,
            Self::NotCompared(_) => ExitStatus::NotCompared,
            Self::NotThere(_) | Self::Accounts(AccountsError::Unknown(_)) => ExitStatus::NotThere,
            Self::ThereAlready(_) | Self::Accounts(AccountsError::Exists(_)) => {
                ExitStatus::ThereAlready
            }
            Self::Accounts(AccountsError::NothingToDo(_) | AccountsError::Held(_))
            | Self::Refused(_)
            | Self::Told
            | Self::Output(_) => ExitStatus::Failed,
        };
        status.number()
    }
}
