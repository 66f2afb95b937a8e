//! The accounts that are stranded: an entry each, from the one that got stranded last on, `stranded/<time>/<account>`,
//! written and removed in the very commits that change accounts.
//!
//! A look costs a bounded amount, however many accounts there are and however many of them somebody has stranded: only the
//! newest entries are kept. What an entry says is held against the account itself, so that none outlives what it
//! tells.

use std::sync::Arc;

use jiff::Timestamp;

use super::{newest, stranded_entries::entry};
use crate::domain::{Account, stranded::Stranded};
use crate::store::{Key, Store, StoreError, accounts::Accounts};

/// The stranded accounts of a store.
#[derive(Debug, Clone)]
pub struct StrandedAccounts {
    store: Arc<dyn Store>,
    accounts: Accounts,
}

/// Those that got stranded last.
#[derive(Debug, Default)]
pub struct Page {
    pub accounts: Vec<(Account, Stranded)>,
    /// There are more, which got stranded before these.
    pub has_more: bool,
}

impl StrandedAccounts {
    /// Entries that are kept: more people do not stand in front of a desk. Somebody who strands more accounts than this
    /// pushes out the oldest, and no account is any worse off by it.
    pub const KEPT: usize = 100;

    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            accounts: Accounts::new(store.clone()),
            store,
        }
    }

    /// Up to `limit` accounts whose owners are awaited `now`, from the one that got stranded last on. Entries of others are
    /// removed.
    pub async fn newest(&self, now: Timestamp, limit: usize) -> Result<Page, StoreError> {
        let rows = newest::newest(&*self.store, &Key::all_stranded(), Self::KEPT).await?;
        let mut page = Page::default();
        let mut stale = Vec::new();
        for (key, _) in rows {
            if page.accounts.len() == limit {
                page.has_more = true;
                break;
            }
            match self.stranded_at(&key, now).await {
                Ok(Some(stranded)) => page.accounts.push(stranded),
                Ok(None) => stale.push(key),
                // Whoever opens its card is told; the others are shown all the same.
                Err(StoreError::Altered(_)) => {}
                Err(error) => return Err(error),
            }
        }
        newest::forget(&*self.store, stale.into_iter()).await;
        Ok(page)
    }

    /// The account of the entry `key`, if it is stranded as the entry says, and its owner awaited.
    async fn stranded_at(
        &self,
        key: &Key,
        now: Timestamp,
    ) -> Result<Option<(Account, Stranded)>, StoreError> {
        let Some(account) = key.as_stranded() else {
            return Ok(None);
        };
        let Some(read) = self.accounts.read(&account).await? else {
            return Ok(None);
        };
        let stranded = Stranded::of(&read.account).filter(|stranded| stranded.is_awaited(now));
        let is_it = entry(&read.account).as_ref() == Some(key);
        Ok(stranded
            .filter(|_| is_it)
            .map(|stranded| (read.account, stranded)))
    }
}
