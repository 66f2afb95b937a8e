//! Who is told what: with the token everything, without it whether people can be served, and nothing else.

use std::{net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::time::Instant;

use super::token::TokenInForce;
use crate::{
    domain::Source,
    frontend::{admission::rate::Rates, http::Peer},
};

/// Requests without the token that one source may make in a minute: several balancers may look every second.
pub(super) const A_MINUTE: u32 = 240;

/// As many sources have theirs counted at a time.
const COUNTED_SOURCES: usize = 4096;

/// What is told without the token, too.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// Asks for the token, where there is one.
pub struct Admission {
    token: Option<TokenInForce>,
    without_token: Rates,
    begun: Instant,
}

impl Admission {
    pub fn new(token: Option<TokenInForce>) -> Self {
        Self {
            token,
            without_token: Rates::new(A_MINUTE, COUNTED_SOURCES),
            begun: Instant::now(),
        }
    }

    /// `router`, for whoever is admitted.
    pub fn before(self, router: Router) -> Router {
        // As a whole: a router of its own adds to an answer which methods a path has.
        Router::new()
            .fallback_service(router)
            .layer(middleware::from_fn_with_state(Arc::new(self), admit))
            .layer(middleware::from_fn(no_store))
    }
}

async fn admit(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let has_shown_it = |token: &TokenInForce| token().is_shown_by(request.headers());
    if admission.token.as_ref().is_none_or(has_shown_it) {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>();
    let address = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
    let source = Source::Peer(address).key();
    // Whoever has the token is not counted, so that nobody at the same address keeps them out.
    let counted = admission
        .without_token
        .count(source, admission.begun.elapsed());
    if counted.is_err() {
        return (StatusCode::TOO_MANY_REQUESTS, "too many requests\n").into_response();
    }
    let is_look = [Method::GET, Method::HEAD].contains(request.method());
    if is_look && HEALTH.contains(&request.uri().path()) {
        let status = next.run(request).await.status();
        let word = match status.is_success() {
            true => "ok\n",
            false => "unavailable\n",
        };
        return (status, word).into_response();
    }
    // Whatever is asked, and whether or not there is such a thing.
    let asks = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, asks, "a token is asked for\n").into_response()
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
