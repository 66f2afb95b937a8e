//! An account's activity: what its owner gets to see of what happened to it.

use jiff::Timestamp;

use super::{identity::AccountKey, source::Source, word::words};

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

words! {
    /// The kinds of activity, each with a stable word for files and records.
    pub enum ActivityKind {
        Login = "login",
        /// A wrong code after the right password: the owner should know.
        PasscodeRejected = "passcode-rejected",
        /// A code that had been accepted before, after the right password. It is mostly the owner's own, who was too quick,
        /// so it is told as no refusal; but it is told, for somebody may have looked over their shoulder.
        PasscodeRepeated = "passcode-repeated",
        /// Two codes of the phone let in, and told that its clock is off.
        PhoneClock = "phone-clock",
        /// A key was shown.
        EnrollmentStarted = "enrollment-started",
        TotpActivated = "totp-activated",
        TotpDisabled = "totp-disabled",
        /// A second phone makes codes too.
        PhoneAdded = "phone-added",
        /// One of two phones makes codes no more.
        PhoneRemoved = "phone-removed",
        /// TOTP was switched off by somebody else than the owner at home.
        TotpReset = "totp-reset",
        PasswordChanged = "password-changed",
        /// An officer gave out a password that must be changed at the next login.
        PasswordIssued = "password-issued",
        RecoveryCodesIssued = "recovery-codes-issued",
        RecoveryCodeUsed = "recovery-code-used",
        /// A wrong or used recovery code after the right password.
        RecoveryCodeRejected = "recovery-code-rejected",
        EmailChanged = "email-changed",
        Unlocked = "unlocked",
        Suspended = "suspended",
        Reinstated = "reinstated",
        LoginsEnded = "logins-ended",
        /// It became an officer's account, or a user's again.
        RoleChanged = "role-changed",
    }
}

impl ActivityKind {
    /// Whether it tells of an attempt that was turned down.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::PasscodeRejected | Self::RecoveryCodeRejected)
    }
}
