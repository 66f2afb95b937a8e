//! The master keys of the process that holds the store, for a command that changes them beside it.

use async_trait::async_trait;

use crate::{
    store::{StoreError, remote::Line},
    vault::{KeyError, KeyHolder, KeysHeld},
};

/// The keys at the other end of a line.
#[derive(Debug)]
pub struct RemoteKeys(pub Line);

#[async_trait]
impl KeyHolder for RemoteKeys {
    async fn learn(&self) -> Result<KeysHeld, KeyError> {
        self.0.learn_keys().await.map_err(refused)
    }

    async fn seal_with(&self, id: &str) -> Result<KeysHeld, KeyError> {
        self.0.seal_with(id).await.map_err(refused)
    }
}

fn refused(error: StoreError) -> KeyError {
    KeyError(format!("the running process: {error}"))
}
