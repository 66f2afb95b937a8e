//! Imports: accounts of any number that become visible at once.
//!
//! The accounts carry the import's id, and as long as the import's mark exists they count as absent. Removing the mark
//! is one small commit, and a crash before it leaves nothing visible; [`Accounts::sweep_imports`] clears away what such
//! a crash left behind.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Commit, Key, Outcome, Store, StoreError,
    accounts::{Accounts, FULL},
    find,
    record::{self, StoredAccount},
};
use crate::domain::{Account, AccountKey, UserType};

/// How many accounts are read at once to be cleared away.
const SWEEP_PAGE: usize = 64;

/// An import under way. Dropped without [`Import::finish`] it leaves accounts behind that nobody sees.
#[derive(Debug)]
pub struct Import {
    store: Arc<dyn Store>,
    id: String,
    entries: find::Held,
}

/// What became of a part of an import.
#[derive(Debug, PartialEq, Eq)]
pub enum ImportStep {
    Added,
    /// This account exists already; the part was not added.
    Exists(AccountKey),
}

impl Import {
    /// Marks an import as begun, the only one there is: whatever one that was broken off left behind would stand in
    /// its way, and goes first. `id` must be new.
    pub async fn begin(
        store: Arc<dyn Store>,
        id: &str,
        begun: Timestamp,
    ) -> Result<Self, StoreError> {
        store.take_import_turn().await?;
        Accounts::new(store.clone()).sweep_imports().await?;
        let key = Key::import(id);
        let commit = Commit::new()
            .expect(key.clone(), None)
            .put(key, record::encode_import(begun));
        store.commit(commit).await?;
        Ok(Self {
            store,
            id: id.to_owned(),
            entries: find::Held::new(find::HELD_BYTES),
        })
    }

    /// Adds accounts, in as many commits as they need. Stops at the first that exists.
    pub async fn add(
        &mut self,
        accounts: impl IntoIterator<Item = Account>,
    ) -> Result<ImportStep, StoreError> {
        let mut commit = Commit::new();
        let mut keys = Vec::new();
        for account in accounts {
            let key = Key::account(&account.key);
            keys.push(account.key.clone());
            self.entries.add(&account);
            let bytes = record::encode_account(&StoredAccount {
                account,
                import: Some(self.id.clone()),
            });
            commit = commit.expect(key.clone(), None).put(key, bytes);
            if commit.size() >= FULL {
                let full = std::mem::take(&mut commit);
                if let Some(exists) = self.commit(full, &mut keys).await? {
                    return Ok(exists);
                }
            }
        }
        let exists = self.commit(commit, &mut keys).await?;
        if self.entries.is_full() {
            self.write_entries().await?;
        }
        Ok(exists.unwrap_or(ImportStep::Added))
    }

    async fn commit(
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

    async fn write_entries(&mut self) -> Result<(), StoreError> {
        for commit in self.entries.take() {
            self.store.commit(commit).await?;
        }
        Ok(())
    }

    /// Makes all accounts of the import visible, at once, and to be found.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.write_entries().await?;
        let commit = Commit::new().remove(Key::import(&self.id));
        self.store.commit(commit).await?;
        Ok(())
    }
}

impl Accounts {
    /// Removes whatever unfinished imports left behind. Only for whoever owns the store alone, at its opening, and for
    /// whoever has the turn to import.
    pub async fn sweep_imports(&self) -> Result<(), StoreError> {
        let store = self.store();
        let imports = store.page(&Key::imports(), None, SWEEP_PAGE).await?;
        if imports.is_empty() {
            return Ok(());
        }
        for user_type in UserType::ALL {
            let prefix = Key::accounts(user_type, "");
            let mut after = None;
            loop {
                let rows = store.page(&prefix, after.as_ref(), SWEEP_PAGE).await?;
                let Some((last, _)) = rows.last() else { break };
                after = Some(last.clone());
                let mut commit = Commit::new();
                for (key, bytes) in rows {
                    let stored = record::decode_account(&format!("{key:?}"), &bytes)?;
                    if self.is_hidden(&stored).await? {
                        commit = find::remove_entries(commit, &stored.account).remove(key);
                    }
                    if commit.size() >= FULL {
                        store.commit(std::mem::take(&mut commit)).await?;
                    }
                }
                if !commit.writes().is_empty() {
                    store.commit(commit).await?;
                }
            }
        }
        for (key, _) in imports {
            store.commit(Commit::new().remove(key)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        domain::{EmailAddress, PasswordHash, PersonName, UserId, find::words, password::HashCost},
        store::memory::Memory,
    };

    fn numbered(number: u32) -> Account {
        let id = UserId::parse(&format!("PPK{number:04}")).unwrap();
        Account::new(
            AccountKey::new(UserType::Penyedia, id),
            PersonName::parse(&format!("Siti {}", number % 7)).unwrap(),
            EmailAddress::parse(&format!("s{number}@contoh.go.id")).unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            Timestamp::UNIX_EPOCH,
        )
    }

    #[tokio::test]
    async fn every_entry_is_there_when_the_import_is_finished_however_few_are_held_back() {
        for most in [1, 2_000, find::HELD_BYTES] {
            let store: Arc<dyn Store> = Arc::new(Memory::default());
            let mut import = Import::begin(store.clone(), "one", Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
            import.entries = find::Held::new(most);
            for first in [0, 100, 200] {
                let part = (first..first + 100).map(numbered);
                assert_eq!(import.add(part).await.unwrap(), ImportStep::Added);
            }
            let written = store.page(&Key::find_entries(""), None, 1).await.unwrap();
            assert_eq!(written.is_empty(), most == find::HELD_BYTES, "{most}");
            import.finish().await.unwrap();
            let rows = store.page(&Key::find_entries(""), None, usize::MAX).await;
            let there = rows.unwrap().into_iter().map(|(key, _)| key);
            let expected = (0..300).map(numbered).flat_map(|account| {
                let keys = words(&account).into_iter();
                keys.map(move |word| Key::find_entry(&word, &account.key))
            });
            assert_eq!(
                there.collect::<BTreeSet<_>>(),
                expected.collect::<BTreeSet<_>>()
            );
        }
    }

    #[test]
    fn entries_are_written_in_the_order_of_their_keys_in_commits_that_a_store_takes() {
        let mut held = find::Held::new(1);
        assert!(!held.is_full());
        for number in 0..2_000 {
            held.add(&numbered(number * 7 % 2_000));
        }
        assert!(held.is_full());
        let commits: Vec<Commit> = held.take().collect();
        assert!(!held.is_full() && held.take().next().is_none());
        assert!(commits.len() > 1);
        assert!(
            commits
                .iter()
                .all(|commit| commit.size() < Commit::MAX_BYTES)
        );
        let keys = commits.iter().flat_map(|commit| commit.writes());
        assert!(keys.is_sorted());
    }
}
