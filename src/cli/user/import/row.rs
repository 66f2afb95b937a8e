//! What a row of an import means: the columns by their names, and the account of a row or what is wrong with it.

use std::fmt;

use super::table::Fields;
use crate::domain::{
    AccountKey, EmailAddress, PasswordHash, PersonName, PlainPassword, UserId, UserType,
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
    width: usize,
}

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
    /// Reads the file's first row.
    pub fn read(fields: Fields<'_>) -> Result<Self, String> {
        let mut places = [None; Column::ALL.len()];
        for at in 0..fields.count() {
            let name = String::from_utf8_lossy(fields.get(at));
            let name = name.trim();
            let Some(column) = Column::ALL
                .into_iter()
                .find(|column| column.as_str().eq_ignore_ascii_case(name))
            else {
                let shown: String = name.chars().take(40).collect();
                return Err(format!(
                    "there is no column {shown:?}; the first line names user_id, type, name, email and password or \
                     password_hash, in any order"
                ));
            };
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
        Ok(Self {
            places,
            width: fields.count(),
        })
    }

    /// The account of a row, or everything that is wrong with it.
    pub fn entry(&self, fields: Fields<'_>, reading: Reading) -> Result<Entry, Vec<Problem>> {
        if fields.count() != self.width {
            return Err(vec![Problem {
                column: None,
                why: format!(
                    "the row has {} columns, the first line {}",
                    fields.count(),
                    self.width
                ),
            }]);
        }
        let mut problems = Vec::new();
        let user_id = self.parse(fields, Column::UserId, &mut problems, UserId::parse);
        let user_type = self.parse(fields, Column::Type, &mut problems, str::parse::<UserType>);
        let name = self.parse(fields, Column::Name, &mut problems, PersonName::parse);
        let email = self.parse(fields, Column::Email, &mut problems, EmailAddress::parse);
        let context = [
            user_id.as_ref().map_or("", UserId::as_str),
            name.as_ref().map_or("", PersonName::as_str),
            email.as_ref().map_or("", EmailAddress::as_str),
        ];
        let credential = self.credential(fields, &context, reading, &mut problems);
        match (user_id, user_type, name, email, credential) {
            (Some(user_id), Some(user_type), Some(name), Some(email), Some(credential)) => {
                Ok(Entry {
                    key: AccountKey::new(user_type, user_id),
                    name,
                    email,
                    credential,
                })
            }
            _ => Err(problems),
        }
    }

    fn credential(
        &self,
        fields: Fields<'_>,
        context: &[&str],
        reading: Reading,
        problems: &mut Vec<Problem>,
    ) -> Option<Credential> {
        let given = |column| !self.bytes(fields, column).is_empty();
        let problem = match (given(Column::Password), given(Column::PasswordHash)) {
            (true, true) => "password and password_hash are both given; one of them must be empty",
            (false, false) => "neither password nor password_hash is given",
            (false, true) => {
                let hash = self.parse(fields, Column::PasswordHash, problems, |text| {
                    PasswordHash::parse(text.trim())
                });
                return hash.map(Credential::Hash);
            }
            (true, false) => {
                // Taken as it stands, spaces included: so it will be typed.
                let password = self.parse(fields, Column::Password, problems, |text| {
                    match (reading, PlainPassword::typed(text)) {
                        (Reading::Taking, Some(password)) => Ok(password),
                        _ => PlainPassword::chosen(text, context),
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

    fn bytes<'a>(&self, fields: Fields<'a>, column: Column) -> &'a [u8] {
        match self.places[column as usize] {
            Some(place) => fields.get(place),
            None => &[],
        }
    }

    fn parse<T, E: fmt::Display>(
        &self,
        fields: Fields<'_>,
        column: Column,
        problems: &mut Vec<Problem>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = match std::str::from_utf8(self.bytes(fields, column)) {
            Ok(text) => parse(text).map_err(|error| error.to_string()),
            Err(_) => Err("it is not UTF-8 text".to_owned()),
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
