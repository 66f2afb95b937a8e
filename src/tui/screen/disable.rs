//! Switching TOTP off: asked once more, and with a fresh code when the login is older than five minutes.

use std::time::Duration;

use super::{
    Attempt, Context, Refused, Screen, Step, home::HomeScreen, jumped, moved,
    passcode::next_second, usual_hints, write_working,
};
use crate::{
    domain::{Passcode, Policy, TimeStep, idle::Presence, passcode::PasscodeInputError},
    tui::{
        HomeView, Now, Request,
        command::Command,
        text::{Text, fill},
        widget::{field::CodeField, frame::KeyHint, sheet::Sheet},
    },
};

/// The question whether to switch TOTP off.
#[derive(Debug)]
pub struct DisableScreen {
    view: HomeView,
    /// A fresh code is wanted.
    field: Option<CodeField>,
    focus: Item,
    error: Option<PasscodeInputError>,
    attempt: Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Field,
    Confirm,
    Cancel,
}

impl DisableScreen {
    pub fn new(view: HomeView) -> Self {
        Self {
            view,
            field: None,
            // What costs nothing is in focus.
            focus: Item::Cancel,
            error: None,
            attempt: Attempt::default(),
        }
    }

    fn items(&self) -> &'static [Item] {
        match self.field {
            None => &[Item::Confirm, Item::Cancel],
            Some(_) => &[Item::Field, Item::Confirm, Item::Cancel],
        }
    }

    fn submit(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        let Some(field) = &mut self.field else {
            return Step::Ask(Request::DisableTotp(None));
        };
        match Passcode::parse(field.digits()) {
            Ok(passcode) => {
                field.clear();
                self.attempt = Attempt::default();
                Step::Ask(Request::DisableTotp(Some(passcode)))
            }
            Err(error) => {
                self.error = Some(error);
                self.focus = Item::Field;
                Step::Stay
            }
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

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items();
        match command {
            Command::Activate if self.focus == Item::Cancel => {
                return Step::Go(Box::new(HomeScreen::new(self.view.clone())));
            }
            Command::Back => return Step::Go(Box::new(HomeScreen::new(self.view.clone()))),
            Command::Activate => return self.submit(context.now),
            Command::Edit(edit) => {
                self.error = None;
                // The sixth digit does not submit here: switching protection off wants its own key.
                if let Some(field) = &mut self.field
                    && field.edit(edit)
                {
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
        if let Some(field) = &mut self.field
            && field.paste(text)
        {
            self.error = None;
            self.focus = Item::Confirm;
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        if refusal == Refused::FreshPasscodeWanted {
            self.field = Some(CodeField::default());
        }
        if self.field.is_some() {
            self.focus = Item::Field;
        }
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.disable;
        sheet.title(&words.title);
        sheet.hint(&format!(
            "{}  {}",
            self.view.account.user_id,
            self.view.account.user_type.label()
        ));
        sheet.gap();
        sheet.paragraph(match self.view.policy {
            Policy::Required => &words.question_required,
            Policy::Enabled | Policy::Disabled => &words.question,
        });
        sheet.gap();
        if let Some(field) = &self.field {
            sheet.paragraph(&words.fresh);
            sheet.code_field(
                &context.text.common.passcode,
                field,
                self.focus == Item::Field,
            );
            match self.error {
                None => {}
                Some(PasscodeInputError::Empty) => sheet.error(&context.text.passcode.empty),
                Some(_) => sheet.error(&context.text.passcode.short),
            }
            let left = TimeStep::seconds_left(context.now.wall);
            let said = context.text.duration(Duration::from_secs(left));
            self.attempt.write(sheet, context, |sheet| {
                sheet.error(&fill(
                    &context.text.enrollment.rejected,
                    &[("seconds", &said)],
                ));
            });
            sheet.gap();
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
        self.attempt.last().map(|_| next_second(now))
    }
}
