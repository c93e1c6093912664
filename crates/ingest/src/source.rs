//! What the ingest loop reads from.
//!
//! Invariant: a source gives the records of a partition in order, each once, from the store's position on.
//! Deliberately lacking: batches; the loop makes them.

use std::sync::Arc;
use std::time::Duration;

use event::{Record, Span};

use crate::error::Error;

/// Something with records in order: [`crate::LocalSource`], [`crate::KafkaConsumer`].
pub trait Source {
    /// Waits up to `wait` for a first record, then pushes what is at hand until `push` says that
    /// it wants no more (that record is taken all the same).
    fn poll(
        &mut self,
        wait: Duration,
        push: &mut dyn FnMut(&Record<'_>) -> bool,
    ) -> Result<PollOutcome, Error>;

    /// The offsets pushed since the last call, by partition.
    fn spans(&mut self) -> Vec<Span>;

    /// Called again and again while batches cannot be handed over; rests for about `pause`.
    fn stalled(&mut self, pause: Duration) -> Result<(), Error>;
}

/// What one [`Source::poll`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollOutcome {
    pub records: usize,
    /// Everything that the log holds has been pushed.
    pub at_end: bool,
    /// The source's partitions changed: hand over what has been read before going on.
    pub flush: bool,
}

/// The durable next offset of a partition by its app id ([`event::Span::app_id`]), as of the
/// store's last commit; `None` when the store has never seen the partition.
/// Asked on every assignment and every few seconds (for Kafka's advisory commits), never per record.
pub type Positions = Arc<dyn Fn(&str) -> Option<i64> + Send + Sync>;
