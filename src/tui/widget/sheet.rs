//! A column of lines that screens write from top to bottom: titles, fields, buttons, sentences.
//!
//! Every screen uses the same column at the same place, so the same thing is always in the same place. A sheet taller
//! than the terminal scrolls so that the focused item stays visible. [`super::panel`] puts it on a panel: the first title
//! becomes its heading, and what went wrong or well stands below it.

use std::{mem, time::Duration};

use ratatui::{
    Frame,
    layout::{Position, Rect, Size},
    style::{Modifier, Style},
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use zeroize::Zeroizing;

use super::{
    digits,
    field::{CodeField, SecretField, TextField},
    outline::{FieldState, Part},
};
use crate::{
    domain::identity::is_disguise,
    tui::{
        text::Text,
        theme::{Glyphs, Theme},
    },
};

/// The column's width where there is room for it, the gutter included.
pub const WIDTH: u16 = 70;

/// The gutter before everything: the pointer at what is in focus, or a mark, and a space.
const POINTER: usize = 2;

/// The width of a screen with tables, where there is room for it.
pub const WIDEST: u16 = 112;

/// Columns of a label that stands before its field.
const LABEL: usize = 15;

/// Columns of a meter's bar.
pub const METER: usize = 20;
/// Columns of a name that stands before its value.
const NAME: usize = 18;

/// Columns before what is said below the panel: a mark with air around it, and a space.
const MESSAGE: usize = 4;

/// From so many rows on there is room for large things.
const ROOMY: usize = 14;

/// Columns between a gauge and its seconds.
const GAUGE_GAP: usize = 2;

/// A value beside its name is not worth having with fewer columns than this.
const NARROW_VALUE: usize = 24;

/// A field beside its label is not worth having with fewer columns than this.
const NARROWEST: usize = 12;

/// Lines written so far, and where the focus and the cursor are among them.
#[derive(Debug)]
pub struct Sheet {
    theme: Theme,
    width: usize,
    /// Columns of labels, and of names.
    label: usize,
    name: usize,
    lines: Vec<Line<'static>>,
    /// First and last line that must be seen.
    focus: Option<(usize, usize)>,
    /// The first cell of what is in focus, or where the next letter goes: what braille displays and screen readers follow.
    cursor: Option<(usize, usize)>,
    /// Rows of the terminal that the sheet is for.
    rows: usize,
    /// Where there is a panel, the first title stands in its frame.
    heading: Heading,
    /// Which of how many steps this is, in words.
    step: Option<String>,
    turned: usize,
    /// What is said below the panel: what went wrong or well, and what goes on.
    messages: Vec<Line<'static>>,
    /// What has been written, if that is asked for.
    outline: Option<Vec<Part>>,
    said: Vec<Part>,
}

/// A button or a link.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    pub label: &'a str,
    pub focused: bool,
    pub kind: ActionKind,
}

/// What a button is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// The one that Enter presses.
    Main,
    Button,
    /// It takes something away.
    Danger,
    Link,
}

impl ActionKind {
    /// Columns before its words.
    fn inset(self) -> usize {
        match self {
            Self::Link => 0,
            Self::Main | Self::Button | Self::Danger => 2,
        }
    }
}

/// Where the first title of a sheet stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heading {
    /// In the sheet, as a line.
    InSheet,
    /// In a frame that has so many columns for it.
    Awaited(usize),
    InFrame(String),
}

impl Sheet {
    pub fn new(theme: &Theme, width: u16) -> Self {
        Self {
            theme: *theme,
            width: usize::from(width).max(POINTER + 1),
            label: LABEL,
            name: NAME,
            lines: Vec::new(),
            focus: None,
            cursor: None,
            rows: 0,
            heading: Heading::InSheet,
            step: None,
            turned: 0,
            messages: Vec::new(),
            outline: None,
            said: Vec::new(),
        }
    }

    /// A sheet for `area`, whose rows its tables may fill. `heading`: the columns that a frame has for its first title.
    pub fn within(theme: &Theme, area: Size, heading: Option<usize>) -> Self {
        Self {
            rows: area.height.into(),
            heading: heading.map_or(Heading::InSheet, Heading::Awaited),
            ..Self::new(theme, area.width)
        }
    }

    /// The outline of what `write` writes.
    pub fn outline(theme: &Theme, write: impl FnOnce(&mut Self)) -> Vec<Part> {
        let mut sheet = Self {
            outline: Some(Vec::new()),
            ..Self::new(theme, WIDTH)
        };
        write(&mut sheet);
        let mut outline = sheet.outline.unwrap_or_default();
        outline.append(&mut sheet.said);
        outline
    }

    /// What stands in the frame of the panel: the heading, and which step this is.
    pub fn heading(&self) -> (Option<&str>, Option<&str>) {
        match &self.heading {
            Heading::InFrame(heading) => (Some(heading), self.step.as_deref()),
            Heading::InSheet | Heading::Awaited(_) => (None, self.step.as_deref()),
        }
    }

    /// What is to be said below the panel. Where there is no place for it, it stands at the end of the sheet.
    pub fn take_messages(&mut self) -> Vec<Line<'static>> {
        mem::take(&mut self.messages)
    }

    /// Puts what is to be said at the end of the sheet.
    pub fn messages_within(&mut self) {
        let messages = self.take_messages();
        self.lines.extend(messages);
    }

    /// Whether the terminal has room for large things.
    pub fn is_roomy(&self) -> bool {
        self.rows >= ROOMY
    }

    /// Rows that are left to a table where everything else takes `other`, and never fewer than `least`.
    pub fn rows_besides(&self, other: usize, least: usize) -> usize {
        self.rows.saturating_sub(other).max(least)
    }

    /// Notes something that is said below the panel, if there is to be an outline.
    fn note_said(&mut self, part: impl FnOnce() -> Part) {
        if self.outline.is_some() {
            self.said.push(part());
        }
    }

    /// Notes a part of the outline, if there is to be one.
    fn note(&mut self, part: impl FnOnce() -> Part) {
        if let Some(outline) = &mut self.outline {
            outline.push(part());
        }
    }

    fn note_field(&mut self, label: &str, state: impl FnOnce() -> FieldState, focused: bool) {
        self.note(|| Part::Field {
            label: label.to_owned(),
            state: state(),
            focused,
        });
    }

    /// Columns that a line may have beside the gutter.
    pub fn width(&self) -> u16 {
        let columns = self.width.saturating_sub(POINTER);
        u16::try_from(columns).unwrap_or(u16::MAX)
    }

    /// From here on labels and names, which stand before fields and values, have this many columns.
    pub fn name_columns(&mut self, columns: usize) {
        self.label = columns;
        self.name = columns;
    }

    /// Lines written so far.
    pub fn height(&self) -> usize {
        self.lines.len()
    }

    /// An empty line; none right below the heading in the frame, which has air of its own.
    pub fn gap(&mut self) {
        let is_below_frame = matches!(self.heading, Heading::InFrame(_)) && self.lines.is_empty();
        if !is_below_frame {
            self.lines.push(Line::default());
        }
    }

    pub fn title(&mut self, text: &str) {
        self.note(|| Part::Heading(text.to_owned()));
        let shown = self.theme.shown(text);
        let step = self.step.as_ref().map_or(0, |step| step.width() + 3);
        if let Heading::Awaited(room) = self.heading {
            if self.lines.is_empty() && shown.width() <= room {
                // What the screen is about goes before which step it is.
                self.step.take_if(|_| shown.width() + step > room);
                self.heading = Heading::InFrame(shown);
                return;
            }
            self.heading = Heading::InSheet;
        }
        let begin = self.lines.len();
        self.wrapped(text, self.theme.title, 0);
        // Where there is no frame the step stands behind its title, if there is room.
        if let (Some(said), [line]) = (&self.step, &mut self.lines[begin..])
            && (begin, &self.heading) == (0, &Heading::InSheet)
            && line.width() + step <= self.width
        {
            line.push_span(Span::styled(format!("  {said}"), self.theme.hint));
        }
    }

    /// The title of one of the steps on a way: `step` says which of how many it is.
    pub fn step_title(&mut self, text: &str, step: &str) {
        self.step = Some(self.theme.shown(step));
        self.title(text);
        self.note(|| Part::Text(step.to_owned()));
    }

    /// The title of a screen that may be one of the steps on a way.
    pub fn step_of(&mut self, title: &str, step: Option<(usize, usize)>, text: &Text) {
        match step {
            Some((number, of)) => self.step_title(title, &text.step(number, of)),
            None => self.title(title),
        }
    }

    pub fn paragraph(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            self.note(|| Part::Text(line.to_owned()));
        }
        self.wrapped(text, Style::new(), 0);
    }

    pub fn hint(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        self.wrapped(text, self.theme.hint, 0);
    }

    /// A hint that belongs to the choice above it.
    pub fn aside(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        self.wrapped(text, self.theme.hint, 1);
    }

    /// A hint below a field that stands in one row with its label.
    pub fn field_hint(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        self.below_field(text);
    }

    /// That something is going on because of a field, in the place of its hint.
    pub fn field_working(&mut self, text: &str, since: Duration) {
        self.note(|| Part::Working(text.to_owned()));
        let line = format!("{} {text}", self.spinner(since));
        self.below_field(&line);
    }

    fn below_field(&mut self, text: &str) {
        let indent = self.label + 2;
        let is_narrow = self.width < POINTER + indent + 2 * NARROWEST;
        let indent = if is_narrow { 0 } else { indent };
        self.wrapped(text, self.theme.hint, indent);
    }

    /// What is wrong with the item above.
    pub fn error(&mut self, text: &str) {
        self.note(|| Part::Error(text.to_owned()));
        let mark = self.theme.error_mark;
        let width = self.width.saturating_sub(POINTER);
        let parts = wrap(&self.theme.shown(text), width);
        for (number, part) in parts.into_iter().enumerate() {
            let mark = if number == 0 { mark } else { " " };
            let line = Line::styled(format!("{mark} {part}"), self.theme.error);
            self.lines.push(line);
        }
    }

    /// What went wrong, below the panel.
    pub fn refusal(&mut self, text: &str) {
        self.note_said(|| Part::Error(text.to_owned()));
        self.message(self.theme.error_mark, text, self.theme.error_badge);
    }

    /// What went well, below the panel.
    pub fn success(&mut self, text: &str) {
        self.note_said(|| Part::Success(text.to_owned()));
        self.message(self.theme.success_mark, text, self.theme.success_badge);
    }

    /// A sentence behind a mark that stands out.
    fn message(&mut self, mark: &str, text: &str, badge: Style) {
        let width = self.width.saturating_sub(MESSAGE);
        let parts = wrap(&self.theme.shown(text), width);
        for (number, part) in parts.into_iter().enumerate() {
            let lead = match number {
                0 => [Span::styled(format!(" {mark} "), badge), Span::raw(" ")],
                _ => [Span::raw(" ".repeat(MESSAGE)), Span::raw("")],
            };
            let mut spans = lead.to_vec();
            spans.push(Span::styled(part, self.theme.title));
            self.messages.push(Line::from(spans));
        }
    }

    /// More of what is said below the panel.
    pub fn message_aside(&mut self, text: &str) {
        self.note_said(|| Part::Text(text.to_owned()));
        let width = self.width.saturating_sub(MESSAGE);
        for part in wrap(&self.theme.shown(text), width) {
            let line = format!("{}{part}", " ".repeat(MESSAGE));
            self.messages.push(Line::styled(line, self.theme.footer));
        }
    }

    /// One of the things to look at, below what went wrong.
    pub fn message_bullet(&mut self, text: &str) {
        self.note_said(|| Part::Text(text.to_owned()));
        let lines = self.bulleted(text, MESSAGE);
        self.messages.extend(lines);
    }

    /// A sentence with a bullet's indentation, under a title.
    pub fn bullet(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        let lines = self.bulleted(text, POINTER);
        self.lines.extend(lines);
    }

    /// A sentence behind a bullet, `margin` columns from the left.
    fn bulleted(&self, text: &str, margin: usize) -> Vec<Line<'static>> {
        let width = self.width.saturating_sub(margin + 2);
        let parts = wrap(&self.theme.shown(text), width);
        let lines = parts.into_iter().enumerate().map(|(number, part)| {
            let lead = if number == 0 { "- " } else { "  " };
            Line::raw(format!("{}{lead}{part}", " ".repeat(margin)))
        });
        lines.collect()
    }

    /// A name and its value in two columns.
    pub fn pair(&mut self, name: &str, value: &str, value_style: Style) {
        self.note_pair(name, value);
        let name = self.theme.shown(name);
        let shown = self.theme.shown(value);
        let beside = self.width.saturating_sub(POINTER + self.name);
        if beside < NARROW_VALUE {
            return self.pair_in_rows(&name, &shown, value_style);
        }
        let padding = " ".repeat(self.name.saturating_sub(name.width()));
        for (number, part) in wrap(&shown, beside).into_iter().enumerate() {
            let lead = if number == 0 {
                format!("{}{name}{padding}", " ".repeat(POINTER))
            } else {
                " ".repeat(POINTER + self.name)
            };
            self.lines.push(Line::from(vec![
                Span::styled(lead, self.theme.hint),
                Span::styled(part, value_style),
            ]));
        }
    }

    fn note_pair(&mut self, name: &str, value: &str) {
        // A mark is for the eye; the value says the same in words.
        let name = name.trim().trim_end_matches(self.theme.error_mark).trim();
        let value = value.to_owned();
        self.note(|| match name {
            "" => Part::Text(value),
            name => Part::Pair {
                name: name.to_owned(),
                value,
            },
        });
    }

    /// A pair with its value below the name, where there is no room for one beside the other.
    fn pair_in_rows(&mut self, name: &str, value: &str, value_style: Style) {
        let gutter = " ".repeat(POINTER);
        let named = !name.trim().is_empty();
        for part in wrap(name, self.width.saturating_sub(POINTER)) {
            let line = format!("{gutter}{part}");
            if named {
                self.lines.push(Line::styled(line, self.theme.hint));
            }
        }
        for part in wrap(value, self.width.saturating_sub(2 * POINTER)) {
            let lead = " ".repeat(2 * POINTER);
            self.lines.push(Line::from(vec![
                lead.into(),
                Span::styled(part, value_style),
            ]));
        }
    }

    /// A field with its label above.
    pub fn text_field(&mut self, label: &str, field: &TextField, columns: usize, focused: bool) {
        self.note_field(
            label,
            || FieldState::Text(field.value().to_owned()),
            focused,
        );
        let columns = columns.min(self.width.saturating_sub(POINTER + 4)).max(1);
        let (cursor, scroll) = field.cursor_and_scroll(columns);
        let shown = window(&self.theme.shown(field.value()), scroll, columns);
        let style = self.theme.field;
        self.field(
            label,
            (shown, style),
            columns,
            cursor.saturating_sub(scroll),
            focused,
        );
    }

    /// A field in one row with its label, so that a whole form stands on a low terminal.
    pub fn row_field(&mut self, label: &str, field: &TextField, columns: usize, focused: bool) {
        let beside = self.width.saturating_sub(POINTER + self.label + 4);
        if beside < NARROWEST {
            return self.text_field(label, field, columns, focused);
        }
        self.note_field(
            label,
            || FieldState::Text(field.value().to_owned()),
            focused,
        );
        let columns = columns.min(beside);
        let (cursor, scroll) = field.cursor_and_scroll(columns);
        let shown = window(&self.theme.shown(field.value()), scroll, columns);
        let lead = self.row_label(label, focused);
        let style = self.theme.field;
        let place = (self.label, cursor.saturating_sub(scroll));
        self.brackets(lead, (shown, style), columns, place, focused);
    }

    /// A secret's field in one row with its label.
    pub fn row_secret_field(
        &mut self,
        label: &str,
        field: &SecretField,
        columns: usize,
        is_shown: bool,
        focused: bool,
    ) {
        let beside = self.width.saturating_sub(POINTER + self.label + 4);
        if beside < NARROWEST {
            return self.secret_field(label, field, columns, is_shown, focused);
        }
        self.note_field(label, || FieldState::Secret(field.length()), focused);
        let columns = columns.min(beside);
        let (shown, cursor) = self.of_secret(field, columns, is_shown);
        let lead = self.row_label(label, focused);
        let style = self.theme.field;
        self.brackets(lead, (shown, style), columns, (self.label, cursor), focused);
    }

    /// How far something has come, in one row with its label: a bar, and a word for it.
    pub fn row_meter(&mut self, label: &str, filled: usize, said: &str, style: Style) {
        self.note_pair(label, said);
        let [full, empty] = self.theme.gauge;
        let columns = METER.min(self.width.saturating_sub(POINTER + LABEL + 2));
        let filled = filled.min(columns);
        let mut spans = self.row_label(label, false);
        spans.extend([
            Span::styled(full.repeat(filled), style),
            Span::styled(empty.repeat(columns - filled), self.theme.hint),
            Span::styled(format!("  {}", self.theme.shown(said)), style),
        ]);
        self.lines.push(Line::from(spans));
    }

    /// One of a few choices below each other, with what is to be said of it behind.
    pub fn radio(&mut self, label: &str, chosen: bool, aside: &str, focused: bool) {
        self.note(|| Part::Choice {
            label: label.to_owned(),
            chosen,
            aside: aside.to_owned(),
            focused,
        });
        self.toggle(["(", ")"], (label, chosen), aside, focused);
    }

    /// Something that is on or off, with what is to be said of it behind.
    pub fn checkbox(&mut self, label: &str, on: bool, aside: &str, focused: bool) {
        self.note(|| Part::Switch {
            label: label.to_owned(),
            on,
            aside: aside.to_owned(),
            focused,
        });
        self.toggle(["[", "]"], (label, on), aside, focused);
    }

    fn toggle(
        &mut self,
        [left, right]: [&str; 2],
        (label, on): (&str, bool),
        aside: &str,
        focused: bool,
    ) {
        let mark = if on { self.theme.chosen } else { " " };
        let style = match (focused, on) {
            (true, _) => self.theme.focus,
            (false, true) => self.theme.title,
            (false, false) => Style::new(),
        };
        let label = format!("{left}{mark}{right} {}", self.theme.shown(label));
        let mut spans = vec![Span::styled(label, style)];
        if !aside.is_empty() {
            let aside = self.theme.shown(aside);
            spans.push(Span::styled(format!("  {aside}"), self.theme.hint));
        }
        self.item(spans, focused, 0);
    }

    /// What a choice or a switch means, below it.
    pub fn meaning(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        self.wrapped(text, self.theme.hint, 4);
    }

    /// A few choices in one row with their label, one of them chosen.
    pub fn row_choice(&mut self, label: &str, choices: &[&str], chosen: usize, focused: bool) {
        const GAP: usize = 3;
        self.note(|| Part::Choices {
            label: label.to_owned(),
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
            chosen,
            focused,
        });
        let begin = self.lines.len();
        let texts: Vec<String> = choices
            .iter()
            .enumerate()
            .map(|(number, choice)| {
                let mark = if number == chosen {
                    self.theme.chosen
                } else {
                    " "
                };
                format!("({mark}) {}", self.theme.shown(choice))
            })
            .collect();
        let in_a_row = texts.iter().map(|text| text.width() + GAP).sum::<usize>();
        let in_a_row = in_a_row.saturating_sub(GAP);
        let mut spans = self.row_label(label, focused);
        let mut used = POINTER + self.label;
        if used + in_a_row > self.width {
            let label = std::mem::take(&mut spans);
            self.lines.push(Line::from(label));
            spans.push(Span::raw(" ".repeat(POINTER)));
            used = POINTER;
        }
        let room = self.width - used.min(self.width);
        let mut at = None;
        for (number, text) in texts.into_iter().enumerate() {
            if number > 0 {
                if in_a_row > room {
                    self.lines.push(Line::from(std::mem::take(&mut spans)));
                    spans.push(Span::raw(" ".repeat(POINTER)));
                } else {
                    spans.push(Span::raw(" ".repeat(GAP)));
                }
            }
            let style = match (number == chosen, focused) {
                (true, true) => self.theme.focus,
                (true, false) => self.theme.title,
                (false, _) => Style::new(),
            };
            if number == chosen {
                let before = spans.iter().map(Span::width).sum();
                at = Some((before, self.lines.len()));
            }
            spans.push(Span::styled(text, style));
        }
        self.lines.push(Line::from(spans));
        if focused {
            let last = self.lines.len() - 1;
            self.focus = Some((begin, last));
            self.cursor = at.or(Some((POINTER, begin)));
        }
    }

    fn row_label(&self, label: &str, focused: bool) -> Vec<Span<'static>> {
        let label = self.theme.shown(label);
        let padding = " ".repeat(self.label.saturating_sub(label.width()));
        let style = if focused {
            self.theme.title
        } else {
            self.theme.label
        };
        vec![
            self.pointer(focused),
            Span::styled(format!("{label}{padding}"), style),
        ]
    }

    /// What a window of `columns` columns shows of a secret that is to be seen, and the cursor's column in it.
    fn revealed(&self, field: &SecretField, columns: usize) -> (String, usize) {
        // A letter that moves or hides others keeps the mark that it has where nothing is shown.
        let mark = |c: char| if is_disguise(c) { self.theme.mask } else { c };
        let told = |letters: usize| {
            let letters = field.value().chars().take(letters).map(mark);
            let letters = Zeroizing::new(letters.collect::<String>());
            Zeroizing::new(self.theme.shown(&letters))
        };
        let before = told(field.cursor()).width();
        let scroll = (before + 1).saturating_sub(columns);
        (
            window(&told(field.length()), scroll, columns),
            before - scroll,
        )
    }

    /// A secret's field: one mark a letter, nothing else, unless what is typed is to be seen: it has to be compared with paper
    /// or a phone, or whoever types it has asked for that.
    pub fn secret_field(
        &mut self,
        label: &str,
        field: &SecretField,
        columns: usize,
        is_shown: bool,
        focused: bool,
    ) {
        self.note_field(label, || FieldState::Secret(field.length()), focused);
        let columns = columns.min(self.width.saturating_sub(POINTER + 4)).max(1);
        let (shown, cursor) = self.of_secret(field, columns, is_shown);
        let style = self.theme.field;
        self.field(label, (shown, style), columns, cursor, focused);
    }

    fn of_secret(&self, field: &SecretField, columns: usize, is_shown: bool) -> (String, usize) {
        match is_shown {
            true => self.revealed(field, columns),
            false => self.masked(field, columns),
        }
    }

    /// The marks that a window of `columns` columns shows of a secret, and the cursor's column in it.
    fn masked(&self, field: &SecretField, columns: usize) -> (String, usize) {
        let scroll = (field.cursor() + 1).saturating_sub(columns);
        let marks = field.length().saturating_sub(scroll).min(columns);
        let shown = self.theme.mask.to_string().repeat(marks);
        (shown, field.cursor() - scroll)
    }

    /// A code's field: six places in two groups of three, as phones show them.
    pub fn code_field(&mut self, label: &str, field: &CodeField, focused: bool) {
        let typed = field.digits();
        self.note_field(label, || FieldState::Code(typed.len()), focused);
        let mut shown = String::new();
        for place in 0..CodeField::DIGITS {
            if place == CodeField::DIGITS / 2 {
                shown.push_str("  ");
            } else if place > 0 {
                shown.push(' ');
            }
            shown.push_str(typed.get(place..=place).unwrap_or("_"));
        }
        let place = typed.len().min(CodeField::DIGITS - 1);
        let cursor = 2 * place + usize::from(place >= CodeField::DIGITS / 2);
        let columns = shown.width();
        // The places are marked one by one, so they need no line below them.
        let style = self.theme.title;
        self.field(label, (shown, style), columns, cursor, focused);
    }

    /// The same with digits of three rows, where the terminal has half blocks. They need no label: the title says what they
    /// are.
    pub fn large_code_field(&mut self, label: &str, field: &CodeField, focused: bool) {
        if self.theme.terminal.glyphs == Glyphs::Ascii || self.width < POINTER + digits::WIDTH + 4 {
            return self.code_field(label, field, focused);
        }
        let typed = field.digits();
        self.note_field(label, || FieldState::Code(typed.len()), focused);
        let begin = self.lines.len();
        let [left, right] = [" ".repeat(2), " ".repeat(2)];
        // A line below each row would run through the digits.
        let is_lined = self.theme.field.add_modifier.contains(Modifier::UNDERLINED);
        let style = match is_lined {
            true => self.theme.title,
            false => self.theme.field,
        };
        for (number, row) in digits::rows(typed).into_iter().enumerate() {
            let pointer = self.pointer(focused && number == 1);
            let row = Span::styled(format!("{left}{row}{right}"), style);
            self.lines.push(Line::from(vec![pointer, row]));
        }
        if focused {
            let last = self.lines.len() - 1;
            let place = typed.len().min(CodeField::DIGITS - 1);
            self.cursor = Some((POINTER + 2 + digits::column(place), last - 1));
            self.focus = Some((begin, last));
        }
    }

    fn field(
        &mut self,
        label: &str,
        (shown, style): (String, Style),
        columns: usize,
        cursor: usize,
        focused: bool,
    ) {
        let begin = self.lines.len();
        let label_style = if focused {
            self.theme.title
        } else {
            self.theme.label
        };
        let label = format!("{}{}", " ".repeat(POINTER), self.theme.shown(label));
        self.lines.push(Line::styled(label, label_style));
        let lead = vec![self.pointer(focused)];
        self.brackets(lead, (shown, style), columns, (0, cursor), focused);
        if focused {
            self.focus = Some((begin, self.lines.len() - 1));
        }
    }

    /// What is typed between brackets, behind `lead`. `place`: the columns of a label in the lead, and the cursor's
    /// column within the brackets.
    fn brackets(
        &mut self,
        mut lead: Vec<Span<'static>>,
        (shown, style): (String, Style),
        columns: usize,
        place: (usize, usize),
        focused: bool,
    ) {
        let padded = format!(
            "{shown}{}",
            " ".repeat(columns.saturating_sub(shown.width()))
        );
        let [left, right] = self.theme.field_ends;
        // The ends of a field that its own paper tells are of that paper.
        let ends = match (left.trim().is_empty(), focused) {
            (true, _) => style,
            (false, true) => self.theme.title,
            (false, false) => self.theme.hint,
        };
        lead.extend([
            Span::styled(left, ends),
            Span::styled(padded, style),
            Span::styled(right, ends),
        ]);
        self.lines.push(Line::from(lead));
        if focused {
            let line = self.lines.len() - 1;
            self.cursor = Some((POINTER + place.0 + 2 + place.1, line));
            self.focus = Some((line, line));
        }
    }

    /// Columns that a picture may have, which can do without the gutter.
    pub fn picture_columns(&self) -> u16 {
        u16::try_from(self.width).unwrap_or(u16::MAX)
    }

    /// Lines that are a picture, where fields stand if there is room.
    pub fn picture(&mut self, lines: Vec<Line<'static>>) {
        self.note(|| Part::Picture);
        let widest = lines.iter().map(Line::width).max().unwrap_or_default();
        let gutter = POINTER.min(self.width.saturating_sub(widest));
        for mut line in lines {
            line.spans.insert(0, Span::raw(" ".repeat(gutter)));
            self.lines.push(line);
        }
    }

    /// The `rows` lines above the focused item are needed with it.
    pub fn seen_with_focus(&mut self, rows: usize) {
        if let Some((first, _)) = &mut self.focus {
            *first = first.saturating_sub(rows);
        }
    }

    /// Buttons and links in one row, or in as many as they need.
    pub fn actions(&mut self, actions: &[Action<'_>]) {
        self.spaced_actions(actions, 1);
    }

    /// Many of them, closer together, in as few rows as they need.
    pub fn toolbar(&mut self, actions: &[Action<'_>]) {
        self.spaced_actions(actions, 0);
    }

    fn spaced_actions(&mut self, actions: &[Action<'_>], gap: usize) {
        let mut spans = Vec::new();
        let mut used = 0;
        for action in actions {
            self.note_action(action);
            let drawn = self.action(action);
            let width = drawn.iter().map(Span::width).sum::<usize>();
            if used > 0 && used + gap + POINTER + width > self.width {
                self.lines.push(Line::from(mem::take(&mut spans)));
                used = 0;
            }
            if used > 0 {
                spans.push(Span::raw(" ".repeat(gap)));
                used += gap;
            }
            spans.push(self.pointer(action.focused));
            spans.extend(drawn);
            if action.focused {
                self.focused_at(used + POINTER + action.kind.inset());
            }
            used += POINTER + width;
        }
        self.lines.push(Line::from(spans));
    }

    /// A button or a link on a line of its own.
    pub fn action_line(&mut self, action: &Action<'_>) {
        self.note_action(action);
        let room = self.width.saturating_sub(POINTER + 2 * action.kind.inset());
        let parts = wrap(action.label, room);
        let begin = self.lines.len();
        for (number, label) in parts.iter().enumerate() {
            let part = Action { label, ..*action };
            let drawn = self.action(&part);
            match number {
                0 => self.item(drawn, action.focused, action.kind.inset()),
                _ => {
                    let mut line = vec![self.pointer(false)];
                    line.extend(drawn);
                    self.lines.push(Line::from(line));
                }
            }
        }
        if action.focused {
            self.focus = Some((begin, self.lines.len() - 1));
        }
    }

    fn action(&self, action: &Action<'_>) -> Vec<Span<'static>> {
        let theme = &self.theme;
        let label = theme.shown(action.label);
        let [left, right] = match action.kind {
            ActionKind::Main => theme.main_ends,
            ActionKind::Button => theme.button_ends,
            ActionKind::Danger => theme.danger_ends,
            ActionKind::Link => ["", ""],
        };
        let style = match (action.focused, action.kind) {
            (true, _) => theme.focus,
            (false, ActionKind::Main) => theme.main,
            (false, ActionKind::Button) => theme.button,
            (false, ActionKind::Danger) => theme.danger,
            (false, ActionKind::Link) => theme.link,
        };
        // Where a button is filled, its ends are of its own paper and round it off.
        match (action.kind, style.bg) {
            (ActionKind::Main, Some(paper)) if left != theme.danger_ends[0] => {
                let is_reversed = style.add_modifier.contains(Modifier::REVERSED);
                let paper = if is_reversed { style.fg } else { Some(paper) };
                let end = Style::new().fg(paper.unwrap_or_default());
                vec![
                    Span::styled(left.trim_end(), end),
                    Span::styled(format!(" {label} "), style),
                    Span::styled(right.trim_start(), end),
                ]
            }
            _ => vec![Span::styled(format!("{left}{label}{right}"), style)],
        }
    }

    fn note_action(&mut self, action: &Action<'_>) {
        let (label, focused) = (action.label.to_owned(), action.focused);
        self.note(|| match action.kind {
            ActionKind::Link => Part::Link { label, focused },
            _ => Part::Button { label, focused },
        });
    }

    pub fn button(&mut self, label: &str, focused: bool) {
        self.action_line(&Action {
            label,
            focused,
            kind: ActionKind::Button,
        });
    }

    /// An item of a menu.
    pub fn choice(&mut self, label: &str, focused: bool) {
        self.note(|| Part::Entry {
            label: label.to_owned(),
            focused,
        });
        let label = self.theme.shown(label);
        let style = match focused {
            true => self.theme.focus,
            false => Style::new(),
        };
        self.item(vec![Span::styled(format!(" {label} "), style)], focused, 1);
    }

    /// Notes a table as a whole: its heads and its rows.
    pub fn note_table(&mut self, heads: &[String], rows: &[Vec<String>], focus: Option<usize>) {
        self.note(|| Part::Heads(heads.to_vec()));
        for (number, cells) in rows.iter().enumerate() {
            self.note(|| Part::Row {
                cells: cells.clone(),
                focused: focus == Some(number),
            });
        }
    }

    /// The heads of a table's columns.
    pub fn table_head(&mut self, heads: &str) {
        let line = format!("{}{}", " ".repeat(POINTER), self.theme.shown(heads));
        self.lines.push(Line::styled(line, self.theme.hint));
    }

    /// A row of a table, over the whole width where it is in focus, with a mark behind it that there is more.
    pub fn table_row(&mut self, cells: &str, focused: bool, mark: &str) {
        let columns = self.width.saturating_sub(POINTER + 1);
        let shown = window(&self.theme.shown(cells), 0, columns);
        let padding = " ".repeat(columns.saturating_sub(shown.width()));
        let style = if focused {
            self.theme.focus
        } else {
            Style::new()
        };
        let mark = Span::styled(mark.to_owned(), self.theme.key);
        self.item(
            vec![Span::styled(format!("{shown}{padding}"), style), mark],
            focused,
            0,
        );
    }

    /// What marks text that is cut off, one column wide on every terminal.
    pub fn cut_mark(&self) -> char {
        if self.theme.shown("…").width() == 1 {
            '…'
        } else {
            '~'
        }
    }

    /// The marks that there is more above, and below.
    pub fn more_marks(&self) -> [&'static str; 2] {
        self.theme.more
    }

    /// Columns that the cells of a table's row may have.
    pub fn table_columns(&self) -> usize {
        self.width.saturating_sub(POINTER + 1)
    }

    /// Something secret that is shown once, in lines of their own.
    pub fn issued(&mut self, lines: &[impl AsRef<str>]) {
        self.note(|| Part::Secret);
        for line in lines {
            self.wrapped(line.as_ref(), self.theme.title, 0);
        }
    }

    /// Something secret to be read from afar and copied by hand, in a box of its own where there is room for one.
    pub fn placard(&mut self, text: &str) {
        const MARGIN: usize = 4;
        let border = self.theme.border;
        let text = self.theme.shown(text);
        let room = self.width.saturating_sub(POINTER + 2 * MARGIN + 2);
        if text.width() > room {
            return self.issued(&[&text]);
        }
        self.note(|| Part::Secret);
        let inside = text.width() + 2 * MARGIN;
        let lead = " ".repeat(POINTER);
        let edge = |left: &str, right: &str, line: &str| {
            let line = line.repeat(inside);
            Line::styled(format!("{lead}{left}{line}{right}"), self.theme.title)
        };
        let row = |text: &str| {
            let padding = " ".repeat(inside - MARGIN - text.width());
            let (left, right) = (border.vertical_left, border.vertical_right);
            let margin = " ".repeat(MARGIN);
            Line::styled(
                format!("{lead}{left}{margin}{text}{padding}{right}"),
                self.theme.title,
            )
        };
        self.lines.extend([
            edge(border.top_left, border.top_right, border.horizontal_top),
            row(""),
            row(&text),
            row(""),
            edge(
                border.bottom_left,
                border.bottom_right,
                border.horizontal_bottom,
            ),
        ]);
    }

    /// A line with one item; `inset`: columns of it before its words.
    fn item(&mut self, spans: Vec<Span<'static>>, focused: bool, inset: usize) {
        let mut all = vec![self.pointer(focused)];
        all.extend(spans);
        if focused {
            self.focused_at(POINTER + inset);
        }
        self.lines.push(Line::from(all));
    }

    /// What begins at this column of the line that is written next is in focus.
    fn focused_at(&mut self, column: usize) {
        let line = self.lines.len();
        self.focus = Some((line, line));
        self.cursor = Some((column, line));
    }

    /// How much of a step is left: a bar and its seconds.
    pub fn gauge(&mut self, name: &str, left: u64, of: u64, said: &str) {
        self.note_pair(name, said);
        let name = self.theme.shown(name);
        let padding = " ".repeat(NAME.saturating_sub(name.width()));
        let said = self.theme.shown(said);
        let beside = POINTER + NAME + GAUGE_GAP + said.width();
        // A column a second, or as many as there is room for.
        let seconds = usize::try_from(of).unwrap_or(30).max(1);
        let columns = seconds.min(self.width.saturating_sub(beside));
        let left_seconds = usize::try_from(left).unwrap_or(0).min(seconds);
        let filled = (left_seconds * columns).div_ceil(seconds);
        let [full, empty] = self.theme.gauge;
        let style = match left {
            0..5 => self.theme.error,
            5..10 => self.theme.warn,
            _ => self.theme.success,
        };
        self.lines.push(Line::from(vec![
            Span::styled(
                format!("{}{name}{padding}", " ".repeat(POINTER)),
                self.theme.hint,
            ),
            Span::styled(full.repeat(filled), style),
            Span::styled(empty.repeat(columns - filled), self.theme.hint),
            Span::raw(format!("{}{said}", " ".repeat(GAUGE_GAP))),
        ]));
    }

    /// That something is going on, and for how long, below the panel.
    pub fn working(&mut self, text: &str, since: Duration) {
        self.note_said(|| Part::Working(text.to_owned()));
        let line = format!(" {}  {}", self.spinner(since), self.theme.shown(text));
        self.messages.push(Line::styled(line, self.theme.footer));
    }

    /// The mark that turns while something goes on.
    fn spinner(&self, since: Duration) -> &'static str {
        let frames = self.theme.spinner;
        frames[usize::try_from(since.as_millis() / 100).unwrap_or(0) % frames.len()]
    }

    fn wrapped(&mut self, text: &str, style: Style, indent: usize) {
        let indent = POINTER + indent;
        for part in wrap(&self.theme.shown(text), self.width.saturating_sub(indent)) {
            let line = format!("{}{part}", " ".repeat(indent));
            self.lines.push(Line::styled(line, style));
        }
    }

    fn pointer(&self, focused: bool) -> Span<'static> {
        if focused {
            Span::styled(format!("{} ", self.theme.pointer), self.theme.title)
        } else {
            Span::raw(" ".repeat(POINTER))
        }
    }

    /// So many lines have been turned over by somebody who reads on.
    pub fn turned(&mut self, lines: usize) {
        self.turned = lines;
    }

    /// An empty sheet as wide as this one, for a part that is written by itself.
    pub fn part(&self) -> Self {
        Self {
            label: self.label,
            name: self.name,
            width: self.width,
            ..Self::new(&self.theme, WIDTH)
        }
    }

    /// Shows `height` lines of a part, from line `from` on or from as far as it goes, with marks where there is more.
    pub fn window(&mut self, part: Self, height: usize, from: usize) {
        let count = part.lines.len();
        let from = from.min(count.saturating_sub(height));
        let until = (from + height).min(count);
        let [above, below] = self.theme.more;
        let lines = part.lines.into_iter().enumerate();
        for (number, mut line) in lines.skip(from).take(height) {
            let mark = match number {
                first if first == from && from > 0 => above,
                last if last + 1 == until && until < count => below,
                _ => "",
            };
            if !mark.is_empty() {
                let room = self.width.saturating_sub(1 + line.width());
                line.push_span(Span::raw(" ".repeat(room)));
                line.push_span(Span::styled(mark, self.theme.key));
            }
            self.lines.push(line);
        }
    }

    /// Rows that the terminal has for the sheet; none where nobody looks at one.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Draws the sheet from the line on to which has been turned, or from wherever the focus is seen.
    pub fn paint(self, frame: &mut Frame<'_>, area: Rect) {
        // A terminal of a line or two has no place for some sheets.
        if area.intersection(frame.area()).is_empty() {
            return;
        }
        let height = usize::from(area.height);
        let mut from = self.turned.min(self.lines.len().saturating_sub(height));
        if let Some((first, last)) = self.focus {
            // The item itself comes first, then what it is about above, then an error below.
            let first = first.max((last + 1).saturating_sub(height));
            let last = (last + 2).min(self.lines.len().saturating_sub(1));
            from = from.max((last + 1).saturating_sub(height)).min(first);
        }
        let count = self.lines.len();
        let rows = self.lines.into_iter().enumerate().skip(from).take(height);
        for (number, line) in rows {
            let y = area.y + u16::try_from(number - from).unwrap_or(u16::MAX);
            frame.buffer_mut().set_line(area.x, y, &line, area.width);
        }
        let more = [
            (from > 0, area.y, self.theme.more[0]),
            (
                from + height < count,
                area.bottom().saturating_sub(1),
                self.theme.more[1],
            ),
        ];
        for (_, y, mark) in more.into_iter().filter(|(is_more, ..)| *is_more) {
            let x = area.right().saturating_sub(1);
            frame
                .buffer_mut()
                .set_stringn(x, y, mark, 1, self.theme.key);
        }
        if let Some((column, line)) = self.cursor
            && (from..from + height).contains(&line)
        {
            let x = u16::try_from(column)
                .unwrap_or(u16::MAX)
                .min(area.width.saturating_sub(1));
            let y = u16::try_from(line - from).unwrap_or(u16::MAX);
            frame.set_cursor_position(Position::new(area.x + x, area.y + y));
        }
    }
}

/// `text` in lines of at most `width` columns, broken between words; empty lines stay.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            let needed = line.width() + usize::from(!line.is_empty()) + word.width();
            if needed > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            for c in word.chars() {
                if line.width() + c.width().unwrap_or(0) > width {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(c);
            }
        }
        lines.push(line);
    }
    lines
}

/// The part of `text` that a window of `columns` columns shows from column `from` on.
fn window(text: &str, from: usize, columns: usize) -> String {
    let mut at = 0;
    let mut shown = String::new();
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if at >= from && at + width <= from + columns {
            shown.push(c);
        }
        at += width;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_a_long_word_inside() {
        assert_eq!(wrap("satu dua tiga", 8), ["satu dua", "tiga"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(wrap("漢字漢字", 4), ["漢字", "漢字"]);
        assert_eq!(wrap("x", 0), ["x"]);
    }

    #[test]
    fn a_window_cuts_at_columns_not_bytes() {
        assert_eq!(window("abcdef", 2, 3), "cde");
        assert_eq!(window("漢字abc", 1, 4), "字a");
    }
}
