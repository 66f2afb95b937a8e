//! Accounts in the store: read, listed by pages, and changed only by deciding on what is really there.
//!
//! An import of any size becomes visible at once: its accounts carry the import's id, and as long as the import's
//! mark exists they count as absent. Removing the mark is one small commit, and a crash before it leaves nothing
//! visible; [`Accounts::sweep_imports`] clears away what such a crash left behind.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{
    Commit, Key, Outcome, Store, StoreError, Value, find,
    record::{self, StoredAccount},
};
use crate::domain::{Account, AccountKey, UserId, UserType};

/// How many accounts are read at once to be cleared away.
const SWEEP_PAGE: usize = 64;

/// Commits of many accounts are made when they are as large as this: one account more is far below the bound.
pub(super) const FULL: usize = Commit::MAX_BYTES / 4;

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

    /// Marks an import as begun, the only one there is: whatever one that was broken off left behind would stand in
    /// its way, and goes first. Its accounts stay invisible until [`Accounts::finish_import`].
    pub async fn begin_import(&self, id: &str, begun: Timestamp) -> Result<Outcome, StoreError> {
        self.store.take_import_turn().await?;
        self.sweep_imports().await?;
        let key = Key::import(id);
        let commit = Commit::new()
            .expect(key.clone(), None)
            .put(key, record::encode_import(begun));
        self.store.commit(commit).await
    }

    /// Adds accounts that belong to an import, in as many commits as they need. Stops at the first that exists.
    pub async fn add_imported(
        &self,
        import: &str,
        accounts: impl IntoIterator<Item = Account>,
    ) -> Result<ImportStep, StoreError> {
        let mut commit = Commit::new();
        let mut keys = Vec::new();
        for account in accounts {
            let key = Key::account(&account.key);
            keys.push(account.key.clone());
            commit = find::put_entries(commit, &account);
            let bytes = record::encode_account(&StoredAccount {
                account,
                import: Some(import.to_owned()),
            });
            commit = commit.expect(key.clone(), None).put(key, bytes);
            if commit.size() >= FULL {
                let full = std::mem::take(&mut commit);
                if let Some(step) = self.commit_imported(full, &mut keys).await? {
                    return Ok(step);
                }
            }
        }
        let exists = self.commit_imported(commit, &mut keys).await?;
        Ok(exists.unwrap_or(ImportStep::Added))
    }

    async fn commit_imported(
        &self,
        commit: Commit,
        keys: &mut Vec<AccountKey>,
    ) -> Result<Option<ImportStep>, StoreError> {
        if commit.writes().is_empty() || self.store.commit(commit).await? == Outcome::Applied {
            keys.clear();
            return Ok(None);
        }
        for key in keys.drain(..) {
            if self.store.get(&Key::account(&key)).await?.is_some() {
                return Ok(Some(ImportStep::Exists(key)));
            }
        }
        Err(StoreError::Unavailable(
            "accounts were changed while they were imported; nothing was imported, try again"
                .into(),
        ))
    }

    /// Makes all accounts of an import visible, at once.
    pub async fn finish_import(&self, id: &str) -> Result<(), StoreError> {
        self.store
            .commit(Commit::new().remove(Key::import(id)))
            .await?;
        Ok(())
    }

    /// Removes whatever unfinished imports left behind. Only for whoever owns the store alone, at its opening, and for
    /// whoever has the turn to import.
    pub async fn sweep_imports(&self) -> Result<(), StoreError> {
        let imports = self.store.page(&Key::imports(), None, SWEEP_PAGE).await?;
        if imports.is_empty() {
            return Ok(());
        }
        for user_type in UserType::ALL {
            let prefix = Key::accounts(user_type, "");
            let mut after = None;
            loop {
                let rows = self.store.page(&prefix, after.as_ref(), SWEEP_PAGE).await?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                let mut commit = Commit::new();
                for (key, bytes) in rows {
                    let stored = record::decode_account(&format!("{key:?}"), &bytes)?;
                    if self.is_hidden(&stored).await? {
                        commit = find::remove_entries(commit, &stored.account).remove(key);
                    }
                    if commit.size() >= FULL {
                        self.store.commit(std::mem::take(&mut commit)).await?;
                    }
                }
                if !commit.writes().is_empty() {
                    self.store.commit(commit).await?;
                }
            }
        }
        for (key, _) in imports {
            self.store.commit(Commit::new().remove(key)).await?;
        }
        Ok(())
    }

    async fn is_hidden(&self, stored: &StoredAccount) -> Result<bool, StoreError> {
        match &stored.import {
            None => Ok(false),
            Some(id) => Ok(self.store.get(&Key::import(id)).await?.is_some()),
        }
    }
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

/// What became of a part of an import.
#[derive(Debug, PartialEq, Eq)]
pub enum ImportStep {
    Added,
    /// This account exists already; the part was not added.
    Exists(AccountKey),
}
