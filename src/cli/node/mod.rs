//! `lpse-kiosk node`: the machines that share a store. One file a command.

mod forget;
mod list;

use clap::{Args, Subcommand};

use super::error::CliError;
use crate::{
    domain::{Source, calendar::Zone},
    service::Services,
};

/// The machines that share a store in an etcd cluster: list, forget one that is gone
#[derive(Debug, Args)]
pub struct NodeArguments {
    #[command(subcommand)]
    command: NodeCommand,
}

#[derive(Debug, Subcommand)]
enum NodeCommand {
    List(list::ListArguments),
    Forget(forget::ForgetArguments),
}

pub async fn run(
    arguments: NodeArguments,
    services: &Services,
    source: &Source,
    zone: Zone,
) -> Result<(), CliError> {
    match arguments.command {
        NodeCommand::List(arguments) => list::run(&arguments, services, zone).await,
        NodeCommand::Forget(arguments) => forget::run(&arguments, services, source).await,
    }
}
