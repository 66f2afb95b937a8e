//! What the acts of the officer's desk do to an account, whichever door they come through: the desk's, where an officer
//! answers for them, or the command line's, where whoever may run it on the machine does.
//!
//! Every act is recorded as intended, with all that was said about it, before anything is done; then it is one commit
//! of the changed account, the owner's letters and, at the desk, the officer's standing; then it is recorded as done,
//! and only then answered.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Foundation, Refusal, ServiceError};
use crate::{
    domain::{
        Account, AccountKey, Activity, Authenticated, Authenticator, IssuedPassword, PasswordHash,
        PlainPassword, Source,
        account::OneTimePassword,
        audit::{AuditEvent, AuditOutcome},
        officer::{AccountAct, Declined, Statement},
        throttle::{Gate, PasscodeThrottle},
    },
    store::{Outcome, StoreError, accounts::Read},
};

/// Whose hand an act is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hand<'a> {
    Officer(&'a Authenticated, &'a Said),
    CommandLine,
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
        let mut detail = what.map(|what| what + ", ").unwrap_or_default();
        detail.push_str(&format!("reason {:?}", self.reason.as_str()));
        if let Some(seen) = &self.seen {
            detail.push_str(&format!(", seen {:?}", seen.as_str()));
        }
        detail
    }
}

impl Hand<'_> {
    pub fn by(&self) -> Option<&AccountKey> {
        match self {
            Self::Officer(who, _) => Some(who.account()),
            Self::CommandLine => None,
        }
    }

    fn detail(&self, what: Option<String>) -> Option<String> {
        match self {
            Self::Officer(_, said) => Some(said.after(what)),
            Self::CommandLine => what,
        }
    }
}

/// Why somebody may not act as an officer now.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoOfficer {
    pub refusal: Refusal,
    pub reason: &'static str,
}

/// What came of an act on an account.
#[derive(Debug)]
pub(super) enum Acted {
    Refused(NoOfficer),
    Declined(Declined),
    Done(Box<Account>, Option<IssuedPassword>),
}

impl Foundation {
    /// The account of an officer who is logged in by `who`, as it is now.
    pub(super) async fn officer(
        &self,
        who: &Authenticated,
    ) -> Result<Result<Read, NoOfficer>, StoreError> {
        let read = self.accounts().read(who.account()).await?;
        let no = |refusal, reason| Ok(Err(NoOfficer { refusal, reason }));
        let Some(read) = read.filter(|read| read.account.generation == who.generation()) else {
            return no(Refusal::Ended, "ended-login");
        };
        if read.account.suspended.is_some() {
            return no(Refusal::Suspended, "suspended");
        }
        if !read.account.role.is_officer() {
            return no(Refusal::Ended, "not-officer");
        }
        // Another login of the same officer may have switched it off, and awaits its new key.
        if !read.account.authenticator.is_active() {
            return no(Refusal::Ended, "no-authenticator");
        }
        Ok(Ok(read))
    }

    /// Does `act` to the account `key` and records it, whatever comes of it.
    pub(super) async fn act_on(
        &self,
        key: &AccountKey,
        act: &AccountAct,
        hand: Hand<'_>,
        from: &Source,
    ) -> Result<Acted, ServiceError> {
        let mut telling = Telling {
            event: AuditEvent {
                by: hand.by().cloned(),
                detail: hand.detail(target(act, None)),
                ..AuditEvent::new(act.row().act, AuditOutcome::Intended, from).on(key)
            },
            intended: false,
        };
        let acted = self.try_act(key, act, hand, from, &mut telling).await;
        let outcome = match &acted {
            Ok(Acted::Done(..)) => AuditOutcome::Done,
            Ok(Acted::Refused(no)) => AuditOutcome::Refused(no.reason.into()),
            Ok(Acted::Declined(declined)) => AuditOutcome::Refused(word(*declined).into()),
            // Of what was never begun nothing need be told.
            Err(_) if !telling.intended => return acted,
            Err(error) => AuditOutcome::Failed(error.to_string()),
        };
        let recorded = self.audit.record(vec![AuditEvent {
            outcome,
            ..telling.event
        }]);
        let recorded = recorded.await;
        // The first failure is the one that tells most.
        let acted = acted?;
        recorded?;
        Ok(acted)
    }

    async fn try_act(
        &self,
        key: &AccountKey,
        act: &AccountAct,
        hand: Hand<'_>,
        from: &Source,
        telling: &mut Telling,
    ) -> Result<Acted, ServiceError> {
        let mut issued: Option<(IssuedPassword, PasswordHash)> = None;
        loop {
            let standing = match hand {
                Hand::CommandLine => None,
                Hand::Officer(who, _) => match self.officer(who).await? {
                    Ok(officer) => Some(officer.unchanged()),
                    Err(no) => return Ok(Acted::Refused(no)),
                },
            };
            let Some(read) = self.accounts().read(key).await? else {
                return Ok(Acted::Declined(Declined::Gone));
            };
            let now = self.clock.now();
            if let Some(declined) = speaks_against(act, &read.account, hand, now) {
                return Ok(Acted::Declined(declined));
            }
            if *act == AccountAct::IssuePassword && issued.is_none() {
                issued = Some(self.new_password(&read.account).await?);
            }
            if !telling.intended {
                telling.event.detail = hand.detail(target(act, Some(&read.account)));
                self.audit.record(vec![telling.event.clone()]).await?;
                telling.intended = true;
            }
            let mut account = read.account.clone();
            change(
                act,
                &mut account,
                issued.as_ref().map(|(_, hash)| hash),
                now,
            );
            let row = act.row();
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
            if let Some(letter) = row.letter() {
                // Whoever owns the address before must hear of it there.
                if read.account.email != account.email {
                    commit = self.notice(commit, &read.account, letter, now, from);
                }
                commit = self.notice(commit, &account, letter, now, from);
            }
            if self.commit(commit).await? == Outcome::Applied {
                if row.ends_logins {
                    self.ended_logins.tell(key);
                }
                let password = issued.map(|(password, _)| password);
                return Ok(Acted::Done(Box::new(account), password));
            }
        }
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

/// What the audit log is told, and whether it has been told yet.
struct Telling {
    event: AuditEvent,
    intended: bool,
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
