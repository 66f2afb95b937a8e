//! The page as a router: which address is which page, and what holds for all of them.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::domain::{
    language::Language,
    reset::{LINK_PATH, ResetLink},
};

use super::{
    Limits, Web, WebSettings, headers,
    html::Html,
    http::Peer,
    origin::PageAddress,
    page::{Frame, link_switch, problem::Problem, steps},
    peer::TrustedProxies,
    query::LANGUAGE,
    reset,
    resets::Resets,
    words,
};
use crate::{frontend::admission::rate::Rates, ports::Clock};

/// Where the result stands.
const DONE: &str = "/selesai";
/// Where whoever chose `Batal` comes to.
const CANCELLED: &str = "/batal";

/// All that an answer is made from.
#[derive(Debug)]
pub struct Site {
    pub settings: WebSettings,
    pub limits: Limits,
    pub resets: Arc<dyn Resets>,
    pub clock: Arc<dyn Clock>,
    pub base: PageAddress,
    pub proxies: TrustedProxies,
    rates: Rates,
}

impl Site {
    pub fn new(web: Web) -> Self {
        Self {
            base: PageAddress::new(&web.settings.base_url),
            proxies: TrustedProxies::new(web.settings.trusted_proxies.clone()),
            rates: Rates::new(web.limits.requests_a_minute, web.limits.counted_sources),
            settings: web.settings,
            limits: web.limits,
            resets: web.resets,
            clock: web.clock,
        }
    }

    /// The page's own path, as a browser sees it. Links are made from the configuration alone, and have no host in them.
    pub fn path(&self) -> String {
        format!("{}{LINK_PATH}", self.base.prefix)
    }

    pub fn done_path(&self, language: Language) -> String {
        self.static_path(DONE, language)
    }

    pub fn cancelled_path(&self, language: Language) -> String {
        self.static_path(CANCELLED, language)
    }

    fn static_path(&self, name: &str, language: Language) -> String {
        format!("{}{name}?{LANGUAGE}={}", self.path(), words::code(language))
    }

    pub fn frame(&self, language: Language, switch: Html) -> Frame<'_> {
        Frame {
            office: &self.settings.office,
            language,
            switch,
        }
    }

    /// A frame whose switch leads to the page of `link`, or for want of one to the same address without its parameters.
    pub fn frame_at(&self, language: Language, link: Option<&ResetLink>) -> Frame<'_> {
        let other = words::code(language.other());
        let href = match link {
            Some(link) => format!(
                "{}?{}&{LANGUAGE}={other}",
                self.path(),
                link.query().as_str()
            ),
            None => format!("?{LANGUAGE}={other}"),
        };
        self.frame(language, link_switch(language, &href))
    }
}

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
    let counted = site
        .rates
        .count(source.throttle_key(), site.clock.monotonic());
    let mut response = match counted {
        Ok(()) => {
            request.extensions_mut().insert(source);
            next.run(request).await
        }
        Err(wait) => problem(
            &site,
            Problem::TooMany(wait),
            language(&site, request.uri()),
            None,
        ),
    };
    // No query string and no address with one: the token is in it.
    tracing::debug!(status = response.status().as_u16(), "reset page answered");
    headers::put(response.headers_mut(), site.base.is_https);
    response
}

async fn done(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let frame = site.frame_at(language(&site, &uri), None);
    html(StatusCode::OK, frame.language, steps::done(&frame))
}

async fn cancelled(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let frame = site.frame_at(language(&site, &uri), None);
    html(StatusCode::OK, frame.language, steps::cancelled(&frame))
}

async fn not_found(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    problem(&site, Problem::NotFound, language(&site, &uri), None)
}

/// The router adds `Allow` (RFC 9110 section 15.5.6) by itself.
async fn wrong_method(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    problem(&site, Problem::Method, language(&site, &uri), None)
}

/// The language that an address asks for.
fn language(site: &Site, uri: &Uri) -> Language {
    let said = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == LANGUAGE)
        .and_then(|(_, code)| words::language(&code));
    said.unwrap_or(site.settings.language)
}

/// The page of a problem. `link` is where its language switch leads.
pub fn problem(
    site: &Site,
    problem: Problem,
    language: Language,
    link: Option<&ResetLink>,
) -> Response {
    let page = problem.page(&site.frame_at(language, link));
    let mut response = html(problem.status(), language, page);
    if let Problem::TooMany(wait) = problem {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// An answer with a page in it.
pub fn html(status: StatusCode, language: Language, page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_LANGUAGE, words::code(language)),
    ];
    (status, headers, Body::from(page)).into_response()
}
