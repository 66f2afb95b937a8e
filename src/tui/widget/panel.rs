//! The panel that a screen stands on: its heading in the frame, the sheet inside, and below it what went wrong or well.
//!
//! Where a window is narrow the panel has no sides, where it is low no frame at all: then the heading is a line of the
//! sheet, and what is said stands at its end. Nothing moves when something is said, as long as there is room for it.

use ratatui::{
    Frame,
    layout::{Position, Rect, Size},
    style::Style,
    text::{Line, Span},
};

use super::sheet::Sheet;
use crate::tui::{context::Context, theme::Theme};

/// Rows and columns with which a panel has a frame, and sides.
const FRAMED_FROM: Size = Size {
    width: 60,
    height: 12,
};

/// Columns of a side, with the air between it and what stands on the panel, where there is room for air.
const SIDE: u16 = 2;

/// Columns beside the heading and the step: corners, lines and spaces.
const AROUND_HEADING: u16 = 10;

/// Columns before the heading: a corner, a line, a space.
const BEFORE_HEADING: u16 = 3;

/// How much of a frame there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Frame,
    /// A line above.
    Line,
    None,
}

/// A place for a panel.
#[derive(Debug, Clone, Copy)]
pub struct Panel {
    body: Rect,
    edge: Edge,
    /// Columns of the sheet, and of a side.
    width: u16,
    side: u16,
}

impl Panel {
    /// A panel in `body` with a sheet of at most `widest` columns.
    pub fn new(body: Rect, widest: u16) -> Self {
        let edge = match (
            body.height >= FRAMED_FROM.height,
            body.width >= FRAMED_FROM.width,
        ) {
            (true, true) => Edge::Frame,
            (true, false) => Edge::Line,
            (false, _) => Edge::None,
        };
        let side = match edge {
            Edge::Frame if body.width >= widest + 2 * SIDE => SIDE,
            Edge::Frame => 1,
            Edge::Line | Edge::None => 0,
        };
        // Text does not touch the right side.
        let beside = match side {
            SIDE => 2 * SIDE,
            side => 2 * side + 1,
        };
        let width = widest.min(body.width.saturating_sub(beside)).max(1);
        Self {
            body,
            edge,
            width,
            side,
        }
    }

    /// A panel from edge to edge of `body`, without sides, for what needs every column that there is.
    pub fn edge_to_edge(body: Rect) -> Self {
        let edge = match body.height >= FRAMED_FROM.height {
            true => Edge::Line,
            false => Edge::None,
        };
        Self {
            body,
            edge,
            width: body.width.max(1),
            side: 0,
        }
    }

    /// An empty sheet for this panel.
    pub fn sheet(&self, theme: &Theme) -> Sheet {
        let rows = self.body.height.saturating_sub(self.edges() + 1);
        let heading = match self.edge {
            Edge::Frame => Some(self.width + 2 * self.side - AROUND_HEADING),
            Edge::Line => Some(self.width.saturating_sub(AROUND_HEADING - 4)),
            Edge::None => None,
        };
        let size = Size::new(self.width, rows);
        Sheet::within(theme, size, heading.map(usize::from))
    }

    /// Rows of the frame.
    fn edges(&self) -> u16 {
        match self.edge {
            Edge::Frame => 2,
            Edge::Line => 1,
            Edge::None => 0,
        }
    }

    /// Draws the panel with `sheet` on it.
    pub fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>, mut sheet: Sheet) {
        if self.body.intersection(frame.area()).is_empty() {
            return;
        }
        if self.edge == Edge::None {
            sheet.messages_within();
        }
        let messages = sheet.take_messages();
        let room = self.body.height - self.edges();
        let said = rows(messages.len()).min(room / 2);
        let needed = rows(sheet.height());
        let kept = match self.edge {
            Edge::None => 0,
            Edge::Frame | Edge::Line => said.max(1),
        };
        let inside = needed.min(room - kept);
        // Air is given by what stands on the panel, not by what is said below it, so that nothing moves.
        let spare = room.saturating_sub(needed + 1);
        let padding = if spare >= 2 { 1 } else { 0 };
        let air = match self.body.height {
            0..24 => 1,
            tall => tall / 6,
        };
        let air = air.min(spare.saturating_sub(2 * padding));
        // Only what would not be seen at all takes air away.
        let taken = needed + self.edges() + 2 * padding + air + said;
        let too_much = taken.saturating_sub(self.body.height);
        let (air, too_much) = (air.saturating_sub(too_much), too_much.saturating_sub(air));
        let padding = if too_much > 0 { 0 } else { padding };
        let outer = self.outer(air, inside + self.edges() + 2 * padding);
        self.paint_edge(frame, context, outer, &sheet);
        // Where nothing is in focus, what is read begins with the heading.
        let heading = match self.edge {
            Edge::None => outer.x + self.body.width - self.width,
            Edge::Frame | Edge::Line => outer.x + BEFORE_HEADING,
        };
        let heading = heading.min(frame.area().right().saturating_sub(1));
        frame.set_cursor_position(Position::new(heading, outer.y));
        let top = outer.y + padding + u16::from(self.edge != Edge::None);
        let x = self.body.x + (self.body.width - self.width) / 2;
        let area = Rect::new(x, top, self.width, inside);
        sheet.paint(frame, area);
        for (line, y) in messages.iter().zip(outer.bottom()..self.body.bottom()) {
            frame.buffer_mut().set_line(x, y, line, self.width);
        }
    }

    /// The panel `air` rows below the top of the body.
    fn outer(&self, air: u16, height: u16) -> Rect {
        let width = match self.side {
            SIDE => self.width + 2 * SIDE,
            _ => self.body.width,
        };
        Rect {
            x: self.body.x + (self.body.width - width) / 2,
            y: self.body.y + air,
            width,
            height: height.min(self.body.height - air),
        }
    }

    fn paint_edge(&self, frame: &mut Frame<'_>, context: &Context<'_>, area: Rect, sheet: &Sheet) {
        let theme = context.theme;
        let border = theme.border;
        let ends = match self.edge {
            Edge::Frame => {
                paint_box(frame, theme, area, theme.line);
                [border.top_left, border.top_right]
            }
            Edge::Line | Edge::None => {
                frame.buffer_mut().set_style(area, theme.panel);
                [border.horizontal_top; 2]
            }
        };
        if self.edge != Edge::None && area.height > 0 {
            let top = top_line(theme, ends, area.width, sheet.heading());
            let buffer = frame.buffer_mut();
            buffer.set_line(area.x, area.y, &top, area.width);
        }
    }
}

/// The line above a panel, with its heading and which step this is.
fn top_line(
    theme: &Theme,
    [left, right]: [&'static str; 2],
    width: u16,
    (heading, step): (Option<&str>, Option<&str>),
) -> Line<'static> {
    let dash = theme.border.horizontal_top;
    let line = |text: String| Span::styled(text, theme.line);
    let mut spans = vec![line(format!("{left}{dash}"))];
    let mut end = Vec::new();
    if let Some(heading) = heading {
        spans.push(Span::styled(format!(" {heading} "), theme.accent));
        if let Some(step) = step {
            end.push(Span::styled(format!(" {step} "), theme.hint));
        }
    }
    end.push(line(format!("{dash}{right}")));
    let used = spans.iter().chain(&end).map(Span::width).sum::<usize>();
    let between = usize::from(width).saturating_sub(used);
    spans.push(line(dash.repeat(between)));
    spans.append(&mut end);
    Line::from(spans)
}

fn rows(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The paper of a box over the screen, its frame drawn in `style`; returns what is inside.
pub fn paint_box(frame: &mut Frame<'_>, theme: &Theme, area: Rect, style: Style) -> Rect {
    frame.render_widget(ratatui::widgets::Clear, area);
    let block = ratatui::widgets::Block::bordered()
        .border_set(theme.border)
        .border_style(style)
        .style(theme.panel);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    inside
}
