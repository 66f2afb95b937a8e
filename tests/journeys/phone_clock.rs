//! A phone whose clock is off, by every minute of an hour either way: named at the activation, and let in by two codes.

use support::{Office, Phone, activate, key, log_in_by_two_codes, log_out};

const MINUTE: i64 = 60;

/// What stands on the screen beside a QR code, on one line.
fn beside_qr(text: &str) -> String {
    let words = text.replace(['█', '▀', '▄'], " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `text` says that a phone which is `offset` minutes ahead is so, within a minute.
fn names(text: &str, offset: i64) -> bool {
    let way = if offset > 0 { "cepat" } else { "lambat" };
    (offset.abs() - 1..=offset.abs() + 1).any(|minutes| {
        let said = format!("{minutes} menit lebih {way}");
        text.match_indices(&said)
            .any(|(at, _)| !text[..at].ends_with(|before: char| before.is_ascii_digit()))
    })
}

#[test]
fn an_activation_names_every_minute_that_the_phone_is_off_and_counts_none() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    // By turns ahead and behind, so that no answer can be taken for the next.
    for offset in (1..=59).flat_map(|minutes| [minutes, -minutes]) {
        let code = phone.code(office.clock() + offset * MINUTE);
        kiosk.press(&code);
        kiosk.expect_that(&format!("expected {offset} minutes"), |text| {
            let said = beside_qr(text);
            said.contains("Kode benar, tetapi jam ponsel") && names(&said, offset)
        });
    }
    // Another entry of the app: its name is what to look for.
    let other = phone.code(office.clock() - 100 * MINUTE);
    kiosk.press(&other);
    kiosk.expect_that("expected the entry's name", |text| {
        beside_qr(text).contains("Kode tidak diterima. Pakai kode SPSE:PPK30 di aplikasi.")
    });
    office.pass(2);
    kiosk
        .expect_gone("Coba lagi setelah")
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    kiosk.signal("TERM").wait();
    let audit = std::fs::read_to_string(office.data().join("audit.jsonl")).unwrap();
    let told = audit.matches("\"phone-clock\"").count();
    assert_eq!(
        (told, audit.matches("\"wrong-passcode\"").count()),
        (118, 1)
    );
}

#[test]
fn two_codes_let_in_at_every_minute_that_the_phone_is_off_and_it_is_named() {
    // What takes time is a second's wait after a refused code: four people wait at once.
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                let office = Office::new();
                let mut kiosk = office.kiosk();
                let phone = activate(&office, &mut kiosk);
                let offsets = (1..=59).flat_map(|minutes| [minutes, -minutes]);
                for offset in offsets.skip(part).step_by(4) {
                    // Beyond all codes that were used before.
                    office.pass(3 * 60 * MINUTE);
                    log_in_by_two_codes(&office, &mut kiosk, &phone, offset * MINUTE);
                    let text = kiosk.text();
                    assert!(names(&text, offset), "{offset}: {text}");
                    let noted = "Jam ponsel salah";
                    assert!(text.contains(noted), "{text}");
                    log_out(&mut kiosk);
                }
            });
        }
    });
}
