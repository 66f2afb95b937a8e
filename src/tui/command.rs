//! Keys, and what they mean: screens speak of commands, never of raw keys.

/// A key as a person pressed it, whatever terminal or protocol it came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPress {
    pub key: Key,
    pub ctrl: bool,
    pub alt: bool,
}

/// The keys that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
    Function(u8),
}

impl From<Key> for KeyPress {
    fn from(key: Key) -> Self {
        Self {
            key,
            ctrl: false,
            alt: false,
        }
    }
}
