//! A cluster as the manual sets it up: TLS both ways, etcd's own login, and a role for the prefix alone.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Output, Stdio},
};

use support::{
    MENU, Office, PASSWORD, REASON, eventually, free_port, manual::block_tried_by, smtp::Authority,
    ssh::Server, text,
};
use tempfile::TempDir;

/// The manual for several machines over one store.
const CLUSTER: &str = "assets/manual/cluster.md";
const PREFIX: &str = "/lpse-kiosk/";
const ROOT_SECRET: &str = "kata sandi root";
const SECRET: &str = "gajah biru di rawa 7";

/// A member of its own that asks for certificates and for a login.
pub(super) struct Member {
    process: Child,
    arguments: Vec<String>,
    pub(super) folder: TempDir,
    pub(super) authority: Authority,
    port: u16,
    peer: u16,
}

impl Member {
    pub(super) fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// The same, with more arguments, which may name files in its folder. Its settings are the manual's, for one member
    /// instead of three.
    fn start_with(arguments: impl FnOnce(&std::path::Path) -> Vec<String>) -> Self {
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
        let arguments = arguments(folder.path());
        let (port, peer) = (free_port(), free_port());
        let member = Self {
            process: run(folder.path(), &arguments, port, peer),
            arguments,
            folder,
            authority,
            port,
            peer,
        };
        member.wait_until_well();
        member
    }

    pub(super) fn wait_until_well(&self) {
        eventually("the member answers", || {
            self.etcdctl(&["endpoint", "health"]).status.success()
        });
    }

    /// Ends it, and starts it again with what its files hold now.
    pub(super) fn start_again(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = run(self.folder.path(), &self.arguments, self.port, self.peer);
        self.wait_until_well();
    }

    fn etcdctl(&self, arguments: &[&str]) -> Output {
        self.etcdctl_with(arguments, "")
    }

    fn etcdctl_with(&self, arguments: &[&str], input: &str) -> Output {
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
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .and_then(|mut etcdctl| {
                let mut words = etcdctl.stdin.take().expect("it is piped");
                words.write_all(input.as_bytes())?;
                drop(words);
                etcdctl.wait_with_output()
            })
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

    /// As etcd's own root, once it asks for logins.
    pub(super) fn as_root(&self, arguments: &[&str], input: &str) -> Output {
        let user = format!("--user=root:{ROOT_SECRET}");
        self.etcdctl_with(&[&[&*user], arguments].concat(), input)
    }

    #[track_caller]
    fn done_as_root(&self, arguments: &[&str]) {
        let output = self.as_root(arguments, "");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }

    /// As the manual has it, with passwords that nobody has to type.
    pub(super) fn ask_for_logins(&self) {
        let commands = block_tried_by(CLUSTER, file!(), "etcdctl auth enable").text;
        let folder = self.folder.path().display();
        let script = format!(
            r#"
            etcdctl() {{
                if [ "$1 $2" = "user add" ]; then
                    set -- user add "$3:$(cat "{folder}/secret-of-$3")"
                fi
                command etcdctl --endpoints=https://127.0.0.1:{} --cacert="{folder}/ca.pem" \
                    --cert="{folder}/root.pem" --key="{folder}/root.key" "$@"
            }}
            {commands}"#,
            self.port
        );
        for (name, secret) in [("root", ROOT_SECRET), ("lpse-kiosk", SECRET)] {
            let file = self.folder.path().join(format!("secret-of-{name}"));
            fs::write(file, secret).unwrap();
        }
        let done = Command::new("bash")
            .args(["-eu", "-c", &script])
            .env("ETCDCTL_API", "3")
            .output()
            .expect("bash is there");
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
}

/// The member whose files are in `folder`.
fn run(folder: &std::path::Path, arguments: &[String], port: u16, peer: u16) -> Child {
    let mut log = fs::File::options();
    let log = log.create(true).append(true).open(folder.join("log"));
    let log = log.unwrap();
    Command::new("etcd")
        .args(arguments)
        .args(["--logger", "zap", "--log-level", "error", "--data-dir"])
        .arg(folder.join("data"))
        .envs(settings(folder, port, peer))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("etcd (Debian's etcd-server) is installed")
}

/// What the manual's file for a member sets, with its folder, and at ports of this test.
fn settings(folder: &std::path::Path, port: u16, peer: u16) -> Vec<(String, String)> {
    let own = |value: &str| {
        value
            .replace("10.0.0.11:2379", &format!("127.0.0.1:{port}"))
            .replace("10.0.0.11:2380", &format!("127.0.0.1:{peer}"))
            .replace("/etc/etcd/", &format!("{}/", folder.display()))
    };
    let file = block_tried_by(CLUSTER, file!(), "ETCD_NAME").text;
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.split_once('=').expect("a variable");
            let value = own(value.trim_matches('"'));
            let value = match name {
                // Itself, of the three.
                "ETCD_INITIAL_CLUSTER" => value.split(',').next().unwrap().to_owned(),
                _ => value,
            };
            (name.to_owned(), value)
        })
        .collect()
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
    // Its certificate names one that etcd has no user of.
    let office = machine(&member, "loket-1").with("LPSE_KIOSK_SSH_LISTEN", "127.0.0.1:0");
    let [authority, certificate, key, password] =
        ["etcd-ca.pem", "etcd.pem", "etcd.key", "etcd-password"].map(|name| office.path(name));
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

/// The machine `node`, which reaches the member as the manual has it.
pub(super) fn machine(member: &Member, node: &str) -> Office {
    let endpoint = format!("https://127.0.0.1:{}", member.port);
    let office = Office::empty().in_cluster(&endpoint, PREFIX, node);
    let own = member.authority.certificate(node);
    let authority = private(&office, "etcd-ca.pem", member.authority.pem());
    let certificate = private(&office, "etcd.pem", &own.certificate);
    let key = private(&office, "etcd.key", &own.key);
    let password = private(&office, "etcd-password", &format!("{SECRET}\n"));
    office
        .with("LPSE_KIOSK_STORE_AUTHORITY_FILE", &authority)
        .with("LPSE_KIOSK_STORE_CERTIFICATE_FILE", &certificate)
        .with("LPSE_KIOSK_STORE_KEY_FILE", &key)
        .with("LPSE_KIOSK_STORE_USER", "lpse-kiosk")
        .with("LPSE_KIOSK_STORE_PASSWORD_FILE", &password)
        .with("LPSE_KIOSK_STORE_TIMEOUT_SECONDS", "3")
}

pub(super) fn logs_in(server: &Server) {
    let mut kiosk = server.ssh();
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("ENABLE TOTP");
}

#[test]
fn signed_logins_outlive_a_change_of_users_and_a_changed_password_is_told_by_its_name() {
    let member = Member::start_with(|folder| {
        let key = folder.join("jwt.key");
        fs::write(&key, "kunci untuk uji coba, 32 bita ya").unwrap();
        vec![
            "--auth-token".into(),
            format!("jwt,priv-key={},sign-method=HS256,ttl=300s", key.display()),
        ]
    });
    member.ask_for_logins();
    let one = machine(&member, "loket-1");
    one.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let two = machine(&member, "loket-2");
    fs::create_dir_all(two.path("etc")).unwrap();
    fs::copy(one.path("etc/master.key"), two.path("etc/master.key")).unwrap();
    let servers = [one.serve(), two.serve()];
    let mut open = servers[0].ssh();
    open.expect(MENU);
    for change in [
        &["user", "add", "pemantau:rahasia"][..],
        &["role", "add", "pembaca"],
        &["user", "grant-role", "pemantau", "pembaca"],
    ] {
        member.done_as_root(change);
        servers.iter().for_each(logs_in);
    }
    open.give_password("non-penyedia", "PPK30", PASSWORD);
    open.expect("ENABLE TOTP");
    // Changes are still heard of at the other machine.
    assert!(
        two.command(&[
            "user",
            "end-logins",
            "PPK30",
            "--type",
            "non-penyedia",
            "--reason",
            REASON
        ])
        .status
        .success()
    );
    open.expect("Login ini sudah tidak berlaku");

    let passwd = member.as_root(
        &["user", "passwd", "lpse-kiosk", "--interactive=false"],
        "lain sama sekali\n",
    );
    assert!(passwd.status.success(), "{}", text(&passwd.stderr));
    for server in &servers {
        eventually("503", || {
            server.health() == Some((503, "etcd password".into()))
        });
        assert!(
            server
                .log()
                .contains("etcd does not know this user or password")
        );
    }
    let told = text(&one.command(&["doctor"]).stdout);
    assert!(told.contains("[store] password_file"), "{told}");
    let mut kiosk = servers[1].ssh();
    kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
    kiosk.expect("Layanan sedang tidak tersedia.");
    // The file is all that it takes; etcdctl has read the password to its first space.
    for (office, server) in [&one, &two].into_iter().zip(&servers) {
        fs::write(office.path("etcd-password"), "lain\n").unwrap();
        eventually("200", || is_well(server));
        logs_in(server);
    }
    assert!(one.command(&["user", "list"]).status.success());
}

#[test]
fn a_role_that_may_only_read_and_a_login_that_is_switched_off_are_told_by_their_names() {
    const OPEN: &str = "etcd asks for no login, though [store] user names one";
    let member = Member::start();
    member.ask_for_logins();
    let one = machine(&member, "loket-1");
    one.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let two = machine(&member, "loket-2");
    fs::create_dir_all(two.path("etc")).unwrap();
    fs::copy(one.path("etc/master.key"), two.path("etc/master.key")).unwrap();
    let mut at_one = one.serve();
    eventually("one serves", || is_well(&at_one));
    let grant = |may: &str| {
        let role = ["--prefix=true", "lpse-kiosk"];
        let revoke = [&["role", "revoke-permission"], &role[..], &[PREFIX]].concat();
        member.done_as_root(&revoke);
        let grant = [&["role", "grant-permission"], &role[..], &[may, PREFIX]].concat();
        member.done_as_root(&grant);
    };
    grant("read");
    let says = "etcd's user may not read and write the keys under [store] prefix";
    at_one.expect_refusal(&one, "etcd permission", says, "grant-permission");
    let mut at_two = two.serve();
    at_two.expect_log(says);
    assert_eq!(at_two.health(), Some((503, "starting".into())));
    grant("readwrite");
    at_two.expect_log("the store is open now");
    eventually("200", || is_well(&at_one) && is_well(&at_two));

    member.done_as_root(&["auth", "disable"]);
    // Who logged in before is told within seconds; who starts now, at once.
    at_one.expect_log(OPEN);
    at_two.signal("TERM").wait();
    let mut at_two = two.serve();
    at_two.expect_log(OPEN);
    for server in [&at_one, &at_two] {
        eventually("200", || is_well(server));
        logs_in(server);
    }
    assert!(two.command(&["user", "list"]).status.success());
    one.expect_failure_of_etcd(OPEN, "auth enable");

    member.done(&["auth", "enable"]);
    for server in [&mut at_one, &mut at_two] {
        server.expect_log("etcd asks for a login again");
        eventually("200", || is_well(server));
        logs_in(server);
        assert!(
            !server.log().contains("nobody can log in here: etcd asks"),
            "{}",
            server.log()
        );
    }
    let told = text(&one.command(&["doctor"]).stdout);
    assert!(!told.contains("failure  etcd"), "{told}");
}

pub(super) fn is_well(server: &Server) -> bool {
    server.health() == Some((200, "ok".into()))
}
