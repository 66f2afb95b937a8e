//! The number of visits: counted per node, so that no key is written by everybody, and added up when read.

use std::sync::Arc;

use crate::store::{Commit, Key, Outcome, Store, StoreError, page_around_altered, record};

/// More nodes than this do not exist.
const NODES: usize = 4096;

/// The visits counted in a store.
#[derive(Debug, Clone)]
pub struct Visits {
    store: Arc<dyn Store>,
}

impl Visits {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Counts one visit at `node`.
    pub async fn count(&self, node: &str) -> Result<(), StoreError> {
        let key = Key::visits(node);
        loop {
            let bytes = self.store.get(&key).await?;
            let visits = match &bytes {
                None => 0,
                Some(bytes) => record::decode_visits(&format!("{key:?}"), bytes)?,
            };
            let commit = Commit::new()
                .expect(key.clone(), bytes)
                .put(key.clone(), record::encode_visits(visits.saturating_add(1)));
            if self.store.commit(commit).await? == Outcome::Applied {
                return Ok(());
            }
        }
    }

    /// Counts what `node` has counted as `heir`'s, so that nothing is kept of `node` and the sum stays what it is.
    pub async fn inherit(&self, node: &str, heir: &str) -> Result<(), StoreError> {
        let (from, to) = (Key::visits(node), Key::visits(heir));
        loop {
            let Some(left) = self.store.get(&from).await? else {
                return Ok(());
            };
            let had = self.store.get(&to).await?;
            let visits = had.as_ref().map_or(Ok(0), |bytes| {
                record::decode_visits(&format!("{to:?}"), bytes)
            })?;
            let more = record::decode_visits(&format!("{from:?}"), &left)?;
            let commit = Commit::new()
                .expect(from.clone(), Some(left))
                .expect(to.clone(), had)
                .remove(from.clone())
                .put(
                    to.clone(),
                    record::encode_visits(visits.saturating_add(more)),
                );
            if self.store.commit(commit).await? == Outcome::Applied {
                return Ok(());
            }
        }
    }

    /// All visits of all nodes.
    pub async fn total(&self) -> Result<u64, StoreError> {
        let page = page_around_altered(&*self.store, &Key::all_visits(), None, NODES).await?;
        page.rows.iter().try_fold(0_u64, |total, (key, bytes)| {
            Ok(total.saturating_add(record::decode_visits(&format!("{key:?}"), bytes)?))
        })
    }
}
