//! `Kotak Masuk`, in training mode: the letters that would have been sent, and each as a mail program shows it.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use crate::{
    domain::{calendar, idle::Presence},
    tui::{
        InboxLetter, Now, Request,
        command::Command,
        context::Context,
        route::{Route, Waiting},
        screen::{
            Attempt, FormScreen, Keys, Refusal, Screen, Step, form_of, paint_sheet, write_working,
        },
        text::Text,
        widget::{
            form::{Form, Items, items},
            frame::{self, KeyHint},
            sheet::{self, Sheet},
        },
    },
};

/// The key that opens `Konfirmasi Reset TOTP` with a letter's code.
const USE_CODE: char = 'k';

/// Columns and rows that a letter has at 80x24. No line is longer, and it scrolls no further than they need.
const COLUMNS: usize = 78;
const ROWS: usize = 15;

/// The list of letters, the newest first, and the one being read.
#[derive(Debug)]
pub struct InboxScreen {
    letters: Vec<InboxLetter>,
    form: Form<Item>,
    /// The first line shown of the letter in focus, if it is open.
    scroll: Option<usize>,
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
            form: Form::new(first),
            scroll: None,
            attempt: Attempt::default(),
        }
    }

    /// The letter in focus.
    fn letter(&self) -> Option<&InboxLetter> {
        match self.form.focused() {
            Item::Letter(number) => self.letters.get(number),
            Item::Reload => None,
        }
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

    fn letter_command(&mut self, command: Command, scroll: usize) -> Step {
        let Some(letter) = self.letter() else {
            return Step::Stay;
        };
        let last = last_scroll(&letter.text);
        let scrolled = match command {
            Command::Activate if letter.code.is_some() => return self.use_code(),
            Command::Jump(key) if key.eq_ignore_ascii_case(&USE_CODE) => return self.use_code(),
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
            if body.height > 12 {
                foot.hint(&words.copy_hint);
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
        for (line, y) in lines.iter().skip(from).zip(text.y..text.bottom()) {
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
    for line in letter.text.lines() {
        if is_link(line) {
            let link: Vec<char> = line.trim().chars().collect();
            for part in link.chunks(width.max(1)) {
                lines.push(Line::styled(part.iter().collect::<String>(), theme.link));
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
}

fn is_link(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("https://") || line.starts_with("http://")) && line.is_ascii()
}

/// How far a letter scrolls on 80x24.
fn last_scroll(text: &str) -> usize {
    let lines = text.lines().map(|line| sheet::wrap(line, COLUMNS).len());
    // The head has four lines.
    (4 + lines.sum::<usize>()).saturating_sub(ROWS)
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
        let items = match self.open() {
            // An open letter is read, and there is nothing else in it to go to.
            Some(_) => Items::new([items::own(self.form.focused()).unsaid()]).reading(),
            None => Items::new((0..self.letters.len()).map(letter).chain([reload])),
        };
        items.esc(&keys.back).further(1, has_code.then(use_code))
    }

    fn before(&mut self, command: Command, _context: &Context<'_>) -> Option<Step> {
        match (self.scroll, command) {
            (Some(scroll), _) => Some(self.letter_command(command, scroll)),
            (None, Command::Jump(key)) if key.eq_ignore_ascii_case(&USE_CODE) => {
                Some(self.use_code())
            }
            (None, _) => None,
        }
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
            return write_letter(letter, sheet, context);
        }
        let form = self.view(context);
        let words = &context.text.inbox;
        sheet.title(&words.title);
        sheet.hint(&words.lead);
        sheet.gap();
        if self.letters.is_empty() {
            sheet.paragraph(&words.empty);
            sheet.gap();
        }
        for (item, letter) in self.letters.iter().enumerate() {
            sheet.choice(&letter.subject, form.is_focused(Item::Letter(item)));
            let date = date(letter, context);
            sheet.aside(&format!("{date}{}{}", context.theme.separator, letter.to));
        }
        if !self.letters.is_empty() {
            sheet.gap();
        }
        form.write(sheet, Item::Reload);
        self.attempt.write(sheet, context, |_| {});
        write_working(sheet, context);
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        match self.open() {
            Some(open) => self.paint_letter(open, frame, context),
            None => paint_sheet(self, frame, context),
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
