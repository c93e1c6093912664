//! The end of a server: it comes in time, whatever a part of it does.
//!
//! Invariants: each step has a bound of its own, and all of them together have one that no step can miss, because it
//! ends the process. That loses nothing: what was acknowledged is in the log, and the next start reads it from there.
//! Deliberately absent: the steps (`serve`).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::pipeline::FEED_CLOSE_MAX;

/// Time for what has no bound of its own: handles that close files and connections.
const REST_MAX: Duration = Duration::from_millis(500);

/// A stop that is under way.
pub struct Stopping {
    exit_code: Arc<AtomicU8>,
    begun: Instant,
}

impl Stopping {
    /// From here on the process has the time of all steps, and no more.
    pub fn begin(config: &Config) -> Stopping {
        let exit_code = Arc::new(AtomicU8::new(0));
        let code = Arc::clone(&exit_code);
        let time = longest(config);
        let watch = std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
            std::thread::sleep(time);
            tracing::warn!(
                after_ms = time.as_millis() as u64,
                "a part of the server does not end; ending without it"
            );
            std::process::exit(i32::from(code.load(Ordering::Relaxed)));
        });
        if let Err(error) = watch {
            tracing::warn!(%error, "the time of the stop is not watched");
        }
        Stopping { exit_code, begun: Instant::now() }
    }

    /// The process exits with 1, also if it is ended in the middle.
    pub fn failed(&self) {
        self.exit_code.store(1, Ordering::Relaxed);
    }

    /// Waits for a step, `time` at most; says `what` did not end.
    pub async fn step<T>(&self, what: &str, time: Duration, work: impl Future<Output = T>) -> Option<T> {
        let done = tokio::time::timeout(time, work).await;
        if done.is_err() {
            let ms = self.begun.elapsed().as_millis() as u64;
            tracing::warn!(after_ms = ms, "{what} did not end in time; going on without");
        }
        done.ok()
    }
}

pub fn engine_time(config: &Config) -> Duration {
    Duration::from_millis(config.store.stop_timeout_ms)
}

pub fn drain_time(config: &Config) -> Duration {
    Duration::from_millis(config.http.drain_timeout_ms)
}

/// Of the whole stop. Two logs can be read.
fn longest(config: &Config) -> Duration {
    engine_time(config) + 2 * FEED_CLOSE_MAX + drain_time(config) + 2 * REST_MAX
}

/// For the SQL port, whose connections are only told.
pub const PORT_TIME: Duration = REST_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_takes_less_than_ten_seconds_unless_it_is_given_more() {
        assert!(longest(&Config::default()) < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_step_that_hangs_is_left() {
        let stopping = Stopping { exit_code: Arc::default(), begun: Instant::now() };
        let step = stopping.step("nothing", Duration::from_millis(1), std::future::pending::<()>());
        assert_eq!(step.await, None);
        assert_eq!(stopping.step("all", Duration::from_secs(5), async { 7 }).await, Some(7));
    }
}
