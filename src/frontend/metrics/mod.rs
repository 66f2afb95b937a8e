//! Health and figures for monitoring, on a listener that only this machine reaches, or only by TLS and with a token.
//!
//! `/healthz` says in a word whether people can be served, and `/readyz` says it of each part; `/metrics` is for
//! Prometheus. None of them writes to the disk, and nothing is computed while nobody asks.
//!
//! A request goes [`http`] (limits, time, TLS) → `admission` (rate, token) → what is asked. A balancer has no token:
//! health is told to it too, without the reason.

mod admission;
mod figures;
mod form;
mod token;

#[cfg(test)]
mod tests;

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use jiff::Timestamp;
use tokio::{sync::watch, task::spawn_blocking, time::timeout};

use super::{
    admission::counts::Counts,
    http::{self, Peer},
};
use crate::{
    adapter::audit_log::verified,
    assembly::{Members, Vitals},
    domain::{Source, SourceKey, network::Networks},
    ports::Clock,
    service::{outbox::Outbox, survey::Survey},
    store::health::Condition,
};
use admission::Admission;
use figures::{Figures, Letters};
use form::Form;

pub use token::{Token, TokenError, TokenInForce};

/// Monitoring is one program, perhaps two; they speak up at once.
const LIMITS: http::Limits = http::Limits {
    connections: 16,
    connections_per_source: 16,
    handshake: Duration::from_secs(5),
    // Nobody is a stranger there.
    handshakes_a_minute: 0,
    counted_sources: 0,
    head: Duration::from_secs(5),
    request: Duration::from_secs(10),
    connection: Duration::from_secs(5 * 60),
    goodbye: Duration::from_secs(1),
    head_bytes: 16 * 1024,
};

/// Strangers may come, too.
const LIMITS_FOR_STRANGERS: http::Limits = http::Limits {
    connections: 128,
    handshakes_a_minute: 240,
    counted_sources: 4096,
    ..LIMITS
};

/// The store is asked no longer than this; one that does not answer must not keep its own alarm waiting.
const ASKING: Duration = Duration::from_secs(5);

/// Letters counted at once.
const PAGE: usize = 256;

/// Where health and figures come from.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub vitals: Vitals,
    pub counts: Counts,
    pub outbox: Outbox,
    pub survey: Survey,
    /// Where `audit verify` notes what it came to.
    pub audit_verified: PathBuf,
    /// Of the cluster, where the store is one.
    pub members: Option<Members>,
    pub certificates: Certificates,
    pub clock: Arc<dyn Clock>,
}

/// When the certificates end that this process has of its own.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// Of the reset page.
    pub page: Option<CertificateEnd>,
    /// Of the metrics themselves.
    pub metrics: Option<CertificateEnd>,
}

/// When a certificate ends that may be renewed meanwhile.
#[derive(Clone)]
pub struct CertificateEnd(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Certificates {
    /// Each with the section of the settings that names it.
    fn ends(&self) -> Vec<(&'static str, Timestamp)> {
        let certificates = [("web", &self.page), ("metrics", &self.metrics)];
        let ends = certificates.into_iter();
        ends.filter_map(|(of, end)| Some((of, (end.as_ref()?.0)())))
            .collect()
    }
}

impl fmt::Debug for CertificateEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateEnd")
    }
}

/// What the answers are made from.
#[derive(Debug)]
struct Desk {
    metrics: Metrics,
    /// On the clock that nobody sets.
    opened: Duration,
    leave: watch::Receiver<bool>,
}

/// The place where monitoring asks, and what it needs there.
pub struct Door {
    pub listener: http::Listener,
    pub tls: Option<http::TlsInForce>,
    /// Without one, everybody who reaches the listener is told everything.
    pub token: Option<TokenInForce>,
    /// Others than this machine's users reach the listener.
    pub is_for_strangers: bool,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Door {
    /// The same place once more.
    ///
    /// # Errors
    /// The system gives no second handle.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            listener: self.listener.try_clone()?,
            tls: self.tls.clone(),
            token: self.token.clone(),
            is_for_strangers: self.is_for_strangers,
        })
    }

    async fn serve(self, router: Router, leave: watch::Receiver<bool>) -> io::Result<()> {
        let limits = match self.is_for_strangers {
            true => LIMITS_FOR_STRANGERS,
            false => LIMITS,
        };
        // All that come from this machine are one program, perhaps two.
        let source: fn(Peer) -> Option<SourceKey> = match self.is_for_strangers {
            true => |peer| Some(Source::Peer(peer.0).key()),
            false => |_| None,
        };
        let server = http::Server {
            what: "the metrics' listener",
            router: Admission::new(self.token).before(router),
            tls: self.tls,
            limits,
            proxies: Networks::default(),
            source,
        };
        server.serve(self.listener, leave).await
    }
}

impl Metrics {
    /// Answers at `door` until `leave` turns true.
    ///
    /// # Errors
    /// The listener cannot be used at all.
    pub async fn serve(self, door: Door, leave: watch::Receiver<bool>) -> io::Result<()> {
        door.serve(router(self, leave.clone()), leave).await
    }
}

/// Answers at `door` that the program is starting, until `leave` turns true or is gone.
///
/// # Errors
/// The listener cannot be used at all.
pub async fn say_starting(door: Door, leave: watch::Receiver<bool>) -> io::Result<()> {
    let health = || async { (StatusCode::SERVICE_UNAVAILABLE, "starting\n") };
    let router = routes(get(health), get(health), get(health));
    door.serve(router, leave).await
}

fn router(metrics: Metrics, leave: watch::Receiver<bool>) -> Router {
    let desk = Desk {
        opened: metrics.clock.monotonic(),
        metrics,
        leave,
    };
    routes(get(health), get(readiness), get(figures)).with_state(Arc::new(desk))
}

fn routes<S: Clone + Send + Sync + 'static>(
    health: MethodRouter<S>,
    readiness: MethodRouter<S>,
    figures: MethodRouter<S>,
) -> Router<S> {
    Router::new()
        .route("/healthz", health)
        .route("/readyz", readiness)
        .route("/metrics", figures)
        .method_not_allowed_fallback(async || {
            (StatusCode::METHOD_NOT_ALLOWED, "this is only read\n")
        })
        .fallback(async || {
            (
                StatusCode::NOT_FOUND,
                "there are /healthz, /readyz and /metrics\n",
            )
        })
}

impl Desk {
    /// Nobody new is let in.
    fn is_leaving(&self) -> bool {
        *self.leave.borrow() || self.metrics.counts.are_closed()
    }
}

async fn health(State(desk): State<Arc<Desk>>) -> Response {
    let (status, word) = match desk.metrics.vitals.store.condition() {
        // A load balancer sends people elsewhere, while those who are in finish.
        _ if desk.is_leaving() => (StatusCode::SERVICE_UNAVAILABLE, "leaving"),
        Condition::Well if desk.metrics.vitals.audit.is_failing() => {
            (StatusCode::SERVICE_UNAVAILABLE, "audit log")
        }
        well @ Condition::Well => (StatusCode::OK, well.word()),
        condition => (StatusCode::SERVICE_UNAVAILABLE, condition.word()),
    };
    (status, format!("{word}\n")).into_response()
}

/// Everything that newcomers need, a line each: the first fault hides no other.
async fn readiness(State(desk): State<Arc<Desk>>) -> Response {
    let vitals = &desk.metrics.vitals;
    let condition = vitals.store.condition();
    let parts = [
        ("doors", desk.is_leaving().then_some("leaving")),
        (
            "store",
            (condition != Condition::Well).then(|| condition.word()),
        ),
        (
            "audit log",
            vitals.audit.is_failing().then_some("takes no records"),
        ),
    ];
    let is_ready = parts.iter().all(|(_, fault)| fault.is_none());
    let status = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let lines = parts.map(|(part, fault)| format!("{part}: {}\n", fault.unwrap_or("ok")));
    (status, lines.concat()).into_response()
}

async fn figures(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(header::ACCEPT).iter();
    let form = Form::preferred(accept.filter_map(|value| value.to_str().ok()));
    let metrics = &desk.metrics;
    let audit_verified = metrics.audit_verified.clone();
    let verification = spawn_blocking(move || verified::last(&audit_verified));
    let (letters, accounts, last_backup, verification) = tokio::join!(
        timeout(ASKING, letters(&metrics.outbox)),
        timeout(ASKING, metrics.survey.accounts()),
        timeout(ASKING, metrics.survey.last_backup()),
        timeout(ASKING, verification),
    );
    let figures = Figures {
        vitals: metrics.vitals.clone(),
        counts: metrics.counts.clone(),
        // What cannot be counted now is left out, as Prometheus wants it.
        letters: letters.ok().flatten(),
        accounts: accounts.ok().and_then(Result::ok).flatten(),
        last_backup: last_backup.ok().and_then(Result::ok).flatten(),
        verification: verification.ok().and_then(Result::ok).flatten(),
        members: metrics.members.as_ref().and_then(Members::seen),
        certificate_ends: metrics.certificates.ends(),
        uptime: metrics.clock.monotonic().saturating_sub(desk.opened),
        now: metrics.clock.now(),
    };
    match figures.text() {
        Ok(text) => {
            let headers = [
                (header::CONTENT_TYPE, form.content_type()),
                (header::VARY, "Accept"),
            ];
            (headers, form.write(text)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// How many letters wait, if the store tells.
async fn letters(outbox: &Outbox) -> Option<Letters> {
    let mut letters = Letters::default();
    let mut after = None;
    loop {
        let page = outbox.page(after.as_ref(), PAGE).await.ok()?;
        for waiting in &page.letters {
            letters.count(&waiting.delivery.stage, waiting.letter.at);
        }
        after = page.next;
        if after.is_none() {
            return Some(letters);
        }
    }
}
