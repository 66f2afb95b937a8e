//! A copy of a whole store as of one moment, taken part by part while others write.
//!
//! An embedded store is copied page by page while the committer notes which keys it writes. What was written meanwhile is
//! read again, and the last of it by the committer itself, between two commits: at that moment every part that was taken
//! earlier, and not written since, is still what the store holds. etcd would take its pages at one revision.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{Commit, Key, Part, Snapshot, StoreError, Value};

/// A part is full with this many bytes of keys and values; one row more, of at most [`Commit::MAX_BYTES`], still fits.
pub const PART_BYTES: usize = 256 * 1024;

/// Rows on their way out, in parts of bounded size.
#[derive(Debug, Default)]
pub struct Rows(VecDeque<(Key, Option<Value>)>);

impl Rows {
    pub fn extend(&mut self, rows: impl IntoIterator<Item = (Key, Option<Value>)>) {
        self.0.extend(rows);
    }

    /// As many rows as a part holds; `None` when there is none.
    pub fn take_part(&mut self) -> Option<Part> {
        let mut bytes = 0;
        let mut part = Vec::new();
        while bytes < PART_BYTES
            && let Some((key, value)) = self.0.pop_front()
        {
            bytes += key.as_bytes().len() + value.as_ref().map_or(0, Vec::len);
            part.push((key, value));
        }
        (!part.is_empty()).then_some(part)
    }
}

/// Rows that are all there already.
#[async_trait]
impl Snapshot for Rows {
    async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        Ok(self.take_part())
    }
}

/// More keys are not kept in mind for one copy: whoever takes it is too slow for what is written meanwhile.
const MOST_KEYS: usize = 256 * 1024;

/// The keys that were written since they were last taken.
#[derive(Debug, Default)]
pub struct Written {
    keys: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    keys: BTreeSet<Key>,
    is_too_much: bool,
}

impl Written {
    /// Notes what `group` may have written. To be called after it was applied and before anything else is.
    pub fn note(&self, group: &[Commit]) {
        let mut noted = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in group.iter().flat_map(Commit::writes) {
            if noted.keys.len() >= MOST_KEYS {
                noted.is_too_much = true;
                noted.keys.clear();
            }
            if !noted.is_too_much {
                noted.keys.insert(key.clone());
            }
        }
    }

    pub fn count(&self) -> usize {
        let noted = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        noted.keys.len()
    }

    /// The keys, which are then no longer noted.
    pub fn take(&self) -> Result<BTreeSet<Key>, StoreError> {
        let mut noted = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.is_too_much {
            return Err(too_much());
        }
        Ok(std::mem::take(&mut noted.keys))
    }
}

/// More is written than can be copied.
pub fn too_much() -> StoreError {
    StoreError::Unavailable(
        "too much was written while the store was copied; do it again when there is less to do"
            .into(),
    )
}
