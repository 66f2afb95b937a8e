//! The outbox as operators see it: what waits, what was refused, and sending it again.

use std::sync::Arc;

use super::{
    Foundation, ServiceError,
    decision::{Deed, Denial, NotDone},
};
use crate::{
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::{Delivery, Letter, LetterId},
    },
    store::outbox::Read,
};

/// The service that shows the outbox.
#[derive(Debug, Clone)]
pub struct Outbox {
    foundation: Arc<Foundation>,
}

/// A letter that the mail server has not taken yet.
#[derive(Debug)]
pub struct Waiting {
    pub letter: Letter,
    pub delivery: Delivery,
}

/// One page of them.
#[derive(Debug)]
pub struct Page {
    pub letters: Vec<Waiting>,
    /// The letter after which the next page begins; `None` when this was the last.
    pub next: Option<LetterId>,
}

/// What became of a wish to send a letter again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It is due at once.
    Due,
    /// A worker is at it already.
    UnderWay,
    /// There is no such letter: delivered, withdrawn, or past its time.
    Gone,
}

impl Outbox {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Up to `limit` letters, the oldest first, after `after`.
    pub async fn page(&self, after: Option<&LetterId>, limit: usize) -> Result<Page, ServiceError> {
        let page = self.foundation.outbox().page(after, limit).await?;
        let waiting = |read: Read| Waiting {
            letter: read.letter,
            delivery: read.delivery,
        };
        Ok(Page {
            letters: page.letters.into_iter().map(waiting).collect(),
            next: page.next,
        })
    }

    /// Makes a letter due at once, whatever the server said before.
    pub async fn retry(&self, id: &LetterId, from: &Source) -> Result<Retried, ServiceError> {
        let deps = &self.foundation;
        let asked = AuditEvent::new(Act::RetryLetter, AuditOutcome::Intended, from);
        let read = async || {
            let read = deps.outbox().get(id).await?;
            read.ok_or_else(|| NotDone::denied(Retried::Gone, "unknown-letter"))
        };
        let retried = deps.decide(&asked, read, |read, attempt| {
            let event = asked.clone().on(&read.letter.account);
            match read.delivery.again(attempt.now) {
                None => {
                    let under_way = Denial::new(Retried::UnderWay, "letter-under-way");
                    Err(under_way.saying(event).into())
                }
                // Whoever delivers is woken by the commit.
                Some(again) => Ok(Deed::of(read.replace(again), Retried::Due).saying(event)),
            }
        });
        let (Ok(retried) | Err(retried)) = retried.await?;
        Ok(retried)
    }
}
