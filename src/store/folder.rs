//! The folder an embedded store lives in: who holds it, what lies in it, and whether the disk has room.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FlockOperation, flock, statvfs};

use super::StoreKind;

/// The layout of a store that this program understands. In format 2 an engine keeps an inventory of its records.
pub const FORMAT: u32 = 2;

/// Where a folder keeps its format and the kind of its engine. It is there once a store was made whole.
const MARK: &str = "FORMAT";

/// Why a store cannot be opened, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "the store in {folder} is in use by {holder}; only one program can use it at a time: end that one, or use its screen"
    )]
    Held { folder: String, holder: String },
    #[error(
        "the store in {folder} is of kind {found}, and {wanted} was asked for; set [store] kind = \"{found}\", or name another data folder"
    )]
    OtherKind {
        folder: String,
        found: String,
        wanted: StoreKind,
    },
    #[error(
        "the store in {folder} has format {found} and this program knows formats up to {FORMAT}; install the newer lpse-kiosk that wrote it"
    )]
    Newer { folder: String, found: String },
    #[error(
        "the store in {folder} has format {found}, which this program does not read any more; make a backup with the older lpse-kiosk that wrote it, and bring it back with this one: lpse-kiosk restore BACKUP"
    )]
    Older { folder: String, found: String },
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("the folder of the store, {folder}, cannot be used: {reason}; nothing was changed")]
    Failed { folder: String, reason: String },
    #[error(
        "the store in {folder} was not opened, and nothing in it was changed: {what}. Try it once more: a disk's fault may pass. If it stays, keep a copy of the folder as it is, put the folder aside (mv {folder} {folder}.broken) and bring the newest backup back: lpse-kiosk restore BACKUP ({detail})"
    )]
    Unreadable {
        folder: String,
        /// What is wrong, in our words.
        what: &'static str,
        /// What the engine or the system said of it.
        detail: String,
    },
    #[error(
        "the store in {folder} was not opened, and could not be put back as it was: {reason}. What it was is whole in {kept}, and the next start puts it back; see to the disk first"
    )]
    NotPutBack {
        folder: String,
        kept: String,
        reason: String,
    },
    #[error(
        "the store in {folder} is gone: {why}. Nothing was changed, and no new one was begun. If its disk is not mounted, mount it; else bring the newest backup back: lpse-kiosk restore BACKUP. Only where there never was anything to keep, begin with an empty store: lpse-kiosk store begin-anew"
    )]
    Vanished { folder: String, why: String },
    #[error("the etcd cluster at {endpoints} cannot be used now: {reason}")]
    Cluster { endpoints: String, reason: String },
    #[error(
        "another data folder goes by the node's name {0} in the cluster; name this machine otherwise with [store] node, or bring its own data folder back"
    )]
    NodeTaken(String),
    #[error(
        "the node {node} lives already, on the machine {host}, since {since}: this data folder is a copy of its own. \
         Nothing was changed. Name this machine otherwise with [store] node, or end that process first"
    )]
    NodeLives {
        node: String,
        host: String,
        since: String,
    },
    #[error("a cluster has no folder to open")]
    NotEmbedded,
    #[error("{}", crate::config::WITHOUT_ETCD)]
    NotBuilt,
}

/// The disk is nearly full.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk of {folder} is nearly full: {free_mib} MiB are free and {needed_mib} MiB are needed; make room, the store then goes on by itself"
)]
pub struct NoRoom {
    pub folder: String,
    pub free_mib: u64,
    pub needed_mib: u64,
}

/// A store's folder, held by this process until the last clone is dropped, or the process is killed.
#[derive(Debug, Clone)]
pub struct Folder {
    room: Room,
    _lock: Arc<Lock>,
}

/// A folder's lock. It is given up by word and not by closing alone: a child that another thread starts in this moment
/// has a copy of every descriptor until it becomes its program, and would keep the folder held so long.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing, which follows, gives up what this could not.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// The room that a folder's disk has, and the least that a store wants. It holds no folder.
#[derive(Debug, Clone)]
pub struct Room {
    path: PathBuf,
    floor_mib: u64,
}

/// The kind of store that has its home in the folder at `path`, in the folder's own word; `None` where there is no store
/// yet. Looks, and changes nothing.
pub fn kind_in(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path.join(MARK)) {
        Ok(text) => Ok(text.split_whitespace().nth(1).map(str::to_owned)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Folder {
    /// Takes the folder at `path`, creating it if need be, and whatever store lies in it.
    pub fn hold(path: &Path, floor_mib: u64) -> Result<Self, OpenError> {
        let shown = path.display().to_string();
        let failed = |error: io::Error| OpenError::Failed {
            folder: shown.clone(),
            reason: error.to_string(),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let lock = lock(path, &shown)?;
        let folder = Self {
            room: Room::at(path, floor_mib),
            _lock: Arc::new(lock),
        };
        folder.room.check()?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.room.path
    }

    pub fn room(&self) -> &Room {
        &self.room
    }

    /// Whether a store was ever made here, by the mark that this left; refuses one of another kind or format than can be
    /// opened as `kind`.
    pub fn has_format(&self, kind: StoreKind) -> Result<bool, OpenError> {
        let folder = || self.path().display().to_string();
        match fs::read_to_string(self.path().join(MARK)) {
            Ok(text) => {
                let mut words = text.split_whitespace();
                let (format, found) = (words.next().unwrap_or("?"), words.next().unwrap_or("?"));
                if format.parse() != Ok(FORMAT) {
                    let (folder, found) = (folder(), format.to_owned());
                    return Err(match format.parse::<u32>() {
                        Ok(format) if format < FORMAT => OpenError::Older { folder, found },
                        _ => OpenError::Newer { folder, found },
                    });
                }
                if found != kind.as_str() {
                    return Err(OpenError::OtherKind {
                        folder: folder(),
                        found: found.to_owned(),
                        wanted: kind,
                    });
                }
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Leaves the mark that a store of `kind` was made here.
    pub fn keep_format(&self, kind: StoreKind) -> Result<(), OpenError> {
        self.keep(MARK, &format!("{FORMAT} {kind}"))
            .map_err(|error| self.failed(error))
    }

    /// That the folder cannot be used.
    pub fn failed(&self, error: impl ToString) -> OpenError {
        OpenError::Failed {
            folder: self.path().display().to_string(),
            reason: error.to_string(),
        }
    }

    /// Keeps a line in the file `name` of the folder, as [`keep_file`] does.
    pub fn keep(&self, name: &str, line: &str) -> io::Result<()> {
        keep_file(self.path(), name, format!("{line}\n").as_bytes())
    }
}

impl Room {
    /// The room of the disk that `path` lies on.
    pub fn at(path: &Path, floor_mib: u64) -> Self {
        Self {
            path: path.to_owned(),
            floor_mib,
        }
    }

    /// Bytes that are free for this process; `None` where the system does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        let disk = statvfs(&self.path).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// The least that must be free.
    pub fn floor_bytes(&self) -> u64 {
        self.floor_mib.saturating_mul(1024 * 1024)
    }

    /// Refuses to go on when the disk has less room than a store needs to stay whole.
    ///
    /// sled writes segments of 512 KiB and a snapshot now and then, redb grows its file ahead: both are hurt, and
    /// sled's handle is lost, by a disk that fills up under them.
    pub fn check(&self) -> Result<(), NoRoom> {
        self.check_for(0)
    }

    /// As [`Room::check`], with `bytes` more that are about to be written.
    pub fn check_for(&self, bytes: u64) -> Result<(), NoRoom> {
        const MIB: u64 = 1024 * 1024;
        let Some(free) = self.free_bytes() else {
            return Ok(());
        };
        let (free_mib, needed_mib) = (
            free / MIB,
            self.floor_mib.saturating_add(bytes.div_ceil(MIB)),
        );
        if free_mib >= needed_mib {
            return Ok(());
        }
        Err(NoRoom {
            folder: self.path.display().to_string(),
            free_mib,
            needed_mib,
        })
    }
}

/// Keeps `contents` in the file `name` of `folder`, for its owner alone and durably. It is written beside its place and
/// moved there, so that a kill leaves no half of it.
pub fn keep_file(folder: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    sync_folder(folder)
}

/// Makes the names in a folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Holds the folder's lock, which the kernel drops with the process however it ends.
fn lock(path: &Path, shown: &str) -> Result<Lock, OpenError> {
    let failed = |error: io::Error| OpenError::Failed {
        folder: shown.to_owned(),
        reason: error.to_string(),
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join("lock"))
        .map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            let _ = file.take(256).read_to_string(&mut holder);
            let holder: String = holder.trim().chars().filter(|c| !c.is_control()).collect();
            return Err(OpenError::Held {
                folder: shown.to_owned(),
                holder: if holder.is_empty() {
                    "another process".to_owned()
                } else {
                    holder
                },
            });
        }
        Err(error) => return Err(failed(error.into())),
    }
    let program = std::env::args().next().unwrap_or_default();
    let program = Path::new(&program)
        .file_name()
        .map_or("lpse-kiosk".into(), |name| name.to_string_lossy());
    let since = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
    let said = format!(
        "process {} ({program}), since {since}\n",
        std::process::id()
    );
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    // Who holds the lock is a courtesy: a disk too full for it is told of by the check that follows.
    let _ = file.write_all(said.as_bytes());
    Ok(Lock(file))
}
