//! The officer's desk: help others, set the policy, look at what happened.
//!
//! Whoever calls brings the proof of a login; that it is an officer's, still valid, and of a code not older than five
//! minutes where something is done, is judged here, on the account as it is at that moment, whatever the door.

mod order;
mod overview;

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::{
    Foundation, ServiceError,
    account_act::Undone,
    decision::{Deed, NotDone},
    outbox::{self, Outbox},
};
use crate::{
    domain::{
        Account, AccountKey, Authenticated, EmailAddress, IssuedPassword, Refusal, Source,
        audit::{Act, AuditEvent, AuditOutcome, AuditRecord},
        find::Query,
        officer::{Bookmark, Card, Declined, Found, FoundPage},
        policy::LoginRules,
        recorded::ClockFault,
        throttle::Gate,
    },
    store::nodes::Node,
};

/// The service of the desk.
#[derive(Debug, Clone)]
pub struct Officer {
    foundation: Arc<Foundation>,
}

/// An answer to a question at the desk.
#[derive(Debug)]
pub enum Answered<T> {
    /// Whoever asked is no officer, or no longer logged in.
    Ended,
    Declined(Declined),
    Here(T),
}

/// What came of an order.
#[derive(Debug)]
pub enum CarriedOut {
    /// The officer's login or code does not allow it now; nothing was done.
    Refused(Refusal),
    /// It cannot be done to this account; nothing was done. The login may have a fresher code now.
    Declined(Declined, Authenticated),
    Done(Done, Authenticated),
}

/// What an order has changed or found.
#[derive(Debug)]
pub enum Done {
    /// The account as it is now, and the one-time password if one was issued.
    Account(Box<Card>, Option<IssuedPassword>),
    Rules(LoginRules),
}

impl Officer {
    /// The most accounts on one page of a search.
    pub const FOUND_AT_ONCE: usize = 100;

    /// Letters and audit records that one look shows.
    const SHOWN: usize = 100;

    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// What is wrong with the machine's clock, as far as anybody can tell. It stops no login (security.md section 4).
    pub async fn clock_fault(&self) -> Option<ClockFault> {
        let deps = &self.foundation;
        let latest = match &deps.audit_trail {
            Some(trail) => trail.latest().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the clock is not compared with the audit log");
                None
            }),
            None => None,
        };
        let clock = &deps.clock;
        if let Some(fault) = ClockFault::of(clock.now(), clock.built(), latest) {
            return Some(fault);
        }
        let nodes = deps.store.nodes().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the clock is not compared with those of the other machines");
            Vec::new()
        });
        let apart = nodes.iter().filter_map(Node::clock_apart);
        if let Some(most) = apart.max_by_key(|ahead| ahead.abs()) {
            return Some(ClockFault::Apart(most));
        }
        let clock = clock.clone();
        let said = spawn_blocking(move || clock.is_synchronised()).await;
        matches!(said, Ok(Some(false))).then_some(ClockFault::Unsynchronised)
    }

    /// Up to `limit` accounts for what was typed: beginnings of an ID, a name or an e-mail address, which all have to
    /// match (see [`crate::domain::find`]). A page costs a bounded amount of work; one that holds less than `limit`, or
    /// nothing, is the last only when it has no bookmark. A refused search is recorded; of an officer's own, who looks on
    /// with every letter, the cards that are opened are.
    pub async fn find(
        &self,
        who: &Authenticated,
        typed: &str,
        after: Option<&Bookmark>,
        limit: usize,
        from: &Source,
    ) -> Result<Answered<FoundPage>, ServiceError> {
        let deps = &self.foundation;
        if !self.is_officer(who, Act::FindAccounts, from).await? {
            return Ok(Answered::Ended);
        }
        let Some(query) = Query::parse(typed) else {
            return Ok(Answered::Here(FoundPage {
                accounts: Vec::new(),
                next: None,
                has_altered: false,
            }));
        };
        let limit = limit.clamp(1, Self::FOUND_AT_ONCE);
        let page = deps.index().page(&query, after, limit).await?;
        let now = deps.clock.now();
        let found = |account: Account| Found {
            totp: account.authenticator.state(),
            suspended: account.suspended.is_some(),
            held: account.passcode_throttle.gate(now) == Gate::Held,
            role: account.role,
            key: account.key,
            name: account.name,
        };
        Ok(Answered::Here(FoundPage {
            accounts: page.accounts.into_iter().map(found).collect(),
            next: page.next,
            has_altered: page.altered > 0,
        }))
    }

    /// The rules of login that are in force. A refused look at them is recorded; of an officer's own, the rules that are
    /// set are.
    pub async fn rules(
        &self,
        who: &Authenticated,
        from: &Source,
    ) -> Result<Answered<LoginRules>, ServiceError> {
        if !self.is_officer(who, Act::ShowPolicy, from).await? {
            return Ok(Answered::Ended);
        }
        let settings = self.foundation.settings();
        Ok(Answered::Here(settings.rules().await?.rules))
    }

    /// The letters that wait, from the first. A look does nobody harm, so it wants no reason and no fresh code, as a card
    /// does not; it is recorded, before anything is shown.
    pub async fn outbox(
        &self,
        who: &Authenticated,
        from: &Source,
    ) -> Result<Answered<outbox::Page>, ServiceError> {
        let page = async {
            let outbox = Outbox::new(self.foundation.clone());
            outbox.page(None, Self::SHOWN).await
        };
        self.read(who, Act::ReadOutbox, from, page).await
    }

    /// The audit log of this machine, from the newest record. A look at it is recorded in the same way.
    pub async fn audit_log(
        &self,
        who: &Authenticated,
        from: &Source,
    ) -> Result<Answered<Vec<AuditRecord>>, ServiceError> {
        let records = self.records(None);
        self.read(who, Act::ReadAudit, from, records).await
    }

    /// Records of the same log from before number `before`, for whoever goes on looking at it, which is recorded already.
    pub async fn older_records(
        &self,
        who: &Authenticated,
        before: u64,
        from: &Source,
    ) -> Result<Answered<Vec<AuditRecord>>, ServiceError> {
        if !self.is_officer(who, Act::ReadAudit, from).await? {
            return Ok(Answered::Ended);
        }
        Ok(Answered::Here(self.records(Some(before)).await?))
    }

    async fn records(&self, before: Option<u64>) -> Result<Vec<AuditRecord>, ServiceError> {
        let Some(trail) = &self.foundation.audit_trail else {
            let here = "the audit log is read where the store is held".to_owned();
            return Err(ServiceError::Unavailable(here));
        };
        Ok(trail.newest(before, Self::SHOWN).await?)
    }

    /// What `work` reads, for an officer; that they ask for it is recorded before it begins.
    async fn read<T>(
        &self,
        who: &Authenticated,
        act: Act,
        from: &Source,
        work: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<Answered<T>, ServiceError> {
        if !self.is_officer(who, act, from).await? {
            return Ok(Answered::Ended);
        }
        let asked = AuditEvent::new(act, AuditOutcome::Intended, from).by(who.account());
        let read = self.foundation.announce(&asked, work).await?;
        Ok(Answered::Here(read))
    }

    /// The card of one account. That it was looked at is recorded.
    pub async fn card(
        &self,
        who: &Authenticated,
        account: &AccountKey,
        from: &Source,
    ) -> Result<Answered<Card>, ServiceError> {
        let looked = self.look(who, account, Act::ShowAccount, from).await?;
        Ok(looked.map(|account| self.card_of(&account, who)))
    }

    /// The e-mail address behind the mask. That it was looked at is recorded first.
    pub async fn reveal_email(
        &self,
        who: &Authenticated,
        account: &AccountKey,
        from: &Source,
    ) -> Result<Answered<EmailAddress>, ServiceError> {
        let looked = self.look(who, account, Act::RevealEmail, from).await?;
        Ok(looked.map(|account| account.email))
    }

    /// The account for an officer who looks at it, once that is recorded.
    async fn look(
        &self,
        who: &Authenticated,
        account: &AccountKey,
        act: Act,
        from: &Source,
    ) -> Result<Answered<Account>, ServiceError> {
        let deps = &self.foundation;
        let asked = AuditEvent::new(act, AuditOutcome::Intended, from);
        let asked = asked.on(account).by(who.account());
        let read = async || {
            deps.officer(who).await?;
            let read = deps.accounts().read(account).await?;
            read.ok_or_else(|| NotDone::declined(Declined::Gone))
        };
        let looked = deps.decide(&asked, read, |read, _| Ok(Deed::nothing(read.account)));
        Ok(match looked.await? {
            Ok(account) => Answered::Here(account),
            Err(Undone::Declined(declined)) => Answered::Declined(declined),
            Err(Undone::Refused(_)) => Answered::Ended,
        })
    }

    /// Whether `who` is an officer now; that one who is not has asked to do `act` is recorded.
    async fn is_officer(
        &self,
        who: &Authenticated,
        act: Act,
        from: &Source,
    ) -> Result<bool, ServiceError> {
        let asked = AuditEvent::new(act, AuditOutcome::Intended, from).by(who.account());
        let deps = &self.foundation;
        let looked = deps.decide(&asked, || deps.officer(who), |_, _| Ok(Deed::look(())));
        Ok(looked.await?.is_ok())
    }

    fn card_of(&self, account: &Account, who: &Authenticated) -> Card {
        let now = self.foundation.clock.now();
        Card {
            key: account.key.clone(),
            name: account.name.clone(),
            role: account.role,
            masked_email: account.email.masked(),
            totp: account.authenticator.state(),
            phone_clock: account.authenticator.phone_clock(),
            phones: account.authenticator.phones_seen(),
            gate: account.passcode_throttle.gate(now),
            passcode_failures: account.passcode_throttle.failures,
            suspended: account.suspended,
            one_time_password_until: account.one_time_password.map(|it| it.good_until),
            recovery_codes_left: account.recovery.as_ref().map(|codes| codes.left),
            created: account.created,
            last_login: account.last_login.clone(),
            activity: account.activity.clone(),
            is_own: account.key == *who.account(),
        }
    }
}

impl<T> Answered<T> {
    fn map<U>(self, with: impl FnOnce(T) -> U) -> Answered<U> {
        match self {
            Self::Ended => Answered::Ended,
            Self::Declined(declined) => Answered::Declined(declined),
            Self::Here(here) => Answered::Here(with(here)),
        }
    }
}
