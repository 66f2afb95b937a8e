//! Logging in: the password, and the code where policy and account ask for one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use jiff::Timestamp;

use super::{
    Foundation, ServiceError,
    basis::Basis,
    decision::{Attempt, Deed, NotDone, asked},
    entry::{Entered, Granted, PasswordDue, enter},
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticated, AwaitingEnrollment,
        AwaitingPasscode, Ceremony, Identified, Passcode, PasswordHash, PlainPassword, Refusal,
        Source, SourceKey,
        account::OneTimePassword,
        admission::Admission,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::LetterKind,
        password::PasswordProof,
        recovery::RecoveryState,
        throttle::Gate,
        totp::{AcceptedStep, PasscodePair},
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
type Judged = (SourceKey, Option<AccountKey>);

/// The right to be judged next; gone when nobody holds or awaits it.
type Turn = Weak<tokio::sync::Mutex<()>>;

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
        /// Until then the owner's phone may show the code that was accepted last, which is spent.
        spent_until: Option<Timestamp>,
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

impl From<Result<Entered, Refusal>> for PasscodeOutcome {
    fn from(entered: Result<Entered, Refusal>) -> Self {
        match entered {
            Err(refusal) => Self::Refused(refusal),
            Ok(Entered::Granted(granted)) => Self::Granted(granted),
            Ok(Entered::PasswordDue(due)) => Self::PasswordDue(due),
        }
    }
}

/// A right password, and what it was checked against.
struct Right {
    password: PlainPassword,
    proof: PasswordProof,
    /// The generation of the account that it is right for.
    generation: u64,
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
        let deps = &self.foundation;
        deps.hashing.expect_room(from)?;
        let key = &claimed.account;
        let asked = asked(Act::CheckPassword, key, from);
        let throttles = deps.throttles();
        let (counted, basis) = tokio::join!(throttles.of(from, deps.clock.now()), deps.basis(key));
        let (counted, basis) = (counted?, basis?);
        let read = basis.as_ref().map(|basis| &basis.read);
        let judged = self.judge_password(&asked, key, read, &counted, &password);
        let proof = match judged.await? {
            Ok(proof) => proof,
            Err(refusal) => return Ok(PasswordOutcome::Refused(refusal)),
        };
        let Some(mut basis) = basis else {
            deps.deny(&asked, "changed-meanwhile").await?;
            return Ok(PasswordOutcome::Refused(Refusal::Ended));
        };
        if basis.account().suspended.is_none() {
            let read = self.strengthen(basis.read.clone(), password.clone());
            basis = basis.with(read.await?);
        }
        let right = Right {
            password,
            proof,
            generation: basis.account().generation,
        };
        let mut first = Some(basis);
        let checked = deps.decide(
            &asked,
            || self.right_still(first.take(), key, &right, from),
            |(basis, renewed), attempt| {
                let proof = renewed.as_ref().unwrap_or(&right.proof);
                let verified = claimed.clone().with_password(basis.account(), proof);
                let verified = verified.ok_or_else(NotDone::changed_meanwhile)?;
                let authenticator = &basis.account().authenticator;
                Ok(match verified.next(basis.policy(), authenticator) {
                    Ceremony::Passcode(awaiting) => {
                        Deed::nothing(PasswordOutcome::PasscodeWanted {
                            pending: authenticator.is_pending(),
                            recovery: RecoveryState::of(basis.account(), basis.rules())
                                .is_some_and(|state| state.left > 0),
                            spent_until: authenticator.shown_until(attempt.now),
                            awaiting,
                        })
                    }
                    Ceremony::Enrollment(awaiting) => {
                        Deed::nothing(PasswordOutcome::EnrollmentWanted(awaiting))
                    }
                    Ceremony::Proved(proved) => {
                        let mut account = basis.account().clone();
                        let entered = enter(proved, &mut account, basis.rules(), attempt);
                        match entered {
                            Entered::Granted(granted) => {
                                let granted = PasswordOutcome::Granted(granted);
                                let login = [attempt.act, Act::Login];
                                Deed::of(basis.replace(&account), granted).recorded_as(login)
                            }
                            // Nothing is granted yet, so nothing is committed: that comes with the owner's own password.
                            Entered::PasswordDue(due) => {
                                Deed::nothing(PasswordOutcome::PasswordDue(due))
                            }
                        }
                    }
                })
            },
        );
        Ok(checked.await?.unwrap_or_else(PasswordOutcome::Refused))
    }

    /// The account that a right password was given for, and the rules, as they are now, or as `first` was read; with another
    /// proof where another login of the same moment has hashed the password again.
    async fn right_still(
        &self,
        first: Option<Basis>,
        key: &AccountKey,
        right: &Right,
        from: &Source,
    ) -> Result<(Basis, Option<PasswordProof>), NotDone> {
        let deps = &self.foundation;
        let basis = match first {
            Some(first) => Some(first),
            None => deps.basis(key).await?,
        };
        let basis = basis.filter(|basis| basis.account().generation == right.generation);
        let basis = basis.ok_or_else(NotDone::changed_meanwhile)?;
        // Told only to somebody who knows the password.
        if basis.account().suspended.is_some() {
            return Err(NotDone::denied(Refusal::Suspended, "suspended"));
        }
        let stored = &basis.account().password;
        if right.proof.is_for(stored) {
            return Ok((basis, None));
        }
        let again = right.password.clone();
        let again = deps.hashing.verify(again, stored.clone(), from);
        let again = again.await.map_err(ServiceError::from)?;
        Ok((basis, Some(again.ok_or_else(NotDone::changed_meanwhile)?)))
    }

    /// Judges a password that was typed for `key`, whose account was read with `counted`, the failures of its source, and
    /// stores what came of it: the proof, or what whoever typed it is told. What was `asked` is refused in the audit log, with
    /// the true reason. To be called in the account's turn.
    pub(super) async fn judge_password(
        &self,
        asked: &AuditEvent,
        key: &AccountKey,
        read: Option<&Read>,
        counted: &Counted,
        password: &PlainPassword,
    ) -> Result<Result<PasswordProof, Refusal>, ServiceError> {
        let deps = &self.foundation;
        let from = &asked.from;
        let now = deps.clock.now();
        let read = self.corrected(read, now).await?;
        let read = read.as_ref();
        // Nobody has ended a wait of an account that there is not.
        let unlocks = read.map_or(0, |read| read.account.unlocks);
        if let Gate::Wait(wait) = counted.gate(key, unlocks, now) {
            deps.deny(asked, "waiting").await?;
            return Ok(Err(Refusal::Wait(wait)));
        }
        let stored = match read {
            Some(read) => read.account.password.clone(),
            None => PasswordHash::unmatchable(deps.hash_cost),
        };
        let proof = deps.hashing.verify(password.clone(), stored, from);
        let proof = proof.await?;
        let now = deps.clock.now();
        let account = read.map(|read| &read.account);
        let one_time = account.and_then(|account| account.one_time_password);
        let is_over = proof.is_some() && one_time.is_some_and(|password| !password.is_good(now));
        let is_right = proof.is_some() && !is_over;
        // Guesses that were sent together are decided one after the other, each by what those before it have left.
        let turn = self.turn(from, None);
        let turn = turn.lock().await;
        let throttles = deps.throttles();
        let judged = throttles.judge(from, key, read, is_right, now).await;
        drop(turn);
        let judged = judged?;
        if let Some(proof) = proof.filter(|_| judged.is_right) {
            // Not for one that is not heard: whoever guessed it would notice.
            deps.hashing.welcome(from);
            return Ok(Ok(proof));
        }
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
        deps.deny(asked, reason).await?;
        let wait = judged.counted.wait(key, unlocks, now);
        Ok(Err(match judged.counted.is_crowded(now) {
            true => Refusal::Crowded { wait },
            false => Refusal::Rejected { wait },
        }))
    }

    /// The account as `read`; what a clock ahead has recorded about its passwords is written back as of `now`.
    async fn corrected(
        &self,
        read: Option<&Read>,
        now: Timestamp,
    ) -> Result<Option<Read>, ServiceError> {
        let deps = &self.foundation;
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
            match deps.store.commit(before.replace(&account)).await? {
                Outcome::Applied => return Ok(Some(Read::replaced(account))),
                Outcome::Conflict => read = deps.accounts().read(&account.key).await?,
            }
        }
    }

    /// Checks two codes that follow each other in the place of the one of a login under way: that of a phone whose clock is
    /// off.
    pub async fn check_pair(
        &self,
        awaiting: &AwaitingPasscode,
        pair: PasscodePair,
        from: &Source,
    ) -> Result<PasscodeOutcome, ServiceError> {
        let deps = &self.foundation;
        let asked = asked(Act::CheckTwoCodes, awaiting.account(), from);
        self.check_code(awaiting, &asked, |read, attempt| {
            deps.judge_pair(read, &pair, attempt)
        })
        .await
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
        let deps = &self.foundation;
        let asked = asked(Act::CheckPasscode, awaiting.account(), from);
        self.check_code(awaiting, &asked, |read, attempt| {
            deps.judge_passcode(read, &passcode, attempt)
        })
        .await
    }

    /// What was `asked` for a login under way, whose code or codes are judged by `judge`.
    async fn check_code(
        &self,
        awaiting: &AwaitingPasscode,
        asked: &AuditEvent,
        judge: impl Fn(&Read, Attempt<'_>) -> Result<(AcceptedStep, Account), NotDone>,
    ) -> Result<PasscodeOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (awaiting.account(), awaiting.generation());
        let checked = deps.decide(
            asked,
            || deps.login(key, generation),
            |basis, attempt| {
                let (accepted, mut account) = judge(&basis.read, attempt)?;
                let (drift, codes) = (accepted.drift(), accepted.to_string());
                let proved = awaiting.clone();
                let proved = proved.with_passcode(accepted, deps.clock.monotonic());
                let proved = proved.ok_or_else(NotDone::foreign_passcode)?;
                let activated = activate(&mut account, attempt);
                account.passcode_throttle = Default::default();
                let entered = enter(proved, &mut account, basis.rules(), attempt);
                let mut commit = basis.replace(&account);
                if activated {
                    commit = deps.notice(commit, &account, LetterKind::TotpActivated, attempt);
                }
                let enrolled = activated.then_some(Act::ProveEnrollment);
                let acts = [enrolled, Some(attempt.act), entered.act()];
                let entered = entered.with_activated(activated).with_drift(drift);
                let deed = Deed::of(commit, entered).recorded_as(acts.into_iter().flatten());
                Ok(match attempt.act {
                    Act::CheckTwoCodes => deed.saying(asked.clone().saying(codes)),
                    _ => deed,
                })
            },
        );
        Ok(checked.await?.into())
    }

    /// Records that a login ended by its owner, by idleness or with the program.
    /// It has ended, whether or not the log takes it, so nobody waits for that.
    pub fn log_out(&self, authenticated: &Authenticated, from: &Source) {
        let event = AuditEvent::new(Act::Logout, AuditOutcome::Done, from);
        let event = event.on(authenticated.account());
        drop(self.foundation.audit.record(vec![event]));
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
        let deps = &self.foundation;
        if !read.account.password.is_weaker_than(deps.hash_cost) {
            return Ok(read);
        }
        let salt = deps.random_bytes();
        let hash = deps.hashing.hash(password, salt, deps.hash_cost).await?;
        let mut account = read.account.clone();
        account.password = hash;
        match deps.store.commit(read.replace(&account)).await? {
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
        let turn = under_way.entry((from.key(), account.cloned())).or_default();
        turn.upgrade().unwrap_or_else(|| {
            let fresh = Arc::new(tokio::sync::Mutex::new(()));
            *turn = Arc::downgrade(&fresh);
            fresh
        })
    }
}

/// Puts a pending key in force, now that a code has proved it. Says whether it was pending.
pub(super) fn activate(account: &mut Account, attempt: Attempt<'_>) -> bool {
    let Attempt { from, now, .. } = attempt;
    if !account.authenticator.prove(now) {
        return false;
    }
    account.note(Activity::of_owner(now, ActivityKind::TotpActivated, from));
    true
}
