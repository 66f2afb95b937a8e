//! The pictures of the README and the manual, rendered from the real program:
//! `PICTURES=assets/pictures tests/run journeys pictures`.

use std::{collections::BTreeSet, fs, path::Path};

use support::{
    Kiosk, MENU, Office, PASSWORD, Phone, key, log_out, manual,
    picture::{self, Background},
    screen::large_code,
    text,
};

/// The screens that are shown there.
const PICTURES: [&str; 7] = ["menu", "qr", "code", "home", "reset", "waiting", "desk"];

/// How they look.
#[derive(Clone, Copy)]
struct Look {
    theme: &'static str,
    background: Background,
    /// Where they are kept, below the others' folder.
    folder: &'static str,
}

/// On a screen.
const DARK: Look = Look {
    theme: "dark",
    background: picture::DARK,
    folder: "",
};

/// On paper, which nobody wants to see black.
const PRINT: Look = Look {
    theme: "light",
    background: picture::BRIGHT,
    folder: "print",
};

impl Look {
    fn of(self, office: Office) -> Office {
        office.with("LPSE_KIOSK_KIOSK_THEME", self.theme)
    }

    fn save(self, name: &str, kiosk: &Kiosk) {
        let svg = picture::svg(&kiosk.screen(), self.background);
        assert!(svg.contains("<text"), "{name} shows something");
        if let Some(folder) = std::env::var_os("PICTURES") {
            let folder = Path::new(&folder).join(self.folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{name}.svg")), svg).unwrap();
        }
    }
}

#[test]
fn the_manual_shows_the_screens_of_the_real_program() {
    show(DARK);
}

#[test]
fn pages_to_be_printed_show_them_bright() {
    show(PRINT);
}

fn show(look: Look) {
    let office = look.of(Office::new());
    let mut demo = office.start(&["demo"], 80, 24);
    demo.expect("mangga-manis-30").expect("Total Pengunjung");
    look.save("menu", &demo);
    drop(demo);
    let asking = look.of(Office::empty().with("LPSE_TEST_SECURITY_CODE", "90"));
    let mut demo = asking.start(&["demo"], 80, 24);
    demo.expect("mangga-manis-30").press(key::ENTER);
    demo.expect("Login sebagai").press("n");
    demo.expect("Masukkan User ID").press("ppk30\t\t");
    demo.press(key::ENTER).expect("Permintaan Reset TOTP");
    demo.press("ppk30@contoh.go.id")
        .expect("contoh.go.id")
        .expect("█");
    look.save("reset", &demo);
    drop(demo);
    add_officer(&office);
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    kiosk.expect("F1 Bantuan");
    look.save("qr", &kiosk);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    kiosk.press("l").press(key::ENTER).expect("LOGIN");
    office.pass(75);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk.press("123").expect(&large_code("123"));
    look.save("code", &kiosk);
    kiosk
        .press("\x15")
        .press(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    look.save("home", &kiosk);
    log_out(&mut kiosk);
    give_wrong_codes(&mut kiosk, &office, &phone);
    open_desk(&mut kiosk, &office);
    look.save("waiting", &kiosk);
    open_card(&mut kiosk);
    look.save("desk", &kiosk);
}

#[test]
fn every_picture_of_the_manual_is_one_of_these() {
    let mut shown = BTreeSet::new();
    for page in manual::pages() {
        let text = manual::read(&page);
        for picture in text.split("](").filter_map(|rest| rest.split_once(')')) {
            let (path, _) = picture;
            // Those of all screens are drawn by tests/screens/sheets.rs.
            if let Some((_, name)) = path.split_once("pictures/")
                && !name.starts_with("all-")
            {
                shown.insert(name.trim_end_matches(".svg").to_owned());
            }
        }
    }
    let kept = |look: Look| PICTURES.map(|name| Path::new(look.folder).join(name));
    let kept: BTreeSet<String> = [kept(DARK), kept(PRINT)]
        .iter()
        .flatten()
        .map(|path| path.display().to_string())
        .collect();
    let unknown: Vec<_> = shown.difference(&kept).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for name in PICTURES {
        let print = format!("{}/{name}", PRINT.folder);
        assert!(
            shown.contains(name) || shown.contains(&print),
            "{name} is shown"
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

/// So many by the owner of PPK30 that somebody has to help.
fn give_wrong_codes(kiosk: &mut Kiosk, office: &Office, phone: &Phone) {
    let digit = |digit: char| char::from(b'0' + (digit as u8 - b'0' + 5) % 10);
    let wrong: String = phone.code(office.clock()).chars().map(digit).collect();
    for _ in 0..7 {
        office.pass(60);
        kiosk
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Masukkan kode TOTP")
            .submit_code(&wrong)
            .expect("Kode tidak diterima")
            .press(key::ESC)
            .expect(MENU);
    }
}

/// The first login of the officer.
fn open_desk(kiosk: &mut Kiosk, office: &Office) {
    kiosk.give_password("non-penyedia", "PETUGAS1", PASSWORD);
    let phone = Phone::scan(kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("Tambahkan ponsel kedua sekarang")
        .press(key::ESC)
        .expect("Buat kode pemulihan")
        .press(key::ESC)
        .expect("Meja petugas: Rina Wulandari")
        .expect("7 kode salah");
}

fn open_card(kiosk: &mut Kiosk) {
    kiosk
        .paste("siti")
        .expect("1 akun")
        .press(key::DOWN)
        .expect("▸ PPK30")
        .press(key::ENTER)
        .expect("Tampilkan e-mail");
}
