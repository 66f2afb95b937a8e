//! The sources of settings: the TOML file and the environment, read into a draft, each with its origin.
//!
//! What is unknown or not allowed is refused with its place; nothing is guessed and nothing is skipped.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use toml::de::{DeTable, DeValue};

use super::{
    declaration::Setting, draft::Draft, error::ConfigError, notation::Kind, origin::Origin,
    setting::SETTINGS,
};

/// A configuration file is a page or two; what is larger is something else.
const LARGEST_FILE: u64 = 1024 * 1024;

/// What a refusal shows of a value.
const SHOWN_CHARS: usize = 60;

/// The configuration file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "/etc/lpse-kiosk/config.toml";

/// The variable that names the configuration file, as `--config` does.
pub const FILE_VARIABLE: &str = "LPSE_KIOSK_CONFIG";

/// The variable that names the data folder, as `--data` does.
pub const DATA_VARIABLE: &str = "LPSE_KIOSK_DATA";

/// The environment, by name.
pub type Environment = BTreeMap<OsString, OsString>;

/// Reads a configuration file whole. `Ok(None)`: there is no file of this name.
pub fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let failed =
        |error: io::Error| ConfigError::Unreadable(path.display().to_string(), error.to_string());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(ConfigError::Closed {
                file: path.display().to_string(),
                cure: cure_of_closed(path),
            });
        }
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o002 != 0 {
        return Err(ConfigError::Writable(path.display().to_string()));
    }
    let mut text = String::new();
    file.take(LARGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(ConfigError::Unreadable(
            path.display().to_string(),
            "it is larger than 1 MiB".into(),
        ));
    }
    Ok(Some(text))
}

/// What to do where the file at `path` may not be read: whether it exists at all does not show in a folder that may not
/// be entered.
fn cure_of_closed(path: &Path) -> String {
    let own = "name a file of your own with --config";
    let closed = path
        .ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
        .find(|above| above.metadata().is_ok());
    match (path.symlink_metadata(), closed) {
        (Err(_), Some(folder)) => format!(
            "its folder is not for everybody to enter; its owner can open it (chmod a+x {}), or {own}",
            folder.display()
        ),
        _ => format!("run this as a user who may read it, or {own}"),
    }
}

impl Draft {
    /// Takes over what the text of the file at `path` sets.
    pub(super) fn take_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let line_of = |at: usize| {
            let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
            before.iter().filter(|byte| **byte == b'\n').count() + 1
        };
        let place = |at: usize| format!("{}, line {}", path.display(), line_of(at));
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            place: place(error.span().map_or(0, |span| span.start)),
            what: error.message().to_owned(),
        })?;
        for (section, value) in table.get_ref() {
            let at = section.span().start;
            let DeValue::Table(settings) = value.get_ref() else {
                return Err(unknown(place(at), section.get_ref(), None));
            };
            if settings.is_empty() && !is_section(section.get_ref()) {
                return Err(unknown(place(at), section.get_ref(), None));
            }
            for (name, value) in settings {
                let at = name.span().start;
                let setting = find(section.get_ref(), name.get_ref())
                    .ok_or_else(|| unknown(place(at), section.get_ref(), Some(name.get_ref())))?;
                let written = shown(text.get(value.span()).unwrap_or_default());
                let plain = match (value.get_ref(), setting.kind) {
                    (DeValue::String(text), Kind::Text) => text.to_string(),
                    (DeValue::Integer(number), Kind::Number) => {
                        i64::from_str_radix(number.as_str(), number.radix())
                            .map_or_else(|_| number.to_string(), |number| number.to_string())
                    }
                    (_, Kind::Text) => {
                        return Err(ConfigError::Form {
                            place: place(at),
                            setting: setting.to_string(),
                            value: written,
                            wanted: "text in quotes",
                            allowed: &setting.allowed,
                        });
                    }
                    (_, Kind::Number) => {
                        return Err(ConfigError::Form {
                            place: place(at),
                            setting: setting.to_string(),
                            value: written,
                            wanted: "a whole number without quotes",
                            allowed: &setting.allowed,
                        });
                    }
                };
                let origin = Origin::File {
                    path: path.to_owned(),
                    line: line_of(at),
                };
                self.take(setting, &plain, origin, || {
                    (place(at), setting.to_string(), written)
                })?;
            }
        }
        Ok(())
    }

    /// Takes over what `LPSE_KIOSK_*` variables set. An unknown one is refused: it is a mistyped setting.
    pub(super) fn take_environment(
        &mut self,
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        let mut data_named_by: Option<&str> = None;
        for (name, value) in environment {
            let lossy = name.to_string_lossy();
            if !lossy.starts_with("LPSE_KIOSK_") || lossy == FILE_VARIABLE {
                continue;
            }
            let variable = name.to_str().unwrap_or_default();
            let setting = match variable {
                DATA_VARIABLE => find("store", "data"),
                _ => SETTINGS.iter().find(|s| s.variable() == variable),
            };
            let place = || "the environment".to_owned();
            let Some(setting) = setting else {
                return Err(ConfigError::Unknown {
                    place: place(),
                    setting: shown(&lossy),
                    hint: format!("the nearest is {}", nearest_variable(&lossy)),
                });
            };
            if (setting.section, setting.name) == ("store", "data") {
                if let Some(other) = data_named_by {
                    return Err(ConfigError::Twice {
                        one: other.to_owned(),
                        other: variable.to_owned(),
                    });
                }
                data_named_by = Some(variable);
            }
            let Some(value) = value.to_str() else {
                return Err(ConfigError::Form {
                    place: place(),
                    setting: variable.to_owned(),
                    value: shown(&value.to_string_lossy()),
                    wanted: "text in UTF-8",
                    allowed: &setting.allowed,
                });
            };
            let origin = Origin::Variable(variable.to_owned());
            self.take(setting, value, origin, || {
                (place(), variable.to_owned(), shown(&format!("{value:?}")))
            })?;
        }
        Ok(())
    }

    /// Takes one value over, or refuses it with `place`, setting and value as they were written.
    fn take(
        &mut self,
        setting: &'static Setting,
        value: &str,
        origin: Origin,
        written: impl FnOnce() -> (String, String, String),
    ) -> Result<(), ConfigError> {
        setting.set(&mut self.config, value).map_err(|why| {
            let (place, name, value) = written();
            ConfigError::Value {
                place,
                setting: name,
                value,
                because: match why {
                    "" => String::new(),
                    why => format!(" ({why})"),
                },
                allowed: &setting.allowed,
            }
        })?;
        self.origins.note(setting.section, setting.name, origin);
        Ok(())
    }
}

/// The setting `name` of `section`.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.section == section && setting.name == name)
}

fn is_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.section == name)
}

/// A value as it was written, bounded, and harmless on a terminal.
fn shown(written: &str) -> String {
    let mut shown: String = written
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(|c| -> Vec<char> {
            if crate::domain::identity::is_disguise(c) {
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

fn unknown(place: String, section: &str, name: Option<&str>) -> ConfigError {
    let setting = match name {
        Some(name) => format!("[{}] {}", shown(section), shown(name)),
        None => shown(section),
    };
    let of_section: Vec<_> = SETTINGS
        .iter()
        .filter(|setting| setting.section == section)
        .map(|setting| setting.name)
        .collect();
    let hint = match name {
        Some(name) if !of_section.is_empty() => {
            let near = nearest(name, of_section.iter().copied()).unwrap_or_default();
            format!(
                "the nearest is {near}; [{section}] has {}",
                of_section.join(", ")
            )
        }
        _ => {
            let mut sections: Vec<_> = SETTINGS.iter().map(|setting| setting.section).collect();
            sections.dedup();
            format!("settings stand in the sections [{}]", sections.join("], ["))
        }
    };
    ConfigError::Unknown {
        place,
        setting,
        hint,
    }
}

fn nearest_variable(name: &str) -> String {
    let mut names: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    names.extend([FILE_VARIABLE.to_owned(), DATA_VARIABLE.to_owned()]);
    nearest(name, names.iter().map(String::as_str))
        .unwrap_or_default()
        .to_owned()
}

/// The candidate that holds the name whole, or else takes the fewest single-character changes. A forgotten section is
/// the likeliest mistake in a variable's name, and many changes long.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
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
