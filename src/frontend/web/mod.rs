//! The reset page: where the link of a letter leads (FLOWS screen 11, SECURITY sections 2 and 4).
//!
//! A look at it changes nothing, as often as anybody looks. `Reset TOTP` on page 1 leads to a confirmation, its `OK` to
//! the reset, and the browser is then sent on to a result that holds no data. It works without JavaScript.
//!
//! A request goes `server` (limits, time, TLS) → `site` (source, rate, headers) → `reset` (what is asked, is the form
//! ours) → [`Resets`] → `page`. Architecture invariant: nothing that a request's headers say is printed or linked to.

mod connections;
mod headers;
mod html;
mod origin;
mod page;
mod peer;
mod query;
mod rate;
mod reset;
mod resets;
mod seal;
mod server;
mod site;
mod tls;
mod words;

#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use tokio_rustls::rustls::ServerConfig;

use crate::{domain::language::Language, ports::Clock};

pub use resets::Resets;
pub use seal::FormKey;
pub use tls::{TlsError, tls_config};

/// What the office has decided about its page.
pub struct WebSettings {
    /// The office's name, on top of every page.
    pub office: String,
    /// Where the page is to be found from outside, `https://lpse.contoh.go.id`, without a slash at its end.
    pub base_url: String,
    /// Seals forms. All machines that serve one base URL share it.
    pub form_key: FormKey,
    /// The only ones whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// From [`tls_config`]; without it the page speaks plain HTTP, for a proxy or for this machine alone.
    pub tls: Option<Arc<ServerConfig>>,
    /// The language of whoever asks for none.
    pub language: Language,
}

impl fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSettings")
            .field("office", &self.office)
            .field("base_url", &self.base_url)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("tls", &self.tls.is_some())
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// How much of this machine strangers may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections in all. When they are taken, a new one displaces the oldest that is not being answered.
    pub connections: usize,
    /// Connections of one source (an IPv6 source is a /64); trusted proxies have no such limit.
    pub connections_per_source: usize,
    /// The TLS handshake.
    pub handshake: Duration,
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
    pub requests_a_minute: u32,
    /// As many sources have their requests counted at a time.
    pub counted_sources: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            connections_per_source: 16,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            request: Duration::from_secs(15),
            connection: Duration::from_secs(60),
            goodbye: Duration::from_secs(1),
            head_bytes: 16 * 1024,
            requests_a_minute: 120,
            counted_sources: 4096,
        }
    }
}

/// The page, ready to be served.
#[derive(Debug)]
pub struct Web {
    pub settings: WebSettings,
    pub limits: Limits,
    pub resets: Arc<dyn Resets>,
    pub clock: Arc<dyn Clock>,
}
