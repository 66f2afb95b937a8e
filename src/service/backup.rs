//! Backups: everything in the store in one encrypted file, while people work; and back into an empty store.
//!
//! The master key is not in a backup unless it is asked for, and the audit log never is: it is a file by itself, and ships
//! like any log. What was done after a backup was made is undone by its restore, but for what a restore must not revive,
//! see [`crate::store::backup`].

use std::{
    collections::HashMap,
    io::{BufRead, Write},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{Foundation, ServiceError};
use crate::{
    domain::{
        AccountKey, Source, TimeStep,
        audit::{Act, AuditEvent, AuditOutcome, OutcomeWord},
        recorded::elapsed,
        totp::AcceptedStep,
    },
    ports::{Audit, AuditError, AuditTrail, Clock, Random},
    store::{
        Store, StoreError,
        backup::{self, BackupError, BackupKey, Target},
        settings::Settings,
    },
    vault::{Keyring, Vault},
};

/// The service that makes backups.
#[derive(Debug, Clone)]
pub struct Backup {
    foundation: Arc<Foundation>,
}

/// A backup that is to be made.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub key: &'a BackupKey,
    /// To be put into it, if they are.
    pub master_keys: Option<&'a Keyring>,
    /// How the log calls it.
    pub name: &'a str,
    pub from: &'a Source,
}

/// What a backup came to.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    pub as_of: Timestamp,
    pub records: u64,
}

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Backup(BackupError),
    #[error("{0}")]
    Kept(String),
}

impl From<AuditError> for MakeError {
    fn from(error: AuditError) -> Self {
        Self::Service(error.into())
    }
}

impl From<BackupError> for MakeError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => Self::Service(error.into()),
            error => Self::Backup(error),
        }
    }
}

impl Backup {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// The master keys as they are kept: those that a restore will need.
    pub fn master_keys(&self) -> Result<Keyring, MakeError> {
        let vault = &self.foundation.vault;
        let kept = vault.file().map(|file| file.read());
        let kept = kept.unwrap_or_else(|| Ok((*vault.keys()).clone()));
        kept.map_err(|error| MakeError::Kept(error.to_string()))
    }

    /// Writes everything, as of one moment, to `to`, and keeps it by `keep`; the store then knows when. `progress` hears of
    /// records.
    pub async fn make<W: Write, E: std::fmt::Display>(
        &self,
        wanted: Wanted<'_>,
        to: W,
        progress: impl FnMut(u64),
        keep: impl FnOnce(W) -> Result<(), E>,
    ) -> Result<Made, MakeError> {
        let deps = &self.foundation;
        let Wanted {
            key,
            master_keys,
            name,
            from,
        } = wanted;
        let record = async |outcome, said: &str| {
            let event = AuditEvent::new(Act::Backup, outcome, from).saying(said);
            deps.audit.record(vec![event]).await
        };
        let with = match master_keys {
            Some(_) => format!("{name}, with the master key"),
            None => name.to_owned(),
        };
        record(AuditOutcome::Intended, &with).await?;
        let made = backup::make(
            &*deps.store,
            to,
            key,
            master_keys,
            &*deps.clock,
            &*deps.random,
            progress,
        );
        let made = match made.await {
            Ok(made) => {
                let (as_of, records) = (made.as_of, made.records);
                let kept = keep(made.to).map_err(|error| MakeError::Kept(error.to_string()));
                kept.map(|()| Made { as_of, records })
            }
            Err(error) => Err(error.into()),
        };
        match &made {
            Ok(made) => {
                let settings = Settings::new(deps.store.clone());
                // The backup is there all the same, and a full disk is a reason to make one.
                if let Err(error) = settings.set_last_backup(made.as_of).await {
                    tracing::warn!(%error, "the store does not know of the backup that was made");
                }
                record(AuditOutcome::Done, &with).await?;
            }
            Err(error) => record(AuditOutcome::Failed(error.to_string()), &with).await?,
        }
        made
    }
}

/// A backup that is to be brought back.
#[derive(Debug)]
pub struct ToRestore<'a> {
    pub key: &'a BackupKey,
    /// Seals the key of the store that it is brought to.
    pub vault: &'a Vault,
    /// The moment as of which it holds everything, as a survey of it has told.
    pub as_of: Timestamp,
    /// How the log calls it.
    pub name: &'a str,
    pub from: &'a Source,
}

/// An empty machine, to which a backup is brought back.
#[derive(Debug)]
pub struct Restoring {
    pub store: Arc<dyn Store>,
    pub audit: Arc<dyn Audit>,
    /// The log of this machine, which may know what was done after the backup.
    pub audit_trail: Arc<dyn AuditTrail>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// Why a backup was not brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(
        "the store holds records already, and a restore wants an empty one; nothing was changed: name another folder with --data, or move this one away"
    )]
    InUse,
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(
        "{0}; the restore is not finished, and nothing works on this store before it is: run it again"
    )]
    Unfinished(BackupError),
}

impl From<StoreError> for RestoreError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl From<AuditError> for RestoreError {
    fn from(error: AuditError) -> Self {
        Self::Service(error.into())
    }
}

impl Restoring {
    /// What the store is for a restore.
    pub async fn target(&self) -> Result<Target, RestoreError> {
        Ok(backup::target(&*self.store).await?)
    }

    /// Brings a backup back. Returns how many records the store has then.
    pub async fn restore(
        &self,
        backup: impl BufRead,
        what: ToRestore<'_>,
        progress: impl FnMut(u64),
    ) -> Result<u64, RestoreError> {
        let ToRestore {
            key,
            vault,
            as_of,
            name,
            from,
        } = what;
        if self.target().await? == Target::InUse {
            return Err(RestoreError::InUse);
        }
        let said = format!("{name}, as of {as_of}");
        let record = async |outcome| {
            let event = AuditEvent::new(Act::Restore, outcome, from).saying(&said);
            self.audit.record(vec![event]).await
        };
        record(AuditOutcome::Intended).await?;
        let now = self.clock.now();
        let ahead = self.spent_ahead(now).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "logins by two codes are not looked for in the audit log");
            HashMap::new()
        });
        let since = backup::Since { as_of, now, ahead };
        let into = backup::Destination {
            store: &self.store,
            vault,
            random: &*self.random,
        };
        let restored = backup::restore(into, backup, key, &since, progress).await;
        match restored {
            Ok(records) => {
                record(AuditOutcome::Done).await?;
                Ok(records)
            }
            Err(error) => {
                record(AuditOutcome::Failed(error.to_string())).await?;
                Err(RestoreError::Unfinished(error))
            }
        }
    }

    /// The steps of logins by two codes that the audit log has of the last hours: of a phone that is ahead, a code may be one
    /// that its clock has not come to, and the backup may be older.
    async fn spent_ahead(
        &self,
        now: Timestamp,
    ) -> Result<HashMap<AccountKey, Vec<TimeStep>>, AuditError> {
        const AT_ONCE: usize = 1_000;
        /// Twice as long as any phone may be ahead.
        const LATELY: Duration = Duration::from_secs(2 * 60 * 60);
        let mut ahead: HashMap<AccountKey, Vec<TimeStep>> = HashMap::new();
        let mut before = None;
        loop {
            let records = self.audit_trail.newest(before, AT_ONCE).await?;
            before = records.last().map(|record| record.seq);
            if records
                .iter()
                .all(|record| elapsed(record.at, now) > LATELY)
            {
                return Ok(ahead);
            }
            for record in records {
                let is_pair = record.act == Act::CheckTwoCodes.as_str();
                let is_done = record.outcome == OutcomeWord::Done;
                let detail = record.detail.as_deref().unwrap_or_default();
                if let Some(account) = record.account.filter(|_| is_pair && is_done)
                    && let Some(steps) = AcceptedStep::pair_in(detail)
                {
                    ahead.entry(account).or_default().extend(steps);
                }
            }
        }
    }
}
