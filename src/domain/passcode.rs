//! A code as a person types it, brought into one form before it is judged.

use std::fmt;

use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroize;

/// Six decimal digits (RFC 6238 section 1.2 with the six digits of RFC 4226 section 5.3).
#[derive(Clone, Copy, Zeroize)]
pub struct Passcode([u8; 6]);

/// Why a text is no passcode. None of these costs an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasscodeInputError {
    Empty,
    /// Fewer than six digits.
    TooShort,
    /// More than six digits.
    TooLong,
    /// Something other than digits, spaces and dashes.
    NotDigits,
}

impl Passcode {
    /// The number of digits.
    pub const DIGITS: usize = 6;

    /// Reads what was typed or pasted: spaces and dashes of any kind are dropped, full-width digits count as digits.
    pub fn parse(typed: &str) -> Result<Self, PasscodeInputError> {
        let mut digits = [0; Self::DIGITS];
        let mut length = 0;
        for character in digits_of(typed) {
            let digit = character?;
            *digits.get_mut(length).ok_or(PasscodeInputError::TooLong)? = digit;
            length += 1;
        }
        match length {
            0 => Err(PasscodeInputError::Empty),
            Self::DIGITS => Ok(Self(digits)),
            _ => Err(PasscodeInputError::TooShort),
        }
    }

    /// The code that a generator computed, `value` below one million.
    pub(super) fn from_ascii_digits(digits: &[u8]) -> Option<Self> {
        let digits: [u8; Self::DIGITS] = digits.try_into().ok()?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then_some(Self(digits))
    }

    pub(super) fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }
}

/// The ASCII digits in `typed`, with the separators people paste left out.
fn digits_of(typed: &str) -> impl Iterator<Item = Result<u8, PasscodeInputError>> {
    typed
        .nfkc()
        .filter(|c| !c.is_whitespace() && !is_dash(*c) && !is_invisible(*c))
        .map(|c| {
            if c.is_ascii_digit() {
                Ok(c as u8)
            } else {
                Err(PasscodeInputError::NotDigits)
            }
        })
}

/// The character as a digit of a code, if it is one (`５` counts as `5`).
pub fn digit_of(typed: char) -> Option<char> {
    let mut folded = std::iter::once(typed).nfkc();
    match (folded.next(), folded.next()) {
        (Some(c), None) if c.is_ascii_digit() => Some(c),
        _ => None,
    }
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// Marks that come along when a code is copied from a message: zero-width spaces and joiners, byte order marks.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A code is a secret for as long as its step lasts.
impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(typed: &str) -> Result<[u8; 6], PasscodeInputError> {
        Passcode::parse(typed).map(|code| code.0)
    }

    #[test]
    fn spaces_dashes_and_full_width_digits_are_one_form() {
        for typed in [
            "123456",
            " 123 456\n",
            "123-456",
            "123–456",
            "１２３４５６",
            "1 2 3 4 5 6",
            "\u{feff}123\u{a0}456\u{200b}",
        ] {
            assert_eq!(digits(typed), Ok(*b"123456"), "typed {typed:?}");
        }
    }

    #[test]
    fn what_is_no_code_says_why() {
        assert_eq!(digits(""), Err(PasscodeInputError::Empty));
        assert_eq!(digits(" - "), Err(PasscodeInputError::Empty));
        assert_eq!(digits("12345"), Err(PasscodeInputError::TooShort));
        assert_eq!(digits("1234567"), Err(PasscodeInputError::TooLong));
        assert_eq!(digits("12345a"), Err(PasscodeInputError::NotDigits));
        assert_eq!(digits("12а456"), Err(PasscodeInputError::NotDigits));
    }

    #[test]
    fn a_code_is_not_printed() {
        let printed = format!("{:?}", Passcode::parse("135790").unwrap());
        assert!(!printed.contains("135790"), "{printed}");
    }
}
