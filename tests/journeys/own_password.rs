//! A password of one's own: changed at home on a real terminal, and made at the first login after an officer's
//! one-time password.

use std::fs;

use support::{
    Kiosk, MENU, Office, PASSWORD, Phone, REASON, activate, eventually, key,
    letters::Correspondence, log_out, text,
};

const NEW: &str = "perahu layar 7 biru";
const ONE_TIME: &str = "sementara 4 hari saja";

/// What stands at home and nowhere else.
const HOME: &str = "Login terakhir";

/// From home to the form.
fn open_form(kiosk: &mut Kiosk) {
    kiosk.press("g").expect("Password lama");
}

/// Fills in a field of the form, whose last row then shows as many marks, and leaves it.
fn fill(kiosk: &mut Kiosk, typed: &str) {
    let marks = format!("  {} ", "•".repeat(typed.chars().count()));
    let before = kiosk.text().matches(&marks).count();
    kiosk.press(typed);
    kiosk.expect_that(&format!("expected {typed:?} as marks"), |text| {
        text.matches(&marks).count() == before + 1
    });
    kiosk.press(key::ENTER);
}

/// Empties the field in focus.
fn clear(kiosk: &mut Kiosk) {
    kiosk.press("\x15");
    kiosk.expect_that("expected an empty field in focus", |text| {
        let mut lines = text.lines();
        lines.any(|line| line.contains('▸') && !line.contains('•'))
    });
}

/// The new password twice, which sends the form.
fn fill_new(kiosk: &mut Kiosk, new: &str) {
    fill(kiosk, new);
    fill(kiosk, new);
}

fn issue(office: &Office) {
    let arguments = [
        "user",
        "set-password",
        "PPK30",
        "--type",
        "non-penyedia",
        "--one-time",
        "--reason",
        REASON,
    ];
    let issued = office.command_with(&arguments, ONE_TIME);
    assert!(issued.status.success(), "{}", text(&issued.stderr));
    assert!(text(&issued.stdout).contains("24 hours"));
}

fn audit(office: &Office) -> String {
    fs::read_to_string(office.data().join("audit.jsonl")).unwrap()
}

/// Back at the form for the password of PPK30, from wherever a refused one has left it.
fn password_again(kiosk: &mut Kiosk, password: &str) {
    kiosk.press(key::ESC).expect("Masukkan User ID");
    kiosk.press(key::ENTER).expect("Masukkan password");
    kiosk.press(password).press(key::ENTER);
}

#[test]
fn changed_at_home_the_new_one_opens_the_old_one_is_refused_and_the_owner_is_told() {
    let world = Correspondence::new();
    let office = &world.office;
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect(HOME);
    open_form(&mut kiosk);
    fill(&mut kiosk, PASSWORD);
    kiosk.press("rahma").expect("terlalu pendek");
    kiosk.press("wati").expect("mudah ditebak").press("\x15");
    kiosk.paste(NEW).expect("━━ kuat").press(key::ENTER);
    fill(&mut kiosk, NEW);
    kiosk
        .expect("Password sudah diganti.")
        .expect("Password diganti")
        .expect(HOME);
    let letter = world.letter(1);
    assert!(
        letter.text().contains("PPK30") && letter.text().to_lowercase().contains("password"),
        "{}",
        letter.text()
    );
    assert!(!letter.0.contains(NEW));
    // The login that changed it goes on.
    kiosk.press("a").expect("Aktivitas akun");
    kiosk.press(key::ESC).expect(HOME);
    log_out(&mut kiosk);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("tidak sesuai");
    password_again(&mut kiosk, NEW);
    kiosk.expect(HOME);
    let printed = text(&kiosk.raw());
    assert!(!printed.contains(NEW) && !printed.contains(PASSWORD));
    let stored = office.stored_bytes();
    assert!(!stored.windows(NEW.len()).any(|w| w == NEW.as_bytes()));
}

#[test]
fn the_form_says_what_is_wrong_beside_the_field_and_esc_leaves_it() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect(HOME);
    open_form(&mut kiosk);
    kiosk.press(key::ENTER).press(key::ENTER).press(key::ENTER);
    kiosk.expect("Password lama belum diisi.");
    fill(&mut kiosk, PASSWORD);
    fill_new(&mut kiosk, PASSWORD);
    kiosk.expect("harus berbeda dari yang lama");
    clear(&mut kiosk);
    fill(&mut kiosk, NEW);
    clear(&mut kiosk);
    fill(&mut kiosk, "perahu layar 7 hijau");
    kiosk.expect("tidak sama");
    // Nothing of it waits for whoever comes back.
    kiosk.press(key::ESC).expect(HOME);
    open_form(&mut kiosk);
    kiosk.expect_gone("••••").press(key::ESC).expect(HOME);
}

#[test]
fn a_wrong_present_password_slows_down_and_is_in_the_log() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect(HOME);
    open_form(&mut kiosk);
    fill(&mut kiosk, "bukan yang ini");
    fill_new(&mut kiosk, NEW);
    kiosk.expect("Password lama tidak sesuai.");
    for _ in 0..2 {
        // What was typed as the new one is still there.
        fill(&mut kiosk, "bukan yang ini");
        kiosk.press(key::TAB).press(key::TAB).press(key::ENTER);
        kiosk.expect("Password lama tidak sesuai.");
    }
    kiosk.expect("Coba lagi setelah");
    let log = audit(&office);
    assert!(
        log.contains("change-password") && log.contains("wrong-password"),
        "{log}"
    );
    // The old one still opens.
    office.pass(2);
    kiosk.press(key::ESC).expect(HOME);
    log_out(&mut kiosk);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect(HOME);
}

#[test]
fn every_other_session_of_the_account_ends_at_once_and_the_one_that_changed_it_goes_on() {
    let office = Office::new();
    let server = office.serve();
    let mut mine = server.password_given("non-penyedia", "PPK30");
    let mut other = server.password_given("non-penyedia", "PPK30");
    let mut stranger = server.password_given("penyedia", "CVMAJU");
    for kiosk in [&mut mine, &mut other, &mut stranger] {
        kiosk.expect(HOME);
    }
    open_form(&mut mine);
    fill(&mut mine, PASSWORD);
    fill_new(&mut mine, NEW);
    other.expect("Login ini sudah tidak berlaku");
    mine.expect("Password sudah diganti.");
    for kiosk in [&mut mine, &mut stranger] {
        kiosk.press("a").expect("Aktivitas akun");
    }
    assert_eq!(office.audited("change-password", "done"), 1);
}

#[test]
fn a_login_without_a_fresh_code_is_asked_for_one_and_types_nothing_else_again() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    let phone = activate(&office, &mut kiosk);
    // A login that has shown no code at all is the one that a journey can have: five minutes nobody waits for.
    office.policy("disabled");
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("TOTP tidak diminta");
    office.policy("enabled");
    open_form(&mut kiosk);
    fill(&mut kiosk, PASSWORD);
    fill_new(&mut kiosk, NEW);
    kiosk.expect("Ketik kode yang baru.");
    kiosk
        .press("000000")
        .expect("▸ ▐ Simpan ▌")
        .press(key::ENTER);
    kiosk.expect("Kode tidak diterima.");
    office.pass(2);
    kiosk.expect_gone("Coba lagi setelah");
    kiosk.press(&phone.code(office.clock()));
    kiosk.expect("▸ ▐ Simpan ▌").press(key::ENTER);
    kiosk.expect("Password sudah diganti.");
    // For want of a fresh code, and for a wrong one.
    assert_eq!(office.audited("change-password", "refused"), 2);
}

#[test]
fn a_one_time_password_leads_to_a_password_of_ones_own_and_then_home() {
    let world = Correspondence::new();
    let office = &world.office;
    issue(office);
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("tidak sesuai");
    assert!(world.letter(1).text().contains("24 jam"));
    password_again(&mut kiosk, ONE_TIME);
    kiosk.expect("Buat password Anda sendiri");
    // The officer's again is not one's own, and Esc leads nowhere but to LOGOUT.
    fill_new(&mut kiosk, ONE_TIME);
    kiosk.expect("harus berbeda dari yang lama");
    kiosk.press(key::ESC).expect("▸   LOGOUT ").press(key::UP);
    kiosk
        .press(key::UP)
        .press(key::UP)
        .expect("▸ Password baru");
    clear(&mut kiosk);
    fill(&mut kiosk, NEW);
    clear(&mut kiosk);
    fill(&mut kiosk, NEW);
    kiosk
        .expect("Password sudah diganti.")
        .expect("Ini login pertama Anda");
    world.letter(2);
    log_out(&mut kiosk);
    kiosk
        .give_password("non-penyedia", "PPK30", ONE_TIME)
        .expect("tidak sesuai");
    password_again(&mut kiosk, NEW);
    kiosk.expect(HOME);
}

#[test]
fn code_and_activation_come_before_the_password_of_ones_own() {
    let office = Office::new();
    office.policy("required");
    issue(&office);
    let mut kiosk = office.kiosk();
    kiosk.give_password("non-penyedia", "PPK30", ONE_TIME);
    let phone = Phone::scan(&mut kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("Buat password Anda sendiri");
    // LOGOUT leaves the account as it was: the officer's password, and now a code.
    kiosk.press(key::ESC).expect("▸   LOGOUT ");
    kiosk.press(key::ENTER).expect(MENU);
    office.pass(60);
    kiosk.give_password("non-penyedia", "PPK30", ONE_TIME);
    kiosk.expect("Masukkan kode TOTP");
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("Buat password Anda sendiri");
    fill_new(&mut kiosk, NEW);
    kiosk
        .expect("Password sudah diganti.")
        .expect("DISABLE TOTP");
}

#[test]
fn a_terminal_that_hangs_up_in_the_middle_leaves_the_account_as_it_was() {
    let office = Office::new();
    issue(&office);
    let mut kiosk = office.kiosk();
    kiosk.give_password("non-penyedia", "PPK30", ONE_TIME);
    kiosk.expect("Buat password Anda sendiri");
    fill(&mut kiosk, NEW);
    kiosk.hang_up();
    kiosk.wait();
    let mut kiosk = office.kiosk();
    kiosk
        .give_password("non-penyedia", "PPK30", NEW)
        .expect("tidak sesuai");
    password_again(&mut kiosk, ONE_TIME);
    kiosk.expect("Buat password Anda sendiri");
    assert!(!audit(&office).contains("change-password"));
}

#[test]
fn an_expired_one_time_password_is_refused_like_a_wrong_one() {
    let office = Office::new();
    issue(&office);
    office.pass(24 * 60 * 60);
    let mut kiosk = office.kiosk();
    kiosk
        .give_password("non-penyedia", "PPK30", ONE_TIME)
        .expect("User ID, jenis pengguna, atau password tidak sesuai.");
    eventually("the true reason in the log", || {
        audit(&office).contains("expired-one-time-password")
    });
}
