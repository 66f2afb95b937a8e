//! The kiosk over SSH, as people have it: the real OpenSSH client on a real pseudo-terminal.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
};

use support::{
    Kiosk, MENU, Office, PASSWORD, Phone, activate, eventually, key,
    letters::{Correspondence, ask, confirm, done},
    log_out,
    ssh::Server,
    text,
};

const CLOSING: &str = "Layanan segera dimulai ulang";
const REJECTED: &str = "User ID, jenis pengguna, atau password tidak sesuai.";

/// An office with its server.
fn open() -> (Office, Server) {
    let office = Office::new();
    let server = office.serve();
    (office, server)
}

/// From the menu to the User ID's form.
fn open_login(kiosk: &mut Kiosk) -> &mut Kiosk {
    kiosk
        .expect(MENU)
        .press(key::ENTER)
        .expect("Login sebagai")
        .press("n")
        .expect("Masukkan User ID")
}

/// Everything that came of a client that had no terminal.
fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_ten_steps_for_both_user_types() {
    let (office, mut server) = open();
    for (user_type, user_id) in [("non-penyedia", "ppk30"), ("penyedia", "CvMaju")] {
        let mut kiosk = server.password_given(user_type, user_id);
        kiosk.expect("ENABLE TOTP").press(key::ENTER);
        let phone = Phone::scan(&mut kiosk);
        let name = user_id.to_uppercase();
        assert!(
            phone
                .uri
                .starts_with(&format!("otpauth://totp/SPSE:{name}?secret=")),
            "{}",
            phone.uri
        );
        kiosk
            .press(key::TAB)
            .press(key::TAB)
            .press(key::ENTER)
            .expect("LOGIN");
        office.pass(40);
        kiosk
            .give_password(user_type, user_id, PASSWORD)
            .expect("Masukkan kode TOTP")
            .expect("Belum memindai?");
        kiosk
            .press(&phone.code(office.clock()))
            .expect("TOTP aktif.");
        log_out(&mut kiosk);
        office.pass(40);
        kiosk
            .give_password(user_type, user_id, PASSWORD)
            .expect("Masukkan kode TOTP");
        kiosk
            .press(&phone.code(office.clock()))
            .expect("DISABLE TOTP")
            .expect("dari 127.0.0.1");
        let printed = text(&kiosk.raw());
        assert!(!printed.contains(PASSWORD) && !printed.contains("awan"));
        log_out(&mut kiosk);
        kiosk.press(key::CTRL_C);
        assert_eq!(kiosk.wait(), 0);
        let log = server.log();
        assert!(
            !log.contains(phone.secret()) && !log.contains(PASSWORD),
            "{log}"
        );
    }
    assert!(server.is_running());
}

#[test]
fn the_same_keys_lead_to_the_same_screens_as_at_the_console() {
    // Two offices that are one in everything but the door; the source has the same name at both.
    let at_console = Office::empty_embedded()
        .with_people()
        .with("LPSE_KIOSK_KIOSK_TERMINAL", "127.0.0.1");
    let phone = activate(&at_console, &mut at_console.kiosk());
    let over_ssh = Office::empty_embedded();
    for folder in ["data", "etc"] {
        copy(&at_console.path(folder), &over_ssh.path(folder));
    }
    over_ssh.set_clock(at_console.clock());
    let server = over_ssh.serve();
    let mut doors = [at_console.kiosk(), server.ssh()];
    let code = phone.code(at_console.clock());
    let script: &[(&str, &str)] = &[
        ("", "Layanan login dan TOTP"),
        (key::F1, "Bantuan"),
        (key::ESC, "Layanan login dan TOTP"),
        (key::F2, "Welcome"),
        (key::F2, "Selamat datang"),
        (key::F3, "SPSE, sistem pengadaan"),
        ("\x1b[6~", "SPSE"),
        (key::ESC, "Layanan login dan TOTP"),
        (key::ENTER, "Login sebagai"),
        (key::DOWN, "Login sebagai"),
        (key::UP, "Login sebagai"),
        ("n", "Masukkan User ID"),
        (key::ENTER, "User ID belum diisi."),
        ("ab", "ab"),
        (key::ENTER, "3 sampai 32 karakter"),
        ("\x15PPK30", "PPK30"),
        ("\x1b[200~/\x1b[201~", "PPK30/"),
        ("\x7f", "PPK30"),
        (key::ENTER, "Masukkan password"),
        ("salah salah 1", "•••••••••••••"),
        (key::ENTER, REJECTED),
        (PASSWORD, "••••••••••••••••••••"),
        (key::ENTER, "Masukkan kode TOTP"),
        (&code[..3], "Masukkan kode TOTP"),
        (key::ENTER, "Kode terdiri dari 6 digit."),
        (&code[3..], "DISABLE TOTP"),
        ("d", "DISABLE TOTP"),
        (key::ENTER, "Nonaktifkan TOTP"),
        ("d", "Nonaktifkan TOTP"),
        (key::ENTER, "TOTP sudah dinonaktifkan."),
        (key::ENTER, "Kunci ini"),
        (key::F2, "This key is shown"),
        (key::F2, "Kunci ini"),
        (key::ESC, "Login terakhir"),
        ("l", "Login terakhir"),
        (key::ENTER, "Layanan login dan TOTP"),
    ];
    for (keys, words) in script {
        for door in &mut doors {
            door.press(keys).expect(words);
        }
        // Who has a terminal of their own may see their password, and is told so.
        if doors[1].text().contains("Masukkan password") {
            doors[1].expect("Tampilkan password");
            assert!(!doors[0].text().contains("Tampilkan password"));
            continue;
        }
        let what = format!("the same screen after {keys:?}, which leads to {words:?}");
        eventually(&what, || {
            let [console, ssh] = doors.each_ref().map(|door| comparable(&door.screen()));
            console == ssh
        });
    }
}

/// What two doors must show alike: every cell with its style, but for the picture and the letters of a fresh key, and the
/// style of the last line.
fn comparable(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let shown = screen.contents();
    let fresh_key =
        shown.contains("otpauth") || shown.contains("Kunci ini") || shown.contains("This key");
    let mut told = String::new();
    for row in 0..rows.get() {
        let mut line = String::new();
        for column in 0..columns.get() {
            let Some(cell) = screen.cell(row, column) else {
                continue;
            };
            let contents = cell.contents();
            if fresh_key && is_key_or_picture(contents) {
                line.push('?');
            } else {
                line.push_str(&format!(
                    "{contents:1}{:?}{:?}{}{}{}\u{1}",
                    cell.fgcolor(),
                    cell.bgcolor(),
                    cell.bold(),
                    cell.underline(),
                    cell.inverse()
                ));
            }
        }
        // The way out is hinted at over SSH alone.
        if row + 1 == rows.get() {
            let hints = screen.rows(0, columns.get()).last().unwrap_or_default();
            // What only a terminal of one's own has; a copy's key takes another's place beside the picture.
            line = match fresh_key {
                true => String::new(),
                false => hints
                    .replace("Ctrl-C Keluar", "")
                    .replace("Ctrl-C Leave", ""),
            };
            line.truncate(line.trim_end().len());
        }
        told.push_str(&line);
        told.push('\n');
    }
    told
}

fn is_key_or_picture(contents: &str) -> bool {
    contents
        .chars()
        .all(|c| matches!(c, '█' | '▀' | '▄' | ' ') || c.is_ascii_uppercase() || c.is_ascii_digit())
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_lost_phone_a_letter_a_typed_code_and_a_new_phone() {
    let world = Correspondence::new();
    let office = &world.office;
    let server = office.serve();
    let mut kiosk = server.ssh();
    let old = activate(office, &mut kiosk);
    world.letter(1);
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let letter = world.letter(2);
    assert!(letter.text().contains("127.0.0.1"), "{}", letter.text());
    done(&mut kiosk);
    confirm(&mut kiosk, &letter.code());
    kiosk
        .expect("PP**0")
        .press("o")
        .press(key::ENTER)
        .expect("Reset TOTP selesai")
        .press(key::ESC);
    let new = activate(office, &mut kiosk);
    assert_ne!(old.secret(), new.secret());
}

#[test]
fn the_window_changes_its_size_in_a_form_and_at_the_qr_code() {
    let (office, server) = open();
    let mut kiosk = server.ssh();
    open_login(&mut kiosk).press("ppk").expect("ppk");
    kiosk.resize(132, 43).press("30").expect("ppk30");
    let shown = |screen: &vt100::Screen| {
        let mut rows = screen.rows(0, 132);
        rows.nth(42).is_some_and(|row| !row.trim().is_empty())
    };
    kiosk.expect_screen("a footer in the 43rd row", shown);
    kiosk.resize(80, 24).expect("ppk30").press(key::ENTER);
    kiosk
        .expect("Masukkan password")
        .press(PASSWORD)
        .press(key::ENTER)
        .expect("ENABLE TOTP")
        .press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    kiosk.is_disturbed_until(|kiosk| {
        // The size is told again, and is what it was.
        kiosk.signal("WINCH");
    });
    kiosk.resize(40, 12).expect("_ _ _  _ _ _");
    kiosk.resize(100, 30).expect("Kunci ini");
    let again = Phone::scan(&mut kiosk);
    assert_eq!(phone.uri, again.uri);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.");
}

#[test]
fn a_client_that_is_killed_in_the_middle_of_a_password_leaves_nothing_behind() {
    let (office, mut server) = open();
    let mut other = server.ssh();
    open_login(&mut other).press("cvma").expect("cvma");
    let mut kiosk = server.ssh();
    open_login(&mut kiosk)
        .press("ppk30")
        .press(key::ENTER)
        .expect("Masukkan password")
        .press(&PASSWORD[..9])
        .expect("•••••••••");
    assert_eq!((server.people(), server.connections()), (2, 2));
    kiosk.signal("KILL").wait();
    eventually("one person to be left", || {
        (server.people(), server.connections()) == (1, 1)
    });
    other.press("ju").expect("cvmaju");
    assert_eq!(
        office.audited("check-password", "refused"),
        0,
        "a half-typed password is no try"
    );
    server
        .password_given("non-penyedia", "PPK30")
        .expect("Selamat datang, Siti");
    assert!(server.is_running());
}

#[test]
fn a_client_that_is_killed_is_logged_out() {
    let (office, server) = open();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti").signal("KILL").wait();
    eventually("the log-out in the audit log", || {
        office.audited("logout", "done") == 1
    });
    eventually("nobody to be left", || server.connections() == 0);
}

#[test]
fn of_64_people_with_one_code_exactly_one_gets_in() {
    const PEOPLE: usize = 64;
    let office = Office::new()
        .with("LPSE_KIOSK_SSH_SESSIONS_PER_SOURCE", "100")
        .with("LPSE_KIOSK_SSH_LOGIN_SECONDS", "600")
        .with("LPSE_KIOSK_SSH_PENALTY_SECONDS", "0")
        .with("LPSE_KIOSK_KIOSK_HALF_TYPED_SECONDS", "60");
    let server = office.serve();
    let phone = activate(&office, &mut server.ssh());
    // All come as far as the code before any of them types it: half-typed forms are cleared after a while.
    let mut people: Vec<Kiosk> = Vec::new();
    for _ in 0..PEOPLE / 8 {
        let mut eight: Vec<Kiosk> = (0..8).map(|_| server.ssh()).collect();
        for kiosk in &mut eight {
            kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        }
        for kiosk in &mut eight {
            kiosk.expect("Masukkan kode TOTP");
        }
        people.extend(eight);
    }
    let code = phone.code(office.clock());
    for kiosk in &mut people {
        kiosk.press(&code[..5]);
    }
    for kiosk in &mut people {
        kiosk.expect_that("five digits", |text| support::shows_five_of(&code, text));
    }
    for kiosk in &mut people {
        kiosk.press(&code[5..]);
    }
    let mut inside = 0;
    for kiosk in &mut people {
        kiosk.expect_that("an answer", |text| {
            ["DISABLE TOTP", "Kode tidak diterima", "Coba lagi setelah"]
                .iter()
                .any(|words| text.contains(words))
        });
        if kiosk.text().contains("DISABLE TOTP") {
            inside += 1;
        }
    }
    assert_eq!(inside, 1);
    assert_eq!(
        office.audited("login", "done"),
        2,
        "the activation's, and one"
    );
}

#[test]
fn terminals_of_every_kind_get_what_they_can_show() {
    let office = Office::empty();
    let is_ascii = |kiosk: &Kiosk| text(&kiosk.raw()).is_ascii();
    let variants: [(&str, Option<&str>, bool); 9] = [
        ("xterm-256color", Some("id_ID.UTF-8"), true),
        ("xterm-kitty", Some("en_US.utf8"), true),
        ("linux", Some("C.UTF-8"), true),
        ("tidak-dikenal", Some("id_ID.UTF-8"), true),
        ("dumb", Some("id_ID.UTF-8"), true),
        ("vt100", Some("C"), false),
        ("xterm", Some("id_ID.ISO-8859-1"), false),
        ("linux", Some("POSIX"), false),
        // Whoever says nothing has a terminal of this century.
        ("xterm", None, true),
    ];
    let user_id = |number: usize| format!("PPK{}", 40 + number);
    for number in 0..variants.len() {
        office.add(&user_id(number), "non-penyedia", "Siti Rahmawati");
    }
    let server = office.serve();
    for (number, (term, lang, unicode)) in variants.into_iter().enumerate() {
        let mut client = server.client().term(term);
        client = match lang {
            Some(lang) => client.lang(lang),
            None => client.without("LANG"),
        };
        let mut kiosk = client.start();
        kiosk.give_password("non-penyedia", &user_id(number), PASSWORD);
        kiosk.expect("ENABLE TOTP").press(key::ENTER);
        assert_eq!(
            is_ascii(&kiosk),
            !unicode,
            "TERM={term} LANG={lang:?}:\n{}",
            kiosk.text()
        );
        if unicode {
            Phone::scan(&mut kiosk);
        } else {
            kiosk.expect("QR memerlukan layar 70x35");
            kiosk.resize(132, 43);
            Phone::scan(&mut kiosk);
            assert!(is_ascii(&kiosk), "TERM={term} LANG={lang:?}");
        }
    }
    // The locale is judged by the first of these that is set.
    let mut kiosk = server.client().variable("LC_ALL", "C").start();
    kiosk.expect(MENU);
    assert!(is_ascii(&kiosk), "LC_ALL=C:\n{}", kiosk.text());
}

/// A sequence that begins with this, up to its end.
fn sequence<'a>(raw: &'a str, begins: &str) -> Option<&'a str> {
    let (_, rest) = raw.split_once(begins)?;
    Some(rest.split_once("\x1b\\")?.0)
}

#[test]
fn a_key_goes_to_the_clipboard_of_a_terminal_that_has_one_and_no_other_is_told_anything() {
    let office = Office::new();
    let terms = [
        ("xterm-256color", true),
        ("tmux-256color", true),
        ("vt220", false),
        ("dumb", false),
        ("tidak-dikenal", false),
    ];
    let user_id = |number: usize| format!("PPK{}", 40 + number);
    for number in 0..terms.len() {
        office.add(&user_id(number), "non-penyedia", "Siti Rahmawati");
    }
    let server = office.serve();
    for (number, (term, is_rich)) in terms.into_iter().enumerate() {
        let mut kiosk = server.client().term(term).start();
        kiosk.give_password("non-penyedia", &user_id(number), PASSWORD);
        kiosk.expect("ENABLE TOTP").press(key::ENTER);
        let phone = Phone::scan(&mut kiosk);
        kiosk.press("c").expect(match is_rich {
            true => "Dikirim ke papan klip",
            false => "Kode hanya berisi angka.",
        });
        kiosk.press(key::CTRL_C);
        assert_left(&mut kiosk, "Sesi berakhir. Terima kasih.");
        let raw = text(&kiosk.raw());
        if !is_rich {
            assert!(
                !raw.contains("\x1b]") && !raw.contains("\x1b[22;2t"),
                "{term}: {raw:?}"
            );
            continue;
        }
        let copied = sequence(&raw, "\x1b]52;c;").expect(term);
        let copied = data_encoding::BASE64.decode(copied.as_bytes()).unwrap();
        assert_eq!(text(&copied), phone.secret());
        assert_eq!(raw.matches("\x1b]52;").count(), 1);
        assert!(!server.log().contains(phone.secret()));
        assert!(sequence(&raw, "\x1b]2;").is_some_and(|title| title.ends_with(" - lpse-kiosk")));
        let order = [
            "\x1b[22;2t",
            "\x1b]2;",
            "\x1b]52;",
            "\x1b]2;\x1b\\\x1b[23;2t",
            "\x1b[?1049l",
        ];
        let places = order.map(|sequence| raw.find(sequence).expect(sequence));
        assert!(places.is_sorted(), "{raw:?}");
    }
}

#[test]
fn any_user_name_leads_to_the_same_menu() {
    let (_office, server) = open();
    for user in ["lpse", "root", "siapa-saja", "PPK30"] {
        let mut kiosk = server.client().user(user).start();
        kiosk.expect(MENU);
        assert!(!kiosk.text().contains("PPK30"));
        kiosk.press(key::CTRL_C);
        assert_eq!(kiosk.wait(), 0);
    }
}

/// Waits for the end of a session that says `farewell`, and for the person's own terminal.
fn assert_left(kiosk: &mut Kiosk, farewell: &str) {
    kiosk.expect(farewell);
    assert_eq!(kiosk.wait(), 0, "{}", kiosk.text());
    eventually("the terminal's modes as before", || {
        kiosk.modes_are_restored()
    });
    let raw = text(&kiosk.raw());
    let end = &raw[raw.rfind("\x1b[?2004l").expect("paste mode is reset")..];
    assert!(end.contains("\x1b[?1049l"), "{end:?}");
    assert!(raw.rfind("\x1b[?25h") > raw.rfind("\x1b[?25l"), "{end:?}");
    let shown = kiosk.text();
    assert!(
        !shown.contains("Siti") && !shown.contains("LOGIN"),
        "{shown}"
    );
}

#[test]
fn leaving_says_farewell_and_gives_the_terminal_back() {
    let (office, server) = open();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    log_out(&mut kiosk);
    kiosk.press(key::CTRL_C);
    assert_left(&mut kiosk, "Sesi berakhir. Terima kasih.");
    // Whoever leaves from anywhere is logged out.
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("Selamat datang, Siti")
        .press(key::F2)
        .expect("Welcome, Siti")
        .press(key::CTRL_C);
    assert_left(&mut kiosk, "The session has ended. Thank you.");
    // Nobody waits for the record of a logout.
    eventually("both logouts in the audit log", || {
        office.audited("logout", "done") == 2
    });
    // In the middle of a password, too.
    let mut kiosk = server.ssh();
    open_login(&mut kiosk)
        .press("ppk30")
        .press(key::ENTER)
        .expect("Masukkan password")
        .press("rahasia")
        .expect("•••••••")
        .press(key::CTRL_C);
    assert_left(&mut kiosk, "Sesi berakhir. Terima kasih.");
}

#[test]
fn without_a_terminal_one_sentence_says_what_to_do() {
    let (_office, mut server) = open();
    let output = server.client().option("-T").run();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("terminal") && said.contains("ssh -t"),
        "{said}"
    );
    assert!(!said.contains('\x1b'), "{said:?}");
    server.ssh().expect(MENU);
    assert!(server.is_running());
}

#[test]
fn commands_and_copies_are_refused() {
    let (office, mut server) = open();
    let file = office.path("berkas");
    fs::write(&file, "isi").unwrap();
    let file = file.to_str().unwrap();
    let outputs = [
        server.client().command("id").run(),
        server
            .client()
            .command("")
            .option("-s")
            .command("sftp")
            .run(),
        server
            .client()
            .copy("scp", &[file, "lpse@127.0.0.1:berkas"]),
        server
            .client()
            .copy("scp", &["-O", file, "lpse@127.0.0.1:berkas"]),
        server.client().copy("sftp", &["lpse@127.0.0.1"]),
    ];
    for output in outputs {
        let said = said(&output);
        assert!(!output.status.success(), "{said}");
        assert!(!said.contains("uid="), "{said}");
    }
    // A command is told why, on its own channel.
    let output = server.client().command("id").run();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(output.stdout.is_empty(), "{}", said(&output));
    let told = text(&output.stderr);
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told,
        [
            "Perintah tidak dijalankan di sini. Masuklah tanpa perintah untuk melihat layarnya.",
            "Commands are not run here. Please connect without one to see the screens.",
        ]
    );
    // With a terminal it is refused just the same.
    let mut kiosk = server.client().command("id").start();
    kiosk.expect("Commands are not run here.");
    assert_eq!(kiosk.wait(), 1);
    assert!(server.is_running());
    eventually("nobody to be left", || server.connections() == 0);
}

/// Comes in with paramiko, which never asks for `none`, and prints what is drawn until the menu is there.
const PARAMIKO: &str = r#"
import base64, sys, paramiko
port, host_key, kind, value = int(sys.argv[1]), sys.argv[2].split()[1], sys.argv[3], sys.argv[4]
key = paramiko.Ed25519Key(data=base64.b64decode(host_key))
if kind == "interactive":
    transport = paramiko.Transport(("127.0.0.1", port))
    transport.connect(hostkey=key)
    transport.auth_interactive("lpse", lambda title, text, fields: ["" for _ in fields])
    channel = transport.open_session()
    channel.get_pty("xterm-256color", 80, 24)
    channel.invoke_shell()
else:
    client = paramiko.SSHClient()
    client.get_host_keys().add("[127.0.0.1]:%d" % port, "ssh-ed25519", key)
    way = {"pkey": paramiko.ECDSAKey.generate()} if kind == "ecdsa" else {"key_filename": value}
    client.connect("127.0.0.1", port, "lpse", allow_agent=False, look_for_keys=False, timeout=25, auth_timeout=25, **way)
    channel = client.invoke_shell("xterm-256color", 80, 24)
channel.settimeout(25)
drawn = b""
while b"LOGIN" not in drawn:
    part = channel.recv(4096)
    if not part:
        break
    drawn += part
sys.stdout.buffer.write(drawn)
"#;

#[test]
fn clients_that_never_try_none_come_in_by_keyboard_interactive_or_any_key() {
    let (office, server) = open();
    let key_file = office.path("own-key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key_file)
        .status();
    assert!(made.expect("OpenSSH's ssh-keygen starts").success());
    let known = office.host_key().public_key;
    let port = server.port.to_string();
    let key_file = key_file.to_str().unwrap();
    for (kind, value) in [("interactive", ""), ("key", key_file), ("ecdsa", "")] {
        let output = Command::new("/usr/bin/python3")
            .args(["-c", PARAMIKO, &port, &known, kind, value])
            .env_clear()
            .env("HOME", office.path("home"))
            .output()
            .expect("Python is installed, with paramiko (Debian package python3-paramiko)");
        assert!(output.status.success(), "{kind}: {}", said(&output));
        assert!(said(&output).contains("LOGIN"), "{kind}: {}", said(&output));
    }
    // OpenSSH's client too, where it is told to.
    let mut kiosk = server
        .client()
        .option("-o")
        .option("PreferredAuthentications=keyboard-interactive")
        .start();
    kiosk.expect(MENU);
}

#[test]
fn an_auditor_of_ssh_servers_has_nothing_to_say() {
    let (_office, server) = open();
    let output = Command::new("ssh-audit")
        .args(["--no-colors", "--port", &server.port.to_string()])
        .arg("127.0.0.1")
        .output()
        .expect("ssh-audit is installed (Debian package ssh-audit)");
    let told = said(&output);
    assert!(told.contains("(kex) curve25519-sha256"), "{told}");
    let is_fault = |line: &&str| {
        let is_told = ["[fail]", "[warn]", "(rec) -", "(rec) !"]
            .iter()
            .any(|mark| line.contains(mark));
        // What an older version has not heard of yet is no fault, and an exchange that a later quantum computer could
        // undo is offered to older clients alone.
        is_told && !line.contains("unknown algorithm") && !line.contains("post-quantum")
    };
    let faults: Vec<&str> = told.lines().filter(is_fault).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{told}");
}

#[test]
fn forwarding_is_refused_and_harmless() {
    let (office, mut server) = open();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let target_port = target.local_addr().unwrap().port();
    target.set_nonblocking(true).unwrap();

    // To the other side: the client opens a channel for each caller, and each is refused.
    let here = support::free_port();
    let forward = format!("127.0.0.1:{here}:127.0.0.1:{target_port}");
    let client = server.client().option("-N").option("-L").option(&forward);
    let mut forwarder = Ended(client.script().spawn().unwrap());
    let mut caller = None;
    eventually("the client to listen", || {
        caller = TcpStream::connect(("127.0.0.1", here)).ok();
        caller.is_some()
    });
    let mut caller = caller.unwrap();
    let _ = caller.write_all(b"halo");
    let mut answer = Vec::new();
    let _ = caller.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{answer:?}");
    assert!(target.accept().is_err(), "nobody was connected to");
    forwarder.end();

    // From the other side: the request is refused at once.
    let there = format!("0:127.0.0.1:{target_port}");
    let output = server
        .client()
        .option("-N")
        .option("-o")
        .option("ExitOnForwardFailure=yes")
        .option("-R")
        .option(&there)
        .run();
    assert!(!output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("forwarding failed"),
        "{}",
        said(&output)
    );

    // Standard input and output to a host behind the server.
    let output = server
        .client()
        .option("-W")
        .option(&format!("127.0.0.1:{target_port}"))
        .run();
    assert!(!output.status.success(), "{}", said(&output));
    assert!(target.accept().is_err(), "nobody was connected to");

    // An agent and a display are offered; the person sees the menu all the same.
    let socket = office.path("agent");
    let mut agent = Command::new("ssh-agent");
    agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
    let _agent = Ended(agent.spawn().expect("OpenSSH's agent starts"));
    eventually("the agent", || UnixStream::connect(&socket).is_ok());
    let mut kiosk = server
        .client()
        .variable("SSH_AUTH_SOCK", socket.to_str().unwrap())
        .variable("DISPLAY", "127.0.0.1:77")
        .option("-A")
        .option("-X")
        .start();
    kiosk.expect(MENU);
    open_login(&mut kiosk)
        .press(key::ESC)
        .expect("Login sebagai");
    assert!(server.is_running());
}

/// A child that ends with its test.
struct Ended(std::process::Child);

impl Ended {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn the_host_key_is_kept_over_a_restart() {
    let office = Office::new();
    let mut server = office.serve();
    let key = office.host_key();
    assert!(server.log().contains(&key.fingerprint), "{}", server.log());
    let file = office.data().join("ssh_host_ed25519_key");
    let mode = file.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "mode {mode:o}");
    server.signal("TERM");
    assert_eq!(server.wait(), 0, "{}", server.log());
    let port = server.port;
    // What the person's client remembers is what it was before.
    let remembered = server.client();
    let known = fs::read(office.path(&format!("known_hosts.{port}"))).unwrap();
    drop(server);
    let server = office.serve_at(port);
    assert_eq!(office.host_key(), key);
    fs::write(office.path(&format!("known_hosts.{port}")), known).unwrap();
    remembered.start().expect(MENU);
    drop(server);
}

#[test]
fn sigterm_lets_people_finish() {
    let office = Office::new().with("LPSE_KIOSK_SSH_GRACE_SECONDS", "300");
    let mut server = office.serve();
    let mut idle = server.ssh();
    idle.expect(MENU);
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    server.signal("TERM");
    // Whoever is at the menu has nothing to finish; whoever is in the middle of something is told, and goes on.
    idle.expect("Sesi berakhir karena layanan dimulai ulang.");
    assert_eq!(idle.wait(), 0);
    kiosk
        .expect(CLOSING)
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.")
        .expect(CLOSING);
    // Nobody new comes in.
    let late = server.client().option("-T").run();
    assert_ne!(late.status.code(), Some(0));
    assert!(server.is_running());
    kiosk.press("l").press(key::ENTER);
    kiosk.expect("Sesi berakhir karena layanan dimulai ulang.");
    assert_eq!(kiosk.wait(), 0, "{}", kiosk.text());
    assert_eq!(server.wait(), 0, "{}", server.log());
    assert_eq!(office.audited("logout", "done"), 1);
}

#[test]
fn sigterm_ends_whoever_does_not_finish() {
    let office = Office::new().with("LPSE_KIOSK_SSH_GRACE_SECONDS", "2");
    let mut server = office.serve();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    server.signal("TERM");
    kiosk.expect(CLOSING);
    assert_eq!(server.wait(), 0, "{}", server.log());
    kiosk.expect("Sesi berakhir karena layanan dimulai ulang.");
    assert_eq!(kiosk.wait(), 0);
    eventually("the terminal's modes as before", || {
        kiosk.modes_are_restored()
    });
    assert!(!kiosk.text().contains("Siti"), "{}", kiosk.text());
    assert_eq!(office.audited("logout", "done"), 1);
    // Nothing was lost, and the store opens again.
    let listed = office.command(&["user", "list"]);
    assert!(text(&listed.stdout).contains("PPK30"));
}

#[test]
fn a_second_sigterm_does_not_wait() {
    let office = Office::new().with("LPSE_KIOSK_SSH_GRACE_SECONDS", "300");
    let mut server = office.serve();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    server.signal("TERM");
    kiosk.expect(CLOSING);
    server.signal("TERM");
    assert_eq!(server.wait(), 0, "{}", server.log());
    kiosk.wait();
    assert_eq!(office.audited("logout", "done"), 1);
}

#[test]
fn a_fault_in_one_persons_screens_is_nobody_elses() {
    let office = Office::new().with("LPSE_TEST_PANIC_AT_F12", "1");
    let mut server = office.serve();
    let mut other = server.password_given("penyedia", "CVMAJU");
    other.expect("CV Maju Bersama");
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti").press(key::F12);
    assert_left(&mut kiosk, "Sesi berakhir karena kesalahan pada program");
    let printed = text(&kiosk.raw());
    assert!(!printed.contains("panicked") && !printed.contains("src/"));
    assert!(
        printed.contains("\x1b]2;\x1b\\\x1b[23;2t"),
        "their title is back"
    );
    server.expect_log("src/session/mod.rs");
    eventually("one person to be left", || server.connections() == 1);
    other.press(key::F2).expect("Welcome, CV Maju Bersama");
    server.ssh().expect(MENU);
    assert!(server.is_running());
}

#[test]
fn failures_are_counted_where_they_come_from() {
    let (office, server) = open();
    let mut stranger = server.client().from("127.0.0.7").start();
    stranger
        .give_password("non-penyedia", "PPK30", "salah salah 1")
        .expect(REJECTED);
    for _ in 0..3 {
        office.pass(60);
        stranger.submit_password("salah lagi").expect(REJECTED);
    }
    stranger
        .submit_password("salah lagi")
        .expect("Coba lagi setelah");
    // The owner, from elsewhere, does not wait for it.
    let mut owner = server.client().from("127.0.0.9").start();
    owner
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Selamat datang, Siti");
    log_out(&mut owner);
    let mut again = server.password_given("non-penyedia", "PPK30");
    again.expect("dari 127.0.0.9");
    let audit = office.audit();
    let from = |act: &str, outcome: &str| {
        let mut lines = audit.iter();
        let line = lines.find(|line| line["act"] == act && line["outcome"] == outcome);
        line.map(|line| line["from"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        from("check-password", "refused").as_deref(),
        Some("peer:127.0.0.7")
    );
    assert_eq!(from("login", "done").as_deref(), Some("peer:127.0.0.9"));
}

#[test]
fn too_many_of_one_source_are_told_to_come_back() {
    let office = Office::new()
        .with("LPSE_KIOSK_SSH_SESSIONS_PER_SOURCE", "2")
        .with("LPSE_KIOSK_SSH_PENALTY_SECONDS", "0");
    let mut server = office.serve();
    let mut two = [server.ssh(), server.ssh()];
    for kiosk in &mut two {
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        kiosk.expect("Selamat datang, Siti");
    }
    let third = server.client().option("-T").run();
    assert_ne!(third.status.code(), Some(0));
    server.client().from("127.0.0.9").start().expect(MENU);
    for kiosk in &mut two {
        kiosk.expect_still_answers();
    }
    assert!(server.is_running());
}

#[test]
fn an_idle_person_is_warned_and_logged_out() {
    let office = Office::new()
        .with("LPSE_KIOSK_KIOSK_IDLE_SECONDS", "20")
        .with("LPSE_KIOSK_KIOSK_WARNING_SECONDS", "18");
    let server = office.serve();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Masih di sini?").expect("detik");
    kiosk
        .press(key::ENTER)
        .expect_gone("Masih di sini?")
        .expect("Selamat datang, Siti");
    kiosk.expect("Masih di sini?");
    assert_left(
        &mut kiosk,
        "Sesi berakhir karena tidak ada tombol yang ditekan.",
    );
    assert_eq!(office.audited("logout", "done"), 1);
}

#[test]
fn nobody_stays_at_the_menu_for_ever() {
    let office = Office::new().with("LPSE_KIOSK_SSH_LOGIN_SECONDS", "30");
    let server = office.serve();
    let mut kiosk = server.ssh();
    kiosk.expect(MENU);
    kiosk.expect("Sesi ini berakhir dalam");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while kiosk.is_running() {
        assert!(std::time::Instant::now() < deadline, "{}", kiosk.text());
        thread::yield_now();
    }
    assert_left(&mut kiosk, "Sesi berakhir karena waktunya habis.");
}

#[test]
fn who_finds_it_busy_is_told_so() {
    // Hashes that take a while, one at a time, and room for one that waits.
    let office = Office::empty()
        .with("LPSE_KIOSK_PASSWORD_MEMORY_KIB", "131072")
        .with("LPSE_KIOSK_PASSWORD_ITERATIONS", "4")
        .with("LPSE_KIOSK_PASSWORD_THREADS", "1")
        .with("LPSE_KIOSK_PASSWORD_QUEUE", "1");
    // One account's tries from one place are judged one after the other anyway.
    let user_id = |number: usize| format!("PPK{}", 30 + number);
    for number in 0..6 {
        office.add(&user_id(number), "non-penyedia", "Siti Rahmawati");
    }
    let server = office.serve();
    let mut people: Vec<Kiosk> = (0..6).map(|_| server.ssh()).collect();
    for (number, kiosk) in people.iter_mut().enumerate() {
        open_login(kiosk)
            .press(&user_id(number))
            .press(key::ENTER)
            .expect("Masukkan password")
            .press(PASSWORD)
            .expect("••••••••");
    }
    let (told, answers) = mpsc::channel();
    for kiosk in &mut people {
        kiosk.press(key::ENTER);
    }
    thread::scope(|scope| {
        for kiosk in &mut people {
            let told = told.clone();
            scope.spawn(move || {
                kiosk.expect_that("an answer", |text| {
                    text.contains("Sedang ramai") || text.contains("Selamat datang, Siti")
                });
                told.send(kiosk.text().contains("Sedang ramai")).unwrap();
            });
        }
    });
    drop(told);
    let busy = answers.iter().filter(|busy| *busy).count();
    assert!(
        (1..6).contains(&busy),
        "{busy} of 6 were told that it is busy"
    );
    // Whoever was told tries again and gets in.
    let kiosk = people
        .iter_mut()
        .find(|kiosk| kiosk.text().contains("Sedang ramai"));
    let kiosk = kiosk.unwrap();
    kiosk.press(PASSWORD).press(key::ENTER);
    kiosk.expect("Selamat datang, Siti");
}

#[test]
fn keys_in_any_pieces_and_long_pastes_are_understood() {
    let (office, server) = open();
    let mut kiosk = server.ssh();
    open_login(&mut kiosk);
    for byte in "ppk\x1b[D\x1b[C30".bytes() {
        kiosk.send(&[byte]);
    }
    kiosk.expect("ppk30").press(key::ENTER);
    kiosk.expect("Masukkan password");
    // Nobody types that far ahead: of what comes faster than it is read, a part may be dropped, and keys after it.
    kiosk
        .paste(&"panjang sekali ".repeat(50_000))
        .expect("••••")
        .expect_still_answers()
        .expect_still_answers()
        .press(key::ENTER)
        .expect("tidak sesuai");
    office.pass(60);
    kiosk.paste(PASSWORD).press(key::ENTER);
    kiosk.expect("Selamat datang, Siti");
}

#[test]
fn sighup_rereads_the_settings_and_ends_nobody() {
    let office = Office::new();
    let file = office.path("settings.toml");
    fs::write(&file, "[log]\nlevel = \"info\"\n").unwrap();
    let mut server = office.serve_with(support::free_port(), &["--config", file.to_str().unwrap()]);
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    fs::write(&file, "[ssh]\nsessions_per_source = 1\n").unwrap();
    let logged = server.log().lines().count();
    server.signal("HUP");
    eventually("a line about it", || server.log().lines().count() > logged);
    kiosk.press(key::F2).expect("Welcome, Siti");
    // The new limit holds from now on.
    let second = server.client().option("-T").run();
    assert_ne!(second.status.code(), Some(1), "{}", said(&second));
    // A file that says nonsense changes nothing and ends nothing.
    fs::write(&file, "[ssh]\nsessions = \"banyak\"\n").unwrap();
    let logged = server.log().lines().count();
    server.signal("HUP");
    eventually("a line about it", || server.log().lines().count() > logged);
    kiosk.press(key::F2).expect("Selamat datang, Siti");
    assert!(server.is_running());
}

#[test]
fn the_console_of_the_same_machine_is_served_beside() {
    let port = support::free_port();
    let office = Office::new().with("LPSE_KIOSK_SSH_LISTEN", &format!("127.0.0.1:{port}"));
    let mut console = office.start(&["serve", "--console"], 80, 24);
    console.give_password("penyedia", "CVMAJU", PASSWORD);
    console.expect("CV Maju Bersama");
    let host_key = office.data().join("ssh_host_ed25519_key");
    eventually("the host key", || host_key.exists());
    let mut kiosk = office.client(port).start();
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Selamat datang, Siti");
    // Nothing but the kiosk is on its terminal.
    assert!(!text(&console.raw()).contains("SHA256"));
    // Who logs out at one door sees at the other where from.
    log_out(&mut console);
    log_out(&mut kiosk);
    console.give_password("non-penyedia", "PPK30", PASSWORD);
    console.expect("dari 127.0.0.1");
    kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
    kiosk.expect("dari loket-1");
    console.signal("TERM").expect(CLOSING);
    kiosk.expect(CLOSING);
    kiosk.press("l").press(key::ENTER);
    assert_left(&mut kiosk, "Sesi berakhir karena layanan dimulai ulang.");
    console.press("l").press(key::ENTER);
    assert_eq!(console.wait(), 0);
    assert!(console.modes_are_restored());
    assert_eq!(office.audited("logout", "done"), 4);
}
