//! This machine's name, among those that share a store and on the network.

use crate::{
    config::{Config, StoreKind},
    store,
};

/// This machine's name among those that share the store.
pub fn node(config: &Config) -> String {
    match config.store {
        StoreKind::Etcd => config.cluster.node.clone().unwrap_or_else(machine),
        StoreKind::Sled | StoreKind::Redb => store::ONLY_NODE.to_owned(),
    }
}

/// What this machine is called.
pub(super) fn machine() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}
