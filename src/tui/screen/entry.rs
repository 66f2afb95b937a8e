//! The entry of a code, wherever one is asked for: the field, what is wrong with it, the refusal of the last try.

use std::time::Duration;

use super::{Attempt, Refused};
use crate::{
    domain::{Passcode, passcode::PasscodeInputError},
    tui::{
        Now,
        command::Edit,
        context::Context,
        widget::{field::CodeField, sheet::Sheet},
    },
};

/// A code being typed.
#[derive(Debug, Default)]
pub struct PasscodeEntry {
    field: CodeField,
    error: Option<PasscodeInputError>,
    attempt: Attempt,
}

impl PasscodeEntry {
    /// Edits the digits. Says whether the last missing one was typed.
    pub fn edit(&mut self, edit: Edit) -> bool {
        self.error = None;
        self.field.edit(edit)
    }

    /// Takes pasted text. Says whether it was a whole code.
    pub fn paste(&mut self, text: &str) -> bool {
        self.error = None;
        let whole = self.field.paste(text);
        if self.field.digits().is_empty() {
            self.error = Some(PasscodeInputError::NotDigits);
        }
        whole
    }

    /// The code to be judged, wiped from the field; `None` while a try has to wait, or when it is no code, which the
    /// entry then says.
    pub fn submit(&mut self, now: Now) -> Option<Passcode> {
        if self.attempt.wait(now).is_some() {
            return None;
        }
        match Passcode::parse(self.field.digits()) {
            Ok(passcode) => {
                *self = Self::default();
                Some(passcode)
            }
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    pub fn refused(&mut self, refusal: Refused, now: Now) {
        self.attempt.refused(refusal, now);
    }

    /// Whether a try was refused since the last one was sent.
    pub fn was_refused(&self) -> bool {
        self.attempt.last().is_some()
    }

    /// Why the last try was refused, if it was.
    pub fn refusal(&self) -> Option<Refused> {
        self.attempt.last()
    }

    /// Writes the field and, below it, what is wrong with what was typed.
    pub fn write_field(&self, sheet: &mut Sheet, context: &Context<'_>, focused: bool) {
        let words = &context.text.passcode;
        sheet.code_field(&context.text.common.passcode, &self.field, focused);
        match self.error {
            None => sheet.gap(),
            Some(PasscodeInputError::Empty) => sheet.error(&words.empty),
            Some(PasscodeInputError::TooShort | PasscodeInputError::TooLong) => {
                sheet.error(&words.short);
            }
            Some(PasscodeInputError::NotDigits) => sheet.error(&words.not_digits),
        }
    }

    /// Writes why the last try was refused; `rejected` says it for a wrong or spent code.
    pub fn write_refusal(
        &self,
        sheet: &mut Sheet,
        context: &Context<'_>,
        rejected: impl FnOnce(&mut Sheet),
    ) {
        self.attempt.write(sheet, context, rejected);
    }

    /// When the countdown changes next.
    pub fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
