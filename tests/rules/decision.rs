//! What every decision holds to, whatever is decided: a race that is lost is run again, but not for ever, and what changed
//! between the look and the commit is looked at again.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use lpse_kiosk::{
    domain::{Identified, Passcode, Policy, Refusal, audit::Act},
    service::{
        ServiceError, Services,
        authentication::{PasscodeOutcome, PasswordOutcome},
        enrollment::{DisableOutcome, Prover, StartOutcome},
    },
    store::{Outcome, settings::Settings},
};
use support::house::{House, PASSWORD, here, house, password, ppk30};
use support::meddled::{edit, meddled, over};

fn claimed() -> Identified {
    Identified { account: ppk30() }
}

#[tokio::test]
async fn whoever_loses_every_race_is_told_so_in_the_end_and_granted_nothing() {
    let house = house(Policy::Enabled).await;
    let lost = Arc::new(AtomicU32::new(0));
    let count = lost.clone();
    // Somebody else is always faster.
    let services = over(&house, move |_, _| {
        count.fetch_add(1, Relaxed);
        async { Ok(Outcome::Conflict) }
    });
    let before = house.account().await;
    let (typed, from) = (password(PASSWORD), here());
    let checked = services
        .authentication
        .check_password(claimed(), typed, &from);
    let error = checked.await.unwrap_err();
    assert!(matches!(error, ServiceError::Unavailable(_)), "{error}");
    let lost = lost.load(Relaxed);
    assert!((100..10_000).contains(&lost), "{lost} tries");
    assert_eq!((house.logins(), house.account().await), (0, before));
}

/// Services at which the policy becomes `policy` right before their next commit.
fn meanwhile(house: &House, policy: Policy) -> Services {
    let store = house.foundation.store.clone();
    meddled(house, async move {
        let settings = Settings::new(store);
        settings.set_rules(policy.into()).await.unwrap();
    })
}

#[tokio::test]
async fn a_policy_that_comes_to_ask_for_a_code_between_the_look_and_the_grant_grants_nothing() {
    let house = house(Policy::Enabled).await;
    let before = house.account().await;
    let try_while = async |policy| {
        let services = meanwhile(&house, policy);
        let (typed, from) = (password(PASSWORD), here());
        let checked = services
            .authentication
            .check_password(claimed(), typed, &from);
        checked.await.unwrap()
    };
    let outcome = try_while(Policy::Required).await;
    assert!(
        matches!(outcome, PasswordOutcome::EnrollmentWanted(_)),
        "{outcome:?}"
    );
    assert_eq!((house.logins(), house.account().await), (0, before));
    // What changes meanwhile and asks for nothing keeps nobody out.
    let policy = &house.services.policy;
    policy.set(Policy::Disabled.into(), &here()).await.unwrap();
    let outcome = try_while(Policy::Enabled).await;
    assert!(
        matches!(outcome, PasswordOutcome::Granted(_)),
        "{outcome:?}"
    );
    assert_eq!(house.logins(), 1);
}

#[tokio::test]
async fn whoever_switches_totp_off_while_the_policy_comes_to_require_it_gets_a_new_key() {
    let house = house(Policy::Enabled).await;
    let phone = house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let (code, from) = (house.code(&phone), here());
    let authentication = &house.services.authentication;
    let checked = authentication.check_passcode(&awaiting, code, &from);
    let PasscodeOutcome::Granted(granted) = checked.await.unwrap() else {
        panic!("a login");
    };
    let services = meanwhile(&house, Policy::Required);
    let enrollment = &services.enrollment;
    let disabled = enrollment.disable(&granted.authenticated, None, &from);
    let disabled = disabled.await.unwrap();
    assert!(
        matches!(disabled, DisableOutcome::EnrollmentWanted(..)),
        "{disabled:?}"
    );
    assert!(house.account().await.authenticator.is_pending());
}

#[tokio::test]
async fn a_login_that_is_ended_between_the_look_and_the_commit_does_nothing_more() {
    let house = house(Policy::Enabled).await;
    let PasswordOutcome::Granted(granted) = house.login().await else {
        panic!("a login");
    };
    let store = house.foundation.store.clone();
    let services = meddled(&house, async move {
        edit(&store, &ppk30(), |account| account.generation += 1).await;
    });
    let prover = Prover::AtHome(granted.authenticated);
    let started = services.enrollment.start(&prover, &here()).await.unwrap();
    assert!(
        matches!(started, StartOutcome::Refused(Refusal::Ended)),
        "{started:?}"
    );
    assert!(!house.account().await.authenticator.is_pending());
    let last = house.audit.0.lock().unwrap().pop().unwrap();
    assert_eq!(
        (last.act, last.outcome.reason()),
        (Act::StartEnrollment, Some("ended-login"))
    );
}

#[tokio::test]
async fn a_wrong_code_counts_whatever_else_is_changed_between_the_look_and_the_count() {
    let house = house(Policy::Enabled).await;
    house.activate().await;
    house.clock.pass(60);
    let awaiting = house.awaiting().await;
    let store = house.foundation.store.clone();
    let services = meddled(&house, async move {
        edit(&store, &ppk30(), |account| account.unlocks += 1).await;
    });
    let wrong = Passcode::parse("000000").unwrap();
    let checked = services.authentication;
    let checked = checked.check_passcode(&awaiting, wrong, &here()).await;
    assert!(
        matches!(
            checked,
            Ok(PasscodeOutcome::Refused(Refusal::Rejected { .. }))
        ),
        "{checked:?}"
    );
    let account = house.account().await;
    assert_eq!(
        (account.unlocks, account.passcode_throttle.failures),
        (1, 1)
    );
}
