//! What the page asks of the house: whose link this is, and the reset itself.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use crate::{
    domain::{Source, UserType, reset::ResetSecret},
    service::ServiceError,
};

/// The resets of accounts, as far as the page needs them.
#[async_trait]
pub trait Resets: Send + Sync + fmt::Debug + 'static {
    /// What `secret` stands for. Changes nothing, however often it is asked.
    async fn find(&self, secret: &ResetSecret, from: &Source) -> Result<Found, ServiceError>;

    /// Resets the account that `secret` stands for, once.
    async fn confirm(&self, secret: &ResetSecret, from: &Source)
    -> Result<Confirmed, ServiceError>;
}

/// What a secret stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Valid {
        user_type: UserType,
        masked_id: String,
    },
    Void(Void),
    /// Too many wrong tries; not judged before this has passed.
    Wait(Duration),
}

/// What came of a confirmed reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    Done,
    Void(Void),
    /// Too many wrong tries; not judged before this has passed.
    Wait(Duration),
}

/// Why a secret is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Void {
    /// Mistyped, replaced by a newer letter's, or with a parameter that disagrees: nobody learns which.
    Unknown,
    Used,
    Expired,
}
