//! `lpse-kiosk attach`: the screens of the `serve` of this machine, on this terminal.

use clap::Args;

use super::{error::CliError, runtime::block_on};
use crate::{
    config::{Config, Flags},
    daemon::supervisor::Supervisor,
    frontend::attach::terminal,
};

/// Show the screens of the running `serve` on this terminal
///
/// For an sshd that runs already (ForceCommand /usr/bin/lpse-kiosk attach --data DIR), or a kiosk's terminal beside
/// `serve`. It needs the data folder and neither the store nor the master key; `serve` takes its own user and root
/// alone, and believes them where people come from: the caller's address that sshd tells in SSH_CONNECTION, else this
/// terminal.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk attach\n  lpse-kiosk --data /var/lib/lpse-kiosk attach --kiosk"
)]
pub struct AttachArguments {
    /// Make this terminal a kiosk: nothing leads out of it, and it waits while `serve` is started again
    #[arg(long)]
    kiosk: bool,
}

pub fn run(arguments: &AttachArguments, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    Ok(block_on(async {
        match arguments.kiosk {
            true => {
                let supervisor = Supervisor::from_environment();
                tokio::spawn(supervisor.watchdog_without_store());
                let status = "The screens of lpse-kiosk serve are on this terminal";
                let done = terminal::kiosk(&config, || supervisor.ready(status)).await;
                supervisor.stopping("The terminal is given back");
                done
            }
            false => terminal::visit(&config).await,
        }
    })?)
}
