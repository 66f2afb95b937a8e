//! The stored form of the numbers of accounts by the stage of their TOTP, and of how far they are counted.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::{decode, encode};
use crate::{
    domain::{
        UserType,
        totp_counts::{TotpCounts, TotpStage},
    },
    store::{Key, StoreError, Value},
};

/// What one node has counted of the accounts by the stage of their TOTP, in one era of counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredTotpCounts {
    pub era: u64,
    pub counts: TotpCounts,
}

#[derive(Serialize, Deserialize)]
struct TotpCountsRecord {
    era: u64,
    penyedia: StagesRecord,
    non_penyedia: StagesRecord,
}

#[derive(Serialize, Deserialize)]
struct StagesRecord {
    off: i64,
    pending: i64,
    active: i64,
}

/// The bytes of what one node has counted.
pub fn encode_totp_counts(stored: &StoredTotpCounts) -> Value {
    let stages = |user_type| {
        let of = |stage| stored.counts.get(user_type, stage);
        StagesRecord {
            off: of(TotpStage::Off),
            pending: of(TotpStage::Pending),
            active: of(TotpStage::Active),
        }
    };
    encode(TotpCountsRecord {
        era: stored.era,
        penyedia: stages(UserType::Penyedia),
        non_penyedia: stages(UserType::NonPenyedia),
    })
}

/// What one node has counted, in a record's bytes.
pub fn decode_totp_counts(what: &str, bytes: &[u8]) -> Result<StoredTotpCounts, StoreError> {
    let record: TotpCountsRecord = decode(what, bytes)?;
    let mut counts = TotpCounts::default();
    for (user_type, stages) in [
        (UserType::Penyedia, record.penyedia),
        (UserType::NonPenyedia, record.non_penyedia),
    ] {
        counts.set(user_type, TotpStage::Off, stages.off);
        counts.set(user_type, TotpStage::Pending, stages.pending);
        counts.set(user_type, TotpStage::Active, stages.active);
    }
    Ok(StoredTotpCounts {
        era: record.era,
        counts,
    })
}

/// How far the accounts are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    pub era: u64,
    pub reach: Reach,
}

/// Which accounts are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All, and the numbers are right.
    All,
    UpTo {
        /// `None`: there is none yet.
        account: Option<Key>,
        /// Accounts that were changed since counting began.
        changes: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct CountingRecord {
    era: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    under_way: Option<UnderWayRecord>,
}

#[derive(Serialize, Deserialize)]
struct UnderWayRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to: Option<String>,
    changes: u64,
}

/// The bytes that say how far accounts are counted.
pub fn encode_counting(counting: &Counting) -> Value {
    let under_way = match &counting.reach {
        Reach::All => None,
        Reach::UpTo { account, changes } => Some(UnderWayRecord {
            up_to: account.as_ref().map(|key| HEXLOWER.encode(key.as_bytes())),
            changes: *changes,
        }),
    };
    encode(CountingRecord {
        era: counting.era,
        under_way,
    })
}

/// How far accounts are counted, in a record's bytes.
pub fn decode_counting(what: &str, bytes: &[u8]) -> Result<Counting, StoreError> {
    let CountingRecord { era, under_way } = decode(what, bytes)?;
    let key = |hex: String| {
        let bytes = HEXLOWER.decode(hex.as_bytes()).map_err(|error| {
            StoreError::Unreadable(format!("the record {what} is damaged: {error}"))
        });
        bytes.map(Key::from_bytes)
    };
    let reach = match under_way {
        None => Reach::All,
        Some(UnderWayRecord { up_to, changes }) => Reach::UpTo {
            account: up_to.map(key).transpose()?,
            changes,
        },
    };
    Ok(Counting { era, reach })
}
