//! Every way a session ends: the screen is cleared, the terminal comes back, and nothing is remembered.

use support::{Kiosk, Office, key};

fn assert_left_clean(kiosk: &Kiosk) {
    let raw = support::text(&kiosk.raw());
    let end = &raw[raw.rfind("\x1b[?2004l").expect("paste mode is reset")..];
    assert!(
        end.contains("\x1b[?25h") && end.contains("\x1b[2J") && end.contains("\x1b[3J"),
        "{end:?}"
    );
    assert!(
        kiosk.modes_are_restored(),
        "the terminal's modes are as before"
    );
    assert_eq!(kiosk.text().trim(), "", "nothing is left on the screen");
}

#[test]
fn sigterm_sighup_and_sigint_wipe_restore_and_leave() {
    for signal in ["TERM", "HUP", "INT"] {
        let office = Office::new();
        let mut kiosk = office.password_given("non-penyedia", "PPK30");
        kiosk.expect("Selamat datang, Siti").signal(signal);
        assert_eq!(kiosk.wait(), 0, "SIG{signal}");
        kiosk.expect_that("an empty screen", |text| text.trim().is_empty());
        assert_left_clean(&kiosk);
    }
}

#[test]
fn keys_that_stop_other_programs_are_only_keys() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    kiosk
        .press(key::CTRL_C)
        .press(key::CTRL_Z)
        .press(key::CTRL_BACKSLASH)
        .press("\x13\x11\x04");
    kiosk.press(key::F2).expect("Welcome, Siti");
    assert!(kiosk.is_running());
}

#[test]
fn the_demo_leaves_on_ctrl_c_and_leaves_no_folder() {
    let office = Office::empty();
    let folder = office.path("tmp");
    std::fs::create_dir(&folder).unwrap();
    let office = office.with("TMPDIR", folder.to_str().unwrap());
    let mut demo = office.start(&["demo"], 80, 24);
    demo.expect("[MODE LATIHAN]").expect("mangga-manis-30");
    demo.give_password("non-penyedia", "ppk30", "mangga-manis-30")
        .expect("Selamat datang, Siti");
    demo.press(key::CTRL_C);
    assert_eq!(demo.wait(), 0);
    assert!(demo.modes_are_restored());
    // A newcomer's terminal is borrowed: its scroll-back is not ours to clear.
    let raw = support::text(&demo.raw());
    assert!(
        raw.contains("\x1b[?1049l") && !raw.contains("\x1b[3J"),
        "{raw:?}"
    );
    // Its window has a title meanwhile, and then the one from before.
    for (sequence, times) in [
        ("\x1b[22;2t", 1),
        (" - lpse-kiosk\x1b\\", 1),
        ("\x1b[23;2t", 1),
    ] {
        assert_eq!(
            raw.matches(sequence).count(),
            times,
            "{sequence:?} in {raw:?}"
        );
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "the demo's folder is removed"
    );
}

#[test]
fn a_hang_up_ends_the_program() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti").hang_up();
    kiosk.wait();
}

#[test]
fn an_idle_login_is_warned_and_logged_out_and_a_key_prolongs_it() {
    let office = Office::new()
        .with("LPSE_KIOSK_KIOSK_IDLE_SECONDS", "20")
        .with("LPSE_KIOSK_KIOSK_WARNING_SECONDS", "18");
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Masih di sini?").expect("detik");
    kiosk
        .press(key::ENTER)
        .expect_gone("Masih di sini?")
        .expect("Selamat datang, Siti");
    kiosk
        .expect("Masih di sini?")
        .expect("Layanan login dan TOTP");
    assert!(!kiosk.text().contains("Siti"));
}

#[test]
fn a_half_typed_form_is_wiped() {
    let office = Office::new().with("LPSE_KIOSK_KIOSK_HALF_TYPED_SECONDS", "10");
    let mut kiosk = office.kiosk();
    kiosk
        .expect("LOGIN")
        .press(key::F2)
        .expect("Welcome")
        .press(key::ENTER)
        .expect("Log in as")
        .press(key::ENTER);
    kiosk
        .expect("Enter your User ID")
        .press("rahasia-saya")
        .expect("rahasia-saya");
    kiosk
        .expect("Still there?")
        .expect("Selamat datang")
        .expect("Layar dibersihkan karena tidak ada tombol yang ditekan.");
    assert!(!kiosk.text().contains("rahasia-saya"));
    kiosk
        .press(key::ENTER)
        .expect("Login sebagai")
        .press(key::ENTER)
        .expect("Masukkan User ID");
    assert!(!kiosk.text().contains("rahasia-saya"));
}

#[test]
fn logging_out_clears_screen_and_scroll_back() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    let before = kiosk.raw().len();
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    let after = support::text(&kiosk.raw()[before..]);
    assert!(after.contains("\x1b[2J\x1b[3J"), "{after:?}");
}

#[test]
fn a_fault_in_the_screens_leads_back_to_a_fresh_menu_without_a_word_of_it() {
    let office = Office::new().with("LPSE_TEST_PANIC_AT_F12", "1");
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Selamat datang, Siti");
    kiosk.press("\x1b[24~").expect("Layanan login dan TOTP");
    assert!(!support::text(&kiosk.raw()).contains("panicked"));
    kiosk
        .give_password("non-penyedia", "PPK30", support::PASSWORD)
        .expect("Selamat datang, Siti");
    let log = std::fs::read_to_string(office.data().join("lpse-kiosk.log")).unwrap();
    assert!(
        log.contains("a panic") && log.contains("src/session/mod.rs"),
        "{log}"
    );
    for _ in 0..4 {
        kiosk.press_and_see("\x1b[24~");
    }
    assert_eq!(kiosk.wait(), 70, "again and again is given up");
    assert!(kiosk.modes_are_restored());
}
