//! A process of services over the cluster, at work with many operations at once until told to stop.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use lpse_kiosk::{
    daemon::rotation,
    domain::{PersonName, Policy, Secret, account::Role},
    service::accounts::NewAccount,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    bank,
    house::{self, House, Place, account, email, password, terminal},
    journal::{Entry, now},
    people::People,
};

/// Accounts that both processes log in to, and that both show wrong codes to.
const LOGINS: usize = 8;
const FAILURES: usize = 16;
/// Accounts that one process activates and disables.
const ENROLLMENTS: usize = 4;
/// Accounts that one process asks resets for.
const RESETS: usize = 40;
const TELLERS: u64 = 6;

/// That everybody is to come to an end.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    pub fn is_told(&self) -> bool {
        *self.0.borrow()
    }
}

fn ids(kind: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{kind}{number:02}"))
}

/// Of people that belong to one process.
fn own_ids(kind: &str, process: u64, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{kind}{process}{number:02}"))
}

/// Makes the accounts and balances; the phones' secrets are left in the folder.
pub async fn prepare(place: &Place, folder: &Path) {
    let people = Arc::new(People {
        house: house::open(place, "prepare", folder).await,
        node: "prepare".into(),
    });
    let House {
        store, services, ..
    } = &people.house;
    bank::open_balances(store).await;
    let from = terminal("prepare", "desk");
    let policy = Policy::Enabled.into();
    services.policy.set(policy, &from).await.unwrap();
    let hash = services.accounts.hash(password()).await.unwrap();
    let with_phone: Vec<String> = ids("LOGIN", LOGINS).chain(ids("FAIL", FAILURES)).collect();
    let without = (0..2).flat_map(|process| {
        own_ids("ENROLL", process, ENROLLMENTS).chain(own_ids("RESET", process, RESETS))
    });
    for id in with_phone.iter().cloned().chain(without) {
        let new = NewAccount {
            key: account(&id),
            name: PersonName::parse("Siti Rahmawati").unwrap(),
            email: email(&id),
            role: Role::User,
            password: hash.clone(),
        };
        services.accounts.add(new, &from).await.unwrap();
    }
    let mut secrets = String::new();
    for id in &with_phone {
        let Ok((_, secret)) = people.activate(id).await else {
            panic!("{id} is not activated");
        };
        let secret = data_encoding::BASE32_NOPAD.encode(secret.as_bytes());
        secrets += &format!("{id} {secret}\n");
    }
    std::fs::write(folder.join("secrets"), secrets).unwrap();
}

fn phones(folder: &Path) -> Vec<(String, Secret)> {
    let secrets = std::fs::read_to_string(folder.join("secrets")).unwrap();
    let phone = |line: &str| {
        let (id, secret) = line.split_once(' ').unwrap();
        let secret = data_encoding::BASE32_NOPAD
            .decode(secret.as_bytes())
            .unwrap();
        (
            id.to_owned(),
            Secret::from_bytes(secret.try_into().unwrap()),
        )
    };
    secrets.lines().map(phone).collect()
}

fn lines_of_input() -> mpsc::UnboundedReceiver<String> {
    #[expect(clippy::disallowed_methods, reason = "the parent sends a few lines")]
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    told
}

/// Works until standard input ends; what it says there are links to confirm, and `clock MINUTES`: how far this process's
/// clock is to be ahead of the others'.
pub async fn work(place: &Place, process: u64, seed: u64, folder: &Path) {
    let node = format!("node-{process}");
    let people = Arc::new(People {
        house: house::open(place, &node, folder).await,
        node,
    });
    let store = &people.house.store;
    let (tell, told) = watch::channel(false);
    let stop = Stop(told);
    let mut tasks = JoinSet::new();
    let mut seeds = (0..).map(|number| seed + process * 1_000 + number);
    let mut seed = || seeds.next().unwrap();
    for number in 0..TELLERS {
        let name = format!("{process}-{number}");
        tasks.spawn(bank::teller(store.clone(), name, seed(), stop.clone()));
    }
    tasks.spawn(bank::head(store.clone(), seed(), stop.clone()));
    tasks.spawn(bank::visitor(store.clone(), seed(), stop.clone()));
    let (logins, failures): (Vec<_>, Vec<_>) = phones(folder)
        .into_iter()
        .partition(|(id, _)| id.starts_with("LOGIN"));
    for (id, secret) in logins {
        tasks.spawn(people.clone().log_in(id, secret, stop.clone()));
    }
    tasks.spawn(people.clone().fail(failures, stop.clone()));
    for id in own_ids("ENROLL", process, ENROLLMENTS) {
        tasks.spawn(people.clone().enroll(id, stop.clone()));
    }
    let resets = own_ids("RESET", process, RESETS).collect();
    let asking = people.clone().ask_for_resets(resets, seed(), stop.clone());
    tasks.spawn(asking);
    tasks.spawn(people.clone().deliver(stop.clone()));
    let House {
        services, clock, ..
    } = &people.house;
    let going_on = rotation::go_on(services.keys.clone(), clock.clone(), stop.0);
    tasks.spawn(going_on);
    let mut told = lines_of_input();
    let mut number = 0_u32;
    while let Some(line) = told.recv().await {
        if let Some(minutes) = line.strip_prefix("clock ") {
            let begun = now();
            people.house.clock.put_ahead(minutes.parse().unwrap());
            Entry::say(begun, &line);
            continue;
        }
        let link = line;
        number += 1;
        let from = Ipv4Addr::from(11 << 24 | u32::try_from(process).unwrap() << 20 | number);
        tasks.spawn(people.clone().confirm(link, from));
    }
    tell.send(true).unwrap();
    while let Some(ended) = tasks.join_next().await {
        ended.expect("nobody panics");
    }
}
