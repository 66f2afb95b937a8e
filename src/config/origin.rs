//! The origin of a setting: a file, a variable, a flag, a credential.

use std::{fmt, path::PathBuf};

/// What set a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Variable(String),
    Flag(&'static str),
    Credential(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::Credential(name) => write!(f, "systemd credential {name}"),
        }
    }
}

/// What set each setting that is not at its default.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<(&'static str, &'static str, Origin)>);

impl Origins {
    /// What set the setting `name` of `section`.
    pub fn of(&self, section: &str, name: &str) -> Origin {
        // The last word is the one in force.
        let mut noted = self.0.iter().rev();
        noted
            .find(|(in_section, called, _)| (*in_section, *called) == (section, name))
            .map_or(Origin::Default, |(_, _, origin)| origin.clone())
    }

    pub(super) fn note(&mut self, section: &'static str, name: &'static str, origin: Origin) {
        self.0.push((section, name, origin));
    }
}
