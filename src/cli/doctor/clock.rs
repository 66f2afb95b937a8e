//! The clock, which codes are made of, and the machine's time zone beside the office's.

use std::fs;

use jiff::Timestamp;

use super::finding::Finding;
use crate::{
    adapter::{
        audit_trail::AuditTrailFiles,
        clock::{built, is_kept_by_timesyncd, kernel_says},
    },
    cli::{moment, runtime::blocking},
    config::Config,
    domain::{calendar::Zone, recorded::ClockFault},
    ports::AuditTrail,
};

const CLOCK: &str = "clock";
const ZONE: &str = "time-zone";

/// Whether the clock is wrong for sure, and whether something keeps it in time. A wrong clock refuses right codes, so it is
/// told; it stops no login.
pub async fn examine(now: Timestamp, config: Option<&Config>) -> Finding {
    let zone = config.map_or_else(Zone::default, |config| config.zone);
    let latest = match config {
        // What is wrong with the log, other checks tell.
        Some(config) => {
            let trail = AuditTrailFiles::new(&config.audit_file());
            trail.latest().await.unwrap_or_default()
        }
        None => None,
    };
    if let Some(wrong) =
        ClockFault::of(now, built(), latest).and_then(|fault| told(fault, now, zone))
    {
        return wrong;
    }
    blocking(|| judge(is_kept_by_timesyncd(), kernel_says())).await
}

fn told(fault: ClockFault, now: Timestamp, zone: Zone) -> Option<Finding> {
    let second = |at| moment::shown(at, zone);
    let set =
        "Compare it with another clock, set it, and have systemd-timesyncd or chrony keep it.";
    match fault {
        // The nodes have findings of their own.
        ClockFault::Unsynchronised | ClockFault::Apart(_) => None,
        ClockFault::BeforeBuild(built) => Some(Finding::warning(
            CLOCK,
            format!(
                "it shows {}, which is before this program was built ({})",
                second(now),
                second(built)
            ),
            format!("Right codes are refused. {set}"),
        )),
        ClockFault::BeforeRecorded(latest) => Some(Finding::warning(
            CLOCK,
            format!(
                "it shows {}, and the audit log has records of {}: it is behind now, or was ahead then",
                second(now),
                second(latest)
            ),
            format!(
                "Right codes are refused by a wrong clock. {set} Where it was ahead and is right now, nothing is to be done: \
                 waits count from now."
            ),
        )),
    }
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

/// The office's zone is one of three that the program knows itself; the machine's own only shows in other programs.
pub fn zone(zone: Zone) -> Finding {
    let own = std::env::var("TZ").ok().filter(|zone| !zone.is_empty());
    judge_zone(zone, own.or_else(of_machine).as_deref())
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
    use super::{super::finding::Status, *};

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
    fn a_clock_that_is_wrong_for_sure_is_a_warning() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2000-01-01T00:00:07Z");
        let said =
            |fault| told(fault, now, Zone::Wita).map(|finding| (finding.status, finding.message));
        let (status, message) = said(ClockFault::BeforeBuild(at("2026-11-28T00:00:00Z"))).unwrap();
        assert_eq!(status, Status::Warning);
        assert!(message.contains("2000-01-01 08:00:07 WITA"), "{message}");
        assert!(message.contains("2026-11-28 08:00:00 WITA"), "{message}");
        let (_, message) = said(ClockFault::BeforeRecorded(at("2020-08-13T01:53:05Z"))).unwrap();
        assert!(
            message.contains("records of 2020-08-13 09:53:05 WITA"),
            "{message}"
        );
        assert_eq!(said(ClockFault::Unsynchronised), None);
    }

    #[test]
    fn another_zone_of_the_machine_is_noted() {
        let noted = |machine| judge_zone(Zone::Wita, machine).message;
        assert_eq!(noted(Some("Asia/Makassar")), "WITA, as the machine's");
        assert!(noted(Some("Etc/UTC")).contains("show Etc/UTC"));
        assert_eq!(noted(None), "WITA on the screens");
    }
}
