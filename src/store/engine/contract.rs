//! The contract of the embedded engines: what one does, how it is opened, and which files are its own.

use std::{fmt, path::Path};

use super::{file_digest::FileDigest, inventory::Inventory};
use crate::store::{
    Commit, Key, Outcome, StoreKind, Value,
    folder::{Folder, OpenError},
};

/// Records read at once while they are counted.
const PAGE: usize = 1024;

/// A synchronous key-value engine. Its errors are words for operators.
pub trait Engine: Send + Sync + fmt::Debug + 'static {
    fn get(&self, key: &Key) -> Result<Option<Value>, String>;

    /// As [`Store::page`](crate::store::Store::page).
    fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, String>;

    /// Applies the commits in their order, each whole or not at all, and returns when all of them are durable.
    fn apply(&self, group: &[Commit]) -> Result<Vec<Outcome>, String>;

    /// What it says to hold, as of the last group.
    fn inventory(&self) -> Inventory;

    /// Reads every record, and says what of the inventory is wrong. `false`: `goes_on` has ended it before, and nothing was
    /// wrong till then.
    fn check_inventory(&self, goes_on: &dyn Fn() -> bool) -> Result<bool, String> {
        let told = self.inventory();
        let mut found = Inventory::empty_after(told.commits);
        let mut after: Option<Key> = None;
        while goes_on() {
            let page = self.page(&Key::everything(), after.as_ref(), PAGE)?;
            for (key, value) in &page {
                found.replace(key.as_bytes(), None, Some(value));
            }
            match page.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None if found == told => return Ok(true),
                None if found.records == told.records => {
                    return Err(format!(
                        "of {} records some are not as written",
                        told.records
                    ));
                }
                None => {
                    return Err(format!(
                        "{} records are there of {}",
                        found.records, told.records
                    ));
                }
            }
        }
        Ok(false)
    }
}

/// Opens the engine in a folder, at the start and after a failure.
pub trait Opener: Send + Sync {
    fn open(&self, folder: &Folder) -> Result<Box<dyn Engine>, OpenError>;

    /// The files as they are left by an engine that was closed in order; `None` where that cannot be told.
    fn left(&self, folder: &Folder) -> Option<FileDigest>;
}

/// An engine and its files.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    pub kind: StoreKind,
    /// The file or folder within the store's folder that holds everything.
    pub name: &'static str,
    /// The file within it that holds the records; empty where it is that file itself.
    pub records: &'static str,
    /// Whether an opening after an orderly end fails where one of its reads fails.
    pub fails_where_a_read_fails: bool,
    /// Makes the engine at a path where nothing is, or opens what is there.
    pub open: Open,
}

type Open = fn(&Path, As) -> Result<Box<dyn Engine>, String>;

/// What an engine's files are opened as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// Nothing is there yet.
    New,
    /// Everything is there, each byte as an orderly end has left it.
    Closed,
    /// Everything is there, and its process was killed or the power failed; or it is not known. The engine's own check is
    /// wanted.
    CutOff,
}
