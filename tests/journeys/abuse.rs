//! What people, cats and hostile terminals do to a kiosk.

use support::{Kiosk, Office, key};

/// Whether the kiosk still serves: a whole login works.
fn assert_still_serves(office: &Office, kiosk: &mut Kiosk) {
    kiosk.resize(80, 24);
    // Esc by Esc back to the menu, and to Indonesian.
    for _ in 0..6 {
        kiosk.press(key::ESC).expect_still_answers();
    }
    if kiosk.text().contains("F2 Indonesia") {
        kiosk.press(key::F2);
    }
    kiosk.expect("Layanan login dan TOTP").press("\x1b[H");
    kiosk
        .give_password("penyedia", "CVMAJU", support::PASSWORD)
        .expect("CV Maju Bersama");
    let log = std::fs::read_to_string(office.data().join("lpse-kiosk.log")).unwrap();
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn a_novel_pasted_into_every_field_breaks_nothing() {
    let office = Office::new();
    let novel = "Pada suatu hari, \x1b[2J seorang penyedia … 漢字 \u{202e}\n".repeat(20_000);
    let mut kiosk = office.kiosk();
    kiosk
        .expect("LOGIN")
        .paste(&novel)
        .press(key::ENTER)
        .expect("Login sebagai");
    kiosk
        .paste(&novel)
        .press(key::ENTER)
        .expect("Masukkan User ID");
    kiosk
        .paste(&novel)
        .expect("seorang penyedia")
        .press(key::ENTER)
        .expect("hanya berisi huruf");
    kiosk
        .press("\x15ppk30")
        .press(key::ENTER)
        .expect("Masukkan password");
    kiosk
        .paste(&novel)
        .expect("•••")
        .press(key::ENTER)
        .expect("tidak sesuai");
    assert_still_serves(&office, &mut kiosk);
}

#[test]
fn a_storm_of_resizes_and_tiny_windows_break_nothing() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("ENABLE TOTP")
        .press(key::ENTER)
        .expect("Kunci ini");
    for (columns, rows) in [
        (20, 5),
        (1, 1),
        (300, 100),
        (79, 23),
        (2, 60),
        (200, 2),
        (80, 24),
        (40, 12),
    ] {
        kiosk
            .resize(columns, rows)
            .press(key::F2)
            .press(key::F1)
            .press(key::ESC);
    }
    kiosk.resize(40, 12).expect("_ _ _  _ _ _");
    assert_still_serves_after_qr(&office, &mut kiosk);
}

fn assert_still_serves_after_qr(office: &Office, kiosk: &mut Kiosk) {
    kiosk
        .resize(80, 24)
        .expect("Kunci ini")
        .press(key::ESC)
        .expect("Login terakhir")
        .press("l")
        .press(key::ENTER);
    assert_still_serves(office, kiosk);
}

#[test]
fn a_held_key_and_escape_garbage_break_nothing() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk
        .expect("LOGIN")
        .press(&"x".repeat(100_000))
        .press(key::ENTER)
        .expect("Login sebagai");
    kiosk
        .press(key::ENTER)
        .expect("Masukkan User ID")
        .press(&"a".repeat(100_000))
        .expect("aaaa");
    let garbage: [&[u8]; 7] = [
        b"\x1b[200~never ended",
        b"\x1b]0;title never ended",
        b"\x1bP",
        b"\x1b[999999999999999999999;",
        &[0xff; 5000],
        b"\x1b\x1b\x1b[[[[[",
        b"\x1b[<0;1;1M\x1b[M !!\x1b[I\x1b[O\x1b[?62c",
    ];
    for bytes in garbage {
        kiosk.send(bytes);
        // The keyboard answers again once the garbage is over; a key in its middle may be taken for a part of it.
        kiosk.expect_still_answers();
    }
    assert_still_serves(&office, &mut kiosk);
}

#[test]
fn what_others_write_on_the_terminal_goes_with_the_next_whole_drawing() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    // The last part of a visit's screens that comes.
    kiosk.expect("ENABLE TOTP").expect("Total Pengunjung: 1");
    kiosk.is_disturbed_until(|kiosk| {
        kiosk.press(key::CTRL_L);
    });
    // The window has the size that it had: dtach and others tell so when somebody comes back.
    kiosk.is_disturbed_until(|kiosk| {
        kiosk.signal("WINCH");
    });
    // With the cursor in a field, where Ctrl-L types nothing.
    support::log_out(&mut kiosk);
    kiosk.give_user_id("non-penyedia", "PPK30");
    kiosk.press("kuda").expect("Total Pengunjung: 2");
    kiosk.expect("••••");
    kiosk.is_disturbed_until(|kiosk| {
        kiosk.press(key::CTRL_L);
    });
}

#[test]
fn a_terminal_is_taken_and_left_with_its_modes_as_they_usually_are() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk.expect("LOGIN").overwrite("\x1b=\x1b[?1h\x1b[?1000h");
    kiosk.expect_screen("modes of another program", |screen| {
        screen.application_keypad() && screen.application_cursor()
    });
    kiosk.signal("TERM");
    assert_eq!(kiosk.wait(), 0);
    let usual = |screen: &vt100::Screen| {
        !screen.application_keypad()
            && !screen.application_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    };
    kiosk.expect_screen("the usual modes", usual);
}

#[test]
fn esc_with_a_key_at_once_is_nothing_and_a_keypad_types_its_digits() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    kiosk.expect("Kunci ini");
    // Esc and Enter in one packet, arrows with Alt, reports of the mouse and of focus.
    for nothing in [
        "\x1b\r",
        "\x1b\x1b[D",
        "\x1b[M !!",
        "\x1b[I",
        "\x1b[<0;4;4M",
    ] {
        kiosk.press(nothing);
    }
    // Four digits of the keypad in application mode, and one by its number.
    kiosk
        .press("\x1bOp\x1bOq\x1bOr\x1bOy\x1b[27;1;53~")
        .expect("0 1 2  9 5 _");
    assert!(kiosk.text().contains("Kunci ini"));
}
