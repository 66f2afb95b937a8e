//! Records of which only the newest are kept, under keys that go from the newest to the oldest.
//!
//! Whoever looks at them removes the surplus, so that nobody has to who writes one.

use crate::store::{Commit, Key, Store, StoreError, Value, page_around_altered};

/// Surplus records that one look removes, at most; and so how many more than are kept it reads.
const SURPLUS: usize = Commit::MAX_OPERATIONS - 20;

/// The newest records under `prefix`, at most `kept`.
pub(super) async fn newest(
    store: &dyn Store,
    prefix: &Key,
    kept: usize,
) -> Result<Vec<(Key, Value)>, StoreError> {
    let page = page_around_altered(store, prefix, None, kept + SURPLUS).await?;
    let mut rows = page.rows;
    let surplus = rows.split_off(rows.len().min(kept));
    forget(store, surplus.into_iter().map(|(key, _)| key)).await;
    Ok(rows)
}

/// Removes the records under `keys`, at most [`Commit::MAX_OPERATIONS`]. Nothing is decided by them, so it is no failure where
/// that fails: the next look removes them.
pub(super) async fn forget(store: &dyn Store, keys: impl Iterator<Item = Key>) {
    let commit = keys.fold(Commit::new(), Commit::remove);
    if commit.writes().is_empty() {
        return;
    }
    if let Err(error) = store.commit(commit).await {
        tracing::debug!(%error, "what is not shown any more is not removed");
    }
}
