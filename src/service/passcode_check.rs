//! Judging a code against an account as read: the one place where a code is accepted or counted as wrong.
//!
//! Login, proving a new key and every act that wants a fresh code come through here, so that none of them can forget
//! the window, the spent steps, the count or the waits (security.md section 1). Recovery codes come through here too:
//! wrong ones are counted together with wrong codes of the phone, and a hold is one for both.

use std::time::Duration;

use super::{
    Foundation,
    decision::{Attempt, Denial, NotDone, asked},
    enrollment::ShownKey,
    foundation::{Sealing, unopened},
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticated, Passcode, Refusal, Secret,
        account::RecoveryCodes,
        authenticator::Wanted,
        letter::LetterKind,
        recovery::{AcceptedCode, RecoveryCode},
        throttle::Gate,
        totp::{self, AcceptedStep, PasscodePair, SpentSteps, Verdict},
    },
    store::accounts::Read,
};

impl Foundation {
    /// The login of somebody at home with a code that is fresh enough to give an account other codes or act on others: its
    /// own if none was brought, or `passcode`, which is then spent in the account that comes along, otherwise as it was
    /// read.
    pub(super) fn with_fresh_code(
        &self,
        who: &Authenticated,
        passcode: Option<&Passcode>,
        read: &Read,
        attempt: Attempt<'_>,
    ) -> Result<(Authenticated, Account), NotDone> {
        let monotonic = self.clock.monotonic();
        let Some(passcode) = passcode else {
            let account = read.account.clone();
            return match who.may_replace_codes(account.role, monotonic) {
                true => Ok((who.clone(), account)),
                false => Err(NotDone::denied(
                    Refusal::FreshPasscodeWanted,
                    "stale-passcode",
                )),
            };
        };
        let (accepted, account) = self.judge_passcode(read, passcode, attempt)?;
        let fresh = who.clone().with_fresh_passcode(&accepted, monotonic);
        let fresh = fresh.ok_or_else(NotDone::foreign_passcode)?;
        Ok((fresh, account))
    }

    /// Judges `passcode`, which any phone of the account may have made: the step that it stands for, and the account in which
    /// it is spent; or what is counted against it.
    pub(super) fn judge_passcode(
        &self,
        read: &Read,
        passcode: &Passcode,
        attempt: Attempt<'_>,
    ) -> Result<(AcceptedStep, Account), NotDone> {
        self.judge(Wanted::Any, read, attempt, None, |account, keys| {
            totp::verify_any(account, keys.iter().copied(), passcode, attempt.now)
        })
    }

    /// The same of a code for a new key. Whoever has been `shown` that key and brings a right code of another time is told
    /// what the phone's clock shows, and nothing is counted: they have the key, so it tells them nothing that they could not
    /// compute.
    pub(super) fn judge_new_key(
        &self,
        wanted: Wanted,
        read: &Read,
        passcode: &Passcode,
        shown: Option<ShownKey>,
        attempt: Attempt<'_>,
    ) -> Result<(AcceptedStep, Account), NotDone> {
        let told = shown.map(|shown| (shown, passcode));
        self.judge(wanted, read, attempt, told, |account, keys| {
            totp::verify_any(account, keys.iter().copied(), passcode, attempt.now)
        })
    }

    /// The same of two codes that follow each other, for a key that was proved. What the phone's clock shows is noted for its
    /// owner, who is let in by it, and for nobody else.
    pub(super) fn judge_pair(
        &self,
        read: &Read,
        pair: &PasscodePair,
        attempt: Attempt<'_>,
    ) -> Result<(AcceptedStep, Account), NotDone> {
        if !read.account.authenticator.is_active() {
            return Err(NotDone::denied(Refusal::Ended, "no-proved-key"));
        }
        let wanted = Wanted::Any;
        let (accepted, mut account) =
            self.judge(wanted, read, attempt, None, |account, keys| {
                totp::judge_pair_of_any(account, keys.iter().copied(), pair, attempt.now)
            })?;
        if accepted.drift().is_some() {
            let kind = ActivityKind::PhoneClock;
            account.note(Activity::of_owner(attempt.now, kind, attempt.from));
        }
        Ok((accepted, account))
    }

    /// Judges by `verdict`, which also says of which key it is. A wrong code that is `told` is looked for at other times too,
    /// where the key is the one that was shown.
    fn judge(
        &self,
        wanted: Wanted,
        read: &Read,
        attempt: Attempt<'_>,
        told: Option<(ShownKey, &Passcode)>,
        verdict: impl FnOnce(&AccountKey, &[(&Secret, &SpentSteps)]) -> (usize, Verdict),
    ) -> Result<(AcceptedStep, Account), NotDone> {
        let mut account = heard(read, attempt)?;
        let keys = account.authenticator.keys(wanted);
        if keys.is_empty() {
            let none = Denial::new(Refusal::Ended, "no-authenticator");
            return Err(unheard(none, read, &account));
        }
        let mut secrets = Vec::with_capacity(keys.len());
        for key in &keys {
            let opened = self.vault.open_secret(&account.key, &key.secret);
            secrets.push(opened.map_err(|error| {
                unopened(format_args!("the TOTP secret of {}", account.key), &error)
            })?);
        }
        let judged: Vec<_> = secrets
            .iter()
            .zip(keys.iter().map(|key| &key.spent))
            .collect();
        let (place, verdict) = verdict(&account.key, &judged);
        let drift = || {
            let (shown, passcode) = told?;
            let place = keys.iter().position(|key| shown.is_of(key.since))?;
            totp::drift_of(&secrets[place], passcode, attempt.now)
        };
        let (kind, reason) = match verdict {
            Verdict::Accepted(accepted) => {
                let authenticator = &mut account.authenticator;
                authenticator.accept(wanted, place, &accepted, attempt.now);
                return Ok((accepted, account));
            }
            Verdict::Wrong if let Some(drift) = drift() => {
                let denial = Denial::new(Refusal::PhoneClock(drift), "phone-clock");
                let event = asked(attempt.act, &account.key, attempt.from);
                let event = event.saying(format!("phone clock {drift}"));
                return Err(unheard(denial.saying(event), read, &account));
            }
            Verdict::Spent => (ActivityKind::PasscodeRepeated, "spent-passcode"),
            Verdict::Wrong => (ActivityKind::PasscodeRejected, "wrong-passcode"),
        };
        Err(self.counted(read, account, kind, reason, attempt))
    }

    /// Judges a recovery code in the same way. Only a proved key has codes that stand in for it.
    pub(super) fn judge_recovery_code(
        &self,
        read: &Read,
        code: &RecoveryCode,
        seal: &Sealing,
        attempt: Attempt<'_>,
    ) -> Result<(AcceptedCode, Account), NotDone> {
        let mut account = heard(read, attempt)?;
        let key = account.key.clone();
        let is_active = account.authenticator.is_active();
        let Some(codes) = account.recovery.as_mut().filter(|_| is_active) else {
            let none = Denial::new(Refusal::Ended, "no-recovery-codes");
            return Err(unheard(none, read, &account));
        };
        let opened = self.vault.open_recovery_codes(&key, &codes.digests);
        let mut set = opened
            .map_err(|error| unopened(format_args!("the recovery codes of {key}"), &error))?;
        let Some(accepted) = set.take(&key, code) else {
            let kind = ActivityKind::RecoveryCodeRejected;
            return Err(self.counted(read, account, kind, "wrong-recovery-code", attempt));
        };
        *codes = RecoveryCodes {
            issued: codes.issued,
            left: set.left(),
            digests: seal
                .vault
                .seal_recovery_codes(&key, &set, self.random_bytes()),
        };
        Ok((accepted, account))
    }

    /// Counts a wrong code in `account`, whatever kind of code it was. The one that holds the authenticator is told to the
    /// owner.
    fn counted(
        &self,
        read: &Read,
        mut account: Account,
        kind: ActivityKind,
        reason: &'static str,
        attempt: Attempt<'_>,
    ) -> NotDone {
        account.passcode_throttle.count(attempt.now);
        account.note(Activity::of_owner(attempt.now, kind, attempt.from));
        let commit = read.replace(&account);
        let (refusal, commit) = match account.passcode_throttle.gate(attempt.now) {
            Gate::Open => {
                let wait = Duration::ZERO;
                (Refusal::Rejected { wait }, commit)
            }
            Gate::Wait(wait) => (Refusal::Rejected { wait }, commit),
            Gate::Held => {
                let commit = self.notice(commit, &account, LetterKind::TotpHeld, attempt);
                (Refusal::Held, commit)
            }
        };
        Denial::new(refusal, reason).counting(commit).into()
    }
}

/// The account as `read`, if a code of it is judged now. A wait that a clock ahead has recorded counts from now in it.
fn heard(read: &Read, attempt: Attempt<'_>) -> Result<Account, NotDone> {
    let mut account = read.account.clone();
    account.passcode_throttle = account.passcode_throttle.corrected(attempt.now);
    let early = match account.passcode_throttle.gate(attempt.now) {
        Gate::Open => return Ok(account),
        Gate::Wait(wait) => Denial::new(Refusal::Wait(wait), "waiting"),
        Gate::Held => Denial::new(Refusal::Held, "held"),
    };
    Err(unheard(early, read, &account))
}

/// The refusal of a code that was not judged. Nothing is stored but, where a clock was corrected, from when the wait counts.
fn unheard(denial: Denial<Refusal>, read: &Read, account: &Account) -> NotDone {
    match *account == read.account {
        true => denial.into(),
        false => denial.counting(read.replace(account)).into(),
    }
}
