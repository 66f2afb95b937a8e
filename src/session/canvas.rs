//! From a drawn frame to the fewest bytes: ratatui's difference of two frames, collected in memory.
//!
//! Bytes are collected first and sent after, so that one frame is one write (a key press over a network is one packet)
//! and drawing never waits for a slow terminal. Between drawings a session keeps its frame packed.

use std::{
    cell::RefCell,
    convert::Infallible,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use ratatui::{
    Frame, Terminal,
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::{Buffer, Cell},
    layout::{Position, Size},
    style::Style,
};
use zeroize::Zeroize;

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
    shown: PackedFrame,
    /// The cursor as the terminal has it: shown at a place, or hidden; unknown before the first frame.
    cursor: Option<Option<Position>>,
    /// Sent before the next frame.
    pending: Vec<u8>,
    size: Size,
    wipe: Wipe,
}

impl Canvas {
    /// A canvas of `size`, nothing drawn. A terminal that tells no size counts as 80x24.
    pub fn new(size: Size, wipe: Wipe) -> Self {
        Self {
            shown: PackedFrame::default(),
            cursor: None,
            pending: Vec::new(),
            size: clamped(size),
            wipe,
        }
    }

    /// The terminal has this size now.
    pub fn resize(&mut self, size: Size) {
        let size = clamped(size);
        if size != self.size {
            self.size = size;
            self.wipe();
        }
    }

    /// The next frame is drawn from nothing on a cleared screen, and no cell of an earlier frame is kept in memory.
    pub fn wipe(&mut self) {
        self.shown.forget();
        self.cursor = None;
        self.pending = self.wipe.bytes().to_vec();
    }

    /// Draws a frame; returns the bytes that turn the one before into it.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> Vec<u8> {
        let mut easel = Easel::take(self.size);
        easel.bytes.append(&mem::take(&mut self.pending));
        easel.terminal.backend_mut().cursor = self.cursor;
        self.shown.unpack(easel.terminal.current_buffer_mut());
        easel.terminal.swap_buffers();
        let Ok(drawn) = easel.terminal.draw(view);
        self.shown.pack(drawn.buffer);
        self.cursor = easel.terminal.backend().cursor;
        let drawn = easel.bytes.take();
        easel.put_back();
        if drawn.len() <= SMALL_FRAME {
            return drawn;
        }
        [BEGIN_FRAME, &drawn, END_FRAME].concat()
    }
}

/// What frames are drawn on: ratatui's terminal with its two buffers. A thread has one and lends it to each of its
/// sessions for the time of a drawing, because two buffers for each of a thousand sessions would be most of the memory
/// there is. It keeps no cell between drawings.
struct Easel {
    terminal: Terminal<Collector>,
    bytes: Bytes,
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
        let bytes = Bytes::default();
        let Ok(terminal) = Terminal::new(Collector {
            inner: CrosstermBackend::new(bytes.clone()),
            size,
            cursor: None,
        });
        Self { terminal, bytes }
    }

    fn put_back(mut self) {
        // Swapping resets the buffer that holds what was drawn; the other one was reset after the drawing.
        self.terminal.swap_buffers();
        if self.terminal.backend().size.area() <= LARGEST_KEPT {
            EASEL.set(Some(self));
        }
    }
}

/// A frame at rest: runs of equal cells, 8 bytes each, where a cell of ratatui's takes more than 40.
#[derive(Default)]
struct PackedFrame {
    runs: Vec<Run>,
    /// Symbols of more than one character, and styles, in the order of their first use.
    symbols: Vec<String>,
    styles: Vec<Style>,
}

#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
struct Run {
    /// A character, or [`Run::LONG`] and the place of a longer symbol.
    symbol: u32,
    style: u16,
    cells: u16,
}

impl Run {
    /// No character is as large.
    const LONG: u32 = 1 << 31;
}

impl PackedFrame {
    fn forget(&mut self) {
        self.runs.zeroize();
        self.symbols.zeroize();
        self.styles.clear();
    }

    fn pack(&mut self, frame: &Buffer) {
        self.forget();
        let mut before = None;
        for cell in &frame.content {
            // Most of a screen is blank: the same cell again is no look-up.
            if let Some(last) = self.runs.last_mut()
                && before == Some(cell)
                && last.cells < u16::MAX
            {
                last.cells += 1;
                continue;
            }
            before = Some(cell);
            let run = Run {
                symbol: self.symbol(cell.symbol()),
                style: self.style(cell.style()),
                cells: 1,
            };
            self.runs.push(run);
        }
        self.runs.shrink_to_fit();
    }

    /// Fills an empty buffer with the frame, if there is one.
    fn unpack(&self, frame: &mut Buffer) {
        let mut rest = frame.content.as_mut_slice();
        for run in &self.runs {
            let length = usize::from(run.cells).min(rest.len());
            let (cells, after) = rest.split_at_mut(length);
            rest = after;
            let style = self.styles[usize::from(run.style)];
            for cell in cells {
                match char::from_u32(run.symbol) {
                    Some(symbol) => cell.set_char(symbol),
                    None => cell.set_symbol(&self.symbols[(run.symbol & !Run::LONG) as usize]),
                };
                cell.set_style(style);
                // Most of a screen is blank, and so are the cells of an empty buffer.
                if *cell == Cell::EMPTY {
                    break;
                }
            }
        }
    }

    fn symbol(&mut self, symbol: &str) -> u32 {
        let mut characters = symbol.chars();
        if let (Some(only), None) = (characters.next(), characters.next()) {
            return only.into();
        }
        Run::LONG
            | place(
                &mut self.symbols,
                |known| known == symbol,
                || symbol.to_owned(),
            )
    }

    fn style(&mut self, style: Style) -> u16 {
        let place = place(&mut self.styles, |known| *known == style, || style);
        u16::try_from(place).unwrap_or(u16::MAX)
    }
}

/// The place of what `is_it` in `known`, where it is put if it is new.
fn place<T>(known: &mut Vec<T>, is_it: impl Fn(&T) -> bool, it: impl FnOnce() -> T) -> u32 {
    let place = known.iter().position(is_it).unwrap_or_else(|| {
        known.push(it());
        known.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX)
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

/// Bytes on their way to a terminal, shared with the backend that writes them.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn append(&self, bytes: &[u8]) {
        self.lock().extend_from_slice(bytes);
    }

    fn take(&self) -> Vec<u8> {
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A backend that knows its size from the session and repeats no cursor command.
struct Collector {
    inner: CrosstermBackend<Bytes>,
    size: Size,
    /// The cursor as the terminal has it: shown at a place, or hidden; unknown before the first frame.
    cursor: Option<Option<Position>>,
}

/// Writing to memory does not fail.
fn infallible<T>(result: io::Result<T>) -> Result<T, Infallible> {
    Ok(result.expect("bytes are collected in memory"))
}

impl Backend for Collector {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_some() {
            // Drawing moves the cursor, so its place has to be set again after it.
            if let Some(Some(_)) = self.cursor {
                self.cursor = None;
            }
            infallible(self.inner.draw(content))?;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        if self.cursor != Some(None) {
            self.cursor = Some(None);
            infallible(self.inner.hide_cursor())?;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        if !matches!(self.cursor, Some(Some(_))) {
            infallible(self.inner.show_cursor())?;
        }
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor.flatten().unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        let position = position.into();
        if self.cursor != Some(Some(position)) {
            self.cursor = Some(Some(position));
            infallible(self.inner.set_cursor_position(position))?;
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        infallible(self.inner.clear())
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), Infallible> {
        infallible(self.inner.clear_region(region))
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
    use ratatui::{style::Color, widgets::Paragraph};

    use super::*;

    fn draw(canvas: &mut Canvas, text: &str) -> Vec<u8> {
        canvas.draw(|frame| {
            frame.render_widget(Paragraph::new(text), frame.area());
            frame.set_cursor_position((text.len() as u16, 0));
        })
    }

    #[test]
    fn an_unchanged_frame_is_no_bytes_and_a_typed_character_few() {
        let mut canvas = Canvas::new(Size::new(80, 24), Wipe::All);
        assert!(!draw(&mut canvas, "User ID").is_empty());
        assert_eq!(draw(&mut canvas, "User ID"), b"");
        let typed = draw(&mut canvas, "User IDx");
        assert!(
            typed.len() <= 38,
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
        assert!(
            bytes.starts_with(Wipe::All.bytes()),
            "{}",
            bytes.escape_ascii()
        );
        assert!(bytes.windows(4).any(|w| w == b"menu"));
    }

    #[test]
    fn a_frame_at_rest_is_exactly_what_was_drawn_and_small() {
        let area = ratatui::layout::Rect::new(0, 0, 80, 24);
        let mut drawn = Buffer::empty(area);
        drawn.set_string(0, 0, "User ID: Dewi e\u{301} 山田", Style::new().bold());
        drawn.set_string(
            0,
            1,
            "───█▀▄",
            Style::new().fg(Color::Indexed(120)).bg(Color::Black),
        );
        let mut packed = PackedFrame::default();
        packed.pack(&drawn);
        let mut unpacked = Buffer::empty(area);
        packed.unpack(&mut unpacked);
        assert_eq!(unpacked, drawn);
        assert!(packed.runs.len() * size_of::<Run>() < 512);
        packed.forget();
        assert!(packed.runs.is_empty() && packed.symbols.is_empty());
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
