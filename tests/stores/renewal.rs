//! What a cluster is reached by is renewed while people are in: etcd's password, and the certificates on both sides.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
};

use support::{
    Kiosk, Office, PASSWORD, REASON, eventually,
    smtp::{Authority, Certificate},
    ssh::Server,
    text,
};

use super::tls::{Member, is_well, logs_in, machine};

const TAKEN_UP: &str = "the etcd cluster is reached with the renewed certificates";

/// Writes a secret in place of the one before, as an editor does: another file of the same name.
fn put(office: &Office, name: &str, content: &str) {
    let (draft, path) = (office.path("draft"), office.path(name));
    fs::write(&draft, content).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(draft, path).unwrap();
}

fn put_both(office: &Office, made: &Certificate) {
    put(office, "etcd.key", &made.key);
    put(office, "etcd.pem", &made.certificate);
}

fn change_password(member: &Member, password: &str) {
    let words = ["user", "passwd", "lpse-kiosk", "--interactive=false"];
    let changed = member.as_root(&words, &format!("{password}\n"));
    assert!(changed.status.success(), "{}", text(&changed.stderr));
}

/// Writes a file of the member's.
fn at_member(member: &Member, name: &str, content: &str) {
    fs::write(member.folder.path().join(name), content).unwrap();
}

/// Somebody who has come in, and is at home.
fn at_home(server: &Server) -> Kiosk {
    let mut kiosk = server.ssh();
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("ENABLE TOTP");
    kiosk
}

fn taken_up(server: &Server, times: usize) {
    eventually("renewed certificates", || {
        server.log().matches(TAKEN_UP).count() == times
    });
}

#[test]
fn a_changed_password_of_etcd_is_taken_from_its_file_and_an_empty_one_is_not() {
    let member = Member::start();
    member.ask_for_logins();
    let office = machine(&member, "loket-1");
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut server = office.serve();
    let mut open = at_home(&server);
    put(&office, "etcd-password", "");
    server
        .signal("HUP")
        .expect_log("is empty; write the password into it");
    assert!(is_well(&server));
    // One that etcd does not know is told before the login ends that was made with the one before.
    put(&office, "etcd-password", "bukan ini\n");
    server.expect_log("etcd does not know the password that is in the file now");
    assert!(is_well(&server));

    // In the file first, so that nobody notices; and the other way round.
    put(&office, "etcd-password", "perahu\n");
    change_password(&member, "perahu");
    logs_in(&server);
    change_password(&member, "kopi");
    eventually("503", || {
        server.health() == Some((503, "etcd password".into()))
    });
    put(&office, "etcd-password", "kopi\n");
    eventually("200", || is_well(&server));
    logs_in(&server);
    open.expect_still_answers().expect("ENABLE TOTP");
}

#[test]
fn renewed_certificates_are_used_once_a_member_takes_them_while_people_are_in() {
    let mut member = Member::start();
    member.ask_for_logins();
    let office = machine(&member, "loket-1");
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut server = office.serve();
    let mut open = at_home(&server);

    // From one certificate to the next, with commits under way.
    let (is_over, commits) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                // Each demands that it has succeeded.
                for policy in ["disabled", "enabled"] {
                    office.policy(policy);
                }
                commits.fetch_add(1, Relaxed);
            }
        });
        for times in 1..=3 {
            put_both(&office, &member.authority.certificate("loket-1"));
            taken_up(&server, times);
            let before = commits.load(Relaxed);
            eventually("more commits", || commits.load(Relaxed) > before + 1);
        }
        is_over.store(true, Relaxed);
    });

    // To another authority, as the manual says: first both are trusted, then each shows the new one's, then the old one goes.
    let second = Authority::new();
    at_member(
        &member,
        "ca.pem",
        &(member.authority.pem().to_owned() + second.pem()),
    );
    let own = second.certificate("loket-1");
    // Of a pair, one file is always the first.
    put(&office, "etcd.key", &own.key);
    server
        .signal("HUP")
        .expect_log("the private key does not belong to the first certificate");
    // The member reads whom it trusts at its start alone, so it does not take this one yet.
    put(&office, "etcd.pem", &own.certificate);
    server.expect_log("no member of the etcd cluster takes the renewed certificates");
    assert!(is_well(&server));
    logs_in(&server);
    member.start_again();
    taken_up(&server, 4);
    put(&office, "etcd-ca.pem", second.pem());
    for (name, made) in [
        ("member", second.certificate("127.0.0.1")),
        ("root", second.certificate("root")),
    ] {
        at_member(&member, &format!("{name}.key"), &made.key);
        at_member(&member, &format!("{name}.pem"), &made.certificate);
    }
    taken_up(&server, 5);
    at_member(&member, "ca.pem", second.pem());
    member.start_again();
    eventually("200", || is_well(&server));
    logs_in(&server);
    open.expect_still_answers().expect("ENABLE TOTP");

    // What others write is heard of by a watch that shows the new one's too.
    let two = machine(&member, "loket-2");
    put(&two, "etcd-ca.pem", second.pem());
    put_both(&two, &second.certificate("loket-2"));
    fs::create_dir_all(two.path("etc")).unwrap();
    fs::copy(office.path("etc/master.key"), two.path("etc/master.key")).unwrap();
    let words = ["user", "end-logins", "PPK30", "--reason", REASON];
    let ended = two.command(&words);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    open.expect("Login ini sudah tidak berlaku");
}
