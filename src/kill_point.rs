//! Kill points in work that must survive a kill at any moment: a test names one by its number, and the process kills
//! itself there. In a program that is built for journeys; elsewhere nothing is left of them.

/// A moment after which the world looks different to whoever comes next.
#[cfg(feature = "test-hooks")]
pub fn reached() {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    use rustix::process::{Signal, getpid, kill_process};

    static KILL_AT: LazyLock<Option<u32>> =
        LazyLock::new(|| std::env::var("LPSE_TEST_KILL_AT").ok()?.parse().ok());
    static REACHED: AtomicU32 = AtomicU32::new(0);
    if KILL_AT.is_some_and(|at| REACHED.fetch_add(1, Ordering::SeqCst) + 1 == at) {
        // As `kill -9` does it: no destructor, no buffer is written.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

#[cfg(not(feature = "test-hooks"))]
pub fn reached() {}
