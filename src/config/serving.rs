//! The settings for `serve`: where people come in over SSH, how many and for how long; the form of the log; and the
//! place where the machine's own monitoring asks.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

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
