//! Why a service gave no answer at all.

use super::hashing::Busy;
use crate::{
    domain::Refusal,
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

impl ServiceError {
    /// What somebody who asked is told. The reason is for operators.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Busy => Refusal::Busy,
            Self::Unavailable(_) => Refusal::Unavailable,
            Self::Away(_) => Refusal::Away,
            Self::Unknown(_) => Refusal::Unknown,
        }
    }
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
