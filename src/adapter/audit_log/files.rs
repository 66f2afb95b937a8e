//! The files of an audit log: the one that is written, and the full ones beside it, each named after its first record.
//!
//! `audit.jsonl` is written; `audit-000000000001.jsonl` begins with record 1. A full file is never written to again, and
//! this program deletes none.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Names that sort like their numbers, for as long as anybody will look.
const DIGITS: usize = 12;

/// Where an audit log lies.
#[derive(Debug, Clone)]
pub struct Files {
    current: PathBuf,
}

/// One file of the log.
#[derive(Debug)]
pub struct Part {
    pub path: PathBuf,
    /// The first record of a full file, by its name; the file that is written is named after none.
    pub first: Option<u64>,
    open: Option<File>,
}

impl Part {
    /// The file, opened now unless it is open.
    pub fn open(&mut self) -> io::Result<&File> {
        if self.open.is_none() {
            self.open = Some(File::open(&self.path)?);
        }
        Ok(self.open.as_ref().expect("it has just been opened"))
    }

    /// Closes the file; opening it again may find another one under its name.
    pub fn close(&mut self) {
        self.open = None;
    }
}

impl Files {
    /// The log that is written to `current`.
    pub fn of(current: &Path) -> Self {
        Self {
            current: current.to_owned(),
        }
    }

    /// The file that is written.
    pub fn current(&self) -> &Path {
        &self.current
    }

    /// The folder of all of them.
    pub fn folder(&self) -> &Path {
        match self.current.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The name of the full file that begins with record `first`.
    pub fn full(&self, first: u64) -> PathBuf {
        let (stem, extension) = self.name();
        let mut name = stem.to_owned();
        name.push(format!("-{first:0DIGITS$}"));
        name.push(extension);
        self.current.with_file_name(name)
    }

    /// All files, the oldest records first; the one that is written is last, and open.
    ///
    /// It is opened before the others are looked for. So a log that is being written, and may begin another file at any
    /// moment, is seen without a hole: what was in the file before is either in this one or under its new name.
    pub fn parts(&self) -> io::Result<Vec<Part>> {
        let current = match File::open(&self.current) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut parts = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let name = entry?.file_name();
            if let Some(first) = self.first_of(&name) {
                parts.push(Part {
                    path: self.current.with_file_name(name),
                    first: Some(first),
                    open: None,
                });
            }
        }
        parts.sort_by_key(|part| part.first);
        let Some(current) = current else {
            return Ok(parts);
        };
        // It may have got its new name meanwhile.
        let is_current = |part: &Part| {
            let (found, current) = (fs::metadata(&part.path), current.metadata());
            matches!((found, current), (Ok(found), Ok(current))
                if (found.dev(), found.ino()) == (current.dev(), current.ino()))
        };
        if !parts.last().is_some_and(is_current) {
            parts.push(Part {
                path: self.current.clone(),
                first: None,
                open: Some(current),
            });
        }
        Ok(parts)
    }

    /// The first record of the full file called `name`, if it is one of this log.
    fn first_of(&self, name: &OsStr) -> Option<u64> {
        let (stem, extension) = self.name();
        let name = name.as_encoded_bytes();
        let digits = name
            .strip_prefix(stem.as_encoded_bytes())?
            .strip_prefix(b"-")?
            .strip_suffix(extension.as_encoded_bytes())?;
        if digits.len() < DIGITS || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// What the names of full files begin and end with.
    fn name(&self) -> (&OsStr, OsString) {
        let stem = self.current.file_stem().unwrap_or_default();
        let extension = match self.current.extension() {
            Some(extension) => {
                let mut with_dot = OsString::from(".");
                with_dot.push(extension);
                with_dot
            }
            None => OsString::new(),
        };
        (stem, extension)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_found_in_the_order_of_their_records_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["audit.jsonl", "audit", "audit.log.jsonl"] {
            let files = Files::of(&folder.path().join(name));
            let firsts = [2, 900, 1_000_000_000_000, 17];
            for first in firsts {
                fs::write(files.full(first), "").unwrap();
            }
            fs::write(files.current(), "").unwrap();
            for other in ["audit-1.jsonl", "audit-00000000000x.jsonl", "audit-old"] {
                fs::write(folder.path().join(other), "").unwrap();
            }
            let found: Vec<_> = files
                .parts()
                .unwrap()
                .iter()
                .map(|part| part.first)
                .collect();
            let expected = [Some(2), Some(17), Some(900), Some(1_000_000_000_000), None];
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_file_that_gets_its_new_name_while_it_is_opened_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(&folder.path().join("audit.jsonl"));
        fs::write(files.current(), "").unwrap();
        fs::hard_link(files.current(), files.full(1)).unwrap();
        assert_eq!(files.parts().unwrap().len(), 1);
    }
}
