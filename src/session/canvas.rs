//! From a drawn frame to the fewest bytes: ratatui's difference of two frames, collected in memory.
//!
//! Bytes are collected first and sent after, so that one frame is one write (a key press over a network is one packet)
//! and drawing never waits for a slow terminal.

use std::{
    convert::Infallible,
    io::{self, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use ratatui::{
    Frame, Terminal,
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

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

/// The two frames of one terminal, and what has still to be sent to it.
pub struct Canvas {
    terminal: Terminal<Collector>,
    bytes: Bytes,
    size: Size,
    wipe: Wipe,
}

impl Canvas {
    /// A canvas of `size`, nothing drawn. A terminal that tells no size counts as 80x24.
    pub fn new(size: Size, wipe: Wipe) -> Self {
        let bytes = Bytes::default();
        let size = clamped(size);
        let Ok(terminal) = Terminal::new(Collector {
            inner: CrosstermBackend::new(bytes.clone()),
            size,
            cursor: None,
        });
        Self {
            terminal,
            bytes,
            size,
            wipe,
        }
    }

    /// The terminal has this size now.
    pub fn resize(&mut self, size: Size) {
        let size = clamped(size);
        if size != self.size {
            self.size = size;
            self.terminal.backend_mut().size = size;
            self.wipe();
        }
    }

    /// The next frame is drawn from nothing on a cleared screen, and no cell of an earlier frame is kept in memory.
    pub fn wipe(&mut self) {
        let Ok(terminal) = Terminal::new(Collector {
            inner: CrosstermBackend::new(self.bytes.clone()),
            size: self.size,
            cursor: None,
        });
        self.terminal = terminal;
        self.bytes.take();
        self.bytes.append(self.wipe.bytes());
    }

    /// Draws a frame; returns the bytes that turn the one before into it.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> Vec<u8> {
        let Ok(_) = self.terminal.draw(view);
        let drawn = self.bytes.take();
        if drawn.len() <= SMALL_FRAME {
            return drawn;
        }
        [BEGIN_FRAME, &drawn, END_FRAME].concat()
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
    use ratatui::widgets::Paragraph;

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
