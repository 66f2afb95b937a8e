//! Passwords: what may be one, how it is hashed, and the proof that one was right.
//!
//! Argon2id with parameters of at least 19 MiB, two passes, one lane (OWASP Password Storage; security.md section 3).
//! Length 8 to 128 characters in NFC, nothing truncated, no composition rules (NIST SP 800-63B-4 section 3.1.1.2).

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{account::is_disguise, reset::ShortCode};

/// A password as somebody typed it, in NFC; wiped when dropped, never printed.
#[derive(Clone)]
pub struct PlainPassword(Zeroizing<String>);

/// A password that an officer's act has made, for the one time that it is shown; wiped when dropped, never printed.
#[derive(Clone)]
pub struct IssuedPassword(Zeroizing<String>);

impl IssuedPassword {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for IssuedPassword {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl fmt::Debug for IssuedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IssuedPassword(…)")
    }
}

/// Why a text may not become a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRuleError {
    #[error("a password has at least 8 characters")]
    TooShort,
    #[error("a password has at most 128 characters")]
    TooLong,
    #[error(
        "this password is among the first that attackers try; choose another, for example four unrelated words"
    )]
    Common,
    #[error("the password contains control characters")]
    Control,
    #[error("the new password is the present one")]
    Unchanged,
}

/// Why a password that somebody else hands over, in a file or on a command's input, is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandedPasswordError {
    #[error(transparent)]
    Rule(#[from] PasswordRuleError),
    #[error(
        "the password begins or ends with a space, which nobody sees and few would type; take it away"
    )]
    Edge,
    #[error(
        "the password contains U+{:04X}, which looks like a space or like nothing, and which its owner could not type; \
         write a plain space or leave it out", u32::from(*.0)
    )]
    Unseen(char),
}

/// How well a password that is being chosen would withstand guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// It has too few characters to be one.
    Short,
    /// It would be refused: among the first that attackers try.
    Guessable,
    Weak,
    Fair,
    Strong,
}

impl PlainPassword {
    pub const MIN_CHARS: usize = 8;
    pub const MAX_CHARS: usize = 128;

    /// Characters of a password whose strength is judged together.
    const JUDGED_TOGETHER: usize = 24;

    /// More guesses than this nobody makes, whatever they have stolen.
    const STRONG: u64 = 10_000_000_000;

    /// What somebody typed to log in; no rule but the form is applied. `None` when it is longer than any password.
    pub fn typed(text: &str) -> Option<Self> {
        // Reserved in full, so that no half-built copy stays behind in freed memory.
        let mut normal = Zeroizing::new(String::with_capacity(4 * text.len() + 4));
        normal.extend(text.nfc());
        (normal.chars().count() <= Self::MAX_CHARS).then_some(Self(normal))
    }

    /// Random bytes that [`PlainPassword::issued`] wants.
    pub const ISSUE_BYTES: usize = ShortCode::RANDOM_BYTES;

    /// A password to be read out and typed once: `acde-fghj-kmnp-qrtv`, 73 bits of chance in letters and digits that
    /// nobody takes for another.
    pub fn issued(random: &[u8; Self::ISSUE_BYTES]) -> IssuedPassword {
        let mut text = ShortCode::from_random(random).grouped();
        text.make_ascii_lowercase();
        IssuedPassword(text)
    }

    /// A password to be set. `context` are words that an attacker would try first for this account: the User ID, the
    /// name, the e-mail address.
    pub fn chosen(text: &str, context: &[&str]) -> Result<Self, PasswordRuleError> {
        let password = Self::typed(text).ok_or(PasswordRuleError::TooLong)?;
        password.may_be_set(context)?;
        Ok(password)
    }

    /// A password to be set for somebody who has not chosen it and will have to type it: what cannot be seen in it was
    /// not meant. `context` as for [`PlainPassword::chosen`].
    pub fn handed(text: &str, context: &[&str]) -> Result<Self, HandedPasswordError> {
        let unseen = |c: &char| *c != ' ' && (c.is_whitespace() || is_disguise(*c));
        // A control character has a refusal of its own.
        if let Some(unseen) = text.chars().filter(|c| !c.is_control()).find(unseen) {
            return Err(HandedPasswordError::Unseen(unseen));
        }
        if text != text.trim_matches(' ') {
            return Err(HandedPasswordError::Edge);
        }
        Ok(Self::chosen(text, context)?)
    }

    /// Whether this may become the password of an account with these words of its own.
    ///
    /// A password is refused when zxcvbn, which knows the commonest passwords and their variations, would find it
    /// within a hundred thousand guesses: the ten thousand commonest, and those with a digit put behind.
    pub fn may_be_set(&self, context: &[&str]) -> Result<(), PasswordRuleError> {
        if self.0.chars().any(char::is_control) {
            return Err(PasswordRuleError::Control);
        }
        match self.strength(context) {
            Strength::Short => Err(PasswordRuleError::TooShort),
            Strength::Guessable => Err(PasswordRuleError::Common),
            Strength::Weak | Strength::Fair | Strength::Strong => Ok(()),
        }
    }

    /// Whether both are the same password, for two that the same person has typed.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// How strong this would be as the password of an account with these words of its own.
    pub fn strength(&self, context: &[&str]) -> Strength {
        if self.0.chars().count() < Self::MIN_CHARS {
            return Strength::Short;
        }
        match self.guesses(context) {
            0..=100_000 => Strength::Guessable,
            // Without a hash at hand nobody tries so many; with one, a machine does in an hour or a week.
            100_001..=10_000_000 => Strength::Weak,
            10_000_001..=Self::STRONG => Strength::Fair,
            _ => Strength::Strong,
        }
    }

    /// How many guesses it takes, at least. A long password is judged part by part, and is as strong as its strongest
    /// part: zxcvbn's work grows with the square of the length, and this is done at every key press.
    fn guesses(&self, context: &[&str]) -> u64 {
        let house = [
            "lpse",
            "spse",
            "totp",
            "penyedia",
            "pengadaan",
            "rekanan",
            "indonesia",
        ];
        let words: Vec<&str> = house
            .into_iter()
            .chain(context.iter().flat_map(|text| {
                text.split(|c: char| !c.is_alphanumeric())
                    .chain(std::iter::once(*text))
            }))
            .filter(|word| word.chars().count() >= 3)
            .collect();
        let begins = self.0.char_indices().map(|(at, _)| at);
        let begins: Vec<usize> = begins.step_by(Self::JUDGED_TOGETHER).collect();
        let ends = begins.iter().skip(1).copied().chain([self.0.len()]);
        let mut most = 0;
        for (begin, end) in begins.iter().copied().zip(ends) {
            most = most.max(zxcvbn::zxcvbn(&self.0[begin..end], &words).guesses());
            if most > Self::STRONG {
                break;
            }
        }
        most
    }
}

impl fmt::Debug for PlainPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainPassword(…)")
    }
}

/// The cost of one Argon2id hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl HashCost {
    /// The least that is accepted anywhere.
    pub const MIN: Self = Self {
        memory_kib: 19 * 1024,
        iterations: 2,
        parallelism: 1,
    };

    /// The most that is accepted, so that no imported hash can stop the kiosk.
    pub const MAX: Self = Self {
        memory_kib: 1024 * 1024,
        iterations: 16,
        parallelism: 16,
    };

    /// Whether every parameter lies between [`HashCost::MIN`] and [`HashCost::MAX`].
    pub fn is_acceptable(self) -> bool {
        let within = |value, least, most| (least..=most).contains(&value);
        within(self.memory_kib, Self::MIN.memory_kib, Self::MAX.memory_kib)
            && within(self.iterations, Self::MIN.iterations, Self::MAX.iterations)
            && within(
                self.parallelism,
                Self::MIN.parallelism,
                Self::MAX.parallelism,
            )
    }

    fn params(self) -> Params {
        Params::new(
            self.memory_kib,
            self.iterations,
            self.parallelism,
            Some(PasswordHash::OUTPUT_BYTES),
        )
        .expect("the cost was checked when it was read")
    }

    fn argon2(self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params())
    }
}

impl Default for HashCost {
    fn default() -> Self {
        Self::MIN
    }
}

/// An Argon2id hash; its text is a PHC string, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    cost: HashCost,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// The text is no Argon2id hash that this program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    #[error("the password hash must be a PHC string beginning with $argon2id$v=19$")]
    Kind,
    #[error(
        "the password hash is not whole; it has the form $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH, with salt and hash in \
         base 64 without = at their ends"
    )]
    Form,
    #[error("the password hash's salt has {0} bytes; it may have 8 to 64")]
    Salt(usize),
    #[error(
        "the password hash has {0} bytes, and only hashes of 32 bytes are taken; have it made with that length, or give \
         the password instead"
    )]
    Length(usize),
    #[error("the password hash's cost must lie between m=19456,t=2,p=1 and m=1048576,t=16,p=16")]
    Cost,
}

impl PasswordHash {
    const OUTPUT_BYTES: usize = 32;
    /// Bytes of salt that [`hash`] wants.
    pub const SALT_BYTES: usize = 16;

    /// Reads a PHC string.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        use PasswordHashError::Form;
        let rest = text
            .strip_prefix("$argon2id$v=19$")
            .ok_or(PasswordHashError::Kind)?;
        let [params, salt, output] = rest
            .split('$')
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| Form)?;
        let [m, t, p] = params
            .split(',')
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| Form)?;
        let number = |field: &str, name: &str| -> Result<u32, PasswordHashError> {
            let digits = field
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('='))
                .ok_or(Form)?;
            digits.parse().map_err(|_| Form)
        };
        let cost = HashCost {
            memory_kib: number(m, "m")?,
            iterations: number(t, "t")?,
            parallelism: number(p, "p")?,
        };
        let decode = |text: &str| BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| Form);
        let (salt, output) = (decode(salt)?, decode(output)?);
        if !(8..=64).contains(&salt.len()) {
            return Err(PasswordHashError::Salt(salt.len()));
        }
        if output.len() != Self::OUTPUT_BYTES {
            return Err(PasswordHashError::Length(output.len()));
        }
        if !cost.is_acceptable() {
            return Err(PasswordHashError::Cost);
        }
        Ok(Self { cost, salt, output })
    }

    /// A hash that no password has, of the same cost to check: for accounts that do not exist, so that they take the
    /// same work and time as those that do (ASVS 6.3.8).
    pub fn unmatchable(cost: HashCost) -> Self {
        Self {
            cost,
            salt: vec![0; Self::SALT_BYTES],
            output: vec![0; Self::OUTPUT_BYTES],
        }
    }

    /// Whether the hash was made with less than `cost` and should be made again when the password is at hand.
    pub fn is_weaker_than(&self, cost: HashCost) -> bool {
        self.cost.memory_kib < cost.memory_kib
            || self.cost.iterations < cost.iterations
            || self.cost.parallelism < cost.parallelism
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HashCost {
            memory_kib,
            iterations,
            parallelism,
        } = self.cost;
        write!(
            f,
            "$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${}${}",
            BASE64_NOPAD.encode(&self.salt),
            BASE64_NOPAD.encode(&self.output)
        )
    }
}

/// A hash can be attacked offline, so it is not for logs.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash(m={}, …)", self.cost.memory_kib)
    }
}

/// That somebody knew the password of this very hash. Only [`verify`] makes one.
#[derive(Debug)]
pub struct PasswordProof {
    hash: PasswordHash,
}

impl PasswordProof {
    /// Whether the proof is for `hash`.
    pub fn is_for(&self, hash: &PasswordHash) -> bool {
        self.hash == *hash
    }
}

/// The memory that Argon2id fills, kept from one hash to the next.
///
/// Fresh memory costs a page fault for every 4 KiB of it, half as much time again as the hash itself. What stays in it
/// is worth no more to a thief than the hash in the store: both let guesses be tried.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

impl HashMemory {
    /// More than this many KiB, asked for by an imported hash, is given back after use.
    const KEPT_KIB: usize = 64 * 1024;

    fn with<T>(&mut self, kib: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        if self.0.len() < kib {
            self.0.resize_with(kib, Block::default);
        }
        let done = work(&mut self.0[..kib]);
        if self.0.len() > Self::KEPT_KIB {
            self.0 = Vec::new();
        }
        done
    }
}

/// Hashes `password` with a salt from the operating system's generator. Takes the time and memory of `cost`: to be
/// called on the hashing pool only.
pub fn hash(
    password: &PlainPassword,
    salt: [u8; PasswordHash::SALT_BYTES],
    cost: HashCost,
    memory: &mut HashMemory,
) -> PasswordHash {
    PasswordHash {
        cost,
        output: derive(password, &salt, cost, memory).to_vec(),
        salt: salt.to_vec(),
    }
}

/// Checks `password` against `hash`, at the cost the hash was made with: to be called on the hashing pool only.
pub fn verify(
    password: &PlainPassword,
    hash: &PasswordHash,
    memory: &mut HashMemory,
) -> Option<PasswordProof> {
    let output = derive(password, &hash.salt, hash.cost, memory);
    let unmatchable = hash.output.iter().all(|byte| *byte == 0);
    let equal = bool::from(output.as_slice().ct_eq(&hash.output));
    (equal && !unmatchable).then(|| PasswordProof { hash: hash.clone() })
}

fn derive(
    password: &PlainPassword,
    salt: &[u8],
    cost: HashCost,
    memory: &mut HashMemory,
) -> Zeroizing<[u8; PasswordHash::OUTPUT_BYTES]> {
    let mut output = Zeroizing::new([0; PasswordHash::OUTPUT_BYTES]);
    memory
        .with(cost.params().block_count(), |blocks| {
            let argon2 = cost.argon2();
            argon2.hash_password_into_with_memory(
                password.0.as_bytes(),
                salt,
                output.as_mut_slice(),
                blocks,
            )
        })
        .expect("lengths and cost were checked when they were read");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = *b"sixteen byte slt";

    fn hash(password: &PlainPassword, salt: [u8; 16], cost: HashCost) -> PasswordHash {
        super::hash(password, salt, cost, &mut HashMemory::default())
    }

    fn verify(password: &PlainPassword, hash: &PasswordHash) -> Option<PasswordProof> {
        super::verify(password, hash, &mut HashMemory::default())
    }

    #[test]
    fn memory_used_before_gives_the_same_hash() {
        let mut memory = HashMemory::default();
        let more = HashCost {
            memory_kib: 32 * 1024,
            ..HashCost::MIN
        };
        super::hash(&password("sesuatu yang lain"), SALT, more, &mut memory);
        let again = super::hash(
            &password("kuda-hijau-9-awan"),
            SALT,
            HashCost::MIN,
            &mut memory,
        );
        assert_eq!(
            again,
            hash(&password("kuda-hijau-9-awan"), SALT, HashCost::MIN)
        );
    }

    fn password(text: &str) -> PlainPassword {
        PlainPassword::typed(text).unwrap()
    }

    #[test]
    fn a_hash_survives_its_text_and_knows_its_password() {
        let made = hash(&password("kuda-hijau-9-awan"), SALT, HashCost::MIN);
        let read = PasswordHash::parse(&made.to_string()).unwrap();
        assert_eq!(read, made);
        assert!(verify(&password("kuda-hijau-9-awan"), &read).is_some_and(|p| p.is_for(&made)));
        assert!(verify(&password("kuda-hijau-9-awa"), &read).is_none());
    }

    #[test]
    fn our_hash_and_the_librarys_phc_agree() {
        use argon2::PasswordVerifier;
        let made = hash(&password("kuda-hijau-9-awan"), SALT, HashCost::MIN).to_string();
        let parsed = argon2::PasswordHash::new(&made).unwrap();
        assert!(
            Argon2::default()
                .verify_password(b"kuda-hijau-9-awan", &parsed)
                .is_ok()
        );
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        let composed = hash(&password("caf\u{e9}-di-sudut"), SALT, HashCost::MIN);
        assert!(verify(&password("cafe\u{301}-di-sudut"), &composed).is_some());
    }

    #[test]
    fn nothing_is_truncated() {
        let long = "é".repeat(127);
        let made = hash(&password(&format!("{long}a")), SALT, HashCost::MIN);
        assert!(verify(&password(&format!("{long}b")), &made).is_none());
    }

    #[test]
    fn the_dummy_hash_matches_nothing() {
        let dummy = PasswordHash::unmatchable(HashCost::MIN);
        assert!(verify(&password("anything"), &dummy).is_none());
    }

    #[test]
    fn rules_refuse_what_is_short_long_common_or_about_the_account() {
        let chosen = |text: &str| {
            PlainPassword::chosen(text, &["PPK30", "Siti Nurhaliza", "siti@contoso.go.id"])
                .map(|_| ())
        };
        assert_eq!(chosen("kuda7!x"), Err(PasswordRuleError::TooShort));
        assert_eq!(chosen(&"ab!".repeat(43)), Err(PasswordRuleError::TooLong));
        for common in [
            "password",
            "12345678",
            "qwertyuiop",
            "Passw0rd",
            "nurhaliza",
            "contoso1",
        ] {
            assert_eq!(chosen(common), Err(PasswordRuleError::Common), "{common}");
        }
        assert_eq!(chosen("kuda\thijau99awan"), Err(PasswordRuleError::Control));
        assert_eq!(chosen("kuda hijau di awan"), Ok(()));
        assert_eq!(chosen(&"kuda-hijau-9-awan".repeat(7)), Ok(()));
    }

    #[test]
    fn an_issued_password_is_easily_typed_and_passes_the_rules() {
        let mut random = [0; PlainPassword::ISSUE_BYTES];
        for (at, byte) in random.iter_mut().enumerate() {
            *byte = (at * 97 % 251) as u8;
        }
        let issued = PlainPassword::issued(&random);
        assert!(!format!("{issued:?}").contains(&issued.as_str()[..4]));
        let issued = issued.as_str();
        assert_eq!(issued.len(), 19, "{issued}");
        let groups: Vec<&str> = issued.split('-').collect();
        assert_eq!(groups.len(), 4, "{issued}");
        for group in groups {
            let easy = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            assert!(group.len() == 4 && group.chars().all(easy), "{group}");
            assert!(!group.contains(['0', 'o', '1', 'i', 'l', '2', 'z', '5', 's', '8', 'b', 'u']));
        }
        assert!(PlainPassword::chosen(issued, &["PPK30"]).is_ok());
    }

    #[test]
    fn strength_grows_with_what_has_to_be_guessed() {
        let strength = |text: &str| password(text).strength(&["PPK30", "Siti Nurhaliza"]);
        assert_eq!(strength("kuda9!x"), Strength::Short);
        assert_eq!(strength("nurhaliza1"), Strength::Guessable);
        assert_eq!(strength("password2020"), Strength::Guessable);
        assert_eq!(strength("monkey1990"), Strength::Guessable);
        assert_eq!(strength("kucing12"), Strength::Weak);
        assert_eq!(strength("bukuhijau"), Strength::Fair);
        assert_eq!(strength("kuda hijau di awan 9"), Strength::Strong);
        // A long one is judged by its parts, wherever the strong one is, and cut between characters.
        assert_eq!(strength(&"a".repeat(128)), Strength::Guessable);
        let late = format!("{}é{}", "a".repeat(47), "kuda hijau di awan 9");
        assert_eq!(strength(&late), Strength::Strong);
        assert!(Strength::Short < Strength::Guessable && Strength::Fair < Strength::Strong);
    }

    #[test]
    fn foreign_hashes_are_taken_only_within_bounds() {
        let good = hash(&password("kuda-hijau-9-awan"), SALT, HashCost::MIN).to_string();
        let with = |from: &str, to: &str| PasswordHash::parse(&good.replace(from, to));
        assert_eq!(with("m=19456", "m=4096"), Err(PasswordHashError::Cost));
        assert_eq!(with("m=19456", "m=99999999"), Err(PasswordHashError::Cost));
        assert_eq!(with("t=2", "t=1"), Err(PasswordHashError::Cost));
        for (from, to) in [("argon2id", "argon2i"), ("v=19", "v=16")] {
            assert_eq!(with(from, to), Err(PasswordHashError::Kind), "{to}");
        }
        for (from, to) in [("$m=", "$x="), (",t=2", ""), ("p=1$", "p=1$=")] {
            assert_eq!(with(from, to), Err(PasswordHashError::Form), "{to}");
        }
        assert_eq!(PasswordHash::parse(""), Err(PasswordHashError::Kind));
        assert_eq!(
            PasswordHash::parse("$2y$10$abcdefghijklmnopqrstuv"),
            Err(PasswordHashError::Kind)
        );
        // Other lengths are good hashes elsewhere; here they have a reason of their own.
        let of = |salt: usize, output: usize| {
            let encoded = |bytes| BASE64_NOPAD.encode(&vec![7; bytes]);
            let (salt, output) = (encoded(salt), encoded(output));
            PasswordHash::parse(&format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}"))
        };
        assert!(of(8, 32).is_ok() && of(64, 32).is_ok());
        assert_eq!(of(16, 16), Err(PasswordHashError::Length(16)));
        assert_eq!(of(16, 64), Err(PasswordHashError::Length(64)));
        assert_eq!(of(7, 32), Err(PasswordHashError::Salt(7)));
    }

    #[test]
    fn what_cannot_be_seen_in_a_password_that_is_handed_over_is_refused() {
        let handed = |text: &str| PlainPassword::handed(text, &["PPK30"]).map(|_| ());
        assert_eq!(handed("kuda hijau di awan"), Ok(()));
        assert_eq!(handed("kuda-é-王-😀-awan"), Ok(()));
        for text in [
            " kuda hijau di awan",
            "kuda hijau di awan ",
            "kuda hijau di awan  ",
        ] {
            assert_eq!(handed(text), Err(HandedPasswordError::Edge), "{text:?}");
        }
        for unseen in [
            '\u{a0}', '\u{feff}', '\u{200b}', '\u{3000}', '\u{202f}', '\u{3164}', '\u{ad}',
        ] {
            for text in [
                format!("{unseen}kuda hijau di awan"),
                format!("kuda hijau{unseen}di awan"),
                format!("kuda hijau di awan{unseen}"),
            ] {
                assert_eq!(
                    handed(&text),
                    Err(HandedPasswordError::Unseen(unseen)),
                    "{text:?}"
                );
            }
        }
        let rule = HandedPasswordError::Rule(PasswordRuleError::Control);
        assert_eq!(handed("kuda\thijau99awan"), Err(rule));
        let rule = HandedPasswordError::Rule(PasswordRuleError::TooShort);
        assert_eq!(handed("kuda"), Err(rule));
    }

    #[test]
    fn neither_password_nor_hash_is_printed() {
        let secret = password("kuda-hijau-9-awan");
        let hashed = hash(&secret, SALT, HashCost::MIN);
        let printed = format!("{secret:?} {hashed:?}");
        assert!(
            !printed.contains("kuda") && !printed.contains("c2l4dGVlbg"),
            "{printed}"
        );
    }
}
