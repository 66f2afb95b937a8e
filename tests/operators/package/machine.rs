//! A machine that has booted a fresh Debian 12: systemd is its first process, and its network is its own.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, getuid, kill_process};
use support::{Kiosk, eventually, text};

use super::{
    debian::{Debian, in_its_environment},
    done,
};

/// No machine takes as long to boot; it has not begun to, or it never will.
const BOOTS: Duration = Duration::from_secs(60);

/// Locked while a machine is on: what systemd-nspawn starts here is all in one control group, and there is one terminal.
const ALONE: &str = "/run/lpse-kiosk-tests.lock";

/// The unit of `serve`.
pub const SERVICE: &str = "lpse-kiosk.service";

/// It is switched off when it is dropped, after a panic too, and when its test is killed.
pub struct Machine {
    pub debian: Debian,
    nspawn: Child,
    /// Its first process, as this machine numbers it.
    first: String,
    _alone: File,
}

impl Machine {
    /// A machine that has these files of ours besides, such as a device. Where none can be had, that is said and counted.
    pub fn boot(ours: &[&str]) -> Option<Self> {
        if !getuid().is_root() {
            support::left_out("only root can boot another Debian");
            return None;
        }
        let alone = File::create(ALONE).unwrap();
        alone.lock().unwrap();
        let debian = Debian::fresh();
        let console = File::create(debian.beside("console")).unwrap();
        // With whoever has started it, it ends.
        let mut nspawn = Command::new("setpriv");
        nspawn
            .args(["--pdeathsig", "KILL", "systemd-nspawn", "--quiet"])
            .args(["--register=no", "--keep-unit", "--private-network"])
            .args(["--boot", "--console=pipe", "--directory"])
            .arg(debian.root())
            .args(ours.iter().map(|file| format!("--bind={file}")))
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console);
        let mut machine = Self {
            debian,
            nspawn: nspawn.spawn().expect("systemd-container is installed"),
            first: String::new(),
            _alone: alone,
        };
        if !machine.has_booted() {
            let told = fs::read(machine.debian.beside("console")).unwrap();
            let told = text(&told);
            let last = told.lines().last().unwrap_or("nothing is said");
            support::left_out(&format!("no machine can be booted here ({})", last.trim()));
            return None;
        }
        Some(machine)
    }

    fn has_booted(&mut self) -> bool {
        let until = Instant::now() + BOOTS;
        while Instant::now() < until && self.nspawn.try_wait().unwrap().is_none() {
            if let Some(first) = first_process(self.nspawn.id()) {
                self.first = first;
                let told = self.attempt(&["systemctl", "is-system-running", "--wait"]);
                // Some unit of Debian's own may fail in a machine of this kind.
                if ["running", "degraded"].contains(&text(&told.stdout).trim()) {
                    return true;
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What root does on it.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--all", "--target", &self.first, "--"])
            .args(words);
        in_its_environment(&mut command);
        command
    }

    pub fn attempt(&self, words: &[&str]) -> Output {
        let output = self.command(words).output();
        output.expect("nsenter is installed")
    }

    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        done(&mut self.command(words))
    }

    #[track_caller]
    pub fn shell(&self, line: &str) -> String {
        self.run(&["bash", "-c", line])
    }

    /// What somebody is told to whom it is refused.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) -> String {
        let output = self.attempt(words);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(!output.status.success(), "{words:?}: {told}");
        told
    }

    #[track_caller]
    pub fn install(&self, package: &Path) -> String {
        fs::copy(package, self.debian.path("root/package.deb")).unwrap();
        // Settings that were changed stay, as whoever is asked would choose.
        let words = ["dpkg", "--force-confold", "--install", "/root/package.deb"];
        self.run(&words)
    }

    /// What systemd says of a unit's `property`.
    #[track_caller]
    pub fn told_of(&self, unit: &str, property: &str) -> String {
        let told = self.run(&["systemctl", "show", "--property", property, "--value", unit]);
        told.trim().to_owned()
    }

    #[track_caller]
    pub fn is_active(&self, unit: &str) -> bool {
        self.told_of(unit, "ActiveState") == "active"
    }

    /// What the journal has of a unit, in one of the forms that journalctl knows.
    #[track_caller]
    pub fn journal(&self, unit: &str, form: &str) -> String {
        self.run(&["journalctl", "--sync"]);
        let words = ["journalctl", "--no-pager", "--unit", unit, "--output", form];
        self.run(&words)
    }

    #[track_caller]
    pub fn eventually_says(&self, unit: &str, words: &str) {
        eventually(&format!("{words:?} in the journal of {unit}"), || {
            self.journal(unit, "cat").contains(words)
        });
    }

    /// Writes settings for a unit, as `systemctl edit` does; none are in force before a restart but systemd's own.
    #[track_caller]
    pub fn edit(&self, unit: &str, settings: &str) {
        let folder = self.debian.path(&format!("etc/systemd/system/{unit}.d"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("override.conf"), settings).unwrap();
        self.run(&["systemctl", "daemon-reload"]);
    }

    /// A signal for the program of a unit.
    #[track_caller]
    pub fn signal(&self, unit: &str, name: &str) {
        let signal = format!("--signal={name}");
        self.run(&["systemctl", "kill", "--kill-whom=main", &signal, unit]);
    }

    /// The public host key that `host-key` tells, as it stands in a file of known hosts.
    #[track_caller]
    pub fn host_key(&self) -> String {
        let told = self.run(&["lpse-kiosk", "host-key"]);
        let key = told
            .lines()
            .find_map(|line| Some(&line[line.find("ssh-ed25519 ")?..]));
        key.expect("a public key").to_owned()
    }

    /// Somebody who comes in over SSH, and knows the host key.
    pub fn caller(&self, host_key: &str) -> Kiosk {
        let known = self.debian.beside("known_hosts");
        fs::write(&known, format!("[127.0.0.1]:2222 {host_key}\n")).unwrap();
        let mut command = CommandBuilder::new("/usr/bin/nsenter");
        command.args(["--net", "--target", &self.first, "ssh", "-F", "/dev/null"]);
        for option in [
            "StrictHostKeyChecking=yes".to_owned(),
            "BatchMode=yes".to_owned(),
            format!("UserKnownHostsFile={}", known.display()),
            "SendEnv=LANG".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command.args(["-p", "2222", "lpse@127.0.0.1"]);
        command.env_clear();
        for (name, value) in [
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("LANG", "C.UTF-8"),
            ("TERM", "xterm-256color"),
        ] {
            command.env(name, value);
        }
        Kiosk::start(command, 80, 24)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // systemd-nspawn tidies up after a machine that has lost its first process.
        let first = self.first.parse().ok().and_then(Pid::from_raw);
        let _ = match first {
            Some(first) => kill_process(first, Signal::KILL).map_err(Into::into),
            None => self.nspawn.kill(),
        };
        let _ = self.nspawn.wait();
    }
}

/// The child of systemd-nspawn that is the first process of a machine, as soon as it is one.
fn first_process(nspawn: u32) -> Option<String> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let is_first = |id: &&str| {
        let told = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let says = |line: &str| told.lines().any(|told| told == line);
        let numbers = told.lines().find_map(|line| line.strip_prefix("NSpid:"));
        says("Name:\tsystemd") && numbers.is_some_and(|ids| ids.ends_with("\t1"))
    };
    let first = children.split_whitespace().find(is_first);
    first.map(str::to_owned)
}
