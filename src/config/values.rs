//! The values that the program runs with, one for every setting, and the paths that follow from them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use tracing::level_filters::LevelFilter;

use super::{
    cluster::Cluster,
    letters::{Mail, Web},
    serving::{LogFormat, Metrics, Ssh},
    store_kind::StoreKind,
    theme::ThemeChoice,
};
use crate::domain::{
    calendar::Zone,
    idle::IdleLimits,
    language::Language,
    palette::{Palette, Theme},
    password::HashCost,
    provisioning::Issuer,
};

/// What the program runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The LPSE's name in the header.
    pub office: String,
    pub zone: Zone,
    pub language: Language,
    /// What the office says on the menu.
    pub banner: Option<String>,
    /// This terminal's name; `None`: the terminal device's own.
    pub terminal: Option<String>,
    /// Where the colours of the screens come from.
    pub theme: ThemeChoice,
    /// The colours of that theme; `None`: without any.
    pub palette: Option<Palette>,
    pub idle: IdleLimits,
    pub issuer: Issuer,
    pub hash_cost: HashCost,
    /// Hashing threads; as many as cores unless set.
    pub hash_threads: usize,
    /// Hashes that may wait before people are told that it is busy.
    pub hash_queue: usize,
    pub store: StoreKind,
    /// The cluster, where the store is one.
    pub cluster: Cluster,
    /// Free space in MiB under which the store neither opens nor writes.
    pub free_space_floor_mib: u64,
    /// Where the store is kept, and the logs unless they are elsewhere. Absolute.
    pub data: PathBuf,
    /// Outside the data folder. Absolute.
    pub master_key_file: PathBuf,
    /// That file is a copy which systemd hands over, and nobody can write.
    pub master_key_is_credential: bool,
    /// What is written to the program's own log: `error`, `warn`, `info`, `debug`.
    pub log_level: LevelFilter,
    /// `None`: journald where systemd has connected standard error to it, else text.
    pub log_format: Option<LogFormat>,
    pub ssh: Ssh,
    pub metrics: Metrics,
    pub mail: Mail,
    pub web: Web,
    /// How long the link and the short code of a reset hold.
    pub link_holds: Duration,
    /// Letters about requests that are written in an hour at most.
    pub letters_an_hour: u32,
    /// The audit log begins another file when one is as large as this.
    pub audit_rotate_mib: u64,
    pub(super) log: Option<PathBuf>,
    pub(super) audit: Option<PathBuf>,
    pub(super) audit_checkpoints: Option<PathBuf>,
}

impl Config {
    /// Where the embedded store lies, and who holds the data folder, whatever the store.
    pub fn store_folder(&self) -> PathBuf {
        self.data.join("store")
    }

    /// Where the process that holds the store takes commands.
    pub fn socket_file(&self) -> PathBuf {
        self.data.join("lpse-kiosk.sock")
    }

    /// Where `serve` takes terminals of this machine that show its screens.
    pub fn screens_socket_file(&self) -> PathBuf {
        self.data.join("lpse-kiosk-screens.sock")
    }

    pub fn audit_file(&self) -> PathBuf {
        let in_data = || self.data.join("audit.jsonl");
        self.audit.clone().unwrap_or_else(in_data)
    }

    /// Where it is noted when the audit log was verified, and what came of it.
    pub fn audit_verified_file(&self) -> PathBuf {
        self.data.join("audit-verified.json")
    }

    /// Where signed checkpoints of the audit log are kept.
    pub fn checkpoints_folder(&self) -> PathBuf {
        let in_data = || self.data.join("checkpoints");
        self.audit_checkpoints.clone().unwrap_or_else(in_data)
    }

    /// Whether the settings name that folder. It is then its administrator's to make: the disk that belongs there may only
    /// not be mounted.
    pub fn names_checkpoints_folder(&self) -> bool {
        self.audit_checkpoints.is_some()
    }

    /// Where the key is kept that signs checkpoints of the audit log.
    pub fn audit_key_file(&self) -> PathBuf {
        self.data.join("audit_ed25519_key")
    }

    pub fn log_file(&self) -> PathBuf {
        let in_data = || self.data.join("lpse-kiosk.log");
        self.log.clone().unwrap_or_else(in_data)
    }

    /// The log's file, where one is named; a front end without a terminal writes to standard error otherwise.
    pub fn named_log_file(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Where the SSH host key is kept.
    pub fn host_key_file(&self) -> PathBuf {
        let in_data = || self.data.join("ssh_host_ed25519_key");
        self.ssh.host_key.clone().unwrap_or_else(in_data)
    }

    /// The same settings for training: everything is kept in `data`, no log of the real service is touched, and its
    /// monitoring is not answered.
    pub fn for_training(mut self, data: PathBuf) -> Self {
        self.data = data;
        self.master_key_file = PathBuf::new();
        self.log = None;
        self.audit = None;
        self.audit_checkpoints = None;
        self.metrics = Metrics::default();
        // Where nothing else is said, the office and the terminal are those of the manual's pictures.
        if self.office == Self::default().office {
            self.office = "LPSE Kota Contoh".to_owned();
        }
        self.terminal.get_or_insert_with(|| "loket-1".to_owned());
        // Training shares nothing with anybody.
        if self.store == StoreKind::Etcd {
            self.store = StoreKind::default();
        }
        self.with_letters_for_training()
    }

    /// Whether TOTP can be reset by a letter.
    pub fn letters_are_sent(&self) -> bool {
        self.mail.server.is_some()
    }

    /// The settings for training: no letter leaves the machine, and the page is for this machine's browsers.
    fn with_letters_for_training(mut self) -> Self {
        let asked = self.web.listen.filter(|listen| listen.ip().is_loopback());
        self.mail = Mail::default();
        self.web = Web {
            listen: Some(asked.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))),
            ..Web::default()
        };
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            office: "LPSE".into(),
            zone: Zone::default(),
            language: Language::default(),
            banner: None,
            terminal: None,
            theme: ThemeChoice::default(),
            palette: Theme::default().palette(),
            idle: IdleLimits::default(),
            issuer: Issuer::default(),
            hash_cost: HashCost::default(),
            hash_threads: std::thread::available_parallelism().map_or(1, usize::from),
            hash_queue: 64,
            store: StoreKind::default(),
            cluster: Cluster::default(),
            free_space_floor_mib: 32,
            data: PathBuf::new(),
            master_key_file: PathBuf::new(),
            master_key_is_credential: false,
            log_level: LevelFilter::INFO,
            log_format: None,
            ssh: Ssh::default(),
            metrics: Metrics::default(),
            mail: Mail::default(),
            web: Web::default(),
            link_holds: Duration::from_secs(30 * 60),
            letters_an_hour: 600,
            audit_rotate_mib: 64,
            log: None,
            audit: None,
            audit_checkpoints: None,
        }
    }
}
