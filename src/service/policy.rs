//! The policy: read by whoever asks, set by officers.

use std::sync::Arc;

use super::{Foundation, ServiceError};
use crate::domain::{
    Policy, Source,
    audit::{Act, AuditEvent, AuditOutcome},
};

/// The service that keeps the policy.
#[derive(Debug, Clone)]
pub struct PolicySetting {
    foundation: Arc<Foundation>,
}

impl PolicySetting {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// The policy in force.
    pub async fn get(&self) -> Result<Policy, ServiceError> {
        Ok(self.foundation.settings().policy().await?.policy)
    }

    /// Sets the policy, in force at the next login, everywhere.
    pub async fn set(&self, policy: Policy, from: &Source) -> Result<(), ServiceError> {
        self.foundation.settings().set_policy(policy).await?;
        let event = AuditEvent::new(Act::SetPolicy, AuditOutcome::Done, from);
        let event = event.saying(policy.as_str());
        Ok(self.foundation.audit.record(vec![event]).await?)
    }
}
