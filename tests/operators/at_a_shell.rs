//! What somebody sees who types a command at a shell, and what a pipe gets of the same.

use std::fs;

use portable_pty::CommandBuilder;
use serde_json::{Value, json};
use support::{
    Kiosk, MENU, Office, PASSWORD, REASON,
    command::{Place, shown},
    eventually, free_port, key, refused, text,
};

/// The question before this terminal becomes a kiosk.
const QUESTION: &str = "Press Enter to start it, or Ctrl-C to leave";

/// Everything that a command prints on a terminal of this width, to its end, and its exit status.
fn printed(office: &Office, arguments: &[&str], columns: u16) -> (String, u32) {
    let mut terminal = office.start(arguments, columns, 60);
    let status = terminal.wait();
    // What was printed last may still be on its way.
    eventually("the end of what was printed", || terminal.has_closed());
    (text(&terminal.raw()).replace("\r\n", "\n"), status)
}

/// Nothing tells what a kiosk is to whoever types the program's name, so that nobody is to start one unawares.
#[test]
fn the_bare_command_tells_a_newcomer_what_to_do_first_and_makes_nothing() {
    let office = Office::empty_embedded();
    let (told, status) = printed(&office, &[], 80);
    assert_eq!(status, 2, "{told}");
    for word in [
        "no accounts yet",
        "lpse-kiosk demo",
        "lpse-kiosk user add PPK30 --type non-penyedia",
        "lpse-kiosk policy required",
        "--kiosk",
    ] {
        assert!(told.contains(word), "{word:?} is missing in:\n{told}");
    }
    assert!(told.lines().all(|line| line.len() < 80), "{told}");
    assert!(!office.data().exists() && !office.path("etc/master.key").exists());
    // A store without accounts is no better.
    office.policy("required");
    let (told, status) = printed(&office, &[], 80);
    assert!(status == 2 && told.contains("lpse-kiosk demo"), "{told}");
}

#[test]
fn the_bare_command_asks_before_the_terminal_becomes_a_kiosk() {
    let office = Office::new();
    let mut kiosk = office.start(&[], 80, 24);
    kiosk.expect(QUESTION);
    assert!(kiosk.echoes() && kiosk.modes_are_restored());
    let told = kiosk.text();
    let (_, rest) = told.split_once("kill ").expect("it says how it is ended");
    let id: u32 = rest.split_whitespace().next().unwrap().parse().unwrap();
    kiosk.press(key::ENTER).expect(MENU);
    support::send_signal(id, "TERM");
    assert_eq!(kiosk.wait(), 0);

    for (typed, status, words) in [
        (key::CTRL_C, 130, "nothing was changed"),
        ("q\r", 1, "nothing was started"),
        ("\x04", 1, "nothing was started"),
    ] {
        let mut kiosk = office.start(&[], 80, 24);
        kiosk.expect(QUESTION).press(typed);
        assert_eq!(kiosk.wait(), status, "{typed:?}");
        eventually(words, || text(&kiosk.raw()).contains(words));
        assert!(!text(&kiosk.raw()).contains(MENU));
        assert!(kiosk.modes_are_restored());
    }
}

#[test]
fn nothing_is_asked_of_what_starts_a_kiosk_by_itself() {
    let straight = |mut kiosk: Kiosk| {
        kiosk.expect(MENU);
        assert!(!text(&kiosk.raw()).contains(QUESTION));
        kiosk.signal("TERM").wait();
    };
    let office = Office::empty_embedded();
    straight(office.start(&["--kiosk"], 80, 24));
    // systemd says to the process that it starts which one that is.
    let of_shell = |script: &str| {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", script, support::program()]);
        command.env_clear();
        for (name, value) in office.environment() {
            command.env(name, value);
        }
        Kiosk::start(command, 80, 24)
    };
    straight(of_shell("SYSTEMD_EXEC_PID=$$ exec \"$0\""));
    // A desktop's shells have inherited that, and are no unit.
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut inherited = of_shell("INVOCATION_ID=1 SYSTEMD_EXEC_PID=$$ \"$0\"; exit 0");
    inherited.expect(QUESTION).press(key::CTRL_C);
    // Where one runs already, it says so instead.
    let mut kiosk = office.kiosk();
    kiosk.expect(MENU);
    eventually("commands are taken", || {
        office.data().join("lpse-kiosk.sock").exists()
    });
    let (told, status) = printed(&office, &[], 80);
    assert!(status == 3 && !told.contains(QUESTION), "{told}");
    let before = office.command(&["--kiosk", "policy"]);
    refused(&before, 2, "--kiosk before a command says nothing");
}

#[test]
fn an_import_shows_every_hash_while_passwords_are_hashed() {
    let office = Office::empty_embedded();
    let mut csv = String::from("user_id,type,name,email,password\n");
    // Fewer than are written together.
    for number in 0..200 {
        csv.push_str(&format!("P{number:03},penyedia,A,a@contoh.id,{PASSWORD}\n"));
    }
    let file = office.path("accounts.csv");
    fs::write(&file, csv).unwrap();
    let (told, status) = printed(&office, &["user", "import", shown(&file)], 100);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("Imported 200 accounts."), "{told}");
    let counts: Vec<u32> = told
        .split_whitespace()
        .filter_map(|word| word.strip_suffix("/200")?.parse().ok())
        .collect();
    assert_eq!(counts.first(), Some(&0), "before the first hash: {told}");
    assert!(
        counts.iter().any(|count| (1..200).contains(count)),
        "{told}"
    );
}

#[test]
fn listings_have_heads_on_a_terminal_and_none_in_a_pipe() {
    let office = Office::new();
    for (arguments, head, row) in [
        (
            &["user", "list"][..],
            "TYPE          USER ID  TOTP  NAME",
            "penyedia      CVMAJU   off   CV Maju Bersama",
        ),
        (
            &["user", "find", "siti"],
            "TYPE          USER ID",
            "non-penyedia  PPK30 ",
        ),
        (
            &["audit", "tail"],
            "RECORD  WHEN                     ACT",
            "     1  2020-08-13 08:53:05 WIB  add-account",
        ),
        (
            &["audit", "search"],
            "RECORD  WHEN",
            "     1  2020-08-13 08:53:05 WIB",
        ),
        (&["key", "check"], "MASTER KEY        ", "sealed  seals"),
    ] {
        let (seen, status) = printed(&office, arguments, 120);
        let has = |text: &str, words: &str| text.lines().any(|line| line.contains(words));
        assert!(status == 0 && has(&seen, head) && has(&seen, row), "{seen}");
        let piped = office.command(arguments);
        assert_eq!(text(&piped.stderr), "");
        let heads = head.split_whitespace().next().unwrap();
        assert!(!text(&piped.stdout).contains(heads), "{arguments:?}");
    }
}

#[test]
fn where_there_is_nothing_to_list_a_pipe_gets_nothing() {
    let place = Place::new();
    place.run(&["policy", "required"]).ok();
    // Each names where it has looked: there may be another folder, with everything that was missed here.
    let (store, log) = (place.path("data/store"), place.path("data/audit.jsonl"));
    let (store, log) = (shown(&store), shown(&log));
    for (arguments, words) in [
        (
            &["user", "list"][..],
            &format!("there are no accounts in {store}; `user add` adds one")[..],
        ),
        (
            &["user", "list", "--prefix", "CV"],
            &format!("there are no such accounts in {store}")[..],
        ),
        (
            &["user", "find", "siti"],
            &format!("no account in {store} fits")[..],
        ),
        (
            &["outbox", "list"],
            &format!("no letter waits in {store}")[..],
        ),
        (&["node", "list"], "there are no nodes"),
        (
            &["audit", "search", "--act", "login"],
            &format!("no record in {log} fits")[..],
        ),
        (
            &["audit", "tail", "-n", "0"],
            &format!("there are no records in {log}")[..],
        ),
    ] {
        let told = place.run(arguments);
        assert_eq!((told.status, told.out.as_str()), (0, ""), "{arguments:?}");
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
        assert!(told.err.contains(words), "{arguments:?}: {}", told.err);
        // A program has its answer in that nothing comes.
        place.run(&[arguments, &["--json"]].concat()).ok();
    }
}

#[test]
fn the_type_is_needed_only_where_a_user_id_is_that_of_two() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let told = |arguments: &[&str]| place.run(arguments).ok().out;
    assert!(told(&["user", "show", "ppk30"]).contains("non-penyedia"));
    assert_eq!(
        told(&["user", "suspend", "PPK30", "--reason", REASON]),
        "PPK30 is suspended.\n"
    );
    told(&["user", "reinstate", "PPK30", "--reason", REASON]);
    told(&["user", "unlock", "PPK30", "--reason", REASON]);
    told(&["user", "end-logins", "PPK30", "--reason", REASON]);
    told(&["user", "reset-totp", "PPK30", "--reason", REASON]);
    told(&["user", "set-role", "PPK30", "officer", "--reason", REASON]);
    told(&[
        "user",
        "set-email",
        "PPK30",
        "--email",
        "siti@contoh.go.id",
        "--reason",
        REASON,
    ]);
    let set = place.run_with(
        &["user", "set-password", "PPK30", "--reason", REASON],
        b"perahu layar biru",
    );
    assert_eq!(set.ok().out, "Password of PPK30 set.\n");
    place
        .run(&["user", "suspend", "PPK31", "--reason", REASON])
        .refused(5, &["there is no account PPK31", "user list"]);
    place.add("PPK30", "penyedia").ok();
    for arguments in [
        &["user", "show", "PPK30"][..],
        &["user", "suspend", "PPK30", "--reason", REASON],
        &["user", "set-role", "PPK30", "user", "--reason", REASON],
        &[
            "user",
            "set-email",
            "PPK30",
            "--email",
            "a@contoh.id",
            "--reason",
            REASON,
        ],
        &["user", "set-password", "PPK30", "--reason", REASON],
        &["user", "remove", "PPK30", "--yes", "--reason", REASON],
    ] {
        place.run(arguments).refused(
            2,
            &[
                "more than one account",
                "--type penyedia or --type non-penyedia",
            ],
        );
    }
    assert_eq!(place.show("PPK30", "penyedia")["suspended"], json!(null));
    told(&[
        "user", "remove", "PPK30", "--type", "penyedia", "--yes", "--reason", REASON,
    ]);
    assert_eq!(
        told(&["user", "remove", "PPK30", "--yes", "--reason", REASON]),
        "Removed non-penyedia PPK30.\n"
    );
    // There is nothing to go by for an account that is to be.
    place
        .run(&[
            "user",
            "add",
            "ABC",
            "--name",
            "A",
            "--email",
            "a@contoh.id",
        ])
        .refused(2, &["--type"]);
}

#[test]
fn times_are_the_offices_for_people_and_universal_for_programs() {
    let office = Office::new().with("LPSE_KIOSK_OFFICE_ZONE", "WITA");
    let suspend = office.command(&["user", "suspend", "PPK30", "--reason", REASON]);
    assert!(suspend.status.success());
    let told = |arguments: &[&str]| text(&office.command(arguments).stdout);
    let account = told(&["user", "show", "PPK30"]);
    for line in [
        "Created      2020-08-13 09:53:05 WITA\n",
        "Suspended    since 2020-08-13 09:53:05 WITA\n",
        "Activity     2020-08-13 09:53:05 WITA suspended from command line\n",
    ] {
        assert!(account.contains(line), "{line:?} is missing in:\n{account}");
    }
    let json: Value = serde_json::from_str(&told(&["user", "show", "PPK30", "--json"])).unwrap();
    assert_eq!(json["suspended"], "2020-08-13T01:53:05Z");
    let newest = told(&["audit", "tail", "-n", "1"]);
    let at = "2020-08-13 09:53:05 WITA";
    assert!(newest.contains(at), "{newest}");
    let record: Value =
        serde_json::from_str(&told(&["audit", "tail", "-n", "1", "--json"])).unwrap();
    assert!(record["at"].as_str().unwrap().ends_with('Z'), "{record}");
    // What was told is taken back.
    let found = told(&["audit", "search", "--since", at]);
    assert!(found.contains("suspend"), "{found}");
    let file = office.path("backup");
    let key = office.path("backup.key");
    let made = told(&["backup", "--new-key-file", shown(&key), shown(&file)]);
    assert!(made.contains("as of 2020-08-13 09:53:05 WITA"), "{made}");
    let whole = told(&["verify", "--key-file", shown(&key), shown(&file)]);
    assert!(whole.contains("as of 2020-08-13 09:53:05 WITA"), "{whole}");
}

#[test]
fn serve_tells_how_people_come_in() {
    let port = free_port();
    let office = Office::empty()
        .with("LPSE_KIOSK_SSH_LISTEN", &format!("127.0.0.1:{port}"))
        .with("LPSE_KIOSK_WEB_LISTEN", "127.0.0.1:0")
        .with("LPSE_KIOSK_WEB_BASE_URL", "https://lpse.contoh.go.id");
    let mut serve = office.start(&["serve"], 120, 40);
    serve
        .expect(&format!(
            "People come in with: ssh -p {port} lpse@127.0.0.1"
        ))
        .expect("The page of the letters' links: https://lpse.contoh.go.id");
    let key = office.command(&["host-key", "--json"]);
    let key: Value = serde_json::from_slice(&key.stdout).unwrap();
    let fingerprint = key["fingerprint"].as_str().unwrap();
    serve.expect(&format!(
        "compare the host key at their first connection: {fingerprint}"
    ));
    serve.expect("Ctrl-C ends it");
    // The log goes to the same place, and does not say it again.
    let told = text(&serve.raw());
    assert_eq!(told.matches("People come in with").count(), 1, "{told}");
    serve.press(key::CTRL_C);
    assert_eq!(serve.wait(), 0);
    // With a kiosk on the terminal, it is in the log.
    let mut console = office.start(&["serve", "--console"], 80, 24);
    console.expect(MENU);
    eventually("the log", || {
        let log = fs::read_to_string(office.data().join("lpse-kiosk.log"));
        log.is_ok_and(|log| log.contains("People come in with: ssh -p"))
    });
    assert!(!text(&console.raw()).contains("People come in"));
    console.signal("TERM").wait();
}
