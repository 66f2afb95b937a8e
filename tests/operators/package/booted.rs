//! The package on a machine that has booted: systemd starts the service, watches it, hands it its secrets, and starts it
//! again; and people come in meanwhile.

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path, process::Command};

use lpse_kiosk::{
    domain::{AccountKey, UserId, UserType},
    store::{Commit, Key, Outcome},
};
use portable_pty::CommandBuilder;
use rustix::fs::OFlags;
use support::{
    Kiosk, Office, eventually, fill,
    manual::{block_tried_by, blocks},
    text,
};

use super::{
    PREVIOUS,
    debian::{HOST, set},
    done,
    machine::{Machine, SERVICE},
    package, package_before,
};

const KIOSK: &str = "lpse-kiosk-tty1.service";
const BACKUP: &str = "lpse-kiosk-backup.service";
const MANUAL: &str = "assets/manual/operating.md";
/// What the manual's `sudo` does on a machine without it.
const AS_ROOT: &str = "sudo() { \"$@\"; }";
const AS_ITS_USER: &str =
    "sudo() { [ \"$1 $2\" = '-u lpse-kiosk' ] && shift 2 && runuser --user lpse-kiosk -- \"$@\"; }";
const SETTINGS: &str = "etc/lpse-kiosk/config.toml";

/// Adds somebody.
pub(super) fn add(machine: &Machine) {
    machine.shell(
        "echo 'kuda hijau di awan 9' | lpse-kiosk user add PPK30 --type non-penyedia \
         --name 'Siti Rahmawati' --email siti@contoh.go.id",
    );
}

/// Demands that the store is as it was written, with the account of [`add`] in it.
fn is_sound(machine: &Machine) {
    let listed = machine.run(&["lpse-kiosk", "user", "list"]);
    assert!(listed.contains("PPK30"), "{listed}");
    machine.run(&["lpse-kiosk", "store", "check"]);
    machine.run(&["lpse-kiosk", "key", "check"]);
    machine.run(&["lpse-kiosk", "audit", "verify"]);
}

/// Somebody who comes in over SSH and sees the menu.
pub(super) fn caller(machine: &Machine) -> Kiosk {
    let mut caller = machine.caller(&machine.host_key());
    caller.expect("Selamat datang");
    caller
}

/// Changes the settings by hand.
fn change(machine: &Machine, from: &str, to: &str) {
    let file = machine.debian.path(SETTINGS);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

/// The number of the line of the settings that is `wanted`.
fn line_of(machine: &Machine, wanted: &str) -> usize {
    let text = fs::read_to_string(machine.debian.path(SETTINGS)).unwrap();
    let found = text.lines().position(|line| line == wanted);
    found.expect("a line of the settings") + 1
}

#[test]
fn once_installed_the_service_is_ready_and_the_journal_says_how_people_come_in() {
    let Some(machine) = Machine::boot(&[]) else {
        return;
    };
    machine.install(package());
    assert!(machine.is_active(SERVICE));
    assert_eq!(machine.told_of(SERVICE, "StatusText"), "People are served");
    caller(&machine).expect_still_answers();

    let told = machine.run(&["lpse-kiosk", "host-key"]);
    let fingerprint = told
        .split_whitespace()
        .find(|word| word.starts_with("SHA256:"));
    let fingerprint = fingerprint.expect("a fingerprint");
    let journal = machine.journal("lpse-kiosk", "short");
    let address = format!("ssh -p 2222 lpse@{HOST}");
    for said in [&address, fingerprint] {
        assert!(journal.contains(said), "{said} in {journal}");
    }
    // Each with the fields by which it is looked for.
    let records = machine.journal(SERVICE, "json");
    let records: Vec<serde_json::Value> = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let with_key = records
        .iter()
        .find(|record| record["LPSE_FINGERPRINT"] == fingerprint)
        .unwrap_or_else(|| panic!("the fingerprint as a field in {records:#?}"));
    for (field, value) in [
        ("SYSLOG_IDENTIFIER", "lpse-kiosk"),
        ("_TRANSPORT", "journal"),
        ("PRIORITY", "6"),
        ("TARGET", "lpse_kiosk::frontend::ssh"),
        ("LPSE_PLACE", "0.0.0.0:2222"),
        ("_SYSTEMD_UNIT", SERVICE),
    ] {
        assert_eq!(with_key[field], value, "{field} in {with_key:#}");
    }

    // The key's file is root's alone; the service has its copy, which is nobody else's.
    let id = machine.told_of(SERVICE, "MainPID");
    let owner = machine.run(&["stat", "--format=%U", &format!("/proc/{id}")]);
    assert_eq!(owner.trim(), "lpse-kiosk");
    let key = "/etc/lpse-kiosk/master.key";
    let handed_over = "/run/credentials/lpse-kiosk.service/master-key";
    machine.run(&["cmp", key, handed_over]);
    machine.refused(&["runuser", "--user", "lpse-kiosk", "--", "cat", key]);
    machine.refused(&["runuser", "--user", "nobody", "--", "cat", handed_over]);

    // Commands beside it find its folder, as root and as its user, who is told what only root may.
    machine.shell("runuser --user lpse-kiosk -- lpse-kiosk audit verify");
    let as_service = ["runuser", "--user", "lpse-kiosk", "--", "lpse-kiosk"];
    let told = machine.refused(&[&as_service[..], &["user", "list"]].concat());
    assert!(told.contains("run the command as root"), "{told}");
    add(&machine);
    is_sound(&machine);
    let blocks = blocks(MANUAL);
    let mut of_its_user = blocks
        .iter()
        .filter(|block| block.is_for_the_services_user());
    let first = of_its_user.next().expect("the manual has such a block");
    for block in [first].into_iter().chain(of_its_user) {
        machine.shell(&format!("set -eu\n{AS_ITS_USER}\n{}", block.text));
    }
    let folder = "/var/lib/lpse-kiosk";
    let foreign = machine.run(&["find", folder, "!", "-user", "lpse-kiosk"]);
    assert_eq!(foreign, "", "files of others in {folder}");

    // Encrypted as the unit says, it is on the disk in no other form, and reaches the service and the commands.
    fs::rename(
        machine.debian.path(key),
        machine.debian.path("root/master.key"),
    )
    .unwrap();
    let encrypted = format!("{key}.cred");
    machine.run(&[
        "systemd-creds",
        "encrypt",
        "--with-key=host",
        "--name=master-key",
        "/root/master.key",
        &encrypted,
    ]);
    let loaded = format!("LoadCredentialEncrypted=master-key:{encrypted}");
    machine.edit(SERVICE, &format!("[Service]\nLoadCredential=\n{loaded}\n"));
    machine.run(&["systemctl", "restart", SERVICE]);
    machine.run(&["cmp", "/root/master.key", handed_over]);
    caller(&machine).expect_still_answers();
    let unit = "usr/lib/systemd/system/lpse-kiosk.service";
    let unit = fs::read_to_string(machine.debian.path(unit)).unwrap();
    let line = unit.lines().find(|line| line.contains("systemd-run"));
    machine.shell(
        line.expect("how a command gets the key")
            .trim_start_matches('#'),
    );
}

#[test]
fn a_service_that_stands_still_or_is_killed_is_started_again_with_all_it_had() {
    let Some(machine) = Machine::boot(&[]) else {
        return;
    };
    machine.install(package());
    add(&machine);
    // Sooner than the unit says, so that nobody waits for it here.
    let settings = "[Service]\nWatchdogSec=3s\nRestartSec=100ms\n";
    machine.edit(SERVICE, settings);
    for (signal, said) in [
        ("SIGSTOP", "Watchdog timeout"),
        ("SIGKILL", "code=killed, status=9/KILL"),
    ] {
        machine.run(&["systemctl", "restart", SERVICE]);
        let before = machine.told_of(SERVICE, "MainPID");
        machine.signal(SERVICE, signal);
        machine.eventually_says(SERVICE, said);
        eventually("another process that is ready", || {
            machine.is_active(SERVICE) && machine.told_of(SERVICE, "MainPID") != before
        });
        caller(&machine).expect_still_answers();
        is_sound(&machine);
    }
}

#[test]
fn settings_are_taken_up_while_people_are_in_and_bad_ones_stop_nobody() {
    let Some(machine) = Machine::boot(&[]) else {
        return;
    };
    machine.install(package());
    let id = machine.told_of(SERVICE, "MainPID");
    let host_key = machine.host_key();
    let mut before = caller(&machine);
    let settings = machine.debian.path(SETTINGS);
    set(&settings, "office", "name", "LPSE Kota Contoh");
    machine.run(&["systemctl", "reload", SERVICE]);
    machine.eventually_says(SERVICE, "the settings were read again");
    caller(&machine).expect("LPSE Kota Contoh");
    before.expect_still_answers();
    assert!(!before.text().contains("Kota Contoh"), "{}", before.text());

    let good = "name = \"LPSE Kota Contoh\"";
    let bad = "name = 12";
    change(&machine, good, bad);
    let wrong = format!(
        "/{SETTINGS}, line {}: [office] name = 12",
        line_of(&machine, bad)
    );
    machine.refused(&["systemctl", "reload", SERVICE]);
    let told = machine.run(&["systemctl", "status", "--no-pager", "--full", SERVICE]);
    assert!(told.contains(&wrong), "{wrong} in {told}");
    assert_eq!(machine.told_of(SERVICE, "MainPID"), id);
    before.expect_still_answers();
    machine.caller(&host_key).expect("LPSE Kota Contoh");
    drop(before);

    // A restart ends what runs before anything can be looked at; then it says the same, and waits for a better file.
    machine.refused(&["systemctl", "restart", SERVICE]);
    let told = machine.refused(&["systemctl", "status", "--no-pager", "--full", SERVICE]);
    assert!(told.contains(&wrong), "{wrong} in {told}");
    assert_eq!(machine.told_of(SERVICE, "ActiveState"), "failed");
    change(&machine, bad, good);
    machine.run(&["systemctl", "restart", SERVICE]);
    caller(&machine).expect("LPSE Kota Contoh");
}

/// Whose record is of the first form.
const FIRST: &str = "POKJA7";

/// An office whose accounts' records have nothing that records have got since the first version of their form.
fn of_the_first_form() -> Office {
    let office = Office::empty_embedded();
    office.add(FIRST, "non-penyedia", "Rina Wulandari");
    let later = [
        "role",
        "unlocks",
        "one_time_password_until",
        "suspended",
        "passcode_failures",
        "recovery",
        "known_sources",
        "activity",
    ];
    fill::with_store(&office, async |store| {
        let user_id = UserId::parse(FIRST).expect("a User ID");
        let key = Key::account(&AccountKey::new(UserType::NonPenyedia, user_id));
        let before = store.get(&key).await.unwrap().expect("the account");
        let mut record: serde_json::Value = serde_json::from_slice(&before).unwrap();
        let fields = record.as_object_mut().unwrap();
        fields.retain(|name, _| !later.contains(&name.as_str()));
        let first = serde_json::to_vec(&record).unwrap();
        let outcome = store.commit(Commit::new().put(key, first)).await.unwrap();
        assert_eq!(outcome, Outcome::Applied);
    });
    office
}

/// Puts the data and the key of an office in the place of the service's.
fn put_in(machine: &Machine, office: &Office) {
    machine.run(&["systemctl", "stop", SERVICE]);
    let data = machine.debian.path("var/lib/lpse-kiosk");
    fs::remove_dir_all(&data).unwrap();
    support::copy(office.data(), &data);
    fs::copy(
        office.path("etc/master.key"),
        machine.debian.path("etc/lpse-kiosk/master.key"),
    )
    .unwrap();
    machine.shell("chown -R lpse-kiosk: /var/lib/lpse-kiosk && chmod 700 /var/lib/lpse-kiosk");
    machine.run(&["systemctl", "start", SERVICE]);
}

#[test]
fn an_upgrade_goes_on_with_what_there_was_and_a_purge_leaves_the_key() {
    let Some(machine) = Machine::boot(&[]) else {
        return;
    };
    let version = || {
        machine.run(&[
            "dpkg-query",
            "--show",
            "--showformat=${Version}",
            "lpse-kiosk",
        ])
    };
    let key = || fs::read(machine.debian.path("etc/lpse-kiosk/master.key")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    machine.install(&package_before(folder.path()));
    let is_older_program = std::env::var_os(PREVIOUS).is_some();
    if !is_older_program {
        assert_eq!(version(), "0.0.9-1");
        assert_eq!(machine.told_of(SERVICE, "WatchdogUSec"), "50s");
        // An older program writes its own records; in this one's place are some of the first form that is read.
        put_in(&machine, &of_the_first_form());
    }
    add(&machine);
    let settings = machine.debian.path(SETTINGS);
    set(&settings, "office", "name", "LPSE Kota Contoh");
    machine.run(&["systemctl", "restart", SERVICE]);
    let kept = (key(), machine.host_key(), fs::read(&settings).unwrap());
    let id = machine.told_of(SERVICE, "MainPID");

    machine.install(package());
    assert!(version().starts_with(env!("CARGO_PKG_VERSION")));
    assert!(machine.is_active(SERVICE));
    assert_ne!(machine.told_of(SERVICE, "MainPID"), id);
    assert_eq!(machine.told_of(SERVICE, "WatchdogUSec"), "30s");
    assert!(kept == (key(), machine.host_key(), fs::read(&settings).unwrap()));
    // The new default settings are beside those that were changed.
    if !is_older_program {
        let defaults = fs::read_to_string(settings.with_extension("toml.dpkg-dist")).unwrap();
        assert!(!defaults.contains("# The office."), "{defaults}");
        let first = machine.run(&["lpse-kiosk", "user", "show", FIRST]);
        assert!(first.contains("Rina Wulandari"), "{first}");
        machine.run(&[
            "lpse-kiosk",
            "user",
            "reset-totp",
            FIRST,
            "--reason",
            support::REASON,
        ]);
    }
    caller(&machine).expect("LPSE Kota Contoh");
    is_sound(&machine);

    machine.run(&["dpkg", "--remove", "lpse-kiosk"]);
    assert!(!machine.is_active(SERVICE));
    assert_eq!(
        machine.run(&["systemctl", "list-units", "--quiet", "lpse-kiosk*"]),
        ""
    );
    machine.install(package());
    assert!(machine.is_active(SERVICE));
    is_sound(&machine);

    machine.run(&["dpkg", "--purge", "lpse-kiosk"]);
    assert!(!machine.is_active(SERVICE));
    assert!(!machine.debian.path("var/lib/lpse-kiosk").exists());
    assert!(key() == kept.0, "the key stays");
    machine.install(package());
    assert!(machine.is_active(SERVICE));
    assert!(key() == kept.0, "the key that was there is taken");
    assert_ne!(machine.host_key(), kept.1, "all else begins anew");
}

#[test]
fn a_backup_is_made_every_night_which_only_its_recipients_open() {
    let Some(machine) = Machine::boot(&[]) else {
        return;
    };
    machine.install(package());
    for tool in ["age", "age-keygen"] {
        let tool = format!("usr/bin/{tool}");
        support::copy(Path::new("/").join(&tool), machine.debian.path(&tool));
    }
    add(&machine);
    // One that cannot be made is seen.
    machine.refused(&["systemctl", "start", BACKUP]);
    let failed = machine.run(&["systemctl", "list-units", "--failed", "--quiet", "--plain"]);
    assert!(failed.contains(BACKUP), "{failed}");
    machine.eventually_says(
        BACKUP,
        "no backup was made: /etc/lpse-kiosk/backup-recipients",
    );
    let folder = "/var/lib/lpse-kiosk-backups";
    assert_eq!(machine.run(&["ls", folder]), "");

    // Those of earlier nights, of which two are to be left with the new one.
    for night in [
        "2026-11-01T010000Z",
        "2026-11-02T010000Z",
        "2026-11-03T010000Z",
    ] {
        machine.shell(&format!(
            "touch {folder}/lpse-{night} {folder}/lpse-{night}.key.age"
        ));
    }
    machine.edit(BACKUP, "[Service]\nEnvironment=KEEP=3\n");
    let steps = block_tried_by(MANUAL, file!(), "lpse-kiosk-backup").text;
    machine.shell(&format!("set -eo pipefail; {AS_ROOT}\ncd /root\n{steps}"));
    assert!(machine.is_active("lpse-kiosk-backup.timer"));
    let next = machine.run(&[
        "systemctl",
        "list-timers",
        "--no-pager",
        "lpse-kiosk-backup.timer",
    ]);
    assert!(next.contains(BACKUP), "{next}");
    let failed = machine.run(&["systemctl", "list-units", "--failed", "--quiet", "--plain"]);
    assert!(!failed.contains(BACKUP), "{failed}");
    let listed = machine.run(&["ls", folder]);
    let backups: Vec<&str> = listed.lines().filter(|name| name.ends_with('Z')).collect();
    let keys = listed
        .lines()
        .filter(|name| name.ends_with("Z.key.age"))
        .count();
    assert_eq!(
        (backups.len(), keys, listed.lines().count()),
        (3, 3, 6),
        "{listed}"
    );
    assert_eq!(
        backups[..2],
        ["lpse-2026-11-02T010000Z", "lpse-2026-11-03T010000Z"]
    );

    // Whoever has the identity opens it; what is left on the machine does not.
    machine.shell(&format!("rm {folder}/lpse-2026-11-0*"));
    let open = block_tried_by(MANUAL, file!(), "age --decrypt").text;
    machine.shell(&format!("set -e; cd /root\n{open}"));
    machine.shell("rm /root/backup.key");
    let name = backups[2];
    let of_root = machine.run(&[
        "stat",
        "--format=%U %a",
        &format!("{folder}/{name}"),
        folder,
    ]);
    assert_eq!(of_root, "root 600\nroot 700\n");
    assert!(!machine.debian.path("run/lpse-kiosk-backup").exists());
    let told = machine.attempt(&["lpse-kiosk", "doctor", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let checks = told["checks"].as_array().unwrap();
    let last = checks.iter().find(|check| check["name"] == "last-backup");
    assert_eq!(last.unwrap()["status"], "ok", "{told}");

    // So it is made where nothing serves, and the store stays its user's.
    machine.shell(&format!("rm {folder}/*; systemctl stop {SERVICE}"));
    machine.run(&["systemctl", "start", BACKUP]);
    assert_eq!(machine.run(&["ls", folder]).lines().count(), 2);
    let foreign = machine.run(&["find", "/var/lib/lpse-kiosk", "!", "-user", "lpse-kiosk"]);
    assert_eq!(foreign, "", "files of others");
    machine.run(&["systemctl", "start", SERVICE]);
    is_sound(&machine);
}

/// A virtual terminal of this machine that nobody has, for the machine that is tested; what is shown there is read back
/// from the kernel.
struct Terminal {
    number: u32,
    /// Open for as long as it is needed: with nobody at it, a terminal may go.
    _held: fs::File,
}

impl Terminal {
    /// As many as that; the first is this machine's first where nobody is at it. None, which is counted, where this machine
    /// has not so many.
    fn free<const N: usize>() -> Option<[Self; N]> {
        // Where a login may come by itself, nobody is to be in its way: those stand below the twelfth.
        let numbers = [1].into_iter().chain((13..=63).rev());
        let found: Vec<Self> = numbers.filter_map(Self::take).take(N).collect();
        let found = <[Self; N]>::try_from(found).ok();
        if found.is_none() {
            support::left_out("this machine has no virtual terminal that is free");
        }
        found
    }

    fn take(number: u32) -> Option<Self> {
        let path = format!("/dev/tty{number}");
        if is_taken(Path::new(&path)) {
            return None;
        }
        let mut open = fs::File::options();
        let held = open
            .write(true)
            .custom_flags(OFlags::NOCTTY.bits().cast_signed())
            .open(path)
            .ok()?;
        Path::new(&format!("/dev/vcs{number}"))
            .exists()
            .then_some(Self {
                number,
                _held: held,
            })
    }

    /// What is to be bound, so that it is the terminal `name` of the machine that is tested.
    fn bound_as(&self, name: &str) -> String {
        format!("/dev/tty{}:/dev/{name}", self.number)
    }

    /// What stands on it.
    fn shown(&self) -> String {
        text(&fs::read(format!("/dev/vcs{}", self.number)).unwrap())
    }

    fn shows_the_menu(&self) -> bool {
        let shown = self.shown();
        shown.contains("Selamat datang") && shown.contains("LOGIN")
    }

    #[track_caller]
    fn is_wiped(&self) {
        assert_eq!(
            self.shown().trim_matches(['\0', ' ']),
            "",
            "the screen is wiped"
        );
    }
}

/// A pseudo-terminal that nothing runs on, for somebody else to open; it is there for as long as that is kept.
fn line_of_its_own() -> Kiosk {
    let mut nothing = CommandBuilder::new("sh");
    nothing.args(["-c", "trap '' HUP; exec sleep infinity"]);
    Kiosk::start(nothing, 80, 24)
}

/// Whether somebody has a terminal open: a login, or a desktop.
fn is_taken(terminal: &Path) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut files = processes
        .filter_map(|process| fs::read_dir(process.path().join("fd")).ok())
        .flat_map(|files| files.flatten());
    files.any(|file| fs::read_link(file.path()).is_ok_and(|file| file == terminal))
}

#[test]
fn a_machine_that_is_only_a_kiosk_shows_it_on_its_first_terminal() {
    let Some([terminal]) = Terminal::free() else {
        return;
    };
    let Some(machine) = Machine::boot(&[&terminal.bound_as("tty1")]) else {
        return;
    };
    machine.install(package());
    let steps = block_tried_by(MANUAL, file!(), "lpse-kiosk-tty1").text;
    machine.shell(&format!("set -e; {AS_ROOT}\n{steps}"));
    let is_shown = || terminal.shows_the_menu();
    eventually("the kiosk on the first terminal", is_shown);
    assert!(machine.is_active(KIOSK) && !machine.is_active(SERVICE));
    assert_eq!(machine.told_of(KIOSK, "StatusText"), "People are served");
    assert_eq!(machine.told_of(KIOSK, "WatchdogUSec"), "30s");

    let settings = "[Service]\nWatchdogSec=3s\nRestartSec=100ms\n";
    machine.edit(KIOSK, settings);
    machine.run(&["systemctl", "restart", KIOSK]);
    let before = machine.told_of(KIOSK, "MainPID");
    machine.signal(KIOSK, "SIGSTOP");
    machine.eventually_says(KIOSK, "Watchdog timeout");
    eventually("another process that is ready", || {
        machine.is_active(KIOSK) && machine.told_of(KIOSK, "MainPID") != before
    });
    eventually("the kiosk once more", is_shown);

    // An upgrade keeps to what the machine is.
    let before = machine.told_of(KIOSK, "MainPID");
    machine.install(package());
    assert!(machine.is_active(KIOSK) && !machine.is_active(SERVICE));
    assert_ne!(machine.told_of(KIOSK, "MainPID"), before);
    eventually("the kiosk after an upgrade", is_shown);
    machine.run(&["systemctl", "disable", "--now", KIOSK]);
    terminal.is_wiped();

    // A machine that serves others too shows it out of the same process.
    machine.shell(
        "install -D -m 644 /usr/share/doc/lpse-kiosk/examples/systemd/lpse-kiosk.service.d/console.conf \
             /etc/systemd/system/lpse-kiosk.service.d/console.conf
         systemctl daemon-reload && systemctl enable --now lpse-kiosk",
    );
    eventually("the kiosk out of the service", is_shown);
    caller(&machine).expect_still_answers();
}

#[test]
fn several_terminals_of_a_machine_show_the_kiosk_of_its_service() {
    let Some([virtual_terminal]) = Terminal::free() else {
        return;
    };
    // What a serial line would be: a pseudo-terminal, at whose other end this test sits.
    let mut line = line_of_its_own();
    let serial = line.terminal();
    // Nor does a serial line tell how large the terminal at its other end is.
    done(Command::new("stty").args(["-F", &serial, "rows", "0", "columns", "0"]));
    let ours = [
        virtual_terminal.bound_as("tty3"),
        format!("{serial}:/dev/ttyS0"),
    ];
    let Some(machine) = Machine::boot(&ours.each_ref().map(String::as_str)) else {
        return;
    };
    machine.install(package());
    let steps = block_tried_by(MANUAL, file!(), "lpse-kiosk-tty@").text;
    machine.shell(&format!("set -e; {AS_ROOT}\n{steps}"));
    let units = [
        "lpse-kiosk-tty@tty3.service",
        "lpse-kiosk-tty@ttyS0.service",
    ];
    eventually("the kiosk on the virtual terminal", || {
        virtual_terminal.shows_the_menu()
    });
    line.expect("Selamat datang").expect_still_answers();
    for unit in units {
        assert!(machine.is_active(unit), "{unit}");
        assert_eq!(machine.told_of(unit, "WatchdogUSec"), "30s");
        let status = "The screens of lpse-kiosk serve are on this terminal";
        assert_eq!(machine.told_of(unit, "StatusText"), status);
    }
    caller(&machine).expect_still_answers();

    // While the service is away they say so, and its screens come back by themselves.
    machine.run(&["systemctl", "stop", SERVICE]);
    line.expect("Layanan sedang dimulai ulang");
    machine.run(&["systemctl", "start", SERVICE]);
    line.expect("Selamat datang").expect_still_answers();

    // One that no longer turns is started again.
    let [_, unit] = units;
    machine.edit(unit, "[Service]\nWatchdogSec=3s\nRestartSec=100ms\n");
    machine.run(&["systemctl", "restart", unit]);
    let before = machine.told_of(unit, "MainPID");
    machine.signal(unit, "SIGSTOP");
    machine.eventually_says(unit, "Watchdog timeout");
    eventually("another process that is ready", || {
        machine.is_active(unit) && machine.told_of(unit, "MainPID") != before
    });
    line.expect("Selamat datang").expect_still_answers();

    machine.run(&["dpkg", "--remove", "lpse-kiosk"]);
    virtual_terminal.is_wiped();
    assert!(units.iter().all(|unit| !machine.is_active(unit)));
}
