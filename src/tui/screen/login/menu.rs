//! The first screen: `LOGIN`, the information pages, and in training mode `Kotak Masuk` and the sample accounts.

use std::time::Duration;

use crate::{
    domain::{
        UserType,
        idle::{Presence, Reason},
    },
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        route::{Farewell, Route},
        screen::{Attempt, FormScreen, Refusal, Screen, Step, form_of, write_working},
        text::{Page, Text},
        widget::{
            form::{Form, Items, items},
            frame::KeyHint,
            sheet::Sheet,
        },
    },
};

/// How long the menu says why it is there: whoever was at work comes back by then, or not at all.
const FAREWELL: Duration = Duration::from_secs(60);

/// The menu; a fresh one is what every visit begins and ends with.
#[derive(Debug)]
pub struct Menu {
    form: Form<Item>,
    /// Why it is there, until a key is pressed or (monotonic time) it has been said long enough.
    farewell: Option<(Farewell, Duration)>,
    /// Of opening `Kotak Masuk`.
    attempt: Attempt,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Login,
    /// In training mode.
    Inbox,
    Page(Page),
}

impl Default for Menu {
    fn default() -> Self {
        Self {
            form: Form::new(Item::Login),
            farewell: None,
            attempt: Attempt::default(),
        }
    }
}

impl Menu {
    /// The menu, which says why it is there.
    pub fn after(farewell: Farewell, now: Now) -> Self {
        Self {
            farewell: Some((farewell, now.monotonic + FAREWELL)),
            ..Self::default()
        }
    }

    /// What is said of why it is there, and how much longer.
    fn farewell(&self, now: Now) -> Option<(Farewell, Duration)> {
        let (farewell, until) = self.farewell?;
        let left = until.saturating_sub(now.monotonic);
        (!left.is_zero()).then_some((farewell, left))
    }
}

impl FormScreen for Menu {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let text = context.text;
        let entry = |item, label| Some(items::entry(item, label));
        let is_training = context.settings.training.is_some();
        let inbox = is_training.then(|| items::entry(Item::Inbox, &text.inbox.title));
        let pages = Page::ALL.map(|page| entry(Item::Page(page), page.title(text)));
        let entries = [entry(Item::Login, &text.menu.login), inbox];
        let leave = || KeyHint::new("Ctrl-C", &text.key.leave);
        Items::new(entries.into_iter().chain(pages).flatten())
            .further(usize::MAX, context.settings.is_guest.then(leave))
    }

    fn before(&mut self, _command: Command, _context: &Context<'_>) -> Option<Step> {
        self.farewell = None;
        None
    }

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        match item {
            Item::Login => Step::Begin(Route::UserType {
                user_type: UserType::ALL[0],
                user_id: String::new(),
            }),
            Item::Inbox => Step::Ask(Request::LoadInbox),
            Item::Page(page) => Step::ShowPage(page),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Stay
    }
}

impl Screen for Menu {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let menu = &context.text.menu;
        sheet.title(&menu.title);
        sheet.hint(&menu.lead);
        if let Some(banner) = &context.settings.banner {
            sheet.gap();
            sheet.paragraph(banner);
        }
        let farewell = self.farewell(context.now).map(|(farewell, _)| farewell);
        match farewell {
            None => {}
            Some(Farewell::EndedLogin) => sheet.refusal(&context.text.common.ended),
            Some(Farewell::LoggedOut) => sheet.success(&menu.logged_out),
            Some(Farewell::Cleared(Reason::Idle)) => sheet.message_aside(&menu.cleared),
            Some(Farewell::Cleared(Reason::TimeUp)) => sheet.message_aside(&menu.time_up),
        }
        sheet.gap();
        self.view(context).write_all(sheet, |_| true);
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
        if let Some(samples) = &context.settings.training {
            sheet.gap();
            sheet.title(&menu.samples);
            sheet.hint(&menu.sample_hint);
            for sample in samples {
                let id = format!("{:<10}{}", sample.user_id, sample.password);
                sheet.pair(sample.user_type.label(), &id, context.theme.label);
            }
        }
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.menu
    }

    fn presence(&self) -> Presence {
        match self.attempt.last() {
            Some(_) => Presence::Form,
            None => Presence::Nobody,
        }
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.farewell(now).map(|(_, left)| left)
    }
}
