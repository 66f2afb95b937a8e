//! The hashing pool: as many threads as cores, a bounded queue, and a clear "busy" beyond it.
//!
//! An Argon2id hash takes some 20 ms of a whole core. On threads of its own it never delays a key press, and a flood
//! of logins fills the queue instead of the machine.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, TrySendError},
    },
    thread,
};

use tokio::sync::oneshot;

use crate::domain::{
    PasswordHash, PlainPassword,
    password::{self, HashCost, HashMemory, PasswordProof},
};

/// The queue of the hashing pool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// Threads that hash passwords. They end when the last clone of the pool is dropped.
#[derive(Clone)]
pub struct HashPool {
    queue: Arc<mpsc::SyncSender<Job>>,
    load: Arc<Load>,
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
        let receiver = Arc::new(std::sync::Mutex::new(receiver));
        for number in 0..threads.max(1) {
            let receiver = receiver.clone();
            thread::Builder::new()
                .name(format!("hashing-{number}"))
                .spawn(move || {
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
            load: Arc::default(),
        }
    }

    /// How busy this pool is, for whoever watches.
    pub fn load(&self) -> Arc<Load> {
        self.load.clone()
    }

    /// Checks `password` against `hash`.
    pub async fn verify(
        &self,
        password: PlainPassword,
        hash: PasswordHash,
    ) -> Result<Option<PasswordProof>, Busy> {
        self.run(move |memory| password::verify(&password, &hash, memory))
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
