//! Health and figures for the machine's own monitoring, on a listener that only this machine reaches.
//!
//! `/healthz` says in a word whether people can be served, and `/readyz` says it of each part; `/metrics` is for
//! Prometheus. None of them writes to the disk, and nothing is computed while nobody asks.

mod figures;
mod form;

#[cfg(test)]
mod tests;

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use jiff::Timestamp;
use tokio::{sync::watch, time::timeout};

use super::{admission::counts::Counts, http};
use crate::{
    assembly::Vitals, domain::network::Networks, ports::Clock, service::outbox::Outbox,
    store::health::Condition,
};
use figures::{Figures, Letters};
use form::Form;

/// Monitoring is one program, perhaps two; they speak up at once.
const LIMITS: http::Limits = http::Limits {
    connections: 16,
    connections_per_source: 16,
    handshake: Duration::from_secs(5),
    // It speaks no TLS.
    handshakes_a_minute: 0,
    counted_sources: 0,
    head: Duration::from_secs(5),
    request: Duration::from_secs(10),
    connection: Duration::from_secs(5 * 60),
    goodbye: Duration::from_secs(1),
    head_bytes: 16 * 1024,
};

/// Letters are counted no longer than this; a store that does not answer must not keep its own alarm waiting.
const COUNTING: Duration = Duration::from_secs(5);

/// Letters counted at once.
const PAGE: usize = 256;

/// Where health and figures come from.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub vitals: Vitals,
    pub counts: Counts,
    pub outbox: Outbox,
    /// Of the reset page, where it has one of its own.
    pub certificate_end: Option<CertificateEnd>,
    pub clock: Arc<dyn Clock>,
}

/// When a certificate ends that may be renewed meanwhile.
#[derive(Clone)]
pub struct CertificateEnd(pub Arc<dyn Fn() -> Timestamp + Send + Sync>);

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

impl Metrics {
    /// Answers on `listener` until `leave` turns true.
    ///
    /// # Errors
    /// The listener cannot be used at all.
    pub async fn serve(
        self,
        listener: TcpListener,
        leave: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let server = http::Server {
            what: "the metrics' listener",
            router: router(self, leave.clone()),
            tls: None,
            limits: LIMITS,
            proxies: Networks::default(),
            // All of them come from this machine.
            source: |_| None,
        };
        server.serve(listener, leave).await
    }
}

/// Answers on `listener` that the program is starting, until `leave` turns true or is gone.
///
/// # Errors
/// The listener cannot be used at all.
pub async fn say_starting(listener: TcpListener, leave: watch::Receiver<bool>) -> io::Result<()> {
    let health = || async { (StatusCode::SERVICE_UNAVAILABLE, "starting\n") };
    let server = http::Server {
        what: "the metrics' listener",
        router: routes(get(health), get(health), get(health)),
        tls: None,
        limits: LIMITS,
        proxies: Networks::default(),
        source: |_| None,
    };
    server.serve(listener, leave).await
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
        .layer(middleware::from_fn(no_store))
}

/// Yesterday's health is nobody's.
async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
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
    let letters = timeout(COUNTING, letters(&metrics.outbox)).await;
    let figures = Figures {
        vitals: metrics.vitals.clone(),
        counts: metrics.counts.clone(),
        // What cannot be counted now is left out, as Prometheus wants it.
        letters: letters.ok().flatten(),
        certificate_end: metrics.certificate_end.as_ref().map(|end| end.0()),
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
