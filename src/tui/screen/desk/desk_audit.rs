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
        operator::Operator,
    },
    tui::{
        Lookup, LookupReply,
        command::Command,
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
const OTHER_ROWS: usize = 4;

/// Older records are asked for when this many rows or fewer are below the one in focus.
const AHEAD: usize = 10;

/// More records than this are not looked through here: that is what `audit search` is for.
const MOST: usize = 1_000;

/// How far a record's text scrolls, at the most.
const DEEPEST: usize = 200;

/// The records, and the one that is open.
#[derive(Debug)]
pub struct DeskAuditScreen {
    records: Vec<AuditRecord>,
    /// There are no older ones, or none to be had.
    is_all: bool,
    filter: Filter,
    /// In focus is a record, by its place among those that are shown.
    form: Form<usize>,
    /// The first line shown of the record in focus, if it is open.
    scroll: Option<usize>,
}

impl DeskAuditScreen {
    pub fn new(records: Vec<AuditRecord>) -> Self {
        Self {
            records,
            is_all: false,
            filter: Filter::default(),
            form: Form::new(0),
            scroll: None,
        }
    }

    /// The records that the filter leaves.
    fn shown(&self, context: &Context<'_>) -> Vec<&AuditRecord> {
        let narrows = self.filter.narrows();
        let is_left = |record: &&AuditRecord| !narrows || self.filter.matches(row(record, context));
        self.records.iter().filter(is_left).collect()
    }

    /// Whether there is more to be had.
    fn has_more(&self) -> bool {
        !self.is_all && self.records.len() < MOST
    }

    /// Whether there are rows to be seen.
    fn is_list(&self) -> bool {
        self.scroll.is_none() && !self.records.is_empty()
    }

    /// The record that is open, and the first line shown of it.
    fn open(&self, context: &Context<'_>) -> Option<(&AuditRecord, usize)> {
        let scroll = self.scroll?;
        let shown = self.shown(context);
        let record = *shown.get(self.form.focused())?;
        Some((record, scroll))
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
        let shown = self.shown(context);
        if self.filter.is_shown() {
            let of = self.records.len();
            self.filter.write(sheet, context, shown.len(), of);
        } else {
            let n = text.number(self.records.len() as u64);
            sheet.hint(&fill(&words.lead, &[("n", &n)]));
            sheet.gap();
        }
        if shown.is_empty() {
            return sheet.paragraph(&text.filter.none);
        }
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
        for record in shown {
            table.row(row(record, context));
        }
        let focus = (!self.filter.is_typed()).then(|| self.form.focused());
        table.write(sheet, focus, rows, self.has_more());
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
        sheet.pair(&words.by, &by_in_full(record, text), label);
        let outcome = text.audit_outcome.of(record.outcome).clone();
        let outcome = with_word(outcome, record.outcome.as_str());
        sheet.pair(&words.outcome, &outcome, label);
        sheet.pair(&words.reason, &whole(&record.reason), label);
        let from = with_word(place_in_full(record, text), &record.from);
        sheet.pair(&words.from, &from, label);
        sheet.pair(&words.detail, &whole(&record.detail), label);
    }
}

/// What the list shows of a record.
fn row(record: &AuditRecord, context: &Context<'_>) -> Vec<String> {
    let (text, zone) = (context.text, context.settings.zone);
    vec![
        calendar::short_date_and_minute(record.at, zone, &text.months),
        act_of(record, text),
        id_of(record.account.as_ref()),
        by_of(record),
        text.audit_outcome.of(record.outcome).clone(),
        place_of(record, text),
    ]
}

/// The User ID alone: in a table the type has no room.
fn id_of(account: Option<&AccountKey>) -> String {
    account.map_or_else(String::new, |account| account.user_id.to_string())
}

/// Whoever acted, where it was not the account itself: an officer's User ID, or who ran a command.
fn by_of(record: &AuditRecord) -> String {
    match operator_of(record) {
        Some(operator) => operator.name().to_owned(),
        None => id_of(record.by.as_ref()),
    }
}

/// The same with the kind of account.
fn by_in_full(record: &AuditRecord, text: &'static Text) -> String {
    match (operator_of(record), &record.by) {
        (Some(operator), _) => fill(&text.desk_audit.operator, &[("name", operator.name())]),
        (None, Some(officer)) => officer.to_string(),
        (None, None) => "-".to_owned(),
    }
}

fn operator_of(record: &AuditRecord) -> Option<Operator> {
    let source = Source::of_record(&record.from)?;
    source.operator().cloned()
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
        Some(source) if source.own_place().is_some() => {
            fill(&words.from_program, &[("place", &place)])
        }
        None | Some(Source::Command(_)) => place,
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
        let rows = (0..self.shown(context).len()).map(row);
        let esc = match self.scroll {
            Some(_) => &text.key.back,
            None => self.filter.esc(text),
        };
        Items::new(rows).list(10).esc(esc)
    }

    fn filter(&self) -> Option<&Filter> {
        Some(&self.filter).filter(|_| self.is_list())
    }

    fn filter_mut(&mut self) -> Option<&mut Filter> {
        let is_list = self.is_list();
        Some(&mut self.filter).filter(|_| is_list)
    }

    fn filtered(&mut self, _context: &Context<'_>) {
        self.form.focus(0);
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
    /// Whoever narrows the list looks for something, and whoever comes to its end goes on.
    fn wants_lookup(&self) -> Option<Lookup> {
        let ends = self.form.focused() + AHEAD >= self.records.len();
        let oldest = self.records.last().filter(|_| self.has_more())?;
        let is_wanted = self.scroll.is_none() && (self.filter.narrows() || ends);
        is_wanted.then_some(Lookup::OlderRecords { before: oldest.seq })
    }

    fn lookup_reply(&mut self, lookup: Lookup, reply: LookupReply, _context: &Context<'_>) -> bool {
        let oldest = self.records.last().map(|record| record.seq);
        let is_next = matches!(lookup, Lookup::OlderRecords { before } if Some(before) == oldest);
        match reply {
            LookupReply::Records(records) if is_next => {
                self.is_all = records.is_empty();
                self.records.extend(records);
            }
            _ => self.is_all = true,
        }
        // Rows only come below those that are there.
        false
    }

    fn sheet(&self, sheet: &mut Sheet, context: &Context<'_>) {
        match self.open(context) {
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
