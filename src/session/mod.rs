//! One person at one terminal: the loop that turns input into events, effects into work, and models into bytes.
//!
//! Keys, replies, ticks and the request to leave meet in one loop, so every person's events have one total order, and
//! nothing on the way of a key press waits: services run beside the loop, bytes go to the door in one write a frame.

pub mod canvas;
pub mod durations;
pub mod effects;
pub mod proofs;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use ratatui::layout::Size;
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{sleep, timeout},
};
use zeroize::Zeroizing;

use crate::{
    domain::{
        Refusal, Source,
        durations::SharedDurations,
        idle::{Idle, IdleLimits, Presence, Reason, Verdict},
        language::Language,
        security_code::Challenge,
    },
    ports::{Clock, Random},
    service::{EndedLogin, Services},
    tui::{
        App, Effect, Ending, EndingReason, Event, Lookup, LookupReply, Now, Reply, Request,
        RequestId, command::KeyPress,
    },
};
use canvas::{Canvas, Wipe};
use durations::{Check, LoginDurations};
use proofs::{LoggedIn, Proofs};

/// What comes in from a terminal.
#[derive(Debug, PartialEq)]
pub enum Input {
    Key(KeyPress),
    /// A bracketed paste, bounded by the decoder.
    Paste(Zeroizing<String>),
    Resize(Size),
}

/// Where a frame's bytes go.
#[async_trait]
pub trait Door: Send {
    /// Hands `bytes` to the terminal; returns when it has taken them all.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Whoever wants something while the store is still being opened waits for it so long, and is told then that the service
/// is not to be had now.
const OPENING_PATIENCE: Duration = Duration::from_secs(5);

/// The services, as soon as the store behind them is open: the first frame does not wait for it.
pub type ServicesSoon = watch::Receiver<Option<Arc<Services>>>;

/// What a session goes by: who sits where, and by which rules.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    pub source: Source,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub limits: IdleLimits,
    pub services: ServicesSoon,
    /// What is cleared at the end of each login.
    pub wipe: Wipe,
    /// A visit whose time is up takes the session with it, where a kiosk's gives way to a fresh menu.
    pub ends_with_visit: bool,
    pub attendance: Arc<Attendance>,
    pub waits: Waits,
}

/// Where it is noted how long somebody waited at a terminal.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    /// When they asked for the screens, on the monotonic clock.
    pub since: Duration,
    /// Until the terminal had taken the first frame.
    pub first_screen: Arc<SharedDurations>,
    pub login: Arc<LoginDurations>,
}

/// What is at stake at a terminal now, for whoever has to choose between terminals.
#[derive(Debug, Default)]
pub struct Attendance {
    presence: AtomicU8,
    has_logged_in: AtomicBool,
}

impl Attendance {
    const ALL: [Presence; 7] = [
        Presence::Nobody,
        Presence::Empty,
        Presence::Reading,
        Presence::Form,
        Presence::LongForm,
        Presence::LoggedIn,
        Presence::Copying,
    ];

    pub fn presence(&self) -> Presence {
        Self::ALL[usize::from(self.presence.load(Ordering::Relaxed))]
    }

    /// Whether somebody has logged in here, or given a right password.
    pub fn has_logged_in(&self) -> bool {
        self.has_logged_in.load(Ordering::Relaxed)
    }

    /// Notes what is at stake from now on.
    pub fn note(&self, presence: Presence) {
        let number = Self::ALL.iter().position(|one| *one == presence);
        let number = number.and_then(|number| u8::try_from(number).ok());
        self.presence
            .store(number.unwrap_or_default(), Ordering::Relaxed);
        if presence.is_logged_in() {
            self.has_logged_in.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether the program is to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closing {
    #[default]
    No,
    /// Whoever is at work may finish until this monotonic time.
    By(Duration),
    Now,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The terminal is gone, or takes no more bytes.
    HungUp,
    /// The person left the program.
    Quit,
    /// The program is to leave.
    Shutdown,
    /// Nobody pressed a key for too long, or the time was up.
    Expired(Reason),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub why: End,
    /// The language that was spoken last.
    pub language: Language,
}

/// Events handled before the next frame at most: a held key or a flood draws one frame, not one a key.
const EVENTS_A_FRAME: usize = 256;

/// A kiosk's own terminal is painted anew this often: the system, and whoever may write there, leave messages on it.
const LONGEST_UNPAINTED: Duration = Duration::from_secs(60);

/// So is it with the first key after such a silence: somebody comes to it.
const SILENCE: Duration = Duration::from_secs(10);

/// A terminal that takes no bytes for this long is gone.
const SLOWEST_DOOR: Duration = Duration::from_secs(10);

/// What the services' tasks send back.
enum Answer {
    Reply {
        /// Which login asked; an answer to one that has ended is dropped with the proofs in it.
        login: u64,
        id: RequestId,
        reply: Reply,
        proofs: Proofs,
    },
    /// What a lookup has found. It brings no proofs back: it has changed none.
    LookupReply {
        login: u64,
        id: RequestId,
        reply: LookupReply,
    },
    Visits(u64),
}

/// Serves one terminal until it hangs up, the person leaves, their time is up, or the program closes.
pub async fn run(
    settings: SessionSettings,
    app: App,
    size: Size,
    mut door: impl Door,
    inputs: &mut mpsc::Receiver<Input>,
    mut closing: watch::Receiver<Closing>,
) -> Ended {
    let (answer, mut answers) = mpsc::channel(8);
    let mut session = Session {
        idle: Idle::new(settings.limits, settings.clock.monotonic()),
        canvas: Canvas::new(size, settings.wipe),
        painted: Painted::default(),
        last_key: settings.clock.monotonic(),
        settings,
        app,
        proofs: Proofs::None,
        challenge: None,
        login: 0,
        warned: None,
        quit: false,
        answer,
    };
    session.canvas.wipe();
    if let Some(title) = session.app.window_title() {
        session.canvas.entitle(&title);
    }
    session.show_visits(false);
    let mut ended = EndedLogins {
        services: session.settings.services.clone(),
        receiver: None,
    };
    let mut has_screen = false;
    let why = loop {
        if let Some(end) = session.judge(*closing.borrow_and_update()) {
            break end;
        }
        session.repaint_kiosk();
        // What is shown may be a secret.
        let frame = Zeroizing::new(session.draw());
        if !frame.is_empty() {
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing == Closing::Now) => break End::Shutdown,
                sent = timeout(SLOWEST_DOOR, door.send(&frame)) => {
                    if !matches!(sent, Ok(Ok(()))) {
                        break End::HungUp;
                    }
                }
            }
            if !std::mem::replace(&mut has_screen, true) {
                session.note_first_screen();
            }
        }
        session.app.drawn(session.now());
        let pause = session.pause(*closing.borrow());
        tokio::select! {
            biased;
            changed = closing.changed() => if changed.is_err() { break End::Shutdown },
            Some(answer) = answers.recv() => session.answered(answer),
            input = inputs.recv() => {
                let Some(input) = input else { break End::HungUp };
                session.input(input);
                for _ in 1..EVENTS_A_FRAME {
                    match inputs.try_recv() {
                        Ok(input) => session.input(input),
                        Err(_) => break,
                    }
                }
            }
            ended = ended.next() => {
                // Proofs that are with a request under way are judged there.
                if session.proofs.are_ended_by(&ended) {
                    session.update(Event::LoginEnded);
                }
            }
            () = wait(pause) => session.update(Event::Tick),
        }
    };
    session.end_login();
    Ended {
        why,
        language: session.app.language(),
    }
}

async fn wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// Whose open logins end, as soon as there are services to hear it from.
struct EndedLogins {
    services: ServicesSoon,
    receiver: Option<broadcast::Receiver<EndedLogin>>,
}

impl EndedLogins {
    async fn next(&mut self) -> EndedLogin {
        loop {
            let Some(receiver) = &mut self.receiver else {
                match opened(&mut self.services).await {
                    Some(services) => self.receiver = Some(services.ended_logins()),
                    None => std::future::pending().await,
                }
                continue;
            };
            match receiver.recv().await {
                Ok(ended) => return ended,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// An instant on both clocks: the minute that the screen tells, and the monotonic time.
#[derive(Debug, Default)]
struct Painted {
    minute: i64,
    at: Duration,
}

struct Session {
    settings: SessionSettings,
    app: App,
    canvas: Canvas,
    /// When the whole of a kiosk's screen was painted last.
    painted: Painted,
    last_key: Duration,
    idle: Idle,
    proofs: Proofs,
    /// The answer to the picture on the screen, for one try.
    challenge: Option<Challenge>,
    login: u64,
    warned: Option<EndingReason>,
    quit: bool,
    answer: mpsc::Sender<Answer>,
}

impl Drop for Session {
    /// A session that ends by a fault has its login ended too.
    fn drop(&mut self) {
        self.log_out();
    }
}

impl Session {
    fn now(&self) -> Now {
        Now {
            wall: self.settings.clock.now(),
            monotonic: self.settings.clock.monotonic(),
        }
    }

    fn note_first_screen(&self) {
        let waits = &self.settings.waits;
        let took = self.settings.clock.monotonic().saturating_sub(waits.since);
        waits.first_screen.note(took);
    }

    /// Whether the terminal is a kiosk's own, where others than its person may write too.
    fn is_kiosk(&self) -> bool {
        self.settings.wipe == Wipe::All
    }

    /// Paints a kiosk's screen anew when the time has come: with the minute that the screen tells, so that it wakes nobody
    /// up, and at the latest after a minute where that clock stands still.
    fn repaint_kiosk(&mut self) {
        let Now { wall, monotonic } = self.now();
        let minute = wall.as_second().div_euclid(60);
        let is_due = minute != self.painted.minute
            || monotonic.saturating_sub(self.painted.at) >= LONGEST_UNPAINTED;
        if self.is_kiosk() && is_due {
            self.painted = Painted {
                minute,
                at: monotonic,
            };
            self.canvas.wipe();
        }
    }

    fn input(&mut self, input: Input) {
        let now = self.now();
        if !matches!(input, Input::Resize(_)) {
            let before = std::mem::replace(&mut self.last_key, now.monotonic);
            if self.is_kiosk() && now.monotonic.saturating_sub(before) >= SILENCE {
                self.canvas.wipe();
            }
        }
        match input {
            Input::Key(key) => {
                #[cfg(feature = "test-hooks")]
                fail_on_demand(key);
                self.idle.key(now.monotonic);
                self.update(Event::Key(key));
            }
            Input::Paste(text) => {
                self.idle.key(now.monotonic);
                self.update(Event::Paste(text));
            }
            Input::Resize(size) => {
                self.canvas.resize(size);
                self.update(Event::Resize);
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Visits(visits) => self.update(Event::Visits(visits)),
            Answer::LookupReply { login, id, reply } => {
                if login == self.login {
                    self.update(Event::LookupReply(id, reply));
                }
            }
            Answer::Reply {
                login,
                id,
                reply,
                proofs,
            } => {
                if login == self.login {
                    self.idle.answered(self.settings.clock.monotonic());
                    self.proofs = proofs;
                    self.update(Event::Reply(id, reply));
                }
            }
        }
    }

    fn update(&mut self, event: Event) {
        for effect in self.app.update(self.now(), event) {
            match effect {
                Effect::Request(id, request) => {
                    let proofs = std::mem::take(&mut self.proofs);
                    let challenge = match request {
                        Request::RequestReset { .. } => self.challenge.take(),
                        _ => None,
                    };
                    let (login, answer) = (self.login, self.answer.clone());
                    let (mut services, source) =
                        (self.settings.services.clone(), self.settings.source.clone());
                    let check = Check::of(&request);
                    let (clock, durations) = (
                        self.settings.clock.clone(),
                        self.settings.waits.login.clone(),
                    );
                    tokio::spawn(async move {
                        let asked = clock.monotonic();
                        let (reply, proofs) = match opened_soon(&mut services).await {
                            Soon::Open(services) => {
                                // A fault in a service must not leave the person waiting for ever; its proofs are gone
                                // with it.
                                let work = tokio::spawn(effects::perform(
                                    services, source, proofs, challenge, request,
                                ));
                                work.await
                                    .unwrap_or((Reply::Refused(Refusal::Unavailable), Proofs::None))
                            }
                            Soon::NotYet => (Reply::Refused(Refusal::Unavailable), Proofs::None),
                            Soon::Never => return,
                        };
                        if let Some(check) = check {
                            durations.note(check, clock.monotonic().saturating_sub(asked));
                        }
                        // Nobody hears it when the session has ended; then the proofs end here.
                        let _ = answer
                            .send(Answer::Reply {
                                login,
                                id,
                                reply,
                                proofs,
                            })
                            .await;
                    });
                }
                Effect::Lookup(id, lookup) => self.look_up(id, lookup),
                Effect::CountVisit => self.show_visits(true),
                Effect::EndLogin => self.end_login(),
                Effect::NewSecurityCode => self.draw_security_code(),
                Effect::Repaint => self.canvas.wipe(),
                Effect::Copy(text) => self.canvas.copy(text.as_str()),
                Effect::Quit => self.quit = true,
            }
        }
    }

    /// Asks beside what goes on, with the proofs that there are.
    fn look_up(&self, id: RequestId, lookup: Lookup) {
        let (login, answer, proofs) = (self.login, self.answer.clone(), self.proofs.clone());
        let (mut services, source) = (self.settings.services.clone(), self.settings.source.clone());
        tokio::spawn(async move {
            let reply = match opened_soon(&mut services).await {
                Soon::Open(services) => {
                    // A fault in a service must not leave the list waiting for ever.
                    let work = tokio::spawn(effects::look_up(services, source, proofs, lookup));
                    work.await.unwrap_or(LookupReply::Unavailable)
                }
                Soon::NotYet => LookupReply::Unavailable,
                Soon::Never => return,
            };
            // Nobody sees it when the session has ended.
            let _ = answer.send(Answer::LookupReply { login, id, reply }).await;
        });
    }

    /// Drops all proofs, makes answers under way void, and leaves nothing of the person on the screen.
    fn end_login(&mut self) {
        self.login += 1;
        self.challenge = None;
        self.log_out();
        self.canvas.wipe();
    }

    fn log_out(&mut self) {
        if let Proofs::LoggedIn(LoggedIn { authenticated, .. }) = std::mem::take(&mut self.proofs)
            && let Some(services) = self.settings.services.borrow().as_ref()
        {
            services
                .authentication
                .log_out(&authenticated, &self.settings.source);
        }
    }

    /// Draws a new picture; what was drawn before counts no longer. Its answer stays here and goes to no screen.
    fn draw_security_code(&mut self) {
        let mut random = Zeroizing::new([0; Challenge::RANDOM_BYTES]);
        self.settings.random.fill(random.as_mut_slice());
        #[cfg(feature = "test-hooks")]
        chance_on_demand(random.as_mut_slice());
        let (challenge, picture) = Challenge::new(&random, self.settings.clock.monotonic());
        self.challenge = Some(challenge);
        self.update(Event::SecurityCode(picture));
    }

    /// Tells people of an end that comes soon, and carries out one that has come; returns it when it is the session's.
    fn judge(&mut self, closing: Closing) -> Option<End> {
        let presence = self.app.presence();
        self.settings.attendance.note(presence);
        if self.quit {
            return Some(End::Quit);
        }
        let (ending, over) = self.ending(presence, closing);
        match over {
            None => {}
            Some(End::Expired(reason)) if !self.settings.ends_with_visit => {
                self.warned = None;
                self.app.wipe(self.now(), reason);
                self.end_login();
                return None;
            }
            Some(over) => return Some(over),
        }
        let why = ending.map(|ending| ending.why);
        if std::mem::replace(&mut self.warned, why) != why {
            self.update(Event::Ending(ending));
        }
        None
    }

    /// The end that people are to be told of, or the one that has come.
    fn ending(&mut self, presence: Presence, closing: Closing) -> (Option<Ending>, Option<End>) {
        let now = self.settings.clock.monotonic();
        match closing {
            Closing::Now => return (None, Some(End::Shutdown)),
            // Nobody is told anything where nobody is at work.
            Closing::By(end) if presence == Presence::Nobody || end <= now => {
                return (None, Some(End::Shutdown));
            }
            Closing::By(_) | Closing::No => {}
        }
        let soon = |left, why| (Some(Ending { left, why }), None);
        match (self.idle.judge(presence, now), closing) {
            (Verdict::Expired { reason }, _) => (None, Some(End::Expired(reason))),
            (Verdict::Warn { left, reason }, Closing::No) => match reason {
                Reason::Idle => soon(left, EndingReason::Idle),
                Reason::TimeUp => soon(left, EndingReason::TimeUp),
            },
            (_, Closing::By(end)) => soon(end.saturating_sub(now), EndingReason::Closing),
            (_, Closing::No | Closing::Now) => (None, None),
        }
    }

    fn draw(&mut self) -> Vec<u8> {
        let now = self.now();
        let app = &self.app;
        self.canvas.draw(|frame| app.view(frame, now))
    }

    /// How long nothing will change by itself.
    fn pause(&mut self, closing: Closing) -> Option<Duration> {
        let now = self.now();
        let screen = self.app.next_tick(now);
        let left = |end: Duration| end.saturating_sub(now.monotonic);
        let idle = match self.idle.judge(self.app.presence(), now.monotonic) {
            Verdict::Quiet { until } => until.map(left),
            Verdict::Warn { left, .. } => Some(left),
            Verdict::Expired { .. } => Some(Duration::ZERO),
        };
        let closing = match closing {
            Closing::By(end) => Some(left(end)),
            Closing::No | Closing::Now => None,
        };
        let painting = self
            .is_kiosk()
            .then(|| left(self.painted.at + LONGEST_UNPAINTED));
        [screen, idle, closing, painting]
            .into_iter()
            .flatten()
            .min()
    }

    /// Shows the number of visits so far, counting this one if `count`.
    fn show_visits(&self, count: bool) {
        let (mut services, answer) = (self.settings.services.clone(), self.answer.clone());
        tokio::spawn(async move {
            let Some(services) = opened(&mut services).await else {
                return;
            };
            let visits = if count {
                services.visits.count().await
            } else {
                services.visits.total().await
            };
            match visits {
                Ok(visits) => drop(answer.send(Answer::Visits(visits)).await),
                Err(error) => tracing::warn!(%error, "visits cannot be counted"),
            }
        });
    }
}

/// Panics at F12 where a journey has asked for it, in a program built for journeys: what people then see has to be tried.
#[cfg(feature = "test-hooks")]
fn fail_on_demand(key: KeyPress) {
    let asked = std::env::var_os("LPSE_TEST_PANIC_AT_F12").is_some();
    assert!(
        !(asked && key.key == crate::tui::command::Key::Function(12)),
        "asked for by a test"
    );
}

/// Draws a picture that a journey knows the answer to, in a program built for journeys: a journey cannot look at it.
#[cfg(feature = "test-hooks")]
fn chance_on_demand(random: &mut [u8]) {
    let byte = std::env::var("LPSE_TEST_SECURITY_CODE").ok();
    if let Some(byte) = byte.and_then(|byte| byte.parse::<u8>().ok()) {
        random.fill(byte);
    }
}

/// Whether there are services for somebody who waits at the screen.
enum Soon {
    Open(Arc<Services>),
    /// The store is not open yet, and may not be for a while.
    NotYet,
    /// The program leaves.
    Never,
}

async fn opened_soon(services: &mut ServicesSoon) -> Soon {
    match timeout(OPENING_PATIENCE, opened(services)).await {
        Ok(Some(services)) => Soon::Open(services),
        Ok(None) => Soon::Never,
        Err(_) => Soon::NotYet,
    }
}

async fn opened(services: &mut ServicesSoon) -> Option<Arc<Services>> {
    services.wait_for(Option::is_some).await.ok()?.clone()
}
