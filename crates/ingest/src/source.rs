//! What the ingest loop reads from.
//!
//! Invariant: a source gives the records of a partition in order, each once, from the store's position on.
//! Deliberately lacking: batches; the loop makes them.

use std::collections::HashMap;
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
    /// Hand over before going on: there is something in the spans that no record may come with.
    pub flush: bool,
}

/// The durable next offset of each partition by its app id ([`event::Span::app_id`]), as of the store's last commit.
/// Asked every few seconds, never per record.
pub type Positions = Arc<dyn Fn() -> HashMap<String, i64> + Send + Sync>;
