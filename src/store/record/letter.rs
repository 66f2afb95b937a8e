//! The stored form of letters on their way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    SecretRecord, SourceRecord, Unreadable, decode, encode, milliseconds,
    reset::{account_key, letter_id},
    sealed_secret, secret_record, source, source_record, timestamp,
};
use crate::{
    domain::{
        EmailAddress, PersonName,
        account::SealedSecret,
        letter::{Delivery, Letter, LetterKind, Stage},
        recorded::Wait,
    },
    store::{StoreError, Value},
};

/// A letter on its way. What is secret in it is sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLetter {
    pub letter: Letter,
    /// A ticket's secrets, in a letter that tells them.
    pub secrets: Option<SealedSecret>,
    pub delivery: Delivery,
}

#[derive(Serialize, Deserialize)]
struct LetterRecord {
    id: String,
    user_type: String,
    user_id: String,
    name: String,
    address: String,
    kind: String,
    at: i64,
    from: SourceRecord,
    good_until: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<SecretRecord>,
    failures: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    may_be_taken: bool,
    stage: StageRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StageRecord {
    Due { since: i64, wait: u64 },
    Claimed { by: String, until: i64 },
    Refused,
}

/// The bytes of a letter's record.
pub fn encode_letter(stored: &StoredLetter) -> Value {
    let StoredLetter {
        letter,
        secrets,
        delivery,
    } = stored;
    encode(LetterRecord {
        id: letter.id.as_str().to_owned(),
        user_type: letter.account.user_type.as_str().to_owned(),
        user_id: letter.account.user_id.as_str().to_owned(),
        name: letter.name.as_str().to_owned(),
        address: letter.address.as_str().to_owned(),
        kind: letter.kind.as_str().to_owned(),
        at: milliseconds(letter.at),
        from: source_record(&letter.from),
        good_until: milliseconds(letter.good_until),
        secrets: secrets.as_ref().map(secret_record),
        failures: delivery.failures,
        may_be_taken: delivery.may_be_taken,
        stage: match &delivery.stage {
            Stage::Due(wait) => StageRecord::Due {
                since: milliseconds(wait.began),
                wait: u64::try_from(wait.lasts.as_millis()).unwrap_or(u64::MAX),
            },
            Stage::Claimed { by, until } => StageRecord::Claimed {
                by: by.clone(),
                until: milliseconds(*until),
            },
            Stage::Refused => StageRecord::Refused,
        },
        last_error: delivery.last_error.clone(),
    })
}

/// The letter in a record's bytes.
pub fn decode_letter(what: &str, bytes: &[u8]) -> Result<StoredLetter, StoreError> {
    let record: LetterRecord = decode(what, bytes)?;
    letter(record)
        .map_err(|why| StoreError::Unreadable(format!("the record {what} is damaged: {why}")))
}

fn letter(record: LetterRecord) -> Result<StoredLetter, Unreadable> {
    Ok(StoredLetter {
        letter: Letter {
            id: letter_id(&record.id)?,
            account: account_key(&record.user_type, &record.user_id)?,
            name: PersonName::parse(&record.name).map_err(|error| error.to_string())?,
            address: EmailAddress::parse(&record.address).map_err(|error| error.to_string())?,
            kind: LetterKind::from_word(&record.kind)
                .ok_or_else(|| format!("unknown letter {:?}", record.kind))?,
            at: timestamp(record.at)?,
            from: source(record.from),
            good_until: timestamp(record.good_until)?,
        },
        secrets: record.secrets.map(sealed_secret).transpose()?,
        delivery: Delivery {
            failures: record.failures,
            may_be_taken: record.may_be_taken,
            stage: match record.stage {
                StageRecord::Due { since, wait } => Stage::Due(Wait {
                    began: timestamp(since)?,
                    lasts: Duration::from_millis(wait),
                }),
                StageRecord::Claimed { by, until } => Stage::Claimed {
                    by,
                    until: timestamp(until)?,
                },
                StageRecord::Refused => Stage::Refused,
            },
            last_error: record.last_error,
        },
    })
}
