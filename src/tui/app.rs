//! All screens of one terminal: routing, what holds on every screen, and what stands over them.

use std::time::Duration;

use ratatui::Frame;

use super::{
    AppSettings, Effect, Ending, EndingReason, Event, HomeView, Now, Reply, RequestId, Sight,
    command::{self, Command, Global, KeyPress},
    look::Looks,
    screen::{
        Context, PATIENCE, Refused, Screen, Step, activity::ActivityScreen, desk::DeskScreen,
        enrollment::EnrollmentScreen, home::HomeScreen, inbox::InboxScreen, menu::Menu,
        own_password::OwnPasswordScreen, passcode::PasscodeScreen,
        recovery_codes::RecoveryCodesScreen, recovery_issue::RecoveryIssueScreen,
        reset_confirm::ResetConfirmScreen, reset_done::ResetDoneScreen,
        reset_sent::ResetSentScreen,
    },
    text::{Page, fill},
    theme::Theme,
    widget::{
        frame::{self, KeyHint},
        sheet::Sheet,
    },
};
use crate::domain::{AccountKey, idle::Presence, language::Language};

/// The screens of one terminal.
#[derive(Debug)]
pub struct App {
    settings: AppSettings,
    theme: Theme,
    language: Language,
    screen: Box<dyn Screen>,
    /// The screens that `screen` was opened over, the nearest last: each waits as it was left.
    below: Vec<Box<dyn Screen>>,
    looks: Looks,
    overlay: Option<Overlay>,
    /// Monotonic time of an end that comes soon, and why, while people are told of it.
    ending: Option<(Duration, EndingReason)>,
    awaiting: Option<Awaiting>,
    /// A picture was asked for on behalf of the present screen and has not come yet.
    security_code_asked: bool,
    next_request: u64,
    visits: Option<u64>,
}

/// A request under way.
#[derive(Debug)]
struct Awaiting {
    id: RequestId,
    since: Duration,
    /// The account whose password is being checked: what a wanted code will be for.
    claimed: Option<AccountKey>,
}

/// Text over a screen, which waits below unchanged.
#[derive(Debug)]
struct Overlay {
    kind: OverlayKind,
    scroll: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OverlayKind {
    Help,
    Page(Page),
    Reset,
}

impl App {
    pub fn new(settings: AppSettings) -> Self {
        Self {
            theme: Theme::new(settings.terminal),
            language: settings.language,
            screen: Box::new(Menu::default()),
            below: Vec::new(),
            looks: Looks::default(),
            overlay: None,
            ending: None,
            awaiting: None,
            security_code_asked: false,
            next_request: 0,
            visits: None,
            settings,
        }
    }

    /// What is at stake on the screen.
    pub fn presence(&self) -> Presence {
        let used = self.overlay.is_some() || self.language != self.settings.language;
        match self.screen.presence() {
            Presence::Nobody if used => Presence::Reading,
            presence => presence,
        }
    }

    /// A fresh menu, as if nobody had been here.
    pub fn wipe(&mut self) {
        self.begin_anew(Box::new(Menu::default()));
        self.overlay = None;
        self.ending = None;
        self.awaiting = None;
        self.language = self.settings.language;
    }

    /// Changes the model by `event`; returns what is asked of the world.
    pub fn update(&mut self, now: Now, event: Event) -> Vec<Effect> {
        let mut effects = self.change(now, event);
        // Asked once, however many events pass until the picture comes.
        if !self.security_code_asked && self.screen.wants_security_code(now) {
            self.security_code_asked = true;
            effects.push(Effect::NewSecurityCode);
        }
        // The proofs that a look needs are with the request, while one is under way.
        if self.awaiting.is_none() {
            let wanted = self.screen.wants_look();
            if self.looks.want(wanted.is_some(), now.monotonic)
                && let Some(look) = wanted
            {
                let id = self.next_id();
                self.looks.begin(id, look.clone());
                effects.push(Effect::Look(id, look));
            }
        }
        effects
    }

    fn change(&mut self, now: Now, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(press) => self.key(now, press),
            Event::Paste(text) => {
                if self.woken() || self.overlay.is_some() || self.awaiting.is_some() {
                    return Vec::new();
                }
                let step = self.on_screen(now, |screen, context| screen.paste(&text, context));
                self.take(now, step)
            }
            Event::Reply(id, reply) => self.reply(now, id, reply),
            Event::Ending(ending) => {
                self.ending = ending.map(|Ending { left, why }| (now.monotonic + left, why));
                Vec::new()
            }
            Event::LoginEnded => self.login_ended(),
            Event::Visits(visits) => {
                self.visits = Some(visits);
                Vec::new()
            }
            Event::SecurityCode(picture) => {
                self.security_code_asked = false;
                self.screen.security_code(picture, now);
                Vec::new()
            }
            Event::Sight(id, sight) => self.sight(now, id, sight),
            Event::Resize | Event::Tick => Vec::new(),
        }
    }

    fn key(&mut self, now: Now, press: KeyPress) -> Vec<Effect> {
        let global = command::global(press);
        if global == Some(Global::Interrupt) {
            return if self.settings.lent {
                vec![Effect::EndLogin, Effect::Quit]
            } else {
                Vec::new()
            };
        }
        // A key at the warning only says that somebody is here.
        let woken = self.woken();
        if global == Some(Global::Repaint) {
            return vec![Effect::Repaint];
        }
        if woken {
            return Vec::new();
        }
        match global {
            Some(Global::SwitchLanguage) => self.language = self.language.other(),
            Some(Global::Help) => self.show(OverlayKind::Help),
            Some(Global::Page(number)) => self.show(OverlayKind::Page(Page::ALL[number])),
            Some(Global::Interrupt | Global::Repaint) | None => {
                if self.overlay.is_some() {
                    self.scroll_overlay(press);
                } else {
                    return self.command(now, press);
                }
            }
        }
        Vec::new()
    }

    /// Takes the question whether somebody is still here off the screen, if it is there.
    fn woken(&mut self) -> bool {
        let asked = self.ending.take_if(|(_, why)| *why == EndingReason::Idle);
        asked.is_some()
    }

    /// The language that is spoken now.
    pub fn language(&self) -> Language {
        self.language
    }

    fn command(&mut self, now: Now, press: KeyPress) -> Vec<Effect> {
        let Some(command) = command::command(press, self.screen.typing()) else {
            return Vec::new();
        };
        if self.awaiting.is_some() {
            // While a request is under way, the only thing to do is to give it up.
            return if command == Command::Back {
                self.take(now, Step::Finish)
            } else {
                Vec::new()
            };
        }
        let step = self.on_screen(now, |screen, context| screen.command(command, context));
        self.take(now, step)
    }

    /// Does what a screen decided.
    fn take(&mut self, now: Now, step: Step) -> Vec<Effect> {
        match step {
            Step::Stay => Vec::new(),
            Step::GoHome(view) => {
                self.go_home(now, *view);
                Vec::new()
            }
            Step::Go(screen) => {
                self.open_boxed(screen);
                Vec::new()
            }
            Step::Open(screen) => {
                let below = std::mem::replace(&mut self.screen, screen);
                self.below.push(below);
                self.screen_changed();
                Vec::new()
            }
            Step::Close(left) => {
                let Some(screen) = self.below.pop() else {
                    return Vec::new();
                };
                self.open_boxed(screen);
                let step = self.on_screen(now, |screen, context| screen.returned(left, context));
                self.take(now, step)
            }
            Step::Begin(screen) => {
                self.begin_anew(screen);
                vec![Effect::CountVisit]
            }
            Step::Retreat(screen) => {
                self.begin_anew(screen);
                vec![Effect::EndLogin]
            }
            Step::ShowReset => {
                self.show(OverlayKind::Reset);
                Vec::new()
            }
            Step::ShowPage(page) => {
                self.show(OverlayKind::Page(page));
                Vec::new()
            }
            Step::Finish => {
                self.wipe();
                vec![Effect::EndLogin]
            }
            Step::Ask(request) => {
                let id = self.next_id();
                self.awaiting = Some(Awaiting {
                    id,
                    since: now.monotonic,
                    claimed: request.claimed_account(),
                });
                vec![Effect::Request(id, request)]
            }
        }
    }

    fn reply(&mut self, now: Now, id: RequestId, reply: Reply) -> Vec<Effect> {
        let Some(awaiting) = self.awaiting.take_if(|awaiting| awaiting.id == id) else {
            return Vec::new();
        };
        if let Some(refused) = Refused::of(&reply) {
            self.on_screen(now, |screen, context| screen.refused(refused, context));
            return Vec::new();
        }
        match reply {
            Reply::PasscodeWanted { pending, recovery } => {
                if let Some(account) = awaiting.claimed {
                    self.open(PasscodeScreen::new(account, pending, recovery));
                }
            }
            Reply::Enrollment {
                provisioning,
                compulsory,
            } => {
                let screen = EnrollmentScreen::new(provisioning, compulsory, &self.context(now));
                self.open(screen);
            }
            Reply::Home(view) if RecoveryIssueScreen::is_offered_to(&view) => {
                self.open(RecoveryIssueScreen::offered(*view));
            }
            Reply::PasswordDue { account, name } => {
                self.open(OwnPasswordScreen::due(account, name));
            }
            Reply::Activity(view) => self.open(ActivityScreen::new(*view)),
            Reply::Home(view) => self.go_home(now, *view),
            Reply::RecoveryCodes(codes, view) => {
                self.open(RecoveryCodesScreen::new(codes, *view));
            }
            Reply::Ended => {
                self.wipe();
                self.open(Menu::after_ended_login());
                return vec![Effect::EndLogin];
            }
            Reply::Rejected { .. }
            | Reply::Wait(_)
            | Reply::Held
            | Reply::Suspended
            | Reply::Busy
            | Reply::Unavailable
            | Reply::Unknown
            | Reply::FreshPasscodeWanted
            | Reply::SecurityCodeRejected
            | Reply::OwnPasswordRefused(_)
            | Reply::ResetVoid(_) => {}
            Reply::ResetRequested => self.open(ResetSentScreen::default()),
            Reply::ResetFound {
                user_type,
                masked_id,
            } => self.open(ResetConfirmScreen::found(user_type, masked_id)),
            Reply::ResetDone => self.open(ResetDoneScreen::default()),
            Reply::Inbox(letters) => self.open(InboxScreen::new(letters)),
            Reply::Desk(reply) => {
                let step = self.on_screen(now, |screen, context| screen.desk(reply, context));
                return self.take(now, step);
            }
        }
        Vec::new()
    }

    fn sight(&mut self, now: Now, id: RequestId, sight: Sight) -> Vec<Effect> {
        let Some(look) = self.looks.answered(id) else {
            return Vec::new();
        };
        if matches!(sight, Sight::Ended) {
            return self.login_ended();
        }
        self.on_screen(now, |screen, context| screen.sight(look, sight, context));
        Vec::new()
    }

    /// An officer's home is the desk. The home of their own account stands over it, and gives way to what follows
    /// from there.
    fn go_home(&mut self, now: Now, view: HomeView) {
        if view.role.is_officer() && self.below.is_empty() {
            if self.screen.is_desk() {
                self.take(now, Step::Open(Box::new(HomeScreen::new(view))));
            } else {
                self.open(DeskScreen::new(view));
            }
        } else {
            self.open(HomeScreen::new(view));
        }
    }

    /// Puts `screen` in the present one's place.
    fn open(&mut self, screen: impl Screen + 'static) {
        self.open_boxed(Box::new(screen));
    }

    fn open_boxed(&mut self, screen: Box<dyn Screen>) {
        self.screen = screen;
        self.screen_changed();
    }

    /// Opens `screen` with nothing below it, and waits for no look any more: its answer is void with the login.
    fn begin_anew(&mut self, screen: Box<dyn Screen>) {
        self.below.clear();
        self.looks = Looks::default();
        self.open_boxed(screen);
    }

    fn screen_changed(&mut self) {
        self.security_code_asked = false;
        self.looks.leave();
    }

    fn next_id(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        id
    }

    fn login_ended(&mut self) -> Vec<Effect> {
        self.wipe();
        self.screen = Box::new(Menu::after_ended_login());
        vec![Effect::EndLogin]
    }

    fn show(&mut self, kind: OverlayKind) {
        self.overlay = Some(Overlay { kind, scroll: 0 });
    }

    fn scroll_overlay(&mut self, press: KeyPress) {
        let Some(overlay) = &mut self.overlay else {
            return;
        };
        match command::command(press, false) {
            Some(Command::Next) => overlay.scroll = (overlay.scroll + 1).min(200),
            Some(Command::PageDown) => overlay.scroll = (overlay.scroll + 10).min(200),
            Some(Command::Previous) => overlay.scroll = overlay.scroll.saturating_sub(1),
            Some(Command::PageUp) => overlay.scroll = overlay.scroll.saturating_sub(10),
            Some(Command::First) => overlay.scroll = 0,
            Some(Command::Last) => overlay.scroll = 200,
            Some(Command::Back | Command::Activate) => self.overlay = None,
            Some(Command::Jump(_) | Command::Edit(_)) | None => {}
        }
    }

    fn context(&self, now: Now) -> Context<'_> {
        Context {
            settings: &self.settings,
            language: self.language,
            text: self.language.text(),
            theme: &self.theme,
            now,
            visits: self.visits,
            working: self
                .awaiting
                .as_ref()
                .map(|awaiting| now.monotonic.saturating_sub(awaiting.since)),
            looking: self.looks.waiting(now.monotonic),
        }
    }

    /// Runs `change` on the screen, with a context that does not borrow it.
    fn on_screen<T>(
        &mut self,
        now: Now,
        change: impl FnOnce(&mut dyn Screen, &Context<'_>) -> T,
    ) -> T {
        let mut screen = std::mem::replace(&mut self.screen, Box::new(Menu::default()));
        let result = change(screen.as_mut(), &self.context(now));
        self.screen = screen;
        result
    }

    /// How long the screen stays as it is unless something happens.
    pub fn next_tick(&self, now: Now) -> Option<Duration> {
        let second = u64::try_from(now.wall.as_second().rem_euclid(60)).unwrap_or(0);
        let minute = Duration::from_secs(60 - second)
            .saturating_sub(Duration::from_nanos(
                u64::try_from(now.wall.subsec_nanosecond()).unwrap_or(0),
            ))
            .max(Duration::from_millis(1));
        let awaiting = self.awaiting.as_ref();
        let working = awaiting.map(|awaiting| now.monotonic.saturating_sub(awaiting.since));
        let looking = self.looks.waiting(now.monotonic);
        let sign = working.max(looking).map(|since| {
            if since < PATIENCE {
                PATIENCE - since
            } else {
                Duration::from_millis(100)
            }
        });
        let warning = self.ending.map(|_| Duration::from_secs(1));
        let screen = match self.overlay {
            None => self.screen.next_tick(now),
            Some(_) => None,
        };
        [Some(minute), sign, warning, screen]
            .into_iter()
            .flatten()
            .min()
    }

    /// Draws the model.
    pub fn view(&self, frame: &mut Frame<'_>, now: Now) {
        let context = self.context(now);
        match &self.overlay {
            None => self.screen.paint(frame, &context),
            Some(overlay) => self.paint_overlay(overlay, frame, &context),
        }
        if let Some((end, why)) = self.ending {
            let said = context.text.duration(end.saturating_sub(now.monotonic));
            let sentence = |words: &str| fill(words, &[("seconds", &said)]);
            let (idle, ending) = (&context.text.idle, &context.text.ending);
            match why {
                EndingReason::Idle => {
                    let lines = [sentence(&idle.text), String::new(), idle.hint.clone()];
                    frame::paint_dialog(frame, &context, &idle.title, &lines);
                }
                // Whoever is at work finishes it meanwhile, so nothing of the screen is covered but its first row.
                EndingReason::TimeUp => {
                    frame::paint_banner(frame, &context, &sentence(&ending.time_up));
                }
                EndingReason::Closing => {
                    frame::paint_banner(frame, &context, &sentence(&ending.closing));
                }
            }
        }
    }

    fn paint_overlay(&self, overlay: &Overlay, frame: &mut Frame<'_>, context: &Context<'_>) {
        let keys = &context.text.key;
        let hints = [
            KeyHint::new("Esc", &keys.close),
            KeyHint::new(self.theme.arrows, &keys.scroll),
            KeyHint::new("F2", &keys.language),
        ];
        let area = frame::paint(frame, context, &hints);
        let mut sheet = Sheet::new(context.theme, area.width);
        match overlay.kind {
            OverlayKind::Help => {
                sheet.title(&context.text.help.title);
                sheet.gap();
                sheet.paragraph(self.screen.help(context.text));
                sheet.gap();
                sheet.paragraph(&context.text.help.keys);
            }
            OverlayKind::Page(page) => {
                sheet.title(page.title(context.text));
                sheet.gap();
                sheet.paragraph(context.language.page(page));
            }
            OverlayKind::Reset => {
                sheet.title(&context.text.reset.title);
                sheet.gap();
                sheet.paragraph(&context.text.reset.text);
            }
        }
        sheet.paint(frame, area, overlay.scroll);
    }
}
