//! No way leads home without what the policy asks: random events at real screens over real services, and the races
//! that only parallel sessions can run.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};
use support::house;

use jiff::Timestamp;
use lpse_kiosk::{
    domain::{
        AccountKey, ActivityKind, Authenticator, EmailAddress, Identified, Passcode, PersonName,
        Policy, Refusal, Secret, Source, TimeStep, UserId, UserType,
        account::{LastLogin, Role},
        audit::{Act, AuditOutcome},
        idle,
        language::Language,
        officer::{AccountAct, DeskAct, Order, Statement},
        password::{HashCost, HashMemory, verify},
        policy::LoginRules,
        recovery::RecoveryCode,
    },
    ports::Clock,
    service::{
        Foundation, ServiceError, Services,
        accounts::NewAccount,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, Prover, StartOutcome},
        hashing::HashPool,
    },
    session::{
        effects,
        proofs::{LoggedIn, Proofs},
    },
    store::{self, Snapshot, Store, engine::memory::Memory},
    tui::{
        App, DeskRequest, Effect, Event, Lookup, LookupReply, Now, Reply, Request, command::Key,
    },
    vault::{MasterKey, Vault},
};
use proptest::prelude::*;
use support::house::{
    House, PASSWORD, TestClock, alterations, here, house, house_over, house_with_cost, only,
    password, ppk30, put_by_hand, secret_of, tagged_house,
};
use support::screen::settings;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_submissions_of_one_code_exactly_one_is_accepted() {
    let house = house(Policy::Enabled).await;
    let secret = house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let code = house.code(&secret);
    let mut submissions = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (services, awaiting) = (house.services.clone(), awaiting.clone());
        submissions.spawn(async move {
            let outcome = services
                .authentication
                .check_passcode(&awaiting, code, &here())
                .await
                .unwrap();
            matches!(outcome, PasscodeOutcome::Granted(_))
        });
    }
    let accepted = submissions
        .join_all()
        .await
        .into_iter()
        .filter(|granted| *granted)
        .count();
    assert_eq!(accepted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_wrong_codes_share_one_count_and_only_the_first_is_judged() {
    let house = house(Policy::Enabled).await;
    house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let mut submissions = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (services, awaiting) = (house.services.clone(), awaiting.clone());
        let code = Passcode::parse(&format!("0000{number:02}")).unwrap();
        submissions.spawn(async move {
            services
                .authentication
                .check_passcode(&awaiting, code, &here())
                .await
                .unwrap()
        });
    }
    let outcomes = submissions.join_all().await;
    let judged = outcomes
        .iter()
        .filter(|o| matches!(o, PasscodeOutcome::Refused(Refusal::Rejected { .. })))
        .count();
    let account = house.account().await;
    assert_eq!(
        (judged, account.passcode_throttle.failures),
        (1, 1),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn nothing_is_granted_by_a_record_that_is_not_as_it_was_written() {
    let (house, raw) = tagged_house(Policy::Required).await;
    // Before TOTP is activated, the password leads to the activation.
    house
        .services
        .policy
        .set(Policy::Enabled.into(), &here())
        .await
        .unwrap();
    let secret = house.activate().await;
    house
        .services
        .policy
        .set(Policy::Required.into(), &here())
        .await
        .unwrap();
    house.clock.pass(60);
    let wrong = house.login_with("bukan ini").await;
    assert!(matches!(wrong, PasswordOutcome::Refused(_)), "{wrong:?}");
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    // Its failure is forgotten with the right password; another account's is not.
    let other = Identified {
        account: AccountKey::new(UserType::Penyedia, UserId::parse("CVMAJU").unwrap()),
    };
    let authentication = &house.services.authentication;
    authentication
        .check_password(other, password("bukan ini"), &here())
        .await
        .unwrap();
    house.clock.pass(60);
    let by_password = async || {
        let claimed = Identified { account: ppk30() };
        authentication
            .check_password(claimed, password(PASSWORD), &here())
            .await
    };
    let by_code = async || {
        let code = house.code(&secret);
        authentication
            .check_passcode(&awaiting, code, &here())
            .await
    };
    let is_unavailable = |error: &ServiceError| matches!(error, ServiceError::Unavailable(why) if why.contains("store check"));
    let edits = [
        (
            "account/",
            vec![
                ("totp", serde_json::json!({ "state": "absent" })),
                ("role", "officer".into()),
                ("greatest_accepted_step", serde_json::json!(null)),
            ],
        ),
        (
            "setting/policy",
            vec![
                ("policy", "disabled".into()),
                ("recovery_codes", true.into()),
            ],
        ),
        ("throttle/", vec![("by_account", serde_json::json!([]))]),
    ];
    for (prefix, edits) in &edits {
        let (key, stored) = only(&raw, prefix).await;
        let alterations = alterations(&stored, edits);
        assert_eq!(alterations.len(), 4 + edits.len());
        for altered in alterations {
            put_by_hand(&raw, &key, Some(altered)).await;
            let refused = by_password().await.unwrap_err();
            assert!(is_unavailable(&refused), "{prefix}: {refused}");
            assert!(
                refused.to_string().contains(&format!("{key:?}")),
                "{refused}"
            );
            if *prefix == "account/" {
                let refused = by_code().await.unwrap_err();
                assert!(is_unavailable(&refused), "{prefix}: {refused}");
            }
            let listed = house
                .services
                .accounts
                .page(ppk30().user_type, "", None, 9)
                .await;
            let listed = listed.unwrap();
            let expected = if *prefix == "account/" {
                (0, 1)
            } else {
                (1, 0)
            };
            assert_eq!((listed.accounts.len(), listed.altered.len()), expected);
        }
        put_by_hand(&raw, &key, Some(stored)).await;
    }
    // Without a policy there is no default that would be less than what was set.
    let (policy, stored) = only(&raw, "setting/policy").await;
    put_by_hand(&raw, &policy, None).await;
    let refused = by_password().await.unwrap_err();
    assert!(is_unavailable(&refused), "{refused}");
    put_by_hand(&raw, &policy, Some(stored)).await;
    // An account moved to where another one would be is not that account, nor is it the one that it was.
    let (key, stored) = only(&raw, "account/").await;
    put_by_hand(
        &raw,
        &store::Key::from_bytes("account/penyedia/PPK30"),
        Some(stored.clone()),
    )
    .await;
    let moved = Identified {
        account: AccountKey::new(UserType::Penyedia, ppk30().user_id),
    };
    let refused = authentication
        .check_password(moved, password(PASSWORD), &here())
        .await;
    assert!(is_unavailable(&refused.unwrap_err()));
    assert_eq!(raw.get(&key).await.unwrap(), Some(stored));
    // With everything as it was, the code is good, and everything was recorded, each record once.
    assert!(matches!(
        by_code().await.unwrap(),
        PasscodeOutcome::Granted(_)
    ));
    tokio::task::yield_now().await;
    let events = house.audit.0.lock().unwrap();
    let found: Vec<_> = events
        .iter()
        .filter(|event| event.act == Act::FindAltered)
        .collect();
    let named: Vec<_> = found
        .iter()
        .map(|event| event.detail.as_deref().unwrap())
        .collect();
    assert_eq!(
        named,
        [
            "account/non-penyedia/PPK30",
            "setting/policy",
            &format!("{:?}", store::Key::throttle(&here())),
            "account/penyedia/PPK30",
        ]
    );
    assert_eq!(found[0].account, Some(ppk30()));
    assert!(
        found
            .iter()
            .all(|event| matches!(event.outcome, AuditOutcome::Failed(_)))
    );
}

#[tokio::test]
async fn a_spent_code_is_told_of_while_the_phone_shows_it_and_only_after_the_password() {
    let house = house(Policy::Enabled).await;
    house.activate().await;
    let until = async || match house.login().await {
        PasswordOutcome::PasscodeWanted { spent_until, .. } => spent_until,
        other => panic!("a code is wanted, not {other:?}"),
    };
    let second = house.clock.now().as_second();
    let ends = Timestamp::from_second((second / 30 + 1) * 30).unwrap();
    assert_eq!(until().await, Some(ends));
    let refused = house.login_with("salah sekali").await;
    assert!(
        matches!(refused, PasswordOutcome::Refused(Refusal::Rejected { .. })),
        "{refused:?}"
    );
    house.clock.pass(30);
    assert_eq!(until().await, None);
}

#[tokio::test]
async fn a_code_typed_again_is_counted_but_told_to_the_owner_as_no_refusal() {
    let house = house(Policy::Enabled).await;
    let secret = house.activate().await;
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    let again = house.code(&secret);
    let outcome = authentication
        .check_passcode(&awaiting, again, &here())
        .await
        .unwrap();
    assert!(
        matches!(outcome, PasscodeOutcome::Refused(Refusal::Rejected { .. })),
        "{outcome:?}"
    );
    let account = house.account().await;
    assert_eq!(account.passcode_throttle.failures, 1);
    let told = account.activity[0].kind;
    assert_eq!(told, ActivityKind::PasscodeRepeated);
    assert!(!told.is_refusal());
}

#[tokio::test]
async fn disabling_wants_a_fresh_code_after_five_minutes_and_spends_it() {
    let house = house(Policy::Enabled).await;
    let secret = house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    let outcome = authentication
        .check_passcode(&awaiting, house.code(&secret), &here())
        .await
        .unwrap();
    let PasscodeOutcome::Granted(granted) = outcome else {
        panic!("{outcome:?}")
    };
    house.clock.pass(301);
    let enrollment = &house.services.enrollment;
    let bare = enrollment
        .disable(&granted.authenticated, None, &here())
        .await
        .unwrap();
    assert!(
        matches!(bare, DisableOutcome::Refused(Refusal::FreshPasscodeWanted)),
        "{bare:?}"
    );
    let wrong = Passcode::parse("000000").unwrap();
    let refused = enrollment
        .disable(&granted.authenticated, Some(wrong), &here())
        .await
        .unwrap();
    assert!(
        matches!(refused, DisableOutcome::Refused(Refusal::Rejected { .. })),
        "{refused:?}"
    );
    house.clock.pass(1);
    let code = house.code(&secret);
    let done = enrollment
        .disable(&granted.authenticated, Some(code), &here())
        .await
        .unwrap();
    assert!(matches!(done, DisableOutcome::Disabled(_)), "{done:?}");
    let account = house.account().await;
    assert_eq!(account.authenticator, Authenticator::Absent);
    // The steps of a key go with it: a code of the next one is good within the same step.
    assert_eq!(account.authenticator.last_step(), None);
    let next = house.activate().await;
    let account = house.account().await;
    let step = TimeStep::at(house.clock.now());
    assert_eq!(account.authenticator.last_step(), Some(step));
    let awaiting = house.awaiting().await;
    let again = authentication
        .check_passcode(&awaiting, house.code(&next), &here())
        .await
        .unwrap();
    assert!(
        matches!(again, PasscodeOutcome::Refused(Refusal::Rejected { .. })),
        "its own steps are good once: {again:?}"
    );
}

#[tokio::test]
async fn a_clock_that_was_ahead_keeps_nobody_out_and_revives_no_code() {
    const HOURS: u64 = 7 * 60 * 60;
    let house = house(Policy::Enabled).await;
    let phone = house.activate().await;
    let authentication = &house.services.authentication;
    let check = async |code: Passcode| {
        let awaiting = house.awaiting().await;
        authentication
            .check_passcode(&awaiting, code, &here())
            .await
            .unwrap()
    };
    let wait = |outcome: PasscodeOutcome| match outcome {
        PasscodeOutcome::Refused(Refusal::Wait(wait)) => wait.as_secs(),
        other => panic!("{other:?}"),
    };
    let wrong = || Passcode::parse("000000").unwrap();
    house.clock.pass(60);
    // Ahead, with a login and four wrong codes.
    house.clock.pass(HOURS);
    let of_ahead = house.code(&phone);
    let granted = check(of_ahead).await;
    assert!(
        matches!(granted, PasscodeOutcome::Granted(_)),
        "{granted:?}"
    );
    for passed in [1, 1, 3, 0] {
        let refused = check(wrong()).await;
        assert!(
            matches!(refused, PasscodeOutcome::Refused(Refusal::Rejected { .. })),
            "{refused:?}"
        );
        house.clock.pass(passed);
    }
    house.clock.set_back(HOURS);
    // The step of the schedule, from the first look on.
    assert_eq!(wait(check(house.code(&phone)).await), 5);
    house.clock.pass(3);
    assert_eq!(wait(check(house.code(&phone)).await), 2);
    house.clock.pass(2);
    let granted = check(house.code(&phone)).await;
    assert!(
        matches!(granted, PasscodeOutcome::Granted(_)),
        "{granted:?}"
    );
    // And when the clock comes there by itself.
    house.clock.pass(HOURS - 10);
    let again = check(of_ahead).await;
    assert!(
        matches!(again, PasscodeOutcome::Refused(Refusal::Rejected { .. })),
        "{again:?}"
    );
}

#[tokio::test]
async fn passwords_that_were_wrong_at_a_clock_ahead_wait_their_step_and_unlock_forgets_them() {
    const HOURS: u64 = 7 * 60 * 60;
    let house = house(Policy::Enabled).await;
    let authentication = &house.services.authentication;
    let give = async |id: &str, text: &str| {
        let account = AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap());
        let claimed = Identified { account };
        authentication
            .check_password(claimed, password(text), &here())
            .await
            .unwrap()
    };
    let waits = |outcome: &PasswordOutcome| match outcome {
        PasswordOutcome::Refused(Refusal::Wait(wait)) => wait.as_secs(),
        _ => 0,
    };
    house.clock.pass(HOURS);
    for number in 0..12 {
        house.clock.pass(2);
        let refused = give(&format!("ASING{}", number % 6), "salah sekali").await;
        assert!(matches!(
            refused,
            PasswordOutcome::Refused(Refusal::Rejected { .. })
        ));
    }
    for passed in [2, 2, 3, 5, 10, 0] {
        give("PPK30", "salah sekali").await;
        house.clock.pass(passed);
    }
    house.clock.set_back(HOURS);
    // The account at this terminal waits the ten seconds of the schedule, from now on.
    assert_eq!(waits(&give("PPK30", PASSWORD).await), 10);
    house.clock.pass(4);
    assert_eq!(waits(&give("PPK30", PASSWORD).await), 6);
    // Nobody else waits.
    assert_eq!(waits(&give("PPK31", PASSWORD).await), 0);
    house.clock.pass(2);
    let accounts = &house.services.accounts;
    accounts
        .act(&ppk30(), &AccountAct::Unlock, &here())
        .await
        .unwrap();
    let granted = give("PPK30", PASSWORD).await;
    assert!(
        matches!(granted, PasswordOutcome::Granted(_)),
        "{granted:?}"
    );
}

/// An account of that ID with everybody's password.
async fn add(house: &House, id: &str) -> AccountKey {
    let key = AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap());
    let new = NewAccount {
        key: key.clone(),
        name: PersonName::parse("Budi Santoso").unwrap(),
        email: EmailAddress::parse("budi@contoh.go.id").unwrap(),
        role: Role::User,
        password: house.account().await.password,
    };
    house.services.accounts.add(new, &here()).await.unwrap();
    key
}

/// One try at a password, at `source`.
async fn try_at(
    services: &Services,
    account: &AccountKey,
    text: &str,
    source: &Source,
) -> PasswordOutcome {
    let claimed = Identified {
        account: account.clone(),
    };
    services
        .authentication
        .check_password(claimed, password(text), source)
        .await
        .unwrap()
}

fn is_granted(outcome: &PasswordOutcome) -> bool {
    matches!(outcome, PasswordOutcome::Granted(_))
}

/// The address of a whole office.
fn office() -> Source {
    Source::Peer("192.0.2.7".parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn among_sixty_four_strangers_at_one_source_the_owner_comes_in_at_once() {
    let house = house(Policy::Enabled).await;
    let mut strangers = tokio::task::JoinSet::new();
    let start = Arc::new(tokio::sync::Barrier::new(65));
    for number in 0..64 {
        let (services, start) = (house.services.clone(), start.clone());
        strangers.spawn(async move {
            start.wait().await;
            for guess in 0..3 {
                let id = UserId::parse(&format!("ASING-{number}-{guess}")).unwrap();
                let account = AccountKey::new(UserType::NonPenyedia, id);
                let refused = try_at(&services, &account, "salah sekali", &office()).await;
                let is_refusal = matches!(
                    refused,
                    PasswordOutcome::Refused(Refusal::Rejected { .. } | Refusal::Crowded { .. })
                );
                assert!(is_refusal, "{refused:?}");
            }
        });
    }
    start.wait().await;
    // Never seen there before, and again and again; the clock stands still, so nobody waits.
    for _ in 0..4 {
        let outcome = try_at(&house.services, &ppk30(), PASSWORD, &office()).await;
        assert!(is_granted(&outcome), "{outcome:?}");
    }
    strangers.join_all().await;
    let outcome = try_at(&house.services, &ppk30(), PASSWORD, &office()).await;
    assert!(is_granted(&outcome), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_strangers_from_everywhere_fill_the_queue_nobody_is_busy_for_an_office_that_logs_in()
{
    let house = house(Policy::Enabled).await;
    let store = house.foundation.store.clone();
    let services = Arc::new(Services::new(&Arc::new(Foundation {
        hashing: HashPool::new(1, 2),
        ..house::foundation(store, &house.clock, &house.audit)
    })));
    let outcome = try_at(&services, &ppk30(), PASSWORD, &office()).await;
    assert!(is_granted(&outcome), "{outcome:?}");
    let (busy, mut is_busy) = tokio::sync::watch::channel(0);
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (services, busy) = (services.clone(), busy.clone());
        strangers.spawn(async move {
            let from = Source::Peer(std::net::Ipv4Addr::from(0x0a00_0000 + number).into());
            // Never one that must wait for the one before it.
            let guess = |guess: u32| {
                let id = UserId::parse(&format!("ASING-{number}-{guess}")).unwrap();
                let account = AccountKey::new(UserType::NonPenyedia, id);
                let authentication = &services.authentication;
                let claimed = Identified { account };
                authentication.check_password(claimed, password("salah sekali"), &from)
            };
            for number in 0.. {
                if matches!(guess(number).await, Err(ServiceError::Busy)) {
                    busy.send_modify(|times| *times += 1);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for login in 1..5 {
        is_busy
            .wait_for(|times| *times >= 40 * login)
            .await
            .unwrap();
        // It would be told that it is busy, too, and this would panic.
        let outcome = try_at(&services, &ppk30(), PASSWORD, &office()).await;
        assert!(is_granted(&outcome), "{outcome:?}");
    }
}

#[tokio::test]
async fn whoever_goes_through_the_accounts_of_an_office_is_held_and_nobody_at_home_there_is() {
    let house = house(Policy::Enabled).await;
    let mut listed = Vec::new();
    for number in 0..110 {
        listed.push(add(&house, &format!("PPK-{number}")).await);
    }
    let newcomer = add(&house, "PPK-BARU").await;
    let at = async |account: &AccountKey, text: &str| {
        try_at(&house.services, account, text, &office()).await
    };
    assert!(is_granted(&at(&ppk30(), PASSWORD).await));
    for account in &listed {
        let refused = at(account, "tebakan umum").await;
        assert!(
            matches!(refused, PasswordOutcome::Refused(_)),
            "{refused:?}"
        );
    }
    // The right password of an account that is not at home there is not heard, and is answered as every wrong one is: of a
    // known ID, of an unknown one, of one that is at home there.
    let unknown = AccountKey::new(UserType::NonPenyedia, UserId::parse("TIDAK-ADA").unwrap());
    for (account, text) in [
        (&newcomer, PASSWORD),
        (&listed[109], "tebakan kedua"),
        (&unknown, "tebakan umum"),
        (&ppk30(), "tebakan umum"),
    ] {
        let refused = at(account, text).await;
        let told = matches!(
            refused,
            PasswordOutcome::Refused(Refusal::Crowded { wait }) if wait.as_secs() == 2
        );
        assert!(told, "{account}: {refused:?}");
    }
    let reasons: Vec<_> = {
        let events = house.audit.0.lock().unwrap();
        let last = events.iter().rev().take(4).rev();
        last.map(|event| format!("{:?}", event.outcome)).collect()
    };
    let expected = [
        "not-judged-source-spent",
        "not-judged-source-spent",
        "unknown-account",
        "wrong-password",
    ];
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.contains(expected), "{reason} is not {expected}");
    }
    // Whoever logs in there does, and elsewhere everybody.
    assert!(is_granted(&at(&ppk30(), PASSWORD).await));
    let elsewhere = try_at(&house.services, &newcomer, PASSWORD, &here()).await;
    assert!(is_granted(&elsewhere), "{elsewhere:?}");
    house.clock.pass(60);
    assert!(is_granted(&at(&newcomer, PASSWORD).await));
}

#[tokio::test]
async fn guesses_at_others_push_out_no_count_of_whoever_is_at_home_there() {
    let house = house(Policy::Enabled).await;
    let at = async |id: &str, text: &str| {
        let account = AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap());
        try_at(&house.services, &account, text, &office()).await
    };
    assert!(is_granted(&at("PPK30", PASSWORD).await));
    let mut heard = 0;
    for _ in 0..5 {
        at("PPK30", "salah sekali").await;
        // As many as a source's record holds.
        for number in 0..64 {
            at(&format!("ASING{number}"), "salah sekali").await;
        }
        let events = house.audit.0.lock().unwrap();
        let wrong = AuditOutcome::Refused("wrong-password".into());
        heard = events.iter().filter(|event| event.outcome == wrong).count();
    }
    assert_eq!(heard, 3, "two are free, and the third waits");
    house.clock.pass(1);
    assert!(is_granted(&at("PPK30", PASSWORD).await));
}

/// A store that counts what it is asked for.
#[derive(Debug, Default)]
struct Counted {
    inner: Memory,
    reads: AtomicU32,
    commits: AtomicU32,
}

impl Counted {
    /// Reads and commits so far.
    fn so_far(&self) -> [u32; 2] {
        [&self.reads, &self.commits].map(|count| count.load(Relaxed))
    }
}

#[async_trait::async_trait]
impl Store for Counted {
    async fn get(&self, key: &store::Key) -> Result<Option<store::Value>, store::StoreError> {
        self.reads.fetch_add(1, Relaxed);
        self.inner.get(key).await
    }

    async fn page(
        &self,
        prefix: &store::Key,
        after: Option<&store::Key>,
        limit: usize,
    ) -> Result<Vec<(store::Key, store::Value)>, store::StoreError> {
        self.reads.fetch_add(1, Relaxed);
        self.inner.page(prefix, after, limit).await
    }

    async fn commit(&self, commit: store::Commit) -> Result<store::Outcome, store::StoreError> {
        self.commits.fetch_add(1, Relaxed);
        self.inner.commit(commit).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, store::StoreError> {
        self.inner.snapshot().await
    }
}

#[tokio::test]
async fn a_wrong_password_costs_the_same_whether_there_is_the_account_and_wherever_it_logs_in() {
    let counted = Arc::new(Counted::default());
    let vault = Vault::new(MasterKey::from_bytes([7; 32]), Vec::new());
    let (policy, cost) = (Policy::Enabled, HashCost::MIN);
    let house = house_over(counted.clone(), policy, cost, vault).await;
    let elsewhere = add(&house, "PPK-LAIN").await;
    let newcomer = add(&house, "PPK-BARU").await;
    let unknown = |number: u32| {
        let id = UserId::parse(&format!("ASING{number}")).unwrap();
        AccountKey::new(UserType::NonPenyedia, id)
    };
    let wrong_type = AccountKey::new(UserType::Penyedia, UserId::parse("PPK30").unwrap());
    let at = async |account: &AccountKey, text: &str| {
        let before = counted.so_far();
        let outcome = try_at(&house.services, account, text, &office()).await;
        let after = counted.so_far();
        (outcome, [0, 1].map(|of| after[of] - before[of]))
    };
    assert!(is_granted(&at(&ppk30(), PASSWORD).await.0));
    let wrong = async |what: &str, account: &AccountKey| {
        let (outcome, cost) = at(account, "salah sekali").await;
        let told = matches!(
            outcome,
            PasswordOutcome::Refused(Refusal::Rejected { .. } | Refusal::Crowded { .. })
        );
        assert!(told, "{what}: {outcome:?}");
        // Who asks for the rules, for the account and twice for the source; and one count.
        assert_eq!(cost, [4, 1], "reads and commits, {what}");
    };
    wrong("an unknown ID", &unknown(0)).await;
    wrong("the wrong type", &wrong_type).await;
    wrong("it does not log in here", &elsewhere).await;
    for _ in 0..3 {
        wrong("it logs in here", &ppk30()).await;
    }
    // So many that the source's record no longer knows of those.
    for number in 1..70 {
        wrong("unknown IDs", &unknown(number)).await;
    }
    wrong("it waits for its own count", &ppk30()).await;
    for number in 0..110 {
        let account = add(&house, &format!("PPK-{number}")).await;
        wrong("one after the other", &account).await;
    }
    wrong("the source is spent", &newcomer).await;
    let (outcome, cost) = at(&newcomer, PASSWORD).await;
    assert!(!is_granted(&outcome), "{outcome:?}");
    assert_eq!(cost, [4, 1], "a right one that is not heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_logins_of_one_account_at_the_same_moment_all_come_in() {
    // Each of them would also hash the password anew.
    let dearer = HashCost {
        iterations: HashCost::MIN.iterations + 1,
        ..HashCost::MIN
    };
    for cost in [HashCost::MIN, dearer] {
        let house = house_with_cost(Policy::Enabled, cost).await;
        let mut logins = tokio::task::JoinSet::new();
        let start = Arc::new(tokio::sync::Barrier::new(8));
        for number in 0..8 {
            let (services, start) = (house.services.clone(), start.clone());
            logins.spawn(async move {
                let counter = Source::Console(format!("loket-{number}"));
                start.wait().await;
                try_at(&services, &ppk30(), PASSWORD, &counter).await
            });
        }
        for outcome in logins.join_all().await {
            assert!(is_granted(&outcome), "{outcome:?}");
        }
        assert_eq!(house.logins(), 8);
    }
}

/// A second machine on the store of `house`, with a clock of its own that is so many seconds ahead.
fn machine_ahead(house: &House, seconds: u64) -> (Arc<Services>, Arc<TestClock>) {
    let clock = Arc::new(TestClock(Mutex::new(*house.clock.0.lock().unwrap())));
    clock.pass(seconds);
    let foundation = house::foundation(house.foundation.store.clone(), &clock, &house.audit);
    (Arc::new(Services::new(&Arc::new(foundation))), clock)
}

/// So much may a machine's clock be ahead: ten minutes, and the seven hours of one that takes WIB for UTC.
const AHEAD: [u64; 2] = [10 * 60, 7 * 60 * 60];

#[tokio::test]
async fn wrong_codes_at_a_machine_whose_clock_is_ahead_keep_nobody_out_at_another() {
    for ahead in AHEAD {
        let house = house(Policy::Enabled).await;
        let phone = house.activate().await;
        house.clock.pass(60);
        let (other, _) = machine_ahead(&house, ahead);
        let awaiting = house.awaiting().await;
        let wrong = Passcode::parse("000000").unwrap();
        let refused = other
            .authentication
            .check_passcode(&awaiting, wrong, &here())
            .await
            .unwrap();
        assert!(
            matches!(refused, PasscodeOutcome::Refused(Refusal::Rejected { wait }) if wait.as_secs() == 1),
            "{refused:?}"
        );
        let check = async || {
            let code = house.code(&phone);
            let authentication = &house.services.authentication;
            authentication
                .check_passcode(&awaiting, code, &here())
                .await
                .unwrap()
        };
        let waits = check().await;
        assert!(
            matches!(waits, PasscodeOutcome::Refused(Refusal::Wait(wait)) if wait.as_secs() == 1),
            "{waits:?}"
        );
        house.clock.pass(1);
        let granted = check().await;
        assert!(
            matches!(granted, PasscodeOutcome::Granted(_)),
            "{granted:?}"
        );
    }
}

#[tokio::test]
async fn wrong_passwords_at_a_machine_whose_clock_is_ahead_keep_nobody_out_at_another() {
    for ahead in AHEAD {
        for is_at_home in [true, false] {
            let house = house(Policy::Enabled).await;
            let other_owner = add(&house, "PPK31").await;
            let at = async |services: &Services, account: &AccountKey, text: &str| {
                try_at(services, account, text, &office()).await
            };
            if is_at_home {
                assert!(is_granted(&at(&house.services, &ppk30(), PASSWORD).await));
            }
            let (other, clock) = machine_ahead(&house, ahead);
            for passed in [0, 0, 1, 0] {
                let refused = at(&other, &ppk30(), "salah sekali").await;
                let is_judged =
                    matches!(refused, PasswordOutcome::Refused(Refusal::Rejected { .. }));
                assert!(is_judged, "{refused:?}");
                clock.pass(passed);
            }
            let waits = at(&house.services, &ppk30(), PASSWORD).await;
            assert!(
                matches!(waits, PasswordOutcome::Refused(Refusal::Wait(wait)) if wait.as_secs() == 2),
                "{ahead} {is_at_home}: {waits:?}"
            );
            assert!(is_granted(
                &at(&house.services, &other_owner, PASSWORD).await
            ));
            house.clock.pass(2);
            let granted = at(&house.services, &ppk30(), PASSWORD).await;
            assert!(is_granted(&granted), "{ahead} {is_at_home}: {granted:?}");
        }
    }
}

#[tokio::test]
async fn a_one_time_password_of_a_machine_whose_clock_is_ahead_is_good_at_another_for_a_day() {
    const ONE_TIME: &str = "sungai-batu-kertas-42";
    for ahead in AHEAD {
        for hours in [23, 25] {
            let house = house(Policy::Enabled).await;
            let (other, _) = machine_ahead(&house, ahead);
            let hash = other.accounts.hash(password(ONE_TIME)).await.unwrap();
            let (account, by) = (ppk30(), here());
            let issued = other.accounts.issue_password(&account, hash, &by);
            issued.await.unwrap();
            // A look, with a wrong one: from then on it is good for a day.
            house.login_with("salah sekali").await;
            house.clock.pass(hours * 60 * 60);
            let outcome = house.login_with(ONE_TIME).await;
            let is_due = matches!(outcome, PasswordOutcome::PasswordDue(_));
            assert_eq!(is_due, hours == 23, "{ahead} {hours}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_new_password_a_reset_and_a_removal_end_every_open_login() {
    let house = house(Policy::Enabled).await;
    for number in 0..3 {
        let PasswordOutcome::Granted(granted) = house.login().await else {
            panic!("a login")
        };
        let accounts = &house.services.accounts;
        match number {
            0 => {
                let same = accounts.hash(password(PASSWORD)).await.unwrap();
                accounts
                    .set_password(&ppk30(), same, &here())
                    .await
                    .unwrap();
            }
            1 => accounts.reset_totp(&ppk30(), &here()).await.unwrap(),
            _ => accounts.remove(&ppk30(), &here()).await.unwrap(),
        }
        let prover = Prover::AtHome(granted.authenticated);
        let started = house
            .services
            .enrollment
            .start(&prover, &here())
            .await
            .unwrap();
        assert!(
            matches!(started, StartOutcome::Refused(Refusal::Ended)),
            "{number}: {started:?}"
        );
    }
}

#[tokio::test]
async fn an_active_key_is_not_replaced_by_whoever_knows_the_password_alone() {
    let house = house(Policy::Enabled).await;
    house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let (reply, proofs) = effects::perform(
        house.services.clone(),
        here(),
        Proofs::Password(awaiting),
        None,
        Request::StartOver,
    )
    .await;
    assert!(
        matches!(
            (&reply, &proofs),
            (Reply::Refused(Refusal::Ended), Proofs::None)
        ),
        "{reply:?}"
    );
}

#[tokio::test]
async fn home_tells_of_the_login_before_this_one() {
    let house = house(Policy::Enabled).await;
    let log_in = async || match house.login().await {
        PasswordOutcome::Granted(granted) => granted.previous_login,
        other => panic!("a login, not {other:?}"),
    };
    assert_eq!(log_in().await, None);
    let before = LastLogin {
        at: house.clock.now(),
        from: here(),
    };
    house.clock.pass(60);
    assert_eq!(log_in().await, Some(before));
}

#[tokio::test]
async fn a_raised_cost_strengthens_the_hash_at_the_next_login() {
    let raised = HashCost {
        memory_kib: 20 * 1024,
        ..HashCost::MIN
    };
    let house = house_with_cost(Policy::Enabled, raised).await;
    let stored = async || house.account().await.password;
    assert!(stored().await.is_weaker_than(raised));
    let outcome = house.login().await;
    assert!(
        matches!(outcome, PasswordOutcome::Granted(_)),
        "{outcome:?}"
    );
    assert!(!stored().await.is_weaker_than(raised));
    let again = house.login().await;
    assert!(
        matches!(again, PasswordOutcome::Granted(_)),
        "the same password still fits: {again:?}"
    );
}

/// Requests of every kind, without the proofs they need, are refused whatever a screen believes.
#[tokio::test]
async fn requests_without_their_proofs_are_refused() {
    let house = house(Policy::Required).await;
    let code = || Passcode::parse("123456").unwrap();
    for request in [
        Request::CheckPasscode(code()),
        Request::CheckRecoveryCode(RecoveryCode::parse("ACDE-FGHJ-KMNP").unwrap()),
        Request::IssueRecoveryCodes(None),
        Request::IssueRecoveryCodes(Some(code())),
        Request::StartOver,
        Request::StartEnrollment,
        Request::ProveEnrollment(code()),
        Request::DisableTotp(None),
        Request::DisableTotp(Some(code())),
        Request::ChangePassword {
            current: password(PASSWORD),
            new: password(OWN_PASSWORDS[0]),
            passcode: None,
        },
        Request::ReplacePassword(password(OWN_PASSWORDS[0])),
        Request::LoadActivity,
        Request::LoadHome,
        Request::Desk(DeskRequest::Show(ppk30())),
        Request::Desk(DeskRequest::RevealEmail(ppk30())),
        Request::Desk(DeskRequest::ShowRules),
    ] {
        let (reply, _) =
            effects::perform(house.services.clone(), here(), Proofs::None, None, request).await;
        assert!(matches!(reply, Reply::Refused(Refusal::Ended)), "{reply:?}");
    }
    assert_eq!(house.logins(), 0);
}

/// A login that owes a password of its own gets nothing else, whatever a screen believes.
#[tokio::test]
async fn a_one_time_password_leads_to_nothing_but_its_replacement() {
    let code = || Passcode::parse("123456").unwrap();
    for request in [
        Request::CheckPasscode(code()),
        Request::StartOver,
        Request::StartEnrollment,
        Request::ProveEnrollment(code()),
        Request::DisableTotp(None),
        Request::ChangePassword {
            current: password(ONE_TIME_PASSWORD),
            new: password(OWN_PASSWORDS[0]),
            passcode: None,
        },
        Request::LoadActivity,
        Request::LoadHome,
    ] {
        let house = house(Policy::Enabled).await;
        house.issue(ONE_TIME_PASSWORD).await;
        let PasswordOutcome::PasswordDue(due) = house.login_with(ONE_TIME_PASSWORD).await else {
            panic!("a password is due")
        };
        let proofs = Proofs::PasswordDue(due.awaiting);
        let services = house.services.clone();
        let (reply, proofs) = effects::perform(services, here(), proofs, None, request).await;
        assert!(
            matches!(
                (&reply, &proofs),
                (Reply::Refused(Refusal::Ended), Proofs::None)
            ),
            "{reply:?}"
        );
        assert_eq!(house.logins(), 0);
    }
}

/// What an officer gives out.
const ONE_TIME_PASSWORD: &str = "sementara 4 hari saja";

/// What the person then takes, one after the other.
const OWN_PASSWORDS: [&str; 2] = ["perahu layar 7 biru", "gunung teduh 5 ungu"];

#[tokio::test]
async fn the_desk_is_closed_to_whoever_is_no_officer() {
    let house = house(Policy::Enabled).await;
    let lookup = || Lookup::Find {
        typed: "ppk".into(),
        after: None,
    };
    let reply = effects::look_up(house.services.clone(), here(), Proofs::None, lookup()).await;
    assert!(matches!(reply, LookupReply::Ended), "{reply:?}");
    let PasswordOutcome::Granted(granted) = house.login().await else {
        panic!("a login without a code");
    };
    let proofs = || {
        Proofs::LoggedIn(LoggedIn {
            authenticated: granted.authenticated.clone(),
            previous_login: None,
            shown: None,
        })
    };
    let reply = effects::look_up(house.services.clone(), here(), proofs(), lookup()).await;
    assert!(matches!(reply, LookupReply::Ended), "{reply:?}");
    let order = || Order {
        act: DeskAct::SetRules(Policy::Disabled.into()),
        reason: Statement::parse("Bukan petugas").unwrap(),
        seen: None,
        passcode: None,
    };
    for request in [
        DeskRequest::Show(ppk30()),
        DeskRequest::RevealEmail(ppk30()),
        DeskRequest::ShowRules,
        DeskRequest::CarryOut(Box::new(order())),
    ] {
        let request = Request::Desk(request);
        let (reply, left) =
            effects::perform(house.services.clone(), here(), proofs(), None, request).await;
        assert!(matches!(reply, Reply::Refused(Refusal::Ended)), "{reply:?}");
        assert!(matches!(left, Proofs::None), "{left:?}");
    }
    let rules = house.services.policy.get().await.unwrap();
    assert_eq!(rules.policy, Policy::Enabled);
}

/// What a random person does.
#[derive(Debug, Clone)]
enum Deed {
    Press(Key),
    TypeUserId,
    TypePassword,
    TypeWrongPassword,
    TypeRightCode,
    TypeWrongCode,
    /// One of the recovery codes that this person has ever been shown, by its place among them.
    TypeRecoveryCode(usize),
    TypeWrongRecoveryCode,
    PassTime(u64),
    SetPolicy(Policy),
    SetRecoveryCodes(bool),
    TypeOwnPassword(usize),
    /// An officer gives out a one-time password.
    IssuePassword,
    /// The terminal goes away; the next one begins at a fresh menu.
    HangUp,
}

/// From the menu to the password's answer.
const LOG_IN: [Deed; 7] = [
    Deed::Press(Key::Enter),
    Deed::Press(Key::Char('n')),
    Deed::Press(Key::Enter),
    Deed::TypeUserId,
    Deed::Press(Key::Enter),
    Deed::TypePassword,
    Deed::Press(Key::Enter),
];

/// From there to an active phone, ten codes on paper, and the menu.
const PREPARE: [Deed; 9] = [
    Deed::Press(Key::Enter),
    Deed::TypeRightCode,
    Deed::Press(Key::Enter),
    Deed::Press(Key::Enter),
    Deed::Press(Key::Tab),
    Deed::Press(Key::Enter),
    Deed::Press(Key::Char('l')),
    Deed::Press(Key::Enter),
    Deed::PassTime(60),
];

/// From the code of the phone to the form for a recovery code.
const TO_RECOVERY: [Deed; 2] = [Deed::Press(Key::Char('p')), Deed::Press(Key::Enter)];

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let key = prop_oneof![
        4 => Just(Key::Enter),
        2 => Just(Key::Tab),
        1 => Just(Key::Down),
        1 => Just(Key::Up),
        1 => Just(Key::Esc),
        1 => Just(Key::Char('d')),
        1 => Just(Key::Char('g')),
        1 => Just(Key::Char('n')),
        1 => Just(Key::Function(2)),
    ];
    let deed = prop_oneof![
        8 => key.prop_map(Deed::Press),
        3 => Just(Deed::TypeUserId),
        3 => Just(Deed::TypePassword),
        1 => Just(Deed::TypeWrongPassword),
        3 => Just(Deed::TypeRightCode),
        1 => Just(Deed::TypeWrongCode),
        2 => (0..12_usize).prop_map(Deed::TypeRecoveryCode),
        1 => Just(Deed::TypeWrongRecoveryCode),
        1 => any::<bool>().prop_map(Deed::SetRecoveryCodes),
        1 => (0..2_usize).prop_map(Deed::TypeOwnPassword),
        1 => Just(Deed::IssuePassword),
        2 => (1..400_u64).prop_map(Deed::PassTime),
        1 => prop_oneof![Just(Policy::Disabled), Just(Policy::Enabled), Just(Policy::Required)].prop_map(Deed::SetPolicy),
    ];
    // The form for a password of one's own, filled in as it takes more than luck to do.
    let own = |number| {
        [
            Deed::TypeOwnPassword(number),
            Deed::Press(Key::Enter),
            Deed::TypeOwnPassword(number),
            Deed::Press(Key::Enter),
        ]
    };
    // A whole login on a fresh terminal, with the code where one is asked for.
    let afresh = [Deed::HangUp, Deed::PassTime(31)];
    let log_in = [&afresh[..], &LOG_IN, &[Deed::TypeRightCode]].concat();
    let by_one_time = [&[Deed::IssuePassword], &log_in[..]].concat();
    let deed = prop_oneof![
        16 => deed.prop_map(|deed| vec![deed]),
        // What random keys seldom find.
        1 => Just(LOG_IN.to_vec()),
        1 => Just([&[Deed::Press(Key::Tab)], &TO_RECOVERY[..]].concat()),
        1 => (0..2_usize).prop_map(move |number| own(number).to_vec()),
        1 => Just(log_in),
        1 => Just(by_one_time),
    ];
    // A start that often comes far, so that the random part plays behind the password too, and behind the codes.
    let start = prop_oneof![
        Just(LOG_IN.to_vec()),
        Just([&[Deed::IssuePassword], &LOG_IN[..]].concat()),
        Just([&LOG_IN[..], &PREPARE, &LOG_IN].concat()),
    ];
    (start, proptest::collection::vec(deed, 1..50))
        .prop_map(|(start, rest)| [start, rest.concat()].concat())
}

/// A person at the screens, the phone in hand, and an account of what was proved.
struct Person {
    house: House,
    app: App,
    proofs: Proofs,
    phone: Option<Secret>,
    policy: Policy,
    recovery_codes: bool,
    /// Every recovery code ever shown, the newest issue first.
    paper: Vec<String>,
    /// Those that may work: of the newest issue, never used, their key still in force.
    good: Vec<String>,
    logins_by_paper: usize,
    /// What opens the account now.
    password: &'static str,
}

impl Person {
    fn new(house: House, policy: Policy) -> Self {
        let app = App::new(settings(Language::Id));
        Self {
            house,
            app,
            proofs: Proofs::None,
            phone: None,
            policy,
            recovery_codes: true,
            paper: Vec::new(),
            good: Vec::new(),
            logins_by_paper: 0,
            password: PASSWORD,
        }
    }

    async fn set_rules(&mut self) {
        let rules = LoginRules {
            policy: self.policy,
            recovery_codes: self.recovery_codes,
        };
        let policy = &self.house.services.policy;
        policy.set(rules, &here()).await.unwrap();
    }

    /// A recovery code was sent: home is the answer only to one that may work, which it then no longer does.
    fn used(&mut self, code: &str, is_home: bool) {
        if !is_home {
            return;
        }
        assert!(
            self.recovery_codes,
            "home by {code} with recovery codes off"
        );
        let place = self.good.iter().position(|good| good == code);
        let place = place.unwrap_or_else(|| panic!("home by {code}, which is not good"));
        self.good.remove(place);
        self.logins_by_paper += 1;
    }

    fn now(&self) -> Now {
        Now {
            wall: self.house.clock.now(),
            monotonic: self.house.clock.monotonic(),
        }
    }

    async fn event(&mut self, event: Event) {
        let mut effects = self.app.update(self.now(), event);
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Request(id, request) => {
                    let before = self.proofs.clone();
                    let needs_code = self.account_wants_a_code().await;
                    let brought_code = matches!(
                        request,
                        Request::CheckPasscode(_)
                            | Request::CheckRecoveryCode(_)
                            | Request::ProveEnrollment(_)
                    );
                    let recovery_code = match &request {
                        Request::CheckRecoveryCode(code) => Some(code.grouped()),
                        _ => None,
                    };
                    let was_home = matches!(before, Proofs::LoggedIn(_));
                    let was_due = matches!(before, Proofs::PasswordDue(_));
                    let is_one_time = self.house.account().await.one_time_password.is_some();
                    let replaces = matches!(request, Request::ReplacePassword(_));
                    let (reply, proofs) = effects::perform(
                        self.house.services.clone(),
                        here(),
                        before,
                        None,
                        request,
                    )
                    .await;
                    if let Reply::Home(_) | Reply::PasswordDue { .. } = &reply
                        && !was_home
                        && !was_due
                        && needs_code
                    {
                        assert!(brought_code, "home without a code under {:?}", self.policy);
                    }
                    if let Some(code) = recovery_code {
                        self.used(
                            &code,
                            matches!(reply, Reply::Home(_) | Reply::PasswordDue { .. }),
                        );
                    }
                    if let Reply::RecoveryCodes(codes, _) = &reply {
                        self.good = codes
                            .iter()
                            .map(|code| code.grouped().to_string())
                            .collect();
                        self.paper.splice(..0, self.good.iter().cloned());
                    }
                    if self.house.account().await.recovery.is_none() {
                        self.good.clear();
                    }
                    if let Reply::Home(_) | Reply::Activity(_) = &reply {
                        let account = self.house.account().await;
                        assert_eq!(
                            account.one_time_password, None,
                            "home by a one-time password"
                        );
                        assert!(
                            replaces || !is_one_time,
                            "a one-time password that was not replaced"
                        );
                        assert!(!was_due || replaces, "home without a password of one's own");
                        self.password = self.opening().await.unwrap_or(self.password);
                    }
                    if let Reply::Enrollment { provisioning, .. } = &reply {
                        self.phone = Some(secret_of(provisioning.uri()));
                    }
                    self.proofs = proofs;
                    effects.extend(self.app.update(self.now(), Event::Reply(id, reply)));
                }
                Effect::EndLogin => self.proofs = Proofs::None,
                Effect::NewSecurityCode => {
                    unreachable!("without letters no form for a reset is reached")
                }
                Effect::Lookup(..)
                | Effect::CountVisit
                | Effect::Repaint
                | Effect::Copy(_)
                | Effect::Quit => {}
            }
        }
    }

    /// The one of all passwords ever typed whole that opens the account. Random keys may have chosen another, which the
    /// person then does not know.
    async fn opening(&self) -> Option<&'static str> {
        let stored = self.house.account().await.password;
        let mut memory = HashMemory::default();
        let all = [PASSWORD, ONE_TIME_PASSWORD]
            .into_iter()
            .chain(OWN_PASSWORDS);
        let mut opening =
            all.filter(|typed| verify(&password(typed), &stored, &mut memory).is_some());
        let found = opening.next();
        assert_eq!(opening.next(), None, "two passwords for one account");
        found
    }

    async fn account_wants_a_code(&self) -> bool {
        let account = self.house.account().await;
        match self.policy {
            Policy::Disabled => false,
            Policy::Enabled => account.authenticator != Authenticator::Absent,
            Policy::Required => true,
        }
    }

    async fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.event(Event::Key(Key::Char(c).into())).await;
        }
    }

    async fn does(&mut self, deed: Deed) {
        match deed {
            Deed::Press(key) => self.event(Event::Key(key.into())).await,
            Deed::TypeUserId => self.type_text("ppk30").await,
            Deed::TypePassword => self.type_text(self.password).await,
            Deed::TypeOwnPassword(number) => self.type_text(OWN_PASSWORDS[number]).await,
            Deed::HangUp => {
                self.app.wipe(self.now(), idle::Reason::Idle);
                self.proofs = Proofs::None;
            }
            Deed::IssuePassword => {
                self.house.issue(ONE_TIME_PASSWORD).await;
                self.password = ONE_TIME_PASSWORD;
            }
            Deed::TypeWrongPassword => self.type_text("salah").await,
            Deed::TypeRightCode => {
                if let Some(secret) = &self.phone {
                    let digits = digits(secret, self.house.clock.now());
                    self.type_text(&digits).await;
                }
            }
            Deed::TypeWrongCode => self.type_text("000000").await,
            Deed::TypeRecoveryCode(place) => {
                if let Some(code) = self.paper.get(place).cloned() {
                    self.type_text(&code).await;
                    self.event(Event::Key(Key::Enter.into())).await;
                }
            }
            Deed::TypeWrongRecoveryCode => {
                self.type_text("aaaa cccc dddd").await;
                self.event(Event::Key(Key::Enter.into())).await;
            }
            Deed::PassTime(seconds) => self.house.clock.pass(seconds),
            Deed::SetPolicy(policy) => {
                self.policy = policy;
                self.set_rules().await;
            }
            Deed::SetRecoveryCodes(on) => {
                self.recovery_codes = on;
                self.set_rules().await;
            }
        }
    }
}

/// What a phone shows for `secret` at `now`.
fn digits(secret: &Secret, now: Timestamp) -> String {
    let phone = totp_rs::Builder::new()
        .with_secret(secret.as_bytes().to_vec())
        .build()
        .unwrap();
    phone
        .generate(u64::try_from(now.as_second()).unwrap())
        .to_string()
}

#[tokio::test]
async fn a_recovery_code_leads_home_once_through_the_screens() {
    for policy in [Policy::Enabled, Policy::Required] {
        let mut person = Person::new(house(policy).await, policy);
        let log_out = [Deed::Press(Key::Char('l')), Deed::Press(Key::Enter)];
        let by_paper = |place| {
            let tab = [Deed::Press(Key::Tab)];
            let code = [Deed::TypeRecoveryCode(place)];
            [&LOG_IN[..], &tab, &TO_RECOVERY, &code].concat()
        };
        let deeds = [
            [&LOG_IN[..], &PREPARE].concat(),
            by_paper(3),
            log_out.to_vec(),
            by_paper(3),
        ];
        for deed in deeds.concat() {
            person.does(deed).await;
        }
        assert_eq!(person.logins_by_paper, 1, "{policy:?}");
        assert_eq!((person.paper.len(), person.good.len()), (10, 9));
        assert!(matches!(person.proofs, Proofs::Password(_)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_reaches_home_without_what_the_policy_asks(
        policy in prop_oneof![Just(Policy::Disabled), Just(Policy::Enabled), Just(Policy::Required)],
        deeds in deeds(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut person = Person::new(house(policy).await, policy);
            for deed in deeds {
                person.does(deed).await;
                let account = person.house.account().await;
                if account.authenticator.is_active() {
                    assert!(account.authenticator.last_step().is_some(), "a key in force that no code has proved");
                }
            }
        });
    }
}
