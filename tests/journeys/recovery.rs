//! Recovery codes, from the offer after an activation to the paper that stands in for a lost phone.

use std::{fs, os::unix::fs::FileExt};

use support::{
    Kiosk, Office, PASSWORD, Phone, eventually, key, letters::Correspondence, log_out, text,
};

const OFFER: &str = "Buat kode pemulihan";
const REJECTED: &str = "Kode tidak diterima. Periksa:";

/// A kiosk at which PPK30 has just activated a phone, and is offered recovery codes.
fn offered(office: &Office) -> (Phone, Kiosk) {
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let phone = offered_at(&mut kiosk, office);
    (phone, kiosk)
}

/// The same at a terminal where PPK30 has typed their password.
fn offered_at(kiosk: &mut Kiosk, office: &Office) -> Phone {
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let phone = Phone::scan(kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.")
        .expect(OFFER);
    phone
}

/// The codes that the screen shows, as a person copies them.
fn copied(kiosk: &mut Kiosk) -> Vec<String> {
    let is_code = |word: &&str| word.split('-').map(str::len).eq([4, 4, 4]);
    let codes = |shown: &str| -> Vec<String> {
        let words = shown.split_whitespace().filter(is_code);
        words.map(str::to_owned).collect()
    };
    kiosk.expect_that("expected ten codes", |shown| codes(shown).len() == 10);
    codes(&kiosk.text())
}

/// From the codes to home.
fn noted(kiosk: &mut Kiosk) {
    kiosk
        .press(key::ENTER)
        .expect("Semua sudah tercatat?")
        .press("y")
        .press(key::ENTER)
        .expect("Kode pemulihan siap dipakai");
}

/// Codes on paper for the phone that was just activated; the kiosk is at the menu, a while later.
fn prepared(office: &Office) -> (Phone, Vec<String>, Kiosk) {
    let (phone, mut kiosk) = offered(office);
    kiosk.press(key::ENTER);
    let paper = copied(&mut kiosk);
    noted(&mut kiosk);
    log_out(&mut kiosk);
    office.pass(60);
    (phone, paper, kiosk)
}

/// From the menu to the form for a recovery code.
fn open_form(kiosk: &mut Kiosk) -> &mut Kiosk {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Pakai kode pemulihan")
        .press(key::TAB)
        .press(key::TAB)
        .press(key::ENTER)
        .expect("Masukkan kode pemulihan")
}

/// The lines of the audit log about `act`, as their outcomes and reasons.
fn audited(office: &Office, act: &str) -> Vec<(String, String)> {
    let log = std::fs::read_to_string(office.data().join("audit.jsonl")).unwrap();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let word = |line: &serde_json::Value, name: &str| {
        let word = line.get(name).and_then(|word| word.as_str());
        word.unwrap_or_default().to_owned()
    };
    lines
        .filter(|line| line["act"] == act)
        .map(|line| (word(&line, "outcome"), word(&line, "reason")))
        .collect()
}

fn is_shown_nowhere(office: &Office, paper: &[String]) {
    let stored = office.stored_bytes();
    for code in paper {
        for written in [code.clone(), code.replace('-', ""), code.to_lowercase()] {
            let is_there = stored
                .windows(written.len())
                .any(|w| w == written.as_bytes());
            assert!(!is_there, "{code} is in a file");
        }
    }
}

/// The scroll-back was cleared after the last of them was printed.
fn is_wiped_after(kiosk: &Kiosk, paper: &[String]) {
    let raw = text(&kiosk.raw());
    let wiped = raw.rfind("\x1b[3J");
    assert!(paper.iter().any(|code| raw.contains(code)));
    assert!(paper.iter().all(|code| raw.rfind(code) < wiped));
}

#[test]
fn codes_on_paper_let_their_owner_in_once_each_until_they_are_renewed() {
    let world = Correspondence::new();
    let office = &world.office;
    let (phone, mut kiosk) = offered(office);
    kiosk.press(key::ENTER);
    let paper = copied(&mut kiosk);
    // Enter that is held down does not take them away.
    kiosk.press(key::ENTER).expect("Semua sudah tercatat?");
    kiosk.press(key::ENTER).expect("hanya ditampilkan sekali");
    assert_eq!(copied(&mut kiosk), paper);
    noted(&mut kiosk);
    assert!(!kiosk.text().contains(&paper[0]));
    is_shown_nowhere(office, &paper);
    log_out(&mut kiosk);
    is_wiped_after(&kiosk, &paper);
    assert_eq!(world.letter(1).subject(), "Pemberitahuan Aktivasi TOTP");
    let told = world.letter(2);
    assert_eq!(told.subject(), "Pemberitahuan Kode Pemulihan Baru");
    assert!(paper.iter().all(|code| !told.0.contains(code)));
    office.pass(60);

    // What is no whole code is told, and costs nothing; the rest of it is typed however people type.
    open_form(&mut kiosk).press("acde").press(key::ENTER);
    kiosk.expect("Kode berisi 12 huruf dan angka").press("\x15");
    kiosk
        .press(&paper[6].to_lowercase().replace('-', " "))
        .press(key::ENTER)
        .expect("Kode yang tersisa: 9.")
        .expect("Kode pemulihan dipakai");
    let told = world.letter(3);
    assert_eq!(told.subject(), "Pemberitahuan Pemakaian Kode Pemulihan");
    log_out(&mut kiosk);

    // The same once more is refused, like any wrong one.
    open_form(&mut kiosk).paste(&format!("  {}\n", paper[6]));
    kiosk
        .expect("▸ ▐ Login ▌")
        .press(key::ENTER)
        .expect(REJECTED)
        .expect("Coba lagi setelah");
    office.pass(1);
    kiosk.expect_gone("Coba lagi setelah").press(key::ESC);
    kiosk
        .expect("Masukkan kode TOTP")
        .submit_code(&phone.code(office.clock()))
        .expect("Kode pemulihan ditolak");

    // At home: how many are left, and new ones in place of the old.
    kiosk
        .press("k")
        .expect("9 dari 10 kode")
        .expect("13 Agustus 2020 08:53 WIB")
        .press("b")
        .press(key::ENTER);
    let renewed = copied(&mut kiosk);
    assert!(renewed.iter().all(|code| !paper.contains(code)));
    noted(&mut kiosk);
    log_out(&mut kiosk);
    office.pass(60);
    open_form(&mut kiosk)
        .press(&paper[0])
        .press(key::ENTER)
        .expect(REJECTED);
    office.pass(1);
    kiosk
        .expect_gone("Coba lagi setelah")
        .press("\x15")
        .press(&renewed[0])
        .press(key::ENTER)
        .expect("Kode yang tersisa: 9.");
    let done = || ("done".to_owned(), String::new());
    let refused = || ("refused".to_owned(), "wrong-recovery-code".to_owned());
    let used = audited(office, "use-recovery-code");
    assert_eq!(used, [done(), refused(), refused(), done()]);
    assert_eq!(audited(office, "issue-recovery-codes"), [done(), done()]);
    is_shown_nowhere(office, &paper);
    is_shown_nowhere(office, &renewed);
}

#[test]
fn the_offer_is_put_off_and_taken_up_at_home() {
    let office = Office::new();
    let (phone, mut kiosk) = offered(&office);
    kiosk
        .press("n")
        .expect("Login terakhir")
        .expect("KODE PEMULIHAN");
    log_out(&mut kiosk);
    office.pass(60);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    assert!(!kiosk.text().contains("Pakai kode pemulihan"));
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP")
        .press("k")
        .expect(OFFER)
        // What costs nothing is in focus.
        .press(key::ENTER)
        .expect("DISABLE TOTP")
        .press("k")
        .expect(OFFER)
        .press("b")
        .press(key::ENTER);
    assert_eq!(copied(&mut kiosk).len(), 10);
}

#[test]
fn a_pending_key_that_a_login_proves_is_offered_codes_too() {
    let office = Office::new();
    office.policy("required");
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let phone = Phone::scan(&mut kiosk);
    kiosk.press(key::UP).press(key::ENTER);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk
        .expect("Belum memindai?")
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.")
        .expect(OFFER)
        .press("l")
        .press(key::ENTER)
        .expect(support::MENU);
}

#[test]
fn a_lost_phone_is_replaced_with_a_code_on_paper() {
    let office = Office::new();
    office.policy("required");
    let mut kiosk = office.password_given("non-penyedia", "PPK30");
    let lost = Phone::scan(&mut kiosk);
    kiosk.submit_code(&lost.code(office.clock())).expect(OFFER);
    kiosk.press(key::ENTER);
    let paper = copied(&mut kiosk);
    noted(&mut kiosk);
    log_out(&mut kiosk);
    office.pass(60);
    open_form(&mut kiosk)
        .press(&paper[9])
        .press(key::ENTER)
        .expect("Ponsel hilang? DISABLE TOTP");
    // The code on paper is fresh enough for that: no code of the lost phone is asked for.
    kiosk
        .press("d")
        .press(key::ENTER)
        .expect("TOTP wajib di kantor ini")
        .press("d")
        .press(key::ENTER);
    let new = Phone::scan(&mut kiosk);
    assert_ne!(lost.secret(), new.secret());
    kiosk
        .submit_code(&new.code(office.clock()))
        .expect("TOTP aktif.")
        .expect(OFFER);
    // The old paper went with the lost phone.
    kiosk.press("l").press(key::ENTER);
    office.pass(60);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    assert!(!kiosk.text().contains("Pakai kode pemulihan"));
}

#[test]
fn a_policy_without_recovery_codes_shows_and_takes_none_and_loses_none() {
    let office = Office::new();
    let (phone, paper, mut kiosk) = prepared(&office);
    let set = |on: &str| {
        let set = office.command(&["policy", "--recovery-codes", on]);
        assert!(set.status.success(), "{}", text(&set.stderr));
    };
    set("off");
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    assert!(!kiosk.text().contains("Pakai kode pemulihan"));
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    assert!(!kiosk.text().contains("KODE PEMULIHAN"));
    log_out(&mut kiosk);
    // Nobody is offered any.
    kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let other = Phone::scan(&mut kiosk);
    kiosk
        .submit_code(&other.code(office.clock()))
        .expect("TOTP aktif.")
        .expect("DISABLE TOTP");
    log_out(&mut kiosk);
    // Rules that change while somebody is at the form hold for them too.
    set("on");
    open_form(&mut kiosk).press(&paper[0]).expect(&paper[0]);
    set("off");
    kiosk
        .press(key::ENTER)
        .expect("Login ini sudah tidak berlaku");
    set("on");
    open_form(&mut kiosk)
        .press(&paper[0])
        .press(key::ENTER)
        .expect("Kode yang tersisa: 9.");
}

#[test]
fn what_is_used_stays_used_over_a_kill_and_what_was_shown_goes_with_the_terminal() {
    let office = Office::new();
    let (_phone, mut kiosk) = offered(&office);
    kiosk.press(key::ENTER);
    let paper = copied(&mut kiosk);
    // The terminal goes away with the codes on it: they are good, for whoever has written them down.
    kiosk.hang_up();
    kiosk.wait();
    is_shown_nowhere(&office, &paper);
    office.pass(60);
    let mut kiosk = office.kiosk();
    open_form(&mut kiosk)
        .press(&paper[2])
        .press(key::ENTER)
        .expect("Kode yang tersisa: 9.");
    kiosk.signal("KILL").wait();
    let mut kiosk = office.kiosk();
    open_form(&mut kiosk)
        .press(&paper[2])
        .press(key::ENTER)
        .expect(REJECTED);
    kiosk.signal("KILL").wait();
    office.pass(60);
    // The service that ends while new ones are shown leaves none of them on the screen.
    let mut kiosk = office.kiosk();
    open_form(&mut kiosk)
        .press(&paper[3])
        .press(key::ENTER)
        .expect("Kode yang tersisa: 8.")
        .press("k")
        .expect("8 dari 10 kode")
        .press("b")
        .press(key::ENTER);
    let renewed = copied(&mut kiosk);
    kiosk.signal("TERM").wait();
    kiosk.expect_that("an empty screen", |text| text.trim().is_empty());
    is_wiped_after(&kiosk, &renewed);
}

/// How often one of `codes` stands in the memory that a process can write: as text, in the rows of a frame at rest, and in
/// the cells of one that is drawn.
fn copies_in_memory(process: u32, codes: &[String]) -> usize {
    const PAGE: usize = 4096;
    const RUN: usize = 8;
    let strides = [1, RUN, size_of::<ratatui::buffer::Cell>()];
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let forms: Vec<Vec<u8>> = codes
        .iter()
        .flat_map(|code| [code.clone(), code.replace('-', "")])
        .map(String::into_bytes)
        .collect();
    // By their first bytes, because most of the memory is none of these.
    let mut beginning: Vec<Vec<&[u8]>> = vec![Vec::new(); 256];
    for form in &forms {
        beginning[usize::from(form[0])].push(form);
    }
    let mut copies = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        let (start, end) = range.expect("a range of addresses");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (address(start), address(end));
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // What has gone meanwhile holds nothing.
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        for (number, page) in bytes.chunks(PAGE).enumerate() {
            if page == &[0; PAGE][..] {
                continue;
            }
            for (place, byte) in page.iter().enumerate() {
                let from = &bytes[number * PAGE + place..];
                let is_there = |form: &[u8]| {
                    let at = |stride: usize| {
                        from.get(stride) == Some(&form[1])
                            && from.iter().step_by(stride).take(form.len()).eq(form)
                    };
                    strides.into_iter().any(at)
                };
                copies += beginning[usize::from(*byte)]
                    .iter()
                    .filter(|form| is_there(form))
                    .count();
            }
        }
    }
    copies
}

#[test]
fn codes_leave_the_servers_memory_with_whoever_has_seen_them() {
    if !rustix::process::geteuid().is_root() {
        support::left_out("only root can look into the server's memory");
        return;
    }
    let office = Office::new();
    let server = office.serve();
    let mut kiosk = server.password_given("non-penyedia", "PPK30");
    offered_at(&mut kiosk, &office);
    kiosk.press(key::ENTER);
    let mut paper = copied(&mut kiosk);
    let shown = copies_in_memory(server.id(), &paper);
    assert!(shown >= paper.len(), "the search finds what is shown");
    kiosk.press("c").expect("Dikirim ke papan klip");
    // As they travel to a clipboard: a line is 15 bytes, which are 20 letters of base 64 by themselves.
    let line = |code: &String| data_encoding::BASE64.encode(format!("{code}\n").as_bytes());
    let sent: Vec<_> = paper.iter().map(line).collect();
    let raw = text(&kiosk.raw());
    assert!(sent.iter().all(|line| raw.contains(line)));
    paper.extend(sent);
    let copies = || copies_in_memory(server.id(), &paper);
    noted(&mut kiosk);
    log_out(&mut kiosk);
    eventually("no code in memory after the logout", || copies() == 0);
    kiosk.press(key::CTRL_C);
    kiosk.wait();
    eventually("the connection's end", || server.connections() == 0);
    assert_eq!(copies(), 0, "after the connection's end");
}
