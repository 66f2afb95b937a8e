//! `store copy`: a whole store into one of another kind, whole or not at all, and people go on as before.

use std::{
    process::{Command, Output},
    thread,
};

use lpse_kiosk::store::{
    self, Key, StoreKind, Value,
    etcd::{self, EtcdSettings},
};
use support::{
    Kiosk, Office, PASSWORD, Phone, activate,
    cluster::{self, Cluster, fresh_prefix},
    fill, refused, succeeds, text,
};

const TO_ETCD: [&str; 6] = ["store", "copy", "--from", "sled", "--to", "etcd"];

/// A machine whose store is sled, and a cluster that is set but not used.
struct Machine {
    office: Office,
    prefix: String,
}

impl Machine {
    fn new() -> Self {
        let prefix = fresh_prefix();
        let office = Office::empty().in_cluster(&Cluster::shared(), &prefix, "one");
        let machine = Self { office, prefix }.on("sled");
        machine
            .office
            .add("PPK30", "non-penyedia", "Siti Rahmawati");
        machine
    }

    /// The machine with another `[store] kind`.
    fn on(self, kind: &str) -> Self {
        let office = self.office.without("LPSE_KIOSK_STORE_KIND");
        Self {
            office: office.with("LPSE_KIOSK_STORE_KIND", kind),
            ..self
        }
    }

    /// The machine with another data folder.
    fn at(self, folder: &str) -> Self {
        let folder = self.office.path(folder).display().to_string();
        Self {
            office: self.office.with("LPSE_KIOSK_STORE_DATA", &folder),
            ..self
        }
    }

    fn is_refused_everywhere(&self, kind: &str, words: &str) {
        let listed = self.office.command(&["--store", kind, "user", "list"]);
        refused(&listed, 1, words);
    }

    /// The records in the cluster, but for those that no copy is about.
    fn in_cluster(&self) -> Vec<(Key, Value)> {
        let settings = EtcdSettings {
            endpoints: Cluster::shared().split(',').map(str::to_owned).collect(),
            tls: None,
            user: None,
            prefix: self.prefix.clone(),
            patience: std::time::Duration::from_secs(10),
            node: "test".into(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let rows = runtime.block_on(async {
            let store = etcd::to_look(&settings).unwrap();
            store.page(&Key::everything(), None, usize::MAX).await
        });
        let rows = rows.unwrap().into_iter();
        rows.filter(|(key, _)| key.belongs_into_copies()).collect()
    }
}

/// The records of an embedded store in the office's folder `data`.
fn embedded(office: &Office, kind: StoreKind, data: &str) -> Vec<(Key, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = office.path(data).join("store");
        let store = store::open(kind, &folder, 0).unwrap();
        let ended = store.ended();
        let rows = store::Store::page(&store, &Key::everything(), None, usize::MAX).await;
        drop(store);
        ended.wait().await;
        let rows = rows.unwrap().into_iter();
        rows.filter(|(key, _)| key.belongs_into_copies()).collect()
    })
}

fn password_given(kiosk: &mut Kiosk) {
    kiosk
        .give_password("non-penyedia", "PPK30", PASSWORD)
        .expect("Masukkan kode TOTP");
}

#[test]
fn from_sled_into_the_cluster_and_on_into_redb_people_and_records_stay_as_they_were() {
    let machine = Machine::new();
    let office = &machine.office;
    let mut kiosk = office.kiosk();
    let phone: Phone = activate(office, &mut kiosk);
    let spent = phone.code(office.clock());
    password_given(&mut kiosk);
    kiosk.submit_code(&spent).expect("DISABLE TOTP");
    kiosk.signal("TERM").wait();
    office.policy("required");
    fill::fill(office, 60);
    let before = fill::raw_records(office);
    assert!(
        before
            .iter()
            .any(|(key, _)| format!("{key:?}") == "visits/local")
    );

    let said = succeeds(office.command(&TO_ETCD));
    let records = before.len();
    assert!(
        said.contains(&format!("{records} records are the same in both"))
            && said.contains(&format!("{records} of them were written now"))
            && said.contains("kind = \"etcd\""),
        "{said}"
    );
    assert_eq!(machine.in_cluster(), before);
    machine.is_refused_everywhere("sled", "lives on there");
    assert_eq!(embedded(office, StoreKind::Sled, "data"), before);

    let machine = machine.on("etcd");
    let office = &machine.office;
    // The log goes on, and its head with it, under this machine's name.
    let verified = succeeds(office.command(&["audit", "verify"]));
    assert!(
        verified.contains("The store knows of record "),
        "{verified}"
    );
    let told = office.audit();
    let copied: Vec<_> = told
        .iter()
        .filter(|line| line["act"] == "copy-store")
        .collect();
    assert_eq!(copied.len(), 2, "intended and done: {copied:?}");
    let mut kiosk = office.kiosk();
    password_given(&mut kiosk);
    kiosk.submit_code(&spent).expect("Kode tidak diterima");
    office.pass(60);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
    kiosk.signal("TERM").wait();
    succeeds(office.command(&["key", "check"]));
    succeeds(office.command(&["audit", "verify"]));

    let before = machine.in_cluster();
    let to = office.path("other").display().to_string();
    let said = succeeds(office.command(&[
        "store",
        "copy",
        "--from",
        "etcd",
        "--to",
        "redb",
        "--to-data",
        &to,
    ]));
    assert!(said.contains(&to), "{said}");
    assert_eq!(embedded(office, StoreKind::Redb, "other"), before);
    machine.is_refused_everywhere("etcd", "lives on there");
    let machine = machine.on("redb").at("other");
    let office = &machine.office;
    succeeds(office.command(&["audit", "verify"]));
    office.pass(60);
    let mut kiosk = office.kiosk();
    password_given(&mut kiosk);
    kiosk
        .submit_code(&phone.code(office.clock()))
        .expect("DISABLE TOTP");
}

#[test]
fn a_store_goes_back_to_where_it_came_from_with_what_was_done_meanwhile() {
    let machine = Machine::new();
    succeeds(machine.office.command(&TO_ETCD));
    let machine = machine.on("etcd");
    machine.office.add("PPK31", "non-penyedia", "Rina");
    let back = ["store", "copy", "--from", "etcd", "--to", "sled"];
    let again = machine.office.command(&TO_ETCD);
    refused(&again, 1, "holds records of its own");
    let before = machine.in_cluster();
    succeeds(machine.office.command(&back));
    let machine = machine.on("sled");
    assert_eq!(fill::raw_records(&machine.office), before);
    succeeds(machine.office.command(&["audit", "verify"]));
    let listed = succeeds(machine.office.command(&["user", "list"]));
    assert!(listed.contains("PPK31"), "{listed}");
}

fn killed_at(office: &Office, kill_point: u32) -> Output {
    let mut command = Command::new(support::program());
    command
        .args(TO_ETCD)
        .env_clear()
        .envs(office.environment())
        .env("LPSE_TEST_KILL_AT", kill_point.to_string());
    command.output().unwrap()
}

/// Runs the copy, also where one that was killed has its turn for some seconds yet.
fn copied(office: &Office, run: impl Fn(&Office) -> Output) -> Output {
    let begun = std::time::Instant::now();
    loop {
        let output = run(office);
        let waits = text(&output.stderr).contains("another machine copies into the cluster");
        if !waits || begun.elapsed().as_secs() > 60 {
            return output;
        }
    }
}

#[test]
fn a_copy_that_is_killed_serves_nobody_and_goes_on_where_it_was() {
    let machine = Machine::new();
    let office = &machine.office;
    fill::fill(office, 300);
    let before = fill::raw_records(office);
    let mut killed = 0;
    let mut written = Vec::new();
    for kill_point in [2, 3, 5, 8, 100] {
        let output = copied(office, |office| killed_at(office, kill_point));
        if output.status.success() {
            let said = text(&output.stdout);
            assert!(
                !said.contains(&format!("{} of them were written now", before.len())),
                "what was there is not written again: {said}"
            );
            break;
        }
        assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
        killed += 1;
        written.push(machine.in_cluster().len());
        machine.is_refused_everywhere("etcd", "run the same `lpse-kiosk store copy` again");
        let mut kiosk = office.start(&["--kiosk", "--store", "etcd"], 80, 24);
        assert_ne!(kiosk.wait(), 0, "no kiosk either");
    }
    assert!(killed >= 3 && written.is_sorted(), "{killed}: {written:?}");
    assert_eq!(machine.in_cluster(), before);
    succeeds(office.command(&["--store", "etcd", "audit", "verify"]));
}

#[test]
fn at_no_moment_do_two_stores_serve() {
    // One commit begins, one brings the records, then all is compared, and the source is marked.
    let killed_and_done = |kill_point| {
        let machine = Machine::new();
        let office = &machine.office;
        let output = killed_at(office, kill_point);
        assert_eq!(output.status.code(), None, "{}", text(&output.stderr));
        machine.is_refused_everywhere("etcd", "run the same `lpse-kiosk store copy` again");
        let listed = office.command(&["user", "list"]);
        assert_eq!(listed.status.success(), kill_point < 4, "{kill_point}");
        let before = fill::raw_records(office);
        succeeds(copied(office, |office| office.command(&TO_ETCD)));
        assert_eq!(machine.in_cluster(), before);
        machine.is_refused_everywhere("sled", "lives on there");
        succeeds(office.command(&["--store", "etcd", "user", "list"]));
    };
    // Side by side: a turn of somebody who was killed lasts some seconds.
    thread::scope(|scope| {
        for kill_point in 1..=4 {
            scope.spawn(move || killed_and_done(kill_point));
        }
    });
}

#[test]
fn what_a_copy_must_not_begin_with_is_refused_and_nothing_is_changed() {
    let machine = Machine::new();
    let office = &machine.office;
    let other = office.path("other").display().to_string();
    let copy = |arguments: &[&str]| office.command(&[&["store", "copy"], arguments].concat());
    refused(&copy(&["--from", "sled", "--to", "redb"]), 2, "--to-data");
    refused(&copy(&["--from", "sled", "--to", "sled"]), 2, "--to-data");
    refused(&copy(&["--from", "etcd", "--to", "etcd"]), 2, "`backup`");
    let from_nothing = ["--from", "redb", "--from-data", &other, "--to", "etcd"];
    let looked_in = format!("there is no store in {other}/store");
    refused(&copy(&from_nothing), 1, &looked_in);
    assert!(!office.path("other").exists());
    refused(
        &copy(&["--from", "etcd", "--to", "sled"]),
        1,
        "has no records",
    );
    let of_other_kind = ["--from", "redb", "--to", "etcd"];
    refused(&copy(&of_other_kind), 1, "is of kind sled");
    let mut kiosk = office.kiosk();
    kiosk.expect("Total Pengunjung");
    refused(&office.command(&TO_ETCD), 3, "in use by");
    let into = ["--from", "sled", "--to", "redb", "--to-data", &other];
    refused(&copy(&into), 3, "in use by");
    kiosk.expect_still_answers();
    kiosk.signal("TERM").wait();
    assert_eq!(machine.in_cluster(), []);
    // Somebody has begun to use the cluster, and says that nothing is to be brought there.
    let other_kind = office.command(&["--store", "etcd", "policy"]);
    refused(&other_kind, 1, "no new one was begun");
    succeeds(office.command(&["--store", "etcd", "store", "begin-anew"]));
    succeeds(office.command(&["--store", "etcd", "policy", "required"]));
    let there = machine.in_cluster();
    refused(&office.command(&TO_ETCD), 1, "holds records of its own");
    assert_eq!(machine.in_cluster(), there);
    succeeds(office.command(&["user", "list"]));
}

#[test]
fn a_cluster_that_was_emptied_is_not_taken_for_a_new_one() {
    let prefix = fresh_prefix();
    let office = Office::empty().in_cluster(&Cluster::shared(), &prefix, "one");
    office.policy("required");
    let emptied = cluster::etcdctl(&Cluster::shared(), &["del", "--prefix", &prefix]);
    assert!(emptied.is_some());
    let gone = "no new one was begun";
    refused(&office.command(&["policy"]), 1, gone);
    refused(&office.command(&["policy", "disabled"]), 1, gone);
    let verified = office.command(&["audit", "verify"]);
    assert_eq!(
        verified.status.code(),
        Some(4),
        "{}",
        text(&verified.stderr)
    );
    succeeds(office.command(&["store", "begin-anew"]));
    let policy = succeeds(office.command(&["policy"]));
    assert!(policy.starts_with("enabled"), "{policy}");
    refused(
        &office.command(&["store", "begin-anew"]),
        1,
        "there is a store",
    );
    let verified = office.command(&["audit", "verify"]);
    assert_eq!(
        verified.status.code(),
        Some(4),
        "{}",
        text(&verified.stderr)
    );
}
