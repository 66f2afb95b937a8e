//! Finding accounts: what a search shows is what a look at every account would show, each once, whatever was added,
//! imported, changed and removed before.

use std::{collections::BTreeSet, sync::Arc};
use support::house;

use lpse_kiosk::{
    domain::{
        Account, AccountKey, EmailAddress, PasswordHash, PersonName, Policy, UserId, UserType,
        account::Role,
        find::{Query, hints, words},
        officer::{AccountAct, Bookmark},
        password::HashCost,
    },
    service::{Services, accounts::NewAccount},
    store::{self, Key, Store, StoreKind},
};
use proptest::prelude::*;
use support::house::{House, here, house};

fn new(user_type: UserType, id: &str, name: &str, email: &str) -> NewAccount {
    NewAccount {
        key: AccountKey::new(user_type, UserId::parse(id).unwrap()),
        name: PersonName::parse(name).unwrap(),
        email: EmailAddress::parse(email).unwrap(),
        role: Role::User,
        password: PasswordHash::unmatchable(HashCost::MIN),
    }
}

fn numbered(number: usize) -> NewAccount {
    let names = [
        "Siti Rahmawati",
        "Budi Santoso",
        "CV Maju Bersama",
        "Sitinur",
    ];
    let (id, name) = (format!("PPK{number:04}"), names[number % names.len()]);
    let email = format!("p{number}@contoh.go.id");
    new(UserType::NonPenyedia, &id, name, &email)
}

/// All that is found, page by page of `limit`; fails the test when an account comes twice.
async fn found(services: &Services, typed: &str, limit: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut after: Option<Bookmark> = None;
    loop {
        let accounts = &services.accounts;
        let page = accounts.find(typed, after.as_ref(), limit).await.unwrap();
        assert!(page.accounts.len() <= limit, "{typed:?}");
        for account in page.accounts {
            let key = account.key.to_string();
            assert!(found.insert(key.clone()), "{key} twice for {typed:?}");
        }
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// All accounts that are there.
async fn all(services: &Services) -> Vec<Account> {
    let mut all = Vec::new();
    for user_type in UserType::ALL {
        let mut after = None;
        loop {
            let page = services.accounts.page(user_type, "", after.as_ref(), 50);
            let page = page.await.unwrap();
            all.extend(page.accounts);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    all
}

/// What a look at every account finds.
async fn scanned(services: &Services, typed: &str) -> BTreeSet<String> {
    let Some(query) = Query::parse(typed) else {
        return BTreeSet::new();
    };
    let all = all(services).await.into_iter();
    all.filter(|account| query.matches(&words(account)))
        .map(|account| account.key.to_string())
        .collect()
}

/// Fails the test when the index has an entry too many or too few, or one that says something wrong.
async fn index_agrees(house: &House) {
    let mut expected = BTreeSet::new();
    for account in all(&house.services).await {
        for word in words(&account) {
            let entry = Key::find_entry(&word, &account.key);
            let hints = hints(&words(&account));
            let hints = if hints.len() <= 160 { &hints } else { "" };
            expected.insert(format!("{entry:?} {hints}"));
        }
    }
    let store = &house.foundation.store;
    let rows = store.page(&Key::find_entries(""), None, usize::MAX).await;
    let there = rows.unwrap().into_iter();
    let there = there.map(|(key, value)| format!("{key:?} {}", String::from_utf8(value).unwrap()));
    assert_eq!(there.collect::<BTreeSet<_>>(), expected);
}

async fn import(services: &Services, accounts: Vec<NewAccount>) {
    let mut import = services.accounts.begin_import().await.unwrap();
    import.add(accounts, &here()).await.unwrap();
    import.finish(&here()).await.unwrap();
}

/// The house, over another store than memory.
async fn house_over(store: Arc<dyn Store>) -> House {
    let house = house(Policy::Enabled).await;
    let foundation = house::foundation(store, &house.clock, &house.audit);
    let foundation = Arc::new(foundation);
    House {
        services: Arc::new(Services::new(&foundation)),
        foundation,
        ..house
    }
}

#[tokio::test]
async fn an_account_is_found_from_its_first_moment_to_its_last() {
    let house = house(Policy::Enabled).await;
    let accounts = &house.services.accounts;
    let siti = "non-penyedia/PPK30".to_owned();
    for typed in [
        "s",
        "siti",
        "RAHMA",
        "ppk30",
        "30",
        "siti@con",
        "contoh.go.id",
        "siti 30",
    ] {
        let found = found(&house.services, typed, 5).await;
        assert_eq!(found, BTreeSet::from([siti.clone()]), "{typed:?}");
    }
    for typed in ["", "  ", "-@.", "ahmawati", "siti budi", "go.id"] {
        let found = found(&house.services, typed, 5).await;
        assert!(found.is_empty(), "{typed:?}");
    }
    let key = house.account().await.key;
    let email = EmailAddress::parse("rahmawati.s@lain.co.id").unwrap();
    let act = AccountAct::CorrectEmail(email);
    accounts.act(&key, &act, &here()).await.unwrap();
    assert!(found(&house.services, "contoh", 5).await.is_empty());
    assert_eq!(found(&house.services, "rahmawati", 5).await.len(), 1);
    assert_eq!(found(&house.services, "lain", 5).await.len(), 1);
    index_agrees(&house).await;
    accounts.remove(&key, &here()).await.unwrap();
    assert!(found(&house.services, "siti", 5).await.is_empty());
    index_agrees(&house).await;
}

#[tokio::test]
async fn an_import_is_found_when_it_is_finished_and_leaves_nothing_when_it_is_not() {
    let house = house(Policy::Enabled).await;
    let accounts = &house.services.accounts;
    let mut half = accounts.begin_import().await.unwrap();
    half.add((0..300).map(numbered).collect(), &here())
        .await
        .unwrap();
    assert_eq!(found(&house.services, "siti", 20).await.len(), 1);
    half.abandon().await.unwrap();
    index_agrees(&house).await;
    import(&house.services, (0..300).map(numbered).collect()).await;
    let siti = found(&house.services, "siti", 20).await;
    assert_eq!(siti, scanned(&house.services, "siti").await);
    assert_eq!(siti.len(), 151);
    index_agrees(&house).await;
}

#[tokio::test]
async fn accounts_with_as_many_words_as_there_can_be_are_imported_changed_swept_and_found() {
    let house = house(Policy::Enabled).await;
    let many = || {
        (0..200).map(|number| {
            let id = format!("{}{number:03}", "A1B2C3D4E5F6G7H8I9J0K1L2M3N4");
            let name: String = ('\u{10400}'..)
                .step_by(1)
                .take(24)
                .flat_map(|c| [c, '-', c, ' '])
                .collect();
            let local = ["a"; 31].join(".");
            let email = format!("{local}@{}.id", ["xy"; 40].join("."));
            new(UserType::Penyedia, &id, &name, &email)
        })
    };
    let accounts = &house.services.accounts;
    let mut half = accounts.begin_import().await.unwrap();
    half.add(many().collect(), &here()).await.unwrap();
    half.abandon().await.unwrap();
    index_agrees(&house).await;
    import(&house.services, many().collect()).await;
    assert_eq!(found(&house.services, "a1b2 xyxy", 30).await.len(), 200);
    let key = many().next().unwrap().key;
    let email = EmailAddress::parse(&format!("{}@contoh.id", ["b"; 31].join("."))).unwrap();
    let act = AccountAct::CorrectEmail(email);
    accounts.act(&key, &act, &here()).await.unwrap();
    assert_eq!(found(&house.services, "bbb a1b2", 30).await.len(), 1);
    assert_eq!(found(&house.services, "a1b2 xyxy", 30).await.len(), 199);
}

#[tokio::test]
async fn a_page_costs_the_same_however_few_of_many_match() {
    let house = house(Policy::Enabled).await;
    import(&house.services, (0..5_000).map(numbered).collect()).await;
    // Every word is frequent, a quarter of the accounts has all of them: the pages are short, and there are more.
    let accounts = &house.services.accounts;
    let (mut pages, mut seen, mut after) = (0, 0, None);
    loop {
        let page = accounts
            .find("co s b", after.as_ref(), 1_000)
            .await
            .unwrap();
        assert!(page.accounts.len() <= 256);
        (pages, seen) = (pages + 1, seen + page.accounts.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected = scanned(&house.services, "co s b").await;
    assert_eq!(seen, expected.len());
    assert!(pages > 1, "{pages}");
    // The rarest of what was typed leads, wherever it stands.
    let page = accounts.find("ppk contoh p4999", None, 20).await.unwrap();
    assert_eq!(page.accounts.len(), 1);
    assert!(page.next.is_none());
}

#[tokio::test]
async fn a_bookmark_of_another_search_and_hostile_typing_do_no_harm() {
    let house = house(Policy::Enabled).await;
    import(&house.services, (0..100).map(numbered).collect()).await;
    let accounts = &house.services.accounts;
    for mark in [
        "",
        "/",
        "0/",
        "9/siti/x",
        "0/siti/non-penyedia/PPK30",
        "-1/s/a/b",
        "0/\u{1b}",
    ] {
        let bookmark = Bookmark(mark.to_owned());
        let page = accounts.find("budi", Some(&bookmark), 10).await.unwrap();
        assert_eq!(page.accounts.len(), 10, "{mark:?}");
    }
    let long = "siti ".repeat(100_000);
    assert_eq!(found(&house.services, &long, 30).await.len(), 51);
    for typed in [
        "\u{1b}[2J",
        "../",
        "find/",
        "account/",
        "siti/non-penyedia",
        "\0",
        "%",
        "*",
    ] {
        let expected = scanned(&house.services, typed).await;
        assert_eq!(
            found(&house.services, typed, 30).await,
            expected,
            "{typed:?}"
        );
    }
}

/// What may happen to accounts before a search.
#[derive(Debug, Clone)]
enum Event {
    Add(u8, u8, u8),
    Import(u8, u8),
    /// An import that is broken off, and swept.
    Abandon(u8, u8),
    Email(u8, u8),
    Remove(u8),
}

const IDS: [&str; 8] = [
    "PPK1", "PPK12", "P-12", "BUDI.99", "99BUDI", "SITI", "CV_MAJU", "A1B2C3",
];
const NAMES: [&str; 6] = [
    "Siti Rahmawati",
    "Budi Santoso, S.Kom.",
    "CV Maju-Bersama",
    "Nur Siti Nur",
    "Ａｌｉ Édwin",
    "99 Persen",
];
const EMAILS: [&str; 5] = [
    "siti@contoh.go.id",
    "budi.santoso@mail.contoh.go.id",
    "ppk12@gmail.com",
    "maju+cv@budi.co.id",
    "siti.99@siti99.id",
];
const TYPED: [&str; 20] = [
    "s",
    "siti",
    "nur",
    "budi",
    "99",
    "p",
    "ppk1",
    "12",
    "p12",
    "maju",
    "cv maju",
    "contoh",
    "siti 99",
    "budi.santoso@mail",
    "gmail.com",
    "ali",
    "edwin",
    "nur nur",
    "s b",
    "1",
];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..8_u8, 0..6_u8, 0..5_u8).prop_map(|(id, name, email)| Event::Add(id, name, email)),
        (0..6_u8, 0..5_u8).prop_map(|(name, email)| Event::Import(name, email)),
        (0..6_u8, 0..5_u8).prop_map(|(name, email)| Event::Abandon(name, email)),
        (0..8_u8, 0..5_u8).prop_map(|(id, email)| Event::Email(id, email)),
        (0..8_u8).prop_map(Event::Remove),
    ];
    prop::collection::vec(event, 0..20)
}

async fn live_through(house: &House, events: &[Event]) {
    let accounts = &house.services.accounts;
    let one = |id: &str, name: u8, email: u8, user_type| {
        new(
            user_type,
            id,
            NAMES[usize::from(name)],
            EMAILS[usize::from(email)],
        )
    };
    let key = |id: u8| {
        let id = UserId::parse(IDS[usize::from(id)]).unwrap();
        AccountKey::new(UserType::Penyedia, id)
    };
    for event in events {
        // That an account exists already, or does not, is a part of life.
        match *event {
            Event::Add(id, name, email) => {
                let id = IDS[usize::from(id)];
                let new = one(id, name, email, UserType::Penyedia);
                let _ = accounts.add(new, &here()).await;
            }
            Event::Import(name, email) | Event::Abandon(name, email) => {
                let all = IDS
                    .iter()
                    .map(|id| one(id, name, email, UserType::NonPenyedia));
                let mut import = accounts.begin_import().await.unwrap();
                let added = import.add(all.collect(), &here()).await;
                if added.is_ok() && matches!(event, Event::Import(..)) {
                    import.finish(&here()).await.unwrap();
                } else {
                    import.abandon().await.unwrap();
                }
            }
            Event::Email(id, email) => {
                let email = EmailAddress::parse(EMAILS[usize::from(email)]).unwrap();
                let act = AccountAct::CorrectEmail(email);
                let _ = accounts.act(&key(id), &act, &here()).await;
            }
            Event::Remove(id) => {
                let _ = accounts.remove(&key(id), &here()).await;
            }
        }
    }
}

async fn finds_what_a_scan_finds(house: &House) -> Result<(), TestCaseError> {
    for typed in TYPED {
        let scanned = scanned(&house.services, typed).await;
        for limit in [1, 3, 100] {
            let found = found(&house.services, typed, limit).await;
            prop_assert_eq!(&found, &scanned, "{:?} by {}", typed, limit);
        }
    }
    Ok(())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_a_look_at_every_account_finds(events in events()) {
        block_on(async {
            let house = house(Policy::Enabled).await;
            live_through(&house, &events).await;
            index_agrees(&house).await;
            finds_what_a_scan_finds(&house).await
        })?;
    }
}

#[test]
fn so_it_does_on_the_stores_that_are_used() {
    for kind in StoreKind::EMBEDDED {
        let folder = tempfile::tempdir().unwrap();
        block_on(async {
            let store = Arc::new(store::open(kind, folder.path(), 0).unwrap());
            let house = house_over(store).await;
            import(&house.services, (0..700).map(numbered).collect()).await;
            for id in [0, 3, 5] {
                let events = [Event::Add(id, id % 6, id % 5), Event::Email(id, 2)];
                live_through(&house, &events).await;
            }
            live_through(
                &house,
                &[Event::Abandon(0, 0), Event::Import(1, 1), Event::Remove(3)],
            )
            .await;
            index_agrees(&house).await;
            finds_what_a_scan_finds(&house).await.unwrap();
        });
    }
}
