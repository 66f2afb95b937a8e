//! HTTP/1.1 for strangers: how much of this machine they may take, whatever is served to them.
//!
//! A request goes `server` (accepting, TLS, time) → `connections` (who has a slot) → `head` (is it one that everybody
//! reads alike) → a router of the caller's.

mod connections;
mod head;
mod listener;
mod server;

use std::{net::IpAddr, time::Duration};

pub use listener::Listener;
pub use server::{Server, TlsInForce};

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// How much of this machine strangers may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all. When they are taken, a new one displaces the oldest that is not being answered.
    pub connections: usize,
    /// Connections of one source (an IPv6 source is a /64); whoever speaks for many has no such limit.
    pub connections_per_source: usize,
    /// The TLS handshake.
    pub handshake: Duration,
    /// TLS handshakes of one source; whoever speaks for many has no such limit.
    pub handshakes_a_minute: u32,
    /// As many sources have theirs counted at a time.
    pub counted_sources: usize,
    /// The head of a request, and the silence before it.
    pub head: Duration,
    /// Everything from a request's head to its answer.
    pub request: Duration,
    /// A connection, however it is used.
    pub connection: Duration,
    /// What is being answered when the program leaves may take this long.
    pub goodbye: Duration,
    /// The head of a request, in bytes.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_per_source: 16,
            handshake: Duration::from_secs(10),
            handshakes_a_minute: 240,
            counted_sources: 4096,
            head: Duration::from_secs(10),
            request: Duration::from_secs(15),
            connection: Duration::from_secs(60),
            goodbye: Duration::from_secs(1),
            head_bytes: 16 * 1024,
        }
    }
}
