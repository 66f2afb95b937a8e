//! The page as a router: which address is which page, and what holds for all of them.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, Uri},
    middleware::{self, Next},
    response::Response,
    routing::get,
};

use crate::domain::{language::Language, reset::LINK_PATH};

use super::{
    WebSettings, headers,
    http::Peer,
    origin::PageAddress,
    page::{Frame, link_switch, problem::Problem, steps},
    query::LANGUAGE,
    reset,
    site::{CANCELLED, DONE, Site, html, problem, problem_on},
};

/// The router over `site`, for requests that carry a [`Peer`].
pub fn router(site: Arc<Site>) -> Router {
    let mut router = Router::new();
    let mut prefixes = vec![""];
    // A proxy may or may not take the base URL's own path away before it passes a request on.
    if !site.base.prefix.is_empty() {
        prefixes.push(&site.base.prefix);
    }
    for prefix in prefixes {
        let path = format!("{prefix}{LINK_PATH}");
        router = router
            .route(&path, get(reset::show).post(reset::submit))
            .route(&format!("{path}{DONE}"), get(done))
            .route(&format!("{path}{CANCELLED}"), get(cancelled));
    }
    router
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(site.clone(), admit))
        .with_state(site)
}

/// What holds for every request: who asks is found out, too many are turned away, and the answer has all headers.
async fn admit(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.unwrap_or(Peer(std::net::Ipv4Addr::UNSPECIFIED.into()));
    let source = site.proxies.source(peer, request.headers());
    let counted = site.rates.count(source.key(), site.clock.monotonic());
    let mut response = match counted {
        Ok(()) => {
            request.extensions_mut().insert(source);
            next.run(request).await
        }
        Err(wait) => problem(
            &site,
            Problem::TooMany(wait),
            language(&site.settings, request.uri()),
            None,
        ),
    };
    // No query string and no address with one: the token is in it.
    tracing::debug!(status = response.status().as_u16(), "reset page answered");
    headers::put(response.headers_mut(), site.base.is_https);
    response
}

async fn done(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let frame = site.frame_at(language(&site.settings, &uri), None);
    html(StatusCode::OK, frame.language, steps::done(&frame))
}

async fn cancelled(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let frame = site.frame_at(language(&site.settings, &uri), None);
    html(StatusCode::OK, frame.language, steps::cancelled(&frame))
}

async fn not_found(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    problem(
        &site,
        Problem::NotFound,
        language(&site.settings, &uri),
        None,
    )
}

/// The router adds `Allow` (RFC 9110 section 15.5.6) by itself.
async fn wrong_method(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    problem(&site, Problem::Method, language(&site.settings, &uri), None)
}

/// The router before the store is open, which has one page, whatever is asked.
pub fn starting(settings: WebSettings) -> Router {
    let is_https = PageAddress::new(&settings.base_url).is_https;
    let settings = Arc::new(settings);
    let answer = move |uri: Uri| {
        let language = language(&settings, &uri);
        let other = language.other().as_str();
        let frame = Frame {
            office: &settings.office,
            language,
            switch: link_switch(language, &format!("?{LANGUAGE}={other}")),
        };
        let mut response = problem_on(&frame, Problem::Unavailable);
        headers::put(response.headers_mut(), is_https);
        async move { response }
    };
    Router::new().fallback(answer)
}

/// The language that an address asks for.
fn language(settings: &WebSettings, uri: &Uri) -> Language {
    let said = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == LANGUAGE)
        .and_then(|(_, code)| Language::from_word(&code));
    said.unwrap_or(settings.language)
}
