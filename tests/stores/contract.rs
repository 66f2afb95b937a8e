//! What every store promises, told once and held against each of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use support::cluster;

use lpse_kiosk::{
    domain::audit::AuditEvent,
    frontend::command_socket::{self, Held, Peer},
    ports::{Audit, Recorded},
    service::EndedLogins,
    store::{
        self, Commit, Key, Outcome, Store, StoreError, StoreKind,
        engine::committer::Embedded,
        engine::file_digest::FileDigest,
        engine::inventory::{Newest, Noted},
        engine::memory::Memory,
        engine::opening::Missing,
        folder::{Folder, OpenError},
        remote::{self, Remote},
        tagged::{StoreKey, Tagged},
    },
};
use proptest::prelude::*;
use tokio::{net::UnixStream, sync::watch};

fn key(name: &str) -> Key {
    Key::from_bytes(name)
}

fn value(text: &str) -> Option<Vec<u8>> {
    Some(text.as_bytes().to_vec())
}

fn open(kind: StoreKind, folder: &Path) -> Embedded {
    store::open(kind, folder, 0).unwrap()
}

/// An audit log that no store writes to.
#[derive(Debug)]
struct NoAudit;

impl Audit for NoAudit {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        panic!("a store records nothing: {events:?}");
    }
}

/// `store` as a command sees it that runs beside the process that holds it.
async fn remote(store: Arc<dyn Store>) -> Remote {
    let (command, holder) = UnixStream::pair().unwrap();
    let held = Held::new(
        store,
        Arc::new(NoAudit),
        EndedLogins::default(),
        Arc::default(),
    );
    let (leave, leaving) = watch::channel(false);
    tokio::spawn(async move {
        command_socket::attend(holder, Peer::Root, held, leaving).await;
        drop(leave);
    });
    Remote::new(remote::greet(command, "the pair").await.unwrap().line)
}

/// A store in the etcd cluster, with nothing in it, and the folder that goes with it.
#[cfg(feature = "etcd")]
async fn in_cluster() -> (tempfile::TempDir, Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let settings = store::etcd::EtcdSettings {
        endpoints: cluster::Cluster::shared()
            .split(',')
            .map(str::to_owned)
            .collect(),
        tls: None,
        user: None,
        prefix: cluster::fresh_prefix(),
        patience: std::time::Duration::from_secs(10),
        node: "one".into(),
    };
    let opened = store::etcd::open(settings, folder.path(), 0).await;
    (folder, opened.unwrap().store)
}

/// `store` with its records tagged.
fn tagged(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let key = StoreKey::from_bytes(&[7; StoreKey::LENGTH]);
    Arc::new(Tagged::new(store, key).0)
}

/// Tells `story` of each kind of store.
pub(super) async fn each<F: Future>(story: impl Fn(Arc<dyn Store>) -> F) {
    #[cfg(feature = "etcd")]
    for is_tagged in [false, true] {
        let (_folder, store) = in_cluster().await;
        story(if is_tagged { tagged(store) } else { store }).await;
    }
    story(Arc::new(Memory::default())).await;
    let held = tagged(Arc::new(Memory::default()));
    story(Arc::new(remote(held).await)).await;
    for kind in StoreKind::EMBEDDED {
        for is_tagged in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let store: Arc<dyn Store> = Arc::new(open(kind, folder.path()));
            story(if is_tagged { tagged(store) } else { store }).await;
        }
    }
}

#[tokio::test]
async fn a_commit_is_applied_whole_or_not_at_all() {
    each(|store| async move {
        let first = Commit::new()
            .expect(key("a"), None)
            .put(key("a"), b"1".to_vec())
            .put(key("b"), b"1".to_vec());
        assert_eq!(store.commit(first.clone()).await.unwrap(), Outcome::Applied);
        assert_eq!(store.commit(first).await.unwrap(), Outcome::Conflict);
        let half = Commit::new()
            .expect(key("a"), value("1"))
            .expect(key("b"), value("2"))
            .remove(key("a"))
            .put(key("c"), b"3".to_vec());
        assert_eq!(store.commit(half).await.unwrap(), Outcome::Conflict);
        assert_eq!(store.get(&key("a")).await.unwrap(), value("1"), "{store:?}");
        assert_eq!(store.get(&key("c")).await.unwrap(), None);
        let whole = Commit::new()
            .expect(key("a"), value("1"))
            .remove(key("a"))
            .put(key("c"), b"".to_vec());
        assert_eq!(store.commit(whole).await.unwrap(), Outcome::Applied);
        assert_eq!(store.get(&key("a")).await.unwrap(), None);
        assert_eq!(
            store.get(&key("c")).await.unwrap(),
            value(""),
            "an empty value is a value"
        );
    })
    .await;
}

#[tokio::test]
async fn pages_list_one_prefix_in_order_from_anywhere() {
    each(|store| async move {
        for name in ["p/b", "p/a", "q/a", "p", "p/c", "o/z", "p/"] {
            let commit = Commit::new().put(key(name), name.as_bytes().to_vec());
            store.commit(commit).await.unwrap();
        }
        let names = |rows: Vec<(Key, Vec<u8>)>| -> Vec<String> {
            rows.into_iter()
                .map(|(_, value)| String::from_utf8(value).unwrap())
                .collect()
        };
        let page = async |after: Option<&str>, limit| {
            names(
                store
                    .page(&key("p/"), after.map(key).as_ref(), limit)
                    .await
                    .unwrap(),
            )
        };
        assert_eq!(
            page(None, 10).await,
            ["p/", "p/a", "p/b", "p/c"],
            "{store:?}"
        );
        assert_eq!(page(None, 2).await, ["p/", "p/a"]);
        assert_eq!(page(Some("p/a"), 2).await, ["p/b", "p/c"]);
        assert_eq!(page(Some("p/aa"), 1).await, ["p/b"]);
        assert_eq!(page(Some("p/c"), 2).await, [""; 0]);
        assert_eq!(page(Some("a"), 1).await, ["p/"]);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_many_or_large_records_is_whole() {
    each(|store| async move {
        for number in 0..150 {
            let commit = Commit::new().put(key(&format!("many/{number:03}")), vec![7]);
            store.commit(commit).await.unwrap();
        }
        let numbers = async |after: Option<Key>, limit| -> Vec<Key> {
            let rows = store
                .page(&key("many/"), after.as_ref(), limit)
                .await
                .unwrap();
            rows.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(numbers(None, 1000).await.len(), 150, "{store:?}");
        assert_eq!(numbers(None, 128).await.len(), 128);
        let rest = numbers(Some(key("many/100")), 1000).await;
        assert_eq!((rest.len(), &rest[0]), (49, &key("many/101")));
        for number in 0..10 {
            let value = vec![number; Commit::MAX_BYTES - 16];
            let commit = Commit::new().put(key(&format!("large/{number}")), value);
            store.commit(commit).await.unwrap();
        }
        let large = store.page(&key("large/"), None, 64).await.unwrap();
        let whole = |(number, (_, value)): (u8, &(Key, Vec<u8>))| {
            value.len() == Commit::MAX_BYTES - 16 && value.iter().all(|byte| *byte == number)
        };
        assert_eq!(large.len(), 10, "{store:?}");
        assert!((0..).zip(&large).all(whole), "{store:?}");
        assert_eq!(store.page(&key("large/"), None, 3).await.unwrap().len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_expect_the_same_exactly_one_wins() {
    each(|store| async move {
        for round in 0..5 {
            let expected = store.get(&key("watermark")).await.unwrap();
            let tasks: Vec<_> = (0..64)
                .map(|contender: u32| {
                    let (store, expected) = (store.clone(), expected.clone());
                    tokio::spawn(async move {
                        let bytes = format!("{round}/{contender}").into_bytes();
                        let commit = Commit::new()
                            .expect(key("watermark"), expected)
                            .put(key("watermark"), bytes);
                        store.commit(commit).await.unwrap()
                    })
                })
                .collect();
            let mut won = 0;
            for task in tasks {
                won += u32::from(task.await.unwrap() == Outcome::Applied);
            }
            assert_eq!(won, 1, "{store:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_harms_nobody() {
    each(|store| async move {
        let large = Commit::new().put(key("large"), vec![7; Commit::MAX_STORED_BYTES]);
        assert!(
            matches!(store.commit(large).await, Err(StoreError::TooLarge(_))),
            "{store:?}"
        );
        let largest = vec![7; Commit::MAX_BYTES - 16];
        let fits = Commit::new().put(key("large"), largest.clone());
        assert_eq!(store.commit(fits).await.unwrap(), Outcome::Applied);
        assert_eq!(store.get(&key("large")).await.unwrap(), Some(largest));
    })
    .await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    for kind in StoreKind::EMBEDDED {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..5_u32 {
            let store = open(kind, folder.path());
            for earlier in 0..round {
                let found = store.get(&key(&format!("round/{earlier}"))).await.unwrap();
                assert_eq!(found, value(&earlier.to_string()), "{kind}");
            }
            let name = key(&format!("round/{round}"));
            let commit = Commit::new().put(name, round.to_string().into_bytes());
            assert_eq!(store.commit(commit).await.unwrap(), Outcome::Applied);
            let ended = store.ended();
            drop(store);
            ended.wait().await;
        }
    }
}

#[tokio::test]
async fn a_folder_is_held_by_one_and_free_after_it() {
    for kind in StoreKind::EMBEDDED {
        let folder = tempfile::tempdir().unwrap();
        let store = open(kind, folder.path());
        let refused = store::open(kind, folder.path(), 0).unwrap_err();
        assert!(matches!(refused, OpenError::Held { .. }), "{refused}");
        assert!(
            refused
                .to_string()
                .contains(&std::process::id().to_string()),
            "{refused}"
        );
        let ended = store.ended();
        drop(store);
        ended.wait().await;
        open(kind, folder.path());
    }
}

#[tokio::test]
async fn a_nearly_full_disk_is_neither_opened_nor_written() {
    for kind in StoreKind::EMBEDDED {
        let folder = tempfile::tempdir().unwrap();
        let refused = store::open(kind, folder.path(), u64::MAX).unwrap_err();
        assert!(matches!(refused, OpenError::NoRoom(_)), "{refused}");
        assert!(refused.to_string().contains("nearly full"), "{refused}");
    }
}

#[tokio::test]
async fn half_written_snapshots_do_not_keep_sled_from_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(StoreKind::Sled, folder.path());
    store
        .commit(Commit::new().put(key("a"), b"1".to_vec()))
        .await
        .unwrap();
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    let half = folder.path().join("sled/snap.0000000000000007.generating");
    std::fs::write(&half, b"cut off").unwrap();
    let store = open(StoreKind::Sled, folder.path());
    assert_eq!(store.get(&key("a")).await.unwrap(), value("1"));
    assert!(!half.exists());
}

#[test]
fn another_format_and_another_kind_are_refused_in_words() {
    for (mark, word) in [
        ("3 sled", "install the newer"),
        ("1 sled", "make a backup with the older"),
        ("2 redb", "kind = \"redb\""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("FORMAT"), mark).unwrap();
        let refused = store::open(StoreKind::Sled, folder.path(), 0).unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
    }
}

/// A store with one record, closed.
async fn with_a_record(kind: StoreKind) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(kind, folder.path());
    let commit = Commit::new().put(key("a"), b"1".to_vec());
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Applied);
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    folder
}

/// The file that a kind's records are in.
fn records(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Sled => "sled/db",
        _ => "store.redb",
    }
}

#[tokio::test]
async fn a_store_that_has_vanished_is_not_replaced_by_a_new_one() {
    for kind in StoreKind::EMBEDDED {
        for is_empty in [false, true] {
            let folder = with_a_record(kind).await;
            let file = folder.path().join(records(kind));
            match is_empty {
                true => drop(std::fs::File::create(&file).unwrap()),
                false => std::fs::remove_file(&file).unwrap(),
            }
            let refused = store::open(kind, folder.path(), 0).unwrap_err();
            assert!(matches!(refused, OpenError::Vanished { .. }), "{refused}");
            for word in [
                "no new one was begun",
                "lpse-kiosk restore BACKUP",
                "store begin-anew",
            ] {
                assert!(refused.to_string().contains(word), "{refused}");
            }
            assert_eq!(file.exists(), is_empty, "{kind}");
            // On somebody's word one is begun; what was left of the other is not thrown away.
            let held = Folder::hold(folder.path(), 0).unwrap();
            let first = Commit::new().put(key("mark"), b"anew".to_vec());
            let store = store::open_in(kind, held, Missing::BeginAnew(first)).unwrap();
            assert_eq!(store.get(&key("mark")).await.unwrap(), value("anew"));
            assert_eq!(store.get(&key("a")).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn what_a_killed_opening_has_kept_is_put_back_first() {
    for kind in StoreKind::EMBEDDED {
        let folder = with_a_record(kind).await;
        let name = records(kind).split('/').next().unwrap();
        let (place, kept) = (
            folder.path().join(name),
            folder.path().join(format!("{name}.kept")),
        );
        support::copy(&place, &kept);
        // As an engine leaves it that could not read it; and copies that are not whole.
        std::fs::write(folder.path().join(records(kind)), vec![0; 4096]).unwrap();
        for rest in ["kept.new", "failed", "spent"] {
            std::fs::write(folder.path().join(format!("{name}.{rest}")), b"cut off").unwrap();
        }
        let store = open(kind, folder.path());
        assert_eq!(store.get(&key("a")).await.unwrap(), value("1"), "{kind}");
        let left = std::fs::read_dir(folder.path()).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<_> = left.filter(|left| left.starts_with(name)).collect();
        assert_eq!(left, [name], "nothing else stays");
    }
}

#[tokio::test]
async fn a_store_that_is_older_than_what_was_acknowledged_is_refused() {
    for kind in StoreKind::EMBEDDED {
        let folder = with_a_record(kind).await;
        let name = records(kind).split('/').next().unwrap();
        let (place, old) = (folder.path().join(name), folder.path().join("old"));
        support::copy(&place, &old);
        let store = open(kind, folder.path());
        let commit = Commit::new().put(key("a"), b"2".to_vec());
        store.commit(commit).await.unwrap();
        let ended = store.ended();
        drop(store);
        ended.wait().await;
        std::fs::rename(&place, folder.path().join("new")).unwrap();
        std::fs::rename(&old, &place).unwrap();
        let refused = store::open(kind, folder.path(), 0).unwrap_err();
        assert!(
            refused.to_string().contains("was acknowledged"),
            "{refused}"
        );
        assert!(!refused.to_string().contains('\n'), "{refused}");
    }
}

/// Writes a record past the store: its inventory knows nothing of it. Leaves the engine's files as an engine does that had
/// nothing to mend when it was opened.
fn write_past(kind: StoreKind, folder: &Path) {
    match kind {
        StoreKind::Sled => {
            let open = || {
                let path = folder.join("sled");
                let opened = std::iter::repeat_with(|| {
                    std::thread::yield_now();
                    sled::open(&path)
                });
                // The one before gives up its lock in its own time.
                opened.take(100_000).find_map(Result::ok).unwrap()
            };
            let database = open();
            database.insert(b"a", b"past").unwrap();
            database.flush().unwrap();
            drop(database);
            drop(open());
        }
        _ => {
            let database = redb::Database::open(folder.join("store.redb")).unwrap();
            let records = redb::TableDefinition::<&[u8], &[u8]>::new("records");
            let transaction = database.begin_write().unwrap();
            let mut table = transaction.open_table(records).unwrap();
            table.insert(b"a".as_slice(), b"past".as_slice()).unwrap();
            drop(table);
            transaction.commit().unwrap();
        }
    }
}

fn note(folder: &Path, commits: u64, left: FileDigest) {
    let left = Some(left);
    Newest::in_folder(folder).note(Noted { commits, left });
}

/// An engine's file or folder.
fn place(kind: StoreKind, folder: &Path) -> PathBuf {
    folder.join(records(kind).split('/').next().unwrap())
}

fn noted(folder: &Path) -> Option<Noted> {
    Newest::in_folder(folder).read().unwrap()
}

#[tokio::test]
async fn an_orderly_end_notes_its_files_which_then_are_not_counted_again() {
    for kind in StoreKind::EMBEDDED {
        let folder = with_a_record(kind).await;
        let place = place(kind, folder.path());
        let left = || FileDigest::of(&place).unwrap();
        let ended = noted(folder.path()).unwrap();
        assert_eq!(ended.left, Some(left()), "{kind}");
        // While it is open, and after a kill, nothing is noted of the files.
        let store = open(kind, folder.path());
        assert_eq!(noted(folder.path()).unwrap().left, None, "{kind}");
        let end = store.ended();
        drop(store);
        end.wait().await;
        assert_eq!(noted(folder.path()).unwrap().left, Some(left()), "{kind}");
        // Only who counts the records finds what is not in the inventory.
        write_past(kind, folder.path());
        note(folder.path(), ended.commits, left());
        let store = open(kind, folder.path());
        assert_eq!(store.get(&key("a")).await.unwrap(), value("past"), "{kind}");
        let end = store.ended();
        drop(store);
        end.wait().await;
        // Who is asked to examine it does.
        let refused = store::examine(kind, folder.path(), 0).unwrap_err();
        assert!(refused.to_string().contains("as written"), "{refused}");
    }
}

#[tokio::test]
async fn an_orderly_end_that_was_of_other_files_is_not_trusted() {
    for kind in StoreKind::EMBEDDED {
        let folder = with_a_record(kind).await;
        let ended = noted(folder.path()).unwrap();
        let whole = std::fs::read(folder.path().join("newest")).unwrap();
        write_past(kind, folder.path());
        let place = place(kind, folder.path());
        let digest = FileDigest::of(&place).unwrap();
        let marks = [
            ("absent", None),
            ("cut off", Some(&whole[..whole.len() - 1])),
            ("empty", Some(&[][..])),
            ("of an earlier end", Some(&whole[..])),
        ];
        for (what, mark) in marks {
            let file = folder.path().join("newest");
            match mark {
                Some(mark) => std::fs::write(file, mark).unwrap(),
                None => std::fs::remove_file(file).unwrap(),
            }
            let refused = store::open(kind, folder.path(), 0).unwrap_err();
            assert!(
                refused.to_string().contains("as written"),
                "{what}: {refused}"
            );
            assert_eq!(FileDigest::of(&place).unwrap(), digest, "{kind}, {what}");
        }
        // The files fit, and hold less than was acknowledged, or more.
        for by in [-1, 1] {
            let commits = ended.commits.checked_add_signed(by).unwrap();
            note(folder.path(), commits, digest);
            let refused = store::open(kind, folder.path(), 0).unwrap_err();
            assert!(refused.to_string().contains("as written"), "{refused}");
            assert_eq!(FileDigest::of(&place).unwrap(), digest, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_was_not_waited_for_is_put_back_only_if_it_is_whole() {
    for kind in StoreKind::EMBEDDED {
        let folder = with_a_record(kind).await;
        let place = place(kind, folder.path());
        let name = place.file_name().unwrap().to_str().unwrap();
        let copy = folder.path().join(format!("{name}.kept-for-now"));
        let good = folder.path().join("good");
        support::copy(&place, &good);
        let spoil = |path: &Path| {
            let inside = path.join("db");
            let file = if inside.exists() { &inside } else { path };
            let mut bytes = std::fs::read(file).unwrap();
            bytes.truncate(bytes.len() / 2);
            std::fs::write(file, bytes).unwrap();
        };
        // After a power cut in an opening: the store is as it was, the copy is not.
        support::copy(&good, &copy);
        spoil(&copy);
        let mark = std::fs::read(folder.path().join("newest")).unwrap();
        let store = open(kind, folder.path());
        assert_eq!(store.get(&key("a")).await.unwrap(), value("1"), "{kind}");
        let end = store.ended();
        drop(store);
        end.wait().await;
        // After a kill: the copy is whole, and an engine was at work on the store.
        std::fs::write(folder.path().join("newest"), mark).unwrap();
        support::copy(&good, &copy);
        spoil(&place);
        let store = open(kind, folder.path());
        assert_eq!(store.get(&key("a")).await.unwrap(), value("1"), "{kind}");
        // Commits were taken since: whatever comes back of it is of another day.
        let commit = Commit::new().put(key("a"), b"2".to_vec());
        store.commit(commit).await.unwrap();
        let end = store.ended();
        drop(store);
        end.wait().await;
        support::copy(&good, &copy);
        let store = open(kind, folder.path());
        assert_eq!(store.get(&key("a")).await.unwrap(), value("2"), "{kind}");
        assert!(!copy.exists(), "{kind}");
    }
}

/// Adds `amount` to an account of a bank, which has a record only while it is not empty.
async fn move_money(store: &dyn Store, from: u32, to: u32, amount: u64) {
    let account = |number: u32| key(&format!("bank/{number:04}"));
    let held = |value: &Option<Vec<u8>>| -> u64 {
        let text = value
            .as_ref()
            .map(|value| String::from_utf8(value.clone()).unwrap());
        text.map_or(0, |text| text.parse().unwrap())
    };
    loop {
        let before = [
            store.get(&account(from)).await.unwrap(),
            store.get(&account(to)).await.unwrap(),
        ];
        let amount = amount.min(held(&before[0]));
        let after = [held(&before[0]) - amount, held(&before[1]) + amount];
        let mut commit = Commit::new();
        for ((number, before), after) in [from, to].into_iter().zip(before).zip(after) {
            commit = commit.expect(account(number), before);
            commit = match after {
                0 => commit.remove(account(number)),
                sum => commit.put(account(number), sum.to_string().into_bytes()),
            };
        }
        if from == to || store.commit(commit).await.unwrap() == Outcome::Applied {
            return;
        }
    }
}

/// What a copy's parts make.
async fn copied(store: &dyn Store) -> BTreeMap<Key, Vec<u8>> {
    let mut copy = BTreeMap::new();
    let mut snapshot = store.snapshot().await.unwrap();
    while let Some(part) = snapshot.next().await.unwrap() {
        for (key, value) in part {
            match value {
                Some(value) => copy.insert(key, value),
                None => copy.remove(&key),
            };
        }
    }
    copy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_of_one_moment_whatever_is_written_meanwhile() {
    const ACCOUNTS: u32 = 700;
    each(|store| async move {
        for first in (0..ACCOUNTS).step_by(100) {
            let commit = (first..first + 100).fold(Commit::new(), |commit, number| {
                commit.put(key(&format!("bank/{number:04}")), b"100".to_vec())
            });
            store.commit(commit).await.unwrap();
        }
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut tellers = tokio::task::JoinSet::new();
        for teller in 0..8_u32 {
            let (store, stop) = (store.clone(), stop.clone());
            tellers.spawn(async move {
                let mut moved = 0_u32;
                // In every order of the accounts, so that money goes over every border between two pages.
                while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                    let from = (teller * 91 + moved * 37) % ACCOUNTS;
                    let to = (teller * 17 + moved * 211 + 350) % ACCOUNTS;
                    move_money(&*store, from, to, u64::from(moved % 120)).await;
                    moved += 1;
                }
                moved
            });
        }
        for round in 0..6 {
            let copy = copied(&*store).await;
            let sum: u64 = copy
                .values()
                .map(|value| {
                    String::from_utf8(value.clone())
                        .unwrap()
                        .parse::<u64>()
                        .unwrap()
                })
                .sum();
            assert_eq!(sum, u64::from(ACCOUNTS) * 100, "{store:?}, round {round}");
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let moved: u32 = tellers.join_all().await.into_iter().sum();
        assert!(moved > 0);
        // When nobody writes, the copy is what the pages list.
        let copy = copied(&*store).await;
        let listed = store.page(&key(""), None, 10_000).await.unwrap();
        assert!(listed.into_iter().eq(copy), "{store:?}");
    })
    .await;
}

/// A commit on few keys with few values, so that expectations often hold and often do not.
fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let part = || (0..4_u8, proptest::option::of(0..3_u8));
    let commit = (
        proptest::collection::vec(part(), 0..3),
        proptest::collection::vec(part(), 1..4),
    );
    let name = |number: u8| key(&format!("k{number}"));
    let bytes = |number: Option<u8>| number.map(|number| vec![number]);
    let commit = commit.prop_map(move |(expectations, writes)| {
        let commit = expectations
            .into_iter()
            .fold(Commit::new(), |commit, (k, v)| {
                commit.expect(name(k), bytes(v))
            });
        writes
            .into_iter()
            .fold(commit, |commit, (k, v)| match bytes(v) {
                Some(bytes) => commit.put(name(k), bytes),
                None => commit.remove(name(k)),
            })
    });
    proptest::collection::vec(commit, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_store_does_what_a_map_does(commits in commits()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(each(|store| {
            let commits = commits.clone();
            async move {
                let mut model: BTreeMap<Key, Vec<u8>> = BTreeMap::new();
                for commit in commits {
                    let holds = commit.expectations().iter().all(|(key, bytes)| model.get(key) == bytes.as_ref());
                    let outcome = store.commit(commit.clone()).await.unwrap();
                    assert_eq!(outcome == Outcome::Applied, holds, "{store:?} {commit:?}");
                    if holds {
                        for (key, bytes) in commit.writes() {
                            match bytes {
                                Some(bytes) => model.insert(key.clone(), bytes.clone()),
                                None => model.remove(key),
                            };
                        }
                    }
                    let listed = store.page(&key("k"), None, 10).await.unwrap();
                    assert!(listed.iter().map(|(k, v)| (k, v)).eq(model.iter()), "{store:?}");
                }
            }
        }));
    }
}
