//! A store that counts accounts by the stage of their TOTP in whatever is committed to it.
//!
//! A commit says what it changes about accounts ([`TotpChange`]), and here that becomes a change of the numbers in the same
//! commit ([`super::totp_counts`]). Where only the numbers have changed meanwhile, it is tried again with the new ones:
//! nobody who changes an account is told of that. Nothing is decided by the numbers, so that ones that cannot be read keep
//! nobody from anything; `store check` finds what they are wrong by.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Changes, Commit, HeldKeys, Key, Outcome, Snapshot, Store, StoreError, TotpChange, Turn, Value,
    Work, holds, nodes::Node, totp_counts::TotpNumbers,
};

/// A store whose accounts are counted as those of one node's doing.
#[derive(Debug)]
pub struct Counted {
    store: Arc<dyn Store>,
    numbers: TotpNumbers,
    node: String,
}

impl Counted {
    /// `store`, to which is committed at `node`.
    pub fn new(store: Arc<dyn Store>, node: String) -> Self {
        Self {
            numbers: TotpNumbers::new(store.clone()),
            store,
            node,
        }
    }

    /// What is committed so that `changes` are counted; nothing where the numbers cannot be read.
    async fn counted(&self, changes: &[TotpChange]) -> Result<Commit, StoreError> {
        match self.numbers.counted(&self.node, changes).await {
            Err(StoreError::Altered(_) | StoreError::Unreadable(_)) => Ok(Commit::new()),
            counted => counted,
        }
    }
}

#[async_trait]
impl Store for Counted {
    async fn commit(&self, mut commit: Commit) -> Result<Outcome, StoreError> {
        let changes = commit.take_totp_changes();
        if changes.is_empty() {
            return self.store.commit(commit).await;
        }
        loop {
            let counted = self.counted(&changes).await?;
            let both = commit.clone().and(counted.clone());
            let outcome = self.store.commit(both).await?;
            if outcome == Outcome::Applied || holds(&*self.store, &counted).await? {
                return Ok(outcome);
            }
        }
    }

    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        self.store.get(key).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        self.store.page(prefix, after, limit).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.store.snapshot().await
    }

    async fn take_turn(&self, work: Work) -> Result<Turn, StoreError> {
        self.store.take_turn(work).await
    }

    async fn changes(&self, prefix: &Key) -> Result<Option<Box<dyn Changes>>, StoreError> {
        self.store.changes(prefix).await
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        self.store.nodes().await
    }

    async fn forget_node(&self, name: &str) -> Result<bool, StoreError> {
        self.store.forget_node(name).await
    }

    fn say_keys(&self, keys: HeldKeys) {
        self.store.say_keys(keys);
    }

    fn hold_to_standing(&self) {
        self.store.hold_to_standing();
    }
}
