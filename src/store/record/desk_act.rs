//! The stored form of what officers did last.

use serde::{Deserialize, Serialize};

use super::{Unreadable, decode, encode, milliseconds, reset::account_key, timestamp};
use crate::{
    domain::{AccountKey, audit::Act, officer::DoneAct},
    store::{StoreError, Value},
};

#[derive(Serialize, Deserialize)]
struct DeskActRecord {
    at: i64,
    act: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<(String, String)>,
    by: (String, String),
}

/// The bytes of the record of one act.
pub fn encode_desk_act(done: &DoneAct) -> Value {
    let key = |key: &AccountKey| {
        (
            key.user_type.as_str().to_owned(),
            key.user_id.as_str().to_owned(),
        )
    };
    encode(DeskActRecord {
        at: milliseconds(done.at),
        act: done.act.as_str().to_owned(),
        account: done.account.as_ref().map(key),
        by: key(&done.by),
    })
}

/// The act in a record's bytes.
pub fn decode_desk_act(what: &str, bytes: &[u8]) -> Result<DoneAct, StoreError> {
    let record: DeskActRecord = decode(what, bytes)?;
    done_act(record)
        .map_err(|why| StoreError::Unreadable(format!("the record {what} is damaged: {why}")))
}

fn done_act(record: DeskActRecord) -> Result<DoneAct, Unreadable> {
    let key = |(user_type, user_id): (String, String)| account_key(&user_type, &user_id);
    Ok(DoneAct {
        at: timestamp(record.at)?,
        act: Act::from_word(&record.act).ok_or_else(|| format!("unknown act {:?}", record.act))?,
        account: record.account.map(key).transpose()?,
        by: key(record.by)?,
    })
}
