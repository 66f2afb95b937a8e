//! A row of an import: the columns by their names, and the account of a row or what is wrong with it.

use std::{borrow::Cow, fmt};

use super::{
    spreadsheet::{self, Mark},
    table::Fields,
};
use crate::domain::{
    AccountKey, EmailAddress, PasswordHash, PersonName, PlainPassword, UserId, UserType,
    identity::is_disguise,
};

/// A column of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    UserId,
    Type,
    Name,
    Email,
    Password,
    PasswordHash,
}

impl Column {
    const ALL: [Self; 6] = [
        Self::UserId,
        Self::Type,
        Self::Name,
        Self::Email,
        Self::Password,
        Self::PasswordHash,
    ];

    /// The column of this name: `user_id`, `User ID` and `USERID` are one.
    fn named(name: &str) -> Option<Self> {
        let letters = |text: &str| -> String {
            let text = text.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
            text.map(|c| c.to_ascii_lowercase()).collect()
        };
        let named = letters(name);
        Self::ALL
            .into_iter()
            .find(|column| letters(column.as_str()) == named)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::Type => "type",
            Self::Name => "name",
            Self::Email => "email",
            Self::Password => "password",
            Self::PasswordHash => "password_hash",
        }
    }
}

/// Where each column stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    places: [Option<usize>; Column::ALL.len()],
    /// Columns up to the last that has a name.
    width: usize,
}

/// The cells of a row in the header's places.
#[derive(Clone, Copy)]
struct Cells<'a> {
    fields: Fields<'a>,
    /// Where a password hash stands whose commas have made three cells of it.
    split_hash: Option<usize>,
}

impl<'a> Cells<'a> {
    /// The further cells that a password hash becomes when it stands without quotes between commas.
    const OF_SPLIT_HASH: usize = 2;

    fn of(fields: Fields<'a>, hash: Option<usize>) -> Self {
        // `$argon2id$v=19$m=19456`, `t=2`, `p=1$SALT$HASH`: nothing else in a file of accounts looks like that.
        let is_split = |at: usize| {
            let starts = |at, with: &[u8]| fields.get(at).trim_ascii_start().starts_with(with);
            starts(at, b"$argon2") && starts(at + 1, b"t=") && starts(at + 2, b"p=")
        };
        Self {
            fields,
            split_hash: hash.filter(|at| is_split(*at)),
        }
    }

    fn count(self) -> usize {
        match self.split_hash {
            Some(_) => self.fields.count() - Self::OF_SPLIT_HASH,
            None => self.fields.count(),
        }
    }

    fn get(self, place: usize) -> Cow<'a, [u8]> {
        match self.split_hash {
            Some(hash) if place == hash => {
                let parts = [0, 1, 2].map(|part| self.fields.get(hash + part).trim_ascii());
                Cow::Owned(parts.join(&b','))
            }
            Some(hash) if place > hash => self.fields.get(place + Self::OF_SPLIT_HASH).into(),
            _ => self.fields.get(place).into(),
        }
    }

    fn is_blank(self, place: usize) -> bool {
        is_blank(&self.get(place))
    }
}

/// Whether a cell holds nothing that shows.
fn is_blank(cell: &[u8]) -> bool {
    std::str::from_utf8(cell).is_ok_and(|text| {
        text.chars()
            .all(|c| c.is_whitespace() || c == BYTE_ORDER_MARK)
    })
}

/// Some programs put it before every file that they write, also into one that other files are put together in.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub column: Option<Column>,
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "column {}: {}", column.as_str(), self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// A row that can become an account.
#[derive(Debug)]
pub struct Entry {
    pub key: AccountKey,
    pub name: PersonName,
    pub email: EmailAddress,
    pub credential: Credential,
    /// What can be meant as it stands, and looks as if it were not.
    pub suspicions: Vec<Problem>,
}

/// What the account's password is made of.
#[derive(Debug)]
pub enum Credential {
    Password(PlainPassword),
    Hash(PasswordHash),
}

/// How strictly a row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// With the rules for new passwords.
    Judging,
    /// A second time, when the rules are known to hold.
    Taking,
}

impl Header {
    /// Reads the row that names the columns. One without a name is no column of ours, and must be empty in every row.
    pub fn read(fields: Fields<'_>) -> Result<Self, String> {
        let mut places = [None; Column::ALL.len()];
        let mut width = 0;
        for at in 0..fields.count() {
            let cell = fields.get(at);
            if is_blank(cell) {
                continue;
            }
            let Ok(name) = std::str::from_utf8(cell) else {
                return Err(NO_UTF_8.to_owned());
            };
            let name = name.trim_start_matches(BYTE_ORDER_MARK).trim();
            let (name, _) = spreadsheet::unmarked(name);
            let Some(column) = Column::named(name) else {
                let shown: String = name.chars().take(40).collect();
                return Err(format!(
                    "there is no column {shown:?}; the first line names user_id, type, name, email and password or \
                     password_hash, in any order"
                ));
            };
            width = at + 1;
            if places[column as usize].replace(at).is_some() {
                return Err(format!("the column {} stands there twice", column.as_str()));
            }
        }
        let has = |column: Column| places[column as usize].is_some();
        let needed = [Column::UserId, Column::Type, Column::Name, Column::Email];
        if let Some(missing) = needed.into_iter().find(|column| !has(*column)) {
            return Err(format!(
                "the column {} is missing; the first line names user_id, type, name, email and password or \
                 password_hash, in any order",
                missing.as_str()
            ));
        }
        if !has(Column::Password) && !has(Column::PasswordHash) {
            return Err("a column password or password_hash is missing in the first line".into());
        }
        Ok(Self { places, width })
    }

    /// The account of a row, or everything that is wrong with it.
    pub fn entry(&self, fields: Fields<'_>, reading: Reading) -> Result<Entry, Vec<Problem>> {
        let cells = Cells::of(fields, self.place(Column::PasswordHash));
        if let Some(problem) = self.misplaced(cells) {
            return Err(vec![problem]);
        }
        let mut problems = Vec::new();
        let mut suspicions = Vec::new();
        let user_id = self.parse(cells, Column::UserId, &mut problems, |text| {
            suspect(Column::UserId, text, &mut suspicions);
            read_user_id(text)
        });
        let user_type = self.parse(cells, Column::Type, &mut problems, str::parse::<UserType>);
        let name = self.parse(cells, Column::Name, &mut problems, PersonName::parse);
        let email = self.parse(cells, Column::Email, &mut problems, read_email);
        let context = [
            user_id.as_ref().map_or("", UserId::as_str),
            name.as_ref().map_or("", PersonName::as_str),
            email.as_ref().map_or("", EmailAddress::as_str),
        ];
        let credential = self.credential(cells, &context, reading, &mut problems, &mut suspicions);
        match (user_id, user_type, name, email, credential) {
            (Some(user_id), Some(user_type), Some(name), Some(email), Some(credential)) => {
                Ok(Entry {
                    key: AccountKey::new(user_type, user_id),
                    name,
                    email,
                    credential,
                    suspicions,
                })
            }
            _ => Err(problems),
        }
    }

    /// What makes the row's cells stand under other names than they belong to.
    fn misplaced(&self, cells: Cells<'_>) -> Option<Problem> {
        let is_named = |place: usize| self.places.contains(&Some(place));
        let mut nameless = (0..cells.count()).filter(|place| !is_named(*place));
        let filled = nameless.find(|place| !cells.is_blank(*place));
        // Programs leave out empty cells at the end of a row; only those that may be empty can be missing.
        let needed = [Column::UserId, Column::Type, Column::Name, Column::Email];
        let is_missing = |column: &Column| self.place(*column) >= Some(cells.count());
        if filled.is_none() && !needed.iter().any(is_missing) {
            return None;
        }
        let (count, width) = (cells.count(), self.width);
        let why = match filled {
            Some(place) if place < width => {
                format!(
                    "there is something in the cell {}, whose column has no name",
                    place + 1
                )
            }
            Some(_) => format!(
                "the row has {count} columns, the first line {width}; a value that holds the separator stands in quotes"
            ),
            None => format!("the row has {count} columns, the first line {width}"),
        };
        Some(Problem { column: None, why })
    }

    fn credential(
        &self,
        cells: Cells<'_>,
        context: &[&str],
        reading: Reading,
        problems: &mut Vec<Problem>,
        suspicions: &mut Vec<Problem>,
    ) -> Option<Credential> {
        let given = |column| match column {
            // A password is as it stands: one of spaces alone is refused, and is not taken for none.
            Column::Password => !self.bytes(cells, column).is_empty(),
            _ => !is_blank(&self.bytes(cells, column)),
        };
        let problem = match (given(Column::Password), given(Column::PasswordHash)) {
            (true, true) => "password and password_hash are both given; one of them must be empty",
            (false, false) => "neither password nor password_hash is given",
            (false, true) => {
                let hash = self.parse(cells, Column::PasswordHash, problems, PasswordHash::parse);
                return hash.map(Credential::Hash);
            }
            (true, false) => {
                let password = self.parse(cells, Column::Password, problems, |text| {
                    suspect(Column::Password, text, suspicions);
                    match (reading, PlainPassword::typed(text)) {
                        (Reading::Taking, Some(password)) => Ok(password),
                        _ => read_password(text, context),
                    }
                });
                return password.map(Credential::Password);
            }
        };
        problems.push(Problem {
            column: None,
            why: problem.into(),
        });
        None
    }

    fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    fn bytes<'a>(&self, cells: Cells<'a>, column: Column) -> Cow<'a, [u8]> {
        match self.place(column) {
            Some(place) => cells.get(place),
            None => Cow::Borrowed(&[]),
        }
    }

    /// What a cell holds, read by `parse` without the marks around it; else `problems` has one more.
    fn parse<T, E: fmt::Display>(
        &self,
        cells: Cells<'_>,
        column: Column,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let cell = self.bytes(cells, column);
        let parsed = match std::str::from_utf8(&cell) {
            Ok(text) => meant(column, text)
                .map_err(str::to_owned)
                .and_then(|text| parse(text).map_err(|error| unseen_too(column, text, &error))),
            Err(_) => Err(NO_UTF_8.to_owned()),
        };
        match parsed {
            Ok(value) => Some(value),
            Err(why) => {
                let column = Some(column);
                problems.push(Problem { column, why });
                None
            }
        }
    }
}

/// How to save a file that is not in UTF-8.
const NO_UTF_8: &str = "it is not UTF-8 text, as if saved in a code page of Windows (1252); save the file as \"CSV UTF-8\"";

/// The text of a cell without what programs put around it, where that can be told from what was meant.
fn meant(column: Column, text: &str) -> Result<&str, &'static str> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    // A password is as it stands: so it will be typed.
    if column == Column::Password {
        return match spreadsheet::unmarked(text) {
            (_, Mark::Formula) => {
                Err("it looks like a spreadsheet's mark for text, =\"…\"; write the password alone")
            }
            _ => Ok(text),
        };
    }
    let text = text.trim();
    if let Some(why) = spreadsheet::ruined(text) {
        return Err(why);
    }
    Ok(match spreadsheet::unmarked(text) {
        (inner, Mark::Formula) => inner.trim(),
        // A name may begin with one ('Aisyiyah); an address may too, and means it hardly ever.
        (inner, Mark::Apostrophe) if column != Column::Name && column != Column::Email => {
            inner.trim()
        }
        _ => text,
    })
}

/// What is said of a text that was refused. What its reader cannot see in it is named, but of a password nothing is.
fn unseen_too(column: Column, text: &str, error: &impl fmt::Display) -> String {
    let unseen = text.chars().find(|c| !c.is_control() && is_disguise(*c));
    match unseen {
        Some(unseen) if column != Column::Password => {
            format!(
                "{error}; it contains U+{:04X}, which does not show",
                u32::from(unseen)
            )
        }
        _ => error.to_string(),
    }
}

fn read_user_id(text: &str) -> Result<UserId, String> {
    UserId::parse(text).map_err(|error| match spreadsheet::is_date(text) {
        true => format!(
            "{error}; a spreadsheet seems to have made a date of it: format the column as text and enter it again"
        ),
        false => error.to_string(),
    })
}

fn read_email(text: &str) -> Result<EmailAddress, String> {
    match spreadsheet::unmarked(text) {
        (_, Mark::Apostrophe) => {
            Err("it begins with an apostrophe, a spreadsheet's mark for text; take it away".into())
        }
        _ => EmailAddress::parse(text).map_err(|error| error.to_string()),
    }
}

fn read_password(text: &str, context: &[&str]) -> Result<PlainPassword, String> {
    match spreadsheet::ruined(text) {
        Some(why) => Err(why.to_owned()),
        None => PlainPassword::handed(text, context).map_err(|error| error.to_string()),
    }
}

/// Notes what looks as if something had been made of it.
fn suspect(column: Column, text: &str, suspicions: &mut Vec<Problem>) {
    let mark = match (column, spreadsheet::unmarked(text)) {
        (Column::Password, (_, Mark::Apostrophe)) => Some(
            "it begins with an apostrophe; if a spreadsheet has put that there, its owner will not get in with it",
        ),
        _ => None,
    };
    suspicions.extend(mark.or(spreadsheet::suspicion(text)).map(|why| Problem {
        column: Some(column),
        why: why.to_owned(),
    }));
}
