//! A second phone, from the button at home to a code of either, and how one of them goes.

use support::{Kiosk, Office, PASSWORD, Phone, key, letters::Correspondence, log_out, text};

/// From the menu to home, by a code of `phone`.
fn logs_in(kiosk: &mut Kiosk, office: &Office, phone: &Phone) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP")
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
}

/// The phones of PPK30, as the command line tells of them.
fn phones(office: &Office) -> serde_json::Value {
    let shown = office.command(&["user", "show", "PPK30", "--json"]);
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    let account: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    account["phones"].clone()
}

#[test]
fn a_second_phone_lets_in_beside_the_first_until_it_is_removed() {
    let world = Correspondence::new();
    let office = &world.office;
    let mut kiosk = office.kiosk();
    let first = support::activate(office, &mut kiosk);
    logs_in(&mut kiosk, office, &first);
    // A key that was shown and not proved keeps nobody out, and lets nobody in.
    kiosk.expect("TAMBAH PONSEL").press("t");
    kiosk.expect("Nama ponsel kedua").press(key::ENTER);
    let lost = Phone::scan(&mut kiosk);
    kiosk.press(key::ESC).expect("TAMBAH PONSEL");
    log_out(&mut kiosk);
    office.pass(60);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    assert!(!kiosk.text().contains("Belum memindai?"));
    kiosk
        .submit_code(&lost.code(office.clock()))
        .expect("Kode tidak diterima")
        .press(key::ESC)
        .expect(support::MENU);
    office.pass(60);
    logs_in(&mut kiosk, office, &first);

    kiosk.expect("TAMBAH PONSEL").press("t");
    kiosk
        .expect("Nama ponsel kedua")
        .press("HP kantor")
        .expect("HP kantor")
        .press(key::ENTER);
    let second = Phone::scan(&mut kiosk);
    assert_ne!(second.secret(), lost.secret());
    assert_ne!(second.secret(), first.secret());
    // A code of the phone that is there already proves nothing of the other.
    office.pass(30);
    kiosk
        .submit_code(&first.code(office.clock()))
        .expect("Kode tidak diterima.");
    office.pass(60);
    kiosk
        .submit_code(&second.code(office.clock()))
        .expect("Ponsel kedua aktif.")
        .expect("Aktif, 2 ponsel");
    let told = phones(office);
    assert_eq!(told[1]["name"], "HP kantor", "{told}");
    assert_eq!(
        (&told[0]["number"], &told[1]["number"]),
        (&1.into(), &2.into())
    );
    assert_eq!(world.letter(2).subject(), "Pemberitahuan Ponsel Kedua");
    log_out(&mut kiosk);
    let stored = office.stored_bytes();
    let secret = second.secret().as_bytes();
    assert!(!stored.windows(secret.len()).any(|window| window == secret));

    // Either lets in, each by its own codes of the same moment.
    office.pass(60);
    logs_in(&mut kiosk, office, &second);
    log_out(&mut kiosk);
    logs_in(&mut kiosk, office, &first);
    kiosk
        .expect("PONSEL")
        .press("p")
        .expect("Ponsel 1")
        .expect("2. HP kantor")
        .expect("terakhir dipakai")
        .press("h")
        .press("h")
        .press(key::ENTER)
        .expect("Kode dari ponsel ini tidak diterima lagi.")
        .expect("2. HP kantor")
        .press("h")
        .press(key::ENTER)
        .expect("Ponsel sudah dihapus")
        .expect("TAMBAH PONSEL");
    assert_eq!(phones(office).as_array().unwrap().len(), 1);
    assert_eq!(
        world.letter(3).subject(),
        "Pemberitahuan Penghapusan Ponsel"
    );
    log_out(&mut kiosk);
    office.pass(60);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP")
        .submit_code(&second.code(office.clock()))
        .expect("Kode tidak diterima")
        .press(key::ESC)
        .expect(support::MENU);
    office.pass(60);
    logs_in(&mut kiosk, office, &first);
}
