//! A look at the master keys of this machine: whether it holds the one that the store is sealed under, where another
//! machine may bring in a new one.
//!
//! It is looked at every [`PAUSE`], so that health tells it while nobody comes. A key that is missing is looked for in the
//! key file each time: a file that was brought here meanwhile is used at once.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    store::{Store, StoreError, health::Health, settings::Settings},
    vault::{Vault, VaultError},
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// What this machine lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lack {
    Nothing,
    /// The key that a rotation brings in, by its name: nothing is sealed under it yet.
    NextKey(String),
    /// The key that the store is sealed under, and why it does not open.
    Key(VaultError),
}

/// Looks until the store is gone, which this does not keep open.
pub async fn keep_looking(store: Weak<dyn Store>, vault: Vault, health: Health) {
    let to_bring = to_bring(&vault);
    let mut told = Lack::Nothing;
    loop {
        sleep(PAUSE).await;
        let Some(store) = store.upgrade() else {
            return;
        };
        // A store that does not answer tells that itself.
        let Ok(lack) = look(store, &vault).await else {
            continue;
        };
        health.note_key(!matches!(lack, Lack::Key(_)));
        if lack == told {
            continue;
        }
        match &lack {
            Lack::Key(error) => tracing::error!(
                "nobody can log in here: the store's master key is another one ({error}); bring the master key file of a \
                 machine that has it {to_bring}"
            ),
            Lack::NextKey(id) => tracing::warn!(
                "a rotation to the master key {id} waits for this machine: bring the master key file of the machine where \
                 `key rotate` was run {to_bring}; it goes on by itself then"
            ),
            Lack::Nothing => tracing::warn!("this machine holds the store's master key again"),
        }
        told = lack;
    }
}

/// What is done with a file that is brought here.
fn to_bring(vault: &Vault) -> String {
    match vault.file() {
        Some(file) if file.replaceable().is_ok() => format!("over {}", file.shown()),
        _ => {
            "over the one that LoadCredential= names, and run `lpse-kiosk key rotate --copied` here"
                .to_owned()
        }
    }
}

async fn look(store: Arc<dyn Store>, vault: &Vault) -> Result<Lack, StoreError> {
    let settings = Settings::new(store);
    if let Some(sealed) = settings.seal_check().await?.sealed
        && let Err(error) = vault.passes_check(&sealed)
    {
        return Ok(Lack::Key(error));
    }
    let next = settings.rotation().await?;
    // A key that is not known yet is looked for in the file.
    let lacks = |id: &String| vault.sealing_under(id).is_err();
    Ok(next.filter(lacks).map_or(Lack::Nothing, Lack::NextKey))
}
