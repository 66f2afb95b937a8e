//! An Ed25519 key of this machine's own in OpenSSH's form: made once, read only while it is private, never replaced.

use std::{io, path::Path};

use russh::keys::{
    Algorithm, PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};
use zeroize::Zeroizing;

use super::{
    file_owner,
    secret_file::{self, SecretFileError},
};
use crate::ports::Random;

/// Why there is no key. Each begins with what kind of key it is.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error(transparent)]
    Unreadable(#[from] SecretFileError),
    #[error("there is no {kind} {path} yet; `lpse-kiosk serve` makes one when it starts")]
    Missing { kind: &'static str, path: String },
    #[error(
        "the {kind} {path} is no Ed25519 key in OpenSSH's form without a passphrase; make one: ssh-keygen -t ed25519 -N '' -f {path}"
    )]
    Form { kind: &'static str, path: String },
    #[error("the {kind} {path} cannot be written: {error}")]
    Unwritable {
        kind: &'static str,
        path: String,
        error: io::Error,
    },
}

/// What a key is for, in the words of errors.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// `SSH host key`.
    pub name: &'static str,
    /// `the SSH host key`.
    pub the: &'static str,
}

/// The key in the file at `path`.
pub fn read(kind: Kind, path: &Path) -> Result<PrivateKey, KeyFileError> {
    read_for(kind, path, file_owner::user())
}

/// The key in the file at `path`, as the process of `user` would read it.
pub fn read_for(kind: Kind, path: &Path, user: u32) -> Result<PrivateKey, KeyFileError> {
    let text =
        secret_file::read_for(kind.the, path, user).map_err(|error| match error.is_missing() {
            true => KeyFileError::Missing {
                kind: kind.name,
                path: path.display().to_string(),
            },
            false => KeyFileError::Unreadable(error),
        })?;
    let key = PrivateKey::from_openssh(text.as_bytes()).map_err(|_| form(kind, path))?;
    if key.is_encrypted() || key.algorithm() != Algorithm::Ed25519 {
        return Err(form(kind, path));
    }
    Ok(key)
}

/// The key in the file at `path`, made if there is no such file. A file that cannot be read is never replaced: people
/// would be warned of a machine that is not the one they know.
pub fn read_or_make(
    kind: Kind,
    path: &Path,
    random: &dyn Random,
) -> Result<PrivateKey, KeyFileError> {
    match read(kind, path) {
        Err(KeyFileError::Missing { .. }) => {}
        read => return read,
    }
    let mut seed = Zeroizing::new([0; 32]);
    random.fill(seed.as_mut_slice());
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
    let text = key
        .to_openssh(LineEnding::LF)
        .map_err(|_| form(kind, path))?;
    secret_file::create(path, &[text.as_bytes()]).map_err(|error| KeyFileError::Unwritable {
        kind: kind.name,
        path: path.display().to_string(),
        error,
    })?;
    Ok(key)
}

/// The public key as it stands in a file of known hosts or allowed signers, after the name.
pub fn public(key: &PrivateKey) -> String {
    let key = key.public_key().to_openssh().unwrap_or_default();
    key.trim_end().to_owned()
}

fn form(kind: Kind, path: &Path) -> KeyFileError {
    KeyFileError::Form {
        kind: kind.name,
        path: path.display().to_string(),
    }
}
