//! `lpse-kiosk outbox`: the letters that the mail server has not taken yet. One file a command.

mod list;
mod retry;

use clap::{Args, Subcommand};

use super::error::CliError;
use crate::{config::Config, domain::Source, service::Services};

/// Letters on their way: list, send again
#[derive(Debug, Args)]
pub struct OutboxArguments {
    #[command(subcommand)]
    command: OutboxCommand,
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    List(list::ListArguments),
    Retry(retry::RetryArguments),
}

pub async fn run(
    arguments: OutboxArguments,
    services: &Services,
    source: &Source,
    config: &Config,
) -> Result<(), CliError> {
    match arguments.command {
        OutboxCommand::List(arguments) => list::run(arguments, services, config).await,
        OutboxCommand::Retry(arguments) => retry::run(arguments, services, source).await,
    }
}
