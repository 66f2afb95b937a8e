//! The language of the journeys: an office with its accounts and its clock, a kiosk on a real pseudo-terminal, and a
//! phone that knows nothing of this program.

pub mod browser;
pub mod cluster;
pub mod command;
pub mod disk;
pub mod extent;
pub mod fill;
pub mod house;
pub mod letters;
pub mod manual;
pub mod meddled;
pub mod picture;
pub mod screen;
pub mod smtp;
pub mod ssh;
pub mod wire;

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Condvar, LazyLock, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// Where the program is that the tests drive.
pub fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let told = std::env::var("CARGO_BIN_EXE_lpse-kiosk");
        told.expect("cargo runs the tests, and says where the program is")
    });
    &PROGRAM
}

/// Copies a file, or a folder with all that is in it, as it is. Another process does: what this one has open for writing
/// while another thread starts a child is open there too for a moment, and a program that somebody may write to is not
/// run ("text file busy").
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) {
    let (from, to) = (from.as_ref(), to.as_ref());
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success(), "{from:?} to {to:?}");
}

/// Says that the test which runs cannot be had on this machine, and why. `tests/run` counts these at its end.
pub fn left_out(why: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    println!("left out: {test}: {why}");
    if let Some(file) = std::env::var_os("LPSE_TEST_LEFT_OUT") {
        let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(format!("{test}: {why}\n").as_bytes())
            .unwrap();
    }
}

/// Nothing takes this long; a journey that waits longer has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program takes an Esc that something follows within a tenth of a second for a part of that.
const AFTER_ESCAPE: Duration = Duration::from_millis(300);

/// The instant at which every office's clock begins: 13 August 2020 08:53:05 WIB.
pub const MORNING: i64 = 1_597_283_585;

/// The password of every account of an office.
pub const PASSWORD: &str = "kuda hijau di awan 9";

/// What operators say of why they change an account.
pub const REASON: &str = "Ponsel hilang, KTP diperiksa";

/// A configuration file that sets nothing. It is always named: the machine that tests run on may have one of its own.
const NO_SETTINGS: &str = "empty.toml";

/// An LPSE: a data folder, a master key, settings, and a wall clock that moves only when told.
pub struct Office {
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Office {
    /// An office without accounts.
    pub fn empty() -> Self {
        let office = Self::empty_embedded();
        #[cfg(feature = "etcd")]
        if std::env::var("LPSE_TEST_STORE").is_ok_and(|store| store == "etcd") {
            return office.in_cluster(&cluster::Cluster::shared(), &cluster::fresh_prefix(), "one");
        }
        office
    }

    /// An office without accounts whose store is in its own folder, wherever the others' are: for journeys that are about
    /// that.
    pub fn empty_embedded() -> Self {
        let office = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            settings: Vec::new(),
        };
        fs::create_dir(office.path("home")).unwrap();
        fs::write(office.path(NO_SETTINGS), "").unwrap();
        // For the service's own user too, where that is another one.
        fs::set_permissions(office.path(NO_SETTINGS), Permissions::from_mode(0o644)).unwrap();
        office.set_clock(MORNING);
        office
    }

    /// The office with its store in a cluster, where keys begin with `prefix`, as the machine `node` of perhaps several.
    #[cfg(feature = "etcd")]
    pub fn in_cluster(self, endpoints: &str, prefix: &str, node: &str) -> Self {
        self.with("LPSE_KIOSK_STORE_KIND", "etcd")
            .with("LPSE_KIOSK_STORE_ENDPOINTS", endpoints)
            .with("LPSE_KIOSK_STORE_PREFIX", prefix)
            .with("LPSE_KIOSK_STORE_NODE", node)
    }

    /// An office with PPK30 (non-penyedia) and CVMAJU (penyedia).
    pub fn new() -> Self {
        Self::empty().with_people()
    }

    /// The office with PPK30 and CVMAJU.
    pub fn with_people(self) -> Self {
        let office = self;
        office.add("PPK30", "non-penyedia", "Siti Rahmawati");
        office.add("CVMAJU", "penyedia", "CV Maju Bersama");
        office
    }

    /// The office with one more setting, by its environment variable.
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.settings.push((variable.into(), value.into()));
        self
    }

    /// The office with screens that count as unread for ten minutes after they changed by themselves, so that no test has
    /// to be quick.
    pub fn where_nobody_reads(self) -> Self {
        self.with("LPSE_TEST_READING_TIME", "600000")
    }

    /// The office without a setting that it has.
    pub fn without(mut self, variable: &str) -> Self {
        self.settings.retain(|(name, _)| name != variable);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn add(&self, user_id: &str, user_type: &str, name: &str) {
        let added = self.command_with(
            &[
                "user",
                "add",
                user_id,
                "--type",
                user_type,
                "--name",
                name,
                "--email",
                "orang@contoh.go.id",
            ],
            PASSWORD,
        );
        assert!(added.status.success(), "{}", text(&added.stderr));
    }

    pub fn policy(&self, policy: &str) {
        let set = self.command(&["policy", policy]);
        assert!(set.status.success(), "{}", text(&set.stderr));
    }

    /// Runs a command of the program to its end.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.command_with(arguments, "")
    }

    /// Runs a command of the program to its end with `input` as its standard input.
    pub fn command_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(crate::program());
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env_clear().envs(self.environment());
        let mut child = command.spawn().expect("the program starts");
        // A command that refuses its arguments does not read; that is no failure of the test.
        let _ = child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{input}\n").as_bytes());
        child.wait_with_output().expect("the program ends")
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let path = |name| self.path(name).display().to_string();
        let mut variables = vec![
            ("PATH".into(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".into(), path("home")),
            ("TZ".into(), "UTC".into()),
            ("TERM".into(), "xterm-256color".into()),
            ("LANG".into(), "C.UTF-8".into()),
            ("LPSE_KIOSK_CONFIG".into(), path(NO_SETTINGS)),
            ("LPSE_KIOSK_STORE_DATA".into(), path("data")),
            (
                "LPSE_KIOSK_KEYS_MASTER_KEY_FILE".into(),
                path("etc/master.key"),
            ),
            ("LPSE_KIOSK_KIOSK_TERMINAL".into(), "loket-1".into()),
            ("LPSE_KIOSK_OFFICE_NAME".into(), "LPSE Kota Contoh".into()),
            ("LD_PRELOAD".into(), faketime()),
            ("FAKETIME_TIMESTAMP_FILE".into(), path("clock")),
            ("FAKETIME_NO_CACHE".into(), "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
            ("DONT_FAKE_MONOTONIC".into(), "1".into()),
            // A journey looks at what it waits for, and presses at once.
            ("LPSE_TEST_READING_TIME".into(), "0".into()),
        ];
        variables.extend(self.settings.iter().cloned());
        variables
    }

    /// Sets the wall clock to a second since the epoch. It stands still until the next time.
    pub fn set_clock(&self, second: i64) {
        let date = jiff::Timestamp::from_second(second).unwrap();
        let shown = date.strftime("%Y-%m-%d %H:%M:%S").to_string();
        // Moved into place whole: the program reads the file at any moment.
        let draft = self.path("clock.new");
        fs::write(&draft, shown).unwrap();
        fs::rename(draft, self.path("clock")).unwrap();
        fs::write(self.path("clock.second"), second.to_string()).unwrap();
    }

    pub fn clock(&self) -> i64 {
        let second = fs::read_to_string(self.path("clock.second")).unwrap();
        second.parse().unwrap()
    }

    pub fn pass(&self, seconds: i64) {
        self.set_clock(self.clock() + seconds);
    }

    /// A kiosk on a terminal of 80x24.
    pub fn kiosk(&self) -> Kiosk {
        self.kiosk_of(80, 24)
    }

    pub fn kiosk_of(&self, columns: u16, rows: u16) -> Kiosk {
        self.start(&["--kiosk"], columns, rows)
    }

    /// Any command on a pseudo-terminal.
    pub fn start(&self, arguments: &[&str], columns: u16, rows: u16) -> Kiosk {
        let mut command = CommandBuilder::new(crate::program());
        command.args(arguments);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        Kiosk::start(command, columns, rows)
    }

    /// The kiosk of another user of this machine, who reads the master key from a file of theirs. Only root can start
    /// it, from a copy of the program that anybody can reach. Its clock is the real one: faketime does not outlive the
    /// change of the user.
    pub fn kiosk_of_user(&self, user: u32, master_key: &Path) -> Kiosk {
        let program = self.path("lpse-kiosk");
        crate::copy(crate::program(), &program);
        let mut command = CommandBuilder::new("setpriv");
        command.arg(format!("--reuid={user}"));
        command.arg(format!("--regid={user}"));
        command.arg("--clear-groups");
        command.arg(program);
        command.arg("--kiosk");
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.env_remove("LD_PRELOAD");
        command.env("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", master_key);
        Kiosk::start(command, 80, 24)
    }

    /// A kiosk at which `user_id` has typed their password.
    pub fn password_given(&self, user_type: &str, user_id: &str) -> Kiosk {
        let mut kiosk = self.kiosk();
        kiosk.give_password(user_type, user_id, PASSWORD);
        kiosk
    }

    /// All bytes of all files below the data folder, for looking for what must not be there.
    pub fn stored_bytes(&self) -> Vec<u8> {
        fn collect(folder: &Path, bytes: &mut Vec<u8>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, bytes);
                } else if path.is_file() {
                    bytes.extend(fs::read(path).unwrap());
                }
            }
        }
        let mut bytes = Vec::new();
        collect(&self.data(), &mut bytes);
        bytes
    }
}

pub fn nonzero(size: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(size).expect("a screen has cells")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a command printed that did what it was told, without a word about anything else.
#[track_caller]
pub fn succeeds(output: Output) -> String {
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "");
    text(&output.stdout)
}

/// Demands that a command was refused with this exit status, and said why.
#[track_caller]
pub fn refused(output: &Output, status: i32, words: &str) {
    let said = text(&output.stderr);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(status), "{said}{out}");
    assert!(said.contains(words), "{words:?} is missing in: {said}");
}

/// The library that gives the program our clock.
fn faketime() -> String {
    let places = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    let library = places
        .iter()
        .map(|place| format!("{place}/faketime/libfaketimeMT.so.1"))
        .find(|path| Path::new(path).exists());
    library.expect("libfaketime is installed (Debian package faketime)")
}

/// Whether the screen shows a code whose last digit is not typed yet, in small digits or in large ones.
pub fn shows_five_of(code: &str, text: &str) -> bool {
    let digits: Vec<String> = code.chars().map(String::from).collect();
    let small = format!(
        "{} {} {}  {} {} _",
        digits[0], digits[1], digits[2], digits[3], digits[4]
    );
    text.contains(&small) || text.contains(&screen::large_code(&code[..5]))
}

/// Sends a signal to a process that runs.
pub fn send_signal(id: u32, name: &str) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match name {
        "TERM" => Signal::TERM,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        "WINCH" => Signal::WINCH,
        other => panic!("no journey sends SIG{other}"),
    };
    let id = Pid::from_raw(id.cast_signed()).expect("a process id");
    kill_process(id, signal).expect("the program runs");
}

/// Waits until `holds`: for what shows on no screen, such as a line in a log.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "expected {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A port of this machine for a program that cannot be given a listener. Below those that the system hands out by
/// itself, and never the same one twice: between looking and listening nobody else takes it.
pub fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Runs side by side begin at different places.
        let number = 7 * std::process::id() + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + number % COUNT).expect("a port");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// What stands on the menu and nowhere else.
pub const MENU: &str = "Layanan login dan TOTP";

/// Activates TOTP for PPK30 from the menu and logs out again, a while later.
pub fn activate(office: &Office, kiosk: &mut Kiosk) -> Phone {
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    log_out(kiosk);
    office.pass(60);
    phone
}

/// Logs PPK30 in from the menu by two codes of a phone that is `ahead` seconds ahead, as somebody does whose codes are refused.
pub fn log_in_by_two_codes(office: &Office, kiosk: &mut Kiosk, phone: &Phone, ahead: i64) {
    let shown = || phone.code(office.clock() + ahead);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk.press(&shown()).expect("Kode tidak diterima");
    office.pass(1);
    kiosk.submit_code(&shown()).expect("Login dengan dua kode");
    // Nothing is told of the clock before somebody is let in.
    assert!(!kiosk.text().contains("menit lebih"), "{}", kiosk.text());
    office.pass(1);
    kiosk.press("\t\t").press(key::ENTER).expect("Kode pertama");
    let first = shown();
    kiosk.press(&first).expect("Kode kedua");
    // Whoever is too quick is told, and loses nothing.
    kiosk.press(&first).expect("Masih kode yang sama");
    office.pass(30);
    kiosk.press(&shown()).expect("Login berhasil.");
}

/// From home to the menu.
pub fn log_out(kiosk: &mut Kiosk) {
    kiosk.press("l").press(key::ENTER).expect(MENU);
}

/// What other programs leave on a terminal: a message, and the modes that a binary file changes when it is printed.
const MESSAGE: &str = "\x1b[5;9r\x1b[?6h\x1b[7;31m\x0e\x1b(0\x1b[4h\x1b[20h\x1b[?5h\x1b[?7l\x1b[?1h\x1b=\x1b[?1000h\
    \x1b[?2004l\x1b[?25h\x1b[H\r\nBroadcast message from root@loket\r\nKernel panic - not syncing\r\n\r\n\r\n";

/// Keys as terminals send them.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const TAB: &str = "\t";
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const HOME: &str = "\x1b[H";
    pub const F1: &str = "\x1bOP";
    pub const F2: &str = "\x1bOQ";
    pub const F3: &str = "\x1bOR";
    pub const F12: &str = "\x1b[24~";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_L: &str = "\x0c";
    pub const CTRL_Z: &str = "\x1a";
    pub const CTRL_BACKSLASH: &str = "\x1c";
}

/// The side of a panel.
const SIDE: &str = "│";

/// Text with every run of white space as one space, without the sides of panels: sentences as they were before they were
/// wrapped.
fn unbroken(text: &str) -> String {
    let words = text.split_whitespace();
    let words = words.filter(|word| *word != SIDE);
    words.collect::<Vec<_>>().join(" ")
}

struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
    /// The terminal is to go away: the reader lets go of it.
    hung_up: bool,
}

impl Shown {
    /// Whether a part of a frame is still to come: nobody looks at half a frame.
    fn is_mid_frame(&self) -> bool {
        let last = |marker: &[u8]| {
            self.raw
                .windows(marker.len())
                .rposition(|bytes| bytes == marker)
        };
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }
}

/// A program on a real pseudo-terminal, and what its screen shows.
pub struct Kiosk {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    modes: Option<String>,
    /// When Esc was pressed, if that was the last key.
    escape_pressed: Option<Instant>,
}

impl Kiosk {
    /// Runs a command on a pseudo-terminal of its own.
    pub fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let modes = pair.master.tty_name().map(|tty| modes(&tty));
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let shown = Arc::new((
            Mutex::new(Shown {
                parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
                raw: Vec::new(),
                closed: false,
                hung_up: false,
            }),
            Condvar::new(),
        ));
        let feed = shown.clone();
        thread::spawn(move || {
            let mut bytes = [0; 16 * 1024];
            loop {
                let read = reader.read(&mut bytes);
                let mut shown = feed.0.lock().unwrap();
                match read {
                    Ok(length) if length > 0 => {
                        shown.parser.process(&bytes[..length]);
                        shown.raw.extend_from_slice(&bytes[..length]);
                    }
                    _ => shown.closed = true,
                }
                feed.1.notify_all();
                if shown.closed || shown.hung_up {
                    return;
                }
            }
        });
        Self {
            child,
            master: Some(pair.master),
            writer: Some(writer),
            escape_pressed: None,
            shown,
            modes,
        }
    }

    /// The terminal's device.
    pub fn terminal(&self) -> String {
        let name = self.master.as_ref().and_then(|master| master.tty_name());
        name.expect("the terminal is open").display().to_string()
    }

    /// Sends bytes as a keyboard does. No hand presses a key so soon after Esc that a terminal could have sent both at once.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        if let Some(pressed) = self.escape_pressed.take() {
            thread::sleep(AFTER_ESCAPE.saturating_sub(pressed.elapsed()));
        }
        self.escape_pressed = keys.ends_with(key::ESC).then(Instant::now);
        self.send(keys.as_bytes())
    }

    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(bytes).expect("the terminal takes keys");
        writer.flush().unwrap();
        self
    }

    /// Somebody else writes on the terminal, as `wall` and the kernel do.
    pub fn overwrite(&mut self, message: &str) -> &mut Self {
        let mut tty = fs::OpenOptions::new()
            .write(true)
            .open(self.terminal())
            .unwrap();
        tty.write_all(message.as_bytes()).unwrap();
        self
    }

    /// A message stands on the screen, and the terminal's modes are changed, until what is done next puts all of it right.
    pub fn is_disturbed_until(&mut self, done: impl FnOnce(&mut Self)) -> &mut Self {
        let look = |screen: &vt100::Screen| {
            let (rows, columns) = screen.size();
            let footer = |row| row + 2 == rows.get();
            let cell = |row, column| {
                let cell = screen.cell(row, column).expect("a cell of the screen");
                // A space and nothing look the same; the footer's clock and its count of visits go on meanwhile.
                let symbol = cell.contents().trim().to_owned();
                let symbol = match symbol.parse::<u8>() {
                    Ok(_) if footer(row) => "0".to_owned(),
                    _ => symbol,
                };
                let marks = (cell.bold(), cell.underline(), cell.inverse());
                (symbol, cell.fgcolor(), cell.bgcolor(), marks)
            };
            let row = |row| (0..columns.get()).map(move |column| cell(row, column));
            let cells: Vec<_> = (0..rows.get()).flat_map(row).collect();
            // Where a hidden cursor stands is nobody's business.
            let cursor = (!screen.hide_cursor()).then(|| screen.cursor_position());
            (cells, cursor, screen.input_mode_formatted())
        };
        let before = look(&self.screen());
        self.overwrite(MESSAGE).expect("Broadcast message");
        done(self);
        self.expect_screen("expected the screen as before the message", |screen| {
            look(screen) == before
        });
        self
    }

    /// Sends keys with a pause before each, as programs that type for people do; in one write where there is no pause.
    pub fn press_every(&mut self, pause: Duration, keys: &str) -> &mut Self {
        if pause.is_zero() {
            return self.press(keys);
        }
        for key in keys.chars() {
            thread::sleep(pause);
            self.press(key.encode_utf8(&mut [0; 4]));
        }
        self
    }

    /// Sends text as a terminal does for a paste.
    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.press(&format!("\x1b[200~{text}\x1b[201~"))
    }

    /// Waits until `holds` is true of the screen.
    pub fn expect_screen(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().unwrap();
        while shown.is_mid_frame() || !holds(shown.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let text = shown.parser.screen().contents();
            assert!(
                !left.is_zero() && !shown.closed,
                "{what}; the screen shows:\n{text}"
            );
            shown = changed.wait_timeout(shown, left).unwrap().0;
        }
    }

    /// Waits until `holds` is true of the screen's text.
    pub fn expect_that(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        self.expect_screen(what, |screen| holds(&screen.contents()));
    }

    /// Waits until the screen shows `words`, however they are broken into lines.
    pub fn expect(&mut self, words: &str) -> &mut Self {
        let shown = |text: &str| unbroken(text).contains(words) || text.contains(words);
        self.expect_that(&format!("expected {words:?}"), shown);
        self
    }

    /// Waits until the screen no longer shows `words`.
    pub fn expect_gone(&mut self, words: &str) -> &mut Self {
        let gone = |text: &str| !unbroken(text).contains(words);
        self.expect_that(&format!("expected {words:?} to go"), gone);
        self
    }

    /// Types a password at its form and waits until it is on its way: what is shown next is the answer to it.
    pub fn submit_password(&mut self, password: &str) -> &mut Self {
        self.expect_gone("Coba lagi setelah")
            .press(password)
            .expect("••••••••")
            .press(key::ENTER)
            .expect_gone("••••")
    }

    /// Types a code; the sixth digit sends it, and what is shown next is the answer to it.
    pub fn submit_code(&mut self, code: &str) -> &mut Self {
        let is_shown = |text: &str| shows_five_of(code, text);
        self.expect_gone("Coba lagi setelah");
        self.press(&code[..5]);
        self.expect_that(&format!("expected five digits of {code}"), is_shown);
        self.press(&code[5..]);
        self.expect_that(&format!("expected {code} to go"), |text| !is_shown(text));
        self
    }

    /// Waits until switching the language shows: the kiosk answers keys.
    pub fn expect_still_answers(&mut self) -> &mut Self {
        let english = |shown: &Shown| shown.parser.screen().contents().contains("F2 Indonesia");
        let before = english(&self.shown.0.lock().unwrap());
        let mut answered = false;
        for _ in 0..10 {
            // A key in the middle of garbage may be taken for a part of it; then it is pressed again, a while later.
            self.press(key::F2);
            let (lock, changed) = &*self.shown;
            let shown = lock.lock().unwrap();
            let (_shown, waited) = changed
                .wait_timeout_while(shown, Duration::from_secs(3), |shown| {
                    shown.is_mid_frame() || english(shown) == before
                })
                .unwrap();
            if !waited.timed_out() {
                answered = true;
                break;
            }
        }
        assert!(
            answered,
            "no answer to F2; the screen shows:\n{}",
            self.text()
        );
        self
    }

    /// Presses keys and waits until something is printed, or the program has ended.
    pub fn press_and_see(&mut self, keys: &str) {
        let (lock, changed) = &*self.shown.clone();
        let before = lock.lock().unwrap().raw.len();
        self.press(keys);
        let shown = lock.lock().unwrap();
        let unchanged = |shown: &mut Shown| shown.raw.len() == before && !shown.closed;
        let waited = changed
            .wait_timeout_while(shown, DEADLINE, unchanged)
            .unwrap()
            .1;
        assert!(!waited.timed_out(), "nothing is printed after {keys:?}");
    }

    /// The screen's rows. A space and nothing look the same: what was drawn before decides which of them a cell holds.
    pub fn text(&self) -> String {
        let contents = self.screen().contents();
        let rows: Vec<&str> = contents.lines().map(str::trim_end).collect();
        rows.join("\n")
    }

    /// Every byte ever printed.
    pub fn raw(&self) -> Vec<u8> {
        self.shown.0.lock().unwrap().raw.clone()
    }

    /// The screen as it is when what is being drawn has been drawn.
    pub fn screen(&self) -> vt100::Screen {
        let (lock, changed) = &*self.shown;
        let shown = lock.lock().unwrap();
        let is_amid = |shown: &mut Shown| shown.is_mid_frame() && !shown.closed;
        let shown = changed.wait_timeout_while(shown, DEADLINE, is_amid);
        shown.unwrap().0.parser.screen().clone()
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        // The screen first: what is drawn for the new size must find it.
        self.shown
            .0
            .lock()
            .unwrap()
            .parser
            .screen_mut()
            .set_size(nonzero(rows), nonzero(columns));
        self.master.as_ref().unwrap().resize(size).unwrap();
        self
    }

    /// From the menu to the form for the User ID.
    pub fn at_user_id(&mut self, user_type: &str) -> &mut Self {
        self.expect("Selamat datang")
            .press(key::ENTER)
            .expect("Login sebagai");
        let letter = match user_type {
            "non-penyedia" => "n",
            _ => "p",
        };
        self.press(letter).expect("Masukkan User ID")
    }

    /// From the menu to the form for an account's password.
    pub fn give_user_id(&mut self, user_type: &str, user_id: &str) -> &mut Self {
        self.at_user_id(user_type)
            .press(user_id)
            .press(key::ENTER)
            .expect("Masukkan password")
    }

    /// From the menu to the password of an account.
    pub fn give_password(&mut self, user_type: &str, user_id: &str, password: &str) -> &mut Self {
        self.give_user_id(user_type, user_id);
        self.press(password).press(key::ENTER)
    }

    pub fn signal(&mut self, name: &str) -> &mut Self {
        send_signal(self.child.process_id().expect("the program runs"), name);
        self
    }

    /// The terminal goes away.
    pub fn hang_up(&mut self) {
        self.shown.0.lock().unwrap().hung_up = true;
        // Whatever the program prints next makes the reader see it.
        self.press(key::F2);
        self.writer = None;
        self.master = None;
    }

    /// Waits for the program's end; returns its exit status.
    pub fn wait(&mut self) -> u32 {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(
                Instant::now() < deadline,
                "the program does not end; the screen shows:\n{}",
                self.text()
            );
            thread::yield_now();
        }
    }

    /// Whether everything that was printed has been read, because nobody has the terminal open any more.
    pub fn has_closed(&self) -> bool {
        self.shown.0.lock().unwrap().closed
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Whether the terminal shows what is typed by itself.
    pub fn echoes(&self) -> bool {
        let tty = self.master.as_ref().and_then(|master| master.tty_name());
        let output = Command::new("stty")
            .args(["-a", "-F"])
            .arg(tty.expect("the terminal is open"))
            .output()
            .unwrap();
        text(&output.stdout)
            .split_whitespace()
            .any(|word| word == "echo")
    }

    /// Whether the terminal's modes are what they were before the program started.
    pub fn modes_are_restored(&self) -> bool {
        let tty = self.master.as_ref().and_then(|master| master.tty_name());
        tty.map(|tty| modes(&tty)) == self.modes
    }
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn modes(tty: &Path) -> String {
    let output = Command::new("stty")
        .args(["-g", "-F"])
        .arg(tty)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// A phone with an authenticator app: it reads QR codes with zbar and makes codes with oathtool.
pub struct Phone {
    pub uri: String,
}

impl Phone {
    /// Scans what the kiosk's screen shows.
    pub fn scan(kiosk: &mut Kiosk) -> Self {
        // A frame may arrive in parts, so the phone looks again whenever the screen changes.
        let uri = std::cell::RefCell::new(None);
        let looked = |screen: &vt100::Screen| {
            *uri.borrow_mut() = picture::read_qr(screen, picture::DARK);
            uri.borrow().is_some()
        };
        kiosk.expect_screen("expected a QR code", looked);
        Self {
            uri: uri.into_inner().expect("it was read"),
        }
    }

    pub fn secret(&self) -> &str {
        let (_, rest) = self.uri.split_once("secret=").expect("a secret in the URI");
        rest.split('&').next().unwrap()
    }

    /// The code of the instant `second`.
    pub fn code(&self, second: i64) -> String {
        let output = Command::new("oathtool")
            .args(["--totp", "--base32", self.secret(), "--now"])
            .arg(format!("@{second}"))
            .env("TZ", "UTC")
            .output()
            .expect("oathtool is installed (Debian package oathtool)");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }
}
