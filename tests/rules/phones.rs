//! A second phone: a code of either lets in, each spends its own, and whatever others do meanwhile, there are never three.

use std::sync::LazyLock;

use lpse_kiosk::{
    domain::{
        Authenticated, Authenticator, Passcode, Policy, Refusal, Secret, Source,
        account::Role,
        audit::{Act, AuditOutcome},
        authenticator::{Ordinal, PhoneSeen},
        identity::PhoneName,
        letter::LetterKind,
        officer::AccountAct,
    },
    ports::Clock,
    service::{
        Services,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::DisableOutcome,
        phones::{AddOutcome, PhonesOutcome},
        recovery::IssueOutcome,
    },
    store::outbox::Outbox,
};
use support::{
    house::{House, here, house, ppk30, secret_of},
    meddled::{edit, meddled},
};

/// The terminal of everybody here.
static HERE: LazyLock<Source> = LazyLock::new(here);

/// Logs in by a code of `phone`.
async fn by(house: &House, phone: &Secret) -> Result<Authenticated, Refusal> {
    with(house, house.code(phone)).await
}

async fn with(house: &House, code: Passcode) -> Result<Authenticated, Refusal> {
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    let checked = authentication.check_passcode(&awaiting, code, &HERE);
    match checked.await.unwrap() {
        PasscodeOutcome::Granted(granted) => Ok(granted.authenticated),
        PasscodeOutcome::Refused(refusal) => Err(refusal),
        other => panic!("a login or none, not {other:?}"),
    }
}

/// A house whose PPK30 has a phone and is at home, a minute after the activation.
async fn at_home() -> (House, Secret, Authenticated) {
    let house = house(Policy::Enabled).await;
    let first = house.activate().await;
    house.clock.pass(60);
    let who = by(&house, &first).await.unwrap();
    (house, first, who)
}

/// The key of a second phone, on its way.
async fn started(services: &Services, who: &Authenticated) -> Secret {
    let name = PhoneName::parse("HP kantor").unwrap();
    let added = services.phones.add(who, Some(name), None, &HERE);
    match added.await.unwrap() {
        AddOutcome::Started(_, provisioning, _) => secret_of(provisioning.uri()),
        other => panic!("a key, not {other:?}"),
    }
}

async fn prove(house: &House, who: &Authenticated, code: Passcode) -> PhonesOutcome {
    let proved = house.services.phones.prove(who, None, code, &HERE);
    proved.await.unwrap()
}

/// The same house with a second phone, a minute later.
async fn with_two() -> (House, [Secret; 2], Authenticated) {
    let (house, first, who) = at_home().await;
    let second = started(&house.services, &who).await;
    let proved = prove(&house, &who, house.code(&second)).await;
    assert!(matches!(proved, PhonesOutcome::Changed(_)), "{proved:?}");
    house.clock.pass(60);
    (house, [first, second], who)
}

async fn seen(house: &House) -> Vec<PhoneSeen> {
    house.account().await.authenticator.phones_seen()
}

async fn remove(house: &House, who: &Authenticated, phone: &PhoneSeen) -> PhonesOutcome {
    let removed = house.services.phones.remove(who, phone, None, &HERE);
    removed.await.unwrap()
}

async fn letters(house: &House) -> Vec<LetterKind> {
    let outbox = Outbox::new(house.foundation.store.clone());
    let page = outbox.page(None, 99).await.unwrap();
    page.letters.iter().map(|read| read.letter.kind).collect()
}

#[tokio::test]
async fn a_code_of_either_phone_lets_in_and_spends_its_own() {
    let (house, [first, second], _) = with_two().await;
    let [one, other] = seen(&house).await.try_into().unwrap();
    assert_eq!((one.ordinal, one.name), (Ordinal::First, None));
    assert_eq!(other.ordinal, Ordinal::Second);
    assert_eq!(other.name.unwrap().as_str(), "HP kantor");
    assert!(letters(&house).await.contains(&LetterKind::PhoneAdded));
    by(&house, &second).await.unwrap();
    let now = house.clock.now();
    let used = |phones: Vec<PhoneSeen>| phones.iter().map(|it| it.last_used).collect::<Vec<_>>();
    assert_eq!(used(seen(&house).await), [one.last_used, Some(now)]);
    // The same moment's code of the first phone is its own.
    by(&house, &first).await.unwrap();
    assert_eq!(used(seen(&house).await), [Some(now), Some(now)]);
    for phone in [&first, &second] {
        let refused = by(&house, phone).await.unwrap_err();
        assert!(matches!(refused, Refusal::Rejected { .. }), "{refused:?}");
        house.clock.pass(5);
    }
    let events = house.audit.0.lock().unwrap();
    let spent = AuditOutcome::Refused("spent-passcode".into());
    let spent = events.iter().filter(|event| event.outcome == spent);
    assert_eq!(spent.count(), 2);
}

#[tokio::test]
async fn a_wrong_code_counts_once_however_many_phones_there_are() {
    let (house, ..) = with_two().await;
    let wrong = Passcode::parse("000000").unwrap();
    let refused = with(&house, wrong).await.unwrap_err();
    assert!(matches!(refused, Refusal::Rejected { .. }), "{refused:?}");
    assert_eq!(house.account().await.passcode_throttle.failures, 1);
}

#[tokio::test]
async fn a_second_phone_that_was_not_proved_lets_nobody_in_and_keeps_nobody_out() {
    let (house, first, who) = at_home().await;
    let second = started(&house.services, &who).await;
    house.clock.pass(60);
    match house.login().await {
        PasswordOutcome::PasscodeWanted { pending, .. } => assert!(!pending),
        other => panic!("a code is wanted, not {other:?}"),
    }
    let refused = by(&house, &second).await.unwrap_err();
    assert!(matches!(refused, Refusal::Rejected { .. }), "{refused:?}");
    house.clock.pass(60);
    let who = by(&house, &first).await.unwrap();
    assert_eq!(seen(&house).await.len(), 1);
    // It is replaced by the next, and only that one is proved, by a code of its own.
    let third = started(&house.services, &who).await;
    house.clock.pass(60);
    for phone in [&first, &second] {
        let refused = prove(&house, &who, house.code(phone)).await;
        assert!(
            matches!(refused, PhonesOutcome::Refused(Refusal::Rejected { .. })),
            "{refused:?}"
        );
        house.clock.pass(60);
    }
    let proved = prove(&house, &who, house.code(&third)).await;
    assert!(matches!(proved, PhonesOutcome::Changed(_)), "{proved:?}");
    // Its proof spent the code, and there is nothing left to prove.
    let refused = by(&house, &third).await.unwrap_err();
    assert!(matches!(refused, Refusal::Rejected { .. }), "{refused:?}");
    house.clock.pass(60);
    let refused = prove(&house, &who, house.code(&third)).await;
    let changed = PhonesOutcome::Refused(Refusal::PhonesChanged);
    assert_eq!(format!("{refused:?}"), format!("{changed:?}"));
}

#[tokio::test]
async fn an_act_on_phones_wants_a_code_of_the_last_five_minutes_of_either() {
    let (house, [first, second], who) = with_two().await;
    house.clock.pass(6 * 60);
    let [one, other] = seen(&house).await.try_into().unwrap();
    let refused = remove(&house, &who, &other).await;
    assert!(
        matches!(
            refused,
            PhonesOutcome::Refused(Refusal::FreshPasscodeWanted)
        ),
        "{refused:?}"
    );
    // The code comes from the phone that is left.
    let phones = &house.services.phones;
    let code = Some(house.code(&first));
    let removed = phones.remove(&who, &other, code, &HERE).await.unwrap();
    assert!(matches!(removed, PhonesOutcome::Changed(_)), "{removed:?}");
    assert_eq!(seen(&house).await.len(), 1);
    assert!(letters(&house).await.contains(&LetterKind::PhoneRemoved));
    let refused = by(&house, &second).await.unwrap_err();
    assert!(matches!(refused, Refusal::Rejected { .. }), "{refused:?}");
    // The last one stays.
    house.clock.pass(60);
    let code = Some(house.code(&first));
    let refused = phones.remove(&who, &one, code, &HERE).await.unwrap();
    assert!(
        matches!(refused, PhonesOutcome::Refused(Refusal::PhonesChanged)),
        "{refused:?}"
    );
    house.clock.pass(60);
    let added = phones.add(&who, None, None, &HERE).await.unwrap();
    assert!(
        matches!(added, AddOutcome::Refused(Refusal::FreshPasscodeWanted)),
        "{added:?}"
    );
    let code = Some(house.code(&first));
    let added = phones.add(&who, None, code, &HERE).await.unwrap();
    assert!(matches!(added, AddOutcome::Started(..)), "{added:?}");
}

#[tokio::test]
async fn the_first_phone_can_go_and_the_second_keeps_its_number() {
    let (house, [first, second], _) = with_two().await;
    let who = by(&house, &first).await.unwrap();
    let [one, other] = seen(&house).await.try_into().unwrap();
    // By a code of the one that goes.
    let removed = remove(&house, &who, &one).await;
    assert!(matches!(removed, PhonesOutcome::Changed(_)), "{removed:?}");
    house.clock.pass(60);
    let who = by(&house, &second).await.unwrap();
    assert_eq!(seen(&house).await[0].ordinal, Ordinal::Second);
    let third = started(&house.services, &who).await;
    prove(&house, &who, house.code(&third)).await;
    let numbers = seen(&house).await;
    let numbers: Vec<Ordinal> = numbers.iter().map(|phone| phone.ordinal).collect();
    assert_eq!(numbers, Ordinal::ALL);
    // Whoever saw the first of before does not take away the one under its number now.
    let refused = remove(&house, &who, &one).await;
    assert!(
        matches!(refused, PhonesOutcome::Refused(Refusal::PhonesChanged)),
        "{refused:?}"
    );
    let removed = remove(&house, &who, &other).await;
    assert!(matches!(removed, PhonesOutcome::Changed(_)), "{removed:?}");
    house.clock.pass(60);
    by(&house, &third).await.unwrap();
}

/// Of which the stored one is whole milliseconds.
#[tokio::test]
async fn a_phone_can_go_right_after_it_came() {
    let (house, _, who) = at_home().await;
    house.clock.0.lock().unwrap().0 += std::time::Duration::from_nanos(123_456_789);
    let second = started(&house.services, &who).await;
    let proved = prove(&house, &who, house.code(&second)).await;
    let PhonesOutcome::Changed(granted) = proved else {
        panic!("{proved:?}");
    };
    let [_, added] = granted
        .account
        .authenticator
        .phones_seen()
        .try_into()
        .unwrap();
    let removed = remove(&house, &who, &added).await;
    assert!(matches!(removed, PhonesOutcome::Changed(_)), "{removed:?}");
}

#[tokio::test]
async fn recovery_codes_outlive_phones_that_come_and_go() {
    let (house, _, who) = at_home().await;
    let issued = house.services.recovery.issue(&who, None, &HERE).await;
    assert!(matches!(issued.unwrap(), IssueOutcome::Issued(..)));
    let before = house.account().await.recovery;
    let second = started(&house.services, &who).await;
    prove(&house, &who, house.code(&second)).await;
    let [one, _] = seen(&house).await.try_into().unwrap();
    remove(&house, &who, &one).await;
    assert_eq!(house.account().await.recovery, before);
    assert_eq!(seen(&house).await.len(), 1);
}

#[tokio::test]
async fn disabling_and_a_reset_take_every_phone_away() {
    let reset = async |house: &House, _: &Authenticated| {
        let accounts = &house.services.accounts;
        let reset = accounts.act(&ppk30(), &AccountAct::ResetTotp, &*HERE).await;
        reset.unwrap();
    };
    let disable = async |house: &House, who: &Authenticated| {
        let disabled = house.services.enrollment.disable(who, None, &HERE);
        let disabled = disabled.await.unwrap();
        assert!(
            matches!(disabled, DisableOutcome::Disabled(_)),
            "{disabled:?}"
        );
    };
    let (house, _, who) = with_two().await;
    reset(&house, &who).await;
    assert_eq!(house.account().await.authenticator, Authenticator::Absent);
    let (house, _, who) = with_two().await;
    disable(&house, &who).await;
    assert_eq!(house.account().await.authenticator, Authenticator::Absent);
    // A key that was on its way goes with them.
    let (house, _, who) = at_home().await;
    let second = started(&house.services, &who).await;
    disable(&house, &who).await;
    let refused = prove(&house, &who, house.code(&second)).await;
    assert!(
        matches!(refused, PhonesOutcome::Refused(Refusal::PhonesChanged)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_officers_phone_is_added_by_a_phone_and_not_by_paper() {
    let (house, _, who) = at_home().await;
    let issued = house.services.recovery.issue(&who, None, &HERE).await;
    let IssueOutcome::Issued(codes, _) = issued.unwrap() else {
        panic!("recovery codes");
    };
    edit(&house.foundation.store, &ppk30(), |account| {
        account.role = Role::Officer;
    })
    .await;
    let awaiting = house.awaiting().await;
    let paper = codes.iter().next().unwrap().clone();
    let checked = house.services.recovery.check(&awaiting, paper, &HERE);
    let PasscodeOutcome::Granted(granted) = checked.await.unwrap() else {
        panic!("a login by paper");
    };
    let phones = &house.services.phones;
    let added = phones.add(&granted.authenticated, None, None, &HERE);
    let added = added.await.unwrap();
    assert!(
        matches!(added, AddOutcome::Refused(Refusal::FreshPasscodeWanted)),
        "{added:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_submissions_of_one_code_of_the_second_phone_one_is_accepted() {
    let (house, [_, second], _) = with_two().await;
    let awaiting = house.awaiting().await;
    let code = house.code(&second);
    let mut submissions = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (services, awaiting) = (house.services.clone(), awaiting.clone());
        submissions.spawn(async move {
            let authentication = &services.authentication;
            let checked = authentication.check_passcode(&awaiting, code, &HERE);
            matches!(checked.await.unwrap(), PasscodeOutcome::Granted(_))
        });
    }
    let granted = submissions.join_all().await;
    assert_eq!(granted.into_iter().filter(|granted| *granted).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_logins_that_add_a_phone_at_once_one_wins() {
    let (house, first, who) = at_home().await;
    house.clock.pass(30);
    let other = by(&house, &first).await.unwrap();
    let (one, another) = tokio::join!(
        started(&house.services, &who),
        started(&house.services, &other)
    );
    let mut added = 0;
    for (who, secret) in [(&who, &one), (&other, &another)] {
        let proved = prove(&house, who, house.code(secret)).await;
        added += usize::from(matches!(proved, PhonesOutcome::Changed(_)));
        house.clock.pass(60);
    }
    assert_eq!((added, seen(&house).await.len()), (1, 2));
}

#[tokio::test]
async fn nothing_is_added_to_what_was_reset_meanwhile() {
    let (house, _, who) = at_home().await;
    let second = started(&house.services, &who).await;
    let code = house.code(&second);
    let reset = async |services: &Services| {
        let reset = AccountAct::ResetTotp;
        services
            .accounts
            .act(&ppk30(), &reset, &*HERE)
            .await
            .unwrap();
    };
    let meanwhile = {
        let services = house.services.clone();
        async move { reset(&services).await }
    };
    let services = meddled(&house, meanwhile);
    let proved = services
        .phones
        .prove(&who, None, code, &HERE)
        .await
        .unwrap();
    assert!(
        matches!(proved, PhonesOutcome::Refused(Refusal::Ended)),
        "{proved:?}"
    );
    assert_eq!(house.account().await.authenticator, Authenticator::Absent);
}

#[tokio::test]
async fn what_an_act_on_phones_leaves_in_the_log() {
    let (house, _, who) = with_two().await;
    let [one, _] = seen(&house).await.try_into().unwrap();
    remove(&house, &who, &one).await;
    remove(&house, &who, &one).await;
    let events = house.audit.0.lock().unwrap();
    let told: Vec<(Act, &str, Option<&str>)> = events
        .iter()
        .filter(|event| {
            matches!(
                event.act,
                Act::AddPhone | Act::ProvePhone | Act::RemovePhone
            )
        })
        .map(|event| {
            let outcome = event
                .outcome
                .reason()
                .unwrap_or(event.outcome.word().as_str());
            (event.act, outcome, event.detail.as_deref())
        })
        .collect();
    let expected = [
        (Act::AddPhone, "done", None),
        (Act::ProvePhone, "done", None),
        (Act::RemovePhone, "done", Some("phone 1")),
        (Act::RemovePhone, "not-two-phones", Some("phone 1")),
    ];
    assert_eq!(told, expected);
}

/// As a program of before the second phone has written it.
#[tokio::test]
async fn a_phone_that_is_alone_and_has_no_name_is_stored_as_ever() {
    use lpse_kiosk::store::record::{StoredAccount, decode_account, encode_account};
    let (house, _, _) = at_home().await;
    let stored = |account| StoredAccount {
        account,
        import: None,
    };
    let totp = |bytes: &[u8]| {
        let record: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        record["totp"].clone()
    };
    let mut account = house.account().await;
    let bytes = encode_account(&stored(account.clone()));
    let mut record: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(record["totp"]["state"], "active");
    record["totp"].as_object_mut().unwrap().remove("last_used");
    let names: Vec<&str> = ["secret", "since", "spent", "state"].into();
    let kept: Vec<&String> = record["totp"].as_object().unwrap().keys().collect();
    assert_eq!(kept, names);
    let read = decode_account("it", &serde_json::to_vec(&record).unwrap()).unwrap();
    let [phone] = read.account.authenticator.phones() else {
        panic!("one phone");
    };
    assert_eq!((phone.ordinal, phone.key.last_used), (Ordinal::First, None));
    // Two phones have a word of their own, which that program refuses.
    let phones = account.authenticator.phones_mut().unwrap();
    let key = phones.in_force()[0].key.clone();
    phones.add(key, None);
    for is_proved in [false, true] {
        let bytes = encode_account(&stored(account.clone()));
        assert_eq!(totp(&bytes)["state"], "phones", "{is_proved}");
        let read = decode_account("it", &bytes).unwrap();
        assert_eq!(read.account, account);
        assert_eq!(
            read.account.authenticator.phones().len(),
            1 + usize::from(is_proved)
        );
        let now = house.clock.now();
        account.authenticator.phones_mut().unwrap().prove(now);
    }
    // Nobody has three, or two of the same number.
    let mut record: serde_json::Value =
        serde_json::from_slice(&encode_account(&stored(account.clone()))).unwrap();
    let phones = record["totp"]["in_force"].as_array_mut().unwrap();
    phones[1]["number"] = 1.into();
    let error = decode_account("it", &serde_json::to_vec(&record).unwrap()).unwrap_err();
    assert!(error.to_string().contains("phones"), "{error}");
}
