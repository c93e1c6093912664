//! The consumer as a source of the ingest loop: one thread polls librdkafka and pushes each message as it is in
//! librdkafka's buffer.
//!
//! Invariants: every partition of the topics is read here, whoever else reads them; which, and from where, follows from
//! the newest survey (`slots`). Records of a partition are pushed in ascending order from its slot's `next`, none
//! twice. The thread never waits for the network: whatever the cluster does, a poll returns in time.
//! Deliberately lacking: giving up. An absent broker or topic is reported and waited for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event::{Record, Span};
use rdkafka::Message;
use rdkafka::bindings;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

use super::slots::Slots;
use super::status::KafkaStatus;
use super::survey::Survey;
use super::watch::Surveyor;
use super::{CONSUMER_FIXED, CONSUMER_TUNED, KafkaConfig, client_config, setting_error};
use crate::{Error, PollOutcome, Positions, Source};

/// How often positions, status and speed are brought up to date.
const TEND_INTERVAL: Duration = Duration::from_secs(1);
/// How often Kafka is told the durable positions, and how long that is waited for at the end.
const ADVISE_INTERVAL: Duration = Duration::from_secs(5);
const ADVISE_WAIT_MAX: Duration = Duration::from_secs(1);
/// How often an absent topic is reported again.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// The same error text is not logged again for this long.
const REPEAT_ERROR: Duration = Duration::from_secs(30);
/// A store that takes nothing for this long is reported.
const STALL_REPORT: Duration = Duration::from_secs(10);
/// Quiet time after which partitions read up to their ends count as the end of the log.
const QUIET: Duration = Duration::from_secs(1);

/// What the callbacks report.
struct Context {
    status: Arc<KafkaStatus>,
    brokers: String,
    /// Set by each commit that Kafka has answered.
    committed: AtomicBool,
    last_error: Mutex<Option<(String, Instant)>>,
}

/// A reader of all partitions. Kafka knows it by its group, where it leaves its positions for lag tools.
pub struct KafkaConsumer {
    consumer: BaseConsumer<Context>,
    config: KafkaConfig,
    positions: Positions,
    slots: Slots,
    _surveyor: Surveyor,
    /// When the survey began that was last acted on.
    considered: Option<Instant>,
    /// Kafka has refused some position, and did not say which: the next survey shows it.
    suspect: Option<Instant>,
    /// Topics that are not there, and when each was last reported.
    absent: BTreeMap<Arc<str>, Instant>,
    tended: Instant,
    tended_records: u64,
    advised: Instant,
    last_record: Instant,
    stalled_since: Option<Instant>,
    stall_reported: bool,
}

impl KafkaConsumer {
    /// Checks the settings and makes the clients; connecting happens meanwhile, for as long as it takes.
    pub fn open(config: &KafkaConfig, positions: Positions) -> Result<KafkaConsumer, Error> {
        if let Some(pattern) = config.topics.iter().find(|topic| topic.starts_with('^')) {
            let detail = format!("topic {pattern} is a pattern; name each topic");
            return Err(Error::Setting { detail });
        }
        let mut client = client_config(config, CONSUMER_FIXED, CONSUMER_TUNED)?;
        client.set("group.id", &config.group);
        let status = Arc::new(KafkaStatus::default());
        let context = Context {
            status: Arc::clone(&status),
            brokers: config.brokers.clone(),
            committed: AtomicBool::new(false),
            last_error: Mutex::default(),
        };
        let consumer = client.create_with_context(context).map_err(|error| setting_error(&error))?;
        let surveyor = Surveyor::start(config, status)?;
        let now = Instant::now();
        Ok(KafkaConsumer {
            consumer,
            config: config.clone(),
            positions,
            slots: Slots::default(),
            _surveyor: surveyor,
            considered: None,
            suspect: None,
            absent: BTreeMap::new(),
            tended: now,
            tended_records: 0,
            advised: now,
            last_record: now,
            stalled_since: None,
            stall_reported: false,
        })
    }

    pub fn status(&self) -> Arc<KafkaStatus> {
        Arc::clone(self.state())
    }

    fn state(&self) -> &Arc<KafkaStatus> {
        &self.consumer.context().status
    }

    /// Tells Kafka the store's durable positions, for lag tools. Done every few seconds while polling; call it once
    /// more after the store's last commit, with `wait`, which takes `ADVISE_WAIT_MAX` at most.
    pub fn advise(&mut self, wait: bool) {
        self.advised = Instant::now();
        if !self.state().is_connected() {
            return;
        }
        let stored = (self.positions)();
        let mut list = TopicPartitionList::new();
        for slot in self.slots.all.iter_mut().filter(|slot| slot.halted.is_none()) {
            let Some(&next) = stored.get(&slot.app_id()) else { continue };
            let changed = next != slot.advised;
            let offset = Offset::Offset(next);
            if changed && list.add_partition_offset(&slot.topic, slot.partition, offset).is_ok() {
                slot.advised = next;
            }
        }
        if list.count() == 0 {
            return;
        }
        self.consumer.context().committed.store(false, Ordering::Relaxed);
        if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
            debug!(brokers = %self.config.brokers, %error, "the positions could not be reported to Kafka");
        }
        let deadline = self.advised + ADVISE_WAIT_MAX;
        while wait && Instant::now() < deadline && !self.consumer.context().committed.load(Ordering::Relaxed)
        {
            // Records that come now are read again by the next run.
            drop(self.consumer.poll(TEND_INTERVAL / 20));
        }
    }

    /// Acts on the newest survey, once.
    fn consider(&mut self) -> Result<(), Error> {
        let Some(survey) = self.state().survey().filter(|survey| Some(survey.began) != self.considered)
        else {
            return Ok(());
        };
        self.considered = Some(survey.began);
        self.report_topics(&survey);
        let suspect = self.suspect.is_some_and(|at| survey.began > at);
        let changed = self.slots.consider(&survey, &(self.positions)(), suspect);
        if suspect {
            self.suspect = None;
        }
        if changed || suspect {
            self.assign()?;
        }
        self.publish();
        Ok(())
    }

    /// Reads what the slots say from where they say. What was fetched and not polled is fetched again.
    fn assign(&mut self) -> Result<(), Error> {
        let mut list = TopicPartitionList::new();
        for slot in self.slots.read() {
            let offset = Offset::Offset(slot.next);
            list.add_partition_offset(&slot.topic, slot.partition, offset)
                .map_err(|error| self.failed("assign", &error))?;
        }
        // What was just assigned has had no time to bring records.
        self.last_record = Instant::now();
        info!(partitions = list.count(), "reading from kafka");
        self.consumer.assign(&list).map_err(|error| self.failed("assign", &error))
    }

    /// One error a minute, with the remedy, for each topic that is not there.
    fn report_topics(&mut self, survey: &Survey) {
        let topics = self.state().topics();
        for topic in survey.topics.keys() {
            let Some(why) = topics.get(topic).and_then(Option::as_ref) else {
                if self.absent.remove(topic).is_some() {
                    info!(%topic, "the topic is there now");
                }
                continue;
            };
            if self.absent.get(topic).is_none_or(|at| at.elapsed() > REPORT_INTERVAL) {
                self.absent.insert(Arc::clone(topic), Instant::now());
                let (brokers, topic) = (self.config.brokers.clone(), topic.to_string());
                error!(why, "{}; looking again", Error::NoTopic { brokers, topic });
            }
        }
    }

    /// What is done about once a second between messages.
    fn tend(&mut self) {
        let elapsed = self.tended.elapsed();
        if elapsed < TEND_INTERVAL {
            return;
        }
        self.tended = Instant::now();
        let status = self.status();
        let records = status.records.load(Ordering::Relaxed);
        let speed = (records - self.tended_records) as f64 / elapsed.as_secs_f64();
        status.records_per_second.store(speed as u64, Ordering::Relaxed);
        self.tended_records = records;
        if let Ok(positions) = self.consumer.position() {
            for element in positions.elements() {
                if let Offset::Offset(position) = element.offset() {
                    self.slots.advance(element.topic(), element.partition(), position);
                }
            }
        }
        self.publish();
        if self.advised.elapsed() >= ADVISE_INTERVAL {
            self.advise(false);
        }
    }

    fn publish(&self) {
        for slot in &self.slots.all {
            self.state().set_reading(&slot.topic, slot.partition, slot.reading());
        }
        self.state().halts.store(self.slots.halts, Ordering::Relaxed);
    }

    /// Everything has been read that the log had at a moment after the last record.
    fn at_end(&self) -> bool {
        let quiet = self.last_record.elapsed() >= QUIET;
        let survey = self.state().survey().filter(|survey| survey.began > self.last_record);
        quiet
            && survey.is_some()
            && self.state().partitions().iter().all(|((topic, partition), status)| {
                let slot = self.slots.all.iter().find(|s| s.topic == *topic && s.partition == *partition);
                status.halted.is_some()
                    || slot.is_some_and(|slot| status.end.is_some_and(|end| slot.next >= end))
            })
    }

    /// An error that polling returned. librdkafka has reported it by the callback already.
    fn on_error(&mut self, error: &KafkaError) -> Result<(), Error> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(self.failed("consume", error)),
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ) => {
                self.suspect = Some(Instant::now());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, action: &'static str, error: &KafkaError) -> Error {
        Error::Kafka { brokers: self.config.brokers.clone(), action, detail: error.to_string() }
    }
}

impl Source for KafkaConsumer {
    fn poll(
        &mut self,
        wait: Duration,
        push: &mut dyn FnMut(&Record<'_>) -> bool,
    ) -> Result<PollOutcome, Error> {
        let mut polled = PollOutcome::default();
        self.stalled_since = None;
        self.stall_reported = false;
        self.consider()?;
        self.tend();
        let mut wait = wait;
        let mut bytes = 0;
        loop {
            match self.consumer.poll(wait) {
                None => break,
                Some(Err(error)) => self.on_error(&error)?,
                Some(Ok(message)) => {
                    let wanted = push_message(&mut self.slots, &message, push);
                    if let Some(wanted) = wanted {
                        polled.records += 1;
                        bytes += message.payload_len() + message.key_len();
                        if !wanted {
                            break;
                        }
                    }
                }
            }
            wait = Duration::ZERO;
        }
        if polled.records > 0 {
            let status = self.state();
            status.records.fetch_add(polled.records as u64, Ordering::Relaxed);
            status.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            self.last_record = Instant::now();
        } else {
            polled.flush = self.slots.news;
            polled.at_end = self.at_end();
        }
        Ok(polled)
    }

    fn spans(&mut self) -> Vec<Span> {
        self.slots.spans()
    }

    /// What librdkafka has fetched waits; it fetches no more than its queue takes.
    fn stalled(&mut self, pause: Duration) -> Result<(), Error> {
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= STALL_REPORT && !std::mem::replace(&mut self.stall_reported, true) {
            warn!("the store is slow to take batches; reading waits until it does");
        }
        std::thread::sleep(pause);
        Ok(())
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        super::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        KafkaStatus::count(&self.status.errors);
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = last.as_ref().is_some_and(|(text, at)| text == reason && at.elapsed() < REPEAT_ERROR);
        if repeated {
            debug!(brokers = %self.brokers, %error, "kafka: {reason}");
        } else {
            error!(brokers = %self.brokers, %error, "kafka: {reason}");
            *last = Some((reason.to_owned(), Instant::now()));
        }
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        self.committed.store(true, Ordering::Relaxed);
        if let Err(error) = result {
            debug!(brokers = %self.brokers, %error, "kafka: advisory commit failed");
        }
    }
}

/// Pushes one message and moves its slot on; `None` when the message is not wanted: its partition is halted, or it
/// was pushed before.
fn push_message(
    slots: &mut Slots,
    message: &BorrowedMessage<'_>,
    push: &mut dyn FnMut(&Record<'_>) -> bool,
) -> Option<bool> {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    if !slots.find(topic, partition)?.take(offset) {
        return None;
    }
    let names = header_names(message);
    let headers: Vec<(&str, &[u8])> = names.iter().map(|(name, value)| (name.as_ref(), *value)).collect();
    Some(push(&Record {
        topic,
        partition,
        offset,
        timestamp_us: message.timestamp().to_millis().map_or(0, |ms| ms.saturating_mul(1000)),
        key: message.key(),
        headers: &headers,
        value: message.payload(),
    }))
}

/// The headers, names and values borrowed from the message. rdkafka's own reader panics on a name
/// that is not UTF-8, which any producer can send, so they are read here.
fn header_names<'a>(message: &'a BorrowedMessage<'_>) -> Vec<(Cow<'a, str>, &'a [u8])> {
    let mut found = Vec::new();
    let mut headers = std::ptr::null_mut();
    // SAFETY: the message is alive, and librdkafka sets `headers` only when it returns no error;
    // they belong to the message.
    let outcome = unsafe { bindings::rd_kafka_message_headers(message.ptr(), &mut headers) };
    if outcome != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
        return found;
    }
    for index in 0.. {
        let mut name = std::ptr::null();
        let mut value = std::ptr::null();
        let mut size = 0;
        // SAFETY: `headers` is valid for as long as the message; the three outputs are written
        // when there is a header at `index`, and point into the message: the name ends in a NUL,
        // the value has `size` bytes.
        let (name, value) = unsafe {
            let outcome = bindings::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size);
            if outcome != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                break;
            }
            let value: &'a [u8] =
                if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast::<u8>(), size) };
            let name: &'a CStr = CStr::from_ptr(name);
            (name, value)
        };
        found.push((name.to_string_lossy(), value));
    }
    found
}
