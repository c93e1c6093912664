//! The gaps of a cluster's partitions, for an operator who wants to accept them.
//!
//! Invariant: the cluster is asked now; nothing is written to it.

use std::collections::HashMap;
use std::time::Duration;

use super::KafkaConfig;
use super::survey::{Seen, survey_once};
use crate::Error;
use crate::gap::Gap;

/// The gap of a partition.
///
/// # Errors
/// A cluster or partition that does not answer, or one that has no gap.
pub fn kafka_gap(
    config: &KafkaConfig,
    positions: &HashMap<String, i64>,
    (topic, partition): (&str, i32),
    timeout: Duration,
) -> Result<Gap, Error> {
    let config = KafkaConfig { topics: vec![topic.to_owned()], ..config.clone() };
    let survey = survey_once(&config, timeout)?;
    let Some(Seen::There { id, partitions }) = survey.topics.get(topic) else {
        return Err(Error::NoTopic { brokers: config.brokers, topic: topic.to_owned() });
    };
    let Some(Some(range)) = partitions.get(&partition) else {
        return Err(Error::Kafka {
            brokers: config.brokers,
            action: "ask where the partition begins and ends",
            detail: format!("{topic}/{partition} does not exist or has no leader"),
        });
    };
    Gap::find(positions, &survey.log(id.as_deref()), (topic, partition), range)
}
