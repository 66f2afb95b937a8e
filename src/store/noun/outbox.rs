//! The outbox: letters that wait until the mail server has taken them.
//!
//! A letter is put here in the very commit that makes it necessary, so none is lost between the two, and is removed
//! when it has been taken. Whoever delivers claims it first, conditionally: of any number of workers one gets it.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    account::SealedSecret,
    letter::{Delivery, Letter, LetterId, Stage},
};
use crate::store::{
    Commit, Key, Outcome, Store, StoreError, Value, page_around_altered,
    record::{self, StoredLetter},
};

/// Letters read at once.
const PAGE: usize = 64;

/// The outbox of a store.
#[derive(Debug, Clone)]
pub struct Outbox {
    store: Arc<dyn Store>,
}

/// A letter as read, with the very bytes that a commit will demand to be still there.
#[derive(Debug, Clone)]
pub struct Read {
    pub letter: Letter,
    pub secrets: Option<SealedSecret>,
    pub delivery: Delivery,
    bytes: Value,
}

impl Read {
    /// A commit that is applied only if the letter is still exactly as read, and writes how far its delivery has come.
    pub fn replace(self, delivery: Delivery) -> Commit {
        self.replaced(delivery).1
    }

    /// What a reader finds right after such a commit was applied, and the commit.
    fn replaced(self, delivery: Delivery) -> (Self, Commit) {
        let key = Key::letter(&self.letter.id);
        let stored = StoredLetter {
            letter: self.letter,
            secrets: self.secrets,
            delivery,
        };
        let bytes = record::encode_letter(&stored);
        let commit = Commit::new()
            .expect(key.clone(), Some(self.bytes))
            .put(key, bytes.clone());
        let read = Self {
            letter: stored.letter,
            secrets: stored.secrets,
            delivery: stored.delivery,
            bytes,
        };
        (read, commit)
    }
}

/// One page of letters.
#[derive(Debug)]
pub struct Page {
    pub letters: Vec<Read>,
    /// The letter after which the next page begins; `None` when this was the last.
    pub next: Option<LetterId>,
}

/// `commit` with a letter put into the outbox.
pub fn enclose(commit: Commit, letter: Letter, secrets: Option<SealedSecret>) -> Commit {
    let key = Key::letter(&letter.id);
    let stored = StoredLetter {
        delivery: Delivery::due(letter.at),
        letter,
        secrets,
    };
    commit.put(key, record::encode_letter(&stored))
}

/// `commit` with a letter taken out of the outbox, if it is there. A worker that has claimed it finds it gone.
pub fn withdraw(commit: Commit, letter: &LetterId) -> Commit {
    commit.remove(Key::letter(letter))
}

/// Whether `commit` puts a letter into the outbox: then there is work for whoever delivers.
pub fn is_fed_by(commit: &Commit) -> bool {
    let outbox = Key::outbox();
    let is_letter = |key: &Key| key.as_bytes().starts_with(outbox.as_bytes());
    let mut writes = commit.writes().iter();
    writes.any(|(key, value)| value.is_some() && is_letter(key))
}

impl Outbox {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Up to `limit` letters, the oldest first, after `after`. Costs what the page holds. A letter that cannot be read
    /// is told in the log and left out: it must not hold up the others.
    pub async fn page(&self, after: Option<&LetterId>, limit: usize) -> Result<Page, StoreError> {
        let after = after.map(Key::letter);
        let page = page_around_altered(&*self.store, &Key::outbox(), after.as_ref(), limit).await?;
        let next = page.next.and_then(|key| key.as_letter());
        for error in page.altered {
            tracing::error!(%error, "a letter in the outbox cannot be read");
        }
        let mut letters = Vec::with_capacity(page.rows.len());
        for (key, bytes) in page.rows {
            match read(&key, bytes) {
                Ok(letter) => letters.push(letter),
                Err(error) => tracing::error!(%error, "a letter in the outbox cannot be read"),
            }
        }
        Ok(Page { letters, next })
    }

    /// The letter, if it is still there.
    pub async fn get(&self, id: &LetterId) -> Result<Option<Read>, StoreError> {
        let key = Key::letter(id);
        let bytes = self.store.get(&key).await?;
        bytes.map(|bytes| read(&key, bytes)).transpose()
    }

    /// Writes how far the delivery has come, if the letter is still as read; returns it as it is then, or `None` when
    /// somebody else was at it first.
    pub async fn update(&self, read: Read, delivery: Delivery) -> Result<Option<Read>, StoreError> {
        let (read, commit) = read.replaced(delivery);
        let outcome = self.store.commit(commit).await?;
        Ok((outcome == Outcome::Applied).then_some(read))
    }

    /// The letter as it counts from `now` on, written back where a clock ahead has recorded it; `None` when somebody else
    /// was at it first. One that a worker has claimed stays as it is: that worker could not say that it was delivered.
    pub async fn corrected(&self, read: Read, now: Timestamp) -> Result<Option<Read>, StoreError> {
        let letter = read.letter.clone().corrected(now);
        let delivery = read.delivery.clone().corrected(now);
        let is_claimed = matches!(read.delivery.stage, Stage::Claimed { .. });
        if is_claimed || (letter == read.letter && delivery == read.delivery) {
            return Ok(Some(read));
        }
        self.update(Read { letter, ..read }, delivery).await
    }

    /// Ends the claims of couriers that are no more: those of the machine `node`, or, for whoever owns the store alone, of
    /// all. Only for whoever owns that machine's data folder, before a courier starts.
    pub async fn release_claims(
        &self,
        now: Timestamp,
        node: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut after: Option<LetterId> = None;
        loop {
            let page = self.page(after.as_ref(), PAGE).await?;
            for read in page.letters {
                if read.delivery.is_claimed_on(node) {
                    let delivery = Delivery {
                        stage: Stage::due(now),
                        ..read.delivery.clone()
                    };
                    self.update(read, delivery).await?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Removes the letter if it is still as read.
    pub async fn remove(&self, read: &Read) -> Result<Outcome, StoreError> {
        let key = Key::letter(&read.letter.id);
        let commit = Commit::new()
            .expect(key.clone(), Some(read.bytes.clone()))
            .remove(key);
        self.store.commit(commit).await
    }
}

fn read(key: &Key, bytes: Value) -> Result<Read, StoreError> {
    let StoredLetter {
        letter,
        secrets,
        delivery,
    } = record::decode_letter(&format!("{key:?}"), &bytes)?;
    // Secrets are sealed for the letter's name; a record moved to another key is not that letter.
    if Key::letter(&letter.id) != *key {
        return Err(StoreError::Unreadable(format!(
            "the record {key:?} belongs to letter {}",
            letter.id
        )));
    }
    Ok(Read {
        letter,
        secrets,
        delivery,
        bytes,
    })
}
