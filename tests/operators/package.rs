//! The Debian package on a fresh Debian 12: what is in it, that it installs as the manual says, runs, is upgraded, removed
//! and purged, and that nothing is left. Everything but systemd itself is real; what the unit would do is done by hand.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use support::{
    eventually, free_port,
    manual::{block_tried_by, blocks},
    send_signal, text,
};
use tempfile::TempDir;

/// What anybody finds in the package.
const FILES: [&str; 16] = [
    "-rwxr-xr-x root/root ./usr/bin/lpse-kiosk",
    "-rw-r----- root/root ./etc/lpse-kiosk/config.toml",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk.service",
    "-rw-r--r-- root/root ./usr/lib/systemd/system/lpse-kiosk-tty1.service",
    "-rw-r--r-- root/root ./usr/share/man/man1/lpse-kiosk.1.gz",
    "-rw-r--r-- root/root ./usr/share/man/man1/lpse-kiosk-user-add.1.gz",
    "-rw-r--r-- root/root ./usr/share/man/man5/lpse-kiosk.toml.5.gz",
    "-rw-r--r-- root/root ./usr/share/bash-completion/completions/lpse-kiosk",
    "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_lpse-kiosk",
    "-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/lpse-kiosk.fish",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/examples/sshd_config.d/lpse-kiosk.conf",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/copyright",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/changelog.Debian.gz",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/SECURITY.md",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/assets/manual/operating.md",
    "-rw-r--r-- root/root ./usr/share/doc/lpse-kiosk/assets/pictures/desk.svg",
];

#[track_caller]
fn done(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the command is installed");
    let told = text(&stdout) + &text(&stderr);
    assert!(status.success(), "{command:?}: {told}");
    told
}

/// Builds the package of the program that is tested.
fn package() -> &'static Path {
    static PACKAGE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, package) = PACKAGE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("lpse-kiosk.deb");
        build(&package);
        (folder, package)
    });
    package
}

fn build(into: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/debian/build");
    let mut build = Command::new(script);
    done(build.args(["--debug", "--fast", "--output"]).arg(into));
}

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

/// A fresh Debian 12 in a folder of its own.
struct Debian(TempDir);

impl Debian {
    /// Fetched once; what is tested is a copy of it.
    fn fresh() -> Self {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bookworm");
        if !kept.exists() {
            let draft = kept.with_extension(format!("new-{}", std::process::id()));
            done(
                Command::new("debootstrap")
                    .args(["--variant=minbase", "bookworm"])
                    .arg(&draft),
            );
            fs::rename(&draft, &kept).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        support::copy(kept.join("."), folder.path());
        Self(folder)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    fn command(&self, user: &str, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command
            .arg(format!("--userspec={user}"))
            .arg(self.0.path())
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> String {
        done(&mut self.command("root:root", words))
    }

    fn install(&self, package: &Path) -> String {
        fs::copy(package, self.path("package.deb")).unwrap();
        let told = self.run(&["dpkg", "--install", "/package.deb"]);
        fs::remove_file(self.path("package.deb")).unwrap();
        told
    }

    /// Mode and owner.
    fn seen(&self, path: &str) -> (u32, u32, u32) {
        let metadata = fs::metadata(self.path(path)).unwrap();
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    }

    /// Every file there is, but for dpkg's own books, logs, and what does not outlast a restart.
    fn everything(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let inner = path.strip_prefix(self.0.path()).unwrap();
                let skipped = ["var/lib/dpkg", "var/log", "proc", "sys", "dev", "run"];
                if skipped.iter().any(|skipped| inner == Path::new(skipped)) {
                    continue;
                }
                found.insert(inner.to_owned());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    }
}

/// The service, started as its unit says.
struct Service(Child);

impl Service {
    fn start(debian: &Debian, user: u32) -> Self {
        let unit =
            fs::read_to_string(debian.path("usr/lib/systemd/system/lpse-kiosk.service")).unwrap();
        let says = |what: &str| {
            unit.lines()
                .find_map(|line| line.strip_prefix(what))
                .unwrap()
        };
        assert_eq!(says("User="), "lpse-kiosk");
        let start: Vec<&str> = says("ExecStart=").split(' ').collect();
        // LoadCredential=: a copy of root's file, for the service alone.
        let (name, file) = says("LoadCredential=").split_once(':').unwrap();
        let credentials = debian.path("run/credentials");
        fs::create_dir_all(&credentials).unwrap();
        fs::copy(debian.path(file), credentials.join(name)).unwrap();
        fs::set_permissions(credentials.join(name), fs::Permissions::from_mode(0o400)).unwrap();
        chown(credentials.join(name), Some(user), Some(0)).unwrap();
        let mut command = debian.command("lpse-kiosk:lpse-kiosk", &start);
        let (variable, value) = says("Environment=").split_once('=').unwrap();
        command
            .env(variable, value.replace("%S", "/var/lib"))
            .env("CREDENTIALS_DIRECTORY", "/run/credentials")
            .stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn stop(mut self) {
        send_signal(self.0.id(), "TERM");
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first bytes that `port` answers to `request`.
fn answer(port: u16, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = [0; 256];
    let read = stream.read(&mut bytes).ok()?;
    Some(text(&bytes[..read]))
}

/// Sets what an administrator would set by hand: the commented `name` of `section`.
fn set(file: &Path, section: &str, name: &str, value: &str) {
    let text = fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once(&format!("\n[{section}]\n")).unwrap();
    let start = rest.find(&format!("\n#{name} = ")).unwrap() + 1;
    let end = start + rest[start..].find('\n').unwrap();
    let rest = format!("{}{name} = \"{value}\"{}", &rest[..start], &rest[end..]);
    // In place, as an editor that keeps owner and mode.
    fs::write(file, format!("{before}\n[{section}]\n{rest}")).unwrap();
}

/// What each page says of the way to a service, done by root as it stands there.
#[test]
fn the_manuals_way_leads_a_fresh_debian_to_a_service_that_is_well() {
    if !rustix::process::getuid().is_root() {
        support::left_out("only root can change into another Debian");
        return;
    }
    let accounts = blocks("assets/manual/operating.md");
    let accounts = accounts.iter().find(|block| block.language == "csv");
    for page in ["README.md", "assets/manual/operating.md"] {
        let debian = Debian::fresh();
        let folder = debian.path("work/target/debian");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(package(), folder.join("lpse-kiosk_built.deb")).unwrap();
        fs::write(debian.path("work/accounts.csv"), &accounts.unwrap().text).unwrap();
        // What the package recommends would be fetched.
        let settings = "APT::Install-Recommends \"false\";\n";
        fs::write(debian.path("etc/apt/apt.conf.d/99of-this-test"), settings).unwrap();
        let ssh = free_port();
        let mut service = None;
        for step in block_tried_by(page, file!(), "apt-get install")
            .text
            .lines()
        {
            if step.starts_with("assets/debian/build") {
                continue; // `package` has done so.
            }
            let typed = format!(
                "sudo() {{ \"$@\"; }}; cd /work; echo 'kuda hijau di awan 9' | {{ {step}\n}}"
            );
            debian.run(&["bash", "-c", &typed]);
            if step.contains("apt-get install") {
                let settings = debian.path("etc/lpse-kiosk/config.toml");
                set(&settings, "ssh", "listen", &format!("127.0.0.1:{ssh}"));
                let user = debian.run(&["id", "-u", "lpse-kiosk"]);
                service = Some(Service::start(&debian, user.trim().parse().unwrap()));
                eventually("an answer", || answer(ssh, "").is_some());
            }
        }
        service.expect("a step installs it").stop();
    }
}

#[test]
fn the_package_installs_runs_is_upgraded_removed_and_purged_on_a_fresh_debian() {
    if !rustix::process::getuid().is_root() {
        support::left_out("only root can change into another Debian");
        return;
    }
    let package = package();
    let debian = Debian::fresh();
    let before = debian.everything();
    let told = debian.install(package);
    assert!(told.contains("a master key was made"), "{told}");

    let user: u32 = debian
        .run(&["id", "-u", "lpse-kiosk"])
        .trim()
        .parse()
        .unwrap();
    let group: u32 = debian
        .run(&["id", "-g", "lpse-kiosk"])
        .trim()
        .parse()
        .unwrap();
    assert!((100..1000).contains(&user), "{user} is a system user");
    assert_eq!(debian.seen("var/lib/lpse-kiosk"), (0o700, user, group));
    assert_eq!(debian.seen("etc/lpse-kiosk"), (0o755, 0, 0));
    assert_eq!(debian.seen("etc/lpse-kiosk/config.toml"), (0o640, 0, group));
    assert_eq!(debian.seen("etc/lpse-kiosk/master.key"), (0o600, 0, 0));
    let wanted = |unit: &str| {
        let link = format!("etc/systemd/system/multi-user.target.wants/{unit}");
        fs::symlink_metadata(debian.path(&link)).is_ok()
    };
    assert!(wanted("lpse-kiosk.service") && !wanted("lpse-kiosk-tty1.service"));

    let (ssh, metrics) = (free_port(), free_port());
    let settings = debian.path("etc/lpse-kiosk/config.toml");
    set(&settings, "ssh", "listen", &format!("127.0.0.1:{ssh}"));
    set(
        &settings,
        "metrics",
        "listen",
        &format!("127.0.0.1:{metrics}"),
    );
    let doctor = || -> serde_json::Value {
        let told = debian.run(&["lpse-kiosk", "doctor", "--json"]);
        serde_json::from_str(&told).expect("one object")
    };
    // Nothing has started yet, and root is not the service.
    assert_ne!(doctor()["status"], "failure");

    let service = Service::start(&debian, user);
    eventually("health", || {
        let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        answer(metrics, request).is_some_and(|told| told.starts_with("HTTP/1.1 200"))
    });
    assert_eq!(answer(ssh, "").as_deref(), Some("SSH-2.0-lpse-kiosk\r\n"));
    let told = doctor();
    for check in told["checks"].as_array().unwrap() {
        // A chroot has no clock of its own, nor anything that says who keeps it.
        let is_well = check["status"] == "ok" || check["name"] == "clock";
        assert!(is_well, "{check}");
    }
    let mut add = debian.command(
        "root:root",
        &[
            "sh",
            "-c",
            "echo 'kuda hijau di awan 9' | lpse-kiosk user add PPK30 --type non-penyedia \
           --name 'Siti Rahmawati' --email siti@contoh.go.id",
        ],
    );
    done(&mut add);
    service.stop();

    let key = fs::read(debian.path("etc/lpse-kiosk/master.key")).unwrap();
    let set_by_hand = fs::read(&settings).unwrap();
    debian.install(package);
    let verified = debian.run(&["dpkg", "--verify", "lpse-kiosk"]);
    let is_of_settings = |line: &str| line.ends_with(" c /etc/lpse-kiosk/config.toml");
    assert!(verified.lines().all(is_of_settings), "{verified}");
    assert_eq!(
        fs::read(debian.path("etc/lpse-kiosk/master.key")).unwrap(),
        key
    );
    assert_eq!(fs::read(&settings).unwrap(), set_by_hand);
    assert_eq!(debian.seen("etc/lpse-kiosk/config.toml"), (0o640, 0, group));
    let service = Service::start(&debian, user);
    eventually("an answer", || answer(ssh, "").is_some());
    let listed = debian.run(&["lpse-kiosk", "user", "list"]);
    assert!(listed.contains("PPK30"), "{listed}");
    service.stop();

    debian.run(&["dpkg", "--remove", "lpse-kiosk"]);
    assert!(!debian.path("usr/bin/lpse-kiosk").exists());
    assert!(
        debian.path("var/lib/lpse-kiosk/store").exists(),
        "removal keeps what was kept"
    );
    // A store without its key gets no other one, which would hide that it is missing.
    fs::rename(
        debian.path("etc/lpse-kiosk/master.key"),
        debian.path("root/master.key"),
    )
    .unwrap();
    debian.install(package);
    assert!(!debian.path("etc/lpse-kiosk/master.key").exists());
    fs::remove_file(debian.path("root/master.key")).unwrap();

    // A key that is there outlives a purge at which nobody can be asked, and the installation after it takes it.
    fs::write(debian.path("etc/lpse-kiosk/master.key"), &key).unwrap();
    let told = debian.run(&["dpkg", "--purge", "lpse-kiosk"]);
    assert!(
        told.contains("removing /var/lib/lpse-kiosk")
            && told.contains("the master key stays in /etc/lpse-kiosk")
            && told.contains("deluser"),
        "{told}"
    );
    let kept: Vec<_> = fs::read_dir(debian.path("etc/lpse-kiosk"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(kept, ["master.key"]);
    assert!(!debian.path("var/lib/lpse-kiosk").exists());
    debian.install(package);
    assert_eq!(
        fs::read(debian.path("etc/lpse-kiosk/master.key")).unwrap(),
        key
    );
    // Asked, and told to.
    let answer = "lpse-kiosk lpse-kiosk/delete-master-key boolean true";
    debian.run(&[
        "sh",
        "-c",
        &format!("echo {answer} | debconf-set-selections"),
    ]);
    let told = debian.run(&["dpkg", "--purge", "lpse-kiosk"]);
    assert!(told.contains("removing the master key"), "{told}");
    fs::remove_dir_all(debian.path("run/credentials")).unwrap();
    let after = debian.everything();
    let left: Vec<_> = after.difference(&before).collect();
    let of_accounts = |path: &&PathBuf| {
        let name = path.to_string_lossy().into_owned();
        [
            "etc/passwd-",
            "etc/group-",
            "etc/shadow-",
            "etc/gshadow-",
            "etc/.pwd.lock",
        ]
        .contains(&name.as_str())
    };
    let left: Vec<_> = left.into_iter().filter(|path| !of_accounts(path)).collect();
    assert!(left.is_empty(), "{left:?}");
    let gone: Vec<_> = before.difference(&after).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
