//! Judging a code against an account as read: the one place where a code is accepted or counted as wrong.
//!
//! Login, proving a new key and every act that wants a fresh code come through here, so that none of them can forget
//! the window, the spent steps, the count or the waits (security.md section 1). Recovery codes come through here too:
//! wrong ones are counted together with wrong codes of the phone, and a hold is one for both.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Foundation, ServiceError,
    foundation::{Sealing, unopened},
};
use crate::{
    domain::{
        Account, Activity, ActivityKind, Authenticated, Passcode, Refusal, Source,
        account::RecoveryCodes,
        audit::Act,
        letter::LetterKind,
        recovery::{AcceptedCode, RecoveryCode},
        throttle::Gate,
        totp::{self, AcceptedStep, Verdict},
    },
    store::{Commit, Outcome, accounts::Read},
};

/// What a code did to the account; either way the changed account must be stored before anybody is told.
#[derive(Debug)]
pub(super) enum Judged<Proof = AcceptedStep> {
    /// The code is marked as spent in `account`.
    Accepted(Proof),
    /// The failure is counted in `account`.
    Counted {
        refusal: Refusal,
        reason: &'static str,
    },
    /// The code was not judged. Nothing changed but, where a clock was corrected, from when the wait counts.
    Unheard {
        refusal: Refusal,
        reason: &'static str,
    },
}

/// What is left to do once what was wrong with a code is stored and recorded.
#[derive(Debug)]
pub(super) enum Settled<Proof = AcceptedStep> {
    /// The code is marked as spent in the account, which must be stored with what the code was for.
    Accepted(Proof),
    /// Nothing more is to be done than to say so.
    Refused(Refusal),
    /// The account has changed since it was read, and nothing was counted: read again, judge again.
    Conflict,
}

impl Foundation {
    /// Stores what a wrong code has counted in `account`, and records it as a refusal of `act`; an accepted one is left
    /// to the commit of what it was for.
    pub(super) async fn settle<Proof>(
        &self,
        judged: Judged<Proof>,
        read: &Read,
        account: &Account,
        act: Act,
        from: &Source,
        now: Timestamp,
    ) -> Result<Settled<Proof>, ServiceError> {
        let (refusal, reason) = match judged {
            Judged::Accepted(proof) => return Ok(Settled::Accepted(proof)),
            Judged::Unheard { refusal, reason } => {
                if *account != read.account
                    && self.commit(read.replace(account)).await? == Outcome::Conflict
                {
                    return Ok(Settled::Conflict);
                }
                (refusal, reason)
            }
            Judged::Counted { refusal, reason } => {
                let commit = self.counted_commit(read, account, refusal, from, now);
                if self.commit(commit).await? == Outcome::Conflict {
                    return Ok(Settled::Conflict);
                }
                (refusal, reason)
            }
        };
        self.refused(act, &account.key, from, reason).await?;
        Ok(Settled::Refused(refusal))
    }

    /// The login of somebody at home with a code that is fresh enough for `act`: its own if none was brought, or
    /// `passcode`, which is then spent in the account that comes along, otherwise as it was read.
    pub(super) async fn with_fresh_code(
        &self,
        who: &Authenticated,
        passcode: Option<&Passcode>,
        read: &Read,
        act: Act,
        from: &Source,
        now: Timestamp,
    ) -> Result<Settled<(Authenticated, Account)>, ServiceError> {
        let mut account = read.account.clone();
        let Some(passcode) = passcode else {
            if who.may_replace_codes(account.role, self.clock.monotonic()) {
                return Ok(Settled::Accepted((who.clone(), account)));
            }
            self.refused(act, &account.key, from, "stale-passcode")
                .await?;
            return Ok(Settled::Refused(Refusal::FreshPasscodeWanted));
        };
        let judged = self.judge_passcode(&mut account, passcode, from, now)?;
        let settled = self.settle(judged, read, &account, act, from, now).await?;
        let accepted = match settled {
            Settled::Accepted(accepted) => accepted,
            Settled::Refused(refusal) => return Ok(Settled::Refused(refusal)),
            Settled::Conflict => return Ok(Settled::Conflict),
        };
        let fresh = who
            .clone()
            .with_fresh_passcode(&accepted, self.clock.monotonic());
        let Some(fresh) = fresh else {
            self.refused(act, &account.key, from, "foreign-passcode")
                .await?;
            return Ok(Settled::Refused(Refusal::Ended));
        };
        Ok(Settled::Accepted((fresh, account)))
    }

    /// Judges `passcode` and marks the outcome in `account`.
    pub(super) fn judge_passcode(
        &self,
        account: &mut Account,
        passcode: &Passcode,
        from: &Source,
        now: Timestamp,
    ) -> Result<Judged, ServiceError> {
        if let Some(unheard) = unheard(account, now) {
            return Ok(unheard);
        }
        let key = account.authenticator.secret();
        let Some((sealed, spent)) = key.zip(account.authenticator.spent()) else {
            return Ok(Judged::Unheard {
                refusal: Refusal::Ended,
                reason: "no-authenticator",
            });
        };
        let secret = self
            .vault
            .open_secret(&account.key, sealed)
            .map_err(|error| {
                unopened(format_args!("the TOTP secret of {}", account.key), &error)
            })?;
        let verdict = totp::verify(&account.key, &secret, passcode, now, spent);
        let reason = match verdict {
            Verdict::Accepted(accepted) => {
                if let Some(spent) = account.authenticator.spent_mut() {
                    spent.spend(accepted.step());
                }
                return Ok(Judged::Accepted(accepted));
            }
            Verdict::Spent => "spent-passcode",
            Verdict::Wrong => "wrong-passcode",
        };
        let kind = ActivityKind::PasscodeRejected;
        Ok(counted(account, kind, reason, from, now))
    }

    /// Judges a recovery code and marks the outcome in `account`. Only a proved key has codes that stand in for it.
    pub(super) fn judge_recovery_code(
        &self,
        account: &mut Account,
        code: &RecoveryCode,
        seal: &Sealing,
        from: &Source,
        now: Timestamp,
    ) -> Result<Judged<AcceptedCode>, ServiceError> {
        if let Some(unheard) = unheard(account, now) {
            return Ok(unheard);
        }
        let key = account.key.clone();
        let is_active = account.authenticator.is_active();
        let Some(codes) = account.recovery.as_mut().filter(|_| is_active) else {
            return Ok(Judged::Unheard {
                refusal: Refusal::Ended,
                reason: "no-recovery-codes",
            });
        };
        let opened = self.vault.open_recovery_codes(&key, &codes.digests);
        let mut set = opened
            .map_err(|error| unopened(format_args!("the recovery codes of {key}"), &error))?;
        let Some(accepted) = set.take(&key, code) else {
            let kind = ActivityKind::RecoveryCodeRejected;
            return Ok(counted(account, kind, "wrong-recovery-code", from, now));
        };
        *codes = RecoveryCodes {
            issued: codes.issued,
            left: set.left(),
            digests: seal
                .vault
                .seal_recovery_codes(&key, &set, self.random_bytes()),
        };
        Ok(Judged::Accepted(accepted))
    }

    /// The commit of a counted failure. The one that holds the authenticator is told to the owner.
    pub(super) fn counted_commit(
        &self,
        read: &Read,
        account: &Account,
        refusal: Refusal,
        from: &Source,
        now: Timestamp,
    ) -> Commit {
        let commit = read.replace(account);
        match refusal {
            Refusal::Held => self.notice(commit, account, LetterKind::TotpHeld, now, from),
            _ => commit,
        }
    }
}

/// Why no code of `account` is judged at `now`, if none is. A wait that a clock ahead has recorded counts from now in
/// `account`.
fn unheard<Proof>(account: &mut Account, now: Timestamp) -> Option<Judged<Proof>> {
    account.passcode_throttle = account.passcode_throttle.corrected(now);
    let (refusal, reason) = match account.passcode_throttle.gate(now) {
        Gate::Open => return None,
        Gate::Wait(wait) => (Refusal::Wait(wait), "waiting"),
        Gate::Held => (Refusal::Held, "held"),
    };
    Some(Judged::Unheard { refusal, reason })
}

/// Counts a wrong code in `account`, whatever kind of code it was.
fn counted<Proof>(
    account: &mut Account,
    kind: ActivityKind,
    reason: &'static str,
    from: &Source,
    now: Timestamp,
) -> Judged<Proof> {
    account.passcode_throttle.count(now);
    account.note(Activity::of_owner(now, kind, from));
    let refusal = match account.passcode_throttle.gate(now) {
        Gate::Open => Refusal::Rejected {
            wait: Duration::ZERO,
        },
        Gate::Wait(wait) => Refusal::Rejected { wait },
        Gate::Held => Refusal::Held,
    };
    Judged::Counted { refusal, reason }
}
