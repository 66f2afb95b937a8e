//! The reset page: where the link of a letter leads (screens.md, screen 11, security.md, sections 2 and 4).
//!
//! A look at it changes nothing, as often as anybody looks. `Reset TOTP` on page 1 leads to a confirmation, its `OK` to
//! the reset, and the browser is then sent on to a result that holds no data. It works without JavaScript.
//!
//! A request goes [`http`] (limits, time, TLS) → `router` (source, rate, headers) → `reset` (what is asked, is the form
//! ours) → [`Resets`] → `page`. Architecture invariant: nothing that a request's headers say is printed or linked to.

mod headers;
mod html;
mod origin;
mod page;
mod peer;
mod query;
mod reset;
mod resets;
mod router;
mod seal;
mod site;
mod tls;
mod words;

#[cfg(test)]
mod tests;

use std::{fmt, io, net::TcpListener, sync::Arc};

use tokio::sync::watch;

use super::http;
use crate::{
    domain::{Source, SourceKey, language::Language, network::Networks},
    ports::Clock,
    vault::Vault,
};
use peer::TrustedProxies;
use router::router;
use site::Site;

pub use super::http::TlsInForce;
pub use resets::Resets;
pub use tls::{Reception, TlsError, end, reception, tls_config};

/// What the office has decided about its page.
pub struct WebSettings {
    /// The office's name, on top of every page.
    pub office: String,
    /// Where the page is to be found from outside, `https://lpse.contoh.go.id`, without a slash at its end.
    pub base_url: String,
    /// The only ones whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Balancers whose connections begin with a PROXY header, before TLS too.
    pub proxies: Networks,
    /// From [`tls_config`]; without it the page speaks plain HTTP, for a proxy or for this machine alone.
    pub tls: Option<TlsInForce>,
    /// The language of whoever asks for none.
    pub language: Language,
}

impl fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSettings")
            .field("office", &self.office)
            .field("base_url", &self.base_url)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("proxies", &self.proxies)
            .field("tls", &self.tls.is_some())
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// How much of this machine strangers may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A trusted proxy's connections are not counted by source.
    pub serving: http::Limits,
    pub requests_a_minute: u32,
    /// As many sources have their requests counted at a time.
    pub counted_sources: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            serving: http::Limits::default(),
            requests_a_minute: 120,
            counted_sources: 4096,
        }
    }
}

/// The page, ready to be served.
#[derive(Debug)]
pub struct Web {
    pub settings: WebSettings,
    /// Its keys seal forms. All machines that serve one base URL share them.
    pub vault: Vault,
    pub limits: Limits,
    pub resets: Arc<dyn Resets>,
    pub clock: Arc<dyn Clock>,
}

impl Web {
    /// Serves the page on `listener` until `leave` turns true, then ends what is being answered and closes the rest.
    ///
    /// # Errors
    /// The listener cannot be used at all. What goes wrong with one connection ends that connection.
    pub async fn serve(
        self,
        listener: TcpListener,
        leave: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let site = Arc::new(Site::new(self));
        let server = http::Server {
            what: "the reset page",
            router: router(site.clone()),
            tls: site.settings.tls.clone(),
            limits: site.limits.serving,
            proxies: site.settings.proxies.clone(),
            source: source(&site.proxies),
        };
        server.serve(listener, leave).await
    }
}

/// Answers on `listener` that the service is not available yet, whatever is asked, until `leave` turns true or is gone.
///
/// # Errors
/// The listener cannot be used at all.
pub async fn say_starting(
    settings: WebSettings,
    listener: TcpListener,
    leave: watch::Receiver<bool>,
) -> io::Result<()> {
    let server = http::Server {
        what: "the reset page",
        tls: settings.tls.clone(),
        limits: Limits::default().serving,
        proxies: settings.proxies.clone(),
        source: source(&TrustedProxies::new(settings.trusted_proxies.clone())),
        router: router::starting(settings),
    };
    server.serve(listener, leave).await
}

/// Whose connections count together.
fn source(proxies: &TrustedProxies) -> impl Fn(http::Peer) -> Option<SourceKey> + use<> {
    let proxies = proxies.clone();
    move |peer| {
        let proxied = proxies.holds(peer.0);
        (!proxied).then(|| Source::Peer(peer.0).key())
    }
}
