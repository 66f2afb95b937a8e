//! sled 0.34.7, guarded.
//!
//! That a failed opening changes nothing is the work of [`super::opening`]. What is done here and not by sled: `flush` ends in `sync_file_range`, which leaves the disk's own cache and the
//! file's size to chance, so after it the data file is fdatasynced through a second descriptor, and the folder once
//! after creation; snapshots that a kill or a full disk left half-written (`snap.*.generating`) make every later
//! opening fail, so they are removed first; groups stay under 256 KiB and are flushed one by one, because sled stops
//! inside itself when more than a few of its buffers are in flight; and everything is in one tree, because two trees
//! can diverge after a kill.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    contract::{As, Engine, Files},
    inventory::Inventory,
};
use crate::store::{Commit, Key, Outcome, StoreKind, Value, folder::sync_folder};

/// Pages kept in memory. A login reads a handful of records; what is not here is read from the disk.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Where the inventory is, after all records: it has to be in their tree, since two trees can diverge after a kill.
const INVENTORY: &[u8] = b"\xffinventory";

/// The guarded engine.
#[derive(Debug)]
pub struct Sled {
    tree: sled::Tree,
    /// Held last, so that it is dropped after the tree.
    _database: sled::Db,
    data_file: File,
    /// As of the last group.
    inventory: Mutex<Inventory>,
}

/// sled and its files.
pub const FILES: Files = Files {
    kind: StoreKind::Sled,
    name: "sled",
    records: "db",
    // It takes what it cannot read for the end of what was written.
    fails_where_a_read_fails: false,
    open: |path, found| Ok(Box::new(Sled::open(path, found)?)),
};

impl Sled {
    fn open(path: &Path, found: As) -> Result<Self, String> {
        if found == As::New {
            let made = DirBuilder::new().mode(0o700).create(path);
            made.map_err(|error| error.to_string())?;
        }
        remove_half_snapshots(path)?;
        let database = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE_BYTES)
            // The committer flushes, and nobody else.
            .flush_every_ms(None)
            .open()
            .map_err(words)?;
        let data_file = data_file(path)?;
        sync_folder(path).map_err(|error| error.to_string())?;
        let tree = (*database).clone();
        let inventory = match (tree.get(INVENTORY).map_err(words)?, found) {
            (Some(bytes), _) => Inventory::decode(&bytes).ok_or("its inventory is not whole")?,
            (None, As::New) => Inventory::default(),
            (None, As::Closed | As::CutOff) => return Err("it has no inventory".into()),
        };
        Ok(Self {
            tree,
            _database: database,
            data_file,
            inventory: Mutex::new(inventory),
        })
    }

    fn holds(&self, commit: &Commit) -> Result<bool, String> {
        for (key, bytes) in commit.expectations() {
            let found = self.tree.get(key.as_bytes()).map_err(words)?;
            if found.as_deref() != bytes.as_deref() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Engine for Sled {
    fn get(&self, key: &Key) -> Result<Option<Value>, String> {
        let found = self.tree.get(key.as_bytes()).map_err(words)?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, String> {
        let begin = after.filter(|after| *after >= prefix).unwrap_or(prefix);
        let mut page = Vec::new();
        for row in self.tree.range(begin.as_bytes()..) {
            let (key, value) = row.map_err(words)?;
            if page.len() >= limit || !key.starts_with(prefix.as_bytes()) || key == INVENTORY {
                break;
            }
            if after.is_none_or(|after| key != after.as_bytes()) {
                page.push((Key::from_bytes(key.to_vec()), value.to_vec()));
            }
        }
        Ok(page)
    }

    fn apply(&self, group: &[Commit]) -> Result<Vec<Outcome>, String> {
        let mut outcomes = Vec::with_capacity(group.len());
        let mut written = false;
        let mut inventory = self.inventory();
        for commit in group {
            // This thread is the only writer, so nothing changes between the look and the batch.
            if !self.holds(commit)? {
                outcomes.push(Outcome::Conflict);
                continue;
            }
            inventory = inventory.after(commit, |key| self.get(key))?;
            let mut batch = sled::Batch::default();
            batch.insert(INVENTORY, &inventory.encode());
            for (key, bytes) in commit.writes() {
                match bytes {
                    Some(bytes) => batch.insert(key.as_bytes(), bytes.as_slice()),
                    None => batch.remove(key.as_bytes()),
                }
            }
            // A batch is recovered whole or not at all: sled pins its log while it is written.
            self.tree.apply_batch(batch).map_err(words)?;
            written = true;
            outcomes.push(Outcome::Applied);
        }
        if written {
            self.tree.flush().map_err(words)?;
            rustix::fs::fdatasync(&self.data_file)
                .map_err(|error| format!("fdatasync: {error}"))?;
            *self
                .inventory
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = inventory;
        }
        Ok(outcomes)
    }

    fn inventory(&self) -> Inventory {
        *self
            .inventory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// sled keeps all records in `db`; what is larger than a segment, and nothing here is, would go to `blobs`.
fn data_file(path: &Path) -> Result<File, String> {
    let file = path.join("db");
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(&file)
        .map_err(|error| format!("{}: {error}", file.display()))
}

fn remove_half_snapshots(path: &Path) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(path) else {
        return Ok(());
    };
    for entry in entries {
        let entry: PathBuf = entry.map_err(|error| error.to_string())?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&entry).map_err(|error| format!("{}: {error}", entry.display()))?;
        }
    }
    Ok(())
}

fn words(error: sled::Error) -> String {
    format!("sled: {error}")
}
