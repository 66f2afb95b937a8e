//! The audit log as a local, append-only file of JSON lines.

use std::{
    fs::{File, OpenOptions},
    future::ready,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::json;

use crate::{
    domain::audit::{AuditEvent, AuditOutcome},
    ports::{Audit, AuditError, Clock, Recorded},
};

/// An audit log that appends each event as one line, `{"at":"2020-08-13T01:53:07Z","act":"login",...}`.
///
/// A line is handed to the system before the caller goes on, in one write, so lines of several processes do not mix.
#[derive(Debug)]
pub struct AuditFile {
    file: Mutex<File>,
    clock: Arc<dyn Clock>,
}

impl AuditFile {
    /// Opens or creates the file, readable by its owner only.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file: Mutex::new(file),
            clock,
        })
    }
}

impl Audit for AuditFile {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        let recorded = self.append(&events);
        Box::pin(ready(recorded.map_err(|error| {
            tracing::error!(%error, "the audit log cannot be written");
            AuditError(error.to_string())
        })))
    }
}

impl AuditFile {
    fn append(&self, events: &[AuditEvent]) -> io::Result<()> {
        let lines: String = events.iter().map(|event| self.line(event)).collect();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    }

    fn line(&self, event: &AuditEvent) -> String {
        let (outcome, reason) = match &event.outcome {
            AuditOutcome::Done => ("done", None),
            AuditOutcome::Intended => ("intended", None),
            AuditOutcome::Refused(reason) => ("refused", Some(reason.to_string())),
            AuditOutcome::Failed(reason) => ("failed", Some(reason.clone())),
        };
        let mut line = json!({
            "at": self.clock.now().to_string(),
            "act": event.act.as_str(),
            "outcome": outcome,
            "from": event.from.throttle_key(),
        });
        if let Some(account) = &event.account {
            line["account"] = account.to_string().into();
        }
        if let Some(reason) = reason {
            line["reason"] = reason.into();
        }
        if let Some(by) = &event.by {
            line["by"] = by.to_string().into();
        }
        if let Some(detail) = &event.detail {
            line["detail"] = detail.as_str().into();
        }
        format!("{line}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapter::clock::SystemClock,
        domain::{AccountKey, Source, UserId, UserType, audit::Act},
    };

    #[test]
    fn an_event_is_one_line_of_json_with_its_true_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let audit = AuditFile::open(&path, Arc::new(SystemClock::start())).unwrap();
        let ppk30 = AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap());
        let outcome = AuditOutcome::Refused("wrong-password".into());
        let from = Source::Console("tty1\n\u{1b}[2J".into());
        let event = AuditEvent::new(Act::CheckPassword, outcome, &from).on(&ppk30);
        drop(audit.record(vec![event]));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["account"], "non-penyedia/PPK30");
        assert_eq!(line["reason"], "wrong-password");
    }
}
