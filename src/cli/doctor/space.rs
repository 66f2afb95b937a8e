//! Room on the disks, and whether the audit log can be written: without either, nobody is let in.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::finding::Finding;
use crate::{config::Config, store::folder::Room};

const SPACE: &str = "free-space";
const AUDIT: &str = "audit-log";

/// Under so many times the floor there is not much left.
const SOON: u64 = 4;

pub fn examine(config: &Config) -> Vec<Finding> {
    let floor = config.free_space_floor_mib;
    let (audit, log) = (config.audit_file(), config.log_file());
    let places = [
        ("the store", config.data.as_path()),
        ("the audit log", audit.as_path()),
        ("the log", log.as_path()),
    ];
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    for (what, path) in places {
        let Some(there) = path.ancestors().find(|folder| folder.exists()) else {
            continue;
        };
        let disk = fs::metadata(there).map_or(0, |metadata| metadata.dev());
        // One disk is told of once.
        if seen.contains(&disk) {
            continue;
        }
        seen.push(disk);
        let free = Room::at(there, floor).free_bytes();
        findings.push(judge(
            what,
            there,
            free.map(|bytes| bytes / (1024 * 1024)),
            floor,
        ));
    }
    findings
}

fn judge(what: &str, at: &Path, free_mib: Option<u64>, floor: u64) -> Finding {
    let at = at.display();
    let Some(free) = free_mib else {
        return Finding::warning(
            SPACE,
            format!("the disk of {what} ({at}) does not say how much is free"),
            "Look with df.",
        );
    };
    let message = format!("{free} MiB are free for {what} ({at}); the floor is {floor} MiB");
    let what_to_do =
        "Make room; under [store] free_space_floor_mib nothing is written and nobody is let in.";
    if free < floor {
        Finding::failure(SPACE, message, what_to_do)
    } else if free < floor.saturating_mul(SOON) {
        Finding::warning(SPACE, message, what_to_do)
    } else {
        Finding::ok(SPACE, message)
    }
}

/// Whether acts can be recorded. Nothing is written to find out.
pub fn audit_log(config: &Config) -> Finding {
    let file = config.audit_file();
    let shown = file.display();
    let folder = file.parent().unwrap_or(Path::new("/"));
    let what_to_do = "Nobody is let in while acts cannot be recorded: see its folder, its disk, and [audit] file.";
    if file.exists() {
        return match OpenOptions::new().append(true).open(&file) {
            Ok(_) => Finding::ok(AUDIT, format!("{shown} can be written")),
            Err(error) => Finding::failure(
                AUDIT,
                format!("{shown} cannot be written: {error}"),
                what_to_do,
            ),
        };
    }
    if folder == config.data && !folder.exists() {
        return Finding::ok(AUDIT, format!("the first start makes {shown}"));
    }
    let access = Access::WRITE_OK | Access::EXEC_OK;
    match accessat(CWD, folder, access, AtFlags::EACCESS) {
        Ok(()) => Finding::ok(AUDIT, format!("the first act makes {shown}")),
        Err(error) => Finding::failure(
            AUDIT,
            format!("{shown} cannot be made in its folder: {error}"),
            what_to_do,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Status, *};

    #[test]
    fn room_is_judged_by_the_floor() {
        for (free, status) in [
            (None, Status::Warning),
            (Some(31), Status::Failure),
            (Some(32), Status::Warning),
            (Some(127), Status::Warning),
            (Some(128), Status::Ok),
        ] {
            assert_eq!(
                judge("it", Path::new("/"), free, 32).status,
                status,
                "{free:?}"
            );
        }
    }
}
