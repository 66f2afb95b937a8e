//! The sequences that place and colour what is drawn.

use std::fmt::Write as _;

use ratatui::{
    layout::Position,
    style::{Color, Modifier},
};

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
