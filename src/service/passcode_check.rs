//! Judging a code against an account as read: the one place where a code is accepted or counted as wrong.
//!
//! Login, proving a new key and every act that wants a fresh code come through here, so that none of them can forget
//! the window, the spent steps, the count or the waits (SECURITY section 1).

use std::time::Duration;

use jiff::Timestamp;

use super::{Foundation, Refusal, ServiceError};
use crate::{
    domain::{
        Account, Activity, ActivityKind, Passcode, Source,
        letter::LetterKind,
        throttle::Gate,
        totp::{self, AcceptedStep, Verdict},
    },
    store::{Commit, accounts::Read},
};

/// What a code did to the account; either way the changed account must be stored before anybody is told.
#[derive(Debug)]
pub(super) enum Judged {
    /// The step is marked as spent in `account`.
    Accepted(AcceptedStep),
    /// The failure is counted in `account`.
    Counted {
        refusal: Refusal,
        reason: &'static str,
    },
    /// The code was not judged; nothing changed.
    Unheard {
        refusal: Refusal,
        reason: &'static str,
    },
}

impl Foundation {
    /// Judges `passcode` and marks the outcome in `account`.
    pub(super) fn judge_passcode(
        &self,
        account: &mut Account,
        passcode: &Passcode,
        from: &Source,
        now: Timestamp,
    ) -> Result<Judged, ServiceError> {
        match account.passcode_throttle.gate(now) {
            Gate::Open => {}
            Gate::Wait(wait) => {
                return Ok(Judged::Unheard {
                    refusal: Refusal::Wait(wait),
                    reason: "waiting",
                });
            }
            Gate::Held => {
                return Ok(Judged::Unheard {
                    refusal: Refusal::Held,
                    reason: "held",
                });
            }
        }
        let Some(sealed) = account.authenticator.secret() else {
            return Ok(Judged::Unheard {
                refusal: Refusal::Ended,
                reason: "no-authenticator",
            });
        };
        let secret = self
            .vault
            .open_secret(&account.key, sealed)
            .map_err(|error| {
                ServiceError::Unavailable(format!(
                    "the TOTP secret of {} cannot be opened: {error}",
                    account.key
                ))
            })?;
        let verdict = totp::verify(
            &account.key,
            &secret,
            passcode,
            now,
            account.greatest_accepted_step,
        );
        let reason = match verdict {
            Verdict::Accepted(accepted) => {
                account.greatest_accepted_step = Some(accepted.step());
                return Ok(Judged::Accepted(accepted));
            }
            Verdict::Spent => "spent-passcode",
            Verdict::Wrong => "wrong-passcode",
        };
        account.passcode_throttle.count(now);
        account.note(Activity::of_owner(
            now,
            ActivityKind::PasscodeRejected,
            from,
        ));
        let refusal = match account.passcode_throttle.gate(now) {
            Gate::Open => Refusal::Rejected {
                wait: Duration::ZERO,
            },
            Gate::Wait(wait) => Refusal::Rejected { wait },
            Gate::Held => Refusal::Held,
        };
        Ok(Judged::Counted { refusal, reason })
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
