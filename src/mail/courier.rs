//! The courier: takes letters from the outbox to the mail server, until it has taken them or nobody needs them any
//! more.
//!
//! A letter is claimed before it is tried and removed after it was taken, both conditionally, so that of several
//! couriers one delivers it. A courier that is killed between the two leaves a claim that ends by itself; the letter's
//! Message-ID stays the same, so that a receiver can tell a second copy. An empty outbox costs nothing: the courier
//! sleeps until something wakes it; where other machines write letters too, it looks once a minute.

use std::{sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use super::{
    inbox::Inbox,
    message::{self, Sender},
    transport::{DeliveryError, Transport},
};
use crate::{
    domain::{
        audit::{Act, AuditEvent, AuditOutcome},
        durations::SharedDurations,
        letter::{Delivery, Letter, LetterId, Stage},
        reset::TicketSecrets,
    },
    ports::{Audit, Clock, Random},
    store::{
        Outcome, StoreError,
        outbox::{Outbox, Read},
    },
    vault::{Vault, VaultError},
};

/// Letters looked at at once.
const PAGE: usize = 64;

/// Letters on their way at once: one slow conversation does not hold up the next letter.
const AT_ONCE: usize = 4;

/// A try that has not come to the letter itself by then ends: a server that answers every step just in time would hold
/// a letter beyond its claim.
const LONGEST_WAY: Duration = Duration::from_secs(150);

/// While letters wait, the courier looks at least this often: the wall clock may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// After the store could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(15);

/// Where letters go.
#[derive(Debug, Clone)]
pub enum Post {
    Server(Arc<dyn Transport>),
    /// Training: nothing leaves this process.
    Training(Arc<Inbox>),
}

/// What a courier works with.
#[derive(Debug, Clone)]
pub struct CourierSettings {
    pub outbox: Outbox,
    pub vault: Vault,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub audit: Arc<dyn Audit>,
    pub sender: Sender,
    pub post: Post,
    /// Notified whenever a letter was put into the outbox.
    pub wake: Arc<Notify>,
    /// This machine's name among those that share the outbox.
    pub node: String,
    /// Couriers on other machines are at the same outbox.
    pub is_shared: bool,
    /// Where it is noted how long each conversation with the mail server took, whatever came of it.
    pub conversations: Arc<SharedDurations>,
}

/// Delivers the letters of a store.
#[derive(Debug, Clone)]
pub struct Courier {
    settings: Arc<CourierSettings>,
    /// By which its claims are told from those of other couriers.
    name: String,
}

impl Courier {
    pub fn new(settings: CourierSettings) -> Self {
        let mut name = [0; 8];
        settings.random.fill(&mut name);
        Self {
            name: Delivery::claimant(&settings.node, &HEXLOWER.encode(&name)),
            settings: Arc::new(settings),
        }
    }

    /// Delivers until `leave` holds true. What is on its way then is tried again by whoever comes next.
    pub async fn run(self, mut leave: watch::Receiver<bool>) {
        let wake = self.settings.wake.clone();
        loop {
            let round = async {
                let pause = match self.round().await {
                    Ok(Some(next)) => {
                        let left = next.duration_since(self.settings.clock.now());
                        Some(
                            Duration::try_from(left)
                                .unwrap_or_default()
                                .min(LONGEST_SLEEP),
                        )
                    }
                    // Nothing wakes it here for a letter that another machine left behind.
                    Ok(None) => self.settings.is_shared.then_some(LONGEST_SLEEP),
                    Err(error) => {
                        tracing::warn!(%error, "the outbox cannot be read");
                        Some(STORE_PAUSE)
                    }
                };
                let asleep = async {
                    match pause {
                        Some(pause) => tokio::time::sleep(pause).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = wake.notified() => {}
                    () = asleep => {}
                }
            };
            tokio::select! {
                biased;
                _ = leave.wait_for(|asked| *asked) => return,
                () = round => {}
            }
        }
    }

    /// Tries everything that is due; says when there will be more to do.
    pub async fn round(&self) -> Result<Option<Timestamp>, StoreError> {
        let settings = &self.settings;
        let mut next: Option<Timestamp> = None;
        let mut sooner = |at: Option<Timestamp>| {
            next = [next, at].into_iter().flatten().min();
        };
        let mut under_way: JoinSet<Result<Option<Timestamp>, StoreError>> = JoinSet::new();
        let mut after: Option<LetterId> = None;
        loop {
            let page = settings.outbox.page(after.as_ref(), PAGE).await?;
            for read in page.letters {
                let now = settings.clock.now();
                let Some(read) = settings.outbox.corrected(read, now).await? else {
                    continue;
                };
                if now >= read.letter.good_until {
                    self.drop_expired(&read).await?;
                } else if let Some(claim) = read.delivery.claimed(&self.name, now) {
                    if under_way.len() >= AT_ONCE {
                        sooner(ended(under_way.join_next().await)?);
                    }
                    let courier = self.clone();
                    under_way.spawn(async move { courier.carry(read, claim).await });
                } else {
                    let end = read.letter.good_until;
                    sooner(read.delivery.next().map(|at| at.min(end)));
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        while let Some(done) = under_way.join_next().await {
            sooner(ended(Some(done))?);
        }
        Ok(next)
    }

    /// Claims one letter and tries it. Says when it is to be looked at again, if it is.
    async fn carry(&self, read: Read, claim: Delivery) -> Result<Option<Timestamp>, StoreError> {
        let settings = &self.settings;
        let Some(claimed) = settings.outbox.update(read, claim).await? else {
            // Somebody else was faster, or it was withdrawn.
            return Ok(None);
        };
        let letter = &claimed.letter;
        let left = letter.good_until.duration_since(settings.clock.now());
        let left = Duration::try_from(left)
            .unwrap_or_default()
            .min(LONGEST_WAY);
        let tried = self.try_once(&claimed, left).await;
        let now = settings.clock.now();
        let (delivery, said) = match tried {
            Ok(()) => {
                settings.outbox.remove(&claimed).await?;
                self.record(letter, AuditOutcome::Done).await;
                return Ok(None);
            }
            Err(DeliveryError::Temporary(reason)) => {
                let mut jitter = [0];
                settings.random.fill(&mut jitter);
                (
                    claimed.delivery.put_off(reason, now, jitter[0]),
                    "a letter was not taken; it will be tried again",
                )
            }
            Err(DeliveryError::Unknown {
                reason,
                was_answered,
            }) => {
                let unknown = claimed.delivery.unknown(reason, was_answered, now);
                let said = if unknown.stage == Stage::Refused {
                    "a letter may have been taken or not; `outbox list` shows it"
                } else {
                    "a letter may have been taken or not; it will be sent once more"
                };
                (unknown, said)
            }
            Err(DeliveryError::Permanent(reason)) => (
                claimed.delivery.refused(reason),
                "a letter was refused; `outbox list` shows it",
            ),
        };
        let (letter, next) = (letter.clone(), delivery.next());
        let is_refused = delivery.stage == Stage::Refused;
        let reason = delivery.last_error.clone().unwrap_or_default();
        // Said when it is stored: who reads it in the log and asks for `outbox list` finds it there.
        let stored = settings.outbox.update(claimed, delivery).await;
        if is_refused {
            tracing::error!(letter = %letter.id, %reason, "{said}");
            self.record(&letter, AuditOutcome::Failed(reason)).await;
        } else {
            tracing::warn!(letter = %letter.id, %reason, "{said}");
        }
        Ok(stored?.and(next))
    }

    /// Hands the letter over, to a server that asks for it `within` that time.
    async fn try_once(&self, read: &Read, within: Duration) -> Result<(), DeliveryError> {
        let settings = &self.settings;
        let letter = &read.letter;
        let secrets: Option<TicketSecrets> = read
            .secrets
            .as_ref()
            .map(|sealed| settings.vault.open_ticket_secrets(&letter.id, sealed))
            .transpose()
            .map_err(|error| {
                let why = format!("the letter's secrets cannot be opened: {error}");
                match error {
                    // Another machine has the key, or this one will.
                    VaultError::UnknownKey(_) => DeliveryError::Temporary(why),
                    VaultError::NotAuthentic => DeliveryError::Permanent(why),
                }
            })?;
        match &settings.post {
            Post::Training(inbox) => {
                let words = message::words(letter, secrets.as_ref(), &settings.sender);
                inbox.put(letter, words, secrets.as_ref());
                Ok(())
            }
            Post::Server(transport) => {
                let message = message::compose(letter, secrets.as_ref(), &settings.sender)
                    .map_err(|error| DeliveryError::Permanent(error.to_string()))?;
                let begun = settings.clock.monotonic();
                let delivered = transport.deliver(&message, within).await;
                let took = settings.clock.monotonic().saturating_sub(begun);
                settings.conversations.note(took);
                delivered
            }
        }
    }

    /// Nobody needs it any more: its ticket has expired, or its news is old.
    async fn drop_expired(&self, read: &Read) -> Result<(), StoreError> {
        if self.settings.outbox.remove(read).await? == Outcome::Conflict {
            // Somebody else is at it.
            return Ok(());
        }
        let reason = match &read.delivery.last_error {
            Some(last) => format!("expired; the last try: {last}"),
            None => "expired before it was tried".to_owned(),
        };
        tracing::error!(letter = %read.letter.id, %reason, "a letter was not delivered in time");
        self.record(&read.letter, AuditOutcome::Failed(reason))
            .await;
        Ok(())
    }

    /// What became of a letter is done, whether or not the log takes it.
    async fn record(&self, letter: &Letter, outcome: AuditOutcome) {
        let event = AuditEvent::new(Act::DeliverLetter, outcome, &letter.from).on(&letter.account);
        if let Err(error) = self.settings.audit.record(vec![event]).await {
            tracing::error!(letter = %letter.id, %error, "what became of a letter is not in the audit log");
        }
    }
}

/// What a try that ran beside others came to. One that panicked left a claim, which ends by itself.
fn ended(
    done: Option<Result<Result<Option<Timestamp>, StoreError>, tokio::task::JoinError>>,
) -> Result<Option<Timestamp>, StoreError> {
    match done {
        Some(Ok(next)) => next,
        Some(Err(_)) | None => Ok(None),
    }
}
