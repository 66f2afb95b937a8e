//! A fresh Debian 12 beside this one, and the service in it. Everything but systemd itself is real; what the unit would do
//! is done by hand.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use portable_pty::CommandBuilder;
use support::{Kiosk, send_signal, text};
use tempfile::TempDir;

use super::done;

/// A fresh Debian 12 in a folder of its own.
pub struct Debian(TempDir);

impl Debian {
    /// Fetched once; what is tested is a copy of it.
    pub fn fresh() -> Self {
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

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    pub fn command(&self, user: &str, words: &[&str]) -> Command {
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

    /// The same, as somebody does it who sits at a terminal and can be asked.
    pub fn at_a_terminal(&self, words: &[&str]) -> Kiosk {
        let mut command = CommandBuilder::new("/usr/sbin/chroot");
        command.arg(self.0.path());
        command.args(words);
        command.env_clear();
        for (name, value) in [
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("TERM", "vt100"),
            // Debconf's plainest way to ask.
            ("DEBIAN_FRONTEND", "teletype"),
        ] {
            command.env(name, value);
        }
        Kiosk::start(command, 80, 24)
    }

    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        done(&mut self.command("root:root", words))
    }

    pub fn install(&self, package: &Path) -> String {
        fs::copy(package, self.path("package.deb")).unwrap();
        let told = self.run(&["dpkg", "--install", "/package.deb"]);
        fs::remove_file(self.path("package.deb")).unwrap();
        told
    }

    /// Mode and owner.
    pub fn seen(&self, path: &str) -> (u32, u32, u32) {
        let metadata = fs::metadata(self.path(path)).unwrap();
        (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
    }

    /// Every file there is, but for dpkg's own books, logs, and what does not outlast a restart.
    pub fn everything(&self) -> BTreeSet<PathBuf> {
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
pub struct Service(Child);

impl Service {
    pub fn start(debian: &Debian, user: u32) -> Self {
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

    pub fn stop(mut self) {
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
pub fn answer(port: u16, request: &str) -> Option<String> {
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
pub fn set(file: &Path, section: &str, name: &str, value: &str) {
    let text = fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once(&format!("\n[{section}]\n")).unwrap();
    let start = rest.find(&format!("\n#{name} = ")).unwrap() + 1;
    let end = start + rest[start..].find('\n').unwrap();
    let rest = format!("{}{name} = \"{value}\"{}", &rest[..start], &rest[end..]);
    // In place, as an editor that keeps owner and mode.
    fs::write(file, format!("{before}\n[{section}]\n{rest}")).unwrap();
}
