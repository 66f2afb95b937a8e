//! A password of one's own without a screen: who may change it, what counts against whom, what ends with it, and what a
//! one-time password opens.

use std::sync::LazyLock;
use support::house;

use lpse_kiosk::{
    domain::{
        ActivityKind, Authenticated, AwaitingPassword, Passcode, Policy, Refusal, Source, TimeStep,
        audit::{Act, AuditOutcome},
        letter::LetterKind,
        password::PasswordRuleError,
        throttle::PasswordFailures,
    },
    ports::Clock,
    service::{
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{NewKey, ProveOutcome, Prover, StartOutcome},
        own_password::ChangeOutcome,
    },
    session::proofs::{LoggedIn, Proofs},
};
use support::house::{House, PASSWORD, here, house, password, ppk30};
use support::meddled::edit;

/// The terminal of everybody here.
static HERE: LazyLock<Source> = LazyLock::new(here);

const NEW: &str = "perahu layar 7 biru";
const ONE_TIME: &str = "sementara 4 hari saja";

async fn at_home(house: &House) -> Authenticated {
    match house.login().await {
        PasswordOutcome::Granted(granted) => granted.authenticated,
        other => panic!("a login, not {other:?}"),
    }
}

async fn due(house: &House) -> AwaitingPassword {
    match house.login_with(ONE_TIME).await {
        PasswordOutcome::PasswordDue(due) => due.awaiting,
        other => panic!("a password is due, not {other:?}"),
    }
}

async fn change(house: &House, who: &Authenticated, current: &str, new: &str) -> ChangeOutcome {
    change_with(house, who, (current, new), None).await
}

async fn change_with(
    house: &House,
    who: &Authenticated,
    (current, new): (&str, &str),
    passcode: Option<Passcode>,
) -> ChangeOutcome {
    let own_password = &house.services.own_password;
    let changed = own_password.change(who, password(current), password(new), passcode, &HERE);
    changed.await.unwrap()
}

async fn replace(house: &House, awaiting: &AwaitingPassword, new: &str) -> ChangeOutcome {
    let own_password = &house.services.own_password;
    let replaced = own_password.replace(awaiting, password(new), &HERE);
    replaced.await.unwrap()
}

fn went_on(outcome: ChangeOutcome) -> Authenticated {
    match outcome {
        ChangeOutcome::Changed(granted) => granted.authenticated,
        other => panic!("a changed password, not {other:?}"),
    }
}

async fn is_home(house: &House, who: &Authenticated) -> bool {
    let enrollment = &house.services.enrollment;
    enrollment.home(who).await.unwrap().is_some()
}

/// The last of the audit log, oldest first: acts with how they ended.
fn last(house: &House, count: usize) -> Vec<(Act, String)> {
    let events = house.audit.0.lock().unwrap();
    let said = |outcome: &AuditOutcome| match outcome {
        AuditOutcome::Done => "done".to_owned(),
        AuditOutcome::Refused(reason) => reason.to_string(),
        other => format!("{other:?}"),
    };
    let from = events.len() - count;
    let last = events[from..].iter();
    last.map(|event| (event.act, said(&event.outcome)))
        .collect()
}

async fn letters(house: &House) -> Vec<LetterKind> {
    let page = house.services.outbox.page(None, 50).await.unwrap();
    page.letters
        .iter()
        .map(|waiting| waiting.letter.kind)
        .collect()
}

async fn activities(house: &House) -> Vec<ActivityKind> {
    let account = house.account().await;
    account.activity.iter().map(|one| one.kind).collect()
}

#[tokio::test]
async fn a_changed_password_is_told_and_leaves_one_login_open() {
    let house = house(Policy::Enabled).await;
    let (mine, other) = (at_home(&house).await, at_home(&house).await);
    let mut ended = house.services.ended_logins();
    let mine = went_on(change(&house, &mine, PASSWORD, NEW).await);
    assert_eq!(last(&house, 1), [(Act::ChangePassword, "done".into())]);
    assert!(is_home(&house, &mine).await, "whoever changed it stays");
    assert!(!is_home(&house, &other).await, "every other login ends");
    let ended = ended.try_recv().unwrap();
    let open = |authenticated: &Authenticated| {
        Proofs::LoggedIn(LoggedIn {
            authenticated: authenticated.clone(),
            previous_login: None,
            shown: None,
        })
    };
    assert!(open(&other).are_ended_by(&ended) && !open(&mine).are_ended_by(&ended));
    assert_eq!(letters(&house).await, [LetterKind::PasswordChanged]);
    assert_eq!(activities(&house).await[0], ActivityKind::PasswordChanged);
    let old = house.login().await;
    assert!(
        matches!(old, PasswordOutcome::Refused(Refusal::Rejected { .. })),
        "{old:?}"
    );
    let new = house.login_with(NEW).await;
    assert!(matches!(new, PasswordOutcome::Granted(_)), "{new:?}");
    assert!(!matches!(
        change(&house, &other, NEW, "gunung teduh 5 ungu").await,
        ChangeOutcome::Changed(_)
    ));
}

#[tokio::test]
async fn guesses_at_an_open_home_and_at_the_login_share_one_count() {
    let house = house(Policy::Enabled).await;
    let mine = at_home(&house).await;
    for _ in 0..2 {
        let outcome = change(&house, &mine, "bukan yang ini", NEW).await;
        assert!(
            matches!(outcome, ChangeOutcome::Refused(Refusal::CurrentRejected { wait }) if wait.is_zero()),
            "{outcome:?}"
        );
    }
    assert_eq!(
        last(&house, 1),
        [(Act::ChangePassword, "wrong-password".into())]
    );
    let third = change(&house, &mine, "bukan yang ini", NEW).await;
    assert!(
        matches!(third, ChangeOutcome::Refused(Refusal::CurrentRejected { wait }) if !wait.is_zero()),
        "{third:?}"
    );
    // Not even the right one is judged before the wait is over, here as at the login.
    let right = change(&house, &mine, PASSWORD, NEW).await;
    assert!(
        matches!(right, ChangeOutcome::Refused(Refusal::CurrentWait(_))),
        "{right:?}"
    );
    let login = house.login().await;
    assert!(
        matches!(login, PasswordOutcome::Refused(Refusal::Wait(_))),
        "{login:?}"
    );
    house.clock.pass(1);
    went_on(change(&house, &mine, PASSWORD, NEW).await);
    let wrong = house.login().await;
    assert!(
        matches!(wrong, PasswordOutcome::Refused(Refusal::Rejected { wait }) if wait.is_zero()),
        "the right one has cleared the count: {wrong:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_guesses_at_home_meet_the_count_of_those_before() {
    let house = house(Policy::Enabled).await;
    let mine = at_home(&house).await;
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..32 {
        let (services, mine) = (house.services.clone(), mine.clone());
        guesses.spawn(async move {
            let guess = password(&format!("tebakan nomor {number}"));
            let own_password = &services.own_password;
            let changed = own_password.change(&mine, guess, password(NEW), None, &HERE);
            matches!(
                changed.await.unwrap(),
                ChangeOutcome::Refused(Refusal::CurrentRejected { .. })
            )
        });
    }
    let judged = guesses
        .join_all()
        .await
        .into_iter()
        .filter(|is| *is)
        .count();
    // Two are free, the third begins to wait.
    assert_eq!(judged, 3);
}

#[tokio::test]
async fn a_login_older_than_five_minutes_brings_a_fresh_code_and_spends_it() {
    let house = house(Policy::Enabled).await;
    let secret = house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    let code = house.code(&secret);
    let outcome = authentication.check_passcode(&awaiting, code, &HERE);
    let PasscodeOutcome::Granted(granted) = outcome.await.unwrap() else {
        panic!("a login")
    };
    let mine = granted.authenticated;
    house.clock.pass(301);
    let words = (PASSWORD, NEW);
    let bare = change_with(&house, &mine, words, None).await;
    assert!(
        matches!(bare, ChangeOutcome::Refused(Refusal::FreshPasscodeWanted)),
        "{bare:?}"
    );
    let wrong = Passcode::parse("000000").unwrap();
    let refused = change_with(&house, &mine, words, Some(wrong)).await;
    assert!(
        matches!(refused, ChangeOutcome::Refused(Refusal::Rejected { .. })),
        "{refused:?}"
    );
    assert_eq!(house.account().await.passcode_throttle.failures, 1);
    assert_eq!(activities(&house).await[0], ActivityKind::PasscodeRejected);
    house.clock.pass(1);
    let code = house.code(&secret);
    let mine = went_on(change_with(&house, &mine, words, Some(code)).await);
    let step = TimeStep::at(house.clock.0.lock().unwrap().0);
    let account = house.account().await;
    assert_eq!(account.authenticator.last_step(), Some(step));
    // The same login, whose code is now fresh.
    let again = (NEW, "gunung teduh 5 ungu");
    went_on(change_with(&house, &mine, again, None).await);
    // Nobody is asked for a code where the policy asks none.
    house.clock.pass(301);
    let policy = &house.services.policy;
    policy.set(Policy::Disabled.into(), &HERE).await.unwrap();
    let PasswordOutcome::Granted(granted) = house.login_with(again.1).await else {
        panic!("a login")
    };
    let words = (again.1, NEW);
    went_on(change_with(&house, &granted.authenticated, words, None).await);
}

#[tokio::test]
async fn a_new_password_keeps_the_rules_and_differs() {
    let house = house(Policy::Enabled).await;
    let mine = at_home(&house).await;
    for (new, why) in [
        ("kuda9!x", PasswordRuleError::TooShort),
        ("password1", PasswordRuleError::Common),
        ("rahmawati7", PasswordRuleError::Common),
        (PASSWORD, PasswordRuleError::Unchanged),
    ] {
        let outcome = change(&house, &mine, PASSWORD, new).await;
        assert!(
            matches!(outcome, ChangeOutcome::Refused(Refusal::NewPassword(refused)) if refused == why),
            "{new}: {outcome:?}"
        );
    }
    house.issue(ONE_TIME).await;
    let awaiting = due(&house).await;
    for (new, why) in [
        ("siti@contoh.go.id", PasswordRuleError::Common),
        (ONE_TIME, PasswordRuleError::Unchanged),
    ] {
        let outcome = replace(&house, &awaiting, new).await;
        assert!(
            matches!(outcome, ChangeOutcome::Refused(Refusal::NewPassword(refused)) if refused == why),
            "{new}: {outcome:?}"
        );
    }
    went_on(replace(&house, &awaiting, NEW).await);
}

#[tokio::test]
async fn a_one_time_password_is_no_login_until_it_is_replaced() {
    let house = house(Policy::Enabled).await;
    house.issue(ONE_TIME).await;
    house.clock.pass(60);
    let old = house.login().await;
    assert!(
        matches!(old, PasswordOutcome::Refused(Refusal::Rejected { .. })),
        "{old:?}"
    );
    let awaiting = due(&house).await;
    assert_eq!(house.logins(), 0);
    assert_eq!(house.account().await.last_login, None);
    // However often it is given, before it is replaced.
    let second = due(&house).await;
    let mine = went_on(replace(&house, &awaiting, NEW).await);
    assert!(is_home(&house, &mine).await);
    assert_eq!(
        last(&house, 2),
        [
            (Act::ChangePassword, "done".into()),
            (Act::Login, "done".into())
        ]
    );
    assert_eq!(
        activities(&house).await,
        [
            ActivityKind::Login,
            ActivityKind::PasswordChanged,
            ActivityKind::PasswordIssued
        ]
    );
    assert_eq!(
        letters(&house).await,
        [LetterKind::PasswordIssued, LetterKind::PasswordChanged]
    );
    let account = house.account().await;
    assert_eq!(account.one_time_password, None);
    assert!(account.last_login.is_some());
    let late = replace(&house, &second, "gunung teduh 5 ungu").await;
    assert!(
        matches!(late, ChangeOutcome::Refused(Refusal::Ended)),
        "{late:?}"
    );
    let spent = house.login_with(ONE_TIME).await;
    assert!(
        matches!(spent, PasswordOutcome::Refused(Refusal::Rejected { .. })),
        "{spent:?}"
    );
}

#[tokio::test]
async fn a_code_comes_before_the_replacement_and_is_spent_by_it() {
    let house = house(Policy::Enabled).await;
    let secret = house.activate().await;
    house.issue(ONE_TIME).await;
    house.clock.pass(60);
    let PasswordOutcome::PasscodeWanted { awaiting, .. } = house.login_with(ONE_TIME).await else {
        panic!("a code is wanted")
    };
    let logins = house.logins();
    let code = house.code(&secret);
    let authentication = &house.services.authentication;
    let outcome = authentication.check_passcode(&awaiting, code, &HERE);
    let PasscodeOutcome::PasswordDue(due) = outcome.await.unwrap() else {
        panic!("a password is due")
    };
    assert_eq!(house.logins(), logins);
    let again = authentication.check_passcode(&awaiting, code, &HERE);
    let again = again.await.unwrap();
    assert!(
        matches!(again, PasscodeOutcome::Refused(_)),
        "the code is spent: {again:?}"
    );
    let mine = went_on(replace(&house, &due.awaiting, NEW).await);
    assert_eq!(house.logins(), logins + 1);
    // The code of the login is as fresh for what comes next.
    let disabled = house.services.enrollment.disable(&mine, None, &HERE);
    let disabled = format!("{:?}", disabled.await.unwrap());
    assert!(disabled.starts_with("Disabled"), "{disabled}");
}

#[tokio::test]
async fn activation_comes_before_the_replacement_too() {
    let house = house(Policy::Required).await;
    house.issue(ONE_TIME).await;
    let PasswordOutcome::EnrollmentWanted(awaiting) = house.login_with(ONE_TIME).await else {
        panic!("activation is wanted")
    };
    let prover = Prover::Awaiting(awaiting);
    let enrollment = &house.services.enrollment;
    let StartOutcome::Started(NewKey {
        provisioning,
        codes_follow,
        ..
    }) = enrollment.start(&prover, &HERE).await.unwrap()
    else {
        panic!("a key")
    };
    assert!(!codes_follow, "a password follows");
    let code = house.code(&house::secret_of(provisioning.uri()));
    let proved = enrollment.prove(&prover, None, code, &HERE).await.unwrap();
    let ProveOutcome::PasswordDue(due) = proved else {
        panic!("a password is due, not {proved:?}")
    };
    assert_eq!(house.logins(), 0);
    went_on(replace(&house, &due.awaiting, NEW).await);
    assert_eq!(house.logins(), 1);
}

#[tokio::test]
async fn a_policy_that_came_to_ask_for_a_code_is_obeyed_before_the_replacement() {
    let house = house(Policy::Enabled).await;
    house.issue(ONE_TIME).await;
    let awaiting = due(&house).await;
    let policy = &house.services.policy;
    policy.set(Policy::Required.into(), &HERE).await.unwrap();
    let outcome = replace(&house, &awaiting, NEW).await;
    assert!(
        matches!(outcome, ChangeOutcome::Refused(Refusal::Ended)),
        "{outcome:?}"
    );
    assert!(house.account().await.one_time_password.is_some());
}

#[tokio::test]
async fn an_expired_one_time_password_is_a_wrong_one_whatever_the_clock_says_later() {
    const DAY: u64 = 24 * 60 * 60;
    let house = house(Policy::Enabled).await;
    house.issue(ONE_TIME).await;
    let awaiting = due(&house).await;
    house.clock.pass(DAY);
    let late = replace(&house, &awaiting, NEW).await;
    assert!(
        matches!(late, ChangeOutcome::Refused(Refusal::Ended)),
        "{late:?}"
    );
    let refused = async || {
        let outcome = house.login_with(ONE_TIME).await;
        assert!(
            matches!(outcome, PasswordOutcome::Refused(Refusal::Rejected { .. })),
            "{outcome:?}"
        );
        last(&house, 1)
    };
    let expired = [(Act::CheckPassword, "expired-one-time-password".to_owned())];
    assert_eq!(refused().await, expired);
    house.clock.set_back(DAY / 2);
    assert_eq!(refused().await, expired, "seen to be over, it stays over");
    let wrong = house.login().await;
    assert!(
        matches!(wrong, PasswordOutcome::Refused(Refusal::Rejected { wait }) if !wait.is_zero()),
        "an expired one counts like a wrong one: {wrong:?}"
    );
}

/// What a guess that is not looked at did to the account would tell whoever can see it, or wait for it, that it was right.
#[tokio::test]
async fn an_expired_one_time_password_that_is_not_looked_at_is_not_noted_as_seen() {
    let house = house(Policy::Enabled).await;
    at_home(&house).await;
    house.issue(ONE_TIME).await;
    house.clock.pass(24 * 60 * 60);
    // Kept with the account, as when guesses at others have pushed it out of the source's own record.
    let last_failure = house.clock.now();
    edit(&house.foundation.store, &ppk30(), |account| {
        account.known_sources[0].failures = Some(PasswordFailures {
            failures: 9,
            last_failure,
        });
    })
    .await;
    let before = house.account().await.one_time_password;
    let unheard = house.login_with(ONE_TIME).await;
    assert!(
        matches!(unheard, PasswordOutcome::Refused(Refusal::Rejected { .. })),
        "{unheard:?}"
    );
    let unjudged = [(Act::CheckPassword, "not-judged-waiting".to_owned())];
    assert_eq!(last(&house, 1), unjudged);
    assert_eq!(house.account().await.one_time_password, before);
}

#[tokio::test]
async fn a_clock_set_back_by_years_makes_no_one_time_password_good_for_years() {
    let house = house(Policy::Enabled).await;
    house.issue(ONE_TIME).await;
    // What a correction of the clock may do after the officer's act.
    house.clock.set_back(60);
    due(&house).await;
    house.clock.set_back(365 * 24 * 60 * 60);
    let outcome = house.login_with(ONE_TIME).await;
    assert!(
        matches!(outcome, PasswordOutcome::Refused(Refusal::Rejected { .. })),
        "{outcome:?}"
    );
    assert_eq!(house.account().await.key, ppk30());
}

#[tokio::test]
async fn a_strangers_guesses_from_elsewhere_do_not_keep_the_owner_from_changing_it() {
    let house = house(Policy::Enabled).await;
    let mine = at_home(&house).await;
    let elsewhere = Source::Peer([192, 0, 2, 7].into());
    let claimed = || lpse_kiosk::domain::Identified { account: ppk30() };
    for _ in 0..5 {
        let guess = password("tebakan orang lain");
        let authentication = &house.services.authentication;
        let guessed = authentication.check_password(claimed(), guess, &elsewhere);
        guessed.await.unwrap();
    }
    went_on(change(&house, &mine, PASSWORD, NEW).await);
}
