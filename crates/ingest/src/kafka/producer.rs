//! The producer: entries in, positions out, once every in-sync replica has the records.
//!
//! Invariants: each entry's delivery report is awaited; the queue is bounded, so producing waits
//! for the cluster instead of filling memory; idempotence keeps librdkafka's retries from doubling
//! records. librdkafka gives every message a report within `message.timeout.ms`, so waiting ends.
//! Deliberately lacking: retries after a reported failure (the caller knows whether to try again).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::bindings;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::oneshot;
use tracing::{debug, warn};

use super::limits::TopicLimits;
use super::{KafkaConfig, PRODUCER_FIXED, PRODUCER_TUNED, client_config, setting_error};
use crate::{Entry, Error, Position, Produce};

/// How long to rest while the queue is full.
const FULL_WAIT: Duration = Duration::from_millis(2);
/// Room for what librdkafka says of an error that ends the producer.
const FATAL_BYTES: usize = 512;
/// How long to wait for a cluster's first answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A cheap handle; clones share one client.
#[derive(Clone)]
pub struct KafkaProducer {
    client: Arc<ThreadedProducer<Reports>>,
    brokers: Arc<str>,
    limits: Arc<TopicLimits>,
}

/// Receives the delivery reports, on the client's own thread.
struct Reports {
    brokers: Arc<str>,
}

/// The entries of one call that are on their way.
struct Pending {
    state: Mutex<Deliveries>,
}

struct Deliveries {
    left: usize,
    placed: Vec<(i32, i64)>,
    failure: Option<(KafkaError, String)>,
    done: Option<oneshot::Sender<()>>,
}

struct Ticket {
    pending: Arc<Pending>,
    index: usize,
}

impl KafkaProducer {
    /// Checks the settings and makes the client; connecting happens meanwhile, for as long as it takes.
    pub fn open(config: &KafkaConfig) -> Result<KafkaProducer, Error> {
        let brokers: Arc<str> = config.brokers.as_str().into();
        let client = client_config(config, PRODUCER_FIXED, PRODUCER_TUNED)?;
        let limits = Arc::new(TopicLimits::new(&client));
        let context = Reports { brokers: Arc::clone(&brokers) };
        let client = ThreadedProducer::from_config_and_context(&client, context)
            .map_err(|error| setting_error(&error))?;
        Ok(KafkaProducer { client: Arc::new(client), brokers, limits })
    }

    /// Waits for the cluster to answer.
    pub fn connect(&self) -> Result<(), Error> {
        let answer = self.client.client().fetch_metadata(None, CONNECT_TIMEOUT);
        answer.map(drop).map_err(|error| Error::Kafka {
            brokers: self.brokers.to_string(),
            action: "connect",
            detail: format!("{error}; check the address, the network and the security settings"),
        })
    }

    /// Why no record will be taken until the process is started again.
    pub fn failure(&self) -> Option<Error> {
        let mut text = [0; FATAL_BYTES];
        // SAFETY: the client is alive, and at most `FATAL_BYTES` with a NUL at the end are written to `text`.
        let code = unsafe {
            let client = self.client.client().native_ptr();
            bindings::rd_kafka_fatal_error(client, text.as_mut_ptr(), FATAL_BYTES)
        };
        (code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)
            .then(|| self.failed(&KafkaError::MessageProduction(RDKafkaErrorCode::Fatal), "the producer"))
    }

    /// [`Produce::produce`] for async code; gives where each entry went.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Position>, Error> {
        let producer = self.clone();
        let outcome = tokio::task::spawn_blocking(move || producer.send(&entries)).await;
        outcome.unwrap_or_else(|_| {
            Err(Error::Kafka {
                brokers: self.brokers.to_string(),
                action: "produce",
                detail: "the runtime is shutting down".to_owned(),
            })
        })
    }

    /// Sends all entries and waits for all reports. Not to be called on an async task.
    fn send(&self, entries: &[Entry]) -> Result<Vec<Position>, Error> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.limits.check(entries)?;
        let (done, answer) = oneshot::channel();
        let pending = Arc::new(Pending {
            state: Mutex::new(Deliveries {
                left: entries.len(),
                placed: vec![(-1, -1); entries.len()],
                failure: None,
                done: Some(done),
            }),
        });
        for (index, entry) in entries.iter().enumerate() {
            let ticket = Box::new(Ticket { pending: Arc::clone(&pending), index });
            if let Err(error) = self.enqueue(entry, ticket) {
                // This entry and those after it will have no report.
                pending.failed(error, entry.topic, entries.len() - index);
                break;
            }
        }
        let reported = answer.blocking_recv();
        let state = pending.lock();
        match &state.failure {
            Some((error, topic)) => Err(self.failed(error, topic)),
            None if reported.is_err() => Err(Error::Closed),
            None => Ok(entries
                .iter()
                .zip(&state.placed)
                .map(|(entry, (partition, offset))| Position {
                    topic: entry.topic.into(),
                    partition: *partition,
                    offset: *offset,
                })
                .collect()),
        }
    }

    /// Queues one entry, waiting for room.
    fn enqueue(&self, entry: &Entry, ticket: Box<Ticket>) -> Result<(), KafkaError> {
        let mut record: BaseRecord<'_, [u8], [u8], Box<Ticket>> =
            BaseRecord::with_opaque_to(entry.topic, ticket).payload(&entry.value);
        if !entry.key.is_empty() {
            record = record.key(&entry.key);
        }
        if !entry.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(entry.headers.len());
            for (key, value) in &entry.headers {
                headers = headers.insert(Header { key, value: Some(value) });
            }
            record = record.headers(headers);
        }
        loop {
            match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    std::thread::sleep(FULL_WAIT);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn failed(&self, error: &KafkaError, topic: &str) -> Error {
        let brokers = self.brokers.to_string();
        let KafkaError::MessageProduction(code) = error else {
            return Error::Kafka { brokers, action: "produce", detail: error.to_string() };
        };
        let remedy = match code {
            RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition => {
                return Error::NoTopic { brokers, topic: topic.to_owned() };
            }
            RDKafkaErrorCode::MessageTimedOut => {
                "; check that the brokers are reachable and enough replicas are in sync"
            }
            RDKafkaErrorCode::MessageSizeTooLarge => {
                self.limits.forget();
                "; raise message.max.bytes here and max.message.bytes on the topic"
            }
            RDKafkaErrorCode::Fatal => "; the producer must be opened again: restart",
            _ => "",
        };
        Error::Kafka { brokers, action: "produce", detail: format!("{topic}: {code}{remedy}") }
    }
}

impl Produce for KafkaProducer {
    fn produce(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.send(&entries).map(drop)
    }
}

impl Pending {
    fn lock(&self) -> std::sync::MutexGuard<'_, Deliveries> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn placed(&self, index: usize, partition: i32, offset: i64) {
        let mut state = self.lock();
        state.placed[index] = (partition, offset);
        state.finish(1);
    }

    fn failed(&self, error: KafkaError, topic: &str, entries: usize) {
        let mut state = self.lock();
        state.failure.get_or_insert((error, topic.to_owned()));
        state.finish(entries);
    }
}

impl Deliveries {
    fn finish(&mut self, entries: usize) {
        self.left -= entries;
        if self.left == 0
            && let Some(done) = self.done.take()
        {
            // The caller waits for this, so it is there.
            let _ = done.send(());
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        super::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match &error {
            KafkaError::Global(RDKafkaErrorCode::AllBrokersDown) => {
                warn!(brokers = %self.brokers, "kafka: no broker answers: {reason}");
            }
            _ => debug!(brokers = %self.brokers, %error, "kafka: {reason}"),
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        match result {
            Ok(message) => {
                ticket.pending.placed(ticket.index, message.partition(), message.offset());
            }
            Err((error, message)) => ticket.pending.failed(error.clone(), message.topic(), 1),
        }
    }
}
