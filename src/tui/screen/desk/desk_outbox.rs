//! The letters that wait, at the officer's desk: to whom, about what, how often they were tried. Nothing of their
//! words is shown.

use ratatui::Frame;

use crate::{
    domain::{calendar, idle::Presence},
    tui::{
        OutboxRow,
        command::Command,
        context::Context,
        screen::{Left, Screen, Step, moved, usual_hints},
        text::{Text, fill, harmless},
        widget::{
            frame::{self, KeyHint},
            sheet::Sheet,
            table::Table,
        },
    },
};

/// Rows of the body besides those of the table.
const OTHER_ROWS: u16 = 9;

/// The letters, as they were when they were asked for.
#[derive(Debug)]
pub struct DeskOutboxScreen {
    letters: Vec<OutboxRow>,
    focus: usize,
}

impl DeskOutboxScreen {
    pub fn new(letters: Vec<OutboxRow>) -> Self {
        Self { letters, focus: 0 }
    }

    fn write(&self, sheet: &mut Sheet, context: &Context<'_>, rows: usize) {
        let text = context.text;
        let words = &text.desk_outbox;
        sheet.title(&words.title);
        if self.letters.is_empty() {
            sheet.gap();
            return sheet.paragraph(&words.empty);
        }
        let n = text.number(self.letters.len() as u64);
        sheet.hint(&fill(&words.lead, &[("n", &n)]));
        sheet.gap();
        let zone = context.settings.zone;
        let short = |at| calendar::short_date_and_minute(at, zone, &text.months);
        let written = fill(&words.written, &[("zone", zone.as_str())]);
        let mut table = Table::new(&[
            (written.as_str(), 17),
            (&words.to, 8),
            (&words.kind, 10),
            (&words.failures, 1),
            (&words.next_try, 7),
        ]);
        for letter in &self.letters {
            table.row(vec![
                short(letter.written),
                letter.account.user_id.to_string(),
                text.letter(letter.kind).to_owned(),
                letter.failures.to_string(),
                letter.next_try.map_or(words.refused.clone(), short),
            ]);
        }
        let begin = sheet.height();
        table.write(sheet, Some(self.focus), rows, false);
        while sheet.height() < begin + rows.min(self.letters.len()) + 2 {
            sheet.gap();
        }
        let letter = &self.letters[self.focus.min(self.letters.len() - 1)];
        sheet.name_columns(20);
        let kind = letter.account.user_type.label();
        sheet.pair(
            &words.to,
            &format!("{}  {kind}", letter.account.user_id),
            context.theme.label,
        );
        let next = match letter.next_try {
            Some(at) => calendar::date_and_minute(at, zone, &text.months),
            None => words.refused_meaning.clone(),
        };
        sheet.pair(&words.next_try, &next, context.theme.label);
        let error = match &letter.last_error {
            Some(error) => harmless(error),
            None => words.no_error.clone(),
        };
        sheet.pair(&words.last_error, &error, context.theme.label);
    }
}

impl Screen for DeskOutboxScreen {
    fn command(&mut self, command: Command, _context: &Context<'_>) -> Step {
        match command {
            Command::Back => return Step::Close(Left::Nothing),
            Command::PageDown => {
                self.focus = (self.focus + 10).min(self.letters.len().saturating_sub(1));
            }
            Command::PageUp => self.focus = self.focus.saturating_sub(10),
            other => self.focus = moved(self.focus, self.letters.len().max(1), other),
        }
        Step::Stay
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        self.write(sheet, context, 3);
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let area = frame::paint_wide(frame, context, &self.hints(context));
        let mut sheet = Sheet::new(context.theme, area.width);
        let rows = area.height.saturating_sub(OTHER_ROWS).max(2);
        self.write(&mut sheet, context, usize::from(rows));
        sheet.paint(frame, area, 0);
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let mut hints = usual_hints(context, &text.key.choose, Some(&text.key.back));
        hints[1] = KeyHint::new(context.theme.arrows, &text.key.scroll);
        hints.drain(..if self.letters.is_empty() { 2 } else { 1 });
        hints
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_outbox
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
