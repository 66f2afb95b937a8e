//! The courier against a mail server that fails on demand: nothing is lost, nothing goes out twice, nothing after its
//! time, and what failed is plain to the operator. A real server takes the letters in the journeys.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use lpse_kiosk::{
    domain::{
        EmailAddress, Policy,
        audit::{Act, AuditOutcome},
        durations::SharedDurations,
        letter::{Delivery, Stage},
    },
    mail::{
        courier::{Courier, CourierSettings, Post},
        message::Sender,
        transport::{DeliveryError, Transport},
    },
    ports::Clock,
    service::outbox::{Retried, Waiting},
    store::{Commit, Key, outbox::Outbox},
};
use support::house::{House, Recorder, here, house, ppk30};
use tokio::sync::{Semaphore, watch};

/// A mail server that says what it is told to, and keeps what it took.
#[derive(Debug)]
struct Server {
    answers: Mutex<VecDeque<Result<(), DeliveryError>>>,
    taken: Mutex<Vec<String>>,
    /// A conversation ends when there is a permit.
    pace: Semaphore,
    under_way: Semaphore,
}

impl Server {
    fn new(answers: Vec<Result<(), DeliveryError>>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into()),
            taken: Mutex::default(),
            pace: Semaphore::new(Semaphore::MAX_PERMITS),
            under_way: Semaphore::new(0),
        })
    }

    /// A server whose conversations last until there is a permit for each.
    fn stalling() -> Arc<Self> {
        let server = Self::new(Vec::new());
        server.pace.forget_permits(Semaphore::MAX_PERMITS);
        server
    }

    fn taken(&self) -> usize {
        self.taken.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for Server {
    async fn deliver(
        &self,
        message: &lettre::Message,
        _within: Duration,
    ) -> Result<(), DeliveryError> {
        self.under_way.add_permits(1);
        self.pace.acquire().await.unwrap().forget();
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or(Ok(())).map(|()| {
            let text = String::from_utf8(message.formatted()).unwrap();
            self.taken.lock().unwrap().push(text);
        })
    }
}

fn courier(house: &House, server: &Arc<Server>) -> Courier {
    courier_noting(house, server, Arc::default())
}

/// A courier that notes in `conversations` how long they took.
fn courier_noting(
    house: &House,
    server: &Arc<Server>,
    conversations: Arc<SharedDurations>,
) -> Courier {
    let foundation = &house.foundation;
    Courier::new(CourierSettings {
        outbox: Outbox::new(foundation.store.clone()),
        vault: foundation.vault.clone(),
        clock: foundation.clock.clone(),
        random: foundation.random.clone(),
        audit: house.audit.clone(),
        sender: Sender {
            office: "LPSE Kota Contoh".into(),
            address: EmailAddress::parse("lpse@contoh.go.id").unwrap(),
            base_url: "https://lpse.contoh.go.id".into(),
            zone: Default::default(),
        },
        post: Post::Server(server.clone()),
        wake: foundation.letters.wake.clone(),
        node: "local".into(),
        is_shared: false,
        conversations,
    })
}

/// A house with `count` notices in its outbox.
async fn house_with_letters(count: usize) -> House {
    let house = house(Policy::Enabled).await;
    for _ in 0..count {
        let accounts = &house.services.accounts;
        accounts.reset_totp(&ppk30(), &here()).await.unwrap();
        house.clock.pass(1);
    }
    house
}

async fn waiting(house: &House) -> Vec<Waiting> {
    let page = house.services.outbox.page(None, 1_000).await.unwrap();
    page.letters
}

fn delivered(audit: &Recorder) -> Vec<AuditOutcome> {
    let events = audit.0.lock().unwrap();
    let deliveries = events
        .iter()
        .filter(|event| event.act == Act::DeliverLetter);
    deliveries.map(|event| event.outcome.clone()).collect()
}

fn busy() -> Result<(), DeliveryError> {
    Err(DeliveryError::Temporary("451 busy".into()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_noted_how_long_a_conversation_took_whatever_came_of_it() {
    let house = house_with_letters(1).await;
    let conversations = Arc::<SharedDurations>::default();
    let stalling = Server::stalling();
    stalling.answers.lock().unwrap().push_back(busy());
    let courier = courier_noting(&house, &stalling, conversations.clone());
    let round = tokio::spawn(async move { courier.round().await });
    stalling.under_way.acquire().await.unwrap().forget();
    house.clock.pass(7);
    stalling.pace.add_permits(1);
    round.await.unwrap().unwrap();
    let noted = conversations.so_far();
    assert_eq!((noted.count(), noted.sum()), (1, Duration::from_secs(7)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_couriers_deliver_every_letter_once() {
    let house = house_with_letters(50).await;
    let server = Server::new(Vec::new());
    let couriers: Vec<Courier> = (0..2).map(|_| courier(&house, &server)).collect();
    let mut rounds = tokio::task::JoinSet::new();
    for courier in couriers {
        rounds.spawn(async move { courier.round().await.unwrap() });
    }
    rounds.join_all().await;
    assert_eq!(server.taken(), 50);
    assert!(waiting(&house).await.is_empty());
    let mut ids: Vec<String> = {
        let taken = server.taken.lock().unwrap();
        let id = |text: &String| {
            let mut lines = text.lines();
            let line = lines.find(|line| line.starts_with("Message-ID:"));
            line.expect("a Message-ID").to_owned()
        };
        taken.iter().map(id).collect()
    };
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[tokio::test]
async fn a_busy_server_is_tried_again_later_with_the_same_letter() {
    let house = house_with_letters(1).await;
    let server = Server::new(vec![busy(), busy()]);
    let courier = courier(&house, &server);
    for failures in 1..=2 {
        let next = courier.round().await.unwrap().expect("another try");
        assert!(next > house.clock.now());
        let [letter] = &waiting(&house).await[..] else {
            panic!("the letter waits");
        };
        assert_eq!(letter.delivery.failures, failures);
        assert_eq!(letter.delivery.last_error.as_deref(), Some("451 busy"));
        let too_early = courier.round().await.unwrap();
        assert_eq!(too_early, Some(next), "not before its time");
        let left = next.duration_since(house.clock.now());
        house.clock.pass(u64::try_from(left.as_secs()).unwrap() + 1);
    }
    assert_eq!(courier.round().await.unwrap(), None);
    assert_eq!(server.taken(), 1);
    assert_eq!(delivered(&house.audit), [AuditOutcome::Done]);
}

#[tokio::test]
async fn a_refused_letter_stays_for_the_operator_who_sends_it_again() {
    let house = house_with_letters(1).await;
    let refusal = || Err(DeliveryError::Permanent("550 no such mailbox".into()));
    let server = Server::new(vec![refusal()]);
    let courier = courier(&house, &server);
    assert_eq!(courier.round().await.unwrap(), None);
    house.clock.pass(3_600);
    courier.round().await.unwrap();
    let [letter] = &waiting(&house).await[..] else {
        panic!("the letter stays");
    };
    assert_eq!(letter.delivery.stage, Stage::Refused);
    assert_eq!(
        server.taken(),
        0,
        "a refused letter is not tried again by itself"
    );
    let outbox = &house.services.outbox;
    let retried = outbox.retry(&letter.letter.id, &here()).await.unwrap();
    assert_eq!(retried, Retried::Due);
    courier.round().await.unwrap();
    assert_eq!(server.taken(), 1);
    let gone = outbox.retry(&letter.letter.id, &here()).await.unwrap();
    assert_eq!(gone, Retried::Gone);
}

#[tokio::test]
async fn a_letter_whose_fate_is_not_known_goes_out_once_more_and_is_then_the_operators() {
    for (was_answered, copies) in [(false, 2), (true, 1)] {
        let house = house_with_letters(1).await;
        let lost = || {
            Err(DeliveryError::Unknown {
                reason: "closed".into(),
                was_answered,
            })
        };
        let server = Server::new(vec![lost(), lost()]);
        let courier = courier(&house, &server);
        for _ in 0..50 {
            courier.round().await.unwrap();
            house.clock.pass(60);
        }
        let tries = server.under_way.available_permits();
        assert_eq!(tries, copies, "answered: {was_answered}");
        let [letter] = &waiting(&house).await[..] else {
            panic!("the letter stays");
        };
        assert_eq!(letter.delivery.stage, Stage::Refused);
        let told = letter.delivery.last_error.as_deref();
        assert_eq!(told, Some("it may have been taken: closed"));
        assert!(matches!(
            &delivered(&house.audit)[..],
            [AuditOutcome::Failed(_)]
        ));
        let outbox = &house.services.outbox;
        outbox.retry(&letter.letter.id, &here()).await.unwrap();
        courier.round().await.unwrap();
        assert_eq!(server.under_way.available_permits(), copies + 1);
    }
}

#[tokio::test]
async fn a_letter_past_its_time_is_dropped_and_told() {
    let house = house_with_letters(1).await;
    let server = Server::new(vec![busy()]);
    let courier = courier(&house, &server);
    courier.round().await.unwrap();
    house.clock.pass(3 * 24 * 60 * 60);
    assert_eq!(courier.round().await.unwrap(), None);
    assert_eq!(server.taken(), 0);
    assert!(waiting(&house).await.is_empty());
    let [AuditOutcome::Failed(reason)] = &delivered(&house.audit)[..] else {
        panic!("it is told");
    };
    assert!(
        reason.contains("expired") && reason.contains("451 busy"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_courier_that_is_killed_leaves_a_claim_that_ends() {
    let house = house_with_letters(1).await;
    let stalling = Server::stalling();
    let first = courier(&house, &stalling);
    let killed = tokio::spawn(async move { first.round().await });
    stalling.under_way.acquire().await.unwrap().forget();
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    let server = Server::new(Vec::new());
    let second = courier(&house, &server);
    let claim = second.round().await.unwrap();
    assert_eq!(claim, Some(house.clock.now() + Delivery::CLAIMED_FOR));
    assert_eq!(server.taken(), 0, "it might still be on its way");
    house.clock.pass(Delivery::CLAIMED_FOR.as_secs());
    second.round().await.unwrap();
    assert_eq!(server.taken(), 1);
}

#[tokio::test]
async fn the_owner_of_the_store_need_not_wait_for_dead_couriers() {
    let house = house_with_letters(3).await;
    let outbox = Outbox::new(house.foundation.store.clone());
    for read in outbox.page(None, 10).await.unwrap().letters {
        let claim = read
            .delivery
            .claimed(&Delivery::claimant("local", "dead"), house.clock.now())
            .unwrap();
        outbox.update(read, claim).await.unwrap();
    }
    let now = house.clock.now();
    outbox.release_claims(now, Some("another")).await.unwrap();
    let still = outbox.page(None, 1).await.unwrap().letters;
    assert!(still[0].delivery.is_claimed_on(None), "another machine's");
    outbox.release_claims(now, Some("local")).await.unwrap();
    let server = Server::new(Vec::new());
    courier(&house, &server).round().await.unwrap();
    assert_eq!(server.taken(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_whose_account_goes_while_it_is_on_its_way_troubles_nobody() {
    let house = house_with_letters(1).await;
    let stalling = Server::stalling();
    let slow = courier(&house, &stalling);
    let round = tokio::spawn(async move { slow.round().await.unwrap() });
    stalling.under_way.acquire().await.unwrap().forget();
    let outbox = Outbox::new(house.foundation.store.clone());
    let [read] = &outbox.page(None, 10).await.unwrap().letters[..] else {
        panic!("one letter");
    };
    outbox.remove(read).await.unwrap();
    stalling.pace.add_permits(1);
    assert_eq!(round.await.unwrap(), None);
    assert!(waiting(&house).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bell_wakes_the_courier_and_leaving_ends_it() {
    let house = house_with_letters(0).await;
    let server = Server::new(Vec::new());
    let (leave, left) = watch::channel(false);
    let running = tokio::spawn(courier(&house, &server).run(left));
    for _ in 0..3 {
        let accounts = &house.services.accounts;
        accounts.reset_totp(&ppk30(), &here()).await.unwrap();
        let under_way = tokio::time::timeout(Duration::from_secs(30), server.under_way.acquire());
        under_way
            .await
            .expect("the courier comes")
            .unwrap()
            .forget();
    }
    leave.send_replace(true);
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .expect("it leaves")
        .unwrap();
}

#[tokio::test]
async fn a_damaged_letter_holds_up_no_other() {
    let house = house_with_letters(70).await;
    let store = &house.foundation.store;
    let outbox = Key::from_bytes("outbox/");
    let rows = store.page(&outbox, None, 100).await.unwrap();
    // The first, and the last of the first page that the courier reads.
    for (key, _) in [&rows[0], &rows[63]] {
        let damage = Commit::new().put(key.clone(), b"{}".to_vec());
        store.commit(damage).await.unwrap();
    }
    let server = Server::new(Vec::new());
    courier(&house, &server).round().await.unwrap();
    assert_eq!(server.taken(), 68);
    let left = store.page(&outbox, None, 100).await.unwrap();
    assert_eq!(left.len(), 2, "what cannot be read is not thrown away");
}

#[tokio::test]
async fn what_failed_at_a_clock_ahead_waits_its_own_pause_once_the_clock_is_right() {
    const HOURS: u64 = 7 * 60 * 60;
    let house = house_with_letters(0).await;
    house.clock.pass(HOURS);
    let accounts = &house.services.accounts;
    accounts.reset_totp(&ppk30(), &here()).await.unwrap();
    let server = Server::new(vec![busy(), busy()]);
    let courier = courier(&house, &server);
    for _ in 0..2 {
        courier.round().await.unwrap();
        house.clock.pass(20);
    }
    assert_eq!(waiting(&house).await[0].delivery.failures, 2);
    house.clock.set_back(HOURS);
    // The pause after the second failure: 15 s and a quarter either way.
    let next = courier.round().await.unwrap().expect("it waits");
    let pause = next.duration_since(house.clock.now()).as_secs();
    assert!((11..=19).contains(&pause), "{pause} s");
    house.clock.pass(19);
    courier.round().await.unwrap();
    assert_eq!(server.taken(), 1);
    assert!(waiting(&house).await.is_empty());
}

#[tokio::test]
async fn a_letter_of_a_clock_ahead_is_wanted_for_three_days_and_not_for_years() {
    const YEARS: u64 = 3 * 365 * 24 * 60 * 60;
    let house = house_with_letters(0).await;
    house.clock.pass(YEARS);
    let accounts = &house.services.accounts;
    accounts.reset_totp(&ppk30(), &here()).await.unwrap();
    house.clock.set_back(YEARS);
    let server = Server::new(vec![busy(), busy()]);
    let courier = courier(&house, &server);
    courier.round().await.unwrap();
    assert_eq!(waiting(&house).await.len(), 1);
    house.clock.pass(3 * 24 * 60 * 60);
    courier.round().await.unwrap();
    assert!(waiting(&house).await.is_empty());
    assert_eq!(server.taken(), 0);
}
