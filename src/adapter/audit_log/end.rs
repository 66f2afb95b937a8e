//! How a log ends, looked at before it is gone on with: its last record, what is wrong with its end, and whether it still
//! knows the record that it is known to have come to.

use std::{fs::File, io};

use super::{
    files::Files,
    line,
    lines::{Backwards, Line},
};
use crate::domain::{
    Source,
    audit::{Act, AuditEvent, AuditHead, AuditOutcome},
    source::OwnPlace,
};

/// The end of a log.
#[derive(Debug, Default)]
pub struct End {
    /// The last record that stands as it was written.
    pub last: Option<AuditHead>,
    /// Lines after it, whole ones, that are no records.
    pub is_damaged: bool,
    /// What stands in the file that is written after its last end of line.
    pub fragment: Option<Fragment>,
    /// Whether the log has a record of the known head's number, and whether it is that one.
    pub knows_head: Option<bool>,
}

/// A line without an end.
#[derive(Debug)]
pub struct Fragment {
    pub offset: u64,
    pub length: u64,
    /// It is a record, and only its end of line is missing.
    pub is_record: bool,
    pub beginning: String,
}

/// Characters of a fragment that are told.
const TOLD: usize = 400;

impl Fragment {
    fn of(line: &Line, file_length: u64) -> Self {
        let text = String::from_utf8_lossy(&line.bytes);
        Self {
            offset: line.offset,
            length: file_length - line.offset,
            is_record: line::check(&line.bytes).is_some(),
            beginning: text.chars().take(TOLD).collect(),
        }
    }
}

impl End {
    /// The record to go on after, where the log is known to have come to `known`; and what has to be stated of the end
    /// first, the worst first.
    ///
    /// Where records are missing the log goes on after the known one, so that what is missing cannot be put in another
    /// time, and its numbers show the hole for ever.
    pub fn judge(&self, known: Option<AuditHead>) -> (AuditHead, Vec<AuditEvent>) {
        let last = self.last.unwrap_or(AuditHead::START);
        let known = known.unwrap_or(last);
        let failed = |found: String| own(AuditOutcome::Failed(found));
        let mut statements = Vec::new();
        if last.seq < known.seq {
            let missing = records(last.seq + 1, known.seq);
            statements.push(failed(format!(
                "the log ended with record {}, without {missing}",
                last.seq
            )));
        } else if self.knows_head == Some(false) {
            statements.push(failed(format!(
                "record {} is not the one that was recorded",
                known.seq
            )));
        }
        if self.is_damaged {
            statements.push(failed(format!(
                "what stands after record {} is no record of this log",
                last.seq
            )));
        }
        if let Some(fragment) = self.fragment.as_ref().filter(|found| !found.is_record) {
            statements.push(own(AuditOutcome::Done).saying(format!(
                "an unfinished line of {} bytes was cut off from the end: {}",
                fragment.length, fragment.beginning
            )));
        }
        match last.seq < known.seq {
            true => (known, statements),
            false => (last, statements),
        }
    }
}

/// `record 5`, `records 5 to 7`.
pub fn records(from: u64, to: u64) -> String {
    match from == to {
        true => format!("record {from}"),
        false => format!("records {from} to {to}"),
    }
}

/// What a log says about itself.
pub fn own(outcome: AuditOutcome) -> AuditEvent {
    let from = Source::own(OwnPlace::AuditLog);
    AuditEvent::new(Act::ResumeAudit, outcome, &from)
}

/// Looks at the end of the log, which is known to have come to `head`. No more is read than from there to the end.
pub fn inspect(files: &Files, head: Option<AuditHead>) -> io::Result<End> {
    let mut end = End::default();
    for mut part in files.parts()?.into_iter().rev() {
        let is_current = part.first.is_none();
        let file = part.open()?;
        let mut length = file.metadata()?.len();
        if is_current {
            end.fragment = fragment(file, length)?;
            if let Some(fragment) = &end.fragment
                && !fragment.is_record
            {
                length = fragment.offset;
            }
        }
        let mut lines = Backwards::new(file, length);
        while let Some(found) = lines.next()? {
            let Some(link) = line::check(&found.bytes) else {
                end.is_damaged |= end.last.is_none();
                continue;
            };
            if end.last.is_none() {
                end.last = Some(link.head);
            }
            match head {
                Some(head) if link.head.seq > head.seq => {}
                Some(head) if link.head.seq == head.seq => {
                    end.knows_head = Some(link.head == head);
                    return Ok(end);
                }
                _ => return Ok(end),
            }
        }
    }
    Ok(end)
}

/// What stands after the last end of line.
fn fragment(file: &File, length: u64) -> io::Result<Option<Fragment>> {
    let mut lines = Backwards::new(file, length);
    let mut found: Option<Line> = None;
    // What is longer than a line comes in pieces.
    while let Some(piece) = lines.next()? {
        if piece.is_ended {
            break;
        }
        found = Some(piece);
    }
    Ok(found.map(|line| Fragment::of(&line, length)))
}
