//! Services for one command: over the store itself, or through the process that holds it.

use std::{collections::BTreeSet, sync::Arc};

use tokio::task::JoinHandle;

use super::{
    AssemblyError,
    foundation::foundation,
    held::Held,
    master_key::{KeySource, open_vault},
    running::{Opened, open},
};
use crate::{
    adapter::{clock::SystemClock, remote_audit::RemoteAudit, remote_keys::RemoteKeys},
    config::Config,
    domain::{UserId, UserType},
    service::{EndedLogins, Services},
    store::{
        accounts::Accounts,
        folder::OpenError,
        remote::{self, Joined, Remote},
        settings::Settings,
    },
};

/// Services for one command, over the store of this process or of one that runs.
#[derive(Debug)]
pub struct AtHand {
    pub services: Arc<Services>,
    hold: Hold,
}

#[derive(Debug)]
enum Hold {
    Alone(Box<Opened>),
    /// Ends when everything said to the other process is answered.
    Remote(JoinHandle<()>),
}

impl AtHand {
    /// Whether another process holds the store, and stays.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.hold, Hold::Remote(_))
    }

    /// Ends the work in order. Every other handle must be dropped before.
    pub async fn close(self) {
        drop(self.services);
        match self.hold {
            Hold::Alone(opened) => opened.close().await,
            Hold::Remote(ended) => {
                // It is over, however it ended.
                let _ = ended.await;
            }
        }
    }
}

/// Services for one command: through the socket of the process that holds the store, or over the store itself where
/// there is none. A process that is just starting or ending is waited for, and so is another command, for as long as a
/// [`Held`] has patience.
pub async fn open_for_command(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
) -> Result<AtHand, AssemblyError> {
    let mut held = Held::for_a_turn();
    loop {
        if let Some(joined) = remote::join(&config.socket_file()).await? {
            return open_remote(config, key, clock, joined).await;
        }
        match open(config, key, clock.clone(), None).await {
            Ok(opened) => {
                return Ok(AtHand {
                    services: opened.services.clone(),
                    hold: Hold::Alone(Box::new(opened)),
                });
            }
            Err(AssemblyError::Store(by @ OpenError::Held { .. })) => held.wait(by).await?,
            Err(error) => return Err(error),
        }
    }
}

/// Services over the store of the process that was joined. It has a courier, and swept what was left behind when it
/// opened the store.
async fn open_remote(
    config: &Config,
    key: &KeySource,
    clock: Arc<SystemClock>,
    joined: Joined,
) -> Result<AtHand, AssemblyError> {
    let Joined { line, ended } = joined;
    let store = Arc::new(Remote::new(line.clone()));
    let vault = open_vault(
        config.master_key_is_credential,
        &Settings::new(store.clone()),
        key,
    )
    .await?;
    let vault = match key {
        KeySource::File(file) => vault.beside(Arc::new(RemoteKeys::new(line.clone(), file))),
        // Nobody else can come to hold it.
        KeySource::Ephemeral => vault,
    };
    let told = line.clone();
    let ended_logins = EndedLogins::elsewhere(move |account| told.tell_ended(account));
    let foundation = foundation(
        config,
        store,
        vault,
        clock,
        Arc::new(RemoteAudit(line)),
        ended_logins,
        config.letters_are_sent(),
    );
    let services = Services::new(&foundation);
    Ok(AtHand {
        services: Arc::new(services),
        hold: Hold::Remote(ended),
    })
}

/// Up to `most` User IDs that begin with `prefix`, in their order, from the process that holds the store, which is asked for
/// nothing that is sealed; `None` where there is none that answers whoever runs this.
pub async fn user_ids_beside(config: &Config, prefix: &str, most: usize) -> Option<Vec<UserId>> {
    let Joined { line, ended } = remote::join(&config.socket_file()).await.ok()??;
    let mut ids = BTreeSet::new();
    {
        let accounts = Accounts::new(Arc::new(Remote::new(line)));
        for user_type in UserType::ALL {
            let page = accounts.page(user_type, prefix, None, most).await.ok()?;
            ids.extend(page.accounts.into_iter().map(|account| account.key.user_id));
        }
    }
    // It is over, however it ended.
    let _ = ended.await;
    Some(ids.into_iter().take(most).collect())
}
