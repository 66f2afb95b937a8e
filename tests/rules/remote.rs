//! The store of another process, and all that goes with it, over a pair of sockets: what arrives at the holder, and
//! what a command learns when the holder goes.

use std::{sync::Arc, time::Duration};

use lpse_kiosk::{
    adapter::remote_audit::RemoteAudit,
    domain::{
        Account, AccountKey, Policy, UserId,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::{Letter, LetterKind},
    },
    frontend::command_socket::{self, Held, Peer},
    service::{
        EndedLogin, EndedLogins, Foundation, Letters, Services, accounts::AccountsError,
        hashing::HashPool,
    },
    store::{
        Commit, Key, Store, StoreError,
        import::{Import, ImportStep},
        outbox,
        remote::{self, Joined, Remote, wire},
    },
    vault::{MasterKey, Vault},
};
use support::house::{House, here, house, ppk30};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    sync::watch,
};

/// A command that has joined the process which holds a house.
struct Command {
    joined: Joined,
    leave: watch::Sender<bool>,
}

async fn join(held: &Held) -> Command {
    let (command, holder) = UnixStream::pair().unwrap();
    let (leave, leaving) = watch::channel(false);
    tokio::spawn(command_socket::attend(
        holder,
        Peer::Root,
        held.clone(),
        leaving,
    ));
    Command {
        joined: remote::greet(command, "the pair").await.unwrap(),
        leave,
    }
}

impl Command {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(Remote::new(self.joined.line.clone()))
    }

    /// The services as a command has them.
    fn services(&self, of: &House) -> Services {
        let (line, here) = (self.joined.line.clone(), &of.foundation);
        Services::new(&Arc::new(Foundation {
            store: self.store(),
            vault: Vault::new(MasterKey::from_bytes([7; 32]), Vec::new()),
            clock: here.clock.clone(),
            random: here.random.clone(),
            audit: Arc::new(RemoteAudit(self.joined.line.clone())),
            audit_trail: None,
            hashing: HashPool::new(1, 1),
            hash_cost: here.hash_cost,
            issuer: here.issuer.clone(),
            letters: Letters {
                written: true,
                ..Letters::none()
            },
            ended_logins: EndedLogins::elsewhere(move |account| line.tell_ended(account)),
            node: "test".into(),
        }))
    }

    /// Ends as a command does, when everything said is answered.
    async fn end(self) {
        drop(self.joined.line);
        self.joined.ended.await.unwrap();
    }
}

#[tokio::test]
async fn an_act_reaches_the_audit_log_the_sessions_and_the_courier() {
    let house = house(Policy::Enabled).await;
    let mut ended = house.services.ended_logins();
    let command = join(&Held::by(&house.foundation)).await;
    let services = command.services(&house);
    services
        .accounts
        .reset_totp(&ppk30(), &here())
        .await
        .unwrap();
    drop(services);
    command.end().await;
    let EndedLogin::Of { account, .. } = ended.recv().await.unwrap() else {
        panic!("one account's logins have ended");
    };
    assert_eq!(account, ppk30());
    let last = house.audit.0.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (last.act, last.outcome),
        (Act::ResetTotp, AuditOutcome::Done)
    );
    // Rung already: this does not wait.
    house.foundation.letters.wake.notified().await;
}

#[tokio::test]
async fn only_an_applied_letter_rings() {
    let house = house(Policy::Enabled).await;
    let account = house.account().await;
    let command = join(&Held::by(&house.foundation)).await;
    let at = "2020-08-13T01:53:05Z".parse().unwrap();
    let letter = || Letter::about(&account, LetterKind::TotpReset, at, &here(), at, [1; 8]);
    let wake = house.foundation.letters.wake.clone();
    let never = Commit::new().expect(Key::account(&ppk30()), None);
    let store = command.store();
    store
        .commit(outbox::enclose(never, letter(), None))
        .await
        .unwrap();
    store
        .commit(Commit::new().put(Key::policy(), b"x".to_vec()))
        .await
        .unwrap();
    assert!(is_silent(&wake).await);
    store
        .commit(outbox::enclose(Commit::new(), letter(), None))
        .await
        .unwrap();
    assert!(!is_silent(&wake).await);
}

async fn is_silent(wake: &tokio::sync::Notify) -> bool {
    tokio::select! {
        biased;
        () = wake.notified() => false,
        () = std::future::ready(()) => true,
    }
}

/// An account like PPK30 under another ID.
async fn another(house: &House, user_id: &str) -> Account {
    let account = house.account().await;
    let key = AccountKey::new(account.key.user_type, UserId::parse(user_id).unwrap());
    Account { key, ..account }
}

#[tokio::test]
async fn one_import_at_a_time_and_a_broken_one_leaves_nothing() {
    let house = house(Policy::Enabled).await;
    let held = Held::by(&house.foundation);
    let at = "2020-08-13T01:53:05Z".parse().unwrap();
    let first = join(&held).await;
    let mut import = Import::begin(first.store(), "one", at).await.unwrap();
    let new = another(&house, "PPK31").await;
    let key = new.key.clone();
    assert_eq!(import.add([new]).await.unwrap(), ImportStep::Added);
    let second = join(&held).await;
    let services = second.services(&house);
    let refused = services
        .accounts
        .begin_import()
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("another import is under way"), "{refused}");
    assert!(
        house
            .foundation
            .store
            .get(&Key::account(&key))
            .await
            .unwrap()
            .is_some()
    );
    drop(import);
    // Broken off: the command is gone, the import's mark is not.
    first.end().await;
    let import = loop {
        // The holder sweeps before it gives the turn away.
        match services.accounts.begin_import().await {
            Ok(import) => break import,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert!(
        house
            .foundation
            .store
            .get(&Key::account(&key))
            .await
            .unwrap()
            .is_none()
    );
    import.finish(&here()).await.unwrap();
}

#[tokio::test]
async fn a_holder_that_leaves_answers_what_is_under_way_and_says_farewell() {
    let house = house(Policy::Enabled).await;
    let command = join(&Held::by(&house.foundation)).await;
    let store = command.store();
    assert!(store.get(&Key::policy()).await.unwrap().is_some());
    command.leave.send_replace(true);
    for _ in 0..2 {
        let commit = Commit::new().put(Key::policy(), b"x".to_vec());
        let Err(StoreError::Unavailable(why)) = store.commit(commit).await else {
            panic!("nothing is promised");
        };
        assert!(why.contains("is leaving; run the command again"), "{why}");
    }
    let unchanged = house.services.policy.get().await.unwrap();
    assert_eq!(unchanged.policy, Policy::Enabled);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_recorded_even_if_the_holder_leaves_at_once() {
    let house = house(Policy::Enabled).await;
    let command = join(&Held::by(&house.foundation)).await;
    let store = command.store();
    let commit = || Commit::new().put(Key::all_visits(), b"x".to_vec());
    store.commit(commit()).await.unwrap();
    command.leave.send_replace(true);
    let event = AuditEvent::new(Act::SetPassword, AuditOutcome::Done, &here()).on(&ppk30());
    drop(command.joined.line.record(vec![event]));
    let refused = store.commit(commit()).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let events = house.audit.0.lock().unwrap();
    assert_eq!(events.last().unwrap().act, Act::SetPassword);
}

#[tokio::test]
async fn a_holder_that_dies_in_a_commit_leaves_its_outcome_unknown() {
    for length in [0, 1, 3, 4, 5] {
        let (command, mut holder) = UnixStream::pair().unwrap();
        let dying = async {
            let _: wire::Greeting = wire::read(&mut holder).await.unwrap();
            wire::write(&mut holder, &wire::Greeting::of_this_program(None))
                .await
                .unwrap();
            // It takes the request and dies within its answer.
            let mut request = [0; 64];
            assert!(holder.read(&mut request).await.unwrap() > 0);
            holder.write_all(&[0, 0, 0, 9, 1][..length]).await.unwrap();
            drop(holder);
        };
        let asking = async {
            let joined = remote::greet(command, "the pair").await.unwrap();
            let store = Remote::new(joined.line);
            let commit = Commit::new().put(Key::policy(), b"x".to_vec());
            let unknown = store.commit(commit.clone()).await;
            assert!(
                matches!(unknown, Err(StoreError::Unknown(_))),
                "{unknown:?}"
            );
            let refused = store.commit(commit).await;
            assert!(
                matches!(refused, Err(StoreError::Unavailable(_))),
                "{refused:?}"
            );
        };
        tokio::join!(dying, asking);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_loses_the_place_and_learns_it() {
    let house = house(Policy::Enabled).await;
    let command = join(&Held::by(&house.foundation)).await;
    let services = command.services(&house);
    tokio::time::sleep(Duration::from_secs(9 * 60)).await;
    services.accounts.get(&ppk30()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(11 * 60)).await;
    let refused = services
        .accounts
        .remove(&ppk30(), &here())
        .await
        .unwrap_err();
    let AccountsError::Service(error) = refused else {
        panic!("{refused}");
    };
    assert!(
        error.to_string().contains("lost its place; run it again"),
        "{error}"
    );
}
