//! The package on a machine that has booted: systemd starts the service, watches it, hands it its secrets, and starts it
//! again; and people come in meanwhile.

use std::{fs, path::Path};

use support::{Kiosk, eventually, manual::block_tried_by, text};

use super::{
    debian::{HOST, set},
    machine::{Machine, SERVICE},
    package, package_before,
};

const KIOSK: &str = "lpse-kiosk-tty1.service";
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
    let as_service = ["runuser", "--user", "lpse-kiosk", "--", "cat"];
    machine.refused(&[&as_service[..], &[key]].concat());
    machine.refused(&["runuser", "--user", "nobody", "--", "cat", handed_over]);

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
    assert_eq!(version(), "0.0.9-1");
    assert_eq!(machine.told_of(SERVICE, "WatchdogUSec"), "50s");
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
    let defaults = fs::read_to_string(settings.with_extension("toml.dpkg-dist")).unwrap();
    assert!(!defaults.contains("# The office."), "{defaults}");
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

/// Its first terminal is this machine's, and what is shown there is read back from the kernel.
const TERMINAL: &str = "/dev/tty1";

/// What stands on the first terminal.
fn shown() -> String {
    text(&fs::read("/dev/vcs1").unwrap())
}

/// Whether somebody has the first terminal open: a login, or a desktop.
fn is_taken() -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut files = processes
        .filter_map(|process| fs::read_dir(process.path().join("fd")).ok())
        .flat_map(|files| files.flatten());
    files.any(|file| fs::read_link(file.path()).is_ok_and(|file| file == Path::new(TERMINAL)))
}

#[test]
fn a_machine_that_is_only_a_kiosk_shows_it_on_its_first_terminal() {
    if !Path::new("/dev/vcs1").exists() || fs::File::open(TERMINAL).is_err() {
        support::left_out("this machine has no virtual terminal");
        return;
    }
    if is_taken() {
        support::left_out("somebody is at this machine's first terminal");
        return;
    }
    let Some(machine) = Machine::boot(&[TERMINAL]) else {
        return;
    };
    machine.install(package());
    let steps = block_tried_by("assets/manual/operating.md", file!(), "lpse-kiosk-tty1").text;
    machine.shell(&format!("set -e; sudo() {{ \"$@\"; }}\n{steps}"));
    let is_shown = || shown().contains("Selamat datang") && shown().contains("LOGIN");
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
    assert_eq!(shown().trim_matches(['\0', ' ']), "", "the screen is wiped");

    // A machine that serves others too shows it out of the same process.
    machine.shell(
        "install -D -m 644 /usr/share/doc/lpse-kiosk/examples/systemd/lpse-kiosk.service.d/console.conf \
             /etc/systemd/system/lpse-kiosk.service.d/console.conf
         systemctl daemon-reload && systemctl enable --now lpse-kiosk",
    );
    eventually("the kiosk out of the service", is_shown);
    caller(&machine).expect_still_answers();
}
