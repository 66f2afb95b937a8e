//! How an engine's files are made and opened, so that neither a fault nor a kill costs anything that stood in them.
//!
//! An engine mends its files while it opens them, and takes what it cannot read for what was never written: one failed
//! read makes sled 0.34.7 write zeros over its own records. So an opening begins with a copy of the files beside them
//! (shared blocks where the file system can, else bytes, each of which is read for it), then the engine opens the files,
//! then every record is read and counted. If any of that fails, the copy is put back, byte for byte. While an engine is
//! being opened nothing is committed, so a copy that a kill has left behind is what stood there before, and is put back
//! first.
//!
//! An orderly end notes a digest of the files. Where they still fit it, each byte was read and is right, and two things
//! are left out. The copy is not waited for: it lasts for a moment, as a rule in memory alone, and is put back only where
//! it fits the digest itself. And the records are not counted, where it is certain that the engine has read what is
//! there: it fails where a read fails, or it had nothing to mend and has changed nothing.
//!
//! A store is made under another name and gets its own when it is whole; then the folder is marked. A folder that is
//! marked and has no store has lost it, and no new one takes its place unless somebody says so.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, rename},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use super::{
    contract::{As, Engine, Files, Opener},
    file_digest::{Digester, Entry, FileDigest, entries, read_through},
    inventory::{Newest, Noted},
    redb, sled,
};
use crate::store::{
    Commit, StoreKind,
    folder::{self, Folder, OpenError, sync_folder},
};

/// A handle that was just dropped gives up an engine's own lock only when its last I/O has ended.
const OWN_LOCK: Duration = Duration::from_secs(5);
const OWN_LOCK_PAUSE: Duration = Duration::from_millis(20);

/// When an engine's own check is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnCheck {
    AfterCutOff,
    Always,
}

/// What becomes of a folder that has no store.
#[derive(Debug)]
pub enum Missing {
    /// A new one is made, which holds this from the beginning; unless the folder says that it had one.
    Begin(Commit),
    /// A new one is made, also where there was one.
    BeginAnew(Commit),
    /// It is refused: something says that there was one.
    Refuse(String),
}

impl Files {
    fn at(&self, folder: &Folder) -> PathBuf {
        folder.path().join(self.name)
    }

    fn beside(&self, folder: &Folder, ending: &str) -> PathBuf {
        folder.path().join(format!("{}.{ending}", self.name))
    }

    /// What was there before an opening, whole.
    fn kept(&self, folder: &Folder) -> PathBuf {
        self.beside(folder, "kept")
    }

    /// The same, of files that were found as an orderly end has left them; not waited for, so that after a power cut it may
    /// be anything.
    fn kept_for_now(&self, folder: &Folder) -> PathBuf {
        self.beside(folder, "kept-for-now")
    }

    /// Whether there is a file of records with anything in it.
    fn are_there(&self, folder: &Folder) -> io::Result<bool> {
        let mut records = self.at(folder);
        if !self.records.is_empty() {
            records.push(self.records);
        }
        match fs::metadata(records) {
            Ok(file) => Ok(file.is_file() && file.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether there is a store, or what an opening that was killed has kept of it.
pub fn is_there(files: &Files, folder: &Folder) -> Result<bool, OpenError> {
    let is_there = (|| {
        Ok(files.kept(folder).try_exists()?
            || files.kept_for_now(folder).try_exists()?
            || files.are_there(folder)?)
    })();
    is_there.map_err(|error: io::Error| folder.failed(error))
}

/// Opens what was prepared, and tells how an orderly end leaves it.
#[derive(Debug)]
pub struct Prepared {
    files: Files,
    own_check: OwnCheck,
    /// The files after the last opening, where that is known.
    opened: Mutex<Option<Seen>>,
}

/// Files that were read through, and what the system kept of them before that.
#[derive(Debug, Clone, Copy)]
struct Seen {
    digest: FileDigest,
    stamps: FileDigest,
}

impl Seen {
    fn now(place: &Path) -> io::Result<Self> {
        let stamps = FileDigest::of_stamps(place)?;
        let digest = FileDigest::of(place)?;
        Ok(Self { digest, stamps })
    }
}

impl Prepared {
    fn opened(&self) -> std::sync::MutexGuard<'_, Option<Seen>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opener for Prepared {
    fn open(&self, folder: &Folder) -> Result<Box<dyn Engine>, OpenError> {
        *self.opened() = None;
        let (engine, seen) = open(&self.files, folder, self.own_check)?;
        *self.opened() = seen;
        Ok(engine)
    }

    fn left(&self, folder: &Folder) -> Option<FileDigest> {
        let place = self.files.at(folder);
        let left = (|| {
            wait_until_free(&place)?;
            match *self.opened() {
                // Nobody has written, so what was read then still has to be what is there; if it is not, the next opening
                // finds that.
                Some(seen) if seen.stamps == FileDigest::of_stamps(&place)? => Ok(seen.digest),
                _ => FileDigest::of(&place),
            }
        })();
        let failed = |error: &io::Error| tracing::warn!(%error, "the store's files cannot be read");
        left.inspect_err(failed).ok()
    }
}

/// The files of an embedded engine.
pub fn files_of(kind: StoreKind) -> Option<Files> {
    match kind {
        StoreKind::Sled => Some(sled::FILES),
        StoreKind::Redb => Some(redb::FILES),
        StoreKind::Etcd => None,
    }
}

/// Sees to it that there is a store in `folder` to open, and returns how it is opened: now, and after a failure.
pub fn prepare(
    files: Files,
    folder: &Folder,
    missing: Missing,
    own_check: OwnCheck,
) -> Result<Prepared, OpenError> {
    let was_made = folder.has_format(files.kind)?;
    put_back(&files, folder)?;
    for kind in StoreKind::EMBEDDED
        .into_iter()
        .filter(|kind| *kind != files.kind)
    {
        let other = files_of(kind).filter(|_| !was_made);
        if let Some(other) = other
            && other
                .are_there(folder)
                .map_err(|error| folder.failed(error))?
        {
            return Err(OpenError::OtherKind {
                folder: folder.path().display().to_string(),
                found: kind.to_string(),
                wanted: files.kind,
            });
        }
    }
    let are_there = files
        .are_there(folder)
        .map_err(|error| folder.failed(error))?;
    let vanished = |why| {
        Err(OpenError::Vanished {
            folder: folder.path().display().to_string(),
            why,
        })
    };
    match (are_there, missing) {
        (true, _) => {}
        (false, Missing::Begin(_)) if was_made => {
            return vanished(format!(
                "its mark FORMAT is there, and {} is not, or is empty",
                files.at(folder).join(files.records).display()
            ));
        }
        (false, Missing::Refuse(why)) => return vanished(why),
        (false, Missing::Begin(first) | Missing::BeginAnew(first)) => make(&files, folder, first)?,
    }
    if !was_made {
        folder.keep_format(files.kind)?;
    }
    Ok(Prepared {
        files,
        own_check,
        opened: Mutex::default(),
    })
}

/// Makes a store that holds what `first` writes, and gives it its name when it is whole.
fn make(files: &Files, folder: &Folder, first: Commit) -> Result<(), OpenError> {
    let failed = |error: io::Error| folder.failed(error);
    let draft = folder.path().join("making");
    remove(&draft).map_err(failed)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&draft)
        .map_err(failed)?;
    let made = draft.join(files.name);
    guarded(|| {
        let engine = (files.open)(&made, As::New)?;
        engine.apply(&[first])
    })
    .map_err(|reason| {
        folder.failed(format!("a new store cannot be made: {}", one_line(&reason)))
    })?;
    wait_until_free(&made).map_err(failed)?;
    sync_all(&made).map_err(failed)?;
    // What is left of a store that has vanished is in nobody's way, and not thrown away.
    let place = files.at(folder);
    if place.symlink_metadata().is_ok() {
        let aside = (1..).map(|number| files.beside(folder, &format!("before-{number}")));
        let aside = aside
            .into_iter()
            .find(|aside| aside.symlink_metadata().is_err());
        rename(&place, aside.expect("there are numbers enough")).map_err(failed)?;
    }
    Newest::in_folder(folder.path()).forget().map_err(failed)?;
    rename(&made, &place).map_err(failed)?;
    sync_folder(folder.path()).map_err(failed)?;
    remove(&draft).map_err(failed)
}

/// Opens what is there, or leaves it as it was; also tells how the files are then, where they had to be read for it.
fn open(
    files: &Files,
    folder: &Folder,
    own_check: OwnCheck,
) -> Result<(Box<dyn Engine>, Option<Seen>), OpenError> {
    put_back(files, folder)?;
    let shown = folder.path().display().to_string();
    let unreadable = |what: &'static str, detail: String| OpenError::Unreadable {
        folder: shown.clone(),
        what,
        detail: one_line(&detail),
    };
    let place = files.at(folder);
    let mut newest = Newest::in_folder(folder.path());
    let noted = newest
        .read()
        .map_err(|error| unreadable("it cannot be read", error.to_string()))?;
    wait_until_free(&place).map_err(|error| unreadable("it cannot be read", error.to_string()))?;
    // Whoever wants the engine's own check wants everything read anew.
    let left = noted.filter(|_| own_check == OwnCheck::AfterCutOff);
    let left = left.and_then(|noted| noted.left);
    let found = keep(files, folder, left).map_err(|error| match error {
        Keep::NoRoom(error) => error.into(),
        Keep::Io(error) => unreadable("it cannot be read through", error.to_string()),
    })?;
    let opened = guarded(|| (files.open)(&place, found))
        .map_err(|detail| unreadable("its engine does not open it", detail))
        .and_then(|engine| {
            let checked = guarded(|| {
                let left = left.filter(|_| found == As::Closed);
                let (seen, is_read) = is_read_as_left(files, &place, left)?;
                let commits = engine.inventory().commits;
                let is_newest = noted.is_some_and(|noted| noted.commits == commits);
                if !is_read || !is_newest {
                    engine.check_inventory(&|| true)?;
                }
                match noted
                    .map(|noted| noted.commits)
                    .filter(|newest| *newest > commits)
                {
                    Some(newest) => Err(format!(
                        "commit {newest} was acknowledged, and {commits} is its newest"
                    )),
                    None => Ok(seen),
                }
            });
            match checked {
                Ok(seen) => Ok((engine, seen)),
                Err(detail) => {
                    close(engine);
                    Err(unreadable("what it holds is not what was written", detail))
                }
            }
        });
    match opened {
        Ok((engine, seen)) => match let_go(files, folder) {
            Ok(()) => {
                newest.note(Noted {
                    commits: engine.inventory().commits,
                    left: None,
                });
                Ok((engine, seen))
            }
            Err(error) => {
                close(engine);
                put_back(files, folder)?;
                Err(folder.failed(error))
            }
        },
        Err(error) => {
            put_back(files, folder)?;
            Err(error)
        }
    }
}

/// Whether an engine that has opened files which are as they were `left` has read them as they are; `None`: they are not, or
/// that is not known. Also tells how the files are now, where they were read for that.
fn is_read_as_left(
    files: &Files,
    place: &Path,
    left: Option<FileDigest>,
) -> Result<(Option<Seen>, bool), String> {
    match left {
        None => Ok((None, false)),
        Some(_) if files.fails_where_a_read_fails => Ok((None, true)),
        Some(left) => {
            // Where it has met something that it could not read, it has written: what it takes for the end of its log is
            // overwritten, and what it has newly read of its log is noted.
            let seen = Seen::now(place).map_err(|error| error.to_string())?;
            Ok((Some(seen), seen.digest == left))
        }
    }
}

enum Keep {
    NoRoom(folder::NoRoom),
    Io(io::Error),
}

impl From<io::Error> for Keep {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Keeps a copy of the files beside them, and tells as what they are to be opened: as closed where they are as they were
/// `left`.
fn keep(files: &Files, folder: &Folder, left: Option<FileDigest>) -> Result<As, Keep> {
    let draft = files.beside(folder, "kept.new");
    remove(&draft)?;
    let kept = (|| {
        let mut digester = left.map(|_| Digester::default());
        copy(&files.at(folder), &draft, folder, digester.as_mut())?;
        if left.is_some() && left == digester.map(|digester| digester.finish()) {
            rename(&draft, files.kept_for_now(folder))?;
            return Ok(As::Closed);
        }
        // Everything in it is durable before it has the name by which it is put back.
        sync_all(&draft)?;
        rename(&draft, files.kept(folder))?;
        sync_folder(folder.path())?;
        Ok(As::CutOff)
    })();
    if kept.is_err() {
        let _ = remove(&draft);
    }
    kept
}

/// Puts back what an opening that failed, or was killed, has found.
fn put_back(files: &Files, folder: &Folder) -> Result<(), OpenError> {
    let kept = files.kept(folder);
    let (place, failed) = (files.at(folder), files.beside(folder, "failed"));
    let done = (|| {
        remove(&files.beside(folder, "kept.new"))?;
        remove(&files.beside(folder, "spent"))?;
        judge_kept_for_now(files, folder)?;
        if kept.try_exists()? {
            remove(&failed)?;
            match rename(&place, &failed) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            rename(&kept, &place)?;
            sync_folder(folder.path())?;
        }
        remove(&failed)
    })();
    done.map_err(|error| match kept.exists() {
        true => OpenError::NotPutBack {
            folder: folder.path().display().to_string(),
            kept: kept.display().to_string(),
            reason: error.to_string(),
        },
        false => folder.failed(error),
    })
}

/// Makes a copy that was not waited for durable where it is what an orderly end has left, and throws it away where it is
/// not: after a power cut it need not be whole, and what it was of is judged by itself.
fn judge_kept_for_now(files: &Files, folder: &Folder) -> io::Result<()> {
    let copy = files.kept_for_now(folder);
    if !copy.try_exists()? {
        return Ok(());
    }
    let noted = Newest::in_folder(folder.path()).read()?;
    match noted.and_then(|noted| noted.left) {
        Some(left) if FileDigest::of(&copy)? == left => {
            sync_all(&copy)?;
            rename(&copy, files.kept(folder))?;
            sync_folder(folder.path())
        }
        _ => remove(&copy),
    }
}

/// Gives up the copy of an opening that was well. From here on commits are taken, so it must not come back.
fn let_go(files: &Files, folder: &Folder) -> io::Result<()> {
    let spent = files.beside(folder, "spent");
    let mut kept = files.kept(folder);
    if !kept.try_exists()? {
        kept = files.kept_for_now(folder);
    }
    rename(&kept, &spent)?;
    if let Err(error) = sync_folder(folder.path()) {
        // Whether it would come back is not known, so it does.
        rename(&spent, &kept)?;
        return Err(error);
    }
    // What stays of it is removed by the next opening.
    let _ = remove(&spent);
    Ok(())
}

/// Copies a file, or a folder with all that is in it, to where nothing is; `digester` hears of all that is copied.
fn copy(
    from: &Path,
    to: &Path,
    folder: &Folder,
    mut digester: Option<&mut Digester>,
) -> Result<(), Keep> {
    let entries = entries(from)?;
    for entry in &entries {
        if let Some(digester) = &mut digester {
            digester.entry(entry);
        }
        if entry.metadata.is_dir() {
            DirBuilder::new().mode(0o700).create(entry.under(to))?;
        } else {
            copy_file(entry, from, to, folder, digester.as_deref_mut())?;
        }
    }
    for entry in entries.iter().rev() {
        let mode = fs::Permissions::from_mode(entry.metadata.mode() & 0o7777);
        fs::set_permissions(entry.under(to), mode)?;
    }
    Ok(())
}

fn copy_file(
    entry: &Entry,
    from: &Path,
    to: &Path,
    folder: &Folder,
    mut digester: Option<&mut Digester>,
) -> Result<(), Keep> {
    let mut source = File::open(entry.under(from))?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(entry.under(to))?;
    // Blocks that both share are written anew by whoever changes them.
    let is_shared = rustix::fs::ioctl_ficlone(&target, &source).is_ok();
    if is_shared && digester.is_none() {
        return Ok(());
    }
    if !is_shared {
        let bytes = entry.metadata.blocks().saturating_mul(512);
        folder.room().check_for(bytes).map_err(Keep::NoRoom)?;
    }
    // Every byte is read here: what the disk cannot read is found before an engine meets it.
    read_through(&mut source, entry.metadata.len(), |piece| {
        if let Some(digester) = &mut digester {
            digester.bytes(piece);
        }
        match is_shared {
            true => Ok(()),
            false => target.write_all(piece),
        }
    })?;
    Ok(())
}

/// Makes a file, or a folder with all that is in it, durable.
fn sync_all(path: &Path) -> io::Result<()> {
    for entry in entries(path)?.iter().rev() {
        File::open(entry.under(path))?.sync_all()?;
    }
    Ok(())
}

/// Removes a file, or a folder with all that is in it, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Waits until an engine that was just closed has given up its files.
fn wait_until_free(path: &Path) -> io::Result<()> {
    let begun = Instant::now();
    for entry in entries(path)? {
        if entry.metadata.is_dir() {
            continue;
        }
        let file = File::open(entry.under(path))?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < OWN_LOCK => {
                    thread::sleep(OWN_LOCK_PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Drops an engine, which may fail inside itself at that too; says whether it did not.
pub fn close(engine: Box<dyn Engine>) -> bool {
    let closed = guarded(|| {
        drop(engine);
        Ok(())
    });
    closed.is_ok()
}

/// Does `work` with an engine, which may fail inside itself where it meets what it does not expect.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err("the engine failed inside itself".into()))
}

/// What an engine says, on one line and without its decoration.
pub fn one_line(words: &str) -> String {
    let words = words.replace("backtrace ()", " ");
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ")
}
