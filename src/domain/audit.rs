//! An event for the audit log: who, what, from where, with which outcome and true reason.
//!
//! The true reason goes here and nowhere else; a person at the screen learns only what they may know. No secret is a
//! part of any event, by type: there is no field that could hold one.

use std::{borrow::Cow, fmt, str::FromStr};

use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::{identity::AccountKey, source::Source, word::words};

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

words! {
    /// What was attempted.
    pub enum Act else UnknownAct {
        CheckPassword = "check-password",
        CheckPasscode = "check-passcode",
        CheckTwoCodes = "check-two-codes",
        Login = "login",
        Logout = "logout",
        StartEnrollment = "start-enrollment",
        ProveEnrollment = "prove-enrollment",
        DisableTotp = "disable-totp",
        AddPhone = "add-phone",
        ProvePhone = "prove-phone",
        RemovePhone = "remove-phone",
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
        ShowPolicy = "show-policy",
        ChangePassword = "change-password",
        IssueRecoveryCodes = "issue-recovery-codes",
        UseRecoveryCode = "use-recovery-code",
        FindAccounts = "find-accounts",
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
        ResumeAudit = "resume-audit",
        RotateKey = "rotate-key",
        DropKey = "drop-key",
        CheckKeys = "check-keys",
        Backup = "backup",
        Restore = "restore",
        CopyStore = "copy-store",
        ForgetNode = "forget-node",
        BeginStore = "begin-store",
        SetRole = "set-role",
        CheckStore = "check-store",
        FindAltered = "find-altered",
        AcceptAltered = "accept-altered",
        NoteHead = "note-head",
    }
}

/// The word names no act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such act")]
pub struct UnknownAct;

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

impl AuditOutcome {
    /// How it ended, without the reason.
    pub fn word(&self) -> OutcomeWord {
        match self {
            Self::Done => OutcomeWord::Done,
            Self::Intended => OutcomeWord::Intended,
            Self::Refused(_) => OutcomeWord::Refused,
            Self::Failed(_) => OutcomeWord::Failed,
        }
    }

    /// The true reason, where there is one to tell.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Done | Self::Intended => None,
            Self::Refused(reason) => Some(reason),
            Self::Failed(reason) => Some(reason),
        }
    }
}

words! {
    /// How an act ended, in a word.
    pub enum OutcomeWord else UnknownOutcome {
        Done = "done",
        Intended = "intended",
        Refused = "refused",
        Failed = "failed",
    }
}

/// The word names no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such outcome")]
pub struct UnknownOutcome;

/// An event as it stands in the log. Its texts are what was recorded: they may hold what acts on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The records of one log count from 1, without a gap.
    pub seq: u64,
    pub at: Timestamp,
    /// The word of an [`Act`]; a newer program may have recorded one that this one does not know.
    pub act: String,
    pub outcome: OutcomeWord,
    pub reason: Option<String>,
    pub account: Option<AccountKey>,
    /// The officer who acted, where it was not the account itself.
    pub by: Option<AccountKey>,
    /// `console:loket-1`, `peer:192.0.2.7`.
    pub from: String,
    pub detail: Option<String>,
}

/// The digest (SHA-256) that a record closes with, and the next one begins from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecordHash([u8; Self::LENGTH]);

impl RecordHash {
    pub const LENGTH: usize = 32;

    /// What the first record of a log begins from.
    pub const BEFORE_THE_FIRST: Self = Self([0; Self::LENGTH]);

    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is no digest of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record's digest is 64 digits of 0-9 and a-f")]
pub struct NoRecordHash;

impl FromStr for RecordHash {
    type Err = NoRecordHash;

    fn from_str(text: &str) -> Result<Self, NoRecordHash> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NoRecordHash)?;
        bytes.try_into().map(Self).map_err(|_| NoRecordHash)
    }
}

/// A place in a log's chain: a record, and the digest it closes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    pub seq: u64,
    pub hash: RecordHash,
}

impl AuditHead {
    /// Where a log begins: before its first record.
    pub const START: Self = Self {
        seq: 0,
        hash: RecordHash::BEFORE_THE_FIRST,
    };
}
