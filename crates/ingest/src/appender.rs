//! Whichever log is in use, to append to.
//!
//! Invariant: what is appended through it is durable when the call returns.
//! Deliberately lacking: reading back; a [`crate::Source`] does that.

use crate::entry::{Entry, Position, Produce};
use crate::error::Error;
use crate::kafka;
use crate::local_log::{self, LogFailure};

/// A cheap handle for async code that appends to whichever log is in use.
#[derive(Clone)]
pub enum Appender {
    Local(local_log::LocalLog),
    Kafka(kafka::KafkaProducer),
}

impl Appender {
    /// Why nothing is taken just now. A cluster that does not answer is no failure of the log: it may at any moment.
    pub fn failure(&self) -> Option<LogFailure> {
        match self {
            Appender::Local(log) => log.failure(),
            Appender::Kafka(producer) => producer.failure().map(LogFailure::Broken),
        }
    }

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
