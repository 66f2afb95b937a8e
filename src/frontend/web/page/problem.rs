//! Everything that can stand in the way, each with its status (RFC 9110 section 15) and its page that says what to do.

use std::time::Duration;

use axum::http::StatusCode;

use crate::{
    domain::{
        Refusal,
        reset::{LinkError, Void},
    },
    tui::text::fill,
};

use super::{
    super::{
        html::Html,
        words::{Advice, Words},
    },
    Frame, Sign, next, sheet,
};

/// What is not available is again within a minute, or not soon.
const UNAVAILABLE: Duration = Duration::from_secs(60);

/// Why somebody does not get the page they wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    Expired,
    Used,
    /// Wrong, replaced, or in disagreement: one generic error.
    Unknown,
    Malformed,
    Duplicated,
    TooMany(Duration),
    Unavailable,
    /// The store does not serve at this machine: it has moved, or is being copied or brought back.
    Away,
    /// The form is not ours, not for this step, or too old.
    Forged,
    MediaType,
    TooLarge,
    Slow,
    Method,
    NotFound,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ResetVoid(Void::Unknown) => Self::Unknown,
            Refusal::ResetVoid(Void::Used) => Self::Used,
            Refusal::ResetVoid(Void::Expired) => Self::Expired,
            Refusal::Wait(wait) => Self::TooMany(wait),
            Refusal::Away => Self::Away,
            // Whoever opens a link is told nothing else.
            _ => Self::Unavailable,
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Malformed => Self::Malformed,
            LinkError::Duplicated => Self::Duplicated,
        }
    }
}

impl Problem {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Expired | Self::Used => StatusCode::GONE,
            Self::Unknown | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Malformed | Self::Duplicated => StatusCode::BAD_REQUEST,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::Away => StatusCode::SERVICE_UNAVAILABLE,
            Self::Forged => StatusCode::FORBIDDEN,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    /// When it is worth another try, where that is known (RFC 9110 section 10.2.3).
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooMany(wait) => Some(wait),
            Self::Unavailable => Some(UNAVAILABLE),
            _ => None,
        }
    }

    /// The page of this problem.
    pub fn page(self, frame: &Frame<'_>) -> String {
        let words = self.advice(frame.words());
        let text = match self {
            Self::TooMany(wait) => {
                let wait = frame.language.text().duration(wait);
                fill(&words.text, &[("wait", &wait)])
            }
            _ => words.text.clone(),
        };
        let sign = match self {
            Self::Expired | Self::TooMany(_) | Self::Slow => Sign::Wait,
            _ => Sign::Care,
        };
        let mut html = Html::new();
        html.element("<p>", &text, "</p>\n");
        next(&mut html, frame, &words.next, false);
        sheet(frame, &words.title, sign, &html)
    }

    fn advice(self, words: &Words) -> &Advice {
        match self {
            Self::Expired => &words.expired,
            Self::Used => &words.used,
            Self::Unknown => &words.unknown,
            Self::Malformed => &words.malformed,
            Self::Duplicated => &words.duplicated,
            Self::TooMany(_) => &words.too_many,
            Self::Unavailable => &words.unavailable,
            Self::Away => &words.away,
            Self::Forged => &words.forged,
            Self::MediaType => &words.media_type,
            Self::TooLarge => &words.too_large,
            Self::Slow => &words.slow,
            Self::Method => &words.method,
            Self::NotFound => &words.not_found,
        }
    }
}
