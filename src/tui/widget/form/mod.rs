//! A form: where the focus is on a screen, what is typed into its fields, and what is wrong with them.
//!
//! A screen lists its items ([`items::Items`]) and says what each is for; what keys do among them is the same on every
//! screen and stands here. [`view`] writes them into the screen's sheet.

pub mod items;
pub mod view;

pub use self::{
    items::{Item, Items},
    view::View,
};
use super::field::{CodeField, SecretField, TextField};
use crate::{
    domain::{Passcode, passcode::PasscodeInputError},
    tui::{
        command::{Command, Edit},
        text::Text,
    },
};

/// Words that are said in the language of whoever looks.
pub type Sentence = fn(&'static Text) -> String;

/// The focus, the fields by their items, and what is to be said beside them.
#[derive(Debug)]
pub struct Form<Id> {
    focus: Id,
    fields: Vec<(Id, Field)>,
    wrong: Vec<(Id, Sentence)>,
    /// What was chosen too early, and is to be chosen again when its time has come.
    put_off: Option<Id>,
}

#[derive(Debug)]
enum Field {
    Text(TextField),
    Secret(SecretField),
    Code(CodeField),
    /// Which of a few choices is made.
    Choices(usize),
}

/// What came of a key or a paste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed<Id> {
    /// Nothing but, perhaps, a move of the focus.
    Nothing,
    /// What the item is for is to be done.
    Chosen(Id),
    Back,
    Changed(Id, Change),
}

/// How what stands in a field came to be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Typed,
    Pasted,
    /// The last missing digit of a code came, by a key or by a paste.
    Completed,
}

impl<Id: Copy + PartialEq> Form<Id> {
    /// A form without fields, with `focus` in focus.
    pub fn new(focus: Id) -> Self {
        Self {
            focus,
            fields: Vec::new(),
            wrong: Vec::new(),
            put_off: None,
        }
    }

    /// With a field for at most `limit` characters, in which `value` stands.
    pub fn text(mut self, id: Id, limit: usize, value: &str) -> Self {
        let mut field = TextField::new(limit);
        field.paste(value);
        self.fields.push((id, Field::Text(field)));
        self
    }

    /// With a field for a secret of at most `limit` characters.
    pub fn secret(mut self, id: Id, limit: usize) -> Self {
        let field = Field::Secret(SecretField::new(limit));
        self.fields.push((id, field));
        self
    }

    /// With a field for a code.
    pub fn code(mut self, id: Id) -> Self {
        self.add_code(id);
        self
    }

    /// With a few choices, of which this one is made.
    pub fn choices(mut self, id: Id, chosen: usize) -> Self {
        self.fields.push((id, Field::Choices(chosen)));
        self
    }

    /// An empty field for a code, in place of one that may be there.
    pub fn add_code(&mut self, id: Id) {
        self.remove(id);
        let field = Field::Code(CodeField::default());
        self.fields.push((id, field));
    }

    /// Wipes a field away, and what was said about it.
    pub fn remove(&mut self, id: Id) {
        self.fields.retain(|(field, _)| *field != id);
        self.settle(id);
    }

    pub fn focused(&self) -> Id {
        self.focus
    }

    pub fn focus(&mut self, id: Id) {
        self.focus = id;
    }

    fn field(&self, id: Id) -> Option<&Field> {
        let mut fields = self.fields.iter();
        fields
            .find(|(field, _)| *field == id)
            .map(|(_, field)| field)
    }

    fn field_mut(&mut self, id: Id) -> Option<&mut Field> {
        let mut fields = self.fields.iter_mut();
        fields
            .find(|(field, _)| *field == id)
            .map(|(_, field)| field)
    }

    /// What stands in a field; nothing where there is none.
    pub fn value(&self, id: Id) -> &str {
        match self.field(id) {
            Some(Field::Text(field)) => field.value(),
            Some(Field::Secret(field)) => field.value(),
            Some(Field::Code(field)) => field.digits(),
            Some(Field::Choices(_)) | None => "",
        }
    }

    /// Which choice is made; the first where there is none to make.
    pub fn chosen(&self, id: Id) -> usize {
        match self.field(id) {
            Some(Field::Choices(chosen)) => *chosen,
            _ => 0,
        }
    }

    /// Empties a field. What was said about it stays.
    pub fn clear(&mut self, id: Id) {
        match self.field_mut(id) {
            Some(Field::Text(field)) => field.edit(Edit::Clear),
            Some(Field::Secret(field)) => field.clear(),
            Some(Field::Code(field)) => field.clear(),
            Some(Field::Choices(_)) | None => {}
        }
    }

    /// Puts `value` into an empty field.
    pub fn fill(&mut self, id: Id, value: &str) {
        match self.field_mut(id) {
            Some(Field::Text(field)) => field.paste(value),
            Some(Field::Secret(field)) => field.paste(value),
            Some(Field::Code(field)) => _ = field.paste(value),
            Some(Field::Choices(_)) | None => {}
        }
    }

    /// Takes note of what is wrong with items, in place of all that was said before, and leads to the first of them. Says
    /// whether nothing is.
    pub fn judge<const N: usize>(&mut self, wrong: [(Id, Option<Sentence>); N]) -> bool {
        let wrong = wrong.into_iter();
        self.wrong = wrong.filter_map(|(id, said)| Some((id, said?))).collect();
        if let Some((first, _)) = self.wrong.first() {
            self.focus = *first;
        }
        self.wrong.is_empty()
    }

    /// Says this of an item in place of all that was said before, and leads to it.
    pub fn refuse(&mut self, id: Id, said: Sentence) {
        self.judge([(id, Some(said))]);
    }

    /// Says this of an item, whatever is said of others.
    pub fn say(&mut self, id: Id, said: Sentence) {
        self.settle(id);
        self.wrong.push((id, said));
    }

    /// Says nothing any more of this item.
    pub fn settle(&mut self, id: Id) {
        self.wrong.retain(|(wrong, _)| *wrong != id);
    }

    /// The code in a field, which stays there; `None` if it is none, which is then said beside it.
    pub fn judge_code(&mut self, id: Id) -> Option<Passcode> {
        match Passcode::parse(self.value(id)) {
            Ok(code) => {
                self.settle(id);
                Some(code)
            }
            Err(error) => {
                self.say(id, code_words(error));
                None
            }
        }
    }

    /// This item was chosen too early.
    pub fn put_off(&mut self, id: Id) {
        self.put_off = Some(id);
    }

    /// What was chosen too early.
    pub fn take_put_off(&mut self) -> Option<Id> {
        self.put_off.take()
    }

    /// Whether letters, Space, Left and Right are for the focused item.
    pub fn typing(&self, items: &Items<Id>) -> bool {
        items.at(self.focus).is_some_and(Item::is_typed_into)
    }

    /// Whether what Enter does at the focused item cannot be taken back.
    pub fn is_grave(&self, items: &Items<Id>) -> bool {
        items.at(self.focus).is_some_and(Item::is_grave)
    }

    /// Does what a key means among `items`, but for what only the screen can do.
    pub fn command(&mut self, command: Command, items: &Items<Id>) -> Pressed<Id> {
        if command == Command::Back {
            return Pressed::Back;
        }
        let Some(item) = items.at(self.focus) else {
            return Pressed::Nothing;
        };
        // What was in focus may have gone.
        self.focus = item.id;
        let to = match command {
            Command::Activate if item.leads_on() => items.moved(item.id, Command::Next),
            Command::Activate => return Pressed::Chosen(item.id),
            Command::Edit(edit) => return self.edit(item, edit),
            Command::Jump(letter) => {
                let meant = items.jumped(item.id, letter);
                if let Some(meant) = meant.filter(|meant| items.acts_at_once(*meant, letter)) {
                    self.focus = meant;
                    return Pressed::Chosen(meant);
                }
                meant
            }
            other => items.moved(item.id, other),
        };
        self.focus = to.unwrap_or(self.focus);
        Pressed::Nothing
    }

    fn edit(&mut self, item: &Item<Id>, edit: Edit) -> Pressed<Id> {
        let mut change = Change::Typed;
        match self.field_mut(item.id) {
            Some(Field::Text(field)) => field.edit(edit),
            Some(Field::Secret(field)) => field.edit(edit),
            Some(Field::Code(field)) => {
                let before = field.digits().len();
                if field.edit(edit) {
                    change = Change::Completed;
                } else if field.digits().len() == before {
                    return self.unchanged_code(item.id, edit);
                }
            }
            Some(Field::Choices(chosen)) => {
                *chosen = item.chosen(*chosen, edit);
                self.settle(item.id);
                return Pressed::Changed(item.id, change);
            }
            None => return Pressed::Nothing,
        }
        if edit.moves_cursor() {
            return Pressed::Nothing;
        }
        self.settle(item.id);
        Pressed::Changed(item.id, change)
    }

    /// A key that a code has no place for: what is no digit, nor put between digits, is said at once.
    fn unchanged_code(&mut self, id: Id, edit: Edit) -> Pressed<Id> {
        if let Edit::Insert(c) = edit
            && let Err(error @ PasscodeInputError::NotDigits) =
                Passcode::parse(c.encode_utf8(&mut [0; 4]))
        {
            self.say(id, code_words(error));
        }
        Pressed::Nothing
    }

    /// Gives pasted text to the field in focus, or to the only one there is.
    pub fn paste(&mut self, text: &str, items: &Items<Id>) -> Pressed<Id> {
        let focused = items.at(self.focus).filter(|item| item.is_field());
        let mut fields = items.iter().filter(|item| item.is_field());
        let only = fields.next().filter(|_| fields.next().is_none());
        let Some(item) = focused.or(only) else {
            return Pressed::Nothing;
        };
        self.focus = item.id;
        self.settle(item.id);
        let mut change = Change::Pasted;
        match self.field_mut(item.id) {
            Some(Field::Text(field)) => field.paste(text),
            Some(Field::Secret(field)) if item.is_copied() => field.replace(text),
            Some(Field::Secret(field)) => field.paste(text),
            Some(Field::Code(field)) => match field.paste(text) {
                Ok(true) => change = Change::Completed,
                Ok(false) => {}
                Err(error) => {
                    self.say(item.id, code_words(error));
                    return Pressed::Nothing;
                }
            },
            Some(Field::Choices(_)) | None => return Pressed::Nothing,
        }
        Pressed::Changed(item.id, change)
    }
}

/// What is wrong with what was typed as a code.
fn code_words(error: PasscodeInputError) -> Sentence {
    match error {
        PasscodeInputError::Empty => |text| text.passcode.empty.clone(),
        PasscodeInputError::TooShort | PasscodeInputError::TooLong => {
            |text| text.passcode.short.clone()
        }
        PasscodeInputError::NotDigits => |text| text.passcode.not_digits.clone(),
    }
}

#[cfg(test)]
mod tests;
