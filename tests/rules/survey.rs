//! What monitoring asks of the store: how many have TOTP, whatever people, officers and operators do.

use lpse_kiosk::{
    domain::{
        Policy, UserType,
        audit::{Act, AuditOutcome},
        totp_counts::TotpStage,
    },
    service::authentication::PasscodeOutcome,
    store::{Commit, Key, Store, Value},
};
use support::house::{House, here, house, ppk30, tagged_house};

/// Accounts without TOTP, with a key that no code has proved, and with TOTP.
async fn counted(house: &House) -> [i64; 3] {
    let counts = house.services.survey.accounts().await.unwrap();
    let counts = counts.expect("all are counted");
    let checked = house.services.store_check.check(&here(), |_| {}).await;
    assert_eq!(checked.unwrap().totp, counts);
    TotpStage::ALL.map(|stage| {
        let of = |user_type| counts.get(user_type, stage);
        UserType::ALL.map(of).iter().sum()
    })
}

async fn numbers(store: &dyn Store) -> Vec<(Key, Value)> {
    let prefix = Key::all_totp_counts();
    store.page(&prefix, None, 99).await.unwrap()
}

#[tokio::test]
async fn accounts_are_counted_as_they_change_and_a_login_touches_no_number() {
    let house = house(Policy::Enabled).await;
    let survey = &house.services.survey;
    assert_eq!(survey.accounts().await.unwrap(), None, "of before");
    survey.count_accounts().await.unwrap();
    assert_eq!(counted(&house).await, [1, 0, 0]);
    let phone = house.activate().await;
    assert_eq!(counted(&house).await, [0, 0, 1]);
    house.clock.pass(60);
    let store = &*house.foundation.store;
    let before = numbers(store).await;
    let awaiting = house.awaiting().await;
    let authentication = &house.services.authentication;
    let code = house.code(&phone);
    let checked = authentication
        .check_passcode(&awaiting, code, &here())
        .await;
    assert!(matches!(checked.unwrap(), PasscodeOutcome::Granted(_)));
    assert_eq!(numbers(store).await, before);
    house
        .services
        .accounts
        .remove(&ppk30(), &here())
        .await
        .unwrap();
    assert_eq!(counted(&house).await, [0, 0, 0]);
}

#[tokio::test]
async fn numbers_that_are_wrong_are_found_and_counted_anew() {
    let (house, _) = tagged_house(Policy::Enabled).await;
    house.services.survey.count_accounts().await.unwrap();
    house.activate().await;
    let store = &*house.foundation.store;
    let wrong = numbers(store).await.into_iter();
    let wrong = wrong.fold(Commit::new(), |commit, (key, _)| commit.remove(key));
    store.commit(wrong).await.unwrap();
    let check = &house.services.store_check;
    let checked = check.check(&here(), |_| {}).await.unwrap();
    assert!(checked.is_whole() && checked.is_totp_miscounted() && !checked.is_good());
    let recorded = house.audit.0.lock().unwrap().last().cloned().unwrap();
    assert_eq!(recorded.act, Act::CheckStore);
    assert!(matches!(recorded.outcome, AuditOutcome::Failed(_)));
    check.accept(&here(), |_| {}).await.unwrap();
    assert!(check.check(&here(), |_| {}).await.unwrap().is_good());
    assert_eq!(counted(&house).await, [0, 0, 1]);
}
