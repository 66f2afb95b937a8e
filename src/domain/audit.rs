//! What the audit log is told: who, what, from where, with which outcome and true reason.
//!
//! The true reason goes here and nowhere else; a person at the screen learns only what they may know. No secret is a
//! part of any event, by type: there is no field that could hold one.

use super::{account::AccountKey, source::Source};

/// One event for the audit log; the log adds the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The account acted on, if the act concerns one. An unknown User ID is recorded as it was claimed.
    pub account: Option<AccountKey>,
    pub act: Act,
    pub outcome: AuditOutcome,
    pub from: Source,
}

/// What was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    CheckPassword,
    CheckPasscode,
    Login,
    Logout,
    StartEnrollment,
    ProveEnrollment,
    DisableTotp,
    ResetTotp,
    RequestReset,
    FindReset,
    ConfirmReset,
    DeliverLetter,
    RetryLetter,
    AddAccount,
    RemoveAccount,
    SetPassword,
    ImportAccounts,
    SetPolicy,
}

impl Act {
    /// In the order of their declaration.
    pub const ALL: [Self; 18] = [
        Self::CheckPassword,
        Self::CheckPasscode,
        Self::Login,
        Self::Logout,
        Self::StartEnrollment,
        Self::ProveEnrollment,
        Self::DisableTotp,
        Self::ResetTotp,
        Self::RequestReset,
        Self::FindReset,
        Self::ConfirmReset,
        Self::DeliverLetter,
        Self::RetryLetter,
        Self::AddAccount,
        Self::RemoveAccount,
        Self::SetPassword,
        Self::ImportAccounts,
        Self::SetPolicy,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckPassword => "check-password",
            Self::CheckPasscode => "check-passcode",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::StartEnrollment => "start-enrollment",
            Self::ProveEnrollment => "prove-enrollment",
            Self::DisableTotp => "disable-totp",
            Self::ResetTotp => "reset-totp",
            Self::RequestReset => "request-reset",
            Self::FindReset => "find-reset",
            Self::ConfirmReset => "confirm-reset",
            Self::DeliverLetter => "deliver-letter",
            Self::RetryLetter => "retry-letter",
            Self::AddAccount => "add-account",
            Self::RemoveAccount => "remove-account",
            Self::SetPassword => "set-password",
            Self::ImportAccounts => "import-accounts",
            Self::SetPolicy => "set-policy",
        }
    }
}

/// How it ended, with the true reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditOutcome {
    Done,
    /// A word for the reason, `wrong-password`, `unknown-account`, `spent-passcode`, ...
    Refused(&'static str),
    /// The act could not be carried out; the text comes from the store or the system.
    Failed(String),
}
