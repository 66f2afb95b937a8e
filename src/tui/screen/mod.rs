//! Screens, one a file: its model, how it changes, how it is drawn, its key hints and its help.

pub mod desk;
mod form_screen;
mod fresh_code;
pub mod home;
pub mod login;
pub mod reset;

pub use form_screen::FormScreen;
pub(crate) use form_screen::form_of;

use std::{fmt, time::Duration};

use ratatui::Frame;

use super::{
    Copied, DeskReply, HomeView, Lookup, LookupReply, Now, Request,
    command::Command,
    context::{Context, PATIENCE},
    route::Route,
    text::{Page, Text},
    widget::{
        form::Form,
        frame::{self, KeyHint},
        outline::Part,
        panel::Panel,
        sheet::{self, Sheet},
    },
};

use crate::domain::{
    Passcode, Refusal, UserType, idle::Presence, officer::Card, security_code::Picture,
};

/// What comes of an event.
#[derive(Debug)]
pub enum Step {
    Stay,
    /// What was sent is not taken here: what was typed ahead for the screen that should have followed goes nowhere.
    Refused,
    /// In this screen's place.
    Go(Route),
    /// Home: an officer's is the desk.
    GoHome(Box<HomeView>),
    /// Over this screen, which waits below as it is.
    Open(Route),
    /// Back to the screen below, which is told what this one leaves behind.
    Close(Left),
    /// In the place of this screen and of all below it. Each of these waits below the next, the last stands there.
    Replace(Vec<Route>),
    /// The same, when somebody has begun to use the terminal.
    Begin(Route),
    /// The same, back to before any proof: whatever was proved is dropped.
    Retreat(Vec<Route>),
    Ask(Request),
    /// To the terminal's clipboard; the screen stays and says so.
    Copy(Copied),
    /// Show the page that says how to get TOTP reset.
    ShowReset,
    ShowPage(Page),
    /// The person is done: everything ends at a fresh menu.
    Finish,
    /// The same, for somebody who was logged in.
    LogOut,
}

/// What a screen leaves to the one below it.
#[derive(Debug)]
pub enum Left {
    Nothing,
    /// What the desk answered to an order given here.
    Done(DeskReply),
    /// The account that was looked at, as it is now.
    Card(Box<Card>),
}

/// What keys do on a screen.
pub trait Keys {
    /// Whether letters, Space, Left and Right are for the focused item: a field, or a choice within a row.
    fn typing(&self, _context: &Context<'_>) -> bool {
        false
    }

    /// Whether what Enter does where the focus is cannot be taken back: it switches off, replaces or puts away for good.
    /// It wants a person who has read the screen, and a press of its own.
    fn is_grave(&self, _context: &Context<'_>) -> bool {
        false
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step;

    fn paste(&mut self, _text: &str, _context: &Context<'_>) -> Step {
        Step::Stay
    }

    /// How long until what was sent too early is sent by itself; `None` where nothing is.
    fn due_in(&self, _now: Now) -> Option<Duration> {
        None
    }

    /// Sends what was sent too early, if its time has come.
    fn due(&mut self, _context: &Context<'_>) -> Step {
        Step::Stay
    }

    /// What the last row says of keys.
    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint>;
}

/// A screen: a model that changes by keys and replies, and can be drawn.
pub trait Screen: Keys + fmt::Debug + Send {
    /// A reply that did not lead to another screen.
    fn refused(&mut self, _refusal: Refusal, _context: &Context<'_>) {}

    /// Whether a new picture of a Kode Keamanan is needed here. Asked after every event.
    fn wants_security_code(&self, _now: Now) -> bool {
        false
    }

    /// The picture that was wanted; any before it no longer counts. Says whether something that was being typed for that
    /// one is void now.
    fn security_code(&mut self, _picture: Picture, _now: Now) -> bool {
        false
    }

    /// What this screen wants to look up and has not seen yet. Asked after every event.
    fn wants_lookup(&self) -> Option<Lookup> {
        None
    }

    /// The answer to `lookup`, which was wanted when it was asked. Says whether Enter now stands for something else.
    fn lookup_reply(
        &mut self,
        _lookup: Lookup,
        _reply: LookupReply,
        _context: &Context<'_>,
    ) -> bool {
        false
    }

    /// What the desk answers to a request of this screen's.
    fn desk(&mut self, _reply: DeskReply, _context: &Context<'_>) -> Step {
        Step::Stay
    }

    /// The screen that was opened over this one has been closed.
    fn returned(&mut self, _left: Left, _context: &Context<'_>) -> Step {
        Step::Stay
    }

    /// Which of how many steps on a way this is; `None` where it is none, or nobody knows how many there will be.
    fn step(&self) -> Option<(usize, usize)> {
        None
    }

    /// The type of the user whom this is about before a login, for the way to that login.
    fn user_type(&self) -> Option<UserType> {
        None
    }

    /// This is the officer's desk, over which the home of their own account opens.
    fn is_desk(&self) -> bool {
        false
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>);

    /// Whether it has tables, and wants nearly the whole width.
    fn is_wide(&self) -> bool {
        false
    }

    /// Draws the screen within the usual frame; only the QR code needs the whole terminal.
    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        paint_sheet(self, frame, context);
    }

    /// Draws a sentence that must be seen, and that covers nothing of what people are at.
    fn paint_banner(&self, frame: &mut Frame<'_>, context: &Context<'_>, sentence: &str) {
        frame::paint_banner(frame, context, sentence);
    }

    /// What stands on the screen, in reading order.
    fn outline(&self, context: &Context<'_>) -> Vec<Part> {
        Sheet::outline(context.theme, |sheet| self.sheet(sheet, context))
    }

    fn help(&self, text: &'static Text) -> &'static str;

    fn presence(&self) -> Presence;

    /// How long until this screen changes by itself, besides the footer's clock.
    fn next_tick(&self, _now: Now) -> Option<Duration> {
        None
    }
}

/// Draws a screen's sheet on a panel within the usual frame.
fn paint_sheet<S: Screen + ?Sized>(screen: &S, frame: &mut Frame<'_>, context: &Context<'_>) {
    let body = frame::paint(frame, context, &screen.hints(context));
    let widest = match screen.is_wide() {
        true => sheet::WIDEST,
        false => sheet::WIDTH,
    };
    let panel = Panel::new(body, widest);
    let mut sheet = panel.sheet(context.theme);
    screen.sheet(&mut sheet, context);
    panel.paint(frame, context, sheet);
}

/// A refusal as a form remembers it: what was said, and until when the next try has to wait.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt {
    refused: Option<Refusal>,
    /// Monotonic time before which no try is judged.
    not_before: Option<Duration>,
    /// The next try was made before that time, and is made again when it has come.
    is_put_off: bool,
}

impl Attempt {
    pub fn refused(&mut self, refusal: Refusal, now: Now) {
        let wait = match refusal {
            Refusal::Rejected { wait }
            | Refusal::ClockInDoubt { wait }
            | Refusal::Crowded { wait }
            | Refusal::Wait(wait) => Some(wait),
            _ => None,
        };
        self.refused = Some(refusal);
        self.is_put_off = false;
        self.not_before = wait
            .filter(|wait| !wait.is_zero())
            .map(|wait| now.monotonic + wait);
    }

    pub fn last(&self) -> Option<Refusal> {
        self.refused
    }

    /// What is left of the wait.
    pub fn wait(&self, now: Now) -> Option<Duration> {
        self.not_before
            .map(|until| until.saturating_sub(now.monotonic))
            .filter(|left| !left.is_zero())
    }

    /// Whether the next try is judged by now: it is a new try then. One that comes too early is put off until it is.
    pub fn may_try(&mut self, now: Now) -> bool {
        if self.wait(now).is_some() {
            self.is_put_off = true;
            return false;
        }
        *self = Self::default();
        true
    }

    /// What was refused, or put off, is not what stands there any more. A wait lasts on.
    pub fn edited(&mut self) {
        self.refused = None;
        self.is_put_off = false;
    }

    /// How long until the try that was put off is made, if one was.
    pub fn due_in(&self, now: Now) -> Option<Duration> {
        self.is_put_off
            .then(|| self.wait(now).unwrap_or(Duration::ZERO))
    }

    /// The code in a form's field, which comes into focus, if the next try is judged by now; until then it stays there.
    pub fn take_code<Id: Copy + PartialEq>(
        &mut self,
        form: &mut Form<Id>,
        field: Id,
        now: Now,
    ) -> Option<Passcode> {
        form.focus(field);
        let code = form.judge_code(field)?;
        if !self.may_try(now) {
            return None;
        }
        form.clear(field);
        Some(code)
    }

    /// Writes what the refusal means, where the sentence is the same on every screen. `rejected` says it for a
    /// wrong password or code.
    pub fn write(
        &self,
        sheet: &mut Sheet,
        context: &Context<'_>,
        rejected: impl FnOnce(&mut Sheet),
    ) {
        let common = &context.text.common;
        match self.refused {
            Some(Refusal::Rejected { .. }) => rejected(sheet),
            Some(Refusal::ClockInDoubt { .. }) => sheet.refusal(&common.clock_in_doubt),
            Some(Refusal::Crowded { .. }) => sheet.refusal(&common.crowded),
            Some(Refusal::Busy) => sheet.refusal(&common.busy),
            Some(Refusal::Unavailable) => sheet.refusal(&common.unavailable),
            Some(Refusal::Away) => sheet.refusal(&common.away),
            Some(Refusal::Unknown) => sheet.refusal(&common.unknown),
            Some(Refusal::Suspended) => sheet.refusal(&common.suspended),
            Some(Refusal::Held) => sheet.refusal(&context.text.passcode.held),
            // What these mean is for the one screen to say that they can come to.
            Some(
                Refusal::Wait(_)
                | Refusal::PhoneClock(_)
                | Refusal::OfficeClock
                | Refusal::FreshPasscodeWanted
                | Refusal::SecurityCode
                | Refusal::ResetVoid(_)
                | Refusal::CurrentRejected { .. }
                | Refusal::CurrentWait(_)
                | Refusal::NewPassword(_)
                | Refusal::RecoveryCodesOff
                | Refusal::PhonesChanged
                | Refusal::Ended,
            )
            | None => {}
        }
        if let Some(left) = self.wait(context.now) {
            let wait = context.text.duration(left);
            let fill = |said| super::text::fill(said, &[("wait", &wait)]);
            match self.is_put_off {
                true => sheet.message_aside(&fill(&common.put_off)),
                false => sheet.refusal(&fill(&common.wait)),
            }
        }
    }

    /// When the countdown changes next.
    pub fn next_tick(&self, now: Now) -> Option<Duration> {
        self.wait(now).map(until_next_second)
    }
}

/// Time until a countdown of `left` shows another second.
fn until_next_second(left: Duration) -> Duration {
    match left.subsec_nanos() {
        0 => Duration::from_secs(1),
        nanos => Duration::from_nanos(u64::from(nanos)),
    }
}

/// Time until the wall clock shows another second.
pub fn next_second(now: Now) -> Duration {
    let nanos = u64::try_from(now.wall.subsec_nanosecond()).unwrap_or(0);
    Duration::from_nanos(1_000_000_000 - nanos.min(999_999_999))
}

/// Writes that something was sent to the terminal's clipboard, and no more than is known of it.
pub fn write_copied(sheet: &mut Sheet, context: &Context<'_>) {
    if context.is_copied {
        sheet.success(&context.text.common.copied);
    }
}

/// Writes that a request is under way, once it has taken long enough to wonder.
pub fn write_working(sheet: &mut Sheet, context: &Context<'_>) {
    if let Some(since) = context.working.filter(|since| *since >= PATIENCE) {
        sheet.working(&context.text.common.working, since);
    }
}
