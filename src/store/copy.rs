//! Copying a whole store into another one, of any engine.
//!
//! Both are read in the order of their keys, side by side, and what the target lacks, has otherwise, or has too much is
//! written. So a copy that was broken off goes on where it was by being done again, and the check at its end is the same
//! walk once more, in which nothing may differ.
//!
//! A mark says that a target is not whole, and one that a source lives on elsewhere; nothing else opens a store that has
//! either. The source's comes before the target's goes: at no moment are there two stores that serve, in which a code
//! would be accepted twice.
//!
//! Everything is copied as it is stored, with its tag, and the sealed store key with it: no master key is asked for, and
//! what is altered in the one is so in the other. Visits and hours counted by one machine are copied too: they add up as
//! before. Of the heads of audit logs, this machine's own goes with the log, under whatever name the machine has; see
//! `crate::parts::store_copy`.

use std::{collections::VecDeque, sync::Arc};

use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};

use super::{
    Commit, Key, Outcome, Store, StoreError, Value, Work, audit_heads::AuditHeads, record,
};
use crate::milestone;

/// Records read at once from either store.
const PAGE: usize = 256;

/// Commits under way at once.
const AT_ONCE: usize = 8;

/// Progress is told in steps of this many records.
const STEP: u64 = 256;

/// Whether a store may serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    InService,
    /// A copy into it was broken off.
    HalfCopied,
    /// It lives on elsewhere.
    Moved,
}

/// Why a store was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the store to copy from has no records; nothing was copied")]
    NothingThere,
    #[error(
        "a restore into one of the two stores was not finished; run `lpse-kiosk restore` again first"
    )]
    RestoreUnfinished,
    #[error("a copy into the store to copy from was not finished; run that one again first")]
    SourceUnfinished,
    #[error(
        "the store to copy to holds records of its own, and a copy wants an empty one; nothing was changed"
    )]
    InUse,
    #[error(
        "both stores were copied elsewhere, so neither is the newest; nothing was changed: copy from the one that is in use"
    )]
    BothOld,
    #[error(
        "{0:?} is not the same in both stores: a process writes to one of them; end every lpse-kiosk on both, and run this again"
    )]
    Differs(Key),
    #[error("the store was changed while it was copied; run this again")]
    Disturbed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether `store` may serve.
pub async fn standing(store: &dyn Store) -> Result<Standing, StoreError> {
    if store.get(&Key::copy()).await?.is_some() {
        return Ok(Standing::HalfCopied);
    }
    Ok(match store.get(&Key::moved()).await? {
        Some(_) => Standing::Moved,
        None => Standing::InService,
    })
}

/// Refuses what a copy from `from` to `to` must not begin with. Nothing is written.
pub async fn check(from: &dyn Store, to: &dyn Store) -> Result<(), CopyError> {
    for store in [from, to] {
        if store.get(&Key::restore()).await?.is_some() {
            return Err(CopyError::RestoreUnfinished);
        }
    }
    let source = standing(from).await?;
    if source == Standing::HalfCopied {
        return Err(CopyError::SourceUnfinished);
    }
    if Rows::of(from).peek().await?.is_none() {
        return Err(CopyError::NothingThere);
    }
    match standing(to).await? {
        Standing::HalfCopied => Ok(()),
        Standing::Moved if source == Standing::Moved => Err(CopyError::BothOld),
        // Its records are old, and live on elsewhere.
        Standing::Moved => Ok(()),
        Standing::InService => match Rows::of(to).peek().await? {
            Some(_) => Err(CopyError::InUse),
            None => Ok(()),
        },
    }
}

/// What a copy came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Records in both stores, each read again from both and compared.
    pub records: u64,
    /// Of them, those that were written now; the others were there from a copy that was broken off.
    pub written: u64,
}

/// Whose audit log this machine's is.
#[derive(Debug, Clone)]
pub struct Names {
    pub in_source: String,
    pub in_target: String,
}

/// Copies everything from `from` to `to`, after which `to` serves, and `from` does not any more. `progress` hears of
/// records, each of which comes twice: copied, and compared.
pub async fn copy(
    from: &dyn Store,
    to: &Arc<dyn Store>,
    names: &Names,
    now: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<Copied, CopyError> {
    let _turn = to.take_turn(Work::Copy).await?;
    // From here on nobody else writes to what is copied, wherever it is served.
    let _turn_there = from.take_turn(Work::Copy).await?;
    check(from, &**to).await?;
    let mark = record::encode_import(now);
    let begun = Commit::new()
        .put(Key::copy(), mark.clone())
        .remove(Key::moved());
    applied(to.commit(begun).await)?;
    milestone::reached();
    let mut writer = Writer {
        to: to.clone(),
        mark: mark.clone(),
        batch: Commit::new(),
        under_way: JoinSet::new(),
    };
    let mut walk = Walk::of(from, &**to);
    let (mut seen, mut written) = (0, 0);
    while let Some(step) = walk.next().await? {
        match step {
            Step::Same => {}
            Step::Put(key, value) => {
                written += 1;
                writer.write(Commit::new().put(key, value)).await?;
            }
            Step::Remove(key) => writer.write(Commit::new().remove(key)).await?,
        }
        seen += 1;
        if seen % STEP == 0 {
            progress(STEP);
        }
    }
    progress(seen % STEP);
    writer.finish().await?;
    copy_heads(from, to, names).await?;
    let records = compare(from, &**to, &mut progress).await?;
    milestone::reached();
    let moved = Commit::new().put(Key::moved(), record::encode_import(now));
    applied(from.commit(moved).await)?;
    milestone::reached();
    let done = Commit::new()
        .expect(Key::copy(), Some(mark))
        .remove(Key::copy());
    applied(to.commit(done).await)?;
    Ok(Copied { records, written })
}

fn applied(outcome: Result<Outcome, StoreError>) -> Result<(), CopyError> {
    match outcome? {
        Outcome::Applied => Ok(()),
        Outcome::Conflict => Err(CopyError::Disturbed),
    }
}

/// Reads everything again from both; returns how many records there are.
async fn compare(
    from: &dyn Store,
    to: &dyn Store,
    progress: &mut impl FnMut(u64),
) -> Result<u64, CopyError> {
    let mut walk = Walk::of(from, to);
    let mut records = 0;
    while let Some(step) = walk.next().await? {
        match step {
            Step::Same => records += 1,
            Step::Put(key, _) | Step::Remove(key) => return Err(CopyError::Differs(key)),
        }
        if records % STEP == 0 {
            progress(STEP);
        }
    }
    Ok(records)
}

/// The heads of the other machines' logs, which keep their names.
async fn copy_heads(
    from: &dyn Store,
    to: &Arc<dyn Store>,
    names: &Names,
) -> Result<(), StoreError> {
    let heads = AuditHeads::new(to.clone());
    for (node, head) in AuditHeads::all(from).await? {
        if node != names.in_source && node != names.in_target {
            heads.advance(&node, head).await?;
        }
    }
    Ok(())
}

/// Both stores, side by side.
struct Walk<'a> {
    from: Rows<'a>,
    to: Rows<'a>,
}

/// What makes the target the same as the source at one key.
enum Step {
    Same,
    Put(Key, Value),
    Remove(Key),
}

impl<'a> Walk<'a> {
    fn of(from: &'a dyn Store, to: &'a dyn Store) -> Self {
        Self {
            from: Rows::of(from),
            to: Rows::of(to),
        }
    }

    /// The next step, in the order of the keys. Of the target only what lies ahead is read, so the steps may be taken
    /// meanwhile.
    async fn next(&mut self) -> Result<Option<Step>, StoreError> {
        let there = self.to.peek().await?.map(|(key, _)| key.clone());
        let here = self.from.peek().await?.map(|(key, _)| key.clone());
        Ok(match (here, there) {
            (None, None) => None,
            (Some(here), Some(there)) if here == there => {
                let pair = self.from.take().zip(self.to.take());
                pair.map(|((key, ours), (_, theirs))| match ours == theirs {
                    true => Step::Same,
                    false => Step::Put(key, ours),
                })
            }
            (here, Some(there)) if here.as_ref().is_none_or(|here| *here > there) => {
                self.to.take().map(|(key, _)| Step::Remove(key))
            }
            _ => self.from.take().map(|(key, value)| Step::Put(key, value)),
        })
    }
}

/// The records of a store that are copied, in the order of their keys.
struct Rows<'a> {
    store: &'a dyn Store,
    page: VecDeque<(Key, Value)>,
    after: Option<Key>,
    is_last: bool,
}

impl<'a> Rows<'a> {
    fn of(store: &'a dyn Store) -> Self {
        Self {
            store,
            page: VecDeque::new(),
            after: None,
            is_last: false,
        }
    }

    async fn peek(&mut self) -> Result<Option<&(Key, Value)>, StoreError> {
        while self.page.is_empty() && !self.is_last {
            let after = self.after.as_ref();
            let rows = self.store.page(&Key::everything(), after, PAGE).await?;
            match rows.last() {
                Some((last, _)) => self.after = Some(last.clone()),
                None => self.is_last = true,
            }
            let copied = rows
                .into_iter()
                .filter(|(key, _)| key.belongs_into_copies());
            self.page.extend(copied);
        }
        Ok(self.page.front())
    }

    fn take(&mut self) -> Option<(Key, Value)> {
        self.page.pop_front()
    }
}

/// Commits to the target, several under way at once: they write different keys.
struct Writer {
    to: Arc<dyn Store>,
    /// Every commit demands it, so that one that was taken for dead writes nothing into a store that serves.
    mark: Value,
    batch: Commit,
    under_way: JoinSet<Result<Outcome, StoreError>>,
}

impl Writer {
    async fn write(&mut self, part: Commit) -> Result<(), CopyError> {
        if !self.batch.writes().is_empty() && !self.batch.has_room_for(&part) {
            self.send().await?;
        }
        self.batch = std::mem::take(&mut self.batch).and(part);
        Ok(())
    }

    async fn send(&mut self) -> Result<(), CopyError> {
        if self.under_way.len() == AT_ONCE {
            self.hear().await?;
        }
        let batch = std::mem::take(&mut self.batch);
        let batch = batch.expect(Key::copy(), Some(self.mark.clone()));
        let to = self.to.clone();
        self.under_way.spawn(async move { to.commit(batch).await });
        Ok(())
    }

    async fn hear(&mut self) -> Result<(), CopyError> {
        let broken_off = |_: JoinError| StoreError::Unknown("a write was broken off".into());
        if let Some(done) = self.under_way.join_next().await {
            applied(done.map_err(broken_off)?)?;
            milestone::reached();
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), CopyError> {
        if !self.batch.writes().is_empty() {
            self.send().await?;
        }
        while !self.under_way.is_empty() {
            self.hear().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::audit::{AuditHead, RecordHash},
        store::engine::memory::Memory,
    };

    fn names() -> Names {
        Names {
            in_source: "local".into(),
            in_target: "one".into(),
        }
    }

    async fn put(store: &dyn Store, rows: &[(&str, &str)]) {
        let commit = rows.iter().fold(Commit::new(), |commit, (key, value)| {
            commit.put(Key::from_bytes(*key), value.as_bytes().to_vec())
        });
        store.commit(commit).await.unwrap();
    }

    async fn rows(store: &dyn Store) -> Vec<(Key, Value)> {
        let all = store.page(&Key::everything(), None, usize::MAX).await;
        let all = all.unwrap().into_iter();
        all.filter(|(key, _)| key.belongs_into_copies()).collect()
    }

    async fn copied(from: &Arc<dyn Store>, to: &Arc<dyn Store>) -> Result<Copied, CopyError> {
        copy(&**from, to, &names(), Timestamp::UNIX_EPOCH, |_| {}).await
    }

    fn store() -> Arc<dyn Store> {
        Arc::new(Memory::default())
    }

    #[tokio::test]
    async fn what_a_broken_copy_left_is_made_the_same_and_no_more_is_written() {
        let (from, to) = (store(), store());
        for number in 0..700 {
            put(&*from, &[(&format!("account/{number:03}"), "same")]).await;
        }
        put(&*from, &[("visits/local", "7"), ("decoy/local/1", "x")]).await;
        // Of another source: something is missing, something else is there, and something is otherwise.
        put(
            &*to,
            &[
                ("account/005", "same"),
                ("account/007", "other"),
                ("a", "x"),
                ("z", "x"),
            ],
        )
        .await;
        assert!(matches!(copied(&from, &to).await, Err(CopyError::InUse)));
        put(&*to, &[("copy", "broken off")]).await;
        assert_eq!(standing(&*to).await.unwrap(), Standing::HalfCopied);
        let done = copied(&from, &to).await.unwrap();
        assert_eq!((done.records, done.written), (701, 700));
        assert_eq!(rows(&*from).await, rows(&*to).await);
        assert_eq!(standing(&*to).await.unwrap(), Standing::InService);
        assert_eq!(standing(&*from).await.unwrap(), Standing::Moved);
    }

    #[tokio::test]
    async fn a_store_that_lives_on_elsewhere_takes_its_records_back_and_no_others() {
        let (first, second, third) = (store(), store(), store());
        put(&*first, &[("a", "old"), ("b", "old")]).await;
        copied(&first, &second).await.unwrap();
        put(&*second, &[("a", "new")]).await;
        copied(&second, &third).await.unwrap();
        assert!(matches!(
            copied(&first, &second).await,
            Err(CopyError::BothOld)
        ));
        assert!(matches!(
            copied(&first, &third).await,
            Err(CopyError::InUse)
        ));
        copied(&third, &first).await.unwrap();
        assert_eq!(rows(&*first).await, rows(&*third).await);
        assert_eq!(standing(&*first).await.unwrap(), Standing::InService);
        let empty = store();
        assert!(matches!(
            copied(&empty, &third).await,
            Err(CopyError::NothingThere)
        ));
    }

    #[tokio::test]
    async fn heads_of_other_machines_go_along_and_this_ones_does_not_by_itself() {
        let (from, to) = (store(), store());
        put(&*from, &[("a", "1")]).await;
        let head = |seq| AuditHead {
            seq,
            hash: RecordHash::from_bytes([1; RecordHash::LENGTH]),
        };
        let heads = AuditHeads::new(from.clone());
        for (node, seq) in [("local", 3), ("one", 4), ("two", 5)] {
            heads.advance(node, head(seq)).await.unwrap();
        }
        copied(&from, &to).await.unwrap();
        let there = AuditHeads::all(&*to).await.unwrap();
        assert_eq!(there, [("two".to_owned(), head(5))]);
    }
}
