//! Admission of a guess at a password: the account's own count decides where its owner logs in, the source's budget
//! elsewhere.

use jiff::Timestamp;

use super::{
    account::Account,
    source::Source,
    throttle::{Budget, Gate, Level, PasswordSchedule},
};

/// Whether a guess at a password is looked at, once its pair need not wait.
///
/// The answer to a wrong guess is the same either way, and so are the work and the time: only a right password shows
/// what was decided here, so a guesser learns neither which accounts there are nor which of them log in from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The account logs in from this source: its own count alone decides, kept with the account, where no number of guesses
    /// at others pushes it out.
    Known,
    /// It has not logged in from there, or there is no such account.
    Stranger,
    /// It is not looked at.
    Unheard(Unheard),
}

/// Why a guess is not looked at, for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// The account's own count at this source asks for a wait.
    Waiting,
    /// The source has made too many wrong guesses at accounts that do not log in from it.
    SourceSpent,
}

impl Unheard {
    /// The audit log's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "not-judged-waiting",
            Self::SourceSpent => "not-judged-source-spent",
        }
    }
}

impl Admission {
    /// How a guess at `account`, if there is one, from `source` is met, whose guesses at accounts that do not log in from it
    /// stand at `strangers`.
    pub fn of(
        account: Option<&Account>,
        source: &Source,
        strangers: Option<&Level>,
        now: Timestamp,
    ) -> Self {
        let Some(account) = account else {
            // Nothing can be guessed.
            return Self::Stranger;
        };
        match account.known_source(source, now) {
            Some(known) => {
                let failures = known.failures.map(|failures| failures.corrected(now));
                match PasswordSchedule::PAIR.gate(failures.as_ref(), now) {
                    Gate::Open => Self::Known,
                    Gate::Wait(_) | Gate::Held => Self::Unheard(Unheard::Waiting),
                }
            }
            None if Budget::of(source).has_room(strangers, now) => Self::Stranger,
            None => Self::Unheard(Unheard::SourceSpent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        EmailAddress, PasswordHash, PersonName, UserId, UserType, account::KnownSource,
        identity::AccountKey, password::HashCost,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn peer() -> Source {
        Source::Peer("192.0.2.7".parse().unwrap())
    }

    fn console() -> Source {
        Source::Console("loket-1".into())
    }

    #[test]
    fn who_logs_in_from_a_source_is_met_by_their_own_count_alone() {
        let mut account = Account::new(
            AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap()),
            PersonName::parse("Siti").unwrap(),
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            at(0),
        );
        let full = Level {
            height: Budget::MOST,
            at: at(0),
        };
        let of = |account: Option<&Account>, source: &Source, now| {
            Admission::of(account, source, Some(&full), now)
        };
        let spent = Admission::Unheard(Unheard::SourceSpent);
        assert_eq!(of(Some(&account), &peer(), at(0)), spent);
        assert_eq!(of(Some(&account), &peer(), at(60)), Admission::Stranger);
        assert_eq!(of(None, &peer(), at(0)), Admission::Stranger);
        account.logged_in(&peer(), at(0));
        assert_eq!(of(Some(&account), &peer(), at(0)), Admission::Known);
        assert_eq!(of(Some(&account), &console(), at(0)), spent);
        for _ in 0..4 {
            account.count_wrong_password(&peer(), at(0));
        }
        let waiting = Admission::Unheard(Unheard::Waiting);
        assert_eq!(of(Some(&account), &peer(), at(1)), waiting);
        assert_eq!(of(Some(&account), &peer(), at(2)), Admission::Known);
        account.forget_wrong_passwords(&peer());
        assert_eq!(of(Some(&account), &peer(), at(0)), Admission::Known);
        let after_a_season = at(91 * 24 * 3600);
        let empty = Admission::of(Some(&account), &peer(), None, after_a_season);
        assert_eq!(empty, Admission::Stranger);
        // A stranger who guesses puts no source among the known ones.
        account.count_wrong_password(&console(), at(0));
        assert_eq!(account.known_sources.len(), 1);
        for number in 0..100 {
            account.logged_in(&Source::Console(format!("loket-{number}")), at(1));
        }
        assert_eq!(account.known_sources.len(), KnownSource::KEPT);
    }
}
