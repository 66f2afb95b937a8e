//! The owner of an installation, for a command that somebody else may run.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

/// Whose files those of the installation with this data folder are: root looks at them as the service's own user would.
pub fn owner_of_data(folder: &Path) -> u32 {
    match fs::metadata(folder) {
        Ok(folder) => folder.uid(),
        Err(_) => rustix::process::geteuid().as_raw(),
    }
}
