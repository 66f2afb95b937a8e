//! Accounts as operators handle them: add, look, list, find, set a password or a role, remove, import, and the acts of
//! the officer's desk by the command line.

use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::{
    Foundation, ServiceError,
    account_act::{Hand, Undone},
    decision::{Deed, NotDone, asked},
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, EmailAddress, PasswordHash, PersonName,
        PlainPassword, Source, UserId, UserType,
        account::{OneTimePassword, Role},
        audit::{Act, AuditEvent, AuditOutcome},
        find::Query,
        letter::LetterKind,
        officer::{AccountAct, Bookmark, Declined, Statement},
    },
    store::{
        Outcome, StoreError,
        accounts::{Page, Read},
        find,
        import::{self, ImportStep},
    },
};

/// The service that keeps accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    foundation: Arc<Foundation>,
}

/// An account to be added.
#[derive(Debug)]
pub struct NewAccount {
    pub key: AccountKey,
    pub name: PersonName,
    pub email: EmailAddress,
    pub role: Role,
    pub password: PasswordHash,
}

/// What a command says with what it asks for.
#[derive(Debug, Clone, Copy)]
pub struct ByCommand<'a> {
    pub from: &'a Source,
    /// Why, where that is told. It stands in the audit log as an officer's reason does.
    pub reason: Option<&'a Statement>,
}

impl<'a> From<&'a Source> for ByCommand<'a> {
    fn from(from: &'a Source) -> Self {
        Self { from, reason: None }
    }
}

impl ByCommand<'_> {
    fn hand(&self) -> Hand<'_> {
        Hand::Command(self.reason)
    }

    /// What is recorded of `act` on `account`, which aims at `what`.
    fn asks(&self, act: Act, account: &AccountKey, what: Option<String>) -> AuditEvent {
        AuditEvent {
            detail: self.hand().detail(what),
            ..asked(act, account, self.from)
        }
    }
}

/// Why an operator's act was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("the {} account {} exists already", .0.user_type, .0.user_id)]
    Exists(AccountKey),
    #[error("there is no {} account {}", .0.user_type, .0.user_id)]
    Unknown(AccountKey),
    #[error("the {} account {} is so already; nothing was changed", .0.user_type, .0.user_id)]
    NothingToDo(AccountKey),
    #[error(
        "the {} account {} is held after too many wrong codes, which only a reset of its TOTP ends", .0.user_type, .0.user_id
    )]
    Held(AccountKey),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl Accounts {
    pub fn new(foundation: Arc<Foundation>) -> Self {
        Self { foundation }
    }

    /// Hashes a password on the hashing pool, at the configured cost.
    pub async fn hash(&self, password: PlainPassword) -> Result<PasswordHash, ServiceError> {
        let deps = &self.foundation;
        let salt = deps.random_bytes();
        Ok(deps.hashing.hash(password, salt, deps.hash_cost).await?)
    }

    /// Adds an account.
    pub async fn add(
        &self,
        new: NewAccount,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let (deps, by) = (&self.foundation, by.into());
        let (key, role) = (new.key.clone(), new.role);
        let what = role.is_officer().then(|| role.as_str().to_owned());
        let asked = by.asks(Act::AddAccount, &key, what);
        match deps.accounts().add(self.fresh(new)).await? {
            Outcome::Applied => Ok(deps.record_done(&asked, [asked.act]).await?),
            Outcome::Conflict => {
                deps.deny(&asked, "existing-account").await?;
                Err(AccountsError::Exists(key))
            }
        }
    }

    /// The account, if it exists.
    pub async fn get(&self, key: &AccountKey) -> Result<Option<Account>, ServiceError> {
        let read = self.foundation.accounts().read(key).await?;
        Ok(read.map(|read| read.account))
    }

    /// One page of the accounts of `user_type` whose ID begins with `id_prefix`, in the order of their IDs.
    pub async fn page(
        &self,
        user_type: UserType,
        id_prefix: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Page, ServiceError> {
        let accounts = self.foundation.accounts();
        Ok(accounts.page(user_type, id_prefix, after, limit).await?)
    }

    /// Sets a new password; every open login of the account ends, and its owner is told by letter.
    pub async fn set_password(
        &self,
        key: &AccountKey,
        password: PasswordHash,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let asked = by.into().asks(Act::SetPassword, key, None);
        self.change(&asked, key, |account| {
            account.password = password.clone();
            account.one_time_password = None;
            Ok((ActivityKind::PasswordChanged, asked.clone()))
        })
        .await
    }

    /// Sets a one-time password, which opens nothing but its own replacement and holds for a day; every open login of
    /// the account ends, and its owner is told by letter.
    pub async fn issue_password(
        &self,
        key: &AccountKey,
        password: PasswordHash,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let issued = OneTimePassword::issued(self.foundation.clock.now());
        let asked = by.into().asks(Act::IssuePassword, key, None);
        self.change(&asked, key, |account| {
            account.password = password.clone();
            account.one_time_password = Some(issued);
            Ok((ActivityKind::PasswordIssued, asked.clone()))
        })
        .await
    }

    /// Switches TOTP off, lifts a hold, and ends every open login of the account, whether or not there was anything to
    /// do; its owner is told by letter.
    pub async fn reset_totp(
        &self,
        key: &AccountKey,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        self.act(key, &AccountAct::ResetTotp, by).await
    }

    /// Does what an officer could do at the desk, by the hand of whoever may run commands on the machine: told and
    /// recorded in the same way.
    pub async fn act(
        &self,
        key: &AccountKey,
        act: &AccountAct,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let (deps, by) = (&self.foundation, by.into());
        match deps.act_on(key, act, by.hand(), by.from).await? {
            Ok(_) => Ok(()),
            Err(Undone::Declined(Declined::Held)) => Err(AccountsError::Held(key.clone())),
            Err(Undone::Declined(Declined::NothingToDo)) => {
                Err(AccountsError::NothingToDo(key.clone()))
            }
            // Of a command nothing else is refused.
            Err(_) => Err(AccountsError::Unknown(key.clone())),
        }
    }

    /// Gives the account another role; every open login of it ends, because the next one may ask for more, and its
    /// owner is told so by letter.
    pub async fn set_role(
        &self,
        key: &AccountKey,
        role: Role,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let by = by.into();
        let asked = by.asks(Act::SetRole, key, None);
        self.change(&asked, key, |account| {
            if account.role == role {
                let nothing = AccountsError::NothingToDo(key.clone());
                return Err(NotDone::denied(nothing, "nothing-to-do"));
            }
            let said = format!("from {} to {}", account.role.as_str(), role.as_str());
            account.role = role;
            let event = by.asks(Act::SetRole, key, Some(said));
            Ok((ActivityKind::RoleChanged, event))
        })
        .await
    }

    /// Up to `limit` accounts for what was typed, as officers find them at the desk.
    pub async fn find(
        &self,
        typed: &str,
        after: Option<&Bookmark>,
        limit: usize,
    ) -> Result<find::Page, ServiceError> {
        match Query::parse(typed) {
            Some(query) => Ok(self.foundation.index().page(&query, after, limit).await?),
            None => Ok(find::Page::default()),
        }
    }

    /// Removes an account, and its ticket with it.
    pub async fn remove(
        &self,
        key: &AccountKey,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let deps = &self.foundation;
        let asked = by.into().asks(Act::RemoveAccount, key, None);
        let read = async || {
            let read = self.there(key).await?;
            let ticket = deps.tickets().read(key).await?;
            let count = deps.accounts().count().await?;
            Ok::<_, NotDone<AccountsError>>((read, ticket, count))
        };
        let removed = deps.decide(&asked, read, |(read, ticket, count), _| {
            let commit = read.remove(&count).and(ticket.remove());
            Ok(Deed::of(commit, ()).ending_logins(key))
        });
        removed.await?
    }

    /// Begins an import: nothing of it is visible before [`Import::finish`].
    pub async fn begin_import(&self) -> Result<Import, ServiceError> {
        let deps = &self.foundation;
        let id = HEXLOWER.encode(&deps.random_bytes::<8>());
        let store = deps.store.clone();
        Ok(Import {
            import: import::Import::begin(store, &id, deps.clock.now()).await?,
            accounts: self.clone(),
        })
    }

    /// Clears away what imports that were broken off left behind. Only for whoever owns the store alone.
    pub async fn sweep_imports(&self) -> Result<(), StoreError> {
        self.foundation.accounts().sweep_imports().await
    }

    /// The account, which must be there.
    async fn there(&self, key: &AccountKey) -> Result<Read, NotDone<AccountsError>> {
        let read = self.foundation.accounts().read(key).await?;
        let unknown = || NotDone::denied(AccountsError::Unknown(key.clone()), "unknown-account");
        read.ok_or_else(unknown)
    }

    /// Has `change` change the account, and say what is noted in it and what is recorded; every open login of it ends, and
    /// its owner is told by letter what is noted.
    async fn change(
        &self,
        asked: &AuditEvent,
        key: &AccountKey,
        change: impl Fn(&mut Account) -> Result<(ActivityKind, AuditEvent), NotDone<AccountsError>>,
    ) -> Result<(), AccountsError> {
        let deps = &self.foundation;
        let changed = deps.decide(
            asked,
            || self.there(key),
            |read, attempt| {
                let mut account = read.account.clone();
                let (kind, event) = change(&mut account)?;
                account.generation = account.generation.wrapping_add(1);
                account.note(Activity::of_owner(attempt.now, kind, attempt.from));
                let mut commit = read.replace(&account);
                if let Some(letter) = LetterKind::of(kind) {
                    commit = deps.notice(commit, &account, letter, attempt);
                }
                Ok(Deed::of(commit, ()).saying(event).ending_logins(key))
            },
        );
        changed.await?
    }

    fn fresh(&self, new: NewAccount) -> Account {
        let created = self.foundation.clock.now();
        Account {
            role: new.role,
            // Random, so that a removed and re-added account has none of the old one's logins.
            generation: u64::from_be_bytes(self.foundation.random_bytes()) >> 1,
            ..Account::new(new.key, new.name, new.email, new.password, created)
        }
    }
}

/// An import under way. One that is neither finished nor given up is cleared away when the store is opened next, or,
/// beside a running process, when the command has ended.
#[derive(Debug)]
pub struct Import {
    accounts: Accounts,
    import: import::Import,
}

impl Import {
    /// Adds accounts; refuses the whole part at the first that exists.
    pub async fn add(
        &mut self,
        new: Vec<NewAccount>,
        by: impl Into<ByCommand<'_>>,
    ) -> Result<(), AccountsError> {
        let accounts = new.into_iter().map(|new| self.accounts.fresh(new));
        match self.import.add(accounts).await? {
            ImportStep::Added => Ok(()),
            ImportStep::Exists(key) => {
                let asked = by.into().asks(Act::ImportAccounts, &key, None);
                self.accounts
                    .foundation
                    .deny(&asked, "existing-account")
                    .await?;
                Err(AccountsError::Exists(key))
            }
        }
    }

    /// Makes everything added visible, at once.
    pub async fn finish(self, by: impl Into<ByCommand<'_>>) -> Result<(), ServiceError> {
        let (deps, by) = (&self.accounts.foundation, by.into());
        self.import.finish().await?;
        let event = AuditEvent {
            detail: by.hand().detail(None),
            ..AuditEvent::new(Act::ImportAccounts, AuditOutcome::Done, by.from)
        };
        Ok(deps.audit.record(vec![event]).await?)
    }

    /// Gives the import up: everything added goes.
    pub async fn abandon(self) -> Result<(), ServiceError> {
        Ok(self.accounts.foundation.accounts().sweep_imports().await?)
    }
}
