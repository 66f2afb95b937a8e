//! The newest records of the audit log at the officer's desk, and each as a whole.
//!
//! The list speaks the reader's language. A record as a whole also has the words of the log itself, so that what is read
//! here is found again by `audit search`.

use crate::{
    domain::{
        AccountKey, Source,
        audit::{Act, AuditRecord},
        calendar,
        idle::Presence,
    },
    tui::{
        command::Command,
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
const OTHER_ROWS: usize = 4;

/// How far a record's text scrolls, at the most.
const DEEPEST: usize = 200;

/// The records, and the one that is open.
#[derive(Debug)]
pub struct DeskAuditScreen {
    records: Vec<AuditRecord>,
    /// In focus is a record, by its place.
    form: Form<usize>,
    /// The first line shown of the record in focus, if it is open.
    scroll: Option<usize>,
}

impl DeskAuditScreen {
    pub fn new(records: Vec<AuditRecord>) -> Self {
        Self {
            records,
            form: Form::new(0),
            scroll: None,
        }
    }

    /// The record that is open, and the first line shown of it.
    fn open(&self) -> Option<(&AuditRecord, usize)> {
        Some((self.records.get(self.form.focused())?, self.scroll?))
    }

    fn record_command(&mut self, command: Command, scroll: usize) {
        self.scroll = match command {
            Command::Activate | Command::Back => None,
            Command::Next => Some((scroll + 1).min(DEEPEST)),
            Command::PageDown => Some((scroll + 10).min(DEEPEST)),
            Command::Previous => Some(scroll.saturating_sub(1)),
            Command::PageUp => Some(scroll.saturating_sub(10)),
            Command::First => Some(0),
            Command::Last => Some(DEEPEST),
            Command::Jump(_) | Command::Edit(_) => Some(scroll),
        };
    }

    fn write_list(&self, sheet: &mut Sheet, context: &Context<'_>) {
        let rows = sheet.rows_besides(OTHER_ROWS, 3);
        let text = context.text;
        let words = &text.desk_audit;
        sheet.title(&words.title);
        if self.records.is_empty() {
            sheet.gap();
            return sheet.paragraph(&words.empty);
        }
        let n = text.number(self.records.len() as u64);
        sheet.hint(&fill(&words.lead, &[("n", &n)]));
        sheet.gap();
        let zone = context.settings.zone;
        let time = fill(&words.time, &[("zone", zone.as_str())]);
        let mut table = Table::new(&[
            (time.as_str(), 17),
            (&words.act, 16),
            (&words.account, 8),
            (&words.by, 6),
            (&words.outcome, 7),
            (&words.from, 7),
        ]);
        for record in &self.records {
            table.row(vec![
                calendar::short_date_and_minute(record.at, zone, &text.months),
                act_of(record, text),
                id_of(record.account.as_ref()),
                id_of(record.by.as_ref()),
                text.audit_outcome.of(record.outcome).clone(),
                place_of(record, text),
            ]);
        }
        table.write(sheet, Some(self.form.focused()), rows, false);
    }

    fn write_record(&self, sheet: &mut Sheet, context: &Context<'_>, record: &AuditRecord) {
        let text = context.text;
        let words = &text.desk_audit;
        let date = calendar::date_and_second(record.at, context.settings.zone, &text.months);
        let whole = |cell: &Option<String>| cell.as_deref().map_or("-".to_owned(), harmless);
        sheet.title(&fill(&words.record, &[("n", &record.seq.to_string())]));
        sheet.gap();
        sheet.name_columns(18);
        let label = context.theme.label;
        sheet.pair(&words.at, &date, label);
        let with_word = |said: String, word: &str| format!("{said} ({})", harmless(word));
        sheet.pair(
            &words.act,
            &with_word(act_of(record, text), &record.act),
            label,
        );
        let key =
            |key: &Option<AccountKey>| key.as_ref().map_or("-".to_owned(), ToString::to_string);
        sheet.pair(&words.account, &key(&record.account), label);
        sheet.pair(&words.by, &key(&record.by), label);
        let outcome = text.audit_outcome.of(record.outcome).clone();
        let outcome = with_word(outcome, record.outcome.as_str());
        sheet.pair(&words.outcome, &outcome, label);
        sheet.pair(&words.reason, &whole(&record.reason), label);
        let from = with_word(place_in_full(record, text), &record.from);
        sheet.pair(&words.from, &from, label);
        sheet.pair(&words.detail, &whole(&record.detail), label);
    }
}

/// The User ID alone: in a table the type has no room.
fn id_of(account: Option<&AccountKey>) -> String {
    account.map_or_else(String::new, |account| account.user_id.to_string())
}

/// What was attempted. A newer program may have recorded an act that this one has no name for.
fn act_of(record: &AuditRecord, text: &'static Text) -> String {
    match Act::from_word(&record.act) {
        Some(act) => text.audit_act.of(act).clone(),
        None => harmless(&record.act),
    }
}

/// Where a record comes from, without the kind of place, for which the table has no room either.
fn place_of(record: &AuditRecord, text: &'static Text) -> String {
    match Source::of_record(&record.from) {
        Some(source) => text.place(&source),
        None => harmless(&record.from),
    }
}

/// The same with the kind of place.
fn place_in_full(record: &AuditRecord, text: &'static Text) -> String {
    let words = &text.desk_audit;
    let place = place_of(record, text);
    match Source::of_record(&record.from) {
        None => place,
        Some(source) if source.own_place().is_some() => {
            fill(&words.from_program, &[("place", &place)])
        }
        Some(Source::Console(_)) => fill(&words.from_terminal, &[("name", &place)]),
        Some(Source::Peer(_)) => fill(&words.from_network, &[("address", &place)]),
    }
}

impl FormScreen for DeskAuditScreen {
    form_of!(usize);

    fn items(&self, context: &Context<'_>) -> Items<usize> {
        let text = context.text;
        let row = |row| match self.scroll {
            Some(_) => items::own(row).unsaid(),
            None => items::own(row).enter(&text.desk_audit.open),
        };
        let rows = (0..self.records.len()).map(row);
        Items::new(rows).list(10).esc(&text.key.back)
    }

    fn before(&mut self, command: Command, _context: &Context<'_>) -> Option<Step> {
        let scroll = self.scroll?;
        self.record_command(command, scroll);
        Some(Step::Stay)
    }

    fn choose(&mut self, _record: usize, _context: &Context<'_>) -> Step {
        self.scroll = Some(0);
        Step::Stay
    }

    fn back(&mut self, _context: &Context<'_>) -> Step {
        Step::Close(Left::Nothing)
    }
}

impl Screen for DeskAuditScreen {
    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        match self.open() {
            Some((record, scroll)) => {
                self.write_record(sheet, context, record);
                sheet.turned(scroll);
            }
            None => self.write_list(sheet, context),
        }
    }

    fn is_wide(&self) -> bool {
        true
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_audit
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
