//! Reset by letter, the whole way through the real program: the request at the kiosk, the letter at a real mail server,
//! the link in a real browser or the code typed at the kiosk, the next login, and activation again.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
};

use support::{
    Office, PASSWORD, Phone, activate,
    browser::{Browser, Settings},
    key,
    letters::{Correspondence, SECURITY_CODE, SENT, ask, confirm, done},
    text,
};

/// Sends one request to the page; returns the answer.
fn page(method: &str, url: &str, headers: &[&str], body: &str) -> String {
    let (_, rest) = url.split_once("http://").expect("a link of this machine");
    let (address, target) = rest.split_at(rest.find('/').expect("a path"));
    let mut stream = TcpStream::connect(address).expect("the page is served");
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for header in headers {
        request.push_str(&format!("{header}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A connection that is closed in the middle of an answer has still answered its first line.
    let _ = stream.read_to_end(&mut answer);
    text(&answer)
}

fn pictures(name: &str, browser: &Browser) {
    if let Some(folder) = std::env::var_os("RESET_PICTURES") {
        fs::create_dir_all(&folder).unwrap();
        browser.screenshot(&Path::new(&folder).join(format!("{name}.png")));
    }
}

#[test]
fn a_lost_phone_a_letter_a_link_in_a_browser_and_a_new_phone() {
    let world = Correspondence::new();
    let office = &world.office;
    let mut kiosk = office.kiosk();
    let old = activate(office, &mut kiosk);
    let told = world.letter(1);
    assert!(told.text().contains("PPK30"), "{}", told.text());
    // From the code screen, the User ID is carried along and the half-proved login is dropped.
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk
        .expect("Masukkan kode TOTP")
        .press(key::TAB)
        .press(key::TAB)
        .press(key::ENTER)
        .expect("Permintaan Reset TOTP")
        .expect("PPK30")
        .expect("█");
    kiosk
        .press("ORANG@contoh.go.id")
        .press(key::TAB)
        .press(key::TAB)
        .press(SECURITY_CODE)
        .expect(SECURITY_CODE)
        .press(key::ENTER)
        .expect(SENT);
    done(&mut kiosk);
    let letter = world.letter(2);
    assert_eq!(letter.subject(), "Konfirmasi Permintaan Reset TOTP");
    let link = letter.link();
    let expected = format!(
        "{}/proc4user/resettotp?email=orang%40contoh.go.id&isRekanan=0&userId=PPK30&kode=",
        world.base_url
    );
    assert!(link.starts_with(&expected), "{link}");
    assert!(
        letter.text().contains("13 Agustus 2020"),
        "{}",
        letter.text()
    );
    assert!(letter.text().contains("WIB") && letter.text().contains("loket-1"));
    let browser = Browser::with(Settings {
        javascript: false,
        ..Settings::default()
    });
    browser.goto(&link);
    browser.wait_for("PP**0");
    pictures("1-ask", &browser);
    browser.click("Reset TOTP");
    browser.wait_for("Yakin reset TOTP akun ini?");
    pictures("2-confirm", &browser);
    browser.click("OK");
    browser.wait_for("TOTP sudah di-reset");
    pictures("3-done", &browser);
    browser.goto(&link);
    browser.wait_for("Tautan sudah dipakai");
    pictures("4-used", &browser);
    assert!(
        world.letter(3).text().contains("PPK30"),
        "the owner is told"
    );
    // The password alone is asked; the old phone is worth nothing, and a new one takes its place.
    let new = activate(office, &mut kiosk);
    assert_ne!(old.secret(), new.secret());
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Masukkan kode TOTP");
    kiosk
        .submit_code(&old.code(office.clock()))
        .expect("Kode tidak diterima");
    office.pass(2);
    kiosk
        .submit_code(&new.code(office.clock()))
        .expect("DISABLE TOTP");
    // The token was in the letter, and is in no file of ours.
    let (_, token) = link.split_once("kode=").unwrap();
    let stored = office.stored_bytes();
    assert!(!stored.windows(token.len()).any(|w| w == token.as_bytes()));
    assert!(!text(&kiosk.raw()).contains(token));
}

#[test]
fn a_reset_is_asked_for_on_a_phone_held_upright() {
    let world = Correspondence::new();
    let mut kiosk = world.office.kiosk_of(40, 24);
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let code = world.letter(1).code();
    done(&mut kiosk);
    confirm(&mut kiosk, &code);
    kiosk
        .expect("PP**0")
        .press("o")
        .press(key::ENTER)
        .expect("Reset TOTP selesai");
}

#[test]
fn a_typed_code_and_activation_right_after_the_password_where_it_is_required() {
    let world = Correspondence::new();
    let office = &world.office;
    office.policy("required");
    let mut kiosk = office.kiosk();
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    let phone = Phone::scan(&mut kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("TOTP aktif.")
        .press("l")
        .press(key::ENTER);
    office.pass(60);
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let letter = world.letter(2);
    done(&mut kiosk);
    confirm(&mut kiosk, &letter.code().to_lowercase());
    kiosk
        .expect("PP**0")
        .expect("NON PENYEDIA")
        .press("o")
        .press(key::ENTER)
        .expect("Reset TOTP selesai");
    kiosk.press(key::ESC);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    let new = Phone::scan(&mut kiosk);
    assert_ne!(phone.secret(), new.secret());
    kiosk
        .submit_code(&new.code(office.clock()))
        .expect("TOTP aktif.");
}

#[test]
fn a_second_letter_kills_the_first_link_and_time_kills_the_second() {
    let world = Correspondence::new();
    let office = &world.office;
    let mut kiosk = office.kiosk();
    for number in 1..=2 {
        ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
        world.letter(number);
        done(&mut kiosk);
    }
    let (first, second) = (world.letter(1), world.letter(2));
    assert!(page("GET", &first.link(), &[], "").starts_with("HTTP/1.1 404"));
    confirm(&mut kiosk, &first.link());
    kiosk.expect("tidak dikenal");
    kiosk
        .paste(&second.link())
        .press(key::ENTER)
        .expect("PP**0");
    kiosk.press(key::ESC);
    office.pass(30 * 60);
    assert!(page("GET", &second.link(), &[], "").starts_with("HTTP/1.1 410"));
}

#[test]
fn a_scanner_looks_a_hundred_times_and_a_stranger_posts_what_he_likes_and_nothing_changes() {
    let world = Correspondence::new();
    let mut kiosk = world.office.kiosk();
    activate(&world.office, &mut kiosk);
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let link = world.letter(2).link();
    let scanner = "User-Agent: Mozilla/5.0 (compatible; LinkScanner/3.1)";
    for number in 0..100 {
        let method = if number % 2 == 0 { "GET" } else { "HEAD" };
        let answer = page(method, &link, &[scanner], "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!answer.to_lowercase().contains("server:"), "{answer}");
    }
    let (path, query) = link.split_once('?').unwrap();
    let form = "Content-Type: application/x-www-form-urlencoded";
    let evil = [
        form,
        "Origin: https://jahat.example",
        "Sec-Fetch-Site: cross-site",
    ];
    for (headers, body) in [
        (&[form][..], query.to_owned()),
        (&evil[..], query.to_owned()),
        (&[form], format!("{query}&kode=lain")),
        (&[form], query.replace("PPK30", "CVMAJU")),
        (&[], query.to_owned()),
    ] {
        let answer = page("POST", path, headers, &body);
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    done(&mut kiosk);
    kiosk.signal("TERM").wait();
    assert_eq!(world.totp("PPK30"), "active");
}

#[test]
fn unknown_people_get_the_same_answer_and_no_letter() {
    let world = Correspondence::new();
    let mut kiosk = world.office.kiosk();
    let mut answers = Vec::new();
    for (user_id, email) in [
        ("tidakada", "orang@contoh.go.id"),
        ("ppk30", "lain@contoh.go.id"),
        ("ppk30", "orang@contoh.go.id"),
    ] {
        ask(&mut kiosk, user_id, email);
        // The footer counts visits; all the rest must be the same.
        let shown = kiosk.text();
        let body: Vec<String> = shown.lines().take(20).map(str::to_owned).collect();
        answers.push(body);
        done(&mut kiosk);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    world.letter(1);
    kiosk.signal("TERM").wait();
    assert_eq!(world.server.letters().len(), 1);
    assert!(world.outbox().is_empty());
}

#[test]
fn the_limits_of_an_account_outlast_the_kiosk() {
    let world = Correspondence::new();
    for number in 1..=4 {
        let mut kiosk = world.office.kiosk();
        ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
        if number <= 3 {
            world.letter(number);
        }
        kiosk.signal("KILL").wait();
    }
    let audit = fs::read_to_string(world.office.data().join("audit.jsonl")).unwrap();
    assert_eq!(audit.matches("limit-of-account").count(), 1, "{audit}");
    world.office.pass(60 * 60);
    let mut kiosk = world.office.kiosk();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    world.letter(4);
}

#[test]
fn a_server_that_will_not_holds_up_nobody_and_the_operator_sees_and_retries() {
    let world = Correspondence::new();
    world.server.refuse();
    let mut kiosk = world.office.kiosk();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    kiosk.signal("TERM").wait();
    // The try may still have been under way; the next kiosk goes on with it.
    let mut kiosk = world.office.kiosk();
    kiosk.expect("Total Pengunjung");
    let log = world.office.data().join("lpse-kiosk.log");
    support::eventually("a refusal in the log", || {
        fs::read_to_string(&log)
            .unwrap()
            .contains("a letter was refused")
    });
    kiosk.signal("TERM").wait();
    let waiting = world.outbox();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0]["stage"], "refused");
    assert!(
        waiting[0]["last_error"]
            .as_str()
            .unwrap()
            .contains("no such mailbox here")
    );
    let seen = text(&world.office.command(&["outbox", "list"]).stdout);
    assert!(
        seen.contains("refused") && seen.contains("no such mailbox"),
        "{seen}"
    );
    world.server.accept();
    let id = waiting[0]["id"].as_str().unwrap();
    let retried = world.office.command(&["outbox", "retry", id]);
    assert!(retried.status.success(), "{}", text(&retried.stderr));
    let mut kiosk = world.office.kiosk();
    kiosk.expect("Total Pengunjung");
    assert!(world.letter(1).link().contains("kode="));
}

#[test]
fn a_letter_answered_for_survives_a_killed_kiosk_and_is_not_sent_after_its_time() {
    let world = Correspondence::new();
    world.server.defer();
    let mut kiosk = world.office.kiosk();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    kiosk.signal("KILL").wait();
    world.server.accept();
    let mut kiosk = world.office.kiosk();
    let link = world.letter(1).link();
    world.server.defer();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    assert!(
        page("GET", &link, &[], "").starts_with("HTTP/1.1 404"),
        "a newer one was asked for"
    );
    kiosk.signal("KILL").wait();
    world.office.pass(30 * 60);
    world.server.accept();
    let mut kiosk = world.office.kiosk();
    kiosk.expect("Total Pengunjung");
    let log = world.office.data().join("lpse-kiosk.log");
    support::eventually("the dropped letter in the log", || {
        fs::read_to_string(&log)
            .unwrap()
            .contains("not delivered in time")
    });
    kiosk.signal("TERM").wait();
    assert_eq!(world.server.letters().len(), 1);
    assert!(world.outbox().is_empty());
}

#[test]
fn a_server_without_tls_or_with_a_wrong_certificate_gets_nothing_and_the_screen_answers_at_once() {
    let world = Correspondence::new();
    // Another authority than the server's: its certificate is nobody's.
    let stranger = support::smtp::Authority::new();
    fs::write(world.office.path("authority.pem"), stranger.pem()).unwrap();
    let mut kiosk = world.office.kiosk();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let log = world.office.data().join("lpse-kiosk.log");
    support::eventually("the failed try in the log", || {
        fs::read_to_string(&log)
            .unwrap()
            .contains("a letter was not taken")
    });
    kiosk.signal("TERM").wait();
    let waiting = world.outbox();
    assert_eq!(waiting[0]["stage"], "waiting", "{waiting:?}");
    assert!(world.server.letters().is_empty());
}

#[test]
fn a_server_that_never_answers_holds_up_neither_the_screen_nor_the_leaving() {
    let world = Correspondence::new();
    // Whoever connects waits for a greeting for ever.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let office = world.office.with("LPSE_KIOSK_MAIL_PORT", &port);
    let mut kiosk = office.kiosk();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let (_conversation, _) = silent.accept().expect("the courier comes");
    kiosk.expect_still_answers();
    kiosk.signal("TERM").wait();
    let listed = text(&office.command(&["outbox", "list", "--json"]).stdout);
    assert_eq!(listed.lines().count(), 1, "the letter waits: {listed}");
}

#[test]
fn an_open_home_ends_when_its_totp_is_reset_elsewhere() {
    let world = Correspondence::new();
    let office = &world.office;
    let mut kiosk = office.kiosk();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    let link = world.letter(1).link();
    done(&mut kiosk);
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("ENABLE TOTP");
    let browser = Browser::start();
    browser.goto(&link);
    browser.click("Reset TOTP");
    browser.click("OK");
    browser.wait_for("TOTP sudah di-reset");
    // Nobody has pressed a key.
    kiosk.expect("Login ini sudah tidak berlaku");
}

#[test]
fn training_walks_the_whole_manual_without_a_mail_server() {
    let office = Office::empty().with("LPSE_TEST_SECURITY_CODE", "0");
    let mut kiosk = office.start(&["demo"], 80, 24);
    kiosk.expect("mangga-manis-30");
    ask(&mut kiosk, "ppk30", "ppk30@contoh.go.id");
    done(&mut kiosk);
    // The letter may still be on its way; then the inbox is opened again.
    support::eventually("the letter in the inbox", || {
        kiosk.press("k").expect("Muat ulang");
        let arrived = kiosk.text().contains("Konfirmasi Permintaan Reset TOTP");
        if !arrived {
            kiosk.press(key::ESC).expect("Selamat datang");
        }
        arrived
    });
    kiosk
        .press(key::ENTER)
        .expect("Perihal")
        .expect("Kode reset");
    kiosk.resize(80, 40).expect("kode=");
    // The link's lines begin at the left edge and have nothing else in them, so that it can be copied.
    let shown = kiosk.text();
    let mut lines = shown
        .lines()
        .skip_while(|line| !line.starts_with("http://"));
    let link = format!(
        "{}{}",
        lines.next().unwrap(),
        lines.next().unwrap().trim_end()
    );
    let answer = page("GET", &link, &[], "");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("PP**0"),
        "{answer}"
    );
    // The same by a key, in the terminal's own sequence, and by a phone.
    let address = format!("\x1b]8;;{link}\x1b\\");
    assert!(text(&kiosk.raw()).contains(&address));
    kiosk.press("c").expect("Dikirim ke papan klip");
    let copied = data_encoding::BASE64.encode(link.as_bytes());
    assert!(text(&kiosk.raw()).contains(&format!("\x1b]52;c;{copied}\x1b\\")));
    kiosk.press("q");
    assert_eq!(Phone::scan(&mut kiosk).uri, link);
    kiosk.press("q").expect("Perihal");
    kiosk.press("k").expect("Konfirmasi Reset TOTP");
    kiosk.press(key::ENTER).expect("PP**0");
    kiosk
        .press("o")
        .press(key::ENTER)
        .expect("Reset TOTP selesai");
    kiosk.press(key::ESC);
    kiosk.give_password("non-penyedia", "PPK30", "mangga-manis-30");
    kiosk.expect("ENABLE TOTP");
}
