//! Accounts as operators handle them: add, look, list, find, set a password or a role, remove, import, and the acts of
//! the officer's desk by the command line.

use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::{
    Foundation, ServiceError,
    account_act::{Acted, Hand},
};
use crate::{
    domain::{
        Account, AccountKey, Activity, ActivityKind, EmailAddress, PasswordHash, PersonName,
        PlainPassword, Source, UserId, UserType,
        account::{OneTimePassword, Role},
        audit::{Act, AuditEvent, AuditOutcome},
        find::Query,
        letter::LetterKind,
        officer::{AccountAct, Bookmark, Declined},
    },
    store::{
        Outcome, StoreError,
        accounts::Page,
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
        let house = &self.foundation;
        let salt = house.random_bytes();
        Ok(house.hashing.hash(password, salt, house.hash_cost).await?)
    }

    /// Adds an account.
    pub async fn add(&self, new: NewAccount, from: &Source) -> Result<(), AccountsError> {
        let key = new.key.clone();
        let role = new.role;
        let account = self.fresh(new);
        match self.foundation.accounts().add(account).await? {
            Outcome::Applied => {
                let detail = role.is_officer().then(|| role.as_str().to_owned());
                self.done(Act::AddAccount, &key, from, detail).await?;
                Ok(())
            }
            Outcome::Conflict => {
                self.refused(Act::AddAccount, &key, from, "existing-account")
                    .await?;
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

    /// Sets a new password; every open login of the account ends.
    pub async fn set_password(
        &self,
        key: &AccountKey,
        password: PasswordHash,
        from: &Source,
    ) -> Result<(), AccountsError> {
        self.change(key, Act::SetPassword, None, None, from, |account| {
            account.password = password.clone();
            account.one_time_password = None;
            ActivityKind::PasswordChanged
        })
        .await
    }

    /// Sets a one-time password, which opens nothing but its own replacement and holds for a day; every open login of
    /// the account ends, and its owner is told by letter.
    pub async fn issue_password(
        &self,
        key: &AccountKey,
        password: PasswordHash,
        from: &Source,
    ) -> Result<(), AccountsError> {
        let issued = OneTimePassword::issued(self.foundation.clock.now());
        let told = Some(LetterKind::PasswordIssued);
        self.change(key, Act::IssuePassword, told, None, from, |account| {
            account.password = password.clone();
            account.one_time_password = Some(issued);
            ActivityKind::PasswordIssued
        })
        .await
    }

    /// Switches TOTP off, lifts a hold, and ends every open login of the account, whether or not there was anything to
    /// do; its owner is told by letter.
    pub async fn reset_totp(&self, key: &AccountKey, from: &Source) -> Result<(), AccountsError> {
        self.act(key, &AccountAct::ResetTotp, from).await
    }

    /// Does what an officer could do at the desk, by the hand of whoever may run commands on the machine: told and
    /// recorded in the same way.
    pub async fn act(
        &self,
        key: &AccountKey,
        act: &AccountAct,
        from: &Source,
    ) -> Result<(), AccountsError> {
        let house = &self.foundation;
        match house.act_on(key, act, Hand::CommandLine, from).await? {
            Acted::Done(..) => Ok(()),
            // Only an officer's hand is ever refused.
            Acted::Refused(_) => Err(AccountsError::Unknown(key.clone())),
            Acted::Declined(declined) => Err(match declined {
                Declined::Gone => AccountsError::Unknown(key.clone()),
                Declined::Held => AccountsError::Held(key.clone()),
                _ => AccountsError::NothingToDo(key.clone()),
            }),
        }
    }

    /// Gives the account another role; every open login of it ends, because the next one may ask for more, and its
    /// owner is told so by letter.
    pub async fn set_role(
        &self,
        key: &AccountKey,
        role: Role,
        from: &Source,
    ) -> Result<(), AccountsError> {
        let Some(account) = self.get(key).await? else {
            return self.unknown(Act::SetRole, key, from).await;
        };
        if account.role == role {
            self.refused(Act::SetRole, key, from, "nothing-to-do")
                .await?;
            return Err(AccountsError::NothingToDo(key.clone()));
        }
        let told = Some(LetterKind::LoginsEnded);
        let detail = format!("from {} to {}", account.role.as_str(), role.as_str());
        self.change(key, Act::SetRole, told, Some(detail), from, |account| {
            account.role = role;
            ActivityKind::LoginsEnded
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
    pub async fn remove(&self, key: &AccountKey, from: &Source) -> Result<(), AccountsError> {
        let house = &self.foundation;
        loop {
            let Some(read) = house.accounts().read(key).await? else {
                return self.unknown(Act::RemoveAccount, key, from).await;
            };
            let ticket = house.tickets().read(key).await?;
            let count = house.accounts().count().await?;
            let commit = read.remove(&count).and(ticket.remove());
            if house.commit(commit).await? == Outcome::Applied {
                house.ended_logins.tell(key);
                self.done(Act::RemoveAccount, key, from, None).await?;
                return Ok(());
            }
        }
    }

    /// Begins an import: nothing of it is visible before [`Import::finish`].
    pub async fn begin_import(&self) -> Result<Import, ServiceError> {
        let house = &self.foundation;
        let id = HEXLOWER.encode(&house.random_bytes::<8>());
        let store = house.store.clone();
        Ok(Import {
            import: import::Import::begin(store, &id, house.clock.now()).await?,
            accounts: self.clone(),
        })
    }

    /// Clears away what imports that were broken off left behind. Only for whoever owns the store alone.
    pub async fn sweep_imports(&self) -> Result<(), StoreError> {
        self.foundation.accounts().sweep_imports().await
    }

    async fn change(
        &self,
        key: &AccountKey,
        act: Act,
        told: Option<LetterKind>,
        detail: Option<String>,
        from: &Source,
        change: impl Fn(&mut Account) -> ActivityKind,
    ) -> Result<(), AccountsError> {
        let house = &self.foundation;
        loop {
            let Some(read) = house.accounts().read(key).await? else {
                return self.unknown(act, key, from).await;
            };
            let mut account = read.account.clone();
            let kind = change(&mut account);
            account.generation = account.generation.wrapping_add(1);
            let now = house.clock.now();
            account.note(Activity::of_owner(now, kind, from));
            let mut commit = read.replace(&account);
            if let Some(letter) = told {
                commit = house.notice(commit, &account, letter, now, from);
            }
            if house.commit(commit).await? == Outcome::Applied {
                house.ended_logins.tell(key);
                self.done(act, key, from, detail).await?;
                return Ok(());
            }
        }
    }

    /// Refuses `act` on an account that there is not.
    async fn unknown(
        &self,
        act: Act,
        key: &AccountKey,
        from: &Source,
    ) -> Result<(), AccountsError> {
        self.refused(act, key, from, "unknown-account").await?;
        Err(AccountsError::Unknown(key.clone()))
    }

    async fn refused(
        &self,
        act: Act,
        key: &AccountKey,
        from: &Source,
        reason: &'static str,
    ) -> Result<(), ServiceError> {
        self.foundation.refused(act, key, from, reason).await
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

    async fn done(
        &self,
        act: Act,
        key: &AccountKey,
        from: &Source,
        detail: Option<String>,
    ) -> Result<(), ServiceError> {
        let event = AuditEvent {
            detail,
            ..AuditEvent::new(act, AuditOutcome::Done, from).on(key)
        };
        Ok(self.foundation.audit.record(vec![event]).await?)
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
    pub async fn add(&mut self, new: Vec<NewAccount>, from: &Source) -> Result<(), AccountsError> {
        let accounts = new.into_iter().map(|new| self.accounts.fresh(new));
        match self.import.add(accounts).await? {
            ImportStep::Added => Ok(()),
            ImportStep::Exists(key) => {
                self.accounts
                    .refused(Act::ImportAccounts, &key, from, "existing-account")
                    .await?;
                Err(AccountsError::Exists(key))
            }
        }
    }

    /// Makes everything added visible, at once.
    pub async fn finish(self, from: &Source) -> Result<(), ServiceError> {
        let house = &self.accounts.foundation;
        self.import.finish().await?;
        let event = AuditEvent::new(Act::ImportAccounts, AuditOutcome::Done, from);
        Ok(house.audit.record(vec![event]).await?)
    }

    /// Gives the import up: everything added goes.
    pub async fn abandon(self) -> Result<(), ServiceError> {
        Ok(self.accounts.foundation.accounts().sweep_imports().await?)
    }
}
