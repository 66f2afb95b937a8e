//! The site: what every answer of the page is made from, its own addresses, and whole answers.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::domain::{
    language::Language,
    reset::{LINK_PATH, ResetLink},
};

use super::{
    Limits, Web, WebSettings,
    html::Html,
    origin::PageAddress,
    page::{Frame, link_switch, problem::Problem},
    peer::TrustedProxies,
    query::LANGUAGE,
    resets::Resets,
};
use crate::{frontend::admission::rate::Rates, ports::Clock, vault::Vault};

/// Where the result stands.
pub const DONE: &str = "/selesai";
/// Where whoever chose `Batal` comes to.
pub const CANCELLED: &str = "/batal";

/// All that an answer is made from.
#[derive(Debug)]
pub struct Site {
    pub settings: WebSettings,
    pub vault: Vault,
    pub limits: Limits,
    pub resets: Arc<dyn Resets>,
    pub clock: Arc<dyn Clock>,
    pub base: PageAddress,
    pub proxies: TrustedProxies,
    pub rates: Rates,
}

impl Site {
    pub fn new(web: Web) -> Self {
        Self {
            base: PageAddress::new(&web.settings.base_url),
            proxies: TrustedProxies::new(web.settings.trusted_proxies.clone()),
            rates: Rates::new(web.limits.requests_a_minute, web.limits.counted_sources),
            settings: web.settings,
            vault: web.vault,
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
        format!("{}{name}?{LANGUAGE}={}", self.path(), language.as_str())
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
        let other = language.other().as_str();
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

/// The page of a problem. `link` is where its language switch leads.
pub fn problem(
    site: &Site,
    problem: Problem,
    language: Language,
    link: Option<&ResetLink>,
) -> Response {
    problem_on(&site.frame_at(language, link), problem)
}

pub fn problem_on(frame: &Frame<'_>, problem: Problem) -> Response {
    let mut response = html(problem.status(), frame.language, problem.page(frame));
    if let Some(wait) = problem.retry_after() {
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
        (header::CONTENT_LANGUAGE, language.as_str()),
    ];
    (status, headers, Body::from(page)).into_response()
}
