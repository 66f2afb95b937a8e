//! A digest of all bytes of an engine's files, with their names: whether they are still as they were left.
//!
//! It finds accidents: rot, files of another day, a file that is gone or was cut off. Hands that write what they should
//! not are found by the records' own tags. Hence XXH3 (128 bits), which costs hardly more than the reading, on any
//! processor.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use twox_hash::XxHash3_128;

/// Bytes that are read at once.
const PIECE: usize = 1024 * 1024;

/// The digest of a file, or of a folder with all that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileDigest([u8; Self::BYTES]);

impl FileDigest {
    /// Bytes of its stored form.
    pub const BYTES: usize = 16;

    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Reads everything at `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut digester = Digester::default();
        for entry in entries(path)? {
            digester.entry(&entry);
            if !entry.metadata.is_dir() {
                let mut file = File::open(entry.under(path))?;
                read_through(&mut file, entry.metadata.len(), |piece| {
                    digester.bytes(piece);
                    Ok(())
                })?;
            }
        }
        Ok(digester.finish())
    }

    /// Reads no file, and tells by what the system keeps of them whether one was written, or is another than it was.
    pub fn of_stamps(path: &Path) -> io::Result<Self> {
        let mut digester = Digester::default();
        for entry in entries(path)? {
            digester.entry(&entry);
            let of = &entry.metadata;
            let stamps = [of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()];
            for stamp in stamps {
                digester.bytes(&stamp.to_le_bytes());
            }
            digester.bytes(&of.ino().to_le_bytes());
        }
        Ok(digester.finish())
    }
}

/// Takes a digest piece by piece: each entry, then its bytes if it is a file.
#[derive(Default)]
pub struct Digester(XxHash3_128);

impl Digester {
    pub fn entry(&mut self, entry: &Entry) {
        let name = entry.name.as_os_str().as_bytes();
        self.0.write(&[u8::from(entry.metadata.is_dir())]);
        self.0.write(&(name.len() as u64).to_le_bytes());
        self.0.write(name);
        if !entry.metadata.is_dir() {
            self.0.write(&entry.metadata.len().to_le_bytes());
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    pub fn finish(&self) -> FileDigest {
        FileDigest(self.0.finish_128().to_le_bytes())
    }
}

/// A file or folder.
#[derive(Debug)]
pub struct Entry {
    /// Below where it was looked for; empty for what was looked for itself.
    name: PathBuf,
    pub metadata: Metadata,
}

impl Entry {
    /// Where it is, or would be, below `path`.
    pub fn under(&self, path: &Path) -> PathBuf {
        match self.name.as_os_str().is_empty() {
            true => path.to_owned(),
            false => path.join(&self.name),
        }
    }
}

/// What is at `path`, and where it is a folder all that is in it: a folder before what it holds, in an order that is always
/// the same.
pub fn entries(path: &Path) -> io::Result<Vec<Entry>> {
    let mut found = vec![Entry {
        name: PathBuf::new(),
        metadata: fs::symlink_metadata(path)?,
    }];
    let mut next = 0;
    while let Some(entry) = found.get(next) {
        next += 1;
        if !entry.metadata.is_dir() {
            continue;
        }
        let (name, folder) = (entry.name.clone(), entry.under(path));
        let mut held = Vec::new();
        for inside in fs::read_dir(folder)? {
            let inside = inside?;
            held.push(Entry {
                name: name.join(inside.file_name()),
                metadata: inside.metadata()?,
            });
        }
        held.sort_by(|one, other| one.name.cmp(&other.name));
        found.extend(held);
    }
    Ok(found)
}

/// Reads `length` bytes of `file`, and gives them to `take` piece by piece.
pub fn read_through(
    file: &mut File,
    length: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut left = length;
    while left > 0 {
        let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let read = file.read(&mut piece[..wanted])?;
        if read == 0 {
            return Err(io::Error::other("the file ends before its length"));
        }
        take(&piece[..read])?;
        left -= read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_a_name_a_length_and_a_folder_are_in_the_digest() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("engine");
        let lay = |files: &[(&str, &str)], folders: &[&str]| {
            let _ = fs::remove_dir_all(&place);
            fs::create_dir(&place).unwrap();
            for folder in folders {
                fs::create_dir(place.join(folder)).unwrap();
            }
            for (name, text) in files {
                fs::write(place.join(name), text).unwrap();
            }
            FileDigest::of(&place).unwrap()
        };
        let first = lay(&[("a", "12"), ("b", "3")], &[]);
        assert_eq!(first, lay(&[("b", "3"), ("a", "12")], &[]));
        for (files, folders) in [
            (&[("a", "12"), ("b", "4")][..], &[][..]),
            (&[("a", "1"), ("b", "23")], &[]),
            (&[("a", "12"), ("c", "3")], &[]),
            (&[("a", "12")], &[]),
            (&[("a", "12"), ("b", "3"), ("c", "")], &[]),
            (&[("a", "12"), ("b", "3")], &["c"]),
        ] {
            assert_ne!(first, lay(files, folders), "{files:?} {folders:?}");
        }
        // A single file has no name of its own: its copy under another name is the same.
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::write(&one, "12").unwrap();
        fs::write(&other, "12").unwrap();
        assert_eq!(
            FileDigest::of(&one).unwrap(),
            FileDigest::of(&other).unwrap()
        );
    }

    #[test]
    fn a_file_that_was_written_or_replaced_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "12").unwrap();
        let stamp = || FileDigest::of_stamps(folder.path()).unwrap();
        let first = stamp();
        assert_eq!(first, stamp());
        let other = folder.path().join("other");
        fs::write(&other, "12").unwrap();
        fs::rename(&other, &file).unwrap();
        assert_ne!(first, stamp());
    }
}
