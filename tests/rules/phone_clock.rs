//! A phone whose clock is off: told while it is activated, let in by two codes, told afterwards, and never learned.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lpse_kiosk::{
    domain::{
        ActivityKind, AwaitingPasscode, Passcode, Policy, Refusal, Secret, TimeStep,
        audit::{Act, AuditOutcome, AuditRecord, OutcomeWord},
        throttle::PasscodeThrottle,
        totp::PasscodePair,
    },
    ports::{AuditError, AuditTrail, Clock},
    service::{
        Foundation, Services,
        authentication::PasscodeOutcome,
        enrollment::{NewKey, ProveOutcome, Prover, StartOutcome},
        entry::Granted,
        phones::{AddOutcome, PhonesOutcome},
    },
    session::{effects, proofs::Proofs},
    tui::{HomeNotice, Reply, Request},
};
use support::house::{House, foundation, here, house, password, ppk30, secret_of};
use support::meddled::edit;

const HOUR: u64 = 60 * 60;

/// The codes of `phone` that it shows `ahead` minutes from now, the second of them at that moment.
fn shown(house: &House, phone: &Secret, ahead: i64) -> PasscodePair {
    let then = house.clock.now() + SignedDuration::from_mins(ahead);
    from_step(phone, TimeStep::at(then).previous())
}

fn from_step(phone: &Secret, first: TimeStep) -> PasscodePair {
    PasscodePair {
        first: phone.passcode(first),
        second: phone.passcode(first.next()),
    }
}

async fn with_phone() -> (House, Secret) {
    let house = house(Policy::Enabled).await;
    let phone = house.activate().await;
    house.clock.pass(HOUR);
    (house, phone)
}

async fn two(house: &House, awaiting: &AwaitingPasscode, pair: PasscodePair) -> PasscodeOutcome {
    let authentication = &house.services.authentication;
    authentication
        .check_pair(awaiting, pair, &here())
        .await
        .unwrap()
}

async fn one(house: &House, code: Passcode) -> PasscodeOutcome {
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    authentication
        .check_passcode(&awaiting, code, &here())
        .await
        .unwrap()
}

fn granted(outcome: PasscodeOutcome) -> Box<Granted> {
    match outcome {
        PasscodeOutcome::Granted(granted) => granted,
        other => panic!("a login, not {other:?}"),
    }
}

#[track_caller]
fn rejected(outcome: &PasscodeOutcome) {
    let is_so = matches!(outcome, PasscodeOutcome::Refused(Refusal::Rejected { .. }));
    assert!(is_so, "{outcome:?}");
}

/// Ends the waits after wrong codes, and their count.
async fn forgive(house: &House) {
    edit(&house.foundation.store, &ppk30(), |account| {
        account.passcode_throttle = PasscodeThrottle::default();
    })
    .await;
}

#[tokio::test]
async fn two_codes_let_in_at_every_offset_and_the_minutes_are_told() {
    let (house, phone) = with_phone().await;
    for offset in -59..=59i64 {
        // Beyond all that may be spent by the login before.
        house.clock.pass(3 * HOUR + 7);
        let one_code = shown(&house, &phone, offset).second;
        if offset.abs() > 1 {
            rejected(&one(&house, one_code).await);
            forgive(&house).await;
        }
        let awaiting = house.awaiting().await;
        let pair = shown(&house, &phone, offset);
        let granted = granted(two(&house, &awaiting, pair).await);
        let told = granted.drift.map_or(0, |drift| drift.minutes());
        assert!((told - offset).abs() <= 1, "{offset}: {told}");
        assert_eq!(granted.drift.is_some(), offset != 0, "{offset}");
        let account = house.account().await;
        let kept = account.authenticator.phone_clock().map(|clock| clock.drift);
        assert_eq!(kept, granted.drift, "{offset}");
        let is_noted = account.activity[1].kind == ActivityKind::PhoneClock;
        assert_eq!(account.activity[0].kind, ActivityKind::Login);
        assert_eq!(is_noted, offset != 0, "{offset}");
        let events = house.audit.0.lock().unwrap();
        let last = &events[events.len() - 2];
        assert_eq!(
            (last.act, &last.outcome),
            (Act::CheckTwoCodes, &AuditOutcome::Done)
        );
        let detail = last.detail.as_deref().unwrap();
        let says = granted.drift.map(|drift| format!("phone clock {drift}"));
        assert!(detail.starts_with("step "), "{detail}");
        assert!(says.is_none_or(|says| detail.ends_with(&says)), "{detail}");
    }
}

#[tokio::test]
async fn what_are_no_two_codes_in_a_row_of_one_phone_is_one_wrong_code() {
    let (house, phone) = with_phone().await;
    let other = Secret::from_bytes([9; 20]);
    let current = TimeStep::at(house.clock.now());
    let code = |phone: &Secret, steps: i64| {
        let step = current.number().checked_add_signed(steps).unwrap();
        phone.passcode(TimeStep::new(step))
    };
    let of = |first, second| PasscodePair { first, second };
    let none = [
        ("the same twice", of(code(&phone, 12), code(&phone, 12))),
        ("swapped", of(code(&phone, 13), code(&phone, 12))),
        ("of two phones", of(code(&phone, 12), code(&other, 13))),
        ("another phone's", of(code(&other, 12), code(&other, 13))),
        ("one left out", of(code(&phone, 12), code(&phone, 14))),
        (
            "the clock set back between them",
            of(code(&phone, 12), code(&phone, 3)),
        ),
        ("set forward", of(code(&phone, -12), code(&phone, 0))),
        ("beyond an hour", of(code(&phone, 121), code(&phone, 122))),
        ("before it", of(code(&phone, -121), code(&phone, -120))),
    ];
    for (number, (what, pair)) in none.into_iter().enumerate() {
        // Waits are ended, and the count stays.
        edit(&house.foundation.store, &ppk30(), |account| {
            account.passcode_throttle.last_failure = None;
        })
        .await;
        let before = house.account().await.passcode_throttle.failures;
        assert_eq!(before as usize, number, "{what}");
        let awaiting = house.awaiting().await;
        rejected(&two(&house, &awaiting, pair).await);
        let account = house.account().await;
        assert_eq!(
            account.passcode_throttle.failures as usize,
            number + 1,
            "{what}"
        );
        assert_eq!(
            account.activity[0].kind,
            ActivityKind::PasscodeRejected,
            "{what}"
        );
        assert_eq!(account.authenticator.phone_clock(), None, "{what}");
    }
    house.clock.pass(HOUR);
    let awaiting = house.awaiting().await;
    let pair = shown(&house, &phone, 6);
    granted(two(&house, &awaiting, pair).await);
    let count = house.account().await.passcode_throttle;
    assert_eq!(count, PasscodeThrottle::default(), "a login ends the count");
    // Spent, each of them.
    for pair in [
        pair,
        from_step(
            &phone,
            TimeStep::at(house.clock.now() + Duration::from_secs(360)),
        ),
    ] {
        let awaiting = house.awaiting().await;
        rejected(&two(&house, &awaiting, pair).await);
        assert_eq!(
            house.account().await.activity[0].kind,
            ActivityKind::PasscodeRepeated
        );
        forgive(&house).await;
    }
}

#[tokio::test]
async fn a_clock_put_right_locks_nobody_out_and_revives_no_code() {
    let (house, phone) = with_phone().await;
    for ahead in [6, -6] {
        house.clock.pass(3 * HOUR);
        let start = house.clock.now();
        let awaiting = house.awaiting().await;
        let pair = shown(&house, &phone, ahead);
        granted(two(&house, &awaiting, pair).await);
        let used = TimeStep::at(start + SignedDuration::from_mins(ahead));
        // The phone is right from now on, and logs in with each code that it shows.
        for _ in 0..30 {
            house.clock.pass(TimeStep::SECONDS);
            let step = TimeStep::at(house.clock.now());
            let outcome = one(&house, phone.passcode(step)).await;
            let is_used = step == used || step.next() == used;
            assert_eq!(
                !is_used,
                matches!(outcome, PasscodeOutcome::Granted(_)),
                "{ahead}: {step:?} {outcome:?}"
            );
            forgive(&house).await;
        }
        assert_eq!(
            house.account().await.authenticator.phone_clock(),
            None,
            "it is right"
        );
        // The office's clock goes back, and nothing that was used is good again.
        house.clock.set_back(15 * 60);
        for _ in 0..30 {
            house.clock.pass(TimeStep::SECONDS);
            let code = house.code(&phone);
            rejected(&one(&house, code).await);
            forgive(&house).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_pairs_at_two_nodes_one_lets_in() {
    let (house, phone) = with_phone().await;
    let store = house.foundation.store.clone();
    let other = Foundation {
        node: "other".into(),
        ..foundation(store, &house.clock, &house.audit)
    };
    let other = Arc::new(Services::new(&Arc::new(other)));
    let awaiting = house.awaiting().await;
    let pair = shown(&house, &phone, 6);
    let before = house.logins();
    let mut submissions = tokio::task::JoinSet::new();
    for number in 0..64 {
        let services = if number % 2 == 0 {
            &house.services
        } else {
            &other
        };
        let (services, awaiting) = (services.clone(), awaiting.clone());
        submissions.spawn(async move {
            let authentication = &services.authentication;
            let checked = authentication.check_pair(&awaiting, pair, &here()).await;
            matches!(checked.unwrap(), PasscodeOutcome::Granted(_))
        });
    }
    let let_in = submissions.join_all().await;
    assert_eq!(let_in.into_iter().filter(|is_in| *is_in).count(), 1);
    assert_eq!(house.logins(), before + 1);
}

#[tokio::test]
async fn a_key_that_was_not_proved_is_not_let_in_by_two_codes_nor_is_its_clock_told() {
    let house = house(Policy::Enabled).await;
    let prover = Prover::AtHome(granted_at_home(&house).await);
    let phone = started(&house, &prover).await.0;
    let awaiting = house.awaiting().await;
    let pair = shown(&house, &phone, 6);
    let outcome = two(&house, &awaiting, pair).await;
    assert!(
        matches!(outcome, PasscodeOutcome::Refused(Refusal::Ended)),
        "{outcome:?}"
    );
    rejected(&one(&house, pair.second).await);
    assert!(house.account().await.authenticator.is_pending());
}

async fn granted_at_home(house: &House) -> lpse_kiosk::domain::Authenticated {
    use lpse_kiosk::service::authentication::PasswordOutcome;
    match house.login().await {
        PasswordOutcome::Granted(granted) => granted.authenticated,
        other => panic!("a login without a code, not {other:?}"),
    }
}

/// A new key, and what its phone and its session know of it.
async fn started(house: &House, prover: &Prover) -> (Secret, NewKey) {
    match house
        .services
        .enrollment
        .start(prover, &here())
        .await
        .unwrap()
    {
        StartOutcome::Started(key) => (secret_of(key.provisioning.uri()), key),
        other => panic!("a key, not {other:?}"),
    }
}

#[tokio::test]
async fn an_activation_tells_the_phones_clock_and_counts_nothing() {
    let house = house(Policy::Enabled).await;
    let prover = Prover::AtHome(granted_at_home(&house).await);
    let (phone, key) = started(&house, &prover).await;
    let prove = async |code: Passcode, shown| {
        let enrollment = &house.services.enrollment;
        enrollment
            .prove(&prover, shown, code, &here())
            .await
            .unwrap()
    };
    for offset in (-59..=59i64).filter(|offset| *offset != 0) {
        house.clock.pass(13);
        let code = shown(&house, &phone, offset).second;
        match prove(code, Some(key.shown)).await {
            ProveOutcome::Refused(Refusal::PhoneClock(drift)) => {
                assert!((drift.minutes() - offset).abs() <= 1, "{offset}: {drift}");
            }
            other => panic!("{offset}: {other:?}"),
        }
    }
    let account = house.account().await;
    assert_eq!(account.passcode_throttle, PasscodeThrottle::default());
    assert!(account.authenticator.is_pending());
    assert_eq!(account.authenticator.last_step(), None, "nothing is spent");
    let last = house.audit.0.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last.outcome, AuditOutcome::Refused("phone-clock".into()));
    assert_eq!(last.detail.as_deref(), Some("phone clock +59 min"));
    // Whoever was shown no key, or another one, is told nothing, and it counts.
    let other = started(&house, &prover).await;
    for not_it in [None, Some(key.shown)] {
        let code = shown(&house, &other.0, 6).second;
        let outcome = prove(code, not_it).await;
        let is_so = matches!(outcome, ProveOutcome::Refused(Refusal::Rejected { .. }));
        assert!(is_so, "{outcome:?}");
        forgive(&house).await;
    }
    // Any other code is a wrong one, as before.
    let outcome = prove(Passcode::parse("000000").unwrap(), Some(other.1.shown)).await;
    let is_so = matches!(outcome, ProveOutcome::Refused(Refusal::Rejected { .. }));
    assert!(is_so, "{outcome:?}");
    house.clock.pass(HOUR);
    let outcome = prove(house.code(&other.0), Some(other.1.shown)).await;
    assert!(matches!(outcome, ProveOutcome::Activated(_)), "{outcome:?}");
}

/// An audit log with a record of a time that the clock has not come to.
#[derive(Debug)]
struct Later(Timestamp);

#[async_trait]
impl AuditTrail for Later {
    async fn newest(&self, _: Option<u64>, _: usize) -> Result<Vec<AuditRecord>, AuditError> {
        Ok(vec![AuditRecord {
            seq: 1,
            at: self.0,
            act: Act::Login.as_str().into(),
            outcome: OutcomeWord::Done,
            reason: None,
            account: None,
            by: None,
            from: here().to_string(),
            detail: None,
        }])
    }
}

/// What screens are told by `services`: of a code at the activation, after a login by two, and of a wrong one at the next.
async fn told(house: &House, services: &Arc<Services>) -> [Reply; 3] {
    let perform = async |proofs, request| {
        effects::perform(services.clone(), here(), proofs, None, request).await
    };
    let accounts = &services.accounts;
    accounts.reset_totp(&ppk30(), &here()).await.unwrap();
    let log_in = || Request::CheckPassword {
        user_type: ppk30().user_type,
        user_id: ppk30().user_id,
        password: password(support::house::PASSWORD),
    };
    let (_, proofs) = perform(Proofs::None, log_in()).await;
    let (reply, proofs) = perform(proofs, Request::StartEnrollment).await;
    let Reply::Enrollment { provisioning, .. } = reply else {
        panic!("a key, not {reply:?}");
    };
    let phone = secret_of(provisioning.uri());
    let slow = shown(house, &phone, -6);
    let (refused, proofs) = perform(proofs, Request::ProveEnrollment(slow.second)).await;
    let right = house.code(&phone);
    let (reply, _) = perform(proofs, Request::ProveEnrollment(right)).await;
    assert!(matches!(reply, Reply::Home(_)), "{reply:?}");
    let (_, proofs) = perform(Proofs::None, log_in()).await;
    let fast = shown(house, &phone, 6);
    let (home, _) = perform(proofs, Request::CheckPair(fast)).await;
    let (_, proofs) = perform(Proofs::None, log_in()).await;
    let (wrong, _) = perform(proofs, Request::CheckPasscode(slow.second)).await;
    [refused, home, wrong]
}

#[tokio::test]
async fn nobody_is_sent_to_their_phone_where_the_offices_clock_may_be_wrong() {
    let house = house(Policy::Enabled).await;
    let [refused, home, wrong] = told(&house, &house.services).await;
    let Reply::Refused(Refusal::PhoneClock(drift)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(drift.minutes(), -6);
    let notice = |reply| match reply {
        Reply::Home(view) => view.notice,
        other => panic!("home, not {other:?}"),
    };
    let Some(HomeNotice::PhoneClock(drift)) = notice(home) else {
        panic!("the phone's clock is told");
    };
    assert_eq!(drift.minutes(), 6);
    assert!(
        matches!(wrong, Reply::Refused(Refusal::Rejected { .. })),
        "{wrong:?}"
    );
    let later = house.clock.now() + Duration::from_secs(2 * HOUR);
    let doubtful = Foundation {
        audit_trail: Some(Arc::new(Later(later))),
        ..foundation(house.foundation.store.clone(), &house.clock, &house.audit)
    };
    let doubtful = Arc::new(Services::new(&Arc::new(doubtful)));
    let [refused, home, wrong] = told(&house, &doubtful).await;
    assert!(
        matches!(refused, Reply::Refused(Refusal::OfficeClock)),
        "{refused:?}"
    );
    assert_eq!(notice(home), Some(HomeNotice::OfficeClock));
    assert!(
        matches!(wrong, Reply::Refused(Refusal::ClockInDoubt { .. })),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn the_clock_of_a_second_phone_is_told_and_two_codes_are_of_one_phone() {
    let (house, phone) = with_phone().await;
    let who = granted(one(&house, house.code(&phone)).await).authenticated;
    let phones = &house.services.phones;
    let AddOutcome::Started(who, provisioning, key) =
        phones.add(&who, None, None, &here()).await.unwrap()
    else {
        panic!("the key of a second phone");
    };
    let second = secret_of(provisioning.uri());
    let prove = async |code| phones.prove(&who, Some(key), code, &here()).await.unwrap();
    match prove(shown(&house, &second, -6).second).await {
        PhonesOutcome::Refused(Refusal::PhoneClock(drift)) => assert_eq!(drift.minutes(), -6),
        other => panic!("{other:?}"),
    }
    let proved = prove(house.code(&second)).await;
    assert!(matches!(proved, PhonesOutcome::Changed(_)), "{proved:?}");
    house.clock.pass(HOUR);
    let mixed = PasscodePair {
        first: shown(&house, &phone, 6).first,
        second: shown(&house, &second, 6).second,
    };
    rejected(&two(&house, &house.awaiting().await, mixed).await);
    forgive(&house).await;
    for phone in [second, phone] {
        let pair = shown(&house, &phone, 6);
        let granted = granted(two(&house, &house.awaiting().await, pair).await);
        assert_eq!(granted.drift.map(|drift| drift.minutes()), Some(6));
    }
}
