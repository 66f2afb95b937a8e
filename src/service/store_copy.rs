//! Copying a whole store into another one: recorded where it is copied from, and where it is copied to.

use std::sync::Arc;

use super::ServiceError;
use crate::{
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
    },
    ports::{Audit, AuditError, Clock},
    store::{
        Store, StoreError,
        copy::{self, Copied, CopyError, Names},
    },
};

/// Two stores, the second of which is to hold what the first does.
#[derive(Debug)]
pub struct Copying {
    pub from: Arc<dyn Store>,
    pub to: Arc<dyn Store>,
    pub names: Names,
    /// The logs of both sides, which may be one.
    pub audits: Vec<Arc<dyn Audit>>,
    pub clock: Arc<dyn Clock>,
}

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum StoreCopyError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Copy(CopyError),
}

impl From<CopyError> for StoreCopyError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Store(error) => Self::Service(error.into()),
            error => Self::Copy(error),
        }
    }
}

impl From<StoreError> for StoreCopyError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl From<AuditError> for StoreCopyError {
    fn from(error: AuditError) -> Self {
        Self::Service(error.into())
    }
}

impl Copying {
    /// Copies everything and compares it. `what` is how the logs call it; `progress` hears of records.
    pub async fn copy(
        &self,
        what: &str,
        from: &Source,
        progress: impl FnMut(u64),
    ) -> Result<Copied, StoreCopyError> {
        self.record(AuditOutcome::Intended, what, from).await?;
        let now = self.clock.now();
        let copied = copy::copy(&*self.from, &self.to, &self.names, now, progress).await;
        let outcome = match &copied {
            Ok(_) => AuditOutcome::Done,
            Err(error) => AuditOutcome::Failed(error.to_string()),
        };
        self.record(outcome, what, from).await?;
        Ok(copied?)
    }

    async fn record(
        &self,
        outcome: AuditOutcome,
        what: &str,
        from: &Source,
    ) -> Result<(), AuditError> {
        for audit in &self.audits {
            let event = AuditEvent::new(Act::CopyStore, outcome.clone(), from).saying(what);
            audit.record(vec![event]).await?;
        }
        Ok(())
    }
}
