//! Enrollment, SPSE's *aktivasi*: a new key for a phone, its proof, and switching TOTP off again.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Foundation, ServiceError,
    authentication::activate,
    decision::{Attempt, Deed, NotDone, asked},
    entry::{Entered, Granted, PasswordDue, enter},
    foundation::Sealing,
};
use crate::domain::{
    Account, AccountKey, Activity, ActivityKind, Authenticated, Authenticator, AwaitingEnrollment,
    AwaitingPasscode, Passcode, Policy, Proved, Refusal, Source, account::TotpKey, audit::Act,
    authenticator::Wanted, letter::LetterKind, policy::LoginRules, provisioning::Provisioning,
    recovery::RecoveryState, throttle::PasscodeThrottle, totp::AcceptedStep,
};

/// The service that brings keys to phones.
#[derive(Debug, Clone)]
pub struct Enrollment {
    foundation: Arc<Foundation>,
}

/// Who shows a code for a new key: somebody at home, or somebody who cannot get there without.
#[derive(Debug, Clone)]
pub enum Prover {
    AtHome(Authenticated),
    Awaiting(AwaitingEnrollment),
}

impl Prover {
    pub fn account(&self) -> &AccountKey {
        match self {
            Self::AtHome(authenticated) => authenticated.account(),
            Self::Awaiting(awaiting) => awaiting.account(),
        }
    }

    fn generation(&self) -> u64 {
        match self {
            Self::AtHome(authenticated) => authenticated.generation(),
            Self::Awaiting(awaiting) => awaiting.generation(),
        }
    }

    fn with_passcode(&self, accepted: AcceptedStep, now: std::time::Duration) -> Option<Proved> {
        match self.clone() {
            Self::AtHome(authenticated) => authenticated
                .with_fresh_passcode(&accepted, now)
                .map(Proved::LoggedIn),
            Self::Awaiting(awaiting) => awaiting.with_passcode(accepted, now),
        }
    }
}

/// Which key somebody has been shown: another may have taken its place since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownKey {
    /// Since when, in milliseconds, as it is stored.
    since: i64,
}

impl ShownKey {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            since: since.as_millisecond(),
        }
    }

    /// Whether the key is the one that is what it is since then.
    pub(super) fn is_of(self, since: Timestamp) -> bool {
        Self::new(since) == self
    }
}

/// A new key, kept as pending; this is the one time it can be shown.
#[derive(Debug)]
pub struct NewKey {
    pub provisioning: Provisioning,
    pub shown: ShownKey,
    /// Recovery codes are offered once it is proved.
    pub codes_follow: bool,
}

/// What asking for a new key led to.
#[derive(Debug)]
pub enum StartOutcome {
    Refused(Refusal),
    Started(NewKey),
}

/// What starting over at the code screen led to.
#[derive(Debug)]
pub enum StartOverOutcome {
    Refused(Refusal),
    Started(AwaitingEnrollment, NewKey),
}

/// What a code for a new key led to.
#[derive(Debug)]
pub enum ProveOutcome {
    Refused(Refusal),
    /// TOTP is active.
    Activated(Box<Granted>),
    /// TOTP is active, and the password must be replaced before anything else.
    PasswordDue(PasswordDue),
}

/// What disabling led to.
#[derive(Debug)]
pub enum DisableOutcome {
    Refused(Refusal),
    /// TOTP is off.
    Disabled(Box<Granted>),
    /// TOTP is off and the policy demands a new key before anything else; it is pending.
    EnrollmentWanted(AwaitingEnrollment, NewKey),
}

impl Enrollment {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// A new key for an account whose TOTP is not active. A pending key is replaced, an active one never.
    pub async fn start(
        &self,
        prover: &Prover,
        from: &Source,
    ) -> Result<StartOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (prover.account(), prover.generation());
        let asked = asked(Act::StartEnrollment, key, from);
        let started = deps.decide(
            &asked,
            || deps.login_to_seal(key, generation),
            |(basis, seal), attempt| {
                if basis.account().authenticator.is_active() {
                    return Err(NotDone::denied(Refusal::Ended, "already-active"));
                }
                let mut account = basis.account().clone();
                let key = self.put_pending_key(&mut account, basis.rules(), &seal, attempt);
                let commit = seal.still_seals(basis.replace(&account));
                Ok(Deed::of(commit, key))
            },
        );
        Ok(match started.await? {
            Ok(key) => StartOutcome::Started(key),
            Err(refusal) => StartOutcome::Refused(refusal),
        })
    }

    /// The way back for a QR code that never reached a phone: a new key in place of the pending one.
    pub async fn start_over(
        &self,
        awaiting: &AwaitingPasscode,
        from: &Source,
    ) -> Result<StartOverOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (awaiting.account(), awaiting.generation());
        let asked = asked(Act::StartEnrollment, key, from);
        let started = deps.decide(
            &asked,
            || deps.login_to_seal(key, generation),
            |(basis, seal), attempt| {
                let mut account = basis.account().clone();
                let awaiting = awaiting.clone().start_over(&account.authenticator);
                let Some(awaiting) = awaiting else {
                    return Err(NotDone::denied(Refusal::Ended, "no-pending-key"));
                };
                let key = self.put_pending_key(&mut account, basis.rules(), &seal, attempt);
                let commit = seal.still_seals(basis.replace(&account));
                Ok(Deed::of(commit, (awaiting, key)))
            },
        );
        Ok(match started.await? {
            Ok((awaiting, key)) => StartOverOutcome::Started(awaiting, key),
            Err(refusal) => StartOverOutcome::Refused(refusal),
        })
    }

    /// Proves a pending key with a code; with that it is in force, and whoever was not logged in is. Whoever was `shown` the
    /// key is told of a phone whose clock is off.
    pub async fn prove(
        &self,
        prover: &Prover,
        shown: Option<ShownKey>,
        passcode: Passcode,
        from: &Source,
    ) -> Result<ProveOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (prover.account(), prover.generation());
        let asked = asked(Act::ProveEnrollment, key, from);
        let proved = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, attempt| {
                if !basis.account().authenticator.is_pending() {
                    return Err(NotDone::denied(Refusal::Ended, "no-pending-key"));
                }
                let (accepted, mut account) =
                    deps.judge_new_key(Wanted::Any, &basis.read, &passcode, shown, attempt)?;
                let proved = prover.with_passcode(accepted, deps.clock.monotonic());
                let proved = proved.ok_or_else(NotDone::foreign_passcode)?;
                activate(&mut account, attempt);
                account.passcode_throttle = PasscodeThrottle::default();
                let (entered, login) = match (prover, proved) {
                    (Prover::AtHome(_), Proved::LoggedIn(authenticated)) => {
                        let granted = Granted::of(authenticated, account.clone(), basis.rules());
                        (Entered::Granted(Box::new(granted)), None)
                    }
                    (_, proved) => {
                        let entered = enter(proved, &mut account, basis.rules(), attempt);
                        let login = entered.act();
                        (entered, login)
                    }
                };
                let kind = LetterKind::TotpActivated;
                let commit = deps.notice(basis.replace(&account), &account, kind, attempt);
                let acts = [Some(attempt.act), login].into_iter().flatten();
                Ok(Deed::of(commit, entered.with_activated(true)).recorded_as(acts))
            },
        );
        Ok(match proved.await? {
            Err(refusal) => ProveOutcome::Refused(refusal),
            Ok(Entered::Granted(granted)) => ProveOutcome::Activated(granted),
            Ok(Entered::PasswordDue(due)) => ProveOutcome::PasswordDue(due),
        })
    }

    /// Switches TOTP off for somebody at home. A login whose code is older than five minutes, or an officer's whose code
    /// was a recovery code, must bring a fresh one of the phone, which is spent by it. Under [`Policy::Required`] a new key
    /// takes the old one's place in the same commit.
    pub async fn disable(
        &self,
        authenticated: &Authenticated,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<DisableOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (authenticated.account(), authenticated.generation());
        let asked = asked(Act::DisableTotp, key, from);
        let disabled = deps.decide(
            &asked,
            || deps.login_to_seal(key, generation),
            |(basis, seal), attempt| {
                if !basis.account().authenticator.is_active() {
                    return Err(NotDone::denied(Refusal::Ended, "no-authenticator"));
                }
                let code = passcode.as_ref();
                let (refreshed, mut account) =
                    deps.with_fresh_code(authenticated, code, &basis.read, attempt)?;
                account.authenticator = Authenticator::Absent;
                account.recovery = None;
                let Attempt { from, now, .. } = attempt;
                account.note(Activity::of_owner(now, ActivityKind::TotpDisabled, from));
                let rules = basis.rules();
                let key = (basis.policy() == Policy::Required)
                    .then(|| self.put_pending_key(&mut account, rules, &seal, attempt));
                let commit = seal.still_seals(basis.replace(&account));
                let kind = LetterKind::TotpDisabled;
                let commit = deps.notice(commit, &account, kind, attempt);
                Ok(match key {
                    Some(key) => {
                        let wanted = refreshed.must_enroll();
                        let wanted = DisableOutcome::EnrollmentWanted(wanted, key);
                        let acts = [attempt.act, Act::StartEnrollment];
                        Deed::of(commit, wanted).recorded_as(acts)
                    }
                    None => {
                        let granted = Granted::of(refreshed, account, rules);
                        Deed::of(commit, DisableOutcome::Disabled(Box::new(granted)))
                    }
                })
            },
        );
        Ok(disabled.await?.unwrap_or_else(DisableOutcome::Refused))
    }

    /// The account of somebody at home and the rules for it, as they are now; `None` when the login is no longer valid.
    pub async fn home(
        &self,
        authenticated: &Authenticated,
    ) -> Result<Option<(Account, LoginRules)>, ServiceError> {
        let (key, generation) = (authenticated.account(), authenticated.generation());
        match self.foundation.login(key, generation).await {
            Ok(basis) => {
                let rules = basis.rules().asked_of(basis.account().role);
                Ok(Some((basis.read.account, rules)))
            }
            Err(NotDone::Denied(_)) => Ok(None),
            Err(NotDone::Failed(error)) => Err(error),
        }
    }

    fn put_pending_key(
        &self,
        account: &mut Account,
        rules: LoginRules,
        seal: &Sealing,
        attempt: Attempt<'_>,
    ) -> NewKey {
        let deps = &self.foundation;
        let Attempt { from, now, .. } = attempt;
        let (key, provisioning) = deps.new_key(&account.key, seal, now);
        account.authenticator = Authenticator::Pending(key);
        account.passcode_throttle = account.passcode_throttle.carried_to_new_key();
        account.note(Activity::of_owner(
            now,
            ActivityKind::EnrollmentStarted,
            from,
        ));
        NewKey {
            provisioning,
            shown: ShownKey::new(now),
            codes_follow: RecoveryState::follows_activation(account, rules),
        }
    }
}

impl Foundation {
    /// A new key for `account`, sealed, and what brings it to a phone.
    pub(super) fn new_key(
        &self,
        account: &AccountKey,
        seal: &Sealing,
        now: Timestamp,
    ) -> (TotpKey, Provisioning) {
        let secret = self.new_secret();
        let sealed = seal
            .vault
            .seal_secret(account, &secret, self.random_bytes());
        let provisioning = Provisioning::new(&self.issuer, &account.user_id, &secret);
        (TotpKey::new(sealed, now), provisioning)
    }
}
