//! A configuration that is being put together, before its settings are looked at together.

use std::path::PathBuf;

use super::{origin::Origins, values::Config};

/// What was said so far.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub config: Config,
    pub data: Option<PathBuf>,
    pub master_key_file: Option<PathBuf>,
    pub origins: Origins,
}
