//! The office's SSH server, and the OpenSSH client that people come in with.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;

use super::{DEADLINE, Kiosk, Office, text};

/// `lpse-kiosk serve`, its log, and a client that knows its host key.
pub struct Server {
    child: Child,
    pub port: u16,
    metrics: u16,
    /// Everything on its standard error, and whether that is all.
    log: Arc<(Mutex<(String, bool)>, Condvar)>,
    client: Client,
}

impl Office {
    /// The office's SSH server on a port of its own; it takes people as soon as this returns.
    pub fn serve(&self) -> Server {
        self.serve_at(super::free_port())
    }

    pub fn serve_at(&self, port: u16) -> Server {
        self.serve_with(port, &[])
    }

    /// The server with some further words on its command line.
    pub fn serve_with(&self, port: u16, arguments: &[&str]) -> Server {
        let metrics = super::free_port();
        let mut child = Command::new(crate::program())
            .arg("serve")
            .args(arguments)
            .env_clear()
            .envs(self.environment())
            .env("LPSE_KIOSK_SSH_LISTEN", format!("127.0.0.1:{port}"))
            .env("LPSE_KIOSK_METRICS_LISTEN", format!("127.0.0.1:{metrics}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::new((Mutex::new((String::new(), false)), Condvar::new()));
        let feed = log.clone();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                let read = lines.read_until(b'\n', &mut line);
                let mut log = feed.0.lock().unwrap();
                log.0.push_str(&text(&line));
                log.1 = !matches!(read, Ok(length) if length > 0);
                feed.1.notify_all();
                if log.1 {
                    return;
                }
            }
        });
        let mut server = Server {
            child,
            port,
            metrics,
            log,
            client: self.stranger_to(port),
        };
        server.expect_log("SHA256:");
        server.client = self.client(port);
        server
    }

    /// An OpenSSH client of somebody who knows the host key of the server at `port`.
    pub fn client(&self, port: u16) -> Client {
        let client = self.stranger_to(port);
        let line = format!("[127.0.0.1]:{port} {}\n", self.host_key().public_key);
        fs::write(&client.known_hosts, line).unwrap();
        client
    }

    fn stranger_to(&self, port: u16) -> Client {
        Client {
            port,
            known_hosts: self.path(&format!("known_hosts.{port}")),
            home: self.path("home"),
            variables: Vec::new(),
            options: Vec::new(),
            user: "lpse".into(),
            command: Vec::new(),
            columns: 80,
            rows: 24,
        }
        .term("xterm-256color")
        .lang("C.UTF-8")
    }

    /// What `host-key` tells about the server's key.
    pub fn host_key(&self) -> HostKey {
        let told = self.command(&["host-key"]);
        assert!(told.status.success(), "{}", text(&told.stderr));
        let told = text(&told.stdout);
        let fingerprint = told
            .split_whitespace()
            .find(|word| word.starts_with("SHA256:"))
            .unwrap_or_else(|| panic!("host-key tells a fingerprint:\n{told}"));
        let public_key = told
            .lines()
            .find_map(|line| Some(&line[line.find("ssh-ed25519 ")?..]))
            .unwrap_or_else(|| panic!("host-key tells the public key:\n{told}"));
        HostKey {
            fingerprint: fingerprint.to_owned(),
            public_key: public_key.to_owned(),
        }
    }

    /// The audit log's lines.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(self.data().join("audit.jsonl")).unwrap();
        log.lines()
            .map(|line| serde_json::from_str(line).expect("a line of the audit log"))
            .collect()
    }

    /// Demands that `doctor` finds this fault in etcd, and says what to do about it.
    #[track_caller]
    pub fn expect_failure_of_etcd(&self, says: &str, to_do: &str) {
        let examined = self.command(&["doctor"]);
        let told = text(&examined.stdout);
        let mut lines = told.lines();
        let found = lines.any(|line| line.starts_with("failure  etcd ") && line.contains(says));
        let to_do = lines.next().is_some_and(|line| line.contains(to_do));
        assert!(found && to_do, "{says}: {told}");
        assert_eq!(examined.status.code(), Some(1), "{told}");
    }

    /// How many lines of the audit log tell of `act` with `outcome`.
    pub fn audited(&self, act: &str, outcome: &str) -> usize {
        let lines = self.audit();
        let told = lines
            .iter()
            .filter(|line| line["act"] == act && line["outcome"] == outcome);
        told.count()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    pub fingerprint: String,
    /// As it stands in a file of known hosts, without the host.
    pub public_key: String,
}

impl Server {
    /// Waits until the log says `words`.
    pub fn expect_log(&mut self, words: &str) -> &mut Self {
        let deadline = Instant::now() + DEADLINE;
        let (lock, changed) = &*self.log;
        let mut log = lock.lock().unwrap();
        while !log.0.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !log.1,
                "expected {words:?} in the server's log:\n{}",
                log.0
            );
            log = changed.wait_timeout(log, left).unwrap().0;
        }
        drop(log);
        self
    }

    pub fn log(&self) -> String {
        self.log.0.lock().unwrap().0.clone()
    }

    /// What its health is, in its own word; `None` where nobody answers.
    pub fn health(&self) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).ok()?;
        write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.trim().to_owned()))
    }

    /// The port at which it tells health and figures.
    pub fn metrics(&self) -> u16 {
        self.metrics
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn signal(&mut self, name: &str) -> &mut Self {
        super::send_signal(self.child.id(), name);
        self
    }

    /// Waits for its end; returns its exit status, or minus the signal that ended it.
    pub fn wait(&mut self) -> i32 {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status
                    .code()
                    .unwrap_or_else(|| -status.signal().unwrap_or_default());
            }
            assert!(
                Instant::now() < deadline,
                "the server does not end; its log:\n{}",
                self.log()
            );
            thread::yield_now();
        }
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> u64 {
        self.kibibytes("smaps_rollup", "Rss:")
    }

    /// The most resident memory in KiB since the last [`Self::forget_peak`].
    pub fn peak(&self) -> u64 {
        self.kibibytes("status", "VmHWM:")
    }

    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn kibibytes(&self, file: &str, name: &str) -> u64 {
        let told = self.told(file);
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    /// What the system tells about the process.
    fn told(&self, file: &str) -> String {
        let told = fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        told.unwrap_or_else(|_| {
            // The last word of a process that has ended is how.
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
            let stat = stat.unwrap_or_default();
            let how = stat.split_whitespace().last().unwrap_or("unknown");
            panic!(
                "the server has ended with status {how}; its log:\n{}",
                self.log()
            )
        })
    }

    /// CPU time that it has taken, with the threads that have ended.
    pub fn processor_time(&self) -> Duration {
        let stat = self.told("stat");
        // The name before them is in brackets and may hold anything.
        let (_, numbers) = stat.rsplit_once(')').unwrap();
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let ticks = |at: usize| numbers[at].parse::<u64>().unwrap();
        // utime and stime (proc(5)), in hundredths of a second.
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    /// Demands that what the cluster refuses is told by its name, with what to do about it: by health in `word`, in the
    /// log, by `doctor` at `office`, and to whoever wants to log in as PPK30.
    #[track_caller]
    pub fn expect_refusal(&mut self, office: &Office, word: &str, says: &str, to_do: &str) {
        super::eventually(word, || self.health() == Some((503, word.into())));
        self.expect_log(&format!("nobody can log in here: {says}"));
        let mut kiosk = self.password_given("non-penyedia", "PPK30");
        kiosk.expect("Layanan sedang tidak tersedia.");
        office.expect_failure_of_etcd(says, to_do);
    }

    /// How many connections it holds; one whose peer has gone counts until the server has let go of it.
    pub fn connections(&self) -> usize {
        const ESTABLISHED: &str = "01";
        const CLOSE_WAIT: &str = "08";
        let place = format!("0100007F:{:04X}", self.port);
        let sockets = self.told("net/tcp");
        let held = sockets.lines().filter(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.len() > 3 && words[1] == place && [ESTABLISHED, CLOSE_WAIT].contains(&words[3])
        });
        held.count()
    }

    /// How many sit at its screens, as it tells the machine's monitoring.
    pub fn people(&self) -> usize {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).expect("it is told");
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        let mut lines = told.lines();
        let value = lines.find_map(|line| {
            line.strip_prefix("lpse_kiosk_open_sessions{door=\"ssh\"} ")
                .and_then(|value| value.trim().parse().ok())
        });
        value.unwrap_or_else(|| panic!("no sessions over SSH are told of:\n{told}"))
    }

    /// An OpenSSH client as people have it: with a terminal, and a locale of UTF-8.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A person who comes in over SSH.
    pub fn ssh(&self) -> Kiosk {
        self.client().start()
    }

    /// A person who has come in and typed the password of `user_id`.
    pub fn password_given(&self, user_type: &str, user_id: &str) -> Kiosk {
        let mut kiosk = self.ssh();
        kiosk.give_password(user_type, user_id, super::PASSWORD);
        kiosk
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An OpenSSH client that has not started yet.
#[derive(Clone)]
pub struct Client {
    port: u16,
    known_hosts: PathBuf,
    home: PathBuf,
    variables: Vec<(String, String)>,
    options: Vec<String>,
    user: String,
    command: Vec<String>,
    columns: u16,
    rows: u16,
}

impl Client {
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self
    }

    pub fn term(self, term: &str) -> Self {
        self.variable("TERM", term)
    }

    pub fn lang(self, lang: &str) -> Self {
        self.variable("LANG", lang)
    }

    /// One more word before the host, such as `-A`.
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.into());
        self
    }

    pub fn user(mut self, user: &str) -> Self {
        self.user = user.into();
        self
    }

    /// Comes in from another address of this machine.
    pub fn from(self, address: &str) -> Self {
        self.option("-b").option(address)
    }

    /// A command in place of a shell.
    pub fn command(mut self, command: &str) -> Self {
        self.command.push(command.into());
        self
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        (self.columns, self.rows) = (columns, rows);
        self
    }

    /// Settings that `ssh`, `scp` and `sftp` take alike: nothing of this machine's own, and only the one host key.
    fn settings(&self) -> Vec<String> {
        let mut words = vec!["-F".into(), "none".into()];
        for setting in [
            format!("UserKnownHostsFile={}", self.known_hosts.display()),
            "GlobalKnownHostsFile=/dev/null".into(),
            "StrictHostKeyChecking=yes".into(),
            "UpdateHostKeys=no".into(),
            "BatchMode=yes".into(),
            "IdentityFile=none".into(),
            "ConnectTimeout=25".into(),
        ] {
            words.extend(["-o".into(), setting]);
        }
        words
    }

    fn words(&self, terminal: bool) -> Vec<String> {
        let mut words = self.settings();
        let quiet = if terminal { "ERROR" } else { "INFO" };
        words.extend([
            "-p".into(),
            self.port.to_string(),
            "-e".into(),
            "none".into(),
            "-o".into(),
            format!("LogLevel={quiet}"),
            "-o".into(),
            "SendEnv=LANG LC_*".into(),
        ]);
        words.extend(self.options.iter().cloned());
        words.push(format!("{}@127.0.0.1", self.user));
        words.extend(self.command.iter().cloned());
        words
    }

    fn environment(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("PATH".into(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".into(), self.home.display().to_string()),
        ];
        variables.extend(self.variables.iter().cloned());
        variables
    }

    /// `ssh -tt` on a pseudo-terminal: a person.
    pub fn start(&self) -> Kiosk {
        let mut command = CommandBuilder::new("ssh");
        command.arg("-tt");
        command.args(self.words(true));
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        Kiosk::start(command, self.columns, self.rows)
    }

    /// `ssh` without a terminal, not yet started: a script.
    pub fn script(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.words(false));
        self.bare(&mut command);
        command
    }

    /// `scp` or `sftp` with words of its own; `lpse@127.0.0.1:` is the server.
    pub fn copy(&self, program: &str, words: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(self.settings())
            .args(["-P", &self.port.to_string()])
            .args(words);
        self.bare(&mut command);
        output(&mut command)
    }

    /// `ssh` without a terminal, to its end.
    pub fn run(&self) -> Output {
        output(&mut self.script())
    }

    fn bare(&self, command: &mut Command) {
        command
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }
}

/// Runs a command to its end, which must come.
fn output(command: &mut Command) -> Output {
    let child = command
        .spawn()
        .expect("OpenSSH's client is installed (Debian package openssh-client)");
    let id = child.id();
    let (done, ended) = std::sync::mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let output = ended.recv_timeout(DEADLINE + Duration::from_secs(10));
    output
        .unwrap_or_else(|_| {
            super::send_signal(id, "KILL");
            panic!("{command:?} does not end");
        })
        .expect("it ends")
}
