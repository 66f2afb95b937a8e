//! What an acting command has done, told on standard output: in a sentence for people, or as one object for programs.

use std::fmt::Display;

use clap::Args;
use serde_json::{Value, json};

use super::{error::CliError, output::line};
use crate::{
    adapter::clock::SystemClock,
    domain::{AccountKey, audit::Act},
    ports::Clock,
    service::accounts::AccountsError,
};

/// The form in which it is told.
#[derive(Debug, Clone, Copy, Args)]
pub struct Form {
    /// Print JSON, on one line: what was done (act, changed), to whom or what, and when (at, in UTC)
    #[arg(long)]
    json: bool,
}

impl Form {
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Tells what came of `act` on an account: that it was done, or that it was so already. A script that repeats its
    /// commands has then got what it wanted.
    pub fn told(
        self,
        act: Act,
        account: &AccountKey,
        done: Result<(), AccountsError>,
        (is, was): (String, String),
    ) -> Result<(), CliError> {
        let changed = match done {
            Ok(()) => true,
            Err(AccountsError::NothingToDo(_)) => false,
            Err(error) => return Err(error.into()),
        };
        let about = json!({
            "type": account.user_type.as_str(),
            "user_id": account.user_id.as_str(),
        });
        self.tell(act, changed, about, if changed { is } else { was })
    }

    /// Tells that `act` was done, and whether it has `changed` anything: in a `sentence`, or with what it is `about`.
    pub fn tell(
        self,
        act: Act,
        changed: bool,
        about: Value,
        sentence: impl Display,
    ) -> Result<(), CliError> {
        if !self.json {
            return line(sentence);
        }
        let now = SystemClock::start().now();
        let mut told = json!({ "act": act.as_str(), "changed": changed, "at": now.to_string() });
        if let (Value::Object(told), Value::Object(about)) = (&mut told, about) {
            told.extend(about);
        }
        line(told)
    }
}
