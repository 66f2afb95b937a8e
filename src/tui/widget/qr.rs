//! A QR code in terminal cells: always dark modules on white, whatever the terminal's own colours are.
//!
//! A QR code is a picture, so its colours are set even where the person has asked for none (NO_COLOR): on an unknown
//! background it would not scan. Only a terminal without any colour gets none. There the light modules are drawn as
//! glyphs, which is the right way round on the dark screens that such terminals have; on a bright one the person turns
//! it over.
//!
//! A module is as wide as it is high, or phones do not take it for a QR code: two cells where there are no half blocks.
//! So the picture gets smaller by its quiet zone alone, and where it finds no room beside anything else it stands alone.

use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Position, Rect, Size},
    style::{Color, Modifier, Style},
};

use super::{
    frame::{self, KeyHint},
    panel::Panel,
    sheet,
};
use crate::tui::{
    context::Context,
    text::fill,
    theme::{Colours, Glyphs, Terminal},
};

/// Modules of white around the code: what ISO/IEC 18004 asks for, what phones still read on a screen, and the least
/// that tells the code from a dark screen around it.
const QUIET_ZONES: [usize; 3] = [4, 2, 1];

/// A QR code ready to be drawn.
#[derive(Debug)]
pub struct Qr {
    modules: Vec<bool>,
    width: usize,
    terminal: Terminal,
    /// The terminal has no colours, and the dark modules are the glyphs.
    is_turned_over: bool,
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
            is_turned_over: false,
        })
    }

    /// Whether light and dark can be the wrong way round, which only the person sees.
    pub fn can_be_turned_over(&self) -> bool {
        self.terminal.colours == Colours::Mono
    }

    /// Makes the dark modules light and the light ones dark, as the terminal shows them.
    pub fn turn_over(&mut self) {
        self.is_turned_over ^= self.can_be_turned_over();
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
        let [.., least] = QUIET_ZONES;
        self.cells(least)
    }

    fn cells(&self, quiet: usize) -> Size {
        let modules = u16::try_from(self.width + 2 * quiet).unwrap_or(u16::MAX);
        match self.terminal.glyphs {
            Glyphs::Unicode | Glyphs::LinuxConsole => Size::new(modules, modules.div_ceil(2)),
            Glyphs::Ascii => Size::new(modules.saturating_mul(2), modules),
        }
    }

    /// Draws the code alone on the terminal, and below it the keys where they have a row; or else what it needs.
    pub fn paint_alone(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let hints = self.hints_alone(context);
        let area = frame.area();
        let above = Rect {
            height: area.height.saturating_sub(1),
            ..area
        };
        let fitted = self.fitted(above.as_size()).map(|fitted| (fitted, above));
        let whole = || self.fitted(area.as_size()).map(|fitted| (fitted, area));
        let Some(((cells, quiet), room)) = fitted.or_else(whole) else {
            return self.paint_need(frame, context, &hints);
        };
        let picture = Rect {
            x: room.x + (room.width - cells.width) / 2,
            y: room.y + (room.height - cells.height) / 2,
            width: cells.width,
            height: cells.height,
        };
        self.paint(frame.buffer_mut(), picture, quiet);
        if room == above {
            let line = frame::hint_line(context, &hints, area.width);
            let buffer = frame.buffer_mut();
            buffer.set_line(area.x, above.bottom(), &line, area.width);
        }
        // Nothing is typed here, and what is read begins with the keys.
        let last = area.bottom().saturating_sub(1);
        frame.set_cursor_position(Position::new(area.x + 1, last));
    }

    fn hints_alone(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let back = KeyHint::new("Q", &context.text.key.back);
        [Some(back), self.turn_hint(context)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The key that turns light and dark over, where that can be needed.
    pub fn turn_hint(&self, context: &Context<'_>) -> Option<KeyHint> {
        let turn = || KeyHint::new("B", &context.text.key.turn_over);
        self.can_be_turned_over().then(turn)
    }

    /// What the code alone would need.
    fn paint_need(&self, frame: &mut Frame<'_>, context: &Context<'_>, hints: &[KeyHint]) {
        let body = frame::paint(frame, context, hints);
        let panel = Panel::new(body, sheet::WIDTH);
        let mut sheet = panel.sheet(context.theme);
        sheet.paragraph(&self.need(context));
        panel.paint(frame, context, sheet);
    }

    /// The room that the code needs, in words.
    pub fn need(&self, context: &Context<'_>) -> String {
        let Size { width, height } = self.least();
        let size = [("columns", width.to_string()), ("rows", height.to_string())];
        let size = size.each_ref().map(|(name, value)| (*name, value.as_str()));
        fill(&context.text.common.qr_needs, &size)
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
            let is_ink = |dark| dark != self.is_turned_over;
            let lit = match (is_ink(dark.0), is_ink(dark.1)) {
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
            None if dark != self.is_turned_over => (" ", Style::new()),
            None => (" ", Style::new().add_modifier(Modifier::REVERSED)),
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
            sequences: Default::default(),
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
        let phone = Size::new(40, 23);
        let on_phone = qr(78, Glyphs::Unicode).fitted(phone);
        assert_eq!(on_phone, Some((Size::new(37, 19), 2)));
        let plain = qr(78, Glyphs::Ascii);
        assert_eq!(plain.fitted(room), None);
        let low = plain.fitted(Size::new(82, 40));
        assert_eq!(low, Some((Size::new(74, 37), 2)));
        assert_eq!(plain.least(), Size::new(70, 35));
    }
}
