//! What the Kafka consumer is doing, for Prometheus and health checks to read at any time.
//!
//! Invariant: reading it never waits for Kafka. Counters only grow; partitions are as of the last
//! second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub struct KafkaStatus {
    /// The cluster answered and the topics are subscribed to.
    pub connected: AtomicBool,
    pub records: AtomicU64,
    /// Bytes of keys and values.
    pub bytes: AtomicU64,
    /// Records in the last whole second or so.
    pub records_per_second: AtomicU64,
    /// Assignments and revocations.
    pub rebalances: AtomicU64,
    /// Errors that librdkafka reported; it recovers from most by itself.
    pub errors: AtomicU64,
    /// Partitions halted since the start because reading on would leave a gap.
    pub halts: AtomicU64,
    partitions: Mutex<BTreeMap<(Arc<str>, i32), PartitionStatus>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    pub assigned: bool,
    /// The offset that is read next; `None` until the first record when the log's beginning could
    /// not be asked for.
    pub next: Option<i64>,
    /// The log's end as of the last fetch.
    pub end: Option<i64>,
    /// Why the partition is not read.
    pub halted: Option<String>,
}

impl PartitionStatus {
    /// Records that wait in the log.
    pub fn lag(&self) -> Option<i64> {
        Some((self.end? - self.next?).max(0))
    }
}

impl KafkaStatus {
    /// Every partition that this process has been assigned since it started, by topic and number.
    pub fn partitions(&self) -> BTreeMap<(Arc<str>, i32), PartitionStatus> {
        self.lock().clone()
    }

    pub(super) fn set_partition(&self, topic: &Arc<str>, partition: i32, status: PartitionStatus) {
        self.lock().insert((Arc::clone(topic), partition), status);
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Arc<str>, i32), PartitionStatus>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
