//! Traces of a store that is gone: whether an empty folder may be one that nobody has used yet.

use std::{path::Path, sync::Arc};

use super::master_key::KeySource;
use crate::{
    adapter::{audit_log::AuditFiles, master_key_file},
    config::{Config, StoreKind},
    store::{
        Commit, Store, StoreError, audit_heads::AuditHeads, engine::opening::Missing,
        folder::OpenError, settings::Settings,
    },
};

/// What becomes of a folder without a store: a new one is made where nothing says that there was one.
///
/// A master key that this program made says so too. One that systemd hands over may have been made just now, and training
/// makes a new store whenever its folder was removed.
pub(super) fn missing(config: &Config, key: &KeySource, is_training: bool) -> Missing {
    let trace_of_key = || match key {
        KeySource::File(file) if !config.master_key_is_credential && !is_training => {
            let was_made = master_key_file::was_made_for_a_store(file);
            was_made.then(|| format!("the master key in {} was made for one", file.display()))
        }
        _ => None,
    };
    match trace_of_log(&config.audit_file()).or_else(trace_of_key) {
        Some(why) => Missing::Refuse(format!("it holds nothing, and {why}")),
        None => Missing::Begin(Commit::new()),
    }
}

/// That the audit log in `file` has records, if it has.
pub(super) fn trace_of_log(file: &Path) -> Option<String> {
    let parts = AuditFiles::of(file).parts().ok()?;
    let has_records = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
    parts
        .iter()
        .any(|part| has_records(&part.path))
        .then(|| format!("the audit log {} has records", file.display()))
}

/// Why `store`, which is open and holds nothing, must have held something: there are records in the log of `node`, which
/// is in `log`, and it knows of none.
pub(super) async fn emptied(
    log: &Path,
    store: &Arc<dyn Store>,
    node: &str,
) -> Result<Option<String>, StoreError> {
    if Settings::new(store.clone())
        .seal_check()
        .await?
        .sealed
        .is_some()
        || AuditHeads::new(store.clone()).get(node).await?.is_some()
    {
        return Ok(None);
    }
    Ok(trace_of_log(log).map(|why| format!("it holds nothing, and {why}")))
}

pub(super) fn vanished(config: &Config, why: String) -> OpenError {
    OpenError::Vanished {
        folder: place_of_store(config),
        why,
    }
}

/// Where the records are looked for, in words.
pub fn place_of_store(config: &Config) -> String {
    match config.store {
        StoreKind::Etcd => format!("the cluster, under {}", config.cluster.prefix),
        StoreKind::Sled | StoreKind::Redb => config.store_folder().display().to_string(),
    }
}

/// Why there seems to have been a store where there is none, if there does.
pub fn trace_of_store(config: &Config) -> Option<OpenError> {
    let key = KeySource::File(config.master_key_file.clone());
    match missing(config, &key, false) {
        Missing::Refuse(why) => Some(vanished(config, why)),
        Missing::Begin(_) | Missing::BeginAnew(_) => None,
    }
}
