//! The page over a fake service: what it answers, and above all what it never asks the service to do.

mod forms;
mod looking;
mod network;
mod pages;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use jiff::Timestamp;
use tower::ServiceExt;

use super::{Limits, Resets, Web, WebSettings, http::Peer, router::router, site::Site};
use crate::{
    domain::{
        AccountKey, EmailAddress, Refusal, Source, UserId, UserType,
        language::Language,
        network::Networks,
        reset::{LINK_PATH, ResetLink, ResetSecret, Token, Void},
    },
    ports::Clock,
    service::{
        ServiceError,
        reset::{Confirmed, Found},
    },
    store::away::Away,
    vault::{MasterKey, Vault},
};

/// How the fake service answers.
#[derive(Debug, Clone, Copy, Default)]
enum Mood {
    /// One link is valid, once; all others are unknown.
    #[default]
    Usual,
    Void(Void),
    Wait(Duration),
    Unavailable,
    Away,
    Panics,
    Stalls,
}

#[derive(Debug, Default)]
struct FakeResets {
    mood: Mutex<Mood>,
    found: AtomicUsize,
    confirmed: AtomicUsize,
    sources: Mutex<Vec<Source>>,
}

impl FakeResets {
    fn void(&self, secret: &ResetSecret) -> Option<Void> {
        let ResetSecret::Link(said) = secret else {
            panic!("the page knows links only");
        };
        let agrees = said.token.digest().is(&link().token.digest())
            && said.agrees_with(&account(), &email());
        if !agrees {
            Some(Void::Unknown)
        } else if self.confirmed.load(SeqCst) > 0 {
            Some(Void::Used)
        } else {
            None
        }
    }

    async fn mood(&self) -> Result<Mood, ServiceError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Unavailable => Err(ServiceError::Unavailable("the disk is full".into())),
            Mood::Away => Err(ServiceError::Away(Away::Moved)),
            Mood::Panics => panic!("as told"),
            Mood::Stalls => std::future::pending().await,
            mood => Ok(mood),
        }
    }
}

#[async_trait]
impl Resets for FakeResets {
    async fn find(&self, secret: &ResetSecret, from: &Source) -> Result<Found, ServiceError> {
        self.found.fetch_add(1, SeqCst);
        self.sources.lock().unwrap().push(from.clone());
        Ok(match (self.mood().await?, self.void(secret)) {
            (Mood::Void(void), _) | (_, Some(void)) => Found::Refused(Refusal::ResetVoid(void)),
            (Mood::Wait(wait), _) => Found::Refused(Refusal::Wait(wait)),
            _ => Found::Valid {
                user_type: UserType::NonPenyedia,
                masked_id: "PP**0".into(),
            },
        })
    }

    async fn confirm(
        &self,
        secret: &ResetSecret,
        from: &Source,
    ) -> Result<Confirmed, ServiceError> {
        self.sources.lock().unwrap().push(from.clone());
        Ok(match (self.mood().await?, self.void(secret)) {
            (Mood::Void(void), _) | (_, Some(void)) => Confirmed::Refused(Refusal::ResetVoid(void)),
            (Mood::Wait(wait), _) => Confirmed::Refused(Refusal::Wait(wait)),
            _ => {
                self.confirmed.fetch_add(1, SeqCst);
                Confirmed::Done
            }
        })
    }
}

/// Both clocks stand still until told.
#[derive(Debug)]
struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(SeqCst)).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(SeqCst).unsigned_abs())
    }
}

fn email() -> EmailAddress {
    EmailAddress::parse("siti+spse@contoh.go.id").unwrap()
}

fn account() -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
}

fn link() -> ResetLink {
    ResetLink::new(email(), account(), Token::from_bytes([7; Token::BYTES]))
}

fn path() -> String {
    format!("{LINK_PATH}?{}", link().query().as_str())
}

/// The page of one office, with its fake service and its clock.
struct Office {
    resets: Arc<FakeResets>,
    clock: Arc<StandingClock>,
    router: Router,
}

/// One answer, with its body read.
#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Office {
    fn new() -> Self {
        Self::with("https://lpse.contoh.go.id", |_| {})
    }

    /// An office whose page is found at `base_url`, with other settings and limits.
    fn with(base_url: &str, change: impl FnOnce(&mut Web)) -> Self {
        let (resets, clock, web) = web(base_url, change);
        Self {
            resets,
            clock,
            router: router(Arc::new(Site::new(web))),
        }
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        let peer: IpAddr = [203, 0, 113, 5].into();
        request.extensions_mut().insert(Peer(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    async fn post(&self, body: &str) -> Answer {
        self.post_with(&[], body).await
    }

    /// A form as browsers send it, with more headers.
    async fn post_with(&self, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::post(LINK_PATH);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    fn confirmed(&self) -> usize {
        self.resets.confirmed.load(SeqCst)
    }

    fn set_mood(&self, mood: Mood) {
        *self.resets.mood.lock().unwrap() = mood;
    }
}

impl Answer {
    /// The form with the big button, as the browser would send it.
    fn form(&self) -> String {
        let (_, main) = self.body.split_once("<main").expect("a page");
        let (_, form) = main.split_once("<form").expect("a form");
        let (form, _) = form.split_once("</form>").unwrap();
        form_fields(form)
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn form_fields(form: &str) -> String {
    let mut fields = form_urlencoded::Serializer::new(String::new());
    for input in form.split("<input type=\"hidden\" name=\"").skip(1) {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        fields.append_pair(name, &value.replace("&amp;", "&").replace("&#39;", "'"));
    }
    fields.finish()
}

fn web(
    base_url: &str,
    change: impl FnOnce(&mut Web),
) -> (Arc<FakeResets>, Arc<StandingClock>, Web) {
    let resets = Arc::new(FakeResets::default());
    let clock = Arc::new(StandingClock(AtomicI64::new(1_597_283_585)));
    let mut web = Web {
        settings: WebSettings {
            office: "LPSE Kota Contoh".into(),
            base_url: base_url.into(),
            trusted_proxies: Networks::default(),
            proxies: Networks::default(),
            tls: None,
            language: Language::Id,
        },
        vault: Vault::new(MasterKey::from_bytes([5; MasterKey::LENGTH]), Vec::new()),
        limits: Limits {
            requests_a_minute: u32::MAX,
            ..Limits::default()
        },
        resets: resets.clone(),
        clock: clock.clone(),
    };
    change(&mut web);
    (resets, clock, web)
}
