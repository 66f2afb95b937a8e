//! What services need of the world besides storage. The real ends are in `adapter`; tests bring their own.

use std::{fmt, pin::Pin, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::audit::{AuditEvent, AuditRecord};

/// The two clocks: what time it is, and how long something took.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The system's wall clock, the only source of TOTP time.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, which no setting of the wall clock moves.
    fn monotonic(&self) -> Duration;

    /// Whether something keeps the wall clock in time; `None` where the system does not say. It is told to those who
    /// can do something about it, and stops no login (security.md section 4). The system may take its time to say it: no
    /// thread that others wait for asks.
    fn is_synchronised(&self) -> Option<bool> {
        None
    }

    /// A time that is certainly past, such as when the program was built: a wall clock that shows less is wrong.
    fn built(&self) -> Timestamp {
        Timestamp::MIN
    }
}

/// The operating system's generator of random bytes.
pub trait Random: Send + Sync + fmt::Debug + 'static {
    /// Fills `bytes`; does not return before they are random.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where every attempt and every act is recorded.
pub trait Audit: Send + Sync + fmt::Debug + 'static {
    /// Takes `events` in, in this order and within the call. When the answer comes and is good, they are durable;
    /// nothing is answered to anybody before (security.md section 3). Whoever drops the answer has them recorded all the
    /// same, and is not told if that fails.
    fn record(&self, events: Vec<AuditEvent>) -> Recorded;
}

/// The answer of an audit log: all of it is durable, or nothing may be granted.
pub type Recorded = Pin<Box<dyn Future<Output = Result<(), AuditError>> + Send>>;

/// Why the audit log does not do its part. The words are for operators.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    /// It takes no records: whatever would have been recorded must not be granted.
    #[error("the audit log cannot be written: {0}")]
    Unwritable(String),
    #[error("the audit log cannot be read: {0}")]
    Unreadable(String),
}

/// The audit log, read back.
#[async_trait]
pub trait AuditTrail: Send + Sync + fmt::Debug + 'static {
    /// Up to `limit` records, the newest first: those before number `before`, or the last there are.
    async fn newest(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, AuditError>;

    /// The latest time of what was recorded lately; `None` where nothing was. After a clock was set back it is not that of
    /// the last record.
    async fn latest(&self) -> Result<Option<Timestamp>, AuditError> {
        const LATELY: usize = 100;
        let records = self.newest(None, LATELY).await?;
        Ok(records.iter().map(|record| record.at).max())
    }
}
