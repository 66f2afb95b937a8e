//! Whether an audit log is what was recorded: every byte of every line, every record in its place, and no end cut off.
//!
//! It reads the files once, in bounded memory, and stops at the first thing that is wrong; only to tell a record that
//! stands elsewhere from one that is missing does it look further. A log that its program found damaged says so itself;
//! that is reported for ever, until whoever reads it says from which record on they want to look.

use std::io;

pub use super::fault::{Fault, FaultKind, Place};
use super::{
    files::{Files, Part},
    line::{self, Link},
    lines::Forwards,
};
use crate::domain::audit::{Act, AuditHead, OutcomeWord, RecordHash};

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The first record that has to be there; the log's own first unless older files are kept elsewhere.
    pub from: Option<u64>,
    /// How far the log is known to have come.
    pub head: Option<AuditHead>,
    /// What else is known of it, from outside the store: records that it must have, by their numbers in order.
    pub witnesses: &'a [AuditHead],
    /// It is being written, so its last line may be on its way.
    pub is_live: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// Records in order, from the first that was looked for up to the first fault.
    pub records: u64,
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub files: usize,
    pub fault: Option<Fault>,
    /// What is no fault, and worth knowing.
    pub remarks: Vec<String>,
    /// The newest record that says that the store was begun anew, so that the records before it are of one that is gone.
    pub begun_anew: Option<u64>,
}

/// Looks through the log.
pub fn verify(files: &Files, question: Question<'_>) -> io::Result<Report> {
    let mut walk = Walk {
        question,
        files,
        report: Report {
            records: 0,
            first: None,
            last: None,
            files: 0,
            fault: None,
            remarks: Vec::new(),
            begun_anew: None,
        },
        before: None,
    };
    walk.through()?;
    if walk.report.fault.is_none() {
        walk.report.fault = walk.missing_end();
    }
    Ok(walk.report)
}

struct Walk<'a> {
    question: Question<'a>,
    files: &'a Files,
    report: Report,
    /// The record before.
    before: Option<AuditHead>,
}

impl Walk<'_> {
    fn through(&mut self) -> io::Result<()> {
        let mut parts = self.files.parts()?;
        let from = self.question.from.unwrap_or(1);
        // Files that end before what is looked for are not opened.
        let begins = |part: &Part| part.first.is_some_and(|first| first <= from);
        let skipped = parts.iter().rposition(begins).unwrap_or(0);
        for part in &mut parts[skipped..] {
            self.report.files += 1;
            let path = part.path.clone();
            let is_current = part.first.is_none();
            let mut lines = Forwards::new(part.open()?, 0);
            let mut number = 0;
            while let Some(found) = lines.next()? {
                number += 1;
                let place = || Place {
                    file: path.clone(),
                    line: number,
                };
                let link = line::check(&found.bytes);
                if is_current && !found.is_ended {
                    if link.is_none() && !line::may_begin_with(&found.bytes) {
                        self.report.fault = Some(Fault {
                            kind: FaultKind::ForeignEnd,
                            seq: self.expected(),
                            place: Some(place()),
                        });
                        return Ok(());
                    }
                    match link {
                        _ if self.question.is_live => return Ok(()),
                        Some(_) => {}
                        None => {
                            self.report.remarks.push(format!(
                                "{} is unfinished, so it was never acknowledged; it is cut off when the program starts",
                                place()
                            ));
                            return Ok(());
                        }
                    }
                }
                if let Some(fault) = self.judge(link, &found.bytes, place)? {
                    self.report.fault = Some(fault);
                    return Ok(());
                }
            }
            part.close();
        }
        Ok(())
    }

    /// The record that has to come next.
    fn expected(&self) -> u64 {
        match self.before {
            Some(before) => before.seq + 1,
            None => self.question.from.unwrap_or(1),
        }
    }

    /// What is wrong with a line, if anything is.
    fn judge(
        &mut self,
        link: Option<Link>,
        bytes: &[u8],
        place: impl Fn() -> Place,
    ) -> io::Result<Option<Fault>> {
        let expected = self.expected();
        let is_first = self.before.is_none();
        let fault = |kind, seq| {
            Ok(Some(Fault {
                kind,
                seq,
                place: Some(place()),
            }))
        };
        // What stands before the first that is looked for is passed over, whatever it is.
        if is_first && self.question.from.is_some() {
            let seq = link.map(|link| link.head.seq);
            let seq = seq.or_else(|| line::read(bytes).map(|record| record.seq));
            if seq.is_some_and(|seq| seq < expected) {
                return Ok(None);
            }
        }
        let Some(Link { head, prev }) = link else {
            return fault(FaultKind::Changed, expected);
        };
        let statement = statement(bytes);
        if head.seq < expected {
            return fault(FaultKind::Doubled, head.seq);
        }
        if head.seq > expected {
            if let Some(found) = self.find(expected)? {
                let instead = head.seq;
                return fault(FaultKind::Displaced { instead, found }, expected);
            }
            return match is_first && self.question.from.is_none() {
                true => {
                    let begins_with = head.seq;
                    fault(FaultKind::NoBeginning { begins_with }, expected)
                }
                false => {
                    let (to, stated) = (head.seq - 1, statement);
                    fault(FaultKind::Missing { to, stated }, expected)
                }
            };
        }
        let follows = match self.before {
            Some(before) => prev == before.hash,
            None => self.question.from.is_some() || prev == RecordHash::BEFORE_THE_FIRST,
        };
        if !follows {
            return fault(FaultKind::Unlinked, head.seq);
        }
        if self
            .question
            .head
            .is_some_and(|known| known.seq == head.seq && known != head)
        {
            return fault(FaultKind::Rewritten, head.seq);
        }
        if let Some((kind, seq)) = self.contradiction(head, prev) {
            return fault(kind, seq);
        }
        // Whoever names this record as the first knows what it says.
        let is_known = is_first && self.question.from.is_some();
        if let Some(said) = statement.filter(|_| !is_known) {
            return fault(FaultKind::Stated(said), head.seq);
        }
        self.accept(head, bytes);
        Ok(None)
    }

    /// What a witness has against the record `head`, which follows the one that closes with `prev`.
    fn contradiction(&self, head: AuditHead, prev: RecordHash) -> Option<(FaultKind, u64)> {
        let known = self.question.witnesses;
        let from = known.partition_point(|witness| witness.seq + 1 < head.seq);
        let near = known[from..].iter();
        near.take_while(|witness| witness.seq <= head.seq)
            .find_map(|witness| {
                // Where older files are kept elsewhere, the first record left still tells what the one before it was.
                let found = if witness.seq == head.seq {
                    head.hash
                } else {
                    prev
                };
                (witness.hash != found).then_some((FaultKind::Contradicted { found }, witness.seq))
            })
    }

    /// Takes the record `head` as one that follows, and notes what it says of the log itself.
    fn accept(&mut self, head: AuditHead, bytes: &[u8]) {
        let is_first = self.before.replace(head).is_none();
        self.report.records += 1;
        self.report.first = self.report.first.or(Some(head.seq));
        self.report.last = Some(head.seq);
        let Some(record) = line::read(bytes) else {
            return;
        };
        if record.act == Act::BeginStore.as_str()
            && record.outcome == OutcomeWord::Done
            && !is_first
        {
            self.report.begun_anew = Some(head.seq);
        }
        if record.act == Act::ResumeAudit.as_str() && self.report.remarks.len() < REMARKS {
            let said = record.detail.unwrap_or_default();
            let remark = format!("record {}: {said}", record.seq);
            self.report.remarks.push(remark);
        }
    }

    /// Where record `seq` stands, if it stands anywhere as it was written.
    fn find(&self, seq: u64) -> io::Result<Option<Place>> {
        for mut part in self.files.parts()? {
            let mut lines = Forwards::new(part.open()?, 0);
            let mut line = 0;
            while let Some(found) = lines.next()? {
                line += 1;
                if line::check(&found.bytes).is_some_and(|link| link.head.seq == seq) {
                    let file = part.path.clone();
                    return Ok(Some(Place { file, line }));
                }
            }
        }
        Ok(None)
    }

    /// What the store or a witness knows of and the log does not have any more.
    fn missing_end(&self) -> Option<Fault> {
        let expected = self.expected();
        let missing = |head: &AuditHead| head.seq >= expected;
        let by_store = self.question.head.filter(missing);
        let by_witness = self.question.witnesses.last().copied().filter(missing);
        let kind = match (by_store, by_witness) {
            (Some(AuditHead { seq: to, .. }), _) => FaultKind::CutOff { to },
            (None, Some(AuditHead { seq: to, .. })) => FaultKind::ShorterThanTold { to },
            (None, None) => return None,
        };
        Some(Fault {
            kind,
            seq: expected,
            place: None,
        })
    }
}

/// Remarks that are kept.
const REMARKS: usize = 100;

/// What a log says about its own damage in this line, if it does.
fn statement(bytes: &[u8]) -> Option<String> {
    let record = line::read(bytes)?;
    let is_statement =
        record.act == Act::ResumeAudit.as_str() && record.outcome == OutcomeWord::Failed;
    is_statement.then(|| record.reason.unwrap_or_default())
}
