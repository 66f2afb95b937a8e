//! The anti-forgery value of a form: proof that this program printed the form, for this link, for this step, lately.
//!
//! A form is only as good as the link it was printed for, so a value that leaks is worth nothing without the token; the
//! value keeps anybody who merely knows the link's form from skipping the question or posting from elsewhere.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{domain::reset::SecretDigest, vault::Vault};

/// How long a page may stand open; a ticket lives no longer either.
const VALID: Duration = Duration::from_secs(30 * 60);

/// How far the clocks of two machines that share the key may differ.
const SKEW: Duration = Duration::from_secs(60);

/// Which button a form is sent by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `Reset TOTP` on the first page.
    Ask,
    /// `OK` on the confirmation.
    Confirm,
}

impl Step {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "1",
            Self::Confirm => "2",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ask, Self::Confirm]
            .into_iter()
            .find(|step| step.as_str() == text)
    }
}

/// What forms' keys are derived for.
const PURPOSE: &str = "reset-form";

/// A key that forms are sealed with.
type FormKey = Zeroizing<[u8; 32]>;

/// The value for a form that is printed `now`, under the key that seals at this moment.
pub fn seal_with(vault: &Vault, step: Step, token: &SecretDigest, now: Timestamp) -> String {
    seal(&vault.derived_key(PURPOSE), step, token, now)
}

/// Whether `value` is one of [`seal_with`], here or at another machine, under a key that may have been replaced since.
pub fn holds_with(
    vault: &Vault,
    step: Step,
    token: &SecretDigest,
    value: &str,
    now: Timestamp,
) -> bool {
    let holds = |key: &FormKey| holds(key, step, token, value, now);
    let is_known = || vault.derived_keys(PURPOSE).iter().any(holds);
    // Another machine may seal with a key that has come into the file since it was read here.
    is_known() || (vault.look_again() && is_known())
}

/// The value for a form that is printed `now`.
fn seal(key: &FormKey, step: Step, token: &SecretDigest, now: Timestamp) -> String {
    let issued = now.as_second().to_be_bytes();
    let mac = mac(key, step, token, issued).finalize().into_bytes();
    let mut value = Vec::with_capacity(issued.len() + mac.len());
    value.extend_from_slice(&issued);
    value.extend_from_slice(&mac);
    BASE64URL_NOPAD.encode(&value)
}

/// Whether `value` is what [`seal`] gave for the same step and link within the last 30 minutes. Compares in constant
/// time.
fn holds(key: &FormKey, step: Step, token: &SecretDigest, value: &str, now: Timestamp) -> bool {
    let Ok(value) = BASE64URL_NOPAD.decode(value.as_bytes()) else {
        return false;
    };
    let Some((issued, code)) = value.split_first_chunk::<8>() else {
        return false;
    };
    if mac(key, step, token, *issued).verify_slice(code).is_err() {
        return false;
    }
    let age = now.as_second().saturating_sub(i64::from_be_bytes(*issued));
    // A clock that was set back far must not make an old form a fresh one.
    -SKEW.as_secs().cast_signed() <= age && age < VALID.as_secs().cast_signed()
}

fn mac(key: &FormKey, step: Step, token: &SecretDigest, issued: [u8; 8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key.as_slice())
        .expect("HMAC takes a key of any length")
        .chain_update(b"lpse-kiosk/1/reset-form\0")
        .chain_update(step.as_str())
        .chain_update(token.as_bytes())
        .chain_update(issued)
}

#[cfg(test)]
mod tests {
    use crate::domain::reset::Token;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_value_is_good_for_its_key_step_and_link_for_thirty_minutes() {
        let key = FormKey::new([1; 32]);
        let token = Token::from_bytes([2; Token::BYTES]).digest();
        let value = seal(&key, Step::Ask, &token, at(1000));
        let good = |key: &FormKey, step, token: &SecretDigest, second| {
            holds(key, step, token, &value, at(second))
        };
        for second in [940, 1000, 1000 + 1799] {
            assert!(good(&key, Step::Ask, &token, second), "{second}");
        }
        for second in [-1000, 939, 1000 + 1800, i64::from(i32::MAX)] {
            assert!(!good(&key, Step::Ask, &token, second), "{second}");
        }
        assert!(!good(&key, Step::Confirm, &token, 1000));
        assert!(!good(&FormKey::new([3; 32]), Step::Ask, &token, 1000));
        let other = Token::from_bytes([4; Token::BYTES]).digest();
        assert!(!good(&key, Step::Ask, &other, 1000));
    }

    #[test]
    fn any_changed_character_spoils_it() {
        let key = FormKey::new([1; 32]);
        let token = Token::from_bytes([2; Token::BYTES]).digest();
        let value = seal(&key, Step::Confirm, &token, at(1000));
        for at_character in 0..value.len() {
            let mut changed = value.clone().into_bytes();
            changed[at_character] = if changed[at_character] == b'A' {
                b'B'
            } else {
                b'A'
            };
            let changed = String::from_utf8(changed).unwrap();
            assert!(!holds(&key, Step::Confirm, &token, &changed, at(1000)));
        }
        for value in ["", "AAAA", "!", &value[..40], &format!("{value}AAAA")] {
            assert!(!holds(&key, Step::Confirm, &token, value, at(1000)));
        }
    }
}
