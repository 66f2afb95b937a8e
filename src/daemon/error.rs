//! Reasons for which the program does not run, or no longer, each with its exit status.

use std::io;

use super::{background::ListenError, log::LogError};
use crate::{
    assembly::AssemblyError,
    frontend::{ssh::SshError, terminal::console::ConsoleError},
    service::ServiceError,
    store::away::Away,
};

/// Why the program does not run, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Console(#[from] ConsoleError),
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Ssh(#[from] SshError),
    #[error("the sample accounts cannot be added: {0}")]
    Samples(#[from] ServiceError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{0}")]
    System(io::Error),
    #[error("a write to the store did not end; the program has to be started again")]
    Stuck,
    /// [`Away::Changed`]: no commit is accepted until it is opened anew.
    #[error("{0}")]
    Changed(Away),
    #[error("the screens failed again and again; the log says where")]
    Panicking,
}

impl HostError {
    /// The exit status that tells scripts and supervisors what kind of failure it was.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Assembly(error) => error.exit_status(),
            Self::Stuck | Self::Changed(_) => 75,
            Self::Panicking => 70,
            Self::Console(_)
            | Self::Listen(_)
            | Self::Ssh(_)
            | Self::Samples(_)
            | Self::Log(_)
            | Self::System(_) => 1,
        }
    }
}
