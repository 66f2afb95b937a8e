//! Carrying out an officer's order: who may give it, with which code, and what is recorded before and after.

use super::{CarriedOut, Done, Officer};
use crate::{
    domain::{
        AccountKey, Authenticated, Passcode, Source,
        audit::{Act, AuditEvent, AuditOutcome},
        officer::{AccountAct, Declined, DeskAct, Order},
        policy::LoginRules,
    },
    service::{
        Refusal, ServiceError,
        account_act::{Acted, Hand, NoOfficer, Said, target, word},
        outbox::Outbox,
        passcode_check::Judged,
    },
    store::{Outcome, settings::put_rules},
};

/// Letters and audit records that one order shows.
const SHOWN: usize = 100;

/// What is recorded of an order, whatever comes of it.
struct Telling<'a> {
    act: Act,
    account: Option<&'a AccountKey>,
    by: &'a AccountKey,
    detail: String,
    from: &'a Source,
}

impl Telling<'_> {
    fn event(&self, outcome: AuditOutcome) -> AuditEvent {
        AuditEvent {
            account: self.account.cloned(),
            ..AuditEvent::new(self.act, outcome, self.from)
                .by(self.by)
                .saying(self.detail.clone())
        }
    }
}

/// An order that concerns no account in particular.
enum Other {
    SetRules(LoginRules),
    ReadOutbox,
    ReadAudit,
}

impl Officer {
    /// Carries out `order`: recorded as intended before it is done, told to the account's owner in the same commit, and
    /// recorded as done before it is answered.
    ///
    /// A login whose code is older than five minutes must bring a fresh one, which is spent by it, whatever becomes of
    /// the order.
    pub async fn carry_out(
        &self,
        who: &Authenticated,
        order: Order,
        from: &Source,
    ) -> Result<CarriedOut, ServiceError> {
        let Order {
            act,
            reason,
            seen,
            passcode,
        } = order;
        let said = Said { reason, seen };
        let telling = Telling {
            by: who.account(),
            from,
            account: match &act {
                DeskAct::Account(key, _) => Some(key),
                _ => None,
            },
            act: match &act {
                DeskAct::Account(_, act) => act.row().act,
                DeskAct::SetRules(_) => Act::SetPolicy,
                DeskAct::ReadOutbox => Act::ReadOutbox,
                DeskAct::ReadAudit => Act::ReadAudit,
            },
            detail: said.after(match &act {
                DeskAct::Account(_, act) => target(act, None),
                DeskAct::SetRules(rules) => Some(format!("to {rules}")),
                DeskAct::ReadOutbox | DeskAct::ReadAudit => None,
            }),
        };
        if let Err(no) = self.foundation.officer(who).await? {
            return self.refuse(&telling, no).await;
        }
        if let DeskAct::Account(key, act) = &act
            && let Some(declined) = never(key, act, &said, who)
        {
            return self.decline(&telling, declined, who.clone()).await;
        }
        let who = match self.with_code(who, passcode, from).await? {
            Ok(who) => who,
            Err(no) => return self.refuse(&telling, no).await,
        };
        let other = match &act {
            DeskAct::Account(key, act) => {
                let hand = Hand::Officer(&who, &said);
                let acted = self.foundation.act_on(key, act, hand, from).await?;
                return Ok(match acted {
                    Acted::Refused(no) => CarriedOut::Refused(no.refusal),
                    Acted::Declined(declined) => CarriedOut::Declined(declined, who),
                    Acted::Done(account, password) => {
                        let card = Box::new(self.card_of(&account, &who));
                        CarriedOut::Done(Done::Account(card, password), who)
                    }
                });
            }
            DeskAct::SetRules(rules) => Other::SetRules(*rules),
            DeskAct::ReadOutbox => Other::ReadOutbox,
            DeskAct::ReadAudit => Other::ReadAudit,
        };
        self.carry_out_other(other, telling, &said, who).await
    }

    async fn carry_out_other(
        &self,
        other: Other,
        mut telling: Telling<'_>,
        said: &Said,
        who: Authenticated,
    ) -> Result<CarriedOut, ServiceError> {
        let house = &self.foundation;
        if let Other::SetRules(rules) = &other {
            let before = house.settings().rules().await?.rules;
            if before == *rules {
                return self.decline(&telling, Declined::NothingToDo, who).await;
            }
            telling.detail = said.after(Some(format!("from {before} to {rules}")));
        }
        let intended = telling.event(AuditOutcome::Intended);
        house.audit.record(vec![intended]).await?;
        let done = match other {
            Other::SetRules(rules) => self.set_rules(rules, &who).await,
            Other::ReadOutbox => {
                let page = Outbox::new(house.clone()).page(None, SHOWN).await;
                page.map(|page| Ok(Done::Outbox(page)))
            }
            Other::ReadAudit => self.read_audit().await.map(Ok),
        };
        let outcome = match &done {
            Ok(Ok(_)) => AuditOutcome::Done,
            Ok(Err(no)) => AuditOutcome::Refused(no.reason.into()),
            Err(error) => AuditOutcome::Failed(error.to_string()),
        };
        let recorded = house.audit.record(vec![telling.event(outcome)]).await;
        let done = done?;
        recorded?;
        Ok(match done {
            Ok(done) => CarriedOut::Done(done, who),
            Err(no) => CarriedOut::Refused(no.refusal),
        })
    }

    /// Sets the rules, on condition of nothing but that the officer is still one: whoever sets them means what they say,
    /// whatever they were.
    async fn set_rules(
        &self,
        rules: LoginRules,
        who: &Authenticated,
    ) -> Result<Result<Done, NoOfficer>, ServiceError> {
        loop {
            let officer = match self.foundation.officer(who).await? {
                Ok(officer) => officer,
                Err(no) => return Ok(Err(no)),
            };
            let commit = put_rules(rules).and(officer.unchanged());
            if self.foundation.store.commit(commit).await? == Outcome::Applied {
                return Ok(Ok(Done::Rules(rules)));
            }
        }
    }

    async fn read_audit(&self) -> Result<Done, ServiceError> {
        let Some(trail) = &self.foundation.audit_trail else {
            let here = "the audit log is read where the store is held".to_owned();
            return Err(ServiceError::Unavailable(here));
        };
        Ok(Done::Audit(trail.newest(None, SHOWN).await?))
    }

    /// The login with a code that is fresh: it is, or `passcode` is a right one, which is spent before anything else is
    /// done.
    async fn with_code(
        &self,
        who: &Authenticated,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<Result<Authenticated, NoOfficer>, ServiceError> {
        let house = &self.foundation;
        let no = |refusal, reason| Ok(Err(NoOfficer { refusal, reason }));
        let Some(passcode) = passcode else {
            return match who.totp_is_fresh(house.clock.monotonic()) {
                true => Ok(Ok(who.clone())),
                false => no(Refusal::FreshPasscodeWanted, "stale-passcode"),
            };
        };
        loop {
            let read = match house.officer(who).await? {
                Ok(read) => read,
                Err(no) => return Ok(Err(no)),
            };
            let mut officer = read.account.clone();
            let now = house.clock.now();
            let (commit, judged) = match house.judge_passcode(&mut officer, &passcode, from, now)? {
                Judged::Unheard { refusal, reason } if officer == read.account => {
                    return no(refusal, reason);
                }
                Judged::Unheard { refusal, reason } => {
                    (read.replace(&officer), Err(NoOfficer { refusal, reason }))
                }
                Judged::Counted { refusal, reason } => {
                    let commit = house.counted_commit(&read, &officer, refusal, from, now);
                    (commit, Err(NoOfficer { refusal, reason }))
                }
                Judged::Accepted(accepted) => (read.replace(&officer), Ok(accepted)),
            };
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            let accepted = match judged {
                Ok(accepted) => accepted,
                Err(no) => return Ok(Err(no)),
            };
            let fresh = who
                .clone()
                .with_fresh_passcode(&accepted, house.clock.monotonic());
            return match fresh {
                Some(fresh) => Ok(Ok(fresh)),
                None => no(Refusal::Ended, "foreign-passcode"),
            };
        }
    }

    async fn refuse(
        &self,
        telling: &Telling<'_>,
        no: NoOfficer,
    ) -> Result<CarriedOut, ServiceError> {
        let refused = telling.event(AuditOutcome::Refused(no.reason.into()));
        self.foundation.audit.record(vec![refused]).await?;
        Ok(CarriedOut::Refused(no.refusal))
    }

    async fn decline(
        &self,
        telling: &Telling<'_>,
        declined: Declined,
        who: Authenticated,
    ) -> Result<CarriedOut, ServiceError> {
        let refused = telling.event(AuditOutcome::Refused(word(declined).into()));
        self.foundation.audit.record(vec![refused]).await?;
        Ok(CarriedOut::Declined(declined, who))
    }
}

/// What speaks against an order whatever the account is like.
fn never(key: &AccountKey, act: &AccountAct, said: &Said, who: &Authenticated) -> Option<Declined> {
    if key == who.account() {
        return Some(Declined::OwnAccount);
    }
    (act.wants_identity() && said.seen.is_none()).then_some(Declined::IdentityWanted)
}
