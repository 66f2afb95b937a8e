//! Reading a backup to its end, which proves that it is whole, and telling what is in it.

use std::{collections::BTreeMap, io::BufRead};

use super::{
    About, BackupError, BackupKey,
    entry::{Entry, Reader},
    stream::Opener,
};
use crate::{
    store::{record, sealed},
    vault::MasterKey,
};

/// What is in a backup. Records that were written while it was made are counted more than once.
#[derive(Debug)]
pub struct Survey {
    pub about: About,
    pub records: u64,
    pub accounts: u64,
    /// Sealed texts by the key that sealed them.
    pub sealed: BTreeMap<String, u64>,
    /// The master keys that it brings with it, the one that seals first.
    pub master_keys: Vec<MasterKey>,
}

/// Reads a backup to its end. `progress` hears how many of the file's bytes were read.
pub fn survey(
    from: impl BufRead,
    key: &BackupKey,
    mut progress: impl FnMut(u64),
) -> Result<Survey, BackupError> {
    let mut reader = Reader::begin(Opener::begin(from, key)?)?;
    let (mut records, mut accounts) = (0, 0);
    let mut sealed = BTreeMap::new();
    let mut master_keys = Vec::new();
    while let Some(entry) = reader.next()? {
        progress(reader.position());
        match entry {
            Entry::MasterKeys(keys) => master_keys = keys,
            Entry::Record(_, None) => {}
            Entry::Record(key, Some(value)) => {
                records += 1;
                accounts += u64::from(key.as_account().is_some());
                sealed::look_into(&key, &value, |found| {
                    *sealed.entry(found.sealed.key_id.clone()).or_default() += 1;
                })?;
                if key.is_ticket() {
                    record::decode_ticket(&format!("{key:?}"), &value)?;
                }
            }
        }
    }
    let about = reader.about();
    Ok(Survey {
        about: about.ok_or_else(|| BackupError::Senseless("it has no end".into()))?,
        records,
        accounts,
        sealed,
        master_keys,
    })
}
