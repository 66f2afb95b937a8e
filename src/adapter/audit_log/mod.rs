//! The audit log as a local, append-only file of JSON lines, each chained to the one before.
//!
//! Events are taken in within the call and written by a thread of their own ([`writer`]): all that wait share one write
//! and one fdatasync, so that waiting for durability does not make people wait for each other. [`mod@line`] is the form of a
//! line, [`files`] where the lines lie, [`current`] the file that is written, [`end`] how a log is taken up again, [`head`] how the store comes to know how far
//! it has come; [`reading`] and [`verification`] are for those who only look, and [`verified`] says when somebody
//! last did.
//!
//! Architecture invariant: one process writes, the one that holds the store; and nobody else changes the files. Readers
//! need no leave, and see every record that is durable.

mod current;
mod end;
mod fault;
mod files;
pub mod head;
mod line;
mod lines;
pub mod reading;
pub mod verification;
pub mod verified;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use crate::{
    domain::audit::{AuditEvent, AuditHead},
    ports::{Audit, AuditError, Clock, Recorded},
};
use files::Files;
use writer::{Job, Writer};

pub use files::Files as AuditFiles;
pub use line::escaped;

/// A write that takes longer is one that will not end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a log takes records, as far as anybody has noticed.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// The last write failed, or does not end. It is tried again and again.
    pub fn is_failing(&self) -> bool {
        self.0.load(Relaxed)
    }

    fn set_failing(&self, is_failing: bool) {
        self.0.store(is_failing, Relaxed);
    }
}

/// An audit log that is written by this process. Once it is dropped, everything that was recorded is written, and then
/// its thread ends.
pub struct AuditLog {
    jobs: Sender<Job>,
    clock: Arc<dyn Clock>,
    health: Health,
}

/// Hears of the log's last durable record whenever there is a new one; closed when the log has ended.
pub type Written = watch::Receiver<AuditHead>;

impl AuditLog {
    /// Opens or creates the log at `path`, for its owner only, and goes on with its chain, which is known to have come
    /// to `head`. A file of `rotate_bytes` is full.
    ///
    /// What is wrong with its end is told, and stated in the log; it is no reason not to go on.
    pub fn open(
        path: &Path,
        rotate_bytes: u64,
        clock: Arc<dyn Clock>,
        head: Option<AuditHead>,
    ) -> io::Result<(Self, Written)> {
        let health = Health::default();
        let files = Files::of(path);
        let writer = Writer::new(files, rotate_bytes, clock.clone(), health.clone(), head)?;
        let mut written = writer.written.subscribe();
        if !writer.owes() && *written.borrow() != head.unwrap_or(AuditHead::START) {
            // Recorded before a kill, and not known yet. What has to be stated first makes itself known.
            written.mark_changed();
        }
        let (jobs, queue) = channel();
        thread::Builder::new()
            .name("audit log".into())
            .spawn(move || writer.run(&queue))?;
        let log = Self {
            jobs,
            clock,
            health,
        };
        Ok((log, written))
    }

    /// Tells whether it takes records, whenever asked.
    pub fn health(&self) -> Health {
        self.health.clone()
    }
}

impl Audit for AuditLog {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        let (reply, answer) = oneshot::channel();
        let at = self.clock.now();
        let sent = self.jobs.send(Job { at, events, reply });
        let health = self.health.clone();
        Box::pin(async move {
            let ended = || {
                health.set_failing(true);
                AuditError::Unwritable("its writer has ended; start the program again".into())
            };
            sent.map_err(|_| ended())?;
            match timeout(PATIENCE, answer).await {
                Ok(answer) => answer.map_err(|_| ended())?,
                Err(_) => {
                    health.set_failing(true);
                    let seconds = PATIENCE.as_secs();
                    tracing::error!(
                        "a write to the audit log did not end within {seconds} s; see what its disk does"
                    );
                    Err(AuditError::Unwritable(format!(
                        "a write did not end within {seconds} s"
                    )))
                }
            }
        })
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditLog")
    }
}
