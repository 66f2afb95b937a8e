//! The basis of a decision about an account: the account and the rules as they were read. What is decided by them is
//! committed on condition that both are still so.

use super::{Foundation, decision::NotDone, foundation::Sealing};
use crate::{
    domain::{Account, AccountKey, Policy, policy::LoginRules},
    store::{Commit, StoreError, accounts::Read, settings::RulesRead},
};

/// An account and the rules of login, as they were read.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub read: Read,
    rules: RulesRead,
}

impl Basis {
    pub fn account(&self) -> &Account {
        &self.read.account
    }

    pub fn rules(&self) -> LoginRules {
        self.rules.rules
    }

    /// What is asked of this account.
    pub fn policy(&self) -> Policy {
        self.rules().policy.asked_of(self.account().role)
    }

    /// A commit that puts `account` in this one's place, on condition that the account and the rules are still as they were
    /// read.
    pub fn replace(&self, account: &Account) -> Commit {
        self.rules.still_in_force(self.read.replace(account))
    }

    /// The same rules, with the account as `read`.
    pub fn with(self, read: Read) -> Self {
        Self { read, ..self }
    }
}

impl Foundation {
    /// The account and the rules as they are now; `None` where there is no such account.
    pub(super) async fn basis(&self, key: &AccountKey) -> Result<Option<Basis>, StoreError> {
        let (accounts, settings) = (self.accounts(), self.settings());
        // What does not need an answer to be asked for is asked for at once: the store may be a network away.
        let (read, rules) = tokio::join!(accounts.read(key), settings.rules());
        let (read, rules) = (read?, rules?);
        Ok(read.map(|read| Basis { read, rules }))
    }

    /// The same for a login of that generation, complete or half-way, if it is still valid. To suspend an account ends its
    /// logins; that it is suspended is looked at all the same, so that no way to suspend one can forget it.
    pub(super) async fn login(&self, key: &AccountKey, generation: u64) -> Result<Basis, NotDone> {
        let is_valid = |basis: &Basis| {
            let account = basis.account();
            account.generation == generation && account.suspended.is_none()
        };
        let basis = self.basis(key).await?.filter(is_valid);
        basis.ok_or_else(NotDone::ended_login)
    }

    /// The same, with how to seal what is stored by the decision.
    pub(super) async fn login_to_seal(
        &self,
        key: &AccountKey,
        generation: u64,
    ) -> Result<(Basis, Sealing), NotDone> {
        let basis = self.login(key, generation).await?;
        Ok((basis, self.sealing().await?))
    }
}
