//! The entries of the accounts that are stranded, as they come and go in the very commits that change and remove accounts.

use crate::{
    domain::{Account, stranded::Stranded},
    store::{Commit, Key},
};

/// The entry of an account, if it has one.
pub(super) fn entry(account: &Account) -> Option<Key> {
    let stranded = Stranded::of(account)?;
    Some(Key::stranded(stranded.since, &account.key))
}

/// `commit` with what changes when `before` becomes `after` by it. Entries say nothing but where they stand, which is by the
/// time since when the account is stranded.
pub(super) fn replace_entry(commit: Commit, before: &Account, after: &Account) -> Commit {
    let (old, new) = (entry(before), entry(after));
    if old == new {
        return commit;
    }
    let commit = old.into_iter().fold(commit, Commit::remove);
    new.into_iter()
        .fold(commit, |commit, key| commit.put(key, Vec::new()))
}

/// `commit` without the entry of an account that is removed by it.
pub(super) fn remove_entry(commit: Commit, account: &Account) -> Commit {
    entry(account).into_iter().fold(commit, Commit::remove)
}
