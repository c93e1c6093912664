//! Sources and the ingest loop: whatever brings events in is turned into [`Entry`]s, produced to a
//! log, read back from the log in order, and handed over as Arrow [`event::Batch`]es.
//!
//! Invariants: [`Produce::produce`] returns only when the log has the entries durably (I1), and a
//! batch's spans say exactly which offsets it covers, each starting where the one before it ended.
//! Deliberately lacking: DataFusion, the tables, and any judgement about what an event means.

mod bodies;
mod files;
mod poll;

mod identity;
mod kafka;
mod local_log;

mod appender;
mod entry;
mod feed;
mod formats;
mod gap;
mod topic;

mod control;
mod decode;
mod run;
mod source;

mod error;

pub use appender::Appender;
pub use bodies::{Bodies, BodyTotals, Folder, refused_body};
pub use control::{Limits, Progress, Stop};
pub use entry::{Entry, Position, Produce};
pub use error::Error;
pub use feed::FeedLog;
pub use files::{BATCH_ENTRIES, LineTotals, Lines, STDIN, ingest_file};
pub use formats::Formats;
pub use gap::Gap;
pub use kafka::{
    Cluster, KafkaConfig, KafkaConsumer, KafkaProducer, KafkaStatus, PartitionStatus, Topic, TopicState,
    inspect, kafka_gap,
};
pub use local_log::{LocalLog, LocalSource, LogFailure, rewrite as rewrite_local_log};
pub use poll::{Login, PollCursor, PollPlan, RestClient, Tool, poll};
pub use run::{CHANNEL_BATCHES, run};
pub use source::{PollOutcome, Positions, Source};
pub use topic::{
    ALL as TOPICS, COMMITS as COMMITS_TOPIC, REVIEWS as REVIEWS_TOPIC, TICKETS as TICKETS_TOPIC,
    of as topic_of,
};
