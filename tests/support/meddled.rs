//! A store at whose commits somebody else is at work, for what is decided between a look and its commit.

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

use crate::house::House;

/// What is waited for, whatever comes of it.
type Waited<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What becomes of a commit to the store within.
type AtCommit = dyn Fn(Arc<dyn Store>, Commit) -> Waited<Result<Outcome, StoreError>> + Send + Sync;

/// A store of whose commits another decides what becomes of them.
struct Meddled {
    inner: Arc<dyn Store>,
    at_commit: Box<AtCommit>,
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
        (self.at_commit)(self.inner.clone(), commit).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.inner.snapshot().await
    }
}

/// The services of `house`, of whose commits `at_commit` decides what becomes of them: it is given the store, and the commit.
pub fn over<C>(
    house: &House,
    at_commit: impl Fn(Arc<dyn Store>, Commit) -> C + Send + Sync + 'static,
) -> Services
where
    C: Future<Output = Result<Outcome, StoreError>> + Send + 'static,
{
    let foundation = &house.foundation;
    Services::new(&Arc::new(Foundation {
        store: Arc::new(Meddled {
            inner: foundation.store.clone(),
            at_commit: Box::new(move |store, commit| Box::pin(at_commit(store, commit))),
        }),
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

/// The services of `house`, at whose store `deed` is done right before their next commit.
pub fn meddled(house: &House, deed: impl Future<Output = ()> + Send + 'static) -> Services {
    let deed = Mutex::new(Some(Box::pin(deed) as Waited<()>));
    over(house, move |store, commit| {
        let deed = deed.lock().unwrap().take();
        async move {
            if let Some(deed) = deed {
                deed.await;
            }
            store.commit(commit).await
        }
    })
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
