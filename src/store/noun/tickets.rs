//! Tickets in the store: one an account, the newest, found by either of its secrets.
//!
//! A used or expired ticket stays until the account's next one takes its place, so that whoever comes with its link
//! can be told what became of it; the links of replaced tickets lead nowhere.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::{
    AccountKey,
    letter::LetterId,
    reset::{RequestLog, SecretDigest, Ticket},
};
use crate::store::{
    Commit, Key, Store, StoreError, Value, outbox,
    record::{self, StoredTicket},
};

/// The tickets of a store.
#[derive(Debug, Clone)]
pub struct Tickets {
    store: Arc<dyn Store>,
}

/// An account's ticket as read, if it has one, with the very bytes that a commit will demand to be still there.
#[derive(Debug, Clone)]
pub struct Read {
    account: AccountKey,
    stored: Option<StoredTicket>,
    bytes: Option<Value>,
}

impl Read {
    pub fn ticket(&self) -> Option<&Ticket> {
        self.stored.as_ref().map(|stored| &stored.ticket)
    }

    /// The requests for this account that were answered by a letter.
    pub fn requests(&self) -> RequestLog {
        let requests = self.stored.as_ref().map(|stored| stored.requests.clone());
        requests.unwrap_or_default()
    }

    /// A commit that puts `ticket` in this one's place: the secrets of the old one find nothing any more, and its
    /// letter, if it still waits, is not delivered.
    pub fn replace(&self, ticket: &Ticket, letter: &LetterId, requests: &RequestLog) -> Commit {
        let stored = StoredTicket {
            ticket: ticket.clone(),
            letter: letter.clone(),
            requests: requests.clone(),
        };
        let mut commit = self.withdrawn();
        for secret in [&ticket.token, &ticket.code] {
            let owner = record::encode_ticket_owner(&self.account);
            commit = commit.put(Key::ticket_of(secret), owner);
        }
        commit.put(Key::ticket(&self.account), record::encode_ticket(&stored))
    }

    /// A commit that marks the ticket as used at `now`. Its letter, if it still waits, is not delivered.
    pub fn spend(&self, now: Timestamp) -> Commit {
        let mut commit = self.unchanged();
        if let Some(stored) = &self.stored {
            let mut spent = stored.clone();
            spent.ticket.used = Some(now);
            commit = outbox::withdraw(commit, &stored.letter)
                .put(Key::ticket(&self.account), record::encode_ticket(&spent));
        }
        commit
    }

    /// A commit that marks the ticket as expired for ever; `None` when it is so already.
    pub fn end(&self) -> Option<Commit> {
        self.changed(self.ticket()?.clone().ended())
    }

    /// A commit by which the ticket that a clock ahead has issued holds from `now`; `None` when none has.
    pub fn corrected_ticket(&self, now: Timestamp) -> Option<Commit> {
        self.changed(self.ticket()?.clone().corrected(now))
    }

    fn changed(&self, ticket: Ticket) -> Option<Commit> {
        let stored = self.stored.as_ref()?;
        let changed = StoredTicket {
            ticket,
            ..stored.clone()
        };
        (changed != *stored).then(|| {
            self.unchanged()
                .put(Key::ticket(&self.account), record::encode_ticket(&changed))
        })
    }

    /// A commit by which the requests that a clock ahead has noted count from `now`; one that changes nothing where there
    /// are none.
    pub fn corrected(&self, now: Timestamp) -> Commit {
        let commit = self.unchanged();
        let Some(stored) = &self.stored else {
            return commit;
        };
        let requests = stored.requests.clone().corrected(now);
        if requests == stored.requests {
            return commit;
        }
        let corrected = StoredTicket {
            requests,
            ..stored.clone()
        };
        commit.put(
            Key::ticket(&self.account),
            record::encode_ticket(&corrected),
        )
    }

    /// A commit that removes the ticket, for an account that goes.
    pub fn remove(&self) -> Commit {
        self.withdrawn().remove(Key::ticket(&self.account))
    }

    fn withdrawn(&self) -> Commit {
        let mut commit = self.unchanged();
        if let Some(stored) = &self.stored {
            commit = outbox::withdraw(commit, &stored.letter);
            for secret in [&stored.ticket.token, &stored.ticket.code] {
                commit = commit.remove(Key::ticket_of(secret));
            }
        }
        commit
    }

    fn unchanged(&self) -> Commit {
        Commit::new().expect(Key::ticket(&self.account), self.bytes.clone())
    }
}

impl Tickets {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The ticket of `account`.
    pub async fn read(&self, account: &AccountKey) -> Result<Read, StoreError> {
        let key = Key::ticket(account);
        let bytes = self.store.get(&key).await?;
        let stored = bytes
            .as_ref()
            .map(|bytes| record::decode_ticket(&format!("{key:?}"), bytes))
            .transpose()?;
        // A record moved to another key is not that account's ticket.
        if let Some(stored) = &stored
            && stored.ticket.account != *account
        {
            return Err(StoreError::Unreadable(format!(
                "the record {key:?} belongs to {}",
                stored.ticket.account
            )));
        }
        Ok(Read {
            account: account.clone(),
            stored,
            bytes,
        })
    }

    /// The ticket that `secret` belongs to, if any does.
    pub async fn find(&self, secret: &SecretDigest) -> Result<Option<Read>, StoreError> {
        let key = Key::ticket_of(secret);
        let Some(bytes) = self.store.get(&key).await? else {
            return Ok(None);
        };
        let account = record::decode_ticket_owner("ticket-of", &bytes)?;
        let read = self.read(&account).await?;
        let is_its = |ticket: &Ticket| ticket.token.is(secret) || ticket.code.is(secret);
        Ok(read.ticket().is_some_and(is_its).then_some(read))
    }
}
