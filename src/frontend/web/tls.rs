//! The page's own certificate, where no proxy in front of it speaks TLS.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio_rustls::rustls::{
    self, CertificateError, RootCertStore, ServerConfig,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    crypto::{
        CryptoProvider,
        ring::{self, kx_group},
    },
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
    server::ParsedCertificate,
};

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(
        "there is no certificate in the certificate file; it must be PEM, with -----BEGIN CERTIFICATE-----"
    )]
    NoCertificate,
    #[error("the certificate file is damaged: {0}")]
    DamagedCertificate(String),
    #[error(
        "there is no private key in the key file; it must be PEM without a pass phrase, with -----BEGIN PRIVATE KEY-----"
    )]
    NoKey,
    #[error("the private key does not belong to the first certificate of the certificate file")]
    KeyDoesNotFit,
    #[error("the certificate and its private key cannot be used: {0}")]
    Unusable(String),
}

/// TLS 1.2 and 1.3 with this certificate chain (the page's own certificate first) and its private key, both PEM.
///
/// Keys are exchanged over X25519 and P-256, which every browser knows and which cost this machine least; renegotiation
/// is refused, and key updates without data between them end the connection, both by the library.
///
/// # Errors
/// What is wrong with them, in words for the operator; never a part of the key.
pub fn tls_config(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = chain(certificate_pem)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey,
        // The error of a damaged file could quote it.
        _ => TlsError::Unusable("the key file is damaged".into()),
    })?;
    let provider = CryptoProvider {
        kx_groups: vec![kx_group::X25519, kx_group::SECP256R1],
        ..ring::default_provider()
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unusable(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::KeyDoesNotFit,
            error => TlsError::Unusable(error.to_string()),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificates of a PEM text, at least one.
fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::DamagedCertificate(error.to_string()))?;
    match chain.is_empty() {
        true => Err(TlsError::NoCertificate),
        false => Ok(chain),
    }
}

/// When the first certificate of a chain (PEM) ends.
///
/// # Errors
/// What is wrong with the chain, in words for the operator.
pub fn end(certificate_pem: &[u8]) -> Result<Timestamp, TlsError> {
    Ok(first_end(&chain(certificate_pem)?))
}

fn first_end(chain: &[CertificateDer<'_>]) -> Timestamp {
    let ends = chain
        .iter()
        .filter_map(|certificate| match judged(certificate, Timestamp::MAX) {
            Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
                not_after,
                ..
            })) => {
                let end = i64::try_from(not_after.as_secs()).unwrap_or(i64::MAX);
                Some(Timestamp::from_second(end).unwrap_or(Timestamp::MAX))
            }
            _ => None,
        });
    ends.min().unwrap_or(Timestamp::MAX)
}

/// The TLS library knows a certificate's dates and tells them only when it refuses one for them: so it is asked how it
/// would judge at an instant, such as the end of all time, and is asked for the dates alone, with nobody to trust.
fn judged(certificate: &CertificateDer<'_>, at: Timestamp) -> Result<(), rustls::Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let nobody = RootCertStore::empty();
    let all = ring::default_provider()
        .signature_verification_algorithms
        .all;
    verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], instant(at), all)
}

fn instant(at: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().max(0).cast_unsigned()))
}

/// What people's browsers will make of a certificate chain, the page's own certificate first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reception {
    /// Whether a certificate of the chain is not good yet at the instant asked for.
    pub begins_later: bool,
    /// When the first certificate of the chain ends.
    pub ends: Timestamp,
    /// Whether it is for the host asked for.
    pub fits_host: bool,
    /// Whether the chain leads to an authority that this system trusts, which is the best guess at what browsers do.
    pub is_trusted: bool,
}

/// How browsers that look for `host` at the instant `now` will receive this chain (PEM).
///
/// # Errors
/// What is wrong with the chain, or with the host's name, in words for the operator.
pub fn reception(
    certificate_pem: &[u8],
    host: &str,
    now: Timestamp,
) -> Result<Reception, TlsError> {
    let chain = chain(certificate_pem)?;
    let unusable = |error: rustls::Error| TlsError::Unusable(error.to_string());
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TlsError::Unusable(format!("{host} is no host name")))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let mut reception = Reception {
        begins_later: false,
        ends: first_end(&chain),
        fits_host: true,
        is_trusted: true,
    };
    for certificate in &chain {
        reception.begins_later |= matches!(
            judged(certificate, now),
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidYetContext { .. }
            ))
        );
    }
    let (own, others) = chain.split_first().ok_or(TlsError::NoCertificate)?;
    let own = ParsedCertificate::try_from(own).map_err(unusable)?;
    reception.fits_host = verify_server_name(&own, &name).is_ok();
    // At its last moment at the latest: a chain out of its dates is a finding of its own.
    let at = instant(now.min(reception.ends));
    reception.is_trusted =
        verify_server_cert_signed_by_trust_anchor(&own, &roots, others, at, algorithms.all).is_ok();
    Ok(reception)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["lpse.contoh.go.id".into()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn what_is_wrong_with_a_certificate_or_its_key_is_said_clearly() {
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        let of = |certificate: &str, key: &str| tls_config(certificate.as_bytes(), key.as_bytes());
        assert!(of(&certificate, &key).is_ok());
        assert!(of(&format!("{key}{certificate}"), &key).is_ok());
        assert!(matches!(of("", &key), Err(TlsError::NoCertificate)));
        assert!(matches!(of(&key, &key), Err(TlsError::NoCertificate)));
        assert!(matches!(of(&certificate, ""), Err(TlsError::NoKey)));
        assert!(matches!(
            of(&certificate, &certificate),
            Err(TlsError::NoKey)
        ));
        assert!(matches!(
            of(&certificate, &other_key),
            Err(TlsError::KeyDoesNotFit)
        ));
        let cut = &certificate[..certificate.len() / 2];
        assert!(matches!(
            of(cut, &key),
            Err(TlsError::DamagedCertificate(_) | TlsError::NoCertificate)
        ));
        let damaged = key.replace('M', "!");
        let message = of(&certificate, &damaged).unwrap_err().to_string();
        assert!(
            !message.contains('!') && message.contains("key"),
            "{message}"
        );
    }
}
