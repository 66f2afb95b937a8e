//! Every sealed text in the store, wherever it stands: found page by page, opened, and sealed anew.
//!
//! Whatever keeps a sealed text has its line in [`Record::seals`], and is thereby checked, rotated and known to backups.

use std::{fmt, sync::Arc};

use crate::store::{
    Altered, Commit, Key, Outcome, PartialPage, Store, StoreError, Value, holds,
    page_around_altered,
    record::{self, StoredAccount, StoredLetter},
};
use crate::{
    domain::{Account, UserType, account::SealedSecret},
    vault::Purpose,
};

/// Records read at once, and sealed anew in one commit: well under [`Commit::MAX_BYTES`] at a few KiB each.
const PAGE: usize = 32;

/// A record that may hold sealed texts.
enum Record {
    Account(Box<StoredAccount>),
    Letter(Box<StoredLetter>),
    /// A sealed text and nothing else.
    Alone(Purpose<'static>, SealedSecret),
}

/// The records that are a sealed text and nothing else.
fn alone() -> [(Key, Purpose<'static>); 2] {
    [
        (Key::seal_check(), Purpose::SealCheck),
        (Key::store_key(), Purpose::StoreKey),
    ]
}

impl Record {
    /// The record under `key`, if it is of a kind that may hold sealed texts.
    fn decode(key: &Key, bytes: &[u8]) -> Result<Option<Self>, StoreError> {
        let what = format!("{key:?}");
        Ok(Some(if key.as_account().is_some() {
            Self::Account(Box::new(record::decode_account(&what, bytes)?))
        } else if key.as_letter().is_some() {
            Self::Letter(Box::new(record::decode_letter(&what, bytes)?))
        } else if let Some((_, purpose)) = alone().into_iter().find(|(at, _)| at == key) {
            Self::Alone(purpose, record::decode_sealed(&what, bytes)?)
        } else {
            return Ok(None);
        }))
    }

    fn encode(&self) -> Value {
        match self {
            Self::Account(stored) => record::encode_account(stored),
            Self::Letter(stored) => record::encode_letter(stored),
            Self::Alone(_, sealed) => record::encode_sealed(sealed),
        }
    }

    /// The sealed texts, each with what it is kept for. A new kind of secret gets its line here.
    fn seals(&mut self) -> Vec<(Purpose<'_>, &mut SealedSecret)> {
        let seals = match self {
            Self::Account(stored) => {
                let Account {
                    key,
                    authenticator,
                    recovery,
                    ..
                } = &mut stored.account;
                let key = &*key;
                let keys = authenticator.every_key_mut().into_iter();
                let secrets = keys.map(|it| Some((Purpose::TotpSecret(key), &mut it.secret)));
                let codes = recovery
                    .as_mut()
                    .map(|codes| (Purpose::RecoveryCodes(key), &mut codes.digests));
                secrets.chain([codes]).collect()
            }
            Self::Letter(stored) => {
                let StoredLetter {
                    letter, secrets, ..
                } = &mut **stored;
                vec![
                    secrets
                        .as_mut()
                        .map(|sealed| (Purpose::TicketSecrets(&letter.id), sealed)),
                ]
            }
            Self::Alone(purpose, sealed) => vec![Some((*purpose, sealed))],
        };
        seals.into_iter().flatten().collect()
    }
}

/// A sealed text as it was found.
#[derive(Debug)]
pub struct Found<'a> {
    pub purpose: Purpose<'a>,
    pub sealed: &'a SealedSecret,
}

/// Shows `look` the sealed texts of the record under `key`, if it may hold any.
pub fn look_into(
    key: &Key,
    bytes: &[u8],
    mut look: impl FnMut(Found<'_>),
) -> Result<(), StoreError> {
    if let Some(mut record) = Record::decode(key, bytes)? {
        for (purpose, sealed) in record.seals() {
            look(Found { purpose, sealed });
        }
    }
    Ok(())
}

/// One page of records that may hold sealed texts.
pub struct Page {
    rows: Vec<(Key, Value)>,
    altered: Vec<Altered>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<Place>,
}

/// A place in the order in which the records are gone through.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which of [`prefixes`].
    noun: usize,
    after: Option<Key>,
}

impl Place {
    pub fn beginning() -> Self {
        Self {
            noun: 0,
            after: None,
        }
    }
}

fn prefixes() -> [Key; 5] {
    let [one, other] = UserType::ALL.map(|user_type| Key::accounts(user_type, ""));
    let [(check, _), (store_key, _)] = alone();
    [one, other, Key::outbox(), check, store_key]
}

/// What became of records that were to be sealed anew.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct SealedAnew {
    /// Records that are under the new key now and were not before.
    pub changed: u64,
    /// Records with something that could not be opened, by their names.
    pub failed: Vec<(String, String)>,
}

/// The sealed texts of a store.
#[derive(Debug, Clone)]
pub struct Sealed {
    store: Arc<dyn Store>,
}

impl Sealed {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The records from `place` on, as many as a page holds.
    pub async fn page(&self, place: &Place) -> Result<Page, StoreError> {
        let prefixes = prefixes();
        let Some(prefix) = prefixes.get(place.noun) else {
            return Ok(Page {
                rows: Vec::new(),
                altered: Vec::new(),
                next: None,
            });
        };
        let after = place.after.as_ref();
        let PartialPage {
            rows,
            altered,
            next,
        } = page_around_altered(&*self.store, prefix, after, PAGE).await?;
        let next = match next {
            Some(last) => Some(Place {
                noun: place.noun,
                after: Some(last),
            }),
            None => (place.noun + 1 < prefixes.len()).then_some(Place {
                noun: place.noun + 1,
                after: None,
            }),
        };
        Ok(Page {
            rows,
            altered,
            next,
        })
    }

    /// Seals every text in `page` anew with `seal`, which answers `None` for what needs no change. Each record is
    /// replaced only as it was read, and while `condition` holds; one that was changed meanwhile is read again.
    ///
    /// # Errors
    /// The condition no longer holds, or the store cannot answer. What was sealed anew by then stays so.
    pub async fn seal_anew<E: fmt::Display>(
        &self,
        page: Page,
        condition: &Commit,
        seal: impl Fn(Found<'_>) -> Result<Option<SealedSecret>, E>,
    ) -> Result<SealedAnew, StoreError> {
        let mut done = SealedAnew::default();
        let mut together = Commit::new();
        let mut changed = Vec::new();
        let altered = page.altered.iter();
        let named = altered.map(|altered| (format!("{:?}", altered.record()), altered.to_string()));
        done.failed.extend(named);
        for (key, bytes) in page.rows {
            if let Some(commit) = replacing(&key, bytes, &seal, &mut done) {
                together = together.and(commit);
                changed.push(key);
            }
        }
        if changed.is_empty() {
            return Ok(done);
        }
        done.changed += changed.len() as u64;
        let together = together.and(condition.clone());
        let fits = together.check_plain_size().is_ok();
        if fits && self.store.commit(together).await? == Outcome::Applied {
            return Ok(done);
        }
        // Somebody was at one of them: each by itself, until it is done.
        for key in changed {
            let mut tried = SealedAnew::default();
            while let Some(bytes) = self.store.get(&key).await?
                && let Some(commit) = replacing(&key, bytes, &seal, &mut tried)
                && self.store.commit(commit.and(condition.clone())).await? == Outcome::Conflict
            {
                if !holds(&*self.store, condition).await? {
                    return Err(StoreError::Unavailable(
                        "somebody else has ended this rotation meanwhile, or begun another one"
                            .into(),
                    ));
                }
            }
            done.failed.extend(tried.failed);
        }
        Ok(done)
    }
}

impl Page {
    pub fn len(&self) -> usize {
        self.rows.len() + self.altered.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows `look` every sealed text with its record's name; records that cannot be read are handed to `unreadable`.
    pub fn look(
        &self,
        mut look: impl FnMut(&str, Found<'_>),
        mut unreadable: impl FnMut(&str, StoreError),
    ) {
        for (key, bytes) in &self.rows {
            let name = format!("{key:?}");
            if let Err(error) = look_into(key, bytes, |found| look(&name, found)) {
                unreadable(&name, error);
            }
        }
        for altered in &self.altered {
            let name = format!("{:?}", altered.record());
            unreadable(&name, altered.clone().into());
        }
    }
}

/// A commit that replaces the record by one with everything sealed anew; `None` when nothing changes.
fn replacing<E: fmt::Display>(
    key: &Key,
    bytes: Value,
    seal: impl Fn(Found<'_>) -> Result<Option<SealedSecret>, E>,
    done: &mut SealedAnew,
) -> Option<Commit> {
    let mut fail = |why: String| {
        done.failed.push((format!("{key:?}"), why));
    };
    let mut record = match Record::decode(key, &bytes) {
        Ok(record) => record?,
        Err(error) => {
            fail(error.to_string());
            return None;
        }
    };
    let mut is_changed = false;
    for (purpose, sealed) in record.seals() {
        match seal(Found { purpose, sealed }) {
            Ok(None) => {}
            Ok(Some(anew)) => {
                *sealed = anew;
                is_changed = true;
            }
            Err(error) => fail(error.to_string()),
        }
    }
    is_changed.then(|| {
        Commit::new()
            .expect(key.clone(), Some(bytes))
            .put(key.clone(), record.encode())
    })
}
