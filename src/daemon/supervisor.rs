//! The system that runs the program, and what it is told: systemd's readiness (sd_notify(3)) and its watchdog.
//!
//! Without a supervisor that asks for it, nothing is sent and nothing wakes up.

use std::{env, io, time::Duration};

use sd_notify::NotifyState;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{domain::identity::is_disguise, store::health::Liveness};

/// The supervisor of this process, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Supervisor {
    listens: bool,
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// As the environment says (`NOTIFY_SOCKET`, `WATCHDOG_USEC`). It is left as it is: no child inherits it, because
    /// there are no children.
    pub fn from_environment() -> Self {
        let listens = env::var_os("NOTIFY_SOCKET").is_some();
        Self {
            listens,
            watchdog: sd_notify::watchdog_enabled()
                .filter(|patience| listens && !patience.is_zero()),
        }
    }

    /// People are served from now on, after the start or after settings were read again.
    pub fn ready(&self, status: &str) {
        let status = plain(status);
        self.tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    /// Nobody is served yet, for a reason that passes: the start is given another `patience`, by whoever would end one that
    /// takes too long (`TimeoutStartSec=`).
    pub fn waiting(&self, status: &str, patience: Duration) {
        let micros = u32::try_from(patience.as_micros()).unwrap_or(u32::MAX);
        let status = plain(status);
        self.tell(&[
            NotifyState::ExtendTimeoutUsec(micros),
            NotifyState::Status(&status),
        ]);
    }

    /// The settings are being read again; [`Supervisor::ready`] says when that is done, whatever came of it.
    pub fn reloading(&self) {
        if !self.listens {
            return;
        }
        // Without the time, systemd 253 and later takes the reload for a failed one.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the supervisor is not told of the reload"),
        }
    }

    /// The program is about to leave.
    pub fn stopping(&self, status: &str) {
        let status = plain(status);
        self.tell(&[NotifyState::Stopping, NotifyState::Status(&status)]);
    }

    /// Tells the supervisor that the program lives, in half the time it allows, for as long as the store is not stuck:
    /// a program that does not turn, or cannot write, is then started again. On a task of its own it shows that tasks
    /// run at all. It ends when the store is stuck, or closed; without a watchdog, at once.
    pub async fn watchdog(self, mut liveness: watch::Receiver<Liveness>) {
        let Some(patience) = self.watchdog else {
            return;
        };
        // Half of it, so that one sign of life may come late.
        let mut beat = interval((patience / 2).max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stuck = liveness.wait_for(|liveness| *liveness == Liveness::Stuck);
        tokio::pin!(stuck);
        loop {
            tokio::select! {
                biased;
                _ = &mut stuck => return,
                _ = beat.tick() => self.tell(&[NotifyState::Watchdog]),
            }
        }
    }

    /// The same for a program without a store, for as long as its tasks run.
    pub async fn watchdog_without_store(self) {
        let well = watch::Sender::new(Liveness::Well);
        self.watchdog(well.subscribe()).await;
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if !self.listens {
            return;
        }
        if let Err(error) = sd_notify::notify(states) {
            self.unheard(&error);
        }
    }

    fn unheard(&self, error: &io::Error) {
        tracing::warn!(%error, "the supervisor cannot be told how the program is");
    }
}

/// A status is one line; another one would be taken for another message.
fn plain(status: &str) -> String {
    status
        .chars()
        .map(|c| if is_disguise(c) { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::UnixDatagram,
        process::{Command, Stdio},
    };

    use super::*;

    /// Says that this process is the child of the test below.
    const CHILD: &str = "LPSE_KIOSK_TEST_SUPERVISED";

    fn child(name: &str) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", &format!("daemon::supervisor::tests::{name}")]);
        command.env(CHILD, "1").env_remove("WATCHDOG_PID");
        command.stdout(Stdio::null());
        command
    }

    /// The environment belongs to the whole process, so the protocol is spoken by a child.
    #[tokio::test]
    async fn a_supervisor_is_told_of_start_reload_end_and_life() {
        if env::var_os(CHILD).is_some() {
            return speak().await;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let mut child = child("a_supervisor_is_told_of_start_reload_end_and_life")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "2000")
            .spawn()
            .unwrap();
        let mut said = Vec::new();
        while said
            .last()
            .is_none_or(|last: &String| !last.contains("STOPPING=1"))
        {
            let mut bytes = [0; 1024];
            let length = socket.recv(&mut bytes).unwrap();
            said.push(String::from_utf8(bytes[..length].to_vec()).unwrap());
        }
        assert!(child.wait().unwrap().success());
        let position = |words: &str| {
            let found = said.iter().position(|message| message.contains(words));
            found.unwrap_or_else(|| panic!("{words} in {said:?}"))
        };
        assert_eq!(said[0], "READY=1\nSTATUS=two lines MAINPID=1\n");
        assert!(
            said[1].starts_with("RELOADING=1\nMONOTONIC_USEC="),
            "{said:?}"
        );
        let (alive, stuck) = (position("WATCHDOG=1"), position("STATUS=stuck"));
        assert!(
            alive < stuck
                && said[stuck..]
                    .iter()
                    .all(|message| !message.contains("WATCHDOG"))
        );
        assert_eq!(said.last().unwrap(), "STOPPING=1\nSTATUS=goodbye\n");
    }

    async fn speak() {
        let supervisor = Supervisor::from_environment();
        supervisor.ready("two lines\nMAINPID=1");
        supervisor.reloading();
        let liveness = watch::Sender::new(Liveness::Well);
        let alive = tokio::spawn(supervisor.watchdog(liveness.subscribe()));
        tokio::time::sleep(Duration::from_millis(20)).await;
        liveness.send_replace(Liveness::Stuck);
        alive.await.unwrap();
        supervisor.tell(&[NotifyState::Status("stuck")]);
        supervisor.stopping("goodbye");
    }

    #[tokio::test]
    async fn without_a_supervisor_nothing_is_sent_and_nothing_wakes_up() {
        if env::var_os(CHILD).is_some() {
            let supervisor = Supervisor::from_environment();
            supervisor.ready("");
            supervisor.reloading();
            let liveness = watch::Sender::new(Liveness::Well);
            return supervisor.watchdog(liveness.subscribe()).await;
        }
        for patience in [None, Some("0"), Some("soon"), Some("30000000")] {
            let mut child = child("without_a_supervisor_nothing_is_sent_and_nothing_wakes_up");
            child
                .env_remove("NOTIFY_SOCKET")
                .env_remove("WATCHDOG_USEC");
            child.envs(patience.map(|patience| ("WATCHDOG_USEC", patience)));
            assert!(child.output().unwrap().status.success(), "{patience:?}");
        }
    }
}
