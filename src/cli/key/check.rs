//! `lpse-kiosk key check`: whether everything that is sealed opens, and under which key.

use clap::Args;
use serde_json::json;

use super::records::records;
use crate::{
    cli::{
        error::CliError,
        listing::{Column, Listing, Row},
        output::Lines,
        progress,
    },
    domain::{Source, identity::is_disguise},
    service::{Services, keys::Census},
};

/// What does not open is told one by one up to here, and counted beyond.
const TOLD: usize = 1000;

/// Open every sealed record, and say how many are under which master key
///
/// Nothing of what is sealed is shown. What does not open is named: an account or a letter, and why. The exit status is 1
/// then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk key check\n  \
        lpse-kiosk key check --json | jq '.keys[] | select(.sealed == 0)'")]
pub struct CheckArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: &CheckArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let template = "{msg} {spinner} {pos} records opened  {rate}";
    let progress = progress::count("Checking", template);
    let mut unopened: Vec<(String, String)> = Vec::new();
    let census = services
        .keys
        .check(
            source,
            |found| {
                if unopened.len() < TOLD {
                    unopened.push((harmless(found.record), harmless(&found.why.to_string())));
                }
            },
            |looked| progress.inc(looked),
        )
        .await;
    progress.finish_and_clear();
    let census = census?;
    let mut lines = Lines::new();
    if arguments.json {
        lines.line(as_json(&census, &unopened))?;
    } else {
        in_lines(&mut lines, &census, &unopened)?;
    }
    lines.flush()?;
    match census.failed {
        0 => Ok(()),
        count => Err(CliError::Refused(format!(
            "{} not open; put back the master key file that opens them",
            if count == 1 {
                "1 sealed text does".into()
            } else {
                format!("{count} sealed texts do")
            }
        ))),
    }
}

fn as_json(census: &Census, unopened: &[(String, String)]) -> serde_json::Value {
    let keys: Vec<_> = census
        .keys
        .iter()
        .map(|(id, key)| {
            json!({
                "id": id,
                "seals": *id == census.sealing,
                "in_file": key.is_kept,
                "sealed": key.sealed,
            })
        })
        .collect();
    let unopened: Vec<_> = unopened
        .iter()
        .map(|(record, why)| json!({ "record": record, "why": why }))
        .collect();
    json!({
        "keys": keys,
        "records": census.looked,
        "failed": census.failed,
        "unopened": unopened,
    })
}

fn in_lines(
    lines: &mut Lines,
    census: &Census,
    unopened: &[(String, String)],
) -> Result<(), CliError> {
    let mut listing = Listing::new([
        Column::new("MASTER KEY", 0),
        Column::of_numbers("SEALED", 15),
        Column::new("WHAT IT DOES", 0),
    ]);
    for (id, key) in &census.keys {
        let what = match (*id == census.sealing, key.is_kept) {
            (true, _) => "seals",
            (false, true) => "opens",
            (false, false) => "not in the key file",
        };
        let sealed = format!("{} sealed", key.sealed);
        listing.add(Row::Cells([id.clone(), sealed, what.to_owned()]))?;
    }
    listing.flush()?;
    for (record, why) in unopened {
        lines.line(format!("{record}: {why}"))?;
    }
    if census.failed > unopened.len() as u64 {
        lines.line(format!(
            "and {} more",
            census.failed - unopened.len() as u64
        ))?;
    }
    if census.failed == 0 {
        lines.line(format!(
            "Everything opens; {} looked at.",
            records(census.looked)
        ))?;
    }
    Ok(())
}

/// A record's name, or a reason, free of whatever could act on a terminal.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| !is_disguise(*c)).collect()
}
