//! The folder of signed checkpoints: each in a file of its own, its signature beside it, as `ssh-keygen -Y sign` leaves
//! them. It may be another machine's disk, and be shared by several nodes.
//!
//! `loket-1-000000012345.checkpoint` is of record 12345; `loket-1-000000012345.checkpoint.sig` is there before it.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::audit_key::SignedCheckpoint;
use crate::{domain::checkpoint::Checkpoint, store::folder::keep_file};

/// So many are kept of a node: at one an hour, more than a hundred days.
pub const KEPT: usize = 2_500;

const ENDING: &str = ".checkpoint";
const SIGNATURE: &str = ".sig";

/// Names that sort like their numbers, for as long as anybody will look.
const DIGITS: usize = 12;

/// Larger files are something else.
const LARGEST_FILE: u64 = 16 * 1024;

/// A folder of checkpoints.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    path: PathBuf,
    is_made: bool,
}

impl CheckpointFolder {
    /// The folder at `path`. With `is_made`, it is made where it is not there.
    pub fn new(path: PathBuf, is_made: bool) -> Self {
        Self { path, is_made }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps `signed`, durably, and removes what was kept first of its node, above [`KEPT`]. One that is there already is
    /// never replaced: where it tells something else of the same record, that is an error.
    pub fn keep(&self, signed: &SignedCheckpoint) -> io::Result<()> {
        self.keep_at_most(signed, KEPT)
    }

    fn keep_at_most(&self, signed: &SignedCheckpoint, kept: usize) -> io::Result<()> {
        if self.is_made {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700).create(&self.path)?;
        }
        let Checkpoint { node, head, .. } = &signed.checkpoint;
        let name = name(node, head.seq);
        let file = self.path.join(&name);
        if file.try_exists()? {
            let there: Option<Checkpoint> = read_text(&file)?.parse().ok();
            return match there.is_some_and(|there| there.head == *head) {
                true => Ok(()),
                false => Err(io::Error::other(format!(
                    "{} tells of another record {}: the log was written anew, or is another one",
                    file.display(),
                    head.seq
                ))),
            };
        }
        // The text comes last: whoever finds it finds its signature.
        let signature = signed.signature.as_bytes();
        keep_file(&self.path, &format!("{name}{SIGNATURE}"), signature)?;
        let text = signed.checkpoint.to_string();
        keep_file(&self.path, &name, text.as_bytes())?;
        if let Err(error) = self.remove_surplus(node, &file, kept) {
            // Where nothing may be removed, all stay; this one is kept.
            tracing::debug!(%error, "no old checkpoint is removed");
        }
        Ok(())
    }

    /// Removes what was kept first of `node`, above `kept`, and never `newest`.
    fn remove_surplus(&self, node: &str, newest: &Path, kept: usize) -> io::Result<()> {
        let mut others = Vec::new();
        for (seq, old) in self.of(node)? {
            if old != newest {
                // By when, and not by its number: a log that was begun anew counts from 1 again.
                others.push((fs::metadata(&old)?.modified()?, seq, old));
            }
        }
        others.sort();
        let surplus = (others.len() + 1).saturating_sub(kept);
        for (_, _, old) in others.into_iter().take(surplus) {
            // In this order, so that again no text is without its signature.
            fs::remove_file(&old)?;
            fs::remove_file(signature_of(&old))?;
        }
        Ok(())
    }

    /// The files of `node`'s checkpoints with their records' numbers, the oldest first.
    pub fn of(&self, node: &str) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let file = entry?.file_name();
            if let Some(seq) = file.to_str().and_then(|file| record_of(file, node)) {
                found.push((seq, self.path.join(file)));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The newest checkpoint of `node` here; `None` where there is none that can be read.
    pub fn newest(&self, node: &str) -> io::Result<Option<Checkpoint>> {
        let Some((_, file)) = self.of(node)?.pop() else {
            return Ok(None);
        };
        let text = read_text(&file)?;
        Ok(text.parse().ok())
    }
}

/// What the file of a checkpoint and the one beside it hold: the text as it is, and its signature.
pub fn read(file: &Path) -> io::Result<(String, String)> {
    Ok((read_text(file)?, read_text(&signature_of(file))?))
}

/// Where the signature of a checkpoint's file stands.
pub fn signature_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SIGNATURE);
    name.into()
}

fn read_text(file: &Path) -> io::Result<String> {
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() || metadata.len() > LARGEST_FILE {
        return Err(io::Error::other("it is no file of a checkpoint"));
    }
    fs::read_to_string(file)
}

fn name(node: &str, seq: u64) -> String {
    format!("{node}-{seq:0DIGITS$}{ENDING}")
}

/// The number of the record that `file`, a file's name, has a checkpoint of `node` of.
fn record_of(file: &str, node: &str) -> Option<u64> {
    let digits = file.strip_prefix(node)?.strip_prefix('-')?;
    let seq = digits.strip_suffix(ENDING)?.parse().ok()?;
    // A node whose name ends like a number has files that begin alike.
    (file == name(node, seq)).then_some(seq)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::audit::{AuditHead, RecordHash};

    fn signed(node: &str, seq: u64) -> SignedCheckpoint {
        let hash = RecordHash::from_bytes([7; RecordHash::LENGTH]);
        let at = "2026-11-30T01:53:05Z".parse().unwrap();
        SignedCheckpoint {
            checkpoint: Checkpoint::new(node, AuditHead { seq, hash }, at),
            signature: format!("signature of {seq}\n"),
        }
    }

    #[test]
    fn each_is_kept_beside_its_signature_and_the_oldest_go_but_never_the_newest() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("checkpoints");
        let folder = CheckpointFolder::new(path.clone(), true);
        for seq in [7, 8, 9_999_999, 1_000_000_000_000] {
            folder.keep_at_most(&signed("one", seq), 2).unwrap();
        }
        folder.keep_at_most(&signed("one-1", 1), 0).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let seqs = |node: &str| {
            let found = folder.of(node).unwrap();
            found.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
        };
        assert_eq!(seqs("one"), [9_999_999, 1_000_000_000_000]);
        assert_eq!(seqs("one-1"), [1]);
        assert_eq!(seqs("two"), [0; 0]);
        let newest = folder.newest("one").unwrap().unwrap();
        assert_eq!(newest.head.seq, 1_000_000_000_000);
        let (_, file) = folder.of("one").unwrap().remove(0);
        let (text, signature) = read(&file).unwrap();
        assert_eq!(text, signed("one", 9_999_999).checkpoint.to_string());
        assert_eq!(signature, "signature of 9999999\n");
        assert_eq!(
            fs::read_dir(&path).unwrap().count(),
            2 * 3,
            "nothing else is left"
        );
        // The same again is the same.
        folder.keep(&signed("one-1", 1)).unwrap();
        assert_eq!(seqs("one-1"), [1]);
        // What was told before stays.
        let mut other = signed("one-1", 1);
        other.checkpoint.head.hash = RecordHash::from_bytes([8; RecordHash::LENGTH]);
        let error = folder.keep(&other).unwrap_err();
        assert!(error.to_string().contains("another record 1"), "{error}");
        let kept = folder.newest("one-1").unwrap();
        assert_eq!(kept, Some(signed("one-1", 1).checkpoint));
    }

    #[test]
    fn a_folder_that_the_settings_name_is_not_made() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("not mounted");
        let folder = CheckpointFolder::new(path.clone(), false);
        let error = folder.keep(&signed("one", 1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
    }
}
