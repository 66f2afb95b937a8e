//! Making recovery codes: offered once when TOTP has just become active, and at home whenever there is need.

use std::time::Duration;

use super::notice_words;
use crate::{
    domain::{
        calendar,
        idle::Presence,
        recovery::{RecoverySet, RecoveryState},
    },
    tui::{
        HomeView, Now, Request,
        context::Context,
        screen::{
            FormScreen, Left, Refusal, Screen, Step, form_of, fresh_code::FreshCode, write_working,
        },
        text::{Text, fill},
        widget::{
            form::{Change, Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// The question whether to make recovery codes, over home or on the way to it.
#[derive(Debug)]
pub struct RecoveryIssueScreen {
    recovery: RecoveryState,
    /// TOTP has become active right before: the home to go to.
    offered: Option<Box<HomeView>>,
    fresh: FreshCode<Item>,
    form: Form<Item>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Code,
    Issue,
    /// Home, with nothing made.
    Later,
    LogOut,
}

impl RecoveryIssueScreen {
    /// The offer after an activation. It costs nothing and is what everybody is advised to take, so it is in focus.
    pub fn offered(view: Box<HomeView>) -> Self {
        Self {
            form: Form::new(Item::Issue),
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
            fresh: FreshCode::new(Item::Code),
            form: Form::new(Item::Later),
        }
    }

    /// What leads home with nothing made is called.
    fn later(&self, text: &'static Text) -> &'static str {
        match self.offered {
            Some(_) => &text.recovery_issue.later,
            None => &text.key.back,
        }
    }

    /// Home as it is now: the fresh code may have been refused meanwhile, which home tells.
    fn home(&self) -> Step {
        match &self.offered {
            _ if self.fresh.is_wanted() => Step::Ask(Request::LoadHome),
            Some(view) => Step::GoHome(view.clone()),
            None => Step::Close(Left::Nothing),
        }
    }
}

impl FormScreen for RecoveryIssueScreen {
    form_of!(Item, fresh);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let issue = match self.recovery.issued {
            Some(_) => &text.recovery_issue.renew,
            None => &text.recovery_issue.issue,
        };
        let code = self.fresh.item(text);
        let offered = self.offered.as_ref();
        let items = [
            code.map(|item| item.enter(&text.key.choose).grave()),
            Some(items::button(Item::Issue, issue).grave()),
            Some(items::button(Item::Later, self.later(text))),
            offered.map(|_| items::button(Item::LogOut, &text.common.logout).by_enter()),
        ];
        Items::new(items.into_iter().flatten()).esc(self.later(text))
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::Code | Item::Issue => {
                let form = &mut self.form;
                let request = Request::IssueRecoveryCodes;
                self.fresh.ask(form, context.now, request)
            }
            Item::Later => self.home(),
            Item::LogOut => Step::LogOut,
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        self.home()
    }

    fn changed(&mut self, _item: Item, change: Change, _context: &Context<'_>) -> Step {
        // The sixth digit does not submit here: ending the old codes wants its own key.
        if change == Change::Completed {
            self.form.focus(Item::Issue);
        }
        Step::Stay
    }
}

impl Screen for RecoveryIssueScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.fresh.refused(refusal, &mut self.form, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.recovery_issue;
        sheet.step_of(&words.title, self.step(), context.text);
        let notice = self.offered.as_ref().and_then(|view| view.notice);
        if let Some(notice) = notice {
            sheet.success(&notice_words(notice, None, context.text));
        }
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
        if !self.fresh.is_wanted() {
            sheet.paragraph(&words.what);
        }
        if self.recovery.issued.is_some() {
            sheet.paragraph(&words.renewal);
        }
        sheet.gap();
        if self.fresh.is_wanted() {
            sheet.paragraph(&context.text.disable.fresh);
        }
        let form = self.view(context);
        let rejected = &context.text.enrollment.rejected;
        self.fresh.write(sheet, &form, context, rejected);
        form.write_all(sheet, |item| item != Item::Code);
        write_working(sheet, context);
    }

    /// After an activation it is the second of three; at home the first of two, or with a fresh code after it of three.
    fn step(&self) -> Option<(usize, usize)> {
        match self.offered.is_some() || self.fresh.is_wanted() {
            true => Some((2, 3)),
            false => Some((1, 2)),
        }
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.recovery_issue
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.fresh.next_tick(now)
    }
}
