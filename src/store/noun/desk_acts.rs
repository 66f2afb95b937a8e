//! What officers did last, written in the very commits that do it. The audit log of the machine says more, and keeps it;
//! this is what all machines that share the store show of it.

use std::sync::Arc;

use super::newest;
use crate::domain::officer::DoneAct;
use crate::store::{Commit, Key, Store, StoreError, record};

/// The last acts of a store's officers.
#[derive(Debug, Clone)]
pub struct DeskActs {
    store: Arc<dyn Store>,
}

/// `commit` with a note of the act that is done by it.
pub fn noted(commit: Commit, done: &DoneAct) -> Commit {
    commit.put(Key::desk_act(done), record::encode_desk_act(done))
}

impl DeskActs {
    /// As many as are of interest to whoever takes the desk over.
    pub const KEPT: usize = 20;

    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The last ones, the newest first.
    pub async fn newest(&self) -> Result<Vec<DoneAct>, StoreError> {
        let rows = newest::newest(&*self.store, &Key::desk_acts(), Self::KEPT).await?;
        let mut acts = Vec::with_capacity(rows.len());
        for (key, bytes) in rows {
            match record::decode_desk_act(&format!("{key:?}"), &bytes) {
                Ok(done) => acts.push(done),
                // A newer program may know other acts.
                Err(error) => tracing::debug!(%error, "an act of an officer is not shown"),
            }
        }
        Ok(acts)
    }
}
