//! The settings for `serve`: where people come in over SSH, how many and for how long; the form of the log; and the
//! place where the machine's own monitoring asks.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use crate::domain::{network::Networks, word::words};

/// How SSH is served. The defaults fit an office that serves a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// Where `serve` listens; at least one.
    pub listen: Vec<SocketAddr>,
    /// Balancers, whose connections begin with a PROXY header that tells whose they are.
    pub proxies: Networks,
    pub(super) host_key: Option<PathBuf>,
    /// Connections in all.
    pub sessions: usize,
    /// Connections of one source: an IPv4 address, or an IPv6 /64.
    pub sessions_per_source: usize,
    /// Connections in all that have not come as far as a screen (OpenSSH's MaxStartups).
    pub startups: usize,
    /// Nobody stays longer than this without logging in.
    pub before_login: Duration,
    /// A connection lasts no longer than this in all.
    pub in_all: Duration,
    /// How long people may finish when the program is to leave.
    pub grace: Duration,
    /// A source that has earned penalties is refused for no longer than this; zero: never.
    pub longest_penalty: Duration,
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 2222))],
            proxies: Networks::default(),
            host_key: None,
            sessions: 1024,
            sessions_per_source: 32,
            startups: 100,
            before_login: Duration::from_secs(120),
            in_all: Duration::from_secs(60 * 60),
            grace: Duration::from_secs(30),
            longest_penalty: Duration::from_secs(10 * 60),
        }
    }
}

/// Where health and metrics are told, and to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// `None`: nowhere.
    pub listen: Option<MetricsPlace>,
    /// The group whose members may connect to the socket, besides its owner.
    pub group: Option<String>,
    pub token_file: Option<PathBuf>,
    pub certificate_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

/// A place where monitoring asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsPlace {
    Address(SocketAddr),
    /// A Unix socket.
    Socket(PathBuf),
}

impl MetricsPlace {
    /// What the path of a socket begins with.
    const SOCKET: &str = "unix:";

    /// Others than this machine's users may reach it.
    pub fn is_for_strangers(&self) -> bool {
        match self {
            Self::Address(address) => !address.ip().to_canonical().is_loopback(),
            Self::Socket(_) => false,
        }
    }
}

/// The text names no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is an address with a port, or unix: and the absolute path of a socket")]
pub struct UnknownPlace;

impl FromStr for MetricsPlace {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        match text.strip_prefix(Self::SOCKET) {
            Some(path) if path.starts_with('/') && !path.ends_with('/') && !path.contains('\0') => {
                Ok(Self::Socket(path.into()))
            }
            Some(_) => Err(UnknownPlace),
            None => text.parse().map(Self::Address).map_err(|_| UnknownPlace),
        }
    }
}

impl fmt::Display for MetricsPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Socket(path) => write!(f, "{}{}", Self::SOCKET, path.display()),
        }
    }
}

words! {
    /// How lines of the log are written.
    #[derive(Default)]
    pub enum LogFormat else UnknownLogFormat {
        /// Lines for people.
        #[default]
        Text = "text",
        /// A JSON object a line.
        Json = "json",
        /// Fields to systemd's journal, over its own socket.
        Journald = "journald",
    }
}

/// The text names no format of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log's format is text, json or journald")]
pub struct UnknownLogFormat;

/// A list of addresses with ports, commas between them; at least one.
pub(super) fn places(text: &str) -> Option<Vec<SocketAddr>> {
    let parts = text.split(',').map(str::trim);
    parts.map(|part| part.parse().ok()).collect()
}
