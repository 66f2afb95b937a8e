//! Password failures in the store: one record a source, bounded in size.
//!
//! A record holds the source's failures in all and those against the accounts it tried last. An attacker who tries
//! more accounts than a record holds pushes the oldest out, and is slowed by the source's own count instead. Accounts
//! appear as a digest: claimed User IDs, which may be anything, make no record of their own.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Commit, Key, Outcome, Store, StoreError, record, record::SourceFailures};
use crate::domain::{
    AccountKey, Source,
    throttle::{Gate, PasswordSchedule, stricter},
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

    /// Whether `source` may try a password of `account` now.
    pub async fn gate(
        &self,
        source: &Source,
        account: &AccountKey,
        now: Timestamp,
    ) -> Result<Gate, StoreError> {
        let (failures, _) = self.read(source).await?;
        Ok(gate(&failures, source, &digest(account), now))
    }

    /// Counts one failure, durably, and says how long the next try has to wait.
    pub async fn count(
        &self,
        source: &Source,
        account: &AccountKey,
        now: Timestamp,
    ) -> Result<Gate, StoreError> {
        let account = digest(account);
        loop {
            let (mut failures, commit) = self.read(source).await?;
            let schedule = PasswordSchedule::of(source);
            failures.all = Some(schedule.count(failures.all.as_ref(), now));
            let position = failures.by_account.iter().position(|(a, _)| *a == account);
            let counted = position.map(|at| failures.by_account.remove(at).1);
            let counted = PasswordSchedule::PAIR.count(counted.as_ref(), now);
            failures
                .by_account
                .retain(|(_, counted)| !PasswordSchedule::PAIR.is_forgotten(counted, now));
            failures.by_account.insert(0, (account.clone(), counted));
            failures.by_account.truncate(ACCOUNTS_KEPT);
            let commit = commit.put(
                Key::throttle(source),
                record::encode_source_failures(&failures),
            );
            if self.store.commit(commit).await? == Outcome::Applied {
                return Ok(gate(&failures, source, &account, now));
            }
        }
    }

    /// Forgets the failures of `source` against `account`, whose password it has now given. The source's own count
    /// stays: somebody with one account of their own must not be able to wipe it.
    pub async fn forget(&self, source: &Source, account: &AccountKey) -> Result<(), StoreError> {
        let account = digest(account);
        loop {
            let (mut failures, commit) = self.read(source).await?;
            let before = failures.by_account.len();
            failures.by_account.retain(|(a, _)| *a != account);
            if failures.by_account.len() == before {
                return Ok(());
            }
            let commit = commit.put(
                Key::throttle(source),
                record::encode_source_failures(&failures),
            );
            if self.store.commit(commit).await? == Outcome::Applied {
                return Ok(());
            }
        }
    }

    /// The failures of `source`, and a commit conditional on their being unchanged.
    async fn read(&self, source: &Source) -> Result<(SourceFailures, Commit), StoreError> {
        let key = Key::throttle(source);
        let bytes = self.store.get(&key).await?;
        let failures = match &bytes {
            None => SourceFailures::default(),
            Some(bytes) => record::decode_source_failures(&format!("{key:?}"), bytes)?,
        };
        Ok((failures, Commit::new().expect(key, bytes)))
    }
}

fn gate(failures: &SourceFailures, source: &Source, account: &str, now: Timestamp) -> Gate {
    let pair = failures
        .by_account
        .iter()
        .find(|(a, _)| a == account)
        .map(|(_, counted)| counted);
    stricter(
        PasswordSchedule::PAIR.gate(pair, now),
        PasswordSchedule::of(source).gate(failures.all.as_ref(), now),
    )
}

fn digest(account: &AccountKey) -> String {
    let hash = Sha256::digest(account.to_string().as_bytes());
    HEXLOWER.encode(&hash[..12])
}

#[cfg(test)]
mod tests {
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
                .count(&peer(), &account("PPK30"), now)
                .await
                .unwrap();
        }
        let gate = async |source: &Source| {
            throttles
                .gate(source, &account("PPK30"), now)
                .await
                .unwrap()
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
            throttles.count(&peer(), &tried, now).await.unwrap();
        }
        let gate = throttles
            .gate(&peer(), &account("NEVER-TRIED"), now)
            .await
            .unwrap();
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
                .count(&peer(), &account("PPK30"), now)
                .await
                .unwrap();
        }
        throttles.forget(&peer(), &account("PPK30")).await.unwrap();
        let gate = throttles
            .gate(&peer(), &account("PPK30"), now)
            .await
            .unwrap();
        assert!(
            matches!(gate, Gate::Wait(wait) if wait.as_secs() <= 60),
            "{gate:?}"
        );
    }
}
