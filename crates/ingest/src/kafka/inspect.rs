//! What a cluster tells of itself and of the topics that are to be read, for somebody who sets Plimsoll up.
//!
//! Invariants: nothing is written, no topic is made and no group is joined; every question has a time limit.
//! Deliberately lacking: any judgement of what is found.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use super::heard::Heard;
use super::{CONSUMER_FIXED, KafkaConfig, client_config, setting_error};
use crate::Error;

/// Partitions of a topic that are looked into for a record.
const PARTITIONS_LOOKED_INTO: usize = 16;
/// Time for the newest record of a topic to arrive.
const RECORD_TIMEOUT: Duration = Duration::from_secs(3);
/// How long, and how often, to listen for why nobody answers.
const REASON_POLL: Duration = Duration::from_millis(50);
const REASON_POLLS: usize = 10;

#[derive(Debug)]
pub struct Cluster {
    pub brokers: usize,
    /// In the order of the configuration.
    pub topics: Vec<Topic>,
    /// Whether the group's positions may be read; otherwise why not.
    pub group: Result<(), String>,
}

#[derive(Debug)]
pub struct Topic {
    pub name: String,
    pub state: TopicState,
}

#[derive(Debug)]
pub enum TopicState {
    Absent,
    /// Kafka does not let us see or read it.
    Refused(String),
    Found {
        partitions: usize,
        /// Of the partition that has the fewest.
        replicas: usize,
        /// The settings in force, or why they cannot be read.
        settings: Result<BTreeMap<String, String>, String>,
        /// The time of a newest record, in milliseconds since 1970; `None` where there is none to read.
        newest_ms: Option<i64>,
    },
}

/// Asks the cluster; each question may take `timeout`.
///
/// # Errors
/// A setting that librdkafka refuses, or a cluster that does not answer.
pub fn inspect(config: &KafkaConfig, timeout: Duration) -> Result<Cluster, Error> {
    let mut client = client_config(config, CONSUMER_FIXED, &[])?;
    client.set("group.id", &config.group);
    let consumer: BaseConsumer<Heard> =
        client.create_with_context(Heard::default()).map_err(|error| setting_error(&error))?;
    let metadata = consumer.fetch_metadata(None, timeout).map_err(|error| Error::Kafka {
        brokers: config.brokers.clone(),
        action: "connect",
        detail: reason(&consumer).unwrap_or_else(|| error.to_string()),
    })?;
    let admin: AdminClient<_> = client.create().map_err(|error| setting_error(&error))?;
    let topics = config
        .topics
        .iter()
        .map(|name| Topic { name: name.clone(), state: topic(&consumer, &admin, name, timeout) })
        .collect();
    Ok(Cluster { brokers: metadata.brokers().len(), topics, group: group(&consumer, config, timeout) })
}

/// What the client has said of its connections, which arrives while polling.
fn reason(consumer: &BaseConsumer<Heard>) -> Option<String> {
    for _ in 0..REASON_POLLS {
        // Nothing is subscribed to, so this only serves callbacks.
        let _ = consumer.poll(REASON_POLL);
        let heard = consumer.context().reason();
        if heard.is_some() {
            return heard;
        }
    }
    None
}

fn topic(
    consumer: &BaseConsumer<Heard>,
    admin: &AdminClient<rdkafka::client::DefaultClientContext>,
    name: &str,
    timeout: Duration,
) -> TopicState {
    let metadata = match consumer.fetch_metadata(Some(name), timeout) {
        Ok(metadata) => metadata,
        Err(error) => return TopicState::Refused(error.to_string()),
    };
    let Some(found) = metadata.topics().iter().find(|topic| topic.name() == name) else {
        return TopicState::Absent;
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None => {}
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            return TopicState::Absent;
        }
        Some(code) => return TopicState::Refused(code.to_string()),
    }
    match newest(consumer, name, found.partitions().len(), timeout) {
        Err(error) => TopicState::Refused(error.to_string()),
        Ok(newest_ms) => TopicState::Found {
            partitions: found.partitions().len(),
            replicas: found.partitions().iter().map(|one| one.replicas().len()).min().unwrap_or(0),
            settings: settings(admin, name, timeout),
            newest_ms,
        },
    }
}

/// The time of the last record of the first partition that has one. Reading it also proves that we may.
fn newest(
    consumer: &BaseConsumer<Heard>,
    topic: &str,
    partitions: usize,
    timeout: Duration,
) -> Result<Option<i64>, KafkaError> {
    for partition in 0..partitions.min(PARTITIONS_LOOKED_INTO) {
        let partition = i32::try_from(partition).expect("there are few of them");
        let (low, high) = consumer.fetch_watermarks(topic, partition, timeout)?;
        if low == high {
            continue;
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(high - 1))?;
        consumer.assign(&list)?;
        let deadline = Instant::now() + RECORD_TIMEOUT;
        let mut read = Ok(None);
        while Instant::now() < deadline {
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(message)) => {
                    read = Ok(message.timestamp().to_millis());
                    break;
                }
                Some(Err(error)) => {
                    read = Err(error);
                    break;
                }
            }
        }
        consumer.unassign()?;
        return read;
    }
    Ok(None)
}

/// The settings of a topic that are in force.
pub(super) fn settings(
    admin: &AdminClient<rdkafka::client::DefaultClientContext>,
    topic: &str,
    timeout: Duration,
) -> Result<BTreeMap<String, String>, String> {
    let options = AdminOptions::new().request_timeout(Some(timeout));
    let wanted = [ResourceSpecifier::Topic(topic)];
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let answer =
        runtime.block_on(admin.describe_configs(&wanted, &options)).map_err(|error| error.to_string())?;
    let resource =
        answer.into_iter().next().ok_or("kafka gave no answer")?.map_err(|code| code.to_string())?;
    Ok(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect())
}

fn group(consumer: &BaseConsumer<Heard>, config: &KafkaConfig, timeout: Duration) -> Result<(), String> {
    let mut list = TopicPartitionList::new();
    for topic in &config.topics {
        list.add_partition(topic, 0);
    }
    consumer.committed_offsets(list, timeout).map(drop).map_err(|error| error.to_string())
}
