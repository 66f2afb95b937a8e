//! Requests on the way of a reset, and for training mode's letters.

use super::answer::Attempted;
use crate::{
    domain::{Refusal, Source, reset::ResetSecret, security_code::Challenge},
    mail::inbox::Received,
    service::{
        Services,
        reset::{Confirmed, Found, RequestOutcome, ResetRequest},
    },
    session::proofs::Proofs,
    tui::{InboxLetter, Reply},
};

pub async fn request(
    services: &Services,
    source: &Source,
    challenge: Option<Challenge>,
    asked: ResetRequest,
) -> Attempted {
    let outcome = services.reset.request(asked, challenge, source).await?;
    let reply = match outcome {
        RequestOutcome::Answered => Reply::ResetRequested,
        RequestOutcome::Refused(refusal) => Reply::Refused(refusal),
    };
    Ok((reply, Proofs::None))
}

pub async fn find(services: &Services, source: &Source, secret: ResetSecret) -> Attempted {
    Ok(match services.reset.find(&secret, source).await? {
        Found::Valid {
            user_type,
            masked_id,
        } => (
            Reply::ResetFound {
                user_type,
                masked_id,
            },
            Proofs::ResetFound(secret),
        ),
        Found::Refused(refusal) => (Reply::Refused(refusal), Proofs::None),
    })
}

pub async fn confirm(services: &Services, source: &Source, secret: ResetSecret) -> Attempted {
    Ok(match services.reset.confirm(&secret, source).await? {
        Confirmed::Done => (Reply::ResetDone, Proofs::None),
        Confirmed::Refused(refusal @ Refusal::Wait(_)) => {
            (Reply::Refused(refusal), Proofs::ResetFound(secret))
        }
        Confirmed::Refused(refusal) => (Reply::Refused(refusal), Proofs::None),
    })
}

pub fn load_inbox(services: &Services, proofs: Proofs) -> (Reply, Proofs) {
    let letters = services.inbox.as_ref().map(|inbox| inbox.letters());
    let letters = letters.unwrap_or_default().into_iter().map(letter_view);
    (Reply::Inbox(letters.collect()), proofs)
}

fn letter_view(letter: Received) -> InboxLetter {
    InboxLetter {
        at: letter.at,
        to: letter.to,
        subject: letter.subject,
        text: letter.text,
        code: letter.code,
    }
}
