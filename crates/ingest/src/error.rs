//! The one error type of this crate: a log, an input or a broker that does not work.
//!
//! Bad records are never errors here: they travel through the log and become dead letters.
//! Every message names the thing that failed and, where one is known, the remedy.

use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Another process has the local log open.
    Locked { path: PathBuf },
    /// The local log could not be read or written. After a failed write the log takes no more.
    Log { path: PathBuf, detail: String },
    /// A block of the local log does not hold what was written to it.
    Corrupt { path: PathBuf, offset: i64, detail: String },
    /// The log does not reach from the store's position on: reading would skip records silently.
    Gap { partition: String, next: i64, start: i64, end: i64 },
    /// The log is another one than the store's positions speak of.
    Replaced { partition: String, was: String, now: String },
    /// There is nothing to accept: the partition can be read as it is.
    NoGap { partition: String },
    /// One entry is over the log's record limit.
    TooLarge { bytes: usize, limit: usize },
    /// One entry, by its place among those of the call, is larger than its topic takes. None of them was sent.
    TooLargeForTopic { topic: &'static str, index: usize, bytes: usize, limit: usize },
    /// An input file or stream could not be read.
    Input { name: String, detail: String },
    /// An interface that is polled refuses, or does not answer.
    Remote { url: String, detail: String },
    /// What is polled is not there, or not for this token: 404 and 410.
    Absent { url: String, detail: String },
    /// A setting that librdkafka refuses.
    Setting { detail: String },
    /// A Kafka cluster did not do what was asked.
    Kafka { brokers: String, action: &'static str, detail: String },
    /// The topic that was to be written or read is not there.
    NoTopic { brokers: String, topic: String },
    /// Whoever takes the batches is gone.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Locked { path } => write!(
                f,
                "the log {} is in use by another process; stop that process, or send events to its HTTP API",
                path.display()
            ),
            Error::Log { path, detail } => write!(f, "the log {}: {detail}", path.display()),
            Error::Corrupt { path, offset, detail } => write!(
                f,
                "the log {} is damaged at offset {offset}: {detail}; restore it from a copy",
                path.display()
            ),
            Error::Gap { partition, next, start, end } => write!(
                f,
                "{partition} holds offsets {start} to {end} but the store continues at {next}: \
                 records are missing; restore the log, or go on without them: plimsoll accept-gap {partition}"
            ),
            Error::Replaced { partition, was, now } => write!(
                f,
                "{partition} is not what the store has read ({now} instead of {was}): it was made again, and what the \
                 old one held may be missing; restore it, or go on with the new one: plimsoll accept-gap {partition}"
            ),
            Error::NoGap { partition } => {
                write!(
                    f,
                    "{partition} is not halted: the log holds what the store continues with; nothing to accept"
                )
            }
            Error::TooLarge { bytes, limit } => {
                write!(f, "a record of {bytes} bytes is over the limit of {limit} bytes")
            }
            Error::TooLargeForTopic { topic, index, bytes, limit } => write!(
                f,
                "event {index} has {bytes} bytes and kafka topic {topic} takes {limit}, so nothing was sent; \
                 raise max.message.bytes of the topic and message.max.bytes under kafka.settings"
            ),
            Error::Input { name, detail } => write!(f, "{name}: {detail}"),
            Error::Remote { url, detail } | Error::Absent { url, detail } => write!(f, "{url}: {detail}"),
            Error::Setting { detail } => write!(f, "kafka setting refused: {detail}"),
            Error::Kafka { brokers, action, detail } => {
                write!(f, "kafka at {brokers}: cannot {action}: {detail}")
            }
            Error::NoTopic { brokers, topic } => write!(
                f,
                "kafka at {brokers} has no topic {topic}; create it with \
                 kafka-topics.sh --bootstrap-server {brokers} --create --topic {topic}"
            ),
            Error::Closed => write!(f, "the store has stopped taking batches"),
        }
    }
}

impl std::error::Error for Error {}
