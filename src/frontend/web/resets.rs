//! What the page asks of the house: whose link this is, and the reset itself. A seam, so that the page's tests can have
//! a service that stalls, panics or is full.

use std::fmt;

use async_trait::async_trait;

use crate::{
    domain::{Source, reset::ResetSecret},
    service::{
        ServiceError,
        reset::{Confirmed, Found, Reset},
    },
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

#[async_trait]
impl Resets for Reset {
    async fn find(&self, secret: &ResetSecret, from: &Source) -> Result<Found, ServiceError> {
        Self::find(self, secret, from).await
    }

    async fn confirm(
        &self,
        secret: &ResetSecret,
        from: &Source,
    ) -> Result<Confirmed, ServiceError> {
        Self::confirm(self, secret, from).await
    }
}
