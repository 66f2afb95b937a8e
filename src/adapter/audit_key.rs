//! The key that signs checkpoints of this machine's audit log, and whoever else's signatures are believed. Both are in
//! OpenSSH's forms, so that `ssh-keygen -Y verify` checks a signature without this program.

use std::{io, path::Path};

use russh::keys::{
    HashAlg, PrivateKey, PublicKey,
    ssh_key::{LineEnding, SshSig},
};

use super::ssh_key_file::{self, KeyFileError, Kind};
use crate::{
    domain::checkpoint::{Checkpoint, NAMESPACE, signer},
    ports::Random,
};

const KIND: Kind = Kind {
    name: "audit key",
    the: "the audit key",
};

/// What the armour of a signature is, besides what stands in it.
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// An Ed25519 key for checkpoints.
pub struct AuditKey(PrivateKey);

/// A checkpoint, and its signature in the form of `ssh-keygen -Y sign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    pub checkpoint: Checkpoint,
    pub signature: String,
}

impl SignedCheckpoint {
    /// The signature on one line, without its armour: what a log can hold.
    pub fn signature_on_one_line(&self) -> String {
        let inner = self.signature.replace(BEGIN, "").replace(END, "");
        inner.split_whitespace().collect()
    }
}

impl AuditKey {
    /// The key in the file at `path`, made if there is no such file.
    pub fn read_or_make(path: &Path, random: &dyn Random) -> Result<Self, KeyFileError> {
        ssh_key_file::read_or_make(KIND, path, random).map(Self)
    }

    /// The key in the file at `path`, as the process of `user` would read it.
    pub fn read_for(path: &Path, user: u32) -> Result<Self, KeyFileError> {
        ssh_key_file::read_for(KIND, path, user).map(Self)
    }

    /// Signs `checkpoint`.
    pub fn sign(&self, checkpoint: Checkpoint) -> io::Result<SignedCheckpoint> {
        let text = checkpoint.to_string();
        let signed = self.0.sign(NAMESPACE, HashAlg::Sha512, text.as_bytes());
        let armoured = signed.and_then(|signed| signed.to_pem(LineEnding::LF));
        let failed = |_| io::Error::other("the audit key does not sign");
        let mut signature = armoured.map_err(failed)?;
        if !signature.ends_with('\n') {
            signature.push('\n');
        }
        Ok(SignedCheckpoint {
            checkpoint,
            signature,
        })
    }

    /// The line of a file of allowed signers (ssh-keygen(1)) by which `node`'s checkpoints are believed.
    pub fn allowed_signer(&self, node: &str) -> String {
        let (signer, public) = (signer(node), ssh_key_file::public(&self.0));
        format!("{signer} namespaces=\"{NAMESPACE}\" {public}")
    }

    /// The public key's digest, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AuditKey({})", self.fingerprint())
    }
}

/// Those whose signatures are believed, each with a key.
#[derive(Debug, Clone)]
pub struct Signers(Vec<(String, PublicKey)>);

/// Why a file of allowed signers is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {0} is not what `lpse-kiosk audit key` prints: a name or several with commas between them, namespaces=\"{NAMESPACE}\" or \
     nothing, and a public key"
)]
pub struct NoSigner(usize);

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    #[error("its signature is none in the form of `ssh-keygen -Y sign`")]
    NoSignature,
    #[error("it is signed by a key that is not one of {0}")]
    OtherKey(String),
    #[error("its signature is not of this text: one of the two was changed")]
    OtherText,
}

impl Signers {
    /// Whoever `text` names, in the form of a file of allowed signers. Of its options only `namespaces` is understood:
    /// what limits a key in a way that is not is refused, not overlooked.
    pub fn read(text: &str) -> Result<Self, NoSigner> {
        let mut signers = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || NoSigner(number + 1);
            let (names, rest) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
            let rest = rest.trim_start();
            let (option, key) = match rest.strip_prefix("namespaces=\"") {
                Some(rest) => {
                    let (spaces, key) = rest.split_once('"').ok_or_else(wrong)?;
                    (Some(spaces), key.trim_start())
                }
                None => (None, rest),
            };
            let key = PublicKey::from_openssh(key).map_err(|_| wrong())?;
            let is_for_this =
                option.is_none_or(|spaces| spaces.split(',').any(|space| space == NAMESPACE));
            if is_for_this {
                let names = names.split(',').map(str::to_owned);
                signers.extend(names.map(|name| (name, key.clone())));
            }
        }
        Ok(Self(signers))
    }

    /// The key itself, for the checkpoints of `node`.
    pub fn only(key: &AuditKey, node: &str) -> Self {
        Self(vec![(signer(node), key.0.public_key().clone())])
    }

    /// Whether `signature` is one of these signers' own, for the node that `checkpoint` is of, over its very text.
    pub fn check(&self, checkpoint: &Checkpoint, signature: &str) -> Result<(), Disbelief> {
        let signed = SshSig::from_pem(signature).map_err(|_| Disbelief::NoSignature)?;
        let wanted = checkpoint.signer();
        let mut own = self.0.iter().filter(|(name, _)| *name == wanted);
        let key = own.find(|(_, key)| key.key_data() == signed.public_key());
        let Some((_, key)) = key else {
            return Err(Disbelief::OtherKey(wanted));
        };
        let text = checkpoint.to_string();
        key.verify(NAMESPACE, text.as_bytes(), &signed)
            .map_err(|_| Disbelief::OtherText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        adapter::random::SystemRandom,
        domain::audit::{AuditHead, RecordHash},
    };

    fn key(folder: &tempfile::TempDir, name: &str) -> AuditKey {
        AuditKey::read_or_make(&folder.path().join(name), &SystemRandom).unwrap()
    }

    fn checkpoint(node: &str, seq: u64) -> Checkpoint {
        let hash = RecordHash::from_bytes([7; RecordHash::LENGTH]);
        let at = "2026-11-30T01:53:05Z".parse().unwrap();
        Checkpoint::new(node, AuditHead { seq, hash }, at)
    }

    #[test]
    fn only_the_nodes_own_key_over_the_very_text_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (key(&folder, "one"), key(&folder, "two"));
        let signed = one.sign(checkpoint("one", 5)).unwrap();
        let signature = &signed.signature;
        let lines = [one.allowed_signer("one"), two.allowed_signer("two")];
        let both =
            Signers::read(&format!("# whoever is believed\n\n{}\n", lines.join("\n"))).unwrap();
        for signers in [&both, &Signers::only(&one, "one")] {
            assert_eq!(signers.check(&signed.checkpoint, signature), Ok(()));
            let other = signers.check(&checkpoint("one", 6), signature);
            assert_eq!(other, Err(Disbelief::OtherText));
            let foreign = two.sign(checkpoint("one", 5)).unwrap().signature;
            let refused = signers.check(&signed.checkpoint, &foreign);
            assert_eq!(refused, Err(Disbelief::OtherKey("audit@one".into())));
            let none = signers.check(&signed.checkpoint, "nonsense");
            assert_eq!(none, Err(Disbelief::NoSignature));
        }
        // A signature by the right key, for something else.
        let text = signed.checkpoint.to_string();
        let other = one
            .0
            .sign("file", HashAlg::Sha512, text.as_bytes())
            .unwrap();
        let other = other.to_pem(LineEnding::LF).unwrap();
        let refused = both.check(&signed.checkpoint, &other);
        assert_eq!(refused, Err(Disbelief::OtherText));
    }

    #[test]
    fn a_signature_on_one_line_is_the_same_without_its_armour() {
        let folder = tempfile::tempdir().unwrap();
        let signed = key(&folder, "key").sign(checkpoint("one", 5)).unwrap();
        let line = signed.signature_on_one_line();
        assert!(!line.contains(char::is_whitespace), "{line}");
        assert!(signed.signature.starts_with(BEGIN), "{}", signed.signature);
        let decoded = data_encoding::BASE64.decode(line.as_bytes()).unwrap();
        assert!(decoded.starts_with(b"SSHSIG"));
    }

    #[test]
    fn a_line_that_limits_a_key_in_another_way_is_refused_and_one_for_something_else_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let one = key(&folder, "one");
        let line = one.allowed_signer("one");
        let signed = one.sign(checkpoint("one", 5)).unwrap();
        let believes = |text: &str| {
            Signers::read(text).map(|signers| {
                let believed = signers.check(&signed.checkpoint, &signed.signature);
                believed.is_ok()
            })
        };
        let without = line.replace(" namespaces=\"lpse-kiosk-audit\"", "");
        let several = line.replace("audit@one", "siti@contoh.go.id,audit@one");
        for (text, expected) in [
            (line.clone(), Ok(true)),
            (without, Ok(true)),
            (several, Ok(true)),
            (
                line.replace("lpse-kiosk-audit", "file,lpse-kiosk-audit"),
                Ok(true),
            ),
            (line.replace("lpse-kiosk-audit", "file"), Ok(false)),
            (line.replace("audit@one", "audit@two"), Ok(false)),
            (
                line.replace("namespaces", "valid-before=\"20200101\" namespaces"),
                Err(NoSigner(1)),
            ),
            (
                line.replace("namespaces", "cert-authority namespaces"),
                Err(NoSigner(1)),
            ),
            (format!("{line}\naudit@two"), Err(NoSigner(2))),
        ] {
            assert_eq!(believes(&text), expected, "{text}");
        }
    }
}
