//! What an owner waits for a login while strangers guess, each of them again as soon as it is answered, which is sooner
//! than a screen lets anybody; but who is told "busy" reads that for as long as every screen makes them.
//!
//! The owner's wait is from the password to home, being told "busy" and asking again included. Beside it stands a login
//! at the same store when nobody guesses, of the same run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lpse_kiosk::{
    domain::{
        AccountKey, Identified, Source,
        audit::{AuditEvent, AuditOutcome},
    },
    ports::{Audit, Recorded},
    service::{
        ServiceError, Services,
        accounts::NewAccount,
        authentication::{PasswordOutcome, PasswordOutcome::Granted},
    },
    tui::attention::READING_TIME,
};
use support::extent::Extent;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{Bench, PASSWORD, account, here, ms, typed};

/// So many guess from one address: with the owner's they are the connections that `[ssh] sessions_per_source` allows.
const AT_ONE_SOURCE: u32 = 31;

/// So many guess from as many addresses: with the owner's they are the connections that `[ssh] sessions` allows.
const FROM_MANY_SOURCES: Extent<u32> = Extent::new(1023, 40);

/// Accounts that a stranger knows of.
const ACCOUNTS: Extent<u32> = Extent::new(500, 50);

/// An owner's logins of each flood.
const LOGINS: Extent<usize> = Extent::new(21, 2);

/// So many guesses are answered before the owner comes.
const BEFORE: Extent<u64> = Extent::new(200, 10);

/// What strangers guess at, and where.
#[derive(Debug, Clone, Copy)]
pub enum Flood {
    UnknownAtHome,
    KnownAtHome,
    UnknownElsewhere,
    KnownElsewhere,
    /// The owner's own User ID; at home that would make the owner wait with them, as the manual says.
    OwnElsewhere,
}

impl Flood {
    pub const ALL: [Self; 5] = [
        Self::UnknownAtHome,
        Self::KnownAtHome,
        Self::UnknownElsewhere,
        Self::KnownElsewhere,
        Self::OwnElsewhere,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::UnknownAtHome => "unknown IDs at the owner's address",
            Self::KnownAtHome => "known IDs at the owner's address",
            Self::UnknownElsewhere => "unknown IDs from many addresses",
            Self::KnownElsewhere => "known IDs from many addresses",
            Self::OwnElsewhere => "the owner's ID from many addresses",
        }
    }

    fn is_at_home(self) -> bool {
        matches!(self, Self::UnknownAtHome | Self::KnownAtHome)
    }

    fn strangers(self) -> u32 {
        match self.is_at_home() {
            true => AT_ONE_SOURCE,
            false => FROM_MANY_SOURCES.get(),
        }
    }

    /// Guess `number` of all: never one that must wait for the one before it.
    fn guess(self, number: u32, owner: &AccountKey) -> (AccountKey, Source) {
        let account = match self {
            Self::UnknownAtHome | Self::UnknownElsewhere => account(&format!("ASING{number}")),
            Self::KnownAtHome | Self::KnownElsewhere => listed(number % ACCOUNTS.get()),
            Self::OwnElsewhere => owner.clone(),
        };
        let source = match self.is_at_home() {
            true => office(),
            // Two wrong ones are free.
            false => Source::Peer(std::net::Ipv4Addr::from(0x0a00_0000 + number / 2).into()),
        };
        (account, source)
    }
}

fn listed(number: u32) -> AccountKey {
    account(&format!("PPK-{number}"))
}

/// The address that the owner shares.
fn office() -> Source {
    Source::Peer("192.0.2.7".parse().unwrap())
}

/// An audit log of how many wrong passwords were looked at.
#[derive(Debug, Default)]
pub struct Tally {
    heard: AtomicU64,
}

impl Audit for Tally {
    fn record(&self, events: Vec<AuditEvent>) -> Recorded {
        let heard = AuditOutcome::Refused("wrong-password".into());
        let heard = events.iter().filter(|event| event.outcome == heard);
        self.heard.fetch_add(heard.count() as u64, Relaxed);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Measures `floods` over the store of `bench`, which is called `kind`.
pub async fn measure(bench: Bench, kind: &str, floods: &[Flood]) {
    let Bench {
        services,
        owner,
        audit,
    } = bench;
    let model = services.accounts.get(&owner).await.unwrap().unwrap();
    for number in 0..ACCOUNTS.get() {
        let new = NewAccount {
            key: listed(number),
            name: model.name.clone(),
            email: model.email.clone(),
            role: Default::default(),
            password: model.password.clone(),
        };
        services.accounts.add(new, &here(0)).await.unwrap();
    }
    let services = Arc::new(services);
    let (mut idle, _) = logins(&services, &owner).await;
    for flood in floods {
        let crowd = Crowd::gather(*flood, &services, &owner).await;
        let (begun, heard) = (Instant::now(), audit.heard.load(Relaxed));
        let answered = *crowd.answered.borrow();
        let (mut waited, busy) = logins(&services, &owner).await;
        let (time, heard) = (begun.elapsed(), audit.heard.load(Relaxed) - heard);
        let answered = *crowd.answered.borrow() - answered;
        crowd.leave().await;
        let (one, most) = (middle(&mut idle), middle(&mut waited));
        let worst = waited[waited.len() - 1];
        println!(
            "| a login ({kind}) while {} strangers guess {}, median (worst), over one when nobody does | {} ({}) | {} | {:.1} ({:.1}) | at most 2 s |",
            flood.strangers(),
            flood.words(),
            ms(most),
            ms(worst),
            ms(one),
            most.as_secs_f64() / one.as_secs_f64(),
            worst.as_secs_f64() / one.as_secs_f64(),
        );
        println!(
            "| the same: guesses answered a second, at real accounts and looked at | {:.0}/s | {heard} in {:.1} s | | |",
            answered as f64 / time.as_secs_f64(),
            time.as_secs_f64()
        );
        if busy > 0 {
            println!(
                "| the same: the owner was told \"busy\" | {busy} times in {} logins | | | never |",
                LOGINS.get()
            );
        }
    }
}

fn middle(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// An owner's logins, one after another: how long each took, and how often "busy" was the answer.
async fn logins(services: &Services, owner: &AccountKey) -> (Vec<Duration>, u32) {
    let (mut times, mut busy) = (Vec::new(), 0);
    for _ in 0..LOGINS.get() {
        let begun = Instant::now();
        loop {
            let outcome = guess(services, owner, PASSWORD, &office()).await;
            match outcome {
                Ok(Granted(_)) => break,
                Err(ServiceError::Busy) => {
                    busy += 1;
                    // As long as it takes to read that.
                    sleep(READING_TIME).await;
                }
                other => panic!("{other:?}"),
            }
        }
        times.push(begun.elapsed());
    }
    (times, busy)
}

async fn guess(
    services: &Services,
    account: &AccountKey,
    password: &str,
    from: &Source,
) -> Result<PasswordOutcome, ServiceError> {
    let claimed = Identified {
        account: account.clone(),
    };
    let authentication = &services.authentication;
    authentication
        .check_password(claimed, typed(password), from)
        .await
}

/// Strangers who guess until they leave.
struct Crowd {
    answered: watch::Receiver<u64>,
    strangers: JoinSet<()>,
}

impl Crowd {
    /// Returns when they have been at it for a while.
    async fn gather(flood: Flood, services: &Arc<Services>, owner: &AccountKey) -> Self {
        let (answer, mut answered) = watch::channel(0);
        let mut strangers = JoinSet::new();
        let next = Arc::new(AtomicU32::new(0));
        for _ in 0..flood.strangers() {
            let (services, owner, next) = (services.clone(), owner.clone(), next.clone());
            let answer = answer.clone();
            strangers.spawn(async move {
                loop {
                    let (account, from) = flood.guess(next.fetch_add(1, Relaxed), &owner);
                    match guess(&services, &account, "salah", &from).await {
                        Ok(PasswordOutcome::Refused(_)) => answer.send_modify(|count| *count += 1),
                        // As the owner: no screen that has changed by itself takes an Enter sooner.
                        Err(ServiceError::Busy) => sleep(READING_TIME).await,
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        // Whoever waits hears when no stranger is left.
        drop(answer);
        let before = answered.wait_for(|count| *count >= BEFORE.get());
        before.await.unwrap();
        Self {
            answered,
            strangers,
        }
    }

    /// Returns when nobody guesses any more, and the store may be closed.
    async fn leave(mut self) {
        self.strangers.abort_all();
        while let Some(ended) = self.strangers.join_next().await {
            assert!(ended.is_err_and(|error| error.is_cancelled()));
        }
    }
}
