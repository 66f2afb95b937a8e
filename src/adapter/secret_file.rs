//! A file that holds a secret: refused unless it is its owner's alone, wiped from memory after use, and made whole or not
//! at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::file_owner::{self, as_oneself};
use crate::kill_point;

/// A secret is a few lines; what is larger is something else.
const LARGEST_FILE: u64 = 64 * 1024;

/// Why a secret is not read.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("{what} {path}: {error}", path = .path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error(
        "{what} {path} is not this user's to read; run the command as root, who reads it and leaves every file to its owner", path = .path.display()
    )]
    Closed { what: &'static str, path: PathBuf },
    #[error(
        "{what} {path} can be read by others (mode {mode:03o}); make it private: chmod 600 {path}", path = .path.display()
    )]
    Exposed {
        what: &'static str,
        path: PathBuf,
        mode: u32,
    },
    #[error(
        "{what} {path} belongs to another user (uid {uid}); run lpse-kiosk as that user, or give it the file", path = .path.display()
    )]
    Foreign {
        what: &'static str,
        path: PathBuf,
        uid: u32,
    },
}

impl SecretFileError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads the file at `path`, which must be whoever runs this process's, the data folder's owner's, or root's; `what` it is, such as "the master key file", begins the sentence of an error.
pub fn read(what: &'static str, path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    as_oneself(|| read_for(what, path, file_owner::user()))
}

/// Reads the file at `path` as the process of `user` would: it must be that user's, or root's.
pub fn read_for(
    what: &'static str,
    path: &Path,
    user: u32,
) -> Result<Zeroizing<String>, SecretFileError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => SecretFileError::Closed {
            what,
            path: path.to_owned(),
        },
        _ => SecretFileError::Io {
            what,
            path: path.to_owned(),
            error,
        },
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o777;
    if is_exposed(mode, metadata.uid(), has_access_list(&file)) {
        return Err(SecretFileError::Exposed {
            what,
            path: path.to_owned(),
            mode,
        });
    }
    if metadata.uid() != user && metadata.uid() != 0 {
        return Err(SecretFileError::Foreign {
            what,
            path: path.to_owned(),
            uid: metadata.uid(),
        });
    }
    // Reserved in full, so that growing leaves no copy behind in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(LARGEST_FILE as usize));
    file.take(LARGEST_FILE)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}

/// What some editors put before text in UTF-8; it belongs to no secret.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Whether others than its owner, and those whom root has named, can get at a file.
///
/// A credential that systemd hands to a service with a user of its own is root's, mode 400, with an access-control list
/// that lets that user read. The mode's group bits then stand for the list's mask (acl(5)), not for any group.
fn is_exposed(mode: u32, owner: u32, has_access_list: bool) -> bool {
    let list_of_root = has_access_list && owner == 0 && mode & 0o037 == 0;
    mode & 0o077 != 0 && !list_of_root
}

fn has_access_list(file: &File) -> bool {
    // The list itself does not matter, so there is no room for it: then the call answers with its length.
    let room: &mut [u8] = &mut [];
    rustix::fs::fgetxattr(file, ACCESS_LIST, room).is_ok()
}

/// Where Linux keeps a file's access-control list, if it has one that says more than the mode.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Creates the file at `path` with `parts` for its owner alone, durably. It is written beside its place and linked there,
/// so that a file that exists is whole and is never replaced.
pub fn create(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    as_oneself(|| create_here(path, parts))
}

fn create_here(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    make_folder(folder)?;
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    remove_rest(&draft)?;
    let written = (|| {
        // Made here and nowhere else: what somebody else has put there, a link or a file of their own, gets no secret.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::hard_link(&draft, path)?;
        File::open(folder)?.sync_all()
    })();
    let _ = fs::remove_file(&draft);
    written
}

/// Makes `folder` where it does not exist, and those above it.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mode = mode_of_new(folder);
    let new: Vec<&Path> = folder
        .ancestors()
        .take_while(|above| !above.as_os_str().is_empty() && !above.exists())
        .collect();
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)?;
    // What this process's umask has taken away; folders that were there before stay as they are.
    for made in new {
        fs::set_permissions(made, Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Who may enter a folder that is made for a secret. Below `/etc` it holds the machine's settings too, which everybody's
/// programs look for (Filesystem Hierarchy Standard 3.0 section 3.7): closed, it would end every other user's command.
/// The secret itself is private wherever it lies.
fn mode_of_new(folder: &Path) -> u32 {
    let of_settings = folder.is_absolute() && folder.starts_with("/etc");
    if of_settings { 0o755 } else { 0o700 }
}

/// Puts `parts` in place of the file at `path`, durably: at every moment the old file or the new one is there, whole. It
/// keeps its owner and its mode.
pub fn replace(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    as_oneself(|| replace_here(path, parts))
}

fn replace_here(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    // What stands there may be a link to where the file really is.
    let path = fs::canonicalize(path)?;
    let before = fs::metadata(&path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut draft = path.clone().into_os_string();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    remove_rest(&draft)?;
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        let owner = file.metadata()?;
        if (owner.uid(), owner.gid()) != (before.uid(), before.gid()) {
            std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(before.mode() & 0o700))?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        kill_point::reached();
        fs::rename(&draft, &path)?;
        kill_point::reached();
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Removes what a kill left behind at `draft`.
fn remove_rest(draft: &Path) -> io::Result<()> {
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{XattrFlags, setxattr};

    use super::*;

    /// An access-control list in the kernel's form: the owner may read, and so may `user`, through the mask.
    fn list_for(user: u32) -> Vec<u8> {
        const NOBODY: u32 = u32::MAX;
        let (owner, named, group, mask, others) = (0x01, 0x02, 0x04, 0x10, 0x20);
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, id) in [
            (owner, 4_u16, NOBODY),
            (named, 4, user),
            (group, 0, NOBODY),
            (mask, 4, NOBODY),
            (others, 0, NOBODY),
        ] {
            list.extend(u16::to_le_bytes(tag));
            list.extend(permissions.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        list
    }

    #[test]
    fn a_credential_as_systemd_hands_it_over_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smtp-password");
        fs::write(&path, "rahasia").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(*read("the credential", &path).unwrap(), "rahasia");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\u{feff}rahasia").unwrap();
        assert_eq!(
            *read("the credential", &path).unwrap(),
            "rahasia",
            "from an editor that marks its files"
        );
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        let exposed = read("the credential", &path);
        assert!(matches!(
            exposed,
            Err(SecretFileError::Exposed { mode: 0o440, .. })
        ));
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        if setxattr(&path, ACCESS_LIST, &list_for(65_534), XattrFlags::empty()).is_err() {
            // This disk knows no lists, so systemd does not use them here either.
            return;
        }
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(
            metadata.permissions().mode() & 0o777,
            0o440,
            "the mask shows"
        );
        let read = read("the credential", &path);
        assert_eq!(read.is_ok(), metadata.uid() == 0, "{read:?}");
    }

    #[test]
    fn a_new_secret_goes_into_no_file_that_somebody_has_put_in_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let (path, trap) = (folder.path().join("key"), folder.path().join("trap"));
        let draft = folder
            .path()
            .join(format!("key.new-{}", std::process::id()));
        // A link to a file that is dear to whoever makes the key.
        fs::write(&trap, "dear").unwrap();
        std::os::unix::fs::symlink(&trap, &draft).unwrap();
        create(&path, &[b"secret"]).unwrap();
        assert_eq!(fs::read(&trap).unwrap(), b"dear");
        fs::remove_file(&path).unwrap();
        // A file that its owner still has open.
        fs::write(&draft, "").unwrap();
        fs::set_permissions(&draft, Permissions::from_mode(0o666)).unwrap();
        let mut open = File::open(&draft).unwrap();
        create(&path, &[b"secret"]).unwrap();
        let mut seen = String::new();
        open.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "");
        assert_eq!(*read("the key", &path).unwrap(), "secret");
        assert!(!draft.exists());
    }

    #[test]
    fn a_folder_of_settings_is_for_all_to_enter_and_any_other_for_its_owner() {
        for (folder, mode) in [
            ("/etc/lpse-kiosk", 0o755),
            ("/etc/lpse/kiosk", 0o755),
            ("/var/lib/lpse-kiosk", 0o700),
            ("/home/kios/.config/lpse-kiosk", 0o700),
            ("/etcetera/keys", 0o700),
            ("etc", 0o700),
        ] {
            assert_eq!(mode_of_new(Path::new(folder)), mode, "{folder}");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o750)).unwrap();
        create(&folder.path().join("a/b/key"), &[b"secret"]).unwrap();
        let mode = |name: &str| {
            let found = fs::metadata(folder.path().join(name)).unwrap();
            found.permissions().mode() & 0o777
        };
        let modes = ["", "a", "a/b", "a/b/key"].map(mode);
        assert_eq!(modes, [0o750, 0o700, 0o700, 0o600]);
    }

    #[test]
    fn a_replaced_file_stays_private_whole_and_where_it_really_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("key"), folder.path().join("link"));
        create(&path, &[b"old"]).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        // What a kill left behind is in nobody's way.
        fs::write(folder.path().join("key.new"), "cut off").unwrap();
        replace(&link, &[b"new ", b"key"]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(*read("the key", &path).unwrap(), "new key");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(!folder.path().join("key.new").exists());
        assert!(
            replace(&folder.path().join("none"), &[b"x"]).is_err(),
            "what is not there is not replaced"
        );
    }

    #[test]
    fn only_roots_own_list_excuses_the_groups_bits_and_only_for_reading() {
        for (mode, owner, has_list, exposed) in [
            (0o600, 0, false, false),
            (0o400, 1000, false, false),
            (0o440, 0, true, false),
            (0o640, 0, true, false),
            (0o440, 0, false, true),
            (0o440, 1000, true, true),
            (0o460, 0, true, true),
            (0o444, 0, true, true),
        ] {
            assert_eq!(
                is_exposed(mode, owner, has_list),
                exposed,
                "{mode:o} {owner} {has_list}"
            );
        }
    }
}
