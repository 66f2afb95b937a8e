//! The store of an etcd cluster, from the settings: what their files hold is read here.

use std::path::Path;

use super::PartsError;
use crate::{config::Config, store};

#[cfg(not(feature = "etcd"))]
pub(super) async fn open(
    _config: &Config,
    _folder: &Path,
    _floor_mib: u64,
) -> Result<store::Opened, PartsError> {
    Err(store::folder::OpenError::NotBuilt.into())
}

#[cfg(feature = "etcd")]
pub use with_etcd::settings;

#[cfg(feature = "etcd")]
pub(super) async fn open(
    config: &Config,
    folder: &Path,
    floor_mib: u64,
) -> Result<store::Opened, PartsError> {
    Ok(store::etcd::open(settings(config)?, folder, floor_mib).await?)
}

#[cfg(feature = "etcd")]
mod with_etcd {
    use zeroize::Zeroizing;

    use super::{Config, PartsError};
    use crate::{
        adapter::secret_file,
        parts::node,
        store::etcd::{EtcdSettings, EtcdTls},
    };

    /// How the cluster of the settings is reached.
    pub fn settings(config: &Config) -> Result<EtcdSettings, PartsError> {
        let cluster = &config.cluster;
        let tls = cluster.authority_file.as_ref().map(|file| {
            let certificates = |file: &std::path::Path| {
                let failed = |error| PartsError::Authority(file.display().to_string(), error);
                std::fs::read(file).map_err(failed)
            };
            let identity = match (&cluster.certificate_file, &cluster.key_file) {
                (Some(certificate), Some(key)) => Some((
                    certificates(certificate)?,
                    secret_file::read("the key file for the etcd cluster", key)?,
                )),
                _ => None,
            };
            Ok::<_, PartsError>(EtcdTls {
                authority: certificates(file)?,
                identity,
            })
        });
        let credentials = match (&cluster.user, &cluster.password_file) {
            (Some(user), Some(file)) => {
                let password = secret_file::read("the password file for the etcd cluster", file)?;
                let password = password.trim_end_matches(['\r', '\n']).to_owned();
                Some((user.clone(), Zeroizing::new(password)))
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
