//! The key by which people recognise this machine.

use super::{finding::Finding, patient::Patient};
use crate::{adapter::ssh_key_file::KeyFileError, frontend::ssh::host_key::HostKey};

const NAME: &str = "ssh-host-key";

pub fn host_key(patient: &Patient<'_>) -> Finding {
    let file = patient.config.host_key_file();
    match HostKey::read_for(&file, patient.user) {
        Ok(key) => Finding::ok(
            NAME,
            format!("Ed25519, {}, in {}", key.fingerprint(), file.display()),
        ),
        Err(KeyFileError::Missing { path, .. }) => Finding::ok(
            NAME,
            format!(
                "there is none in {path}: the first `lpse-kiosk serve` makes one, unless systemd hands it one"
            ),
        ),
        Err(error) => Finding::failure(
            NAME,
            error.to_string(),
            "`serve` refuses it too. Put the old key back, so that people are not warned of another machine.",
        ),
    }
}
