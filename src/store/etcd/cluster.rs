//! The members of the cluster, asked one after the other.
//!
//! etcd-client goes on asking a member that is dead. So there is one client a member here: a question goes to the member
//! that answered last, and to the next one when there is no answer within [`ATTEMPT`]; [`Cluster::patience`] bounds the
//! whole. Reading again does no harm. A write is never sent twice from here, because one whose answer was lost may have
//! been applied; see [`super::slot`].
//!
//! A login holds for as long as etcd says, and a signed one (JWT) no longer than until any user or role is changed
//! anywhere. etcd looks at it before it does anything else, so what is refused for it was not done: the member is logged
//! in to anew, and asked once more, with the password as it is then. A member that asks for no login, though there is a
//! user, is asked without one: refusing to serve would close nothing to those who reach the cluster too. It is told.

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use etcd_client::{
    Certificate, Client, Compare, CompareOp, ConnectOptions, Error, GetOptions, Identity, KvClient,
    TlsOptions, Txn, TxnOp,
};
use tokio::{
    sync::Mutex,
    time::{timeout, timeout_at},
};

use super::{
    super::{Key, StoreError, health::Refusal},
    settings::{EtcdSettings, EtcdTls, EtcdUser, TlsFiles},
    version::{self, VersionFault},
};

/// One member is given this long, which is above what a healthy one takes and below what people notice.
const ATTEMPT: Duration = Duration::from_millis(1_500);

/// With less time than this, nothing is asked that cannot be asked again.
const LEAST: Duration = Duration::from_millis(500);

/// Between two rounds of all members, none of which answered.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection that is silent for so long is asked whether it is still there. Members take more than one such question
/// in 5 s for an attack.
const KEEP_ALIVE: Duration = Duration::from_secs(6);

/// The largest answer: a page of the largest records.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// The cluster, as this process reaches it.
pub struct Cluster {
    members: Vec<Member>,
    /// The place of the member that answered last.
    preferred: AtomicUsize,
    answers: AtomicBool,
    /// What it has refused since a write of this node was last taken.
    refusal: std::sync::Mutex<Option<Refusal>>,
    /// It asks for no login, though there is a user.
    asks_for_no_login: AtomicBool,
    /// It does not know the password that is in the file now, though this node is logged in with one before it.
    knows_no_password: AtomicBool,
    /// Whether the log is told of all three.
    is_told: AtomicBool,
    prefix: Vec<u8>,
    patience: Duration,
    way: Way,
}

/// How a member is reached.
struct Way {
    user: Option<EtcdUser>,
    tls: Option<EtcdTls>,
    shown: std::sync::Mutex<Shown>,
}

/// The certificates in use.
#[derive(Clone)]
struct Shown {
    files: Option<Arc<TlsFiles>>,
    /// Which ones they are, of all that there were.
    number: u64,
}

/// A client of a member, logged in where it asks for that.
#[derive(Clone)]
pub struct Connected {
    pub client: Client,
    /// It asks for no login, though there is a user.
    asks_for_no_login: bool,
}

impl Connected {
    /// Whether nothing was done because the login is not good any more, or is none where one is asked for by now. Whoever
    /// shows a certificate is taken for its name then.
    fn is_of_an_old_login(&self, error: &Error) -> bool {
        match refusal(error) {
            Some(Refusal::Token | Refusal::LoginOff) => true,
            Some(Refusal::LoginOn | Refusal::Permission) => self.asks_for_no_login,
            _ => false,
        }
    }
}

impl Way {
    fn new(settings: &EtcdSettings) -> Self {
        let files = settings.tls.as_ref().map(|tls| (tls.0)());
        Self {
            user: settings.user.clone(),
            tls: settings.tls.clone(),
            shown: std::sync::Mutex::new(Shown { files, number: 0 }),
        }
    }

    fn shown(&self) -> Shown {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The certificates that were renewed and are not in use yet.
    fn renewed(&self) -> Option<Arc<TlsFiles>> {
        let now = (self.tls.as_ref()?.0)();
        let shown = self.shown().files?;
        (!Arc::ptr_eq(&now, &shown)).then_some(now)
    }

    fn show(&self, files: Arc<TlsFiles>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Shown {
            files: Some(files),
            number: shown.number + 1,
        };
    }

    /// Whether the member answers to whoever shows `files`, whatever it answers.
    async fn answers_to(&self, endpoint: &str, files: &TlsFiles) -> Result<(), Error> {
        let asked = async {
            let Connected { client, .. } = self.connect(endpoint, Some(files)).await?;
            client.maintenance_client().status().await
        };
        match asked.await {
            Err(error) if matches!(classified(&error), Failure::Lost(_) | Failure::Unasked(_)) => {
                Err(error)
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn connect(&self, endpoint: &str, tls: Option<&TlsFiles>) -> Result<Connected, Error> {
        let options = options(tls);
        if let Some(user) = &self.user {
            let password = (user.password)();
            let as_user = options.clone();
            let as_user = as_user.with_user(user.name.clone(), password.as_str());
            match Client::connect([endpoint], Some(as_user)).await {
                Err(error) if refusal(&error) == Some(Refusal::LoginOff) => {}
                connected => {
                    return Ok(Connected {
                        client: connected?,
                        asks_for_no_login: false,
                    });
                }
            }
        }
        Ok(Connected {
            client: Client::connect([endpoint], Some(options)).await?,
            asks_for_no_login: self.user.is_some(),
        })
    }
}

struct Member {
    endpoint: String,
    login: Mutex<Login>,
}

/// The client that a member is asked by.
#[derive(Default)]
struct Login {
    connected: Option<Connected>,
    /// Which one it is, of all that there were.
    number: u64,
    /// Which certificates it shows.
    shown: u64,
}

/// Why a question has no answer.
#[derive(Debug, Clone)]
pub enum Failure {
    /// The member could not be reached, or has no leader: nothing was done, and another member may do it.
    Unasked(String),
    /// The cluster has refused it, and done nothing.
    Refused(String),
    /// The cluster has answered with an error; whether it has done something can be looked at.
    Answered(String),
    /// There was no answer. It may be done yet.
    Lost(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unasked(why) | Self::Refused(why) | Self::Answered(why) | Self::Lost(why)) =
            self;
        f.write_str(why)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(match &failure {
            Failure::Refused(why) | Failure::Answered(why) => match Refusal::of(why) {
                Some(refusal) => format!("{refusal} ({why}). {}", refusal.what_to_do()),
                None => format!("the etcd cluster refuses this: {why}"),
            },
            Failure::Unasked(why) | Failure::Lost(why) => {
                format!("the etcd cluster does not answer: {why}")
            }
        })
    }
}

impl Cluster {
    pub fn new(settings: &EtcdSettings) -> Result<Self, String> {
        let members = settings.endpoints.iter().map(|endpoint| Member {
            endpoint: endpoint.clone(),
            login: Mutex::default(),
        });
        // Machines that start at once do not all begin at the first member.
        let mut random = [0; 1];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        Ok(Self {
            preferred: AtomicUsize::new(usize::from(random[0]) % members.len().max(1)),
            members: members.collect(),
            answers: AtomicBool::new(true),
            refusal: std::sync::Mutex::default(),
            asks_for_no_login: AtomicBool::new(false),
            knows_no_password: AtomicBool::new(false),
            is_told: AtomicBool::new(false),
            prefix: settings.prefix.clone().into_bytes(),
            patience: settings.patience,
            way: Way::new(settings),
        })
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Whether the last question was answered.
    pub fn answers(&self) -> bool {
        self.answers.load(Relaxed)
    }

    /// What the cluster refuses of this node, though it answers.
    pub fn refusal(&self) -> Option<Refusal> {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whether a write of this node was taken. Only one that was shows that nothing is refused any more: reads are
    /// answered by a cluster that is full.
    pub fn note_write(&self, is_taken: bool) {
        match is_taken {
            true => self.note(None),
            false if self.answers() && self.refusal().is_none() => self.note(Some(Refusal::Other)),
            false => {}
        }
    }

    fn note(&self, refusal: Option<Refusal>) {
        let mut noted = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if *noted == refusal {
            return;
        }
        *noted = refusal;
        drop(noted);
        if self.is_told.load(Relaxed) {
            Self::tell(refusal);
        }
    }

    fn tell(refusal: Option<Refusal>) {
        match refusal {
            Some(refusal) => tracing::error!(
                what_to_do = refusal.what_to_do(),
                "nobody can log in here: {refusal}"
            ),
            None => tracing::warn!("etcd takes what this machine writes again"),
        }
    }

    /// Notes whether etcd asks for a login, where there is a user.
    fn note_login(&self, asks_for_none: bool) {
        let before = self.asks_for_no_login.swap(asks_for_none, Relaxed);
        if before != asks_for_none && self.is_told.load(Relaxed) {
            Self::tell_login(asks_for_none);
        }
    }

    /// Has the log told from now on what is refused, and how it is with the login. Before the store is open, whoever opens
    /// it tells why it is not.
    pub fn begin_telling(&self) {
        self.is_told.store(true, Relaxed);
        if let Some(refusal) = self.refusal() {
            Self::tell(Some(refusal));
        }
        if self.asks_for_no_login.load(Relaxed) {
            Self::tell_login(true);
        }
    }

    fn tell_login(asks_for_none: bool) {
        match asks_for_none {
            true => tracing::error!(
                what_to_do = Refusal::LoginOff.what_to_do(),
                "people are served, and the store is open to everybody who reaches the cluster: {}",
                Refusal::LoginOff
            ),
            false => tracing::warn!("etcd asks for a login again"),
        }
    }

    /// Finds out whether etcd still asks for a login, and would take this one: who has logged in before is answered either
    /// way.
    pub async fn look_at_login(&self) {
        let Some(user) = &self.way.user else {
            return;
        };
        let asked = async {
            let (Connected { client, .. }, _) = self.client_of(self.preferred()).await?;
            let password = (user.password)().as_str().to_owned();
            let mut logins = client.auth_client();
            logins.authenticate(user.name.clone(), password).await
        };
        match timeout(ATTEMPT, asked).await {
            Ok(Ok(_)) => {
                self.note_login(false);
                self.knows_no_password.store(false, Relaxed);
            }
            Ok(Err(error)) => match refusal(&error) {
                Some(Refusal::LoginOff) => self.note_login(true),
                Some(Refusal::Password) => self.note_unknown_password(),
                // What else is refused or does not answer, the questions themselves tell.
                _ => {}
            },
            Err(_) => {}
        }
    }

    fn note_unknown_password(&self) {
        let is_news = !self.knows_no_password.swap(true, Relaxed);
        // Where the login before has ended too, that is told already.
        if is_news && self.is_told.load(Relaxed) && self.refusal().is_none() {
            tracing::error!(
                what_to_do = Refusal::Password.what_to_do(),
                "people are served until the login before it ends: etcd does not know the password that is in the file now"
            );
        }
    }

    /// A question that is refused where a write of this machine would be, and writes nothing: it is asked only on a
    /// condition that never holds, and etcd looks at what it may do first.
    fn would_write(&self) -> Txn {
        let everything = self.prefix.clone();
        let range = GetOptions::new()
            .with_range(end_of(everything.clone()))
            .with_limit(1);
        let own = self.own("probe");
        Txn::new()
            .when([Compare::version(own.clone(), CompareOp::Less, 0)])
            .and_then([
                TxnOp::put(own, "", None),
                TxnOp::put(self.record(&Key::moved()), "", None),
                TxnOp::get(everything, Some(range)),
            ])
    }

    /// The name of a record in etcd.
    pub fn record(&self, key: &Key) -> Vec<u8> {
        [&self.prefix, b"r/".as_slice(), key.as_bytes()].concat()
    }

    /// The record with this name in etcd.
    pub fn key_of(&self, name: &[u8]) -> Option<Key> {
        let key = name.strip_prefix(self.prefix.as_slice())?;
        Some(Key::from_bytes(key.strip_prefix(b"r/")?))
    }

    /// The name of something that is no record.
    pub fn own(&self, name: &str) -> Vec<u8> {
        [&self.prefix, b"own/".as_slice(), name.as_bytes()].concat()
    }

    /// Asks for something that may be asked for again, until it is answered or the patience is at its end.
    pub async fn read<T, F>(&self, ask: impl Fn(KvClient) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.read_until(deadline(self), ask).await
    }

    /// The same, when the patience began earlier.
    pub async fn read_until<T, F>(
        &self,
        deadline: Instant,
        ask: impl Fn(KvClient) -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut tries = self.tries();
        loop {
            match self.attempt(deadline, &ask).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Lost(_) | Failure::Unasked(_)) if Instant::now() < deadline => {
                    tries.failed().await;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Counts what is asked in vain.
    pub fn tries(&self) -> Tries {
        Tries {
            members: self.members.len(),
            failed: 0,
        }
    }

    /// Asks one member once.
    pub async fn attempt<T, F>(
        &self,
        deadline: Instant,
        ask: impl Fn(KvClient) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let ask = |client: Client| {
            let kv = client.kv_client();
            ask(kv.max_decoding_message_size(LARGEST_ANSWER))
        };
        self.attempt_of(deadline, ask).await
    }

    /// The same, for questions that are not about records.
    pub async fn attempt_of<T, F>(
        &self,
        deadline: Instant,
        ask: impl Fn(Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let at = self.preferred();
        let member = &self.members[at];
        let until = deadline.min(Instant::now() + ATTEMPT);
        let asked = async {
            let (connected, number) = self.client_of(at).await?;
            let failed = match ask(connected.client.clone()).await {
                Err(error) if connected.is_of_an_old_login(&error) => error,
                answer => return answer,
            };
            tracing::debug!(endpoint = member.endpoint, error = %failed, "logging in to this member anew");
            self.forget_login(at, number).await;
            let (connected, _) = self.client_of(at).await?;
            ask(connected.client).await
        };
        let failure = match timeout_at(until.into(), asked).await {
            Ok(Ok(answer)) => {
                self.answers.store(true, Relaxed);
                return Ok(answer);
            }
            Ok(Err(error)) => classified(&error),
            Err(_) => Failure::Lost(format!("{} is silent", member.endpoint)),
        };
        if let Failure::Refused(why) | Failure::Answered(why) = &failure {
            self.answers.store(true, Relaxed);
            if let Some(refusal) = Refusal::of(why) {
                self.note(Some(refusal));
            }
        }
        if let Failure::Lost(_) | Failure::Unasked(_) = failure {
            self.leave(at);
            if Instant::now() >= deadline {
                self.answers.store(false, Relaxed);
            }
        }
        Err(failure)
    }

    /// Whether a question may well be answered until `deadline`.
    pub fn has_time_until(&self, deadline: Instant) -> bool {
        Instant::now() + LEAST < deadline
    }

    /// The place of the member that answered last.
    pub fn preferred(&self) -> usize {
        self.preferred.load(Relaxed) % self.members.len()
    }

    /// A client of the member at `at`, and which one it is. Connections are made when they are needed, and made again by
    /// the client.
    pub async fn client_of(&self, at: usize) -> Result<(Connected, u64), Error> {
        let member = &self.members[at];
        let mut login = member.login.lock().await;
        let shown = self.way.shown();
        if let Some(connected) = &login.connected
            && login.shown == shown.number
        {
            return Ok((connected.clone(), login.number));
        }
        let fresh = self.way.connect(&member.endpoint, shown.files.as_deref());
        let fresh = fresh.await?;
        self.note_login(fresh.asks_for_no_login);
        login.number += 1;
        login.shown = shown.number;
        Ok((login.connected.insert(fresh).clone(), login.number))
    }

    /// Has the member at `at` logged in to anew by whoever asks it next, if the client is still the one of this number: of
    /// many whose login is old, the first has the next one made.
    pub async fn forget_login(&self, at: usize, number: u64) {
        let mut login = self.members[at].login.lock().await;
        if login.number == number {
            login.connected = None;
        }
    }

    /// Which certificates are in use, of all that there were. Whoever holds a connection for long makes another one when
    /// this changes.
    pub fn certificates(&self) -> u64 {
        self.way.shown().number
    }

    /// Whether there are any.
    pub fn shows_certificates(&self) -> bool {
        self.way.tls.is_some()
    }

    /// Takes up certificates that were renewed, once a member answers to whoever shows them. Each member is then connected
    /// to anew by the next question, and what is under way comes to its end over the connections that there were.
    ///
    /// # Errors
    /// None does, and why; those before are in use still.
    pub async fn take_up_certificates(&self) -> Result<(), String> {
        let Some(files) = self.way.renewed() else {
            return Ok(());
        };
        let mut whys = Vec::new();
        let begin = self.preferred();
        for member in self.members[begin..].iter().chain(&self.members[..begin]) {
            let answers = self.way.answers_to(&member.endpoint, &files);
            match timeout(ATTEMPT, answers).await {
                Ok(Ok(())) => {
                    self.way.show(files);
                    return Ok(());
                }
                Ok(Err(error)) => whys.push(format!("{}: {}", member.endpoint, classified(&error))),
                Err(_) => whys.push(format!("{} is silent", member.endpoint)),
            }
        }
        Err(whys.join("; "))
    }

    /// Asks another member than the one at `at` from now on.
    pub fn leave(&self, at: usize) {
        let next = (at + 1) % self.members.len();
        // Of many who left it at once, the first decides.
        let _ = self.preferred.compare_exchange(at, next, Relaxed, Relaxed);
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.members.iter().map(|member| &member.endpoint);
        f.debug_list().entries(endpoints).finish()
    }
}

/// Tries of one question. Members that refuse at once are not asked without a breath in between.
pub struct Tries {
    members: usize,
    failed: usize,
}

impl Tries {
    /// One was in vain: pauses when every member has had its turn.
    pub async fn failed(&mut self) {
        self.failed += 1;
        if self.failed.is_multiple_of(self.members) {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn options(tls: Option<&TlsFiles>) -> ConnectOptions {
    let mut options = ConnectOptions::new()
        .with_connect_timeout(ATTEMPT)
        .with_keep_alive(KEEP_ALIVE, ATTEMPT)
        .with_keep_alive_while_idle(true)
        // A member without a leader would let a question wait. A login that ends is made anew here: the client would go on
        // with the password that it was made with.
        .with_require_leader(true)
        .with_auto_token_refresh(false);
    if let Some(tls) = tls {
        let mut trust = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.authority));
        if let Some((certificate, key)) = &tls.identity {
            trust = trust.identity(Identity::from_pem(certificate, key.as_bytes()));
        }
        options = options.with_tls(trust);
    }
    options
}

/// What an error says of what was asked. Only what the etcd server says itself tells that nothing is under way any more:
/// the same codes come from the connection too, with a request still on its way.
pub fn classified(error: &Error) -> Failure {
    let Error::GRpcStatus(status) = error else {
        return Failure::Lost(error.to_string());
    };
    let why = match status.message() {
        "" => format!("{:?}", status.code()),
        message => message.to_owned(),
    };
    if is_connection_refused(status) {
        return Failure::Unasked(why);
    }
    if !why.starts_with("etcdserver: ") {
        return Failure::Lost(why);
    }
    // The client gives out no type for codes.
    match i32::from(status.code()) {
        // InvalidArgument, PermissionDenied, FailedPrecondition, OutOfRange, Unimplemented, Unauthenticated
        3 | 7 | 9 | 11 | 12 | 16 => Failure::Refused(why),
        // The alarm CORRUPT, which is looked for before anything is proposed.
        15 => Failure::Refused(why),
        // ResourceExhausted: a member that finds its quota used up may have applied what it refuses.
        8 => Failure::Answered(why),
        // Said before anything is proposed.
        14 if why == "etcdserver: no leader" => Failure::Unasked(why),
        _ => Failure::Lost(why),
    }
}

/// What the etcd server itself refuses.
fn refusal(error: &Error) -> Option<Refusal> {
    let Error::GRpcStatus(status) = error else {
        return None;
    };
    let said = status.message();
    let is_its_own = said.starts_with("etcdserver: ");
    is_its_own.then(|| Refusal::of(said)).flatten()
}

/// Nobody listens at the member's address, so nothing was sent there.
fn is_connection_refused(status: &dyn std::error::Error) -> bool {
    let causes = std::iter::successors(status.source(), |error| error.source());
    let mut errors = causes.filter_map(|error| error.downcast_ref::<std::io::Error>());
    errors.any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// What the members say of themselves, each asked once.
#[derive(Debug)]
pub struct Members(pub Vec<(String, Result<MemberState, String>)>);

/// What a member says of itself.
#[derive(Debug, Clone)]
pub struct MemberState {
    pub version: String,
    /// Bytes of its database file.
    pub size: i64,
    /// The most that there may be, where the member tells it (etcd 3.6 does).
    pub quota: Option<i64>,
    pub is_leader: bool,
    /// There is a leader.
    pub has_leader: bool,
    /// An alarm, or another fault, in its own words.
    pub errors: Vec<String>,
    /// It asks for no login, though there is a user.
    pub asks_for_no_login: bool,
    /// What it says to this machine's writes, where it refuses them.
    pub refuses: Option<String>,
}

impl MemberState {
    /// What is the matter with its version, if anything is.
    pub fn version_fault(&self) -> Option<VersionFault> {
        version::fault(&self.version)
    }
}

/// Asks every member how it is.
pub async fn look(settings: &EtcdSettings) -> Members {
    let mut members = Vec::new();
    for endpoint in &settings.endpoints {
        let cluster = match Cluster::new(settings) {
            Ok(cluster) => cluster,
            Err(error) => {
                members.push((endpoint.clone(), Err(error)));
                continue;
            }
        };
        let asked = async {
            let Connected {
                client,
                asks_for_no_login,
            } = cluster
                .way
                .connect(endpoint, cluster.way.shown().files.as_deref())
                .await?;
            let mut maintenance = client.maintenance_client();
            let status = maintenance.status().await?;
            // What does not come to an answer here, its state tells.
            let write = client.kv_client().txn(cluster.would_write()).await;
            let refused = write.err().filter(|error| refusal(error).is_some());
            let member = status.header().map_or(0, |header| header.member_id());
            Ok::<_, Error>(MemberState {
                version: status.version().to_owned(),
                size: status.db_size(),
                quota: Some(status.db_size_quota()).filter(|quota| *quota > 0),
                is_leader: status.leader() == member,
                has_leader: status.leader() != 0,
                errors: status.errors().to_vec(),
                asks_for_no_login,
                refuses: refused.map(|error| classified(&error).to_string()),
            })
        };
        let state = match tokio::time::timeout(ATTEMPT * 2, asked).await {
            Ok(Ok(state)) => Ok(state),
            Ok(Err(error)) => Err(classified(&error).to_string()),
            Err(_) => Err("it is silent".to_owned()),
        };
        members.push((endpoint.clone(), state));
    }
    Members(members)
}

/// The first key after all that begin with `prefix`, which ends in a byte below 255: ours end in ASCII.
pub fn end_of(mut prefix: Vec<u8>) -> Vec<u8> {
    if let Some(last) = prefix.last_mut() {
        *last = last.saturating_add(1);
    }
    prefix
}

/// When a question that begins now is to be answered.
pub fn deadline(cluster: &Cluster) -> Instant {
    Instant::now() + cluster.patience()
}
