//! Making recovery codes: offered once when TOTP has just become active, and at home whenever there is need.

use std::time::Duration;

use crate::{
    domain::{
        TimeStep, calendar,
        idle::Presence,
        recovery::{RecoverySet, RecoveryState},
    },
    tui::{
        HomeNotice, HomeView, Now, Request,
        command::Command,
        context::Context,
        screen::{
            Attempt, Left, Refused, Screen, Step, entry::PasscodeEntry, jumped, moved, next_second,
            usual_hints, write_working,
        },
        text::{Text, fill},
        widget::{frame::KeyHint, sheet::Sheet},
    },
};

/// The question whether to make recovery codes, over home or on the way to it.
#[derive(Debug)]
pub struct RecoveryIssueScreen {
    recovery: RecoveryState,
    /// TOTP has become active right before: the home to go to.
    offered: Option<Box<HomeView>>,
    /// A fresh code is wanted.
    entry: Option<PasscodeEntry>,
    focus: Item,
    attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Field,
    Issue,
    /// Home, with nothing made.
    Later,
    LogOut,
}

impl RecoveryIssueScreen {
    /// Whether codes are offered before `view` is shown: TOTP has just become active, and there are none yet.
    pub fn is_offered_to(view: &HomeView) -> bool {
        let activated = view.notice == Some(HomeNotice::TotpActivated);
        activated && view.recovery.is_some_and(|state| state.issued.is_none())
    }

    /// The offer after an activation. It costs nothing and is what everybody is advised to take, so it is in focus.
    pub fn offered(view: Box<HomeView>) -> Self {
        Self {
            focus: Item::Issue,
            ..Self::new(view.recovery, Some(view))
        }
    }

    /// `KODE PEMULIHAN` at home. What costs nothing is in focus: new codes end the old ones.
    pub fn at_home(recovery: Option<RecoveryState>) -> Self {
        Self::new(recovery, None)
    }

    fn new(recovery: Option<RecoveryState>, offered: Option<Box<HomeView>>) -> Self {
        let none = RecoveryState {
            issued: None,
            left: 0,
        };
        Self {
            recovery: recovery.unwrap_or(none),
            offered,
            entry: None,
            focus: Item::Later,
            attempt: Attempt::default(),
        }
    }

    fn items(&self) -> &'static [Item] {
        match (&self.entry, self.offered.is_some()) {
            (None, false) => &[Item::Issue, Item::Later],
            (None, true) => &[Item::Issue, Item::Later, Item::LogOut],
            (Some(_), false) => &[Item::Field, Item::Issue, Item::Later],
            (Some(_), true) => &[Item::Field, Item::Issue, Item::Later, Item::LogOut],
        }
    }

    fn label(&self, item: Item, text: &'static Text) -> &'static str {
        let words = &text.recovery_issue;
        match item {
            Item::Field => "",
            Item::Issue if self.recovery.issued.is_some() => &words.renew,
            Item::Issue => &words.issue,
            Item::Later if self.offered.is_some() => &words.later,
            Item::Later => &text.key.back,
            Item::LogOut => &text.common.logout,
        }
    }

    fn position(&self) -> usize {
        let mut items = self.items().iter();
        items.position(|item| *item == self.focus).unwrap_or(0)
    }

    fn submit(&mut self, now: Now) -> Step {
        let Some(entry) = &mut self.entry else {
            return if self.attempt.wait(now).is_some() {
                Step::Stay
            } else {
                Step::Ask(Request::IssueRecoveryCodes(None))
            };
        };
        self.focus = Item::Field;
        match entry.submit(now) {
            Some(passcode) => Step::Ask(Request::IssueRecoveryCodes(Some(passcode))),
            None => Step::Stay,
        }
    }

    /// Home as it is now: the fresh code may have been refused meanwhile, which home tells.
    fn home(&self) -> Step {
        match &self.offered {
            _ if self.entry.is_some() => Step::Ask(Request::LoadHome),
            Some(view) => Step::GoHome(view.clone()),
            None => Step::Close(Left::Nothing),
        }
    }
}

impl Screen for RecoveryIssueScreen {
    fn typing(&self) -> bool {
        self.focus == Item::Field
    }

    fn is_grave(&self) -> bool {
        matches!(self.focus, Item::Field | Item::Issue)
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items();
        match command {
            Command::Activate => {
                return match self.focus {
                    Item::Field | Item::Issue => self.submit(context.now),
                    Item::Later => self.home(),
                    Item::LogOut => Step::Finish,
                };
            }
            Command::Back => return self.home(),
            Command::Edit(edit) => {
                // The sixth digit does not submit here: ending the old codes wants its own key.
                if self.entry.as_mut().is_some_and(|entry| entry.edit(edit)) {
                    self.focus = Item::Issue;
                }
            }
            Command::Jump(letter) => {
                let labels: Vec<_> = items
                    .iter()
                    .map(|item| self.label(*item, context.text))
                    .collect();
                if let Some(item) = jumped(self.position(), &labels, letter) {
                    self.focus = items[item];
                }
            }
            other => self.focus = items[moved(self.position(), items.len(), other)],
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        if self.entry.as_mut().is_some_and(|entry| entry.paste(text)) {
            self.focus = Item::Issue;
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        if refusal == Refused::FreshPasscodeWanted {
            self.entry = Some(PasscodeEntry::default());
        }
        match &mut self.entry {
            Some(entry) => {
                self.focus = Item::Field;
                entry.refused(refusal, context.now);
            }
            None => self.attempt.refused(refusal, context.now),
        }
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.recovery_issue;
        if self.offered.is_some() {
            sheet.success(&context.text.home.activated);
            sheet.gap();
        }
        sheet.title(&words.title);
        match self.recovery.issued {
            None => sheet.gap(),
            Some(issued) => {
                let zone = context.settings.zone;
                let date = calendar::date_and_minute(issued, zone, &context.text.months);
                let left = self.recovery.left.to_string();
                let of = RecoverySet::ISSUED.to_string();
                let left = fill(&words.left_value, &[("n", &left), ("of", &of)]);
                sheet.gap();
                sheet.pair(&words.left, &left, context.theme.title);
                sheet.pair(&words.issued, &date, context.theme.label);
                sheet.gap();
            }
        }
        if self.entry.is_none() {
            sheet.paragraph(&words.what);
        }
        if self.recovery.issued.is_some() {
            sheet.paragraph(&words.renewal);
        }
        sheet.gap();
        if let Some(entry) = &self.entry {
            sheet.paragraph(&context.text.disable.fresh);
            entry.write_field(sheet, context, self.focus == Item::Field);
            let left = TimeStep::seconds_left(context.now.wall);
            let said = context.text.duration(Duration::from_secs(left));
            entry.write_refusal(sheet, context, |sheet| {
                let rejected = &context.text.enrollment.rejected;
                sheet.error(&fill(rejected, &[("seconds", &said)]));
            });
        } else {
            self.attempt.write(sheet, context, |_| {});
        }
        for item in self.items().iter().filter(|item| **item != Item::Field) {
            sheet.button(self.label(*item, context.text), self.focus == *item);
        }
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let back = self.label(Item::Later, text);
        usual_hints(context, &text.key.choose, Some(back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.recovery_issue
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        let shows_seconds = self.entry.is_some() || self.attempt.last().is_some();
        shows_seconds.then(|| next_second(now))
    }
}
