//! The file that holds the master key, apart from everything the key protects.
//!
//! One key a line, in base 64, the current one first; lines that begin with `#` explain. The file is created once,
//! for a new store only: for a store that already holds sealed secrets a new key would make them all unreadable.

use std::{
    io,
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::secret_file::{self, SecretFileError};
use crate::{
    ports::Random,
    vault::{MasterKey, Vault},
};

/// How an error calls the file.
const WHAT: &str = "the master key file";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error(
        "the master key file {path} is missing, but the store holds secrets sealed with it: put the file back from its safe copy (a new key could not open them)", path = .0.display()
    )]
    Missing(PathBuf),
    #[error("the master key file {path}: {1}", path = .0.display())]
    Io(PathBuf, io::Error),
    #[error(transparent)]
    Unread(#[from] SecretFileError),
    #[error("the master key file {path} holds no key: line {1} is not 32 bytes in base 64", path = .0.display())]
    Malformed(PathBuf, usize),
}

/// Reads the vault from `path`. Where the file does not exist and `may_create`, it is created with a new key.
pub fn open(path: &Path, may_create: bool, random: &dyn Random) -> Result<Vault, MasterKeyError> {
    match secret_file::read(WHAT, path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.is_missing() && may_create => {
            match create(path, random) {
                Ok(()) => {}
                // Another process was faster; its key is as good.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(MasterKeyError::Io(path.to_owned(), error)),
            }
            parse(path, &secret_file::read(WHAT, path)?)
        }
        Err(error) if error.is_missing() => Err(MasterKeyError::Missing(path.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// Reads the vault from `path` as the process of `user` would. Nothing is created.
pub fn read_for(path: &Path, user: u32) -> Result<Vault, MasterKeyError> {
    match secret_file::read_for(WHAT, path, user) {
        Ok(text) => parse(path, &text),
        Err(error) if error.is_missing() => Err(MasterKeyError::Missing(path.to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn parse(path: &Path, text: &str) -> Result<Vault, MasterKeyError> {
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let malformed = || MasterKeyError::Malformed(path.to_owned(), number);
        let bytes = Zeroizing::new(BASE64.decode(line.as_bytes()).map_err(|_| malformed())?);
        let bytes =
            <[u8; MasterKey::LENGTH]>::try_from(bytes.as_slice()).map_err(|_| malformed())?;
        keys.push(MasterKey::from_bytes(bytes));
    }
    let mut keys = keys.into_iter();
    let current = keys
        .next()
        .ok_or_else(|| MasterKeyError::Malformed(path.to_owned(), 1))?;
    Ok(Vault::new(current, keys.collect()))
}

/// Writes a new key, where there is none.
fn create(path: &Path, random: &dyn Random) -> io::Result<()> {
    let mut key = Zeroizing::new([0; MasterKey::LENGTH]);
    random.fill(key.as_mut_slice());
    let encoded = Zeroizing::new(BASE64.encode(key.as_slice()));
    let what = b"# Master key of lpse-kiosk. Whoever has it and the store can compute everybody's codes; without it no\n\
                 # activation can be read. Keep a copy in a safe place, apart from the backups of the store.\n";
    secret_file::create(path, &[what, encoded.as_bytes(), b"\n"])
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::adapter::random::SystemRandom;

    #[test]
    fn a_key_is_created_once_private_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etc/master.key");
        let sealed = open(&path, true, &SystemRandom)
            .unwrap()
            .seal_check([1; 24]);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = open(&path, true, &SystemRandom).unwrap();
        assert_eq!(again.passes_check(&sealed), Ok(()));
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "no draft stays"
        );
    }

    #[test]
    fn a_missing_key_is_not_replaced_when_the_store_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let error = open(&path, false, &SystemRandom).unwrap_err();
        assert!(matches!(error, MasterKeyError::Missing(_)), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn an_exposed_or_malformed_file_is_refused_by_name_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        open(&path, true, &SystemRandom).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = open(&path, true, &SystemRandom).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::write(&path, "# a comment\nbm90IGEga2V5\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = open(&path, true, &SystemRandom).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
