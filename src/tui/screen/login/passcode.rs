//! The code of a login: with the server's time to compare with the phone, and what to check when it is refused.

use std::time::Duration;

use crate::{
    domain::{AccountKey, TimeStep, calendar, idle::Presence},
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        route::Route,
        screen::{
            Refused, Screen, Step, entry::PasscodeEntry, jumped, moved, next_second, usual_hints,
            write_working,
        },
        text::{Text, fill},
        widget::{frame::KeyHint, sheet::Sheet},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Field,
    Login,
    Recovery,
    Reset,
    StartOver,
}

/// The form for the code of an account whose password was right.
#[derive(Debug)]
pub struct PasscodeScreen {
    account: AccountKey,
    /// The key was never proved: the way back is offered.
    pending: bool,
    /// A recovery code will do instead.
    recovery: bool,
    entry: PasscodeEntry,
    focus: Item,
}

impl PasscodeScreen {
    pub fn new(account: AccountKey, pending: bool, recovery: bool) -> Self {
        Self {
            account,
            pending,
            recovery,
            entry: PasscodeEntry::default(),
            focus: Item::Field,
        }
    }

    fn items(&self) -> &'static [Item] {
        match (self.pending, self.recovery) {
            (true, _) => &[Item::Field, Item::Login, Item::Reset, Item::StartOver],
            (false, true) => &[Item::Field, Item::Login, Item::Recovery, Item::Reset],
            (false, false) => &[Item::Field, Item::Login, Item::Reset],
        }
    }

    fn position(&self) -> usize {
        let mut items = self.items().iter();
        items.position(|item| *item == self.focus).unwrap_or(0)
    }

    fn label(item: Item, text: &'static Text) -> &'static str {
        match item {
            Item::Field => "",
            Item::Login => &text.common.login,
            Item::Recovery => &text.passcode.recovery,
            Item::Reset => &text.common.reset_link,
            Item::StartOver => &text.passcode.pending,
        }
    }

    fn submit(&mut self, now: Now) -> Step {
        self.focus = Item::Field;
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
        let AccountKey { user_type, user_id } = self.account.clone();
        let form = Route::ResetRequest {
            user_type,
            user_id: user_id.to_string(),
        };
        let below = Route::UserId {
            user_type,
            user_id: Some(user_id),
        };
        Step::Retreat(vec![below, form])
    }
}

impl Screen for PasscodeScreen {
    fn typing(&self) -> bool {
        self.focus == Item::Field
    }

    fn is_grave(&self) -> bool {
        self.focus == Item::StartOver
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        match command {
            Command::Activate => match self.focus {
                Item::Recovery => return Step::Go(Route::Recovery(self.account.clone())),
                Item::Reset => return self.reset(context),
                Item::StartOver => return Step::Ask(Request::StartOver),
                Item::Field | Item::Login => return self.submit(context.now),
            },
            Command::Back => return Step::Finish,
            Command::Edit(edit) => {
                if self.entry.edit(edit) {
                    return self.submit(context.now);
                }
            }
            Command::Jump(letter) => {
                let items = self.items();
                let labels: Vec<_> = items
                    .iter()
                    .map(|item| Self::label(*item, context.text))
                    .collect();
                if let Some(item) = jumped(self.position(), &labels, letter) {
                    self.focus = items[item];
                }
            }
            other => {
                let items = self.items();
                self.focus = items[moved(self.position(), items.len(), other)];
            }
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, context: &Context<'_>) -> Step {
        self.focus = Item::Field;
        if self.entry.paste(text) {
            return self.submit(context.now);
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        self.focus = Item::Field;
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
        self.entry
            .write_field(sheet, context, self.focus == Item::Field);
        let time = calendar::time_with_seconds(now, context.settings.zone);
        sheet.pair(&words.server_time, &time, context.theme.title);
        sheet.gauge(&words.next_code, left, TimeStep::SECONDS, &said);
        sheet.gap();
        sheet.button(&context.text.common.login, self.focus == Item::Login);
        if self.items().contains(&Item::Recovery) {
            sheet.link(&words.recovery, self.focus == Item::Recovery);
        }
        sheet.link(&context.text.common.reset_link, self.focus == Item::Reset);
        if self.pending {
            sheet.link(&words.pending, self.focus == Item::StartOver);
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
