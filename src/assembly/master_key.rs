//! The master key: where it comes from, and whether it is the store's own.

use std::path::PathBuf;

use super::AssemblyError;
use crate::{
    adapter::{master_key_file::MasterKeyFile, random::SystemRandom},
    ports::Random,
    store::settings::Settings,
    vault::{MasterKey, Vault},
};

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    File(PathBuf),
    /// A key that ends with the process, for a store that does too.
    Ephemeral,
}

/// Takes up keys that have come into the file of `vault`; why it cannot be read, if it cannot. Of a copy that systemd made
/// nothing is new: a command hands over what has come into the original.
pub(super) fn take_up_keys(vault: &Vault) -> Option<String> {
    let file = vault.file()?;
    if let Err(error) = file.read() {
        return Some(error.to_string());
    }
    if vault.look_again() {
        tracing::info!(
            "the master keys that have come into {} are known",
            file.shown()
        );
    }
    None
}

/// The vault whose key the store was created with. A new store gets a new key where there is none yet, unless the file is
/// a credential, which nobody can write.
pub(super) async fn open_vault(
    is_credential: bool,
    settings: &Settings,
    key: &KeySource,
) -> Result<Vault, AssemblyError> {
    let mut check = settings.seal_check().await?.sealed;
    let (vault, shown) = match key {
        KeySource::File(path) => (
            MasterKeyFile::new(path, is_credential).open(check.is_none(), &SystemRandom)?,
            path.display().to_string(),
        ),
        KeySource::Ephemeral => {
            let mut bytes = [0; MasterKey::LENGTH];
            SystemRandom.fill(&mut bytes);
            (
                Vault::new(MasterKey::from_bytes(bytes), Vec::new()),
                "of this process".to_owned(),
            )
        }
    };
    while check.is_none() {
        let mut nonce = [0; Vault::NONCE_BYTES];
        SystemRandom.fill(&mut nonce);
        // Of several machines that begin with a new store, the first one's key is the store's.
        settings.set_seal_check(&vault.seal_check(nonce)).await?;
        check = settings.seal_check().await?.sealed;
    }
    if let Some(sealed) = check {
        vault
            .passes_check(&sealed)
            .map_err(|error| AssemblyError::WrongKey(shown, error))?;
    }
    Ok(vault)
}
