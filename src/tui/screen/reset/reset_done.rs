//! The end of a reset: TOTP is off, and how to go on.

use crate::{
    domain::{UserType, idle::Presence},
    tui::{
        context::Context,
        route::Route,
        screen::{FormScreen, Screen, Step, form_of},
        text::Text,
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
        },
    },
};

/// The result of a reset.
#[derive(Debug)]
pub struct ResetDoneScreen {
    /// Of the account that it is about, if that is known.
    user_type: Option<UserType>,
    form: Form<Act>,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Login,
    Finish,
}

impl ResetDoneScreen {
    pub fn new(user_type: Option<UserType>) -> Self {
        Self {
            user_type,
            form: Form::new(Act::Login),
        }
    }
}

impl FormScreen for ResetDoneScreen {
    form_of!(Act);

    fn items(&self, context: &Context<'_>) -> Items<Act> {
        let text = context.text;
        let items = [
            items::button(Act::Login, &text.menu.login),
            items::button(Act::Finish, &text.common.finish),
        ];
        Items::new(items).esc(&text.common.finish)
    }

    fn choose(&mut self, act: Act, _context: &Context<'_>) -> Step {
        match act {
            Act::Login => {
                let user_id = String::new();
                Step::Retreat(vec![match self.user_type {
                    Some(user_type) => Route::UserId { user_type, user_id },
                    None => Route::UserType {
                        user_type: UserType::ALL[0],
                        user_id,
                    },
                }])
            }
            Act::Finish => Step::Finish,
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Finish
    }
}

impl Screen for ResetDoneScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_done;
        sheet.title(&words.title);
        sheet.success(&words.done);
        sheet.gap();
        for step in [&words.step_1, &words.step_2, &words.step_3] {
            sheet.paragraph(step);
        }
        sheet.gap();
        self.view(context).write_all(sheet, |_| true);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_done
    }

    fn presence(&self) -> Presence {
        Presence::Reading
    }
}
