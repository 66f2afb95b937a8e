//! A filter over the rows of a list: `/` begins it, the rows narrow while somebody types, and Esc takes it away again.
//!
//! A row is shown where each part of what is typed stands somewhere in the words that are shown of it, in capital or small
//! letters. One shape for every list, so that whoever knows one knows all.

use super::{field::TextField, frame::KeyHint, sheet::Sheet};
use crate::tui::{
    command::Command,
    context::Context,
    text::{Text, fill},
};

/// The key that begins it.
pub const KEY: char = '/';

/// Characters that are worth typing.
const LONGEST: usize = 64;

/// Columns of the field.
const COLUMNS: usize = 32;

/// What is typed to narrow a list.
#[derive(Debug)]
pub struct Filter {
    field: TextField,
    /// Letters go into it.
    is_typed: bool,
}

/// What came of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filtered {
    /// It is not the filter's.
    Passed,
    /// It is, and the rows are as before.
    Taken,
    /// Other rows may be shown now.
    Changed,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            field: TextField::new(LONGEST),
            is_typed: false,
        }
    }
}

impl Filter {
    /// Whether letters go into it.
    pub fn is_typed(&self) -> bool {
        self.is_typed
    }

    /// Whether it is there to be seen: it is being typed, or narrows the list.
    pub fn is_shown(&self) -> bool {
        self.is_typed || self.narrows()
    }

    /// Whether rows may be missing.
    pub fn narrows(&self) -> bool {
        !self.field.value().trim().is_empty()
    }

    /// Takes a key, if it is the filter's.
    pub fn command(&mut self, command: Command) -> Filtered {
        match command {
            Command::Jump(KEY) => {
                self.is_typed = true;
                Filtered::Taken
            }
            Command::Back if self.is_shown() => {
                let narrowed = self.narrows();
                *self = Self::default();
                match narrowed {
                    true => Filtered::Changed,
                    false => Filtered::Taken,
                }
            }
            _ if !self.is_typed => Filtered::Passed,
            Command::Edit(edit) => {
                let before = self.field.value().to_owned();
                self.field.edit(edit);
                self.changed_from(&before)
            }
            // Into the rows, at the first of them.
            _ => {
                self.is_typed = false;
                Filtered::Taken
            }
        }
    }

    /// Takes pasted text while letters go into it.
    pub fn paste(&mut self, text: &str) -> Filtered {
        if !self.is_typed {
            return Filtered::Passed;
        }
        let before = self.field.value().to_owned();
        self.field.paste(text);
        self.changed_from(&before)
    }

    fn changed_from(&self, before: &str) -> Filtered {
        match self.field.value() == before {
            true => Filtered::Taken,
            false => Filtered::Changed,
        }
    }

    /// Whether a row is shown of which these words are.
    pub fn matches<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) -> bool {
        if !self.narrows() {
            return true;
        }
        let words: Vec<_> = words
            .into_iter()
            .map(|words| words.as_ref().to_lowercase())
            .collect();
        let typed = self.field.value().to_lowercase();
        let mut parts = typed.split_whitespace();
        parts.all(|part| words.iter().any(|words| words.contains(part)))
    }

    /// Writes it in two rows: what is typed, and that `shown` rows of so many are left.
    pub fn write(&self, sheet: &mut Sheet, context: &Context<'_>, shown: usize, of: usize) {
        let text = context.text;
        sheet.row_field(&text.filter.label, &self.field, COLUMNS, self.is_typed);
        let (shown, of) = (text.number(shown as u64), text.number(of as u64));
        sheet.field_hint(&fill(&text.filter.left, &[("n", &shown), ("of", &of)]));
    }

    /// What Esc is said to do on a list that it leaves otherwise.
    pub fn esc(&self, text: &'static Text) -> &'static str {
        match self.is_shown() {
            true => &text.filter.clear,
            false => &text.key.back,
        }
    }

    /// `hints` with how to begin it; while letters go into it, what the keys do there.
    pub fn hints(&self, hints: Vec<KeyHint>, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        if self.is_typed {
            return vec![
                KeyHint::new("Enter", &text.desk.list),
                KeyHint::new("Esc", &text.filter.clear),
                KeyHint::new("F1", &text.key.help),
                KeyHint::new("F2", &text.key.language),
            ];
        }
        let mut hints = hints;
        // Whoever has a list tries the arrows, so Tab gives way where there would be no room for all.
        hints.retain(|hint| hint.key != "Tab");
        // Before the two that stand everywhere.
        let place = hints.len().saturating_sub(2);
        hints.insert(place, KeyHint::new("/", &text.filter.label));
        hints
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::command::Edit;

    fn typed(text: &str) -> Filter {
        let mut filter = Filter::default();
        assert_eq!(filter.command(Command::Jump(KEY)), Filtered::Taken);
        for letter in text.chars() {
            filter.command(Command::Edit(Edit::Insert(letter)));
        }
        filter
    }

    #[test]
    fn every_part_of_what_is_typed_stands_somewhere_in_the_row() {
        let row = ["Reset TOTP", "PPK30", "Ditolak", "Terminal É"];
        for words in [
            "",
            "  ",
            "reset",
            "ppk",
            "TOTP ppk30",
            "tolak res",
            "é",
            "30",
        ] {
            assert!(typed(words).matches(row), "{words:?}");
        }
        for words in ["ppk31", "reset berhasil", "resettotp"] {
            assert!(!typed(words).matches(row), "{words:?}");
        }
    }

    #[test]
    fn a_key_begins_it_and_esc_takes_it_away() {
        let mut filter = Filter::default();
        assert_eq!(filter.command(Command::Next), Filtered::Passed);
        assert_eq!(filter.command(Command::Jump('g')), Filtered::Passed);
        assert_eq!(filter.command(Command::Back), Filtered::Passed);
        assert_eq!(filter.paste("ppk"), Filtered::Passed);
        assert_eq!(filter.command(Command::Jump(KEY)), Filtered::Taken);
        let insert = |letter| Command::Edit(Edit::Insert(letter));
        assert_eq!(filter.command(insert('/')), Filtered::Changed);
        assert_eq!(filter.command(Command::Edit(Edit::Left)), Filtered::Taken);
        assert_eq!(filter.paste("ppk"), Filtered::Changed);
        // Enter and the arrows lead into the rows; what was typed stays.
        assert_eq!(filter.command(Command::Activate), Filtered::Taken);
        assert!(!filter.is_typed() && filter.narrows());
        assert_eq!(filter.command(Command::Activate), Filtered::Passed);
        assert_eq!(filter.command(Command::Back), Filtered::Changed);
        assert!(!filter.is_shown());
        assert_eq!(filter.command(Command::Back), Filtered::Passed);
        // One that was begun and never typed goes too, and nothing else with it.
        filter.command(Command::Jump(KEY));
        assert_eq!(filter.command(Command::Back), Filtered::Taken);
    }
}
