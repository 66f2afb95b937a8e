//! The report as somebody reads it: a finding a line, wrapped on a terminal so that the columns stay, and the count of what
//! was found at its end.

use std::io::{IsTerminal, stdout};

use ratatui::crossterm::style::{Color, Stylize};
use rustix::termios::tcgetwinsize;
use unicode_width::UnicodeWidthStr;

use super::finding::{Finding, Status};
use crate::{
    cli::{error::CliError, output::Lines},
    tui::theme::{Colours, Terminal},
};

/// Before what is said of a check: how it came out, and its name.
const INDENT: usize = 23;

/// A column narrower than this is worse to read than one that the terminal breaks.
const NARROWEST: usize = 20;

/// What the report is written on.
pub struct Report {
    is_coloured: bool,
    /// Columns of the terminal; whatever is written elsewhere has a line a sentence, however long, for `grep`.
    columns: Option<usize>,
}

impl Report {
    /// A report for standard output.
    pub fn here() -> Self {
        let shows = Terminal::from_environment(|name| std::env::var(name).ok());
        let columns = stdout().is_terminal().then(|| {
            let size = tcgetwinsize(stdout());
            size.map_or(0, |size| usize::from(size.ws_col))
        });
        Self {
            is_coloured: columns.is_some() && shows.colours != Colours::Mono && !shows.no_color,
            columns,
        }
    }

    /// Whether somebody sees it at once.
    pub fn is_seen(&self) -> bool {
        self.columns.is_some()
    }

    pub fn write(&self, findings: &[Finding], lines: &mut Lines) -> Result<(), CliError> {
        for finding in findings {
            let mut before = format!("{} {:<13} ", self.word(finding.status), finding.name);
            let said = [Some(&finding.message), finding.what_to_do.as_ref()];
            for part in said
                .into_iter()
                .flatten()
                .flat_map(|text| self.wrapped(text))
            {
                lines.line(format!("{before}{part}"))?;
                before = " ".repeat(INDENT);
            }
        }
        lines.line(count(findings))
    }

    fn word(&self, status: Status) -> String {
        let word = format!("{status:<8}");
        let colour = match status {
            Status::Ok => Color::DarkGreen,
            Status::Warning => Color::DarkYellow,
            Status::Failure => Color::DarkRed,
        };
        match self.is_coloured {
            true => word.with(colour).to_string(),
            false => word,
        }
    }

    /// `text` in lines that leave room for the indent. A word is never broken: paths and commands are copied.
    fn wrapped(&self, text: &str) -> Vec<String> {
        let room = self.columns.map(|columns| columns.saturating_sub(INDENT));
        let Some(room) = room.filter(|room| *room >= NARROWEST) else {
            return vec![text.to_owned()];
        };
        let mut lines = vec![String::new()];
        for word in text.split(' ') {
            let line = lines.last_mut().expect("there is always one");
            if line.is_empty() {
                line.push_str(word);
            } else if line.width() + 1 + word.width() <= room {
                line.push(' ');
                line.push_str(word);
            } else {
                lines.push(word.to_owned());
            }
        }
        lines
    }
}

/// What was found, in one sentence.
pub fn count(findings: &[Finding]) -> String {
    let of = |status| findings.iter().filter(|f| f.status == status).count();
    let (failures, warnings, fine) = (of(Status::Failure), of(Status::Warning), of(Status::Ok));
    let many = |count: usize, word| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let bad = [many(failures, "failure"), many(warnings, "warning")];
    let bad: Vec<_> = bad.into_iter().flatten().collect();
    match (bad.is_empty(), fine) {
        (true, 1) => "The one check is fine.".to_owned(),
        (true, _) => format!("All {fine} checks are fine."),
        (false, 0) => format!("{}.", bad.join(", ")),
        (false, 1) => format!("{}; the other check is fine.", bad.join(", ")),
        (false, _) => format!("{}; the other {fine} checks are fine.", bad.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_counted_in_a_sentence() {
        let ok = || Finding::ok("a", "");
        let warning = || Finding::warning("b", "", "");
        let failure = || Finding::failure("c", "", "");
        for (findings, expected) in [
            (vec![ok(), ok()], "All 2 checks are fine."),
            (vec![ok()], "The one check is fine."),
            (
                vec![ok(), warning(), ok()],
                "1 warning; the other 2 checks are fine.",
            ),
            (
                vec![failure(), ok(), failure(), warning()],
                "2 failures, 1 warning; the other check is fine.",
            ),
            (vec![failure()], "1 failure."),
        ] {
            assert_eq!(count(&findings), expected);
        }
    }

    #[test]
    fn a_sentence_is_broken_between_words_and_only_on_a_terminal_with_room() {
        let report = |columns| Report {
            is_coloured: false,
            columns,
        };
        let text = "one two three four five /a/path/that/is/longer/than/the/room six";
        for unbroken in [None, Some(0), Some(30)] {
            assert_eq!(report(unbroken).wrapped(text), [text]);
        }
        assert_eq!(
            report(Some(43)).wrapped(text),
            [
                "one two three four",
                "five",
                "/a/path/that/is/longer/than/the/room",
                "six"
            ]
        );
    }
}
