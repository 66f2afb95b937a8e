//! The code of a login: with the server's time to compare with the phone, and what to check when it is refused.

use std::time::Duration;

use super::{Attempt, Context, Refused, Screen, Step, jumped, moved, usual_hints, write_working};
use crate::{
    domain::{
        AccountKey, Passcode, TimeStep, calendar, idle::Presence, passcode::PasscodeInputError,
    },
    tui::{
        Now, Request,
        command::Command,
        text::{Text, fill},
        widget::{field::CodeField, frame::KeyHint, sheet::Sheet},
    },
};

const FIELD: usize = 0;
const LOGIN: usize = 1;
const RESET: usize = 2;
const START_OVER: usize = 3;

/// The form for the code of an account whose password was right.
#[derive(Debug)]
pub struct PasscodeScreen {
    account: AccountKey,
    /// The key was never proved: the way back is offered.
    pending: bool,
    field: CodeField,
    focus: usize,
    error: Option<PasscodeInputError>,
    attempt: Attempt,
}

impl PasscodeScreen {
    pub fn new(account: AccountKey, pending: bool) -> Self {
        Self {
            account,
            pending,
            field: CodeField::default(),
            focus: FIELD,
            error: None,
            attempt: Attempt::default(),
        }
    }

    fn items(&self) -> usize {
        if self.pending { 4 } else { 3 }
    }

    fn submit(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        match Passcode::parse(self.field.digits()) {
            Ok(passcode) => {
                self.field.clear();
                self.attempt = Attempt::default();
                Step::Ask(Request::CheckPasscode(passcode))
            }
            Err(error) => {
                self.error = Some(error);
                self.focus = FIELD;
                Step::Stay
            }
        }
    }
}

impl Screen for PasscodeScreen {
    fn typing(&self) -> bool {
        self.focus == FIELD
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate => match self.focus {
                RESET => return Step::ShowReset,
                START_OVER => return Step::Ask(Request::StartOver),
                _ => return self.submit(context.now),
            },
            Command::Back => return Step::Finish,
            Command::Edit(edit) => {
                self.error = None;
                if self.field.edit(edit) {
                    return self.submit(context.now);
                }
            }
            Command::Jump(letter) => {
                let text = context.text;
                let labels = [
                    "",
                    text.common.login.as_str(),
                    &text.common.reset_link,
                    &text.passcode.pending,
                ];
                self.focus =
                    jumped(self.focus, &labels[..self.items()], letter).unwrap_or(self.focus);
            }
            other => self.focus = moved(self.focus, self.items(), other),
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, context: &Context<'_>) -> Step {
        self.focus = FIELD;
        self.error = None;
        if self.field.paste(text) {
            return self.submit(context.now);
        }
        if self.field.digits().is_empty() {
            self.error = Some(PasscodeInputError::NotDigits);
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.focus = FIELD;
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.passcode;
        let account = self.account.user_id.as_str();
        let now = context.now.wall;
        let left = TimeStep::seconds_left(now);
        let said = context.text.duration(Duration::from_secs(left));
        sheet.title(&words.title);
        sheet.hint(&fill(&words.lead, &[("account", account)]));
        sheet.gap();
        sheet.code_field(
            &context.text.common.passcode,
            &self.field,
            self.focus == FIELD,
        );
        match self.error {
            None => sheet.gap(),
            Some(PasscodeInputError::Empty) => sheet.error(&words.empty),
            Some(PasscodeInputError::TooShort | PasscodeInputError::TooLong) => {
                sheet.error(&words.short);
            }
            Some(PasscodeInputError::NotDigits) => sheet.error(&words.not_digits),
        }
        let time = calendar::time_with_seconds(now, context.settings.zone);
        sheet.pair(&words.server_time, &time, context.theme.title);
        sheet.gauge(&words.next_code, left, TimeStep::SECONDS, &said);
        sheet.gap();
        sheet.button(&context.text.common.login, self.focus == LOGIN);
        sheet.link(&context.text.common.reset_link, self.focus == RESET);
        if self.pending {
            sheet.link(&words.pending, self.focus == START_OVER);
            if self.attempt.last().is_none() {
                sheet.hint(&words.pending_hint);
            }
        }
        self.attempt.write(sheet, context, |sheet| {
            sheet.error(&words.rejected);
            sheet.bullet(&words.check_clock);
            sheet.bullet(&fill(&words.check_account, &[("account", account)]));
            sheet.bullet(&fill(&words.check_next, &[("seconds", &said)]));
        });
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.common.login, Some(&text.common.cancel))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.passcode
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        let clock = next_second(now);
        Some(
            self.attempt
                .next_tick(now)
                .map_or(clock, |wait| wait.min(clock)),
        )
    }
}

/// Time until the wall clock shows another second.
pub(super) fn next_second(now: Now) -> Duration {
    let nanos = u64::try_from(now.wall.subsec_nanosecond()).unwrap_or(0);
    Duration::from_nanos(1_000_000_000 - nanos.min(999_999_999))
}
