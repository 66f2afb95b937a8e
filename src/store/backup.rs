//! A store in one file: encrypted, authenticated as a whole, the same for every engine.
//!
//! A file is a [`header`] and a [`stream`] of sealed chunks, in which are [`entry`]s: what the backup is, then records to be
//! put and removed in their order, then counts. [`make()`] writes one from a snapshot; [`survey()`] reads one to its end and
//! tells what is in it; [`restore()`] brings one back into an empty store.
//!
//! A restore of an old backup must not bring back what was used up after it (security.md section 3), so that what is restored
//! is as it was, but for: every code that can still be shown counts as spent; links and short codes that were open, and
//! one-time passwords, are expired, and letters that tell them are gone; recovery codes are void.
//!
//! Records stand in a backup without their tags: it is authentic as a whole. A restore tags them under a store key of its
//! own, so that no record of the old store, wherever it was kept, passes for one of the new.

mod entry;
mod header;
mod make;
mod restore;
mod stream;
mod survey;

use std::io;

use jiff::Timestamp;

use super::{StoreError, tagged::StoreKeyError};
pub use header::{BackupKey, Passphrase, PassphraseError, Wants, wants};
pub use make::{Made, make};
pub use restore::{Destination, Since, Target, begun, is_unfinished, restore, target};
pub use survey::{Survey, survey};

/// The format this program writes, and the newest it reads.
const VERSION: u8 = 1;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The version of the program that made it.
    pub program: String,
    /// The moment as of which it holds everything.
    pub as_of: Timestamp,
}

/// Why a backup cannot be made, read or brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("it is no backup of lpse-kiosk")]
    Foreign,
    #[error(
        "it has format {0} and this program reads formats up to {newest}; install the newer lpse-kiosk that made it",
        newest = VERSION
    )]
    Newer(u8),
    #[error("its key asks for {0}, more than any backup of lpse-kiosk does: it was made to harm")]
    Costly(&'static str),
    #[error("it is encrypted to {0}")]
    WantsOther(Wants),
    #[error("{0} does not open it, or its beginning was damaged")]
    WrongKey(Wants),
    #[error("it was damaged, changed or cut off, {0} bytes from its beginning")]
    Damaged(u64),
    #[error("it is whole, but makes no sense: {0}")]
    Senseless(String),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    StoreKey(#[from] StoreKeyError),
}
