//! `PENYEDIA` or `NON PENYEDIA`: a User ID belongs to one of them.

use super::STEPS;
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

/// The choice of the user type.
#[derive(Debug)]
pub struct UserTypeScreen {
    form: Form<UserType>,
    /// What somebody who came back has typed: a slip in the type costs no second typing.
    user_id: String,
}

impl UserTypeScreen {
    /// The screen with `user_type` in focus: the first, or that of somebody who comes back with what they typed.
    pub fn new(user_type: UserType, user_id: String) -> Self {
        Self {
            form: Form::new(user_type),
            user_id,
        }
    }
}

impl FormScreen for UserTypeScreen {
    form_of!(UserType);

    fn items(&self, context: &Context<'_>) -> Items<UserType> {
        let kinds = UserType::ALL.map(|kind| items::entry(kind, kind.label()));
        Items::new(kinds).esc(&context.text.key.back)
    }

    fn choose(&mut self, user_type: UserType, _context: &Context<'_>) -> Step {
        Step::Go(Route::UserId {
            user_type,
            user_id: self.user_id.clone(),
        })
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Go(Route::Menu)
    }
}

impl Screen for UserTypeScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.user_type;
        sheet.step_title(&words.title, &context.text.step(1, STEPS));
        sheet.hint(&words.lead);
        sheet.gap();
        let form = self.view(context);
        for kind in UserType::ALL {
            let hint = match kind {
                UserType::Penyedia => &words.penyedia_hint,
                UserType::NonPenyedia => &words.non_penyedia_hint,
            };
            form.write(sheet, kind);
            sheet.aside(hint);
            sheet.gap();
        }
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.user_type
    }

    fn presence(&self) -> Presence {
        match self.user_id.as_str() {
            "" => Presence::Empty,
            _ => Presence::Form,
        }
    }
}
