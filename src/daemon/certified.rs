//! TLS by a certificate and its key, two files that are renewed while the program runs.

use std::{fs, io, path::Path, sync::Arc};

use jiff::Timestamp;
use tokio_rustls::rustls::ServerConfig;

use crate::{
    adapter::{
        renewed::Renewed,
        secret_file::{self, SecretFileError},
    },
    frontend::{
        http::TlsInForce,
        web::{self, TlsError},
    },
};

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum CertifiedError {
    #[error("the certificate file {0} cannot be read: {1}")]
    Certificate(String, io::Error),
    #[error(transparent)]
    Key(#[from] SecretFileError),
    #[error("[{section}] certificate and key: {error}")]
    Tls {
        section: &'static str,
        error: TlsError,
    },
}

/// What is served with them, in the words of the log.
pub struct Use {
    /// Of the settings.
    section: &'static str,
    certificate: &'static str,
    key: &'static str,
}

/// The page of the letters' links.
pub const PAGE: Use = Use {
    section: "web",
    certificate: "the page's certificate",
    key: "the page's key file",
};

/// Health and metrics.
pub const METRICS: Use = Use {
    section: "metrics",
    certificate: "the metrics' certificate",
    key: "the metrics' key file",
};

/// What TLS is spoken with as the files have it whenever it is asked for. Where one of them is renewed before the other, the
/// pair that was there before serves on.
#[derive(Debug, Clone)]
pub struct Certified(Arc<Renewed<Pair>>);

/// What TLS is spoken with, and when its certificate ends.
type Pair = (Arc<ServerConfig>, Timestamp);

impl Use {
    /// What the two files hold, as it is whenever somebody asks.
    pub fn certified(
        &'static self,
        certificate: &Path,
        key: &Path,
    ) -> Result<Certified, CertifiedError> {
        let (chain, private) = (certificate.to_owned(), key.to_owned());
        let read = move || self.read(&chain, &private);
        let renewed = Renewed::new(self.certificate, &[certificate, key], read)?;
        Ok(Certified(Arc::new(renewed)))
    }

    /// What keeps the two files from being taken up when they were renewed, if anything does.
    pub fn fault(&self, certificate: &Path, key: &Path) -> Option<CertifiedError> {
        self.read(certificate, key).err()
    }

    fn read(&self, certificate: &Path, key: &Path) -> Result<Pair, CertifiedError> {
        let chain = fs::read(certificate).map_err(|error| {
            CertifiedError::Certificate(certificate.display().to_string(), error)
        })?;
        let key = secret_file::read(self.key, key)?;
        let section = self.section;
        let failed = |error| CertifiedError::Tls { section, error };
        let config = web::tls_config(&chain, key.as_bytes()).map_err(failed)?;
        Ok((config, web::end(&chain).map_err(failed)?))
    }
}

impl Certified {
    /// When the certificate ends, as it is now.
    pub fn end(&self) -> Timestamp {
        self.0.now().1
    }

    pub fn tls(&self) -> TlsInForce {
        let renewed = self.0.clone();
        Arc::new(move || renewed.now().0)
    }
}
