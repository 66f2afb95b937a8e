//! What the desk shows while nothing is typed: who waits for help, letters that fail, and what officers did last.

use crate::{
    domain::{
        calendar,
        officer::{DoneAct, FailingLetters, Overview, StrandedAccount},
        stranded::Cause,
    },
    tui::{
        context::Context,
        text::fill,
        widget::{sheet::Sheet, table::Table},
    },
};

/// Acts that keep their rows, however many accounts are stranded.
const ACTS: usize = 2;

/// Rows that a table of acts has besides the acts: the line above it, and its head.
const ABOVE_ACTS: usize = 2;

/// What is known of what waits, and whether it is to be asked for (again).
#[derive(Debug)]
pub struct Waiting {
    seen: Option<Overview>,
    is_wanted: bool,
    has_failed: bool,
}

impl Waiting {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            seen: None,
            is_wanted: true,
            has_failed: false,
        }
    }

    /// What is known may be so no longer.
    pub fn want(&mut self) {
        self.is_wanted = true;
    }

    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// The answer: `None` where there is none to be had. It is not asked for again by itself; what was seen before stays.
    pub fn answered(&mut self, overview: Option<Overview>) {
        self.is_wanted = false;
        self.has_failed = overview.is_none();
        self.seen = overview.or(self.seen.take());
    }

    /// The accounts that can be gone into.
    pub fn stranded(&self) -> &[StrandedAccount] {
        self.seen.as_ref().map_or(&[], |seen| &seen.stranded)
    }

    /// Writes it all into `height` rows, account number `focus` being in focus.
    pub fn write(
        &self,
        sheet: &mut Sheet,
        context: &Context<'_>,
        focus: Option<usize>,
        height: usize,
    ) {
        let end = sheet.height() + height;
        match &self.seen {
            None if self.has_failed => sheet.error(&context.text.overview.failed),
            None => sheet.hint(&context.text.desk.lead),
            Some(seen) => {
                let of_acts = match seen.acts.len().min(ACTS) {
                    0 => 0,
                    acts => acts + ABOVE_ACTS,
                };
                let of_letters = usize::from(seen.letters.count > 0);
                let rows = height.saturating_sub(of_acts + of_letters);
                write_stranded(seen, sheet, context, focus, rows);
                write_letters(&seen.letters, sheet, context);
                let left = end.saturating_sub(sheet.height());
                write_acts(&seen.acts, sheet, context, left);
            }
        }
        while sheet.height() < end {
            sheet.gap();
        }
    }
}

/// Who is stranded, in so many rows with the table's head, or that nobody is.
fn write_stranded(
    seen: &Overview,
    sheet: &mut Sheet,
    context: &Context<'_>,
    focus: Option<usize>,
    rows: usize,
) {
    let words = &context.text.overview;
    if seen.stranded.is_empty() {
        return sheet.hint(&words.nothing);
    }
    let zone = context.settings.zone.as_str();
    let since = fill(&words.since, &[("zone", zone)]);
    // What has no room on a narrow terminal is what tells an officer least.
    let mut table = Table::new(&[
        (words.stranded.as_str(), 14),
        (&words.cause, 24),
        (&since, 17),
        (&words.name, 10),
    ]);
    for account in &seen.stranded {
        let StrandedAccount {
            key,
            name,
            stranded,
        } = account;
        let cause = match stranded.by {
            Cause::Held => &words.held,
            Cause::Codes => &words.codes,
            Cause::Passwords => &words.passwords,
        };
        let failures = context.text.number(stranded.failures.into());
        table.row(vec![
            key.user_id.to_string(),
            fill(cause, &[("n", &failures)]),
            calendar::short_date_and_minute(
                stranded.since,
                context.settings.zone,
                &context.text.months,
            ),
            name.to_string(),
        ]);
    }
    table.write(sheet, focus, rows.saturating_sub(1), seen.has_more_stranded);
}

fn write_letters(letters: &FailingLetters, sheet: &mut Sheet, context: &Context<'_>) {
    let Some(oldest) = letters.oldest else {
        return;
    };
    let text = context.text;
    let more = if letters.is_more { "+" } else { "" };
    let n = format!("{}{more}", text.number(letters.count as u64));
    let zone = context.settings.zone;
    let date = calendar::short_date_and_minute(oldest, zone, &text.months);
    let values = [("n", n.as_str()), ("date", date.trim())];
    sheet.error(&fill(&text.overview.letters, &values));
}

/// What officers did last, as far as `rows` reach.
fn write_acts(acts: &[DoneAct], sheet: &mut Sheet, context: &Context<'_>, rows: usize) {
    let shown = rows.saturating_sub(ABOVE_ACTS).min(acts.len());
    if shown == 0 {
        return;
    }
    let (text, zone) = (context.text, context.settings.zone);
    let words = &text.overview;
    let time = fill(&words.time, &[("zone", zone.as_str())]);
    let mut table = Table::new(&[
        (words.acts.as_str(), 17),
        (&words.account, 8),
        (&words.by, 8),
        (&time, 17),
    ]);
    for done in &acts[..shown] {
        let account = done.account.as_ref();
        table.row(vec![
            text.audit_act.of(done.act).clone(),
            account.map_or_else(String::new, |account| account.user_id.to_string()),
            done.by.user_id.to_string(),
            calendar::short_date_and_minute(done.at, zone, &text.months),
        ]);
    }
    sheet.gap();
    table.write(sheet, None, shown, false);
}
