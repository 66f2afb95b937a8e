//! What people and operators want done, one file an intent: throttle, judge, store, record.
//!
//! Architecture invariant: whatever grants or changes something is decided on what was read and committed on
//! condition that it is still so, and answered only after that commit. Outward goes only what the person may know;
//! the true reason goes to the audit log.

mod account_act;
pub mod accounts;
pub mod authentication;
pub mod backup;
pub mod enrollment;
pub mod hashing;
pub mod keys;
pub mod nodes;
pub mod officer;
pub mod outbox;
pub mod own_password;
mod passcode_check;
pub mod policy;
pub mod recovery;
pub mod reset;
pub mod store_check;
pub mod store_copy;
pub mod visits;

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};

use crate::{
    domain::{
        Account, AccountKey, Secret, Source,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::{Letter, LetterKind},
        password::HashCost,
        provisioning::Issuer,
    },
    mail::inbox::Inbox,
    ports::{Audit, AuditError, AuditTrail, Clock, Random},
    store::{
        self, Change, Changes, Commit, Outcome, Store, StoreError, pulse::Away, settings::SealRead,
    },
    vault::{Vault, VaultError},
};
use hashing::{Busy, HashPool};

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

/// Tells the sessions over this store whose open logins have just ended, so that nobody is left looking at a home that
/// is no longer theirs. What a login may do is decided by the store, whether or not this is heard.
#[derive(Clone)]
pub struct EndedLogins {
    here: broadcast::Sender<EndedLogin>,
    elsewhere: Option<TellElsewhere>,
}

/// Whose open logins have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndedLogin {
    Of {
        account: AccountKey,
        /// The generation of the one login that goes on: that of whoever has ended the others.
        but: Option<u64>,
    },
    /// Everybody's, because nobody knows any more whose.
    All,
}

impl EndedLogin {
    /// Whether a login to `of`, of that generation, has ended by this.
    pub fn ends(&self, of: &AccountKey, generation: u64) -> bool {
        match self {
            Self::Of { account, but } => account == of && *but != Some(generation),
            Self::All => true,
        }
    }
}

/// How the sessions of another process are told.
type TellElsewhere = Arc<dyn Fn(&AccountKey) + Send + Sync>;

impl Default for EndedLogins {
    fn default() -> Self {
        Self {
            // A session that is as far behind as this has more to do than to look at an old home.
            here: broadcast::channel(64).0,
            elsewhere: None,
        }
    }
}

impl EndedLogins {
    /// For a process without sessions: those of another one are told by `tell`.
    pub fn elsewhere(tell: impl Fn(&AccountKey) + Send + Sync + 'static) -> Self {
        Self {
            elsewhere: Some(Arc::new(tell)),
            ..Self::default()
        }
    }

    fn tell_here(&self, account: &AccountKey, but: Option<u64>) {
        // Nobody listens where no session runs.
        let _ = self.here.send(EndedLogin::Of {
            account: account.clone(),
            but,
        });
    }

    /// Tells that everybody's open logins have ended.
    pub fn tell_everybody(&self) {
        let _ = self.here.send(EndedLogin::All);
    }

    /// Tells that the open logins of `account` have ended.
    pub fn tell(&self, account: &AccountKey) {
        self.tell_all_but(account, None);
    }

    /// Tells that the open logins of `account` have ended but the one of that generation, which is here.
    pub fn tell_others(&self, account: &AccountKey, generation: u64) {
        self.tell_all_but(account, Some(generation));
    }

    fn tell_all_but(&self, account: &AccountKey, but: Option<u64>) {
        self.tell_here(account, but);
        if let Some(tell) = &self.elsewhere {
            tell(account);
        }
    }
}

impl EndedLogins {
    /// Passes on what ends logins elsewhere, on the other machines that share the store.
    ///
    /// Whoever ends logins changes the account's generation, so a change of that is what is listened for; what was
    /// done here is heard again, and ends nothing anew.
    pub async fn hear(self, mut changes: Box<dyn Changes>) {
        loop {
            match changes.next().await {
                Change::Missed => {
                    tracing::warn!(
                        "the store was away for longer than its history; all open logins end"
                    );
                    self.tell_everybody();
                }
                change => {
                    if let Some((account, generation)) = store::accounts::ended_by(&change) {
                        self.tell_here(&account, generation);
                    }
                }
            }
        }
    }
}

impl fmt::Debug for EndedLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndedLogins")
    }
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
    /// Rung whenever a letter was put into the outbox, for whoever delivers.
    pub bell: Arc<Notify>,
}

impl Letters {
    /// After this long nobody wants to be told any more.
    const NOTICE_IS_GOOD_FOR: Duration = Duration::from_secs(3 * 24 * 60 * 60);

    /// No letters: nobody would deliver them.
    pub fn none() -> Self {
        Self {
            written: false,
            link_holds: Duration::from_secs(30 * 60),
            an_hour: 0,
            bell: Arc::default(),
        }
    }
}

impl Foundation {
    fn accounts(&self) -> store::accounts::Accounts {
        store::accounts::Accounts::new(self.store.clone())
    }

    fn index(&self) -> store::find::Index {
        store::find::Index::new(self.store.clone())
    }

    fn settings(&self) -> store::settings::Settings {
        store::settings::Settings::new(self.store.clone())
    }

    fn throttles(&self) -> store::throttles::Throttles {
        store::throttles::Throttles::new(self.store.clone())
    }

    fn tickets(&self) -> store::tickets::Tickets {
        store::tickets::Tickets::new(self.store.clone())
    }

    fn reset_limits(&self) -> store::reset_limits::ResetLimits {
        store::reset_limits::ResetLimits::new(self.store.clone())
    }

    fn outbox(&self) -> store::outbox::Outbox {
        store::outbox::Outbox::new(self.store.clone())
    }

    /// Commits, and wakes whoever delivers when that has put a letter into the outbox.
    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        let is_letter = store::outbox::is_fed_by(&commit);
        let outcome = self.store.commit(commit).await?;
        if is_letter && outcome == Outcome::Applied {
            self.letters.bell.notify_one();
        }
        Ok(outcome)
    }

    /// `commit` with a letter that tells the owner of `account` what is done by it.
    fn notice(
        &self,
        commit: Commit,
        account: &Account,
        kind: LetterKind,
        at: Timestamp,
        from: &Source,
    ) -> Commit {
        if !self.letters.written {
            return commit;
        }
        let good_until = at + Letters::NOTICE_IS_GOOD_FOR;
        let random = self.random_bytes();
        let letter = Letter::about(account, kind, at, from, good_until, random);
        store::outbox::enclose(commit, letter, None)
    }

    fn visits(&self) -> store::visits::Visits {
        store::visits::Visits::new(self.store.clone())
    }

    /// How to seal what goes into the store: to be asked before something is sealed, never after.
    async fn sealing(&self) -> Result<Sealing, ServiceError> {
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

    fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    fn new_secret(&self) -> Secret {
        Secret::from_bytes(self.random_bytes())
    }

    async fn record(
        &self,
        act: Act,
        account: &AccountKey,
        from: &Source,
        outcome: AuditOutcome,
    ) -> Result<(), ServiceError> {
        let event = AuditEvent::new(act, outcome, from).on(account);
        Ok(self.audit.record(vec![event]).await?)
    }

    /// Records that `act` was refused, for the true reason.
    async fn refused(
        &self,
        act: Act,
        account: &AccountKey,
        from: &Source,
        reason: &'static str,
    ) -> Result<(), ServiceError> {
        let outcome = AuditOutcome::Refused(reason.into());
        self.record(act, account, from, outcome).await
    }
}

/// The store's key, and what must still hold when something sealed with it is stored.
#[derive(Debug)]
struct Sealing {
    check: SealRead,
    vault: Vault,
}

impl Sealing {
    /// `commit`, on condition that this key still is the store's.
    fn still_seals(&self, commit: Commit) -> Commit {
        self.check.still_seals(commit)
    }
}

/// What a service answers where something sealed does not open, in words for the log.
fn unopened(what: impl fmt::Display, error: &VaultError) -> ServiceError {
    let advice = match error {
        VaultError::UnknownKey(_) => {
            "; where `key rotate` ran on another machine, bring its master key file here: it is read again by itself, \
             or at the next start where it comes by LoadCredential="
        }
        VaultError::NotAuthentic => "",
    };
    ServiceError::Unavailable(format!("{what} cannot be opened: {error}{advice}"))
}

/// All services over one foundation.
#[derive(Debug, Clone)]
pub struct Services {
    pub authentication: authentication::Authentication,
    pub enrollment: enrollment::Enrollment,
    pub recovery: recovery::Recovery,
    pub own_password: own_password::OwnPassword,
    pub accounts: accounts::Accounts,
    pub policy: policy::PolicySetting,
    pub reset: reset::Reset,
    pub officer: officer::Officer,
    pub outbox: outbox::Outbox,
    /// The letters of training mode, in training mode.
    pub inbox: Option<Arc<Inbox>>,
    pub visits: visits::Visits,
    pub keys: keys::Keys,
    pub nodes: nodes::Nodes,
    pub backup: backup::Backup,
    pub store_check: store_check::StoreCheck,
    ended_logins: EndedLogins,
}

impl Services {
    pub fn new(foundation: &Arc<Foundation>) -> Self {
        let authentication = authentication::Authentication::new(foundation.clone());
        Self {
            // Passwords are tried one after the other, whether at the login or at home.
            own_password: own_password::OwnPassword::new(
                foundation.clone(),
                authentication.clone(),
            ),
            authentication,
            enrollment: enrollment::Enrollment::new(foundation.clone()),
            recovery: recovery::Recovery::new(foundation.clone()),
            accounts: accounts::Accounts::new(foundation.clone()),
            policy: policy::PolicySetting::new(foundation.clone()),
            reset: reset::Reset::new(foundation.clone()),
            officer: officer::Officer::new(foundation.clone()),
            outbox: outbox::Outbox::new(foundation.clone()),
            inbox: None,
            visits: visits::Visits::new(foundation.clone()),
            keys: keys::Keys::new(foundation.clone()),
            nodes: nodes::Nodes::new(foundation.clone()),
            backup: backup::Backup::new(foundation.clone()),
            store_check: store_check::StoreCheck::new(foundation.clone()),
            ended_logins: foundation.ended_logins.clone(),
        }
    }

    /// Hears of accounts whose open logins end from now on.
    pub fn ended_logins(&self) -> broadcast::Receiver<EndedLogin> {
        self.ended_logins.here.subscribe()
    }
}

/// Why a service gave no answer. Nothing was granted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceError {
    /// The hashing queue is full.
    #[error("the program is too busy to check another password now; try again in a moment")]
    Busy,
    /// The store or the vault cannot answer; the reason is for operators.
    #[error("{0}")]
    Unavailable(String),
    /// The store has moved, or is being copied or restored; the reason is for operators.
    #[error("{0}")]
    Away(Away),
    /// The store went away in the middle of a write: what was asked for may have been done all the same.
    #[error("{0}")]
    Unknown(String),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(away) => Self::Away(away),
            StoreError::Unknown(_) => Self::Unknown(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<AuditError> for ServiceError {
    fn from(error: AuditError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<Busy> for ServiceError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// Why an act was not done, as far as the person may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Wrong (whatever was wrong about it), with the time until the next try is judged.
    Rejected { wait: Duration },
    /// Wrong, or not looked at, because many wrong ones came from the same place. Which of them, nobody is told: a right one
    /// is to be tried once more after the wait.
    Crowded { wait: Duration },
    /// Not judged, because it came too early.
    Wait(Duration),
    /// The authenticator is held until it is reset.
    Held,
    /// The login that asked is no longer valid.
    Ended,
    /// An officer has suspended the account.
    Suspended,
    /// The act wants a code that is not older than five minutes.
    FreshPasscodeWanted,
}
