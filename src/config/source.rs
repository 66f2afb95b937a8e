//! The sources of settings: the TOML file and the environment, read into a draft, each with its origin.
//!
//! What is unknown or not allowed is refused with its place; nothing is guessed and nothing is skipped.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use toml::de::DeValue;

use super::{
    declaration::Setting,
    draft::Draft,
    error::ConfigError,
    file::{self, line_of, nearest, place_in, shown},
    notation::Kind,
    origin::Origin,
    setting::SETTINGS,
};

/// The configuration file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "/etc/lpse-kiosk/config.toml";

/// The variable that names the configuration file, as `--config` does.
pub const FILE_VARIABLE: &str = "LPSE_KIOSK_CONFIG";

/// The variable that names the data folder, as `--data` does.
pub const DATA_VARIABLE: &str = "LPSE_KIOSK_DATA";

/// The environment, by name.
pub type Environment = BTreeMap<OsString, OsString>;

impl Draft {
    /// Takes over what the text of the file at `path` sets.
    pub(super) fn take_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let place = |at: usize| place_in(path, text, at);
        for (section, value) in &file::table(path, text)? {
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
                    line: line_of(text, at),
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
