//! Accounts that are stranded, in every kind of store: they come and go with the accounts, and a look leaves no more than is
//! kept.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use lpse_kiosk::{
    domain::{
        Account, AccountKey, EmailAddress, PasswordHash, PersonName, UserId, UserType,
        password::HashCost, stranded::Cause,
    },
    store::{Commit, Key, Outcome, Store, accounts::Accounts, record, stranded::StrandedAccounts},
};

use super::contract::each;

fn now() -> Timestamp {
    Timestamp::from_second(1_597_283_585).unwrap()
}

fn key(id: &str) -> AccountKey {
    AccountKey::new(UserType::Penyedia, UserId::parse(id).unwrap())
}

async fn add(accounts: &Accounts, id: &str) {
    let account = Account::new(
        key(id),
        PersonName::parse("CV Maju").unwrap(),
        EmailAddress::parse("orang@contoh.go.id").unwrap(),
        PasswordHash::unmatchable(HashCost::MIN),
        now(),
    );
    assert_eq!(accounts.add(account).await.unwrap(), Outcome::Applied);
}

async fn edit(store: &dyn Store, accounts: &Accounts, id: &str, change: impl Fn(&mut Account)) {
    let read = accounts.read(&key(id)).await.unwrap().unwrap();
    let mut account = read.account.clone();
    change(&mut account);
    let changed = store.commit(read.replace(&account)).await.unwrap();
    assert_eq!(changed, Outcome::Applied);
}

#[tokio::test]
async fn who_is_stranded_is_found_without_being_looked_for() {
    each(|store: Arc<dyn Store>| async move {
        let none = record::encode_account_count(0);
        let begun = Commit::new().put(Key::account_count(), none);
        store.commit(begun).await.unwrap();
        let accounts = Accounts::new(store.clone());
        let stranded = StrandedAccounts::new(store.clone());
        let told = async |limit| {
            let page = stranded.newest(now(), limit).await.unwrap();
            let ids = page.accounts.iter().map(|(account, stranded)| {
                assert_eq!(stranded.by, Cause::Codes);
                account.key.user_id.to_string()
            });
            (ids.collect::<Vec<_>>(), page.has_more)
        };
        for (id, seconds) in [("CV1", 30), ("CV2", 10), ("CV3", 20)] {
            add(&accounts, id).await;
            edit(&*store, &accounts, id, |account| {
                account.passcode_throttle.failures = 7;
                account.passcode_throttle.last_failure = Some(now() - Duration::from_secs(seconds));
            })
            .await;
        }
        // What an older program, a restored backup or a hand has left behind leads nowhere.
        let stale = (0..110).fold(Commit::new(), |commit, number: u64| {
            let at = now() - Duration::from_secs(60 + number);
            commit.put(Key::stranded(at, &key("CV-TIDAK-ADA")), Vec::new())
        });
        store.commit(stale).await.unwrap();
        let all = vec!["CV2".to_owned(), "CV3".into(), "CV1".into()];
        assert_eq!(told(20).await, (all.clone(), false));
        let entries = store.page(&Key::all_stranded(), None, 1_000).await.unwrap();
        assert_eq!(entries.len(), 3, "{entries:?}");
        assert_eq!(told(2).await, (all[..2].to_vec(), true));
        edit(&*store, &accounts, "CV3", |account| {
            account.passcode_throttle.last_failure = None;
        })
        .await;
        let read = accounts.read(&key("CV2")).await.unwrap().unwrap();
        let count = accounts.count().await.unwrap();
        store.commit(read.remove(&count)).await.unwrap();
        assert_eq!(told(20).await, (vec!["CV1".to_owned()], false));
        let entries = store.page(&Key::all_stranded(), None, 1_000).await.unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
    })
    .await;
}
