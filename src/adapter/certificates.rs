//! Certificates (PEM) as files hold them, looked at before anybody relies on them.

use std::sync::Arc;

use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The certificates of a PEM text, at least one, each of them fit to be trusted.
///
/// # Errors
/// What is wrong with them, in words for the operator.
pub fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err("it contains none".into());
    }
    let mut store = RootCertStore::empty();
    for certificate in &found {
        let added = store.add(certificate.clone());
        added.map_err(|error| error.to_string())?;
    }
    Ok(found)
}

/// Whether a client can trust `authority` and show its `identity`, a chain of certificates and the key of the first.
///
/// # Errors
/// What is wrong with them, in words for the operator; never a part of the key.
pub fn can_be_shown(authority: &[u8], identity: Option<(&[u8], &[u8])>) -> Result<(), String> {
    let trusted = authorities(authority).map_err(|why| format!("the authority file: {why}"))?;
    let Some((chain, key)) = identity else {
        return Ok(());
    };
    let damaged = || "the certificate file holds no certificate, or a damaged one".to_owned();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|_| damaged())?;
    if chain.is_empty() {
        return Err(damaged());
    }
    // The library's error could quote the key.
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        "the key file holds no private key, or a damaged one; it must be PEM without a pass phrase".to_owned()
    })?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted);
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                "the private key does not belong to the first certificate of the certificate file"
                    .to_owned()
            }
            error => error.to_string(),
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A certificate of its own, and its key.
    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["loket-1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn what_cannot_be_shown_is_told_by_its_file_and_the_key_is_in_no_word_of_it() {
        let (certificate, key) = made();
        let (_, another) = made();
        let cut = &key[..key.len() / 2];
        let shown = |chain: &str, key: &str| {
            can_be_shown(
                certificate.as_bytes(),
                Some((chain.as_bytes(), key.as_bytes())),
            )
        };
        assert_eq!(shown(&certificate, &key), Ok(()));
        assert_eq!(can_be_shown(certificate.as_bytes(), None), Ok(()));
        for (found, says) in [
            (can_be_shown(b"", None), "the authority file"),
            (shown("", &key), "the certificate file"),
            (shown(&certificate, ""), "the key file"),
            (shown(&certificate, cut), "the key file"),
            (shown(&certificate, &another), "does not belong"),
        ] {
            let why = found.unwrap_err();
            assert!(why.contains(says), "{says}: {why}");
            let secret = key.lines().nth(1).unwrap();
            assert!(!why.contains(&secret[..16]), "{why}");
        }
    }
}
