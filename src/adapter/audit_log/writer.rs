//! The thread that writes: it takes all events that wait, writes them as lines of one chain in one write, makes them
//! durable with one fdatasync, and answers.
//!
//! A write that fails leaves nothing behind: the file is cut back to its last durable record before anything else is
//! written, so that no half line ever stands between two records. Whatever is found wrong with the end of the log when
//! it is taken up is stated in the log itself, by a record that `audit verify` finds: nothing is mended silently.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::{
    Health,
    current::{Current, rename_to_new},
    end::{self, own, records},
    files::Files,
    line,
};
use crate::{
    domain::audit::{AuditEvent, AuditHead, AuditOutcome},
    ports::{AuditError, Clock},
    store::folder::sync_folder,
};

/// A group takes no more events once its lines are this long.
const GROUP_BYTES: usize = 256 * 1024;

/// A log that cannot be written is tried again after this time, also when nobody asks: whoever watches its health has
/// to see that it is well again.
const RETRY: Duration = Duration::from_secs(5);

/// Events to record, and who waits for that.
pub struct Job {
    pub at: Timestamp,
    pub events: Vec<AuditEvent>,
    pub reply: oneshot::Sender<Result<(), AuditError>>,
}

/// The one who writes a log.
pub struct Writer {
    pub files: Files,
    pub rotate_bytes: u64,
    pub clock: Arc<dyn Clock>,
    pub health: Health,
    /// The record that the next one comes after.
    last: AuditHead,
    open: Option<Current>,
    /// Another file is begun when this one is as long.
    rotate_at: u64,
    /// What the log has to say about itself, before anything else.
    owed: Vec<(Timestamp, AuditEvent)>,
    failing: Option<Failing>,
    /// The last durable record. It is dropped last: when it is closed, the file is free for another process.
    pub written: watch::Sender<AuditHead>,
}

/// Since when nothing could be written, and what was not recorded for that.
struct Failing {
    since: Timestamp,
    refused: u64,
    reason: String,
}

impl Writer {
    /// Takes up the log, which is known to have come to `head`.
    pub fn new(
        files: Files,
        rotate_bytes: u64,
        clock: Arc<dyn Clock>,
        health: Health,
        head: Option<AuditHead>,
    ) -> io::Result<Self> {
        let mut writer = Self {
            files,
            rotate_bytes,
            clock,
            health,
            written: watch::Sender::new(AuditHead::START),
            last: AuditHead::START,
            open: None,
            rotate_at: rotate_bytes,
            owed: Vec::new(),
            failing: None,
        };
        writer.take_up(head)?;
        writer.written.send_replace(writer.last);
        Ok(writer)
    }

    /// Whether something has to be stated about what was taken up.
    pub fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Writes what comes through `queue` until nobody can send any more, and everything that was sent.
    pub fn run(mut self, queue: &Receiver<Job>) {
        loop {
            let first = if self.failing.is_none() && self.owed.is_empty() {
                queue.recv().map_err(RecvTimeoutError::from)
            } else if self.failing.is_none() {
                Err(RecvTimeoutError::Timeout)
            } else {
                queue.recv_timeout(RETRY)
            };
            match first {
                Ok(first) => self.write_group(first, queue),
                Err(RecvTimeoutError::Timeout) => self.write_own(),
                Err(RecvTimeoutError::Disconnected) => {
                    // The last chance to state it; it is found again at the next start otherwise.
                    if self.failing.is_some() {
                        self.write_own();
                    }
                    return;
                }
            }
        }
    }

    /// Records `first` and whatever waits behind it, and answers all of them.
    fn write_group(&mut self, first: Job, queue: &Receiver<Job>) {
        let ready = self.prepare();
        let (mut lines, mut last) = self.own_lines();
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            for event in &job.events {
                last = line::append(&mut lines, last, job.at, event);
            }
            group.push(job);
            next = match lines.len() < GROUP_BYTES {
                true => queue.try_recv().ok(),
                false => None,
            };
        }
        let events = group.iter().map(|job| job.events.len() as u64).sum();
        let written = ready.and_then(|()| self.write(&lines, last));
        let answer = self.judge(written, events);
        for job in group {
            // Whoever has stopped waiting has it recorded all the same.
            let _ = job.reply.send(answer.clone());
        }
    }

    /// Records what the log has to say about itself.
    fn write_own(&mut self) {
        let ready = self.prepare();
        let (lines, last) = self.own_lines();
        let written = ready.and_then(|()| self.write(&lines, last));
        // Operators are told, and nobody else waits for it.
        let _ = self.judge(written, 0);
    }

    /// Sees to it that the right file is open, and is as it was left.
    fn prepare(&mut self) -> io::Result<()> {
        let known = self.last;
        let checked = match &self.open {
            Some(open) => open.check(&self.files),
            None => Ok(()),
        };
        if let Err(error) = &checked {
            tracing::error!(
                file = %self.files.current().display(),
                %error,
                "somebody else has changed the audit log while it is written"
            );
            self.open = None;
        }
        if self.open.is_none() {
            self.take_up((known != AuditHead::START).then_some(known))?;
        }
        if checked.is_err() && self.last.seq > known.seq {
            let foreign = records(known.seq + 1, self.last.seq);
            let found = format!("somebody else wrote {foreign}");
            self.owe(own(AuditOutcome::Failed(found)));
        }
        self.rotate_if_full()
    }

    /// The lines of what the log has to say about itself, and the record they end with.
    fn own_lines(&self) -> (Vec<u8>, AuditHead) {
        let failing = self.failing.as_ref().map(|failing| {
            let event = own(AuditOutcome::Done).saying(format!(
                "nothing could be recorded since {} ({}); {} events of that time are not in this log, and what they \
                 would have granted was refused",
                failing.since, failing.reason, failing.refused
            ));
            (self.clock.now(), event)
        });
        let (mut lines, mut last) = (Vec::new(), self.last);
        for (at, event) in self.owed.iter().chain(&failing) {
            last = line::append(&mut lines, last, *at, event);
        }
        (lines, last)
    }

    /// Writes `lines`, which end with the record `last`, and makes them durable; or leaves nothing of them.
    fn write(&mut self, lines: &[u8], last: AuditHead) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(io::ErrorKind::NotFound)?;
        if let Err(error) = open.append(lines, self.last.seq + 1) {
            if open.cut_back().is_err() {
                // It is looked at anew before the next write.
                self.open = None;
            }
            return Err(error);
        }
        self.last = last;
        self.owed.clear();
        self.written.send_replace(last);
        Ok(())
    }

    /// What whoever waits is answered, and what operators are told.
    fn judge(&mut self, written: io::Result<()>, events: u64) -> Result<(), AuditError> {
        let file = self.files.current().display();
        match written {
            Ok(()) => {
                if let Some(failing) = self.failing.take() {
                    let refused = failing.refused;
                    tracing::warn!(%file, refused, "the audit log is written again");
                }
                self.health.set_failing(false);
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                let is_told = |failing: &Failing| failing.reason == reason;
                if !self.failing.as_ref().is_some_and(is_told) {
                    tracing::error!(
                        %file,
                        error = %reason,
                        "the audit log cannot be written, and nobody is let in until it can be: make room on its disk, or mend what the error says; it then goes on by itself"
                    );
                }
                let failing = self.failing.get_or_insert_with(|| Failing {
                    since: self.clock.now(),
                    refused: 0,
                    reason: String::new(),
                });
                failing.refused += events;
                failing.reason.clone_from(&reason);
                self.health.set_failing(true);
                Err(AuditError::Unwritable(format!("{file}: {reason}")))
            }
        }
    }

    /// Opens the file that is written, after whatever is there, which is known to have come to `known`.
    fn take_up(&mut self, known: Option<AuditHead>) -> io::Result<()> {
        let mut open = Current::open(&self.files, false)?;
        let end = end::inspect(&self.files, known)?;
        match &end.fragment {
            // Durable but for its last byte. With that it is a record like any other.
            Some(fragment) if fragment.is_record => open.end_line()?,
            Some(fragment) => open.cut_off_at(fragment.offset)?,
            None => {}
        }
        let (last, statements) = end.judge(known);
        self.last = last;
        for event in statements {
            self.owe(event);
        }
        (self.open, self.rotate_at) = (Some(open), self.rotate_bytes);
        Ok(())
    }

    /// Tells what was found, and has it stated in the log before anything else.
    fn owe(&mut self, event: AuditEvent) {
        let file = self.files.current().display();
        match event.outcome.reason() {
            None => tracing::warn!(
                %file,
                "the audit log is taken up: {}",
                event.detail.as_deref().unwrap_or_default()
            ),
            Some(found) => tracing::error!(
                %file,
                "the audit log is not what it was: {found}; keep its files as they are, see who had access to them, and run `lpse-kiosk audit verify`"
            ),
        }
        if !self.owed.iter().any(|(_, owed)| *owed == event) {
            self.owed.push((self.clock.now(), event));
        }
    }

    /// Begins another file when this one is full. A file that cannot be put aside is gone on with.
    fn rotate_if_full(&mut self) -> io::Result<()> {
        let Some(open) = self
            .open
            .as_ref()
            .filter(|open| open.length() >= self.rotate_at)
        else {
            return Ok(());
        };
        let Some(first) = open.first() else {
            return Ok(());
        };
        let (current, full) = (self.files.current(), self.files.full(first));
        if let Err(error) = rename_to_new(current, &full) {
            tracing::error!(
                file = %current.display(),
                to = %full.display(),
                %error,
                "the full audit log cannot be put aside, and grows on"
            );
            self.rotate_at = open.length() + self.rotate_bytes;
            return Ok(());
        }
        // What is durable in the full file stays so under its new name, whatever happens from here on.
        self.open = None;
        sync_folder(self.files.folder())?;
        self.open = Some(Current::open(&self.files, true)?);
        self.rotate_at = self.rotate_bytes;
        Ok(())
    }
}
