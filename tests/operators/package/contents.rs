//! What is in the package: files, licences, a changelog, and nothing that lintian minds.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};

use support::text;

use super::{build, done, package};

/// What anybody finds in the package.
const FILES: [&str; 21] = [
    "-rwxr-xr-x root/root ./usr/bin/lpse-kiosk",
    "-rw-r----- root/root ./etc/lpse-kiosk/config.toml",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk.service",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk-tty1.service",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk-tty@.service",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk-backup.service",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk-backup.timer",
    "-rwxr-xr-x root/root ./usr/lib/lpse-kiosk/nightly-backup",
    "-rw-r--r-- root/root ./usr/share/man/man1/lpse-kiosk.1.gz",
    "-rw-r--r-- root/root ./usr/share/man/man1/lpse-kiosk-user-add.1.gz",
    "-rw-r--r-- root/root ./usr/share/man/man5/lpse-kiosk.toml.5.gz",
    "-rw-r--r-- root/root ./usr/share/bash-completion/completions/lpse-kiosk",
    "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_lpse-kiosk",
    "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/lpse-kiosk.fish",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/examples/monitoring/lpse-kiosk.rules.yml",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/examples/sshd_config.d/lpse-kiosk.conf",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/copyright",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/changelog.Debian.gz",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/SECURITY.md",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/assets/manual/operating.md",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/assets/pictures/desk.svg",
];

#[test]
fn the_package_holds_what_it_should_and_comes_out_the_same_again() {
    let package = package();
    let listed = done(Command::new("dpkg-deb").arg("-c").arg(package));
    let listed: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for expected in FILES {
        let words: Vec<&str> = expected.split(' ').collect();
        let found = listed
            .iter()
            .any(|line| line[0] == words[0] && line.last() == words.last());
        assert!(found, "{expected} in {listed:#?}");
    }
    let field = |name: &str| {
        let told = done(Command::new("dpkg-deb").arg("-f").arg(package).arg(name));
        told.trim().to_owned()
    };
    assert_eq!(field("Package"), "lpse-kiosk");
    assert!(field("Version").starts_with(env!("CARGO_PKG_VERSION")));
    let depends = field("Depends");
    assert!(
        depends.contains("libc6 (>= ") && depends.contains("adduser"),
        "{depends}"
    );
    let conffiles = done(
        Command::new("dpkg-deb")
            .arg("-I")
            .arg(package)
            .arg("conffiles"),
    );
    assert_eq!(conffiles.trim(), "/etc/lpse-kiosk/config.toml");
    // Scripts that a shell can read.
    for script in ["postinst", "prerm", "postrm"] {
        let script = done(Command::new("dpkg-deb").arg("-I").arg(package).arg(script));
        assert!(!script.contains("#DEBHELPER#"), "{script}");
        let mut check = Command::new("sh")
            .arg("-n")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        check
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(check.wait().unwrap().success(), "{script}");
    }
    let again = tempfile::tempdir().unwrap();
    let again = again.path().join("again.deb");
    build(&again);
    assert!(fs::read(package).unwrap() == fs::read(again).unwrap());
}

/// A file of the package, by its path without the first slash.
fn packed(path: &str) -> Vec<u8> {
    let archive = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package())
        .output()
        .unwrap();
    let mut tar = Command::new("tar")
        .args(["--extract", "--to-stdout", &format!("./{path}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = tar.stdin.take().unwrap();
    // It stops reading once it has the file.
    let feeding = std::thread::spawn(move || input.write_all(&archive.stdout));
    let output = tar.wait_with_output().unwrap();
    let _ = feeding.join().unwrap();
    assert!(!output.stdout.is_empty(), "{path} is in the package");
    output.stdout
}

/// Everything that the shipped program is linked of, as a folder of the copyright file is called: `name-version`.
fn linked() -> BTreeSet<String> {
    let tree = done(Command::new(env!("CARGO")).args([
        "tree",
        "--locked",
        "--features=etcd",
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={p}",
    ]));
    let named = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        (name != "lpse-kiosk").then(|| format!("{name}-{version}"))
    };
    tree.lines().filter_map(named).collect()
}

#[test]
fn everything_that_is_linked_is_in_the_copyright_file_with_a_licence_whose_words_are_there() {
    let copyright = text(&packed("usr/share/doc/lpse-kiosk/copyright"));
    let field = |paragraph: &str, name: &str| -> Option<String> {
        let start = paragraph.find(&format!("{name}:"))? + name.len() + 1;
        let lines = paragraph[start..].split_inclusive('\n');
        let own = |(at, line): &(usize, &str)| *at == 0 || line.starts_with(' ');
        Some(
            lines
                .enumerate()
                .take_while(own)
                .map(|(_, line)| line)
                .collect(),
        )
    };
    let paragraphs: Vec<&str> = copyright.split("\n\n").collect();
    // Licences whose words stand at the end, once.
    let apart: BTreeSet<&str> = paragraphs
        .iter()
        .filter_map(|paragraph| paragraph.strip_prefix("License: "))
        .filter_map(|paragraph| paragraph.split_once('\n'))
        .filter(|(_, words)| words.len() > 80)
        .map(|(name, _)| name)
        .collect();
    assert!(
        apart.contains("Expat") && apart.contains("Apache-2.0"),
        "{apart:?}"
    );
    let mut told = BTreeSet::new();
    for paragraph in paragraphs.iter().filter(|p| p.starts_with("Files:")) {
        let files = field(paragraph, "Files").unwrap();
        let licence = field(paragraph, "License").expect(paragraph);
        let whose = field(paragraph, "Copyright").expect(paragraph);
        assert!(!whose.trim().is_empty(), "{paragraph}");
        let (name, words) = licence.split_once('\n').unwrap_or((&licence, ""));
        let known = |name: &str| name.split(" and ").all(|name| apart.contains(name.trim()));
        assert!(
            words.len() > 80 || name.split(" or ").any(known),
            "the words of {name} for {files}"
        );
        told.extend(
            files
                .split_whitespace()
                .map(|folder| folder.trim_end_matches("/*").to_owned()),
        );
    }
    let linked = linked();
    assert!(linked.len() > 100, "{linked:?}");
    let untold: Vec<_> = linked.difference(&told).collect();
    assert!(untold.is_empty(), "{untold:?}");
}

#[test]
fn a_crate_that_names_no_licence_is_told_and_nothing_is_written() {
    let known = r#"{"packages": [{
        "name": "nameless", "version": "1.0.0", "license": null,
        "manifest_path": "/nowhere/Cargo.toml", "authors": []
    }]}"#;
    // What bash takes for the command instead of cargo itself.
    let cargo =
        format!("() {{ case $1 in tree) echo 'nameless v1.0.0' ;; *) echo '{known}' ;; esac; }}");
    let output = Command::new("assets/debian/copyright")
        .env("BASH_FUNC_cargo%%", cargo)
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(text(&output.stdout), "");
    let told = text(&output.stderr);
    assert!(told.contains("nameless-1.0.0 names no licence."), "{told}");
}

#[test]
fn the_changelog_is_one_that_debian_reads_and_tells_of_this_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changelog.gz");
    fs::write(
        &file,
        packed("usr/share/doc/lpse-kiosk/changelog.Debian.gz"),
    )
    .unwrap();
    done(Command::new("gzip").arg("--decompress").arg(&file));
    let mut parse = Command::new("dpkg-parsechangelog");
    let told = done(parse.arg("--file").arg(file.with_extension("")));
    assert!(!told.contains("warning"), "{told}");
    let version = format!("Version: {}-1\n", env!("CARGO_PKG_VERSION"));
    assert!(told.contains(&version), "{told}");
    assert!(told.contains("\n   * "), "{told}");
    // What people read is the same.
    let manual = fs::read_to_string("assets/manual/changelog.md").unwrap();
    let entries = manual.lines().filter(|line| line.starts_with("- ")).count();
    let whole = fs::read_to_string(file.with_extension("")).unwrap();
    assert_eq!(
        whole
            .lines()
            .filter(|line| line.starts_with("  * "))
            .count(),
        entries
    );
}

#[test]
fn lintian_finds_nothing_that_is_not_explained() {
    let told = done(
        Command::new("lintian")
            .args(["--allow-root", "--fail-on=none"])
            .arg(package()),
    );
    assert_eq!(told.trim(), "", "lintian finds no fault");
    // Whoever makes an exception says why, above it.
    let overrides = fs::read_to_string("assets/debian/lintian-overrides").unwrap();
    let mut is_explained = false;
    for line in overrides.lines().filter(|line| !line.is_empty()) {
        let is_reason = line.starts_with('#');
        assert!(is_reason || is_explained, "{line}");
        is_explained = is_reason;
    }
}
