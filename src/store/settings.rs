//! Settings that live in the store because they hold for all nodes at once: the policy, and the master key's check.

use std::sync::Arc;

use super::{Commit, Key, Outcome, Store, StoreError, Value, record};
use crate::domain::{account::SealedSecret, policy::LoginRules};

/// The settings of a store.
#[derive(Debug, Clone)]
pub struct Settings {
    store: Arc<dyn Store>,
}

/// The rules as read, with the bytes that a login's commit demands to be still there, so that no login is granted
/// by a policy that was replaced meanwhile.
#[derive(Debug, Clone)]
pub struct RulesRead {
    pub rules: LoginRules,
    bytes: Option<Value>,
}

impl RulesRead {
    /// `commit`, on condition that the policy is still the one that was read.
    pub fn still_in_force(&self, commit: Commit) -> Commit {
        commit.expect(Key::policy(), self.bytes.clone())
    }
}

/// A commit that sets the rules, in force at the next login.
pub fn put_rules(rules: LoginRules) -> Commit {
    Commit::new().put(Key::policy(), record::encode_rules(rules))
}

impl Settings {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The rules in force; the default where none were ever set.
    pub async fn rules(&self) -> Result<RulesRead, StoreError> {
        let bytes = self.store.get(&Key::policy()).await?;
        let rules = match &bytes {
            None => LoginRules::default(),
            Some(bytes) => record::decode_rules("setting/policy", bytes)?,
        };
        Ok(RulesRead { rules, bytes })
    }

    /// Sets the rules, in force at the next login.
    pub async fn set_rules(&self, rules: LoginRules) -> Result<(), StoreError> {
        self.store.commit(put_rules(rules)).await.map(drop)
    }

    /// The sealed text by which this store knows its master key again; `None` in a new store.
    pub async fn seal_check(&self) -> Result<Option<SealedSecret>, StoreError> {
        let bytes = self.store.get(&Key::seal_check()).await?;
        bytes
            .map(|bytes| record::decode_seal_check("setting/seal-check", &bytes))
            .transpose()
    }

    /// Keeps the sealed text, once; [`Outcome::Conflict`] when there is one.
    pub async fn set_seal_check(&self, sealed: &SealedSecret) -> Result<Outcome, StoreError> {
        let commit = Commit::new()
            .expect(Key::seal_check(), None)
            .put(Key::seal_check(), record::encode_seal_check(sealed));
        self.store.commit(commit).await
    }
}
