//! An inventory of an engine's records: how many there are and the sum of their digests, kept in the same write as each
//! change of them and counted again at every opening.
//!
//! An engine that meets an unreadable or wrong byte may take it for the end of what was written, and open with less than
//! there was, or with what was there once. Every record is in the sum, so that no such opening passes for whole. The
//! sum finds accidents; whether somebody has written a record who should not is another question, answered elsewhere.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::file_digest::FileDigest;
use crate::store::{Commit, Key, Value};

/// What an engine holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Commits that were ever applied.
    pub commits: u64,
    pub records: u64,
    /// The digests of all records, added up.
    sum: u128,
}

impl Inventory {
    /// Bytes of its stored form.
    const BYTES: usize = 32;

    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.commits.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.records.to_le_bytes());
        bytes[16..].copy_from_slice(&self.sum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        Some(Self {
            commits: u64::from_le_bytes(bytes[..8].try_into().ok()?),
            records: u64::from_le_bytes(bytes[8..16].try_into().ok()?),
            sum: u128::from_le_bytes(bytes[16..].try_into().ok()?),
        })
    }

    /// Takes in that `key` holds `after` where it held `before` (`None`: nothing).
    pub fn replace(&mut self, key: &[u8], before: Option<&[u8]>, after: Option<&[u8]>) {
        if let Some(before) = before {
            self.records = self.records.wrapping_sub(1);
            self.sum = self.sum.wrapping_sub(digest(key, before));
        }
        if let Some(after) = after {
            self.records = self.records.wrapping_add(1);
            self.sum = self.sum.wrapping_add(digest(key, after));
        }
    }

    /// Nothing, after so many commits.
    pub(super) fn empty_after(commits: u64) -> Self {
        Self {
            commits,
            ..Self::default()
        }
    }

    /// The inventory after `commit`, whose conditions hold. `held` tells what a key holds before it.
    pub fn after(
        mut self,
        commit: &Commit,
        held: impl Fn(&Key) -> Result<Option<Value>, String>,
    ) -> Result<Self, String> {
        self.commits += 1;
        // Of several writes to one key the last one counts.
        let last: std::collections::BTreeMap<&Key, _> = commit
            .writes()
            .iter()
            .map(|(key, value)| (key, value))
            .collect();
        for (key, value) in last {
            let before = held(key)?;
            self.replace(key.as_bytes(), before.as_deref(), value.as_deref());
        }
        Ok(self)
    }
}

/// The digest of a record, with the length of its key, so that no byte of one passes for one of the other.
fn digest(key: &[u8], value: &[u8]) -> u128 {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let hash = Sha256::new()
        .chain_update(length.to_le_bytes())
        .chain_update(key)
        .chain_update(value)
        .finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(first)
}

/// What is noted beside an engine's files, in the file `newest`: the number of the newest commit that was acknowledged, and
/// the digest of the files as they were when the engine was closed after it in order. An engine that opens with an older
/// commit has lost what people were told is kept.
///
/// It is written after the commit is durable and is itself not waited for, so after a power cut it may be behind, and is
/// never ahead. An orderly end that is noted and was not the last one does no harm: the files are not as they were then.
#[derive(Debug)]
pub struct Newest {
    path: PathBuf,
    file: Option<File>,
}

/// What was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    pub commits: u64,
    /// The files as an orderly end has left them; `None` while the engine is open, and after any other end.
    pub left: Option<FileDigest>,
}

impl Noted {
    /// Eight bytes of the number, eight that say whether there is a digest, the digest, and a digest of all that.
    const BYTES: usize = 48;

    fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.commits.to_le_bytes());
        if let Some(left) = &self.left {
            bytes[8] = 1;
            bytes[16..32].copy_from_slice(left.as_bytes());
        }
        let digest = Sha256::digest(&bytes[..32]);
        bytes[32..].copy_from_slice(&digest[..16]);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let whole: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let noted = Self {
            commits: u64::from_le_bytes(whole[..8].try_into().ok()?),
            left: match whole[8] {
                0 => None,
                _ => Some(FileDigest::from_bytes(whole[16..32].try_into().ok()?)),
            },
        };
        (noted.encode() == *whole).then_some(noted)
    }
}

impl Newest {
    /// The file in `folder`, which is made when something is noted.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("newest"),
            file: None,
        }
    }

    /// What was noted last; `None` where it is not known: there is no file, or it is not whole.
    pub fn read(&self) -> io::Result<Option<Noted>> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Noted::decode(&bytes))
    }

    /// Notes what is so now. What cannot be noted is left out: commits stand all the same.
    pub fn note(&mut self, noted: Noted) {
        if self.file.is_none() {
            let opened = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&self.path);
            self.file = opened.ok();
        }
        if let Some(file) = &self.file
            && file.write_all_at(&noted.encode(), 0).is_err()
        {
            self.file = None;
        }
    }

    /// Forgets what was noted: what comes is not the store that it was of.
    pub fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::from_bytes(name)
    }

    #[test]
    fn what_is_put_and_removed_again_leaves_the_sum_as_it_was() {
        let held = |_: &Key| Ok(None);
        let one = Inventory::default()
            .after(&Commit::new().put(key("a"), b"1".into()), held)
            .unwrap();
        assert_eq!((one.commits, one.records), (1, 1));
        let two = one
            .after(
                &Commit::new()
                    .put(key("b"), b"2".into())
                    .put(key("b"), b"3".into()),
                held,
            )
            .unwrap();
        assert_eq!((two.commits, two.records), (2, 2));
        let back = two
            .after(&Commit::new().remove(key("b")), |_| Ok(Some(b"3".into())))
            .unwrap();
        assert_eq!((back.records, back.sum), (one.records, one.sum));
        assert_eq!(Inventory::decode(&two.encode()), Some(two));
        assert_eq!(Inventory::decode(b"short"), None);
    }

    #[test]
    fn a_record_moved_or_split_otherwise_is_another_sum() {
        let of = |key: &[u8], value: &[u8]| {
            let mut inventory = Inventory::default();
            inventory.replace(key, None, Some(value));
            inventory
        };
        assert_ne!(of(b"ab", b"c"), of(b"a", b"bc"));
        assert_ne!(of(b"a", b"b"), of(b"b", b"a"));
    }

    #[test]
    fn a_number_that_is_not_whole_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut newest = Newest::in_folder(folder.path());
        assert_eq!(newest.read().unwrap(), None);
        let left = Some(FileDigest::from_bytes([9; FileDigest::BYTES]));
        for (commits, left) in [(7, None), (8, None), (8, left), (8, None), (8, left)] {
            let noted = Noted { commits, left };
            newest.note(noted);
            assert_eq!(newest.read().unwrap(), Some(noted));
        }
        let bytes = fs::read(&newest.path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            for wrong in [&flipped[..], &bytes[..at], &[&bytes[..], &[0]].concat()] {
                fs::write(&newest.path, wrong).unwrap();
                assert_eq!(newest.read().unwrap(), None, "{at}");
            }
        }
        newest.forget().unwrap();
        assert!(!newest.path.exists());
    }
}
