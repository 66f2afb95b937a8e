//! RFC 6238 as this program uses it: SHA-1, six digits, steps of 30 seconds, a window of one step either side, and a
//! step is good once.
//!
//! Phone apps silently fall back to SHA-1, six digits and 30 seconds, so nothing else is offered.

use std::fmt;

use jiff::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{account::AccountKey, passcode::Passcode};

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

/// That a code was right for a step of this account which had not been spent. Only [`verify`] makes one, so that no
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

    /// The step to be stored as the account's greatest accepted one.
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
/// ahead serves phones whose clock is fast). Steps up to `greatest_accepted` are spent; when two steps of the window
/// have the same code, the newest unspent one counts. The work and its time are the same whatever matches.
pub fn verify(
    account: &AccountKey,
    secret: &Secret,
    passcode: &Passcode,
    now: Timestamp,
    greatest_accepted: Option<TimeStep>,
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
    match matched(&|step| greatest_accepted.is_none_or(|greatest| step > greatest)) {
        Some(step) => Verdict::Accepted(AcceptedStep {
            account: account.clone(),
            step,
        }),
        None if matched(&|_| true).is_some() => Verdict::Spent,
        None => Verdict::Wrong,
    }
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
    use super::*;
    use crate::domain::account::{UserId, UserType};

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

    fn judge(passcode: &Passcode, at: i64, greatest: Option<u64>) -> Verdict {
        verify(
            &account(),
            &Secret::from_bytes(*RFC_SEED),
            passcode,
            Timestamp::from_second(at).unwrap(),
            greatest.map(TimeStep::new),
        )
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
            let verdict = judge(&secret.passcode(TimeStep::new(step)), now, None);
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
        assert!(matches!(
            judge(&at(50_000), now, Some(50_000)),
            Verdict::Spent
        ));
        assert!(matches!(
            judge(&at(49_999), now, Some(50_000)),
            Verdict::Spent
        ));
        assert!(matches!(
            judge(&at(50_001), now, Some(50_000)),
            Verdict::Accepted(_)
        ));
    }

    #[test]
    fn a_clock_set_back_does_not_revive_a_spent_step() {
        let secret = Secret::from_bytes(*RFC_SEED);
        let earlier = secret.passcode(TimeStep::new(40_000));
        assert!(matches!(
            judge(&earlier, 40_000 * 30, Some(50_000)),
            Verdict::Spent
        ));
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
        match judge(&passcode, now, Some(twin - 2)) {
            Verdict::Accepted(accepted) => assert_eq!(accepted.step().number(), twin),
            other => panic!("{other:?}"),
        }
        assert!(matches!(judge(&passcode, now, Some(twin)), Verdict::Spent));
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
