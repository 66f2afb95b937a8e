//! The data folder, its owner's alone.

use std::{
    fs::DirBuilder,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
};

use super::AssemblyError;
use crate::adapter::file_owner;

/// Creates the data folder for its owner alone, and refuses one that is somebody else's.
pub(super) fn make_private(folder: &Path) -> Result<(), AssemblyError> {
    let failed = |error| AssemblyError::Folder(folder.display().to_string(), error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    check_owner(folder)?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder, private).map_err(failed)
}

/// Refuses a folder that is somebody else's: what was written to it could be lost to its owner.
pub(super) fn check_owner(folder: &Path) -> Result<(), AssemblyError> {
    let shown = || folder.display().to_string();
    let metadata = folder.metadata();
    let owner = metadata
        .map_err(|error| AssemblyError::Folder(shown(), error))?
        .uid();
    match owner == file_owner::user() {
        true => Ok(()),
        false => Err(AssemblyError::ForeignFolder(shown(), owner)),
    }
}
