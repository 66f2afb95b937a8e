//! A person at a browser: real headless Chromium, driven through chromedriver (Debian's `chromium` and
//! `chromium-driver`). It knows nothing of this program.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    key::Key,
};
use hyper_util::client::legacy::connect::HttpConnector;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Nothing takes this long, even on a machine that is busy with other tests; who waits longer has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// How the browser is set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub javascript: bool,
    pub dark: bool,
    pub width: u32,
    pub height: u32,
}

impl Default for Settings {
    /// A phone, with everything on.
    fn default() -> Self {
        Self {
            javascript: true,
            dark: false,
            width: 360,
            height: 740,
        }
    }
}

/// One browser with a profile of its own; it ends when dropped.
pub struct Browser {
    client: Option<Client>,
    runtime: Runtime,
    _driver: Driver,
}

/// The chromedriver process and its browsers.
struct Driver {
    process: Child,
    // Removed last, when nothing writes into it any more.
    _profile: TempDir,
}

impl Browser {
    /// A phone's browser.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let port = super::free_port();
        let process = Command::new("/usr/bin/chromedriver")
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .env("XDG_CONFIG_HOME", profile.path())
            .env("XDG_CACHE_HOME", profile.path())
            // No desktop, no bus: nothing of the machine it runs on.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            // The browsers stay in the driver's group, by which they are ended together.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("/usr/bin/chromedriver, of the Debian package chromium-driver");
        let driver = Driver {
            process,
            _profile: profile,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let capabilities = settings.capabilities(&driver._profile.path().join("profile"));
        let client = runtime.block_on(connect(port, capabilities));
        let browser = Self {
            client: Some(client),
            runtime,
            _driver: driver,
        };
        browser.resize(settings.width, settings.height);
        let scheme = if settings.dark { "dark" } else { "light" };
        browser.devtools(
            "Emulation.setEmulatedMedia",
            serde_json::json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
        browser
    }

    /// Opens an address.
    pub fn goto(&self, url: &str) {
        self.run(self.client().goto(url)).expect("the page opens");
    }

    /// Makes the page `width` by `height` CSS pixels, as a window without a frame would.
    pub fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            serde_json::json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 }),
        );
    }

    /// Presses the button or link that reads `text`, and waits for the page that it leads to.
    pub fn click(&self, text: &str) {
        let path = format!("//*[self::a or self::button][normalize-space(.)='{text}']");
        let before = self
            .run(self.client().find(Locator::Css("html")))
            .expect("a page");
        let found = self.run(
            self.client()
                .wait()
                .at_most(DEADLINE)
                .for_element(Locator::XPath(&path)),
        );
        let element = found.unwrap_or_else(|_| panic!("no button {text:?} on: {}", self.text()));
        self.run(element.click()).expect("it can be pressed");
        self.wait_until_gone(&before);
    }

    /// Waits until `text` is on the page.
    pub fn wait_for(&self, text: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.text().contains(text) {
            assert!(Instant::now() < until, "no {text:?} on: {}", self.text());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What can be read on the page.
    pub fn text(&self) -> String {
        self.run(async {
            let body = self.client().find(Locator::Css("body")).await?;
            body.text().await
        })
        // In between two pages there is nothing to read.
        .unwrap_or_default()
    }

    /// The page's markup.
    pub fn source(&self) -> String {
        self.run(self.client().source()).expect("a page")
    }

    pub fn title(&self) -> String {
        self.run(self.client().title()).expect("a title")
    }

    pub fn address(&self) -> String {
        self.run(self.client().current_url())
            .expect("an address")
            .into()
    }

    /// Loads the page again.
    pub fn refresh(&self) {
        self.run(self.client().refresh())
            .expect("the page opens again");
    }

    /// Goes back one page.
    pub fn back(&self) {
        self.run(self.client().back())
            .expect("there is a page before");
    }

    /// Presses one key, wherever the focus is.
    pub fn press(&self, key: Key) {
        let key = char::from(key);
        let keys = KeyActions::new("keyboard".into())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key });
        self.run(self.client().perform_actions(keys))
            .expect("a keyboard");
    }

    /// Presses Enter, and waits for the page that it leads to.
    pub fn enter(&self) {
        let before = self
            .run(self.client().find(Locator::Css("html")))
            .expect("a page");
        self.press(Key::Enter);
        self.wait_until_gone(&before);
    }

    /// What the button or link that has the focus reads.
    pub fn focused(&self) -> String {
        self.run(async { self.client().active_element().await?.text().await })
            .unwrap_or_default()
    }

    /// How far the page is wider than the window: anything but 0 makes a phone's user scroll sideways.
    pub fn overflow(&self) -> i64 {
        let measure =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        let width = self.run(self.client().execute(measure, Vec::new()));
        width.expect("a measure").as_i64().expect("a number")
    }

    /// Keeps a picture of the whole page as a PNG file.
    pub fn screenshot(&self, path: &Path) {
        let picture = self.devtools(
            "Page.captureScreenshot",
            serde_json::json!({ "captureBeyondViewport": true }),
        );
        let data = picture["data"].as_str().expect("a picture");
        let picture = data_encoding::BASE64
            .decode(data.as_bytes())
            .expect("Base64");
        fs::write(path, picture).expect("the picture can be written");
    }

    /// A command of Chromium's own protocol, for what WebDriver has no words.
    fn devtools(&self, command: &str, parameters: serde_json::Value) -> serde_json::Value {
        let command = Devtools(serde_json::json!({ "cmd": command, "params": parameters }));
        self.run(self.client().issue_cmd(command))
            .expect("the browser obeys")
    }

    fn wait_until_gone(&self, before: &fantoccini::elements::Element) {
        let until = Instant::now() + DEADLINE;
        while self.run(before.tag_name()).is_ok() {
            assert!(Instant::now() < until, "the page stays: {}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn client(&self) -> &Client {
        self.client.as_ref().expect("open until dropped")
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            tokio::time::timeout(DEADLINE, work)
                .await
                .expect("the browser answers in time")
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(async {
                tokio::time::timeout(Duration::from_secs(10), client.close()).await
            });
        }
    }
}

impl Drop for Driver {
    /// Ends the whole group: a driver that is ended leaves its browsers behind, and one that never got a session has
    /// nobody to close it.
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = self.process.wait();
    }
}

impl Settings {
    fn capabilities(self, profile: &Path) -> serde_json::Map<String, serde_json::Value> {
        let mut arguments: Vec<String> = [
            "--headless",
            // Tests run as root in containers, where Chromium's own sandbox cannot be had.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
        ]
        .map(String::from)
        .into();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        arguments.push(format!("--window-size={},{}", self.width, self.height));
        let mut options = serde_json::json!({ "args": arguments, "binary": "/usr/bin/chromium" });
        if !self.javascript {
            options["prefs"] =
                serde_json::json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let capabilities = serde_json::json!({
            "browserName": "chrome",
            "acceptInsecureCerts": true,
            "goog:chromeOptions": options,
        });
        match capabilities {
            serde_json::Value::Object(capabilities) => capabilities,
            _ => unreachable!("it is written as an object"),
        }
    }
}

/// Connects as soon as the driver listens.
async fn connect(port: u16, capabilities: serde_json::Map<String, serde_json::Value>) -> Client {
    let until = Instant::now() + DEADLINE;
    loop {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.clone());
        match builder.connect(&format!("http://127.0.0.1:{port}")).await {
            Ok(client) => return client,
            Err(error) => assert!(Instant::now() < until, "no browser: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A port that was free a moment ago. Another process may take it before the driver does; then the driver ends, and the
/// test says that there is no browser.
/// chromedriver's way to Chromium's own protocol.
#[derive(Debug)]
struct Devtools(serde_json::Value);

impl fantoccini::wd::WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (axum::http::Method, Option<String>) {
        (axum::http::Method::POST, Some(self.0.to_string()))
    }
}
