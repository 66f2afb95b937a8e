//! The settings of a cluster: how it is reached, with everything read that the configuration names.

use std::{sync::Arc, time::Duration};

/// How a cluster is reached, with everything read that the settings name.
#[derive(Debug, Clone)]
pub struct EtcdSettings {
    /// URLs, at least one.
    pub endpoints: Vec<String>,
    pub tls: Option<EtcdTls>,
    /// Whom to log in as, where etcd asks for logins.
    pub user: Option<EtcdUser>,
    pub prefix: String,
    /// How long one question may take in all.
    pub patience: Duration,
    /// This machine's name among those that share the store.
    pub node: String,
}

/// A user of etcd's own login.
#[derive(Clone)]
pub struct EtcdUser {
    pub name: String,
    /// The password as it is now, asked for at each login: one that was changed asks for no restart.
    pub password: Arc<dyn Fn() -> zeroize::Zeroizing<String> + Send + Sync>,
}

impl std::fmt::Debug for EtcdUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EtcdUser({})", self.name)
    }
}

/// Whom to trust and who this is, as it is now: looked at again and again, because certificates are renewed. As long as
/// nothing is new, it is the same one.
#[derive(Clone)]
pub struct EtcdTls(pub Arc<dyn Fn() -> Arc<TlsFiles> + Send + Sync>);

impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EtcdTls")
    }
}

/// Whom to trust, and who this is (PEM).
pub struct TlsFiles {
    pub authority: Vec<u8>,
    pub identity: Option<(Vec<u8>, zeroize::Zeroizing<String>)>,
}
