//! A column of lines that screens write from top to bottom: titles, fields, buttons, sentences.
//!
//! Every screen uses the same column at the same place, so the same thing is always in the same place. A sheet taller
//! than the terminal scrolls so that the focused item stays visible.

use std::time::Duration;

use ratatui::{
    Frame,
    layout::{Position, Rect},
    style::Style,
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    field::{CodeField, SecretField, TextField},
    outline::{FieldState, Part},
};
use crate::tui::theme::Theme;

/// The column's width where there is room for it.
pub const WIDTH: u16 = 68;

/// Columns before every item: the pointer and a space.
const POINTER: usize = 2;

/// The width of a screen with tables, where there is room for it.
pub const WIDEST: u16 = 112;

/// Columns of a label that stands before its field.
const LABEL: usize = 15;

/// Columns of a meter's bar.
pub const METER: usize = 20;
/// Columns of a name that stands before its value.
const NAME: usize = 18;

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
    cursor: Option<(usize, usize)>,
    /// Rows of the terminal that the sheet is for.
    rows: usize,
    /// What has been written, if that is asked for.
    outline: Option<Vec<Part>>,
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
            outline: None,
        }
    }

    /// A sheet for `area`, whose rows its tables may fill.
    pub fn within(theme: &Theme, area: Rect) -> Self {
        Self {
            rows: area.height.into(),
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
        sheet.outline.unwrap_or_default()
    }

    /// Rows that are left to a table where everything else takes `other`, and never fewer than `least`.
    pub fn rows_besides(&self, other: usize, least: usize) -> usize {
        self.rows.saturating_sub(other).max(least)
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

    /// Columns that a line may have.
    pub fn width(&self) -> u16 {
        u16::try_from(self.width).unwrap_or(u16::MAX)
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

    pub fn gap(&mut self) {
        self.lines.push(Line::default());
    }

    pub fn title(&mut self, text: &str) {
        self.note(|| Part::Heading(text.to_owned()));
        self.wrapped(text, self.theme.title, 0);
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
        self.wrapped(text, self.theme.hint, POINTER + 1);
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
        let indent = POINTER + self.label + 2;
        let is_narrow = self.width < indent + 2 * NARROWEST;
        let indent = if is_narrow { POINTER } else { indent };
        self.wrapped(text, self.theme.hint, indent);
    }

    /// What went wrong, beside the item it concerns.
    pub fn error(&mut self, text: &str) {
        self.note(|| Part::Error(text.to_owned()));
        let mark = self.theme.error_mark;
        self.marked(mark, text, self.theme.error);
    }

    pub fn success(&mut self, text: &str) {
        self.note(|| Part::Success(text.to_owned()));
        let mark = self.theme.success_mark;
        self.marked(mark, text, self.theme.success);
    }

    /// A sentence with a bullet's indentation, under an error.
    pub fn bullet(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        let width = self.width.saturating_sub(POINTER + 2);
        for (number, part) in wrap(&self.theme.shown(text), width).into_iter().enumerate() {
            let lead = if number == 0 { "  - " } else { "    " };
            self.lines.push(Line::raw(format!("{lead}{part}")));
        }
    }

    /// A name and its value in two columns.
    pub fn pair(&mut self, name: &str, value: &str, value_style: Style) {
        self.note_pair(name, value);
        let name = self.theme.shown(name);
        let shown = self.theme.shown(value);
        let beside = self.width.saturating_sub(self.name);
        if beside < NARROWEST {
            return self.pair_in_rows(&name, &shown, value_style);
        }
        let padding = " ".repeat(self.name.saturating_sub(name.width()));
        for (number, part) in wrap(&shown, beside).into_iter().enumerate() {
            let lead = if number == 0 {
                format!("{name}{padding}")
            } else {
                " ".repeat(self.name)
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
        for part in wrap(name, self.width) {
            self.lines.push(Line::styled(part, self.theme.hint));
        }
        for part in wrap(value, self.width.saturating_sub(POINTER)) {
            let lead = " ".repeat(POINTER);
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
        focused: bool,
    ) {
        let beside = self.width.saturating_sub(POINTER + self.label + 4);
        if beside < NARROWEST {
            return self.secret_field(label, field, columns, focused);
        }
        self.note_field(label, || FieldState::Secret(field.length()), focused);
        let columns = columns.min(beside);
        let (marks, cursor) = self.masked(field, columns);
        let lead = self.row_label(label, focused);
        let style = self.theme.field;
        self.brackets(lead, (marks, style), columns, (self.label, cursor), focused);
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
        self.item(spans, focused);
    }

    /// What a choice or a switch means, below it.
    pub fn meaning(&mut self, text: &str) {
        self.note(|| Part::Text(text.to_owned()));
        self.wrapped(text, self.theme.hint, POINTER + 4);
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
            spans.push(Span::styled(text, style));
        }
        self.lines.push(Line::from(spans));
        if focused {
            self.focus = Some((begin, self.lines.len() - 1));
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

    /// A secret's field that shows what is typed: it has to be compared with paper or a phone.
    pub fn shown_secret_field(
        &mut self,
        label: &str,
        field: &SecretField,
        columns: usize,
        focused: bool,
    ) {
        self.note_field(label, || FieldState::Secret(field.length()), focused);
        let columns = columns.min(self.width.saturating_sub(POINTER + 4)).max(1);
        let before: String = field.value().chars().take(field.cursor()).collect();
        let before = self.theme.shown(&before).width();
        let scroll = (before + 1).saturating_sub(columns);
        let shown = window(&self.theme.shown(field.value()), scroll, columns);
        let style = self.theme.field;
        self.field(label, (shown, style), columns, before - scroll, focused);
    }

    /// A secret's field: one mark a letter, nothing else.
    pub fn secret_field(
        &mut self,
        label: &str,
        field: &SecretField,
        columns: usize,
        focused: bool,
    ) {
        self.note_field(label, || FieldState::Secret(field.length()), focused);
        let columns = columns.min(self.width.saturating_sub(POINTER + 4)).max(1);
        let (marks, cursor) = self.masked(field, columns);
        let style = self.theme.field;
        self.field(label, (marks, style), columns, cursor, focused);
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
        let bracket = if focused {
            self.theme.title
        } else {
            self.theme.hint
        };
        let padded = format!(
            "{shown}{}",
            " ".repeat(columns.saturating_sub(shown.width()))
        );
        lead.extend([
            Span::styled("[ ", bracket),
            Span::styled(padded, style),
            Span::styled(" ]", bracket),
        ]);
        self.lines.push(Line::from(lead));
        if focused {
            let line = self.lines.len() - 1;
            self.cursor = Some((POINTER + place.0 + 2 + place.1, line));
            self.focus = Some((line, line));
        }
    }

    /// Lines that are a picture, where fields stand.
    pub fn picture(&mut self, lines: Vec<Line<'static>>) {
        self.note(|| Part::Picture);
        for mut line in lines {
            line.spans.insert(0, Span::raw(" ".repeat(POINTER)));
            self.lines.push(line);
        }
    }

    /// The `rows` lines above the focused item are needed with it.
    pub fn seen_with_focus(&mut self, rows: usize) {
        if let Some((first, _)) = &mut self.focus {
            *first = first.saturating_sub(rows);
        }
    }

    /// Buttons in one row, or as many as fit it.
    pub fn buttons(&mut self, buttons: &[(&str, bool)]) {
        self.spaced_buttons(buttons, 2);
    }

    /// Many buttons, closer together, in as few rows as they need.
    pub fn toolbar(&mut self, buttons: &[(&str, bool)]) {
        self.spaced_buttons(buttons, 0);
    }

    fn spaced_buttons(&mut self, buttons: &[(&str, bool)], gap: usize) {
        let mut spans = Vec::new();
        let mut used = 0;
        for (label, focused) in buttons {
            self.note_button(label, *focused);
            let button = format!("[ {} ]", self.theme.shown(label));
            if used > 0 && used + gap + POINTER + button.width() > self.width {
                self.lines.push(Line::from(std::mem::take(&mut spans)));
                used = 0;
            }
            if used > 0 {
                spans.push(Span::raw(" ".repeat(gap)));
                used += gap;
            }
            used += POINTER + button.width();
            let style = if *focused {
                self.theme.focus
            } else {
                Style::new()
            };
            spans.push(self.pointer(*focused));
            spans.push(Span::styled(button, style));
            if *focused {
                self.focus = Some((self.lines.len(), self.lines.len()));
            }
        }
        self.lines.push(Line::from(spans));
    }

    pub fn button(&mut self, label: &str, focused: bool) {
        self.note_button(label, focused);
        let label = self.theme.shown(label);
        let style = if focused {
            self.theme.focus
        } else {
            Style::new()
        };
        self.item(vec![Span::styled(format!("[ {label} ]"), style)], focused);
    }

    fn note_button(&mut self, label: &str, focused: bool) {
        self.note(|| Part::Button {
            label: label.to_owned(),
            focused,
        });
    }

    pub fn link(&mut self, label: &str, focused: bool) {
        self.note(|| Part::Link {
            label: label.to_owned(),
            focused,
        });
        let style = if focused {
            self.theme.focus
        } else {
            self.theme.link
        };
        let label = self.theme.shown(label);
        self.item(vec![Span::styled(label, style)], focused);
    }

    /// An item of a menu, its first letter marked as the key that jumps to it.
    pub fn choice(&mut self, label: &str, focused: bool) {
        self.note(|| Part::Entry {
            label: label.to_owned(),
            focused,
        });
        let label = self.theme.shown(label);
        let spans = if focused {
            vec![Span::styled(format!(" {label} "), self.theme.focus)]
        } else {
            let split = label.chars().next().map_or(0, char::len_utf8);
            let (first, rest) = label.split_at(split);
            vec![
                Span::raw(" "),
                Span::styled(first.to_owned(), self.theme.link),
                Span::raw(format!("{rest} ")),
            ]
        };
        self.item(spans, focused);
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

    fn item(&mut self, spans: Vec<Span<'static>>, focused: bool) {
        let mut all = vec![self.pointer(focused)];
        all.extend(spans);
        self.lines.push(Line::from(all));
        if focused {
            self.focus = Some((self.lines.len() - 1, self.lines.len() - 1));
        }
    }

    /// How much of a step is left: a bar and its seconds.
    pub fn gauge(&mut self, name: &str, left: u64, of: u64, said: &str) {
        self.note_pair(name, said);
        let name = self.theme.shown(name);
        let padding = " ".repeat(NAME.saturating_sub(name.width()));
        let columns = usize::try_from(of).unwrap_or(30);
        let filled = usize::try_from(left).unwrap_or(0).min(columns);
        let [full, empty] = self.theme.gauge;
        let style = if left <= 5 {
            self.theme.error
        } else {
            self.theme.success
        };
        self.lines.push(Line::from(vec![
            Span::styled(format!("{name}{padding}"), self.theme.hint),
            Span::styled(full.repeat(filled), style),
            Span::styled(empty.repeat(columns - filled), self.theme.hint),
            Span::raw(format!("  {}", self.theme.shown(said))),
        ]));
    }

    /// That something is going on, and for how long.
    pub fn working(&mut self, text: &str, since: Duration) {
        self.note(|| Part::Working(text.to_owned()));
        let line = format!("{} {}", self.spinner(since), self.theme.shown(text));
        self.lines.push(Line::styled(line, self.theme.hint));
    }

    /// The mark that turns while something goes on.
    fn spinner(&self, since: Duration) -> &'static str {
        let frames = self.theme.spinner;
        frames[usize::try_from(since.as_millis() / 100).unwrap_or(0) % frames.len()]
    }

    fn marked(&mut self, mark: &str, text: &str, style: Style) {
        let width = self.width.saturating_sub(POINTER);
        for (number, part) in wrap(&self.theme.shown(text), width).into_iter().enumerate() {
            let mark = if number == 0 { mark } else { " " };
            self.lines
                .push(Line::styled(format!("{mark} {part}"), style));
        }
    }

    fn wrapped(&mut self, text: &str, style: Style, indent: usize) {
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

    /// Draws the sheet from line `scroll` on, or from wherever the focus is seen.
    pub fn paint(self, frame: &mut Frame<'_>, area: Rect, scroll: usize) {
        // A terminal of a line or two has no place for some sheets.
        if area.intersection(frame.area()).is_empty() {
            return;
        }
        let height = usize::from(area.height);
        let mut from = scroll.min(self.lines.len().saturating_sub(height));
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
