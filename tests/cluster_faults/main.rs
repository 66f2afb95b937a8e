//! The store that several machines share, while its cluster is hurt: two processes of services do many things at once,
//! members are killed and paused at random, clocks are moved, backups are made and master keys replaced; at last the store
//! is copied elsewhere while they work on. What was acknowledged is held against a model, the copy and the backups.
//!
//! Among the tests it runs briefly, with about 140 faults. At length, or as it went once, by hand:
//!
//! ```text
//! cargo test --features etcd --test cluster_faults -- --faults 2000 --seed 42
//! ```
//!
//! It needs etcd and etcdctl (Debian's etcd-server and etcd-client).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bank;
mod chance;
mod chaos;
mod house;
mod journal;
mod operator;
mod people;
mod verdict;
mod worker;

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use chance::Chance;
use house::Place;
use journal::Entry;
use operator::Operator;
use support::cluster::{self, Cluster};

/// The processes that share the store, besides the one that prepares it.
const PROCESSES: usize = 2;
const PREPARING: usize = PROCESSES;

/// Both processes commit again so soon after the cluster has recovered: the promise, and what a busy machine is given.
const RECOVERY: Duration = Duration::from_secs(10);
const RECOVERY_ON_A_BUSY_MACHINE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["child", process, endpoints, prefix, began, seed, folder] = words[..] {
        let place = Place {
            endpoints: endpoints.to_owned(),
            prefix: prefix.to_owned(),
            began: began.parse().unwrap(),
        };
        let (process, seed) = (process.parse().unwrap(), seed.parse().unwrap());
        let folder = Path::new(folder);
        runtime().block_on(async {
            match process {
                PREPARING => worker::prepare(&place, folder).await,
                _ => worker::work(&place, process as u64, seed, folder).await,
            }
        });
        return ExitCode::SUCCESS;
    }
    // Whoever asks for another test by its name does not want this one.
    if let Some(name) = words.first().filter(|word| !word.starts_with('-'))
        && !"cluster_faults".contains(name)
    {
        println!("left out: {name} was asked for");
        return ExitCode::SUCCESS;
    }
    let number = |name: &str, default: u64| {
        let value = words.iter().skip_while(|word| **word != name).nth(1);
        value.map_or(default, |value| value.parse().expect("a number"))
    };
    let seed = number("--seed", journal::now());
    let faults = u32::try_from(number("--faults", 140)).unwrap();
    println!("seed {seed}");
    run(faults, seed)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn run(faults: u32, seed: u64) -> ExitCode {
    let begun = Instant::now();
    let mut chance = Chance(seed);
    let mut cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let place = Place {
        endpoints: cluster.endpoints(),
        prefix: cluster::fresh_prefix(),
        began: journal::now(),
    };
    let history = History::default();
    let operator = Operator::new(&place, folder.path());
    let prepared = Worker::start(
        PREPARING,
        &place,
        seed,
        folder.path(),
        &history,
        Inputs::default(),
    );
    prepared.join();
    println!("prepared after {:.0?}", begun.elapsed());
    let inputs = Inputs::default();
    let workers: Vec<Worker> = (0..PROCESSES)
        .map(|process| {
            let seed = seed.wrapping_add(process as u64) % (1 << 32);
            Worker::start(
                process,
                &place,
                seed,
                folder.path(),
                &history,
                inputs.clone(),
            )
        })
        .collect();
    // Both are at work before the first fault.
    history.wait_for(&workers, 0);
    let done = chaos::rage(&mut cluster, faults, &mut chance, &inputs, &operator);
    println!(
        "{} faults: {} pauses, {} kills, {} times two members away, {} clocks moved, {} backups and {} rotations begun; after {:.0?}",
        done.faults(),
        done.pauses,
        done.kills,
        done.without_quorum.len(),
        done.clocks,
        done.backups,
        done.rotations,
        begun.elapsed()
    );
    let last = *done.recovered.last().unwrap();
    history.wait_for(&workers, last);
    let operated = operator.done();
    thread::sleep(Duration::from_secs(3));
    let runtime = runtime();
    let moved = runtime.block_on(operator.move_away());
    // They go on trying.
    thread::sleep(Duration::from_secs(3));
    inputs.close();
    for worker in workers {
        worker.join();
    }
    let history = history.lock().clone();
    let mut wrong = verdict::Faults::default();
    for recovered in done.recovered {
        let took = (0..PROCESSES).map(|process| committed_after(&history, process, recovered));
        let took: Vec<Duration> = took.collect();
        println!("after the cluster was well again, the processes committed within {took:.2?}");
        for took in took {
            if took > RECOVERY {
                println!("that is more than {RECOVERY:?}");
            }
            if took > RECOVERY_ON_A_BUSY_MACHINE {
                wrong.0.push(format!("{took:?} until a commit"));
            }
        }
    }
    println!("{}", figures(&history));
    if env::var_os("LPSE_TEST_HISTORY").is_some() {
        for entry in &history {
            println!("{entry:?}");
        }
    }
    let checked = runtime.block_on(async {
        let mut wrong = verdict::check(&history, &done.without_quorum, &moved.house).await;
        let after = verdict::nothing_is_granted_after(&history, moved.at);
        wrong.0.extend(after.0);
        let sealed = verdict::everything_is_sealed_anew(&moved.house).await;
        wrong.0.extend(sealed.0);
        for backup in &operated.backups {
            let restored = backup.restored(&place, folder.path()).await;
            let of_it = verdict::check_backup(&history, (backup.begun, backup.ended), &restored);
            wrong.0.extend(of_it.await.0);
        }
        wrong
    });
    println!(
        "{} backups were restored, {} rotations done, and the store was copied elsewhere",
        operated.backups.len(),
        operated.rotations
    );
    if operated.backups.is_empty() || operated.rotations == 0 {
        wrong
            .0
            .push("no backup was made, or no rotation done".into());
    }
    wrong.0.extend(checked.0);
    for kind in [
        "transfer", "head", "visit", "spend", "failure", "state", "reset",
    ] {
        let of_kind = |entry: &&Entry| entry.word(0) == kind && entry.is_acknowledged();
        let count = history.iter().filter(of_kind).count();
        if count < 20 {
            wrong.0.push(format!("only {count} of {kind} succeeded"));
        }
    }
    println!("all in all {:.0?}", begun.elapsed());
    for wrong in wrong.0.iter().take(50) {
        println!("WRONG: {wrong}");
    }
    match wrong.0.len() {
        0 => ExitCode::SUCCESS,
        count => {
            println!("{count} things are wrong; seed {seed}");
            ExitCode::FAILURE
        }
    }
}

/// How long after `moment` a process had its first transfer acknowledged that began after it.
fn committed_after(history: &[Entry], process: usize, moment: u64) -> Duration {
    let is_one = |entry: &&Entry| {
        entry.process == process
            && entry.begun > moment
            && entry.word(0) == "transfer"
            && entry.is_acknowledged()
    };
    let first = history.iter().filter(is_one).map(|entry| entry.ended).min();
    first.map_or(Duration::MAX, |ended| Duration::from_micros(ended - moment))
}

/// How many operations there were of each kind, and what came of them.
fn figures(history: &[Entry]) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for entry in history {
        let outcome = match entry.word(0) {
            "transfer" | "failure" | "reset" | "state" => entry.word(2),
            "head" | "visit" => entry.word(1),
            "spend" => entry.word(3),
            _ => "",
        };
        *counts
            .entry(format!("{} {outcome}", entry.word(0)))
            .or_default() += 1;
    }
    let longest = history.iter().map(|entry| entry.ended - entry.begun).max();
    let longest = Duration::from_micros(longest.unwrap_or_default());
    let counts = counts
        .iter()
        .map(|(kind, count)| format!("{kind}: {count}"));
    let counts: Vec<String> = counts.collect();
    let total = history.len();
    format!(
        "{total} operations ({}); the longest took {longest:.1?}",
        counts.join(", ")
    )
}

/// What was said so far.
#[derive(Debug, Clone, Default)]
struct History(Arc<Mutex<Vec<Entry>>>);

impl History {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until each process has committed something that began after `moment`.
    fn wait_for(&self, workers: &[Worker], moment: u64) {
        let begun = Instant::now();
        for worker in workers {
            while committed_after(&self.lock(), worker.process, moment) == Duration::MAX {
                let waited = begun.elapsed();
                assert!(waited.as_secs() < 60, "process {} is stuck", worker.process);
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// The standard inputs of processes, in their order: links in letters are passed on to all of them, each link once.
#[derive(Debug, Clone, Default)]
pub struct Inputs(Arc<Mutex<(Vec<ChildStdin>, Vec<String>)>>);

impl Inputs {
    fn lock(&self) -> MutexGuard<'_, (Vec<ChildStdin>, Vec<String>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another process, which is told of the links so far as well.
    fn join(&self, mut process: ChildStdin) {
        let mut inputs = self.lock();
        for link in &inputs.1 {
            let _ = writeln!(process, "{link}");
        }
        inputs.0.push(process);
    }

    /// Tells one process that its clock is so many minutes ahead from now on.
    fn move_clock(&self, process: usize, minutes: i64) {
        let _ = writeln!(self.lock().0[process], "clock {minutes}");
    }

    fn pass_on(&self, link: &str) {
        let mut inputs = self.lock();
        let (processes, passed) = &mut *inputs;
        if !passed.iter().any(|one| one == link) {
            passed.push(link.to_owned());
            for process in processes {
                // One that has ended says so in another place.
                let _ = writeln!(process, "{link}");
            }
        }
    }

    /// Lets the processes come to their end.
    fn close(&self) {
        self.lock().0.clear();
    }
}

/// A process at work.
struct Worker {
    process: usize,
    child: Child,
    listener: thread::JoinHandle<()>,
}

impl Worker {
    fn start(
        process: usize,
        place: &Place,
        seed: u64,
        folder: &Path,
        history: &History,
        inputs: Inputs,
    ) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .arg("child")
            .arg(process.to_string())
            .args([&place.endpoints, &place.prefix])
            .args([place.began, seed].map(|number| number.to_string()))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        inputs.join(input);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let history = history.clone();
        let listener = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let entry = Entry::read(process, &line);
                if entry.word(0) == "letter" {
                    inputs.pass_on(entry.word(1));
                }
                history.lock().push(entry);
            }
        });
        Self {
            process,
            child,
            listener,
        }
    }

    fn join(mut self) {
        let status = self.child.wait().unwrap();
        self.listener.join().unwrap();
        assert!(status.success(), "process {}: {status}", self.process);
    }
}
