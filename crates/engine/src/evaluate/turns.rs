//! Who may evaluate: what one evaluation holds at its height grows with the history, so large ones come one after the other.
//!
//! Invariant: a turn is taken where nothing else is waited for, and given back before the next one is taken; so nobody
//! waits for a turn who has one.
//! Deliberately absent: users' SQL (`sql/runner.rs`) and the writer, which waits for nobody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A metric that takes longer is a large one, and so is one that nobody knows yet.
const SMALL_SECONDS: f64 = 0.1;
/// Small ones at once: they are over soon, and readers wait for them.
const SMALL_AT_ONCE: usize = 3;
const LARGE_AT_ONCE: usize = 1;

/// The turns of all evaluations in the process.
#[derive(Debug)]
pub struct Turns {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    /// How long each metric last took, the shared views that it reads included.
    seconds: Mutex<BTreeMap<String, f64>>,
}

/// Given back when it is dropped.
#[derive(Debug)]
pub struct Turn(#[allow(dead_code)] OwnedSemaphorePermit);

impl Default for Turns {
    fn default() -> Turns {
        let places = |count| Arc::new(Semaphore::new(count));
        Turns { small: places(SMALL_AT_ONCE), large: places(LARGE_AT_ONCE), seconds: Mutex::default() }
    }
}

impl Turns {
    /// For what may be large.
    pub async fn large(&self) -> Turn {
        Turn(Arc::clone(&self.large).acquire_owned().await.expect("nobody closes it"))
    }

    /// For a metric.
    pub async fn metric(&self, name: &str) -> Turn {
        let seconds = self.seconds.lock().expect("nobody panics while holding it").get(name).copied();
        if seconds.is_none_or(|seconds| seconds >= SMALL_SECONDS) {
            return self.large().await;
        }
        Turn(Arc::clone(&self.small).acquire_owned().await.expect("nobody closes it"))
    }

    pub fn took(&self, name: &str, seconds: f64) {
        self.seconds.lock().expect("nobody panics while holding it").insert(name.to_owned(), seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `name` gets its turn at once.
    fn goes(turns: &Turns, name: &str) -> Option<Turn> {
        use futures::FutureExt;
        turns.metric(name).now_or_never()
    }

    #[test]
    fn large_ones_wait_for_each_other_and_small_ones_do_not_wait_for_them() {
        let turns = Turns::default();
        turns.took("slow", 0.2);
        turns.took("quick", 0.01);
        let first = goes(&turns, "slow");
        assert!(first.is_some());
        assert!(goes(&turns, "slow").is_none());
        assert!(goes(&turns, "never seen").is_none(), "it may be large");
        assert!(goes(&turns, "quick").is_some());
        drop(first);
        assert!(goes(&turns, "never seen").is_some());
    }
}
