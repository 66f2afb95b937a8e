//! Slots: by which it is learned what became of a commit whose answer was lost.
//!
//! Every transaction also moves a slot, a key that only one commit at a time uses, from the mark that the last commit
//! left there to a fresh one of its own. When the answer is lost, the slot is fenced: a second transaction moves it away
//! from the old mark. If that succeeds, the first was not applied and never will be, however late it arrives, because
//! it expects the old mark. If it does not, and the slot holds the commit's own mark, the first was applied. So a commit
//! is answered as unknown only when the cluster cannot be asked at all any more.

use std::sync::{Arc, Mutex, PoisonError};

use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use tokio::sync::Semaphore;

use super::{
    Outcome, StoreError, Transaction,
    cluster::{Cluster, Failure},
    deadline,
};

/// Commits under way at once; more wait for one of these to end.
const SLOTS: usize = 128;

/// What a slot holds after a commit.
type Mark = [u8; 16];

/// The slots of one node.
#[derive(Debug)]
pub struct Slots {
    cluster: Arc<Cluster>,
    free: Mutex<Vec<Slot>>,
    places: Semaphore,
}

#[derive(Debug)]
struct Slot {
    name: Vec<u8>,
    last: Last,
}

/// What a slot is known to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Last {
    /// Not known before it is read.
    Unread,
    Holds(Option<Vec<u8>>),
}

/// What the cluster said to a transaction.
enum Said {
    Succeeded,
    /// Something did not compare; the slot holds this.
    Failed(Option<Vec<u8>>),
}

impl Slots {
    pub fn new(cluster: Arc<Cluster>, node: &str) -> Self {
        let slot = |number| Slot {
            name: cluster.own(&format!("slot/{node}/{number}")),
            last: Last::Unread,
        };
        // The lowest numbers are used first, so that there are as many as are used at once.
        let free = (0..SLOTS).rev().map(slot).collect();
        Self {
            free: Mutex::new(free),
            places: Semaphore::new(SLOTS),
            cluster,
        }
    }

    /// Makes a commit once, whatever is lost on the way.
    pub async fn commit(&self, transaction: &Transaction) -> Result<Outcome, StoreError> {
        let closed = |_| StoreError::Unavailable("the store is closed".into());
        let _place = self.places.acquire().await.map_err(closed)?;
        let taken = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let Some(slot) = taken else {
            return Err(StoreError::Unavailable(
                "too much is written at once".into(),
            ));
        };
        // Whoever stops waiting leaves a slot behind of which nothing is known.
        let mut returned = Returned {
            slot: Some(Slot {
                last: Last::Unread,
                name: slot.name.clone(),
            }),
            to: self,
        };
        let mut slot = slot;
        let outcome = self.commit_by(&mut slot, transaction).await;
        returned.slot = Some(slot);
        outcome
    }

    async fn commit_by(
        &self,
        slot: &mut Slot,
        transaction: &Transaction,
    ) -> Result<Outcome, StoreError> {
        let deadline = deadline(&self.cluster);
        loop {
            let last = self.read(slot).await?;
            let mark = mark()?;
            let request = transaction.with(
                holds(slot, last.as_deref()),
                TxnOp::put(slot.name.clone(), mark, None),
                TxnOp::get(slot.name.clone(), None),
            );
            let failure = match self.ask(deadline, request).await {
                Ok(Said::Succeeded) => {
                    slot.last = Last::Holds(Some(mark.to_vec()));
                    return Ok(Outcome::Applied);
                }
                // The slot is where it was, so something else has changed.
                Ok(Said::Failed(found)) if found == last => return Ok(Outcome::Conflict),
                // Another process goes by the same node's name, or the cluster was restored from a copy.
                Ok(Said::Failed(found)) => {
                    slot.last = Last::Holds(found);
                    continue;
                }
                Err(Failure::Refused(why)) => {
                    return Err(Failure::Refused(why).into());
                }
                Err(failure) => failure,
            };
            slot.last = Last::Unread;
            if self
                .was_applied(slot, last.as_deref(), mark, &failure)
                .await?
            {
                return Ok(Outcome::Applied);
            }
            if std::time::Instant::now() >= deadline {
                return Err(failure.into());
            }
        }
    }

    /// Whether a commit was applied that had this slot, the mark `last` before it and `mark` after it. When the answer
    /// is no, it never will be.
    async fn was_applied(
        &self,
        slot: &mut Slot,
        last: Option<&[u8]>,
        own: Mark,
        failure: &Failure,
    ) -> Result<bool, StoreError> {
        let unknown = |why: &dyn std::fmt::Display| {
            StoreError::Unknown(format!(
                "the etcd cluster does not answer: {failure}; {why}"
            ))
        };
        let deadline = deadline(&self.cluster);
        let fence = mark()?;
        loop {
            let request = Txn::new()
                .when([holds(slot, last)])
                .and_then([TxnOp::put(slot.name.clone(), fence, None)])
                .or_else([TxnOp::get(slot.name.clone(), None)]);
            match self.ask(deadline, request).await {
                Ok(Said::Succeeded) => {
                    slot.last = Last::Holds(Some(fence.to_vec()));
                    return Ok(false);
                }
                Ok(Said::Failed(found)) => {
                    let holds = |mark: Mark| found.as_deref() == Some(mark.as_slice());
                    let verdict = match () {
                        () if holds(own) => Ok(true),
                        // An earlier try of this one, whose answer was lost too.
                        () if holds(fence) => Ok(false),
                        () => Err(unknown(&"another process uses this node's name")),
                    };
                    slot.last = Last::Holds(found);
                    return verdict;
                }
                Err(Failure::Lost(_)) if std::time::Instant::now() < deadline => {}
                // Nothing is written any more, but the slot can be read. What was answered is not on its way any more.
                Err(_) if matches!(failure, Failure::Answered(_)) => {
                    let found = self.read(slot).await.map_err(|error| unknown(&error))?;
                    return Ok(found.as_deref() == Some(own.as_slice()));
                }
                Err(lost) => return Err(unknown(&lost)),
            }
        }
    }

    /// What the slot holds.
    async fn read(&self, slot: &mut Slot) -> Result<Option<Vec<u8>>, StoreError> {
        if let Last::Holds(mark) = &slot.last {
            return Ok(mark.clone());
        }
        let name = &slot.name;
        let answer = self
            .cluster
            .read(|mut client| {
                let name = name.clone();
                async move { client.get(name, None::<GetOptions>).await }
            })
            .await?;
        let found = answer.kvs().first().map(|row| row.value().to_vec());
        slot.last = Last::Holds(found.clone());
        Ok(found)
    }

    async fn ask(&self, deadline: std::time::Instant, request: Txn) -> Result<Said, Failure> {
        let asked = self.cluster.attempt(deadline, |mut client| {
            let request = request.clone();
            async move { client.txn(request).await }
        });
        Ok(match asked.await? {
            answer if answer.succeeded() => Said::Succeeded,
            answer => Said::Failed(found(&answer)),
        })
    }
}

/// A slot on its way back to the free ones.
struct Returned<'a> {
    slot: Option<Slot>,
    to: &'a Slots,
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        let mut free = self.to.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.slot.take());
    }
}

fn mark() -> Result<Mark, StoreError> {
    let mut mark = Mark::default();
    let none = |error: getrandom::Error| StoreError::Unavailable(error.to_string());
    getrandom::fill(&mut mark).map_err(none)?;
    Ok(mark)
}

/// That the slot still holds `mark`.
fn holds(slot: &Slot, mark: Option<&[u8]>) -> Compare {
    match mark {
        Some(mark) => Compare::value(slot.name.clone(), CompareOp::Equal, mark),
        None => Compare::version(slot.name.clone(), CompareOp::Equal, 0),
    }
}

/// What a failed transaction found in its slot.
fn found(answer: &TxnResponse) -> Option<Vec<u8>> {
    let responses = answer.op_responses();
    let Some(TxnOpResponse::Get(get)) = responses.first() else {
        return None;
    };
    get.kvs().first().map(|row| row.value().to_vec())
}
