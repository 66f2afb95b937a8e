//! Imports: accounts of any number that become visible at once.
//!
//! The accounts carry the import's id, and as long as the import's mark exists they count as absent. Removing the mark
//! is one small commit, and a crash before it leaves nothing visible; [`Accounts::sweep_imports`] clears away what such
//! a crash left behind.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};

use super::find_entries;
use crate::domain::{Account, AccountKey, UserType, totp_counts::TotpCounts};
use crate::store::{
    Commit, Key, Outcome, Store, StoreError, Turn, Value, Work,
    accounts::Accounts,
    page_around_altered,
    record::{self, StoredAccount},
};

/// How many accounts are read at once to be cleared away.
const SWEEP_PAGE: usize = 64;

/// Commits under way at once: an import waits once for the disk, or for a cluster, where so many would.
const AT_ONCE: usize = 8;

/// An import under way. Dropped without [`Import::finish`] it leaves accounts behind that nobody sees.
#[derive(Debug)]
pub struct Import {
    store: Arc<dyn Store>,
    id: String,
    /// The mark as it was written: it goes when somebody else has taken this for broken off, and cleared it away.
    mark: Value,
    entries: find_entries::Held,
    /// Accounts that were added.
    added: u64,
    totp: TotpCounts,
    _turn: Turn,
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
        let turn = store.take_turn(Work::Import).await?;
        Accounts::new(store.clone()).sweep_imports().await?;
        let (key, mark) = (Key::import(id), record::encode_import(begun));
        let commit = Commit::new()
            .expect(key.clone(), None)
            .put(key, mark.clone());
        store.commit(commit).await?;
        Ok(Self {
            store,
            id: id.to_owned(),
            mark,
            entries: find_entries::Held::new(find_entries::HELD_BYTES),
            added: 0,
            totp: TotpCounts::default(),
            _turn: turn,
        })
    }

    /// Adds accounts, in as many commits as they need. Tells the first that exists; the import is to be given up then.
    pub async fn add(
        &mut self,
        accounts: impl IntoIterator<Item = Account>,
    ) -> Result<ImportStep, StoreError> {
        let mut commits = Vec::new();
        for account in accounts {
            let key = Key::account(&account.key);
            self.entries.add(&account);
            self.totp = self.totp + TotpCounts::of(&account);
            let bytes = record::encode_account(&StoredAccount {
                account,
                import: Some(self.id.clone()),
            });
            commits.push(Commit::new().expect(key.clone(), None).put(key, bytes));
        }
        self.added += commits.len() as u64;
        let refused = self.commit_all(Commit::batches(commits)).await?;
        for (key, _) in refused.iter().flat_map(Commit::expectations) {
            if let Some(account) = key.as_account()
                && self.store.get(key).await?.is_some()
            {
                return Ok(ImportStep::Exists(account));
            }
        }
        if !refused.is_empty() {
            return Err(given_up());
        }
        if self.entries.is_full() {
            self.write_entries().await?;
        }
        Ok(ImportStep::Added)
    }

    /// Makes commits as a part of this import; returns those that were refused, the earliest first.
    async fn commit_all(
        &self,
        commits: impl Iterator<Item = Commit>,
    ) -> Result<Vec<Commit>, StoreError> {
        let mut under_way = JoinSet::new();
        let mut refused = BTreeMap::new();
        let mut note = |done: Result<(usize, Commit, Result<Outcome, StoreError>), JoinError>| {
            let broken_off = |_| StoreError::Unknown("a write was broken off".into());
            let (number, commit, outcome) = done.map_err(broken_off)?;
            if outcome? == Outcome::Conflict {
                refused.insert(number, commit);
            }
            Ok::<(), StoreError>(())
        };
        for (number, commit) in commits.enumerate() {
            if under_way.len() == AT_ONCE
                && let Some(done) = under_way.join_next().await
            {
                note(done)?;
            }
            let mark = Some(self.mark.clone());
            let commit = commit.expect(Key::import(&self.id), mark);
            let store = self.store.clone();
            under_way.spawn(async move {
                let outcome = store.commit(commit.clone()).await;
                (number, commit, outcome)
            });
        }
        while let Some(done) = under_way.join_next().await {
            note(done)?;
        }
        Ok(refused.into_values().collect())
    }

    async fn write_entries(&mut self) -> Result<(), StoreError> {
        let entries = self.entries.take();
        match self.commit_all(entries).await?.is_empty() {
            true => Ok(()),
            false => Err(given_up()),
        }
    }

    /// Makes all accounts of the import visible, at once, and to be found.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.write_entries().await?;
        let key = Key::import(&self.id);
        let accounts = Accounts::new(self.store.clone());
        loop {
            let count = accounts.count().await?;
            let commit = Commit::new()
                .expect(key.clone(), Some(self.mark.clone()))
                .remove(key.clone())
                .count(None, self.totp);
            // They are counted as they become visible.
            let commit = count.replace(commit, count.accounts.saturating_add(self.added));
            if self.store.commit(commit).await? == Outcome::Applied {
                return Ok(());
            }
            if self.store.get(&key).await?.as_ref() != Some(&self.mark) {
                return Err(given_up());
            }
        }
    }
}

/// Somebody has cleared away what there was of the import.
fn given_up() -> StoreError {
    StoreError::Unavailable(
        "the import was taken for broken off, and was cleared away; nothing was imported, try again"
            .into(),
    )
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
        // One that is still under way, on a machine that was thought dead, adds nothing more from here on.
        let mut broken_off = Vec::new();
        for (key, mark) in imports {
            let commit = Commit::new()
                .expect(key.clone(), Some(mark))
                .put(key.clone(), record::encode_closed_import());
            // Otherwise it has just been finished.
            if store.commit(commit).await? == Outcome::Applied {
                broken_off.push(key);
            }
        }
        for user_type in UserType::ALL {
            let prefix = Key::accounts(user_type, "");
            let mut after = None;
            loop {
                // Nobody reads one that is altered, whatever import it came by.
                let page = page_around_altered(store, &prefix, after.as_ref(), SWEEP_PAGE).await?;
                let mut hidden = Vec::new();
                for (key, bytes) in page.rows {
                    let stored = record::decode_account(&format!("{key:?}"), &bytes)?;
                    if self.is_hidden(&stored).await? {
                        let commit = Commit::new().remove(key);
                        hidden.push(find_entries::remove_entries(commit, &stored.account));
                    }
                }
                for commit in Commit::batches(hidden) {
                    store.commit(commit).await?;
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        for key in broken_off {
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
        store::engine::memory::Memory,
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
        for most in [1, 2_000, find_entries::HELD_BYTES] {
            let store: Arc<dyn Store> = Arc::new(Memory::default());
            let mut import = Import::begin(store.clone(), "one", Timestamp::UNIX_EPOCH)
                .await
                .unwrap();
            import.entries = find_entries::Held::new(most);
            for first in [0, 100, 200] {
                let part = (first..first + 100).map(numbered);
                assert_eq!(import.add(part).await.unwrap(), ImportStep::Added);
            }
            let written = store.page(&Key::find_entries(""), None, 1).await.unwrap();
            assert_eq!(
                written.is_empty(),
                most == find_entries::HELD_BYTES,
                "{most}"
            );
            let count = async || Accounts::new(store.clone()).count().await.unwrap().accounts;
            assert_eq!(count().await, 0, "they are not there yet");
            import.finish().await.unwrap();
            assert_eq!(count().await, 300);
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
        let mut held = find_entries::Held::new(1);
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
