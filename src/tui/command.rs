//! Keys, and what they mean: the one place that looks at raw keys. Screens speak of commands.

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

/// What a key means to a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Next,
    Previous,
    PageDown,
    PageUp,
    First,
    Last,
    /// Do what the focused item is for.
    Activate,
    /// Go back.
    Back,
    /// A letter where no text is being typed: jump to the item that begins with it; on a menu, do what that is for.
    Jump(char),
    Edit(Edit),
}

impl Command {
    /// The small form of the letter that was pressed, whether it jumps or is typed.
    pub fn letter(self) -> Option<char> {
        match self {
            Self::Jump(letter) | Self::Edit(Edit::Insert(letter)) => {
                Some(letter.to_ascii_lowercase())
            }
            _ => None,
        }
    }

    /// Whether all it does is to move the focus, or what is shown of a list.
    pub fn moves_focus(self) -> bool {
        match self {
            Self::Next
            | Self::Previous
            | Self::PageDown
            | Self::PageUp
            | Self::First
            | Self::Last => true,
            Self::Activate | Self::Back | Self::Jump(_) | Self::Edit(_) => false,
        }
    }
}

/// What a key does to the text being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    Insert(char),
    Backspace,
    Delete,
    DeleteWord,
    Clear,
    Left,
    Right,
    Start,
    End,
}

impl Edit {
    /// Whether it only moves the cursor.
    pub fn moves_cursor(self) -> bool {
        match self {
            Self::Left | Self::Right | Self::Start | Self::End => true,
            Self::Insert(_) | Self::Backspace | Self::Delete | Self::DeleteWord | Self::Clear => {
                false
            }
        }
    }
}

/// What a key means everywhere, on top of any screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    Help,
    SwitchLanguage,
    /// One of the three information pages, by its place in the footer.
    Page(usize),
    /// Ctrl-C: leaves where leaving is allowed, and is nothing on a kiosk.
    Interrupt,
    /// Ctrl-L: the whole screen is painted anew.
    Repaint,
}

/// What `press` means on top of any screen, if anything. No key with Alt means anything, here or to a screen: Esc and a
/// key that come close together look the same.
pub fn global(press: KeyPress) -> Option<Global> {
    match press.key {
        _ if press.alt => None,
        Key::Function(1) => Some(Global::Help),
        Key::Function(2) => Some(Global::SwitchLanguage),
        Key::Function(number @ 3..=5) => Some(Global::Page(usize::from(number - 3))),
        Key::Char('c') if press.ctrl => Some(Global::Interrupt),
        Key::Char('l') if press.ctrl => Some(Global::Repaint),
        _ => None,
    }
}

/// What `press` means to a screen on which text is `typing` or not.
pub fn command(press: KeyPress, typing: bool) -> Option<Command> {
    use Command::{Activate, Back, First, Jump, Last, Next, PageDown, PageUp, Previous};
    let edit = |edit| Some(Command::Edit(edit));
    match press.key {
        _ if press.alt => None,
        Key::Char(c) if press.ctrl => match c {
            _ if !typing => None,
            'u' => edit(Edit::Clear),
            'w' => edit(Edit::DeleteWord),
            'a' => edit(Edit::Start),
            'e' => edit(Edit::End),
            _ => None,
        },
        Key::Char(c) if typing => edit(Edit::Insert(c)),
        Key::Char(' ') | Key::Enter => Some(Activate),
        Key::Char(c) => Some(Jump(c)),
        Key::Esc => Some(Back),
        Key::Tab | Key::Down => Some(Next),
        Key::BackTab | Key::Up => Some(Previous),
        Key::Left if typing => edit(Edit::Left),
        Key::Right if typing => edit(Edit::Right),
        Key::Home if typing => edit(Edit::Start),
        Key::End if typing => edit(Edit::End),
        Key::Backspace if typing => edit(Edit::Backspace),
        Key::Delete if typing => edit(Edit::Delete),
        Key::Left => Some(Previous),
        Key::Right => Some(Next),
        Key::Home => Some(First),
        Key::End => Some(Last),
        Key::PageUp => Some(PageUp),
        Key::PageDown => Some(PageDown),
        Key::Backspace | Key::Delete | Key::Function(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: Key) -> KeyPress {
        key.into()
    }

    #[test]
    fn letters_are_text_where_text_is_typed_and_jump_elsewhere() {
        let typed = press(Key::Char('l'));
        assert_eq!(command(typed, true), Some(Command::Edit(Edit::Insert('l'))));
        assert_eq!(command(typed, false), Some(Command::Jump('l')));
        let space = press(Key::Char(' '));
        assert_eq!(command(space, false), Some(Command::Activate));
        assert_eq!(command(space, true), Some(Command::Edit(Edit::Insert(' '))));
    }

    #[test]
    fn a_key_with_alt_means_nothing() {
        for key in [
            Key::Enter,
            Key::Esc,
            Key::Tab,
            Key::Left,
            Key::Backspace,
            Key::Delete,
            Key::End,
            Key::Char(' '),
            Key::Char('l'),
            Key::Function(2),
        ] {
            for ctrl in [false, true] {
                let press = KeyPress {
                    key,
                    ctrl,
                    alt: true,
                };
                assert_eq!(global(press), None, "{press:?}");
                assert_eq!(command(press, true), None, "{press:?}");
                assert_eq!(command(press, false), None, "{press:?}");
            }
        }
    }

    #[test]
    fn keys_that_stop_or_kill_elsewhere_mean_nothing_here() {
        for c in ['z', '\\', '4', 's', 'q', 'd', 'c'] {
            let press = KeyPress {
                key: Key::Char(c),
                ctrl: true,
                alt: false,
            };
            assert_eq!(command(press, true), None, "Ctrl-{c}");
            assert_eq!(command(press, false), None, "Ctrl-{c}");
        }
    }
}
