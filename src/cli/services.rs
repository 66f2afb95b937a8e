//! The services, for as long as one command needs them.

use std::sync::Arc;

use super::{error::CliError, runtime::block_on, user};
use crate::{
    adapter::{clock::SystemClock, file_owner, operator},
    assembly::{self, KeySource},
    config::{Config, Flags},
    daemon::log,
    domain::Source,
    service::Services,
};

/// Opens the store for one command, or joins the process that holds it, and ends that in order. Root works on the files of
/// somebody else's installation as that user would.
pub fn with_services(
    flags: &Flags,
    command: impl AsyncFnOnce(Arc<Services>, Source, &Config) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut config = Config::load(flags)?;
    // Nobody else waits for the hashes of a command, so its own queue may be as long as an import wants it.
    config.hash_queue = config.hash_queue.max(user::HASHES_AT_ONCE);
    file_owner::act_as_owner_of(&config.data);
    log::warnings_to_standard_error();
    block_on(async {
        let clock = Arc::new(SystemClock::start());
        let key = KeySource::File(config.master_key_file.clone());
        let at_hand = assembly::open_for_command(&config, &key, clock).await?;
        let source = Source::Command(operator::of_this_process());
        let done = command(at_hand.services.clone(), source, &config).await;
        at_hand.close().await;
        done
    })
}
