//! Refusals, as far as the person may know the reason, and why a service gave no answer at all.

use std::time::Duration;

use super::hashing::Busy;
use crate::{
    ports::AuditError,
    store::{StoreError, away::Away},
};

/// Why a service gave no answer. Nothing was granted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceError {
    /// The hashing queue is full.
    #[error("the program is too busy to check another password now; try again in a moment")]
    Busy,
    /// The store or the vault cannot answer; the reason is for operators.
    #[error("{0}")]
    Unavailable(String),
    /// The store has moved, or is being copied or restored; the reason is for operators.
    #[error("{0}")]
    Away(Away),
    /// The store went away in the middle of a write: what was asked for may have been done all the same.
    #[error("{0}")]
    Unknown(String),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(away) => Self::Away(away),
            StoreError::Unknown(_) => Self::Unknown(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<AuditError> for ServiceError {
    fn from(error: AuditError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Busy> for ServiceError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// Why an act was not done, as far as the person may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong (whatever was wrong about it), with the time until the next try is judged.
    Rejected { wait: Duration },
    /// Wrong, or not looked at, because many wrong ones came from the same place. Which of them, nobody is told: a right one
    /// is to be tried once more after the wait.
    Crowded { wait: Duration },
    /// Not judged, because it came too early.
    Wait(Duration),
    /// The authenticator is held until it is reset.
    Held,
    /// The login that asked is no longer valid.
    Ended,
    /// An officer has suspended the account.
    Suspended,
    /// The act wants a code that is not older than five minutes.
    FreshPasscodeWanted,
}
