//! One committer for every embedded engine: group commit, durability before any answer, and what happens when an
//! engine fails.
//!
//! Commits that wait together form a group of at most [`Commit::MAX_BYTES`] and share one flush. One thread judges and
//! applies them one after the other, so there is one order and no race; nobody is answered before the group is on the
//! disk.
//!
//! A reader may see a write that is applied but not yet flushed. That is harmless: whatever grants or changes
//! something has a commit of its own, later in the same order, and what comes later on the disk is not there without
//! what came before. A mere refusal on the ground of an unflushed write grants nothing.
//!
//! After an engine's error its handle is not used again: what was in flight is answered as unknown, the handle is
//! dropped, and the next request opens the store anew, once the disk has room. A group that takes longer than
//! [`PATIENCE`] is one that will not end (sled 0.34.7 can stop inside itself for ever): the store is then declared
//! stuck, everybody is answered, and whoever watches [`Embedded::liveness`] ends the program, for its supervisor to
//! start it again.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    contract::{Engine, Opener},
    inventory::{Newest, Noted},
    opening::{close, guarded, one_line},
};
use crate::store::{
    Commit, Key, Outcome, Part, Snapshot, Store, StoreError, Value,
    folder::{Folder, OpenError, Room},
    health::{Condition, Counts, Ended, Health, Liveness},
    snapshot::{Rows, Written, too_much},
};

/// A commit that takes longer will not end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A failed engine is opened anew no more often than this.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// For so long a store counts as it was read when it was opened. Later an orderly end reads every record again before it
/// notes the digest of the files: a digest of what has rotted since would pass for what was written.
const READ_LATELY: Duration = Duration::from_secs(60 * 60);

/// An end that takes longer is soon made disorderly by whoever waits for it.
const READING_AT_THE_END: Duration = Duration::from_secs(4);

/// Commits that may wait; more wait outside, in their callers.
const QUEUE: usize = 1024;

enum Job {
    Commit(Commit, oneshot::Sender<Result<Outcome, StoreError>>),
    /// Open the engine if it failed, and say whether it is open.
    Reopen(oneshot::Sender<Result<(), StoreError>>),
    /// Read what was written and not read since, between two commits.
    ReadWritten(
        BTreeSet<Key>,
        Arc<Written>,
        oneshot::Sender<Result<Part, StoreError>>,
    ),
}

/// The copies under way, which are told of every write.
type Copies = Arc<Mutex<Vec<Weak<Written>>>>;

/// A store over an embedded engine. Clones are the same store.
#[derive(Clone)]
pub struct Embedded {
    jobs: mpsc::Sender<Job>,
    engine: Arc<RwLock<Option<Box<dyn Engine>>>>,
    liveness: watch::Sender<Liveness>,
    room: Room,
    counts: Arc<Counts>,
    copies: Copies,
    /// Dropped by the committer when it has ended and the folder's lock with it.
    ended: watch::Receiver<()>,
}

impl Embedded {
    /// Opens the engine in `folder` and starts its committer.
    pub fn open(folder: Folder, opener: Box<dyn Opener>) -> Result<Self, OpenError> {
        let engine = Arc::new(RwLock::new(Some(opener.open(&folder)?)));
        let read = Instant::now();
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (end, ended) = watch::channel(());
        let room = folder.room().clone();
        let counts = Arc::new(Counts::default());
        let copies = Copies::default();
        let shown = folder.path().display().to_string();
        let committer = Committer {
            newest: Newest::in_folder(folder.path()),
            folder,
            opener,
            engine: engine.clone(),
            read,
            failure: None,
            carried: None,
            queue,
            counts: counts.clone(),
            copies: copies.clone(),
        };
        thread::Builder::new()
            .name("committer".into())
            .spawn(move || {
                committer.run();
                drop(end);
            })
            .map_err(|error| OpenError::Failed {
                folder: shown,
                reason: format!("no thread can be started for it: {error}"),
            })?;
        Ok(Self {
            jobs,
            engine,
            liveness: watch::Sender::new(Liveness::Well),
            room,
            counts,
            copies,
            ended,
        })
    }

    /// Tells when the store can no longer go on.
    pub fn liveness(&self) -> watch::Receiver<Liveness> {
        self.liveness.subscribe()
    }

    /// Tells how the store is, whenever asked.
    pub fn health(&self) -> Health {
        let (engine, liveness) = (self.engine.clone(), self.liveness());
        let (room, counts) = (self.room.clone(), self.counts.clone());
        Health::new(room, counts, move || {
            if *liveness.borrow() == Liveness::Stuck {
                return Condition::Stuck;
            }
            // Only who takes the engine away, or brings another, locks out readers.
            match engine.try_read().is_ok_and(|engine| engine.is_some()) {
                true => Condition::Well,
                false => Condition::Closed,
            }
        })
    }

    /// Hears the committer's end: after the last handle is dropped, everything that waited is written, the engine is
    /// closed and the folder is free for another process.
    pub fn ended(&self) -> Ended {
        Ended::new(self.ended.clone())
    }

    /// `answer`, unless it takes so long that it will never come.
    async fn patiently<T>(
        &self,
        answer: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::Unknown("the store was closed".into())),
            Err(_) => {
                self.liveness.send_replace(Liveness::Stuck);
                Err(StoreError::Unknown(format!(
                    "a write did not end within {} s; the program has to be started again",
                    PATIENCE.as_secs()
                )))
            }
        }
    }

    fn check_health(&self) -> Result<(), StoreError> {
        match *self.liveness.borrow() {
            Liveness::Well => Ok(()),
            Liveness::Stuck => Err(StoreError::Unavailable(
                "the store is stuck; the program has to be started again".into(),
            )),
        }
    }

    async fn job(&self, job: Job) -> Result<(), StoreError> {
        self.jobs
            .send(job)
            .await
            .map_err(|_| StoreError::Unavailable("the store is closed".into()))
    }

    /// Runs `read` on a thread that may block: an engine reads from the disk when it must.
    async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&dyn Engine) -> Result<T, String> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.check_health()?;
        let engine = self.engine.clone();
        let closed = || StoreError::Unavailable("the store is closed".into());
        let attempt = tokio::task::spawn_blocking(move || {
            let engine = engine.read().unwrap_or_else(PoisonError::into_inner);
            let result = engine.as_deref().map(|engine| guarded(|| read(engine)));
            (result, read)
        });
        let (result, read) = attempt.await.map_err(|_| closed())?;
        if let Some(result) = result {
            return result.map_err(unreadable);
        }
        let (reply, answer) = oneshot::channel();
        self.job(Job::Reopen(reply)).await?;
        self.patiently(answer).await?;
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || {
            let engine = engine.read().unwrap_or_else(PoisonError::into_inner);
            match engine.as_deref() {
                Some(engine) => guarded(|| read(engine)).map_err(unreadable),
                None => Err(StoreError::Unavailable("the store is closed".into())),
            }
        })
        .await
        .map_err(|_| closed())?
    }
}

#[async_trait]
impl Store for Embedded {
    async fn get(&self, key: &Key) -> Result<Option<Value>, StoreError> {
        let key = key.clone();
        self.read(move |engine| engine.get(&key)).await
    }

    async fn page(
        &self,
        prefix: &Key,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Value)>, StoreError> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        self.read(move |engine| engine.page(&prefix, after.as_ref(), limit))
            .await
    }

    async fn commit(&self, commit: Commit) -> Result<Outcome, StoreError> {
        self.check_health()?;
        commit.check_size()?;
        let (reply, answer) = oneshot::channel();
        self.job(Job::Commit(commit, reply)).await?;
        self.patiently(answer).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        let written = Arc::new(Written::default());
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        copies.push(Arc::downgrade(&written));
        Ok(Box::new(Copy {
            store: self.clone(),
            written,
            at: At::Page(None),
            again: VecDeque::new(),
            rounds: 0,
            rows: Rows::default(),
        }))
    }
}

/// Rows read at once for a copy.
const COPY_PAGE: usize = 256;

/// With more written keys than this, a copy reads them again before it goes on.
const WRITTEN_IN_MIND: usize = 16 * 1024;

/// At most so many keys are read between two commits, which wait for it.
const WRITTEN_AT_LAST: usize = 1024;

/// Reading again is faster than writing: after so many rounds with too much left, something is wrong.
const ROUNDS: u32 = 256;

/// A copy of an embedded store.
#[derive(Debug)]
struct Copy {
    store: Embedded,
    written: Arc<Written>,
    at: At,
    /// Keys to be read again.
    again: VecDeque<Key>,
    rounds: u32,
    rows: Rows,
}

/// How far a copy has come.
#[derive(Debug)]
enum At {
    /// The page after this key is next.
    Page(Option<Key>),
    /// All pages are copied.
    Written,
    /// What was written is read, and nothing follows.
    Last,
}

#[async_trait]
impl Snapshot for Copy {
    async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        loop {
            if let Some(part) = self.rows.take_part() {
                return Ok(Some(part));
            }
            if !self.again.is_empty() {
                self.read_again().await?;
                continue;
            }
            match &self.at {
                At::Page(_) if self.written.count() > WRITTEN_IN_MIND => {
                    self.again.extend(self.written.take()?);
                }
                At::Page(after) => {
                    let everything = Key::everything();
                    let page = self
                        .store
                        .page(&everything, after.as_ref(), COPY_PAGE)
                        .await?;
                    self.at = match page.last() {
                        Some((last, _)) => At::Page(Some(last.clone())),
                        None => At::Written,
                    };
                    let rows = page.into_iter().map(|(key, value)| (key, Some(value)));
                    self.rows.extend(rows);
                }
                At::Written => {
                    let written = self.written.take()?;
                    if written.len() > WRITTEN_AT_LAST {
                        self.rounds += 1;
                        if self.rounds > ROUNDS {
                            return Err(too_much());
                        }
                        self.again.extend(written);
                        continue;
                    }
                    let (reply, answer) = oneshot::channel();
                    let job = Job::ReadWritten(written, self.written.clone(), reply);
                    self.store.job(job).await?;
                    self.rows.extend(self.store.patiently(answer).await?);
                    self.at = At::Last;
                }
                At::Last => return Ok(None),
            }
        }
    }
}

impl Copy {
    async fn read_again(&mut self) -> Result<(), StoreError> {
        let count = self.again.len().min(COPY_PAGE);
        let keys: Vec<Key> = self.again.drain(..count).collect();
        let read = move |engine: &dyn Engine| -> Result<Part, String> {
            let row = |key: &Key| Ok((key.clone(), engine.get(key)?));
            keys.iter().map(row).collect()
        };
        let rows = self.store.read(read).await?;
        self.rows.extend(rows);
        Ok(())
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Embedded")
    }
}

/// The one thread that writes.
struct Committer {
    folder: Folder,
    opener: Box<dyn Opener>,
    engine: Arc<RwLock<Option<Box<dyn Engine>>>>,
    /// When every record was found to be as it was written.
    read: Instant,
    /// Why the engine is closed, and when that was last tried to be mended.
    failure: Option<(String, Instant)>,
    /// A commit that did not fit the last group.
    carried: Option<(Commit, oneshot::Sender<Result<Outcome, StoreError>>)>,
    queue: mpsc::Receiver<Job>,
    counts: Arc<Counts>,
    copies: Copies,
    newest: Newest,
}

impl Committer {
    fn run(mut self) {
        loop {
            let first = match self.carried.take() {
                Some((commit, reply)) => Job::Commit(commit, reply),
                None => match self.queue.blocking_recv() {
                    Some(job) => job,
                    None => break,
                },
            };
            match first {
                Job::Reopen(reply) => {
                    let open = self.open_again();
                    let _ = reply.send(open);
                }
                Job::ReadWritten(keys, written, reply) => {
                    let _ = reply.send(self.read_written(keys, &written));
                }
                Job::Commit(commit, reply) => self.commit(commit, reply),
            }
        }
        // Closing the engine may write; its folder is given up only after it.
        let closed = self
            .engine
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // One that has failed is not there any more.
        if let Some(engine) = closed {
            let commits = engine.inventory().commits;
            let is_well = self.read.elapsed() < READ_LATELY || is_read_to_the_end(&*engine);
            if close(engine) && is_well {
                let left = self.opener.left(&self.folder);
                self.newest.note(Noted { commits, left });
            }
        }
    }

    fn commit(&mut self, commit: Commit, reply: oneshot::Sender<Result<Outcome, StoreError>>) {
        let mut size = commit.size();
        let mut group = vec![commit];
        let mut replies = vec![reply];
        while let Ok(job) = self.queue.try_recv() {
            match job {
                Job::Reopen(reply) => {
                    let open = self.open_again();
                    let _ = reply.send(open);
                }
                // What is gathered here is not applied yet.
                Job::ReadWritten(keys, written, reply) => {
                    let _ = reply.send(self.read_written(keys, &written));
                }
                Job::Commit(commit, reply) => {
                    size += commit.size();
                    if size > Commit::MAX_BYTES {
                        self.carried = Some((commit, reply));
                        break;
                    }
                    group.push(commit);
                    replies.push(reply);
                }
            }
        }
        let begun = Instant::now();
        let result = self.apply(&group);
        let took = begun.elapsed();
        // Also what failed: it may have been applied.
        self.tell_copies(&group);
        match &result {
            Ok(outcomes) => self.counts.count(outcomes, took),
            Err(_) => self.counts.count_failed(group.len()),
        }
        match result {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) => {
                for reply in replies {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }

    fn apply(&mut self, group: &[Commit]) -> Result<Vec<Outcome>, StoreError> {
        self.open_again()?;
        self.folder
            .room()
            .check()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let result = {
            let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
            match engine.as_deref() {
                Some(engine) => guarded(|| {
                    let outcomes = engine.apply(group)?;
                    self.newest.note(Noted {
                        commits: engine.inventory().commits,
                        left: None,
                    });
                    Ok(outcomes)
                }),
                None => return Err(StoreError::Unavailable("the store is closed".into())),
            }
        };
        result.map_err(|reason| {
            let reason = one_line(&reason);
            tracing::error!(%reason, "the store failed while writing");
            self.fail(reason.clone());
            StoreError::Unknown(reason)
        })
    }

    fn tell_copies(&self, group: &[Commit]) {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        copies.retain(|written| match written.upgrade() {
            Some(written) => {
                written.note(group);
                true
            }
            None => false,
        });
    }

    /// What stands now under `keys`, and under those that were written since they were taken.
    fn read_written(&self, mut keys: BTreeSet<Key>, written: &Written) -> Result<Part, StoreError> {
        keys.append(&mut written.take()?);
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        let Some(engine) = engine.as_deref() else {
            return Err(StoreError::Unavailable("the store is closed".into()));
        };
        let read = |key: Key| {
            let value = guarded(|| engine.get(&key)).map_err(unreadable)?;
            Ok((key, value))
        };
        keys.into_iter().map(read).collect()
    }

    /// Drops a handle that has failed.
    fn fail(&mut self, reason: String) {
        let failed = self
            .engine
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(failed) = failed {
            close(failed);
        }
        self.failure = Some((reason, Instant::now()));
    }

    /// Opens a failed engine anew, when it is time and the disk has room.
    fn open_again(&mut self) -> Result<(), StoreError> {
        let Some((reason, tried)) = &mut self.failure else {
            return Ok(());
        };
        if tried.elapsed() < REOPEN_PAUSE {
            return Err(StoreError::Unavailable(reason.clone()));
        }
        *tried = Instant::now();
        let opened = match self.folder.room().check() {
            Ok(()) => self
                .opener
                .open(&self.folder)
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match opened {
            Ok(engine) => {
                *self.engine.write().unwrap_or_else(PoisonError::into_inner) = Some(engine);
                self.read = Instant::now();
                self.failure = None;
                tracing::info!("the store is open again");
                Ok(())
            }
            Err(error) => {
                *reason = error.clone();
                Err(StoreError::Unavailable(error))
            }
        }
    }
}

/// Whether every record is as it was written, and was read in the time there is for it. What is not is found by the next
/// opening, which then reads all of it.
fn is_read_to_the_end(engine: &dyn Engine) -> bool {
    let begun = Instant::now();
    let goes_on = || begun.elapsed() < READING_AT_THE_END;
    match guarded(|| engine.check_inventory(&goes_on)) {
        Ok(is_read) => is_read,
        Err(reason) => {
            let reason = one_line(&reason);
            tracing::error!(%reason, "the store is not as it was written");
            false
        }
    }
}

/// That an engine does not read what was written, for operators: people are told that the service is unavailable.
fn unreadable(reason: String) -> StoreError {
    StoreError::Unavailable(format!(
        "the store cannot be read just now, and nothing was changed; if it stays so, keep a copy of its folder, put it aside \
         and bring the newest backup back: lpse-kiosk restore BACKUP ({})",
        one_line(&reason)
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc as std_mpsc,
    };

    use super::{
        super::{file_digest::FileDigest, inventory::Inventory},
        *,
    };
    use crate::store::engine::memory::Memory;

    /// What the engine of a test does with the next group.
    #[derive(Debug, Default)]
    struct Orders {
        fail: AtomicBool,
        /// Groups that have reached the engine.
        entered: AtomicU32,
        opened: AtomicU32,
        groups: Mutex<Vec<usize>>,
    }

    /// An engine in memory that fails on demand, as no real one does.
    #[derive(Debug)]
    struct Obedient {
        orders: Arc<Orders>,
        records: Arc<Memory>,
        hold: Option<Arc<Mutex<std_mpsc::Receiver<()>>>>,
    }

    impl Engine for Obedient {
        fn get(&self, key: &Key) -> Result<Option<Value>, String> {
            now(self.records.get(key))
        }

        fn page(
            &self,
            prefix: &Key,
            after: Option<&Key>,
            limit: usize,
        ) -> Result<Vec<(Key, Value)>, String> {
            now(self.records.page(prefix, after, limit))
        }

        fn apply(&self, group: &[Commit]) -> Result<Vec<Outcome>, String> {
            self.orders.entered.fetch_add(1, Ordering::SeqCst);
            if let Some(hold) = &self.hold {
                // Until the test lets go, or for ever.
                let _ = hold.lock().unwrap().recv();
            }
            if self.orders.fail.swap(false, Ordering::SeqCst) {
                return Err("injected I/O error".into());
            }
            self.orders.groups.lock().unwrap().push(group.len());
            group
                .iter()
                .map(|commit| now(self.records.commit(commit.clone())))
                .collect()
        }

        fn inventory(&self) -> Inventory {
            Inventory::default()
        }
    }

    /// Opens the same records each time.
    struct InMemory {
        orders: Arc<Orders>,
        records: Arc<Memory>,
        hold: Option<Arc<Mutex<std_mpsc::Receiver<()>>>>,
    }

    impl Opener for InMemory {
        fn open(&self, _: &Folder) -> Result<Box<dyn Engine>, OpenError> {
            self.orders.opened.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(Obedient {
                orders: self.orders.clone(),
                records: self.records.clone(),
                hold: self.hold.clone(),
            }))
        }

        fn left(&self, _: &Folder) -> Option<FileDigest> {
            None
        }
    }

    /// The outcome of a future of the store in memory, which never waits.
    fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(result) => result.map_err(|error| error.to_string()),
            std::task::Poll::Pending => Err("memory does not wait".into()),
        }
    }

    struct Stage {
        store: Embedded,
        orders: Arc<Orders>,
        _folder: tempfile::TempDir,
    }

    fn stage(hold: Option<std_mpsc::Receiver<()>>) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let taken = Folder::hold(folder.path(), 0).unwrap();
        let orders = Arc::new(Orders::default());
        let records = Arc::new(Memory::default());
        let hold = hold.map(|hold| Arc::new(Mutex::new(hold)));
        let opener = Box::new(InMemory {
            orders: orders.clone(),
            records,
            hold,
        });
        Stage {
            store: Embedded::open(taken, opener).unwrap(),
            orders,
            _folder: folder,
        }
    }

    fn put(name: &str) -> Commit {
        Commit::new().put(Key::from_bytes(name), b"1".to_vec())
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_does_not_end_is_given_up_and_the_store_declared_stuck() {
        let (_never, hold) = std_mpsc::channel();
        let Stage { store, .. } = stage(Some(hold));
        let outcome = store.commit(put("a")).await;
        assert!(
            matches!(outcome, Err(StoreError::Unknown(_))),
            "{outcome:?}"
        );
        assert_eq!(*store.liveness().borrow(), Liveness::Stuck);
        assert_eq!(store.health().condition(), Condition::Stuck);
        let next = store.commit(put("b")).await;
        assert!(matches!(next, Err(StoreError::Unavailable(_))), "{next:?}");
        let read = store.get(&Key::from_bytes("a")).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    }

    #[tokio::test]
    async fn after_an_error_the_handle_is_dropped_and_the_store_opened_anew() {
        let Stage { store, orders, .. } = stage(None);
        assert_eq!(store.commit(put("a")).await.unwrap(), Outcome::Applied);
        orders.fail.store(true, Ordering::SeqCst);
        let failed = store.commit(put("b")).await;
        assert!(matches!(failed, Err(StoreError::Unknown(_))), "{failed:?}");
        let health = store.health();
        assert_eq!(health.condition(), Condition::Closed);
        // At once it is refused; a moment later it goes on by itself.
        let refused = store.commit(put("b")).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        while store.get(&Key::from_bytes("a")).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(store.commit(put("b")).await.unwrap(), Outcome::Applied);
        assert_eq!(orders.opened.load(Ordering::SeqCst), 2);
        assert_eq!(health.condition(), Condition::Well);
        let counts = health.counts();
        assert_eq!((counts.applied(), counts.groups()), (2, 2));
        assert!(counts.failed() >= 2, "{counts:?}");
        // Whoever watches keeps nothing open.
        let ended = store.ended();
        drop(store);
        ended.wait().await;
        assert_eq!(health.condition(), Condition::Closed);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn commits_that_wait_together_share_a_group() {
        let (go, hold) = std_mpsc::channel();
        let Stage { store, orders, .. } = stage(Some(hold));
        let store = Arc::new(store);
        let mut waiting = tokio::task::JoinSet::new();
        let commit = |number: u32| {
            let store = store.clone();
            async move { store.commit(put(&format!("k{number}"))).await.unwrap() }
        };
        // The first commit holds the engine until all others wait in the queue.
        waiting.spawn(commit(0));
        while orders.entered.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        for number in 1..100 {
            waiting.spawn(commit(number));
        }
        while store.jobs.max_capacity() - store.jobs.capacity() < 99 {
            tokio::task::yield_now().await;
        }
        drop(go);
        assert!(
            waiting
                .join_all()
                .await
                .iter()
                .all(|outcome| *outcome == Outcome::Applied)
        );
        assert_eq!(*orders.groups.lock().unwrap(), [1, 99]);
    }
}
