//! Penalties: sources whose connections misbehave are refused for a while, as by OpenSSH's PerSourcePenalties.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::domain::SourceKey;

/// What a connection did that a person's does not, or not often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// Keys were exchanged with it, which is work for this machine, and nobody logged in. People look and leave, but not
    /// every second.
    Visit,
    /// It ended by itself before it showed a screen. A look at the port is no more than that.
    NoScreen,
    /// It broke the protocol.
    Protocol,
    /// It took too long to come to a screen.
    TooSlow,
    /// It did not take what was sent to it.
    ReadsNothing,
    /// It asked for new keys again and again, or sent long packets that say nothing.
    Rekeys,
    /// It sent more packets than anybody types.
    Flood,
}

impl Offence {
    /// The time that is added to the source's penalty.
    fn costs(self) -> Duration {
        Duration::from_secs(match self {
            Self::Visit => 1,
            Self::NoScreen => 2,
            Self::Protocol => 5,
            Self::TooSlow => 10,
            Self::ReadsNothing => 10,
            Self::Rekeys => 20,
            Self::Flood => 20,
        })
    }

    /// Whether it counts each time: it is work, however many do it at once, and no mishap of the network's.
    fn counts_each_time(self) -> bool {
        match self {
            Self::Visit | Self::Protocol | Self::Rekeys | Self::Flood => true,
            Self::NoScreen | Self::TooSlow | Self::ReadsNothing => false,
        }
    }
}

/// So much may add up before a source is refused: somebody whose client needs a few tries is no attacker.
const TOLERATED: Duration = Duration::from_secs(15);

/// What the network may have done counts once in this time at a source: behind one address may be a whole office, and
/// connections that end together are one mishap.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The most sources that are remembered.
const MOST: usize = 10_000;

/// The penalties of each source.
#[derive(Debug, Default)]
pub struct Penalties {
    // Held for a look or, when the table is full, for a walk over it.
    table: Mutex<HashMap<SourceKey, Penalty>>,
}

/// Times on the monotonic clock.
#[derive(Debug, Clone, Copy)]
struct Penalty {
    until: Duration,
    /// When something was added that counts once in a while.
    added: Option<Duration>,
}

impl Penalties {
    /// Whether a connection of `source` is refused at `now`.
    pub fn refuse(&self, source: &SourceKey, now: Duration) -> bool {
        let penalty = self.table().get(source).copied();
        penalty.is_some_and(|penalty| penalty.until.saturating_sub(now) > TOLERATED)
    }

    /// Adds what `offence` costs, up to `longest` from `now`.
    pub fn add(&self, source: &SourceKey, offence: Offence, now: Duration, longest: Duration) {
        if longest.is_zero() {
            return;
        }
        let mut table = self.table();
        if table.len() >= MOST && !table.contains_key(source) {
            table.retain(|_, penalty| penalty.until > now);
            if table.len() >= MOST {
                let first = table.iter().min_by_key(|(_, penalty)| penalty.until);
                if let Some(source) = first.map(|(source, _)| source.clone()) {
                    table.remove(&source);
                }
            }
        }
        let before = table.get(source).copied();
        let mut added = before.and_then(|before| before.added);
        if !offence.counts_each_time() {
            if added.is_some_and(|added| now.saturating_sub(added) < AT_ONCE) {
                return;
            }
            added = Some(now);
        }
        let begins = before.map_or(now, |before| before.until.max(now));
        let penalty = Penalty {
            until: (begins + offence.costs()).min(now + longest),
            added,
        };
        table.insert(source.clone(), penalty);
    }

    /// Somebody has logged in from `source`: whatever came from there before, people are there.
    pub fn forgive(&self, source: &SourceKey) {
        self.table().remove(source);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<SourceKey, Penalty>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
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
        for second in 0..3 {
            penalties.add(&"a".into(), Offence::TooSlow, at(100 + second), LONGEST);
        }
        assert!(penalties.refuse(&"a".into(), at(102)));
        assert!(!penalties.refuse(&"b".into(), at(102)));
        assert!(
            !penalties.refuse(&"a".into(), at(115)),
            "a second wears off a second"
        );
        for second in 0..1000 {
            penalties.add(&"a".into(), Offence::TooSlow, at(200 + second), LONGEST);
        }
        assert!(penalties.refuse(&"a".into(), at(1199 + 584)));
        assert!(
            !penalties.refuse(&"a".into(), at(1199 + 585)),
            "never longer than the longest"
        );
        penalties.forgive(&"a".into());
        assert!(!penalties.refuse(&"a".into(), at(1200)));
    }

    #[test]
    fn what_happens_at_once_counts_once() {
        let penalties = Penalties::default();
        for _ in 0..1000 {
            penalties.add(&"an office".into(), Offence::TooSlow, at(100), LONGEST);
        }
        assert!(!penalties.refuse(&"an office".into(), at(100)));
    }

    #[test]
    fn visits_count_singly_and_a_few_are_nobodys_harm() {
        let penalties = Penalties::default();
        for _ in 0..15 {
            penalties.add(&"an office".into(), Offence::Visit, at(100), LONGEST);
            assert!(!penalties.refuse(&"an office".into(), at(100)));
        }
        penalties.add(&"an office".into(), Offence::Visit, at(100), LONGEST);
        assert!(penalties.refuse(&"an office".into(), at(100)));
        assert!(!penalties.refuse(&"an office".into(), at(101)));
        // They hide no mishap, and a mishap hides none of them.
        penalties.add(&"an office".into(), Offence::NoScreen, at(101), LONGEST);
        assert!(penalties.refuse(&"an office".into(), at(102)));
        assert!(!penalties.refuse(&"an office".into(), at(103)));
        penalties.add(&"an office".into(), Offence::Visit, at(103), LONGEST);
        assert!(penalties.refuse(&"an office".into(), at(103)));
    }

    #[test]
    fn a_longest_penalty_of_nothing_refuses_nobody() {
        let penalties = Penalties::default();
        for second in 0..100 {
            penalties.add(&"a".into(), Offence::Protocol, at(second), Duration::ZERO);
            assert!(!penalties.refuse(&"a".into(), at(second)));
        }
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst() {
        let penalties = Penalties::default();
        for second in 0..3 {
            penalties.add(&"worst".into(), Offence::TooSlow, at(second), LONGEST);
        }
        for number in 0..2 * MOST {
            penalties.add(
                &number.to_string().as_str().into(),
                Offence::NoScreen,
                at(3),
                LONGEST,
            );
        }
        assert!(penalties.table().len() <= MOST);
        assert!(penalties.refuse(&"worst".into(), at(3)));
    }
}
