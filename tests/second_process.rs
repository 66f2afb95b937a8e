//! Two processes want one store, and other things that stand in the way of starting.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::Office;

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

#[test]
fn a_lost_master_key_is_not_replaced_and_a_foreign_one_is_refused() {
    let office = Office::new();
    let key = office.path("etc/master.key");
    let away = office.path("away");
    std::fs::rename(&key, &away).unwrap();
    let refused = office.command(&["user", "list"]);
    let said = common::text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("is missing"),
        "{said}"
    );
    assert!(!key.exists());
    let other = Office::new();
    std::fs::copy(other.path("etc/master.key"), &key).unwrap();
    let said = common::text(&office.command(&["user", "list"]).stderr);
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
    let said = common::text(&refused.stderr);
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
    let said = common::text(&refused.stderr);
    assert!(said.contains("is of kind sled"), "{said}");
}
