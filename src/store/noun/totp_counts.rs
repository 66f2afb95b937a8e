//! How many accounts there are by the stage of their TOTP, as numbers that change in the very commits that change accounts.
//!
//! Each node keeps [`SHARDS`] records of its own, `totp-count/<node>/<shard>`, so that people who activate TOTP at once do not
//! wait for each other; the sum of all is what there is. A login that changes no stage touches none of them.
//!
//! A store from before there were such numbers is counted once, page by page, while people work: the record
//! [`Key::totp_counting`] says up to which account. A change of an account that was counted already changes the numbers;
//! every change writes the record anew meanwhile, so that a page that was read before is counted again. Afterwards it is
//! written no more. Each time that everything is counted is an era; numbers of an era before count for nothing.

use std::sync::Arc;

use crate::{
    domain::totp_counts::TotpCounts,
    store::{
        Commit, Key, Outcome, Store, StoreError, TotpChange, Value,
        accounts::Accounts,
        page_around_altered,
        record::{self, Counting, Reach, StoredTotpCounts},
    },
};

/// Records of one node: as many people may activate TOTP there at the same moment.
pub const SHARDS: u8 = 16;

/// Accounts counted at once.
const PAGE: usize = 1024;

/// More nodes than this do not exist.
const ROWS: usize = 4096 * SHARDS as usize;

/// The numbers of a store.
#[derive(Debug, Clone)]
pub struct TotpNumbers {
    store: Arc<dyn Store>,
    page: usize,
}

/// Nothing is counted yet.
fn begun(era: u64) -> Counting {
    let (account, changes) = (None, 0);
    let reach = Reach::UpTo { account, changes };
    Counting { era, reach }
}

/// That record as read, with the bytes that a commit demands to be still there; without any, nothing was counted.
struct CountingRead {
    counting: Option<Counting>,
    bytes: Option<Value>,
}

impl CountingRead {
    /// `commit`, on condition that it is as read.
    fn unchanged(&self, commit: Commit) -> Commit {
        commit.expect(Key::totp_counting(), self.bytes.clone())
    }

    /// `commit`, on condition that it is as read, and with `counting` in its place.
    fn replace(&self, commit: Commit, counting: &Counting) -> Commit {
        self.unchanged(commit)
            .put(Key::totp_counting(), record::encode_counting(counting))
    }
}

/// Accounts that were counted together.
struct Page {
    read: CountingRead,
    /// How far the accounts are counted with these.
    counting: Counting,
    by: TotpCounts,
}

impl TotpNumbers {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, page: PAGE }
    }

    /// All accounts by stage; `None` while they are not all counted.
    pub async fn total(&self) -> Result<Option<TotpCounts>, StoreError> {
        let before = self.counting().await?;
        let Some(Counting {
            era,
            reach: Reach::All,
        }) = before.counting
        else {
            return Ok(None);
        };
        let rows = self.store.page(&Key::all_totp_counts(), None, ROWS).await?;
        let counts = rows
            .iter()
            .map(|(key, bytes)| of_era(era, key, Some(bytes)));
        let sum = counts.sum::<Result<TotpCounts, StoreError>>()?;
        let is_still = self.counting().await?.bytes == before.bytes;
        Ok(is_still.then_some(sum))
    }

    /// What is to be committed together with changes of accounts at `node`, so that they are counted.
    pub(in crate::store) async fn counted(
        &self,
        node: &str,
        changes: &[TotpChange],
    ) -> Result<Commit, StoreError> {
        let shard = changes.first().map_or(0, |change| shard(&change.account));
        let at = Key::totp_count(node, shard);
        let (read, had) = tokio::join!(self.counting(), self.store.get(&at));
        let (read, had) = (read?, had?);
        let Some(Counting { era, reach }) = &read.counting else {
            return Ok(read.unchanged(Commit::new()));
        };
        let commit = Commit::new();
        let (commit, by) = match reach {
            Reach::All => {
                let by = changes.iter().map(|change| change.by).sum();
                (read.unchanged(commit), by)
            }
            Reach::UpTo {
                account: up_to,
                changes: before,
            } => {
                let is_counted = |account: &Key| up_to.as_ref().is_some_and(|last| account <= last);
                // Many at once stand before and behind: nothing says how many. They are counted from the first again.
                let Some(accounts) = each(changes) else {
                    return Ok(read.replace(commit, &begun(era + 1)));
                };
                let by = accounts
                    .filter(|(account, _)| is_counted(account))
                    .map(|(_, by)| by)
                    .sum();
                let reach = Reach::UpTo {
                    account: up_to.clone(),
                    changes: before.saturating_add(1),
                };
                let era = *era;
                (read.replace(commit, &Counting { era, reach }), by)
            }
        };
        with_counts(commit, *era, at, had, by)
    }

    /// Counts the accounts that were not counted yet, if there are any, as numbers of `node`. Several may do so at once.
    pub async fn count_on(&self, node: &str) -> Result<(), StoreError> {
        while let Some(page) = self.next_page().await? {
            // On a conflict it is counted again.
            self.take(node, page).await?;
        }
        Ok(())
    }

    /// The accounts to be counted next; `None` where all are.
    async fn next_page(&self) -> Result<Option<Page>, StoreError> {
        let accounts = Accounts::new(self.store.clone());
        let read = self.counting().await?;
        let Some(Counting { era, reach }) = &read.counting else {
            let first = begun(self.latest_era().await? + 1);
            let (counting, by) = (first, TotpCounts::default());
            return Ok(Some(Page { read, counting, by }));
        };
        let Reach::UpTo { account, changes } = reach else {
            return Ok(None);
        };
        let prefix = Key::all_accounts();
        let page = page_around_altered(&*self.store, &prefix, account.as_ref(), self.page).await?;
        let mut by = TotpCounts::default();
        for (key, bytes) in page.rows {
            let stored = record::decode_account(&format!("{key:?}"), &bytes)?;
            let is_hidden = match accounts.is_hidden(&stored).await {
                // Whoever is behind a mark that is altered stays there.
                Err(StoreError::Altered(_)) => true,
                is_hidden => is_hidden?,
            };
            if !is_hidden {
                by = by + TotpCounts::of(&stored.account);
            }
        }
        let reach = match page.next {
            None => Reach::All,
            Some(last) => Reach::UpTo {
                account: Some(last),
                changes: *changes,
            },
        };
        let counting = Counting { era: *era, reach };
        Ok(Some(Page { read, counting, by }))
    }

    /// Counts `page`, unless something has changed since it was read.
    async fn take(&self, node: &str, page: Page) -> Result<Outcome, StoreError> {
        let Page { read, counting, by } = page;
        let commit = read.replace(Commit::new(), &counting);
        let at = Key::totp_count(node, 0);
        let had = self.store.get(&at).await?;
        let commit = with_counts(commit, counting.era, at, had, by)?;
        self.store.commit(commit).await
    }

    /// Counts all accounts anew, whatever the numbers are.
    pub async fn count_anew(&self, node: &str) -> Result<(), StoreError> {
        loop {
            let read = self.counting().await?;
            let before = read.counting.as_ref().map_or(0, |counting| counting.era);
            let era = before.max(self.latest_era().await?) + 1;
            let commit = read.replace(Commit::new(), &begun(era));
            if self.store.commit(commit).await? == Outcome::Applied {
                return self.count_on(node).await;
            }
        }
    }

    /// Makes the numbers that `node` has kept `heir`'s, so that nothing is kept of `node` and the sum stays what it is.
    pub async fn inherit(&self, node: &str, heir: &str) -> Result<(), StoreError> {
        let prefix = Key::totp_counts_of(node);
        loop {
            let rows = self.store.page(&prefix, None, SHARDS.into()).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let read = self.counting().await?;
            let era = read.counting.as_ref().map_or(0, |counting| counting.era);
            let mut commit = read.unchanged(Commit::new());
            let mut by = TotpCounts::default();
            for (key, bytes) in rows {
                by = by + of_era(era, &key, Some(&bytes))?;
                commit = commit.expect(key.clone(), Some(bytes)).remove(key);
            }
            let at = Key::totp_count(heir, 0);
            let had = self.store.get(&at).await?;
            let commit = with_counts(commit, era, at, had, by)?;
            self.store.commit(commit).await?;
        }
    }

    async fn counting(&self) -> Result<CountingRead, StoreError> {
        let key = Key::totp_counting();
        let bytes = self.store.get(&key).await?;
        let decode = |bytes: &Value| record::decode_counting(&format!("{key:?}"), bytes);
        let counting = bytes.as_ref().map(decode).transpose()?;
        Ok(CountingRead { counting, bytes })
    }

    /// The latest era of which there is a number.
    async fn latest_era(&self) -> Result<u64, StoreError> {
        let rows = page_around_altered(&*self.store, &Key::all_totp_counts(), None, ROWS).await?;
        let eras = rows.rows.iter().map(|(key, bytes)| {
            record::decode_totp_counts(&format!("{key:?}"), bytes).map(|stored| stored.era)
        });
        let latest = |latest: u64, era: Result<u64, StoreError>| Ok(latest.max(era?));
        eras.into_iter().try_fold(0, latest)
    }
}

/// `commit`, with the counts at `at`, which `had` those bytes, become more `by` so many.
fn with_counts(
    commit: Commit,
    era: u64,
    at: Key,
    had: Option<Value>,
    by: TotpCounts,
) -> Result<Commit, StoreError> {
    if by.is_nothing() {
        return Ok(commit);
    }
    let counts = of_era(era, &at, had.as_ref())? + by;
    let stored = StoredTotpCounts { era, counts };
    Ok(commit
        .expect(at.clone(), had)
        .put(at, record::encode_totp_counts(&stored)))
}

/// The counts in a record's bytes, as far as they are of that era.
fn of_era(era: u64, key: &Key, bytes: Option<&Value>) -> Result<TotpCounts, StoreError> {
    let Some(bytes) = bytes else {
        return Ok(TotpCounts::default());
    };
    let stored = record::decode_totp_counts(&format!("{key:?}"), bytes)?;
    Ok(match stored.era == era {
        true => stored.counts,
        false => TotpCounts::default(),
    })
}

/// Each account and what changes by it; `None` where there are changes of many at once.
fn each(changes: &[TotpChange]) -> Option<impl Iterator<Item = (&Key, TotpCounts)>> {
    let is_each = changes.iter().all(|change| change.account.is_some());
    let accounts = changes
        .iter()
        .filter_map(|change| Some((change.account.as_ref()?, change.by)));
    is_each.then_some(accounts)
}

/// The shard of an account's changes. Any would do.
fn shard(account: &Option<Key>) -> u8 {
    let bytes = account.as_ref().map_or(&[][..], Key::as_bytes);
    let sum = bytes
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte));
    sum % SHARDS
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::{
            Account, AccountKey, Authenticator, EmailAddress, PasswordHash, PersonName, UserId,
            UserType,
            account::{SealedSecret, TotpKey},
            password::HashCost,
            totp_counts::TotpStage,
        },
        store::{accounts::Read, check, counted::Counted, engine::memory::Memory, import::Import},
    };

    const NODES: [&str; 2] = ["one", "two"];

    fn at_stage(number: u8, stage: TotpStage) -> Account {
        let user_type = UserType::ALL[usize::from(number) % UserType::ALL.len()];
        let id = UserId::parse(&format!("PPK{number:04}")).unwrap();
        let mut account = Account::new(
            AccountKey::new(user_type, id),
            PersonName::parse("Siti").unwrap(),
            EmailAddress::parse("siti@contoh.go.id").unwrap(),
            PasswordHash::unmatchable(HashCost::MIN),
            Timestamp::UNIX_EPOCH,
        );
        let secret = SealedSecret {
            key_id: "key".into(),
            nonce: vec![1],
            ciphertext: vec![2],
        };
        let key = TotpKey::new(secret, Timestamp::UNIX_EPOCH);
        if stage != TotpStage::Off {
            account.authenticator = Authenticator::Pending(key);
        }
        if stage == TotpStage::Active {
            account.authenticator.prove(Timestamp::UNIX_EPOCH);
        }
        account
    }

    /// A store at which both nodes commit.
    struct Shared {
        raw: Arc<dyn Store>,
        nodes: [Arc<dyn Store>; 2],
        numbers: TotpNumbers,
        /// Each has a name of its own.
        imports: AtomicU32,
    }

    impl Shared {
        fn new(page: usize) -> Self {
            let raw: Arc<dyn Store> = Arc::new(Memory::default());
            let nodes = NODES.map(|node| -> Arc<dyn Store> {
                Arc::new(Counted::new(raw.clone(), node.to_owned()))
            });
            let mut numbers = TotpNumbers::new(raw.clone());
            numbers.page = page;
            Self {
                raw,
                nodes,
                numbers,
                imports: AtomicU32::new(0),
            }
        }

        fn accounts(&self, node: bool) -> Accounts {
            Accounts::new(self.nodes[usize::from(node)].clone())
        }

        async fn read(&self, node: bool, number: u8) -> Option<Read> {
            let key = at_stage(number, TotpStage::Off).key;
            self.accounts(node).read(&key).await.unwrap()
        }

        async fn put(&self, node: bool, number: u8, stage: TotpStage) {
            let account = at_stage(number, stage);
            match self.read(node, number).await {
                Some(read) => {
                    let store = &self.nodes[usize::from(node)];
                    let outcome = store.commit(read.replace(&account)).await.unwrap();
                    assert_eq!(outcome, Outcome::Applied);
                }
                // Where an import has left one that is hidden, there can be no other before that is swept away.
                None => drop(self.accounts(node).add(account).await.unwrap()),
            }
        }

        async fn remove(&self, node: bool, number: u8) {
            if let Some(read) = self.read(node, number).await {
                let count = self.accounts(node).count().await.unwrap();
                let store = &self.nodes[usize::from(node)];
                let outcome = store.commit(read.remove(&count)).await.unwrap();
                assert_eq!(outcome, Outcome::Applied);
            }
        }

        async fn import(&self, node: bool, numbers: std::ops::Range<u8>, is_finished: bool) {
            let store = self.nodes[usize::from(node)].clone();
            let begun = Timestamp::UNIX_EPOCH;
            let id = self.imports.fetch_add(1, Relaxed).to_string();
            let mut import = Import::begin(store, &id, begun).await.unwrap();
            for number in numbers {
                if self.read(node, number).await.is_none() {
                    let account = at_stage(number, TotpStage::Off);
                    import.add([account]).await.unwrap();
                }
            }
            if is_finished {
                import.finish().await.unwrap();
            }
        }

        /// By reading each account.
        async fn scanned(&self) -> TotpCounts {
            let walk = check::check(&self.raw, check::Scope::ButTheIndex, |_| {});
            walk.await.unwrap().totp
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Put(bool, u8, usize),
        Remove(bool, u8),
        Import(bool, u8, bool),
        /// The accounts to be counted next are read, and, later, counted.
        ReadPage,
        TakePage(bool),
        CountAnew(bool),
        Forget,
    }

    fn step() -> impl Strategy<Value = Step> {
        let (node, number) = (any::<bool>(), 0..12_u8);
        prop_oneof![
            6 => (node, number.clone(), 0..3_usize)
                .prop_map(|(node, number, stage)| Step::Put(node, number, stage)),
            2 => (node, number.clone()).prop_map(|(node, number)| Step::Remove(node, number)),
            1 => (node, number, any::<bool>())
                .prop_map(|(node, first, is_finished)| Step::Import(node, first, is_finished)),
            4 => Just(Step::ReadPage),
            4 => node.prop_map(Step::TakePage),
            1 => node.prop_map(Step::CountAnew),
            1 => Just(Step::Forget),
        ]
    }

    proptest! {
        /// Whatever is done, in whatever order, and however far accounts are counted meanwhile.
        #[test]
        fn the_numbers_are_those_of_the_accounts_that_there_are(
            page in 1..4_usize,
            steps in proptest::collection::vec(step(), 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let shared = Shared::new(page);
                let mut read: Option<Page> = None;
                for step in steps {
                    match step {
                        Step::Put(node, number, stage) => {
                            shared.put(node, number, TotpStage::ALL[stage]).await;
                        }
                        Step::Remove(node, number) => shared.remove(node, number).await,
                        Step::Import(node, first, is_finished) => {
                            shared.import(node, first..first + 5, is_finished).await;
                        }
                        Step::ReadPage => read = shared.numbers.next_page().await.unwrap(),
                        Step::TakePage(node) => {
                            if let Some(page) = read.take() {
                                let node = NODES[usize::from(node)];
                                shared.numbers.take(node, page).await.unwrap();
                            }
                        }
                        Step::CountAnew(node) => {
                            let node = NODES[usize::from(node)];
                            shared.numbers.count_anew(node).await.unwrap();
                        }
                        Step::Forget => {
                            shared.numbers.inherit(NODES[0], NODES[1]).await.unwrap();
                        }
                    }
                    if let Some(total) = shared.numbers.total().await.unwrap() {
                        prop_assert_eq!(total, shared.scanned().await);
                    }
                }
                shared.numbers.count_on(NODES[0]).await.unwrap();
                let total = shared.numbers.total().await.unwrap();
                prop_assert_eq!(total, Some(shared.scanned().await));
                Ok(())
            })?;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_at_once_are_all_counted_while_those_of_before_still_are() {
        let shared = Arc::new(Shared::new(3));
        for number in 0..64 {
            shared.put(false, number, TotpStage::Pending).await;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..64 {
            let shared = shared.clone();
            tasks.spawn(async move {
                shared.put(number % 4 == 0, number, TotpStage::Active).await;
            });
        }
        for node in NODES {
            let shared = shared.clone();
            tasks.spawn(async move { shared.numbers.count_on(node).await.unwrap() });
        }
        tasks.join_all().await;
        let total = shared.numbers.total().await.unwrap().unwrap();
        for user_type in UserType::ALL {
            let row = TotpStage::ALL.map(|stage| total.get(user_type, stage));
            assert_eq!(row, [0, 0, 32], "{user_type}");
        }
    }

    #[tokio::test]
    async fn what_changes_no_stage_touches_no_number() {
        let shared = Shared::new(9);
        shared.numbers.count_on("one").await.unwrap();
        shared.put(false, 7, TotpStage::Active).await;
        let read = shared.read(false, 7).await.unwrap();
        let mut account = read.account.clone();
        account.generation += 1;
        let mut commit = read.replace(&account);
        assert_eq!(commit.take_totp_changes(), []);
        let key = Key::account(&account.key);
        assert_eq!(commit.writes().len(), 1);
        assert_eq!(commit.expectations()[0].0, key);
        account.authenticator = Authenticator::Absent;
        let by = TotpCounts::change(Some(&read.account), Some(&account));
        let account = Some(key);
        let changes = read.replace(&Account {
            ..at_stage(7, TotpStage::Off)
        });
        assert_eq!(
            changes.clone().take_totp_changes(),
            [TotpChange { account, by }]
        );
        let outcome = shared.nodes[0].commit(changes).await.unwrap();
        assert_eq!(outcome, Outcome::Applied);
        let total = shared.numbers.total().await.unwrap();
        assert_eq!(total, Some(TotpCounts::of(&at_stage(7, TotpStage::Off))));
    }

    #[tokio::test]
    async fn whoever_changes_an_account_that_was_changed_is_told_though_numbers_change_too() {
        let shared = Shared::new(9);
        shared.numbers.count_on("one").await.unwrap();
        shared.put(false, 7, TotpStage::Off).await;
        let stale = shared.read(false, 7).await.unwrap();
        shared.put(true, 7, TotpStage::Pending).await;
        let late = stale.replace(&at_stage(7, TotpStage::Active));
        let outcome = shared.nodes[0].commit(late).await.unwrap();
        assert_eq!(outcome, Outcome::Conflict);
        let total = shared.numbers.total().await.unwrap();
        assert_eq!(
            total,
            Some(TotpCounts::of(&at_stage(7, TotpStage::Pending)))
        );
    }

    #[tokio::test]
    async fn numbers_that_cannot_be_read_keep_nobody_from_anything_and_are_counted_anew() {
        let shared = Shared::new(9);
        shared.numbers.count_on("one").await.unwrap();
        for number in 0..40 {
            shared.put(false, number, TotpStage::Pending).await;
        }
        for spoilt in [Key::totp_counting(), Key::totp_count("one", 3)] {
            let spoilt = Commit::new().put(spoilt, b"by hand".to_vec());
            shared.raw.commit(spoilt).await.unwrap();
            for number in 0..40 {
                shared.put(false, number, TotpStage::Active).await;
            }
            assert!(shared.numbers.total().await.is_err());
            // As `store check --accept` does it with records that are altered.
            for spoilt in [Key::totp_counting(), Key::totp_count("one", 3)] {
                let commit = Commit::new().remove(spoilt);
                shared.raw.commit(commit).await.unwrap();
            }
            shared.numbers.count_anew("two").await.unwrap();
            let total = shared.numbers.total().await.unwrap();
            assert_eq!(total, Some(shared.scanned().await));
        }
    }
}
