//! A store to bring a backup back to, opened without any services over it.

use std::sync::Arc;

use super::{
    AssemblyError, audit_log::open_audit_log, data_folder::make_private, opening::open_store,
};
use crate::{
    adapter::{audit_trail::AuditTrailFiles, clock::SystemClock, random::SystemRandom},
    config::Config,
    ports::Clock,
    service::backup::Restoring,
    store::{self, backup, engine::opening::Missing, health::Ended},
};

/// An empty store, or one with an unfinished restore, to bring a backup back to.
#[derive(Debug)]
pub struct OpenedForRestore {
    pub restoring: Restoring,
    ended: Ended,
}

impl OpenedForRestore {
    /// Closes the store in order.
    pub async fn close(self) {
        let Self { restoring, ended } = self;
        drop(restoring);
        ended.wait().await;
    }
}

/// Opens the store and the audit log, and nothing else: there is no store key yet, and no master key that belongs to it.
pub async fn open_for_restore(
    config: &Config,
    clock: Arc<SystemClock>,
) -> Result<OpenedForRestore, AssemblyError> {
    make_private(&config.data)?;
    // From its first moment it says that the restore is not finished.
    let missing = Missing::BeginAnew(backup::begun(clock.now()));
    let store::Opened {
        store, ended, node, ..
    } = open_store(config, missing).await?;
    let (audit, _) = open_audit_log(config, store.clone(), &node, clock.clone()).await?;
    Ok(OpenedForRestore {
        ended,
        restoring: Restoring {
            store,
            audit: Arc::new(audit),
            audit_trail: Arc::new(AuditTrailFiles::new(&config.audit_file())),
            clock,
            random: Arc::new(SystemRandom),
        },
    })
}
