//! An account: everything that is kept about one person, as one record.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    activity::Activity,
    identity::{AccountKey, EmailAddress, PersonName},
    password::PasswordHash,
    recorded::{AHEAD, elapsed},
    source::{Source, SourceKey},
    throttle::{PasscodeThrottle, PasswordFailures, PasswordSchedule},
    word::words,
};

pub use super::authenticator::{Authenticator, PhoneClock, SealedSecret, TotpKey, TotpState};

words! {
    /// What an account may do besides looking after itself.
    #[derive(Default)]
    pub enum Role else UnknownRole {
        /// Nothing more.
        #[default]
        User = "user",
        /// Help others at the officer's desk (`petugas`). TOTP is always required of it, whatever the policy.
        Officer = "officer",
    }
}

impl Role {
    pub fn is_officer(self) -> bool {
        self == Self::Officer
    }
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the role is user or officer")]
pub struct UnknownRole;

/// The recovery codes of an account that are left. Their salted digests are sealed, so that neither the store alone nor
/// a look at it tells anything about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCodes {
    pub issued: Timestamp,
    /// How many have not been used.
    pub left: u8,
    /// The digests of those.
    pub digests: SealedSecret,
}

/// The password was made by an officer, is known to more than its owner, and opens nothing but its own replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneTimePassword {
    /// From then on it opens nothing at all.
    pub good_until: Timestamp,
}

impl OneTimePassword {
    /// Longer than this nobody needs to come home from the office and make a password of their own.
    pub const GOOD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

    /// One that is issued `now`.
    pub fn issued(now: Timestamp) -> Self {
        Self {
            good_until: now + Self::GOOD_FOR,
        }
    }

    /// Whether it opens anything `now`. Long before it was issued it does not either: a clock that is set back by years must
    /// not make it good for years.
    pub fn is_good(self, now: Timestamp) -> bool {
        let left = self.good_until.duration_since(now);
        let longest = Self::GOOD_FOR + AHEAD;
        // For one that has ended there is no such clock, not even one before 1970.
        self != Self::ended() && left.is_positive() && left.unsigned_abs() <= longest
    }

    /// The password as it counts from `now` on: one that a clock ahead has issued is good for its own time from now.
    pub fn corrected(self, now: Timestamp) -> Self {
        match self.is_good(now) {
            true => Self {
                good_until: self.good_until.min(now + Self::GOOD_FOR),
            },
            false => self,
        }
    }

    /// What it becomes once it was seen to be over: over for ever, whatever the clock says later.
    pub fn ended() -> Self {
        Self {
            good_until: Timestamp::UNIX_EPOCH,
        }
    }
}

/// A terminal or an address from which the owner logs in, and what was guessed there at the account's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSource {
    pub source: SourceKey,
    pub last_login: Timestamp,
    /// Wrong passwords since, which count here too so that guesses at other accounts cannot push them out of the source's
    /// own record.
    pub failures: Option<PasswordFailures>,
}

impl KnownSource {
    /// More than the places one person goes to.
    pub const KEPT: usize = 16;

    /// After this long without a login from there it is as any other.
    pub const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);
}

/// When and from where somebody last logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastLogin {
    pub at: Timestamp,
    pub from: Source,
}

/// Everything that is kept about one account, as one record with one conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub key: AccountKey,
    pub name: PersonName,
    pub email: EmailAddress,
    pub role: Role,
    pub password: PasswordHash,
    /// How often waits after wrong passwords were ended, wherever they were typed: those counted before the last time
    /// count no more.
    pub unlocks: u32,
    /// Set while the password is one that an officer has issued.
    pub one_time_password: Option<OneTimePassword>,
    /// Since when an officer has suspended the account: nobody logs in to it.
    pub suspended: Option<Timestamp>,
    /// Changes whenever every open login of the account must end (a new password, a removed and re-added account).
    pub generation: u64,
    pub authenticator: Authenticator,
    pub passcode_throttle: PasscodeThrottle,
    /// Codes on paper that stand in for the phone, each once. They belong to the key that is active and go with it.
    pub recovery: Option<RecoveryCodes>,
    pub created: Timestamp,
    pub last_login: Option<LastLogin>,
    /// Where the owner logs in from, the latest first, at most [`KnownSource::KEPT`].
    pub known_sources: Vec<KnownSource>,
    /// The newest first, at most [`Activity::KEPT`].
    pub activity: Vec<Activity>,
}

impl Account {
    /// An account that nobody has used yet: a plain user's, without TOTP, of generation 0.
    pub fn new(
        key: AccountKey,
        name: PersonName,
        email: EmailAddress,
        password: PasswordHash,
        created: Timestamp,
    ) -> Self {
        Self {
            key,
            name,
            email,
            role: Role::User,
            password,
            unlocks: 0,
            one_time_password: None,
            suspended: None,
            generation: 0,
            authenticator: Authenticator::Absent,
            passcode_throttle: PasscodeThrottle::default(),
            recovery: None,
            created,
            last_login: None,
            known_sources: Vec::new(),
            activity: Vec::new(),
        }
    }

    /// Notes a login from `source`: it is known from then on, and nothing counts against the account there.
    pub fn logged_in(&mut self, source: &Source, now: Timestamp) {
        let source = source.key();
        self.known_sources.retain(|known| known.source != source);
        self.known_sources.insert(
            0,
            KnownSource {
                source,
                last_login: now,
                failures: None,
            },
        );
        self.known_sources.truncate(KnownSource::KEPT);
    }

    /// What is known of `source`, if the owner logs in from there.
    pub fn known_source(&self, source: &Source, now: Timestamp) -> Option<&KnownSource> {
        let source = source.key();
        let mut known = self.known_sources.iter();
        known.find(|known| {
            known.source == source && elapsed(known.last_login, now) < KnownSource::KNOWN_FOR
        })
    }

    /// Counts a wrong password at a known source; elsewhere nothing is counted here.
    pub fn count_wrong_password(&mut self, source: &Source, now: Timestamp) {
        let source = source.key();
        for known in &mut self.known_sources {
            if known.source == source {
                let before = known.failures.map(|failures| failures.corrected(now));
                known.failures = Some(PasswordSchedule::PAIR.count(before.as_ref(), now));
            }
        }
    }

    /// Counts from now what a clock ahead has recorded about passwords: wrong ones at known sources, and how long an officer's
    /// is good.
    pub fn correct_passwords(&mut self, now: Timestamp) {
        self.one_time_password = self.one_time_password.map(|issued| issued.corrected(now));
        for known in &mut self.known_sources {
            known.failures = known.failures.map(|failures| failures.corrected(now));
        }
    }

    /// Forgets the wrong passwords at `source`.
    pub fn forget_wrong_passwords(&mut self, source: &Source) {
        let source = source.key();
        for known in &mut self.known_sources {
            if known.source == source {
                known.failures = None;
            }
        }
    }

    /// Puts `activity` before the others and forgets the oldest beyond [`Activity::KEPT`].
    pub fn note(&mut self, activity: Activity) {
        self.activity.insert(0, activity);
        self.activity.truncate(Activity::KEPT);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_one_time_password_holds_for_a_day_and_for_no_other() {
        let issued: Timestamp = "2020-08-13T01:53:05Z".parse().unwrap();
        let password = OneTimePassword::issued(issued);
        let hour = Duration::from_secs(60 * 60);
        // Issued by a clock ahead, it is good for a day from the first look.
        let looked = password.corrected(issued - 7 * hour);
        assert_eq!(looked, OneTimePassword::issued(issued - 7 * hour));
        assert_eq!(password.corrected(issued + hour), password);
        assert_eq!(password.corrected(issued + 25 * hour), password);
        for good in [
            issued - 14 * hour,
            issued,
            issued + 24 * hour - Duration::from_secs(1),
        ] {
            assert!(password.is_good(good), "{good}");
        }
        for over in [
            issued - 14 * hour - Duration::from_secs(1),
            issued + 24 * hour,
            Timestamp::UNIX_EPOCH - hour,
            Timestamp::MIN,
            Timestamp::MAX,
        ] {
            assert!(!password.is_good(over), "{over}");
            assert!(!OneTimePassword::ended().is_good(over), "{over}");
        }
        for good_until in [Timestamp::MIN, Timestamp::MAX] {
            assert!(!OneTimePassword { good_until }.is_good(issued));
        }
    }

    proptest! {
        /// Whatever clock issued it, and wherever the clock jumps: one that somebody has seen to be over stays over.
        #[test]
        fn a_one_time_password_that_was_over_stays_over(
            issued in 200_000i64..4_000_000_000,
            looks in proptest::collection::vec(
                prop_oneof![0i64..4_000_000_000, -100_000i64..100_000],
                1..40,
            ),
        ) {
            let at = |second| Timestamp::from_second(second).unwrap();
            let mut password = OneTimePassword::issued(at(issued));
            let mut is_over = false;
            for look in looks {
                let now = if look.abs() < 100_000 { issued + look } else { look };
                let is_good = password.is_good(at(now));
                prop_assert!(!(is_over && is_good), "{now}: it was over");
                if is_good {
                    prop_assert!((-50_400..86_400).contains(&(now - issued)), "{now}");
                } else {
                    is_over = true;
                    password = OneTimePassword::ended();
                }
            }
        }
    }
}
