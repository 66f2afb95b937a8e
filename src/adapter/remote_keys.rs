//! The master keys of the process that holds the store, for a command that changes them beside it.
//!
//! A service whose key is a credential cannot read it again: it is handed the keys that the file holds from which systemd
//! will make the credential at its next start, and no others.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::{
    credential_source::{CredentialSource, decrypted},
    master_key_file,
};
use crate::{
    store::{StoreError, remote::Line},
    vault::{KeyError, KeyHolder, Keyring, KeysHeld},
};

/// How it is found out what a credential is made of.
type Sources = dyn Fn(&Path) -> Result<CredentialSource, String> + Send + Sync;

/// The keys at the other end of a line.
pub struct RemoteKeys {
    line: Line,
    /// The master key file of this process.
    file: PathBuf,
    sources: Arc<Sources>,
}

impl RemoteKeys {
    /// Beside a command whose keys are in `file`.
    pub fn new(line: Line, file: &Path) -> Self {
        Self::with_sources(line, file, CredentialSource::of)
    }

    /// The same, where `sources` says what a credential is made of.
    pub fn with_sources(
        line: Line,
        file: &Path,
        sources: impl Fn(&Path) -> Result<CredentialSource, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            line,
            file: file.to_owned(),
            sources: Arc::new(sources),
        }
    }

    /// What its credential is made of; `None` where it reads a file itself.
    async fn source(&self) -> Result<Option<CredentialSource>, KeyError> {
        let place = self.line.key_place().await.map_err(refused)?;
        if place.is_replaceable {
            return Ok(None);
        }
        let (sources, path) = (self.sources.clone(), PathBuf::from(&place.shown));
        let source = blocking(move || sources(&path).map_err(KeyError)).await;
        source.map(Some).map_err(|KeyError(why)| {
            KeyError(format!(
                "the running process has its master key as a credential, {}, and it cannot be found out what that is made \
                 of: {why}; end that process, run this command, and start it again; nothing was changed",
                place.shown
            ))
        })
    }

    /// Whether every key of `kept` is in `source`.
    async fn holds(&self, source: &CredentialSource, kept: &Keyring) -> Result<(), KeyError> {
        let (asked, ids) = (source.clone(), kept.held().opening);
        let found = blocking(move || keys(&asked)).await?;
        if ids.iter().all(|id| found.holds(id)) {
            return Ok(());
        }
        let (own, theirs) = (self.file.display(), source.file().display());
        Err(KeyError(match source {
            CredentialSource::File(_) => format!(
                "the keys in {own} are not those in {theirs}, which systemd hands to the running process at its next start; \
                 bring that file over the other, then run `key rotate --copied`, which goes on from here"
            ),
            CredentialSource::Encrypted { name, .. } => format!(
                "the keys in {own} are not in {theirs} yet, which systemd hands to the running process at its next start: \
                 run `systemd-creds encrypt --name={name} {own} {theirs}`, then `lpse-kiosk key rotate --copied \
                 --master-key-file {own}`, which goes on from here"
            ),
        }))
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteKeys({})", self.file.display())
    }
}

#[async_trait]
impl KeyHolder for RemoteKeys {
    async fn can_learn(&self, kept: &Keyring) -> Result<(), KeyError> {
        match self.source().await? {
            None => Ok(()),
            Some(CredentialSource::File(theirs))
                if !CredentialSource::File(theirs.clone()).is_at(&self.file) =>
            {
                Err(KeyError(format!(
                    "systemd hands the running process its master key from {theirs} at its next start, and this command \
                     would put the new one into {own}; run it with --master-key-file {theirs}; nothing was changed",
                    theirs = theirs.display(),
                    own = self.file.display()
                )))
            }
            Some(source) => self.holds(&source, kept).await,
        }
    }

    async fn learn(&self, kept: &Keyring) -> Result<KeysHeld, KeyError> {
        let held = self.line.learn_keys().await.map_err(refused)?;
        let wanted = kept.held().opening;
        if held.opening.len() == wanted.len() && wanted.iter().all(|id| held.opens(id)) {
            return Ok(held);
        }
        let Some(source) = self.source().await? else {
            return Ok(held);
        };
        // What it is told only now must be there when it is started again.
        self.holds(&source, kept).await?;
        self.line.hold_keys(kept).await.map_err(refused)
    }

    async fn seal_with(&self, id: &str) -> Result<KeysHeld, KeyError> {
        self.line.seal_with(id).await.map_err(refused)
    }
}

/// The keys that a credential will be.
fn keys(source: &CredentialSource) -> Result<Keyring, KeyError> {
    let read = match source {
        CredentialSource::File(file) => master_key_file::read(file),
        CredentialSource::Encrypted { name, file } => {
            let text = decrypted(name, file).map_err(KeyError)?;
            master_key_file::parse(file, &text)
        }
    };
    read.map_err(|error| KeyError(error.to_string()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
) -> Result<T, KeyError> {
    let done = spawn_blocking(work).await;
    done.map_err(|_| KeyError("the running process's master key was not looked at".into()))?
}

fn refused(error: StoreError) -> KeyError {
    KeyError(format!("the running process: {error}"))
}
