//! `lpse-kiosk serve`: the kiosk for many at once.

use clap::Args;

use super::{error::CliError, runtime::block_on};
use crate::{
    config::{Config, Flags},
    daemon::run,
};

/// Serve the kiosk to many over SSH, with the reset page beside it
///
/// People come in with `ssh -p 2222 lpse@HOST`; no key and no password is asked for, because the screens are the login.
/// When they can, that command, the host key's fingerprint and the page's address are told: at a shell on standard error,
/// else in the log.
/// SIGTERM tells people and leaves when they have finished, at most [ssh] grace_seconds later; SIGHUP reads the
/// settings again.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "the words are those of --help"
)]
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lpse-kiosk serve\n  lpse-kiosk serve --console")]
pub struct ServeArguments {
    /// Run the kiosk on this terminal too
    #[arg(long)]
    console: bool,
}

pub fn run(arguments: &ServeArguments, flags: Flags) -> Result<(), CliError> {
    let config = Config::load(&flags)?;
    let read = Box::new(move || Config::load(&flags));
    Ok(block_on(run::serve(config, arguments.console, read))?)
}
