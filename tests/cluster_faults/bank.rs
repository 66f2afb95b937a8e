//! Work on the store itself: transfers between a few balances, a watermark, a counter.
//!
//! Every transfer leaves a record of its own, so that afterwards each answer can be held against what was done.

use std::{sync::Arc, time::Duration};

use lpse_kiosk::{
    domain::audit::{AuditHead, RecordHash},
    store::{Commit, Key, Outcome, Store, StoreError, audit_heads::AuditHeads, visits::Visits},
};
use tokio::time::{sleep, timeout};

use super::{
    chance::Chance,
    journal::{Entry, now},
    worker::Stop,
};

pub const BALANCES: u64 = 40;
pub const IN_EACH: i64 = 1_000_000;

/// The node whose head and visits all processes move.
pub const NODE: &str = "common";

pub fn balance(number: u64) -> Key {
    Key::from_bytes(format!("bank/balance/{number}"))
}

pub fn ledger() -> Key {
    Key::from_bytes("bank/ledger/")
}

fn record(id: &str) -> Key {
    Key::from_bytes(format!("bank/ledger/{id}"))
}

pub fn amount_in(bytes: &[u8]) -> i64 {
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

pub async fn open_balances(store: &Arc<dyn Store>) {
    let commit = (0..BALANCES).fold(Commit::new(), |commit, number| {
        commit.put(balance(number), IN_EACH.to_string().into_bytes())
    });
    assert_eq!(store.commit(commit).await.unwrap(), Outcome::Applied);
}

/// Moves money until told to stop. Now and then it does not wait for the answer.
pub async fn teller(store: Arc<dyn Store>, name: String, seed: u64, stop: Stop) {
    let mut chance = Chance(seed);
    let mut number = 0_u64;
    while !stop.is_told() {
        sleep(Duration::from_millis(chance.between(5, 40))).await;
        let from = chance.below(BALANCES);
        let to = (from + chance.between(1, BALANCES - 1)) % BALANCES;
        let amount = i64::try_from(chance.between(1, 100)).unwrap();
        let (Ok(Some(a)), Ok(Some(b))) = (
            store.get(&balance(from)).await,
            store.get(&balance(to)).await,
        ) else {
            continue;
        };
        number += 1;
        let id = format!("{name}-{number}");
        let moved = |bytes: &[u8], by: i64| (amount_in(bytes) + by).to_string().into_bytes();
        let commit = Commit::new()
            .put(balance(from), moved(&a, -amount))
            .put(balance(to), moved(&b, amount))
            .expect(balance(from), Some(a))
            .expect(balance(to), Some(b))
            .put(record(&id), format!("{from} {to} {amount}").into_bytes());
        let begun = now();
        let patience = match chance.below(20) {
            0 => Duration::from_millis(chance.below(30)),
            _ => Duration::from_secs(600),
        };
        let said = match timeout(patience, store.commit(commit)).await {
            Ok(Ok(Outcome::Applied)) => "applied",
            Ok(Ok(Outcome::Conflict)) => "conflict",
            Ok(Err(StoreError::Unavailable(_))) => "unavailable",
            Ok(Err(StoreError::Unknown(_))) => "unknown",
            Ok(Err(StoreError::Away(_))) => "away",
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => "dropped",
        };
        Entry::say(begun, format!("transfer {id} {said}"));
    }
}

/// Moves an audit log's head forward, which others move too, and reads it.
pub async fn head(store: Arc<dyn Store>, seed: u64, stop: Stop) {
    let heads = AuditHeads::new(store);
    let mut chance = Chance(seed);
    while !stop.is_told() {
        sleep(Duration::from_millis(chance.between(20, 120))).await;
        let begun = now();
        let Ok(found) = heads.get(NODE).await else {
            continue;
        };
        let seq = found.map_or(0, |head| head.seq);
        Entry::say(begun, format!("head-read {seq}"));
        let seq = seq + chance.below(4);
        let hash = RecordHash::from_bytes([0; RecordHash::LENGTH]);
        let begun = now();
        let said = match heads.advance(NODE, AuditHead { seq, hash }).await {
            Ok(()) => "done",
            Err(_) => "failed",
        };
        Entry::say(begun, format!("head {said} {seq}"));
    }
}

/// Counts visits.
pub async fn visitor(store: Arc<dyn Store>, seed: u64, stop: Stop) {
    let visits = Visits::new(store);
    let mut chance = Chance(seed);
    while !stop.is_told() {
        sleep(Duration::from_millis(chance.between(20, 120))).await;
        let begun = now();
        let said = match visits.count(NODE).await {
            Ok(()) => "done",
            Err(_) => "failed",
        };
        Entry::say(begun, format!("visit {said}"));
    }
}
