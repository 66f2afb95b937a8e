//! The policy: whether people are asked for a code. One setting for all users, in force at the next login.

use std::fmt;

use super::{account::Role, word::words};

words! {
    /// The login policy of an LPSE.
    #[derive(Default)]
    pub enum Policy else UnknownPolicy {
        /// Two-step login: nobody is asked for a code; activations are kept, unused.
        Disabled = "disabled",
        /// Whoever has activated TOTP is asked for a code; the others can activate it at home.
        #[default]
        Enabled = "enabled",
        /// Whoever has not activated TOTP must do so right after the password.
        Required = "required",
    }
}

impl Policy {
    /// What this policy asks of an account with `role`: an officer always needs TOTP.
    pub fn asked_of(self, role: Role) -> Self {
        match role {
            Role::Officer => Self::Required,
            Role::User => self,
        }
    }
}

/// What holds at every login: set as one, in force at the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginRules {
    pub policy: Policy,
    /// Recovery codes are issued and taken. Those that are out wait where they are while this is off.
    pub recovery_codes: bool,
}

impl LoginRules {
    /// The rules with the policy as it is asked of an account with `role`.
    pub fn asked_of(self, role: Role) -> Self {
        Self {
            policy: self.policy.asked_of(role),
            ..self
        }
    }
}

impl Default for LoginRules {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            recovery_codes: true,
        }
    }
}

impl From<Policy> for LoginRules {
    /// That policy, and all else as it is by default.
    fn from(policy: Policy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }
}

impl fmt::Display for LoginRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let recovery_codes = if self.recovery_codes { "on" } else { "off" };
        write!(f, "{}, recovery codes {recovery_codes}", self.policy)
    }
}

/// The text names none of the three policies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy is one of disabled, enabled, required")]
pub struct UnknownPolicy;
