//! Answers that several stages give: home, a refusal, a key to be shown, a password that is due.

use crate::{
    domain::{AwaitingEnrollment, Refusal, account::LastLogin},
    service::{
        ServiceError,
        enrollment::{NewKey, ProveOutcome},
        entry::{Granted, PasswordDue},
        own_password::ChangeOutcome,
    },
    session::proofs::{LoggedIn, Proofs},
    tui::{HomeNotice, HomeView, Reply},
};

/// What becomes of a request: the answer for the screen, and the proofs from now on.
pub type Attempted = Result<(Reply, Proofs), ServiceError>;

pub fn home(granted: Granted, notice: Option<HomeNotice>) -> (Reply, Proofs) {
    let (view, proofs) = at_home(granted, notice);
    (Reply::Home(Box::new(view)), proofs)
}

/// What home shows of a login, and the proof of that login.
pub fn at_home(granted: Granted, notice: Option<HomeNotice>) -> (HomeView, Proofs) {
    let account = granted.account;
    let view = HomeView {
        account: account.key,
        name: account.name,
        role: account.role,
        totp: account.authenticator.state(),
        phones: account.authenticator.phones_seen(),
        policy: granted.policy,
        recovery: granted.recovery,
        last_login: granted.previous_login.clone(),
        activity: account.activity,
        notice,
        clock: None,
    };
    let proofs = Proofs::LoggedIn(LoggedIn {
        authenticated: granted.authenticated,
        previous_login: granted.previous_login,
        shown: None,
    });
    (view, proofs)
}

pub fn password_due(due: PasswordDue) -> (Reply, Proofs) {
    let reply = Reply::PasswordDue {
        account: due.awaiting.account().clone(),
        name: due.name,
    };
    (reply, Proofs::PasswordDue(due.awaiting))
}

/// A new key to be shown to somebody who cannot get home without it.
pub fn enrolling(awaiting: AwaitingEnrollment, key: NewKey) -> (Reply, Proofs) {
    let proofs = Proofs::Enrolling(awaiting, key.shown);
    (enrollment(key, true), proofs)
}

/// A new key to be shown.
pub fn enrollment(key: NewKey, compulsory: bool) -> Reply {
    let NewKey {
        provisioning,
        codes_follow,
        ..
    } = key;
    Reply::Enrollment {
        provisioning,
        compulsory,
        codes_follow,
    }
}

/// What became of the first code of a new key; `before` are the proofs that a refusal leaves.
pub fn proved(
    outcome: ProveOutcome,
    previous_login: Option<LastLogin>,
    before: Proofs,
) -> (Reply, Proofs) {
    match outcome {
        ProveOutcome::Refused(refusal) => refused(refusal, before),
        ProveOutcome::Activated(mut granted) => {
            granted.previous_login = granted.previous_login.or(previous_login);
            home(*granted, Some(HomeNotice::TotpActivated))
        }
        ProveOutcome::PasswordDue(due) => password_due(due),
    }
}

/// What became of a password's change, of which home tells `notice`; `before` are the proofs that a refusal leaves.
pub fn changed(
    outcome: ChangeOutcome,
    notice: HomeNotice,
    previous_login: Option<LastLogin>,
    before: Proofs,
) -> (Reply, Proofs) {
    match outcome {
        ChangeOutcome::Changed(mut granted) => {
            granted.previous_login = granted.previous_login.or(previous_login);
            home(*granted, Some(notice))
        }
        ChangeOutcome::Refused(refusal) => refused(refusal, before),
    }
}

/// A refusal, with the proofs it leaves: none when the login is no longer valid.
pub fn refused(refusal: Refusal, proofs: Proofs) -> (Reply, Proofs) {
    let proofs = match refusal.ends_login() {
        true => Proofs::None,
        false => proofs,
    };
    (Reply::Refused(refusal), proofs)
}
