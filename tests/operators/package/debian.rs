//! A fresh Debian 12 beside this one, and the service in it, on a machine that has not booted: what the unit would do is
//! done by hand. One that has is in `machine.rs`.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use portable_pty::CommandBuilder;
use support::{Kiosk, send_signal, text};
use tempfile::TempDir;

use super::done;

/// What every machine with Debian is called here.
pub const HOST: &str = "loket-1";

/// A fresh Debian 12 in a folder of its own.
pub struct Debian {
    /// It lies in a folder of that, beside which there is room for what boots it.
    folder: TempDir,
    root: PathBuf,
}

impl Debian {
    /// Fetched once, with all that it needs to boot; what is tested is a copy of it.
    pub fn fresh() -> Self {
        let kept = kept();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("debian");
        support::copy(&kept, &root);
        Self { folder, root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file beside the Debian, which it does not see.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn command(&self, user: &str, words: &[&str]) -> Command {
        let mut command = Command::new("chroot");
        command
            .arg(format!("--userspec={user}"))
            .arg(self.root())
            .args(words);
        in_its_environment(&mut command);
        command
    }

    /// The same, as somebody does it who sits at a terminal and can be asked.
    pub fn at_a_terminal(&self, words: &[&str]) -> Kiosk {
        let mut command = CommandBuilder::new("/usr/sbin/chroot");
        command.arg(self.root());
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
        let mut folders = vec![self.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let inner = path.strip_prefix(self.root()).unwrap();
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

/// The Debian of which all are copies. Who comes first fetches it, and others wait for that.
fn kept() -> PathBuf {
    static FETCHING: Mutex<()> = Mutex::new(());
    let _alone = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bookworm-that-boots");
    if !kept.exists() {
        let draft = kept.with_extension(format!("new-{}", std::process::id()));
        done(
            Command::new("debootstrap")
                .args(["--variant=minbase", "--include=systemd-sysv,dbus"])
                .arg("bookworm")
                .arg(&draft),
        );
        done(
            Command::new("chroot")
                .arg(&draft)
                .args(["apt-get", "clean"]),
        );
        fs::write(draft.join("etc/hostname"), format!("{HOST}\n")).unwrap();
        // Nothing here outlives its test: dpkg need not wait for the disk.
        let faster = draft.join("etc/dpkg/dpkg.cfg.d/faster");
        fs::write(faster, "force-unsafe-io\n").unwrap();
        fs::rename(&draft, &kept).unwrap();
    }
    kept
}

/// Whatever runs in a Debian has no terminal, and none of this machine's variables.
pub fn in_its_environment(command: &mut Command) {
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
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
        command
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
