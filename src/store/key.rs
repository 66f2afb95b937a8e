//! The only place that spells the store's keys.
//!
//! A key is a path of printable parts, `account/non-penyedia/PPK30`, so that a prefix lists one noun and nothing
//! else, in the same order on every backend.

use std::fmt;

use data_encoding::HEXLOWER;

use jiff::Timestamp;

use crate::domain::{
    AccountKey, Source, UserId, UserType, letter::LetterId, officer::DoneAct, reset::SecretDigest,
};

/// A key in the store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key read back from a backend, or made by a test; all other keys come from this file's functions.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The record of one account.
    pub fn account(account: &AccountKey) -> Self {
        Self::accounts(account.user_type, account.user_id.as_str())
    }

    /// The prefix of all accounts of `user_type` whose ID begins with `id_prefix`.
    pub fn accounts(user_type: UserType, id_prefix: &str) -> Self {
        Self(format!("account/{user_type}/{id_prefix}").into_bytes())
    }

    /// The prefix of all accounts.
    pub fn all_accounts() -> Self {
        Self(b"account/".to_vec())
    }

    /// The account whose record stands under this key, if it is an account's key.
    pub fn as_account(&self) -> Option<AccountKey> {
        let path = std::str::from_utf8(&self.0).ok()?;
        let (user_type, user_id) = path.strip_prefix("account/")?.split_once('/')?;
        Some(AccountKey::new(
            user_type.parse().ok()?,
            UserId::parse(user_id).ok()?,
        ))
    }

    /// The entry by which an account is found by one of its words.
    pub fn find_entry(word: &str, account: &AccountKey) -> Self {
        Self(format!("find/{word}/{account}").into_bytes())
    }

    /// A key after all entries, and before whatever comes behind them.
    pub fn after_find_entries() -> Self {
        Self(b"find0".to_vec())
    }

    /// The prefix of all entries whose word begins with `beginning`.
    pub fn find_entries(beginning: &str) -> Self {
        Self(format!("find/{beginning}").into_bytes())
    }

    /// The word and the account of an entry, if it is one's key. Words hold no slash.
    pub fn as_find_entry(&self) -> Option<(&str, AccountKey)> {
        let path = std::str::from_utf8(&self.0).ok()?;
        let (word, account) = path.strip_prefix("find/")?.split_once('/')?;
        let (user_type, user_id) = account.split_once('/')?;
        let account = AccountKey::new(user_type.parse().ok()?, UserId::parse(user_id).ok()?);
        Some((word, account))
    }

    /// The entry of an account that is stranded since then. The newest comes first.
    pub fn stranded(since: Timestamp, account: &AccountKey) -> Self {
        Self(format!("stranded/{}/{account}", newest_first(since)).into_bytes())
    }

    /// The prefix of all such entries.
    pub fn all_stranded() -> Self {
        Self(b"stranded/".to_vec())
    }

    /// The account of such an entry, if it is one's key.
    pub fn as_stranded(&self) -> Option<AccountKey> {
        let path = std::str::from_utf8(&self.0).ok()?;
        let (_, account) = path.strip_prefix("stranded/")?.split_once('/')?;
        let (user_type, user_id) = account.split_once('/')?;
        Some(AccountKey::new(
            user_type.parse().ok()?,
            UserId::parse(user_id).ok()?,
        ))
    }

    /// The note of what an officer did. The newest comes first.
    pub fn desk_act(done: &DoneAct) -> Self {
        let (at, by, act) = (newest_first(done.at), &done.by, done.act);
        Self(format!("desk-act/{at}/{by}/{act}").into_bytes())
    }

    /// The prefix of all such notes.
    pub fn desk_acts() -> Self {
        Self(b"desk-act/".to_vec())
    }

    /// The mark of an import that is not finished.
    pub fn import(id: &str) -> Self {
        Self(format!("import/{id}").into_bytes())
    }

    /// The prefix of all unfinished imports.
    pub fn imports() -> Self {
        Self::import("")
    }

    /// The login policy.
    pub fn policy() -> Self {
        Self(b"setting/policy".to_vec())
    }

    /// The sealed text by which a store knows its master key again.
    pub fn seal_check() -> Self {
        Self(b"setting/seal-check".to_vec())
    }

    /// The key of the records' tags, sealed.
    pub fn store_key() -> Self {
        Self(b"setting/store-key".to_vec())
    }

    /// How many accounts there are.
    pub fn account_count() -> Self {
        Self(b"setting/account-count".to_vec())
    }

    /// How far accounts are counted by the stage of their TOTP.
    pub fn totp_counting() -> Self {
        Self(b"setting/totp-counting".to_vec())
    }

    /// A part of what one node has counted of them.
    pub fn totp_count(node: &str, shard: u8) -> Self {
        Self(format!("totp-count/{node}/{shard}").into_bytes())
    }

    /// The prefix of all that one node has counted of them.
    pub fn totp_counts_of(node: &str) -> Self {
        Self(format!("totp-count/{node}/").into_bytes())
    }

    /// The prefix of all that all nodes have counted of them.
    pub fn all_totp_counts() -> Self {
        Self(b"totp-count/".to_vec())
    }

    /// As of when the last backup was made.
    pub fn last_backup() -> Self {
        Self(b"setting/last-backup".to_vec())
    }

    /// The mark of a rotation of the master key that is not finished.
    pub fn rotation() -> Self {
        Self(b"setting/key-rotation".to_vec())
    }

    /// The password failures of one source.
    pub fn throttle(source: &Source) -> Self {
        Self(format!("throttle/{}", source.key()).into_bytes())
    }

    /// The newest ticket of one account.
    pub fn ticket(account: &AccountKey) -> Self {
        Self(format!("ticket/{account}").into_bytes())
    }

    /// Whose ticket a secret belongs to.
    pub fn ticket_of(secret: &SecretDigest) -> Self {
        let digest = HEXLOWER.encode(secret.as_bytes());
        Self(format!("ticket-of/{digest}").into_bytes())
    }

    /// What one source has asked for, and missed, at resets.
    pub fn reset_source(source: &Source) -> Self {
        Self(format!("reset-source/{}", source.key()).into_bytes())
    }

    /// The letters about requests that one node has written within the hour.
    pub fn reset_hour(node: &str) -> Self {
        Self(format!("reset-hour/{node}").into_bytes())
    }

    /// The prefix of everything.
    pub fn everything() -> Self {
        Self(Vec::new())
    }

    /// The mark of a restore that is not finished.
    pub fn restore() -> Self {
        Self(b"restore".to_vec())
    }

    /// The mark of a store that is being copied into, and is not whole.
    pub fn copy() -> Self {
        Self(b"copy".to_vec())
    }

    /// The mark of a store that was copied elsewhere, and lives on there.
    pub fn moved() -> Self {
        Self(b"moved".to_vec())
    }

    /// Whether the record under this key belongs to the store wherever it is: not what nobody reads, and not what is of
    /// this machine alone.
    pub fn belongs_into_copies(&self) -> bool {
        let stays: [&[u8]; 2] = [b"decoy/", b"audit-head/"];
        !self.is_mark() && !stays.iter().any(|prefix| self.0.starts_with(prefix))
    }

    /// Whether the record under this key belongs into a backup, which holds records without their tags: a store that is
    /// restored from it has a store key of its own.
    pub fn belongs_into_backups(&self) -> bool {
        self.belongs_into_copies() && *self != Self::store_key()
    }

    /// Whether a store that has this does not serve, or not yet.
    pub fn is_mark(&self) -> bool {
        [Self::restore(), Self::copy(), Self::moved()].contains(self)
    }

    /// Whether the record under this key carries no tag, because it is read before there is a key to check it by; see
    /// [`super::tagged`].
    pub fn is_untagged(&self) -> bool {
        let sealed = [Self::seal_check(), Self::store_key()];
        self.is_mark() || sealed.contains(self) || self.as_audit_head().is_some()
    }

    /// Whether every store has the record under this key from its beginning, so that one without it has lost it.
    pub fn is_in_every_store(&self) -> bool {
        [Self::policy(), Self::account_count()].contains(self)
    }

    /// Whether the record under this key is an account's ticket.
    pub fn is_ticket(&self) -> bool {
        self.0.starts_with(b"ticket/")
    }

    /// A record that nobody reads, written where a request must cost what another costs.
    pub fn decoy(node: &str, number: usize) -> Self {
        Self(format!("decoy/{node}/{number}").into_bytes())
    }

    /// The prefix of all such records of `node`.
    pub fn decoys(node: &str) -> Self {
        Self(format!("decoy/{node}/").into_bytes())
    }

    /// A letter that waits to be delivered.
    pub fn letter(id: &LetterId) -> Self {
        Self(format!("outbox/{id}").into_bytes())
    }

    /// The name of the letter that stands under this key, if it is a letter's key.
    pub fn as_letter(&self) -> Option<LetterId> {
        let path = std::str::from_utf8(&self.0).ok()?;
        path.strip_prefix("outbox/")?.parse().ok()
    }

    /// The prefix of all letters, the oldest first.
    pub fn outbox() -> Self {
        Self(b"outbox/".to_vec())
    }

    /// How far one node's audit log is known to have come.
    pub fn audit_head(node: &str) -> Self {
        Self(format!("audit-head/{node}").into_bytes())
    }

    /// The prefix of all nodes' heads.
    pub fn all_audit_heads() -> Self {
        Self::audit_head("")
    }

    /// Whose head stands under this key, if it is a head's key.
    pub fn as_audit_head(&self) -> Option<&str> {
        std::str::from_utf8(&self.0)
            .ok()?
            .strip_prefix("audit-head/")
    }

    /// The visits counted by one node.
    pub fn visits(node: &str) -> Self {
        Self(format!("visits/{node}").into_bytes())
    }

    /// The prefix of all nodes' visits.
    pub fn all_visits() -> Self {
        Self::visits("")
    }
}

/// A moment as a part of keys that go from the newest to the oldest.
fn newest_first(at: Timestamp) -> String {
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
    format!("{:020}", u64::MAX - milliseconds)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_again_by_its_key_and_others_are_none() {
        let account = AccountKey::new(UserType::Penyedia, UserId::parse("cv.maju-1").unwrap());
        let key = Key::account(&account);
        assert_eq!(format!("{key:?}"), "account/penyedia/CV.MAJU-1");
        assert_eq!(key.as_account(), Some(account));
        assert_eq!(Key::policy().as_account(), None);
    }

    #[test]
    fn an_entry_names_its_word_and_its_account() {
        let account = AccountKey::new(UserType::Penyedia, UserId::parse("cv.maju-1").unwrap());
        let entry = Key::find_entry("majubersama", &account);
        assert_eq!(format!("{entry:?}"), "find/majubersama/penyedia/CV.MAJU-1");
        assert_eq!(entry.as_find_entry(), Some(("majubersama", account)));
        assert_eq!(Key::policy().as_find_entry(), None);
        assert_eq!(Key::find_entries("maju").as_find_entry(), None);
    }

    #[test]
    fn whoever_got_stranded_last_comes_first() {
        let account = AccountKey::new(UserType::Penyedia, UserId::parse("cv.maju-1").unwrap());
        let other = AccountKey::new(UserType::NonPenyedia, UserId::parse("ppk30").unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let keys = [
            Key::stranded(at(2_000_000_000), &account),
            Key::stranded(at(1_600_000_001), &account),
            Key::stranded(at(1_600_000_000), &other),
            Key::stranded(at(0), &other),
            // A clock that has never been set.
            Key::stranded(at(-1), &account),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(keys[1].as_stranded(), Some(account));
        assert_eq!(Key::policy().as_stranded(), None);
        assert_eq!(Key::all_stranded().as_stranded(), None);
    }

    #[test]
    fn the_two_user_types_do_not_share_a_prefix() {
        let penyedia = Key::accounts(UserType::Penyedia, "");
        let other = Key::accounts(UserType::NonPenyedia, "");
        assert!(!other.as_bytes().starts_with(penyedia.as_bytes()));
        assert!(!penyedia.as_bytes().starts_with(other.as_bytes()));
    }
}
