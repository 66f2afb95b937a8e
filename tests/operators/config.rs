//! Settings through the real program: which source wins, how a bad setting is refused, what `config` shows.

use std::{fs, os::unix::fs::PermissionsExt};
use support::{command, manual};

use serde_json::{Value, json};
use support::command::{Place, done, shown};

/// The object that `config --json` prints for a setting.
fn setting(lines: &[Value], name: &str) -> Value {
    let found = lines.iter().find(|line| line["setting"] == name);
    found.unwrap_or_else(|| panic!("{name} is shown")).clone()
}

#[test]
fn no_setting_is_needed() {
    let place = Place::new();
    // Named, because this machine may have a configuration file of its own.
    let empty = place.write("config.toml", "");
    let mut command = place.bare(&["config", "--json", "--config", shown(&empty)]);
    let shown = done(&mut command).ok().json_lines();
    for line in &shown {
        assert_eq!(line["from"], "default", "{line}");
    }
    let kind = json!({
        "setting": "store.kind",
        "variable": "LPSE_KIOSK_STORE_KIND",
        "value": "sled",
        "from": "default",
    });
    assert_eq!(setting(&shown, "store.kind"), kind);
    assert_eq!(setting(&shown, "kiosk.idle_seconds")["value"], 90);
    assert_eq!(setting(&shown, "kiosk.terminal")["value"], Value::Null);
    assert!(
        !place.path("home/.local").exists(),
        "looking creates nothing"
    );
}

#[test]
fn flags_go_over_the_environment_and_that_over_the_file() {
    let place = Place::new();
    let file = place.write(
        "config.toml",
        "[store]\nkind = \"redb\"\n\n[office]\nname = \"LPSE Berkas\"\nzone = \"WIT\"\n",
    );
    let config = |arguments: &[&str]| {
        let mut command = place.bare(arguments);
        command
            .env("LPSE_KIOSK_CONFIG", &file)
            .env("LPSE_KIOSK_OFFICE_NAME", "LPSE Lingkungan");
        done(&mut command).ok().json_lines()
    };
    let lines = config(&["config", "--json"]);
    let from = |name: &str| {
        let found = setting(&lines, name);
        (found["value"].clone(), found["from"].clone())
    };
    let line = |number: u32| json!(format!("{}, line {number}", shown(&file)));
    assert_eq!(from("store.kind"), (json!("redb"), line(2)));
    assert_eq!(from("office.zone"), (json!("WIT"), line(6)));
    assert_eq!(
        from("office.name"),
        (json!("LPSE Lingkungan"), json!("LPSE_KIOSK_OFFICE_NAME"))
    );
    let lines = config(&["config", "--json", "--store", "sled"]);
    let kind = setting(&lines, "store.kind");
    assert_eq!(
        (&kind["value"], &kind["from"]),
        (&json!("sled"), &json!("--store"))
    );
}

#[test]
fn what_config_prints_is_a_file_that_means_the_same() {
    let place = Place::new();
    let file = place.write(
        "config.toml",
        "[office]\nname = \"LPSE \\\"Kota\\\" Ünï\"\n[kiosk]\nidle_seconds = 60\nterminal = \"loket-1\"\n",
    );
    let first = place.run(&["--config", shown(&file), "config"]).ok().out;
    let again = place.write("again.toml", &first);
    let second = done(&mut place.bare(&["--config", shown(&again), "config", "--json"])).ok();
    let first = place
        .run(&["--config", shown(&file), "config", "--json"])
        .ok();
    let values = |lines: Vec<Value>| -> Vec<Value> {
        lines.iter().map(|line| line["value"].clone()).collect()
    };
    assert_eq!(values(first.json_lines()), values(second.json_lines()));
}

#[test]
fn a_bad_or_unknown_setting_is_refused_with_its_place_and_what_is_allowed() {
    let place = Place::new();
    // Every command that needs settings refuses them alike, the kiosk itself included.
    for arguments in [
        &["user", "list"][..],
        &["policy"],
        &["config"],
        &["demo"],
        &[],
    ] {
        let file = place.write("config.toml", "# LPSE\n[store]\nkind = \"mysql\"\n");
        place
            .program(arguments)
            .args(["--config", shown(&file)])
            .output()
            .map(command::Done::from)
            .unwrap()
            .refused(
                2,
                &[
                    "config.toml, line 3",
                    "[store] kind = \"mysql\"",
                    "sled, redb or etcd",
                ],
            );
    }
    let file = |content: &str| {
        let file = place.write("config.toml", content);
        place.run(&["--config", shown(&file), "policy"])
    };
    file("[password]\nmemory_kib = 1024").refused(2, &["line 2", "1024", "too weak", "19456"]);
    file("[kiosk]\nidle_second = 60").refused(2, &["line 2", "nearest is idle_seconds"]);
    file("[kiosk]\nidle_seconds = ninety").refused(2, &["line 2"]);
    let variable = |name: &str, value: &str| done(place.program(&["policy"]).env(name, value));
    variable("LPSE_KIOSK_STORE_KIND", "mysql").refused(
        2,
        &["LPSE_KIOSK_STORE_KIND = \"mysql\"", "sled, redb or etcd"],
    );
    variable("LPSE_KIOSK_STORE_KING", "sled").refused(2, &["nearest is LPSE_KIOSK_STORE_KIND"]);
    let told = variable("LPSE_KIOSK_MASTER_KEY", "c2VjcmV0")
        .refused(2, &["LPSE_KIOSK_KEYS_MASTER_KEY_FILE"]);
    assert!(!told.err.contains("c2VjcmV0"), "{}", told.err);
    variable("LPSE_KIOSK_CONFIG", "/nowhere.toml")
        .refused(2, &["/nowhere.toml does not exist", "LPSE_KIOSK_CONFIG"]);
    assert!(
        !place.path("data").exists(),
        "a refused setting opens nothing"
    );
}

#[test]
fn a_key_inside_the_data_folder_is_refused() {
    let place = Place::new();
    let (data, key) = (place.path("data"), place.path("data/../data/key"));
    place
        .run(&[
            "--data",
            shown(&data),
            "--master-key-file",
            shown(&key),
            "policy",
        ])
        .refused(2, &["inside the data folder", "--master-key-file"]);
    assert!(!data.exists());
}

#[test]
fn the_systemd_credential_is_the_key_when_no_other_is_named() {
    let place = Place::new();
    place.run(&["policy"]).ok();
    let credentials = place.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::copy(place.path("etc/key"), credentials.join("master-key")).unwrap();
    let data = place.path("data");
    let mut command = place.bare(&["--data", shown(&data), "policy"]);
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    assert!(done(&mut command).ok().out.starts_with("enabled\n"));
}

/// Root's first command on a machine, and then one of somebody else's, in a place of its own for `/etc` and `/var/lib`.
const FIRST_COMMANDS: &str = r#"
    mount -t tmpfs -o mode=755 none /etc && mount -t tmpfs -o mode=755 none /var/lib || exit 99
    "$1" policy || exit 1
    stat -c '%a %n' /etc/lpse-kiosk /etc/lpse-kiosk/* /var/lib/lpse-kiosk
    exec setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$1" --data "$2/data" --master-key-file "$2/etc/key" policy
"#;

#[test]
fn roots_first_command_shuts_nobody_else_out() {
    if !rustix::process::geteuid().is_root() {
        support::left_out("only root can be both");
        return;
    }
    let place = Place::new();
    let open = |path: &std::path::Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let program = place.path("lpse-kiosk");
    support::copy(support::program(), &program);
    let own = place.path("own");
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(65_534), Some(65_534)).unwrap();
    open(&place.path(""));
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", FIRST_COMMANDS, "sh"])
        .args([&program, &own])
        .env_clear();
    let told = done(&mut command);
    if told.status == 99 || told.err.contains("unshare failed") {
        support::left_out("no file system can be mounted");
        return;
    }
    let told = told.ok().out;
    let seen: Vec<&str> = told.lines().filter(|line| line.contains('/')).collect();
    assert_eq!(
        seen,
        [
            "755 /etc/lpse-kiosk",
            "600 /etc/lpse-kiosk/master.key",
            "700 /var/lib/lpse-kiosk"
        ]
    );
    assert_eq!(told.matches("enabled\n").count(), 2, "{told}");
}

#[test]
fn a_file_that_may_not_be_read_is_told_with_what_to_do() {
    if !rustix::process::geteuid().is_root() {
        support::left_out("only root can be both");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let program = place.path("lpse-kiosk");
    support::copy(support::program(), &program);
    let folder = place.path("closed");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("config.toml");
    fs::write(&file, "").unwrap();
    let of_nobody = || {
        let mut command = std::process::Command::new(&program);
        command.env_clear().env("HOME", place.path("home"));
        command.args(["--config", shown(&file), "config"]);
        done(std::os::unix::process::CommandExt::uid(
            &mut command,
            65_534,
        ))
    };
    let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&folder, 0o700);
    let cure = format!("chmod a+x {}", shown(&folder));
    of_nobody().refused(2, &["config.toml may not be read", &cure, "--config"]);
    mode(&folder, 0o755);
    mode(&file, 0o600);
    of_nobody().refused(
        2,
        &["config.toml may not be read", "a user who may", "--config"],
    );
    mode(&file, 0o644);
    of_nobody().ok();
}

#[test]
fn the_logs_lie_where_they_are_told() {
    let place = Place::new();
    let audit = place.path("audit.log");
    let mut command = place.program(&["policy", "required"]);
    done(command.env("LPSE_KIOSK_AUDIT_FILE", &audit)).ok();
    let told = fs::read_to_string(&audit).unwrap();
    assert!(told.contains("set-policy"), "{told}");
    assert!(!place.path("data/audit.jsonl").exists());
}

#[test]
fn the_manual_and_the_table_tell_every_setting() {
    let place = Place::new();
    let table = place.run(&["config", "--table"]).ok().out;
    let manual = place.run(&["--help"]).ok().out;
    for setting in lpse_kiosk::config::SETTINGS.iter() {
        assert!(table.contains(&format!("| `{setting}` |")), "{setting}");
        assert!(table.contains(&setting.variable()), "{setting}");
        assert!(
            manual.contains(&format!("\n    {}\n", setting.name)),
            "{setting}"
        );
    }
}

#[test]
fn the_manuals_files_are_taken() {
    let examples: Vec<String> = manual::pages()
        .iter()
        .flat_map(|page| manual::blocks(page))
        .filter(|block| block.language == "toml" && block.note.is_none())
        .map(|block| block.text)
        .collect();
    assert_eq!(
        examples.len(),
        7,
        "SSH, letters, a certificate, log and metrics, metrics for strangers, the rest, and a cluster"
    );
    for example in examples {
        let place = Place::new();
        let file = place.write("config.toml", &example);
        let mut command = place.bare(&["--config", shown(&file), "config", "--json"]);
        let lines = done(&mut command).ok().json_lines();
        let from_file = |line: &&Value| line["from"].as_str().unwrap().contains("config.toml");
        let sets = |line: &&str| line.contains(" = ") && !line.starts_with('#');
        let set = example.lines().filter(sets).count();
        assert_eq!(lines.iter().filter(from_file).count(), set, "{example}");
    }
}

#[test]
fn an_office_has_its_own_colours_and_they_are_judged_before_anybody_sees_them() {
    let place = Place::new();
    let example = manual::block_tried_by("assets/manual/operating.md", file!(), "base = ");
    let colours = place.write("office.toml", example.text);
    let named = format!("[kiosk]\ntheme = {:?}\n", shown(&colours));
    let file = place.write("config.toml", &named);
    let config = || place.run(&["--config", shown(&file), "config", "--json"]);
    let theme = setting(&config().ok().json_lines(), "kiosk.theme");
    assert_eq!(theme["value"], shown(&colours));
    assert_eq!(theme["from"], format!("{}, line 2", shown(&file)));
    // By a variable too, and every command refuses alike what nobody could read.
    place.write("office.toml", "base = \"light\"\naccent = \"#88aaff\"\n");
    for arguments in [&["config"][..], &["policy"], &["doctor", "--json"]] {
        let mut command = place.program(arguments);
        let told = done(command.env("LPSE_KIOSK_KIOSK_THEME", &colours));
        let told = format!("{}{}", told.out, told.err);
        for words in [
            "office.toml, line 2: `accent` #88aaff",
            "on `panel` #ffffff has a contrast of 2.1:1; at least 4.5:1 is wanted",
        ] {
            assert!(told.contains(words), "{arguments:?}: {told}");
        }
    }
    place.write("office.toml", "acent = \"#0b5394\"\n");
    config().refused(2, &["office.toml, line 1", "nearest is accent"]);
    fs::set_permissions(&colours, fs::Permissions::from_mode(0o666)).unwrap();
    config().refused(2, &["theme file", "chmod o-w"]);
    fs::remove_file(&colours).unwrap();
    config().refused(
        2,
        &[
            "the theme file",
            "office.toml does not exist",
            "[kiosk] theme (",
            "config.toml, line 2) names it",
        ],
    );
    place.write("config.toml", "[kiosk]\ntheme = \"office.toml\"\n");
    config().refused(
        2,
        &["line 2", "high-contrast, monochrome, or the absolute path"],
    );
}

#[test]
fn the_template_sets_nothing_and_each_of_its_lines_is_allowed() {
    let place = Place::new();
    let template = place.run(&["config", "--template"]).ok().out;
    let shown_of = |text: &str| {
        let file = place.write("config.toml", text);
        // Named without a data folder of the test's: what counts is the file alone.
        let mut command = place.bare(&["--config", shown(&file), "config", "--json"]);
        done(&mut command).ok().json_lines()
    };
    let defaults = shown_of("");
    let from = |line: &Value| line["from"].as_str().unwrap().to_owned();
    let untouched = shown_of(&template);
    assert_eq!(untouched, defaults);

    // All lines at once, as somebody might who wants every value to stand there.
    let is_setting =
        |line: &str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    let lines = template.lines();
    let all: String = lines
        .map(|line| if is_setting(line) { &line[1..] } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let set = shown_of(&all);
    assert_eq!(set.len(), lpse_kiosk::config::SETTINGS.len());
    for line in &set {
        assert!(
            from(line).contains("config.toml"),
            "{line} stands in the template"
        );
    }
    // Where the default is told as a value, it is that value.
    let mut settings = lpse_kiosk::config::SETTINGS.iter();
    let mut told = 0;
    for (line, default) in set.iter().zip(&defaults) {
        let setting = settings.next().unwrap();
        let value = default["value"].as_str().map(str::to_owned);
        let value = value.unwrap_or_else(|| default["value"].to_string());
        if setting.default() == value {
            assert_eq!(line["value"], default["value"], "{setting}");
            told += 1;
        }
    }
    assert!(told >= 20, "{told} defaults are values");
}
