//! The hashing pool: as many threads as cores, a bounded queue, and a clear "busy" beyond it.
//!
//! An Argon2id hash takes some 20 ms of a whole core. On threads of its own, which give way to the screens' threads, it
//! does not delay a key press, and a flood of logins fills the queue instead of the machine. One source gets a part of
//! the queue, so that a flood from one place leaves room for people elsewhere.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, TrySendError},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::domain::{
    PasswordHash, PlainPassword, Source,
    password::{self, HashCost, HashMemory, PasswordProof},
};

/// The queue of the hashing pool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// One source's checks may take up this part of the queue.
const PART_OF_A_SOURCE: usize = 4;

/// The nice value of the hashing threads (setpriority(2)).
const YIELDING: i32 = 10;

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// Threads that hash passwords. They end when the last clone of the pool is dropped.
#[derive(Clone)]
pub struct HashPool {
    queue: Arc<mpsc::SyncSender<Job>>,
    shares: Arc<Shares>,
    load: Arc<Load>,
}

/// How many checks of each source are in the pool.
#[derive(Debug)]
struct Shares {
    most: usize,
    // Held for a look-up; as many entries as checks in the pool.
    held: Mutex<HashMap<String, usize>>,
}

/// A right to one check, given back when dropped.
struct Share {
    source: String,
    of: Arc<Shares>,
}

impl Shares {
    fn take(self: &Arc<Self>, from: &Source) -> Result<Share, Busy> {
        let source = from.throttle_key();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let of_source = held.entry(source.clone()).or_default();
        if *of_source >= self.most {
            return Err(Busy);
        }
        *of_source += 1;
        Ok(Share {
            source,
            of: self.clone(),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_source) = held.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                held.remove(&self.source);
            }
        }
    }
}

/// How busy a pool is and was. It keeps no pool alive.
#[derive(Debug, Default)]
pub struct Load {
    waiting: AtomicU64,
    running: AtomicU64,
    refused: AtomicU64,
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

    /// How often the answer was [`Busy`].
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

impl HashPool {
    /// A pool of `threads` threads (at least one) and room for `queue` waiting hashes.
    pub fn new(threads: usize, queue: usize) -> Self {
        let (sender, receiver) = mpsc::sync_channel::<Job>(queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let receiver = receiver.clone();
            thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || {
                    // Where the system refuses it, keys may wait a little behind hashes.
                    let this_thread = Some(rustix::thread::gettid());
                    let _ = rustix::process::setpriority_process(this_thread, YIELDING);
                    let mut memory = HashMemory::default();
                    loop {
                        // The lock is held while waiting for a job, not while doing it.
                        let job = match receiver.lock() {
                            Ok(receiver) => receiver.recv(),
                            Err(_) => return,
                        };
                        match job {
                            Ok(job) => job(&mut memory),
                            Err(_) => return,
                        }
                    }
                })
                .expect("the system starts a thread at the program's start");
        }
        Self {
            queue: Arc::new(sender),
            shares: Arc::new(Shares {
                most: (queue / PART_OF_A_SOURCE).max(1),
                held: Mutex::default(),
            }),
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
        let share = self.shares.take(from).inspect_err(|Busy| {
            self.load.refused.fetch_add(1, Relaxed);
        })?;
        self.run(move |memory| {
            let proof = password::verify(&password, &hash, memory);
            drop(share);
            proof
        })
        .await
    }

    /// Hashes `password` with `salt`.
    pub async fn hash(
        &self,
        password: PlainPassword,
        salt: [u8; PasswordHash::SALT_BYTES],
        cost: HashCost,
    ) -> Result<PasswordHash, Busy> {
        self.run(move |memory| password::hash(&password, salt, cost, memory))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (reply, answer) = oneshot::channel();
        let load = self.load.clone();
        let job: Job = Box::new(move |memory| {
            load.waiting.fetch_sub(1, Relaxed);
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
        match self.queue.try_send(job) {
            Ok(()) => answer.await.map_err(|_| Busy),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.load.waiting.fetch_sub(1, Relaxed);
                self.load.refused.fetch_add(1, Relaxed);
                Err(Busy)
            }
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
                pool.run(move |_| {
                    entered.wait();
                    gate.wait();
                })
                .await
            })
        };
        let wait_entered = tokio::task::spawn_blocking(move || entered.wait());
        wait_entered.await.unwrap();
        // The thread is inside the first job: one more fits the queue, the next does not.
        let waiting = pool.run(|_| 1);
        tokio::pin!(waiting);
        assert!(futures_poll_once(&mut waiting).await.is_none());
        assert_eq!(pool.run(|_| 2).await, Err(Busy));
        let load = pool.load();
        let figures = || (load.running(), load.waiting(), load.refused());
        assert_eq!(figures(), (1, 1, 1));
        tokio::task::spawn_blocking(move || gate.wait())
            .await
            .unwrap();
        assert_eq!(blocked.await.unwrap(), Ok(()));
        assert_eq!(waiting.await, Ok(1));
        assert_eq!(pool.run(|_| 3).await, Ok(3));
        assert_eq!(figures(), (0, 0, 1));
    }

    #[test]
    fn a_source_has_its_part_of_the_queue_and_gets_it_back() {
        let shares = Arc::new(Shares {
            most: 2,
            held: Mutex::default(),
        });
        let (one, other) = ("192.0.2.1", "192.0.2.2");
        let take = |address: &str| shares.take(&Source::Peer(address.parse().unwrap()));
        let held = [take(one), take(one)];
        assert!(held.iter().all(Result::is_ok) && take(one).is_err());
        assert!(take(other).is_ok());
        drop(held);
        assert!(take(one).is_ok());
        assert!(shares.held.lock().unwrap().is_empty());
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
