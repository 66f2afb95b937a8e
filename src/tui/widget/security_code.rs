//! The picture of a Kode Keamanan in terminal cells: 60 columns and 7 lines, or its two halves below each other where a
//! window has fewer columns.
//!
//! It has the terminal's own foreground on its own background, so it is as easy to read as the text around it on dark,
//! bright and monochrome terminals alike. No cell holds a letter or a digit: nothing of the code can be copied.

use std::ops::Range;

use ratatui::text::Line;

use crate::{
    domain::security_code::Picture,
    tui::theme::{Glyphs, Theme},
};

/// Pixels above one another in a cell.
const STACKED: usize = 2;

/// Lines of a whole picture, and of one in two halves, between which one is empty.
const LINES: usize = Picture::HEIGHT as usize / STACKED;
const LINES_OF_HALVES: usize = 2 * LINES + 1;

/// How the picture stands where there is so much room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Whole,
    Halves,
}

impl Layout {
    /// The layout for a window of `columns` columns and `rows` rows, if there is one.
    pub fn within(columns: u16, rows: usize) -> Option<Self> {
        match columns {
            Picture::WIDTH.. => Some(Self::Whole),
            Picture::WIDEST_HALF.. if rows >= LINES_OF_HALVES => Some(Self::Halves),
            _ => None,
        }
    }

    pub fn height(self) -> usize {
        match self {
            Self::Whole => LINES,
            Self::Halves => LINES_OF_HALVES,
        }
    }

    /// The lines of the picture, for a sheet.
    pub fn lines(self, picture: &Picture, theme: &Theme) -> Vec<Line<'static>> {
        let middle = picture.middle();
        match self {
            Self::Whole => part(picture, 0..Picture::WIDTH, theme),
            Self::Halves => {
                let mut lines = part(picture, 0..middle, theme);
                lines.push(Line::default());
                lines.extend(part(picture, middle..Picture::WIDTH, theme));
                lines
            }
        }
    }
}

/// The lines of these columns of the picture.
fn part(picture: &Picture, columns: Range<u16>, theme: &Theme) -> Vec<Line<'static>> {
    let marks = marks(theme.terminal.glyphs);
    (0..Picture::HEIGHT)
        .step_by(STACKED)
        .map(|y| {
            let cells = columns.clone().map(|x| {
                let upper = picture.is_lit(x, y);
                let lower = picture.is_lit(x, y + 1);
                marks[usize::from(upper)][usize::from(lower)]
            });
            Line::raw(cells.collect::<String>())
        })
        .collect()
}

/// What a cell shows: first by its upper pixel, then by its lower one.
fn marks(glyphs: Glyphs) -> [[char; 2]; 2] {
    match glyphs {
        Glyphs::Unicode | Glyphs::LinuxConsole => [[' ', '▄'], ['▀', '█']],
        // Of the marks that sit high, low and all over, these have the most even weight.
        Glyphs::Ascii => [[' ', '_'], ['"', '#']],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::{
        domain::security_code::Challenge,
        tui::theme::{Colours, Terminal},
    };

    fn theme(glyphs: Glyphs) -> Theme {
        let terminal = Terminal {
            glyphs,
            colours: Colours::Mono,
            no_color: true,
            sequences: Default::default(),
        };
        Theme::new(terminal, None)
    }

    /// Bytes that differ from one number to the next in every place.
    fn random(number: u32) -> [u8; Challenge::RANDOM_BYTES] {
        let mut state = number;
        std::array::from_fn(|_| {
            // The generator of Numerical Recipes; its upper bits are good enough to choose shapes with.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
    }

    #[test]
    fn no_way_of_reading_the_cells_finds_letters_or_digits() {
        for number in 0..1_000 {
            let (challenge, picture) = Challenge::new(&random(number), Duration::ZERO);
            for glyphs in [Glyphs::Unicode, Glyphs::LinuxConsole, Glyphs::Ascii] {
                let rows: Vec<String> = Layout::Whole
                    .lines(&picture, &theme(glyphs))
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let across: String = rows.concat();
                let downwards: String = (0..60)
                    .flat_map(|x| rows.iter().filter_map(move |row| row.chars().nth(x)))
                    .collect();
                for read in [across, downwards] {
                    let read = read.replace(' ', "");
                    assert!(!read.is_empty());
                    assert!(!read.contains(challenge.answer_for_tests()));
                    assert!(!read.contains(char::is_alphanumeric), "{read}");
                }
            }
        }
    }

    #[test]
    fn every_terminal_shows_the_whole_picture_in_plain_style() {
        let (_, picture) = Challenge::new(&random(1), Duration::ZERO);
        for glyphs in [Glyphs::Unicode, Glyphs::LinuxConsole, Glyphs::Ascii] {
            let lines = Layout::Whole.lines(&picture, &theme(glyphs));
            assert_eq!(lines.len(), 7);
            let marks = marks(glyphs);
            for (line, y) in lines.iter().zip((0..).step_by(2)) {
                let row = line.to_string();
                assert_eq!(row.width(), 60);
                assert_eq!(line, &Line::raw(row.clone()));
                for (mark, x) in row.chars().zip(0..) {
                    let upper = marks[1].contains(&mark);
                    let lower = marks[0][1] == mark || marks[1][1] == mark;
                    assert_eq!(upper, picture.is_lit(x, y));
                    assert_eq!(lower, picture.is_lit(x, y + 1));
                }
            }
        }
    }

    #[test]
    fn the_halves_are_the_whole() {
        for number in 0..1_000 {
            let (_, picture) = Challenge::new(&random(number), Duration::ZERO);
            let text = |layout: Layout| -> Vec<String> {
                let lines = layout.lines(&picture, &theme(Glyphs::Unicode));
                assert_eq!(lines.len(), layout.height());
                lines.iter().map(ToString::to_string).collect()
            };
            let (whole, halves) = (text(Layout::Whole), text(Layout::Halves));
            let [upper, lower] = [&halves[..LINES], &halves[LINES + 1..]];
            for ((whole, left), right) in whole.iter().zip(upper).zip(lower) {
                assert_eq!(whole, &format!("{left}{right}"));
                let widest = left.width().max(right.width());
                assert!(widest <= usize::from(Picture::WIDEST_HALF), "{widest}");
            }
        }
    }

    #[test]
    fn halves_stand_where_the_whole_has_no_room_and_need_as_much_height() {
        assert_eq!(Layout::within(60, 1), Some(Layout::Whole));
        assert_eq!(Layout::within(59, 15), Some(Layout::Halves));
        assert_eq!(Layout::within(36, 15), Some(Layout::Halves));
        assert_eq!(Layout::within(59, 14), None);
        assert_eq!(Layout::within(35, 50), None);
    }

    #[test]
    fn plain_ascii_stays_ascii() {
        let (_, picture) = Challenge::new(&random(2), Duration::ZERO);
        for line in Layout::Whole.lines(&picture, &theme(Glyphs::Ascii)) {
            assert!(line.to_string().is_ascii());
        }
    }
}
