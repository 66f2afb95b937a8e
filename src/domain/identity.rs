//! The identity of an account: user type, User ID, name and e-mail address, each in its one safe form.

use std::{fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization;

use super::word::words;

words! {
    /// The two kinds of SPSE users. A User ID belongs to one of them; the same ID under the other is somebody else's.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum UserType {
        /// A vendor, `isRekanan=1` in SPSE's links.
        Penyedia = "penyedia",
        /// Government staff, `isRekanan=0`.
        NonPenyedia = "non-penyedia",
    }
}

impl UserType {
    /// SPSE's name on its screens, the same in every language.
    pub fn label(self) -> &'static str {
        match self {
            Self::Penyedia => "PENYEDIA",
            Self::NonPenyedia => "NON PENYEDIA",
        }
    }
}

/// The text names neither user type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the user type is penyedia or non-penyedia")]
pub struct UnknownUserType;

impl FromStr for UserType {
    type Err = UnknownUserType;

    /// Reads the word in any of the ways in which it is written: `non-penyedia`, `NON PENYEDIA` as on the screens,
    /// `non_penyedia`, or with a dash that a word processor has put in.
    fn from_str(text: &str) -> Result<Self, UnknownUserType> {
        let is_between = |c: char| {
            c.is_whitespace() || matches!(c, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}')
        };
        let letters = |text: &str| -> String {
            let text = text.trim().chars().filter(|c| !is_between(*c));
            text.map(|c| c.to_ascii_lowercase()).collect()
        };
        let named = letters(text);
        Self::ALL
            .into_iter()
            .find(|kind| letters(kind.as_str()) == named)
            .ok_or(UnknownUserType)
    }
}

/// A User ID in its one canonical form: NFKC, upper case, 3 to 32 of `A-Z 0-9 . _ -`.
///
/// Every spelling of an ID (lower case, full width, with spaces around it) becomes the same value, so that counters,
/// locks and limits cannot be dodged by spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

/// Why a text is no User ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    #[error("the User ID is empty")]
    Empty,
    #[error("a User ID has 3 to 32 characters")]
    Length,
    #[error("a User ID has only letters A-Z, digits, dot, underscore and hyphen")]
    Characters,
}

impl UserId {
    pub const MIN_LENGTH: usize = 3;
    pub const MAX_LENGTH: usize = 32;

    /// Reads what was typed; spaces around it do not count.
    pub fn parse(typed: &str) -> Result<Self, UserIdError> {
        // Bounded before it is normalised, so that a pasted novel costs nothing.
        let bounded = typed.trim().chars().take(4 * Self::MAX_LENGTH);
        let id: String = bounded.nfkc().map(|c| c.to_ascii_uppercase()).collect();
        if id.is_empty() {
            return Err(UserIdError::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !id.chars().all(allowed) {
            return Err(UserIdError::Characters);
        }
        if !(Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&id.len()) {
            return Err(UserIdError::Length);
        }
        Ok(Self(id))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ID for somebody who may see that it is theirs, and not learn it: `PP**0`.
    pub fn masked(&self) -> String {
        let length = self.0.len();
        let (head, tail) = if length < 5 { (1, 0) } else { (2, 1) };
        let hidden = "*".repeat(length - head - tail);
        format!("{}{hidden}{}", &self.0[..head], &self.0[length - tail..])
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserId({})", self.0)
    }
}

/// The one name of an account everywhere: user type and canonical User ID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    pub user_type: UserType,
    pub user_id: UserId,
}

impl AccountKey {
    pub fn new(user_type: UserType, user_id: UserId) -> Self {
        Self { user_type, user_id }
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user_type, self.user_id)
    }
}

/// The text is not the form in which logs name an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an account is written as its type and its ID, non-penyedia/PPK30")]
pub struct NoAccountKey;

impl std::str::FromStr for AccountKey {
    type Err = NoAccountKey;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, NoAccountKey> {
        let (user_type, user_id) = text.split_once('/').ok_or(NoAccountKey)?;
        Ok(Self::new(
            user_type.parse().map_err(|_| NoAccountKey)?,
            UserId::parse(user_id).map_err(|_| NoAccountKey)?,
        ))
    }
}

/// The name of a person or a company, safe to show on a terminal, in a log and in a letter's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// Why a text cannot be an account's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonNameError {
    #[error("the name is empty")]
    Empty,
    #[error("a name has at most 100 characters")]
    TooLong,
    #[error("the name contains control characters, or others that do not show")]
    Control,
    #[error("a name has at least one letter or digit")]
    Nothing,
}

impl PersonName {
    pub const MAX_CHARS: usize = 100;

    /// A name in NFC. Control characters, escapes, bidirectional overrides and what does not show are refused, so that
    /// no name can disguise itself or move a cursor.
    pub fn parse(text: &str) -> Result<Self, PersonNameError> {
        let name: String = text
            .trim()
            .chars()
            .take(4 * Self::MAX_CHARS)
            .nfc()
            .collect();
        if name.is_empty() {
            return Err(PersonNameError::Empty);
        }
        if name.chars().any(is_disguise) {
            return Err(PersonNameError::Control);
        }
        if name.chars().count() > Self::MAX_CHARS {
            return Err(PersonNameError::TooLong);
        }
        if !name.chars().any(char::is_alphanumeric) {
            return Err(PersonNameError::Nothing);
        }
        Ok(Self(name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the owner of a phone calls it, safe to show on a terminal, in a log and in a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneName(String);

/// The text cannot be a phone's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a phone's name has 1 to 20 characters that show")]
pub struct PhoneNameError;

impl PhoneName {
    pub const MAX_CHARS: usize = 20;

    /// A name by the rules of [`PersonName`], but shorter.
    pub fn parse(text: &str) -> Result<Self, PhoneNameError> {
        let PersonName(name) = PersonName::parse(text).map_err(|_| PhoneNameError)?;
        match name.chars().count() <= Self::MAX_CHARS {
            true => Ok(Self(name)),
            false => Err(PhoneNameError),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Characters that act on a terminal or on the order of the text around them instead of being text, that do not show
/// (Unicode's Default_Ignorable_Code_Point, UAX #44, and the blank pattern of Braille), or that mean nothing outside one
/// program: private use and noncharacters (Unicode 16.0 section 23.5 and 23.7).
pub fn is_disguise(c: char) -> bool {
    c.is_control() || is_invisible(c) || is_nobodys(c)
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn is_nobodys(c: char) -> bool {
    let of_its_plane = u32::from(c) & 0xffff;
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{f0000}'..)
        || of_its_plane >= 0xfffe
}

/// An e-mail address of the plain form that every mail server takes: `dot.atom@host.name`.
///
/// Quoted local parts, comments and address lists are refused: with them an "address" could carry a second recipient
/// or a header (security.md section 2). So is `=?`, which begins an encoded word: RFC 2047 section 5 forbids one in an
/// address, yet some mail programs decode it there, and then read another address than the one that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is no plain e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the e-mail address must have the form name@host.domain, plain letters without spaces")]
pub struct EmailAddressError;

impl EmailAddress {
    /// Longest address, RFC 5321 section 4.5.3.1.3 less the angle brackets.
    pub const MAX_BYTES: usize = 254;

    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        let text = text.trim();
        let (local, host) = text.rsplit_once('@').ok_or(EmailAddressError)?;
        let atom = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&c);
        let local_ok = local.len() <= 64
            && !local.contains("=?")
            && local
                .split('.')
                .all(|part| !part.is_empty() && part.bytes().all(atom));
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        let host_ok = host.contains('.') && host.split('.').all(label_ok);
        if text.len() <= Self::MAX_BYTES && local_ok && host_ok {
            Ok(Self(format!("{local}@{}", host.to_ascii_lowercase())))
        } else {
            Err(EmailAddressError)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address for somebody who may see that it is theirs, and not learn it: `s***@contoh.go.id`.
    pub fn masked(&self) -> String {
        let (local, host) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first = local.chars().next().map_or(0, char::len_utf8);
        // The same number of marks whatever the length, which is a hint too.
        format!("{}***@{host}", &local[..first])
    }

    /// Whether both name the same mailbox as people see it. RFC 5321 section 2.4 lets a server tell capital from small
    /// letters before the `@`; none that matters does, and people do not remember which they once typed.
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_spellings_of_an_id_are_one_id() {
        let expected = UserId::parse("PPK30").unwrap();
        for typed in [
            "ppk30",
            "Ppk30",
            " PPK30\t",
            "ＰＰＫ３０",
            "ｐｐｋ30",
            "pPk３０",
        ] {
            assert_eq!(UserId::parse(typed), Ok(expected.clone()), "{typed:?}");
        }
        assert_eq!(expected.to_string(), "PPK30");
    }

    #[test]
    fn a_masked_id_shows_its_owner_and_nobody_else_whose_it_is() {
        for (id, masked) in [("PPK", "P**"), ("PPK3", "P***"), ("PPK30", "PP**0")] {
            assert_eq!(UserId::parse(id).unwrap().masked(), masked);
        }
    }

    #[test]
    fn what_is_no_user_id_says_why() {
        assert_eq!(UserId::parse("  "), Err(UserIdError::Empty));
        assert_eq!(UserId::parse("ab"), Err(UserIdError::Length));
        assert_eq!(UserId::parse(&"a".repeat(33)), Err(UserIdError::Length));
        assert!(UserId::parse(&"a".repeat(32)).is_ok());
        for typed in [
            "a b c",
            "abc\u{202e}",
            "abc/def",
            "ＡＢＣ／",
            "абв",
            "abc\n\u{1b}[2J",
        ] {
            assert_eq!(
                UserId::parse(typed),
                Err(UserIdError::Characters),
                "{typed:?}"
            );
        }
        assert!(UserId::parse(&"x".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_user_type_is_known_however_it_is_written_and_nothing_else_is() {
        for text in [
            "non-penyedia",
            "NON PENYEDIA",
            "Non Penyedia",
            "non_penyedia",
            "Non-Penyedia",
            " NonPenyedia ",
            "non\u{a0}penyedia",
            "non\u{2013}penyedia",
        ] {
            assert_eq!(text.parse(), Ok(UserType::NonPenyedia), "{text:?}");
        }
        for text in ["penyedia", "PENYEDIA", " Penyedia\t"] {
            assert_eq!(text.parse(), Ok(UserType::Penyedia), "{text:?}");
        }
        for kind in UserType::ALL {
            assert_eq!(kind.label().parse(), Ok(kind));
        }
        for text in ["", "non", "-", "vendor", "penyedia/x", "non/penyedia"] {
            assert_eq!(text.parse::<UserType>(), Err(UnknownUserType), "{text:?}");
        }
    }

    #[test]
    fn a_phones_name_is_short_and_shows() {
        for name in ["HP", "HP kantor (Siti)", "Ponsel 1", &"é".repeat(20)] {
            assert_eq!(PhoneName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(
            PhoneName::parse("  HP kantor\t").unwrap().as_str(),
            "HP kantor"
        );
        for name in ["", "  ", "--", "HP\u{1b}[2J", "HP\u{202e}", &"x".repeat(21)] {
            assert_eq!(PhoneName::parse(name), Err(PhoneNameError), "{name:?}");
        }
    }

    #[test]
    fn what_does_not_show_or_belongs_to_nobody_is_a_disguise_and_letters_are_not() {
        for c in [
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{115f}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{3164}',
            '\u{e000}',
            '\u{fdd0}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fffe}',
            '\u{ffff}',
            '\u{1fffe}',
            '\u{e0041}',
            '\u{f0000}',
            '\u{10ffff}',
        ] {
            assert!(is_disguise(c), "U+{:04X}", u32::from(c));
        }
        for c in [
            ' ',
            'a',
            'é',
            '\u{a0}',
            '\u{301}',
            '’',
            '…',
            '王',
            'ﾡ',
            '한',
            '\u{fffd}',
            '😀',
            '\u{2f800}',
        ] {
            assert!(!is_disguise(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn a_name_cannot_disguise_itself() {
        assert_eq!(
            PersonName::parse("  Siti Nurhaliza, S.Kom. ")
                .unwrap()
                .as_str(),
            "Siti Nurhaliza, S.Kom."
        );
        for text in [
            "a\u{1b}[31m",
            "a\u{202e}b",
            "a\nb",
            "a\u{200b}b",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "a\u{ffff}b",
            "\u{f8ff} CV",
            "a\u{10fffd}",
            "a\u{e0101}",
        ] {
            assert_eq!(
                PersonName::parse(text),
                Err(PersonNameError::Control),
                "{text:?}"
            );
        }
        assert_eq!(PersonName::parse(" "), Err(PersonNameError::Empty));
        for text in ["-", "\u{301}", "...", "###"] {
            assert_eq!(
                PersonName::parse(text),
                Err(PersonNameError::Nothing),
                "{text:?}"
            );
        }
        for text in ["A", "3", "'Aisyiyah", "Ñandú", "王", "José d\u{2019}Arc"] {
            assert!(PersonName::parse(text).is_ok(), "{text:?}");
        }
        assert_eq!(
            PersonName::parse(&"é".repeat(101)),
            Err(PersonNameError::TooLong)
        );
    }

    #[test]
    fn an_address_is_one_plain_recipient() {
        assert_eq!(
            EmailAddress::parse("Budi.Santoso+spse@Contoso.GO.ID")
                .unwrap()
                .as_str(),
            "Budi.Santoso+spse@contoso.go.id"
        );
        for text in [
            "",
            "budi",
            "budi@",
            "@host.id",
            "budi@localhost",
            "a b@host.id",
            "\"a b\"@host.id",
            "a@host.id,b@host.id",
            "a@host.id\r\nBcc: b@host.id",
            "a..b@host.id",
            "a@-host.id",
            "a@host..id",
            "<a@host.id>",
            "=?utf-8?q?b?=@host.id",
            "é@host.id",
            "a@b@host.id x",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
