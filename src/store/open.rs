//! The opening of an embedded store, and what is known of an open one.

use std::{path::Path, sync::Arc};

use tokio::sync::watch;

use super::{
    Commit, Store, StoreKind,
    away::Away,
    engine::{
        committer::Embedded,
        opening::{self, Missing, OwnCheck, files_of},
    },
    folder::{Folder, OpenError},
    health::{Ended, Health, Liveness},
};

/// An open store, and what is known of it besides its records.
#[derive(Debug)]
pub struct Opened {
    pub store: Arc<dyn Store>,
    pub liveness: watch::Receiver<Liveness>,
    /// Why a store that is open does not serve here.
    pub away: watch::Receiver<Option<Away>>,
    pub health: Health,
    pub ended: Ended,
    /// This machine's name among those that share the store.
    pub node: String,
    /// Other processes may be at work on it.
    pub is_shared: bool,
}

/// The name of the one machine that an embedded store has.
pub const ONLY_NODE: &str = "local";

impl From<Embedded> for Opened {
    fn from(store: Embedded) -> Self {
        Self {
            liveness: store.liveness(),
            // Nobody else can copy or restore it: its folder is held.
            away: watch::channel(None).1,
            health: store.health(),
            ended: store.ended(),
            store: Arc::new(store),
            node: ONLY_NODE.to_owned(),
            is_shared: false,
        }
    }
}

/// Opens the embedded store of `kind` in `folder`, creating it where there never was one, and holds it alone. Nothing is
/// opened or written while the disk has less than `floor_mib` MiB free.
pub fn open(kind: StoreKind, folder: &Path, floor_mib: u64) -> Result<Embedded, OpenError> {
    let folder = Folder::hold(folder, floor_mib)?;
    open_in(kind, folder, Missing::Begin(Commit::new()))
}

/// Opens the embedded store of `kind` in a folder that is held already.
pub fn open_in(kind: StoreKind, folder: Folder, missing: Missing) -> Result<Embedded, OpenError> {
    let files = files_of(kind).ok_or(OpenError::NotEmbedded)?;
    let opener = opening::prepare(files, &folder, missing, OwnCheck::AfterCutOff)?;
    Embedded::open(folder, Box::new(opener))
}

/// Opens the embedded store of `kind` in `folder` as [`open`] does, with its engine's own check; there must be one.
pub fn examine(kind: StoreKind, folder: &Path, floor_mib: u64) -> Result<Embedded, OpenError> {
    let folder = Folder::hold(folder, floor_mib)?;
    let files = files_of(kind).ok_or(OpenError::NotEmbedded)?;
    let missing = Missing::Refuse("there is none to be examined".into());
    let opener = opening::prepare(files, &folder, missing, OwnCheck::Always)?;
    Embedded::open(folder, Box::new(opener))
}

/// Whether there is an embedded store of `kind` in `folder`, or what a kill has left of one.
pub fn is_there(kind: StoreKind, folder: &Folder) -> Result<bool, OpenError> {
    folder.has_format(kind)?;
    let files = files_of(kind).ok_or(OpenError::NotEmbedded)?;
    opening::is_there(&files, folder)
}
