//! The records that are kept for one machine alone, and their end when it is forgotten.

use std::sync::Arc;

use crate::store::{Commit, Key, Store, StoreError, totp_counts::TotpNumbers, visits::Visits};

/// Takes the records that are kept for the node `name` alone out of `store`: how far its audit log had come, its letters of
/// the hour, what it wrote that nobody reads. The visits that it counted go on as `heir`'s, and so do accounts. Done again, it goes on where it
/// was broken off.
pub async fn take_out_records(
    store: &Arc<dyn Store>,
    name: &str,
    heir: &str,
) -> Result<(), StoreError> {
    Visits::new(store.clone()).inherit(name, heir).await?;
    TotpNumbers::new(store.clone()).inherit(name, heir).await?;
    let decoys = Key::decoys(name);
    loop {
        let rows = store.page(&decoys, None, DECOYS).await?;
        if rows.is_empty() {
            break;
        }
        let gone = rows
            .into_iter()
            .fold(Commit::new(), |commit, (key, _)| commit.remove(key));
        store.commit(gone).await?;
    }
    let gone = Commit::new()
        .remove(Key::reset_hour(name))
        .remove(Key::audit_head(name));
    store.commit(gone).await.map(drop)
}

/// Of what nobody reads, so much is removed at once.
const DECOYS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::engine::memory::Memory;

    #[tokio::test]
    async fn of_a_node_that_is_forgotten_only_the_visits_stay() {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let visits = Visits::new(store.clone());
        for node in ["one", "two", "two", "two-b"] {
            visits.count(node).await.unwrap();
        }
        let kept = Commit::new()
            .put(Key::decoy("two", 7), vec![1])
            .put(Key::decoy("two-b", 7), vec![1])
            .put(Key::reset_hour("two"), vec![1])
            .put(Key::audit_head("two"), vec![1])
            .put(Key::audit_head("two-b"), vec![1]);
        store.commit(kept).await.unwrap();
        for _ in 0..2 {
            take_out_records(&store, "two", "one").await.unwrap();
            assert_eq!(visits.total().await.unwrap(), 4);
        }
        let left = store.page(&Key::everything(), None, 99).await.unwrap();
        let left: Vec<_> = left.iter().map(|(key, _)| format!("{key:?}")).collect();
        assert_eq!(
            left,
            [
                "audit-head/two-b",
                "decoy/two-b/7",
                "visits/one",
                "visits/two-b"
            ]
        );
    }
}
