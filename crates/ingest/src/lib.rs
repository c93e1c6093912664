//! Sources and the ingest loop: whatever brings events in is turned into [`Entry`]s, produced to a
//! log, read back from the log in order, and handed over as Arrow [`event::Batch`]es.
//!
//! Invariants: [`Produce::produce`] returns only when the log has the entries durably (I1), and a
//! batch's spans say exactly which offsets it covers, each starting where the one before it ended.
//! Deliberately lacking: DataFusion, the tables, and any judgement about what an event means.

pub mod bodies;
mod decode;
mod error;
mod feed;
pub mod files;
mod formats;
pub mod kafka;
pub mod local_log;
pub mod poll;
mod run;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

pub use error::Error;
pub use feed::FeedLog;
pub use formats::{FORMAT_HEADER, Formats};
pub use run::{CHANNEL_BATCHES, Polled, Progress, Source, run};

/// The topics that events are produced to, by the first part of their type.
pub mod topic {
    pub const COMMITS: &str = "plimsoll.commits";
    pub const REVIEWS: &str = "plimsoll.reviews";
    pub const TICKETS: &str = "plimsoll.tickets";
    pub const ALL: [&str; 3] = [COMMITS, REVIEWS, TICKETS];

    /// The topic of an event type such as `dev.plimsoll.change.opened.v1`; a type of no known
    /// family goes to the tickets topic, where it is counted as unknown.
    pub fn of(event_type: &str) -> &'static str {
        let name = event_type.strip_prefix("dev.plimsoll.").unwrap_or(event_type);
        match name.split('.').next() {
            Some("commit") => COMMITS,
            Some("change" | "review") => REVIEWS,
            _ => TICKETS,
        }
    }
}

/// One record on its way into a log. An empty key means no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub topic: &'static str,
    pub key: Vec<u8>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub value: Vec<u8>,
}

impl From<&event::Draft> for Entry {
    fn from(draft: &event::Draft) -> Entry {
        Entry {
            topic: topic::of(draft.kind),
            key: draft.key().as_bytes().to_vec(),
            headers: Vec::new(),
            value: draft.to_json().into_bytes(),
        }
    }
}

/// Where a log put an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
}

/// A log that takes entries: [`local_log::LocalLog`] and [`kafka::Producer`].
pub trait Produce {
    /// Returns only when every entry is durable (fsync, or `acks=all` with its delivery report);
    /// after an error some of the entries may be in the log and some not, so that producing them
    /// again is safe only because readers drop doubles by event id.
    /// Blocks: not to be called on an async task.
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error>;
}

/// A cheap handle for async code that appends to whichever log is in use.
#[derive(Clone)]
pub enum Appender {
    Local(local_log::LocalLog),
    Kafka(kafka::Producer),
}

impl Appender {
    /// Appends and returns where each entry went, in the order given, once all are durable.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Position>, Error> {
        match self {
            Appender::Local(log) => log.append_async(entries).await,
            Appender::Kafka(producer) => producer.append(entries).await,
        }
    }
}

impl Produce for Appender {
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        match self {
            Appender::Local(log) => log.append(entries).map(drop),
            Appender::Kafka(producer) => producer.produce(entries),
        }
    }
}

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

/// The durable next offset of a partition by its app id ([`event::Span::app_id`]), as of the
/// store's last commit; `None` when the store has never seen the partition.
/// Asked on every assignment and every few seconds (for Kafka's advisory commits), never per record.
pub type Positions = Arc<dyn Fn(&str) -> Option<i64> + Send + Sync>;

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
