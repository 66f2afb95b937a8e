//! The first screen: `LOGIN`, the information pages, and in training mode `Kotak Masuk` and the sample accounts.

use crate::{
    domain::{UserType, idle::Presence},
    tui::{
        Request,
        command::Command,
        context::Context,
        route::Route,
        screen::{Attempt, Refused, Screen, Step, jumped, moved, usual_hints, write_working},
        text::{Page, Text},
        widget::{frame::KeyHint, sheet::Sheet},
    },
};

/// The menu; a fresh one is what every visit begins and ends with.
#[derive(Debug, Default)]
pub struct Menu {
    focus: usize,
    /// The login that was under way is no longer valid.
    ended: bool,
    /// Of opening `Kotak Masuk`.
    attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Login,
    /// In training mode.
    Inbox,
    Page(Page),
}

impl Menu {
    /// The menu after a login that ended by itself.
    pub fn after_ended_login() -> Self {
        Self {
            ended: true,
            ..Self::default()
        }
    }

    fn items(context: &Context<'_>) -> Vec<Item> {
        let inbox = context.settings.training.as_ref().map(|_| Item::Inbox);
        let pages = Page::ALL.map(Item::Page);
        [Item::Login]
            .into_iter()
            .chain(inbox)
            .chain(pages)
            .collect()
    }

    fn label(item: Item, text: &'static Text) -> &'static str {
        match item {
            Item::Login => &text.menu.login,
            Item::Inbox => &text.inbox.title,
            Item::Page(page) => page.title(text),
        }
    }
}

impl Screen for Menu {
    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = Self::items(context);
        match command {
            Command::Activate => {
                return match items[self.focus] {
                    Item::Login => Step::Begin(Route::UserType(UserType::ALL[0])),
                    Item::Inbox => Step::Ask(Request::LoadInbox),
                    Item::Page(page) => Step::ShowPage(page),
                };
            }
            Command::Jump(letter) => {
                let labels: Vec<_> = items
                    .iter()
                    .map(|item| Self::label(*item, context.text))
                    .collect();
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, items.len(), other),
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let menu = &context.text.menu;
        sheet.title(&menu.title);
        sheet.hint(&menu.lead);
        if self.ended {
            sheet.error(&context.text.common.ended);
        } else {
            sheet.gap();
        }
        for (number, item) in Self::items(context).into_iter().enumerate() {
            sheet.choice(Self::label(item, context.text), "", self.focus == number);
        }
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

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let keys = &context.text.key;
        let mut hints = usual_hints(context, &keys.choose, None);
        if context.settings.is_guest {
            hints.push(KeyHint::new("Ctrl-C", &keys.leave));
        }
        hints
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
