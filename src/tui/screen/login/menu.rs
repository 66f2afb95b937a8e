//! The first screen: `LOGIN`, the information pages, and in training mode `Kotak Masuk` and the sample accounts.

use crate::{
    domain::{UserType, idle::Presence},
    tui::{
        Request,
        context::Context,
        route::Route,
        screen::{Attempt, FormScreen, Refusal, Screen, Step, form_of, write_working},
        text::{Page, Text},
        widget::{
            form::{Form, Items, items},
            frame::KeyHint,
            sheet::Sheet,
        },
    },
};

/// The menu; a fresh one is what every visit begins and ends with.
#[derive(Debug)]
pub struct Menu {
    form: Form<Item>,
    /// The login that was under way is no longer valid.
    ended: bool,
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
            ended: false,
            attempt: Attempt::default(),
        }
    }
}

impl Menu {
    /// The menu after a login that ended by itself.
    pub fn after_ended_login() -> Self {
        Self {
            ended: true,
            ..Self::default()
        }
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

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        match item {
            Item::Login => Step::Begin(Route::UserType(UserType::ALL[0])),
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
        if self.ended {
            sheet.refusal(&context.text.common.ended);
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
        if self.ended || self.attempt.last().is_some() {
            Presence::Form
        } else {
            Presence::Nobody
        }
    }
}
