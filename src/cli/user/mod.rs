//! `lpse-kiosk user`: the accounts, by operators. One file a command, but for those that are alike.

mod act;
mod add;
mod find;
mod import;
mod list;
mod reason;
mod remove;
mod set_email;
mod set_password;
mod set_role;
mod show;
mod which;

use clap::{Args, Subcommand};

use super::error::CliError;
use crate::{config::Config, domain::Source, service::Services};
pub use import::HASHES_AT_ONCE;
pub use list::parse_prefix;
pub use reason::WANTED as REASON_WANTED;

/// Accounts: add, list, find, show, change, suspend, remove, import
#[derive(Debug, Args)]
pub struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    Add(add::AddArguments),
    List(list::ListArguments),
    Find(find::FindArguments),
    Show(show::ShowArguments),
    SetPassword(set_password::SetPasswordArguments),
    SetEmail(set_email::SetEmailArguments),
    SetRole(set_role::SetRoleArguments),
    #[command(flatten)]
    Act(act::ActCommand),
    Remove(remove::RemoveArguments),
    Import(import::ImportArguments),
}

pub async fn run(
    arguments: UserArguments,
    services: &Services,
    source: &Source,
    config: &Config,
) -> Result<(), CliError> {
    match arguments.command {
        UserCommand::Add(arguments) => add::run(arguments, services, source).await,
        UserCommand::List(arguments) => list::run(arguments, services, config).await,
        UserCommand::Find(arguments) => find::run(arguments, services, config).await,
        UserCommand::Show(arguments) => show::run(arguments, services, config.zone).await,
        UserCommand::SetPassword(arguments) => set_password::run(arguments, services, source).await,
        UserCommand::SetEmail(arguments) => set_email::run(arguments, services, source).await,
        UserCommand::SetRole(arguments) => set_role::run(arguments, services, source).await,
        UserCommand::Act(command) => act::run(command, services, source).await,
        UserCommand::Remove(arguments) => remove::run(arguments, services, source).await,
        UserCommand::Import(arguments) => import::run(arguments, services, source).await,
    }
}
