//! `lpse-kiosk complete-user`: User IDs for a shell that completes a command line. The scripts of `completions` ask for them.

use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use super::{error::CliError, output::Lines, runtime::block_on, user};
use crate::{
    assembly,
    config::{Config, Flags},
};

/// More are no help to somebody who types.
const MOST: usize = 50;

/// A shell stands still for as long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Print the User IDs that begin so, at most 50, for a shell that completes a command line
///
/// They come from the service that runs with the data folder; where there is none, or whoever asks may not speak with it,
/// nothing is printed, and no store is opened.
#[derive(Debug, Args)]
#[command(hide = true, after_help = "Example:\n  lpse-kiosk complete-user PPK")]
pub struct CompleteUserArguments {
    #[arg(default_value = "")]
    prefix: String,
}

/// Whatever is in the way is no affair of somebody in the middle of a line.
pub fn run(arguments: &CompleteUserArguments, flags: &Flags) -> Result<(), CliError> {
    let (Ok(config), Ok(prefix)) = (Config::load(flags), user::parse_prefix(&arguments.prefix))
    else {
        return Ok(());
    };
    let found = block_on(async {
        let beside = assembly::user_ids_beside(&config, &prefix, MOST);
        timeout(PATIENCE, beside).await.ok().flatten()
    });
    let mut lines = Lines::new();
    for id in found.unwrap_or_default() {
        lines.line(id)?;
    }
    lines.flush()
}
