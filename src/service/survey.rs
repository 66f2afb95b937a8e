//! What monitoring asks of the store: a few numbers that are kept, so that a look costs the same however many accounts
//! there are.

use std::sync::Arc;

use jiff::Timestamp;

use super::Foundation;
use crate::{domain::totp_counts::TotpCounts, store::StoreError};

/// The service that knows the numbers.
#[derive(Debug, Clone)]
pub struct Survey {
    foundation: Arc<Foundation>,
}

impl Survey {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Accounts by the stage of their TOTP; `None` while they are not all counted.
    pub async fn accounts(&self) -> Result<Option<TotpCounts>, StoreError> {
        self.foundation.totp_numbers().total().await
    }

    /// Counts the accounts of a store from before they were counted as they changed. Of another one it reads one record.
    pub async fn count_accounts(&self) -> Result<(), StoreError> {
        let node = &self.foundation.node;
        self.foundation.totp_numbers().count_on(node).await
    }

    /// As of when the last backup was made; `None`: there was none.
    pub async fn last_backup(&self) -> Result<Option<Timestamp>, StoreError> {
        self.foundation.settings().last_backup().await
    }
}
