//! Slots: by which it is learned what became of a commit whose answer was lost.
//!
//! Every transaction also moves a slot, a key that only one commit at a time uses, from the mark that the last commit
//! left there to a fresh one of its own. When the answer is lost, the slot is fenced: a second transaction moves it away
//! from the old mark. If that succeeds, the first was not applied and never will be, however late it arrives, because
//! it expects the old mark. If it does not, and the slot holds the commit's own mark, the first was applied; and if the
//! slot has been moved once since the old mark, by somebody else, the first was not. So a commit is answered as unknown
//! only when the cluster cannot be asked at all any more, or when another process works with the same slots.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use etcd_client::{
    Compare, CompareOp, GetOptions, KeyValue, Txn, TxnOp, TxnOpResponse, TxnResponse,
};
use tokio::{sync::Semaphore, time::timeout_at};

use super::{
    super::{Outcome, StoreError},
    cluster::{Cluster, Failure, deadline},
    node::{Found, Presence},
    transaction::Transaction,
};

/// Commits under way at once; more wait for one of these to end.
const SLOTS: usize = 128;

/// What a slot holds after a commit.
type Mark = [u8; 16];

/// The slots of one node.
#[derive(Debug)]
pub struct Slots {
    cluster: Arc<Cluster>,
    presence: Arc<Presence>,
    free: Mutex<Vec<Slot>>,
    places: Semaphore,
}

#[derive(Debug)]
struct Slot {
    name: Vec<u8>,
    last: Last,
}

/// A mark in its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    mark: Vec<u8>,
    /// How many marks the slot has held with this one; etcd counts them.
    number: i64,
}

/// What a slot is known to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Last {
    /// Not known before it is read.
    Unread,
    Holds(Option<Held>),
}

/// What the cluster said to a transaction.
enum Said {
    Succeeded,
    /// Something did not compare; the slot holds this.
    Failed(Option<Held>, TxnResponse),
}

impl Slots {
    pub fn new(cluster: Arc<Cluster>, presence: Arc<Presence>, node: &str) -> Self {
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
            presence,
        }
    }

    /// Makes a commit once, whatever is lost on the way.
    pub async fn commit(&self, transaction: &Transaction) -> Result<Outcome, StoreError> {
        let deadline = deadline(&self.cluster);
        let unavailable = |why: &str| StoreError::Unavailable(why.into());
        let place = timeout_at(deadline.into(), self.places.acquire()).await;
        let place = place.map_err(|_| unavailable("too much waits to be written"))?;
        let _place = place.map_err(|_| unavailable("the store is closed"))?;
        let taken = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let Some(slot) = taken else {
            return Err(unavailable("too much is written at once"));
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
        let outcome = self.commit_by(&mut slot, transaction, deadline).await;
        returned.slot = Some(slot);
        outcome
    }

    async fn commit_by(
        &self,
        slot: &mut Slot,
        transaction: &Transaction,
        deadline: Instant,
    ) -> Result<Outcome, StoreError> {
        let mut tries = self.cluster.tries();
        let mut so_far = Failure::Unasked("there was no time to ask".into());
        loop {
            let last = self.read(slot, deadline).await?;
            // Nothing is begun whose answer nobody would wait for.
            if !self.cluster.has_time_until(deadline) {
                return Err(so_far.into());
            }
            let mark = mark()?;
            let mut compares = self.presence.compares();
            compares.push(holds(slot, last.as_ref()));
            let mut looks = vec![TxnOp::get(slot.name.clone(), None)];
            looks.extend(self.presence.looks());
            let request =
                transaction.with(compares, TxnOp::put(slot.name.clone(), mark, None), looks);
            let failure = match self.ask(deadline, request).await {
                Ok(Said::Succeeded) => {
                    slot.last = Last::Holds(Some(after(last.as_ref(), mark)));
                    return Ok(Outcome::Applied);
                }
                // The slot is where it was, so something else has changed.
                Ok(Said::Failed(found, answer)) if found == last => {
                    match self.presence.judge(&answer, 1) {
                        Found::Sound => return Ok(Outcome::Conflict),
                        Found::LeaseGone => self.presence.take_again().await?,
                        Found::Away(away) => {
                            return Err(StoreError::Away(away));
                        }
                    }
                    continue;
                }
                Ok(Said::Failed(found, _)) => {
                    let is_own = found.as_ref().is_some_and(|held| held.mark == mark);
                    slot.last = Last::Holds(found);
                    // It was sent twice by something on the way, and this is the answer to the second.
                    if is_own {
                        return Ok(Outcome::Applied);
                    }
                    // What was left of a commit that nobody waited for has moved the slot, or another process that
                    // goes by the same node's name, or the cluster was restored from a copy.
                    continue;
                }
                Err(failure @ Failure::Unasked(_)) => {
                    so_far = failure;
                    tries.failed().await;
                    continue;
                }
                Err(failure @ Failure::Refused(_)) => return Err(failure.into()),
                Err(failure) => failure,
            };
            slot.last = Last::Unread;
            if self
                .was_applied(slot, last.as_ref(), mark, &failure)
                .await?
            {
                return Ok(Outcome::Applied);
            }
            if let Failure::Answered(_) = failure {
                return Err(failure.into());
            }
            so_far = failure;
        }
    }

    /// Whether a commit was applied that had this slot, the mark `last` before it and `mark` after it. When the answer
    /// is no, it never will be.
    async fn was_applied(
        &self,
        slot: &mut Slot,
        last: Option<&Held>,
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
        let mut tries = self.cluster.tries();
        let found = loop {
            let request = Txn::new()
                .when([holds(slot, last)])
                .and_then([TxnOp::put(slot.name.clone(), fence, None)])
                .or_else([TxnOp::get(slot.name.clone(), None)]);
            match self.ask(deadline, request).await {
                Ok(Said::Succeeded) => {
                    slot.last = Last::Holds(Some(after(last, fence)));
                    return Ok(false);
                }
                Ok(Said::Failed(found, _)) => {
                    slot.last = Last::Holds(found.clone());
                    break found;
                }
                Err(Failure::Lost(_) | Failure::Unasked(_)) if Instant::now() < deadline => {
                    tries.failed().await;
                }
                // Nothing is written any more, but the slot can be read. What was answered is not on its way any more.
                Err(Failure::Answered(_) | Failure::Refused(_))
                    if matches!(failure, Failure::Answered(_)) =>
                {
                    let found = self.read(slot, deadline).await;
                    break found.map_err(|error| unknown(&error))?;
                }
                Err(lost) => return Err(unknown(&lost)),
            }
        };
        was_moved_to(own, last, fence, found.as_ref())
            .ok_or_else(|| unknown(&"another process uses this node's name"))
    }

    /// What the slot holds.
    async fn read(&self, slot: &mut Slot, deadline: Instant) -> Result<Option<Held>, StoreError> {
        if let Last::Holds(held) = &slot.last {
            return Ok(held.clone());
        }
        let name = &slot.name;
        let answer = self
            .cluster
            .read_until(deadline, |mut client| {
                let name = name.clone();
                async move { client.get(name, None::<GetOptions>).await }
            })
            .await?;
        let found = answer.kvs().first().map(held);
        slot.last = Last::Holds(found.clone());
        Ok(found)
    }

    async fn ask(&self, deadline: Instant, request: Txn) -> Result<Said, Failure> {
        let asked = self.cluster.attempt(deadline, |mut client| {
            let request = request.clone();
            async move { client.txn(request).await }
        });
        Ok(match asked.await? {
            answer if answer.succeeded() => Said::Succeeded,
            answer => Said::Failed(found(&answer), answer),
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

/// Whether a slot that held `last` was moved to `own` next, seen from what is `found` in it; `None` when that cannot be
/// said any more. Nobody moves it with something on its way that expects `last` still, and `fence` is moved to by whoever
/// asks.
fn was_moved_to(own: Mark, last: Option<&Held>, fence: Mark, found: Option<&Held>) -> Option<bool> {
    let number = |held: Option<&Held>| held.map_or(0, |held| held.number);
    match found {
        Some(held) if held.mark == own => Some(true),
        Some(held) if held.mark == fence => Some(false),
        found if found == last => Some(false),
        // The one mark after `last` is another's.
        found if number(found) == number(last) + 1 => Some(false),
        _ => None,
    }
}

/// What a slot holds that held `last` and was moved to `mark`.
fn after(last: Option<&Held>, mark: Mark) -> Held {
    Held {
        mark: mark.to_vec(),
        number: last.map_or(0, |held| held.number) + 1,
    }
}

/// That the slot still holds `held`.
fn holds(slot: &Slot, held: Option<&Held>) -> Compare {
    match held {
        Some(held) => Compare::value(slot.name.clone(), CompareOp::Equal, held.mark.clone()),
        None => Compare::version(slot.name.clone(), CompareOp::Equal, 0),
    }
}

fn held(row: &KeyValue) -> Held {
    Held {
        mark: row.value().to_vec(),
        number: row.version(),
    }
}

/// What a failed transaction found in its slot.
fn found(answer: &TxnResponse) -> Option<Held> {
    let responses = answer.op_responses();
    let Some(TxnOpResponse::Get(get)) = responses.first() else {
        return None;
    };
    get.kvs().first().map(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_slot(mark: u8, number: i64) -> Option<Held> {
        let mark = vec![mark; 16];
        Some(Held { mark, number })
    }

    #[test]
    fn what_became_of_a_commit_is_told_by_its_slot() {
        let (own, fence) = ([1; 16], [2; 16]);
        let cases = [
            (in_slot(9, 5), in_slot(1, 6), Some(true)),
            (in_slot(9, 5), in_slot(2, 6), Some(false)),
            (in_slot(9, 5), in_slot(9, 5), Some(false)),
            (in_slot(9, 5), in_slot(3, 6), Some(false)),
            (None, in_slot(3, 1), Some(false)),
            (None, in_slot(1, 1), Some(true)),
            // Its own mark may have been there in between.
            (in_slot(9, 5), in_slot(3, 7), None),
            (None, in_slot(3, 2), None),
            // The cluster was restored from a copy.
            (in_slot(9, 5), in_slot(8, 4), None),
            (in_slot(9, 5), None, None),
        ];
        for (last, found, verdict) in cases {
            let told = was_moved_to(own, last.as_ref(), fence, found.as_ref());
            assert_eq!(told, verdict, "{last:?} {found:?}");
        }
    }
}
