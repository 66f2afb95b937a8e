//! What limits resets, kept over a restart: requests and misses a source, and letters an hour and node.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    Source,
    reset::{HourCount, SOURCE_LIMITS},
    throttle::{Gate, PasswordSchedule},
};
use crate::store::{
    Commit, Key, Outcome, Store, StoreError, Value,
    record::{self, SourceResets},
};

/// The limits of a store.
#[derive(Debug, Clone)]
pub struct ResetLimits {
    store: Arc<dyn Store>,
}

/// What a source has done so far.
#[derive(Debug)]
pub struct SourceRead {
    key: Key,
    resets: SourceResets,
    bytes: Option<Value>,
}

impl SourceRead {
    /// The record as it counts from `now` on: what a clock ahead has noted was now.
    fn corrected(&self, now: Timestamp) -> SourceResets {
        let SourceResets { requests, misses } = self.resets.clone();
        SourceResets {
            requests: requests.corrected(now),
            misses: misses.map(|misses| misses.corrected(now)),
        }
    }

    fn replace(self, resets: &SourceResets) -> Commit {
        Commit::new()
            .expect(self.key.clone(), self.bytes)
            .put(self.key, record::encode_source_resets(resets))
    }

    /// Whether the source may ask once more.
    pub fn allows_request(&self, now: Timestamp) -> bool {
        self.resets.requests.allows(&SOURCE_LIMITS, now)
    }

    /// A commit that notes one more request. Beyond the limit it writes what is there already: the same work, and a
    /// source that keeps asking does not keep itself out.
    pub fn note_request(self, now: Timestamp) -> Commit {
        let mut resets = self.corrected(now);
        if self.allows_request(now) {
            resets.requests.note(&SOURCE_LIMITS, now);
        }
        self.replace(&resets)
    }
}

/// The letters that one node has written within the present hour.
#[derive(Debug)]
pub struct HourRead {
    key: Key,
    count: HourCount,
    bytes: Option<Value>,
}

impl HourRead {
    pub fn allows(&self, cap: u32, now: Timestamp) -> bool {
        self.count.allows(cap, now)
    }

    /// A commit that counts one letter more, or as many as before.
    pub fn note(&self, more: bool, now: Timestamp) -> Commit {
        let count = if more {
            self.count.with_one_more(now)
        } else {
            self.count.at(now)
        };
        Commit::new()
            .expect(self.key.clone(), self.bytes.clone())
            .put(self.key.clone(), record::encode_hour_count(&count))
    }
}

impl ResetLimits {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub async fn source(&self, source: &Source) -> Result<SourceRead, StoreError> {
        let key = Key::reset_source(source);
        let bytes = self.store.get(&key).await?;
        let resets = match &bytes {
            None => SourceResets::default(),
            Some(bytes) => record::decode_source_resets(&format!("{key:?}"), bytes)?,
        };
        Ok(SourceRead { key, resets, bytes })
    }

    pub async fn hour(&self, node: &str) -> Result<HourRead, StoreError> {
        let key = Key::reset_hour(node);
        let bytes = self.store.get(&key).await?;
        let count = match &bytes {
            None => HourCount::default(),
            Some(bytes) => record::decode_hour_count(&format!("{key:?}"), bytes)?,
        };
        Ok(HourRead { key, count, bytes })
    }

    /// Whether `source`, which has typed a code that is none, is told so now. What a clock ahead has counted is written back as of now.
    pub async fn gate(&self, source: &Source, now: Timestamp) -> Result<Gate, StoreError> {
        loop {
            let read = self.source(source).await?;
            let resets = read.corrected(now);
            let is_so = resets == read.resets
                || self.store.commit(read.replace(&resets)).await? == Outcome::Applied;
            if is_so {
                return Ok(PasswordSchedule::RESET_CODES.gate(resets.misses.as_ref(), now));
            }
        }
    }

    /// Counts one link or code that was none, durably.
    pub async fn count_miss(&self, source: &Source, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let read = self.source(source).await?;
            let mut resets = read.corrected(now);
            let schedule = PasswordSchedule::RESET_CODES;
            resets.misses = Some(schedule.count(resets.misses.as_ref(), now));
            if self.store.commit(read.replace(&resets)).await? == Outcome::Applied {
                return Ok(());
            }
        }
    }
}
