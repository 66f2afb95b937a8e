//! A record as it is printed: as a line for people, or as the line of JSON that it is.

use std::borrow::Cow;

use jiff::{Timestamp, tz::Offset};

use crate::{
    adapter::audit_log::escaped,
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
    pub fn print(self, record: &AuditRecord, line: &[u8], zone: Zone) -> String {
        match self {
            Self::Text => text(record, zone),
            // As it stands in the file. Were it not written by this program, it might act on a terminal.
            Self::Json => escaped(&String::from_utf8_lossy(line)),
        }
    }
}

fn text(record: &AuditRecord, zone: Zone) -> String {
    let mut text = format!(
        "{:>6}  {}  {:<16} {:<9}",
        record.seq,
        instant(record.at, zone),
        visible(&record.act),
        record.outcome.as_str()
    );
    let account = record.account.as_ref().map(ToString::to_string);
    text.push_str(&format!(" {:<24}", account.as_deref().unwrap_or("-")));
    text.push_str(&format!(" from {}", visible(&record.from)));
    if let Some(by) = &record.by {
        text.push_str(&format!(" by {by}"));
    }
    if let Some(reason) = &record.reason {
        text.push_str(&format!(" because {}", visible(reason)));
    }
    if let Some(detail) = &record.detail {
        text.push_str(&format!(" ({})", visible(detail)));
    }
    text
}

/// RFC 3339, by the clock of the office.
fn instant(at: Timestamp, zone: Zone) -> String {
    let difference = zone.civil(at).duration_since(Offset::UTC.to_datetime(at));
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    match Offset::try_from(difference) {
        Ok(offset) => second.display_with_offset(offset).to_string(),
        Err(_) => second.to_string(),
    }
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
