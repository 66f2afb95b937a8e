//! A real etcd cluster of three members on this machine: Debian's etcd, on free ports of the loopback address.
//!
//! `LPSE_TEST_ETCD` names the members of one that is shared by all tests (`tests/run` starts it); without it, each test
//! program that wants one starts its own. Who wants to hurt its members starts one of its own in any case.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A cluster is up, and up again after harm, within this time.
const DEADLINE: Duration = Duration::from_secs(60);

/// A cluster, until dropped.
pub struct Cluster {
    members: Vec<Member>,
    /// What members are started with besides.
    arguments: Vec<String>,
    folder: TempDir,
}

struct Member {
    name: String,
    client: String,
    peer: String,
    /// Whose network it is in; otherwise in this machine's.
    exile: Option<Exile>,
    process: Option<Child>,
}

impl Cluster {
    /// Three members that answer.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with more arguments for each of them.
    pub fn start_with(arguments: &[&str]) -> Self {
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let ports = free_ports(6);
        let members = ports.chunks(2).enumerate().map(|(number, ports)| Member {
            name: format!("m{number}"),
            client: url(ports[0]),
            peer: url(ports[1]),
            exile: None,
            process: None,
        });
        Self::of(members.collect(), arguments)
    }

    /// The same, with the last member in a network of its own, which can be cut off; `Err` says why there is none.
    pub fn with_exile() -> Result<Self, String> {
        let exile = Exile::make()?;
        let ports = free_ports(4);
        let near = ports.chunks(2).enumerate().map(|(number, ports)| Member {
            name: format!("m{number}"),
            client: format!("http://127.0.0.1:{}", ports[0]),
            peer: format!("http://{}:{}", exile.address(1), ports[1]),
            exile: None,
            process: None,
        });
        let mut members: Vec<Member> = near.collect();
        members.push(Member {
            name: "m2".into(),
            client: format!("http://{}:2379", exile.address(6)),
            peer: format!("http://{}:2380", exile.address(2)),
            exile: Some(exile),
            process: None,
        });
        Ok(Self::of(members, &[]))
    }

    fn of(members: Vec<Member>, arguments: &[&str]) -> Self {
        let mut cluster = Self {
            members,
            arguments: arguments.iter().map(|one| one.to_string()).collect(),
            folder: tempfile::tempdir().unwrap(),
        };
        for number in 0..cluster.members.len() {
            cluster.start_member(number);
        }
        cluster.wait_until_well();
        cluster
    }

    /// What `[store] endpoints` says.
    pub fn endpoints(&self) -> String {
        let clients: Vec<&str> = self.members.iter().map(|m| m.client.as_str()).collect();
        clients.join(",")
    }

    pub fn start_member(&mut self, number: usize) {
        let all: Vec<String> = self
            .members
            .iter()
            .map(|member| format!("{}={}", member.name, member.peer))
            .collect();
        let folder: PathBuf = self.folder.path().join(format!("m{number}"));
        let member = &mut self.members[number];
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.with_extension("log"))
            .unwrap();
        let mut command = match &member.exile {
            None => Command::new("etcd"),
            Some(exile) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &exile.name, "etcd"]);
                command
            }
        };
        command
            .args(["--name", &member.name, "--data-dir"])
            .arg(&folder)
            .args(["--listen-client-urls", &member.client])
            .args(["--advertise-client-urls", &member.client])
            .args(["--listen-peer-urls", &member.peer])
            .args(["--initial-advertise-peer-urls", &member.peer])
            .args(["--initial-cluster", &all.join(",")])
            .args(["--initial-cluster-token", "lpse-kiosk-tests"])
            .args(["--log-level", "error", "--logger", "zap"])
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn();
        member.process = Some(child.expect("etcd (Debian's etcd-server) is installed"));
    }

    /// Ends a member without a word.
    pub fn kill_member(&mut self, number: usize) {
        if let Some(mut process) = self.members[number].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends a member a signal, such as `STOP` and `CONT`.
    pub fn signal_member(&self, number: usize, signal: &str) {
        if let Some(process) = &self.members[number].process {
            let id = process.id().to_string();
            let status = Command::new("kill").args(["-s", signal, &id]).status();
            assert!(status.unwrap().success(), "kill -s {signal} {id}");
        }
    }

    /// Cuts the exiled member off from the other members, or lets it back; those who ask it still reach it.
    pub fn cut_off(&self, is_cut_off: bool) {
        let mut exiles = self.members.iter().filter_map(|m| m.exile.as_ref());
        let exile = exiles.next().expect("a member in exile");
        let state = if is_cut_off { "down" } else { "up" };
        exile.link(&["set", "peers", state]).unwrap();
    }

    /// The place of the member that leads, if one does.
    pub fn leader(&self) -> Option<usize> {
        (0..self.members.len()).find(|number| {
            let status = self.etcdctl(&[*number], &["endpoint", "status", "-w", "fields"]);
            let field = |name: &str| {
                let mut lines = status.as_deref()?.lines();
                let line = lines.find_map(|line| line.strip_prefix(name))?;
                Some(line.trim_start_matches([' ', ':']).to_owned())
            };
            field("\"MemberID\"").is_some_and(|id| Some(id) == field("\"Leader\""))
        })
    }

    /// Waits until every member that runs answers with the others.
    pub fn wait_until_well(&self) {
        let running: Vec<usize> = (0..self.members.len())
            .filter(|number| self.members[*number].process.is_some())
            .collect();
        let begun = Instant::now();
        while self.etcdctl(&running, &["endpoint", "health"]).is_none() {
            assert!(begun.elapsed() < DEADLINE, "the cluster does not come up");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Raises an alarm, such as `CORRUPT`, as a member does that finds a reason; `etcdctl alarm disarm` ends it.
    pub fn raise_alarm(&self, alarm: &str) {
        let raised = Command::new("curl")
            .args(["--silent", "--fail", "--data"])
            .arg(format!(
                r#"{{"action": "ACTIVATE", "memberID": "1", "alarm": "{alarm}"}}"#
            ))
            .arg(format!("{}/v3/maintenance/alarm", self.members[0].client))
            .output()
            .expect("curl is installed");
        assert!(raised.status.success(), "{raised:?}");
    }

    /// What etcd's own client says, asked of some members; `None` when it fails.
    pub fn etcdctl(&self, members: &[usize], arguments: &[&str]) -> Option<String> {
        let clients = members.iter().map(|number| &*self.members[*number].client);
        etcdctl(&clients.collect::<Vec<_>>().join(","), arguments)
    }

    /// A shared cluster's endpoints, which may be killed by nobody.
    pub fn shared() -> String {
        static SHARED: OnceLock<String> = OnceLock::new();
        let named = || std::env::var("LPSE_TEST_ETCD").ok();
        SHARED
            .get_or_init(|| named().unwrap_or_else(start_shared))
            .clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for number in 0..self.members.len() {
            self.kill_member(number);
        }
    }
}

/// A network of its own, with one way to the other members and one to those who ask.
struct Exile {
    name: String,
}

impl Exile {
    fn make() -> Result<Self, String> {
        let exile = Self {
            name: format!("lk{}", std::process::id()),
        };
        ip(&["netns", "add", &exile.name])?;
        exile.link(&["set", "lo", "up"])?;
        for (way, near, far) in [("peers", 1, 2), ("asking", 5, 6)] {
            let end = format!("{}{}", exile.name, &way[..1]);
            let there = ["peer", "name", way, "netns", &exile.name];
            ip(&[["link", "add", &end, "type", "veth"].as_slice(), &there].concat())?;
            let near = format!("{}/30", exile.address(near));
            ip(&["addr", "add", &near, "dev", &end])?;
            ip(&["link", "set", &end, "up"])?;
            let far = format!("{}/30", exile.address(far));
            ip(&["-n", &exile.name, "addr", "add", &far, "dev", way])?;
            exile.link(&["set", way, "up"])?;
        }
        Ok(exile)
    }

    fn address(&self, last: u8) -> String {
        format!("10.213.{}.{last}", std::process::id() % 250)
    }

    fn link(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[["-n", &self.name, "link"].as_slice(), arguments].concat())
    }
}

impl Drop for Exile {
    fn drop(&mut self) {
        // Its ends here go with it.
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| format!("ip (Debian's iproute2): {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

/// What etcd's own client says; `None` when it fails.
pub fn etcdctl(endpoints: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(["--dial-timeout", "1s", "--command-timeout", "3s"])
        .args(["--endpoints", endpoints])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("etcdctl (Debian's etcd-client) is installed");
    let text = || String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(text)
}

/// Keys of one test's own.
pub fn fresh_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    format!("/test-{}-{number}/", std::process::id())
}

/// A cluster for this test program, ended with it by the kernel: nobody else is there at that moment.
#[allow(clippy::zombie_processes, reason = "the guard outlives this program")]
fn start_shared() -> String {
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let cluster = Cluster::start();
        let endpoints = cluster.endpoints();
        let mut guard = Command::new("sh");
        // Ends the members when this program has.
        guard.args([
            "-c",
            "while kill -0 $1; do sleep 1; done; shift; kill -9 $*",
        ]);
        guard.arg("guard").arg(std::process::id().to_string());
        for member in &cluster.members {
            guard.arg(member.process.as_ref().unwrap().id().to_string());
        }
        guard.stdin(Stdio::null()).stdout(Stdio::null());
        let mut guard = guard.stderr(Stdio::null()).spawn().unwrap();
        tell.send(endpoints).unwrap();
        // For as long as this program runs.
        let _ = guard.wait();
    });
    told.recv().expect("a cluster")
}

/// Ports that nobody uses now.
fn free_ports(count: usize) -> Vec<u16> {
    std::iter::repeat_with(super::free_port)
        .take(count)
        .collect()
}
