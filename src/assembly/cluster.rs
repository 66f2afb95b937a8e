//! The store of an etcd cluster, from the settings: what their files hold is read here.

use super::AssemblyError;
use crate::{
    config::Cluster,
    store::{self, folder::Folder},
};

#[cfg(not(feature = "etcd"))]
pub(super) async fn open(
    _cluster: &Cluster,
    _folder: Folder,
) -> Result<store::Opened, AssemblyError> {
    Err(store::folder::OpenError::NotBuilt.into())
}

#[cfg(feature = "etcd")]
pub use with_etcd::{settings, warn_of_members};

/// Says in the log which members of the cluster are not to be relied on.
#[cfg(not(feature = "etcd"))]
pub async fn warn_of_members(_cluster: Cluster) {}

#[cfg(feature = "etcd")]
pub(super) async fn open(
    cluster: &Cluster,
    folder: Folder,
) -> Result<store::Opened, AssemblyError> {
    Ok(store::etcd::open_in(settings(cluster)?, folder).await?)
}

#[cfg(feature = "etcd")]
mod with_etcd {
    use std::{
        path::Path,
        sync::{Arc, Mutex, PoisonError},
    };

    use super::{AssemblyError, Cluster};
    use crate::{
        adapter::secret_file,
        assembly::{
            named_files::{certificates, password},
            node::node_of,
        },
        store::etcd::{self, EtcdSettings, EtcdTls, EtcdUser, Members},
    };

    /// Says in the log which members of the cluster are not to be relied on.
    pub async fn warn_of_members(cluster: Cluster) {
        let Ok(settings) = settings(&cluster) else {
            return;
        };
        let Members(members) = etcd::look(&settings).await;
        for (endpoint, state) in members {
            match state {
                Ok(state) => {
                    if let Some(fault) = state.version_fault() {
                        tracing::warn!(
                            endpoint,
                            version = state.version,
                            "this member of the etcd cluster is {fault}: {}",
                            fault.what_to_do()
                        );
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        endpoint,
                        error,
                        "this member of the etcd cluster does not answer"
                    );
                }
            }
        }
    }

    /// How the cluster of the settings is reached.
    pub fn settings(cluster: &Cluster) -> Result<EtcdSettings, AssemblyError> {
        let tls = cluster.authority_file.as_ref().map(|file| {
            let identity = match (&cluster.certificate_file, &cluster.key_file) {
                (Some(certificate), Some(key)) => Some((
                    certificates(certificate)?,
                    secret_file::read("the key file for the etcd cluster", key)?,
                )),
                _ => None,
            };
            Ok::<_, AssemblyError>(EtcdTls {
                authority: certificates(file)?,
                identity,
            })
        });
        let user = match (&cluster.user, &cluster.password_file) {
            (Some(name), Some(file)) => Some(user(name, file)?),
            _ => None,
        };
        Ok(EtcdSettings {
            endpoints: cluster.endpoints.iter().map(ToString::to_string).collect(),
            tls: tls.transpose()?,
            user,
            prefix: cluster.prefix.clone(),
            patience: cluster.patience,
            node: node_of(cluster),
        })
    }

    /// The user whose password is in `file`, which is read again for each login. Where that does not succeed, the password
    /// that was read last is used, and it is told once.
    fn user(name: &str, file: &Path) -> Result<EtcdUser, AssemblyError> {
        const WHAT: &str = "the password file for the etcd cluster";
        let file = file.to_owned();
        let last = Mutex::new((password(WHAT, &file)?, true));
        let now = move || {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            match password(WHAT, &file) {
                Ok(password) => *last = (password, true),
                Err(error) => {
                    if last.1 {
                        tracing::warn!(%error, "etcd's password is the one that was read before");
                    }
                    last.1 = false;
                }
            }
            last.0.clone()
        };
        Ok(EtcdUser {
            name: name.to_owned(),
            password: Arc::new(now),
        })
    }
}
