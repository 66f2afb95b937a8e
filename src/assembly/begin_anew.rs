//! An empty store in the place of one that is gone, on the operator's word.

use std::{io, sync::Arc};

use super::{AssemblyError, data_folder::make_private, node::node, opening::open_store_in};
use crate::{
    adapter::{audit_log::AuditLog, clock::SystemClock},
    config::{Config, StoreKind},
    domain::{
        Source,
        audit::{Act, AuditEvent, AuditHead, AuditOutcome},
    },
    ports::Audit,
    store::{
        self, Commit, audit_heads::AuditHeads, engine::opening::Missing, folder::Folder,
        settings::Settings,
    },
};

/// Begins with an empty store where there is none, whatever says that there was one. The audit log goes on, and says so
/// first, and that it was done from `from`; the new store knows how far it has come. Returns the record that says it.
pub async fn begin_anew(
    config: &Config,
    clock: Arc<SystemClock>,
    from: &Source,
) -> Result<AuditHead, AssemblyError> {
    make_private(&config.data)?;
    let folder = Folder::hold(&config.store_folder(), config.free_space_floor_mib)?;
    let node = node(config);
    let stands = || AssemblyError::Stands(config.store_folder().display().to_string());
    if config.store != StoreKind::Etcd {
        if store::is_there(config.store, &folder)? {
            return Err(stands());
        }
        let head = record_beginning(config, clock, from).await?;
        let missing = Missing::BeginAnew(AuditHeads::first(&node, head));
        let opened = open_store_in(config, folder, missing).await?;
        drop(opened.store);
        opened.ended.wait().await;
        return Ok(head);
    }
    let opened = open_store_in(config, folder, Missing::Begin(Commit::new())).await?;
    if Settings::new(opened.store.clone())
        .seal_check()
        .await?
        .sealed
        .is_some()
    {
        return Err(stands());
    }
    let head = record_beginning(config, clock, from).await?;
    AuditHeads::new(opened.store.clone())
        .advance(&node, head)
        .await?;
    drop(opened.store);
    opened.ended.wait().await;
    Ok(head)
}

/// Has the audit log say that a store is begun anew, and returns that record.
async fn record_beginning(
    config: &Config,
    clock: Arc<SystemClock>,
    from: &Source,
) -> Result<AuditHead, AssemblyError> {
    let file = config.audit_file();
    let shown = file.display().to_string();
    let opened = AuditLog::open(&file, config.audit_rotate_mib * 1024 * 1024, clock, None);
    let (log, written) = opened.map_err(|error| AssemblyError::Audit(shown.clone(), error))?;
    let before = written.borrow().seq;
    let event = AuditEvent::new(Act::BeginStore, AuditOutcome::Done, from).saying(format!(
        "an empty store was begun; nothing of what records 1 to {before} tell is in it"
    ));
    let recorded = log.record(vec![event]).await;
    recorded.map_err(|error| AssemblyError::Audit(shown, io::Error::other(error.to_string())))?;
    let head = *written.borrow();
    Ok(head)
}
