//! The head of a backup: which format it is, and how its key comes from a passphrase or a key file.
//!
//! The head is not secret, and the file's own key depends on every bit of it: whoever changes it makes the first chunk
//! unreadable. What it asks of whoever reads it is bounded before anything is done for it.

use std::{
    fmt,
    io::{self, Read},
};

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{BackupError, VERSION};

const MAGIC: &[u8; 8] = b"LPSEKBAK";

/// Bytes of a head: what it is (8), format, kind of key, twelve bytes that depend on the kind, salt, nonce.
pub const LENGTH: usize = 8 + 1 + 1 + 12 + SALT + NONCE;

const SALT: usize = 16;

/// The stream's counter and its mark of the last chunk take the other five of XChaCha20's 24.
pub const NONCE: usize = 19;

/// What a passphrase costs whoever tries it: 64 MiB, three passes, one lane (RFC 9106 section 4, the second choice,
/// with one lane). Nobody waits for it but an operator.
const COST: Cost = Cost {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 1,
};

/// The most that a head may ask for.
const MOST: Cost = Cost {
    memory_kib: 1024 * 1024,
    passes: 16,
    lanes: 8,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// What a backup is encrypted to.
#[derive(Clone)]
pub enum BackupKey {
    Passphrase(Passphrase),
    /// 32 random bytes.
    File(Zeroizing<[u8; 32]>),
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase(_) => f.write_str("Passphrase(…)"),
            Self::File(key) => write!(f, "File({})", HEXLOWER.encode(&id(key))),
        }
    }
}

/// A passphrase, in NFC; wiped when dropped, never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Why a text may not become a passphrase. Whoever has the file can try passphrases for as long as they like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    #[error("a passphrase for a backup has at least 12 characters")]
    TooShort,
    #[error("the passphrase is too long, or has control characters")]
    Form,
    #[error(
        "this passphrase would be guessed; choose another, for example five unrelated words, or use --new-key-file"
    )]
    Guessable,
}

impl Passphrase {
    const MIN_CHARS: usize = 12;
    const MAX_BYTES: usize = 4096;

    /// A guess costs whoever has the file a tenth of a second; this many cost them centuries.
    const FEWEST_GUESSES_LOG10: f64 = 10.0;

    /// A passphrase as it was typed.
    pub fn typed(text: &str) -> Result<Self, PassphraseError> {
        if text.len() > Self::MAX_BYTES || text.chars().any(char::is_control) {
            return Err(PassphraseError::Form);
        }
        // Reserved in full, so that no half-built copy stays behind in freed memory.
        let mut normal = Zeroizing::new(String::with_capacity(4 * text.len() + 4));
        normal.extend(text.nfc());
        Ok(Self(normal))
    }

    /// A passphrase for a new backup.
    pub fn chosen(text: &str) -> Result<Self, PassphraseError> {
        let passphrase = Self::typed(text)?;
        if passphrase.0.chars().count() < Self::MIN_CHARS {
            return Err(PassphraseError::TooShort);
        }
        let words = ["lpse", "spse", "totp", "kiosk", "backup", "cadangan"];
        let guesses = zxcvbn::zxcvbn(&passphrase.0, &words).guesses_log10();
        if guesses < Self::FEWEST_GUESSES_LOG10 {
            return Err(PassphraseError::Guessable);
        }
        Ok(passphrase)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// What opens a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    Passphrase,
    /// The key file with this name.
    File(String),
}

impl fmt::Display for Wants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passphrase => f.write_str("a passphrase"),
            Self::File(id) => write!(f, "the key file {id}"),
        }
    }
}

/// The head of one backup.
#[derive(Debug, Clone)]
pub struct Header {
    kind: Kind,
    salt: [u8; SALT],
    pub nonce: [u8; NONCE],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passphrase(Cost),
    File([u8; 8]),
}

impl Header {
    /// Random bytes that a new head wants.
    pub const RANDOM_BYTES: usize = SALT + NONCE;

    /// The head of a new backup to `key`.
    pub fn new(key: &BackupKey, random: [u8; Self::RANDOM_BYTES]) -> Self {
        let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
        salt.copy_from_slice(&random[..SALT]);
        nonce.copy_from_slice(&random[SALT..]);
        Self {
            kind: match key {
                BackupKey::Passphrase(_) => Kind::Passphrase(COST),
                BackupKey::File(key) => Kind::File(id(key)),
            },
            salt,
            nonce,
        }
    }

    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut of_kind = [0; 12];
        let kind = match self.kind {
            Kind::Passphrase(cost) => {
                of_kind[..4].copy_from_slice(&cost.memory_kib.to_be_bytes());
                of_kind[4..8].copy_from_slice(&cost.passes.to_be_bytes());
                of_kind[8..].copy_from_slice(&cost.lanes.to_be_bytes());
                1
            }
            Kind::File(id) => {
                of_kind[..8].copy_from_slice(&id);
                2
            }
        };
        let parts: [&[u8]; 5] = [MAGIC, &[VERSION, kind], &of_kind, &self.salt, &self.nonce];
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(&parts.concat());
        bytes
    }

    pub fn read(from: &mut impl Read) -> Result<Self, BackupError> {
        let mut bytes = [0; LENGTH];
        let read = from.read_exact(&mut bytes);
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(BackupError::Foreign);
            }
            read => read?,
        }
        let mut rest = &bytes[..];
        let (magic, [version, kind], of_kind) =
            (take::<8>(&mut rest), take(&mut rest), take::<12>(&mut rest));
        if magic != *MAGIC {
            return Err(BackupError::Foreign);
        }
        if version != VERSION {
            return Err(BackupError::Newer(version));
        }
        let mut of_kind = &of_kind[..];
        let kind = match kind {
            1 => Kind::Passphrase(Cost {
                memory_kib: u32::from_be_bytes(take(&mut of_kind)),
                passes: u32::from_be_bytes(take(&mut of_kind)),
                lanes: u32::from_be_bytes(take(&mut of_kind)),
            }),
            2 => {
                let id = take(&mut of_kind);
                if of_kind != [0; 4] {
                    return Err(BackupError::Foreign);
                }
                Kind::File(id)
            }
            _ => return Err(BackupError::Foreign),
        };
        if let Kind::Passphrase(cost) = kind {
            let bounds = [
                (cost.memory_kib, MOST.memory_kib, "too much memory"),
                (cost.passes, MOST.passes, "too many passes"),
                (cost.lanes, MOST.lanes, "too many lanes"),
            ];
            for (asked, most, what) in bounds {
                if asked == 0 || asked > most {
                    return Err(BackupError::Costly(what));
                }
            }
        }
        Ok(Self {
            kind,
            salt: take(&mut rest),
            nonce: take(&mut rest),
        })
    }

    pub fn wants(&self) -> Wants {
        match self.kind {
            Kind::Passphrase(_) => Wants::Passphrase,
            Kind::File(id) => Wants::File(HEXLOWER.encode(&id)),
        }
    }

    /// The key of this one file.
    pub fn file_key(&self, key: &BackupKey) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let given = match (&self.kind, key) {
            (Kind::Passphrase(cost), BackupKey::Passphrase(passphrase)) => {
                stretched(*cost, passphrase, &self.salt)?
            }
            (Kind::File(wanted), BackupKey::File(key)) if *wanted == id(key) => key.clone(),
            _ => return Err(BackupError::WantsOther(self.wants())),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(given.as_slice())
            .expect("HMAC takes keys of any length");
        mac.update(b"lpse-kiosk/1/backup\0");
        mac.update(&self.to_bytes());
        Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
    }
}

/// What opens the backup at the beginning of `from`.
pub fn wants(from: &mut impl Read) -> Result<Wants, BackupError> {
    Ok(Header::read(from)?.wants())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (first, rest) = bytes
        .split_first_chunk()
        .expect("a head is as long as its parts");
    *bytes = rest;
    *first
}

fn id(key: &[u8; 32]) -> [u8; 8] {
    let digest = Sha256::new()
        .chain_update(b"lpse-kiosk backup key id\0")
        .chain_update(key)
        .finalize();
    *digest.first_chunk().expect("a digest has 32 bytes")
}

fn stretched(
    cost: Cost,
    passphrase: &Passphrase,
    salt: &[u8],
) -> Result<Zeroizing<[u8; 32]>, BackupError> {
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(key.len()));
    let argon2 = params.map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
    argon2
        .and_then(|argon2| argon2.hash_password_into(passphrase.0.as_bytes(), salt, &mut *key))
        .map_err(|_| BackupError::Costly("something impossible"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(key: &BackupKey) -> Header {
        Header::new(key, [9; Header::RANDOM_BYTES])
    }

    #[test]
    fn a_hostile_head_is_refused_before_anything_is_done_for_it() {
        let key = BackupKey::Passphrase(Passphrase::typed("x").unwrap());
        let honest = header(&key).to_bytes();
        assert!(Header::read(&mut &honest[..]).is_ok());
        for (at, bytes, what) in [
            (10, 100 * 1024 * 1024_u32, "memory"),
            (14, 1000, "passes"),
            (18, 1000, "lanes"),
            (10, 0, "memory"),
        ] {
            let mut hostile = honest;
            hostile[at..at + 4].copy_from_slice(&bytes.to_be_bytes());
            let refused = Header::read(&mut &hostile[..]).unwrap_err();
            assert!(refused.to_string().contains(what), "{refused}");
        }
        // Within the bounds and impossible all the same: eight lanes want 64 KiB at least.
        let mut odd = honest;
        odd[10..14].copy_from_slice(&8_u32.to_be_bytes());
        odd[18..22].copy_from_slice(&8_u32.to_be_bytes());
        let header = Header::read(&mut &odd[..]).unwrap();
        assert!(matches!(header.file_key(&key), Err(BackupError::Costly(_))));
    }

    #[test]
    fn every_bit_of_the_head_counts() {
        let key = BackupKey::File(Zeroizing::new([5; 32]));
        let honest = header(&key);
        let own = honest.file_key(&key).unwrap();
        for at in 0..LENGTH {
            let mut changed = honest.to_bytes();
            changed[at] ^= 1;
            let read = Header::read(&mut &changed[..]);
            let found = read.and_then(|header| header.file_key(&key));
            assert!(found.is_err() || *found.unwrap() != *own, "byte {at}");
        }
    }

    #[test]
    fn passphrases_that_are_guessed_are_refused() {
        for (text, why) in [
            ("pendek", PassphraseError::TooShort),
            ("password1234", PassphraseError::Guessable),
            ("lpsekioskbackup", PassphraseError::Guessable),
            ("baris\nbaris baris", PassphraseError::Form),
        ] {
            assert_eq!(Passphrase::chosen(text).unwrap_err(), why, "{text}");
        }
        assert!(Passphrase::chosen("perahu layar biru di telaga sunyi").is_ok());
    }

    #[test]
    fn another_kind_of_key_is_named() {
        let file = BackupKey::File(Zeroizing::new([5; 32]));
        let passphrase = BackupKey::Passphrase(Passphrase::typed("x").unwrap());
        let refused = header(&file).file_key(&passphrase).unwrap_err();
        assert!(refused.to_string().contains("the key file "), "{refused}");
        let refused = header(&passphrase).file_key(&file).unwrap_err();
        assert!(refused.to_string().contains("a passphrase"), "{refused}");
    }
}
