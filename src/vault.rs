//! Sealing and opening secrets: XChaCha20-Poly1305 under a master key that is kept apart from the store.
//!
//! A sealed secret is bound to its account and kind as associated data, so a record moved to another account does not
//! open; the nonce is random, 24 bytes, which needs no counter to be kept (security.md section 3).
//!
//! Clones of a vault are one vault: a key that is learned, or taken into use, is so for all of them. Whoever seals
//! does it under the key that the store's seal check is sealed under ([`Vault::sealing_under`]), and commits on
//! condition that the check has not changed (`SealRead` in the store's settings), which it does whenever another key
//! begins to seal. So nothing comes into the store under a key after that key's last record was looked for, nor under
//! one that the other machines do not have, whatever file a machine was started with.

mod keyring;

use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::domain::{
    AccountKey, Secret,
    account::SealedSecret,
    letter::LetterId,
    recovery::RecoverySet,
    reset::{ShortCode, TicketSecrets, Token},
};
pub use keyring::{KeyError, KeyFile, KeyHolder, Keyring, KeysHeld, MasterKey};

/// What a sealed text belongs to; a text sealed for one does not open as another.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// The TOTP secret of an account.
    TotpSecret(&'a AccountKey),
    /// What is kept of an account's recovery codes.
    RecoveryCodes(&'a AccountKey),
    /// The secrets of a ticket, in the letter that tells them.
    TicketSecrets(&'a LetterId),
    /// The text by which a store knows its master key again.
    SealCheck,
    /// The key of the tags by which a store's records are checked.
    StoreKey,
}

impl Purpose<'_> {
    fn associated_data(self) -> Vec<u8> {
        match self {
            Self::TotpSecret(account) => format!("lpse-kiosk/1/totp-secret/{account}"),
            Self::RecoveryCodes(account) => format!("lpse-kiosk/1/recovery-codes/{account}"),
            Self::TicketSecrets(letter) => format!("lpse-kiosk/1/ticket-secrets/{letter}"),
            Self::SealCheck => "lpse-kiosk/1/seal-check".to_owned(),
            Self::StoreKey => "lpse-kiosk/1/store-key".to_owned(),
        }
        .into_bytes()
    }
}

/// Why a sealed text does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("it is sealed under master key {0}, which the master key file does not hold")]
    UnknownKey(String),
    #[error("it was damaged, or moved here from another record")]
    NotAuthentic,
}

/// The master keys at hand, in use.
#[derive(Debug, Clone)]
pub struct Vault {
    /// Replaced whole, so that one act of sealing or opening meets one set of keys; held for no longer than a copy takes.
    ring: Arc<RwLock<Arc<Keyring>>>,
    file: Option<Arc<dyn KeyFile>>,
    elsewhere: Option<Arc<dyn KeyHolder>>,
}

impl Vault {
    /// Bytes of nonce that sealing wants.
    pub const NONCE_BYTES: usize = 24;

    /// A vault that seals under `current` and opens with `older` keys as well. They are kept nowhere.
    pub fn new(current: MasterKey, older: Vec<MasterKey>) -> Self {
        Self::of_keys(Keyring::new(current, older))
    }

    /// A vault with `keys`, which are kept nowhere.
    pub fn of_keys(keys: Keyring) -> Self {
        Self::over(keys, None)
    }

    /// A vault with the keys that `file` keeps.
    pub fn of_file(file: Arc<dyn KeyFile>) -> Result<Self, KeyError> {
        Ok(Self::over(file.read()?, Some(file)))
    }

    fn over(ring: Keyring, file: Option<Arc<dyn KeyFile>>) -> Self {
        Self {
            ring: Arc::new(RwLock::new(Arc::new(ring))),
            file,
            elsewhere: None,
        }
    }

    /// The same vault, in a process beside another one that seals into the same store.
    pub fn beside(self, holder: Arc<dyn KeyHolder>) -> Self {
        Self {
            elsewhere: Some(holder),
            ..self
        }
    }

    /// Where the keys are kept, if they are.
    pub fn file(&self) -> Option<&dyn KeyFile> {
        self.file.as_deref()
    }

    /// The other process that seals into the same store, if there is one.
    pub fn elsewhere(&self) -> Option<&dyn KeyHolder> {
        self.elsewhere.as_deref()
    }

    /// The keys as they are in use now.
    pub fn keys(&self) -> Arc<Keyring> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.clone()
    }

    /// The keys as they are kept now: in the file, and, where that is a copy which was made at this process's start, with
    /// those that were handed over since.
    pub fn kept(&self) -> Result<Keyring, KeyError> {
        let file = self.file().ok_or_else(|| {
            KeyError("the master key is this process's own and kept nowhere".into())
        })?;
        let kept = file.read()?;
        if file.replaceable().is_ok() {
            return Ok(kept);
        }
        Ok(self
            .keys()
            .iter()
            .cloned()
            .fold(kept, |all, key| all.with(key)))
    }

    /// Reads the keys again from where they are kept: new ones open from now on, those that are gone no longer do. The
    /// one that seals stays so, and must be among them; [`Vault::seal_with`] alone changes that.
    pub fn learn(&self) -> Result<KeysHeld, KeyError> {
        self.keep_to(&self.kept()?)
    }

    /// Takes `kept` for what the file will hold at the next start: as [`Vault::learn`] does what it holds now.
    ///
    /// # Errors
    /// The file can be read again, and says itself what it holds.
    pub fn hold(&self, kept: &Keyring) -> Result<KeysHeld, KeyError> {
        match self.file() {
            Some(file) if file.replaceable().is_err() => self.keep_to(kept),
            _ => Err(KeyError(
                "it reads its master keys from a file, and takes none from anybody".into(),
            )),
        }
    }

    fn keep_to(&self, kept: &Keyring) -> Result<KeysHeld, KeyError> {
        self.change(|ring| {
            let sealing = ring.sealing().id();
            kept.sealing_with(&sealing).ok_or_else(|| {
                let file = self.file().map_or_else(String::new, KeyFile::shown);
                KeyError(format!(
                    "{file} does not hold the key {sealing}, with which the program seals; put it back"
                ))
            })
        })
    }

    /// This vault, as it seals with the key named `id`. What it learns, only it knows.
    pub fn sealing_under(&self, id: &str) -> Result<Self, VaultError> {
        let keys = self.keys_with(id)?;
        if keys.sealing().id() == id {
            return Ok(self.clone());
        }
        let ring = keys.sealing_with(id);
        let ring = ring.ok_or_else(|| VaultError::UnknownKey(id.to_owned()))?;
        Ok(Self {
            ring: Arc::new(RwLock::new(Arc::new(ring))),
            ..self.clone()
        })
    }

    /// The keys, with the one named `id` among them. One that is not known here may have come into the file since it was
    /// read: another machine has rotated, and the operator has brought its file here.
    fn keys_with(&self, id: &str) -> Result<Arc<Keyring>, VaultError> {
        let keys = self.keys();
        if keys.holds(id) {
            return Ok(keys);
        }
        self.look_again();
        let keys = self.keys();
        if keys.holds(id) {
            return Ok(keys);
        }
        Err(VaultError::UnknownKey(id.to_owned()))
    }

    /// Adds the keys that have come into the file since it was read; whether there were any.
    pub fn look_again(&self) -> bool {
        let Some(kept) = self.file().and_then(|file| file.read().ok()) else {
            return false;
        };
        let known = self.keys();
        let mut new = kept
            .iter()
            .filter(|key| !known.holds(&key.id()))
            .cloned()
            .peekable();
        if new.peek().is_none() {
            return false;
        }
        let learned = |ring: &Keyring| Ok(new.fold(ring.clone(), |all, key| all.with(key)));
        self.change(learned).is_ok()
    }

    /// Seals with the key named `id` from now on.
    pub fn seal_with(&self, id: &str) -> Result<KeysHeld, KeyError> {
        self.change(|ring| {
            ring.sealing_with(id)
                .ok_or_else(|| KeyError(format!("the key {id} is not known here")))
        })
    }

    fn change(
        &self,
        change: impl FnOnce(&Keyring) -> Result<Keyring, KeyError>,
    ) -> Result<KeysHeld, KeyError> {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        *ring = Arc::new(change(&ring)?);
        Ok(ring.held())
    }

    /// Seals the TOTP secret of `account`. `nonce` is random and used once.
    pub fn seal_secret(
        &self,
        account: &AccountKey,
        secret: &Secret,
        nonce: [u8; Self::NONCE_BYTES],
    ) -> SealedSecret {
        self.seal(Purpose::TotpSecret(account), secret.as_bytes(), nonce)
    }

    /// The TOTP secret of `account`.
    pub fn open_secret(
        &self,
        account: &AccountKey,
        sealed: &SealedSecret,
    ) -> Result<Secret, VaultError> {
        let opened = self.open(Purpose::TotpSecret(account), sealed)?;
        let bytes = Zeroizing::new(
            <[u8; Secret::LENGTH]>::try_from(opened.as_slice())
                .map_err(|_| VaultError::NotAuthentic)?,
        );
        Ok(Secret::from_bytes(*bytes))
    }

    /// Seals what is kept of the recovery codes of `account`. `nonce` is random and used once.
    pub fn seal_recovery_codes(
        &self,
        account: &AccountKey,
        codes: &RecoverySet,
        nonce: [u8; Self::NONCE_BYTES],
    ) -> SealedSecret {
        self.seal(Purpose::RecoveryCodes(account), &codes.to_bytes(), nonce)
    }

    /// What is kept of the recovery codes of `account`.
    pub fn open_recovery_codes(
        &self,
        account: &AccountKey,
        sealed: &SealedSecret,
    ) -> Result<RecoverySet, VaultError> {
        let opened = self.open(Purpose::RecoveryCodes(account), sealed)?;
        RecoverySet::from_bytes(&opened).ok_or(VaultError::NotAuthentic)
    }

    /// Seals a ticket's secrets into its letter. `nonce` is random and used once.
    pub fn seal_ticket_secrets(
        &self,
        letter: &LetterId,
        secrets: &TicketSecrets,
        nonce: [u8; Self::NONCE_BYTES],
    ) -> SealedSecret {
        let bytes =
            Zeroizing::new([&secrets.token.as_bytes()[..], secrets.code.as_bytes()].concat());
        self.seal(Purpose::TicketSecrets(letter), &bytes, nonce)
    }

    /// A ticket's secrets from its letter.
    pub fn open_ticket_secrets(
        &self,
        letter: &LetterId,
        sealed: &SealedSecret,
    ) -> Result<TicketSecrets, VaultError> {
        let opened = self.open(Purpose::TicketSecrets(letter), sealed)?;
        let parts = opened
            .split_at_checked(Token::BYTES)
            .and_then(|(token, code)| {
                Some(TicketSecrets {
                    token: Token::from_bytes(token.try_into().ok()?),
                    code: ShortCode::from_bytes(code.try_into().ok()?)?,
                })
            });
        parts.ok_or(VaultError::NotAuthentic)
    }

    /// Seals a store key. `nonce` is random and used once.
    pub fn seal_store_key(&self, key: &[u8; 32], nonce: [u8; Self::NONCE_BYTES]) -> SealedSecret {
        self.seal(Purpose::StoreKey, key, nonce)
    }

    /// The store key.
    pub fn open_store_key(&self, sealed: &SealedSecret) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let opened = self.open(Purpose::StoreKey, sealed)?;
        let bytes = opened.as_slice().try_into();
        bytes
            .map(Zeroizing::new)
            .map_err(|_| VaultError::NotAuthentic)
    }

    /// A key for something that is not kept, the same on every node with the same current master key. `purpose` keeps
    /// one use's key apart from another's.
    pub fn derived_key(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derived(self.keys().sealing(), purpose)
    }

    /// What [`Vault::derived_key`] is under each of the keys: what another node, or this one before a rotation, may
    /// have used.
    pub fn derived_keys(&self, purpose: &str) -> Vec<Zeroizing<[u8; 32]>> {
        let keys = self.keys();
        keys.iter().map(|key| derived(key, purpose)).collect()
    }

    /// The text that a new store keeps to know this vault's current key again.
    pub fn seal_check(&self, nonce: [u8; Self::NONCE_BYTES]) -> SealedSecret {
        self.seal(Purpose::SealCheck, b"lpse-kiosk", nonce)
    }

    /// Whether this vault holds the key that a store was created with.
    pub fn passes_check(&self, sealed: &SealedSecret) -> Result<(), VaultError> {
        self.opens(Purpose::SealCheck, sealed)
    }

    /// What `sealed` holds, sealed anew under the key that seals now; `None` when it is sealed under it already.
    pub fn seal_anew(
        &self,
        purpose: Purpose<'_>,
        sealed: &SealedSecret,
        nonce: [u8; Self::NONCE_BYTES],
    ) -> Result<Option<SealedSecret>, VaultError> {
        if sealed.key_id == self.keys().sealing().id() {
            return Ok(None);
        }
        let opened = self.open(purpose, sealed)?;
        Ok(Some(self.seal(purpose, &opened, nonce)))
    }

    /// Whether `sealed` opens as what it is kept for.
    pub fn opens(&self, purpose: Purpose<'_>, sealed: &SealedSecret) -> Result<(), VaultError> {
        self.open(purpose, sealed).map(drop)
    }

    fn seal(
        &self,
        purpose: Purpose<'_>,
        plaintext: &[u8],
        nonce: [u8; Self::NONCE_BYTES],
    ) -> SealedSecret {
        let keys = self.keys();
        let key = keys.sealing();
        let payload = Payload {
            msg: plaintext,
            aad: &purpose.associated_data(),
        };
        let ciphertext = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a secret is far shorter than the cipher's limit");
        SealedSecret {
            key_id: key.id(),
            nonce: nonce.to_vec(),
            ciphertext,
        }
    }

    fn open(
        &self,
        purpose: Purpose<'_>,
        sealed: &SealedSecret,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let keys = self.keys_with(&sealed.key_id)?;
        let key = keys
            .find(&sealed.key_id)
            .ok_or_else(|| VaultError::UnknownKey(sealed.key_id.clone()))?;
        let nonce: [u8; Self::NONCE_BYTES] = sealed
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::NotAuthentic)?;
        let payload = Payload {
            msg: &sealed.ciphertext,
            aad: &purpose.associated_data(),
        };
        cipher(key)
            .decrypt(&XNonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| VaultError::NotAuthentic)
    }
}

fn derived(key: &MasterKey, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("lpse-kiosk/1/derived/{purpose}").as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn cipher(key: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{UserId, UserType};

    fn account(id: &str) -> AccountKey {
        AccountKey::new(UserType::Penyedia, UserId::parse(id).unwrap())
    }

    fn vault() -> Vault {
        Vault::new(MasterKey::from_bytes([7; 32]), Vec::new())
    }

    #[test]
    fn a_sealed_secret_opens_for_its_own_account_only() {
        let secret = Secret::from_bytes([3; 20]);
        let sealed = vault().seal_secret(&account("ABC"), &secret, [9; 24]);
        let opened = vault().open_secret(&account("ABC"), &sealed).unwrap();
        assert_eq!(opened.as_bytes(), secret.as_bytes());
        assert_eq!(
            vault().open_secret(&account("ABD"), &sealed).unwrap_err(),
            VaultError::NotAuthentic
        );
        let other_type = AccountKey::new(UserType::NonPenyedia, UserId::parse("ABC").unwrap());
        assert!(vault().open_secret(&other_type, &sealed).is_err());
        assert!(vault().passes_check(&sealed).is_err());
    }

    /// A key file that its operator changes.
    #[derive(Debug)]
    struct Carried(RwLock<Keyring>);

    impl KeyFile for Carried {
        fn shown(&self) -> String {
            "a file".into()
        }

        fn read(&self) -> Result<Keyring, KeyError> {
            Ok(self.0.read().unwrap().clone())
        }

        fn replaceable(&self) -> Result<(), KeyError> {
            Ok(())
        }

        fn replace(&self, keys: &Keyring) -> Result<(), KeyError> {
            *self.0.write().unwrap() = keys.clone();
            Ok(())
        }
    }

    #[test]
    fn a_key_is_looked_for_in_the_file_again_and_the_stores_key_seals() {
        let [old, new] = [7, 8].map(|byte| MasterKey::from_bytes([byte; 32]));
        let elsewhere = Vault::new(new.clone(), Vec::new());
        let sealed = elsewhere.seal_check([1; 24]);
        let file = Arc::new(Carried(RwLock::new(Keyring::new(old.clone(), Vec::new()))));
        let vault = Vault::of_file(file.clone()).unwrap();
        let unknown = VaultError::UnknownKey(new.id());
        assert_eq!(vault.passes_check(&sealed), Err(unknown.clone()));
        assert_eq!(vault.sealing_under(&new.id()).unwrap_err(), unknown);
        // The other machine dropped the old key before its file came here.
        file.replace(&Keyring::new(new.clone(), Vec::new()))
            .unwrap();
        assert_eq!(vault.passes_check(&sealed), Ok(()));
        let stores = vault.sealing_under(&new.id()).unwrap();
        assert_eq!(stores.seal_check([2; 24]).key_id, new.id());
        // Until the process ends, what is still under the old one opens, and its own choice stays.
        assert_eq!(vault.seal_check([3; 24]).key_id, old.id());
        assert_eq!(stores.passes_check(&vault.seal_check([4; 24])), Ok(()));
    }

    #[test]
    fn recovery_codes_open_for_their_own_account_only() {
        let (_, codes) = RecoverySet::issue(&[7; _]);
        let sealed = vault().seal_recovery_codes(&account("ABC"), &codes, [9; 24]);
        let opened = vault()
            .open_recovery_codes(&account("ABC"), &sealed)
            .unwrap();
        assert_eq!(opened.to_bytes(), codes.to_bytes());
        assert_eq!(
            vault()
                .open_recovery_codes(&account("ABD"), &sealed)
                .unwrap_err(),
            VaultError::NotAuthentic
        );
        assert!(vault().open_secret(&account("ABC"), &sealed).is_err());
    }

    #[test]
    fn a_tickets_secrets_open_in_their_own_letter_only() {
        let letter = |last: u8| {
            let at = jiff::Timestamp::from_second(1_597_283_585).unwrap();
            LetterId::new(at, [0, 0, 0, 0, 0, 0, 0, last])
        };
        let secrets = TicketSecrets {
            token: Token::from_bytes([5; Token::BYTES]),
            code: ShortCode::from_random(&[6; ShortCode::RANDOM_BYTES]),
        };
        let sealed = vault().seal_ticket_secrets(&letter(1), &secrets, [9; 24]);
        let opened = vault().open_ticket_secrets(&letter(1), &sealed).unwrap();
        assert!(opened.token.digest().is(&secrets.token.digest()));
        assert!(opened.code.digest().is(&secrets.code.digest()));
        assert_eq!(
            vault()
                .open_ticket_secrets(&letter(2), &sealed)
                .unwrap_err(),
            VaultError::NotAuthentic
        );
    }

    #[test]
    fn derived_keys_are_apart_by_purpose_and_by_master_key() {
        let other = Vault::new(MasterKey::from_bytes([8; 32]), Vec::new());
        assert_eq!(vault().derived_key("a"), vault().derived_key("a"));
        assert_ne!(vault().derived_key("a"), vault().derived_key("b"));
        assert_ne!(vault().derived_key("a"), other.derived_key("a"));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealed = vault().seal_secret(&account("ABC"), &Secret::from_bytes([3; 20]), [9; 24]);
        for position in 0..sealed.ciphertext.len() {
            let mut damaged = sealed.clone();
            damaged.ciphertext[position] ^= 1;
            assert!(
                vault().open_secret(&account("ABC"), &damaged).is_err(),
                "byte {position}"
            );
        }
    }

    #[test]
    fn an_older_key_still_opens_and_a_foreign_one_is_named() {
        let sealed = vault().seal_secret(&account("ABC"), &Secret::from_bytes([3; 20]), [9; 24]);
        let rotated = Vault::new(
            MasterKey::from_bytes([8; 32]),
            vec![MasterKey::from_bytes([7; 32])],
        );
        assert!(rotated.open_secret(&account("ABC"), &sealed).is_ok());
        let foreign = Vault::new(MasterKey::from_bytes([8; 32]), Vec::new());
        assert_eq!(
            foreign.open_secret(&account("ABC"), &sealed).unwrap_err(),
            VaultError::UnknownKey(MasterKey::from_bytes([7; 32]).id())
        );
    }

    #[test]
    fn the_key_and_the_plaintext_are_not_in_what_is_kept() {
        let secret = Secret::from_bytes(*b"twenty byte secret!!");
        let sealed = vault().seal_secret(&account("ABC"), &secret, [9; 24]);
        assert!(!sealed.ciphertext.windows(6).any(|w| w == b"twenty"));
        assert!(
            !format!(
                "{:?}",
                MasterKey::from_bytes(*b"0123456789abcdef0123456789abcdef")
            )
            .contains("0123")
        );
    }
}
