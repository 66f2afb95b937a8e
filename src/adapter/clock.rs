//! The system's clocks.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::ports::Clock;

/// The wall clock of the system, and time since the program's start.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}
