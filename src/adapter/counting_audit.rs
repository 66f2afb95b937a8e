//! An audit log in front of another one, which counts what passes: the figures of logins, codes, resets and letters come
//! from here, so that no service has to count anything.
//!
//! The true reasons are not counted: whoever reads the figures could tell a wrong password from an unknown ID by them.

use std::{
    array,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
    },
    ports::{Audit, Recorded},
};

/// How acts end, by the words of the audit log.
pub const OUTCOMES: [&str; 4] = ["done", "refused", "failed", "intended"];

/// Where acts come from: `console`, a terminal of this machine; `network`, an SSH peer or a browser.
pub const ORIGINS: [&str; 2] = ["console", "network"];

/// Counts of audit events by act, outcome and origin.
#[derive(Debug)]
pub struct AuditCounts([[[AtomicU64; ORIGINS.len()]; OUTCOMES.len()]; Act::ALL.len()]);

impl Default for AuditCounts {
    fn default() -> Self {
        Self(array::from_fn(|_| {
            array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0)))
        }))
    }
}

impl AuditCounts {
    /// Counts one event.
    pub fn count(&self, event: &AuditEvent) {
        let outcome = match event.outcome {
            AuditOutcome::Done => 0,
            AuditOutcome::Refused(_) => 1,
            AuditOutcome::Failed(_) => 2,
            AuditOutcome::Intended => 3,
        };
        let origin = match event.from {
            Source::Console(_) | Source::Command(_) => 0,
            Source::Peer(_) => 1,
        };
        self.0[event.act as usize][outcome][origin].fetch_add(1, Relaxed);
    }

    /// Every count, as (act, outcome, origin, count).
    pub fn iter(&self) -> impl Iterator<Item = (Act, &'static str, &'static str, u64)> {
        let by_act = Act::ALL.iter().zip(&self.0);
        by_act.flat_map(|(act, by_outcome)| {
            let by_outcome = OUTCOMES.into_iter().zip(by_outcome);
            by_outcome.flat_map(move |(outcome, by_origin)| {
                let by_origin = ORIGINS.into_iter().zip(by_origin);
                by_origin.map(move |(origin, count)| (*act, outcome, origin, count.load(Relaxed)))
            })
        })
    }
}

/// Counts every event, then passes it on.
#[derive(Debug)]
pub struct CountingAudit {
    next: Arc<dyn Audit>,
    counts: Arc<AuditCounts>,
}

impl CountingAudit {
    pub fn new(next: Arc<dyn Audit>) -> Self {
        Self {
            next,
            counts: Arc::default(),
        }
    }

    /// The counts, which go on without this.
    pub fn counts(&self) -> Arc<AuditCounts> {
        self.counts.clone()
    }
}

impl Audit for CountingAudit {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        for event in &events {
            self.counts.count(event);
        }
        self.next.record(events)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<AuditEvent>>);

    impl Audit for Kept {
        fn record(&self, events: Vec<AuditEvent>) -> Recorded {
            self.0.lock().unwrap().extend(events);
            Box::pin(std::future::ready(Ok(())))
        }
    }

    #[test]
    fn every_event_is_counted_once_under_its_own_act_and_passed_on() {
        let kept = Arc::new(Kept::default());
        let audit = CountingAudit::new(kept.clone());
        for act in Act::ALL {
            let refused = AuditOutcome::Refused("wrong-password".into());
            let at = Source::Console("loket-1".into());
            drop(audit.record(vec![AuditEvent::new(act, refused, &at)]));
        }
        let from = Source::Peer([203, 0, 113, 5].into());
        let login = AuditEvent::new(Act::Login, AuditOutcome::Done, &from);
        drop(audit.record(vec![login]));
        assert_eq!(kept.0.lock().unwrap().len(), Act::ALL.len() + 1);
        for (act, outcome, origin, count) in audit.counts().iter() {
            let login = (act, outcome, origin) == (Act::Login, "done", "network");
            let refused = (outcome, origin) == ("refused", "console");
            assert_eq!(
                count,
                u64::from(login || refused),
                "{act:?} {outcome} {origin}"
            );
        }
    }
}
