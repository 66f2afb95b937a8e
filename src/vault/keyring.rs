//! The master keys that are in use together, where they are kept, and who else must know them.
//!
//! A key is learned by everybody who opens before anybody seals with it, and forgotten only when nothing is sealed under
//! it any more; in between, all of them open (security.md section 3: `key rotate` online, resumable).

use std::fmt;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key that seals everything secret in a store.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; Self::LENGTH]);

impl MasterKey {
    /// Bytes in a master key.
    pub const LENGTH: usize = 32;

    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The name by which records say which key sealed them: a digest, which tells nothing of the key.
    pub fn id(&self) -> String {
        let digest = Sha256::new()
            .chain_update(b"lpse-kiosk master key id\0")
            .chain_update(self.0)
            .finalize();
        HEXLOWER.encode(&digest[..8])
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// Master keys in their order: the first seals, all open.
#[derive(Debug, Clone)]
pub struct Keyring {
    sealing: MasterKey,
    others: Vec<MasterKey>,
}

impl Keyring {
    pub fn new(sealing: MasterKey, others: Vec<MasterKey>) -> Self {
        Self { sealing, others }
    }

    pub fn sealing(&self) -> &MasterKey {
        &self.sealing
    }

    /// All of them, the one that seals first.
    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.sealing).chain(&self.others)
    }

    pub fn find(&self, id: &str) -> Option<&MasterKey> {
        self.iter().find(|key| key.id() == id)
    }

    pub fn holds(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    /// The same with `key`, which opens and does not seal.
    pub fn with(&self, key: MasterKey) -> Self {
        let mut ring = self.clone();
        if !ring.holds(&key.id()) {
            ring.others.push(key);
        }
        ring
    }

    /// The same with the key named `id` as the one that seals; `None` when there is no such key.
    pub fn sealing_with(&self, id: &str) -> Option<Self> {
        let sealing = self.find(id)?.clone();
        let others = self.iter().filter(|key| key.id() != id).cloned().collect();
        Some(Self { sealing, others })
    }

    /// The one that seals, alone.
    pub fn sealing_alone(&self) -> Self {
        Self::new(self.sealing.clone(), Vec::new())
    }

    /// The keys by their names.
    pub fn held(&self) -> KeysHeld {
        KeysHeld {
            sealing: self.sealing.id(),
            opening: self.iter().map(MasterKey::id).collect(),
        }
    }
}

/// Which keys somebody holds, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysHeld {
    pub sealing: String,
    /// Those that open, the one that seals among them.
    pub opening: Vec<String>,
}

impl KeysHeld {
    pub fn opens(&self, id: &str) -> bool {
        self.opening.iter().any(|opening| opening == id)
    }
}

/// Why keys cannot be read, written or taken into use, and what to do about it, for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// Where master keys are kept.
pub trait KeyFile: Send + Sync + fmt::Debug + 'static {
    /// How operators know the place.
    fn shown(&self) -> String;

    /// The keys as they are kept now.
    fn read(&self) -> Result<Keyring, KeyError>;

    /// Whether this process may keep other keys there at all.
    ///
    /// # Errors
    /// Why it may not: it is a copy that somebody else makes, at this process's start.
    fn replaceable(&self) -> Result<(), KeyError>;

    /// Keeps `keys` in place of what is kept, whole or not at all, durably.
    fn replace(&self, keys: &Keyring) -> Result<(), KeyError>;
}

/// Another process that seals into the same store.
#[async_trait]
pub trait KeyHolder: Send + Sync + fmt::Debug + 'static {
    /// Whether it can come to hold what is kept in this process's file, `kept` now, and holds it at its next start too.
    /// Nothing is changed.
    async fn can_learn(&self, kept: &Keyring) -> Result<(), KeyError>;

    /// As [`super::Vault::learn`], or, where its own file is a copy that was made at its start, as [`super::Vault::hold`].
    /// `kept` is what this process's file holds now.
    async fn learn(&self, kept: &Keyring) -> Result<KeysHeld, KeyError>;

    /// As [`super::Vault::seal_with`].
    async fn seal_with(&self, id: &str) -> Result<KeysHeld, KeyError>;
}
