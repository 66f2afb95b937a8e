//! The members of the etcd cluster, as they last said they are, for whoever must not wait for them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::cluster::{self, MembersSeen};
use crate::{config::Cluster, ports::Clock};

/// What is known is used without another look for so long.
const FRESH: Duration = Duration::from_secs(30);

/// What is older than this is known no more.
const STALE: Duration = Duration::from_secs(5 * 60);

/// The members of one cluster. They are asked when somebody wants to know, and never while nobody does.
#[derive(Debug, Clone)]
pub struct Members {
    cluster: Cluster,
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    seen: Option<MembersSeen>,
    /// When they were asked last, on the monotonic clock.
    asked: Option<Duration>,
    is_asking: bool,
}

impl Members {
    pub fn new(cluster: Cluster, clock: Arc<dyn Clock>) -> Self {
        let known = Arc::default();
        Self {
            cluster,
            clock,
            known,
        }
    }

    /// What is known of them; `None` where nothing is yet, or nothing any more. Where it is not fresh, they are asked beside,
    /// for whoever wants to know next.
    pub fn seen(&self) -> Option<MembersSeen> {
        let now = self.clock.monotonic();
        let mut known = self.known();
        let age = known.asked.map(|asked| now.saturating_sub(asked));
        if age.is_none_or(|age| age >= FRESH) && !std::mem::replace(&mut known.is_asking, true) {
            tokio::spawn(self.clone().ask(now));
        }
        known.seen.filter(|_| age.is_some_and(|age| age < STALE))
    }

    async fn ask(self, now: Duration) {
        let seen = cluster::look_at_members(&self.cluster).await;
        *self.known() = Known {
            seen,
            asked: Some(now),
            is_asking: false,
        };
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
