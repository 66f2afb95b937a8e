//! The first screen: `LOGIN`, the information pages, and in training mode the sample accounts.

use super::{Context, Screen, Step, jumped, moved, user_type::UserTypeScreen, usual_hints};
use crate::{
    domain::idle::Presence,
    tui::{
        command::Command,
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
}

impl Menu {
    /// The menu after a login that ended by itself.
    pub fn after_ended_login() -> Self {
        Self {
            ended: true,
            ..Self::default()
        }
    }

    fn labels(text: &'static Text) -> [&'static str; 4] {
        let [about, integrity, terms] = Page::ALL.map(|page| page.title(text));
        [&text.menu.login, about, integrity, terms]
    }
}

impl Screen for Menu {
    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let labels = Self::labels(context.text);
        match command {
            Command::Activate => match self.focus.checked_sub(1) {
                None => return Step::Begin(Box::new(UserTypeScreen::default())),
                Some(page) => return Step::ShowPage(Page::ALL[page]),
            },
            Command::Jump(letter) => {
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, labels.len(), other),
        }
        Step::Stay
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
        for (item, label) in Self::labels(context.text).into_iter().enumerate() {
            sheet.choice(label, "", self.focus == item);
        }
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
        if context.settings.leaves_on_interrupt {
            hints.push(KeyHint::new("Ctrl-C", &keys.leave));
        }
        hints
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.menu
    }

    fn presence(&self) -> Presence {
        if self.ended {
            Presence::Form
        } else {
            Presence::Nobody
        }
    }
}
