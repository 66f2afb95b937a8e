//! Several machines, each with its own `lpse-kiosk serve`, data folder and audit log, over one etcd cluster: what is
//! promised of one holds of all together.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    process::{Command, Stdio},
    time::Instant,
};

use support::{
    Kiosk, MENU, Office, PASSWORD, Phone, REASON, activate,
    cluster::{Cluster, etcdctl, fresh_prefix},
    eventually,
    fill::keys_kept,
    free_port, key,
    letters::{Correspondence, Letter, ask, confirm, done},
    log_out,
    ssh::Server,
    text,
};

const REJECTED: &str = "Kode tidak diterima. Periksa:";
const UNAVAILABLE: &str = "Layanan sedang tidak tersedia.";
const ENDED: &str = "Login ini sudah tidak berlaku";

/// A machine without accounts.
fn machine(endpoints: &str, prefix: &str, node: &str) -> Office {
    Office::empty_embedded().in_cluster(endpoints, prefix, node)
}

/// Gives `office` the master key and the clock of `other`, which has them already.
fn beside(office: Office, other: &Office) -> Office {
    let clock = other.path("clock").display().to_string();
    let office = office.with("FAKETIME_TIMESTAMP_FILE", &clock);
    copy_key(other, &office);
    office
}

/// Takes the master key file from one machine to another, as its operator does.
fn copy_key(from: &Office, to: &Office) {
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700);
    private.create(to.path("etc")).unwrap();
    let file = to.path("etc/master.key");
    fs::copy(from.path("etc/master.key"), &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Two machines over one store, with PPK30 and CVMAJU, and the servers at them.
struct Two {
    one: Office,
    two: Office,
    prefix: String,
}

impl Two {
    fn new() -> Self {
        Self::over(&Cluster::shared())
    }

    fn over(endpoints: &str) -> Self {
        let prefix = fresh_prefix();
        let one = machine(endpoints, &prefix, "one").with_people();
        let two = beside(machine(endpoints, &prefix, "two"), &one);
        Self { one, two, prefix }
    }

    /// Both with one more setting.
    fn with(self, variable: &str, value: &str) -> Self {
        Self {
            one: self.one.with(variable, value),
            two: self.two.with(variable, value),
            ..self
        }
    }

    fn serve(&self) -> (Server, Server) {
        (self.one.serve(), self.two.serve())
    }
}

fn succeeds(office: &Office, arguments: &[&str]) -> String {
    let output = office.command(arguments);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    text(&output.stdout)
}

fn user<'a>(act: &'a str, user_id: &'a str) -> [&'a str; 7] {
    [
        "user",
        act,
        user_id,
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ]
}

#[test]
fn a_code_that_one_accepts_is_refused_by_the_other() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let code = phone.code(world.one.clock());
    let mut first = at_one.password_given("non-penyedia", "PPK30");
    first.expect("Masukkan kode TOTP").submit_code(&code);
    first.expect("DISABLE TOTP");
    let mut second = at_two.password_given("non-penyedia", "PPK30");
    second.expect("Masukkan kode TOTP").submit_code(&code);
    second.expect(REJECTED);
}

#[test]
fn of_32_at_once_at_both_one_is_let_in() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let code = phone.code(world.one.clock());
    let mut people: Vec<Kiosk> = Vec::new();
    for number in 0..32 {
        let server = if number % 2 == 0 { &at_one } else { &at_two };
        let mut kiosk = server.password_given("non-penyedia", "PPK30");
        kiosk.expect("Masukkan kode TOTP").press(&code[..5]);
        kiosk.expect_that("five digits", |text| support::shows_five_of(&code, text));
        people.push(kiosk);
    }
    for kiosk in &mut people {
        kiosk.press(&code[5..]);
    }
    let mut let_in = 0;
    for kiosk in &mut people {
        let home = |text: &str| text.contains("DISABLE TOTP");
        let refused = |text: &str| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            text.contains(REJECTED) || text.contains("Coba lagi setelah")
        };
        kiosk.expect_that("an answer", |text| home(text) || refused(text));
        let_in += usize::from(home(&kiosk.text()));
    }
    assert_eq!(let_in, 1);
    let granted = |office: &Office| office.audited("login", "done");
    // One without a code, before the activation.
    assert_eq!(granted(&world.one) + granted(&world.two), 1 + 1);
}

#[test]
fn what_one_counts_the_other_tells() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let wrong = phone.code(world.one.clock() - 9000);
    let mut kiosk = at_one.password_given("non-penyedia", "PPK30");
    for _ in 0..5 {
        kiosk.expect("Masukkan kode TOTP").submit_code(&wrong);
        kiosk.expect(REJECTED);
        world.one.pass(60);
    }
    kiosk.submit_code(&wrong).expect("Coba lagi setelah");
    // The clock has stood still since then.
    let right = phone.code(world.one.clock());
    let mut kiosk = at_two.password_given("non-penyedia", "PPK30");
    kiosk
        .expect("Masukkan kode TOTP")
        .press(&right)
        .expect("Coba lagi setelah");
    world.one.pass(3600);
    kiosk.press(key::ESC).expect(MENU);
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP")
        .submit_code(&phone.code(world.one.clock()))
        .expect("DISABLE TOTP");
}

#[test]
fn the_policy_that_one_sets_is_in_force_at_the_others_next_login() {
    let world = Two::new();
    let (_at_one, at_two) = world.serve();
    let mut kiosk = at_two.password_given("non-penyedia", "PPK30");
    kiosk.expect("ENABLE TOTP");
    log_out(&mut kiosk);
    world.one.policy("required");
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    Phone::scan(&mut kiosk);
    kiosk.press(key::ESC);
    world.two.policy("disabled");
    assert!(succeeds(&world.one, &["policy"]).contains("disabled"));
}

#[test]
fn a_home_that_is_open_at_one_ends_when_the_other_resets_or_suspends() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    activate(&world.one, &mut at_one.ssh());
    for act in ["reset-totp", "end-logins", "suspend"] {
        let mut kiosk = at_two.ssh();
        kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
        kiosk.expect("ENABLE TOTP");
        let begun = Instant::now();
        succeeds(
            &world.one,
            &[
                "user", act, "CVMAJU", "--type", "penyedia", "--reason", REASON,
            ],
        );
        // Nobody has pressed a key.
        kiosk.expect(ENDED);
        println!(
            "{act}: open logins elsewhere ended after {:?}",
            begun.elapsed()
        );
    }
    at_two
        .ssh()
        .give_password("penyedia", "CVMAJU", PASSWORD)
        .expect("Akun ini ditangguhkan.");
}

#[test]
fn visits_are_counted_by_each_and_told_together() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    for (number, server) in [&at_one, &at_two, &at_one, &at_two].into_iter().enumerate() {
        let mut kiosk = server.ssh();
        kiosk.expect(MENU).press(key::ENTER).expect("Login sebagai");
        kiosk
            .press(key::ESC)
            .expect(&format!("Total Pengunjung: {}", number + 1));
    }
}

#[test]
fn each_keeps_an_audit_log_of_its_own_that_verifies_and_is_named() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    for server in [&at_one, &at_two] {
        let mut kiosk = server.password_given("non-penyedia", "PPK30");
        kiosk.expect("ENABLE TOTP");
        log_out(&mut kiosk);
    }
    for (office, node) in [(&world.one, "one"), (&world.two, "two")] {
        assert_eq!(office.audited("login", "done"), 1);
        let said = succeeds(office, &["audit", "verify"]);
        assert!(said.contains(&format!("the node {node};")), "{said}");
        assert!(said.contains("are as they were recorded."), "{said}");
        let said = succeeds(office, &["audit", "verify", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert_eq!((&told["node"], &told["ok"]), (&node.into(), &true.into()));
    }
    drop((at_one, at_two));
    // A record less on one machine is found there, and the other's log is whole.
    let log = world.two.data().join("audit.jsonl");
    let lines = fs::read_to_string(&log).unwrap();
    let cut = lines.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    fs::write(&log, cut).unwrap();
    let broken = world.two.command(&["audit", "verify"]);
    assert_eq!(broken.status.code(), Some(1), "{}", text(&broken.stdout));
    succeeds(&world.one, &["audit", "verify"]);
}

#[test]
fn a_log_and_its_head_that_are_written_anew_contradict_what_the_other_has_noted() {
    let world = Two::new();
    let (mut at_one, mut at_two) = world.serve();
    for server in [&at_one, &at_two] {
        let mut kiosk = server.password_given("non-penyedia", "PPK30");
        kiosk.expect("ENABLE TOTP");
        log_out(&mut kiosk);
    }
    for server in [&mut at_two, &mut at_one] {
        assert_eq!(server.signal("TERM").wait(), 0);
    }
    // The one that ended last has seen how far the other's had come.
    let log = |office: &Office| office.data().join("audit.jsonl").display().to_string();
    for (office, other) in [(&world.one, "two"), (&world.two, "one")] {
        let noted = office.audit().into_iter().rfind(|line| {
            let told = line["detail"].as_str().unwrap_or_default();
            line["act"] == "note-head" && told.starts_with(&format!("node {other} record "))
        });
        assert!(noted.is_some(), "{other}: {:?}", office.audit());
    }
    let said = succeeds(
        &world.two,
        &["audit", "verify", "--heads", &log(&world.one)],
    );
    assert!(said.contains("is the one that it tells of."), "{said}");
    succeeds(
        &world.one,
        &["audit", "verify", "--heads", &log(&world.two)],
    );
    // Two's first record, and all that follow from it, by somebody who knows the form.
    let text_of = fs::read_to_string(log(&world.two)).unwrap();
    let mut prev = "0".repeat(64);
    let mut anew = String::new();
    let mut count = 0;
    for line in text_of.lines() {
        let changed = if count == 0 {
            line.replace("PPK30", "CVMAJU")
        } else {
            line.to_owned()
        };
        let (digested, _) = changed.rsplit_once(",\"prev\":\"").unwrap();
        let digested = format!("{digested},\"prev\":\"{prev}\"");
        let hash = ring::digest::digest(&ring::digest::SHA256, digested.as_bytes());
        prev = data_encoding::HEXLOWER.encode(hash.as_ref());
        anew += &format!("{digested},\"hash\":\"{prev}\"}}\n");
        count += 1;
    }
    assert_ne!(anew, text_of);
    fs::write(log(&world.two), anew).unwrap();
    let key = format!("{}r/audit-head/two", world.prefix);
    let before = etcdctl(&Cluster::shared(), &["get", "--print-value-only", &key]).unwrap();
    let mut head: serde_json::Value = serde_json::from_str(before.trim()).unwrap();
    assert_eq!(head["seq"], count);
    head["hash"] = prev.into();
    etcdctl(&Cluster::shared(), &["put", &key, &head.to_string()]).unwrap();
    succeeds(&world.two, &["audit", "verify"]);
    let found = world
        .two
        .command(&["audit", "verify", "--heads", &log(&world.one)]);
    let said = text(&found.stderr);
    assert_eq!(found.status.code(), Some(1), "{said}");
    assert!(
        said.contains("is not the one that a checkpoint or another machine's log tells of"),
        "{said}"
    );
    succeeds(&world.one, &["audit", "verify"]);
}

#[test]
fn a_folder_with_another_ones_name_is_refused() {
    let world = Two::new();
    let (_at_one, _at_two) = world.serve();
    let third = beside(
        machine(&Cluster::shared(), &world.prefix, "one"),
        &world.one,
    );
    for arguments in [&["serve"][..], &["user", "list"]] {
        let refused = third.command(arguments);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(
            said.contains("another data folder goes by the node's name one"),
            "{said}"
        );
    }
    // With a name of its own it is one more.
    let third = third.with("LPSE_KIOSK_STORE_NODE", "three");
    assert!(succeeds(&third, &["user", "list"]).contains("PPK30"));
}

#[test]
fn an_import_at_one_goes_on_while_the_other_starts() {
    let world = Two::new();
    let server = world.one.serve();
    // Any hash of the right form is taken: nobody logs in here.
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ";
    let mut table = String::from("user_id;type;name;email;password_hash\n");
    for number in 0..3_000 {
        table += &format!("IMPOR{number:05};penyedia;Orang {number};orang@contoh.go.id;{hash}\n");
    }
    let file = world.one.path("many.csv");
    fs::write(&file, table).unwrap();
    let mut import = Command::new(support::program());
    import
        .args(["user", "import", &file.display().to_string()])
        .env_clear()
        .envs(world.one.environment())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut import = import.spawn().unwrap();
    // Others open the same store for as long as it takes.
    let mut opened = 0;
    while import.try_wait().unwrap().is_none() {
        succeeds(&world.two, &["user", "list", "--prefix", "PPK"]);
        opened += 1;
    }
    let said = import.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", text(&said.stderr));
    println!("the other machine opened the store {opened} times meanwhile");
    let listed = succeeds(&world.two, &["user", "list", "--prefix", "IMPOR"]);
    assert_eq!(listed.lines().count(), 3_000);
    drop(server);
}

/// The second machine with the mail settings of the first.
fn with_mail_of(office: Office, other: &Office) -> Office {
    let set = other.environment().into_iter();
    let mail = set.filter(|(name, _)| name.starts_with("LPSE_KIOSK_MAIL_"));
    let office = mail.fold(office, |office, (name, value)| office.with(&name, &value));
    let port = free_port();
    office
        .with("LPSE_KIOSK_WEB_LISTEN", &format!("127.0.0.1:{port}"))
        .with(
            "LPSE_KIOSK_WEB_BASE_URL",
            &format!("http://127.0.0.1:{port}"),
        )
        .with("LPSE_TEST_SECURITY_CODE", "0")
}

/// Two machines whose letters go out, the first one's through a real mail server.
fn corresponding() -> (Correspondence, Office) {
    let (endpoints, prefix) = (Cluster::shared(), fresh_prefix());
    let world = Correspondence::of(machine(&endpoints, &prefix, "one").with_people());
    let two = beside(machine(&endpoints, &prefix, "two"), &world.office);
    let two = with_mail_of(two, &world.office);
    (world, two)
}

#[test]
fn a_letter_comes_once_and_its_code_works_once_at_whichever_machine() {
    let (world, two) = corresponding();
    let at_one = world.office.serve();
    let at_two = two.serve();
    activate(&world.office, &mut at_one.ssh());
    let mut kiosk = at_one.ssh();
    ask(&mut kiosk, "ppk30", "orang@contoh.go.id");
    done(&mut kiosk);
    // The second machine's courier looks at the same outbox now.
    let mut elsewhere = at_two.ssh();
    ask(&mut elsewhere, "cvmaju", "salah@contoh.go.id");
    done(&mut elsewhere);
    // The activation's came first.
    world.letter(2);
    let letters = world.server.letters().into_iter().map(Letter);
    let mut letters = letters.filter(|letter| letter.text().contains("/proc4user/resettotp?"));
    let letter = letters.next().expect("a letter with a link");
    // The link of the one is good at the other.
    let begins = format!("{}/", world.base_url);
    let path = letter.link().replace(&begins, "/");
    let page = get(&two, &path);
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let code = letter.code();
    confirm(&mut elsewhere, &code);
    elsewhere
        .expect("PP**0")
        .press("o")
        .press(key::ENTER)
        .expect("Reset TOTP selesai");
    let mut kiosk = at_one.ssh();
    confirm(&mut kiosk, &code);
    kiosk.expect("sudah dipakai");
    assert!(!get(&two, &path).starts_with("HTTP/1.1 200"));
    // The request's, the activation's and the reset's letters, each once.
    eventually("an empty outbox", || world.outbox().is_empty());
    let letters = world.server.letters();
    let mut ids: Vec<&str> = letters
        .iter()
        .filter_map(|letter| {
            let mut lines = letter.lines();
            lines.find(|line| line.to_lowercase().starts_with("message-id"))
        })
        .collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!((ids.len(), all), (letters.len(), letters.len()));
}

/// What the page of `office` answers.
fn get(office: &Office, path: &str) -> String {
    let set = office.environment();
    let listen = set
        .iter()
        .rfind(|(name, _)| name == "LPSE_KIOSK_WEB_LISTEN");
    let address = &listen.unwrap().1;
    let mut stream = TcpStream::connect(address).expect("the page is served");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_letter_of_a_machine_that_died_over_it_is_delivered_by_another() {
    let (world, two) = corresponding();
    // Whoever connects waits for a greeting for ever.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let two = two.with("LPSE_KIOSK_MAIL_PORT", &port);
    let at_one = world.office.serve();
    let mut at_two = two.serve();
    ask(&mut at_two.ssh(), "ppk30", "orang@contoh.go.id");
    let (_conversation, _) = silent.accept().expect("the courier comes");
    at_two.signal("KILL").wait();
    let stage = || world.outbox()[0]["stage"].clone();
    assert_eq!(stage(), "under-way", "the dead one's claim stands");
    let mut kiosk = at_one.ssh();
    let next = |kiosk: &mut Kiosk| {
        support::letters::open_form(kiosk, "cvmaju");
        kiosk.press(key::ESC);
    };
    next(&mut kiosk);
    assert!(world.server.letters().is_empty());
    // A claim holds for three minutes; the next look is at the next letter, or within a minute.
    world.office.pass(4 * 60);
    ask(&mut at_one.ssh(), "ppk30", "orang@contoh.go.id");
    world.letter(1);
    eventually("an empty outbox", || world.outbox().is_empty());
}

#[test]
fn a_machine_that_starts_again_goes_on_with_its_own_letters_at_once() {
    let (world, two) = corresponding();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let unlucky = with_port(two, &port);
    let mut server = unlucky.serve();
    ask(&mut server.ssh(), "ppk30", "orang@contoh.go.id");
    let (_conversation, _) = silent.accept().expect("the courier comes");
    server.signal("KILL").wait();
    let lucky = with_port(unlucky, &world.server.port().to_string());
    let _server = lucky.serve();
    world.letter(1);
}

fn with_port(office: Office, port: &str) -> Office {
    office.with("LPSE_KIOSK_MAIL_PORT", port)
}

/// A code given at a machine that does not have the store's key.
fn cannot_open(kiosk: &mut Kiosk, code: &str) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP")
        .submit_code(code)
        .expect(UNAVAILABLE);
}

fn logs_in(kiosk: &mut Kiosk, world: &Two, phone: &Phone) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP")
        .submit_code(&phone.code(world.one.clock()))
        .expect("DISABLE TOTP");
    log_out(kiosk);
    world.one.pass(60);
}

#[test]
fn a_rotation_gets_ready_first_and_then_nobody_notices() {
    let world = Two::new();
    let (at_one, at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    logs_in(&mut at_two.ssh(), &world, &phone);
    let before = fs::read_to_string(world.one.path("etc/master.key")).unwrap();
    let said = succeeds(&world.one, &["key", "rotate"]);
    assert!(said.contains("seals nothing yet"), "{said}");
    assert!(
        said.contains("do not hold it: two.") && said.contains("--copied"),
        "{said}"
    );
    // What the operator says, and has not done, seals nothing and makes no other key.
    let said = succeeds(&world.one, &["key", "rotate", "--copied"]);
    assert!(said.contains("do not hold it: two."), "{said}");
    // The other machine has no file of that rotation, and begins none of its own.
    let refused = world.two.command(&["key", "rotate"]);
    let said = text(&refused.stderr);
    assert!(said.contains("the machine one"), "{said}");
    let kept = fs::read_to_string(world.one.path("etc/master.key")).unwrap();
    assert_eq!(kept.lines().count(), before.lines().count() + 1);
    logs_in(&mut at_two.ssh(), &world, &phone);
    copy_key(&world.one, &world.two);
    let said = succeeds(&world.one, &["key", "rotate", "--copied", "--drop-old"]);
    // One of the machines may have been faster.
    let is_done = said.contains("sealed anew") || said.contains("seals everything");
    assert!(is_done || said.contains("is over"), "{said}");
    assert!(said.contains("no longer in the master key file"), "{said}");
    // It is done, and done again it changes nothing.
    let kept = fs::read_to_string(world.one.path("etc/master.key")).unwrap();
    let said = succeeds(&world.one, &["key", "rotate", "--copied"]);
    assert!(said.contains("No rotation is under way"), "{said}");
    let after = fs::read_to_string(world.one.path("etc/master.key")).unwrap();
    assert!(after == kept, "the key file was changed");
    for server in [&at_one, &at_two] {
        logs_in(&mut server.ssh(), &world, &phone);
    }
    // What the second machine seals is under the new key, which alone is left at the first.
    let mut kiosk = at_two.ssh();
    kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
    kiosk.expect("ENABLE TOTP").press(key::ENTER);
    let other = Phone::scan(&mut kiosk);
    kiosk
        .submit_code(&other.code(world.one.clock()))
        .expect("TOTP aktif.");
    let checked = succeeds(&world.one, &["key", "check"]);
    assert!(checked.contains("Everything opens"), "{checked}");
    copy_key(&world.one, &world.two);
    let (mut at_two, _) = (at_two, drop(kiosk));
    at_two.signal("TERM").wait();
    let at_two = world.two.serve();
    logs_in(&mut at_two.ssh(), &world, &phone);
}

/// How many records of rotations that go on by themselves the audit logs of `offices` hold.
fn recorded_by_itself(offices: [&Office; 2], outcome: &str) -> usize {
    let records = offices.into_iter().flat_map(Office::audit);
    let by_itself = records.filter(|record| {
        record["act"] == "rotate-key"
            && record["outcome"] == outcome
            && record["from"] == "console:key rotation"
    });
    by_itself.count()
}

/// What each master key is known for at `office`: its name, and how many texts are sealed under it.
fn sealed_under(office: &Office) -> BTreeMap<String, u64> {
    let census = succeeds(office, &["key", "check", "--json"]);
    let census: serde_json::Value = serde_json::from_str(&census).unwrap();
    let keys = census["keys"].as_array().unwrap().iter();
    keys.map(|key| {
        let id = key["id"].as_str().unwrap().to_owned();
        (id, key["sealed"].as_u64().unwrap())
    })
    .collect()
}

/// Whether `office` has said in the store that it holds `count` master keys.
fn has_said(office: &Office, node: &str, count: usize) -> bool {
    let listed = succeeds(office, &["node", "list", "--json"]);
    listed.lines().any(|line| {
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        told["name"] == node && told["keys"].as_array().unwrap().len() == count
    })
}

#[test]
fn a_rotation_goes_on_by_itself_when_every_machine_has_the_new_key() {
    let world = Two::new();
    let (mut at_one, at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let [old] = keys_kept(&world.one).try_into().unwrap();
    let said = succeeds(&world.one, &["key", "rotate"]);
    assert!(said.contains("goes on by itself"), "{said}");
    let new = keys_kept(&world.one)[1].clone();
    // The machine that lacks it keeps everybody waiting, and is named.
    at_one.expect_log("waits for these machines, which do not hold it: two;");
    assert_eq!(sealed_under(&world.one)[&new], 0);
    logs_in(&mut at_two.ssh(), &world, &phone);
    let offices = [&world.one, &world.two];
    assert_eq!(recorded_by_itself(offices, "intended"), 0);
    copy_key(&world.one, &world.two);
    let is_over = |server: &Server| {
        server
            .log()
            .contains("is over: everything is sealed under it")
    };
    eventually("the rotation is over", || {
        is_over(&at_one) || is_over(&at_two)
    });
    for office in offices {
        let sealed = sealed_under(office);
        assert!(sealed[&old] == 0 && sealed[&new] >= 3, "{sealed:?}");
    }
    for server in [&at_one, &at_two] {
        logs_in(&mut server.ssh(), &world, &phone);
    }
    let recorded = ["intended", "done", "failed"];
    let recorded = recorded.map(|outcome| recorded_by_itself(offices, outcome));
    assert_eq!(recorded, [1, 1, 0]);
    // Asked for once more, it changes nothing.
    let kept = offices.map(keys_kept);
    for office in offices {
        let said = succeeds(office, &["key", "rotate", "--copied"]);
        assert!(said.contains(&format!("{new} seals everything")), "{said}");
    }
    assert_eq!(offices.map(keys_kept), kept);
    // The old key can go at the machine that did it and at the one that did not.
    for office in offices {
        let said = succeeds(office, &["key", "drop-old"]);
        assert!(said.contains(&old), "{said}");
        assert_eq!(keys_kept(office), std::slice::from_ref(&new));
    }
    for server in [&at_one, &at_two] {
        logs_in(&mut server.ssh(), &world, &phone);
    }
}

/// A rotation that goes on by itself at the second machine, whose process is killed at its kill point `at`.
fn is_finished_by_the_other_when_killed(at: u32) {
    let world = Two::new();
    let (mut at_one, mut at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let [old] = keys_kept(&world.one).try_into().unwrap();
    succeeds(&world.one, &["key", "rotate"]);
    let new = keys_kept(&world.one)[1].clone();
    eventually("the first says what it holds", || {
        has_said(&world.one, "one", 2)
    });
    at_one.signal("TERM").wait();
    at_two.signal("TERM").wait();
    copy_key(&world.one, &world.two);
    let world = Two {
        two: world.two.with("LPSE_TEST_KILL_AT", &at.to_string()),
        ..world
    };
    assert_eq!(world.two.serve().wait(), -9);
    // What a dead process holds is held for 15 s, which nobody has to wait for here.
    for held in ["turn/rotation", "living/two"] {
        let held = format!("{}own/{held}", world.prefix);
        etcdctl(&Cluster::shared(), &["del", &held]).unwrap();
    }
    let mut at_one = world.one.serve();
    at_one.expect_log("is over: everything is sealed under it");
    let sealed = sealed_under(&world.one);
    assert!(sealed[&old] == 0 && sealed[&new] >= 3, "{sealed:?}");
    let world = Two {
        two: world.two.without("LPSE_TEST_KILL_AT"),
        ..world
    };
    for server in [&at_one, &world.two.serve()] {
        logs_in(&mut server.ssh(), &world, &phone);
    }
    let offices = [&world.one, &world.two];
    assert_eq!(recorded_by_itself(offices, "intended"), 2);
    assert_eq!(recorded_by_itself(offices, "done"), 1);
}

#[test]
fn a_rotation_killed_before_the_new_key_seals_goes_on_by_itself_elsewhere() {
    is_finished_by_the_other_when_killed(4);
}

#[test]
fn a_rotation_killed_while_records_are_sealed_anew_goes_on_by_itself_elsewhere() {
    is_finished_by_the_other_when_killed(7);
}

#[test]
fn a_machine_without_the_new_key_seals_nothing_and_says_what_to_do() {
    let world = Two::new();
    let (at_one, mut at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    // It does not live for a moment, so the rotation does not wait for it.
    at_two.signal("STOP");
    let living = format!("{}own/living/two", world.prefix);
    let deleted = support::cluster::etcdctl(&Cluster::shared(), &["del", &living]);
    assert_eq!(deleted.as_deref().map(str::trim), Some("1"));
    let said = succeeds(&world.one, &["key", "rotate"]);
    assert!(said.contains("at their next start"), "{said}");
    assert!(said.contains("before: two."), "{said}");
    at_two.signal("CONT");
    eventually("it says that it lacks the key", || {
        at_two.health() == Some((503, "master key".into()))
    });
    at_two.expect_log("the store's master key is another one");
    let mut kiosk = at_two.ssh();
    cannot_open(&mut kiosk, &phone.code(world.one.clock()));
    at_two.expect_log("bring its master key file here");
    let mut other = at_two.ssh();
    other.give_password("penyedia", "CVMAJU", PASSWORD);
    other
        .expect("ENABLE TOTP")
        .press(key::ENTER)
        .expect(UNAVAILABLE);
    assert!(succeeds(&world.one, &["key", "check"]).contains("Everything opens"));
    // Nothing was spent by the try, and no restart is needed.
    copy_key(&world.one, &world.two);
    eventually("it is well again", || is_well(&at_two));
    kiosk
        .submit_code(&phone.code(world.one.clock()))
        .expect("DISABLE TOTP");
    other.press(key::ENTER);
    Phone::scan(&mut other);
    // An older file in its place would be refused at the next start.
    drop((kiosk, other));
    at_two.signal("TERM").wait();
    let file = world.two.path("etc/master.key");
    let kept = fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = kept.lines().collect();
    let newest = lines
        .iter()
        .position(|line| !line.starts_with('#'))
        .unwrap();
    lines.remove(newest);
    fs::write(&file, lines.join("\n")).unwrap();
    let refused = world.two.command(&["user", "list"]);
    let said = text(&refused.stderr);
    assert!(said.contains("does not fit the store"), "{said}");
}

#[test]
fn a_machine_that_starts_without_a_quorum_waits_says_so_and_goes_on_by_itself() {
    let mut cluster = Cluster::start();
    let office = machine(&cluster.endpoints(), &fresh_prefix(), "one");
    office.add("CVMAJU", "penyedia", "CV Maju");
    let page = format!("127.0.0.1:{}", free_port());
    let office = office
        .with("LPSE_KIOSK_WEB_LISTEN", &page)
        .with("LPSE_KIOSK_WEB_BASE_URL", &format!("http://{page}"));
    let link = "/proc4user/resettotp";
    for member in [0, 1] {
        cluster.kill_member(member);
    }
    // It can be ended meanwhile.
    let mut serving = office.serve();
    serving.expect_log("the start goes on by itself");
    assert_eq!(serving.health(), Some((503, "starting".into())));
    serving.signal("TERM").wait();
    let mut serving = office.serve();
    let mut early = serving.ssh();
    early.give_password("penyedia", "CVMAJU", PASSWORD);
    early.expect(UNAVAILABLE);
    let told = get(&office, link);
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    assert!(told.contains("retry-after: 60"), "{told}");
    assert!(told.contains("Layanan sedang tidak tersedia"), "{told}");
    for member in [0, 1] {
        cluster.start_member(member);
    }
    cluster.wait_until_well();
    serving.expect_log("the store is open now");
    eventually("it is well", || is_well(&serving));
    let told = get(&office, link);
    assert!(told.starts_with("HTTP/1.1 400 "), "{told}");
    early.submit_password(PASSWORD).expect("ENABLE TOTP");
}

#[test]
fn without_a_quorum_nobody_is_let_in_and_everything_comes_back_by_itself() {
    let mut cluster = Cluster::start();
    let world = Two::over(&cluster.endpoints())
        .with("LPSE_KIOSK_KIOSK_IDLE_SECONDS", "120")
        .with("LPSE_KIOSK_KIOSK_HALF_TYPED_SECONDS", "60");
    let (at_one, at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let mut at_code = at_two.password_given("non-penyedia", "PPK30");
    at_code.expect("Masukkan kode TOTP");
    let mut at_home = at_two.ssh();
    at_home.give_password("penyedia", "CVMAJU", PASSWORD);
    at_home.expect("ENABLE TOTP");
    let before = (world.one.audit().len(), world.two.audit().len());
    for member in [0, 1] {
        cluster.kill_member(member);
    }
    eventually("503", || {
        at_one.health() == Some((503, "closed".into()))
            && at_two.health() == Some((503, "closed".into()))
    });
    // Nothing is granted at any of them, and what is no secret stays.
    let mut at_password = at_one.ssh();
    at_password.give_user_id("non-penyedia", "ppk30");
    at_password.submit_password(PASSWORD).expect(UNAVAILABLE);
    assert!(
        at_password.text().contains("PPK30"),
        "{}",
        at_password.text()
    );
    assert!(
        !at_password.text().contains("•••"),
        "{}",
        at_password.text()
    );
    let code = phone.code(world.one.clock());
    at_code.submit_code(&code).expect(UNAVAILABLE);
    at_home.press(key::ENTER).expect(UNAVAILABLE);
    // Somebody who comes now sees the menu, and learns it at the first thing that they want.
    let mut late = at_one.ssh();
    late.give_password("non-penyedia", "PPK30", PASSWORD);
    late.expect(UNAVAILABLE);
    for office in [&world.one, &world.two] {
        assert_eq!(office.audited("login", "done"), 1);
    }
    assert_eq!((world.one.audit().len(), world.two.audit().len()), before);
    // Whoever starts now is told, within its patience.
    let third = beside(
        machine(&cluster.endpoints(), &world.prefix, "three"),
        &world.one,
    );
    let begun = Instant::now();
    let refused = third.command(&["user", "list"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(75), "{said}");
    assert!(said.contains("the etcd cluster"), "{said}");
    println!("a command was refused after {:?}", begun.elapsed());
    for member in [0, 1] {
        cluster.start_member(member);
    }
    cluster.wait_until_well();
    let well = Instant::now();
    eventually("200", || {
        at_one.health() == Some((200, "ok".into())) && at_two.health() == Some((200, "ok".into()))
    });
    println!("healthy {:?} after the cluster was", well.elapsed());
    at_password
        .submit_password(PASSWORD)
        .expect("Masukkan kode TOTP");
    // The code was not spent by what came to nothing.
    at_code.submit_code(&code).expect("DISABLE TOTP");
    at_home.press(key::ENTER);
    Phone::scan(&mut at_home);
    late.submit_password(PASSWORD).expect("Masukkan kode TOTP");
    // Logins that end elsewhere are heard of again.
    succeeds(&world.one, &user("end-logins", "PPK30"));
    at_code.expect(ENDED);
}

const ELSEWHERE: &str = "Layanan di mesin ini sedang dipelihara";

#[test]
fn a_cluster_that_is_full_is_told_by_its_name_and_is_well_when_it_has_room() {
    const QUOTA: usize = 6 * 1024 * 1024;
    let cluster = Cluster::start_with(&[&format!("--quota-backend-bytes={QUOTA}")]);
    let world = Two::over(&cluster.endpoints());
    let (mut at_one, at_two) = world.serve();
    let all = [0, 1, 2];
    let large = "x".repeat(120_000);
    for number in 0..QUOTA / 100_000 {
        let put = ["put", &format!("/fill/{number}"), &large];
        if cluster.etcdctl(&all, &put).is_none() {
            break;
        }
    }
    eventually("503", || {
        at_one.health() == Some((503, "etcd full".into()))
            && at_two.health() == Some((503, "etcd full".into()))
    });
    at_one.expect_log("nobody can log in here: etcd has used up its room");
    let mut kiosk = at_one.ssh();
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect(UNAVAILABLE);
    let told = text(&world.one.command(&["doctor"]).stdout);
    assert!(told.contains("alarm disarm"), "{told}");
    let done = |arguments: &[&str]| {
        let said = cluster.etcdctl(&all, arguments);
        said.unwrap_or_else(|| panic!("{arguments:?} was refused"))
    };
    done(&["del", "--prefix", "/fill/"]);
    let status = done(&["endpoint", "status", "--write-out=json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let revision = status[0]["Status"]["header"]["revision"].to_string();
    done(&["compact", &revision]);
    done(&["defrag"]);
    done(&["alarm", "disarm"]);
    eventually("200", || is_well(&at_one) && is_well(&at_two));
    kiosk.submit_password(PASSWORD).expect("ENABLE TOTP");
}

#[test]
fn what_a_cluster_refuses_is_told_by_its_name_and_is_well_when_that_is_mended() {
    let cluster = Cluster::start();
    let world = Two::over(&cluster.endpoints());
    let done = |arguments: &[&str]| {
        let said = cluster.etcdctl(&[0, 1, 2], arguments);
        assert!(said.is_some(), "{arguments:?} was refused");
    };
    let mut at_one = world.one.serve();
    eventually("one serves", || is_well(&at_one));
    let mut refused = |word: &str, says: &str, to_do: &str, mended: &[&str]| {
        at_one.expect_refusal(&world.one, word, says, to_do);
        // Who starts now waits, and says for what.
        let mut at_two = world.two.serve();
        at_two.expect_log(says);
        assert_eq!(at_two.health(), Some((503, "starting".into())));
        let mut early = at_two.password_given("non-penyedia", "PPK30");
        early.expect(UNAVAILABLE);
        done(mended);
        at_two.expect_log("the store is open now");
        eventually("200", || is_well(&at_one) && is_well(&at_two));
        early.submit_password(PASSWORD).expect("ENABLE TOTP");
        drop(early);
        at_two.signal("TERM").wait();
    };
    cluster.raise_alarm("CORRUPT");
    refused(
        "etcd corrupt",
        "etcd has found its members' records to differ (the alarm CORRUPT)",
        "replace the member that differs",
        &["alarm", "disarm"],
    );
    done(&["user", "add", "root:rahasia"]);
    done(&["user", "grant-role", "root", "root"]);
    done(&["auth", "enable"]);
    refused(
        "etcd login",
        "etcd asks for a login, and [store] user names none",
        "Set [store] user",
        &["--user=root:rahasia", "auth", "disable"],
    );
}

/// A copy of a machine: its data folder, its keys and its name.
fn clone_of(office: &Office, prefix: &str, node: &str) -> Office {
    let clone = beside(machine(&Cluster::shared(), prefix, node), office);
    let _ = fs::remove_dir_all(clone.data());
    support::copy(office.data(), clone.data());
    clone
}

fn is_well(server: &Server) -> bool {
    server.health() == Some((200, "ok".into()))
}

#[test]
fn of_a_machine_and_its_copy_one_serves() {
    let world = Two::new();
    let mut at_one = world.one.serve();
    eventually("one serves", || is_well(&at_one));
    let clone = clone_of(&world.one, &world.prefix, "one");
    for arguments in [&["serve"][..], &["user", "list"]] {
        let refused = clone.command(arguments);
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(
            said.contains("the node one lives already, on the machine"),
            "{said}"
        );
        assert!(said.contains("[store] node"), "{said}");
    }
    succeeds(&world.one, &["user", "list"]);
    // Killed, and started where it was, it waits for nothing.
    at_one.signal("KILL").wait();
    let mut at_one = world.one.serve();
    eventually("one serves again", || is_well(&at_one));
    assert!(
        !at_one.log().contains("its end is waited for"),
        "{}",
        at_one.log()
    );
    at_one.signal("KILL").wait();
    // The copy is somewhere else, and nobody knows there that the process has ended.
    let mut at_clone = clone.serve();
    at_clone.expect_log("its end is waited for");
    eventually("the copy serves", || is_well(&at_clone));
    let refused = world.one.command(&["serve"]);
    assert!(text(&refused.stderr).contains("the node one lives already"));
}

#[test]
fn a_machine_that_was_held_up_while_its_copy_took_its_place_writes_nothing() {
    let world = Two::new();
    let mut at_one = world.one.serve();
    eventually("one serves", || is_well(&at_one));
    let mut kiosk = at_one.ssh();
    kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
    kiosk.expect("ENABLE TOTP");
    let clone = clone_of(&world.one, &world.prefix, "one");
    at_one.signal("STOP");
    let at_clone = clone.serve();
    eventually("the copy serves", || is_well(&at_clone));
    at_one.signal("CONT");
    kiosk.expect(ENDED);
    eventually("the word for it", || {
        at_one.health() == Some((503, "replaced".into()))
    });
    at_one.expect_log("another process has this node's name now");
    kiosk.press(key::ESC).expect(MENU);
    kiosk.give_user_id("penyedia", "CVMAJU");
    kiosk.submit_password(PASSWORD).expect(ELSEWHERE);
    assert!(is_well(&at_clone));
}

#[test]
fn clocks_that_are_apart_are_told_of_by_everybody_and_once() {
    let world = Two::new();
    let third = machine(&Cluster::shared(), &world.prefix, "three");
    copy_key(&world.one, &third);
    third.set_clock(world.one.clock() + 600);
    let (mut at_one, at_two) = world.serve();
    let _at_three = third.serve();
    at_one.expect_log("clock and this one's");
    eventually("both serve", || is_well(&at_one) && is_well(&at_two));
    let listed = || -> Vec<serde_json::Value> {
        let listed = succeeds(&world.one, &["node", "list", "--json"]);
        listed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let tells_its_key = |node: &serde_json::Value| node["keys"].as_array().unwrap().len() == 1;
    eventually("all tell their key", || listed().iter().all(tells_its_key));
    let nodes = listed();
    let names: Vec<_> = nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["one", "three", "two"]);
    let ahead: Vec<_> = nodes
        .iter()
        .map(|node| node["clock_ahead_ms"].as_i64().unwrap() / 1000)
        .collect();
    assert_eq!(ahead, [0, 600, 0]);
    for node in &nodes {
        assert_eq!(node["lives"], true, "{node}");
        assert_eq!(node["keys"], nodes[0]["keys"]);
    }
    let examined = text(&world.one.command(&["doctor"]).stdout);
    assert!(
        examined.contains("its clock is 600 s ahead of this machine's"),
        "{examined}"
    );
    assert_eq!(examined.matches("its clock is").count(), 1, "{examined}");
    // Set right, it is told that it is.
    third.set_clock(world.one.clock());
    at_one.expect_log("agree again");
    assert_eq!(
        at_one.log().matches("5 s apart").count(),
        1,
        "{}",
        at_one.log()
    );
}

#[test]
fn a_machine_that_is_gone_is_forgotten_and_what_it_counted_is_not() {
    let world = Two::new();
    let (at_one, mut at_two) = world.serve();
    for server in [&at_one, &at_two] {
        let mut kiosk = server.ssh();
        kiosk.expect(MENU).press(key::ENTER).expect("Login sebagai");
    }
    eventually("both serve", || is_well(&at_one) && is_well(&at_two));
    let refused = world.one.command(&["node", "forget", "two"]);
    assert!(
        text(&refused.stderr).contains("two lives"),
        "{}",
        text(&refused.stderr)
    );
    at_two.signal("TERM").wait();
    let mut kiosk = at_one.ssh();
    kiosk.expect("Total Pengunjung");
    let visitors = |kiosk: &Kiosk| {
        let text = kiosk.text();
        let (_, told) = text.split_once("Total Pengunjung").unwrap();
        told.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let before = visitors(&kiosk);
    let said = succeeds(&world.one, &["node", "forget", "two"]);
    assert!(said.contains("two is forgotten"), "{said}");
    assert_eq!(world.one.audited("forget-node", "done"), 1);
    let listed = succeeds(&world.one, &["node", "list"]);
    assert!(
        listed.starts_with("one ") && listed.lines().count() == 1,
        "{listed}"
    );
    let rotated = succeeds(&world.one, &["key", "rotate"]);
    assert!(!rotated.contains("two"), "{rotated}");
    let mut kiosk = at_one.ssh();
    kiosk.expect("Total Pengunjung");
    let after = visitors(&kiosk);
    assert!(
        after.parse::<u64>().unwrap() >= before.parse::<u64>().unwrap(),
        "{before} {after}"
    );
    let unknown = world.one.command(&["node", "forget", "two"]);
    assert_eq!(unknown.status.code(), Some(5));
    assert!(text(&unknown.stderr).contains("there is no node two"));
    // Its name is free, for a machine with another folder.
    let new = beside(
        machine(&Cluster::shared(), &world.prefix, "two"),
        &world.one,
    );
    succeeds(&new, &["user", "list"]);
}

#[test]
fn a_store_that_was_copied_elsewhere_is_left_by_every_machine() {
    let world = Two::new();
    let (mut at_one, mut at_two) = world.serve();
    let phone = activate(&world.one, &mut at_one.ssh());
    let mut at_home = at_two.ssh();
    at_home.give_password("penyedia", "CVMAJU", PASSWORD);
    at_home.expect("ENABLE TOTP");
    world.one.pass(60);
    at_one.signal("TERM").wait();
    let data = world.one.path("elsewhere").display().to_string();
    let copy = [
        "store",
        "copy",
        "--from",
        "etcd",
        "--to",
        "sled",
        "--to-data",
        &data,
    ];
    // While it is copied too, and for a while after a copy that was broken off.
    killed_at(1, &world.one, &copy);
    at_home.expect(ENDED);
    eventually("the word for it", || {
        at_two.health() == Some((503, "copying".into()))
    });
    at_two.expect_log("the store is being copied");
    let mut early = at_two.ssh();
    early.give_password("penyedia", "CVMAJU", PASSWORD);
    early.expect(ELSEWHERE);
    succeeds(&world.one, &copy);
    eventually("the word for it", || {
        at_two.health() == Some((503, "moved".into()))
    });
    at_two.expect_log("was copied elsewhere");
    // Where the store lives on, the code is accepted; where it does not, it is not, first or second.
    let code = phone.code(world.one.clock());
    let is_refused_at_two = || {
        let mut kiosk = at_two.ssh();
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        kiosk.expect("Masukkan kode TOTP").submit_code(&code);
        kiosk.expect(ELSEWHERE);
    };
    is_refused_at_two();
    let moved = world
        .one
        .without("LPSE_KIOSK_STORE_KIND")
        .with("LPSE_KIOSK_STORE_KIND", "sled")
        .with("LPSE_KIOSK_STORE_DATA", &data);
    let at_new = moved.serve();
    let mut kiosk = at_new.password_given("non-penyedia", "PPK30");
    kiosk.expect("Masukkan kode TOTP").submit_code(&code);
    kiosk.expect("DISABLE TOTP");
    is_refused_at_two();
    // Whoever sits at a form is given time to finish.
    drop((at_home, early));
    at_two.signal("TERM").wait();
    let refused = world.two.command(&["user", "list"]);
    assert!(text(&refused.stderr).contains("lives on there"));
}

#[test]
fn a_restore_into_the_store_under_a_machine_ends_its_service_until_it_is_done() {
    let world = Two::new();
    let mut at_one = world.one.serve();
    eventually("one serves", || is_well(&at_one));
    let passphrase = world.one.path("passphrase");
    fs::write(&passphrase, "telaga biru di kaki gunung\n").unwrap();
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    let passphrase = passphrase.display().to_string();
    let file = world.one.path("backup").display().to_string();
    let words = ["--passphrase-file", &passphrase, &file];
    succeeds(&world.one, &[&["backup"], &words[..]].concat());
    let mut at_home = at_one.ssh();
    at_home.give_password("penyedia", "CVMAJU", PASSWORD);
    at_home.expect("ENABLE TOTP");
    // It sees nothing of the moment at which the store holds nothing at all.
    at_one.signal("STOP");
    etcdctl(&Cluster::shared(), &["del", "--prefix", &world.prefix]).unwrap();
    let restore = [&["restore"], &words[..]].concat();
    killed_at(1, &world.two, &restore);
    at_one.signal("CONT");
    at_home.expect(ENDED);
    eventually("the word for it", || {
        at_one.health() == Some((503, "restoring".into()))
    });
    at_one.expect_log("a backup is being brought back into the store");
    at_home.press(key::ESC).expect(MENU);
    at_home.give_password("penyedia", "CVMAJU", PASSWORD);
    at_home.expect(ELSEWHERE);
    for (office, says) in [
        (&world.one, "a backup is being brought back into the store"),
        (&world.two, "a restore into it was not finished"),
    ] {
        let told = text(&office.command(&["doctor"]).stdout);
        assert!(told.contains(says), "{says}: {told}");
    }
    succeeds(&world.two, &restore);
    at_one.expect_log("not the one that was opened");
    assert_eq!(at_one.wait(), 75);
    // As its supervisor does.
    let at_one = world.one.serve();
    eventually("one serves again", || is_well(&at_one));
    let mut kiosk = at_one.ssh();
    kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
    kiosk.expect("ENABLE TOTP");
}

/// Runs a command that dies at a milestone of its work.
fn killed_at(milestone: u32, office: &Office, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lpse-kiosk"));
    command
        .args(arguments)
        .env_clear()
        .envs(office.environment())
        .env("LPSE_TEST_KILL_AT", milestone.to_string());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
}

#[test]
fn a_store_that_was_emptied_under_a_machine_is_not_written_to() {
    let world = Two::new();
    let mut at_one = world.one.serve();
    eventually("one serves", || is_well(&at_one));
    let all = ["del", "--prefix", &world.prefix];
    etcdctl(&Cluster::shared(), &all).unwrap();
    at_one.expect_log("not the one that was opened");
    assert_eq!(at_one.wait(), 75);
    assert!(!at_one.is_running());
    let begun = ["get", "--prefix", "--keys-only", &world.prefix];
    assert_eq!(etcdctl(&Cluster::shared(), &begun).unwrap().trim(), "");
}
