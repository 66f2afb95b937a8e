//! What processes use, as the system counts it.

use std::{
    collections::HashMap,
    fs,
    ops::{Add, Sub},
    path::Path,
    time::Duration,
};

/// Proportional set sizes (a page that several processes share counts once in all), in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Kib(pub f64);

impl Add for Kib {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Kib {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// The memory of one process.
pub fn memory(pid: u32) -> Kib {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    Kib(number.unwrap_or(0.0))
}

/// All processes under `pid`, without itself, with their names.
pub fn descendants(pid: u32) -> Vec<(u32, String)> {
    let mut children: HashMap<u32, Vec<(u32, String)>> = HashMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(number) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // "pid (name) state parent ...", and a name may hold anything.
        let Some((before, after)) = stat.rsplit_once(')') else {
            continue;
        };
        let name = before.split_once('(').map_or("", |(_, name)| name);
        let parent = after.split_whitespace().nth(1);
        if let Some(parent) = parent.and_then(|parent| parent.parse().ok()) {
            let of_parent = children.entry(parent).or_default();
            of_parent.push((number, name.to_owned()));
        }
    }
    let (mut found, mut open) = (Vec::new(), vec![pid]);
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            open.push(child.0);
            found.push(child);
        }
    }
    found
}

/// How many files and connections a process has open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Time on a CPU so far, of all threads of a process and of its hashing threads.
pub fn cpu_time(pid: u32) -> (Duration, Duration) {
    let (mut all, mut hashing) = (Duration::ZERO, Duration::ZERO);
    for entry in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let time = on_cpu(&entry.path());
        all += time;
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if name.starts_with("hashing-") {
            hashing += time;
        }
    }
    (all, hashing)
}

/// Time on a CPU so far, of the thread that asks.
pub fn own_cpu_time() -> Duration {
    on_cpu(Path::new("/proc/thread-self"))
}

fn on_cpu(task: &Path) -> Duration {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    let nanoseconds = text.split_whitespace().next();
    Duration::from_nanos(nanoseconds.and_then(|n| n.parse().ok()).unwrap_or(0))
}
