//! The store in memory, for tests: the promises of [`Store`] without a disk.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::store::{Commit, Key, Outcome, Snapshot, Store, StoreError, Value, snapshot::Rows};

/// A store that is gone with the process.
#[derive(Default)]
pub struct Memory {
    records: Mutex<BTreeMap<Key, Value>>,
}

impl Memory {
    fn records(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Value>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        Ok(self.records().get(key).cloned())
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let from = after.filter(|after| *after >= prefix).unwrap_or(prefix);
        let records = self.records();
        let page = records
            .range(from.clone()..)
            .skip_while(|(key, _)| Some(*key) == after)
            .take_while(|(key, _)| key.as_bytes().starts_with(prefix.as_bytes()))
            .take(limit);
        Ok(page
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        commit.check_size()?;
        let mut records = self.records();
        let holds = |(key, bytes): &(Key, Option<Value>)| records.get(key) == bytes.as_ref();
        if !commit.expectations().iter().all(holds) {
            return Ok(Outcome::Conflict);
        }
        for (key, bytes) in commit.writes() {
            match bytes {
                Some(bytes) => records.insert(key.clone(), bytes.clone()),
                None => records.remove(key),
            };
        }
        Ok(Outcome::Applied)
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let records = self.records().clone();
        let mut rows = Rows::default();
        rows.extend(records.into_iter().map(|(key, value)| (key, Some(value))));
        Ok(Box::new(rows))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} records)", self.records().len())
    }
}
