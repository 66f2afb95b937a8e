//! Logging in: the password, and the code where policy and account ask for one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use jiff::Timestamp;

use super::{Foundation, ServiceError, passcode_check::Settled};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticated, Authenticator,
        AwaitingEnrollment, AwaitingPasscode, AwaitingPassword, Ceremony, Identified, Passcode,
        PasswordHash, PersonName, PlainPassword, Policy, Proved, Refusal, Source,
        account::{LastLogin, OneTimePassword},
        admission::Admission,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::LetterKind,
        password::PasswordProof,
        recovery::RecoveryState,
        throttle::Gate,
    },
    store::{Outcome, accounts::Read, throttles::Counted},
};

/// The service that lets people in.
#[derive(Debug, Clone)]
pub struct Authentication {
    foundation: Arc<Foundation>,
    /// Attempts under way by (source, account): guesses sent in parallel are judged one after the other, so that each
    /// meets the count of those before it.
    /// Without an account: the source's record, which one attempt at a time decides by.
    under_way: Arc<Mutex<HashMap<Judged, Turn>>>,
}

/// What one attempt at a time is judged of.
type Judged = (String, Option<AccountKey>);

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
    /// Argon2id hash, one durable count (security.md section 1). A right one is remembered by nobody until the whole
    /// login is granted.
    pub async fn check_password(
        &self,
        claimed: Identified,
        password: PlainPassword,
        from: &Source,
    ) -> Result<PasswordOutcome, ServiceError> {
        let turn = self.turn(from, Some(&claimed.account));
        let _turn = turn.lock().await;
        let house = &self.foundation;
        house.hashing.expect_room(from)?;
        let key = claimed.account.clone();
        let act = Act::CheckPassword;
        // What does not need an answer to be asked for is asked for at once: the store may be a network away.
        let (throttles, accounts) = (house.throttles(), house.accounts());
        let settings = house.settings();
        let (counted, read, rules) = tokio::join!(
            throttles.of(from, house.clock.now()),
            accounts.read(&key),
            settings.rules()
        );
        let (counted, read, mut rules) = (counted?, read?, rules?);
        let judged = self.judge_password(&key, read.as_ref(), &counted, &password, from, act);
        let proof = match judged.await? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(PasswordOutcome::Refused(refusal)),
        };
        let ended = async || {
            house.refused(act, &key, from, "changed-meanwhile").await?;
            Ok(PasswordOutcome::Refused(Refusal::Ended))
        };
        let Some(mut read) = read else {
            return ended().await;
        };
        if read.account.suspended.is_none() {
            read = self.strengthen(read, password.clone()).await?;
        }
        let mut proof = Some(proof);
        loop {
            // Told only to somebody who knows the password.
            if read.account.suspended.is_some() {
                house.refused(act, &key, from, "suspended").await?;
                return Ok(PasswordOutcome::Refused(Refusal::Suspended));
            }
            let stored = &read.account.password;
            if !proof.as_ref().is_some_and(|proof| proof.is_for(stored)) {
                // Another login of the same moment has hashed it again.
                let again = house.hashing.verify(password.clone(), stored.clone(), from);
                proof = again.await?;
            }
            let verified = proof
                .as_ref()
                .and_then(|proof| claimed.clone().with_password(&read.account, proof));
            let Some(verified) = verified else {
                return ended().await;
            };
            let policy = rules.rules.policy.asked_of(read.account.role);
            let right = || house.record(act, &key, from, AuditOutcome::Done);
            let authenticated = match verified.next(policy, &read.account.authenticator) {
                Ceremony::Passcode(awaiting) => {
                    right().await?;
                    return Ok(PasswordOutcome::PasscodeWanted {
                        pending: read.account.authenticator.is_pending(),
                        recovery: RecoveryState::of(&read.account, rules.rules)
                            .is_some_and(|state| state.left > 0),
                        awaiting,
                    });
                }
                Ceremony::Enrollment(awaiting) => {
                    right().await?;
                    return Ok(PasswordOutcome::EnrollmentWanted(awaiting));
                }
                // Nothing is granted yet, so nothing is committed: that comes with the owner's own password.
                Ceremony::Proved(Proved::PasswordDue(awaiting)) => {
                    right().await?;
                    return Ok(PasswordOutcome::PasswordDue(PasswordDue {
                        awaiting,
                        name: read.account.name.clone(),
                    }));
                }
                Ceremony::Proved(Proved::LoggedIn(authenticated)) => authenticated,
            };
            let mut account = read.account.clone();
            let previous_login = self.mark_login(&mut account, from);
            let commit = rules.still_in_force(read.replace(&account));
            if house.store.commit(commit).await? == Outcome::Applied {
                let done = |act| AuditEvent::new(act, AuditOutcome::Done, from).on(&key);
                let events = [act, Act::Login].map(done).into();
                house.audit.record(events).await?;
                return Ok(PasswordOutcome::Granted(Box::new(Granted {
                    authenticated,
                    recovery: RecoveryState::of(&account, rules.rules),
                    account,
                    policy,
                    previous_login,
                    activated: false,
                })));
            }
            // The account or the policy changed between the look and the grant, by another login of the same owner or by
            // an officer: what is asked is decided anew, on what is so now.
            let generation = read.account.generation;
            let (now_read, now_rules) = tokio::join!(accounts.read(&key), settings.rules());
            rules = now_rules?;
            match now_read?.filter(|read| read.account.generation == generation) {
                Some(now_read) => read = now_read,
                None => return ended().await,
            }
        }
    }

    /// Judges a password that was typed for `key`, whose account was read with `counted`, the failures of its source, and
    /// stores what came of it: the proof, or what whoever typed it is told. `act` is refused in the audit log, with the true
    /// reason. To be called in the account's turn.
    pub(super) async fn judge_password(
        &self,
        key: &AccountKey,
        read: Option<&Read>,
        counted: &Counted,
        password: &PlainPassword,
        from: &Source,
        act: Act,
    ) -> Result<Result<PasswordProof, Refusal>, ServiceError> {
        let house = &self.foundation;
        let now = house.clock.now();
        let read = self.corrected(read, now).await?;
        let read = read.as_ref();
        // Nobody has ended a wait of an account that there is not.
        let unlocks = read.map_or(0, |read| read.account.unlocks);
        if let Gate::Wait(wait) = counted.gate(key, unlocks, now) {
            house.refused(act, key, from, "waiting").await?;
            return Ok(Err(Refusal::Wait(wait)));
        }
        let stored = match read {
            Some(read) => read.account.password.clone(),
            None => PasswordHash::unmatchable(house.hash_cost),
        };
        let proof = house.hashing.verify(password.clone(), stored, from);
        let proof = proof.await?;
        let now = house.clock.now();
        let account = read.map(|read| &read.account);
        let one_time = account.and_then(|account| account.one_time_password);
        let is_over = proof.is_some() && one_time.is_some_and(|password| !password.is_good(now));
        let is_right = proof.is_some() && !is_over;
        // Guesses that were sent together are decided one after the other, each by what those before it have left.
        let turn = self.turn(from, None);
        let turn = turn.lock().await;
        let throttles = house.throttles();
        let judged = throttles.judge(from, key, read, is_right, now).await;
        drop(turn);
        let judged = judged?;
        match proof.filter(|_| judged.is_right) {
            Some(proof) => {
                // Not for one that is not heard: whoever guessed it would notice.
                house.hashing.welcome(from);
                Ok(Ok(proof))
            }
            None => {
                let is_heard = !matches!(judged.admission, Admission::Unheard(_));
                if let Some(read) = read.filter(|_| is_over && is_heard) {
                    self.end_one_time_password(read).await?;
                }
                let reason = match (judged.admission, account) {
                    (Admission::Unheard(why), _) => why.word(),
                    (_, None) => "unknown-account",
                    (_, Some(_)) if is_over => "expired-one-time-password",
                    (_, Some(_)) => "wrong-password",
                };
                house.refused(act, key, from, reason).await?;
                let wait = judged.counted.wait(key, unlocks, now);
                Ok(Err(match judged.counted.is_crowded(now) {
                    true => Refusal::Crowded { wait },
                    false => Refusal::Rejected { wait },
                }))
            }
        }
    }

    /// The account as `read`; what a clock ahead has recorded about its passwords is written back as of `now`.
    async fn corrected(
        &self,
        read: Option<&Read>,
        now: Timestamp,
    ) -> Result<Option<Read>, ServiceError> {
        let house = &self.foundation;
        let mut read = read.cloned();
        loop {
            let Some(before) = read else {
                return Ok(None);
            };
            let mut account = before.account.clone();
            account.correct_passwords(now);
            if account == before.account {
                return Ok(Some(before));
            }
            match house.store.commit(before.replace(&account)).await? {
                Outcome::Applied => return Ok(Some(Read::replaced(account))),
                Outcome::Conflict => read = house.accounts().read(&account.key).await?,
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
                house
                    .refused(act, awaiting.account(), from, "foreign-passcode")
                    .await?;
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
        account.logged_in(from, now);
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

    /// The turn of an attempt at the password of `account`, wherever it is asked for, or of a decision at a source.
    pub(super) fn turn(
        &self,
        from: &Source,
        account: Option<&AccountKey>,
    ) -> Arc<tokio::sync::Mutex<()>> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, turn| turn.strong_count() > 0);
        let turn = under_way
            .entry((from.throttle_key(), account.cloned()))
            .or_default();
        turn.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(tokio::sync::Mutex::new(()));
            *turn = Arc::downgrade(&fresh);
            fresh
        })
    }
}

/// Puts a pending key in force, now that a code has proved it. Says whether it was pending.
pub(super) fn activate(account: &mut Account, now: Timestamp, from: &Source) -> bool {
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
