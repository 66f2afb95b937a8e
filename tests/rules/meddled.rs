//! A store at which somebody else is at work right before a commit, for what is decided between a look and its commit.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use lpse_kiosk::{
    domain::{Account, AccountKey},
    service::{Foundation, Services, hashing::HashPool},
    store::{Commit, Key, Outcome, Snapshot, Store, StoreError, Value, accounts::Accounts},
};
use support::house::House;

/// What somebody does meanwhile.
type Deed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A store at which something is done right before the next commit.
struct Meddled {
    inner: Arc<dyn Store>,
    deed: Mutex<Option<Deed>>,
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddled")
    }
}

#[async_trait]
impl Store for Meddled {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        self.inner.get(key).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        self.inner.page(prefix, after, limit).await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let deed = self.deed.lock().unwrap().take();
        if let Some(deed) = deed {
            deed.await;
        }
        self.inner.commit(commit).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.inner.snapshot().await
    }
}

/// The services of `house`, at whose store `deed` is done right before their next commit.
pub fn meddled(house: &House, deed: impl Future<Output = ()> + Send + 'static) -> Services {
    let inner = house.foundation.store.clone();
    let deed = Mutex::new(Some(Box::pin(deed) as Deed));
    over(house, Meddled { inner, deed })
}

/// The services of `house` over another `store`.
pub fn over(house: &House, store: impl Store) -> Services {
    let foundation = &house.foundation;
    Services::new(&Arc::new(Foundation {
        store: Arc::new(store),
        vault: foundation.vault.clone(),
        clock: foundation.clock.clone(),
        random: foundation.random.clone(),
        audit: foundation.audit.clone(),
        audit_trail: None,
        hashing: HashPool::new(1, 1),
        hash_cost: foundation.hash_cost,
        issuer: foundation.issuer.clone(),
        letters: foundation.letters.clone(),
        ended_logins: foundation.ended_logins.clone(),
        node: foundation.node.clone(),
    }))
}

/// Changes the account `key` in `store` behind everybody's back.
pub async fn edit(store: &Arc<dyn Store>, key: &AccountKey, change: impl FnOnce(&mut Account)) {
    let read = Accounts::new(store.clone())
        .read(key)
        .await
        .unwrap()
        .unwrap();
    let mut account = read.account.clone();
    change(&mut account);
    store.commit(read.replace(&account)).await.unwrap();
}
