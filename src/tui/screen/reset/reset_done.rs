//! The end of a reset: TOTP is off, and how to go on.

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

const LOGIN: usize = 0;
const ITEMS: usize = 2;

/// The result of a reset.
#[derive(Debug, Default)]
pub struct ResetDoneScreen {
    focus: usize,
}

impl Screen for ResetDoneScreen {
    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate if self.focus == LOGIN => {
                return Step::Retreat(vec![Route::UserType(UserType::ALL[0])]);
            }
            Command::Activate | Command::Back => return Step::Finish,
            Command::Jump(letter) => {
                let labels = [
                    context.text.menu.login.as_str(),
                    &context.text.common.finish,
                ];
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, ITEMS, other),
        }
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_done;
        sheet.title(&words.title);
        sheet.success(&words.done);
        sheet.gap();
        for step in [&words.step_1, &words.step_2, &words.step_3] {
            sheet.paragraph(step);
        }
        sheet.gap();
        sheet.button(&context.text.menu.login, self.focus == LOGIN);
        sheet.button(&context.text.common.finish, self.focus != LOGIN);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.key.choose, Some(&text.common.finish))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_done
    }

    fn presence(&self) -> Presence {
        Presence::Reading
    }
}
