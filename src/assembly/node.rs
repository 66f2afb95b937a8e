//! This machine's name, among those that share a store and on the network.

use crate::{
    config::{Cluster, Config, StoreKind},
    store,
};

/// This machine's name among those that share the store.
pub fn node(config: &Config) -> String {
    match config.store {
        StoreKind::Etcd => node_of(&config.cluster),
        StoreKind::Sled | StoreKind::Redb => store::ONLY_NODE.to_owned(),
    }
}

/// This machine's name among those that share the cluster.
pub(super) fn node_of(cluster: &Cluster) -> String {
    cluster.node.clone().unwrap_or_else(machine)
}

/// What this machine is called.
pub fn machine() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}
