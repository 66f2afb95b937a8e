//! A finding of a check: one line, and what to do about it.

use std::fmt;

use serde_json::{Value, json};

use crate::domain::identity::is_disguise;

/// How a check came out; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Ok,
    /// Something to look at; people are served all the same.
    Warning,
    /// Something does not work, or is not safe.
    Failure,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of the report. A check that finds several things wrong has a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check's name, for scripts: it does not change.
    pub name: &'static str,
    pub status: Status,
    pub message: String,
    /// Never missing where something is not ok.
    pub what_to_do: Option<String>,
}

impl Finding {
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            message: harmless(&message.into()),
            what_to_do: None,
        }
    }

    pub fn warning(
        name: &'static str,
        message: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Warning,
            what_to_do: Some(harmless(&what_to_do.into())),
            ..Self::ok(name, message)
        }
    }

    pub fn failure(
        name: &'static str,
        message: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> Self {
        Self {
            status: Status::Failure,
            ..Self::warning(name, message, what_to_do)
        }
    }

    pub fn as_json(&self) -> Value {
        json!({
            "name": self.name,
            "status": self.status.as_str(),
            "message": self.message,
            "what_to_do": self.what_to_do,
        })
    }
}

/// Paths and what servers say could do something to a terminal.
fn harmless(text: &str) -> String {
    let shown = |c: char| if is_disguise(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
