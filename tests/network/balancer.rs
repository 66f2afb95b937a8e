//! Two machines behind haproxy, set up as the manual has it: people log in through it while one machine after the other
//! is restarted.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{
    Kiosk, MENU, Office, PASSWORD, Phone, activate,
    cluster::{Cluster, fresh_prefix},
    eventually, free_port, key,
    manual::block_tried_by,
    ssh::Client,
    text,
};

/// What people see who are in the middle of something when their machine is to be restarted.
const CLOSING: &str = "Layanan segera dimulai ulang.";

/// A process that ends with its test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, log: &std::path::Path) -> Self {
        let log = fs::File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.expect("the program starts (haproxy is Debian's)"))
    }

    fn wait(&mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the balancer calls the machines from.
const BALANCER: &str = "127.0.0.10";

/// Ports of this test, by what the manual has in their place.
#[derive(Clone, Copy)]
struct Ports {
    /// The machines' own.
    ssh: u16,
    page: u16,
    /// The balancer's.
    ssh_at: u16,
    page_at: u16,
}

impl Ports {
    fn free() -> Self {
        Self {
            ssh: free_port(),
            page: free_port(),
            ssh_at: free_port(),
            page_at: free_port(),
        }
    }
}

/// The configuration in the manual, with addresses and ports of this test.
fn configuration(ports: Ports) -> String {
    let block = block_tried_by("assets/manual/cluster.md", file!(), "frontend ssh");
    block
        .text
        .replace("10.0.0.10:2222", &format!("127.0.0.1:{}", ports.ssh_at))
        .replace("10.0.0.10:443", &format!("127.0.0.1:{}", ports.page_at))
        .replace("10.0.0.", "127.0.0.")
        .replace(":2222", &format!(":{}", ports.ssh))
        .replace(":8443", &format!(":{}", ports.page))
        // On a network its address would be its own by itself.
        .replace("send-proxy-v2", &format!("send-proxy-v2 source {BALANCER}"))
}

/// haproxy with the manual's configuration, taking people.
fn balance(office: &Office, ports: Ports) -> Running {
    let file = office.path("haproxy.cfg");
    fs::write(&file, configuration(ports)).unwrap();
    let checked = Command::new("/usr/sbin/haproxy")
        .arg("-c")
        .arg("-f")
        .arg(&file)
        .output();
    let checked = checked.expect("haproxy is installed");
    let said = text(&checked.stderr) + &text(&checked.stdout);
    assert!(
        checked.status.success() && !said.contains("WARNING"),
        "{said}"
    );
    let mut haproxy = Command::new("/usr/sbin/haproxy");
    haproxy.arg("-db").arg("-f").arg(&file);
    let running = Running::start(&mut haproxy, &office.path("haproxy.log"));
    eventually("the balancer answers", || {
        TcpStream::connect(("127.0.0.1", ports.ssh_at)).is_ok()
    });
    running
}

/// A machine with an address of its own.
struct Machine {
    office: Office,
    address: String,
    ssh: u16,
    metrics: u16,
    running: Option<Running>,
}

impl Machine {
    fn start(&mut self) {
        let listen = |port| format!("{}:{port}", self.address);
        let mut command = Command::new(support::program());
        command
            .arg("serve")
            .env_clear()
            .envs(self.office.environment())
            .env("LPSE_KIOSK_SSH_LISTEN", listen(self.ssh))
            .env("LPSE_KIOSK_SSH_PROXIES", BALANCER)
            .env("LPSE_KIOSK_METRICS_LISTEN", listen(self.metrics));
        self.running = Some(Running::start(&mut command, &self.office.path("log")));
        eventually("the machine is well", || self.health().contains(" 200 "));
    }

    /// The first line of what `/healthz` answers.
    fn health(&self) -> String {
        let ask = || {
            let mut stream = TcpStream::connect((self.address.as_str(), self.metrics)).ok()?;
            let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).ok()?;
            let mut told = String::new();
            stream.read_to_string(&mut told).ok()?;
            Some(told)
        };
        ask().unwrap_or_default()
    }

    fn leave(&self) {
        let running = self.running.as_ref().unwrap();
        support::send_signal(running.0.id(), "TERM");
        eventually("nobody new is sent here", || {
            self.health().contains("leaving")
        });
    }

    fn has_ended(&mut self) {
        self.running.take().unwrap().wait();
    }

    fn logins(&self) -> usize {
        match self.office.data().join("audit.jsonl").exists() {
            true => self.office.audited("login", "done"),
            false => 0,
        }
    }
}

/// Somebody who comes in through the balancer, again when it sends them to a machine that has just gone.
fn comes_in(client: &Client) -> Kiosk {
    let begun = Instant::now();
    loop {
        let mut kiosk = client.clone().start();
        let seen = Instant::now();
        while seen.elapsed() < Duration::from_secs(10) && kiosk.is_running() {
            if kiosk.text().contains(MENU) {
                return kiosk;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{}",
            kiosk.text()
        );
    }
}

fn gives_password(kiosk: &mut Kiosk) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
}

#[test]
fn people_log_in_through_the_balancer_while_one_machine_after_the_other_is_restarted() {
    let prefix = fresh_prefix();
    let first = Office::empty()
        .in_cluster(&Cluster::shared(), &prefix, "loket-1")
        .with("LPSE_KIOSK_SSH_GRACE_SECONDS", "300");
    first.add("PPK30", "non-penyedia", "Siti Rahmawati");
    let phone: Phone = activate(&first, &mut first.kiosk());
    // The same master key, SSH host key and time.
    let second = Office::empty()
        .in_cluster(&Cluster::shared(), &prefix, "loket-2")
        .with("LPSE_KIOSK_SSH_GRACE_SECONDS", "300")
        .with(
            "FAKETIME_TIMESTAMP_FILE",
            &first.path("clock").display().to_string(),
        );
    fs::create_dir(second.path("etc")).unwrap();
    fs::copy(first.path("etc/master.key"), second.path("etc/master.key")).unwrap();
    let (ports, metrics) = (Ports::free(), free_port());
    let machine = |office, number| Machine {
        office,
        address: format!("127.0.0.1{number}"),
        ssh: ports.ssh,
        metrics,
        running: None,
    };
    let mut machines = [machine(first, 1), machine(second, 2)];
    machines[0].start();
    let host_key = "ssh_host_ed25519_key";
    let of = |machine: &Machine| machine.office.data().join(host_key);
    fs::create_dir_all(machines[1].office.data()).unwrap();
    eventually("the host key is made", || of(&machines[0]).exists());
    fs::copy(of(&machines[0]), of(&machines[1])).unwrap();
    machines[1].start();

    let _haproxy = balance(&machines[0].office, ports);
    let client = machines[0].office.client(ports.ssh_at);

    // Callers of one address are at one machine; which one, its log tells.
    let log_in = |machines: &[Machine; 2], kiosk: &mut Kiosk| {
        let office = &machines[0].office;
        office.pass(60);
        let before = machines.each_ref().map(Machine::logins);
        kiosk
            .submit_code(&phone.code(office.clock()))
            .expect("DISABLE TOTP");
        let after = machines.each_ref().map(Machine::logins);
        assert_eq!(before[0] + before[1] + 1, after[0] + after[1]);
        usize::from(before[1] != after[1])
    };
    let mut kiosk = comes_in(&client);
    gives_password(&mut kiosk);
    let mut here = log_in(&machines, &mut kiosk);
    kiosk.press("l").press(key::ENTER).expect(MENU);
    for _ in 0..2 {
        // One is in the middle of a login when the machine is to go; another comes in meanwhile, and gets to the other.
        gives_password(&mut kiosk);
        machines[here].leave();
        kiosk.expect(CLOSING);
        let mut other = comes_in(&client);
        gives_password(&mut other);
        let there = log_in(&machines, &mut other);
        assert_eq!(there, 1 - here, "nobody is sent to a machine that leaves");
        assert_eq!(
            log_in(&machines, &mut kiosk),
            here,
            "whoever is in may finish"
        );
        kiosk.press("l").press(key::ENTER);
        kiosk.expect("Sesi berakhir karena layanan dimulai ulang.");
        machines[here].has_ended();
        machines[here].start();
        other.press("l").press(key::ENTER).expect(MENU);
        (kiosk, here) = (other, there);
    }
}

/// All that comes from `address` over a connection from `from`, after these bytes, until the machine ends it.
fn answered(from: [u8; 4], address: &str, bytes: &[u8]) -> Vec<u8> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::from((from, 0))).unwrap();
    connect(&socket, &address.parse::<SocketAddr>().unwrap()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // The machine may have ended it already.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("the connection goes on: {}", bytes.escape_ascii())
        }
        _ => answer,
    }
}

#[test]
fn callers_behind_the_balancer_are_told_apart_and_nobody_else_speaks_for_it() {
    const HERE: &str = "127.0.0.77";
    let (ports, metrics) = (Ports::free(), free_port());
    let office = Office::new();
    let made = rcgen::generate_simple_self_signed(["lpse.contoh.go.id".into()]).unwrap();
    let file = |name: &str, pem: String| {
        let file = office.path(name);
        fs::write(&file, pem).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file.display().to_string()
    };
    let certificate = file("web.pem", made.cert.pem());
    let private = file("web.key", made.signing_key.serialize_pem());
    let office = office
        .with(
            "LPSE_KIOSK_WEB_LISTEN",
            &format!("127.0.0.11:{}", ports.page),
        )
        .with("LPSE_KIOSK_WEB_BASE_URL", "https://lpse.contoh.go.id")
        .with("LPSE_KIOSK_WEB_CERTIFICATE", &certificate)
        .with("LPSE_KIOSK_WEB_KEY", &private)
        .with("LPSE_KIOSK_WEB_PROXIES", BALANCER);
    let mut machine = Machine {
        office,
        address: "127.0.0.11".into(),
        ssh: ports.ssh,
        metrics,
        running: None,
    };
    machine.start();
    let _haproxy = balance(&machine.office, ports);
    let office = &machine.office;
    let client = office.client(ports.ssh_at);

    // As many wrong passwords as shut an address, each from another one; then from yet another the owner.
    let mut guessers: Vec<Kiosk> = (1..=14)
        .map(|number| comes_in(&client.clone().from(&format!("127.0.1.{number}"))))
        .collect();
    for guesser in &mut guessers {
        guesser.give_password("non-penyedia", "PPK30", "bukan password siapa pun");
    }
    for guesser in &mut guessers {
        guesser.expect("tidak sesuai");
    }
    drop(guessers);
    for last in ["", HERE] {
        let mut kiosk = comes_in(&client.clone().from(HERE));
        kiosk.give_password("non-penyedia", "PPK30", PASSWORD);
        kiosk.expect("Selamat datang, Siti").expect(last);
        kiosk.press("l").press(key::ENTER).expect(MENU);
    }
    let from = |outcome: &str| -> Vec<String> {
        let lines = office.audit();
        let told = lines
            .iter()
            .filter(|line| line["act"] == "login" && line["outcome"] == outcome);
        told.map(|line| line["from"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        from("done"),
        [format!("peer:{HERE}"), format!("peer:{HERE}")]
    );
    let everybody = office.audit();
    for number in 1..=14 {
        let address = format!("peer:127.0.1.{number}");
        assert!(
            everybody.iter().any(|line| line["from"] == *address),
            "{address}"
        );
    }

    // The page, whose TLS ends at the machine.
    let page = Command::new("curl")
        .args(["--silent", "--insecure", "--interface", HERE, "--include"])
        .arg(format!(
            "https://127.0.0.1:{}/proc4user/resettotp",
            ports.page_at
        ))
        .output()
        .expect("curl is installed");
    assert!(
        text(&page.stdout).contains("LPSE"),
        "{}{}",
        text(&page.stdout),
        text(&page.stderr)
    );

    // The balancer's checks, once a second and more, have left no trace.
    let log = fs::read_to_string(office.path("log")).unwrap();
    assert!(!log.contains("PROXY") && !log.contains(BALANCER), "{log}");
    assert!(
        everybody
            .iter()
            .all(|line| line["from"] != format!("peer:{BALANCER}"))
    );

    // At the machine's own address: who is no balancer tells nothing, and who is one must, once.
    let at = format!("{}:{}", machine.address, machine.ssh);
    let v1 = b"PROXY TCP4 192.0.2.7 127.0.0.11 56324 2222\r\n";
    let v2 =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x0b\xdc\x04\x08\xae";
    let banner = b"SSH-2.0-OpenSSH_9.2p1\r\n";
    let greeting = "SSH-2.0-lpse-kiosk\r\n";
    let (balancer, stranger) = ([127, 0, 0, 10], [127, 0, 2, 1]);
    for header in [&v1[..], v2] {
        let spoofed = [header, banner].concat();
        let answer = answered(stranger, &at, &spoofed);
        assert!(text(&answer).len() <= greeting.len(), "{}", text(&answer));
        let doubled = [header, header, banner].concat();
        let answer = answered(balancer, &at, &doubled);
        assert!(text(&answer).len() <= greeting.len(), "{}", text(&answer));
        let shifted = [b" ", header, banner].concat();
        assert_eq!(text(&answered(balancer, &at, &shifted)), "");
    }
    assert_eq!(text(&answered(balancer, &at, banner)), "");
    // A check is greeted, and no more.
    let check = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    let own = b"PROXY TCP4 127.0.0.10 127.0.0.11 56324 2222\r\n";
    for header in [&check[..], own, b"PROXY UNKNOWN\r\n"] {
        assert_eq!(text(&answered(balancer, &at, header)), greeting);
    }
    let log = fs::read_to_string(office.path("log")).unwrap();
    assert_eq!(
        log.matches("is refused: it does not begin with a PROXY header")
            .count(),
        1,
        "said once in a while: {log}"
    );
}
