//! A disk that fills up under a running kiosk.

use std::fs;

use support::{Office, PASSWORD, disk::SmallDisk, key};

#[test]
fn a_full_disk_refuses_logins_in_words_and_the_kiosk_goes_on_when_there_is_room() {
    let office = Office::empty().with("LPSE_KIOSK_STORE_FREE_SPACE_FLOOR_MIB", "16");
    let data = office.data();
    let Some(disk) = SmallDisk::mount(&data, "48m") else {
        return;
    };
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    disk.fill(12 * 1024 * 1024);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Layanan sedang tidak tersedia");
    assert!(
        !kiosk.text().contains("Selamat datang, Siti"),
        "nothing is granted that cannot be kept"
    );
    let log = fs::read_to_string(data.join("lpse-kiosk.log")).unwrap();
    assert!(log.contains("nearly full"), "{log}");
    // A command beside it changes nothing either, and says why.
    let refused = office.command(&["policy", "required"]);
    let said = support::text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(75), "{said}");
    assert!(said.contains("nearly full"), "{said}");
    disk.empty();
    kiosk
        .press(PASSWORD)
        .press(key::ENTER)
        .expect("Selamat datang, Siti");
}
