//! The system's clocks.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::ports::Clock;

/// systemd-timesyncd(8) has this folder while it runs.
const TIMESYNCD: &str = "/run/systemd/timesync";

/// What it makes in there once it has set the clock.
const SYNCHRONISED: &str = "synchronized";

/// chronyd(8) and ntpd(8) have these while they run. What is in chronyd's folder is not for everybody to see.
const OTHER_KEEPERS: [&str; 3] = ["/run/chrony", "/run/chronyd.pid", "/run/ntpd.pid"];

/// What systemd says of the kernel's clock (adjtimex(2)), whoever keeps it in time.
const TIMEDATECTL: &str = "/usr/bin/timedatectl";

/// It answers at once, or is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What it said holds for so long.
const FRESH: Duration = Duration::from_secs(60);

/// 1 January 2020.
const NO_EARLIER: i64 = 1_577_836_800;

/// The wall clock of the system, and time since the program's start.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    /// What was said last of a clock that chronyd or ntpd keeps, and when.
    said: Mutex<Option<(Instant, Option<bool>)>>,
}

impl SystemClock {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            said: Mutex::default(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn built(&self) -> Timestamp {
        built()
    }

    fn is_synchronised(&self) -> Option<bool> {
        let of_timesyncd = timesyncd_says(Path::new(TIMESYNCD));
        if of_timesyncd.is_some() || !OTHER_KEEPERS.iter().any(|it| Path::new(it).exists()) {
            return of_timesyncd;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match *said {
            Some((at, word)) if at.elapsed() < FRESH => word,
            _ => {
                let word = kernel_says();
                *said = Some((Instant::now(), word));
                word
            }
        }
    }
}

/// When this program was built, as whoever builds packages says it (reproducible-builds.org/specs/source-date-epoch): the
/// same source gives the same program whenever it is built. Elsewhere it is a day before there was any of it.
pub fn built() -> Timestamp {
    let said = option_env!("SOURCE_DATE_EPOCH").and_then(|second| second.parse().ok());
    let second = said.unwrap_or(NO_EARLIER);
    Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
}

/// Whether systemd-timesyncd has set the clock, and keeps it.
pub fn is_kept_by_timesyncd() -> bool {
    timesyncd_says(Path::new(TIMESYNCD)) == Some(true)
}

fn timesyncd_says(folder: &Path) -> Option<bool> {
    folder.is_dir().then(|| folder.join(SYNCHRONISED).exists())
}

/// Whether the kernel takes its clock to be in time, whoever keeps it (chronyd, ntpd, a virtual machine's host); `None` where
/// nothing says so. Its own word, adjtimex(2), cannot be had without unsafe code, so timedatectl is asked, which is waited for
/// up to 5 seconds.
pub fn kernel_says() -> Option<bool> {
    said_by(Path::new(TIMEDATECTL))
}

fn said_by(timedatectl: &Path) -> Option<bool> {
    let mut child = Command::new(timedatectl)
        .args(["show", "--property=NTPSynchronized", "--value"])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let said = std::io::read_to_string(child.stdout.take()?).ok()?;
    in_time(status.success(), &said)
}

/// What is said by an answer of timedatectl.
fn in_time(is_answer: bool, said: &str) -> Option<bool> {
    match (is_answer, said.trim()) {
        (true, "yes") => Some(true),
        (true, "no") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_takes_its_clock_for_is_what_systemd_says_and_nothing_else() {
        assert_eq!(in_time(true, "yes\n"), Some(true));
        assert_eq!(in_time(true, "no\n"), Some(false));
        assert_eq!(in_time(false, "yes\n"), None);
        assert_eq!(in_time(true, ""), None);
        assert_eq!(said_by(Path::new("/nowhere/timedatectl")), None);
    }

    #[test]
    fn a_clock_is_unsynchronised_only_where_its_keeper_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(timesyncd_says(&folder.path().join("none")), None);
        assert_eq!(timesyncd_says(folder.path()), Some(false));
        std::fs::write(folder.path().join(SYNCHRONISED), "").unwrap();
        assert_eq!(timesyncd_says(folder.path()), Some(true));
    }
}
