//! Bytes of a terminal to keys, for every door alike.
//!
//! Where one sequence ends and the next begins is decided here, by ECMA-48's framing, so that sequences may arrive
//! split anywhere, a lone Esc is told from the beginning of a sequence, and no garbage (an unterminated string, an
//! endless paste) can swallow the keyboard or grow in memory. What a sequence means is left to `terminput`.

use std::time::Duration;

use terminput::{Event as Parsed, KeyCode, KeyEventKind, KeyModifiers};
use zeroize::Zeroizing;

use crate::{
    session::Input,
    tui::command::{Key, KeyPress},
};

/// The most bytes of one paste that are kept; no field here takes more than a link.
pub const LARGEST_PASTE: usize = 16 * 1024;

/// Longest sequence that is looked at; a longer one is read to its end and dropped.
const LONGEST_SEQUENCE: usize = 64;

const PASTE_END: &[u8] = b"\x1b[201~";

/// An Esc that nothing follows within this time is the key.
const ESCAPE_SILENCE: Duration = Duration::from_millis(50);

/// A sequence that nothing follows within this time is garbage, and a paste what came of it.
const SEQUENCE_SILENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum State {
    Ground,
    /// After Esc.
    Escape,
    /// After Esc [ : parameters until a final byte.
    Csi,
    /// After Esc O : one byte.
    Ss3,
    /// A string (OSC, DCS, SOS, PM, APC) until BEL or ST; nobody types these.
    Text {
        escape: bool,
    },
    /// Inside a bracketed paste.
    Paste,
    /// Inside a UTF-8 character.
    Utf8 {
        missing: usize,
    },
}

/// Decodes one terminal's bytes.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    sequence: Vec<u8>,
    paste: Zeroizing<Vec<u8>>,
    /// How many bytes of [`PASTE_END`] the paste ends with so far.
    paste_end: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Ground,
            sequence: Vec::with_capacity(LONGEST_SEQUENCE),
            paste: Zeroizing::new(Vec::new()),
            paste_end: 0,
        }
    }
}

impl Decoder {
    /// Decodes `bytes`, calling `typed` for each key or paste that is complete.
    pub fn feed(&mut self, bytes: &[u8], typed: &mut impl FnMut(Input)) {
        for byte in bytes {
            self.byte(*byte, typed);
        }
    }

    /// After how long a silence what is begun is over: an Esc that may be just an Esc, a broken sequence, a paste whose
    /// end got lost. `None` where nothing is begun.
    pub fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(ESCAPE_SILENCE),
            // Over a network the rest may be a while on its way, and nobody waits for it at the screen.
            _ => Some(SEQUENCE_SILENCE),
        }
    }

    /// The terminal has been silent for a while: an Esc alone is the key, half a sequence is garbage, and a paste
    /// whose end never came is what came of it.
    pub fn silence(&mut self, typed: &mut impl FnMut(Input)) {
        match self.state {
            State::Escape => typed(Input::Key(Key::Esc.into())),
            State::Paste => self.finish_paste(typed),
            _ => {}
        }
        self.rest();
    }

    fn rest(&mut self) {
        self.state = State::Ground;
        self.sequence.clear();
    }

    fn byte(&mut self, byte: u8, typed: &mut impl FnMut(Input)) {
        match self.state {
            State::Ground => self.ground(byte, typed),
            State::Escape => match byte {
                b'[' => self.enter(State::Csi, byte),
                b'O' => self.enter(State::Ss3, byte),
                b']' | b'P' | b'X' | b'^' | b'_' => self.enter(State::Text { escape: false }, byte),
                0x1b => typed(Input::Key(Key::Esc.into())),
                _ => {
                    // Esc and a key that came with it: the key with Alt.
                    self.rest();
                    self.ground(byte, &mut |event| {
                        typed(match event {
                            Input::Key(key) => Input::Key(KeyPress { alt: true, ..key }),
                            other => other,
                        });
                    });
                }
            },
            State::Csi => {
                if byte == 0x1b {
                    self.rest();
                    return self.ground(byte, typed);
                }
                self.push(byte);
                // The Linux console sends its first function keys as Esc [ [ A.
                let linux_function = self.sequence == b"\x1b[[";
                if (0x40..=0x7e).contains(&byte) && !linux_function {
                    self.end_sequence(typed);
                }
            }
            State::Ss3 => {
                self.push(byte);
                self.end_sequence(typed);
            }
            State::Text { escape } => match byte {
                0x07 => self.rest(),
                b'\\' if escape => self.rest(),
                _ => {
                    self.state = State::Text {
                        escape: byte == 0x1b,
                    }
                }
            },
            State::Paste => self.pasted(byte, typed),
            State::Utf8 { missing } => {
                if byte & 0xc0 != 0x80 {
                    self.rest();
                    return self.ground(byte, typed);
                }
                self.push(byte);
                if missing > 1 {
                    self.state = State::Utf8 {
                        missing: missing - 1,
                    };
                } else {
                    self.end_sequence(typed);
                }
            }
        }
    }

    fn ground(&mut self, byte: u8, typed: &mut impl FnMut(Input)) {
        let missing = match byte {
            0x1b => return self.enter(State::Escape, byte),
            0xc2..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf4 => 3,
            _ => 0,
        };
        self.enter(State::Utf8 { missing }, byte);
        if missing == 0 {
            self.end_sequence(typed);
        }
    }

    fn enter(&mut self, state: State, byte: u8) {
        self.state = state;
        self.push(byte);
    }

    fn push(&mut self, byte: u8) {
        if self.sequence.len() < LONGEST_SEQUENCE {
            self.sequence.push(byte);
        }
    }

    fn end_sequence(&mut self, typed: &mut impl FnMut(Input)) {
        if self.sequence == b"\x1b[200~" {
            self.rest();
            self.state = State::Paste;
            return;
        }
        if self.sequence.len() < LONGEST_SEQUENCE
            && let Ok(Some(Parsed::Key(event))) = Parsed::parse_from(&self.sequence)
            && event.kind != KeyEventKind::Release
            && let Some(key) = key_press(event.code, event.modifiers)
        {
            typed(Input::Key(key));
        }
        self.rest();
    }

    fn pasted(&mut self, byte: u8, typed: &mut impl FnMut(Input)) {
        self.paste_end = match byte {
            _ if byte == PASTE_END[self.paste_end] => self.paste_end + 1,
            0x1b => 1,
            _ => 0,
        };
        if self.paste.capacity() < LARGEST_PASTE {
            // Reserved in full at once, so that a pasted password leaves no copies in freed memory.
            self.paste.reserve_exact(LARGEST_PASTE);
        }
        if self.paste.len() < LARGEST_PASTE {
            self.paste.push(byte);
        }
        if self.paste_end == PASTE_END.len() {
            if self.paste.ends_with(PASTE_END) {
                let end = self.paste.len() - PASTE_END.len();
                self.paste.truncate(end);
            }
            self.finish_paste(typed);
            self.rest();
        }
    }

    fn finish_paste(&mut self, typed: &mut impl FnMut(Input)) {
        let paste = std::mem::take(&mut self.paste);
        self.paste_end = 0;
        let text = Zeroizing::new(String::from_utf8_lossy(&paste).into_owned());
        if !text.is_empty() {
            typed(Input::Paste(text));
        }
    }
}

fn key_press(code: KeyCode, modifiers: KeyModifiers) -> Option<KeyPress> {
    let ctrl = modifiers.contains(KeyModifiers::CTRL);
    let alt = modifiers.contains(KeyModifiers::ALT);
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    let key = match code {
        // Terminals that send Ctrl-H for the backspace key are older than most people in the queue, and still there.
        KeyCode::Char('h') if ctrl => return Some(Key::Backspace.into()),
        KeyCode::Char('j' | 'm') if ctrl => return Some(Key::Enter.into()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab if shift => Key::BackTab,
        KeyCode::Tab => Key::Tab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(number) => Key::Function(number),
        _ => return None,
    };
    Some(KeyPress { key, ctrl, alt })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> Vec<Input> {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk, &mut |typed| all.push(typed));
        }
        decoder.silence(&mut |typed| all.push(typed));
        all
    }

    fn keys(bytes: &[u8]) -> Vec<Key> {
        decode(&[bytes])
            .into_iter()
            .map(|typed| match typed {
                Input::Key(press) => press.key,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn keys_of_common_terminals_are_understood() {
        assert_eq!(
            keys(b"a\x1b[A\x1bOB\r\t\x1b[Z\x7f\x08"),
            [
                Key::Char('a'),
                Key::Up,
                Key::Down,
                Key::Enter,
                Key::Tab,
                Key::BackTab,
                Key::Backspace,
                Key::Backspace
            ]
        );
        // F1 and F2 as xterm, the Linux console and rxvt send them.
        for (bytes, number) in [
            (&b"\x1bOP"[..], 1),
            (b"\x1b[[A", 1),
            (b"\x1b[11~", 1),
            (b"\x1bOQ", 2),
            (b"\x1b[[B", 2),
            (b"\x1b[12~", 2),
        ] {
            assert_eq!(
                keys(bytes),
                [Key::Function(number)],
                "{:?}",
                bytes.escape_ascii().to_string()
            );
        }
        assert_eq!(keys("é漢".as_bytes()), [Key::Char('é'), Key::Char('漢')]);
    }

    #[test]
    fn a_lone_esc_is_a_key_once_silence_says_so() {
        let mut decoder = Decoder::default();
        let mut all = Vec::new();
        decoder.feed(b"\x1b", &mut |typed| all.push(typed));
        assert!(all.is_empty() && decoder.patience().is_some());
        decoder.silence(&mut |typed| all.push(typed));
        assert_eq!(all, [Input::Key(Key::Esc.into())]);
        assert_eq!(decoder.patience(), None);
    }

    #[test]
    fn a_paste_is_one_event_and_escapes_inside_it_are_text() {
        let pasted = decode(&[b"\x1b[200~123 456\x1b[Ax\x1b[201~b"]);
        assert_eq!(
            pasted,
            [
                Input::Paste(Zeroizing::new("123 456\u{1b}[Ax".into())),
                Input::Key(Key::Char('b').into()),
            ]
        );
    }

    #[test]
    fn a_huge_paste_is_cut_and_one_without_an_end_ends_with_silence() {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.resize(10_000_000, b'x');
        for end in [&b"\x1b[201~"[..], b""] {
            let pasted = decode(&[&bytes, end]);
            match pasted.as_slice() {
                [Input::Paste(text)] => assert_eq!(text.len(), LARGEST_PASTE),
                other => panic!("{} events", other.len()),
            }
        }
    }

    #[test]
    fn garbage_types_nothing_and_does_not_swallow_the_keyboard() {
        for garbage in [
            &b"\x1b]0;a title\x07"[..],
            b"\x1bP1$r0m\x1b\\",
            b"\x1b[?1;2c",
            b"\x1b[<0;10;10M",
            b"\x1b[999;999R",
            b"\x1b[\x1b[A\x1b[B\x7f\x7f",
            b"\xff\xfe\xc0",
            b"\xe2\x82",
        ] {
            let mut bytes = garbage.to_vec();
            bytes.extend(b"\x1b[A");
            assert_eq!(
                keys(&bytes)
                    .iter()
                    .filter(|key| matches!(key, Key::Char(_)))
                    .count(),
                0,
                "{}",
                garbage.escape_ascii()
            );
            bytes.push(b'z');
            assert_eq!(
                keys(&bytes).last(),
                Some(&Key::Char('z')),
                "{}",
                garbage.escape_ascii()
            );
        }
        let endless = [&b"\x1b["[..], &[b'1'; 100_000]].concat();
        assert_eq!(keys(&endless), []);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_split_makes_no_difference(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let whole = decode(&[&bytes]);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(whole, decode(&single));
        }
    }
}
