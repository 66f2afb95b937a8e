//! Operators' commands through the real program: what they print, refuse, and leave behind.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use lpse_kiosk::{config::StoreKind, domain::identity::is_disguise};
use serde_json::json;
use support::command::{Done, PASSWORD, Place, REASON, done, shown};

#[test]
fn an_account_is_added_shown_listed_and_removed() {
    let place = Place::new();
    let added = place.add("ppk30", "non-penyedia").ok();
    assert_eq!(added.out, "Added non-penyedia PPK30.\n");
    let account = place.show("PPK30", "NON-PENYEDIA");
    assert_eq!(account["user_id"], "PPK30");
    assert_eq!(account["type"], "non-penyedia");
    assert_eq!(account["name"], "Siti Rahmawati");
    assert_eq!(account["email"], "ppk30@contoh.go.id");
    assert_eq!(account["totp"], "off");
    assert_eq!(account["passcode_failures"], 0);
    assert_eq!(account["last_login"], json!(null));
    assert_eq!(account["activity"], json!([]));
    assert!(account["created"].as_str().unwrap().ends_with('Z'));
    let told = place
        .run(&["user", "show", "PPK30", "--type", "non-penyedia"])
        .ok()
        .out;
    for word in [
        "PPK30",
        "non-penyedia",
        "Siti Rahmawati",
        "ppk30@contoh.go.id",
        "off",
        "never",
    ] {
        assert!(told.contains(word), "{word:?} is missing in:\n{told}");
    }
    let told = place.run(&["user", "list"]).ok().out;
    assert!(told.starts_with("non-penyedia  PPK30 "), "{told}");
    assert!(
        told.ends_with(" off      Siti Rahmawati  <ppk30@contoh.go.id>\n"),
        "{told}"
    );
    // The same ID of the other type is somebody else.
    place
        .run(&[
            "user", "remove", "PPK30", "--type", "penyedia", "--yes", "--reason", REASON,
        ])
        .refused(5, &["there is no penyedia account PPK30", "user list"]);
    let remove = [
        "user",
        "remove",
        "PPK30",
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ];
    place.run(&remove).refused(1, &["nobody to ask", "--yes"]);
    let removed = place.run(&[&remove[..], &["--yes"]].concat()).ok();
    assert_eq!(removed.out, "Removed non-penyedia PPK30.\n");
    assert!(place.listed().is_empty());
}

#[test]
fn an_account_that_exists_is_not_added_again() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    place
        .add("pPK30", "non-penyedia")
        .refused(6, &["account PPK30 exists already", "set-password"]);
    place.add("PPK30", "penyedia").ok();
    assert_eq!(place.listed(), ["PPK30", "PPK30"]);
}

#[test]
fn a_password_is_the_first_line_of_standard_input_and_follows_the_rules() {
    let place = Place::new();
    let add = |input: &[u8]| {
        let arguments = [
            "user",
            "add",
            "PPK30",
            "--type",
            "non-penyedia",
            "--name",
            "Siti",
            "--email",
            "siti@contoh.go.id",
        ];
        place.run_with(&arguments, input)
    };
    add(b"").refused(1, &["standard input is empty"]);
    add(b"\n").refused(1, &["at least 8 characters"]);
    add(b"password1\n").refused(1, &["attackers try"]);
    add(b"kuda\x07hijau9awan\n").refused(1, &["control characters"]);
    add(b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\n").refused(1, &["UTF-8"]);
    add(b"kuda hijau di caf\xe9\n").refused(1, &["UTF-8"]);
    add(b"kuda hijau di awan 9 \n").refused(1, &["begins or ends with a space"]);
    add("kuda hijau di awan 9\u{a0}\n".as_bytes()).refused(1, &["U+00A0"]);
    add("kuda\u{200b} hijau di awan 9\n".as_bytes()).refused(1, &["U+200B"]);
    add("x".repeat(129).as_bytes()).refused(1, &["at most 128"]);
    add("x".repeat(100_000).as_bytes()).refused(1, &["too long"]);
    assert!(place.listed().is_empty(), "nothing was added");
    // Notepad puts its mark before it, and nobody types that.
    let told = add(b"\xef\xbb\xbfkuda hijau di awan 9\r\nthe second line is not read\n").ok();
    assert!(!told.out.contains("kuda"));
    let set = [
        "user",
        "set-password",
        "ppk30",
        "--type",
        "non-penyedia",
        "--reason",
        REASON,
    ];
    place.run_with(&set, b"kuda").refused(1, &["at least 8"]);
    assert_eq!(
        place.run_with(&set, b"perahu layar biru").ok().out,
        "Password of PPK30 set.\n"
    );
    let activity = place.show("PPK30", "non-penyedia")["activity"].clone();
    assert_eq!(activity.as_array().unwrap().len(), 1, "{activity}");
    assert_eq!(activity[0]["kind"], "password-changed", "{activity}");
    assert_eq!(activity[0]["from"], "command line", "{activity}");
    place
        .run_with(
            &[
                "user",
                "set-password",
                "PPK31",
                "--type",
                "non-penyedia",
                "--reason",
                REASON,
            ],
            b"kuda hijau 99",
        )
        .refused(5, &["there is no non-penyedia account PPK31"]);
}

#[test]
fn what_is_no_account_is_wrong_usage() {
    let place = Place::new();
    let add = |id: &str, user_type: &str, name: &str, email: &str| {
        place.run(&[
            "user", "add", id, "--type", user_type, "--name", name, "--email", email,
        ])
    };
    add("ab", "penyedia", "A", "a@contoh.id").refused(2, &["3 to 32"]);
    add("a b c", "penyedia", "A", "a@contoh.id").refused(2, &["letters A-Z"]);
    add("ABC", "vendor", "A", "a@contoh.id").refused(2, &["penyedia, non-penyedia"]);
    add("ABC", "penyedia", "a\u{1b}[2J", "a@contoh.id").refused(2, &["control"]);
    add("ABC", "penyedia", "A", "a@contoh.id,b@contoh.id").refused(2, &["name@host.domain"]);
    place
        .run(&["user", "add", "ABC"])
        .refused(2, &["--type", "--name", "--email"]);
    // Whatever a word is made of, the refusal that repeats it does nothing to the terminal.
    for word in [
        "a\u{9b}2J",
        "a\u{202e}b",
        "a\u{1b}[2Jb",
        "\u{e000}",
        "a\u{ffff}",
    ] {
        for arguments in [
            &[word][..],
            &["user", "show", word],
            &["policy", word],
            &["user", "list", "--type", word],
            &["--store", word, "policy"],
            &["user", "list", word],
            &["user", "add", "ABC", "--name", word],
        ] {
            let told = place.run(arguments).refused(2, &[]);
            assert!(!told.err.is_empty(), "{arguments:?}");
            assert!(
                !told.err.contains(|c| c != '\n' && is_disguise(c)),
                "{arguments:?}: {:?}",
                told.err
            );
        }
    }
    place.run(&["user"]).refused(2, &["add", "import"]);
    place.run(&["usr"]).refused(2, &["usr"]);
    place
        .run(&["user", "list", "--prefix", "a/b"])
        .refused(2, &["letters A-Z"]);
    place
        .run(&["--store", "mysql", "policy"])
        .refused(2, &["sled, redb"]);
    place
        .run(&["--master-key-file", "/tmp/x", "demo"])
        .refused(2, &["--master-key-file"]);
}

#[test]
fn a_password_is_taken_neither_by_an_argument_nor_by_a_variable() {
    let place = Place::new();
    let arguments = [
        "user",
        "set-password",
        "ABC",
        "--type",
        "penyedia",
        "--reason",
        REASON,
        "--password",
        "x",
    ];
    place.run(&arguments).refused(2, &["--password"]);
    let mut command = place.program(&["user", "list"]);
    let told = done(command.env("LPSE_KIOSK_PASSWORD", "kuda hijau"));
    let told = told.refused(2, &["LPSE_KIOSK_PASSWORD"]);
    assert!(!told.err.contains("kuda"), "{}", told.err);
}

#[test]
fn totp_is_reset_for_accounts_that_exist() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let reset = |id: &str| {
        place.run(&[
            "user",
            "reset-totp",
            id,
            "--type",
            "non-penyedia",
            "--reason",
            REASON,
        ])
    };
    assert_eq!(reset("ppk30").ok().out, "TOTP of PPK30 is off.\n");
    reset("PPK31").refused(5, &["there is no non-penyedia account PPK31"]);
    let account = place.show("PPK30", "non-penyedia");
    assert_eq!(account["totp"], "off");
    assert_eq!(account["activity"].as_array().unwrap().len(), 1);
}

#[test]
fn an_account_is_suspended_and_reinstated_and_told_so_once() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let of = |command: &str, id: &str| {
        place.run(&[
            "user",
            command,
            id,
            "--type",
            "non-penyedia",
            "--reason",
            REASON,
        ])
    };
    assert_eq!(of("suspend", "ppk30").ok().out, "PPK30 is suspended.\n");
    let again = of("suspend", "PPK30").ok().out;
    assert_eq!(again, "PPK30 was suspended already.\n");
    let account = place.show("PPK30", "non-penyedia");
    assert!(account["suspended"].as_str().unwrap().ends_with('Z'));
    assert_eq!(account["activity"].as_array().unwrap().len(), 1);
    assert_eq!(account["activity"][0]["kind"], "suspended");
    let listed = place.run(&["user", "list"]).ok().out;
    assert!(
        listed.ends_with("<ppk30@contoh.go.id>  suspended\n"),
        "{listed}"
    );
    let shown = place.run(&["user", "show", "PPK30"]).ok().out;
    assert!(shown.contains("Suspended    since 20"), "{shown}");
    assert_eq!(of("reinstate", "PPK30").ok().out, "PPK30 is reinstated.\n");
    assert_eq!(
        of("reinstate", "PPK30").ok().out,
        "PPK30 was not suspended.\n"
    );
    assert_eq!(
        place.show("PPK30", "non-penyedia")["suspended"],
        json!(null)
    );
    assert_eq!(
        of("unlock", "PPK30").ok().out,
        "PPK30 need not wait any more: wrong passwords are forgotten wherever they were typed, and the wait after wrong \
         codes has ended.\n"
    );
    let ended = of("end-logins", "PPK30").ok().out;
    assert_eq!(ended, "Open logins of PPK30 have ended.\n");
    for command in ["suspend", "reinstate", "unlock", "end-logins"] {
        of(command, "PPK31").refused(5, &["there is no non-penyedia account PPK31", "user list"]);
    }
    let audit = fs::read_to_string(place.path("data/audit.jsonl")).unwrap();
    let of_suspension: Vec<serde_json::Value> = audit
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| {
            line["act"] == "suspend" && line["account"] == "non-penyedia/PPK30"
        })
        .collect();
    let outcomes: Vec<_> = of_suspension.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes, ["intended", "done", "refused"]);
    assert_eq!(of_suspension[2]["reason"], "nothing-to-do");
}

#[test]
fn whoever_changes_an_account_says_why_and_the_record_tells_it() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let wanted = ["--reason <TEXT>", "say why", "5 to 200 characters"];
    for arguments in [
        &["reset-totp"][..],
        &["unlock"],
        &["end-logins"],
        &["suspend"],
        &["reinstate"],
        &["set-email", "--email", "siti@lain.go.id"],
        &["set-password"],
        &["set-role", "officer"],
        &["remove", "--yes"],
    ] {
        let (command, others) = arguments.split_first().unwrap();
        let asked = [&["user", command, "PPK30"], others].concat();
        place.run(&asked).refused(2, &wanted);
        let novel = "x".repeat(201);
        for (reason, why) in [
            ("ok", "too short"),
            (novel.as_str(), "200"),
            ("a\tbcdef", "control"),
        ] {
            let asked = [&asked[..], &["--reason", reason]].concat();
            place.run(&asked).refused(2, &["--reason", why]);
        }
    }
    let why = ["--reason", "SK \"7\"/2026"];
    let asked = |arguments: &[&str], input: &str| {
        let arguments = [&["user"], arguments, &why[..]].concat();
        place.run_with(&arguments, input.as_bytes()).ok();
        let log = fs::read_to_string(place.path("data/audit.jsonl")).unwrap();
        let newest: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        newest["detail"].as_str().unwrap().to_owned()
    };
    let said = r#"reason "SK \"7\"/2026""#;
    for arguments in [
        &["suspend", "PPK30"][..],
        &["reinstate", "PPK30"],
        &["unlock", "PPK30"],
        &["end-logins", "PPK30"],
        &["reset-totp", "PPK30"],
        &["set-password", "PPK30"],
        &["set-password", "PPK30", "--one-time"],
    ] {
        assert_eq!(asked(arguments, PASSWORD), said, "{arguments:?}");
    }
    let role = asked(&["set-role", "PPK30", "officer"], "");
    assert_eq!(role, format!("from user to officer, {said}"));
    let email = asked(&["set-email", "PPK30", "--email", "b@contoh.id"], "");
    assert!(email.ends_with(&format!(", {said}")), "{email}");
    assert_eq!(asked(&["remove", "PPK30", "--yes"], ""), said);
    // Where no account is changed, a reason may be told.
    let add = [
        "add", "PPK31", "--type", "penyedia", "--name", "CV Maju", "--email", "a@b.id",
    ];
    assert_eq!(asked(&add, PASSWORD), said);
    let file = place.write("hashed.csv", hashed_accounts(1));
    assert_eq!(asked(&["import", shown(&file)], ""), said);
}

#[test]
fn what_is_not_there_and_what_is_there_already_have_statuses_of_their_own() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    for arguments in [
        &["show"][..],
        &["reset-totp", "--reason", REASON],
        &["unlock", "--reason", REASON],
        &["end-logins", "--reason", REASON],
        &["suspend", "--reason", REASON],
        &["reinstate", "--reason", REASON],
        &["set-email", "--email", "a@contoh.id", "--reason", REASON],
        &["set-password", "--reason", REASON],
        &["set-password", "--one-time", "--reason", REASON],
        &["set-role", "officer", "--reason", REASON],
        &["remove", "--yes", "--reason", REASON],
    ] {
        let (command, others) = arguments.split_first().unwrap();
        let asked = [&["user", command, "PPK31"], others].concat();
        let told = place.run_with(&asked, PASSWORD.as_bytes());
        told.refused(5, &["there is no account PPK31", "user list"]);
        let asked = [&asked[..], &["--type", "penyedia"]].concat();
        let told = place.run_with(&asked, PASSWORD.as_bytes());
        told.refused(5, &["there is no penyedia account PPK31", "user list"]);
    }
    place
        .run(&["outbox", "retry", "1597283585000-0123456789abcdef"])
        .refused(5, &["there is no letter", "outbox list"]);
    let again = ["exists already", "set-password"];
    place.add("PPK30", "non-penyedia").refused(6, &again);
    let (table, rows) = (hashed_accounts(3), hashed_accounts(2));
    place.import(rows).ok();
    let told = place.import(&table);
    told.refused(1, &["2 of 3 lines are bad; nothing was imported"]);
    place.import(hashed_accounts(2)).refused(
        6,
        &[
            "line 2, column user_id",
            "2 of 2 lines are bad; nothing was imported",
        ],
    );
    let told = place.run(&["--help"]).ok().out;
    for line in ["\n   5  there is no such account", "\n   6  an account"] {
        assert!(told.contains(line), "{line:?} is missing in:\n{told}");
    }
}

#[test]
fn a_table_is_imported_from_a_pipe() {
    let place = Place::new();
    let import = |table: &str| place.run_with(&["user", "import", "-"], table.as_bytes());
    // More than a pipe holds.
    let told = import(&hashed_accounts(2_000)).ok();
    assert_eq!(told.out, "Imported 2000 accounts.\n");
    assert_eq!(place.listed().len(), 2_000);
    import("user_id,type,name,email,password\nA,penyedia,A,a@b.id,x\n")
        .refused(1, &["line 2, column user_id", "1 of 1 line is bad"]);
}

#[test]
fn what_was_done_is_told_to_programs_as_one_object() {
    let place = Place::new();
    let told = |arguments: &[&str], input: &str| {
        let arguments = [arguments, &["--json"]].concat();
        let mut told = place.run_with(&arguments, input.as_bytes()).ok().json();
        let at = told.as_object_mut().unwrap().remove("at").unwrap();
        assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
        told
    };
    let add = [
        "user", "add", "ppk30", "--type", "penyedia", "--name", "CV", "--email", "a@b.id",
    ];
    let expected = |act: &str, changed: bool| json!({ "act": act, "changed": changed, "type": "penyedia", "user_id": "PPK30" });
    assert_eq!(told(&add, PASSWORD), expected("add-account", true));
    for (arguments, act, changed) in [
        (&["suspend", "PPK30"][..], "suspend", true),
        (&["suspend", "PPK30"], "suspend", false),
        (&["reinstate", "PPK30"], "reinstate", true),
        (&["unlock", "PPK30"], "unlock", true),
        (&["end-logins", "PPK30"], "end-logins", true),
        (&["reset-totp", "PPK30"], "reset-totp", true),
        (&["set-role", "PPK30", "officer"], "set-role", true),
        (&["set-role", "PPK30", "officer"], "set-role", false),
        (
            &["set-email", "PPK30", "--email", "b@b.id"],
            "correct-email",
            true,
        ),
        (&["set-password", "PPK30"], "set-password", true),
        (
            &["set-password", "PPK30", "--one-time"],
            "issue-password",
            true,
        ),
        (&["remove", "PPK30", "--yes"], "remove-account", true),
    ] {
        let arguments = [&["user"], arguments, &["--reason", REASON]].concat();
        let done = told(&arguments, "perahu layar biru");
        assert_eq!(done, expected(act, changed), "{arguments:?}");
    }
    let table = hashed_accounts(2);
    let imported = |changed: bool| json!({ "act": "import-accounts", "changed": changed, "accounts": 2, "warned": 0 });
    let try_first = ["user", "import", "--dry-run", "-"];
    assert_eq!(told(&try_first, &table), imported(false));
    assert_eq!(told(&["user", "import", "-"], &table), imported(true));
    assert_eq!(
        told(&["outbox", "retry", "--all"], ""),
        json!({ "act": "retry-letter", "changed": false, "letter": null, "letters": 0 })
    );
    let none = told(&["key", "rotate", "--copied"], "");
    let first = none["key"].clone();
    assert_eq!(
        none,
        json!({ "act": "rotate-key", "changed": false, "state": "none", "key": first, "records": 0 })
    );
    let rotated = told(&["key", "rotate"], "");
    assert!(rotated["key"] != first, "{rotated}");
    assert_eq!(
        rotated,
        json!({
            "act": "rotate-key", "changed": true, "state": "rotated", "key": rotated["key"],
            "records": rotated["records"], "away": [], "failed": [],
        })
    );
    let dropped = |keys: serde_json::Value, changed: bool| json!({ "act": "drop-key", "changed": changed, "keys": keys });
    assert_eq!(
        told(&["key", "drop-old"], ""),
        dropped(json!([first]), true)
    );
    assert_eq!(told(&["key", "drop-old"], ""), dropped(json!([]), false));
    let checked = |act: &str, records: &serde_json::Value| {
        json!({
            "act": act, "changed": false, "records": records, "accounts": 2, "accounts_missing": 0,
            "accounts_miscounted_by_totp": false, "altered": 0, "named": [],
        })
    };
    let sound = told(&["store", "check"], "");
    assert_eq!(sound, checked("check-store", &sound["records"]));
    let accepted = told(&["store", "check", "--accept"], "");
    let mut expected_of_it = checked("accept-altered", &accepted["records"]);
    expected_of_it["removed"] = json!([]);
    assert_eq!(accepted, expected_of_it);
    let (file, key) = (place.path("backup"), place.path("backup.key"));
    let (file, key) = (shown(&file), shown(&key));
    let made = told(&["backup", "--new-key-file", key, file], "");
    let records = &made["records"];
    assert_eq!(
        (&made["act"], &made["file"]),
        (&json!("backup"), &json!(file))
    );
    let new = place.path("new");
    let to = ["--to", "redb", "--to-data", shown(&new)];
    let copied = told(
        &[&["store", "copy", "--from", "sled"], &to[..]].concat(),
        "",
    );
    assert_eq!(copied["act"], "copy-store");
    assert_eq!(copied["written"], copied["records"]);
    let store = place.path("data/store");
    fs::remove_dir_all(&store).unwrap();
    let begun = told(&["store", "begin-anew"], "");
    assert_eq!(begun["act"], "begin-store");
    assert_eq!(begun["store"], shown(&store));
    fs::remove_dir_all(&store).unwrap();
    let back = told(&["restore", "--key-file", key, file], "");
    assert_eq!(
        (&back["act"], &back["records"]),
        (&json!("restore"), records)
    );
    let second = |told: &serde_json::Value| told["as_of"].as_str().unwrap()[..19].to_owned();
    assert_eq!(second(&back), second(&made));
}

#[test]
fn an_officers_account_is_added_and_the_role_changed() {
    let place = Place::new();
    let add = [
        "user",
        "add",
        "PETUGAS1",
        "--type",
        "non-penyedia",
        "--name",
        "Rina Wulandari",
        "--email",
        "rina@contoh.go.id",
        "--officer",
    ];
    place.run_with(&add, PASSWORD.as_bytes()).ok();
    let role = || place.show("PETUGAS1", "non-penyedia")["role"].clone();
    assert_eq!(role(), "officer");
    let listed = place.run(&["user", "list"]).ok().out;
    assert!(
        listed.ends_with("<rina@contoh.go.id>  officer\n"),
        "{listed}"
    );
    let set = |role: &str| {
        place.run(&[
            "user",
            "set-role",
            "PETUGAS1",
            "--type",
            "non-penyedia",
            role,
            "--reason",
            REASON,
        ])
    };
    assert_eq!(set("user").ok().out, "PETUGAS1 has the role user.\n");
    assert_eq!(
        set("user").ok().out,
        "PETUGAS1 had the role user already.\n"
    );
    assert_eq!(role(), "user");
    set("admin").refused(2, &["user, officer"]);
    let audit = fs::read_to_string(place.path("data/audit.jsonl")).unwrap();
    assert!(audit.contains(r#""act":"set-role""#), "{audit}");
    assert!(audit.contains("from officer to user"), "{audit}");
}

#[test]
fn an_address_is_set_and_accounts_are_found_by_what_they_are_now() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    place.add("CVMAJU", "penyedia").ok();
    let find = |words: &[&str]| {
        let found = place
            .run(&[&["user", "find", "--json"], words].concat())
            .ok();
        let id = |line: &serde_json::Value| line["user_id"].as_str().unwrap().to_owned();
        found.json_lines().iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(find(&["siti"]), ["PPK30", "CVMAJU"]);
    assert_eq!(find(&["siti", "ppk"]), ["PPK30"]);
    assert_eq!(find(&["SITI cv"]), ["CVMAJU"]);
    assert_eq!(find(&["budi"]), [""; 0]);
    let set = |email: &str| {
        place.run(&[
            "user",
            "set-email",
            "PPK30",
            "--type",
            "non-penyedia",
            "--email",
            email,
            "--reason",
            REASON,
        ])
    };
    let told = set("rahma@lain.co.id").ok().out;
    assert_eq!(told, "Letters to PPK30 go to rahma@lain.co.id.\n");
    let told = set("rahma@lain.co.id").ok().out;
    assert_eq!(told, "Letters to PPK30 go to rahma@lain.co.id already.\n");
    set("rahma").refused(2, &["name@host.domain"]);
    assert_eq!(find(&["lain.co.id"]), ["PPK30"]);
    assert_eq!(find(&["contoh"]), ["CVMAJU"]);
    let told = place.run(&["user", "find", "lain"]).ok().out;
    assert!(
        told.ends_with(" off      Siti Rahmawati  <rahma@lain.co.id>\n"),
        "{told}"
    );
    place.run(&["user", "find"]).refused(2, &["WORDS"]);
}

#[test]
fn the_policy_is_shown_and_set() {
    let place = Place::new();
    assert_eq!(
        place.run(&["policy"]).ok().out,
        "enabled\nrecovery codes: on\n"
    );
    for policy in ["disabled", "required", "enabled"] {
        assert_eq!(
            place.run(&["policy", policy]).ok().out,
            format!("{policy}\nrecovery codes: on\n")
        );
        let shown = place.run(&["policy", "--json"]).ok().json();
        assert_eq!(shown, json!({ "policy": policy, "recovery_codes": true }));
    }
    place
        .run(&["policy", "mandatory"])
        .refused(2, &["disabled, enabled, required"]);
}

/// A hash in PHC form that no test asks to be right.
const PHC: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlIHNsdA$\
    AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

/// A file of `count` accounts whose passwords are hashed already.
fn hashed_accounts(count: usize) -> String {
    let mut csv = String::from("user_id,type,name,email,password_hash\n");
    for number in 0..count {
        csv.push_str(&format!(
            "U{number:06},penyedia,Nama {number},u{number}@contoh.id,\"{PHC}\"\n"
        ));
    }
    csv
}

#[test]
fn accounts_are_imported_with_passwords_and_with_hashes() {
    let place = Place::new();
    let told = place
        .import(format!(
            "\u{feff}email,Password_Hash,name,type,USER_ID,password\r\n\
             siti@contoh.go.id,,\"Nurhaliza, Siti\",non-penyedia,ppk30,{PASSWORD}\r\n\
             \r\n\
             cv@maju.co.id,\"{PHC}\",CV Maju,PENYEDIA,CVMAJU,\r\n"
        ))
        .ok();
    assert_eq!(told.out, "Imported 2 accounts.\n");
    assert_eq!(place.listed(), ["CVMAJU", "PPK30"]);
    assert_eq!(
        place.show("PPK30", "non-penyedia")["name"],
        "Nurhaliza, Siti"
    );
    let told =
        place.import("user_id;type;name;email;password\nABC;penyedia;A;a@b.id;kuda hijau 99\n");
    assert_eq!(told.ok().out, "Imported 1 account.\n");
}

#[test]
fn every_bad_line_is_told_with_its_number_and_column_and_nothing_is_imported() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let csv = "user_id,type,name,email,password,password_hash\n\
        GOOD1,penyedia,A,a@contoh.id,kuda hijau 99,\n\
        x,penyedia,A,a@contoh.id,kuda hijau 99,\n\
        GOOD2,vendor,\u{1b}[2J,kantor,short,\n\
        \"GOOD3\",penyedia,\"two\nlines\",a@contoh.id,kuda hijau 99,\n\
        good1,penyedia,A,a@contoh.id,kuda hijau 99,\n\
        PPK30,non-penyedia,A,a@contoh.id,kuda hijau 99,\n\
        GOOD4,penyedia,A,a@contoh.id,,\n\
        GOOD5,penyedia,A,a@contoh.id,kuda hijau 99,x\n\
        GOOD6,penyedia,A,a@contoh.id,,$2y$10$abcdefghijk\n\
        GOOD7,penyedia,A\n";
    for arguments in [&["user", "import"][..], &["user", "import", "--dry-run"]] {
        let file = place.write("accounts.csv", csv);
        let told = place.run(&[arguments, &[shown(&file)]].concat()).refused(
            1,
            &[
                "line 3, column user_id: a User ID has 3 to 32",
                "line 4, column type: ",
                "line 4, column name: ",
                "line 4, column email: ",
                "line 4, column password: ",
                "line 5, column name: ",
                "line 7, column user_id: penyedia GOOD1 stands on line 2 already",
                "line 8, column user_id: the non-penyedia account PPK30 exists already",
                "line 9, neither password nor password_hash",
                "line 10, password and password_hash are both given",
                "line 11, column password_hash: ",
                "line 12, the row has 3 columns, the first line 6",
                "lpse-kiosk: 9 of 10 lines are bad; nothing was imported",
            ],
        );
        assert!(
            !told.err.contains('\u{1b}') && !told.err.contains("short"),
            "{}",
            told.err
        );
        assert_eq!(place.listed(), ["PPK30"]);
    }
}

/// The same sheet as LibreOffice 7.4 writes it in each of its ways, from `tests/spreadsheets/accounts.fods`: an empty
/// first row, an empty row between, and empty columns behind the last.
#[test]
fn what_libreoffice_writes_is_read_as_it_was_meant() {
    let written = |name: &str| fs::read(Path::new("tests/spreadsheets").join(name)).unwrap();
    for name in ["comma.csv", "semicolon_quoted.csv", "utf16_tabs.csv"] {
        let place = Place::new();
        let told = place.import(written(name)).ok();
        assert_eq!(told.out, "Imported 4 accounts.\n", "{name}");
        assert_eq!(
            place.listed(),
            ["CVMAJU", "UTAMA", "0012345", "3175031234567812"],
            "{name}"
        );
        let named = |id: &str, kind: &str| place.show(id, kind)["name"].clone();
        assert_eq!(named("0012345", "non-penyedia"), "Siti Nurhaliza, S.Kom.");
        assert_eq!(named("CVMAJU", "penyedia"), "CV \"Maju\" Bersama; Jaya");
        assert_eq!(named("3175031234567812", "non-penyedia"), "René Adélia");
    }
    let place = Place::new();
    place.import(written("windows1252.csv")).refused(
        1,
        &[
            "line 4, column password: it is not UTF-8",
            "line 5, column name: it is not UTF-8",
            "1252",
            "CSV UTF-8",
            "2 of 4 lines are bad",
        ],
    );
}

#[test]
fn what_has_one_meaning_is_read_however_a_program_has_written_it() {
    let good = |csv: &str, ids: &[&str]| {
        let place = Place::new();
        place.import(csv).ok();
        assert_eq!(place.listed(), ids, "{csv:?}");
    };
    let names = "user_id;type;name;email;password";
    let of = |id: &str| format!("{id};penyedia;A;a@contoh.id;kuda hijau 99");
    // Empty columns behind the last, everywhere or in the rows alone, and none where they could be left out.
    good(&format!("{names};;;\n{};;;\n", of("AAA")), &["AAA"]);
    good(
        &format!("{names}\n{};\n{};;\n", of("AAA"), of("BBB")),
        &["AAA", "BBB"],
    );
    good(&format!("{names};password_hash\n{}\n", of("AAA")), &["AAA"]);
    // Lines before the names.
    good(&format!("sep=;\r\n{names}\r\n{}\r\n", of("AAA")), &["AAA"]);
    good(
        &format!("\n;;;;\n\u{feff}{names}\n{}\n", of("AAA")),
        &["AAA"],
    );
    // Tabs.
    good(
        &format!("{names}\n{}\n", of("AAA")).replace(';', "\t"),
        &["AAA"],
    );
    // Marks for text, and for the beginning of a file that was put together.
    for id in [
        "=\"0012345\"",
        "\"=\"\"0012345\"\"\"",
        "'0012345",
        "\u{feff}0012345",
        "\u{a0}0012345 ",
    ] {
        good(&format!("{names}\n{}\n", of(id)), &["0012345"]);
    }
    // The type as screens and people write it.
    for word in [
        "NON PENYEDIA",
        "Non Penyedia",
        "non_penyedia",
        "=\"Non-Penyedia\"",
        "NonPenyedia",
    ] {
        let place = Place::new();
        place
            .import(format!("{names}\nAAA;{word};A;a@contoh.id;kuda hijau 99\n"))
            .ok();
        assert_eq!(place.show("AAA", "Non Penyedia")["type"], "non-penyedia");
        let listed = place.run(&["user", "list", "--type", "non_penyedia"]).ok();
        assert!(listed.out.contains("AAA"), "{word}: {}", listed.out);
    }
    // A hash whose commas stand without quotes between commas.
    for (names, row) in [
        (
            "user_id,type,name,email,password_hash",
            format!("AAA,penyedia,A,a@contoh.id,{PHC}"),
        ),
        (
            "user_id,password_hash,type,name,email",
            format!("AAA,{PHC},penyedia,A,a@contoh.id,,"),
        ),
    ] {
        good(&format!("{names}\n{row}\n"), &["AAA"]);
    }
}

#[test]
fn what_has_two_meanings_is_refused_with_its_cure_and_what_looks_mangled_is_warned_of() {
    let place = Place::new();
    let csv = format!(
        "user_id;type;name;email;password;password_hash\n\
         AAA;penyedia;A;a@contoh.id;kuda hijau 99 ;\n\
         BBB;penyedia;A;a@contoh.id;kuda hijau 99\u{a0};\n\
         CCC;penyedia;A;a@contoh.id;kuda\u{200b}hijau 99;\n\
         DDD;penyedia;A;a@contoh.id;=\"kuda hijau 99\";\n\
         3,17503E+15;penyedia;A;a@contoh.id;kuda hijau 99;\n\
         1/3;penyedia;A;a@contoh.id;kuda hijau 99;\n\
         EEE;penyedia;#N/A;'a@contoh.id;1,97503E+17;\n\
         FFF\u{200b};penyedia;\u{3164};a@contoh.id;kuda hijau 99;\n\
         GGG;penyedia;A;a@contoh.id;kuda hijau 99;;x\n\
         HHH;penyedia;A;a@contoh.id;;{short}\n\
         3175031234567810;penyedia;A;a@contoh.id;kuda hijau 99;\n\
         3175031234567810;penyedia;B;b@contoh.id;kuda hijau 99;\n",
        short = PHC.replace(
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA",
            "AQIDBAUGBwgJCgsMDQ4PEA"
        ),
    );
    let told = place.import(csv).refused(
        1,
        &[
            "line 2, column password: the password begins or ends with a space",
            "line 3, column password: the password contains U+00A0",
            "line 4, column password: the password contains U+200B",
            "line 5, column password: it looks like a spreadsheet's mark",
            "line 6, column user_id: the spreadsheet has shortened a long number",
            "line 7, column user_id: a User ID has",
            "made a date of it",
            "line 8, column name: the spreadsheet has put its sign for an error",
            "line 8, column email: it begins with an apostrophe",
            "line 8, column password: the spreadsheet has shortened",
            "line 9, column user_id: a User ID has only letters",
            "it contains U+200B, which does not show",
            "line 9, column name: the name contains control characters, or others that do not show",
            "line 10, the row has 7 columns, the first line 6; a value that holds the separator stands in quotes",
            "line 11, column password_hash: the password hash has 16 bytes, and only hashes of 32 bytes are taken",
            "warning: line 12, column user_id: spreadsheets keep 15 digits",
            "line 13, column user_id: penyedia 3175031234567810 stands on line 12 already; a spreadsheet",
            "11 of 12 lines are bad",
        ],
    );
    assert!(!told.err.contains("kuda"), "{}", told.err);
    assert!(place.listed().is_empty());

    let told = place.import(
        "user_id;type;name;email;password\n\
         197503121998031000;penyedia;A;a@contoh.id;kuda hijau 99\n\
         1-MAR;penyedia;A;a@contoh.id;kuda hijau 99\n\
         12345.0;penyedia;A;a@contoh.id;kuda hijau 99\n\
         AAA;penyedia;'Aisyiyah;a@contoh.id;'kuda hijau 99\n\
         197503121998031001;penyedia;A;a@contoh.id;kuda hijau 99\n",
    );
    assert_eq!(told.status, 0, "{}", told.err);
    assert_eq!(told.out, "Imported 5 accounts, 4 of them with warnings.\n");
    for warned in [
        "warning: line 2, column user_id: ",
        "warning: line 3, column user_id: it looks like a date",
        "warning: line 4, column user_id: it looks like a number",
        "warning: line 5, column password: it begins with an apostrophe",
    ] {
        assert!(told.err.contains(warned), "{warned}: {}", told.err);
    }
    assert_eq!(told.err.lines().count(), 4, "{}", told.err);
    assert_eq!(place.show("AAA", "penyedia")["name"], "'Aisyiyah");
}

#[test]
fn what_is_told_is_bounded() {
    let place = Place::new();
    let mut csv = String::from("user_id,type,name,email,password\n");
    csv.push_str(&"x,penyedia,A,a@contoh.id,kuda hijau 99\n".repeat(5000));
    let told = place.import(csv).refused(
        1,
        &[
            "line 51, ",
            "and 4950 more problems",
            "5000 of 5000 lines are bad",
        ],
    );
    assert_eq!(told.err.lines().count(), 52);
    let open = format!(
        "user_id,type,name,email,password\nABC,penyedia,\"{}",
        "x\n".repeat(1_000_000)
    );
    place.import(open).refused(
        1,
        &[
            "line 2, the row is longer than",
            "quote",
            "1 of 1 line is bad",
        ],
    );
}

#[test]
fn a_file_that_is_none_is_refused_with_a_sentence() {
    let place = Place::new();
    place.import("").refused(1, &["empty", "columns"]);
    place
        .import("user_id,type,name,email\n")
        .refused(1, &["password or password_hash"]);
    place
        .import("user_id,type,name,password\n")
        .refused(1, &["email is missing"]);
    place
        .import("user_id,type,name,email,pasword\n")
        .refused(1, &["\"pasword\""]);
    place
        .import("type,type,name,email,password\n")
        .refused(1, &["type stands there twice"]);
    place.import(b"u\0s\0e\0r\0").refused(1, &["CSV UTF-8"]);
    place
        .import(b"\xff\xfeu\0s\0e\0r\0")
        .refused(1, &["there is no column \"user\""]);
    place
        .import(b"PK\x03\x04 a workbook")
        .refused(1, &[".xlsx", "CSV UTF-8"]);
    place
        .run(&["user", "import", "-"])
        .refused(1, &["standard input, line 1", "empty"]);
    place
        .run(&["user", "import", "/dev/null"])
        .refused(1, &["read twice"]);
    place
        .run(&["user", "import", "/nowhere.csv"])
        .refused(1, &["/nowhere.csv"]);
    assert_eq!(
        place.import("user_id,type,name,email,password\n").ok().out,
        "Imported 0 accounts.\n"
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let place = Place::new();
    let file = place.write("accounts.csv", hashed_accounts(300));
    let told = place
        .run(&["user", "import", "--dry-run", shown(&file)])
        .ok();
    assert_eq!(
        told.out,
        "300 lines are good; nothing was written (dry run).\n"
    );
    assert!(place.listed().is_empty());
}

#[test]
fn an_import_larger_than_a_page_is_listed_whole_and_by_prefix() {
    for kind in ["sled", "redb"] {
        let place = Place::new();
        let file = place.write("accounts.csv", hashed_accounts(1500));
        let run = |arguments: &[&str]| place.run(&[&["--store", kind][..], arguments].concat());
        run(&["user", "import", shown(&file)]).ok();
        let lines = run(&["user", "list", "--json"]).ok().json_lines();
        assert_eq!(lines.len(), 1500, "{kind}");
        let ids: Vec<&str> = lines
            .iter()
            .map(|line| line["user_id"].as_str().unwrap())
            .collect();
        assert!(ids.is_sorted(), "{kind}");
        let count = |arguments: &[&str]| run(arguments).out.lines().count();
        assert_eq!(count(&["user", "list", "--prefix", "u0012"]), 100, "{kind}");
        assert_eq!(
            count(&["user", "list", "--type", "non-penyedia"]),
            0,
            "{kind}"
        );
        assert_eq!(count(&["user", "list", "--prefix", "V"]), 0, "{kind}");
        run(&["user", "import", shown(&file)]).refused(6, &["1500 of 1500 lines are bad"]);
    }
}

#[test]
fn an_import_that_is_killed_leaves_nothing_visible_and_can_be_done_again() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    let mut csv = hashed_accounts(600).replace("password_hash\n", "password_hash,password\n");
    csv = csv.replace("\"\n", "\",\n");
    // So many passwords that nothing is finished when the first part has been written.
    for number in 0..2000 {
        csv.push_str(&format!(
            "P{number:04},penyedia,A,a@contoh.id,,kuda hijau {number}\n"
        ));
    }
    let file = place.write("accounts.csv", &csv);
    let mut import = place
        .program(&["user", "import", shown(&file)])
        .spawn()
        .unwrap();
    while !holds(&place.path("data/store"), b"U000000") {
        assert_eq!(
            import.try_wait().unwrap(),
            None,
            "the import was still going on"
        );
    }
    import.kill().unwrap();
    import.wait().unwrap();
    assert_eq!(place.listed(), ["PPK30"]);
    assert_eq!(
        place.import(hashed_accounts(600)).ok().out,
        "Imported 600 accounts.\n"
    );
    assert_eq!(place.listed().len(), 601);
}

/// Whether any file below `folder` holds `bytes`.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    // Files come and go while a store is written.
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|entry| {
        let path = entry.path();
        match fs::read(&path) {
            Ok(content) => content.windows(bytes.len()).any(|part| part == bytes),
            Err(_) => path.is_dir() && holds(&path, bytes),
        }
    })
}

#[test]
fn a_store_in_use_is_left_alone_and_its_holder_named() {
    for kind in StoreKind::EMBEDDED {
        let place = Place::new();
        let run =
            |arguments: &[&str]| place.run(&[&["--store", kind.as_str()][..], arguments].concat());
        run(&["policy", "required"]).ok();
        let held = lpse_kiosk::store::open(kind, &place.path("data/store"), 8).unwrap();
        let holder = format!("process {}", std::process::id());
        // Each of them waits for a while.
        std::thread::scope(|scope| {
            for arguments in [&["policy"][..], &["user", "list"], &["policy", "disabled"]] {
                scope.spawn(|| run(arguments).refused(3, &["in use", &holder, "end that one"]));
            }
        });
        let ended = held.ended();
        drop(held);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(ended.wait());
        assert_eq!(run(&["policy"]).ok().out, "required\nrecovery codes: on\n");
    }
}

#[test]
fn a_disk_under_its_floor_is_a_temporary_failure() {
    let place = Place::new();
    let mut command = place.program(&["policy"]);
    // No disk of a test machine has this much room.
    command.env("LPSE_KIOSK_STORE_FREE_SPACE_FLOOR_MIB", "65536");
    let told = done(&mut command);
    let room = rustix::fs::statvfs(place.path("home")).unwrap();
    if room.f_bavail * room.f_frsize < 65536 * 1024 * 1024 {
        told.refused(75, &["nearly full", "65536 MiB are needed"]);
    } else {
        told.ok();
    }
}

#[test]
fn a_store_of_the_other_kind_and_a_lost_key_are_told() {
    let place = Place::new();
    place.run(&["policy", "required"]).ok();
    place
        .run(&["--store", "redb", "policy"])
        .refused(1, &["of kind sled", "kind = \"sled\""]);
    fs::rename(place.path("etc/key"), place.path("etc/lost")).unwrap();
    place
        .run(&["policy"])
        .refused(1, &["is missing", "put the file back"]);
    assert!(
        !place.path("etc/key").exists(),
        "no new key takes its place"
    );
}

#[test]
fn a_reader_that_has_gone_ends_a_listing_quietly() {
    let place = Place::new();
    place.import(hashed_accounts(3000)).ok();
    let mut child = place.program(&["user", "list"]).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert!(first.contains("U000000"), "{first}");
    drop(output);
    let mut told = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), told.as_str()), (Some(0), ""));
}

#[test]
fn output_that_cannot_be_written_is_told() {
    let place = Place::new();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    done(place.program(&["policy"]).stdout(full)).refused(1, &["output cannot be written"]);
}

#[test]
fn help_and_version_are_complete() {
    let place = Place::new();
    let version = place.run(&["--version"]).ok().out;
    assert_eq!(
        version,
        format!("lpse-kiosk {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = place.run(&["--help"]).ok().out;
    for word in [
        "demo",
        "user",
        "policy",
        "audit",
        "config",
        "completions",
        "--data",
        "--config",
        "--store",
        "--master-key-file",
        "LPSE_KIOSK_STORE_KIND",
        "Exit status:",
        "\n  75  ",
        "Examples:",
    ] {
        assert!(help.contains(word), "{word:?} is missing in:\n{help}");
    }
    for command in [
        "demo",
        "policy",
        "config",
        "completions",
        "user add",
        "user list",
        "user show",
        "user find",
        "user set-password",
        "user set-email",
        "user set-role",
        "user reset-totp",
        "user unlock",
        "user end-logins",
        "user suspend",
        "user reinstate",
        "user remove",
        "user import",
        "key rotate",
        "key check",
        "key drop-old",
        "backup",
        "restore",
        "verify",
        "store check",
        "store copy",
        "audit tail",
        "audit search",
        "audit verify",
        "audit export",
    ] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = place.run(&arguments).ok().out;
        assert!(
            help.contains("Example"),
            "{command} has no example:\n{help}"
        );
        assert!(help.contains(&format!("lpse-kiosk {command}")), "{help}");
    }
    assert!(!place.path("data").exists(), "help opens nothing");
}

#[test]
fn completions_know_every_command_option_and_word() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).ok().out;
        for word in [
            "demo",
            "user",
            "policy",
            "config",
            "completions",
            "import",
            "reset-totp",
            "set-password",
            "rotate",
            "drop-old",
            "backup",
            "restore",
            "verify",
            "new-key-file",
            "dry-run",
            "master-key-file",
            "prefix",
            "json",
        ] {
            assert!(script.contains(word), "{word:?} is missing for {shell}");
        }
        // Elvish and PowerShell complete no values, fish those of options only.
        let values: &[&str] = match shell {
            "bash" | "zsh" => &["non-penyedia", "redb", "required"],
            "fish" => &["non-penyedia", "redb"],
            _ => &[],
        };
        for word in values {
            assert!(script.contains(word), "{word:?} is missing for {shell}");
        }
        if ["bash", "zsh", "fish"].contains(&shell) {
            parses(shell, &script);
        }
    }
    place
        .run(&["completions", "tcsh"])
        .refused(2, &["bash", "zsh", "fish"]);
}

/// The shell itself, where it is installed, finds no fault with the script.
fn parses(shell: &str, script: &str) {
    let checked = Command::new(shell)
        .arg("-n")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = checked else { return };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && told.is_empty(),
        "{shell}: {told}"
    );
}

#[test]
fn bash_completes_commands_options_and_values() {
    let place = Place::new();
    let script = place.run(&["completions", "bash"]).ok().out;
    let file = place.write("completions.bash", script);
    let typed = |words: &[&str]| {
        let last = words.len() - 1;
        let ask = format!(
            "source {} && COMP_WORDS=({}) COMP_CWORD={last} && _lpse__kiosk_with_users lpse-kiosk '{}' '{}' && \
             echo \"${{COMPREPLY[*]}}\"",
            shown(&file),
            words.join(" "),
            words[last],
            words[last - 1]
        );
        let output = Command::new("bash").args(["-c", &ask]).output();
        output.ok().map(|output| Done::from(output).out)
    };
    let Some(first) = typed(&["lpse-kiosk", "us"]) else {
        return;
    };
    assert_eq!(first, "user\n");
    let typed = |words: &[&str]| typed(words).unwrap();
    assert_eq!(
        typed(&["lpse-kiosk", "user", "add", "ABC", "--type", "p"]),
        "penyedia\n"
    );
    assert_eq!(
        typed(&["lpse-kiosk", "user", "reset-totp", "--ty"]),
        "--type\n"
    );
    assert_eq!(typed(&["lpse-kiosk", "user", "im"]), "import\n");
    assert_eq!(typed(&["lpse-kiosk", "policy", "req"]), "required\n");
}

#[test]
fn no_password_is_left_in_any_file() {
    let place = Place::new();
    place.add("PPK30", "non-penyedia").ok();
    place
        .import(format!(
            "user_id,type,name,email,password\nABC,penyedia,A,a@b.id,{PASSWORD}\n"
        ))
        .ok();
    fs::remove_file(place.path("accounts.csv")).unwrap();
    assert!(
        holds(&place.path(""), b"PPK30"),
        "the search finds what is there"
    );
    assert!(!holds(&place.path(""), PASSWORD.as_bytes()));
}

#[test]
fn an_embedded_store_has_no_nodes_and_says_so() {
    let place = Place::new();
    let listed = place.run(&["node", "list"]);
    assert_eq!((listed.status, listed.out.as_str()), (0, ""));
    assert!(listed.err.contains("there are no nodes"), "{}", listed.err);
    assert_eq!(place.run(&["node", "list", "--json"]).ok().out, "");
    place
        .run(&["node", "forget", "loket-2"])
        .refused(1, &["there are no nodes"]);
    place.run(&["node", "forget"]).refused(2, &["NAME"]);
}

#[test]
fn an_empty_outbox_says_so_and_a_letter_that_is_gone_is_told() {
    let place = Place::new();
    let listed = place.run(&["outbox", "list"]);
    assert_eq!((listed.status, listed.out.as_str()), (0, ""));
    let store = place.path("data/store");
    let said = format!("lpse-kiosk: no letter waits in {}\n", store.display());
    assert_eq!(listed.err, said);
    assert_eq!(place.run(&["outbox", "list", "--json"]).ok().out, "");
    let retried = place.run(&["outbox", "retry", "--all"]).ok();
    assert_eq!(retried.out, "No letter waits.\n");
    let gone = ["outbox", "retry", "1597283585000-0123456789abcdef"];
    place
        .run(&gone)
        .refused(5, &["there is no letter 1597283585000-", "outbox list"]);
    let nonsense = ["outbox", "retry", "../account"];
    place
        .run(&nonsense)
        .refused(2, &["../account", "1597283585000-"]);
    place.run(&["outbox", "retry"]).refused(2, &["ID"]);
}

#[cfg(not(feature = "etcd"))]
#[test]
fn a_cluster_is_refused_by_a_program_that_was_built_without() {
    let place = Place::new();
    let mut command = place.program(&["user", "list"]);
    command
        .env("LPSE_KIOSK_STORE_KIND", "etcd")
        .env("LPSE_KIOSK_STORE_ENDPOINTS", "http://127.0.0.1:2379");
    done(&mut command).refused(1, &["was built without etcd", "--features etcd"]);
    place
        .run(&["--store", "etcd", "user", "list"])
        .refused(2, &["was built without etcd", "--features etcd"]);
}

/// `command` under strace, which makes calls of it fail.
fn with_fault(command: &Command, inject: &str) -> Command {
    let mut traced = Command::new("strace");
    let call = inject.split(':').next().unwrap();
    let (trace, inject) = (format!("trace={call}"), format!("inject={inject}"));
    traced
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    traced
}

/// What is in a store's folder, but for what every look at it writes.
fn stored(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("lock") || path.ends_with("newest") => {}
                false => found.push((path.clone(), fs::read(&path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_read_that_fails_while_the_store_opens_costs_nothing() {
    for (kind, calls) in [
        (
            "sled",
            [
                "pread64:error=EIO:when=1",
                "pread64:error=EIO:when=4",
                "pread64:error=EIO:when=6",
                "read:error=EIO:when=18",
            ],
        ),
        (
            "redb",
            [
                "pread64:error=EIO:when=1",
                "pread64:error=EIO:when=2",
                "pread64:error=EIO:when=5",
                "read:error=EIO:when=18",
            ],
        ),
    ] {
        let place = Place::new();
        place.run(&["--store", kind, "policy", "required"]).ok();
        place.add("PPK30", "non-penyedia");
        let list = ["--store", kind, "user", "list", "--json"];
        let listed = place.run(&list).ok().out;
        let mut refused = 0;
        for call in calls {
            let before = stored(&place.path("data/store"));
            let done = done(&mut with_fault(&place.program(&list), call));
            if done.status != 0 {
                refused += 1;
                assert_eq!(stored(&place.path("data/store")), before, "{kind} {call}");
                assert!(done.err.lines().count() < 4, "{kind} {call}: {}", done.err);
                assert!(
                    !done.err.contains("backtrace"),
                    "{kind} {call}: {}",
                    done.err
                );
            }
            assert_eq!(place.run(&list).ok().out, listed, "{kind} {call}");
        }
        assert!(refused > 0, "{kind}: no read has failed");
    }
}

#[test]
fn a_wrong_byte_stops_the_opening_with_a_sentence_and_stays_for_whoever_rescues_it() {
    for (kind, file) in [("sled", "sled/db"), ("redb", "store.redb")] {
        let place = Place::new();
        place.run(&["--store", kind, "policy", "required"]).ok();
        let path = place.path("data/store").join(file);
        let mut bytes = fs::read(&path).unwrap();
        // Where the records are: the policy's own key.
        let at = bytes
            .windows(6)
            .rposition(|part| part == b"policy")
            .unwrap();
        bytes[at] ^= 4;
        fs::write(&path, &bytes).unwrap();
        let before = stored(&place.path("data/store"));
        place.run(&["--store", kind, "policy"]).refused(
            1,
            &[
                "nothing in it was changed",
                "lpse-kiosk restore BACKUP",
                ".broken",
            ],
        );
        assert_eq!(stored(&place.path("data/store")), before, "{kind}");
    }
}

#[test]
fn a_first_command_that_is_cut_off_is_begun_again() {
    for kind in ["sled", "redb"] {
        for fault in [
            "write:signal=KILL:when=4",
            "pwrite64:signal=KILL:when=1",
            "fsync:signal=KILL:when=2",
            "fsync:error=EIO:when=1",
            "/^rename:signal=KILL:when=1",
            "/^rename:error=ENOSPC:when=2",
            "linkat:signal=KILL:when=1",
        ] {
            let place = Place::new();
            let policy = place.program(&["--store", kind, "policy", "required"]);
            // However it ends.
            with_fault(&policy, fault).output().unwrap();
            let told = place.run(&["--store", kind, "policy", "required"]);
            assert_eq!(told.status, 0, "{kind} {fault}: {}", told.err);
            let told = place.run(&["--store", kind, "policy"]).ok().out;
            assert!(told.starts_with("required"), "{kind} {fault}: {told}");
        }
    }
}

#[test]
fn a_store_that_is_gone_is_not_begun_anew_unless_somebody_says_so() {
    for kind in ["sled", "redb"] {
        let place = Place::new();
        let run = |arguments: &[&str]| place.run(&[&["--store", kind][..], arguments].concat());
        run(&["policy", "required"]).ok();
        assert_eq!(run(&["audit", "verify"]).status, 0);
        fs::remove_dir_all(place.path("data/store")).unwrap();
        let words = [
            "is gone",
            "no new one was begun",
            "lpse-kiosk restore BACKUP",
            "store begin-anew",
        ];
        for command in [&["policy"][..], &["user", "list"]] {
            run(command).refused(1, &words);
        }
        let told = run(&["doctor"]);
        assert!(told.out.contains("no new one was begun"), "{}", told.out);
        let verified = run(&["audit", "verify"]);
        assert_eq!(verified.status, 4, "{}", verified.err);
        assert!(verified.err.contains("is gone"), "{}", verified.err);
        let begun = run(&["store", "begin-anew"]).ok().out;
        let record = run(&["audit", "search", "--act", "begin-store", "--json"])
            .ok()
            .json();
        assert!(
            begun.contains(&format!("record {}", record["seq"])),
            "{begun}"
        );
        run(&["store", "begin-anew"]).refused(1, &["there is a store"]);
        let told = run(&["doctor"]).out;
        let acknowledges = format!("audit verify --from {}`", record["seq"]);
        let is_told = told.contains("\nwarning  beginning") && told.contains(&acknowledges);
        assert!(is_told, "{told}");
        assert!(run(&["policy"]).ok().out.starts_with("enabled"));
        let verified = run(&["audit", "verify", "--json"]);
        assert_eq!(verified.status, 4, "{}", verified.err);
        assert!(verified.err.contains("begun anew"), "{}", verified.err);
        let told: serde_json::Value = serde_json::from_str(&verified.out).unwrap();
        assert_eq!(
            (&told["ok"], &told["store"]),
            (&json!(true), &json!("begun-anew"))
        );
        let from = record["seq"].to_string();
        run(&["audit", "verify", "--from", &from]).ok();
    }
}

#[test]
fn a_master_key_that_was_made_for_a_store_says_that_there_was_one() {
    let place = Place::new();
    place.run(&["policy", "required"]).ok();
    fs::remove_dir_all(place.path("data")).unwrap();
    place.run(&["policy"]).refused(
        1,
        &["is gone", "was made for one", "lpse-kiosk restore BACKUP"],
    );
    assert!(!place.path("data/store/FORMAT").exists());
    place.run(&["store", "begin-anew"]).ok();
    place.run(&["policy"]).ok();
}
