//! A password of one's own: changed at home, or made in the place of an officer's one-time password.
//!
//! Either way one commit makes the password, ends every other login of the account (and every ticket for a reset, which
//! carries the generation of its account), and puts the owner's letter into the outbox.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Foundation, ServiceError,
    authentication::{Authentication, Granted},
    passcode_check::Settled,
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticated, AwaitingPassword, Passcode,
        PasswordHash, PlainPassword, Policy, Refusal, Source,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::LetterKind,
        password::{PasswordProof, PasswordRuleError},
        recovery::RecoveryState,
    },
    store::{Commit, Outcome, accounts::Read},
};

/// The service by which people change their own password.
#[derive(Debug, Clone)]
pub struct OwnPassword {
    foundation: Arc<Foundation>,
    authentication: Authentication,
}

/// What changing the password led to.
#[derive(Debug)]
pub enum ChangeOutcome {
    Refused(Refusal),
    /// It is changed, and this login goes on.
    Changed(Box<Granted>),
}

impl OwnPassword {
    pub fn new(foundation: Arc<Foundation>, authentication: Authentication) -> Self {
        Self {
            foundation,
            authentication,
        }
    }

    /// Changes the password of somebody at home, who types the present one again: an open home is not enough. Wrong
    /// ones count, and wait, as at the login. A login whose code is older than five minutes must bring a fresh one.
    pub async fn change(
        &self,
        authenticated: &Authenticated,
        current: PlainPassword,
        new: PlainPassword,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<ChangeOutcome, ServiceError> {
        let house = &self.foundation;
        let key = authenticated.account();
        let generation = authenticated.generation();
        let turn = self.authentication.turn(from, Some(key));
        let _turn = turn.lock().await;
        let Some(read) = self.authentication.still_valid(key, generation).await? else {
            self.foundation
                .refused(Act::ChangePassword, key, from, "ended-login")
                .await?;
            return Ok(ChangeOutcome::Refused(Refusal::Ended));
        };
        let rules = house.settings().rules().await?.rules;
        let policy = rules.policy.asked_of(read.account.role);
        if passcode.is_none() && self.wants_fresh(authenticated, &read.account, policy) {
            house
                .refused(Act::ChangePassword, key, from, "stale-passcode")
                .await?;
            return Ok(ChangeOutcome::Refused(Refusal::FreshPasscodeWanted));
        }
        if let Some(why) = unfit(&new, &read.account) {
            return self.new_refused(why, key, from).await;
        }
        if new.is(&current) {
            return self
                .new_refused(PasswordRuleError::Unchanged, key, from)
                .await;
        }
        let proof = match self.check_current(current, &read, from).await? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(ChangeOutcome::Refused(refusal)),
        };
        let hash = self.hash(new).await?;
        loop {
            let Some(read) = self.authentication.still_valid(key, generation).await? else {
                self.foundation
                    .refused(Act::ChangePassword, key, from, "ended-login")
                    .await?;
                return Ok(ChangeOutcome::Refused(Refusal::Ended));
            };
            let rules = house.settings().rules().await?;
            let policy = rules.rules.policy.asked_of(read.account.role);
            let now = house.clock.now();
            let (mut proved, mut account) = (authenticated.clone(), read.account.clone());
            if self.wants_fresh(authenticated, &account, policy) {
                let (act, code) = (Act::ChangePassword, passcode.as_ref());
                let settled = house.with_fresh_code(authenticated, code, &read, act, from, now);
                (proved, account) = match settled.await? {
                    Settled::Accepted(both) => both,
                    Settled::Refused(refusal) => return Ok(ChangeOutcome::Refused(refusal)),
                    Settled::Conflict => continue,
                };
            }
            let Some(authenticated) = proved.with_new_password(&mut account, &proof, hash.clone())
            else {
                house
                    .refused(Act::ChangePassword, key, from, "changed-meanwhile")
                    .await?;
                return Ok(ChangeOutcome::Refused(Refusal::Ended));
            };
            account.note(Activity::of_owner(now, ActivityKind::PasswordChanged, from));
            let commit = self.told(
                rules.still_in_force(read.replace(&account)),
                &account,
                now,
                from,
            );
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            house.ended_logins.tell_others(key, account.generation);
            self.done(&[Act::ChangePassword], key, from).await?;
            return Ok(ChangeOutcome::Changed(Box::new(Granted {
                authenticated,
                recovery: RecoveryState::of(&account, rules.rules),
                account,
                policy,
                previous_login: None,
                activated: false,
            })));
        }
    }

    /// Puts the owner's own password in the place of the one-time password that was just proved; with that the login is
    /// granted.
    pub async fn replace(
        &self,
        awaiting: &AwaitingPassword,
        new: PlainPassword,
        from: &Source,
    ) -> Result<ChangeOutcome, ServiceError> {
        let house = &self.foundation;
        let key = awaiting.account();
        let generation = awaiting.generation();
        let Some(read) = self.authentication.still_valid(key, generation).await? else {
            self.foundation
                .refused(Act::ChangePassword, key, from, "ended-login")
                .await?;
            return Ok(ChangeOutcome::Refused(Refusal::Ended));
        };
        if let Some(why) = unfit(&new, &read.account) {
            return self.new_refused(why, key, from).await;
        }
        let stored = read.account.password;
        if house
            .hashing
            .verify(new.clone(), stored, from)
            .await?
            .is_some()
        {
            return self
                .new_refused(PasswordRuleError::Unchanged, key, from)
                .await;
        }
        let hash = self.hash(new).await?;
        loop {
            let Some(read) = self.authentication.still_valid(key, generation).await? else {
                self.foundation
                    .refused(Act::ChangePassword, key, from, "ended-login")
                    .await?;
                return Ok(ChangeOutcome::Refused(Refusal::Ended));
            };
            let rules = house.settings().rules().await?;
            let policy = rules.rules.policy.asked_of(read.account.role);
            let mut account = read.account.clone();
            let now = house.clock.now();
            if !account.one_time_password.is_some_and(|p| p.is_good(now)) {
                self.foundation
                    .refused(Act::ChangePassword, key, from, "expired-one-time-password")
                    .await?;
                return Ok(ChangeOutcome::Refused(Refusal::Ended));
            }
            let granted = awaiting.clone();
            let Some(authenticated) = granted.with_new_password(&mut account, policy, hash.clone())
            else {
                self.foundation
                    .refused(Act::ChangePassword, key, from, "changed-meanwhile")
                    .await?;
                return Ok(ChangeOutcome::Refused(Refusal::Ended));
            };
            account.note(Activity::of_owner(now, ActivityKind::PasswordChanged, from));
            let previous_login = self.authentication.mark_login(&mut account, from);
            let commit = self.told(
                rules.still_in_force(read.replace(&account)),
                &account,
                now,
                from,
            );
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            house.ended_logins.tell_others(key, account.generation);
            self.done(&[Act::ChangePassword, Act::Login], key, from)
                .await?;
            return Ok(ChangeOutcome::Changed(Box::new(Granted {
                authenticated,
                recovery: RecoveryState::of(&account, rules.rules),
                account,
                policy,
                previous_login,
                activated: false,
            })));
        }
    }

    /// Refuses a new password, which may not be one.
    async fn new_refused(
        &self,
        why: PasswordRuleError,
        key: &AccountKey,
        from: &Source,
    ) -> Result<ChangeOutcome, ServiceError> {
        self.foundation
            .refused(Act::ChangePassword, key, from, "unfit-password")
            .await?;
        Ok(ChangeOutcome::Refused(Refusal::NewPassword(why)))
    }

    /// Judges the present password as at a login: the same gate, the same count.
    async fn check_current(
        &self,
        current: PlainPassword,
        read: &Read,
        from: &Source,
    ) -> Result<Result<PasswordProof, Refusal>, ServiceError> {
        let house = &self.foundation;
        let (key, act) = (&read.account.key, Act::ChangePassword);
        let counted = house.throttles().of(from, house.clock.now()).await?;
        let judged = self
            .authentication
            .judge_password(key, Some(read), &counted, &current, from, act)
            .await?;
        Ok(judged.map_err(|refusal| match refusal {
            Refusal::Rejected { wait } | Refusal::Crowded { wait } => {
                Refusal::CurrentRejected { wait }
            }
            Refusal::Wait(wait) => Refusal::CurrentWait(wait),
            other => other,
        }))
    }

    /// Whether a code is wanted that is younger than the login's: the policy asks this account for codes, and it has a
    /// phone that makes them.
    fn wants_fresh(&self, proved: &Authenticated, account: &Account, policy: Policy) -> bool {
        policy != Policy::Disabled
            && account.authenticator.is_active()
            && !proved.passcode_is_fresh(self.foundation.clock.monotonic())
    }

    /// `commit` with the letter that tells the owner of a changed password.
    fn told(&self, commit: Commit, account: &Account, now: Timestamp, from: &Source) -> Commit {
        let kind = LetterKind::PasswordChanged;
        self.foundation.notice(commit, account, kind, now, from)
    }

    async fn hash(&self, new: PlainPassword) -> Result<PasswordHash, ServiceError> {
        let house = &self.foundation;
        let salt = house.random_bytes();
        Ok(house.hashing.hash(new, salt, house.hash_cost).await?)
    }

    async fn done(
        &self,
        acts: &[Act],
        key: &AccountKey,
        from: &Source,
    ) -> Result<(), ServiceError> {
        let done = |act: &Act| AuditEvent::new(*act, AuditOutcome::Done, from).on(key);
        let events = acts.iter().map(done).collect();
        Ok(self.foundation.audit.record(events).await?)
    }
}

/// Why `new` may not become the password of `account`, if it may not.
fn unfit(new: &PlainPassword, account: &Account) -> Option<PasswordRuleError> {
    let context = [
        account.key.user_id.as_str(),
        account.name.as_str(),
        account.email.as_str(),
    ];
    new.may_be_set(&context).err()
}
