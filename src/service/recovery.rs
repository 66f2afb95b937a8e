//! Recovery codes: issuing them to somebody at home, and letting somebody in by one in place of a code of the phone.

use std::sync::Arc;

use super::{
    Foundation, ServiceError,
    authentication::{Authentication, Granted, PasscodeOutcome, PasswordDue},
    foundation::Sealing,
    passcode_check::Settled,
};
use crate::{
    domain::{
        Account, Activity, ActivityKind, Authenticated, AwaitingPasscode, Passcode, Proved,
        Refusal, Source,
        account::RecoveryCodes,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::LetterKind,
        recovery::{IssuedCodes, RecoveryCode, RecoverySet, RecoveryState},
    },
    store::Outcome,
};

/// The service that gives out recovery codes and takes them.
#[derive(Debug, Clone)]
pub struct Recovery {
    foundation: Arc<Foundation>,
    authentication: Authentication,
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
        Self {
            authentication: Authentication::new(foundation.clone()),
            foundation,
        }
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
        let house = &self.foundation;
        let key = awaiting.account();
        let refused = PasscodeOutcome::Refused;
        loop {
            let read = self.authentication.still_valid(key, awaiting.generation());
            let Some(read) = read.await? else {
                house
                    .refused(Act::UseRecoveryCode, key, from, "ended-login")
                    .await?;
                return Ok(refused(Refusal::Ended));
            };
            let rules = house.settings().rules().await?;
            if !rules.rules.recovery_codes {
                let off = AuditOutcome::Refused("recovery-codes-off".into());
                house.record(Act::UseRecoveryCode, key, from, off).await?;
                return Ok(refused(Refusal::Ended));
            }
            // What is left of the codes is sealed anew.
            let seal = house.sealing().await?;
            let mut account = read.account.clone();
            let now = house.clock.now();
            let judged = house.judge_recovery_code(&mut account, &code, &seal, from, now)?;
            let act = Act::UseRecoveryCode;
            let settled = house.settle(judged, &read, &account, act, from, now);
            let accepted = match settled.await? {
                Settled::Accepted(accepted) => accepted,
                Settled::Refused(refusal) => return Ok(refused(refusal)),
                Settled::Conflict => continue,
            };
            let monotonic = house.clock.monotonic();
            let Some(proved) = awaiting.clone().with_recovery_code(accepted, monotonic) else {
                house.refused(act, key, from, "foreign-passcode").await?;
                return Ok(refused(Refusal::Ended));
            };
            let used = ActivityKind::RecoveryCodeUsed;
            account.note(Activity::of_owner(now, used, from));
            account.passcode_throttle = Default::default();
            let is_login = matches!(proved, Proved::LoggedIn(_));
            let previous_login = if is_login {
                self.authentication.mark_login(&mut account, from)
            } else {
                None
            };
            let commit = rules.still_in_force(seal.still_seals(read.replace(&account)));
            let kind = LetterKind::RecoveryCodeUsed;
            let commit = house.notice(commit, &account, kind, now, from);
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            let done = |act| AuditEvent::new(act, AuditOutcome::Done, from).on(key);
            let login = is_login.then_some(Act::Login);
            let acts = [Act::UseRecoveryCode].into_iter().chain(login);
            house.audit.record(acts.map(done).collect()).await?;
            return Ok(match proved {
                Proved::LoggedIn(authenticated) => PasscodeOutcome::Granted(Box::new(Granted {
                    authenticated,
                    policy: rules.rules.policy.asked_of(account.role),
                    recovery: RecoveryState::of(&account, rules.rules),
                    account,
                    previous_login,
                    activated: false,
                })),
                Proved::PasswordDue(awaiting) => PasscodeOutcome::PasswordDue(PasswordDue {
                    awaiting,
                    name: account.name,
                }),
            });
        }
    }

    /// Ten new codes for somebody at home, in place of all before. A login whose code is older than five minutes, or an
    /// officer's whose code was a recovery code, must bring a fresh one of the phone, which is spent by it.
    pub async fn issue(
        &self,
        authenticated: &Authenticated,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<IssueOutcome, ServiceError> {
        let house = &self.foundation;
        let key = authenticated.account();
        loop {
            let read = self
                .authentication
                .still_valid(key, authenticated.generation());
            let Some(read) = read.await? else {
                house
                    .refused(Act::IssueRecoveryCodes, key, from, "ended-login")
                    .await?;
                return Ok(IssueOutcome::Refused(Refusal::Ended));
            };
            let rules = house.settings().rules().await?;
            if RecoveryState::of(&read.account, rules.rules).is_none() {
                let reason = match read.account.authenticator.is_active() {
                    true => "recovery-codes-off",
                    false => "no-authenticator",
                };
                house
                    .refused(Act::IssueRecoveryCodes, key, from, reason)
                    .await?;
                return Ok(IssueOutcome::Refused(Refusal::RecoveryCodesOff));
            }
            let now = house.clock.now();
            let (act, code) = (Act::IssueRecoveryCodes, passcode.as_ref());
            let settled = house.with_fresh_code(authenticated, code, &read, act, from, now);
            let (refreshed, mut account) = match settled.await? {
                Settled::Accepted(both) => both,
                Settled::Refused(refusal) => return Ok(IssueOutcome::Refused(refusal)),
                Settled::Conflict => continue,
            };
            let seal = house.sealing().await?;
            let codes = self.put_codes(&mut account, &seal, from);
            let commit = rules.still_in_force(seal.still_seals(read.replace(&account)));
            let kind = LetterKind::RecoveryCodesIssued;
            let commit = house.notice(commit, &account, kind, now, from);
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            let done = AuditOutcome::Done;
            house
                .record(Act::IssueRecoveryCodes, key, from, done)
                .await?;
            let granted = Granted {
                authenticated: refreshed,
                policy: rules.rules.policy.asked_of(account.role),
                recovery: RecoveryState::of(&account, rules.rules),
                account,
                previous_login: None,
                activated: false,
            };
            return Ok(IssueOutcome::Issued(codes, Box::new(granted)));
        }
    }

    fn put_codes(&self, account: &mut Account, seal: &Sealing, from: &Source) -> IssuedCodes {
        let house = &self.foundation;
        let now = house.clock.now();
        let random = zeroize::Zeroizing::new(house.random_bytes());
        let (codes, set) = RecoverySet::issue(&random);
        let nonce = house.random_bytes();
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
