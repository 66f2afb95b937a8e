//! Requests at the officer's desk, done by its service.
//!
//! Whether whoever asks is an officer at all is judged by the service, on the account as it is at that moment; here is
//! only said what came of it.

use super::answer::Attempted;
use crate::{
    domain::{Authenticated, Refusal, Source},
    service::{
        ServiceError, Services,
        officer::{Answered, CarriedOut, Done},
        outbox::{Page, Waiting},
    },
    session::proofs::{LoggedIn, Proofs},
    tui::{DeskReply, DeskRequest, Lookup, LookupReply, OutboxRow, Reply},
};

/// Accounts that one lookup finds at most.
const FOUND: usize = 50;

pub async fn attempt(
    services: &Services,
    source: &Source,
    login: LoggedIn,
    request: DeskRequest,
) -> Attempted {
    let LoggedIn {
        authenticated,
        previous_login,
        shown,
    } = login;
    let (reply, authenticated) = judged(services, source, authenticated, request).await?;
    let proofs = authenticated.map_or(Proofs::None, |authenticated| {
        Proofs::LoggedIn(LoggedIn {
            authenticated,
            previous_login,
            shown,
        })
    });
    Ok((reply, proofs))
}

/// Does `request`: the answer for the screen, and the login that is left of `who`, if it is still valid.
async fn judged(
    services: &Services,
    source: &Source,
    who: Authenticated,
    request: DeskRequest,
) -> Result<(Reply, Option<Authenticated>), ServiceError> {
    let officer = &services.officer;
    let answered = match request {
        DeskRequest::Show(account) => {
            let card = officer.card(&who, &account, source).await?;
            answer(card, |card| DeskReply::Card(Box::new(card)))
        }
        DeskRequest::RevealEmail(account) => {
            let email = officer.reveal_email(&who, &account, source).await?;
            answer(email, DeskReply::Email)
        }
        DeskRequest::ShowRules => {
            let rules = officer.rules(&who, source).await?;
            answer(rules, DeskReply::Rules)
        }
        DeskRequest::ShowOutbox => {
            let page = officer.outbox(&who, source).await?;
            let rows = |page: Page| page.letters.into_iter().map(outbox_row).collect();
            answer(page, |page| DeskReply::Outbox(rows(page)))
        }
        DeskRequest::ShowAudit => {
            let records = officer.audit_log(&who, source).await?;
            answer(records, DeskReply::Audit)
        }
        DeskRequest::CarryOut(order) => {
            let carried_out = officer.carry_out(&who, *order, source).await?;
            return Ok(match carried_out {
                CarriedOut::Refused(refusal) => (
                    Reply::Refused(refusal),
                    (!refusal.ends_login()).then_some(who),
                ),
                CarriedOut::Declined(why, who) => {
                    (Reply::Desk(DeskReply::Declined(why)), Some(who))
                }
                CarriedOut::Done(done, who) => (Reply::Desk(done_view(done)), Some(who)),
            });
        }
    };
    Ok(match answered {
        None => (Reply::Refused(Refusal::Ended), None),
        Some(answer) => (Reply::Desk(answer), Some(who)),
    })
}

/// Looks something up; nothing that anybody goes by is changed by it.
pub async fn look_up(
    services: &Services,
    source: &Source,
    who: &Authenticated,
    lookup: Lookup,
) -> Result<LookupReply, ServiceError> {
    let officer = &services.officer;
    Ok(match lookup {
        Lookup::Find { typed, after } => {
            let found = officer.find(who, &typed, after.as_ref(), FOUND, source);
            seen(found.await?, LookupReply::Found)
        }
        Lookup::OlderRecords { before } => {
            let records = officer.older_records(who, before, source).await?;
            seen(records, LookupReply::Records)
        }
        Lookup::Overview => {
            let overview = officer.overview(who, source).await?;
            seen(overview, |overview| {
                LookupReply::Overview(Box::new(overview))
            })
        }
    })
}

/// What a lookup has found.
fn seen<T>(answered: Answered<T>, view: impl FnOnce(T) -> LookupReply) -> LookupReply {
    match answered {
        Answered::Ended => LookupReply::Ended,
        // A lookup declines nobody; were it to, there would be nothing to see.
        Answered::Declined(_) => LookupReply::Unavailable,
        Answered::Here(it) => view(it),
    }
}

/// The desk's answer; `None` when whoever asked has no business there any longer.
fn answer<T>(answered: Answered<T>, view: impl FnOnce(T) -> DeskReply) -> Option<DeskReply> {
    match answered {
        Answered::Ended => None,
        Answered::Declined(why) => Some(DeskReply::Declined(why)),
        Answered::Here(it) => Some(view(it)),
    }
}

fn done_view(done: Done) -> DeskReply {
    match done {
        Done::Account(card, password) => DeskReply::Done(card, password),
        Done::Rules(rules) => DeskReply::Rules(rules),
    }
}

fn outbox_row(waiting: Waiting) -> OutboxRow {
    let Waiting { letter, delivery } = waiting;
    OutboxRow {
        written: letter.at,
        account: letter.account,
        kind: letter.kind,
        failures: delivery.failures,
        next_try: delivery.next(),
        last_error: delivery.last_error,
    }
}
