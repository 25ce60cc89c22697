//! Time of which none passes.

/// Runs under a clock that jumps to the next thing that is due.
pub(crate) fn without_waiting<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}
