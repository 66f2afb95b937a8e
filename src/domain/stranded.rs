//! Accounts that are stranded: their owners wait long after wrong codes or passwords, or cannot go on at all without help.
//!
//! Only what counts with the account itself makes it stranded: wrong codes, which follow a right password, and wrong
//! passwords where its owner logs in. So whoever types User IDs anywhere else makes none of them stranded, and a User ID
//! that there is not never is.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    account::Account,
    recorded::{Wait, elapsed},
    throttle::{PASSCODE_FAILURES_HELD, PasswordSchedule},
    word::words,
};

words! {
    /// What an account is stranded by.
    pub enum Cause {
        /// Too many wrong codes: only a reset of TOTP ends it.
        Held = "held",
        Codes = "codes",
        Passwords = "passwords",
    }
}

/// How an account is stranded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranded {
    pub by: Cause,
    /// How many were wrong in a row.
    pub failures: u32,
    /// When the last of them was.
    pub since: Timestamp,
    /// How long its owner waits from then on, unless it is held.
    lasts: Duration,
}

impl Stranded {
    /// Shorter waits are over before anybody has come to an officer.
    pub const FROM: Duration = Duration::from_secs(60);

    /// Whoever has not tried for so long, though they may, has gone away or has helped themselves.
    pub const AWAITED_FOR: Duration = Duration::from_secs(60 * 60);

    /// How `account` is stranded, if it is. A suspended one is not: an officer has seen to that it opens for nobody.
    pub fn of(account: &Account) -> Option<Self> {
        if account.suspended.is_some() {
            return None;
        }
        let codes = Self::by_codes(account);
        if codes.is_some_and(|codes| codes.by == Cause::Held) {
            return codes;
        }
        let stranded = codes.into_iter().chain(Self::by_passwords(account));
        stranded.max_by_key(|stranded| stranded.since)
    }

    fn by_codes(account: &Account) -> Option<Self> {
        let throttle = &account.passcode_throttle;
        let held = throttle.failures >= PASSCODE_FAILURES_HELD;
        let last = throttle.last_failure.map(|since| (since, throttle.lasts()));
        let (since, lasts) = match held {
            // One that was held before anybody noted since when has been so for ever.
            true => last.unwrap_or((account.created, Duration::ZERO)),
            false => last.filter(|(_, lasts)| *lasts >= Self::FROM)?,
        };
        Some(Self {
            by: if held { Cause::Held } else { Cause::Codes },
            failures: throttle.failures,
            since,
            lasts,
        })
    }

    /// By the wrong passwords of the place where the last one was.
    fn by_passwords(account: &Account) -> Option<Self> {
        let known = account.known_sources.iter();
        let stranded = known.filter_map(|known| {
            let counted = known.failures?;
            let lasts = PasswordSchedule::PAIR.lasts(counted.failures);
            (lasts >= Self::FROM).then_some(Self {
                by: Cause::Passwords,
                failures: counted.failures,
                since: counted.last_failure,
                lasts,
            })
        });
        stranded.max_by_key(|stranded| stranded.since)
    }

    /// Whether its owner waits `now`, or may still be on their way to an officer.
    pub fn is_awaited(&self, now: Timestamp) -> bool {
        let wait = Wait {
            began: self.since,
            lasts: self.lasts,
        };
        let is_fresh = elapsed(self.since, now) < Self::AWAITED_FOR;
        self.by == Cause::Held || is_fresh || !wait.left(now).is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AccountKey, EmailAddress, PasswordHash, PersonName, Source, UserId, UserType,
        password::HashCost,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn account() -> Account {
        Account::new(
            AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap()),
            PersonName::parse("Siti").unwrap(),
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            at(-1000),
        )
    }

    fn by(account: &Account) -> Option<(Cause, u32)> {
        Stranded::of(account).map(|stranded| (stranded.by, stranded.failures))
    }

    #[test]
    fn wrong_codes_make_stranded_from_the_first_minute_on_and_hold_for_ever() {
        let mut account = account();
        for count in 1..=6 {
            account.passcode_throttle.count(at(0));
            assert_eq!(by(&account), None, "{count} wrong codes");
        }
        account.passcode_throttle.count(at(0));
        assert_eq!(by(&account), Some((Cause::Codes, 7)));
        let stranded = Stranded::of(&account).unwrap();
        assert!(stranded.is_awaited(at(0)) && stranded.is_awaited(at(3599)));
        assert!(!stranded.is_awaited(at(3600)));
        account.passcode_throttle.failures = PASSCODE_FAILURES_HELD;
        let held = Stranded::of(&account).unwrap();
        assert_eq!(held.by, Cause::Held);
        assert!(held.is_awaited(at(1_000_000_000)));
        // Neither a wait that an officer has ended, nor an account that opens for nobody.
        account.passcode_throttle.failures = 50;
        account.passcode_throttle.last_failure = None;
        assert_eq!(by(&account), None);
        account.passcode_throttle.count(at(0));
        account.suspended = Some(at(1));
        assert_eq!(by(&account), None);
    }

    #[test]
    fn wrong_passwords_count_where_the_owner_logs_in_and_nowhere_else() {
        let home = Source::Console("loket-1".into());
        let stranger = Source::Peer("192.0.2.7".parse().unwrap());
        let mut account = account();
        for _ in 0..1_000 {
            account.count_wrong_password(&stranger, at(0));
        }
        assert_eq!(by(&account), None);
        account.logged_in(&home, at(0));
        for _ in 0..7 {
            account.count_wrong_password(&home, at(1));
        }
        assert_eq!(by(&account), None);
        account.count_wrong_password(&home, at(1));
        assert_eq!(by(&account), Some((Cause::Passwords, 8)));
        // The later of the two is what they come for.
        for _ in 0..9 {
            account.passcode_throttle.count(at(2));
        }
        assert_eq!(by(&account), Some((Cause::Codes, 9)));
        account.count_wrong_password(&home, at(3));
        assert_eq!(by(&account), Some((Cause::Passwords, 9)));
        account.forget_wrong_passwords(&home);
        account.passcode_throttle = Default::default();
        assert_eq!(by(&account), None);
    }

    #[test]
    fn what_a_clock_ahead_has_recorded_is_awaited_from_now() {
        let mut account = account();
        for _ in 0..7 {
            account.passcode_throttle.count(at(1_000_000));
        }
        assert!(Stranded::of(&account).unwrap().is_awaited(at(0)));
    }
}
