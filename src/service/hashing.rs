//! The hashing pool: as many threads as cores, a bounded queue, and a clear "busy" beyond it.
//!
//! An Argon2id hash takes some 20 ms of a whole core. On threads of its own, which give way to the screens' threads, it
//! does not delay a key press, and a flood of logins fills the queue instead of the machine. The sources take turns, and
//! when the queue is full, whoever comes from a place with fewer waiting pushes out the last of the place with the most:
//! a flood from one place leaves room, and the next free thread, for people elsewhere (fair queueing, RFC 970 section 5,
//! with the buffer stealing of McKenney 1990).
//!
//! Against a flood from more places than the queue has room for, that is not enough: nobody there has more than another.
//! So there are two such queues, which take turns too: one for terminals and for sources from which somebody has given a
//! right password, and one for all others. It is the source that counts, never the account, or the time that a wrong
//! password takes in a flood would tell who logs in from where.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt, mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use tokio::sync::oneshot;

use crate::domain::{
    PasswordHash, PlainPassword, Source, SourceKey,
    durations::{Durations, SharedDurations},
    password::{self, HashCost, HashMemory, PasswordProof},
};

/// The queue of the hashing pool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// The nice value of the hashing threads (setpriority(2)).
const YIELDING: i32 = 10;

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// Threads that hash passwords. They end when the last clone of the pool is dropped.
#[derive(Clone)]
pub struct HashPool {
    entrance: Arc<Entrance>,
    load: Arc<Load>,
}

/// The queue, closed when nobody can put anything into it any more.
struct Entrance(Arc<Queue>);

impl Drop for Entrance {
    fn drop(&mut self) {
        self.0.waiting().closed = true;
        self.0.arrived.notify_all();
    }
}

/// What waits for a thread.
struct Queue {
    /// Of each line.
    room: usize,
    // Held for a look-up, or, when there is no room, a look at each source that waits.
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Of sources where people log in.
    familiar: Line,
    others: Line,
    /// The next job is of the others, if one of them waits.
    others_next: bool,
    logins: Logins,
    closed: bool,
}

/// Jobs whose sources take turns.
#[derive(Default)]
struct Line {
    by_source: HashMap<SourceKey, VecDeque<Job>>,
    /// The sources in the order in which a thread turns to them.
    turns: VecDeque<SourceKey>,
    all: usize,
}

/// What putting a job into the queue led to.
#[derive(Debug, PartialEq, Eq)]
enum Put {
    Waits,
    /// It waits in the place of another, which is dropped.
    PushedOut,
    Full,
}

impl Queue {
    fn new(room: usize) -> Self {
        Self {
            room: room.max(1),
            waiting: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, origin: Origin, job: Job) -> Put {
        let mut waiting = self.waiting();
        let put = waiting.line_of(&origin).put(origin.key, job, self.room);
        drop(waiting);
        self.arrived.notify_one();
        put
    }

    /// The next job, once there is one; `None` when none will come.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            if let Some(job) = waiting.take() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            let woken = self.arrived.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Waiting {
    fn line_of(&mut self, origin: &Origin) -> &mut Line {
        match origin.is_terminal || self.logins.have(&origin.key) {
            true => &mut self.familiar,
            false => &mut self.others,
        }
    }

    fn take(&mut self) -> Option<Job> {
        let others_first = self.others_next;
        self.others_next = !others_first;
        match others_first {
            true => self.others.take().or_else(|| self.familiar.take()),
            false => self.familiar.take().or_else(|| self.others.take()),
        }
    }
}

impl Line {
    /// The source whose last job gives way to one of `source`: the one with the most. A source with one more than `source`
    /// would have then is left alone: they are as good as equal.
    fn gives_way_to(&self, source: &SourceKey) -> Option<&SourceKey> {
        let of_source = self.by_source.get(source).map_or(0, VecDeque::len);
        let longest = self.by_source.iter().max_by_key(|(_, jobs)| jobs.len());
        let longest = longest.filter(|(_, jobs)| jobs.len() > of_source + 1);
        longest.map(|(source, _)| source)
    }

    fn has_room_for(&self, source: &SourceKey, room: usize) -> bool {
        self.all < room || self.gives_way_to(source).is_some()
    }

    fn put(&mut self, source: SourceKey, job: Job, room: usize) -> Put {
        let mut put = Put::Waits;
        if self.all >= room {
            let Some(longest) = self.gives_way_to(&source).cloned() else {
                return Put::Full;
            };
            drop(
                self.by_source
                    .get_mut(&longest)
                    .and_then(VecDeque::pop_back),
            );
            self.all -= 1;
            put = Put::PushedOut;
        }
        self.all += 1;
        let jobs = self.by_source.entry(source.clone()).or_default();
        jobs.push_back(job);
        if jobs.len() == 1 {
            self.turns.push_back(source);
        }
        put
    }

    fn take(&mut self) -> Option<Job> {
        let source = self.turns.pop_front()?;
        let jobs = self.by_source.get_mut(&source)?;
        let job = jobs.pop_front()?;
        self.all -= 1;
        match jobs.is_empty() {
            true => drop(self.by_source.remove(&source)),
            false => self.turns.push_back(source),
        }
        Some(job)
    }
}

/// The sources from which somebody has lately given a right password, since the program's start: at least the last
/// [`KEPT`](Self::KEPT), and at most twice as many.
#[derive(Default)]
struct Logins {
    lately: HashSet<SourceKey>,
    before: HashSet<SourceKey>,
}

impl Logins {
    /// Some 100 bytes each.
    const KEPT: usize = 10_000;

    fn have(&self, source: &SourceKey) -> bool {
        self.lately.contains(source) || self.before.contains(source)
    }

    fn note(&mut self, source: SourceKey) {
        self.lately.insert(source);
        if self.lately.len() >= Self::KEPT {
            self.before = mem::take(&mut self.lately);
        }
    }
}

/// Where a job comes from.
struct Origin {
    key: SourceKey,
    /// Nobody comes from a thousand of them.
    is_terminal: bool,
}

impl From<&Source> for Origin {
    fn from(source: &Source) -> Self {
        Self {
            key: source.key(),
            is_terminal: matches!(source, Source::Console(_) | Source::Command(_)),
        }
    }
}

/// How busy a pool is and was. It keeps no pool alive.
#[derive(Debug, Default)]
pub struct Load {
    waiting: AtomicU64,
    running: AtomicU64,
    refused: AtomicU64,
    waits: SharedDurations,
}

impl Load {
    /// Hashes in the queue.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    /// Hashes that are being made.
    pub fn running(&self) -> u64 {
        self.running.load(Relaxed)
    }

    /// How long hashes were in the queue until a thread took them.
    pub fn waits(&self) -> Durations {
        self.waits.so_far()
    }

    fn note_wait(&self, since: Instant) {
        self.waits.note(since.elapsed());
    }

    /// How often the answer was [`Busy`].
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

impl HashPool {
    /// A pool of `threads` threads (at least one), and room for `queue` waiting hashes of sources where people log in, and
    /// as many of others.
    pub fn new(threads: usize, queue: usize) -> Self {
        let queue = Arc::new(Queue::new(queue));
        for number in 0..threads.max(1) {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || {
                    // Where the system refuses it, keys may wait a little behind hashes.
                    let this_thread = Some(rustix::thread::gettid());
                    let _ = rustix::process::setpriority_process(this_thread, YIELDING);
                    let mut memory = HashMemory::default();
                    while let Some(job) = queue.next() {
                        job(&mut memory);
                    }
                })
                .expect("the system starts a thread at the program's start");
        }
        Self {
            entrance: Arc::new(Entrance(queue)),
            load: Arc::default(),
        }
    }

    /// How busy this pool is, for whoever watches.
    pub fn load(&self) -> Arc<Load> {
        self.load.clone()
    }

    /// Checks `password`, which came from `from`, against `hash`.
    pub async fn verify(
        &self,
        password: PlainPassword,
        hash: PasswordHash,
        from: &Source,
    ) -> Result<Option<PasswordProof>, Busy> {
        self.run(from.into(), move |memory| {
            password::verify(&password, &hash, memory)
        })
        .await
    }

    /// Refuses at once whoever would be refused if the work came now, so that a flood does not have the store read for what
    /// is then turned away.
    ///
    /// # Errors
    /// The queue is full, and nobody in it gives way to `from`.
    pub fn expect_room(&self, from: &Source) -> Result<(), Busy> {
        let origin = Origin::from(from);
        let queue = &self.entrance.0;
        let has_room = (queue.waiting().line_of(&origin)).has_room_for(&origin.key, queue.room);
        if has_room {
            return Ok(());
        }
        self.load.refused.fetch_add(1, Relaxed);
        Err(Busy)
    }

    /// Notes that somebody has given a right password at `from`.
    pub fn welcome(&self, from: &Source) {
        let mut waiting = self.entrance.0.waiting();
        waiting.logins.note(from.key());
    }

    /// Hashes `password` with `salt`.
    pub async fn hash(
        &self,
        password: PlainPassword,
        salt: [u8; PasswordHash::SALT_BYTES],
        cost: HashCost,
    ) -> Result<PasswordHash, Busy> {
        // Whoever has a password hashed has proved who they are: together they are one more terminal.
        let origin = Origin::from(&Source::Console(String::new()));
        self.run(origin, move |memory| {
            password::hash(&password, salt, cost, memory)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        origin: Origin,
        work: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (reply, answer) = oneshot::channel();
        let load = self.load.clone();
        let asked = Instant::now();
        let job: Job = Box::new(move |memory| {
            load.waiting.fetch_sub(1, Relaxed);
            load.note_wait(asked);
            // Whoever asked may have gone while this waited in the queue; then the work is not worth a core.
            if !reply.is_closed() {
                load.running.fetch_add(1, Relaxed);
                let done = work(memory);
                load.running.fetch_sub(1, Relaxed);
                let _ = reply.send(done);
            }
        });
        // Before it is sent: a thread may begin with it at once.
        self.load.waiting.fetch_add(1, Relaxed);
        let put = self.entrance.0.put(origin, job);
        if put != Put::Waits {
            // This one, or the one in whose place it waits.
            self.load.waiting.fetch_sub(1, Relaxed);
            self.load.refused.fetch_add(1, Relaxed);
        }
        match put {
            Put::Waits | Put::PushedOut => answer.await.map_err(|_| Busy),
            Put::Full => Err(Busy),
        }
    }
}

impl fmt::Debug for HashPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashPool")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_says_busy_at_once_and_serves_again_when_there_is_room() {
        let pool = HashPool::new(1, 1);
        let (entered, gate) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let blocked = {
            let (pool, entered, gate) = (pool.clone(), entered.clone(), gate.clone());
            tokio::spawn(async move {
                pool.run(peer("a"), move |_| {
                    entered.wait();
                    gate.wait();
                })
                .await
            })
        };
        let wait_entered = tokio::task::spawn_blocking(move || entered.wait());
        wait_entered.await.unwrap();
        // The thread is inside the first job: one more fits the queue, the next does not.
        let waiting = pool.run(peer("a"), |_| 1);
        tokio::pin!(waiting);
        assert!(futures_poll_once(&mut waiting).await.is_none());
        assert_eq!(pool.run(peer("a"), |_| 2).await, Err(Busy));
        let from = Source::Peer(std::net::Ipv4Addr::LOCALHOST.into());
        assert_eq!(pool.expect_room(&from), Err(Busy));
        let load = pool.load();
        let figures = || (load.running(), load.waiting(), load.refused());
        assert_eq!(figures(), (1, 1, 2));
        tokio::task::spawn_blocking(move || gate.wait())
            .await
            .unwrap();
        assert_eq!(blocked.await.unwrap(), Ok(()));
        assert_eq!(waiting.await, Ok(1));
        assert_eq!(pool.run(peer("a"), |_| 3).await, Ok(3));
        assert_eq!(pool.expect_room(&from), Ok(()));
        assert_eq!(figures(), (0, 0, 2));
        // Whoever was refused has not waited.
        assert_eq!(load.waits().count(), 3);
    }

    #[test]
    fn a_flood_from_one_place_leaves_room_and_the_next_thread_to_others() {
        let queue = Queue::new(4);
        let done = Arc::new(Mutex::new(Vec::new()));
        let put = |source: &str, name| queue.put(peer(source), noting(&done, name));
        for name in ["flood 1", "flood 2", "flood 3", "flood 4"] {
            assert_eq!(put("flood", name), Put::Waits);
        }
        assert_eq!(put("flood", "flood 5"), Put::Full);
        assert_eq!(put("office", "office 1"), Put::PushedOut);
        assert_eq!(put("home", "home 1"), Put::PushedOut);
        // Two of the flood wait, and nobody is pushed out for a second of a place that would be its equal then.
        assert_eq!(put("office", "office 2"), Put::Full);
        let mut memory = HashMemory::default();
        for _ in 0..4 {
            queue.next().unwrap()(&mut memory);
        }
        let expected = ["flood 1", "office 1", "home 1", "flood 2"];
        assert_eq!(*done.lock().unwrap(), expected);
        let left = &queue.waiting().others;
        assert!(left.by_source.is_empty() && left.turns.is_empty() && left.all == 0);
    }

    #[test]
    fn a_flood_from_everywhere_leaves_room_and_every_other_turn_to_where_people_log_in() {
        let queue = Queue::new(4);
        let done = Arc::new(Mutex::new(Vec::new()));
        let put = |origin: Origin, name| queue.put(origin, noting(&done, name));
        queue.waiting().logins.note("office".into());
        for name in ["flood 1", "flood 2", "flood 3", "flood 4"] {
            assert_eq!(put(peer(name), name), Put::Waits);
        }
        // Each of them has as few as anybody would have.
        assert_eq!(put(peer("newcomer"), "newcomer"), Put::Full);
        assert_eq!(put(peer("office"), "office 1"), Put::Waits);
        assert_eq!(put(peer("office"), "office 2"), Put::Waits);
        let terminal = Origin::from(&Source::Console("loket-1".into()));
        assert_eq!(put(terminal, "terminal"), Put::Waits);
        let mut memory = HashMemory::default();
        for _ in 0..7 {
            queue.next().unwrap()(&mut memory);
        }
        let expected = [
            "office 1", "flood 1", "terminal", "flood 2", "office 2", "flood 3", "flood 4",
        ];
        assert_eq!(*done.lock().unwrap(), expected);
    }

    #[test]
    fn where_people_log_in_is_kept_of_the_last_ten_thousand_sources() {
        let numbered = |number: usize| SourceKey::from(number.to_string().as_str());
        let mut logins = Logins::default();
        for number in 0..3 * Logins::KEPT {
            logins.note("office".into());
            logins.note(numbered(number));
            assert!(logins.lately.len() + logins.before.len() <= 2 * Logins::KEPT);
        }
        let newest = 3 * Logins::KEPT - 1;
        assert!(logins.have(&"office".into()) && logins.have(&numbered(newest)));
        assert!(logins.have(&numbered(newest - Logins::KEPT / 2)) && !logins.have(&numbered(0)));
    }

    #[test]
    fn a_pool_that_is_dropped_ends_its_threads() {
        let pool = HashPool::new(2, 1);
        let queue = Arc::downgrade(&pool.entrance.0);
        drop(pool);
        while queue.strong_count() > 0 {
            thread::yield_now();
        }
    }

    fn peer(key: &str) -> Origin {
        Origin {
            key: key.into(),
            is_terminal: false,
        }
    }

    /// A job that says that it was done.
    fn noting(done: &Arc<Mutex<Vec<&'static str>>>, name: &'static str) -> Job {
        let done = done.clone();
        Box::new(move |_| done.lock().unwrap().push(name))
    }

    async fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
