//! A cluster as the manual sets it up: TLS both ways, etcd's own login, and a role for the prefix alone.

#![cfg(feature = "etcd")]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Output, Stdio},
};

use common::{Office, PASSWORD, eventually, free_port, smtp::Authority, text};
use tempfile::TempDir;

const PREFIX: &str = "/lpse-kiosk/";
const SECRET: &str = "gajah biru di rawa 7";

/// A member of its own that asks for certificates and for a login.
struct Member {
    process: Child,
    folder: TempDir,
    authority: Authority,
    port: u16,
}

impl Member {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let of_member = authority.certificate("127.0.0.1");
        let of_root = authority.certificate("root");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("ca.pem"), authority.pem()).unwrap();
        for (name, certificate) in [("member", &of_member), ("root", &of_root)] {
            fs::write(path(&format!("{name}.pem")), &certificate.certificate).unwrap();
            fs::write(path(&format!("{name}.key")), &certificate.key).unwrap();
        }
        let (port, peer) = (free_port(), free_port());
        let (client, peer) = (
            format!("https://127.0.0.1:{port}"),
            format!("http://127.0.0.1:{peer}"),
        );
        let log = fs::File::create(path("log")).unwrap();
        let process = Command::new("etcd")
            .args(["--name", "m0", "--data-dir"])
            .arg(path("data"))
            .args(["--listen-client-urls", &client])
            .args(["--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("m0={peer}")])
            .arg("--cert-file")
            .arg(path("member.pem"))
            .arg("--key-file")
            .arg(path("member.key"))
            .arg("--trusted-ca-file")
            .arg(path("ca.pem"))
            .args([
                "--client-cert-auth",
                "--logger",
                "zap",
                "--log-level",
                "error",
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("etcd (Debian's etcd-server) is installed");
        let member = Self {
            process,
            folder,
            authority,
            port,
        };
        eventually("the member answers", || {
            member.etcdctl(&["endpoint", "health"]).status.success()
        });
        member
    }

    fn etcdctl(&self, arguments: &[&str]) -> Output {
        let path = |name: &str| self.folder.path().join(name);
        Command::new("etcdctl")
            .env("ETCDCTL_API", "3")
            .arg(format!("--endpoints=https://127.0.0.1:{}", self.port))
            .arg("--cacert")
            .arg(path("ca.pem"))
            .arg("--cert")
            .arg(path("root.pem"))
            .arg("--key")
            .arg(path("root.key"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("etcdctl (Debian's etcd-client) is installed")
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) {
        let output = self.etcdctl(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }

    /// As the README has it.
    fn ask_for_logins(&self) {
        self.done(&["user", "add", "root:tidak dipakai di sini"]);
        self.done(&["role", "add", "lpse-kiosk"]);
        let grant = [
            "role",
            "grant-permission",
            "--prefix=true",
            "lpse-kiosk",
            "readwrite",
        ];
        self.done(&[&grant[..], &[PREFIX]].concat());
        self.done(&["user", "add", &format!("lpse-kiosk:{SECRET}")]);
        self.done(&["user", "grant-role", "lpse-kiosk", "lpse-kiosk"]);
        self.done(&["user", "grant-role", "root", "root"]);
        self.done(&["auth", "enable"]);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn private(office: &Office, name: &str, content: &str) -> String {
    let path = office.path(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[track_caller]
fn refused(office: &Office, words: &str) {
    let output = office.command(&["user", "list"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains(words), "{words:?} is missing in: {said}");
}

#[test]
fn people_log_in_over_a_cluster_that_asks_for_certificates_and_a_login() {
    let member = Member::start();
    member.ask_for_logins();
    // Its name is one that etcd has no user of.
    let own = member.authority.certificate("loket-1");
    let endpoint = format!("https://127.0.0.1:{}", member.port);
    let office = Office::empty().in_cluster(&endpoint, PREFIX, "loket-1");
    let authority = private(&office, "etcd-ca.pem", member.authority.pem());
    let certificate = private(&office, "etcd.pem", &own.certificate);
    let key = private(&office, "etcd.key", &own.key);
    let password = private(&office, "etcd-password", &format!("{SECRET}\n"));
    let office = office
        .with("LPSE_KIOSK_STORE_AUTHORITY_FILE", &authority)
        .with("LPSE_KIOSK_STORE_CERTIFICATE_FILE", &certificate)
        .with("LPSE_KIOSK_STORE_KEY_FILE", &key)
        .with("LPSE_KIOSK_STORE_USER", "lpse-kiosk")
        .with("LPSE_KIOSK_STORE_PASSWORD_FILE", &password)
        .with("LPSE_KIOSK_STORE_TIMEOUT_SECONDS", "3")
        .with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    office.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let mut kiosk = office.kiosk();
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("ENABLE TOTP");
    kiosk.signal("TERM").wait();
    let told = text(&office.command(&["doctor"]).stdout);
    assert!(
        told.contains("TLS with this machine's certificate, as lpse-kiosk"),
        "{told}"
    );

    // Keys that are not of the role.
    let elsewhere = office.with("LPSE_KIOSK_STORE_PREFIX", "/other/");
    refused(&elsewhere, "permission denied");
    let office = elsewhere.with("LPSE_KIOSK_STORE_PREFIX", PREFIX);
    fs::write(&password, "kata sandi lain\n").unwrap();
    refused(&office, "authentication failed");
    fs::write(&password, SECRET).unwrap();
    assert!(office.command(&["user", "list"]).status.success());
    // An authority that the member's certificate is not of, and a certificate that the member does not take.
    let other = Authority::new();
    fs::write(&authority, other.pem()).unwrap();
    refused(&office, "cannot be used now");
    fs::write(&authority, member.authority.pem()).unwrap();
    let stranger = other.certificate("loket-1");
    fs::write(&certificate, &stranger.certificate).unwrap();
    fs::write(&key, &stranger.key).unwrap();
    refused(&office, "cannot be used now");
}
