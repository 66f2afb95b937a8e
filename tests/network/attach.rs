//! Terminals of this machine that show the screens of a running `serve`, under an sshd or as a kiosk.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
        process::ExitStatusExt,
    },
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;

use rustix::process::{Pid, Signal, kill_process};
use support::{Kiosk, Office, PASSWORD, eventually, free_port, key, text};

/// `lpse-kiosk serve` in the background; it takes terminals as soon as [`serve`] returns.
struct Serve {
    child: Child,
}

fn serve(office: &Office) -> Serve {
    let mut command = Command::new(support::program());
    command
        .arg("serve")
        .env_clear()
        .envs(office.environment())
        .env(
            "LPSE_KIOSK_SSH_LISTEN",
            format!("127.0.0.1:{}", free_port()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(
            fs::File::options()
                .create(true)
                .append(true)
                .open(office.path("serve.log"))
                .unwrap(),
        ));
    let child = command.spawn().expect("the program starts");
    let socket = office.data().join("lpse-kiosk-screens.sock");
    // A killed one before may have left its socket there.
    let before = fs::metadata(&socket)
        .and_then(|socket| socket.modified())
        .ok();
    eventually("a socket for terminals", || {
        fs::metadata(&socket).is_ok_and(|socket| {
            socket.file_type().is_socket() && (before.is_none() || socket.modified().ok() != before)
        })
    });
    Serve { child }
}

impl Serve {
    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for its end; returns its exit status, or minus the signal that ended it.
    fn wait(&mut self) -> i32 {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let signal = || -status.signal().unwrap_or_default();
                return status.code().unwrap_or_else(signal);
            }
            assert!(Instant::now() < deadline, "serve does not end");
            thread::yield_now();
        }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn attach(office: &Office) -> Kiosk {
    office.start(&["attach"], 80, 24)
}

fn attach_kiosk(office: &Office) -> Kiosk {
    office.start(&["attach", "--kiosk"], 80, 24)
}

/// The lines of the audit log about `act`.
fn audited(office: &Office, act: &str) -> Vec<serde_json::Value> {
    let log = fs::read_to_string(office.data().join("audit.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &serde_json::Value| line["act"] == act)
        .collect()
}

#[test]
fn it_shows_the_menu_logs_in_and_leaves_with_a_sentence() {
    let office = Office::new();
    let _serve = serve(&office);
    let socket = office.data().join("lpse-kiosk-screens.sock");
    let mode = fs::metadata(socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut person = attach(&office);
    person.give_password("non-penyedia", "PPK30", PASSWORD);
    person.expect("Selamat datang, Siti");
    assert_eq!(audited(&office, "login")[0]["from"], "console:loket-1");
    person.resize(100, 30);
    person.expect_screen("the last line of the new size", |screen| {
        let last = screen.rows(0, 100).last().unwrap_or_default();
        !last.trim().is_empty()
    });
    person.press(key::CTRL_C);
    assert_eq!(person.wait(), 0);
    person.expect("Sesi berakhir. Terima kasih.");
    let raw = text(&person.raw());
    let (_, after) = raw
        .rsplit_once("\x1b[?1049l")
        .expect("their screen is back");
    assert!(after.contains("Sesi berakhir. Terima kasih."), "{after:?}");
    assert!(raw.contains("\x1b[22;2t\x1b[?1049h") && raw.contains(" - lpse-kiosk\x1b\\"));
    assert!(
        raw.contains("\x1b]2;\x1b\\\x1b[23;2t\x1b[?1049l"),
        "their title is back"
    );
    assert!(
        !raw.contains("\x1b[3J"),
        "a guest's terminal's past is kept"
    );
    assert!(person.modes_are_restored());
}

#[test]
fn under_sshd_the_peer_is_where_people_come_from() {
    let office = Office::new().with("SSH_CONNECTION", "203.0.113.9 51234 198.51.100.1 22");
    let _serve = serve(&office);
    let mut person = attach(&office);
    person.give_password("non-penyedia", "PPK30", PASSWORD);
    person.expect("Selamat datang, Siti").press(key::CTRL_C);
    assert_eq!(person.wait(), 0);
    assert_eq!(audited(&office, "login")[0]["from"], "peer:203.0.113.9");
    let mut again = attach(&office);
    again.give_password("non-penyedia", "PPK30", PASSWORD);
    again.expect("dari 203.0.113.9");
}

#[test]
fn a_place_is_counted_with_those_over_ssh_and_a_kiosks_is_never_displaced() {
    let office = Office::new().with("LPSE_KIOSK_SSH_SESSIONS", "2");
    let _serve = serve(&office);
    let mut kiosk = attach_kiosk(&office);
    kiosk.expect("Selamat datang");
    let mut first = attach(&office);
    first.expect("Selamat datang");
    let mut second = attach(&office);
    second.expect("Selamat datang");
    assert_eq!(first.wait(), 75, "it gave its place up");
    first.expect("Semua sesi sedang terpakai");
    assert!(first.modes_are_restored());
    second.give_password("non-penyedia", "PPK30", PASSWORD);
    second.expect("Selamat datang, Siti");
    let mut third = attach(&office);
    assert_eq!(third.wait(), 75);
    third.expect("Semua sesi sedang terpakai");
    kiosk.expect_still_answers();
}

#[test]
fn without_serve_or_a_terminal_it_says_so() {
    let office = Office::new();
    let mut nobody = attach(&office);
    assert_eq!(nobody.wait(), 75);
    nobody.expect("no lpse-kiosk serve runs here");
    let _serve = serve(&office);
    let blind = office.command(&["attach"]);
    assert_eq!(blind.status.code(), Some(1));
    assert!(text(&blind.stderr).contains("needs a terminal"));
}

#[test]
fn it_needs_no_master_key_and_no_store() {
    let office = Office::new();
    let _serve = serve(&office);
    fs::remove_file(office.path("etc/master.key")).unwrap();
    attach(&office).expect("Selamat datang");
}

#[test]
fn when_serve_leaves_people_are_told_and_may_finish() {
    let office = Office::new();
    let mut serve = serve(&office);
    let mut idle = attach(&office);
    idle.expect("Selamat datang");
    let mut busy = attach(&office);
    busy.give_password("non-penyedia", "PPK30", PASSWORD);
    busy.expect("Selamat datang, Siti");
    serve.signal(Signal::TERM);
    busy.expect("Layanan segera dimulai ulang.");
    assert_eq!(idle.wait(), 0);
    idle.expect("Sesi berakhir karena layanan dimulai ulang.");
    serve.signal(Signal::TERM);
    assert_eq!(busy.wait(), 0);
    busy.expect("Sesi berakhir karena layanan dimulai ulang.");
    assert_eq!(serve.wait(), 0);
    assert!(!office.data().join("lpse-kiosk-screens.sock").exists());
}

#[test]
fn the_terminal_comes_back_when_serve_is_killed_or_it_is_asked_to_leave() {
    let office = Office::new();
    let mut serve = serve(&office);
    for signal in ["TERM", "HUP", "INT"] {
        let mut asked = attach(&office);
        asked.expect("Selamat datang").signal(signal);
        assert_eq!(asked.wait(), 0, "SIG{signal}");
        assert!(asked.modes_are_restored());
    }
    let mut person = attach(&office);
    person.give_password("non-penyedia", "PPK30", PASSWORD);
    person.expect("Selamat datang, Siti");
    serve.signal(Signal::KILL);
    assert_eq!(serve.wait(), -9);
    assert_eq!(person.wait(), 1);
    person.expect("serve has ended; connect again in a moment");
    let raw = text(&person.raw());
    let (_, after) = raw
        .rsplit_once("\x1b[?1049l")
        .expect("their screen is back");
    assert!(after.contains("has ended"), "{after:?}");
    assert!(person.modes_are_restored());
}

#[test]
fn a_login_ends_when_its_terminal_does() {
    let office = Office::new();
    let _serve = serve(&office);
    let mut person = attach(&office);
    person.give_password("non-penyedia", "PPK30", PASSWORD);
    person.expect("Selamat datang, Siti").signal("KILL");
    eventually("a logout", || !audited(&office, "logout").is_empty());
}

#[test]
fn nothing_leads_out_of_a_kiosk_and_each_visit_gets_a_fresh_menu() {
    let office = Office::new().with("LPSE_KIOSK_KIOSK_IDLE_SECONDS", "20");
    let office = office.with("LPSE_KIOSK_KIOSK_WARNING_SECONDS", "18");
    let _serve = serve(&office);
    let mut kiosk = attach_kiosk(&office);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Selamat datang, Siti");
    kiosk
        .press(key::CTRL_C)
        .press(key::CTRL_Z)
        .press(key::CTRL_BACKSLASH);
    kiosk.expect_still_answers();
    kiosk.expect_gone("Siti").expect("Selamat datang");
    assert!(kiosk.is_running());
    kiosk.signal("TERM");
    assert_eq!(kiosk.wait(), 0);
    assert!(kiosk.modes_are_restored());
    kiosk.expect_that("an empty screen", |text| text.trim().is_empty());
    let raw = text(&kiosk.raw());
    assert!(raw.ends_with("\x1b[3J\x1b[H"), "all is wiped");
}

#[test]
fn what_others_write_on_a_joined_terminal_goes_with_the_next_whole_drawing() {
    let office = Office::new();
    let _serve = serve(&office);
    for mut terminal in [attach(&office), attach_kiosk(&office)] {
        // The last part of the menu that comes.
        terminal.expect("Total Pengunjung: 0");
        terminal.is_disturbed_until(|terminal| {
            terminal.signal("WINCH");
        });
        terminal.is_disturbed_until(|terminal| {
            terminal.press(key::CTRL_L);
        });
    }
}

#[test]
fn a_kiosk_waits_for_serve_and_joins_it_again() {
    let office = Office::new();
    let mut kiosk = attach_kiosk(&office);
    kiosk
        .expect("Layanan sedang dimulai ulang.")
        .expect("The service is being restarted.");
    let mut first = serve(&office);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Selamat datang, Siti");
    first.signal(Signal::KILL);
    assert_eq!(first.wait(), -9);
    kiosk.expect("Layanan sedang dimulai ulang.");
    // Keys that nobody hears do not reach the next menu.
    kiosk.press(key::ENTER).press("n").press(key::CTRL_C);
    kiosk.expect_gone("Siti");
    let mut second = serve(&office);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Selamat datang, Siti");
    second.signal(Signal::TERM);
    kiosk.expect("Layanan segera dimulai ulang.");
    second.signal(Signal::TERM);
    assert_eq!(second.wait(), 0);
    kiosk.expect("Layanan sedang dimulai ulang.").signal("HUP");
    assert_eq!(kiosk.wait(), 0);
    assert!(kiosk.modes_are_restored());
}

#[test]
fn a_fault_in_one_persons_screens_is_nobody_elses() {
    const F12: &str = "\x1b[24~";
    let office = Office::new().with("LPSE_TEST_PANIC_AT_F12", "1");
    let _serve = serve(&office);
    let mut other = attach(&office);
    other.expect("Selamat datang");
    let mut kiosk = attach_kiosk(&office);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Selamat datang, Siti").press(F12);
    kiosk.expect_gone("Siti").expect("Selamat datang");
    let mut person = attach(&office);
    person.expect("Selamat datang").press(F12);
    assert_eq!(person.wait(), 1);
    person.expect("kesalahan pada program");
    other.expect_still_answers();
}

/// A process in the place of `serve` that speaks as another version does.
fn other_version(office: &Office) -> thread::JoinHandle<()> {
    let socket = office.data().join("lpse-kiosk-screens.sock");
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut greeting = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut greeting).unwrap();
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let place = greeting
            .windows(version.len())
            .position(|bytes| bytes == version)
            .expect("a greeting tells the version");
        greeting[place] = b'9';
        stream.write_all(&length).unwrap();
        stream.write_all(&greeting).unwrap();
    })
}

#[test]
fn another_version_is_told_and_joined_by_nobody() {
    for arguments in [&["attach"][..], &["attach", "--kiosk"]] {
        let office = Office::new();
        let other = other_version(&office);
        let mut person = office.start(arguments, 80, 24);
        assert_eq!(person.wait(), 1, "{arguments:?}");
        person.expect("the running lpse-kiosk is version 9");
        assert!(person.modes_are_restored());
        other.join().unwrap();
    }
}

#[test]
fn peers_that_speak_otherwise_hinder_nobody() {
    let office = Office::new();
    let mut serve = serve(&office);
    let socket = office.data().join("lpse-kiosk-screens.sock");
    let mut silent = Vec::new();
    for garbage in [
        &b""[..],
        b"\xff\xff\xff\xff",
        b"\x00\x10\x00\x00half",
        b"SSH-2.0-x\r\n",
        b"\x00\x00\x00\x00\x00\x00\x00\x01x",
    ] {
        // Together fewer than may be on their way in at once: who is turned away must not hang on how soon
        // `serve` sees that somebody has gone.
        for _ in 0..12 {
            let mut peer = UnixStream::connect(&socket).unwrap();
            let _ = peer.write_all(garbage);
            silent.push(peer);
        }
    }
    let mut person = attach(&office);
    person.give_password("non-penyedia", "PPK30", PASSWORD);
    person.expect("Selamat datang, Siti").press(key::CTRL_C);
    assert_eq!(person.wait(), 0);
    serve.signal(Signal::TERM);
    assert_eq!(serve.wait(), 0);
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().expect("the program is installed");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// OpenSSH's server, which makes every login this program.
struct Sshd {
    child: Child,
    port: u16,
}

fn sshd(office: &Office) -> Sshd {
    // A server that root starts wants its empty folder.
    let _ = fs::create_dir_all("/run/sshd");
    let path = |name: &str| office.path(name).display().to_string();
    for key in ["sshd_key", "login_key"] {
        succeeds(Command::new("ssh-keygen").args([
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-f",
            &path(key),
        ]));
    }
    let mut script = String::from("#!/bin/sh\n");
    for (name, value) in office.environment() {
        // These are what sshd hands on.
        if !["TERM", "LANG", "PATH", "HOME"].contains(&name.as_str()) {
            script.push_str(&format!("export {name}='{value}'\n"));
        }
    }
    script.push_str(&format!("exec '{}' attach\n", support::program()));
    fs::write(office.path("attach.sh"), script).unwrap();
    let port = free_port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
         PermitRootLogin yes\nAuthorizedKeysFile {}\nAcceptEnv LANG\nForceCommand /bin/sh {}\n",
        path("sshd_key"),
        path("login_key.pub"),
        path("attach.sh"),
    );
    fs::write(office.path("sshd_config"), config).unwrap();
    let child = Command::new("/usr/sbin/sshd")
        .args(["-D", "-f", &path("sshd_config"), "-E", &path("sshd.log")])
        .spawn()
        .expect("OpenSSH's server is installed (Debian package openssh-server)");
    let log = office.path("sshd.log");
    eventually("sshd listens", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("Server listening"))
    });
    Sshd { child, port }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_sshd_serves_the_kiosk_with_a_forced_command() {
    let office = Office::new();
    let _serve = serve(&office);
    let sshd = sshd(&office);
    let user = succeeds(Command::new("id").arg("-un"));
    let login = |words: &[&str]| {
        let mut command = CommandBuilder::new("ssh");
        command.args([
            "-tt",
            "-F",
            "none",
            "-e",
            "none",
            "-b",
            "127.0.0.5",
            "-o",
            "LogLevel=ERROR",
        ]);
        command.args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]);
        command.arg("-i");
        command.arg(office.path("login_key"));
        command.args(["-o", "SendEnv=LANG", "-p", &sshd.port.to_string()]);
        command.arg(format!("{}@127.0.0.1", user.trim()));
        command.args(words);
        command.env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("HOME", office.path("home"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        Kiosk::start(command, 80, 24)
    };
    let mut person = login(&[]);
    person.give_password("non-penyedia", "PPK30", PASSWORD);
    person.expect("Selamat datang, Siti");
    assert_eq!(audited(&office, "login")[0]["from"], "peer:127.0.0.5");
    person.press(key::CTRL_C);
    assert_eq!(person.wait(), 0);
    person.expect("Sesi berakhir. Terima kasih.");
    assert!(person.modes_are_restored());
    // Whatever is asked for, it is this program.
    let mut other = login(&["cat /etc/passwd"]);
    other.expect("Selamat datang");
}
