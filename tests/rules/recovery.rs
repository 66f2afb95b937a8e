//! Recovery codes by their rules: once each, counted and held together with codes of the phone, gone with the key they
//! stand in for.

use std::time::Duration;

use support::house;
use support::meddled::meddled;

use lpse_kiosk::{
    domain::{
        AccountKey, ActivityKind, Authenticated, AwaitingPasscode, Passcode, Policy, Refusal,
        Secret, TimeStep, UserId, UserType,
        audit::{Act, AuditOutcome},
        letter::LetterKind,
        policy::LoginRules,
        recovery::RecoveryCode,
    },
    ports::Clock,
    service::{
        Services,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, NewKey, ProveOutcome, Prover, StartOutcome},
        entry::Granted,
        recovery::IssueOutcome,
    },
    store::{accounts::Accounts, outbox::Outbox, settings::Settings},
};
use support::house::{House, here, house, ppk30};

/// A house whose PPK30 has a phone and ten codes on paper, a while ago.
struct Prepared {
    house: House,
    phone: Secret,
    paper: Vec<RecoveryCode>,
}

async fn prepared() -> Prepared {
    let house = house(Policy::Enabled).await;
    let phone = house.activate().await;
    house.clock.pass(60);
    let at_home = log_in(&house, &phone).await.authenticated;
    let paper = issued(&house, &at_home).await;
    house.clock.pass(60);
    Prepared {
        house,
        phone,
        paper,
    }
}

/// A login by a code of the phone.
async fn log_in(house: &House, phone: &Secret) -> Granted {
    let awaiting = house.awaiting().await;
    match check_phone(house, &awaiting, house.code(phone)).await {
        PasscodeOutcome::Granted(granted) => *granted,
        refused => panic!("{refused:?}"),
    }
}

async fn check_phone(
    house: &House,
    awaiting: &AwaitingPasscode,
    code: Passcode,
) -> PasscodeOutcome {
    let authentication = &house.services.authentication;
    let checked = authentication.check_passcode(awaiting, code, &here()).await;
    checked.unwrap()
}

async fn check(house: &House, awaiting: &AwaitingPasscode, code: &RecoveryCode) -> PasscodeOutcome {
    let recovery = &house.services.recovery;
    let checked = recovery.check(awaiting, code.clone(), &here()).await;
    checked.unwrap()
}

async fn issue(house: &House, at_home: &Authenticated, code: Option<Passcode>) -> IssueOutcome {
    let recovery = &house.services.recovery;
    recovery.issue(at_home, code, &here()).await.unwrap()
}

async fn issued(house: &House, at_home: &Authenticated) -> Vec<RecoveryCode> {
    match issue(house, at_home, None).await {
        IssueOutcome::Issued(codes, _) => codes.iter().cloned().collect(),
        other => panic!("{other:?}"),
    }
}

fn granted(outcome: PasscodeOutcome) -> Granted {
    match outcome {
        PasscodeOutcome::Granted(granted) => *granted,
        refused => panic!("{refused:?}"),
    }
}

fn refusal(outcome: &PasscodeOutcome) -> Refusal {
    match outcome {
        PasscodeOutcome::Refused(refusal) => *refusal,
        granted => panic!("{granted:?}"),
    }
}

/// A code that nobody was ever given.
fn wrong() -> RecoveryCode {
    RecoveryCode::parse("AAAA-CCCC-DDDD").unwrap()
}

async fn left(house: &House) -> Option<u8> {
    house.account().await.recovery.map(|codes| codes.left)
}

/// Whether a recovery code is offered after the password.
async fn offered(house: &House) -> bool {
    match house.login().await {
        PasswordOutcome::PasscodeWanted { recovery, .. } => recovery,
        other => panic!("a code is wanted, not {other:?}"),
    }
}

async fn set_recovery_codes(house: &House, recovery_codes: bool) {
    let rules = LoginRules {
        policy: Policy::Enabled,
        recovery_codes,
    };
    let policy = &house.services.policy;
    policy.set(rules, &here()).await.unwrap();
}

/// How often `act` is in the audit log with the outcome that `reason` gives; `None`: done.
fn audited(house: &House, act: Act, reason: Option<&str>) -> usize {
    let outcome = match reason {
        None => AuditOutcome::Done,
        Some(reason) => AuditOutcome::Refused(reason.to_owned().into()),
    };
    let events = house.audit.0.lock().unwrap();
    let is_it = |event: &&_| {
        let event: &lpse_kiosk::domain::audit::AuditEvent = event;
        event.act == act && event.outcome == outcome && event.account == Some(ppk30())
    };
    events.iter().filter(is_it).count()
}

/// Letters of a kind that wait to be sent.
async fn letters(house: &House, kind: LetterKind) -> usize {
    let outbox = Outbox::new(house.foundation.store.clone());
    let waiting = outbox.page(None, 100).await.unwrap();
    waiting
        .letters
        .iter()
        .filter(|one| one.letter.kind == kind)
        .count()
}

async fn submit_64(prepared: &Prepared, code: &RecoveryCode) -> Vec<PasscodeOutcome> {
    let awaiting = prepared.house.awaiting().await;
    let mut submissions = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (services, awaiting) = (prepared.house.services.clone(), awaiting.clone());
        let code = code.clone();
        submissions.spawn(async move {
            let recovery = &services.recovery;
            recovery.check(&awaiting, code, &here()).await.unwrap()
        });
    }
    submissions.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_parallel_submissions_of_one_code_exactly_one_is_accepted() {
    let prepared = prepared().await;
    let before = prepared.house.logins();
    for (number, code) in (1..).zip(&prepared.paper) {
        let outcomes = submit_64(&prepared, code).await;
        let accepted = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, PasscodeOutcome::Granted(_)));
        assert_eq!(accepted.count(), 1, "code {number}");
        assert_eq!(left(&prepared.house).await, Some(10 - number));
        assert_eq!(prepared.house.logins(), before + usize::from(number));
        prepared.house.clock.pass(3600);
    }
    // All are used: none is offered, and none works.
    assert!(!offered(&prepared.house).await);
    let awaiting = prepared.house.awaiting().await;
    let again = check(&prepared.house, &awaiting, &prepared.paper[3]).await;
    assert!(
        matches!(refusal(&again), Refusal::Rejected { .. }),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_code_is_good_once_and_wrong_ones_cost_no_other() {
    let Prepared { house, paper, .. } = prepared().await;
    assert!(offered(&house).await);
    let awaiting = house.awaiting().await;
    let by_code = granted(check(&house, &awaiting, &paper[4]).await);
    assert_eq!(by_code.recovery.unwrap().left, 9);
    assert!(!by_code.activated);
    for code in [&paper[4], &wrong()] {
        let refused = check(&house, &awaiting, code).await;
        assert!(
            matches!(refusal(&refused), Refusal::Rejected { .. }),
            "{refused:?}"
        );
        house.clock.pass(60);
    }
    assert_eq!(left(&house).await, Some(9));
    let kinds: Vec<_> = house.account().await.activity;
    let kinds: Vec<_> = kinds.iter().take(4).map(|one| one.kind).collect();
    use ActivityKind::{Login, RecoveryCodeRejected, RecoveryCodeUsed};
    assert_eq!(
        kinds,
        [
            RecoveryCodeRejected,
            RecoveryCodeRejected,
            Login,
            RecoveryCodeUsed
        ]
    );
    let use_act = Act::UseRecoveryCode;
    assert_eq!(audited(&house, use_act, None), 1);
    assert_eq!(audited(&house, use_act, Some("wrong-recovery-code")), 2);
    assert_eq!(audited(&house, Act::IssueRecoveryCodes, None), 1);
    assert_eq!(letters(&house, LetterKind::RecoveryCodesIssued).await, 1);
    assert_eq!(letters(&house, LetterKind::RecoveryCodeUsed).await, 1);
    let logged = format!("{:?}", house.audit.0.lock().unwrap());
    for code in &paper {
        assert!(!logged.contains(code.grouped().as_str()));
    }
}

#[tokio::test]
async fn wrong_codes_of_either_kind_share_one_count_and_one_wait() {
    let Prepared {
        house,
        phone,
        paper,
    } = prepared().await;
    let awaiting = house.awaiting().await;
    let wrong_passcode = || Passcode::parse("000000").unwrap();
    // 1, 1, 3, 5 seconds, whichever kind was wrong.
    for (number, wait) in [1, 1, 3, 5].into_iter().enumerate() {
        let outcome = if number % 2 == 0 {
            check(&house, &awaiting, &wrong()).await
        } else {
            check_phone(&house, &awaiting, wrong_passcode()).await
        };
        let expected = Refusal::Rejected {
            wait: std::time::Duration::from_secs(wait),
        };
        assert_eq!(refusal(&outcome), expected, "failure {number}");
        // Neither kind is judged before, not even a right one.
        let right = check(&house, &awaiting, &paper[0]).await;
        assert!(matches!(refusal(&right), Refusal::Wait(_)), "{right:?}");
        let right = check_phone(&house, &awaiting, house.code(&phone)).await;
        assert!(matches!(refusal(&right), Refusal::Wait(_)), "{right:?}");
        house.clock.pass(wait);
    }
    assert_eq!(house.account().await.passcode_throttle.failures, 4);
    assert_eq!(
        left(&house).await,
        Some(10),
        "what was not judged is not spent"
    );
    granted(check(&house, &awaiting, &paper[0]).await);
    assert_eq!(house.account().await.passcode_throttle.failures, 0);
}

#[tokio::test]
async fn a_held_authenticator_takes_no_recovery_code_either() {
    let Prepared { house, paper, .. } = prepared().await;
    let awaiting = house.awaiting().await;
    for _ in 0..99 {
        check(&house, &awaiting, &wrong()).await;
        house.clock.pass(3600);
    }
    let last = check(&house, &awaiting, &wrong()).await;
    assert_eq!(refusal(&last), Refusal::Held);
    assert_eq!(letters(&house, LetterKind::TotpHeld).await, 1);
    house.clock.pass(1_000_000);
    let right = check(&house, &awaiting, &paper[0]).await;
    assert_eq!(refusal(&right), Refusal::Held);
    assert_eq!(audited(&house, Act::UseRecoveryCode, Some("held")), 1);
    assert_eq!(left(&house).await, Some(10));
}

#[tokio::test]
async fn codes_wait_where_they_are_while_the_rules_have_them_off() {
    let Prepared {
        house,
        phone,
        paper,
    } = prepared().await;
    let awaiting = house.awaiting().await;
    set_recovery_codes(&house, false).await;
    assert!(!offered(&house).await);
    let refused = check(&house, &awaiting, &paper[0]).await;
    assert_eq!(refusal(&refused), Refusal::Ended);
    let reason = Some("recovery-codes-off");
    assert_eq!(audited(&house, Act::UseRecoveryCode, reason), 1);
    assert_eq!(house.account().await.passcode_throttle.failures, 0);
    let at_home = log_in(&house, &phone).await;
    assert!(at_home.recovery.is_none(), "home shows nothing of them");
    let outcome = issue(&house, &at_home.authenticated, None).await;
    assert!(
        matches!(outcome, IssueOutcome::Refused(Refusal::RecoveryCodesOff)),
        "{outcome:?}"
    );
    set_recovery_codes(&house, true).await;
    assert!(offered(&house).await);
    granted(check(&house, &awaiting, &paper[0]).await);
}

#[tokio::test]
async fn new_codes_end_the_old_ones_and_want_a_fresh_code() {
    let Prepared {
        house,
        phone,
        paper,
    } = prepared().await;
    let at_home = log_in(&house, &phone).await.authenticated;
    house.clock.pass(301);
    let bare = issue(&house, &at_home, None).await;
    assert!(
        matches!(bare, IssueOutcome::Refused(Refusal::FreshPasscodeWanted)),
        "{bare:?}"
    );
    let wrong_passcode = Passcode::parse("000000").unwrap();
    let refused = issue(&house, &at_home, Some(wrong_passcode)).await;
    assert!(
        matches!(refused, IssueOutcome::Refused(Refusal::Rejected { .. })),
        "{refused:?}"
    );
    assert_eq!(house.account().await.passcode_throttle.failures, 1);
    house.clock.pass(1);
    let code = house.code(&phone);
    let new = match issue(&house, &at_home, Some(code)).await {
        IssueOutcome::Issued(codes, granted) => {
            assert!(granted.authenticated.totp_is_fresh(house.clock.monotonic()));
            codes.iter().cloned().collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let spent = house.account().await.authenticator.last_step();
    assert_eq!(spent, Some(TimeStep::at(house.clock.now())));
    let awaiting = house.awaiting().await;
    for old in &paper {
        let refused = check(&house, &awaiting, old).await;
        assert!(
            matches!(refusal(&refused), Refusal::Rejected { .. }),
            "{refused:?}"
        );
        house.clock.pass(3600);
    }
    granted(check(&house, &awaiting, &new[9]).await);
    assert_eq!(left(&house).await, Some(9));
}

#[tokio::test]
async fn a_recovery_code_is_fresh_for_ones_own_totp_and_never_counts_as_the_phone() {
    let Prepared { house, paper, .. } = prepared().await;
    let awaiting = house.awaiting().await;
    let at_home = granted(check(&house, &awaiting, &paper[0]).await).authenticated;
    let now = house.clock.monotonic();
    assert!(at_home.passcode_is_fresh(now) && !at_home.totp_is_fresh(now));
    let last = now + Authenticated::PASSCODE_FRESH_FOR;
    assert!(at_home.passcode_is_fresh(last));
    assert!(!at_home.passcode_is_fresh(last + Duration::from_nanos(1)));
    // With the phone lost: renew, and later nothing more.
    let new = issued(&house, &at_home).await;
    house.clock.pass(301);
    assert!(!at_home.passcode_is_fresh(house.clock.monotonic()));
    let stale = issue(&house, &at_home, None).await;
    assert!(
        matches!(stale, IssueOutcome::Refused(Refusal::FreshPasscodeWanted)),
        "{stale:?}"
    );
    // Logged in anew, TOTP is switched off and a new phone is activated.
    let awaiting = house.awaiting().await;
    let at_home = granted(check(&house, &awaiting, &new[0]).await).authenticated;
    let enrollment = &house.services.enrollment;
    let disabled = enrollment.disable(&at_home, None, &here()).await.unwrap();
    let DisableOutcome::Disabled(at_home) = disabled else {
        panic!("{disabled:?}")
    };
    assert_eq!(left(&house).await, None, "they go with the key");
    let prover = Prover::AtHome(at_home.authenticated);
    let started = enrollment.start(&prover, &here()).await.unwrap();
    let StartOutcome::Started(NewKey { provisioning, .. }) = started else {
        panic!("{started:?}")
    };
    // A key that is not proved has no codes, and the old key's are worth nothing.
    let awaiting = house.awaiting().await;
    assert!(!offered(&house).await);
    let refused = check(&house, &awaiting, &new[1]).await;
    assert_eq!(refusal(&refused), Refusal::Ended);
    house.clock.pass(60);
    let next = house::secret_of(provisioning.uri());
    let activated = granted(check_phone(&house, &awaiting, house.code(&next)).await);
    assert!(activated.activated);
    assert!(
        activated
            .authenticated
            .totp_is_fresh(house.clock.monotonic())
    );
    let state = activated.recovery.expect("they are of use again");
    assert_eq!((state.issued, state.left), (None, 0));
    let refused = check(&house, &awaiting, &new[1]).await;
    assert_eq!(refusal(&refused), Refusal::Ended);
    assert_eq!(house.account().await.passcode_throttle.failures, 0);
}

#[tokio::test]
async fn a_reset_ends_the_codes() {
    let Prepared { house, paper, .. } = prepared().await;
    let awaiting = house.awaiting().await;
    let accounts = &house.services.accounts;
    accounts.reset_totp(&ppk30(), &here()).await.unwrap();
    assert_eq!(left(&house).await, None);
    let refused = check(&house, &awaiting, &paper[0]).await;
    assert_eq!(refusal(&refused), Refusal::Ended);
}

#[tokio::test]
async fn codes_moved_to_another_accounts_record_open_nothing() {
    let Prepared {
        house,
        phone,
        paper,
    } = prepared().await;
    let at_home = log_in(&house, &phone).await.authenticated;
    let sealed = house.account().await.recovery;
    issued(&house, &at_home).await;
    let store = Accounts::new(house.foundation.store.clone());
    // Another account's record with what is kept of PPK30's codes.
    let other = AccountKey::new(UserType::Penyedia, UserId::parse("CVMAJU").unwrap());
    let mut account = house.account().await;
    account.key = other.clone();
    account.recovery = sealed;
    store.add(account).await.unwrap();
    let claimed = lpse_kiosk::domain::Identified {
        account: other.clone(),
    };
    let authentication = &house.services.authentication;
    let password = house::password(house::PASSWORD);
    let from = here();
    let outcome = authentication.check_password(claimed, password, &from);
    let PasswordOutcome::PasscodeWanted { awaiting, .. } = outcome.await.unwrap() else {
        panic!("a code is wanted")
    };
    let recovery = &house.services.recovery;
    let checked = recovery.check(&awaiting, paper[0].clone(), &here()).await;
    let error = checked.unwrap_err().to_string();
    assert!(error.contains("moved here from another record"), "{error}");
}

/// The services of `house`, at which the rules have recovery codes off from their next commit on.
fn recovery_codes_off(house: &House) -> Services {
    let store = house.foundation.store.clone();
    let off = LoginRules {
        recovery_codes: false,
        ..Policy::Enabled.into()
    };
    meddled(house, async move {
        Settings::new(store).set_rules(off).await.unwrap();
    })
}

#[tokio::test]
async fn rules_that_change_between_the_look_and_the_grant_grant_nothing() {
    let Prepared {
        house,
        phone,
        paper,
    } = prepared().await;
    let awaiting = house.awaiting().await;
    let logins = house.logins();
    let outcome = recovery_codes_off(&house)
        .recovery
        .check(&awaiting, paper[0].clone(), &here())
        .await;
    assert_eq!(refusal(&outcome.unwrap()), Refusal::Ended);
    assert_eq!((left(&house).await, house.logins()), (Some(10), logins));
    set_recovery_codes(&house, true).await;
    let at_home = log_in(&house, &phone).await.authenticated;
    let before = house.account().await.recovery;
    let outcome = recovery_codes_off(&house)
        .recovery
        .issue(&at_home, None, &here())
        .await
        .unwrap();
    assert!(
        matches!(outcome, IssueOutcome::Refused(Refusal::RecoveryCodesOff)),
        "{outcome:?}"
    );
    assert_eq!(house.account().await.recovery, before);
}

#[tokio::test]
async fn whoever_is_shown_a_key_is_told_rightly_whether_recovery_codes_follow() {
    for (policy, recovery_codes) in [
        (Policy::Enabled, true),
        (Policy::Enabled, false),
        (Policy::Disabled, true),
    ] {
        let house = house(Policy::Enabled).await;
        let rules = LoginRules {
            policy,
            recovery_codes,
        };
        house.services.policy.set(rules, &here()).await.unwrap();
        let PasswordOutcome::Granted(at_home) = house.login().await else {
            panic!("a login without a code");
        };
        let prover = Prover::AtHome(at_home.authenticated);
        let enrollment = &house.services.enrollment;
        let StartOutcome::Started(key) = enrollment.start(&prover, &here()).await.unwrap() else {
            panic!("a key");
        };
        let code = house.code(&house::secret_of(key.provisioning.uri()));
        let proved = enrollment
            .prove(&prover, None, code, &here())
            .await
            .unwrap();
        let ProveOutcome::Activated(granted) = proved else {
            panic!("{proved:?}");
        };
        let are_of_use = granted.recovery.is_some_and(|state| state.issued.is_none());
        assert_eq!(key.codes_follow, are_of_use, "{rules:?}");
        assert_eq!(
            are_of_use,
            policy == Policy::Enabled && recovery_codes,
            "{rules:?}"
        );
    }
}

#[tokio::test]
async fn a_right_code_of_any_kind_ends_the_count_of_the_wrong_ones() {
    let Prepared {
        house,
        phone,
        paper,
    } = prepared().await;
    let counted = async || house.account().await.passcode_throttle.failures;
    let guess = async || {
        let awaiting = house.awaiting().await;
        refusal(&check(&house, &awaiting, &wrong()).await);
        assert_eq!(counted().await, 1);
        house.clock.pass(60);
    };
    guess().await;
    let at_home = log_in(&house, &phone).await.authenticated;
    assert_eq!(counted().await, 0, "a code of the phone");
    guess().await;
    granted(check(&house, &house.awaiting().await, &paper[0]).await);
    assert_eq!(counted().await, 0, "a recovery code");
    let enrollment = &house.services.enrollment;
    let disabled = enrollment.disable(&at_home, None, &here()).await.unwrap();
    let DisableOutcome::Disabled(off) = disabled else {
        panic!("TOTP is off, not {disabled:?}");
    };
    let prover = Prover::AtHome(off.authenticated);
    let StartOutcome::Started(NewKey {
        provisioning: key, ..
    }) = enrollment.start(&prover, &here()).await.unwrap()
    else {
        panic!("a key");
    };
    let none = Passcode::parse("000000").unwrap();
    enrollment
        .prove(&prover, None, none, &here())
        .await
        .unwrap();
    assert_eq!(counted().await, 1);
    house.clock.pass(60);
    let code = house.code(&house::secret_of(key.uri()));
    enrollment
        .prove(&prover, None, code, &here())
        .await
        .unwrap();
    assert_eq!(counted().await, 0, "the first code of a new key");
}
