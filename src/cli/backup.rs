//! `lpse-kiosk backup`: everything in the store in one encrypted file.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::json;

use super::{backup_key::BackupKeyArguments, error::CliError, moment, outcome::Form, progress};
use crate::{
    adapter::{
        backup_file::{BackupFile, BackupFileError},
        backup_key_file,
        random::SystemRandom,
    },
    config::Config,
    domain::{Source, audit::Act},
    service::{
        Services,
        backup::{MakeError, Wanted},
    },
};

/// Write everything in the store into one encrypted file, while the kiosk runs or without it
///
/// The file holds the store as of one moment: accounts, tickets, letters on their way, settings. It is there whole or not
/// at all. It does not hold the master key, without which no activation can be read: keep a copy of the master key file
/// as well, apart from the backups, or put it in with --with-master-key. It does not hold the audit log, which is a file
/// by itself. Without --key-file and --passphrase-file a passphrase is asked for, twice.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk backup /mnt/backup/lpse-2026-11-25\n  \
        lpse-kiosk backup --new-key-file /root/backup.key /mnt/backup/first\n  \
        lpse-kiosk backup --key-file /root/backup.key --force /mnt/backup/latest"
)]
pub struct BackupArguments {
    /// The file to be written
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    key: BackupKeyArguments,
    /// Make a key in this new file, and use it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["key_file", "passphrase_file"])]
    new_key_file: Option<PathBuf>,
    /// Put the master key into the backup: whoever can open it can then compute everybody's codes
    #[arg(long)]
    with_master_key: bool,
    /// Replace the file if it exists, when the new one is whole
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    form: Form,
}

pub async fn run(
    arguments: BackupArguments,
    services: &Services,
    source: &Source,
    config: &Config,
) -> Result<(), CliError> {
    let shown = arguments.file.display().to_string();
    let file = BackupFile::begin(
        &arguments.file,
        arguments.force,
        config.free_space_floor_mib,
    )?;
    let key = match &arguments.new_key_file {
        Some(path) => backup_key_file::create(path, &SystemRandom)?,
        None => arguments.key.for_new()?,
    };
    let master_keys = services.backup.master_keys()?;
    let wanted = Wanted {
        key: &key,
        master_keys: arguments.with_master_key.then_some(&master_keys),
        name: &shown,
        from: source,
    };
    let progress = progress::count("Backing up", "{msg} {spinner} {pos} records  {rate}");
    let made = services
        .backup
        .make(
            wanted,
            file,
            |records| progress.inc(records),
            BackupFile::keep,
        )
        .await;
    progress.finish_and_clear();
    let made = made.map_err(|error| match error {
        MakeError::Service(error) => CliError::Service(error),
        error => CliError::Refused(format!(
            "the backup was not made, and nothing is left of it: {error}"
        )),
    })?;
    let as_of = moment::shown(made.as_of, config.zone);
    let of_key = match arguments.with_master_key {
        true => {
            "The master key is in it: whoever can open it can compute everybody's codes.".to_owned()
        }
        false => format!(
            "The master key {} is not in it: keep a copy of the master key file too, apart from the backup.",
            master_keys.sealing().id()
        ),
    };
    let told = format!(
        "{shown} holds {} records, everything as of {as_of}.\n{of_key}\n\
         The audit log is not in it: it is a file by itself.",
        made.records
    );
    let about = json!({
        "file": shown,
        "records": made.records,
        "as_of": made.as_of.to_string(),
        "with_master_key": arguments.with_master_key,
    });
    arguments.form.tell(Act::Backup, true, about, told)
}

impl From<BackupFileError> for CliError {
    fn from(error: BackupFileError) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<MakeError> for CliError {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Service(error) => Self::Service(error),
            error => Self::Refused(error.to_string()),
        }
    }
}
