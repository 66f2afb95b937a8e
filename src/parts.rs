//! From a configuration to running services: the only place that names concrete parts.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::{
    adapter::{
        audit_file::AuditFile,
        audit_tally::{AuditTally, Tally},
        clock::SystemClock,
        master_key_file::{self, MasterKeyError},
        random::SystemRandom,
        remote_audit::RemoteAudit,
        secret_file::{self, SecretFileError},
    },
    config::{Config, MailSecurity},
    domain::EmailAddress,
    mail::{
        courier::{Courier, Post, Satchel},
        inbox::Inbox,
        message::Sender,
        transport::{Security, Smtp, SmtpSettings, SmtpSettingsError},
    },
    ports::{Audit, Random},
    service::{
        EndedLogins, Foundation, Letters, Services,
        hashing::{self, HashPool},
    },
    store::{
        self, Store, StoreError,
        embedded::{Embedded, Ended, Health, Pulse},
        folder::OpenError,
        outbox::Outbox,
        remote::{self, JoinError, Joined, Remote},
        settings::Settings,
    },
    vault::{MasterKey, Vault, VaultError},
};

/// One step of a conversation with the mail server may take this long (SECURITY section 2).
const SMTP_STEP: Duration = Duration::from_secs(10);

/// A process that has just taken the store listens to commands within this time, or a command that has it ends.
const HELD_PATIENCE: Duration = Duration::from_secs(2);

/// Between two looks whether it does.
const HELD_PAUSE: Duration = Duration::from_millis(50);

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
        "the master key file {0} does not fit the store: {1}; put the key file that belongs to this store back"
    )]
    WrongKey(String, VaultError),
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
            Self::Store(OpenError::NoRoom(_)) => 75,
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
    /// Seals the forms of the reset page.
    pub form_key: Zeroizing<[u8; 32]>,
    pub health: tokio::sync::watch::Receiver<Health>,
    pub vitals: Vitals,
    ended: Ended,
}

/// What the parts tell about themselves, at no cost while nobody asks. It keeps no store open.
#[derive(Debug, Clone)]
pub struct Vitals {
    pub store: Pulse,
    pub hashing: Arc<hashing::Load>,
    /// Everything that was recorded in the audit log.
    pub acts: Arc<Tally>,
}

impl Opened {
    /// Closes the store in order and returns when its folder is free. Every other handle must be dropped before.
    pub async fn close(self) {
        let Self {
            services,
            foundation,
            courier,
            ended,
            ..
        } = self;
        drop((services, foundation, courier));
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
/// there is none. A process that is just starting or ending is waited for.
pub async fn open_for_command(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
) -> Result<AtHand, PartsError> {
    let deadline = Instant::now() + HELD_PATIENCE;
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
            Err(PartsError::Store(OpenError::Held { .. })) if Instant::now() < deadline => {
                tokio::time::sleep(HELD_PAUSE).await;
            }
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
    let vault = open_vault(&Settings::new(store.clone()), key).await?;
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
    Ok(AtHand {
        services: Arc::new(Services::new(&foundation)),
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
    let folder = config.store_folder();
    let (kind, floor) = (config.store, config.free_space_floor_mib);
    // Opening reads the disk, for half a second where there are a million accounts.
    let opened = tokio::task::spawn_blocking(move || store::open(kind, &folder, floor)).await;
    let store: Arc<Embedded> = Arc::new(opened.expect("opening a store does not panic")?);
    let vault = open_vault(&Settings::new(store.clone()), key).await?;
    let audit_file = config.audit_file();
    let audit = AuditFile::open(&audit_file, clock.clone())
        .map_err(|error| PartsError::Audit(audit_file.display().to_string(), error))?;
    let audit = AuditTally::new(Arc::new(audit));
    let (health, ended, pulse) = (store.health(), store.ended(), store.pulse());
    let acts = audit.tally();
    let post = match &inbox {
        Some(inbox) => Some(Post::Training(inbox.clone())),
        None => mail_server(config)?.map(|smtp| Post::Server(Arc::new(smtp))),
    };
    let foundation = foundation(
        config,
        store,
        vault,
        clock,
        Arc::new(audit),
        EndedLogins::default(),
        post.is_some(),
    );
    let vitals = Vitals {
        store: pulse,
        hashing: foundation.hashing.load(),
        acts,
    };
    let mut services = Services::new(&foundation);
    services.inbox = inbox;
    services.accounts.sweep_imports().await?;
    let outbox = Outbox::new(foundation.store.clone());
    outbox.release_claims(foundation.clock.now()).await?;
    Ok(Opened {
        services: Arc::new(services),
        courier: post.map(|post| courier(config, &foundation, outbox, post)),
        form_key: foundation.vault.derived_key("reset-form"),
        foundation,
        health,
        vitals,
        ended,
    })
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
        node: "local".to_owned(),
    })
}

/// The mail server of the settings, if they name one.
pub fn mail_server(config: &Config) -> Result<Option<Smtp>, PartsError> {
    let mail = &config.mail;
    let Some(host) = mail.server.clone() else {
        return Ok(None);
    };
    let credentials = match (&mail.user, &mail.password_file) {
        (Some(user), Some(file)) => {
            let password = secret_file::read("the mail server's password file", file)?;
            let password = Zeroizing::new(password.trim_end_matches(['\r', '\n']).to_owned());
            Some((user.clone(), password))
        }
        (Some(_), None) => return Err(PartsError::NoMailPassword),
        (None, _) => None,
    };
    let extra_root = mail
        .authority_file
        .as_ref()
        .map(|file| {
            let failed = |error| PartsError::Authority(file.display().to_string(), error);
            std::fs::read(file).map_err(failed)
        })
        .transpose()?;
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
        step_timeout: SMTP_STEP,
    })?;
    Ok(Some(smtp))
}

/// The courier for the letters of `foundation`.
fn courier(config: &Config, foundation: &Foundation, outbox: Outbox, post: Post) -> Courier {
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
    })
}

/// The vault whose key the store was created with. A new store gets a new key where there is none yet.
async fn open_vault(settings: &Settings, key: &KeySource) -> Result<Vault, PartsError> {
    let check = settings.seal_check().await?;
    let (vault, shown) = match key {
        KeySource::File(path) => (
            master_key_file::open(path, check.is_none(), &SystemRandom)?,
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
    match check {
        Some(sealed) => vault
            .passes_check(&sealed)
            .map_err(|error| PartsError::WrongKey(shown, error))?,
        None => {
            let mut nonce = [0; Vault::NONCE_BYTES];
            SystemRandom.fill(&mut nonce);
            settings.set_seal_check(&vault.seal_check(nonce)).await?;
        }
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
    let owner = folder.metadata().map_err(failed)?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return Err(PartsError::ForeignFolder(
            folder.display().to_string(),
            owner,
        ));
    }
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder, private).map_err(failed)
}
