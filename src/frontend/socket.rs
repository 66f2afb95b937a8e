//! The door for commands: the Unix socket of the process that holds the store.
//!
//! Beside a kiosk a command works on the kiosk's store by way of this socket, see [`crate::store::remote`]. Whoever
//! comes in is the same user as this process, or root, by what the system says of the peer; the folder and the
//! socket's mode say the same. A peer may therefore do what it could do to the store's files, no more; it cannot stop
//! this process or the others that are served: frames, connections and waiting are bounded.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{UnixListener, UnixStream},
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    ports::Audit,
    service::{EndedLogins, Foundation},
    store::{
        Outcome, Store, StoreError,
        accounts::Accounts,
        outbox,
        remote::{
            Place,
            wire::{self, Answer, Greeting, PAGE_BYTES, Refusal, Request, WireError},
        },
    },
};

/// Commands served at once.
const PLACES: usize = 16;

/// Rows read at once for a page; a command that wants more gets them in several answers.
const PAGE: usize = 64;

/// A command says at once what it is.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);

/// A command without a request for this long gives up its place.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// A command that takes no answer for this long has stopped.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Before the next try to accept, when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A command that has just changed something says so within this time.
const LAST_WORDS: Duration = Duration::from_millis(200);

const LEAVING: &str = "the process that holds the store is leaving; run the command again";

/// What commands work on.
#[derive(Debug, Clone)]
pub struct Held {
    store: Arc<dyn Store>,
    audit: Arc<dyn Audit>,
    ended_logins: EndedLogins,
    bell: Arc<Notify>,
    import_turn: Arc<Semaphore>,
}

impl Held {
    pub fn new(
        store: Arc<dyn Store>,
        audit: Arc<dyn Audit>,
        ended_logins: EndedLogins,
        bell: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            audit,
            ended_logins,
            bell,
            import_turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// What the services of this process stand on.
    pub fn by(house: &Foundation) -> Self {
        Self::new(
            house.store.clone(),
            house.audit.clone(),
            house.ended_logins.clone(),
            house.letters.bell.clone(),
        )
    }
}

/// The socket, bound. Its file goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// The users who may come in.
    guests: [u32; 2],
}

impl Socket {
    /// Binds the socket at `path`, in place of one that a killed process has left there. Only for the process that
    /// holds the store in the same folder: then nobody else listens here.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        if let Err(error) = fs::remove_file(&draft)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        // Bound beside its place and moved there: nobody ever finds one that is not private.
        let listener = UnixListener::bind(Place::of(&draft)?.address())?;
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600))?;
        fs::rename(&draft, path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            guests: [rustix::process::geteuid().as_raw(), 0],
        })
    }

    /// Serves commands until `leave` holds true; then ends what is under way and lets go of everything held.
    pub async fn serve(self, held: Held, leave: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(PLACES));
        let mut commands = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = asked(leave.clone()) => break,
                Some(_) = commands.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "no command can come in through the socket");
                    let _ = timeout(ACCEPT_PAUSE, asked(leave.clone())).await;
                    continue;
                }
            };
            if !self.is_guest(&stream) {
                continue;
            }
            let Ok(place) = places.clone().try_acquire_owned() else {
                turn_away(stream);
                continue;
            };
            let (held, leave) = (held.clone(), leave.clone());
            commands.spawn(async move {
                attend(stream, held, leave).await;
                drop(place);
            });
        }
        // First the file, so that a command that comes now finds nobody and opens the store itself.
        drop(self);
        while commands.join_next().await.is_some() {}
    }

    fn is_guest(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if self.guests.contains(&peer.uid()) => true,
            Ok(peer) => {
                tracing::warn!(
                    uid = peer.uid(),
                    pid = peer.pid(),
                    "another user at the socket was turned away"
                );
                false
            }
            Err(error) => {
                tracing::warn!(%error, "somebody unknown at the socket was turned away");
                false
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Where it cannot be removed, it is stale from now on, which hinders nobody.
        let _ = fs::remove_file(&self.path);
    }
}

async fn asked(mut leave: watch::Receiver<bool>) {
    // The sender is gone where the process has left already.
    let _ = leave.wait_for(|leave| *leave).await;
}

/// Tells a command that there is no place for it. A greeting fits into any socket's buffer, so nobody is waited for.
fn turn_away(stream: UnixStream) {
    let sentence = format!(
        "{PLACES} commands work on the store already; run this one again when one of them has ended"
    );
    let greeting = Greeting::of_this_program(Some(Refusal { sentence }));
    if let (Ok(mut stream), Ok(frame)) = (stream.into_std(), wire::frame(&greeting)) {
        let _ = io::Write::write_all(&mut stream, &frame);
    }
}

/// Serves one command over `stream` until it ends, or until `leave` holds true.
pub async fn attend<S>(mut stream: S, held: Held, leave: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut turn = None;
    match converse(&mut stream, &held, &mut turn, leave.clone()).await {
        Ok(()) | Err(WireError::Ended) => {}
        Err(error) => tracing::warn!(%error, "a command was broken off"),
    }
    // The command is not waited for by its import's remains.
    drop(stream);
    if turn.is_some() {
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
    held: &Held,
    turn: &mut Option<OwnedSemaphorePermit>,
    leave: watch::Receiver<bool>,
) -> Result<(), WireError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let own = Greeting::of_this_program(None);
    let theirs: Greeting = match timeout(GREETING_PATIENCE, wire::read(stream)).await {
        Ok(Err(WireError::Ended)) | Err(_) => return Ok(()),
        Ok(theirs) => theirs?,
    };
    // Of another version, it learns ours and goes.
    send(stream, &own).await?;
    if !own.is_same_program(&theirs) {
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
        let answer = answer(request, held, turn).await?;
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
    held: &Held,
    turn: &mut Option<OwnedSemaphorePermit>,
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
                held.bell.notify_one();
            }
            outcome.map(Answer::from)
        }
        Request::TakeImportTurn => match (&turn, held.import_turn.clone().try_acquire_owned()) {
            (Some(_), _) => Ok(Answer::Done),
            (None, Ok(permit)) => {
                *turn = Some(permit);
                Ok(Answer::Done)
            }
            (None, Err(_)) => Err(StoreError::Unavailable(
                "another import is under way; run this one again when it has ended".into(),
            )),
        },
        Request::Audit(record) => {
            held.audit.record(record.event().ok_or(WireError::Garbled)?);
            Ok(Answer::Done)
        }
        Request::EndedLogin(account) => {
            let account = account.key().ok_or(WireError::Garbled)?;
            held.ended_logins.tell(&account);
            Ok(Answer::Done)
        }
    };
    Ok(done.unwrap_or_else(|error| Answer::Failed(error.into())))
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
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::{domain::audit::AuditEvent, store::memory::Memory};

    #[derive(Debug)]
    struct NoAudit;

    impl Audit for NoAudit {
        fn record(&self, _: AuditEvent) {}
    }

    fn held() -> Held {
        let store = Arc::new(Memory::default());
        Held::new(
            store,
            Arc::new(NoAudit),
            EndedLogins::default(),
            Arc::default(),
        )
    }

    #[tokio::test]
    async fn another_user_is_turned_away_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lpse-kiosk.sock");
        let mut socket = Socket::bind(&path).unwrap();
        let own = rustix::process::geteuid().as_raw();
        socket.guests = [own + 1, own + 2];
        let (leave, leaving) = watch::channel(false);
        let serving = tokio::spawn(socket.serve(held(), leaving));
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty());
        leave.send_replace(true);
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn the_file_is_private_replaces_a_stale_one_and_goes_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        // Deeper than the system's addresses reach.
        let deep = folder.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let path = deep.join("lpse-kiosk.sock");
        let killed = Socket::bind(&path).unwrap();
        // Nothing of it is dropped, as by a kill.
        std::mem::forget(killed);
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(
            UnixStream::connect(Place::of(&path).unwrap().address())
                .await
                .is_ok()
        );
        drop(socket);
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }
}
