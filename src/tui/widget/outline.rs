//! The outline of a screen: what stands on it in reading order, as data, for whoever does not see it.
//!
//! A sheet that is asked for its outline writes it while it is written, so that the two cannot tell different things.
//! Nothing secret stands in it: neither what is typed into a secret's field or a code's, nor what is shown once.

use std::fmt;

/// One thing on a screen. Where it is an item of a form, it says whether the focus is on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Heading(String),
    Text(String),
    /// A name and its value.
    Pair {
        name: String,
        value: String,
    },
    Field {
        label: String,
        state: FieldState,
        focused: bool,
    },
    /// A few choices of which one is made.
    Choices {
        label: String,
        choices: Vec<String>,
        chosen: usize,
        focused: bool,
    },
    /// One of a few choices below each other, with what is said of it.
    Choice {
        label: String,
        chosen: bool,
        aside: String,
        focused: bool,
    },
    /// What is on or off, with what is said of it.
    Switch {
        label: String,
        on: bool,
        aside: String,
        focused: bool,
    },
    /// A line of a menu.
    Entry {
        label: String,
        focused: bool,
    },
    Button {
        label: String,
        focused: bool,
    },
    Link {
        label: String,
        focused: bool,
    },
    /// The heads of a table's columns; its rows follow, all of them, however few the terminal shows.
    Heads(Vec<String>),
    Row {
        cells: Vec<String>,
        focused: bool,
    },
    Success(String),
    Error(String),
    /// Something is going on.
    Working(String),
    /// Something secret is shown here, which no outline holds.
    Secret,
    /// A picture that has to be seen.
    Picture,
}

impl Part {
    /// What the words begin with at which the focus is; empty where that is what somebody has typed. `None`: the focus is
    /// elsewhere.
    pub fn focused_words(&self) -> Option<&str> {
        match self {
            Self::Field { focused: true, .. } => Some(""),
            Self::Choices {
                choices,
                chosen,
                focused: true,
                ..
            } => choices.get(*chosen).map(String::as_str),
            Self::Choice {
                label,
                focused: true,
                ..
            }
            | Self::Switch {
                label,
                focused: true,
                ..
            }
            | Self::Entry {
                label,
                focused: true,
            }
            | Self::Button {
                label,
                focused: true,
            }
            | Self::Link {
                label,
                focused: true,
            } => Some(label),
            Self::Row {
                cells,
                focused: true,
            } => cells.first().map(String::as_str),
            _ => None,
        }
    }
}

/// What stands in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldState {
    Text(String),
    /// So many letters of a secret.
    Secret(usize),
    /// So many digits of a code.
    Code(usize),
}

/// A part in one line, as tests and people who review them read it.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |focused: bool| if focused { " *" } else { "" };
        let said = |aside: &str| match aside {
            "" => String::new(),
            aside => format!(", {aside}"),
        };
        match self {
            Self::Heading(text) => write!(f, "heading: {text}"),
            Self::Text(text) => write!(f, "text: {text}"),
            Self::Pair { name, value } => write!(f, "pair: {name} = {value}"),
            Self::Field {
                label,
                state,
                focused,
            } => write!(f, "field{}: {label} = {state}", mark(*focused)),
            Self::Choices {
                label,
                choices,
                chosen,
                focused,
            } => {
                write!(f, "choices{}: {label} =", mark(*focused))?;
                for (number, choice) in choices.iter().enumerate() {
                    let sign = if number == *chosen { "(x)" } else { "( )" };
                    write!(f, " {sign} {choice}")?;
                }
                Ok(())
            }
            Self::Choice {
                label,
                chosen,
                aside,
                focused,
            } => {
                let sign = if *chosen { "(x)" } else { "( )" };
                write!(f, "choice{}: {sign} {label}{}", mark(*focused), said(aside))
            }
            Self::Switch {
                label,
                on,
                aside,
                focused,
            } => {
                let sign = if *on { "on" } else { "off" };
                write!(
                    f,
                    "switch{}: {label} = {sign}{}",
                    mark(*focused),
                    said(aside)
                )
            }
            Self::Entry { label, focused } => write!(f, "entry{}: {label}", mark(*focused)),
            Self::Button { label, focused } => write!(f, "button{}: {label}", mark(*focused)),
            Self::Link { label, focused } => write!(f, "link{}: {label}", mark(*focused)),
            Self::Heads(heads) => write!(f, "heads: {}", heads.join(" | ")),
            Self::Row { cells, focused } => {
                write!(f, "row{}: {}", mark(*focused), cells.join(" | "))
            }
            Self::Success(text) => write!(f, "success: {text}"),
            Self::Error(text) => write!(f, "error: {text}"),
            Self::Working(text) => write!(f, "working: {text}"),
            Self::Secret => f.write_str("(a secret)"),
            Self::Picture => f.write_str("(a picture)"),
        }
    }
}

impl fmt::Display for FieldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Secret(letters) => write!(f, "{letters} letters of a secret"),
            Self::Code(digits) => write!(f, "{digits} digits of a code"),
        }
    }
}
