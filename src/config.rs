//! One validated configuration: flags over `LPSE_KIOSK_*` over a TOML file over defaults.
//!
//! Every setting is declared once, in [`SETTINGS`]; the file's sections, the names of the environment variables, what
//! is allowed, the manual's table and the help all derive from that list. A bad or unknown setting is refused with
//! its place and what is allowed; nothing is guessed. Only paths and values are kept here: secrets come neither by
//! arguments nor by the environment, and nothing is opened but the configuration file.

mod cluster;
mod letters;
mod serving;
mod setting;
mod source;
mod template;

use std::{
    env,
    ffi::OsStr,
    fmt,
    net::SocketAddr,
    path::{Component, Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use tracing::level_filters::LevelFilter;

use crate::domain::{
    calendar::Zone, idle::IdleLimits, language::Language, password::HashCost, provisioning::Issuer,
};
pub use cluster::{Cluster, Endpoint, WITHOUT_ETCD};
pub use letters::{BaseUrl, Mail, MailSecurity, Web, full_name};
pub use serving::{LogFormat, Ssh};
pub use setting::{Kind, SETTINGS, Setting, markdown_table};
pub use source::{DATA_VARIABLE, Environment, FILE_VARIABLE, Origin};
pub use template::template;

/// The configuration file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "/etc/lpse-kiosk/config.toml";

/// What the program runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The LPSE's name in the header.
    pub office: String,
    pub zone: Zone,
    pub language: Language,
    /// This terminal's name; `None`: the terminal device's own.
    pub terminal: Option<String>,
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
    /// Where health and metrics are told, on this machine only; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    pub mail: Mail,
    pub web: Web,
    /// How long the link and the short code of a reset hold.
    pub link_holds: Duration,
    /// Letters about requests that are written in an hour at most.
    pub letters_an_hour: u32,
    /// The audit log begins another file when one is as large as this.
    pub audit_rotate_mib: u64,
    log: Option<PathBuf>,
    audit: Option<PathBuf>,
}

/// What keeps the records: an engine within this process, or a cluster that several machines share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreKind {
    #[default]
    Sled,
    Redb,
    Etcd,
}

impl StoreKind {
    pub const ALL: [Self; 3] = [Self::Sled, Self::Redb, Self::Etcd];

    /// Those that live in a folder of one process.
    pub const EMBEDDED: [Self; 2] = [Self::Sled, Self::Redb];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
            Self::Etcd => "etcd",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no kind of store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the kind of store is sled, redb or etcd")]
pub struct UnknownStoreKind;

impl FromStr for StoreKind {
    type Err = UnknownStoreKind;

    fn from_str(text: &str) -> Result<Self, UnknownStoreKind> {
        let mut kinds = Self::ALL.into_iter();
        kinds
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownStoreKind)
    }
}

/// What the command line says over all else.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    pub data: Option<PathBuf>,
    pub master_key_file: Option<PathBuf>,
    pub store: Option<StoreKind>,
    pub log_format: Option<LogFormat>,
}

impl Flags {
    /// The configuration file that is read, if it exists.
    pub fn config_file(&self) -> PathBuf {
        self.file(&env::vars_os().collect()).0
    }

    /// The same, and what names it, where it is not the default one.
    fn file(&self, environment: &Environment) -> (PathBuf, Option<&'static str>) {
        let variable = environment.get(OsStr::new(FILE_VARIABLE));
        match (&self.config, variable) {
            (Some(file), _) => (file.clone(), Some("--config")),
            (None, Some(file)) => (PathBuf::from(file), Some(FILE_VARIABLE)),
            (None, None) => (PathBuf::from(DEFAULT_FILE), None),
        }
    }
}

/// What set each setting that is not at its default.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<(&'static str, &'static str, Origin)>);

impl Origins {
    /// What set `setting`.
    pub fn of(&self, setting: &Setting) -> Origin {
        // The last word is the one in force.
        let mut noted = self.0.iter().rev();
        noted
            .find(|(section, name, _)| (*section, *name) == (setting.section, setting.name))
            .map_or(Origin::Default, |(_, _, origin)| origin.clone())
    }

    fn note(&mut self, setting: &Setting, origin: Origin) {
        self.0.push((setting.section, setting.name, origin));
    }

    fn note_named(&mut self, section: &str, name: &str, origin: Origin) {
        if let Some(setting) = source::find(section, name) {
            self.note(setting, origin);
        }
    }
}

/// A configuration being put together.
#[derive(Debug, Clone)]
struct Draft {
    config: Config,
    data: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    origins: Origins,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{place}: {setting} = {value} is not allowed{because}; it may be {allowed}")]
    Value {
        place: String,
        setting: String,
        value: String,
        because: String,
        allowed: &'static str,
    },
    #[error("{place}: {setting} = {value} is not {wanted}; it may be {allowed}")]
    Form {
        place: String,
        setting: String,
        value: String,
        wanted: &'static str,
        allowed: &'static str,
    },
    #[error("{place}: there is no setting {setting}; {hint}")]
    Unknown {
        place: String,
        setting: String,
        hint: String,
    },
    #[error("{one} and {other} both name the data folder; keep one of them")]
    Twice { one: String, other: String },
    #[error("{place}: {what}")]
    Syntax { place: String, what: String },
    #[error(
        "[kiosk] warning_seconds = {warning} ({warning_from}) must be less than idle_seconds = {idle} ({idle_from})"
    )]
    WarningTooLong {
        warning: u64,
        warning_from: Origin,
        idle: u64,
        idle_from: Origin,
    },
    /// Settings that each make sense, and not together.
    #[error("{0}")]
    Together(String),
    #[error("the configuration file {0} cannot be read: {1}")]
    Unreadable(String, String),
    #[error("the configuration file {file} may not be read by this user: {cure}")]
    Closed { file: String, cure: String },
    #[error("the configuration file {0} does not exist; {1} names it")]
    Missing(String, &'static str),
    #[error(
        "the configuration file {0} can be changed by everybody on this machine; make it safe: chmod o-w {0}"
    )]
    Writable(String),
    #[error("there is no home folder to keep data in: name one with --data (or set HOME)")]
    NoHome,
    #[error(
        "the master key file {key} lies inside the data folder {data}, beside what it protects: whoever copies the \
         folder would have both; name another place with --master-key-file"
    )]
    KeyBesideData { key: String, data: String },
}

impl Config {
    /// Reads file and environment under `flags`.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_with_origins(flags).map(|(config, _)| config)
    }

    /// The same, and what set each setting.
    pub fn load_with_origins(flags: &Flags) -> Result<(Self, Origins), ConfigError> {
        let root = rustix::process::geteuid().is_root();
        Self::from_sources(flags, &env::vars_os().collect(), root)
    }

    /// The settings of training mode: the data folder is the one that `flags` name, or empty for a fresh one; the
    /// real service's folders, key and logs do not count.
    pub fn load_for_training(flags: &Flags) -> Result<Self, ConfigError> {
        let mut draft = Draft::from_sources(flags, &env::vars_os().collect())?;
        draft.take_flags(flags);
        let (config, _) = draft.checked()?;
        let data = flags.data.clone().unwrap_or_default();
        Ok(config.for_training(std::path::absolute(&data).unwrap_or(data)))
    }

    fn from_sources(
        flags: &Flags,
        environment: &Environment,
        root: bool,
    ) -> Result<(Self, Origins), ConfigError> {
        let mut draft = Draft::from_sources(flags, environment)?;
        draft.take_flags(flags);
        draft.find_places(environment, root)?;
        draft.checked()
    }
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
        let beside = || self.data.join("audit.jsonl");
        self.audit.clone().unwrap_or_else(beside)
    }

    pub fn log_file(&self) -> PathBuf {
        let beside = || self.data.join("lpse-kiosk.log");
        self.log.clone().unwrap_or_else(beside)
    }

    /// The log's file, where one is named; a door that has no terminal writes to standard error otherwise.
    pub fn named_log_file(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Where the SSH host key is kept.
    pub fn host_key_file(&self) -> PathBuf {
        let beside = || self.data.join("ssh_host_ed25519_key");
        self.ssh.host_key.clone().unwrap_or_else(beside)
    }

    /// The same settings for training: everything is kept in `data`, no log of the real service is touched, and its
    /// monitoring is not answered.
    pub fn for_training(mut self, data: PathBuf) -> Self {
        self.data = data;
        self.log = None;
        self.audit = None;
        self.metrics = None;
        // Training shares nothing with anybody.
        if self.store == StoreKind::Etcd {
            self.store = StoreKind::default();
        }
        self.with_letters_for_training()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            office: "LPSE".into(),
            zone: Zone::default(),
            language: Language::default(),
            terminal: None,
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
            metrics: None,
            mail: Mail::default(),
            web: Web::default(),
            link_holds: Duration::from_secs(30 * 60),
            letters_an_hour: 600,
            audit_rotate_mib: 64,
            log: None,
            audit: None,
        }
    }
}

impl Draft {
    /// Reads file and environment.
    fn from_sources(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let mut draft = Draft {
            config: Config::default(),
            data: None,
            master_key_file: None,
            origins: Origins::default(),
        };
        let (file, namer) = flags.file(environment);
        match (source::read(&file)?, namer) {
            (Some(text), _) => draft.take_file(&file, &text)?,
            (None, None) => {}
            (None, Some(namer)) => {
                return Err(ConfigError::Missing(file.display().to_string(), namer));
            }
        }
        draft.take_environment(environment)?;
        Ok(draft)
    }

    /// Lays the flags over the rest.
    fn take_flags(&mut self, flags: &Flags) {
        let mut note = |section, name, flag| {
            self.origins.note_named(section, name, Origin::Flag(flag));
        };
        if let Some(kind) = flags.store {
            self.config.store = kind;
            note("store", "kind", "--store");
        }
        if let Some(format) = flags.log_format {
            self.config.log_format = Some(format);
            note("log", "format", "--log-format");
        }
        if let Some(folder) = &flags.data {
            self.data = Some(std::path::absolute(folder).unwrap_or(folder.clone()));
            note("store", "data", "--data");
        }
        if let Some(file) = &flags.master_key_file {
            self.master_key_file = Some(std::path::absolute(file).unwrap_or(file.clone()));
            note("keys", "master_key_file", "--master-key-file");
        }
    }

    /// Decides where data and master key lie, apart from each other.
    fn find_places(&mut self, environment: &Environment, root: bool) -> Result<(), ConfigError> {
        let data = match self.data.clone() {
            Some(folder) => folder,
            None if root => PathBuf::from("/var/lib/lpse-kiosk"),
            None => home(environment, "XDG_DATA_HOME", ".local/share")?.join("lpse-kiosk"),
        };
        let key = match (
            self.master_key_file.clone(),
            credential(environment, MASTER_KEY),
        ) {
            (Some(file), _) => file,
            (None, Some(file)) => {
                let credential = Origin::Credential(MASTER_KEY);
                self.origins
                    .note_named("keys", "master_key_file", credential);
                file
            }
            (None, None) if root => PathBuf::from("/etc/lpse-kiosk/master.key"),
            (None, None) => {
                home(environment, "XDG_CONFIG_HOME", ".config")?.join("lpse-kiosk/master.key")
            }
        };
        if resolved(&key).starts_with(resolved(&data)) {
            return Err(ConfigError::KeyBesideData {
                key: key.display().to_string(),
                data: data.display().to_string(),
            });
        }
        self.config.data = data;
        self.config.master_key_is_credential = environment
            .get(OsStr::new("CREDENTIALS_DIRECTORY"))
            .is_some_and(|folder| key.starts_with(folder));
        self.config.master_key_file = key;
        if self.config.mail.password_file.is_none()
            && let Some(file) = credential(environment, SMTP_PASSWORD)
        {
            let credential = Origin::Credential(SMTP_PASSWORD);
            self.origins.note_named("mail", "password_file", credential);
            self.config.mail.password_file = Some(file);
        }
        if self.config.ssh.host_key.is_none()
            && let Some(file) = credential(environment, SSH_HOST_KEY)
        {
            let credential = Origin::Credential(SSH_HOST_KEY);
            self.origins.note_named("ssh", "host_key", credential);
            self.config.ssh.host_key = Some(file);
        }
        self.config.check_cluster(cfg!(feature = "etcd"))?;
        self.config.check_letters()
    }

    /// The configuration, when the settings fit together.
    fn checked(self) -> Result<(Config, Origins), ConfigError> {
        let Self {
            config, origins, ..
        } = self;
        let from = |name| {
            source::find("kiosk", name).map_or(Origin::Default, |setting| origins.of(setting))
        };
        if config.idle.warning >= config.idle.logged_in {
            return Err(ConfigError::WarningTooLong {
                warning: config.idle.warning.as_secs(),
                warning_from: from("warning_seconds"),
                idle: config.idle.logged_in.as_secs(),
                idle_from: from("idle_seconds"),
            });
        }
        Ok((config, origins))
    }
}

/// The folder that `variable` names, else `below` in the home folder (XDG Base Directory Specification: a relative
/// path is ignored).
fn home(environment: &Environment, variable: &str, below: &str) -> Result<PathBuf, ConfigError> {
    let set = |name: &str| {
        let path = environment.get(OsStr::new(name)).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    match (set(variable), set("HOME")) {
        (Some(folder), _) => Ok(folder),
        (None, Some(home)) => Ok(home.join(below)),
        (None, None) => Err(ConfigError::NoHome),
    }
}

/// The names of the credentials that systemd may hand over (`LoadCredential=master-key`).
const MASTER_KEY: &str = "master-key";
const SMTP_PASSWORD: &str = "smtp-password";
const SSH_HOST_KEY: &str = "ssh-host-key";

/// The file of a credential that systemd hands over, if it does.
fn credential(environment: &Environment, name: &str) -> Option<PathBuf> {
    let folder = environment.get(OsStr::new("CREDENTIALS_DIRECTORY"))?;
    let file = Path::new(folder).join(name);
    (file.is_absolute() && file.exists()).then_some(file)
}

/// Where an absolute `path` leads, through links and `..`, also when its end does not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => {
                resolved.push(other);
                if let Ok(real) = resolved.canonicalize() {
                    resolved = real;
                }
            }
        }
    }
    resolved
}

#[cfg(test)]
mod tests;
