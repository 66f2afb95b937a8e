//! The manual pages: whole, well-formed for both readers of such pages, and with examples that the program takes.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::{CommandFactory, Parser};
use lpse_kiosk::{cli::CommandLine, config::SETTINGS};
use support::command::{Done, Place, shown};

/// The pages, by their files.
fn pages(place: &Place) -> Vec<(PathBuf, String)> {
    let folder = place.path("man");
    let date = "2026-11-25";
    place
        .run(&["manual-pages", shown(&folder), "--date", date])
        .ok();
    let mut pages = Vec::new();
    for section in fs::read_dir(&folder).unwrap() {
        for page in fs::read_dir(section.unwrap().path()).unwrap() {
            let path = page.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(date), "{}", path.display());
            pages.push((path, text));
        }
    }
    pages
}

/// A page as a person reads it.
fn read(page: &std::path::Path) -> String {
    let mut man = Command::new("mandoc");
    man.args(["-T", "ascii", "-O", "width=1000"]).arg(page);
    let read = Done::from(
        man.output()
            .expect("mandoc is installed (Debian package mandoc)"),
    );
    // Overstrikes for bold.
    let mut text: Vec<char> = Vec::new();
    for c in read.out.chars() {
        if c == '\u{8}' {
            text.pop();
        } else {
            text.push(c);
        }
    }
    text.into_iter().collect()
}

/// The commands that people are told of, by their words.
fn commands(
    command: &clap::Command,
    words: &[String],
    found: &mut Vec<(Vec<String>, clap::Command)>,
) {
    found.push((words.to_vec(), command.clone()));
    for below in command
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
    {
        let words = [words, &[below.get_name().to_owned()]].concat();
        commands(below, &words, found);
    }
}

#[test]
fn there_is_a_page_for_every_command_with_each_of_its_options_and_one_for_the_settings() {
    let place = Place::new();
    let pages = pages(&place);
    let mut found = Vec::new();
    let mut command = CommandLine::command();
    command.build();
    commands(&command, &["lpse-kiosk".to_owned()], &mut found);
    assert_eq!(pages.len(), found.len() + 1);
    for (words, command) in found {
        let name = format!("{}.1", words.join("-"));
        let (page, _) = pages
            .iter()
            .find(|(path, _)| path.ends_with(&name))
            .expect(&name);
        let text = read(page);
        for argument in command.get_arguments().filter(|a| !a.is_hide_set()) {
            if let Some(long) = argument.get_long() {
                assert!(
                    text.contains(&format!("--{long}")),
                    "--{long} in {name}:\n{text}"
                );
            }
        }
        assert!(text.contains("SEE ALSO"), "{text}");
    }
    let (page, _) = pages
        .iter()
        .find(|(path, _)| path.ends_with("lpse-kiosk.toml.5"))
        .unwrap();
    let text = read(page);
    for setting in SETTINGS.iter() {
        assert!(
            text.contains(&setting.variable()) && text.contains(&setting.allowed),
            "{setting}: {text}"
        );
    }
}

/// The lines of a section of a page as it is read.
fn section<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let mut lines = text.lines().skip_while(|line| *line != heading);
    lines.next().unwrap_or_else(|| panic!("{heading}:\n{text}"));
    lines
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .collect()
}

#[test]
fn files_variables_and_signals_are_told_as_the_manual_for_operators_tells_them() {
    let place = Place::new();
    let pages = pages(&place);
    let (page, _) = pages
        .iter()
        .find(|(path, _)| path.ends_with("lpse-kiosk.1"))
        .unwrap();
    let text = read(page);
    let manual = fs::read_to_string("assets/manual/operating.md").unwrap();
    for (heading, named) in [
        ("FILES", "/var/lib/lpse-kiosk"),
        ("ENVIRONMENT", "NO_COLOR"),
        ("SIGNALS", "SIGHUP"),
    ] {
        let told = section(&text, heading).join(" ");
        let told: String = told
            .split_whitespace()
            .flat_map(|word| [word, " "])
            .collect();
        assert!(told.contains(named), "{told}");
        let under = format!("\n### {}{}\n", &heading[..1], heading[1..].to_lowercase());
        let (_, table) = manual.split_once(&under).expect(&under);
        let mut count = 0;
        for row in table
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .skip(2)
        {
            let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
            let meaning = cells[1].replace('`', "");
            assert!(told.contains(&meaning), "{meaning}\n{told}");
            count += 1;
        }
        assert!(count >= 4, "{heading}");
    }
    let (page, _) = pages
        .iter()
        .find(|(path, _)| path.ends_with("lpse-kiosk.toml.5"))
        .unwrap();
    let told = section(&read(page), "FILES").join(" ");
    assert!(told.contains("/etc/lpse-kiosk/config.toml"), "{told}");
}

#[test]
fn both_readers_of_manual_pages_find_no_fault() {
    let place = Place::new();
    for (page, text) in pages(&place) {
        let checked = Command::new("mandoc")
            .args(["-T", "lint", "-W", "error"])
            .arg(&page)
            .output()
            .expect("mandoc is installed (Debian package mandoc)");
        let told = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success() && told.is_empty(), "{told}");
        // groff, which most systems read pages with, is not on all that run tests.
        let mut groff = Command::new("groff");
        groff.args(["-man", "-ww", "-z", "-Tutf8"]).arg(&page);
        if let Ok(checked) = groff.output() {
            let told = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert!(
                checked.status.success() && told.is_empty(),
                "{told}\n{text}"
            );
        }
    }
}

/// The words of each call of the program in a line, as a shell makes them of it.
fn calls(place: &Place, line: &str) -> Vec<Vec<String>> {
    // Files that examples write lie elsewhere, and those that they read are there.
    let line = line
        .replace("/etc/bash_completion.d/", "./")
        .replace("/usr/local/share/zsh/site-functions/", "./")
        .replace("~/.config/fish/completions/", "./");
    let script = format!(
        "exec 9>&1 >/dev/null\ntouch password.txt\njq() {{ :; }}\n\
         lpse-kiosk() {{ printf '%s\\0' lpse-kiosk \"$@\" END >&9; }}\n{line}"
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path("home"))
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let told = String::from_utf8(output.stdout).unwrap();
    let mut calls = vec![Vec::new()];
    for word in told.split_terminator('\0') {
        match word {
            "END" => calls.push(Vec::new()),
            word => calls.last_mut().unwrap().push(word.to_owned()),
        }
    }
    calls.pop();
    calls
}

#[test]
fn every_example_is_taken_by_the_command_line() {
    let place = Place::new();
    let mut count = 0;
    for (page, _) in pages(&place) {
        let text = read(&page);
        let mut lines = text.lines();
        // From the heading to the next one.
        lines.find(|line| line.starts_with("EXAMPLE"));
        let examples = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
        for line in examples.map(str::trim).filter(|line| !line.is_empty()) {
            let calls = calls(&place, line);
            assert!(!calls.is_empty(), "{line}");
            for words in calls {
                let taken = CommandLine::try_parse_from(&words);
                assert!(taken.is_ok(), "{line}: {}", taken.unwrap_err());
                count += 1;
            }
        }
    }
    assert!(count >= 30, "{count} examples were tried");
}
