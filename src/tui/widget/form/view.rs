//! A form as it is drawn: each item where its screen wants it, with what is wrong with it right below.

use super::{
    Field, Form,
    items::{Item, Items, Look},
};
use crate::tui::{
    text::Text,
    widget::sheet::{Action, ActionKind, Sheet},
};

/// A form and its items, to be written into a sheet.
#[derive(Debug)]
pub struct View<'a, Id> {
    form: &'a Form<Id>,
    items: Items<Id>,
    text: &'static Text,
}

impl<'a, Id: Copy + PartialEq> View<'a, Id> {
    pub fn new(form: &'a Form<Id>, items: Items<Id>, text: &'static Text) -> Self {
        Self { form, items, text }
    }

    pub fn is_focused(&self, id: Id) -> bool {
        let focused = self.items.at(self.form.focus);
        focused.is_some_and(|item| item.id == id)
    }

    /// What is wrong with an item, if anything is.
    pub fn wrong(&self, id: Id) -> Option<String> {
        let mut wrong = self.form.wrong.iter();
        let (_, said) = wrong.find(|(item, _)| *item == id)?;
        Some(said(self.text))
    }

    /// Writes an item, if it is there, and what is wrong with it; a field below its label keeps a line for that.
    pub fn write(&self, sheet: &mut Sheet, id: Id) {
        let Some(item) = self.items.get(id) else {
            return;
        };
        let focused = self.is_focused(id);
        match &item.look {
            Look::Field {
                columns,
                in_row,
                is_copied,
                is_shown,
                is_large,
            } => {
                let is_large = *is_large && sheet.is_roomy();
                match self.form.field(id) {
                    Some(Field::Code(field)) if is_large => {
                        sheet.large_code_field(item.label, field, focused);
                    }
                    _ => self.write_field(sheet, id, (*columns, *in_row, *is_copied || *is_shown)),
                }
                match self.wrong(id) {
                    Some(wrong) => sheet.error(&wrong),
                    None if *in_row => {}
                    None => sheet.gap(),
                }
            }
            Look::Choices(choices) => {
                sheet.row_choice(item.label, choices, self.form.chosen(id), focused);
            }
            Look::Button | Look::Link => sheet.action_line(&self.action(item)),
            Look::Entry => sheet.choice(item.label, focused),
            Look::Radio { on, aside } => sheet.radio(item.label, *on, aside, focused),
            Look::Checkbox { on, aside } => sheet.checkbox(item.label, *on, aside, focused),
            Look::Own => {}
        }
    }

    fn write_field(&self, sheet: &mut Sheet, id: Id, look: (usize, bool, bool)) {
        let (Some(item), Some(field)) = (self.items.get(id), self.form.field(id)) else {
            return;
        };
        let (label, focused) = (item.label, self.is_focused(id));
        match (field, look) {
            (Field::Text(field), (columns, true, _)) => {
                sheet.row_field(label, field, columns, focused);
            }
            (Field::Text(field), (columns, false, _)) => {
                sheet.text_field(label, field, columns, focused);
            }
            (Field::Secret(field), (columns, true, is_shown)) => {
                sheet.row_secret_field(label, field, columns, is_shown, focused);
            }
            (Field::Secret(field), (columns, false, is_shown)) => {
                sheet.secret_field(label, field, columns, is_shown, focused);
            }
            (Field::Code(field), _) => sheet.code_field(label, field, focused),
            (Field::Choices(_), _) => {}
        }
    }

    /// Writes all items that `wanted` chooses, below each other.
    pub fn write_all(&self, sheet: &mut Sheet, wanted: impl Fn(Id) -> bool) {
        for item in self.items.iter().filter(|item| wanted(item.id)) {
            self.write(sheet, item.id);
        }
    }

    /// Writes all buttons and links in one row, or in as many as they need.
    pub fn write_actions(&self, sheet: &mut Sheet) {
        sheet.actions(&self.actions(Item::is_action));
    }

    /// Writes all buttons so.
    pub fn write_buttons(&self, sheet: &mut Sheet) {
        sheet.actions(&self.actions(Item::is_button));
    }

    /// The same, for many: closer together.
    pub fn write_toolbar(&self, sheet: &mut Sheet) {
        sheet.toolbar(&self.actions(Item::is_button));
    }

    fn actions(&self, which: fn(&Item<Id>) -> bool) -> Vec<Action<'static>> {
        let actions = self.items.iter().filter(|item| which(item));
        actions.map(|item| self.action(item)).collect()
    }

    /// A button or a link as it stands.
    fn action(&self, item: &Item<Id>) -> Action<'static> {
        let kind = match item.look {
            Look::Link => ActionKind::Link,
            _ if item.takes_away() => ActionKind::Danger,
            _ if self.items.main() == Some(item.id) => ActionKind::Main,
            _ => ActionKind::Button,
        };
        Action {
            label: item.label,
            focused: self.is_focused(item.id),
            kind,
        }
    }
}
