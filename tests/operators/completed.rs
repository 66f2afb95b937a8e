//! User IDs that shells complete while somebody types: those of the service that runs, and none without it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use support::{Office, left_out, succeeds, text};

/// More than a shell is told of.
const ACCOUNTS: usize = 60;

/// What a shell prints that runs `line` as somebody of the office, who has the program in the path.
fn told(office: &Office, shell: &str, line: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let bin = office.path("bin").display().to_string();
    let output = Command::new(shell)
        .args(["-c", line])
        .env_clear()
        .envs(office.environment())
        .env("PATH", format!("{bin}:{path}"))
        .output();
    let Ok(output) = output else {
        left_out(&format!("there is no {shell} on this machine"));
        return None;
    };
    let said = text(&output.stderr);
    assert_eq!(said, "", "{shell} says nothing of its own");
    assert!(output.status.success(), "{shell}: {}", text(&output.stdout));
    Some(text(&output.stdout))
}

fn script(office: &Office, shell: &str) -> PathBuf {
    let script = succeeds(office.command(&["completions", shell]));
    let file = office.path(&format!("completions.{shell}"));
    fs::write(&file, script).unwrap();
    file
}

/// What bash offers for the last of `words`, one a line.
fn in_bash(office: &Office, script: &Path, words: &[&str]) -> Vec<String> {
    let [.., before, last] = words else {
        panic!("a command and a word");
    };
    let line = format!(
        "source {} && COMP_WORDS=({}) COMP_CWORD={} && _lpse__kiosk_with_users {} '{last}' '{before}' && \
         (( ${{#COMPREPLY[@]}} == 0 )) || printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.join(" ").trim_end().to_owned() + if last.is_empty() { " ''" } else { "" },
        words.len() - 1,
        words[0],
    );
    let told = told(office, "bash", &line).expect("bash is there");
    told.lines().map(str::to_owned).collect()
}

#[test]
fn shells_complete_the_user_ids_of_the_service_that_runs_and_of_no_other() {
    let office = Office::empty_embedded();
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    office.add("PPK31", "non-penyedia", "Rina Wulandari");
    office.add("PPK31", "penyedia", "CV Maju");
    fs::create_dir(office.path("bin")).unwrap();
    std::os::unix::fs::symlink(support::program(), office.path("bin/lpse-kiosk")).unwrap();
    let bash = script(&office, "bash");
    let show = ["lpse-kiosk", "user", "show", "ppk"];
    assert!(in_bash(&office, &bash, &show).is_empty(), "nothing runs");
    // Looking for them has opened nothing: a service starts at once.
    let server = office.serve_at(support::free_port());

    let both = ["PPK30", "PPK31"];
    assert_eq!(in_bash(&office, &bash, &show), both);
    for (words, offered) in [
        (&["lpse-kiosk", "user", "show", "PPK31"][..], &both[1..]),
        (&["lpse-kiosk", "user", "show", "X"], &[]),
        (&["lpse-kiosk", "user", "show", "*"], &[]),
        (&["lpse-kiosk", "user", "reset-totp", "--json", "P"], &both),
        // The value of an option, a new account, a command about none.
        (&["lpse-kiosk", "user", "suspend", "--reason", "P"], &[]),
        (&["lpse-kiosk", "user", "add", "P"], &[]),
        (&["lpse-kiosk", "outbox", "list", "P"], &[]),
        // Another folder, in which nothing runs.
        (
            &["lpse-kiosk", "--data", "/nonexistent", "user", "show", "P"],
            &[],
        ),
    ] {
        assert_eq!(in_bash(&office, &bash, words), offered, "{words:?}");
    }
    let fish = script(&office, "fish");
    let line = format!(
        "source {}; complete -C 'lpse-kiosk user show PPK'",
        fish.display()
    );
    if let Some(offered) = told(&office, "fish", &line) {
        assert_eq!(offered.lines().collect::<Vec<_>>(), both);
    }
    // zsh's completion wants a terminal; its own part is tried alone.
    let zsh = script(&office, "zsh");
    let line = format!(
        "typeset -A opt_args; PREFIX=PPK; compadd() {{ print -l $ids }}; compdef() {{ }}; \
         source {}; _lpse_kiosk_users",
        zsh.display()
    );
    if let Some(offered) = told(&office, "zsh", &line) {
        assert_eq!(offered.lines().collect::<Vec<_>>(), both);
    }
    let users = fs::read_to_string(zsh).unwrap();
    assert!(
        users.matches(":_lpse_kiosk_users'").count() >= 10,
        "{users}"
    );

    // No more than somebody can look at.
    let mut table = String::from("user_id,type,name,email,password\n");
    for number in 0..ACCOUNTS {
        table +=
            &format!("CV{number:03},penyedia,CV Maju,maju@contoh.co.id,perahu layar warna biru\n");
    }
    fs::write(office.path("accounts.csv"), table).unwrap();
    let file = office.path("accounts.csv").display().to_string();
    succeeds(office.command(&["user", "import", &file]));
    let offered = in_bash(&office, &bash, &["lpse-kiosk", "user", "show", "cv"]);
    assert_eq!(offered.len(), 50, "{offered:?}");
    assert!(offered.iter().all(|id| id.starts_with("CV")), "{offered:?}");
    drop(server);
}
