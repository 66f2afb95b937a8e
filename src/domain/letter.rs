//! A letter to an account's owner, as facts: who is told what about which account. Its words are made when it is
//! delivered, so that a letter can be kept, and sealed, without its text.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    account::Account,
    activity::ActivityKind,
    identity::{AccountKey, EmailAddress, PersonName},
    recorded::{Wait, is_of_clock_ahead},
    source::Source,
    word::words,
};

/// The name of one letter, by which it is kept, listed and claimed, and which stays the same over every try to
/// deliver it: 13 digits of milliseconds, so that letters sort by age, and 16 hexadecimal digits of chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(String);

/// The text is no letter's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a letter's name has the form 1597283585000-0123456789abcdef")]
pub struct LetterIdError;

impl LetterId {
    pub fn new(written: Timestamp, random: [u8; 8]) -> Self {
        let milliseconds = written.as_millisecond().max(0);
        Self(format!(
            "{milliseconds:013}-{:016x}",
            u64::from_be_bytes(random)
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LetterId {
    type Err = LetterIdError;

    fn from_str(text: &str) -> Result<Self, LetterIdError> {
        let (milliseconds, chance) = text.split_once('-').ok_or(LetterIdError)?;
        let digits = |part: &str, count: usize, radix: u32| {
            part.len() == count
                && part
                    .chars()
                    .all(|c| c.is_digit(radix) && !c.is_ascii_uppercase())
        };
        if digits(milliseconds, 13, 10) && digits(chance, 16, 16) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LetterIdError)
        }
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

words! {
    /// What a letter tells, each kind with a stable word for records and the command line.
    pub enum LetterKind {
        /// Somebody asked for a reset: the link, the short code, and how long they hold.
        ResetRequested = "reset-requested",
        TotpActivated = "totp-activated",
        TotpDisabled = "totp-disabled",
        PhoneAdded = "phone-added",
        PhoneRemoved = "phone-removed",
        /// TOTP was reset, by the link, the typed code or an officer.
        TotpReset = "totp-reset",
        /// Too many wrong codes: the authenticator is held until it is reset.
        TotpHeld = "totp-held",
        PasswordChanged = "password-changed",
        /// An officer gave out a password that must be changed at the next login.
        PasswordIssued = "password-issued",
        RecoveryCodesIssued = "recovery-codes-issued",
        RecoveryCodeUsed = "recovery-code-used",
        /// Goes to the address before and to the one after.
        EmailChanged = "email-changed",
        Unlocked = "unlocked",
        Suspended = "suspended",
        Reinstated = "reinstated",
        LoginsEnded = "logins-ended",
        /// It became an officer's account, or a user's again.
        RoleChanged = "role-changed",
    }
}

impl LetterKind {
    /// The letter that tells an account's owner of such an activity: the one of the same word, where there is one.
    pub fn of(activity: ActivityKind) -> Option<Self> {
        Self::from_word(activity.as_str())
    }
}

/// One letter. The secrets of [`LetterKind::ResetRequested`] are no part of it; they travel beside it, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: LetterId,
    pub account: AccountKey,
    /// Name and address as they were when the letter was written: a letter never follows an address that was changed
    /// after it.
    pub name: PersonName,
    pub address: EmailAddress,
    pub kind: LetterKind,
    /// When what it tells happened.
    pub at: Timestamp,
    /// From where it was done or asked for.
    pub from: Source,
    /// From then on nobody needs it any more; for a reset, the ticket's end.
    pub good_until: Timestamp,
}

impl Letter {
    /// A letter to the owner of `account` about something that happened `at`, from `from`.
    pub fn about(
        account: &Account,
        kind: LetterKind,
        at: Timestamp,
        from: &Source,
        good_until: Timestamp,
        random: [u8; 8],
    ) -> Self {
        Self {
            id: LetterId::new(at, random),
            account: account.key.clone(),
            name: account.name.clone(),
            address: account.email.clone(),
            kind,
            at,
            from: from.clone(),
            good_until,
        }
    }

    /// The letter as it counts from `now` on. What a clock ahead has written happened by now, and is wanted as long as it
    /// was to be; a ticket of such a clock has expired.
    pub fn corrected(self, now: Timestamp) -> Self {
        if !is_of_clock_ahead(self.at, now) {
            return self;
        }
        let wanted = match self.kind {
            LetterKind::ResetRequested => SignedDuration::ZERO,
            _ => self.good_until.duration_since(self.at),
        };
        Self {
            at: now,
            good_until: now.checked_add(wanted).unwrap_or(Timestamp::MAX),
            ..self
        }
    }
}

/// How far the delivery of a letter has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Tries that ended without the mail server taking the letter.
    pub failures: u32,
    /// The mail server had the letter whole once, and its answer was lost: it may have taken it.
    pub may_be_taken: bool,
    pub stage: Stage,
    /// What the last failed try was told, for the operator.
    pub last_error: Option<String>,
}

/// Whose move it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// To be tried once that is over.
    Due(Wait),
    /// A worker is at it. A claim ends, so that a worker that was killed does not keep the letter for ever.
    Claimed { by: String, until: Timestamp },
    /// The mail server will not have it, or it may have it already; an operator may send it again.
    Refused,
}

impl Stage {
    /// To be tried at once.
    pub fn due(now: Timestamp) -> Self {
        Self::Due(Wait {
            began: now,
            lasts: Duration::ZERO,
        })
    }
}

/// Seconds between tries; the last one repeats as long as the letter is good.
const PAUSES: [u64; 7] = [5, 15, 30, 60, 120, 300, 600];

impl Delivery {
    /// Longer than a worker gives one try in all, the mail server's look at the letter included.
    pub const CLAIMED_FOR: Duration = Duration::from_secs(6 * 60);

    /// A mail server that lost the connection while it took a letter is given this long until the letter is said anew.
    const SECOND_COPY_AFTER: Duration = Duration::from_secs(2 * 60);

    /// A letter just written.
    pub fn due(now: Timestamp) -> Self {
        Self {
            failures: 0,
            may_be_taken: false,
            stage: Stage::due(now),
            last_error: None,
        }
    }

    /// The delivery as it counts from `now` on: a try that a clock ahead has seen fail failed now. Of claims,
    /// [`Delivery::claimed`] sees which have ended; nobody rewrites what another worker relies on.
    pub fn corrected(self, now: Timestamp) -> Self {
        let stage = match self.stage {
            Stage::Due(wait) => Stage::Due(wait.corrected(now)),
            other => other,
        };
        Self { stage, ..self }
    }

    /// When there will be something to do; `None` when only an operator can do it.
    pub fn next(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Due(wait) => Some(wait.end()),
            Stage::Claimed { until, .. } => Some(*until),
            Stage::Refused => None,
        }
    }

    /// The delivery as a worker named `by` takes it on at `now`; `None` when it is not its move. A claim that lies
    /// further ahead than any worker makes one was made by a clock that has been set back since; it counts as ended.
    pub fn claimed(&self, by: &str, now: Timestamp) -> Option<Self> {
        let open = match &self.stage {
            Stage::Due(wait) => wait.left(now).is_zero(),
            Stage::Claimed { until, .. } => *until <= now || *until > now + 2 * Self::CLAIMED_FOR,
            Stage::Refused => false,
        };
        open.then(|| Self {
            stage: Stage::Claimed {
                by: by.to_owned(),
                until: now + Self::CLAIMED_FOR,
            },
            ..self.clone()
        })
    }

    /// After a try at `now` that may be worth another. `jitter` is random, and spreads what failed together by a
    /// quarter of the pause either way.
    pub fn put_off(&self, reason: String, now: Timestamp, jitter: u8) -> Self {
        let index = usize::try_from(self.failures).unwrap_or(usize::MAX);
        let pause = 1000 * PAUSES[index.min(PAUSES.len() - 1)];
        // Whole milliseconds, as records keep them.
        let pause = Duration::from_millis(pause * 3 / 4 + pause * u64::from(jitter) / 510);
        Self {
            failures: self.failures.saturating_add(1),
            stage: Stage::Due(Wait {
                began: now,
                lasts: pause,
            }),
            last_error: Some(reason),
            ..self.clone()
        }
    }

    /// After a try at `now` of which nobody knows whether the mail server took the letter. One copy more than its owner
    /// needs is better than none (RFC 5321 section 6.1), so it is sent once more where no answer came at all; many would
    /// be no better, so the second time, and where the server answered something that is no answer, an operator
    /// decides.
    pub fn unknown(&self, reason: String, was_answered: bool, now: Timestamp) -> Self {
        let stage = if was_answered || self.may_be_taken {
            Stage::Refused
        } else {
            Stage::Due(Wait {
                began: now,
                lasts: Self::SECOND_COPY_AFTER,
            })
        };
        Self {
            failures: self.failures.saturating_add(1),
            may_be_taken: true,
            stage,
            last_error: Some(format!("it may have been taken: {reason}")),
        }
    }

    /// How a courier on the machine `node` calls itself in its claims.
    pub fn claimant(node: &str, courier: &str) -> String {
        format!("{courier}@{node}")
    }

    /// Whether a courier on the machine `node`, or on any, has a claim to it, however old.
    pub fn is_claimed_on(&self, node: Option<&str>) -> bool {
        let Stage::Claimed { by, .. } = &self.stage else {
            return false;
        };
        let on = by.split_once('@').map(|(_, on)| on);
        node.is_none() || node == on
    }

    /// After a try that the mail server refused for good.
    pub fn refused(&self, reason: String) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            stage: Stage::Refused,
            last_error: Some(reason),
            ..self.clone()
        }
    }

    /// As an operator sends it again: at once. `None` while a worker is at it.
    pub fn again(&self, now: Timestamp) -> Option<Self> {
        match self.stage {
            Stage::Claimed { .. } => None,
            Stage::Due(_) | Stage::Refused => Some(Self {
                may_be_taken: false,
                stage: Stage::due(now),
                ..self.clone()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{UserId, UserType};

    #[test]
    fn a_letter_is_about_an_activity_but_for_what_only_a_letter_tells() {
        let about: Vec<LetterKind> = ActivityKind::ALL
            .into_iter()
            .filter_map(LetterKind::of)
            .collect();
        for kind in LetterKind::ALL {
            let is_told_alone = matches!(kind, LetterKind::ResetRequested | LetterKind::TotpHeld);
            assert_ne!(about.contains(&kind), is_told_alone, "{kind}");
        }
    }

    #[test]
    fn letters_sort_by_age_and_their_names_are_read_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let older = LetterId::new(at(1_597_283_585), [0xff; 8]);
        let newer = LetterId::new(at(1_597_283_586), [0; 8]);
        assert!(older < newer);
        assert_eq!(older.as_str(), "1597283585000-ffffffffffffffff");
        assert_eq!(older.as_str().parse(), Ok(older.clone()));
        for text in [
            "",
            "1-2",
            "1597283585000-FFFFFFFFFFFFFFFF",
            "1597283585000-ffffffffffffffff/",
        ] {
            assert_eq!(text.parse::<LetterId>(), Err(LetterIdError), "{text:?}");
        }
    }

    #[test]
    fn tries_lie_further_and_further_apart_and_never_together() {
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        let mut delivery = Delivery::due(now);
        let mut waited = Vec::new();
        for _ in 0..9 {
            let sooner = delivery.put_off("busy".into(), now, 0);
            delivery = delivery.put_off("busy".into(), now, 255);
            let pause = |delivery: &Delivery| delivery.next().unwrap().duration_since(now);
            assert!(pause(&sooner) < pause(&delivery));
            waited.push(pause(&delivery).as_secs());
        }
        assert_eq!(waited, [6, 18, 37, 75, 150, 375, 750, 750, 750]);
        assert_eq!(delivery.failures, 9);
    }

    #[test]
    fn a_letter_that_may_have_been_taken_is_sent_once_more_at_most() {
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        let fresh = Delivery::due(now).put_off("451".into(), now, 0);
        let lost = fresh.unknown("closed".into(), false, now);
        assert_eq!(lost.next(), Some(now + Delivery::SECOND_COPY_AFTER));
        assert_eq!(lost.failures, 2);
        assert_eq!(
            lost.last_error.as_deref(),
            Some("it may have been taken: closed")
        );
        let busy = lost.put_off("451".into(), now, 0);
        let again = busy.unknown("closed".into(), false, now);
        assert_eq!(again.stage, Stage::Refused, "a third copy");
        let odd = fresh.unknown("apa kabar".into(), true, now);
        assert_eq!(odd.stage, Stage::Refused, "a second copy after an answer");
        let asked = again
            .again(now)
            .unwrap()
            .unknown("closed".into(), false, now);
        assert_ne!(asked.stage, Stage::Refused, "the operator asked for it");
    }

    #[test]
    fn one_worker_at_a_time_and_a_dead_ones_claim_ends() {
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        let claimed = Delivery::due(now).claimed("a", now).expect("it is due");
        assert_eq!(claimed.claimed("b", now), None);
        assert_eq!(claimed.again(now), None);
        let later = now + Delivery::CLAIMED_FOR;
        assert!(claimed.claimed("b", later).is_some());
        assert!(
            claimed
                .claimed("b", now - Duration::from_secs(86_400))
                .is_some()
        );
        assert_eq!(claimed.refused("550".into()).claimed("b", later), None);
        let put_off = claimed.put_off("busy".into(), later, 0);
        assert_eq!(put_off.claimed("a", later), None);
    }

    proptest! {
        /// A letter that has failed by whatever clock is tried again after its own pause from the first look, and is
        /// wanted for no longer than it was to be.
        #[test]
        fn a_letter_of_a_clock_ahead_waits_its_own_pause(
            recorded in -4_000_000_000i64..4_000_000_000,
            now in -4_000_000_000i64..4_000_000_000,
            failures in 0u32..12,
            jitter in any::<u8>(),
            is_claimed in any::<bool>(),
        ) {
            let at = |second| Timestamp::from_second(second).unwrap();
            let (recorded, now) = (at(recorded), at(now));
            let before = Delivery { failures, ..Delivery::due(recorded) };
            let longest = Duration::from_secs(750).max(2 * Delivery::CLAIMED_FOR);
            let delivery = match is_claimed {
                true => before.claimed("a", recorded).unwrap(),
                false => before.put_off("busy".into(), recorded, jitter),
            };
            let looked = delivery.corrected(now);
            let pause = now + longest;
            prop_assert!(looked.clone().corrected(pause).claimed("b", pause).is_some());
            if recorded <= now + Duration::from_secs(1) && !is_claimed {
                prop_assert_eq!(looked.claimed("b", now).is_some(), looked.next().unwrap() <= now);
            }
            if recorded > now && !is_claimed {
                prop_assert!(looked.claimed("b", now).is_none(), "a clock set back ends no pause");
            }
            let letter = Letter {
                at: recorded,
                good_until: recorded + Duration::from_secs(300_000),
                ..letter()
            };
            let looked = letter.clone().corrected(now);
            prop_assert_eq!(&looked.clone().corrected(now), &looked);
            let left = looked.good_until.duration_since(now).as_secs();
            prop_assert!(left <= 300_300);
            prop_assert_eq!(looked.id, letter.id);
        }
    }

    fn letter() -> Letter {
        let key = AccountKey::new(UserType::Penyedia, UserId::parse("CVMAJU").unwrap());
        let now = Timestamp::from_second(1_597_283_585).unwrap();
        Letter {
            id: LetterId::new(now, [7; 8]),
            account: key,
            name: PersonName::parse("CV Maju Bersama").unwrap(),
            address: EmailAddress::parse("cv@contoh.co.id").unwrap(),
            kind: LetterKind::TotpActivated,
            at: now,
            from: Source::Console("loket-1".into()),
            good_until: now,
        }
    }
}
