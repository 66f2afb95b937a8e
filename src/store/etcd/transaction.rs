//! A commit in etcd's words.

use etcd_client::{Compare, CompareOp, Txn, TxnOp};

use super::{cluster::Cluster, node};
use crate::store::Commit;

/// What a commit demands and does, in etcd's words.
pub struct Transaction {
    pub compares: Vec<Compare>,
    operations: Vec<TxnOp>,
}

/// `commit` in those words.
pub fn transaction(cluster: &Cluster, commit: &Commit) -> Transaction {
    let compares = commit.expectations().iter().map(|(key, bytes)| {
        let key = cluster.record(key);
        match bytes {
            Some(bytes) => Compare::value(key, CompareOp::Equal, bytes.clone()),
            None => Compare::version(key, CompareOp::Equal, 0),
        }
    });
    // No key is written twice in one transaction: the last one counts.
    let writes: std::collections::BTreeMap<_, _> = commit
        .writes()
        .iter()
        .map(|(key, value)| (key, value))
        .collect();
    let operations = writes.into_iter().map(|(key, bytes)| {
        let key = cluster.record(key);
        match bytes {
            Some(bytes) => TxnOp::put(key, bytes.clone(), None),
            None => TxnOp::delete(key, None),
        }
    });
    let mut operations: Vec<_> = operations.collect();
    if commit.writes().iter().any(|(key, _)| key.is_mark()) {
        operations.push(node::restand(cluster));
    }
    Transaction {
        compares: compares.collect(),
        operations,
    }
}

impl Transaction {
    /// The request, with what a slot and the node add to it.
    pub fn with(&self, compares: Vec<Compare>, operation: TxnOp, otherwise: Vec<TxnOp>) -> Txn {
        let mut operations = self.operations.clone();
        operations.push(operation);
        Txn::new()
            .when([self.compares.clone(), compares].concat())
            .and_then(operations)
            .or_else(otherwise)
    }
}
