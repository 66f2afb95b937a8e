//! A walk over every record of a store: whether each is as it was written, and whether no account is missing.

use std::{collections::HashMap, sync::Arc};

use super::{
    Altered, Commit, Key, Outcome, Store, StoreError,
    accounts::Accounts,
    page_around_altered,
    record::{self, StoredAccount},
    totp_counts::TotpNumbers,
};
use crate::domain::totp_counts::TotpCounts;

/// Records read at once.
const PAGE: usize = 256;

/// Altered records that are named; beyond, they are counted.
const NAMED: usize = 1000;

/// What is walked over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Everything,
    /// Not the entries by which officers find accounts, which are nearly all of a store's records: nothing is decided by
    /// them.
    ButTheIndex,
}

/// What a walk has found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Records, altered ones too.
    pub records: u64,
    /// Accounts that are there, and are as they were written.
    pub accounts: u64,
    /// Those of them that are officers' and are not suspended.
    pub officers: u64,
    pub counted: Counted,
    /// The accounts that are there by the stage of their TOTP.
    pub totp: TotpCounts,
    /// What the store's own numbers of them say; `None` where they changed during the walk, or are not all counted.
    pub totp_counted: Option<TotpCounts>,
    /// Altered records: so many.
    pub altered: u64,
    /// The first of them, by name.
    pub named: Vec<Altered>,
}

/// What the store's own count of accounts says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Accounts(u64),
    /// Accounts came or went during the walk.
    Changing,
    /// It is altered itself.
    #[default]
    Unknown,
}

impl Checked {
    /// Everything is as it was written, and nothing is missing, as far as one can tell.
    pub fn is_good(&self) -> bool {
        self.is_whole() && !self.is_totp_miscounted()
    }

    /// No record is altered, and no account missing, as far as one can tell.
    pub fn is_whole(&self) -> bool {
        self.altered == 0 && self.missing() == Some(0)
    }

    /// The numbers of accounts by the stage of their TOTP are not those of the accounts that are there. Where some are
    /// missing, that says nothing more.
    pub fn is_totp_miscounted(&self) -> bool {
        self.is_whole()
            && self
                .totp_counted
                .is_some_and(|counted| counted != self.totp)
    }

    /// Accounts that were counted and are not there; less than none where more are there than were counted.
    pub fn missing(&self) -> Option<i64> {
        match self.counted {
            Counted::Accounts(counted) => Some(counted.cast_signed() - self.accounts.cast_signed()),
            Counted::Changing => Some(0),
            Counted::Unknown => None,
        }
    }

    fn name(&mut self, altered: Altered) {
        self.altered += 1;
        if self.named.len() < NAMED {
            self.named.push(altered);
        }
    }
}

/// Walks over `store`. `progress` hears of records.
pub async fn check(
    store: &Arc<dyn Store>,
    scope: Scope,
    mut progress: impl FnMut(u64),
) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    let accounts = Accounts::new(store.clone());
    let numbers = TotpNumbers::new(store.clone());
    let before = altered_or(accounts.count().await)?;
    let totp_before = altered_or(numbers.total().await)?.flatten();
    let mut visible = Visible::new(&accounts);
    let mut after = None;
    loop {
        let page = page_around_altered(&**store, &Key::everything(), after.as_ref(), PAGE).await?;
        after = page.next;
        let is_walked = |key: &Key| scope == Scope::Everything || key.as_find_entry().is_none();
        let mut looked = 0;
        for (key, bytes) in page.rows.into_iter().filter(|(key, _)| is_walked(key)) {
            looked += 1;
            if key.as_account().is_some() {
                let stored = record::decode_account(&format!("{key:?}"), &bytes)?;
                let is_visible = visible.is(&stored).await?;
                let account = &stored.account;
                let helps = account.role.is_officer() && account.suspended.is_none();
                checked.accounts += u64::from(is_visible);
                if is_visible {
                    checked.totp = checked.totp + TotpCounts::of(account);
                }
                checked.officers += u64::from(is_visible && helps);
            }
        }
        for altered in page.altered {
            if is_walked(altered.record()) {
                looked += 1;
                checked.name(altered);
            }
        }
        checked.records += looked;
        progress(looked);
        let end = Key::after_find_entries();
        match &mut after {
            None => break,
            Some(at) if scope == Scope::ButTheIndex && at.as_find_entry().is_some() => *at = end,
            Some(_) => {}
        }
    }
    // Those that are there and altered were named on the way.
    for key in [Key::policy(), Key::account_count()] {
        if let Err(StoreError::Altered(altered @ Altered::Missing(_))) = store.get(&key).await {
            checked.name(altered);
        }
    }
    let now = altered_or(accounts.count().await)?;
    checked.counted = match (before, now) {
        (Some(before), Some(now)) if before.accounts == now.accounts => {
            Counted::Accounts(now.accounts)
        }
        (Some(_), Some(_)) => Counted::Changing,
        _ => Counted::Unknown,
    };
    let totp_now = altered_or(numbers.total().await)?.flatten();
    checked.totp_counted = totp_now.filter(|_| totp_now == totp_before);
    Ok(checked)
}

/// Puts an altered record out of the way, unless somebody has written it anew meanwhile. The policy is nobody's to guess,
/// and stays as it is until somebody sets it; the number of accounts is taken by [`take_count`].
pub async fn remove(store: &dyn Store, altered: &Altered) -> Result<bool, StoreError> {
    let key = altered.record();
    let is_still = matches!(store.get(key).await, Err(StoreError::Altered(_)));
    if !is_still || key.is_in_every_store() {
        return Ok(false);
    }
    let without = match key.as_bytes().starts_with(Key::imports().as_bytes()) {
        // Without a mark, the accounts of an import that was not finished would be there.
        true => Commit::new().put(key.clone(), record::encode_closed_import()),
        false => Commit::new().remove(key.clone()),
    };
    Ok(store.commit(without).await? == Outcome::Applied)
}

/// Takes the number of accounts for what it is now; returns it.
pub async fn take_count(store: &Arc<dyn Store>) -> Result<u64, StoreError> {
    let accounts = Accounts::new(store.clone());
    loop {
        let count = altered_or(accounts.count().await)?;
        let there = check(store, Scope::ButTheIndex, |_| {}).await?.accounts;
        let commit = match count {
            Some(count) => count.replace(Commit::new(), there),
            None => Commit::new().put(Key::account_count(), record::encode_account_count(there)),
        };
        if store.commit(commit).await? == Outcome::Applied {
            return Ok(there);
        }
    }
}

fn altered_or<T>(count: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match count {
        Ok(count) => Ok(Some(count)),
        Err(StoreError::Altered(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tells accounts from those of unfinished imports, whose marks are looked for once.
struct Visible<'a> {
    accounts: &'a Accounts,
    imports: HashMap<String, bool>,
}

impl<'a> Visible<'a> {
    fn new(accounts: &'a Accounts) -> Self {
        Self {
            accounts,
            imports: HashMap::new(),
        }
    }

    async fn is(&mut self, stored: &StoredAccount) -> Result<bool, StoreError> {
        let Some(import) = &stored.import else {
            return Ok(true);
        };
        if let Some(is_visible) = self.imports.get(import) {
            return Ok(*is_visible);
        }
        let is_visible = match self.accounts.is_hidden(stored).await {
            Ok(is_hidden) => !is_hidden,
            Err(StoreError::Altered(_)) => false,
            Err(error) => return Err(error),
        };
        self.imports.insert(import.clone(), is_visible);
        Ok(is_visible)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        domain::{
            Account, AccountKey, EmailAddress, PasswordHash, PersonName, UserId, UserType,
            account::Role, password::HashCost,
        },
        store::{
            engine::memory::Memory,
            import::Import,
            tagged::{StoreKey, Tagged},
        },
    };

    fn numbered(number: u32) -> Account {
        let id = UserId::parse(&format!("PPK{number:04}")).unwrap();
        Account::new(
            AccountKey::new(UserType::Penyedia, id),
            PersonName::parse("Siti").unwrap(),
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            Timestamp::UNIX_EPOCH,
        )
    }

    #[tokio::test]
    async fn accounts_are_counted_as_they_come_and_go_and_one_that_is_lost_or_put_back_is_missed() {
        let raw = Arc::new(Memory::default());
        let key = StoreKey::from_bytes(&[7; StoreKey::LENGTH]);
        let (tagged, _finds) = Tagged::new(raw.clone(), key);
        let store: Arc<dyn Store> = Arc::new(tagged);
        let first = [
            (Key::policy(), record::encode_rules(Default::default())),
            (Key::account_count(), record::encode_account_count(0)),
        ];
        for (at, bytes) in first {
            store.commit(Commit::new().put(at, bytes)).await.unwrap();
        }
        let accounts = Accounts::new(store.clone());
        for number in 0..5 {
            let mut account = numbered(number);
            // The last of them is removed below, and one is suspended: one officer is left.
            if number >= 2 {
                account.role = Role::Officer;
            }
            account.suspended = (number == 3).then_some(Timestamp::UNIX_EPOCH);
            let added = accounts.add(account).await.unwrap();
            assert_eq!(added, Outcome::Applied);
        }
        let twice = accounts.add(numbered(3)).await.unwrap();
        assert_eq!(twice, Outcome::Conflict);
        let mut import = Import::begin(store.clone(), "one", Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        import.add((10..20).map(numbered)).await.unwrap();
        import.finish().await.unwrap();
        let read = accounts.read(&numbered(4).key).await.unwrap().unwrap();
        let count = accounts.count().await.unwrap();
        let removed = read.remove(&count);
        assert_eq!(store.commit(removed).await.unwrap(), Outcome::Applied);
        // One that is broken off is not there.
        let mut import = Import::begin(store.clone(), "two", Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        import.add((30..40).map(numbered)).await.unwrap();
        drop(import);
        let walk = async |scope| check(&store, scope, |_| {}).await.unwrap();
        for scope in [Scope::Everything, Scope::ButTheIndex] {
            let checked = walk(scope).await;
            assert_eq!(
                (checked.accounts, checked.officers, checked.counted),
                (14, 1, Counted::Accounts(14))
            );
            assert!(checked.is_good(), "{checked:?}");
        }
        let everything = walk(Scope::Everything).await.records;
        assert!(walk(Scope::ButTheIndex).await.records < everything);
        let at = Key::account(&numbered(12).key);
        let stored = raw.get(&at).await.unwrap().unwrap();
        raw.commit(Commit::new().remove(at.clone())).await.unwrap();
        assert_eq!(walk(Scope::ButTheIndex).await.missing(), Some(1));
        assert_eq!(take_count(&store).await.unwrap(), 13);
        raw.commit(Commit::new().put(at.clone(), stored))
            .await
            .unwrap();
        let checked = walk(Scope::Everything).await;
        assert_eq!((checked.missing(), checked.is_good()), (Some(-1), false));
        // Altered marks of imports keep what they hid hidden.
        let mark = Key::import("two");
        let commit = Commit::new().put(mark.clone(), b"by hand".to_vec()).put(
            Key::find_entry("siti", &numbered(1).key),
            b"by hand".to_vec(),
        );
        raw.commit(commit).await.unwrap();
        let checked = walk(Scope::Everything).await;
        assert_eq!((checked.altered, checked.accounts), (2, 14));
        for altered in &checked.named {
            assert!(remove(&*store, altered).await.unwrap(), "{altered}");
        }
        take_count(&store).await.unwrap();
        let checked = walk(Scope::Everything).await;
        assert!(checked.is_good() && checked.accounts == 14, "{checked:?}");
    }
}
