//! `lpse-kiosk key drop-old`: keys that seal nothing any more leave the file.

use clap::Args;
use serde_json::json;

use crate::{
    cli::{error::CliError, outcome::Form, progress},
    domain::{Source, audit::Act},
    service::{Services, keys::Dropped},
};

/// Take old master keys out of the key file, when nothing in the store is sealed under them
///
/// First everything is opened, as by `key check`. Backups made while an old key sealed need that key at their restore:
/// keep a copy of the file for as long as such backups are kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk key drop-old")]
pub struct DropOldArguments {
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: &DropOldArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    drop_old(services, source, arguments.form).await
}

pub async fn drop_old(services: &Services, source: &Source, form: Form) -> Result<(), CliError> {
    let template = "{msg} {spinner} {pos} records opened  {rate}";
    let progress = progress::count("Checking", template);
    let dropped = services
        .keys
        .drop_old(source, |looked| progress.inc(looked))
        .await;
    progress.finish_and_clear();
    let ids = match dropped? {
        Dropped::None => Vec::new(),
        Dropped::Keys(ids) => ids,
    };
    let told = match ids.as_slice() {
        [] => "There is no old key in the master key file.".to_owned(),
        [id] => format!("The old key {id} is no longer in the master key file."),
        ids => format!(
            "The old keys {} are no longer in the master key file.",
            ids.join(", ")
        ),
    };
    form.tell(Act::DropKey, !ids.is_empty(), json!({ "keys": ids }), told)
}
