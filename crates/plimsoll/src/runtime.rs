//! The threads that commands run on.
//!
//! Invariant: every thread has room for planning, which recurses over a query.

use crate::failure::Failure;

/// Threads that fold, evaluate and query, apart from those that answer HTTP.
const COMPUTE_THREADS_MIN: usize = 2;
/// Threads that make answers: some large bodies and results at once must not keep the small ones waiting.
const ANSWER_THREADS_MIN: usize = 4;
/// Planning recurses over the query.
const STACK_BYTES: usize = 8 << 20;

/// A runtime with stacks that planning fits in.
pub fn runtime(name: &str) -> Result<tokio::runtime::Runtime, Failure> {
    threads(name, COMPUTE_THREADS_MIN)
}

/// The same, for what bodies and results are read and written with.
pub fn answers(name: &str) -> Result<tokio::runtime::Runtime, Failure> {
    threads(name, ANSWER_THREADS_MIN)
}

fn threads(name: &str, least: usize) -> Result<tokio::runtime::Runtime, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(least))
        .thread_name(name)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("could not start threads: {error}")))
}
