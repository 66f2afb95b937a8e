//! The frame around every screen: whose terminal this is, the information pages, the time, and the keys.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use super::sheet;
use crate::{
    domain::calendar,
    tui::{
        context::Context,
        text::{Page, fill},
    },
};

/// A key and what it does on this screen.
#[derive(Debug, Clone)]
pub struct KeyHint {
    pub key: &'static str,
    pub does: String,
}

impl KeyHint {
    pub fn new(key: &'static str, does: &str) -> Self {
        Self {
            key,
            does: does.to_owned(),
        }
    }
}

/// Draws header and footer; returns the column for the screen's sheet. On a low terminal the footer goes first, then
/// the header: what a person came for goes last.
pub fn paint(frame: &mut Frame<'_>, context: &Context<'_>, hints: &[KeyHint]) -> Rect {
    column(paint_around(frame, context, hints))
}

/// As [`paint`], for a screen with tables: nearly the whole width, and less air.
pub fn paint_wide(frame: &mut Frame<'_>, context: &Context<'_>, hints: &[KeyHint]) -> Rect {
    let body = paint_around(frame, context, hints);
    let width = sheet::WIDEST.min(body.width.saturating_sub(2).max(1));
    let air = match body.height {
        0..=18 => 0,
        19..=27 => 1,
        _ => 2,
    };
    Rect {
        x: body.x + (body.width - width) / 2,
        y: body.y + air,
        width,
        height: body.height - air,
    }
}

fn paint_around(frame: &mut Frame<'_>, context: &Context<'_>, hints: &[KeyHint]) -> Rect {
    let area = frame.area();
    let header = if area.height >= 14 { 2 } else { 0 };
    let footer = match area.height {
        0..=8 => 0,
        9..=17 => 1,
        _ => 4,
    };
    if header > 0 {
        paint_header(frame, context, area);
    }
    if footer > 1 {
        paint_footer(frame, context, area);
    }
    if footer > 0 {
        let row = row(area, area.height - 1);
        paint_hints(frame, context, hints, row);
    }
    Rect {
        y: area.y + header,
        height: area.height.saturating_sub(header + footer),
        ..area
    }
}

/// The column of a body: in the middle, with a line of air above where there is room.
pub fn column(body: Rect) -> Rect {
    let width = sheet::WIDTH.min(body.width.saturating_sub(2).max(1));
    let air = match body.height {
        0..=14 => 0,
        15..=24 => 1,
        taller => taller / 6,
    };
    Rect {
        x: body.x + (body.width - width) / 2,
        y: body.y + air,
        width,
        height: body.height - air,
    }
}

fn row(area: Rect, number: u16) -> Rect {
    Rect {
        y: area.y + number,
        height: 1,
        ..area
    }
}

fn paint_header(frame: &mut Frame<'_>, context: &Context<'_>, area: Rect) {
    let theme = context.theme;
    let mut left = vec![
        Span::raw(" "),
        Span::styled(theme.shown(&context.settings.office), theme.name),
    ];
    if context.settings.training.is_some() {
        left.push(Span::raw("  "));
        left.push(Span::styled(
            theme.shown(&context.text.common.training),
            theme.training,
        ));
    }
    let right = theme.shown(&context.settings.session);
    two_sides(
        frame,
        row(area, 0),
        left,
        vec![Span::styled(right, theme.hint)],
    );
    rule(frame, context, row(area, 1));
}

fn paint_footer(frame: &mut Frame<'_>, context: &Context<'_>, area: Rect) {
    let theme = context.theme;
    rule(frame, context, row(area, area.height - 4));
    let mut pages = vec![Span::raw(" ")];
    for (number, page) in Page::ALL.into_iter().enumerate() {
        if number > 0 {
            pages.push(Span::styled(theme.separator, theme.hint));
        }
        pages.push(Span::styled(format!("F{} ", number + 3), theme.key));
        pages.push(Span::styled(
            theme.shown(page.title(context.text)),
            theme.hint,
        ));
    }
    let pages_row = row(area, area.height - 3);
    two_sides(frame, pages_row, pages, Vec::new());
    let date = calendar::date_and_minute(
        context.now.wall,
        context.settings.zone,
        &context.text.months,
    );
    let version = fill(
        &context.text.footer.version,
        &[("version", &context.settings.version)],
    );
    // An unknown number is left out, not guessed: the store may still be opening.
    let visits = context.visits.map_or(String::new(), |visits| {
        let number = context.text.number(visits);
        fill(&context.text.footer.visitors, &[("n", &number)])
    });
    let mut left = vec![Span::styled(format!(" {date}"), theme.hint)];
    if !visits.is_empty() {
        left.push(Span::styled(theme.separator, theme.hint));
        left.push(Span::styled(theme.shown(&visits), theme.hint));
    }
    let right = vec![Span::styled(theme.shown(&version), theme.hint)];
    two_sides(frame, row(area, area.height - 2), left, right);
}

fn paint_hints(frame: &mut Frame<'_>, context: &Context<'_>, hints: &[KeyHint], area: Rect) {
    let line = hint_line(context, hints, area.width);
    frame
        .buffer_mut()
        .set_line(area.x, area.y, &line, area.width);
}

/// As many of the key hints as fit `width`, in their order.
pub fn hint_line(context: &Context<'_>, hints: &[KeyHint], width: u16) -> Line<'static> {
    let theme = context.theme;
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for hint in hints {
        let does = format!(" {}", theme.shown(&hint.does));
        let gap = if used > 1 { 3 } else { 0 };
        let needed = gap + hint.key.width() + does.width();
        if used + needed > usize::from(width) {
            break;
        }
        used += needed;
        spans.push(Span::raw(" ".repeat(gap)));
        spans.push(Span::styled(hint.key, theme.key));
        spans.push(Span::styled(does, theme.hint));
    }
    Line::from(spans)
}

fn rule(frame: &mut Frame<'_>, context: &Context<'_>, area: Rect) {
    let line = context.theme.rule.repeat(usize::from(area.width));
    frame
        .buffer_mut()
        .set_string(area.x, area.y, line, context.theme.line);
}

/// `left` at the left edge and, where it does not touch it, `right` at the right edge.
fn two_sides(frame: &mut Frame<'_>, area: Rect, left: Vec<Span<'_>>, right: Vec<Span<'_>>) {
    let (left, right) = (Line::from(left), Line::from(right));
    let (left_width, right_width) = (left.width(), right.width() + 1);
    let buffer = frame.buffer_mut();
    buffer.set_line(area.x, area.y, &left, area.width);
    if left_width + 1 + right_width <= usize::from(area.width) {
        let width = u16::try_from(right_width).unwrap_or(area.width);
        buffer.set_line(area.right() - width, area.y, &right, width);
    }
}

/// A sentence in place of the first row, which stays until what it tells of comes.
pub fn paint_banner(frame: &mut Frame<'_>, context: &Context<'_>, sentence: &str) {
    let area = row(frame.area(), 0);
    let theme = context.theme;
    frame.render_widget(ratatui::widgets::Clear, area);
    let line = Line::styled(format!(" {} ", theme.shown(sentence)), theme.training);
    frame
        .buffer_mut()
        .set_line(area.x, area.y, &line, area.width);
}

/// A dialog over whatever is on the screen: a title and lines in a box in the middle.
pub fn paint_dialog(frame: &mut Frame<'_>, context: &Context<'_>, title: &str, lines: &[String]) {
    let area = frame.area();
    let theme = context.theme;
    let width = area.width.min(56);
    let inner = usize::from(width.saturating_sub(4)).max(1);
    let mut rows: Vec<(String, Style)> = vec![
        (String::new(), Style::new()),
        (theme.shown(title), theme.title),
        (String::new(), Style::new()),
    ];
    for line in lines {
        for part in sheet::wrap(&theme.shown(line), inner) {
            rows.push((part, Style::new()));
        }
    }
    rows.push((String::new(), Style::new()));
    let height = u16::try_from(rows.len() + 2)
        .unwrap_or(u16::MAX)
        .min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(ratatui::widgets::Clear, place);
    let block = ratatui::widgets::Block::bordered()
        .border_set(theme.border)
        .border_style(theme.title);
    let content = block.inner(place);
    frame.render_widget(block, place);
    for (number, (text, style)) in (0..).zip(rows.into_iter().take(usize::from(content.height))) {
        let line = Line::styled(format!(" {text}"), style);
        frame
            .buffer_mut()
            .set_line(content.x, content.y + number, &line, content.width);
    }
}
