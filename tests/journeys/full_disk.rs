//! A disk that fills up under a running kiosk.

use std::fs;

use support::{Office, PASSWORD, disk::SmallDisk, key};

#[test]
fn a_full_disk_refuses_logins_in_words_and_the_kiosk_goes_on_when_there_is_room() {
    let office = Office::empty().with("LPSE_KIOSK_STORE_FREE_SPACE_FLOOR_MIB", "16");
    let data = office.data();
    let Some(_disk) = SmallDisk::mount(&data, "48m") else {
        println!("left out: a small disk cannot be mounted here");
        return;
    };
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    let filler = data.join("filler");
    let file = fs::File::create(&filler).unwrap();
    rustix::fs::fallocate(
        &file,
        rustix::fs::FallocateFlags::empty(),
        0,
        36 * 1024 * 1024,
    )
    .unwrap();
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
    // The space comes back only when nobody holds the file any more.
    drop(file);
    fs::remove_file(&filler).unwrap();
    kiosk
        .press(PASSWORD)
        .press(key::ENTER)
        .expect("Selamat datang, Siti");
}
