//! The stored form of tickets, and of what limits requests for them.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FailuresRecord, Unreadable, decode, encode, milliseconds, timestamp};
use crate::{
    domain::{
        AccountKey, EmailAddress, UserId,
        letter::LetterId,
        reset::{HourCount, RequestLog, SecretDigest, Ticket},
        throttle::PasswordFailures,
    },
    store::{StoreError, Value},
};

/// A ticket with what is kept beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTicket {
    pub ticket: Ticket,
    /// The letter that tells it, as long as it waits to be delivered.
    pub letter: LetterId,
    /// The requests for this account that were answered by a letter.
    pub requests: RequestLog,
}

#[derive(Serialize, Deserialize)]
struct TicketRecord {
    user_type: String,
    user_id: String,
    email: String,
    generation: u64,
    token: String,
    code: String,
    issued: i64,
    expires: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<i64>,
    letter: String,
    requests: Vec<i64>,
}

/// The bytes of a ticket's record.
pub fn encode_ticket(stored: &StoredTicket) -> Value {
    let ticket = &stored.ticket;
    encode(TicketRecord {
        user_type: ticket.account.user_type.as_str().to_owned(),
        user_id: ticket.account.user_id.as_str().to_owned(),
        email: ticket.email.as_str().to_owned(),
        generation: ticket.generation,
        token: HEXLOWER.encode(ticket.token.as_bytes()),
        code: HEXLOWER.encode(ticket.code.as_bytes()),
        issued: milliseconds(ticket.issued),
        expires: milliseconds(ticket.expires),
        used: ticket.used.map(milliseconds),
        letter: stored.letter.as_str().to_owned(),
        requests: times(&stored.requests),
    })
}

/// The ticket in a record's bytes.
pub fn decode_ticket(what: &str, bytes: &[u8]) -> Result<StoredTicket, StoreError> {
    let record: TicketRecord = decode(what, bytes)?;
    ticket(record)
        .map_err(|why| StoreError::Unreadable(format!("the record {what} is damaged: {why}")))
}

fn ticket(record: TicketRecord) -> Result<StoredTicket, Unreadable> {
    Ok(StoredTicket {
        ticket: Ticket {
            account: account_key(&record.user_type, &record.user_id)?,
            email: EmailAddress::parse(&record.email).map_err(|error| error.to_string())?,
            generation: record.generation,
            token: digest(&record.token)?,
            code: digest(&record.code)?,
            issued: timestamp(record.issued)?,
            expires: timestamp(record.expires)?,
            used: record.used.map(timestamp).transpose()?,
        },
        letter: letter_id(&record.letter)?,
        requests: request_log(&record.requests)?,
    })
}

fn digest(hex: &str) -> Result<SecretDigest, Unreadable> {
    let bytes = HEXLOWER.decode(hex.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(SecretDigest::from_bytes)
        .ok_or_else(|| "a digest is not 32 bytes in hexadecimal".to_owned())
}

pub(super) fn account_key(user_type: &str, user_id: &str) -> Result<AccountKey, Unreadable> {
    let user_type = user_type.parse().map_err(|_| "unknown user type")?;
    let user_id = UserId::parse(user_id).map_err(|error| error.to_string())?;
    Ok(AccountKey::new(user_type, user_id))
}

pub(super) fn letter_id(text: &str) -> Result<LetterId, Unreadable> {
    text.parse::<LetterId>().map_err(|error| error.to_string())
}

fn times(log: &RequestLog) -> Vec<i64> {
    log.times().iter().copied().map(milliseconds).collect()
}

fn request_log(times: &[i64]) -> Result<RequestLog, Unreadable> {
    let times: Result<Vec<Timestamp>, _> = times.iter().copied().map(timestamp).collect();
    times.map(RequestLog::new)
}

#[derive(Serialize, Deserialize)]
struct TicketOwnerRecord {
    user_type: String,
    user_id: String,
}

/// The bytes that say whose ticket a secret belongs to.
pub fn encode_ticket_owner(account: &AccountKey) -> Value {
    encode(TicketOwnerRecord {
        user_type: account.user_type.as_str().to_owned(),
        user_id: account.user_id.as_str().to_owned(),
    })
}

/// Whose ticket a secret belongs to.
pub fn decode_ticket_owner(what: &str, bytes: &[u8]) -> Result<AccountKey, StoreError> {
    let record: TicketOwnerRecord = decode(what, bytes)?;
    account_key(&record.user_type, &record.user_id)
        .map_err(|why| StoreError::Unreadable(format!("the record {what} is damaged: {why}")))
}

/// What one source has done at resets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceResets {
    pub requests: RequestLog,
    /// Links and codes that were none.
    pub misses: Option<PasswordFailures>,
}

#[derive(Serialize, Deserialize)]
struct SourceResetsRecord {
    requests: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    misses: Option<FailuresRecord>,
}

/// The bytes of what one source has done.
pub fn encode_source_resets(resets: &SourceResets) -> Value {
    encode(SourceResetsRecord {
        requests: times(&resets.requests),
        misses: resets.misses.as_ref().map(FailuresRecord::from),
    })
}

/// What one source has done.
pub fn decode_source_resets(what: &str, bytes: &[u8]) -> Result<SourceResets, StoreError> {
    let record: SourceResetsRecord = decode(what, bytes)?;
    let damaged = |why| StoreError::Unreadable(format!("the record {what} is damaged: {why}"));
    Ok(SourceResets {
        requests: request_log(&record.requests).map_err(damaged)?,
        misses: record
            .misses
            .map(PasswordFailures::try_from)
            .transpose()
            .map_err(damaged)?,
    })
}

#[derive(Serialize, Deserialize)]
struct HourCountRecord {
    hour: i64,
    count: u32,
}

/// The bytes of an hour's count.
pub fn encode_hour_count(count: &HourCount) -> Value {
    encode(HourCountRecord {
        hour: count.hour,
        count: count.count,
    })
}

/// The hour's count in a record's bytes.
pub fn decode_hour_count(what: &str, bytes: &[u8]) -> Result<HourCount, StoreError> {
    let HourCountRecord { hour, count } = decode(what, bytes)?;
    Ok(HourCount { hour, count })
}
