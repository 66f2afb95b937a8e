//! The contract of every store: one conditional write of several keys, what may be asked, and what is answered.

use std::{any::Any, fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Key, away::Away, nodes::Node};
use crate::domain::totp_counts::TotpCounts;

/// The stored bytes of one key.
pub type Value = Vec<u8>;

/// A conditional write of several keys, applied whole or not at all.
///
/// Every key in `expect` must still hold exactly the given bytes (`None`: must not exist); then every key in
/// `write` gets its new bytes (`None`: is removed). A commit must stay well under [`Commit::MAX_BYTES`].
#[derive(Debug, Clone, Default)]
pub struct Commit {
    expect: Vec<(Key, Option<Value>)>,
    write: Vec<(Key, Option<Value>)>,
    totp: Vec<TotpChange>,
}

/// What a commit changes about the accounts that are counted by the stage of their TOTP. Engines know nothing of it: it is
/// counted above them ([`counted`](super::counted)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpChange {
    /// `None`: of many accounts at once.
    pub account: Option<Key>,
    pub by: TotpCounts,
}

impl Commit {
    /// The largest commit a store has to take, in bytes of keys and values (conditions included).
    ///
    /// sled 0.34.7 stops for ever once more than a few of its I/O buffers are in flight, so a group of commits is
    /// bounded by 256 KiB, and a single commit with it; tags ([`tagged`](super::tagged)) take some of that.
    pub const MAX_BYTES: usize =
        Self::MAX_STORED_BYTES - 2 * Self::MAX_OPERATIONS * Self::TAG_BYTES;

    /// The same, with tags, for what is below them.
    pub const MAX_STORED_BYTES: usize = 256 * 1024;

    /// Bytes of a record's tag.
    pub const TAG_BYTES: usize = 16;

    /// The most keys that a commit may write, and the most that it may expect.
    ///
    /// etcd refuses a transaction with more than 128 of either unless its servers are told otherwise, and its store
    /// adds a few of its own.
    pub const MAX_OPERATIONS: usize = 120;

    /// Commits of many small ones are no larger than this, and leave room for a mark that goes with them.
    const BATCH_BYTES: usize = Self::MAX_BYTES / 4;
    const BATCH_OPERATIONS: usize = Self::MAX_OPERATIONS - 8;

    pub fn new() -> Self {
        Self::default()
    }

    /// Demands that `key` still holds exactly `bytes` (`None`: does not exist).
    pub fn expect(mut self, key: Key, bytes: Option<Value>) -> Self {
        self.expect.push((key, bytes));
        self
    }

    /// Writes `bytes` to `key`.
    pub fn put(mut self, key: Key, bytes: Value) -> Self {
        self.write.push((key, Some(bytes)));
        self
    }

    /// Removes `key`.
    pub fn remove(mut self, key: Key) -> Self {
        self.write.push((key, None));
        self
    }

    /// Has it counted that accounts become more or fewer: one, or, where `account` is `None`, many at once.
    pub(super) fn count(mut self, account: Option<Key>, by: TotpCounts) -> Self {
        if !by.is_nothing() {
            self.totp.push(TotpChange { account, by });
        }
        self
    }

    /// What is to be counted, which is no part of it any more then.
    pub(super) fn take_totp_changes(&mut self) -> Vec<TotpChange> {
        std::mem::take(&mut self.totp)
    }

    /// This commit and all that `other` demands and writes.
    pub fn and(mut self, other: Self) -> Self {
        self.expect.extend(other.expect);
        self.write.extend(other.write);
        self.totp.extend(other.totp);
        self
    }

    /// Whether this commit and `other` are small enough to be one. Commits that wait beside a larger one would wait long.
    pub fn has_room_for(&self, other: &Self) -> bool {
        self.size() + other.size() <= Self::BATCH_BYTES
            && self.write.len() + other.write.len() <= Self::BATCH_OPERATIONS
            && self.expect.len() + other.expect.len() <= Self::BATCH_OPERATIONS
    }

    /// `parts` in their order, in fewer commits. A part that is too large to be with others is a commit of its own.
    pub fn batches(parts: impl IntoIterator<Item = Self>) -> impl Iterator<Item = Self> {
        let mut parts = parts.into_iter().peekable();
        std::iter::from_fn(move || {
            let mut batch = parts.next()?;
            while let Some(part) = parts.next_if(|part| batch.has_room_for(part)) {
                batch = batch.and(part);
            }
            Some(batch)
        })
    }

    /// Refuses what is more than every backend takes at once, tags included.
    pub(crate) fn check_size(&self) -> Result<(), StoreError> {
        self.check_size_of(Self::MAX_STORED_BYTES)
    }

    /// Refuses what is more than every store takes at once, before it is tagged.
    pub(crate) fn check_plain_size(&self) -> Result<(), StoreError> {
        self.check_size_of(Self::MAX_BYTES)
    }

    fn check_size_of(&self, most: usize) -> Result<(), StoreError> {
        let operations = self.write.len().max(self.expect.len());
        if operations > Self::MAX_OPERATIONS {
            return Err(StoreError::TooMany(operations));
        }
        match self.size() {
            bytes if bytes > most => Err(StoreError::TooLarge(bytes)),
            _ => Ok(()),
        }
    }

    /// This commit with every value, expected or written, as `change` makes it.
    pub(super) fn with_values(self, change: impl Fn(&Key, Value) -> Value) -> Self {
        let changed = |part: Vec<(Key, Option<Value>)>| {
            let part = part.into_iter().map(|(key, bytes)| {
                let bytes = bytes.map(|bytes| change(&key, bytes));
                (key, bytes)
            });
            part.collect()
        };
        Self {
            expect: changed(self.expect),
            write: changed(self.write),
            totp: self.totp,
        }
    }

    /// As many writes of the same bytes, at keys of `node` that nobody reads: what this commit costs, with nothing done.
    pub fn as_decoy(&self, node: &str) -> Self {
        let values = self.write.iter().map(|(_, value)| value.clone());
        let writes = values.enumerate().map(|(number, value)| {
            let value = value.unwrap_or_default();
            (Key::decoy(node, number), Some(value))
        });
        Self {
            expect: Vec::new(),
            write: writes.collect(),
            totp: Vec::new(),
        }
    }

    /// What must hold for the commit to be applied.
    pub fn expectations(&self) -> &[(Key, Option<Value>)] {
        &self.expect
    }

    /// What is written when it is.
    pub fn writes(&self) -> &[(Key, Option<Value>)] {
        &self.write
    }

    /// Bytes of all keys and values, the measure of [`Commit::MAX_BYTES`].
    pub fn size(&self) -> usize {
        self.expect
            .iter()
            .chain(&self.write)
            .map(|(key, value)| key.as_bytes().len() + value.as_ref().map_or(0, Vec::len))
            .sum()
    }
}

/// What became of a commit that the store could judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every expectation held; every write is durable.
    Applied,
    /// An expectation did not hold; nothing was written. Read again and decide again.
    Conflict,
}

/// Why the store could not do what was asked. The message is for operators and logs; a person at the kiosk is only
/// ever told that the service is unavailable.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot answer now (disk full, I/O error, closing); trying later may succeed. Nothing was promised.
    #[error("{0}")]
    Unavailable(String),
    /// The store does not serve here any more, or not now. Nothing was written.
    #[error("{0}")]
    Away(Away),
    /// Somebody else has the turn to do this.
    #[error("{0}")]
    Taken(Work),
    /// A commit's outcome could not be learned: it may or may not have been applied.
    #[error("the outcome of a write is unknown: {0}")]
    Unknown(String),
    /// A stored record cannot be read by this program (damaged, or written by a newer version).
    #[error("{0}")]
    Unreadable(String),
    /// A stored record is not as this program wrote it. Nothing is decided by it.
    #[error("{0}")]
    Altered(#[from] Altered),
    /// A commit over [`Commit::MAX_BYTES`].
    #[error("a write of {0} bytes is larger than the store takes at once")]
    TooLarge(usize),
    /// A commit of more than [`Commit::MAX_OPERATIONS`].
    #[error("a write of {0} records is more than the store takes at once")]
    TooMany(usize),
}

/// A record that is not as this program wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    #[error(
        "the record {0:?} was damaged, moved, or changed by something that is not lpse-kiosk; nothing is decided by it. \
         `lpse-kiosk store check` names all such records and says how to go on"
    )]
    Changed(Key),
    #[error(
        "the record {0:?}, which every store has, is gone: it was lost, or removed by something that is not lpse-kiosk; \
         nothing is decided without it. `lpse-kiosk store check` names all such records and says how to go on"
    )]
    Missing(Key),
}

impl Altered {
    pub fn record(&self) -> &Key {
        match self {
            Self::Changed(key) | Self::Missing(key) => key,
        }
    }
}

/// A key-value store with one conditional, durable, multi-key write.
///
/// Promises of every backend, proved by `tests/stores/contract.rs`:
/// - a commit answered with [`Outcome::Applied`] survives the kill of the process and the loss of power;
/// - commits are applied one after the other in one order that every reader sees;
/// - [`Store::page`] lists keys in byte order and costs what the page holds, not what the store holds.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug + 'static {
    /// The bytes of `key`, if it exists.
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError>;

    /// Up to `limit` keys that begin with `prefix`, in byte order, beginning after `after` (or at the first).
    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError>;

    /// Applies `commit` whole or not at all; when this answers [`Outcome::Applied`], it is durable.
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError>;

    /// Begins a copy of everything, as of one moment.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Takes the one turn to do `work`. A process that holds its store alone has it without asking.
    async fn take_turn(&self, work: Work) -> Result<Turn, StoreError> {
        let _ = work;
        Ok(Turn::default())
    }

    /// Hears of what is written under `prefix` from now on, by whomever; `None` where nobody else can write.
    async fn changes(&self, prefix: &Key) -> Result<Option<Box<dyn Changes>>, StoreError> {
        let _ = prefix;
        Ok(None)
    }

    /// The machines that share the store, by their names; none where it is one machine's. May take as long as it takes
    /// to hear each of those that live, which is some seconds.
    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        Ok(Vec::new())
    }

    /// Forgets the name of a machine that is gone, and what the engine keeps for it; `false` where it lives.
    async fn forget_node(&self, name: &str) -> Result<bool, StoreError> {
        let _ = name;
        Err(StoreError::Unavailable(
            "this store is one machine's".into(),
        ))
    }

    /// Has the other machines told from now on which master keys this process holds.
    fn say_keys(&self, keys: HeldKeys) {
        let _ = keys;
    }

    /// From now on nothing is committed once the store has moved, or is copied or restored by another process.
    fn hold_to_standing(&self) {}
}

/// The names of the master keys that this process holds; the first one seals.
pub type HeldKeys = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// A page on which records that are not as they were written stand apart from the others.
#[derive(Debug, Default)]
pub struct PartialPage {
    pub rows: Vec<(Key, Value)>,
    pub altered: Vec<Altered>,
    /// Where the next page begins, after this key; `None` when this was the last.
    pub next: Option<Key>,
}

/// As [`Store::page`], for those to whom the other records matter also where one is altered. That is told of, and whoever
/// decides something by a record that is *not* on a page must not ask in this way. An altered record costs up to `limit`
/// reads more.
pub async fn page_around_altered(
    store: &dyn Store,
    prefix: &Key,
    after: Option<&Key>,
    limit: usize,
) -> Result<PartialPage, StoreError> {
    let mut page = PartialPage {
        next: after.cloned(),
        ..PartialPage::default()
    };
    // Up to the altered record, row by row.
    let mut is_slow = false;
    loop {
        let seen = page.rows.len() + page.altered.len();
        if seen >= limit {
            return Ok(page);
        }
        let asked = if is_slow { 1 } else { limit - seen };
        match store.page(prefix, page.next.as_ref(), asked).await {
            Ok(rows) => {
                let is_end = rows.len() < asked;
                if let Some((last, _)) = rows.last() {
                    page.next = Some(last.clone());
                }
                page.rows.extend(rows);
                if is_end {
                    page.next = None;
                    return Ok(page);
                }
            }
            Err(StoreError::Altered(altered)) if asked == 1 => {
                page.next = Some(altered.record().clone());
                page.altered.push(altered);
                is_slow = false;
            }
            Err(StoreError::Altered(_)) => is_slow = true,
            Err(error) => return Err(error),
        }
    }
}

/// Work that one process at a time does on a store. Its text is what somebody is told who asks for a turn that another one
/// has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Work {
    #[error("another import is under way; run this one again when it has ended")]
    Import,
    /// Of the master keys.
    #[error(
        "the master keys are being changed already, by a command or by a rotation that goes on by itself; `key rotate --copied` waits for the end"
    )]
    Rotation,
    /// Of another store into this one, or of this one into another.
    #[error(
        "another machine copies into the cluster or out of it, or has just been killed at it; wait for it, or for 15 seconds"
    )]
    Copy,
}

/// Whether all that `condition` demands is so now.
pub async fn holds(store: &dyn Store, condition: &Commit) -> Result<bool, StoreError> {
    for (key, bytes) in condition.expectations() {
        if store.get(key).await? != *bytes {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A turn, until it is dropped, or at the latest until the store's handle is.
#[derive(Default)]
pub struct Turn(Option<Box<dyn Any + Send + Sync>>);

impl Turn {
    /// A turn that ends when `held` is dropped.
    pub fn held(held: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(held)))
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({})", self.0.is_some())
    }
}

/// Keys with what they hold (`None`: nothing), to be put over what came before, in this order.
pub type Part = Vec<(Key, Option<Value>)>;

/// A copy under way.
#[async_trait]
pub trait Snapshot: Send + Sync + fmt::Debug {
    /// The next part. `None` when all came: put together they are the store as it was at one moment between two commits,
    /// not before the copy began and not after this answer.
    async fn next(&mut self) -> Result<Option<Part>, StoreError>;
}

/// What is written to a store while this lives.
#[async_trait]
pub trait Changes: Send + fmt::Debug {
    /// The next change, in the order of the commits. It goes on by itself when the store was away for a while.
    async fn next(&mut self) -> Change;
}

/// A record that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Written {
        key: Key,
        /// What it held before, and holds now (`None`: nothing).
        before: Option<Value>,
        after: Option<Value>,
    },
    /// What a record held before, or holds now, is not as this program wrote it.
    Altered(Key),
    /// The store was away for so long that nobody knows any more what was written meanwhile.
    Missed,
}
