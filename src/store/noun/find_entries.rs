//! The entries of the index, as they come and go in the very commits that write, change and remove accounts.

use crate::{
    domain::{
        Account,
        find::{hints, same_words, words},
    },
    store::{Commit, Key, Value, record},
};

/// An entry says how the other words begin in no more bytes than these, or not at all: nearly every account's fit, and
/// the entries of one with dozens of words stay small.
const HINT_BYTES: usize = 160;

/// Bytes of entries that are held back, at most, to be written in the order of their keys.
pub(super) const HELD_BYTES: usize = 32 * 1024 * 1024;

/// `commit` with the entries of an account that is added by it.
pub(super) fn put_entries(commit: Commit, account: &Account) -> Commit {
    let put = |commit: Commit, (key, entry)| commit.put(key, entry);
    entries(account).into_iter().fold(commit, put)
}

fn entries(account: &Account) -> Vec<(Key, Value)> {
    let words = words(account);
    let hints = Some(hints(&words)).filter(|hints| hints.len() <= HINT_BYTES);
    let entry = record::encode_find_entry(hints.as_deref());
    let keys = words.iter().map(|word| Key::find_entry(word, &account.key));
    keys.map(|key| (key, entry.clone())).collect()
}

/// Entries of the many accounts of an import, held back to be written in the order of their keys.
///
/// Accounts come in the order of their IDs and their words in none: written with their accounts, the entries of every
/// few accounts would change pages all over the index, and an engine that keeps records in pages would write most of a
/// page for every entry.
#[derive(Debug)]
pub(super) struct Held {
    entries: Vec<(Key, Value)>,
    bytes: usize,
    most: usize,
}

impl Held {
    /// None yet, and to be written when they have `most` bytes.
    pub fn new(most: usize) -> Self {
        Self {
            entries: Vec::new(),
            bytes: 0,
            most,
        }
    }

    pub fn add(&mut self, account: &Account) {
        for (key, entry) in entries(account) {
            self.bytes += key.as_bytes().len() + entry.len();
            self.entries.push((key, entry));
        }
    }

    /// There are as many as may be held.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.most
    }

    /// Takes all that are held, as commits to be made in this order.
    pub fn take(&mut self) -> impl Iterator<Item = Commit> + use<> {
        self.bytes = 0;
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable();
        let put = |(key, entry)| Commit::new().put(key, entry);
        Commit::batches(entries.into_iter().map(put))
    }
}

/// `commit` without the entries of an account that is removed by it.
pub(super) fn remove_entries(commit: Commit, account: &Account) -> Commit {
    let entries = words(account).into_iter();
    entries.fold(commit, |commit, word| {
        commit.remove(Key::find_entry(&word, &account.key))
    })
}

/// `commit` with what changes among the entries when `before` becomes `after` by it.
pub(super) fn replace_entries(commit: Commit, before: &Account, after: &Account) -> Commit {
    if same_words(before, after) {
        return commit;
    }
    let (old, new) = (words(before), words(after));
    let commit = old.difference(&new).fold(commit, |commit, word| {
        commit.remove(Key::find_entry(word, &before.key))
    });
    // Those that stay say something else of the others.
    put_entries(commit, after)
}
