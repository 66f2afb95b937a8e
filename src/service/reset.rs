//! Reset by letter: the request, what a link or a short code stands for, and the reset itself.
//!
//! A request is answered before anybody knows what it matched, and does the same work whatever it matched: the same
//! reads, the same secrets made and sealed, one durable commit (security.md section 2). Looking at a link changes
//! nothing. A reset is one commit: TOTP off, ticket used, every open login void, the owner's letter in the outbox.

use std::sync::Arc;

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{
    Foundation, ServiceError,
    decision::{self, Attempt, Deed, Denial, NotDone},
    foundation::Sealing,
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, Authenticator, EmailAddress, PasswordHash,
        PersonName, Refusal, Source, UserType,
        audit::{Act, AuditEvent, AuditOutcome},
        letter::{Letter, LetterKind},
        password::HashCost,
        reset::{
            ACCOUNT_LIMITS, RequestLog, ResetSecret, ShortCode, Ticket, TicketSecrets, TicketState,
            Token, Void,
        },
        security_code::Challenge,
        throttle::Gate,
    },
    store::{
        Commit, accounts, outbox,
        reset_limits::{HourRead, SourceRead},
        tickets,
    },
};

/// The service that resets TOTP by letters.
#[derive(Debug, Clone)]
pub struct Reset {
    foundation: Arc<Foundation>,
}

/// What somebody typed at the form.
#[derive(Debug)]
pub struct ResetRequest {
    pub account: AccountKey,
    pub email: EmailAddress,
    /// What was read from the picture.
    pub security_code: Zeroizing<String>,
}

/// What a request led to, as far as the person may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The one answer: if the data match, a letter is on its way.
    Answered,
    Refused(Refusal),
}

/// What a link or a short code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Valid {
        user_type: UserType,
        masked_id: String,
    },
    Refused(Refusal),
}

/// What confirming a reset led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// TOTP is off.
    Done,
    Refused(Refusal),
}

/// A ticket that may be used now, with its account.
struct Valid {
    ticket: tickets::Read,
    account: accounts::Read,
}

/// All that a request is decided by.
struct Asked {
    source: SourceRead,
    hour: HourRead,
    account: Option<accounts::Read>,
    ticket: tickets::Read,
    seal: Sealing,
}

impl Reset {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Takes a request. `challenge` is the picture that was shown, and is used up.
    pub async fn request(
        &self,
        asked: ResetRequest,
        challenge: Option<Challenge>,
        from: &Source,
    ) -> Result<RequestOutcome, ServiceError> {
        let deps = &self.foundation;
        let ResetRequest {
            account: key,
            email,
            security_code,
        } = asked;
        let asked = decision::asked(Act::RequestReset, &key, from);
        let now = deps.clock.monotonic();
        if !challenge.is_some_and(|challenge| challenge.accepts(&security_code, now)) {
            deps.deny(&asked, "security-code").await?;
            return Ok(RequestOutcome::Refused(Refusal::SecurityCode));
        }
        let decided = deps.decide(
            &asked,
            || self.read_asked(&key, from),
            |asked, attempt| self.judge_request(&key, &email, asked, attempt),
        );
        // Either way the answer is the same.
        let (Ok(()) | Err(())) = decided.await?;
        Ok(RequestOutcome::Answered)
    }

    async fn read_asked(&self, key: &AccountKey, from: &Source) -> Result<Asked, NotDone<()>> {
        let deps = &self.foundation;
        Ok(Asked {
            source: deps.reset_limits().source(from).await?,
            hour: deps.reset_limits().hour(&deps.node).await?,
            account: deps.accounts().read(key).await?,
            ticket: deps.tickets().read(key).await?,
            seal: deps.sealing().await?,
        })
    }

    fn judge_request(
        &self,
        key: &AccountKey,
        email: &EmailAddress,
        asked: Asked,
        attempt: Attempt<'_>,
    ) -> Result<Deed<()>, NotDone<()>> {
        let deps = &self.foundation;
        let now = attempt.now;
        let Asked {
            source,
            hour,
            account: read,
            ticket,
            seal,
        } = asked;
        let matched = read
            .as_ref()
            .map(|read| &read.account)
            .filter(|account| account.email.is_same_mailbox(email));
        let mut requests = ticket.requests();
        let refused = if !source.allows_request(now) {
            Some("limit-of-source")
        } else if read.is_none() {
            Some("unknown-account")
        } else if matched.is_none() {
            Some("wrong-email")
        } else if matched.is_some_and(|account| account.role.is_officer()) {
            // Whoever reads an officer's mail must not become the officer: another officer resets it, or the command
            // line does.
            Some("officer")
        } else if matched.is_some_and(|account| account.suspended.is_some()) {
            // Often it is suspended because a stranger has the password, and perhaps the mailbox: the second factor must
            // still be there when it is reinstated.
            Some("suspended")
        } else if !requests.allows(&ACCOUNT_LIMITS, now) {
            Some("limit-of-account")
        } else if !hour.allows(deps.letters.an_hour, now) {
            Some("limit-of-all")
        } else {
            None
        };
        requests.note(&ACCOUNT_LIMITS, now);
        // A letter is made, sealed and written in any case; only where it may go out, at its own place.
        let decoy = decoy_account(key, email);
        let account = matched.unwrap_or(&decoy);
        let issued = self.issue(account, &ticket, &requests, &seal, attempt);
        let counted = source
            .note_request(now)
            .and(hour.note(refused.is_none(), now));
        match refused {
            None => Ok(Deed::of(counted.and(seal.still_seals(issued)), ())),
            Some(reason) => {
                let decoy = issued.as_decoy(&deps.node).and(ticket.corrected(now));
                let denial = Denial::new((), reason).counting(counted.and(decoy));
                Err(denial.into())
            }
        }
    }

    /// A new ticket in place of the one before, and the letter that tells it.
    fn issue(
        &self,
        account: &Account,
        before: &tickets::Read,
        requests: &RequestLog,
        seal: &Sealing,
        attempt: Attempt<'_>,
    ) -> Commit {
        let deps = &self.foundation;
        let Attempt { from, now, .. } = attempt;
        let secrets = self.new_secrets();
        let expires = now + deps.letters.link_holds;
        let random = deps.random_bytes();
        let letter = Letter::about(
            account,
            LetterKind::ResetRequested,
            now,
            from,
            expires,
            random,
        );
        let nonce = deps.random_bytes();
        let sealed = seal.vault.seal_ticket_secrets(&letter.id, &secrets, nonce);
        let ticket = Ticket {
            account: account.key.clone(),
            email: account.email.clone(),
            generation: account.generation,
            token: secrets.token.digest(),
            code: secrets.code.digest(),
            issued: now,
            expires,
            used: None,
        };
        let commit = before.replace(&ticket, &letter.id, requests);
        outbox::enclose(commit, letter, Some(sealed))
    }

    fn new_secrets(&self) -> TicketSecrets {
        let deps = &self.foundation;
        let token = Zeroizing::new(deps.random_bytes::<{ Token::BYTES }>());
        let code = Zeroizing::new(deps.random_bytes::<{ ShortCode::RANDOM_BYTES }>());
        TicketSecrets {
            token: Token::from_bytes(*token),
            code: ShortCode::from_random(&code),
        }
    }

    /// Whose TOTP `secret` resets, if it does. Nothing of the ticket changes, however often somebody looks, but that one
    /// that is seen to have expired has for ever; a code that is none is counted against whoever typed it.
    pub async fn find(&self, secret: &ResetSecret, from: &Source) -> Result<Found, ServiceError> {
        let asked = AuditEvent::new(Act::FindReset, AuditOutcome::Intended, from);
        let found = self.foundation.decide(
            &asked,
            || self.look(secret, &asked),
            |valid, _| Ok(Deed::look(valid.account.account.key)),
        );
        Ok(match found.await? {
            Ok(key) => Found::Valid {
                user_type: key.user_type,
                masked_id: key.user_id.masked(),
            },
            Err(refusal) => Found::Refused(refusal),
        })
    }

    /// Resets the TOTP that `secret` stands for, once. Nobody is logged in by it, and no wait after wrong codes is
    /// shortened; only a hold ends, which was the old key's.
    pub async fn confirm(
        &self,
        secret: &ResetSecret,
        from: &Source,
    ) -> Result<Confirmed, ServiceError> {
        let deps = &self.foundation;
        let asked = AuditEvent::new(Act::ConfirmReset, AuditOutcome::Intended, from);
        let confirmed = deps.decide(
            &asked,
            || self.look(secret, &asked),
            |Valid {
                 ticket,
                 account: read,
             },
             attempt| {
                let Attempt { from, now, .. } = attempt;
                let mut account = read.account.clone();
                account.authenticator = Authenticator::Absent;
                account.recovery = None;
                account.passcode_throttle = account.passcode_throttle.carried_to_new_key();
                account.generation = account.generation.wrapping_add(1);
                account.note(Activity::of_owner(now, ActivityKind::TotpReset, from));
                let commit = read.replace(&account).and(ticket.spend(now));
                let commit = deps.notice(commit, &account, LetterKind::TotpReset, attempt);
                Ok(Deed::of(commit, ())
                    .saying(asked.clone().on(&account.key))
                    .ending_logins(&account.key))
            },
        );
        Ok(match confirmed.await? {
            Ok(()) => Confirmed::Done,
            Err(refusal) => Confirmed::Refused(refusal),
        })
    }

    /// The ticket that `secret` stands for, with its account, if it may be used now.
    async fn look(&self, secret: &ResetSecret, asked: &AuditEvent) -> Result<Valid, NotDone> {
        let deps = &self.foundation;
        let now = deps.clock.now();
        let from = &asked.from;
        // Nobody guesses the 160 bits of a link, and a mail gateway may open a stale one a hundred times. Nor the 73 bits
        // of a code: a right one is taken whatever others have typed behind the same address, and only wrong ones wait.
        let is_typed = matches!(secret, ResetSecret::Code(_));
        let ticket = deps.tickets().find(&secret.digest()).await?;
        let fitting = ticket.filter(|read| read.ticket().is_some_and(|t| t.fits(secret)));
        let Some((ticket, known)) = fitting.and_then(|read| {
            let ticket = read.ticket().cloned()?;
            Some((read, ticket))
        }) else {
            if is_typed && let Gate::Wait(wait) = deps.reset_limits().gate(from, now).await? {
                return Err(NotDone::denied(Refusal::Wait(wait), "waiting"));
            }
            if is_typed {
                deps.reset_limits().count_miss(from, now).await?;
            }
            return Err(void(Void::Unknown).into());
        };
        // Written once: from then on it runs down. Somebody else may have done so, or used it, meanwhile.
        if let Some(corrected) = ticket.corrected_ticket(now) {
            deps.store.commit(corrected).await?;
            return Box::pin(self.look(secret, asked)).await;
        }
        let void = |why| NotDone::from(void(why).saying(asked.clone().on(&known.account)));
        match known.state(now) {
            TicketState::Used => return Err(void(Void::Used)),
            TicketState::Expired => {
                // Whoever has changed it meanwhile leaves it to the next look.
                if let Some(end) = ticket.end() {
                    deps.store.commit(end).await?;
                }
                return Err(void(Void::Expired));
            }
            TicketState::Valid => {}
        }
        let account = deps.accounts().read(&known.account).await?;
        let is_still_its = |read: &accounts::Read| {
            let account = &read.account;
            account.generation == known.generation
                && !account.role.is_officer()
                && account.suspended.is_none()
        };
        match account.filter(is_still_its) {
            Some(account) => Ok(Valid { ticket, account }),
            None => Err(void(Void::Unknown)),
        }
    }
}

/// Nothing is reset.
fn void(why: Void) -> Denial<Refusal> {
    Denial::new(Refusal::ResetVoid(why), why.word())
}

/// An account that nobody has, for the work that a request does whatever it matches.
fn decoy_account(key: &AccountKey, email: &EmailAddress) -> Account {
    Account::new(
        key.clone(),
        PersonName::parse("A").expect("a letter is a name"),
        email.clone(),
        PasswordHash::unmatchable(HashCost::default()),
        Timestamp::UNIX_EPOCH,
    )
}
