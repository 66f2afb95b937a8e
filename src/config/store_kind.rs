//! The kinds of store, as settings and the command line name them.

use crate::domain::word::words;

words! {
    /// What keeps the records: an engine within this process, or a cluster that several machines share.
    #[derive(Default)]
    pub enum StoreKind else UnknownStoreKind {
        #[default]
        Sled = "sled",
        Redb = "redb",
        Etcd = "etcd",
    }
}

impl StoreKind {
    /// Those that live in a folder of one process.
    pub const EMBEDDED: [Self; 2] = [Self::Sled, Self::Redb];
}

/// The text names no kind of store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kind of store is sled, redb or etcd")]
pub struct UnknownStoreKind;
