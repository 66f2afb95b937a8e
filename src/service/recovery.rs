//! Recovery codes: issuing them to somebody at home, and letting somebody in by one in place of a code of the phone.

use std::sync::Arc;

use super::{
    Foundation, ServiceError,
    authentication::PasscodeOutcome,
    decision::{Attempt, Deed, NotDone, asked},
    entry::{Granted, enter},
    foundation::Sealing,
};
use crate::domain::{
    Account, Activity, ActivityKind, Authenticated, AwaitingPasscode, Passcode, Refusal, Source,
    account::RecoveryCodes,
    audit::Act,
    letter::LetterKind,
    recovery::{IssuedCodes, RecoveryCode, RecoverySet, RecoveryState},
};

/// The service that gives out recovery codes and takes them.
#[derive(Debug, Clone)]
pub struct Recovery {
    foundation: Arc<Foundation>,
}

/// What asking for recovery codes led to.
#[derive(Debug)]
pub enum IssueOutcome {
    Refused(Refusal),
    /// The codes before are worth nothing any more; this is the one time that the new ones can be shown.
    Issued(IssuedCodes, Box<Granted>),
}

impl Recovery {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Checks a recovery code in place of the code of a login under way, and grants the login.
    ///
    /// The used code goes, the count is zeroed and the login is granted in one conditional commit, made before anybody
    /// is told: of any number of parallel submissions of one code exactly one is granted. It is granted only if the
    /// rules that take recovery codes are still in force by then.
    pub async fn check(
        &self,
        awaiting: &AwaitingPasscode,
        code: RecoveryCode,
        from: &Source,
    ) -> Result<PasscodeOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (awaiting.account(), awaiting.generation());
        let asked = asked(Act::UseRecoveryCode, key, from);
        let checked = deps.decide(
            &asked,
            // What is left of the codes is sealed anew.
            || deps.login_to_seal(key, generation),
            |(basis, seal), attempt| {
                if !basis.rules().recovery_codes {
                    return Err(NotDone::denied(Refusal::Ended, "recovery-codes-off"));
                }
                let (accepted, mut account) =
                    deps.judge_recovery_code(&basis.read, &code, &seal, attempt)?;
                let proved = awaiting.clone();
                let proved = proved.with_recovery_code(accepted, deps.clock.monotonic());
                let proved = proved.ok_or_else(NotDone::foreign_passcode)?;
                let used = ActivityKind::RecoveryCodeUsed;
                account.note(Activity::of_owner(attempt.now, used, attempt.from));
                account.passcode_throttle = Default::default();
                let entered = enter(proved, &mut account, basis.rules(), attempt);
                let commit = seal.still_seals(basis.replace(&account));
                let kind = LetterKind::RecoveryCodeUsed;
                let commit = deps.notice(commit, &account, kind, attempt);
                let acts = [Some(attempt.act), entered.act()].into_iter().flatten();
                Ok(Deed::of(commit, entered).recorded_as(acts))
            },
        );
        Ok(checked.await?.into())
    }

    /// Ten new codes for somebody at home, in place of all before. A login whose code is older than five minutes, or an
    /// officer's whose code was a recovery code, must bring a fresh one of the phone, which is spent by it.
    pub async fn issue(
        &self,
        authenticated: &Authenticated,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<IssueOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (authenticated.account(), authenticated.generation());
        let asked = asked(Act::IssueRecoveryCodes, key, from);
        let issued = deps.decide(
            &asked,
            || deps.login_to_seal(key, generation),
            |(basis, seal), attempt| {
                if RecoveryState::of(basis.account(), basis.rules()).is_none() {
                    let reason = match basis.account().authenticator.is_active() {
                        true => "recovery-codes-off",
                        false => "no-authenticator",
                    };
                    return Err(NotDone::denied(Refusal::RecoveryCodesOff, reason));
                }
                let code = passcode.as_ref();
                let (refreshed, mut account) =
                    deps.with_fresh_code(authenticated, code, &basis.read, attempt)?;
                let codes = self.put_codes(&mut account, &seal, attempt);
                let commit = seal.still_seals(basis.replace(&account));
                let kind = LetterKind::RecoveryCodesIssued;
                let commit = deps.notice(commit, &account, kind, attempt);
                let granted = Granted::of(refreshed, account, basis.rules());
                Ok(Deed::of(commit, (codes, granted)))
            },
        );
        Ok(match issued.await? {
            Ok((codes, granted)) => IssueOutcome::Issued(codes, Box::new(granted)),
            Err(refusal) => IssueOutcome::Refused(refusal),
        })
    }

    fn put_codes(
        &self,
        account: &mut Account,
        seal: &Sealing,
        attempt: Attempt<'_>,
    ) -> IssuedCodes {
        let deps = &self.foundation;
        let Attempt { from, now, .. } = attempt;
        let random = zeroize::Zeroizing::new(deps.random_bytes());
        let (codes, set) = RecoverySet::issue(&random);
        let nonce = deps.random_bytes();
        account.recovery = Some(RecoveryCodes {
            issued: now,
            left: set.left(),
            digests: seal.vault.seal_recovery_codes(&account.key, &set, nonce),
        });
        let kind = ActivityKind::RecoveryCodesIssued;
        account.note(Activity::of_owner(now, kind, from));
        codes
    }
}
