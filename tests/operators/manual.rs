//! The manuals' sections for administrators: every example in them, run from the first to the last.
//!
//! The paths of a real machine become paths of a folder of this test; everything else is run as it stands there.

use std::{
    fs,
    os::unix::fs::symlink,
    process::{Command, Stdio},
};

use support::command::{PASSWORD, Place};

/// Where the examples' paths lie while they are tried.
const PATHS: [(&str, &str); 5] = [
    ("/var/lib/lpse-kiosk", "data"),
    ("/etc/lpse-kiosk", "etc"),
    ("/mnt/backup", "mnt"),
    ("/root", "root"),
    ("/srv", "srv"),
];

/// The `sh` blocks of the sections.
fn examples() -> Vec<String> {
    let operating = fs::read_to_string("assets/manual/operating.md").unwrap();
    let cluster = fs::read_to_string("assets/manual/cluster.md").unwrap();
    let (_, section) = operating
        .split_once("\n## For administrators\n")
        .expect("the manual has the section");
    let section = section.to_owned() + &cluster;
    let blocks = section.split("```sh\n").skip(1);
    let text = |block: &str| block.split_once("```").expect("a block ends").0.to_owned();
    blocks.map(text).collect()
}

#[test]
fn every_example_for_administrators_is_run() {
    let place = Place::new();
    for folder in ["etc", "mnt", "root", "srv", "bin"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    let program = support::program();
    symlink(program, place.path("bin/lpse-kiosk")).unwrap();
    place.write("home/typed", format!("{PASSWORD}\n"));
    let path = format!(
        "{}:{}",
        place.path("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let examples = examples();
    assert!(examples.len() >= 6, "{examples:?}");
    for example in examples {
        // Whoever asks for a password reads one line; the others read none.
        let typed = "lpse-kiosk() { command lpse-kiosk \"$@\" <\"$HOME/typed\"; }\n".to_owned();
        let here = PATHS.iter().fold(typed + &example, |text, (real, here)| {
            text.replace(real, &place.path(here).display().to_string())
        });
        let shell = Command::new("bash")
            .args(["-eu", "-o", "pipefail", "-c", &here])
            .current_dir(place.path("home"))
            .env_clear()
            .envs([
                ("PATH", path.as_str()),
                ("HOME", &place.path("home").display().to_string()),
                ("LANG", "C.UTF-8"),
                (
                    "LPSE_KIOSK_CONFIG",
                    &place.path("empty.toml").display().to_string(),
                ),
                ("LPSE_KIOSK_DATA", &place.path("data").display().to_string()),
                (
                    "LPSE_KIOSK_KEYS_MASTER_KEY_FILE",
                    &place.path("etc/master.key").display().to_string(),
                ),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash is there");
        let done = shell.wait_with_output().unwrap();
        assert!(
            done.status.success(),
            "{example}\n{}\n{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }
}
