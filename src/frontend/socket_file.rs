//! The file of a Unix socket: never found by anybody before it is as private as it is to be, and gone when it is dropped.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt, chown},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

use crate::store::remote::Place;

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// This process's own user, and root.
    Owner,
    /// The members of the group with this number too.
    Group(u32),
}

/// A socket's file.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl SocketFile {
    /// Binds the socket at `path`, in place of whatever socket is there. Only for whoever knows that nobody else listens
    /// there ([`SocketFile::find_free`]).
    pub fn bind(path: &Path, access: Access) -> io::Result<(UnixListener, Self)> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        if let Err(error) = fs::remove_file(&draft)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        // Bound beside its place and moved there: nobody ever finds one that is not private.
        let listener = UnixListener::bind(Place::of(&draft)?.address())?;
        let mode = match access {
            Access::Owner => 0o600,
            Access::Group(group) => {
                chown(&draft, None, Some(group))?;
                0o660
            }
        };
        fs::set_permissions(&draft, fs::Permissions::from_mode(mode))?;
        fs::rename(&draft, path)?;
        listener.set_nonblocking(true)?;
        Ok((listener, Self(path.to_owned())))
    }

    /// Looks whether a socket may be bound at `path`: nothing is there, or a socket that a killed process has left.
    ///
    /// # Errors
    /// `AddrInUse`: somebody listens there; `AlreadyExists`: it is no socket.
    pub fn find_free(path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(found) if !found.file_type().is_socket() => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something is there that is no socket",
            )),
            Ok(_) => match UnixStream::connect(Place::of(path)?.address()) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                Err(error) => Err(error),
                Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
            },
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Where it cannot be removed, it is stale from now on, which hinders nobody.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_that_nobody_listens_at_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sock");
        SocketFile::find_free(&path).unwrap();
        let (listener, file) = SocketFile::bind(&path, Access::Owner).unwrap();
        let in_use = SocketFile::find_free(&path).unwrap_err();
        assert_eq!(in_use.kind(), io::ErrorKind::AddrInUse);
        // As by a kill.
        std::mem::forget(file);
        drop(listener);
        SocketFile::find_free(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "somebody's").unwrap();
        let other = SocketFile::find_free(&path).unwrap_err();
        assert_eq!(other.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
    }

    #[test]
    fn a_group_may_connect_where_it_is_named_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.sock");
        let own = rustix::process::getegid().as_raw();
        for (access, mode) in [(Access::Owner, 0o600), (Access::Group(own), 0o660)] {
            let (_listener, file) = SocketFile::bind(&path, access).unwrap();
            let found = fs::metadata(file.path()).unwrap().permissions().mode();
            assert_eq!(found & 0o777, mode);
        }
        assert!(!path.exists());
    }
}
