//! Reading a file that holds a secret: refused unless it is its owner's alone, and wiped from memory after use.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// A secret is a few lines; what is larger is something else.
const LARGEST_FILE: u64 = 64 * 1024;

/// Why a secret is not read.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("{what} {path}: {error}", path = .path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error(
        "{what} {path} can be read by others (mode {mode:03o}); make it private: chmod 600 {path}", path = .path.display()
    )]
    Exposed {
        what: &'static str,
        path: PathBuf,
        mode: u32,
    },
    #[error(
        "{what} {path} belongs to another user (uid {uid}); run lpse-kiosk as that user, or give it the file", path = .path.display()
    )]
    Foreign {
        what: &'static str,
        path: PathBuf,
        uid: u32,
    },
}

impl SecretFileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads the file at `path`; `what` it is, such as "the master key file", begins the sentence of an error.
pub fn read(what: &'static str, path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let failed = |error| SecretFileError::Io {
        what,
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed {
            what,
            path: path.to_owned(),
            mode,
        });
    }
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own && metadata.uid() != 0 {
        return Err(SecretFileError::Foreign {
            what,
            path: path.to_owned(),
            uid: metadata.uid(),
        });
    }
    // Reserved in full, so that growing leaves no copy behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(LARGEST_FILE as usize));
    file.take(LARGEST_FILE)
        .read_to_string(&mut text)
        .map_err(failed)?;
    Ok(text)
}
