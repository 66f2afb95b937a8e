//! The real services over a store in the cluster, with a clock that runs faster, so that there are many steps in a run.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lpse_kiosk::{
    adapter::{master_key_file::MasterKeyFile, random::SystemRandom},
    domain::{
        AccountKey, EmailAddress, PlainPassword, Source, TimeStep, UserId, UserType,
        audit::AuditEvent, password::HashCost, provisioning::Issuer,
    },
    mail::{
        courier::{Courier, CourierSettings, Post},
        inbox::Inbox,
        message::Sender,
    },
    ports::{Audit, Clock, Recorded},
    service::{Foundation, Letters, Services, hashing::HashPool},
    store::{
        Store, StoreError,
        etcd::{self, EtcdSettings},
        folder::OpenError,
        outbox::Outbox,
        tagged::{StoreKeyError, Tagged},
    },
    vault::{MasterKey, Vault},
};

use super::journal;

pub use support::PASSWORD;

/// A step of 30 s takes 2 s.
const TIMES: u64 = 15;

/// Of a question to the store.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Where the cluster is, and when the run began.
#[derive(Debug, Clone)]
pub struct Place {
    pub endpoints: String,
    pub prefix: String,
    pub began: u64,
}

/// Runs [`TIMES`] as fast since the run's beginning, alike in all processes but for those whose clocks were moved.
#[derive(Debug)]
pub struct FastClock {
    began: u64,
    started: Instant,
    /// Minutes of its own.
    ahead: AtomicI64,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let passed = journal::now().saturating_sub(self.began);
        let now = i64::try_from(self.began + passed * TIMES).unwrap();
        let ahead = self.ahead.load(Ordering::SeqCst) * 60_000_000;
        Timestamp::from_microsecond(now + ahead).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

impl FastClock {
    fn new(began: u64) -> Self {
        Self {
            began,
            started: Instant::now(),
            ahead: AtomicI64::new(0),
        }
    }

    /// Puts it so many minutes ahead of the others', or behind.
    pub fn put_ahead(&self, minutes: i64) {
        self.ahead.store(minutes, Ordering::SeqCst);
    }

    /// How long the present step lasts yet.
    pub fn step_left(&self) -> Duration {
        Duration::from_millis(TimeStep::seconds_left(self.now()) * 1_000 / TIMES)
    }
}

/// What is recorded is not what is tried here.
#[derive(Debug)]
struct Unrecorded;

impl Audit for Unrecorded {
    fn record(&self, _: Vec<AuditEvent>) -> Recorded {
        Box::pin(std::future::ready(Ok(())))
    }
}

pub struct House {
    pub store: Arc<dyn Store>,
    pub services: Services,
    pub clock: Arc<FastClock>,
    pub courier: Courier,
    pub inbox: Arc<Inbox>,
}

/// The store of `place`, as the machine `node` opens it, its records unchecked. A cluster that does not answer just then is
/// waited for, as a process that starts does.
pub async fn open_store(place: &Place, node: &str, folder: &Path) -> Arc<dyn Store> {
    let begun = Instant::now();
    loop {
        match etcd::open(settings(place, node), &folder.join(node), 0).await {
            Ok(opened) => return opened.store,
            Err(OpenError::Cluster { .. }) if begun.elapsed().as_secs() < 120 => {}
            Err(error) => panic!("the store of {node} does not open: {error}"),
        }
    }
}

fn settings(place: &Place, node: &str) -> EtcdSettings {
    EtcdSettings {
        endpoints: place.endpoints.split(',').map(str::to_owned).collect(),
        tls: None,
        user: None,
        prefix: place.prefix.clone(),
        // Shorter than the times without a quorum, so that what becomes of those who give up is seen too.
        patience: PATIENCE,
        node: node.to_owned(),
    }
}

/// The master keys as the operator has them.
pub fn operators_keys(folder: &Path) -> PathBuf {
    folder.join("keys")
}

/// Where the machine `node` has its copy of the master keys.
fn keys_of(node: &str, folder: &Path) -> PathBuf {
    folder.join(format!("keys-of-{node}"))
}

/// Takes the operator's master keys to every machine that has a copy.
pub fn carry_keys(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("keys-of-") {
            let carried = folder.join("carried");
            fs::copy(operators_keys(folder), &carried).unwrap();
            fs::rename(carried, entry.path()).unwrap();
        }
    }
}

/// The vault over the master keys in `file`.
pub fn vault(file: &Path) -> Vault {
    let opened = MasterKeyFile::new(file, false).open(false, &SystemRandom);
    opened.expect("the master keys are there")
}

pub async fn open(place: &Place, node: &str, folder: &Path) -> House {
    let keys = keys_of(node, folder);
    fs::copy(operators_keys(folder), &keys).unwrap();
    over(open_store(place, node, folder).await, place, node, &keys).await
}

/// The services of the machine `node` over a store that is open, with the master keys in a file.
pub async fn over(raw: Arc<dyn Store>, place: &Place, node: &str, keys: &Path) -> House {
    let vault = vault(keys);
    let held = vault.clone();
    raw.say_keys(Arc::new(move || {
        held.look_again();
        held.keys().iter().map(MasterKey::id).collect()
    }));
    raw.hold_to_standing();
    let tagged = loop {
        match Tagged::open(raw.clone(), &vault, &SystemRandom).await {
            Ok((tagged, _)) => break tagged,
            Err(StoreKeyError::Store(StoreError::Unavailable(_))) => {}
            Err(error) => panic!("the records of {node} are not checked: {error}"),
        }
    };
    let store: Arc<dyn Store> = Arc::new(tagged);
    let clock = Arc::new(FastClock::new(place.began));
    let letters = Letters {
        written: true,
        an_hour: 1_000_000,
        ..Letters::none()
    };
    let wake = letters.wake.clone();
    let foundation = Arc::new(Foundation {
        store: store.clone(),
        vault: vault.clone(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        audit: Arc::new(Unrecorded),
        audit_trail: None,
        hashing: HashPool::new(2, 256),
        hash_cost: HashCost::MIN,
        issuer: Issuer::default(),
        letters,
        ended_logins: Default::default(),
        node: node.to_owned(),
    });
    let inbox = Arc::new(Inbox::default());
    let courier = Courier::new(CourierSettings {
        outbox: Outbox::new(store.clone()),
        vault,
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        audit: Arc::new(Unrecorded),
        sender: Sender {
            office: "LPSE Kota Contoh".into(),
            address: EmailAddress::parse("lpse@contoh.go.id").unwrap(),
            base_url: "https://lpse.contoh.go.id".into(),
            zone: Default::default(),
        },
        post: Post::Training(inbox.clone()),
        wake,
        node: node.to_owned(),
        is_shared: true,
        conversations: Arc::default(),
    });
    House {
        store,
        services: Services::new(&foundation),
        clock,
        courier,
        inbox,
    }
}

pub fn account(id: &str) -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
}

pub fn email(id: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{}@contoh.go.id", id.to_lowercase())).unwrap()
}

pub fn password() -> PlainPassword {
    PlainPassword::typed(PASSWORD).unwrap()
}

/// A terminal of its own for each account: waits of one are none of another's.
pub fn terminal(node: &str, id: &str) -> Source {
    Source::Console(format!("{node}-{id}"))
}
