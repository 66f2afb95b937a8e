//! The servers that are measured, each in processes of its own: the kiosk's, and an OpenSSH sshd with a shell.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
};

use lpse_kiosk::domain::{
    PlainPassword,
    password::{self, HashCost, HashMemory},
};
use russh::keys::{
    PrivateKey,
    ssh_key::{LineEnding, private::Ed25519Keypair},
};
use tempfile::TempDir;

use crate::{
    client::Visit,
    process::{self, Kib},
};

use support::extent::Extent;

pub use support::PASSWORD;

/// As many accounts as the logins want, so that no two of them ever change the same one at once.
pub const ACCOUNTS: Extent<usize> = Extent::new(2_000, 50);

pub fn user_id(number: usize) -> String {
    format!("PT{number:06}")
}

/// A server that listens; killed when dropped.
pub struct Server {
    process: Child,
    pub visit: Visit,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// Starts `command`, and waits until its log says that it listens.
    fn start(mut command: Command, listens: &str, visit: Visit) -> Result<Self, String> {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut server = Self { process, visit };
        let mut said = String::new();
        loop {
            let begun = said.len();
            if !log.read_line(&mut said).is_ok_and(|length| length > 0) {
                let _ = server.process.wait();
                return Err(said);
            }
            if said[begun..].contains(listens) {
                break;
            }
        }
        // A log that nobody reads would stop its writer.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn memory(&self) -> Kib {
        process::memory(self.pid())
    }

    /// The memory of the processes it has started for its sessions: its own kind, and shells.
    pub fn sessions_memory(&self) -> (Kib, Kib) {
        let (mut own, mut shells) = (Kib::default(), Kib::default());
        for (pid, name) in process::descendants(self.pid()) {
            let kind = if name.starts_with("sshd") {
                &mut own
            } else {
                &mut shells
            };
            *kind = *kind + process::memory(pid);
        }
        (own, shells)
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// An office whose accounts need no code, in a folder of its own.
pub struct Office {
    folder: TempDir,
}

impl Office {
    pub fn new() -> Self {
        let office = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        File::create(office.path("empty.toml")).unwrap();
        let csv = office.path("accounts.csv");
        let password = PlainPassword::typed(PASSWORD).unwrap();
        let hash = password::hash(
            &password,
            [7; 16],
            HashCost::MIN,
            &mut HashMemory::default(),
        );
        let mut file = File::create(&csv).unwrap();
        writeln!(file, "user_id,type,name,email,password_hash").unwrap();
        for number in 0..ACCOUNTS.get() {
            let id = user_id(number);
            writeln!(file, "{id},penyedia,{id},{id}@contoh.go.id,\"{hash}\"").unwrap();
        }
        let csv = csv.to_str().unwrap();
        office.command(&["user", "import", csv]);
        office.command(&["policy", "disabled"]);
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kiosk(&self) -> Command {
        let mut command = Command::new(support::program());
        // Named, because this machine may have a configuration file of its own.
        command
            .env("LPSE_KIOSK_CONFIG", self.path("empty.toml"))
            .env("LPSE_KIOSK_STORE_DATA", self.path("data"))
            .env("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", self.path("master.key"));
        command
    }

    fn command(&self, arguments: &[&str]) {
        let output = self.kiosk().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    /// A fresh `serve`, with room for everybody the benchmark sends.
    pub fn serve(&self) -> Server {
        let address = free_address();
        let mut command = self.kiosk();
        command
            .arg("serve")
            .env("LPSE_KIOSK_SSH_LISTEN", address.to_string())
            .env("LPSE_KIOSK_SSH_SESSIONS", "10000")
            .env("LPSE_KIOSK_SSH_SESSIONS_PER_SOURCE", "10000")
            .env("LPSE_KIOSK_SSH_STARTUPS", "1000")
            .env("LPSE_KIOSK_PASSWORD_QUEUE", "1000")
            .env("LPSE_KIOSK_SSH_LOGIN_SECONDS", "600")
            .env("LPSE_KIOSK_SSH_PENALTY_SECONDS", "0");
        let visit = Visit {
            server: address,
            user: "lpse",
            key: None,
            // The number of visits comes with the store, the hints are the last row.
            first_screen: &["Total Pengunjung", "English"],
        };
        Server::start(command, "SHA256:", visit)
            .unwrap_or_else(|said| panic!("`lpse-kiosk serve` does not listen: {said}"))
    }
}

/// The program of the OpenSSH server; it wants to be called by its absolute path.
const SSHD: &str = "/usr/sbin/sshd";

/// An sshd whose sessions are `/bin/sh` on a PTY; lives as long as its folder.
pub struct Sshd {
    folder: TempDir,
    key: Arc<PrivateKey>,
}

impl Sshd {
    /// Nothing, and why, where there is no sshd to be measured.
    pub fn new() -> Result<Self, String> {
        if !Path::new(SSHD).exists() {
            return Err(format!("there is no {SSHD}"));
        }
        if !rustix::process::geteuid().is_root() {
            return Err(format!("{SSHD} gives shells to others only as root"));
        }
        // What its service makes for it.
        let _ = fs::create_dir_all("/run/sshd");
        let folder = tempfile::tempdir().unwrap();
        let (host, person) = (new_key(), new_key());
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(folder.path().join("host_key"))
            .unwrap();
        let text = host.to_openssh(LineEnding::LF).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let public = person.public_key().to_openssh().unwrap();
        fs::write(folder.path().join("authorized_keys"), public).unwrap();
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).unwrap();
        Ok(Self {
            folder,
            key: Arc::new(person),
        })
    }

    pub fn serve(&self) -> Result<Server, String> {
        let address = free_address();
        let folder = self.folder.path().display();
        let port = address.port();
        // SHLVL keeps a bash that is root's shell from its start-up file on the way to sh: what that does is no sshd's
        // cost.
        let configuration = format!(
            "ListenAddress 127.0.0.1:{port}\n\
             HostKey {folder}/host_key\n\
             AuthorizedKeysFile {folder}/authorized_keys\n\
             PidFile none\n\
             PermitRootLogin yes\n\
             StrictModes no\n\
             UsePAM no\n\
             UseDNS no\n\
             PrintMotd no\n\
             PrintLastLog no\n\
             MaxStartups 1000\n\
             TCPKeepAlive no\n\
             SetEnv SHLVL=2\n\
             ForceCommand exec /bin/sh -i\n"
        );
        let file = self.folder.path().join("sshd_config");
        fs::write(&file, configuration).unwrap();
        let mut command = Command::new(SSHD);
        command.args(["-D", "-e", "-f"]).arg(file);
        let visit = Visit {
            server: address,
            user: "root",
            key: Some(self.key.clone()),
            // The shell's prompt to root.
            first_screen: &["#"],
        };
        Server::start(command, "Server listening", visit)
    }
}

/// A key that guards nothing but this benchmark's own loopback listener, for as long as that runs.
fn new_key() -> PrivateKey {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}
