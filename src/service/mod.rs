//! What people and operators want done, one file an intent: throttle, judge, store, record.
//!
//! Architecture invariant: whatever grants or changes something is decided on what was read and committed on
//! condition that it is still so, and answered only after that commit (`decision`, written once; a login is granted in
//! `entry` alone). Outward goes only what the person may know; the true reason goes to the audit log.

mod account_act;
pub mod accounts;
pub mod authentication;
pub mod backup;
mod basis;
mod decision;
mod ended_logins;
pub mod enrollment;
pub mod entry;
mod error;
mod foundation;
pub mod hashing;
pub mod keys;
pub mod nodes;
pub mod officer;
pub mod outbox;
pub mod own_password;
mod passcode_check;
pub mod phones;
pub mod policy;
pub mod recovery;
pub mod reset;
pub mod store_check;
pub mod store_copy;
pub mod survey;
pub mod visits;

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::mail::inbox::Inbox;

pub use ended_logins::{EndedLogin, EndedLogins};
pub use error::ServiceError;
pub use foundation::{Foundation, Letters};

/// All services over one foundation.
#[derive(Debug, Clone)]
pub struct Services {
    pub authentication: authentication::Authentication,
    pub enrollment: enrollment::Enrollment,
    pub recovery: recovery::Recovery,
    pub phones: phones::SecondPhone,
    pub own_password: own_password::OwnPassword,
    pub accounts: accounts::Accounts,
    pub policy: policy::PolicySetting,
    pub reset: reset::Reset,
    pub officer: officer::Officer,
    pub outbox: outbox::Outbox,
    /// The letters of training mode, in training mode.
    pub inbox: Option<Arc<Inbox>>,
    pub visits: visits::Visits,
    pub keys: keys::Keys,
    pub nodes: nodes::Nodes,
    pub backup: backup::Backup,
    pub store_check: store_check::StoreCheck,
    pub survey: survey::Survey,
    ended_logins: EndedLogins,
}

impl Services {
    pub fn new(foundation: &Arc<Foundation>) -> Self {
        let authentication = authentication::Authentication::new(foundation.clone());
        Self {
            // Passwords are tried one after the other, whether at the login or at home.
            own_password: own_password::OwnPassword::new(
                foundation.clone(),
                authentication.clone(),
            ),
            authentication,
            enrollment: enrollment::Enrollment::new(foundation.clone()),
            recovery: recovery::Recovery::new(foundation.clone()),
            phones: phones::SecondPhone::new(foundation.clone()),
            accounts: accounts::Accounts::new(foundation.clone()),
            policy: policy::PolicySetting::new(foundation.clone()),
            reset: reset::Reset::new(foundation.clone()),
            officer: officer::Officer::new(foundation.clone()),
            outbox: outbox::Outbox::new(foundation.clone()),
            inbox: None,
            visits: visits::Visits::new(foundation.clone()),
            keys: keys::Keys::new(foundation.clone()),
            nodes: nodes::Nodes::new(foundation.clone()),
            backup: backup::Backup::new(foundation.clone()),
            store_check: store_check::StoreCheck::new(foundation.clone()),
            survey: survey::Survey::new(foundation.clone()),
            ended_logins: foundation.ended_logins.clone(),
        }
    }

    /// Hears of accounts whose open logins end from now on.
    pub fn ended_logins(&self) -> broadcast::Receiver<EndedLogin> {
        self.ended_logins.subscribe()
    }
}
