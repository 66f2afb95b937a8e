//! The kinds of store, as settings and the command line name them.

use std::{fmt, str::FromStr};

/// What keeps the records: an engine within this process, or a cluster that several machines share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreKind {
    #[default]
    Sled,
    Redb,
    Etcd,
}

impl StoreKind {
    pub const ALL: [Self; 3] = [Self::Sled, Self::Redb, Self::Etcd];

    /// Those that live in a folder of one process.
    pub const EMBEDDED: [Self; 2] = [Self::Sled, Self::Redb];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
            Self::Etcd => "etcd",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no kind of store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kind of store is sled, redb or etcd")]
pub struct UnknownStoreKind;

impl FromStr for StoreKind {
    type Err = UnknownStoreKind;

    fn from_str(text: &str) -> Result<Self, UnknownStoreKind> {
        let mut kinds = Self::ALL.into_iter();
        kinds
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownStoreKind)
    }
}
