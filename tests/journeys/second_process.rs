//! Two processes want one store, and other things that stand in the way of starting.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use rustix::fs::{FlockOperation, flock};
use support::Office;

#[test]
fn a_second_kiosk_is_told_who_holds_the_store() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    let mut second = office.kiosk();
    assert_eq!(second.wait(), 3);
    second.expect_that("the sentence", |text| {
        text.contains("is in use by process") && text.contains("lpse-kiosk")
    });
    assert!(
        office.command(&["user", "list"]).status.success(),
        "commands work beside the first all the same"
    );
    kiosk.signal("KILL").wait();
    let mut third = office.kiosk();
    third.expect("Total Pengunjung");
}

/// Holds the store's folder as a command does: without a socket.
fn hold(office: &Office) -> fs::File {
    let folder = office.data().join("store");
    let lock = fs::File::options()
        .write(true)
        .open(folder.join("lock"))
        .unwrap();
    lock.set_len(0).unwrap();
    (&lock)
        .write_all(b"process 4711 (a long command)\n")
        .unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    lock
}

#[test]
fn whoever_finds_a_command_with_the_store_waits_for_its_end_and_says_whose() {
    let office = Office::empty_embedded().with_people();
    let lock = hold(&office);
    let mut server = office.serve();
    server.expect_log("in use by process 4711 (a long command), whose end is waited for");
    assert_eq!(server.health(), Some((503, "starting".into())));
    // It can be ended while it waits.
    server.signal("TERM").wait();
    let mut server = office.serve();
    server.expect_log("process 4711");
    let mut kiosk = server.ssh();
    kiosk.expect(support::MENU);
    drop(lock);
    server.expect_log("the store is open now");
    support::eventually("it is well", || server.health() == Some((200, "ok".into())));
    kiosk
        .give_password("non-penyedia", "PPK30", support::PASSWORD)
        .expect("ENABLE TOTP");
    drop(kiosk);
    server.signal("TERM").wait();
    // A second command waits too.
    let lock = hold(&office);
    let mut command = std::process::Command::new(support::program())
        .args(["user", "list"])
        .env_clear()
        .envs(office.environment())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(command.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(
        said.contains("process 4711") && said.contains("waited for"),
        "{said}"
    );
    drop(lock);
    assert!(command.wait().unwrap().success());
}

#[test]
fn a_lost_master_key_is_not_replaced_and_a_foreign_one_is_refused() {
    let office = Office::new();
    let key = office.path("etc/master.key");
    let away = office.path("away");
    std::fs::rename(&key, &away).unwrap();
    let refused = office.command(&["user", "list"]);
    let said = support::text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("is missing"),
        "{said}"
    );
    assert!(!key.exists());
    let other = Office::new();
    std::fs::copy(other.path("etc/master.key"), &key).unwrap();
    let said = support::text(&office.command(&["user", "list"]).stderr);
    assert!(said.contains("does not fit the store"), "{said}");
    std::fs::rename(&away, &key).unwrap();
    assert!(office.command(&["user", "list"]).status.success());
}

#[test]
fn everything_kept_is_for_its_owner_alone() {
    let office = Office::new();
    let mut folders = vec![office.data(), office.path("etc")];
    while let Some(folder) = folders.pop() {
        let mode = folder.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mode = path.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
            }
        }
    }
}

#[test]
fn without_a_terminal_the_kiosk_says_what_it_needs() {
    let refused = Office::empty().command(&[]);
    let said = support::text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said.contains("needs a terminal") && said.contains("ssh -t"),
        "{said}"
    );
}

#[test]
fn the_other_engine_is_not_opened_over_a_store() {
    let office = Office::empty_embedded().with_people();
    let refused = office.command(&["--store", "redb", "user", "list"]);
    let said = support::text(&refused.stderr);
    assert!(said.contains("is of kind sled"), "{said}");
}
