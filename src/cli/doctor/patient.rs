//! The subject of the checks: one installation, as it is configured.

use jiff::Timestamp;

use crate::config::{Config, Flags};

/// What the checks are about.
pub struct Patient<'a> {
    pub config: &'a Config,
    pub flags: &'a Flags,
    /// Whose the installation is: the data folder's owner, or whoever runs this where there is none yet.
    pub user: u32,
    pub now: Timestamp,
}

impl Patient<'_> {
    /// Whether this process is the installation's own user, and may do what the kiosk does.
    pub fn is_own(&self) -> bool {
        rustix::process::geteuid().as_raw() == self.user
    }
}
