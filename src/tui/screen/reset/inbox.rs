//! `Kotak Masuk`, in training mode: the letters that would have been sent, and each as a mail program shows it.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use unicode_width::UnicodeWidthStr;
use zeroize::Zeroizing;

use crate::{
    domain::{calendar, idle::Presence},
    tui::{
        Copied, InboxLetter, Now, Request,
        command::Command,
        context::Context,
        route::{Route, Waiting},
        screen::{
            Attempt, FormScreen, Keys, Refusal, Screen, Step, form_of, paint_sheet, write_copied,
            write_working,
        },
        text::Text,
        theme::ADDRESS,
        widget::{
            filter::Filter,
            form::{Form, Items, items},
            frame::{self, KeyHint},
            qr::Qr,
            sheet::{self, Sheet},
        },
    },
};

/// The key that opens `Konfirmasi Reset TOTP` with a letter's code.
const USE_CODE: char = 'k';

/// The key that shows a letter's link as a QR code.
const SHOW_QR: char = 'q';

/// Columns and rows that a letter has at 80x24. No line is longer, and it scrolls no further than they need.
const COLUMNS: usize = 78;
const ROWS: usize = 15;

/// Rows of a letter's head, and of its code there.
const HEAD_ROWS: usize = 4;
const CODE_ROWS: usize = 3;

/// Columns on either side of the code in its frame.
const CODE_MARGIN: usize = 4;

/// The list of letters, the newest first, and the one being read.
#[derive(Debug)]
pub struct InboxScreen {
    letters: Vec<InboxLetter>,
    filter: Filter,
    form: Form<Item>,
    /// The first line shown of the letter in focus, if it is open.
    scroll: Option<usize>,
    /// The QR code of its link, if it stands over the letter.
    qr: Option<Qr>,
    attempt: Attempt,
}

/// What can be focused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    Letter(usize),
    /// Behind the last one: to look again.
    Reload,
}

impl InboxScreen {
    pub fn new(letters: Vec<InboxLetter>) -> Self {
        let first = if letters.is_empty() {
            Item::Reload
        } else {
            Item::Letter(0)
        };
        Self {
            letters,
            filter: Filter::default(),
            form: Form::new(first),
            scroll: None,
            qr: None,
            attempt: Attempt::default(),
        }
    }

    /// The letters that the filter leaves, by their numbers.
    fn shown(&self, context: &Context<'_>) -> Vec<usize> {
        let is_left = |number: &usize| {
            let letter = &self.letters[*number];
            let date = date(letter, context);
            self.filter
                .matches([letter.subject.as_str(), &letter.to, &date])
        };
        (0..self.letters.len()).filter(is_left).collect()
    }

    /// The letter in focus.
    fn letter(&self) -> Option<&InboxLetter> {
        match self.form.focused() {
            Item::Letter(number) => self.letters.get(number),
            Item::Reload => None,
        }
    }

    /// Whether there are letters to choose from.
    fn is_list(&self) -> bool {
        self.scroll.is_none() && !self.letters.is_empty()
    }

    /// The letter that is open, and the first line shown of it.
    fn open(&self) -> Option<(&InboxLetter, usize)> {
        Some((self.letter()?, self.scroll?))
    }

    fn use_code(&self) -> Step {
        let Some(code) = self.letter().and_then(|letter| letter.code.clone()) else {
            return Step::Stay;
        };
        Step::Open(Route::ResetConfirm {
            over: Waiting::Screen,
            code: Some(code),
        })
    }

    /// At the QR code over the letter, every key but the one that turns it over leads back to the letter.
    fn qr_command(&mut self, command: Command) -> Step {
        match &mut self.qr {
            Some(qr) if command.letter() == Some('b') && qr.can_be_turned_over() => qr.turn_over(),
            _ => self.qr = None,
        }
        Step::Stay
    }

    fn letter_command(&mut self, command: Command, scroll: usize, context: &Context<'_>) -> Step {
        let Some(letter) = self.letter() else {
            return Step::Stay;
        };
        if command.letter() == Some(SHOW_QR) {
            let qr = link(letter).and_then(|link| Qr::new(link, context.theme.terminal));
            self.qr = qr;
            return Step::Stay;
        }
        let last = last_scroll(letter);
        let scrolled = match command {
            Command::Activate if letter.code.is_some() => return self.use_code(),
            Command::Jump(_) if command.letter() == Some(USE_CODE) => return self.use_code(),
            Command::Activate | Command::Back => {
                self.scroll = None;
                return Step::Stay;
            }
            Command::Next => scroll + 1,
            Command::PageDown => scroll + ROWS,
            Command::Previous => scroll.saturating_sub(1),
            Command::PageUp => scroll.saturating_sub(ROWS),
            Command::First => 0,
            Command::Last => last,
            Command::Jump(_) | Command::Edit(_) => scroll,
        };
        self.scroll = Some(scrolled.min(last));
        Step::Stay
    }

    /// A letter over the whole width, as a mail program shows it.
    fn paint_letter(
        &self,
        (letter, scroll): (&InboxLetter, usize),
        frame: &mut Frame<'_>,
        context: &Context<'_>,
    ) {
        let theme = context.theme;
        let words = &context.text.inbox;
        let body = frame::paint(frame, context, &self.hints(context));
        frame.buffer_mut().set_style(body, theme.panel);
        let mut foot = Sheet::new(theme, body.width.saturating_sub(1).max(1));
        if letter.code.is_some() {
            let has_clipboard = theme.terminal.sequences.clipboard;
            let hint = match (context.is_copied, has_clipboard) {
                (true, _) => &context.text.common.copied,
                (false, true) => &words.copy_key_hint,
                (false, false) => &words.copy_hint,
            };
            if body.height > 12 || context.is_copied {
                foot.hint(hint);
            }
            foot.button(&words.use_code, true);
        }
        let foot_height = u16::try_from(foot.height())
            .unwrap_or(u16::MAX)
            .min(body.height / 2);
        let text = Rect {
            height: body.height - foot_height,
            ..body
        };
        let lines = letter_lines(letter, context, usize::from(body.width));
        let rows = usize::from(text.height);
        let from = scroll.min(lines.len().saturating_sub(rows));
        let is_more = [from > 0, from + rows < lines.len()].map(|more| more && rows > 0);
        for (line, y) in seen(&lines, from, rows).iter().zip(text.y..) {
            frame.buffer_mut().set_line(text.x, y, line, text.width);
        }
        // What is read begins at its first line, unless there is a button in focus below.
        frame.set_cursor_position(Position::new(text.x + 1, text.y));
        let ends = [text.y, text.bottom().saturating_sub(1)];
        for ((mark, y), _) in theme
            .more
            .into_iter()
            .zip(ends)
            .zip(is_more)
            .filter(|(_, is_more)| *is_more)
        {
            let x = text.right().saturating_sub(1);
            frame.buffer_mut().set_stringn(x, y, mark, 1, theme.key);
        }
        let place = Rect {
            x: body.x + 1,
            y: text.bottom(),
            width: body.width.saturating_sub(1),
            height: foot_height,
        };
        foot.paint(frame, place);
    }
}

/// A letter's head and text. A link begins at the terminal's edge and runs over its whole width, so that what is
/// marked to be copied is the link and nothing else.
fn letter_lines(letter: &InboxLetter, context: &Context<'_>, width: usize) -> Vec<Line<'static>> {
    let theme = context.theme;
    let words = &context.text.inbox;
    let margin = |style, text: String| Line::from(vec![Span::raw(" "), Span::styled(text, style)]);
    let mut lines = Vec::new();
    let date = date(letter, context);
    let head = [
        (&words.to, letter.to.as_str()),
        (&words.date, date.as_str()),
        (&words.subject, letter.subject.as_str()),
    ];
    const NAME: usize = 10;
    for (name, value) in head {
        let parts = sheet::wrap(&theme.shown(value), width.saturating_sub(NAME + 2));
        for (number, part) in parts.into_iter().enumerate() {
            let name = if number == 0 { name.as_str() } else { "" };
            lines.push(Line::from(vec![
                Span::styled(format!(" {name:<NAME$}"), theme.hint),
                Span::styled(part, theme.title),
            ]));
        }
    }
    lines.push(margin(
        theme.line,
        theme.rule.repeat(width.saturating_sub(2)),
    ));
    if let Some(code) = &letter.code {
        lines.extend(code_lines(&code.grouped(), context, width));
    }
    for line in letter.text.lines() {
        if is_link(line) {
            let link: Vec<char> = line.trim().chars().collect();
            for part in link.chunks(width.max(1)) {
                lines.push(Line::styled(part.iter().collect::<String>(), theme.address));
            }
        } else {
            let words = line.trim_start();
            let indentation = line.len() - words.len();
            let room = COLUMNS.min(width.saturating_sub(2));
            for part in sheet::wrap(&theme.shown(words), room.saturating_sub(indentation)) {
                let indented = format!("{}{part}", " ".repeat(indentation.min(room)));
                lines.push(margin(theme.label, indented));
            }
        }
    }
    lines
}

/// The code, which people come for: in a frame of its own that says what it is, before all the words.
fn code_lines(code: &str, context: &Context<'_>, width: usize) -> Vec<Line<'static>> {
    let theme = context.theme;
    let border = theme.border;
    let name = theme.shown(&context.text.inbox.code);
    let inside = (code.width() + 2 * CODE_MARGIN).max(name.width() + 4);
    let margin = |text: String, style| vec![Span::raw(" "), Span::styled(text, style)];
    if inside + 4 > width {
        return vec![
            margin(name, theme.hint).into(),
            margin(code.to_owned(), theme.accent).into(),
        ];
    }
    let dash = border.horizontal_top;
    let mut above = margin(format!("{}{dash} ", border.top_left), theme.line);
    let rest = dash.repeat(inside - name.width() - 3);
    above.push(Span::styled(name, theme.hint));
    above.push(Span::styled(
        format!(" {rest}{}", border.top_right),
        theme.line,
    ));
    let mut between = margin(border.vertical_left.to_owned(), theme.line);
    let side = " ".repeat(CODE_MARGIN);
    let room = " ".repeat(inside - CODE_MARGIN - code.width());
    between.push(Span::styled(format!("{side}{code}{room}"), theme.accent));
    between.push(Span::styled(border.vertical_right, theme.line));
    let below = border.horizontal_bottom.repeat(inside);
    let below = format!("{}{below}{}", border.bottom_left, border.bottom_right);
    [above, between, margin(below, theme.line)]
        .map(Line::from)
        .to_vec()
}

/// The `rows` lines from line `from` on. The address of which a part is not seen leads nowhere.
fn seen(lines: &[Line<'static>], from: usize, rows: usize) -> Vec<Line<'static>> {
    let is_address = |line: &Line<'_>| line.style.add_modifier.contains(ADDRESS);
    let mut seen = Vec::with_capacity(rows);
    let mut next = 0;
    for part in lines.chunk_by(|one, other| is_address(one) && is_address(other)) {
        let is_whole = next >= from && next + part.len() <= from + rows;
        for line in part {
            if (from..from + rows).contains(&next) {
                let mut line = line.clone();
                if !is_whole {
                    line.style.add_modifier.remove(ADDRESS);
                }
                seen.push(line);
            }
            next += 1;
        }
    }
    seen
}

/// A letter as its outline has it: one with a code is a secret, but for its head.
fn write_letter(letter: &InboxLetter, sheet: &mut Sheet, context: &Context<'_>) {
    let words = &context.text.inbox;
    let style = context.theme.title;
    sheet.title(&letter.subject);
    sheet.pair(&words.to, &letter.to, style);
    sheet.pair(&words.date, &date(letter, context), style);
    match letter.code {
        Some(_) => sheet.issued(&[letter.text.as_str()]),
        None => sheet.paragraph(&letter.text),
    }
    if letter.code.is_some() {
        sheet.button(&words.use_code, true);
    }
    write_copied(sheet, context);
}

/// The first link in a letter.
fn link(letter: &InboxLetter) -> Option<&str> {
    letter
        .text
        .lines()
        .find(|line| is_link(line))
        .map(str::trim)
}

fn is_link(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("https://") || line.starts_with("http://")) && line.is_ascii()
}

/// How far a letter scrolls on 80x24.
fn last_scroll(letter: &InboxLetter) -> usize {
    let lines = letter.text.lines();
    let lines = lines.map(|line| sheet::wrap(line, COLUMNS).len());
    let code = if letter.code.is_some() { CODE_ROWS } else { 0 };
    (HEAD_ROWS + code + lines.sum::<usize>()).saturating_sub(ROWS)
}

fn date(letter: &InboxLetter, context: &Context<'_>) -> String {
    calendar::date_and_minute(letter.at, context.settings.zone, &context.text.months)
}

impl FormScreen for InboxScreen {
    form_of!(Item, attempt);

    fn items(&self, context: &Context<'_>) -> Items<Item> {
        let (words, keys) = (&context.text.inbox, &context.text.key);
        let letter = |number| items::own(Item::Letter(number)).enter(&words.open);
        let reload = items::button(Item::Reload, &words.reload).enter(&words.reload);
        let has_code = self.letter().is_some_and(|letter| letter.code.is_some());
        let use_code = || KeyHint::new("K", &words.use_code_hint);
        let has_link = self
            .open()
            .is_some_and(|(letter, _)| link(letter).is_some());
        let show_qr = || KeyHint::new("Q", &keys.show_qr);
        let items = match self.open() {
            // An open letter is read, and there is nothing else in it to go to.
            Some(_) => Items::new([items::own(self.form.focused()).unsaid()]).reading(),
            None => Items::new(self.shown(context).into_iter().map(letter).chain([reload])),
        };
        items
            .esc(match self.scroll {
                Some(_) => &keys.back,
                None => self.filter.esc(context.text),
            })
            .further(1, has_code.then(use_code))
            .further(2, has_link.then(show_qr))
    }

    fn filter(&self) -> Option<&Filter> {
        Some(&self.filter).filter(|_| self.is_list())
    }

    fn filter_mut(&mut self) -> Option<&mut Filter> {
        let is_list = self.is_list();
        Some(&mut self.filter).filter(|_| is_list)
    }

    fn filtered(&mut self, context: &Context<'_>) {
        let first = self.shown(context).first().copied();
        self.form.focus(first.map_or(Item::Reload, Item::Letter));
    }

    fn before(&mut self, command: Command, context: &Context<'_>) -> Option<Step> {
        match self.scroll {
            Some(_) if self.qr.is_some() => Some(self.qr_command(command)),
            Some(scroll) => Some(self.letter_command(command, scroll, context)),
            None if command.letter() == Some(USE_CODE) => Some(self.use_code()),
            None => None,
        }
    }

    /// The link of the open letter, where it is seen.
    fn to_copy(&self) -> Option<Copied> {
        let (letter, _) = self.open().filter(|_| self.qr.is_none())?;
        Some(Zeroizing::new(link(letter)?.to_owned()).into())
    }

    fn choose(&mut self, item: Item, _context: &Context<'_>) -> Step {
        match item {
            Item::Letter(_) => {
                self.scroll = Some(0);
                Step::Stay
            }
            Item::Reload => Step::Ask(Request::LoadInbox),
        }
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Go(Route::Menu)
    }
}

impl Screen for InboxScreen {
    fn refused(&mut self, refusal: Refusal, context: &Context<'_>) {
        self.attempt.refused(refusal, context.now);
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        if let Some((letter, _)) = self.open() {
            if self.qr.is_some() {
                sheet.title(&letter.subject);
                return sheet.picture(Vec::new());
            }
            return write_letter(letter, sheet, context);
        }
        let form = self.view(context);
        let words = &context.text.inbox;
        sheet.title(&words.title);
        let shown = self.shown(context);
        if self.filter.is_shown() {
            let of = self.letters.len();
            self.filter.write(sheet, context, shown.len(), of);
        } else {
            sheet.hint(&words.lead);
            sheet.gap();
        }
        if self.letters.is_empty() {
            sheet.paragraph(&words.empty);
            sheet.gap();
        } else if shown.is_empty() {
            sheet.paragraph(&context.text.filter.none);
        }
        for number in shown {
            let letter = &self.letters[number];
            let is_focused = form.is_focused(Item::Letter(number)) && !self.filter.is_typed();
            sheet.choice(&letter.subject, is_focused);
            let date = date(letter, context);
            sheet.aside(&format!("{date}{}{}", context.theme.separator, letter.to));
        }
        if !self.letters.is_empty() {
            sheet.gap();
        }
        // In focus is one thing.
        match self.filter.is_typed() {
            true => sheet.button(&words.reload, false),
            false => form.write(sheet, Item::Reload),
        }
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        match (self.open(), &self.qr) {
            (Some(_), Some(qr)) => qr.paint_alone(frame, context),
            (Some(open), None) => self.paint_letter(open, frame, context),
            (None, _) => paint_sheet(self, frame, context),
        }
    }

    /// Beside a picture: no phone reads one that is covered.
    fn paint_banner(&self, frame: &mut Frame<'_>, context: &Context<'_>, sentence: &str) {
        match self.qr {
            Some(_) => frame::paint_banner_below(frame, context, sentence),
            None => frame::paint_banner(frame, context, sentence),
        }
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.inbox
    }

    fn presence(&self) -> Presence {
        Presence::Reading
    }

    fn next_tick(&self, now: Now) -> Option<std::time::Duration> {
        self.attempt.next_tick(now)
    }
}
