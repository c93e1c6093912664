//! Kafka as the log: a reader of all partitions that follows the store's positions, and a producer that returns only
//! when all in-sync replicas have the records.
//!
//! Invariants: where to read is decided by the store alone, never by Kafka's committed offsets, which are kept up only
//! for lag tools; a position speaks of one cluster and one topic id; librdkafka's unsafe defaults are fixed here and
//! cannot be configured away; a partition that cannot be read without a gap stops alone (I4).
//! Deliberately lacking: creating topics, transactions, and sharing partitions with other members of the group.

mod admin;
mod consumer;
mod gap;
mod heard;
mod inspect;
mod limits;
mod producer;
mod slots;
mod status;
mod survey;
mod watch;

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use tracing::{debug, error, info, warn};

use crate::{Error, topic};

pub use consumer::KafkaConsumer;
pub use gap::kafka_gap;
pub use inspect::{Cluster, Topic, TopicState, inspect};
pub use producer::KafkaProducer;
pub use status::{KafkaStatus, PartitionStatus};

/// How to reach a cluster, and what to read there.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// `host:port[,host:port...]`
    pub brokers: String,
    /// The group under which positions are reported to Kafka.
    pub group: String,
    pub topics: Vec<String>,
    /// Any librdkafka setting (SASL, TLS, sizes, timeouts) but those that keep promises.
    pub settings: BTreeMap<String, String>,
}

impl KafkaConfig {
    pub fn new(brokers: impl Into<String>) -> KafkaConfig {
        KafkaConfig {
            brokers: brokers.into(),
            group: "plimsoll".to_owned(),
            topics: topic::ALL.map(str::to_owned).to_vec(),
            settings: BTreeMap::new(),
        }
    }
}

/// What promises rest on: `(setting, value)`, with librdkafka's other names for the same thing.
const CONSUMER_FIXED: &[(&str, &str)] = &[
    // A position that Kafka does not have is an alarm, not a reason to begin elsewhere.
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "false"),
    ("check.crcs", "true"),
    ("isolation.level", "read_committed"),
    ("allow.auto.create.topics", "false"),
];

/// Sizes for a consumer that shares two cores with everything else: large fetches, a queue that
/// covers a few batches, and short rests when it is full.
const CONSUMER_TUNED: &[(&str, &str)] = &[
    ("fetch.message.max.bytes", "4194304"),
    ("fetch.wait.max.ms", "100"),
    ("fetch.queue.backoff.ms", "20"),
    ("queued.min.messages", "200000"),
    ("queued.max.messages.kbytes", "65536"),
    ("topic.metadata.refresh.interval.ms", "10000"),
    ("socket.keepalive.enable", "true"),
];

const PRODUCER_FIXED: &[(&str, &str)] = &[("acks", "all"), ("enable.idempotence", "true")];

const PRODUCER_TUNED: &[(&str, &str)] = &[
    ("compression.type", "lz4"),
    ("linger.ms", "5"),
    ("batch.size", "1000000"),
    // What a broker takes by default, which is a little more than the largest event.
    ("message.max.bytes", limits::MESSAGE_BYTES_MAX),
    ("queue.buffering.max.messages", "100000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("message.timeout.ms", "30000"),
    ("topic.metadata.propagation.max.ms", "10000"),
    ("allow.auto.create.topics", "false"),
    ("socket.keepalive.enable", "true"),
];

/// Other names under which librdkafka accepts a fixed setting.
const ALIASES: &[(&str, &str)] = &[
    ("request.required.acks", "acks"),
    ("auto.commit.enable", "enable.auto.commit"),
    ("metadata.broker.list", "bootstrap.servers"),
];

/// Ours, then the tuned values, then what the user set, then what nobody may change.
fn client_config(
    config: &KafkaConfig,
    fixed: &[(&str, &str)],
    tuned: &[(&str, &str)],
) -> Result<ClientConfig, Error> {
    let mut client = ClientConfig::new();
    client.set("client.id", "plimsoll");
    for (name, value) in tuned {
        client.set(*name, *value);
    }
    for (name, value) in &config.settings {
        let real = ALIASES.iter().find(|(alias, _)| alias == name).map_or(name.as_str(), |(_, real)| *real);
        let ours = ["bootstrap.servers", "group.id"].contains(&real);
        let all_fixed = CONSUMER_FIXED.iter().chain(PRODUCER_FIXED);
        if ours || all_fixed.clone().any(|(fixed, _)| *fixed == real) {
            return Err(Error::Setting {
                detail: format!("{name} is set by plimsoll itself; remove it from the settings"),
            });
        }
        client.set(name, value);
    }
    for (name, value) in fixed {
        client.set(*name, *value);
    }
    client.set("bootstrap.servers", &config.brokers);
    Ok(client)
}

fn setting_error(error: &KafkaError) -> Error {
    let detail = match error {
        KafkaError::ClientConfig(_, reason, name, value) => format!("{name} = {value}: {reason}"),
        other => other.to_string(),
    };
    Error::Setting { detail }
}

/// librdkafka's own log lines, as ours.
fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        // One settings map serves consumer and producer, so each is told of the other's.
        _ if facility == "CONFWARN" => debug!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => error!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Warning => warn!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Notice => info!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            debug!(target: "librdkafka", facility, "{message}");
        }
    }
}

#[cfg(test)]
mod tests;
