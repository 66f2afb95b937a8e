//! A recovery code in place of the phone's: typed from paper, judged only when it is whole.

use std::time::Duration;

use crate::{
    domain::{
        AccountKey, idle::Presence, keyboard_code::KeyboardCodeError, recovery::RecoveryCode,
    },
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        route::Route,
        screen::{Attempt, Refused, Screen, Step, jumped, moved, usual_hints, write_working},
        text::{Text, fill},
        widget::{field::SecretField, frame::KeyHint, sheet::Sheet},
    },
};

const FIELD: usize = 0;
const LOGIN: usize = 1;
const BACK: usize = 2;
const ITEMS: usize = 3;

/// The most characters of one code, with room for what people put between its symbols.
const LONGEST: usize = 40;

/// Columns of the field: a code in its groups, and a few more.
const COLUMNS: usize = 20;

/// The form for a recovery code of an account whose password was right.
#[derive(Debug)]
pub struct RecoveryScreen {
    account: AccountKey,
    /// Shown as it is typed: it has to be compared with the paper.
    field: SecretField,
    error: Option<KeyboardCodeError>,
    attempt: Attempt,
    focus: usize,
}

impl RecoveryScreen {
    pub fn new(account: AccountKey) -> Self {
        Self {
            account,
            field: SecretField::new(LONGEST),
            error: None,
            attempt: Attempt::default(),
            focus: FIELD,
        }
    }

    /// Sends a whole code; anything else is told, and costs nothing. What was typed stays until it is accepted, so that
    /// one wrong letter of twelve is corrected and not typed anew.
    fn submit(&mut self, now: Now) -> Step {
        self.focus = FIELD;
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        self.attempt = Attempt::default();
        match RecoveryCode::parse(self.field.value()) {
            Ok(code) => Step::Ask(Request::CheckRecoveryCode(code)),
            Err(error) => {
                self.error = Some(error);
                Step::Stay
            }
        }
    }

    /// To the code of the phone. Only somebody with codes left has come here, and they have them still.
    fn back(&self) -> Step {
        Step::Go(Route::Passcode {
            account: self.account.clone(),
            pending: false,
            recovery: true,
        })
    }
}

impl Screen for RecoveryScreen {
    fn typing(&self) -> bool {
        self.focus == FIELD
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate if self.focus == BACK => return self.back(),
            Command::Activate => return self.submit(context.now),
            Command::Back => return self.back(),
            Command::Edit(edit) => {
                self.error = None;
                self.field.edit(edit);
            }
            Command::Jump(letter) => {
                let text = context.text;
                let labels = ["", text.common.login.as_str(), &text.recovery.phone];
                self.focus = jumped(self.focus, &labels, letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, ITEMS, other),
        }
        Step::Stay
    }

    /// A paste is a whole code, so it takes the place of what was there, and is looked at at once.
    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        self.field.clear();
        self.field.paste(text.trim());
        self.error = RecoveryCode::parse(self.field.value()).err();
        self.focus = match self.error {
            None => LOGIN,
            Some(_) => FIELD,
        };
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.focus = FIELD;
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.recovery;
        let account = self.account.user_id.as_str();
        sheet.title(&words.title);
        sheet.hint(&fill(&words.lead, &[("account", account)]));
        sheet.gap();
        sheet.shown_secret_field(&words.label, &self.field, COLUMNS, self.focus == FIELD);
        match self.error {
            None => sheet.gap(),
            Some(KeyboardCodeError::Empty) => sheet.error(&words.empty),
            Some(
                KeyboardCodeError::TooShort
                | KeyboardCodeError::TooLong
                | KeyboardCodeError::NoSymbol,
            ) => {
                let length = RecoveryCode::LENGTH.to_string();
                sheet.error(&fill(&words.no_code, &[("n", &length)]));
            }
        }
        sheet.button(&context.text.common.login, self.focus == LOGIN);
        sheet.link(&words.phone, self.focus == BACK);
        self.attempt.write(sheet, context, |sheet| {
            sheet.error(&words.rejected);
            sheet.bullet(&words.check_paper);
            sheet.bullet(&words.check_newest);
            sheet.bullet(&words.check_used);
        });
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.common.login, Some(&text.key.back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.recovery
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
