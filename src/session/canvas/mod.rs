//! From a drawn frame to the fewest bytes: ratatui's difference of two frames, collected in memory.
//!
//! Bytes are collected first and sent after, so that one frame is one write (a key press over a network is one packet)
//! and drawing never waits for a slow terminal. Between drawings a session keeps its frame packed.

mod address;
mod packed;
mod sequence;

use std::{cell::RefCell, convert::Infallible, mem};

use ratatui::{
    Frame, Terminal,
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

use address::{Address, is_of_address};
use packed::{BLANK, PackedRow, RowBuffers, look};
use sequence::{close_address, move_to, open_address, select};
use zeroize::{Zeroize, Zeroizing};

/// How much of a terminal is cleared when somebody is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wipe {
    /// Screen and scroll-back: the terminal is the kiosk's own.
    All,
    /// The screen: the scroll-back holds what its owner did before, and nothing of ours on the alternate screen.
    Screen,
}

impl Wipe {
    /// Attributes reset, everything cleared, cursor home. Scroll-back goes last, after the screen's lines.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::All => b"\x1b[0m\x1b[H\x1b[2J\x1b[3J\x1b[H",
            Self::Screen => b"\x1b[0m\x1b[H\x1b[2J",
        }
    }
}

/// Modes as programs expect them, whatever a message, a person's shell or the program before has left behind: character
/// set G0 in use and ASCII, digits from the keypad, arrows as CSI, no attribute, no insertion, no line feed sent with
/// Enter; no inverse screen, no origin but the corner, no margins, no reports of the mouse or of focus; lines wrap; the
/// whole screen scrolls. In the longer words of DEC and xterm: LS0, DECKPNM, IRM, LNM, DECCKM, DECSCNM, DECOM, DECLRMM,
/// DECAWM, DECSTBM.
pub const MODES: &[u8] = b"\x0f\x1b(B\x1b>\x1b[0m\x1b[4;20l\x1b[?1;5;6;9;69l\x1b[?1000;1002;1003;1004;1005;1006;1015l\x1b[?7h\x1b[r";

/// What is pasted comes as one, and is told from what is typed.
const BRACKETED_PASTE: &[u8] = b"\x1b[?2004h";

/// A terminal that knows synchronized updates (DEC mode 2026) shows nothing between these two; others ignore them.
const BEGIN_FRAME: &[u8] = b"\x1b[?2026h";
const END_FRAME: &[u8] = b"\x1b[?2026l";

/// A frame of fewer bytes, such as a typed letter, cannot be seen half-drawn.
const SMALL_FRAME: usize = 64;

/// Larger windows are drawn as if they were this large; no person has one, and a frame costs memory by its area.
const LARGEST: Size = Size {
    width: 500,
    height: 200,
};

/// The frame that one terminal shows, and what has still to be sent to it.
pub struct Canvas {
    shown: Vec<PackedRow>,
    /// The addresses in it.
    addresses: Vec<Address>,
    /// The cursor as the terminal has it; unknown before the first frame.
    cursor: Option<Cursor>,
    /// Sent before the next frame.
    pending: Vec<u8>,
    /// Sent with the next frame, and of no cell of it.
    aside: Zeroizing<Vec<u8>>,
    size: Size,
    wipe: Wipe,
}

impl Canvas {
    /// A canvas of `size`, nothing drawn. A terminal that tells no size counts as 80x24.
    pub fn new(size: Size, wipe: Wipe) -> Self {
        Self {
            shown: Vec::new(),
            addresses: Vec::new(),
            cursor: None,
            pending: Vec::new(),
            aside: Zeroizing::default(),
            size: clamped(size),
            wipe,
        }
    }

    /// The terminal has this size now. It may be another terminal of the same size, so everything is drawn anew.
    pub fn resize(&mut self, size: Size) {
        self.size = clamped(size);
        self.wipe();
    }

    /// The next frame is drawn from nothing on a cleared screen, whatever modes the terminal has been left in, and no cell
    /// of an earlier frame is kept in memory.
    pub fn wipe(&mut self) {
        self.shown.clear();
        self.addresses.clear();
        self.cursor = None;
        self.pending = [MODES, BRACKETED_PASTE, self.wipe.bytes()].concat();
    }

    /// Asks the terminal to take `text` to its clipboard.
    pub fn copy(&mut self, text: &str) {
        sequence::copy(&mut self.aside, text);
    }

    /// Gives the terminal's window a title.
    pub fn entitle(&mut self, title: &str) {
        sequence::entitle(&mut self.aside, title);
    }

    /// Draws a frame; returns the bytes that turn the one before into it. `view` says whether the cursor is to be seen at the
    /// place where it stands.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>) -> bool) -> Vec<u8> {
        let mut easel = Easel::take(self.size);
        let mut is_seen = false;
        let Ok(drawn) = easel.terminal.draw(|frame| is_seen = view(frame));
        self.shown
            .resize_with(self.size.height.into(), PackedRow::default);
        let addresses = Address::all(&drawn.buffer.content);
        let before = mem::replace(&mut self.addresses, addresses);
        // A row of an address may be as it was while the address goes on otherwise in the next one.
        let have_changed = self.addresses != before;
        let rows = drawn.buffer.content.chunks(self.size.width.into());
        let mut changes = Vec::new();
        for ((number, cells), shown) in (0..).zip(rows).zip(&mut self.shown) {
            let is_anew = have_changed && cells.iter().any(is_of_address);
            if is_anew || !shown.is(cells) {
                easel
                    .row
                    .changes(number, (shown, is_anew), cells, &mut changes);
                *shown = PackedRow::of(cells);
            }
        }
        let mut drawn = Zeroizing::new(mem::take(&mut self.pending));
        let cursor = easel
            .terminal
            .backend()
            .cursor
            .map(|at| Cursor { at, is_seen });
        self.send(&mut drawn, &changes, cursor);
        // Last, so that nothing grows behind it and leaves a copy where it stood before.
        drawn.extend_from_slice(&self.aside);
        self.aside.zeroize();
        easel.put_back();
        if drawn.len() <= SMALL_FRAME {
            return mem::take(&mut drawn);
        }
        [BEGIN_FRAME, &drawn, END_FRAME].concat()
    }

    /// Writes the cells that changed, and the cursor unless it stands there already. Where a frame has none, it is hidden
    /// wherever it happens to stand.
    fn send(&mut self, bytes: &mut Vec<u8>, changes: &[(u16, u16, Cell)], cursor: Option<Cursor>) {
        let before = self.cursor;
        // Where the next cell is written, as far as that is known.
        let mut pen = before.map(|cursor| cursor.at);
        let mut shown_as = None;
        let mut told = None;
        for (x, y, cell) in changes {
            let at = Position::new(*x, *y);
            if pen != Some(at) {
                move_to(bytes, at);
            }
            if shown_as != Some(look(cell)) {
                shown_as = Some(look(cell));
                select(bytes, look(cell));
            }
            let address = self.address_at(at).filter(|_| is_of_address(cell));
            if address != told {
                match address {
                    Some(address) => open_address(bytes, address.text()),
                    None => close_address(bytes),
                }
                told = address;
            }
            bytes.extend_from_slice(cell.symbol().as_bytes());
            // Terminals differ about how wide a character is that is not plain, and about what follows the last column.
            let is_plain = cell.symbol().len() == 1 || LINES.contains(&cell.symbol());
            let is_last = x + 1 >= self.size.width;
            pen = (is_plain && !is_last).then(|| Position::new(x + 1, *y));
        }
        if told.is_some() {
            close_address(bytes);
        }
        if !changes.is_empty() {
            bytes.extend_from_slice(b"\x1b[m");
        }
        let is_seen = cursor.is_some_and(|cursor| cursor.is_seen);
        if before.is_none_or(|before| before.is_seen != is_seen) {
            bytes.extend_from_slice(if is_seen { SHOW_CURSOR } else { HIDE_CURSOR });
        }
        if let Some(Cursor { at, .. }) = cursor
            && pen != Some(at)
        {
            move_to(bytes, at);
            pen = Some(at);
        }
        self.cursor = pen.map(|at| Cursor { at, is_seen });
    }

    /// The address that has the cell at this place.
    fn address_at(&self, at: Position) -> Option<&Address> {
        let place = usize::from(at.y) * usize::from(self.size.width) + usize::from(at.x);
        self.addresses.iter().find(|address| address.has(place))
    }
}

/// Where the cursor stands, and whether it is seen there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    at: Position,
    is_seen: bool,
}

/// DECTCEM.
const SHOW_CURSOR: &[u8] = b"\x1b[?25h";
const HIDE_CURSOR: &[u8] = b"\x1b[?25l";

/// Characters of frames and of pictures that every terminal draws one column wide.
const LINES: [&str; 4] = ["─", "█", "▀", "▄"];

/// What frames are drawn on: ratatui's terminal with its two buffers. A thread has one and lends it to each of its
/// sessions for the time of a drawing, because two buffers for each of a thousand sessions would be most of the memory
/// there is. It keeps no cell between drawings.
struct Easel {
    terminal: Terminal<Wanted>,
    row: RowBuffers,
}

/// Buffers of more cells than this are not kept.
const LARGEST_KEPT: u32 = 200 * 60;

thread_local! {
    static EASEL: RefCell<Option<Easel>> = const { RefCell::new(None) };
}

impl Easel {
    /// This thread's easel, if it has `size`; else a new one. A drawing that panics takes its easel with it.
    fn take(size: Size) -> Self {
        let kept = EASEL.take();
        if let Some(kept) = kept.filter(|easel| easel.terminal.backend().size == size) {
            return kept;
        }
        let Ok(terminal) = Terminal::new(Wanted { size, cursor: None });
        Self {
            terminal,
            row: RowBuffers::new(size.width),
        }
    }

    fn put_back(mut self) {
        // Both buffers: one holds what was drawn, the other what ratatui's own reset has left of the drawing before.
        for _ in 0..2 {
            self.terminal.current_buffer_mut().content.fill(BLANK);
            self.terminal.swap_buffers();
        }
        if self.terminal.backend().size.area() <= LARGEST_KEPT {
            EASEL.set(Some(self));
        }
    }
}

impl std::fmt::Debug for Canvas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canvas({})", self.size)
    }
}

fn clamped(size: Size) -> Size {
    if size.width == 0 || size.height == 0 {
        return Size::new(80, 24);
    }
    Size::new(
        size.width.min(LARGEST.width),
        size.height.min(LARGEST.height),
    )
}

/// A backend that knows its size from the session, notes where a frame wants the cursor, and draws nothing itself: what
/// has changed is found out from the frame.
struct Wanted {
    size: Size,
    cursor: Option<Position>,
}

impl Backend for Wanted {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, _: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.cursor = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_region(&mut self, _: ClearType) -> Result<(), Infallible> {
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize {
            columns_rows: self.size,
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{style::Style, widgets::Paragraph};

    use super::*;
    use crate::tui::theme::ADDRESS;

    fn draw(canvas: &mut Canvas, text: &str) -> Vec<u8> {
        canvas.draw(|frame| {
            frame.render_widget(Paragraph::new(text), frame.area());
            frame.set_cursor_position((text.len() as u16, 0));
            true
        })
    }

    #[test]
    fn an_unchanged_frame_is_no_bytes_and_a_typed_character_few() {
        let mut canvas = Canvas::new(Size::new(80, 24), Wipe::All);
        assert!(!draw(&mut canvas, "User ID").is_empty());
        assert_eq!(draw(&mut canvas, "User ID"), b"");
        let typed = draw(&mut canvas, "User IDx");
        assert!(
            typed.len() <= 8,
            "{} bytes: {}",
            typed.len(),
            typed.escape_ascii()
        );
    }

    #[test]
    fn a_wipe_clears_scroll_back_and_keeps_no_cell() {
        let mut canvas = Canvas::new(Size::new(80, 24), Wipe::All);
        draw(&mut canvas, "a key");
        canvas.wipe();
        let bytes = draw(&mut canvas, "menu");
        let bytes = bytes.strip_prefix(BEGIN_FRAME).unwrap_or(&bytes);
        let bytes = bytes.strip_prefix(MODES).expect("modes come first");
        let bytes = bytes.strip_prefix(BRACKETED_PASTE).unwrap_or(bytes);
        assert!(
            bytes.starts_with(Wipe::All.bytes()),
            "{}",
            bytes.escape_ascii()
        );
        assert!(bytes.windows(4).any(|w| w == b"menu"));
    }

    #[test]
    fn a_wide_character_that_gives_way_takes_both_its_cells_with_it() {
        let mut canvas = Canvas::new(Size::new(80, 24), Wipe::All);
        draw(&mut canvas, "山田");
        let bytes = draw(&mut canvas, "ab");
        let mut parser = vt100::Parser::new(nonzero(24), nonzero(80), 0);
        parser.process("山田\x1b[H".as_bytes());
        parser.process(&bytes);
        assert_eq!(parser.screen().contents().trim_end(), "ab");
    }

    fn nonzero(size: u16) -> std::num::NonZeroU16 {
        std::num::NonZeroU16::new(size).unwrap()
    }

    #[test]
    fn sessions_that_take_turns_on_a_thread_see_nothing_of_each_other() {
        let (mut one, mut other) = (
            Canvas::new(Size::new(80, 24), Wipe::All),
            Canvas::new(Size::new(80, 24), Wipe::All),
        );
        draw(&mut one, "a secret");
        let bytes = draw(&mut other, "menu");
        assert!(bytes.windows(4).any(|w| w == b"menu"));
        assert_eq!(draw(&mut one, "a secret"), b"");
        assert_eq!(draw(&mut other, "menu"), b"");
    }

    /// What a frame with these lines, marked as addresses, is drawn by on a terminal of 10 columns.
    fn draw_addresses(canvas: &mut Canvas, lines: &[&str]) -> String {
        let bytes = canvas.draw(|frame| {
            for (line, y) in lines.iter().zip(0..) {
                let style = Style::new().add_modifier(ADDRESS);
                frame.buffer_mut().set_string(0, y, line, style);
            }
            false
        });
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_address_is_told_once_for_all_its_rows_and_again_where_it_has_changed() {
        let mut canvas = Canvas::new(Size::new(10, 5), Wipe::Screen);
        let drawn = draw_addresses(&mut canvas, &["http://a.i", "d/?kode=1"]);
        let (before, after) = drawn
            .split_once("\x1b]8;;http://a.id/?kode=1\x1b\\")
            .unwrap();
        assert!(
            !before.contains("http") && after.contains("http://a.i"),
            "{after:?}"
        );
        assert_eq!(after.matches("\x1b]8;;\x1b\\").count(), 1);
        assert_eq!(after.matches("\x1b]8;").count(), 1);
        let shown = after.split_once("d/?kode=1").unwrap();
        assert!(shown.1.starts_with("\x1b]8;;\x1b\\"), "{after:?}");

        assert_eq!(
            draw_addresses(&mut canvas, &["http://a.i", "d/?kode=1"]),
            ""
        );
        let drawn = draw_addresses(&mut canvas, &["http://a.i", "d/?kode=2"]);
        assert!(
            drawn.contains("\x1b]8;;http://a.id/?kode=2\x1b\\"),
            "{drawn:?}"
        );
        assert!(
            drawn.contains("http://a.i\x1b") || drawn.contains("http://a.id"),
            "{drawn:?}"
        );
        let drawn = draw_addresses(&mut canvas, &[]);
        assert!(!drawn.contains("\x1b]8;"), "{drawn:?}");
    }

    #[test]
    fn what_goes_to_a_clipboard_is_sent_once_and_no_wipe_loses_it() {
        let mut canvas = Canvas::new(Size::new(80, 24), Wipe::Screen);
        draw(&mut canvas, "a key");
        canvas.copy("GEZD");
        assert_eq!(draw(&mut canvas, "a key"), b"\x1b]52;c;R0VaRA==\x1b\\");
        assert_eq!(draw(&mut canvas, "a key"), b"");
        canvas.copy("GEZD");
        canvas.wipe();
        let bytes = draw(&mut canvas, "a key");
        assert!(bytes.windows(5).any(|bytes| bytes == b"]52;c"));
    }

    #[test]
    fn absurd_sizes_are_clamped() {
        for (width, height) in [(0, 0), (65535, 65535), (1, 1), (0, 24)] {
            let mut canvas = Canvas::new(Size::new(width, height), Wipe::All);
            let area = canvas.size;
            assert!(area.width <= 500 && area.height <= 200 && area.area() > 0);
            draw(&mut canvas, "x");
            canvas.resize(Size::new(height, width));
            draw(&mut canvas, "x");
        }
    }
}
