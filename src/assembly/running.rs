//! Running services over a store that this process holds.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{
    AssemblyError,
    audit_log::open_audit_log,
    data_folder::make_private,
    foundation::foundation,
    keys_held,
    mail::{courier, renewed_mail_server},
    master_key::{KeySource, open_vault, take_up_keys},
    opening::open_renewed_store,
    renewals::Renewals,
    trace::{emptied, missing, vanished},
};
use crate::{
    adapter::{
        audit_log,
        clock::SystemClock,
        counting_audit::{AuditCounts, CountingAudit},
        random::SystemRandom,
    },
    config::Config,
    domain::durations::SharedDurations,
    mail::{
        courier::{Courier, Post},
        inbox::Inbox,
    },
    ports::Audit,
    service::{EndedLogins, Foundation, Services, hashing, store_check},
    store::{
        self, Store, StoreError,
        away::Away,
        backup,
        copy::{self, Standing},
        health::{Ended, Health, Liveness},
        outbox::Outbox,
        settings::Settings,
        tagged::Tagged,
    },
    vault::MasterKey,
};

/// Running services, and the store below them.
#[derive(Debug)]
pub struct Opened {
    pub services: Arc<Services>,
    /// What the services stand on.
    pub foundation: Arc<Foundation>,
    /// Delivers the letters, where letters are written. It runs only in a process that stays.
    pub courier: Option<Courier>,
    pub liveness: tokio::sync::watch::Receiver<Liveness>,
    /// Other machines may share the store.
    pub is_shared: bool,
    /// Why the store does not serve here, though it is open.
    pub away: tokio::sync::watch::Receiver<Option<Away>>,
    pub vitals: Vitals,
    pub renewals: Renewals,
    /// Hears of each record of the audit log; `None` in training, whose log nobody will ask for.
    pub audit_written: Option<audit_log::Written>,
    /// Records what is found altered, until the store is dropped.
    finds: JoinHandle<()>,
    ended: Ended,
}

/// What the parts tell about themselves, at no cost while nobody asks. It keeps no store open.
#[derive(Debug, Clone)]
pub struct Vitals {
    pub store: Health,
    pub hashing: Arc<hashing::Load>,
    /// Everything that was recorded in the audit log.
    pub acts: Arc<AuditCounts>,
    /// Whether the audit log takes records.
    pub audit: audit_log::Health,
    /// How long conversations with the mail server took.
    pub conversations: Arc<SharedDurations>,
}

impl Opened {
    /// Closes the store in order and returns when its folder is free. Every other handle must be dropped before.
    pub async fn close(self) {
        let Self {
            services,
            foundation,
            courier,
            finds,
            ended,
            ..
        } = self;
        drop((services, foundation, courier));
        // It is over, however it ended.
        let _ = finds.await;
        ended.wait().await;
    }
}

/// Opens the store, the master key and the audit log, and starts the services over them. In training, letters go into
/// `inbox`.
pub async fn open(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
    inbox: Option<Arc<Inbox>>,
) -> Result<Opened, AssemblyError> {
    make_private(&config.data)?;
    let opened = open_renewed_store(config, missing(config, key, inbox.is_some())).await?;
    let (opened, mut renewals) = opened;
    let store::Opened {
        store,
        liveness,
        away,
        health,
        ended,
        node,
        is_shared,
    } = opened;
    // What is looked at from here on has to stay so.
    store.hold_to_standing();
    check_standing(config, &store, &node).await?;
    let vault = open_vault(
        config.master_key_is_credential,
        &Settings::new(store.clone()),
        key,
    )
    .await?;
    let looked = vault.clone();
    renewals.add_look(move || take_up_keys(&looked));
    let told = vault.clone();
    store.say_keys(Arc::new(move || {
        told.keys().iter().map(MasterKey::id).collect()
    }));
    let (audit, written) = open_audit_log(config, store.clone(), &node, clock.clone()).await?;
    let audit_health = audit.health();
    let audit = CountingAudit::new(Arc::new(audit));
    let acts = audit.counts();
    let audit: Arc<dyn Audit> = Arc::new(audit);
    // From here on nobody sees a record that is not as it was written.
    let (tagged, finds) = Tagged::open(store, &vault, &SystemRandom).await?;
    let store: Arc<dyn Store> = Arc::new(tagged);
    let finds = tokio::spawn(store_check::record(finds, audit.clone()));
    let audit_written = inbox.is_none().then_some(written);
    let post = match &inbox {
        Some(inbox) => Some(Post::Training(inbox.clone())),
        None => renewed_mail_server(&config.mail)?.map(|server| {
            renewals.add(&server);
            Post::Server(server)
        }),
    };
    let foundation = foundation(
        config,
        store,
        vault,
        clock,
        audit,
        EndedLogins::default(),
        post.is_some(),
    );
    if is_shared {
        let (store, vault) = (Arc::downgrade(&foundation.store), foundation.vault.clone());
        tokio::spawn(keys_held::keep_looking(store, vault, health.clone()));
    }
    let vitals = Vitals {
        store: health,
        hashing: foundation.hashing.load(),
        acts,
        audit: audit_health,
        conversations: Arc::default(),
    };
    let mut services = Services::new(&foundation);
    services.inbox = inbox;
    let outbox = Outbox::new(foundation.store.clone());
    tidy_up(&foundation, &services, &outbox, is_shared).await?;
    Ok(Opened {
        services: Arc::new(services),
        courier: post.map(|post| {
            let conversations = vitals.conversations.clone();
            courier(config, &foundation, outbox, post, is_shared, conversations)
        }),
        foundation,
        is_shared,
        liveness,
        away,
        vitals,
        renewals,
        audit_written,
        finds,
        ended,
    })
}

/// Refuses a store that is not in service: a restore or a copy into it was not finished, it was copied elsewhere, or it has
/// lost what it held.
async fn check_standing(
    config: &Config,
    store: &Arc<dyn Store>,
    node: &str,
) -> Result<(), AssemblyError> {
    if backup::is_unfinished(&**store).await? {
        return Err(AssemblyError::RestoreUnfinished(
            config.store_folder().display().to_string(),
        ));
    }
    match copy::standing(&**store).await? {
        Standing::InService => {}
        Standing::HalfCopied => return Err(AssemblyError::CopyUnfinished(config.store)),
        Standing::Moved => return Err(AssemblyError::Moved(config.store)),
    }
    if let Some(why) = emptied(&config.audit_file(), store, node).await? {
        return Err(vanished(config, why).into());
    }
    Ok(())
}

/// Clears away what an earlier process has left under way.
async fn tidy_up(
    foundation: &Foundation,
    services: &Services,
    outbox: &Outbox,
    is_shared: bool,
) -> Result<(), StoreError> {
    if !is_shared {
        // Nobody else is at work: what is under way was broken off. Where others may be, an import that was broken off
        // is cleared away by the next one.
        unless_altered(services.accounts.sweep_imports().await)?;
    }
    let (now, node) = (
        foundation.clock.now(),
        is_shared.then_some(&*foundation.node),
    );
    unless_altered(outbox.release_claims(now, node).await)
}

/// An altered record does not keep the others from being served; it was told of when it was found.
fn unless_altered(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(StoreError::Altered(_)) => Ok(()),
        done => done,
    }
}
