//! The password: masked, one message whatever did not match, and the wait after failures counted down.

use std::time::Duration;

use crate::{
    domain::{PlainPassword, UserId, UserType, idle::Presence},
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        route::Route,
        screen::{Attempt, Refused, Screen, Step, jumped, moved, usual_hints, write_working},
        text::Text,
        widget::{field::SecretField, frame::KeyHint, sheet::Sheet},
    },
};

const FIELD: usize = 0;
const LOGIN: usize = 1;
const ITEMS: usize = 2;

/// The form for the password of a claimed account.
#[derive(Debug)]
pub struct PasswordScreen {
    user_type: UserType,
    user_id: UserId,
    field: SecretField,
    focus: usize,
    empty: bool,
    attempt: Attempt,
}

impl PasswordScreen {
    pub fn new(user_type: UserType, user_id: UserId) -> Self {
        Self {
            user_type,
            user_id,
            field: SecretField::new(PlainPassword::MAX_CHARS),
            focus: FIELD,
            empty: false,
            attempt: Attempt::default(),
        }
    }

    fn submit(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Refused;
        }
        if self.field.value().is_empty() {
            self.empty = true;
            self.focus = FIELD;
            return Step::Stay;
        }
        let Some(password) = PlainPassword::typed(self.field.value()) else {
            return Step::Refused;
        };
        self.field.clear();
        self.attempt = Attempt::default();
        Step::Ask(Request::CheckPassword {
            user_type: self.user_type,
            user_id: self.user_id.clone(),
            password,
        })
    }
}

impl Screen for PasswordScreen {
    fn typing(&self) -> bool {
        self.focus == FIELD
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate => return self.submit(context.now),
            Command::Back => {
                return Step::Retreat(vec![Route::UserId {
                    user_type: self.user_type,
                    user_id: Some(self.user_id.clone()),
                }]);
            }
            Command::Edit(edit) => {
                self.empty = false;
                self.field.edit(edit);
            }
            Command::Jump(letter) => {
                let labels = ["", context.text.common.login.as_str()];
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, ITEMS, other),
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        self.empty = false;
        self.focus = FIELD;
        self.field.paste(text);
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.focus = FIELD;
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.password;
        sheet.title(&words.title);
        sheet.hint(&format!("{}  {}", self.user_id, self.user_type.label()));
        sheet.gap();
        sheet.secret_field(
            &words.label,
            &self.field,
            UserId::MAX_LENGTH,
            self.focus == FIELD,
        );
        if self.empty {
            sheet.error(&words.empty);
        } else {
            sheet.gap();
        }
        sheet.gap();
        sheet.button(&context.text.common.login, self.focus == LOGIN);
        sheet.gap();
        self.attempt
            .write(sheet, context, |sheet| sheet.error(&words.rejected));
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.common.login, Some(&text.key.back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.password
    }

    fn presence(&self) -> Presence {
        Presence::Form
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
