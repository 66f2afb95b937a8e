//! Errors of the configuration, with the place and what is allowed there.

use super::origin::Origin;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{place}: {setting} = {value} is not allowed{because}; it may be {allowed}")]
    Value {
        place: String,
        setting: String,
        value: String,
        because: String,
        allowed: &'static str,
    },
    #[error("{place}: {setting} = {value} is not {wanted}; it may be {allowed}")]
    Form {
        place: String,
        setting: String,
        value: String,
        wanted: &'static str,
        allowed: &'static str,
    },
    #[error("{place}: there is no setting {setting}; {hint}")]
    Unknown {
        place: String,
        setting: String,
        hint: String,
    },
    #[error("{one} and {other} both name the data folder; keep one of them")]
    Twice { one: String, other: String },
    #[error("{place}: {what}")]
    Syntax { place: String, what: String },
    #[error(
        "[kiosk] warning_seconds = {warning} ({warning_from}) must be less than idle_seconds = {idle} ({idle_from})"
    )]
    WarningTooLong {
        warning: u64,
        warning_from: Origin,
        idle: u64,
        idle_from: Origin,
    },
    /// Settings that each make sense, and not together.
    #[error("{0}")]
    Together(String),
    /// What a theme file says cannot be read on a screen.
    #[error("{place}: {what}")]
    Colours { place: String, what: String },
    #[error("the {what} {file} cannot be read: {why}")]
    Unreadable {
        what: &'static str,
        file: String,
        why: String,
    },
    #[error("the {what} {file} may not be read by this user: {cure}")]
    Closed {
        what: &'static str,
        file: String,
        cure: String,
    },
    #[error("the {what} {file} does not exist; {named_by} names it")]
    Missing {
        what: &'static str,
        file: String,
        named_by: String,
    },
    #[error(
        "the {what} {file} can be changed by everybody on this machine; make it safe: chmod o-w {file}"
    )]
    Writable { what: &'static str, file: String },
    #[error("there is no home folder to keep data in: name one with --data (or set HOME)")]
    NoHome,
    #[error(
        "the master key file {key} lies inside the data folder {data}, beside what it protects: whoever copies the \
         folder would have both; name another place with --master-key-file"
    )]
    KeyBesideData { key: String, data: String },
}
