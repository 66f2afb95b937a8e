//! The store that several machines share, by itself, in the scenes that its cluster's administrators know: a leader that
//! hangs or dies, no quorum, a member that is cut off from the others, a client that is killed.
//!
//! Each scene has a cluster of its own; one at a time, as a machine with two cores holds one.

#![allow(
    clippy::await_holding_lock,
    reason = "the lock is what makes the scenes come one after the other; each has a runtime of its own"
)]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use support::cluster;

use lpse_kiosk::store::{
    Change, Changes, Commit, Key, Outcome, Store, StoreError, Work,
    away::Away,
    etcd::{self, EtcdSettings, EtcdUser},
    folder::OpenError,
};
use support::cluster::Cluster;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::sleep,
};

const PATIENCE: Duration = Duration::from_secs(3);

/// More than the patience, and what a busy machine adds to it.
const SLACK: Duration = Duration::from_secs(2);

/// Until this is dropped, no other scene is played.
async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

fn settings(endpoints: &str, prefix: &str, node: &str) -> EtcdSettings {
    EtcdSettings {
        endpoints: endpoints.split(',').map(str::to_owned).collect(),
        tls: None,
        user: None,
        prefix: prefix.to_owned(),
        patience: PATIENCE,
        node: node.to_owned(),
    }
}

/// Opens the store; a cluster that elects a leader is waited for, as a process that starts does.
async fn open(endpoints: &str, prefix: &str, node: &str, folder: &Path) -> Arc<dyn Store> {
    let begun = Instant::now();
    loop {
        let settings = settings(endpoints, prefix, node);
        match etcd::open(settings, &folder.join(node), 0).await {
            Ok(opened) => return opened.store,
            Err(OpenError::Cluster { reason, .. }) if begun.elapsed().as_secs() < 60 => {
                println!("{reason}");
            }
            Err(error) => panic!("the store opens: {error}"),
        }
    }
}

/// A store of its own in a cluster, and the folder that goes with it.
struct Site {
    store: Arc<dyn Store>,
    _folder: tempfile::TempDir,
}

async fn site(cluster: &Cluster) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let prefix = cluster::fresh_prefix();
    Site {
        store: open(&cluster.endpoints(), &prefix, "one", folder.path()).await,
        _folder: folder,
    }
}

fn watermark() -> Key {
    Key::from_bytes("count/mark")
}

fn record(number: u64) -> Key {
    Key::from_bytes(format!("count/record/{number:012}"))
}

async fn counted(store: &Arc<dyn Store>) -> Result<u64, StoreError> {
    let bytes = store.get(&watermark()).await?;
    Ok(bytes.map_or(0, |bytes| {
        String::from_utf8(bytes).unwrap().parse().unwrap()
    }))
}

/// The number `number`, on condition that it is the next.
fn next(number: u64) -> Commit {
    let before = (number > 1).then(|| (number - 1).to_string().into_bytes());
    Commit::new()
        .expect(watermark(), before)
        .put(watermark(), number.to_string().into_bytes())
        .put(record(number), b"written".to_vec())
}

/// Counts on for `time`, and demands that every answer is true; returns the longest time without an acknowledgement.
async fn count_for(store: &Arc<dyn Store>, time: Duration) -> Duration {
    let begun = Instant::now();
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    let mut number = None;
    while begun.elapsed() < time {
        let known = match number {
            Some(number) => number,
            None => match counted(store).await {
                Ok(counted) => counted,
                Err(_) => continue,
            },
        };
        let asked = Instant::now();
        let answer = store.commit(next(known + 1)).await;
        assert!(
            asked.elapsed() < PATIENCE * 2 + SLACK,
            "{:?}",
            asked.elapsed()
        );
        number = match answer {
            Ok(Outcome::Applied) => {
                longest = longest.max(last.elapsed());
                last = Instant::now();
                Some(known + 1)
            }
            // Nobody else counts here.
            Ok(Outcome::Conflict) => panic!("{} was written, and not said to be", known + 1),
            Err(StoreError::Unavailable(_)) => Some(known),
            Err(StoreError::Unknown(_)) => None,
            Err(error) => panic!("{error}"),
        };
        sleep(Duration::from_millis(5)).await;
    }
    let known = counted(store).await.unwrap();
    let prefix = Key::from_bytes("count/record/");
    let records = store.page(&prefix, None, 100_000);
    assert_eq!(records.await.unwrap().len() as u64, known);
    longest.max(last.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hangs_for_10_seconds_is_replaced_without_it() {
    let _alone = alone().await;
    let cluster = Cluster::start();
    let site = site(&cluster).await;
    count_for(&site.store, Duration::from_millis(500)).await;
    let leader = cluster.leader().expect("a leader");
    cluster.signal_member(leader, "STOP");
    let longest = count_for(&site.store, Duration::from_secs(10)).await;
    cluster.signal_member(leader, "CONT");
    println!("a leader that hangs: {longest:.2?} without a commit");
    // The rest of the ten seconds was well.
    assert!(longest < Duration::from_secs(9), "{longest:?}");
    count_for(&site.store, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_costs_seconds_and_nothing_written() {
    let _alone = alone().await;
    let mut cluster = Cluster::start();
    let site = site(&cluster).await;
    for _ in 0..3 {
        let leader = cluster.leader().expect("a leader");
        cluster.kill_member(leader);
        let longest = count_for(&site.store, Duration::from_secs(6)).await;
        println!("a leader that is killed: {longest:.2?} without a commit");
        assert!(longest < Duration::from_secs(6), "{longest:?}");
        cluster.start_member(leader);
        cluster.wait_until_well();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_everything_is_unavailable_in_time_and_comes_back_by_itself() {
    let _alone = alone().await;
    let mut cluster = Cluster::start();
    let Site { store, _folder } = site(&cluster).await;
    assert_eq!(store.commit(next(1)).await.unwrap(), Outcome::Applied);
    cluster.kill_member(0);
    cluster.kill_member(1);
    // What is asked while the last member still believes in its leader may be unknown; later it is known.
    sleep(Duration::from_secs(4)).await;
    let mut asked = tokio::task::JoinSet::new();
    // More than there are slots.
    for number in 0..300_u64 {
        let store = store.clone();
        asked.spawn(async move {
            let begun = Instant::now();
            let commit = Commit::new().put(Key::from_bytes(format!("lost/{number}")), b"1".into());
            let outcome = store.commit(commit).await;
            let is_refused = match outcome {
                Err(StoreError::Unavailable(_)) => true,
                // A member that is too busy to say that it has no leader.
                Err(StoreError::Unknown(_)) => false,
                other => panic!("{other:?}"),
            };
            let read = store.get(&watermark()).await;
            assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
            (begun.elapsed(), number, is_refused)
        });
    }
    let asked = asked.join_all().await;
    let longest = asked.iter().map(|(took, ..)| *took).max().unwrap();
    let mut refused = asked.iter().filter(|(.., is_refused)| *is_refused);
    assert!(
        refused.clone().count() > 250,
        "most are known to be refused"
    );
    println!("no quorum: a commit and a read were refused within {longest:.2?}");
    assert!(longest < PATIENCE * 2 + SLACK, "{longest:?}");
    cluster.start_member(0);
    cluster.start_member(1);
    cluster.wait_until_well();
    let begun = Instant::now();
    while store.commit(next(2)).await.is_err() {}
    println!("no quorum: {:.2?} after it is back", begun.elapsed());
    assert_eq!(counted(&store).await.unwrap(), 2);
    // What was refused was not done, and is not done later.
    let done = store.page(&Key::from_bytes("lost/"), None, 1_000).await;
    let done = done.unwrap();
    let is_done = |number: u64| {
        let key = Key::from_bytes(format!("lost/{number}"));
        done.iter().any(|(done, _)| *done == key)
    };
    assert!(!refused.any(|(_, number, _)| is_done(*number)), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_was_away_when_the_process_started_serves_it_later() {
    let _alone = alone().await;
    let mut cluster = Cluster::start();
    cluster.kill_member(0);
    let site = site(&cluster).await;
    // So that every member was tried once.
    for member in [1, 2] {
        cluster.signal_member(member, "STOP");
        let _ = counted(&site.store).await;
        cluster.signal_member(member, "CONT");
    }
    cluster.start_member(0);
    cluster.wait_until_well();
    cluster.kill_member(1);
    let longest = count_for(&site.store, Duration::from_secs(6)).await;
    assert!(longest < Duration::from_secs(6), "{longest:?}");
    cluster.start_member(1);
    cluster.wait_until_well();
    cluster.kill_member(2);
    let longest = count_for(&site.store, Duration::from_secs(6)).await;
    assert!(longest < Duration::from_secs(6), "{longest:?}");
}

/// Hears the numbers that are counted until `last`, each of them once and in their order.
async fn hear_all(mut changes: Box<dyn Changes>, first: u64, last: u64) {
    let mut heard = first - 1;
    while heard < last {
        let Change::Written { after, before, .. } = changes.next().await else {
            panic!("changes were missed after {heard}");
        };
        let number = |bytes: Option<Vec<u8>>| {
            bytes.map_or(0, |bytes| {
                String::from_utf8(bytes).unwrap().parse::<u64>().unwrap()
            })
        };
        assert_eq!((number(before), number(after)), (heard, heard + 1));
        heard += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_heard_once_and_in_order_whatever_happens_to_the_members() {
    let _alone = alone().await;
    let mut cluster = Cluster::start();
    let Site { store, _folder } = site(&cluster).await;
    let changes = store.changes(&watermark()).await.unwrap().unwrap();
    let last = 400;
    let hearing = tokio::spawn(hear_all(changes, 1, last));
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        loop {
            let Ok(known) = counted(&writer).await else {
                continue;
            };
            if known == last {
                return;
            }
            let _ = writer.commit(next(known + 1)).await;
            sleep(Duration::from_millis(15)).await;
        }
    });
    for member in [0, 1, 2, 0, 1, 2] {
        cluster.kill_member(member);
        sleep(Duration::from_millis(400)).await;
        cluster.start_member(member);
        cluster.wait_until_well();
        cluster.signal_member((member + 1) % 3, "STOP");
        sleep(Duration::from_millis(900)).await;
        cluster.signal_member((member + 1) % 3, "CONT");
    }
    writing.await.unwrap();
    hearing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_cut_off_from_the_others_is_left_by_questions_and_watches() {
    let _alone = alone().await;
    let cluster = match Cluster::with_exile() {
        Ok(cluster) => cluster,
        Err(why) => {
            support::left_out(&format!("no networks can be made ({why})"));
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let prefix = cluster::fresh_prefix();
    let all = cluster.endpoints();
    let (near, exiled) = all.rsplit_once(',').unwrap();
    let writer = open(near, &prefix, "writer", folder.path()).await;
    // Each begins at a member of its own choice: some of them at the exiled one.
    let mut hearers = Vec::new();
    for number in 0..8 {
        let endpoints = format!("{exiled},{near}");
        let node = format!("hearer{number}");
        hearers.push(open(&endpoints, &prefix, &node, folder.path()).await);
    }
    for _ in 0..2 {
        let known = counted(&writer).await.unwrap();
        let mut hearing = tokio::task::JoinSet::new();
        for hearer in &hearers {
            let changes = hearer.changes(&watermark()).await.unwrap().unwrap();
            hearing.spawn(hear_all(changes, known + 1, known + 1));
        }
        sleep(Duration::from_secs(1)).await;
        cluster.cut_off(true);
        let begun = Instant::now();
        while writer.commit(next(known + 1)).await.is_err() {}
        let written = Instant::now();
        for hearer in &hearers {
            // Not what the exiled member still holds.
            assert_eq!(counted(hearer).await.unwrap(), known + 1);
        }
        let all = tokio::time::timeout(Duration::from_secs(20), hearing.join_all()).await;
        assert!(all.is_ok(), "somebody has not heard of the change");
        println!(
            "cut off: written after {:.2?}, heard by all {:.2?} later",
            written - begun,
            written.elapsed()
        );
        let longest = count_for(&hearers[0], Duration::from_secs(5)).await;
        println!("cut off: {longest:.2?} without a commit");
        cluster.cut_off(false);
        cluster.wait_until_well();
        count_for(&hearers[0], Duration::from_secs(1)).await;
    }
}

/// The client that is killed: this program again, told by its environment where to write.
#[test]
fn the_client_that_is_killed() {
    let Ok(told) = std::env::var("LPSE_TEST_KILLED_CLIENT") else {
        return;
    };
    let words: Vec<&str> = told.split(' ').collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = open(words[0], words[1], "killed", Path::new(words[2])).await;
        let mut number = counted(&store).await.unwrap();
        loop {
            number += 1;
            let outcome = store.commit(next(number)).await.unwrap();
            assert_eq!(outcome, Outcome::Applied);
            let said = format!("\nwritten {number}\n");
            std::io::stdout().write_all(said.as_bytes()).unwrap();
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_killed_in_mid_commit_loses_nothing_it_was_told() {
    let _alone = alone().await;
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let prefix = cluster::fresh_prefix();
    let observer = open(&cluster.endpoints(), &prefix, "observer", folder.path()).await;
    let told = format!(
        "{} {prefix} {}",
        cluster.endpoints(),
        folder.path().display()
    );
    let mut acknowledged = 0;
    for kill in 0..20_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "faults::the_client_that_is_killed",
                "--nocapture",
            ])
            .env("LPSE_TEST_KILLED_CLIENT", &told)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 5 + kill % 7;
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("written ") {
                acknowledged = number.parse().unwrap();
                left = left.saturating_sub(1);
            }
            if left == 0 {
                std::thread::sleep(Duration::from_micros(u64::from(kill) * 131));
                // Whatever else it says is read to the end.
                let _ = child.kill();
            }
        }
        child.wait().unwrap();
        let stored = counted(&observer).await.unwrap();
        assert!(
            (acknowledged..=acknowledged + 1).contains(&stored),
            "{acknowledged} acknowledged, {stored} stored"
        );
        acknowledged = stored;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_password_members_that_forget_who_has_logged_in_are_told_again() {
    let _alone = alone().await;
    let mut cluster = Cluster::start();
    for words in [
        ["user", "add", "root:rahasia"].as_slice(),
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        cluster
            .etcdctl(&[0, 1, 2], words)
            .expect("etcd's own login");
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = EtcdSettings {
        user: Some(EtcdUser {
            name: "root".into(),
            password: Arc::new(|| zeroize::Zeroizing::new("rahasia".into())),
        }),
        ..settings(&cluster.endpoints(), &cluster::fresh_prefix(), "one")
    };
    let store = etcd::open(settings, folder.path(), 0).await.unwrap().store;
    let changes = store.changes(&watermark()).await.unwrap().unwrap();
    count_for(&store, Duration::from_millis(500)).await;
    for member in [0, 1, 2] {
        cluster.kill_member(member);
        count_for(&store, Duration::from_secs(2)).await;
        cluster.start_member(member);
        let longest = count_for(&store, Duration::from_secs(5)).await;
        assert!(longest < Duration::from_secs(5), "{longest:?}");
    }
    let last = counted(&store).await.unwrap();
    hear_all(changes, 1, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_takes_nothing_loses_nothing_and_goes_on_when_there_is_room() {
    const LARGE: usize = 200 * 1024;
    let _alone = alone().await;
    let cluster = Cluster::start_with(&["--quota-backend-bytes", "16777216"]);
    let site = site(&cluster).await;
    let large = |number: u64| Key::from_bytes(format!("large/{number:03}"));
    let mut answers = Vec::new();
    // More than fits, from several sides at once: some are refused by a member that has applied them.
    for first in (0..120).step_by(8) {
        let mut writers = tokio::task::JoinSet::new();
        for number in first..first + 8 {
            let (store, key) = (site.store.clone(), large(number));
            writers.spawn(async move {
                let commit = Commit::new().expect(key.clone(), None);
                (number, store.commit(commit.put(key, vec![7; LARGE])).await)
            });
        }
        answers.extend(writers.join_all().await);
    }
    let mut refused = 0;
    for (number, answer) in answers {
        let is_there = site.store.get(&large(number)).await.unwrap().is_some();
        match answer {
            Ok(Outcome::Applied) => assert!(is_there, "{number} was acknowledged"),
            Err(StoreError::Unavailable(why)) => {
                assert!(why.contains("database space exceeded"), "{why}");
                assert!(!is_there, "{number} was refused");
                refused += 1;
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!((1..120).contains(&refused), "{refused} of 120 were refused");
    println!("{refused} of 120 large records did not fit");
    // What a cluster's administrator does: fewer records, no history, the pages given back, and the alarm off.
    let told = |members: &[usize], arguments: &[&str]| {
        let patience = [arguments, &["--command-timeout", "20s"]].concat();
        let answer = cluster.etcdctl(members, &patience);
        answer.unwrap_or_else(|| panic!("etcdctl {arguments:?}"))
    };
    told(&[0], &["del", "--prefix", "/test-"]);
    let status = told(&[0], &["endpoint", "status", "-w", "fields"]);
    let mut lines = status.lines();
    let revision = lines.find_map(|line| line.strip_prefix("\"Revision\" : "));
    told(&[0], &["compact", revision.expect("a revision")]);
    let all = [0, 1, 2];
    told(&all, &["defrag"]);
    told(&all, &["alarm", "disarm"]);
    assert_eq!(site.store.commit(next(1)).await.unwrap(), Outcome::Applied);
}

#[tokio::test]
async fn while_somebody_copies_nobody_else_writes_and_afterwards_only_where_the_store_is_the_same()
{
    let _alone = alone().await;
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let prefix = cluster::fresh_prefix();
    let serving = open(&cluster.endpoints(), &prefix, "one", folder.path()).await;
    let copying = open(&cluster.endpoints(), &prefix, "two", folder.path()).await;
    serving.hold_to_standing();
    assert_eq!(serving.commit(next(1)).await.unwrap(), Outcome::Applied);
    let away = |done: Result<Outcome, StoreError>| match done {
        Err(StoreError::Away(away)) => away,
        other => panic!("{other:?}"),
    };
    let moved = || Commit::new().put(Key::moved(), b"moved".to_vec());
    // Nobody has the turn, so somebody may have written what a copy has missed.
    assert_eq!(copying.commit(moved()).await.unwrap(), Outcome::Conflict);
    let turn = copying.take_turn(Work::Copy).await.unwrap();
    assert_eq!(away(serving.commit(next(2)).await), Away::Copying);
    assert_eq!(copying.commit(next(2)).await.unwrap(), Outcome::Applied);
    // Broken off, everything goes on.
    drop(turn);
    loop {
        match serving.commit(next(3)).await {
            Err(StoreError::Away(Away::Copying)) => sleep(Duration::from_millis(50)).await,
            done => break assert_eq!(done.unwrap(), Outcome::Applied),
        }
    }
    let turn = copying.take_turn(Work::Copy).await.unwrap();
    assert_eq!(copying.commit(moved()).await.unwrap(), Outcome::Applied);
    assert_eq!(away(serving.commit(next(4)).await), Away::Copying);
    drop(turn);
    let is_moved = async || {
        matches!(
            serving.commit(next(4)).await,
            Err(StoreError::Away(Away::Moved))
        )
    };
    while !is_moved().await {
        sleep(Duration::from_millis(50)).await;
    }
    // It comes back, perhaps with other records: whoever had it open begins anew.
    let back = Commit::new().remove(Key::moved());
    assert_eq!(copying.commit(back).await.unwrap(), Outcome::Applied);
    assert_eq!(away(serving.commit(next(4)).await), Away::Changed);
    // The same where everything is gone.
    let other = open(&cluster.endpoints(), &prefix, "three", folder.path()).await;
    other.hold_to_standing();
    assert_eq!(other.commit(next(4)).await.unwrap(), Outcome::Applied);
    cluster
        .etcdctl(&[0, 1, 2], &["del", "--prefix", &prefix])
        .unwrap();
    assert_eq!(away(other.commit(next(1)).await), Away::Changed);
}
