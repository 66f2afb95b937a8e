//! `lpse-kiosk user`: the accounts, by operators. One file a command.

mod add;
mod import;
mod list;
mod remove;
mod reset_totp;
mod set_password;
mod show;

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};

use super::CliError;
use crate::{
    domain::{Account, AccountKey, Source, UserId, UserType},
    service::{Services, accounts::AccountsError},
};
pub use import::HASHES_AT_ONCE;

/// Accounts: add, list, show, change, remove, import
#[derive(Debug, Args)]
pub struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    Add(add::AddArguments),
    List(list::ListArguments),
    Show(show::ShowArguments),
    SetPassword(set_password::SetPasswordArguments),
    ResetTotp(reset_totp::ResetTotpArguments),
    Remove(remove::RemoveArguments),
    Import(import::ImportArguments),
}

/// Which account.
#[derive(Debug, Args)]
struct Which {
    /// The account's User ID; capital and small letters are the same
    #[arg(value_parser = UserId::parse)]
    user_id: UserId,
    /// The account's user type
    #[arg(long = "type", value_name = "TYPE", value_parser = user_types(), ignore_case = true)]
    user_type: UserType,
}

impl Which {
    fn key(&self) -> AccountKey {
        AccountKey::new(self.user_type, self.user_id.clone())
    }
}

fn user_types() -> impl TypedValueParser<Value = UserType> {
    PossibleValuesParser::new(UserType::ALL.map(UserType::as_str))
        .try_map(|word| word.parse::<UserType>())
}

pub async fn run(
    arguments: UserArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    match arguments.command {
        UserCommand::Add(arguments) => add::run(arguments, services, source).await,
        UserCommand::List(arguments) => list::run(arguments, services).await,
        UserCommand::Show(arguments) => show::run(arguments, services).await,
        UserCommand::SetPassword(arguments) => set_password::run(arguments, services, source).await,
        UserCommand::ResetTotp(arguments) => reset_totp::run(arguments, services, source).await,
        UserCommand::Remove(arguments) => remove::run(arguments, services, source).await,
        UserCommand::Import(arguments) => import::run(arguments, services, source).await,
    }
}

async fn known(services: &Services, key: &AccountKey) -> Result<Account, CliError> {
    let account = services.accounts.get(key).await?;
    account.ok_or_else(|| AccountsError::Unknown(key.clone()).into())
}
