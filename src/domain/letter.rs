//! A letter to an account's owner, as facts: who is told what about which account. Its words are made when it is
//! delivered, so that a letter can be kept, and sealed, without its text.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use super::{
    account::{Account, AccountKey, EmailAddress, PersonName},
    source::Source,
};

/// The name of one letter, by which it is kept, listed and claimed, and which stays the same over every try to
/// deliver it: 13 digits of milliseconds, so that letters sort by age, and 16 hexadecimal digits of chance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId(String);

/// The text is no letter's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a letter's name has the form 1597283585000-0123456789abcdef")]
pub struct LetterIdError;

impl LetterId {
    pub fn new(written: Timestamp, random: [u8; 8]) -> Self {
        let milliseconds = written.as_millisecond().max(0);
        Self(format!(
            "{milliseconds:013}-{:016x}",
            u64::from_be_bytes(random)
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LetterId {
    type Err = LetterIdError;

    fn from_str(text: &str) -> Result<Self, LetterIdError> {
        let (milliseconds, chance) = text.split_once('-').ok_or(LetterIdError)?;
        let digits = |part: &str, count: usize, radix: u32| {
            part.len() == count
                && part
                    .chars()
                    .all(|c| c.is_digit(radix) && !c.is_ascii_uppercase())
        };
        if digits(milliseconds, 13, 10) && digits(chance, 16, 16) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LetterIdError)
        }
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a letter tells, each kind with a stable word for records and the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// Somebody asked for a reset: the link, the short code, and how long they hold.
    ResetRequested,
    TotpActivated,
    TotpDisabled,
    /// TOTP was reset, by the link, the typed code or an officer.
    TotpReset,
    /// Too many wrong codes: the authenticator is held until it is reset.
    TotpHeld,
}

impl LetterKind {
    pub const ALL: [Self; 5] = [
        Self::ResetRequested,
        Self::TotpActivated,
        Self::TotpDisabled,
        Self::TotpReset,
        Self::TotpHeld,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResetRequested => "reset-requested",
            Self::TotpActivated => "totp-activated",
            Self::TotpDisabled => "totp-disabled",
            Self::TotpReset => "totp-reset",
            Self::TotpHeld => "totp-held",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One letter. The secrets of [`LetterKind::ResetRequested`] are no part of it; they travel beside it, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: LetterId,
    pub account: AccountKey,
    /// Name and address as they were when the letter was written: a letter never follows an address that was changed
    /// after it.
    pub name: PersonName,
    pub address: EmailAddress,
    pub kind: LetterKind,
    /// When what it tells happened.
    pub at: Timestamp,
    /// From where it was done or asked for.
    pub from: Source,
    /// From then on nobody needs it any more; for a reset, the ticket's end.
    pub good_until: Timestamp,
}

impl Letter {
    /// A letter to the owner of `account` about something that happened `at`, from `from`.
    pub fn about(
        account: &Account,
        kind: LetterKind,
        at: Timestamp,
        from: &Source,
        good_until: Timestamp,
        random: [u8; 8],
    ) -> Self {
        Self {
            id: LetterId::new(at, random),
            account: account.key.clone(),
            name: account.name.clone(),
            address: account.email.clone(),
            kind,
            at,
            from: from.clone(),
            good_until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_sort_by_age_and_their_names_are_read_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let older = LetterId::new(at(1_597_283_585), [0xff; 8]);
        let newer = LetterId::new(at(1_597_283_586), [0; 8]);
        assert!(older < newer);
        assert_eq!(older.as_str(), "1597283585000-ffffffffffffffff");
        assert_eq!(older.as_str().parse(), Ok(older.clone()));
        for text in [
            "",
            "1-2",
            "1597283585000-FFFFFFFFFFFFFFFF",
            "1597283585000-ffffffffffffffff/",
        ] {
            assert_eq!(text.parse::<LetterId>(), Err(LetterIdError), "{text:?}");
        }
    }
}
