//! The newest records of the audit log at the officer's desk, and each as a whole.
//!
//! The words are those of the log itself, so that what is read here is found again by `audit search`.

use ratatui::Frame;

use crate::{
    domain::{AccountKey, audit::AuditRecord, calendar, idle::Presence},
    tui::{
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
const OTHER_ROWS: u16 = 4;

/// How far a record's text scrolls, at the most.
const DEEPEST: usize = 200;

/// The records, and the one that is open.
#[derive(Debug)]
pub struct DeskAuditScreen {
    records: Vec<AuditRecord>,
    focus: usize,
    /// The first line shown of the record in focus, if it is open.
    scroll: Option<usize>,
}

impl DeskAuditScreen {
    pub fn new(records: Vec<AuditRecord>) -> Self {
        Self {
            records,
            focus: 0,
            scroll: None,
        }
    }

    fn list_command(&mut self, command: Command) -> Step {
        match command {
            Command::Back => return Step::Close(Left::Nothing),
            Command::Activate if !self.records.is_empty() => self.scroll = Some(0),
            Command::PageDown => {
                self.focus = (self.focus + 10).min(self.records.len().saturating_sub(1));
            }
            Command::PageUp => self.focus = self.focus.saturating_sub(10),
            other => self.focus = moved(self.focus, self.records.len().max(1), other),
        }
        Step::Stay
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

    fn write_list(&self, sheet: &mut Sheet, context: &Context<'_>, rows: usize) {
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
            (&words.act, 10),
            (&words.account, 8),
            (&words.by, 6),
            (&words.outcome, 7),
            (&words.from, 7),
        ]);
        for record in &self.records {
            table.row(vec![
                calendar::short_date_and_minute(record.at, zone, &text.months),
                harmless(&record.act),
                id_of(record.account.as_ref()),
                id_of(record.by.as_ref()),
                record.outcome.as_str().to_owned(),
                place_of(&record.from),
            ]);
        }
        table.write(sheet, Some(self.focus), rows, false);
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
        sheet.pair(&words.act, &harmless(&record.act), label);
        let key =
            |key: &Option<AccountKey>| key.as_ref().map_or("-".to_owned(), ToString::to_string);
        sheet.pair(&words.account, &key(&record.account), label);
        sheet.pair(&words.by, &key(&record.by), label);
        sheet.pair(&words.outcome, record.outcome.as_str(), label);
        sheet.pair(&words.reason, &whole(&record.reason), label);
        sheet.pair(&words.from, &harmless(&record.from), label);
        sheet.pair(&words.detail, &whole(&record.detail), label);
    }
}

/// The User ID alone: in a table the type has no room.
fn id_of(account: Option<&AccountKey>) -> String {
    account.map_or_else(String::new, |account| account.user_id.to_string())
}

/// Where a record comes from, without the kind of place, for which the table has no room either.
fn place_of(from: &str) -> String {
    let place = ["console:", "peer:"]
        .into_iter()
        .find_map(|kind| from.strip_prefix(kind));
    harmless(place.unwrap_or(from))
}

impl Screen for DeskAuditScreen {
    fn command(&mut self, command: Command, _context: &Context<'_>) -> Step {
        match self.scroll {
            None => self.list_command(command),
            Some(scroll) => {
                self.record_command(command, scroll);
                Step::Stay
            }
        }
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        self.write_list(sheet, context, 3);
    }

    fn paint(&self, frame: &mut Frame<'_>, context: &Context<'_>) {
        let area = frame::paint_wide(frame, context, &self.hints(context));
        let mut sheet = Sheet::new(context.theme, area.width);
        if let (Some(scroll), Some(record)) = (self.scroll, self.records.get(self.focus)) {
            self.write_record(&mut sheet, context, record);
            sheet.paint(frame, area, scroll);
        } else {
            let rows = area.height.saturating_sub(OTHER_ROWS).max(3);
            self.write_list(&mut sheet, context, usize::from(rows));
            sheet.paint(frame, area, 0);
        }
    }

    fn hints(&self, context: &Context<'_>) -> Vec<KeyHint> {
        let text = context.text;
        let mut hints = usual_hints(context, &text.desk_audit.open, Some(&text.key.back));
        hints[1] = KeyHint::new(context.theme.arrows, &text.key.scroll);
        if self.scroll.is_some() {
            hints.remove(0);
        } else if self.records.is_empty() {
            hints.drain(..2);
        }
        hints
    }

    fn help(&self, text: &'static Text) -> &'static str {
        &text.help.desk_audit
    }

    fn presence(&self) -> Presence {
        Presence::LoggedIn
    }
}
