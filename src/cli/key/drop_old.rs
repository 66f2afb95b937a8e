//! `lpse-kiosk key drop-old`: keys that seal nothing any more leave the file.

use clap::Args;

use crate::{
    cli::{error::CliError, output::line, progress},
    domain::Source,
    service::{Services, keys::Dropped},
};

/// Take old master keys out of the key file, when nothing in the store is sealed under them
///
/// First everything is opened, as by `key check`. Backups made while an old key sealed need that key at their restore:
/// keep a copy of the file for as long as such backups are kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk key drop-old")]
pub struct DropOldArguments {}

pub async fn run(
    _arguments: &DropOldArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    drop_old(services, source).await
}

pub async fn drop_old(services: &Services, source: &Source) -> Result<(), CliError> {
    let template = "{msg} {spinner} {pos} records opened  {rate}";
    let progress = progress::count("Checking", template);
    let dropped = services
        .keys
        .drop_old(source, |looked| progress.inc(looked))
        .await;
    progress.finish_and_clear();
    match dropped? {
        Dropped::None => line("There is no old key in the master key file."),
        Dropped::Keys(ids) => {
            let (plural, verb) = if ids.len() == 1 {
                ("", "is")
            } else {
                ("s", "are")
            };
            line(format!(
                "The old key{plural} {} {verb} no longer in the master key file.",
                ids.join(", ")
            ))
        }
    }
}
