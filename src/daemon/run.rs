//! Ways to run the program: the kiosk on this terminal, many people over SSH, training mode.

use std::os::unix::fs::DirBuilderExt;

use super::{
    HostError,
    host::{Entrances, Reading, host},
    training,
};
use crate::{
    adapter::clock::SystemClock,
    assembly::KeySource,
    config::{Config, training_key},
    frontend::terminal::console::Use,
    ports::Clock,
};

/// Runs the kiosk on this terminal until it is asked to leave or its terminal hangs up.
pub async fn kiosk(config: Config) -> Result<(), HostError> {
    let key = KeySource::File(config.master_key_file.clone());
    let entrances = Entrances {
        console: Some(Use::Own),
        ssh: false,
    };
    host(config, key, entrances, None, None).await
}

/// Serves many over SSH, and with `console` the kiosk on this terminal too, until asked to leave. `read` reads the
/// settings again.
pub async fn serve(config: Config, console: bool, read: Reading) -> Result<(), HostError> {
    let key = KeySource::File(config.master_key_file.clone());
    let entrances = Entrances {
        console: console.then_some(Use::Own),
        ssh: true,
    };
    host(config, key, entrances, None, Some(read)).await
}

/// Runs training mode: sample accounts in a fresh folder, removed at the end unless it is to be kept.
pub async fn demo(config: Config, kept: bool) -> Result<(), HostError> {
    let samples = training::samples();
    let entrances = Entrances {
        console: Some(Use::Borrowed),
        ssh: false,
    };
    if kept {
        let key = KeySource::File(training_key(&config.data));
        let data = config.data.clone();
        let config = config.for_training(data);
        return host(config, key, entrances, Some(samples), None).await;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a folder of its own, made new and for its owner alone"
    )]
    let folder = std::env::temp_dir().join(format!(
        "lpse-kiosk-demo-{}-{:x}",
        std::process::id(),
        SystemClock::start().now().as_nanosecond()
    ));
    // Created, not reused: somebody else's folder of that name is refused.
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .map_err(HostError::System)?;
    let config = config.for_training(folder.clone());
    let hosted = host(config, KeySource::Ephemeral, entrances, Some(samples), None).await;
    let _ = std::fs::remove_dir_all(folder);
    hosted
}
