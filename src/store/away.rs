//! The reasons for which a store that several machines share is not served at one of them.

/// Why a store that several machines share does not serve at this one, though it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    #[error(
        "the store was copied elsewhere with `lpse-kiosk store copy`, and lives on there; nothing is written here any \
         more: set [store] kind to where it was copied, and start this machine again"
    )]
    Moved,
    #[error(
        "the store is being copied with `lpse-kiosk store copy`; nobody is served from it meanwhile"
    )]
    Copying,
    #[error(
        "a backup is being brought back into the store with `lpse-kiosk restore`; nobody is served meanwhile"
    )]
    Restoring,
    #[error(
        "the store is not the one that was opened: it was emptied, begun anew, copied or restored meanwhile; the program \
         has to be started again"
    )]
    Changed,
    #[error(
        "another process has this node's name now, with a copy of this data folder; end it, or name it otherwise with \
         [store] node, and start this one again"
    )]
    Replaced,
}

impl Away {
    /// In a word, for `/healthz`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Copying => "copying",
            Self::Restoring => "restoring",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
        }
    }
}
