//! Rows of a frame at rest, packed, and what has changed in a row since.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};
use zeroize::Zeroize;

use super::address::is_of_address;

/// As blank as [`Cell::EMPTY`], and nothing remains of the symbol that it overwrites: a cell without a symbol leaves
/// that in place.
pub(super) const BLANK: Cell = Cell::new(" ");

/// A row as it was and as it is, for ratatui's own comparison, which knows about wide characters.
pub(super) struct RowBuffers {
    before: Buffer,
    after: Buffer,
}

impl RowBuffers {
    /// For rows of `width` columns.
    pub fn new(width: u16) -> Self {
        let row = Rect::new(0, 0, width, 1);
        Self {
            before: Buffer::empty(row),
            after: Buffer::empty(row),
        }
    }

    /// Adds the cells of row `y` that differ from `before`, and those of addresses too if they are to be drawn anew.
    pub fn changes(
        &mut self,
        y: u16,
        (before, are_addresses_anew): (&PackedRow, bool),
        after: &[Cell],
        changes: &mut Vec<(u16, u16, Cell)>,
    ) {
        before.unpack(&mut self.before.content);
        self.after.content.clone_from_slice(after);
        if are_addresses_anew {
            let cells = self.before.content.iter_mut().zip(after);
            for (before, _) in cells.filter(|(_, after)| is_of_address(after)) {
                // No frame has this character.
                before.set_symbol("\u{fffd}");
            }
        }
        let differ = self.before.diff_iter(&self.after);
        changes.extend(differ.map(|(x, _, cell)| (x, y, cell.clone())));
        self.before.content.fill(BLANK);
        self.after.content.fill(BLANK);
    }
}

/// A row at rest: runs of equal cells, 8 bytes each, where a cell of ratatui's takes more than 40. One without runs is
/// blank.
#[derive(Default)]
pub(super) struct PackedRow {
    runs: Vec<Run>,
    /// Symbols of more than one character, and looks, in the order of their first use.
    symbols: Vec<String>,
    looks: Vec<Look>,
}

#[derive(Clone, Copy, Zeroize)]
struct Run {
    /// A character, or [`Run::LONG`] and the place of a longer symbol.
    symbol: u32,
    look: u16,
    cells: u16,
}

/// How a cell looks, whatever stands in it.
pub(super) type Look = (Color, Color, Modifier);

pub(super) fn look(cell: &Cell) -> Look {
    (cell.fg, cell.bg, cell.modifier)
}

impl Run {
    /// No character is as large.
    const LONG: u32 = 1 << 31;
}

impl Drop for PackedRow {
    fn drop(&mut self) {
        self.runs.zeroize();
        self.symbols.zeroize();
    }
}

impl PackedRow {
    pub fn of(cells: &[Cell]) -> Self {
        let mut row = Self::default();
        let mut before: Option<&Cell> = None;
        for cell in cells {
            if let (Some(before), Some(last)) = (before, row.runs.last_mut())
                && before.symbol() == cell.symbol()
                && look(before) == look(cell)
            {
                last.cells += 1;
                continue;
            }
            before = Some(cell);
            let run = Run {
                symbol: row.symbol(cell.symbol()),
                look: place(&mut row.looks, |known| *known == look(cell), || look(cell)),
                cells: 1,
            };
            row.runs.push(run);
        }
        row.runs.shrink_to_fit();
        row
    }

    /// Whether this is the row of `cells`.
    pub fn is(&self, cells: &[Cell]) -> bool {
        let mut rest = cells;
        for run in &self.runs {
            let (cells, after) = rest.split_at(usize::from(run.cells).min(rest.len()));
            rest = after;
            let mut character = [0; 4];
            let symbol = self.symbol_of(*run, &mut character);
            let run_looks = self.looks[usize::from(run.look)];
            let same = |cell: &Cell| look(cell) == run_looks && cell.symbol() == symbol;
            if !cells.iter().all(same) {
                return false;
            }
        }
        rest.iter().all(|cell| *cell == Cell::EMPTY)
    }

    /// Fills blank `cells` with the row.
    fn unpack(&self, cells: &mut [Cell]) {
        let mut cells = cells.iter_mut();
        for run in &self.runs {
            let mut character = [0; 4];
            let symbol = self.symbol_of(*run, &mut character);
            for cell in cells.by_ref().take(run.cells.into()) {
                cell.set_symbol(symbol);
                (cell.fg, cell.bg, cell.modifier) = self.looks[usize::from(run.look)];
            }
        }
    }

    fn symbol(&mut self, symbol: &str) -> u32 {
        let mut characters = symbol.chars();
        if let (Some(only), None) = (characters.next(), characters.next()) {
            return only.into();
        }
        let known = |known: &String| known == symbol;
        Run::LONG | u32::from(place(&mut self.symbols, known, || symbol.to_owned()))
    }

    fn symbol_of<'a>(&'a self, run: Run, character: &'a mut [u8; 4]) -> &'a str {
        match char::from_u32(run.symbol) {
            Some(symbol) => symbol.encode_utf8(character),
            None => &self.symbols[(run.symbol & !Run::LONG) as usize],
        }
    }
}

/// The place of what `is_it` in `known`, where it is put if it is new. A row has no more of them than cells.
fn place<T>(known: &mut Vec<T>, is_it: impl Fn(&T) -> bool, it: impl FnOnce() -> T) -> u16 {
    let place = known.iter().position(is_it).unwrap_or_else(|| {
        known.push(it());
        known.len() - 1
    });
    u16::try_from(place).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_row_at_rest_is_exactly_what_was_drawn_and_small() {
        let area = Rect::new(0, 0, 80, 1);
        for (text, style) in [
            ("User ID: Dewi e\u{301} 山田", Style::new().bold()),
            (
                "───█▀▄",
                Style::new().fg(Color::Indexed(120)).bg(Color::Black),
            ),
            ("", Style::new()),
        ] {
            let mut drawn = Buffer::empty(area);
            drawn.set_string(0, 0, text, style);
            let packed = PackedRow::of(&drawn.content);
            assert!(packed.is(&drawn.content), "{text}");
            let mut unpacked = Buffer::empty(area);
            packed.unpack(&mut unpacked.content);
            assert_eq!(unpacked, drawn);
            assert!(packed.runs.len() * size_of::<Run>() < 256);
            drawn[(79, 0)].set_char('x');
            assert!(!packed.is(&drawn.content), "{text}");
        }
        assert!(PackedRow::default().is(&Buffer::empty(area).content));
    }
}
