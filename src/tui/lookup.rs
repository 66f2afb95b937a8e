//! Questions asked beside the typing: at most one is under way, whatever is typed meanwhile.
//!
//! A screen says after every event what it wants to look up. What is wanted while a lookup is under way replaces what
//! was wanted before, by being asked last: a held key makes no queue.

use std::time::Duration;

use super::{Lookup, RequestId};

/// The lookup that is under way, and how long the screen has been waiting for what it wants.
#[derive(Debug, Default)]
pub struct Lookups {
    under_way: Option<UnderWay>,
    /// Monotonic time from which on the screen has wanted something it does not have.
    wanted_since: Option<Duration>,
}

#[derive(Debug)]
struct UnderWay {
    id: RequestId,
    /// `None` when the screen that asked has gone: the answer is waited for, and dropped.
    lookup: Option<Lookup>,
}

impl Lookups {
    /// Takes note of what the screen wants; returns whether it is to be asked for now.
    pub fn want(&mut self, wanted: bool, now: Duration) -> bool {
        self.wanted_since = wanted.then(|| self.wanted_since.unwrap_or(now));
        wanted && self.under_way.is_none()
    }

    pub fn begin(&mut self, id: RequestId, lookup: Lookup) {
        self.under_way = Some(UnderWay {
            id,
            lookup: Some(lookup),
        });
    }

    /// The lookup that the answer `id` belongs to, if it is still wanted.
    pub fn answered(&mut self, id: RequestId) -> Option<Lookup> {
        self.under_way.take_if(|lookup| lookup.id == id)?.lookup
    }

    /// The screen that asked has gone.
    pub fn leave(&mut self) {
        self.wanted_since = None;
        if let Some(under_way) = &mut self.under_way {
            under_way.lookup = None;
        }
    }

    /// How long the screen has been waiting.
    pub fn waiting(&self, now: Duration) -> Option<Duration> {
        self.wanted_since.map(|since| now.saturating_sub(since))
    }
}
