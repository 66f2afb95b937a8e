//! A listing: rows of cells, under heads on a terminal; that there is nothing to list is told beside the output, so that a
//! pipe gets nothing.

use std::io::{IsTerminal, stdout};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{error::CliError, output::Lines, standard_error::say};

/// Rows that are written together, and that share their widths on a terminal.
const PAGE: usize = 256;

/// Columns between two cells.
const GAP: &str = "  ";

/// A column of a listing.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    head: &'static str,
    /// How wide it is in a pipe, at the least: there it does not depend on what else is listed.
    width: usize,
    is_number: bool,
}

impl Column {
    pub const fn new(head: &'static str, width: usize) -> Self {
        Self {
            head,
            width,
            is_number: false,
        }
    }

    /// A column of numbers, which end below each other.
    pub const fn of_numbers(head: &'static str, width: usize) -> Self {
        Self {
            is_number: true,
            ..Self::new(head, width)
        }
    }

    fn padded(self, cell: &str, width: usize) -> String {
        let padding = " ".repeat(width.saturating_sub(cell.width()));
        match self.is_number {
            true => padding + cell,
            false => cell.to_owned() + &padding,
        }
    }
}

/// What a listing holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row<const N: usize> {
    Cells([String; N]),
    /// What belongs to the row above it.
    Below(String),
    Json(String),
}

impl<const N: usize> From<Value> for Row<N> {
    fn from(value: Value) -> Self {
        Self::Json(value.to_string())
    }
}

/// A listing on its way to standard output.
pub struct Listing<const N: usize> {
    lines: Lines,
    columns: [Column; N],
    widths: [usize; N],
    on_a_terminal: bool,
    page: Vec<Row<N>>,
    is_begun: bool,
}

impl<const N: usize> Listing<N> {
    pub fn new(columns: [Column; N]) -> Self {
        let on_a_terminal = stdout().is_terminal();
        let width = |column: Column| match on_a_terminal {
            true => column.head.width(),
            false => column.width,
        };
        Self {
            lines: Lines::new(),
            columns,
            widths: columns.map(width),
            on_a_terminal,
            page: Vec::new(),
            is_begun: false,
        }
    }

    /// Adds a row; a reader sees it with the page that it stands on, and one who has gone is an error, which ends the listing.
    pub fn add(&mut self, row: impl Into<Row<N>>) -> Result<(), CliError> {
        self.page.push(row.into());
        match self.page.len() {
            PAGE.. => self.flush(),
            _ => Ok(()),
        }
    }

    /// Writes now what was added.
    pub fn flush(&mut self) -> Result<(), CliError> {
        let page = std::mem::take(&mut self.page);
        for row in &page {
            if let (Row::Cells(cells), true) = (row, self.on_a_terminal) {
                for (width, cell) in self.widths.iter_mut().zip(cells) {
                    *width = (*width).max(cell.width());
                }
            }
        }
        for row in page {
            let line = match row {
                Row::Cells(cells) => {
                    if self.on_a_terminal && !self.is_begun {
                        let heads = self.columns.map(|column| column.head.to_owned());
                        self.lines.line(self.line(&heads))?;
                    }
                    self.line(&cells)
                }
                Row::Below(text) => format!("    {text}"),
                Row::Json(text) => text,
            };
            self.is_begun = true;
            self.lines.line(line)?;
        }
        self.lines.flush()
    }

    fn line(&self, cells: &[String; N]) -> String {
        let columns = self.columns.iter().zip(cells).zip(self.widths);
        let cells: Vec<_> = columns
            .map(|((column, cell), width)| column.padded(cell, width))
            .collect();
        cells.join(GAP).trim_end().to_owned()
    }

    /// Writes what is left. Where there was nothing at all, `none` is said on standard error.
    pub fn end(mut self, none: &str) -> Result<(), CliError> {
        self.flush()?;
        if !self.is_begun {
            say(none);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other_and_numbers_end_there() {
        let columns = [
            Column::of_numbers("NUMBER", 3),
            Column::new("NAME", 6),
            Column::new("NOTES", 0),
        ];
        let listing = Listing {
            widths: columns.map(|column| column.width),
            ..Listing::new(columns)
        };
        let line = |cells: [&str; 3]| listing.line(&cells.map(str::to_owned));
        assert_eq!(line(["7", "René", "officer"]), "  7  René    officer");
        assert_eq!(line(["1234", "和和", ""]), "1234  和和");
        assert_eq!(line(["1", "a name", "x"]), "  1  a name  x");
    }
}
