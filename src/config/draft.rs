//! A configuration that is being put together, before its settings are looked at together.

use super::{origin::Origins, values::Config};

/// What was said so far. Data folder and master key file are empty paths while nobody has named them.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub config: Config,
    pub origins: Origins,
}
