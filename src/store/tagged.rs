//! A store whose every record carries a keyed tag: what was damaged, moved or changed by anything but this program is
//! found where it is read, and nothing is decided by it.
//!
//! A tag is over the record's key and bytes (HMAC-SHA-256, RFC 2104, of which the first 128 bits are kept, RFC 2104
//! section 5), under a key of the store's own. That one is sealed by the master key in a record by itself, so that another
//! master key seals one record anew, and none of the others. Tags stand behind the bytes, and whoever works on this store
//! sees none of them: commits compare and write bytes as ever.
//!
//! The records that must be read before the master key is there carry no tag ([`Key::is_untagged`]): the seal check and the
//! store key are authentic by their own seals; the marks of a restore, a copy and a move can only keep a store from
//! serving; and the heads of audit logs can be held against nothing but the logs, which are chained.
//!
//! What a tag cannot tell: that a record is not there any more, and that it is an older one of its own. The first is told of
//! the records that every store has, from its beginning ([`Key::is_in_every_store`]), and of accounts by their count; the
//! second, and a store that was put back as a whole, are not found here.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::{
    Altered, Change, Changes, Commit, HeldKeys, Key, Outcome, Part, Snapshot, Store, StoreError,
    Turn, Value, Work, nodes::Node, record, settings::Settings,
};
use crate::{
    domain::{account::SealedSecret, policy::LoginRules},
    ports::Random,
    vault::{Vault, VaultError},
};

/// What a tag is made over, before anything else.
const DOMAIN: &[u8] = b"lpse-kiosk/1/record";

/// Altered records that are told of, each once. Where there are more, their number does not matter any more.
const MOST_TOLD: usize = 1024;

/// The key under which a store's records are tagged.
#[derive(Clone)]
pub struct StoreKey(Hmac<Sha256>);

impl StoreKey {
    /// Bytes in a store key.
    pub const LENGTH: usize = 32;

    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut mac = Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length");
        mac.update(DOMAIN);
        Self(mac)
    }

    fn over(&self, key: &Key, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        // The key's length first: no key and record have the bytes of another key and record.
        mac.update(&(key.as_bytes().len() as u64).to_be_bytes());
        mac.update(key.as_bytes());
        mac.update(bytes);
        mac
    }

    /// `bytes` as they are stored under `key`.
    fn tagged(&self, key: &Key, mut bytes: Value) -> Value {
        let tag = self.over(key, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..Commit::TAG_BYTES]);
        bytes
    }

    /// The bytes that were tagged for `key`; `None` when `stored` are not such.
    fn checked(&self, key: &Key, mut stored: Value) -> Option<Value> {
        let length = stored.len().checked_sub(Commit::TAG_BYTES)?;
        let (bytes, tag) = stored.split_at(length);
        let mac = self.over(key, bytes);
        mac.verify_truncated_left(tag).ok()?;
        stored.truncate(length);
        Some(stored)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey")
    }
}

/// Why a store's records cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum StoreKeyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the store holds records, but its store key, by which each of them is checked, is gone: somebody removed it, or a \
         version before the first wrote the store; nothing was changed. Bring a backup back into an empty store \
         (`lpse-kiosk restore`)"
    )]
    Gone,
    #[error("the record {key:?}, by which all others are checked, cannot be opened: {0}", key = Key::store_key())]
    Sealed(#[from] VaultError),
}

/// A store whose records are checked.
#[derive(Debug)]
pub struct Tagged {
    store: Arc<dyn Store>,
    tags: Tags,
}

/// Makes and checks tags, and tells of what is found.
#[derive(Debug, Clone)]
struct Tags {
    key: StoreKey,
    told: Arc<Mutex<BTreeSet<Key>>>,
    tell: mpsc::UnboundedSender<Altered>,
}

/// The altered records that are found from now on, each once, until the store is dropped.
pub type Finds = mpsc::UnboundedReceiver<Altered>;

impl Tagged {
    /// `store`, whose records are tagged under `key`.
    pub fn new(store: Arc<dyn Store>, key: StoreKey) -> (Self, Finds) {
        #[expect(
            clippy::disallowed_methods,
            reason = "each altered record is told once, and there are no more than records"
        )]
        let (tell, finds) = mpsc::unbounded_channel();
        let told = Arc::default();
        let tags = Tags { key, told, tell };
        (Self { store, tags }, finds)
    }

    /// `store`, whose store key `vault` opens. A store without any record gets its key, and what every store has, in one
    /// commit: of several machines that begin with it at once, one makes the key for all.
    pub async fn open(
        store: Arc<dyn Store>,
        vault: &Vault,
        random: &dyn Random,
    ) -> Result<(Self, Finds), StoreKeyError> {
        loop {
            if let Some(key) = kept(&*store, vault).await? {
                return Ok(Self::new(store, key));
            }
            begin(&store, vault, random).await?;
        }
    }

    /// `store`, if there is a store key that `vault` opens; `None` where nothing was stored yet. Nothing is written.
    pub async fn look(
        store: Arc<dyn Store>,
        vault: &Vault,
    ) -> Result<Option<(Self, Finds)>, StoreKeyError> {
        let key = kept(&*store, vault).await?;
        Ok(key.map(|key| Self::new(store, key)))
    }
}

/// The store key that is kept; `None` in a store without records.
async fn kept(store: &dyn Store, vault: &Vault) -> Result<Option<StoreKey>, StoreKeyError> {
    let mut sealed = sealed_key(store).await?;
    if sealed.is_none() && has_records(store).await? {
        // Another machine may have made it just now.
        sealed = Some(sealed_key(store).await?.ok_or(StoreKeyError::Gone)?);
    }
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    Ok(Some(StoreKey::from_bytes(&*vault.open_store_key(&sealed)?)))
}

async fn sealed_key(store: &dyn Store) -> Result<Option<SealedSecret>, StoreError> {
    let key = Key::store_key();
    let bytes = store.get(&key).await?;
    let decode = |bytes: Value| record::decode_sealed(&format!("{key:?}"), &bytes);
    bytes.map(decode).transpose()
}

/// Whether there is a record that would carry a tag.
async fn has_records(store: &dyn Store) -> Result<bool, StoreError> {
    const PAGE: usize = 64;
    let mut after = None;
    loop {
        let rows = store.page(&Key::everything(), after.as_ref(), PAGE).await?;
        if rows.iter().any(|(key, _)| !key.is_untagged()) {
            return Ok(true);
        }
        match rows.into_iter().next_back() {
            Some((last, _)) => after = Some(last),
            None => return Ok(false),
        }
    }
}

/// Makes the store key, and what every store has, unless somebody else does.
async fn begin(
    store: &Arc<dyn Store>,
    vault: &Vault,
    random: &dyn Random,
) -> Result<(), StoreKeyError> {
    let check = Settings::new(store.clone()).seal_check().await?;
    let vault = match &check.sealed {
        Some(sealed) => vault.sealing_under(&sealed.key_id)?,
        None => vault.clone(),
    };
    let mut bytes = Zeroizing::new([0; StoreKey::LENGTH]);
    random.fill(bytes.as_mut_slice());
    let mut nonce = [0; Vault::NONCE_BYTES];
    random.fill(&mut nonce);
    let sealed = vault.seal_store_key(&bytes, nonce);
    let key = StoreKey::from_bytes(&bytes);
    let first = [
        (Key::policy(), record::encode_rules(LoginRules::default())),
        (Key::account_count(), record::encode_account_count(0)),
    ];
    let made = Commit::new()
        .expect(Key::store_key(), None)
        .put(Key::store_key(), record::encode_sealed(&sealed));
    let made = first.into_iter().fold(made, |commit, (at, bytes)| {
        let bytes = key.tagged(&at, bytes);
        commit.put(at, bytes)
    });
    // On a conflict it is somebody else's key that is read next.
    store.commit(check.still_seals(made)).await?;
    Ok(())
}

impl Tags {
    fn told(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a record that is not as it was written, of which whoever listens is told once.
    fn found(&self, altered: Altered) -> StoreError {
        let mut told = self.told();
        if told.len() < MOST_TOLD && told.insert(altered.record().clone()) {
            // Nobody listens where nothing is recorded.
            let _ = self.tell.send(altered.clone());
        }
        StoreError::Altered(altered)
    }

    /// What was written under `key`, which holds `stored`.
    fn checked(&self, key: &Key, stored: Value) -> Result<Value, StoreError> {
        if key.is_untagged() {
            return Ok(stored);
        }
        let checked = self.key.checked(key, stored);
        checked.ok_or_else(|| self.found(Altered::Changed(key.clone())))
    }

    fn tagged(&self, key: &Key, bytes: Value) -> Value {
        match key.is_untagged() {
            true => bytes,
            false => self.key.tagged(key, bytes),
        }
    }
}

#[async_trait]
impl Store for Tagged {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        match self.store.get(key).await? {
            Some(stored) => self.tags.checked(key, stored).map(Some),
            None if key.is_in_every_store() => Err(self.tags.found(Altered::Missing(key.clone()))),
            None => Ok(None),
        }
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let rows = self.store.page(prefix, after, limit).await?;
        let checked = rows.into_iter().map(|(key, stored)| {
            let bytes = self.tags.checked(&key, stored)?;
            Ok((key, bytes))
        });
        checked.collect()
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        commit.check_plain_size()?;
        let tagged = commit.with_values(|key, bytes| self.tags.tagged(key, bytes));
        let written: Vec<Key> = match self.tags.told().is_empty() {
            true => Vec::new(),
            false => tagged.writes().iter().map(|(key, _)| key.clone()).collect(),
        };
        let outcome = self.store.commit(tagged).await?;
        if outcome == Outcome::Applied {
            // What was written anew is told again when it is altered again.
            let mut told = self.tags.told();
            for key in &written {
                told.remove(key);
            }
        }
        Ok(outcome)
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(CheckedCopy {
            copy: self.store.snapshot().await?,
            tags: self.tags.clone(),
        }))
    }

    async fn take_turn(&self, work: Work) -> Result<Turn, StoreError> {
        self.store.take_turn(work).await
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        self.store.nodes().await
    }

    async fn forget_node(&self, name: &str) -> Result<bool, StoreError> {
        self.store.forget_node(name).await
    }

    fn say_keys(&self, keys: HeldKeys) {
        self.store.say_keys(keys);
    }

    fn hold_to_standing(&self) {
        self.store.hold_to_standing();
    }

    async fn changes(&self, prefix: &Key) -> Result<Option<Box<dyn Changes>>, StoreError> {
        let changes = self.store.changes(prefix).await?;
        Ok(changes.map(|changes| -> Box<dyn Changes> {
            Box::new(CheckedChanges {
                changes,
                tags: self.tags.clone(),
            })
        }))
    }
}

/// A copy, which ends with an error at a record that is not as it was written: it would be so in every store that the
/// copy is brought to.
#[derive(Debug)]
struct CheckedCopy {
    copy: Box<dyn Snapshot>,
    tags: Tags,
}

#[async_trait]
impl Snapshot for CheckedCopy {
    async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        let Some(part) = self.copy.next().await? else {
            return Ok(None);
        };
        let checked = part.into_iter().map(|(key, stored)| {
            let bytes = stored.map(|stored| self.tags.checked(&key, stored));
            Ok((key, bytes.transpose()?))
        });
        checked.collect::<Result<Part, StoreError>>().map(Some)
    }
}

#[derive(Debug)]
struct CheckedChanges {
    changes: Box<dyn Changes>,
    tags: Tags,
}

#[async_trait]
impl Changes for CheckedChanges {
    async fn next(&mut self) -> Change {
        match self.changes.next().await {
            Change::Written { key, before, after } => {
                let checked = |stored: Option<Value>| {
                    let bytes = stored.map(|stored| self.tags.checked(&key, stored));
                    bytes.transpose()
                };
                match (checked(before), checked(after)) {
                    (Ok(before), Ok(after)) => Change::Written { key, before, after },
                    _ => Change::Altered(key),
                }
            }
            change => change,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        store::{engine::memory::Memory, page_around_altered},
        vault::MasterKey,
    };

    /// Random bytes that are the same in every run.
    #[derive(Debug)]
    struct Bytes(u8);

    impl Random for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn vault() -> Vault {
        Vault::new(MasterKey::from_bytes([7; 32]), Vec::new())
    }

    fn store_key() -> StoreKey {
        StoreKey::from_bytes(&[5; StoreKey::LENGTH])
    }

    fn key(name: &str) -> Key {
        Key::from_bytes(name)
    }

    async fn put(store: &dyn Store, name: &str, bytes: &[u8]) {
        let commit = Commit::new().put(key(name), bytes.to_vec());
        assert_eq!(store.commit(commit).await.unwrap(), Outcome::Applied);
    }

    fn tagged() -> (Arc<Memory>, Tagged, Finds) {
        let raw = Arc::new(Memory::default());
        let (tagged, finds) = Tagged::new(raw.clone(), store_key());
        (raw, tagged, finds)
    }

    fn is_altered<T>(answer: Result<T, StoreError>, name: &str) -> bool {
        matches!(answer, Err(StoreError::Altered(Altered::Changed(at))) if at == key(name))
    }

    #[tokio::test]
    async fn a_flipped_bit_anywhere_a_cut_and_a_longer_record_are_found_and_told_once() {
        let (raw, tagged, mut finds) = tagged();
        put(&tagged, "account/a", b"{\"state\":\"active\"}").await;
        let stored = raw.get(&key("account/a")).await.unwrap().unwrap();
        assert_eq!(stored.len(), 18 + Commit::TAG_BYTES);
        let flipped = (0..stored.len() * 8).map(|bit| {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        let cut = (0..stored.len()).map(|length| stored[..length].to_vec());
        let longer = [
            [&stored[..], b"\0"].concat(),
            b"{\"state\":\"off\"}".to_vec(),
        ];
        for altered in flipped.chain(cut).chain(longer) {
            put(&*raw, "account/a", &altered).await;
            assert!(is_altered(tagged.get(&key("account/a")).await, "account/a"));
            let page = tagged.page(&key("account/"), None, 9).await;
            assert!(is_altered(page, "account/a"));
            let mut copy = tagged.snapshot().await.unwrap();
            assert!(is_altered(copy.next().await, "account/a"));
        }
        assert_eq!(
            finds.try_recv().unwrap(),
            Altered::Changed(key("account/a"))
        );
        assert!(finds.try_recv().is_err(), "once");
        // Written anew, it is good, and told again when it is altered again.
        put(&tagged, "account/a", b"new").await;
        assert_eq!(
            tagged.get(&key("account/a")).await.unwrap().unwrap(),
            b"new"
        );
        put(&*raw, "account/a", &stored).await;
        assert_eq!(
            tagged.get(&key("account/a")).await.unwrap().unwrap(),
            b"{\"state\":\"active\"}",
            "an older record of its own is not told from the newest one"
        );
        put(&*raw, "account/a", b"x").await;
        assert!(tagged.get(&key("account/a")).await.is_err());
        assert!(finds.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_record_is_good_under_its_own_key_and_in_its_own_store_only() {
        let (raw, tagged, _finds) = tagged();
        put(&tagged, "account/a", b"b").await;
        let stored = raw.get(&key("account/a")).await.unwrap().unwrap();
        // Where the key ends and the bytes begin is a part of it.
        for (name, bytes) in [
            ("account/b", stored.clone()),
            ("account/", [b"a", &stored[..]].concat()),
            ("account/ab", stored[1..].to_vec()),
        ] {
            put(&*raw, name, &bytes).await;
            assert!(is_altered(tagged.get(&key(name)).await, name), "{name}");
        }
        let other = StoreKey::from_bytes(&[6; StoreKey::LENGTH]);
        let (other, _finds) = Tagged::new(raw, other);
        assert!(is_altered(other.get(&key("account/a")).await, "account/a"));
    }

    #[tokio::test]
    async fn what_is_expected_of_an_altered_record_does_not_hold() {
        let (raw, tagged, _finds) = tagged();
        put(&tagged, "account/a", b"1").await;
        put(&*raw, "account/a", b"1").await;
        let commit = Commit::new()
            .expect(key("account/a"), Some(b"1".to_vec()))
            .put(key("account/a"), b"2".to_vec());
        assert_eq!(tagged.commit(commit).await.unwrap(), Outcome::Conflict);
    }

    #[tokio::test]
    async fn machines_that_begin_at_once_have_one_key_and_what_every_store_has() {
        let raw: Arc<dyn Store> = Arc::new(Memory::default());
        assert!(Tagged::look(raw.clone(), &vault()).await.unwrap().is_none());
        // Both have found nothing.
        begin(&raw, &vault(), &Bytes(1)).await.unwrap();
        begin(&raw, &vault(), &Bytes(2)).await.unwrap();
        let (one, _finds) = Tagged::open(raw.clone(), &vault(), &Bytes(3))
            .await
            .unwrap();
        let (other, _finds) = Tagged::open(raw.clone(), &vault(), &Bytes(4))
            .await
            .unwrap();
        put(&one, "account/a", b"1").await;
        assert!(other.get(&key("account/a")).await.unwrap().is_some());
        for always in [Key::policy(), Key::account_count()] {
            assert!(other.get(&always).await.unwrap().is_some());
            raw.commit(Commit::new().remove(always.clone()))
                .await
                .unwrap();
            let missing = other.get(&always).await;
            assert!(
                matches!(&missing, Err(StoreError::Altered(Altered::Missing(at))) if *at == always),
                "{missing:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_store_whose_key_is_gone_or_that_another_master_key_sealed_does_not_open() {
        let raw: Arc<dyn Store> = Arc::new(Memory::default());
        begin(&raw, &vault(), &Bytes(1)).await.unwrap();
        let sealed = raw.get(&Key::store_key()).await.unwrap().unwrap();
        let other = Vault::new(MasterKey::from_bytes([8; 32]), Vec::new());
        let refused = Tagged::open(raw.clone(), &other, &Bytes(1))
            .await
            .unwrap_err();
        assert!(matches!(
            refused,
            StoreKeyError::Sealed(VaultError::UnknownKey(_))
        ));
        let rotated = Vault::new(
            MasterKey::from_bytes([8; 32]),
            vec![MasterKey::from_bytes([7; 32])],
        );
        assert!(Tagged::open(raw.clone(), &rotated, &Bytes(1)).await.is_ok());
        let before = raw.page(&Key::everything(), None, 99).await.unwrap();
        raw.commit(Commit::new().remove(Key::store_key()))
            .await
            .unwrap();
        let refused = Tagged::open(raw.clone(), &vault(), &Bytes(1))
            .await
            .unwrap_err();
        assert!(matches!(refused, StoreKeyError::Gone), "{refused}");
        let commit = Commit::new().put(Key::store_key(), sealed);
        raw.commit(commit).await.unwrap();
        assert_eq!(
            raw.page(&Key::everything(), None, 99).await.unwrap(),
            before
        );
        // Marks and heads alone are no records.
        let new: Arc<dyn Store> = Arc::new(Memory::default());
        put(&*new, "audit-head/local", b"x").await;
        put(&*new, "setting/seal-check", b"x").await;
        assert!(!has_records(&*new).await.unwrap());
    }

    #[test]
    fn the_key_is_not_printed() {
        let (_, tagged, _finds) = tagged();
        let shown = format!(
            "{tagged:?} {:?}",
            StoreKey::from_bytes(b"0123456789abcdef0123456789abcdef")
        );
        assert!(
            !shown.contains("0123") && !shown.contains("48, 49"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn around_altered_records_all_others_are_found_once_whatever_a_page_holds(
            are_altered in proptest::collection::vec(any::<bool>(), 0..24),
            limit in 1..9_usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let (raw, tagged, _finds) = tagged();
                let (mut good, mut bad) = (Vec::new(), Vec::new());
                for (number, is_altered) in are_altered.iter().enumerate() {
                    let name = format!("p/{number:02}");
                    if *is_altered {
                        put(&*raw, &name, b"by hand").await;
                        bad.push(Altered::Changed(key(&name)));
                    } else {
                        put(&tagged, &name, name.as_bytes()).await;
                        good.push((key(&name), name.into_bytes()));
                    }
                }
                let (mut rows, mut altered, mut after) = (Vec::new(), Vec::new(), None);
                loop {
                    let page = page_around_altered(&tagged, &key("p/"), after.as_ref(), limit).await.unwrap();
                    assert!(page.rows.len() + page.altered.len() <= limit);
                    rows.extend(page.rows);
                    altered.extend(page.altered);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!((rows, altered), (good, bad));
            });
        }
    }
}
