//! The page's own certificate, where no proxy in front of it speaks TLS.

use std::sync::Arc;

use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
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
/// # Errors
/// What is wrong with them, in words for the operator; never a part of the key.
pub fn tls_config(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TlsError::DamagedCertificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey,
        // The error of a damaged file could quote it.
        _ => TlsError::Unusable("the key file is damaged".into()),
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
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
