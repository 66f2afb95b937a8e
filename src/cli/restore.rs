//! `lpse-kiosk restore`: a backup back into an empty store.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueHint};
use serde_json::json;

use super::{
    backup_key::BackupKeyArguments, error::CliError, moment, outcome::Form, runtime::block_on,
    verify::Read,
};
use crate::{
    adapter::{
        clock::SystemClock,
        file_owner,
        master_key_file::{self, MasterKeyError},
        operator,
    },
    assembly,
    config::{Config, Flags},
    daemon::log,
    domain::{Source, audit::Act},
    service::backup::{RestoreError, ToRestore},
    store::backup::{Survey, Target},
    vault::{Keyring, Vault},
};

/// Bring a backup back, into an empty store
///
/// First the backup is read to its end: one that is damaged, or that no master key at hand fits, changes nothing. A store
/// that holds records already is refused. A restore that was broken off is begun anew when this is run again; before that,
/// nothing works on the store. Everything is as it was at the backup's moment, with what was done after it undone, but
/// nothing that was or could have been used up since counts again: people wait for their next code, ask for a new link, and
/// make new recovery codes. The engine may be another one than the backup's.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk restore /mnt/backup/lpse-2026-11-25\n  \
        lpse-kiosk --data /var/lib/lpse-kiosk --store redb restore --key-file /root/backup.key /mnt/backup/latest"
)]
pub struct RestoreArguments {
    /// The backup
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    #[command(flatten)]
    key: BackupKeyArguments,
    #[command(flatten)]
    form: Form,
}

pub fn run(arguments: &RestoreArguments, flags: &Flags) -> Result<(), CliError> {
    let config = Config::load(flags)?;
    file_owner::act_as_owner_of(&config.data);
    log::warnings_to_standard_error();
    block_on(async {
        let mut read = Read::open(&arguments.file, &arguments.key, "Checking")?;
        let new_key_file = master_keys(&config, &read.survey)?;
        let clock = Arc::new(SystemClock::start());
        let opened = assembly::open_for_restore(&config, clock).await?;
        let done = restore(arguments, &config, &mut read, new_key_file, &opened).await;
        opened.close().await;
        done
    })
}

async fn restore(
    arguments: &RestoreArguments,
    config: &Config,
    read: &mut Read,
    new_key_file: Option<Keyring>,
    opened: &assembly::OpenedForRestore,
) -> Result<(), CliError> {
    let restoring = &opened.restoring;
    if restoring.target().await? == Target::InUse {
        return Err(RestoreError::InUse.into());
    }
    let mut told = Vec::new();
    let key_file = config.master_key_file.display().to_string();
    if let Some(keys) = new_key_file {
        master_key_file::create(&config.master_key_file, &keys).map_err(|error| {
            CliError::Refused(format!(
                "the master key file {key_file} cannot be written: {error}"
            ))
        })?;
        told.push(format!(
            "The master key {} of the backup is in {key_file} now.",
            keys.sealing().id()
        ));
    }
    let held = master_key_file::read(&config.master_key_file).map_err(|error| {
        CliError::Refused(format!(
            "the master key file {key_file} cannot be read: {error}"
        ))
    })?;
    let vault = Vault::of_keys(held);
    let progress = read.bar("Restoring");
    let name = arguments.file.display().to_string();
    let source = Source::Command(operator::of_this_process());
    let key = read.key.clone();
    let as_of = read.survey.about.as_of;
    let what = ToRestore {
        key: &key,
        vault: &vault,
        as_of,
        name: &name,
        from: &source,
    };
    let restored = restoring
        .restore(read.again()?, what, |bytes| progress.set_position(bytes))
        .await;
    progress.finish_and_clear();
    let records = restored?;
    told.push(format!(
        "{records} records are back, everything as of {}.",
        moment::shown(as_of, config.zone)
    ));
    told.push(
        "What was done after that moment is undone: new passwords and e-mail addresses, activations, resets, removed \
         accounts; the audit log tells what it was. No code that was shown until now is accepted any more, \
         recovery codes are void, and the links of resets and the one-time passwords that were open have expired."
            .to_owned(),
    );
    let about = json!({ "file": name, "records": records, "as_of": as_of.to_string() });
    let form = arguments.form;
    form.tell(Act::Restore, true, about, told.join("\n"))
}

/// Makes sure that the master keys that the backup needs are at hand. Those that it brings along are returned, where they
/// are to be written.
fn master_keys(config: &Config, survey: &Survey) -> Result<Option<Keyring>, CliError> {
    let file = config.master_key_file.display().to_string();
    let missing = |held: &Keyring| -> Vec<String> {
        let needed = survey.sealed.keys();
        needed.filter(|id| !held.holds(id)).cloned().collect()
    };
    match master_key_file::read(&config.master_key_file) {
        Ok(held) => match missing(&held).as_slice() {
            [] => Ok(None),
            ids => Err(CliError::Refused(format!(
                "the backup is sealed under the master key {}, which the master key file {file} does not hold; nothing \
                 was changed: put the key file that belongs to the backup there, or move this one away if the backup \
                 was made with --with-master-key",
                ids.join(" and ")
            ))),
        },
        Err(MasterKeyError::Missing(_)) => {
            let mut keys = survey.master_keys.iter().cloned();
            let within = keys.next().map(|first| Keyring::new(first, keys.collect()));
            match within {
                Some(within) if missing(&within).is_empty() => Ok(Some(within)),
                _ => {
                    let ids: Vec<&str> = survey.sealed.keys().map(String::as_str).collect();
                    Err(CliError::Refused(format!(
                        "the master key file {file} is missing, and the master key is not in the backup; nothing was \
                         changed: put the key file with {} there first",
                        ids.join(" and ")
                    )))
                }
            }
        }
        Err(error) => Err(CliError::Refused(error.to_string())),
    }
}

impl From<RestoreError> for CliError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Service(error) => Self::Service(error),
            error => Self::Refused(error.to_string()),
        }
    }
}
