//! What is around every screen: whose terminal this is, the information pages, the time, and the keys.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

use super::{panel, sheet};
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

/// Draws the banner and the footer; returns what is between them, for the screen. On a low terminal the footer goes first,
/// then the banner: what a person came for goes last.
pub fn paint(frame: &mut Frame<'_>, context: &Context<'_>, hints: &[KeyHint]) -> Rect {
    let area = frame.area();
    let header = header(area.height);
    let footer = match area.height {
        0..=8 => 0,
        9..FOOTED_FROM => 1,
        _ => FOOTER,
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

/// Rows with which a terminal has the whole footer.
const FOOTED_FROM: u16 = 18;

/// Rows of the footer: the information pages, the time, the keys.
const FOOTER: u16 = 3;

/// Rows with which a terminal has a banner as large as the sign beside a door.
const SIGNED_FROM: u16 = 36;

/// Rows of the banner.
fn header(height: u16) -> u16 {
    match height {
        0..10 => 0,
        10..SIGNED_FROM => 1,
        _ => 3,
    }
}

/// Rows of banner and footer on a terminal that has room for both.
pub fn around(height: u16) -> u16 {
    header(height) + FOOTER
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
    let rows = header(area.height);
    let banner = Rect {
        height: rows,
        ..area
    };
    frame.buffer_mut().set_style(banner, theme.banner);
    let office = theme.shown(&context.settings.office);
    let mut left = vec![Span::raw(" "), Span::styled(office, theme.title)];
    if context.settings.training.is_some() {
        let training = theme.shown(&context.text.common.training);
        left.push(Span::raw("  "));
        left.push(Span::styled(training, theme.training));
    }
    let right = vec![Span::raw(theme.shown(&context.settings.session))];
    two_sides(frame, row(area, rows / 2), left, right);
}

fn paint_footer(frame: &mut Frame<'_>, context: &Context<'_>, area: Rect) {
    let theme = context.theme;
    let text = context.text;
    let version = fill(
        &text.footer.version,
        &[("version", &context.settings.version)],
    );
    let right = vec![Span::styled(theme.shown(&version), theme.footer)];
    let pages_row = row(area, area.height - 3);
    two_sides(frame, pages_row, pages(context, area.width), right);
    let date = calendar::date_and_minute(context.now.wall, context.settings.zone, &text.months);
    let left = vec![Span::styled(format!(" {date}"), theme.footer)];
    // An unknown number is left out, not guessed: the store may still be opening.
    let visits = context.visits.map_or(String::new(), |visits| {
        fill(&text.footer.visitors, &[("n", &text.number(visits))])
    });
    let right = vec![Span::styled(theme.shown(&visits), theme.footer)];
    two_sides(frame, row(area, area.height - 2), left, right);
}

/// The keys of the information pages; where their titles have no room, by the first word of each.
fn pages(context: &Context<'_>, width: u16) -> Vec<Span<'static>> {
    let theme = context.theme;
    let spans = |is_short: bool| {
        let mut spans = vec![Span::raw(" ")];
        for (number, page) in Page::ALL.into_iter().enumerate() {
            if number > 0 {
                spans.push(Span::styled(theme.separator, theme.footer));
            }
            let title = theme.shown(page.title(context.text));
            let first = title.split(' ').next().unwrap_or_default().to_owned();
            let title = if is_short { first } else { title };
            spans.push(Span::styled(format!("F{}", number + 3), theme.key));
            spans.push(Span::styled(format!(" {title}"), theme.footer));
        }
        spans
    };
    let long = spans(false);
    let needed: usize = long.iter().map(Span::width).sum();
    match needed <= usize::from(width) {
        true => long,
        false => spans(true),
    }
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
        spans.push(Span::styled(does, theme.footer));
    }
    Line::from(spans)
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
    paint_banner_in(frame, context, 0, sentence);
}

/// The same in place of the last row, where the first is a picture's.
pub fn paint_banner_below(frame: &mut Frame<'_>, context: &Context<'_>, sentence: &str) {
    let last = frame.area().height.saturating_sub(1);
    paint_banner_in(frame, context, last, sentence);
}

fn paint_banner_in(frame: &mut Frame<'_>, context: &Context<'_>, number: u16, sentence: &str) {
    let area = row(frame.area(), number);
    let theme = context.theme;
    frame.render_widget(ratatui::widgets::Clear, area);
    frame.buffer_mut().set_style(area, theme.care);
    let line = Line::styled(format!(" {} ", theme.shown(sentence)), theme.care);
    frame
        .buffer_mut()
        .set_line(area.x, area.y, &line, area.width);
}

/// Lines right above the footer, as many of the last as the screen has left rows free there; none where they do not fit.
pub fn paint_beside(frame: &mut Frame<'_>, context: &Context<'_>, lines: &[Line<'_>]) {
    let area = frame.area();
    let is_wide = |line: &Line<'_>| line.width() <= usize::from(area.width);
    if area.height < FOOTED_FROM || !lines.iter().all(is_wide) {
        return;
    }
    let paper = context.theme.page.bg.unwrap_or_default();
    let buffer = frame.buffer_mut();
    let rows = (area.top()..area.bottom() - FOOTER).rev();
    for (line, y) in lines.iter().rev().zip(rows) {
        let mut cells = (area.left()..area.right()).map(|x| &buffer[(x, y)]);
        if !cells.all(|cell| cell.symbol() == " " && cell.bg == paper) {
            return;
        }
        buffer.set_line(area.x, y, line, area.width);
    }
}

/// A dialog over whatever is on the screen: a title and lines in a box in the middle.
pub fn paint_dialog(frame: &mut Frame<'_>, context: &Context<'_>, title: &str, lines: &[String]) {
    let area = frame.area();
    let theme = context.theme;
    let width = area.width.min(56);
    let inner = usize::from(width.saturating_sub(4)).max(1);
    let mut rows: Vec<(String, Style)> = vec![
        (String::new(), Style::new()),
        (theme.shown(title), theme.accent),
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
    let content = panel::paint_box(frame, theme, place, theme.accent);
    if !content.is_empty() {
        // The title, which is read first.
        let y = (content.y + 1).min(content.bottom() - 1);
        frame.set_cursor_position(Position::new(content.x + 1, y));
    }
    for (number, (text, style)) in (0..).zip(rows.into_iter().take(usize::from(content.height))) {
        let line = Line::styled(format!(" {text}"), style);
        frame
            .buffer_mut()
            .set_line(content.x, content.y + number, &line, content.width);
    }
}
