//! The store of an etcd cluster, from the settings: what their files hold is read here.

use super::{AssemblyError, renewals::Renewals};
use crate::{
    config::Cluster,
    store::{self, folder::Folder},
};

#[cfg(not(feature = "etcd"))]
pub(super) async fn open(
    _cluster: &Cluster,
    _folder: Folder,
) -> Result<(store::Opened, Renewals), AssemblyError> {
    Err(store::folder::OpenError::NotBuilt.into())
}

#[cfg(feature = "etcd")]
pub use with_etcd::{look_at_members, settings, warn_of_members};

/// How many of the members that the settings name are how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MembersSeen {
    pub answering: u64,
    /// They answer, and are not to be relied on: they have no leader, an alarm, another version, or refuse writes.
    pub unsuitable: u64,
    pub silent: u64,
}

/// Asks all members how they are; `None` where they cannot be asked.
#[cfg(not(feature = "etcd"))]
pub async fn look_at_members(_cluster: &Cluster) -> Option<MembersSeen> {
    None
}

/// Says in the log which members of the cluster are not to be relied on.
#[cfg(not(feature = "etcd"))]
pub async fn warn_of_members(_cluster: Cluster) {}

#[cfg(feature = "etcd")]
pub(super) async fn open(
    cluster: &Cluster,
    folder: Folder,
) -> Result<(store::Opened, Renewals), AssemblyError> {
    let (settings, renewals) = with_etcd::renewed_settings(cluster)?;
    Ok((store::etcd::open_in(settings, folder).await?, renewals))
}

#[cfg(feature = "etcd")]
mod with_etcd {
    use std::{path::Path, sync::Arc};

    use zeroize::Zeroizing;

    use super::{AssemblyError, Cluster, MembersSeen, Renewals};
    use crate::{
        adapter::{certificates::can_be_shown, renewed::Renewed, secret_file},
        assembly::{
            named_files::{certificates, password},
            node::node_of,
        },
        store::etcd::{self, EtcdSettings, EtcdTls, EtcdUser, MemberState, Members, TlsFiles},
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

    /// Asks all members how they are; `None` where they cannot be asked.
    pub async fn look_at_members(cluster: &Cluster) -> Option<MembersSeen> {
        let Members(members) = etcd::look(&settings(cluster).ok()?).await;
        let mut seen = MembersSeen::default();
        for (_, state) in members {
            let number = match state {
                Err(_) => &mut seen.silent,
                Ok(state) if is_to_be_relied_on(&state) => &mut seen.answering,
                Ok(_) => &mut seen.unsuitable,
            };
            *number += 1;
        }
        Some(seen)
    }

    fn is_to_be_relied_on(state: &MemberState) -> bool {
        let is_whole = state.has_leader && state.errors.is_empty();
        is_whole && state.refuses.is_none() && state.version_fault().is_none()
    }

    /// How the cluster of the settings is reached.
    pub fn settings(cluster: &Cluster) -> Result<EtcdSettings, AssemblyError> {
        Ok(renewed_settings(cluster)?.0)
    }

    /// The same, and the files that it is reached by, which may be renewed.
    pub fn renewed_settings(cluster: &Cluster) -> Result<(EtcdSettings, Renewals), AssemblyError> {
        let mut renewals = Renewals::default();
        let tls = match &cluster.authority_file {
            Some(authority) => {
                let tls = Arc::new(renewed_tls(authority, cluster)?);
                renewals.add(&tls);
                Some(EtcdTls(Arc::new(move || tls.now())))
            }
            None => None,
        };
        let user = match (&cluster.user, &cluster.password_file) {
            (Some(name), Some(file)) => {
                let password = Arc::new(renewed_password(file)?);
                renewals.add(&password);
                Some(EtcdUser {
                    name: name.clone(),
                    password: Arc::new(move || password.now()),
                })
            }
            _ => None,
        };
        let settings = EtcdSettings {
            endpoints: cluster.endpoints.iter().map(ToString::to_string).collect(),
            tls,
            user,
            prefix: cluster.prefix.clone(),
            patience: cluster.patience,
            node: node_of(cluster),
        };
        Ok((settings, renewals))
    }

    fn renewed_tls(
        authority: &Path,
        cluster: &Cluster,
    ) -> Result<Renewed<Arc<TlsFiles>>, AssemblyError> {
        let own = (cluster.certificate_file.clone()).zip(cluster.key_file.clone());
        let mut files = vec![authority];
        if let Some((certificate, key)) = &own {
            files.extend([certificate.as_path(), key]);
        }
        let (authority, own) = (authority.to_owned(), own.clone());
        let read = move || {
            let identity = match &own {
                Some((certificate, key)) => Some((
                    certificates(certificate)?,
                    secret_file::read("the key file for the etcd cluster", key)?,
                )),
                None => None,
            };
            let authority = certificates(&authority)?;
            let shown = identity
                .as_ref()
                .map(|(chain, key)| (chain.as_slice(), key.as_bytes()));
            can_be_shown(&authority, shown).map_err(AssemblyError::ClusterTls)?;
            Ok(Arc::new(TlsFiles {
                authority,
                identity,
            }))
        };
        Renewed::new("TLS with the etcd cluster", &files, read)
    }

    fn renewed_password(file: &Path) -> Result<Renewed<Zeroizing<String>>, AssemblyError> {
        const WHAT: &str = "the password file for the etcd cluster";
        let path = file.to_owned();
        let read = move || match password(WHAT, &path)? {
            empty if empty.is_empty() => {
                Err(AssemblyError::NoPassword(WHAT, path.display().to_string()))
            }
            password => Ok(password),
        };
        Renewed::new("etcd's password", &[file], read)
    }
}
