//! The foundation: the parts that every service stands on, and what all of them do with these.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{ServiceError, ended_logins::EndedLogins, hashing::HashPool};
use crate::{
    domain::{Secret, password::HashCost, provisioning::Issuer},
    ports::{Audit, AuditTrail, Clock, Random},
    store::{self, Commit, Outcome, Store, StoreError, settings::SealRead},
    vault::{Vault, VaultError},
};

/// The parts that every service stands on.
#[derive(Debug)]
pub struct Foundation {
    pub store: Arc<dyn Store>,
    pub vault: Vault,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub audit: Arc<dyn Audit>,
    /// Where the audit log can be read back; the holder of the store does.
    pub audit_trail: Option<Arc<dyn AuditTrail>>,
    pub hashing: HashPool,
    pub hash_cost: HashCost,
    pub issuer: Issuer,
    pub letters: Letters,
    pub ended_logins: EndedLogins,
    /// This machine's name among those that share the store.
    pub node: String,
}

/// Whether and how letters are written.
#[derive(Debug, Clone)]
pub struct Letters {
    /// Letters are written at all: there is a mail server, or training's inbox.
    pub written: bool,
    /// How long a reset's link and code hold.
    pub link_holds: Duration,
    /// Letters about requests that this node writes in an hour at most.
    pub an_hour: u32,
    /// Notified whenever a letter was put into the outbox, for whoever delivers.
    pub wake: Arc<Notify>,
}

impl Letters {
    /// After this long nobody wants to be told any more.
    pub(super) const NOTICE_IS_GOOD_FOR: Duration = Duration::from_secs(3 * 24 * 60 * 60);

    /// No letters: nobody would deliver them.
    pub fn none() -> Self {
        Self {
            written: false,
            link_holds: Duration::from_secs(30 * 60),
            an_hour: 0,
            wake: Arc::default(),
        }
    }
}

impl Foundation {
    pub(super) fn accounts(&self) -> store::accounts::Accounts {
        store::accounts::Accounts::new(self.store.clone())
    }

    pub(super) fn index(&self) -> store::find::Index {
        store::find::Index::new(self.store.clone())
    }

    pub(super) fn settings(&self) -> store::settings::Settings {
        store::settings::Settings::new(self.store.clone())
    }

    pub(super) fn throttles(&self) -> store::throttles::Throttles {
        store::throttles::Throttles::new(self.store.clone())
    }

    pub(super) fn tickets(&self) -> store::tickets::Tickets {
        store::tickets::Tickets::new(self.store.clone())
    }

    pub(super) fn reset_limits(&self) -> store::reset_limits::ResetLimits {
        store::reset_limits::ResetLimits::new(self.store.clone())
    }

    pub(super) fn outbox(&self) -> store::outbox::Outbox {
        store::outbox::Outbox::new(self.store.clone())
    }

    /// Commits, and wakes whoever delivers when that has put a letter into the outbox.
    pub(super) async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let is_letter = store::outbox::is_fed_by(&commit);
        let outcome = self.store.commit(commit).await?;
        if is_letter && outcome == Outcome::Applied {
            self.letters.wake.notify_one();
        }
        Ok(outcome)
    }

    pub(super) fn stranded_accounts(&self) -> store::stranded::StrandedAccounts {
        store::stranded::StrandedAccounts::new(self.store.clone())
    }

    pub(super) fn desk_acts(&self) -> store::desk_acts::DeskActs {
        store::desk_acts::DeskActs::new(self.store.clone())
    }

    pub(super) fn totp_numbers(&self) -> store::totp_counts::TotpNumbers {
        store::totp_counts::TotpNumbers::new(self.store.clone())
    }

    pub(super) fn visits(&self) -> store::visits::Visits {
        store::visits::Visits::new(self.store.clone())
    }

    /// How to seal what goes into the store: to be asked before something is sealed, never after.
    pub(super) async fn sealing(&self) -> Result<Sealing, ServiceError> {
        let check = self.settings().seal_check().await?;
        let vault = match &check.sealed {
            // The store's key, whichever this process was started with: another machine may have rotated.
            Some(sealed) => self
                .vault
                .sealing_under(&sealed.key_id)
                .map_err(|error| unopened("the store's seal check", &error))?,
            None => self.vault.clone(),
        };
        Ok(Sealing { check, vault })
    }

    pub(super) fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    pub(super) fn new_secret(&self) -> Secret {
        Secret::from_bytes(self.random_bytes())
    }
}

/// The store's key, and what must still hold when something sealed with it is stored.
#[derive(Debug)]
pub(super) struct Sealing {
    check: SealRead,
    pub(super) vault: Vault,
}

impl Sealing {
    /// `commit`, on condition that this key still is the store's.
    pub(super) fn still_seals(&self, commit: Commit) -> Commit {
        self.check.still_seals(commit)
    }
}

/// What a service answers where something sealed does not open, in words for the log.
pub(super) fn unopened(what: impl fmt::Display, error: &VaultError) -> ServiceError {
    let advice = match error {
        VaultError::UnknownKey(_) => {
            "; where `key rotate` ran on another machine, bring its master key file here: it is read again by itself, \
             or at the next start where it comes by LoadCredential="
        }
        VaultError::NotAuthentic => "",
    };
    ServiceError::Unavailable(format!("{what} cannot be opened: {error}{advice}"))
}
