//! The addresses that a frame shows: what is opened is what is read, so that no text hides another target.

use ratatui::buffer::Cell;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::tui::theme::ADDRESS;

/// An address, in cells that follow each other, from the end of a row to the beginning of the next one too.
#[derive(Debug, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct Address {
    first: usize,
    cells: usize,
    text: String,
}

impl Address {
    /// Those of a frame, in their order.
    pub fn all(cells: &[Cell]) -> Vec<Self> {
        let mut addresses = Vec::new();
        let mut next = 0;
        for run in cells.chunk_by(|one, other| is_of_address(one) == is_of_address(other)) {
            let first = next;
            next += run.len();
            if run.first().is_some_and(is_of_address) {
                let mut text = String::with_capacity(run.len());
                text.extend(run.iter().map(Cell::symbol));
                let address = Self {
                    first,
                    cells: run.len(),
                    text,
                };
                addresses.extend(Some(address).filter(Self::can_be_told));
            }
        }
        addresses
    }

    /// Whether it is one of the web, in visible ASCII: nothing in it can end the sequence that tells of it.
    fn can_be_told(&self) -> bool {
        let is_of_web = ["https://", "http://"].iter().any(|scheme| {
            let rest = self.text.strip_prefix(scheme);
            rest.is_some_and(|rest| !rest.is_empty())
        });
        is_of_web && self.text.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Whether it has the cell at this place among all of the frame.
    pub fn has(&self, place: usize) -> bool {
        (self.first..self.first + self.cells).contains(&place)
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Whether a cell is marked as one of an address.
pub(super) fn is_of_address(cell: &Cell) -> bool {
    cell.modifier.contains(ADDRESS)
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect, style::Style};

    use super::*;

    /// The addresses of a frame of 10 columns with these marked texts in its rows.
    fn addresses(rows: &[&str]) -> Vec<String> {
        let height = u16::try_from(rows.len()).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, height));
        for (row, y) in rows.iter().zip(0..) {
            buffer.set_string(0, y, row, Style::new().add_modifier(ADDRESS));
        }
        let all = Address::all(&buffer.content);
        all.iter().map(|address| address.text.clone()).collect()
    }

    #[test]
    fn an_address_goes_on_in_the_next_row_and_ends_where_its_mark_does() {
        let found = addresses(&["https://a.", "id/x?y=1", "", "http://b"]);
        assert_eq!(found, ["https://a.id/x?y=1", "http://b"]);
    }

    #[test]
    fn what_is_no_address_of_the_web_is_told_to_no_terminal() {
        for text in [
            "kode=abc",
            "https://",
            "file:///x",
            "http://a b",
            "http://ä",
            "javascript",
        ] {
            assert_eq!(addresses(&[text]), [""; 0], "{text}");
        }
    }
}
