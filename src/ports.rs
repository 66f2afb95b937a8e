//! What services need of the world besides storage. The real ends are in `adapter`; tests bring their own.

use std::{fmt, time::Duration};

use jiff::Timestamp;

use crate::domain::audit::AuditEvent;

/// The two clocks: what time it is, and how long something took.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The system's wall clock, the only source of TOTP time.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, which no setting of the wall clock moves.
    fn monotonic(&self) -> Duration;
}

/// The operating system's generator of random bytes.
pub trait Random: Send + Sync + fmt::Debug + 'static {
    /// Fills `bytes`; does not return before they are random.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where every attempt and every act is recorded.
pub trait Audit: Send + Sync + fmt::Debug + 'static {
    fn record(&self, event: AuditEvent);
}
