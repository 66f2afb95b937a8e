//! `lpse-kiosk audit export`: the records as a table for spreadsheets.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use clap::{Args, ValueHint};

use super::{
    files::{broken_off, files, output, tell_damaged},
    search::Between,
    show::visible,
};
use crate::{
    adapter::audit_log::reading, cli::error::CliError, config::Config, domain::audit::AuditRecord,
};

/// Write the records as CSV, safe to open in a spreadsheet
///
/// RFC 4180 in UTF-8, every cell in quotes, times in UTC. A cell that a spreadsheet would take for a formula begins with
/// an apostrophe.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk audit export --since 2026-11-01 --until 2026-11-30 november.csv\n  \
        lpse-kiosk audit export > audit.csv"
)]
pub struct ExportArguments {
    #[command(flatten)]
    between: Between,
    /// A new file, for its owner only; standard output if left out
    #[arg(value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

const COLUMNS: [&str; 9] = [
    "seq", "at", "act", "outcome", "reason", "account", "by", "from", "detail",
];

pub fn run(arguments: &ExportArguments, config: &Config) -> Result<(), CliError> {
    let files = files(&config.audit_file())?;
    let is_between = arguments.between.holds(config.zone);
    let mut table: Box<dyn Write> = match &arguments.file {
        None => Box::new(BufWriter::new(io::stdout())),
        Some(file) => {
            let created = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(file);
            let created = created.map_err(|error| {
                CliError::Refused(format!("{} cannot be created: {error}", file.display()))
            })?;
            Box::new(BufWriter::new(created))
        }
    };
    table.write_all(row(&COLUMNS.map(str::to_owned)).as_bytes())?;
    let read = reading::forwards(&files, |record, _| {
        if is_between(record.at) {
            let written = table.write_all(row(&cells(&record)).as_bytes());
            written.map_err(|error| output(error.into()))?;
        }
        Ok(ControlFlow::Continue(()))
    });
    let damaged = read.map_err(|error| broken_off(&config.audit_file(), error))?;
    table.flush()?;
    tell_damaged(damaged);
    Ok(())
}

fn cells(record: &AuditRecord) -> [String; 9] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let account = |account: &Option<_>| account.as_ref().map(ToString::to_string);
    [
        record.seq.to_string(),
        record.at.to_string(),
        record.act.clone(),
        record.outcome.as_str().to_owned(),
        text(&record.reason),
        account(&record.account).unwrap_or_default(),
        account(&record.by).unwrap_or_default(),
        record.from.clone(),
        text(&record.detail),
    ]
}

/// One line of the table, with its end.
fn row(cells: &[String; 9]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell in quotes, in which no spreadsheet finds a formula: not at its beginning, and not where one that separates by
/// other characters (the semicolon, where the comma is for decimals) would begin another cell.
fn quoted(text: &str) -> String {
    let mut cell = String::from("\"");
    let mut begins = true;
    let is_formula = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠'
        )
    };
    for c in text.chars() {
        if begins && is_formula(c) {
            cell.push('\'');
        }
        match c {
            '"' => cell.push_str("\"\""),
            c => cell.push_str(&visible(c.encode_utf8(&mut [0; 4]))),
        }
        begins = matches!(c, ';' | ',' | '|' | '\t' | '\r' | '\n' | '"')
            || begins && (c == ' ' || c == '\'');
    }
    cell.push('"');
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_every_text_is_still_there() {
        for (text, expected) in [
            ("", "\"\""),
            ("Siti Rahmawati", "\"Siti Rahmawati\""),
            (
                "=HYPERLINK(\"http://x\")",
                "\"'=HYPERLINK(\"\"http://x\"\")\"",
            ),
            ("+62 812", "\"'+62 812\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\\t'=1\""),
            ("\r=1", "\"'\\r'=1\""),
            ("  =1", "\"  '=1\""),
            ("＝1", "\"'＝1\""),
            ("KTP;=1+1", "\"KTP;'=1+1\""),
            ("a\",=1", "\"a\"\",'=1\""),
            ("a = b - c", "\"a = b - c\""),
            ("two\nlines\u{1b}[2J", "\"two\\nlines\\u{1b}[2J\""),
        ] {
            assert_eq!(quoted(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_another_reader_makes_of_a_row_is_nine_cells() {
        let cells = ["1", "a,b", "\"", "=x", "", ";", "é", "\r\n", "'"].map(str::to_owned);
        let row = row(&cells);
        let mut reader = csv_core::Reader::new();
        let (mut fields, mut ends) = ([0; 256], [0; 16]);
        let (_, _, _, count) = reader.read_record(row.as_bytes(), &mut fields, &mut ends);
        assert_eq!(count, 9);
        let text = std::str::from_utf8(&fields[..ends[8]]).unwrap();
        assert!(text.starts_with("1a,b\"'=x;é"), "{text}");
    }
}
