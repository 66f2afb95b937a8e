//! Master keys: a new one while people work, whatever is killed on the way, and what opens under which.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};
use support::house;

use lpse_kiosk::{
    adapter::{
        credential_source::CredentialSource, master_key_file::MasterKeyFile, random::SystemRandom,
        remote_audit::RemoteAudit, remote_keys::RemoteKeys,
    },
    domain::{
        AccountKey, EmailAddress, PersonName, Policy, UserId, UserType,
        audit::{Act, AuditOutcome},
        password::{HashCost, HashMemory, hash},
    },
    frontend::command_socket::{self, Held, Peer},
    service::{
        EndedLogins, Foundation, Letters, Services,
        accounts::NewAccount,
        authentication::PasswordOutcome,
        enrollment::{NewKey, ProveOutcome, Prover, StartOutcome},
        hashing::HashPool,
        keys::{Census, Keys, Others, Progress, Rotation, Unopened},
    },
    store::{
        Store, Work,
        remote::{self, Joined, Line, Remote},
        settings::Settings,
    },
    vault::{KeyFile, Keyring, MasterKey, Vault},
};
use support::house::{House, here, house_with_vault};
use support::meddled::over;
use support::{Kiosk, Office, PASSWORD, REASON, activate, fill, text};
use tokio::{
    net::UnixStream,
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

fn succeeds(office: &Office, arguments: &[&str]) -> String {
    let output = office.command(arguments);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    assert_eq!(said, "", "{arguments:?}");
    text(&output.stdout)
}

fn refused(office: &Office, arguments: &[&str]) -> String {
    let output = office.command(arguments);
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stderr)
}

fn census(office: &Office) -> serde_json::Value {
    serde_json::from_str(&succeeds(office, &["key", "check", "--json"])).unwrap()
}

/// The number of sealed texts under each key of a census, by the key's name.
fn under(census: &serde_json::Value, id: &str) -> u64 {
    let keys = census["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["id"] == id);
    key.map_or(0, |key| key["sealed"].as_u64().unwrap())
}

fn login(kiosk: &mut Kiosk, office: &Office, phone: &support::Phone) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    support::log_out(kiosk);
    office.pass(60);
}

#[test]
fn a_rotation_seals_everything_anew_and_the_old_key_goes_when_it_is_told_to() {
    for kind in ["sled", "redb"] {
        let office = Office::empty_embedded().with("LPSE_KIOSK_STORE_KIND", kind);
        office.add("PPK30", "non-penyedia", "Siti Rahmawati");
        fill::fill(&office, 120);
        let before = fill::keys_kept(&office);
        let [old] = before.as_slice() else {
            panic!("one key");
        };
        // 120 accounts, 28 of them with the key of a second phone, 24 with recovery codes; 12 letters, the check, the
        // store key.
        assert_eq!(under(&census(&office), old), 186);
        let said = succeeds(&office, &["key", "rotate"]);
        assert!(said.contains("133 records sealed anew"), "{said}");
        let kept = fill::keys_kept(&office);
        assert_eq!((kept.len(), &kept[1]), (2, old), "the new one first");
        let counted = census(&office);
        assert_eq!((under(&counted, old), under(&counted, &kept[0])), (0, 186));
        let said = succeeds(&office, &["key", "drop-old"]);
        assert!(said.contains(old), "{said}");
        assert_eq!(fill::keys_kept(&office), [kept[0].clone()]);
        assert_eq!(under(&census(&office), &kept[0]), 186);
        let said = succeeds(&office, &["key", "drop-old"]);
        assert!(said.contains("no old key"), "{said}");
        // Once more, and the old one at once.
        succeeds(&office, &["key", "rotate", "--drop-old"]);
        let last = fill::keys_kept(&office);
        assert_eq!(last.len(), 1);
        assert_eq!(under(&census(&office), &last[0]), 186);
        let mode = fs::metadata(office.path("etc/master.key")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(office.path("etc")).unwrap().count(), 1);
    }
}

#[test]
fn of_the_tags_a_rotation_seals_the_key_alone() {
    let office = Office::new();
    // Nobody here has TOTP: nothing is sealed but the check and the store key.
    let before = fill::raw_records(&office);
    succeeds(&office, &["key", "rotate", "--drop-old"]);
    let after = fill::raw_records(&office);
    assert_eq!(before.len(), after.len());
    let changed = before
        .iter()
        .zip(&after)
        .filter(|(one, other)| one != other);
    let changed: Vec<String> = changed.map(|((key, _), _)| format!("{key:?}")).collect();
    assert_eq!(changed, ["setting/seal-check", "setting/store-key"]);
    assert!(succeeds(&office, &["store", "check"]).contains("each is as it was written"));
}

#[test]
fn beside_a_kiosk_the_phone_goes_on_to_work_and_new_secrets_are_under_the_new_key() {
    let office = Office::new();
    let mut kiosk = office.kiosk();
    let phone = activate(&office, &mut kiosk);
    let old = fill::keys_kept(&office);
    succeeds(&office, &["key", "rotate"]);
    login(&mut kiosk, &office, &phone);
    succeeds(&office, &["key", "drop-old"]);
    login(&mut kiosk, &office, &phone);
    // Somebody else activates now, at the kiosk that has never been started again.
    kiosk.give_password("penyedia", "CVMAJU", PASSWORD);
    kiosk.expect("ENABLE TOTP").press(support::key::ENTER);
    let other = support::Phone::scan(&mut kiosk);
    kiosk
        .submit_code(&other.code(office.clock()))
        .expect("TOTP aktif.");
    support::log_out(&mut kiosk);
    let counted = census(&office);
    let kept = fill::keys_kept(&office);
    assert_eq!(
        (under(&counted, &kept[0]), under(&counted, &old[0])),
        (4, 0)
    );
    kiosk.signal("TERM").wait();
    let mut kiosk = office.kiosk();
    office.pass(60);
    login(&mut kiosk, &office, &phone);
    let audit = fs::read_to_string(office.data().join("audit.jsonl")).unwrap();
    for act in ["rotate-key", "drop-key", "check-keys"] {
        assert!(audit.contains(act), "{act}");
    }
}

#[test]
fn a_rotation_killed_at_any_moment_loses_nothing_and_goes_on() {
    for beside in [false, true] {
        let office = Office::new();
        fill::fill(&office, 100);
        let mut kiosk = beside.then(|| office.kiosk());
        if let Some(kiosk) = &mut kiosk {
            kiosk.expect("Total Pengunjung");
        }
        let mut killed = 0;
        let mut finished = 0;
        // Every rotation is killed one kill point later than the one before; each begins where the last was left.
        for at in 1..40 {
            let mut command = std::process::Command::new(support::program());
            command
                .args(["key", "rotate", "--drop-old"])
                .env_clear()
                .envs(office.environment())
                .env("LPSE_TEST_KILL_AT", at.to_string());
            let output = command.output().unwrap();
            match output.status.code() {
                None => killed += 1,
                Some(0) => finished += 1,
                Some(other) => panic!("{at}: status {other}: {}", text(&output.stderr)),
            }
            let counted = census(&office);
            assert_eq!(counted["failed"], 0, "{at}: {counted}");
            let kept = fill::keys_kept(&office);
            let sealed: u64 = kept.iter().map(|id| under(&counted, id)).sum();
            assert_eq!(sealed, 154, "killed at {at}: {counted}");
            if finished == 2 {
                break;
            }
        }
        assert!(
            killed >= 8 && finished == 2,
            "{killed} killed, {finished} finished"
        );
        assert_eq!(fill::keys_kept(&office).len(), 1);
        if let Some(mut kiosk) = kiosk {
            kiosk.expect_still_answers();
        }
    }
}

#[test]
fn a_fresh_rotation_killed_at_each_moment_is_finished_by_the_next() {
    let mut keys = Vec::new();
    for at in 1.. {
        let office = Office::new();
        fill::fill(&office, 40);
        let [old] = fill::keys_kept(&office).try_into().unwrap();
        let mut command = std::process::Command::new(support::program());
        command
            .args(["key", "rotate"])
            .env_clear()
            .envs(office.environment())
            .env("LPSE_TEST_KILL_AT", at.to_string());
        let ended = command.output().unwrap();
        assert_eq!(census(&office)["failed"], 0, "killed at {at}");
        succeeds(&office, &["key", "rotate"]);
        let counted = census(&office);
        let kept = fill::keys_kept(&office);
        assert_eq!(
            (under(&counted, &kept[0]), under(&counted, &old)),
            (64, 0),
            "{at}"
        );
        keys.push(kept.len());
        if ended.status.code().is_some() {
            break;
        }
    }
    // What was begun is gone on with, and no key too many is made; only after the last kill point, and after the end, it
    // is another rotation.
    let kill_points = keys.len() - 2;
    assert!(kill_points >= 8, "{keys:?}");
    assert!(
        keys[..kill_points].iter().all(|count| *count == 2),
        "{keys:?}"
    );
    assert_eq!(keys[kill_points..], [3, 3]);
}

#[test]
fn a_rotation_goes_on_alone_when_the_kiosk_beside_it_is_killed() {
    let office = Office::new();
    fill::fill(&office, 400);
    for round in 0..3 {
        let mut kiosk = office.kiosk();
        kiosk.expect("Total Pengunjung");
        let before = fill::keys_kept(&office);
        let mut rotating = std::process::Command::new(support::program())
            .args(["key", "rotate", "--drop-old"])
            .env_clear()
            .envs(office.environment())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        support::eventually("another key in the file", || {
            fill::keys_kept(&office) != before
        });
        kiosk.signal("KILL").wait();
        // It may have been finished by then.
        rotating.wait().unwrap();
        assert_eq!(census(&office)["failed"], 0, "round {round}");
        succeeds(&office, &["key", "rotate", "--drop-old"]);
        let kept = fill::keys_kept(&office);
        assert_eq!((kept.len(), under(&census(&office), &kept[0])), (1, 612));
    }
}

#[test]
fn what_does_not_open_is_named_and_nothing_of_it_is_shown() {
    let office = Office::new();
    fill::fill(&office, 20);
    let other = Office::new();
    fill::fill(&other, 20);
    // An account's record from another store, with another key.
    let stranger = fill::records(&other)
        .into_iter()
        .find(|(key, _)| format!("{key:?}") == "account/non-penyedia/PPK900007")
        .unwrap();
    fill::with_store(&office, async |store| {
        let commit = lpse_kiosk::store::Commit::new().put(stranger.0, stranger.1);
        store.commit(commit).await.unwrap();
    });
    let output = office.command(&["key", "check"]);
    assert_eq!(output.status.code(), Some(1));
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    let foreign = fill::keys_kept(&other);
    assert!(
        said.contains("account/non-penyedia/PPK900007: it is sealed under"),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "{}         1 sealed  not in the key file",
            foreign[0]
        )),
        "{said}"
    );
    assert!(error.contains("1 sealed text does not open"), "{error}");
    let counted = office.command(&["key", "check", "--json"]);
    let counted: serde_json::Value = serde_json::from_slice(&counted.stdout).unwrap();
    assert_eq!(
        counted["unopened"][0]["record"],
        "account/non-penyedia/PPK900007"
    );
    // Rotating seals the others anew, says so, and drops no key.
    let error = refused(&office, &["key", "rotate", "--drop-old"]);
    assert!(error.contains("1 record cannot be opened"), "{error}");
    assert_eq!(fill::keys_kept(&office).len(), 2);
    let error = refused(&office, &["key", "drop-old"]);
    assert!(error.contains("a rotation is not finished"), "{error}");
    // Once it is gone, or its key is back, the rotation is finished.
    succeeds(
        &office,
        &[
            "user",
            "remove",
            "PPK900007",
            "--type",
            "non-penyedia",
            "--yes",
            "--reason",
            REASON,
        ],
    );
    let said = succeeds(&office, &["key", "rotate", "--drop-old"]);
    assert!(said.contains("goes on"), "{said}");
    assert_eq!(fill::keys_kept(&office).len(), 1);
}

#[test]
fn a_key_that_cannot_be_written_is_left_as_it_is() {
    let office = Office::new();
    // As in a service to which systemd hands the key over.
    let credentials = office.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::copy(
        office.path("etc/master.key"),
        credentials.join("master-key"),
    )
    .unwrap();
    let key = credentials.join("master-key").display().to_string();
    let office = office
        .with("CREDENTIALS_DIRECTORY", &credentials.display().to_string())
        .with("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", &key);
    let before = fs::read(&key).unwrap();
    let error = refused(&office, &["key", "rotate"]);
    assert!(error.contains("LoadCredential="), "{error}");
    assert_eq!(fs::read(&key).unwrap(), before);
    assert_eq!(census(&office)["failed"], 0);
}

#[test]
fn a_service_with_a_copy_of_the_key_is_started_again_in_between() {
    let office = Office::new();
    fill::fill(&office, 20);
    // The kiosk has a copy, as systemd makes one at its start.
    let copy = office.path("credential");
    fs::copy(office.path("etc/master.key"), &copy).unwrap();
    let start = || {
        let copy = copy.display().to_string();
        let mut kiosk = office.start(&["--kiosk", "--master-key-file", &copy], 80, 24);
        kiosk.expect("Total Pengunjung");
        kiosk
    };
    let mut kiosk = start();
    let error = refused(&office, &["key", "rotate"]);
    assert!(error.contains("systemctl restart"), "{error}");
    assert_eq!(census(&office)["failed"], 0);
    kiosk.signal("TERM").wait();
    fs::copy(office.path("etc/master.key"), &copy).unwrap();
    let mut kiosk = start();
    let said = succeeds(&office, &["key", "rotate", "--drop-old"]);
    assert!(said.contains("goes on"), "{said}");
    kiosk.expect_still_answers();
    let kept = fill::keys_kept(&office);
    assert_eq!((kept.len(), under(&census(&office), &kept[0])), (1, 33));
}

/// A process that holds a house whose keys are in a file, and a command beside it.
struct Joint {
    holder: House,
    keys: Keys,
    joined: Joined,
    _leave: watch::Sender<bool>,
}

async fn command_beside(
    house: &House,
    held: &Held,
    file: &std::path::Path,
) -> (Services, Keys, Joined, watch::Sender<bool>) {
    command_with(house, held, file, |line| RemoteKeys::new(line, file)).await
}

async fn command_with(
    house: &House,
    held: &Held,
    file: &std::path::Path,
    holder_of: impl FnOnce(Line) -> RemoteKeys,
) -> (Services, Keys, Joined, watch::Sender<bool>) {
    let (command, holder) = UnixStream::pair().unwrap();
    let (leave, leaving) = watch::channel(false);
    tokio::spawn(command_socket::attend(
        holder,
        Peer::Root,
        held.clone(),
        leaving,
    ));
    let joined = remote::greet(command, "the pair").await.unwrap();
    let line = joined.line.clone();
    let vault = Vault::of_file(Arc::new(MasterKeyFile::new(file, false))).unwrap();
    let here = &house.foundation;
    let foundation = Arc::new(Foundation {
        store: Arc::new(Remote::new(line.clone())),
        vault: vault.beside(Arc::new(holder_of(line.clone()))),
        clock: here.clock.clone(),
        random: Arc::new(SystemRandom),
        audit: Arc::new(RemoteAudit(line)),
        audit_trail: None,
        hashing: HashPool::new(1, 1),
        hash_cost: here.hash_cost,
        issuer: here.issuer.clone(),
        letters: Letters::none(),
        ended_logins: EndedLogins::default(),
        node: "test".into(),
    });
    (
        Services::new(&foundation),
        Keys::new(foundation),
        joined,
        leave,
    )
}

async fn joint(folder: &std::path::Path) -> Joint {
    let file = folder.join("master.key");
    let vault = MasterKeyFile::new(&file, false)
        .open(true, &SystemRandom)
        .unwrap();
    let holder = house_with_vault(Policy::Disabled, HashCost::MIN, vault).await;
    let held = Held::by(&holder.foundation);
    let (_, keys, joined, leave) = command_beside(&holder, &held, &file).await;
    Joint {
        holder,
        keys,
        joined,
        _leave: leave,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_activate_and_log_in_while_keys_are_rotated_again_and_again() {
    const PEOPLE: u32 = 24;
    let folder = tempfile::tempdir().unwrap();
    let Joint {
        holder,
        keys,
        joined,
        _leave,
    } = joint(folder.path()).await;
    let hashed = hash(
        &house::password(PASSWORD),
        [7; 16],
        HashCost::MIN,
        &mut HashMemory::default(),
    );
    for number in 0..PEOPLE {
        let new = NewAccount {
            role: Default::default(),
            key: person(number),
            name: PersonName::parse("Orang").unwrap(),
            email: EmailAddress::parse("orang@contoh.go.id").unwrap(),
            password: hashed.clone(),
        };
        holder.services.accounts.add(new, &here()).await.unwrap();
    }
    let rotating = tokio::spawn(async move {
        let mut ids = Vec::new();
        for _ in 0..6 {
            let rotation = keys.rotate(true, &here(), |_| {}).await.unwrap();
            let Rotation::Rotated(rotated) = rotation else {
                panic!("nobody else shares the store: {rotation:?}");
            };
            assert!(rotated.failed.is_empty(), "{rotated:?}");
            keys.drop_old(&here(), |_| {}).await.unwrap();
            ids.push(rotated.id);
        }
        drop(keys);
        ids
    });
    // Meanwhile everybody activates, starts over, and logs in with a code.
    let holder = Arc::new(holder);
    let mut people = JoinSet::new();
    for number in 0..PEOPLE {
        let holder = holder.clone();
        people.spawn(async move {
            activate_and_come_back(&holder, &person(number)).await;
        });
    }
    people.join_all().await;
    let ids = rotating.await.unwrap();
    drop(joined.line);
    joined.ended.await.unwrap();
    // Everything is under a key that is there; once more, and everything is under the last.
    let own = Keys::new(holder.foundation.clone());
    let census = own
        .check(
            &here(),
            |found| panic!("{}: {}", found.record, found.why),
            |_| {},
        )
        .await
        .unwrap();
    assert_eq!(census.keys.len(), 1, "{census:?} {ids:?}");
    assert_eq!(
        census.keys[&ids[5]].sealed,
        u64::from(PEOPLE) + 1,
        "{census:?}"
    );
    for number in 0..PEOPLE {
        let account = holder
            .services
            .accounts
            .get(&person(number))
            .await
            .unwrap()
            .unwrap();
        assert!(account.authenticator.is_active());
    }
    let events = holder.audit.0.lock().unwrap();
    let done = |act| {
        events
            .iter()
            .filter(|event| event.act == act && event.outcome == AuditOutcome::Done)
            .count()
    };
    assert_eq!((done(Act::RotateKey), done(Act::DropKey)), (6, 6));
}

fn person(number: u32) -> AccountKey {
    AccountKey::new(
        UserType::Penyedia,
        UserId::parse(&format!("CV{number:04}")).unwrap(),
    )
}

async fn activate_and_come_back(holder: &House, key: &AccountKey) {
    let claimed = lpse_kiosk::domain::Identified {
        account: key.clone(),
    };
    let outcome = holder
        .services
        .authentication
        .check_password(claimed, house::password(PASSWORD), &here())
        .await;
    let PasswordOutcome::Granted(granted) = outcome.unwrap() else {
        panic!("a login without a code");
    };
    let prover = Prover::AtHome(granted.authenticated);
    let enrollment = &holder.services.enrollment;
    let mut secret = None;
    for _ in 0..20 {
        match enrollment.start(&prover, &here()).await.unwrap() {
            StartOutcome::Started(NewKey { provisioning, .. }) => {
                secret = Some(house::secret_of(provisioning.uri()))
            }
            other => panic!("{other:?}"),
        }
        tokio::task::yield_now().await;
    }
    let code = holder.code(&secret.unwrap());
    let proved = enrollment
        .prove(&prover, None, code, &here())
        .await
        .unwrap();
    assert!(matches!(proved, ProveOutcome::Activated(_)), "{proved:?}");
}

#[tokio::test]
async fn a_secret_sealed_before_a_rotation_and_stored_after_it_is_sealed_again() {
    let folder = tempfile::tempdir().unwrap();
    let Joint {
        holder,
        keys,
        joined: _joined,
        _leave,
    } = joint(folder.path()).await;
    let here = house::here();
    keys.rotate(true, &here, |_| {}).await.unwrap();
    let PasswordOutcome::Granted(granted) = holder.login().await else {
        panic!("a login without a code");
    };
    let [arrived, go] = [(), ()].map(|()| Arc::new(Semaphore::new(0)));
    let (at_gate, open) = (arrived.clone(), go.clone());
    // What is committed about an account waits until it is let go.
    let slow = over(&holder, move |store, commit| {
        let (at_gate, open) = (at_gate.clone(), open.clone());
        async move {
            let mut writes = commit.writes().iter();
            if writes.any(|(key, _)| key.as_account().is_some()) {
                at_gate.add_permits(1);
                let _open = open.acquire().await.unwrap();
            }
            store.commit(commit).await
        }
    });
    let prover = Prover::AtHome(granted.authenticated);
    let starting = tokio::spawn(async move {
        let from = house::here();
        slow.enrollment.start(&prover, &from).await.unwrap()
    });
    // It has sealed a secret with the key that is about to go.
    arrived.acquire().await.unwrap().forget();
    keys.rotate(true, &here, |_| {}).await.unwrap();
    keys.drop_old(&here, |_| {}).await.unwrap();
    go.add_permits(8);
    let started = starting.await.unwrap();
    assert!(matches!(started, StartOutcome::Started(_)), "{started:?}");
    let own = Keys::new(holder.foundation.clone());
    let fault = |found: Unopened<'_>| panic!("{}: {}", found.record, found.why);
    let census = own.check(&here, fault, |_| {}).await.unwrap();
    assert_eq!(census.keys[&census.sealing].sealed, 2, "{census:?}");
}

#[tokio::test]
async fn a_rotation_goes_on_with_a_key_that_systemd_hands_over_and_leaves_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master-key");
    let vault = MasterKeyFile::new(&path, true)
        .open(true, &SystemRandom)
        .unwrap();
    let house = house_with_vault(Policy::Disabled, HashCost::MIN, vault).await;
    let keys = Keys::new(house.foundation.clone());
    let settings = Settings::new(house.foundation.store.clone());
    let check = house.foundation.vault.seal_check([1; Vault::NONCE_BYTES]);
    settings.set_seal_check(&check).await.unwrap();
    // It was begun elsewhere, and the file with both keys was brought here.
    let new = MasterKey::from_bytes([3; 32]);
    let original = MasterKeyFile::new(&path, false);
    settings.begin_rotation(&new.id()).await.unwrap();
    assert_eq!(keys.under_way().await.unwrap(), None, "its key is not here");
    let both = original.read().unwrap().with(new.clone());
    original.replace(&both).unwrap();
    let brought = fs::read(&path).unwrap();
    let under_way = keys.under_way().await.unwrap().unwrap();
    assert_eq!(
        (&under_way.id, &under_way.others),
        (&new.id(), &Others::default())
    );
    let rotation = keys.rotate(false, &here(), |_| {}).await.unwrap();
    assert!(
        matches!(&rotation, Rotation::Rotated(done) if done.failed.is_empty()),
        "{rotation:?}"
    );
    assert_eq!(keys.under_way().await.unwrap(), None);
    assert!(fs::read(&path).unwrap() == brought, "the file was changed");
    // The store says which key seals, whatever stands first in a file.
    let census = keys.check(&here(), |_| {}, |_| {}).await.unwrap();
    assert_eq!((&census.sealing, census.failed), (&new.id(), 0));
    assert_eq!(census.keys[&new.id()].sealed, 1, "{census:?}");
    let again = keys.rotate(false, &here(), |_| {}).await.unwrap();
    assert!(
        matches!(&again, Rotation::None { sealing } if *sealing == new.id()),
        "{again:?}"
    );
    // Whoever may write the file drops the key that is old, not the one that stands below.
    let by_root = Keys::new(Arc::new(Foundation {
        store: house.foundation.store.clone(),
        vault: Vault::of_file(Arc::new(original)).unwrap(),
        clock: house.foundation.clock.clone(),
        random: Arc::new(SystemRandom),
        audit: house.foundation.audit.clone(),
        audit_trail: None,
        hashing: HashPool::new(1, 1),
        hash_cost: HashCost::MIN,
        issuer: house.foundation.issuer.clone(),
        letters: Letters::none(),
        ended_logins: EndedLogins::default(),
        node: "test".into(),
    }));
    by_root.drop_old(&here(), |_| {}).await.unwrap();
    let kept = MasterKeyFile::new(&path, false).read().unwrap();
    assert_eq!(kept.held().opening, [new.id()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_the_turn_seals_nothing_after_the_rotation_was_ended() {
    let folder = tempfile::tempdir().unwrap();
    let Joint {
        holder,
        keys,
        joined: _joined,
        _leave,
    } = joint(folder.path()).await;
    let settings = Settings::new(holder.foundation.store.clone());
    let other = settings.clone();
    // Between its new key and the first record that is sealed under it, somebody else ends this rotation.
    let from = here();
    let ended = keys.rotate(true, &from, |progress| {
        if let Progress::Begun { id } = progress {
            let other = other.clone();
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    other.end_rotation("another").await.unwrap();
                    assert_eq!(other.rotation().await.unwrap(), Some(id.clone()));
                    other.end_rotation(&id).await.unwrap();
                });
            });
        }
    });
    let error = ended.await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("somebody else has ended this rotation"),
        "{error}"
    );
    let events = holder.audit.0.lock().unwrap();
    let outcomes: Vec<_> = events
        .iter()
        .filter(|event| event.act == Act::RotateKey)
        .map(|event| event.outcome.clone())
        .collect();
    assert!(
        matches!(
            &outcomes[..],
            [AuditOutcome::Intended, AuditOutcome::Failed(_)]
        ),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn whoever_begins_no_rotation_waits_for_the_one_that_goes_on_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let Joint {
        holder,
        keys: _keys,
        joined: _joined,
        _leave,
    } = joint(folder.path()).await;
    let held = Held::by(&holder.foundation);
    let (_, _, other, _its_leave) = command_beside(&holder, &held, &file).await;
    let (_, keys, _line, _other_leave) = command_beside(&holder, &held, &file).await;
    let other = Remote::new(other.line);
    let turn = other.take_turn(Work::Rotation).await.unwrap();
    let settings = Settings::new(holder.foundation.store.clone());
    settings.begin_rotation("new").await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "a rotation tells a few lines")]
    let (tell, mut told) = mpsc::unbounded_channel();
    let from = here();
    let waiting = keys.rotate(false, &from, |progress| tell.send(progress).unwrap());
    let ending = async {
        let id = "new".to_owned();
        assert_eq!(told.recv().await, Some(Progress::Elsewhere { id }));
        settings.end_rotation("new").await.unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, ending);
    let waited = waited.unwrap();
    assert!(matches!(waited, Rotation::None { .. }), "{waited:?}");
    // Whoever would begin one is refused instead of making another key.
    let refused = keys.rotate(true, &from, |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("--copied"), "{refused}");
    assert!(
        holder
            .audit
            .0
            .lock()
            .unwrap()
            .iter()
            .all(|event| event.act != Act::RotateKey)
    );
    drop(turn);
}

#[tokio::test]
async fn two_rotations_at_once_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let Joint {
        holder,
        keys,
        joined,
        _leave,
    } = joint(folder.path()).await;
    let held = Held::by(&holder.foundation);
    let (_, first, _first, _its_leave) = command_beside(&holder, &held, &file).await;
    let (_, second, line, _other_leave) = command_beside(&holder, &held, &file).await;
    first.rotate(true, &here(), |_| {}).await.unwrap();
    let refused = second.rotate(true, &here(), |_| {}).await.unwrap_err();
    assert!(
        refused.to_string().contains("being changed already"),
        "{refused}"
    );
    let kept = MasterKeyFile::new(&file, false).read().unwrap();
    assert_eq!(kept.iter().count(), 2);
    // What is asked without the turn is no conversation.
    assert!(line.line.seal_with(&kept.sealing().id()).await.is_err());
    drop((keys, joined));
}

/// A service whose key is a credential, made of `file` at its start, and a command beside it that is told `source`.
async fn joint_by_credential(
    folder: &std::path::Path,
    source: impl Fn(&std::path::Path) -> Result<CredentialSource, String> + Send + Sync + 'static,
) -> Joint {
    let [file, credential] = ["master.key", "credential"].map(|name| folder.join(name));
    MasterKeyFile::new(&file, false)
        .open(true, &SystemRandom)
        .unwrap();
    fs::copy(&file, &credential).unwrap();
    let vault = MasterKeyFile::new(&credential, true)
        .open(false, &SystemRandom)
        .unwrap();
    let holder = house_with_vault(Policy::Disabled, HashCost::MIN, vault).await;
    let held = Held::by(&holder.foundation);
    let (_, keys, joined, leave) = command_with(&holder, &held, &file, |line| {
        RemoteKeys::with_sources(line, &file, source)
    })
    .await;
    Joint {
        holder,
        keys,
        joined,
        _leave: leave,
    }
}

/// Everything in the store of `house`, opened with the keys in `file` alone, as by a service that is started again.
async fn opened_by(house: &House, file: &std::path::Path) -> Census {
    let here = &house.foundation;
    let again = Keys::new(Arc::new(Foundation {
        store: here.store.clone(),
        vault: Vault::of_file(Arc::new(MasterKeyFile::new(file, false))).unwrap(),
        clock: here.clock.clone(),
        random: Arc::new(SystemRandom),
        audit: here.audit.clone(),
        audit_trail: None,
        hashing: HashPool::new(1, 1),
        hash_cost: HashCost::MIN,
        issuer: here.issuer.clone(),
        letters: Letters::none(),
        ended_logins: EndedLogins::default(),
        node: "test".into(),
    }));
    again.check(&house::here(), |_| {}, |_| {}).await.unwrap()
}

#[tokio::test]
async fn a_service_with_a_credential_is_handed_the_new_key_that_it_will_find_at_its_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let source = CredentialSource::File(file.clone());
    let joint = joint_by_credential(folder.path(), move |_| Ok(source.clone())).await;
    let Joint { holder, keys, .. } = &joint;
    let before = MasterKeyFile::new(&file, false).read().unwrap();
    holder.activate().await;
    let here = house::here();
    let rotation = keys.rotate(true, &here, |_| {}).await.unwrap();
    let Rotation::Rotated(rotated) = rotation else {
        panic!("{rotation:?}");
    };
    assert!(rotated.failed.is_empty(), "{rotated:?}");
    let held = holder.foundation.vault.keys().held();
    assert_eq!(held.sealing, rotated.id);
    // The copy is what it was; the service opens and seals by what it was handed, and would by the file.
    let copy = folder.path().join("credential");
    let copied = MasterKeyFile::new(&copy, true).read().unwrap();
    assert_eq!(copied.held(), before.held());
    let census = opened_by(holder, &file).await;
    assert_eq!(census.failed, 0, "{census:?}");
    let under = |id: &str| census.keys[id].sealed;
    // The key of a phone, and the check.
    assert_eq!(
        (under(&rotated.id), under(&before.held().sealing)),
        (2, 0),
        "{census:?}"
    );

    // What it reads again by itself takes nothing away, and old keys go when they are dropped.
    holder.foundation.vault.learn().unwrap();
    assert!(holder.foundation.vault.keys().holds(&rotated.id));
    keys.drop_old(&here, |_| {}).await.unwrap();
    let held = holder.foundation.vault.keys().held();
    assert_eq!(held.opening, [rotated.id]);
    assert_eq!(opened_by(holder, &file).await.failed, 0);
}

#[tokio::test]
async fn a_key_that_another_machine_has_brought_in_is_handed_over_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let source = CredentialSource::File(file.clone());
    let joint = joint_by_credential(folder.path(), move |_| Ok(source.clone())).await;
    let Joint { holder, keys, .. } = &joint;
    let deps = &holder.foundation;
    let settings = Settings::new(deps.store.clone());
    let check = deps.vault.seal_check([1; Vault::NONCE_BYTES]);
    settings.set_seal_check(&check).await.unwrap();
    // It has rotated to the end, and its file is brought here.
    let new = MasterKey::from_bytes([3; 32]);
    let original = MasterKeyFile::new(&file, false);
    let both = original.read().unwrap().with(new.clone());
    let rotated = both.sealing_with(&new.id()).unwrap();
    let sealed = Vault::of_keys(rotated.clone()).seal_check([2; Vault::NONCE_BYTES]);
    let commit = settings.seal_check().await.unwrap().replace(&sealed);
    deps.store.commit(commit).await.unwrap();
    assert!(deps.vault.passes_check(&sealed).is_err());
    original.replace(&rotated).unwrap();
    let rotation = keys.rotate(false, &here(), |_| {}).await.unwrap();
    assert!(
        matches!(&rotation, Rotation::None { sealing } if *sealing == new.id()),
        "{rotation:?}"
    );
    assert_eq!(deps.vault.passes_check(&sealed), Ok(()));
}

#[tokio::test]
async fn where_its_next_start_would_lack_the_new_key_nothing_is_changed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("master.key");
    for (source, says) in [
        (
            Ok(CredentialSource::File(other.clone())),
            format!("run it with --master-key-file {}", other.display()),
        ),
        (
            Err("nobody answers".to_owned()),
            "it cannot be found out what that is made of: nobody answers".to_owned(),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let joint = joint_by_credential(folder.path(), move |_| source.clone()).await;
        // The same keys, in a file that is another one.
        fs::copy(&file, &other).unwrap();
        let before = fs::read(&file).unwrap();
        let refused = joint.keys.rotate(true, &here(), |_| {}).await.unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains(&says) && refused.contains("nothing was changed"),
            "{refused}"
        );
        assert!(fs::read(&file).unwrap() == before, "the file was changed");
        let settings = Settings::new(joint.holder.foundation.store.clone());
        assert_eq!(settings.rotation().await.unwrap(), None);
        let events = joint.holder.audit.0.lock().unwrap();
        assert!(events.iter().all(|event| event.act != Act::RotateKey));
    }
}

#[tokio::test]
async fn a_key_that_the_file_of_the_next_start_lacks_is_handed_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let [file, next] = ["master.key", "next.key"].map(|name| folder.path().join(name));
    // Found to be the same file, and put aside for another one before the service is told.
    let (asked, own, at_start) = (Arc::new(Semaphore::new(1)), file.clone(), next.clone());
    let joint = joint_by_credential(folder.path(), move |_| {
        Ok(CredentialSource::File(match asked.try_acquire() {
            Ok(first) => {
                first.forget();
                own.clone()
            }
            Err(_) => at_start.clone(),
        }))
    })
    .await;
    let Joint { holder, keys, .. } = &joint;
    let before = holder.foundation.vault.keys().held();
    fs::copy(&file, &next).unwrap();
    let refused = keys.rotate(true, &here(), |_| {}).await.unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("key rotate --copied"), "{refused}");
    assert_eq!(holder.foundation.vault.keys().held(), before);
    assert_eq!(opened_by(holder, &next).await.failed, 0);
}

#[tokio::test]
async fn keys_are_handed_over_by_whoever_has_the_turn_to_whoever_cannot_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let stranger = Keyring::new(MasterKey::from_bytes([9; 32]), Vec::new());
    let source = CredentialSource::File(file.clone());
    let Joint {
        holder,
        keys: _keys,
        joined,
        _leave,
    } = joint_by_credential(folder.path(), move |_| Ok(source.clone())).await;
    let held = Held::by(&holder.foundation);
    let before = holder.foundation.vault.keys().held();
    let kept = MasterKeyFile::new(&file, false).read().unwrap();
    // Without the turn, it is no conversation.
    let (_, _, bold, _its_leave) = command_beside(&holder, &held, &file).await;
    assert!(bold.line.hold_keys(&kept).await.is_err());
    let remote = Remote::new(joined.line.clone());
    let _turn = remote.take_turn(Work::Rotation).await.unwrap();
    // Not without the key that seals.
    let refused = joined.line.hold_keys(&stranger).await.unwrap_err();
    assert!(refused.to_string().contains("does not hold"), "{refused}");
    assert_eq!(holder.foundation.vault.keys().held(), before);
    let more = kept.with(MasterKey::from_bytes([9; 32]));
    let now = joined.line.hold_keys(&more).await.unwrap();
    assert_eq!(now, more.held());

    // Who can read a file takes its keys from nowhere else.
    let folder = tempfile::tempdir().unwrap();
    let by_file = joint(folder.path()).await;
    let remote = Remote::new(by_file.joined.line.clone());
    let _its_turn = remote.take_turn(Work::Rotation).await.unwrap();
    let own = by_file.holder.foundation.vault.keys();
    let refused = by_file.joined.line.hold_keys(&own).await.unwrap_err();
    assert!(refused.to_string().contains("from a file"), "{refused}");
}
