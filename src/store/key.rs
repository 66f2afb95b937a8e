//! The only place that spells the store's keys.
//!
//! A key is a path of printable parts, `account/1/PPK30`, so that a prefix lists one noun and nothing else, in the
//! same order on every backend.

use std::fmt;

/// A key in the store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key read back from a backend, or made by a test; all other keys come from this file's functions.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
