//! A record as it is printed: as a line for people, or as the line of JSON that it is.

use std::borrow::Cow;

use crate::{
    adapter::audit_log::escaped,
    cli::{
        error::CliError,
        listing::{Column, Listing, Row},
        moment,
    },
    domain::{audit::AuditRecord, calendar::Zone, identity::is_disguise},
};

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
}

impl Form {
    pub fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }

    /// The record whose line is `line`.
    pub fn row(self, record: &AuditRecord, line: &[u8], zone: Zone) -> Row<6> {
        match self {
            Self::Text => Row::Cells(cells(record, zone)),
            // As it stands in the file. Were it not written by this program, it might act on a terminal.
            Self::Json => Row::Json(escaped(&String::from_utf8_lossy(line))),
        }
    }

    /// Writes what is left of a listing of records; `none` is said where there were none to be read by people.
    pub fn end(self, mut listing: Listing<6>, none: &str) -> Result<(), CliError> {
        match self {
            Self::Text => listing.end(none),
            Self::Json => listing.flush(),
        }
    }
}

/// A listing of records.
pub fn records() -> Listing<6> {
    Listing::new([
        Column::of_numbers("RECORD", 6),
        Column::new("WHEN", 0),
        Column::new("ACT", 15),
        Column::new("OUTCOME", 8),
        Column::new("ACCOUNT", 23),
        Column::new("FROM WHERE, BY WHOM AND WHY", 0),
    ])
}

fn cells(record: &AuditRecord, zone: Zone) -> [String; 6] {
    let account = record.account.as_ref().map(ToString::to_string);
    let mut how = format!("from {}", visible(&record.from));
    if let Some(by) = &record.by {
        how.push_str(&format!(" by {by}"));
    }
    if let Some(reason) = &record.reason {
        how.push_str(&format!(" because {}", visible(reason)));
    }
    if let Some(detail) = &record.detail {
        how.push_str(&format!(" ({})", visible(detail)));
    }
    [
        record.seq.to_string(),
        moment::shown(record.at, zone).to_string(),
        visible(&record.act).into_owned(),
        record.outcome.as_str().to_owned(),
        account.unwrap_or_else(|| "-".into()),
        how,
    ]
}

/// `text` with what would act on a terminal made visible.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_disguise) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_disguise(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}
