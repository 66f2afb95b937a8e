//! Recorded times beside a wall clock that may have been wrong when they were recorded.
//!
//! A recorded time that is later than now means that a clock was corrected since, never that people must wait for it:
//! what counts from it counts from now instead, at most for its own length. It does so once, which is why whoever comes
//! upon such a time writes the corrected one back; until then the wait would not begin to run down. Setting a clock back
//! therefore ends nothing early. A clock that is set forward does: nothing that is stored can tell that from time that
//! has passed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The clocks of machines that share a store may differ by as much, and a clock may be corrected by as much, without
/// anything being made of it that only looks as if it came from a wrong clock.
pub const SLACK: Duration = Duration::from_secs(5 * 60);

/// A clock may be ahead by as much without anybody having meant it: one that was set to local time, up to UTC+14, and is taken
/// for UTC. What such a clock has issued is good for its own length from the first look at it; what lies further ahead is worth
/// nothing.
pub const AHEAD: Duration = Duration::from_secs(14 * 60 * 60);

/// `at`, or `now` where that lies ahead of it.
pub fn corrected(at: Timestamp, now: Timestamp) -> Timestamp {
    at.min(now)
}

/// How long ago `since` was; nothing where it lies ahead.
pub fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since).max(SignedDuration::ZERO))
        .expect("a duration that is not negative")
}

/// Whether `at` lies further ahead than clocks differ.
pub fn is_of_clock_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > SignedDuration::try_from(SLACK).unwrap_or(SignedDuration::MAX)
}

/// What is wrong with the machine's clock, as far as the program can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockFault {
    /// Nothing keeps it in time.
    Unsynchronised,
    /// It shows less than this, and this is past: the program was built then.
    BeforeBuild(Timestamp),
    /// Something was recorded at a time that it has not come to: it is behind now, or was ahead then.
    BeforeRecorded(Timestamp),
    /// The clock of another machine that shares the store is so far ahead of it (below zero: behind).
    Apart(SignedDuration),
}

impl ClockFault {
    /// What a clock that shows `now` is seen to be wrong by, if by anything: what is certainly past, or the newest of what
    /// was recorded lately.
    pub fn of(now: Timestamp, built: Timestamp, newest: Option<Timestamp>) -> Option<Self> {
        if now < built {
            return Some(Self::BeforeBuild(built));
        }
        newest
            .filter(|newest| is_of_clock_ahead(*newest, now))
            .map(Self::BeforeRecorded)
    }
}

/// A wait as it is stored: how long it is, and when it began, not only when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub began: Timestamp,
    pub lasts: Duration,
}

impl Wait {
    /// What is left of it: never more than its length, whatever the clock says.
    pub fn left(&self, now: Timestamp) -> Duration {
        self.lasts.saturating_sub(elapsed(self.began, now))
    }

    /// When it ends, if the clock that recorded it was right.
    pub fn end(&self) -> Timestamp {
        self.began.checked_add(self.lasts).unwrap_or(Timestamp::MAX)
    }

    /// The wait as it counts from now on.
    pub fn corrected(self, now: Timestamp) -> Self {
        Self {
            began: corrected(self.began, now),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    proptest! {
        /// What people wait for is the schedule's length, whatever the clock said when the wait began: never longer once
        /// somebody has looked, and not shorter by a clock that is set back.
        #[test]
        fn a_wait_is_its_own_length_from_the_first_look(
            began in -4_000_000_000i64..4_000_000_000,
            look in -4_000_000_000i64..4_000_000_000,
            back in 0i64..4_000_000_000,
            lasts in 0u64..4_000,
        ) {
            let wait = Wait { began: at(began), lasts: Duration::from_secs(lasts) };
            let looked = wait.corrected(at(look));
            prop_assert_eq!(wait.left(at(look)), looked.left(at(look)));
            prop_assert!(looked.left(at(look)) <= wait.lasts);
            prop_assert_eq!(looked.left(at(look) + wait.lasts), Duration::ZERO);
            // It is corrected once.
            prop_assert_eq!(looked.corrected(at(look)), looked);
            let earlier = at(look.saturating_sub(back).max(-8_000_000_000));
            prop_assert!(looked.left(earlier) >= looked.left(at(look)), "set back, and over sooner");
            prop_assert!(looked.corrected(earlier).left(earlier) >= looked.left(at(look)));
        }
    }

    #[test]
    fn a_clock_before_what_is_past_is_wrong() {
        let (built, now) = (at(1_000_000), at(2_000_000));
        let of = |now, newest| ClockFault::of(now, built, newest);
        assert_eq!(of(now, None), None);
        assert_eq!(of(now, Some(now + SLACK)), None);
        let ahead = now + 2 * SLACK;
        let fault = Some(ClockFault::BeforeRecorded(ahead));
        assert_eq!(of(now, Some(ahead)), fault);
        let fault = Some(ClockFault::BeforeBuild(built));
        assert_eq!(of(at(999_999), Some(ahead)), fault);
    }

    #[test]
    fn clocks_may_differ_a_little() {
        let now = at(1_000_000);
        assert!(!is_of_clock_ahead(now, now));
        assert!(!is_of_clock_ahead(now + SLACK, now));
        assert!(is_of_clock_ahead(now + SLACK + Duration::from_secs(1), now));
        assert!(!is_of_clock_ahead(Timestamp::MIN, Timestamp::MAX));
        assert!(is_of_clock_ahead(Timestamp::MAX, Timestamp::MIN));
    }
}
