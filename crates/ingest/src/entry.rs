//! What goes into a log, where it ends up, and a log that takes it.
//!
//! Invariant: an entry that [`Produce::produce`] has taken is durable.
//! Deliberately lacking: logs themselves (`local_log`, `kafka`).

use std::sync::Arc;

use crate::error::Error;
use crate::topic;

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

/// A log that takes entries: [`crate::LocalLog`] and [`crate::KafkaProducer`].
pub trait Produce {
    /// Returns only when every entry is durable (fsync, or `acks=all` with its delivery report);
    /// after an error some of the entries may be in the log and some not, so that producing them
    /// again is safe only because readers drop doubles by event id.
    /// Blocks: not to be called on an async task.
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error>;
}
