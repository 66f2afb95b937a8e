//! Password failures in the store: one record a source, bounded in size.
//!
//! A record holds the source's failures in all and those against the accounts it tried last. An attacker who tries
//! more accounts than a record holds pushes the oldest out, and is held by the source's own budget instead, or by the count
//! that an account which logs in there keeps itself. Accounts appear as a digest: claimed User IDs, which may be anything,
//! make no record of their own.
//!
//! There are as many records as sources, so nobody looks through them all to end an account's waits: the account says how
//! often they were ended, and each count at which of these times it began.

use std::{sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::domain::{
    AccountKey, Source,
    admission::Admission,
    throttle::{Budget, Gate, PasswordFailures, PasswordSchedule},
};
use crate::store::{
    Commit, Key, Outcome, Store, StoreError, Value,
    accounts::{self, Accounts},
    record::{self, PairFailures, SourceFailures},
};

/// Accounts whose failures one source's record keeps.
const ACCOUNTS_KEPT: usize = 64;

/// The password throttles of a store.
#[derive(Debug, Clone)]
pub struct Throttles {
    store: Arc<dyn Store>,
}

impl Throttles {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The failures of `source`, as they count from `now` on: what a clock ahead has recorded is written back as of now.
    pub async fn of(&self, source: &Source, now: Timestamp) -> Result<Counted, StoreError> {
        loop {
            let read = self.read(source).await?;
            let counted = corrected(read.failures.clone(), now);
            if counted == read.failures
                || self.store.commit(read.replace(&counted)).await? == Outcome::Applied
            {
                return Ok(Counted {
                    budget: Budget::of(source),
                    failures: counted,
                });
            }
        }
    }

    /// Decides what becomes of a password of `claimed`, whose account is `known` if there is one, that was typed at `source`
    /// and checked: `is_right` says how that came out. A right one that may be heard forgets what was counted against the
    /// account there; anything else is counted, durably. What the source has guessed in all stays: somebody with one account
    /// of their own must not be able to wipe it.
    ///
    /// What counts with the account, where it logs in from `source`, goes in the same commit as what counts with the source.
    /// So a wrong password costs one read and one commit whether there is such an account, and wherever it logs in, and its
    /// time tells nobody.
    pub async fn judge(
        &self,
        source: &Source,
        claimed: &AccountKey,
        known: Option<&accounts::Read>,
        is_right: bool,
        now: Timestamp,
    ) -> Result<Judged, StoreError> {
        let digest = digest(claimed);
        let budget = Budget::of(source);
        let mut known = known.cloned();
        let mut read = self.read(source).await?;
        loop {
            let account = known.as_ref().map(|known| &known.account);
            let unlocks = account.map_or(0, |account| account.unlocks);
            let mut failures = corrected(read.failures.clone(), now);
            let admission = Admission::of(account, source, failures.strangers.as_ref(), now);
            let may_be_heard = !matches!(admission, Admission::Unheard(_));
            if is_right && may_be_heard {
                failures.by_account.retain(|pair| pair.account != digest);
            } else {
                failures.all = Some(budget.count(failures.all.as_ref(), now));
                if admission == Admission::Stranger && account.is_some() {
                    failures.strangers = Some(budget.count(failures.strangers.as_ref(), now));
                }
                let before = counted_against(&failures, &digest, unlocks);
                let pair = PairFailures {
                    unlocks,
                    counted: PasswordSchedule::PAIR.count(before, now),
                    account: digest.clone(),
                };
                failures.by_account.retain(|pair| {
                    pair.account != digest
                        && !PasswordSchedule::PAIR.is_forgotten(&pair.counted, now)
                });
                failures.by_account.insert(0, pair);
                failures.by_account.truncate(ACCOUNTS_KEPT);
            }
            let mut commit = None;
            if failures != read.failures {
                commit = Some(read.replace(&failures));
            }
            if let Some(at_home) = known.as_ref().filter(|_| admission == Admission::Known) {
                let mut account = at_home.account.clone();
                match is_right {
                    true => account.forget_wrong_passwords(source),
                    false => account.count_wrong_password(source, now),
                }
                if account != at_home.account {
                    let kept = at_home.replace(&account);
                    commit = Some(commit.unwrap_or_default().and(kept));
                }
            }
            let outcome = match commit {
                None => Outcome::Applied,
                Some(commit) => self.store.commit(commit).await?,
            };
            if outcome == Outcome::Applied {
                return Ok(Judged {
                    admission,
                    is_right: is_right && may_be_heard,
                    counted: Counted { budget, failures },
                });
            }
            // Which of the two has changed is not told, and both are read for an account that there is not, too.
            let accounts = Accounts::new(self.store.clone());
            let (source_now, account_now) = tokio::join!(self.read(source), accounts.read(claimed));
            (read, known) = (source_now?, account_now?);
        }
    }

    async fn read(&self, source: &Source) -> Result<Read, StoreError> {
        let key = Key::throttle(source);
        let bytes = self.store.get(&key).await?;
        let failures = match &bytes {
            None => SourceFailures::default(),
            Some(bytes) => record::decode_source_failures(&format!("{key:?}"), bytes)?,
        };
        Ok(Read {
            key,
            failures,
            bytes,
        })
    }
}

/// A source's record as read.
struct Read {
    key: Key,
    failures: SourceFailures,
    bytes: Option<Value>,
}

impl Read {
    /// A commit that writes `failures` in the place of what was read, if that is still so.
    fn replace(&self, failures: &SourceFailures) -> Commit {
        Commit::new()
            .expect(self.key.clone(), self.bytes.clone())
            .put(self.key.clone(), record::encode_source_failures(failures))
    }
}

/// What became of a password that was typed.
#[derive(Debug)]
pub struct Judged {
    pub admission: Admission,
    /// It is the right one, and was heard.
    pub is_right: bool,
    /// The failures of the source from now on.
    pub counted: Counted,
}

/// The failures of one source.
#[derive(Debug)]
pub struct Counted {
    budget: Budget,
    failures: SourceFailures,
}

impl Counted {
    /// Whether the source may try a password of `account`, whose waits were ended `unlocks` times, at `now`.
    pub fn gate(&self, account: &AccountKey, unlocks: u32, now: Timestamp) -> Gate {
        let pair = counted_against(&self.failures, &digest(account), unlocks);
        PasswordSchedule::PAIR.gate(pair, now)
    }

    /// How long whoever gave a wrong password of `account` is asked to wait.
    pub fn wait(&self, account: &AccountKey, unlocks: u32, now: Timestamp) -> Duration {
        let pause = self.budget.pause(self.failures.all.as_ref(), now);
        match self.gate(account, unlocks, now) {
            Gate::Wait(wait) => wait.max(pause),
            Gate::Open | Gate::Held => pause,
        }
    }

    /// Whether so much was guessed from the source that a password may have been refused without a look at it.
    pub fn is_crowded(&self, now: Timestamp) -> bool {
        self.budget.is_crowded(self.failures.all.as_ref(), now)
    }
}

/// What counts against one account: nothing that was counted before its waits were last ended.
fn counted_against<'a>(
    failures: &'a SourceFailures,
    digest: &str,
    unlocks: u32,
) -> Option<&'a PasswordFailures> {
    let mut pairs = failures.by_account.iter();
    let pair = pairs.find(|pair| pair.account == digest && pair.unlocks == unlocks);
    pair.map(|pair| &pair.counted)
}

fn corrected(failures: SourceFailures, now: Timestamp) -> SourceFailures {
    let pair = |pair: PairFailures| PairFailures {
        counted: pair.counted.corrected(now),
        ..pair
    };
    SourceFailures {
        all: failures.all.map(|level| level.corrected(now)),
        strangers: failures.strangers.map(|level| level.corrected(now)),
        by_account: failures.by_account.into_iter().map(pair).collect(),
    }
}

fn digest(account: &AccountKey) -> String {
    let hash = Sha256::digest(account.to_string().as_bytes());
    HEXLOWER.encode(&hash[..12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            Account, EmailAddress, PasswordHash, PersonName, UserId, UserType, password::HashCost,
        },
        store::engine::memory::Memory,
    };

    fn key(id: &str) -> AccountKey {
        AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
    }

    fn account(id: &str) -> Account {
        Account::new(
            key(id),
            PersonName::parse("Siti").unwrap(),
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            now(),
        )
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_597_283_585).unwrap()
    }

    fn peer() -> Source {
        Source::Peer("192.0.2.7".parse().unwrap())
    }

    fn throttles() -> Throttles {
        Throttles::new(Arc::new(Memory::default()))
    }

    /// A password of `account` at `source`.
    async fn typed(
        throttles: &Throttles,
        source: &Source,
        account: &Account,
        is_right: bool,
        now: Timestamp,
    ) -> Judged {
        let read = accounts::Read::replaced(account.clone());
        let judged = throttles.judge(source, &account.key, Some(&read), is_right, now);
        judged.await.unwrap()
    }

    #[tokio::test]
    async fn a_strangers_hundred_thousand_failures_do_not_keep_the_owner_out() {
        let (throttles, owned) = (throttles(), account("PPK30"));
        for _ in 0..100_000 {
            typed(&throttles, &peer(), &owned, false, now()).await;
        }
        let gate = async |source: &Source| {
            let counted = throttles.of(source, now()).await.unwrap();
            counted.gate(&owned.key, 0, now())
        };
        assert!(matches!(gate(&peer()).await, Gate::Wait(_)));
        for elsewhere in [
            Source::Console("loket-1".into()),
            Source::Peer("192.0.2.8".parse().unwrap()),
        ] {
            assert_eq!(gate(&elsewhere).await, Gate::Open);
            assert!(
                typed(&throttles, &elsewhere, &owned, true, now())
                    .await
                    .is_right
            );
        }
    }

    #[tokio::test]
    async fn a_source_that_tries_many_user_ids_shuts_no_door_and_fills_no_store() {
        let store = Arc::new(Memory::default());
        let throttles = Throttles::new(store.clone());
        for number in 0..1_000 {
            let (source, tried) = (peer(), key(&format!("PPK{number}")));
            let judged = throttles.judge(&source, &tried, None, false, now());
            judged.await.unwrap();
        }
        let counted = throttles.of(&peer(), now()).await.unwrap();
        assert_eq!(counted.gate(&key("NEVER-TRIED"), 0, now()), Gate::Open);
        // Whoever was wrong pauses, and is told what it may be.
        let wait = counted.wait(&key("NEVER-TRIED"), 0, now());
        let crowded = counted.is_crowded(now());
        assert_eq!((wait, crowded), (Duration::from_secs(2), true));
        // None of them was there to be guessed, so somebody who was never here before comes in.
        let owned = account("PPK-BARU");
        assert!(
            typed(&throttles, &peer(), &owned, true, now())
                .await
                .is_right
        );
        let rows = store
            .page(&Key::from_bytes("throttle/"), None, 10)
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].1.len() < 64 * 80, "{} bytes", rows[0].1.len());
    }

    #[tokio::test]
    async fn guesses_at_many_accounts_are_heard_as_often_as_the_budget_says() {
        let throttles = throttles();
        let mut at_home = account("PPK30");
        at_home.logged_in(&peer(), now());
        let mut heard = 0;
        for number in 0..1_000 {
            let tried = account(&format!("PPK-{number}"));
            let judged = typed(&throttles, &peer(), &tried, false, now()).await;
            heard += u32::from(judged.admission == Admission::Stranger);
            assert_eq!(judged.counted.gate(&tried.key, 0, now()), Gate::Open);
        }
        assert_eq!(heard, Budget::MOST);
        // A right one is refused as the wrong ones are, unless its owner logs in from there.
        let guessed = account("PPK-TERTEBAK");
        let judged = typed(&throttles, &peer(), &guessed, true, now()).await;
        assert!(!judged.is_right && judged.counted.is_crowded(now()));
        assert!(
            typed(&throttles, &peer(), &at_home, true, now())
                .await
                .is_right
        );
        let in_a_minute = now() + Duration::from_secs(60);
        assert!(
            typed(&throttles, &peer(), &guessed, true, in_a_minute)
                .await
                .is_right
        );
    }

    #[tokio::test]
    async fn the_right_password_forgets_the_pair_and_not_the_source() {
        let (throttles, owned) = (throttles(), account("PPK30"));
        for _ in 0..60 {
            typed(&throttles, &peer(), &owned, false, now()).await;
        }
        let judged = typed(&throttles, &peer(), &owned, true, now()).await;
        assert!(judged.is_right && judged.counted.is_crowded(now()));
        assert_eq!(judged.counted.gate(&owned.key, 0, now()), Gate::Open);
    }

    #[tokio::test]
    async fn what_a_clock_ahead_has_counted_waits_its_step_from_now_and_no_longer() {
        let (throttles, owned) = (throttles(), account("PPK30"));
        let ahead = now() + Duration::from_secs(3 * 365 * 24 * 60 * 60);
        for _ in 0..12 {
            typed(&throttles, &peer(), &owned, false, ahead).await;
        }
        let wait = async |at: Timestamp| {
            let counted = throttles.of(&peer(), at).await.unwrap();
            counted.gate(&owned.key, 0, at)
        };
        assert_eq!(wait(now()).await, Gate::Wait(Duration::from_secs(300)));
        let later = now() + Duration::from_secs(299);
        assert_eq!(wait(later).await, Gate::Wait(Duration::from_secs(1)));
        let over = now() + Duration::from_secs(300);
        assert_eq!(wait(over).await, Gate::Open);
        let forgotten = now() + Duration::from_secs(3600);
        let again = typed(&throttles, &peer(), &owned, false, forgotten).await;
        let gate = again.counted.gate(&owned.key, 0, forgotten);
        assert_eq!(gate, Gate::Open, "the count begins anew");
    }

    #[tokio::test]
    async fn ended_waits_are_ended_wherever_the_passwords_were_typed() {
        let throttles = throttles();
        let sources = [peer(), Source::Console("loket-1".into())];
        for source in &sources {
            for _ in 0..5 {
                typed(&throttles, source, &account("PPK30"), false, now()).await;
                typed(&throttles, source, &account("PPK31"), false, now()).await;
            }
            let counted = throttles.of(source, now()).await.unwrap();
            let gate = |id, unlocks| counted.gate(&key(id), unlocks, now());
            assert_eq!(gate("PPK30", 0), Gate::Wait(Duration::from_secs(5)));
            assert_eq!(gate("PPK30", 1), Gate::Open);
            assert_eq!(gate("PPK31", 0), Gate::Wait(Duration::from_secs(5)));
            let unlocked = Account {
                unlocks: 1,
                ..account("PPK30")
            };
            let judged = typed(&throttles, source, &unlocked, false, now()).await;
            let failures = &judged.counted.failures;
            let pair = counted_against(failures, &digest(&key("PPK30")), 1);
            assert_eq!(pair.map(|pair| pair.failures), Some(1));
        }
    }
}
