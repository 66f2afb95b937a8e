//! Accounts in the store: read, listed by pages, and changed only by deciding on what is really there.
//!
//! Accounts of an unfinished import ([`super::import`]) count as absent.
//!
//! How many there are is kept in the commits that add and remove them, so that one that is lost is missed: it is one
//! record, which is written when operators add and remove accounts, and never when people log in. How many have TOTP is
//! counted in all of these commits too ([`super::totp_counts`]).

use std::{collections::HashMap, sync::Arc};

use super::{find_entries, stranded_entries};
use crate::domain::{Account, AccountKey, UserId, UserType, totp_counts::TotpCounts};
use crate::store::{
    Altered, Change, Commit, Key, Outcome, PartialPage, Store, StoreError, Value,
    page_around_altered,
    record::{self, StoredAccount},
};

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
        let key = Key::account(&self.account.key);
        let commit = self.unchanged().put(key.clone(), visible(changed)).count(
            Some(key),
            TotpCounts::change(Some(&self.account), Some(changed)),
        );
        let commit = find_entries::replace_entries(commit, &self.account, changed);
        stranded_entries::replace_entry(commit, &self.account, changed)
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

    /// A commit that is applied only if the account is still exactly as read, and removes it from those that are counted
    /// by `count`.
    pub fn remove(&self, count: &CountRead) -> Commit {
        let key = Key::account(&self.account.key);
        let commit = self
            .unchanged()
            .remove(key.clone())
            .count(Some(key), TotpCounts::change(Some(&self.account), None));
        let commit = find_entries::remove_entries(commit, &self.account);
        let commit = stranded_entries::remove_entry(commit, &self.account);
        count.replace(commit, count.accounts.saturating_sub(1))
    }
}

/// The number of accounts as read, with the bytes that a commit demands to be still there.
#[derive(Debug, Clone)]
pub struct CountRead {
    pub accounts: u64,
    bytes: Option<Value>,
}

impl CountRead {
    /// `commit`, on condition that the number is still as read, and with `accounts` in its place.
    pub fn replace(&self, commit: Commit, accounts: u64) -> Commit {
        commit
            .expect(Key::account_count(), self.bytes.clone())
            .put(Key::account_count(), record::encode_account_count(accounts))
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
        let commit = Commit::new()
            .expect(key.clone(), None)
            .put(key.clone(), visible(&account))
            .count(Some(key.clone()), TotpCounts::of(&account));
        let commit = find_entries::put_entries(commit, &account);
        loop {
            let count = self.count().await?;
            let commit = count.replace(commit.clone(), count.accounts.saturating_add(1));
            let outcome = self.store.commit(commit).await?;
            // Otherwise only the number has changed meanwhile.
            if outcome == Outcome::Applied || self.store.get(&key).await?.is_some() {
                return Ok(outcome);
            }
        }
    }

    /// How many accounts there are, as they were counted when they came and went.
    pub async fn count(&self) -> Result<CountRead, StoreError> {
        let key = Key::account_count();
        let bytes = self.store.get(&key).await?;
        let accounts = match &bytes {
            None => 0,
            Some(bytes) => record::decode_account_count(&format!("{key:?}"), bytes)?,
        };
        Ok(CountRead { accounts, bytes })
    }

    /// Up to `limit` accounts of `user_type` whose ID begins with `id_prefix`, in the order of their IDs, after
    /// `after`, and where the next page begins. Costs what the page holds. Records that are altered stand apart.
    pub async fn page(
        &self,
        user_type: UserType,
        id_prefix: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let prefix = Key::accounts(user_type, id_prefix);
        let after = after.map(|id| Key::account(&AccountKey::new(user_type, id.clone())));
        let PartialPage {
            rows,
            altered,
            next,
        } = page_around_altered(&*self.store, &prefix, after.as_ref(), limit).await?;
        let next = next.and_then(|key| key.as_account()).map(|key| key.user_id);
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
        Ok(Page {
            accounts,
            altered,
            next,
        })
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Whether an account belongs to an unfinished import.
    pub(in crate::store) async fn is_hidden(
        &self,
        stored: &StoredAccount,
    ) -> Result<bool, StoreError> {
        match &stored.import {
            None => Ok(false),
            Some(id) => Ok(self.store.get(&Key::import(id)).await?.is_some()),
        }
    }
}

/// Whose logins a change has ended, and the generation of those that go on, if any can.
pub fn ended_by(change: &Change) -> Option<(AccountKey, Option<u64>)> {
    let (key, before, after) = match change {
        Change::Written { key, before, after } => (key, before, after),
        // Nobody goes on as somebody whose record is not what it was.
        Change::Altered(key) => return Some((key.as_account()?, None)),
        Change::Missed => return None,
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
    /// Records among these that are not as they were written.
    pub altered: Vec<Altered>,
    /// The ID after which the next page begins; `None` when this was the last.
    pub next: Option<UserId>,
}
