//! The file that holds the master keys, apart from everything the keys protect.
//!
//! One key a line, in base 64: the first seals, all open; lines that begin with `#` explain. The file is created once,
//! for a new store only: for a store that already holds sealed secrets a new key would make them all unreadable.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::secret_file::{self, SecretFileError};
use crate::{
    ports::Random,
    vault::{KeyError, KeyFile, Keyring, MasterKey, Vault},
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

/// A file of master keys.
#[derive(Debug)]
pub struct MasterKeyFile {
    path: PathBuf,
    /// It is a copy that systemd hands over at the start of a service, and nobody can write.
    is_credential: bool,
}

impl MasterKeyFile {
    pub fn new(path: &Path, is_credential: bool) -> Self {
        Self {
            path: path.to_owned(),
            is_credential,
        }
    }

    /// The vault with its keys. Where the file does not exist and `may_create`, it is created with a new key.
    pub fn open(self, may_create: bool, random: &dyn Random) -> Result<Vault, MasterKeyError> {
        let path = self.path.as_path();
        match read(path) {
            Err(MasterKeyError::Missing(_)) if may_create => {
                let mut key = Zeroizing::new([0; MasterKey::LENGTH]);
                random.fill(key.as_mut_slice());
                let ring = Keyring::new(MasterKey::from_bytes(*key), Vec::new());
                match create(path, &ring) {
                    Ok(()) => {}
                    // Another process was faster; its key is as good.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(MasterKeyError::Io(path.to_owned(), error)),
                }
                read(path)?;
            }
            found => {
                found?;
            }
        }
        let shown = self.path.clone();
        Vault::of_file(Arc::new(self))
            .map_err(|KeyError(why)| MasterKeyError::Io(shown, io::Error::other(why)))
    }
}

impl KeyFile for MasterKeyFile {
    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self) -> Result<Keyring, KeyError> {
        read(&self.path).map_err(|error| KeyError(error.to_string()))
    }

    fn replaceable(&self) -> Result<(), KeyError> {
        match self.is_credential {
            false => Ok(()),
            true => Err(KeyError(format!(
                "the master key {} is a copy that systemd made for this service, and cannot be written; run the \
                 command outside the service, with --master-key-file naming the file that LoadCredential= names",
                self.path.display()
            ))),
        }
    }

    fn replace(&self, keys: &Keyring) -> Result<(), KeyError> {
        self.replaceable()?;
        let path = &self.path;
        let failed = |why: String| {
            KeyError(format!(
                "the master key file {} cannot be replaced: {why}; the file and its folder must be writable for whoever \
                 runs the command",
                path.display()
            ))
        };
        let before = secret_file::read(WHAT, path).map_err(|error| failed(error.to_string()))?;
        let lines = before.lines().map(str::trim);
        let told: Zeroizing<String> = lines
            .take_while(|line| line.is_empty() || line.starts_with('#'))
            .flat_map(|line| [line, "\n"])
            .collect::<String>()
            .into();
        secret_file::replace(path, &parts(&told, &encoded(keys)))
            .map_err(|error| failed(error.to_string()))
    }
}

/// The keys in the file at `path`.
pub fn read(path: &Path) -> Result<Keyring, MasterKeyError> {
    parsed(path, secret_file::read(WHAT, path))
}

/// The keys in the file at `path`, read as the process of `user` would.
pub fn read_for(path: &Path, user: u32) -> Result<Keyring, MasterKeyError> {
    parsed(path, secret_file::read_for(WHAT, path, user))
}

fn parsed(
    path: &Path,
    read: Result<Zeroizing<String>, SecretFileError>,
) -> Result<Keyring, MasterKeyError> {
    match read {
        Ok(text) => parse(path, &text),
        Err(error) if error.is_missing() => Err(MasterKeyError::Missing(path.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// What a file begins with that this program has made.
const MADE: &str = "# Master key of lpse-kiosk.";

/// Whether this program made the file at `path`, which it does for a store only. A key that somebody made beforehand does
/// not say whether there was one yet.
pub fn was_made_for_a_store(path: &Path) -> bool {
    let text = secret_file::read(WHAT, path);
    text.is_ok_and(|text| text.lines().any(|line| line.starts_with(MADE)))
}

/// Writes `keys` to `path`, where nothing is.
pub fn create(path: &Path, keys: &Keyring) -> io::Result<()> {
    let what = "# Master key of lpse-kiosk. Whoever has it and the store can compute everybody's codes; without it no\n\
                # activation can be read. Keep a copy in a safe place, apart from the backups of the store.\n";
    debug_assert!(what.starts_with(MADE));
    secret_file::create(path, &parts(what, &encoded(keys)))
}

/// The keys in `text`, which is that of the file at `path`.
pub fn parse(path: &Path, text: &str) -> Result<Keyring, MasterKeyError> {
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
    let sealing = keys
        .next()
        .ok_or_else(|| MasterKeyError::Malformed(path.to_owned(), 1))?;
    Ok(Keyring::new(sealing, keys.collect()))
}

/// Each key's line.
fn encoded(keys: &Keyring) -> Vec<Zeroizing<String>> {
    let line = |key: &MasterKey| Zeroizing::new(BASE64.encode(key.as_bytes()));
    keys.iter().map(line).collect()
}

fn parts<'a>(told: &'a str, encoded: &'a [Zeroizing<String>]) -> Vec<&'a [u8]> {
    let lines = encoded.iter().flat_map(|line| [line.as_bytes(), b"\n"]);
    std::iter::once(told.as_bytes()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::adapter::random::SystemRandom;

    fn open(path: &Path, may_create: bool) -> Result<Vault, MasterKeyError> {
        MasterKeyFile::new(path, false).open(may_create, &SystemRandom)
    }

    #[test]
    fn a_key_is_created_once_private_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("etc/master.key");
        assert!(!was_made_for_a_store(&path));
        let sealed = open(&path, true).unwrap().seal_check([1; 24]);
        assert!(was_made_for_a_store(&path));
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = open(&path, true).unwrap();
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
        let error = open(&path, false).unwrap_err();
        assert!(matches!(error, MasterKeyError::Missing(_)), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn an_exposed_or_malformed_file_is_refused_by_name_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        open(&path, true).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = open(&path, true).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::write(&path, "# a comment\nbm90IGEga2V5\n").unwrap();
        assert!(!was_made_for_a_store(&path));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = open(&path, true).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn keys_are_replaced_with_what_the_operator_wrote_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        open(&path, true).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("# safe 3, shelf 2\n{text}")).unwrap();
        let file = MasterKeyFile::new(&path, false);
        let before = file.read().unwrap();
        let next = MasterKey::from_bytes([3; 32]);
        let ring = before.with(next.clone());
        file.replace(&ring).unwrap();
        assert_eq!(file.read().unwrap().held(), ring.held());
        assert_eq!(ring.held().sealing, before.held().sealing);
        file.replace(&ring.sealing_with(&next.id()).unwrap().sealing_alone())
            .unwrap();
        assert_eq!(file.read().unwrap().held().opening, [next.id()]);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("# safe 3, shelf 2\n# Master key"),
            "{text}"
        );
    }

    #[test]
    fn a_credential_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master-key");
        open(&path, true).unwrap();
        let file = MasterKeyFile::new(&path, true);
        let before = fs::read(&path).unwrap();
        assert!(file.replaceable().is_err());
        let refused = file.replace(&file.read().unwrap()).unwrap_err();
        assert!(refused.to_string().contains("LoadCredential="), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
