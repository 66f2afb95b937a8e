//! The health of an open store: what it tells about itself without touching a record, and without being kept open by it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{Outcome, away::Away, folder::Room};
use crate::domain::durations::{Durations, SharedDurations};

/// Whether the store can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    Well,
    /// A commit did not end within the time it may take, and will not: the program has to be started again.
    Stuck,
}

/// Hears when a store has been closed, and its folder is free.
#[derive(Debug)]
pub struct Ended(watch::Receiver<()>);

impl Ended {
    /// It has ended when the sender is dropped.
    pub fn new(ended: watch::Receiver<()>) -> Self {
        Self(ended)
    }

    pub async fn wait(mut self) {
        let _ = self.0.changed().await;
    }
}

/// Whether a store answers, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Well,
    /// The disk has less room than the store wants: nothing is written.
    Full,
    /// The engine failed and is not open again, the cluster does not answer, or the store is closed.
    Closed,
    Stuck,
    /// It is not served from here.
    Away(Away),
    /// The cluster answers, and refuses what a login needs.
    Refused(Refusal),
    /// The store is sealed under a master key that this machine does not hold.
    WithoutKey,
}

impl Condition {
    /// In a word or two, for `/healthz`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Full => "full",
            Self::Closed => "closed",
            Self::Stuck => "stuck",
            Self::Away(away) => away.word(),
            Self::Refused(refusal) => refusal.word(),
            Self::WithoutKey => "master key",
        }
    }
}

/// What a cluster refuses, though it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("etcd has used up its room (the alarm NOSPACE), and writes nothing any more")]
    NoSpace,
    #[error(
        "etcd has found its members' records to differ (the alarm CORRUPT), and writes nothing any more"
    )]
    Corrupt,
    #[error("etcd does not know this user or password")]
    Password,
    #[error(
        "etcd asks for no login, though [store] user names one: its authentication is switched off"
    )]
    LoginOff,
    #[error("etcd asks for a login, and [store] user names none")]
    LoginOn,
    #[error("etcd's user may not read and write the keys under [store] prefix")]
    Permission,
    #[error("etcd takes no login of this user for longer than one request")]
    Token,
    #[error("etcd refuses what this machine writes")]
    Other,
}

impl Refusal {
    /// Which one `said` is, in the words of an etcd server (its `rpctypes/error.go`); `None` where it is none of ours.
    pub fn of(said: &str) -> Option<Self> {
        let known = [
            ("database space exceeded", Self::NoSpace),
            ("corrupt cluster", Self::Corrupt),
            ("authentication failed", Self::Password),
            ("authentication is not enabled", Self::LoginOff),
            ("user name is empty", Self::LoginOn),
            ("permission denied", Self::Permission),
            ("invalid auth token", Self::Token),
            ("revision of auth store is old", Self::Token),
        ];
        let mut known = known.into_iter();
        known.find_map(|(words, refusal)| said.contains(words).then_some(refusal))
    }

    /// In a word or two, for `/healthz`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoSpace => "etcd full",
            Self::Corrupt => "etcd corrupt",
            Self::Password => "etcd password",
            Self::LoginOff | Self::LoginOn => "etcd login",
            Self::Permission => "etcd permission",
            Self::Token | Self::Other => "etcd refuses",
        }
    }

    /// What an operator does about it.
    pub fn what_to_do(self) -> &'static str {
        match self {
            Self::NoSpace => {
                "Compact and defragment it, or give it a larger --quota-backend-bytes; then `etcdctl alarm disarm`."
            }
            Self::Corrupt => {
                "See `etcdctl alarm list` and etcd's own log; replace the member that differs, then `etcdctl alarm disarm`."
            }
            Self::Password => {
                "Put the password that etcd has for [store] user into [store] password_file, which is read again by itself; or set it anew with `etcdctl user passwd`."
            }
            Self::LoginOff => {
                "Switch it on again with `etcdctl auth enable`: without it, whoever reaches the cluster reads and changes everything in it."
            }
            Self::LoginOn => "Set [store] user and password_file, and start lpse-kiosk again.",
            Self::Permission => {
                "Give the role of [store] user, or of whom this machine's certificate names, the prefix: `etcdctl role grant-permission --prefix=true ROLE readwrite PREFIX`."
            }
            Self::Token => {
                "See etcd's own log, and its --auth-token; all members must have the same."
            }
            Self::Other => "See etcd's own log.",
        }
    }
}

/// How a store is, whenever asked.
#[derive(Clone)]
pub struct Health {
    room: Room,
    counts: Arc<Counts>,
    condition: Arc<dyn Fn() -> Condition + Send + Sync>,
    lacks_key: Arc<AtomicBool>,
}

impl Health {
    /// `condition` tells how the engine is; the disk of `room` is looked at here.
    pub fn new(
        room: Room,
        counts: Arc<Counts>,
        condition: impl Fn() -> Condition + Send + Sync + 'static,
    ) -> Self {
        Self {
            room,
            counts,
            condition: Arc::new(condition),
            lacks_key: Arc::default(),
        }
    }

    pub fn condition(&self) -> Condition {
        match (self.condition)() {
            Condition::Well if self.room.check().is_err() => Condition::Full,
            Condition::Well if self.lacks_key.load(Relaxed) => Condition::WithoutKey,
            condition => condition,
        }
    }

    /// Notes whether this process holds the master key that the store is sealed under.
    pub fn note_key(&self, is_held: bool) {
        self.lacks_key.store(!is_held, Relaxed);
    }

    pub fn room(&self) -> &Room {
        &self.room
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Health")
    }
}

/// What became of commits since the store was opened.
#[derive(Debug, Default)]
pub struct Counts {
    applied: AtomicU64,
    conflicts: AtomicU64,
    failed: AtomicU64,
    groups: AtomicU64,
    durations: SharedDurations,
}

impl Counts {
    pub fn applied(&self) -> u64 {
        self.applied.load(Relaxed)
    }

    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Relaxed)
    }

    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// Groups that were made durable, each with one flush.
    pub fn groups(&self) -> u64 {
        self.groups.load(Relaxed)
    }

    /// How long each group took to be judged and made durable.
    pub fn durations(&self) -> Durations {
        self.durations.so_far()
    }

    /// Counts a group of commits that the store has judged, which took so long.
    pub(super) fn count(&self, outcomes: &[Outcome], took: Duration) {
        self.durations.note(took);
        self.groups.fetch_add(1, Relaxed);
        for outcome in outcomes {
            let count = match outcome {
                Outcome::Applied => &self.applied,
                Outcome::Conflict => &self.conflicts,
            };
            count.fetch_add(1, Relaxed);
        }
    }

    /// Counts commits that the store could not judge.
    pub(super) fn count_failed(&self, commits: usize) {
        self.failed.fetch_add(commits as u64, Relaxed);
    }
}
