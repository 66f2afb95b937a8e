//! The settings for a store that several machines share: an etcd cluster, and this machine's name among those that use
//! it.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

/// How an etcd cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The members that are asked, one after the other.
    pub endpoints: Vec<Endpoint>,
    /// The certificates (PEM) of the authority that the members' own are signed by.
    pub authority_file: Option<PathBuf>,
    /// This machine's certificate and its key (PEM), where the cluster wants one.
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// The user of etcd's own login, where the cluster has that on.
    pub user: Option<String>,
    pub password_file: Option<PathBuf>,
    /// What all keys begin with, so that one cluster can serve others too.
    pub prefix: String,
    /// How long one question may take, elections included, before the service counts as unavailable.
    pub patience: Duration,
    /// This machine's name among those that share the store; `None`: the host's own.
    pub node: Option<String>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            authority_file: None,
            certificate_file: None,
            key_file: None,
            user: None,
            password_file: None,
            prefix: "/lpse-kiosk/".into(),
            patience: Duration::from_secs(5),
            node: None,
        }
    }
}

/// Where a member of the cluster takes clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    is_secure: bool,
    host: String,
    port: u16,
}

impl Endpoint {
    /// `https://HOST:PORT`, or `http://` on this machine.
    fn parse(text: &str) -> Option<Self> {
        let (is_secure, place) = match text.split_once("://")? {
            ("https", place) => (true, place),
            ("http", place) => (false, place),
            _ => return None,
        };
        let (host, port) = place.rsplit_once(':')?;
        let is_address = host.starts_with('[') && host.ends_with(']');
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = match is_address {
            true => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            false => {
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
                !host.is_empty() && host.chars().all(allowed)
            }
        };
        Some(Self {
            is_secure,
            host: host.to_owned(),
            port: port.parse().ok().filter(|port| *port > 0 && is_host)?,
        })
    }

    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    pub(super) fn is_this_machine(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// A list of endpoints, commas between them; at least one and at most nine, all secure or none.
pub(super) fn endpoints(text: &str) -> Option<Vec<Endpoint>> {
    let parts = text.split(',').map(|part| Endpoint::parse(part.trim()));
    let endpoints = parts.collect::<Option<Vec<_>>>()?;
    let secure = endpoints.iter().filter(|one| one.is_secure).count();
    (endpoints.len() <= 9 && (secure == 0 || secure == endpoints.len())).then_some(endpoints)
}

/// A name for a machine: what stands in keys, in files' names and on screens without a second thought.
pub(super) fn node(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    is_name.then(|| text.to_owned())
}

/// A beginning of keys that keeps them apart from others'.
pub(super) fn prefix(text: &str) -> Option<String> {
    let is_prefix = text.starts_with('/')
        && text.ends_with('/')
        && (2..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_graphic());
    is_prefix.then(|| text.to_owned())
}

/// What a program says that knows no cluster.
pub const WITHOUT_ETCD: &str =
    "this lpse-kiosk was built without etcd; install the package, or build it with --features etcd";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_of_one_kind_with_ports() {
        let one = "https://10.0.0.1:2379";
        for text in [
            one,
            "https://a.contoh.go.id:2379, https://[::1]:2379",
            "http://127.0.0.1:2379,http://127.0.0.1:2380",
        ] {
            let parsed = endpoints(text).unwrap();
            let shown: Vec<String> = parsed.iter().map(Endpoint::to_string).collect();
            assert_eq!(shown.join(","), text.replace(' ', ""));
        }
        let too_many = [one; 10].join(",");
        for text in [
            "",
            "10.0.0.1:2379",
            "https://10.0.0.1",
            "https://10.0.0.1:0",
            "https://:2379",
            "https://a/b:2379",
            "https://user@a:2379",
            "https://[::1:2379",
            "https://a:2379,",
            "https://a:2379, http://127.0.0.1:2379",
            "ftp://a:2379",
            &too_many,
        ] {
            assert!(endpoints(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn names_and_prefixes_hold_nothing_that_could_be_taken_for_more() {
        for good in ["local", "loket-1.contoh", "A_b"] {
            assert!(node(good).is_some(), "{good}");
        }
        for bad in ["", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(node(bad).is_none(), "{bad}");
        }
        assert!(prefix("/lpse/").is_some());
        for bad in ["", "/", "lpse/", "/lpse", "/a b/"] {
            assert!(prefix(bad).is_none(), "{bad}");
        }
    }
}
