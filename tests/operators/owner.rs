//! Root's commands on the folder of the service's user: they work, and what they leave there is that user's.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use super::beside::{give, table as table_of};
use support::{Office, PASSWORD, REASON, key, left_out, succeeds, text};

const NOBODY: u32 = 65_534;

/// An office whose service is nobody's, with its key in root's hand; `None` where this test cannot be both.
fn of_nobody() -> Option<Office> {
    if !rustix::process::geteuid().is_root() {
        left_out("only root can be both");
        return None;
    }
    let office = Office::empty_embedded();
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    give(&office.path(""));
    for roots in ["etc", "etc/master.key"] {
        chown(office.path(roots), Some(0), Some(0)).unwrap();
    }
    let roots = office.path("roots");
    fs::create_dir(&roots).unwrap();
    fs::set_permissions(&roots, fs::Permissions::from_mode(0o700)).unwrap();
    Some(office)
}

/// Everything at and below `path`, links themselves.
fn all(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.is_dir() && !path.is_symlink() {
        let entries = fs::read_dir(path).unwrap();
        found.extend(entries.flat_map(|entry| all(&entry.unwrap().path())));
    }
    found
}

#[track_caller]
fn is_nobodys(folder: &Path, after: &str) {
    for file in all(folder) {
        let there = file.symlink_metadata().unwrap();
        let whose = (there.uid(), there.gid());
        assert_eq!(whose, (NOBODY, NOBODY), "{} after {after}", file.display());
    }
}

#[test]
fn no_command_of_root_leaves_a_file_of_root_in_the_folder_of_the_service() {
    let Some(office) = of_nobody() else { return };
    let at = |name: &str| office.path("roots").join(name).display().to_string();
    let (backup, backup_key, table) = (at("backup"), at("backup.key"), at("accounts.csv"));
    let (backup, backup_key, table) = (backup.as_str(), backup_key.as_str(), table.as_str());
    fs::write(table, table_of(3)).unwrap();
    let run = |arguments: &[&str]| {
        let told = office.command_with(arguments, PASSWORD);
        is_nobodys(&office.data(), &format!("{arguments:?}"));
        told
    };
    let add = [
        "user", "add", "PPK31", "--type", "penyedia", "--name", "CV", "--email", "a@b.id",
    ];
    for arguments in [
        &add[..],
        &["user", "list"],
        &["user", "find", "siti"],
        &["user", "show", "PPK30"],
        &["user", "suspend", "PPK30", "--reason", REASON],
        &["user", "reinstate", "PPK30", "--reason", REASON],
        &["user", "unlock", "PPK30", "--reason", REASON],
        &["user", "end-logins", "PPK30", "--reason", REASON],
        &["user", "reset-totp", "PPK30", "--reason", REASON],
        &["user", "set-role", "PPK30", "officer", "--reason", REASON],
        &[
            "user",
            "set-email",
            "PPK30",
            "--email",
            "b@b.id",
            "--reason",
            REASON,
        ],
        &["user", "set-password", "PPK30", "--reason", REASON],
        &["user", "remove", "PPK31", "--yes", "--reason", REASON],
        &["user", "import", table],
        &["policy", "required"],
        &["outbox", "list"],
        &["outbox", "retry", "--all"],
        &["node", "list"],
        &["audit", "tail"],
        &["audit", "search"],
        &["audit", "verify"],
        &["audit", "export"],
        &["key", "check"],
        &["key", "rotate", "--drop-old"],
        &["backup", "--new-key-file", backup_key, backup],
        &["verify", "--key-file", backup_key, backup],
        &["store", "check"],
        &["config"],
        &["host-key"],
        &["doctor"],
    ] {
        let told = run(arguments);
        let may_fail = ["host-key", "doctor"].contains(&arguments[0]);
        assert!(
            told.status.success() || may_fail,
            "{arguments:?}: {}",
            text(&told.stderr)
        );
    }
    for roots in ["roots/backup", "roots/backup.key", "etc/master.key"] {
        assert_eq!(
            fs::metadata(office.path(roots)).unwrap().uid(),
            0,
            "{roots}"
        );
    }
    // Into a folder that is yet to be made, where the service's user could not make it.
    fs::set_permissions(office.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    chown(office.path(""), Some(0), Some(0)).unwrap();
    let new = office.path("new");
    let to = new.display().to_string();
    succeeds(run(&[
        "store",
        "copy",
        "--from",
        "sled",
        "--to",
        "redb",
        "--to-data",
        &to,
    ]));
    is_nobodys(&new, "store copy");
    // The store is gone, is begun anew, is gone again and comes back.
    let restore = ["restore", "--key-file", backup_key, backup];
    for arguments in [&["store", "begin-anew"][..], &restore] {
        fs::remove_dir_all(office.data().join("store")).unwrap();
        succeeds(run(arguments));
    }
    // And the service finds all of it its own.
    let credential = office.path("credential");
    fs::copy(office.path("etc/master.key"), &credential).unwrap();
    chown(&credential, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut kiosk = office.kiosk_of_user(NOBODY, &credential);
    kiosk.expect("Total Pengunjung");
    kiosk.signal("TERM").wait();
}

#[test]
fn root_follows_no_link_that_the_owner_of_the_folder_has_laid() {
    let Some(office) = of_nobody() else { return };
    let dear = office.path("roots/dear");
    fs::write(&dear, "").unwrap();
    let log = office.data().join("audit.jsonl");
    fs::rename(&log, office.path("roots/audit.jsonl")).unwrap();
    symlink(&dear, &log).unwrap();
    let told = office.command(&["policy", "required"]);
    assert!(!told.status.success(), "{}", text(&told.stdout));
    assert_eq!(
        fs::read(&dear).unwrap(),
        b"",
        "what is root's stays as it is"
    );
}

#[test]
fn commands_on_the_folder_of_a_demo_find_its_key() {
    let office = Office::empty_embedded();
    let folder = office.path("training").display().to_string();
    let command = |arguments: &[&str]| {
        let told = Command::new(support::program())
            .args(["--data", folder.as_str()])
            .args(arguments)
            .env_clear()
            .envs(office.environment())
            .env_remove("LPSE_KIOSK_KEYS_MASTER_KEY_FILE")
            .output();
        succeeds(told.unwrap())
    };
    let mut demo = office.start(&["--data", &folder, "demo"], 80, 24);
    demo.expect("mangga-manis-30").expect("Total Pengunjung");
    assert!(command(&["user", "list"]).contains("PPK30"));
    command(&["user", "reset-totp", "PPK30", "--reason", REASON]);
    demo.press(key::CTRL_C);
    assert_eq!(demo.wait(), 0);
    assert!(command(&["key", "check"]).contains("Everything opens"));
}
