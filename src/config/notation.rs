//! Notations of settings: how a value is written, which values are allowed, and in which words the others are refused.

use std::{fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use crate::domain::{identity::is_disguise, network::Networks};

/// How a setting is written in a TOML file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
}

/// How a value of type `V` is written in a file, in a variable, and in what `lpse-kiosk config` shows.
pub(super) struct Notation<V> {
    pub kind: Kind,
    /// What is allowed, in words.
    pub allowed: String,
    pub read: Read<V>,
    pub show: Box<dyn Fn(&V) -> String + Send + Sync>,
    /// Why a number below the least is not allowed, and one above the most; empty where that says itself.
    pub below: &'static str,
    pub above: &'static str,
}

/// What a text says, or why it says nothing that is allowed.
type Read<V> = Box<dyn Fn(&str) -> Result<V, Refusal> + Send + Sync>;

/// Why a value was not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What is allowed says all.
    Form,
    Because(&'static str),
    TooSmall,
    TooLarge,
}

/// Why nobody is given less time.
pub(super) const TOO_HASTY: &str = "nobody can read and type so fast";

impl<V> Notation<V> {
    fn new(
        kind: Kind,
        allowed: impl Into<String>,
        read: impl Fn(&str) -> Result<V, Refusal> + Send + Sync + 'static,
        show: impl Fn(&V) -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            allowed: allowed.into(),
            read: Box::new(read),
            show: Box::new(show),
            below: "",
            above: "",
        }
    }

    /// Why a number below the range is not allowed.
    pub fn below(self, below: &'static str) -> Self {
        Self { below, ..self }
    }

    /// Why a number above the range is not allowed.
    pub fn above(self, above: &'static str) -> Self {
        Self { above, ..self }
    }

    /// With one more thing that is asked of a value, where it is known only together with others.
    pub fn and(mut self, also: &str) -> Self {
        self.allowed.push_str(", and ");
        self.allowed.push_str(also);
        self
    }
}

/// A whole number within `range`, its ends included.
pub(super) fn number<N>(range: RangeInclusive<N>) -> Notation<N>
where
    N: FromStr + PartialOrd + Display + Send + Sync + 'static,
{
    let allowed = format!("{} to {}", range.start(), range.end());
    let read = move |text: &str| {
        let number: N = text.parse().map_err(|_| Refusal::Form)?;
        if number < *range.start() {
            Err(Refusal::TooSmall)
        } else if number > *range.end() {
            Err(Refusal::TooLarge)
        } else {
            Ok(number)
        }
    };
    Notation::new(Kind::Number, allowed, read, N::to_string)
}

/// A time in whole seconds.
pub(super) fn seconds(range: RangeInclusive<u64>) -> Notation<Duration> {
    time(range, 1)
}

/// A time in whole minutes.
pub(super) fn minutes(range: RangeInclusive<u64>) -> Notation<Duration> {
    time(range, 60)
}

fn time(range: RangeInclusive<u64>, unit: u64) -> Notation<Duration> {
    let Notation { allowed, read, .. } = number(range);
    let read = move |text: &str| read(text).map(|count| Duration::from_secs(unit * count));
    let show = move |time: &Duration| (time.as_secs() / unit).to_string();
    Notation::new(Kind::Number, allowed, read, show)
}

/// One of a few words, or whatever else is read and written by its type alone.
pub(super) fn word<V: FromStr + Display + 'static>(allowed: &str) -> Notation<V> {
    text(allowed, |text| text.parse().map_err(|_| Refusal::Form))
}

/// A text that `read` makes something of.
pub(super) fn text<V: Display + 'static>(
    allowed: &str,
    read: impl Fn(&str) -> Result<V, Refusal> + Send + Sync + 'static,
) -> Notation<V> {
    Notation::new(Kind::Text, allowed, read, V::to_string)
}

/// Several of a kind, commas between them.
pub(super) fn list<V: Display + 'static>(
    allowed: &str,
    read: impl Fn(&str) -> Option<Vec<V>> + Send + Sync + 'static,
) -> Notation<Vec<V>> {
    let read = move |text: &str| read(text).ok_or(Refusal::Form);
    let show = |list: &Vec<V>| {
        let shown: Vec<String> = list.iter().map(V::to_string).collect();
        shown.join(", ")
    };
    Notation::new(Kind::Text, allowed, read, show)
}

/// Addresses and networks; none where nothing is written.
pub(super) fn networks() -> Notation<Networks> {
    text(
        "addresses and networks with commas between them, such as 10.0.0.5, 10.0.0.0/28, fd00::/8",
        |text| Networks::parse(text).map_err(Refusal::Because),
    )
}

/// A line of so many characters at most.
pub(super) fn line(longest: usize) -> Notation<String> {
    let allowed = format!("1 to {longest} characters");
    text(&allowed, move |text| one_line(text, longest))
}

/// A host name or an address: nothing that could be taken for more than that.
pub(super) fn host() -> Notation<String> {
    text("a host name or address", |text| {
        let text = one_line(text, LONGEST_HOST)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        let is_host = text.chars().all(allowed);
        is_host.then_some(text).ok_or(Refusal::Form)
    })
}

/// A domain name has no more characters (RFC 1035 section 2.3.4).
pub(super) const LONGEST_HOST: usize = 253;

/// One line for a screen or a log: nothing that moves a cursor or hides.
pub(super) fn one_line(text: &str, longest: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.chars().any(is_disguise) {
        return Err(Refusal::Because(
            "it contains control or text-direction characters",
        ));
    }
    if text.is_empty() || text.chars().count() > longest {
        return Err(Refusal::Form);
    }
    Ok(text.to_owned())
}

/// The absolute path of a file or folder.
pub(super) fn path() -> Notation<PathBuf> {
    let read = |text: &str| {
        let path = PathBuf::from(text);
        if path.is_absolute() && !text.contains('\0') {
            Ok(path)
        } else {
            Err(Refusal::Because(
                "where it leads would depend on where the program is started",
            ))
        }
    };
    let show = |path: &PathBuf| path.display().to_string();
    Notation::new(Kind::Text, "an absolute path", read, show)
}
