//! The pictures of the README and the manual, rendered from the real program:
//! `PICTURES=assets/pictures tests/run journeys pictures`.

use std::{fs, path::Path};

use support::{
    Kiosk, Office, PASSWORD, Phone, key, log_out, manual, picture, screen::large_code, text,
};

/// The screens that are shown there.
const PICTURES: [&str; 6] = ["menu", "qr", "code", "home", "reset", "desk"];

#[test]
fn the_manual_shows_the_screens_of_the_real_program() {
    let office = Office::new();
    let mut demo = office.start(&["demo"], 80, 24);
    demo.expect("mangga-manis-30").expect("Total Pengunjung");
    save("menu", &demo);
    drop(demo);
    let asking = Office::empty().with("LPSE_TEST_SECURITY_CODE", "90");
    let mut demo = asking.start(&["demo"], 80, 24);
    demo.expect("mangga-manis-30").press(key::ENTER);
    demo.expect("Login sebagai").press("n");
    demo.expect("Masukkan User ID").press("ppk30\t\t");
    demo.press(key::ENTER).expect("Permintaan Reset TOTP");
    demo.press("ppk30@contoh.go.id")
        .expect("contoh.go.id")
        .expect("█");
    save("reset", &demo);
    drop(demo);
    add_officer(&office);
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    kiosk.expect("F1 Bantuan");
    save("qr", &kiosk);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    office.pass(75);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk.press("123").expect(&large_code("123"));
    save("code", &kiosk);
    kiosk
        .press("\x15")
        .press(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    save("home", &kiosk);
    log_out(&mut kiosk);
    office.pass(45);
    open_card(&mut kiosk, &office);
    save("desk", &kiosk);
    let manual: String = manual::pages()
        .iter()
        .map(|page| manual::read(page))
        .collect();
    for name in PICTURES {
        let path = format!("pictures/{name}.svg");
        assert!(
            Path::new("assets").join(&path).exists() && manual.contains(&path),
            "{path} is in the manual"
        );
    }
}

fn add_officer(office: &Office) {
    let account = ["user", "add", "PETUGAS1", "--type", "non-penyedia"];
    let person = ["--name", "Rina Wulandari", "--email", "rina@contoh.go.id"];
    let arguments = [&account[..], &person, &["--officer"]].concat();
    let added = office.command_with(&arguments, PASSWORD);
    assert!(added.status.success(), "{}", text(&added.stderr));
}

/// The first login of the officer, then the card of PPK30.
fn open_card(kiosk: &mut Kiosk, office: &Office) {
    kiosk.give_password("non-penyedia", "PETUGAS1", PASSWORD);
    let phone = Phone::scan(kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("Nanti saja")
        .press(key::ESC)
        .expect("Meja petugas: Rina Wulandari")
        .paste("siti")
        .expect("1 akun")
        .press(key::DOWN)
        .expect("▸ PPK30")
        .press(key::ENTER)
        .expect("Tampilkan e-mail");
}

fn save(name: &str, kiosk: &Kiosk) {
    let svg = picture::svg(&kiosk.screen(), picture::DARK);
    assert!(svg.contains("<text"), "{name} shows something");
    if let Some(folder) = std::env::var_os("PICTURES") {
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.svg")), svg).unwrap();
    }
}
