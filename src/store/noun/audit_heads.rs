//! How far each node's audit log is known to have come: the record that the log's end must not fall behind.
//!
//! Whoever cuts the log's file off, or puts an older one in its place, would have to change the store as well.

use std::sync::Arc;

use crate::domain::audit::AuditHead;
use crate::store::{Commit, Key, Outcome, Store, StoreError, record};

/// More nodes than this do not exist.
const NODES: usize = 4096;

/// The heads of the audit logs, in a store.
#[derive(Debug, Clone)]
pub struct AuditHeads {
    store: Arc<dyn Store>,
}

impl AuditHeads {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The head of `node`'s log; `None` where nothing was ever recorded.
    pub async fn get(&self, node: &str) -> Result<Option<AuditHead>, StoreError> {
        let key = Key::audit_head(node);
        let bytes = self.store.get(&key).await?;
        bytes
            .map(|bytes| record::decode_audit_head(&format!("{key:?}"), &bytes))
            .transpose()
    }

    /// The names of all nodes that ever recorded something.
    pub async fn nodes(&self) -> Result<Vec<String>, StoreError> {
        let heads = Self::all(&*self.store).await?.into_iter();
        Ok(heads.map(|(node, _)| node).collect())
    }

    /// The heads of all nodes' logs in `store`, by the nodes' names.
    pub async fn all(store: &dyn Store) -> Result<Vec<(String, AuditHead)>, StoreError> {
        let rows = store.page(&Key::all_audit_heads(), None, NODES).await?;
        let heads = rows.iter().filter_map(|(key, bytes)| {
            let node = key.as_audit_head()?.to_owned();
            let head = record::decode_audit_head(&format!("{key:?}"), bytes);
            Some(head.map(|head| (node, head)))
        });
        heads.collect()
    }

    /// The head of `node`'s log in a store that is just being made.
    pub fn first(node: &str, head: AuditHead) -> Commit {
        Commit::new().put(Key::audit_head(node), record::encode_audit_head(head))
    }

    /// Moves the head of `node`'s log forward to `head`. It never goes back.
    pub async fn advance(&self, node: &str, head: AuditHead) -> Result<(), StoreError> {
        let key = Key::audit_head(node);
        loop {
            let bytes = self.store.get(&key).await?;
            if let Some(bytes) = &bytes
                && record::decode_audit_head(&format!("{key:?}"), bytes)?.seq >= head.seq
            {
                return Ok(());
            }
            let commit = Commit::new()
                .expect(key.clone(), bytes)
                .put(key.clone(), record::encode_audit_head(head));
            if self.store.commit(commit).await? == Outcome::Applied {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::audit::RecordHash, store::engine::memory::Memory};

    #[tokio::test]
    async fn a_head_goes_forward_only_and_each_node_has_its_own() {
        let heads = AuditHeads::new(Arc::new(Memory::default()));
        assert_eq!(heads.get("local").await.unwrap(), None);
        let head = |seq| AuditHead {
            seq,
            hash: RecordHash::from_bytes([u8::try_from(seq).unwrap(); RecordHash::LENGTH]),
        };
        for (advanced, expected) in [(3, 3), (2, 3), (3, 3), (7, 7)] {
            heads.advance("local", head(advanced)).await.unwrap();
            assert_eq!(heads.get("local").await.unwrap(), Some(head(expected)));
        }
        assert_eq!(heads.get("other").await.unwrap(), None);
        heads.advance("other", head(1)).await.unwrap();
        assert_eq!(heads.nodes().await.unwrap(), ["local", "other"]);
    }
}
