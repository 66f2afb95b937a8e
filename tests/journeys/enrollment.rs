//! Activation, from the first login to a code of the phone, on a real terminal with a phone that is not ours.

use std::time::Duration;

use support::{Kiosk, Office, Phone, key};

/// A code that the phone certainly does not show.
fn wrong(code: &str) -> String {
    code.chars()
        .map(|digit| char::from(b'0' + (digit as u8 - b'0' + 5) % 10))
        .collect()
}

fn start_enrollment(kiosk: &mut Kiosk) -> Phone {
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    Phone::scan(kiosk)
}

fn log_out_of_qr(kiosk: &mut Kiosk) {
    kiosk
        .press(key::TAB)
        .press(key::TAB)
        .press(key::ENTER)
        .expect("LOGIN");
}

#[test]
fn the_ten_steps_for_both_user_types() {
    let office = Office::new();
    for (user_type, user_id) in [("non-penyedia", "ppk30"), ("penyedia", "CvMaju")] {
        let mut kiosk = office.password_given(user_type, user_id);
        let phone = start_enrollment(&mut kiosk);
        let name = user_id.to_uppercase();
        assert!(
            phone
                .uri
                .starts_with(&format!("otpauth://totp/SPSE:{name}?secret=")),
            "{}",
            phone.uri
        );
        log_out_of_qr(&mut kiosk);
        office.pass(40);
        kiosk
            .give_password(user_type, user_id, support::PASSWORD)
            .expect("Masukkan kode TOTP");
        kiosk.expect("Belum memindai?");
        kiosk
            .press(&phone.code(office.clock()))
            .expect("TOTP aktif.");
        // The key was shown once, and is neither on the disk nor in what was printed after.
        let stored = office.stored_bytes();
        let secret = phone.secret().as_bytes();
        assert!(!stored.windows(secret.len()).any(|window| window == secret));
        kiosk.press("l").press(key::ENTER).expect("LOGIN");
        office.pass(40);
        kiosk
            .give_password(user_type, user_id, support::PASSWORD)
            .expect("Masukkan kode TOTP");
        assert!(
            !kiosk.text().contains("Belum memindai?"),
            "an active key has no way back"
        );
        kiosk
            .press(&phone.code(office.clock()))
            .expect("DISABLE TOTP")
            .expect("Login terakhir");
    }
}

#[test]
fn no_clipboard_of_a_kiosk_keeps_a_key() {
    // The console's own TERM, and one that has a clipboard: nobody takes a kiosk's along.
    for term in ["linux", "xterm-256color"] {
        let office = Office::new().with("TERM", term);
        let mut kiosk = office.kiosk();
        kiosk
            .give_user_id("non-penyedia", "PPK30")
            .press(support::PASSWORD)
            .press(key::ENTER);
        start_enrollment(&mut kiosk);
        assert!(!kiosk.text().contains("C Salin"));
        kiosk.press("c").expect("Kode hanya berisi angka.");
        kiosk.signal("TERM").wait();
        let raw = support::text(&kiosk.raw());
        assert!(
            !raw.contains("\x1b]") && !raw.contains("\x1b[22;2t"),
            "{term}: {raw:?}"
        );
    }
}

#[test]
fn a_phone_in_the_hand_reads_the_qr_alone_and_the_code_closes_it() {
    let office = Office::new();
    let mut kiosk = office.kiosk_of(40, 24);
    kiosk.give_password("non-penyedia", "PPK30", support::PASSWORD);
    kiosk
        .expect("ENABLE TOTP")
        .press(key::ENTER)
        .expect("Tekan Q untuk melihatnya")
        .press("q");
    let phone = Phone::scan(&mut kiosk);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
}

#[test]
fn the_phone_is_proved_at_the_qr_at_once() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let phone = start_enrollment(&mut kiosk);
    let code = phone.code(office.clock());
    kiosk
        .submit_code(&wrong(&code))
        .expect("Kode tidak diterima");
    office.pass(2);
    kiosk
        .expect_gone("Coba lagi setelah")
        .press(&code)
        .expect("TOTP aktif.");
}

#[test]
fn the_enter_behind_the_proving_code_does_not_take_the_offer_of_recovery_codes() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let phone = start_enrollment(&mut kiosk);
    log_out_of_qr(&mut kiosk);
    kiosk.signal("TERM").wait();
    let office = office.where_nobody_reads();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("Masukkan kode TOTP")
        .press(&phone.code(office.clock()))
        .expect("Siapkan kertas dan pena");
    for _ in 0..2 {
        kiosk.press_every(Duration::from_millis(300), key::ENTER);
    }
    kiosk
        .press(key::F2)
        .expect("Have pen and paper ready")
        .expect("Make recovery codes");
    // The next login finds none.
    kiosk.signal("TERM").wait();
    office.pass(60);
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Masukkan kode TOTP");
    assert!(!kiosk.text().contains("kode pemulihan"));
}

#[test]
fn a_qr_that_never_reached_a_phone_is_replaced_and_its_key_is_worth_nothing() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let lost = start_enrollment(&mut kiosk);
    log_out_of_qr(&mut kiosk);
    kiosk
        .give_password("non-penyedia", "PPK30", support::PASSWORD)
        .expect("Belum memindai?");
    kiosk.press(key::UP).press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    assert_ne!(lost.secret(), phone.secret());
    kiosk
        .press(&lost.code(office.clock()))
        .expect("Kode tidak diterima");
    office.pass(2);
    kiosk.expect_gone("Coba lagi setelah");
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
}

#[test]
fn a_pending_activation_survives_a_killed_kiosk() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let phone = start_enrollment(&mut kiosk);
    kiosk.signal("KILL").wait();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("Masukkan kode TOTP")
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    kiosk.signal("KILL").wait();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Masukkan kode TOTP");
    kiosk
        .press(&phone.code(office.clock()))
        .expect("Kode tidak diterima");
}
