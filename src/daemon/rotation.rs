//! A rotation of the master keys that goes on by itself, once every machine that shares the store holds the new key.
//!
//! Each process that stays and holds that key looks every [`PAUSE`], and whoever has the turn first goes on; the others wait
//! for its end, and go on in its place where it dies. A machine that is just being started again does not run either: were
//! it left out at once, its start could be refused for want of a file that is on its way. So a machine that is away and was
//! never seen with the key is waited for, for as long as [`AWAY`]. Whoever knows better goes on by hand.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};

use crate::{
    domain::{Source, source::OwnPlace},
    ports::Clock,
    service::keys::{Keys, Others, Rotation, UnderWay},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// A machine is away for longer than this when it is not only started again.
const AWAY: Duration = Duration::from_secs(10 * 60);

/// After a try that failed, the next one follows then.
const RETRY: Duration = Duration::from_secs(10 * 60);

/// Looks, and goes on with what waits, until `leave` holds true. What is broken off by that goes on elsewhere, or later.
pub async fn go_on(keys: Keys, clock: Arc<dyn Clock>, mut leave: watch::Receiver<bool>) {
    tokio::select! {
        // The sender is gone where the process has left already.
        _ = leave.wait_for(|leave| *leave) => {}
        () = keep_looking(&keys, &*clock) => {}
    }
}

async fn keep_looking(keys: &Keys, clock: &dyn Clock) {
    let from = Source::own(OwnPlace::KeyRotation);
    let mut patience = Patience::default();
    let mut told = Told::default();
    loop {
        sleep(PAUSE).await;
        // A store that does not answer tells that itself.
        let Ok(under_way) = keys.under_way().await else {
            continue;
        };
        let Some(under_way) = under_way else {
            patience = Patience::default();
            told = Told::default();
            continue;
        };
        let id = &under_way.id;
        match patience.judge(&under_way, clock.monotonic()) {
            Next::Wait => continue,
            Next::WaitFor(others) => {
                told.waits(id, others);
                continue;
            }
            Next::GoOn => {}
        }
        let failed = match keys.rotate(false, &from, |_| {}).await {
            Ok(Rotation::Rotated(rotated)) if rotated.failed.is_empty() => {
                tracing::warn!(
                    "the rotation to the master key {id} is over: everything is sealed under it ({} records anew); keep a \
                     new copy of the master key file in a safe place",
                    rotated.changed
                );
                continue;
            }
            Ok(Rotation::Rotated(rotated)) => format!(
                "{} records cannot be opened; `lpse-kiosk key check` names them: put back the master key file that opens \
                 them",
                rotated.failed.len()
            ),
            // Somebody else has done it, or a machine has come that lacks the key.
            Ok(Rotation::None { .. } | Rotation::Ready(_)) => continue,
            Err(error) => error.to_string(),
        };
        patience.again_after(clock.monotonic() + RETRY);
        told.failed(id, failed);
    }
}

/// What is to be done about a rotation that is under way.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Wait,
    /// For these machines.
    WaitFor(Others),
    GoOn,
}

/// What was seen of a rotation so far. Times are of a clock that nobody sets.
#[derive(Debug, Default)]
struct Patience {
    id: String,
    /// The machines that are away without the key, and since when.
    away: BTreeMap<String, Duration>,
    /// Nobody was waited for at the last look.
    was_ready: bool,
    not_before: Duration,
}

impl Patience {
    fn judge(&mut self, under_way: &UnderWay, now: Duration) -> Next {
        if self.id != under_way.id {
            *self = Self {
                id: under_way.id.clone(),
                ..Self::default()
            };
        }
        let Others { lacking, away } = &under_way.others;
        self.away.retain(|name, _| away.contains(name));
        for name in away {
            self.away.entry(name.clone()).or_insert(now);
        }
        let waits_for = Others {
            lacking: lacking.clone(),
            away: self
                .away
                .iter()
                .filter(|(_, since)| now.saturating_sub(**since) < AWAY)
                .map(|(name, _)| name.clone())
                .collect(),
        };
        let is_ready = waits_for == Others::default();
        // One look may have fallen between two words of a machine, or into a command that is about to go on itself.
        let goes_on = is_ready && self.was_ready && now >= self.not_before;
        self.was_ready = is_ready;
        match (is_ready, goes_on) {
            (false, _) => Next::WaitFor(waits_for),
            (true, false) => Next::Wait,
            (true, true) => Next::GoOn,
        }
    }

    /// Nothing is tried before `time`.
    fn again_after(&mut self, time: Duration) {
        self.not_before = time;
    }
}

/// What the log says of a rotation, each once.
#[derive(Debug, Default)]
struct Told {
    waits_for: Others,
    failed: Option<String>,
}

impl Told {
    fn waits(&mut self, id: &str, others: Others) {
        if !others.lacking.is_empty() && others.lacking != self.waits_for.lacking {
            tracing::warn!(
                "a rotation to the master key {id} waits for these machines, which do not hold it: {}; bring the master key \
                 file of this machine there, and it goes on by itself",
                others.lacking.join(", ")
            );
        }
        if !others.away.is_empty() && others.away != self.waits_for.away {
            tracing::warn!(
                "a rotation to the master key {id} waits, for at most {} minutes, for these machines, which do not run and \
                 were not seen with it: {}; `lpse-kiosk key rotate --copied` goes on without them, and `lpse-kiosk node \
                 forget` forgets one that is gone",
                AWAY.as_secs() / 60,
                others.away.join(", ")
            );
        }
        self.waits_for = others;
    }

    fn failed(&mut self, id: &str, why: String) {
        if self.failed.as_ref() != Some(&why) {
            tracing::error!(
                "the rotation to the master key {id} does not go on by itself; it is tried again every {} minutes, and at \
                 once by `lpse-kiosk key rotate --copied`: {why}",
                RETRY.as_secs() / 60
            );
            self.failed = Some(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_way(id: &str, lacking: &[&str], away: &[&str]) -> UnderWay {
        UnderWay {
            id: id.to_owned(),
            others: others(lacking, away),
        }
    }

    fn others(lacking: &[&str], away: &[&str]) -> Others {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Others {
            lacking: names(lacking),
            away: names(away),
        }
    }

    const LOOK: Duration = PAUSE;

    #[test]
    fn it_goes_on_at_the_second_look_at_which_all_hold_the_key() {
        let mut patience = Patience::default();
        let mut look = |seen: &UnderWay, number| patience.judge(seen, LOOK * number);
        let waits = under_way("new", &["two"], &[]);
        let ready = under_way("new", &[], &[]);
        assert_eq!(look(&waits, 1), Next::WaitFor(others(&["two"], &[])));
        assert_eq!(look(&ready, 2), Next::Wait);
        // One more has started, and has not said its keys.
        let starts = under_way("new", &["three"], &[]);
        assert_eq!(look(&starts, 3), Next::WaitFor(others(&["three"], &[])));
        assert_eq!(look(&ready, 4), Next::Wait);
        assert_eq!(look(&ready, 5), Next::GoOn);
        // What was seen of one says nothing of another.
        assert_eq!(look(&under_way("newer", &[], &[]), 6), Next::Wait);
    }

    #[test]
    fn a_machine_that_starts_again_is_waited_for_and_one_that_is_gone_is_not_for_long() {
        let mut patience = Patience::default();
        let mut look = |seen: &UnderWay, now| patience.judge(seen, now);
        let away = under_way("new", &[], &["two"]);
        let waits = || Next::WaitFor(others(&[], &["two"]));
        let at = |part: Duration| Duration::from_secs(7) + part;
        assert_eq!(look(&away, at(Duration::ZERO)), waits());
        assert_eq!(look(&away, at(AWAY - LOOK)), waits());
        // It was there for a moment, without the key: its time begins anew.
        let back = under_way("new", &["two"], &[]);
        look(&back, at(AWAY - LOOK / 2));
        assert_eq!(look(&away, at(AWAY)), waits());
        assert_eq!(look(&away, at(AWAY * 2 - LOOK)), waits());
        assert_eq!(look(&away, at(AWAY * 2)), Next::Wait);
        assert_eq!(look(&away, at(AWAY * 2 + LOOK)), Next::GoOn);
    }

    #[test]
    fn after_a_failed_try_the_next_one_comes_late() {
        let mut patience = Patience::default();
        let ready = under_way("new", &[], &[]);
        patience.judge(&ready, LOOK);
        assert_eq!(patience.judge(&ready, LOOK * 2), Next::GoOn);
        patience.again_after(LOOK * 2 + RETRY);
        assert_eq!(patience.judge(&ready, LOOK * 3), Next::Wait);
        assert_eq!(patience.judge(&ready, LOOK + RETRY), Next::Wait);
        assert_eq!(patience.judge(&ready, LOOK * 2 + RETRY), Next::GoOn);
    }
}
