//! Training mode's ten things to try, each ticked off when it is done, by somebody who does what the line says.

use support::{Kiosk, MENU, Office, Phone, key, letters::SECURITY_CODE, log_out};

/// The line that proposes the thing of this number, behind a tick for each before it.
fn proposes(kiosk: &mut Kiosk, number: usize, words: &str) {
    let ticks = "✓".repeat(number - 1) + &"·".repeat(11 - number);
    kiosk.expect(&format!("{ticks} Coba {number}/10: {words}"));
}

/// From the menu to the password of a sample account.
fn log_in(kiosk: &mut Kiosk, user_type: &str, user_id: &str, password: &str) {
    kiosk
        .expect(MENU)
        .give_password(user_type, user_id, password);
}

fn log_in_as_ppk30(kiosk: &mut Kiosk) {
    log_in(kiosk, "non-penyedia", "PPK30", "mangga-manis-30");
}

/// Brings the key on the screen to a phone, and proves it.
fn activate(kiosk: &mut Kiosk, office: &Office) -> Phone {
    let phone = Phone::scan(kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    phone
}

#[test]
fn ten_things_to_try_are_proposed_and_ticked_off_and_the_end_says_what_next() {
    let office = Office::empty().with("LPSE_TEST_SECURITY_CODE", "0");
    let mut kiosk = office.start(&["demo"], 80, 24);
    proposes(&mut kiosk, 1, "LOGIN, NON PENYEDIA, PPK30, mangga-manis-30");
    log_in_as_ppk30(&mut kiosk);
    proposes(&mut kiosk, 2, "ENABLE TOTP");
    kiosk.press(key::ENTER);
    let phone = activate(&mut kiosk, &office);
    proposes(&mut kiosk, 3, "Buat kode pemulihan");
    kiosk.press(key::ENTER).expect("Sudah saya catat");
    proposes(&mut kiosk, 4, "LOGOUT, login PPK30 lagi");
    let is_code = |word: &&str| word.split('-').map(str::len).eq([4, 4, 4]);
    let shown = kiosk.text();
    let code = shown.split_whitespace().find(is_code).unwrap().to_owned();
    kiosk.press(key::ENTER).expect("Semua sudah tercatat?");
    kiosk
        .press("y")
        .press(key::ENTER)
        .expect("Kode pemulihan siap dipakai");
    log_out(&mut kiosk);
    office.pass(60);
    log_in_as_ppk30(&mut kiosk);
    kiosk.expect("Masukkan kode TOTP");
    kiosk.submit_code(&phone.code(office.clock()));
    proposes(
        &mut kiosk,
        5,
        "LOGOUT, login PPK30 lagi: Pakai kode pemulihan",
    );
    log_out(&mut kiosk);
    log_in_as_ppk30(&mut kiosk);
    kiosk.expect("Masukkan kode TOTP").press("\t\t");
    kiosk
        .press(key::ENTER)
        .expect("Masukkan kode pemulihan")
        .press(&code)
        .press(key::ENTER);
    proposes(
        &mut kiosk,
        6,
        "Reset TOTP? di login PPK30, ppk30@contoh.go.id",
    );
    log_out(&mut kiosk);
    kiosk
        .at_user_id("non-penyedia")
        .press("ppk30\t\t")
        .press(key::ENTER)
        .expect("Permintaan Reset TOTP")
        .press("ppk30@contoh.go.id\t\t")
        .press(SECURITY_CODE)
        .expect(SECURITY_CODE)
        .press(key::ENTER)
        .expect("Permintaan sudah diterima");
    proposes(&mut kiosk, 7, "Kotak Masuk: buka e-mail, tekan K, lalu OK");
    kiosk.press("k").press(key::ENTER).expect("Konfirmasi");
    kiosk.press(key::ENTER).expect("K  Konfirmasi Reset TOTP");
    kiosk.press("k").expect("Tempel tautan").press(key::ENTER);
    kiosk.expect("Reset TOTP akun ini?").press("o");
    kiosk.press(key::ENTER).expect("Reset TOTP selesai");
    proposes(
        &mut kiosk,
        8,
        "login NON PENYEDIA, PETUGAS1, batik-tulis-solo-1",
    );
    kiosk.press(key::ESC);
    log_in(&mut kiosk, "non-penyedia", "PETUGAS1", "batik-tulis-solo-1");
    activate(&mut kiosk, &office);
    // Where a second phone is offered there is no room for more.
    kiosk
        .expect("Tambahkan ponsel kedua sekarang")
        .press(key::ESC);
    kiosk.expect("Buat kode pemulihan");
    proposes(&mut kiosk, 9, "cari ppk30, panah bawah, Enter");
    kiosk.press(key::ESC).expect("Meja petugas");
    kiosk.press("ppk30").expect("1 akun").press(key::DOWN);
    kiosk.expect("▸ PPK30").press(key::ENTER);
    proposes(&mut kiosk, 10, "PENYEDIA, CVMAJU, perahu-layar-biru");
    kiosk.press(key::ESC).expect("Meja petugas");
    log_out(&mut kiosk);
    log_in(&mut kiosk, "penyedia", "CVMAJU", "perahu-layar-biru");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    activate(&mut kiosk, &office);
    kiosk.press(key::ESC).expect("DISABLE TOTP").press("d");
    kiosk
        .press(key::ENTER)
        .expect("Nonaktifkan TOTP")
        .press("d");
    kiosk
        .press(key::ENTER)
        .expect("TOTP sudah dinonaktifkan.")
        .expect("Selesai: login, aktivasi")
        .expect("Untuk sungguhan: lpse-kiosk user add, lalu lpse-kiosk serve.");
    kiosk.press(key::CTRL_C);
    assert_eq!(kiosk.wait(), 0);
}
