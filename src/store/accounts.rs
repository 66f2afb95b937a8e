//! Accounts in the store: read, listed by pages, and changed only by deciding on what is really there.
//!
//! Accounts of an unfinished import ([`super::import`]) count as absent.

use std::{collections::HashMap, sync::Arc};

use super::{
    Change, Commit, Key, Outcome, Store, StoreError, Value, find,
    record::{self, StoredAccount},
};
use crate::domain::{Account, AccountKey, UserId, UserType};

/// The accounts of a store.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Arc<dyn Store>,
}

/// An account as read, with the very bytes that a commit will demand to be still there.
#[derive(Debug, Clone)]
pub struct Read {
    pub account: Account,
    bytes: Value,
}

impl Read {
    /// A commit that is applied only if the account is still exactly as read, and replaces it by `changed`.
    pub fn replace(&self, changed: &Account) -> Commit {
        let commit = self
            .unchanged()
            .put(Key::account(&self.account.key), visible(changed));
        find::replace_entries(commit, &self.account, changed)
    }

    /// A commit of nothing that is applied only if the account is still exactly as read.
    pub fn unchanged(&self) -> Commit {
        Commit::new().expect(Key::account(&self.account.key), Some(self.bytes.clone()))
    }

    /// What a reader finds right after such a commit was applied.
    pub fn replaced(changed: Account) -> Self {
        Self {
            bytes: visible(&changed),
            account: changed,
        }
    }

    /// A commit that is applied only if the account is still exactly as read, and removes it.
    pub fn remove(&self) -> Commit {
        let commit = self.unchanged().remove(Key::account(&self.account.key));
        find::remove_entries(commit, &self.account)
    }
}

impl Accounts {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The account, if it exists.
    pub async fn read(&self, key: &AccountKey) -> Result<Option<Read>, StoreError> {
        let at = Key::account(key);
        let Some(bytes) = self.store.get(&at).await? else {
            return Ok(None);
        };
        let stored = record::decode_account(&format!("{at:?}"), &bytes)?;
        // A record moved to another key is not that account.
        if stored.account.key != *key {
            return Err(StoreError::Unreadable(format!(
                "the record {at:?} belongs to {}",
                stored.account.key
            )));
        }
        if self.is_hidden(&stored).await? {
            return Ok(None);
        }
        Ok(Some(Read {
            account: stored.account,
            bytes,
        }))
    }

    /// Adds an account that does not exist yet; [`Outcome::Conflict`] when it does.
    pub async fn add(&self, account: Account) -> Result<Outcome, StoreError> {
        let key = Key::account(&account.key);
        let bytes = visible(&account);
        let commit = Commit::new().expect(key.clone(), None).put(key, bytes);
        self.store.commit(find::put_entries(commit, &account)).await
    }

    /// Up to `limit` accounts of `user_type` whose ID begins with `id_prefix`, in the order of their IDs, after
    /// `after`, and where the next page begins. Costs what the page holds.
    pub async fn page(
        &self,
        user_type: UserType,
        id_prefix: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let prefix = Key::accounts(user_type, id_prefix);
        let after = after.map(|id| Key::account(&AccountKey::new(user_type, id.clone())));
        let rows = self.store.page(&prefix, after.as_ref(), limit).await?;
        let next = (rows.len() == limit)
            .then(|| rows.last().and_then(|(key, _)| key.as_account()))
            .flatten()
            .map(|key| key.user_id);
        let mut accounts = Vec::with_capacity(rows.len());
        // Neighbours mostly came by one import, whose mark is looked for once.
        let mut hidden: HashMap<String, bool> = HashMap::new();
        for (key, bytes) in rows {
            let stored = record::decode_account(&format!("{key:?}"), &bytes)?;
            let is_hidden = match stored.import.as_ref().and_then(|id| hidden.get(id)) {
                Some(is_hidden) => *is_hidden,
                None => self.is_hidden(&stored).await?,
            };
            if let Some(id) = stored.import {
                hidden.insert(id, is_hidden);
            }
            if !is_hidden {
                accounts.push(stored.account);
            }
        }
        Ok(Page { accounts, next })
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether an account belongs to an unfinished import.
    pub(super) async fn is_hidden(&self, stored: &StoredAccount) -> Result<bool, StoreError> {
        match &stored.import {
            None => Ok(false),
            Some(id) => Ok(self.store.get(&Key::import(id)).await?.is_some()),
        }
    }
}

/// Whose logins a change has ended, and the generation of those that go on, if any can.
pub fn ended_by(change: &Change) -> Option<(AccountKey, Option<u64>)> {
    let Change::Written { key, before, after } = change else {
        return None;
    };
    let account = key.as_account()?;
    let generation = |bytes: &Value| {
        let stored = record::decode_account(&format!("{key:?}"), bytes);
        stored.map(|stored| stored.account.generation).ok()
    };
    let before = generation(before.as_ref()?);
    let after = after.as_ref().and_then(generation);
    (before != after || before.is_none()).then_some((account, after))
}

/// The record of an account that belongs to no unfinished import.
fn visible(account: &Account) -> Value {
    record::encode_account(&StoredAccount {
        account: account.clone(),
        import: None,
    })
}

/// One page of accounts.
#[derive(Debug)]
pub struct Page {
    pub accounts: Vec<Account>,
    /// The ID after which the next page begins; `None` when this was the last.
    pub next: Option<UserId>,
}
