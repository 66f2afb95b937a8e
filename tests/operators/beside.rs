//! Commands beside a running kiosk: they do the same there as alone, whatever happens to either side.

use std::{
    fs,
    io::{Read, Write},
    net::Shutdown,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt, chown, lchown},
        net::UnixStream,
        process::CommandExt,
    },
    path::PathBuf,
    process::Output,
    thread,
};

use lpse_kiosk::adapter::operator;
use support::{Kiosk, Office, PASSWORD, Phone, REASON, eventually, free_port, key, succeeds, text};

const NOBODY: u32 = 65_534;

/// The number of the program's own protocol, which a greeting begins with. Below 128 it is one byte.
const PROTOCOL: u8 = lpse_kiosk::store::remote::wire::PROTOCOL as u8;

fn socket(office: &Office) -> PathBuf {
    office.data().join("lpse-kiosk.sock")
}

/// A kiosk that has opened the store, and takes commands.
fn running(office: &Office) -> Kiosk {
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    assert!(
        fs::metadata(socket(office))
            .unwrap()
            .file_type()
            .is_socket()
    );
    kiosk
}

/// Exit status and everything printed, with the office's own folder, and its place in a cluster, left out.
fn told(office: &Office, output: &Output) -> (Option<i32>, String, String) {
    let mut places = vec![office.path("").display().to_string()];
    let settings = office.environment().into_iter();
    places.extend(settings.filter_map(|(name, value)| {
        let is_prefix = name == "LPSE_KIOSK_STORE_PREFIX";
        is_prefix.then_some(value)
    }));
    let told = |bytes: &[u8]| {
        let told = text(bytes);
        places
            .iter()
            .fold(told, |told, place| told.replace(place, "/"))
    };
    (
        output.status.code(),
        told(&output.stdout),
        told(&output.stderr),
    )
}

/// The audit log, without what the kiosk's own start says.
fn audited(office: &Office) -> String {
    fs::read_to_string(office.data().join("audit.jsonl")).unwrap()
}

pub fn table(count: usize) -> String {
    // Any hash of the right form is taken: nobody logs in here.
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ";
    let mut table = String::from("user_id;type;name;email;password_hash\n");
    for number in 0..count {
        table.push_str(&format!(
            "PPK{number:06};non-penyedia;Siti {number};ppk{number}@contoh.go.id;{hash}\n"
        ));
    }
    table
}

#[test]
fn every_command_says_and_does_beside_a_kiosk_what_it_does_alone() {
    let (alone, beside) = (Office::new(), Office::new());
    let mut kiosk = running(&beside);
    let files = [
        ("good.csv", table(300)),
        ("bad.csv", "user_id\nPPK30\n".into()),
    ];
    for office in [&alone, &beside] {
        for (name, content) in &files {
            fs::write(office.path(name), content).unwrap();
        }
    }
    let add = |id| {
        vec![
            "user",
            "add",
            id,
            "--type",
            "penyedia",
            "--name",
            "CV Baru",
            "--email",
            "cv@contoh.co.id",
        ]
    };
    let of = |command, id, user_type| vec!["user", command, id, "--type", user_type];
    let act =
        |command, id, user_type| [of(command, id, user_type), vec!["--reason", REASON]].concat();
    let good = "sungai tenang tujuh kali";
    let journey: Vec<(Vec<&str>, &str)> = vec![
        (add("CVBARU"), good),
        (add("CVBARU"), good),
        (add("CVLAIN"), "12345678"),
        (vec!["user", "list"], ""),
        (vec!["user", "list", "--json", "--prefix", "CV"], ""),
        (of("show", "CVBARU", "penyedia"), ""),
        (
            vec!["user", "show", "PPK30", "--type", "non-penyedia", "--json"],
            "",
        ),
        (of("show", "CVBARU", "non-penyedia"), ""),
        (
            act("set-password", "PPK30", "non-penyedia"),
            "gunung biru di timur 4",
        ),
        (act("set-password", "PPK99", "non-penyedia"), good),
        (act("reset-totp", "PPK30", "non-penyedia"), ""),
        (act("reset-totp", "PPK99", "non-penyedia"), ""),
        (act("unlock", "PPK30", "non-penyedia"), ""),
        (act("suspend", "PPK30", "non-penyedia"), ""),
        (act("suspend", "PPK30", "non-penyedia"), ""),
        (act("reinstate", "PPK30", "non-penyedia"), ""),
        (act("end-logins", "PPK99", "non-penyedia"), ""),
        (
            vec![
                "user",
                "set-email",
                "PPK30",
                "--type",
                "non-penyedia",
                "--email",
                "siti@baru.go.id",
                "--reason",
                REASON,
            ],
            "",
        ),
        (
            vec![
                "user",
                "set-role",
                "PPK30",
                "--type",
                "non-penyedia",
                "officer",
                "--reason",
                REASON,
            ],
            "",
        ),
        (vec!["user", "find", "siti", "baru"], ""),
        (act("remove", "CVMAJU", "penyedia"), ""),
        (
            vec![
                "user", "remove", "CVMAJU", "--type", "penyedia", "--yes", "--reason", REASON,
            ],
            "",
        ),
        (
            vec![
                "user", "remove", "CVMAJU", "--type", "penyedia", "--yes", "--reason", REASON,
            ],
            "",
        ),
        (vec!["user", "import", "--dry-run", "good.csv"], ""),
        (vec!["user", "import", "bad.csv"], ""),
        (vec!["user", "import", "good.csv"], ""),
        (vec!["user", "import", "good.csv"], ""),
        (vec!["user", "import", "missing.csv"], ""),
        (vec!["policy"], ""),
        (vec!["policy", "required"], ""),
        (vec!["policy", "--json"], ""),
        (vec!["policy", "sometimes"], ""),
        (vec!["outbox", "list"], ""),
        (vec!["outbox", "list", "--json"], ""),
        (vec!["outbox", "retry", "--all"], ""),
        (
            vec!["outbox", "retry", "1597283585000-0123456789abcdef"],
            "",
        ),
        (vec!["user", "list"], ""),
        (vec!["user", "list", "--json"], ""),
        (of("show", "PPK30", "non-penyedia"), ""),
    ];
    for (arguments, input) in journey {
        let run = |office: &Office| {
            let at: Vec<String> = arguments
                .iter()
                .map(|word| match word.strip_suffix(".csv") {
                    Some(_) => office.path(word).display().to_string(),
                    None => (*word).to_owned(),
                })
                .collect();
            let at: Vec<&str> = at.iter().map(String::as_str).collect();
            told(office, &office.command_with(&at, input))
        };
        let (expected, found) = (run(&alone), run(&beside));
        assert_eq!(found, expected, "{arguments:?}");
    }
    assert!(kiosk.is_running());
    assert_eq!(audited(&beside), audited(&alone), "the audit logs");
}

#[test]
fn whoever_is_logged_in_sees_at_once_that_the_login_has_ended() {
    let office = Office::new();
    let mut kiosk = running(&office);
    let ending = [
        (
            vec![
                "user",
                "reset-totp",
                "PPK30",
                "--type",
                "non-penyedia",
                "--reason",
                REASON,
            ],
            "",
        ),
        (
            vec![
                "user",
                "set-password",
                "PPK30",
                "--type",
                "non-penyedia",
                "--reason",
                REASON,
            ],
            PASSWORD,
        ),
        (
            vec![
                "user",
                "remove",
                "PPK30",
                "--type",
                "non-penyedia",
                "--yes",
                "--reason",
                REASON,
            ],
            "",
        ),
    ];
    for (command, input) in ending {
        kiosk
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Selamat datang, Siti Rahmawati");
        succeeds(office.command_with(&command, input));
        kiosk.expect("Login ini sudah tidak berlaku");
    }
}

#[test]
fn a_reset_beside_the_kiosk_is_the_end_of_the_phone() {
    let office = Office::new();
    office.policy("required");
    let mut kiosk = running(&office);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Aktivasi TOTP");
    let _phone = Phone::scan(&mut kiosk);
    succeeds(office.command(&[
        "user",
        "reset-totp",
        "PPK30",
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ]));
    kiosk.expect("Login ini sudah tidak berlaku");
    let shown = office.command(&["user", "show", "PPK30", "--type", "non-penyedia", "--json"]);
    assert!(succeeds(shown).contains("\"totp\":\"off\""));
}

#[test]
fn the_courier_of_the_kiosk_goes_at_once_for_a_command() {
    let office = Office::new()
        .with("LPSE_KIOSK_MAIL_SERVER", "127.0.0.1")
        // Nobody listens there: each try shows in the outbox.
        .with("LPSE_KIOSK_MAIL_PORT", &free_port().to_string())
        .with("LPSE_KIOSK_MAIL_SECURITY", "none")
        .with("LPSE_KIOSK_MAIL_FROM", "totp@lpse.contoh.go.id")
        .with("LPSE_KIOSK_WEB_BASE_URL", "https://lpse.contoh.go.id");
    let _kiosk = running(&office);
    // The office's clock stands still, so no try comes by itself.
    let tried = |times: u32| {
        let failed = format!("failed {times} times");
        eventually(&failed, || {
            succeeds(office.command(&["outbox", "list"])).contains(&failed)
        });
    };
    succeeds(office.command(&[
        "user",
        "reset-totp",
        "PPK30",
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ]));
    tried(1);
    let again = succeeds(office.command(&["outbox", "retry", "--all"]));
    assert_eq!(again, "1 letter will be sent again.\n");
    tried(2);
}

#[test]
fn many_commands_at_once_all_get_their_turn() {
    let office = Office::new();
    let mut kiosk = running(&office);
    thread::scope(|scope| {
        for number in 0..12 {
            let office = &office;
            scope.spawn(move || office.add(&format!("PPK4{number}"), "non-penyedia", "Budi"));
        }
    });
    let listed = succeeds(office.command(&["user", "list"]));
    assert_eq!(
        listed.lines().filter(|line| line.contains("PPK4")).count(),
        12,
        "{listed}"
    );
    kiosk.expect_still_answers();
}

#[test]
fn five_thousand_accounts_are_imported_beside_people_at_work() {
    let office = Office::new();
    let mut kiosk = running(&office);
    let file = office.path("many.csv");
    fs::write(&file, table(5_000)).unwrap();
    let file = file.display().to_string();
    let said = succeeds(office.command(&["user", "import", &file]));
    assert_eq!(said, "Imported 5000 accounts.\n");
    assert!(succeeds(office.command(&["user", "list"])).contains("PPK004999"));
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Selamat datang, Siti Rahmawati");
}

#[test]
fn after_a_kill_the_socket_that_is_left_hinders_nobody() {
    let office = Office::new();
    running(&office).signal("KILL").wait();
    assert!(socket(&office).exists());
    succeeds(office.command(&["user", "list"]));
    let mut kiosk = running(&office);
    succeeds(office.command(&["user", "list"]));
    kiosk.signal("TERM");
    assert_eq!(kiosk.wait(), 0);
    assert!(!socket(&office).exists());
    succeeds(office.command(&["user", "list"]));
}

#[test]
fn the_socket_is_private_and_other_users_do_not_come_in() {
    let office = Office::new();
    let _kiosk = running(&office);
    let mode = fs::metadata(socket(&office)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    if !rustix::process::geteuid().is_root() {
        support::left_out("only root can be somebody else");
        return;
    }
    // The way to the socket is opened, as a careless operator might: what is left is the look at the peer.
    for folder in [office.path(""), office.data()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(socket(&office), fs::Permissions::from_mode(0o666)).unwrap();
    let stranger = std::process::Command::new("perl")
        .args(["-MSocket", "-e"])
        .arg(
            "socket(S, PF_UNIX, SOCK_STREAM, 0) or die; connect(S, sockaddr_un($ARGV[0])) or die $!; \
             exit(sysread(S, $heard, 1) == 0 ? 0 : 1)",
        )
        .arg(socket(&office))
        .uid(NOBODY)
        .output()
        .expect("perl starts");
    assert!(stranger.status.success(), "{}", text(&stranger.stderr));
    eventually("a line about the stranger", || {
        let log = fs::read_to_string(office.data().join("lpse-kiosk.log")).unwrap();
        log.contains("another user at the socket was turned away") && log.contains("65534")
    });
    succeeds(office.command(&["user", "list"]));
}

#[test]
fn root_joins_the_kiosk_of_the_services_user() {
    if !rustix::process::geteuid().is_root() {
        support::left_out("only root can be both");
        return;
    }
    let office = Office::new();
    // As with systemd: root's key file, and the service's own look at it.
    let key = office.path("credential");
    fs::copy(office.path("etc/master.key"), &key).unwrap();
    give(&office.path(""));
    chown(office.path("etc/master.key"), Some(0), Some(0)).unwrap();
    let mut kiosk = office.kiosk_of_user(NOBODY, &key);
    kiosk.expect("Total Pengunjung");
    assert!(succeeds(office.command(&["user", "list"])).contains("PPK30"));
    office.add("PPK31", "non-penyedia", "Budi");
    kiosk.signal("TERM").wait();
    // Alone, root works as that user would.
    assert!(succeeds(office.command(&["user", "list"])).contains("PPK31"));
}

#[test]
fn the_audit_log_names_who_ran_a_command_and_believes_only_root_who_that_is() {
    if !rustix::process::geteuid().is_root() {
        support::left_out("only root is believed");
        return;
    }
    let office = Office::new();
    let recorded = |user: u32, variables: &[(&str, &str)]| {
        // Nobody may not reach the program where it was built.
        let copy = office.path("lpse-kiosk");
        let program = match user {
            0 => support::program().into(),
            _ => copy,
        };
        let mut command = std::process::Command::new(program);
        command
            .args(["user", "end-logins", "PPK30", "--reason", REASON])
            .env_clear()
            .envs(office.environment())
            .envs(variables.iter().copied())
            .uid(user);
        if user != 0 {
            command.env_remove("LD_PRELOAD");
        }
        succeeds(command.output().unwrap());
        let log = audited(&office);
        let newest: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        newest["from"].as_str().unwrap().to_owned()
    };
    if operator::of_this_process().name() != "root" {
        support::left_out("the kernel knows who logged in, which goes before");
        return;
    }
    let daemon = [("SUDO_USER", "daemon"), ("SUDO_UID", "1")];
    let alone = [recorded(0, &[]), recorded(0, &daemon)];
    assert!(alone[0].starts_with("command:root"), "{alone:?}");
    assert!(alone[1].starts_with("command:daemon (as root"), "{alone:?}");
    let key = office.path("credential");
    fs::copy(office.path("etc/master.key"), &key).unwrap();
    give(&office.path(""));
    chown(office.path("etc/master.key"), Some(0), Some(0)).unwrap();
    let mut kiosk = office.kiosk_of_user(NOBODY, &key);
    kiosk.expect("Total Pengunjung");
    assert_eq!(
        [recorded(0, &[]), recorded(0, &daemon)],
        alone,
        "the same beside"
    );
    let key = key.display().to_string();
    let lying = [
        daemon[0],
        daemon[1],
        ("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", &key),
    ];
    let liar = recorded(NOBODY, &lying);
    assert!(liar.starts_with("command:nobody"), "{liar}");
}

/// Gives everything below `path` to nobody.
pub fn give(path: &std::path::Path) {
    lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}

#[test]
fn nonsense_at_the_socket_harms_neither_the_kiosk_nor_others() {
    let office = Office::new();
    let mut kiosk = running(&office);
    let connect = || UnixStream::connect(socket(&office)).unwrap();
    let frame = |body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap();
        [&length.to_be_bytes(), body].concat()
    };
    // What a greeting of another version looks like: protocol, version, no refusal.
    let other_version = frame(b"\x01\x050.0.9\x00");
    let own_version = frame(
        &[
            &[PROTOCOL][..],
            &[u8::try_from(env!("CARGO_PKG_VERSION").len()).unwrap()],
            env!("CARGO_PKG_VERSION").as_bytes(),
            b"\x00",
        ]
        .concat(),
    );
    let heard = |mut stream: UnixStream| {
        let mut heard = Vec::new();
        // Closed with something of ours unread is an error here, and as good an end as any.
        let _ = stream.read_to_end(&mut heard);
        heard
    };
    for nonsense in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        u32::MAX.to_be_bytes().to_vec(),
        vec![0; 4],
        frame(&[0xff; 512]),
    ] {
        let mut stream = connect();
        stream.write_all(&nonsense).unwrap();
        assert_eq!(heard(stream), b"", "{nonsense:?}");
    }
    let mut stream = connect();
    stream.write_all(&other_version).unwrap();
    assert_eq!(
        heard(stream),
        own_version,
        "it learns the version and no more"
    );
    for nonsense in [
        frame(b"\x63"),
        frame(b""),
        (1_u32 << 24).to_be_bytes().to_vec(),
    ] {
        let mut stream = connect();
        stream.write_all(&own_version).unwrap();
        stream.write_all(&nonsense).unwrap();
        assert_eq!(heard(stream), own_version, "{nonsense:?}");
    }
    for part in 1..own_version.len() {
        let mut stream = connect();
        stream.write_all(&own_version[..part]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(heard(stream), b"");
    }
    // Half a request, then nothing more; and one that keeps its place and says nothing.
    let mut half = connect();
    half.write_all(&own_version).unwrap();
    half.write_all(&[0, 0, 1]).unwrap();
    drop(half);
    let silent = connect();
    succeeds(office.command(&["user", "list"]));
    drop(silent);
    kiosk.expect_still_answers();
}

#[test]
fn more_commands_than_there_are_places_are_told_so() {
    let office = Office::new();
    let mut kiosk = running(&office);
    let version = env!("CARGO_PKG_VERSION");
    let length = u8::try_from(version.len()).unwrap();
    let greeting = [
        &[0, 0, 0, length + 3, PROTOCOL, length],
        version.as_bytes(),
        &[0],
    ]
    .concat();
    let mut places = Vec::new();
    for _ in 0..16 {
        let mut stream = UnixStream::connect(socket(&office)).unwrap();
        stream.write_all(&greeting).unwrap();
        let mut answer = vec![0; greeting.len()];
        stream.read_exact(&mut answer).unwrap();
        places.push(stream);
    }
    let refused = office.command(&["user", "list"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(75), "{said}");
    assert!(
        said.contains("16 commands work on the store already"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    drop(places);
    eventually("a place", || {
        office.command(&["user", "list"]).status.success()
    });
    kiosk.expect_still_answers();
}

#[test]
fn a_program_of_another_version_is_told_what_to_do() {
    let office = Office::new();
    let listener = std::os::unix::net::UnixListener::bind(socket(&office)).unwrap();
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"\x00\x00\x00\x08\x01\x050.0.9\x00")
            .unwrap();
        let _ = stream.read(&mut [0; 64]);
    });
    let refused = office.command(&["user", "list"]);
    answering.join().unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("the running lpse-kiosk is version 0.0.9")
            && said.contains("run the command with"),
        "{said}"
    );
}

#[test]
fn a_kiosk_that_leaves_in_the_middle_is_told_in_a_sentence() {
    let office = Office::new();
    for signal in ["TERM", "KILL"] {
        let mut kiosk = running(&office);
        // The command asks for a password when it has joined the kiosk.
        let mut command = office.start(
            &[
                "user",
                "set-password",
                "PPK30",
                "--type",
                "non-penyedia",
                "--reason",
                REASON,
            ],
            100,
            10,
        );
        command.expect("Password:");
        kiosk.signal(signal).wait();
        command.press(PASSWORD).press(key::ENTER);
        command.expect("Password again:");
        command.press(PASSWORD).press(key::ENTER);
        assert_eq!(command.wait(), 75);
        command.expect("run the command again");
    }
}
