//! The manual: a README that a newcomer reads to its end, links that lead somewhere, and examples that are run as they
//! stand there.
//!
//! In the examples, the paths of a real machine become paths of a folder of this test; everything else is run as it is.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use portable_pty::CommandBuilder;
use support::{
    Kiosk, MENU, Office,
    command::{PASSWORD, Place},
    free_port,
    manual::{Block, anchors, block_tried_by, blocks, pages, reached, read},
};

/// Where the examples' paths lie while they are tried.
const PATHS: [(&str, &str); 5] = [
    ("/var/lib/lpse-kiosk", "data"),
    ("/etc/lpse-kiosk", "etc"),
    ("/mnt/backup", "mnt"),
    ("/root", "root"),
    ("/srv", "srv"),
];

/// The most words that a newcomer is asked to read.
const LONGEST_README: usize = 1_500;

#[test]
fn the_readme_is_brief_and_has_two_commands_before_it_comes_to_the_real_thing() {
    let readme = read("README.md");
    let words = readme.split_whitespace().count();
    assert!(words <= LONGEST_README, "the README has {words} words");
    let (before, _) = readme
        .split_once("\n## Run it for real\n")
        .expect("the section is there");
    let end = before.lines().count();
    let commands: Vec<String> = blocks("README.md")
        .into_iter()
        .filter(|block| block.line < end)
        .map(|block| block.text)
        .collect();
    assert_eq!(commands, ["cargo run --release -- demo\n", "tests/run\n"]);
    let pictures = readme.matches("![").count();
    assert_eq!(pictures, 4, "pictures");
    for page in pages() {
        assert!(
            page == "README.md" || readme.contains(&format!("]({page})")),
            "the README leads to {page}"
        );
    }
    // What the build takes is what Cargo.toml asks for.
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(readme.contains(&format!("Rust {version}")), "{version}");
}

/// What `](...)` of a page name, but for other places on the net.
fn links(page: &str) -> Vec<String> {
    let text = read(page);
    let targets = text.split("](").skip(1);
    let target = |rest: &str| rest.split_once(')').expect("a link ends").0.to_owned();
    targets
        .map(target)
        .filter(|target| !target.contains("://"))
        .collect()
}

#[test]
fn every_link_between_the_pages_leads_to_a_file_and_to_a_heading_that_are_there() {
    let mut count = 0;
    for page in pages() {
        for link in links(&page) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                path => reached(&page, path),
            };
            assert!(Path::new(&target).exists(), "{link} in {page}");
            assert!(
                anchor.is_empty() || anchors(&target).iter().any(|a| a == anchor),
                "{link} in {page}"
            );
            count += 1;
        }
    }
    assert!(count >= 30, "{count} links were followed");
}

/// What is run here as it stands: commands of an operator, and the file that one of them reads.
fn is_run_here(block: &Block) -> bool {
    let is_ours = block.note.is_none() && !block.is_for_the_services_user();
    is_ours && ["sh", "csv"].contains(&block.language.as_str())
}

#[test]
fn every_fenced_block_is_tried_or_says_why_not() {
    let mut tried = BTreeMap::new();
    for block in pages().iter().flat_map(|page| blocks(page)) {
        let place = format!("{}, line {}", block.file, block.line);
        let by = match &block.note {
            Some(note) => match note.strip_prefix("Tried by ") {
                Some(rest) => {
                    let file = rest
                        .split([',', ':', ' '])
                        .next()
                        .unwrap()
                        .trim_end_matches('.');
                    let name = block.file.rsplit('/').next().unwrap();
                    let test = fs::read_to_string(file).unwrap_or_default();
                    assert!(test.contains(name), "{file} tries the block of {place}");
                    "elsewhere"
                }
                None => {
                    let reason = note.strip_prefix("Not tried: ").expect(&place);
                    assert!(reason.len() > 20, "{place} says why");
                    "not"
                }
            },
            None if is_run_here(&block) => "here",
            // tests/operators/package/booted.rs runs every one of them, on a machine that has that user.
            None if block.is_for_the_services_user() => {
                assert_eq!(block.file, "assets/manual/operating.md", "{place}");
                "elsewhere"
            }
            // tests/operators/config.rs tries every one of them.
            None if block.language == "toml" => "settings",
            None => panic!("{place}: nobody tries it, and it does not say why"),
        };
        *tried.entry(by).or_insert(0) += 1;
    }
    assert!(tried["here"] >= 10 && tried["settings"] >= 6, "{tried:?}");
    assert!(tried["elsewhere"] > tried["not"], "{tried:?}");
}

/// The folders of the house as contributing.md draws them.
#[test]
fn the_rooms_that_are_drawn_are_all_there_are() {
    let drawn = blocks("assets/manual/contributing.md");
    let drawn = drawn.iter().find(|block| block.language == "text").unwrap();
    let mut rooms: Vec<&str> = drawn
        .text
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    rooms.sort_unstable();
    let mut found: Vec<String> = fs::read_dir("src")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(rooms, found);
}

/// A file of the repository that a page names in `backticks`, which has moved or gone, leads a reader nowhere.
#[test]
fn every_file_that_is_named_is_there() {
    let mut count = 0;
    for page in pages() {
        let text = read(&page);
        let named = quoted(&text, "`");
        for word in named.iter().flat_map(|words| words.split_whitespace()) {
            let path = word.trim_end_matches([',', '.', ':']);
            let is_ours = ["src/", "tests/", "assets/"]
                .iter()
                .any(|room| path.starts_with(room));
            if is_ours && !path.contains(['<', '{', '*']) {
                assert!(Path::new(path).exists(), "{path}, in {page}");
                count += 1;
            }
        }
    }
    assert!(count >= 50, "{count} files were looked for");
}

/// The pages for people who stand at a screen, in the language of the screens.
const OF_PEOPLE: [&str; 2] = ["assets/manual/pengguna.md", "assets/manual/officer.md"];

/// What such a page writes in `backticks`, besides commands and sample accounts: keys.
const KEYS: [&str; 12] = [
    "Tab", "Enter", "Esc", "Spasi", "F1", "F2", "/", "B", "C", "Q", "↑", "↓",
];

/// Every sentence of a table of words.
fn sentences(table: &toml::Table, found: &mut Vec<String>) {
    for value in table.values() {
        match value {
            toml::Value::String(sentence) => found.push(sentence.clone()),
            toml::Value::Table(table) => sentences(table, found),
            _ => {}
        }
    }
}

/// What stands between the marks in a text.
fn quoted<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.split(mark).skip(1).step_by(2).collect()
}

#[test]
fn what_people_are_told_to_look_for_is_on_the_screens_word_for_word() {
    let mut words = Vec::new();
    sentences(&read("assets/text/id.toml").parse().unwrap(), &mut words);
    for page in OF_PEOPLE {
        let text = read(page);
        let named = quoted(&text, "**");
        assert!(named.len() >= 20, "{page}: {named:?}");
        for name in named {
            let is_there = words.iter().any(|sentence| sentence.contains(name));
            assert!(is_there, "{page}: \"{name}\" is on no screen");
        }
        for name in quoted(&text, "`") {
            let is_known = KEYS.contains(&name)
                || name.starts_with("lpse-kiosk ")
                || name.starts_with("ssh ")
                || lpse_kiosk::daemon::training::samples()
                    .iter()
                    .any(|sample| sample.user_id.as_str() == name);
            assert!(is_known, "{page}: {name} is no key");
        }
        assert!(text.contains("](../pictures/"), "{page} has pictures");
    }
}

#[test]
fn every_example_is_run_in_its_order() {
    let place = Place::new();
    for folder in ["etc", "mnt", "root", "srv", "bin"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    symlink(support::program(), place.path("bin/lpse-kiosk")).unwrap();
    place.write("home/typed", format!("{PASSWORD}\n"));
    let mut count = 0;
    // The second goes on with the store of the first.
    for page in ["assets/manual/operating.md", "assets/manual/cluster.md"] {
        for block in blocks(page).iter().filter(|block| is_run_here(block)) {
            if block.language == "csv" {
                place.write("home/accounts.csv", &block.text);
            } else {
                run(&place, block);
                count += 1;
            }
        }
    }
    assert!(count >= 8, "{count} examples were run");
    let elsewhere = pages();
    let elsewhere = elsewhere
        .iter()
        .filter(|page| !page.ends_with("operating.md") && !page.ends_with("cluster.md"));
    for block in elsewhere.flat_map(|page| blocks(page)) {
        assert!(!is_run_here(&block), "{}: nobody runs it", block.file);
    }
}

#[test]
fn whoever_does_as_the_manual_says_comes_in_over_ssh() {
    let block = block_tried_by("assets/manual/operating.md", file!(), "lpse-kiosk serve");
    let commands: Vec<&str> = block
        .text
        .lines()
        .filter_map(|line| Some(line.split_once('#')?.0.trim()))
        .collect();
    // It goes on until it is told to end, which is why the two are not run one after the other.
    assert_eq!(commands[0], "lpse-kiosk serve");
    let office = Office::new();
    let port = free_port();
    let server = office.serve_at(port);
    // Nothing of this machine's own settings, nor of what it knows of other hosts.
    let settings = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    let comes_in = commands[1]
        .replace("2222", &port.to_string())
        .replace("HOST", "127.0.0.1");
    let mut shell = CommandBuilder::new("bash");
    shell.args([
        "-c",
        &format!("ssh() {{ command ssh {settings} \"$@\"; }}; {comes_in}"),
    ]);
    shell.env("TERM", "xterm-256color");
    shell.env("LC_ALL", "C.UTF-8");
    Kiosk::start(shell, 80, 24).expect(MENU);
    drop(server);
}

/// One example, as a shell of the administrator takes it.
fn run(place: &Place, block: &Block) {
    let shown = |path: &str| place.path(path).display().to_string();
    // Whoever asks for a password reads one line; the others read none.
    let typed = "lpse-kiosk() { command lpse-kiosk \"$@\" <\"$HOME/typed\"; }\n".to_owned();
    let here = PATHS
        .iter()
        .fold(typed + &block.text, |text, (real, here)| {
            text.replace(real, &shown(here))
        });
    let path = std::env::var("PATH").unwrap_or_default();
    let shell = Command::new("bash")
        .args(["-eu", "-o", "pipefail", "-c", &here])
        .current_dir(place.path("home"))
        .env_clear()
        .envs([
            ("PATH", format!("{}:{path}", shown("bin"))),
            ("HOME", shown("home")),
            ("LANG", "C.UTF-8".to_owned()),
            ("LPSE_KIOSK_CONFIG", shown("empty.toml")),
            ("LPSE_KIOSK_DATA", shown("data")),
            ("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", shown("etc/master.key")),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash is there");
    let done = shell.wait_with_output().unwrap();
    assert!(
        done.status.success(),
        "{}, line {}:\n{}\n{}\n{}",
        block.file,
        block.line,
        block.text,
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}
