//! Enrollment, SPSE's *aktivasi*: a new key for a phone, its proof, and switching TOTP off again.

use std::sync::Arc;

use super::{
    Foundation, ServiceError,
    authentication::{Authentication, Granted, PasswordDue, activate},
    foundation::Sealing,
    passcode_check::Settled,
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticated, Authenticator,
        AwaitingEnrollment, AwaitingPasscode, Passcode, Policy, Proved, Refusal, Source,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::LetterKind,
        policy::LoginRules,
        provisioning::Provisioning,
        recovery::RecoveryState,
        throttle::PasscodeThrottle,
        totp::{AcceptedStep, SpentSteps},
    },
    store::{Outcome, accounts::Read},
};

/// The service that brings keys to phones.
#[derive(Debug, Clone)]
pub struct Enrollment {
    foundation: Arc<Foundation>,
    authentication: Authentication,
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

/// What asking for a new key led to.
#[derive(Debug)]
pub enum StartOutcome {
    Refused(Refusal),
    /// The key is kept as pending; this is the one time it can be shown.
    Started(Provisioning),
}

/// What starting over at the code screen led to.
#[derive(Debug)]
pub enum StartOverOutcome {
    Refused(Refusal),
    Started(AwaitingEnrollment, Provisioning),
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
    EnrollmentWanted(AwaitingEnrollment, Provisioning),
}

impl Enrollment {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self {
            authentication: Authentication::new(foundation.clone()),
            foundation,
        }
    }

    /// A new key for an account whose TOTP is not active. A pending key is replaced, an active one never.
    pub async fn start(
        &self,
        prover: &Prover,
        from: &Source,
    ) -> Result<StartOutcome, ServiceError> {
        loop {
            let read = self.valid(prover.account(), prover.generation()).await?;
            let reason = read.as_ref().map_or("ended-login", |_| "already-active");
            let Some(read) = read.filter(|read| !read.account.authenticator.is_active()) else {
                let act = Act::StartEnrollment;
                self.foundation
                    .refused(act, prover.account(), from, reason)
                    .await?;
                return Ok(StartOutcome::Refused(Refusal::Ended));
            };
            let seal = self.foundation.sealing().await?;
            let mut account = read.account.clone();
            let provisioning = self.put_pending_key(&mut account, &seal, from);
            if self.commit(&read, &account, &seal).await? {
                self.done(Act::StartEnrollment, &account.key, from).await?;
                return Ok(StartOutcome::Started(provisioning));
            }
        }
    }

    /// The way back for a QR code that never reached a phone: a new key in place of the pending one.
    pub async fn start_over(
        &self,
        awaiting: &AwaitingPasscode,
        from: &Source,
    ) -> Result<StartOverOutcome, ServiceError> {
        loop {
            let read = self
                .valid(awaiting.account(), awaiting.generation())
                .await?;
            let reason = read.as_ref().map_or("ended-login", |_| "no-pending-key");
            let key = awaiting.account();
            let started = read.and_then(|read| {
                let awaiting = awaiting.clone().start_over(&read.account.authenticator)?;
                Some((read, awaiting))
            });
            let Some((read, awaiting)) = started else {
                self.foundation
                    .refused(Act::StartEnrollment, key, from, reason)
                    .await?;
                return Ok(StartOverOutcome::Refused(Refusal::Ended));
            };
            let seal = self.foundation.sealing().await?;
            let mut account = read.account.clone();
            let provisioning = self.put_pending_key(&mut account, &seal, from);
            if self.commit(&read, &account, &seal).await? {
                self.done(Act::StartEnrollment, &account.key, from).await?;
                return Ok(StartOverOutcome::Started(awaiting, provisioning));
            }
        }
    }

    /// Proves a pending key with a code; with that it is in force, and whoever was not logged in is.
    pub async fn prove(
        &self,
        prover: &Prover,
        passcode: Passcode,
        from: &Source,
    ) -> Result<ProveOutcome, ServiceError> {
        let house = &self.foundation;
        loop {
            let read = self.valid(prover.account(), prover.generation()).await?;
            let reason = read.as_ref().map_or("ended-login", |_| "no-pending-key");
            let Some(read) = read.filter(|read| read.account.authenticator.is_pending()) else {
                let act = Act::ProveEnrollment;
                house.refused(act, prover.account(), from, reason).await?;
                return Ok(ProveOutcome::Refused(Refusal::Ended));
            };
            let rules = house.settings().rules().await?.rules;
            let policy = rules.policy.asked_of(read.account.role);
            let mut account = read.account.clone();
            let now = house.clock.now();
            let judged = house.judge_passcode(&mut account, &passcode, from, now)?;
            let act = Act::ProveEnrollment;
            let settled = house.settle(judged, &read, &account, act, from, now);
            let accepted = match settled.await? {
                Settled::Accepted(accepted) => accepted,
                Settled::Refused(refusal) => return Ok(ProveOutcome::Refused(refusal)),
                Settled::Conflict => continue,
            };
            let monotonic = house.clock.monotonic();
            let Some(proved) = prover.with_passcode(accepted, monotonic) else {
                house
                    .refused(act, prover.account(), from, "foreign-passcode")
                    .await?;
                return Ok(ProveOutcome::Refused(Refusal::Ended));
            };
            activate(&mut account, now, from);
            account.passcode_throttle = PasscodeThrottle::default();
            let is_login = matches!(
                (prover, &proved),
                (Prover::Awaiting(_), Proved::LoggedIn(_))
            );
            let previous_login = if is_login {
                self.authentication.mark_login(&mut account, from)
            } else {
                None
            };
            let kind = LetterKind::TotpActivated;
            let commit = house.notice(read.replace(&account), &account, kind, now, from);
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            let acts = [Act::ProveEnrollment].into_iter();
            let acts = acts.chain(is_login.then_some(Act::Login));
            let done = |act| AuditEvent::new(act, AuditOutcome::Done, from).on(&account.key);
            house.audit.record(acts.map(done).collect()).await?;
            return Ok(match proved {
                Proved::LoggedIn(authenticated) => ProveOutcome::Activated(Box::new(Granted {
                    authenticated,
                    recovery: RecoveryState::of(&account, rules),
                    account,
                    policy,
                    previous_login,
                    activated: true,
                })),
                Proved::PasswordDue(awaiting) => ProveOutcome::PasswordDue(PasswordDue {
                    awaiting,
                    name: account.name,
                }),
            });
        }
    }

    /// Switches TOTP off for somebody at home. A login whose code is older than five minutes, or an officer's whose code
    /// was a recovery code, must bring a fresh one of the phone, which is spent by it. Under [`Policy::Required`] a new key takes the old one's place in the same commit.
    pub async fn disable(
        &self,
        authenticated: &Authenticated,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<DisableOutcome, ServiceError> {
        let house = &self.foundation;
        loop {
            let read = self
                .valid(authenticated.account(), authenticated.generation())
                .await?;
            let reason = read.as_ref().map_or("ended-login", |_| "no-authenticator");
            let Some(read) = read.filter(|read| read.account.authenticator.is_active()) else {
                let act = Act::DisableTotp;
                house
                    .refused(act, authenticated.account(), from, reason)
                    .await?;
                return Ok(DisableOutcome::Refused(Refusal::Ended));
            };
            let now = house.clock.now();
            let (act, code) = (Act::DisableTotp, passcode.as_ref());
            let settled = house.with_fresh_code(authenticated, code, &read, act, from, now);
            let (refreshed, mut account) = match settled.await? {
                Settled::Accepted(both) => both,
                Settled::Refused(refusal) => return Ok(DisableOutcome::Refused(refusal)),
                Settled::Conflict => continue,
            };
            account.authenticator = Authenticator::Absent;
            account.recovery = None;
            account.note(Activity::of_owner(now, ActivityKind::TotpDisabled, from));
            let rules = house.settings().rules().await?;
            let seal = house.sealing().await?;
            let policy = rules.rules.policy.asked_of(account.role);
            let provisioning = (policy == Policy::Required)
                .then(|| self.put_pending_key(&mut account, &seal, from));
            let commit = rules.still_in_force(seal.still_seals(read.replace(&account)));
            let commit = house.notice(commit, &account, LetterKind::TotpDisabled, now, from);
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            self.done(Act::DisableTotp, &account.key, from).await?;
            return Ok(match provisioning {
                Some(provisioning) => {
                    self.done(Act::StartEnrollment, &account.key, from).await?;
                    DisableOutcome::EnrollmentWanted(refreshed.must_enroll(), provisioning)
                }
                None => DisableOutcome::Disabled(Box::new(Granted {
                    authenticated: refreshed,
                    recovery: None,
                    account,
                    policy,
                    previous_login: None,
                    activated: false,
                })),
            });
        }
    }

    /// The account of somebody at home and the rules for it, as they are now; `None` when the login is no longer valid.
    pub async fn home(
        &self,
        authenticated: &Authenticated,
    ) -> Result<Option<(Account, LoginRules)>, ServiceError> {
        let read = self
            .valid(authenticated.account(), authenticated.generation())
            .await?;
        let rules = self.foundation.settings().rules().await?.rules;
        Ok(read.map(|read| {
            let rules = rules.asked_of(read.account.role);
            (read.account, rules)
        }))
    }

    fn put_pending_key(
        &self,
        account: &mut Account,
        seal: &Sealing,
        from: &Source,
    ) -> Provisioning {
        let house = &self.foundation;
        let now = house.clock.now();
        let secret = house.new_secret();
        let sealed = seal
            .vault
            .seal_secret(&account.key, &secret, house.random_bytes());
        account.authenticator = Authenticator::Pending {
            secret: sealed,
            since: now,
            spent: SpentSteps::default(),
        };
        account.passcode_throttle = account.passcode_throttle.carried_to_new_key();
        account.note(Activity::of_owner(
            now,
            ActivityKind::EnrollmentStarted,
            from,
        ));
        Provisioning::new(&house.issuer, &account.key.user_id, &secret)
    }

    async fn valid(&self, key: &AccountKey, generation: u64) -> Result<Option<Read>, ServiceError> {
        self.authentication.still_valid(key, generation).await
    }

    async fn commit(
        &self,
        read: &Read,
        account: &Account,
        seal: &Sealing,
    ) -> Result<bool, ServiceError> {
        let commit = seal.still_seals(read.replace(account));
        let outcome = self.foundation.store.commit(commit).await?;
        Ok(outcome == Outcome::Applied)
    }

    async fn done(
        &self,
        act: Act,
        account: &AccountKey,
        from: &Source,
    ) -> Result<(), ServiceError> {
        self.foundation
            .record(act, account, from, AuditOutcome::Done)
            .await
    }
}
