//! As whom this process touches files: as whoever runs it, or, where root runs a command, as the owner of the data folder.
//!
//! What root wrote there would be root's, and the service could not open it any more; and whoever owns the folder may put
//! links there, which root would follow. So a command of root touches files as the folder's owner does, by the identity that
//! Linux keeps for files alone, thread by thread (`setfsuid(2)`). Towards everything else, such as a running service, it is
//! root; and what is root's own, a key file or a backup's place, is touched [`as_oneself`].

use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::OnceLock};

use nix::unistd::{Gid, Uid, setfsgid, setfsuid};

/// The owner by whose rights files are touched, where that is not whoever runs the process.
static OWNER: OnceLock<Owner> = OnceLock::new();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    user: Uid,
    group: Gid,
}

const ROOT: Owner = Owner {
    user: Uid::from_raw(0),
    group: Gid::from_raw(0),
};

impl Owner {
    /// Whose the folder is, or, where it is yet to be made, the one that it will be made in.
    fn of(folder: &Path) -> Option<Self> {
        let folder = folder
            .ancestors()
            .find_map(|above| fs::metadata(above).ok())?;
        Some(Self {
            user: Uid::from_raw(folder.uid()),
            group: Gid::from_raw(folder.gid()),
        })
    }

    /// Has this thread, and those that it starts, touch files as this one does. Whether it does is looked at: the system calls
    /// tell of no failure.
    fn take_over(self) -> bool {
        // The group first: whoever is not root cannot change it.
        setfsgid(self.group);
        setfsuid(self.user);
        // A user that cannot be changes nothing, and what is now is told.
        setfsuid(Uid::from_raw(u32::MAX)) == self.user
    }
}

/// From now on, this process touches files as the owner of `folder` does, where root runs it and the folder is somebody
/// else's. To be called before any other thread is started: they begin as the one that starts them is.
pub fn act_as_owner_of(folder: &Path) {
    if !Uid::effective().is_root() {
        return;
    }
    let Some(owner) = Owner::of(folder).filter(|owner| owner.user != ROOT.user) else {
        return;
    };
    // Where the system does not let it, the folder stays somebody else's, and is refused as such.
    match owner.take_over() {
        true => {
            let _ = OWNER.set(owner);
        }
        false => {
            ROOT.take_over();
        }
    }
}

/// The user whose files this process can take for its own.
pub fn user() -> u32 {
    match OWNER.get() {
        Some(owner) => owner.user.as_raw(),
        None => Uid::effective().as_raw(),
    }
}

/// Does `work`, which waits for nothing and starts no thread, on files of whoever runs this process.
pub fn as_oneself<T>(work: impl FnOnce() -> T) -> T {
    let _back = OWNER.get().map(|owner| {
        ROOT.take_over();
        Back(*owner)
    });
    work()
}

/// Makes the folder at `path` for the owner as whom files are touched, where it is not there and its place is not theirs to
/// write in.
pub fn make_folder(path: &Path) -> std::io::Result<()> {
    let Some(owner) = OWNER.get().filter(|_| !path.exists()) else {
        return Ok(());
    };
    as_oneself(|| {
        fs::create_dir_all(path)?;
        let (user, group) = (owner.user.as_raw(), owner.group.as_raw());
        std::os::unix::fs::chown(path, Some(user), Some(group))
    })
}

/// The thread's identity of before, to be taken again however the work ends.
struct Back(Owner);

impl Drop for Back {
    fn drop(&mut self) {
        self.0.take_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_yet_to_be_made_is_whose_the_one_above_is() {
        let folder = tempfile::tempdir().unwrap();
        let own = Owner::of(folder.path());
        assert_eq!(own.map(|owner| owner.user), Some(Uid::effective()));
        assert_eq!(Owner::of(&folder.path().join("a/b")), own);
        assert_eq!(
            Owner::of(Path::new("/")).map(|owner| owner.user),
            Some(ROOT.user)
        );
    }

    #[test]
    fn a_thread_makes_files_as_the_one_who_it_is_for_them() {
        if !Uid::effective().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let nobody = Owner {
            user: Uid::from_raw(65_534),
            group: Gid::from_raw(65_534),
        };
        std::os::unix::fs::chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
        let made = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "").unwrap();
            Owner::of(&path).unwrap()
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(nobody.take_over());
                assert_eq!(made("theirs"), nobody);
                assert!(fs::read("/etc/shadow").is_err(), "what is root's is closed");
                assert!(Uid::effective().is_root(), "but for files it is root");
                let back = Back(nobody);
                assert!(ROOT.take_over());
                assert_eq!(made("ours"), ROOT);
                drop(back);
                assert_eq!(made("theirs again"), nobody);
            });
        });
        assert_eq!(made("of another thread"), ROOT);
    }
}
