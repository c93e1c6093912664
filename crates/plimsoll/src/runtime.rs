//! The threads that commands run on.
//!
//! Invariant: every thread has room for planning, which recurses over a query.

use crate::failure::Failure;

/// Threads that fold, evaluate and query, apart from those that answer HTTP.
const COMPUTE_THREADS_MIN: usize = 2;
/// Planning recurses over the query.
const STACK_BYTES: usize = 8 << 20;

/// A runtime with stacks that planning fits in.
pub fn runtime(name: &str) -> Result<tokio::runtime::Runtime, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(COMPUTE_THREADS_MIN))
        .thread_name(name)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("could not start threads: {error}")))
}
