//! Settings that live in the store because they hold for all nodes at once: the policy, the master key's check, and as of when
//! the last backup was made.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{account::SealedSecret, policy::LoginRules};
use crate::store::{Commit, Key, Outcome, Store, StoreError, Value, record};

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

/// The seal check as read, with the bytes that the commit of whatever was sealed demands to be still there. Another key
/// that begins to seal changes them, so nothing is stored under a key after its successor has begun.
///
/// To be read before something is sealed, never after.
#[derive(Debug, Clone)]
pub struct SealRead {
    /// `None` in a new store.
    pub sealed: Option<SealedSecret>,
    bytes: Option<Value>,
}

impl SealRead {
    /// `commit`, on condition that the key that sealed when this was read still does.
    pub fn still_seals(&self, commit: Commit) -> Commit {
        commit.expect(Key::seal_check(), self.bytes.clone())
    }

    /// A commit that puts `sealed` in this one's place.
    pub fn replace(&self, sealed: &SealedSecret) -> Commit {
        self.still_seals(Commit::new())
            .put(Key::seal_check(), record::encode_sealed(sealed))
    }
}

/// A commit that sets the rules, in force at the next login.
pub fn put_rules(rules: LoginRules) -> Commit {
    Commit::new().put(Key::policy(), record::encode_rules(rules))
}

/// A commit that does nothing, on condition that a rotation to the key named `to` is under way (`None`: that none is).
pub fn while_rotating(to: Option<&str>) -> Commit {
    Commit::new().expect(Key::rotation(), to.map(record::encode_rotation))
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

    /// The sealed text by which this store knows its master key again.
    pub async fn seal_check(&self) -> Result<SealRead, StoreError> {
        let bytes = self.store.get(&Key::seal_check()).await?;
        let sealed = match &bytes {
            None => None,
            Some(bytes) => Some(record::decode_sealed("setting/seal-check", bytes)?),
        };
        Ok(SealRead { sealed, bytes })
    }

    /// The key that an unfinished rotation brings in, by its name.
    pub async fn rotation(&self) -> Result<Option<String>, StoreError> {
        let bytes = self.store.get(&Key::rotation()).await?;
        bytes
            .map(|bytes| record::decode_rotation("setting/key-rotation", &bytes))
            .transpose()
    }

    /// Notes that a rotation brings in the key named `to`, until [`Settings::end_rotation`].
    pub async fn begin_rotation(&self, to: &str) -> Result<(), StoreError> {
        let commit = Commit::new().put(Key::rotation(), record::encode_rotation(to));
        self.store.commit(commit).await.map(drop)
    }

    /// Notes that the rotation to the key named `to` is over. Another one that was begun since goes on.
    pub async fn end_rotation(&self, to: &str) -> Result<(), StoreError> {
        let commit = while_rotating(Some(to)).remove(Key::rotation());
        self.store.commit(commit).await.map(drop)
    }

    /// As of when the last backup was made; `None` where none ever was, or by an older program only.
    pub async fn last_backup(&self) -> Result<Option<Timestamp>, StoreError> {
        let bytes = self.store.get(&Key::last_backup()).await?;
        bytes
            .map(|bytes| record::decode_last_backup("setting/last-backup", &bytes))
            .transpose()
    }

    /// Notes that a backup was made, as of this moment.
    pub async fn set_last_backup(&self, as_of: Timestamp) -> Result<(), StoreError> {
        let commit = Commit::new().put(Key::last_backup(), record::encode_last_backup(as_of));
        self.store.commit(commit).await.map(drop)
    }

    /// Keeps the sealed text, once; [`Outcome::Conflict`] when there is one.
    pub async fn set_seal_check(&self, sealed: &SealedSecret) -> Result<Outcome, StoreError> {
        let commit = Commit::new()
            .expect(Key::seal_check(), None)
            .put(Key::seal_check(), record::encode_sealed(sealed));
        self.store.commit(commit).await
    }
}
