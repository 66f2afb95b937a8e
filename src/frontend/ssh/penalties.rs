//! Sources whose connections misbehave are refused for a while, as OpenSSH's PerSourcePenalties does.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What a connection did that a person's does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// It ended, or had to give way, before it showed a screen. A look at the port is no more than that.
    NoScreen,
    /// It broke the protocol.
    Protocol,
    /// It took too long to come to a screen.
    TooSlow,
    /// It did not take what was sent to it.
    ReadsNothing,
}

impl Offence {
    /// The time that is added to the source's penalty.
    fn costs(self) -> Duration {
        Duration::from_secs(match self {
            Self::NoScreen => 1,
            Self::Protocol => 5,
            Self::TooSlow => 10,
            Self::ReadsNothing => 10,
        })
    }
}

/// So much may add up before a source is refused: somebody whose client needs a few tries is no attacker.
const TOLERATED: Duration = Duration::from_secs(15);

/// The most sources that are remembered.
const MOST: usize = 10_000;

/// Until when each source has penalties, on the monotonic clock.
#[derive(Debug, Default)]
pub struct Penalties {
    // Held for a look or, when the table is full, for a walk over it.
    until: Mutex<HashMap<String, Duration>>,
}

impl Penalties {
    /// Whether a connection of `source` is refused at `now`.
    pub fn refuse(&self, source: &str, now: Duration) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let until = until.get(source).copied().unwrap_or_default();
        until.saturating_sub(now) > TOLERATED
    }

    /// Adds what `offence` costs, up to `longest` from `now`.
    pub fn add(&self, source: &str, offence: Offence, now: Duration, longest: Duration) {
        if longest.is_zero() {
            return;
        }
        let mut table = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if table.len() >= MOST && !table.contains_key(source) {
            table.retain(|_, until| *until > now);
            if table.len() >= MOST {
                let first = table.iter().min_by_key(|(_, until)| **until);
                if let Some(source) = first.map(|(source, _)| source.clone()) {
                    table.remove(&source);
                }
            }
        }
        let until = table.entry(source.to_owned()).or_default();
        *until = (*until).max(now) + offence.costs();
        *until = (*until).min(now + longest);
    }

    /// Somebody has logged in from `source`: whatever came from there before, people are there.
    pub fn forgive(&self, source: &str) {
        let mut table = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        table.remove(source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(600);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn penalties_add_up_wear_off_and_are_forgiven() {
        let penalties = Penalties::default();
        for _ in 0..15 {
            penalties.add("a", Offence::NoScreen, at(100), LONGEST);
            assert!(!penalties.refuse("a", at(100)));
        }
        penalties.add("a", Offence::NoScreen, at(100), LONGEST);
        assert!(penalties.refuse("a", at(100)));
        assert!(!penalties.refuse("b", at(100)));
        assert!(
            !penalties.refuse("a", at(101)),
            "a second wears off a second"
        );
        for _ in 0..1000 {
            penalties.add("a", Offence::TooSlow, at(200), LONGEST);
        }
        assert!(penalties.refuse("a", at(700)));
        assert!(
            !penalties.refuse("a", at(785)),
            "never longer than the longest"
        );
        penalties.add("b", Offence::TooSlow, at(200), LONGEST);
        penalties.add("b", Offence::TooSlow, at(200), LONGEST);
        assert!(penalties.refuse("b", at(200)));
        penalties.forgive("b");
        assert!(!penalties.refuse("b", at(200)));
    }

    #[test]
    fn a_longest_penalty_of_nothing_refuses_nobody() {
        let penalties = Penalties::default();
        for _ in 0..100 {
            penalties.add("a", Offence::Protocol, at(1), Duration::ZERO);
        }
        assert!(!penalties.refuse("a", at(1)));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let penalties = Penalties::default();
        for _ in 0..3 {
            penalties.add("worst", Offence::TooSlow, at(1), LONGEST);
        }
        for number in 0..2 * MOST {
            penalties.add(&number.to_string(), Offence::NoScreen, at(1), LONGEST);
        }
        assert!(penalties.until.lock().unwrap().len() <= MOST);
        assert!(penalties.refuse("worst", at(1)));
    }
}
