//! The command line's part of the configuration.

use std::{env, ffi::OsStr, path::PathBuf};

use super::{
    serving::LogFormat,
    source::{DEFAULT_FILE, Environment, FILE_VARIABLE},
    store_kind::StoreKind,
};

/// What the command line says over all else.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub master_key_file: Option<PathBuf>,
    pub store: Option<StoreKind>,
    pub log_format: Option<LogFormat>,
}

impl Flags {
    /// The configuration file that is read, if it exists.
    pub fn config_file(&self) -> PathBuf {
        self.file(&env::vars_os().collect()).0
    }

    /// The same, and what names it, where it is not the default one.
    pub(super) fn file(&self, environment: &Environment) -> (PathBuf, Option<&'static str>) {
        let variable = environment.get(OsStr::new(FILE_VARIABLE));
        match (&self.config, variable) {
            (Some(file), _) => (file.clone(), Some("--config")),
            (None, Some(file)) => (PathBuf::from(file), Some(FILE_VARIABLE)),
            (None, None) => (PathBuf::from(DEFAULT_FILE), None),
        }
    }
}
