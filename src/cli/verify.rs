//! `lpse-kiosk verify`: whether a backup is whole, and what is in it.

use std::{
    fs::File,
    io::{BufReader, Seek},
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use serde_json::json;

use super::{backup_key::BackupKeyArguments, error::CliError, moment, output::Lines, progress};
use crate::{
    adapter::file_owner::as_oneself,
    config::{Config, Flags},
    domain::calendar::Zone,
    store::backup::{self, BackupError, BackupKey, Survey},
};

/// Read a backup to its end: whether it is whole and opens, and what is in it
///
/// Nothing of this machine is needed for it but the passphrase or the key file, and nothing is written.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk verify /mnt/backup/lpse-2026-11-25\n  \
        lpse-kiosk verify --key-file /root/backup.key --json /mnt/backup/latest"
)]
pub struct VerifyArguments {
    /// The backup
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    key: BackupKeyArguments,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &VerifyArguments, flags: &Flags) -> Result<(), CliError> {
    let read = Read::open(&arguments.file, &arguments.key, "Verifying")?;
    let survey = &read.survey;
    let mut lines = Lines::new();
    if arguments.json {
        let sealed: Vec<_> = survey
            .sealed
            .iter()
            .map(|(id, count)| json!({ "id": id, "sealed": count }))
            .collect();
        let with: Vec<_> = survey.master_keys.iter().map(|key| key.id()).collect();
        lines.line(json!({
            "program": survey.about.program,
            "as_of": survey.about.as_of.to_string(),
            "records": survey.records,
            "accounts": survey.accounts,
            "master_keys_wanted": sealed,
            "master_keys_within": with,
        }))?;
        return lines.flush();
    }
    // Settings that cannot be read are no reason not to look at a backup.
    let zone = Config::load(flags).map_or_else(|_| Zone::default(), |config| config.zone);
    lines.line(format!(
        "The backup is whole: {} records, {} of them accounts, everything as of {}; made by lpse-kiosk {}.",
        survey.records,
        survey.accounts,
        moment::shown(survey.about.as_of, zone),
        survey.about.program
    ))?;
    for (id, count) in &survey.sealed {
        let within = survey.master_keys.iter().any(|key| key.id() == *id);
        let where_it_is = if within { "is in it" } else { "is not in it" };
        lines.line(format!(
            "{count} secrets are sealed under the master key {id}, which {where_it_is}."
        ))?;
    }
    lines.flush()
}

/// A backup that was read to its end.
pub struct Read {
    file: File,
    pub key: BackupKey,
    pub survey: Survey,
}

impl Read {
    /// Opens the backup at `path` and reads it to its end.
    pub fn open(
        path: &Path,
        key: &BackupKeyArguments,
        what: &'static str,
    ) -> Result<Self, CliError> {
        let told = |error: BackupError| refused(path, &error);
        let mut file = as_oneself(|| File::open(path)).map_err(|error| told(error.into()))?;
        let wanted = backup::wants(&mut file).map_err(told)?;
        let key = key.for_existing(&wanted)?;
        file.rewind().map_err(|error| told(error.into()))?;
        let progress = bar(what, &file);
        let survey = backup::survey(BufReader::new(&file), &key, |bytes| {
            progress.set_position(bytes);
        });
        progress.finish_and_clear();
        let survey = survey.map_err(told)?;
        Ok(Self { file, key, survey })
    }

    /// The same file again, from its beginning.
    pub fn again(&mut self) -> Result<BufReader<&File>, CliError> {
        self.file.rewind()?;
        Ok(BufReader::new(&self.file))
    }

    /// Shows how much of the file was worked off.
    pub fn bar(&self, what: &'static str) -> indicatif::ProgressBar {
        bar(what, &self.file)
    }
}

fn bar(what: &'static str, file: &File) -> indicatif::ProgressBar {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let template = "{msg:<10} {wide_bar} {percent:>3} %  {bytes_per_sec}  {eta} left";
    progress::bar(what, length, template)
}

fn refused(path: &Path, error: &BackupError) -> CliError {
    CliError::Refused(format!("the backup {}: {error}", path.display()))
}
