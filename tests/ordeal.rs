//! The ordeal of the embedded stores: kills at random moments, a kill at every system call of opening and closing, reads
//! that fail there, first openings that are cut off, bits that flip at rest, files that are cut off or gone, power cuts,
//! a disk that fills up, and bulk fills. After each of them everything acknowledged must be there, and the store must
//! open twice; or it must be refused with a sentence, and every byte be as it was. Stores that were killed and stores that
//! ended in order are harmed alike: they are opened in two ways.
//!
//! Among the tests it runs briefly. At length, by hand, as the table in `assets/manual/benchmarks.md` was made:
//!
//! ```text
//! cargo test --release --test ordeal -- \
//!     --kills 1000 --every-call --flips 1000 --cuts 40 --levels 24 --fills 5 --records 300000
//! ```
//!
//! It needs `strace` for what happens while opening, and to be root for the small disks and the power cuts; what it has
//! to leave out, it says in the table.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use lpse_kiosk::store::{
    self, Commit, Key, Outcome, Store, StoreKind, engine::committer::Embedded, health::Liveness,
};
use support::disk::SmallDisk;

/// Writers side by side, so that groups of several commits are cut off too.
const WRITERS: u32 = 8;

struct Plan {
    kills: u32,
    every_call: bool,
    flips: u32,
    cuts: u32,
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
        ["child-open-close", kind, folder] => {
            let opened = store::open(kind.parse().unwrap(), Path::new(folder), 0);
            let store = match opened {
                Ok(store) => store,
                Err(error) => {
                    println!("{error}");
                    return ExitCode::FAILURE;
                }
            };
            let ended = store.ended();
            drop(store);
            runtime.block_on(ended.wait());
            return ExitCode::SUCCESS;
        }
        ["child-open", kind, folder] => {
            let opened = store::open(kind.parse().unwrap(), Path::new(folder), 0);
            if let Err(error) = &opened {
                println!("{error}");
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "straight out, as a kill would: closing is not what is tried here"
            )]
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
        flips: number("--flips", 16),
        cuts: number("--cuts", 2),
        levels: number("--levels", 4),
        fills: number("--fills", 1),
        records: number("--records", 20_000),
        engines: match engine {
            Some(kind) => vec![kind.parse().expect("sled or redb")],
            None => StoreKind::EMBEDDED.to_vec(),
        },
    };
    println!(
        "| store | kills while writing | kills while opening | failed reads while opening | first openings cut off | \
         flips at rest | cut or gone | power cuts | full disks | bulk fills | lost or shut |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut failed = false;
    for kind in &plan.engines {
        let mut row = Row::default();
        row.kills(*kind, plan.kills, &runtime);
        row.open_kills(*kind, plan.every_call, &runtime);
        row.failed_reads(*kind, plan.every_call, &runtime);
        row.first_openings(*kind, plan.every_call, &runtime);
        row.flips(*kind, plan.flips, &runtime);
        row.cut_or_gone(*kind, &runtime);
        row.power_cuts(*kind, plan.cuts, &runtime);
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

    /// Whether there is strace; says in the table that there is not.
    fn has_strace(&mut self) -> bool {
        let found = Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .status();
        if found.is_err() {
            assert!(
                env::var_os("CI").is_none(),
                "strace is needed (Debian package strace)"
            );
            self.leave_out("no strace");
        }
        found.is_ok()
    }

    fn leave_out(&mut self, why: &str) {
        support::left_out(why);
        self.cells.push(format!("left out: {why}"));
    }

    /// Killed while it opens, and while it opens and closes.
    fn open_kills(&mut self, kind: StoreKind, every_call: bool, runtime: &tokio::runtime::Runtime) {
        if !self.has_strace() {
            return;
        }
        let (mut killed, mut total) = (0, 0);
        for (child, seed) in [("child-open", 1_000), ("child-open-close", 50_000)] {
            let specimen = Specimen::new(kind, 100, child == "child-open-close");
            let calls = calls_of(child, kind, specimen.copy().path());
            total += calls.values().sum::<usize>();
            let folder = specimen.copy();
            let mut acknowledged = specimen.acknowledged.clone();
            let sample = sample(&calls, 0, &["signal=SIGKILL"], (!every_call).then_some(9));
            for (injection, seed) in sample.iter().zip(seed..) {
                // Every opening finds a store that was cut off while it was written; or, in every other one of those that
                // close, the end of the one before.
                if child == "child-open" || seed % 2 == 0 {
                    write_and_kill(kind, folder.path(), seed, &mut acknowledged);
                }
                let (is_ended, _) = told_by(child, kind, folder.path(), Some(&injection.options()));
                killed += u32::from(!is_ended);
                let checked = check(kind, folder.path(), &mut acknowledged);
                if let Err(loss) = runtime.block_on(checked) {
                    self.losses.push(format!("{child}, {injection}: {loss}"));
                    break;
                }
            }
        }
        self.cells.push(format!("{killed} (of {total} calls)"));
    }

    /// Every read that opening makes fails once, and every opening of a file.
    fn failed_reads(
        &mut self,
        kind: StoreKind,
        every_call: bool,
        runtime: &tokio::runtime::Runtime,
    ) {
        if !self.has_strace() {
            return;
        }
        let (mut verdicts, mut total) = (Verdicts::default(), 0);
        for is_ended in [false, true] {
            let specimen = Specimen::new(kind, 200, is_ended);
            let mut calls = calls_of("child-open", kind, specimen.copy().path());
            calls.retain(|call, _| READS.contains(&call.as_str()));
            total += calls.values().sum::<usize>();
            // strace counts each thread's calls, from the loader's on: no number is too large for the last ones.
            for injection in sample(&calls, LOADER, &["error=EIO"], (!every_call).then_some(4)) {
                let options = injection.options();
                let open = |folder: &Path| told_by("child-open", kind, folder, Some(&options));
                let what = format!("{injection}, {}", specimen.state());
                verdicts.try_one(&specimen, open, &what, runtime);
            }
        }
        self.judge(verdicts, format!(" (of {total} calls)"));
    }

    /// The first opening of all is killed, or fails, at every call that writes; the next one begins again.
    fn first_openings(
        &mut self,
        kind: StoreKind,
        every_call: bool,
        runtime: &tokio::runtime::Runtime,
    ) {
        if !self.has_strace() {
            return;
        }
        let calls = calls_of("child-open", kind, tempfile::tempdir().unwrap().path());
        let total: usize = calls.values().sum();
        let faults = ["signal=SIGKILL", "error=EIO", "error=ENOSPC"];
        let mut cut_off = 0;
        for injection in sample(&calls, 0, &faults, (!every_call).then_some(12)) {
            // What cannot be closed or mapped is not what a disk does.
            let is_of_memory = ["mmap", "close"].contains(&injection.call.as_str());
            if is_of_memory && injection.fault != "signal=SIGKILL" {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let options = injection.options();
            let (is_open, told) = told_by("child-open", kind, folder.path(), Some(&options));
            cut_off += u32::from(!is_open);
            let begun = runtime.block_on(begin_again(kind, folder.path()));
            if let Err(loss) = begun {
                self.losses
                    .push(format!("first opening, {injection} ({told}): {loss}"));
            }
        }
        self.cells.push(format!("{cut_off} (of {total} calls)"));
    }

    fn flips(&mut self, kind: StoreKind, flips: u32, runtime: &tokio::runtime::Runtime) {
        let mut verdicts = Verdicts::default();
        let specimens = [false, true].map(|is_ended| Specimen::new(kind, 300, is_ended));
        for (flip, specimen) in (0..flips).zip(specimens.iter().cycle()) {
            let folder = specimen.copy();
            let what = flip_a_bit(folder.path(), flip);
            let what = format!("{what}, {}", specimen.state());
            verdicts.judge(specimen, folder, open_told_of(kind), &what, runtime);
        }
        self.judge(verdicts, String::new());
    }

    /// Every file is cut off at several lengths, and removed.
    fn cut_or_gone(&mut self, kind: StoreKind, runtime: &tokio::runtime::Runtime) {
        let mut verdicts = Verdicts::default();
        for is_ended in [false, true] {
            let specimen = Specimen::new(kind, 300, is_ended);
            for (name, bytes) in files(specimen.folder.path()) {
                let length = bytes.len() as u64;
                let lengths = [
                    Some(length / 2),
                    None,
                    Some(0),
                    Some(length.saturating_sub(1)),
                ];
                // What ended in order is compared as a whole: any other length is like the next.
                for left in lengths.into_iter().take(if is_ended { 2 } else { 4 }) {
                    let folder = specimen.copy();
                    let path = folder.path().join(&name);
                    match left {
                        Some(left) => {
                            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
                            file.set_len(left).unwrap();
                        }
                        None => fs::remove_file(&path).unwrap(),
                    }
                    let name = name.display();
                    let what = format!(
                        "{name} with {left:?} of {length} bytes, {}",
                        specimen.state()
                    );
                    verdicts.judge(&specimen, folder, open_told_of(kind), &what, runtime);
                }
            }
        }
        self.judge(verdicts, String::new());
    }

    /// The power fails while records are written: what has reached the device is copied, and its journal replayed.
    fn power_cuts(&mut self, kind: StoreKind, cuts: u32, runtime: &tokio::runtime::Runtime) {
        for cut in 0..cuts {
            match power_cut(kind, cut, runtime) {
                None => {
                    self.leave_out("no loop device can be mounted");
                    return;
                }
                Some(Err(loss)) => self.losses.push(format!("power cut {cut}: {loss}")),
                Some(Ok(())) => {}
            }
        }
        self.cells.push(cuts.to_string());
    }

    fn judge(&mut self, verdicts: Verdicts, of: String) {
        self.cells.push(format!(
            "{} refused, {} opened whole{of}",
            verdicts.refused, verdicts.whole
        ));
        self.losses.extend(verdicts.losses);
    }

    fn full_disks(&mut self, kind: StoreKind, levels: u32, runtime: &tokio::runtime::Runtime) {
        let mounted = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(mounted.path(), "64m") else {
            self.cells.push("left out: no small disk".into());
            return;
        };
        for level in 0..levels {
            let folder = mounted.path().join(format!("level-{level}"));
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
        let mut opened = String::new();
        for fill in 0..fills {
            let folder = tempfile::tempdir().unwrap();
            match runtime.block_on(bulk_fill(kind, folder.path(), records)) {
                Ok(took) => opened = took,
                Err(loss) => {
                    self.losses.push(format!("bulk fill {fill}: {loss}"));
                    break;
                }
            }
        }
        let seconds = begun.elapsed().as_secs();
        self.cells.push(format!(
            "{fills} of {records} records ({seconds} s{opened})"
        ));
    }
}

/// Calls by which opening reads.
const READS: [&str; 4] = ["pread64", "read", "openat", "statx"];

/// More calls of one name than the loader makes before the program begins.
const LOADER: usize = 12;

/// A fault at one system call.
struct Injection {
    call: String,
    fault: &'static str,
    when: usize,
}

impl Injection {
    /// Options of strace.
    fn options(&self) -> Vec<String> {
        let of_call = format!("trace={}", self.call);
        let injected = format!("inject={self}");
        ["-e".into(), of_call, "-e".into(), injected].into()
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, fault, when } = self;
        write!(f, "{call}:{fault}:when={when}")
    }
}

/// Each of `faults` at each of `calls` and `beyond` of each name; of these evenly `wanted` calls' worth, or all.
fn sample(
    calls: &BTreeMap<String, usize>,
    beyond: usize,
    faults: &[&'static str],
    wanted: Option<usize>,
) -> Vec<Injection> {
    let all = calls.iter().flat_map(|(call, count)| {
        faults.iter().flat_map(move |fault| {
            (1..=count + beyond).map(move |when| Injection {
                call: call.clone(),
                fault,
                when,
            })
        })
    });
    let total = calls.values().sum::<usize>() * faults.len();
    let step = wanted.map_or(1, |wanted| (total / wanted).max(1));
    all.skip(step - 1).step_by(step).collect()
}

/// A store with records in it, of which copies are harmed.
struct Specimen {
    kind: StoreKind,
    folder: tempfile::TempDir,
    acknowledged: BTreeMap<u32, u64>,
    is_ended: bool,
}

impl Specimen {
    /// One that was killed while it was written, after it was killed and opened again once; or that has ended in order
    /// after all that.
    fn new(kind: StoreKind, seed: u32, is_ended: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = BTreeMap::new();
        for seed in [seed, seed + 1] {
            write_and_kill(kind, folder.path(), seed, &mut acknowledged);
        }
        // Twice: the second opening has nothing to mend.
        for _ in 0..if is_ended { 2 } else { 0 } {
            let (is_well, told) = told_by("child-open-close", kind, folder.path(), None);
            assert!(is_well, "{told}");
        }
        Self {
            kind,
            folder,
            acknowledged,
            is_ended,
        }
    }

    fn state(&self) -> &'static str {
        match self.is_ended {
            true => "of a store that ended in order",
            false => "of a store that was killed",
        }
    }

    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for (name, bytes) in files(self.folder.path()) {
            let path = copy.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        // Whatever folder is empty belongs to it too.
        if self.folder.path().join("sled").exists() {
            fs::create_dir_all(copy.path().join("sled/blobs")).unwrap();
        }
        copy
    }
}

/// All files in `folder` by their names, but for the lock, which says who looked last.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("lock") {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[derive(Default)]
struct Verdicts {
    refused: u32,
    whole: u32,
    losses: Vec<String>,
}

impl Verdicts {
    /// Opens a copy of `specimen` once by `open`, in which something fails; afterwards it must open with everything.
    fn try_one(
        &mut self,
        specimen: &Specimen,
        open: impl FnOnce(&Path) -> (bool, String),
        what: &str,
        runtime: &tokio::runtime::Runtime,
    ) {
        let folder = specimen.copy();
        let before = files(folder.path());
        let (is_open, told) = open(folder.path());
        self.refused += u32::from(!is_open);
        self.whole += u32::from(is_open);
        if !is_open && kept(files(folder.path())) != kept(before) {
            self.losses.push(format!(
                "{what}: refused, and changed what is there ({told})"
            ));
        }
        let mut acknowledged = specimen.acknowledged.clone();
        let checked = check(specimen.kind, folder.path(), &mut acknowledged);
        if let Err(loss) = runtime.block_on(checked) {
            self.losses.push(format!("{what} ({told}): {loss}"));
        }
    }

    /// Opens a harmed copy of `specimen`, which must be refused for good and left as it is, or hold everything.
    fn judge(
        &mut self,
        specimen: &Specimen,
        folder: tempfile::TempDir,
        open: impl FnOnce(&Path) -> (bool, String),
        what: &str,
        runtime: &tokio::runtime::Runtime,
    ) {
        let before = files(folder.path());
        let (is_open, told) = open(folder.path());
        if is_open {
            self.whole += 1;
            let mut acknowledged = specimen.acknowledged.clone();
            let checked = check(specimen.kind, folder.path(), &mut acknowledged);
            if let Err(loss) = runtime.block_on(checked) {
                self.losses.push(format!("{what}: it opened, and {loss}"));
            }
            return;
        }
        self.refused += 1;
        if files(folder.path()) != before {
            self.losses.push(format!(
                "{what}: refused, and changed what is there ({told})"
            ));
        }
        let is_a_sentence = [
            "nothing",
            "Nothing",
            "install the newer",
            "set [store] kind",
            "backup with the older",
        ]
        .iter()
        .any(|words| told.contains(words));
        if !is_a_sentence || told.contains("backtrace") || told.trim().contains('\n') {
            self.losses
                .push(format!("{what}: refused in these words: {told}"));
        }
    }
}

/// What of a folder's files must be as before after a refusal that may pass: not the mark of the newest commit, which is
/// written again and again, nor what a fault has kept from being cleared away.
fn kept(mut files: BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<PathBuf, Vec<u8>> {
    // A copy that could not be put back is put back by the next start; it is whole, and that is what is tried next.
    files.retain(|name, _| {
        let first = name.iter().next().unwrap().to_string_lossy();
        first == "sled" || first == "store.redb" || first == "FORMAT"
    });
    files
}

/// Lets a child of this program work with the store; whether it ended well, and what was said.
fn told_by(
    child: &str,
    kind: StoreKind,
    folder: &Path,
    strace: Option<&[String]>,
) -> (bool, String) {
    let mut command = Command::new("timeout");
    command.arg("60");
    if let Some(options) = strace {
        command
            .args(["strace", "-f", "-qq", "-o", "/dev/null"])
            .args(options);
    }
    let output = command
        .arg(env::current_exe().unwrap())
        .args([child, kind.as_str()])
        .arg(folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = match output.status.code() {
        Some(0 | 1) => told,
        code => format!("{told} [ended with {code:?}]"),
    };
    (output.status.success(), told)
}

fn open_told_of(kind: StoreKind) -> impl Fn(&Path) -> (bool, String) {
    move |folder| told_by("child-open", kind, folder, None)
}

/// Flips a bit of one of the files in `folder`, the larger ones more often; says which.
fn flip_a_bit(folder: &Path, seed: u32) -> String {
    let files = files(folder);
    // Of what is all zeros at a file's end every bit is like the others.
    let used = |bytes: &[u8]| {
        bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last as u64 + 1)
    };
    let total: u64 = files.values().map(|bytes| used(bytes)).sum();
    // Every third flip is in a small file, where the many bytes of the large ones would leave none.
    let small: Vec<_> = files
        .iter()
        .filter(|(_, bytes)| used(bytes) > 0 && bytes.len() < 4096)
        .collect();
    let (name, at) = if seed % 3 == 2 && !small.is_empty() {
        let (name, bytes) = small[usize::try_from(seed / 3).unwrap() % small.len()];
        (name.clone(), scatter(seed + 11, used(bytes)))
    } else {
        let mut at = scatter(seed + 17, total);
        let mut found = None;
        for (name, bytes) in &files {
            match at.checked_sub(used(bytes)) {
                Some(left) => at = left,
                None => {
                    found = Some(name.clone());
                    break;
                }
            }
        }
        (found.unwrap(), at)
    };
    let mut bytes = files[&name].clone();
    let bit = scatter(seed + 23, 8);
    bytes[usize::try_from(at).unwrap()] ^= 1 << bit;
    fs::write(folder.join(&name), bytes).unwrap();
    format!("bit {bit} of byte {at} of {}", name.display())
}

/// After a first opening that was cut off there is an empty store, which takes a record and keeps it.
async fn begin_again(kind: StoreKind, folder: &Path) -> Result<(), String> {
    let store = store::open(kind, folder, 0).map_err(|error| error.to_string())?;
    let first = store.page(&Key::everything(), None, 1).await;
    if !first.map_err(|error| error.to_string())?.is_empty() {
        return Err("it is not empty".into());
    }
    let written = store.commit(next(0, 1)).await;
    written.map_err(|error| error.to_string())?;
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    check(kind, folder, &mut BTreeMap::from([(0, 1)])).await
}

/// Lets a store be written on a file system of its own, stops that, and takes what has reached the device for all that
/// there is. `None` where no device can be had.
fn power_cut(
    kind: StoreKind,
    cut: u32,
    runtime: &tokio::runtime::Runtime,
) -> Option<Result<(), String>> {
    let place = tempfile::tempdir().unwrap();
    let image = place.path().join("image");
    fs::File::create(&image)
        .unwrap()
        .set_len(96 * 1024 * 1024)
        .unwrap();
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F"])
        .arg(&image)
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        return None;
    }
    let disk = Mounted::image(&image, &place.path().join("disk"))?;
    let mut acknowledged = BTreeMap::new();
    // One that has been there for a while, so that the cut also falls into an opening.
    write_and_kill(
        kind,
        &disk.path.join("store"),
        2_000 + cut,
        &mut acknowledged,
    );
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["child-write", kind.as_str()])
        .arg(disk.path.join("store"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..scatter(cut, 400) {
        line.clear();
        lines.read_line(&mut line).unwrap();
        let (writer, number) = line.trim().split_once(' ').unwrap();
        acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
    }
    let pid = rustix::process::Pid::from_child(&writer);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let after = place.path().join("after");
    fs::copy(&image, &after).unwrap();
    writer.kill().unwrap();
    writer.wait().unwrap();
    drop(disk);
    let disk = Mounted::image(&after, &place.path().join("disk"))?;
    let folder = disk.path.join("store");
    Some(runtime.block_on(check_at_least(kind, &folder, &mut acknowledged)))
}

/// As [`check`], where more may have been acknowledged than was heard.
async fn check_at_least(
    kind: StoreKind,
    folder: &Path,
    acknowledged: &mut BTreeMap<u32, u64>,
) -> Result<(), String> {
    let store = store::open(kind, folder, 0).map_err(|error| error.to_string())?;
    for (writer, number) in &mut *acknowledged {
        let stored = store.get(&watermark(*writer)).await;
        let stored = number_in(stored.map_err(|error| error.to_string())?);
        if stored < *number {
            return Err(format!(
                "writer {writer}: {number} acknowledged, {stored} stored"
            ));
        }
        *number = stored;
    }
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    check(kind, folder, acknowledged).await
}

/// The file system in an image, mounted until it is dropped.
struct Mounted {
    path: PathBuf,
}

impl Mounted {
    fn image(image: &Path, at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-o", "loop"])
            .args([image, at])
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then(|| Self {
                path: at.to_owned(),
            })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.path).status();
    }
}

/// How often a child makes each system call that can change or read the store.
fn calls_of(child: &str, kind: StoreKind, folder: &Path) -> BTreeMap<String, usize> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let trace = "trace=%file,%desc,fsync,fdatasync,sync_file_range,ftruncate,fallocate,flock,mmap";
    let options = ["-o", log.path().to_str().unwrap(), "-e", trace].map(str::to_owned);
    let (is_well, told) = told_by(child, kind, folder, Some(&options));
    assert!(is_well, "under strace it ends well ({told})");
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

/// Fills the disk under an open store to a level, writes until it refuses, gives the space back, and demands that the
/// same process goes on.
async fn fill_up(
    kind: StoreKind,
    folder: &Path,
    disk: &SmallDisk<'_>,
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
        if begun.elapsed() > Duration::from_secs(30)
            || *store.liveness().borrow() == Liveness::Stuck
        {
            return Err(format!("it does not recover by itself ({refusal})"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ended = store.ended();
    drop(store);
    ended.wait().await;
    check(kind, folder, &mut BTreeMap::from([(0, number)])).await
}

/// Writes many records, and says how long it took to open them again.
async fn bulk_fill(kind: StoreKind, folder: &Path, records: u32) -> Result<String, String> {
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
    let bytes: u64 = files(folder).values().map(|bytes| bytes.len() as u64).sum();
    let mut took = String::new();
    for opening in ["first", "second"] {
        let begun = Instant::now();
        let store =
            store::open(kind, folder, 0).map_err(|error| format!("{opening} opening: {error}"))?;
        took = format!("; {} MiB opened in {:.2?}", bytes >> 20, begun.elapsed());
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
    Ok(took)
}
