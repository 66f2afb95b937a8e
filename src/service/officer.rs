//! The officer's desk: help others, set the policy, look at what happened.
//!
//! Whoever calls brings the proof of a login; that it is an officer's, still valid, and of a code not older than five
//! minutes where something is done, is judged here, on the account as it is at that moment, whatever the door.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Foundation, Refusal, ServiceError};
use crate::domain::{
    AccountKey, Authenticated, EmailAddress, Source,
    audit::AuditRecord,
    officer::{Bookmark, Card, Declined, FoundPage, Order},
    policy::LoginRules,
};

/// The service of the desk.
#[derive(Debug, Clone)]
pub struct Officer {
    #[expect(dead_code, reason = "the desk is not furnished yet")]
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
    Account(Box<Card>, Option<Zeroizing<String>>),
    Rules(LoginRules),
    Outbox(super::outbox::Page),
    Audit(Vec<AuditRecord>),
}

impl Officer {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Up to `limit` accounts for what was typed, which is a part of an ID, a name or an e-mail address.
    pub async fn find(
        &self,
        _who: &Authenticated,
        _typed: &str,
        _after: Option<&Bookmark>,
        _limit: usize,
    ) -> Result<Answered<FoundPage>, ServiceError> {
        Ok(Answered::Ended)
    }

    /// The card of one account. That it was looked at is recorded.
    pub async fn card(
        &self,
        _who: &Authenticated,
        _account: &AccountKey,
        _from: &Source,
    ) -> Result<Answered<Card>, ServiceError> {
        Ok(Answered::Ended)
    }

    /// The e-mail address behind the mask. That it was looked at is recorded first.
    pub async fn reveal_email(
        &self,
        _who: &Authenticated,
        _account: &AccountKey,
        _from: &Source,
    ) -> Result<Answered<EmailAddress>, ServiceError> {
        Ok(Answered::Ended)
    }

    /// Carries out `order`: recorded as intended before it is done, told to the account's owner in the same commit, and
    /// recorded as done before it is answered.
    pub async fn carry_out(
        &self,
        _who: &Authenticated,
        _order: Order,
        _from: &Source,
    ) -> Result<CarriedOut, ServiceError> {
        Ok(CarriedOut::Refused(Refusal::Ended))
    }
}
