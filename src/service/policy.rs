//! The policy: read by whoever asks, set by officers.

use std::sync::Arc;

use super::{Foundation, ServiceError};
use crate::domain::{
    Source,
    audit::{Act, AuditEvent, AuditOutcome},
    policy::LoginRules,
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

    /// The rules in force.
    pub async fn get(&self) -> Result<LoginRules, ServiceError> {
        Ok(self.foundation.settings().rules().await?.rules)
    }

    /// Sets the rules, in force at the next login, everywhere.
    pub async fn set(&self, rules: LoginRules, from: &Source) -> Result<(), ServiceError> {
        self.foundation.settings().set_rules(rules).await?;
        let event = AuditEvent::new(Act::SetPolicy, AuditOutcome::Done, from);
        let event = event.saying(rules.to_string());
        Ok(self.foundation.audit.record(vec![event]).await?)
    }
}
