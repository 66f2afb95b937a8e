//! Making a backup, from a snapshot of the store.

use std::io::Write;

use super::{BackupError, BackupKey, entry::Writer, header::Header, stream::Sealer};
use crate::{
    kill_point,
    ports::{Clock, Random},
    store::Store,
    vault::Keyring,
};

/// A backup that was made.
#[derive(Debug)]
pub struct Made<W> {
    pub to: W,
    pub as_of: jiff::Timestamp,
    /// Records in it; those that were written while it was made are there more than once.
    pub records: u64,
}

/// Writes everything in `store`, as of one moment, and `master_keys` if they are to be in it. `progress` hears of records.
pub async fn make<W: Write>(
    store: &dyn Store,
    to: W,
    key: &BackupKey,
    master_keys: Option<&Keyring>,
    clock: &dyn Clock,
    random: &dyn Random,
    mut progress: impl FnMut(u64),
) -> Result<Made<W>, BackupError> {
    let mut chance = [0; Header::RANDOM_BYTES];
    random.fill(&mut chance);
    let mut writer = Writer::begin(Sealer::begin(to, key, chance)?)?;
    if let Some(keys) = master_keys {
        writer.master_keys(keys.iter())?;
    }
    let mut snapshot = store.snapshot().await?;
    while let Some(part) = snapshot.next().await? {
        let count = part.len() as u64;
        for (key, value) in part {
            if key.belongs_into_backups() {
                writer.record(key, value)?;
            }
        }
        kill_point::reached();
        progress(count);
    }
    let as_of = clock.now();
    let records = writer.puts();
    Ok(Made {
        to: writer.finish(as_of)?,
        as_of,
        records,
    })
}
