//! The store of an etcd cluster, from the settings: what their files hold is read here.

use super::AssemblyError;
use crate::{
    config::Config,
    store::{self, folder::Folder},
};

#[cfg(not(feature = "etcd"))]
pub(super) async fn open(
    _config: &Config,
    _folder: Folder,
) -> Result<store::Opened, AssemblyError> {
    Err(store::folder::OpenError::NotBuilt.into())
}

#[cfg(feature = "etcd")]
pub use with_etcd::{settings, warn_of_members};

/// Says in the log which members of the cluster are not to be relied on.
#[cfg(not(feature = "etcd"))]
pub async fn warn_of_members(_config: Config) {}

#[cfg(feature = "etcd")]
pub(super) async fn open(config: &Config, folder: Folder) -> Result<store::Opened, AssemblyError> {
    Ok(store::etcd::open_in(settings(config)?, folder).await?)
}

#[cfg(feature = "etcd")]
mod with_etcd {
    use super::{AssemblyError, Config};
    use crate::{
        adapter::secret_file,
        assembly::{
            named_files::{certificates, password},
            node,
        },
        config::StoreKind,
        store::etcd::{self, EtcdSettings, EtcdTls, Members},
    };

    /// Says in the log which members of the cluster are not to be relied on.
    pub async fn warn_of_members(config: Config) {
        if config.store != StoreKind::Etcd {
            return;
        }
        let Ok(settings) = settings(&config) else {
            return;
        };
        let Members(members) = etcd::look(&settings).await;
        for (endpoint, state) in members {
            match state {
                Ok(state) if state.is_outdated() => tracing::warn!(
                    endpoint,
                    version = state.version,
                    "this member of the etcd cluster is older than 3.4.42: it can answer with what is no longer so, and \
                     its login can be got round; upgrade it"
                ),
                Ok(_) => {}
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
    pub fn settings(config: &Config) -> Result<EtcdSettings, AssemblyError> {
        let cluster = &config.cluster;
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
        let credentials = match (&cluster.user, &cluster.password_file) {
            (Some(user), Some(file)) => {
                let password = password("the password file for the etcd cluster", file)?;
                Some((user.clone(), password))
            }
            _ => None,
        };
        Ok(EtcdSettings {
            endpoints: cluster.endpoints.iter().map(ToString::to_string).collect(),
            tls: tls.transpose()?,
            credentials,
            prefix: cluster.prefix.clone(),
            patience: cluster.patience,
            node: node(config),
        })
    }
}
