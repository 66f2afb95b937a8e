//! Rates: how often something may happen in a minute, be it requests of a source or packets of a connection.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::domain::SourceKey;

const MINUTE: Duration = Duration::from_secs(60);

/// Counts by source, in memory: a restart forgives, and what must be kept the service keeps.
#[derive(Debug)]
pub struct Rates {
    a_minute: u32,
    most_sources: usize,
    // Held for a look-up and a sum, never across an await.
    windows: Mutex<HashMap<SourceKey, Window>>,
}

/// A minute that begins with what is counted first, and what was counted in it.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    since: Duration,
    count: u32,
}

impl Window {
    /// A minute that begins at the monotonic time `now`.
    pub fn new(now: Duration) -> Self {
        Self {
            since: now,
            count: 0,
        }
    }

    /// Counts one more at `now`, of `most` that may come in a minute.
    ///
    /// # Errors
    /// The time until the next minute begins: these were too many.
    pub fn count(&mut self, most: u32, now: Duration) -> Result<(), Duration> {
        if now >= self.since + MINUTE {
            *self = Self::new(now);
        }
        if self.count >= most {
            return Err(self.since + MINUTE - now);
        }
        self.count += 1;
        Ok(())
    }
}

impl Rates {
    pub fn new(a_minute: u32, most_sources: usize) -> Self {
        Self {
            a_minute,
            most_sources,
            windows: Mutex::default(),
        }
    }

    /// Counts one more of `source` at the monotonic time `now`.
    ///
    /// # Errors
    /// The time until its next one is let through.
    pub fn count(&self, source: SourceKey, now: Duration) -> Result<(), Duration> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if !windows.contains_key(&source) && windows.len() >= self.most_sources {
            windows.retain(|_, window| now < window.since + MINUTE);
            // A crowd of sources within one minute: the oldest starts over, which favours it. Turning newcomers away
            // instead would let the crowd shut everybody out.
            if windows.len() >= self.most_sources {
                let oldest = windows.iter().min_by_key(|(_, window)| window.since);
                if let Some(oldest) = oldest.map(|(source, _)| source.clone()) {
                    windows.remove(&oldest);
                }
            }
        }
        let window = windows.entry(source).or_insert_with(|| Window::new(now));
        window.count(self.a_minute, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_source_waits_for_its_own_minute_and_hinders_nobody_else() {
        let rates = Rates::new(3, 10);
        for _ in 0..3 {
            assert_eq!(rates.count("a".into(), second(100)), Ok(()));
        }
        assert_eq!(rates.count("a".into(), second(110)), Err(second(50)));
        assert_eq!(rates.count("b".into(), second(110)), Ok(()));
        assert_eq!(rates.count("a".into(), second(160)), Ok(()));
    }

    #[test]
    fn a_crowd_of_sources_takes_no_more_room_and_shuts_nobody_out() {
        let rates = Rates::new(1, 100);
        for n in 0..10_000 {
            assert_eq!(
                rates.count(n.to_string().as_str().into(), second(n / 1000)),
                Ok(())
            );
            assert!(rates.windows.lock().unwrap().len() <= 100);
        }
        assert_eq!(rates.count("honest".into(), second(11)), Ok(()));
    }
}
