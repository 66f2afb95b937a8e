//! `lpse-kiosk doctor`: looks at everything the program stands on, and says what to do. One file a subject.
//!
//! Architecture invariant: it changes nothing. It creates no folder, store or key, mends no mode, sends no letter; it can be
//! run at any time, beside a running kiosk too, whose store it reads through that process's socket.

mod beginning;
mod checkpoints;
mod clock;
mod cluster;
mod files;
mod finding;
mod help;
mod last_backup;
mod mail;
mod patient;
mod ports;
mod report;
mod space;
mod ssh;
mod store;
mod terminal;
mod web;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::{error::CliError, output::Lines, owner::owner_of_data, runtime::block_on};
use crate::{
    config::{Config, Flags},
    daemon::log,
};
use finding::{Finding, Status};
use patient::Patient;
use report::Report;

/// Check everything the kiosk stands on, and say what to do
///
/// Each line is ok, a warning or a failure: the configuration, files and their modes, the store, the master key, every
/// member of an etcd cluster, the machines that share it and their clocks, free space, the audit log and its checkpoints, whether the store is younger, the outbox, who can help, the last backup, the clock, the time zone, this terminal, the SSH host key, the ports, the page and its
/// certificate, the mail server. It works while the kiosk runs and when it does not, and changes nothing: no letter is
/// sent, nothing is created. The last line counts what was found.
///
/// The exit status is 0 when nothing failed, and 1 otherwise.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk doctor\n  lpse-kiosk doctor --strict > /dev/null || echo look\n  \
        lpse-kiosk doctor --json | jq -r '.checks[] | select(.status != \"ok\") | .what_to_do'"
)]
pub struct DoctorArguments {
    /// Print JSON: one object, with the worst status and every check
    #[arg(long)]
    json: bool,
    /// Let warnings too end with exit status 1
    #[arg(long)]
    strict: bool,
}

pub fn run(arguments: &DoctorArguments, flags: &Flags) -> Result<(), CliError> {
    log::warnings_to_standard_error();
    let findings = examine(flags);
    let worst = findings.iter().map(|finding| finding.status).max();
    let worst = worst.unwrap_or(Status::Ok);
    let (report, mut lines) = (Report::here(), Lines::new());
    if arguments.json {
        let checks: Vec<_> = findings.iter().map(Finding::as_json).collect();
        lines.line(json!({ "status": worst.as_str(), "checks": checks }))?;
    } else {
        report.write(&findings, &mut lines)?;
    }
    lines.flush()?;
    match worst {
        Status::Ok => Ok(()),
        Status::Warning if !arguments.strict => Ok(()),
        // Who sees the report has read its last line.
        _ if report.is_seen() && !arguments.json => Err(CliError::Told),
        _ => Err(CliError::Refused(report::count(&findings))),
    }
}

/// Everything that was found, in an order that does not change.
fn examine(flags: &Flags) -> Vec<Finding> {
    let now = Timestamp::now();
    let file = flags.config_file();
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(error) => {
            let mut findings = vec![Finding::failure(
                "configuration",
                error.to_string(),
                "Correct it and run this again; everything else depends on it.",
            )];
            findings.push(block_on(clock::examine(now, None)));
            findings.extend(terminal::examine());
            return findings;
        }
    };
    let patient = Patient {
        user: owner_of_data(&config.data),
        config: &config,
        flags,
        now,
    };
    let read = match file.exists() {
        true => format!("{} is good", file.display()),
        false => "there is no file, and no setting is needed".to_owned(),
    };
    let mut findings = vec![Finding::ok("configuration", read)];
    // Before the store is opened, which makes its folder private by itself.
    findings.extend(files::examine(&patient));
    let (kept, mail, clock, beginning, page) = block_on(async {
        // What waits for others waits side by side; what only reads a file needs no turn of its own.
        let kept = async {
            let store = store::examine(&patient).await;
            let ports = ports::examine(&config, store.is_running).await;
            let mut findings = store.findings;
            findings.extend(cluster::members(&patient).await);
            findings.extend(cluster::nodes(&patient).await);
            let checkpoints = checkpoints::examine(&patient, store.is_running).await;
            (findings, ports, checkpoints)
        };
        tokio::join!(
            kept,
            mail::examine(&patient),
            clock::examine(now, Some(&config)),
            beginning::examine(now, &config),
            async { web::examine(&patient) },
        )
    });
    let (store, ports, checkpoints) = kept;
    findings.extend(store);
    findings.extend(space::examine(&config));
    findings.push(space::audit_log(&config));
    findings.push(checkpoints);
    findings.push(beginning);
    findings.push(clock);
    findings.push(clock::zone(config.zone));
    findings.extend(terminal::examine());
    findings.push(ssh::host_key(&patient));
    findings.extend(ports);
    findings.extend(page);
    findings.push(mail);
    findings
}
