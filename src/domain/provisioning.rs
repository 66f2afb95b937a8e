//! A key on its way to a phone: the `otpauth` URI of the QR code, and the same key in groups for typing by hand.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use super::{identity::UserId, totp::Secret};

/// The name of the service in the phone's list, such as `SPSE`.
///
/// Letters, digits, space, dot and hyphen only: a colon would end the issuer inside the URI's label, and every
/// escaped character would cost the QR code three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer(String);

/// The text cannot be an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the issuer has 1 to 16 letters, digits, dots or hyphens")]
pub struct IssuerError;

impl Issuer {
    /// With 16 characters and the longest User ID the URI still fits a QR code of version 6, the largest that an
    /// 80x24 terminal can show.
    pub const MAX_LENGTH: usize = 16;

    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IssuerError)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Self("SPSE".to_owned())
    }
}

/// All that the enrollment screen shows once and never again.
#[derive(Clone, PartialEq, Eq)]
pub struct Provisioning {
    uri: Zeroizing<String>,
    key: Zeroizing<String>,
    account_name: String,
}

impl Provisioning {
    /// The provisioning of `secret` for `user_id`.
    ///
    /// The URI follows the Key URI Format that phone apps read. Parameters that equal the format's defaults (SHA-1,
    /// 6 digits, 30 s) are left out, so that the code stays small enough for a terminal of 24 rows.
    pub fn new(issuer: &Issuer, user_id: &UserId, secret: &Secret) -> Self {
        let encoded = Zeroizing::new(BASE32_NOPAD.encode(secret.as_bytes()));
        let account_name = format!("{}:{user_id}", issuer.as_str());
        let uri = Zeroizing::new(format!(
            "otpauth://totp/{account_name}?secret={}&issuer={}",
            encoded.as_str(),
            issuer.as_str()
        ));
        let mut key = Zeroizing::new(String::with_capacity(encoded.len() * 5 / 4));
        for (position, character) in encoded.chars().enumerate() {
            if position > 0 && position % 4 == 0 {
                key.push(' ');
            }
            key.push(character);
        }
        Self {
            uri,
            key,
            account_name,
        }
    }

    /// The content of the QR code.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The key in base 32, in groups of four.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How the entry is called on the phone, `SPSE:PPK30`.
    pub fn account_name(&self) -> &str {
        &self.account_name
    }
}

impl fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provisioning({}, …)", self.account_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uri_is_the_shortest_that_says_everything() {
        let user_id = UserId::parse("ppk30").unwrap();
        let secret = Secret::from_bytes(*b"12345678901234567890");
        let provisioning = Provisioning::new(&Issuer::default(), &user_id, &secret);
        assert_eq!(
            provisioning.uri(),
            "otpauth://totp/SPSE:PPK30?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=SPSE"
        );
        assert_eq!(
            provisioning.key(),
            "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
        );
        assert_eq!(provisioning.account_name(), "SPSE:PPK30");
        assert_eq!(format!("{provisioning:?}"), "Provisioning(SPSE:PPK30, …)");
    }

    #[test]
    fn the_longest_names_fit_a_qr_code_of_version_6() {
        let user_id = UserId::parse(&"W".repeat(UserId::MAX_LENGTH)).unwrap();
        let issuer = Issuer::parse(&"W".repeat(Issuer::MAX_LENGTH)).unwrap();
        let secret = Secret::from_bytes([0xff; 20]);
        let uri = Provisioning::new(&issuer, &user_id, &secret);
        assert!(uri.uri().len() <= 134, "{} bytes", uri.uri().len());
    }

    #[test]
    fn an_issuer_cannot_break_out_of_the_uri() {
        for text in [
            "",
            "SPSE:X",
            "SPSE&x=1",
            "SPSE?",
            "a b",
            "Ünï",
            &"x".repeat(17),
        ] {
            assert_eq!(Issuer::parse(text), Err(IssuerError), "{text:?}");
        }
    }
}
