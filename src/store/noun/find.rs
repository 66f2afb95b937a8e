//! The index by which accounts are found while somebody types: an entry a word and account, `find/<word>/<account>`,
//! written and removed in the very commits that write, change and remove accounts.
//!
//! A search pages through the entries of one of its beginnings, the one that fewest words have. What an entry says of
//! the account's other words rules most others out; those that are left are held against the account itself. An account
//! that is reached by several of its words is shown at the first of them and nowhere else, so that no page has to
//! remember what the pages before it showed. What a page costs is bounded, however many accounts there are and however
//! few of them match.

use std::{collections::HashMap, sync::Arc};

use crate::domain::{
    Account, AccountKey,
    find::{Query, first_with, words},
    officer::Bookmark,
};
use crate::store::{Key, Store, StoreError, accounts::Accounts, page_around_altered, record};

/// Entries that one page of a search looks at, at most, and accounts that it reads for them.
const LOOKED_AT: usize = 4096;
const READ: usize = 256;

/// Entries read at once, and counted to tell a rare beginning from a frequent one.
const ROWS: usize = 128;

/// Beginnings that are counted to find the rarest, the longest first.
const COUNTED: usize = 4;

/// The index of a store.
#[derive(Debug, Clone)]
pub struct Index {
    store: Arc<dyn Store>,
    accounts: Accounts,
}

/// One page of a search.
#[derive(Debug, Default)]
pub struct Page {
    pub accounts: Vec<Account>,
    /// `None` when this was the last. A page may hold less than it could, or nothing, and another follow.
    pub next: Option<Bookmark>,
    /// Accounts that were looked at and are not as they were written, so that nobody knows whether they match.
    pub altered: usize,
}

impl Index {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            accounts: Accounts::new(store.clone()),
            store,
        }
    }

    /// Up to `limit` accounts that match `query`, after `after`.
    pub async fn page(
        &self,
        query: &Query,
        after: Option<&Bookmark>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let resumed = after.and_then(|bookmark| resumed(query, bookmark));
        let (leader, mut after) = match resumed {
            Some((leader, entry)) => (leader, Some(entry)),
            None => (self.rarest(query).await?, None),
        };
        let beginning = &query.parts()[leader];
        let prefix = Key::find_entries(beginning);
        let mut found = Vec::new();
        // Neighbours are often the same account by another of its words.
        let mut read: HashMap<AccountKey, Option<Account>> = HashMap::new();
        let mut altered = 0;
        for _ in 0..LOOKED_AT / ROWS {
            // An entry that is altered leads nowhere; the account is found by its other words.
            let page = page_around_altered(&*self.store, &prefix, after.as_ref(), ROWS).await?;
            let mut left = page.rows.len();
            for (entry, hints) in page.rows {
                left -= 1;
                let hints = record::decode_find_entry(&hints);
                if hints.is_some_and(|hints| !query.may_match(hints)) {
                    after = Some(entry);
                    continue;
                }
                let Some((word, key)) = entry.as_find_entry() else {
                    return Err(StoreError::Unreadable(format!(
                        "the record {entry:?} is no entry"
                    )));
                };
                let account = match read.get(&key) {
                    Some(account) => account,
                    None => {
                        let account = match self.accounts.read(&key).await {
                            Ok(account) => account.map(|read| read.account),
                            // It is told of, and the others are found all the same.
                            Err(StoreError::Altered(_)) => {
                                altered += 1;
                                None
                            }
                            Err(error) => return Err(error),
                        };
                        read.entry(key).or_insert(account)
                    }
                };
                if let Some(account) = account
                    && is_place(word, beginning, query, account)
                {
                    found.push(account.clone());
                }
                after = Some(entry);
                if found.len() == limit || read.len() == READ {
                    break;
                }
            }
            let is_end = left == 0 && page.next.is_none();
            // The last of them may have been one that is altered.
            if left == 0 {
                after = page.next.or(after);
            }
            if found.len() == limit || read.len() == READ || is_end {
                let next = after.filter(|_| !is_end);
                return Ok(Page {
                    accounts: found,
                    next: next.and_then(|entry| bookmark(leader, &entry)),
                    altered,
                });
            }
        }
        Ok(Page {
            accounts: found,
            next: after.and_then(|entry| bookmark(leader, &entry)),
            altered,
        })
    }

    /// The place among the query's beginnings of the one that fewest entries have, as far as a short look tells.
    async fn rarest(&self, query: &Query) -> Result<usize, StoreError> {
        let mut longest_first: Vec<usize> = (0..query.parts().len()).collect();
        longest_first.sort_by_key(|at| std::cmp::Reverse(query.parts()[*at].len()));
        let mut rarest = longest_first[0];
        if longest_first.len() == 1 {
            return Ok(rarest);
        }
        let mut fewest = usize::MAX;
        for at in longest_first.into_iter().take(COUNTED) {
            let prefix = Key::find_entries(&query.parts()[at]);
            let page = page_around_altered(&*self.store, &prefix, None, ROWS).await?;
            let count = page.rows.len();
            if count < fewest {
                (rarest, fewest) = (at, count);
            }
        }
        Ok(rarest)
    }
}

/// Whether `account` matches `query` and is shown at `word` rather than at another of its words.
fn is_place(word: &str, beginning: &str, query: &Query, account: &Account) -> bool {
    let words = words(account);
    first_with(&words, beginning) == Some(word) && query.matches(&words)
}

/// Where a search goes on that is led by the query's beginning number `leader` and has come to `entry`.
fn bookmark(leader: usize, entry: &Key) -> Option<Bookmark> {
    let (word, account) = entry.as_find_entry()?;
    Some(Bookmark(format!("{leader}/{word}/{account}")))
}

/// The leader and the entry of a bookmark, if it is one of this search.
fn resumed(query: &Query, bookmark: &Bookmark) -> Option<(usize, Key)> {
    let (leader, entry) = bookmark.0.split_once('/')?;
    let leader: usize = leader.parse().ok()?;
    let beginning = query.parts().get(leader)?;
    let entry = Key::find_entries(entry);
    let (word, _) = entry.as_find_entry()?;
    word.starts_with(beginning.as_str())
        .then_some((leader, entry))
}
