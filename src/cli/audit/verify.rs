//! `lpse-kiosk audit verify`: whether the log is what was recorded.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use jiff::Timestamp;
use serde_json::json;

use super::{
    files::{self, broken_off},
    show::visible,
    witnesses::{Standing, Witnesses},
};
use crate::{
    adapter::{
        audit_log::{
            AuditFiles,
            verification::{self, Fault, FaultKind, Question, Report},
            verified::{self, Verdict},
        },
        file_owner,
    },
    assembly::{self, KnownLog},
    cli::{error::CliError, output::Lines, runtime::block_on, standard_error::say},
    config::{Config, StoreKind},
    daemon::log,
};

/// Check that nothing in the log was changed, removed, put in between or cut off
///
/// Every byte of every line is checked, each record's place after the one before, and the end against the head that the
/// store keeps. The first thing that is wrong is named by record, file and line, with exit status 1. Where the oldest
/// files are kept elsewhere, --from says with which record the rest begins. A log that is whole, but whose store is gone or
/// was begun anew, has exit status 4; --from the record that says so acknowledges it.
///
/// Whoever can write both the log and the store can write both anew. That is found by what has left the machine before:
/// signed checkpoints (--checkpoint) and the logs of other machines (--heads). Exit status 7 says that the log is whole,
/// but that such a record is older than the files that are here.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lpse-kiosk audit verify\n  lpse-kiosk audit verify --from 120001\n  \
        lpse-kiosk audit verify --json\n  \
        lpse-kiosk audit verify --checkpoint /mnt/checkpoints/loket-1 --signers allowed_signers"
)]
pub struct VerifyArguments {
    /// Look from this record on; what stands before is not looked at
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    from: Option<u64>,
    /// Hold the log against this signed checkpoint, or all of a folder; may be given more than once
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    checkpoint: Vec<PathBuf>,
    /// Believe the signatures of this file's allowed signers, instead of this machine's own key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "checkpoint")]
    signers: Option<PathBuf>,
    /// Hold the log against what the log of another machine has noted of it; may be given more than once
    #[arg(long, value_name = "LOG", value_hint = ValueHint::FilePath)]
    heads: Vec<PathBuf>,
    /// Whose log it is, where it was brought here from another machine
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Print JSON, on one line
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &VerifyArguments, config: &Config) -> Result<(), CliError> {
    file_owner::act_as_owner_of(&config.data);
    log::warnings_to_standard_error();
    let own = assembly::node(config);
    let node = arguments.node.as_deref().unwrap_or(&own);
    let (checkpoints, signers) = (&arguments.checkpoint, arguments.signers.as_deref());
    let witnesses = Witnesses::gather(checkpoints, &arguments.heads, signers, node, config)?;
    let heads = witnesses.heads();
    // First the head, then the files: what was recorded meanwhile is no fault.
    let KnownLog {
        head,
        is_live,
        gone,
    } = block_on(assembly::known_log(config))?;
    let files = AuditFiles::of(&config.audit_file());
    if head.is_none() {
        files::files(&config.audit_file())?;
    }
    let question = Question {
        from: arguments.from,
        head,
        is_live,
        witnesses: &heads,
    };
    let report = verification::verify(&files, question)
        .map_err(|error| broken_off(&config.audit_file(), error))?;
    let node = (config.store == StoreKind::Etcd || arguments.node.is_some()).then_some(node);
    let mut lines = Lines::new();
    if arguments.json {
        lines.line(as_json(&report, question, node, gone.is_some(), &witnesses))?;
    } else {
        if let Some(node) = node {
            lines.line(format!(
                "This is the log of the node {node}; each machine that shares the store keeps its own."
            ))?;
        }
        for line in in_words(&report, question) {
            lines.line(visible(&line))?;
        }
        for line in witnesses.told(&report) {
            lines.line(visible(&line))?;
        }
    }
    let uncompared = witnesses
        .judge(&report)
        .filter(|(_, standing)| *standing == Standing::Before)
        .count();
    let (verdict, outcome) = outcome(&report, gone, uncompared);
    let noted = config.audit_verified_file();
    if let Err(error) = verified::note(&noted, Timestamp::now(), verdict) {
        let noted = noted.display();
        say(&format!(
            "{noted} cannot be written ({error}), so monitoring does not hear of this"
        ));
    }
    lines.flush()?;
    outcome
}

/// What came of it, and how the command ends for that.
fn outcome(
    report: &Report,
    gone: Option<String>,
    uncompared: usize,
) -> (Verdict, Result<(), CliError>) {
    match (&report.fault, gone, report.begun_anew) {
        (Some(fault), ..) => {
            let broken = format!("the audit log is broken: {fault}");
            (Verdict::Broken, Err(CliError::Refused(broken)))
        }
        (None, Some(gone), _) => {
            let gone = format!("the audit log is whole as far as it goes, but {gone}");
            (Verdict::OtherStore, Err(CliError::OtherStore(gone)))
        }
        (None, None, Some(seq)) => {
            let anew = format!(
                "the audit log is whole, but record {seq} says that the store was begun anew: what stands before it is of a \
                 store that is gone; --from {seq} acknowledges it"
            );
            (Verdict::OtherStore, Err(CliError::OtherStore(anew)))
        }
        (None, None, None) if uncompared > 0 => {
            let older = format!(
                "the audit log is whole as far as it is kept here, but its records begin after {uncompared} of those that are \
                 told of from outside: look where the older files are kept"
            );
            (Verdict::Whole, Err(CliError::NotCompared(older)))
        }
        (None, None, None) => (Verdict::Whole, Ok(())),
    }
}

fn in_words(report: &Report, question: Question<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let files = match report.files {
        1 => "one file".to_owned(),
        files => format!("{files} files"),
    };
    match (report.first.zip(report.last), &report.fault) {
        (Some((first, last)), None) => lines.push(format!(
            "Records {first} to {last}, in {files}, are as they were recorded."
        )),
        (None, None) => lines.push("There are no records.".to_owned()),
        (Some((first, last)), Some(_)) => lines.push(format!(
            "Records {first} to {last} are as they were recorded. What comes after the fault was not looked at; --from \
             does so."
        )),
        (None, Some(_)) => {}
    }
    match question.head {
        Some(head) => lines.push(format!("The store knows of record {}.", head.seq)),
        None => {
            lines.push("The store knows of no record yet, so a cut end would not show.".to_owned())
        }
    }
    lines.extend(
        report
            .remarks
            .iter()
            .map(|remark| format!("Note: {remark}")),
    );
    lines
}

fn as_json(
    report: &Report,
    question: Question<'_>,
    node: Option<&str>,
    is_gone: bool,
    witnesses: &Witnesses,
) -> serde_json::Value {
    let store = match (is_gone, report.begun_anew) {
        (true, _) => "gone",
        (false, Some(_)) => "begun-anew",
        (false, None) => "same",
    };
    json!({
        "ok": report.fault.is_none(),
        "node": node,
        "first": report.first,
        "last": report.last,
        "records": report.records,
        "files": report.files,
        "head": question.head.map(|head| head.seq),
        "store": store,
        "begun_anew": report.begun_anew,
        "witnesses": witnesses
            .judge(report)
            .map(|(witness, standing)| witness.as_json(standing))
            .collect::<Vec<_>>(),
        "remarks": report.remarks.iter().map(|remark| visible(remark)).collect::<Vec<_>>(),
        "fault": report.fault.as_ref().map(fault_as_json),
    })
}

fn fault_as_json(fault: &Fault) -> serde_json::Value {
    let to = match &fault.kind {
        FaultKind::Missing { to, .. }
        | FaultKind::CutOff { to }
        | FaultKind::ShorterThanTold { to } => *to,
        FaultKind::NoBeginning { begins_with } => begins_with - 1,
        _ => fault.seq,
    };
    json!({
        "kind": fault.kind.word(),
        "seq": fault.seq,
        "to": to,
        "file": fault.place.as_ref().map(|place| place.file.display().to_string()),
        "line": fault.place.as_ref().map(|place| place.line),
        "message": visible(&fault.to_string()),
    })
}
