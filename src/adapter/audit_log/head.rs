//! The log's head in the store, so that a log that was cut off, or an older one put in its place, is found out.
//!
//! It is written after the answer, one write at a time: however many records come meanwhile, the next write is of the
//! newest. Between a record and this write lie a few milliseconds in which a kill leaves the head behind; when the log
//! is taken up again the head catches up. Without new records nothing is done.

use super::Written;
use crate::store::audit_heads::AuditHeads;

/// Keeps the head of `node`'s log, until the log has ended and the last head is written.
pub async fn keep(heads: AuditHeads, node: String, mut written: Written) {
    let mut is_told = false;
    while written.changed().await.is_ok() {
        let head = *written.borrow_and_update();
        let advanced = heads.advance(&node, head).await;
        if let (Err(error), false) = (&advanced, is_told) {
            tracing::warn!(
                %error,
                "the store does not take the audit log's head; a cut end would not be noticed until it does"
            );
        }
        is_told = advanced.is_err();
    }
}
