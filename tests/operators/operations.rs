//! What operators have around the program: its own log, the units for systemd, and the example for
//! an sshd that runs already.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use support::command;

use support::{Office, eventually, free_port, key, text};

/// What a test asks of the program must come out the same on a machine that has the package, and for whoever runs it.
#[test]
fn no_test_sees_the_settings_the_store_or_the_home_of_this_machine() {
    let office = Office::empty_embedded();
    let place = command::Place::new();
    let in_office = |arguments: &[&str]| {
        let mut command = Command::new(support::program());
        command.args(arguments).env_clear();
        command.envs(office.environment());
        command
    };
    let mut forbidden = vec![
        "/etc/lpse-kiosk".to_owned(),
        "/var/lib/lpse-kiosk".to_owned(),
    ];
    forbidden.extend(std::env::home_dir().map(|home| home.join(".config").display().to_string()));
    forbidden.extend(std::env::home_dir().map(|home| home.join(".local").display().to_string()));
    for command in [
        in_office(&["policy"]),
        in_office(&["doctor"]),
        in_office(&["config"]),
        place.program(&["policy"]),
        place.bare(&["config"]),
    ] {
        let log = place.path("strace");
        let mut traced = Command::new("strace");
        traced
            .args(["-f", "-qq", "-e", "trace=%file", "-o"])
            .arg(&log)
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear();
        for (name, value) in command.get_envs() {
            traced.env(name, value.expect("nothing is taken away"));
        }
        traced.stdout(Stdio::null()).stderr(Stdio::null());
        traced
            .status()
            .expect("strace is installed (Debian package strace)");
        let log = fs::read_to_string(&log).unwrap();
        assert!(
            log.contains("empty.toml"),
            "{command:?} was followed:\n{log}"
        );
        let names = |(name, _): (&OsStr, _)| {
            ["LPSE_KIOSK_DATA", "LPSE_KIOSK_STORE_DATA"]
                .iter()
                .any(|data| name == *data)
        };
        let is_named = command.get_envs().any(names);
        for line in log.lines() {
            // Whose the service's folder is, is asked where no other is named.
            let is_asked = !is_named && line.contains("statx(AT_FDCWD, \"/var/lib/lpse-kiosk\"");
            // Where a default would lead is looked up also when it is only shown.
            let is_seen = forbidden.iter().any(|path| line.contains(path.as_str()));
            let is_own = line.contains(support::program());
            assert!(
                !is_seen || is_own || is_asked || line.contains("readlink("),
                "{line}"
            );
        }
    }
}

#[test]
fn a_place_in_use_is_told_before_the_screen_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let office = Office::empty().with("LPSE_KIOSK_METRICS_LISTEN", &place);
    let mut kiosk = office.kiosk_of(120, 24);
    assert_eq!(kiosk.wait(), 1);
    eventually("the reason", || {
        let told = text(&kiosk.raw());
        told.contains(&place) && told.contains("[metrics] listen")
    });
    assert!(!text(&kiosk.raw()).contains("\x1b[?1049h"));
}

#[test]
fn nothing_that_is_typed_reaches_the_log_however_much_it_tells() {
    let office = Office::new()
        .with("LPSE_KIOSK_LOG_LEVEL", "debug")
        .with("LPSE_KIOSK_LOG_FORMAT", "json");
    let mut kiosk = office.kiosk();
    kiosk.give_password("non-penyedia", "PPK31", "rahasia-sekali-77");
    kiosk.expect("tidak sesuai").press(key::ESC);
    kiosk.signal("TERM");
    kiosk.wait();
    let path = office.data().join("lpse-kiosk.log");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let log = fs::read_to_string(path).unwrap();
    for typed in ["PPK31", "ppk31", "rahasia"] {
        assert!(!log.contains(typed), "{typed}: {log}");
    }
}

pub fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(name)
}

/// The exposure that systemd-analyze gives a unit.
fn exposure(unit: &Path) -> f64 {
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(unit)
        .output()
        .expect("systemd-analyze is installed (Debian package systemd)");
    let told = text(&judged.stdout) + &text(&judged.stderr);
    let level = told.split("Overall exposure level for ").nth(1);
    let level = level.and_then(|rest| rest.split(": ").nth(1)?.split(' ').next()?.parse().ok());
    level.unwrap_or_else(|| panic!("an exposure in {told}"))
}

#[test]
fn the_units_are_whole_and_leave_little_exposed() {
    let folder = tempfile::tempdir().unwrap();
    let program = support::program();
    for (name, drop_in, most) in [
        ("lpse-kiosk.service", None, 1.5),
        (
            "lpse-kiosk.service",
            Some("lpse-kiosk.service.d/console.conf"),
            1.5,
        ),
        ("lpse-kiosk-tty1.service", None, 1.5),
        ("lpse-kiosk-tty@.service", None, 1.5),
        // Root's, to whom backups belong.
        ("lpse-kiosk-backup.service", None, 2.5),
    ] {
        // Verified as it will be, but for the program, which is not installed where tests run.
        let unit = folder.path().join(name);
        let here = |name: &str| {
            let content = fs::read_to_string(asset("systemd").join(name)).unwrap();
            let script = asset("systemd/nightly-backup").display().to_string();
            let here = content
                .replace(
                    "ExecStart=/usr/bin/lpse-kiosk",
                    &format!("ExecStart={program}"),
                )
                .replace(
                    "ExecStart=/usr/lib/lpse-kiosk/nightly-backup",
                    &format!("ExecStart={script}"),
                );
            assert_ne!(content, here, "{name} runs the program");
            here
        };
        fs::write(&unit, here(name)).unwrap();
        if let Some(drop_in) = drop_in {
            fs::create_dir_all(folder.path().join(drop_in).parent().unwrap()).unwrap();
            fs::write(folder.path().join(drop_in), here(drop_in)).unwrap();
        }
        let verified = Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&unit)
            .output()
            .unwrap();
        let told = text(&verified.stdout) + &text(&verified.stderr);
        assert!(
            verified.status.success() && told.is_empty(),
            "{name}: {told}"
        );
        let exposure = exposure(&unit);
        println!("{name} {drop_in:?}: exposure {exposure}");
        assert!(exposure <= most, "{name} {drop_in:?}: {exposure}");
    }
    let timer = folder.path().join("lpse-kiosk-backup.timer");
    fs::copy(asset("systemd/lpse-kiosk-backup.timer"), &timer).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let verified = verify.args(["verify", "--man=no"]).arg(timer).output();
    let verified = verified.unwrap();
    let told = text(&verified.stdout) + &text(&verified.stderr);
    assert!(verified.status.success() && told.is_empty(), "{told}");
}

#[test]
fn the_key_that_the_units_manual_makes_is_taken() {
    let office = Office::empty();
    let unit = fs::read_to_string(asset("systemd/lpse-kiosk.service")).unwrap();
    let line = unit
        .lines()
        .find(|line| line.contains("/dev/urandom"))
        .unwrap();
    fs::create_dir(office.path("etc")).unwrap();
    let key = office.path("etc/master.key");
    let line = line
        .trim_start_matches(['#', ' '])
        .replace("/etc/lpse-kiosk/master.key", &key.display().to_string());
    assert!(
        Command::new("sh")
            .args(["-c", &line])
            .status()
            .unwrap()
            .success()
    );
    let made = fs::read(&key).unwrap();
    let told = office.command(&["policy"]);
    assert!(told.status.success(), "{}", text(&told.stderr));
    assert_eq!(fs::read(key).unwrap(), made);
}

#[test]
fn the_example_for_sshd_is_taken_and_gives_one_account_nothing_but_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &path("host_key")])
        .status()
        .expect("ssh-keygen is installed (Debian package openssh-client)");
    assert!(made.success());
    let example = asset("sshd_config.d/lpse-kiosk.conf");
    let config = format!(
        "Include {}\nHostKey {}\nX11Forwarding yes\nAllowTcpForwarding yes\n",
        example.display(),
        path("host_key")
    );
    fs::write(path("sshd_config"), config).unwrap();
    // A server that root starts wants its empty folder, which only a machine that runs one has.
    let _ = fs::create_dir_all("/run/sshd");
    let settings = |user: &str| -> HashMap<String, String> {
        let shown = Command::new("/usr/sbin/sshd")
            .args([
                "-T",
                "-C",
                &format!("user={user},host=localhost,addr=127.0.0.1"),
            ])
            .args(["-f", &path("sshd_config")])
            .output()
            .expect("sshd is installed (Debian package openssh-server)");
        assert!(shown.status.success(), "{}", text(&shown.stderr));
        let pairs = text(&shown.stdout);
        let pairs = pairs.lines().filter_map(|line| line.split_once(' '));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let (lpse, other) = (settings("lpse"), settings("operator"));
    for (name, value) in [
        (
            "forcecommand",
            "/usr/bin/lpse-kiosk --data /var/lib/lpse-kiosk attach",
        ),
        ("authenticationmethods", "none"),
        ("permitemptypasswords", "yes"),
        ("permittty", "yes"),
        ("permituserrc", "no"),
        ("pubkeyauthentication", "no"),
        ("kbdinteractiveauthentication", "no"),
        ("disableforwarding", "yes"),
        ("allowtcpforwarding", "no"),
        ("allowstreamlocalforwarding", "no"),
        ("allowagentforwarding", "no"),
        ("x11forwarding", "no"),
        ("permittunnel", "no"),
        ("maxsessions", "1"),
    ] {
        assert_eq!(lpse[name], value, "{name}");
    }
    // Everything after the example counts for everybody again.
    for (name, value) in [
        ("forcecommand", "none"),
        ("permitemptypasswords", "no"),
        ("authenticationmethods", "any"),
        ("x11forwarding", "yes"),
        ("allowtcpforwarding", "yes"),
    ] {
        assert_eq!(other[name], value, "{name}");
    }
}

#[test]
fn serve_allows_itself_as_many_open_files_as_its_sessions_need() {
    let office = Office::empty().with(
        "LPSE_KIOSK_SSH_LISTEN",
        &format!("127.0.0.1:{}", free_port()),
    );
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -Sn 256; exec \"$0\" serve"])
        .arg(support::program())
        .env_clear()
        .envs(office.environment())
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut serve = shell.spawn().unwrap();
    let mut log = BufReader::new(serve.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("SSH is served")));
    let limits = fs::read_to_string(format!("/proc/{}/limits", serve.id())).unwrap();
    let open = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = open.and_then(|line| line.split_whitespace().nth(3));
    let soft: u64 = soft.unwrap().parse().unwrap();
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(soft >= 1024 + 1024, "{limits}");
}
