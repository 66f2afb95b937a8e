//! Bytes of a terminal to keys, for every door alike.
//!
//! Where one sequence ends and the next begins is decided here, by ECMA-48's framing, so that sequences may arrive
//! split anywhere, a lone Esc is told from the beginning of a sequence, and no garbage (an unterminated string, an
//! endless paste) can swallow the keyboard or grow in memory. What a sequence of a key means is left to `terminput`;
//! what a terminal sends besides keys (reports of the mouse, of focus, of itself) never gets as far.

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

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// What a terminal sends at once is here within this time, and nobody presses two keys faster (vim's `ttimeoutlen` is
/// the same).
const ONE_KEY: Duration = Duration::from_millis(100);

/// An Esc over a network is the key when nothing has followed it for this long in all: a packet that got lost is sent
/// again after 200 ms and a round trip (readline's `keyseq-timeout` is the same).
const ESCAPE_OVER_NETWORK: Duration = Duration::from_millis(500);

/// A sequence or a paste that is silent for this long has been broken off, or is late.
const SEQUENCE_AT_CONSOLE: Duration = Duration::from_millis(500);
const SEQUENCE_OVER_NETWORK: Duration = Duration::from_secs(2);

/// What comes within this time after that, and can be the rest of a sequence, is.
const LATE: Duration = Duration::from_secs(5);

/// Reports of the mouse that go on behind their final byte, and how many bytes more they have: the usual one (X10), and
/// two of highlight tracking.
const OPEN_ENDED: [(&[u8], usize); 3] = [(b"\x1b[M", 3), (b"\x1b[t", 2), (b"\x1b[T", 6)];

/// How bytes come from the terminal to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// By the kernel of this machine: what was sent at once arrives at once.
    Console,
    /// By others, who may split it and be late with the rest.
    Network,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Ground,
    /// After Esc, or after two of them.
    Escape,
    /// After Esc [ : parameters until a final byte.
    Csi,
    /// After Esc O : one byte, in some terminals with parameters before it.
    Ss3,
    /// A string (OSC, DCS, SOS, PM, APC) until BEL or ST; nobody types these.
    Text {
        /// The byte before.
        last: u8,
    },
    /// Inside a bracketed paste.
    Paste,
    /// Inside a UTF-8 character.
    Utf8 {
        missing: usize,
    },
    /// Behind the final byte of a report of the mouse.
    Mouse {
        missing: usize,
    },
}

/// How long what is begun has been silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silent {
    No,
    /// An Esc over a network: whatever follows is a key of its own, unless it can only be the rest of a sequence.
    AWhile,
    /// It counts as over: an Esc has been typed. Its rest may still come.
    Over,
}

/// Decodes one terminal's bytes.
#[derive(Debug)]
pub struct Decoder {
    link: Link,
    state: State,
    silent: Silent,
    /// The bytes from Esc on, as they would be without Alt and with 7-bit controls.
    sequence: Vec<u8>,
    /// An Esc came before the key or the sequence.
    alt: bool,
    paste: Zeroizing<Vec<u8>>,
    /// How many bytes of [`PASTE_END`] the paste ends with so far.
    paste_end: usize,
}

impl Decoder {
    /// A decoder for what comes over `link`.
    pub fn new(link: Link) -> Self {
        Self {
            link,
            state: State::Ground,
            silent: Silent::No,
            sequence: Vec::with_capacity(LONGEST_SEQUENCE),
            alt: false,
            paste: Zeroizing::new(Vec::new()),
            paste_end: 0,
        }
    }

    /// Decodes `bytes`, what has come in at once, calling `typed` for each key or paste that is complete.
    pub fn feed(&mut self, bytes: &[u8], typed: &mut impl FnMut(Input)) {
        if self.silent != Silent::No && !bytes.is_empty() {
            let rest = self.rest_in(bytes);
            match (self.state, self.silent) {
                // The Esc has been typed; the rest of what it began is nothing.
                (State::Escape, Silent::Over) => {
                    self.rest();
                    if rest == Some(bytes.len()) {
                        return;
                    }
                }
                (State::Escape, _) if rest.is_none() && bytes != b"[" => {
                    self.type_escape(typed);
                    self.rest();
                }
                _ if rest.is_none() => self.rest(),
                _ => {}
            }
            self.silent = Silent::No;
        }
        for byte in bytes {
            self.byte(*byte, typed);
        }
    }

    /// After how long a silence [`Self::silence`] is to be told: an Esc may be just an Esc, a sequence may be broken, a
    /// paste's end may be lost. `None` where nothing is begun.
    pub fn patience(&self) -> Option<Duration> {
        match (self.state, self.silent) {
            // What remains of a character is nothing else, whenever it comes.
            (State::Ground | State::Utf8 { .. }, _) => None,
            (_, Silent::Over) => Some(LATE),
            (State::Escape, Silent::No) => Some(ONE_KEY),
            (State::Escape, Silent::AWhile) => Some(ESCAPE_OVER_NETWORK - ONE_KEY),
            _ => Some(match self.link {
                Link::Console => SEQUENCE_AT_CONSOLE,
                Link::Network => SEQUENCE_OVER_NETWORK,
            }),
        }
    }

    /// The terminal has been silent for as long as [`Self::patience`] said: an Esc alone is the key, half a sequence is
    /// late, and a paste whose end never came is what came of it.
    pub fn silence(&mut self, typed: &mut impl FnMut(Input)) {
        match (self.state, self.silent) {
            (State::Escape, Silent::No) if self.link == Link::Network => {
                self.silent = Silent::AWhile;
            }
            (State::Escape, Silent::No | Silent::AWhile) => {
                self.type_escape(typed);
                self.silent = Silent::Over;
            }
            (State::Paste, _) => {
                self.finish_paste(typed);
                self.rest();
            }
            (_, Silent::Over) | (State::Ground, _) => self.rest(),
            _ => self.silent = Silent::Over,
        }
    }

    /// How many of `bytes`, which come after a silence, are the rest of what is begun, if they can be that.
    fn rest_in(&self, bytes: &[u8]) -> Option<usize> {
        /// Parameters and a final byte.
        fn end(bytes: &[u8]) -> Option<usize> {
            let end = bytes.iter().position(|byte| !is_parameter(*byte))?;
            is_final(bytes[end]).then_some(end + 1)
        }
        match self.state {
            State::Escape => match bytes {
                [b'[' | b'O', after @ ..] => end(after).map(|end| end + 1),
                _ => None,
            },
            State::Csi | State::Ss3 => end(bytes),
            State::Text { .. } => {
                let ends = |pair: &[u8]| pair == b"\x1b\\";
                let st = bytes.windows(2).position(ends).map(|at| at + 2);
                let bel = bytes.iter().position(|byte| *byte == 0x07).map(|at| at + 1);
                st.into_iter().chain(bel).min()
            }
            State::Mouse { missing } => (bytes.len() == missing).then_some(missing),
            State::Ground | State::Paste | State::Utf8 { .. } => None,
        }
    }

    fn rest(&mut self) {
        self.state = State::Ground;
        self.silent = Silent::No;
        self.sequence.clear();
        self.alt = false;
    }

    fn type_escape(&self, typed: &mut impl FnMut(Input)) {
        typed(Input::Key(Key::Esc.into()));
        if self.alt {
            typed(Input::Key(Key::Esc.into()));
        }
    }

    fn byte(&mut self, byte: u8, typed: &mut impl FnMut(Input)) {
        match self.state {
            State::Ground => self.ground(byte, typed),
            State::Escape => self.after_escape(byte, typed),
            State::Csi | State::Ss3 => {
                // The Linux console sends its first function keys as Esc [ [ A.
                let linux_function = byte == b'[' && self.sequence == b"\x1b[";
                if is_parameter(byte) || linux_function {
                    self.push(byte);
                } else if is_final(byte) {
                    self.push(byte);
                    self.end_sequence(typed);
                } else {
                    // No part of a sequence: what was begun is void.
                    self.rest();
                    self.ground(byte, typed);
                }
            }
            State::Text { last } => match (last, byte) {
                (_, 0x07) | (0x1b, b'\\') => self.rest(),
                // ST of 8 bits, unless it is a part of some other character.
                (..0x80 | 0xc2, 0x9c) => self.rest(),
                // Something else begins.
                (0x1b, _) => {
                    self.rest();
                    self.enter(State::Escape, 0x1b);
                    self.after_escape(byte, typed);
                }
                _ => self.state = State::Text { last: byte },
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
                    return;
                }
                match self.sequence[..] {
                    // A control of 8 bits where characters are UTF-8.
                    [0xc2, control @ 0x80..=0x9f] => self.control(control),
                    _ => self.end_sequence(typed),
                }
            }
            State::Mouse { missing } => {
                if byte < 0x20 {
                    self.rest();
                    return self.ground(byte, typed);
                }
                match missing {
                    ..=1 => self.rest(),
                    _ => {
                        self.state = State::Mouse {
                            missing: missing - 1,
                        }
                    }
                }
            }
        }
    }

    fn ground(&mut self, byte: u8, typed: &mut impl FnMut(Input)) {
        let missing = match byte {
            0x1b => return self.enter(State::Escape, byte),
            0x80..=0x9f => return self.control(byte),
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

    fn after_escape(&mut self, byte: u8, typed: &mut impl FnMut(Input)) {
        match byte {
            b'[' => self.enter(State::Csi, byte),
            b'O' => self.enter(State::Ss3, byte),
            b']' | b'P' | b'X' | b'^' | b'_' => self.enter(State::Text { last: byte }, byte),
            // Esc Esc [ … is a key with Alt in PuTTY and rxvt.
            0x1b if !self.alt => self.alt = true,
            0x1b => typed(Input::Key(Key::Esc.into())),
            _ => {
                // Esc and a key that came with it: the key with Alt. One more Esc before them is a key of its own.
                if self.alt {
                    typed(Input::Key(Key::Esc.into()));
                }
                self.rest();
                self.alt = true;
                self.ground(byte, typed);
            }
        }
    }

    /// A control of 8 bits (ECMA-48 section 5.3: Esc and a letter in one); what none of ours begins with is nothing.
    fn control(&mut self, control: u8) {
        let alt = self.alt;
        self.rest();
        let state = match control {
            0x8f => State::Ss3,
            0x9b => State::Csi,
            0x90 | 0x98 | 0x9d | 0x9e | 0x9f => State::Text {
                last: control - 0x40,
            },
            _ => return,
        };
        self.alt = alt;
        self.enter(State::Escape, 0x1b);
        self.enter(state, control - 0x40);
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
        let is_whole = self.sequence.len() < LONGEST_SEQUENCE;
        let is_sequence = self.sequence.first() == Some(&0x1b);
        let press = key_of(&self.sequence).filter(|_| is_whole);
        // Only arrows have Alt here: function keys and keypads with Alt come in other forms. So the Esc was one.
        let is_alone = match self.sequence.as_slice() {
            [0x1b, b'O', .., last] => !matches!(last, b'A'..=b'D' | b'F' | b'H' | b'a'..=b'd'),
            _ => is_sequence && press.is_none(),
        };
        if self.alt && is_alone {
            typed(Input::Key(Key::Esc.into()));
        }
        if let Some(press) = press {
            typed(Input::Key(KeyPress {
                alt: press.alt || self.alt && !is_alone,
                ..press
            }));
        }
        let is_paste = self.sequence == PASTE_BEGIN;
        let begun = |(begin, _): &&(&[u8], usize)| self.sequence == *begin;
        let open = OPEN_ENDED.iter().find(begun).map(|(_, missing)| *missing);
        self.rest();
        if is_paste {
            self.state = State::Paste;
        } else if let Some(missing) = open {
            self.state = State::Mouse { missing };
        }
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

/// Parameter and intermediate bytes (ECMA-48 section 5.4).
fn is_parameter(byte: u8) -> bool {
    (0x20..=0x3f).contains(&byte)
}

fn is_final(byte: u8) -> bool {
    (0x40..=0x7e).contains(&byte)
}

/// The key that `sequence` stands for, if it is one of a keyboard's and not a report.
fn key_of(sequence: &[u8]) -> Option<KeyPress> {
    let in_one_form;
    let sequence = match sequence {
        [0x1b, b'[', after @ ..] => {
            in_one_form = keyboard_sequence(after)?;
            in_one_form.as_slice()
        }
        // Terminals of old put what is held down with a key between these: Esc O 5 P, Esc O 1 ; 5 P.
        [
            0x1b,
            b'O',
            held @ ..,
            last @ (b'A'..=b'D' | b'F' | b'H' | b'P'..=b'S'),
        ] if !held.is_empty() => {
            let held = held.strip_prefix(b"1;").unwrap_or(held);
            if !held.iter().all(u8::is_ascii_digit) {
                return None;
            }
            in_one_form = [b"\x1b[1;", held, &[*last]].concat();
            in_one_form.as_slice()
        }
        [0x1b, b'O', last] => match keypad(*last) {
            Some(press) => return Some(press),
            None => sequence,
        },
        _ => sequence,
    };
    match Parsed::parse_from(sequence) {
        Ok(Some(Parsed::Key(event))) if event.kind != KeyEventKind::Release => {
            key_press(event.code, event.modifiers)
        }
        _ => None,
    }
}

/// A sequence after Esc [ as a key in a form that `terminput` reads, if it is one of the forms that keys come in.
fn keyboard_sequence(after: &[u8]) -> Option<Vec<u8>> {
    let (last, parameters) = after.split_last()?;
    let is_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b';' | b':');
    let all_numbers = parameters.iter().all(is_number);
    let whole = || Some([b"\x1b[", after].concat());
    match last {
        b'A'..=b'E' if parameters == b"[" => whole(),
        // F3 where nothing is held; with numbers it is where the cursor stands, unless they say what is held.
        b'R' => match parameters {
            b"" | [b'1', b';', b'2'..=b'9'] | [b'1', b';', b'1', b'0'..=b'6'] => whole(),
            _ => None,
        },
        b'~' => match parameters.strip_prefix(b"27;") {
            // xterm's modifyOtherKeys: what is held, then the character.
            Some(other) => {
                let semicolon = other.iter().position(|byte| *byte == b';')?;
                let (held, character) = (&other[..semicolon], &other[semicolon + 1..]);
                Some([b"\x1b[", character, b";", held, b"u"].concat())
            }
            None if all_numbers => whole(),
            None => None,
        },
        b'A'..=b'D' | b'F' | b'H' | b'P' | b'Q' | b'S' | b'Z' | b'u' if all_numbers => whole(),
        _ => None,
    }
}

/// A key of the keypad in application mode, or an arrow with Ctrl as rxvt sends it, after Esc O.
fn keypad(last: u8) -> Option<KeyPress> {
    let key = match last {
        b'p'..=b'y' => Key::Char((last - b'p' + b'0').into()),
        b'j'..=b'o' => Key::Char((last - b'j' + b'*').into()),
        b'X' => Key::Char('='),
        b'I' => Key::Tab,
        b'M' => Key::Enter,
        b'a' => Key::Up,
        b'b' => Key::Down,
        b'c' => Key::Right,
        b'd' => Key::Left,
        _ => return None,
    };
    Some(KeyPress {
        ctrl: matches!(last, b'a'..=b'd'),
        ..key.into()
    })
}

fn key_press(code: KeyCode, modifiers: KeyModifiers) -> Option<KeyPress> {
    // Whatever else is held down with a key means as little here as Alt.
    const OTHERS: KeyModifiers = KeyModifiers::ALT
        .union(KeyModifiers::META)
        .union(KeyModifiers::SUPER)
        .union(KeyModifiers::HYPER);
    let ctrl = modifiers.contains(KeyModifiers::CTRL);
    let alt = modifiers.intersects(OTHERS);
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    let (key, ctrl) = match code {
        // Keys that are a letter with Ctrl to many terminals. Those that send Ctrl-H for the backspace key are older
        // than most people in the queue, and still there.
        KeyCode::Char('h') if ctrl => (Key::Backspace, false),
        KeyCode::Char('i') if ctrl => (Key::Tab, false),
        KeyCode::Char('j' | 'm') if ctrl => (Key::Enter, false),
        KeyCode::Char('[') if ctrl => (Key::Esc, false),
        KeyCode::Char(c) if ctrl => (Key::Char(c.to_ascii_lowercase()), true),
        KeyCode::Char(c) => (character(c, shift)?, false),
        KeyCode::Enter => (Key::Enter, ctrl),
        KeyCode::Esc => (Key::Esc, ctrl),
        KeyCode::Tab if shift => (Key::BackTab, ctrl),
        KeyCode::Tab => (Key::Tab, ctrl),
        KeyCode::Backspace => (Key::Backspace, ctrl),
        KeyCode::Delete => (Key::Delete, ctrl),
        KeyCode::Left => (Key::Left, ctrl),
        KeyCode::Right => (Key::Right, ctrl),
        KeyCode::Up => (Key::Up, ctrl),
        KeyCode::Down => (Key::Down, ctrl),
        KeyCode::Home => (Key::Home, ctrl),
        KeyCode::End => (Key::End, ctrl),
        KeyCode::PageUp => (Key::PageUp, ctrl),
        KeyCode::PageDown => (Key::PageDown, ctrl),
        KeyCode::F(number) => (Key::Function(number), ctrl),
        _ => return None,
    };
    Some(KeyPress { key, ctrl, alt })
}

/// A character key. By number (Esc [ 97 ; 2 u) a letter may come without its shift, and a key that is no character.
fn character(c: char, shift: bool) -> Option<Key> {
    match c {
        '\u{8}' => Some(Key::Backspace),
        '\n' => Some(Key::Enter),
        _ if c.is_control() => None,
        // Kitty's numbers of keys that are no characters, and that `terminput` does not know.
        '\u{e000}'..='\u{f8ff}' => None,
        'a'..='z' if shift => Some(Key::Char(c.to_ascii_uppercase())),
        _ => Some(Key::Char(c)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_over(link: Link, chunks: &[&[u8]]) -> Vec<Input> {
        let mut decoder = Decoder::new(link);
        let mut all = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk, &mut |typed| all.push(typed));
        }
        while decoder.patience().is_some() {
            decoder.silence(&mut |typed| all.push(typed));
        }
        all
    }

    fn decode(chunks: &[&[u8]]) -> Vec<Input> {
        decode_over(Link::Console, chunks)
    }

    /// What is typed by `parts`, each after the time before it.
    fn typed_over(link: Link, parts: &[(u64, &[u8])]) -> Vec<KeyPress> {
        let mut decoder = Decoder::new(link);
        let mut all = Vec::new();
        let mut add = |typed| match typed {
            Input::Key(press) => all.push(press),
            other => panic!("{other:?}"),
        };
        for (pause, part) in parts.iter().chain([&(60_000, &b""[..])]) {
            let mut left = Duration::from_millis(*pause);
            while let Some(patience) = decoder.patience().filter(|patience| *patience <= left) {
                left -= patience;
                decoder.silence(&mut add);
            }
            decoder.feed(part, &mut add);
        }
        all
    }

    fn with_alt(key: Key) -> KeyPress {
        KeyPress {
            alt: true,
            ..key.into()
        }
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
        for link in [Link::Console, Link::Network] {
            let mut decoder = Decoder::new(link);
            let mut all = Vec::new();
            decoder.feed(b"\x1b", &mut |typed| all.push(typed));
            assert!(all.is_empty() && decoder.patience().is_some());
            let mut waited = Duration::ZERO;
            while let Some(patience) = decoder.patience().filter(|_| all.is_empty()) {
                waited += patience;
                decoder.silence(&mut |typed| all.push(typed));
            }
            let wait = match link {
                Link::Console => ONE_KEY,
                Link::Network => ESCAPE_OVER_NETWORK,
            };
            assert_eq!(
                (all.as_slice(), waited),
                (&[Input::Key(Key::Esc.into())][..], wait)
            );
        }
    }

    #[test]
    fn esc_and_a_key_at_once_are_the_key_with_alt_and_a_while_apart_two_keys() {
        for (bytes, key) in [
            (&b"\x1b\r"[..], Key::Enter),
            (b"\x1b\x7f", Key::Backspace),
            (b"\x1bx", Key::Char('x')),
            ("\x1b\u{e9}".as_bytes(), Key::Char('\u{e9}')),
            (b"\x1b\x1b[D", Key::Left),
            (b"\x1b\x1bOA", Key::Up),
            (b"\x1b\x1b[[A", Key::Function(1)),
            (b"\x1b\x1b[3~", Key::Delete),
            (b"\x1b[1;3D", Key::Left),
            (b"\x1b[13;3u", Key::Enter),
            (b"\x1b[27;3;13~", Key::Enter),
            // Meta and Super.
            (b"\x1b[1;9D", Key::Left),
            (b"\x1b[13;33u", Key::Enter),
        ] {
            for link in [Link::Console, Link::Network] {
                assert_eq!(
                    typed_over(link, &[(0, bytes)]),
                    [with_alt(key)],
                    "{}",
                    bytes.escape_ascii()
                );
            }
        }
        for (bytes, key) in [
            (&b"\r"[..], Key::Enter),
            (b"\x1b[B", Key::Down),
            (b"O", Key::Char('O')),
        ] {
            assert_eq!(
                typed_over(Link::Network, &[(0, b"\x1b"), (150, bytes)]),
                [Key::Esc.into(), key.into()],
                "{}",
                bytes.escape_ascii()
            );
        }
        assert_eq!(
            typed_over(Link::Console, &[(0, b"\x1b\x1b\x1b")]),
            [Key::Esc.into(); 3]
        );
        // So it is with function keys as most terminals send them, even at once.
        assert_eq!(
            typed_over(Link::Console, &[(0, b"\x1b\x1bOQ\x1b\x1bOp")]),
            [
                Key::Esc.into(),
                Key::Function(2).into(),
                Key::Esc.into(),
                Key::Char('0').into()
            ]
        );
        // A paste has no Alt.
        assert_eq!(
            decode(&[b"\x1b\x1b[200~x\x1b[201~"]),
            [
                Input::Key(Key::Esc.into()),
                Input::Paste("x".to_owned().into())
            ]
        );
    }

    #[test]
    fn a_sequence_that_a_network_splits_is_still_one_key() {
        for (sequence, press) in [
            (&b"\x1b[D"[..], Key::Left.into()),
            (b"\x1bOP", Key::Function(1).into()),
            (b"\x1b[24~", Key::Function(12).into()),
            (b"\x1b[1;3C", with_alt(Key::Right)),
        ] {
            for at in 1..sequence.len() {
                let (begin, rest) = sequence.split_at(at);
                let typed = |lag| typed_over(Link::Network, &[(0, begin), (lag, rest)]);
                let what = format!("{} | {}", begin.escape_ascii(), rest.escape_ascii());
                assert_eq!(typed(80), [press], "{what}");
                assert_eq!(typed(400), [press], "{what}");
                // Later the Esc alone has been taken for the key, but never the rest for text.
                let late = if at == 1 { Key::Esc.into() } else { press };
                assert_eq!(typed(700), [late], "{what}");
                assert_eq!(typed(4_000), [late], "{what}");
            }
        }
        let split = [(0, &b"\x1b"[..]), (80, b"["), (80, b"D")];
        assert_eq!(typed_over(Link::Network, &split), [Key::Left.into()]);
        assert_eq!(
            typed_over(Link::Network, &[(0, b"\xc3"), (60_000, b"\xa9")]),
            [Key::Char('\u{e9}').into()]
        );
        // What cannot be its rest is typed.
        assert_eq!(
            typed_over(Link::Network, &[(0, b"\x1b["), (3_000, b"123456")]).len(),
            6
        );
        assert_eq!(
            typed_over(Link::Network, &[(0, b"\x1b"), (1_000, b"[Dx")]).len(),
            4
        );
    }

    #[test]
    fn a_keypad_in_application_mode_types_its_digits_signs_and_enter() {
        let mut typed = String::new();
        for key in keys(b"\x1bOp\x1bOq\x1bOr\x1bOs\x1bOt\x1bOu\x1bOv\x1bOw\x1bOx\x1bOy") {
            let Key::Char(c) = key else { panic!("{key:?}") };
            typed.push(c);
        }
        assert_eq!(typed, "0123456789");
        assert_eq!(
            keys(b"\x1bOM\x1bOn\x1bOm\x1bOk\x1bOj\x1bOo\x1bOl\x1bOX\x1bOI"),
            [
                Key::Enter,
                Key::Char('.'),
                Key::Char('-'),
                Key::Char('+'),
                Key::Char('*'),
                Key::Char('/'),
                Key::Char(','),
                Key::Char('='),
                Key::Tab
            ]
        );
    }

    #[test]
    fn keys_by_number_are_the_keys_they_are_elsewhere() {
        let ctrl = |key: Key| KeyPress {
            ctrl: true,
            ..key.into()
        };
        for (bytes, press) in [
            // xterm's modifyOtherKeys and Esc [ … u, with Ctrl (5), Shift (2) or nothing held.
            (&b"\x1b[27;5;108~"[..], ctrl(Key::Char('l'))),
            (b"\x1b[108;5u", ctrl(Key::Char('l'))),
            (b"\x1b[108;6u", ctrl(Key::Char('l'))),
            (b"\x1b[76;6u", ctrl(Key::Char('l'))),
            (b"\x1b[27;2;65~", Key::Char('A').into()),
            (b"\x1b[97;2u", Key::Char('A').into()),
            (b"\x1b[27;2;13~", Key::Enter.into()),
            (b"\x1b[27;2;9~", Key::BackTab.into()),
            (b"\x1b[27;5;104~", Key::Backspace.into()),
            (b"\x1b[105;5u", Key::Tab.into()),
            (b"\x1b[91;5u", Key::Esc.into()),
            (b"\x1b[8u", Key::Backspace.into()),
            (b"\x1b[57400u", Key::Char('1').into()),
            (b"\x1b[57414u", Key::Enter.into()),
            (b"\x1b[27u", Key::Esc.into()),
            // What is held, in forms of old.
            (b"\x1b[1;5D", ctrl(Key::Left)),
            (b"\x1bOd", ctrl(Key::Left)),
            (b"\x1bO5D", ctrl(Key::Left)),
            (b"\x1bO1;5P", ctrl(Key::Function(1))),
            // F3 with Shift.
            (b"\x1b[1;2R", Key::Function(3).into()),
            // Controls of 8 bits, alone and as UTF-8.
            (b"\x9bD", Key::Left.into()),
            (b"\xc2\x9bD", Key::Left.into()),
            (b"\x8fP", Key::Function(1).into()),
        ] {
            assert_eq!(
                decode(&[bytes]),
                [Input::Key(press)],
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    #[test]
    fn what_terminals_report_types_nothing() {
        for report in [
            // The mouse: X10, beyond 95 columns, UTF-8, SGR, urxvt, highlights, in a corner that there is not.
            &b"\x1b[M !!"[..],
            b"\x1b[M#\xff\xff",
            b"\x1b[M Ma",
            b"\x1b[<0;10;10M",
            b"\x1b[<0;10;10m",
            b"\x1b[<0;0;0M",
            b"\x1b[32;10;10M",
            b"\x1b[32;0;0M",
            b"\x1b[tab",
            b"\x1b[Tabcdef",
            // Focus.
            b"\x1b[I",
            b"\x1b[O",
            // The terminal itself: kind, version, where the cursor stands, modes, colours, a key let go.
            b"\x1b[?62;22c",
            b"\x1b[>41;354;0c",
            b"\x1bP>|XTerm(379)\x1b\\",
            b"\x1b[0n",
            b"\x1b[24;80R",
            b"\x1b[1;1R",
            b"\x1b[1;80R",
            b"\x1b[999;999R",
            b"\x1b[?2026;2$y",
            b"\x1b[?1u",
            b"\x1b[8;24;80t",
            b"\x1b]11;rgb:0000/0000/0000\x07",
            b"\x1b]11;rgb:0000/0000/0000\x1b\\",
            b"\x1b_Gi=1;OK\x1b\\",
            b"\x9b?62c",
            b"\x90>|XTerm\x9c",
            b"\xc2\x9d0;a title\xc2\x9c",
            b"\x1b[97;1:3u",
            b"\x1b[57455u",
            b"\x1b[1u",
        ] {
            let what = report.escape_ascii();
            let with_key = [report, b"z"].concat();
            let typed = [Input::Key(Key::Char('z').into())];
            assert_eq!(decode(&[&with_key]), typed, "{what}");
            let single: Vec<&[u8]> = with_key.chunks(1).collect();
            assert_eq!(decode(&single), typed, "{what} byte by byte");
        }
    }

    #[test]
    fn what_is_no_part_of_a_sequence_ends_it_and_is_typed() {
        assert_eq!(keys(b"\x1b[\r"), [Key::Enter]);
        assert_eq!(keys(b"\x1bO\x7f"), [Key::Backspace]);
        assert_eq!(keys("\x1b[1\u{e9}".as_bytes()), [Key::Char('\u{e9}')]);
        assert_eq!(keys(b"\x1b]0;no end\x1b[A"), [Key::Up]);
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
            let (whole, single) = (decode_over(Link::Network, &[&bytes]), decode_over(Link::Network, &single));
            prop_assert_eq!(whole, single);
        }
    }
}
