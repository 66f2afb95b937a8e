//! `lpse-kiosk node forget`: a machine that is gone leaves nothing behind but its visits.

use clap::Args;
use serde_json::json;

use super::list::ALONE;
use crate::{
    cli::{error::CliError, outcome::Form},
    domain::{Source, audit::Act},
    service::{Services, nodes::Forgotten},
};

/// Forget a machine that is gone for good
///
/// Its name is free for another data folder, `key rotate` waits for it and names it no more, and letters that it was
/// delivering are due again at once. The visits that it counted stay counted. Its audit log is in its own data folder: keep
/// that; nothing here tells any more how far it had come. A machine that lives is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk node forget kiosk-2")]
pub struct ForgetArguments {
    /// The machine's name, as `node list` shows it
    name: String,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: &ForgetArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    let name = &arguments.name;
    if services.nodes.list().await?.is_empty() {
        return Err(CliError::Refused(ALONE.into()));
    }
    match services.nodes.forget(name, source).await? {
        Forgotten::Done => {
            let told = format!(
                "{name} is forgotten: its name is free, its letters are due, and its visits stay counted. Keep its audit log; \
                 the store no longer knows how far that had come."
            );
            let about = json!({ "node": name });
            arguments.form.tell(Act::ForgetNode, true, about, told)
        }
        Forgotten::Lives => Err(CliError::Refused(format!(
            "{name} lives, or did within the last 15 seconds: end its lpse-kiosk first; nothing was changed"
        ))),
        Forgotten::Unknown => Err(CliError::NotThere(format!(
            "there is no node {name}; `node list` shows which there are"
        ))),
    }
}
