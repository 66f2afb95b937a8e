//! The audit log of a store: opened where the store knows it to have come to, and what the store knows of it.

use std::sync::Arc;

use super::{
    AssemblyError,
    data_folder::check_owner,
    held::Held,
    node::node,
    opening::open_store,
    trace::{emptied, trace_of_log, vanished},
};
use crate::{
    adapter::{
        audit_log::{AuditLog, Written, head},
        clock::SystemClock,
    },
    config::Config,
    domain::audit::AuditHead,
    store::{
        self, Store,
        audit_heads::AuditHeads,
        engine::opening::Missing,
        folder::OpenError,
        remote::{self, Joined, Remote},
    },
};

/// Opens the audit log where the store knows it to have come to, and has the store told how far it comes from now on. Whoever
/// wants to hear that too is handed on.
pub(super) async fn open_audit_log(
    config: &Config,
    store: Arc<dyn Store>,
    node: &str,
    clock: Arc<SystemClock>,
) -> Result<(AuditLog, Written), AssemblyError> {
    let heads = AuditHeads::new(store);
    let head = heads.get(node).await?;
    let file = config.audit_file();
    let rotate_bytes = config.audit_rotate_mib * 1024 * 1024;
    let shown = file.display().to_string();
    let opening = move || AuditLog::open(&file, rotate_bytes, clock, head);
    // It reads the end of the log.
    let opened = tokio::task::spawn_blocking(opening).await;
    let (log, written) = opened
        .expect("opening the audit log does not panic")
        .map_err(|error| AssemblyError::Audit(shown, error))?;
    // It ends with the log, and lets go of the store then.
    tokio::spawn(head::keep(heads, node.to_owned(), written.clone()));
    Ok((log, written))
}

/// What the store knows of the audit log.
#[derive(Debug, Default)]
pub struct KnownLog {
    /// How far it knows the log to have come.
    pub head: Option<AuditHead>,
    /// The log is being written by another process.
    pub is_live: bool,
    /// The store is gone, and why that is said.
    pub gone: Option<String>,
}

/// What the store knows of the audit log. The log itself is not touched, nor is the store kept, or made where there is
/// none.
pub async fn known_log(config: &Config) -> Result<KnownLog, AssemblyError> {
    let mut held = Held::for_a_turn();
    loop {
        if let Some(joined) = remote::join(&config.socket_file()).await? {
            let Joined { line, ended } = joined;
            let heads = AuditHeads::new(Arc::new(Remote::new(line)));
            let head = heads.get(&node(config)).await;
            drop(heads);
            // It is over, however it ended.
            let _ = ended.await;
            return Ok(KnownLog {
                head: head?,
                is_live: true,
                gone: None,
            });
        }
        let trace = trace_of_log(&config.audit_file());
        if !config.store_folder().exists() {
            return Ok(KnownLog {
                gone: trace.map(|why| vanished(config, why).to_string()),
                ..KnownLog::default()
            });
        }
        check_owner(&config.data)?;
        let missing = Missing::Refuse(trace.clone().unwrap_or_default());
        match open_store(config, missing).await {
            Ok(store::Opened {
                store, ended, node, ..
            }) => {
                let heads = AuditHeads::new(store.clone());
                let head = heads.get(&node).await;
                let why = emptied(&config.audit_file(), &store, &node).await;
                drop((heads, store));
                ended.wait().await;
                return Ok(KnownLog {
                    head: head?,
                    is_live: false,
                    gone: why?.map(|why| vanished(config, why).to_string()),
                });
            }
            Err(AssemblyError::Store(by @ OpenError::Held { .. })) => held.wait(by).await?,
            Err(AssemblyError::Store(OpenError::Vanished { why, .. })) if why.is_empty() => {
                return Ok(KnownLog::default());
            }
            Err(AssemblyError::Store(error @ OpenError::Vanished { .. })) => {
                return Ok(KnownLog {
                    gone: Some(error.to_string()),
                    ..KnownLog::default()
                });
            }
            Err(error) => return Err(error),
        }
    }
}
