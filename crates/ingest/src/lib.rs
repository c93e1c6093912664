//! Sources and the ingest loop: whatever brings events in is turned into [`Entry`]s, produced to a
//! log, read back from the log in order, and handed over as Arrow [`event::Batch`]es.
//!
//! Invariants: [`Produce::produce`] returns only when the log has the entries durably (I1), and a
//! batch's spans say exactly which offsets it covers, each starting where the one before it ended.
//! Deliberately lacking: DataFusion, the tables, and any judgement about what an event means.

pub mod bodies;
pub mod files;
pub mod poll;

pub mod kafka;
pub mod local_log;

mod appender;
mod entry;
mod feed;
mod formats;
pub mod topic;

mod control;
mod decode;
mod run;
mod source;

mod error;

pub use appender::Appender;
pub use control::{Limits, Progress, Stop};
pub use entry::{Entry, Position, Produce};
pub use error::Error;
pub use feed::FeedLog;
pub use formats::{FORMAT_HEADER, Formats};
pub use run::{CHANNEL_BATCHES, run};
pub use source::{Polled, Positions, Source};
