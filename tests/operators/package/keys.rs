//! The master key of the package's service, which systemd hands over, is rotated by one command while people are in.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use support::{Kiosk, PASSWORD, Phone, key, log_out, manual::block_tried_by};

use super::{
    booted::{add, caller},
    machine::{Machine, SERVICE},
    package,
};

const KEY: &str = "etc/lpse-kiosk/master.key";
const PROGRAM: &str = "usr/bin/lpse-kiosk";

/// A phone, and the machine's own clock: each code is good once.
struct Owner {
    phone: Phone,
    last: i64,
}

impl Owner {
    /// Activates TOTP, and stays at home.
    fn activate(kiosk: &mut Kiosk) -> Self {
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        kiosk.expect("ENABLE TOTP").press(key::ENTER);
        let mut owner = Self {
            phone: Phone::scan(kiosk),
            last: 0,
        };
        let code = owner.code();
        kiosk.submit_code(&code).expect("TOTP aktif.");
        owner
    }

    /// The next code that is good now: one step before and after are too.
    fn code(&mut self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let step = i64::try_from(now.as_secs()).unwrap() / 30;
        self.last = (self.last + 1).max(step - 1);
        assert!(self.last <= step + 1, "three codes are good at a time");
        self.phone.code(self.last * 30)
    }

    fn logs_in(&mut self, machine: &Machine) {
        let mut kiosk = caller(machine);
        kiosk
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Masukkan kode TOTP");
        let code = self.code();
        kiosk.submit_code(&code).expect("DISABLE TOTP");
        log_out(&mut kiosk);
    }
}

/// A machine on which the service runs, with somebody's account. Its program is the one that tests order about.
fn machine() -> Option<Machine> {
    let machine = Machine::boot(&[])?;
    machine.install(package());
    machine.run(&["systemctl", "stop", SERVICE]);
    support::copy(support::program(), machine.debian.path(PROGRAM));
    serves(&machine, "");
    add(&machine);
    Some(machine)
}

/// Starts the service anew with more settings in its unit, and screens that count as read at once.
fn serves(machine: &Machine, settings: &str) {
    let read = "[Service]\nEnvironment=LPSE_TEST_READING_TIME=0\n";
    machine.edit(SERVICE, &(read.to_owned() + settings));
    machine.run(&["systemctl", "restart", SERVICE]);
}

/// The keys in the file.
fn keys(machine: &Machine) -> Vec<String> {
    let file = fs::read_to_string(machine.debian.path(KEY)).unwrap();
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_key_is_rotated_by_one_command_and_both_the_service_and_its_next_start_have_it() {
    let Some(machine) = machine() else {
        return;
    };
    let mut open = caller(&machine);
    let mut owner = Owner::activate(&mut open);
    let before = keys(&machine);
    let id = machine.told_of(SERVICE, "MainPID");

    // Into another file than the service will be given, it is not done.
    machine.run(&["cp", &format!("/{KEY}"), "/root/other.key"]);
    let other = ["--master-key-file", "/root/other.key"];
    let rotate = ["lpse-kiosk", "key", "rotate"];
    let refused = machine.refused(&[&["lpse-kiosk"][..], &other, &rotate[1..]].concat());
    let says = format!("run it with --master-key-file /{KEY}; nothing was changed");
    assert!(refused.contains(&says), "{refused}");
    machine.run(&["cmp", &format!("/{KEY}"), "/root/other.key"]);

    let told = machine.run(&rotate);
    assert!(told.contains("everything is sealed under"), "{told}");
    let after = keys(&machine);
    assert_eq!((after.len(), &after[1..]), (2, &before[..]));
    assert_eq!(machine.told_of(SERVICE, "MainPID"), id);
    open.expect_still_answers();
    owner.logs_in(&machine);
    let told = machine.run(&["lpse-kiosk", "key", "drop-old"]);
    assert!(told.contains("no longer in the master key file"), "{told}");
    machine.run(&["lpse-kiosk", "key", "check"]);
    open.expect_still_answers();
    assert!(!machine.journal(SERVICE, "cat").contains(&after[0]));

    machine.run(&["systemctl", "restart", SERVICE]);
    owner.logs_in(&machine);
    machine.run(&["lpse-kiosk", "key", "check"]);
    machine.run(&["lpse-kiosk", "audit", "verify"]);
}

#[test]
fn a_rotation_killed_at_any_moment_leaves_what_the_next_start_opens_and_goes_on() {
    let Some(machine) = machine() else {
        return;
    };
    Owner::activate(&mut caller(&machine));
    let mut killed = 0;
    for at in 1.. {
        let line = format!("LPSE_TEST_KILL_AT={at} lpse-kiosk key rotate");
        let ended = machine.attempt(&["bash", "-c", &line]);
        // The service goes on, and so does one that is started now.
        machine.run(&["lpse-kiosk", "key", "check"]);
        machine.run(&["systemctl", "restart", SERVICE]);
        machine.run(&["lpse-kiosk", "key", "check"]);
        let told = machine.run(&["lpse-kiosk", "key", "rotate", "--drop-old"]);
        assert!(told.contains("everything is sealed under"), "{at}: {told}");
        assert_eq!(keys(&machine).len(), 1, "{at}");
        if ended.status.success() {
            break;
        }
        killed += 1;
    }
    assert!(killed >= 8, "{killed}");
}

#[test]
fn a_key_that_systemd_keeps_encrypted_is_rotated_by_two_commands() {
    let Some(machine) = machine() else {
        return;
    };
    let encrypted = format!("/{KEY}.cred");
    machine.shell(&format!(
        "systemd-creds encrypt --with-key=host --name=master-key /{KEY} {encrypted} && rm /{KEY}"
    ));
    let loaded = format!("LoadCredentialEncrypted=master-key:{encrypted}");
    serves(&machine, &format!("LoadCredential=\n{loaded}\n"));
    let mut open = caller(&machine);
    Owner::activate(&mut open);

    let steps = block_tried_by(
        "assets/manual/operating.md",
        file!(),
        "systemd-creds decrypt",
    );
    let steps: Vec<&str> = steps.text.lines().collect();
    let [decrypt, rotate, encrypt, go_on, wipe] = steps[..] else {
        panic!("five lines: {steps:?}");
    };
    machine.shell(decrypt);
    let rotate = rotate.split(" ||").next().unwrap();
    let said = machine.refused(&["bash", "-c", rotate]);
    let told: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    assert_eq!(told, [encrypt, go_on], "{said}");
    // The service has no key that its next start would lack.
    let check = [
        "lpse-kiosk",
        "key",
        "check",
        "--master-key-file",
        "/run/master.key",
    ];
    machine.run(&check);
    machine.run(&["systemctl", "restart", SERVICE]);
    let mut open = caller(&machine);
    machine.shell(encrypt);
    let told = machine.shell(go_on);
    assert!(told.contains("everything is sealed under"), "{told}");
    machine.run(&check);
    open.expect_still_answers();
    machine.run(&["systemctl", "restart", SERVICE]);
    caller(&machine).expect_still_answers();
    machine.run(&check);
    machine.shell(wipe);
}
