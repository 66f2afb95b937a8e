//! Tests of the configuration: what it takes, in which order, and how it refuses the rest.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
    },
    time::Duration,
};

use super::*;
use crate::domain::calendar::Zone;

fn environment(variables: &[(&str, &str)]) -> Environment {
    let mut environment: Environment = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect();
    environment
        .entry("HOME".into())
        .or_insert("/home/kios".into());
    environment
}

/// Always with a file of the test's own: this machine may have one where the program looks when none is named.
fn load_under(
    file: &str,
    environment: &Environment,
    flags: &Flags,
    of_service: bool,
) -> Result<(Config, Origins), ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, file).unwrap();
    let flags = Flags {
        config: Some(path),
        ..flags.clone()
    };
    Config::from_sources(&flags, environment, &|| of_service)
}

fn load_all(
    file: &str,
    variables: &[(&str, &str)],
    flags: &Flags,
) -> Result<(Config, Origins), String> {
    load_under(file, &environment(variables), flags, false).map_err(|error| error.to_string())
}

fn load(file: &str, variables: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
    load_all(file, variables, flags).map(|(config, _)| config)
}

/// The refusal of a file; it must hold every one of `words`.
fn refused(file: &str, words: &[&str]) {
    match load(file, &[], &Flags::default()) {
        Ok(_) => panic!("{file:?} was taken"),
        Err(error) => {
            for word in words {
                assert!(error.contains(word), "{word:?} is missing in: {error}");
            }
        }
    }
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
    assert_eq!(config.audit_file(), config.data.join("audit.jsonl"));
    assert_eq!(config.log_file(), config.data.join("lpse-kiosk.log"));
}

#[test]
fn the_service_has_its_own_places_and_xdg_folders_count_only_when_absolute() {
    let load = |variables: &[(&str, &str)], of_service| {
        let loaded = load_under("", &environment(variables), &Flags::default(), of_service);
        let (config, _) = loaded.unwrap();
        (config.data, config.master_key_file)
    };
    assert_eq!(
        load(&[], true),
        (
            "/var/lib/lpse-kiosk".into(),
            "/etc/lpse-kiosk/master.key".into()
        )
    );
    let xdg = [("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "relative")];
    assert_eq!(
        load(&xdg, false),
        (
            "/d/lpse-kiosk".into(),
            "/home/kios/.config/lpse-kiosk/master.key".into()
        )
    );
    // Whoever names the service's folder means its key, too.
    let named = [(DATA_VARIABLE, "/var/lib/lpse-kiosk")];
    assert_eq!(load(&named, false), load(&[], true));
    let homeless = Environment::new();
    let error = load_under("", &homeless, &Flags::default(), false).unwrap_err();
    assert!(matches!(error, ConfigError::NoHome), "{error}");
}

#[test]
fn flags_go_over_the_environment_and_that_over_the_file() {
    let file = "[store]\nkind = \"redb\"\ndata = \"/from/file\"\n[office]\nzone = \"WIT\"\n";
    let data = source::find("store", "data").unwrap();
    let (config, origins) = load_all(file, &[], &Flags::default()).unwrap();
    assert_eq!((config.store, config.zone), (StoreKind::Redb, Zone::Wit));
    assert_eq!(config.data, Path::new("/from/file"));
    assert!(matches!(
        origins.of(data.section, data.name),
        Origin::File { line: 3, .. }
    ));
    for variable in ["LPSE_KIOSK_STORE_DATA", DATA_VARIABLE] {
        let set = [(variable, "/from/environment")];
        let (config, origins) = load_all(file, &set, &Flags::default()).unwrap();
        assert_eq!(config.data, Path::new("/from/environment"));
        assert_eq!(
            origins.of(data.section, data.name),
            Origin::Variable(variable.into())
        );
        let flags = Flags {
            data: Some("/from/flag".into()),
            ..Flags::default()
        };
        let (config, origins) = load_all(file, &set, &flags).unwrap();
        assert_eq!(config.data, Path::new("/from/flag"));
        assert_eq!(origins.of(data.section, data.name), Origin::Flag("--data"));
    }
    let both = [("LPSE_KIOSK_STORE_DATA", "/a"), (DATA_VARIABLE, "/b")];
    let error = load(file, &both, &Flags::default()).unwrap_err();
    assert!(
        error.contains("LPSE_KIOSK_DATA and LPSE_KIOSK_STORE_DATA"),
        "{error}"
    );
}

#[test]
fn every_setting_is_taken_from_the_file_and_from_the_environment() {
    // A value that is allowed and not the default.
    let other = |setting: &Setting| match (setting.section, setting.name) {
        ("office", "name") => "LPSE Kota Contoh",
        ("office", "zone") => "WITA",
        ("office", "language") => "en",
        ("office", "banner") => "Buka 08.00 sampai 15.00.",
        ("kiosk", "terminal") => "loket-3",
        ("kiosk", "theme") => "light",
        ("totp", "issuer") => "SPSE-Contoh",
        ("password", "memory_kib") => "65536",
        ("password", "iterations" | "parallelism") => "3",
        ("password", "threads") => "17",
        ("store", "kind") => "redb",
        ("store", "data") => "/srv/kios",
        ("store", "endpoints") => "https://192.0.2.1:2379, https://[::1]:2379",
        ("store", "certificate_file" | "key_file") => "/srv/rahasia",
        ("store", "user") => "kios",
        ("store", "prefix") => "/lpse-lain/",
        ("store", "node") => "loket-7",
        ("keys", "master_key_file") => "/srv/kunci",
        (_, "file") => "/srv/catatan",
        ("audit", "checkpoints") => "/srv/saksi",
        ("log", "level") => "debug",
        ("log", "format") => "json",
        ("ssh", "listen") => "192.0.2.1:22, [::1]:2222",
        ("ssh", "host_key") => "/srv/kunci-ssh",
        ("ssh", "login_seconds") => "60",
        ("metrics", "listen") => "unix:/run/lpse-kiosk/metrics.sock",
        ("metrics", "group") => "telegraf",
        ("metrics", "token_file") => "/srv/rahasia",
        ("mail", "server") => "mail.contoh.go.id",
        ("mail", "security") => "tls",
        ("mail", "user") => "kios",
        ("mail", "from") => "lpse@contoh.go.id",
        ("mail", "hello") => "loket-1.contoh.go.id",
        ("web", "listen") => "127.0.0.1:8080",
        ("web", "base_url") => "https://lpse.contoh.go.id",
        ("web", "trusted_proxies") => "127.0.0.1, ::1",
        (_, "proxies") => "10.0.0.5, 10.0.0.0/28, fd00::/8",
        (_, "password_file" | "authority_file" | "certificate" | "key") => "/srv/rahasia",
        _ => "20",
    };
    // What a setting makes no sense without.
    let company = |setting: &Setting| match (setting.section, setting.name) {
        ("mail", "server" | "port") => {
            vec![("mail", "server"), ("mail", "from"), ("web", "base_url")]
        }
        ("mail", "user" | "password_file") => vec![("mail", "user"), ("mail", "password_file")],
        ("web", "listen") => vec![("web", "base_url")],
        ("store", "endpoints") => vec![("store", "authority_file")],
        ("store", "certificate_file" | "key_file") => {
            vec![("store", "certificate_file"), ("store", "key_file")]
        }
        ("store", "user" | "password_file") => {
            vec![("store", "user"), ("store", "password_file")]
        }
        ("web", "certificate" | "key") => vec![("web", "certificate"), ("web", "key")],
        ("metrics", "certificate" | "key") => {
            vec![("metrics", "certificate"), ("metrics", "key")]
        }
        _ => Vec::new(),
    };
    for setting in SETTINGS.iter() {
        let value = other(setting);
        let default = load("", &[], &Flags::default()).unwrap();
        assert_ne!(setting.value(&default).as_deref(), Some(value), "{setting}");
        let written = match setting.kind {
            Kind::Text => format!("[{}]\n{} = {value:?}", setting.section, setting.name),
            Kind::Number => format!("[{}]\n{} = {value}", setting.section, setting.name),
        };
        let variable = setting.variable();
        let company: Vec<(String, &str)> = company(setting)
            .into_iter()
            .filter_map(|(section, name)| source::find(section, name))
            .filter(|companion| companion.variable() != variable)
            .map(|companion| (companion.variable(), other(companion)))
            .collect();
        for (file, own) in [
            (written.as_str(), None),
            ("", Some((variable.as_str(), value))),
        ] {
            let variables: Vec<(&str, &str)> = company
                .iter()
                .map(|(name, value)| (name.as_str(), *value))
                .chain(own)
                .collect();
            let (config, origins) = load_all(file, &variables, &Flags::default()).unwrap();
            assert_eq!(
                setting.value(&config).as_deref(),
                Some(value),
                "{setting} from {:?}",
                origins.of(setting.section, setting.name)
            );
            assert_ne!(
                origins.of(setting.section, setting.name),
                Origin::Default,
                "{setting}"
            );
        }
    }
    let config = load("[kiosk]\nvisit_minutes = 20", &[], &Flags::default()).unwrap();
    assert_eq!(config.idle.in_all, Duration::from_secs(20 * 60));
}

#[test]
fn every_example_is_allowed() {
    for setting in SETTINGS.iter() {
        let example = setting.example();
        assert!(!example.is_empty(), "{setting}");
        let taken = setting.set(&mut Config::default(), &example);
        assert_eq!(taken, Ok(()), "{setting} = {example}");
    }
}

#[test]
fn metrics_are_told_to_others_only_by_tls_and_with_a_token() {
    let token = "token_file = \"/srv/token\"";
    let pair = "certificate = \"/srv/pem\"\nkey = \"/srv/key\"";
    let settings = |listen: &str, others: &[&str]| {
        format!("[metrics]\nlisten = {listen:?}\n{}", others.join("\n"))
    };
    for far in [
        "0.0.0.0:9464",
        "192.0.2.1:9464",
        "[::]:9464",
        "[2001:db8::1]:9464",
    ] {
        refused(&settings(far, &[]), &["so [metrics] token_file must"]);
        refused(&settings(far, &[pair]), &["so [metrics] token_file must"]);
        refused(
            &settings(far, &[token]),
            &["so [metrics] certificate and key must"],
        );
        load(&settings(far, &[token, pair]), &[], &Flags::default()).unwrap();
    }
    for near in ["127.0.0.1:9464", "[::1]:9464", "[::ffff:127.0.0.1]:9464"] {
        for others in [&[][..], &[token], &[pair], &[token, pair]] {
            load(&settings(near, others), &[], &Flags::default()).unwrap();
        }
    }
    let socket = "unix:/run/lpse-kiosk/metrics.sock";
    for others in [&[][..], &["group = \"telegraf\""], &[token]] {
        load(&settings(socket, others), &[], &Flags::default()).unwrap();
    }
    refused(
        &settings(socket, &[pair]),
        &["listen is a socket of this machine"],
    );
    refused(
        &settings(socket, &["key = \"/srv/key\""]),
        &["[metrics] certificate and [metrics] key go together"],
    );
    for wrong in [
        "unix:metrics.sock",
        "unix:",
        "unix:/run/",
        "localhost:9464",
        "9464",
        "",
    ] {
        refused(
            &settings(wrong, &[]),
            &["[metrics] listen", "unix: and the absolute path"],
        );
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_its_value_and_what_is_allowed() {
    refused(
        "# comment\n[store]\nkind = \"mysql\"\n",
        &[
            "config.toml, line 3",
            "[store] kind = \"mysql\"",
            "sled, redb or etcd",
        ],
    );
    refused(
        "[password]\nmemory_kib = 1_024\n",
        &["line 2", "1_024", "too weak", "19456 to 1048576"],
    );
    refused(
        "[kiosk]\nidle_seconds = 3600",
        &["3600", "too weak", "20 to 120"],
    );
    refused("[kiosk]\nidle_seconds = 0x10", &["0x10", "20 to 120"]);
    refused(
        "[kiosk]\nidle_seconds = \"90\"",
        &[
            "line 2",
            "\"90\" is not a whole number without quotes",
            "20 to 120",
        ],
    );
    refused(
        "[office]\nname = true",
        &["true is not text in quotes", "48"],
    );
    refused(
        "[kiosk]\nidle_seconds = 99999999999999999999999",
        &["line 2"],
    );
    refused(
        "[store]\ndata = \"data\"",
        &["\"data\"", "an absolute path"],
    );
    refused("[office]\nname = \"a\\u001b[31m\"", &["line 2", "control"]);
    refused(
        &format!("[office]\nname = \"{}\"", "x".repeat(5000)),
        &["line 2", "…", "48"],
    );
}

#[test]
fn a_number_in_any_of_tomls_spellings_is_that_number() {
    for written in ["90", "9_0", "0x5a", "+90"] {
        let file = format!("[kiosk]\nidle_seconds = {written}");
        let config = load(&file, &[], &Flags::default()).unwrap();
        assert_eq!(config.idle.logged_in, Duration::from_secs(90), "{written}");
    }
}

#[test]
fn what_is_unknown_is_told_with_its_place_and_the_nearest_name() {
    refused(
        "[kiosk]\nidle_second = 60\n",
        &["line 2", "[kiosk] idle_second", "nearest is idle_seconds"],
    );
    refused("\n[kisok]\nidle_seconds = 60\n", &["line 3", "[kiosk]"]);
    refused("[empty]\n", &["line 1", "empty", "[office]"]);
    refused("[kiosk\n", &["line 1"]);
    refused(
        "[kiosk]\nidle_seconds = 60\nidle_seconds = 70\n",
        &["line 3"],
    );
    refused("kind = \"sled\"\n", &["line 1", "kind", "[store]"]);
    let unknown = |name: &str| load("", &[(name, "rahasia")], &Flags::default()).unwrap_err();
    let error = unknown("LPSE_KIOSK_STORE_KING");
    assert!(
        error.contains("nearest is LPSE_KIOSK_STORE_KIND"),
        "{error}"
    );
    let error = unknown("LPSE_KIOSK_MASTER_KEY");
    assert!(error.contains("LPSE_KIOSK_KEYS_MASTER_KEY_FILE"), "{error}");
    assert!(
        !error.contains("rahasia"),
        "a secret given by mistake is shown: {error}"
    );
    let error = unknown("LPSE_KIOSK_");
    assert!(error.contains("LPSE_KIOSK_DATA"), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_refused_not_skipped() {
    let mut variables = environment(&[]);
    let bad = OsStr::from_bytes(b"\xff\xfe");
    variables.insert("LPSE_KIOSK_OFFICE_NAME".into(), bad.into());
    let error = load_under("", &variables, &Flags::default(), false).unwrap_err();
    assert!(
        error.to_string().contains("LPSE_KIOSK_OFFICE_NAME"),
        "{error}"
    );
    let mut variables = environment(&[]);
    variables.insert(OsStr::from_bytes(b"LPSE_KIOSK_\xff").into(), "x".into());
    let error = load_under("", &variables, &Flags::default(), false).unwrap_err();
    assert!(matches!(error, ConfigError::Unknown { .. }), "{error}");
}

#[test]
fn a_warning_as_long_as_what_it_warns_of_is_refused() {
    refused(
        "[kiosk]\nidle_seconds = 20\nwarning_seconds = 20",
        &["line 3", "line 2", "less than idle_seconds"],
    );
    let file = "[kiosk]\nidle_seconds = 20\nwarning_seconds = 18";
    assert!(load(file, &[], &Flags::default()).is_ok());
}

#[test]
fn a_file_that_is_named_must_be_there_readable_and_safe() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let load = || {
        let named = environment(&[(FILE_VARIABLE, path.to_str().unwrap())]);
        Config::from_sources(&Flags::default(), &named, &|| false)
            .map_err(|error| error.to_string())
    };
    let error = load().unwrap_err();
    assert!(
        error.contains("does not exist") && error.contains(FILE_VARIABLE),
        "{error}"
    );
    fs::write(&path, "[office]\nname = \"LPSE Contoh\"").unwrap();
    assert_eq!(load().unwrap().0.office, "LPSE Contoh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let error = load().unwrap_err();
    assert!(error.contains("chmod o-w"), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, b"[office]\nname = \"\xff\"").unwrap();
    assert!(load().unwrap_err().contains("cannot be read"));
    fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(load().unwrap_err().contains("1 MiB"));
}

#[test]
fn a_master_key_beside_the_data_is_refused_however_it_is_spelled() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    symlink(&data, folder.path().join("link")).unwrap();
    let try_key = |key: PathBuf| {
        let flags = Flags {
            data: Some(data.clone()),
            master_key_file: Some(key),
            ..Flags::default()
        };
        load("", &[], &flags)
    };
    for key in [
        "data/master.key",
        "other/../data/a/b",
        "link/master.key",
        "data/./x/../key",
    ] {
        let error = try_key(folder.path().join(key)).unwrap_err();
        assert!(error.contains("--master-key-file"), "{key}: {error}");
    }
    for key in ["data.key", "etc/master.key", "data/../master.key"] {
        assert!(try_key(folder.path().join(key)).is_ok(), "{key}");
    }
}

#[test]
fn a_systemd_credential_is_taken_when_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    let variables = [("CREDENTIALS_DIRECTORY", directory)];
    let config = load("", &variables, &Flags::default()).unwrap();
    assert!(!config.master_key_file.starts_with(folder.path()));
    fs::write(folder.path().join("master-key"), "").unwrap();
    let config = load("", &variables, &Flags::default()).unwrap();
    assert_eq!(config.master_key_file, folder.path().join("master-key"));
    assert!(config.master_key_is_credential);
    let named = "[keys]\nmaster_key_file = \"/srv/kunci\"";
    let config = load(named, &variables, &Flags::default()).unwrap();
    assert_eq!(config.master_key_file, Path::new("/srv/kunci"));
    assert!(!config.master_key_is_credential);
}

#[test]
fn no_two_settings_share_a_variable_and_sections_stand_together() {
    let mut names: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
    names.extend([FILE_VARIABLE.to_owned(), DATA_VARIABLE.to_owned()]);
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    let mut sections: Vec<_> = SETTINGS.iter().map(|setting| setting.section).collect();
    sections.dedup();
    let together = sections.len();
    sections.sort();
    sections.dedup();
    assert_eq!(sections.len(), together, "the manual lists a section once");
}

#[test]
fn training_touches_no_log_of_the_real_service() {
    let file = "[audit]\nfile = \"/var/log/audit\"\ncheckpoints = \"/mnt/saksi\"\n[log]\nfile = \"/var/log/kiosk\"";
    let config = load(file, &[], &Flags::default()).unwrap();
    assert_eq!(config.audit_file(), Path::new("/var/log/audit"));
    assert_eq!(config.log_file(), Path::new("/var/log/kiosk"));
    let config = config.for_training("/latihan".into());
    // Those of the manual's pictures, where nothing else is said.
    assert_eq!(config.office, "LPSE Kota Contoh");
    assert_eq!(config.terminal.as_deref(), Some("loket-1"));
    assert_eq!(config.audit_file(), Path::new("/latihan/audit.jsonl"));
    assert!(config.checkpoints_folder().starts_with("/latihan"));
    assert_eq!(config.log_file(), Path::new("/latihan/lpse-kiosk.log"));
}

#[test]
fn letters_need_a_sender_and_a_place_for_their_links() {
    let server = "[mail]\nserver = \"mail.contoh.go.id\"\n";
    refused(server, &["[mail] from"]);
    let sender = format!("{server}from = \"lpse@contoh.go.id\"\n");
    refused(&sender, &["[web] base_url"]);
    let whole = format!("{sender}[web]\nbase_url = \"https://lpse.contoh.go.id\"\n");
    let config = load(&whole, &[], &Flags::default()).unwrap();
    assert!(config.letters_are_sent());
    assert_eq!(
        (config.mail.port(), config.mail.security),
        (587, MailSecurity::StartTls)
    );
    let plain = whole.replace("from =", "security = \"none\"\nfrom =");
    refused(&plain, &["on this machine only"]);
    let local = plain.replace("mail.contoh.go.id", "127.0.0.1");
    assert_eq!(
        load(&local, &[], &Flags::default()).unwrap().mail.port(),
        25
    );
    refused(
        &whole.replace("from =", "password_file = \"/srv/rahasia\"\nfrom ="),
        &["password_file", "go together"],
    );
    refused(
        &whole.replace("https://", "http://"),
        &["base_url", "listens on the way"],
    );
    refused("[web]\nlisten = \"127.0.0.1:8080\"", &["base_url"]);
    refused(
        "[web]\ncertificate = \"/etc/lpse-kiosk/web.pem\"",
        &["go together"],
    );
    refused(
        "[web]\ntrusted_proxies = \"127.0.0.1, proxy\"",
        &["trusted_proxies"],
    );
    for (setting, of) in [
        ("[ssh]\nproxies", "[ssh] proxies"),
        ("[web]\nproxies", "[web] proxies"),
    ] {
        for (list, why) in [
            ("10.0.0.5, balancer", "is not allowed; it may be"),
            ("10.0.0.5/28", "first address"),
            ("0.0.0.0/0", "everybody"),
        ] {
            let file = format!("{setting} = \"{list}\"");
            refused(
                &file,
                &["line 2", of, why, "such as 10.0.0.5, 10.0.0.0/28, fd00::/8"],
            );
        }
    }
    refused("[reset]\nlink_minutes = 1440", &["5 to 60", "too weak"]);
}

#[test]
fn training_sends_no_letter_anywhere_and_serves_its_page_to_this_machine() {
    let file = "[mail]\nserver = \"mail.contoh.go.id\"\nfrom = \"lpse@contoh.go.id\"\n\
                [web]\nlisten = \"0.0.0.0:443\"\nbase_url = \"https://lpse.contoh.go.id\"\n";
    let config = load(file, &[], &Flags::default()).unwrap();
    let training = config.for_training("/tmp/latihan".into());
    assert!(!training.letters_are_sent());
    assert_eq!(training.web.listen, Some("127.0.0.1:0".parse().unwrap()));
    assert_eq!(training.web.base_url, None);
}
