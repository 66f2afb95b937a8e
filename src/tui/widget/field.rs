//! Fields that are typed into: text, a secret, a code.

use tui_input::{Input, InputRequest};
use zeroize::Zeroizing;

use crate::{
    domain::{
        identity::is_disguise,
        passcode::{PasscodeInputError, digit_of},
    },
    tui::command::Edit,
};

/// A line of text that may be shown.
#[derive(Debug)]
pub struct TextField {
    input: Input,
    limit: usize,
}

impl TextField {
    /// A field for at most `limit` characters.
    pub fn new(limit: usize) -> Self {
        Self {
            input: Input::default(),
            limit,
        }
    }

    pub fn value(&self) -> &str {
        self.input.value()
    }

    /// The cursor's column and the column at which a window of `width` columns begins.
    pub fn cursor_and_scroll(&self, width: usize) -> (usize, usize) {
        let scroll = self.input.visual_scroll(width.saturating_sub(1).max(1));
        (self.input.visual_cursor(), scroll)
    }

    pub fn edit(&mut self, edit: Edit) {
        let request = match edit {
            // What is typed here is shown here.
            Edit::Insert(c) if is_disguise(c) => return,
            Edit::Insert(_) if self.value().chars().count() >= self.limit => return,
            Edit::Insert(c) => InputRequest::InsertChar(c),
            Edit::Backspace => InputRequest::DeletePrevChar,
            Edit::Delete => InputRequest::DeleteNextChar,
            Edit::DeleteWord => InputRequest::DeletePrevWord,
            Edit::Clear => InputRequest::DeleteLine,
            Edit::Left => InputRequest::GoToPrevChar,
            Edit::Right => InputRequest::GoToNextChar,
            Edit::Start => InputRequest::GoToStart,
            Edit::End => InputRequest::GoToEnd,
        };
        self.input.handle(request);
    }

    /// Inserts pasted text, in one line and as far as the limit allows.
    pub fn paste(&mut self, text: &str) {
        let room = self.limit.saturating_sub(self.value().chars().count());
        let one_line = text.trim().chars().filter(|c| !is_disguise(*c));
        for c in one_line.take(room) {
            self.edit(Edit::Insert(c));
        }
    }
}

/// A secret: wiped from memory when cleared or dropped, shown as one mark a letter.
pub struct SecretField {
    /// Grows only by [`SecretField::make_room`], so that no copy is left behind in freed memory.
    value: Zeroizing<String>,
    limit: usize,
    cursor: usize,
}

impl SecretField {
    /// What is reserved at once: a password's whole length. A link may need more; most fields for one stay empty.
    const RESERVED: usize = 512;

    /// A field for at most `limit` characters.
    pub fn new(limit: usize) -> Self {
        Self {
            value: Zeroizing::new(String::with_capacity((4 * limit).min(Self::RESERVED))),
            limit,
            cursor: 0,
        }
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    /// The number of letters typed.
    pub fn length(&self) -> usize {
        self.value.chars().count()
    }

    pub fn cursor(&self) -> usize {
        self.cursor
    }

    pub fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    pub fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(c) => {
                if !c.is_control() && self.length() < self.limit {
                    let at = self.byte(self.cursor);
                    self.make_room(c.len_utf8());
                    self.value.insert(at, c);
                    self.cursor += 1;
                }
            }
            Edit::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.remove_at_cursor();
            }
            Edit::Delete => self.remove_at_cursor(),
            Edit::DeleteWord | Edit::Clear => self.clear(),
            Edit::Left => self.cursor = self.cursor.saturating_sub(1),
            Edit::Right => self.cursor = (self.cursor + 1).min(self.length()),
            Edit::Start => self.cursor = 0,
            Edit::End => self.cursor = self.length(),
            Edit::Backspace => {}
        }
    }

    pub fn paste(&mut self, text: &str) {
        let room = self.limit.saturating_sub(self.length());
        let typed = text.trim_matches(['\r', '\n']).chars().take(self.limit);
        let typed: Zeroizing<Vec<char>> =
            Zeroizing::new(typed.filter(|c| !c.is_control()).take(room).collect());
        let at = self.byte(self.cursor);
        self.make_room(typed.iter().map(|c| c.len_utf8()).sum());
        let behind = Zeroizing::new(self.value[at..].to_owned());
        self.value.truncate(at);
        self.value.extend(typed.iter());
        self.value.push_str(&behind);
        self.cursor += typed.len();
    }

    /// Puts pasted text in the place of all that was there, in one line; where the text's lines end, it stays broken.
    pub fn replace(&mut self, text: &str) {
        self.clear();
        let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        self.paste(Zeroizing::new(line.collect::<String>()).trim());
    }

    /// Moves the value to where `more` bytes fit behind it; the old place is wiped.
    fn make_room(&mut self, more: usize) {
        if self.value.capacity() - self.value.len() < more {
            let mut roomier =
                Zeroizing::new(String::with_capacity(2 * self.value.capacity() + more));
            roomier.push_str(&self.value);
            self.value = roomier;
        }
    }

    fn remove_at_cursor(&mut self) {
        let at = self.byte(self.cursor);
        if at < self.value.len() {
            self.value.remove(at);
        }
    }

    fn byte(&self, position: usize) -> usize {
        let mut bytes = self.value.char_indices().map(|(at, _)| at);
        bytes.nth(position).unwrap_or(self.value.len())
    }
}

impl std::fmt::Debug for SecretField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretField(…)")
    }
}

/// The six digits of a code.
pub struct CodeField {
    digits: Zeroizing<String>,
}

impl Default for CodeField {
    fn default() -> Self {
        Self {
            digits: Zeroizing::new(String::with_capacity(Self::DIGITS)),
        }
    }
}

impl CodeField {
    pub const DIGITS: usize = 6;

    pub fn digits(&self) -> &str {
        &self.digits
    }

    pub fn is_full(&self) -> bool {
        self.digits.len() == Self::DIGITS
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Edits the digits. Says whether the last missing digit was typed.
    pub fn edit(&mut self, edit: Edit) -> bool {
        match edit {
            Edit::Insert(c) => {
                if let Some(digit) = digit_of(c)
                    && !self.is_full()
                {
                    self.digits.push(digit);
                    return self.is_full();
                }
            }
            Edit::Backspace => drop(self.digits.pop()),
            Edit::DeleteWord | Edit::Clear => self.clear(),
            Edit::Delete | Edit::Left | Edit::Right | Edit::Start | Edit::End => {}
        }
        false
    }

    /// Takes the digits of pasted text in place of what was typed. Says whether it was a whole code.
    ///
    /// # Errors
    ///
    /// If there are none in it, or more than a code has; what was typed stays.
    pub fn paste(&mut self, text: &str) -> Result<bool, PasscodeInputError> {
        let digits: Zeroizing<String> =
            Zeroizing::new(text.chars().take(64).filter_map(digit_of).collect());
        if digits.is_empty() {
            return Err(PasscodeInputError::NotDigits);
        }
        if digits.len() > Self::DIGITS {
            return Err(PasscodeInputError::TooLong);
        }
        if digits.len() == Self::DIGITS {
            self.clear();
        }
        let mut full = false;
        for digit in digits.chars() {
            full = self.edit(Edit::Insert(digit));
        }
        Ok(full)
    }
}

impl std::fmt::Debug for CodeField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeField(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_field_is_bounded_and_takes_one_line() {
        let mut field = TextField::new(8);
        field.paste("  ab\ncd\u{1b}[2J and a novel");
        assert_eq!(field.value(), "abcd[2J ");
        field.edit(Edit::Insert('x'));
        assert_eq!(field.value(), "abcd[2J ");
        field.edit(Edit::Start);
        field.edit(Edit::Delete);
        assert_eq!(field.value(), "bcd[2J ");
    }

    #[test]
    fn a_secret_never_moves_in_memory_and_is_edited_at_the_cursor() {
        let mut field = SecretField::new(128);
        let place = field.value.as_ptr();
        field.paste(&"𝕏".repeat(1000));
        assert_eq!(field.length(), 128);
        assert_eq!(field.value.as_ptr(), place);
        field.clear();
        for c in "acé".chars() {
            field.edit(Edit::Insert(c));
        }
        field.edit(Edit::Left);
        field.edit(Edit::Left);
        field.edit(Edit::Insert('b'));
        field.edit(Edit::End);
        field.edit(Edit::Backspace);
        assert_eq!(field.value(), "abc");
        assert!(!format!("{field:?}").contains("abc"));
    }

    #[test]
    fn a_long_secret_is_taken_whole_up_to_its_limit() {
        let mut field = SecretField::new(2048);
        field.paste(&"é".repeat(3000));
        assert_eq!((field.length(), field.cursor()), (2048, 2048));
        assert_eq!(field.value(), "é".repeat(2048));
    }

    #[test]
    fn the_sixth_digit_completes_a_code_and_nothing_else_does() {
        let mut field = CodeField::default();
        for c in ['1', 'x', '２', ' ', '-', '3', '4', '5'] {
            assert!(!field.edit(Edit::Insert(c)), "{c:?}");
        }
        assert!(field.edit(Edit::Insert('6')));
        assert_eq!(field.digits(), "123456");
        assert!(!field.edit(Edit::Insert('7')));
        assert_eq!(field.digits(), "123456");
    }

    #[test]
    fn a_pasted_code_replaces_what_was_typed_and_a_novel_does_nothing() {
        let mut field = CodeField::default();
        field.edit(Edit::Insert('9'));
        let novel = field.paste(&"12 ".repeat(1_000));
        assert_eq!(novel, Err(PasscodeInputError::TooLong));
        assert_eq!(field.paste("kode"), Err(PasscodeInputError::NotDigits));
        assert_eq!(field.digits(), "9");
        assert_eq!(field.paste(" 123-456\n"), Ok(true));
        assert_eq!(field.digits(), "123456");
    }
}
