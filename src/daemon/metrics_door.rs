//! The place that the settings name for monitoring, taken, with what is asked of whoever comes there.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::unistd::Group;

use super::certified::{self, Certified, CertifiedError};
use crate::{
    adapter::{
        renewed::Renewed,
        secret_file::{self, SecretFileError},
    },
    config::{self, MetricsPlace},
    frontend::{
        http::Listener,
        metrics::{Door, Token, TokenError, TokenInForce},
        socket_file::{Access, SocketFile},
    },
};

/// Why monitoring is told nothing.
#[derive(Debug, thiserror::Error)]
pub enum MetricsDoorError {
    #[error(
        "health and metrics cannot be told at {0}: {1}; free that address, or name another in [metrics] listen"
    )]
    Address(SocketAddr, io::Error),
    #[error(
        "health and metrics cannot be told at the socket {0}: {1}; free that path, or name another in [metrics] listen"
    )]
    Socket(PathBuf, io::Error),
    #[error(
        "there is no group {0} on this machine; name one that there is in [metrics] group, or leave it out"
    )]
    NoGroup(String),
    #[error(transparent)]
    Certified(#[from] CertifiedError),
    #[error(transparent)]
    Token(#[from] TokenFileError),
}

/// Why a token file holds no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    #[error(transparent)]
    File(#[from] SecretFileError),
    #[error("the metrics' token file {0} holds no token that is taken: {1}")]
    Token(String, TokenError),
}

/// The place, taken; a socket's file goes when this is dropped.
#[derive(Debug)]
pub struct MetricsDoor {
    pub door: Door,
    pub certified: Option<Certified>,
    pub file: Option<SocketFile>,
}

impl MetricsDoor {
    /// Takes the place that the settings name, if they name one.
    pub fn take(settings: &config::Metrics) -> Result<Option<Self>, MetricsDoorError> {
        let Some(listen) = &settings.listen else {
            return Ok(None);
        };
        // What is asked of strangers first: without it, nobody may come.
        let certified = match (&settings.certificate_file, &settings.key_file) {
            (Some(certificate), Some(key)) => Some(certified::METRICS.certified(certificate, key)?),
            _ => None,
        };
        let token = settings.token_file.as_deref().map(token).transpose()?;
        let (listener, file) = match listen {
            MetricsPlace::Address(address) => {
                let failed = |error| MetricsDoorError::Address(*address, error);
                let listener = TcpListener::bind(address).map_err(failed)?;
                (Listener::Address(listener), None)
            }
            MetricsPlace::Socket(path) => {
                let access = access(settings.group.as_deref())?;
                let failed = |error| MetricsDoorError::Socket(path.clone(), error);
                SocketFile::find_free(path).map_err(failed)?;
                let (listener, file) = SocketFile::bind(path, access).map_err(failed)?;
                (Listener::Socket(listener), Some(file))
            }
        };
        Ok(Some(Self {
            door: Door {
                listener,
                tls: certified.as_ref().map(Certified::tls),
                token,
                is_for_strangers: listen.is_for_strangers(),
            },
            certified,
            file,
        }))
    }
}

/// What keeps the files of the settings from being taken up when they were renewed, each in one line.
pub fn faults(settings: &config::Metrics) -> Vec<String> {
    let certified = match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => certified::METRICS.fault(certificate, key),
        _ => None,
    };
    let token = settings.token_file.as_deref();
    let token = token.and_then(|file| read_token(file).err());
    let certified = certified.map(|error| error.to_string());
    let token = token.map(|error| error.to_string());
    certified.into_iter().chain(token).collect()
}

fn access(group: Option<&str>) -> Result<Access, MetricsDoorError> {
    let Some(name) = group else {
        return Ok(Access::Owner);
    };
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(Access::Group(group.gid.as_raw())),
        // Whoever cannot be asked knows of none.
        Ok(None) | Err(_) => Err(MetricsDoorError::NoGroup(name.to_owned())),
    }
}

/// The token of a file, as it is whenever it is asked for.
fn token(file: &Path) -> Result<TokenInForce, TokenFileError> {
    let path = file.to_owned();
    let read = move || read_token(&path);
    let renewed = Arc::new(Renewed::new("the metrics' token", &[file], read)?);
    Ok(Arc::new(move || renewed.now()))
}

fn read_token(file: &Path) -> Result<Token, TokenFileError> {
    let text = secret_file::read("the metrics' token file", file)?;
    Token::parse(&text).map_err(|error| TokenFileError::Token(file.display().to_string(), error))
}
