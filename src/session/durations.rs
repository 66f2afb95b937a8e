//! How long people waited for the service at the two steps of a login, whatever the answer was: from the key that sends a
//! password or a code to what the service says. Nobody's typing is in it.

use std::time::Duration;

use crate::{
    domain::{
        durations::{Durations, SharedDurations},
        word::words,
    },
    tui::Request,
};

words! {
    /// What is checked at a login.
    pub enum Check {
        /// A password: mostly one hash.
        Password = "password",
        /// The phone's code, or one on paper: mostly one commit.
        Code = "code",
    }
}

impl Check {
    /// What `request` has checked on the way in, if anything.
    pub fn of(request: &Request) -> Option<Self> {
        match request {
            Request::CheckPassword { .. } => Some(Self::Password),
            Request::CheckPasscode(_) | Request::CheckRecoveryCode(_) => Some(Self::Code),
            _ => None,
        }
    }
}

/// How long each check took.
#[derive(Debug, Default)]
pub struct LoginDurations {
    by_check: [SharedDurations; Check::ALL.len()],
}

impl LoginDurations {
    /// Counts one more, which took so long.
    pub fn note(&self, check: Check, took: Duration) {
        self.by_check[check as usize].note(took);
    }

    /// What was noted so far.
    pub fn so_far(&self, check: Check) -> Durations {
        self.by_check[check as usize].so_far()
    }
}
