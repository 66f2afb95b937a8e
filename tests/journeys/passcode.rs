//! The code at login: right, wrong, spent, waiting.

use support::{Kiosk, Office, PASSWORD, Phone, REASON, key, screen::large_code};

const REJECTED: &str = "Kode tidak diterima. Periksa:";

/// An office whose PPK30 has an active phone, and a kiosk at the menu, just after a code was spent.
fn activated() -> (Office, Phone, Kiosk) {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    (office, phone, kiosk)
}

#[test]
fn a_spent_code_is_refused_in_the_same_words_as_a_wrong_one() {
    let (office, phone, mut kiosk) = activated();
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk
        .press(&phone.code(office.clock()))
        .expect(REJECTED)
        .expect("Kode berikutnya 25 detik lagi");
    let spent = kiosk.text();
    office.pass(2);
    kiosk.expect_gone("Coba lagi setelah");
    kiosk
        .submit_code(&phone.code(office.clock() - 900))
        .expect(REJECTED);
    let wrong = kiosk.text();
    let words = |text: &str| {
        text.lines()
            .map(str::trim)
            .filter(|l| l.starts_with('✗') || l.starts_with('-'))
            .filter(|line| !line.contains("detik"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&spent), words(&wrong));
    office.pass(60);
    kiosk.expect_gone("Coba lagi setelah");
    kiosk
        .press(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
}

#[test]
fn a_right_code_that_is_typed_during_a_wait_is_sent_by_itself() {
    let (office, phone, mut kiosk) = activated();
    // Right after a login the code of the phone is spent, and that is said before anybody types it.
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP")
        .expect("Kode yang baru dipakai tidak berlaku lagi.");
    office.pass(60);
    kiosk
        .submit_code(&phone.code(office.clock() - 900))
        .expect(REJECTED);
    // The service's clock stands still but for this; the countdown on the screen goes on.
    office.pass(30);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
}

#[test]
fn the_window_is_one_step_either_side_and_pasted_codes_are_read() {
    let (office, phone, mut kiosk) = activated();
    for (drift, accepted) in [(-60, false), (-30, true), (30, true), (60, false)] {
        office.pass(300);
        kiosk
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Masukkan kode TOTP");
        let code = phone.code(office.clock() + drift);
        kiosk.paste(&format!(" {}-{}\n", &code[..3], &code[3..]));
        if accepted {
            kiosk
                .expect("DISABLE TOTP")
                .press("l")
                .press(key::ENTER)
                .expect("LOGIN");
        } else {
            kiosk.expect(REJECTED).press(key::ESC).expect("LOGIN");
        }
    }
}

#[test]
fn an_empty_or_short_code_costs_no_attempt() {
    let (office, phone, mut kiosk) = activated();
    office.pass(300);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk.press(key::ENTER).expect("Kode belum diisi.");
    kiosk
        .press("12 3-")
        .press(key::ENTER)
        .expect("Kode terdiri dari 6 digit.");
    kiosk.press("\x15").press("１２３");
    kiosk
        .expect(&large_code("123"))
        .press("\x15")
        .expect(&large_code(""));
    let code = phone.code(office.clock());
    let wide: String = code
        .chars()
        .map(|digit| char::from_u32('０' as u32 + digit as u32 - '0' as u32).unwrap())
        .collect();
    kiosk.press(&wide).expect("DISABLE TOTP");
    let shown = office_user(&office, &mut kiosk);
    assert_eq!(shown["passcode_failures"], 0);
}

fn office_user(office: &Office, kiosk: &mut Kiosk) -> serde_json::Value {
    kiosk.signal("TERM").wait();
    let shown = office.command(&["user", "show", "PPK30", "--type", "non-penyedia", "--json"]);
    serde_json::from_slice(&shown.stdout)
        .unwrap_or_else(|_| panic!("{}", support::text(&shown.stderr)))
}

#[test]
fn failures_wait_longer_and_longer_over_a_restart_and_a_clock_set_back() {
    let (office, phone, mut kiosk) = activated();
    office.pass(300);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    for (number, wait) in [(1, 1), (2, 1), (3, 3)] {
        kiosk
            .submit_code(&phone.code(office.clock() - 3_000))
            .expect(REJECTED);
        kiosk.expect(&format!("setelah {wait} detik"));
        office.pass(wait);
        if number < 3 {
            kiosk.expect_gone("Coba lagi setelah");
        }
    }
    office.pass(-2);
    kiosk.signal("KILL").wait();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("Masukkan kode TOTP");
    // Right, but too early: not judged, and not spent by it.
    kiosk
        .press(&phone.code(office.clock()))
        .expect("setelah 2 detik");
    office.pass(2);
    kiosk
        .expect_gone("Coba lagi setelah")
        .press(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    // The clock goes back by an hour, as one that was ahead is corrected: a code of that hour is good, once.
    let ahead = phone.code(office.clock());
    office.pass(-3600);
    let now = phone.code(office.clock());
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk.press(&now).expect("DISABLE TOTP");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    // The log has records of that hour, so it may be the office's clock that is wrong.
    kiosk
        .press(&now)
        .expect("Kode tidak diterima. Jam kantor ini mungkin salah");
    // What was used by the clock ahead is spent when its hour comes.
    office.pass(3600);
    kiosk.submit_code(&ahead).expect(REJECTED);
}

#[test]
fn disabling_asks_once_more_and_the_old_keys_codes_are_worth_nothing() {
    let (office, old, mut kiosk) = activated();
    office.pass(60);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk
        .press(&old.code(office.clock()))
        .expect("DISABLE TOTP")
        .press("d")
        .press(key::ENTER);
    // What costs nothing is in focus: Enter alone changes nothing.
    kiosk
        .expect("Nonaktifkan TOTP")
        .press(key::ENTER)
        .expect("Login terakhir");
    kiosk
        .press("d")
        .press(key::ENTER)
        .expect("Nonaktifkan TOTP")
        .press("d")
        .press(key::ENTER)
        .expect("TOTP sudah dinonaktifkan.");
    office.pass(60);
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let new = Phone::scan(&mut kiosk);
    assert_ne!(old.secret(), new.secret());
    kiosk
        .press(&old.code(office.clock()))
        .expect("Kode tidak diterima");
    office.pass(1);
    kiosk
        .expect_gone("Coba lagi setelah")
        .press(&new.code(office.clock()))
        .expect("TOTP aktif.");
}

#[test]
fn a_hundred_failures_hold_the_authenticator_until_it_is_reset() {
    let (office, phone, mut kiosk) = activated();
    office.pass(300);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    for number in 1..=100 {
        let wrong = phone.code(office.clock() - 3_000);
        kiosk.submit_code(&wrong);
        if number < 100 {
            kiosk.expect("Coba lagi setelah");
        } else {
            kiosk.expect("diblokir sampai di-reset");
            break;
        }
        // The screen counts down in real time; a fresh login meets the moved clock at once.
        office.pass(3_600);
        kiosk.press(key::ESC).expect("LOGIN");
        kiosk
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Masukkan kode TOTP");
    }
    kiosk.signal("TERM").wait();
    let reset = office.command(&[
        "user",
        "reset-totp",
        "PPK30",
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ]);
    assert!(reset.status.success());
    office
        .password_given("non-penyedia", "PPK30")
        .expect("ENABLE TOTP");
}
