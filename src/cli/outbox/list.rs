//! `lpse-kiosk outbox list`: what waits, what was refused, and what the mail server said.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{error::CliError, output::Lines},
    domain::{
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

pub async fn run(arguments: ListArguments, services: &Services) -> Result<(), CliError> {
    let mut lines = Lines::new();
    let mut after: Option<LetterId> = None;
    loop {
        let page = services.outbox.page(after.as_ref(), PAGE).await?;
        for waiting in page.letters {
            if arguments.json {
                lines.line(as_json(&waiting))?;
            } else {
                lines.line(in_a_line(&waiting))?;
                if let Some(error) = &waiting.delivery.last_error {
                    lines.line(format!("    {}", harmless(error)))?;
                }
            }
        }
        lines.flush()?;
        after = page.next;
        if after.is_none() {
            return Ok(());
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

fn in_a_line(waiting: &Waiting) -> String {
    let Waiting { letter, delivery } = waiting;
    let how_far = match (&delivery.stage, delivery.failures) {
        (Stage::Due(_), 0) => "waiting".to_owned(),
        (Stage::Due(wait), failures) => {
            format!("failed {failures} times, next try {}", wait.end())
        }
        (Stage::Claimed { .. }, _) => "under way".to_owned(),
        (Stage::Refused, _) => "refused; `outbox retry` sends it again".to_owned(),
    };
    format!(
        "{}  {:<16} {:<28} <{}>  {how_far}",
        letter.id,
        letter.kind.as_str(),
        letter.account.to_string(),
        letter.address
    )
}

/// What a mail server said, free of whatever could act on a terminal.
fn harmless(said: &str) -> String {
    said.chars().filter(|c| !is_disguise(*c)).collect()
}
