//! `PENYEDIA` or `NON PENYEDIA`: a User ID belongs to one of them.

use crate::{
    domain::{UserType, idle::Presence},
    tui::{
        command::Command,
        context::Context,
        route::Route,
        screen::{Screen, Step, jumped, moved, usual_hints},
        text::Text,
        widget::{frame::KeyHint, sheet::Sheet},
    },
};

/// The choice of the user type.
#[derive(Debug)]
pub struct UserTypeScreen {
    focus: usize,
}

impl UserTypeScreen {
    /// The screen with `user_type` in focus: the first, or that of somebody who comes back.
    pub fn at(user_type: UserType) -> Self {
        let focus = UserType::ALL.iter().position(|kind| *kind == user_type);
        Self {
            focus: focus.unwrap_or_default(),
        }
    }
}

impl Screen for UserTypeScreen {
    fn command(&mut self, command: Command, _context: &Context<'_>) -> Step {
        match command {
            Command::Activate => {
                return Step::Go(Route::UserId {
                    user_type: UserType::ALL[self.focus],
                    user_id: None,
                });
            }
            Command::Back => return Step::Go(Route::Menu),
            Command::Jump(letter) => {
                let labels = UserType::ALL.map(UserType::label);
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, UserType::ALL.len(), other),
        }
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.user_type;
        sheet.title(&words.title);
        sheet.hint(&words.lead);
        sheet.gap();
        for (item, kind) in UserType::ALL.into_iter().enumerate() {
            let hint = match kind {
                UserType::Penyedia => &words.penyedia_hint,
                UserType::NonPenyedia => &words.non_penyedia_hint,
            };
            sheet.choice(kind.label(), "", self.focus == item);
            sheet.aside(hint);
            sheet.gap();
        }
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let keys = &context.text.key;
        usual_hints(context, &keys.choose, Some(&keys.back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.user_type
    }

    fn presence(&self) -> Presence {
        Presence::Form
    }
}
