//! What the cluster holds at one moment: topics and their ids, partitions, and the offsets they reach from and to.
//!
//! Invariants: every question has a time limit. A survey that is there is whole; what could not be asked is said not to
//! be known.
//! Deliberately lacking: asking again (`watch`), and what follows from it (`consumer`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::types::RDKafkaErrorCode;

use super::admin::{self, Patience};
use super::heard::Heard;
use super::{CONSUMER_FIXED, KafkaConfig, client_config, setting_error};
use crate::Error;

/// For each question. Four of them fit `status::SILENCE_MAX`.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(3);
/// Rest between tries, and time for what librdkafka knows already.
const LOOK: Duration = Duration::from_millis(50);

/// The cluster at one moment.
#[derive(Debug)]
pub struct Survey {
    /// Everything in it was asked after this.
    pub began: Instant,
    pub cluster: Arc<str>,
    /// Each topic of the configuration.
    pub topics: BTreeMap<Arc<str>, Seen>,
}

#[derive(Debug)]
pub enum Seen {
    Absent,
    /// Kafka does not let us see it, or cannot say just now.
    Refused(RDKafkaErrorCode),
    There {
        id: Option<String>,
        /// First offset and end of what is committed; `None` where that could not be asked.
        partitions: BTreeMap<i32, Option<RangeInclusive<i64>>>,
    },
}

impl Survey {
    /// As in [`event::Span::log`].
    pub fn log(&self, topic_id: Option<&str>) -> Arc<str> {
        match topic_id {
            Some(id) => format!("kafka:{}/{id}", self.cluster).into(),
            None => format!("kafka:{}", self.cluster).into(),
        }
    }
}

/// One survey, for who does not want a thread.
///
/// # Errors
/// A setting that librdkafka refuses, or a cluster that does not answer within `timeout`.
pub fn survey_once(config: &KafkaConfig, timeout: Duration) -> Result<Survey, Error> {
    let asker = Asker::new(config)?;
    let (deadline, never) = (Instant::now() + timeout, AtomicBool::new(false));
    loop {
        match asker.survey(&never) {
            Ok(survey) => return Ok(survey),
            Err(_) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Err(detail) => {
                return Err(Error::Kafka { brokers: config.brokers.clone(), action: "connect", detail });
            }
        }
    }
}

/// A client that asks and reads nothing. It is in no group, so closing it waits for nobody.
pub struct Asker {
    client: BaseConsumer<Heard>,
    pub brokers: String,
    topics: Vec<String>,
}

impl Asker {
    pub fn new(config: &KafkaConfig) -> Result<Asker, Error> {
        let client = client_config(config, CONSUMER_FIXED, &[])?;
        let client = client.create_with_context(Heard::default()).map_err(|error| setting_error(&error))?;
        let topics: BTreeSet<String> = config.topics.iter().cloned().collect();
        Ok(Asker { client, brokers: config.brokers.clone(), topics: topics.into_iter().collect() })
    }

    pub fn survey(&self, given_up: &AtomicBool) -> Result<Survey, String> {
        let answer = self.ask(given_up);
        // Nothing is read here, so this only serves what the client has to say.
        while self.client.poll(Duration::ZERO).is_some() {}
        answer.map_err(|silence| self.client.context().reason().unwrap_or(silence))
    }

    fn ask(&self, given_up: &AtomicBool) -> Result<Survey, String> {
        let (began, patience) = (Instant::now(), Patience { timeout: QUESTION_TIMEOUT, given_up });
        let client = self.client.client().native_ptr();
        let broker = admin::answering_broker(client, QUESTION_TIMEOUT)?;
        let described = admin::describe(client, broker, &self.topics, patience)?;
        let cluster = self.client.client().fetch_cluster_id(LOOK).ok_or("it does not say its cluster id")?;
        let led: Vec<(String, i32)> = described
            .iter()
            .flat_map(|(name, found)| found.iter().map(move |about| (name, about)))
            .flat_map(|(name, about)| about.partitions.iter().map(move |(number, led)| (name, *number, *led)))
            .filter(|(_, _, led)| *led)
            .map(|(name, number, _)| (name.clone(), number))
            .collect();
        let firsts = admin::offsets(client, &led, true, patience)?;
        let ends = admin::offsets(client, &led, false, patience)?;
        let seen = |name: &String, found: Result<admin::Described, RDKafkaErrorCode>| match found {
            Err(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => Seen::Absent,
            Err(code) => Seen::Refused(code),
            Ok(about) if about.partitions.is_empty() => Seen::Absent,
            Ok(about) => {
                let range = |number: i32| {
                    let place = (name.clone(), number);
                    Some(*firsts.get(&place)?..=*ends.get(&place)?)
                };
                let partitions = about.partitions.keys().map(|number| (*number, range(*number))).collect();
                Seen::There { id: about.id, partitions }
            }
        };
        let topics = described.into_iter().map(|(name, found)| {
            let seen = seen(&name, found);
            (name.into(), seen)
        });
        Ok(Survey { began, cluster: cluster.into(), topics: topics.collect() })
    }
}
