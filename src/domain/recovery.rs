//! Recovery codes: ten codes on paper that stand in for the phone, each once (NIST SP 800-63B-4 section 3.1.2, look-up
//! secrets).
//!
//! A code has 12 of 24 symbols, 55 bits, where the standard asks for 20; wrong ones are counted and slowed down together
//! with wrong TOTP codes, so that nobody gets a second row of tries by changing from one to the other. Of a code only a
//! salted digest is kept, and that sealed under the master key. The digest is a fast one on purpose: whoever could try
//! 2^55 of them has the master key, and with it the TOTP secret of the same account, which no slow hash protects.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    account::Account,
    identity::AccountKey,
    keyboard_code::{KeyboardCode, KeyboardCodeError, RANDOM_A_SYMBOL},
    policy::{LoginRules, Policy},
};

/// One code.
#[derive(Clone)]
pub struct RecoveryCode(KeyboardCode<{ Self::LENGTH }>);

impl RecoveryCode {
    pub const LENGTH: usize = 12;

    /// Reads what was typed: capital and small letters, full width, spaces and dashes make no difference.
    pub fn parse(typed: &str) -> Result<Self, KeyboardCodeError> {
        KeyboardCode::parse(typed).map(Self)
    }

    /// `ACDE-FGHJ-KMNP`.
    pub fn grouped(&self) -> Zeroizing<String> {
        self.0.grouped()
    }

    fn salted_digest(&self, salt: &[u8; Kept::SALT]) -> [u8; Kept::DIGEST] {
        Sha256::new()
            .chain_update("lpse-kiosk/1/recovery-code\0")
            .chain_update(salt)
            .chain_update(self.0.as_bytes())
            .finalize()
            .into()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

/// The codes of one issue, for the one time that they are shown.
#[derive(Debug, Clone)]
pub struct IssuedCodes(Vec<RecoveryCode>);

impl IssuedCodes {
    pub fn iter(&self) -> impl Iterator<Item = &RecoveryCode> {
        self.0.iter()
    }
}

/// What is kept of one code.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Kept {
    salt: [u8; Self::SALT],
    digest: [u8; Self::DIGEST],
}

impl Kept {
    const SALT: usize = 16;
    const DIGEST: usize = 32;
    const BYTES: usize = Self::SALT + Self::DIGEST;

    fn of(code: &RecoveryCode, salt: [u8; Self::SALT]) -> Self {
        let digest = code.salted_digest(&salt);
        Self { salt, digest }
    }

    fn is_of(&self, code: &RecoveryCode) -> Choice {
        code.salted_digest(&self.salt).ct_eq(&self.digest)
    }
}

/// What is kept of the codes that are left.
pub struct RecoverySet(Vec<Kept>);

/// The randomness of one issue.
pub type IssueRandom = [u8; RecoverySet::RANDOM_BYTES];

impl RecoverySet {
    /// Codes of one issue.
    pub const ISSUED: u8 = 10;

    /// With as many left or fewer, people are told to make new ones.
    pub const FEW: u8 = 3;

    const RANDOM_A_CODE: usize = RANDOM_A_SYMBOL * RecoveryCode::LENGTH + Kept::SALT;
    const RANDOM_BYTES: usize = Self::RANDOM_A_CODE * Self::ISSUED as usize;

    /// New codes, and what is kept of them.
    pub fn issue(random: &IssueRandom) -> (IssuedCodes, Self) {
        let parts = random.chunks_exact(Self::RANDOM_A_CODE);
        let issued = parts.map(|part| {
            let (chunks, _) = part.as_chunks::<RANDOM_A_SYMBOL>();
            let (symbols, salt) = chunks
                .split_first_chunk()
                .expect("a code's symbols have sixteen bytes each");
            let code = RecoveryCode(KeyboardCode::from_random(symbols));
            let kept = Kept::of(&code, salt[0]);
            (code, kept)
        });
        let (codes, kept) = issued.unzip();
        (IssuedCodes(codes), Self(kept))
    }

    /// How many codes are left.
    pub fn left(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// Takes `code` out of the set of `account`, if it is one of those left. Every digest is computed and compared to
    /// its end, so that the time tells nothing of which one it was, or whether.
    pub fn take(&mut self, account: &AccountKey, code: &RecoveryCode) -> Option<AcceptedCode> {
        let mut found = Choice::from(0);
        let mut at = 0_u32;
        for (place, kept) in (0_u32..).zip(&self.0) {
            let is_it = kept.is_of(code);
            at.conditional_assign(&place, is_it);
            found |= is_it;
        }
        bool::from(found).then(|| {
            self.0.remove(usize::try_from(at).unwrap_or_default());
            AcceptedCode {
                account: account.clone(),
            }
        })
    }

    /// The set as bytes, to be sealed.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.len() * Kept::BYTES));
        for kept in &self.0 {
            bytes.extend_from_slice(&kept.salt);
            bytes.extend_from_slice(&kept.digest);
        }
        bytes
    }

    /// The set that was sealed as these bytes; `None` when they are none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (parts, rest) = bytes.as_chunks::<{ Kept::BYTES }>();
        let kept = parts.iter().map(|part| {
            let (salt, digest) = part.split_at(Kept::SALT);
            Some(Kept {
                salt: salt.try_into().ok()?,
                digest: digest.try_into().ok()?,
            })
        });
        let kept = kept.collect::<Option<Vec<_>>>()?;
        (rest.is_empty() && kept.len() <= usize::from(Self::ISSUED)).then_some(Self(kept))
    }
}

impl fmt::Debug for RecoverySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoverySet({} left)", self.0.len())
    }
}

/// That a code was one of those left of this account. Only [`RecoverySet::take`] makes one; whoever holds it has still
/// to store the set without that code before granting anything.
#[derive(Debug)]
pub struct AcceptedCode {
    account: AccountKey,
}

impl AcceptedCode {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }
}

/// An account's recovery codes, as people are told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryState {
    /// When those were issued that there are; `None` before the first.
    pub issued: Option<Timestamp>,
    pub left: u8,
}

impl RecoveryState {
    /// The state of `account`, where recovery codes are of any use to it: the rules have them on, a code is asked for
    /// at login, and a proved key is there that they stand in for.
    pub fn of(account: &Account, rules: LoginRules) -> Option<Self> {
        let is_proved = account.authenticator.is_active();
        (is_proved && Self::are_asked_for(account, rules)).then(|| Self {
            issued: account.recovery.as_ref().map(|codes| codes.issued),
            left: account.recovery.as_ref().map_or(0, |codes| codes.left),
        })
    }

    /// Whether codes are offered to `account` right after it has proved a new key: they will be of use, there are none, and
    /// nothing else comes first.
    pub fn follows_activation(account: &Account, rules: LoginRules) -> bool {
        let is_first = account.recovery.is_none() && account.one_time_password.is_none();
        is_first && Self::are_asked_for(account, rules)
    }

    fn are_asked_for(account: &Account, rules: LoginRules) -> bool {
        rules.recovery_codes && rules.policy.asked_of(account.role) != Policy::Disabled
    }

    /// Codes were issued and few are left.
    pub fn runs_out(self) -> bool {
        self.issued.is_some() && self.left <= RecoverySet::FEW
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::domain::identity::{UserId, UserType};

    fn account(id: &str) -> AccountKey {
        AccountKey::new(UserType::Penyedia, UserId::parse(id).unwrap())
    }

    fn random(seed: u8) -> IssueRandom {
        std::array::from_fn(|i| {
            (i as u8)
                .wrapping_mul(37)
                .wrapping_add((i / 251) as u8 ^ seed)
        })
    }

    #[test]
    fn ten_codes_are_issued_and_each_is_taken_once_in_any_order() {
        let (codes, mut set) = RecoverySet::issue(&random(1));
        let texts: HashSet<String> = codes
            .iter()
            .map(|code| code.grouped().to_string())
            .collect();
        assert_eq!((texts.len(), set.left()), (10, 10));
        for (taken, place) in [7, 0, 9, 3, 1, 2, 8, 4, 6, 5].into_iter().enumerate() {
            let code = codes.iter().nth(place).unwrap();
            let accepted = set.take(&account("ABC"), code).expect("it is left");
            assert_eq!(*accepted.account(), account("ABC"));
            assert_eq!(usize::from(set.left()), 9 - taken);
            assert!(set.take(&account("ABC"), code).is_none(), "used");
        }
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let (codes, _) = RecoverySet::issue(&random(2));
        let grouped = codes.iter().next().unwrap().grouped();
        assert_eq!(grouped.len(), 14);
        assert!(!grouped.contains(['0', 'O', '1', 'I', 'L', '2', 'Z', '5', 'S', '8', 'B', 'U']));
        for typed in [
            grouped.to_lowercase(),
            grouped.replace('-', " "),
            grouped.replace('-', ""),
            format!("\u{a0}{}\r\n", grouped.replace('-', "–")),
        ] {
            let (_, mut set) = RecoverySet::issue(&random(2));
            let code = RecoveryCode::parse(&typed).expect("a code");
            assert!(set.take(&account("ABC"), &code).is_some(), "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_whole_code_says_why() {
        let error = |typed: &str| RecoveryCode::parse(typed).unwrap_err();
        assert_eq!(error(" - "), KeyboardCodeError::Empty);
        assert_eq!(error("ACDE-FGHJ-KMN"), KeyboardCodeError::TooShort);
        assert_eq!(error("ACDE-FGHJ-KMNP-Q"), KeyboardCodeError::TooLong);
        assert_eq!(error("ACDE-FGHJ-KMN0"), KeyboardCodeError::NoSymbol);
        assert_eq!(error("🦀"), KeyboardCodeError::NoSymbol);
        assert_eq!(error(&"A".repeat(1_000_000)), KeyboardCodeError::TooLong);
    }

    #[test]
    fn a_set_is_kept_as_bytes_without_the_codes_and_nothing_else_is_a_set() {
        let (codes, set) = RecoverySet::issue(&random(3));
        let bytes = set.to_bytes();
        for code in codes.iter() {
            let symbols = code.0.as_bytes();
            assert!(!bytes.windows(symbols.len()).any(|window| window == symbols));
        }
        let mut read = RecoverySet::from_bytes(&bytes).unwrap();
        assert!(
            read.take(&account("ABC"), codes.iter().last().unwrap())
                .is_some()
        );
        assert_eq!(read.to_bytes().len(), 9 * 48);
        assert!(RecoverySet::from_bytes(&bytes[1..]).is_none());
        assert!(RecoverySet::from_bytes(&[0; 11 * 48]).is_none());
        assert_eq!(RecoverySet::from_bytes(&[]).unwrap().left(), 0);
    }

    #[test]
    fn no_code_is_printed() {
        let (codes, set) = RecoverySet::issue(&random(4));
        let printed = format!("{codes:?} {set:?}");
        for code in codes.iter() {
            let grouped = code.grouped();
            assert!(!printed.contains(grouped.as_str()) && !printed.contains(&grouped[..4]));
        }
    }
}
