//! A password of one's own: changed at home, or, after an officer's one-time password, made before anything else.
//!
//! What is typed stays in its fields until the password is changed or the screen is left, so that a code that is asked
//! for in between costs nobody a second typing; leaving wipes it.

use std::time::Duration;

use crate::{
    domain::{
        PersonName, PlainPassword, TimeStep,
        identity::AccountKey,
        idle::Presence,
        password::{PasswordRuleError, Strength},
    },
    tui::{
        Now, Request,
        command::{Command, Edit},
        context::Context,
        screen::{
            Attempt, Left, Refused, Screen, Step, entry::PasscodeEntry, jumped, moved, next_second,
            usual_hints, write_working,
        },
        text::{Text, fill},
        widget::{
            field::SecretField,
            frame::KeyHint,
            sheet::{METER, Sheet},
        },
    },
};

/// Columns of the fields.
const COLUMNS: usize = 40;

/// A field takes twice what a password may have: one that is too long is told so, and never cut off unseen.
const LIMIT: usize = 2 * PlainPassword::MAX_CHARS;

/// The form for a new password.
#[derive(Debug)]
pub struct OwnPasswordScreen {
    way: Way,
    account: AccountKey,
    name: PersonName,
    current: SecretField,
    new: SecretField,
    again: SecretField,
    /// Of what is in `new`; judged when it changes, not when it is drawn.
    strength: Option<Strength>,
    /// A fresh code is wanted.
    entry: Option<PasscodeEntry>,
    focus: Item,
    wrong: Option<Wrong>,
    attempt: Attempt,
}

/// How somebody comes here, and so where they can go.
#[derive(Debug)]
enum Way {
    /// From home, which waits below.
    Home,
    /// From a login by a one-time password: on, or out.
    Due,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Current,
    New,
    Again,
    Code,
    Save,
    Leave,
}

/// What is wrong with what was typed; it says whose field it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    CurrentEmpty,
    CurrentRejected,
    NewEmpty,
    New(PasswordRuleError),
    Differs,
}

impl Wrong {
    fn item(self) -> Item {
        match self {
            Self::CurrentEmpty | Self::CurrentRejected => Item::Current,
            Self::NewEmpty | Self::New(_) => Item::New,
            Self::Differs => Item::Again,
        }
    }

    fn sentence(self, text: &'static Text) -> &'static str {
        let words = &text.own_password;
        match self {
            Self::CurrentEmpty => &words.current_empty,
            Self::CurrentRejected => &words.current_rejected,
            Self::NewEmpty => &words.new_empty,
            Self::New(PasswordRuleError::TooShort) => &words.new_short,
            Self::New(PasswordRuleError::TooLong) => &words.new_long,
            Self::New(PasswordRuleError::Common) => &words.new_guessable,
            Self::New(PasswordRuleError::Control) => &words.new_control,
            Self::New(PasswordRuleError::Unchanged) => &words.new_unchanged,
            Self::Differs => &words.again_differs,
        }
    }
}

impl OwnPasswordScreen {
    /// For somebody at home.
    pub fn at_home(account: AccountKey, name: PersonName) -> Self {
        Self::new(Way::Home, account, name, Item::Current)
    }

    /// For somebody whose password is an officer's.
    pub fn due(account: AccountKey, name: PersonName) -> Self {
        Self::new(Way::Due, account, name, Item::New)
    }

    fn new(way: Way, account: AccountKey, name: PersonName, focus: Item) -> Self {
        Self {
            way,
            account,
            name,
            current: SecretField::new(LIMIT),
            new: SecretField::new(LIMIT),
            again: SecretField::new(LIMIT),
            strength: None,
            entry: None,
            focus,
            wrong: None,
            attempt: Attempt::default(),
        }
    }

    fn items(&self) -> Vec<Item> {
        let all = [
            Item::Current,
            Item::New,
            Item::Again,
            Item::Code,
            Item::Save,
            Item::Leave,
        ];
        let is_here = |item: &Item| match item {
            Item::Current => matches!(self.way, Way::Home),
            Item::Code => self.entry.is_some(),
            Item::New | Item::Again | Item::Save | Item::Leave => true,
        };
        all.into_iter().filter(is_here).collect()
    }

    fn position(&self, items: &[Item]) -> usize {
        let mut items = items.iter();
        items.position(|item| *item == self.focus).unwrap_or(0)
    }

    fn field(&mut self) -> Option<&mut SecretField> {
        match self.focus {
            Item::Current => Some(&mut self.current),
            Item::New => Some(&mut self.new),
            Item::Again => Some(&mut self.again),
            Item::Code | Item::Save | Item::Leave => None,
        }
    }

    /// After a change to the field in focus: what was said about it is no longer true.
    fn changed(&mut self) {
        self.wrong = self.wrong.filter(|wrong| wrong.item() != self.focus);
        if self.focus == Item::New {
            let context = [self.account.user_id.as_str(), self.name.as_str()];
            self.strength = PlainPassword::typed(self.new.value())
                .filter(|_| !self.new.value().is_empty())
                .map(|password| password.strength(&context));
        }
    }

    fn edit(&mut self, edit: Edit) {
        if self.focus == Item::Code {
            // The sixth digit does not submit here: a new password wants its own key.
            if self.entry.as_mut().is_some_and(|entry| entry.edit(edit)) {
                self.focus = Item::Save;
            }
        } else if let Some(field) = self.field() {
            field.edit(edit);
            self.changed();
        }
    }

    /// The new password, if the form is filled in right.
    fn judged(&self) -> Result<PlainPassword, Wrong> {
        if matches!(self.way, Way::Home) && self.current.value().is_empty() {
            return Err(Wrong::CurrentEmpty);
        }
        if self.new.value().is_empty() {
            return Err(Wrong::NewEmpty);
        }
        let context = [self.account.user_id.as_str(), self.name.as_str()];
        let new = PlainPassword::chosen(self.new.value(), &context).map_err(Wrong::New)?;
        if self.current.value() == self.new.value() {
            return Err(Wrong::New(PasswordRuleError::Unchanged));
        }
        if self.new.value() != self.again.value() {
            return Err(Wrong::Differs);
        }
        Ok(new)
    }

    fn save(&mut self, now: Now) -> Step {
        if self.attempt.wait(now).is_some() {
            return Step::Stay;
        }
        let new = match self.judged() {
            Ok(new) => new,
            Err(wrong) => {
                self.point_at(wrong);
                return Step::Stay;
            }
        };
        // Longer than any password is not it either.
        let Some(current) = PlainPassword::typed(self.current.value()) else {
            self.point_at(Wrong::CurrentRejected);
            return Step::Stay;
        };
        let passcode = match &mut self.entry {
            None => None,
            Some(entry) => match entry.submit(now) {
                Some(passcode) => Some(passcode),
                None => {
                    self.focus = Item::Code;
                    return Step::Stay;
                }
            },
        };
        self.attempt = Attempt::default();
        Step::Ask(match self.way {
            Way::Due => Request::ReplacePassword(new),
            Way::Home => Request::ChangePassword {
                current,
                new,
                passcode,
            },
        })
    }

    fn point_at(&mut self, wrong: Wrong) {
        self.focus = wrong.item();
        self.wrong = Some(wrong);
        match wrong {
            Wrong::CurrentRejected => self.current.clear(),
            Wrong::Differs => self.again.clear(),
            Wrong::CurrentEmpty | Wrong::NewEmpty | Wrong::New(_) => {}
        }
    }

    fn leave(&self) -> Step {
        match self.way {
            Way::Home => Step::Close(Left::Nothing),
            Way::Due => Step::Finish,
        }
    }

    fn leave_label(&self, text: &'static Text) -> &'static str {
        match self.way {
            Way::Home => &text.common.cancel,
            Way::Due => &text.common.logout,
        }
    }

    fn write_wrong(&self, sheet: &mut Sheet, context: &Context<'_>, item: Item) {
        if let Some(wrong) = self.wrong.filter(|wrong| wrong.item() == item) {
            sheet.error(wrong.sentence(context.text));
        }
    }

    fn write_strength(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let (words, theme) = (&context.text.own_password, context.theme);
        // Nobody is scolded while typing: what is not enough yet is in the colour of a hint.
        let (tenths, said, style) = match self.strength {
            None if self.new.value().is_empty() => (0, "", theme.hint),
            None => (0, words.long.as_str(), theme.hint),
            Some(Strength::Short) => (1, words.short.as_str(), theme.hint),
            Some(Strength::Guessable) => (2, words.guessable.as_str(), theme.hint),
            Some(Strength::Weak) => (4, words.weak.as_str(), theme.label),
            Some(Strength::Fair) => (7, words.fair.as_str(), theme.success),
            Some(Strength::Strong) => (10, words.strong.as_str(), theme.success),
        };
        sheet.row_meter(&words.strength, METER * tenths / 10, said, style);
    }
}

impl Screen for OwnPasswordScreen {
    fn typing(&self) -> bool {
        !matches!(self.focus, Item::Save | Item::Leave)
    }

    fn is_grave(&self) -> bool {
        self.focus == Item::Save
    }

    fn command(&mut self, command: Command, context: &Context<'_>) -> Step {
        let items = self.items();
        let position = self.position(&items);
        match command {
            Command::Activate => match self.focus {
                Item::Leave => return self.leave(),
                Item::Current | Item::New => self.focus = items[position + 1],
                Item::Again | Item::Code | Item::Save => return self.save(context.now),
            },
            Command::Back if matches!(self.way, Way::Due) => self.focus = Item::Leave,
            Command::Back => return self.leave(),
            Command::Edit(edit) => self.edit(edit),
            Command::Jump(letter) => {
                let buttons = [
                    context.text.own_password.save.as_str(),
                    self.leave_label(context.text),
                ];
                let focus = usize::from(self.focus == Item::Leave);
                if let Some(button) = jumped(focus, &buttons, letter) {
                    self.focus = [Item::Save, Item::Leave][button];
                }
            }
            other => self.focus = items[moved(position, items.len(), other)],
        }
        Step::Stay
    }

    fn paste(&mut self, text: &str, _context: &Context<'_>) -> Step {
        if self.focus == Item::Code {
            if self.entry.as_mut().is_some_and(|entry| entry.paste(text)) {
                self.focus = Item::Save;
            }
        } else if let Some(field) = self.field() {
            field.paste(text);
            self.changed();
        }
        Step::Stay
    }

    fn refused(&mut self, refusal: Refused, context: &Context<'_>) {
        let now = context.now;
        match (refusal, &mut self.entry) {
            (Refused::CurrentRejected { wait }, _) => {
                self.point_at(Wrong::CurrentRejected);
                self.attempt.refused(Refused::Wait(wait), now);
            }
            (Refused::CurrentWait(wait), _) => {
                self.focus = Item::Current;
                self.attempt.refused(Refused::Wait(wait), now);
            }
            (Refused::NewPassword(why), _) => {
                self.point_at(Wrong::New(why));
            }
            (Refused::FreshPasscodeWanted, _) => {
                self.entry = Some(PasscodeEntry::default());
                self.focus = Item::Code;
            }
            (Refused::Rejected { .. } | Refused::Wait(_) | Refused::Held, Some(entry)) => {
                entry.refused(refusal, now);
                self.focus = Item::Code;
            }
            _ => self.attempt.refused(refusal, now),
        }
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let words = &context.text.own_password;
        let focused = |item| self.focus == item;
        let whose = format!(
            "{}  {}",
            self.account.user_id,
            self.account.user_type.label()
        );
        match self.way {
            Way::Home => {
                sheet.title(&words.title);
                sheet.hint(&whose);
            }
            Way::Due => {
                sheet.title(&words.title_due);
                sheet.hint(&whose);
                sheet.paragraph(&words.lead_due);
            }
        }
        sheet.gap();
        if matches!(self.way, Way::Home) {
            sheet.row_secret_field(
                &words.current,
                &self.current,
                COLUMNS,
                focused(Item::Current),
            );
            self.write_wrong(sheet, context, Item::Current);
        }
        sheet.row_secret_field(&words.new, &self.new, COLUMNS, focused(Item::New));
        self.write_wrong(sheet, context, Item::New);
        self.write_strength(sheet, context);
        sheet.row_secret_field(&words.again, &self.again, COLUMNS, focused(Item::Again));
        self.write_wrong(sheet, context, Item::Again);
        sheet.gap();
        match &self.entry {
            None => {
                sheet.hint(&words.rule_length);
                sheet.hint(&words.rule_words);
                sheet.hint(&words.rule_context);
                sheet.gap();
            }
            // By now the rules are kept, and the code needs their room.
            Some(entry) => {
                sheet.paragraph(&words.fresh);
                entry.write_field(sheet, context, focused(Item::Code));
                let left = TimeStep::seconds_left(context.now.wall);
                let said = context.text.duration(Duration::from_secs(left));
                entry.write_refusal(sheet, context, |sheet| {
                    let rejected = &context.text.enrollment.rejected;
                    sheet.error(&fill(rejected, &[("seconds", &said)]));
                });
            }
        }
        sheet.buttons(&[
            (words.save.as_str(), focused(Item::Save)),
            (self.leave_label(context.text), focused(Item::Leave)),
        ]);
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let enter = match self.focus {
            Item::Current | Item::New => &text.key.next,
            Item::Again | Item::Code | Item::Save => &text.own_password.save,
            Item::Leave => &text.key.choose,
        };
        let back = match self.way {
            Way::Home => Some(text.common.cancel.as_str()),
            Way::Due => None,
        };
        usual_hints(context, enter, back)
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.own_password
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }

    fn next_tick(&self, now: Now) -> Option<Duration> {
        match self.entry {
            Some(_) => Some(next_second(now)),
            None => self.attempt.next_tick(now),
        }
    }
}
