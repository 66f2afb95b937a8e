//! The sequences that place and colour what is drawn, and those for what a terminal has besides its cells.

use std::fmt::Write as _;

use data_encoding::BASE64;
use ratatui::{
    layout::Position,
    style::{Color, Modifier},
};

use zeroize::Zeroizing;

use super::packed::Look;

/// CUP.
pub(super) fn move_to(bytes: &mut Vec<u8>, at: Position) {
    let (row, column) = (u32::from(at.y) + 1, u32::from(at.x) + 1);
    let sequence = format!("\x1b[{row};{column}H");
    bytes.extend_from_slice(sequence.as_bytes());
}

/// SGR: how the next cells look, whatever those before looked like.
pub(super) fn select(bytes: &mut Vec<u8>, (ink, paper, modifier): Look) {
    const MODIFIERS: [(Modifier, &str); 6] = [
        (Modifier::BOLD, ";1"),
        (Modifier::DIM, ";2"),
        (Modifier::ITALIC, ";3"),
        (Modifier::UNDERLINED, ";4"),
        (Modifier::REVERSED, ";7"),
        (Modifier::CROSSED_OUT, ";9"),
    ];
    let mut sequence = String::from("\x1b[");
    for (one, code) in MODIFIERS {
        if modifier.contains(one) {
            sequence.push_str(code);
        }
    }
    push_colour(&mut sequence, ink, 30);
    push_colour(&mut sequence, paper, 40);
    sequence.push('m');
    bytes.extend_from_slice(sequence.as_bytes());
}

/// The parameters of a colour; `first`: that of black.
fn push_colour(sequence: &mut String, colour: Color, first: u8) {
    let number = match colour {
        Color::Reset => return,
        Color::Rgb(red, green, blue) => {
            let _ = write!(sequence, ";{};2;{red};{green};{blue}", first + 8);
            return;
        }
        Color::Indexed(number) => {
            let _ = write!(sequence, ";{};5;{number}", first + 8);
            return;
        }
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
    };
    let _ = write!(sequence, ";{}", first + number);
}

/// ST, which ends each of those below.
const END: &str = "\x1b\\";

/// OSC 52: the terminal is asked to take `text` to its clipboard.
pub(super) fn copy(bytes: &mut Vec<u8>, text: &str) {
    let encoded = Zeroizing::new(BASE64.encode(text.as_bytes()));
    append(bytes, ["\x1b]52;c;", &encoded, END]);
}

/// OSC 2: the title of the terminal's window. What controls a terminal is left out of it.
pub(super) fn entitle(bytes: &mut Vec<u8>, title: &str) {
    let title: String = title.chars().filter(|c| !c.is_control()).collect();
    append(bytes, ["\x1b]2;", &title, END]);
}

/// OSC 8: the next cells are those of `address`, which is of visible ASCII alone.
pub(super) fn open_address(bytes: &mut Vec<u8>, address: &str) {
    append(bytes, ["\x1b]8;;", address, END]);
}

/// OSC 8: the next cells are of no address.
pub(super) fn close_address(bytes: &mut Vec<u8>) {
    open_address(bytes, "");
}

fn append(bytes: &mut Vec<u8>, parts: [&str; 3]) {
    // At once, so that no copy is left behind where the bytes stood before.
    bytes.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_copied_travels_as_base64_and_its_lines_with_it() {
        let copied = written(|bytes| copy(bytes, "GEZD GNBV\nÄ"));
        assert_eq!(copied, "\x1b]52;c;R0VaRCBHTkJWCsOE\x1b\\");
    }

    #[test]
    fn no_title_controls_the_terminal() {
        let title = written(|bytes| entitle(bytes, "LPSE\x07 \x1b]52;c;\u{9c}x\r\n"));
        assert_eq!(title, "\x1b]2;LPSE ]52;c;x\x1b\\");
    }
}
