//! The wait for whoever holds the store: a process that has just begun or is ending, and most commands, let go of it soon.

use std::time::{Duration, Instant};

use crate::store::folder::OpenError;

/// A process that has just taken the store listens to commands within this time; after it, people are told who has it.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// A process that ends, and most commands, have let go of the store within this time. A command that is run by a timer
/// must not wait for another without an end.
const LONGEST: Duration = Duration::from_secs(15);

/// Between two looks whether it does.
pub const PAUSE: Duration = Duration::from_millis(50);

/// A wait for the store.
#[derive(Debug)]
pub struct Held {
    since: Instant,
    longest: Duration,
    is_told: bool,
}

impl Held {
    /// A command's wait for its turn.
    pub fn for_a_turn() -> Self {
        Self::at_most(LONGEST)
    }

    /// The wait of whoever wants to know how things are.
    pub fn at_most(longest: Duration) -> Self {
        Self {
            since: Instant::now(),
            longest,
            is_told: false,
        }
    }

    /// Waits until it is worth another try, and tells once `by` whom the store is held.
    ///
    /// # Errors
    /// It was waited for long enough; this is `by`.
    pub async fn wait(&mut self, by: OpenError) -> Result<(), OpenError> {
        let waited = self.since.elapsed();
        if waited >= self.longest {
            return Err(by);
        }
        if !self.is_told && waited >= PATIENCE {
            self.is_told = true;
            tracing::warn!("{by}. Its end is waited for; Ctrl-C ends the waiting");
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}
