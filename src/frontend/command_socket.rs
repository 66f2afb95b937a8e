//! The door for commands: the Unix socket of the process that holds the store.
//!
//! Beside a kiosk a command works on the kiosk's store by way of this socket, see [`crate::store::remote`]. It is a
//! [`PrivateSocket`]: a peer may do what it could do to the store's files, no more; it cannot stop this process or the
//! others that are served: frames, connections and waiting are bounded. Who it is, the system says; root is believed whom it
//! works for, because `sudo` alone knows that.
//!
//! A master key may come over it, where this process was given a copy of its file that it cannot read again. Whoever may
//! come in has that file or that copy already, and can seal and open by it.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::unix::UCred,
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use super::private_socket::{PrivateSocket, greet, turn_away};
use crate::{
    adapter,
    domain::{Source, audit::AuditEvent, operator::Operator},
    ports::Audit,
    service::{EndedLogins, Foundation},
    store::{
        Outcome, Part, Snapshot, Store, StoreError, Turn, Work,
        accounts::Accounts,
        outbox,
        remote::wire::{self, Answer, AuditRecord, KeyPlace, PAGE_BYTES, Request, WireError},
    },
    vault::{KeyError, KeysHeld, Vault},
};

/// Commands served at once.
const SLOTS: usize = 16;

/// Rows read at once for a page; a command that wants more gets them in several answers.
const PAGE: usize = 64;

/// A command without a request for this long gives up its slot.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// A command that takes no answer for this long has stopped.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// A command that has just changed something says so within this time.
const LAST_WORDS: Duration = Duration::from_millis(200);

const LEAVING: &str = "the process that holds the store is leaving; run the command again";

/// What commands work on.
#[derive(Debug, Clone)]
pub struct Held {
    store: Arc<dyn Store>,
    audit: Arc<dyn Audit>,
    ended_logins: EndedLogins,
    wake: Arc<Notify>,
    import_turn: Arc<Semaphore>,
    rotation_turn: Arc<Semaphore>,
    /// The keys of this process, where it has any.
    vault: Option<Vault>,
}

/// A turn among all processes over the store, and among the commands beside this one.
type TurnHere = (Turn, OwnedSemaphorePermit);

/// What one command has to itself, until its connection ends.
#[derive(Debug, Default)]
struct Taken {
    import_turn: Option<TurnHere>,
    rotation_turn: Option<TurnHere>,
    snapshot: Option<Box<dyn Snapshot>>,
}

impl Held {
    pub fn new(
        store: Arc<dyn Store>,
        audit: Arc<dyn Audit>,
        ended_logins: EndedLogins,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            audit,
            ended_logins,
            wake,
            import_turn: Arc::new(Semaphore::new(1)),
            rotation_turn: Arc::new(Semaphore::new(1)),
            vault: None,
        }
    }

    /// What the services of this process stand on.
    pub fn by(deps: &Foundation) -> Self {
        Self {
            vault: Some(deps.vault.clone()),
            ..Self::new(
                deps.store.clone(),
                deps.audit.clone(),
                deps.ended_logins.clone(),
                deps.letters.wake.clone(),
            )
        }
    }
}

/// Who is at the other end of a connection, by what the system says of them.
#[derive(Debug)]
pub enum Peer {
    /// What it says of whoever runs the command is recorded.
    Root,
    /// Whatever it says, it was them.
    Other(Operator),
}

impl Peer {
    /// The peer of these credentials. It may ask for a name, and wait for the answer.
    fn of(credentials: UCred) -> Self {
        match credentials.uid() {
            0 => Self::Root,
            user => Self::Other(adapter::operator::of_peer(user, credentials.pid())),
        }
    }

    /// The event as it is recorded of this peer.
    fn attested(&self, event: AuditEvent) -> AuditEvent {
        match (self, &event.from) {
            (Self::Other(operator), Source::Command(_)) => AuditEvent {
                from: Source::Command(operator.clone()),
                ..event
            },
            _ => event,
        }
    }
}

/// Serves commands at `socket` until `leave` holds true; then ends what is under way and lets go of everything held.
pub async fn serve(socket: PrivateSocket, held: Held, leave: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(SLOTS));
    let mut commands = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = asked(leave.clone()) => break,
            Some(_) = commands.join_next() => continue,
            stream = socket.accept() => stream,
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            turn_away(
                stream,
                format!(
                    "{SLOTS} commands work on the store already; run this one again when one of them has ended"
                ),
            );
            continue;
        };
        // Whoever has gone already wants nothing.
        let Ok(credentials) = stream.peer_cred() else {
            continue;
        };
        let (held, leave) = (held.clone(), leave.clone());
        commands.spawn(async move {
            let known = tokio::task::spawn_blocking(move || Peer::of(credentials)).await;
            if let Ok(peer) = known {
                attend(stream, peer, held, leave).await;
            }
            drop(slot);
        });
    }
    // First the file, so that a command that comes now finds nobody and opens the store itself.
    drop(socket);
    while commands.join_next().await.is_some() {}
}

async fn asked(mut leave: watch::Receiver<bool>) {
    // The sender is gone where the process has left already.
    let _ = leave.wait_for(|leave| *leave).await;
}

/// Serves the command of `peer` over `stream` until it ends, or until `leave` holds true.
pub async fn attend<S>(mut stream: S, peer: Peer, held: Held, leave: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut taken = Taken::default();
    match converse(&mut stream, &peer, &held, &mut taken, leave.clone()).await {
        Ok(()) | Err(WireError::Ended) => {}
        Err(error) => tracing::warn!(%error, "a command was broken off"),
    }
    // The command is not waited for by its import's remains.
    drop(stream);
    taken.snapshot = None;
    if taken.import_turn.is_some() {
        // An import that came to its end has left nothing, and this finds nothing. What is left when we leave
        // ourselves is swept when the store is opened next.
        let accounts = Accounts::new(held.store.clone());
        tokio::select! {
            () = asked(leave) => {}
            swept = accounts.sweep_imports() => {
                if let Err(error) = swept {
                    tracing::warn!(%error, "what a broken-off import left behind stays until the next start");
                }
            }
        }
    }
}

/// What came of waiting for a request.
type Heard = Result<Result<Request, WireError>, tokio::time::error::Elapsed>;

async fn converse<S>(
    stream: &mut S,
    peer: &Peer,
    held: &Held,
    taken: &mut Taken,
    leave: watch::Receiver<bool>,
) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !greet(stream).await? {
        return Ok(());
    }
    // A commit was applied whose record in the audit log is still to come.
    let mut owes_record = false;
    loop {
        let heard = {
            let reading = timeout(IDLE, wire::read::<Request>(stream));
            tokio::pin!(reading);
            tokio::select! {
                biased;
                () = asked(leave.clone()) => {
                    // What was done belongs into the log, even if we leave just now; nothing else is begun.
                    let last = if owes_record {
                        timeout(LAST_WORDS, &mut reading).await.ok()
                    } else {
                        None
                    };
                    let is_word = |heard: &Heard| {
                        matches!(heard, Ok(Ok(Request::Audit(_) | Request::EndedLogin(_))))
                    };
                    last.filter(is_word)
                }
                heard = &mut reading => Some(heard),
            }
        };
        let Some(request) = heard else {
            return send(stream, &farewell(LEAVING)).await;
        };
        let request = match request {
            Ok(Ok(request)) => request,
            Ok(Err(WireError::Ended)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let minutes = IDLE.as_secs() / 60;
                let sentence = format!(
                    "the command did nothing for {minutes} minutes and lost its place; run it again"
                );
                return send(stream, &farewell(&sentence)).await;
            }
        };
        let is_record = matches!(request, Request::Audit(_));
        let answer = answer(request, peer, held, taken).await?;
        owes_record = matches!(answer, Answer::Applied) || owes_record && !is_record;
        send(stream, &answer).await?;
    }
}

fn farewell(sentence: &str) -> Answer {
    Answer::Farewell(sentence.to_owned())
}

async fn send<S>(stream: &mut S, message: &impl serde::Serialize) -> Result<(), WireError>
where
    S: AsyncWrite + Unpin,
{
    match timeout(ANSWER_PATIENCE, wire::write(stream, message)).await {
        // Whoever does not wait for the answer has changed their mind.
        Ok(Err(WireError::Io(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(WireError::Ended)
        }
        Ok(sent) => sent,
        Err(_) => Err(WireError::Io(io::ErrorKind::TimedOut.into())),
    }
}

/// Does what is asked. What makes no sense is an error, and ends the conversation.
async fn answer(
    request: Request,
    peer: &Peer,
    held: &Held,
    taken: &mut Taken,
) -> Result<Answer, WireError> {
    let done = match request {
        Request::Get { key } => {
            let key = wire::key(key);
            held.store.get(&key).await.map(Answer::Value)
        }
        Request::Page {
            prefix,
            after,
            limit,
        } => page(&*held.store, prefix, after, limit).await,
        Request::Commit { expect, write } => {
            let commit = wire::commit(expect, write);
            let is_letter = outbox::is_fed_by(&commit);
            let outcome = held.store.commit(commit).await;
            if is_letter && matches!(outcome, Ok(Outcome::Applied)) {
                held.wake.notify_one();
            }
            outcome.map(Answer::from)
        }
        Request::TakeImportTurn => {
            take(
                Work::Import,
                &mut taken.import_turn,
                &held.import_turn,
                &*held.store,
            )
            .await
        }
        Request::TakeRotationTurn => {
            take(
                Work::Rotation,
                &mut taken.rotation_turn,
                &held.rotation_turn,
                &*held.store,
            )
            .await
        }
        Request::LearnKeys => keys(held, Vault::learn).await,
        Request::KeyPlace => key_place(held).map(Answer::KeyPlace),
        // Only whoever has the turn: the others' idea of the keys may be an old one.
        Request::HoldKeys(_) if taken.rotation_turn.is_none() => return Err(WireError::Garbled),
        Request::HoldKeys(bytes) => {
            let kept = wire::keyring(bytes).ok_or(WireError::Garbled)?;
            keys(held, move |vault| vault.hold(&kept)).await
        }
        Request::SealWith(_) if taken.rotation_turn.is_none() => return Err(WireError::Garbled),
        Request::SealWith(id) => keys(held, move |vault| vault.seal_with(&id)).await,
        Request::BeginSnapshot => held.store.snapshot().await.map(|snapshot| {
            taken.snapshot = Some(snapshot);
            Answer::Done
        }),
        Request::NextPart => {
            let snapshot = taken.snapshot.as_mut().ok_or(WireError::Garbled)?;
            let bytes = |part: Part| {
                let rows = part.into_iter();
                rows.map(|(key, value)| (key.as_bytes().to_vec(), value))
                    .collect()
            };
            let next = snapshot.next().await;
            next.map(|part| Answer::Part(part.map(bytes)))
        }
        Request::Nodes => held.store.nodes().await.map(Answer::Nodes),
        Request::ForgetNode(name) => {
            let done = held.store.forget_node(&name).await;
            done.map(|is_done| match is_done {
                true => Answer::Done,
                false => Answer::Conflict,
            })
        }
        Request::Audit(records) => {
            let event = |record: AuditRecord| record.event().map(|event| peer.attested(event));
            let events: Option<Vec<_>> = records.into_iter().map(event).collect();
            let recorded = held.audit.record(events.ok_or(WireError::Garbled)?).await;
            recorded
                .map(|()| Answer::Done)
                .map_err(|error| StoreError::Unavailable(error.to_string()))
        }
        Request::EndedLogin(account) => {
            let account = account.key().ok_or(WireError::Garbled)?;
            held.ended_logins.tell(&account);
            Ok(Answer::Done)
        }
    };
    Ok(done.unwrap_or_else(|error| Answer::Failed(error.into())))
}

/// Gives the command one of the turns, unless another one has it, here or elsewhere.
async fn take(
    work: Work,
    taken: &mut Option<TurnHere>,
    turn: &Arc<Semaphore>,
    store: &dyn Store,
) -> Result<Answer, StoreError> {
    if taken.is_none() {
        let permit = turn.clone().try_acquire_owned();
        let here = permit.map_err(|_| StoreError::Taken(work))?;
        *taken = Some((store.take_turn(work).await?, here));
    }
    Ok(Answer::Done)
}

/// Where this process keeps its keys.
fn key_place(held: &Held) -> Result<KeyPlace, StoreError> {
    let file = held.vault.as_ref().and_then(Vault::file);
    let file = file.ok_or_else(without_key)?;
    Ok(KeyPlace {
        shown: file.shown(),
        is_replaceable: file.replaceable().is_ok(),
    })
}

fn without_key() -> StoreError {
    StoreError::Unavailable("it has no master key".into())
}

/// Changes which keys are in use, which may read a file.
async fn keys(
    held: &Held,
    change: impl FnOnce(&Vault) -> Result<KeysHeld, KeyError> + Send + 'static,
) -> Result<Answer, StoreError> {
    let unavailable = StoreError::Unavailable;
    let vault = held.vault.clone();
    let vault = vault.ok_or_else(without_key)?;
    let changed = tokio::task::spawn_blocking(move || change(&vault)).await;
    let changed = changed.map_err(|_| unavailable("its keys stay as they were".into()))?;
    let KeysHeld { sealing, opening } =
        changed.map_err(|KeyError(why)| StoreError::Unavailable(why))?;
    Ok(Answer::Keys { sealing, opening })
}

/// As much of a page as one frame takes, at least one row if there is one.
async fn page(
    store: &dyn Store,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
    limit: u32,
) -> Result<Answer, StoreError> {
    let asked = limit as usize;
    let limit = asked.min(PAGE);
    let (prefix, after) = (wire::key(prefix), after.map(wire::key));
    let found = store.page(&prefix, after.as_ref(), limit).await?;
    let mut is_last = found.len() < limit || limit == asked;
    let mut rows = Vec::with_capacity(found.len());
    let mut bytes = 0;
    for (key, value) in found {
        if bytes > PAGE_BYTES {
            is_last = false;
            break;
        }
        bytes += key.as_bytes().len() + value.len();
        rows.push((key.as_bytes().to_vec(), value));
    }
    Ok(Answer::Page { rows, is_last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Act, AuditOutcome};

    #[test]
    fn root_is_believed_whom_it_works_for_and_nobody_else_is() {
        let event = |from: &Source| AuditEvent::new(Act::Suspend, AuditOutcome::Done, from);
        let claimed = event(&Source::Command(Operator::new("siti", Some("root"), None)));
        assert_eq!(Peer::Root.attested(claimed.clone()), claimed);
        let budi = Operator::new("budi", None, None);
        let recorded = Peer::Other(budi.clone()).attested(claimed);
        assert_eq!(recorded, event(&Source::Command(budi.clone())));
        let elsewhere = event(&Source::Peer([192, 0, 2, 7].into()));
        let recorded = Peer::Other(budi).attested(elsewhere.clone());
        assert_eq!(recorded, elsewhere, "what is no command's stays");
    }
}
