//! `lpse-kiosk outbox list`: what waits, what was refused, and what the mail server said.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    assembly::place_of_store,
    cli::{
        error::CliError,
        listing::{Column, Listing, Row},
        moment,
    },
    config::Config,
    domain::{
        calendar::Zone,
        identity::is_disguise,
        letter::{LetterId, Stage},
    },
    service::{Services, outbox::Waiting},
};

/// Letters read from the store at once.
pub const PAGE: usize = 256;

/// List the letters that wait to be delivered, the oldest first
///
/// One letter a line: its name, what it is about, the account, and how far it has come. What the mail server said to the
/// last try stands below. Letters that were delivered, or whose time is over, are gone; the audit log tells of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk outbox list\n  \
        lpse-kiosk outbox list --json | jq -r 'select(.stage == \"refused\") | .id'")]
pub struct ListArguments {
    /// Print JSON lines: one object a line, times in UTC
    #[arg(long)]
    json: bool,
}

pub async fn run(
    arguments: ListArguments,
    services: &Services,
    config: &Config,
) -> Result<(), CliError> {
    let mut listing = Listing::new([
        Column::new("LETTER", 0),
        Column::new("ABOUT", 16),
        Column::new("ACCOUNT", 28),
        Column::new("ADDRESS", 0),
        Column::new("HOW FAR", 0),
    ]);
    let mut after: Option<LetterId> = None;
    loop {
        let page = services.outbox.page(after.as_ref(), PAGE).await?;
        for waiting in page.letters {
            if arguments.json {
                listing.add(as_json(&waiting))?;
            } else {
                listing.add(Row::Cells(cells(&waiting, config.zone)))?;
                if let Some(error) = &waiting.delivery.last_error {
                    listing.add(Row::Below(harmless(error)))?;
                }
            }
        }
        listing.flush()?;
        after = page.next;
        if after.is_none() {
            return match arguments.json {
                true => Ok(()),
                false => listing.end(&format!("no letter waits in {}", place_of_store(config))),
            };
        }
    }
}

fn stage(stage: &Stage) -> &'static str {
    match stage {
        Stage::Due(_) => "waiting",
        Stage::Claimed { .. } => "under-way",
        Stage::Refused => "refused",
    }
}

fn as_json(waiting: &Waiting) -> Value {
    let Waiting { letter, delivery } = waiting;
    json!({
        "id": letter.id.as_str(),
        "kind": letter.kind.as_str(),
        "type": letter.account.user_type.as_str(),
        "user_id": letter.account.user_id.as_str(),
        "address": letter.address.as_str(),
        "stage": stage(&delivery.stage),
        "next": delivery.next().map(|at| at.to_string()),
        "failures": delivery.failures,
        "last_error": delivery.last_error.as_deref().map(harmless),
        "good_until": letter.good_until.to_string(),
    })
}

fn cells(waiting: &Waiting, zone: Zone) -> [String; 5] {
    let Waiting { letter, delivery } = waiting;
    let how_far = match (&delivery.stage, delivery.failures) {
        (Stage::Due(_), 0) => "waiting".to_owned(),
        (Stage::Due(wait), failures) => {
            let next = moment::shown(wait.end(), zone);
            format!("failed {failures} times, next try {next}")
        }
        (Stage::Claimed { .. }, _) => "under way".to_owned(),
        (Stage::Refused, _) => "refused; `outbox retry` sends it again".to_owned(),
    };
    [
        letter.id.to_string(),
        letter.kind.as_str().to_owned(),
        letter.account.to_string(),
        format!("<{}>", letter.address),
        how_far,
    ]
}

/// What a mail server said, free of whatever could act on a terminal.
fn harmless(said: &str) -> String {
    said.chars().filter(|c| !is_disguise(*c)).collect()
}
