//! Turns: work that one process at a time does, wherever it runs. A turn is a key with a lease, so that one whose holder
//! has died is free again after a while; on the same machine at once, because there is one process a machine
//! ([`super::node`]).

use std::{sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use etcd_client::{Client, Compare, CompareOp, Error, PutOptions, Txn, TxnOp, TxnOpResponse};
use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::sleep};

use super::{
    super::{StoreError, Turn, Work},
    cluster::{Cluster, deadline},
};

/// A holder that is not heard of for so long has lost its turn.
const LEASE: Duration = Duration::from_secs(15);

/// Between two tries to renew.
const PAUSE: Duration = Duration::from_millis(250);

/// Where the turn to copy stands: while somebody has it, the store serves nobody.
pub const COPY: &str = "turn/copy";

struct Held {
    cluster: Arc<Cluster>,
    lease: i64,
    renewal: JoinHandle<()>,
    /// The store has not ended before the turn is given back.
    end: Arc<watch::Sender<()>>,
}

/// Who takes turns: a process, and the machine that it runs on.
#[derive(Debug)]
pub struct Holder {
    name: String,
    machine: String,
}

impl Holder {
    /// This process, on the machine `node`.
    pub fn new(node: &str) -> Result<Self, getrandom::Error> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let machine = format!("{node} ");
        Ok(Self {
            name: format!("{machine}{}", HEXLOWER.encode(&random)),
            machine,
        })
    }

    /// That this process has the turn to copy.
    pub fn copies(&self, cluster: &Cluster) -> Compare {
        Compare::value(cluster.own(COPY), CompareOp::Equal, &*self.name)
    }

    /// Whether `other` was a process on this machine before this one.
    fn follows(&self, other: &[u8]) -> bool {
        other.starts_with(self.machine.as_bytes()) && other != self.name.as_bytes()
    }
}

/// Takes the turn to do `work`.
pub async fn take(
    cluster: &Arc<Cluster>,
    work: Work,
    holder: &Holder,
    end: Arc<watch::Sender<()>>,
) -> Result<Turn, StoreError> {
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
        end,
    };
    let name = cluster.own(match work {
        Work::Import => "turn/import",
        Work::Rotation => "turn/rotation",
        Work::Copy => COPY,
    });
    let mut is_free = Compare::version(name.clone(), CompareOp::Equal, 0);
    loop {
        let options = PutOptions::new().with_lease(lease);
        let request = Txn::new()
            .when([is_free])
            .and_then([TxnOp::put(name.clone(), &*holder.name, Some(options))])
            .or_else([TxnOp::get(name.clone(), None)]);
        let taken = cluster.attempt(deadline, |mut client| {
            let request = request.clone();
            async move { client.txn(request).await }
        });
        let answer = taken.await?;
        if answer.succeeded() {
            return Ok(Turn::held(held));
        }
        let found = match answer.op_responses().first() {
            Some(TxnOpResponse::Get(get)) => get.kvs().first().map(|row| row.value().to_vec()),
            _ => None,
        };
        is_free = match found {
            Some(found) if holder.follows(&found) => {
                Compare::value(name.clone(), CompareOp::Equal, found)
            }
            _ => return Err(StoreError::Taken(work)),
        };
    }
}

async fn renew(cluster: Arc<Cluster>, lease: i64) {
    loop {
        sleep(LEASE / 3).await;
        // There is time for some tries before the lease runs out.
        loop {
            let renewed = cluster.attempt_of(deadline(&cluster), |client: Client| async move {
                match client.lease_client().keep_alive(lease).await {
                    Ok(_) => Ok(true),
                    // What the client calls a lease that is not there any more.
                    Err(Error::LeaseKeepAliveError(_)) => Ok(false),
                    Err(error) => Err(error),
                }
            });
            match renewed.await {
                Ok(true) => break,
                Ok(false) => {
                    tracing::warn!("a turn has run out before its work was done");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "a turn was not renewed; another try follows");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewal.abort();
        let (cluster, lease, end) = (self.cluster.clone(), self.lease, self.end.clone());
        // Where there is no runtime any more, the lease runs out.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let revoked = cluster.attempt_of(deadline(&cluster), |client: Client| async move {
                    client.lease_client().revoke(lease).await
                });
                let _ = revoked.await;
                drop(end);
            });
        }
    }
}
