//! Logging in with User ID and password, by hand and by programs that type for people.

use std::time::Duration;

use support::{Office, PASSWORD, activate, key};

const REJECTED: &str = "User ID, jenis pengguna, atau password tidak sesuai.";

#[test]
fn both_user_types_log_in_and_out() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk.give_password("non-penyedia", " ppk30", PASSWORD);
    kiosk
        .expect("Selamat datang, Siti Rahmawati")
        .expect("Ini login pertama Anda");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    office.pass(60);
    kiosk
        .give_password("penyedia", "CVMAJU", PASSWORD)
        .expect("CV Maju Bersama");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("13 Agustus 2020 08:53 WIB, dari loket-1");
}

#[test]
fn wrong_id_wrong_type_and_wrong_password_get_the_same_screens() {
    let office = Office::new();
    let mut seen = Vec::new();
    for (user_type, user_id, password) in [
        ("non-penyedia", "PPK30", "kuda merah di awan 9"),
        ("penyedia", "PPK30", PASSWORD),
        ("non-penyedia", "PPK31", PASSWORD),
    ] {
        let mut kiosk = office.kiosk();
        kiosk
            .give_password(user_type, user_id, password)
            .expect(REJECTED);
        let text = kiosk
            .text()
            .replace(user_id, "ID")
            .replace("NON PENYEDIA", "PENYEDIA");
        seen.push(
            text.lines()
                .filter(|line| !line.contains("Total Pengunjung"))
                // The panel's side stands where it stands, however long the ID is.
                .map(|line| line.trim_end_matches(['│', ' ']))
                .collect::<Vec<_>>()
                .join("\n"),
        );
        kiosk.signal("TERM").wait();
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[test]
fn repeated_failures_wait_on_the_screen_and_a_restart_does_not_shorten_it() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("ENABLE TOTP")
        .press("l")
        .press(key::ENTER)
        .expect("LOGIN");
    kiosk
        .give_password("non-penyedia", "PPK30", "salah salah 1")
        .expect(REJECTED);
    for _ in 0..4 {
        office.pass(30);
        kiosk.submit_password("salah lagi").expect(REJECTED);
    }
    kiosk.expect("Coba lagi setelah");
    kiosk.signal("KILL").wait();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Coba lagi setelah");
    assert!(!kiosk.text().contains("Selamat datang, Siti"));
    office.pass(30);
    let mut kiosk = {
        drop(kiosk);
        office.password_given("non-penyedia", "PPK30")
    };
    kiosk.expect("Selamat datang, Siti");
}

#[test]
fn a_strangers_failures_elsewhere_do_not_keep_the_owner_out() {
    let office = Office::new();
    let mut stranger = office.kiosk();
    stranger
        .give_password("non-penyedia", "PPK30", "salah salah 1")
        .expect(REJECTED);
    for _ in 0..3 {
        office.pass(60);
        stranger.submit_password("salah lagi").expect(REJECTED);
    }
    stranger.signal("TERM").wait();
    let elsewhere = office.with("LPSE_KIOSK_KIOSK_TERMINAL", "loket-2");
    elsewhere
        .password_given("non-penyedia", "PPK30")
        .expect("Selamat datang, Siti");
}

#[test]
fn forms_say_what_is_wrong_beside_the_field() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk
        .expect("LOGIN")
        .press(key::ENTER)
        .expect("Login sebagai")
        .press(key::ENTER);
    kiosk
        .expect("Masukkan User ID")
        .press(key::ENTER)
        .expect("User ID belum diisi.");
    kiosk
        .press("ab")
        .press(key::ENTER)
        .expect("3 sampai 32 karakter");
    kiosk
        .press("/")
        .press(key::ENTER)
        .expect("hanya berisi huruf A-Z");
    kiosk
        .press("\x15")
        .press("ppk30")
        .press(key::ENTER)
        .expect("Masukkan password");
    kiosk.press(key::ENTER).expect("Password belum diisi.");
    kiosk
        .press(key::ESC)
        .expect("Masukkan User ID")
        .expect("PPK30");
    kiosk
        .press(key::TAB)
        .press("r")
        .press(key::ENTER)
        .expect("Temui petugas LPSE");
    kiosk
        .press(key::ESC)
        .expect("Masukkan User ID")
        .press(key::ESC)
        .expect("Login sebagai");
    kiosk.press(key::ESC).expect("Pakta Integritas");
}

#[test]
fn the_language_switches_anywhere_and_keeps_what_was_typed() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    kiosk
        .expect("LOGIN")
        .press(key::ENTER)
        .expect("Login sebagai")
        .press(key::ENTER);
    kiosk
        .expect("Masukkan User ID")
        .press("cvma")
        .press(key::F2)
        .expect("Enter your User ID")
        .expect("cvma");
    kiosk
        .press("ju")
        .press(key::ENTER)
        .expect("Enter your password")
        .press(key::F2)
        .expect("Masukkan password");
    kiosk
        .press(key::F1)
        .expect("Bantuan")
        .press(key::ESC)
        .expect("Masukkan password");
    kiosk
        .press(key::F3)
        .expect("SPSE, sistem pengadaan")
        .press(key::ESC)
        .expect("Masukkan password");
    kiosk
        .press(PASSWORD)
        .press(key::ENTER)
        .expect("CV Maju Bersama");
}

/// How fast programs type: all at once, or with so many milliseconds before each key.
const PACES: [u64; 4] = [0, 1, 3, 10];

#[test]
fn a_program_that_types_it_all_ahead_logs_in_and_does_nothing_more() {
    let office = Office::new();
    let phone = activate(&office, &mut office.kiosk());
    let office = office.where_nobody_reads();
    for pace in PACES.map(Duration::from_millis) {
        let mut kiosk = office.kiosk();
        kiosk.at_user_id("non-penyedia");
        let code = phone.code(office.clock());
        kiosk
            .press_every(pace, &format!("ppk30\r{PASSWORD}\r{code}\r"))
            .expect("Login terakhir");
        // Nor does the Enter that people send a moment later.
        kiosk.press_every(Duration::from_millis(300), key::ENTER);
        kiosk.press(key::F2).expect("Last login");
        kiosk.signal("TERM").wait();
        office.pass(60);
    }
}

#[test]
fn what_is_typed_behind_a_wrong_password_or_user_id_goes_nowhere() {
    let office = Office::new().where_nobody_reads();
    for pace in PACES.map(Duration::from_millis) {
        let mut kiosk = office.kiosk();
        kiosk.at_user_id("non-penyedia");
        kiosk
            .press_every(pace, "ppk30\rsalah salah 1\r123456\r")
            .expect(REJECTED);
        kiosk.press(key::F2).expect("Enter your password");
        assert!(!kiosk.text().contains('•'), "{}", kiosk.text());
        kiosk.signal("TERM").wait();
        office.pass(60);
        let mut kiosk = office.kiosk();
        kiosk.at_user_id("non-penyedia");
        kiosk
            .press_every(pace, &format!("p\r{PASSWORD}\r123456\r"))
            .expect("3 sampai 32 karakter");
        kiosk.press(key::F2).expect("Enter your User ID");
        let text = kiosk.text().to_lowercase();
        assert!(!text.contains("kuda") && !text.contains("123456"), "{text}");
        kiosk.signal("TERM").wait();
    }
    // Each was one try and no more.
    office
        .password_given("non-penyedia", "PPK30")
        .expect("Selamat datang, Siti");
}

#[test]
fn neither_password_nor_typed_letters_are_ever_printed() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP");
    let printed = support::text(&kiosk.raw());
    assert!(!printed.contains("awan") && !printed.contains(PASSWORD));
    let stored = support::text(&office.stored_bytes());
    assert!(!stored.contains(PASSWORD));
}

#[test]
fn wrong_passwords_of_a_clock_that_was_ahead_make_nobody_wait_for_it() {
    let office = Office::new();
    let morning = office.clock();
    office.pass(7 * 60 * 60);
    for number in 0..6 {
        office.pass(2);
        let mut kiosk = office.kiosk();
        let user_id = format!("ASING{number}");
        kiosk
            .give_password("non-penyedia", &user_id, "salah sekali")
            .expect(REJECTED);
        office.pass(2);
        kiosk.submit_password("salah lagi").expect(REJECTED);
        kiosk.signal("TERM").wait();
    }
    office.set_clock(morning);
    // Not even for the terminal: what others typed there makes nobody wait.
    office
        .password_given("non-penyedia", "PPK30")
        .expect("Selamat datang");
}
