//! The history of what was acknowledged, held against a model and against what the store holds in the end.

use std::collections::BTreeMap;

use lpse_kiosk::{
    domain::{Refusal, TimeStep, reset::ResetSecret},
    service::reset::Found,
    store::{Key, audit_heads::AuditHeads, visits::Visits},
};

use super::{
    bank,
    chaos::Span,
    house::{House, account, terminal},
    journal::Entry,
};

/// What is wrong, in sentences.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<String>);

impl Faults {
    fn unless(&mut self, holds: bool, why: impl FnOnce() -> String) {
        if !holds {
            self.0.push(why());
        }
    }
}

fn of<'a>(history: &'a [Entry], subject: &'a str) -> impl Iterator<Item = &'a Entry> {
    history.iter().filter(move |entry| entry.word(0) == subject)
}

/// Everything there is to check.
pub async fn check(history: &[Entry], without_quorum: &[Span], house: &House) -> Faults {
    let mut faults = Faults::default();
    nothing_is_granted_without_quorum(history, without_quorum, &mut faults);
    every_step_is_spent_once(history, &mut faults);
    every_ticket_is_used_once(history, house, &mut faults).await;
    transfers_are_what_was_said(history, house, &mut faults).await;
    watermarks_never_go_back(history, house, &mut faults).await;
    accounts_are_as_acknowledged(history, house, &mut faults).await;
    faults
}

/// Nothing that began when the store had been copied elsewhere is acknowledged by it.
pub fn nothing_is_granted_after(history: &[Entry], moved: u64) -> Faults {
    let mut faults = Faults::default();
    // A head that is told to be where it is already is not written.
    let writes = |entry: &&Entry| entry.begun > moved && entry.word(0) != "head";
    for entry in history.iter().filter(writes) {
        faults.unless(!entry.is_acknowledged(), || {
            format!("acknowledged by a store that had been copied elsewhere: {entry:?}")
        });
    }
    faults
}

/// Everything is sealed under the newest master key alone, and opens.
pub async fn everything_is_sealed_anew(house: &House) -> Faults {
    let mut faults = Faults::default();
    let from = terminal("check", "desk");
    let census = house.services.keys.check(&from, |_| {}, |_| {}).await;
    let census = census.expect("the sealed records are looked at");
    faults.unless(census.failed == 0, || format!("{census:?}"));
    for (key, count) in &census.keys {
        let is_old = *key != census.sealing;
        faults.unless(!is_old || count.sealed == 0, || {
            format!(
                "{} records are sealed under the old key {key}",
                count.sealed
            )
        });
    }
    faults
}

fn nothing_is_granted_without_quorum(history: &[Entry], spans: &[Span], faults: &mut Faults) {
    for entry in history.iter().filter(|entry| entry.is_acknowledged()) {
        let is_inside = |(from, to): &Span| entry.begun > *from && entry.ended < *to;
        faults.unless(!spans.iter().any(is_inside), || {
            format!("acknowledged without a quorum: {entry:?}")
        });
    }
}

/// When the clock of a process was wrong.
#[derive(Debug)]
struct WrongClock {
    process: usize,
    from: u64,
    to: u64,
}

impl WrongClock {
    fn all(history: &[Entry]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for entry in of(history, "clock") {
            let is_right = entry.word(1) == "0";
            let open = all
                .iter_mut()
                .find(|wrong| wrong.process == entry.process && wrong.to == u64::MAX);
            match open {
                Some(wrong) if is_right => wrong.to = entry.ended,
                Some(_) => {}
                None => all.push(Self {
                    process: entry.process,
                    from: entry.begun,
                    to: u64::MAX,
                }),
            }
        }
        all
    }

    fn is_felt_by(&self, entry: &Entry) -> bool {
        self.process == entry.process && entry.begun < self.to && entry.ended > self.from
    }
}

/// One acceptance a step and key, whatever the clocks were; and no step after a later one where they were right.
fn every_step_is_spent_once(history: &[Entry], faults: &mut Faults) {
    let wrong_clocks = WrongClock::all(history);
    let is_of_right_clock = |entry: &Entry| !wrong_clocks.iter().any(|one| one.is_felt_by(entry));
    let mut by_key: BTreeMap<(&str, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in of(history, "spend") {
        let key = (entry.word(1), entry.word(4));
        by_key.entry(key).or_default().push(entry);
    }
    for spends in by_key.values() {
        for (at, spend) in spends.iter().enumerate() {
            for other in &spends[at + 1..] {
                faults.unless(spend.number(2) != other.number(2), || {
                    format!("one step is accepted twice: {spend:?} {other:?}")
                });
                let (first, second) = match spend.ended < other.begun {
                    true => (spend, other),
                    false => (other, spend),
                };
                let in_order = first.ended >= second.begun
                    || first.number(2) < second.number(2)
                    || !is_of_right_clock(first)
                    || !is_of_right_clock(second);
                faults.unless(in_order, || {
                    format!("a step is accepted after a later one: {first:?} {second:?}")
                });
            }
        }
    }
}

async fn every_ticket_is_used_once(history: &[Entry], house: &House, faults: &mut Faults) {
    let mut by_link: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in of(history, "reset") {
        by_link
            .entry(entry.word(1))
            .or_default()
            .push(entry.word(2));
    }
    for (link, said) in by_link {
        let count = |word: &str| said.iter().filter(|said| **said == word).count();
        faults.unless(count("done") <= 1, || {
            format!("{link} is used twice: {said:?}")
        });
        // A use whose answer was lost is seen by whoever comes after.
        let is_explained = count("used") == 0 || count("done") + count("failed") > 0;
        faults.unless(is_explained, || format!("nobody has used {link}: {said:?}"));
        if count("done") + count("used") > 0 {
            let secret = ResetSecret::typed(link).expect("a link");
            let from = terminal("check", "desk");
            let found = house.services.reset.find(&secret, &from);
            let found = found.await.expect("a ticket is looked up");
            faults.unless(
                matches!(found, Found::Refused(Refusal::ResetVoid(_))),
                || format!("{link} was used and can be used again: {found:?}"),
            );
        }
    }
}

/// The records of transfers, by the transfers' names.
async fn ledger(house: &House) -> BTreeMap<String, String> {
    let mut records = BTreeMap::new();
    let (prefix, mut after) = (bank::ledger(), None::<Key>);
    loop {
        let page = house.store.page(&prefix, after.as_ref(), 1_000).await;
        let page = page.expect("the ledger is read");
        let Some((last, _)) = page.last() else {
            return records;
        };
        after = Some(last.clone());
        for (key, value) in page {
            let id = &key.as_bytes()[prefix.as_bytes().len()..];
            let id = String::from_utf8(id.to_vec()).unwrap();
            records.insert(id, String::from_utf8(value).unwrap());
        }
    }
}

/// Of each transfer there is a record, if it was applied, and none, if it was refused.
async fn transfers_are_what_was_said(history: &[Entry], house: &House, faults: &mut Faults) {
    let records = ledger(house).await;
    let mut unexplained: Vec<&String> = records.keys().collect();
    unexplained.retain(|id| !of(history, "transfer").any(|entry| entry.word(1) == **id));
    faults.unless(unexplained.is_empty(), || {
        format!("records of transfers that nobody has made: {unexplained:?}")
    });
    for entry in of(history, "transfer") {
        let is_there = records.contains_key(entry.word(1));
        let is_right = match entry.word(2) {
            "applied" => is_there,
            "conflict" | "unavailable" | "away" => !is_there,
            _ => true,
        };
        faults.unless(is_right, || {
            format!("its record is there: {is_there}, but it was said: {entry:?}")
        });
    }
    balances_are_of(&records, house, faults).await;
}

/// The balances are what the recorded transfers have made of them.
async fn balances_are_of(records: &BTreeMap<String, String>, house: &House, faults: &mut Faults) {
    let count = usize::try_from(bank::BALANCES).unwrap();
    let mut expected = vec![bank::IN_EACH; count];
    for record in records.values() {
        let mut numbers = record.split(' ').map(|word| word.parse::<i64>().unwrap());
        let mut next = || numbers.next().unwrap();
        let (from, to, amount) = (next(), next(), next());
        expected[usize::try_from(from).unwrap()] -= amount;
        expected[usize::try_from(to).unwrap()] += amount;
    }
    for (number, expected) in (0..).zip(expected) {
        let found = house.store.get(&bank::balance(number)).await.unwrap();
        let found = bank::amount_in(&found.expect("a balance"));
        faults.unless(found == expected, || {
            format!("balance {number} is {found}, but its transfers make {expected}")
        });
    }
}

/// What a backup that was made in `made` brings back: all that was acknowledged before, nothing that began after, and
/// everything of one moment.
pub async fn check_backup(history: &[Entry], made: Span, house: &House) -> Faults {
    let mut faults = Faults::default();
    let (begun, ended) = made;
    let records = ledger(house).await;
    for entry in of(history, "transfer") {
        let is_there = records.contains_key(entry.word(1));
        let is_right = match entry.is_acknowledged() {
            true if entry.ended < begun => is_there,
            _ if entry.begun > ended => !is_there,
            _ => true,
        };
        faults.unless(is_right, || {
            format!("in the backup of {made:?} its record is there: {is_there}, but {entry:?}")
        });
    }
    balances_are_of(&records, house, &mut faults).await;
    let spent = of(history, "spend").filter(|entry| entry.ended < begun);
    for spend in spent.filter(|entry| entry.word(1).starts_with("LOGIN")) {
        let kept = house.services.accounts.get(&account(spend.word(1))).await;
        let kept = kept.expect("the account is read").expect("the account");
        let stored = kept.authenticator.last_step().map(TimeStep::number);
        faults.unless(stored >= Some(spend.number(2)), || {
            format!("the backup of {made:?} revives a spent step ({stored:?}): {spend:?}")
        });
    }
    faults
}

async fn watermarks_never_go_back(history: &[Entry], house: &House, faults: &mut Faults) {
    let heads: Vec<(&Entry, u64)> = of(history, "head")
        .filter(|entry| entry.is_acknowledged())
        .map(|entry| (entry, entry.number(2)))
        .chain(of(history, "head-read").map(|entry| (entry, entry.number(1))))
        .collect();
    let mut by_end = heads.clone();
    by_end.sort_by_key(|(entry, _)| entry.ended);
    let mut by_begin = heads;
    by_begin.sort_by_key(|(entry, _)| entry.begun);
    let (mut known, mut earlier) = (0, by_end.iter().peekable());
    for (entry, seq) in by_begin {
        while let Some((_, seq)) = earlier.next_if(|(other, _)| other.ended < entry.begun) {
            known = known.max(*seq);
        }
        // One who advances to less than there is, is told that it is done.
        let is_read = entry.word(0) == "head-read";
        faults.unless(!is_read || seq >= known, || {
            format!("{known} was there before, and is gone: {entry:?}")
        });
    }
    known = earlier.fold(known, |known, (_, seq)| known.max(*seq));
    let head = AuditHeads::new(house.store.clone()).get(bank::NODE).await;
    let head = head.unwrap().map_or(0, |head| head.seq);
    faults.unless(head >= known, || {
        format!("the audit log's head is {head} in the end, and was {known}")
    });
    let said = |word: &'static str| {
        let visits = of(history, "visit").filter(move |entry| entry.word(1) == word);
        visits.count() as u64
    };
    let visits = Visits::new(house.store.clone()).total().await.unwrap();
    let (done, failed) = (said("done"), said("failed"));
    faults.unless((done..=done + failed).contains(&visits), || {
        format!("{done} visits are acknowledged, {failed} are unknown, {visits} are counted")
    });
}

async fn accounts_are_as_acknowledged(history: &[Entry], house: &House, faults: &mut Faults) {
    let mut accounts: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for subject in ["spend", "failure", "state", "state-failed"] {
        for entry in of(history, subject) {
            accounts.entry(entry.word(1)).or_default().push(entry);
        }
    }
    for (id, mut entries) in accounts {
        entries.sort_by_key(|entry| entry.ended);
        let kept = house.services.accounts.get(&account(id)).await;
        let kept = kept.expect("the account is read").expect("the account");
        let steps = entries.iter().filter(|entry| entry.word(0) == "spend");
        let step = steps.map(|entry| entry.number(2)).max();
        let stored = kept.authenticator.last_step().map(TimeStep::number);
        // Where keys come and go, their steps do too.
        let is_so = ["ENROLL", "RESET"].iter().any(|of| id.starts_with(of)) || stored >= step;
        faults.unless(is_so, || {
            format!("{id}: step {step:?} was accepted, but the greatest is {stored:?}")
        });
        if id.starts_with("FAIL") {
            let said = |word: &str| {
                let failures = entries.iter().filter(|entry| entry.word(2) == word);
                u32::try_from(failures.count()).unwrap()
            };
            let (counted, failed) = (said("counted"), said("failed"));
            let stored = kept.passcode_throttle.failures;
            faults.unless((counted..=counted + failed).contains(&stored), || {
                format!("{id}: {counted} wrong codes were told, {failed} are unknown, {stored} are stored")
            });
        }
        let state = entries
            .iter()
            .rev()
            .find(|e| e.word(0).starts_with("state"));
        if let Some(state) = state.filter(|_| id.starts_with("ENROLL")) {
            let is_active = kept.authenticator.is_active();
            let is_right = match (state.word(0), state.word(2)) {
                ("state", "active") => is_active,
                ("state", _) => !is_active,
                _ => true,
            };
            faults.unless(is_right, || {
                format!("{id}: TOTP is active: {is_active}, after {state:?}")
            });
        }
    }
}
