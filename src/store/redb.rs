//! redb 4: one table, one write transaction a group, durable at once.

use redb::{
    Database, Durability, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::{
    Commit, Key, Outcome, Value,
    embedded::{Engine, Opener},
    folder::{Folder, sync_folder},
};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

/// Pages kept in memory, as for sled.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The engine over redb.
#[derive(Debug)]
pub struct Redb {
    database: Database,
}

/// How the committer opens redb.
pub fn opener() -> Opener {
    Box::new(|folder| Ok(Box::new(Redb::open(folder)?)))
}

impl Redb {
    fn open(folder: &Folder) -> Result<Self, String> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(folder.path().join("store.redb"))
            .map_err(words)?;
        let redb = Self { database };
        // The table exists from the first opening on, so that reading never meets its absence.
        let transaction = redb.begin()?;
        transaction.open_table(RECORDS).map_err(words)?;
        transaction.commit().map_err(words)?;
        sync_folder(folder.path()).map_err(|error| error.to_string())?;
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
        {
            let mut table = transaction.open_table(RECORDS).map_err(words)?;
            for commit in group {
                outcomes.push(apply_one(&mut table, commit)?);
            }
        }
        if outcomes.contains(&Outcome::Applied) {
            transaction.commit().map_err(words)?;
        } else {
            transaction.abort().map_err(words)?;
        }
        Ok(outcomes)
    }
}

fn apply_one(table: &mut Table<'_, &[u8], &[u8]>, commit: &Commit) -> Result<Outcome, String> {
    for (key, bytes) in commit.expectations() {
        let found = table.get(key.as_bytes()).map_err(words)?;
        if found.as_ref().map(|found| found.value()) != bytes.as_deref() {
            return Ok(Outcome::Conflict);
        }
    }
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
