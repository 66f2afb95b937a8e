//! The system's clocks.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::ports::Clock;

/// systemd-timesyncd(8) has this folder while it runs.
const TIMESYNCD: &str = "/run/systemd/timesync";

/// What it makes in there once it has set the clock.
const SYNCHRONISED: &str = "synchronized";

/// 1 January 2020.
const NO_EARLIER: i64 = 1_577_836_800;

/// The wall clock of the system, and time since the program's start.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
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
        timesyncd_says(Path::new(TIMESYNCD))
    }
}

/// When this program was built, as whoever builds packages says it (reproducible-builds.org/specs/source-date-epoch): the
/// same source gives the same program whenever it is built. Elsewhere it is a day before there was any of it.
pub fn built() -> Timestamp {
    let said = option_env!("SOURCE_DATE_EPOCH").and_then(|second| second.parse().ok());
    let second = said.unwrap_or(NO_EARLIER);
    Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
}

/// What systemd-timesyncd says, where it is what keeps the clock. Another keeper (chrony, the virtual machine's host) is not
/// asked: the kernel's own word, adjtimex(2), cannot be had without unsafe code or another process.
pub fn is_kept_by_timesyncd() -> bool {
    timesyncd_says(Path::new(TIMESYNCD)) == Some(true)
}

fn timesyncd_says(folder: &Path) -> Option<bool> {
    folder.is_dir().then(|| folder.join(SYNCHRONISED).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_unsynchronised_only_where_its_keeper_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(timesyncd_says(&folder.path().join("none")), None);
        assert_eq!(timesyncd_says(folder.path()), Some(false));
        std::fs::write(folder.path().join(SYNCHRONISED), "").unwrap();
        assert_eq!(timesyncd_says(folder.path()), Some(true));
    }
}
