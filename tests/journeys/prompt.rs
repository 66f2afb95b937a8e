//! Commands that ask, on a real terminal: passwords are never shown, and the terminal is given back however it ends.

use support::{Kiosk, Office, PASSWORD, REASON};

const CTRL_C: &str = support::key::CTRL_C;

fn ask(office: &Office) -> Kiosk {
    let arguments = [
        "user",
        "add",
        "PPK30",
        "--type",
        "non-penyedia",
        "--name",
        "Siti Rahmawati",
        "--email",
        "siti@contoh.go.id",
    ];
    let mut terminal = office.start(&arguments, 80, 24);
    terminal.expect("Password: ");
    terminal
}

/// Nothing typed was shown, the modes are as before, and the account was not added.
#[track_caller]
fn expect_nothing_left(office: &Office, terminal: &Kiosk) {
    let shown = support::text(&terminal.raw());
    assert!(!shown.contains("kuda"), "{shown:?}");
    assert!(terminal.modes_are_restored(), "{shown:?}");
    assert_eq!(office.command(&["user", "list"]).stdout, b"");
}

#[test]
fn a_password_is_asked_twice_and_never_shown_even_when_it_is_typed_ahead() {
    let office = Office::empty();
    let mut terminal = ask(&office);
    // Both entries at once, as a paste or a fast script gives them.
    terminal.press(&format!("{PASSWORD}\r{PASSWORD}\r"));
    terminal.expect("Password again:").expect("Added");
    assert_eq!(terminal.wait(), 0);
    let shown = support::text(&terminal.raw());
    assert!(!shown.contains("kuda"), "{shown:?}");
    assert!(terminal.modes_are_restored());
}

#[test]
fn two_entries_that_differ_set_nothing() {
    let office = Office::empty();
    let mut terminal = ask(&office);
    terminal.press("kuda hijau 1\rkuda hijau 2\r");
    terminal.expect("the two entries differ");
    assert_eq!(terminal.wait(), 1);
    expect_nothing_left(&office, &terminal);
}

#[test]
fn leaving_a_prompt_gives_the_terminal_back() {
    for (keys, status) in [
        (CTRL_C, 130),
        ("kuda\x03", 130),
        ("kuda hijau\r\x03", 130),
        ("\x04", 1),
    ] {
        let office = Office::empty();
        let mut terminal = ask(&office);
        terminal.press(keys);
        assert_eq!(terminal.wait(), status, "{keys:?}");
        expect_nothing_left(&office, &terminal);
    }
}

#[test]
fn a_signal_at_a_prompt_gives_the_terminal_back() {
    for (signal, status) in [("TERM", 143), ("HUP", 129)] {
        let office = Office::empty();
        let mut terminal = ask(&office);
        terminal.press("kuda");
        // Looked at between typing and signal, so that the letters reach the terminal while it is still silenced.
        assert!(!terminal.echoes());
        terminal.signal(signal);
        assert_eq!(terminal.wait(), status, "{signal}");
        expect_nothing_left(&office, &terminal);
    }
}

#[test]
fn removing_is_asked_about() {
    let office = Office::new();
    let remove = [
        "user",
        "remove",
        "ppk30",
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ];
    for (answer, status, left) in [("\r", 1, 2), ("n\r", 1, 2), ("y\r", 0, 1)] {
        let mut terminal = office.start(&remove, 80, 24);
        terminal.expect("Remove non-penyedia PPK30 (Siti Rahmawati)? [y/N]");
        terminal.press(answer);
        assert_eq!(terminal.wait(), status, "{answer:?}");
        let listed = office.command(&["user", "list"]).stdout;
        assert_eq!(support::text(&listed).lines().count(), left, "{answer:?}");
    }
}
