//! Switching TOTP off: asked once more, and with a fresh code when the login is older than five minutes.

use std::time::Duration;

use crate::{
    domain::{AccountKey, Policy, TimeStep, idle::Presence},
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        screen::{
            Attempt, Left, Refused, Screen, Step, entry::PasscodeEntry, jumped, moved, next_second,
            usual_hints, write_working,
        },
        text::{Text, fill},
        widget::{frame::KeyHint, sheet::Sheet},
    },
};

/// The question whether to switch TOTP off.
#[derive(Debug)]
pub struct DisableScreen {
    account: AccountKey,
    policy: Policy,
    /// A fresh code is wanted.
    entry: Option<PasscodeEntry>,
    focus: Item,
    attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Field,
    Confirm,
    Cancel,
}

impl DisableScreen {
    pub fn new(account: AccountKey, policy: Policy) -> Self {
        Self {
            account,
            policy,
            entry: None,
            // What costs nothing is in focus.
            focus: Item::Cancel,
            attempt: Attempt::default(),
        }
    }

    fn items(&self) -> &'static [Item] {
        match self.entry {
            None => &[Item::Confirm, Item::Cancel],
            Some(_) => &[Item::Field, Item::Confirm, Item::Cancel],
        }
    }

    fn submit(&mut self, now: Now) -> Step {
        let Some(entry) = &mut self.entry else {
            return if self.attempt.wait(now).is_some() {
                Step::Stay
            } else {
                Step::Ask(Request::DisableTotp(None))
            };
        };
        self.focus = Item::Field;
        match entry.submit(now) {
            Some(passcode) => Step::Ask(Request::DisableTotp(Some(passcode))),
            None => Step::Stay,
        }
    }

    fn position(&self) -> usize {
        let mut items = self.items().iter();
        items.position(|item| *item == self.focus).unwrap_or(0)
    }
}

impl Screen for DisableScreen {
    fn typing(&self) -> bool {
        self.focus == Item::Field
    }

    fn is_grave(&self) -> bool {
        self.focus != Item::Cancel
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items();
        match command {
            Command::Activate if self.focus == Item::Cancel => {
                return Step::Close(Left::Nothing);
            }
            Command::Back => return Step::Close(Left::Nothing),
            Command::Activate => return self.submit(context.now),
            Command::Edit(edit) => {
                // The sixth digit does not submit here: switching protection off wants its own key.
                if self.entry.as_mut().is_some_and(|entry| entry.edit(edit)) {
                    self.focus = Item::Confirm;
                }
            }
            Command::Jump(letter) => {
                let text = context.text;
                let labels = ["", text.disable.confirm.as_str(), &text.common.cancel];
                let labels = &labels[labels.len() - items.len()..];
                if let Some(item) = jumped(self.position(), labels, letter) {
                    self.focus = items[item];
                }
            }
            other => self.focus = items[moved(self.position(), items.len(), other)],
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        if self.entry.as_mut().is_some_and(|entry| entry.paste(text)) {
            self.focus = Item::Confirm;
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        if refusal == Refused::FreshPasscodeWanted {
            self.entry = Some(PasscodeEntry::default());
        }
        match &mut self.entry {
            Some(entry) => {
                self.focus = Item::Field;
                entry.refused(refusal, context.now);
            }
            None => self.attempt.refused(refusal, context.now),
        }
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.disable;
        sheet.title(&words.title);
        sheet.hint(&format!(
            "{}  {}",
            self.account.user_id,
            self.account.user_type.label()
        ));
        sheet.gap();
        sheet.paragraph(match self.policy {
            Policy::Required => &words.question_required,
            Policy::Enabled | Policy::Disabled => &words.question,
        });
        sheet.gap();
        if let Some(entry) = &self.entry {
            sheet.paragraph(&words.fresh);
            entry.write_field(sheet, context, self.focus == Item::Field);
            let left = TimeStep::seconds_left(context.now.wall);
            let said = context.text.duration(Duration::from_secs(left));
            entry.write_refusal(sheet, context, |sheet| {
                sheet.error(&fill(
                    &context.text.enrollment.rejected,
                    &[("seconds", &said)],
                ));
            });
        } else {
            self.attempt.write(sheet, context, |_| {});
        }
        sheet.button(&words.confirm, self.focus == Item::Confirm);
        sheet.button(&context.text.common.cancel, self.focus == Item::Cancel);
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        usual_hints(context, &text.key.choose, Some(&text.common.cancel))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.disable
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        let shows_seconds = self.entry.is_some() || self.attempt.last().is_some();
        shows_seconds.then(|| next_second(now))
    }
}
