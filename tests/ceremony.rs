//! No way leads home without what the policy asks: random events at real screens over real services, and the races
//! that only parallel sessions can run.

mod house;

use std::time::Duration;

use house::{House, PASSWORD, here, house, house_with_cost, password, ppk30, secret_of};
use jiff::Timestamp;
use lpse_kiosk::{
    domain::{
        Authenticator, Passcode, Policy, Secret, TimeStep,
        calendar::Zone,
        language::Language,
        officer::{DeskAct, Order, Statement},
        password::HashCost,
    },
    ports::Clock,
    service::{
        Refusal,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, Prover, StartOutcome},
    },
    session::effects::{self, Proofs},
    tui::{
        App, AppSettings, DeskRequest, Effect, Event, Look, Now, Reply, Request, Sight,
        command::Key,
        theme::{Colours, Glyphs, Terminal},
    },
};
use proptest::prelude::*;

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
    assert_eq!(
        account.greatest_accepted_step,
        Some(TimeStep::at(house.clock.now()))
    );
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
        matches!((&reply, &proofs), (Reply::Ended, Proofs::None)),
        "{reply:?}"
    );
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
        Request::StartOver,
        Request::StartEnrollment,
        Request::ProveEnrollment(code()),
        Request::DisableTotp(None),
        Request::DisableTotp(Some(code())),
        Request::LoadHome,
        Request::Desk(DeskRequest::Show(ppk30())),
        Request::Desk(DeskRequest::RevealEmail(ppk30())),
        Request::Desk(DeskRequest::ShowRules),
    ] {
        let (reply, _) =
            effects::perform(house.services.clone(), here(), Proofs::None, None, request).await;
        assert!(matches!(reply, Reply::Ended), "{reply:?}");
    }
    assert_eq!(house.logins(), 0);
}

#[tokio::test]
async fn the_desk_is_closed_to_whoever_is_no_officer() {
    let house = house(Policy::Enabled).await;
    let look = || Look::Find {
        typed: "ppk".into(),
        after: None,
    };
    let sight = effects::look(house.services.clone(), Proofs::None, look()).await;
    assert!(matches!(sight, Sight::Ended), "{sight:?}");
    let PasswordOutcome::Granted(granted) = house.login().await else {
        panic!("a login without a code");
    };
    let proofs = || Proofs::LoggedIn {
        authenticated: granted.authenticated.clone(),
        previous_login: None,
    };
    let sight = effects::look(house.services.clone(), proofs(), look()).await;
    assert!(matches!(sight, Sight::Ended), "{sight:?}");
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
        assert!(matches!(reply, Reply::Ended), "{reply:?}");
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
    PassTime(u64),
    SetPolicy(Policy),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let key = prop_oneof![
        4 => Just(Key::Enter),
        2 => Just(Key::Tab),
        1 => Just(Key::Down),
        1 => Just(Key::Up),
        1 => Just(Key::Esc),
        1 => Just(Key::Char('d')),
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
        2 => (1..400_u64).prop_map(Deed::PassTime),
        1 => prop_oneof![Just(Policy::Disabled), Just(Policy::Enabled), Just(Policy::Required)].prop_map(Deed::SetPolicy),
    ];
    // A start that often comes far, so that the random part plays behind the password too.
    let start = [
        Deed::Press(Key::Enter),
        Deed::Press(Key::Char('n')),
        Deed::Press(Key::Enter),
        Deed::TypeUserId,
        Deed::Press(Key::Enter),
        Deed::TypePassword,
        Deed::Press(Key::Enter),
    ];
    proptest::collection::vec(deed, 1..60)
        .prop_map(move |rest| start.iter().cloned().chain(rest).collect())
}

/// A person at the screens, the phone in hand, and an account of what was proved.
struct Person {
    house: House,
    app: App,
    proofs: Proofs,
    phone: Option<Secret>,
    policy: Policy,
}

impl Person {
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
                        Request::CheckPasscode(_) | Request::ProveEnrollment(_)
                    );
                    let was_home = matches!(before, Proofs::LoggedIn { .. });
                    let (reply, proofs) = effects::perform(
                        self.house.services.clone(),
                        here(),
                        before,
                        None,
                        request,
                    )
                    .await;
                    if let Reply::Home(_) = &reply
                        && !was_home
                        && needs_code
                    {
                        assert!(brought_code, "home without a code under {:?}", self.policy);
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
                Effect::Look(..) | Effect::CountVisit | Effect::Quit => {}
            }
        }
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
            Deed::TypePassword => self.type_text(PASSWORD).await,
            Deed::TypeWrongPassword => self.type_text("salah").await,
            Deed::TypeRightCode => {
                if let Some(secret) = &self.phone {
                    let digits = digits(secret, self.house.clock.now());
                    self.type_text(&digits).await;
                }
            }
            Deed::TypeWrongCode => self.type_text("000000").await,
            Deed::PassTime(seconds) => self.house.clock.pass(seconds),
            Deed::SetPolicy(policy) => {
                self.house
                    .services
                    .policy
                    .set(policy.into(), &here())
                    .await
                    .unwrap();
                self.policy = policy;
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_reaches_home_without_what_the_policy_asks(
        policy in prop_oneof![Just(Policy::Disabled), Just(Policy::Enabled), Just(Policy::Required)],
        deeds in deeds(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::new(AppSettings {
                office: "LPSE".into(),
                session: "loket-1".into(),
                training: None,
                zone: Zone::Wib,
                version: "0".into(),
                language: Language::Id,
                lent: false,
                reset_by_mail: false,
                reset_link_holds: Duration::from_secs(30 * 60),
                terminal: Terminal { glyphs: Glyphs::Unicode, colours: Colours::Ansi256, no_color: false },
            });
            let mut person = Person {
                house: house(policy).await,
                app,
                proofs: Proofs::None,
                phone: None,
                policy,
            };
            for deed in deeds {
                person.does(deed).await;
                let account = person.house.account().await;
                if account.authenticator.is_active() {
                    assert!(account.greatest_accepted_step.is_some(), "a key in force that no code has proved");
                }
            }
        });
    }
}
