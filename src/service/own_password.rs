//! A password of one's own: changed at home, or made in the place of an officer's one-time password.
//!
//! Either way one commit makes the password, ends every other login of the account (and every ticket for a reset, which
//! carries the generation of its account), and puts the owner's letter into the outbox.

use std::sync::Arc;

use super::{
    Foundation, ServiceError,
    authentication::Authentication,
    basis::Basis,
    decision::{Attempt, Deed, NotDone, asked},
    entry::{Granted, let_in},
};
use crate::{
    domain::{
        Account, Activity, ActivityKind, Authenticated, AwaitingPassword, Passcode, PasswordHash,
        PlainPassword, Policy, Refusal, Source,
        audit::{Act, AuditEvent},
        letter::LetterKind,
        password::{PasswordProof, PasswordRuleError},
    },
    store::Commit,
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
        let deps = &self.foundation;
        let (key, generation) = (authenticated.account(), authenticated.generation());
        let turn = self.authentication.turn(from, Some(key));
        let _turn = turn.lock().await;
        let asked = asked(Act::ChangePassword, key, from);
        let looked = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, _| {
                if passcode.is_none() && self.wants_fresh(authenticated, &basis) {
                    let wanted = Refusal::FreshPasscodeWanted;
                    return Err(NotDone::denied(wanted, "stale-passcode"));
                }
                fit(&new, basis.account())?;
                match new.is(&current) {
                    true => Err(unfit(PasswordRuleError::Unchanged)),
                    false => Ok(Deed::look(basis)),
                }
            },
        );
        let basis = match looked.await? {
            Ok(basis) => basis,
            Err(refusal) => return Ok(ChangeOutcome::Refused(refusal)),
        };
        let proof = match self.check_current(&asked, &current, &basis).await? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(ChangeOutcome::Refused(refusal)),
        };
        let hash = self.hash(new).await?;
        let changed = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, attempt| {
                let (proved, mut account) = match self.wants_fresh(authenticated, &basis) {
                    false => (authenticated.clone(), basis.account().clone()),
                    true => {
                        let code = passcode.as_ref();
                        deps.with_fresh_code(authenticated, code, &basis.read, attempt)?
                    }
                };
                let authenticated = proved.with_new_password(&mut account, &proof, hash.clone());
                let authenticated = authenticated.ok_or_else(NotDone::changed_meanwhile)?;
                note_changed(&mut account, attempt);
                let commit = self.told(basis.replace(&account), &account, attempt);
                let generation = account.generation;
                let granted = Granted::of(authenticated, account, basis.rules());
                Ok(Deed::of(commit, Box::new(granted)).ending_other_logins(key, generation))
            },
        );
        Ok(match changed.await? {
            Ok(granted) => ChangeOutcome::Changed(granted),
            Err(refusal) => ChangeOutcome::Refused(refusal),
        })
    }

    /// Puts the owner's own password in the place of the one-time password that was just proved; with that the login is
    /// granted.
    pub async fn replace(
        &self,
        awaiting: &AwaitingPassword,
        new: PlainPassword,
        from: &Source,
    ) -> Result<ChangeOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (awaiting.account(), awaiting.generation());
        let asked = asked(Act::ChangePassword, key, from);
        let looked = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, _| {
                fit(&new, basis.account())?;
                Ok(Deed::look(basis.read.account.password))
            },
        );
        let stored = match looked.await? {
            Ok(stored) => stored,
            Err(refusal) => return Ok(ChangeOutcome::Refused(refusal)),
        };
        let is_same = deps.hashing.verify(new.clone(), stored, from);
        if is_same.await?.is_some() {
            deps.deny(&asked, UNFIT).await?;
            let same = Refusal::NewPassword(PasswordRuleError::Unchanged);
            return Ok(ChangeOutcome::Refused(same));
        }
        let hash = self.hash(new).await?;
        let replaced = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, attempt| {
                let mut account = basis.account().clone();
                let one_time = account.one_time_password;
                if !one_time.is_some_and(|one| one.is_good(attempt.now)) {
                    let over = "expired-one-time-password";
                    return Err(NotDone::denied(Refusal::Ended, over));
                }
                let granted = awaiting.clone();
                let authenticated =
                    granted.with_new_password(&mut account, basis.policy(), hash.clone());
                let authenticated = authenticated.ok_or_else(NotDone::changed_meanwhile)?;
                note_changed(&mut account, attempt);
                let granted = let_in(authenticated, &mut account, basis.rules(), attempt);
                let commit = self.told(basis.replace(&account), &account, attempt);
                Ok(Deed::of(commit, granted)
                    .recorded_as([attempt.act, Act::Login])
                    .ending_other_logins(key, account.generation))
            },
        );
        Ok(match replaced.await? {
            Ok(granted) => ChangeOutcome::Changed(granted),
            Err(refusal) => ChangeOutcome::Refused(refusal),
        })
    }

    /// Judges the present password as at a login: the same gate, the same count.
    async fn check_current(
        &self,
        asked: &AuditEvent,
        current: &PlainPassword,
        basis: &Basis,
    ) -> Result<Result<PasswordProof, Refusal>, ServiceError> {
        let deps = &self.foundation;
        let throttles = deps.throttles();
        let counted = throttles.of(&asked.from, deps.clock.now()).await?;
        let (key, read) = (&basis.account().key, Some(&basis.read));
        let judged = self
            .authentication
            .judge_password(asked, key, read, &counted, current);
        Ok(judged.await?.map_err(|refusal| match refusal {
            Refusal::Rejected { wait } | Refusal::Crowded { wait } => {
                Refusal::CurrentRejected { wait }
            }
            Refusal::Wait(wait) => Refusal::CurrentWait(wait),
            other => other,
        }))
    }

    /// Whether a code is wanted that is younger than the login's: the policy asks this account for codes, and it has a
    /// phone that makes them.
    fn wants_fresh(&self, proved: &Authenticated, basis: &Basis) -> bool {
        basis.policy() != Policy::Disabled
            && basis.account().authenticator.is_active()
            && !proved.passcode_is_fresh(self.foundation.clock.monotonic())
    }

    /// `commit` with the letter that tells the owner of a changed password.
    fn told(&self, commit: Commit, account: &Account, attempt: Attempt<'_>) -> Commit {
        let kind = LetterKind::PasswordChanged;
        self.foundation.notice(commit, account, kind, attempt)
    }

    async fn hash(&self, new: PlainPassword) -> Result<PasswordHash, ServiceError> {
        let deps = &self.foundation;
        let salt = deps.random_bytes();
        Ok(deps.hashing.hash(new, salt, deps.hash_cost).await?)
    }
}

/// The audit log's word for a new password that keeps no rule. Which, it is not told: that would say something of the
/// password.
const UNFIT: &str = "unfit-password";

fn unfit(why: PasswordRuleError) -> NotDone {
    NotDone::denied(Refusal::NewPassword(why), UNFIT)
}

/// Whether `new` may become the password of `account`.
fn fit(new: &PlainPassword, account: &Account) -> Result<(), NotDone> {
    let context = [
        account.key.user_id.as_str(),
        account.name.as_str(),
        account.email.as_str(),
    ];
    new.may_be_set(&context).map_err(unfit)
}

fn note_changed(account: &mut Account, attempt: Attempt<'_>) {
    let Attempt { from, now, .. } = attempt;
    account.note(Activity::of_owner(now, ActivityKind::PasswordChanged, from));
}
