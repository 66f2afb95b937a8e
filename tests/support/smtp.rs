//! A real mail server for the journeys: exim, from Debian's package exim4-daemon-light, on a free port of this machine,
//! with everything it reads and writes in one temporary folder; and the certificates of an authority made for it.
//!
//! It knows nothing of this program: it takes a letter over STARTTLS from whoever logs in, and puts it into a folder.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// Nothing takes this long; a journey that waits longer has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// A certificate authority of one test's own.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both as PEM.
pub struct Certificate {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Otoritas Uji");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its own certificate, for those who shall trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for the server `name`.
    pub fn certificate(&self, name: &str) -> Certificate {
        self.sign(CertificateParams::new([name.to_owned()]).unwrap())
    }

    /// A certificate for `name` that held until the end of 2001.
    pub fn expired_certificate(&self, name: &str) -> Certificate {
        self.certificate_between(name, (2000, 1, 1), (2001, 12, 31))
    }

    /// A certificate for `name` that holds from one day's beginning to another's: year, month, day.
    pub fn certificate_between(
        &self,
        name: &str,
        from: (i32, u8, u8),
        to: (i32, u8, u8),
    ) -> Certificate {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        Certificate {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// The server. It stops when it is dropped.
pub struct MailServer {
    folder: TempDir,
    authority: Authority,
    port: u16,
    /// One exim for each connection, as a super-server starts it, so that the port is ours from the beginning.
    conversations: Arc<Mutex<Vec<Child>>>,
    stopping: Arc<AtomicBool>,
}

impl MailServer {
    /// It listens as soon as this returns.
    ///
    /// # Panics
    /// Under any user but root: exim takes callers for nobody else.
    pub fn start() -> Self {
        assert!(
            rustix::process::getuid().is_root(),
            "exim takes callers for root alone; please run the journeys with mail as root, in a container for example"
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new();
        let path = |name: &str| folder.path().join(name);
        let certificate = authority.certificate(Self::HOST);
        fs::write(path("certificate.pem"), certificate.certificate).unwrap();
        fs::write(path("key.pem"), certificate.key).unwrap();
        let configuration =
            include_str!("exim.conf").replace("FOLDER", &folder.path().display().to_string());
        fs::write(path("exim.conf"), configuration).unwrap();
        for name in ["spool", "log", "mail"] {
            fs::create_dir(path(name)).unwrap();
            // Started by root, exim gives its rights up for a user of its own, who must be able to write here.
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o777)).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let conversations = Arc::new(Mutex::new(Vec::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let server = Self {
            folder,
            authority,
            port,
            conversations: Arc::clone(&conversations),
            stopping: Arc::clone(&stopping),
        };
        server.change_password(server.password());
        let configuration = server.folder.path().join("exim.conf");
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                let exim = answer(&configuration, stream.unwrap());
                conversations.lock().unwrap().push(exim);
            }
        });
        server
    }

    /// The name that its certificate is for.
    pub const HOST: &str = "localhost";

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The authority behind its certificate.
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    pub fn user(&self) -> &'static str {
        "kiosk"
    }

    pub fn password(&self) -> &'static str {
        "kata sandi surat 7"
    }

    /// From now on this is the password, and no other.
    pub fn change_password(&self, password: &str) {
        fs::write(self.folder.path().join("password"), password).unwrap();
    }

    /// From now on its certificate is one of another authority.
    pub fn change_authority(&mut self) {
        self.authority = Authority::new();
        let certificate = self.authority.certificate(Self::HOST);
        for (name, content) in [
            ("certificate.pem", certificate.certificate),
            ("key.pem", certificate.key),
        ] {
            fs::write(self.folder.path().join(name), content).unwrap();
        }
    }

    /// From now on every recipient is refused for a while (451).
    pub fn defer(&self) {
        self.accept();
        fs::write(self.folder.path().join("defer"), "").unwrap();
    }

    /// From now on every recipient is refused for good (550).
    pub fn refuse(&self) {
        self.accept();
        fs::write(self.folder.path().join("refuse"), "").unwrap();
    }

    /// From now on letters are taken again.
    pub fn accept(&self) {
        for name in ["defer", "refuse"] {
            let _ = fs::remove_file(self.folder.path().join(name));
        }
    }

    /// Every letter that has arrived, the oldest first, as it lies in the mailbox. `Envelope-to` in front of each is
    /// whom it was really for.
    pub fn letters(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.path().join("mail/new")) else {
            // The first letter makes the folder.
            return Vec::new();
        };
        let mut arrived: Vec<(std::time::SystemTime, PathBuf)> = entries
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.metadata().unwrap().modified().unwrap(), entry.path()))
            .collect();
        arrived.sort();
        let paths = arrived.into_iter().map(|(_, path)| path);
        paths
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    }

    /// The `n`th letter, counted from one, as soon as it is there.
    pub fn wait_for_letter(&self, n: usize) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(letter) = self.letters().into_iter().nth(n - 1) {
                return letter;
            }
            assert!(
                Instant::now() < deadline,
                "no letter {n} has arrived:\n{}",
                logs(self.folder.path())
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        self.stopping.store(true, Ordering::SeqCst);
        // The listener looks up at one more caller.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        for mut exim in self.conversations.lock().unwrap().drain(..) {
            // A delivery is a process of its own, of the same group.
            if let Some(group) = Pid::from_raw(exim.id().cast_signed()) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = exim.wait();
        }
    }
}

/// One exim for one caller, who is its standard input and output.
fn answer(configuration: &Path, caller: TcpStream) -> Child {
    let output: OwnedFd = caller.try_clone().unwrap().into();
    Command::new("/usr/sbin/exim4")
        .arg("-C")
        .arg(configuration)
        .arg("-bs")
        .stdin(Stdio::from(OwnedFd::from(caller)))
        .stdout(Stdio::from(output))
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("exim is installed (Debian package exim4-daemon-light)")
}

fn logs(folder: &Path) -> String {
    ["main", "panic", "reject"]
        .map(|name| fs::read_to_string(folder.join("log").join(name)).unwrap_or_default())
        .concat()
}
