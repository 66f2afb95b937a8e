//! The file with a key that backups are encrypted to: 32 random bytes in base 64 on a line, private.

use std::{io, path::Path};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::secret_file::{self, SecretFileError};
use crate::{
    ports::Random,
    store::backup::{BackupKey, Passphrase, PassphraseError},
};

/// Why a backup has no key.
#[derive(Debug, thiserror::Error)]
pub enum BackupKeyError {
    #[error(transparent)]
    Unread(#[from] SecretFileError),
    #[error(
        "the key file {0} holds no key: 32 random bytes in base 64 on a line of their own; `backup --new-key-file` makes one"
    )]
    Malformed(String),
    #[error("the key file {0} exists already; it is used with --key-file")]
    Exists(String),
    #[error("the key file {0} cannot be made: {1}")]
    Io(String, io::Error),
    #[error("the passphrase file {0}: {1}")]
    Passphrase(String, PassphraseError),
}

/// The key in the file at `path`.
pub fn read(path: &Path) -> Result<BackupKey, BackupKeyError> {
    let text = secret_file::read("the key file", path)?;
    let malformed = || BackupKeyError::Malformed(path.display().to_string());
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(malformed());
    };
    let bytes = Zeroizing::new(BASE64.decode(line.as_bytes()).map_err(|_| malformed())?);
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| malformed())?;
    Ok(BackupKey::File(Zeroizing::new(bytes)))
}

/// Makes a key in a new file at `path`.
pub fn create(path: &Path, random: &dyn Random) -> Result<BackupKey, BackupKeyError> {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(key.as_mut_slice());
    let encoded = Zeroizing::new(BASE64.encode(key.as_slice()));
    let what = b"# A key to backups of lpse-kiosk. Without it they cannot be read. Keep it apart from them.\n";
    match secret_file::create(path, &[what, encoded.as_bytes(), b"\n"]) {
        Ok(()) => Ok(BackupKey::File(key)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(BackupKeyError::Exists(path.display().to_string()))
        }
        Err(error) => Err(BackupKeyError::Io(path.display().to_string(), error)),
    }
}

/// The passphrase in the first line of the file at `path`; one for a new backup has rules.
pub fn passphrase(path: &Path, is_new: bool) -> Result<BackupKey, BackupKeyError> {
    let text = secret_file::read("the passphrase file", path)?;
    let line = text.lines().next().unwrap_or_default();
    let passphrase = match is_new {
        true => Passphrase::chosen(line),
        false => Passphrase::typed(line),
    };
    passphrase
        .map(BackupKey::Passphrase)
        .map_err(|error| BackupKeyError::Passphrase(path.display().to_string(), error))
}
