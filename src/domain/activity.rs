//! An account's activity: what its owner gets to see of what happened to it.

use jiff::Timestamp;

use super::{identity::AccountKey, source::Source};

/// One thing that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    pub at: Timestamp,
    pub kind: ActivityKind,
    pub from: Source,
    /// The officer who did it, where it was not the owner.
    pub by: Option<AccountKey>,
}

impl Activity {
    /// How many an account's record keeps.
    pub const KEPT: usize = 20;

    /// What the account's owner did, or whoever passes for them.
    pub fn of_owner(at: Timestamp, kind: ActivityKind, from: &Source) -> Self {
        Self {
            at,
            kind,
            from: from.clone(),
            by: None,
        }
    }
}

/// The kinds of activity, each with a stable word for files and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityKind {
    Login,
    /// A wrong or spent code after the right password: the owner should know.
    PasscodeRejected,
    /// A key was shown.
    EnrollmentStarted,
    TotpActivated,
    TotpDisabled,
    /// TOTP was switched off by somebody else than the owner at home.
    TotpReset,
    PasswordChanged,
    /// An officer gave out a password that must be changed at the next login.
    PasswordIssued,
    RecoveryCodesIssued,
    RecoveryCodeUsed,
    /// A wrong or used recovery code after the right password.
    RecoveryCodeRejected,
    EmailChanged,
    Unlocked,
    Suspended,
    Reinstated,
    LoginsEnded,
}

impl ActivityKind {
    pub const ALL: [Self; 16] = [
        Self::Login,
        Self::PasscodeRejected,
        Self::EnrollmentStarted,
        Self::TotpActivated,
        Self::TotpDisabled,
        Self::TotpReset,
        Self::PasswordChanged,
        Self::PasswordIssued,
        Self::RecoveryCodesIssued,
        Self::RecoveryCodeUsed,
        Self::RecoveryCodeRejected,
        Self::EmailChanged,
        Self::Unlocked,
        Self::Suspended,
        Self::Reinstated,
        Self::LoginsEnded,
    ];

    /// Whether it tells of an attempt that was turned down.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::PasscodeRejected | Self::RecoveryCodeRejected)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::PasscodeRejected => "passcode-rejected",
            Self::EnrollmentStarted => "enrollment-started",
            Self::TotpActivated => "totp-activated",
            Self::TotpDisabled => "totp-disabled",
            Self::TotpReset => "totp-reset",
            Self::PasswordChanged => "password-changed",
            Self::PasswordIssued => "password-issued",
            Self::RecoveryCodesIssued => "recovery-codes-issued",
            Self::RecoveryCodeUsed => "recovery-code-used",
            Self::RecoveryCodeRejected => "recovery-code-rejected",
            Self::EmailChanged => "email-changed",
            Self::Unlocked => "unlocked",
            Self::Suspended => "suspended",
            Self::Reinstated => "reinstated",
            Self::LoginsEnded => "logins-ended",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
