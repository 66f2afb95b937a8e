//! `lpse-kiosk store begin-anew`: an empty store where one is gone.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::{
    adapter::{clock::SystemClock, file_owner, operator},
    assembly,
    cli::{error::CliError, outcome::Form, runtime::block_on},
    config::{Config, Flags},
    daemon::log,
    domain::{Source, audit::Act},
};

/// Begin with an empty store where one is gone, or where only its master key is there yet
///
/// A store that has vanished is not replaced by itself: nobody would have an account, and nobody would be asked for a code.
/// `restore` brings a backup back and is what is wanted nearly always. This begins with nothing. The audit log goes on and
/// says so, and `audit verify` says it from then on. A folder that has a store, readable or not, is refused.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk store begin-anew\n  lpse-kiosk --data /srv/lpse --store redb store begin-anew"
)]
pub struct BeginAnewArguments {
    #[command(flatten)]
    form: Form,
}

pub fn run(arguments: &BeginAnewArguments, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    file_owner::act_as_owner_of(&config.data);
    log::warnings_to_standard_error();
    let head = block_on(assembly::begin_anew(
        &config,
        Arc::new(SystemClock::start()),
        &Source::Command(operator::of_this_process()),
    ))?;
    let told = format!(
        "An empty store was begun, with no account and no policy; record {} of the audit log says so.",
        head.seq
    );
    let about = json!({ "store": assembly::place_of_store(&config), "record": head.seq });
    arguments.form.tell(Act::BeginStore, true, about, told)
}
