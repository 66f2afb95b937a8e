//! Rows of cells under heads, as wide as what stands in them, and narrower where there is no room.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::sheet::Sheet;

/// Columns between two cells.
const GAP: usize = 2;

/// A table, written into a sheet.
#[derive(Debug)]
pub struct Table {
    heads: Vec<String>,
    /// How narrow each column may become.
    least: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of columns, each with its head and the fewest columns of the terminal that are worth having.
    pub fn new(columns: &[(&str, usize)]) -> Self {
        Self {
            heads: columns.iter().map(|(head, _)| (*head).to_owned()).collect(),
            least: columns.iter().map(|(_, least)| *least).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with a cell a column.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes heads and rows: all of them, or `height` of them around the one in focus. `is_more`: what follows the
    /// last row is not here.
    pub fn write(&self, sheet: &mut Sheet, focus: Option<usize>, height: usize, is_more: bool) {
        sheet.note_table(&self.heads, &self.rows, focus);
        let widths = self.widths(sheet.table_columns());
        let cut = sheet.cut_mark();
        sheet.table_head(&line(&self.heads, &widths, cut));
        let count = self.rows.len();
        let height = height.clamp(1, count.max(1));
        let last_start = count - height.min(count);
        let from = focus
            .unwrap_or(0)
            .saturating_sub(height / 2)
            .min(last_start);
        let until = (from + height).min(count);
        let [above, below] = sheet.more_marks();
        for (number, cells) in self.rows.iter().enumerate().take(until).skip(from) {
            let mark = if number == from && from > 0 {
                above
            } else if number + 1 == until && (until < count || is_more) {
                below
            } else {
                " "
            };
            sheet.table_row(&line(cells, &widths, cut), focus == Some(number), mark);
        }
    }

    /// What each column gets of `room`: all that it needs, or those with the most to spare give way first.
    fn widths(&self, room: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.width()).collect();
        for cells in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.width());
            }
        }
        let room = room.saturating_sub(GAP * widths.len().saturating_sub(1));
        loop {
            let needed: usize = widths.iter().sum();
            let spare = |column: &usize| widths[*column].saturating_sub(self.least[*column]);
            let widest = (0..widths.len()).max_by_key(spare);
            match widest {
                Some(column) if needed > room && spare(&column) > 0 => widths[column] -= 1,
                _ => return widths,
            }
        }
    }
}

fn line(cells: &[String], widths: &[usize], cut: char) -> String {
    let mut line = String::new();
    for (number, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if number > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        let fitted = fitted(cell, *width, cut);
        line.push_str(&fitted);
        line.push_str(&" ".repeat(width.saturating_sub(fitted.width())));
    }
    line
}

/// `text` in at most `width` columns, the last of them `cut` where something is missing.
fn fitted(text: &str, width: usize, cut: char) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > width {
            break;
        }
        fitted.push(c);
    }
    if width > 0 {
        fitted.push(cut);
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let mut table = Table::new(&[("ID", 5), ("Nama", 6), ("Tanda", 7)]);
        for row in rows {
            table.row(row.iter().map(|cell| (*cell).to_owned()).collect());
        }
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_cells_and_the_widest_gives_way() {
        let table = table(&[["PPK30", "Siti Rahmawati", "DITAHAN"], ["CVMAJU", "CV", ""]]);
        assert_eq!(table.widths(80), [6, 14, 7]);
        assert_eq!(table.widths(27), [6, 10, 7]);
        assert_eq!(table.widths(10), [5, 6, 7]);
    }

    #[test]
    fn a_cell_that_is_cut_off_says_so_at_any_width() {
        assert_eq!(fitted("Siti Rahmawati", 6, '…'), "Siti …");
        assert_eq!(fitted("漢字漢字", 4, '~'), "漢~");
        assert_eq!(fitted("abc", 3, '…'), "abc");
        assert_eq!(fitted("abc", 1, '…'), "…");
        assert_eq!(fitted("abc", 0, '…'), "");
    }
}
