//! Errors of the assembly: why the services cannot run, in words for the operator, and the exit status that scripts
//! see.

use std::io;

use crate::{
    adapter::{master_key_file::MasterKeyError, secret_file::SecretFileError},
    config::StoreKind,
    mail::transport::SmtpSettingsError,
    store::{
        StoreError, copy::CopyError, folder::OpenError, remote::JoinError, tagged::StoreKeyError,
    },
    vault::VaultError,
};

/// Why the services cannot run, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    #[error("the folder {0} cannot be used: {1}")]
    Folder(String, io::Error),
    #[error(
        "the data folder {0} belongs to another user (uid {1}); run lpse-kiosk as that user, or name another folder with --data"
    )]
    ForeignFolder(String, u32),
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Join(#[from] JoinError),
    #[error("the store cannot be read: {0}")]
    Unreadable(#[from] StoreError),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(
        "the master key file {0} does not fit the store: {1}; put the key file that belongs to this store back, or bring it here from another machine that shares the store"
    )]
    WrongKey(String, VaultError),
    #[error(
        "a restore into the store in {0} was not finished; run `lpse-kiosk restore` again, with the same backup or another"
    )]
    RestoreUnfinished(String),
    #[error(
        "a copy into the {0} store was not finished; run the same `lpse-kiosk store copy` again"
    )]
    CopyUnfinished(StoreKind),
    #[error(
        "the {0} store was copied elsewhere with `lpse-kiosk store copy`, and lives on there; what is here is old: set [store] kind to where it was copied"
    )]
    Moved(StoreKind),
    #[error(
        "there is a store in {0}, so none was begun anew and nothing was changed; where it cannot be opened, put that folder aside first"
    )]
    Stands(String),
    #[error(
        "there is no store in {0}, so nothing was copied; --from-data names another data folder"
    )]
    NothingToCopy(String),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    StoreKey(#[from] StoreKeyError),
    #[error("the audit log {0} cannot be written: {1}")]
    Audit(String, io::Error),
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error("the certificates in {0} cannot be read: {1}")]
    Authority(String, io::Error),
    #[error("[store] authority_file, certificate_file and key_file cannot be used: {0}")]
    ClusterTls(String),
    #[error("{0} {1} is empty; write the password into it")]
    NoPassword(&'static str, String),
    #[error(
        "[mail] user is set, so [mail] password_file (or the systemd credential smtp-password) must hold its password"
    )]
    NoMailPassword,
    #[error("the mail server cannot be used: {0}")]
    MailServer(#[from] SmtpSettingsError),
}

impl AssemblyError {
    /// The exit status that tells scripts what kind of failure it was.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Store(OpenError::Held { .. }) => 3,
            Self::Store(OpenError::NoRoom(_) | OpenError::Cluster { .. }) => 75,
            Self::Audit(_, error) if error.kind() == io::ErrorKind::StorageFull => 75,
            Self::Copy(CopyError::Store(_)) | Self::Unreadable(StoreError::Away(_)) => 75,
            Self::NoMailPassword => 2,
            Self::Join(error) if error.is_for_now() => 75,
            _ => 1,
        }
    }
}
