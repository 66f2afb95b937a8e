//! Errors of commands, in words for the operator, and the exit status that scripts see.

use std::io;

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
    /// Standard output has said everything already, to somebody who sees it.
    #[error("see above")]
    Told,
    /// The audit log is whole, and of another store than there is.
    #[error("{0}")]
    OtherStore(String),
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
    /// The statuses that the manual tells.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) => 2,
            Self::Assembly(error) => error.exit_status(),
            Self::Host(error) => error.exit_status(),
            Self::Attach(error) => error.exit_status(),
            Self::Service(_) | Self::Accounts(AccountsError::Service(_)) => 75,
            Self::Interrupted => 130,
            Self::OtherStore(_) => 4,
            Self::Accounts(_) | Self::Refused(_) | Self::Told | Self::Output(_) => 1,
        }
    }
}
