//! The way through the page: what is asked, whether it may be, and what comes of it.
//!
//! The token decides the account, in the service; here is decided only whether a form is one of ours. Whatever is wrong
//! with a form, it is refused before anything is asked of the service.

use std::{future::Future, sync::Arc};

use axum::{
    Extension,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::{
    domain::{
        Source,
        language::Language,
        reset::{LONGEST_LINK, ResetLink, ResetSecret},
    },
    service::{
        ServiceError,
        reset::{Confirmed, Found},
    },
};

use super::{
    origin,
    page::{
        problem::Problem,
        steps::{self, Form, Shown},
    },
    query::Said,
    seal::{self, Step},
    site::{Site, html, problem},
};

/// A form of ours takes under 1.5 KiB, with the longest address and every byte of it escaped.
const LONGEST_FORM: usize = 4 * 1024;

/// `GET` and `HEAD`: page 1, or why there is none. Changes nothing.
pub async fn show(
    State(site): State<Arc<Site>>,
    Extension(source): Extension<Source>,
    uri: Uri,
) -> Response {
    let deadline = Instant::now() + site.limits.serving.request;
    let query = uri.query().unwrap_or_default();
    let said = if query.len() <= LONGEST_LINK {
        Said::read(query)
    } else {
        Said::read("")
    };
    let language = said.language.unwrap_or(site.settings.language);
    let link = match said.link {
        Ok(link) => link,
        Err(error) => return problem(&site, error.into(), language, None),
    };
    match find(&site, &link, &source, deadline).await {
        Ok(shown) => {
            let path = site.path();
            let seal = new_seal(&site, &link, Step::Ask);
            let form = Form {
                action: &path,
                link: &link,
                step: Step::Ask,
                seal: &seal,
                language,
            };
            let frame = site.frame_at(language, Some(&link));
            html(StatusCode::OK, language, steps::ask(&frame, &shown, &form))
        }
        Err(why) => problem(&site, why, language, Some(&link)),
    }
}

/// `POST`: from page 1 to the confirmation, from the confirmation to the reset.
pub async fn submit(
    State(site): State<Arc<Site>>,
    Extension(source): Extension<Source>,
    request: Request,
) -> Response {
    let deadline = Instant::now() + site.limits.serving.request;
    let (head, body) = request.into_parts();
    let said = match read(&site, &head.headers, &head.uri, body, deadline).await {
        Ok(said) => said,
        Err(why) => return problem(&site, why, site.settings.language, None),
    };
    let language = said.language.unwrap_or(site.settings.language);
    let (link, step) = match judge(&site, said) {
        Ok(form) => form,
        Err(why) => return problem(&site, why, language, None),
    };
    let answered = match step {
        Step::Ask => ask_again(&site, &link, &source, language, deadline).await,
        Step::Confirm => confirm(&site, &link, &source, language, deadline).await,
    };
    answered.unwrap_or_else(|why| problem(&site, why, language, Some(&link)))
}

/// Reads the form of a `POST`, if it comes from our page and is one.
async fn read(
    site: &Site,
    headers: &HeaderMap,
    uri: &Uri,
    body: Body,
    deadline: Instant,
) -> Result<Said, Problem> {
    if !origin::is_own(headers, &site.base) {
        return Err(Problem::Forged);
    }
    if !is_form(headers) {
        return Err(Problem::MediaType);
    }
    // Our forms have no query; one beside the form would be a second place for the same parameters.
    if uri.query().is_some() {
        return Err(Problem::Duplicated);
    }
    let body = timeout_at(deadline, to_bytes(body, LONGEST_FORM))
        .await
        .map_err(|_| Problem::Slow)?
        // Too long, or broken off; whoever broke it off does not read the answer.
        .map_err(|_| Problem::TooLarge)?;
    let body = Zeroizing::new(Vec::from(body));
    let body = std::str::from_utf8(&body).map_err(|_| Problem::Malformed)?;
    Ok(Said::read(body))
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (types.next(), types.next()) else {
        return false;
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Whether what was said is a form that this page printed, for this link and this step.
fn judge(site: &Site, said: Said) -> Result<(ResetLink, Step), Problem> {
    let link = said.link?;
    let (Some(step), Some(seal)) = (said.step, said.seal) else {
        return Err(Problem::Forged);
    };
    let now = site.clock.now();
    let token = link.token.digest();
    if !seal::holds_with(&site.vault, step, &token, &seal, now) {
        return Err(Problem::Forged);
    }
    Ok((link, step))
}

async fn ask_again(
    site: &Site,
    link: &ResetLink,
    source: &Source,
    language: Language,
    deadline: Instant,
) -> Result<Response, Problem> {
    let shown = find(site, link, source, deadline).await?;
    let path = site.path();
    let form = |step, seal, language| Form {
        action: &path,
        link,
        step,
        seal,
        language,
    };
    let seals = [Step::Ask, Step::Confirm].map(|step| new_seal(site, link, step));
    // In the other language this page is the answer to the first page's form once more.
    let again = form(Step::Ask, &seals[0], language.other());
    let frame = site.frame(language, steps::form_switch(language, &again));
    let form = form(Step::Confirm, &seals[1], language);
    let page = steps::confirm(&frame, &shown, &form, &site.cancelled_path(language));
    Ok(html(StatusCode::OK, language, page))
}

async fn confirm(
    site: &Site,
    link: &ResetLink,
    source: &Source,
    language: Language,
    deadline: Instant,
) -> Result<Response, Problem> {
    let (resets, secret) = (site.resets.clone(), ResetSecret::Link(link.clone()));
    let source = source.clone();
    let confirmed = in_full(
        deadline,
        async move { resets.confirm(&secret, &source).await },
    );
    match confirmed.await? {
        // Seen again, or gone back to, the result must not send the form again (RFC 9110 section 15.4.4).
        Confirmed::Done => {
            let location = [(header::LOCATION, site.done_path(language))];
            Ok((StatusCode::SEE_OTHER, location).into_response())
        }
        Confirmed::Refused(refusal) => Err(refusal.into()),
    }
}

async fn find(
    site: &Site,
    link: &ResetLink,
    source: &Source,
    deadline: Instant,
) -> Result<Shown, Problem> {
    let (resets, secret) = (site.resets.clone(), ResetSecret::Link(link.clone()));
    let source = source.clone();
    let found = in_full(deadline, async move { resets.find(&secret, &source).await });
    match found.await? {
        Found::Valid {
            user_type,
            masked_id,
        } => Ok(Shown {
            user_type,
            masked_id,
        }),
        Found::Refused(refusal) => Err(refusal.into()),
    }
}

/// What the service answers before `deadline`. The service goes on to its end in any case: a browser that hangs up in the
/// middle of a reset must not leave one that is committed but not recorded.
async fn in_full<T: Send + 'static>(
    deadline: Instant,
    asked: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, Problem> {
    match timeout_at(deadline, tokio::spawn(asked)).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(error @ ServiceError::Away(_)))) => {
            tracing::warn!(%error, "the reset page had to answer that the service is elsewhere or maintained");
            Err(Problem::Away)
        }
        Ok(Ok(Err(error))) => {
            tracing::warn!(%error, "the reset page had to answer that the service is not available");
            Err(Problem::Unavailable)
        }
        Ok(Err(_)) => {
            tracing::error!("a request of the reset page panicked");
            Err(Problem::Unavailable)
        }
        Err(_) => {
            tracing::warn!("the reset page got no answer from the service in time");
            Err(Problem::Unavailable)
        }
    }
}

fn new_seal(site: &Site, link: &ResetLink, step: Step) -> String {
    let now = site.clock.now();
    seal::seal_with(&site.vault, step, &link.token.digest(), now)
}
