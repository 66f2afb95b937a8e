//! The machines that share a store, as each has last said of itself.
//!
//! A machine's name belongs to one data folder for good; that it lives is said anew every few seconds, and holds for as
//! long as a lease. What it said last stays when it is gone, until somebody has it forgotten.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Clocks of machines that share a store are told of when they are further apart than this.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// One of the machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub said: Statement,
    /// A process of it holds its lease.
    pub is_living: bool,
    /// How many milliseconds its clock is ahead of the clock of whoever asks (below zero: behind); `None` where that is
    /// not known, as of a machine that does not live.
    pub ahead_ms: Option<i64>,
}

/// What a machine says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub name: String,
    /// What tells its data folder from all others.
    pub folder: String,
    /// What tells this run of its process from all others.
    pub instance: String,
    /// Where the process runs: the system's own run, and the folder's place in it. A process that holds the folder's lock
    /// at the same place knows that the one before it has ended.
    pub place: Option<String>,
    pub host: String,
    pub version: String,
    /// When the process took the name, by its own clock, in milliseconds since 1970.
    pub since_ms: i64,
    /// What its clock showed when it said this, in milliseconds since 1970.
    pub now_ms: i64,
    /// The master keys that it holds, by their names; the first one seals.
    pub keys: Vec<String>,
}

impl Statement {
    /// When the process took the name, by its own clock.
    pub fn since(&self) -> Timestamp {
        Timestamp::from_millisecond(self.since_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// What its clock showed when it said this.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Node {
    /// How far its clock is ahead of ours (below zero: behind), where that is further than clocks may be apart.
    pub fn clock_apart(&self) -> Option<SignedDuration> {
        let ahead = SignedDuration::from_millis(self.ahead_ms?);
        (ahead.abs() > CLOCKS_APART).then_some(ahead)
    }
}

/// What is heard of another machine's clock.
///
/// Every statement comes late by the time that it takes to be stored and told, so each shows the clock as less ahead than
/// it is, and the most that the last ones show is nearest to the truth: one that was held up on its way counts for nothing.
#[derive(Debug, Clone, Default)]
pub struct HeardClock {
    /// In milliseconds, the newest last.
    last: Vec<i64>,
    told_ms: i64,
}

/// Statements that count.
const COUNTED: usize = 3;

impl HeardClock {
    /// Hears a clock that showed `said` when `now` was here, or a little before.
    pub fn hear(&mut self, said: i64, now: i64) {
        if self.last.len() == COUNTED {
            self.last.remove(0);
        }
        self.last.push(said.saturating_sub(now));
    }

    /// How many milliseconds it is ahead.
    pub fn ahead_ms(&self) -> Option<i64> {
        self.last.iter().max().copied()
    }

    /// What is to be told, once for every change: by how much it is apart now, or zero when it no longer is.
    pub fn news(&mut self) -> Option<SignedDuration> {
        let most = CLOCKS_APART.as_millis() as i64;
        let ahead = self.ahead_ms()?;
        let is_apart = ahead.abs() > most;
        let was_apart = self.told_ms != 0;
        let is_news = match (is_apart, was_apart) {
            (true, true) => (ahead - self.told_ms).abs() > most,
            (is_apart, was_apart) => is_apart != was_apart,
        };
        if !is_news {
            return None;
        }
        self.told_ms = if is_apart { ahead } else { 0 };
        Some(SignedDuration::from_millis(self.told_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_was_held_up_shows_no_clock_behind_and_a_change_is_told_once() {
        let mut clock = HeardClock::default();
        // Two seconds between statements, one of which comes 40 s late.
        for (said, now) in [(0, 20), (2_000, 42_000), (4_000, 4_030)] {
            clock.hear(said, now);
            assert_eq!(clock.news(), None, "{clock:?}");
        }
        assert_eq!(clock.ahead_ms(), Some(-20));
        // It is set ahead by ten minutes: told at the first word of it, and once.
        clock.hear(606_000, 6_020);
        assert_eq!(clock.news(), Some(SignedDuration::from_millis(599_980)));
        clock.hear(608_000, 8_020);
        assert_eq!(clock.news(), None);
        // It is set back: told when no word counts any more that is of before.
        let told: Vec<_> = [10_000, 12_000, 14_000, 16_000]
            .map(|now| {
                clock.hear(now, now);
                clock.news()
            })
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(told, [SignedDuration::ZERO]);
    }

    #[test]
    fn a_clock_that_is_behind_is_told_of_and_five_seconds_are_not() {
        for (ahead, is_told) in [
            (5_000, false),
            (5_001, true),
            (-5_000, false),
            (-5_001, true),
        ] {
            let mut clock = HeardClock::default();
            clock.hear(ahead, 0);
            assert_eq!(clock.news().is_some(), is_told, "{ahead}");
        }
    }
}
