//! The extent of a benchmark: whole for its figures, or brief among the tests, so that none rots unseen.
//!
//! `cargo bench` measures the whole. `cargo test --bench NAME` goes the same way in seconds, in the tests' own build; its
//! figures say nothing, and what breaks on the way breaks the run.

use std::env;

/// By this argument `cargo bench` is known; whoever starts a benchmark's own program passes it on.
const WHOLE: &str = "--bench";

/// How much of something is measured: a number of tries, a time, a size.
#[derive(Debug, Clone, Copy)]
pub struct Extent<T> {
    whole: T,
    brief: T,
}

impl<T: Copy> Extent<T> {
    pub const fn new(whole: T, brief: T) -> Self {
        Self { whole, brief }
    }

    /// As much as this run is to measure.
    pub fn get(self) -> T {
        match is_whole() {
            true => self.whole,
            false => self.brief,
        }
    }
}

fn is_whole() -> bool {
    env::args().any(|argument| argument == WHOLE)
}

/// What is asked of the benchmark, besides its extent.
pub fn arguments() -> Vec<String> {
    let arguments = env::args().skip(1);
    arguments.filter(|argument| argument != WHOLE).collect()
}

/// What a part of the benchmark that runs in a process of its own is told of its extent.
pub fn passed_on() -> Option<&'static str> {
    is_whole().then_some(WHOLE)
}
