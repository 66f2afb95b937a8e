//! Every setting there is, declared once: the file's sections, the names of the environment variables, what is
//! allowed, the manual's table and the help all derive from [`SETTINGS`].

use std::{path::PathBuf, str::FromStr, time::Duration};

use super::{BaseUrl, Config, Draft, LogFormat, StoreKind, cluster, letters, serving};
use crate::domain::{
    EmailAddress, account::is_disguise, calendar::Zone, language::Language, network::Networks,
    password::HashCost, provisioning::Issuer,
};

/// A setting: where it stands, what it means, and what it may be.
pub struct Setting {
    pub section: &'static str,
    pub name: &'static str,
    pub means: &'static str,
    pub allowed: &'static str,
    pub kind: Kind,
    /// The default in words, where it depends on the machine; otherwise it is the default configuration's value.
    pub(super) default_in_words: Option<&'static str>,
    /// Takes a value over into the draft.
    pub(super) set: fn(&mut Draft, &str) -> Result<(), Refusal>,
    /// The value in force; `None` where there is nothing to name before the program runs.
    pub(super) value: fn(&Config) -> Option<String>,
}

/// How a setting is written in a TOML file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
}

/// What a list of networks may be.
const NETWORKS: &str =
    "addresses and networks with commas between them, such as 10.0.0.5, 10.0.0.0/28, fd00::/8";

fn networks(text: &str) -> Result<Networks, Refusal> {
    Networks::parse(text).map_err(Refusal)
}

/// A list of networks that is not empty.
fn listed(networks: &Networks) -> Option<String> {
    (!networks.is_empty()).then(|| networks.to_string())
}

/// A value was not taken; the reason may be empty where what is allowed says all.
#[derive(Debug)]
pub(super) struct Refusal(pub &'static str);

impl Setting {
    /// `LPSE_KIOSK_STORE_KIND` for `[store] kind`.
    pub fn variable(&self) -> String {
        format!("LPSE_KIOSK_{}_{}", self.section, self.name).to_ascii_uppercase()
    }

    /// What holds when nothing is set.
    pub fn default(&self) -> String {
        match self.default_in_words {
            Some(words) => words.to_owned(),
            None => (self.value)(&Config::default()).unwrap_or_default(),
        }
    }

    /// The value in force in `config`; `None` where it is only known at run time.
    pub fn value(&self, config: &Config) -> Option<String> {
        (self.value)(config)
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}] {}", self.section, self.name)
    }
}

/// All settings as a Markdown table, for manuals.
pub fn markdown_table() -> String {
    let mut table = String::from(
        "| Setting | Meaning | Allowed | Default | Variable |\n|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        table.push_str(&format!(
            "| `{setting}` | {} | {} | {} | `{}` |\n",
            setting.means,
            setting.allowed,
            setting.default(),
            setting.variable()
        ));
    }
    table
}

/// Every setting there is, section by section.
pub const SETTINGS: &[Setting] = &[
    Setting {
        section: "office",
        name: "name",
        means: "the LPSE's name in the header",
        allowed: "1 to 48 characters",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| line(text, 48).map(|name| draft.config.office = name),
        value: |config| Some(config.office.clone()),
    },
    Setting {
        section: "office",
        name: "zone",
        means: "the time zone of the dates on the screens",
        allowed: "WIB, WITA or WIT",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| word::<Zone>(text).map(|zone| draft.config.zone = zone),
        value: |config| Some(config.zone.to_string()),
    },
    Setting {
        section: "office",
        name: "language",
        means: "the language of a fresh menu; F2 switches it",
        allowed: "id or en",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| {
            let language = match text {
                "id" => Language::Id,
                "en" => Language::En,
                _ => return Err(Refusal("")),
            };
            draft.config.language = language;
            Ok(())
        },
        value: |config| {
            Some(match config.language {
                Language::Id => "id".into(),
                Language::En => "en".into(),
            })
        },
    },
    Setting {
        section: "kiosk",
        name: "terminal",
        means: "this terminal's name in activities and in the audit log",
        allowed: "1 to 32 characters",
        kind: Kind::Text,
        default_in_words: Some("the terminal device's name, such as tty1"),
        set: |draft, text| line(text, 32).map(|name| draft.config.terminal = Some(name)),
        value: |config| config.terminal.clone(),
    },
    Setting {
        section: "kiosk",
        name: "idle_seconds",
        means: "without a key for this long, somebody logged in is logged out",
        allowed: "20 to 120",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let limit = number(text, 20, 120, TOO_HASTY, LEFT_OPEN)?;
            draft.config.idle.logged_in = Duration::from_secs(limit);
            Ok(())
        },
        value: |config| Some(config.idle.logged_in.as_secs().to_string()),
    },
    Setting {
        section: "kiosk",
        name: "half_typed_seconds",
        means: "without a key for this long, a half-typed form is cleared",
        allowed: "10 to 60",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let limit = number(text, 10, 60, TOO_HASTY, LEFT_OPEN)?;
            draft.config.idle.half_typed = Duration::from_secs(limit);
            Ok(())
        },
        value: |config| Some(config.idle.half_typed.as_secs().to_string()),
    },
    Setting {
        section: "kiosk",
        name: "warning_seconds",
        means: "a warning counts down for this long before, or for half that time where it is shorter",
        allowed: "5 to 30, and less than idle_seconds",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let warning = number(text, 5, 30, TOO_HASTY, "")?;
            draft.config.idle.warning = Duration::from_secs(warning);
            Ok(())
        },
        value: |config| Some(config.idle.warning.as_secs().to_string()),
    },
    Setting {
        section: "kiosk",
        name: "visit_minutes",
        means: "a visit lasts no longer than this in all, keys or not",
        allowed: "5 to 60",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let minutes = number(text, 5, 60, TOO_HASTY, LEFT_OPEN)?;
            draft.config.idle.in_all = Duration::from_secs(60 * minutes);
            Ok(())
        },
        value: |config| Some((config.idle.in_all.as_secs() / 60).to_string()),
    },
    Setting {
        section: "totp",
        name: "issuer",
        means: "the service's name in the phone's list",
        allowed: "1 to 16 letters, digits, dots or hyphens",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| {
            draft.config.issuer = Issuer::parse(text).map_err(|_| Refusal(""))?;
            Ok(())
        },
        value: |config| Some(config.issuer.as_str().to_owned()),
    },
    Setting {
        section: "password",
        name: "memory_kib",
        means: "memory of one Argon2id hash, in KiB",
        allowed: "19456 to 1048576",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let (least, most) = (HashCost::MIN.memory_kib, HashCost::MAX.memory_kib);
            draft.config.hash_cost.memory_kib = number(text, least, most, WEAK_HASH, SLOW_HASH)?;
            Ok(())
        },
        value: |config| Some(config.hash_cost.memory_kib.to_string()),
    },
    Setting {
        section: "password",
        name: "iterations",
        means: "passes of one Argon2id hash",
        allowed: "2 to 16",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let (least, most) = (HashCost::MIN.iterations, HashCost::MAX.iterations);
            draft.config.hash_cost.iterations = number(text, least, most, WEAK_HASH, SLOW_HASH)?;
            Ok(())
        },
        value: |config| Some(config.hash_cost.iterations.to_string()),
    },
    Setting {
        section: "password",
        name: "parallelism",
        means: "lanes of one Argon2id hash",
        allowed: "1 to 16",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let (least, most) = (HashCost::MIN.parallelism, HashCost::MAX.parallelism);
            draft.config.hash_cost.parallelism = number(text, least, most, "", "")?;
            Ok(())
        },
        value: |config| Some(config.hash_cost.parallelism.to_string()),
    },
    Setting {
        section: "password",
        name: "threads",
        means: "threads that hash passwords",
        allowed: "1 to 256",
        kind: Kind::Number,
        default_in_words: Some("as many as cores"),
        set: |draft, text| {
            draft.config.hash_threads = number(text, 1, 256, "", "")?;
            Ok(())
        },
        value: |config| Some(config.hash_threads.to_string()),
    },
    Setting {
        section: "password",
        name: "queue",
        means: "hashes that may wait before people are told that it is busy, and as many from addresses where nobody has logged in",
        allowed: "1 to 4096",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            draft.config.hash_queue = number(text, 1, 4096, "", "")?;
            Ok(())
        },
        value: |config| Some(config.hash_queue.to_string()),
    },
    Setting {
        section: "store",
        name: "kind",
        means: "what keeps the records: an engine of this machine's own, or an etcd cluster that several machines share",
        allowed: "sled, redb or etcd",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| word::<StoreKind>(text).map(|kind| draft.config.store = kind),
        value: |config| Some(config.store.to_string()),
    },
    Setting {
        section: "store",
        name: "endpoints",
        means: "etcd: where the cluster's members take clients",
        allowed: "up to nine URLs with ports, commas between them; https, or http on this machine",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            draft.config.cluster.endpoints = cluster::endpoints(text).ok_or(Refusal(""))?;
            Ok(())
        },
        value: |config| cluster::shown(&config.cluster.endpoints),
    },
    Setting {
        section: "store",
        name: "authority_file",
        means: "etcd: the certificates (PEM) of the authority that signed the members' own",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            absolute(text).map(|path| draft.config.cluster.authority_file = Some(path))
        },
        value: |config| shown(config.cluster.authority_file.as_ref()),
    },
    Setting {
        section: "store",
        name: "certificate_file",
        means: "etcd: this machine's certificate (PEM), where the cluster wants one",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            absolute(text).map(|path| draft.config.cluster.certificate_file = Some(path))
        },
        value: |config| shown(config.cluster.certificate_file.as_ref()),
    },
    Setting {
        section: "store",
        name: "key_file",
        means: "etcd: the certificate's key (PEM), readable by its owner alone",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| absolute(text).map(|path| draft.config.cluster.key_file = Some(path)),
        value: |config| shown(config.cluster.key_file.as_ref()),
    },
    Setting {
        section: "store",
        name: "user",
        means: "etcd: the user of its own login, where that is on",
        allowed: "1 to 128 characters",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| line(text, 128).map(|user| draft.config.cluster.user = Some(user)),
        value: |config| config.cluster.user.clone(),
    },
    Setting {
        section: "store",
        name: "password_file",
        means: "etcd: a file with that user's password, readable by its owner alone",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            absolute(text).map(|path| draft.config.cluster.password_file = Some(path))
        },
        value: |config| shown(config.cluster.password_file.as_ref()),
    },
    Setting {
        section: "store",
        name: "prefix",
        means: "etcd: what all keys begin with, so that a cluster can serve others too",
        allowed: "2 to 64 characters, the first and the last a slash",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| {
            draft.config.cluster.prefix = cluster::prefix(text).ok_or(Refusal(""))?;
            Ok(())
        },
        value: |config| Some(config.cluster.prefix.clone()),
    },
    Setting {
        section: "store",
        name: "timeout_seconds",
        means: "etcd: how long one question may take, elections included, before people are told that the service is unavailable",
        allowed: "2 to 30",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let seconds = number(
                text,
                2,
                30,
                "an election of a new leader takes that long",
                "nobody waits so long at a screen that does not answer",
            )?;
            draft.config.cluster.patience = Duration::from_secs(seconds);
            Ok(())
        },
        value: |config| Some(config.cluster.patience.as_secs().to_string()),
    },
    Setting {
        section: "store",
        name: "node",
        means: "etcd: this machine's name among those that share the store; it stays with the data folder",
        allowed: "1 to 64 letters, digits, dots, dashes and underscores",
        kind: Kind::Text,
        default_in_words: Some("the host's name"),
        set: |draft, text| {
            draft.config.cluster.node = Some(cluster::node(text).ok_or(Refusal(""))?);
            Ok(())
        },
        value: |config| config.cluster.node.clone(),
    },
    Setting {
        section: "store",
        name: "free_space_floor_mib",
        means: "with less free space than this, in MiB, the store neither opens nor writes",
        allowed: "8 to 65536",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let below = "a disk that fills up under the store can damage it";
            draft.config.free_space_floor_mib = number(text, 8, 65536, below, "")?;
            Ok(())
        },
        value: |config| Some(config.free_space_floor_mib.to_string()),
    },
    Setting {
        section: "store",
        name: "data",
        means: "the data folder: the store, and the logs unless they are elsewhere",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("/var/lib/lpse-kiosk for root, else $XDG_DATA_HOME/lpse-kiosk"),
        set: |draft, text| absolute(text).map(|path| draft.data = Some(path)),
        value: |config| Some(config.data.display().to_string()),
    },
    Setting {
        section: "keys",
        name: "master_key_file",
        means: "the master key, outside the data folder; created for a new store",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some(
            "master-key in $CREDENTIALS_DIRECTORY if it is there, else /etc/lpse-kiosk/master.key for root, else \
             $XDG_CONFIG_HOME/lpse-kiosk/master.key",
        ),
        set: |draft, text| absolute(text).map(|path| draft.master_key_file = Some(path)),
        value: |config| Some(config.master_key_file.display().to_string()),
    },
    Setting {
        section: "mail",
        name: "server",
        means: "the mail server that takes the letters; without one, a reset is an officer's work",
        allowed: "a host name or address",
        kind: Kind::Text,
        default_in_words: Some("none, and no letters"),
        set: |draft, text| host(text).map(|server| draft.config.mail.server = Some(server)),
        value: |config| config.mail.server.clone(),
    },
    Setting {
        section: "mail",
        name: "port",
        means: "its port",
        allowed: "1 to 65535",
        kind: Kind::Number,
        default_in_words: Some("587, with security = tls 465, with none 25"),
        set: |draft, text| {
            let port = number(text, 1, 65535, "", "")?;
            draft.config.mail.set_port(port);
            Ok(())
        },
        value: |config| {
            let server = config.mail.server.as_ref();
            server.map(|_| config.mail.port().to_string())
        },
    },
    Setting {
        section: "mail",
        name: "security",
        means: "how the way to it is protected; there is no falling back to less",
        allowed: "starttls, tls, or none for a server on this machine",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| word(text).map(|security| draft.config.mail.security = security),
        value: |config| Some(config.mail.security.as_str().to_owned()),
    },
    Setting {
        section: "mail",
        name: "user",
        means: "the name to log in to it with",
        allowed: "1 to 128 characters",
        kind: Kind::Text,
        default_in_words: Some("none, and no login"),
        set: |draft, text| line(text, 128).map(|user| draft.config.mail.user = Some(user)),
        value: |config| config.mail.user.clone(),
    },
    Setting {
        section: "mail",
        name: "password_file",
        means: "a file with the password to log in to it with, readable by its owner alone",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("smtp-password in $CREDENTIALS_DIRECTORY if it is there"),
        set: |draft, text| absolute(text).map(|path| draft.config.mail.password_file = Some(path)),
        value: |config| shown(config.mail.password_file.as_ref()),
    },
    Setting {
        section: "mail",
        name: "from",
        means: "the letters' sender; the name beside it is the LPSE's",
        allowed: "an e-mail address",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            let from = EmailAddress::parse(text).map_err(|_| Refusal(""))?;
            draft.config.mail.from = Some(from);
            Ok(())
        },
        value: |config| config.mail.from.as_ref().map(ToString::to_string),
    },
    Setting {
        section: "mail",
        name: "hello",
        means: "how this machine calls itself to the mail server (EHLO), which may ask for a name that it knows",
        allowed: "a host name, or an address such as [192.0.2.1] or [IPv6:2001:db8::1]",
        kind: Kind::Text,
        default_in_words: Some(
            "the machine's full name if it has one, else the address it speaks from",
        ),
        set: |draft, text| {
            let name = line(text, 253)?;
            if !letters::is_hello(&name) {
                return Err(Refusal(""));
            }
            draft.config.mail.hello = Some(name);
            Ok(())
        },
        value: |config| config.mail.hello.clone(),
    },
    Setting {
        section: "mail",
        name: "authority_file",
        means: "certificates (PEM) to trust besides the system's, for a mail server with one of its own",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| absolute(text).map(|path| draft.config.mail.authority_file = Some(path)),
        value: |config| shown(config.mail.authority_file.as_ref()),
    },
    Setting {
        section: "web",
        name: "listen",
        means: "where the page of the letters' links is served",
        allowed: "an address and a port, such as 127.0.0.1:8080",
        kind: Kind::Text,
        default_in_words: Some("nowhere; in training mode a free port of this machine"),
        set: |draft, text| word(text).map(|listen| draft.config.web.listen = Some(listen)),
        value: |config| config.web.listen.map(|listen| listen.to_string()),
    },
    Setting {
        section: "web",
        name: "base_url",
        means: "how people reach that page: the beginning of every link",
        allowed: "https://host, with a port and a path if need be; http for this machine only",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            draft.config.web.base_url = Some(BaseUrl::parse(text).map_err(Refusal)?);
            Ok(())
        },
        value: |config| config.web.base_url.as_ref().map(ToString::to_string),
    },
    Setting {
        section: "web",
        name: "certificate",
        means: "the page's own certificate chain (PEM); without one a proxy has to speak HTTPS",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| {
            absolute(text).map(|path| draft.config.web.certificate_file = Some(path))
        },
        value: |config| shown(config.web.certificate_file.as_ref()),
    },
    Setting {
        section: "web",
        name: "key",
        means: "that certificate's key (PEM), readable by its owner alone",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| absolute(text).map(|path| draft.config.web.key_file = Some(path)),
        value: |config| shown(config.web.key_file.as_ref()),
    },
    Setting {
        section: "web",
        name: "trusted_proxies",
        means: "proxies whose X-Forwarded-For is believed",
        allowed: NETWORKS,
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| networks(text).map(|list| draft.config.web.trusted_proxies = list),
        value: |config| listed(&config.web.trusted_proxies),
    },
    Setting {
        section: "web",
        name: "proxies",
        means: "balancers that speak the PROXY protocol: connections to the page from there begin with a header that tells the caller's address, or are refused",
        allowed: NETWORKS,
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| networks(text).map(|list| draft.config.web.proxies = list),
        value: |config| listed(&config.web.proxies),
    },
    Setting {
        section: "reset",
        name: "link_minutes",
        means: "how long the link and the short code of a letter hold",
        allowed: "5 to 60",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let above = "too weak, a mailbox that is read later would still hold a good link";
            let minutes: u64 = number(text, 5, 60, "letters take a while", above)?;
            draft.config.link_holds = Duration::from_secs(60 * minutes);
            Ok(())
        },
        value: |config| Some((config.link_holds.as_secs() / 60).to_string()),
    },
    Setting {
        section: "reset",
        name: "letters_an_hour",
        means: "letters about requests that are written in an hour at most, over all accounts",
        allowed: "10 to 100000",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            draft.config.letters_an_hour = number(text, 10, 100_000, "", "")?;
            Ok(())
        },
        value: |config| Some(config.letters_an_hour.to_string()),
    },
    Setting {
        section: "ssh",
        name: "listen",
        means: "where `serve` listens for SSH",
        allowed: "addresses with ports, commas between them",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| {
            draft.config.ssh.listen = serving::places(text).ok_or(Refusal(""))?;
            Ok(())
        },
        value: |config| {
            let places = config.ssh.listen.iter().map(ToString::to_string);
            Some(places.collect::<Vec<_>>().join(", "))
        },
    },
    Setting {
        section: "ssh",
        name: "proxies",
        means: "balancers that speak the PROXY protocol: SSH connections from there begin with a header that tells the caller's address, or are refused",
        allowed: NETWORKS,
        kind: Kind::Text,
        default_in_words: Some("none"),
        set: |draft, text| networks(text).map(|list| draft.config.ssh.proxies = list),
        value: |config| listed(&config.ssh.proxies),
    },
    Setting {
        section: "ssh",
        name: "host_key",
        means: "file with the SSH host key, created if there is none; or the systemd credential ssh-host-key",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("ssh_host_ed25519_key in the data folder"),
        set: |draft, text| absolute(text).map(|path| draft.config.ssh.host_key = Some(path)),
        value: |config| Some(config.host_key_file().display().to_string()),
    },
    Setting {
        section: "ssh",
        name: "sessions",
        means: "SSH connections in all; when they are taken, the oldest that has not logged in gives way",
        allowed: "1 to 20000",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            draft.config.ssh.sessions = number(text, 1, 20_000, "", "")?;
            Ok(())
        },
        value: |config| Some(config.ssh.sessions.to_string()),
    },
    Setting {
        section: "ssh",
        name: "sessions_per_source",
        means: "SSH connections of one source, which is an IPv4 address or an IPv6 /64",
        allowed: "1 to 20000",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            draft.config.ssh.sessions_per_source = number(text, 1, 20_000, "", "")?;
            Ok(())
        },
        value: |config| Some(config.ssh.sessions_per_source.to_string()),
    },
    Setting {
        section: "ssh",
        name: "startups",
        means: "SSH connections in all that have not come as far as a screen",
        allowed: "1 to 1000",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            draft.config.ssh.startups = number(text, 1, 1000, "", "each may cost 256 KiB")?;
            Ok(())
        },
        value: |config| Some(config.ssh.startups.to_string()),
    },
    Setting {
        section: "ssh",
        name: "login_seconds",
        means: "an SSH session that nobody has logged in at ends after this long",
        allowed: "30 to 600",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let seconds = number(text, 30, 600, TOO_HASTY, "strangers would hold places")?;
            draft.config.ssh.before_login = Duration::from_secs(seconds);
            Ok(())
        },
        value: |config| Some(config.ssh.before_login.as_secs().to_string()),
    },
    Setting {
        section: "ssh",
        name: "session_minutes",
        means: "an SSH session ends after this long in all",
        allowed: "15 to 480",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let minutes: u64 = number(text, 15, 480, TOO_HASTY, "strangers would hold places")?;
            draft.config.ssh.in_all = Duration::from_secs(60 * minutes);
            Ok(())
        },
        value: |config| Some((config.ssh.in_all.as_secs() / 60).to_string()),
    },
    Setting {
        section: "ssh",
        name: "grace_seconds",
        means: "how long people may finish when `serve` is to leave",
        allowed: "0 to 300",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let seconds = number(text, 0, 300, "", "the machine wants to go down before")?;
            draft.config.ssh.grace = Duration::from_secs(seconds);
            Ok(())
        },
        value: |config| Some(config.ssh.grace.as_secs().to_string()),
    },
    Setting {
        section: "ssh",
        name: "penalty_seconds",
        means: "a source whose SSH connections misbehave is refused for no longer than this; 0 refuses none",
        allowed: "0 to 3600",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let seconds = number(text, 0, 3600, "", "a whole office may share one address")?;
            draft.config.ssh.longest_penalty = Duration::from_secs(seconds);
            Ok(())
        },
        value: |config| Some(config.ssh.longest_penalty.as_secs().to_string()),
    },
    Setting {
        section: "metrics",
        name: "listen",
        means: "where health and Prometheus metrics are told",
        allowed: "an address of this machine alone, with a port, such as 127.0.0.1:9464",
        kind: Kind::Text,
        default_in_words: Some("nowhere"),
        set: |draft, text| {
            let place: std::net::SocketAddr = word(text)?;
            if !place.ip().is_loopback() {
                return Err(Refusal("everybody on the network could read along"));
            }
            draft.config.metrics = Some(place);
            Ok(())
        },
        value: |config| config.metrics.map(|place| place.to_string()),
    },
    Setting {
        section: "log",
        name: "file",
        means: "the program's own log",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some(
            "lpse-kiosk.log in the data folder; of `serve` without a terminal, standard error",
        ),
        set: |draft, text| absolute(text).map(|path| draft.config.log = Some(path)),
        value: |config| Some(config.log_file().display().to_string()),
    },
    Setting {
        section: "log",
        name: "format",
        means: "how the program's own log is written",
        allowed: "text, json or journald",
        kind: Kind::Text,
        default_in_words: Some("journald under systemd, else text"),
        set: |draft, text| {
            word(text).map(|format: LogFormat| draft.config.log_format = Some(format))
        },
        value: |config| config.log_format.map(|format| format.to_string()),
    },
    Setting {
        section: "log",
        name: "level",
        means: "how much the program's own log tells",
        allowed: "error, warn, info or debug",
        kind: Kind::Text,
        default_in_words: None,
        set: |draft, text| {
            // Narrower than what the level's own parser takes: "trace" would log more than anybody has reviewed.
            if !["error", "warn", "info", "debug"].contains(&text) {
                return Err(Refusal(""));
            }
            word(text).map(|level| draft.config.log_level = level)
        },
        value: |config| Some(config.log_level.to_string()),
    },
    Setting {
        section: "audit",
        name: "file",
        means: "the audit log: who did what, when, from where, with what outcome",
        allowed: "an absolute path",
        kind: Kind::Text,
        default_in_words: Some("audit.jsonl in the data folder"),
        set: |draft, text| absolute(text).map(|path| draft.config.audit = Some(path)),
        value: |config| Some(config.audit_file().display().to_string()),
    },
    Setting {
        section: "audit",
        name: "rotate_mib",
        means: "a file of the audit log that is as large as this, in MiB, is put aside under its first record's number; none is ever deleted",
        allowed: "1 to 4096",
        kind: Kind::Number,
        default_in_words: None,
        set: |draft, text| {
            let mib = number(
                text,
                1,
                4096,
                "",
                "too large to look at, and to move elsewhere",
            )?;
            draft.config.audit_rotate_mib = mib;
            Ok(())
        },
        value: |config| Some(config.audit_rotate_mib.to_string()),
    },
];

const TOO_HASTY: &str = "nobody can read and type so fast";
const LEFT_OPEN: &str = "too weak, the next person at the terminal would find it open";
const WEAK_HASH: &str =
    "too weak, whoever steals the store could try too many passwords per second";
const SLOW_HASH: &str = "one login would take the whole machine";

fn number<T: FromStr + PartialOrd>(
    text: &str,
    least: T,
    most: T,
    below: &'static str,
    above: &'static str,
) -> Result<T, Refusal> {
    let number: T = text.parse().map_err(|_| Refusal(""))?;
    if number < least {
        Err(Refusal(below))
    } else if number > most {
        Err(Refusal(above))
    } else {
        Ok(number)
    }
}

fn word<T: FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal(""))
}

/// One line for a screen or a log: nothing that moves a cursor or hides.
fn line(text: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().any(is_disguise) {
        return Err(Refusal("it contains control or text-direction characters"));
    }
    if text.is_empty() || text.chars().count() > longest {
        return Err(Refusal(""));
    }
    Ok(text.to_owned())
}

/// A host name or an address: nothing that could be taken for more than that.
fn host(text: &str) -> Result<String, Refusal> {
    let text = line(text, 253)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if text.chars().all(allowed) {
        Ok(text)
    } else {
        Err(Refusal(""))
    }
}

fn shown(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

fn absolute(text: &str) -> Result<PathBuf, Refusal> {
    let path = PathBuf::from(text);
    if path.is_absolute() && !text.contains('\0') {
        Ok(path)
    } else {
        Err(Refusal(
            "where it leads would depend on where the program is started",
        ))
    }
}
