//! One validated configuration: flags over `LPSE_KIOSK_*` over a TOML file over defaults.
//!
//! Every setting is declared once, in [`SETTINGS`]; the file's sections, the names of the environment variables, what
//! is allowed, the manual's table, the template and the help all derive from that list. A bad or unknown setting is
//! refused with its place and what is allowed; nothing is guessed. Only paths and values are kept here: secrets come
//! neither by arguments nor by the environment, and nothing is opened but the configuration file and the theme file
//! that it may name.

mod cluster;
mod declaration;
mod draft;
mod error;
mod file;
mod flags;
mod letters;
mod notation;
mod origin;
mod serving;
mod setting;
mod source;
mod store_kind;
mod table;
mod template;
mod theme;
mod together;
mod values;

use std::{
    env,
    ffi::OsStr,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

pub use cluster::{Cluster, Endpoint, WITHOUT_ETCD};
pub use declaration::Setting;
use draft::Draft;
pub use error::ConfigError;
pub use flags::Flags;
pub use letters::{BaseUrl, Mail, MailSecurity, Web, full_name};
pub use notation::Kind;
pub use origin::{Origin, Origins};
pub use serving::{LogFormat, Metrics, MetricsPlace, Ssh};
pub use setting::SETTINGS;
pub use source::{DATA_VARIABLE, DEFAULT_FILE, Environment, FILE_VARIABLE};
pub use store_kind::{StoreKind, UnknownStoreKind};
pub use table::markdown_table;
pub use template::template;
pub use theme::ThemeChoice;
pub use values::Config;

impl Config {
    /// Reads file and environment under `flags`.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_with_origins(flags).map(|(config, _)| config)
    }

    /// The same, and what set each setting.
    pub fn load_with_origins(flags: &Flags) -> Result<(Self, Origins), ConfigError> {
        Self::from_sources(flags, &env::vars_os().collect(), &is_of_the_service)
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
        of_service: &dyn Fn() -> bool,
    ) -> Result<(Self, Origins), ConfigError> {
        let mut draft = Draft::from_sources(flags, environment)?;
        draft.take_flags(flags);
        draft.find_places(environment, of_service)?;
        draft.checked()
    }
}

/// The master key of training mode that keeps its data in the folder `data`: beside it, so that commands on that folder find
/// it too.
pub fn training_key(data: &Path) -> PathBuf {
    let mut key = data.as_os_str().to_owned();
    key.push(".master-key");
    key.into()
}

impl Draft {
    /// Reads file and environment.
    fn from_sources(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let mut draft = Draft {
            config: Config::default(),
            origins: Origins::default(),
        };
        let (file, namer) = flags.file(environment);
        match (file::read(&file, file::CONFIGURATION)?, namer) {
            (Some(text), _) => draft.take_file(&file, &text)?,
            (None, None) => {}
            (None, Some(namer)) => {
                return Err(ConfigError::Missing {
                    what: file::CONFIGURATION.what,
                    file: file.display().to_string(),
                    named_by: namer.to_owned(),
                });
            }
        }
        draft.take_environment(environment)?;
        Ok(draft)
    }

    /// Lays the flags over the rest.
    fn take_flags(&mut self, flags: &Flags) {
        let mut note = |section, name, flag| {
            self.origins.note(section, name, Origin::Flag(flag));
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
            self.config.data = std::path::absolute(folder).unwrap_or(folder.clone());
            note("store", "data", "--data");
        }
        if let Some(file) = &flags.master_key_file {
            self.config.master_key_file = std::path::absolute(file).unwrap_or(file.clone());
            note("keys", "master_key_file", "--master-key-file");
        }
    }

    /// Decides where data and master key lie, apart from each other. `of_service`, which is asked where nothing else says
    /// it, tells whether they are the service's for whoever runs this.
    fn find_places(
        &mut self,
        environment: &Environment,
        of_service: &dyn Fn() -> bool,
    ) -> Result<(), ConfigError> {
        let named = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
        let named_data = named(&self.config.data);
        // A demo keeps its data only in a folder that was named.
        let of_training = named_data.as_deref().map(training_key);
        let data = match named_data {
            Some(folder) => folder,
            None if of_service() => PathBuf::from(SERVICE_DATA),
            None => home(environment, "XDG_DATA_HOME", ".local/share")?.join("lpse-kiosk"),
        };
        let key = match (
            named(&self.config.master_key_file),
            credential(environment, MASTER_KEY),
            of_training.filter(|key| key.exists()),
        ) {
            (Some(file), ..) => file,
            (None, Some(file), _) => {
                let credential = Origin::Credential(MASTER_KEY);
                self.origins.note("keys", "master_key_file", credential);
                file
            }
            (None, None, Some(file)) => file,
            (None, None, None) if data == Path::new(SERVICE_DATA) || of_service() => {
                PathBuf::from(SERVICE_KEY)
            }
            (None, None, None) => {
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
            self.origins.note("mail", "password_file", credential);
            self.config.mail.password_file = Some(file);
        }
        if self.config.ssh.host_key.is_none()
            && let Some(file) = credential(environment, SSH_HOST_KEY)
        {
            let credential = Origin::Credential(SSH_HOST_KEY);
            self.origins.note("ssh", "host_key", credential);
            self.config.ssh.host_key = Some(file);
        }
        self.config.check_cluster(cfg!(feature = "etcd"))?;
        self.config.check_metrics()?;
        self.config.check_letters()
    }

    /// The configuration, when the settings fit together.
    fn checked(self) -> Result<(Config, Origins), ConfigError> {
        let Self {
            mut config,
            origins,
        } = self;
        let from = |name| origins.of("kiosk", name);
        if config.idle.warning >= config.idle.logged_in {
            return Err(ConfigError::WarningTooLong {
                warning: config.idle.warning.as_secs(),
                warning_from: from("warning_seconds"),
                idle: config.idle.logged_in.as_secs(),
                idle_from: from("idle_seconds"),
            });
        }
        config.palette = config.theme.palette(&from("theme"))?;
        Ok((config, origins))
    }
}

/// Where the service keeps its data, and root its master key.
const SERVICE_DATA: &str = "/var/lib/lpse-kiosk";
const SERVICE_KEY: &str = "/etc/lpse-kiosk/master.key";

/// Whether whoever runs this is root or the user of the service, to whom its folder belongs: they mean the same store.
fn is_of_the_service() -> bool {
    let user = rustix::process::geteuid();
    let owns = || std::fs::metadata(SERVICE_DATA).is_ok_and(|folder| folder.uid() == user.as_raw());
    user.is_root() || owns()
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
