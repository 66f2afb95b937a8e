//! Reset by letter without a screen: one answer for every request, once for every ticket, the limits, the notices, and
//! what no link can do.

use std::{sync::Arc, time::Duration};
use support::house;

use lpse_kiosk::{
    domain::{
        AccountKey, Authenticator, EmailAddress, Policy, Refusal, Source, UserId, UserType,
        audit::{Act, AuditOutcome},
        letter::LetterKind,
        reset::{ResetSecret, ShortCode, Void},
        security_code::Challenge,
    },
    mail::{
        courier::{Courier, CourierSettings, Post},
        inbox::{Inbox, Received},
        message::Sender,
    },
    ports::Clock,
    service::{
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, Prover},
        reset::{Confirmed, Found, RequestOutcome, ResetRequest},
    },
    store::{Key, Store, outbox::Outbox},
};
use support::house::{
    House, PASSWORD, Recorder, alterations, here, house, only, ppk30, put_by_hand, tagged_house,
};
use zeroize::Zeroizing;

/// The answer to the picture that is drawn by zeros.
const SECURITY_CODE: &str = "AAAAAA";

fn peer(last: u8) -> Source {
    Source::Peer([192, 0, 2, last].into())
}

fn penyedia(id: &str) -> AccountKey {
    AccountKey::new(UserType::Penyedia, UserId::parse(id).unwrap())
}

/// The post office of a house: what the courier has brought.
struct Mailbox {
    courier: Courier,
    inbox: Arc<Inbox>,
}

impl Mailbox {
    fn of(house: &House) -> Self {
        let inbox = Arc::new(Inbox::default());
        let foundation = &house.foundation;
        let courier = Courier::new(CourierSettings {
            outbox: Outbox::new(foundation.store.clone()),
            vault: foundation.vault.clone(),
            clock: foundation.clock.clone(),
            random: foundation.random.clone(),
            audit: Arc::new(Recorder::default()),
            sender: Sender {
                office: "LPSE Kota Contoh".into(),
                address: EmailAddress::parse("lpse@contoh.go.id").unwrap(),
                base_url: "https://lpse.contoh.go.id".into(),
                zone: Default::default(),
            },
            post: Post::Training(inbox.clone()),
            wake: foundation.letters.wake.clone(),
            node: "local".into(),
            is_shared: false,
            conversations: Arc::default(),
        });
        Self { courier, inbox }
    }

    /// All letters so far, the newest first.
    async fn letters(&self) -> Vec<Received> {
        self.courier.round().await.unwrap();
        self.inbox.letters()
    }

    async fn newest(&self) -> Received {
        self.letters().await.into_iter().next().expect("a letter")
    }
}

/// The link in a letter, as it is pasted.
fn link(letter: &Received) -> ResetSecret {
    let mut words = letter.text.split_whitespace();
    let link =
        words.find(|word| word.starts_with("https://lpse.contoh.go.id/proc4user/resettotp?"));
    ResetSecret::typed(link.expect("a link in the letter")).expect("a link")
}

fn code(letter: &Received) -> ResetSecret {
    let code = letter.code.clone().expect("a short code");
    assert!(letter.text.contains(code.grouped().as_str()));
    ResetSecret::Code(code)
}

async fn ask(house: &House, account: &AccountKey, email: &str, from: &Source) -> RequestOutcome {
    let challenge = Challenge::new(&[0; Challenge::RANDOM_BYTES], house.clock.monotonic()).0;
    let asked = ResetRequest {
        account: account.clone(),
        email: EmailAddress::parse(email).unwrap(),
        security_code: Zeroizing::new(SECURITY_CODE.to_lowercase()),
    };
    let asked = house.services.reset.request(asked, Some(challenge), from);
    asked.await.unwrap()
}

async fn asked(house: &House) {
    let outcome = ask(house, &ppk30(), "Siti@contoh.go.id", &here()).await;
    assert_eq!(outcome, RequestOutcome::Answered);
}

fn reasons(house: &House, act: Act) -> Vec<String> {
    let events = house.audit.0.lock().unwrap();
    let of_act = events.iter().filter(|event| event.act == act);
    of_act
        .map(|event| match &event.outcome {
            AuditOutcome::Done | AuditOutcome::Intended => "done".to_owned(),
            AuditOutcome::Refused(reason) => reason.to_string(),
            AuditOutcome::Failed(reason) => reason.clone(),
        })
        .collect()
}

#[tokio::test]
async fn a_new_password_of_ones_own_makes_an_open_link_and_code_void() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    asked(&house).await;
    let letter = mailbox.newest().await;
    let PasswordOutcome::Granted(granted) = house.login().await else {
        panic!("a login")
    };
    let words = [PASSWORD, "perahu layar 7 biru"].map(house::password);
    let [current, new] = words;
    let own_password = &house.services.own_password;
    own_password
        .change(&granted.authenticated, current, new, None, &here())
        .await
        .unwrap();
    for secret in [link(&letter), code(&letter)] {
        let confirmed = house.services.reset.confirm(&secret, &here()).await;
        assert_eq!(
            confirmed.unwrap(),
            Confirmed::Refused(Refusal::ResetVoid(Void::Unknown))
        );
    }
    // Whoever wants a reset asks again, within the same limits.
    house.clock.pass(60);
    asked(&house).await;
    let (link, from) = (link(&mailbox.newest().await), here());
    let found = house.services.reset.find(&link, &from).await.unwrap();
    assert!(matches!(found, Found::Valid { .. }), "{found:?}");
}

#[tokio::test]
async fn link_and_code_stand_for_one_reset_and_a_look_changes_nothing() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    house.activate().await;
    asked(&house).await;
    let letter = mailbox.newest().await;
    assert_eq!(letter.subject, "Konfirmasi Permintaan Reset TOTP");
    let reset = &house.services.reset;
    for _ in 0..100 {
        for secret in [link(&letter), code(&letter)] {
            let found = reset.find(&secret, &peer(1)).await.unwrap();
            let Found::Valid {
                user_type,
                masked_id,
            } = found
            else {
                panic!("{found:?}");
            };
            assert_eq!(
                (user_type, masked_id.as_str()),
                (UserType::NonPenyedia, "PP**0")
            );
        }
    }
    let confirmed = reset.confirm(&code(&letter), &here()).await.unwrap();
    assert_eq!(confirmed, Confirmed::Done);
    for secret in [link(&letter), code(&letter)] {
        let again = reset.confirm(&secret, &here()).await.unwrap();
        assert_eq!(again, Confirmed::Refused(Refusal::ResetVoid(Void::Used)));
        let found = reset.find(&secret, &here()).await.unwrap();
        assert_eq!(found, Found::Refused(Refusal::ResetVoid(Void::Used)));
    }
    let letters = mailbox.letters().await;
    assert_eq!(
        letters.len(),
        3,
        "the activation, the request and the reset are told"
    );
    assert!(letters[0].code.is_none(), "a notice holds no code");
}

#[tokio::test]
async fn no_ticket_that_is_not_as_it_was_written_resets_anything() {
    let (house, raw) = tagged_house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    house.activate().await;
    asked(&house).await;
    let letter = mailbox.newest().await;
    let reset = &house.services.reset;
    let owner = raw.page(&Key::from_bytes("ticket-of/"), None, 9).await;
    let (ticket, of_secret) = (only(&raw, "ticket/").await, owner.unwrap());
    assert_eq!(of_secret.len(), 2, "the link's and the code's");
    for (key, stored) in of_secret.into_iter().chain([ticket]) {
        let edits = [
            ("expires", i64::MAX.into()),
            ("used", serde_json::json!(null)),
        ];
        for altered in alterations(&stored, &edits) {
            put_by_hand(&raw, &key, Some(altered)).await;
            let mut refused = 0;
            for secret in [link(&letter), code(&letter)] {
                // Each of the two has a record of its own.
                match reset.find(&secret, &here()).await {
                    Err(error) => {
                        refused += 1;
                        assert!(error.to_string().contains(&format!("{key:?}")), "{error}");
                        assert!(reset.confirm(&secret, &here()).await.is_err());
                    }
                    Ok(found) => assert!(matches!(found, Found::Valid { .. }), "{found:?}"),
                }
            }
            let is_ticket = key.is_ticket();
            assert_eq!(refused, if is_ticket { 2 } else { 1 }, "{key:?}");
        }
        put_by_hand(&raw, &key, Some(stored)).await;
    }
    assert!(house.account().await.authenticator.is_active());
    let confirmed = reset.confirm(&link(&letter), &here()).await.unwrap();
    assert_eq!(confirmed, Confirmed::Done);
}

#[tokio::test]
async fn letters_that_are_as_they_were_written_go_out_beside_one_that_is_not() {
    let (house, raw) = tagged_house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    house.activate().await;
    let (key, stored) = only(&raw, "outbox/").await;
    for altered in alterations(&stored, &[("good_until", i64::MAX.into())]) {
        put_by_hand(&raw, &key, Some(altered)).await;
        assert!(mailbox.letters().await.is_empty());
    }
    asked(&house).await;
    let letters = mailbox.letters().await;
    assert_eq!(letters.len(), 1, "the request's");
    put_by_hand(&raw, &key, Some(stored)).await;
    assert_eq!(mailbox.letters().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_confirmations_exactly_one_resets() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    asked(&house).await;
    let letter = mailbox.newest().await;
    let mut confirmations = tokio::task::JoinSet::new();
    for number in 0..64 {
        let services = house.services.clone();
        let secret = if number % 2 == 0 {
            link(&letter)
        } else {
            code(&letter)
        };
        confirmations.spawn(async move {
            let confirmed = services
                .reset
                .confirm(&secret, &peer(number))
                .await
                .unwrap();
            confirmed == Confirmed::Done
        });
    }
    let done = confirmations.join_all().await;
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
}

#[tokio::test]
async fn a_second_letter_makes_the_first_worthless_and_an_undelivered_one_goes() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    asked(&house).await;
    let first = mailbox.newest().await;
    asked(&house).await;
    asked(&house).await;
    assert_eq!(
        mailbox.letters().await.len(),
        2,
        "the second never went out"
    );
    let third = mailbox.newest().await;
    let reset = &house.services.reset;
    for secret in [link(&first), code(&first)] {
        let found = reset.find(&secret, &here()).await.unwrap();
        assert_eq!(found, Found::Refused(Refusal::ResetVoid(Void::Unknown)));
    }
    let confirmed = reset.confirm(&link(&third), &here()).await.unwrap();
    assert_eq!(confirmed, Confirmed::Done);
}

#[tokio::test]
async fn a_ticket_expires_and_does_not_outlive_a_changed_password_or_the_account() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    asked(&house).await;
    let letter = mailbox.newest().await;
    let reset = &house.services.reset;
    house.clock.pass(30 * 60);
    let late = reset.confirm(&link(&letter), &here()).await.unwrap();
    assert_eq!(late, Confirmed::Refused(Refusal::ResetVoid(Void::Expired)));
    asked(&house).await;
    let letter = mailbox.newest().await;
    let password = house.account().await.password;
    let accounts = &house.services.accounts;
    accounts
        .set_password(&ppk30(), password, &here())
        .await
        .unwrap();
    let after = reset.confirm(&link(&letter), &here()).await.unwrap();
    assert_eq!(after, Confirmed::Refused(Refusal::ResetVoid(Void::Unknown)));
    // The new password was told by a letter of its own.
    house.clock.pass(1);
    asked(&house).await;
    let letter = mailbox.newest().await;
    house
        .services
        .accounts
        .remove(&ppk30(), &here())
        .await
        .unwrap();
    let after = reset.confirm(&link(&letter), &here()).await.unwrap();
    assert_eq!(after, Confirmed::Refused(Refusal::ResetVoid(Void::Unknown)));
}

#[tokio::test]
async fn after_a_reset_the_old_codes_are_refused_open_logins_end_and_nobody_is_let_in() {
    for policy in [Policy::Enabled, Policy::Required] {
        let house = house(Policy::Enabled).await;
        let mailbox = Mailbox::of(&house);
        let phone = house.activate().await;
        house
            .services
            .policy
            .set(policy.into(), &here())
            .await
            .unwrap();
        house.clock.pass(60);
        let awaiting = house.awaiting().await;
        let code_at_home = house.code(&phone);
        let at_home = house
            .services
            .authentication
            .check_passcode(&awaiting, code_at_home, &here())
            .await
            .unwrap();
        let PasscodeOutcome::Granted(at_home) = at_home else {
            panic!("{at_home:?}");
        };
        let half_way = house.awaiting().await;
        let logins = house.logins();
        asked(&house).await;
        let letter = mailbox.newest().await;
        let reset = &house.services.reset;
        reset.confirm(&code(&letter), &here()).await.unwrap();
        assert_eq!(house.logins(), logins, "a reset logs nobody in");
        house.clock.pass(60);
        let enrollment = &house.services.enrollment;
        let home = enrollment.home(&at_home.authenticated).await.unwrap();
        assert!(home.is_none(), "the open login has ended");
        let prover = Prover::AtHome(at_home.authenticated.clone());
        let old_code = house.code(&phone);
        let proved = enrollment
            .prove(&prover, None, old_code, &here())
            .await
            .unwrap();
        assert!(matches!(
            proved,
            lpse_kiosk::service::enrollment::ProveOutcome::Refused(_)
        ));
        let old = house
            .services
            .authentication
            .check_passcode(&half_way, house.code(&phone), &here())
            .await
            .unwrap();
        assert!(matches!(old, PasscodeOutcome::Refused(_)), "{old:?}");
        match (policy, house.login().await) {
            (Policy::Enabled, PasswordOutcome::Granted(granted)) => {
                assert_eq!(granted.account.authenticator, Authenticator::Absent);
            }
            (Policy::Required, PasswordOutcome::EnrollmentWanted(_)) => {}
            (policy, other) => panic!("under {policy}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_reset_lifts_no_wait_and_ends_a_hold_with_the_key_that_was_held() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    let phone = house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let wrong = lpse_kiosk::domain::Passcode::parse("000000").unwrap();
    for _ in 0..100 {
        house.clock.pass(2 * 60 * 60);
        let authentication = &house.services.authentication;
        let refused = authentication
            .check_passcode(&awaiting, wrong, &here())
            .await;
        assert!(matches!(refused.unwrap(), PasscodeOutcome::Refused(_)));
    }
    let told = mailbox.newest().await;
    assert!(
        !told.subject.is_empty() && told.code.is_none(),
        "the owner is told of the hold"
    );
    asked(&house).await;
    let letter = mailbox.newest().await;
    house
        .services
        .reset
        .confirm(&link(&letter), &here())
        .await
        .unwrap();
    let account = house.account().await;
    assert_eq!(
        account.passcode_throttle.failures, 99,
        "one more and it is held again"
    );
    assert!(account.passcode_throttle.last_failure.is_some());
    drop(phone);
}

#[tokio::test]
async fn every_request_gets_the_same_answer_and_only_the_right_one_a_letter() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    for (number, (account, email)) in [
        (penyedia("PPK30"), "siti@contoh.go.id"),
        (penyedia("NOBODY"), "siti@contoh.go.id"),
        (ppk30(), "budi@contoh.go.id"),
        (ppk30(), "siti@contoh.go.id"),
    ]
    .into_iter()
    .enumerate()
    {
        let outcome = ask(&house, &account, email, &peer(number as u8)).await;
        assert_eq!(outcome, RequestOutcome::Answered);
    }
    assert_eq!(mailbox.letters().await.len(), 1);
    assert_eq!(
        reasons(&house, Act::RequestReset),
        ["unknown-account", "unknown-account", "wrong-email", "done"]
    );
}

#[tokio::test]
async fn a_request_that_matches_nobody_writes_as_much_and_leaves_nothing_to_find() {
    let written = async |account: &AccountKey, email: &str| {
        let house = house(Policy::Enabled).await;
        let everything = lpse_kiosk::store::Key::from_bytes("");
        let store = &house.foundation.store;
        let before = store.page(&everything, None, 1_000).await.unwrap();
        ask(&house, account, email, &peer(1)).await;
        let after = store.page(&everything, None, 1_000).await.unwrap();
        let new = after.into_iter().filter(|row| !before.contains(row));
        new.map(|(key, value)| (format!("{key:?}"), value.len()))
            .collect::<Vec<_>>()
    };
    let known = written(&ppk30(), "siti@contoh.go.id").await;
    let others = [
        written(&penyedia("NOBODY"), "siti@contoh.go.id").await,
        written(&ppk30(), "budi@contoh.go.id").await,
    ];
    for other in others {
        assert_eq!(other.len(), known.len(), "{other:?}\n{known:?}");
        let bytes = |rows: &[(String, usize)]| rows.iter().map(|(_, length)| length).sum::<usize>();
        // A name and an ID more or less.
        assert!(
            bytes(&known).abs_diff(bytes(&other)) < 64,
            "{other:?}\n{known:?}"
        );
        let to_find = |row: &&(String, usize)| {
            ["ticket", "outbox"]
                .iter()
                .any(|noun| row.0.starts_with(noun))
        };
        assert_eq!(other.iter().filter(to_find).count(), 0, "{other:?}");
    }
}

#[tokio::test]
async fn a_wrong_late_or_used_picture_sends_nothing() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    let challenge = |now| Some(Challenge::new(&[0; Challenge::RANDOM_BYTES], now).0);
    let now = house.clock.monotonic();
    let late = now.checked_sub(Challenge::GOOD_FOR);
    house.clock.pass(120);
    for (challenge, typed) in [
        (challenge(house.clock.monotonic()), "AAAAAB"),
        (challenge(house.clock.monotonic()), ""),
        (challenge(late.unwrap_or(now)), SECURITY_CODE),
        (None, SECURITY_CODE),
    ] {
        let asked = ResetRequest {
            account: ppk30(),
            email: EmailAddress::parse("siti@contoh.go.id").unwrap(),
            security_code: Zeroizing::new(typed.to_owned()),
        };
        let outcome = house
            .services
            .reset
            .request(asked, challenge, &here())
            .await;
        assert_eq!(
            outcome.unwrap(),
            RequestOutcome::Refused(Refusal::SecurityCode)
        );
    }
    assert!(mailbox.letters().await.is_empty());
}

#[tokio::test]
async fn three_letters_an_hour_and_five_a_day_to_one_account() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    let mut delivered = Vec::new();
    for hour in 0..30 {
        for source in 0..4 {
            let outcome = ask(
                &house,
                &ppk30(),
                "siti@contoh.go.id",
                &peer(4 * hour + source),
            )
            .await;
            assert_eq!(outcome, RequestOutcome::Answered);
            mailbox.courier.round().await.unwrap();
        }
        house.clock.pass(60 * 60);
        delivered.push(mailbox.inbox.letters().len());
    }
    assert_eq!(delivered[0], 3);
    assert_eq!((delivered[1], delivered[23]), (5, 5));
    assert!(delivered[29] > 5 && delivered[29] <= 10, "{delivered:?}");
}

#[tokio::test]
async fn ten_requests_an_hour_from_one_source_whatever_they_name() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    for number in 0..10 {
        ask(
            &house,
            &penyedia(&format!("CV{number}")),
            "a@contoh.id",
            &peer(7),
        )
        .await;
    }
    ask(&house, &ppk30(), "siti@contoh.go.id", &peer(7)).await;
    assert!(mailbox.letters().await.is_empty());
    assert_eq!(
        reasons(&house, Act::RequestReset).last().unwrap(),
        "limit-of-source"
    );
    ask(&house, &ppk30(), "siti@contoh.go.id", &peer(8)).await;
    assert_eq!(
        mailbox.letters().await.len(),
        1,
        "another source has its own limit"
    );
    house.clock.pass(60 * 60);
    ask(&house, &ppk30(), "siti@contoh.go.id", &peer(7)).await;
    assert_eq!(mailbox.letters().await.len(), 2);
}

#[tokio::test]
async fn there_is_a_cap_over_all_accounts_and_sources() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    for number in 0..25 {
        let key = penyedia(&format!("CV{number}"));
        let account = house.account().await;
        let new = lpse_kiosk::service::accounts::NewAccount {
            key: key.clone(),
            name: account.name,
            email: account.email,
            role: lpse_kiosk::domain::account::Role::User,
            password: account.password,
        };
        house.services.accounts.add(new, &here()).await.unwrap();
        ask(&house, &key, "siti@contoh.go.id", &peer(number)).await;
    }
    assert_eq!(mailbox.letters().await.len(), 20);
    assert_eq!(
        reasons(&house, Act::RequestReset).last().unwrap(),
        "limit-of-all"
    );
}

#[tokio::test]
async fn codes_that_are_none_slow_down_whoever_types_them_and_no_right_one() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    asked(&house).await;
    let letter = mailbox.newest().await;
    let reset = &house.services.reset;
    let none = ResetSecret::Code(ShortCode::from_random(&[9; ShortCode::RANDOM_BYTES]));
    let mut waits = 0;
    for _ in 0..20 {
        match reset.find(&none, &peer(1)).await.unwrap() {
            Found::Refused(Refusal::Wait(wait)) => {
                assert!(wait > Duration::ZERO);
                waits += 1;
            }
            other => assert_eq!(other, Found::Refused(Refusal::ResetVoid(Void::Unknown))),
        }
    }
    assert_eq!(waits, 9, "eleven misses were looked at");
    let owner = reset.find(&code(&letter), &peer(2)).await.unwrap();
    assert!(matches!(owner, Found::Valid { .. }), "{owner:?}");
    // Not even behind the same address: a right one is taken at once.
    let confirmed = reset.confirm(&code(&letter), &peer(1)).await.unwrap();
    assert_eq!(confirmed, Confirmed::Done);
}

#[tokio::test]
async fn activation_and_disabling_are_told_and_nothing_secret_is_kept_in_the_open() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    let phone = house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let granted = house
        .services
        .authentication
        .check_passcode(&awaiting, house.code(&phone), &here())
        .await
        .unwrap();
    let PasscodeOutcome::Granted(granted) = granted else {
        panic!("{granted:?}");
    };
    let disabled = house
        .services
        .enrollment
        .disable(&granted.authenticated, None, &here())
        .await
        .unwrap();
    assert!(matches!(disabled, DisableOutcome::Disabled(_)));
    let told: Vec<String> = house
        .services
        .outbox
        .page(None, 10)
        .await
        .unwrap()
        .letters
        .iter()
        .map(|waiting| waiting.letter.kind.as_str().to_owned())
        .collect();
    let kinds = [LetterKind::TotpActivated, LetterKind::TotpDisabled];
    assert_eq!(told, kinds.map(LetterKind::as_str));
    asked(&house).await;
    let kept = house
        .foundation
        .store
        .page(&lpse_kiosk::store::Key::from_bytes(""), None, 1_000)
        .await
        .unwrap();
    let letter = mailbox.newest().await;
    let short = letter.code.clone().unwrap();
    let ResetSecret::Link(link) = link(&letter) else {
        panic!("a link");
    };
    for secret in [
        link.token.text().to_string(),
        short.grouped().to_string(),
        short.grouped().replace('-', ""),
    ] {
        for (key, value) in &kept {
            let mut bytes = key.as_bytes().to_vec();
            bytes.extend(value);
            let is_there = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!is_there, "a secret stands in {key:?}");
        }
    }
}

#[tokio::test]
async fn limits_of_a_clock_ahead_count_from_its_correction() {
    const HOURS: u64 = 7 * 60 * 60;
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    let written = async || {
        let before = mailbox.letters().await.len();
        asked(&house).await;
        mailbox.letters().await.len() - before
    };
    house.clock.pass(HOURS);
    for expected in [1, 1, 1, 0] {
        assert_eq!(written().await, expected);
    }
    house.clock.set_back(HOURS);
    assert_eq!(written().await, 0, "a clock set back frees nothing");
    house.clock.pass(60 * 60 - 1);
    assert_eq!(written().await, 0);
    house.clock.pass(1);
    assert_eq!(written().await, 1, "the limit is an hour, not seven");
    // The same for misses at the short code.
    let wrong = || ResetSecret::Code(ShortCode::from_random(&[9; ShortCode::RANDOM_BYTES]));
    let find = async || house.services.reset.find(&wrong(), &here()).await.unwrap();
    house.clock.pass(HOURS);
    for _ in 0..12 {
        assert_eq!(
            find().await,
            Found::Refused(Refusal::ResetVoid(Void::Unknown))
        );
        house.clock.pass(2);
    }
    house.clock.set_back(HOURS);
    assert!(matches!(find().await, Found::Refused(Refusal::Wait(wait)) if wait.as_secs() == 2));
    house.clock.pass(2);
    assert_eq!(
        find().await,
        Found::Refused(Refusal::ResetVoid(Void::Unknown))
    );
}

#[tokio::test]
async fn a_link_of_a_clock_ahead_holds_for_its_own_time_from_the_first_look() {
    const HOUR: u64 = 60 * 60;
    for (ahead, then, expected) in [
        (10 * 60, 29 * 60, Confirmed::Done),
        (7 * HOUR, 29 * 60, Confirmed::Done),
        (
            7 * HOUR,
            31 * 60,
            Confirmed::Refused(Refusal::ResetVoid(Void::Expired)),
        ),
        // When the clock comes there by itself.
        (
            7 * HOUR,
            7 * HOUR + 60,
            Confirmed::Refused(Refusal::ResetVoid(Void::Expired)),
        ),
        // No clock is as far ahead as that: nobody knows since when it has held.
        (
            15 * HOUR,
            60,
            Confirmed::Refused(Refusal::ResetVoid(Void::Expired)),
        ),
    ] {
        let house = house(Policy::Enabled).await;
        let mailbox = Mailbox::of(&house);
        house.clock.pass(ahead);
        asked(&house).await;
        let letter = mailbox.newest().await;
        house.clock.set_back(ahead);
        let reset = &house.services.reset;
        for secret in [link(&letter), code(&letter)] {
            let found = reset.find(&secret, &here()).await.unwrap();
            let is_over = found == Found::Refused(Refusal::ResetVoid(Void::Expired));
            assert_eq!(is_over, ahead > 14 * HOUR, "{ahead}: {found:?}");
        }
        house.clock.pass(then);
        let confirmed = reset.confirm(&link(&letter), &here()).await.unwrap();
        assert_eq!(confirmed, expected, "{ahead}, {then}");
    }
}

#[tokio::test]
async fn a_link_that_was_seen_to_be_over_is_whatever_the_clock_is_set_to() {
    let house = house(Policy::Enabled).await;
    let mailbox = Mailbox::of(&house);
    let reset = &house.services.reset;
    asked(&house).await;
    let letter = mailbox.newest().await;
    house.clock.pass(31 * 60);
    let found = reset.find(&link(&letter), &here()).await.unwrap();
    assert_eq!(found, Found::Refused(Refusal::ResetVoid(Void::Expired)));
    house.clock.set_back(20 * 60);
    let confirmed = reset.confirm(&link(&letter), &here()).await.unwrap();
    assert_eq!(
        confirmed,
        Confirmed::Refused(Refusal::ResetVoid(Void::Expired))
    );
}
