//! Where a socket stands. The system takes an address of at most 107 bytes, and data folders may lie deeper: such a
//! socket is reached by way of its opened folder.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, open};

/// The longest address of a socket, without the zero byte at its end.
const LONGEST: usize = 107;

/// A socket's place in its folder, good while this is kept.
#[derive(Debug)]
pub struct Place {
    address: PathBuf,
    _folder: Option<OwnedFd>,
}

impl Place {
    /// The place of the socket at `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self {
                address: path.to_owned(),
                _folder: None,
            });
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(folder, flags, Mode::empty())?;
        let name = path.file_name().unwrap_or(OsStr::new(""));
        Ok(Self {
            address: Path::new("/proc/self/fd")
                .join(folder.as_raw_fd().to_string())
                .join(name),
            _folder: Some(folder),
        })
    }

    /// What the system takes as the socket's address.
    pub fn address(&self) -> &Path {
        &self.address
    }
}
