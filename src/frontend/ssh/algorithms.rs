//! The algorithms of SSH's transport: those that cost both sides little and leave nothing to be tampered with.
//!
//! An exchange over a group of `diffie-hellman-group18` costs a server half a second and a client that lies nothing; one
//! over X25519, with or without ML-KEM, costs a fraction of a millisecond. People's clients have had one of these for ten
//! years. Ciphers are sealed (AEAD), or their MAC covers what goes over the wire (EtM); nothing is compressed.

use std::borrow::Cow;

use russh::{
    Preferred, cipher, compression, kex,
    keys::{Algorithm, EcdsaCurve},
    mac,
};

/// Keys are exchanged by these; the rest are marks, by which both sides tell what they understand.
const KEY_EXCHANGES: &[kex::Name] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    // RFC 8308 section 2.1.
    kex::EXTENSION_SUPPORT_AS_SERVER,
    // The sequence of packets cannot be cut (CVE-2023-48795).
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

/// The host key's; the others are for callers who bring a key of their own, whatever it opens elsewhere.
pub const KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
];

const CIPHERS: &[cipher::Name] = &[
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM];

/// What the server offers, the best first.
pub fn offered() -> Preferred {
    Preferred {
        kex: KEY_EXCHANGES.into(),
        key: KEYS.into(),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: CIPHERS.into(),
        mac: MACS.into(),
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}
