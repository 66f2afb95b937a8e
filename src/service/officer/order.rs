//! Carrying out an officer's order: who may give it, with which code, and what is recorded before and after.

use super::{CarriedOut, Done, Officer};
use crate::{
    domain::{
        AccountKey, Authenticated, Passcode, Source,
        audit::{Act, AuditEvent, AuditOutcome},
        officer::{AccountAct, Declined, DeskAct, DoneAct, Order},
        policy::LoginRules,
    },
    service::{
        ServiceError,
        account_act::{Hand, Said, Undone, target},
        decision::{Deed, NotDone},
    },
    store::{desk_acts, settings::put_rules},
};

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
        let asked = asked(&act, &said, who, from);
        let allowed = self.allow(&asked, who, &act, &said, passcode);
        let who = match allowed.await? {
            Ok(who) => who,
            Err(Undone::Refused(refusal)) => return Ok(CarriedOut::Refused(refusal)),
            Err(Undone::Declined(declined)) => {
                return Ok(CarriedOut::Declined(declined, who.clone()));
            }
        };
        let deps = &self.foundation;
        let done = match &act {
            DeskAct::Account(key, act) => {
                let hand = Hand::Officer(&who, &said);
                let acted = deps.act_on(key, act, hand, from).await?;
                acted.map(|(account, password)| {
                    Done::Account(Box::new(self.card_of(&account, &who)), password)
                })
            }
            DeskAct::SetRules(rules) => self.set_rules(&asked, *rules, &said, &who).await?,
        };
        Ok(match done {
            Ok(done) => CarriedOut::Done(done, who),
            Err(Undone::Refused(refusal)) => CarriedOut::Refused(refusal),
            Err(Undone::Declined(declined)) => CarriedOut::Declined(declined, who),
        })
    }

    /// The login with a code that is fresh, if it may give the order: it is, or `passcode` is a right one, which is spent before
    /// anything else is done.
    async fn allow(
        &self,
        asked: &AuditEvent,
        who: &Authenticated,
        act: &DeskAct,
        said: &Said,
        passcode: Option<Passcode>,
    ) -> Result<Result<Authenticated, Undone>, ServiceError> {
        let deps = &self.foundation;
        let allowed = deps.decide(
            asked,
            async || Ok::<_, NotDone<Undone>>(deps.officer(who).await?),
            |read, attempt| {
                if let DeskAct::Account(key, act) = act
                    && let Some(declined) = never(key, act, said, who)
                {
                    return Err(NotDone::declined(declined));
                }
                let code = passcode.as_ref();
                let (fresh, account) = deps.with_fresh_code(who, code, &read, attempt)?;
                Ok(match code {
                    None => Deed::look(fresh),
                    Some(_) => Deed::of(read.replace(&account), fresh).recorded_as([]),
                })
            },
        );
        allowed.await
    }

    /// Sets the rules, on condition of nothing but that the officer is still one: whoever sets them means what they say,
    /// whatever they were.
    async fn set_rules(
        &self,
        asked: &AuditEvent,
        rules: LoginRules,
        said: &Said,
        who: &Authenticated,
    ) -> Result<Result<Done, Undone>, ServiceError> {
        let deps = &self.foundation;
        let read = async || {
            let officer = deps.officer(who).await?;
            Ok::<_, NotDone<Undone>>((officer, deps.settings().rules().await?.rules))
        };
        let set = deps.decide(asked, read, |(officer, before), attempt| {
            if before == rules {
                return Err(NotDone::declined(Declined::NothingToDo));
            }
            let event = AuditEvent {
                detail: Some(said.after(Some(format!("from {before} to {rules}")))),
                ..asked.clone()
            };
            let commit = put_rules(rules).and(officer.unchanged());
            let commit = desk_acts::noted(
                commit,
                &DoneAct {
                    at: attempt.now,
                    act: attempt.act,
                    account: None,
                    by: who.account().clone(),
                },
            );
            Ok(Deed::of(commit, Done::Rules(rules))
                .saying(event)
                .announced())
        });
        set.await
    }
}

/// What is recorded of an order, whatever comes of it.
fn asked(act: &DeskAct, said: &Said, who: &Authenticated, from: &Source) -> AuditEvent {
    let (word, what) = match act {
        DeskAct::Account(_, act) => (act.row().act, target(act, None)),
        DeskAct::SetRules(rules) => (Act::SetPolicy, Some(format!("to {rules}"))),
    };
    let asked = AuditEvent::new(word, AuditOutcome::Intended, from)
        .by(who.account())
        .saying(said.after(what));
    match act {
        DeskAct::Account(key, _) => asked.on(key),
        _ => asked,
    }
}

/// What speaks against an order whatever the account is like.
fn never(key: &AccountKey, act: &AccountAct, said: &Said, who: &Authenticated) -> Option<Declined> {
    if key == who.account() {
        return Some(Declined::OwnAccount);
    }
    (act.wants_identity() && said.seen.is_none()).then_some(Declined::IdentityWanted)
}
