//! When the ingest loop hands over, when it ends, and how far it is.
//!
//! Invariant: a stop only becomes more urgent, and counts only grow.
//! Deliberately lacking: the loop (`run`).

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// When the records read so far become a batch: whichever limit is met first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows in a batch.
    pub max_rows: usize,
    /// Bytes of a batch's keys, headers and values; a single record may exceed it.
    pub max_bytes: usize,
    /// Time from a batch's first record until it is handed over.
    pub max_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_rows: 50_000, max_bytes: 32 << 20, max_wait: Duration::from_millis(100) }
    }
}

/// How the ingest loop is told to end. Only ever becomes more urgent.
#[derive(Debug, Default)]
pub struct Stop(AtomicU8);

impl Stop {
    const RUN: u8 = 0;
    const AT_END: u8 = 1;
    const NOW: u8 = 2;

    pub fn new() -> Self {
        Stop(AtomicU8::new(Self::RUN))
    }

    /// End once everything that the log holds has been handed over.
    pub fn at_end(&self) {
        self.0.fetch_max(Self::AT_END, Ordering::Relaxed);
    }

    /// End after handing over what has been read.
    pub fn now(&self) {
        self.0.fetch_max(Self::NOW, Ordering::Relaxed);
    }

    pub fn is_at_end(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= Self::AT_END
    }

    pub fn is_now(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= Self::NOW
    }
}

/// What the loop has done since it began, for progress bars and metrics.
#[derive(Debug, Default)]
pub struct Progress {
    /// Records in batches that were handed over.
    pub records: AtomicU64,
    pub batches: AtomicU64,
    /// Time in which reading waited for decoding or for the store.
    pub stalled_ms: AtomicU64,
}
