//! A house in memory: the real services over a store that is gone with the test, with a clock that moves when told and
//! chance that is the same in every run.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use lpse_kiosk::{
    domain::{
        Account, AccountKey, EmailAddress, Identified, Passcode, PersonName, PlainPassword, Policy,
        Secret, Source, TimeStep, UserId, UserType,
        audit::{Act, AuditEvent, AuditOutcome},
        password::{HashCost, HashMemory, hash},
        provisioning::Issuer,
    },
    ports::{Audit, Clock, Random, Recorded},
    service::{
        Foundation, Letters, Services,
        accounts::NewAccount,
        authentication::PasswordOutcome,
        enrollment::{NewKey, ProveOutcome, Prover, StartOutcome},
        hashing::HashPool,
        store_check,
    },
    store::{Commit, Key, Store, counted::Counted, engine::memory::Memory, tagged::Tagged},
    vault::{MasterKey, Vault},
};

pub use crate::PASSWORD;

#[derive(Debug)]
pub struct TestClock(pub Mutex<(Timestamp, Duration)>);

impl TestClock {
    pub fn pass(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        let step = Duration::from_secs(seconds);
        *now = (now.0 + step, now.1 + step);
    }

    /// Somebody sets the wall clock back; the monotonic one does not move.
    pub fn set_back(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        now.0 -= Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// Bytes that are the same in every run.
#[derive(Debug, Default)]
pub struct Counting(pub Mutex<u64>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let mut seed = self.0.lock().unwrap();
        for byte in bytes {
            *seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (*seed >> 56) as u8;
        }
    }
}

#[derive(Debug, Default)]
pub struct Recorder(pub Mutex<Vec<AuditEvent>>);

impl Audit for Recorder {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        self.0.lock().unwrap().extend(events);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Services over a store in memory, with one account.
pub struct House {
    pub services: Arc<Services>,
    pub clock: Arc<TestClock>,
    pub audit: Arc<Recorder>,
    pub foundation: Arc<Foundation>,
}

impl House {
    /// The account as it is kept now.
    pub async fn account(&self) -> Account {
        let kept = self.services.accounts.get(&ppk30()).await.unwrap();
        kept.expect("the account is there")
    }
}

pub fn here() -> Source {
    Source::Console("loket-1".into())
}

pub fn ppk30() -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap())
}

pub fn password(text: &str) -> PlainPassword {
    PlainPassword::typed(text).unwrap()
}

pub async fn house(policy: Policy) -> House {
    house_with_cost(policy, HashCost::MIN).await
}

pub async fn house_with_cost(policy: Policy, hash_cost: HashCost) -> House {
    let vault = Vault::new(MasterKey::from_bytes([7; 32]), Vec::new());
    house_with_vault(policy, hash_cost, vault).await
}

pub async fn house_with_vault(policy: Policy, hash_cost: HashCost, vault: Vault) -> House {
    house_over(Arc::new(Memory::default()), policy, hash_cost, vault).await
}

/// A house over `store`.
pub async fn house_over(
    store: Arc<dyn Store>,
    policy: Policy,
    hash_cost: HashCost,
    vault: Vault,
) -> House {
    let clock = Arc::new(TestClock(Mutex::new((
        "2020-08-13T01:53:05Z".parse().unwrap(),
        Duration::ZERO,
    ))));
    let audit = Arc::new(Recorder::default());
    let foundation = Arc::new(Foundation {
        vault,
        hash_cost,
        ..foundation(store, &clock, &audit)
    });
    let services = Arc::new(Services::new(&foundation));
    let new = NewAccount {
        key: ppk30(),
        name: PersonName::parse("Siti Rahmawati").unwrap(),
        email: EmailAddress::parse("siti@contoh.go.id").unwrap(),
        role: lpse_kiosk::domain::account::Role::User,
        password: hash(
            &password(PASSWORD),
            [7; 16],
            HashCost::MIN,
            &mut HashMemory::default(),
        ),
    };
    services.accounts.add(new, &here()).await.unwrap();
    services.policy.set(policy.into(), &here()).await.unwrap();
    House {
        services,
        clock,
        audit,
        foundation,
    }
}

/// A house whose records are tagged, and the records as whoever gets at the disk has them. What is found altered is
/// recorded in the house's log.
pub async fn tagged_house(policy: Policy) -> (House, Arc<Memory>) {
    let raw = Arc::new(Memory::default());
    let vault = Vault::new(MasterKey::from_bytes([7; 32]), Vec::new());
    let (tagged, finds) = Tagged::open(raw.clone(), &vault, &Counting::default())
        .await
        .unwrap();
    let house = house_over(Arc::new(tagged), policy, HashCost::MIN, vault).await;
    tokio::spawn(store_check::record(finds, house.audit.clone()));
    (house, raw)
}

/// What somebody may have put in place of the stored bytes of a record: rot, a cut, another's tag, and edits that keep the
/// tag.
pub fn alterations(stored: &[u8], edits: &[(&str, serde_json::Value)]) -> Vec<Vec<u8>> {
    let (bytes, tag) = stored.split_at(stored.len() - Commit::TAG_BYTES);
    let flipped = [0, bytes.len() / 2, stored.len() - 1].map(|at| {
        let mut flipped = stored.to_vec();
        flipped[at] ^= 1;
        flipped
    });
    let edited = edits.iter().map(|(name, value)| {
        let mut record: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        record[*name] = value.clone();
        [&serde_json::to_vec(&record).unwrap(), tag].concat()
    });
    let without_tag = bytes.to_vec();
    let mut all: Vec<_> = flipped.into_iter().chain([without_tag]).collect();
    all.extend(edited);
    all
}

/// The one record of `raw` under `prefix`.
pub async fn only(raw: &Memory, prefix: &str) -> (Key, Vec<u8>) {
    let rows = raw.page(&Key::from_bytes(prefix), None, 9).await.unwrap();
    let [row] = rows.as_slice() else {
        panic!("{} records of {prefix}", rows.len());
    };
    row.clone()
}

/// Writes to `raw` past everything that checks it.
pub async fn put_by_hand(raw: &Memory, key: &Key, stored: Option<Vec<u8>>) {
    let commit = match stored {
        Some(stored) => Commit::new().put(key.clone(), stored),
        None => Commit::new().remove(key.clone()),
    };
    raw.commit(commit).await.unwrap();
}

/// What the services of a house stand on, over `store`.
pub fn foundation(
    store: Arc<dyn Store>,
    clock: &Arc<TestClock>,
    audit: &Arc<Recorder>,
) -> Foundation {
    let node = "test".to_owned();
    Foundation {
        store: Arc::new(Counted::new(store, node.clone())),
        vault: Vault::new(MasterKey::from_bytes([7; 32]), Vec::new()),
        clock: clock.clone(),
        random: Arc::new(Counting::default()),
        audit: audit.clone(),
        audit_trail: None,
        hashing: HashPool::new(2, 256),
        hash_cost: HashCost::MIN,
        issuer: Issuer::default(),
        letters: Letters {
            written: true,
            an_hour: 20,
            ..Letters::none()
        },
        ended_logins: Default::default(),
        node,
    }
}

/// The secret in a provisioning URI, as a phone knows it.
pub fn secret_of(uri: &str) -> Secret {
    let (_, encoded) = uri.split_once("secret=").unwrap();
    let encoded = encoded.split('&').next().unwrap();
    let bytes = data_encoding::BASE32_NOPAD
        .decode(encoded.as_bytes())
        .unwrap();
    Secret::from_bytes(bytes.try_into().unwrap())
}

impl House {
    pub async fn login(&self) -> PasswordOutcome {
        self.login_with(PASSWORD).await
    }

    pub async fn login_with(&self, typed: &str) -> PasswordOutcome {
        let claimed = Identified { account: ppk30() };
        let outcome = self
            .services
            .authentication
            .check_password(claimed, password(typed), &here())
            .await;
        outcome.unwrap()
    }

    /// Gives out a one-time password.
    pub async fn issue(&self, typed: &str) {
        let accounts = &self.services.accounts;
        let hash = accounts.hash(password(typed)).await.unwrap();
        accounts
            .issue_password(&ppk30(), hash, &here())
            .await
            .unwrap();
    }

    /// Activates TOTP at home; returns the phone's secret.
    pub async fn activate(&self) -> Secret {
        let PasswordOutcome::Granted(granted) = self.login().await else {
            panic!("a login without a code");
        };
        let prover = Prover::AtHome(granted.authenticated);
        let enrollment = &self.services.enrollment;
        let StartOutcome::Started(NewKey { provisioning, .. }) =
            enrollment.start(&prover, &here()).await.unwrap()
        else {
            panic!("a key");
        };
        let secret = secret_of(provisioning.uri());
        let code = self.code(&secret);
        let proved = enrollment
            .prove(&prover, None, code, &here())
            .await
            .unwrap();
        assert!(matches!(proved, ProveOutcome::Activated(_)), "{proved:?}");
        secret
    }

    pub fn code(&self, secret: &Secret) -> Passcode {
        secret.passcode(TimeStep::at(self.clock.now()))
    }

    pub async fn awaiting(&self) -> lpse_kiosk::domain::AwaitingPasscode {
        match self.login().await {
            PasswordOutcome::PasscodeWanted { awaiting, .. } => awaiting,
            other => panic!("a code is wanted, not {other:?}"),
        }
    }

    pub fn logins(&self) -> usize {
        let events = self.audit.0.lock().unwrap();
        let login =
            |event: &&AuditEvent| event.act == Act::Login && event.outcome == AuditOutcome::Done;
        events.iter().filter(login).count()
    }
}
