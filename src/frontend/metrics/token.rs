//! The token by which monitoring shows that it may read figures (RFC 6750 section 2.1).

use std::{fmt, sync::Arc};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Fewer characters hold no 128 bits, whatever they are made of: 16 bytes are 32 of them in hexadecimal.
const SHORTEST: usize = 32;

/// More are nobody's token.
const LONGEST: usize = 1024;

/// Fewer characters that differ are no chance's work.
const FEWEST_DIFFERENT: usize = 8;

/// A token, as its digest: all that it is held against is.
#[derive(Clone)]
pub struct Token([u8; 32]);

/// The token as it is now, asked for at each request: one that was renewed asks for no restart.
pub type TokenInForce = Arc<dyn Fn() -> Token + Send + Sync>;

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error(
        "it has fewer than {SHORTEST} characters, so that it could be guessed; make one with `openssl rand -hex 32`"
    )]
    Short,
    #[error("it has more than {LONGEST} characters")]
    Long,
    #[error(
        "it holds another character than letters, digits and -._~+/=, which no token may hold; make one with \
         `openssl rand -hex 32`"
    )]
    Characters,
    #[error("it repeats itself, so that it could be guessed; make one with `openssl rand -hex 32`")]
    Guessable,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token of a file, which an editor may have ended with a line's end.
    ///
    /// # Errors
    /// What is wrong with it; never a part of it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim_end_matches(['\r', '\n']);
        let bytes = text.as_bytes();
        if !bytes.iter().all(|byte| is_of_token(*byte)) {
            return Err(TokenError::Characters);
        }
        match bytes.len() {
            0..SHORTEST => return Err(TokenError::Short),
            SHORTEST..=LONGEST => {}
            _ => return Err(TokenError::Long),
        }
        let mut different = bytes.to_vec();
        different.sort_unstable();
        different.dedup();
        match different.len() < FEWEST_DIFFERENT {
            true => Err(TokenError::Guessable),
            false => Ok(Self::digest(bytes)),
        }
    }

    /// Whether a request shows this token, once, and says nothing else of whom it is from. How long that takes says
    /// nothing of the token.
    pub fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let mut said = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (said.next(), said.next()) else {
            return false;
        };
        let Some((scheme, shown)) = value.as_bytes().split_at_checked(b"Bearer ".len()) else {
            return false;
        };
        let is_equal = self.0.ct_eq(&Self::digest(shown).0);
        scheme.eq_ignore_ascii_case(b"Bearer ") && is_equal.into()
    }

    fn digest(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "2b7e151628aed2a6abf7158809cf4f3c";

    #[test]
    fn a_token_is_long_and_plain_and_made_by_chance() {
        assert!(Token::parse(GOOD).is_ok() && Token::parse(&format!("{GOOD}\r\n")).is_ok());
        for (text, error) in [
            ("", TokenError::Short),
            (&GOOD[1..], TokenError::Short),
            (&GOOD.replace('2', " "), TokenError::Characters),
            (&format!("\n{GOOD}"), TokenError::Characters),
            (&"ab1".repeat(30), TokenError::Guessable),
            (&GOOD.repeat(40), TokenError::Long),
        ] {
            assert_eq!(Token::parse(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn it_is_shown_once_and_whole_or_not_at_all() {
        let token = Token::parse(GOOD).unwrap();
        let shown = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            token.is_shown_by(&headers)
        };
        let bearer = format!("Bearer {GOOD}");
        assert!(shown(&[&bearer]) && shown(&[&format!("bearer {GOOD}")]));
        for values in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[GOOD],
            &[&format!("Basic {GOOD}")],
            &[&bearer[..bearer.len() - 1]],
            &[&format!("{bearer}0")],
            &[&format!("Bearer  {GOOD}")],
            &[&bearer, &bearer],
        ] {
            assert!(!shown(values), "{values:?}");
        }
    }
}
