//! A node: this machine, among those that share the store, and whether the store serves at it.
//!
//! A node's name belongs to one data folder: the records that are kept for each node (its visits, how far its audit log
//! has come, its slots) are of one machine and no other's. A copy of that machine has the same folder, so a process also
//! holds a lease on the name, which is the condition of each of its commits: of two machines that are one by their
//! folders, one writes. Where the folder is at the very place where the lease's holder had it, its lock says that this
//! process has ended, and the lease is taken over at once; anywhere else it is waited for.
//!
//! Every commit also holds on the store's standing: a key that is written with every mark of a store that does not serve
//! (copied elsewhere, being copied or restored). What was read of it when the store was opened must still be so; a store
//! that was emptied has none. While somebody has the turn to copy, into the store or out of it, nothing is committed
//! either, so that a copy is whole, and one that is broken off changes nothing. Whoever copies or restores is not held to
//! any of it.
//!
//! Every [`BEAT`], a node says anew what it is. That finds out what is no longer so while nobody commits, and what the
//! other nodes say is where their clocks are seen.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    os::unix::fs::MetadataExt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use etcd_client::{
    Client, Compare, CompareOp, Error, GetOptions, KvClient, PutOptions, Txn, TxnOp, TxnOpResponse,
    TxnResponse,
};
use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};

use super::{
    super::{
        HeldKeys, Key, StoreError,
        away::Away,
        folder::{FORMAT, Folder, OpenError},
        nodes::{HeardClock, Node, Statement},
    },
    changes::{Events, Heard},
    cluster::{Cluster, Failure, deadline, end_of},
    turn,
};

/// Where a folder keeps what tells it from all others.
const FILE: &str = "node";

/// A node that is not heard of for so long has lost its lease.
const LEASE: Duration = Duration::from_secs(15);

/// Between two statements, and two looks whether the cluster answers.
pub const BEAT: Duration = Duration::from_secs(2);

/// Between two looks whether etcd still asks for a login. Each has etcd calculate a hash.
const LOGIN_LOOK: Duration = Duration::from_secs(10);

/// Between two looks whether a lease has ended.
const PAUSE: Duration = Duration::from_millis(500);

/// A node that ends gives its lease back within this time, or lets it run out.
const LEAVING: Duration = Duration::from_millis(300);

/// This process, as the node that it is.
pub struct Presence {
    cluster: Arc<Cluster>,
    said: Statement,
    keys: Mutex<Option<HeldKeys>>,
    /// The revision at which the store's standing was last written, as of the opening.
    standing: i64,
    is_held_to_standing: AtomicBool,
    lease: tokio::sync::Mutex<i64>,
    away: watch::Sender<Option<Away>>,
    clocks: Mutex<BTreeMap<String, HeardClock>>,
    /// There is something new to say.
    news: Notify,
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presence({})", self.said.name)
    }
}

/// What a transaction that failed found of this node.
pub enum Found {
    /// All that it stands on is as it was.
    Sound,
    /// Its lease has run out, and nobody has taken the name.
    LeaseGone,
    Away(Away),
}

/// Takes the name `node` for the data folder that `folder` is in, unless it is another one's, and the lease on it, unless
/// another process lives by it.
pub async fn take(
    cluster: &Arc<Cluster>,
    node: &str,
    folder: &Folder,
) -> Result<Presence, OpenError> {
    let failed = |error: io::Error| folder.failed(error);
    let unreachable = |error: StoreError| OpenError::Cluster {
        endpoints: format!("{cluster:?}"),
        reason: error.to_string(),
    };
    let system = rustix::system::uname();
    let now = Timestamp::now().as_millisecond();
    let said = Statement {
        name: node.to_owned(),
        folder: folder_id(folder).map_err(failed)?,
        instance: random_name::<8>().map_err(failed)?,
        place: place(folder),
        host: system.nodename().to_string_lossy().into_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since_ms: now,
        now_ms: now,
        keys: Vec::new(),
    };
    let (standing, found) = standing(cluster).await.map_err(unreachable)?;
    if found.parse() != Ok(FORMAT) {
        let folder = "the cluster".to_owned();
        return Err(match found.parse::<u32>() {
            Ok(format) if format < FORMAT => OpenError::Older { folder, found },
            _ => OpenError::Newer { folder, found },
        });
    }
    let lease = grant(cluster)
        .await
        .map_err(|error| unreachable(error.into()))?;
    let presence = Presence {
        cluster: cluster.clone(),
        keys: Mutex::default(),
        standing,
        is_held_to_standing: AtomicBool::new(false),
        lease: tokio::sync::Mutex::new(lease),
        away: watch::Sender::new(None),
        clocks: Mutex::default(),
        news: Notify::new(),
        said,
    };
    presence.enter(lease).await?;
    Ok(presence)
}

/// The revision at which the store's standing was last written, and the format that it names. A store that is begun gets
/// one.
async fn standing(cluster: &Cluster) -> Result<(i64, String), StoreError> {
    let name = cluster.own(STANDING);
    let request = Txn::new()
        .when([Compare::version(name.clone(), CompareOp::Equal, 0)])
        .and_then([TxnOp::put(name.clone(), FORMAT.to_string(), None)])
        .or_else([TxnOp::get(name, None)]);
    loop {
        // Asked twice, it is made once, and read then.
        let answer = txn(cluster, &request).await?;
        if let Some(row) = rows(&answer, 0).first() {
            let format = String::from_utf8_lossy(row.value()).into_owned();
            return Ok((row.mod_revision(), format));
        }
    }
}

/// Where the standing is kept.
const STANDING: &str = "standing";

/// What is written with every mark of a store that does not serve, and with the end of one.
pub fn restand(cluster: &Cluster) -> TxnOp {
    TxnOp::put(cluster.own(STANDING), FORMAT.to_string(), None)
}

async fn txn(cluster: &Cluster, request: &Txn) -> Result<TxnResponse, StoreError> {
    let ask = |mut client: KvClient| {
        let request = request.clone();
        async move { client.txn(request).await }
    };
    cluster.read(ask).await
}

async fn grant(cluster: &Cluster) -> Result<i64, Failure> {
    let granted = cluster.attempt_of(deadline(cluster), |client: Client| async move {
        let mut leases = client.lease_client();
        leases.grant(LEASE.as_secs() as i64, None).await
    });
    Ok(granted.await?.id())
}

/// The rows that the operation at `at` of a transaction has read.
fn rows(answer: &TxnResponse, at: usize) -> Vec<etcd_client::KeyValue> {
    match answer.op_responses().get(at) {
        Some(TxnOpResponse::Get(get)) => get.kvs().to_vec(),
        _ => Vec::new(),
    }
}

fn statement(bytes: &[u8]) -> Option<Statement> {
    serde_json::from_slice(bytes).ok()
}

impl Presence {
    /// Where the node's name and what it said last stand.
    fn name_key(&self) -> Vec<u8> {
        self.cluster.own(&format!("node/{}", self.said.name))
    }

    /// Where the lease stands.
    fn living_key(&self) -> Vec<u8> {
        self.cluster.own(&format!("living/{}", self.said.name))
    }

    /// What this node says of itself now.
    fn statement(&self) -> Vec<u8> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.clone();
        let said = Statement {
            now_ms: Timestamp::now().as_millisecond(),
            keys: keys.map(|keys| keys()).unwrap_or_default(),
            ..self.said.clone()
        };
        serde_json::to_vec(&said).expect("a statement is made of texts and numbers")
    }

    /// Has the node say from now on which master keys it holds.
    pub fn say_keys(&self, keys: HeldKeys) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
        self.news.notify_one();
    }

    /// From now on nothing is committed unless the store's standing is what it was when the store was opened, and nobody
    /// copies.
    pub fn hold_to_standing(&self) {
        self.is_held_to_standing.store(true, Relaxed);
    }

    /// Hears why the store does not serve at this node.
    pub fn away(&self) -> watch::Receiver<Option<Away>> {
        self.away.subscribe()
    }

    /// Whether what is read is the store that was opened, whole: records of one that is being brought back, or was begun
    /// anew, are nothing to judge anybody by.
    ///
    /// # Errors
    /// It is not.
    pub fn reads(&self) -> Result<(), StoreError> {
        match *self.away.borrow() {
            Some(away @ (Away::Restoring | Away::Changed)) => Err(StoreError::Away(away)),
            Some(Away::Moved | Away::Copying | Away::Replaced) | None => Ok(()),
        }
    }

    /// Takes the name and the lease, when they are free or this folder's own; waits for the end of a lease that nobody
    /// renews.
    async fn enter(&self, lease: i64) -> Result<(), OpenError> {
        let unreachable = |error: StoreError| OpenError::Cluster {
            endpoints: format!("{:?}", self.cluster),
            reason: error.to_string(),
        };
        let (name, living) = (self.name_key(), self.living_key());
        let read = Txn::new().and_then([
            TxnOp::get(name.clone(), None),
            TxnOp::get(living.clone(), None),
        ]);
        // The last word of the one that is waited for.
        let mut heard: Option<(String, i64)> = None;
        loop {
            let found = txn(&self.cluster, &read).await.map_err(unreachable)?;
            let owner = rows(&found, 0).first().cloned();
            let holder = rows(&found, 1).first().cloned();
            let said = owner.as_ref().and_then(|row| statement(row.value()));
            let is_ours = match (&owner, &said) {
                (None, _) => true,
                (Some(_), Some(said)) => said.folder == self.said.folder,
                // Something else stands there, and nobody knows whose.
                (Some(_), None) => false,
            };
            if !is_ours {
                self.give_back(lease).await;
                return Err(OpenError::NodeTaken(self.said.name.clone()));
            }
            let holder = holder.map(|row| row.value().to_vec());
            let is_free = match (&holder, &said) {
                (None, _) => true,
                (Some(holder), _) if *holder == self.said.instance.as_bytes() => true,
                (Some(holder), Some(said)) if *holder == said.instance.as_bytes() => {
                    said.place.is_some() && said.place == self.said.place
                }
                _ => false,
            };
            if is_free {
                let is_same = |key: &Vec<u8>, value: Option<&[u8]>| match value {
                    Some(value) => Compare::value(key.clone(), CompareOp::Equal, value),
                    None => Compare::version(key.clone(), CompareOp::Equal, 0),
                };
                let enter = Txn::new()
                    .when([
                        is_same(&name, owner.as_ref().map(|row| row.value())),
                        is_same(&living, holder.as_deref()),
                    ])
                    .and_then(self.entries(lease));
                if txn(&self.cluster, &enter)
                    .await
                    .map_err(unreachable)?
                    .succeeded()
                {
                    return Ok(());
                }
                continue;
            }
            let spoken = owner.as_ref().map_or(0, |row| row.mod_revision());
            let said = said.as_ref();
            match (&heard, said) {
                // It has said something since.
                (Some((instance, revision)), Some(said))
                    if *instance == said.instance && *revision != spoken =>
                {
                    self.give_back(lease).await;
                    return Err(OpenError::NodeLives {
                        node: self.said.name.clone(),
                        host: said.host.clone(),
                        since: said.since().strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
                    });
                }
                (None, _) => tracing::warn!(
                    node = self.said.name,
                    "another process held this node's name a moment ago, elsewhere; its end is waited for, at most 15 s"
                ),
                _ => {}
            }
            heard = said.map(|said| (said.instance.clone(), spoken));
            self.keep(lease).await;
            sleep(PAUSE).await;
        }
    }

    /// What is written to take the name and the lease.
    fn entries(&self, lease: i64) -> [TxnOp; 2] {
        let leased = PutOptions::new().with_lease(lease);
        [
            TxnOp::put(self.name_key(), self.statement(), None),
            TxnOp::put(self.living_key(), self.said.instance.clone(), Some(leased)),
        ]
    }

    /// Renews the lease; `false` when it has run out.
    async fn keep(&self, lease: i64) -> bool {
        let renewed =
            self.cluster
                .attempt_of(deadline(&self.cluster), |client: Client| async move {
                    match client.lease_client().keep_alive(lease).await {
                        Ok(_) => Ok(true),
                        // What the client calls a lease that is not there any more.
                        Err(Error::LeaseKeepAliveError(_)) => Ok(false),
                        Err(error) => Err(error),
                    }
                });
        renewed.await.unwrap_or(true)
    }

    async fn give_back(&self, lease: i64) {
        let deadline = Instant::now() + LEAVING;
        let revoked = self
            .cluster
            .attempt_of(deadline, |client: Client| async move {
                client.lease_client().revoke(lease).await
            });
        // Else it runs out.
        let _ = revoked.await;
    }

    /// Gives the name's lease back.
    pub async fn leave(&self) {
        let lease = *self.lease.lock().await;
        self.give_back(lease).await;
    }

    /// What must hold for each commit of this node.
    pub fn compares(&self) -> Vec<Compare> {
        let mut compares = vec![Compare::value(
            self.living_key(),
            CompareOp::Equal,
            self.said.instance.as_bytes(),
        )];
        if self.is_held_to_standing.load(Relaxed) {
            compares.push(Compare::mod_revision(
                self.cluster.own(STANDING),
                CompareOp::Equal,
                self.standing,
            ));
            let turn = self.cluster.own(turn::COPY);
            compares.push(Compare::version(turn, CompareOp::Equal, 0));
        }
        compares
    }

    /// What a transaction that fails reads, for [`Presence::judge`].
    pub fn looks(&self) -> [TxnOp; 6] {
        let mark = |key: Key| TxnOp::get(self.cluster.record(&key), None);
        [
            TxnOp::get(self.living_key(), None),
            TxnOp::get(self.cluster.own(STANDING), None),
            mark(Key::copy()),
            mark(Key::restore()),
            mark(Key::moved()),
            TxnOp::get(self.cluster.own(turn::COPY), None),
        ]
    }

    /// What the looks, of which the first was at `at` in `answer`, have found. What keeps this node from serving is told
    /// from here on.
    pub fn judge(&self, answer: &TxnResponse, at: usize) -> Found {
        let is_there = |look: usize| !rows(answer, at + look).is_empty();
        let standing = rows(answer, at + 1).first().map(|row| row.mod_revision());
        let is_held_to = self.is_held_to_standing.load(Relaxed);
        let away = if is_held_to && is_there(5) {
            Some(Away::Copying)
        } else if is_held_to && standing != Some(self.standing) {
            Some(if is_there(2) {
                Away::Copying
            } else if is_there(3) {
                Away::Restoring
            } else if is_there(4) {
                Away::Moved
            } else {
                Away::Changed
            })
        } else {
            match rows(answer, at).first() {
                None => return Found::LeaseGone,
                Some(row) if row.value() != self.said.instance.as_bytes() => Some(Away::Replaced),
                Some(_) => None,
            }
        };
        self.tell(away);
        match away {
            Some(away) => Found::Away(away),
            None => Found::Sound,
        }
    }

    fn tell(&self, away: Option<Away>) {
        self.away.send_if_modified(|told| {
            let is_news = *told != away;
            *told = away;
            is_news
        });
    }

    /// Takes the lease again after it has run out, as long as nobody else has the name.
    pub async fn take_again(&self) -> Result<(), StoreError> {
        let mut lease = self.lease.lock().await;
        // Of many that found it gone, the first has done it.
        if self.keep(*lease).await && self.is_in().await? {
            return Ok(());
        }
        let fresh = grant(&self.cluster).await?;
        let request = Txn::new()
            .when([Compare::version(self.living_key(), CompareOp::Equal, 0)])
            .and_then(self.entries(fresh));
        // Where another one came first, the next commit finds it.
        txn(&self.cluster, &request).await?;
        *lease = fresh;
        Ok(())
    }

    async fn is_in(&self) -> Result<bool, StoreError> {
        let request = Txn::new().and_then([TxnOp::get(self.living_key(), None)]);
        let answer = txn(&self.cluster, &request).await?;
        let rows = rows(&answer, 0);
        Ok(rows
            .first()
            .is_some_and(|row| row.value() == self.said.instance.as_bytes()))
    }

    /// Says anew what this node is, and finds out whether it still serves.
    async fn beat(&self) -> Result<(), StoreError> {
        let lease = *self.lease.lock().await;
        if !self.keep(lease).await {
            self.take_again().await?;
        }
        let request = Txn::new()
            .when(self.compares())
            .and_then([TxnOp::put(self.name_key(), self.statement(), None)])
            .or_else(self.looks());
        let answer = txn(&self.cluster, &request).await?;
        if answer.succeeded() {
            self.tell(None);
            return Ok(());
        }
        match self.judge(&answer, 0) {
            Found::LeaseGone => self.take_again().await,
            Found::Away(_) | Found::Sound => Ok(()),
        }
    }

    fn hear(&self, said: &Statement, now: i64) {
        if said.name == self.said.name {
            return;
        }
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let clock = clocks.entry(said.name.clone()).or_default();
        clock.hear(said.now_ms, now);
        let node = &said.name;
        match clock.news() {
            Some(ahead) if ahead.is_zero() => {
                tracing::warn!(node, "that machine's clock and this one's agree again");
            }
            Some(ahead) => tracing::warn!(
                node,
                seconds_ahead = ahead.as_secs(),
                "that machine's clock and this one's are more than 5 s apart: compare both with another clock, and have \
                 something keep them in time; right codes are refused by a wrong one"
            ),
            None => {}
        }
    }

    /// All machines that share the store, with how far their clocks are ahead of this one's. A process that has just begun
    /// has not heard all of them yet, and waits for a statement of each.
    pub async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        let mut nodes = all(&self.cluster).await?;
        let until = Instant::now() + BEAT + PAUSE;
        loop {
            let mut is_complete = true;
            {
                let clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
                for node in nodes.iter_mut().filter(|node| node.is_living) {
                    node.ahead_ms = match node.said.name == self.said.name {
                        true => Some(0),
                        false => clocks.get(&node.said.name).and_then(HeardClock::ahead_ms),
                    };
                    is_complete &= node.ahead_ms.is_some();
                }
            }
            if is_complete || Instant::now() >= until {
                return Ok(nodes);
            }
            sleep(PAUSE / 5).await;
        }
    }
}

/// All machines that share the store; of their clocks nothing is known.
pub async fn all(cluster: &Cluster) -> Result<Vec<Node>, StoreError> {
    let range = |name: &str| {
        let begin = cluster.own(name);
        let options = GetOptions::new().with_range(end_of(begin.clone()));
        TxnOp::get(begin, Some(options))
    };
    let request = Txn::new().and_then([range("node/"), range("living/")]);
    let answer = txn(cluster, &request).await?;
    let living = rows(&answer, 1);
    let nodes = rows(&answer, 0);
    let nodes = nodes.iter().filter_map(|row| {
        let said = statement(row.value())?;
        let is_living = living
            .iter()
            .any(|row| row.value() == said.instance.as_bytes());
        Some(Node {
            said,
            is_living,
            ahead_ms: None,
        })
    });
    Ok(nodes.collect())
}

/// The same, with the clocks of those that live, which are listened to for as long as it takes to hear each.
pub async fn all_and_clocks(cluster: &Arc<Cluster>) -> Result<Vec<Node>, StoreError> {
    let mut events = Events::begin(cluster.clone(), cluster.own("node/")).await?;
    let mut nodes = all(cluster).await?;
    let listening = async {
        while nodes
            .iter()
            .any(|node| node.is_living && node.ahead_ms.is_none())
        {
            let Heard::Written { after, .. } = events.next().await else {
                continue;
            };
            let now = Timestamp::now().as_millisecond();
            if let Some(said) = after.and_then(|bytes| statement(&bytes))
                && let Some(node) = nodes.iter_mut().find(|node| node.said.name == said.name)
            {
                node.ahead_ms = Some(said.now_ms.saturating_sub(now));
            }
        }
    };
    // What was not heard by then is not known.
    let _ = timeout(BEAT + PAUSE, listening).await;
    Ok(nodes)
}

/// Takes from the cluster what is kept of the node `name` and is no record: its name and its slots. `false` where it
/// lives.
pub async fn forget(cluster: &Cluster, name: &str) -> Result<bool, StoreError> {
    let slots = cluster.own(&format!("slot/{name}/"));
    let options = etcd_client::DeleteOptions::new().with_range(end_of(slots.clone()));
    let living = cluster.own(&format!("living/{name}"));
    let request = Txn::new()
        .when([Compare::version(living, CompareOp::Equal, 0)])
        .and_then([
            TxnOp::delete(cluster.own(&format!("node/{name}")), None),
            TxnOp::delete(slots, Some(options)),
        ]);
    Ok(txn(cluster, &request).await?.succeeded())
}

/// Says every now and then what this node is, so that whether the cluster answers is known also while nobody comes:
/// whoever sends people elsewhere because of it must hear when it is over. It ends when it is aborted.
pub async fn live(presence: Weak<Presence>) {
    let mut looked = Instant::now();
    loop {
        let Some(own) = presence.upgrade() else {
            return;
        };
        // Where nothing is new, the same is said again.
        let _ = timeout(BEAT, own.news.notified()).await;
        let beat = own.beat().await;
        own.cluster.note_write(beat.is_ok());
        if looked.elapsed() >= LOGIN_LOOK {
            own.cluster.look_at_login().await;
            looked = Instant::now();
        }
        if let Err(error) = beat {
            tracing::debug!(%error, "this node could not say that it lives; another try follows");
        }
    }
}

/// Listens to what the other nodes say. It ends when it is aborted, or with the node.
pub async fn listen(presence: Weak<Presence>) {
    let mut events = None;
    loop {
        let Some(cluster) = presence.upgrade().map(|own| own.cluster.clone()) else {
            return;
        };
        let Some(heard) = &mut events else {
            match Events::begin(cluster.clone(), cluster.own("node/")).await {
                Ok(begun) => events = Some(begun),
                Err(_) => sleep(BEAT).await,
            }
            continue;
        };
        let heard = heard.next().await;
        let now = Timestamp::now().as_millisecond();
        let Some(presence) = presence.upgrade() else {
            return;
        };
        if let Heard::Written {
            after: Some(bytes), ..
        } = heard
            && let Some(said) = statement(&bytes)
        {
            presence.hear(&said, now);
        }
    }
}

/// What tells this folder from all others: made once, and kept in it.
fn folder_id(folder: &Folder) -> io::Result<String> {
    match fs::read_to_string(folder.path().join(FILE)) {
        Ok(id) => return Ok(id.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let id = random_name::<16>()?;
    folder.keep(FILE, &id)?;
    Ok(id)
}

/// Where a unit of systemd hands over the system's run: it sees nothing of /proc but processes.
const BOOT_ID: &str = "BOOT_ID";

/// The system's own run (random(4), boot_id), and the place of the folder in it; `None` where the system does not say.
fn place(folder: &Folder) -> Option<String> {
    let told = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let told = told.or_else(|| std::env::var(BOOT_ID).ok())?;
    // systemd writes it without dashes.
    let run: String = told.chars().filter(char::is_ascii_hexdigit).collect();
    let at = fs::metadata(folder.path()).ok()?;
    (!run.is_empty()).then(|| format!("{run} {} {}", at.dev(), at.ino()))
}

fn random_name<const N: usize>() -> io::Result<String> {
    let mut random = [0; N];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(HEXLOWER.encode(&random))
}
