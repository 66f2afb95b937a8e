//! What is known of an audit log from outside its store: signed checkpoints, and the heads that other machines have noted
//! in their own logs.

use std::{
    fmt, fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    files::{self, broken_off},
    show::visible,
};
use crate::{
    adapter::{
        audit_key::{AuditKey, Signers},
        audit_log::{
            reading,
            verification::{FaultKind, Report},
        },
        checkpoint_folder::{self, CheckpointFolder},
        file_owner,
    },
    cli::error::CliError,
    config::Config,
    domain::{
        audit::{Act, AuditHead},
        checkpoint::{Checkpoint, NotedHead},
    },
};

/// Something that tells of a record, and which file says so.
#[derive(Debug)]
pub struct Witness {
    file: PathBuf,
    /// In another machine's log; otherwise a checkpoint.
    noted_in: Option<u64>,
    head: AuditHead,
}

/// How a log stands to what a witness tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Holds,
    Contradicted,
    /// The log ends before.
    Missing,
    /// The records that are kept here, or were looked at, begin after it.
    Before,
    /// The log is broken before it.
    NotReached,
}

impl Standing {
    /// One word, for programs.
    fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Contradicted => "contradicted",
            Self::Missing => "missing",
            Self::Before => "before",
            Self::NotReached => "not-reached",
        }
    }
}

/// Everything that is known, by the records' numbers.
#[derive(Debug, Default)]
pub struct Witnesses(Vec<Witness>);

impl Witnesses {
    /// What the files and folders tell of the log of `node`. A checkpoint that is not to be believed is refused: it proves
    /// nothing, and somebody may have put it there.
    pub fn gather(
        checkpoints: &[PathBuf],
        logs: &[PathBuf],
        signers: Option<&Path>,
        node: &str,
        config: &Config,
    ) -> Result<Self, CliError> {
        let mut all = Vec::new();
        if !checkpoints.is_empty() {
            let signers = believed(signers, node, config)?;
            for path in checkpoints {
                for file in files_at(path, node)? {
                    let head = believe(&file, node, &signers)?;
                    all.push(Witness {
                        file,
                        noted_in: None,
                        head,
                    });
                }
            }
        }
        for log in logs {
            file_owner::as_oneself(|| noted(log, node, &mut all))?;
        }
        all.sort_by_key(|witness| witness.head.seq);
        Ok(Self(all))
    }

    /// The records that they tell of, in order.
    pub fn heads(&self) -> Vec<AuditHead> {
        self.0.iter().map(|witness| witness.head).collect()
    }

    /// How the log stands to them, a line each; of those to which it holds, the last stands for all.
    pub fn told(&self, report: &Report) -> Vec<String> {
        let (holding, others): (Vec<_>, Vec<_>) = self
            .judge(report)
            .partition(|(_, standing)| *standing == Standing::Holds);
        let mut lines = Vec::new();
        if let Some((last, standing)) = holding.last() {
            lines.push(last.told(*standing));
        }
        if let [_, .., _] = holding[..] {
            let more = holding.len() - 1;
            lines.push(format!("So it is with {more} more, of earlier records."));
        }
        lines.extend(others.iter().map(|(other, standing)| other.told(*standing)));
        lines
    }

    /// How the log stands to each, after what was found in it.
    pub fn judge<'a>(
        &'a self,
        report: &'a Report,
    ) -> impl Iterator<Item = (&'a Witness, Standing)> {
        self.0
            .iter()
            .map(|witness| (witness, standing(witness.head, report)))
    }
}

fn standing(told: AuditHead, report: &Report) -> Standing {
    match report.fault.as_ref().map(|fault| (&fault.kind, fault.seq)) {
        Some((FaultKind::Contradicted { found }, seq)) if seq == told.seq => {
            return match *found == told.hash {
                true => Standing::Holds,
                false => Standing::Contradicted,
            };
        }
        Some((FaultKind::CutOff { .. } | FaultKind::ShorterThanTold { .. }, seq))
            if told.seq >= seq =>
        {
            return Standing::Missing;
        }
        _ => {}
    }
    match (report.first, report.last) {
        // The first record that is there tells what the one before it was.
        (Some(first), _) if told.seq + 1 < first => Standing::Before,
        (Some(_), Some(last)) if told.seq <= last => Standing::Holds,
        _ => Standing::NotReached,
    }
}

impl Witness {
    /// As it is told.
    fn told(&self, standing: Standing) -> String {
        let seq = self.head.seq;
        match standing {
            Standing::Holds => format!("{self}: record {seq} is the one that it tells of."),
            Standing::Contradicted => {
                format!("{self}: record {seq} is NOT the one that it tells of.")
            }
            Standing::Missing => format!("{self}: record {seq}, of which it tells, is NOT there."),
            Standing::Before => format!(
                "{self}: record {seq} was not compared: the records that were looked at begin after it. Look where the older \
                 files are kept."
            ),
            Standing::NotReached => {
                format!("{self}: record {seq} was not compared: the log is broken before it.")
            }
        }
    }

    pub fn as_json(&self, standing: Standing) -> Value {
        json!({
            "file": visible(&self.file.display().to_string()),
            "noted_in": self.noted_in,
            "record": self.head.seq,
            "standing": standing.word(),
        })
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.noted_in {
            None => write!(f, "Checkpoint {file}"),
            Some(record) => write!(f, "Record {record} of {file}"),
        }
    }
}

/// Whose signatures are believed.
fn believed(file: Option<&Path>, node: &str, config: &Config) -> Result<Signers, CliError> {
    let Some(file) = file else {
        let key = AuditKey::read_for(&config.audit_key_file(), file_owner::user());
        let key = key.map_err(|error| {
            CliError::Refused(format!(
                "{error}; --signers names a file with the line that `lpse-kiosk audit key` printed"
            ))
        })?;
        return Ok(Signers::only(&key, node));
    };
    let shown = file.display();
    let text = file_owner::as_oneself(|| fs::read_to_string(file));
    let text = text.map_err(|error| {
        CliError::Refused(format!("the signers in {shown} cannot be read: {error}"))
    })?;
    Signers::read(&text).map_err(|error| CliError::Refused(format!("{shown}: {error}")))
}

/// The checkpoints of `node` at `path`: that file, or all that a folder has.
fn files_at(path: &Path, node: &str) -> Result<Vec<PathBuf>, CliError> {
    if !file_owner::as_oneself(|| path.is_dir()) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = CheckpointFolder::new(path.to_owned(), false);
    let found = file_owner::as_oneself(|| folder.of(node));
    let found = found.map_err(|error| unreadable(path, error))?;
    if found.is_empty() {
        return Err(CliError::Refused(format!(
            "there is no checkpoint of the node {node} in {}; --node says whose log it is",
            path.display()
        )));
    }
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

/// The record that the checkpoint in `file` tells of, if it is one of `node` that one of `signers` has signed.
fn believe(file: &Path, node: &str, signers: &Signers) -> Result<AuditHead, CliError> {
    let shown = file.display();
    let read = file_owner::as_oneself(|| checkpoint_folder::read(file));
    let (text, signature) = read.map_err(|error| unreadable(file, error))?;
    let refused =
        |why: String| CliError::Refused(format!("the checkpoint {shown} proves nothing: {why}"));
    let checkpoint: Checkpoint = text.parse().map_err(|why| refused(format!("{why}")))?;
    if checkpoint.node != node {
        return Err(CliError::Refused(format!(
            "the checkpoint {shown} is of the node {}, and this is the log of {node}; --node says whose log it is",
            checkpoint.node
        )));
    }
    signers.check(&checkpoint, &signature).map_err(|why| {
        refused(format!(
            "{why}. Where the key was replaced, --signers names a file with both keys"
        ))
    })?;
    Ok(checkpoint.head)
}

fn unreadable(path: &Path, error: std::io::Error) -> CliError {
    CliError::Refused(format!(
        "the checkpoint {} or its signature beside it (.sig) cannot be read: {error}",
        path.display()
    ))
}

/// What the log at `log`, another machine's, has noted of the one of `node`.
fn noted(log: &Path, node: &str, all: &mut Vec<Witness>) -> Result<(), CliError> {
    let files = files::files(log)?;
    let before = all.len();
    let read = reading::forwards(&files, |record, _| {
        let told = record.detail.as_deref().unwrap_or_default();
        if record.act == Act::NoteHead.as_str()
            && let Ok(NotedHead { node: of, head }) = told.parse()
            && of == node
        {
            all.push(Witness {
                file: log.to_owned(),
                noted_in: Some(record.seq),
                head,
            });
        }
        Ok(ControlFlow::Continue(()))
    });
    read.map_err(|error| broken_off(log, error))?;
    if all.len() == before {
        return Err(CliError::Refused(format!(
            "the log {} has noted nothing of the node {node}; --node says whose log it is",
            log.display()
        )));
    }
    Ok(())
}
