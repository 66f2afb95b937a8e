//! The User ID. An unknown one goes on to the password like a known one.

use crate::{
    domain::{UserId, UserType, identity::UserIdError, idle::Presence},
    tui::{
        command::Command,
        context::Context,
        route::Route,
        screen::{Screen, Step, jumped, moved, usual_hints},
        text::Text,
        widget::{field::TextField, frame::KeyHint, sheet::Sheet},
    },
};

const FIELD: usize = 0;
const LOGIN: usize = 1;
const RESET: usize = 2;
const ITEMS: usize = 3;

/// The form for the User ID.
#[derive(Debug)]
pub struct UserIdScreen {
    user_type: UserType,
    field: TextField,
    focus: usize,
    error: Option<UserIdError>,
}

impl UserIdScreen {
    pub fn new(user_type: UserType) -> Self {
        Self {
            user_type,
            // Room for a whole ID with a slip or two to correct.
            field: TextField::new(UserId::MAX_LENGTH + 8),
            focus: FIELD,
            error: None,
        }
    }

    /// The form as somebody who comes back from the password left it.
    pub fn filled(user_type: UserType, user_id: &UserId) -> Self {
        let mut screen = Self::new(user_type);
        screen.field.paste(user_id.as_str());
        screen
    }

    fn submit(&mut self) -> Step {
        match UserId::parse(self.field.value()) {
            Ok(user_id) => Step::Go(Route::Password {
                user_type: self.user_type,
                user_id,
            }),
            Err(error) => {
                self.error = Some(error);
                self.focus = FIELD;
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
            user_id: self.field.value().to_owned(),
        })
    }
}

impl Screen for UserIdScreen {
    fn typing(&self) -> bool {
        self.focus == FIELD
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate if self.focus == RESET => return self.reset(context),
            Command::Activate => return self.submit(),
            Command::Back => return Step::Go(Route::UserType(self.user_type)),
            Command::Edit(edit) => {
                self.error = None;
                self.field.edit(edit);
            }
            Command::Jump(letter) => {
                let common = &context.text.common;
                let labels = ["", common.login.as_str(), &common.reset_link];
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, ITEMS, other),
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        self.error = None;
        self.focus = FIELD;
        self.field.paste(text);
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.user_id;
        let common = &context.text.common;
        sheet.title(&words.title);
        sheet.hint(self.user_type.label());
        sheet.gap();
        sheet.text_field(
            &words.label,
            &self.field,
            UserId::MAX_LENGTH,
            self.focus == FIELD,
        );
        match self.error {
            None => sheet.gap(),
            Some(UserIdError::Empty) => sheet.error(&words.empty),
            Some(UserIdError::Length) => sheet.error(&words.length),
            Some(UserIdError::Characters) => sheet.error(&words.characters),
        }
        sheet.gap();
        sheet.button(&common.login, self.focus == LOGIN);
        sheet.gap();
        sheet.link(&common.reset_link, self.focus == RESET);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.common.login, Some(&text.key.back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.user_id
    }

    fn presence(&self) -> Presence {
        Presence::Form
    }
}
