//! The officer's day on a real terminal: logging in, finding people, every act with its record in the audit log and its
//! letter at a real mail server, and what an officer may not do.

use std::{
    fs,
    os::unix::fs::FileTypeExt,
    process::{Child, Command, Stdio},
};

use support::{
    Kiosk, MENU, Office, PASSWORD, Phone, REASON, activate, eventually, free_port, key,
    letters::Correspondence, log_out, text,
};

const OFFICER: &str = "PETUGAS1";

/// A terminal of the running `serve`.
fn terminal(office: &Office) -> Kiosk {
    office.start(&["attach"], 80, 24)
}

/// Adds an account that has the officer's role.
fn add_officer(office: &Office, user_id: &str, name: &str) {
    let arguments = [
        "user",
        "add",
        user_id,
        "--type",
        "non-penyedia",
        "--name",
        name,
        "--email",
        "petugas@contoh.go.id",
        "--officer",
    ];
    let added = office.command_with(&arguments, PASSWORD);
    assert!(added.status.success(), "{}", text(&added.stderr));
}

/// The first login of the officer Rina Wulandari, who must activate TOTP and turns a second phone and the recovery codes down.
fn first_login(kiosk: &mut Kiosk, office: &Office) -> Phone {
    kiosk.give_password("non-penyedia", OFFICER, PASSWORD);
    let phone = Phone::scan(kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.")
        .expect("Tambahkan ponsel kedua sekarang")
        .press(key::ESC)
        .expect("Buat kode pemulihan")
        .press(key::ESC)
        .expect("Meja petugas: Rina Wulandari");
    phone
}

/// The records of the audit log about `act`.
fn audited(office: &Office, act: &str) -> Vec<serde_json::Value> {
    let log = fs::read_to_string(office.data().join("audit.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &serde_json::Value| line["act"] == act)
        .collect()
}

/// `lpse-kiosk serve` in the background: one process for all terminals, as in an office with more than one.
struct Serve(Child);

impl Serve {
    fn start(office: &Office) -> Self {
        let mut command = Command::new(support::program());
        command.arg("serve").env_clear().envs(office.environment());
        let address = format!("127.0.0.1:{}", free_port());
        command.env("LPSE_KIOSK_SSH_LISTEN", address);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("the program starts");
        let socket = office.data().join("lpse-kiosk-screens.sock");
        eventually("a socket for terminals", || {
            fs::metadata(&socket).is_ok_and(|socket| socket.file_type().is_socket())
        });
        Self(child)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An officer at the desk of an office whose letters go out.
struct Desk {
    kiosk: Kiosk,
    /// Letters that have come so far.
    letters: usize,
    _serve: Serve,
    world: Correspondence,
}

impl Desk {
    /// The first login of an officer, which activates TOTP, whatever the policy.
    fn open() -> Self {
        Self::open_after(|_| 0)
    }

    /// The same after something has happened at another terminal, of which that many letters have come.
    fn open_after(before: impl FnOnce(&Office) -> usize) -> Self {
        let world = Correspondence::new();
        add_officer(&world.office, OFFICER, "Rina Wulandari");
        let serve = Serve::start(&world.office);
        let letters = before(&world.office);
        let mut kiosk = terminal(&world.office);
        first_login(&mut kiosk, &world.office);
        let mut desk = Self {
            kiosk,
            letters,
            _serve: serve,
            world,
        };
        desk.expect_letter("Pemberitahuan Aktivasi TOTP", "petugas@contoh.go.id");
        desk
    }

    /// Another terminal, at which PPK30 has typed their password.
    fn owner(&self) -> Kiosk {
        let mut owner = terminal(&self.world.office);
        owner.give_password("non-penyedia", "PPK30", PASSWORD);
        owner
    }

    /// Pastes `words` into the search field, so that no list of their beginning comes first, in which Enter would open
    /// nothing; then opens the first account found, which is `user_id`.
    fn open_card(&mut self, words: &str, user_id: &str) -> &mut Self {
        self.kiosk.paste(words).expect("1 akun");
        self.kiosk
            .press(key::DOWN)
            .expect(&format!("▸ {user_id}"))
            .press(key::ENTER)
            .expect("Tampilkan e-mail");
        self
    }

    /// Does the act whose button `letters` lead to; `done` is what the card says then.
    fn act(&mut self, letters: &str, button: &str, said: &[&str], done: &str) -> &mut Self {
        self.fill(letters, button, said);
        self.kiosk.press(key::ENTER).expect(done);
        self
    }

    /// Fills in an act's form, up to its button.
    fn fill(&mut self, letters: &str, button: &str, said: &[&str]) -> &mut Self {
        for letter in letters.chars() {
            self.kiosk.press(&letter.to_string());
        }
        self.is_on(button).press(key::ENTER);
        self.kiosk.expect("Tindakan ini dicatat atas nama Anda.");
        for words in said {
            self.kiosk.press(words).press(key::TAB);
        }
        self.is_on(button);
        self
    }

    /// Waits until a button is in focus, whatever kind of button it is.
    fn is_on(&mut self, button: &str) -> &mut Kiosk {
        let drawn = [("[ ", " ]"), ("  ", " "), ("▐ ", " ▌")];
        let drawn = drawn.map(|(left, right)| format!("▸ {left}{button}{right}"));
        let what = format!("expected {button} in focus");
        self.kiosk
            .expect_that(&what, |text| drawn.iter().any(|it| text.contains(it)));
        &mut self.kiosk
    }

    /// The next letter is about `subject` and goes to `address`.
    fn expect_letter(&mut self, subject: &str, address: &str) {
        self.letters += 1;
        let letter = self.world.letter(self.letters);
        assert_eq!(letter.subject(), subject);
        assert!(letter.0.contains(address), "{}", letter.0);
    }

    /// `act` on PPK30 was recorded as intended, then as done, by the officer and with the reason.
    fn expect_record(&self, act: &str, reason: &str) {
        let records: Vec<_> = audited(&self.world.office, act)
            .into_iter()
            .filter(|record| record["by"].as_str().is_some_and(|by| by.contains(OFFICER)))
            .collect();
        let outcomes: Vec<_> = records
            .iter()
            .map(|record| record["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(outcomes, ["intended", "done"], "{act}: {records:?}");
        let says = |record: &serde_json::Value| record["detail"].to_string().contains(reason);
        assert!(records.iter().any(says), "{act}: {records:?}");
        for record in &records {
            assert_eq!(record["account"], "non-penyedia/PPK30", "{record}");
        }
    }
}

#[test]
fn an_officer_activates_first_and_is_asked_for_a_code_whatever_the_policy() {
    let office = Office::new();
    add_officer(&office, OFFICER, "Rina Wulandari");
    office.policy("disabled");
    let mut kiosk = office.kiosk();
    let phone = first_login(&mut kiosk, &office);
    log_out_of_desk(&mut kiosk);
    office.pass(60);
    kiosk
        .give_password("non-penyedia", OFFICER, PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("Meja petugas: Rina Wulandari");
    // Their own account, and back.
    kiosk
        .press(key::TAB)
        .press("a")
        .expect("▸   AKUN SAYA ")
        .press(key::ENTER)
        .expect("Selamat datang, Rina Wulandari")
        .press("m")
        .expect("Meja petugas: Rina Wulandari");
    log_out_of_desk(&mut kiosk);
    // Nobody else has a desk.
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Selamat datang, Siti Rahmawati");
    assert!(!kiosk.text().contains("MEJA PETUGAS"));
}

/// From the search field or a button of the desk to the menu: from a button, Esc leads to the field first.
fn log_out_of_desk(kiosk: &mut Kiosk) {
    if !kiosk.text().contains("▸ Cari") {
        kiosk.press(key::ESC).expect("▸ Cari");
    }
    kiosk
        .press(key::ESC)
        .expect("▸   LOGOUT ")
        .press(key::ENTER)
        .expect(MENU);
}

#[test]
fn people_are_found_by_the_beginnings_of_id_name_and_address_while_typing() {
    let mut desk = Desk::open();
    for (words, found) in [
        ("ppk3", "PPK30"),
        ("raHMa", "PPK30"),
        ("maju", "CVMAJU"),
        ("orang@con", "CVMAJU"),
    ] {
        desk.kiosk
            .press(words)
            .expect(&format!("{found} "))
            .press(key::ESC)
            .expect("Ketik beberapa huruf");
    }
    desk.kiosk
        .press("zzz")
        .expect("Tidak ada akun yang cocok dengan \"zzz\"");
    desk.kiosk.press(key::ESC).expect("Ketik beberapa huruf");
    // The address is masked until it is asked for, and asking is recorded, as is the look at the card.
    desk.open_card("siti", "PPK30");
    desk.kiosk.expect("o***@contoh.go.id");
    assert!(!desk.kiosk.text().contains("orang@contoh.go.id"));
    desk.kiosk.press(key::ENTER).expect("orang@contoh.go.id");
    let office = &desk.world.office;
    assert_eq!(audited(office, "show-account").len(), 1);
    assert_eq!(audited(office, "reveal-email").len(), 1);
    // Back to the search as it was.
    desk.kiosk
        .press(key::ESC)
        .expect("▸ PPK30")
        .expect("  siti");
}

#[test]
fn totp_is_reset_after_the_identity_was_checked_and_activation_starts_again() {
    let mut desk = Desk::open();
    let mut elsewhere = terminal(&desk.world.office);
    let old = activate(&desk.world.office, &mut elsewhere);
    desk.expect_letter("Pemberitahuan Aktivasi TOTP", "orang@contoh.go.id");
    desk.open_card("ppk30", "PPK30");
    let said = ["Ponsel hilang", "KTP asli"];
    desk.act("r", "Reset TOTP", &said, "TOTP sudah di-reset");
    desk.kiosk.expect("Belum aktif");
    desk.expect_record("reset-totp", "Ponsel hilang");
    desk.expect_record("reset-totp", "KTP asli");
    desk.expect_letter("Pemberitahuan Reset TOTP", "orang@contoh.go.id");
    let new = activate(&desk.world.office, &mut elsewhere);
    assert_ne!(old.secret(), new.secret());
}

#[test]
fn a_one_time_password_is_shown_once_and_the_old_one_is_void() {
    let mut desk = Desk::open();
    desk.open_card("ppk30", "PPK30");
    let said = ["Lupa password", "KTP asli"];
    desk.fill("p", "Password sekali pakai", &said);
    desk.kiosk
        .press(key::ENTER)
        .expect("tidak dapat ditampilkan lagi");
    let screen = desk.kiosk.text();
    let password = placard(&screen);
    assert!(password.len() >= 12, "{password}");
    // It goes on purpose only, and is nowhere after.
    desk.kiosk
        .press(key::ESC)
        .expect("Sudah disampaikan?")
        .press(key::ESC)
        .expect_gone("Sudah disampaikan?")
        .expect("Serahkan sekarang")
        .press(key::ENTER)
        .expect("Sudah disampaikan?");
    desk.kiosk.press(key::TAB).press(key::ENTER);
    desk.kiosk.expect("Password sekali pakai sudah dibuat");
    assert!(!desk.kiosk.text().contains(&password));
    let stored = text(&desk.world.office.stored_bytes());
    assert!(!stored.contains(&password));
    desk.expect_record("issue-password", "Lupa password");
    desk.expect_letter("Pemberitahuan Password Sekali Pakai", "orang@contoh.go.id");
    assert!(!desk.world.letter(desk.letters).0.contains(&password));
    let mut elsewhere = terminal(&desk.world.office);
    elsewhere
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("password tidak sesuai.");
    // The one that was handed over opens the form for a password of one's own, and nothing else.
    let mut owner = terminal(&desk.world.office);
    let own = "perahu layar 7 biru";
    owner
        .give_password("non-penyedia", "PPK30", &password)
        .expect("Buat password Anda sendiri")
        .press(own)
        .press(key::ENTER)
        .press(own)
        .press(key::ENTER)
        .expect("Password sudah diganti")
        .expect("Selamat datang, Siti Rahmawati");
}

/// What stands in the box.
fn placard(screen: &str) -> String {
    // The box stands on a panel, which has sides of its own.
    let inside = screen
        .lines()
        .filter_map(|line| line.split('│').nth(2))
        .map(str::trim);
    let mut words = inside.filter(|inside| !inside.is_empty());
    words.next().expect("a password in a box").to_owned()
}

#[test]
fn a_corrected_address_is_told_to_both() {
    let mut desk = Desk::open();
    desk.open_card("ppk30", "PPK30");
    let said = ["siti.baru@contoh.go.id", "Alamat lama mati", "KTP asli"];
    desk.act("pp", "Perbaiki e-mail", &said, "kedua alamat diberi tahu");
    desk.kiosk.expect("s***@contoh.go.id");
    desk.expect_record("correct-email", "Alamat lama mati");
    let both: Vec<_> = (1..=2)
        .map(|number| desk.world.letter(desk.letters + number))
        .collect();
    for address in ["orang@contoh.go.id", "siti.baru@contoh.go.id"] {
        let told = |letter: &&support::letters::Letter| {
            letter.subject() == "Pemberitahuan Penggantian Alamat E-mail"
                && letter.message().to().is_some_and(|to| {
                    let first = to.first().and_then(|one| one.address());
                    first == Some(address)
                })
        };
        assert!(both.iter().any(|letter| told(&letter)), "{address}");
    }
}

#[test]
fn a_suspended_account_is_led_out_and_kept_out_until_it_is_reinstated() {
    let mut desk = Desk::open();
    let mut owner = desk.owner();
    owner.expect("Selamat datang, Siti");
    desk.open_card("ppk30", "PPK30");
    let said = ["Laporan penyalahgunaan"];
    desk.act("t", "Tangguhkan", &said, "Akun sudah ditangguhkan");
    desk.expect_record("suspend", "Laporan penyalahgunaan");
    desk.expect_letter("Pemberitahuan Penangguhan Akun", "orang@contoh.go.id");
    owner.expect("Login ini sudah tidak berlaku");
    owner.press(key::F2).press(key::F2);
    owner
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Akun ini ditangguhkan");
    desk.kiosk.press(key::ESC).expect("DITANGGUHKAN");
    desk.kiosk.press(key::ENTER).expect("Ditangguhkan");
    let said = ["Laporan selesai diperiksa"];
    // Past the correction of the address.
    desk.act("pp", "Pulihkan", &said, "Akun sudah dipulihkan");
    desk.expect_record("reinstate", "Laporan selesai diperiksa");
    desk.expect_letter("Pemberitahuan Pemulihan Akun", "orang@contoh.go.id");
    owner.press(key::ESC).press(key::ESC).press(key::ESC);
    owner
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Selamat datang, Siti");
}

#[test]
fn open_logins_are_ended_and_nothing_else_changes() {
    let mut desk = Desk::open();
    let mut owner = desk.owner();
    owner.expect("Selamat datang, Siti");
    desk.open_card("ppk30", "PPK30");
    let said = ["Lupa logout di loket"];
    desk.act("a", "Akhiri login", &said, "sudah diakhiri");
    owner.expect("Login ini sudah tidak berlaku");
    desk.expect_record("end-logins", "Lupa logout di loket");
    desk.expect_letter("Pemberitahuan Pengakhiran Login", "orang@contoh.go.id");
    owner
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Selamat datang, Siti");
}

/// At another terminal the owner of PPK30 activates TOTP and is wrong `times` times with its codes, a minute apart.
/// Returns how many letters that makes.
fn give_wrong_codes(office: &Office, times: usize) -> usize {
    let mut owner = terminal(office);
    let right = activate(office, &mut owner).code(office.clock());
    let wrong: String = right
        .chars()
        .map(|digit| char::from(b'0' + (digit as u8 - b'0' + 5) % 10))
        .collect();
    // Each in a login of its own: a screen that has seen a refusal waits as long as it says, by a clock that nobody sets.
    for time in 1..=times {
        owner
            .give_password("non-penyedia", "PPK30", PASSWORD)
            .expect("Masukkan kode TOTP")
            .submit_code(&wrong)
            .expect("Kode tidak diterima");
        if time < times {
            owner.press(key::ESC).expect(MENU);
            office.pass(60);
        }
    }
    1
}

#[test]
fn who_waits_for_help_stands_on_the_desk_and_is_two_keys_away() {
    let mut desk = Desk::open_after(|office| give_wrong_codes(office, 7));
    desk.kiosk
        .expect("Menunggu bantuan")
        .expect("7 kode salah")
        .press(key::DOWN)
        .expect("▸ PPK30")
        .press(key::ENTER)
        .expect("7 kali berturut-turut. Menunggu");
    let said = ["Pemilik di loket"];
    desk.act(
        "a",
        "Akhiri masa tunggu",
        &said,
        "Masa tunggu sudah diakhiri",
    );
    desk.kiosk
        .press(key::ESC)
        .expect("Tidak ada yang menunggu bantuan.")
        .expect("Tindakan terakhir")
        .expect("Akhiri masa tunggu  PPK30");
}

#[test]
fn a_wait_after_wrong_codes_is_ended() {
    let mut desk = Desk::open_after(|office| give_wrong_codes(office, 5));
    desk.open_card("ppk30", "PPK30");
    desk.kiosk.expect("5 kali berturut-turut. Menunggu");
    let said = ["Pemilik di loket"];
    desk.act(
        "a",
        "Akhiri masa tunggu",
        &said,
        "Masa tunggu sudah diakhiri",
    );
    desk.expect_record("unlock", "Pemilik di loket");
    desk.expect_letter(
        "Pemberitahuan Penghapusan Masa Tunggu",
        "orang@contoh.go.id",
    );
}

#[test]
fn the_policy_is_switched_with_a_reason_and_holds_at_the_next_login() {
    let mut desk = Desk::open();
    desk.kiosk
        .press(key::TAB)
        .expect("▸   KEBIJAKAN ")
        .press(key::ENTER)
        .expect("(•) TOTP bagi yang mengaktifkan berlaku sekarang");
    desk.kiosk
        .press(key::TAB)
        .press(" ")
        .expect("(•) TOTP wajib");
    desk.kiosk.press("u").press(key::ENTER);
    desk.kiosk
        .expect("menjadi \"TOTP wajib\"")
        .press("Surat edaran 12")
        .press(key::TAB)
        .expect("▸ ▐ Ubah kebijakan ▌")
        .press(key::ENTER)
        .expect("(•) TOTP wajib berlaku sekarang");
    let set = audited(&desk.world.office, "set-policy");
    let by_officer: Vec<_> = set
        .iter()
        .filter(|record| record["by"].as_str().is_some_and(|by| by.contains(OFFICER)))
        .collect();
    assert_eq!(by_officer.len(), 2, "{set:?}");
    assert!(
        by_officer[0]["detail"]
            .to_string()
            .contains("Surat edaran 12")
    );
    let mut user = desk.owner();
    Phone::scan(&mut user);
}

#[test]
fn outbox_and_audit_log_are_read_at_a_key_and_the_look_is_recorded() {
    let mut desk = Desk::open();
    // A letter that the mail server puts off stays in the outbox.
    desk.world.server.defer();
    desk.open_card("ppk30", "PPK30");
    let said = ["Lupa logout di loket"];
    desk.act("a", "Akhiri login", &said, "sudah diakhiri");
    desk.kiosk.press(key::ESC).expect("▸ PPK30");
    for _ in 0..2 {
        desk.kiosk.press("k");
    }
    desk.kiosk
        .expect("▸   KOTAK KELUAR ")
        .press(key::ENTER)
        .expect("Semua login diakhiri");
    assert!(!desk.kiosk.text().contains("orang@contoh.go.id"));
    desk.kiosk
        .press(key::ESC)
        .expect("▸   KOTAK KELUAR ")
        .press("j")
        .press(key::ENTER)
        .expect("Buka jurnal audit")
        .expect("Akhiri login");
    // What stands in the list in the reader's words has the command line's in the record.
    desk.kiosk
        .press(key::ENTER)
        .expect("Catatan nomor")
        .expect("(read-audit)");
    for act in ["read-outbox", "read-audit"] {
        let records = audited(&desk.world.office, act);
        let by_officer = |record: &serde_json::Value| record["by"].to_string().contains(OFFICER);
        let is_recorded = !records.is_empty() && records.iter().all(by_officer);
        assert!(is_recorded, "{act}: {records:?}");
    }
}

#[test]
fn nobody_acts_on_their_own_account_at_the_desk() {
    let mut desk = Desk::open();
    desk.kiosk.paste("rina").expect("1 akun");
    desk.kiosk
        .press(key::DOWN)
        .press(key::ENTER)
        .expect("Ini akun Anda sendiri.");
    let screen = desk.kiosk.text();
    assert!(!screen.contains("[ Reset TOTP ]") && !screen.contains("Tampilkan e-mail"));
}

#[test]
fn an_officer_whose_account_is_removed_is_led_out_at_once() {
    let office = Office::new();
    add_officer(&office, OFFICER, "Rina Wulandari");
    let mut kiosk = office.kiosk();
    first_login(&mut kiosk, &office);
    let remove = [
        "user",
        "remove",
        OFFICER,
        "--type",
        "non-penyedia",
        "--yes",
        "--reason",
        REASON,
    ];
    let removed = office.command(&remove);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    kiosk.expect("Login ini sudah tidak berlaku");
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Selamat datang, Siti");
    log_out(&mut kiosk);
}
