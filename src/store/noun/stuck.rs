//! The accounts that are stuck: an entry each, from the one that got stuck last on, `stuck/<time>/<account>`, written and
//! removed in the very commits that change accounts.
//!
//! A look costs a bounded amount, however many accounts there are and however many of them somebody has made stuck: only
//! the newest entries are kept. What an entry says is held against the account itself, so that none outlives what it
//! tells.

use std::sync::Arc;

use jiff::Timestamp;

use super::{newest, stuck_entries::entry};
use crate::domain::{Account, stuck::Stuck};
use crate::store::{Key, Store, StoreError, accounts::Accounts};

/// The stuck accounts of a store.
#[derive(Debug, Clone)]
pub struct StuckAccounts {
    store: Arc<dyn Store>,
    accounts: Accounts,
}

/// Those that got stuck last.
#[derive(Debug, Default)]
pub struct Page {
    pub accounts: Vec<(Account, Stuck)>,
    /// There are more, which got stuck before these.
    pub has_more: bool,
}

impl StuckAccounts {
    /// Entries that are kept: more people do not stand in front of a desk. Somebody who makes more accounts stuck than this
    /// pushes out the oldest, and no account is any worse off by it.
    pub const KEPT: usize = 100;

    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            accounts: Accounts::new(store.clone()),
            store,
        }
    }

    /// Up to `limit` accounts whose owners are awaited `now`, from the one that got stuck last on. Entries of others are
    /// removed.
    pub async fn newest(&self, now: Timestamp, limit: usize) -> Result<Page, StoreError> {
        let rows = newest::newest(&*self.store, &Key::all_stuck(), Self::KEPT).await?;
        let mut page = Page::default();
        let mut stale = Vec::new();
        for (key, _) in rows {
            if page.accounts.len() == limit {
                page.has_more = true;
                break;
            }
            match self.stuck_at(&key, now).await {
                Ok(Some(stuck)) => page.accounts.push(stuck),
                Ok(None) => stale.push(key),
                // Whoever opens its card is told; the others are shown all the same.
                Err(StoreError::Altered(_)) => {}
                Err(error) => return Err(error),
            }
        }
        newest::forget(&*self.store, stale.into_iter()).await;
        Ok(page)
    }

    /// The account of the entry `key`, if it is stuck as the entry says, and its owner awaited.
    async fn stuck_at(
        &self,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<(Account, Stuck)>, StoreError> {
        let Some(account) = key.as_stuck() else {
            return Ok(None);
        };
        let Some(read) = self.accounts.read(&account).await? else {
            return Ok(None);
        };
        let stuck = Stuck::of(&read.account).filter(|stuck| stuck.is_awaited(now));
        let is_it = entry(&read.account).as_ref() == Some(key);
        Ok(stuck.filter(|_| is_it).map(|stuck| (read.account, stuck)))
    }
}
