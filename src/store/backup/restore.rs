//! Bringing a backup back, into an empty store.
//!
//! A mark says that a restore is not finished; nothing else opens a store that has it, and the next restore clears away
//! what the last one has left. It goes in the last commit.

use std::{collections::HashMap, io::BufRead, sync::Arc};

use jiff::Timestamp;

use super::{
    BackupError, BackupKey,
    entry::{Entry, Reader},
    stream::Opener,
};
use crate::{
    domain::{AccountKey, TimeStep},
    kill_point,
    ports::Random,
    store::{Commit, Key, Outcome, Store, StoreError, Value, record, tagged::Tagged},
    vault::Vault,
};

/// What a store is for a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Empty,
    /// A restore was broken off here.
    Unfinished,
    /// Somebody's records are in it.
    InUse,
}

/// Records removed in one commit.
const PAGE: usize = 100;

/// Whether a restore into `store` was begun, and not finished.
pub async fn is_unfinished(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(&Key::restore()).await?.is_some())
}

/// What `store` is for a restore.
pub async fn target(store: &dyn Store) -> Result<Target, StoreError> {
    if is_unfinished(store).await? {
        return Ok(Target::Unfinished);
    }
    for mark in [Key::copy(), Key::moved()] {
        if store.get(&mark).await?.is_some() {
            return Ok(Target::InUse);
        }
    }
    // What is of this machine alone is a handful of records, one a node.
    let first = store.page(&Key::everything(), None, PAGE).await?;
    Ok(
        match first.iter().any(|(key, _)| key.belongs_into_backups()) {
            true => Target::InUse,
            false => Target::Empty,
        },
    )
}

/// Where a backup is brought back to.
pub struct Destination<'a> {
    /// It is empty, or has an unfinished restore.
    pub store: &'a Arc<dyn Store>,
    /// Seals the store key.
    pub vault: &'a Vault,
    pub random: &'a dyn Random,
}

/// When everything in a backup was so, and what has become of it since.
#[derive(Debug)]
pub struct Since {
    /// The backup's moment, as a survey of it has told.
    pub as_of: Timestamp,
    pub now: Timestamp,
    /// Steps that were spent ahead of the clock, as far as anybody knows.
    pub ahead: HashMap<AccountKey, Vec<TimeStep>>,
}

/// The mark that a restore has begun at `now`.
pub fn begun(now: Timestamp) -> Commit {
    Commit::new().put(Key::restore(), record::encode_import(now))
}

/// Puts everything in the backup into a store, but for what was used up `since`. Returns how many records the store has then.
pub async fn restore(
    into: Destination<'_>,
    from: impl BufRead,
    key: &BackupKey,
    since: &Since,
    mut progress: impl FnMut(u64),
) -> Result<u64, BackupError> {
    apply(&**into.store, begun(since.now)).await?;
    clear(&**into.store).await?;
    let (store, _) = Tagged::open(into.store.clone(), into.vault, into.random).await?;
    let store = &store;
    let mut reader = Reader::begin(Opener::begin(from, key)?)?;
    let mut commit = Commit::new();
    while let Some(entry) = reader.next()? {
        progress(reader.position());
        let Entry::Record(key, value) = entry else {
            continue;
        };
        if !key.belongs_into_backups() {
            return Err(BackupError::Senseless(format!("it has a record {key:?}")));
        }
        let value = match value {
            Some(value) => since.record(&key, value)?,
            None => None,
        };
        let next = match value {
            Some(value) => Commit::new().put(key, value),
            None => Commit::new().remove(key),
        };
        if !commit.writes().is_empty() && !commit.has_room_for(&next) {
            apply(store, std::mem::take(&mut commit)).await?;
        }
        commit = commit.and(next);
    }
    if !commit.writes().is_empty() {
        apply(store, commit).await?;
    }
    let records = count(store).await?;
    apply(store, Commit::new().remove(Key::restore())).await?;
    Ok(records)
}

async fn apply(store: &dyn Store, commit: Commit) -> Result<(), StoreError> {
    match store.commit(commit).await? {
        Outcome::Applied => {
            kill_point::reached();
            Ok(())
        }
        Outcome::Conflict => Err(StoreError::Unavailable(
            "the store was changed while it was restored".into(),
        )),
    }
}

/// Removes what an unfinished restore has left.
async fn clear(store: &dyn Store) -> Result<(), StoreError> {
    loop {
        let rows = store.page(&Key::everything(), None, PAGE).await?;
        let left = rows
            .into_iter()
            .filter(|(key, _)| key.belongs_into_copies());
        let commit = left.fold(Commit::new(), |commit, (key, _)| commit.remove(key));
        if commit.writes().is_empty() {
            return Ok(());
        }
        apply(store, commit).await?;
    }
}

/// How many records there are, as backups count them.
async fn count(store: &dyn Store) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut after = None;
    loop {
        let rows = store.page(&Key::everything(), after.as_ref(), PAGE).await?;
        let Some((last, _)) = rows.last() else {
            return Ok(count);
        };
        after = Some(last.clone());
        count += rows
            .iter()
            .filter(|(key, _)| key.belongs_into_backups())
            .count() as u64;
    }
}

impl Since {
    /// The record as it is restored, if it is: what was used up, or may have been, is.
    fn record(&self, key: &Key, value: Value) -> Result<Option<Value>, StoreError> {
        let what = format!("{key:?}");
        if key.as_account().is_some() {
            let mut stored = record::decode_account(&what, &value)?;
            let ahead = self.ahead.get(&stored.account.key);
            for key in stored.account.authenticator.every_key_mut() {
                key.spent.spend_up_to(self.last_step());
                // Of which of two phones they were, nobody says: the other's codes of that minute are spent with them.
                for step in ahead.into_iter().flatten() {
                    key.spent.spend(*step, self.now);
                }
            }
            // Any of them may have been used since; who needs them has new ones made, with the phone.
            stored.account.recovery = None;
            if let Some(issued) = &mut stored.account.one_time_password {
                issued.good_until = issued.good_until.min(self.as_of.min(self.now));
            }
            return Ok(Some(record::encode_account(&stored)));
        }
        if key.is_ticket() {
            let mut stored = record::decode_ticket(&what, &value)?;
            stored.ticket.expires = stored.ticket.expires.min(self.as_of.min(self.now));
            return Ok(Some(record::encode_ticket(&stored)));
        }
        if key.as_letter().is_some() {
            let stored = record::decode_letter(&what, &value)?;
            return Ok(stored.secrets.is_none().then_some(value));
        }
        Ok(Some(value))
    }

    /// The last step of which a code can have been accepted before now: phones may be one ahead. A clock that is behind
    /// the backup's own is not believed.
    fn last_step(&self) -> TimeStep {
        TimeStep::new(
            TimeStep::at(self.now.max(self.as_of))
                .number()
                .saturating_add(1),
        )
    }
}
