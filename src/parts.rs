//! From a configuration to running services: the only place that names concrete parts.

pub mod cluster;
pub mod held;
mod keys_held;
pub mod store_copy;
pub mod waiting;

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use held::Held;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::{
    adapter::{
        audit_log::{self, AuditFiles, AuditLog, head},
        audit_tally::{AuditTally, Tally},
        audit_trail::AuditTrailFiles,
        clock::SystemClock,
        master_key_file::{self, MasterKeyError, MasterKeyFile},
        random::SystemRandom,
        remote_audit::RemoteAudit,
        remote_keys::RemoteKeys,
        secret_file::{self, SecretFileError},
    },
    config::{Config, MailSecurity, StoreKind, full_name},
    domain::{
        EmailAddress, Source,
        audit::{Act, AuditEvent, AuditHead, AuditOutcome},
    },
    mail::{
        courier::{Courier, Post, Satchel},
        inbox::Inbox,
        message::Sender,
        transport::{Security, Smtp, SmtpSettings, SmtpSettingsError},
    },
    ports::{Audit, Clock, Random},
    service::{
        EndedLogins, Foundation, Letters, Services,
        backup::Restoring,
        hashing::{self, HashPool},
        store_check,
    },
    store::{
        self, Commit, Store, StoreError,
        audit_heads::AuditHeads,
        away::Away,
        backup,
        copy::{self, CopyError, Standing},
        engine::opening::Missing,
        find::Index,
        folder::{Folder, OpenError},
        outbox::Outbox,
        pulse::{Ended, Health, Pulse},
        remote::{self, JoinError, Joined, Remote},
        settings::Settings,
        tagged::{StoreKeyError, Tagged},
    },
    vault::{MasterKey, Vault, VaultError},
};

/// One step of a conversation with the mail server may take this long (security.md section 2).
const SMTP_STEP: Duration = Duration::from_secs(10);

/// The mail server's look at a letter may take this long: filters for spam and viruses are slow, and the letters behind
/// this one wait for it. RFC 5321 section 4.5.3.2.6 would have ten minutes.
const SMTP_LETTER: Duration = Duration::from_secs(2 * 60);

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    File(PathBuf),
    /// A key that ends with the process, for a store that does too.
    Ephemeral,
}

/// Why the services cannot run, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    #[error("the folder {0} cannot be used: {1}")]
    Folder(String, io::Error),
    #[error(
        "the data folder {0} belongs to another user (uid {1}); run lpse-kiosk as that user, or name another folder with --data"
    )]
    ForeignFolder(String, u32),
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error("the store cannot be read: {0}")]
    Unreadable(#[from] StoreError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(
        "the master key file {0} does not fit the store: {1}; put the key file that belongs to this store back, or bring it here from another machine that shares the store"
    )]
    WrongKey(String, VaultError),
    #[error(
        "a restore into the store in {0} was not finished; run `lpse-kiosk restore` again, with the same backup or another"
    )]
    RestoreUnfinished(String),
    #[error(
        "a copy into the {0} store was not finished; run the same `lpse-kiosk store copy` again"
    )]
    CopyUnfinished(StoreKind),
    #[error(
        "the {0} store was copied elsewhere with `lpse-kiosk store copy`, and lives on there; what is here is old: set [store] kind to where it was copied"
    )]
    Moved(StoreKind),
    #[error(
        "there is a store in {0}, so none was begun anew and nothing was changed; where it cannot be opened, put that folder aside first"
    )]
    Stands(String),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    StoreKey(#[from] StoreKeyError),
    #[error("the audit log {0} cannot be written: {1}")]
    Audit(String, io::Error),
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error("the certificates in {0} cannot be read: {1}")]
    Authority(String, io::Error),
    #[error(
        "[mail] user is set, so [mail] password_file (or the systemd credential smtp-password) must hold its password"
    )]
    NoMailPassword,
    #[error("the mail server cannot be used: {0}")]
    MailServer(#[from] SmtpSettingsError),
}

impl PartsError {
    /// The exit status that tells scripts what kind of failure it was.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Store(OpenError::Held { .. }) => 3,
            Self::Store(OpenError::NoRoom(_) | OpenError::Cluster { .. }) => 75,
            Self::Audit(_, error) if error.kind() == io::ErrorKind::StorageFull => 75,
            Self::Copy(CopyError::Store(_)) | Self::Unreadable(StoreError::Away(_)) => 75,
            Self::NoMailPassword => 2,
            Self::Join(error) if error.is_for_now() => 75,
            _ => 1,
        }
    }
}

/// Running services, and the store below them.
#[derive(Debug)]
pub struct Opened {
    pub services: Arc<Services>,
    /// What the services stand on.
    pub foundation: Arc<Foundation>,
    /// Delivers the letters, where letters are written. It runs only in a process that stays.
    pub courier: Option<Courier>,
    pub health: tokio::sync::watch::Receiver<Health>,
    /// Other machines may share the store.
    pub is_shared: bool,
    /// Why the store does not serve here, though it is open.
    pub away: tokio::sync::watch::Receiver<Option<Away>>,
    pub vitals: Vitals,
    /// Records what is found altered, until the store is dropped.
    finds: JoinHandle<()>,
    ended: Ended,
}

/// What the parts tell about themselves, at no cost while nobody asks. It keeps no store open.
#[derive(Debug, Clone)]
pub struct Vitals {
    pub store: Pulse,
    pub hashing: Arc<hashing::Load>,
    /// Everything that was recorded in the audit log.
    pub acts: Arc<Tally>,
    /// Whether the audit log takes records.
    pub audit: audit_log::Pulse,
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

/// Services for one command, over the store of this process or of one that runs.
#[derive(Debug)]
pub struct AtHand {
    pub services: Arc<Services>,
    hold: Hold,
}

#[derive(Debug)]
enum Hold {
    Alone(Box<Opened>),
    /// Ends when everything said to the other process is answered.
    Beside(JoinHandle<()>),
}

impl AtHand {
    /// Ends the work in order. Every other handle must be dropped before.
    pub async fn close(self) {
        drop(self.services);
        match self.hold {
            Hold::Alone(opened) => opened.close().await,
            Hold::Beside(ended) => {
                // It is over, however it ended.
                let _ = ended.await;
            }
        }
    }
}

/// Services for one command: through the socket of the process that holds the store, or over the store itself where
/// there is none. A process that is just starting or ending is waited for, and so is another command, for as long as a
/// [`Held`] has patience.
pub async fn open_for_command(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
) -> Result<AtHand, PartsError> {
    let mut held = Held::new();
    loop {
        if let Some(joined) = remote::join(&config.socket_file()).await? {
            return open_beside(config, key, clock, joined).await;
        }
        match open(config, key, clock.clone(), None).await {
            Ok(opened) => {
                return Ok(AtHand {
                    services: opened.services.clone(),
                    hold: Hold::Alone(Box::new(opened)),
                });
            }
            Err(PartsError::Store(by @ OpenError::Held { .. })) => held.wait(by).await?,
            Err(error) => return Err(error),
        }
    }
}

/// Services over the store of the process that was joined. It has a courier, and swept what was left behind when it
/// opened the store.
async fn open_beside(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
    joined: Joined,
) -> Result<AtHand, PartsError> {
    let Joined { line, ended } = joined;
    let store = Arc::new(Remote::new(line.clone()));
    let vault = open_vault(config, &Settings::new(store.clone()), key).await?;
    let vault = vault.beside(Arc::new(RemoteKeys(line.clone())));
    let told = line.clone();
    let ended_logins = EndedLogins::elsewhere(move |account| told.tell_ended(account));
    let foundation = foundation(
        config,
        store,
        vault,
        clock,
        Arc::new(RemoteAudit(line)),
        ended_logins,
        config.letters_are_sent(),
    );
    let services = Services::new(&foundation);
    Ok(AtHand {
        services: Arc::new(services),
        hold: Hold::Beside(ended),
    })
}

/// Opens the store, the master key and the audit log, and starts the services over them. In training, letters go into
/// `inbox`.
pub async fn open(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
    inbox: Option<Arc<Inbox>>,
) -> Result<Opened, PartsError> {
    make_private(&config.data)?;
    let store::Opened {
        store,
        health,
        away,
        pulse,
        ended,
        node,
        is_shared,
    } = open_store(config, missing(config, key, inbox.is_some())).await?;
    // What is looked at from here on has to stay so.
    store.hold_to_standing();
    if backup::is_unfinished(&*store).await? {
        return Err(PartsError::RestoreUnfinished(
            config.store_folder().display().to_string(),
        ));
    }
    match copy::standing(&*store).await? {
        Standing::InService => {}
        Standing::HalfCopied => return Err(PartsError::CopyUnfinished(config.store)),
        Standing::Moved => return Err(PartsError::Moved(config.store)),
    }
    if let Some(why) = emptied(config, &store, &node).await? {
        return Err(vanished(config, why).into());
    }
    let vault = open_vault(config, &Settings::new(store.clone()), key).await?;
    let told = vault.clone();
    store.say_keys(Arc::new(move || {
        told.keys().iter().map(MasterKey::id).collect()
    }));
    let audit = open_audit_log(config, store.clone(), &node, clock.clone()).await?;
    let audit_pulse = audit.pulse();
    let audit = AuditTally::new(Arc::new(audit));
    let acts = audit.tally();
    let audit: Arc<dyn Audit> = Arc::new(audit);
    // From here on nobody sees a record that is not as it was written.
    let (tagged, finds) = Tagged::open(store, &vault, &SystemRandom).await?;
    let store: Arc<dyn Store> = Arc::new(tagged);
    let finds = tokio::spawn(store_check::record(finds, audit.clone()));
    let post = match &inbox {
        Some(inbox) => Some(Post::Training(inbox.clone())),
        None => mail_server(config)?.map(|smtp| Post::Server(Arc::new(smtp))),
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
        tokio::spawn(keys_held::keep_looking(store, vault, pulse.clone()));
    }
    let vitals = Vitals {
        store: pulse,
        hashing: foundation.hashing.load(),
        acts,
        audit: audit_pulse,
    };
    let mut services = Services::new(&foundation);
    services.inbox = inbox;
    unless_altered(Index::new(foundation.store.clone()).begin().await)?;
    let outbox = Outbox::new(foundation.store.clone());
    if !is_shared {
        // Nobody else is at work: what is under way was broken off. Where others may be, an import that was broken off
        // is cleared away by the next one.
        unless_altered(services.accounts.sweep_imports().await)?;
    }
    let (now, node) = (
        foundation.clock.now(),
        is_shared.then_some(&*foundation.node),
    );
    unless_altered(outbox.release_claims(now, node).await)?;
    Ok(Opened {
        services: Arc::new(services),
        courier: post.map(|post| courier(config, &foundation, outbox, post, is_shared)),
        foundation,
        is_shared,
        health,
        away,
        vitals,
        finds,
        ended,
    })
}

/// An altered record does not keep the others from being served; it was told of when it was found.
fn unless_altered(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(StoreError::Altered(_)) => Ok(()),
        done => done,
    }
}

/// An empty store, or one with an unfinished restore, to bring a backup back to.
#[derive(Debug)]
pub struct OpenedForRestore {
    pub restoring: Restoring,
    ended: Ended,
}

impl OpenedForRestore {
    /// Closes the store in order.
    pub async fn close(self) {
        let Self { restoring, ended } = self;
        drop(restoring);
        ended.wait().await;
    }
}

/// Opens the store and the audit log, and nothing else: there is no store key yet, and no master key that belongs to it.
pub async fn open_for_restore(
    config: &Config,
    clock: Arc<SystemClock>,
) -> Result<OpenedForRestore, PartsError> {
    make_private(&config.data)?;
    // From its first moment it says that the restore is not finished.
    let missing = Missing::BeginAnew(backup::begun(clock.now()));
    let store::Opened {
        store, ended, node, ..
    } = open_store(config, missing).await?;
    let audit = open_audit_log(config, store.clone(), &node, clock.clone()).await?;
    Ok(OpenedForRestore {
        ended,
        restoring: Restoring {
            store,
            audit: Arc::new(audit),
            clock,
            random: Arc::new(SystemRandom),
        },
    })
}

/// Opens the audit log where the store knows it to have come to, and has the store told how far it comes from now on.
async fn open_audit_log(
    config: &Config,
    store: Arc<dyn Store>,
    node: &str,
    clock: Arc<SystemClock>,
) -> Result<AuditLog, PartsError> {
    let heads = AuditHeads::new(store);
    let head = heads.get(node).await?;
    let file = config.audit_file();
    let rotate_bytes = config.audit_rotate_mib * 1024 * 1024;
    let shown = file.display().to_string();
    let opening = move || AuditLog::open(&file, rotate_bytes, clock, head);
    // It reads the end of the log.
    let opened = tokio::task::spawn_blocking(opening).await;
    let (log, written) = opened
        .expect("opening the audit log does not panic")
        .map_err(|error| PartsError::Audit(shown, error))?;
    // It ends with the log, and lets go of the store then.
    tokio::spawn(head::keep(heads, node.to_owned(), written));
    Ok(log)
}

/// What the store knows of the audit log.
#[derive(Debug, Default)]
pub struct KnownLog {
    /// How far it knows the log to have come.
    pub head: Option<AuditHead>,
    /// The log is being written by another process.
    pub is_live: bool,
    /// The store is gone, and why that is said.
    pub gone: Option<String>,
}

/// What the store knows of the audit log. The log itself is not touched, nor is the store kept, or made where there is
/// none.
pub async fn known_log(config: &Config) -> Result<KnownLog, PartsError> {
    let mut held = Held::new();
    loop {
        if let Some(joined) = remote::join(&config.socket_file()).await? {
            let Joined { line, ended } = joined;
            let heads = AuditHeads::new(Arc::new(Remote::new(line)));
            let head = heads.get(&node(config)).await;
            drop(heads);
            // It is over, however it ended.
            let _ = ended.await;
            return Ok(KnownLog {
                head: head?,
                is_live: true,
                gone: None,
            });
        }
        let trace = trace_of_log(config);
        if !config.store_folder().exists() {
            return Ok(KnownLog {
                gone: trace.map(|why| vanished(config, why).to_string()),
                ..KnownLog::default()
            });
        }
        check_owner(&config.data)?;
        let missing = Missing::Refuse(trace.clone().unwrap_or_default());
        match open_store(config, missing).await {
            Ok(store::Opened {
                store, ended, node, ..
            }) => {
                let heads = AuditHeads::new(store.clone());
                let head = heads.get(&node).await;
                let why = emptied(config, &store, &node).await;
                drop((heads, store));
                ended.wait().await;
                return Ok(KnownLog {
                    head: head?,
                    is_live: false,
                    gone: why?.map(|why| vanished(config, why).to_string()),
                });
            }
            Err(PartsError::Store(by @ OpenError::Held { .. })) => held.wait(by).await?,
            Err(PartsError::Store(OpenError::Vanished { why, .. })) if why.is_empty() => {
                return Ok(KnownLog::default());
            }
            Err(PartsError::Store(error @ OpenError::Vanished { .. })) => {
                return Ok(KnownLog {
                    gone: Some(error.to_string()),
                    ..KnownLog::default()
                });
            }
            Err(error) => return Err(error),
        }
    }
}

/// Begins with an empty store where there is none, whatever says that there was one. The audit log goes on, and says so
/// first; the new store knows how far it has come. Returns the record that says it.
pub async fn begin_anew(config: &Config, clock: Arc<SystemClock>) -> Result<AuditHead, PartsError> {
    make_private(&config.data)?;
    let folder = Folder::hold(&config.store_folder(), config.free_space_floor_mib)?;
    let node = node(config);
    let stands = || PartsError::Stands(config.store_folder().display().to_string());
    if config.store != StoreKind::Etcd {
        if store::is_there(config.store, &folder)? {
            return Err(stands());
        }
        let head = record_beginning(config, clock).await?;
        let missing = Missing::BeginAnew(AuditHeads::first(&node, head));
        let opened = open_store_in(config, folder, missing).await?;
        drop(opened.store);
        opened.ended.wait().await;
        return Ok(head);
    }
    let opened = open_store_in(config, folder, Missing::Begin(Commit::new())).await?;
    if Settings::new(opened.store.clone())
        .seal_check()
        .await?
        .sealed
        .is_some()
    {
        return Err(stands());
    }
    let head = record_beginning(config, clock).await?;
    AuditHeads::new(opened.store.clone())
        .advance(&node, head)
        .await?;
    drop(opened.store);
    opened.ended.wait().await;
    Ok(head)
}

/// Has the audit log say that a store is begun anew, and returns that record.
async fn record_beginning(
    config: &Config,
    clock: Arc<SystemClock>,
) -> Result<AuditHead, PartsError> {
    let file = config.audit_file();
    let shown = file.display().to_string();
    let opened = AuditLog::open(&file, config.audit_rotate_mib * 1024 * 1024, clock, None);
    let (log, written) = opened.map_err(|error| PartsError::Audit(shown.clone(), error))?;
    let before = written.borrow().seq;
    let from = Source::Console("command line".into());
    let event = AuditEvent::new(Act::BeginStore, AuditOutcome::Done, &from).saying(format!(
        "an empty store was begun; nothing of what records 1 to {before} tell is in it"
    ));
    let recorded = log.record(vec![event]).await;
    recorded.map_err(|error| PartsError::Audit(shown, io::Error::other(error.to_string())))?;
    let head = *written.borrow();
    Ok(head)
}

/// What becomes of a folder without a store: a new one is made where nothing says that there was one.
///
/// A master key that this program made says so too. One that systemd hands over may have been made just now, and training
/// makes a new store whenever its folder was removed.
fn missing(config: &Config, key: &KeySource, is_training: bool) -> Missing {
    let trace_of_key = || match key {
        KeySource::File(file) if !config.master_key_is_credential && !is_training => {
            let was_made = master_key_file::was_made_for_a_store(file);
            was_made.then(|| format!("the master key in {} was made for one", file.display()))
        }
        _ => None,
    };
    match trace_of_log(config).or_else(trace_of_key) {
        Some(why) => Missing::Refuse(format!("it holds nothing, and {why}")),
        None => Missing::Begin(Commit::new()),
    }
}

/// That the audit log has records, if it has.
fn trace_of_log(config: &Config) -> Option<String> {
    let file = config.audit_file();
    let parts = AuditFiles::of(&file).parts().ok()?;
    let has_records = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
    parts
        .iter()
        .any(|part| has_records(&part.path))
        .then(|| format!("the audit log {} has records", file.display()))
}

/// Why `store`, which is open and holds nothing, must have held something: there are records in the log of `node`, and it
/// knows of none.
async fn emptied(
    config: &Config,
    store: &Arc<dyn Store>,
    node: &str,
) -> Result<Option<String>, StoreError> {
    if Settings::new(store.clone())
        .seal_check()
        .await?
        .sealed
        .is_some()
        || AuditHeads::new(store.clone()).get(node).await?.is_some()
    {
        return Ok(None);
    }
    Ok(trace_of_log(config).map(|why| format!("it holds nothing, and {why}")))
}

fn vanished(config: &Config, why: String) -> OpenError {
    OpenError::Vanished {
        folder: match config.store {
            StoreKind::Etcd => format!("the cluster, under {}", config.cluster.prefix),
            StoreKind::Sled | StoreKind::Redb => config.store_folder().display().to_string(),
        },
        why,
    }
}

/// Why there seems to have been a store where there is none, if there does.
pub fn trace_of_store(config: &Config) -> Option<OpenError> {
    let key = KeySource::File(config.master_key_file.clone());
    match missing(config, &key, false) {
        Missing::Refuse(why) => Some(vanished(config, why)),
        Missing::Begin(_) | Missing::BeginAnew(_) => None,
    }
}

async fn open_store(config: &Config, missing: Missing) -> Result<store::Opened, PartsError> {
    let folder = Folder::hold(&config.store_folder(), config.free_space_floor_mib)?;
    open_store_in(config, folder, missing).await
}

async fn open_store_in(
    config: &Config,
    folder: Folder,
    missing: Missing,
) -> Result<store::Opened, PartsError> {
    let kind = config.store;
    if kind == StoreKind::Etcd {
        return cluster::open(config, folder).await;
    }
    // Opening reads the files, and counts every record unless the last end was orderly: seconds where there are many.
    let opening = tokio::task::spawn_blocking(move || store::open_in(kind, folder, missing));
    let opened = told_if_long(opening, || {
        tracing::warn!(
            "the store is still being opened: it is large, or did not end in order, and is read through first; this goes on \
             by itself"
        );
    });
    let opened = opened.await.expect("opening a store does not panic");
    Ok(opened.map(store::Opened::from)?)
}

/// Whoever waits longer than this without a word thinks that nothing goes on.
const WITHOUT_A_WORD: Duration = Duration::from_secs(2);

/// `work`, and a word about it where it takes long.
async fn told_if_long<T>(work: impl Future<Output = T>, tell: impl FnOnce()) -> T {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(WITHOUT_A_WORD, work.as_mut()).await {
        Ok(done) => done,
        Err(_) => {
            tell();
            work.await
        }
    }
}

/// This machine's name among those that share the store.
pub fn node(config: &Config) -> String {
    match config.store {
        StoreKind::Etcd => config.cluster.node.clone().unwrap_or_else(machine),
        StoreKind::Sled | StoreKind::Redb => store::ONLY_NODE.to_owned(),
    }
}

/// What this machine is called.
fn machine() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

fn foundation(
    config: &Config,
    store: Arc<dyn Store>,
    vault: Vault,
    clock: Arc<SystemClock>,
    audit: Arc<dyn Audit>,
    ended_logins: EndedLogins,
    letters_are_written: bool,
) -> Arc<Foundation> {
    Arc::new(Foundation {
        store,
        vault,
        clock,
        random: Arc::new(SystemRandom),
        audit,
        audit_trail: Some(Arc::new(AuditTrailFiles::new(&config.audit_file()))),
        hashing: HashPool::new(config.hash_threads, config.hash_queue),
        hash_cost: config.hash_cost,
        issuer: config.issuer.clone(),
        letters: Letters {
            written: letters_are_written,
            link_holds: config.link_holds,
            an_hour: config.letters_an_hour,
            bell: Arc::default(),
        },
        ended_logins,
        node: node(config),
    })
}

/// The password in a file, which an editor may have ended with a line's end.
fn password(what: &'static str, file: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let text = secret_file::read(what, file)?;
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// The certificates (PEM) in a file.
fn certificates(file: &Path) -> Result<Vec<u8>, PartsError> {
    let failed = |error| PartsError::Authority(file.display().to_string(), error);
    std::fs::read(file).map_err(failed)
}

/// The mail server of the settings, if they name one.
pub fn mail_server(config: &Config) -> Result<Option<Smtp>, PartsError> {
    let mail = &config.mail;
    let Some(host) = mail.server.clone() else {
        return Ok(None);
    };
    let credentials = match (&mail.user, &mail.password_file) {
        (Some(user), Some(file)) => Some((
            user.clone(),
            password("the mail server's password file", file)?,
        )),
        (Some(_), None) => return Err(PartsError::NoMailPassword),
        (None, _) => None,
    };
    let authority_file = mail.authority_file.as_ref();
    let extra_root = authority_file.map(|file| certificates(file)).transpose()?;
    let smtp = Smtp::new(SmtpSettings {
        host,
        port: mail.port(),
        security: match mail.security {
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Tls => Security::Tls,
            MailSecurity::None => Security::Plain,
        },
        credentials,
        extra_root,
        hello: mail.hello.clone().or_else(|| full_name(&machine())),
        step_timeout: SMTP_STEP,
        letter_timeout: SMTP_LETTER,
    })?;
    Ok(Some(smtp))
}

/// The courier for the letters of `foundation`.
fn courier(
    config: &Config,
    foundation: &Foundation,
    outbox: Outbox,
    post: Post,
    is_shared: bool,
) -> Courier {
    let nowhere = || EmailAddress::parse("lpse@localhost.invalid").expect("it has the form");
    Courier::new(Satchel {
        outbox,
        vault: foundation.vault.clone(),
        clock: foundation.clock.clone(),
        random: foundation.random.clone(),
        audit: foundation.audit.clone(),
        sender: Sender {
            office: config.office.clone(),
            // Only training has none, and sends nothing.
            address: config.mail.from.clone().unwrap_or_else(nowhere),
            base_url: config.web.links_begin_with(),
            zone: config.zone,
        },
        post,
        bell: foundation.letters.bell.clone(),
        node: foundation.node.clone(),
        is_shared,
    })
}

/// The vault whose key the store was created with. A new store gets a new key where there is none yet.
async fn open_vault(
    config: &Config,
    settings: &Settings,
    key: &KeySource,
) -> Result<Vault, PartsError> {
    let mut check = settings.seal_check().await?.sealed;
    let (vault, shown) = match key {
        KeySource::File(path) => (
            MasterKeyFile::new(path, config.master_key_is_credential)
                .open(check.is_none(), &SystemRandom)?,
            path.display().to_string(),
        ),
        KeySource::Ephemeral => {
            let mut bytes = [0; MasterKey::LENGTH];
            SystemRandom.fill(&mut bytes);
            (
                Vault::new(MasterKey::from_bytes(bytes), Vec::new()),
                "of this process".to_owned(),
            )
        }
    };
    while check.is_none() {
        let mut nonce = [0; Vault::NONCE_BYTES];
        SystemRandom.fill(&mut nonce);
        // Of several machines that begin with a new store, the first one's key is the store's.
        settings.set_seal_check(&vault.seal_check(nonce)).await?;
        check = settings.seal_check().await?.sealed;
    }
    if let Some(sealed) = check {
        vault
            .passes_check(&sealed)
            .map_err(|error| PartsError::WrongKey(shown, error))?;
    }
    Ok(vault)
}

/// Creates the data folder for its owner alone, and refuses one that is somebody else's.
fn make_private(folder: &Path) -> Result<(), PartsError> {
    let failed = |error| PartsError::Folder(folder.display().to_string(), error);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    check_owner(folder)?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder, private).map_err(failed)
}

/// Refuses a folder that is somebody else's: what was written to it could be lost to its owner.
fn check_owner(folder: &Path) -> Result<(), PartsError> {
    let shown = || folder.display().to_string();
    let metadata = folder.metadata();
    let owner = metadata
        .map_err(|error| PartsError::Folder(shown(), error))?
        .uid();
    match owner == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(PartsError::ForeignFolder(shown(), owner)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn of_what_takes_long_there_is_a_word() {
        for (takes, words) in [(WITHOUT_A_WORD / 2, 0), (WITHOUT_A_WORD * 2, 1)] {
            let mut told = 0;
            let work = async {
                tokio::time::sleep(takes).await;
                "done"
            };
            assert_eq!(told_if_long(work, || told += 1).await, "done");
            assert_eq!(told, words, "{takes:?}");
        }
    }
}
