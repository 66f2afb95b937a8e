//! Account activity at home: what happened, from where, and what was refused.

use support::{Office, PASSWORD, activate, key, log_out};

#[test]
fn a_refused_code_and_what_was_done_are_there_for_their_owner_to_see() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    let phone = activate(&office, &mut kiosk);
    // Somebody knows the password, and not the code.
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Masukkan kode TOTP");
    kiosk.submit_code("000000").expect("Kode tidak diterima");
    kiosk.press(key::ESC).expect(support::MENU);
    office.pass(60);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Masukkan kode TOTP");
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    kiosk.press("a").expect("Aktivitas akun");
    kiosk
        .expect("13 Agustus 2020")
        .expect("08:55 WIB Login, dari loket-1")
        .expect("08:54 WIB ✗ Kode TOTP ditolak, dari loket-1")
        .expect("TOTP diaktifkan, dari loket-1")
        .expect("Laporkan kepada petugas LPSE Kota Contoh: akun PPK30");
    kiosk
        .press(key::F2)
        .expect("TOTP code refused, from loket-1");
    kiosk.press(key::F2).expect("Kode TOTP ditolak");
    // The list narrows by the words that it shows, and what leads elsewhere is but a letter meanwhile.
    kiosk
        .press("/")
        .expect("Cari")
        .press("ditolak loket")
        .expect("1 dari")
        .expect_gone("08:55 WIB Login");
    kiosk.press(key::ESC).expect("08:55 WIB Login");
    // From here straight to what helps.
    kiosk.press("g").expect("Password lama").press(key::ESC);
    kiosk.expect("DISABLE TOTP");
    log_out(&mut kiosk);
}

#[test]
fn it_shows_what_was_done_since_home_was_opened() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP");
    // A key is made, and left alone.
    kiosk.press(key::ENTER).expect("Aktivasi TOTP");
    kiosk.press(key::ESC).expect("Menunggu pembuktian");
    kiosk.press("a").expect("Aktivitas akun");
    kiosk.expect("Kunci TOTP baru dibuat, dari loket-1");
    kiosk.press(key::ESC).expect("Menunggu pembuktian");
    log_out(&mut kiosk);
}
