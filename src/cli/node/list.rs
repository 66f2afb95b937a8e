//! `lpse-kiosk node list`: who shares the store, and whose clock is off.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        error::CliError,
        listing::{Column, Listing, Row},
        moment,
    },
    domain::calendar::Zone,
    service::Services,
    store::nodes::Node,
};

/// Said where there is nothing to list or to forget.
pub const ALONE: &str = "this store is embedded, and one machine's: there are no nodes";

/// List the machines that share the store, with their clocks and master keys
///
/// One machine a line: its name, whether it lives and since when or when it was last heard of (by its own clock), how many
/// seconds its clock is ahead of this machine's (below zero: behind), its version, and the names of the master keys that it
/// holds, the one that it seals with first. A machine says all this every two seconds.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk node list\n  \
        lpse-kiosk node list --json | jq -r 'select(.lives | not) | .name'")]
pub struct ListArguments {
    /// Print JSON lines: one object a line, times in UTC
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: &ListArguments,
    services: &Services,
    zone: Zone,
) -> Result<(), CliError> {
    let nodes = services.nodes.list().await?;
    let mut listing = Listing::new([
        Column::new("NAME", 15),
        Column::new("STATE", 0),
        Column::new("CLOCK", 16),
        Column::new("VERSION", 0),
        Column::new("MASTER KEYS", 0),
    ]);
    for node in &nodes {
        match arguments.json {
            true => listing.add(as_json(node))?,
            false => listing.add(Row::Cells(cells(node, services.nodes.own(), zone)))?,
        }
    }
    match arguments.json {
        true => listing.flush(),
        false => listing.end(ALONE),
    }
}

fn as_json(node: &Node) -> Value {
    let said = &node.said;
    json!({
        "name": said.name,
        "host": said.host,
        "lives": node.is_living,
        "since": said.since().to_string(),
        "last_said": said.now().to_string(),
        "clock_ahead_ms": node.ahead_ms,
        "version": said.version,
        "keys": said.keys,
    })
}

fn cells(node: &Node, own: &str, zone: Zone) -> [String; 5] {
    let said = &node.said;
    let (word, at) = match node.is_living {
        true => ("lives since", said.since()),
        false => ("last heard", said.now()),
    };
    let clock = match (said.name == own, node.ahead_ms) {
        (true, _) => "this machine".to_owned(),
        (false, None) => "clock unknown".to_owned(),
        (false, Some(ahead)) => format!("clock {:+.1} s", ahead as f64 / 1000.0),
    };
    let keys = match said.keys.is_empty() {
        true => "no keys told".to_owned(),
        false => format!("keys {}", said.keys.join(" ")),
    };
    [
        said.name.clone(),
        format!("{word} {}", moment::shown(at, zone)),
        clock,
        said.version.clone(),
        keys,
    ]
}
