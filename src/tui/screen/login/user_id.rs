//! The User ID. An unknown one goes on to the password like a known one.

use super::STEPS;
use crate::{
    domain::{UserId, UserType, identity::UserIdError, idle::Presence},
    tui::{
        context::Context,
        route::Route,
        screen::{FormScreen, Screen, Step, form_of},
        text::Text,
        widget::{
            form::{Form, Items, Sentence, items},
            sheet::Sheet,
        },
    },
};

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    UserId,
    Login,
    Reset,
}

/// Characters that the field takes: room for a whole ID with a slip or two to correct.
pub const LIMIT: usize = UserId::MAX_LENGTH + 8;

/// The form for the User ID.
#[derive(Debug)]
pub struct UserIdScreen {
    user_type: UserType,
    form: Form<Item>,
}

impl UserIdScreen {
    /// The form with what somebody who comes back has typed.
    pub fn new(user_type: UserType, user_id: &str) -> Self {
        Self {
            user_type,
            form: Form::new(Item::UserId).text(Item::UserId, LIMIT, user_id),
        }
    }

    fn submit(&mut self) -> Step {
        match UserId::parse(self.form.value(Item::UserId)) {
            Ok(user_id) => Step::Go(Route::Password {
                user_type: self.user_type,
                user_id,
            }),
            Err(error) => {
                self.form.refuse(Item::UserId, user_id_words(error));
                match error {
                    // Nothing was sent: a second press of the Enter that led here.
                    UserIdError::Empty => Step::Stay,
                    // A password that was typed behind it must not show up in this field.
                    UserIdError::Length | UserIdError::Characters => Step::Refused,
                }
            }
        }
    }

    /// The form for a reset, with what was typed carried along; this screen waits below it as it is.
    fn reset(&self, context: &Context<'_>) -> Step {
        if !context.settings.reset_by_mail {
            return Step::ShowReset;
        }
        Step::Open(Route::ResetRequest {
            user_type: self.user_type,
            user_id: self.form.value(Item::UserId).to_owned(),
        })
    }
}

/// What is wrong with what was typed as a User ID.
pub fn user_id_words(error: UserIdError) -> Sentence {
    match error {
        UserIdError::Empty => |text| text.user_id.empty.clone(),
        UserIdError::Length => |text| text.user_id.length.clone(),
        UserIdError::Characters => |text| text.user_id.characters.clone(),
    }
}

impl FormScreen for UserIdScreen {
    form_of!(Item);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, common) = (&context.text.user_id, &context.text.common);
        let items = [
            items::field(Item::UserId, &words.label, UserId::MAX_LENGTH),
            items::button(Item::Login, &common.login),
            items::link(Item::Reset, &common.reset_link),
        ];
        let items = items.map(|item| item.enter(&common.login));
        Items::new(items).esc(&context.text.key.back)
    }

    fn choose(&mut self, item: Item, context: &Context<'_>) -> Step {
        match item {
            Item::UserId | Item::Login => self.submit(),
            Item::Reset => self.reset(context),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Go(Route::UserType {
            user_type: self.user_type,
            user_id: self.form.value(Item::UserId).to_owned(),
        })
    }
}

impl Screen for UserIdScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let form = self.view(context);
        let step = context.text.step(2, STEPS);
        sheet.step_title(&context.text.user_id.title, &step);
        sheet.hint(self.user_type.label());
        sheet.gap();
        form.write(sheet, Item::UserId);
        form.write_actions(sheet);
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.user_id
    }

    fn presence(&self) -> Presence {
        match self.form.value(Item::UserId) {
            "" => Presence::Empty,
            _ => Presence::Form,
        }
    }
}
