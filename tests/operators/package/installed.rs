//! The package on a fresh Debian: that it installs as the manual says, runs, is upgraded, removed and purged, and that
//! nothing is left but what is to stay.

use std::{fs, path::PathBuf};

use support::{
    eventually, free_port,
    manual::{block_tried_by, blocks},
    text,
};

use super::{
    debian::{Debian, Service, answer, set},
    done, package,
};

/// What each page says of the way to a service, done by root as it stands there.
#[test]
fn the_manuals_way_leads_a_fresh_debian_to_a_service_that_is_well() {
    if !rustix::process::getuid().is_root() {
        support::left_out("only root can change into another Debian");
        return;
    }
    let accounts = blocks("assets/manual/operating.md");
    let accounts = accounts.iter().find(|block| block.language == "csv");
    for page in ["README.md", "assets/manual/operating.md"] {
        let debian = Debian::fresh();
        let folder = debian.path("work/target/debian");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(package(), folder.join("lpse-kiosk_built.deb")).unwrap();
        fs::write(debian.path("work/accounts.csv"), &accounts.unwrap().text).unwrap();
        // What the package recommends would be fetched.
        let settings = "APT::Install-Recommends \"false\";\n";
        fs::write(debian.path("etc/apt/apt.conf.d/99of-this-test"), settings).unwrap();
        let ssh = free_port();
        let mut service = None;
        for step in block_tried_by(page, file!(), "apt-get install")
            .text
            .lines()
        {
            if step.starts_with("assets/debian/build") {
                continue; // `package` has done so.
            }
            let typed = format!(
                "sudo() {{ \"$@\"; }}; cd /work; echo 'kuda hijau di awan 9' | {{ {step}\n}}"
            );
            debian.run(&["bash", "-c", &typed]);
            if step.contains("apt-get install") {
                let settings = debian.path("etc/lpse-kiosk/config.toml");
                set(&settings, "ssh", "listen", &format!("127.0.0.1:{ssh}"));
                let user = debian.run(&["id", "-u", "lpse-kiosk"]);
                service = Some(Service::start(&debian, user.trim().parse().unwrap()));
                eventually("an answer", || answer(ssh, "").is_some());
            }
        }
        service.expect("a step installs it").stop();
    }
}

/// Root, the service's user and whoever may read the settings mean the same folder, and none leaves a file of another
/// there.
fn finds_the_services_folder_whoever_calls(debian: &Debian) {
    const FOLDER: &str = "/var/lib/lpse-kiosk";
    let (root, service, of_group) = ("root:root", "lpse-kiosk:lpse-kiosk", "nobody:lpse-kiosk");
    let told = |user: &str, words: &[&str]| {
        let output = debian.command(user, words).output().unwrap();
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    for user in [root, service, of_group] {
        let (_, settings) = told(user, &["lpse-kiosk", "config"]);
        let line = format!("data = \"{FOLDER}\"  # /etc/lpse-kiosk/config.toml");
        assert!(settings.contains(&line), "{user}: {settings}");
    }
    let (is_read, why) = told("nobody:nogroup", &["lpse-kiosk", "config"]);
    assert!(
        !is_read && why.contains("run this as a user who may read it"),
        "{why}"
    );
    let (is_opened, why) = told(of_group, &["lpse-kiosk", "user", "list"]);
    let foreign = format!("the data folder {FOLDER} belongs to another user");
    assert!(!is_opened && why.contains(&foreign), "{why}");
    // What opens no secret is the service's user's, too; what does needs root, who reads the key.
    let (is_opened, why) = told(service, &["lpse-kiosk", "user", "list"]);
    let key = "/etc/lpse-kiosk/master.key is not this user's to read; run the command as root";
    assert!(!is_opened && why.contains(key), "{why}");
    debian.run(&["install", "-d", "-o", "lpse-kiosk", "/srv/redb"]);
    let copy = "store copy --from sled --to redb --to-data /srv/redb";
    let back = "store copy --from redb --from-data /srv/redb --to sled";
    for (user, command) in [
        (service, "audit verify"),
        (service, copy),
        (root, "--data /srv/redb --store redb user show PPK30"),
        (service, back),
        (root, "user show PPK30"),
        (root, "doctor"),
    ] {
        let words: Vec<&str> = ["lpse-kiosk"]
            .into_iter()
            .chain(command.split(' '))
            .collect();
        let (is_done, told) = told(user, &words);
        assert!(is_done, "{user}, {command}: {told}");
    }
    for folder in [FOLDER, "/srv/redb"] {
        let foreign = debian.run(&["find", folder, "!", "-user", "lpse-kiosk"]);
        assert_eq!(foreign, "", "files of others in {folder}");
    }
    debian.run(&["rm", "-r", "/srv/redb"]);
}

#[test]
fn the_package_installs_runs_is_upgraded_removed_and_purged_on_a_fresh_debian() {
    if !rustix::process::getuid().is_root() {
        support::left_out("only root can change into another Debian");
        return;
    }
    let package = package();
    let debian = Debian::fresh();
    let before = debian.everything();
    let told = debian.install(package);
    assert!(told.contains("a master key was made"), "{told}");

    let user: u32 = debian
        .run(&["id", "-u", "lpse-kiosk"])
        .trim()
        .parse()
        .unwrap();
    let group: u32 = debian
        .run(&["id", "-g", "lpse-kiosk"])
        .trim()
        .parse()
        .unwrap();
    assert!((100..1000).contains(&user), "{user} is a system user");
    assert_eq!(debian.seen("var/lib/lpse-kiosk"), (0o700, user, group));
    assert_eq!(debian.seen("etc/lpse-kiosk"), (0o755, 0, 0));
    assert_eq!(debian.seen("etc/lpse-kiosk/config.toml"), (0o640, 0, group));
    assert_eq!(debian.seen("etc/lpse-kiosk/master.key"), (0o600, 0, 0));
    let wanted = |unit: &str| {
        let link = format!("etc/systemd/system/multi-user.target.wants/{unit}");
        fs::symlink_metadata(debian.path(&link)).is_ok()
    };
    assert!(wanted("lpse-kiosk.service") && !wanted("lpse-kiosk-tty1.service"));

    let (ssh, metrics) = (free_port(), free_port());
    let settings = debian.path("etc/lpse-kiosk/config.toml");
    set(&settings, "ssh", "listen", &format!("127.0.0.1:{ssh}"));
    set(
        &settings,
        "metrics",
        "listen",
        &format!("127.0.0.1:{metrics}"),
    );
    let doctor = || -> serde_json::Value {
        let told = debian.run(&["lpse-kiosk", "doctor", "--json"]);
        serde_json::from_str(&told).expect("one object")
    };
    // Nothing has started yet, and root is not the service.
    assert_ne!(doctor()["status"], "failure");

    let service = Service::start(&debian, user);
    eventually("health", || {
        let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        answer(metrics, request).is_some_and(|told| told.starts_with("HTTP/1.1 200"))
    });
    assert_eq!(answer(ssh, "").as_deref(), Some("SSH-2.0-lpse-kiosk\r\n"));
    let told = doctor();
    for check in told["checks"].as_array().unwrap() {
        // A chroot has no clock of its own, nor anything that says who keeps it.
        let is_well = check["status"] == "ok" || check["name"] == "clock";
        assert!(is_well, "{check}");
    }
    let mut add = debian.command(
        "root:root",
        &[
            "sh",
            "-c",
            "echo 'kuda hijau di awan 9' | lpse-kiosk user add PPK30 --type non-penyedia \
           --name 'Siti Rahmawati' --email siti@contoh.go.id",
        ],
    );
    done(&mut add);
    service.stop();
    finds_the_services_folder_whoever_calls(&debian);

    let key = fs::read(debian.path("etc/lpse-kiosk/master.key")).unwrap();
    let set_by_hand = fs::read(&settings).unwrap();
    debian.install(package);
    let verified = debian.run(&["dpkg", "--verify", "lpse-kiosk"]);
    let is_of_settings = |line: &str| line.ends_with(" c /etc/lpse-kiosk/config.toml");
    assert!(verified.lines().all(is_of_settings), "{verified}");
    assert_eq!(
        fs::read(debian.path("etc/lpse-kiosk/master.key")).unwrap(),
        key
    );
    assert_eq!(fs::read(&settings).unwrap(), set_by_hand);
    assert_eq!(debian.seen("etc/lpse-kiosk/config.toml"), (0o640, 0, group));
    let service = Service::start(&debian, user);
    eventually("an answer", || answer(ssh, "").is_some());
    let listed = debian.run(&["lpse-kiosk", "user", "list"]);
    assert!(listed.contains("PPK30"), "{listed}");
    service.stop();

    debian.run(&["dpkg", "--remove", "lpse-kiosk"]);
    assert!(!debian.path("usr/bin/lpse-kiosk").exists());
    assert!(
        debian.path("var/lib/lpse-kiosk/store").exists(),
        "removal keeps what was kept"
    );
    // A store without its key gets no other one, which would hide that it is missing.
    fs::rename(
        debian.path("etc/lpse-kiosk/master.key"),
        debian.path("root/master.key"),
    )
    .unwrap();
    debian.install(package);
    assert!(!debian.path("etc/lpse-kiosk/master.key").exists());
    fs::remove_file(debian.path("root/master.key")).unwrap();

    // A key that is there outlives a purge at which nobody can be asked, and the installation after it takes it.
    fs::write(debian.path("etc/lpse-kiosk/master.key"), &key).unwrap();
    let told = debian.run(&["dpkg", "--purge", "lpse-kiosk"]);
    assert!(
        told.contains("removing /var/lib/lpse-kiosk")
            && told.contains("the master key stays in /etc/lpse-kiosk")
            && told.contains("deluser"),
        "{told}"
    );
    let kept: Vec<_> = fs::read_dir(debian.path("etc/lpse-kiosk"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, ["master.key"]);
    assert!(!debian.path("var/lib/lpse-kiosk").exists());
    debian.install(package);
    assert_eq!(
        fs::read(debian.path("etc/lpse-kiosk/master.key")).unwrap(),
        key
    );
    // Somebody is there to be asked, and says yes.
    let mut purge = debian.at_a_terminal(&["dpkg", "--purge", "lpse-kiosk"]);
    purge.expect("Delete the master key of lpse-kiosk, too? [yes/no]");
    purge.press("yes\r").expect("removing the master key");
    assert_eq!(purge.wait(), 0);
    fs::remove_dir_all(debian.path("run/credentials")).unwrap();
    let after = debian.everything();
    let left: Vec<_> = after.difference(&before).collect();
    let of_accounts = |path: &&PathBuf| {
        let name = path.to_string_lossy().into_owned();
        [
            "etc/passwd-",
            "etc/group-",
            "etc/shadow-",
            "etc/gshadow-",
            "etc/.pwd.lock",
        ]
        .contains(&name.as_str())
    };
    let left: Vec<_> = left.into_iter().filter(|path| !of_accounts(path)).collect();
    assert!(left.is_empty(), "{left:?}");
    let gone: Vec<_> = before.difference(&after).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
