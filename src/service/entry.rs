//! Entry: the one place where a login is granted, whatever it was proved by, and what home is then shown.

use super::decision::Attempt;
use crate::domain::{
    Account, Activity, ActivityKind, Authenticated, AwaitingPassword, PersonName, Policy, Proved,
    account::LastLogin, audit::Act, policy::LoginRules, recovery::RecoveryState, totp::Drift,
};

/// A login that was granted, with what home shows.
#[derive(Debug)]
pub struct Granted {
    pub authenticated: Authenticated,
    pub account: Account,
    pub policy: Policy,
    /// The account's recovery codes, where they are of use to it.
    pub recovery: Option<RecoveryState>,
    /// The login before this one.
    pub previous_login: Option<LastLogin>,
    /// The code of this login also put a pending key in force.
    pub activated: bool,
    /// How far the phone's clock is off, where two codes of it had to be shown.
    pub drift: Option<Drift>,
}

impl Granted {
    /// The login of `authenticated` to `account`, by `rules`. It is worth something only once `account` is stored.
    pub fn of(authenticated: Authenticated, account: Account, rules: LoginRules) -> Self {
        Self {
            authenticated,
            policy: rules.policy.asked_of(account.role),
            recovery: RecoveryState::of(&account, rules),
            account,
            previous_login: None,
            activated: false,
            drift: None,
        }
    }
}

/// Everything is proved, but the password is an officer's: it must be replaced before the login is granted.
#[derive(Debug)]
pub struct PasswordDue {
    pub awaiting: AwaitingPassword,
    /// Whose password it is: no part of a name is a good one.
    pub name: PersonName,
}

/// What it leads to that everything is proved.
#[derive(Debug)]
pub enum Entered {
    Granted(Box<Granted>),
    PasswordDue(PasswordDue),
}

/// Lets in whoever has `proved` all that `rules` ask, and notes the login in `account`; it is granted by the commit that
/// stores the account so. Whose password must be replaced first is not let in yet, and nothing is noted.
pub(super) fn enter(
    proved: Proved,
    account: &mut Account,
    rules: LoginRules,
    attempt: Attempt<'_>,
) -> Entered {
    match proved {
        Proved::LoggedIn(authenticated) => {
            Entered::Granted(let_in(authenticated, account, rules, attempt))
        }
        Proved::PasswordDue(awaiting) => Entered::PasswordDue(PasswordDue {
            awaiting,
            name: account.name.clone(),
        }),
    }
}

/// Notes the login of `authenticated` in `account`; it is granted by the commit that stores the account so.
pub(super) fn let_in(
    authenticated: Authenticated,
    account: &mut Account,
    rules: LoginRules,
    attempt: Attempt<'_>,
) -> Box<Granted> {
    let Attempt { from, now, .. } = attempt;
    account.note(Activity::of_owner(now, ActivityKind::Login, from));
    account.logged_in(from, now);
    let previous_login = account.last_login.replace(LastLogin {
        at: now,
        from: from.clone(),
    });
    Box::new(Granted {
        previous_login,
        ..Granted::of(authenticated, account.clone(), rules)
    })
}

impl Entered {
    /// The same, where the code that was shown may have put a pending key in force.
    pub(super) fn with_activated(mut self, activated: bool) -> Self {
        if let Self::Granted(granted) = &mut self {
            granted.activated = activated;
        }
        self
    }

    /// The same, by codes that told how far the phone's clock is off.
    pub(super) fn with_drift(mut self, drift: Option<Drift>) -> Self {
        if let Self::Granted(granted) = &mut self {
            granted.drift = drift;
        }
        self
    }

    /// What is recorded of it besides the proof: a login, if it is one.
    pub(super) fn act(&self) -> Option<Act> {
        match self {
            Self::Granted(_) => Some(Act::Login),
            Self::PasswordDue(_) => None,
        }
    }
}
