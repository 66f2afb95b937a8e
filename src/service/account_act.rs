//! What the acts of the officer's desk do to an account, whichever door they come through: the desk's, where an officer
//! answers for them, or the command line's, where whoever may run it on the machine does.
//!
//! Every act is recorded as intended, with all that was said about it, before anything is done; then it is one commit
//! of the changed account, the owner's letters and, at the desk, the officer's standing; then it is recorded as done,
//! and only then answered.

use jiff::Timestamp;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::{
    Foundation, ServiceError,
    decision::{Deed, NotDone},
};
use crate::{
    domain::{
        Account, AccountKey, Activity, Authenticated, Authenticator, IssuedPassword, PasswordHash,
        PlainPassword, Refusal, Source,
        account::OneTimePassword,
        audit::{AuditEvent, AuditOutcome},
        officer::{AccountAct, Declined, DoneAct, Statement},
        throttle::{Gate, PasscodeThrottle},
    },
    store::{Commit, accounts::Read, desk_acts},
};

/// Whose hand an act is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hand<'a> {
    Officer(&'a Authenticated, &'a Said),
    /// Whoever may run it; why, where it was told.
    Command(Option<&'a Statement>),
}

/// What an officer said with an order.
#[derive(Debug)]
pub(super) struct Said {
    pub reason: Statement,
    pub seen: Option<Statement>,
}

impl Said {
    /// `what` and all that was said, for the audit log. Statements stand in quotation marks, so that none can pass for
    /// another.
    pub fn after(&self, what: Option<String>) -> String {
        let mut detail = with_reason(what, &self.reason);
        if let Some(seen) = &self.seen {
            detail.push_str(&format!(", seen {:?}", seen.as_str()));
        }
        detail
    }
}

/// `what` and the reason for it, for the audit log.
fn with_reason(what: Option<String>, reason: &Statement) -> String {
    let what = what.map(|what| what + ", ").unwrap_or_default();
    format!("{what}reason {:?}", reason.as_str())
}

impl Hand<'_> {
    pub fn by(&self) -> Option<&AccountKey> {
        match self {
            Self::Officer(who, _) => Some(who.account()),
            Self::Command(_) => None,
        }
    }

    /// `what` and all that was said with it, for the audit log.
    pub fn detail(&self, what: Option<String>) -> Option<String> {
        match self {
            Self::Officer(_, said) => Some(said.after(what)),
            Self::Command(Some(reason)) => Some(with_reason(what, reason)),
            Self::Command(None) => what,
        }
    }
}

/// Why an act is not done.
#[derive(Debug)]
pub(super) enum Undone {
    /// Whoever asks may not give it now.
    Refused(Refusal),
    /// They may, and it cannot be done.
    Declined(Declined),
}

impl From<NotDone> for NotDone<Undone> {
    fn from(refused: NotDone) -> Self {
        refused.told(Undone::Refused)
    }
}

impl NotDone<Undone> {
    pub fn declined(declined: Declined) -> Self {
        Self::denied(Undone::Declined(declined), word(declined))
    }
}

impl Foundation {
    /// The account of an officer who is logged in by `who`, as it is now.
    pub(super) async fn officer(&self, who: &Authenticated) -> Result<Read, NotDone> {
        let read = self.accounts().read(who.account()).await?;
        let read = read.filter(|read| read.account.generation == who.generation());
        let read = read.ok_or_else(NotDone::ended_login)?;
        if read.account.suspended.is_some() {
            return Err(NotDone::denied(Refusal::Suspended, "suspended"));
        }
        if !read.account.role.is_officer() {
            return Err(NotDone::denied(Refusal::Ended, "not-officer"));
        }
        // Another login of the same officer may have switched it off, and awaits its new key.
        if !read.account.authenticator.is_active() {
            return Err(NotDone::denied(Refusal::Ended, "no-authenticator"));
        }
        Ok(read)
    }

    /// Does `act` to the account `key` and records it, whatever comes of it: the account as it is then, and the one-time
    /// password if one was issued.
    pub(super) async fn act_on(
        &self,
        key: &AccountKey,
        act: &AccountAct,
        hand: Hand<'_>,
        from: &Source,
    ) -> Result<Result<(Account, Option<IssuedPassword>), Undone>, ServiceError> {
        let row = act.row();
        let asked = AuditEvent {
            by: hand.by().cloned(),
            detail: hand.detail(target(act, None)),
            ..AuditEvent::new(row.act, AuditOutcome::Intended, from).on(key)
        };
        let issued = OnceCell::new();
        let acted = self.decide(
            &asked,
            || self.read_to_act(key, act, hand, &issued),
            |(read, standing), attempt| {
                let now = attempt.now;
                if let Some(declined) = speaks_against(act, &read.account, hand, now) {
                    return Err(NotDone::declined(declined));
                }
                let mut account = read.account.clone();
                let issued = issued.get().map(|(_, hash)| hash);
                change(act, &mut account, issued, now);
                if row.ends_logins {
                    account.generation = account.generation.wrapping_add(1);
                }
                account.note(Activity {
                    by: hand.by().cloned(),
                    ..Activity::of_owner(now, row.activity, from)
                });
                let mut commit = read.replace(&account);
                if let Some(standing) = standing {
                    commit = commit.and(standing);
                }
                if let Some(by) = hand.by() {
                    let done = DoneAct {
                        at: now,
                        act: row.act,
                        account: Some(key.clone()),
                        by: by.clone(),
                    };
                    commit = desk_acts::noted(commit, &done);
                }
                if let Some(letter) = row.letter() {
                    // Whoever owns the address before must hear of it there.
                    if read.account.email != account.email {
                        commit = self.notice(commit, &read.account, letter, attempt);
                    }
                    commit = self.notice(commit, &account, letter, attempt);
                }
                let event = AuditEvent {
                    detail: hand.detail(target(act, Some(&read.account))),
                    ..asked.clone()
                };
                let deed = Deed::of(commit, account).saying(event).announced();
                Ok(match row.ends_logins {
                    true => deed.ending_logins(key),
                    false => deed,
                })
            },
        );
        let acted = acted.await?;
        let password = issued.into_inner().map(|(password, _)| password);
        Ok(acted.map(|account| (account, password)))
    }

    /// The account that is acted on, and that whoever acts still may; with a new password in `issued`, if it wants one.
    async fn read_to_act(
        &self,
        key: &AccountKey,
        act: &AccountAct,
        hand: Hand<'_>,
        issued: &OnceCell<(IssuedPassword, PasswordHash)>,
    ) -> Result<(Read, Option<Commit>), NotDone<Undone>> {
        let standing = match hand {
            Hand::Command(_) => None,
            Hand::Officer(who, _) => Some(self.officer(who).await?.unchanged()),
        };
        let read = self.accounts().read(key).await?;
        let read = read.ok_or_else(|| NotDone::declined(Declined::Gone))?;
        if *act == AccountAct::IssuePassword {
            let new = || self.new_password(&read.account);
            issued.get_or_try_init(new).await?;
        }
        Ok((read, standing))
    }

    /// A password for one login of `account`, and its hash.
    async fn new_password(
        &self,
        account: &Account,
    ) -> Result<(IssuedPassword, PasswordHash), ServiceError> {
        let context = [
            account.key.user_id.as_str(),
            account.name.as_str(),
            account.email.as_str(),
        ];
        loop {
            let random = Zeroizing::new(self.random_bytes::<{ PlainPassword::ISSUE_BYTES }>());
            let text = PlainPassword::issued(&random);
            // Chance may write anything, even what the rules refuse.
            if let Ok(password) = PlainPassword::chosen(text.as_str(), &context) {
                let salt = self.random_bytes();
                let hash = self.hashing.hash(password, salt, self.hash_cost).await?;
                return Ok((text, hash));
            }
        }
    }
}

/// What an act aims at, for the audit log; addresses are masked.
pub(super) fn target(act: &AccountAct, before: Option<&Account>) -> Option<String> {
    let AccountAct::CorrectEmail(email) = act else {
        return None;
    };
    let to = format!("to {}", email.masked());
    Some(match before {
        Some(before) => format!("from {} {to}", before.email.masked()),
        None => to,
    })
}

/// What speaks against an act on the account as it is.
fn speaks_against(
    act: &AccountAct,
    account: &Account,
    hand: Hand<'_>,
    now: Timestamp,
) -> Option<Declined> {
    let is_so = match act {
        // Whether anybody waits after wrong passwords, only the records of their sources tell: it is ended in any case.
        AccountAct::Unlock => match account.passcode_throttle.gate(now) {
            Gate::Held => return Some(Declined::Held),
            Gate::Open | Gate::Wait(_) => false,
        },
        // A script that repeats its commands relies on what they leave behind, not on what they found.
        AccountAct::ResetTotp => {
            matches!(hand, Hand::Officer(..))
                && account.authenticator == Authenticator::Absent
                && account.passcode_throttle == PasscodeThrottle::default()
        }
        AccountAct::CorrectEmail(email) => account.email == *email,
        AccountAct::Suspend => account.suspended.is_some(),
        AccountAct::Reinstate => account.suspended.is_none(),
        AccountAct::IssuePassword | AccountAct::EndLogins => false,
    };
    is_so.then_some(Declined::NothingToDo)
}

/// Makes `account` what `act` makes of it.
fn change(act: &AccountAct, account: &mut Account, issued: Option<&PasswordHash>, now: Timestamp) {
    match act {
        AccountAct::Unlock => {
            // The count stays: whoever goes on guessing codes meets the next wait.
            account.passcode_throttle.last_failure = None;
            account.unlocks = account.unlocks.wrapping_add(1);
            for known in &mut account.known_sources {
                known.failures = None;
            }
        }
        AccountAct::ResetTotp => {
            account.authenticator = Authenticator::Absent;
            account.recovery = None;
            account.passcode_throttle = PasscodeThrottle::default();
        }
        AccountAct::IssuePassword => {
            if let Some(hash) = issued {
                account.password = hash.clone();
                account.one_time_password = Some(OneTimePassword::issued(now));
            }
        }
        AccountAct::CorrectEmail(email) => account.email = email.clone(),
        AccountAct::Suspend => account.suspended = Some(now),
        AccountAct::Reinstate => account.suspended = None,
        AccountAct::EndLogins => {}
    }
}

/// The audit log's word for why an order was declined.
pub(super) fn word(declined: Declined) -> &'static str {
    match declined {
        Declined::OwnAccount => "own-account",
        Declined::Gone => "unknown-account",
        Declined::NothingToDo => "nothing-to-do",
        Declined::Held => "held",
        Declined::IdentityWanted => "identity-wanted",
    }
}
