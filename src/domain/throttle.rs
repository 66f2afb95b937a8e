//! Throttles: how failures slow down what follows, by which schedules, and the arithmetic of waiting.
//!
//! Two throttles, kept apart. Codes are counted per account, after a right password only, in the account's own
//! record, because guessing a six-digit code is guessing at one account (security.md section 1). Passwords are counted
//! by (source, account) and by source, never by account alone, because a stranger who knows a User ID must not be
//! able to keep its owner out.
//!
//! Many people share a source: a terminal, an office's address. So what a source as a whole has guessed shuts no door. It
//! decides, unseen, whether a guess at an account that never logged in from there is looked at at all: see [`Admission`](super::admission::Admission).

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
                    lasts: self.lasts(),
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

    /// How long the wait after the last wrong code is, from that code on.
    pub fn lasts(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            n => {
                let index = usize::try_from(n - 1).unwrap_or(usize::MAX);
                Duration::from_secs(PASSCODE_WAITS[index.min(PASSCODE_WAITS.len() - 1)])
            }
        }
    }
}

/// Wrong passwords of one source against one account.
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

    /// Codes of a letter that were none, of one source. A right one is never kept waiting: it has 73 bits.
    pub const RESET_CODES: Self = Self {
        free: 10,
        waits: &[1, 2],
        forgotten_after: Duration::from_secs(15 * 60),
    };

    pub fn gate(&self, counted: Option<&PasswordFailures>, now: Timestamp) -> Gate {
        let Some(counted) = counted.filter(|counted| !self.is_forgotten(counted, now)) else {
            return Gate::Open;
        };
        Gate::after(
            Wait {
                began: counted.last_failure,
                lasts: self.lasts(counted.failures),
            },
            now,
        )
    }

    /// How long the wait after so many failures is, from the last one on.
    pub fn lasts(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free + 1) {
            None => Duration::ZERO,
            Some(index) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                Duration::from_secs(self.waits[index.min(self.waits.len() - 1)])
            }
        }
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

/// How much of something happened lately: it rises with each time, and runs down by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub height: u32,
    /// When it stood so.
    pub at: Timestamp,
}

impl Level {
    /// The level as it counts from now on: one that a clock ahead has recorded was now.
    pub fn corrected(self, now: Timestamp) -> Self {
        Self {
            at: corrected(self.at, now),
            ..self
        }
    }
}

/// How fast the wrong passwords of a source are forgotten, and how many of them are too many.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// One is forgotten in this time.
    refill: Duration,
}

impl Budget {
    /// So many guesses at accounts that never logged in from a source are looked at before they must wait for the refill.
    pub const MOST: u32 = 100;

    /// From so many wrong passwords on, of whatever User IDs, everybody who is refused is told that the password may not
    /// have been looked at. It is less than [`MOST`](Self::MOST), and less than what pushes a count out of a source's record,
    /// so that nobody is refused unheard without having been told.
    const CROWDED: u32 = 50;

    /// From so many wrong passwords on, whoever gave a wrong one pauses before the next, in the same session.
    const PAUSES_FROM: u32 = 10;

    /// The pause. It is that session's: nobody else at the source waits for it.
    const PAUSE: Duration = Duration::from_secs(2);

    /// A terminal in the office: hands on a keyboard are slow enough.
    const CONSOLE: Self = Self {
        refill: Duration::from_secs(2),
    };

    /// A network peer.
    const PEER: Self = Self {
        refill: Duration::from_secs(60),
    };

    /// The budget of a source.
    pub fn of(source: &Source) -> Self {
        match source {
            Source::Console(_) | Source::Command(_) => Self::CONSOLE,
            Source::Peer(_) => Self::PEER,
        }
    }

    fn level(&self, level: Option<&Level>, now: Timestamp) -> Level {
        let Some(level) = level.map(|level| level.corrected(now)) else {
            return Level { height: 0, at: now };
        };
        let forgotten = elapsed(level.at, now).as_secs() / self.refill.as_secs();
        match u32::try_from(forgotten) {
            Ok(forgotten) if forgotten < level.height => Level {
                height: level.height - forgotten,
                // What has passed of the next one's time is kept.
                at: level.at + self.refill * forgotten,
            },
            _ => Level { height: 0, at: now },
        }
    }

    /// `level` and one more, at most as many as there is room for.
    pub fn count(&self, level: Option<&Level>, now: Timestamp) -> Level {
        let level = self.level(level, now);
        Level {
            height: (level.height + 1).min(Self::MOST),
            ..level
        }
    }

    /// Whether there is room for one more.
    pub fn has_room(&self, level: Option<&Level>, now: Timestamp) -> bool {
        self.level(level, now).height < Self::MOST
    }

    /// Whether there were so many wrong passwords, `all` of the source's, that one more may not have been looked at.
    pub fn is_crowded(&self, all: Option<&Level>, now: Timestamp) -> bool {
        self.level(all, now).height >= Self::CROWDED
    }

    /// How long whoever gave a wrong password pauses.
    pub fn pause(&self, all: Option<&Level>, now: Timestamp) -> Duration {
        match self.level(all, now).height >= Self::PAUSES_FROM {
            true => Self::PAUSE,
            false => Duration::ZERO,
        }
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
        fn passwords_wait_their_step_at_a_clock_that_jumps(steps in jumps()) {
            let schedule = PasswordSchedule::PAIR;
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

    /// Guesses that are looked at within `hours` from the first, at one account of one source that always tries as soon as
    /// it may.
    fn guesses_of_a_pair(hours: u64) -> u64 {
        let (schedule, end) = (
            PasswordSchedule::PAIR,
            at(0) + Duration::from_secs(hours * 3600),
        );
        let (mut counted, mut now, mut guesses) = (None, at(0), 0);
        while now < end {
            guesses += 1;
            counted = Some(schedule.count(counted.as_ref(), now));
            if let Gate::Wait(wait) = schedule.gate(counted.as_ref(), now) {
                now += wait;
            }
        }
        guesses
    }

    /// Guesses that are looked at within `hours` from the first, of a source that tries ten accounts a second.
    fn guesses_of_a_source(source: &Source, hours: u64) -> u64 {
        let (budget, mut level, mut guesses) = (Budget::of(source), None, 0);
        for tenth in 0..hours * 36_000 {
            let now = at(0) + Duration::from_millis(tenth * 100);
            if budget.has_room(level.as_ref(), now) {
                guesses += 1;
                level = Some(budget.count(level.as_ref(), now));
            }
        }
        guesses
    }

    fn peer() -> Source {
        Source::Peer("192.0.2.7".parse().unwrap())
    }

    fn console() -> Source {
        Source::Console("loket-1".into())
    }

    #[test]
    fn the_manual_says_what_a_guesser_gets() {
        let manual = include_str!("../../assets/manual/security.md");
        let grouped = |number: u64| {
            let digits = number.to_string();
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        };
        let row = |what: &str, first: u64, later: u64| {
            let row = format!("| {what} | {} | {} |", grouped(first), grouped(later));
            assert!(manual.contains(&row), "the manual does not say:\n{row}");
        };
        // In the first hour, and in each one after a day.
        let of = |guesses: &dyn Fn(u64) -> u64| (guesses(1), guesses(25) - guesses(24));
        let (pair, pair_later) = of(&guesses_of_a_pair);
        let (source, source_later) = of(&|hours| guesses_of_a_source(&peer(), hours));
        let (terminal, terminal_later) = of(&|hours| guesses_of_a_source(&console(), hours));
        row("one account, from one address", pair, pair_later);
        row(
            "one account, from a thousand addresses",
            1_000 * pair,
            1_000 * pair_later,
        );
        row(
            "all accounts that do not log in from there, from one address",
            source,
            source_later,
        );
        row(
            "all accounts that do not log in from there, from a thousand addresses",
            1_000 * source,
            1_000 * source_later,
        );
        row(
            "ten accounts that log in from there, from that address",
            10 * pair,
            10 * pair_later,
        );
        row(
            "all accounts that do not log in there, at one terminal",
            terminal,
            terminal_later,
        );
    }

    #[test]
    fn a_source_guesses_as_often_as_its_budget_says_whatever_it_tries() {
        // A hundred, and one a minute: the sixtieth minute belongs to the next hour.
        assert_eq!(
            guesses_of_a_source(&peer(), 1),
            u64::from(Budget::MOST) + 59
        );
        assert_eq!(
            guesses_of_a_source(&peer(), 2),
            u64::from(Budget::MOST) + 119
        );
    }

    #[test]
    fn a_level_runs_down_and_is_never_that_of_a_clock_ahead() {
        let budget = Budget::PEER;
        let mut level = None;
        for _ in 0..3 * Budget::MOST {
            level = Some(budget.count(level.as_ref(), at(7 * 3600)));
        }
        let full = level.unwrap();
        assert_eq!(full.height, Budget::MOST);
        assert!(!budget.has_room(Some(&full), at(0)));
        let corrected = full.corrected(at(0));
        assert!(!budget.has_room(Some(&corrected), at(59)));
        assert!(budget.has_room(Some(&corrected), at(60)));
        assert!(!budget.is_crowded(Some(&corrected), at(51 * 60)));
        // Half a minute is not lost by counting.
        let counted = budget.count(Some(&corrected), at(90));
        assert!(budget.has_room(Some(&counted), at(120)));
    }

    #[test]
    fn what_comes_after_all_is_forgotten_has_its_whole_time() {
        let budget = Budget::PEER;
        let first = budget.count(None, at(0));
        // Forgotten after a minute: the half minute since then is not the next one's.
        let next = budget.count(Some(&first), at(90));
        let fresh = Level {
            height: 1,
            at: at(90),
        };
        assert_eq!(next, fresh);
    }

    #[test]
    fn an_offices_typing_errors_are_nothing() {
        let (budget, mut level) = (Budget::PEER, None);
        for minute in (0..8 * 60).step_by(6) {
            level = Some(budget.count(level.as_ref(), at(minute * 60)));
            assert_eq!(
                budget.pause(level.as_ref(), at(minute * 60)),
                Duration::ZERO
            );
        }
    }

    #[test]
    fn nobody_is_refused_unheard_without_having_been_told() {
        let (budget, mut level) = (Budget::PEER, None);
        while budget.has_room(level.as_ref(), at(0)) {
            level = Some(budget.count(level.as_ref(), at(0)));
        }
        assert!(budget.is_crowded(level.as_ref(), at(0)));
        assert_eq!(budget.pause(level.as_ref(), at(0)), Budget::PAUSE);
    }
}
