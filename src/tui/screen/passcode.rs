//! The code of a login: with the server's time to compare with the phone, and what to check when it is refused.

use std::time::Duration;

use super::{
    Context, Refused, Screen, Step, entry::PasscodeEntry, jumped, moved,
    reset_request::ResetRequestScreen, user_id::UserIdScreen, usual_hints, write_working,
};
use crate::{
    domain::{AccountKey, TimeStep, calendar, idle::Presence},
    tui::{
        Now, Request,
        command::Command,
        text::{Text, fill},
        widget::{frame::KeyHint, sheet::Sheet},
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
    entry: PasscodeEntry,
    focus: usize,
}

impl PasscodeScreen {
    pub fn new(account: AccountKey, pending: bool) -> Self {
        Self {
            account,
            pending,
            entry: PasscodeEntry::default(),
            focus: FIELD,
        }
    }

    fn items(&self) -> usize {
        if self.pending { 4 } else { 3 }
    }

    fn submit(&mut self, now: Now) -> Step {
        self.focus = FIELD;
        match self.entry.submit(now) {
            Some(passcode) => Step::Ask(Request::CheckPasscode(passcode)),
            None => Step::Stay,
        }
    }

    /// Whoever asks for a reset has no phone, so this login cannot go on; it does not wait open under a form.
    fn reset(&self, context: &Context<'_>) -> Step {
        if !context.settings.reset_by_mail {
            return Step::ShowReset;
        }
        let AccountKey { user_type, user_id } = &self.account;
        let back = UserIdScreen::filled(*user_type, user_id);
        let form = ResetRequestScreen::new(*user_type, user_id.as_str(), Box::new(back));
        Step::Retreat(Box::new(form))
    }
}

impl Screen for PasscodeScreen {
    fn typing(&self) -> bool {
        self.focus == FIELD
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate => match self.focus {
                RESET => return self.reset(context),
                START_OVER => return Step::Ask(Request::StartOver),
                _ => return self.submit(context.now),
            },
            Command::Back => return Step::Finish,
            Command::Edit(edit) => {
                if self.entry.edit(edit) {
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
        if self.entry.paste(text) {
            return self.submit(context.now);
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.focus = FIELD;
        self.entry.refused(refusal, context.now);
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
        self.entry.write_field(sheet, context, self.focus == FIELD);
        let time = calendar::time_with_seconds(now, context.settings.zone);
        sheet.pair(&words.server_time, &time, context.theme.title);
        sheet.gauge(&words.next_code, left, TimeStep::SECONDS, &said);
        sheet.gap();
        sheet.button(&context.text.common.login, self.focus == LOGIN);
        sheet.link(&context.text.common.reset_link, self.focus == RESET);
        if self.pending {
            sheet.link(&words.pending, self.focus == START_OVER);
            if !self.entry.was_refused() {
                sheet.hint(&words.pending_hint);
            }
        }
        self.entry.write_refusal(sheet, context, |sheet| {
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
            self.entry
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
