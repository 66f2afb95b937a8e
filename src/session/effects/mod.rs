//! Effects: what a screen asks for, done by a service. The only place that knows both, a file a stage.
//!
//! The proofs of a login live in the session and in the types of `domain::login`, never in a screen: a request that comes
//! without the proof it needs is answered with [`Refusal::Ended`], whatever the screen believes.

mod answer;
mod desk;
mod home;
mod login;
mod reset;

use std::sync::Arc;

use super::proofs::{LoggedIn, Proofs};
use crate::{
    domain::{AccountKey, Identified, Refusal, Source, security_code::Challenge},
    service::{ServiceError, Services, reset::ResetRequest},
    tui::{HomeNotice, Lookup, LookupReply, Reply, Request},
};
use answer::Attempted;

/// Does `request` and says what became of it: the answer for the screen, and the proofs from now on.
pub async fn perform(
    services: Arc<Services>,
    source: Source,
    proofs: Proofs,
    challenge: Option<Challenge>,
    request: Request,
) -> (Reply, Proofs) {
    let before = proofs.clone();
    let of_phone = request.brings_passcode();
    match attempt(&services, &source, proofs, challenge, request).await {
        Ok((Reply::Home(mut view), proofs)) => {
            let is_off = matches!(view.notice, Some(HomeNotice::PhoneClock(_)));
            let is_officer = view.role.is_officer();
            if is_off || is_officer {
                let fault = services.officer.clock_fault().await;
                if is_off && fault.is_some() {
                    view.notice = Some(HomeNotice::OfficeClock);
                }
                // Only who can do something about it is told.
                view.clock = fault.filter(|_| is_officer);
            }
            (Reply::Home(view), proofs)
        }
        // Nobody is sent to their phone where the office's clock may be the one that is wrong.
        Ok((Reply::Refused(refusal), proofs))
            if let Some(doubtful) = in_doubt(refusal, of_phone) =>
        {
            let fault = services.officer.clock_fault().await;
            let refusal = fault.map_or(refusal, |_| doubtful);
            (Reply::Refused(refusal), proofs)
        }
        Ok(done) => done,
        Err(error) => {
            match &error {
                ServiceError::Busy => {}
                ServiceError::Unknown(reason) => {
                    tracing::error!(%reason, "nobody knows whether a request was carried out");
                }
                ServiceError::Away(_) | ServiceError::Unavailable(_) => {
                    tracing::error!(reason = %error, "a request could not be served");
                }
            }
            (Reply::Refused(error.refusal()), before)
        }
    }
}

/// What is said in the place of `refusal`, which sends people to their phone, where the office's clock is in doubt; a code is
/// `of_phone`, or it is none that a clock makes wrong.
fn in_doubt(refusal: Refusal, of_phone: bool) -> Option<Refusal> {
    match refusal {
        Refusal::Rejected { wait } if of_phone => Some(Refusal::ClockInDoubt { wait }),
        Refusal::PhoneClock(_) => Some(Refusal::OfficeClock),
        _ => None,
    }
}

/// Looks something up for whoever has logged in.
pub async fn look_up(
    services: Arc<Services>,
    source: Source,
    proofs: Proofs,
    lookup: Lookup,
) -> LookupReply {
    let Proofs::LoggedIn(LoggedIn { authenticated, .. }) = proofs else {
        return LookupReply::Ended;
    };
    match desk::look_up(&services, &source, &authenticated, lookup).await {
        Ok(reply) => reply,
        Err(ServiceError::Busy | ServiceError::Away(_)) => LookupReply::Unavailable,
        Err(ServiceError::Unavailable(reason) | ServiceError::Unknown(reason)) => {
            tracing::error!(%reason, "nothing can be looked up");
            LookupReply::Unavailable
        }
    }
}

/// Does what anybody may ask for; all else wants a proof.
async fn attempt(
    services: &Services,
    source: &Source,
    proofs: Proofs,
    challenge: Option<Challenge>,
    request: Request,
) -> Attempted {
    match request {
        Request::CheckPassword {
            user_type,
            user_id,
            password,
        } => {
            let account = AccountKey::new(user_type, user_id);
            login::check_password(services, source, Identified { account }, password).await
        }
        Request::RequestReset {
            account,
            email,
            security_code,
        } => {
            let asked = ResetRequest {
                account,
                email,
                security_code,
            };
            reset::request(services, source, challenge, asked).await
        }
        Request::FindReset(secret) => reset::find(services, source, secret).await,
        Request::LoadInbox => Ok(reset::load_inbox(services, proofs)),
        request => attempt_with(proofs, services, source, request).await,
    }
}

/// Does what the person's `proofs` allow.
async fn attempt_with(
    proofs: Proofs,
    services: &Services,
    source: &Source,
    request: Request,
) -> Attempted {
    match (request, proofs) {
        (Request::CheckPasscode(passcode), Proofs::Password(awaiting)) => {
            login::check_passcode(services, source, awaiting, passcode).await
        }
        (Request::CheckPair(pair), Proofs::Password(awaiting)) => {
            login::check_pair(services, source, awaiting, pair).await
        }
        (Request::CheckRecoveryCode(code), Proofs::Password(awaiting)) => {
            login::check_recovery_code(services, source, awaiting, code).await
        }
        (Request::StartOver, Proofs::Password(awaiting)) => {
            login::start_over(services, source, awaiting).await
        }
        (Request::ProveEnrollment(passcode), Proofs::Enrolling(awaiting, shown)) => {
            login::prove_enrollment(services, source, (awaiting, shown), passcode).await
        }
        (Request::ReplacePassword(new), Proofs::PasswordDue(awaiting)) => {
            login::replace_password(services, source, awaiting, new).await
        }
        (Request::StartEnrollment, Proofs::LoggedIn(login)) => {
            home::start_enrollment(services, source, login).await
        }
        (Request::ProveEnrollment(passcode), Proofs::LoggedIn(login)) => {
            home::prove_enrollment(services, source, login, passcode).await
        }
        (Request::DisableTotp(passcode), Proofs::LoggedIn(login)) => {
            home::disable_totp(services, source, login, passcode).await
        }
        (Request::AddPhone { name, passcode }, Proofs::LoggedIn(login)) => {
            home::add_phone(services, source, login, name, passcode).await
        }
        (Request::ProvePhone(passcode), Proofs::LoggedIn(login)) => {
            home::prove_phone(services, source, login, passcode).await
        }
        (Request::RemovePhone { phone, passcode }, Proofs::LoggedIn(login)) => {
            home::remove_phone(services, source, login, phone, passcode).await
        }
        (Request::IssueRecoveryCodes(passcode), Proofs::LoggedIn(login)) => {
            home::issue_recovery_codes(services, source, login, passcode).await
        }
        (
            Request::ChangePassword {
                current,
                new,
                passcode,
            },
            Proofs::LoggedIn(login),
        ) => home::change_password(services, source, login, current, new, passcode).await,
        (Request::LoadActivity, Proofs::LoggedIn(login)) => {
            home::load_activity(services, login).await
        }
        (Request::LoadHome, Proofs::LoggedIn(login)) => home::load_home(services, login).await,
        (Request::ConfirmReset, Proofs::ResetFound(secret)) => {
            reset::confirm(services, source, secret).await
        }
        (Request::Desk(request), Proofs::LoggedIn(login)) => {
            desk::attempt(services, source, login, request).await
        }
        // Without the proof that it needs; what needs none has been done above.
        (
            Request::CheckPassword { .. }
            | Request::CheckPasscode(_)
            | Request::CheckPair(_)
            | Request::CheckRecoveryCode(_)
            | Request::IssueRecoveryCodes(_)
            | Request::StartOver
            | Request::StartEnrollment
            | Request::ProveEnrollment(_)
            | Request::DisableTotp(_)
            | Request::AddPhone { .. }
            | Request::ProvePhone(_)
            | Request::RemovePhone { .. }
            | Request::ChangePassword { .. }
            | Request::ReplacePassword(_)
            | Request::LoadActivity
            | Request::LoadHome
            | Request::RequestReset { .. }
            | Request::FindReset(_)
            | Request::ConfirmReset
            | Request::LoadInbox
            | Request::Desk(_),
            _,
        ) => Ok((Reply::Refused(Refusal::Ended), Proofs::None)),
    }
}
