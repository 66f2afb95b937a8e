//! What a reload finds wrong with the files that are renewed while the program runs.

use super::mail_server;
use crate::config::Config;

/// What keeps files that the settings name from being taken up, each in one line; what was read from them before is used on.
pub fn faults(config: &Config) -> Vec<String> {
    let mail = mail_server(&config.mail).err();
    let faults = mail.into_iter().chain(of_cluster(config));
    faults.map(|error| error.to_string()).collect()
}

#[cfg(not(feature = "etcd"))]
fn of_cluster(_config: &Config) -> Option<super::AssemblyError> {
    None
}

#[cfg(feature = "etcd")]
fn of_cluster(config: &Config) -> Option<super::AssemblyError> {
    let is_shared = config.store == crate::config::StoreKind::Etcd;
    let settings = is_shared.then(|| super::cluster::settings(&config.cluster));
    settings?.err()
}
