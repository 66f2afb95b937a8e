//! How long something took, time after time: counted by size, so that it takes no more room the more often it is done.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Nothing that is counted here should ever take longer than the last; in seconds.
const BOUNDS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// How long something took, each time that it was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// By the first bound that was kept; the last are those that kept none.
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Durations {
    /// Counts one more, which took so long.
    pub fn note(&mut self, took: Duration) {
        let kept = |bound: &f64| took.as_secs_f64() <= *bound;
        let place = BOUNDS.iter().position(kept).unwrap_or(BOUNDS.len());
        self.counts[place] += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// How often it was done.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long it took in all.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Each bound in seconds, with how often it took no longer than that, and longer than the bound before. The last is
    /// infinite.
    pub fn by_bound(&self) -> [(f64, u64); BOUNDS.len() + 1] {
        let mut by_bound = self.counts.map(|count| (f64::INFINITY, count));
        for (row, bound) in by_bound.iter_mut().zip(BOUNDS) {
            row.0 = bound;
        }
        by_bound
    }
}

/// Durations that one part of the program notes and another reads.
#[derive(Debug, Default)]
pub struct SharedDurations(
    // Held to note or copy a few numbers.
    Mutex<Durations>,
);

impl SharedDurations {
    /// Counts one more, which took so long.
    pub fn note(&self, took: Duration) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .note(took);
    }

    /// What was noted so far.
    pub fn so_far(&self) -> Durations {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_once_under_the_first_bound_that_it_kept() {
        let mut durations = Durations::default();
        for milliseconds in [0, 1, 2, 10_000, 60_000, 60_001] {
            durations.note(Duration::from_millis(milliseconds));
        }
        assert_eq!(durations.count(), 6);
        assert_eq!(durations.sum(), Duration::from_millis(130_004));
        let mut rows = durations.by_bound().to_vec();
        rows.retain(|(_, count)| *count > 0);
        assert_eq!(
            rows,
            [
                (0.001, 2),
                (0.0025, 1),
                (10.0, 1),
                (60.0, 1),
                (f64::INFINITY, 1)
            ]
        );
    }
}
