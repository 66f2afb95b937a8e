//! The ordeal of the embedded stores: kills at random moments, a kill at every system call of opening, a disk that
//! fills up, and bulk fills; after each of them everything acknowledged must be there, and the store must open twice.
//!
//! Among the tests it runs briefly. At length, by hand, as the table in the README was made:
//!
//! ```text
//! cargo test --release --test ordeal -- --kills 1000 --every-call --levels 24 --fills 5 --records 300000
//! ```
//!
//! It needs `strace` for the kills while opening, and to be root for the small disks; what it has to leave out, it
//! says in the table.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use lpse_kiosk::store::{
    self, Commit, Key, Outcome, Store, StoreKind, embedded::Embedded, pulse::Health,
};

/// Writers side by side, so that groups of several commits are cut off too.
const WRITERS: u32 = 8;

struct Plan {
    kills: u32,
    every_call: bool,
    levels: u32,
    fills: u32,
    records: u32,
    engines: Vec<StoreKind>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child-write", kind, folder] => {
            runtime.block_on(write_until_killed(kind.parse().unwrap(), Path::new(folder)));
            return ExitCode::SUCCESS;
        }
        ["child-open", kind, folder] => {
            let opened = store::open(kind.parse().unwrap(), Path::new(folder), 0);
            // Straight out, as a kill would: closing is not what is tried here.
            std::process::exit(if opened.is_ok() { 0 } else { 1 });
        }
        _ => {}
    }
    let number = |name: &str, default: u32| {
        let value = arguments
            .iter()
            .skip_while(|argument| *argument != name)
            .nth(1);
        value.map_or(default, |value| value.parse().expect("a number"))
    };
    let engine = arguments
        .iter()
        .skip_while(|argument| *argument != "--engine")
        .nth(1);
    let plan = Plan {
        kills: number("--kills", 12),
        every_call: arguments.iter().any(|argument| argument == "--every-call"),
        levels: number("--levels", 4),
        fills: number("--fills", 1),
        records: number("--records", 20_000),
        engines: match engine {
            Some(kind) => vec![kind.parse().expect("sled or redb")],
            None => StoreKind::EMBEDDED.to_vec(),
        },
    };
    println!(
        "| store | kills while writing | kills while opening | full disks | bulk fills | lost or shut |"
    );
    println!("|---|---|---|---|---|---|");
    let mut failed = false;
    for kind in &plan.engines {
        let mut row = Row::default();
        row.kills(*kind, plan.kills, &runtime);
        row.open_kills(*kind, plan.every_call, &runtime);
        row.full_disks(*kind, plan.levels, &runtime);
        row.fills(*kind, plan.fills, plan.records, &runtime);
        let losses = row.losses.len();
        println!("| {kind} | {} | {losses} |", row.cells.join(" | "));
        for loss in &row.losses {
            println!("{kind}: {loss}");
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[derive(Default)]
struct Row {
    cells: Vec<String>,
    losses: Vec<String>,
}

fn watermark(writer: u32) -> Key {
    Key::from_bytes(format!("watermark/{writer}"))
}

fn record(writer: u32, number: u64) -> Key {
    Key::from_bytes(format!("record/{writer}/{number:012}"))
}

/// What record `number` holds: different sizes, so that pages split and merge.
fn content(writer: u32, number: u64) -> Vec<u8> {
    let length = 40 + usize::try_from(number.wrapping_mul(2_654_435_761) % 700).unwrap();
    format!("{writer}/{number}/")
        .into_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

fn number_in(bytes: Option<Vec<u8>>) -> u64 {
    bytes.map_or(0, |bytes| {
        String::from_utf8(bytes).unwrap().parse().unwrap()
    })
}

/// The next record of a writer, on condition that it is the next.
fn next(writer: u32, number: u64) -> Commit {
    let before = (number > 1).then(|| (number - 1).to_string().into_bytes());
    Commit::new()
        .expect(watermark(writer), before)
        .put(watermark(writer), number.to_string().into_bytes())
        .put(record(writer, number), content(writer, number))
}

/// Writes for ever, and says each acknowledged number on standard output.
async fn write_until_killed(kind: StoreKind, folder: &Path) {
    let store: Arc<dyn Store> = Arc::new(store::open(kind, folder, 0).expect("the store opens"));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            let mut number = number_in(store.get(&watermark(writer)).await.unwrap());
            loop {
                number += 1;
                let outcome = store.commit(next(writer, number)).await.expect("a commit");
                assert_eq!(outcome, Outcome::Applied);
                // One write a line: lines of several writers do not mix.
                let said = format!("{writer} {number}\n");
                std::io::stdout().lock().write_all(said.as_bytes()).unwrap();
            }
        });
    }
    writers.join_all().await;
}

/// Opens twice and compares with what was acknowledged; says what is wrong. What was in flight and turned out to be
/// stored counts as acknowledged from then on: the next writer builds on it.
async fn check(
    kind: StoreKind,
    folder: &Path,
    acknowledged: &mut BTreeMap<u32, u64>,
) -> Result<(), String> {
    for opening in ["first", "second"] {
        let store =
            store::open(kind, folder, 0).map_err(|error| format!("{opening} opening: {error}"))?;
        for (writer, number) in &mut *acknowledged {
            let stored = number_in(
                store
                    .get(&watermark(*writer))
                    .await
                    .map_err(|error| error.to_string())?,
            );
            // What was in flight may or may not be there: at most one beyond.
            if stored < *number || stored > *number + 1 {
                return Err(format!(
                    "writer {writer}: {number} acknowledged, {stored} stored"
                ));
            }
            // The newest ones are at stake; all of them were checked when they were the newest.
            for number in stored.saturating_sub(200).max(1)..=stored {
                let found = store
                    .get(&record(*writer, number))
                    .await
                    .map_err(|error| error.to_string())?;
                if found != Some(content(*writer, number)) {
                    return Err(format!(
                        "writer {writer}: record {number} of {stored} is not as written"
                    ));
                }
            }
            *number = stored;
        }
        let ended = store.ended();
        drop(store);
        ended.wait().await;
    }
    Ok(())
}

/// A number that looks random and is the same in every run.
fn scatter(seed: u32, below: u64) -> u64 {
    u64::from(seed)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        % below
}

/// Starts a writer, lets it write for a moment, kills it; adds what it acknowledged.
fn write_and_kill(
    kind: StoreKind,
    folder: &Path,
    seed: u32,
    acknowledged: &mut BTreeMap<u32, u64>,
) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["child-write", kind.as_str()])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut count = 0;
    let mut take = |line: &str| {
        if let Some((writer, number)) = line.trim().split_once(' ').filter(|_| line.ends_with('\n'))
        {
            acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
            count += 1;
        }
    };
    // From before the first record to some hundred records on.
    let limit = scatter(seed, 300);
    let mut line = String::new();
    for _ in 0..limit {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        take(&line);
    }
    let instant = Instant::now();
    let pause = Duration::from_micros(scatter(seed.wrapping_add(7), 4_000));
    while instant.elapsed() < pause {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        take(&line);
    }
    child.wait().unwrap();
    count
}

impl Row {
    fn kills(&mut self, kind: StoreKind, kills: u32, runtime: &tokio::runtime::Runtime) {
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = BTreeMap::new();
        let mut written = 0;
        for kill in 0..kills {
            written += write_and_kill(kind, folder.path(), kill, &mut acknowledged);
            if let Err(loss) = runtime.block_on(check(kind, folder.path(), &mut acknowledged)) {
                self.losses.push(format!("kill {kill}: {loss}"));
                break;
            }
        }
        self.cells
            .push(format!("{kills} ({written} records acknowledged)"));
    }

    fn open_kills(&mut self, kind: StoreKind, every_call: bool, runtime: &tokio::runtime::Runtime) {
        if Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            assert!(
                env::var_os("CI").is_none(),
                "strace is needed (Debian package strace)"
            );
            self.cells.push("left out: no strace".into());
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = BTreeMap::new();
        write_and_kill(kind, folder.path(), 100, &mut acknowledged);
        let calls = calls_of_opening(kind, folder.path());
        let total: usize = calls.values().sum();
        let step = if every_call { 1 } else { (total / 24).max(1) };
        let (mut at, mut killed) = (0, 0);
        for (call, count) in &calls {
            for when in 1..=*count {
                at += 1;
                if at % step != 0 {
                    continue;
                }
                // Every opening finds a store that was cut off while it was written.
                write_and_kill(
                    kind,
                    folder.path(),
                    1_000 + u32::try_from(at).unwrap(),
                    &mut acknowledged,
                );
                let inject = format!("inject={call}:signal=SIGKILL:when={when}");
                killed += u32::from(!open_under_strace(kind, folder.path(), &["-e", &inject]));
                if let Err(loss) = runtime.block_on(check(kind, folder.path(), &mut acknowledged)) {
                    self.losses
                        .push(format!("opening killed at {call} {when}: {loss}"));
                    self.cells.push(format!("{killed} of {total} calls"));
                    return;
                }
            }
        }
        self.cells.push(format!("{killed} (of {total} calls)"));
    }

    fn full_disks(&mut self, kind: StoreKind, levels: u32, runtime: &tokio::runtime::Runtime) {
        let Some(disk) = SmallDisk::mount(64) else {
            self.cells
                .push("left out: no small disk can be mounted".into());
            return;
        };
        for level in 0..levels {
            let folder = disk.path.join(format!("level-{level}"));
            if let Err(loss) = runtime.block_on(fill_up(kind, &folder, &disk, level, levels)) {
                self.losses
                    .push(format!("full disk, level {level}: {loss}"));
                break;
            }
            fs::remove_dir_all(&folder).unwrap();
        }
        self.cells.push(levels.to_string());
    }

    fn fills(
        &mut self,
        kind: StoreKind,
        fills: u32,
        records: u32,
        runtime: &tokio::runtime::Runtime,
    ) {
        let begun = Instant::now();
        for fill in 0..fills {
            let folder = tempfile::tempdir().unwrap();
            if let Err(loss) = runtime.block_on(bulk_fill(kind, folder.path(), records)) {
                self.losses.push(format!("bulk fill {fill}: {loss}"));
                break;
            }
        }
        let seconds = begun.elapsed().as_secs();
        self.cells
            .push(format!("{fills} of {records} records ({seconds} s)"));
    }
}

/// How often opening makes each system call that can change or read the store.
fn calls_of_opening(kind: StoreKind, folder: &Path) -> BTreeMap<String, usize> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let trace = "trace=%file,%desc,fsync,fdatasync,sync_file_range,ftruncate,fallocate,flock,mmap";
    let path = log.path().to_str().unwrap();
    assert!(
        open_under_strace(kind, folder, &["-o", path, "-e", trace]),
        "the store opens under strace"
    );
    let mut calls = BTreeMap::new();
    let mut in_store = false;
    for line in fs::read_to_string(log.path()).unwrap().lines() {
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        let Some((name, _)) = call.split_once('(') else {
            continue;
        };
        // What comes before the folder is touched is the loader's work.
        in_store |= line.contains(&*folder.to_string_lossy());
        *calls.entry(name.to_owned()).or_insert(0) += usize::from(in_store);
    }
    calls.retain(|_, count| *count > 0);
    calls
}

/// Opens the store in a process of its own under strace; says whether that process ended well.
fn open_under_strace(kind: StoreKind, folder: &Path, options: &[&str]) -> bool {
    let status = Command::new("strace")
        .args(["-f", "-qq"])
        .args(options)
        .arg(env::current_exe().unwrap())
        .args(["child-open", kind.as_str()])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.success()
}

/// Fills the disk under an open store to a level, writes until it refuses, gives the space back, and demands that the
/// same process goes on.
async fn fill_up(
    kind: StoreKind,
    folder: &Path,
    disk: &SmallDisk,
    level: u32,
    levels: u32,
) -> Result<(), String> {
    // The guard of the first half refuses before the disk is full; in the second half the disk itself does.
    let floor = if level * 2 < levels { 8 } else { 0 };
    let store = store::open(kind, folder, floor).map_err(|error| error.to_string())?;
    let mut number = 0;
    for _ in 0..200 {
        number += 1;
        store
            .commit(next(0, number))
            .await
            .map_err(|error| error.to_string())?;
    }
    let leave = scatter(level + 3, 4 * 1024 * 1024);
    disk.fill(leave);
    let mut refusal = None;
    for _ in 0..60_000 {
        match store.commit(next(0, number + 1)).await {
            Ok(Outcome::Applied) => number += 1,
            Ok(Outcome::Conflict) => {
                return Err(format!("record {} was written twice", number + 1));
            }
            Err(error) => {
                refusal = Some(error.to_string());
                break;
            }
        }
    }
    let Some(refusal) = refusal else {
        return Err("a full disk was never noticed".into());
    };
    if floor > 0 && !refusal.contains("nearly full") {
        return Err(format!("the refusal says nothing of the disk: {refusal}"));
    }
    disk.empty();
    let begun = Instant::now();
    loop {
        // The commit whose outcome was unknown may have been applied; what is stored decides.
        if let Ok(stored) = store.get(&watermark(0)).await {
            let stored = number_in(stored);
            if stored < number {
                return Err(format!("{number} acknowledged, {stored} stored"));
            }
            number = stored;
            if matches!(
                store.commit(next(0, number + 1)).await,
                Ok(Outcome::Applied)
            ) {
                number += 1;
                break;
            }
        }
        if begun.elapsed() > Duration::from_secs(30) || *store.health().borrow() == Health::Stuck {
            return Err(format!("it does not recover by itself ({refusal})"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    check(kind, folder, &mut BTreeMap::from([(0, number)])).await
}

async fn bulk_fill(kind: StoreKind, folder: &Path, records: u32) -> Result<(), String> {
    const A_COMMIT: u32 = 100;
    let store: Arc<Embedded> =
        Arc::new(store::open(kind, folder, 0).map_err(|error| error.to_string())?);
    let mut writers = tokio::task::JoinSet::new();
    for first in 0..WRITERS {
        let store = store.clone();
        writers.spawn(async move {
            for part in (first..records.div_ceil(A_COMMIT)).step_by(WRITERS as usize) {
                let numbers = part * A_COMMIT..((part + 1) * A_COMMIT).min(records);
                let commit = numbers.fold(Commit::new(), |commit, number| {
                    let number = u64::from(number);
                    commit.put(record(0, number), content(0, number))
                });
                let outcome = store
                    .commit(commit)
                    .await
                    .map_err(|error| error.to_string())?;
                assert_eq!(outcome, Outcome::Applied);
            }
            Ok::<(), String>(())
        });
    }
    for done in writers.join_all().await {
        done?;
    }
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    for opening in ["first", "second"] {
        let store =
            store::open(kind, folder, 0).map_err(|error| format!("{opening} opening: {error}"))?;
        let (mut after, mut count) = (None, 0_u64);
        loop {
            let page = store
                .page(&Key::from_bytes("record/"), after.as_ref(), 1_000)
                .await;
            let page = page.map_err(|error| error.to_string())?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                if *key != record(0, count) || *value != content(0, count) {
                    return Err(format!("record {count} is not as written"));
                }
                count += 1;
            }
        }
        if count != u64::from(records) {
            return Err(format!("{count} of {records} records are there"));
        }
        let ended = store.ended();
        drop(store);
        ended.wait().await;
    }
    Ok(())
}

/// A small file system in memory, which only root can mount.
struct SmallDisk {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self {
            path: folder.path().to_owned(),
            _folder: folder,
        })
    }

    /// Leaves `leave` bytes free.
    fn fill(&self, leave: u64) {
        let disk = rustix::fs::statvfs(&self.path).unwrap();
        let free = disk.f_bavail * disk.f_frsize;
        let file = fs::File::create(self.path.join("filler")).unwrap();
        let wanted = free.saturating_sub(leave);
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, wanted.max(1))
            .unwrap();
    }

    fn empty(&self) {
        fs::remove_file(self.path.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}
