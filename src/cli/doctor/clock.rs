//! The clock, which codes are made of, and the machine's time zone beside the office's.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::Finding;
use crate::{adapter::clock::is_kept_by_timesyncd, config::Config, domain::calendar::Zone};

const CLOCK: &str = "clock";
const ZONE: &str = "time-zone";

/// What systemd says of the kernel's clock (adjtimex(2)), whoever keeps it in time: chrony, ntpd, the virtual machine's host.
const TIMEDATECTL: &str = "/usr/bin/timedatectl";

const PATIENCE: Duration = Duration::from_secs(5);

/// Whether something keeps the clock in time. A wrong clock refuses right codes, so it is told; it stops no login.
pub fn synchronised() -> Finding {
    judge(is_kept_by_timesyncd(), kernel_says())
}

fn judge(by_timesyncd: bool, by_kernel: Option<bool>) -> Finding {
    let what_to_do = "Codes are refused when the clock is off by more than half a minute: install systemd-timesyncd or chrony, \
                      and see `timedatectl`.";
    match (by_timesyncd, by_kernel) {
        (true, _) | (_, Some(true)) => Finding::ok(CLOCK, "it is kept in time over the network"),
        (false, Some(false)) => Finding::warning(
            CLOCK,
            "nothing keeps it in time over the network",
            what_to_do,
        ),
        (false, None) => Finding::warning(
            CLOCK,
            "this system does not say whether anything keeps it in time",
            what_to_do,
        ),
    }
}

/// The answer of timedatectl, where it is installed and answers in time.
fn kernel_says() -> Option<bool> {
    let mut child = Command::new(TIMEDATECTL)
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
    match (status.success(), said.trim()) {
        (true, "yes") => Some(true),
        (true, "no") => Some(false),
        _ => None,
    }
}

/// The office's zone is one of three that the program knows itself; the machine's own only shows in other programs.
pub fn zone(config: &Config) -> Finding {
    let own = std::env::var("TZ").ok().filter(|zone| !zone.is_empty());
    judge_zone(config.zone, own.or_else(of_machine).as_deref())
}

fn judge_zone(office: Zone, machine: Option<&str>) -> Finding {
    let zone = match machine {
        Some("Asia/Jakarta" | "Asia/Pontianak") => Some(Zone::Wib),
        Some("Asia/Makassar" | "Asia/Ujung_Pandang") => Some(Zone::Wita),
        Some("Asia/Jayapura") => Some(Zone::Wit),
        _ => None,
    };
    Finding::ok(
        ZONE,
        match machine {
            _ if zone == Some(office) => format!("{office}, as the machine's"),
            Some(machine) => format!(
                "{office} on the screens; note that other programs of this machine show {machine}"
            ),
            None => format!("{office} on the screens"),
        },
    )
}

/// The zone's name behind localtime(5).
fn of_machine() -> Option<String> {
    let link = fs::read_link("/etc/localtime").ok()?;
    let (_, name) = link.to_str()?.split_once("zoneinfo/")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::Status, *};

    #[test]
    fn an_unsynchronised_clock_is_a_warning_and_never_more() {
        for (timesyncd, kernel, status) in [
            (true, None, Status::Ok),
            (true, Some(false), Status::Ok),
            (false, Some(true), Status::Ok),
            (false, Some(false), Status::Warning),
            (false, None, Status::Warning),
        ] {
            assert_eq!(
                judge(timesyncd, kernel).status,
                status,
                "{timesyncd} {kernel:?}"
            );
        }
    }

    #[test]
    fn another_zone_of_the_machine_is_noted() {
        let noted = |machine| judge_zone(Zone::Wita, machine).message;
        assert_eq!(noted(Some("Asia/Makassar")), "WITA, as the machine's");
        assert!(noted(Some("Etc/UTC")).contains("show Etc/UTC"));
        assert_eq!(noted(None), "WITA on the screens");
    }
}
