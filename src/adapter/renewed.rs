//! What is read from files that are renewed while the program runs, such as passwords and certificates.
//!
//! The files are looked at when somebody wants what is in them: no reload is needed, and an idle program does no work for
//! them. What cannot be used is told once, and what was read before is used on.

use std::{
    fmt::{self, Display},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What some files hold, as it is now.
pub struct Renewed<T> {
    /// How the log calls it.
    what: &'static str,
    files: Vec<PathBuf>,
    read: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    last: Mutex<Last<T>>,
}

/// What was read last, and the files as they were just before.
struct Last<T> {
    value: T,
    marks: Vec<Option<Mark>>,
    /// Why what the files hold since then is not used.
    fault: Option<String>,
}

/// What tells a file from the one that was read. Whatever is done to it sets the time of its change (inode(7)).
#[derive(PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl<T> fmt::Debug for Renewed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renewed({})", self.what)
    }
}

impl<T: Clone> Renewed<T> {
    /// What `read` makes of `files`; `what` it is begins a sentence of the log, such as "the page's certificate".
    ///
    /// # Errors
    /// Those of the first reading.
    pub fn new<E: Display>(
        what: &'static str,
        files: &[&Path],
        read: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
        // Before it is read: a change in between is read once more, and none is missed.
        let marks = marks(&files);
        let value = read()?;
        Ok(Self {
            what,
            files,
            read: Box::new(move || read().map_err(|error| error.to_string())),
            last: Mutex::new(Last {
                value,
                marks,
                fault: None,
            }),
        })
    }

    /// What the files hold now; where they hold nothing that can be used, what they held before.
    pub fn now(&self) -> T {
        self.looked_at().value.clone()
    }

    /// Why what the files hold now is not used, if it is not.
    pub fn fault(&self) -> Option<String> {
        self.looked_at().fault.clone()
    }

    fn looked_at(&self) -> MutexGuard<'_, Last<T>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = marks(&self.files);
        if marks != last.marks {
            last.marks = marks;
            match (self.read)() {
                Ok(value) => {
                    last.value = value;
                    last.fault = None;
                    tracing::info!("{} was renewed", self.what);
                }
                Err(error) => {
                    tracing::error!(
                        error,
                        "{} was changed and cannot be used; the one that was read before is used on",
                        self.what
                    );
                    last.fault = Some(error);
                }
            }
        }
        last
    }
}

fn marks(files: &[PathBuf]) -> Vec<Option<Mark>> {
    let mark = |file: &PathBuf| {
        let found = fs::metadata(file).ok()?;
        Some(Mark {
            device: found.dev(),
            inode: found.ino(),
            length: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    };
    files.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::Relaxed},
        },
    };

    use super::*;

    #[test]
    fn a_changed_file_is_read_once_and_a_bad_one_leaves_what_was_read_before() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        let [first, second] = &paths;
        let (read, reads) = (paths.clone(), Arc::new(AtomicUsize::new(0)));
        let counted = reads.clone();
        let joined = move || {
            counted.fetch_add(1, Relaxed);
            let texts: io::Result<Vec<String>> = read.iter().map(fs::read_to_string).collect();
            Ok::<_, io::Error>(texts?.join(" "))
        };
        assert!(Renewed::new("it", &[first, second], joined.clone()).is_err());
        fs::write(first, "satu").unwrap();
        fs::write(second, "dua").unwrap();
        let renewed = Renewed::new("it", &[first, second], joined).unwrap();
        let reads = || reads.load(Relaxed);
        assert_eq!((renewed.now(), reads()), ("satu dua".into(), 2));
        fs::write(second, "tiga").unwrap();
        assert_eq!((renewed.now(), reads()), ("satu tiga".into(), 3));
        assert_eq!((renewed.now(), reads()), ("satu tiga".into(), 3));
        fs::remove_file(second).unwrap();
        assert_eq!((renewed.now(), reads()), ("satu tiga".into(), 4));
        let fault = renewed.fault();
        assert!(fault.is_some_and(|why| why.contains("No such file")));
        assert_eq!((renewed.now(), reads()), ("satu tiga".into(), 4), "again");
        // As certbot does it: the name comes to stand for another file.
        std::os::unix::fs::symlink(first, second).unwrap();
        assert_eq!((renewed.now(), reads()), ("satu satu".into(), 5));
        assert_eq!((renewed.fault(), reads()), (None, 5));
    }
}
