//! The key of a backup, as commands are told it: a key file, a passphrase file, or a passphrase that is asked for.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::{Args, ValueHint};

use super::{error::CliError, password};
use crate::{
    adapter::backup_key_file::{self, BackupKeyError},
    store::backup::{BackupKey, Passphrase, Wants},
};

#[derive(Debug, Args)]
pub struct BackupKeyArguments {
    /// Take the passphrase from the first line of this file, which is its owner's alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "key_file")]
    passphrase_file: Option<PathBuf>,
    /// Use the key in this file, which is its owner's alone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key_file: Option<PathBuf>,
}

impl BackupKeyArguments {
    /// The key to a new backup; a passphrase is asked for twice.
    pub fn for_new(&self) -> Result<BackupKey, CliError> {
        match self.in_files(true)? {
            Some(key) => Ok(key),
            None => {
                let typed = asked(&["Passphrase of the backup: ", "Passphrase again: "])?;
                Passphrase::chosen(&typed)
                    .map(BackupKey::Passphrase)
                    .map_err(|error| CliError::Refused(error.to_string()))
            }
        }
    }

    /// The key to a backup that wants `wanted`.
    pub fn for_existing(&self, wanted: &Wants) -> Result<BackupKey, CliError> {
        if let Some(key) = self.in_files(false)? {
            return Ok(key);
        }
        if let Wants::File(id) = wanted {
            return Err(CliError::Usage(format!(
                "the backup is encrypted to the key file {id}; name it with --key-file"
            )));
        }
        let typed = asked(&["Passphrase of the backup: "])?;
        Passphrase::typed(&typed)
            .map(BackupKey::Passphrase)
            .map_err(|error| CliError::Refused(error.to_string()))
    }

    fn in_files(&self, is_new: bool) -> Result<Option<BackupKey>, CliError> {
        Ok(match (&self.key_file, &self.passphrase_file) {
            (Some(file), _) => Some(backup_key_file::read(file)?),
            (None, Some(file)) => Some(backup_key_file::passphrase(file, is_new)?),
            (None, None) => None,
        })
    }
}

fn asked(prompts: &[&str]) -> Result<zeroize::Zeroizing<String>, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage(
            "there is no terminal to ask for a passphrase; give --passphrase-file or --key-file"
                .into(),
        ));
    }
    password::asked(prompts)?.map_err(|why| CliError::Refused(format!("no passphrase: {why}")))
}

impl From<BackupKeyError> for CliError {
    fn from(error: BackupKeyError) -> Self {
        Self::Refused(error.to_string())
    }
}
