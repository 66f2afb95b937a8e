//! What goes over the socket: frames of a length (four bytes, the greatest first) and as many bytes of postcard.
//!
//! The two ends are one version of one program, or part after their greetings; only [`Greeting`] must therefore keep
//! its form for ever. Nothing here is ever printed: the messages hold stored bytes.

use std::io;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    domain::{
        AccountKey, Source, UserId,
        audit::{AuditEvent, AuditOutcome},
        operator::Operator,
    },
    store::{Altered, Commit, Key, Outcome, StoreError, Value, Work, nodes::Node},
    vault::{Keyring, MasterKey},
};

/// Raised whenever a message changes its form between two builds of one version.
pub const PROTOCOL: u32 = 9;

/// The largest frame. The largest commit fits in it several times, and an answer with a page is cut to fit.
pub const LARGEST_FRAME: usize = 1024 * 1024;

/// An answer with a page is full with this many bytes of keys and values; one row more, of at most
/// [`Commit::MAX_BYTES`], still fits.
pub const PAGE_BYTES: usize = LARGEST_FRAME / 2;

/// The first message of both ends.
#[derive(Serialize, Deserialize)]
pub struct Greeting {
    pub protocol: u32,
    pub version: String,
    /// Why the holder takes no requests of this peer.
    pub refusal: Option<Refusal>,
}

/// A refusal that may be none a moment later.
#[derive(Serialize, Deserialize)]
pub struct Refusal {
    pub sentence: String,
}

impl Greeting {
    pub fn of_this_program(refusal: Option<Refusal>) -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            refusal,
        }
    }

    /// Whether both speak the same.
    pub fn is_same_program(&self, other: &Self) -> bool {
        (self.protocol, &self.version) == (other.protocol, &other.version)
    }
}

/// What a command asks of the process that holds the store.
#[derive(Serialize, Deserialize)]
pub enum Request {
    Get {
        key: Vec<u8>,
    },
    Page {
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: u32,
    },
    Commit {
        expect: Vec<(Vec<u8>, Option<Value>)>,
        write: Vec<(Vec<u8>, Option<Value>)>,
    },
    /// The turn to import, until the connection ends.
    TakeImportTurn,
    Audit(Vec<AuditRecord>),
    EndedLogin(AccountName),
    /// The turn to change the master keys, until the connection ends.
    TakeRotationTurn,
    /// Read the master keys again from where they are kept.
    LearnKeys,
    /// Where the master keys are kept.
    KeyPlace,
    /// Take these for the master keys that are kept, the one that seals first: only where what is kept is a copy, which
    /// is made at the start. As bytes, because they can be had in no other way.
    HoldKeys(Vec<KeyBytes>),
    /// Seal with the master key of this name.
    SealWith(String),
    /// Begin a copy of everything, in place of one that is under way.
    BeginSnapshot,
    /// The next part of the copy.
    NextPart,
    /// The machines that share the store.
    Nodes,
    /// Forget the machine of this name; a conflict where it lives.
    ForgetNode(String),
}

/// What it answers, to one request after the other.
#[derive(Serialize, Deserialize)]
pub enum Answer {
    Value(Option<Value>),
    Page {
        rows: Vec<(Vec<u8>, Value)>,
        /// Nothing follows these rows, up to the limit that was asked for.
        is_last: bool,
    },
    Applied,
    Conflict,
    Done,
    /// The master keys that are in use, by their names.
    Keys {
        sealing: String,
        opening: Vec<String>,
    },
    KeyPlace(KeyPlace),
    /// A part of a copy; `None` when all came.
    Part(Option<Vec<(Vec<u8>, Option<Value>)>>),
    Nodes(Vec<Node>),
    Failed(Failure),
    /// Said once, instead of an answer: no request since the last answer was taken, and none will be.
    Farewell(String),
}

/// A master key on its way.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct KeyBytes([u8; MasterKey::LENGTH]);

/// Where the holder of the store keeps its master keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyPlace {
    /// As operators know it.
    pub shown: String,
    /// It can be read and written at any time; else it is a copy that was made at the holder's start.
    pub is_replaceable: bool,
}

/// A [`StoreError`] on its way.
#[derive(Serialize, Deserialize)]
pub enum Failure {
    Unavailable(String),
    Taken(Work),
    Unknown(String),
    Unreadable(String),
    Altered { record: Vec<u8>, is_missing: bool },
    TooLarge(u64),
    TooMany(u64),
}

/// An account by its user type and its User ID.
#[derive(Serialize, Deserialize)]
pub struct AccountName(String, String);

/// An [`AuditEvent`] on its way.
#[derive(Serialize, Deserialize)]
pub struct AuditRecord {
    account: Option<AccountName>,
    act: String,
    outcome: RecordedOutcome,
    from: RecordedSource,
    by: Option<AccountName>,
    detail: Option<String>,
}

#[derive(Serialize, Deserialize)]
enum RecordedOutcome {
    Done,
    Intended,
    Refused(String),
    Failed(String),
}

/// A [`Source`] on its way.
#[derive(Serialize, Deserialize)]
pub enum RecordedSource {
    Console(String),
    Peer(std::net::IpAddr),
    /// Whom the command says that it is run by.
    Command(String),
}

impl Request {
    pub fn commit(commit: &Commit) -> Self {
        let parts = |parts: &[(Key, Option<Value>)]| {
            let part =
                |(key, value): &(Key, Option<Value>)| (key.as_bytes().to_vec(), value.clone());
            parts.iter().map(part).collect()
        };
        Self::Commit {
            expect: parts(commit.expectations()),
            write: parts(commit.writes()),
        }
    }
}

/// These master keys, to be sent.
pub fn key_bytes(keys: &Keyring) -> Vec<KeyBytes> {
    keys.iter().map(|key| KeyBytes(*key.as_bytes())).collect()
}

/// More master keys are in no file.
const MOST_KEYS: usize = 1024;

/// The master keys that were sent; `None` where there is none, or are too many.
pub fn keyring(keys: Vec<KeyBytes>) -> Option<Keyring> {
    if keys.len() > MOST_KEYS {
        return None;
    }
    let mut keys = keys.iter().map(|key| MasterKey::from_bytes(key.0));
    Some(Keyring::new(keys.next()?, keys.collect()))
}

/// The key that was asked about.
pub fn key(bytes: Vec<u8>) -> Key {
    Key::from_bytes(bytes)
}

/// The commit that a request's parts make.
pub fn commit(
    expect: Vec<(Vec<u8>, Option<Value>)>,
    write: Vec<(Vec<u8>, Option<Value>)>,
) -> Commit {
    let commit = expect
        .into_iter()
        .fold(Commit::new(), |commit, (key, value)| {
            commit.expect(Key::from_bytes(key), value)
        });
    write.into_iter().fold(commit, |commit, (key, value)| {
        let key = Key::from_bytes(key);
        match value {
            Some(value) => commit.put(key, value),
            None => commit.remove(key),
        }
    })
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Applied,
            Outcome::Conflict => Self::Conflict,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::Unavailable(why),
            StoreError::Away(away) => Self::Unavailable(away.to_string()),
            StoreError::Taken(work) => Self::Taken(work),
            StoreError::Unknown(why) => Self::Unknown(why),
            StoreError::Unreadable(why) => Self::Unreadable(why),
            StoreError::Altered(altered) => Self::Altered {
                record: altered.record().as_bytes().to_vec(),
                is_missing: matches!(altered, Altered::Missing(_)),
            },
            StoreError::TooLarge(bytes) => Self::TooLarge(bytes as u64),
            StoreError::TooMany(operations) => Self::TooMany(operations as u64),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(why) => Self::Unavailable(why),
            Failure::Taken(work) => Self::Taken(work),
            Failure::Unknown(why) => Self::Unknown(why),
            Failure::Unreadable(why) => Self::Unreadable(why),
            Failure::Altered { record, is_missing } => {
                let record = Key::from_bytes(record);
                Self::Altered(match is_missing {
                    true => Altered::Missing(record),
                    false => Altered::Changed(record),
                })
            }
            Failure::TooLarge(bytes) => {
                Self::TooLarge(usize::try_from(bytes).unwrap_or(usize::MAX))
            }
            Failure::TooMany(operations) => {
                Self::TooMany(usize::try_from(operations).unwrap_or(usize::MAX))
            }
        }
    }
}

impl From<&AccountKey> for AccountName {
    fn from(account: &AccountKey) -> Self {
        Self(
            account.user_type.as_str().to_owned(),
            account.user_id.as_str().to_owned(),
        )
    }
}

impl AccountName {
    /// The account, if this is the name of one.
    pub fn key(&self) -> Option<AccountKey> {
        Some(AccountKey::new(
            self.0.parse().ok()?,
            UserId::parse(&self.1).ok()?,
        ))
    }
}

impl From<&AuditEvent> for AuditRecord {
    fn from(event: &AuditEvent) -> Self {
        Self {
            account: event.account.as_ref().map(AccountName::from),
            act: event.act.as_str().to_owned(),
            outcome: match &event.outcome {
                AuditOutcome::Done => RecordedOutcome::Done,
                AuditOutcome::Intended => RecordedOutcome::Intended,
                AuditOutcome::Refused(why) => RecordedOutcome::Refused(why.to_string()),
                AuditOutcome::Failed(why) => RecordedOutcome::Failed(why.clone()),
            },
            from: (&event.from).into(),
            by: event.by.as_ref().map(AccountName::from),
            detail: event.detail.clone(),
        }
    }
}

impl AuditRecord {
    /// The event, if this is the record of one.
    pub fn event(self) -> Option<AuditEvent> {
        // The outer `None` is a name of nobody.
        let key = |name: Option<AccountName>| match name {
            Some(name) => name.key().map(Some),
            None => Some(None),
        };
        Some(AuditEvent {
            account: key(self.account)?,
            by: key(self.by)?,
            detail: self.detail,
            act: self.act.parse().ok()?,
            outcome: match self.outcome {
                RecordedOutcome::Done => AuditOutcome::Done,
                RecordedOutcome::Intended => AuditOutcome::Intended,
                RecordedOutcome::Refused(why) => AuditOutcome::Refused(why.into()),
                RecordedOutcome::Failed(why) => AuditOutcome::Failed(why),
            },
            from: self.from.into(),
        })
    }
}

impl From<&Source> for RecordedSource {
    fn from(source: &Source) -> Self {
        match source {
            Source::Console(name) => Self::Console(name.clone()),
            Source::Peer(address) => Self::Peer(*address),
            Source::Command(operator) => Self::Command(operator.to_string()),
        }
    }
}

impl From<RecordedSource> for Source {
    fn from(source: RecordedSource) -> Self {
        match source {
            RecordedSource::Console(name) => Self::Console(name),
            RecordedSource::Peer(address) => Self::Peer(address),
            RecordedSource::Command(told) => Self::Command(Operator::of_told(&told)),
        }
    }
}

/// Why a message did not go over, or was none.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the other end has closed the connection")]
    Ended,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("a message of {0} bytes is larger than {LARGEST_FRAME}")]
    TooLong(usize),
    #[error("what came is no message of lpse-kiosk")]
    Garbled,
}

/// A frame with `message` in it.
pub fn frame(message: &impl Serialize) -> Result<Vec<u8>, WireError> {
    let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(|_| WireError::Garbled)?;
    let length = frame.len() - 4;
    let told = u32::try_from(length).map_err(|_| WireError::TooLong(length))?;
    if length > LARGEST_FRAME {
        return Err(WireError::TooLong(length));
    }
    frame[..4].copy_from_slice(&told.to_be_bytes());
    Ok(frame)
}

/// Sends `message` whole.
pub async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> Result<(), WireError> {
    stream.write_all(&frame(message)?).await?;
    Ok(stream.flush().await?)
}

/// A frame with `message` in it, built in `room` and nowhere else: for what must leave no copy in freed memory.
pub fn frame_in<'a>(room: &'a mut [u8], message: &impl Serialize) -> Result<&'a [u8], WireError> {
    let (told, body) = room.split_at_mut_checked(4).ok_or(WireError::Garbled)?;
    let length = postcard::to_slice(message, body)
        .map_err(|_| WireError::Garbled)?
        .len();
    let length_told = u32::try_from(length).map_err(|_| WireError::TooLong(length))?;
    told.copy_from_slice(&length_told.to_be_bytes());
    Ok(&room[..4 + length])
}

/// Receives one message. Given up in the middle, it leaves the stream unusable.
pub async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<T, WireError> {
    message(&body(stream).await?)
}

/// The message that a body holds.
pub fn message<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, WireError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(WireError::Garbled),
    }
}

/// Bodies up to this size are read in one place of memory, which is wiped after.
const SMALL_BODY: usize = 8 * 1024;

/// Receives the body of one message. Given up in the middle, it leaves the stream unusable.
pub async fn body(stream: &mut (impl AsyncRead + Unpin)) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let mut length = [0; 4];
    if stream.read(&mut length[..1]).await? == 0 {
        return Err(WireError::Ended);
    }
    stream.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > LARGEST_FRAME {
        return Err(WireError::TooLong(length));
    }
    // More memory is taken as bytes come, not as they are announced; the end is looked for in some room beyond it.
    let room = length.min(SMALL_BODY) + 64;
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    stream.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(WireError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{UserType, audit::Act};

    #[test]
    fn every_act_outcome_and_source_arrives_as_it_was() {
        let outcomes = [
            AuditOutcome::Done,
            AuditOutcome::Intended,
            AuditOutcome::Refused("wrong-password".into()),
            AuditOutcome::Failed("the disk is full".into()),
        ];
        let sources = [
            Source::Console("command line".into()),
            Source::Peer([192, 0, 2, 7].into()),
            Source::Command(Operator::new("siti", Some("root"), Some("pts/0"))),
        ];
        let account = AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap());
        for (number, act) in Act::ALL.into_iter().enumerate() {
            let event = AuditEvent {
                account: (number % 2 == 0).then(|| account.clone()),
                act,
                outcome: outcomes[number % outcomes.len()].clone(),
                from: sources[number % sources.len()].clone(),
                by: (number % 3 == 0).then(|| account.clone()),
                detail: (number % 4 == 0).then(|| "KTP dilihat".to_owned()),
            };
            let bytes = postcard::to_stdvec(&AuditRecord::from(&event)).unwrap();
            let record: AuditRecord = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(record.event(), Some(event));
        }
    }

    #[tokio::test]
    async fn the_largest_commit_of_the_smallest_parts_fits_a_frame() {
        let parts = Commit::MAX_BYTES / 8;
        let commit = (0..parts).fold(Commit::new(), |commit, number| {
            commit.remove(Key::from_bytes(format!("{number:08}")))
        });
        assert_eq!(commit.size(), Commit::MAX_BYTES);
        assert!(frame(&Request::commit(&commit)).is_ok());
        let one = Commit::new().put(Key::from_bytes("k"), vec![255; Commit::MAX_BYTES - 1]);
        let sent = frame(&Request::commit(&one)).unwrap();
        let Request::Commit { expect, write } = read(&mut sent.as_slice()).await.unwrap() else {
            panic!("it is a commit");
        };
        assert_eq!(super::commit(expect, write).writes(), one.writes());
    }
}
