//! Counts of who came in, who was turned away and who waited how long: made where it happens, read by the metrics.

use std::{
    array,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::{
    domain::{
        durations::{Durations, SharedDurations},
        word::words,
    },
    session::{Waits, durations::LoginDurations},
};

words! {
    /// Where a session comes from.
    pub enum Entrance {
        /// A terminal of this machine.
        Console = "console",
        Ssh = "ssh",
        /// A terminal of this machine that joins through the socket.
        Attached = "attached",
    }
}

words! {
    /// Why an SSH connection did not come as far as a session, or lost its slot.
    pub enum Reason {
        /// All slots are taken, and everybody who could give one up is logged in.
        Limit = "limit",
        /// It had to give way to a newcomer.
        Displaced = "displaced",
        /// The source has earned a penalty.
        Penalty = "penalty",
        /// It did not speak SSH, or not in time.
        Handshake = "handshake",
        /// It asked for something else than a terminal.
        NoPty = "no_pty",
        /// The program is about to leave.
        Leaving = "leaving",
    }
}

/// The counts of all entrances of this process.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug)]
struct Numbers {
    open: [AtomicU64; Entrance::ALL.len()],
    entered: [AtomicU64; Entrance::ALL.len()],
    refused: [AtomicU64; Reason::ALL.len()],
    first_screens: [Arc<SharedDurations>; Entrance::ALL.len()],
    logins: Arc<LoginDurations>,
    are_closed: AtomicBool,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            open: array::from_fn(|_| AtomicU64::new(0)),
            entered: array::from_fn(|_| AtomicU64::new(0)),
            refused: array::from_fn(|_| AtomicU64::new(0)),
            first_screens: array::from_fn(|_| Arc::default()),
            logins: Arc::default(),
            are_closed: AtomicBool::new(false),
        }
    }
}

/// One open session, counted until dropped.
#[derive(Debug)]
pub struct Open {
    entrance: Entrance,
    at: Counts,
}

impl Counts {
    /// Counts a session that begins, for as long as the answer lives.
    pub fn enter(&self, entrance: Entrance) -> Open {
        self.0.open[entrance as usize].fetch_add(1, Relaxed);
        self.0.entered[entrance as usize].fetch_add(1, Relaxed);
        Open {
            entrance,
            at: self.clone(),
        }
    }

    /// Where a session notes how long somebody waited who came by `entrance` at the monotonic time `since`.
    pub fn waits(&self, entrance: Entrance, since: Duration) -> Waits {
        Waits {
            since,
            first_screen: self.0.first_screens[entrance as usize].clone(),
            login: self.0.logins.clone(),
        }
    }

    /// How long people waited for their first screen.
    pub fn first_screens(&self, entrance: Entrance) -> Durations {
        self.0.first_screens[entrance as usize].so_far()
    }

    /// How long people waited at the steps of a login.
    pub fn logins(&self) -> &LoginDurations {
        &self.0.logins
    }

    /// Counts an SSH connection that was turned away.
    pub fn refuse(&self, reason: Reason) {
        self.0.refused[reason as usize].fetch_add(1, Relaxed);
    }

    /// Nobody new comes in from now on; whoever is in may finish.
    pub fn close(&self) {
        self.0.are_closed.store(true, Relaxed);
    }

    pub fn are_closed(&self) -> bool {
        self.0.are_closed.load(Relaxed)
    }

    /// Sessions that are open now.
    pub fn open(&self, entrance: Entrance) -> u64 {
        self.0.open[entrance as usize].load(Relaxed)
    }

    /// Sessions that have begun since the program's start.
    pub fn entered(&self, entrance: Entrance) -> u64 {
        self.0.entered[entrance as usize].load(Relaxed)
    }

    /// SSH connections turned away since the program's start.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.0.refused[reason as usize].load(Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.at.0.open[self.entrance as usize].fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_counted_while_it_lasts_and_a_refusal_for_good() {
        let counts = Counts::default();
        let (first, second) = (counts.enter(Entrance::Ssh), counts.enter(Entrance::Ssh));
        assert_eq!(
            (counts.open(Entrance::Ssh), counts.open(Entrance::Console)),
            (2, 0)
        );
        drop(first);
        let panicked = std::panic::catch_unwind(|| {
            let _second = second;
            std::panic::resume_unwind(Box::new("a session that fails"));
        });
        assert!(panicked.is_err());
        assert_eq!(
            (counts.open(Entrance::Ssh), counts.entered(Entrance::Ssh)),
            (0, 2)
        );
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            counts.refuse(reason);
            assert_eq!(counts.refused(reason), 1);
        }
    }
}
