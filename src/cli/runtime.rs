//! A command's own threads: one runtime, to the end of its work and no longer.

/// Runs `work` to its end. What is left behind on threads that block, such as a read of a store that is stuck, is not
/// waited for: the program must be able to leave.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system starts threads at the program's start");
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

/// Does on a thread of its own what blocks.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("a check does not panic")
}
