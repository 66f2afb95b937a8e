//! Turns: work that one process at a time does, wherever it runs. A turn is a key with a lease, so that one whose holder
//! has died is free again after a while.

use std::{sync::Arc, time::Duration};

use etcd_client::{Client, Compare, CompareOp, PutOptions, Txn, TxnOp};
use tokio::{runtime::Handle, task::JoinHandle, time::sleep};

use super::{
    super::{StoreError, Turn, Work},
    cluster::Cluster,
    deadline,
};

/// A holder that is not heard of for so long has lost its turn.
const LEASE: Duration = Duration::from_secs(15);

struct Held {
    cluster: Arc<Cluster>,
    lease: i64,
    renewal: JoinHandle<()>,
}

/// Takes the turn to do `work`.
pub async fn take(cluster: &Arc<Cluster>, work: Work) -> Result<Turn, StoreError> {
    let deadline = deadline(cluster);
    let granted = cluster.attempt_of(deadline, |client: Client| async move {
        let mut leases = client.lease_client();
        leases.grant(LEASE.as_secs() as i64, None).await
    });
    let lease = granted.await?.id();
    // Whatever happens from here on, the lease ends by itself.
    let held = Held {
        cluster: cluster.clone(),
        lease,
        renewal: tokio::spawn(renew(cluster.clone(), lease)),
    };
    let name = cluster.own(match work {
        Work::Import => "turn/import",
        Work::Rotation => "turn/rotation",
        Work::Copy => "turn/copy",
    });
    let options = PutOptions::new().with_lease(lease);
    let request = Txn::new()
        .when([Compare::version(name.clone(), CompareOp::Equal, 0)])
        .and_then([TxnOp::put(name, "", Some(options))]);
    let taken = cluster.attempt(deadline, |mut client| {
        let request = request.clone();
        async move { client.txn(request).await }
    });
    match taken.await?.succeeded() {
        true => Ok(Turn::held(held)),
        false => Err(work.is_under_way()),
    }
}

async fn renew(cluster: Arc<Cluster>, lease: i64) {
    loop {
        sleep(LEASE / 3).await;
        let renewed = cluster.attempt_of(deadline(&cluster), |client: Client| async move {
            let (mut keeper, mut answers) = client.lease_client().keep_alive(lease).await?;
            keeper.keep_alive().await?;
            answers.message().await
        });
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "a turn was not renewed; another try follows");
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewal.abort();
        let (cluster, lease) = (self.cluster.clone(), self.lease);
        // Where there is no runtime any more, the lease runs out.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let revoked = cluster.attempt_of(deadline(&cluster), |client: Client| async move {
                    client.lease_client().revoke(lease).await
                });
                let _ = revoked.await;
            });
        }
    }
}
