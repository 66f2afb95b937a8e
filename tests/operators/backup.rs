//! Backups: made while people work, whole or not at all, and back on an empty machine without reviving what was used up.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use lpse_kiosk::{
    domain::{AccountKey, TimeStep, reset::TicketState},
    store::{Key, Value, accounts::Accounts, tickets::Tickets},
};
use support::{
    Kiosk, MORNING, Office, PASSWORD, Phone, activate, fill, key, log_in_by_two_codes, log_out,
    refused, succeeds, text,
};

const PASSPHRASE: &str = "perahu layar biru di telaga sunyi";

/// A private file in the office with the passphrase.
fn passphrase_file(office: &Office, passphrase: &str) -> String {
    let path = office.path("passphrase");
    fs::write(&path, format!("{passphrase}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

fn run(office: &Office, arguments: &[&str], file: &Path) -> Output {
    let passphrase = passphrase_file(office, PASSPHRASE);
    let file = file.display().to_string();
    let mut all = arguments.to_vec();
    all.extend(["--passphrase-file", &passphrase, &file]);
    office.command(&all)
}

fn back_up(office: &Office) -> PathBuf {
    let file = office.path("backup");
    let said = succeeds(run(office, &["backup", "--force"], &file));
    assert!(said.contains("The master key "), "{said}");
    file
}

/// Another machine, with the key file of the first.
fn empty_machine(of: &Office, kind: &str) -> Office {
    let office = Office::empty_embedded().with("LPSE_KIOSK_STORE_KIND", kind);
    fs::create_dir(office.path("etc")).unwrap();
    fs::copy(of.path("etc/master.key"), office.path("etc/master.key")).unwrap();
    office
}

/// The records of an office, but for those that change by a mere restart.
fn contents(office: &Office) -> BTreeMap<Key, Value> {
    fill::records(office).into_iter().collect()
}

fn names(records: &BTreeMap<Key, Value>) -> Vec<String> {
    records.keys().map(|key| format!("{key:?}")).collect()
}

#[test]
fn a_backup_comes_back_on_either_engine_as_it_was_but_for_what_was_used_up() {
    for (from, to) in [("sled", "redb"), ("redb", "sled")] {
        let office = Office::empty_embedded().with("LPSE_KIOSK_STORE_KIND", from);
        office.add("PPK30", "non-penyedia", "Siti Rahmawati");
        office.policy("required");
        fill::fill(&office, 60);
        let before = contents(&office);
        let file = back_up(&office);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let whole = fs::read(&file).unwrap();
        assert!(
            !whole.windows(5).any(|bytes| bytes == b"PPK30"),
            "it is encrypted"
        );
        let said = succeeds(run(&office, &["verify", "--json"], &file));
        let told: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!(told["records"], before.len(), "{told}");
        assert_eq!(told["accounts"], 61);
        assert_eq!(
            told["master_keys_wanted"][0]["id"],
            fill::keys_kept(&office)[0]
        );
        assert_eq!(told["master_keys_within"], serde_json::json!([]));
        let machine = empty_machine(&office, to);
        let said = succeeds(run(&machine, &["restore"], &file));
        assert!(said.contains("records are back"), "{said}");
        let after = contents(&machine);
        // Letters that told the links of open tickets are gone; every other name is there.
        let is_letter = |name: &String| name.starts_with("outbox/");
        let expected: Vec<String> = names(&before)
            .into_iter()
            .filter(|name| !is_letter(name))
            .collect();
        assert_eq!(names(&after), expected);
        let changed = |(key, value): (&Key, &Value)| {
            (after.get(key).is_some_and(|after| after != value)).then(|| format!("{key:?}"))
        };
        let changed: Vec<String> = before.iter().filter_map(changed).collect();
        // 60 accounts with a secret, six tickets.
        assert_eq!(changed.len(), 66, "{changed:?}");
        // The same record has another tag there: none of the old store passes for one of the new.
        let ppk30 = |office| {
            let mut records = fill::raw_records(office).into_iter();
            records.find(|(key, _)| format!("{key:?}") == "account/non-penyedia/PPK30")
        };
        assert_eq!(
            after.get(&ppk30(&machine).unwrap().0),
            before.get(&ppk30(&office).unwrap().0)
        );
        assert_ne!(ppk30(&machine), ppk30(&office));
        let checked = succeeds(machine.command(&["store", "check"]));
        assert!(
            checked.contains("61 accounts: each is as it was written"),
            "{checked}"
        );
        succeeds(machine.command(&["key", "check"]));
        let policy = succeeds(machine.command(&["policy"]));
        assert!(policy.contains("required"), "{policy}");
        let audit = fs::read_to_string(machine.data().join("audit.jsonl")).unwrap();
        assert!(audit.contains("\"restore\""), "{audit}");
        let audit = fs::read_to_string(office.data().join("audit.jsonl")).unwrap();
        assert!(audit.contains("\"backup\""), "{audit}");
    }
}

#[test]
fn what_was_used_or_could_have_been_is_used_up_after_a_restore() {
    let office = Office::new();
    fill::fill(&office, 21);
    // One of the three open tickets is used before the backup.
    fill::with_store(&office, async |store| {
        let tickets = Tickets::new(store.clone());
        let read = tickets.read(&fill::numbered(10)).await.unwrap();
        let now = jiff::Timestamp::from_second(MORNING).unwrap();
        store.commit(read.spend(now)).await.unwrap();
    });
    let file = back_up(&office);
    // The clock of the new machine is behind: it is not believed.
    for late in [-3600, 0, 40] {
        let machine = empty_machine(&office, "sled");
        machine.set_clock(MORNING + late);
        succeeds(run(&machine, &["restore"], &file));
        fill::with_store(&machine, async |store| {
            let now = jiff::Timestamp::from_second(MORNING + late.max(0)).unwrap();
            let tickets = Tickets::new(store.clone());
            let state = async |number| {
                let digest = fill::ticket_secrets(number).token.digest();
                let read = tickets.find(&digest).await.unwrap().unwrap();
                read.ticket().unwrap().state(now)
            };
            assert_eq!(state(0).await, TicketState::Expired);
            assert_eq!(state(10).await, TicketState::Used);
            assert_eq!(state(20).await, TicketState::Expired);
            let accounts = Accounts::new(store.clone());
            let spent = async |key: &AccountKey| {
                let mut account = accounts.read(key).await.unwrap().unwrap().account;
                let keys = account.authenticator.every_key_mut();
                let spent = keys.iter().map(|key| key.spent.greatest());
                spent.collect::<Vec<_>>()
            };
            let read = accounts.read(&fill::numbered(1)).await.unwrap().unwrap();
            assert_eq!(read.account.recovery, None, "they may have been used since");
            // The step after the present one is in the window as well.
            let last = Some(TimeStep::new(TimeStep::at(now).number() + 1));
            // One phone; two; and one with the key of another on its way.
            for (number, keys) in [(4, 1), (1, 2), (2, 2)] {
                let spent = spent(&fill::numbered(number)).await;
                assert_eq!(spent, vec![last; keys], "{late}: {number}");
            }
        });
    }
}

fn code_given(kiosk: &mut Kiosk, code: &str) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk.submit_code(code);
}

#[test]
fn a_code_spent_after_the_backup_is_refused_after_the_restore_and_the_next_one_works() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    let phone: Phone = activate(&office, &mut kiosk);
    // Beside the kiosk, and before the code is spent.
    let file = back_up(&office);
    let code = phone.code(office.clock());
    code_given(&mut kiosk, &code);
    kiosk.expect("DISABLE TOTP");
    kiosk.signal("KILL").wait();
    let machine = empty_machine(&office, "sled");
    machine.set_clock(office.clock());
    succeeds(run(&machine, &["restore"], &file));
    let mut kiosk = machine.kiosk();
    code_given(&mut kiosk, &code);
    kiosk.expect("Kode tidak diterima");
    machine.pass(90);
    kiosk
        .submit_code(&phone.code(machine.clock()))
        .expect("DISABLE TOTP");
}

#[test]
fn two_codes_used_after_the_backup_are_known_from_the_audit_log_when_their_time_comes() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    let phone: Phone = activate(&office, &mut kiosk);
    let file = back_up(&office);
    let half_an_hour = 30 * 60;
    log_in_by_two_codes(&office, &mut kiosk, &phone, half_an_hour);
    let then = office.clock() + half_an_hour;
    kiosk.signal("TERM").wait();
    for has_log in [true, false] {
        let machine = empty_machine(&office, "sled");
        machine.set_clock(office.clock() + 5);
        if has_log {
            fs::create_dir(machine.data()).unwrap();
            let log = "audit.jsonl";
            fs::copy(office.data().join(log), machine.data().join(log)).unwrap();
        }
        succeeds(run(&machine, &["restore"], &file));
        let mut kiosk = machine.kiosk();
        // The phone is right by now, and so is everything that it shows until then.
        machine.set_clock(then - 60);
        code_given(&mut kiosk, &phone.code(then - 60));
        kiosk.expect("DISABLE TOTP");
        log_out(&mut kiosk);
        machine.set_clock(then);
        code_given(&mut kiosk, &phone.code(then));
        kiosk.expect(match has_log {
            true => "Kode tidak diterima",
            // As the manual says.
            false => "DISABLE TOTP",
        });
    }
}

#[test]
fn a_damaged_or_foreign_file_is_refused_and_nothing_is_written() {
    let office = Office::new();
    fill::fill(&office, 700);
    let file = back_up(&office);
    let whole = fs::read(&file).unwrap();
    assert!(whole.len() > 3 * 64 * 1024, "several chunks");
    let machine = empty_machine(&office, "sled");
    let damaged = machine.path("damaged");
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), Vec::new()),
        ("foreign".into(), b"PK\x03\x04".repeat(100)),
        ("longer".into(), [&whole[..], b"x"].concat()),
    ];
    for at in [60, 70_000, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        cases.push((format!("byte {at} changed"), changed));
    }
    let chunk = 64 * 1024 + 16;
    for cut in [1, 30, 57, 57 + chunk, 57 + 2 * chunk, whole.len() - 1] {
        cases.push((format!("cut at {cut}"), whole[..cut].to_vec()));
    }
    let mut swapped = whole.clone();
    let (first, second) = (57..57 + chunk, 57 + chunk..57 + 2 * chunk);
    swapped[first.clone()].copy_from_slice(&whole[second.clone()]);
    swapped[second].copy_from_slice(&whole[first]);
    cases.push(("two chunks swapped".into(), swapped));
    for (what, bytes) in cases {
        fs::write(&damaged, bytes).unwrap();
        for command in ["verify", "restore"] {
            let output = run(&machine, &[command], &damaged);
            assert_eq!(
                output.status.code(),
                Some(1),
                "{what}: {}",
                text(&output.stdout)
            );
            assert!(
                text(&output.stderr).contains("the backup "),
                "{}",
                text(&output.stderr)
            );
        }
        assert!(!machine.data().exists(), "{what}: nothing is written");
    }
    fs::write(&damaged, &whole).unwrap();
    let wrong = passphrase_file(&machine, "perahu layar hijau di telaga sunyi");
    let shown = damaged.display().to_string();
    for command in ["verify", "restore"] {
        let output = machine.command(&[command, "--passphrase-file", &wrong, &shown]);
        refused(&output, 1, "a passphrase does not open it");
        let output = machine.command(&[command, &shown]);
        refused(&output, 2, "no terminal");
    }
    assert!(!machine.data().exists());
    succeeds(run(&machine, &["restore"], &damaged));
}

#[test]
fn a_store_in_use_and_a_machine_without_the_key_are_refused() {
    let office = Office::new();
    let file = back_up(&office);
    let before = contents(&office);
    refused(
        &run(&office, &["restore"], &file),
        1,
        "holds records already",
    );
    assert_eq!(contents(&office), before);
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    refused(&run(&office, &["restore"], &file), 3, "in use by");
    kiosk.expect_still_answers();
    drop(kiosk);
    let without = Office::empty();
    let id = fill::keys_kept(&office).remove(0);
    refused(&run(&without, &["restore"], &file), 1, &id);
    let other = Office::new();
    let wrong = empty_machine(&other, "sled");
    refused(&run(&wrong, &["restore"], &file), 1, &id);
    for machine in [&without, &wrong] {
        assert!(!machine.data().exists());
    }
}

#[test]
fn with_the_master_key_in_it_a_backup_alone_is_enough() {
    let office = Office::new();
    fill::fill(&office, 10);
    let (file, new_key) = (office.path("backup"), office.path("safe/backup.key"));
    let (file, new_key) = (file.display().to_string(), new_key.display().to_string());
    let said = succeeds(office.command(&[
        "backup",
        "--with-master-key",
        "--new-key-file",
        &new_key,
        &file,
    ]));
    assert!(said.contains("The master key is in it"), "{said}");
    let again = office.command(&["backup", "--force", "--new-key-file", &new_key, &file]);
    refused(&again, 1, "exists already");
    refused(
        &office.command(&["backup", "--key-file", &new_key, &file]),
        1,
        "--force",
    );
    assert!(!office.path("backup.part").exists());
    let machine = Office::empty();
    refused(&machine.command(&["restore", &file]), 2, "--key-file");
    fs::set_permissions(
        office.path("safe/backup.key"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    refused(
        &machine.command(&["restore", "--key-file", &new_key, &file]),
        1,
        "chmod 600",
    );
    fs::set_permissions(
        office.path("safe/backup.key"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    succeeds(machine.command(&["verify", "--key-file", &new_key, &file]));
    let said = succeeds(machine.command(&["restore", "--key-file", &new_key, &file]));
    assert!(said.contains("The master key "), "{said}");
    assert_eq!(fill::keys_kept(&machine), fill::keys_kept(&office));
    succeeds(machine.command(&["key", "check"]));
}

#[test]
fn a_backup_in_the_middle_of_an_import_has_all_of_it_or_nothing() {
    const MANY: usize = 3000;
    let office = Office::new();
    fill::fill(&office, 40);
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ";
    let rows = (0..MANY)
        .map(|number| format!("CV{number:06};penyedia;CV {number};cv@contoh.co.id;{hash}\n"));
    let table: String = std::iter::once("user_id;type;name;email;password_hash\n".to_owned())
        .chain(rows)
        .collect();
    fs::write(office.path("many.csv"), table).unwrap();
    let many = office.path("many.csv").display().to_string();
    let mut importing = Command::new(support::program())
        .args(["user", "import", &many])
        .env_clear()
        .envs(office.environment())
        .spawn()
        .unwrap();
    let mut counts = Vec::new();
    let mut is_over = false;
    while !is_over {
        is_over = importing.try_wait().unwrap().is_some();
        let file = back_up(&office);
        let machine = empty_machine(&office, "redb");
        succeeds(run(&machine, &["restore"], &file));
        succeeds(machine.command(&["key", "check"]));
        let listed = succeeds(machine.command(&["user", "list"]));
        counts.push(listed.lines().filter(|line| line.contains("CV0")).count());
    }
    assert!(importing.wait().unwrap().success());
    assert!(
        counts.iter().all(|count| [0, MANY].contains(count)),
        "{counts:?}"
    );
    assert_eq!(counts.last(), Some(&MANY), "{counts:?}");
    assert!(importing.wait().unwrap().success());
}

fn killed_at(office: &Office, kill_point: u32, arguments: &[&str], file: &Path) -> Output {
    let passphrase = passphrase_file(office, PASSPHRASE);
    let mut command = Command::new(support::program());
    command
        .args(arguments)
        .args(["--passphrase-file", &passphrase])
        .arg(file)
        .env_clear()
        .envs(office.environment())
        .env("LPSE_TEST_KILL_AT", kill_point.to_string());
    command.output().unwrap()
}

#[test]
fn a_backup_that_is_killed_is_whole_or_none_and_the_next_one_is_made() {
    for beside in [false, true] {
        let office = Office::new();
        fill::fill(&office, 700);
        let mut kiosk = beside.then(|| office.kiosk());
        if let Some(kiosk) = &mut kiosk {
            kiosk.expect("Total Pengunjung");
        }
        let file = office.path("backup");
        let mut killed = 0;
        for kill_point in (1..8).chain((8..).step_by(7)) {
            let output = killed_at(&office, kill_point, &["backup"], &file);
            let is_there = file.exists();
            if is_there {
                succeeds(run(&office, &["verify"], &file));
                fs::remove_file(&file).unwrap();
            }
            match output.status.code() {
                None => killed += 1,
                Some(0) => {
                    assert!(is_there);
                    break;
                }
                Some(_) => panic!("{}", text(&output.stderr)),
            }
        }
        assert!(killed >= 5, "{killed} kill points");
        back_up(&office);
        if let Some(kiosk) = &mut kiosk {
            kiosk.expect_still_answers();
        }
    }
}

#[test]
fn a_restore_that_is_killed_serves_nobody_and_is_done_again() {
    let office = Office::new();
    fill::fill(&office, 700);
    let file = back_up(&office);
    let expected = empty_machine(&office, "sled");
    succeeds(run(&expected, &["restore"], &file));
    let expected = contents(&expected);
    for kind in ["sled", "redb"] {
        let machine = empty_machine(&office, kind);
        let mut killed = 0;
        for kill_point in (1..8).chain((8..).step_by(7)) {
            let output = killed_at(&machine, kill_point, &["restore"], &file);
            if output.status.success() {
                break;
            }
            assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
            killed += 1;
            let listed = machine.command(&["user", "list"]);
            if listed.status.success() {
                // Only after the last commit.
                break;
            }
            refused(&listed, 1, "run `lpse-kiosk restore` again");
            let mut kiosk = machine.kiosk();
            assert_ne!(kiosk.wait(), 0, "no kiosk either");
        }
        assert!(killed >= 5, "{killed} kill points");
        assert_eq!(contents(&machine), expected, "{kind}");
        refused(
            &run(&machine, &["restore"], &file),
            1,
            "holds records already",
        );
    }
}

#[test]
fn another_backup_may_take_the_place_of_one_that_was_broken_off() {
    let (office, other) = (Office::new(), Office::new());
    fill::fill(&office, 400);
    let (first, second) = (back_up(&office), back_up(&other));
    let machine = empty_machine(&office, "sled");
    let output = killed_at(&machine, 3, &["restore"], &first);
    assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
    fs::copy(other.path("etc/master.key"), machine.path("etc/master.key")).unwrap();
    succeeds(run(&machine, &["restore"], &second));
    let listed = succeeds(machine.command(&["user", "list"]));
    assert_eq!(
        listed.matches("PPK").count(),
        1,
        "nothing of the first is left: {listed}"
    );
}

#[test]
fn a_passphrase_is_asked_for_twice_and_weak_ones_are_refused() {
    let office = Office::new();
    let file = office.path("backup").display().to_string();
    let mut asked = office.start(&["backup", &file], 100, 30);
    asked.expect("Passphrase of the backup:");
    assert!(!asked.echoes());
    asked.press(PASSPHRASE).press(key::ENTER);
    asked
        .expect("Passphrase again:")
        .press(PASSPHRASE)
        .press(key::ENTER);
    asked.expect("The audit log is not in it");
    assert_eq!(asked.wait(), 0);
    assert!(!text(&asked.raw()).contains("telaga"));
    let mut verified = office.start(&["verify", &file], 100, 30);
    verified
        .expect("Passphrase of the backup:")
        .press(PASSPHRASE)
        .press(key::ENTER);
    verified.expect("The backup is whole");
    let weak = passphrase_file(&office, "password1234");
    let output = office.command(&["backup", "--force", "--passphrase-file", &weak, &file]);
    refused(&output, 1, "would be guessed");
    succeeds(run(&office, &["verify"], &office.path("backup")));
}
