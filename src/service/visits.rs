//! The number of visits in the footer. Not security-relevant: a visit lost to a full disk is not worth a word.

use std::sync::Arc;

use super::{Foundation, ServiceError};

/// The service that counts visits.
#[derive(Debug, Clone)]
pub struct Visits {
    foundation: Arc<Foundation>,
}

impl Visits {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Counts one visit; returns all so far.
    pub async fn count(&self) -> Result<u64, ServiceError> {
        self.foundation
            .visits()
            .count(&self.foundation.node)
            .await?;
        self.total().await
    }

    /// All visits so far, of all nodes.
    pub async fn total(&self) -> Result<u64, ServiceError> {
        Ok(self.foundation.visits().total().await?)
    }
}
