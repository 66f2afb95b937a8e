//! Logins that have ended: how the sessions over this store hear of them.

use std::{fmt, sync::Arc};

use tokio::sync::broadcast;

use crate::{
    domain::AccountKey,
    store::{self, Change, Changes},
};

/// Tells the sessions over this store whose open logins have just ended, so that nobody is left looking at a home that
/// is no longer theirs. What a login may do is decided by the store, whether or not this is heard.
#[derive(Clone)]
pub struct EndedLogins {
    here: broadcast::Sender<EndedLogin>,
    elsewhere: Option<TellElsewhere>,
}

/// Whose open logins have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndedLogin {
    Of {
        account: AccountKey,
        /// The generation of the one login that goes on: that of whoever has ended the others.
        but: Option<u64>,
    },
    /// Everybody's, because nobody knows any more whose.
    All,
}

impl EndedLogin {
    /// Whether a login to `of`, of that generation, has ended by this.
    pub fn ends(&self, of: &AccountKey, generation: u64) -> bool {
        match self {
            Self::Of { account, but } => account == of && *but != Some(generation),
            Self::All => true,
        }
    }
}

/// How the sessions of another process are told.
type TellElsewhere = Arc<dyn Fn(&AccountKey) + Send + Sync>;

impl Default for EndedLogins {
    fn default() -> Self {
        Self {
            // A session that is as far behind as this has more to do than to look at an old home.
            here: broadcast::channel(64).0,
            elsewhere: None,
        }
    }
}

impl EndedLogins {
    /// For a process without sessions: those of another one are told by `tell`.
    pub fn elsewhere(tell: impl Fn(&AccountKey) + Send + Sync + 'static) -> Self {
        Self {
            elsewhere: Some(Arc::new(tell)),
            ..Self::default()
        }
    }

    /// Hears of accounts whose open logins end from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<EndedLogin> {
        self.here.subscribe()
    }

    fn tell_here(&self, account: &AccountKey, but: Option<u64>) {
        // Nobody listens where no session runs.
        let _ = self.here.send(EndedLogin::Of {
            account: account.clone(),
            but,
        });
    }

    /// Tells that everybody's open logins have ended.
    pub fn tell_everybody(&self) {
        let _ = self.here.send(EndedLogin::All);
    }

    /// Tells that the open logins of `account` have ended.
    pub fn tell(&self, account: &AccountKey) {
        self.tell_all_but(account, None);
    }

    /// Tells that the open logins of `account` have ended but the one of the generation `but`, if there is one, which is here.
    pub(super) fn tell_all_but(&self, account: &AccountKey, but: Option<u64>) {
        self.tell_here(account, but);
        if let Some(tell) = &self.elsewhere {
            tell(account);
        }
    }
}

impl EndedLogins {
    /// Passes on what ends logins elsewhere, on the other machines that share the store.
    ///
    /// Whoever ends logins changes the account's generation, so a change of that is what is listened for; what was
    /// done here is heard again, and ends nothing anew.
    pub async fn hear(self, mut changes: Box<dyn Changes>) {
        loop {
            match changes.next().await {
                Change::Missed => {
                    tracing::warn!(
                        "the store was away for longer than its history; all open logins end"
                    );
                    self.tell_everybody();
                }
                change => {
                    if let Some((account, generation)) = store::accounts::ended_by(&change) {
                        self.tell_here(&account, generation);
                    }
                }
            }
        }
    }
}

impl fmt::Debug for EndedLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndedLogins")
    }
}
