//! Records straight into an office's store, as the services would leave them: many accounts with TOTP, and tickets with
//! their letters. Nothing else may hold the store meanwhile.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use lpse_kiosk::{
    adapter::master_key_file::MasterKeyFile,
    domain::{
        Account, AccountKey, Authenticator, EmailAddress, PasswordHash, PersonName, Secret, Source,
        UserId, UserType,
        account::{RecoveryCodes, TotpKey},
        authenticator::{Ordinal, Phone, Phones},
        identity::PhoneName,
        letter::{Letter, LetterKind},
        password::HashCost,
        recovery::RecoverySet,
        reset::{ShortCode, Ticket, TicketSecrets, Token},
    },
    store::{
        self, Commit, Key, Outcome, Store, StoreKind, Value, accounts::Accounts, outbox,
        tagged::Tagged, tickets::Tickets,
    },
    vault::{KeyFile, Vault},
};

use super::Office;

/// The kind of store that an office has.
pub fn kind(office: &Office) -> StoreKind {
    let set = office.environment();
    let kind = set
        .iter()
        .rfind(|(name, _)| name == "LPSE_KIOSK_STORE_KIND");
    kind.map_or(StoreKind::Sled, |(_, kind)| kind.parse().unwrap())
}

/// The keys in an office's key file.
pub fn key_file(office: &Office) -> MasterKeyFile {
    MasterKeyFile::new(&office.path("etc/master.key"), false)
}

/// Does `work` with the office's store, which is free again afterwards.
pub fn with_store<T>(office: &Office, work: impl AsyncFnOnce(Arc<dyn Store>) -> T) -> T {
    let vault = Vault::of_file(Arc::new(key_file(office))).unwrap();
    with_raw_store(office, async |raw| {
        let (tagged, _) = Tagged::look(raw, &vault).await.unwrap().expect("a store");
        work(Arc::new(tagged)).await
    })
}

/// Does `work` with the records as they are on the disk or in the cluster: as a hand that is not the program's would.
pub fn with_raw_store<T>(office: &Office, work: impl AsyncFnOnce(Arc<dyn Store>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store::Opened { store, ended, .. } = open(office).await;
        let done = work(store).await;
        ended.wait().await;
        done
    })
}

async fn open(office: &Office) -> store::Opened {
    let folder = office.data().join("store");
    match kind(office) {
        #[cfg(feature = "etcd")]
        StoreKind::Etcd => {
            let set = office.environment();
            let setting = |wanted: &str| {
                let found = set.iter().rfind(|(name, _)| name == wanted);
                found.expect("a setting of the cluster").1.clone()
            };
            let settings = store::etcd::EtcdSettings {
                endpoints: setting("LPSE_KIOSK_STORE_ENDPOINTS")
                    .split(',')
                    .map(str::to_owned)
                    .collect(),
                tls: None,
                user: None,
                prefix: setting("LPSE_KIOSK_STORE_PREFIX"),
                patience: Duration::from_secs(5),
                node: setting("LPSE_KIOSK_STORE_NODE"),
            };
            store::etcd::open(settings, &folder, 0).await.unwrap()
        }
        kind => store::open(kind, &folder, 0).unwrap().into(),
    }
}

/// Every record of the office's store, but those that nobody reads, and those of its machine alone.
pub fn records(office: &Office) -> Vec<(Key, Value)> {
    let mut records = with_store(office, all);
    records.retain(|(key, _)| key.belongs_into_backups());
    records
}

/// The same, as they are on the disk or in the cluster, and the key of their tags with them.
pub fn raw_records(office: &Office) -> Vec<(Key, Value)> {
    let mut records = with_raw_store(office, all);
    records.retain(|(key, _)| key.belongs_into_copies());
    records
}

async fn all(store: Arc<dyn Store>) -> Vec<(Key, Value)> {
    let mut records: Vec<(Key, Value)> = Vec::new();
    loop {
        let after = records.last().map(|(key, _)| key.clone());
        let page = store.page(&Key::everything(), after.as_ref(), 256).await;
        let page = page.unwrap();
        if page.is_empty() {
            return records;
        }
        records.extend(page);
    }
}

pub fn numbered(number: u32) -> AccountKey {
    AccountKey::new(
        UserType::NonPenyedia,
        UserId::parse(&format!("PPK9{number:05}")).unwrap(),
    )
}

/// The secret of a numbered account's phone.
pub fn secret(number: u32) -> Secret {
    let mut bytes = [7; Secret::LENGTH];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Secret::from_bytes(bytes)
}

/// The secret of its second phone, of which some have one.
pub fn second_secret(number: u32) -> Secret {
    secret(number + 1_000_000)
}

fn account(vault: &Vault, number: u32) -> Account {
    let key = numbered(number);
    let since = Timestamp::from_second(super::MORNING - 3600).unwrap();
    let name = PersonName::parse(&format!("Orang {number}")).unwrap();
    let email = EmailAddress::parse("orang@contoh.go.id").unwrap();
    let password = PasswordHash::unmatchable(HashCost::MIN);
    Account {
        // Every fifth has codes on paper.
        recovery: (number % 5 == 1).then(|| recovery(vault, &key, since)),
        generation: 7,
        authenticator: authenticator(vault, number, since),
        ..Account::new(key, name, email, password, since)
    }
}

/// A third have not proved their key; of the others some have a second phone, and of some its key is on its way.
fn authenticator(vault: &Vault, number: u32, since: Timestamp) -> Authenticator {
    let key = numbered(number);
    let sealed =
        |secret, number| TotpKey::new(vault.seal_secret(&key, &secret, nonce(number)), since);
    let first = sealed(secret(number), number);
    let other = || Phone {
        ordinal: Ordinal::Second,
        name: Some(PhoneName::parse("HP kantor").unwrap()),
        key: sealed(second_secret(number), number + 1_000_000),
    };
    let (others, adding) = match number % 9 {
        0 | 3 | 6 => return Authenticator::Pending(first),
        1 => (vec![other()], None),
        2 => (Vec::new(), Some(other())),
        _ => (Vec::new(), None),
    };
    let in_force = std::iter::once(Phone::first(first)).chain(others);
    Authenticator::Active(Phones::new(in_force.collect(), adding).unwrap())
}

fn recovery(vault: &Vault, key: &AccountKey, issued: Timestamp) -> RecoveryCodes {
    // As much chance as an issue takes.
    let (_, set) = RecoverySet::issue(&std::array::from_fn(|at| at as u8));
    RecoveryCodes {
        issued,
        left: set.left(),
        digests: vault.seal_recovery_codes(key, &set, nonce(u32::MAX)),
    }
}

fn nonce(number: u32) -> [u8; Vault::NONCE_BYTES] {
    let mut nonce = [1; Vault::NONCE_BYTES];
    nonce[..4].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// The secrets of a numbered account's ticket.
pub fn ticket_secrets(number: u32) -> TicketSecrets {
    TicketSecrets {
        token: Token::from_bytes([number as u8; Token::BYTES]),
        code: ShortCode::from_random(&[number as u8; ShortCode::RANDOM_BYTES]),
    }
}

/// `count` accounts with TOTP, every tenth of them with an open ticket and its letter.
pub fn fill(office: &Office, count: u32) {
    let vault = Vault::of_file(Arc::new(key_file(office))).unwrap();
    let here = Source::Console("loket-1".into());
    let now = Timestamp::from_second(office.clock()).unwrap();
    with_store(office, async |store| {
        let accounts = Accounts::new(store.clone());
        for number in 0..count {
            let account = account(&vault, number);
            let added = accounts.add(account.clone()).await.unwrap();
            assert_eq!(added, Outcome::Applied);
            if number % 10 != 0 {
                continue;
            }
            let secrets = ticket_secrets(number);
            let expires = now + Duration::from_secs(30 * 60);
            let kind = LetterKind::ResetRequested;
            let random = u64::from(number).to_be_bytes();
            let letter = Letter::about(&account, kind, now, &here, expires, random);
            let sealed = vault.seal_ticket_secrets(&letter.id, &secrets, nonce(number));
            let ticket = Ticket {
                account: account.key.clone(),
                email: account.email.clone(),
                generation: account.generation,
                token: secrets.token.digest(),
                code: secrets.code.digest(),
                issued: now,
                expires,
                used: None,
            };
            let before = Tickets::new(store.clone())
                .read(&account.key)
                .await
                .unwrap();
            let commit: Commit = before.replace(&ticket, &letter.id, &before.requests());
            let commit = outbox::enclose(commit, letter, Some(sealed));
            assert_eq!(store.commit(commit).await.unwrap(), Outcome::Applied);
        }
    });
}

/// The names of the keys in the office's key file, the one that seals first.
pub fn keys_kept(office: &Office) -> Vec<String> {
    key_file(office).read().unwrap().held().opening
}
