//! Keys typed while a request is under way, kept for the field that may come with the answer, and wiped.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use super::command::{Key, KeyPress};

/// Nobody types so many keys ahead; a cat may.
const MOST_KEYS: usize = 256;

/// Bytes of pastes, which come before the next field is there only by a slip.
const MOST_PASTED: usize = 4096;

/// Keys and pastes in their order. They may be a code or a password.
#[derive(Default)]
pub struct TypedAhead {
    typed: Vec<Typed>,
    pasted: usize,
    /// More came than is kept: a part of it would be worse than nothing.
    is_too_much: bool,
}

/// What came at once.
#[derive(Clone)]
pub enum Typed {
    Key(KeyPress),
    Paste(Zeroizing<String>),
}

impl TypedAhead {
    pub fn push(&mut self, typed: Typed) {
        // An Enter with nothing before it is one more of what was sent, by a key or by its sixth digit.
        let is_enter = matches!(&typed, Typed::Key(press) if press.key == Key::Enter);
        if self.is_too_much || self.typed.is_empty() && is_enter {
            return;
        }
        if let Typed::Paste(text) = &typed {
            self.pasted += text.len();
        }
        if self.typed.len() == MOST_KEYS || self.pasted > MOST_PASTED {
            self.wipe();
            self.is_too_much = true;
            return;
        }
        if self.typed.capacity() == 0 {
            // A list that grows leaves copies behind.
            self.typed.reserve_exact(MOST_KEYS);
        }
        self.typed.push(typed);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Typed> {
        self.typed.iter()
    }

    fn wipe(&mut self) {
        for typed in &mut self.typed {
            if let Typed::Key(KeyPress {
                key: Key::Char(typed),
                ..
            }) = typed
            {
                typed.zeroize();
            }
        }
        // Pastes wipe themselves.
        self.typed.clear();
    }
}

impl Drop for TypedAhead {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for TypedAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedAhead")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> TypedAhead {
        let mut ahead = TypedAhead::default();
        for _ in 0..count {
            ahead.push(Typed::Key(Key::Char('7').into()));
        }
        ahead
    }

    #[test]
    fn what_is_typed_ahead_is_bounded_whole_or_nothing_and_never_debugged() {
        assert_eq!(keys(MOST_KEYS).iter().count(), MOST_KEYS);
        assert_eq!(keys(MOST_KEYS + 1).iter().count(), 0);
        assert_eq!(keys(2 * MOST_KEYS + 1).iter().count(), 0);
        let mut ahead = keys(1);
        ahead.push(Typed::Paste(Zeroizing::new("x".repeat(MOST_PASTED))));
        assert_eq!(ahead.iter().count(), 2);
        ahead.push(Typed::Paste(Zeroizing::new("x".into())));
        assert_eq!(ahead.iter().count(), 0);
        assert!(!format!("{:?}", keys(6)).contains('7'));
    }

    #[test]
    fn an_enter_before_anything_is_the_submissions_own() {
        let mut ahead = TypedAhead::default();
        for key in [Key::Enter, Key::Enter, Key::Char('7'), Key::Enter] {
            ahead.push(Typed::Key(key.into()));
        }
        assert_eq!(ahead.iter().count(), 2);
    }
}
