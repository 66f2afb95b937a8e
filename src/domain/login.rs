//! The login ceremony as types: `Identified -> PasswordVerified -> Authenticated`, and no other way.
//!
//! Architecture invariant: [`Authenticated`] cannot be had without a [`PasswordProof`] for the account's own hash
//! and, where policy and account ask for it, an [`AcceptedStep`] of the account's own authenticator or an
//! [`AcceptedCode`] of its own recovery codes. All proofs are made only by the functions that check them, and each is
//! consumed where it is used. Whoever proved all that with an officer's one-time password is given an
//! [`AwaitingPassword`] instead, which becomes a login by nothing but a password of the account's owner: everything
//! that would make a login goes through one function, which tells the two apart.

use std::time::Duration;

use super::{
    account::{Account, Authenticator, Role},
    identity::AccountKey,
    password::{PasswordHash, PasswordProof},
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
            // A new password, an officer's too, changes the generation, so this holds as long as the login does.
            one_time: account.one_time_password.is_some(),
        })
    }
}

/// The password was right. What else is needed, [`PasswordVerified::next`] says.
#[derive(Debug)]
pub struct PasswordVerified {
    account: AccountKey,
    generation: u64,
    one_time: bool,
}

/// What comes after a right password.
#[derive(Debug)]
pub enum Ceremony {
    /// No code is asked: two-step login.
    Proved(Proved),
    Passcode(AwaitingPasscode),
    Enrollment(AwaitingEnrollment),
}

impl PasswordVerified {
    /// What `policy` asks of this account.
    pub fn next(self, policy: Policy, authenticator: &Authenticator) -> Ceremony {
        let Self {
            account,
            generation,
            one_time,
        } = self;
        match (policy, authenticator) {
            (Policy::Disabled, _) | (Policy::Enabled, Authenticator::Absent) => {
                Ceremony::Proved(proved(account, generation, one_time, None))
            }
            (Policy::Required, Authenticator::Absent) => Ceremony::Enrollment(AwaitingEnrollment {
                account,
                generation,
                one_time,
            }),
            (Policy::Enabled | Policy::Required, _) => Ceremony::Passcode(AwaitingPasscode {
                account,
                generation,
                one_time,
            }),
        }
    }
}

/// All that policy and account ask has been proved. Whether that is a login depends on whose the password is.
#[derive(Debug)]
pub enum Proved {
    LoggedIn(Authenticated),
    /// The password is an officer's one-time password, which opens nothing but its own replacement.
    PasswordDue(AwaitingPassword),
}

/// The password was right; a code of the account's authenticator is still to come.
#[derive(Debug, Clone)]
pub struct AwaitingPasscode {
    account: AccountKey,
    generation: u64,
    one_time: bool,
}

impl AwaitingPasscode {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What was proved, with a code accepted at monotonic time `now`. `None` when the code was another account's.
    pub fn with_passcode(self, accepted: AcceptedStep, now: Duration) -> Option<Proved> {
        let is_its = *accepted.account() == self.account;
        let code = Some((SecondFactor::Totp, now));
        is_its.then(|| proved(self.account, self.generation, self.one_time, code))
    }

    /// What was proved, with a recovery code accepted at monotonic time `now`. `None` when the code was another
    /// account's.
    pub fn with_recovery_code(self, accepted: AcceptedCode, now: Duration) -> Option<Proved> {
        let is_its = *accepted.account() == self.account;
        let code = Some((SecondFactor::RecoveryCode, now));
        is_its.then(|| proved(self.account, self.generation, self.one_time, code))
    }

    /// The way back for a QR code that never reached a phone: open only while the key is pending, because a key that
    /// was proved once can be replaced by nobody who does not have it.
    pub fn start_over(self, authenticator: &Authenticator) -> Option<AwaitingEnrollment> {
        authenticator.is_pending().then_some(AwaitingEnrollment {
            account: self.account,
            generation: self.generation,
            one_time: self.one_time,
        })
    }
}

/// The password was right; the account must prove a new key before anything else.
#[derive(Debug, Clone)]
pub struct AwaitingEnrollment {
    account: AccountKey,
    generation: u64,
    one_time: bool,
}

impl AwaitingEnrollment {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What was proved, with the code that proved the new key at monotonic time `now`.
    pub fn with_passcode(self, accepted: AcceptedStep, now: Duration) -> Option<Proved> {
        let is_its = *accepted.account() == self.account;
        let code = Some((SecondFactor::Totp, now));
        is_its.then(|| proved(self.account, self.generation, self.one_time, code))
    }
}

/// Everything is proved, by an officer's one-time password: a password of the owner's own must take its place before
/// anything else.
#[derive(Debug, Clone)]
pub struct AwaitingPassword {
    account: AccountKey,
    generation: u64,
    code_accepted: Option<(SecondFactor, Duration)>,
}

impl AwaitingPassword {
    pub fn account(&self) -> &AccountKey {
        &self.account
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Puts `new` in the one-time password's place in `account`, and gives the login that goes with it. It is worth
    /// something only once `account` is stored. `None`, and nothing changed, when `account` is another one or has
    /// changed since, or when `policy` has come to ask for a code that was not shown.
    pub fn with_new_password(
        self,
        account: &mut Account,
        policy: Policy,
        new: PasswordHash,
    ) -> Option<Authenticated> {
        let asks_code = match policy {
            Policy::Disabled => false,
            Policy::Enabled => account.authenticator != Authenticator::Absent,
            Policy::Required => true,
        };
        let still_holds = account.key == self.account && account.generation == self.generation;
        if !still_holds || (asks_code && self.code_accepted.is_none()) {
            return None;
        }
        Some(Authenticated {
            account: self.account,
            generation: replace_password(account, new),
            code_accepted: self.code_accepted,
        })
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

    /// Whether a code was accepted lately that is enough for somebody with `role` to give their own account other codes
    /// or another phone. Of an officer it must be the phone's: a sheet of recovery codes would otherwise become a phone,
    /// and the phone carries out acts on other people's accounts.
    pub fn may_replace_codes(&self, role: Role, now: Duration) -> bool {
        match role {
            Role::User => self.passcode_is_fresh(now),
            Role::Officer => self.totp_is_fresh(now),
        }
    }

    /// The same login with a fresh code. `None` when the code was another account's.
    pub fn with_fresh_passcode(self, accepted: &AcceptedStep, now: Duration) -> Option<Self> {
        (*accepted.account() == self.account).then_some(Self {
            code_accepted: Some((SecondFactor::Totp, now)),
            ..self
        })
    }

    /// Puts `new` in the place of the password that `current` proves, in `account`, and gives the one login that goes
    /// on with it: every other ends. It is worth something only once `account` is stored. `None`, and nothing changed,
    /// when `account` is another one or has changed since, or the proof is for something else.
    pub fn with_new_password(
        self,
        account: &mut Account,
        current: &PasswordProof,
        new: PasswordHash,
    ) -> Option<Self> {
        let still_holds = account.key == self.account
            && account.generation == self.generation
            && current.is_for(&account.password);
        still_holds.then(|| Self {
            generation: replace_password(account, new),
            ..self
        })
    }

    /// What a login becomes when TOTP was switched off under [`Policy::Required`]: nothing but a new enrollment.
    pub fn must_enroll(self) -> AwaitingEnrollment {
        AwaitingEnrollment {
            account: self.account,
            generation: self.generation,
            one_time: false,
        }
    }
}

/// The one place where a login begins, and where a one-time password keeps it from beginning.
fn proved(
    account: AccountKey,
    generation: u64,
    one_time: bool,
    code_accepted: Option<(SecondFactor, Duration)>,
) -> Proved {
    if one_time {
        Proved::PasswordDue(AwaitingPassword {
            account,
            generation,
            code_accepted,
        })
    } else {
        Proved::LoggedIn(Authenticated {
            account,
            generation,
            code_accepted,
        })
    }
}

/// Makes `new` the owner's own password; gives the generation of the logins that are valid from then on.
fn replace_password(account: &mut Account, new: PasswordHash) -> u64 {
    account.password = new;
    account.one_time_password = None;
    account.generation = account.generation.wrapping_add(1);
    account.generation
}
