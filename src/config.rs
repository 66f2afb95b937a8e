//! One validated configuration: flags over `LPSE_KIOSK_*` over a TOML file over defaults.
//!
//! Every setting is declared once, in [`SETTINGS`]; the file's sections, the names of the environment variables, what
//! is allowed and the help all derive from that list. A bad or unknown setting is refused with its place and what is
//! allowed; nothing is guessed.

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use toml::de::{DeTable, DeValue};

use crate::domain::{
    calendar::Zone, idle::IdleLimits, language::Language, password::HashCost, provisioning::Issuer,
};

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
    /// Free space in MiB under which the store neither opens nor writes.
    pub free_space_floor_mib: u64,
    /// Where store, audit log and program log are kept.
    pub data: PathBuf,
    pub master_key_file: PathBuf,
    /// What is written to the program's log: `error`, `warn`, `info`, `debug`.
    pub log_level: tracing::level_filters::LevelFilter,
}

/// Which embedded engine keeps the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreKind {
    #[default]
    Sled,
    Redb,
}

impl StoreKind {
    pub const ALL: [Self; 2] = [Self::Sled, Self::Redb];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Redb => "redb",
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
#[error("the kind of store is sled or redb")]
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
}

/// A setting: where it stands, what it means, and what it may be.
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    pub means: &'static str,
    pub allowed: &'static str,
    pub default: &'static str,
    set: fn(&mut Draft, &str) -> Option<()>,
}

impl Setting {
    /// `LPSE_KIOSK_STORE_KIND` for `[store] kind`.
    pub fn variable(&self) -> String {
        format!("LPSE_KIOSK_{}_{}", self.section, self.name).to_ascii_uppercase()
    }
}

/// A configuration being put together.
#[derive(Debug, Clone)]
struct Draft {
    config: Config,
    data: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
}

fn number<T: FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    let number = text.parse().ok()?;
    (least <= number && number <= most).then_some(number)
}

fn seconds(text: &str, least: u64, most: u64) -> Option<Duration> {
    number(text, least, most).map(Duration::from_secs)
}

fn line(text: &str, longest: usize) -> Option<String> {
    let fits = !text.trim().is_empty() && text.chars().count() <= longest;
    let plain = !text.chars().any(crate::domain::account::is_disguise);
    (fits && plain).then(|| text.trim().to_owned())
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    Setting {
        section: "office",
        name: "name",
        means: "the LPSE's name in the header",
        allowed: "1 to 48 characters",
        default: "LPSE",
        set: |draft, text| line(text, 48).map(|name| draft.config.office = name),
    },
    Setting {
        section: "office",
        name: "zone",
        means: "the time zone of the dates on the screens",
        allowed: "WIB, WITA or WIT",
        default: "WIB",
        set: |draft, text| text.parse().ok().map(|zone| draft.config.zone = zone),
    },
    Setting {
        section: "office",
        name: "language",
        means: "the language of a fresh menu; F2 switches it",
        allowed: "id or en",
        default: "id",
        set: |draft, text| {
            draft.config.language = match text {
                "id" => Language::Id,
                "en" => Language::En,
                _ => return None,
            };
            Some(())
        },
    },
    Setting {
        section: "kiosk",
        name: "terminal",
        means: "this terminal's name in activities and in the audit log",
        allowed: "1 to 32 characters",
        default: "the terminal device's name, such as tty1",
        set: |draft, text| line(text, 32).map(|name| draft.config.terminal = Some(name)),
    },
    Setting {
        section: "kiosk",
        name: "idle_seconds",
        means: "without a key for this long, somebody logged in is logged out",
        allowed: "20 to 120",
        default: "90",
        set: |draft, text| seconds(text, 20, 120).map(|limit| draft.config.idle.logged_in = limit),
    },
    Setting {
        section: "kiosk",
        name: "half_typed_seconds",
        means: "without a key for this long, a half-typed form is cleared",
        allowed: "10 to 60",
        default: "30",
        set: |draft, text| seconds(text, 10, 60).map(|limit| draft.config.idle.half_typed = limit),
    },
    Setting {
        section: "kiosk",
        name: "warning_seconds",
        means: "for this long before, a warning counts down",
        allowed: "5 to 30",
        default: "15",
        set: |draft, text| seconds(text, 5, 30).map(|limit| draft.config.idle.warning = limit),
    },
    Setting {
        section: "kiosk",
        name: "visit_minutes",
        means: "a visit lasts no longer than this in all",
        allowed: "5 to 60",
        default: "15",
        set: |draft, text| {
            number(text, 5_u64, 60)
                .map(|minutes| draft.config.idle.in_all = Duration::from_secs(60 * minutes))
        },
    },
    Setting {
        section: "totp",
        name: "issuer",
        means: "the service's name in the phone's list",
        allowed: "1 to 16 letters, digits, dots or hyphens",
        default: "SPSE",
        set: |draft, text| {
            Issuer::parse(text)
                .ok()
                .map(|issuer| draft.config.issuer = issuer)
        },
    },
    Setting {
        section: "password",
        name: "memory_kib",
        means: "memory of one Argon2id hash, in KiB",
        allowed: "19456 to 1048576 (less is too weak)",
        default: "19456",
        set: |draft, text| {
            let kib = number(text, HashCost::MIN.memory_kib, HashCost::MAX.memory_kib);
            kib.map(|kib| draft.config.hash_cost.memory_kib = kib)
        },
    },
    Setting {
        section: "password",
        name: "iterations",
        means: "passes of one Argon2id hash",
        allowed: "2 to 16 (less is too weak)",
        default: "2",
        set: |draft, text| {
            let passes = number(text, HashCost::MIN.iterations, HashCost::MAX.iterations);
            passes.map(|passes| draft.config.hash_cost.iterations = passes)
        },
    },
    Setting {
        section: "password",
        name: "parallelism",
        means: "lanes of one Argon2id hash",
        allowed: "1 to 16",
        default: "1",
        set: |draft, text| {
            let lanes = number(text, HashCost::MIN.parallelism, HashCost::MAX.parallelism);
            lanes.map(|lanes| draft.config.hash_cost.parallelism = lanes)
        },
    },
    Setting {
        section: "password",
        name: "threads",
        means: "threads that hash passwords",
        allowed: "1 to 256",
        default: "as many as cores",
        set: |draft, text| number(text, 1, 256).map(|threads| draft.config.hash_threads = threads),
    },
    Setting {
        section: "password",
        name: "queue",
        means: "hashes that may wait before people are told that it is busy",
        allowed: "1 to 4096",
        default: "64",
        set: |draft, text| number(text, 1, 4096).map(|queue| draft.config.hash_queue = queue),
    },
    Setting {
        section: "store",
        name: "kind",
        means: "the embedded engine that keeps the records",
        allowed: "sled or redb",
        default: "sled",
        set: |draft, text| text.parse().ok().map(|kind| draft.config.store = kind),
    },
    Setting {
        section: "store",
        name: "free_space_floor_mib",
        means: "with less free space than this, in MiB, the store neither opens nor writes",
        allowed: "8 to 65536",
        default: "32",
        set: |draft, text| {
            number(text, 8, 65536).map(|floor| draft.config.free_space_floor_mib = floor)
        },
    },
    Setting {
        section: "store",
        name: "data",
        means: "the data folder: store, audit log, program log",
        allowed: "an absolute path",
        default: "/var/lib/lpse-kiosk for root, else $XDG_DATA_HOME/lpse-kiosk",
        set: |draft, text| absolute(text).map(|path| draft.data = Some(path)),
    },
    Setting {
        section: "keys",
        name: "master_key_file",
        means: "the master key, outside the data folder; created for a new store",
        allowed: "an absolute path",
        default: "/etc/lpse-kiosk/master.key for root, else $XDG_CONFIG_HOME/lpse-kiosk/master.key",
        set: |draft, text| absolute(text).map(|path| draft.master_key_file = Some(path)),
    },
    Setting {
        section: "log",
        name: "level",
        means: "how much the program's log tells",
        allowed: "error, warn, info or debug",
        default: "info",
        set: |draft, text| {
            ["error", "warn", "info", "debug"]
                .contains(&text)
                .then(|| text.parse().ok())?
                .map(|level| draft.config.log_level = level)
        },
    },
];

fn absolute(text: &str) -> Option<PathBuf> {
    let path = PathBuf::from(text);
    path.is_absolute().then_some(path)
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{place}: {setting} = {value:?} is not allowed; it may be {allowed}")]
    Value {
        place: String,
        setting: String,
        value: String,
        allowed: &'static str,
    },
    #[error("{place}: there is no setting {setting}; {hint}")]
    Unknown {
        place: String,
        setting: String,
        hint: String,
    },
    #[error("{place}: {what}")]
    Syntax { place: String, what: String },
    #[error("the configuration file {0} cannot be read: {1}")]
    Unreadable(String, io::Error),
    #[error("there is no home folder to keep data in: name one with --data (or set HOME)")]
    NoHome,
    #[error(
        "the master key file {key} lies inside the data folder {data}, beside what it protects; name another place with --master-key-file"
    )]
    KeyBesideData { key: String, data: String },
}

/// The configuration file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "/etc/lpse-kiosk/config.toml";

impl Config {
    /// Reads file and environment under `flags`.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let environment: BTreeMap<String, String> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::from_parts(flags, &environment, rustix::process::geteuid().is_root())
    }

    fn from_parts(
        flags: &Flags,
        environment: &BTreeMap<String, String>,
        root: bool,
    ) -> Result<Self, ConfigError> {
        let mut draft = Draft {
            config: Self::default(),
            data: None,
            master_key_file: None,
        };
        let named = flags
            .config
            .clone()
            .or_else(|| environment.get("LPSE_KIOSK_CONFIG").map(PathBuf::from));
        let file = named.or_else(|| {
            let default = PathBuf::from(DEFAULT_FILE);
            default.exists().then_some(default)
        });
        if let Some(file) = file {
            let text = fs::read_to_string(&file)
                .map_err(|error| ConfigError::Unreadable(file.display().to_string(), error))?;
            draft.read_file(&file, &text)?;
        }
        draft.read_environment(environment)?;
        draft.finish(flags, environment, root)
    }

    /// Where the embedded store lies.
    pub fn store_folder(&self) -> PathBuf {
        self.data.join("store")
    }

    pub fn audit_file(&self) -> PathBuf {
        self.data.join("audit.jsonl")
    }

    pub fn log_file(&self) -> PathBuf {
        self.data.join("lpse-kiosk.log")
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
            free_space_floor_mib: 32,
            data: PathBuf::new(),
            master_key_file: PathBuf::new(),
            log_level: tracing::level_filters::LevelFilter::INFO,
        }
    }
}

impl Draft {
    fn read_file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let place = |at: usize| {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            format!("{}, line {line}", file.display())
        };
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            place: place(error.span().map_or(0, |span| span.start)),
            what: error.message().to_owned(),
        })?;
        for (section, value) in table.get_ref() {
            let DeValue::Table(settings) = value.get_ref() else {
                return Err(unknown(place(section.span().start), section.get_ref(), ""));
            };
            for (name, value) in settings {
                let at = place(name.span().start);
                let setting = SETTINGS
                    .iter()
                    .find(|s| s.section == section.get_ref() && s.name == name.get_ref())
                    .ok_or_else(|| unknown(at.clone(), section.get_ref(), name.get_ref()))?;
                let written = match value.get_ref() {
                    DeValue::String(text) => text.to_string(),
                    DeValue::Integer(number) => number.to_string(),
                    DeValue::Boolean(truth) => truth.to_string(),
                    other => format!("a {}", other.type_str()),
                };
                let shown = format!("[{}] {}", setting.section, setting.name);
                self.set(setting, at, shown, &written)?;
            }
        }
        Ok(())
    }

    fn read_environment(
        &mut self,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), ConfigError> {
        for (name, value) in environment {
            if !name.starts_with("LPSE_KIOSK_") || name == "LPSE_KIOSK_CONFIG" {
                continue;
            }
            let place = || "the environment".to_owned();
            let setting = SETTINGS
                .iter()
                .find(|setting| setting.variable() == *name)
                .ok_or_else(|| {
                    let names: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
                    ConfigError::Unknown {
                        place: place(),
                        setting: name.clone(),
                        hint: format!("the variables are {}", names.join(", ")),
                    }
                })?;
            self.set(setting, place(), name.clone(), value)?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        setting: &Setting,
        place: String,
        shown: String,
        value: &str,
    ) -> Result<(), ConfigError> {
        (setting.set)(self, value).ok_or_else(|| ConfigError::Value {
            place,
            setting: shown,
            value: value.chars().take(60).collect(),
            allowed: setting.allowed,
        })
    }

    fn finish(
        self,
        flags: &Flags,
        environment: &BTreeMap<String, String>,
        root: bool,
    ) -> Result<Config, ConfigError> {
        let mut config = self.config;
        let home = |variable: &str, below: &str| -> Result<PathBuf, ConfigError> {
            let set = |name| environment.get(name).filter(|path| path.starts_with('/'));
            match (set(variable), set("HOME")) {
                (Some(folder), _) => Ok(PathBuf::from(folder)),
                (None, Some(home)) => Ok(Path::new(home).join(below)),
                (None, None) => Err(ConfigError::NoHome),
            }
        };
        if let Some(kind) = flags.store {
            config.store = kind;
        }
        config.data = match flags.data.clone().or(self.data) {
            Some(folder) => std::path::absolute(&folder).unwrap_or(folder),
            None if root => PathBuf::from("/var/lib/lpse-kiosk"),
            None => home("XDG_DATA_HOME", ".local/share")?.join("lpse-kiosk"),
        };
        let credential = environment
            .get("CREDENTIALS_DIRECTORY")
            .map(|folder| Path::new(folder).join("master-key"))
            .filter(|file| file.exists());
        let named = flags.master_key_file.clone().or(self.master_key_file);
        config.master_key_file = match named.or(credential) {
            Some(file) => std::path::absolute(&file).unwrap_or(file),
            None if root => PathBuf::from("/etc/lpse-kiosk/master.key"),
            None => home("XDG_CONFIG_HOME", ".config")?.join("lpse-kiosk/master.key"),
        };
        if config.master_key_file.starts_with(&config.data) {
            return Err(ConfigError::KeyBesideData {
                key: config.master_key_file.display().to_string(),
                data: config.data.display().to_string(),
            });
        }
        Ok(config)
    }
}

fn unknown(place: String, section: &str, name: &str) -> ConfigError {
    let of_section: Vec<_> = SETTINGS
        .iter()
        .filter(|setting| setting.section == section)
        .map(|setting| setting.name)
        .collect();
    if of_section.is_empty() {
        let mut sections: Vec<_> = SETTINGS.iter().map(|setting| setting.section).collect();
        sections.dedup();
        return ConfigError::Unknown {
            place,
            setting: format!("[{section}] {name}").trim_end().to_owned(),
            hint: format!("the sections are {}", sections.join(", ")),
        };
    }
    ConfigError::Unknown {
        place,
        setting: format!("[{section}] {name}"),
        hint: format!("[{section}] has {}", of_section.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, file).unwrap();
        let mut environment: BTreeMap<String, String> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        environment.insert("HOME".into(), "/home/kios".into());
        let flags = Flags {
            config: Some(path),
            ..flags.clone()
        };
        Config::from_parts(&flags, &environment, false).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_work_with_nothing_set() {
        let config = load("", &[], &Flags::default()).unwrap();
        assert_eq!(config.store, StoreKind::Sled);
        assert_eq!(config.data, Path::new("/home/kios/.local/share/lpse-kiosk"));
        assert_eq!(
            config.master_key_file,
            Path::new("/home/kios/.config/lpse-kiosk/master.key")
        );
    }

    #[test]
    fn flags_go_over_the_environment_and_that_over_the_file() {
        let file = "[store]\nkind = \"redb\"\ndata = \"/from/file\"\n[office]\nzone = \"WIT\"\n";
        let config = load(file, &[], &Flags::default()).unwrap();
        assert_eq!((config.store, config.zone), (StoreKind::Redb, Zone::Wit));
        let environment = [("LPSE_KIOSK_STORE_DATA", "/from/environment")];
        let config = load(file, &environment, &Flags::default()).unwrap();
        assert_eq!(config.data, Path::new("/from/environment"));
        let flags = Flags {
            data: Some("/from/flag".into()),
            ..Flags::default()
        };
        let config = load(file, &environment, &flags).unwrap();
        assert_eq!(config.data, Path::new("/from/flag"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_is_allowed() {
        let refused = |file: &str| load(file, &[], &Flags::default()).unwrap_err();
        let error = refused("# comment\n[store]\nkind = \"mysql\"\n");
        assert!(
            error.contains("line 3") && error.contains("sled or redb"),
            "{error}"
        );
        let error = refused("[password]\nmemory_kib = 1024\n");
        assert!(
            error.contains("line 2") && error.contains("too weak"),
            "{error}"
        );
        let error = refused("[kiosk]\nidle_second = 60\n");
        assert!(
            error.contains("line 2") && error.contains("idle_seconds"),
            "{error}"
        );
        let error = refused("[kisok]\nidle_seconds = 60\n");
        assert!(error.contains("kiosk"), "{error}");
        let error = refused("[kiosk\n");
        assert!(error.contains("line 1"), "{error}");
        let error = refused("kind = \"sled\"\n");
        assert!(error.contains("line 1"), "{error}");
        let error = load("", &[("LPSE_KIOSK_STORE_KING", "sled")], &Flags::default()).unwrap_err();
        assert!(error.contains("LPSE_KIOSK_STORE_KIND"), "{error}");
    }

    #[test]
    fn a_master_key_beside_the_data_is_refused() {
        let flags = Flags {
            data: Some("/srv/kios".into()),
            master_key_file: Some("/srv/kios/master.key".into()),
            ..Flags::default()
        };
        let error = load("", &[], &flags).unwrap_err();
        assert!(error.contains("--master-key-file"), "{error}");
    }

    #[test]
    fn a_systemd_credential_is_taken_when_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().to_str().unwrap();
        let environment = [("CREDENTIALS_DIRECTORY", directory)];
        let config = load("", &environment, &Flags::default()).unwrap();
        assert!(!config.master_key_file.starts_with(folder.path()));
        fs::write(folder.path().join("master-key"), "").unwrap();
        let config = load("", &environment, &Flags::default()).unwrap();
        assert_eq!(config.master_key_file, folder.path().join("master-key"));
    }

    #[test]
    fn no_two_settings_share_a_variable() {
        let mut names: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
