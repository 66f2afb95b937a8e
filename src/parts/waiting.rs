//! What keeps a store from being opened for now, and passes without anybody changing a setting: a cluster of which most
//! members are away, as after a power cut, and a command that has the folder. A process that stays waits for both.

use std::time::Duration;

use super::{PartsError, held};
use crate::{
    config::{Config, StoreKind},
    store::{StoreError, folder::OpenError, remote, tagged::StoreKeyError},
};

/// Between two tries to reach a cluster, besides the time that each takes.
const PAUSE: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// In words for the operator.
    pub why: String,
    /// Until the next try.
    pub pause: Duration,
}

/// What is waited for where opening the store came to `error`.
///
/// A folder that is held is waited for without an end, because a command has one, and its operator sees it; unless its
/// holder takes commands at its socket: that is a process that stays, as this one wants to.
///
/// # Errors
/// `error` itself, where it does not pass.
pub async fn waits_for(config: &Config, error: PartsError) -> Result<Waiting, PartsError> {
    match error {
        PartsError::Store(OpenError::Held { folder, holder }) => {
            match remote::join(&config.socket_file()).await {
                Ok(None) => Ok(Waiting {
                    why: format!(
                        "the store in {folder} is in use by {holder}, whose end is waited for"
                    ),
                    pause: held::PAUSE,
                }),
                Ok(Some(_)) | Err(_) => Err(OpenError::Held { folder, holder }.into()),
            }
        }
        error if config.store == StoreKind::Etcd && is_of_the_cluster(&error) => Ok(Waiting {
            why: error.to_string(),
            pause: PAUSE,
        }),
        error => Err(error),
    }
}

fn is_of_the_cluster(error: &PartsError) -> bool {
    matches!(
        error,
        PartsError::Store(OpenError::Cluster { .. })
            | PartsError::Unreadable(StoreError::Unavailable(_))
            | PartsError::StoreKey(StoreKeyError::Store(StoreError::Unavailable(_)))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cluster_and_a_command_are_waited_for_and_nothing_else_is() {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data = data.path().to_owned();
        let away = || OpenError::Cluster {
            endpoints: "https://a:2379".into(),
            reason: "it is silent".into(),
        };
        let held = || OpenError::Held {
            folder: "/data/store".into(),
            holder: "process 7 (lpse-kiosk)".into(),
        };
        // Nobody answers at the socket: it is a command that has the folder.
        let waiting = waits_for(&config, held().into()).await.unwrap();
        assert!(waiting.why.contains("process 7"), "{waiting:?}");
        waits_for(&config, away().into()).await.unwrap_err();
        config.store = StoreKind::Etcd;
        let waiting = waits_for(&config, away().into()).await.unwrap();
        assert!(waiting.why.contains("it is silent"), "{waiting:?}");
        let taken = OpenError::NodeTaken("loket-1".into());
        waits_for(&config, taken.into()).await.unwrap_err();
    }
}
