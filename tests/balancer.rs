//! Two machines behind haproxy, set up as the README has it: people log in through it while one machine after the other
//! is restarted.

#![cfg(feature = "etcd")]

mod common;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use common::{
    Kiosk, MENU, Office, PASSWORD, Phone, activate,
    cluster::{Cluster, fresh_prefix},
    eventually, free_port, key,
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

/// The configuration in the README, with addresses and ports of this test.
fn configuration(ssh: u16, at: u16) -> String {
    let readme = fs::read_to_string("README.md").unwrap();
    let (_, block) = readme
        .split_once("```haproxy\n")
        .expect("the README has it");
    let (block, _) = block.split_once("```").unwrap();
    block
        .replace("10.0.0.10:2222", &format!("127.0.0.1:{at}"))
        .replace("10.0.0.", "127.0.0.")
        .replace(":2222", &format!(":{ssh}"))
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_lpse-kiosk"));
        command
            .arg("serve")
            .env_clear()
            .envs(self.office.environment())
            .env("LPSE_KIOSK_SSH_LISTEN", listen(self.ssh))
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
        common::send_signal(running.0.id(), "TERM");
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
    let (ssh, metrics, at) = (free_port(), free_port(), free_port());
    let machine = |office, number| Machine {
        office,
        address: format!("127.0.0.1{number}"),
        ssh,
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

    let file = machines[0].office.path("haproxy.cfg");
    fs::write(&file, configuration(ssh, at)).unwrap();
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
    let _haproxy = Running::start(&mut haproxy, &machines[0].office.path("haproxy.log"));
    let client = machines[0].office.client(at);
    eventually("the balancer answers", || {
        TcpStream::connect(("127.0.0.1", at)).is_ok()
    });

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
