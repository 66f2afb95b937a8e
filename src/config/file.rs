//! A file that settings stand in: read whole and only where it is safe, and what refusals tell of it.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use toml::de::DeTable;

use super::error::ConfigError;
use crate::domain::identity::is_disguise;

/// Such a file is a page or two; what is larger is something else.
const LARGEST_FILE: u64 = 1024 * 1024;

/// What a refusal shows of a value.
const SHOWN_CHARS: usize = 60;

/// A kind of file that settings stand in: what it is called, and how somebody names another one.
#[derive(Debug, Clone, Copy)]
pub struct FileKind {
    pub what: &'static str,
    another: &'static str,
}

pub const CONFIGURATION: FileKind = FileKind {
    what: "configuration file",
    another: "name a file of your own with --config",
};

pub const THEME: FileKind = FileKind {
    what: "theme file",
    another: "name another one in [kiosk] theme",
};

/// Reads a file of settings whole. `Ok(None)`: there is no file of this name.
pub fn read(path: &Path, kind: FileKind) -> Result<Option<String>, ConfigError> {
    let what = kind.what;
    let name = || path.display().to_string();
    let unreadable = |why: String| ConfigError::Unreadable {
        what,
        file: name(),
        why,
    };
    let failed = |error: io::Error| unreadable(error.to_string());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(ConfigError::Closed {
                what,
                file: name(),
                cure: cure_of_closed(path, kind),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o002 != 0 {
        return Err(ConfigError::Writable { what, file: name() });
    }
    let mut text = String::new();
    file.take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(unreadable("it is larger than 1 MiB".into()));
    }
    Ok(Some(text))
}

/// What to do where the file at `path` may not be read: whether it exists at all does not show in a folder that may not
/// be entered.
fn cure_of_closed(path: &Path, kind: FileKind) -> String {
    let another = kind.another;
    let closed = path
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
        .find(|above| above.metadata().is_ok());
    match (path.symlink_metadata(), closed) {
        (Err(_), Some(folder)) => format!(
            "its folder is not for everybody to enter; its owner can open it (chmod a+x {}), or {another}",
            folder.display()
        ),
        _ => format!("run this as a user who may read it, or {another}"),
    }
}

/// The place of byte `at` in the text of the file at `path`, as refusals tell it.
pub fn place_in(path: &Path, text: &str, at: usize) -> String {
    format!("{}, line {}", path.display(), line_of(text, at))
}

pub fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The table that the text of the file at `path` is.
pub fn table<'a>(path: &Path, text: &'a str) -> Result<DeTable<'a>, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        place: place_in(path, text, error.span().map_or(0, |span| span.start)),
        what: error.message().to_owned(),
    })?;
    Ok(table.into_inner())
}

/// A value as it was written, bounded, and harmless on a terminal.
pub fn shown(written: &str) -> String {
    let mut shown: String = written
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(|c| -> Vec<char> {
            if is_disguise(c) {
                c.escape_default().collect()
            } else {
                vec![c]
            }
        })
        .collect();
    if written.chars().count() > SHOWN_CHARS {
        shown.push('…');
    }
    shown
}

/// The candidate that holds the name whole, or else takes the fewest single-character changes. A forgotten section is
/// the likeliest mistake in a variable's name, and many changes long.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = name.strip_prefix("LPSE_KIOSK_").unwrap_or(name);
    let name: Vec<char> = name.chars().take(80).collect();
    candidates.min_by_key(|candidate| {
        let apart = !candidate.contains(plain);
        (apart, edit_distance(&name, candidate))
    })
}

/// Levenshtein's distance, by its usual two rows.
fn edit_distance(one: &[char], other: &str) -> usize {
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (typed, c) in other.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = typed + 1;
        for (at, one) in one.iter().enumerate() {
            let replaced = diagonal + usize::from(*one != c);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[one.len()]
}
