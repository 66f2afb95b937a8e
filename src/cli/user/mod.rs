//! `lpse-kiosk user`: the accounts, by operators. One file a command.

mod add;
mod end_logins;
mod find;
mod import;
mod list;
mod reinstate;
mod remove;
mod reset_totp;
mod set_email;
mod set_password;
mod set_role;
mod show;
mod suspend;
mod unlock;

use std::ffi::OsStr;

use clap::{
    Arg, Args, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use super::{CliError, output::line};
use crate::{
    domain::{Account, AccountKey, Source, UserId, UserType},
    service::{Services, accounts::AccountsError},
};
pub use import::HASHES_AT_ONCE;

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
    ResetTotp(reset_totp::ResetTotpArguments),
    Unlock(unlock::UnlockArguments),
    EndLogins(end_logins::EndLoginsArguments),
    Suspend(suspend::SuspendArguments),
    Reinstate(reinstate::ReinstateArguments),
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
    #[arg(long = "type", value_name = "TYPE", value_parser = UserTypes)]
    user_type: UserType,
}

impl Which {
    fn key(&self) -> AccountKey {
        AccountKey::new(self.user_type, self.user_id.clone())
    }
}

/// A user type in any of the ways in which it is written; help and completions tell one.
#[derive(Debug, Clone, Copy)]
struct UserTypes;

impl UserTypes {
    fn words() -> PossibleValuesParser {
        PossibleValuesParser::new(UserType::ALL.map(UserType::as_str))
    }
}

impl TypedValueParser for UserTypes {
    type Value = UserType;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<UserType, clap::Error> {
        match value.to_str().map(str::parse) {
            Some(Ok(user_type)) => Ok(user_type),
            // Refused in the words of every other list of words.
            _ => Self::words()
                .try_map(|word| word.parse::<UserType>())
                .parse_ref(command, argument, value),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let words = UserType::ALL.map(|kind| PossibleValue::new(kind.as_str()));
        Some(Box::new(words.into_iter()))
    }
}

pub async fn run(
    arguments: UserArguments,
    services: &Services,
    source: &Source,
) -> Result<(), CliError> {
    match arguments.command {
        UserCommand::Add(arguments) => add::run(arguments, services, source).await,
        UserCommand::List(arguments) => list::run(arguments, services).await,
        UserCommand::Find(arguments) => find::run(arguments, services).await,
        UserCommand::Show(arguments) => show::run(arguments, services).await,
        UserCommand::SetPassword(arguments) => set_password::run(arguments, services, source).await,
        UserCommand::ResetTotp(arguments) => reset_totp::run(arguments, services, source).await,
        UserCommand::SetEmail(arguments) => set_email::run(arguments, services, source).await,
        UserCommand::SetRole(arguments) => set_role::run(arguments, services, source).await,
        UserCommand::Unlock(arguments) => unlock::run(arguments, services, source).await,
        UserCommand::EndLogins(arguments) => end_logins::run(arguments, services, source).await,
        UserCommand::Suspend(arguments) => suspend::run(arguments, services, source).await,
        UserCommand::Reinstate(arguments) => reinstate::run(arguments, services, source).await,
        UserCommand::Remove(arguments) => remove::run(arguments, services, source).await,
        UserCommand::Import(arguments) => import::run(arguments, services, source).await,
    }
}

/// Tells what was done, or that it was so already: a script that repeats its commands has then got what it wanted.
fn told(done: Result<(), AccountsError>, is: String, was: String) -> Result<(), CliError> {
    match done {
        Ok(()) => line(is),
        Err(AccountsError::NothingToDo(_)) => line(was),
        Err(error) => Err(error.into()),
    }
}

async fn known(services: &Services, key: &AccountKey) -> Result<Account, CliError> {
    let account = services.accounts.get(key).await?;
    account.ok_or_else(|| AccountsError::Unknown(key.clone()).into())
}
