//! RFC 6238 as this program uses it: SHA-1, six digits, steps of 30 seconds, a window of one step either side, and a
//! step of a key is good once. A phone whose clock is off is told from its codes, and never learned: no window moves.
//!
//! Phone apps silently fall back to SHA-1, six digits and 30 seconds, so nothing else is offered.

use std::fmt;

use jiff::Timestamp;
use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{identity::AccountKey, passcode::Passcode};

/// The shared secret of an authenticator: 20 bytes, the length RFC 4226 section 4 (R6) recommends.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; Self::LENGTH]);

impl Secret {
    /// Bytes in a secret.
    pub const LENGTH: usize = 20;

    /// A secret of bytes that the caller took from the operating system's generator.
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The code of one step (RFC 6238 section 4.2).
    pub fn passcode(&self, step: TimeStep) -> Passcode {
        passcode_of(&generator(self), step)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The number of a 30-second step since the Unix epoch, `T` in RFC 6238 section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeStep(u64);

impl TimeStep {
    /// Seconds in a step, `X` in RFC 6238 section 4.1.
    pub const SECONDS: u64 = 30;

    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The step that `now` lies in. A clock before 1970 counts as the epoch, where no phone agrees.
    pub fn at(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_second()).unwrap_or(0) / Self::SECONDS)
    }

    pub const fn number(self) -> u64 {
        self.0
    }

    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Whole seconds until the next step begins, 1 to 30.
    pub fn seconds_left(now: Timestamp) -> u64 {
        let second = u64::try_from(now.as_second()).unwrap_or(0);
        Self::SECONDS - second % Self::SECONDS
    }
}

/// How far a phone's clock is from the server's, as far as its codes tell: in steps, ahead where it is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift(i16);

impl Drift {
    /// How many steps away codes are looked for, where they are: an hour, as much as a zone that is set wrongly makes of it.
    pub const REACH: u16 = 120;

    /// So many steps; `None` beyond the reach of codes.
    pub fn of_steps(steps: i64) -> Option<Self> {
        let reach = i64::from(Self::REACH) + 1;
        let steps = Some(steps).filter(|steps| (-reach..=reach).contains(steps))?;
        i16::try_from(steps).ok().map(Self)
    }

    /// From `current`, the server's step, to `shown`, the phone's.
    fn between(current: TimeStep, shown: TimeStep) -> Option<Self> {
        let steps = i128::from(shown.0) - i128::from(current.0);
        i64::try_from(steps).ok().and_then(Self::of_steps)
    }

    pub fn steps(self) -> i64 {
        i64::from(self.0)
    }

    /// Whole minutes, the nearest; ahead where it is positive.
    pub fn minutes(self) -> i64 {
        let steps = self.steps();
        (steps.abs() + 1) / 2 * steps.signum()
    }

    /// Whether codes are refused because of it: what lies within the window is none that anybody is told of.
    pub fn refuses_codes(self) -> bool {
        self.0.unsigned_abs() > 1
    }
}

impl fmt::Display for Drift {
    /// For the audit log: `+6 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+} min", self.minutes())
    }
}

/// The steps of one key that are spent: whatever clocks do, none is accepted twice (RFC 6238 section 5.2).
///
/// A step that was accepted spends all before it, once the clock has come to it; how far that reaches moves at most to the step
/// to come. Whatever lies beyond was accepted by a clock that was ahead and has been corrected, or from a phone that is ahead:
/// it stays spent itself, but the codes of the time between are good, or the owner of the phone would be locked out until the
/// clock comes there. That is why the last steps, and those ahead, are kept one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpentSteps {
    /// All steps up to this one are spent.
    up_to: Option<TimeStep>,
    /// Those after it that were spent when the clock had come to them, in ascending order.
    single: Vec<TimeStep>,
    /// Those that were spent ahead of the clock, in ascending order. They spend nothing but themselves until it has passed
    /// them.
    ahead: Vec<TimeStep>,
}

impl SpentSteps {
    /// How many steps are kept one by one. So many logins less one, by a clock ahead and a phone that is ahead as well, lock
    /// nobody out after the clock has been corrected.
    pub const KEPT: usize = 16;

    /// How many steps ahead of the clock are kept: twice as many as a phone can be ahead, which is more than there are unless
    /// the clock was set back. What would be one too many is refused, so that none is forgotten.
    pub const KEPT_AHEAD: usize = 2 * Drift::REACH as usize;

    /// All steps up to `up_to`, and those of `single` and of `ahead`, in any order.
    pub fn new(
        up_to: Option<TimeStep>,
        single: impl IntoIterator<Item = TimeStep>,
        ahead: impl IntoIterator<Item = TimeStep>,
    ) -> Self {
        let mut spent = Self {
            up_to,
            single: single.into_iter().collect(),
            ahead: ahead.into_iter().collect(),
        };
        for steps in [&mut spent.single, &mut spent.ahead] {
            steps.sort_unstable();
            steps.dedup();
        }
        spent.fold();
        spent
    }

    /// The step up to which all are spent.
    pub fn up_to(&self) -> Option<TimeStep> {
        self.up_to
    }

    /// The spent steps after it that the clock had come to, in ascending order.
    pub fn single(&self) -> &[TimeStep] {
        &self.single
    }

    /// Those ahead of the clock, in ascending order.
    pub fn ahead(&self) -> &[TimeStep] {
        &self.ahead
    }

    /// The greatest step that is spent.
    pub fn greatest(&self) -> Option<TimeStep> {
        let greatest = [self.single.last().copied(), self.ahead.last().copied()];
        greatest.into_iter().flatten().max().or(self.up_to)
    }

    /// Until when the phone may show the code that was accepted last: its step goes on, or is the one to come, of a phone that
    /// is ahead. `None` when the phone shows another by now. A step beyond the window was accepted by a clock that was ahead,
    /// or of a phone that is, and its code is no use here anyway.
    pub fn shown_until(&self, now: Timestamp) -> Option<Timestamp> {
        let current = TimeStep::at(now).number();
        let last = self.single.last().copied().or(self.up_to)?.number();
        let ends = i64::try_from(last.checked_add(1)?.checked_mul(TimeStep::SECONDS)?).ok()?;
        let is_shown = (current..=current + 1).contains(&last);
        is_shown
            .then(|| Timestamp::from_second(ends).ok())
            .flatten()
    }

    /// Spends one step `now`. Of those kept one by one the smallest gives way, and all before it are spent with it.
    pub fn spend(&mut self, step: TimeStep, now: Timestamp) {
        let current = TimeStep::at(now);
        let steps = match step <= current.next() {
            true => &mut self.single,
            false => &mut self.ahead,
        };
        if let Err(place) = steps.binary_search(&step) {
            steps.insert(place, step);
        }
        // Time has passed these, as it had those that were accepted when they were shown.
        let passed = self.ahead.partition_point(|step| *step < current);
        let passed = self.ahead.drain(..passed);
        self.single.extend(passed);
        self.single.sort_unstable();
        self.single.dedup();
        self.fold();
    }

    /// Spends all steps up to `last`.
    pub fn spend_up_to(&mut self, last: TimeStep) {
        self.up_to = self.up_to.max(Some(last));
        self.fold();
    }

    /// Forgets what need not be kept one by one. The smallest step is never ahead of the clock by which one was just spent.
    fn fold(&mut self) {
        let too_many = self.single.len().saturating_sub(Self::KEPT);
        self.up_to = self.single.drain(..too_many).next_back().max(self.up_to);
        let up_to = self.up_to;
        let is_after = |step: &TimeStep| Some(*step) > up_to;
        self.single.retain(is_after);
        self.ahead.retain(is_after);
    }

    /// Whether a code of `step` is none any more at the step `current`.
    fn holds(&self, step: TimeStep, current: TimeStep) -> bool {
        let next = current.next();
        let mut single = self.single.iter();
        let mut ahead = self.ahead.iter();
        self.up_to.is_some_and(|last| step <= last)
            || single.any(|spent| *spent == step || (step < *spent && *spent <= next))
            || ahead.any(|spent| *spent == step || (step < *spent && *spent < current))
    }

    /// Whether a code of `step` may be accepted at `current`, where it is within the window.
    fn admits(&self, step: TimeStep, current: TimeStep) -> bool {
        !self.holds(step, current)
    }

    /// Whether the codes of `first` and of the step after it may be accepted at `current`: neither is spent, and both can be
    /// kept.
    fn admits_pair(&self, first: TimeStep, current: TimeStep) -> bool {
        let is_ahead = first.next() > current.next();
        let has_room = !is_ahead || self.ahead.len() + 2 <= Self::KEPT_AHEAD;
        has_room && !self.holds(first, current) && !self.holds(first.next(), current)
    }
}

/// That a code was right for a step of this account's key which had not been spent, or two codes for two. Only [`verify`] and
/// [`judge_pair`] make one, so that no login can be granted without it; whoever holds it has still to store the steps as spent
/// before granting anything.
#[derive(Debug)]
pub struct AcceptedStep {
    account: AccountKey,
    step: TimeStep,
    /// The step before it is accepted too.
    is_pair: bool,
    drift: Option<Drift>,
}

impl AcceptedStep {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    /// The step to be stored as spent; of two the later one.
    pub fn step(&self) -> TimeStep {
        self.step
    }

    /// The steps in what the audit log has of an accepted pair, as it is displayed.
    pub fn pair_in(recorded: &str) -> Option<[TimeStep; 2]> {
        let step = recorded.strip_prefix("step ")?;
        let digits = step.split(',').next()?;
        let step = TimeStep(digits.parse().ok()?);
        Some([step.previous(), step])
    }

    /// All steps to be stored as spent.
    pub fn steps(&self) -> impl Iterator<Item = TimeStep> {
        let before = self.is_pair.then(|| self.step.previous());
        before.into_iter().chain([self.step])
    }

    /// How far the phone's clock is off, where that refuses its codes.
    pub fn drift(&self) -> Option<Drift> {
        self.drift.filter(|drift| drift.refuses_codes())
    }
}

impl fmt::Display for AcceptedStep {
    /// For the audit log: `step 53243521, phone clock +6 min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}", self.step.0)?;
        match self.drift() {
            Some(drift) => write!(f, ", phone clock {drift}"),
            None => Ok(()),
        }
    }
}

/// What a code is worth.
#[derive(Debug)]
pub enum Verdict {
    Accepted(AcceptedStep),
    /// The code was right, but its step is spent (RFC 6238 section 5.2). People are told the same as for a wrong one.
    Spent,
    Wrong,
}

/// Judges `passcode` for `account` at `now`.
///
/// The current step and one either side count (RFC 6238 section 5.2 recommends at most one step of delay; the one
/// ahead serves phones whose clock is fast). When two steps of the window have the same code, the newest unspent one
/// counts. The work and its time are the same whatever matches.
pub fn verify(
    account: &AccountKey,
    secret: &Secret,
    passcode: &Passcode,
    now: Timestamp,
    spent: &SpentSteps,
) -> Verdict {
    let current = TimeStep::at(now);
    let generator = generator(secret);
    let window = [current.next(), current, current.previous()];
    let matches = window.map(|step| passcode_of(&generator, step).ct_eq(passcode));
    let matched: Vec<TimeStep> = window
        .into_iter()
        .zip(matches)
        .filter(|(_, matched)| bool::from(*matched))
        .map(|(step, _)| step)
        .collect();
    let admitted = matched.iter().find(|step| spent.admits(**step, current));
    match admitted {
        Some(step) => Verdict::Accepted(AcceptedStep {
            account: account.clone(),
            step: *step,
            is_pair: false,
            drift: Drift::between(current, *step),
        }),
        None if matched.is_empty() => Verdict::Wrong,
        None => Verdict::Spent,
    }
}

/// Two codes that a phone has shown one after the other.
#[derive(Debug, Clone, Copy)]
pub struct PasscodePair {
    pub first: Passcode,
    pub second: Passcode,
}

impl PasscodePair {
    /// The phone shows the same code still.
    pub fn is_one_code(&self) -> bool {
        self.first.ct_eq(&self.second).into()
    }
}

/// Judges two codes for `account` at `now`: those of a step and of the one after it, at most an hour away, neither spent.
///
/// One code among so many steps would be hit by chance 80 times as often as within the window; two that follow each other are not,
/// in as many years as there are. Where several pairs match, the nearest that is not spent counts. The work is the same
/// whatever matches.
pub fn judge_pair(
    account: &AccountKey,
    secret: &Secret,
    pair: &PasscodePair,
    now: Timestamp,
    spent: &SpentSteps,
) -> Verdict {
    let current = TimeStep::at(now);
    let generator = generator(secret);
    let compared = steps_around(current).map(|step| {
        let code = passcode_of(&generator, step);
        (step, code.ct_eq(&pair.first), code.ct_eq(&pair.second))
    });
    let compared: Vec<_> = compared.collect();
    let follow = |two: &&[(TimeStep, Choice, Choice)]| bool::from(two[0].1 & two[1].2);
    let matched = compared.windows(2).filter(follow);
    let mut matched: Vec<TimeStep> = matched.map(|two| two[0].0).collect();
    if pair.is_one_code() {
        return Verdict::Wrong;
    }
    matched.sort_by_key(|step| step.0.abs_diff(current.0));
    let admitted = matched
        .iter()
        .find(|first| spent.admits_pair(**first, current));
    match admitted {
        Some(first) => Verdict::Accepted(AcceptedStep {
            account: account.clone(),
            step: first.next(),
            is_pair: true,
            drift: Drift::between(current, first.next()),
        }),
        None if matched.is_empty() => Verdict::Wrong,
        None => Verdict::Spent,
    }
}

/// How far the phone's clock is off that shows `passcode` at `now`; `None` where none of the hour before and after has that
/// code, or where the clock is not off. By chance one in 4,000 wrong codes looks like a right one of another time, so this is
/// for whoever has seen the key, and lets nobody in.
pub fn drift_of(secret: &Secret, passcode: &Passcode, now: Timestamp) -> Option<Drift> {
    let current = TimeStep::at(now);
    let generator = generator(secret);
    let matched = steps_around(current)
        .filter(|step| bool::from(passcode_of(&generator, *step).ct_eq(passcode)));
    let nearest = matched.min_by_key(|step| step.0.abs_diff(current.0))?;
    Drift::between(current, nearest).filter(|drift| drift.refuses_codes())
}

/// The steps within reach of `current`, and the one behind them that is the second of a pair.
fn steps_around(current: TimeStep) -> impl Iterator<Item = TimeStep> {
    let reach = u64::from(Drift::REACH);
    let first = current.0.saturating_sub(reach);
    let last = current.0.saturating_add(reach).saturating_add(1);
    (first..=last).map(TimeStep)
}

/// Judges `passcode` by each of the `keys` of `account`: what it is worth, and which key says so. The first that accepts it
/// counts, then the first of which it is spent; all are asked whatever the first says, so that the work and its time tell
/// nothing of which it was.
pub fn verify_any<'a>(
    account: &AccountKey,
    keys: impl IntoIterator<Item = (&'a Secret, &'a SpentSteps)>,
    passcode: &Passcode,
    now: Timestamp,
) -> (usize, Verdict) {
    let verdicts = keys
        .into_iter()
        .map(|(secret, spent)| verify(account, secret, passcode, now, spent));
    best(verdicts)
}

/// Judges `pair` in the same way: both codes must be of one key.
pub fn judge_pair_of_any<'a>(
    account: &AccountKey,
    keys: impl IntoIterator<Item = (&'a Secret, &'a SpentSteps)>,
    pair: &PasscodePair,
    now: Timestamp,
) -> (usize, Verdict) {
    let verdicts = keys
        .into_iter()
        .map(|(secret, spent)| judge_pair(account, secret, pair, now, spent));
    best(verdicts)
}

/// The verdict that counts, and at which place it stands.
fn best(verdicts: impl Iterator<Item = Verdict>) -> (usize, Verdict) {
    let worth = |verdict: &Verdict| match verdict {
        Verdict::Accepted(_) => 0,
        Verdict::Spent => 1,
        Verdict::Wrong => 2,
    };
    let best = verdicts.enumerate().min_by_key(|(_, it)| worth(it));
    best.unwrap_or((0, Verdict::Wrong))
}

fn generator(secret: &Secret) -> totp_rs::Totp {
    totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_digits(6)
        .with_skew(0)
        .with_step_duration(TimeStep::SECONDS)
        .with_secret(secret.0.to_vec())
        .build()
        .expect("20 bytes, six digits and 30 seconds are within RFC 6238's bounds")
}

fn passcode_of(generator: &totp_rs::Totp, step: TimeStep) -> Passcode {
    #[cfg(test)]
    tests::HMACS.set(tests::HMACS.get() + 1);
    let mut token = generator
        .generate(step.0.saturating_mul(TimeStep::SECONDS))
        .to_string();
    let passcode = Passcode::from_ascii_digits(token.as_bytes())
        .expect("a generator of six digits gives six digits");
    token.zeroize();
    passcode
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::identity::{UserId, UserType};

    thread_local! {
        /// Codes computed by this test, each by one HMAC.
        pub(super) static HMACS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }

    const RFC_SEED: &[u8; 20] = b"12345678901234567890";

    fn account() -> AccountKey {
        AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
    }

    fn code(text: &str) -> Passcode {
        Passcode::parse(text).unwrap()
    }

    fn same(left: &Passcode, right: &Passcode) -> bool {
        bool::from(left.ct_eq(right))
    }

    #[test]
    fn rfc_6238_appendix_b_all_eighteen_vectors() {
        use totp_rs::Algorithm::{SHA1, SHA256, SHA512};
        let vectors = [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ];
        for (time, [sha1, sha256, sha512]) in vectors {
            for (algorithm, length, expected) in
                [(SHA1, 20, sha1), (SHA256, 32, sha256), (SHA512, 64, sha512)]
            {
                let seed: Vec<u8> = RFC_SEED.iter().copied().cycle().take(length).collect();
                let generator = totp_rs::Builder::new()
                    .with_algorithm(algorithm)
                    .with_digits(8)
                    .with_secret(seed)
                    .build()
                    .unwrap();
                assert_eq!(generator.generate(time).to_string(), expected, "at {time}");
            }
            // Six digits are the last six of eight (RFC 4226 section 5.3: the modulo).
            let step = TimeStep::new(time / TimeStep::SECONDS);
            let ours = Secret::from_bytes(*RFC_SEED).passcode(step);
            assert!(same(&ours, &code(&sha1[2..])), "at {time}");
        }
    }

    #[test]
    fn rfc_4226_appendix_d_all_ten_vectors() {
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (counter, expected) in (0..).zip(expected) {
            let ours = Secret::from_bytes(*RFC_SEED).passcode(TimeStep::new(counter));
            assert!(same(&ours, &code(expected)), "counter {counter}");
        }
    }

    fn judge(passcode: &Passcode, at: i64, spent: &[u64]) -> Verdict {
        judge_beside(passcode, at, &steps(spent))
    }

    fn judge_beside(passcode: &Passcode, at: i64, spent: &SpentSteps) -> Verdict {
        verify(
            &account(),
            &Secret::from_bytes(*RFC_SEED),
            passcode,
            Timestamp::from_second(at).unwrap(),
            spent,
        )
    }

    fn steps(spent: &[u64]) -> SpentSteps {
        SpentSteps::new(None, spent.iter().copied().map(TimeStep::new), [])
    }

    /// The moment in which a step begins.
    fn at_step(step: u64) -> Timestamp {
        Timestamp::from_second(i64::try_from(step * 30).unwrap()).unwrap()
    }

    /// What two keys say of a code, each with the steps of it that are spent, and the HMACs that it took.
    fn judge_by_two(passcode: &Passcode, at: i64, spent: [&[u64]; 2]) -> (usize, Verdict, u32) {
        let secrets = [*RFC_SEED, *b"09876543210987654321"].map(Secret::from_bytes);
        let spent = spent.map(steps);
        let now = Timestamp::from_second(at).unwrap();
        HMACS.set(0);
        let keys = secrets.iter().zip(&spent);
        let (place, verdict) = verify_any(&account(), keys, passcode, now);
        (place, verdict, HMACS.get())
    }

    #[test]
    fn of_two_keys_either_accepts_its_own_code_and_both_are_asked_whatever_the_first_says() {
        let secrets = [*RFC_SEED, *b"09876543210987654321"].map(Secret::from_bytes);
        let at = 50_000 * 30;
        let mut counted = std::collections::HashSet::new();
        for (number, secret) in secrets.iter().enumerate() {
            let shown = secret.passcode(TimeStep::new(50_000));
            let (place, verdict, hmacs) = judge_by_two(&shown, at, [&[], &[]]);
            assert!(
                matches!(verdict, Verdict::Accepted(_)),
                "{number}: {verdict:?}"
            );
            assert_eq!(place, number);
            counted.insert(hmacs);
            // What the other has spent is nothing to it; what it has spent itself is.
            let mut spent: [&[u64]; 2] = [&[50_000]; 2];
            spent[number] = &[];
            let (place, verdict, hmacs) = judge_by_two(&shown, at, spent);
            assert!(
                matches!(verdict, Verdict::Accepted(_)),
                "{number}: {verdict:?}"
            );
            assert_eq!(place, number);
            counted.insert(hmacs);
            let (place, verdict, hmacs) = judge_by_two(&shown, at, [&[50_000]; 2]);
            assert!(matches!(verdict, Verdict::Spent), "{number}: {verdict:?}");
            assert_eq!(place, number);
            counted.insert(hmacs);
        }
        let (_, verdict, hmacs) = judge_by_two(&code("000000"), at, [&[], &[]]);
        assert!(matches!(verdict, Verdict::Wrong), "{verdict:?}");
        counted.insert(hmacs);
        // The same work whatever comes of it, and not too much of it.
        let [hmacs] = Vec::from_iter(counted).try_into().unwrap();
        assert!(hmacs <= 8, "{hmacs} HMACs");
    }

    /// By chance two keys make one code; here they are the same key.
    #[test]
    fn where_both_keys_make_a_code_the_first_that_has_not_spent_it_counts() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let shown = secret.passcode(TimeStep::new(50_000));
        let now = Timestamp::from_second(50_000 * 30).unwrap();
        for (spent, accepting) in [
            ([vec![], vec![]], Some(0)),
            ([vec![50_000], vec![]], Some(1)),
            ([vec![], vec![50_000]], Some(0)),
            ([vec![50_000], vec![50_000]], None),
        ] {
            let spent = spent.map(|spent| steps(&spent));
            let keys = [&secret, &secret].into_iter().zip(&spent);
            match verify_any(&account(), keys, &shown, now) {
                (place, Verdict::Accepted(_)) => assert_eq!(Some(place), accepting),
                (_, Verdict::Spent) => assert_eq!(accepting, None),
                (_, Verdict::Wrong) => panic!("both make it"),
            }
        }
    }

    #[test]
    fn a_spent_code_is_shown_until_its_step_ends() {
        let now = Timestamp::from_second(50_000 * 30 + 7).unwrap();
        for (last, ends) in [
            (49_999, None),
            (50_000, Some(50_001)),
            (50_001, Some(50_002)),
            (50_002, None),
            (u64::MAX / 2, None),
        ] {
            let ends = ends.map(|step: i64| Timestamp::from_second(step * 30).unwrap());
            assert_eq!(steps(&[last]).shown_until(now), ends, "{last}");
        }
        assert_eq!(SpentSteps::default().shown_until(now), None);
    }

    #[test]
    fn the_window_is_the_current_step_and_one_either_side() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let now = 50_000 * 30 + 7;
        for (step, accepted) in [
            (49_998, false),
            (49_999, true),
            (50_000, true),
            (50_001, true),
            (50_002, false),
        ] {
            let verdict = judge(&secret.passcode(TimeStep::new(step)), now, &[]);
            match verdict {
                Verdict::Accepted(spent) => {
                    assert!(accepted, "step {step} must be refused");
                    assert_eq!(spent.step().number(), step);
                }
                Verdict::Wrong => assert!(!accepted, "step {step} must be accepted"),
                Verdict::Spent => panic!("nothing was spent"),
            }
        }
    }

    #[test]
    fn a_step_is_good_once_and_so_is_every_step_before_it() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let now = 50_000 * 30;
        let at = |step| secret.passcode(TimeStep::new(step));
        assert!(matches!(judge(&at(50_000), now, &[50_000]), Verdict::Spent));
        // By a phone whose clock is fast, the last step of the window is spent, and all before it.
        assert!(matches!(judge(&at(50_000), now, &[50_001]), Verdict::Spent));
        assert!(matches!(judge(&at(49_999), now, &[50_000]), Verdict::Spent));
        assert!(matches!(
            judge(&at(50_001), now, &[50_000]),
            Verdict::Accepted(_)
        ));
    }

    #[test]
    fn a_clock_set_back_does_not_revive_a_spent_step() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let earlier = secret.passcode(TimeStep::new(40_000));
        let mut spent = steps(&[40_000, 50_000]);
        assert!(matches!(
            judge_beside(&earlier, 40_000 * 30, &spent),
            Verdict::Spent
        ));
        for step in 50_001..50_100 {
            spent.spend(TimeStep::new(step), at_step(step));
        }
        assert!(matches!(
            judge_beside(&earlier, 40_000 * 30, &spent),
            Verdict::Spent
        ));
    }

    /// Seven hours ahead for a login, and then the right time again.
    #[test]
    fn a_code_accepted_by_a_clock_ahead_leaves_those_of_the_time_between_good() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let ahead = 50_000 + 7 * 120;
        let mut spent = steps(&[49_000, ahead]);
        for step in [50_000, 50_001, 50_100] {
            let now = i64::try_from(step * 30).unwrap();
            let code = secret.passcode(TimeStep::new(step));
            match judge_beside(&code, now, &spent) {
                Verdict::Accepted(accepted) => spent.spend(accepted.step(), at_step(step)),
                refused => panic!("step {step}: {refused:?}"),
            }
            assert!(matches!(judge_beside(&code, now, &spent), Verdict::Spent));
        }
        let code = secret.passcode(TimeStep::new(ahead));
        let there = i64::try_from(ahead * 30).unwrap();
        assert!(matches!(judge_beside(&code, there, &spent), Verdict::Spent));
    }

    /// A pair of steps from `first` on, of the RFC's key.
    fn pair(first: u64, second: u64) -> PasscodePair {
        let secret = Secret::from_bytes(*RFC_SEED);
        PasscodePair {
            first: secret.passcode(TimeStep::new(first)),
            second: secret.passcode(TimeStep::new(second)),
        }
    }

    fn judge_two(first: u64, second: u64, now: u64, spent: &SpentSteps) -> Verdict {
        let secret = Secret::from_bytes(*RFC_SEED);
        judge_pair(
            &account(),
            &secret,
            &pair(first, second),
            at_step(now),
            spent,
        )
    }

    #[test]
    fn a_pair_is_good_within_an_hour_either_way_and_its_drift_is_the_phones() {
        let none = SpentSteps::default();
        for drift in [-120i64, -119, -12, -2, -1, 0, 1, 2, 13, 119, 120] {
            let first = 50_000u64.checked_add_signed(drift).unwrap();
            match judge_two(first, first + 1, 50_000, &none) {
                Verdict::Accepted(accepted) => {
                    let spent: Vec<u64> = accepted.steps().map(TimeStep::number).collect();
                    assert_eq!(spent, [first, first + 1], "{drift}");
                    let told = accepted.drift().map(Drift::steps);
                    let shown = drift + 1;
                    assert_eq!(told, (shown.abs() > 1).then_some(shown), "{drift}");
                }
                refused => panic!("{drift}: {refused:?}"),
            }
        }
        for (first, second) in [
            (49_879, 49_880),
            (50_121, 50_122),
            // Swapped, the same twice, one left out.
            (50_001, 50_000),
            (50_000, 50_000),
            (50_000, 50_002),
            (49_900, 50_000),
        ] {
            let verdict = judge_two(first, second, 50_000, &none);
            assert!(
                matches!(verdict, Verdict::Wrong),
                "{first} {second}: {verdict:?}"
            );
        }
    }

    #[test]
    fn of_a_pair_neither_may_be_spent_or_lie_before_one_that_is() {
        for (spent, first, is_good) in [
            (50_010, 50_009, false),
            (50_010, 50_010, false),
            (50_010, 50_011, true),
            // What is ahead spends nothing but itself.
            (50_010, 50_007, true),
            (49_990, 49_980, false),
            (49_990, 49_989, false),
            (49_990, 49_991, true),
        ] {
            let mut kept = SpentSteps::default();
            kept.spend(TimeStep::new(spent), at_step(50_000));
            let verdict = judge_two(first, first + 1, 50_000, &kept);
            let is_accepted = matches!(verdict, Verdict::Accepted(_));
            assert_eq!(is_accepted, is_good, "{spent} {first}: {verdict:?}");
            assert!(
                is_good || matches!(verdict, Verdict::Spent),
                "{spent} {first}: {verdict:?}"
            );
        }
    }

    #[test]
    fn a_pair_ahead_costs_its_owner_no_code_but_those_two() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let mut spent = SpentSteps::default();
        let Verdict::Accepted(accepted) = judge_two(50_020, 50_021, 50_000, &spent) else {
            panic!("a pair that is good");
        };
        for step in accepted.steps() {
            spent.spend(step, at_step(50_000));
        }
        // The phone is right from then on, and every code of it is tried.
        for now in 50_000..50_200 {
            let code = secret.passcode(TimeStep::new(now));
            let verdict = judge_beside(&code, i64::try_from(now * 30).unwrap(), &spent);
            let is_its = (50_020..=50_021).contains(&now);
            assert_eq!(matches!(verdict, Verdict::Accepted(_)), !is_its, "{now}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_and_nothing_is_forgotten() {
        let mut spent = SpentSteps::default();
        for step in 0..240 {
            spent.spend(TimeStep::new(50_100 + 2 * step), at_step(50_000));
        }
        assert_eq!(spent.ahead().len(), SpentSteps::KEPT_AHEAD);
        assert!(matches!(
            judge_two(50_031, 50_032, 50_000, &spent),
            Verdict::Spent
        ));
        // What is not ahead of the clock is kept in any case.
        assert!(matches!(
            judge_two(50_000, 50_001, 50_000, &spent),
            Verdict::Accepted(_)
        ));
        assert_eq!(spent.up_to(), None);
    }

    #[test]
    fn the_clock_of_a_phone_is_told_from_a_right_code_of_another_time() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let told = |step: u64| {
            let code = secret.passcode(TimeStep::new(step));
            drift_of(
                &secret,
                &code,
                at_step(50_000) + std::time::Duration::from_secs(17),
            )
        };
        for (minutes, steps) in [
            (-59, -118),
            (-6, -12),
            (-1, -2),
            (1, 2),
            (2, 3),
            (6, 12),
            (59, 118),
        ] {
            let step = 50_000u64.checked_add_signed(steps).unwrap();
            assert_eq!(told(step).map(Drift::minutes), Some(minutes), "{steps}");
        }
        for step in [49_879, 49_999, 50_000, 50_001, 50_122] {
            assert_eq!(told(step), None, "{step}");
        }
    }

    /// An office's clock, the clock of one phone, and what was accepted of it: in steps.
    #[derive(Debug)]
    struct Clocks {
        time: u64,
        office: i64,
        phone: i64,
        spent: SpentSteps,
        accepted: std::collections::HashSet<u64>,
        /// Of those, what the audit log tells by step: pairs.
        pairs: Vec<u64>,
        backup: Option<(SpentSteps, u64)>,
        /// Steps up to this one were spent by a restore.
        restored: u64,
    }

    impl Clocks {
        fn new() -> Self {
            Self {
                time: 100_000,
                office: 0,
                phone: 0,
                spent: SpentSteps::default(),
                accepted: std::collections::HashSet::new(),
                pairs: Vec::new(),
                backup: None,
                restored: 0,
            }
        }

        fn office(&self) -> u64 {
            self.time.checked_add_signed(self.office).unwrap()
        }

        fn phone(&self) -> u64 {
            self.time.checked_add_signed(self.phone).unwrap()
        }

        fn accept(&mut self, step: u64) {
            assert!(self.accepted.insert(step), "{step} a second time: {self:?}");
            let now = at_step(self.office());
            self.spent.spend(TimeStep::new(step), now);
            let up_to = self.spent.up_to().map_or(0, TimeStep::number);
            assert!(up_to <= (self.office() + 1).max(self.restored), "{self:?}");
            assert!(self.spent.single().len() <= SpentSteps::KEPT);
            assert!(self.spent.ahead().len() <= SpentSteps::KEPT_AHEAD);
        }

        /// Whoever holds the phone, or has seen a code of it, tries the one of `step`.
        fn tries(&mut self, step: u64) -> bool {
            let (now, step) = (self.office(), TimeStep::new(step));
            let is_near = step.number().abs_diff(now) <= 1;
            let is_good = is_near && self.spent.admits(step, TimeStep::new(now));
            if is_good {
                self.accept(step.number());
            }
            is_good
        }

        fn tries_pair(&mut self, first: u64) -> bool {
            let (now, step) = (self.office(), TimeStep::new(first));
            let is_near = first.abs_diff(now) <= u64::from(Drift::REACH);
            let is_good = is_near && self.spent.admits_pair(step, TimeStep::new(now));
            if is_good {
                self.accept(first);
                self.accept(first + 1);
                self.pairs.extend([first, first + 1]);
            }
            is_good
        }

        /// As a restore does: by a clock that is not behind what it has accepted by itself, and with the audit log at hand.
        fn restores(&mut self) {
            let Some((spent, as_of)) = self.backup.clone() else {
                return;
            };
            let now = self.office().max(as_of);
            let single = self
                .accepted
                .iter()
                .filter(|step| !self.pairs.contains(step));
            if single.max().is_some_and(|last| *last > now + 1) {
                return;
            }
            self.spent = spent;
            self.spent.spend_up_to(TimeStep::new(now + 1));
            self.restored = self.restored.max(now + 1);
            for step in &self.pairs {
                self.spent.spend(TimeStep::new(*step), at_step(now));
            }
        }

        /// With both clocks right, what the phone shows is good, but for a code that was accepted itself, that comes before one
        /// of the window that was, or that a restore has spent.
        fn are_right(&mut self) {
            (self.office, self.phone) = (0, 0);
            let now = self.time;
            let is_used = self.accepted.contains(&now);
            let is_before_used = self.accepted.contains(&(now + 1));
            let is_restored = now <= self.restored;
            let is_good = self.tries(now);
            assert!(
                is_good || is_used || is_before_used || is_restored,
                "{now}: {self:?}"
            );
        }
    }

    /// 100,000 histories of an account's clocks, from a seed that is told where one fails.
    #[test]
    fn no_step_is_accepted_twice_and_nobody_is_locked_out_whatever_clocks_do() {
        for seed in 0..100_000u64 {
            let mut state = seed;
            let mut chance = |below: u64| {
                // SplitMix64, whose numbers are good enough and whose tests need no library.
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (mixed ^ (mixed >> 31)) % below
            };
            let mut clocks = Clocks::new();
            for _ in 0..chance(40) {
                let offset = |chance: u64| i64::try_from(chance).unwrap() - 130;
                match chance(12) {
                    0 | 1 => clocks.time += chance(4),
                    2 => clocks.time += chance(300),
                    3 => clocks.phone = offset(chance(260)),
                    4 => clocks.office = offset(chance(260)),
                    // Set by the other, as people do.
                    5 => clocks.phone = clocks.office,
                    6 => {
                        let step = clocks.phone() + chance(3);
                        clocks.tries(step - 1);
                    }
                    7 | 8 => {
                        let step = clocks.phone();
                        clocks.tries_pair(step - 1);
                    }
                    9 => {
                        let spent = &clocks.spent;
                        let kept = |steps: &[TimeStep]| steps.to_vec();
                        let stored = SpentSteps::new(
                            spent.up_to(),
                            kept(spent.single()),
                            kept(spent.ahead()),
                        );
                        assert_eq!(stored, *spent, "seed {seed}: as it was before the restart");
                        clocks.spent = stored;
                    }
                    10 => clocks.backup = Some((clocks.spent.clone(), clocks.office())),
                    _ => clocks.restores(),
                }
                if chance(6) == 0 {
                    // Whoever has seen codes tries them again, by whatever clock there is.
                    let seen: Vec<u64> = clocks.accepted.iter().copied().collect();
                    for step in seen {
                        assert!(
                            !clocks.tries(step) && !clocks.tries_pair(step),
                            "seed {seed}"
                        );
                    }
                }
                if chance(4) == 0 {
                    let set = (clocks.office, clocks.phone);
                    clocks.are_right();
                    (clocks.office, clocks.phone) = set;
                }
            }
        }
    }

    proptest! {
        /// No step is accepted twice, whatever the clock does between, forth and back.
        #[test]
        fn a_step_is_good_once_under_any_jumps(
            tries in proptest::collection::vec((0u64..200, 0u64..3), 1..300),
            restored in proptest::option::of(0u64..50),
        ) {
            let mut spent = SpentSteps::default();
            if let Some(last) = restored {
                spent.spend_up_to(TimeStep::new(last));
            }
            let mut accepted = std::collections::HashSet::new();
            for (now, place) in tries {
                let step = TimeStep::new((now + place).saturating_sub(1));
                if spent.admits(step, TimeStep::new(now)) {
                    prop_assert!(accepted.insert(step), "{step:?} a second time");
                    prop_assert!(restored.is_none_or(|last| step.number() > last));
                    spent.spend(step, at_step(now));
                }
                prop_assert!(spent.single().len() <= SpentSteps::KEPT);
                prop_assert!(spent.single().is_sorted());
                let stored = SpentSteps::new(spent.up_to(), spent.single().iter().copied(), []);
                prop_assert_eq!(&stored, &spent);
            }
        }

        /// A clock that was ahead for a few logins and is right again keeps nobody out: every later step is good.
        #[test]
        fn a_corrected_clock_locks_nobody_out(
            before in proptest::collection::vec(0u64..1_000, 0..20),
            ahead in proptest::collection::vec(2_000u64..3_000, 0..SpentSteps::KEPT),
            after in proptest::collection::btree_set(1_002u64..1_900, 0..20),
        ) {
            let mut spent = steps(&before);
            for step in ahead {
                spent.spend(TimeStep::new(step), at_step(step));
            }
            for now in after {
                let step = TimeStep::new(now);
                prop_assert!(spent.admits(step, step), "{step:?}: {spent:?}");
                spent.spend(step, at_step(now));
            }
        }
    }

    /// Two neighbouring steps share a code once in a million; this secret's steps 0 to two million are searched for
    /// such a pair so that the rule is tried on a real one.
    #[test]
    fn of_two_steps_with_one_code_the_newest_unspent_counts() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let generator = generator(&secret);
        let text = |step: u64| generator.generate(step * 30).to_string();
        let mut previous = text(0);
        let twin = (1..20_000_000)
            .find(|step| {
                let this = text(*step);
                let twin = this == previous;
                previous = this;
                twin
            })
            .expect("a pair within twenty million steps");
        let passcode = secret.passcode(TimeStep::new(twin));
        let now = i64::try_from(twin * 30).unwrap();
        match judge(&passcode, now, &[twin - 2]) {
            Verdict::Accepted(accepted) => assert_eq!(accepted.step().number(), twin),
            other => panic!("{other:?}"),
        }
        assert!(matches!(judge(&passcode, now, &[twin]), Verdict::Spent));
    }

    #[test]
    fn seconds_left_runs_from_thirty_to_one() {
        let left = |second| TimeStep::seconds_left(Timestamp::from_second(second).unwrap());
        assert_eq!((left(0), left(1), left(29), left(30)), (30, 29, 1, 30));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let printed = format!("{:?}", Secret::from_bytes(*RFC_SEED));
        assert!(
            !printed.contains("12345") && !printed.contains("49"),
            "{printed}"
        );
    }
}
