//! Which account a command is about.

use std::ffi::OsStr;

use clap::{
    Arg, Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use crate::{
    cli::error::CliError,
    domain::{Account, AccountKey, UserId, UserType},
    service::{Services, accounts::AccountsError},
};

/// Which account.
#[derive(Debug, Args)]
pub struct Which {
    /// The account's User ID; capital and small letters are the same
    #[arg(value_parser = UserId::parse)]
    pub user_id: UserId,
    /// The account's user type
    #[arg(long = "type", value_name = "TYPE", value_parser = UserTypes)]
    pub user_type: UserType,
}

impl Which {
    pub fn key(&self) -> AccountKey {
        AccountKey::new(self.user_type, self.user_id.clone())
    }
}

/// A user type in any of the ways in which it is written; help and completions tell one.
#[derive(Debug, Clone, Copy)]
pub struct UserTypes;

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

/// The account of `key`, which must be there.
pub async fn known(services: &Services, key: &AccountKey) -> Result<Account, CliError> {
    let account = services.accounts.get(key).await?;
    account.ok_or_else(|| AccountsError::Unknown(key.clone()).into())
}
