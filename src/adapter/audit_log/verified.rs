//! When an audit log was last verified on this machine, and what came of it: a small file that `audit verify` leaves.
//!
//! It proves nothing: whoever can write the log can write it too. It shows whoever looks after the machine that nobody has
//! looked for long.

use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{domain::word::words, store::folder::keep_file};

words! {
    /// What came of a verification, in a word.
    pub enum Verdict {
        /// The log is whole, and of the store that there is.
        Whole = "whole",
        /// Something is wrong with the log.
        Broken = "broken",
        /// The log is whole, but its store is gone, or was begun anew.
        OtherStore = "other-store",
    }
}

/// The last verification that came to an end, and the last that found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastVerification {
    pub at: Timestamp,
    pub verdict: Verdict,
    /// When the log was last found whole; `None` where it never was.
    pub last_whole: Option<Timestamp>,
}

/// The last verification that `file` tells of; `None` where there was none, or it cannot be read.
pub fn last(file: &Path) -> Option<LastVerification> {
    let Kept {
        at,
        verdict,
        last_whole,
    } = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    Some(LastVerification {
        at: at.parse().ok()?,
        verdict: Verdict::from_word(&verdict)?,
        last_whole: last_whole.and_then(|text| text.parse().ok()),
    })
}

/// Notes in `file` that a verification came to this `verdict`.
pub fn note(file: &Path, at: Timestamp, verdict: Verdict) -> io::Result<()> {
    let last_whole = match verdict {
        Verdict::Whole => Some(at),
        Verdict::Broken | Verdict::OtherStore => last(file).and_then(|last| last.last_whole),
    };
    let kept = Kept {
        at: at.to_string(),
        verdict: verdict.as_str().to_owned(),
        last_whole: last_whole.map(|at| at.to_string()),
    };
    let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(OsStr::to_str))
    else {
        return Err(ErrorKind::InvalidInput.into());
    };
    let mut text = serde_json::to_vec(&kept)?;
    text.push(b'\n');
    keep_file(folder, name, &text)
}

#[derive(Serialize, Deserialize)]
struct Kept {
    at: String,
    verdict: String,
    last_whole: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_time_that_it_was_whole_outlives_what_is_found_later() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("verified.json");
        assert_eq!(last(&file), None);
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut whole = None;
        for (second, verdict) in [
            (1, Verdict::Broken),
            (2, Verdict::Whole),
            (3, Verdict::OtherStore),
            (4, Verdict::Broken),
            (5, Verdict::Whole),
        ] {
            note(&file, at(second), verdict).unwrap();
            whole = match verdict {
                Verdict::Whole => Some(at(second)),
                _ => whole,
            };
            let expected = LastVerification {
                at: at(second),
                verdict,
                last_whole: whole,
            };
            assert_eq!(last(&file), Some(expected));
        }
        for damaged in ["", "{}", "{\"at\":\"x\",\"verdict\":\"whole\"}"] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(last(&file), None, "{damaged}");
        }
    }
}
