//! The reset page in a real browser: without JavaScript, on a phone and a desk, with a keyboard alone, in both
//! languages. Over a fake service; the whole way from the request to the next login is told elsewhere.
//!
//! With `RESET_PAGE_PICTURES` naming a folder, pictures of every page are kept there to be looked at.

use std::{
    net::TcpListener,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use fantoccini::key::Key;
use lpse_kiosk::{
    adapter::clock::SystemClock,
    domain::{
        AccountKey, EmailAddress, Refusal, Source, UserId, UserType,
        language::Language,
        network::Networks,
        reset::{ResetLink, ResetSecret, Token, Void},
    },
    frontend::web::{Limits, Resets, Web, WebSettings},
    service::{
        ServiceError,
        reset::{Confirmed, Found},
    },
    vault::{MasterKey, Vault},
};
use support::browser::{Browser, Settings};
use tokio::sync::watch;

/// A service that says what it is told to, and counts the resets.
#[derive(Debug)]
struct FakeResets {
    answer: Mutex<Found>,
    confirmed: AtomicUsize,
}

#[async_trait]
impl Resets for FakeResets {
    async fn find(&self, _: &ResetSecret, _: &Source) -> Result<Found, ServiceError> {
        Ok(self.answer.lock().unwrap().clone())
    }

    async fn confirm(&self, _: &ResetSecret, _: &Source) -> Result<Confirmed, ServiceError> {
        Ok(match &*self.answer.lock().unwrap() {
            Found::Valid { .. } => {
                self.confirmed.fetch_add(1, SeqCst);
                Confirmed::Done
            }
            Found::Refused(refusal) => Confirmed::Refused(*refusal),
        })
    }
}

/// The page on a loopback port.
struct Page {
    url: String,
    resets: Arc<FakeResets>,
    leave: watch::Sender<bool>,
    server: Option<thread::JoinHandle<()>>,
}

impl Page {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let resets = Arc::new(FakeResets {
            answer: Mutex::new(valid()),
            confirmed: AtomicUsize::new(0),
        });
        let web = Web {
            settings: WebSettings {
                office: "LPSE Kabupaten Pegunungan Bintang".into(),
                base_url: url.clone(),
                trusted_proxies: Networks::default(),
                proxies: Networks::default(),
                tls: None,
                language: Language::Id,
            },
            vault: Vault::new(MasterKey::from_bytes([5; MasterKey::LENGTH]), Vec::new()),
            limits: Limits::default(),
            resets: resets.clone(),
            clock: Arc::new(SystemClock::start()),
        };
        let (leave, left) = watch::channel(false);
        let server = thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(web.serve(listener, left)).unwrap();
        });
        Self {
            url,
            resets,
            leave,
            server: Some(server),
        }
    }

    fn link(&self, language: &str) -> String {
        let link = ResetLink::new(
            EmailAddress::parse("siti+spse@contoh.go.id").unwrap(),
            AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap()),
            Token::from_bytes([7; Token::BYTES]),
        );
        format!("{}&bahasa={language}", link.url(&self.url).as_str())
    }

    fn answer(&self, found: Found) {
        *self.resets.answer.lock().unwrap() = found;
    }

    fn confirmed(&self) -> usize {
        self.resets.confirmed.load(SeqCst)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.leave.send(true);
        let server = self.server.take().expect("joined once");
        assert!(server.join().is_ok() || thread::panicking());
    }
}

fn valid() -> Found {
    Found::Valid {
        user_type: UserType::NonPenyedia,
        masked_id: "PP**0".into(),
    }
}

/// Keeps a picture under this name, where pictures are wanted.
fn picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("RESET_PAGE_PICTURES") {
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        browser.screenshot(&path);
    }
}

#[test]
fn a_phone_without_javascript_resets_in_three_taps_and_looking_again_resets_nothing() {
    let page = Page::open();
    let browser = Browser::with(Settings {
        javascript: false,
        ..Settings::default()
    });
    browser.goto("data:text/html,<p>plain <script>document.write('scripted')</script>");
    assert_eq!(browser.text(), "plain");
    browser.goto(&page.link("id"));
    browser.wait_for("PP**0");
    browser.click("Reset TOTP");
    browser.wait_for("Yakin reset TOTP akun ini?");
    browser.click("English");
    browser.wait_for("Reset the TOTP of this account?");
    browser.click("Indonesia");
    browser.wait_for("Yakin reset TOTP akun ini?");
    assert_eq!(page.confirmed(), 0);
    browser.click("OK");
    browser.wait_for("TOTP sudah di-reset");
    assert_eq!(page.confirmed(), 1);
    assert!(
        browser
            .address()
            .ends_with("/proc4user/resettotp/selesai?bahasa=id")
    );
    assert_eq!(
        browser.title(),
        "TOTP sudah di-reset · LPSE Kabupaten Pegunungan Bintang"
    );
    browser.refresh();
    browser.wait_for("TOTP sudah di-reset");
    browser.click("English");
    browser.wait_for("TOTP has been reset");
    browser.goto(&page.link("en"));
    browser.wait_for("PP**0");
    assert_eq!(page.confirmed(), 1);
}

#[test]
fn a_keyboard_alone_walks_the_whole_way_and_always_shows_where_it_is() {
    let page = Page::open();
    let browser = Browser::start();
    browser.goto(&page.link("id"));
    browser.wait_for("PP**0");
    let stops = |expected: &[&str]| {
        for stop in expected {
            browser.press(Key::Tab);
            assert_eq!(&browser.focused(), stop);
        }
    };
    stops(&["English", "Reset TOTP"]);
    picture(&browser, "focus");
    browser.enter();
    browser.wait_for("Yakin reset");
    stops(&["English", "OK", "Batal"]);
    browser.enter();
    browser.wait_for("Reset dibatalkan");
    assert_eq!(page.confirmed(), 0);
    browser.goto(&page.link("id"));
    stops(&["English", "Reset TOTP"]);
    browser.enter();
    browser.wait_for("Yakin reset");
    stops(&["English", "OK"]);
    browser.enter();
    browser.wait_for("TOTP sudah di-reset");
    assert_eq!(page.confirmed(), 1);
}

#[test]
fn our_own_form_on_somebody_elses_page_resets_nothing() {
    let page = Page::open();
    let browser = Browser::start();
    browser.goto(&page.link("id"));
    browser.click("Reset TOTP");
    browser.wait_for("Yakin reset TOTP akun ini?");
    let source = browser.source();
    let (_, main) = source.split_once("<main").unwrap();
    let (form, _) = main[main.find("<form").unwrap()..]
        .split_once("</form>")
        .unwrap();
    // As good as it gets for a forger: the whole form with a fresh anti-forgery value. This page has no origin of its
    // own, so that the browser sends `Origin: null`, as it does for ours.
    let form = form.replace("action=\"", &format!("action=\"{}", page.url));
    let form: String =
        form_urlencoded::byte_serialize(format!("{form}</form>").as_bytes()).collect();
    browser.goto(&format!("data:text/html,{}", form.replace('+', "%20")));
    browser.click("OK");
    browser.wait_for("Formulir tidak dapat diproses");
    assert_eq!(page.confirmed(), 0);
}

#[test]
fn no_page_is_wider_than_its_window_in_any_language_or_light() {
    for dark in [false, true] {
        let page = Page::open();
        let browser = Browser::with(Settings {
            dark,
            ..Settings::default()
        });
        for (width, height) in [(320, 640), (360, 740), (1280, 800)] {
            browser.resize(width, height);
            for language in ["id", "en"] {
                let look = |name: &str| {
                    let light = if dark { "dark" } else { "light" };
                    picture(&browser, &format!("{name}.{language}.{width}.{light}"));
                    assert_eq!(browser.overflow(), 0, "{name} in {language} at {width}");
                };
                page.answer(valid());
                browser.goto(&page.link(language));
                look("1-ask");
                browser.click("Reset TOTP");
                look("2-confirm");
                browser.click("OK");
                look("3-done");
                for (name, found) in [
                    ("expired", Found::Refused(Refusal::ResetVoid(Void::Expired))),
                    ("used", Found::Refused(Refusal::ResetVoid(Void::Used))),
                    ("unknown", Found::Refused(Refusal::ResetVoid(Void::Unknown))),
                    (
                        "wait",
                        Found::Refused(Refusal::Wait(Duration::from_secs(90))),
                    ),
                ] {
                    page.answer(found);
                    browser.goto(&page.link(language));
                    look(name);
                }
                browser.goto(&format!(
                    "{}/proc4user/resettotp?bahasa={language}",
                    page.url
                ));
                look("malformed");
            }
        }
    }
}
