//! The store of another process, reached through that process's socket.
//!
//! One process holds an embedded store. Commands that run beside it work on this one instead: what they read and
//! commit goes through the socket, and with it what only the holder can do, which is to write the audit log, to tell
//! its sessions whose logins have ended, and to see that one import is under way at a time. So a command does beside a
//! kiosk just what it does alone.
//!
//! One task owns the stream: it sends one request and waits for its answer before it sends the next. After anything
//! that breaks this order the connection is not used again.

mod place;
pub mod wire;

use std::{fmt, io, os::unix::fs::MetadataExt, path::Path, time::Duration};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    Commit, Key, Outcome, Part, Snapshot, Store, StoreError, Turn, Value, Work, nodes::Node,
};
use crate::{
    domain::{AccountKey, audit::AuditEvent},
    ports::{AuditError, Recorded},
    vault::{Keyring, KeysHeld},
};
pub use place::Place;
use wire::{Answer, AuditRecord, Greeting, KeyPlace, Refusal, Request, WireError};

/// The holder answers a greeting at once; one that is stopped never does.
const GREETING_PATIENCE: Duration = Duration::from_secs(10);

/// Longer than the store itself takes to give a commit up: the holder then still says so.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// What is said when the holder is gone without a word.
const ENDED: &str = "the process that holds the store has ended; run the command again";

/// Why there is no working with the process that holds the store.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error(
        "the running lpse-kiosk is version {running} and this is version {own}; run the command with the program of the running one, or start that one anew with this program"
    )]
    OtherVersion { running: String, own: String },
    #[error("{0}")]
    Refused(String),
    #[error(
        "the process that holds the store does not answer at {0}; look what it does, or try again"
    )]
    Silent(String),
    #[error(
        "the socket {0} belongs to uid {1}, who is not the owner of its folder; see who put it there"
    )]
    Stranger(String, u32),
    #[error("the socket {0} cannot be used: {1}")]
    Failed(String, String),
}

impl JoinError {
    /// Whether the same command may succeed a moment later.
    pub fn is_for_now(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Silent(_))
    }
}

/// A connection to the process that holds the store.
#[derive(Debug)]
pub struct Joined {
    pub line: Line,
    /// Ends when every [`Line`] is dropped and all that was said is answered.
    pub ended: JoinHandle<()>,
}

/// Joins the process that takes commands at `socket`; `None` when nobody does, or when the folder is not ours to look
/// into.
pub async fn join(socket: &Path) -> Result<Option<Joined>, JoinError> {
    Ok(call(socket).await?.map(Joined::over))
}

/// A connection to the process that listens at `socket`, after the greetings; `None` as in [`join`].
pub async fn call(socket: &Path) -> Result<Option<UnixStream>, JoinError> {
    let shown = || socket.display().to_string();
    let failed = |error: io::Error| JoinError::Failed(shown(), error.to_string());
    let own = rustix::process::geteuid().as_raw();
    let owner = match socket.parent().map(Path::metadata) {
        Some(Ok(folder)) => folder.uid(),
        _ => return Ok(None),
    };
    // Whose the folder is decides whom we talk to; opening a store in somebody else's is refused in other words.
    if own != 0 && own != owner {
        return Ok(None);
    }
    let place = match Place::of(socket) {
        Ok(place) => place,
        Err(error) if nobody_listens(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut stream = match UnixStream::connect(place.address()).await {
        Ok(stream) => stream,
        Err(error) if nobody_listens(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let peer = stream.peer_cred().map_err(failed)?.uid();
    if ![own, owner, 0].contains(&peer) {
        return Err(JoinError::Stranger(shown(), peer));
    }
    exchange_greetings(&mut stream, &shown()).await?;
    Ok(Some(stream))
}

fn nobody_listens(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound, PermissionDenied, WouldBlock};
    // Where more wait than the system lets wait, it would block: then the holder is asked again, as when it starts.
    matches!(
        error.kind(),
        NotFound | ConnectionRefused | PermissionDenied | NotADirectory | WouldBlock
    )
}

/// Exchanges greetings over `stream`, which `shown` names, and goes on as a line.
pub async fn greet<S>(mut stream: S, shown: &str) -> Result<Joined, JoinError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    exchange_greetings(&mut stream, shown).await?;
    Ok(Joined::over(stream))
}

/// Exchanges greetings over `stream`, which `shown` names.
async fn exchange_greetings<S>(stream: &mut S, shown: &str) -> Result<(), JoinError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let own = Greeting::of_this_program(None);
    let heard = timeout(GREETING_PATIENCE, async {
        // A holder that has no place for us has closed already; what it said before can still be read.
        let _ = wire::write(stream, &own).await;
        wire::read::<Greeting>(stream).await
    });
    let theirs = match heard.await {
        Err(_) => return Err(JoinError::Silent(shown.to_owned())),
        Ok(Err(WireError::Ended)) => return Err(JoinError::Refused(ENDED.to_owned())),
        Ok(Err(error)) => return Err(JoinError::Failed(shown.to_owned(), error.to_string())),
        Ok(Ok(theirs)) => theirs,
    };
    if !own.is_same_program(&theirs) {
        let mut running = theirs.version;
        if running == own.version {
            running.push_str(" of another build");
        }
        return Err(JoinError::OtherVersion {
            running,
            own: own.version,
        });
    }
    if let Some(Refusal { sentence }) = theirs.refusal {
        return Err(JoinError::Refused(sentence));
    }
    Ok(())
}

impl Joined {
    fn over<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        #[expect(
            clippy::disallowed_methods,
            reason = "a caller waits for the answer to each of its questions, and callers are few"
        )]
        let (asks, queue) = mpsc::unbounded_channel();
        Self {
            line: Line { asks },
            ended: tokio::spawn(carry(stream, queue)),
        }
    }
}

/// The way to the holder, for all that is said to it.
#[derive(Clone)]
pub struct Line {
    asks: mpsc::UnboundedSender<Ask>,
}

struct Ask {
    request: Request,
    reply: Reply,
}

enum Reply {
    To(oneshot::Sender<Result<Answer, StoreError>>),
    /// Nobody waits, and nothing is lost when it fails.
    Nobody,
}

impl Line {
    /// Has `events` written to the holder's audit log. The request is on its way when this returns; that it is done is
    /// the answer, and is waited for in any case when the line ends.
    pub fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        let records = events.iter().map(AuditRecord::from).collect();
        let asked = self.begin(Request::Audit(records));
        Box::pin(async move {
            let refused = |why: StoreError| AuditError::Unwritable(why.to_string());
            match asked.await.map_err(refused)? {
                Answer::Done => Ok(()),
                _ => Err(refused(unfitting())),
            }
        })
    }

    /// Has the holder's sessions told that the open logins of `account` have ended.
    pub fn tell_ended(&self, account: &AccountKey) {
        // A process that does not hear it has ended, and its sessions with it.
        let _ = self.asks.send(Ask {
            request: Request::EndedLogin(account.into()),
            reply: Reply::Nobody,
        });
    }

    /// Has the holder read its master keys again; which it holds then.
    pub async fn learn_keys(&self) -> Result<KeysHeld, StoreError> {
        self.ask_for_keys(Request::LearnKeys).await
    }

    /// Where the holder keeps its master keys.
    pub async fn key_place(&self) -> Result<KeyPlace, StoreError> {
        match self.ask(Request::KeyPlace).await? {
            Answer::KeyPlace(place) => Ok(place),
            _ => Err(unfitting()),
        }
    }

    /// Has the holder take `keys` for those that it will be given at its next start; which it holds then.
    pub async fn hold_keys(&self, keys: &Keyring) -> Result<KeysHeld, StoreError> {
        self.ask_for_keys(Request::HoldKeys(wire::key_bytes(keys)))
            .await
    }

    /// Has the holder seal with the master key named `id`; which it holds then.
    pub async fn seal_with(&self, id: &str) -> Result<KeysHeld, StoreError> {
        self.ask_for_keys(Request::SealWith(id.to_owned())).await
    }

    async fn ask_for_keys(&self, request: Request) -> Result<KeysHeld, StoreError> {
        match self.ask(request).await? {
            Answer::Keys { sealing, opening } => Ok(KeysHeld { sealing, opening }),
            _ => Err(unfitting()),
        }
    }

    async fn ask(&self, request: Request) -> Result<Answer, StoreError> {
        self.begin(request).await
    }

    /// Sends `request` off within the call; what comes back is its answer.
    fn begin(&self, request: Request) -> impl Future<Output = Result<Answer, StoreError>> + use<> {
        let (reply, answer) = oneshot::channel();
        let reply = Reply::To(reply);
        let ended = || StoreError::Unavailable(ENDED.into());
        let sent = self.asks.send(Ask { request, reply }).map_err(|_| ended());
        async move {
            sent?;
            answer.await.map_err(|_| ended())?
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// Carries what is asked to the holder, one request after the other.
async fn carry<S>(mut stream: S, mut queue: mpsc::UnboundedReceiver<Ask>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut broken: Option<String> = None;
    while let Some(Ask { request, reply }) = queue.recv().await {
        let answer = match &broken {
            Some(why) => Err(StoreError::Unavailable(why.clone())),
            None => match exchange(&mut stream, &request).await {
                Ok(Answer::Failed(failure)) => Err(failure.into()),
                Ok(answer) => Ok(answer),
                Err(Break { why, error }) => {
                    broken = why;
                    Err(error)
                }
            },
        };
        match (reply, answer) {
            (Reply::To(asker), answer) => {
                // Whoever has stopped waiting has no use for it.
                let _ = asker.send(answer);
            }
            (Reply::Nobody, _) => {}
        }
    }
}

/// A request without an answer.
struct Break {
    /// Why nothing more is sent; `None` when the next request can be.
    why: Option<String>,
    error: StoreError,
}

impl Break {
    /// Nothing was done, and nothing more will be.
    fn undone(why: String) -> Self {
        Self {
            error: StoreError::Unavailable(why.clone()),
            why: Some(why),
        }
    }
}

async fn exchange<S>(stream: &mut S, request: &Request) -> Result<Answer, Break>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match timeout(ANSWER_PATIENCE, wire::write(stream, request)).await {
        Ok(Ok(())) => {}
        Ok(Err(WireError::TooLong(length))) => {
            return Err(Break {
                why: None,
                error: StoreError::TooLarge(length),
            });
        }
        // The holder never got the whole of it, so nothing of it is done. It may have said farewell before it closed.
        Ok(Err(_)) => {
            return Err(Break::undone(match farewell(stream).await {
                Some(sentence) => sentence,
                None => ENDED.to_owned(),
            }));
        }
        Err(_) => return Err(Break::undone(silence())),
    }
    let why = match timeout(ANSWER_PATIENCE, wire::read::<Answer>(stream)).await {
        // Said instead of an answer: the holder has not taken the request.
        Ok(Ok(Answer::Farewell(sentence))) => return Err(Break::undone(sentence)),
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(_)) => ENDED.to_owned(),
        Err(_) => silence(),
    };
    Err(match request {
        Request::Commit { .. } => Break {
            error: StoreError::Unknown(format!("{why}, but look first whether it was done")),
            why: Some(why),
        },
        _ => Break::undone(why),
    })
}

fn silence() -> String {
    "the process that holds the store does not answer; look what it does, and run the command again"
        .to_owned()
}

async fn farewell(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    match timeout(Duration::from_secs(1), wire::read::<Answer>(stream)).await {
        Ok(Ok(Answer::Farewell(sentence))) => Some(sentence),
        _ => None,
    }
}

/// The store of the process at the other end of a line.
#[derive(Debug)]
pub struct Remote {
    line: Line,
}

impl Remote {
    pub fn new(line: Line) -> Self {
        Self { line }
    }
}

/// An answer of another kind than the question's.
fn unfitting() -> StoreError {
    StoreError::Unavailable(
        "the process that holds the store gave an answer to another question; report it as a fault"
            .into(),
    )
}

#[async_trait]
impl Store for Remote {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        let key = key.as_bytes().to_vec();
        match self.line.ask(Request::Get { key }).await? {
            Answer::Value(value) => Ok(value),
            _ => Err(unfitting()),
        }
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let mut rows: Vec<(Key, Value)> = Vec::new();
        // An answer holds as much as a frame takes; a page may need several.
        while rows.len() < limit {
            let after = rows.last().map(|(key, _)| key).or(after);
            let request = Request::Page {
                prefix: prefix.as_bytes().to_vec(),
                after: after.map(|key| key.as_bytes().to_vec()),
                limit: u32::try_from(limit - rows.len()).unwrap_or(u32::MAX),
            };
            let Answer::Page {
                rows: more,
                is_last,
            } = self.line.ask(request).await?
            else {
                return Err(unfitting());
            };
            let is_empty = more.is_empty();
            rows.extend(
                more.into_iter()
                    .map(|(key, value)| (Key::from_bytes(key), value)),
            );
            if is_last || is_empty {
                break;
            }
        }
        Ok(rows)
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        commit.check_plain_size()?;
        match self.line.ask(Request::commit(&commit)).await? {
            Answer::Applied => Ok(Outcome::Applied),
            Answer::Conflict => Ok(Outcome::Conflict),
            _ => Err(unfitting()),
        }
    }

    async fn take_turn(&self, work: Work) -> Result<Turn, StoreError> {
        let request = match work {
            Work::Import => Request::TakeImportTurn,
            Work::Rotation => Request::TakeRotationTurn,
            Work::Copy => {
                return Err(StoreError::Unavailable(
                    "a store is copied by whoever holds it alone".into(),
                ));
            }
        };
        match self.line.ask(request).await? {
            // The holder has it for this line, until that ends.
            Answer::Done => Ok(Turn::default()),
            _ => Err(unfitting()),
        }
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        match self.line.ask(Request::Nodes).await? {
            Answer::Nodes(nodes) => Ok(nodes),
            _ => Err(unfitting()),
        }
    }

    async fn forget_node(&self, name: &str) -> Result<bool, StoreError> {
        match self.line.ask(Request::ForgetNode(name.to_owned())).await? {
            Answer::Done => Ok(true),
            Answer::Conflict => Ok(false),
            _ => Err(unfitting()),
        }
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        match self.line.ask(Request::BeginSnapshot).await? {
            Answer::Done => Ok(Box::new(Copy {
                line: self.line.clone(),
            })),
            _ => Err(unfitting()),
        }
    }
}

/// The copy that the holder makes for this line.
#[derive(Debug)]
struct Copy {
    line: Line,
}

#[async_trait]
impl Snapshot for Copy {
    async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        let Answer::Part(part) = self.line.ask(Request::NextPart).await? else {
            return Err(unfitting());
        };
        let rows = part.map(IntoIterator::into_iter);
        Ok(rows.map(|rows| {
            rows.map(|(key, value)| (Key::from_bytes(key), value))
                .collect()
        }))
    }
}
