//! Two stores for a copy from one to the other: opened both, and served from neither.
//!
//! They may share a data folder, where one of them is in a cluster: its lock is taken once. They share the audit log
//! then, and how far that is known to have come goes into the target under this machine's name there. In another data
//! folder a log of its own begins, or goes on.

use std::sync::Arc;

use super::{
    AssemblyError, audit_log::open_audit_log, data_folder::make_private, node::node,
    opening::open_store_in,
};
use crate::{
    adapter::clock::SystemClock,
    config::Config,
    ports::Audit,
    service::store_copy::Copying,
    store::{
        self, Commit,
        audit_heads::AuditHeads,
        copy::{self, Names},
        engine::opening::Missing,
        folder::{self, Folder},
        health::Ended,
    },
};

/// Both stores.
#[derive(Debug)]
pub struct OpenedForCopy {
    pub copying: Copying,
    ended: [Ended; 2],
}

impl OpenedForCopy {
    /// Closes both in order.
    pub async fn close(self) {
        let Self { copying, ended } = self;
        drop(copying);
        for ended in ended {
            ended.wait().await;
        }
    }
}

/// Opens the stores of two configurations, which are the same but for the kind of the store and the data folder. Nothing
/// is written into either before it is known that a copy may begin.
pub async fn open_for_copy(
    from: &Config,
    to: &Config,
    clock: Arc<SystemClock>,
) -> Result<OpenedForCopy, AssemblyError> {
    let home = from.store_folder();
    if store::StoreKind::EMBEDDED.contains(&from.store) {
        let found = folder::kind_in(&home);
        let found =
            found.map_err(|error| AssemblyError::Folder(home.display().to_string(), error))?;
        if found.is_none() {
            return Err(AssemblyError::NothingToCopy(home.display().to_string()));
        }
    }
    make_private(&from.data)?;
    let source_folder = Folder::hold(&home, from.free_space_floor_mib)?;
    let target_folder = match from.data == to.data {
        true => source_folder.clone(),
        false => {
            make_private(&to.data)?;
            Folder::hold(&to.store_folder(), to.free_space_floor_mib)?
        }
    };
    let gone = Missing::Refuse("there is nothing to copy".into());
    let source = open_store_in(from, source_folder, gone).await?;
    let target = open_store_in(to, target_folder, Missing::Begin(Commit::new())).await?;
    copy::check(&*source.store, &*target.store).await?;
    let names = Names {
        in_source: node(from),
        in_target: node(to),
    };
    let shares_log = from.audit_file() == to.audit_file();
    if shares_log
        && let Some(head) = AuditHeads::new(source.store.clone())
            .get(&names.in_source)
            .await?
    {
        let heads = AuditHeads::new(target.store.clone());
        heads.advance(&names.in_target, head).await?;
    }
    let mut audits: Vec<Arc<dyn Audit>> = Vec::new();
    let (log, _) =
        open_audit_log(to, target.store.clone(), &names.in_target, clock.clone()).await?;
    audits.push(Arc::new(log));
    if !shares_log {
        let opening = open_audit_log(from, source.store.clone(), &names.in_source, clock.clone());
        let (log, _) = opening.await?;
        audits.push(Arc::new(log));
    }
    Ok(OpenedForCopy {
        ended: [source.ended, target.ended],
        copying: Copying {
            from: source.store,
            to: target.store,
            names,
            audits,
            clock,
        },
    })
}
