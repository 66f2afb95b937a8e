//! Certificates (PEM) as files hold them, looked at before anybody relies on them.

use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
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
