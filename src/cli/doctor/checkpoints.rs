//! Whether the audit log's checkpoints are signed and kept, as far as its records and their folder tell.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use jiff::Timestamp;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::{finding::Finding, patient::Patient};
use crate::{
    adapter::{audit_trail::AuditTrailFiles, checkpoint_folder::CheckpointFolder},
    assembly,
    cli::{moment, runtime::blocking},
    domain::{audit::AuditRecord, calendar::Zone, checkpoint::Checkpoint, recorded::elapsed},
    ports::AuditTrail,
};

const NAME: &str = "checkpoints";

/// A record that has waited for longer than this has not been signed at all: it takes an hour.
const LATE: Duration = Duration::from_secs(2 * 60 * 60);

const WHAT_TO_DO: &str = "See the program's log, the folder and its disk, and [audit] checkpoints; until then the checkpoints \
                          stand in the program's log only.";

/// What is known of the log and its checkpoints.
struct Known {
    newest: Option<Checkpoint>,
    /// The log's last record.
    last: u64,
    /// When the first record was made that has no checkpoint after it.
    waits_since: Option<Timestamp>,
    is_running: bool,
}

pub async fn examine(patient: &Patient<'_>, is_running: bool) -> Finding {
    let config = patient.config;
    let folder = CheckpointFolder::new(config.checkpoints_folder(), false);
    let trail = AuditTrailFiles::new(&config.audit_file());
    // What is wrong with the log, other checks tell.
    let Ok(Some(last)) = newest(&trail, None).await else {
        return Finding::ok(NAME, "not looked at: there is no record to sign yet");
    };
    let shown = folder.path().display().to_string();
    let (there, node) = (folder.clone(), assembly::node(config));
    let found = blocking(move || look(&there, &node)).await;
    let found = match found {
        Err(error) if error.kind() == ErrorKind::NotFound && !config.names_checkpoints_folder() => {
            None
        }
        Err(error) if is_running || error.kind() != ErrorKind::NotFound => {
            let message = format!("{shown} cannot take any: {error}");
            return Finding::warning(NAME, message, WHAT_TO_DO);
        }
        Err(_) => {
            let message = format!("there is no folder {shown}, which [audit] checkpoints names");
            return Finding::warning(NAME, message, "Mount or make it; the program does not.");
        }
        Ok(found) => found,
    };
    let signed = found.as_ref().map_or(0, |found| found.head.seq);
    let first = newest(&trail, Some(signed + 2)).await.ok().flatten();
    let waits = first.filter(|record| record.seq > signed);
    let known = Known {
        newest: found,
        last: last.seq,
        waits_since: match last.seq > signed {
            true => Some(waits.unwrap_or(last).at),
            false => None,
        },
        is_running,
    };
    judge(&shown, &known, patient.now, config.zone)
}

/// The newest checkpoint in a folder that can take more.
fn look(folder: &CheckpointFolder, node: &str) -> io::Result<Option<Checkpoint>> {
    let newest = folder.newest(node)?;
    let access = Access::WRITE_OK | Access::EXEC_OK;
    accessat(CWD, folder.path(), access, AtFlags::EACCESS)?;
    Ok(newest)
}

async fn newest(
    trail: &AuditTrailFiles,
    before: Option<u64>,
) -> Result<Option<AuditRecord>, crate::ports::AuditError> {
    Ok(trail.newest(before, 1).await?.pop())
}

fn judge(folder: &str, known: &Known, now: Timestamp, zone: Zone) -> Finding {
    let told = match &known.newest {
        None => format!("{folder} has none"),
        Some(Checkpoint { head, at, .. }) => format!(
            "the newest in {folder} is of record {}, {}",
            head.seq,
            moment::shown(*at, zone)
        ),
    };
    if let Some(newest) = &known.newest
        && newest.head.seq > known.last
    {
        return Finding::warning(
            NAME,
            format!("{told}, and the log ends with record {}", known.last),
            format!(
                "`lpse-kiosk audit verify --checkpoint {folder}` says what is missing. Where another log was begun under this \
                 machine's name, put the old checkpoints aside."
            ),
        );
    }
    let late = known
        .waits_since
        .filter(|since| elapsed(*since, now) > LATE);
    match late {
        Some(since) if known.is_running => Finding::warning(
            NAME,
            format!(
                "{told}, and a record of {} waits for one",
                moment::shown(since, zone)
            ),
            WHAT_TO_DO,
        ),
        Some(_) => Finding::ok(NAME, format!("{told}; the next start makes one")),
        None => Finding::ok(NAME, told),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};
    use crate::domain::audit::{AuditHead, RecordHash};

    #[test]
    fn a_record_that_waits_for_two_hours_is_told_while_somebody_could_sign_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2020-08-13T03:53:05Z");
        let of = |seq| {
            let hash = RecordHash::from_bytes([1; RecordHash::LENGTH]);
            Checkpoint::new("local", AuditHead { seq, hash }, at("2020-08-13T01:00:00Z"))
        };
        let (late, lately) = ("2020-08-13T01:53:04Z", "2020-08-13T01:53:05Z");
        for (newest, last, waits_since, is_running, status) in [
            (Some(7), 7, None, true, Status::Ok),
            (Some(7), 8, Some(lately), true, Status::Ok),
            (Some(7), 8, Some(late), true, Status::Warning),
            (Some(7), 8, Some(late), false, Status::Ok),
            (None, 8, Some(lately), true, Status::Ok),
            (None, 8, Some(late), true, Status::Warning),
            (None, 8, Some(late), false, Status::Ok),
            (Some(7), 6, None, true, Status::Warning),
            (Some(7), 6, None, false, Status::Warning),
        ] {
            let known = Known {
                newest: newest.map(of),
                last,
                waits_since: waits_since.map(at),
                is_running,
            };
            let judged = judge("/mnt", &known, now, Zone::Wib);
            assert_eq!(judged.status, status, "{newest:?} {last} {judged:?}");
        }
    }
}
