//! A second phone: its key brought to it, proved by a code of its own, and either phone taken away again.
//!
//! Recovery codes stay as they are: they stand in for the phones, whichever these are, and no phone knows them. Open logins
//! stay too, as when TOTP is switched off: each is asked for a fresh code wherever it matters.

use std::sync::Arc;

use super::{
    Foundation, ServiceError,
    decision::{Attempt, Deed, NotDone, asked},
    enrollment::ShownKey,
    entry::Granted,
};
use crate::domain::{
    Account, Activity, ActivityKind, Authenticated, Passcode, Refusal, Source,
    audit::Act,
    authenticator::{PhoneSeen, Wanted},
    identity::PhoneName,
    letter::LetterKind,
    provisioning::Provisioning,
};

/// The service that adds a phone to the one there is, and takes one of two away.
#[derive(Debug, Clone)]
pub struct SecondPhone {
    foundation: Arc<Foundation>,
}

/// What asking for the key of a second phone led to.
#[derive(Debug)]
pub enum AddOutcome {
    Refused(Refusal),
    /// It is on its way; this is the one time it can be shown. The login goes on, its code fresh.
    Started(Authenticated, Provisioning, ShownKey),
}

/// What proving the second phone, or taking one away, led to.
#[derive(Debug)]
pub enum PhonesOutcome {
    Refused(Refusal),
    Changed(Box<Granted>),
}

impl SecondPhone {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// A key for a second phone, beside the one in force; one that was on its way before is void. A login whose code is older
    /// than five minutes, or an officer's whose code was a recovery code, must bring a fresh one of the phone there is.
    pub async fn add(
        &self,
        authenticated: &Authenticated,
        name: Option<PhoneName>,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<AddOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (authenticated.account(), authenticated.generation());
        let asked = asked(Act::AddPhone, key, from);
        let added = deps.decide(
            &asked,
            || deps.login_to_seal(key, generation),
            |(basis, seal), attempt| {
                let code = passcode.as_ref();
                let (refreshed, mut account) =
                    deps.with_fresh_code(authenticated, code, &basis.read, attempt)?;
                let (new, provisioning) = deps.new_key(&account.key, &seal, attempt.now);
                let phones = account.authenticator.phones_mut();
                if !phones.is_some_and(|phones| phones.add(new, name.clone())) {
                    return Err(NotDone::denied(Refusal::PhonesChanged, "not-one-phone"));
                }
                note(&mut account, ActivityKind::EnrollmentStarted, attempt);
                let commit = seal.still_seals(basis.replace(&account));
                let shown = ShownKey::new(attempt.now);
                Ok(Deed::of(commit, (refreshed, provisioning, shown)))
            },
        );
        Ok(match added.await? {
            Ok((authenticated, provisioning, shown)) => {
                AddOutcome::Started(authenticated, provisioning, shown)
            }
            Err(refusal) => AddOutcome::Refused(refusal),
        })
    }

    /// Proves the key on its way with a code that only it makes; from then on each phone lets in. The login is no fresher by
    /// it: who holds the new key has not shown that they have the phone that was there before. Whoever was `shown` the key is
    /// told of a phone whose clock is off.
    pub async fn prove(
        &self,
        authenticated: &Authenticated,
        shown: Option<ShownKey>,
        passcode: Passcode,
        from: &Source,
    ) -> Result<PhonesOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (authenticated.account(), authenticated.generation());
        let asked = asked(Act::ProvePhone, key, from);
        let proved = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, attempt| {
                let authenticator = &basis.account().authenticator;
                if authenticator.keys(Wanted::Adding).is_empty() {
                    return Err(NotDone::denied(Refusal::PhonesChanged, "no-pending-key"));
                }
                let (_, mut account) =
                    deps.judge_new_key(Wanted::Adding, &basis.read, &passcode, shown, attempt)?;
                if let Some(phones) = account.authenticator.phones_mut() {
                    phones.prove(attempt.now);
                }
                note(&mut account, ActivityKind::PhoneAdded, attempt);
                let commit = basis.replace(&account);
                let commit = deps.notice(commit, &account, LetterKind::PhoneAdded, attempt);
                let granted = Granted::of(authenticated.clone(), account, basis.rules());
                Ok(Deed::of(commit, Box::new(granted)))
            },
        );
        Ok(match proved.await? {
            Ok(granted) => PhonesOutcome::Changed(granted),
            Err(refusal) => PhonesOutcome::Refused(refusal),
        })
    }

    /// Takes away that of two phones which was `seen`; its codes let in no more. A login whose code is older than five minutes,
    /// or an officer's whose code was a recovery code, must bring a fresh one, of either phone: the one to go may be lost.
    pub async fn remove(
        &self,
        authenticated: &Authenticated,
        seen: &PhoneSeen,
        passcode: Option<Passcode>,
        from: &Source,
    ) -> Result<PhonesOutcome, ServiceError> {
        let deps = &self.foundation;
        let (key, generation) = (authenticated.account(), authenticated.generation());
        let asked =
            asked(Act::RemovePhone, key, from).saying(format!("phone {}", seen.ordinal.number()));
        let removed = deps.decide(
            &asked,
            || deps.login(key, generation),
            |basis, attempt| {
                let code = passcode.as_ref();
                let (refreshed, mut account) =
                    deps.with_fresh_code(authenticated, code, &basis.read, attempt)?;
                // The last one goes by switching TOTP off, which says what that means.
                let phones = account.authenticator.phones_mut();
                if !phones.is_some_and(|phones| phones.remove(seen)) {
                    return Err(NotDone::denied(Refusal::PhonesChanged, "not-two-phones"));
                }
                note(&mut account, ActivityKind::PhoneRemoved, attempt);
                let commit = basis.replace(&account);
                let commit = deps.notice(commit, &account, LetterKind::PhoneRemoved, attempt);
                let granted = Granted::of(refreshed, account, basis.rules());
                Ok(Deed::of(commit, Box::new(granted)))
            },
        );
        Ok(match removed.await? {
            Ok(granted) => PhonesOutcome::Changed(granted),
            Err(refusal) => PhonesOutcome::Refused(refusal),
        })
    }
}

fn note(account: &mut Account, kind: ActivityKind, attempt: Attempt<'_>) {
    account.note(Activity::of_owner(attempt.now, kind, attempt.from));
}
