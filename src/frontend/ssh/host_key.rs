//! The key by which people recognise this machine over SSH: made on the first start and kept.

use std::path::Path;

use russh::keys::{HashAlg, PrivateKey};

use crate::{
    adapter::ssh_key_file::{self, KeyFileError, Kind},
    ports::Random,
};

const KIND: Kind = Kind {
    name: "SSH host key",
    the: "the SSH host key",
};

/// An Ed25519 host key (RFC 8709).
pub struct HostKey(PrivateKey);

impl HostKey {
    /// The key in the file at `path`.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        ssh_key_file::read(KIND, path).map(Self)
    }

    /// The key in the file at `path`, as the process of `user` would read it.
    pub fn read_for(path: &Path, user: u32) -> Result<Self, KeyFileError> {
        ssh_key_file::read_for(KIND, path, user).map(Self)
    }

    /// The key in the file at `path`, made if there is no such file.
    pub fn read_or_make(path: &Path, random: &dyn Random) -> Result<Self, KeyFileError> {
        ssh_key_file::read_or_make(KIND, path, random).map(Self)
    }

    /// `SHA256:…`, as `ssh` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The public key as it stands in a known_hosts file, after the host's name.
    pub fn public(&self) -> String {
        ssh_key_file::public(&self.0)
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
        let missing = HostKey::read(&path).unwrap_err();
        assert!(matches!(missing, KeyFileError::Missing { .. }));
        let said = missing.to_string();
        assert!(said.starts_with("there is no SSH host key /"), "{said}");
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
