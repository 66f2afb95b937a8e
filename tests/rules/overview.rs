//! What the desk opens on: who gets onto it by what they do, who does not, and what takes them off it again.

use std::time::Duration;

use lpse_kiosk::{
    domain::{
        AccountKey, Identified, Passcode, Source, UserId, UserType,
        audit::Act,
        officer::{AccountAct, DeskAct, DoneAct, Overview},
        policy::LoginRules,
        stranded::{Cause, Stranded},
    },
    ports::Clock,
    service::{
        authentication::{PasscodeOutcome, PasswordOutcome},
        officer::Answered,
    },
    store::{Key, outbox::Outbox, stranded::StrandedAccounts},
};
use support::house::{here, password, ppk30};

use super::officer::{Desk, desk, on_ppk30, petugas1};

impl Desk {
    async fn overview(&self) -> Overview {
        let officer = &self.house.services.officer;
        let overview = officer.overview(&self.who, &here()).await.unwrap();
        let Answered::Here(overview) = overview else {
            panic!("{overview:?}");
        };
        overview
    }

    /// Who waits for help, by what, and after how many failures.
    async fn stranded(&self) -> Vec<(AccountKey, Cause, u32)> {
        let stranded = self.overview().await.stranded.into_iter();
        let told = stranded.map(|it| (it.key, it.stranded.by, it.stranded.failures));
        told.collect()
    }

    /// Whoever owns PPK30, at the code: this one is wrong.
    async fn wrong_code(&self) {
        let awaiting = self.house.awaiting().await;
        let wrong = Passcode::parse("000000").unwrap();
        let authentication = &self.house.services.authentication;
        let checked = authentication
            .check_passcode(&awaiting, wrong, &here())
            .await;
        let checked = checked.unwrap();
        assert!(
            matches!(checked, PasscodeOutcome::Refused(_)),
            "{checked:?}"
        );
    }

    /// A password for the claimed `key`, typed at `from`.
    async fn wrong_password(&self, key: &AccountKey, from: &Source) {
        let claimed = Identified {
            account: key.clone(),
        };
        let authentication = &self.house.services.authentication;
        let checked = authentication.check_password(claimed, password("salah besar"), from);
        let checked = checked.await.unwrap();
        assert!(
            matches!(checked, PasswordOutcome::Refused(_)),
            "{checked:?}"
        );
        self.house.clock.pass(10 * 60);
    }
}

#[tokio::test]
async fn wrong_codes_put_an_account_on_the_desk_and_ending_the_wait_takes_it_off() {
    let desk = desk().await;
    // Five were wrong already; one more has somebody wait for half a minute.
    desk.house.clock.pass(10);
    desk.wrong_code().await;
    assert_eq!(desk.stranded().await, []);
    desk.house.clock.pass(30);
    desk.wrong_code().await;
    assert_eq!(desk.stranded().await, [(ppk30(), Cause::Codes, 7)]);
    let shown = desk.overview().await;
    assert_eq!(shown.stranded[0].name.as_str(), "Siti Rahmawati");
    assert_eq!(shown.stranded[0].stranded.since, desk.house.clock.now());
    desk.house.clock.pass(60);
    desk.wrong_code().await;
    assert_eq!(desk.stranded().await, [(ppk30(), Cause::Codes, 8)], "once");
    desk.done(on_ppk30(AccountAct::Unlock)).await;
    let after = desk.overview().await;
    assert_eq!(after.stranded, []);
    let unlocked = DoneAct {
        at: desk.house.clock.now(),
        act: Act::Unlock,
        account: Some(ppk30()),
        by: petugas1(),
    };
    assert_eq!(after.acts, [unlocked]);
}

#[tokio::test]
async fn who_helps_themselves_goes_away_or_is_suspended_or_removed_waits_no_longer() {
    let desk = desk().await;
    let stranded = async |desk: &Desk| {
        let now = desk.house.clock.now();
        desk.edit(&ppk30(), |account| {
            account.passcode_throttle.failures = 7;
            account.passcode_throttle.last_failure = Some(now);
        })
        .await;
        assert_eq!(desk.stranded().await.len(), 1);
    };
    stranded(&desk).await;
    desk.house.clock.pass(60);
    let awaiting = desk.house.awaiting().await;
    let code = desk.house.code(&desk.owner);
    let authentication = &desk.house.services.authentication;
    let checked = authentication
        .check_passcode(&awaiting, code, &here())
        .await;
    let checked = checked.unwrap();
    assert!(
        matches!(checked, PasscodeOutcome::Granted(_)),
        "{checked:?}"
    );
    assert_eq!(desk.stranded().await, [], "logged in");

    stranded(&desk).await;
    desk.house.clock.pass(60 * 60);
    assert_eq!(desk.stranded().await, [], "gone away");

    stranded(&desk).await;
    let accounts = &desk.house.services.accounts;
    accounts
        .act(&ppk30(), &AccountAct::Suspend, &here())
        .await
        .unwrap();
    assert_eq!(desk.stranded().await, [], "suspended");
    accounts
        .act(&ppk30(), &AccountAct::Reinstate, &here())
        .await
        .unwrap();
    assert_eq!(
        desk.stranded().await.len(),
        1,
        "reinstated, and waits as before"
    );

    accounts.remove(&ppk30(), &here()).await.unwrap();
    assert_eq!(desk.stranded().await, [], "removed");
}

#[tokio::test]
async fn a_held_account_waits_until_its_totp_is_reset() {
    let desk = desk().await;
    desk.edit(&ppk30(), |account| {
        account.passcode_throttle.failures = 99;
        account.passcode_throttle.last_failure = None;
    })
    .await;
    assert_eq!(desk.stranded().await, []);
    desk.wrong_code().await;
    assert_eq!(desk.stranded().await, [(ppk30(), Cause::Held, 100)]);
    desk.house.clock.pass(240);
    desk.done(on_ppk30(AccountAct::ResetTotp)).await;
    assert_eq!(desk.stranded().await, []);
}

#[tokio::test]
async fn wrong_passwords_count_where_the_owner_logs_in_and_no_strangers_do_anywhere() {
    let desk = desk().await;
    let stranger = Source::Peer("192.0.2.7".parse().unwrap());
    for number in 0..200 {
        let id = UserId::parse(&format!("TIDAKADA{number}")).unwrap();
        let unknown = AccountKey::new(UserType::NonPenyedia, id);
        desk.wrong_password(&unknown, &stranger).await;
        desk.wrong_password(&unknown, &here()).await;
    }
    for _ in 0..20 {
        desk.wrong_password(&ppk30(), &stranger).await;
    }
    assert_eq!(desk.stranded().await, []);
    for _ in 0..7 {
        desk.wrong_password(&ppk30(), &here()).await;
    }
    assert_eq!(desk.stranded().await, []);
    desk.wrong_password(&ppk30(), &here()).await;
    assert_eq!(desk.stranded().await, [(ppk30(), Cause::Passwords, 8)]);
}

#[tokio::test]
async fn letters_that_fail_are_counted_and_those_that_only_wait_are_not() {
    let desk = desk().await;
    let letters = desk.overview().await.letters;
    assert_eq!((letters.count, letters.oldest), (0, None));
    desk.done(on_ppk30(AccountAct::EndLogins)).await;
    let outbox = Outbox::new(desk.house.foundation.store.clone());
    let page = outbox.page(None, 100).await.unwrap();
    let waiting = page.letters.len();
    assert!(waiting > 1, "{waiting}");
    let first = page.letters.into_iter().next().unwrap();
    let (written, now) = (first.letter.at, desk.house.clock.now());
    let delivery = first.delivery.put_off("451 busy".into(), now, 0);
    outbox.update(first, delivery).await.unwrap();
    let letters = desk.overview().await.letters;
    assert_eq!((letters.count, letters.oldest), (1, Some(written)));
    assert!(!letters.is_more);
}

#[tokio::test]
async fn the_last_acts_are_kept_and_no_more_of_them() {
    let desk = desk().await;
    for number in 0..30 {
        desk.house.clock.pass(1);
        let rules = LoginRules {
            recovery_codes: number % 2 == 1,
            ..desk.house.services.policy.get().await.unwrap()
        };
        desk.done(DeskAct::SetRules(rules)).await;
    }
    let acts = desk.overview().await.acts;
    assert_eq!(acts.len(), 20);
    assert!(acts.iter().all(|done| done.act == Act::SetPolicy));
    assert!(acts.iter().all(|done| done.account.is_none()));
    let times: Vec<_> = acts.iter().map(|done| done.at).collect();
    assert_eq!(times[0], desk.house.clock.now());
    assert!(
        times.is_sorted_by(|newer, older| newer > older),
        "{times:?}"
    );
    let kept = &desk.house.foundation.store;
    let kept = kept.page(&Key::desk_acts(), None, 100).await.unwrap();
    assert_eq!(kept.len(), 20);
}

#[tokio::test]
async fn more_stranded_accounts_than_are_kept_push_out_the_oldest() {
    let desk = desk().await;
    let store = &desk.house.foundation.store;
    let now = desk.house.clock.now();
    let keys: Vec<_> = (0..110)
        .map(|number| UserId::parse(&format!("PPK-{number}")).unwrap())
        .map(|id| AccountKey::new(UserType::NonPenyedia, id))
        .collect();
    for (number, key) in (0_u64..).zip(&keys) {
        super::officer::add_officer(&desk.house, key).await;
        let at = now + Duration::from_secs(number);
        desk.edit(key, |account| {
            account.passcode_throttle.failures = 7;
            account.passcode_throttle.last_failure = Some(at);
        })
        .await;
    }
    desk.house.clock.pass(240);
    let shown = desk.overview().await;
    let newest: Vec<_> = keys.iter().rev().take(20).cloned().collect();
    let told: Vec<_> = shown.stranded.iter().map(|it| it.key.clone()).collect();
    assert_eq!(told, newest);
    assert!(shown.has_more_stranded);
    let entries = store.page(&Key::all_stranded(), None, 1_000).await.unwrap();
    assert_eq!(entries.len(), StrandedAccounts::KEPT);
    // One whose entry was pushed out comes back with the next failure.
    let read = desk.kept(&keys[0]).await;
    assert!(Stranded::of(&read).is_some());
    let later = desk.house.clock.now();
    desk.edit(&keys[0], |account| account.passcode_throttle.count(later))
        .await;
    assert_eq!(desk.overview().await.stranded[0].key, keys[0]);
}
