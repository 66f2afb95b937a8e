//! What can be wrong with an audit log, and how it is said: which record, in which line of which file.

use std::{fmt, path::PathBuf};

use crate::domain::audit::RecordHash;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of {}", self.line, self.file.display())
    }
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The record that it is about: the one that should stand there, or stands there and should not.
    pub seq: u64,
    /// Where it shows; `None` where nothing stands any more.
    pub place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A byte of the line is not as it was written.
    Changed,
    /// This record and those up to `to` are not there; `stated` when the log itself says so.
    Missing { to: u64, stated: Option<String> },
    /// The log does not begin with its first record.
    NoBeginning { begins_with: u64 },
    /// The log ends before record `to`, which was recorded.
    CutOff { to: u64 },
    /// Behind the last record stands what is no beginning of another.
    ForeignEnd,
    /// The record stands there a second time.
    Doubled,
    /// Where the record belongs stands `instead`; it is found later.
    Displaced { instead: u64, found: Place },
    /// The record does not follow from the one before: either has been written anew.
    Unlinked,
    /// The record is not the one that the store knows: the log was written anew.
    Rewritten,
    /// The record is not the one, with the digest `found`, that a witness outside the store tells of: the log was written
    /// anew, and the store with it.
    Contradicted { found: RecordHash },
    /// The log ends before record `to`, of which a witness outside the store tells.
    ShorterThanTold { to: u64 },
    /// The log itself says what was found when it was taken up.
    Stated(String),
}

impl FaultKind {
    /// One word, for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing { .. } => "missing",
            Self::NoBeginning { .. } => "no-beginning",
            Self::CutOff { .. } => "cut-off",
            Self::ForeignEnd => "foreign-end",
            Self::Doubled => "doubled",
            Self::Displaced { .. } => "reordered",
            Self::Unlinked => "unlinked",
            Self::Rewritten => "rewritten",
            Self::Contradicted { .. } => "contradicted",
            Self::ShorterThanTold { .. } => "shorter-than-told",
            Self::Stated(_) => "stated",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match &self.place {
            Some(place) => write!(f, "{place}: ")?,
            None => write!(f, "the end: ")?,
        }
        match &self.kind {
            FaultKind::Changed => write!(f, "record {seq} is not as it was written"),
            FaultKind::Missing { to, stated } => {
                span(f, seq, *to)?;
                match stated {
                    None => Ok(()),
                    Some(said) => write!(
                        f,
                        "; record {} states it ({said}), and nobody has acknowledged it",
                        to + 1
                    ),
                }
            }
            FaultKind::NoBeginning { begins_with } => write!(
                f,
                "records 1 to {} are missing; if they are kept elsewhere, say --from {begins_with}",
                begins_with - 1
            ),
            FaultKind::CutOff { to } => {
                span(f, seq, *to)?;
                write!(f, "; the store knows that the log came to record {to}")
            }
            FaultKind::ForeignEnd => write!(
                f,
                "where record {seq} would begin stands something that was never recorded, as a file system leaves after \
                 a power cut, or somebody who overwrites the end"
            ),
            FaultKind::Doubled => write!(f, "record {seq} stands there a second time"),
            FaultKind::Displaced { instead, found } => write!(
                f,
                "record {instead} stands where record {seq} belongs, which is {found}"
            ),
            FaultKind::Unlinked => write!(
                f,
                "record {seq} does not follow from record {}: one of them was written anew",
                seq - 1
            ),
            FaultKind::Rewritten => write!(
                f,
                "record {seq} is not the one that the store knows: the log was written anew"
            ),
            FaultKind::Contradicted { .. } => write!(
                f,
                "record {seq} is not the one that a checkpoint or another machine's log tells of: the log was written \
                 anew, from this record or an earlier one on"
            ),
            FaultKind::ShorterThanTold { to } => {
                span(f, seq, *to)?;
                write!(
                    f,
                    "; a checkpoint or another machine's log tells that the log came to record {to}"
                )
            }
            FaultKind::Stated(said) => write!(
                f,
                "record {seq} states that {said}; nobody has acknowledged it"
            ),
        }
    }
}

/// That a record, or several, are missing.
fn span(f: &mut fmt::Formatter<'_>, from: u64, to: u64) -> fmt::Result {
    match from == to {
        true => write!(f, "record {from} is missing"),
        false => write!(f, "records {from} to {to} are missing"),
    }
}
