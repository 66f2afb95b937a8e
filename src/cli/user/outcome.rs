//! The outcome of a change to an account, told on standard output.

use crate::{
    cli::{error::CliError, output::line},
    service::accounts::AccountsError,
};

/// Tells what was done, or that it was so already: a script that repeats its commands has then got what it wanted.
pub fn told(done: Result<(), AccountsError>, is: String, was: String) -> Result<(), CliError> {
    match done {
        Ok(()) => line(is),
        Err(AccountsError::NothingToDo(_)) => line(was),
        Err(error) => Err(error.into()),
    }
}
