//! The letters that wait, at the officer's desk: to whom, about what, how often they were tried. Nothing of their
//! words is shown.

use crate::{
    domain::{calendar, idle::Presence},
    tui::{
        OutboxRow,
        context::Context,
        screen::{FormScreen, Left, Screen, Step, form_of},
        text::{Text, fill, harmless},
        widget::{
            form::{Form, Items, items},
            sheet::Sheet,
            table::Table,
        },
    },
};

/// Rows of the body besides those of the table.
const OTHER_ROWS: usize = 9;

/// The letters, as they were when they were asked for.
#[derive(Debug)]
pub struct DeskOutboxScreen {
    letters: Vec<OutboxRow>,
    /// In focus is a row, by its number.
    form: Form<usize>,
}

impl DeskOutboxScreen {
    pub fn new(letters: Vec<OutboxRow>) -> Self {
        Self {
            letters,
            form: Form::new(0),
        }
    }
}

impl FormScreen for DeskOutboxScreen {
    form_of!(usize);

    fn items(&self, context: &Context<'_>) -> Items<usize> {
        let rows = (0..self.letters.len()).map(|row| items::own(row).unsaid());
        Items::new(rows).list(10).esc(&context.text.key.back)
    }

    fn choose(&mut self, _row: usize, _context: &Context<'_>) -> Step {
        Step::Stay
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }
}

impl Screen for DeskOutboxScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let rows = sheet.rows_besides(OTHER_ROWS, 2);
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
                text.letter.of(letter.kind).to_owned(),
                letter.failures.to_string(),
                letter.next_try.map_or(words.refused.clone(), short),
            ]);
        }
        let begin = sheet.height();
        table.write(sheet, Some(self.form.focused()), rows, false);
        while sheet.height() < begin + rows.min(self.letters.len()) + 2 {
            sheet.gap();
        }
        let letter = &self.letters[self.form.focused().min(self.letters.len() - 1)];
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

    fn is_wide(&self) -> bool {
        true
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_outbox
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
