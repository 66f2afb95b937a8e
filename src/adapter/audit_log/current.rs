//! The file that is written: opened for one process alone, appended to with durability, cut back after a failed write,
//! and put aside when it is full.

use std::{
    fs::{File, OpenOptions, TryLockError, rename},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::{files::Files, line, lines::Forwards};
use crate::store::folder::sync_folder;

/// An open file of the log.
pub struct Current {
    file: File,
    inode: u64,
    /// Everything before is durable.
    length: u64,
    /// Its first record; `None` while it has none.
    first: Option<u64>,
}

impl Drop for Current {
    fn drop(&mut self) {
        // By word, as with a store's folder: closing alone leaves it locked while another thread starts a child.
        let _ = self.file.unlock();
    }
}

impl Current {
    /// Opens the file that `files` name, or creates it; with `anew`, there must be none.
    pub fn open(files: &Files, anew: bool) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(!anew)
            .create_new(anew)
            .mode(0o600)
            .open(files.current())?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::Error::other("another process writes it"));
        }
        sync_folder(files.folder())?;
        Ok(Self {
            inode: metadata.ino(),
            length: metadata.len(),
            first: first_record(&file)?,
            file,
        })
    }

    /// How long it is.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its first record.
    pub fn first(&self) -> Option<u64> {
        self.first
    }

    /// Whether it is still the file of its name in `files`, and ends where it was left.
    pub fn check(&self, files: &Files) -> io::Result<()> {
        if files.current().metadata()?.ino() != self.inode {
            return Err(io::Error::other("another file stands in its place"));
        }
        let (left, length) = (self.length, self.file.metadata()?.len());
        if length != left {
            return Err(io::Error::other(format!(
                "it was left {left} bytes long and has {length}"
            )));
        }
        Ok(())
    }

    /// Appends `lines`, the first of which is record `first`, and makes them durable.
    pub fn append(&mut self, lines: &[u8], first: u64) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.length += lines.len() as u64;
        self.first = self.first.or(Some(first));
        Ok(())
    }

    /// Leaves nothing of what was appended in vain.
    pub fn cut_back(&self) -> io::Result<()> {
        self.file.set_len(self.length)
    }

    /// Ends at `length`, durably.
    pub fn cut_off_at(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.sync_data()?;
        self.length = length;
        Ok(())
    }

    /// Gives the last line its end, durably.
    pub fn end_line(&mut self) -> io::Result<()> {
        self.file.write_all(b"\n")?;
        self.file.sync_data()?;
        self.length += 1;
        Ok(())
    }
}

/// The number of the first record in `file`.
fn first_record(file: &File) -> io::Result<Option<u64>> {
    let mut lines = Forwards::new(file, 0);
    while let Some(found) = lines.next()? {
        if let Some(link) = line::check(&found.bytes) {
            return Ok(Some(link.head.seq));
        }
    }
    Ok(None)
}

/// Renames `from`; what already has the name `to` is left alone.
pub fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // A file system that does not know how; nobody else makes such names here.
        Err(Errno::INVAL | Errno::NOSYS) => match to.try_exists()? {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => rename(from, to),
        },
        renamed => Ok(renamed?),
    }
}
