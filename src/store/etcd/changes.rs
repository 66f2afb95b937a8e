//! What others write, as a watch tells it.
//!
//! A watch that breaks goes on at another member where it was, from etcd's history. Only when the history no longer
//! reaches back so far, changes are missed, and that is said.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use etcd_client::{Client, Error, EventType, GetOptions, WatchOptions, WatchResponse, WatchStream};
use tokio::time::{sleep, timeout};

use super::{
    super::{Change, Changes, Key, StoreError, Value, health::Refusal},
    cluster::{Cluster, Connected, Failure, classified},
};

/// After so long without a word, the member is asked for one, and whether it still is with the others: one that was cut
/// off from them goes on answering for a while. A second time without, and another member is asked. Both are well within
/// the 5 s in which open logins have to end everywhere.
const SILENCE: Duration = Duration::from_millis(1_500);

/// Between two tries to watch.
const PAUSE: Duration = Duration::from_millis(250);

/// What is written under a prefix, as rows of etcd.
#[derive(Debug)]
pub struct Events {
    cluster: Arc<Cluster>,
    prefix: Vec<u8>,
    /// The first revision that was not told yet.
    next: i64,
    watch: Option<Watch>,
    told: VecDeque<Heard>,
}

/// A row that was written.
#[derive(Debug)]
pub enum Heard {
    Written {
        name: Vec<u8>,
        before: Option<Value>,
        after: Option<Value>,
    },
    /// What was written meanwhile is not known any more.
    Missed,
}

/// What is written to records under a prefix.
#[derive(Debug)]
pub struct EtcdChanges(Events);

struct Watch {
    stream: WatchStream,
    client: Client,
    /// Whose stream it is, and by which login.
    member: usize,
    login: u64,
    /// Which certificates it was begun with.
    certificates: u64,
    is_asked: bool,
}

impl EtcdChanges {
    pub async fn begin(cluster: Arc<Cluster>, prefix: &Key) -> Result<Self, StoreError> {
        let prefix = cluster.record(prefix);
        Ok(Self(Events::begin(cluster, prefix).await?))
    }
}

impl Events {
    /// Hears of what is written from now on under `prefix`.
    pub async fn begin(cluster: Arc<Cluster>, prefix: Vec<u8>) -> Result<Self, StoreError> {
        let options = GetOptions::new().with_count_only();
        let now = cluster
            .read(|mut client| {
                let (prefix, options) = (prefix.clone(), options.clone());
                async move { client.get(prefix, Some(options)).await }
            })
            .await?;
        let revision = now.header().map_or(0, |header| header.revision());
        Ok(Self {
            cluster,
            prefix,
            next: revision + 1,
            watch: None,
            told: VecDeque::new(),
        })
    }

    async fn watch(&self) -> Result<Watch, Error> {
        let member = self.cluster.preferred();
        let certificates = self.cluster.certificates();
        let begun = async {
            let (Connected { mut client, .. }, login) = self.cluster.client_of(member).await?;
            let options = WatchOptions::new()
                .with_prefix()
                .with_prev_key()
                .with_start_revision(self.next);
            let stream = client.watch(self.prefix.clone(), Some(options)).await?;
            Ok(Watch {
                stream,
                client,
                member,
                login,
                certificates,
                is_asked: false,
            })
        };
        let begun = match timeout(SILENCE, begun).await {
            Ok(begun) => begun,
            Err(_) => Err(Error::WatchError("it is silent".into())),
        };
        if begun.is_err() {
            self.cluster.leave(member);
        }
        begun
    }

    /// Hears one word of the member; `false` when this watch is over.
    async fn hear(&mut self) -> bool {
        let Some(watch) = &mut self.watch else {
            return false;
        };
        match timeout(SILENCE, watch.stream.message()).await {
            Ok(Ok(Some(response))) => {
                watch.is_asked = false;
                // Before 3.5, etcd calls a login that is not good any more a lack of permission here.
                if response.canceled() && Refusal::of(response.cancel_reason()).is_some() {
                    let (member, login) = (watch.member, watch.login);
                    self.cluster.forget_login(member, login).await;
                }
                self.take(&response)
            }
            Ok(Ok(None) | Err(_)) => false,
            Err(_) if watch.is_asked => false,
            Err(_) => {
                watch.is_asked = true;
                watch.stream.request_progress().await.is_ok() && watch.is_with_the_others().await
            }
        }
    }

    fn take(&mut self, response: &WatchResponse) -> bool {
        if response.compact_revision() > 0 {
            self.next = response.compact_revision();
            self.told.push_back(Heard::Missed);
            return false;
        }
        for event in response.events() {
            let Some(row) = event.kv() else { continue };
            self.next = self.next.max(row.mod_revision() + 1);
            self.told.push_back(Heard::Written {
                name: row.key().to_vec(),
                before: event.prev_kv().map(|row| row.value().to_vec()),
                after: (event.event_type() == EventType::Put).then(|| row.value().to_vec()),
            });
        }
        !response.canceled()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch(at {})", self.member)
    }
}

impl Watch {
    /// Whether the member can still say what all of them have agreed on.
    async fn is_with_the_others(&mut self) -> bool {
        // A key that is no record, and is not there.
        let read = self.client.get("lpse-kiosk", None);
        match timeout(SILENCE, read).await {
            Ok(Ok(_)) => true,
            // Whoever may not read this key was answered all the same.
            Ok(Err(error)) => matches!(classified(&error), Failure::Refused(_)),
            Err(_) => false,
        }
    }
}

#[async_trait]
impl Changes for EtcdChanges {
    async fn next(&mut self) -> Change {
        loop {
            match self.0.next().await {
                Heard::Missed => return Change::Missed,
                Heard::Written {
                    name,
                    before,
                    after,
                } => {
                    if let Some(key) = self.0.cluster.key_of(&name) {
                        return Change::Written { key, before, after };
                    }
                }
            }
        }
    }
}

impl Events {
    /// The next row. It goes on by itself when the cluster was away for a while.
    pub async fn next(&mut self) -> Heard {
        loop {
            if let Some(change) = self.told.pop_front() {
                return change;
            }
            let certificates = self.cluster.certificates();
            // Another one goes on from where this one is.
            self.watch
                .take_if(|watch| watch.certificates != certificates);
            if self.watch.is_none() {
                match self.watch().await {
                    Ok(watch) => self.watch = Some(watch),
                    Err(error) => {
                        tracing::debug!(%error, "changes are not heard; another try follows");
                        sleep(PAUSE).await;
                        continue;
                    }
                }
            }
            if !self.hear().await
                && let Some(watch) = self.watch.take()
            {
                self.cluster.leave(watch.member);
                // A member that ends every watch at once is not asked without a breath in between.
                sleep(PAUSE).await;
            }
        }
    }
}
