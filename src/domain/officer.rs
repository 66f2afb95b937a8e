//! The officer's desk: what an officer (`petugas`) may do for others, what has to be said with it, and what is seen.
//!
//! Architecture invariant: nothing an officer is shown has room for a password, a secret, a code or a token. The one
//! exception is the one-time password that the officer's own act has made, shown once to be handed over.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

use super::{
    account::{LastLogin, PhoneClock, Role, TotpState},
    activity::{Activity, ActivityKind},
    audit::Act,
    authenticator::PhoneSeen,
    identity::{AccountKey, EmailAddress, PersonName, is_disguise},
    letter::LetterKind,
    passcode::Passcode,
    policy::LoginRules,
    stranded::Stranded,
    throttle::Gate,
    word::words,
};

/// Why an officer acts, or what was seen to know a person: a line of plain text for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(String);

/// Why a text is no statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("it is empty, or too short to tell anybody anything")]
    TooShort,
    #[error("it has more than 200 characters")]
    TooLong,
    #[error("it contains control or text-direction characters")]
    Control,
}

impl Statement {
    pub const MIN_CHARS: usize = 5;
    pub const MAX_CHARS: usize = 200;

    /// A statement in NFC; spaces around it do not count.
    pub fn parse(typed: &str) -> Result<Self, StatementError> {
        // Bounded before it is normalised, so that a pasted novel costs nothing.
        let bounded = typed.trim().chars().take(4 * Self::MAX_CHARS);
        let text: String = bounded.nfc().collect();
        if text.chars().any(is_disguise) {
            return Err(StatementError::Control);
        }
        match text.chars().count() {
            count if count < Self::MIN_CHARS => Err(StatementError::TooShort),
            count if count > Self::MAX_CHARS => Err(StatementError::TooLong),
            _ => Ok(Self(text)),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an officer does to somebody's account. Never to their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountAct {
    /// Ends the waits after wrong codes and wrong passwords. Wrong passwords are forgotten, wherever they were typed; the
    /// count of wrong codes stays, and a hold stays until TOTP is reset (NIST SP 800-63B-4 section 3.2.2).
    Unlock,
    /// Switches TOTP off, and ends a hold with it.
    ResetTotp,
    /// A password for one login, which must then be changed.
    IssuePassword,
    CorrectEmail(EmailAddress),
    Suspend,
    Reinstate,
    EndLogins,
}

words! {
    /// An act on an account, before all that it needs has been said.
    pub enum ActKind {
        Unlock = "unlock",
        ResetTotp = "reset-totp",
        IssuePassword = "issue-password",
        CorrectEmail = "correct-email",
        EndLogins = "end-logins",
        Suspend = "suspend",
        Reinstate = "reinstate",
    }
}

impl ActKind {
    /// Whether it takes something away from the owner.
    pub fn takes_away(self) -> bool {
        matches!(self, Self::ResetTotp | Self::EndLogins | Self::Suspend)
    }

    /// The act, with the new address where it is about one; `None` where that lacks.
    pub fn with(self, email: Option<EmailAddress>) -> Option<AccountAct> {
        Some(match self {
            Self::Unlock => AccountAct::Unlock,
            Self::ResetTotp => AccountAct::ResetTotp,
            Self::IssuePassword => AccountAct::IssuePassword,
            Self::CorrectEmail => AccountAct::CorrectEmail(email?),
            Self::EndLogins => AccountAct::EndLogins,
            Self::Suspend => AccountAct::Suspend,
            Self::Reinstate => AccountAct::Reinstate,
        })
    }

    /// As [`AccountAct::wants_identity`]: a new address always does.
    pub fn wants_identity(self) -> bool {
        self.with(None).is_none_or(|act| act.wants_identity())
    }
}

/// What belongs to an act, whoever gives the order for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActRow {
    /// The act in the audit log.
    pub act: Act,
    /// What the account's owner sees of it.
    pub activity: ActivityKind,
    /// Every open login of the account ends by it.
    pub ends_logins: bool,
    /// The person must have been known by a document, and the document told: what helps a stranger take an account over
    /// does.
    pub wants_identity: bool,
}

impl ActRow {
    /// The letter that tells the owner.
    pub fn letter(self) -> Option<LetterKind> {
        LetterKind::of(self.activity)
    }
}

impl AccountAct {
    /// What belongs to this act: its row in the list of all.
    pub fn row(&self) -> ActRow {
        let row = |act, activity, ends_logins, wants_identity| ActRow {
            act,
            activity,
            ends_logins,
            wants_identity,
        };
        use ActivityKind as Kind;
        match self {
            Self::Unlock => row(Act::Unlock, Kind::Unlocked, false, false),
            Self::ResetTotp => row(Act::ResetTotp, Kind::TotpReset, true, true),
            Self::IssuePassword => row(Act::IssuePassword, Kind::PasswordIssued, true, true),
            // A reset's link that is on its way to the old address must not outlive it.
            Self::CorrectEmail(_) => row(Act::CorrectEmail, Kind::EmailChanged, true, true),
            Self::Suspend => row(Act::Suspend, Kind::Suspended, true, false),
            Self::Reinstate => row(Act::Reinstate, Kind::Reinstated, false, false),
            Self::EndLogins => row(Act::EndLogins, Kind::LoginsEnded, true, false),
        }
    }

    /// Whether the person must have been known by a document ([`ActRow::wants_identity`]).
    pub fn wants_identity(&self) -> bool {
        self.row().wants_identity
    }
}

/// What an officer asks to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskAct {
    Account(AccountKey, AccountAct),
    SetRules(LoginRules),
}

/// An act with all that has to be said with it.
#[derive(Debug)]
pub struct Order {
    pub act: DeskAct,
    pub reason: Statement,
    /// The document by which the person was known, where the act wants it.
    pub seen: Option<Statement>,
    /// A fresh code of the officer's own phone, when one was asked for.
    pub passcode: Option<Passcode>,
}

/// Why an order is not carried out, though the officer may give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declined {
    /// Nobody acts on their own account at the desk: another officer does, or the command line.
    OwnAccount,
    /// There is no such account (any longer).
    Gone,
    /// It is so already.
    NothingToDo,
    /// The account is held, which only a reset of TOTP ends.
    Held,
    /// What was seen to know the person is missing.
    IdentityWanted,
}

/// An account in a list of those found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub key: AccountKey,
    pub name: PersonName,
    pub role: Role,
    pub totp: TotpState,
    pub suspended: bool,
    pub held: bool,
}

/// Where the next page of a search begins. It means something only to the search that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark(pub String);

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPage {
    pub accounts: Vec<Found>,
    /// `None` when this was the last page.
    pub next: Option<Bookmark>,
    /// Accounts that may match are not as they were written, and are not shown.
    pub has_altered: bool,
}

/// What the desk opens on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// From the one that got stranded last on.
    pub stranded: Vec<StrandedAccount>,
    /// There are more, which got stranded before these.
    pub has_more_stranded: bool,
    pub letters: FailingLetters,
    /// What officers did last, the newest first.
    pub acts: Vec<DoneAct>,
}

/// An account whose owner waits for help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrandedAccount {
    pub key: AccountKey,
    pub name: PersonName,
    pub stranded: Stranded,
}

/// Letters that the mail server did not take when they were tried, or will not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailingLetters {
    pub count: usize,
    /// There are letters that were not looked at, and may fail too.
    pub is_more: bool,
    /// When the oldest of them was written; `None` where there are none.
    pub oldest: Option<Timestamp>,
}

/// What an officer did, as the desk shows the last of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneAct {
    pub at: Timestamp,
    pub act: Act,
    /// Nobody's where it was done to the office as a whole.
    pub account: Option<AccountKey>,
    /// The officer.
    pub by: AccountKey,
}

/// All that an officer sees of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub key: AccountKey,
    pub name: PersonName,
    pub role: Role,
    /// `s***@contoh.go.id`, until the officer asks for it.
    pub masked_email: String,
    pub totp: TotpState,
    /// What the phone's clock was last seen to show, where it was off.
    pub phone_clock: Option<PhoneClock>,
    /// The phones of which codes let in.
    pub phones: Vec<PhoneSeen>,
    /// How long the account waits after wrong codes, or that it is held.
    pub gate: Gate,
    /// Wrong codes since the last full login.
    pub passcode_failures: u32,
    pub suspended: Option<Timestamp>,
    /// Until when a one-time password waits to be changed.
    pub one_time_password_until: Option<Timestamp>,
    /// Recovery codes that are left, where there were any.
    pub recovery_codes_left: Option<u8>,
    pub created: Timestamp,
    pub last_login: Option<LastLogin>,
    /// The newest first, at most [`Activity::KEPT`].
    pub activity: Vec<Activity>,
    /// It is the officer's own account, on which they do nothing here.
    pub is_own: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_act_is_seen_by_the_owner_told_by_letter_and_recorded_under_its_own_word() {
        let email = EmailAddress::parse("siti@contoh.go.id").unwrap();
        let with_email = |kind: ActKind| kind.with(Some(email.clone())).unwrap();
        let acts = ActKind::ALL.map(with_email);
        let words: BTreeSet<&str> = acts.iter().map(|act| act.row().act.as_str()).collect();
        assert_eq!(words.len(), acts.len());
        for act in acts {
            let letter = act.row().letter().expect("the owner is told of it");
            assert_eq!(letter.as_str(), act.row().activity.as_str(), "{act:?}");
        }
    }

    #[test]
    fn a_statement_says_something_and_acts_on_nothing() {
        assert_eq!(
            Statement::parse("  Ponsel hilang ").unwrap().as_str(),
            "Ponsel hilang"
        );
        assert_eq!(Statement::parse(" ok "), Err(StatementError::TooShort));
        assert_eq!(
            Statement::parse(&"x".repeat(201)),
            Err(StatementError::TooLong)
        );
        assert_eq!(
            Statement::parse(&"x".repeat(1_000_000)),
            Err(StatementError::TooLong)
        );
        for text in ["a\u{1b}[2Jbcdef", "abc\u{202e}def", "satu\ndua"] {
            assert_eq!(Statement::parse(text), Err(StatementError::Control));
        }
    }
}
