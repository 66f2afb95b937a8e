//! Files that the settings name: a password, certificates.

use std::path::Path;

use zeroize::Zeroizing;

use super::AssemblyError;
use crate::adapter::secret_file::{self, SecretFileError};

/// The password in a file, which an editor may have ended with a line's end.
pub(super) fn password(
    what: &'static str,
    file: &Path,
) -> Result<Zeroizing<String>, SecretFileError> {
    let text = secret_file::read(what, file)?;
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// The certificates (PEM) in a file.
pub(super) fn certificates(file: &Path) -> Result<Vec<u8>, AssemblyError> {
    let failed = |error| AssemblyError::Authority(file.display().to_string(), error);
    std::fs::read(file).map_err(failed)
}
