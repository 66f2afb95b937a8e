//! A look at the certificates by which the cluster is reached, whether they were renewed.
//!
//! A connection lasts for as long as it is not broken, and would be made again with a certificate that has ended meanwhile.
//! So the files are looked at every [`BEAT`], whether or not anything is asked.

use std::{sync::Weak, time::Duration};

use tokio::time::sleep;

use super::{cluster::Cluster, node::BEAT};

/// After certificates that no member takes, the next try follows then: each try is told in etcd's own log.
const RETRY: Duration = Duration::from_secs(10);

/// Takes up what was renewed until the cluster is left, which this does not hold; ends at once where there is no TLS.
pub async fn keep_looking(cluster: Weak<Cluster>) {
    let mut in_use = 0;
    let mut told: Option<String> = None;
    let mut pause = BEAT;
    loop {
        sleep(pause).await;
        let Some(cluster) = cluster.upgrade() else {
            return;
        };
        if !cluster.shows_certificates() {
            return;
        }
        let refused = cluster.take_up_certificates().await.err();
        pause = if refused.is_some() { RETRY } else { BEAT };
        let now = cluster.certificates();
        if now != in_use {
            in_use = now;
            tracing::info!("the etcd cluster is reached with the renewed certificates");
        }
        if let Some(why) = &refused
            && told != refused
        {
            tracing::error!(
                why,
                "no member of the etcd cluster takes the renewed certificates; those before are used on, and it is tried \
                 again"
            );
        }
        told = refused;
    }
}
