//! Proofs of a login, as far as it has come: kept by the session, never by a screen.

use crate::{
    domain::{
        AccountKey, Authenticated, AwaitingEnrollment, AwaitingPasscode, AwaitingPassword,
        account::LastLogin, reset::ResetSecret,
    },
    service::{EndedLogin, enrollment::ShownKey},
};

/// What the person at this terminal has proved so far.
#[derive(Debug, Default, Clone)]
pub enum Proofs {
    #[default]
    None,
    Password(AwaitingPasscode),
    /// A new key must be proved, which was shown.
    Enrolling(AwaitingEnrollment, ShownKey),
    /// Everything, by a one-time password.
    PasswordDue(AwaitingPassword),
    LoggedIn(LoggedIn),
    /// A letter's link or code, which stands for a reset that waits for its confirmation.
    ResetFound(ResetSecret),
}

/// A login, complete.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub authenticated: Authenticated,
    /// The login before this one.
    pub previous_login: Option<LastLogin>,
    /// The new key that was shown last in it.
    pub shown: Option<ShownKey>,
}

impl Proofs {
    /// The account of a login, complete or half-way, and the generation that the login is of.
    fn login(&self) -> Option<(&AccountKey, u64)> {
        match self {
            Self::Password(awaiting) => Some((awaiting.account(), awaiting.generation())),
            Self::Enrolling(awaiting, _) => Some((awaiting.account(), awaiting.generation())),
            Self::PasswordDue(awaiting) => Some((awaiting.account(), awaiting.generation())),
            Self::LoggedIn(LoggedIn { authenticated, .. }) => {
                Some((authenticated.account(), authenticated.generation()))
            }
            Self::None | Self::ResetFound(_) => None,
        }
    }

    /// Whether this login is among those that have ended.
    pub fn are_ended_by(&self, ended: &EndedLogin) -> bool {
        let login = self.login();
        login.is_some_and(|(account, generation)| ended.ends(account, generation))
    }
}
