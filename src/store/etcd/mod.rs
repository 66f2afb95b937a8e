//! etcd: a store that several machines share.
//!
//! A [`Commit`] is one `Txn`: what it expects are comparisons of values, what it writes are its operations. Whether one
//! whose answer was lost has been applied is learned by its [`slot`]; every read that something is decided on is
//! linearizable, as etcd's reads are unless they ask to be less. Consensus, and what survives which failure, is etcd's.
//!
//! etcd's limits, each at its default, and why none is met: a request may have 1.5 MiB, and a commit has at most
//! [`Commit::MAX_BYTES`] (256 KiB) with its keys, which bounds a record too; a transaction may have 128 operations, and a
//! commit has at most [`Commit::MAX_OPERATIONS`] (120) besides its slot and what the node stands on (5 conditions); an answer is a page of at most 128 rows; imports
//! and copies come in batches of 112. No key is written by everybody: slots, visits and hours are each node's own, and a
//! policy or a mark is written when somebody changes it. What was replaced stays until it is compacted, which is etcd's
//! own work (`--auto-compaction-retention`); a [`copy`] needs the history of one revision for as long as it takes. An
//! account is some 8 keys and 1.5 kB in a member's database, measured with a million of them: 1.5 GB of the 2 GiB that a
//! member takes unless `--quota-backend-bytes` says more.
//!
//! Keys: `<prefix>r/` and the record's own key; `<prefix>own/` for what belongs to this room alone: the store's standing,
//! a [`node`]'s name, its lease and its slots, and the [`turn`]s.

mod certificates;
mod changes;
mod cluster;
mod copy;
mod looking;
mod node;
mod reading;
mod settings;
mod slot;
mod transaction;
mod turn;
mod version;

use std::{path::Path, sync::Arc, time::Instant};

use async_trait::async_trait;
use tokio::{runtime::Handle, sync::watch, task::JoinHandle};

use self::{cluster::Cluster, node::Presence, slot::Slots, transaction::transaction};
pub use self::{
    cluster::{MemberState, Members, look},
    looking::to_look,
    settings::{EtcdSettings, EtcdTls, EtcdUser, TlsFiles},
    version::VersionFault,
};
use super::{
    Changes, Commit, HeldKeys, Key, Opened, Outcome, Snapshot, Store, StoreError, Turn, Value,
    Work,
    folder::{Folder, OpenError},
    health::{Condition, Counts, Ended, Health, Liveness},
    nodes::Node,
};

/// A store in an etcd cluster. The data folder is held as an embedded store would hold it: the audit log is in it.
#[derive(Debug)]
pub struct Etcd {
    folder: Folder,
    cluster: Arc<Cluster>,
    slots: Slots,
    holder: turn::Holder,
    counts: Arc<Counts>,
    presence: Arc<Presence>,
    beside: [JoinHandle<()>; 3],
    /// Dropped last: whoever waits for the end may take the folder then.
    end: Arc<watch::Sender<()>>,
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.beside.iter().for_each(JoinHandle::abort);
        let (presence, end) = (self.presence.clone(), self.end.clone());
        // Where there is no runtime any more, the lease runs out.
        if let Ok(runtime) = Handle::try_current() {
            let folder = self.folder.clone();
            runtime.spawn(async move {
                presence.leave().await;
                drop(folder);
                drop(end);
            });
        }
    }
}

/// Takes `folder` for this process, with less than `floor_mib` MiB free only to refuse, and joins the cluster.
pub async fn open(
    settings: EtcdSettings,
    folder: &Path,
    floor_mib: u64,
) -> Result<Opened, OpenError> {
    open_in(settings, Folder::hold(folder, floor_mib)?).await
}

/// Joins the cluster from a folder that is held already.
pub async fn open_in(settings: EtcdSettings, folder: Folder) -> Result<Opened, OpenError> {
    let node = settings.node.clone();
    let failed = |reason: String| OpenError::Cluster {
        endpoints: settings.endpoints.join(", "),
        reason,
    };
    let cluster = Arc::new(Cluster::new(&settings).map_err(failed)?);
    let presence = Arc::new(node::take(&cluster, &node, &folder).await?);
    cluster.begin_telling();
    let holder = turn::Holder::new(&node).map_err(|error| failed(error.to_string()))?;
    let (end, ended) = watch::channel(());
    let counts = Arc::new(Counts::default());
    let beside = [
        tokio::spawn(node::live(Arc::downgrade(&presence))),
        tokio::spawn(node::listen(Arc::downgrade(&presence))),
        tokio::spawn(certificates::keep_looking(Arc::downgrade(&cluster))),
    ];
    let asked = Arc::downgrade(&cluster);
    let away = presence.away();
    let told = away.clone();
    let health = Health::new(folder.room().clone(), counts.clone(), move || {
        let Some(cluster) = asked.upgrade().filter(|cluster| cluster.answers()) else {
            return Condition::Closed;
        };
        match (*told.borrow(), cluster.refusal()) {
            (_, Some(refusal)) => Condition::Refused(refusal),
            (Some(away), None) => Condition::Away(away),
            (None, None) => Condition::Well,
        }
    });
    Ok(Opened {
        store: Arc::new(Etcd {
            folder,
            slots: Slots::new(cluster.clone(), presence.clone(), &node),
            holder,
            cluster,
            counts,
            presence,
            beside,
            end: Arc::new(end),
        }),
        // It is never stuck: every question has an end.
        liveness: watch::channel(Liveness::Well).1,
        away,
        health,
        ended: Ended::new(ended),
        node,
        is_shared: true,
    })
}

#[async_trait]
impl Store for Etcd {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        self.presence.reads()?;
        reading::value(&self.cluster, key).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        self.presence.reads()?;
        let (rows, _) = reading::rows(&self.cluster, prefix, after, limit, None).await?;
        Ok(rows)
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        commit.check_size()?;
        // What is done is recorded on this disk.
        let room = self.folder.room().check();
        room.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let mut transaction = transaction(&self.cluster, &commit);
        // Whoever lost the turn meanwhile may have missed what others have written since.
        if commit
            .writes()
            .iter()
            .any(|(key, value)| *key == Key::moved() && value.is_some())
        {
            transaction.compares.push(self.holder.copies(&self.cluster));
        }
        let begun = Instant::now();
        let outcome = self.slots.commit(&transaction).await;
        match &outcome {
            Ok(outcome) => self.counts.count(&[*outcome], begun.elapsed()),
            Err(_) => self.counts.count_failed(1),
        }
        outcome
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(copy::Copy::new(self.cluster.clone())))
    }

    async fn take_turn(&self, work: Work) -> Result<Turn, StoreError> {
        turn::take(&self.cluster, work, &self.holder, self.end.clone()).await
    }

    async fn changes(&self, prefix: &Key) -> Result<Option<Box<dyn Changes>>, StoreError> {
        let changes = changes::EtcdChanges::begin(self.cluster.clone(), prefix).await?;
        Ok(Some(Box::new(changes)))
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        self.presence.nodes().await
    }

    async fn forget_node(&self, name: &str) -> Result<bool, StoreError> {
        node::forget(&self.cluster, name).await
    }

    fn say_keys(&self, keys: HeldKeys) {
        self.presence.say_keys(keys);
    }

    fn hold_to_standing(&self) {
        self.presence.hold_to_standing();
    }
}
