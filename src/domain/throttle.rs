//! How failures slow down what follows: the schedules, and the arithmetic of waiting.
//!
//! Two throttles, kept apart. Codes are counted per account, after a right password only, in the account's own
//! record, because guessing a six-digit code is guessing at one account (SECURITY section 1). Passwords are counted
//! by (source, account) and by source, never by account alone, because a stranger who knows a User ID must not be
//! able to keep its owner out.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    recorded::{Wait, corrected, elapsed},
    source::Source,
};

/// Waits after the first, second, ... wrong code; the last one repeats.
const PASSCODE_WAITS: [u64; 10] = [1, 1, 3, 5, 10, 30, 60, 5 * 60, 15 * 60, 60 * 60];

/// Failures in a row after which an authenticator is held until it is reset (NIST SP 800-63B-4 section 3.2.2).
pub const PASSCODE_FAILURES_HELD: u32 = 100;

/// Wrong codes of one account since its last full login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PasscodeThrottle {
    pub failures: u32,
    pub last_failure: Option<Timestamp>,
}

/// Whether an attempt may be judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Not before this much time has passed.
    Wait(Duration),
    /// Not at all until the authenticator is reset.
    Held,
}

impl Gate {
    /// The gate behind a wait, at `now`.
    fn after(wait: Wait, now: Timestamp) -> Self {
        match wait.left(now) {
            Duration::ZERO => Self::Open,
            left => Self::Wait(left),
        }
    }
}

impl PasscodeThrottle {
    pub fn gate(&self, now: Timestamp) -> Gate {
        if self.failures >= PASSCODE_FAILURES_HELD {
            return Gate::Held;
        }
        match self.last_failure {
            Some(began) => Gate::after(
                Wait {
                    began,
                    lasts: self.wait_after(self.failures),
                },
                now,
            ),
            None => Gate::Open,
        }
    }

    /// Counts one wrong code.
    pub fn count(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
    }

    /// The count as it is from now on: a failure that a clock ahead has recorded was now.
    pub fn corrected(self, now: Timestamp) -> Self {
        Self {
            last_failure: self.last_failure.map(|at| corrected(at, now)),
            ..self
        }
    }

    /// What remains of the count when the key that failed is replaced before it was ever proved: everything but the
    /// hold, which was that key's.
    pub fn carried_to_new_key(self) -> Self {
        Self {
            failures: self.failures.min(PASSCODE_FAILURES_HELD - 1),
            ..self
        }
    }

    fn wait_after(&self, failures: u32) -> Duration {
        match failures {
            0 => Duration::ZERO,
            n => {
                let index = usize::try_from(n - 1).unwrap_or(usize::MAX);
                Duration::from_secs(PASSCODE_WAITS[index.min(PASSCODE_WAITS.len() - 1)])
            }
        }
    }
}

/// Wrong passwords of one source against one account, or of one source in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordFailures {
    pub failures: u32,
    pub last_failure: Timestamp,
}

impl PasswordFailures {
    /// The failures as they count from now on: one that a clock ahead has recorded was now.
    pub fn corrected(self, now: Timestamp) -> Self {
        Self {
            last_failure: corrected(self.last_failure, now),
            ..self
        }
    }
}

/// How a kind of password failures slows down.
#[derive(Debug, Clone, Copy)]
pub struct PasswordSchedule {
    /// This many failures cost nothing.
    free: u32,
    /// Seconds after each further failure; the last one repeats.
    waits: &'static [u64],
    /// Without a further failure for this long, all is forgotten.
    forgotten_after: Duration,
}

impl PasswordSchedule {
    /// One source against one account.
    pub const PAIR: Self = Self {
        free: 2,
        waits: &[1, 2, 5, 10, 30, 60, 120, 300],
        forgotten_after: Duration::from_secs(60 * 60),
    };

    /// A terminal in the office, whoever is at it: a queue of honest people shares it, so it never waits longer
    /// than 2 s; hands on a keyboard are slow enough.
    pub const CONSOLE: Self = Self {
        free: 10,
        waits: &[1, 2],
        forgotten_after: Duration::from_secs(15 * 60),
    };

    /// A network peer against all accounts together.
    pub const PEER: Self = Self {
        free: 10,
        waits: &[1, 2, 5, 10, 30, 60],
        forgotten_after: Duration::from_secs(60 * 60),
    };

    /// How a source as a whole is slowed down.
    pub fn of(source: &Source) -> Self {
        match source {
            Source::Console(_) => Self::CONSOLE,
            Source::Peer(_) => Self::PEER,
        }
    }

    pub fn gate(&self, counted: Option<&PasswordFailures>, now: Timestamp) -> Gate {
        let Some(counted) = counted.filter(|counted| !self.is_forgotten(counted, now)) else {
            return Gate::Open;
        };
        let wait = match counted.failures.checked_sub(self.free + 1) {
            None => Duration::ZERO,
            Some(index) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                Duration::from_secs(self.waits[index.min(self.waits.len() - 1)])
            }
        };
        Gate::after(
            Wait {
                began: counted.last_failure,
                lasts: wait,
            },
            now,
        )
    }

    /// `counted` and one failure more.
    pub fn count(&self, counted: Option<&PasswordFailures>, now: Timestamp) -> PasswordFailures {
        match counted.filter(|counted| !self.is_forgotten(counted, now)) {
            None => PasswordFailures {
                failures: 1,
                last_failure: now,
            },
            Some(counted) => PasswordFailures {
                failures: counted.failures.saturating_add(1),
                last_failure: now,
            },
        }
    }

    pub fn is_forgotten(&self, counted: &PasswordFailures, now: Timestamp) -> bool {
        elapsed(counted.last_failure, now) >= self.forgotten_after
    }
}

/// The longer of two gates.
pub fn stricter(left: Gate, right: Gate) -> Gate {
    match (left, right) {
        (Gate::Held, _) | (_, Gate::Held) => Gate::Held,
        (Gate::Wait(left), Gate::Wait(right)) => Gate::Wait(left.max(right)),
        (Gate::Wait(wait), Gate::Open) | (Gate::Open, Gate::Wait(wait)) => Gate::Wait(wait),
        (Gate::Open, Gate::Open) => Gate::Open,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn wait(seconds: u64) -> Gate {
        Gate::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn code_failures_wait_as_long_as_the_table_says_and_hold_at_a_hundred() {
        let mut throttle = PasscodeThrottle::default();
        assert_eq!(throttle.gate(at(0)), Gate::Open);
        for expected in [1, 1, 3, 5, 10, 30, 60, 300, 900, 3600, 3600, 3600] {
            throttle.count(at(0));
            assert_eq!(throttle.gate(at(0)), wait(expected));
            assert_eq!(
                throttle.gate(at(0) + Duration::from_secs(expected)),
                Gate::Open
            );
        }
        while throttle.failures < PASSCODE_FAILURES_HELD - 1 {
            throttle.count(at(0));
        }
        assert_ne!(throttle.gate(at(0)), Gate::Held);
        throttle.count(at(0));
        assert_eq!(throttle.gate(at(1_000_000)), Gate::Held);
    }

    #[test]
    fn a_new_unproved_key_keeps_the_count_but_not_the_hold() {
        let mut throttle = PasscodeThrottle::default();
        for _ in 0..PASSCODE_FAILURES_HELD {
            throttle.count(at(0));
        }
        let mut carried = throttle.carried_to_new_key();
        assert_eq!(carried.gate(at(0)), wait(3600));
        carried.count(at(3600));
        assert_eq!(carried.gate(at(9_000)), Gate::Held);
    }

    #[test]
    fn setting_the_clock_back_shortens_no_wait_and_prolongs_none_beyond_its_length() {
        let mut throttle = PasscodeThrottle::default();
        for _ in 0..5 {
            throttle.count(at(0));
        }
        assert_eq!(throttle.gate(at(4)), wait(6));
        assert_eq!(throttle.gate(at(-1_000_000)), wait(10));
        // Looked at, it counts from then on.
        let corrected = throttle.corrected(at(-1_000_000));
        assert_eq!(corrected.gate(at(-999_996)), wait(6));
        assert_eq!(corrected.gate(at(-999_990)), Gate::Open);
        throttle.count(at(-1_000_000));
        assert_eq!(throttle.gate(at(-999_999)), wait(29));
    }

    /// One guesser who tries whenever the gate is open, at a clock that jumps either way: no clock set back lets them try
    /// sooner, and nobody waits longer than the schedule's own step.
    fn tries_under_jumps<T: Copy>(
        steps: &[(i64, u8)],
        mut counted: T,
        gate: impl Fn(T, Timestamp) -> Gate,
        corrected: impl Fn(T, Timestamp) -> T,
        count: impl Fn(T, Timestamp) -> T,
    ) -> Result<(), TestCaseError> {
        let mut clock = 0;
        // What is left to wait by a clock that nobody sets.
        let mut owed = Duration::ZERO;
        for &(jump, passes) in steps {
            clock += jump;
            if jump > 0 {
                owed = owed.saturating_sub(Duration::from_secs(jump.unsigned_abs()));
            }
            counted = corrected(counted, at(clock));
            let told = match gate(counted, at(clock)) {
                Gate::Open => Duration::ZERO,
                Gate::Wait(wait) => wait,
                Gate::Held => return Ok(()),
            };
            prop_assert!(
                told >= owed,
                "{owed:?} are left, and only {told:?} are told"
            );
            prop_assert!(told <= Duration::from_secs(3600));
            // Whoever waits as long as they were told, by a clock that runs, may try.
            let after = at(clock) + told;
            prop_assert_eq!(gate(corrected(counted, after), after), Gate::Open);
            if told.is_zero() {
                counted = count(counted, at(clock));
                owed = match gate(counted, at(clock)) {
                    Gate::Wait(wait) => wait,
                    _ => Duration::ZERO,
                };
            } else {
                owed = owed.max(told);
            }
            clock += i64::from(passes);
            owed = owed.saturating_sub(Duration::from_secs(passes.into()));
        }
        Ok(())
    }

    fn jumps() -> impl Strategy<Value = Vec<(i64, u8)>> {
        let jump = prop_oneof![
            4 => Just(0),
            1 => -100_000_000i64..100_000_000,
            1 => -4_000i64..4_000,
        ];
        proptest::collection::vec((jump, any::<u8>()), 1..60)
    }

    proptest! {
        #[test]
        fn codes_wait_their_step_at_a_clock_that_jumps(steps in jumps()) {
            tries_under_jumps(
                &steps,
                PasscodeThrottle::default(),
                |counted, now| counted.gate(now),
                PasscodeThrottle::corrected,
                |mut counted, now| {
                    counted.count(now);
                    counted
                },
            )?;
        }

        #[test]
        fn passwords_wait_their_step_at_a_clock_that_jumps(steps in jumps(), which in 0usize..3) {
            let schedule = [PasswordSchedule::PAIR, PasswordSchedule::CONSOLE, PasswordSchedule::PEER][which];
            tries_under_jumps(
                &steps,
                None::<PasswordFailures>,
                |counted, now| schedule.gate(counted.as_ref(), now),
                |counted, now| counted.map(|counted| counted.corrected(now)),
                |counted, now| Some(schedule.count(counted.as_ref(), now)),
            )?;
        }
    }

    #[test]
    fn password_failures_are_free_at_first_then_grow_and_are_forgotten() {
        let schedule = PasswordSchedule::PAIR;
        let mut counted = None;
        for expected in [0, 0, 1, 2, 5, 10, 30, 60, 120, 300, 300] {
            counted = Some(schedule.count(counted.as_ref(), at(0)));
            let gate = schedule.gate(counted.as_ref(), at(0));
            assert_eq!(
                gate,
                if expected == 0 {
                    Gate::Open
                } else {
                    wait(expected)
                }
            );
        }
        let later = at(3600);
        assert_eq!(schedule.gate(counted.as_ref(), later), Gate::Open);
        assert_eq!(schedule.count(counted.as_ref(), later).failures, 1);
    }

    #[test]
    fn a_console_never_makes_the_queue_wait_more_than_two_seconds() {
        let schedule = PasswordSchedule::CONSOLE;
        let mut counted = None;
        for _ in 0..100_000 {
            counted = Some(schedule.count(counted.as_ref(), at(0)));
        }
        assert_eq!(schedule.gate(counted.as_ref(), at(0)), wait(2));
    }

    #[test]
    fn the_stricter_gate_wins() {
        assert_eq!(stricter(Gate::Open, wait(2)), wait(2));
        assert_eq!(stricter(wait(5), wait(2)), wait(5));
        assert_eq!(stricter(Gate::Held, wait(2)), Gate::Held);
    }
}
