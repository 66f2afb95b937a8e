//! A QR code in terminal cells: always dark modules on white, whatever the terminal's own colours are.
//!
//! A QR code is a picture, so its colours are set even where the person has asked for none (NO_COLOR): on an unknown
//! background it would not scan. Only a terminal without any colour gets none; there the light modules are drawn as
//! glyphs, which is the right way round on the dark screens that such terminals have.

use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::{
    buffer::Buffer,
    layout::{Rect, Size},
    style::{Color, Style},
};

use crate::tui::theme::{Colours, Glyphs, Terminal};

/// Modules of white around the code: what ISO/IEC 18004 asks for, and what phones still read on a screen.
const QUIET_ZONES: [usize; 2] = [4, 2];

/// A QR code ready to be drawn.
#[derive(Debug)]
pub struct Qr {
    modules: Vec<bool>,
    width: usize,
    terminal: Terminal,
}

impl Qr {
    /// The code of `text`: error correction level L, the smallest version that holds it.
    ///
    /// `None` when no version does, which cannot happen to a provisioning URI of bounded names.
    pub fn new(text: &str, terminal: Terminal) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let width = code.width();
        let modules = code
            .into_colors()
            .into_iter()
            .map(|module| module == Module::Dark)
            .collect();
        Some(Self {
            modules,
            width,
            terminal,
        })
    }

    /// The cells that the code takes, with the widest quiet zone that `room` allows.
    pub fn fitted(&self, room: Size) -> Option<(Size, usize)> {
        QUIET_ZONES
            .into_iter()
            .map(|quiet| (self.cells(quiet), quiet))
            .find(|(cells, _)| cells.width <= room.width && cells.height <= room.height)
    }

    /// The smallest room in which the code can be drawn.
    pub fn least(&self) -> Size {
        self.cells(QUIET_ZONES[1])
    }

    fn cells(&self, quiet: usize) -> Size {
        let modules = u16::try_from(self.width + 2 * quiet).unwrap_or(u16::MAX);
        match self.terminal.glyphs {
            Glyphs::Unicode | Glyphs::LinuxConsole => Size::new(modules, modules.div_ceil(2)),
            Glyphs::Ascii => Size::new(modules.saturating_mul(2), modules),
        }
    }

    /// Draws the code with `quiet` modules around it at the upper left of `area`, which must be large enough.
    pub fn paint(&self, buffer: &mut Buffer, area: Rect, quiet: usize) {
        let cells = self.cells(quiet);
        for y in 0..cells.height.min(area.height) {
            for x in 0..cells.width.min(area.width) {
                let (symbol, style) = match self.terminal.glyphs {
                    Glyphs::Unicode | Glyphs::LinuxConsole => {
                        self.half_blocks(usize::from(x), usize::from(y), quiet)
                    }
                    Glyphs::Ascii => self.spaces(usize::from(x) / 2, usize::from(y), quiet),
                };
                if let Some(cell) = buffer.cell_mut((area.x + x, area.y + y)) {
                    cell.reset();
                    cell.set_symbol(symbol).set_style(style);
                }
            }
        }
    }

    fn half_blocks(&self, x: usize, y: usize, quiet: usize) -> (&'static str, Style) {
        let dark = (
            self.is_dark(x, 2 * y, quiet),
            self.is_dark(x, 2 * y + 1, quiet),
        );
        let Some((black, white)) = self.colours() else {
            let lit = match dark {
                (false, false) => "█",
                (false, true) => "▀",
                (true, false) => "▄",
                (true, true) => " ",
            };
            return (lit, Style::new());
        };
        // White is the background, so that a terminal with gaps between its lines shows them white.
        let ink = match dark {
            (false, false) => " ",
            (false, true) => "▄",
            (true, false) => "▀",
            (true, true) => "█",
        };
        (ink, Style::new().fg(black).bg(white))
    }

    fn spaces(&self, x: usize, y: usize, quiet: usize) -> (&'static str, Style) {
        let dark = self.is_dark(x, y, quiet);
        match self.colours() {
            Some((black, white)) => (
                " ",
                Style::new().fg(white).bg(if dark { black } else { white }),
            ),
            None if dark => (" ", Style::new()),
            None => (
                " ",
                Style::new().add_modifier(ratatui::style::Modifier::REVERSED),
            ),
        }
    }

    /// Black and white; exact ones where the terminal has them, because the first sixteen may be anything.
    fn colours(&self) -> Option<(Color, Color)> {
        match self.terminal.colours {
            Colours::Mono => None,
            Colours::Ansi16 => Some((Color::Black, Color::White)),
            Colours::Ansi256 => Some((Color::Indexed(16), Color::Indexed(231))),
        }
    }

    /// Whether the module at a place of the picture is dark; the quiet zone, and everything beyond, is not.
    fn is_dark(&self, x: usize, y: usize, quiet: usize) -> bool {
        let inside = |place: usize| place.checked_sub(quiet).filter(|at| *at < self.width);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.modules[y * self.width + x],
            _ => false,
        }
    }
}

/// The content can be seen by whoever sees the screen, not by whoever reads a log.
impl Drop for Qr {
    fn drop(&mut self) {
        self.modules.fill(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qr(bytes: usize, glyphs: Glyphs) -> Qr {
        let terminal = Terminal {
            glyphs,
            colours: Colours::Ansi256,
            no_color: false,
        };
        Qr::new(&"x".repeat(bytes), terminal).unwrap()
    }

    #[test]
    fn what_a_provisioning_uri_needs_fits_80x24() {
        let room = Size::new(50, 24);
        assert_eq!(
            qr(78, Glyphs::Unicode).fitted(room),
            Some((Size::new(41, 21), 4))
        );
        assert_eq!(
            qr(106, Glyphs::Unicode).fitted(room),
            Some((Size::new(45, 23), 4))
        );
        assert_eq!(
            qr(134, Glyphs::Unicode).fitted(room),
            Some((Size::new(45, 23), 2))
        );
        assert_eq!(qr(78, Glyphs::Ascii).fitted(room), None);
        assert_eq!(qr(78, Glyphs::Ascii).least(), Size::new(74, 37));
    }
}
            sequences: Default::default(),
