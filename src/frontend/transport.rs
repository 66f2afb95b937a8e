//! The thread on which what strangers send is deciphered: SSH's transport, and the handshakes of TLS.
//!
//! A handshake costs this machine calculations before anything is known of the peer, and costs the peer next to nothing.
//! On a thread of their own such calculations take one core at the most, and never hold up the threads that draw screens,
//! judge logins and tell health.

use std::{io, sync::Arc};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::{JoinError, JoinSet},
};

/// The thread; it ends with the last of its handles.
#[derive(Debug, Clone)]
pub struct Transport {
    handle: Handle,
    _thread: Arc<Thread>,
}

/// A runtime of one thread, which may be dropped wherever it is.
#[derive(Debug)]
struct Thread(Option<Runtime>);

impl Transport {
    /// Starts the thread, under the `name` that the system's tools show (15 bytes at most).
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            _thread: Arc::new(Thread(Some(runtime))),
        })
    }

    /// Does `work` on the thread, and what it spawns; `work` ends when nobody waits for it any more.
    ///
    /// # Errors
    /// It panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, &self.handle);
        match tasks.join_next().await {
            Some(done) => done,
            None => unreachable!("one was spawned"),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting for the thread would hold up whoever lets go of it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_on_the_thread_and_its_faults_stay_there() {
        let transport = Transport::start("deciphering").unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        let spawned = transport.run(async move { tokio::spawn(async move { name() }).await });
        let name = spawned.await.unwrap().unwrap();
        assert_eq!(name.as_deref(), Some("deciphering"));
        let panicked = transport.run(async { std::panic::resume_unwind(Box::new("a fault")) });
        assert!(panicked.await.unwrap_err().is_panic());
        assert_eq!(transport.run(async { 7 }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let transport = Transport::start("deciphering").unwrap();
        let (held, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        let work = transport.run(async move {
            let _held = held;
            std::future::pending::<()>().await
        });
        tokio::select! {
            biased;
            _ = work => unreachable!("it never ends by itself"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(ended.recv().await, None);
    }
}
