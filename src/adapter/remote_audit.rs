//! The audit log of the process that holds the store, for a command that works beside it: one process writes the file.

use crate::{
    domain::audit::AuditEvent,
    ports::{Audit, Recorded},
    store::remote::Line,
};

/// An audit log at the other end of a line.
#[derive(Debug)]
pub struct RemoteAudit(pub Line);

impl Audit for RemoteAudit {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        self.0.record(events)
    }
}
