//! What the kiosk costs over SSH, beside an OpenSSH sshd with a shell measured in the same run by the same client:
//! `cargo bench --bench ssh`, or one part of it: `cargo bench --bench ssh -- memory`.
//!
//! - `memory`: of one idle session at its first screen (at most 300 KiB, and a tenth of an sshd's with its shell);
//! - `screen`: from connect to the first screen complete, alone and in a crowd;
//! - `keys`: from a key to its change of the screen with the hash pool idle (p99 at most 5 ms, and no slower than an
//!   sshd) and saturated (p99 at most 25 ms), and bytes for a typed character;
//! - `logins`: a second with the hash pool saturated, over the machine's raw Argon2id (at least 0.95).
//!
//! `cargo test --bench ssh` goes the same way briefly (see `support::extent`).
//!
//! The client shares the cores with the server it measures. So the keys of one login come as one packet, and logins are
//! told per second of the server's CPU time too.

#![allow(clippy::unwrap_used, reason = "what cannot be measured is no figure")]

mod client;
mod process;
mod server;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    sync::{Semaphore, watch},
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use lpse_kiosk::tui::attention::READING_TIME;
use support::extent::{self, Extent};

use client::{BACKSPACE, Terminal, Visit};
use process::Kib;
use server::{ACCOUNTS, Office, PASSWORD, Server, Sshd, user_id};

const SESSIONS: Extent<&[usize]> = Extent::new(&[1, 100, 1_000], &[1, 10]);

/// Each of an sshd's sessions is processes of its own; more than this many show nothing new.
const SSHD_SESSIONS: usize = 100;

/// So many connect at once.
const WAVE: usize = 50;

/// First screens one after another, alone.
const ALONE: Extent<usize> = Extent::new(21, 2);

const IDLE_KEYS: Extent<usize> = Extent::new(4_000, 100);
const SATURATED_KEYS: Extent<usize> = Extent::new(2_000, 20);

/// Keys typed at one server before the other's turn, so that a slow moment of the machine meets both.
const KEYS_A_TURN: Extent<usize> = Extent::new(200, 20);

/// Characters typed into the field before they are taken back.
const CHARACTERS: usize = 10;

/// A character that is part of no escape sequence here.
const CHARACTER: u8 = b'Z';

/// Between two keys while the hash pool is saturated; no person types faster.
const BETWEEN_KEYS: Duration = Duration::from_millis(2);

/// A screen that came by itself stands so long before somebody presses Enter there; a little longer than the rule, which
/// counts from when the server has sent it.
const READING: Duration = READING_TIME.saturating_add(Duration::from_millis(250));

/// So many people for each core log in and out, so that the hash pool is full although each of them reads home: a core
/// hashes some 50 passwords a second.
const PEOPLE_A_CORE: Extent<usize> = Extent::new(100, 5);

/// With so many open, logins are counted.
const LOGIN_SESSIONS: Extent<usize> = Extent::new(100, 10);
const LOGIN_ROUNDS: Extent<usize> = Extent::new(4, 1);
const LOGIN_ROUND: Extent<Duration> = Extent::new(Duration::from_secs(4), Duration::from_secs(2));
const RAW_ROUND: Extent<Duration> = Extent::new(Duration::from_secs(2), Duration::from_millis(200));

fn main() {
    let asked = Parts(extent::arguments());
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    println!("| what | measured | raw | ratio | goal |");
    println!("|---|---|---|---|---|");
    // On a worker, where the connections are: a key goes through no more threads than it must.
    let measured = runtime.spawn(async move { measure(&asked).await });
    runtime.block_on(measured).unwrap();
}

/// What is asked for; all of it if nothing is named.
struct Parts(Vec<String>);

impl Parts {
    fn has(&self, part: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|asked| asked == part)
    }
}

/// A thousand connections need as many open files, here and in the servers, which inherit the limit.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, most).unwrap();
}

fn row(what: &str, measured: &str, raw: &str, ratio: &str, goal: &str) {
    println!("| {what} | {measured} | {raw} | {ratio} | {goal} |");
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn kib(memory: Kib) -> String {
    format!("{:.0} KiB", memory.0)
}

fn over(measured: Duration, raw: Duration) -> String {
    format!("{:.2}", measured.as_secs_f64() / raw.as_secs_f64())
}

fn share(times: &mut [Duration], hundredths: usize) -> Duration {
    times.sort();
    times[(times.len() * hundredths / 100).min(times.len() - 1)]
}

fn sessions(count: usize) -> String {
    match count {
        1 => "1 session".to_owned(),
        1_000 => "1,000 sessions".to_owned(),
        count => format!("{count} sessions"),
    }
}

async fn measure(asked: &Parts) {
    let office = spawn_blocking(Office::new).await.unwrap();
    let sshd = Sshd::new()
        .inspect_err(|why| eprintln!("nothing is measured beside an sshd: {why}"))
        .ok();
    for &count in SESSIONS.get() {
        if count != LOGIN_SESSIONS.get() && asked.0 == ["logins"] {
            continue;
        }
        let kiosk = office.serve();
        let sshd = match &sshd {
            Some(sshd) if count <= SSHD_SESSIONS && asked.0 != ["logins"] => sshd
                .serve()
                .inspect_err(|why| eprintln!("nothing is measured beside an sshd: {why}"))
                .ok(),
            _ => None,
        };
        let mut both = Both::open(asked, count, &kiosk, sshd.as_ref()).await;
        if count == 1 && asked.has("screen") {
            first_screens_alone(&kiosk.visit, sshd.as_ref().map(|sshd| &sshd.visit)).await;
        }
        if asked.has("keys") {
            keys_idle(count, &mut both).await;
        }
        if count == 1 {
            continue;
        }
        if asked.has("keys") {
            keys_saturated(count, &kiosk, &mut both.kiosk).await;
        }
        if asked.has("logins") && count == LOGIN_SESSIONS.get() {
            logins(&kiosk).await;
        }
    }
}

/// Open sessions of the kiosk, and of an sshd where there is one.
struct Both {
    kiosk: Vec<Terminal>,
    sshd: Vec<Terminal>,
}

impl Both {
    /// Opens `count` sessions of each; tells of their memory, and how long the crowd waited for its first screens.
    async fn open(asked: &Parts, count: usize, kiosk: &Server, sshd: Option<&Server>) -> Self {
        let people = sessions(count);
        // What the first session ever brings along is no session's.
        visit_and_leave(kiosk).await;
        let before = kiosk.memory();
        let (of_kiosk, mut waited) = open_all(&kiosk.visit, count).await;
        let each = Kib((kiosk.memory() - before).0 / count as f64);
        if asked.has("memory") {
            let what = format!("memory of an idle session, {people}");
            row(&what, &kib(each), "", "", "at most 300 KiB");
        }
        let mut both = Self {
            kiosk: of_kiosk,
            sshd: Vec::new(),
        };
        let mut waited_at_sshd = None;
        if let Some(sshd) = sshd {
            let (of_sshd, mut waited) = open_all(&sshd.visit, count).await;
            both.sshd = of_sshd;
            waited_at_sshd = Some(share(&mut waited, 50));
            let (own, shells) = sshd.sessions_memory();
            let (own, shells) = (own.0 / count as f64, shells.0 / count as f64);
            if asked.has("memory") {
                for (with, memory) in [("with", own + shells), ("without", own)] {
                    row(
                        &format!("the same, over an sshd's {with} its shell"),
                        &kib(each),
                        &kib(Kib(memory)),
                        &format!("{:.3}", each.0 / memory),
                        "at most 0.1",
                    );
                }
            }
        }
        if count > 1 && asked.has("screen") {
            let waited = share(&mut waited, 50);
            row(
                &format!(
                    "connect to first screen, {people}, {WAVE} at once, over an sshd (medians)"
                ),
                &ms(waited),
                &waited_at_sshd.map_or(String::new(), ms),
                &waited_at_sshd.map_or(String::new(), |raw| over(waited, raw)),
                "",
            );
        }
        both
    }
}

async fn visit_and_leave(server: &Server) {
    // A server that has just begun to listen may still be opening files of its own: not before, during the visit they
    // are counted.
    let terminal = Terminal::open(&server.visit).await;
    let during = process::open_files(server.pid());
    drop(terminal);
    while process::open_files(server.pid()) >= during {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Opens `count` sessions, and tells how long each one's first screen took.
async fn open_all(visit: &Visit, count: usize) -> (Vec<Terminal>, Vec<Duration>) {
    let places = Arc::new(Semaphore::new(WAVE));
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let (places, visit) = (places.clone(), visit.clone());
        opening.spawn(async move {
            let _place = places.acquire().await.unwrap();
            Terminal::open(&visit).await
        });
    }
    opening.join_all().await.into_iter().unzip()
}

async fn first_screens_alone(kiosk: &Visit, sshd: Option<&Visit>) {
    let (mut at_kiosk, mut at_sshd) = (Vec::new(), Vec::new());
    for _ in 0..ALONE.get() {
        at_kiosk.push(Terminal::open(kiosk).await.1);
        if let Some(sshd) = sshd {
            at_sshd.push(Terminal::open(sshd).await.1);
        }
    }
    let kiosk = share(&mut at_kiosk, 50);
    let sshd = (!at_sshd.is_empty()).then(|| share(&mut at_sshd, 50));
    row(
        "connect to first screen, alone, over an sshd (medians)",
        &ms(kiosk),
        &sshd.map_or(String::new(), ms),
        &sshd.map_or(String::new(), |sshd| over(kiosk, sshd)),
        "",
    );
}

/// Keys that were typed, and what came back.
#[derive(Default)]
struct Typed {
    times: Vec<Duration>,
    characters: usize,
    bytes: usize,
}

impl Typed {
    /// Types at `terminal` until it holds so many characters, and takes them back.
    async fn turn(&mut self, terminal: &mut Terminal, pause: Duration) {
        for key in [CHARACTER, BACKSPACE] {
            for _ in 0..CHARACTERS {
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                let (time, bytes) = terminal.key_to_screen(key).await;
                self.times.push(time);
                if key == CHARACTER {
                    self.characters += 1;
                    self.bytes += bytes;
                }
            }
        }
    }
}

/// Goes from the menu to the field for the user ID, where an idle form is given up after a while.
async fn go_to_form(terminal: &mut Terminal) {
    terminal.press("\r").await;
    terminal.wait_for(&["Login sebagai"]).await;
    terminal.press("\r").await;
    terminal.wait_for(&["Masukkan User ID"]).await;
}

async fn keys_idle(count: usize, both: &mut Both) {
    let (mut at_kiosk, mut at_sshd) = (Typed::default(), Typed::default());
    let kiosk = both.kiosk.first_mut().unwrap();
    go_to_form(kiosk).await;
    let (received, sent) = (kiosk.traffic.received(), kiosk.traffic.sent());
    while at_kiosk.times.len() < IDLE_KEYS.get() {
        for _ in 0..KEYS_A_TURN.get() / (2 * CHARACTERS) {
            at_kiosk.turn(kiosk, Duration::ZERO).await;
        }
        if let Some(sshd) = both.sshd.first_mut() {
            for _ in 0..KEYS_A_TURN.get() / (2 * CHARACTERS) {
                at_sshd.turn(sshd, Duration::ZERO).await;
            }
        }
    }
    let received = kiosk.traffic.received() - received;
    let sent = kiosk.traffic.sent() - sent;
    let people = sessions(count);
    for (name, hundredths, goal, goal_beside) in [
        ("p50", 50, "", "at most 1"),
        ("p99", 99, "at most 5 ms", "at most 5 ms, at most 1"),
    ] {
        let kiosk = share(&mut at_kiosk.times, hundredths);
        let sshd = (!at_sshd.times.is_empty()).then(|| share(&mut at_sshd.times, hundredths));
        row(
            &format!("key to screen, {people}, {name}, over an sshd"),
            &ms(kiosk),
            &sshd.map_or(String::new(), ms),
            &sshd.map_or(String::new(), |sshd| over(kiosk, sshd)),
            sshd.map_or(goal, |_| goal_beside),
        );
    }
    if count == 1 {
        let keys = at_kiosk.times.len() as f64;
        row(
            "bytes for a typed character (of TCP for a key: in, out)",
            &format!(
                "{:.1} ({:.1}, {:.1})",
                at_kiosk.bytes as f64 / at_kiosk.characters as f64,
                received as f64 / keys,
                sent as f64 / keys,
            ),
            "",
            "",
            "",
        );
    }
}

/// People who log in and out all the time.
struct Crowd {
    leave: Arc<AtomicBool>,
    logins: watch::Receiver<u64>,
    people: JoinSet<Terminal>,
}

impl Crowd {
    /// Everybody's terminal.
    async fn terminals(visit: &Visit) -> Vec<Terminal> {
        open_all(visit, PEOPLE_A_CORE.get() * cores()).await.0
    }

    /// Sends people to `terminals`; returns when they have logged in twice as often as there are terminals, so that the
    /// hash pool is full.
    async fn gather(terminals: Vec<Terminal>) -> Self {
        let size = terminals.len();
        let leave = Arc::new(AtomicBool::new(false));
        let (login, logins) = watch::channel(0);
        let mut crowd = Self {
            leave,
            logins,
            people: JoinSet::new(),
        };
        for (number, mut terminal) in terminals.into_iter().enumerate() {
            let (leave, login) = (crowd.leave.clone(), login.clone());
            crowd.people.spawn(async move {
                let account = user_id(number % ACCOUNTS.get());
                while !leave.load(Relaxed) {
                    log_in(&mut terminal, &account).await;
                    login.send_modify(|logins| *logins += 1);
                    log_out(&mut terminal).await;
                }
                terminal
            });
        }
        // Whoever waits hears when nobody is left.
        drop(login);
        let mut logins = crowd.logins.clone();
        logins
            .wait_for(|logins| *logins >= 2 * size as u64)
            .await
            .unwrap();
        crowd
    }

    async fn leave(self) -> Vec<Terminal> {
        self.leave.store(true, Relaxed);
        self.people.join_all().await
    }
}

async fn log_in(terminal: &mut Terminal, user_id: &str) {
    terminal.press(format!("\rp{user_id}\r{PASSWORD}\r")).await;
    terminal.wait_for(&["LOGOUT", user_id]).await;
}

async fn log_out(terminal: &mut Terminal) {
    sleep(READING).await;
    // To the one act at home that begins with this letter.
    terminal.press("l\r").await;
    terminal.wait_for(&["Layanan login dan TOTP"]).await;
}

fn cores() -> usize {
    thread::available_parallelism().unwrap().get()
}

async fn keys_saturated(count: usize, server: &Server, terminals: &mut Vec<Terminal>) {
    let mut typed = Typed::default();
    let mut terminal = terminals.pop().unwrap();
    let crowd = Crowd::gather(Crowd::terminals(&server.visit).await).await;
    go_to_form(&mut terminal).await;
    let (begun, before) = (Instant::now(), *crowd.logins.borrow());
    while typed.times.len() < SATURATED_KEYS.get() {
        typed.turn(&mut terminal, BETWEEN_KEYS).await;
    }
    let logins = (*crowd.logins.borrow() - before) as f64 / begun.elapsed().as_secs_f64();
    drop(crowd.leave().await);
    for (name, hundredths, goal) in [("p50", 50, ""), ("p99", 99, "at most 25 ms")] {
        row(
            &format!(
                "key to screen while hashing is saturated ({logins:.0} logins/s), {}, {name}",
                sessions(count)
            ),
            &ms(share(&mut typed.times, hundredths)),
            "",
            "",
            goal,
        );
    }
}

/// Hashes or logins, and what they took.
#[derive(Default)]
struct Work {
    count: u64,
    time: Duration,
    cpu: Duration,
    hashing: Duration,
}

impl Work {
    fn a_second(&self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }

    /// CPU time of one.
    fn each(&self) -> Duration {
        self.cpu.div_f64(self.count as f64)
    }
}

async fn logins(server: &Server) {
    let (mut raw, mut logins) = (Work::default(), Work::default());
    let mut terminals = Crowd::terminals(&server.visit).await;
    // Turn by turn, so that a slow moment of the machine meets both.
    for _ in 0..LOGIN_ROUNDS.get() {
        raw = spawn_blocking(move || raw_hashes(raw)).await.unwrap();
        let crowd = Crowd::gather(terminals).await;
        let (begun, count) = (Instant::now(), *crowd.logins.borrow());
        let (cpu, hashing) = process::cpu_time(server.pid());
        sleep(LOGIN_ROUND.get()).await;
        logins.time += begun.elapsed();
        logins.count += *crowd.logins.borrow() - count;
        let (cpu_after, hashing_after) = process::cpu_time(server.pid());
        logins.cpu += cpu_after - cpu;
        logins.hashing += hashing_after - hashing;
        terminals = crowd.leave().await;
    }
    row(
        "logins a second over SSH, over raw Argon2id on all cores",
        &format!("{:.1}/s", logins.a_second()),
        &format!("{:.1}/s", raw.a_second()),
        &format!("{:.3}", logins.a_second() / raw.a_second()),
        "at least 0.95",
    );
    let hashing = logins.hashing.div_f64(logins.count as f64);
    row(
        &format!(
            "CPU time of the server a login ({} of it on hashing threads), under that of a raw hash",
            ms(hashing)
        ),
        &ms(logins.each()),
        &ms(raw.each()),
        &over(raw.each(), logins.each()),
        "at least 0.95",
    );
}

/// The machine's limit: as many threads as cores that do nothing but hash, in memory that they keep.
fn raw_hashes(mut work: Work) -> Work {
    let begun = Instant::now();
    let threads: Vec<_> = (0..cores())
        .map(|_| {
            thread::spawn(move || {
                // The library's default parameters are the kiosk's.
                let argon2 = argon2::Argon2::default();
                let mut memory = vec![argon2::Block::default(); argon2.params().block_count()];
                let mut count = 0;
                while begun.elapsed() < RAW_ROUND.get() {
                    let mut hash = [0; 32];
                    argon2
                        .hash_password_into_with_memory(
                            PASSWORD.as_bytes(),
                            &[7; 16],
                            &mut hash,
                            &mut memory,
                        )
                        .unwrap();
                    std::hint::black_box(hash);
                    count += 1;
                }
                (count, begun.elapsed(), process::own_cpu_time())
            })
        })
        .collect();
    let mut longest = Duration::ZERO;
    for thread in threads {
        let (count, time, cpu) = thread.join().unwrap();
        work.count += count;
        work.cpu += cpu;
        longest = longest.max(time);
    }
    work.time += longest;
    work
}
