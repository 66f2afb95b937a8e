//! What the kiosk costs, as ratios against the raw thing measured in the same run: `cargo bench`.
//!
//! - one login over one raw Argon2id hash of the same parameters (goal: at most 1.1);
//! - a wrong password of an unknown ID over that of a known one, which logs in elsewhere or where it is typed (medians
//!   within 5 ms);
//! - an owner's login while strangers guess, over one when nobody does (at most 2 s);
//! - a request for a reset that matches nobody over one that is answered by a letter (medians within 5 ms);
//! - one code check over one raw HMAC-SHA1 (at most 8: a window of three steps is at least three of them);
//! - durable commits a second, with 1 and with 64 waiting, over raw write and fdatasync (at least 0.5, at least 10);
//! - from the program's start to its first frame with 10 and with 100,000 accounts (the same within 20 %, under 50 ms);
//! - finding accounts while somebody types, with 10 and with 100,000 accounts: from the key to the result, and the
//!   memory that takes (flat within a factor of two); with it, how fast accounts are imported.
//!
//! `cargo bench --bench kiosk -- find` measures the last alone, and `-- find 1000000` with that many accounts; it takes
//! minutes. `-- flood` measures logins under floods alone. `cargo bench --features etcd --bench kiosk -- --store etcd`
//! measures logins and durable commits on sled and on a cluster of three etcd members on this machine, beside etcd's own
//! puts and reads of the same run (goals: commits at least 0.5 of its puts with 64 waiting, a login at most one hash and
//! three round trips). `cargo test --bench kiosk` goes the same way briefly (see `support::extent`).

#![allow(clippy::unwrap_used, reason = "what cannot be measured is no figure")]

mod flood;

use std::{
    fs::{File, OpenOptions},
    hint::black_box,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use flood::Flood;
use jiff::Timestamp;
use lpse_kiosk::{
    adapter::{clock::SystemClock, random::SystemRandom},
    config::Config,
    domain::{
        AccountKey, EmailAddress, Identified, PersonName, PlainPassword, Policy, Secret, Source,
        TimeStep, UserId, UserType,
        password::{self, HashCost, HashMemory},
        provisioning::Issuer,
        security_code::Challenge,
        totp,
    },
    service::{
        Foundation, Letters, Services,
        accounts::NewAccount,
        authentication::PasswordOutcome,
        hashing::HashPool,
        reset::{RequestOutcome, ResetRequest},
    },
    store::{self, Commit, Key, Outcome, Store, StoreKind, engine::memory::Memory, tagged::Tagged},
    vault::{MasterKey, Vault},
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use support::{
    PASSWORD,
    extent::{self, Extent},
};
use zeroize::Zeroizing;

/// Wrong passwords and requests of each kind.
const TRIES: Extent<u32> = Extent::new(401, 5);

/// Logins, each beside a hash.
const LOGINS: Extent<usize> = Extent::new(101, 5);

/// Code checks, and HMACs, that are timed together.
const CHECKS: Extent<u64> = Extent::new(20_000, 100);

/// How long commits and writes are counted.
const PERIOD: Extent<Duration> = Extent::new(Duration::from_secs(2), Duration::from_millis(100));

/// Accounts of a large office, and starts of its program.
const MANY: Extent<u32> = Extent::new(100_000, 500);
const STARTS: Extent<usize> = Extent::new(21, 3);

/// People who are looked for.
const SEARCHES: Extent<u64> = Extent::new(150, 5);

fn main() {
    let arguments = extent::arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match arguments[..] {
        ["find-fill", kind, folder, count] => {
            return runtime.block_on(fill(kind, folder.as_ref(), count));
        }
        ["find-search", kind, folder, count] => {
            return runtime.block_on(search(kind, folder.as_ref(), count));
        }
        _ => {}
    }
    println!("| what | measured | raw | ratio | goal |");
    println!("|---|---|---|---|---|");
    if let ["find", ref counts @ ..] = arguments[..] {
        return find(counts);
    }
    if let ["flood"] = arguments[..] {
        return runtime.block_on(floods());
    }
    if let ["--store", kind] = arguments[..] {
        let kinds = match kind.parse().unwrap() {
            StoreKind::Etcd => vec![StoreKind::Sled, StoreKind::Etcd],
            embedded => vec![embedded],
        };
        for kind in kinds {
            runtime.block_on(login(kind));
            runtime.block_on(strangers(kind));
            runtime.block_on(commits(kind));
            runtime.block_on(flooded(kind));
        }
        return;
    }
    for kind in StoreKind::EMBEDDED {
        runtime.block_on(login(kind));
    }
    runtime.block_on(strangers(StoreKind::Sled));
    runtime.block_on(floods());
    runtime.block_on(reset_requests());
    code_check();
    for kind in StoreKind::EMBEDDED {
        runtime.block_on(commits(kind));
    }
    first_frame();
    find(&[]);
}

/// The median of `rounds` runs.
fn median(rounds: usize, mut run: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..rounds).map(|_| run()).collect();
    times.sort();
    times[rounds / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// A store of `kind` with nothing in it, whose records are tagged as everybody's are.
async fn open(kind: StoreKind, folder: &Path) -> Arc<dyn Store> {
    match kind {
        StoreKind::Sled | StoreKind::Redb => {
            tagged(Arc::new(store::open(kind, folder, 0).unwrap())).await
        }
        StoreKind::Etcd => tagged(etcd::open(folder).await).await,
    }
}

/// `store` with what every store has, and tags.
async fn tagged(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let tagged = Tagged::open(store, &vault(), &SystemRandom).await;
    Arc::new(tagged.unwrap().0)
}

fn vault() -> Vault {
    Vault::new(MasterKey::from_bytes([7; 32]), Vec::new())
}

/// Services over a store of `kind`.
async fn services_over(kind: StoreKind, folder: &Path) -> Services {
    services_on(open(kind, folder).await, Arc::default())
}

fn services_on(store: Arc<dyn Store>, audit: Arc<flood::Tally>) -> Services {
    let foundation = Arc::new(Foundation {
        store,
        vault: vault(),
        clock: Arc::new(SystemClock::start()),
        random: Arc::new(SystemRandom),
        audit,
        audit_trail: None,
        hashing: HashPool::new(2, Config::default().hash_queue),
        hash_cost: HashCost::MIN,
        issuer: Issuer::default(),
        letters: Letters {
            written: true,
            an_hour: u32::MAX,
            ..Letters::none()
        },
        ended_logins: Default::default(),
        node: "bench".into(),
    });
    Services::new(&foundation)
}

/// Services with one account, which needs no code, and what they record.
struct Bench {
    services: Services,
    owner: AccountKey,
    audit: Arc<flood::Tally>,
}

impl Bench {
    async fn on(store: Arc<dyn Store>) -> Self {
        let audit = Arc::<flood::Tally>::default();
        let services = services_on(store, audit.clone());
        let hash = services.accounts.hash(typed(PASSWORD)).await.unwrap();
        let owner = account("PPK30");
        let new = NewAccount {
            key: owner.clone(),
            name: PersonName::parse("Siti").unwrap(),
            email: EmailAddress::parse("siti@contoh.go.id").unwrap(),
            role: Default::default(),
            password: hash,
        };
        services.accounts.add(new, &here(0)).await.unwrap();
        let policy = Policy::Disabled.into();
        services.policy.set(policy, &here(0)).await.unwrap();
        Self {
            services,
            owner,
            audit,
        }
    }
}

/// Services over a store of `kind`, and one account.
async fn services(kind: StoreKind, folder: &Path) -> (Services, AccountKey) {
    let bench = Bench::on(open(kind, folder).await).await;
    (bench.services, bench.owner)
}

/// Every flood over the rules alone, and the one with the most commits over sled.
async fn floods() {
    let memory = tagged(Arc::new(Memory::default())).await;
    flood::measure(Bench::on(memory).await, "memory", &Flood::ALL).await;
    flooded(StoreKind::Sled).await;
}

async fn flooded(kind: StoreKind) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(kind, folder.path()).await;
    let floods = [Flood::KnownAtHome, Flood::KnownElsewhere];
    flood::measure(Bench::on(store).await, kind.as_str(), &floods).await;
}

fn account(id: &str) -> AccountKey {
    AccountKey::new(UserType::NonPenyedia, UserId::parse(id).unwrap())
}

fn typed(password: &str) -> PlainPassword {
    PlainPassword::typed(password).unwrap()
}

/// One of many terminals, so that no throttle is met.
fn here(number: u32) -> Source {
    Source::Console(format!("loket-{number}"))
}

/// A wrong password of an account that does not exist, of one that does, and of one that logs in from where it is typed,
/// turn by turn.
async fn strangers(kind: StoreKind) {
    let folder = tempfile::tempdir().unwrap();
    let (services, known) = services(kind, folder.path()).await;
    let model = services.accounts.get(&known).await.unwrap().unwrap();
    let attempt = async |account: &AccountKey, text: &str, from: &Source| {
        let claimed = Identified {
            account: account.clone(),
        };
        let authentication = &services.authentication;
        let checked = authentication.check_password(claimed, typed(text), from);
        checked.await.unwrap()
    };
    let unknown = account("PPK31");
    let mut times = [const { Vec::new() }; 3];
    for number in 0..TRIES.get() {
        let terminal = here(number);
        let at_home = account(&format!("PPK-{number}"));
        let new = NewAccount {
            key: at_home.clone(),
            name: model.name.clone(),
            email: model.email.clone(),
            role: Default::default(),
            password: model.password.clone(),
        };
        services.accounts.add(new, &here(0)).await.unwrap();
        let login = attempt(&at_home, PASSWORD, &terminal).await;
        assert!(matches!(login, PasswordOutcome::Granted(_)));
        let accounts = [&unknown, &known, &at_home];
        // Whose turn it is first changes too: a terminal's record grows with each.
        for turn in 0..accounts.len() {
            let which = (number as usize + turn) % accounts.len();
            let begun = Instant::now();
            let outcome = attempt(accounts[which], "salah", &terminal).await;
            times[which].push(begun.elapsed());
            assert!(matches!(outcome, PasswordOutcome::Refused(_)));
        }
    }
    let [unknown, known, at_home] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    for (what, known) in [
        ("a known one", known),
        ("one that logs in from there", at_home),
    ] {
        println!(
            "| a wrong password ({kind}), of an unknown ID over {what} | {} | {} | {:.3} | medians within 5 ms |",
            ms(unknown),
            ms(known),
            unknown.as_secs_f64() / known.as_secs_f64()
        );
    }
}

/// A request for a reset that puts a letter into the outbox, and one that matches nobody, turn by turn. Every known
/// account asks once, so that no limit is met.
async fn reset_requests() {
    let folder = tempfile::tempdir().unwrap();
    let (services, key) = services(StoreKind::Sled, folder.path()).await;
    let model = services.accounts.get(&key).await.unwrap().unwrap();
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for number in 0..TRIES.get() {
        let known = account(&format!("PPK{}", 1_000 + number));
        let new = NewAccount {
            key: known.clone(),
            name: model.name.clone(),
            email: model.email.clone(),
            role: Default::default(),
            password: model.password.clone(),
        };
        services.accounts.add(new, &here(0)).await.unwrap();
        let unknown = account(&format!("XYZ{}", 1_000 + number));
        for (account, times) in [(known, &mut of_known), (unknown, &mut of_unknown)] {
            let (challenge, _) = Challenge::new(&[0; Challenge::RANDOM_BYTES], Duration::ZERO);
            let asked = ResetRequest {
                account,
                email: model.email.clone(),
                security_code: Zeroizing::new("AAAAAA".into()),
            };
            let from = here(number);
            let begun = Instant::now();
            let outcome = services.reset.request(asked, Some(challenge), &from).await;
            times.push(begun.elapsed());
            assert_eq!(outcome.unwrap(), RequestOutcome::Answered);
        }
    }
    let waiting = services.outbox.page(None, 1_000).await.unwrap();
    assert_eq!(
        waiting.letters.len(),
        TRIES.get() as usize,
        "every known account gets a letter"
    );
    of_known.sort();
    of_unknown.sort();
    let middle = of_known.len() / 2;
    let (known, unknown) = (of_known[middle], of_unknown[middle]);
    println!(
        "| a request for a reset, of an unknown ID over a known one | {} | {} | {:.3} | medians within 5 ms |",
        ms(unknown),
        ms(known),
        unknown.as_secs_f64() / known.as_secs_f64()
    );
}

async fn login(kind: StoreKind) {
    let folder = tempfile::tempdir().unwrap();
    let (services, key) = services(kind, folder.path()).await;
    // The library's default parameters are the kiosk's.
    let argon2 = argon2::Argon2::default();
    let (mut logins, mut hashes) = (Vec::new(), Vec::new());
    // Turn by turn, so that a slow moment of the machine meets both.
    for _ in 0..LOGINS.get() {
        let begun = Instant::now();
        let claimed = Identified {
            account: key.clone(),
        };
        let outcome = services
            .authentication
            .check_password(claimed, typed(PASSWORD), &here(0))
            .await
            .unwrap();
        assert!(matches!(outcome, PasswordOutcome::Granted(_)));
        logins.push(begun.elapsed());
        let begun = Instant::now();
        let mut raw = [0; 32];
        argon2
            .hash_password_into(PASSWORD.as_bytes(), &[7; 16], &mut raw)
            .unwrap();
        black_box(raw);
        hashes.push(begun.elapsed());
    }
    logins.sort();
    hashes.sort();
    let (login, hash) = (logins[logins.len() / 2], hashes[hashes.len() / 2]);
    let ratio = login.as_secs_f64() / hash.as_secs_f64();
    if kind == StoreKind::Etcd {
        // A commit is a round trip too, with a write that two members have on their disks.
        let [read, put] = etcd::round_trips().await;
        let limit = hash + read * 2 + put;
        println!(
            "| a login ({kind}), over one Argon2id hash, two of etcd's own reads and a put | {} | {} + 2 x {} + {} | {:.2} | at most 1 |",
            ms(login),
            ms(hash),
            ms(read),
            ms(put),
            login.as_secs_f64() / limit.as_secs_f64()
        );
        return;
    }
    println!(
        "| a login ({kind}), over one Argon2id hash | {} | {} | {ratio:.2} | at most 1.1 |",
        ms(login),
        ms(hash)
    );
}

fn code_check() {
    let checks = CHECKS.get();
    let secret = Secret::from_bytes(*b"12345678901234567890");
    let raw = totp_rs::Builder::new()
        .with_secret(secret.as_bytes().to_vec())
        .build()
        .unwrap();
    let account = AccountKey::new(UserType::NonPenyedia, UserId::parse("PPK30").unwrap());
    let now = Timestamp::from_second(1_597_283_585).unwrap();
    let passcode = secret.passcode(TimeStep::at(now));
    // As much as there ever is to be asked: two phones.
    let other = Secret::from_bytes(*b"09876543210987654321");
    let spent = totp::SpentSteps::default();
    let check = median(11, || {
        let begun = Instant::now();
        for _ in 0..checks {
            let keys = [(black_box(&secret), &spent), (black_box(&other), &spent)];
            black_box(totp::verify_any(&account, keys, &passcode, now));
        }
        begun.elapsed()
    });
    let hmac = median(11, || {
        let begun = Instant::now();
        for step in 0..checks {
            black_box(raw.sign(black_box(step * 30)));
        }
        begun.elapsed()
    });
    let each = |time: Duration| format!("{:.2} us", time.as_secs_f64() * 1e6 / checks as f64);
    let ratio = check.as_secs_f64() / hmac.as_secs_f64();
    println!(
        "| a code check by two phones, over one HMAC-SHA1 | {} | {} | {ratio:.1} | at most 8 |",
        each(check),
        each(hmac)
    );
}

async fn commits(kind: StoreKind) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(kind, &folder.path().join("store")).await;
    for waiting in [1, 64] {
        let (peer, raw, goal) = match (kind, waiting) {
            (StoreKind::Etcd, 1) => ("etcd's own puts", etcd::puts(waiting).await, "no goal"),
            (StoreKind::Etcd, _) => ("etcd's own puts", etcd::puts(waiting).await, "at least 0.5"),
            (_, 1) => (
                "write+fdatasync",
                raw_syncs(&folder.path().join("raw")),
                "at least 0.5",
            ),
            _ => (
                "write+fdatasync",
                raw_syncs(&folder.path().join("raw")),
                "at least 10",
            ),
        };
        let begun = Instant::now();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..waiting {
            let store = store.clone();
            writers.spawn(async move {
                let mut count = 0_u64;
                while begun.elapsed() < PERIOD.get() {
                    let key = Key::from_bytes(format!("record/{writer}/{}", count % 1_000));
                    let outcome = store
                        .commit(Commit::new().put(key, vec![7; 400]))
                        .await
                        .unwrap();
                    assert_eq!(outcome, Outcome::Applied);
                    count += 1;
                }
                count
            });
        }
        let count: u64 = writers.join_all().await.into_iter().sum();
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        println!(
            "| durable commits ({kind}), {waiting} waiting, over {peer} | {rate:.0}/s | {raw:.0}/s | {:.2} | {goal} |",
            rate / raw
        );
    }
}

/// Records of the same size appended to a file and made durable one by one, a second.
fn raw_syncs(path: &Path) -> f64 {
    let mut file: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < PERIOD.get() {
        file.write_all(&[7; 400]).unwrap();
        rustix::fs::fdatasync(&file).unwrap();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn first_frame() {
    let folder = tempfile::tempdir().unwrap();
    let few = Office::with_accounts(folder.path().join("few"), 10);
    let many = Office::with_accounts(folder.path().join("many"), MANY.get());
    let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
    for _ in 0..STARTS.get() {
        with_few.push(few.time_to_first_frame());
        with_many.push(many.time_to_first_frame());
    }
    with_few.sort();
    with_many.sort();
    let middle = STARTS.get() / 2;
    let (few, many) = (with_few[middle], with_many[middle]);
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    println!(
        "| start to first frame, {} accounts over 10 | {} | {} | {ratio:.2} | 0.8 to 1.2, under 50 ms |",
        MANY.get(),
        ms(many),
        ms(few)
    );
}

struct Office {
    folder: PathBuf,
}

impl Office {
    fn with_accounts(folder: PathBuf, count: u32) -> Self {
        std::fs::create_dir(&folder).unwrap();
        File::create(folder.join("empty.toml")).unwrap();
        let csv = folder.join("accounts.csv");
        let office = Self { folder };
        let password = PlainPassword::typed(PASSWORD).unwrap();
        let hash = password::hash(
            &password,
            [7; 16],
            HashCost::MIN,
            &mut HashMemory::default(),
        );
        let mut file = std::io::BufWriter::new(File::create(&csv).unwrap());
        writeln!(file, "user_id,type,name,email,password_hash").unwrap();
        for number in 0..count {
            writeln!(
                file,
                "PPK{number:06},non-penyedia,Orang {number},p{number}@contoh.go.id,\"{hash}\""
            )
            .unwrap();
        }
        file.flush().unwrap();
        let begun = Instant::now();
        let mut import = Command::new(support::program());
        import
            .envs(office.environment())
            .args(["user", "import"])
            .arg(&csv)
            .stdout(Stdio::null());
        assert!(import.status().unwrap().success());
        if count > 1_000 {
            println!(
                "| import of {count} hashed accounts | {:.1} s | | | |",
                begun.elapsed().as_secs_f64()
            );
        }
        office
    }

    fn environment(&self) -> [(&'static str, String); 3] {
        let path = |name: &str| self.folder.join(name).display().to_string();
        [
            // Named, because this machine may have a configuration file of its own.
            ("LPSE_KIOSK_CONFIG", path("empty.toml")),
            ("LPSE_KIOSK_STORE_DATA", path("data")),
            ("LPSE_KIOSK_KEYS_MASTER_KEY_FILE", path("master.key")),
        ]
    }

    fn time_to_first_frame(&self) -> Duration {
        let size = PtySize {
            rows: 24,
            cols: 80,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(support::program());
        command.arg("--kiosk");
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.env("LANG", "C.UTF-8");
        let begun = Instant::now();
        let mut child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let mut printed = Vec::new();
        let mut bytes = [0; 4096];
        // The frame ends with the hints in its last row.
        while !printed.windows(7).any(|window| window == b"English") {
            let length = reader.read(&mut bytes).unwrap();
            assert!(
                length > 0,
                "the program ended: {}",
                String::from_utf8_lossy(&printed)
            );
            printed.extend_from_slice(&bytes[..length]);
        }
        let time = begun.elapsed();
        child.kill().unwrap();
        child.wait().unwrap();
        time
    }
}

/// Given names and family names of accounts, from which a hundred thousand people are called as they are in life.
const GIVEN: [&str; 20] = [
    "Siti", "Budi", "Agus", "Dewi", "Sri", "Eko", "Rina", "Joko", "Wahyu", "Nur", "Ahmad", "Dian",
    "Putu", "Made", "Yusuf", "Indah", "Rudi", "Lestari", "Hendra", "Ayu",
];
const FAMILY: [&str; 25] = [
    "Rahmawati",
    "Santoso",
    "Wibowo",
    "Lestari",
    "Hidayat",
    "Nugroho",
    "Wulandari",
    "Saputra",
    "Kurniawan",
    "Siregar",
    "Nasution",
    "Simanjuntak",
    "Setiawan",
    "Purnama",
    "Handayani",
    "Susanto",
    "Hartono",
    "Gunawan",
    "Utami",
    "Pratama",
    "Maharani",
    "Sihombing",
    "Wijaya",
    "Halim",
    "Suryadi",
];

/// ID, name and address of account `number`.
fn person(number: u64) -> (String, String, String) {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let given = GIVEN[mixed as usize % GIVEN.len()];
    let family = FAMILY[(mixed >> 8) as usize % FAMILY.len()];
    let office = mixed % 509;
    let email = format!("{given}.{family}{number}@dinas{office}.contoh.go.id");
    (
        format!("PPK{number:07}"),
        format!("{given} {family}"),
        email.to_lowercase(),
    )
}

/// Fills a store as an import does, and prints how many accounts a second that took.
async fn fill(kind: &str, folder: &Path, count: &str) {
    let services = services_over(kind.parse().unwrap(), folder).await;
    let count: u64 = count.parse().unwrap();
    let hash = services.accounts.hash(typed(PASSWORD)).await.unwrap();
    let begun = Instant::now();
    let mut import = services.accounts.begin_import().await.unwrap();
    for first in (0..count).step_by(256) {
        let part = first..count.min(first + 256);
        let part = part.map(|number| {
            let (id, name, email) = person(number);
            NewAccount {
                key: account(&id),
                name: PersonName::parse(&name).unwrap(),
                email: EmailAddress::parse(&email).unwrap(),
                role: Default::default(),
                password: hash.clone(),
            }
        });
        import.add(part.collect(), &here(0)).await.unwrap();
    }
    import.finish(&here(0)).await.unwrap();
    println!("{:.0}", count as f64 / begun.elapsed().as_secs_f64());
}

/// Searches that find as much in a store of ten accounts as in any other, and prints their median and 99th of a hundred
/// in microseconds; the same of everything that somebody types key by key; and the memory before and after in KiB.
async fn search(kind: &str, folder: &Path, count: &str) {
    let services = services_over(kind.parse().unwrap(), folder).await;
    let count: u64 = count.parse().unwrap();
    // As in a kiosk that has let people in: every thread has hashed once, and keeps the memory for it.
    let (one, other) = tokio::join!(
        services.accounts.hash(typed(PASSWORD)),
        services.accounts.hash(typed(PASSWORD))
    );
    black_box((one.unwrap(), other.unwrap()));
    let before = resident_kib();
    let find = async |typed: &str| {
        let begun = Instant::now();
        let page = services.accounts.find(typed, None, 10).await.unwrap();
        let time = begun.elapsed();
        assert!(!page.accounts.is_empty(), "{typed}");
        time
    };
    let (mut same, mut typing) = (Vec::new(), Vec::new());
    for round in 0..SEARCHES.get() {
        let (id, name, email) = person(round.wrapping_mul(0x2545_f491_4f6c_dd1d) % count);
        for typed in ["ppk", &id, &email] {
            same.push(find(typed).await);
        }
        let typed = [&id, &name, &email][round as usize % 3];
        for end in (1..=typed.len()).step_by(2) {
            typing.push(find(&typed[..end]).await);
        }
    }
    for mut times in [same, typing] {
        times.sort();
        let (median, slow) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{} {}", median.as_micros(), slow.as_micros());
    }
    println!("{before} {}", resident_kib());
}

/// This process's memory in KiB (VmRSS).
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Filling and searching, each in a process of its own, so that the memory is that of one store and nothing else.
fn find(counts: &[&str]) {
    let many = MANY.get().to_string();
    let usual = [many.as_str()];
    let counts = if counts.is_empty() { &usual } else { counts };
    for kind in StoreKind::EMBEDDED {
        let few = measure_find(kind, "10");
        for count in counts {
            let many = measure_find(kind, count);
            println!(
                "| import of {count} hashed accounts ({kind}) | {}/s | | | |",
                many.rate
            );
            for (what, of_many, of_few) in [
                ("key to result, median", many.same[0], few.same[0]),
                ("key to result, 99th", many.same[1], few.same[1]),
            ] {
                println!(
                    "| {what} ({kind}), {count} accounts over 10 | {of_many} us | {of_few} us | {:.2} | at most 2 |",
                    of_many as f64 / of_few as f64
                );
            }
            let [median, slow] = many.typing;
            println!(
                "| every key of what is typed ({kind}), {count} accounts, median and 99th | {median} us | {slow} us | | 99th under 50 ms |"
            );
            println!(
                "| memory ({kind}), {count} accounts over 10 | {} MiB, {} before the first search | {} MiB | {:.2} | at most 2 |",
                many.after / 1024,
                many.before / 1024,
                few.after / 1024,
                many.after as f64 / few.after as f64
            );
        }
    }
}

struct FindFigures {
    rate: u64,
    /// Of searches that find as much in every store: median and 99th of a hundred, in microseconds.
    same: [u64; 2],
    /// Of everything typed key by key.
    typing: [u64; 2],
    before: u64,
    after: u64,
}

fn measure_find(kind: StoreKind, count: &str) -> FindFigures {
    let folder = tempfile::tempdir().unwrap();
    let run = |what: &str| -> Vec<u64> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command
            .args([what, kind.as_str()])
            .arg(folder.path())
            .arg(count)
            .args(extent::passed_on());
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{what} {count}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let figures = printed.split_whitespace();
        figures.map(|figure| figure.parse().unwrap()).collect()
    };
    let rate = run("find-fill")[0];
    let [median, slow, of_typing, slow_typing, before, after] = run("find-search")[..] else {
        panic!("six figures");
    };
    FindFigures {
        rate,
        same: [median, slow],
        typing: [of_typing, slow_typing],
        before,
        after,
    }
}

/// A cluster on this machine, and what etcd itself does of the things that the store does with it.
#[cfg(feature = "etcd")]
mod etcd {
    use std::{
        path::Path,
        sync::Arc,
        time::{Duration, Instant},
    };

    use etcd_client::Client;
    use lpse_kiosk::store::{self, Store, etcd::EtcdSettings};

    use super::{PERIOD, TRIES};
    use support::cluster::{Cluster, fresh_prefix};

    pub async fn open(folder: &Path) -> Arc<dyn Store> {
        let settings = EtcdSettings {
            endpoints: endpoints(),
            tls: None,
            user: None,
            prefix: fresh_prefix(),
            patience: Duration::from_secs(10),
            node: "bench".into(),
        };
        store::etcd::open(settings, folder, 0).await.unwrap().store
    }

    fn endpoints() -> Vec<String> {
        Cluster::shared().split(',').map(str::to_owned).collect()
    }

    /// Puts a second, with so many waiting at one member, of records as large as an account.
    pub async fn puts(waiting: u32) -> f64 {
        let client = Client::connect([&endpoints()[0]], None).await.unwrap();
        let prefix = fresh_prefix();
        let begun = Instant::now();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..waiting {
            let (mut kv, prefix) = (client.kv_client(), prefix.clone());
            writers.spawn(async move {
                let mut count = 0_u64;
                while begun.elapsed() < PERIOD.get() {
                    let key = format!("{prefix}{writer}/{}", count % 1_000);
                    kv.put(key, vec![7; 400], None).await.unwrap();
                    count += 1;
                }
                count
            });
        }
        let count: u64 = writers.join_all().await.into_iter().sum();
        count as f64 / begun.elapsed().as_secs_f64()
    }

    /// The medians of a linearizable read and of a put, one at a time.
    pub async fn round_trips() -> [Duration; 2] {
        let client = Client::connect([&endpoints()[0]], None).await.unwrap();
        let mut kv = client.kv_client();
        let key = fresh_prefix();
        let (mut reads, mut puts) = (Vec::new(), Vec::new());
        for _ in 0..TRIES.get() / 2 + 1 {
            let begun = Instant::now();
            kv.put(key.clone(), vec![7; 400], None).await.unwrap();
            puts.push(begun.elapsed());
            let begun = Instant::now();
            kv.get(key.clone(), None).await.unwrap();
            reads.push(begun.elapsed());
        }
        [reads, puts].map(|mut times| {
            times.sort();
            times[times.len() / 2]
        })
    }
}

#[cfg(not(feature = "etcd"))]
mod etcd {
    use std::{path::Path, sync::Arc, time::Duration};

    use lpse_kiosk::store::Store;

    const WANTED: &str = "etcd is measured with --features etcd";

    pub async fn open(_folder: &Path) -> Arc<dyn Store> {
        panic!("{WANTED}");
    }

    pub async fn puts(_waiting: u32) -> f64 {
        panic!("{WANTED}");
    }

    pub async fn round_trips() -> [Duration; 2] {
        panic!("{WANTED}");
    }
}
