//! The owner of an installation, for a command that somebody else may run.

use std::{fs, os::unix::fs::MetadataExt};

use crate::config::Config;

/// Whose files those of this configuration are: root looks at them as the service's own user would.
pub fn owner_of_data(config: &Config) -> u32 {
    match fs::metadata(&config.data) {
        Ok(folder) => folder.uid(),
        Err(_) => rustix::process::geteuid().as_raw(),
    }
}
