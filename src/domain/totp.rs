//! RFC 6238 as this program uses it: SHA-1, six digits, steps of 30 seconds, a window of one step either side, and a
//! step of a key is good once.
//!
//! Phone apps silently fall back to SHA-1, six digits and 30 seconds, so nothing else is offered.

use std::fmt;

use jiff::Timestamp;
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

    /// Whole seconds until the next step begins, 1 to 30.
    pub fn seconds_left(now: Timestamp) -> u64 {
        let second = u64::try_from(now.as_second()).unwrap_or(0);
        Self::SECONDS - second % Self::SECONDS
    }
}

/// The steps of one key that are spent: whatever clocks do, none is accepted twice (RFC 6238 section 5.2).
///
/// A step that was accepted spends all before it, as long as it lies within the window or before. One that lies beyond
/// the window was accepted by a clock that was ahead and has been corrected: it stays spent itself, but the codes of the
/// time between are good, or the owner of the phone would be locked out until the clock comes there. That is why the last
/// steps are kept one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpentSteps {
    /// All steps up to this one are spent.
    up_to: Option<TimeStep>,
    /// Those after it that are spent, in ascending order.
    single: Vec<TimeStep>,
}

impl SpentSteps {
    /// How many steps are kept one by one. So many logins less one, by a clock ahead and a phone that is ahead as well, lock
    /// nobody out after the clock has been corrected.
    pub const KEPT: usize = 8;

    /// All steps up to `up_to`, and those of `single`, in any order.
    pub fn new(up_to: Option<TimeStep>, single: impl IntoIterator<Item = TimeStep>) -> Self {
        let mut spent = Self {
            up_to,
            single: Vec::new(),
        };
        for step in single {
            spent.spend(step);
        }
        spent
    }

    /// The step up to which all are spent.
    pub fn up_to(&self) -> Option<TimeStep> {
        self.up_to
    }

    /// The spent steps after it, in ascending order.
    pub fn single(&self) -> &[TimeStep] {
        &self.single
    }

    /// The greatest step that is spent.
    pub fn greatest(&self) -> Option<TimeStep> {
        self.single.last().copied().or(self.up_to)
    }

    /// Until when the phone may show the code that was accepted last: its step goes on, or is the one to come, of a phone that
    /// is ahead. `None` when the phone shows another by now. A step beyond the window was accepted by a clock that was ahead,
    /// and is no phone's.
    pub fn shown_until(&self, now: Timestamp) -> Option<Timestamp> {
        let current = TimeStep::at(now).number();
        let last = self.greatest()?.number();
        let ends = i64::try_from(last.checked_add(1)?.checked_mul(TimeStep::SECONDS)?).ok()?;
        let is_shown = (current..=current + 1).contains(&last);
        is_shown
            .then(|| Timestamp::from_second(ends).ok())
            .flatten()
    }

    /// Spends one step. Of those kept one by one the smallest gives way, and all before it are spent with it.
    pub fn spend(&mut self, step: TimeStep) {
        if self.is_behind(step) {
            return;
        }
        if let Err(place) = self.single.binary_search(&step) {
            self.single.insert(place, step);
        }
        if self.single.len() > Self::KEPT {
            self.up_to = Some(self.single.remove(0));
        }
    }

    /// Spends all steps up to `last`.
    pub fn spend_up_to(&mut self, last: TimeStep) {
        if !self.is_behind(last) {
            self.up_to = Some(last);
            self.single.retain(|step| *step > last);
        }
    }

    /// Whether `step` is spent, in a window whose last step is `window_ends`.
    fn holds(&self, step: TimeStep, window_ends: TimeStep) -> bool {
        let spends = |spent: &TimeStep| *spent == step || (step < *spent && *spent <= window_ends);
        self.is_behind(step) || self.single.iter().any(spends)
    }

    fn is_behind(&self, step: TimeStep) -> bool {
        self.up_to.is_some_and(|last| step <= last)
    }
}

/// That a code was right for a step of this account's key which had not been spent. Only [`verify`] makes one, so that no
/// login can be granted without it; whoever holds it has still to store the step as spent before granting anything.
#[derive(Debug)]
pub struct AcceptedStep {
    account: AccountKey,
    step: TimeStep,
}

impl AcceptedStep {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    /// The step to be stored as spent.
    pub fn step(&self) -> TimeStep {
        self.step
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
    let current = TimeStep::at(now).0;
    let generator = generator(secret);
    let window = [
        current.saturating_add(1),
        current,
        current.saturating_sub(1),
    ]
    .map(TimeStep);
    let matches = window.map(|step| passcode_of(&generator, step).ct_eq(passcode));
    let matched = |wanted: &dyn Fn(TimeStep) -> bool| {
        window
            .into_iter()
            .zip(matches)
            .find(|(step, matched)| bool::from(*matched) && wanted(*step))
            .map(|(step, _)| step)
    };
    match matched(&|step| !spent.holds(step, window[0])) {
        Some(step) => Verdict::Accepted(AcceptedStep {
            account: account.clone(),
            step,
        }),
        None if matched(&|_| true).is_some() => Verdict::Spent,
        None => Verdict::Wrong,
    }
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
        SpentSteps::new(None, spent.iter().copied().map(TimeStep::new))
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
            spent.spend(TimeStep::new(step));
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
                Verdict::Accepted(accepted) => spent.spend(accepted.step()),
                refused => panic!("step {step}: {refused:?}"),
            }
            assert!(matches!(judge_beside(&code, now, &spent), Verdict::Spent));
        }
        let code = secret.passcode(TimeStep::new(ahead));
        let there = i64::try_from(ahead * 30).unwrap();
        assert!(matches!(judge_beside(&code, there, &spent), Verdict::Spent));
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
                if !spent.holds(step, TimeStep::new(now + 1)) {
                    prop_assert!(accepted.insert(step), "{step:?} a second time");
                    prop_assert!(restored.is_none_or(|last| step.number() > last));
                    spent.spend(step);
                }
                prop_assert!(spent.single().len() <= SpentSteps::KEPT);
                prop_assert!(spent.single().is_sorted());
                let stored = SpentSteps::new(spent.up_to(), spent.single().iter().copied());
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
                spent.spend(TimeStep::new(step));
            }
            for step in after {
                let step = TimeStep::new(step);
                prop_assert!(!spent.holds(step, TimeStep::new(step.number() + 1)), "{step:?}: {spent:?}");
                spent.spend(step);
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
