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
            filter::Filter,
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
    filter: Filter,
    /// In focus is a row, by its number among those that are shown.
    form: Form<usize>,
}

impl DeskOutboxScreen {
    pub fn new(letters: Vec<OutboxRow>) -> Self {
        Self {
            letters,
            filter: Filter::default(),
            form: Form::new(0),
        }
    }

    /// The letters that the filter leaves, each with its row.
    fn shown(&self, context: &Context<'_>) -> Vec<(&OutboxRow, Vec<String>)> {
        let rows = self
            .letters
            .iter()
            .map(|letter| (letter, row(letter, context)));
        rows.filter(|(_, row)| self.filter.matches(row)).collect()
    }

    /// The letter in focus, in full.
    fn write_letter(&self, sheet: &mut Sheet, context: &Context<'_>, letter: &OutboxRow) {
        let text = context.text;
        let words = &text.desk_outbox;
        sheet.name_columns(20);
        let kind = letter.account.user_type.label();
        sheet.pair(
            &words.to,
            &format!("{}  {kind}", letter.account.user_id),
            context.theme.label,
        );
        let next = match letter.next_try {
            Some(at) => calendar::date_and_minute(at, context.settings.zone, &text.months),
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

/// What the list shows of a letter.
fn row(letter: &OutboxRow, context: &Context<'_>) -> Vec<String> {
    let text = context.text;
    let short = |at| calendar::short_date_and_minute(at, context.settings.zone, &text.months);
    vec![
        short(letter.written),
        letter.account.user_id.to_string(),
        text.letter.of(letter.kind).to_owned(),
        letter.failures.to_string(),
        letter
            .next_try
            .map_or_else(|| text.desk_outbox.refused.clone(), short),
    ]
}

impl FormScreen for DeskOutboxScreen {
    form_of!(usize);

    fn items(&self, context: &Context<'_>) -> Items<usize> {
        let rows = (0..self.shown(context).len()).map(|row| items::own(row).unsaid());
        Items::new(rows).list(10).esc(self.filter.esc(context.text))
    }

    fn filter(&self) -> Option<&Filter> {
        Some(&self.filter).filter(|_| !self.letters.is_empty())
    }

    fn filter_mut(&mut self) -> Option<&mut Filter> {
        let has_rows = !self.letters.is_empty();
        Some(&mut self.filter).filter(|_| has_rows)
    }

    fn filtered(&mut self, _context: &Context<'_>) {
        self.form.focus(0);
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
        let shown = self.shown(context);
        if self.filter.is_shown() {
            let of = self.letters.len();
            self.filter.write(sheet, context, shown.len(), of);
        } else {
            let n = text.number(self.letters.len() as u64);
            sheet.hint(&fill(&words.lead, &[("n", &n)]));
            sheet.gap();
        }
        let focus = self.form.focused().min(shown.len().saturating_sub(1));
        let Some((letter, _)) = shown.get(focus) else {
            return sheet.paragraph(&text.filter.none);
        };
        let letter = *letter;
        let zone = context.settings.zone;
        let written = fill(&words.written, &[("zone", zone.as_str())]);
        let mut table = Table::new(&[
            (written.as_str(), 17),
            (&words.to, 8),
            (&words.kind, 10),
            (&words.failures, 1),
            (&words.next_try, 7),
        ]);
        let count = shown.len();
        for (_, row) in shown {
            table.row(row);
        }
        let begin = sheet.height();
        let pointer = (!self.filter.is_typed()).then_some(focus);
        table.write(sheet, pointer, rows, false);
        while sheet.height() < begin + rows.min(count) + 2 {
            sheet.gap();
        }
        self.write_letter(sheet, context, letter);
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
