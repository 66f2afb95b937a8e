//! `doctor` over real parts: an office in order is told so, alone and beside its kiosk; each fault is found by its own
//! check and by no other; and looking changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, Permissions},
    io::Write,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Output,
    thread,
};

use super::beside::give;
use lpse_kiosk::{
    domain::{AccountKey, UserId, UserType},
    store::{Commit, Key, StoreKind},
};
use serde_json::Value;
use support::{
    Office, PASSWORD,
    disk::SmallDisk,
    fill, free_port, refused,
    smtp::{Authority, Certificate, MailServer},
    succeeds, text,
};

const NOBODY: u32 = 65_534;

/// The host of the page of the letters' links.
const HOST: &str = "lpse.contoh.go.id";

/// The checks, in their order.
const CHECKS: [&str; 21] = [
    "configuration",
    "files",
    "store",
    "master-key",
    "records",
    "outbox",
    "help",
    "last-backup",
    "free-space",
    "audit-log",
    "checkpoints",
    "beginning",
    "clock",
    "time-zone",
    "terminal",
    "ssh-host-key",
    "ssh-port",
    "web-port",
    "base-url",
    "certificate",
    "mail-server",
];

/// What `doctor --json` told.
struct Report {
    exit_status: i32,
    status: String,
    checks: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    name: String,
    status: String,
    message: String,
    what_to_do: Option<String>,
}

impl Report {
    fn of(output: &Output) -> Self {
        let out = text(&output.stdout);
        let told: Value = serde_json::from_str(&out)
            .unwrap_or_else(|_| panic!("one object in {out:?}; {}", text(&output.stderr)));
        let word = |of: &Value, name: &str| of[name].as_str().map(str::to_owned);
        let checks = told["checks"].as_array().unwrap().iter();
        Self {
            exit_status: output.status.code().unwrap(),
            status: word(&told, "status").unwrap(),
            checks: checks
                .map(|check| Check {
                    name: word(check, "name").unwrap(),
                    status: word(check, "status").unwrap(),
                    message: word(check, "message").unwrap(),
                    what_to_do: word(check, "what_to_do"),
                })
                .collect(),
        }
    }

    fn check(&self, name: &str) -> &Check {
        let found = self.checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| panic!("a check {name} in {:?}", self.checks))
    }

    /// Fails unless every check is ok. Whether this machine's clock is kept in time is this machine's affair.
    #[track_caller]
    fn all_is_well(&self) -> &Self {
        for check in &self.checks {
            let is_well = check.status == "ok" && check.what_to_do.is_none();
            assert!(is_well || check.name == "clock", "{check:?}");
        }
        assert_eq!(self.exit_status, 0);
        self
    }

    /// Fails unless exactly the checks of these names and statuses are not ok, with these words each.
    #[track_caller]
    fn only(&self, expected: &[(&str, &str, &str)]) -> &Self {
        let is_told = |check: &&Check| check.status != "ok" && check.name != "clock";
        let told: Vec<&Check> = self.checks.iter().filter(is_told).collect();
        let pairs: Vec<_> = told
            .iter()
            .map(|c| (c.name.as_str(), c.status.as_str()))
            .collect();
        let wanted: Vec<_> = expected
            .iter()
            .map(|(name, status, _)| (*name, *status))
            .collect();
        assert_eq!(pairs, wanted, "{told:#?}");
        for (check, (.., words)) in told.iter().zip(expected) {
            let what_to_do = check.what_to_do.as_deref().expect("what to do");
            let all = format!("{} {what_to_do}", check.message);
            assert!(all.contains(words), "{words:?} in {check:?}");
        }
        let fails = expected.iter().any(|(_, status, _)| *status == "failure");
        assert_eq!(self.exit_status, i32::from(fails));
        let worst = if fails { "failure" } else { "warning" };
        assert_eq!(self.status, worst);
        self
    }
}

trait Examined {
    fn doctor(&self) -> Report;
}

impl Examined for Office {
    fn doctor(&self) -> Report {
        Report::of(&self.command(&["doctor", "--json"]))
    }
}

/// Modes, owners and sizes of everything in a folder; the store's own files may grow by being opened.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (u32, u32, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            let is_of_store = path.components().any(|part| part.as_os_str() == "store");
            let size = if is_of_store || metadata.is_dir() {
                0
            } else {
                metadata.len()
            };
            let is_engines = path.to_string_lossy().contains("/store/sled/snap.");
            if !is_engines {
                found.insert(path, (metadata.mode(), metadata.uid(), size));
            }
        }
    }
    found
}

/// An office with everything: letters, the page under HTTPS, SSH on a port of its own.
struct Whole {
    office: Office,
    authority: Authority,
    /// Kept for its port.
    server: MailServer,
    ssh_port: u16,
}

impl Whole {
    fn new() -> Self {
        let server = MailServer::start();
        let authority = Authority::new();
        let office = Office::empty_embedded().with_people();
        let ssh_port = free_port();
        let whole = Self {
            office,
            authority,
            server,
            ssh_port,
        };
        whole.certify(&whole.authority.certificate(HOST));
        let path = |name: &str| path_of(&whole.office, name);
        let password = private(&whole.office, "smtp-password", whole.server.password());
        let mail_authority = private(&whole.office, "mail-authority.pem", whole.server.ca_pem());
        let trusted = private(&whole.office, "trusted.pem", whole.authority.pem());
        let settings = [
            ("SSL_CERT_FILE", trusted),
            ("LPSE_KIOSK_MAIL_SERVER", MailServer::HOST.to_owned()),
            ("LPSE_KIOSK_MAIL_PORT", whole.server.port().to_string()),
            ("LPSE_KIOSK_MAIL_USER", whole.server.user().to_owned()),
            ("LPSE_KIOSK_MAIL_PASSWORD_FILE", password),
            ("LPSE_KIOSK_MAIL_AUTHORITY_FILE", mail_authority),
            ("LPSE_KIOSK_MAIL_FROM", "totp@lpse.contoh.go.id".to_owned()),
            (
                "LPSE_KIOSK_WEB_LISTEN",
                format!("127.0.0.1:{}", free_port()),
            ),
            ("LPSE_KIOSK_WEB_BASE_URL", format!("https://{HOST}")),
            ("LPSE_KIOSK_WEB_CERTIFICATE", path("web.pem")),
            ("LPSE_KIOSK_WEB_KEY", path("web.key")),
            ("LPSE_KIOSK_SSH_LISTEN", format!("127.0.0.1:{ssh_port}")),
        ];
        let office = settings.iter().fold(whole.office, |office, (name, value)| {
            office.with(name, value)
        });
        // The first start makes the host key.
        office.serve_at(ssh_port).signal("TERM").wait();
        let backup = [path_of(&office, "backup.key"), path_of(&office, "backup")];
        let backup = ["backup", "--new-key-file", &backup[0], &backup[1]];
        succeeds(office.command(&backup));
        Self { office, ..whole }
    }

    /// The office with one more setting.
    fn with(self, variable: &str, value: &str) -> Self {
        Self {
            office: self.office.with(variable, value),
            ..self
        }
    }

    /// The office without a setting that it has.
    fn without(self, variable: &str) -> Self {
        Self {
            office: self.office.without(variable),
            ..self
        }
    }

    /// The page gets this certificate and its key.
    fn certify(&self, certificate: &Certificate) {
        private(&self.office, "web.pem", &certificate.certificate);
        private(&self.office, "web.key", &certificate.key);
    }

    fn doctor(&self) -> Report {
        self.office.doctor()
    }
}

fn path_of(office: &Office, name: &str) -> String {
    office.path(name).display().to_string()
}

/// Writes a file for its owner alone.
fn private(office: &Office, name: &str, content: &str) -> String {
    let path = office.path(name);
    fs::write(&path, content).unwrap();
    set_mode(&path, 0o600);
    path.display().to_string()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_office_in_order_is_told_so_alone_and_beside_its_kiosk_and_nothing_changes() {
    let whole = Whole::new();
    let folder = whole.office.path("");
    let before = everything(&folder);
    let alone = whole.doctor();
    alone.all_is_well();
    let names: Vec<&str> = alone
        .checks
        .iter()
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(names, CHECKS);
    assert!(alone.check("store").message.contains("no lpse-kiosk runs"));
    assert!(
        alone
            .check("mail-server")
            .message
            .contains("takes the login")
    );
    let fingerprint = whole.office.host_key().fingerprint;
    assert!(alone.check("ssh-host-key").message.contains(&fingerprint));
    assert_eq!(everything(&folder), before);

    let mut server = whole.office.serve_at(whole.ssh_port);
    let before = everything(&folder);
    let beside = whole.doctor();
    beside.all_is_well();
    assert!(
        beside
            .check("store")
            .message
            .contains("held by the running lpse-kiosk")
    );
    assert!(
        beside
            .check("ssh-port")
            .message
            .contains("served by lpse-kiosk")
    );
    assert_eq!(everything(&folder), before);
    assert!(server.is_running());
    assert_eq!(whole.server.letters().len(), 0, "no letter is sent");
}

#[test]
fn a_new_installation_is_told_what_the_first_start_makes_and_stays_new() {
    let office = Office::empty_embedded().with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    let before = everything(&office.path(""));
    let report = office.doctor();
    report.all_is_well();
    for (name, words) in [
        ("files", "the first start makes it"),
        ("store", "the first start makes one (sled"),
        ("master-key", "the first start makes one"),
        ("ssh-host-key", "makes one"),
    ] {
        let check = report.check(name);
        assert!(check.message.contains(words), "{check:?}");
    }
    assert_eq!(everything(&office.path("")), before);
}

#[test]
fn a_store_without_a_backup_or_with_an_old_one_is_told_alone_and_beside_its_kiosk() {
    let office = Office::empty_embedded()
        .with_people()
        .with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    let told = || {
        let report = office.doctor();
        let last = report.check("last-backup");
        (last.status.clone(), last.message.clone())
    };
    let (status, message) = told();
    assert!(
        status == "warning" && message.contains("none was ever made"),
        "{message}"
    );
    let (key, file) = (path_of(&office, "backup.key"), path_of(&office, "backup"));
    let refused_file = path_of(&office, "nowhere/backup");
    let refused_backup = office.command(&["backup", "--new-key-file", &key, &refused_file]);
    assert!(!refused_backup.status.success());
    assert_eq!(told().0, "warning", "none was made");
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    succeeds(office.command(&["backup", "--new-key-file", &key, &file]));
    let is_told = |(status, message): (String, String)| {
        let is_made = status == "ok" && message.starts_with("as of 2020-08-13 08:");
        assert!(is_made, "{status} {message}");
    };
    is_told(told());
    kiosk.signal("TERM").wait();
    is_told(told());
    office.pass(31 * 24 * 60 * 60);
    let (status, message) = told();
    assert!(
        status == "warning" && message.contains("more than 30 days ago"),
        "{message}"
    );
    succeeds(office.command(&["backup", "--force", "--key-file", &key, &file]));
    assert_eq!(told().0, "ok");
}

#[test]
fn what_is_open_to_others_is_found_and_the_command_that_is_told_mends_it() {
    let whole = Whole::new();
    let data = whole.office.data();
    for (path, mode) in [
        (data.clone(), 0o755),
        (data.join("store"), 0o750),
        (data.join("audit.jsonl"), 0o644),
        (data.join("ssh_host_ed25519_key"), 0o640),
        (whole.office.path("etc/master.key"), 0o604),
        (whole.office.path("web.key"), 0o644),
    ] {
        set_mode(&path, mode);
        let report = whole.doctor();
        let told: Vec<_> = report
            .checks
            .iter()
            .filter(|c| c.status == "failure")
            .collect();
        assert!(!told.is_empty(), "{}", path.display());
        let all = format!("{told:?}");
        let (_, command) = all.split_once("chmod ").unwrap_or_else(|| panic!("{all}"));
        let words: Vec<&str> = command.split([' ', '"', '\\']).take(2).collect();
        let mended = std::process::Command::new("chmod").args(&words).status();
        assert!(mended.unwrap().success(), "{words:?}");
        whole.doctor().all_is_well();
    }
    let _server = whole.office.serve_at(whole.ssh_port);
    set_mode(&data.join("lpse-kiosk.sock"), 0o666);
    whole
        .doctor()
        .only(&[("files", "failure", "lpse-kiosk.sock")]);
}

#[test]
fn somebody_elses_settings_and_files_are_found() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let file = "[office]\nname = \"LPSE Kota\"\n";
    let whole = Whole::new();
    let path = private(&whole.office, "config.toml", file);
    let whole = whole.with("LPSE_KIOSK_CONFIG", &path);
    whole.doctor().all_is_well();
    chown(&path, Some(NOBODY), None).unwrap();
    whole.doctor().only(&[("files", "failure", "chown root")]);
    chown(&path, Some(0), None).unwrap();
    set_mode(Path::new(&path), 0o646);
    let report = whole.doctor();
    let told = report.check("configuration");
    assert_eq!((told.status.as_str(), report.exit_status), ("failure", 1));
    assert!(told.message.contains("chmod o-w"), "{told:?}");
    set_mode(Path::new(&path), 0o640);
    let audit = whole.office.data().join("audit.jsonl");
    chown(&audit, Some(NOBODY), None).unwrap();
    whole.doctor().only(&[("files", "failure", "chown 0 ")]);
    chown(&audit, Some(0), None).unwrap();
    let of_store = fs::read_dir(whole.office.data().join("store")).unwrap();
    let of_store = of_store.map(|entry| entry.unwrap().path()).next().unwrap();
    chown(&of_store, Some(NOBODY), None).unwrap();
    whole.doctor().only(&[("files", "failure", "chown -R 0 ")]);
}

#[test]
fn root_sees_the_store_of_another_user_through_its_kiosk_and_never_opens_it() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let office = Office::empty_embedded()
        .with_people()
        .with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    give(&office.data());
    set_mode(&office.path(""), 0o755);
    set_mode(&office.path("etc"), 0o755);
    // As systemd hands it over: the service has a copy of its own of what stays root's.
    let key = office.path("key-of-nobody");
    fs::copy(office.path("etc/master.key"), &key).unwrap();
    give(&key);
    let before = everything(&office.data());
    office.doctor().only(&[
        ("store", "warning", "it was not opened"),
        ("master-key", "warning", "was not seen"),
    ]);
    assert_eq!(everything(&office.data()), before);
    let mut kiosk = office.kiosk_of_user(NOBODY, &key);
    kiosk.expect("Total Pengunjung");
    let report = office.doctor();
    report.only(&[
        ("help", "warning", "set-role"),
        ("last-backup", "warning", "--new-key-file"),
    ]);
    assert!(
        report
            .check("master-key")
            .message
            .contains("the store's own")
    );
}

#[test]
fn accounts_that_nobody_can_help_are_told_until_somebody_is_an_officer() {
    let office = Office::empty_embedded().with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    office.policy("enabled");
    office.doctor().all_is_well();
    let office = office.with_people();
    let told = || {
        let report = office.doctor();
        let help = report.check("help");
        (help.status.clone(), help.what_to_do.clone())
    };
    let (status, way) = told();
    let way = way.expect("a way out");
    assert_eq!(status, "warning");
    assert!(
        way.contains("user set-role USER_ID officer") && way.contains("[mail] server"),
        "{way}"
    );
    let reason = ["--reason", "SK Kepala LPSE 7/2026"];
    for (act, status) in [
        (&["user", "set-role", "PPK30", "officer"][..], "ok"),
        // Who is suspended helps nobody.
        (&["user", "suspend", "PPK30"], "warning"),
        (&["user", "reinstate", "PPK30"], "ok"),
    ] {
        succeeds(office.command(&[act, &reason].concat()));
        assert_eq!(told().0, status, "after {act:?}");
    }
}

#[test]
fn a_foreign_or_lost_master_key_is_found_alone_and_beside_the_kiosk() {
    let (whole, other) = (Whole::new(), Office::empty_embedded().with_people());
    let key = whole.office.path("etc/master.key");
    let kept = fs::read(&key).unwrap();
    let foreign = fs::read(other.path("etc/master.key")).unwrap();
    let found = || {
        fs::write(&key, &foreign).unwrap();
        whole
            .doctor()
            .only(&[("master-key", "failure", "does not fit the store")]);
        fs::write(&key, "# no key\n").unwrap();
        whole
            .doctor()
            .only(&[("master-key", "failure", "holds no key")]);
        fs::remove_file(&key).unwrap();
        whole
            .doctor()
            .only(&[("master-key", "failure", "safe copy")]);
        assert!(!key.exists());
        private(&whole.office, "etc/master.key", "");
        fs::write(&key, &kept).unwrap();
    };
    found();
    let _server = whole.office.serve_at(whole.ssh_port);
    found();
    whole.doctor().all_is_well();
}

#[test]
fn a_master_key_that_systemd_keeps_encrypted_is_not_taken_for_lost() {
    let whole = Whole::new();
    let key = whole.office.path("etc/master.key");
    let encrypted = format!("{}.cred", key.display());
    fs::rename(&key, &encrypted).unwrap();
    // The command is the one that the unit tells, and that a booted machine has tried.
    let unit = fs::read_to_string("assets/systemd/lpse-kiosk.service").unwrap();
    let line = unit
        .lines()
        .find(|line| line.contains("systemd-run"))
        .unwrap();
    let line = line.trim_start_matches(['#', ' ']);
    let line = line.replace("/etc/lpse-kiosk/master.key.cred", &encrypted);
    let told = [("master-key", "warning", line.as_str())];
    whole.doctor().only(&told);
    fs::rename(&encrypted, &key).unwrap();
    let _server = whole.office.serve_at(whole.ssh_port);
    fs::rename(&key, &encrypted).unwrap();
    let beside = whole.doctor();
    beside.only(&told);
    assert_eq!(beside.check("records").status, "ok");
}

#[test]
fn a_store_of_another_kind_or_in_ruins_is_found() {
    let whole = Whole::new().with("LPSE_KIOSK_STORE_KIND", "redb");
    let words = "set [store] kind = \"sled\"";
    whole.doctor().only(&[
        ("store", "failure", words),
        ("master-key", "warning", "was not seen"),
    ]);
    let whole = Whole::new();
    fs::write(whole.office.data().join("store/FORMAT"), "99 sled\n").unwrap();
    whole.doctor().only(&[
        ("store", "failure", "newer lpse-kiosk"),
        ("master-key", "warning", "was not seen"),
    ]);
}

#[test]
fn a_nearly_full_disk_is_found() {
    let office = Office::empty_embedded().with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    let data = office.data();
    let Some(_disk) = SmallDisk::mount(&data, "48m") else {
        return;
    };
    office.policy("enabled");
    office
        .doctor()
        .only(&[("free-space", "warning", "the floor is 32 MiB")]);
    let office = office.with("LPSE_KIOSK_STORE_FREE_SPACE_FLOOR_MIB", "64");
    // The store is not opened then, as at any start.
    office.doctor().only(&[
        ("store", "failure", "nearly full"),
        ("master-key", "warning", "was not seen"),
        ("free-space", "failure", "Make room"),
    ]);
}

#[test]
fn an_audit_log_that_cannot_be_written_is_found() {
    let office = Whole::new();
    let nowhere = office
        .office
        .path("nowhere/audit.jsonl")
        .display()
        .to_string();
    let office = office.with("LPSE_KIOSK_AUDIT_FILE", &nowhere);
    office
        .doctor()
        .only(&[("audit-log", "failure", "Nobody is let in")]);
}

#[test]
fn a_certificate_that_browsers_refuse_or_soon_will_is_found() {
    let whole = Whole::new();
    let certificate = |told: &[(&str, &str)]| {
        let told: Vec<_> = told
            .iter()
            .map(|(status, words)| ("certificate", *status, *words))
            .collect();
        whole.doctor().only(&told);
    };
    let authority = &whole.authority;
    whole.certify(&authority.expired_certificate(HOST));
    certificate(&[("failure", "has expired, on 2001-12-31")]);
    // The office's clock shows 13 August 2020.
    whole.certify(&authority.certificate_between(HOST, (2020, 1, 1), (2020, 9, 11)));
    certificate(&[("warning", "ends in less than 30 days, on 2020-09-11")]);
    whole.certify(&authority.certificate_between(HOST, (2020, 1, 1), (2020, 9, 14)));
    whole.doctor().all_is_well();
    whole.certify(&authority.certificate_between(HOST, (2020, 8, 14), (2021, 9, 14)));
    certificate(&[("failure", "not good yet")]);
    whole.certify(&authority.certificate("lain.contoh.go.id"));
    certificate(&[("failure", "is not for lpse.contoh.go.id")]);
    whole.certify(&Authority::new().certificate(HOST));
    certificate(&[("warning", "no authority that this system trusts")]);
    whole.certify(&authority.certificate(HOST));
    private(&whole.office, "web.key", &authority.certificate(HOST).key);
    certificate(&[("failure", "does not belong to the first certificate")]);
    private(&whole.office, "web.pem", "nothing");
    certificate(&[("failure", "there is no certificate")]);
    fs::remove_file(whole.office.path("web.pem")).unwrap();
    certificate(&[("failure", "cannot be read")]);
}

#[test]
fn a_base_url_that_leads_nowhere_is_found() {
    let whole = Whole::new().with("LPSE_KIOSK_WEB_BASE_URL", "http://lpse.contoh.go.id");
    let report = whole.doctor();
    let told = report.check("configuration");
    assert_eq!((told.status.as_str(), report.exit_status), ("failure", 1));
    assert!(
        told.message.contains("could use the link first"),
        "{told:?}"
    );

    let whole = Whole::new().with("LPSE_KIOSK_WEB_BASE_URL", "http://localhost:8080");
    whole.certify(&whole.authority.certificate("localhost"));
    whole
        .doctor()
        .only(&[("base-url", "warning", "from another machine")]);
}

#[test]
fn a_mail_server_that_will_not_take_letters_is_found() {
    let dead = free_port().to_string();
    let whole = Whole::new().with("LPSE_KIOSK_MAIL_PORT", &dead);
    whole
        .doctor()
        .only(&[("mail-server", "failure", "cannot connect")]);

    let whole = Whole::new();
    let other = private(&whole.office, "other.pem", Authority::new().pem());
    let whole = whole.with("LPSE_KIOSK_MAIL_AUTHORITY_FILE", &other);
    whole
        .doctor()
        .only(&[("mail-server", "failure", "no TLS with localhost")]);

    let whole = Whole::new();
    private(&whole.office, "smtp-password", "bukan ini");
    whole
        .doctor()
        .only(&[("mail-server", "failure", "answered AUTH with 535")]);
    set_mode(&whole.office.path("smtp-password"), 0o644);
    whole
        .doctor()
        .only(&[("mail-server", "failure", "chmod 600")]);
    private(&whole.office, "smtp-password", whole.server.password());
    whole.doctor().all_is_well();

    // A password that systemd hands to the service alone: the rest of the way is tried.
    let whole = Whole::new().without("LPSE_KIOSK_MAIL_PASSWORD_FILE");
    whole
        .doctor()
        .only(&[("mail-server", "warning", "was not tried")]);
}

#[test]
fn a_letter_that_was_refused_or_is_late_is_told() {
    use support::letters::{Correspondence, ask, done};
    let letters = Correspondence::new();
    let office = &letters.office;
    letters.server.defer();
    let mut kiosk = office.kiosk();
    ask(&mut kiosk, "PPK30", "orang@contoh.go.id");
    done(&mut kiosk);
    support::eventually("a first try", || {
        letters
            .outbox()
            .iter()
            .any(|letter| letter["failures"] == 1)
    });
    let told = office.doctor();
    assert_eq!(told.check("outbox").message, "letters on their way: 1");
    office.pass(16 * 60);
    let told = office.doctor();
    let told = told.check("outbox");
    assert_eq!(told.status, "warning", "{told:?}");
    assert!(told.message.contains("more than 15 minutes: 1"), "{told:?}");
    letters.server.refuse();
    assert!(
        office
            .command(&["outbox", "retry", "--all"])
            .status
            .success()
    );
    support::eventually("the refusal", || {
        letters
            .outbox()
            .iter()
            .any(|letter| letter["stage"] == "refused")
    });
    let report = office.doctor();
    let told = report.check("outbox");
    assert_eq!(told.status, "warning", "{told:?}");
    assert!(told.message.contains("refused: 1"), "{told:?}");
    assert!(
        told.message.contains("550"),
        "what the server said: {told:?}"
    );
}

#[test]
fn another_program_on_the_kiosks_port_is_found() {
    let whole = Whole::new();
    let taken = TcpListener::bind(("127.0.0.1", whole.ssh_port)).unwrap();
    let greeter = taken.try_clone().unwrap();
    thread::spawn(move || {
        for mut caller in greeter.incoming().flatten() {
            let _ = caller.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        }
    });
    whole
        .doctor()
        .only(&[("ssh-port", "failure", "OpenSSH_9.2")]);
}

#[test]
fn a_host_key_that_cannot_be_used_is_found() {
    let whole = Whole::new();
    let key = whole.office.data().join("ssh_host_ed25519_key");
    fs::write(&key, "broken").unwrap();
    whole
        .doctor()
        .only(&[("ssh-host-key", "failure", "ssh-keygen")]);
    fs::remove_file(&key).unwrap();
    let report = whole.doctor();
    report.all_is_well();
    assert!(
        report
            .check("ssh-host-key")
            .message
            .contains("there is none")
    );
    assert!(!key.exists());
}

/// The names in the first cells of the table under a heading of the manual for operators, whose other cells all say something.
fn rows(heading: &str) -> BTreeSet<String> {
    let manual = fs::read_to_string("assets/manual/operating.md").unwrap();
    let (_, section) = manual.split_once(heading).expect(heading);
    let lines = section.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let is_full = cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty());
        assert!(is_full, "{row}");
        let names = cells[0].split(", ");
        names
            .map(|name| name.trim_matches('`').to_owned())
            .collect::<Vec<_>>()
    })
    .collect()
}

/// The texts between quotation marks in `source` that look like one of the words that are told.
fn words_in(source: &str) -> BTreeSet<String> {
    let of_words = |text: &&str| {
        let is_of_word = |c: char| c.is_ascii_lowercase() || " -".contains(c);
        !text.is_empty() && text.chars().all(is_of_word)
    };
    let texts = source.split('"').skip(1).step_by(2);
    let texts = texts
        .map(|text| text.trim_end_matches("\\n"))
        .filter(of_words);
    texts.map(str::to_owned).collect()
}

/// What stands in a source file from `beginning` to the first end of a function behind it.
fn function(file: &str, beginning: &str) -> String {
    let source = fs::read_to_string(file).unwrap();
    let indent = " ".repeat(beginning.len() - beginning.trim_start().len());
    let found = source.split(beginning).skip(1).map(|rest| {
        let (body, _) = rest.split_once(&format!("\n{indent}}}\n")).unwrap();
        body.to_owned()
    });
    let found: Vec<String> = found.collect();
    assert!(!found.is_empty(), "{beginning} in {file}");
    found.concat()
}

#[test]
fn every_line_of_doctor_and_every_word_of_healthz_has_its_row_in_the_manual() {
    let mut lines: BTreeSet<String> = CHECKS.map(str::to_owned).into();
    for entry in fs::read_dir("src/cli/doctor").unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        let names = source
            .lines()
            .filter(|line| line.trim_start().starts_with("const ") && line.contains(": &str = \""));
        for line in names {
            lines.extend(
                words_in(line)
                    .into_iter()
                    .filter(|name| !name.contains(' ')),
            );
        }
    }
    lines.insert("metrics-port".to_owned());
    assert_eq!(rows("\n### What `doctor` looks at\n"), lines);

    let mut words = BTreeSet::new();
    for (file, beginning) in [
        (
            "src/store/health.rs",
            "    pub fn word(self) -> &'static str {",
        ),
        (
            "src/store/away.rs",
            "    pub fn word(self) -> &'static str {",
        ),
        ("src/frontend/metrics/mod.rs", "async fn health("),
        ("src/frontend/metrics/mod.rs", "pub async fn say_starting("),
    ] {
        words.extend(words_in(&function(file, beginning)));
    }
    assert_eq!(rows("\n### What `/healthz` says\n"), words);
}

/// What `doctor` shows on a terminal of this size, with its bytes as they came.
fn on_a_terminal(office: &Office, columns: u16, rows: u16) -> (String, String) {
    let mut terminal = office.start(&["doctor"], columns, rows);
    terminal.wait();
    support::eventually("the last line", || text(&terminal.raw()).contains("fine."));
    (terminal.text(), text(&terminal.raw()))
}

#[test]
fn a_terminal_without_utf8_or_room_is_told_and_colours_stay_on_terminals_that_want_them() {
    let office = || Office::empty_embedded().with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    let green = "\x1b[38;5;2mok";
    let (_, raw) = on_a_terminal(&office(), 200, 60);
    assert!(raw.contains("256 colours, 200x60 cells"), "{raw}");
    assert!(raw.contains(green), "{raw}");
    let (_, raw) = on_a_terminal(&office().with("NO_COLOR", "1"), 200, 60);
    assert!(
        raw.contains("NO_COLOR is set") && !raw.contains(green),
        "{raw}"
    );
    let (_, raw) = on_a_terminal(&office().with("LANG", "C"), 200, 60);
    assert!(
        raw.contains("its locale is not UTF-8") && raw.contains("LANG=C.UTF-8"),
        "{raw}"
    );
    let (_, raw) = on_a_terminal(&office(), 70, 60);
    assert!(raw.contains("it has 70x60 cells"), "{raw}");
    let plain = text(&office().command(&["doctor"]).stdout);
    assert!(
        plain.contains("\nok       terminal") && !plain.contains('\x1b'),
        "{plain}"
    );
}

#[test]
fn the_report_keeps_its_columns_on_a_terminal_and_ends_with_a_count() {
    let office = Office::empty_embedded().with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    let (seen, _) = on_a_terminal(&office, 80, 200);
    let mut rows: Vec<&str> = seen.lines().filter(|row| !row.is_empty()).collect();
    let count = rows.pop().unwrap();
    let heads = |row: &str| {
        ["ok ", "warning ", "failure "]
            .iter()
            .any(|word| row.starts_with(word))
    };
    let indent = " ".repeat(23);
    for row in &rows {
        assert!(
            heads(row) || row.starts_with(&indent),
            "{row:?} in:\n{seen}"
        );
    }
    assert!(rows.iter().any(|row| row.starts_with(&indent)), "{seen}");
    let checks = rows.iter().filter(|row| heads(row)).count();
    // Whether this machine's clock is kept in time is this machine's affair.
    let counts = [
        format!("All {checks} checks are fine."),
        format!("1 warning; the other {} checks are fine.", checks - 1),
    ];
    assert!(counts.iter().any(|it| it == count), "{count}");
    // In a pipe, a finding is a line, which `grep` finds whole.
    let piped = text(&office.command(&["doctor"]).stdout);
    let found = piped.lines().filter(|line| heads(line)).count();
    assert_eq!(found, checks, "{piped}");
    assert!(piped.lines().any(|line| line.len() > 100), "{piped}");
    // What failed is counted once, where it is seen.
    fs::write(office.path("bad.toml"), "[store]\nkind = \"mysql\"\n").unwrap();
    let bad = office.path("bad.toml").display().to_string();
    let mut terminal = office.start(&["doctor", "--config", &bad], 80, 60);
    assert_eq!(terminal.wait(), 1);
    support::eventually("the end", || terminal.has_closed());
    let seen = terminal.text();
    assert_eq!(seen.matches("1 failure").count(), 1, "{seen}");
    let piped = office.command(&["doctor", "--config", &bad]);
    refused(&piped, 1, "lpse-kiosk: 1 failure");
    assert!(text(&piped.stdout).contains("\n1 failure"));
}

#[test]
fn strict_lets_warnings_fail_and_nothing_else() {
    let whole = Whole::new().with("LPSE_KIOSK_WEB_BASE_URL", "http://localhost:8080");
    whole.certify(&whole.authority.certificate("localhost"));
    for (arguments, exit_status) in [(&["doctor"][..], 0), (&["doctor", "--strict"], 1)] {
        let output = whole.office.command(arguments);
        assert_eq!(output.status.code(), Some(exit_status));
        assert!(text(&output.stdout).contains("\nwarning  base-url"));
        let report = text(&output.stdout);
        let count = report.lines().last().unwrap();
        assert!(
            count.contains("warning") && count.ends_with(" checks are fine."),
            "{count}"
        );
    }
}

/// An office in order, with its store in the cluster, and what the store's and the members' checks say.
#[cfg(feature = "etcd")]
fn in_cluster() -> Office {
    let endpoints = support::cluster::Cluster::shared();
    let prefix = support::cluster::fresh_prefix();
    let office = Office::empty()
        .in_cluster(&endpoints, &prefix, "loket-1")
        .with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    office
}

/// The members' checks.
#[cfg(feature = "etcd")]
fn members(report: &Report) -> Vec<&Check> {
    let checks = report.checks.iter();
    checks.filter(|check| check.name == "etcd").collect()
}

#[cfg(feature = "etcd")]
#[test]
fn every_member_of_a_cluster_is_told_of_and_nothing_changes() {
    let office = in_cluster();
    let endpoints = support::cluster::Cluster::shared();
    let rows = || {
        let prefix = office.environment();
        let prefix = prefix.iter().rev();
        let mut prefix = prefix.filter(|(name, _)| name == "LPSE_KIOSK_STORE_PREFIX");
        let prefix = &prefix.next().unwrap().1;
        support::cluster::etcdctl(&endpoints, &["get", "--prefix", prefix]).unwrap()
    };
    let before = (everything(&office.path("")), rows());
    let report = office.doctor();
    assert_eq!((everything(&office.path("")), rows()), before);
    let store = report.check("store");
    assert_eq!(store.status, "ok", "{store:?}");
    for words in [
        "etcd, keys under /test-",
        "the node loket-1",
        "no lpse-kiosk runs",
    ] {
        assert!(store.message.contains(words), "{store:?}");
    }
    let told = members(&report);
    assert_eq!(told.len(), 3);
    let leaders = told
        .iter()
        .filter(|check| check.message.contains(", leader, "));
    assert_eq!(leaders.count(), 1, "{told:?}");
    for (check, endpoint) in told.iter().zip(endpoints.split(',')) {
        assert!(
            check.message.starts_with(&format!("{endpoint}: etcd 3.")),
            "{check:?}"
        );
        assert!(check.message.contains(" MiB"), "{check:?}");
        assert!(check.message.contains("without TLS"), "{check:?}");
        // Debian 12's etcd is too old.
        let is_old = check.message.contains("etcd 3.4.23");
        assert_eq!(
            check.status,
            if is_old { "warning" } else { "ok" },
            "{check:?}"
        );
        let what_to_do = check.what_to_do.as_deref().unwrap_or_default();
        assert_eq!(is_old, what_to_do.contains("3.4.42"), "{check:?}");
    }
    let mut server = office.serve();
    if told[0].status == "warning" {
        server.expect_log("older than 3.4.42, with faults");
    }
    let beside = office.doctor();
    let store = beside.check("store");
    assert!(
        store.message.contains("held by the running lpse-kiosk"),
        "{store:?}"
    );
    assert_eq!(members(&beside).len(), 3);
}

#[cfg(feature = "etcd")]
#[test]
fn members_that_are_away_are_a_warning_while_the_others_agree_and_a_failure_when_not() {
    let mut cluster = support::cluster::Cluster::start();
    let prefix = support::cluster::fresh_prefix();
    let office = Office::empty()
        .in_cluster(&cluster.endpoints(), &prefix, "one")
        .with("LPSE_KIOSK_STORE_TIMEOUT_SECONDS", "2")
        .with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    cluster.kill_member(0);
    support::eventually("the others agree", || {
        let report = office.doctor();
        let told = members(&report);
        assert!(told[0].message.contains("does not answer"), "{told:?}");
        told[0].status == "warning" && report.check("store").status == "ok"
    });
    cluster.kill_member(1);
    support::eventually("nobody leads", || {
        let report = office.doctor();
        let told = members(&report);
        let all = told.iter().all(|check| check.status == "failure");
        all && report.exit_status == 1 && report.check("store").status == "failure"
    });
}

/// An office with people in a store of this kind.
fn peopled(kind: &str) -> Office {
    let office = match kind {
        #[cfg(feature = "etcd")]
        "etcd" => in_cluster(),
        kind => Office::empty_embedded().with("LPSE_KIOSK_STORE_KIND", kind),
    };
    if StoreKind::EMBEDDED.contains(&fill::kind(&office)) {
        office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    }
    office.add("PPK31", "non-penyedia", "Rina Wulandari");
    fill::fill(&office, 20);
    office
}

const KINDS: &[&str] = &[
    "sled",
    "redb",
    #[cfg(feature = "etcd")]
    "etcd",
];

fn ppk30() -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
}

/// Writes what `hand` makes of a stored record, past the program: with etcd's own tool where it is in the cluster.
fn by_hand(office: &Office, key: &Key, hand: impl Fn(&str) -> String) {
    fill::with_raw_store(office, async |raw| {
        let stored = raw.get(key).await.unwrap().expect("a record");
        let (bytes, tag) = stored.split_at(stored.len() - Commit::TAG_BYTES);
        let edited = hand(std::str::from_utf8(bytes).unwrap());
        #[cfg(feature = "etcd")]
        if fill::kind(office) == StoreKind::Etcd {
            let set = office.environment();
            let mut prefix = set.iter().rev();
            let prefix = prefix.find(|(name, _)| name == "LPSE_KIOSK_STORE_PREFIX");
            let name = format!("{}r/{key:?}", prefix.unwrap().1);
            let endpoints = support::cluster::Cluster::shared();
            support::cluster::etcdctl(&endpoints, &["put", "--", &name, &edited]).unwrap();
            return;
        }
        let edited = [edited.as_bytes(), tag].concat();
        raw.commit(Commit::new().put(key.clone(), edited))
            .await
            .unwrap();
    });
}

fn remove_by_hand(office: &Office, key: &Key) {
    fill::with_raw_store(office, async |raw| {
        assert!(raw.get(key).await.unwrap().is_some(), "{key:?}");
        raw.commit(Commit::new().remove(key.clone())).await.unwrap();
    });
}

#[test]
fn a_record_changed_by_hand_is_named_grants_nothing_and_the_store_goes_on_without_it() {
    for kind in KINDS {
        let office = peopled(kind);
        let sound = office.doctor();
        let records = sound.check("records");
        assert!(
            records.message.contains(" 22 accounts: each is as"),
            "{records:?}"
        );
        let key = Key::account(&ppk30());
        by_hand(&office, &key, |record| {
            record.replacen("\"password\"", "\"role\":\"officer\",\"password\"", 1)
        });
        let named = "account/non-penyedia/PPK30";
        // One person is not served, and the others are.
        let mut kiosk = office.kiosk();
        for _ in 0..2 {
            kiosk
                .give_password("non-penyedia", "PPK30", PASSWORD)
                .expect("Layanan sedang tidak tersedia");
            for shown in ["Masukkan User ID", "Login sebagai", support::MENU] {
                kiosk.press(support::key::ESC).expect(shown);
            }
        }
        kiosk
            .give_password("non-penyedia", "PPK31", PASSWORD)
            .expect("Selamat datang, Rina");
        for (report, is_beside) in [(office.doctor(), true), {
            kiosk.signal("TERM").wait();
            (office.doctor(), false)
        }] {
            let records = report.check("records");
            assert_eq!(records.status, "failure", "{is_beside}: {records:?}");
            assert!(records.message.contains(named), "{records:?}");
            assert!(
                records.message.contains("1 fewer than were counted"),
                "{records:?}"
            );
            assert_eq!(report.exit_status, 1);
        }
        let told = office.audit();
        let found = told.iter().filter(|line| line["act"] == "find-altered");
        let found: Vec<_> = found.collect();
        assert!(
            !found.is_empty() && found.iter().all(|line| line["detail"] == named),
            "{found:?}"
        );
        let listed = office.command(&["user", "list"]);
        refused(&listed, 1, "1 account is not shown");
        let shown = text(&listed.stdout);
        assert!(
            shown.contains("PPK31") && !shown.contains("PPK30"),
            "{shown}"
        );
        let show = ["user", "show", "PPK30", "--type", "non-penyedia"];
        refused(&office.command(&show), 75, "`lpse-kiosk store check`");
        // A backup would make a good record of it.
        let backup = office.path("backup").display().to_string();
        let key_file = office.path("backup.key").display().to_string();
        let kept = office.command(&["backup", "--new-key-file", &key_file, &backup]);
        refused(&kept, 75, named);
        assert!(!office.path("backup").exists());
        // Another one is removed without a trace but the number.
        remove_by_hand(&office, &Key::account(&fill::numbered(7)));
        let checked = office.command(&["store", "check"]);
        refused(&checked, 1, "store check --accept");
        let said = text(&checked.stdout);
        assert!(
            said.contains(named) && said.contains("2 fewer than were counted"),
            "{said}"
        );
        let for_programs = office.command(&["store", "check", "--json"]);
        let found: serde_json::Value = serde_json::from_slice(&for_programs.stdout).unwrap();
        assert_eq!(
            (
                &found["altered"],
                &found["accounts_missing"],
                &found["named"][0]["record"]
            ),
            (&1.into(), &2.into(), &named.into()),
            "{found}"
        );
        assert_eq!(for_programs.status.code(), Some(1));
        let said = succeeds(office.command(&["store", "check", "--accept"]));
        assert_eq!(
            said,
            format!("{named} is removed.\nThere are 20 accounts.\n")
        );
        let said = succeeds(office.command(&["store", "check"]));
        assert!(
            said.contains("20 accounts: each is as it was written"),
            "{said}"
        );
        assert_eq!(office.doctor().check("records").status, "ok");
        office.add("PPK30", "non-penyedia", "Siti Rahmawati");
        succeeds(office.command(&["backup", "--key-file", &key_file, &backup]));
        let told = office.audit();
        let accepted = told.iter().filter(|line| line["act"] == "accept-altered");
        assert_eq!(accepted.count(), 2, "intended for one record, and done");
        let mut kiosk = office.kiosk();
        kiosk
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Selamat datang, Siti");
    }
}

#[test]
fn without_its_policy_or_its_key_a_store_lets_nobody_in() {
    for kind in KINDS {
        let office = peopled(kind);
        office.policy("required");
        remove_by_hand(&office, &Key::policy());
        let mut kiosk = office.kiosk();
        kiosk
            .give_password("non-penyedia", "PPK31", PASSWORD)
            .expect("Layanan sedang tidak tersedia");
        kiosk.signal("TERM").wait();
        refused(&office.command(&["policy"]), 75, "setting/policy");
        let report = office.doctor();
        let records = report.check("records");
        assert!(
            records.message.contains("setting/policy is missing"),
            "{records:?}"
        );
        let what_to_do = records.what_to_do.as_deref().unwrap();
        assert!(
            what_to_do.contains("policy required --recovery-codes on"),
            "{what_to_do}"
        );
        // Nobody guesses what it was.
        refused(
            &office.command(&["store", "check", "--accept"]),
            1,
            "is set again",
        );
        let set = ["policy", "required", "--recovery-codes", "on"];
        succeeds(office.command(&set));
        assert_eq!(office.doctor().check("records").status, "ok");
        remove_by_hand(&office, &Key::store_key());
        let before = fill::raw_records(&office);
        refused(&office.command(&["user", "list"]), 1, "its store key");
        assert!(
            office
                .doctor()
                .check("records")
                .message
                .contains("its store key")
        );
        assert_eq!(fill::raw_records(&office), before);
    }
}
