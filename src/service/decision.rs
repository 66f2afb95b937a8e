//! A decision: what is asked for is judged on what was read, committed on condition that it is still so, recorded, and only
//! then answered.
//!
//! Architecture invariant: this is the one place where a lost race is run again. A use case says what it reads and how it
//! judges; a judge waits for nothing, and looks at nothing but what was read. Every refusal leaves one record, whose reason
//! is the true one. A write whose outcome nobody knows is answered as such, and grants nothing.

use jiff::Timestamp;

use super::{Foundation, Letters, ServiceError};
use crate::{
    domain::{
        Account, AccountKey, Refusal, Source,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::{Letter, LetterKind},
    },
    store::{Commit, Outcome, StoreError, outbox},
};

/// One try at what somebody asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub act: Act,
    pub from: &'a Source,
    /// When it is judged, which is after everything was read.
    pub now: Timestamp,
}

/// What is recorded of `act` on `account`, but for how it ends.
pub(super) fn asked(act: Act, account: &AccountKey, from: &Source) -> AuditEvent {
    AuditEvent::new(act, AuditOutcome::Intended, from).on(account)
}

/// A judge's yes: what is stored and recorded before `answer` is given.
#[derive(Debug)]
pub(super) struct Deed<T> {
    answer: T,
    commit: Option<Commit>,
    acts: Option<Vec<Act>>,
    event: Option<AuditEvent>,
    is_announced: bool,
    ended: Option<(AccountKey, Option<u64>)>,
}

impl<T> Deed<T> {
    /// What `commit` does, recorded as done.
    pub fn of(commit: Commit, answer: T) -> Self {
        Self {
            commit: Some(commit),
            ..Self::nothing(answer)
        }
    }

    /// Nothing is stored, but it is recorded as done.
    pub fn nothing(answer: T) -> Self {
        Self {
            answer,
            commit: None,
            acts: None,
            event: None,
            is_announced: false,
            ended: None,
        }
    }

    /// A look before something else is done: nothing is stored, and nothing recorded.
    pub fn look(answer: T) -> Self {
        Self::nothing(answer).recorded_as([])
    }

    /// Recorded as `acts`, in this order, where it is not just what was asked for.
    pub fn recorded_as(self, acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Some(acts.into_iter().collect()),
            ..self
        }
    }

    /// Recorded as `event`, which says more than was known when it was asked for.
    pub fn saying(self, event: AuditEvent) -> Self {
        Self {
            event: Some(event),
            ..self
        }
    }

    /// Recorded as intended before it is done, and as done, refused or failed after.
    pub fn announced(self) -> Self {
        Self {
            is_announced: true,
            ..self
        }
    }

    /// The open logins of `account` end by it, which is told to those who are logged in.
    pub fn ending_logins(self, account: &AccountKey) -> Self {
        Self {
            ended: Some((account.clone(), None)),
            ..self
        }
    }

    /// The same, but for the login of that generation, by which it is done.
    pub fn ending_other_logins(self, account: &AccountKey, generation: u64) -> Self {
        Self {
            ended: Some((account.clone(), Some(generation))),
            ..self
        }
    }
}

/// A judge's no: what whoever asked is told, and the true reason.
#[derive(Debug)]
pub(super) struct Denial<D> {
    told: D,
    reason: &'static str,
    counted: Option<Commit>,
    event: Option<AuditEvent>,
}

impl<D> Denial<D> {
    pub fn new(told: D, reason: &'static str) -> Self {
        Self {
            told,
            reason,
            counted: None,
            event: None,
        }
    }

    /// What is stored all the same: what counts against whoever asked.
    pub fn counting(self, commit: Commit) -> Self {
        Self {
            counted: Some(commit),
            ..self
        }
    }

    /// Recorded as `event`, which says more than was known when it was asked for.
    pub fn saying(self, event: AuditEvent) -> Self {
        Self {
            event: Some(event),
            ..self
        }
    }
}

/// Why a judge did not say yes.
#[derive(Debug)]
pub(super) enum NotDone<D = Refusal> {
    Denied(Box<Denial<D>>),
    /// Nobody could say.
    Failed(ServiceError),
}

impl<D> NotDone<D> {
    pub fn denied(told: D, reason: &'static str) -> Self {
        Denial::new(told, reason).into()
    }

    /// The same, with what `tell` makes of what whoever asked is told.
    pub fn told<E>(self, tell: impl FnOnce(D) -> E) -> NotDone<E> {
        match self {
            Self::Failed(error) => NotDone::Failed(error),
            Self::Denied(denial) => {
                let Denial {
                    told,
                    reason,
                    counted,
                    event,
                } = *denial;
                NotDone::Denied(Box::new(Denial {
                    told: tell(told),
                    reason,
                    counted,
                    event,
                }))
            }
        }
    }
}

impl NotDone {
    /// The login that asked is no longer valid.
    pub fn ended_login() -> Self {
        Self::denied(Refusal::Ended, "ended-login")
    }

    /// What was proved is no longer what is asked for.
    pub fn changed_meanwhile() -> Self {
        Self::denied(Refusal::Ended, "changed-meanwhile")
    }

    /// The code is another account's.
    pub fn foreign_passcode() -> Self {
        Self::denied(Refusal::Ended, "foreign-passcode")
    }
}

impl<D> From<Denial<D>> for NotDone<D> {
    fn from(denial: Denial<D>) -> Self {
        Self::Denied(Box::new(denial))
    }
}

impl<D> From<ServiceError> for NotDone<D> {
    fn from(error: ServiceError) -> Self {
        Self::Failed(error)
    }
}

impl<D> From<StoreError> for NotDone<D> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// More tries than people meet at one account or one limit. Whoever loses as many races is told that the service is not to
/// be had, and nothing was done.
const TRIES: u32 = 1_000;

impl Foundation {
    /// Decides what becomes of `asked`: reads by `read`, asks `judge`, commits what it says on condition that all it was
    /// judged on is still so, and begins anew where it is not; then records it, and only then gives the answer, or what
    /// whoever asked is told in its place.
    pub(super) async fn decide<R, T, D, Reading>(
        &self,
        asked: &AuditEvent,
        read: impl FnMut() -> Reading,
        judge: impl FnMut(R, Attempt<'_>) -> Result<Deed<T>, NotDone<D>>,
    ) -> Result<Result<T, D>, ServiceError>
    where
        Reading: Future<Output = Result<R, NotDone<D>>>,
    {
        let mut announced = None;
        let decided = self.decide_on(asked, &mut announced, read, judge).await;
        if let (Err(error), Some(event)) = (&decided, announced) {
            let failed = AuditEvent {
                outcome: AuditOutcome::Failed(error.to_string()),
                ..event
            };
            // The first failure is the one that tells most.
            let _ = self.audit.record(vec![failed]).await;
        }
        decided
    }

    /// `announced` is what was recorded as intended, until it is recorded how it ended.
    async fn decide_on<R, T, D, Reading>(
        &self,
        asked: &AuditEvent,
        announced: &mut Option<AuditEvent>,
        mut read: impl FnMut() -> Reading,
        mut judge: impl FnMut(R, Attempt<'_>) -> Result<Deed<T>, NotDone<D>>,
    ) -> Result<Result<T, D>, ServiceError>
    where
        Reading: Future<Output = Result<R, NotDone<D>>>,
    {
        for _ in 0..TRIES {
            let judged = match read().await {
                Ok(read) => {
                    let attempt = Attempt {
                        act: asked.act,
                        from: &asked.from,
                        now: self.clock.now(),
                    };
                    judge(read, attempt)
                }
                Err(not_done) => Err(not_done),
            };
            let deed = match judged {
                Ok(deed) => deed,
                Err(NotDone::Failed(error)) => return Err(error),
                Err(NotDone::Denied(denial)) => {
                    if !self.holds_and_is_done(denial.counted).await? {
                        continue;
                    }
                    let event = announced.take().or(denial.event);
                    let event = event.as_ref().unwrap_or(asked);
                    self.deny(event, denial.reason).await?;
                    return Ok(Err(denial.told));
                }
            };
            let event = deed.event.unwrap_or_else(|| asked.clone());
            if deed.is_announced && announced.is_none() {
                self.audit.record(vec![event.clone()]).await?;
                *announced = Some(event.clone());
            }
            if !self.holds_and_is_done(deed.commit).await? {
                continue;
            }
            if let Some((account, but)) = deed.ended {
                self.ended_logins.tell_all_but(&account, but);
            }
            let event = announced.take().unwrap_or(event);
            let acts = deed.acts.unwrap_or_else(|| vec![event.act]);
            if !acts.is_empty() {
                self.record_done(&event, acts).await?;
            }
            return Ok(Ok(deed.answer));
        }
        Err(ServiceError::Unavailable(format!(
            "{} was judged {TRIES} times, and each time others had changed what it was judged on",
            asked.act.as_str()
        )))
    }

    /// `commit` with a letter that tells the owner of `account` what is done by it.
    pub(super) fn notice(
        &self,
        commit: Commit,
        account: &Account,
        kind: LetterKind,
        attempt: Attempt<'_>,
    ) -> Commit {
        if !self.letters.written {
            return commit;
        }
        let Attempt { from, now, .. } = attempt;
        let good_until = now + Letters::NOTICE_IS_GOOD_FOR;
        let letter = Letter::about(account, kind, now, from, good_until, self.random_bytes());
        outbox::enclose(commit, letter, None)
    }

    /// Applies `commit`, if there is one; `false` where something that it demands is no longer so.
    async fn holds_and_is_done(&self, commit: Option<Commit>) -> Result<bool, StoreError> {
        match commit {
            None => Ok(true),
            Some(commit) => Ok(self.commit(commit).await? == Outcome::Applied),
        }
    }

    /// Does `work`, which commits nothing: recorded as intended before it begins, and as done or failed before it is answered.
    pub(super) async fn announce<T>(
        &self,
        asked: &AuditEvent,
        work: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ServiceError> {
        self.audit.record(vec![asked.clone()]).await?;
        let done = work.await;
        let outcome = match &done {
            Ok(_) => AuditOutcome::Done,
            Err(error) => AuditOutcome::Failed(error.to_string()),
        };
        let event = AuditEvent {
            outcome,
            ..asked.clone()
        };
        let recorded = self.audit.record(vec![event]).await;
        // The first failure is the one that tells most.
        let done = done?;
        recorded?;
        Ok(done)
    }

    /// Records that `asked` was refused, for the true reason.
    pub(super) async fn deny(
        &self,
        asked: &AuditEvent,
        reason: &'static str,
    ) -> Result<(), ServiceError> {
        let event = AuditEvent {
            outcome: AuditOutcome::Refused(reason.into()),
            ..asked.clone()
        };
        Ok(self.audit.record(vec![event]).await?)
    }

    /// Records that what was asked for is done: as `acts`, in one write.
    pub(super) async fn record_done(
        &self,
        asked: &AuditEvent,
        acts: impl IntoIterator<Item = Act>,
    ) -> Result<(), ServiceError> {
        let done = |act| AuditEvent {
            act,
            outcome: AuditOutcome::Done,
            ..asked.clone()
        };
        let events = acts.into_iter().map(done).collect();
        Ok(self.audit.record(events).await?)
    }
}
