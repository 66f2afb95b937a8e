//! Logging in: the password, and the code where policy and account ask for one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use super::{Foundation, Refusal, ServiceError, passcode_check::Settled};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticated, Authenticator,
        AwaitingEnrollment, AwaitingPasscode, AwaitingPassword, Ceremony, Identified, Passcode,
        PasswordHash, PersonName, PlainPassword, Policy, Proved, Source,
        account::{LastLogin, OneTimePassword},
        audit::{Act, AuditEvent, AuditOutcome},
        letter::LetterKind,
        recovery::RecoveryState,
        throttle::Gate,
    },
    store::{Outcome, accounts::Read},
};

/// The service that lets people in.
#[derive(Debug, Clone)]
pub struct Authentication {
    foundation: Arc<Foundation>,
    /// Attempts under way by (source, account): guesses sent in parallel are judged one after the other, so that each
    /// meets the count of those before it.
    under_way: Arc<Mutex<HashMap<(String, AccountKey), Turn>>>,
}

/// The right to be judged next; gone when nobody holds or awaits it.
type Turn = Weak<tokio::sync::Mutex<()>>;

/// A login that was granted, with what home shows.
#[derive(Debug)]
pub struct Granted {
    pub authenticated: Authenticated,
    pub account: Account,
    pub policy: Policy,
    /// The account's recovery codes, where they are of use to it.
    pub recovery: Option<RecoveryState>,
    /// The login before this one.
    pub previous_login: Option<LastLogin>,
    /// The code of this login also put a pending key in force.
    pub activated: bool,
}

/// Everything is proved, but the password is an officer's: it must be replaced before the login is granted.
#[derive(Debug)]
pub struct PasswordDue {
    pub awaiting: AwaitingPassword,
    /// Whose password it is: no part of a name is a good one.
    pub name: PersonName,
}

/// What a password led to.
#[derive(Debug)]
pub enum PasswordOutcome {
    Refused(Refusal),
    Granted(Box<Granted>),
    PasswordDue(PasswordDue),
    PasscodeWanted {
        awaiting: AwaitingPasscode,
        /// The key was never proved; the way back is open.
        pending: bool,
        /// A recovery code will do instead: there are some left, and the rules have them on.
        recovery: bool,
    },
    EnrollmentWanted(AwaitingEnrollment),
}

/// What a code led to.
#[derive(Debug)]
pub enum PasscodeOutcome {
    Refused(Refusal),
    Granted(Box<Granted>),
    PasswordDue(PasswordDue),
}

impl Authentication {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self {
            foundation,
            under_way: Arc::default(),
        }
    }

    /// Checks the password of a claimed account.
    ///
    /// An unknown ID, the wrong type and a wrong password take the same words, steps and work: one read, one
    /// Argon2id hash, one durable count (SECURITY section 1). A right one is remembered by nobody until the whole
    /// login is granted.
    pub async fn check_password(
        &self,
        claimed: Identified,
        password: PlainPassword,
        from: &Source,
    ) -> Result<PasswordOutcome, ServiceError> {
        let turn = self.turn(from, &claimed.account);
        let _turn = turn.lock().await;
        let house = &self.foundation;
        let key = claimed.account.clone();
        let refused = async |reason: &'static str| {
            let outcome = AuditOutcome::Refused(reason.into());
            house.record(Act::CheckPassword, &key, from, outcome).await
        };
        let now = house.clock.now();
        // What does not need an answer to be asked for is asked for at once: the store may be a network away.
        let (throttles, accounts) = (house.throttles(), house.accounts());
        let (counted, read) = tokio::join!(throttles.of(from, now), accounts.read(&key));
        let read = read?;
        // Nobody has ended a wait of an account that there is not.
        let unlocks = read.as_ref().map_or(0, |read| read.account.unlocks);
        if let Gate::Wait(wait) = counted?.gate(&key, unlocks, now) {
            refused("waiting").await?;
            return Ok(PasswordOutcome::Refused(Refusal::Wait(wait)));
        }
        let hash = match &read {
            Some(read) => read.account.password.clone(),
            None => PasswordHash::unmatchable(house.hash_cost),
        };
        let again = password.clone();
        let proof = house.hashing.verify(password, hash, from).await?;
        let verified = read
            .as_ref()
            .zip(proof)
            .and_then(|(read, proof)| claimed.with_password(&read.account, &proof));
        let now = house.clock.now();
        let is_over = |password: OneTimePassword| !password.is_good(now);
        let outdated = verified.is_some()
            && read
                .as_ref()
                .is_some_and(|read| read.account.one_time_password.is_some_and(is_over));
        let (Some(read), Some(verified), false) = (read.as_ref(), verified, outdated) else {
            let gate = throttles.count(from, &key, unlocks, now).await?;
            if let Some(read) = read.as_ref().filter(|_| outdated) {
                self.end_one_time_password(read).await?;
            }
            refused(match (&read, outdated) {
                (_, true) => "expired-one-time-password",
                (Some(_), false) => "wrong-password",
                (None, false) => "unknown-account",
            })
            .await?;
            return Ok(PasswordOutcome::Refused(Refusal::Rejected {
                wait: match gate {
                    Gate::Wait(wait) => wait,
                    Gate::Open | Gate::Held => Duration::ZERO,
                },
            }));
        };
        let settings = house.settings();
        let (forgotten, rules) = tokio::join!(throttles.forget(from, &key), settings.rules());
        forgotten?;
        // Told only to somebody who knows the password.
        if read.account.suspended.is_some() {
            refused("suspended").await?;
            return Ok(PasswordOutcome::Refused(Refusal::Suspended));
        }
        house
            .record(Act::CheckPassword, &key, from, AuditOutcome::Done)
            .await?;
        let read = self.strengthen(read.clone(), again).await?;
        let rules = rules?;
        let policy = rules.rules.policy.asked_of(read.account.role);
        match verified.next(policy, &read.account.authenticator) {
            Ceremony::Passcode(awaiting) => Ok(PasswordOutcome::PasscodeWanted {
                pending: read.account.authenticator.is_pending(),
                recovery: RecoveryState::of(&read.account, rules.rules)
                    .is_some_and(|state| state.left > 0),
                awaiting,
            }),
            Ceremony::Enrollment(awaiting) => Ok(PasswordOutcome::EnrollmentWanted(awaiting)),
            // Nothing is granted yet, so nothing is committed: that comes with the owner's own password.
            Ceremony::Proved(Proved::PasswordDue(awaiting)) => {
                Ok(PasswordOutcome::PasswordDue(PasswordDue {
                    awaiting,
                    name: read.account.name.clone(),
                }))
            }
            Ceremony::Proved(Proved::LoggedIn(authenticated)) => {
                let mut account = read.account.clone();
                let previous_login = self.mark_login(&mut account, from);
                let commit = rules.still_in_force(read.replace(&account));
                if house.store.commit(commit).await? == Outcome::Conflict {
                    // The account or the policy changed between the look and the grant. What was decided may no
                    // longer be right, and the password is gone: the person types it once more.
                    refused("changed-meanwhile").await?;
                    return Ok(PasswordOutcome::Refused(Refusal::Ended));
                }
                house
                    .record(Act::Login, &key, from, AuditOutcome::Done)
                    .await?;
                Ok(PasswordOutcome::Granted(Box::new(Granted {
                    authenticated,
                    recovery: RecoveryState::of(&account, rules.rules),
                    account,
                    policy,
                    previous_login,
                    activated: false,
                })))
            }
        }
    }

    /// Checks the code of a login under way, and grants it, unless the password must be replaced first.
    ///
    /// The spent step, the zeroed count and the login are one conditional commit, made before anybody is told: of any
    /// number of parallel submissions of one code exactly one is granted. Where the password must be replaced, the
    /// login is a part of the commit that does it.
    pub async fn check_passcode(
        &self,
        awaiting: &AwaitingPasscode,
        passcode: Passcode,
        from: &Source,
    ) -> Result<PasscodeOutcome, ServiceError> {
        let house = &self.foundation;
        loop {
            let settings = house.settings();
            let (read, rules) = tokio::join!(
                self.still_valid(awaiting.account(), awaiting.generation()),
                settings.rules()
            );
            let Some(read) = read? else {
                house
                    .refused(Act::CheckPasscode, awaiting.account(), from, "ended-login")
                    .await?;
                return Ok(PasscodeOutcome::Refused(Refusal::Ended));
            };
            let rules = rules?.rules;
            let policy = rules.policy.asked_of(read.account.role);
            let mut account = read.account.clone();
            let now = house.clock.now();
            let judged = house.judge_passcode(&mut account, &passcode, from, now)?;
            let act = Act::CheckPasscode;
            let settled = house.settle(judged, &read, &account, act, from, now);
            let accepted = match settled.await? {
                Settled::Accepted(accepted) => accepted,
                Settled::Refused(refusal) => return Ok(PasscodeOutcome::Refused(refusal)),
                Settled::Conflict => continue,
            };
            let monotonic = house.clock.monotonic();
            let Some(proved) = awaiting.clone().with_passcode(accepted, monotonic) else {
                return Ok(PasscodeOutcome::Refused(Refusal::Ended));
            };
            let activated = activate(&mut account, now, from);
            account.passcode_throttle = Default::default();
            let is_login = matches!(proved, Proved::LoggedIn(_));
            let previous_login = if is_login {
                self.mark_login(&mut account, from)
            } else {
                None
            };
            let mut commit = read.replace(&account);
            if activated {
                commit = house.notice(commit, &account, LetterKind::TotpActivated, now, from);
            }
            if house.commit(commit).await? == Outcome::Conflict {
                continue;
            }
            let enrolled = activated.then_some(Act::ProveEnrollment);
            let login = is_login.then_some(Act::Login);
            let acts = enrolled
                .into_iter()
                .chain([Act::CheckPasscode])
                .chain(login);
            let done = |act| AuditEvent::new(act, AuditOutcome::Done, from).on(&account.key);
            house.audit.record(acts.map(done).collect()).await?;
            return Ok(match proved {
                Proved::LoggedIn(authenticated) => PasscodeOutcome::Granted(Box::new(Granted {
                    authenticated,
                    recovery: RecoveryState::of(&account, rules),
                    account,
                    policy,
                    previous_login,
                    activated,
                })),
                Proved::PasswordDue(awaiting) => PasscodeOutcome::PasswordDue(PasswordDue {
                    awaiting,
                    name: account.name,
                }),
            });
        }
    }

    /// Records that a login ended by its owner, by idleness or with the program.
    /// It has ended, whether or not the log takes it, so nobody waits for that.
    pub fn log_out(&self, authenticated: &Authenticated, from: &Source) {
        let event = AuditEvent::new(Act::Logout, AuditOutcome::Done, from);
        let event = event.on(authenticated.account());
        drop(self.foundation.audit.record(vec![event]));
    }

    /// The account as it is now, if a login of that generation is still valid. To suspend an account ends its logins; that
    /// it is suspended is looked at all the same, so that no way to suspend one can forget it.
    pub(super) async fn still_valid(
        &self,
        key: &AccountKey,
        generation: u64,
    ) -> Result<Option<Read>, ServiceError> {
        let read = self.foundation.accounts().read(key).await?;
        Ok(read.filter(|read| {
            read.account.generation == generation && read.account.suspended.is_none()
        }))
    }

    /// Writes a login into `account`; returns the one before.
    pub(super) fn mark_login(&self, account: &mut Account, from: &Source) -> Option<LastLogin> {
        let now = self.foundation.clock.now();
        account.note(Activity::of_owner(now, ActivityKind::Login, from));
        account.last_login.replace(LastLogin {
            at: now,
            from: from.clone(),
        })
    }

    /// Notes that a one-time password was seen to be over, so that no clock that is set back makes it good again.
    async fn end_one_time_password(&self, read: &Read) -> Result<(), ServiceError> {
        let ended = Some(OneTimePassword::ended());
        if read.account.one_time_password == ended {
            return Ok(());
        }
        let mut account = read.account.clone();
        account.one_time_password = ended;
        // Whoever has changed the account meanwhile leaves it for the next try to note.
        self.foundation.store.commit(read.replace(&account)).await?;
        Ok(())
    }

    /// Hashes the password again when configuration has raised the cost since, now that it is at hand.
    async fn strengthen(&self, read: Read, password: PlainPassword) -> Result<Read, ServiceError> {
        let house = &self.foundation;
        if !read.account.password.is_weaker_than(house.hash_cost) {
            return Ok(read);
        }
        let salt = house.random_bytes();
        let hash = house.hashing.hash(password, salt, house.hash_cost).await?;
        let mut account = read.account.clone();
        account.password = hash;
        match house.store.commit(read.replace(&account)).await? {
            // Not read again: somebody else's later change must meet this login's own commit as a conflict.
            Outcome::Applied => Ok(Read::replaced(account)),
            // Somebody else changed the account first; the next login tries again.
            Outcome::Conflict => Ok(read),
        }
    }

    /// The turn of an attempt at the password of `account`, wherever it is asked for.
    pub(super) fn turn(&self, from: &Source, account: &AccountKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, turn| turn.strong_count() > 0);
        let turn = under_way
            .entry((from.throttle_key(), account.clone()))
            .or_default();
        turn.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(tokio::sync::Mutex::new(()));
            *turn = Arc::downgrade(&fresh);
            fresh
        })
    }
}

/// Puts a pending key in force, now that a code has proved it. Says whether it was pending.
pub(super) fn activate(account: &mut Account, now: jiff::Timestamp, from: &Source) -> bool {
    let Authenticator::Pending { secret, spent, .. } = &account.authenticator else {
        return false;
    };
    account.authenticator = Authenticator::Active {
        secret: secret.clone(),
        since: now,
        spent: spent.clone(),
    };
    account.note(Activity::of_owner(now, ActivityKind::TotpActivated, from));
    true
}
