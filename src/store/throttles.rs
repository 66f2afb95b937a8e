//! Password failures in the store: one record a source, bounded in size.
//!
//! A record holds the source's failures in all and those against the accounts it tried last. An attacker who tries
//! more accounts than a record holds pushes the oldest out, and is slowed by the source's own count instead. Accounts
//! appear as a digest: claimed User IDs, which may be anything, make no record of their own.
//!
//! There are as many records as sources, so nobody looks through them all to end an account's waits: the account says how
//! often they were ended, and each count at which of these times it began.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    Commit, Key, Outcome, Store, StoreError, Value,
    record::{self, PairFailures, SourceFailures},
};
use crate::domain::{
    AccountKey, Source,
    throttle::{Gate, PasswordFailures, PasswordSchedule, stricter},
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
            if counted == read.failures || self.write(&read, &counted).await? == Outcome::Applied {
                return Ok(Counted {
                    schedule: PasswordSchedule::of(source),
                    failures: counted,
                });
            }
        }
    }

    /// Counts one failure against `account`, whose waits were ended `unlocks` times, durably; says how long the next try
    /// has to wait.
    pub async fn count(
        &self,
        source: &Source,
        account: &AccountKey,
        unlocks: u32,
        now: Timestamp,
    ) -> Result<Gate, StoreError> {
        let digest = digest(account);
        loop {
            let read = self.read(source).await?;
            let mut failures = corrected(read.failures.clone(), now);
            let schedule = PasswordSchedule::of(source);
            failures.all = Some(schedule.count(failures.all.as_ref(), now));
            let before = counted_against(&failures, &digest, unlocks);
            let pair = PairFailures {
                unlocks,
                counted: PasswordSchedule::PAIR.count(before, now),
                account: digest.clone(),
            };
            failures.by_account.retain(|pair| {
                pair.account != digest && !PasswordSchedule::PAIR.is_forgotten(&pair.counted, now)
            });
            failures.by_account.insert(0, pair);
            failures.by_account.truncate(ACCOUNTS_KEPT);
            if self.write(&read, &failures).await? == Outcome::Applied {
                let counted = Counted { schedule, failures };
                return Ok(counted.gate(account, unlocks, now));
            }
        }
    }

    /// Forgets the failures of `source` against `account`, whose password it has now given. The source's own count
    /// stays: somebody with one account of their own must not be able to wipe it.
    pub async fn forget(&self, source: &Source, account: &AccountKey) -> Result<(), StoreError> {
        let digest = digest(account);
        loop {
            let read = self.read(source).await?;
            let mut failures = read.failures.clone();
            failures.by_account.retain(|pair| pair.account != digest);
            if failures == read.failures || self.write(&read, &failures).await? == Outcome::Applied
            {
                return Ok(());
            }
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

    /// Writes `failures` in the place of what was read, if that is still so.
    async fn write(&self, read: &Read, failures: &SourceFailures) -> Result<Outcome, StoreError> {
        let commit = Commit::new()
            .expect(read.key.clone(), read.bytes.clone())
            .put(read.key.clone(), record::encode_source_failures(failures));
        self.store.commit(commit).await
    }
}

/// A source's record as read.
struct Read {
    key: Key,
    failures: SourceFailures,
    bytes: Option<Value>,
}

/// The failures of one source.
#[derive(Debug)]
pub struct Counted {
    schedule: PasswordSchedule,
    failures: SourceFailures,
}

impl Counted {
    /// Whether the source may try a password of `account`, whose waits were ended `unlocks` times, at `now`.
    pub fn gate(&self, account: &AccountKey, unlocks: u32, now: Timestamp) -> Gate {
        let pair = counted_against(&self.failures, &digest(account), unlocks);
        stricter(
            PasswordSchedule::PAIR.gate(pair, now),
            self.schedule.gate(self.failures.all.as_ref(), now),
        )
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
        all: failures.all.map(|all| all.corrected(now)),
        by_account: failures.by_account.into_iter().map(pair).collect(),
    }
}

fn digest(account: &AccountKey) -> String {
    let hash = Sha256::digest(account.to_string().as_bytes());
    HEXLOWER.encode(&hash[..12])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        domain::{UserId, UserType},
        store::memory::Memory,
    };

    fn account(id: &str) -> AccountKey {
        AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
    }

    fn peer() -> Source {
        Source::Peer("192.0.2.7".parse().unwrap())
    }

    #[tokio::test]
    async fn a_strangers_hundred_thousand_failures_do_not_keep_the_owner_out() {
        let throttles = Throttles::new(Arc::new(Memory::default()));
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        for _ in 0..100_000 {
            throttles
                .count(&peer(), &account("PPK30"), 0, now)
                .await
                .unwrap();
        }
        let gate = async |source: &Source| {
            let counted = throttles.of(source, now).await.unwrap();
            counted.gate(&account("PPK30"), 0, now)
        };
        assert!(matches!(gate(&peer()).await, Gate::Wait(_)));
        assert_eq!(gate(&Source::Console("loket-1".into())).await, Gate::Open);
        assert_eq!(
            gate(&Source::Peer("192.0.2.8".parse().unwrap())).await,
            Gate::Open
        );
    }

    #[tokio::test]
    async fn a_source_that_tries_many_accounts_is_slowed_as_a_whole_and_fills_no_store() {
        let store = Arc::new(Memory::default());
        let throttles = Throttles::new(store.clone());
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        for number in 0..1_000 {
            let tried = account(&format!("PPK{number}"));
            throttles.count(&peer(), &tried, 0, now).await.unwrap();
        }
        let counted = throttles.of(&peer(), now).await.unwrap();
        let gate = counted.gate(&account("NEVER-TRIED"), 0, now);
        assert!(matches!(gate, Gate::Wait(_)), "{gate:?}");
        let rows = store
            .page(&Key::from_bytes("throttle/"), None, 10)
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].1.len() < 64 * 80, "{} bytes", rows[0].1.len());
    }

    #[tokio::test]
    async fn the_right_password_forgets_the_pair_and_not_the_source() {
        let throttles = Throttles::new(Arc::new(Memory::default()));
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        for _ in 0..20 {
            throttles
                .count(&peer(), &account("PPK30"), 0, now)
                .await
                .unwrap();
        }
        throttles.forget(&peer(), &account("PPK30")).await.unwrap();
        let counted = throttles.of(&peer(), now).await.unwrap();
        let gate = counted.gate(&account("PPK30"), 0, now);
        assert!(
            matches!(gate, Gate::Wait(wait) if wait.as_secs() <= 60),
            "{gate:?}"
        );
    }

    #[tokio::test]
    async fn what_a_clock_ahead_has_counted_waits_its_step_from_now_and_no_longer() {
        let throttles = Throttles::new(Arc::new(Memory::default()));
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        let ahead = now + Duration::from_secs(3 * 365 * 24 * 60 * 60);
        for _ in 0..12 {
            throttles
                .count(&peer(), &account("PPK30"), 0, ahead)
                .await
                .unwrap();
        }
        let wait = async |at: Timestamp| {
            let counted = throttles.of(&peer(), at).await.unwrap();
            counted.gate(&account("PPK30"), 0, at)
        };
        assert_eq!(wait(now).await, Gate::Wait(Duration::from_secs(300)));
        let later = now + Duration::from_secs(299);
        assert_eq!(wait(later).await, Gate::Wait(Duration::from_secs(1)));
        let over = now + Duration::from_secs(300);
        assert_eq!(wait(over).await, Gate::Open);
        let forgotten = now + Duration::from_secs(3600);
        let again = throttles
            .count(&peer(), &account("PPK30"), 0, forgotten)
            .await;
        assert_eq!(again.unwrap(), Gate::Open, "the count begins anew");
    }

    #[tokio::test]
    async fn ended_waits_are_ended_wherever_the_passwords_were_typed() {
        let throttles = Throttles::new(Arc::new(Memory::default()));
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        let sources = [peer(), Source::Console("loket-1".into())];
        for source in &sources {
            for _ in 0..5 {
                throttles
                    .count(source, &account("PPK30"), 0, now)
                    .await
                    .unwrap();
                throttles
                    .count(source, &account("PPK31"), 0, now)
                    .await
                    .unwrap();
            }
            let counted = throttles.of(source, now).await.unwrap();
            let gate = |id, unlocks| counted.gate(&account(id), unlocks, now);
            assert_eq!(gate("PPK30", 0), Gate::Wait(Duration::from_secs(5)));
            assert_eq!(gate("PPK30", 1), Gate::Open);
            assert_eq!(gate("PPK31", 0), Gate::Wait(Duration::from_secs(5)));
            throttles
                .count(source, &account("PPK30"), 1, now)
                .await
                .unwrap();
            let counted = throttles.of(source, now).await.unwrap();
            let pair = counted_against(&counted.failures, &digest(&account("PPK30")), 1);
            assert_eq!(pair.map(|pair| pair.failures), Some(1));
        }
    }
}
