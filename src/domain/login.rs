//! The login ceremony as types: `Identified -> PasswordVerified -> Authenticated`, and no other way.
//!
//! Architecture invariant: [`Authenticated`] cannot be had without a [`PasswordProof`] for the account's own hash
//! and, where policy and account ask for it, an [`AcceptedStep`] of the account's own authenticator or an
//! [`AcceptedCode`] of its own recovery codes. All proofs are made only by the functions that check them, and each is
//! consumed where it is used.

use std::time::Duration;

use super::{
    account::{Account, AccountKey, Authenticator},
    password::PasswordProof,
    policy::Policy,
    recovery::AcceptedCode,
    totp::AcceptedStep,
};

/// A claim: somebody says to be this account. Nothing is proved.
#[derive(Debug, Clone)]
pub struct Identified {
    pub account: AccountKey,
}

impl Identified {
    /// The claim with the password proved. `None` when the proof is for something else than `account`'s present
    /// password, or `account` is not the claimed one.
    pub fn with_password(
        self,
        account: &Account,
        proof: &PasswordProof,
    ) -> Option<PasswordVerified> {
        (self.account == account.key && proof.is_for(&account.password)).then(|| PasswordVerified {
            account: account.key.clone(),
            generation: account.generation,
        })
    }
}

/// The password was right. What else is needed, [`PasswordVerified::next`] says.
#[derive(Debug)]
pub struct PasswordVerified {
    account: AccountKey,
    generation: u64,
}

/// What comes after a right password.
#[derive(Debug)]
pub enum Ceremony {
    /// Nothing more is asked: two-step login.
    Granted(Authenticated),
    Passcode(AwaitingPasscode),
    Enrollment(AwaitingEnrollment),
}

impl PasswordVerified {
    /// What `policy` asks of this account.
    pub fn next(self, policy: Policy, authenticator: &Authenticator) -> Ceremony {
        let Self {
            account,
            generation,
        } = self;
        match (policy, authenticator) {
            (Policy::Disabled, _) | (Policy::Enabled, Authenticator::Absent) => {
                Ceremony::Granted(Authenticated {
                    account,
                    generation,
                    code_accepted: None,
                })
            }
            (Policy::Required, Authenticator::Absent) => Ceremony::Enrollment(AwaitingEnrollment {
                account,
                generation,
            }),
            (Policy::Enabled | Policy::Required, _) => Ceremony::Passcode(AwaitingPasscode {
                account,
                generation,
            }),
        }
    }
}

/// The password was right; a code of the account's authenticator is still to come.
#[derive(Debug, Clone)]
pub struct AwaitingPasscode {
    account: AccountKey,
    generation: u64,
}

impl AwaitingPasscode {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The login, for a code accepted at monotonic time `now`. `None` when the code was another account's.
    pub fn with_passcode(self, accepted: AcceptedStep, now: Duration) -> Option<Authenticated> {
        authenticated(self.account, self.generation, &accepted, now)
    }

    /// The login, for a recovery code accepted at monotonic time `now`. `None` when the code was another account's.
    pub fn with_recovery_code(
        self,
        accepted: AcceptedCode,
        now: Duration,
    ) -> Option<Authenticated> {
        (*accepted.account() == self.account).then_some(Authenticated {
            account: self.account,
            generation: self.generation,
            code_accepted: Some((SecondFactor::RecoveryCode, now)),
        })
    }

    /// The way back for a QR code that never reached a phone: open only while the key is pending, because a key that
    /// was proved once can be replaced by nobody who does not have it.
    pub fn start_over(self, authenticator: &Authenticator) -> Option<AwaitingEnrollment> {
        authenticator.is_pending().then_some(AwaitingEnrollment {
            account: self.account,
            generation: self.generation,
        })
    }
}

/// The password was right; the account must prove a new key before anything else.
#[derive(Debug, Clone)]
pub struct AwaitingEnrollment {
    account: AccountKey,
    generation: u64,
}

impl AwaitingEnrollment {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The login, for the code that proved the new key at monotonic time `now`.
    pub fn with_passcode(self, accepted: AcceptedStep, now: Duration) -> Option<Authenticated> {
        authenticated(self.account, self.generation, &accepted, now)
    }
}

/// Somebody who has proved all that the policy asked.
#[derive(Debug, Clone)]
pub struct Authenticated {
    account: AccountKey,
    generation: u64,
    /// The last code that was accepted: what it was, and at which monotonic time.
    code_accepted: Option<(SecondFactor, Duration)>,
}

/// What somebody proved besides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecondFactor {
    /// A code of the phone.
    Totp,
    /// A code on paper, for want of the phone.
    RecoveryCode,
}

impl Authenticated {
    /// After this long a further act wants a fresh code.
    pub const PASSCODE_FRESH_FOR: Duration = Duration::from_secs(5 * 60);

    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a code was accepted within the last five minutes before monotonic time `now`: one of the phone, or a
    /// recovery code, so that whoever has lost the phone can switch TOTP off and activate another one. It is enough
    /// for what people do to their own account, and for nothing else.
    pub fn passcode_is_fresh(&self, now: Duration) -> bool {
        self.code_accepted
            .is_some_and(|(_, at)| now.saturating_sub(at) <= Self::PASSCODE_FRESH_FOR)
    }

    /// Whether a code of the phone was accepted within the last five minutes before monotonic time `now`, which is what
    /// acts on other people's accounts want. A recovery code does not count.
    pub fn totp_is_fresh(&self, now: Duration) -> bool {
        let is_totp = matches!(self.code_accepted, Some((SecondFactor::Totp, _)));
        is_totp && self.passcode_is_fresh(now)
    }

    /// The same login with a fresh code. `None` when the code was another account's.
    pub fn with_fresh_passcode(self, accepted: &AcceptedStep, now: Duration) -> Option<Self> {
        authenticated(self.account, self.generation, accepted, now)
    }

    /// What a login becomes when TOTP was switched off under [`Policy::Required`]: nothing but a new enrollment.
    pub fn must_enroll(self) -> AwaitingEnrollment {
        AwaitingEnrollment {
            account: self.account,
            generation: self.generation,
        }
    }
}

fn authenticated(
    account: AccountKey,
    generation: u64,
    accepted: &AcceptedStep,
    now: Duration,
) -> Option<Authenticated> {
    (*accepted.account() == account).then_some(Authenticated {
        account,
        generation,
        code_accepted: Some((SecondFactor::Totp, now)),
    })
}
