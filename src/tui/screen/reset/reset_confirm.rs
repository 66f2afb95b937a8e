//! `Konfirmasi Reset TOTP`: the link or the short code of a letter, then whose TOTP it resets, and `OK`.
//!
//! Nothing is reset by finding it: between the form and the reset stands the question, as in the browser.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::{
    domain::{
        UserType,
        idle::Presence,
        reset::{LONGEST_PASTE, ResetSecret, ShortCode, Void},
    },
    tui::{
        Now, Request,
        command::Command,
        context::Context,
        route::{Route, Waiting},
        screen::{Attempt, Left, Refused, Screen, Step, jumped, moved, usual_hints, write_working},
        text::{Text, fill},
        widget::{field::SecretField, frame::KeyHint, sheet::Sheet},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Field,
    Next,
    /// To the form for another letter.
    NewRequest,
    Confirm,
    Cancel,
}

/// The form for a link or a short code, and the question that follows.
#[derive(Debug)]
pub struct ResetConfirmScreen {
    field: SecretField,
    error: Option<Unreadable>,
    void: Option<Void>,
    found: Option<Found>,
    focus: Item,
    attempt: Attempt,
    over: Waiting,
}

/// Whose TOTP will be reset.
#[derive(Debug)]
struct Found {
    user_type: UserType,
    masked_id: String,
}

/// What was typed is neither a link nor a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    Empty,
    /// It looks like a link of which something is missing.
    Link,
    Code,
}

impl ResetConfirmScreen {
    /// The empty form; Esc leads to what waits below, or to the menu.
    pub fn new(over: Waiting) -> Self {
        Self {
            field: SecretField::new(LONGEST_PASTE),
            error: None,
            void: None,
            found: None,
            focus: Item::Field,
            attempt: Attempt::default(),
            over,
        }
    }

    /// The form with the code of a letter that was read right here.
    pub fn with_code(over: Waiting, code: &ShortCode) -> Self {
        let mut screen = Self::new(over);
        screen.field.paste(&code.grouped());
        screen.focus = Item::Next;
        screen
    }

    /// The question whether to reset the TOTP that was found.
    pub fn found(user_type: UserType, masked_id: String) -> Self {
        Self {
            found: Some(Found {
                user_type,
                masked_id,
            }),
            // What costs nothing is in focus: a key held down at the form must not reset anything.
            focus: Item::Cancel,
            ..Self::new(Waiting::Nothing)
        }
    }

    fn items(&self, context: &Context<'_>) -> &'static [Item] {
        if self.found.is_some() {
            &[Item::Confirm, Item::Cancel]
        } else if context.settings.reset_by_mail {
            &[Item::Field, Item::Next, Item::NewRequest]
        } else {
            &[Item::Field, Item::Next]
        }
    }

    fn label(item: Item, text: &'static Text) -> &'static str {
        match item {
            Item::Field => "",
            Item::Next => &text.key.next,
            Item::NewRequest => &text.reset_confirm.new_request,
            Item::Confirm => &text.reset_confirm.confirm,
            Item::Cancel => &text.common.cancel,
        }
    }

    /// What was typed, if it can be read.
    fn read(&self) -> Result<ResetSecret, Unreadable> {
        let typed = self.field.value().trim();
        ResetSecret::typed(typed).ok_or({
            if typed.is_empty() {
                Unreadable::Empty
            } else if typed.contains(['?', '/', '=']) {
                Unreadable::Link
            } else {
                Unreadable::Code
            }
        })
    }

    fn find(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        self.void = None;
        self.attempt = Attempt::default();
        match self.read() {
            Ok(secret) => Step::Ask(Request::FindReset(secret)),
            Err(error) => {
                self.error = Some(error);
                self.focus = Item::Field;
                Step::Stay
            }
        }
    }

    fn confirm(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        self.attempt = Attempt::default();
        Step::Ask(Request::ConfirmReset)
    }

    fn new_request(&self) -> Step {
        match self.over {
            Waiting::RequestForm => Step::Close(Left::Nothing),
            Waiting::Nothing | Waiting::Screen => {
                let user_type = UserType::Penyedia;
                let below = Route::UserId {
                    user_type,
                    user_id: None,
                };
                let form = Route::ResetRequest {
                    user_type,
                    user_id: String::new(),
                };
                Step::Replace(vec![below, form])
            }
        }
    }

    fn go_back(&self) -> Step {
        if self.found.is_some() {
            // What was found is dropped with the way back.
            return Step::Retreat(vec![Route::ResetConfirm {
                over: Waiting::Nothing,
                code: None,
            }]);
        }
        match self.over {
            Waiting::Nothing => Step::Finish,
            Waiting::Screen | Waiting::RequestForm => Step::Close(Left::Nothing),
        }
    }

    fn write_form(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_confirm;
        sheet.hint(&words.lead);
        sheet.gap();
        let focused = self.focus == Item::Field;
        sheet.shown_secret_field(&words.label, &self.field, LONGEST_PASTE, focused);
        let length = ShortCode::LENGTH.to_string();
        match self.error {
            None => sheet.gap(),
            Some(Unreadable::Empty) => sheet.error(&words.empty),
            Some(Unreadable::Link) => sheet.error(&words.no_link),
            Some(Unreadable::Code) => sheet.error(&fill(&words.no_code, &[("n", &length)])),
        }
        match self.void {
            None => {}
            Some(Void::Unknown) => sheet.error(&words.unknown),
            Some(Void::Used) => sheet.error(&words.used),
            Some(Void::Expired) => sheet.error(&words.expired),
        }
        self.attempt
            .write(sheet, context, |sheet| sheet.error(&words.unknown));
        write_working(sheet, context);
        sheet.gap();
        sheet.button(&context.text.key.next, self.focus == Item::Next);
        if context.settings.reset_by_mail {
            sheet.gap();
            sheet.link(&words.new_request, self.focus == Item::NewRequest);
        }
    }

    fn write_question(&self, found: &Found, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.reset_confirm;
        sheet.gap();
        sheet.paragraph(&words.effects);
        sheet.bullet(&words.effect_totp);
        sheet.bullet(&words.effect_logins);
        sheet.bullet(&words.effect_password);
        sheet.gap();
        // Right above the buttons, so that even the lowest terminal shows whose it is together with them.
        let title = context.theme.title;
        sheet.paragraph(&words.question);
        sheet.pair(&context.text.user_id.label, &found.masked_id, title);
        let user_type = found.user_type.label();
        sheet.pair(&context.text.reset_request.user_type, user_type, title);
        sheet.gap();
        self.attempt.write(sheet, context, |_| {});
        sheet.button(&words.confirm, self.focus == Item::Confirm);
        sheet.button(&context.text.common.cancel, self.focus == Item::Cancel);
        write_working(sheet, context);
    }
}

impl Screen for ResetConfirmScreen {
    fn typing(&self) -> bool {
        self.focus == Item::Field
    }

    fn is_grave(&self) -> bool {
        self.focus == Item::Confirm
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items(context);
        let position = items.iter().position(|item| *item == self.focus);
        let position = position.unwrap_or_default();
        match command {
            Command::Activate => {
                return match self.focus {
                    Item::Field | Item::Next => self.find(context.now),
                    Item::NewRequest => self.new_request(),
                    Item::Confirm => self.confirm(context.now),
                    Item::Cancel => self.go_back(),
                };
            }
            Command::Back => return self.go_back(),
            Command::Edit(edit) => {
                self.error = None;
                self.void = None;
                self.field.edit(edit);
            }
            Command::Jump(letter) => {
                let labels: Vec<_> = items
                    .iter()
                    .map(|item| Self::label(*item, context.text))
                    .collect();
                if let Some(item) = jumped(position, &labels, letter) {
                    self.focus = items[item];
                }
            }
            other => self.focus = items[moved(position, items.len(), other)],
        }
        Step::Stay
    }

    /// A paste is a whole link or code, so it takes the place of what was there, and is judged at once.
    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        if self.found.is_some() {
            return Step::Stay;
        }
        self.void = None;
        self.field.clear();
        // The field has one line; where the text's lines end, it stays broken.
        let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        self.field
            .paste(Zeroizing::new(line.collect::<String>()).trim());
        self.error = self.read().err();
        self.focus = match self.error {
            None => Item::Next,
            Some(_) => Item::Field,
        };
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        if let Refused::ResetVoid(why) = refusal {
            self.found = None;
            self.void = Some(why);
            if why != Void::Unknown {
                // There is nothing to correct in it.
                self.field.clear();
            }
        }
        if self.found.is_none() {
            self.focus = match self.void {
                Some(Void::Expired) if context.settings.reset_by_mail => Item::NewRequest,
                _ => Item::Field,
            };
        }
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        sheet.title(&context.text.reset_confirm.title);
        match &self.found {
            None => self.write_form(sheet, context),
            Some(found) => self.write_question(found, sheet, context),
        }
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let (enter, back) = match self.focus {
            Item::Field | Item::Next => (&text.key.next, &text.key.back),
            Item::NewRequest => (&text.key.choose, &text.key.back),
            Item::Confirm | Item::Cancel => (&text.key.choose, &text.common.cancel),
        };
        usual_hints(context, enter, Some(back))
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.reset_confirm
    }

    fn presence(&self) -> Presence {
        if self.found.is_some() {
            Presence::LoggedIn
        } else if self.field.value().is_empty() {
            // The letter is being looked for on a phone; there is nothing here to protect.
            Presence::Reading
        } else {
            Presence::Form
        }
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        self.attempt.next_tick(now)
    }
}
