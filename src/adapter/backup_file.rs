//! The file that a backup is written to: it is there whole, durable and private, or not at all.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with, statvfs},
    process::geteuid,
};

use super::file_owner::as_oneself;
use crate::kill_point;

/// Why there is no backup file. Nothing was left behind.
#[derive(Debug, thiserror::Error)]
pub enum BackupFileError {
    #[error("{0} exists already; name another file, or replace it with --force")]
    Exists(String),
    #[error(
        "another backup is being written to {0}; wait until it has ended, or name another file"
    )]
    Busy(String),
    #[error("{0} is in the way, and no rest of a backup of this user; remove it")]
    Foreign(String),
    #[error("{0} cannot be written: {1}")]
    Io(String, io::Error),
}

/// A backup on its way to its place.
#[derive(Debug)]
pub struct BackupFile {
    path: PathBuf,
    /// Where it is written until it is whole; of a killed backup it stays, and the next one to the same place replaces it.
    draft: PathBuf,
    file: BufWriter<File>,
    replaces: bool,
    floor_mib: u64,
    /// Bytes until the disk is looked at again.
    until_look: usize,
    is_kept: bool,
}

/// Bytes between two looks at the disk's room.
const LOOK: usize = 1024 * 1024;

impl BackupFile {
    /// Begins a backup to `path`. With `replaces`, a file that is there goes when the new one is whole. The disk is never
    /// filled under `floor_mib` MiB: the store may be on it.
    pub fn begin(path: &Path, replaces: bool, floor_mib: u64) -> Result<Self, BackupFileError> {
        as_oneself(|| Self::begin_here(path, replaces, floor_mib))
    }

    fn begin_here(path: &Path, replaces: bool, floor_mib: u64) -> Result<Self, BackupFileError> {
        let shown = || path.display().to_string();
        let failed = |error| BackupFileError::Io(shown(), error);
        if path.file_name().is_none() || path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        if path.symlink_metadata().is_ok() && !replaces {
            return Err(BackupFileError::Exists(shown()));
        }
        let mut draft = path.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // No link is followed, and no pipe waited for.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(&draft)
            .map_err(failed)?;
        // In a folder where others write, one could have put it there: a file that stays theirs, or another name of one
        // that is dear to whoever makes the backup.
        let there = file.metadata().map_err(failed)?;
        if !there.is_file() || there.nlink() != 1 || there.uid() != geteuid().as_raw() {
            return Err(BackupFileError::Foreign(draft.display().to_string()));
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(BackupFileError::Busy(shown())),
            locked => locked.map_err(|error| failed(error.into()))?,
        }
        // Whoever had it before may have moved it into place just now.
        let own = file.metadata().map_err(failed)?.ino();
        if fs::symlink_metadata(&draft).map(|there| there.ino()).ok() != Some(own) {
            return Err(BackupFileError::Busy(shown()));
        }
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            draft,
            file: BufWriter::with_capacity(128 * 1024, file),
            replaces,
            floor_mib,
            until_look: 0,
            is_kept: false,
        })
    }

    /// Puts the whole file in its place, durably.
    pub fn keep(self) -> Result<(), BackupFileError> {
        as_oneself(|| self.keep_here())
    }

    fn keep_here(mut self) -> Result<(), BackupFileError> {
        let shown = self.path.display().to_string();
        let failed = |error| BackupFileError::Io(shown.clone(), error);
        self.file.flush().map_err(failed)?;
        self.file.get_ref().sync_all().map_err(failed)?;
        kill_point::reached();
        if self.replaces {
            fs::rename(&self.draft, &self.path).map_err(failed)?;
        } else {
            match renameat_with(CWD, &self.draft, CWD, &self.path, RenameFlags::NOREPLACE) {
                Ok(()) => {}
                Err(rustix::io::Errno::EXIST) => return Err(BackupFileError::Exists(shown)),
                // File systems that do not know it: the look before has to do.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                    fs::rename(&self.draft, &self.path).map_err(failed)?;
                }
                Err(error) => return Err(failed(error.into())),
            }
        }
        self.is_kept = true;
        kill_point::reached();
        let folder = self.path.parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)
    }

    fn check_room(&self) -> io::Result<()> {
        let Ok(disk) = as_oneself(|| statvfs(&self.draft)) else {
            return Ok(());
        };
        let free_mib = disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024);
        if free_mib >= self.floor_mib {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!(
                "the disk is nearly full: {free_mib} MiB are free and {} MiB are left free for the store; make room, or \
                 name a file on another disk",
                self.floor_mib
            ),
        ))
    }
}

impl Write for BackupFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.until_look == 0 {
            self.check_room()?;
            self.until_look = LOOK;
        }
        let written = self.file.write(bytes)?;
        self.until_look = self.until_look.saturating_sub(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BackupFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Half a backup is none.
            let _ = as_oneself(|| fs::remove_file(&self.draft));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_whole_or_not_at_all_and_replaces_only_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let mut given_up = BackupFile::begin(&path, false, 0).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(names(), 0);
        // What a kill left behind is replaced.
        fs::write(
            folder.path().join("backup.part"),
            "a longer rest than what follows",
        )
        .unwrap();
        let mut first = BackupFile::begin(&path, false, 0).unwrap();
        let busy = BackupFile::begin(&path, false, 0).unwrap_err();
        assert!(matches!(busy, BackupFileError::Busy(_)), "{busy}");
        first.write_all(b"first").unwrap();
        first.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let refused = BackupFile::begin(&path, false, 0).unwrap_err();
        assert!(refused.to_string().contains("--force"), "{refused}");
        let mut second = BackupFile::begin(&path, true, 0).unwrap();
        second.write_all(b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        second.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(), 1);
        let late = folder.path().join("late");
        let file = BackupFile::begin(&late, false, 0).unwrap();
        fs::write(&late, "somebody else's").unwrap();
        assert!(matches!(file.keep(), Err(BackupFileError::Exists(_))));
        assert_eq!(fs::read(&late).unwrap(), b"somebody else's");
    }

    #[test]
    fn what_somebody_has_put_in_its_way_is_neither_written_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (path, dear) = (folder.path().join("backup"), folder.path().join("dear"));
        let draft = folder.path().join("backup.part");
        fs::write(&dear, "dear").unwrap();
        let refused = || BackupFile::begin(&path, true, 0).unwrap_err();
        std::os::unix::fs::symlink(&dear, &draft).unwrap();
        assert!(matches!(refused(), BackupFileError::Io(..)));
        fs::remove_file(&draft).unwrap();
        fs::hard_link(&dear, &draft).unwrap();
        assert!(matches!(refused(), BackupFileError::Foreign(_)));
        fs::remove_file(&draft).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(CWD, &draft, fifo, 0o666.into(), 0).unwrap();
        refused();
        assert_eq!(fs::read(&dear).unwrap(), b"dear");
        fs::remove_file(&draft).unwrap();
        if !geteuid().is_root() {
            return;
        }
        fs::write(&draft, "").unwrap();
        std::os::unix::fs::chown(&draft, Some(65_534), Some(65_534)).unwrap();
        assert!(matches!(refused(), BackupFileError::Foreign(_)));
    }

    #[test]
    fn the_disk_is_not_filled_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = BackupFile::begin(&folder.path().join("backup"), false, u64::MAX).unwrap();
        let refused = file.write_all(b"x").unwrap_err().to_string();
        assert!(refused.contains("nearly full"), "{refused}");
    }
}
