//! The outbox as operators see it: what waits, what was refused, and sending it again.

use std::sync::Arc;

use super::{Foundation, ServiceError};
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
        let house = &self.foundation;
        loop {
            let now = house.clock.now();
            let Some(read) = house.outbox().get(id).await? else {
                let gone = AuditOutcome::Refused("unknown-letter".into());
                let event = AuditEvent::new(Act::RetryLetter, gone, from);
                house.audit.record(vec![event]).await?;
                return Ok(Retried::Gone);
            };
            let account = read.letter.account.clone();
            let Some(again) = read.delivery.again(now) else {
                house
                    .refused(Act::RetryLetter, &account, from, "letter-under-way")
                    .await?;
                return Ok(Retried::UnderWay);
            };
            if house.outbox().update(read, again).await?.is_some() {
                house.letters.wake.notify_one();
                house
                    .record(Act::RetryLetter, &account, from, AuditOutcome::Done)
                    .await?;
                return Ok(Retried::Due);
            }
        }
    }
}
