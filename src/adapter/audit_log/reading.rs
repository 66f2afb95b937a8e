//! Reading an audit log, whether or not it is being written: forwards from its beginning, or backwards from its end.
//!
//! Nothing more is held in memory than a line, and nothing more is read than is asked for. A line that is no record is
//! passed over and counted; [`super::verification`] says what is wrong with it.

use std::{fs::File, io, ops::ControlFlow, os::unix::fs::MetadataExt};

use super::{
    files::{Files, Part},
    line,
    lines::{Backwards, Forwards, Line, offset_of},
};
use crate::domain::audit::AuditRecord;

/// What is done with each record and its line; it breaks off when it has seen enough.
pub trait Each: FnMut(AuditRecord, &[u8]) -> io::Result<ControlFlow<()>> {}

impl<F: FnMut(AuditRecord, &[u8]) -> io::Result<ControlFlow<()>>> Each for F {}

/// Hands out all records, the oldest first; returns how many lines are none.
pub fn forwards(files: &Files, mut each: impl Each) -> io::Result<u64> {
    let mut damaged = 0;
    for mut part in files.parts()? {
        let mut lines = Forwards::new(part.open()?, 0);
        if hand_out(|| lines.next(), &mut each, &mut damaged)?.is_break() {
            break;
        }
        part.close();
    }
    Ok(damaged)
}

/// Hands out the records before `before`, or all of them, the newest first; returns how many lines are none.
pub fn backwards(files: &Files, before: Option<u64>, mut each: impl Each) -> io::Result<u64> {
    let mut damaged = 0;
    for mut part in files.parts()?.into_iter().rev() {
        if let (Some(first), Some(before)) = (part.first, before)
            && first >= before
        {
            continue;
        }
        let file = part.open()?;
        let length = file.metadata()?.len();
        let end = match before {
            Some(before) => offset_of(file, length, before)?,
            None => length,
        };
        let mut lines = Backwards::new(file, end);
        if hand_out(|| lines.next(), &mut each, &mut damaged)?.is_break() {
            break;
        }
        part.close();
    }
    Ok(damaged)
}

/// Hands out the records among the lines of one file, until `each` has seen enough, and counts those that are none.
fn hand_out(
    mut next: impl FnMut() -> io::Result<Option<Line>>,
    each: &mut impl Each,
    damaged: &mut u64,
) -> io::Result<ControlFlow<()>> {
    while let Some(found) = next()? {
        match line::read(&found.bytes) {
            Some(record) => {
                if each(record, &found.bytes)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            // The end of a log that is being written may be on its way.
            None => *damaged += u64::from(found.is_ended),
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Reads on where a log goes on.
pub struct Following {
    files: Files,
    part: Option<Part>,
    offset: u64,
    /// The last record that was handed out.
    last: u64,
}

impl Following {
    /// After record `last`.
    pub fn after(files: Files, last: u64) -> Self {
        Self {
            files,
            part: None,
            offset: 0,
            last,
        }
    }

    /// Hands out what has come since.
    pub fn next(&mut self, mut each: impl Each) -> io::Result<()> {
        if let Some(part) = &mut self.part {
            let file = part.open()?;
            self.offset = read_on(file, self.offset, &mut self.last, &mut each)?;
            if is_still_there(file, &self.files) {
                return Ok(());
            }
        }
        // The file has become a full one, and there may be others by now.
        for mut part in self.files.parts()? {
            let file = part.open()?;
            let offset = offset_of(file, file.metadata()?.len(), self.last + 1)?;
            self.offset = read_on(file, offset, &mut self.last, &mut each)?;
            self.part = Some(part);
        }
        Ok(())
    }
}

/// Whether `file` is the one that is written.
fn is_still_there(file: &File, files: &Files) -> bool {
    let (open, named) = (file.metadata(), files.current().metadata());
    matches!((open, named), (Ok(open), Ok(named)) if (open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// Hands out the records after `last` from `offset` on; returns where the next line begins.
fn read_on(file: &File, offset: u64, last: &mut u64, each: &mut impl Each) -> io::Result<u64> {
    let mut lines = Forwards::new(file, offset);
    let mut end = offset;
    while let Some(found) = lines.next()? {
        if !found.is_ended {
            // Still on its way; it is read again as a whole.
            break;
        }
        end = lines.offset();
        let Some(record) = line::read(&found.bytes) else {
            continue;
        };
        if record.seq > *last {
            *last = record.seq;
            if each(record, &found.bytes)?.is_break() {
                break;
            }
        }
    }
    Ok(end)
}
