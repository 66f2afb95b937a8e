//! What an account's owner gets to see of what happened to the account.

use jiff::Timestamp;

use super::source::Source;

/// One thing that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    pub at: Timestamp,
    pub kind: ActivityKind,
    pub from: Source,
}

impl Activity {
    /// How many an account's record keeps.
    pub const KEPT: usize = 20;
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
}

impl ActivityKind {
    pub const ALL: [Self; 7] = [
        Self::Login,
        Self::PasscodeRejected,
        Self::EnrollmentStarted,
        Self::TotpActivated,
        Self::TotpDisabled,
        Self::TotpReset,
        Self::PasswordChanged,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::PasscodeRejected => "passcode-rejected",
            Self::EnrollmentStarted => "enrollment-started",
            Self::TotpActivated => "totp-activated",
            Self::TotpDisabled => "totp-disabled",
            Self::TotpReset => "totp-reset",
            Self::PasswordChanged => "password-changed",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
