//! The records of a cluster for whoever only looks: no folder is held, no node's name is taken, nothing is written.

use std::sync::Arc;

use async_trait::async_trait;

use super::{cluster::Cluster, copy, node, reading, settings::EtcdSettings};
use crate::store::{Commit, Key, Outcome, Snapshot, Store, StoreError, Value, nodes::Node};

/// A store that refuses every commit.
#[derive(Debug)]
struct Looking(Arc<Cluster>);

/// The records of the cluster, to be read.
pub fn to_look(settings: &EtcdSettings) -> Result<Arc<dyn Store>, StoreError> {
    let cluster = Cluster::new(settings).map_err(StoreError::Unavailable)?;
    Ok(Arc::new(Looking(Arc::new(cluster))))
}

#[async_trait]
impl Store for Looking {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        reading::value(&self.0, key).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let (rows, _) = reading::rows(&self.0, prefix, after, limit, None).await?;
        Ok(rows)
    }

    async fn commit(&self, _commit: Commit) -> Result<Outcome, StoreError> {
        Err(StoreError::Unavailable(
            "this store is only looked at".into(),
        ))
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(copy::Copy::new(self.0.clone())))
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        node::all_and_clocks(&self.0).await
    }
}
