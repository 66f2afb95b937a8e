//! redb 4: one table, one write transaction a group, durable at once.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::{
    contract::{As, Engine, Files},
    inventory::Inventory,
};
use crate::store::{Commit, Key, Outcome, StoreKind, Value};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// One row, under the empty key.
const INVENTORY: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("inventory");

/// Pages kept in memory, as for sled.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The engine over redb.
#[derive(Debug)]
pub struct Redb {
    database: Database,
    /// As of the last group.
    inventory: Mutex<Inventory>,
}

/// redb and its file.
pub const FILES: Files = Files {
    kind: StoreKind::Redb,
    name: "store.redb",
    records: "",
    fails_where_a_read_fails: true,
    open: |path, found| Ok(Box::new(Redb::open(path, found)?)),
};

impl Redb {
    fn open(path: &Path, found: As) -> Result<Self, String> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = match found {
            As::New => builder.create(path),
            As::Closed | As::CutOff => builder.open(path),
        };
        let mut database = database.map_err(words)?;
        if found == As::CutOff {
            // What it mends is of its own keeping; whether any record is lost is counted afterwards.
            let is_well = database.check_integrity().map_err(words)?;
            if !is_well {
                tracing::warn!("redb has mended its file, as after a power cut");
            }
        }
        let redb = Self {
            database,
            inventory: Mutex::default(),
        };
        if found == As::New {
            // The tables exist from the first opening on, so that reading never meets their absence.
            let transaction = redb.begin()?;
            transaction.open_table(RECORDS).map_err(words)?;
            transaction.open_table(INVENTORY).map_err(words)?;
            transaction.commit().map_err(words)?;
            return Ok(redb);
        }
        let transaction = redb.database.begin_read().map_err(words)?;
        let table = transaction.open_table(INVENTORY).map_err(words)?;
        let bytes = table.get([].as_slice()).map_err(words)?;
        let inventory = bytes.and_then(|bytes| Inventory::decode(bytes.value()));
        *redb
            .inventory
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = inventory.ok_or("it has no inventory")?;
        Ok(redb)
    }

    fn begin(&self) -> Result<WriteTransaction, String> {
        let mut transaction = self.database.begin_write().map_err(words)?;
        transaction
            .set_durability(Durability::Immediate)
            .map_err(words)?;
        // Opening after a kill then takes a millisecond instead of a walk over the whole file.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

impl Engine for Redb {
    fn get(&self, key: &Key) -> Result<Option<Value>, String> {
        let transaction = self.database.begin_read().map_err(words)?;
        let table = transaction.open_table(RECORDS).map_err(words)?;
        let found = table.get(key.as_bytes()).map_err(words)?;
        Ok(found.map(|bytes| bytes.value().to_vec()))
    }

    fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, String> {
        let begin = after.filter(|after| *after >= prefix).unwrap_or(prefix);
        let transaction = self.database.begin_read().map_err(words)?;
        let table = transaction.open_table(RECORDS).map_err(words)?;
        let mut page = Vec::new();
        for row in table.range(begin.as_bytes()..).map_err(words)? {
            let (key, value) = row.map_err(words)?;
            let key = key.value();
            if page.len() >= limit || !key.starts_with(prefix.as_bytes()) {
                break;
            }
            if after.is_none_or(|after| key != after.as_bytes()) {
                page.push((Key::from_bytes(key), value.value().to_vec()));
            }
        }
        Ok(page)
    }

    fn apply(&self, group: &[Commit]) -> Result<Vec<Outcome>, String> {
        let transaction = self.begin()?;
        let mut outcomes = Vec::with_capacity(group.len());
        let mut inventory = self.inventory();
        {
            let mut table = transaction.open_table(RECORDS).map_err(words)?;
            for commit in group {
                outcomes.push(apply_one(&mut table, commit, &mut inventory)?);
            }
            let mut kept = transaction.open_table(INVENTORY).map_err(words)?;
            kept.insert([].as_slice(), inventory.encode().as_slice())
                .map_err(words)?;
        }
        if outcomes.contains(&Outcome::Applied) {
            transaction.commit().map_err(words)?;
            *self
                .inventory
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = inventory;
        } else {
            transaction.abort().map_err(words)?;
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

fn apply_one(
    table: &mut Table<'_, &[u8], &[u8]>,
    commit: &Commit,
    inventory: &mut Inventory,
) -> Result<Outcome, String> {
    let held = |key: &Key| -> Result<Option<Value>, String> {
        let found = table.get(key.as_bytes()).map_err(words)?;
        Ok(found.map(|found| found.value().to_vec()))
    };
    for (key, bytes) in commit.expectations() {
        if held(key)? != *bytes {
            return Ok(Outcome::Conflict);
        }
    }
    *inventory = inventory.after(commit, held)?;
    for (key, bytes) in commit.writes() {
        match bytes {
            Some(bytes) => table.insert(key.as_bytes(), bytes.as_slice()),
            None => table.remove(key.as_bytes()),
        }
        .map_err(words)?;
    }
    Ok(Outcome::Applied)
}

fn words(error: impl Into<redb::Error>) -> String {
    format!("redb: {}", error.into())
}
