//! The key by which people recognise this machine over SSH: made on the first start and kept.

use std::{io, path::Path};

use russh::keys::{
    Algorithm, HashAlg, PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};
use zeroize::Zeroizing;

use crate::{
    adapter::secret_file::{self, SecretFileError},
    ports::Random,
};

const WHAT: &str = "the SSH host key";

/// Why there is no host key.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    #[error(transparent)]
    Unreadable(#[from] SecretFileError),
    #[error("there is no SSH host key {0} yet; `lpse-kiosk serve` makes one when it starts")]
    Missing(String),
    #[error(
        "the SSH host key {0} is no Ed25519 key in OpenSSH's form without a passphrase; make one: ssh-keygen -t ed25519 -N '' -f {0}"
    )]
    Form(String),
    #[error("the SSH host key {0} cannot be written: {1}")]
    Unwritable(String, io::Error),
}

/// An Ed25519 host key (RFC 8709).
pub struct HostKey(PrivateKey);

impl HostKey {
    /// The key in the file at `path`.
    pub fn read(path: &Path) -> Result<Self, HostKeyError> {
        Self::read_for(path, rustix::process::geteuid().as_raw())
    }

    /// The key in the file at `path`, as the process of `user` would read it.
    pub fn read_for(path: &Path, user: u32) -> Result<Self, HostKeyError> {
        let text =
            secret_file::read_for(WHAT, path, user).map_err(|error| match error.is_missing() {
                true => HostKeyError::Missing(path.display().to_string()),
                false => HostKeyError::Unreadable(error),
            })?;
        let form = || HostKeyError::Form(path.display().to_string());
        let key = PrivateKey::from_openssh(text.as_bytes()).map_err(|_| form())?;
        if key.is_encrypted() || key.algorithm() != Algorithm::Ed25519 {
            return Err(form());
        }
        Ok(Self(key))
    }

    /// The key in the file at `path`, made if there is no such file. A file that cannot be read is never replaced: people
    /// would be warned of a machine that is not the one they know.
    pub fn read_or_make(path: &Path, random: &dyn Random) -> Result<Self, HostKeyError> {
        match Self::read(path) {
            Err(HostKeyError::Missing(_)) => {}
            read => return read,
        }
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice());
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let form = |_| HostKeyError::Form(path.display().to_string());
        let text = key.to_openssh(LineEnding::LF).map_err(form)?;
        secret_file::create(path, &[text.as_bytes()])
            .map_err(|error| HostKeyError::Unwritable(path.display().to_string(), error))?;
        Ok(Self(key))
    }

    /// `SHA256:…`, as `ssh` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The public key as it stands in a known_hosts file, after the host's name.
    pub fn public(&self) -> String {
        let key = self.0.public_key().to_openssh().unwrap_or_default();
        key.trim_end().to_owned()
    }

    pub(super) fn into_private(self) -> PrivateKey {
        self.0
    }
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::adapter::random::SystemRandom;

    #[test]
    fn a_key_is_made_once_kept_private_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(
            HostKey::read(&path),
            Err(HostKeyError::Missing(_))
        ));
        let made = HostKey::read_or_make(&path, &SystemRandom).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let read = HostKey::read_or_make(&path, &SystemRandom).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        assert!(made.fingerprint().starts_with("SHA256:"));
        assert!(made.public().starts_with("ssh-ed25519 AAAA"));
        fs::write(&path, "broken").unwrap();
        let refused = HostKey::read_or_make(&path, &SystemRandom).unwrap_err();
        assert!(refused.to_string().contains("ssh-keygen"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"broken");
    }
}
