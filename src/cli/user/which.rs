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
    user_id: UserId,
    /// The account's user type; needed only where accounts of both types have that User ID
    #[arg(long = "type", value_name = "TYPE", value_parser = UserTypes)]
    user_type: Option<UserType>,
}

impl Which {
    /// The one account that is meant.
    ///
    /// # Errors
    /// There is none of a type that was not named, or one of each: nothing is guessed where one of them cannot be read.
    pub async fn key(&self, services: &Services) -> Result<AccountKey, CliError> {
        let id = &self.user_id;
        let of_type = |user_type| AccountKey::new(user_type, id.clone());
        if let Some(user_type) = self.user_type {
            return Ok(of_type(user_type));
        }
        let mut there = Vec::new();
        for key in UserType::ALL.map(of_type) {
            if services.accounts.get(&key).await?.is_some() {
                there.push(key);
            }
        }
        match <[AccountKey; 1]>::try_from(there) {
            Ok([key]) => Ok(key),
            Err(none) if none.is_empty() => Err(CliError::NotThere(format!(
                "there is no account {id}; `user list` shows which there are"
            ))),
            Err(several) => {
                let types = several
                    .iter()
                    .map(|key| format!("--type {}", key.user_type));
                let types = types.collect::<Vec<_>>().join(" or ");
                Err(CliError::Usage(format!(
                    "{id} is the User ID of more than one account: say {types}"
                )))
            }
        }
    }

    /// The one account that is meant, which must be there.
    pub async fn account(&self, services: &Services) -> Result<Account, CliError> {
        let key = self.key(services).await?;
        let account = services.accounts.get(&key).await?;
        account.ok_or_else(|| AccountsError::Unknown(key).into())
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
