//! The three policies, and switching between them.

use support::{Office, PASSWORD, Phone, key};

#[test]
fn required_leads_everybody_through_activation_and_nowhere_else() {
    let office = Office::new();
    office.policy("required");
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let _never_used = Phone::scan(&mut kiosk);
    // Esc does not lead home; LOGOUT and Aktifkan are the only ways.
    kiosk
        .press(key::ESC)
        .expect("▸   LOGOUT ")
        .press(key::ENTER)
        .expect("LOGIN");
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Belum memindai?");
    kiosk.press(key::UP).press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.")
        .press("n")
        .expect("DISABLE TOTP");
    // Disabling leads straight to a new key.
    kiosk
        .press("d")
        .press(key::ENTER)
        .expect("TOTP wajib di kantor ini")
        .press("d")
        .press(key::ENTER);
    let next = Phone::scan(&mut kiosk);
    assert_ne!(phone.secret(), next.secret());
    office.pass(60);
    kiosk
        .press(&next.code(office.clock()))
        .expect("TOTP aktif.");
}

#[test]
fn disabled_asks_nobody_and_keeps_activations() {
    let office = Office::new();
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(&mut kiosk);
    kiosk
        .press(&phone.code(office.clock()))
        .expect("TOTP aktif.");
    kiosk.signal("TERM").wait();
    office.policy("disabled");
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk.expect("TOTP tidak diminta").expect("Aktif sejak");
    assert!(!kiosk.text().contains("DISABLE TOTP") && !kiosk.text().contains("ENABLE TOTP"));
    kiosk.signal("TERM").wait();
    office.policy("enabled");
    office.pass(60);
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("Masukkan kode TOTP")
        .press(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
}

#[test]
fn the_policy_is_shown_and_set_on_the_command_line() {
    let office = Office::empty();
    assert_eq!(
        support::text(&office.command(&["policy"]).stdout),
        "enabled\nrecovery codes: on\n"
    );
    office.policy("required");
    assert_eq!(
        support::text(&office.command(&["policy", "--json"]).stdout),
        "{\"policy\":\"required\",\"recovery_codes\":true}\n"
    );
    let refused = office.command(&["policy", "mandatory"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(support::text(&refused.stderr).contains("disabled, enabled, required"));
}
