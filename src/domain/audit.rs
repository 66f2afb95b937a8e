//! What the audit log is told: who, what, from where, with which outcome and true reason.
//!
//! The true reason goes here and nowhere else; a person at the screen learns only what they may know. No secret is a
//! part of any event, by type: there is no field that could hold one.

use std::{borrow::Cow, str::FromStr};

use jiff::Timestamp;

use super::{account::AccountKey, source::Source};

/// One event for the audit log; the log adds the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The account acted on, if the act concerns one. An unknown User ID is recorded as it was claimed.
    pub account: Option<AccountKey>,
    pub act: Act,
    pub outcome: AuditOutcome,
    pub from: Source,
    /// The officer who acts, where it is not the account itself.
    pub by: Option<AccountKey>,
    /// What else belongs into the log: an officer's reason and what was seen, the policy that was set. No secret, and
    /// nothing that acts on a terminal.
    pub detail: Option<String>,
}

impl AuditEvent {
    /// `act` by whoever is at `from`, about no account in particular.
    pub fn new(act: Act, outcome: AuditOutcome, from: &Source) -> Self {
        Self {
            account: None,
            act,
            outcome,
            from: from.clone(),
            by: None,
            detail: None,
        }
    }

    /// The event as one about `account`.
    pub fn on(self, account: &AccountKey) -> Self {
        Self {
            account: Some(account.clone()),
            ..self
        }
    }

    /// The event as the act of the officer `by`.
    pub fn by(self, by: &AccountKey) -> Self {
        Self {
            by: Some(by.clone()),
            ..self
        }
    }

    /// The event with more to say.
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

/// Declares the acts, each with its one word in the log.
macro_rules! acts {
    ($($act:ident = $word:literal,)*) => {
        /// What was attempted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Act {
            $($act,)*
        }

        impl Act {
            pub const ALL: &[Self] = &[$(Self::$act,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$act => $word,)*
                }
            }
        }
    };
}

acts! {
    CheckPassword = "check-password",
    CheckPasscode = "check-passcode",
    Login = "login",
    Logout = "logout",
    StartEnrollment = "start-enrollment",
    ProveEnrollment = "prove-enrollment",
    DisableTotp = "disable-totp",
    ResetTotp = "reset-totp",
    RequestReset = "request-reset",
    FindReset = "find-reset",
    ConfirmReset = "confirm-reset",
    DeliverLetter = "deliver-letter",
    RetryLetter = "retry-letter",
    AddAccount = "add-account",
    RemoveAccount = "remove-account",
    SetPassword = "set-password",
    ImportAccounts = "import-accounts",
    SetPolicy = "set-policy",
    ChangePassword = "change-password",
    IssueRecoveryCodes = "issue-recovery-codes",
    UseRecoveryCode = "use-recovery-code",
    ShowAccount = "show-account",
    RevealEmail = "reveal-email",
    Unlock = "unlock",
    IssuePassword = "issue-password",
    CorrectEmail = "correct-email",
    Suspend = "suspend",
    Reinstate = "reinstate",
    EndLogins = "end-logins",
    ReadOutbox = "read-outbox",
    ReadAudit = "read-audit",
    SetRole = "set-role",
}

/// The word names no act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such act")]
pub struct UnknownAct;

impl FromStr for Act {
    type Err = UnknownAct;

    fn from_str(word: &str) -> Result<Self, UnknownAct> {
        let mut acts = Self::ALL.iter().copied();
        acts.find(|act| act.as_str() == word).ok_or(UnknownAct)
    }
}

/// One record of the audit log as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its number in the chain, from 1.
    pub seq: u64,
    pub at: Timestamp,
    /// Words as they stand in the log: a newer program may know acts that this one does not.
    pub act: String,
    pub outcome: String,
    pub reason: Option<String>,
    /// `non-penyedia/PPK30`.
    pub account: Option<String>,
    pub by: Option<String>,
    pub from: String,
    pub detail: Option<String>,
}

/// How it ended, with the true reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOutcome {
    Done,
    /// Recorded before an officer's act is done, so that none is done without a record of it.
    Intended,
    /// A word for the reason, `wrong-password`, `unknown-account`, `spent-passcode`, ...
    Refused(Cow<'static, str>),
    /// The act could not be carried out; the text comes from the store or the system.
    Failed(String),
}
