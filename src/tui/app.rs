//! All screens of one terminal: routing, what holds on every screen, and what stands over them.

use std::time::Duration;

use ratatui::Frame;
use zeroize::Zeroizing;

use super::{
    AppSettings, Effect, Ending, EndingReason, Event, HomeView, LookupReply, Now, Reply, RequestId,
    SampleAccount,
    attention::{Attention, Stakes, Unread},
    command::{self, Command, Global, KeyPress},
    context::{Context, PATIENCE},
    lookup::Lookups,
    route::{Farewell, Route},
    screen::{
        Screen, Step,
        desk::{
            DeskScreen, account_card::AccountCardScreen, desk_act::DeskActScreen,
            desk_audit::DeskAuditScreen, desk_outbox::DeskOutboxScreen,
            desk_policy::DeskPolicyScreen, one_time_password::OneTimePasswordScreen,
        },
        home::{
            HomeScreen, activity::ActivityScreen, add_phone::AddPhoneScreen,
            disable::DisableScreen, enrollment::EnrollmentScreen, own_password::OwnPasswordScreen,
            phones::PhonesScreen, recovery_codes::RecoveryCodesScreen,
            recovery_issue::RecoveryIssueScreen,
        },
        login::{
            menu::Menu, passcode::PasscodeScreen, password::PasswordScreen,
            recovery::RecoveryScreen, two_codes::TwoCodesScreen, user_id::UserIdScreen,
            user_type::UserTypeScreen,
        },
        reset::{
            inbox::InboxScreen, reset_confirm::ResetConfirmScreen, reset_done::ResetDoneScreen,
            reset_request::ResetRequestScreen, reset_sent::ResetSentScreen,
        },
    },
    text::{Page, fill, harmless},
    theme::Theme,
    training_walk::TrainingWalk,
    typed_ahead::{Typed, TypedAhead},
    widget::{
        form::items::unread_hint,
        frame::{self, KeyHint},
        outline::Part,
        panel::Panel,
        sheet::{self, Sheet},
    },
};
use crate::domain::{
    AccountKey, Refusal,
    idle::{Presence, Reason},
    language::Language,
};

/// The screens of one terminal.
#[derive(Debug)]
pub struct App {
    settings: AppSettings,
    theme: Theme,
    language: Language,
    screen: Box<dyn Screen>,
    /// The screens that `screen` was opened over, the nearest last: each waits as it was left.
    below: Vec<Box<dyn Screen>>,
    lookups: Lookups,
    overlay: Option<Overlay>,
    /// An end that comes soon, while people are told of it.
    ending: Option<Told>,
    awaiting: Option<Awaiting>,
    attention: Attention,
    /// The last key came too early, and until when (monotonic time) that is said.
    unread: Option<(Unread, Duration)>,
    /// The last key has sent something to the terminal's clipboard.
    is_copied: bool,
    /// How many times another screen has come into the present one's place.
    changes: u64,
    /// A picture was asked for on behalf of the present screen and has not come yet.
    security_code_asked: bool,
    next_request: u64,
    visits: Option<u64>,
    /// In training mode, how far somebody has come with what there is to try.
    walk: Option<TrainingWalk>,
}

/// A request under way.
#[derive(Debug)]
struct Awaiting {
    id: RequestId,
    since: Duration,
    /// The account whose password is being checked: what a wanted code will be for.
    claimed: Option<AccountKey>,
    /// A code is being checked.
    brings_code: bool,
    /// For the field that may come next.
    ahead: TypedAhead,
}

/// An end that comes soon.
#[derive(Debug)]
struct Told {
    /// Monotonic time at which it comes.
    end: Duration,
    why: EndingReason,
    /// Monotonic time since which it stands there.
    since: Duration,
    is_drawn: bool,
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
            theme: Theme::new(settings.terminal, settings.palette),
            language: settings.language,
            screen: Box::new(Menu::default()),
            below: Vec::new(),
            lookups: Lookups::default(),
            overlay: None,
            ending: None,
            awaiting: None,
            attention: Attention::new(settings.reading_time),
            unread: None,
            is_copied: false,
            changes: 0,
            security_code_asked: false,
            next_request: 0,
            visits: None,
            walk: settings.training.as_ref().map(|_| TrainingWalk::default()),
            settings,
        }
    }

    /// The title of the terminal's window, where it may have one.
    pub fn window_title(&self) -> Option<String> {
        let title = || harmless(&self.theme.shown(&self.settings.office));
        let has_title = self.settings.terminal.sequences.title;
        has_title.then(|| format!("{} - lpse-kiosk", title()))
    }

    /// What is at stake on the screen.
    pub fn presence(&self) -> Presence {
        let used = self.overlay.is_some() || self.language != self.settings.language;
        match self.screen.presence() {
            Presence::Nobody if used => Presence::Reading,
            presence => presence,
        }
    }

    /// A fresh menu, as if nobody had been here but for the reason, because a visit's time is over.
    pub fn wipe(&mut self, now: Now, reason: Reason) {
        self.clear(now);
        // Whoever comes next has not been here.
        if let Some(walk) = self.walk.as_mut().filter(|walk| walk.is_over()) {
            *walk = TrainingWalk::default();
        }
        self.go(now, Route::MenuAfter(Farewell::Cleared(reason)));
        self.attention.changed_by_itself(now.monotonic);
    }

    /// The terminal has taken a drawing of the model: from now on it can be read.
    pub fn drawn(&mut self, now: Now) {
        self.attention.drawn(now.monotonic);
        if let Some(told) = &mut self.ending
            && !told.is_drawn
        {
            told.is_drawn = true;
            told.since = now.monotonic;
        }
    }

    fn clear(&mut self, now: Now) {
        self.replace(now, vec![Route::Menu]);
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
        // The proofs that a lookup needs are with the request, while one is under way.
        if self.awaiting.is_none() {
            let wanted = self.screen.wants_lookup();
            if self.lookups.want(wanted.is_some(), now.monotonic)
                && let Some(lookup) = wanted
            {
                let id = self.next_id();
                self.lookups.begin(id, lookup.clone());
                effects.push(Effect::Lookup(id, lookup));
            }
        }
        effects
    }

    fn change(&mut self, now: Now, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(press) => self.key(now, press),
            Event::Paste(text) => self.paste(now, text),
            Event::Reply(id, reply) => self.reply(now, id, reply),
            Event::Ending(ending) => {
                self.ending = ending.map(|Ending { left, why }| Told {
                    end: now.monotonic + left,
                    why,
                    since: now.monotonic,
                    is_drawn: false,
                });
                Vec::new()
            }
            Event::LoginEnded => self.login_ended(now),
            Event::Visits(visits) => {
                self.visits = Some(visits);
                Vec::new()
            }
            Event::SecurityCode(picture) => {
                self.security_code_asked = false;
                if self.screen.security_code(picture, now) {
                    self.attention.changed_by_itself(now.monotonic);
                }
                Vec::new()
            }
            Event::LookupReply(id, reply) => self.lookup_reply(now, id, reply),
            Event::Tick => self.tick(now),
            Event::Resize => Vec::new(),
        }
    }

    /// Sends what was sent too early, when its time has come and somebody sees it.
    fn tick(&mut self, now: Now) -> Vec<Effect> {
        if !self.is_seen() {
            return Vec::new();
        }
        let step = self.on_screen(now, |screen, context| screen.due(context));
        self.take(now, step)
    }

    /// Whether somebody may be taken to look at the screen, with no answer waited for.
    fn is_seen(&self) -> bool {
        let is_asked = |told: &Told| told.why == EndingReason::Idle;
        let is_away = self.ending.as_ref().is_some_and(is_asked);
        self.overlay.is_none() && self.awaiting.is_none() && !is_away
    }

    fn key(&mut self, now: Now, press: KeyPress) -> Vec<Effect> {
        self.unread = None;
        self.is_copied = false;
        let global = command::global(press);
        if global == Some(Global::Interrupt) {
            return if self.settings.is_guest {
                vec![Effect::EndLogin, Effect::Quit]
            } else {
                Vec::new()
            };
        }
        let typing = self.screen.typing(&self.context(now));
        let command = command::command(press, typing);
        let is_text = matches!(command, Some(Command::Edit(_))) && self.overlay.is_none();
        self.attention
            .pressed((!is_text).then_some(press), now.monotonic);
        // A key at the warning only says that somebody is here.
        let woken = self.woken(now, is_text && global.is_none());
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
                    self.scroll_overlay(now, press);
                } else if let Some(command) = command {
                    return self.command(now, press, command);
                }
            }
        }
        Vec::new()
    }

    fn paste(&mut self, now: Now, text: Zeroizing<String>) -> Vec<Effect> {
        self.unread = None;
        self.is_copied = false;
        self.attention.pressed(None, now.monotonic);
        if self.woken(now, self.overlay.is_none()) || self.overlay.is_some() {
            return Vec::new();
        }
        if let Some(awaiting) = &mut self.awaiting {
            awaiting.ahead.push(Typed::Paste(text));
            return Vec::new();
        }
        if !self.attention.takes_text(now.monotonic) {
            self.is_unread(now, Unread::Text);
            return Vec::new();
        }
        self.by_hand(now, |screen, context| screen.paste(&text, context))
    }

    /// Takes the question whether somebody is still here off the screen, if it is there; says whether that is all that
    /// is to be done. Text goes on to the field it was typed for, where that was to be seen all the while, or nobody can have
    /// read the question yet.
    fn woken(&mut self, now: Now, is_text: bool) -> bool {
        let asked = self.ending.take_if(|told| told.why == EndingReason::Idle);
        let Some(Told { since, .. }) = asked else {
            return false;
        };
        self.attention.came_up(now.monotonic);
        let stood_for = now.monotonic.saturating_sub(since);
        let is_beside = self.presence().is_looked_at();
        !(is_text && (is_beside || stood_for < self.settings.reading_time))
    }

    /// The language that is spoken now.
    pub fn language(&self) -> Language {
        self.language
    }

    fn command(&mut self, now: Now, press: KeyPress, command: Command) -> Vec<Effect> {
        if let Some(awaiting) = &mut self.awaiting {
            // While a request is under way, the only thing to do is to give it up.
            if command == Command::Back {
                return self.by_hand(now, |_, _| Step::Finish);
            }
            awaiting.ahead.push(Typed::Key(press));
            return Vec::new();
        }
        let stakes = self.stakes(now);
        if !self.attention.takes(command, stakes, now.monotonic) {
            self.is_unread(now, Unread::of(press, command));
            return Vec::new();
        }
        // A letter moves the focus, or does what is neither grave nor in need of an Enter.
        let moves = command.moves_focus() || matches!(command, Command::Jump(_));
        let changes = self.changes;
        if moves {
            let step = self.on_screen(now, |screen, context| screen.command(command, context));
            let effects = self.take(now, step);
            if self.changes != changes {
                self.attention.changed_by_key(now.monotonic);
            }
            return effects;
        }
        self.by_hand(now, |screen, context| screen.command(command, context))
    }

    /// Says for as long as it takes to read that a key came too early: none vanishes without a sign.
    fn is_unread(&mut self, now: Now, unread: Unread) {
        self.unread = Some((unread, now.monotonic + self.settings.reading_time));
    }

    fn stakes(&self, now: Now) -> Stakes {
        Stakes {
            logged_in: self.screen.presence().is_logged_in(),
            grave: self.screen.is_grave(&self.context(now)),
        }
    }

    /// Does what a person wants of the screen. What Enter would do next is then to be read anew, where it cannot be taken
    /// back: on another screen, or where what was typed has led on to a button.
    fn by_hand(
        &mut self,
        now: Now,
        change: impl FnOnce(&mut dyn Screen, &Context<'_>) -> Step,
    ) -> Vec<Effect> {
        let at = |app: &Self| {
            let (screen, context) = (&app.screen, app.context(now));
            (
                app.changes,
                screen.typing(&context),
                screen.is_grave(&context),
            )
        };
        let before = at(self);
        let step = self.on_screen(now, change);
        let effects = self.take(now, step);
        let after = at(self);
        if before.0 != after.0 || after.2 && before != after {
            self.attention.changed_by_key(now.monotonic);
        }
        effects
    }

    /// Does what a screen decided.
    fn take(&mut self, now: Now, step: Step) -> Vec<Effect> {
        match step {
            Step::Stay => Vec::new(),
            Step::Refused => {
                self.attention.refused(now.monotonic);
                Vec::new()
            }
            Step::GoHome(view) => {
                self.go_home(now, view);
                Vec::new()
            }
            Step::Go(route) => {
                self.go(now, route);
                Vec::new()
            }
            Step::Open(route) => {
                self.open(now, route);
                Vec::new()
            }
            Step::Close(left) => {
                let Some(screen) = self.below.pop() else {
                    return Vec::new();
                };
                self.screen = screen;
                self.screen_changed();
                let step = self.on_screen(now, |screen, context| screen.returned(left, context));
                self.take(now, step)
            }
            Step::Replace(routes) => {
                self.replace(now, routes);
                Vec::new()
            }
            Step::Begin(route) => {
                self.replace(now, vec![route]);
                vec![Effect::CountVisit]
            }
            Step::Retreat(routes) => {
                self.replace(now, routes);
                vec![Effect::EndLogin]
            }
            Step::Copy(text) => {
                self.is_copied = true;
                vec![Effect::Copy(text)]
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
                self.clear(now);
                vec![Effect::EndLogin]
            }
            Step::LogOut => {
                self.clear(now);
                self.go(now, Route::MenuAfter(Farewell::LoggedOut));
                vec![Effect::EndLogin]
            }
            Step::Ask(request) => {
                let id = self.next_id();
                self.awaiting = Some(Awaiting {
                    id,
                    since: now.monotonic,
                    claimed: request.claimed_account(),
                    brings_code: request.brings_code(),
                    ahead: TypedAhead::default(),
                });
                vec![Effect::Request(id, request)]
            }
        }
    }

    fn reply(&mut self, now: Now, id: RequestId, reply: Reply) -> Vec<Effect> {
        let Some(awaiting) = self.awaiting.take_if(|awaiting| awaiting.id == id) else {
            return Vec::new();
        };
        if let Some(walk) = &mut self.walk {
            walk.answered(awaiting.brings_code, &reply);
        }
        if let Reply::Refused(refusal) = reply {
            self.attention.changed_by_itself(now.monotonic);
            if refusal == Refusal::Ended {
                return self.login_ended(now);
            }
            self.on_screen(now, |screen, context| screen.refused(refusal, context));
            return Vec::new();
        }
        // A code follows a password, and a new password a code. Where the new password follows the old one at once, what
        // was typed ahead may have been meant as a code, and the code of a key that was never shown as no other's.
        let is_next = match &reply {
            Reply::PasscodeWanted { .. } => awaiting.claimed.is_some(),
            Reply::PasswordDue { .. } => awaiting.brings_code,
            _ => false,
        };
        if !is_next {
            self.attention.changed_by_itself(now.monotonic);
            return self.lead_on(now, awaiting.claimed, reply);
        }
        self.attention.came_up(now.monotonic);
        let mut effects = self.lead_on(now, awaiting.claimed, reply);
        if self.overlay.is_none() {
            effects.extend(self.arrive(now, &awaiting.ahead));
        }
        effects
    }

    /// Gives the field what was typed ahead for it: text, and the Enter behind it. What would do anything else is dropped
    /// with all behind it; what comes behind a whole code waits for the next answer.
    fn arrive(&mut self, now: Now, ahead: &TypedAhead) -> Vec<Effect> {
        let mut effects = Vec::new();
        for typed in ahead.iter() {
            if let Some(awaiting) = &mut self.awaiting {
                awaiting.ahead.push(typed.clone());
                continue;
            }
            if !self.screen.typing(&self.context(now)) {
                break;
            }
            let step = match typed {
                Typed::Paste(text) => {
                    self.on_screen(now, |screen, context| screen.paste(text, context))
                }
                Typed::Key(press) => match command::command(*press, true) {
                    Some(command @ (Command::Edit(_) | Command::Activate)) => {
                        self.on_screen(now, |screen, context| screen.command(command, context))
                    }
                    _ => break,
                },
            };
            let is_refused = matches!(step, Step::Refused);
            self.attention.answered();
            effects.extend(self.take(now, step));
            if is_refused {
                break;
            }
        }
        effects
    }

    /// To what `reply` leads.
    fn lead_on(&mut self, now: Now, claimed: Option<AccountKey>, reply: Reply) -> Vec<Effect> {
        match reply {
            Reply::PasscodeWanted {
                pending,
                recovery,
                spent_until,
            } => {
                if let Some(account) = claimed {
                    let passcode = Route::Passcode {
                        account,
                        pending,
                        recovery,
                        spent_until,
                        two_codes: false,
                    };
                    self.go(now, passcode);
                }
            }
            Reply::Enrollment {
                provisioning,
                compulsory,
                codes_follow,
            } => {
                self.leave_home();
                let enrollment = Route::Enrollment {
                    provisioning,
                    compulsory,
                    codes_follow,
                    unexpected: claimed.is_some(),
                };
                self.go(now, enrollment);
            }
            Reply::SecondPhone(provisioning) => {
                self.leave_home();
                self.go(now, Route::SecondPhone(provisioning));
            }
            Reply::Home(view) if view.offers_phone() => self.go(now, Route::PhoneOffer(view)),
            Reply::Home(view) if view.offers_codes() => {
                self.go(now, Route::RecoveryOffer(view));
            }
            Reply::PasswordDue { account, name } => {
                self.go(now, Route::OwnPasswordDue { account, name });
            }
            Reply::Activity(view) => {
                self.go(now, Route::Home(view.clone()));
                self.open(now, Route::Activity(view));
            }
            Reply::Home(view) => self.go_home(now, view),
            Reply::RecoveryCodes(codes, view) => {
                self.leave_home();
                let steps = self.screen.step().map(|(_, of)| of);
                self.go(now, Route::RecoveryCodes { codes, view, steps });
            }
            // The screen has said it, and stays.
            Reply::Refused(_) => {}
            // What waits below the forms of a reset is not gone back to any more.
            Reply::ResetRequested => self.replace(now, vec![Route::ResetSent]),
            Reply::ResetFound {
                user_type,
                masked_id,
            } => {
                let question = Route::ResetQuestion {
                    user_type,
                    masked_id,
                };
                self.replace(now, vec![question]);
            }
            Reply::ResetDone => {
                let user_type = self.screen.user_type();
                self.replace(now, vec![Route::ResetDone(user_type)]);
            }
            Reply::Inbox(letters) => self.replace(now, vec![Route::Inbox(letters)]),
            Reply::Desk(reply) => {
                let step = self.on_screen(now, |screen, context| screen.desk(reply, context));
                return self.take(now, step);
            }
        }
        Vec::new()
    }

    fn lookup_reply(&mut self, now: Now, id: RequestId, reply: LookupReply) -> Vec<Effect> {
        let Some(lookup) = self.lookups.answered(id) else {
            return Vec::new();
        };
        if matches!(reply, LookupReply::Ended) {
            return self.login_ended(now);
        }
        if self.on_screen(now, |screen, context| {
            screen.lookup_reply(lookup, reply, context)
        }) {
            // Whoever goes on typing types for what is looked up.
            self.attention.came_up(now.monotonic);
        }
        Vec::new()
    }

    /// An officer's home is the desk. The home of their own account stands over it, and gives way to what follows
    /// from there.
    fn go_home(&mut self, now: Now, view: Box<HomeView>) {
        self.leave_home();
        if view.role.is_officer() && self.below.is_empty() {
            if self.screen.is_desk() {
                self.open(now, Route::Home(view));
            } else {
                self.go(now, Route::Desk(view));
            }
        } else {
            self.go(now, Route::Home(view));
        }
    }

    /// Home waits below no longer, because what it shows is past: only the desk does.
    fn leave_home(&mut self) {
        self.below.retain(|screen| screen.is_desk());
    }

    /// Puts the screen of `route` in the present one's place.
    fn go(&mut self, now: Now, route: Route) {
        self.screen = screen_of(route, &self.context(now));
        self.screen_changed();
    }

    /// Puts the screen of `route` over the present one, which waits below as it is.
    fn open(&mut self, now: Now, route: Route) {
        let screen = screen_of(route, &self.context(now));
        let below = std::mem::replace(&mut self.screen, screen);
        self.below.push(below);
        self.screen_changed();
    }

    /// Puts the screens of `routes` in the place of all, each below the next, and waits for no lookup any more: its answer
    /// is void with the login.
    fn replace(&mut self, now: Now, routes: Vec<Route>) {
        self.below.clear();
        self.lookups = Lookups::default();
        let mut routes = routes.into_iter();
        self.go(now, routes.next().unwrap_or(Route::Menu));
        for route in routes {
            self.open(now, route);
        }
    }

    fn screen_changed(&mut self) {
        self.changes += 1;
        self.security_code_asked = false;
        self.is_copied = false;
        self.lookups.leave();
    }

    fn next_id(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        id
    }

    fn login_ended(&mut self, now: Now) -> Vec<Effect> {
        self.clear(now);
        self.go(now, Route::MenuAfter(Farewell::EndedLogin));
        self.attention.changed_by_itself(now.monotonic);
        vec![Effect::EndLogin]
    }

    fn show(&mut self, kind: OverlayKind) {
        self.overlay = Some(Overlay { kind, scroll: 0 });
    }

    fn scroll_overlay(&mut self, now: Now, press: KeyPress) {
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
            Some(Command::Back | Command::Activate) => {
                self.attention.came_up(now.monotonic);
                self.overlay = None;
            }
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
            unread: self.unread(now).map(|(unread, _)| unread),
            is_copied: self.is_copied,
            looking: self.lookups.waiting(now.monotonic),
        }
    }

    /// The key that came too early, and how much longer that is said.
    fn unread(&self, now: Now) -> Option<(Unread, Duration)> {
        let (unread, until) = self.unread?;
        let left = until.saturating_sub(now.monotonic);
        (!left.is_zero()).then_some((unread, left))
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
        let looking = self.lookups.waiting(now.monotonic);
        let sign = working.max(looking).map(|since| {
            if since < PATIENCE {
                PATIENCE - since
            } else {
                Duration::from_millis(100)
            }
        });
        let warning = self.ending.as_ref().map(|_| Duration::from_secs(1));
        let screen = match self.overlay {
            None => self.screen.next_tick(now),
            Some(_) => None,
        };
        let due = match self.is_seen() {
            true => self.screen.due_in(now),
            false => None,
        };
        let unread = self.unread(now).map(|(_, left)| left);
        [Some(minute), sign, warning, screen, due, unread]
            .into_iter()
            .flatten()
            .min()
    }

    /// Draws the model. Says whether the cursor is to be seen: it always stands at what is in focus, and is seen where
    /// something is typed.
    pub fn view(&self, frame: &mut Frame<'_>, now: Now) -> bool {
        let context = self.context(now);
        let area = frame.area();
        frame.buffer_mut().set_style(area, context.theme.page);
        match &self.overlay {
            None => {
                self.screen.paint(frame, &context);
                if let Some((walk, samples)) = self.walk() {
                    let lines = walk.lines(context.text, samples, context.theme);
                    frame::paint_beside(frame, &context, &lines);
                }
            }
            Some(overlay) => self.paint_overlay(overlay, frame, &context),
        }
        match self.warning(&context) {
            None => {}
            Some((Some(title), text)) => {
                let lines = [text, String::new(), context.text.idle.hint.clone()];
                frame::paint_dialog(frame, &context, title, &lines);
            }
            // Whoever is at work finishes it meanwhile, so nothing of the screen is covered but its first row.
            Some((None, text)) if self.overlay.is_none() => {
                self.screen.paint_banner(frame, &context, &text);
            }
            Some((None, text)) => frame::paint_banner(frame, &context, &text),
        }
        self.overlay.is_none() && self.screen.typing(&context)
    }

    /// The walk of training mode, and the accounts that it is about.
    fn walk(&self) -> Option<(&TrainingWalk, &[SampleAccount])> {
        let samples = self.settings.training.as_deref()?;
        Some((self.walk.as_ref()?, samples))
    }

    /// What is said of an end that comes soon; with a title where it asks for a key.
    fn warning(&self, context: &Context<'_>) -> Option<(Option<&'static str>, String)> {
        let Told { end, why, .. } = self.ending.as_ref()?;
        let left = end.saturating_sub(context.now.monotonic);
        let said = context.text.duration(left);
        let (idle, ending) = (&context.text.idle, &context.text.ending);
        let (title, words) = match why {
            // It would cover what is being read or copied without a key.
            EndingReason::Idle if self.presence().is_looked_at() => (None, &idle.beside),
            EndingReason::Idle => (Some(idle.title.as_str()), &idle.text),
            EndingReason::TimeUp => (None, &ending.time_up),
            EndingReason::Closing => (None, &ending.closing),
        };
        Some((title, fill(words, &[("seconds", &said)])))
    }

    /// What stands on the terminal, in reading order: what [`App::view`] draws, for whoever does not see it.
    pub fn outline(&self, now: Now) -> Vec<Part> {
        let context = self.context(now);
        let mut outline = Vec::new();
        if let Some((title, text)) = self.warning(&context) {
            let hint = title.map(|_| Part::Text(context.text.idle.hint.clone()));
            outline.extend(title.map(|title| Part::Heading(title.to_owned())));
            outline.push(Part::Text(text));
            outline.extend(hint);
        }
        if let Some(unread) = context.unread {
            let KeyHint { key, does } = unread_hint(unread, &context.text.key);
            outline.push(Part::Text(format!("{key}: {does}")));
        }
        outline.extend(match &self.overlay {
            None => {
                let mut parts = self.screen.outline(&context);
                if let Some((walk, samples)) = self.walk() {
                    let words = walk.words(context.text, samples);
                    parts.extend(words.into_iter().map(Part::Text));
                }
                parts
            }
            Some(overlay) => Sheet::outline(context.theme, |sheet| {
                self.write_overlay(overlay.kind, sheet, &context);
            }),
        });
        outline
    }

    fn paint_overlay(&self, overlay: &Overlay, frame: &mut Frame<'_>, context: &Context<'_>) {
        let keys = &context.text.key;
        let hints = [
            KeyHint::new("Esc", &keys.close),
            KeyHint::new(self.theme.arrows, &keys.scroll),
            KeyHint::new("F2", &keys.language),
        ];
        let body = frame::paint(frame, context, &hints);
        let panel = Panel::new(body, sheet::WIDTH);
        let mut sheet = panel.sheet(context.theme);
        self.write_overlay(overlay.kind, &mut sheet, context);
        sheet.turned(overlay.scroll);
        panel.paint(frame, context, sheet);
    }

    fn write_overlay(&self, kind: OverlayKind, sheet: &mut Sheet, context: &Context<'_>) {
        match kind {
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
    }
}

/// What `route` leads to.
fn screen_of(route: Route, context: &Context<'_>) -> Box<dyn Screen> {
    match route {
        Route::Menu => Box::new(Menu::default()),
        Route::MenuAfter(farewell) => Box::new(Menu::after(farewell, context.now)),
        Route::UserType { user_type, user_id } => Box::new(UserTypeScreen::new(user_type, user_id)),
        Route::UserId { user_type, user_id } => Box::new(UserIdScreen::new(user_type, &user_id)),
        Route::Password { user_type, user_id } => Box::new(PasswordScreen::new(user_type, user_id)),
        Route::Passcode {
            account,
            pending,
            recovery,
            spent_until,
            two_codes,
        } => {
            let screen = PasscodeScreen::new(account, pending, recovery).spent_until(spent_until);
            Box::new(screen.with_two_codes(two_codes))
        }
        Route::TwoCodes { account, recovery } => Box::new(TwoCodesScreen::new(account, recovery)),
        Route::Recovery { account, two_codes } => Box::new(RecoveryScreen::new(account, two_codes)),
        Route::ResetRequest { user_type, user_id } => {
            Box::new(ResetRequestScreen::new(user_type, &user_id))
        }
        Route::ResetSent => Box::new(ResetSentScreen::default()),
        Route::ResetConfirm { over, code } => Box::new(match code {
            Some(code) => ResetConfirmScreen::with_code(over, &code),
            None => ResetConfirmScreen::new(over),
        }),
        Route::ResetQuestion {
            user_type,
            masked_id,
        } => Box::new(ResetConfirmScreen::found(user_type, masked_id)),
        Route::ResetDone(user_type) => Box::new(ResetDoneScreen::new(user_type)),
        Route::Inbox(letters) => Box::new(InboxScreen::new(letters)),
        Route::Home(view) => Box::new(HomeScreen::new(*view)),
        Route::Activity(view) => Box::new(ActivityScreen::new(*view)),
        Route::Disable { account, policy } => Box::new(DisableScreen::new(account, policy)),
        Route::Enrollment {
            provisioning,
            compulsory,
            codes_follow,
            unexpected,
        } => Box::new(
            EnrollmentScreen::new(provisioning, compulsory, context)
                .because(unexpected)
                .before_codes(codes_follow),
        ),
        Route::SecondPhone(provisioning) => {
            Box::new(EnrollmentScreen::new(provisioning, false, context).for_second_phone())
        }
        Route::AddPhone(phones) => Box::new(AddPhoneScreen::at_home(phones)),
        Route::PhoneOffer(view) => Box::new(AddPhoneScreen::offered(view)),
        Route::Phones { account, phones } => Box::new(PhonesScreen::new(account, phones)),
        Route::RemovePhone { account, phone } => Box::new(DisableScreen::of_phone(account, phone)),
        Route::OwnPassword { account, name } => Box::new(OwnPasswordScreen::at_home(account, name)),
        Route::OwnPasswordDue { account, name } => Box::new(OwnPasswordScreen::due(account, name)),
        Route::RecoveryIssue(recovery) => Box::new(RecoveryIssueScreen::at_home(recovery)),
        Route::RecoveryOffer(view) => Box::new(RecoveryIssueScreen::offered(view)),
        Route::RecoveryCodes { codes, view, steps } => {
            Box::new(RecoveryCodesScreen::new(codes, *view, steps))
        }
        Route::Desk(view) => Box::new(DeskScreen::new(*view)),
        Route::AccountCard(card) => Box::new(AccountCardScreen::new(*card, context.now)),
        Route::DeskAct(draft) => Box::new(DeskActScreen::new(draft)),
        Route::DeskPolicy(rules) => Box::new(DeskPolicyScreen::new(rules)),
        Route::DeskOutbox(letters) => Box::new(DeskOutboxScreen::new(letters)),
        Route::DeskAudit(records) => Box::new(DeskAuditScreen::new(records)),
        Route::OneTimePassword {
            account,
            name,
            password,
        } => Box::new(OneTimePasswordScreen::new(account, name, password)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            Policy, Secret, UserId, UserType,
            account::{Role, TotpState},
            calendar::Zone,
            identity::PersonName,
            palette::Palette,
            policy::LoginRules,
            provisioning::{Issuer, Provisioning},
        },
        tui::{
            DeskReply, Request,
            command::Key,
            theme::{Colours, Glyphs, Terminal},
        },
    };

    const NOW: Now = Now {
        wall: jiff::Timestamp::UNIX_EPOCH,
        monotonic: Duration::from_secs(100),
    };

    fn fresh() -> App {
        App::new(AppSettings {
            office: "LPSE Kota Contoh".into(),
            banner: None,
            session: "loket-1".into(),
            training: None,
            zone: Zone::Wib,
            version: "0.1.0".into(),
            language: Language::Id,
            is_guest: false,
            reset_by_mail: true,
            reset_link_holds: Duration::from_secs(30 * 60),
            reading_time: Duration::ZERO,
            terminal: Terminal {
                glyphs: Glyphs::Unicode,
                colours: Colours::Ansi256,
                no_color: false,
                sequences: Default::default(),
            },
            palette: Some(Palette::DARK),
        })
    }

    fn account() -> AccountKey {
        AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
    }

    fn home(role: Role) -> Box<HomeView> {
        Box::new(HomeView {
            account: account(),
            name: PersonName::parse("Siti Rahmawati").unwrap(),
            role,
            totp: TotpState::Active { since: NOW.wall },
            phones: Vec::new(),
            policy: Policy::Enabled,
            recovery: None,
            last_login: None,
            activity: Vec::new(),
            notice: None,
            clock: None,
        })
    }

    /// Presses keys: a newline is Enter, a tab Tab, `<` Esc. Returns what they ask of the world.
    fn press(app: &mut App, keys: &str) -> Vec<Effect> {
        let presses = keys.chars().map(|key| match key {
            '\n' => Key::Enter,
            '\t' => Key::Tab,
            '<' => Key::Esc,
            key => Key::Char(key),
        });
        presses
            .flat_map(|key| app.update(NOW, Event::Key(key.into())))
            .collect()
    }

    /// Presses keys that ask for something, and answers it.
    fn ask(app: &mut App, keys: &str, reply: Reply) -> Vec<Effect> {
        let asked = press(app, keys);
        let id = asked.iter().find_map(|effect| match effect {
            Effect::Request(id, _) => Some(*id),
            _ => None,
        });
        app.update(NOW, Event::Reply(id.unwrap(), reply))
    }

    fn logged_in(role: Role) -> App {
        let mut app = fresh();
        press(&mut app, "\n\t\nPPK30\n");
        ask(&mut app, "a password\n", Reply::Home(home(role)));
        assert_eq!(app.presence(), Presence::LoggedIn);
        app
    }

    /// The form before an act at the desk, a reason typed into it.
    fn at_an_act() -> App {
        let mut app = logged_in(Role::Officer);
        let rules = Reply::Desk(DeskReply::Rules(LoginRules::default()));
        ask(&mut app, "\t\n", rules);
        press(&mut app, "\t \t \t\na reason\n");
        assert_eq!(app.below.len(), 2);
        app
    }

    /// The form for a letter's code, over the form for a letter, over the User ID.
    fn at_a_letters_code() -> App {
        let mut app = fresh();
        press(&mut app, "\n\t\nPPK30\t\t\n");
        press(&mut app, "\t\t\t\t\t\n3467");
        assert_eq!(app.below.len(), 2);
        app
    }

    /// Nothing waits, and nobody is logged in.
    fn assert_nothing_waits(app: &App, way: &str) {
        assert!(app.below.is_empty(), "{way}: {:?}", app.below);
        assert_ne!(app.presence(), Presence::LoggedIn, "{way}");
    }

    #[test]
    fn after_every_way_out_no_screen_waits() {
        for (place, begin) in [
            ("act", at_an_act as fn() -> App),
            ("letter's code", at_a_letters_code),
        ] {
            let mut app = begin();
            app.wipe(NOW, Reason::Idle);
            assert_nothing_waits(&app, &format!("{place}: idle"));
            let mut app = begin();
            app.update(NOW, Event::LoginEnded);
            assert_nothing_waits(&app, &format!("{place}: a login that ended"));
        }
        // A request that is given up.
        let mut app = at_an_act();
        let asked = press(&mut app, "\n");
        assert!(matches!(asked[..], [Effect::Request(_, Request::Desk(_))]));
        press(&mut app, "<");
        assert_nothing_waits(&app, "giving up");
        let mut app = at_an_act();
        ask(&mut app, "\n", Reply::Refused(Refusal::Ended));
        assert_nothing_waits(&app, "an answer that ends the login");
        // `LOGOUT`, at the desk and at the home over it.
        let mut app = at_an_act();
        let ended = press(&mut app, "<<<<\n");
        assert!(matches!(ended[..], [Effect::EndLogin]), "{ended:?}");
        assert_nothing_waits(&app, "logging out at the desk");
        let mut app = logged_in(Role::Officer);
        ask(&mut app, "\t\t\t\t\n", Reply::Home(home(Role::Officer)));
        assert_eq!(app.below.len(), 1);
        press(&mut app, "\t\t\t\t\t\n");
        assert_nothing_waits(&app, "logging out at an officer's own home");
        // Back to before any proof: what waits was never secret.
        let mut app = fresh();
        press(&mut app, "\n\t\nPPK30\n");
        let wanted = Reply::PasscodeWanted {
            pending: false,
            recovery: false,
            spent_until: None,
        };
        ask(&mut app, "a password\n", wanted);
        press(&mut app, "\t\t\n");
        assert_eq!(app.below.len(), 1);
        assert_eq!(app.below[0].presence(), Presence::Form);
        press(&mut app, "<<");
        assert_nothing_waits(&app, "back from the form for a letter");
    }

    /// Home as it was before an act does not wait below what follows the act.
    #[test]
    fn an_act_at_home_leaves_no_home_behind() {
        for (role, waiting) in [(Role::User, 0), (Role::Officer, 1)] {
            let at_disable = || {
                let mut app = logged_in(role);
                if role.is_officer() {
                    ask(&mut app, "\t\t\t\t\n", Reply::Home(home(role)));
                }
                press(&mut app, "d\n");
                assert_eq!(app.below.len(), waiting + 1);
                app
            };
            let mut app = at_disable();
            ask(&mut app, "<\t\n", Reply::Activity(home(role)));
            assert_eq!(app.below.len(), waiting + 1);
            press(&mut app, "<");
            assert_eq!(app.below.len(), waiting);
            let mut app = at_disable();
            ask(&mut app, "\t\n", Reply::Home(home(role)));
            assert_eq!(app.below.len(), waiting);
            let mut app = at_disable();
            let secret = Secret::from_bytes(*b"12345678901234567890");
            let key = Provisioning::new(&Issuer::default(), &account().user_id, &secret);
            let enrollment = Reply::Enrollment {
                provisioning: key,
                compulsory: true,
                codes_follow: false,
            };
            ask(&mut app, "\t\n", enrollment);
            assert_eq!(app.below.len(), waiting);
        }
    }

    #[test]
    fn a_reset_leaves_the_forms_below_behind() {
        let question = || Reply::ResetFound {
            user_type: UserType::NonPenyedia,
            masked_id: "P***0".into(),
        };
        let mut app = at_a_letters_code();
        press(&mut app, "<");
        assert_eq!(app.below.len(), 1);
        press(&mut app, "<");
        assert_nothing_waits(&app, "back to the User ID");
        let mut app = at_a_letters_code();
        ask(&mut app, "-9acd-efgh-jkmn\n", question());
        assert!(app.below.is_empty());
        press(&mut app, "<");
        assert_nothing_waits(&app, "the question is cancelled");
    }
}
