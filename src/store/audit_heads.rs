//! How far each node's audit log is known to have come: the record that the log's end must not fall behind.
//!
//! Whoever cuts the log's file off, or puts an older one in its place, would have to change the store as well.

use std::sync::Arc;

use super::{Commit, Key, Outcome, Store, StoreError, record};
use crate::domain::audit::AuditHead;

/// Names read at once.
const PAGE: usize = 64;

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
        let mut nodes: Vec<String> = Vec::new();
        let mut after = None;
        loop {
            let all = Key::audit_heads();
            let rows = self.store.page(&all, after.as_ref(), PAGE).await?;
            let names = rows.iter().filter_map(|(key, _)| key.as_audit_head());
            nodes.extend(names.map(str::to_owned));
            match rows.into_iter().nth(PAGE - 1) {
                Some((last, _)) => after = Some(last),
                None => return Ok(nodes),
            }
        }
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
    use crate::{domain::audit::RecordHash, store::memory::Memory};

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
        for number in 0..PAGE {
            heads.advance(&format!("n{number}"), head(1)).await.unwrap();
        }
        assert_eq!(heads.nodes().await.unwrap().len(), PAGE + 1);
    }
}
