//! The consumer as a source of the ingest loop: one thread polls librdkafka and pushes each
//! message as it is in librdkafka's buffer.
//!
//! Invariants: records of a partition are pushed in ascending order from its slot's `next`, none
//! twice; a slot's span runs on without holes between batches; polling goes on however long the
//! store takes, so the group does not think us dead.
//! Deliberately lacking: giving up. An absent broker or topic is reported and waited for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use event::{Record, Span};
use rdkafka::Message;
use rdkafka::bindings;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tracing::{error, info, warn};

use super::assignment::{Context, Slot};
use super::status::KafkaStatus;
use super::{CONSUMER_FIXED, CONSUMER_TUNED, KafkaConfig, client_config, setting_error};
use crate::{Error, PollOutcome, Positions, Source};

const CLUSTER_ID_TIMEOUT: Duration = Duration::from_millis(500);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How often status, lag and speed are brought up to date.
const TEND_INTERVAL: Duration = Duration::from_secs(1);
/// How often Kafka is told the durable positions.
const ADVISE_INTERVAL: Duration = Duration::from_secs(5);
/// How often an absent topic or a silent cluster is reported again.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
const TOPIC_CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// A store that takes nothing for this long: pause fetching and poll only for callbacks.
const STALL_PAUSE: Duration = Duration::from_secs(10);
/// Quiet time after which partitions read up to their ends count as the end of the log.
const QUIET: Duration = Duration::from_secs(1);
/// Quiet time that counts as the end whatever the end offsets say: those of transaction markers
/// and of uncommitted records are never reached.
const QUIET_LONG: Duration = Duration::from_secs(5);

/// A member of the consumer group.
pub struct KafkaConsumer {
    consumer: BaseConsumer<Context>,
    config: KafkaConfig,
    opened: Instant,
    subscribed: bool,
    reported: Option<Instant>,
    topics_checked: Instant,
    /// Absent topics and when each was last reported.
    absent: BTreeMap<String, Instant>,
    tended: Instant,
    tended_records: u64,
    advised: Instant,
    last_record: Instant,
    stalled_since: Option<Instant>,
    paused: bool,
    /// A message came while paused: the partitions must be put back to their slots' positions.
    rewind: bool,
}

impl KafkaConsumer {
    /// Checks the settings and makes the client; connecting happens while polling, for as long as
    /// it takes.
    pub fn open(config: &KafkaConfig, positions: Positions) -> Result<KafkaConsumer, Error> {
        let mut client = client_config(config, CONSUMER_FIXED, CONSUMER_TUNED)?;
        client.set("group.id", &config.group);
        let context = Context::new(&config.brokers, positions);
        let consumer: BaseConsumer<Context> =
            client.create_with_context(context).map_err(|error| setting_error(&error))?;
        let now = Instant::now();
        Ok(KafkaConsumer {
            consumer,
            config: config.clone(),
            opened: now,
            subscribed: false,
            reported: None,
            topics_checked: now,
            absent: BTreeMap::new(),
            tended: now,
            tended_records: 0,
            advised: now,
            last_record: now,
            stalled_since: None,
            paused: false,
            rewind: false,
        })
    }

    pub fn status(&self) -> Arc<KafkaStatus> {
        Arc::clone(&self.context().status)
    }

    /// Tells Kafka the store's durable positions, for lag tools. Done every few seconds while
    /// polling; call it once more after the store's last commit.
    pub fn advise(&mut self, wait: bool) {
        self.advised = Instant::now();
        let mut list = TopicPartitionList::new();
        let context = self.context();
        for slot in context.slots().iter_mut().filter(|slot| slot.assigned) {
            let Some(stored) = context.stored(&slot.topic, slot.partition) else {
                continue;
            };
            let offset = Offset::Offset(stored);
            let changed = stored != slot.advised;
            if changed && list.add_partition_offset(&slot.topic, slot.partition, offset).is_ok() {
                slot.advised = stored;
            }
        }
        if list.count() == 0 {
            return;
        }
        let mode = if wait { CommitMode::Sync } else { CommitMode::Async };
        if let Err(error) = self.consumer.commit(&list, mode) {
            warn!(brokers = %self.config.brokers, %error, "the positions could not be reported to Kafka");
        }
    }

    fn context(&self) -> &Arc<Context> {
        self.consumer.context()
    }

    /// Learns the cluster's id and subscribes; false while the cluster does not answer.
    fn connect(&mut self) -> Result<bool, Error> {
        if self.subscribed {
            return Ok(true);
        }
        let client = self.consumer.client();
        let Some(cluster) = client.fetch_cluster_id(CLUSTER_ID_TIMEOUT) else {
            // Nothing is subscribed yet, so this only serves callbacks.
            let _ = self.consumer.poll(Duration::ZERO);
            let due = self
                .reported
                .map_or(self.opened.elapsed() > REQUEST_TIMEOUT, |at| at.elapsed() > REPORT_INTERVAL);
            if due {
                self.reported = Some(Instant::now());
                error!(brokers = %self.config.brokers, "kafka does not answer; check the address, \
                     the network and the security settings; trying on");
            }
            return Ok(false);
        };
        let log: Arc<str> = format!("kafka:{cluster}").into();
        info!(brokers = %self.config.brokers, cluster, "connected to kafka");
        self.context().log.get_or_init(|| log);
        let topics: Vec<&str> = self.config.topics.iter().map(String::as_str).collect();
        self.consumer.subscribe(&topics).map_err(|error| self.failed("subscribe", &error))?;
        self.subscribed = true;
        self.context().status.connected.store(true, Ordering::Relaxed);
        self.check_topics();
        Ok(true)
    }

    /// One error a minute, with the remedy, for each topic that is not there. librdkafka itself
    /// looks again at each metadata refresh.
    fn check_topics(&mut self) {
        self.topics_checked = Instant::now();
        let assigned: Vec<Arc<str>> =
            self.context().slots().iter().map(|slot| Arc::clone(&slot.topic)).collect();
        for topic in &self.config.topics {
            // A name that begins with ^ is a pattern, which may match nothing.
            if topic.starts_with('^') || assigned.iter().any(|known| **known == **topic) {
                self.absent.remove(topic);
                continue;
            }
            let metadata = self.consumer.fetch_metadata(Some(topic), CLUSTER_ID_TIMEOUT);
            let absent = metadata.is_ok_and(|metadata| {
                metadata.topics().iter().all(|about| {
                    about.error() == Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
                        || about.partitions().is_empty()
                })
            });
            let reported = self.absent.get(topic);
            if !absent {
                if self.absent.remove(topic).is_some() {
                    info!(topic, "the topic is there now");
                }
            } else if reported.is_none_or(|at| at.elapsed() > REPORT_INTERVAL) {
                let brokers = self.config.brokers.clone();
                let topic = topic.clone();
                self.absent.insert(topic.clone(), Instant::now());
                error!("{}; looking again", Error::NoTopic { brokers, topic });
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
        for slot in self.context().slots().iter() {
            let end = slot.fetching.then(|| self.known_end(slot)).flatten();
            self.context().publish(slot, end);
        }
        if self.advised.elapsed() >= ADVISE_INTERVAL {
            self.advise(false);
        }
        let missing = self.config.topics.len() > self.assigned_topics();
        if missing && self.topics_checked.elapsed() >= TOPIC_CHECK_INTERVAL {
            self.check_topics();
        }
    }

    fn assigned_topics(&self) -> usize {
        let slots = self.context().slots();
        let mut topics: Vec<&str> = slots.iter().map(|slot| &*slot.topic).collect();
        topics.sort_unstable();
        topics.dedup();
        topics.len()
    }

    /// The partition's end as librdkafka last heard it in a fetch; asks nobody.
    fn known_end(&self, slot: &Slot) -> Option<i64> {
        let topic = CString::new(&*slot.topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client lives as long as `self.consumer`, the string outlives the call, and
        // both numbers are written before it returns.
        let outcome = unsafe {
            bindings::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                slot.partition,
                &mut low,
                &mut high,
            )
        };
        let known = outcome == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0;
        known.then_some(high)
    }

    fn at_end(&self) -> bool {
        let quiet = self.last_record.elapsed();
        if quiet < QUIET || self.context().status.rebalances.load(Ordering::Relaxed) == 0 {
            return false;
        }
        quiet >= QUIET_LONG
            || self.context().slots().iter().filter(|slot| slot.fetching).all(|slot| {
                match (slot.next, self.known_end(slot)) {
                    (Some(next), Some(end)) => next >= end,
                    (None, _) | (_, None) => false,
                }
            })
    }

    /// An error that polling returned. librdkafka has reported it by the callback already.
    fn on_error(&mut self, error: &KafkaError) -> Result<(), Error> {
        match error {
            KafkaError::MessageConsumptionFatal(_) => Err(self.failed("consume", error)),
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ) => {
                self.check_ranges();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Some position was refused, and the error does not say which: halt the partitions whose logs
    /// do not hold their positions, and set the others back on theirs.
    fn check_ranges(&self) {
        let fetching: Vec<(Arc<str>, i32)> = self
            .context()
            .slots()
            .iter()
            .filter(|slot| slot.fetching && slot.halted.is_none())
            .map(|slot| (Arc::clone(&slot.topic), slot.partition))
            .collect();
        for (topic, partition) in fetching {
            let range = self.consumer.fetch_watermarks(&topic, partition, REQUEST_TIMEOUT);
            let Ok((low, high)) = range else {
                continue;
            };
            let next = {
                let mut slots = self.context().slots();
                let Some(slot) = find(&mut slots, &topic, partition) else {
                    continue;
                };
                let next = slot.next.unwrap_or(low);
                if !(low..=high).contains(&next) {
                    self.context().halt(slot, low, high);
                }
                slot.halted.is_none().then_some(next)
            };
            let done = match next {
                Some(next) => {
                    let offset = Offset::Offset(next);
                    self.consumer.seek(&topic, partition, offset, REQUEST_TIMEOUT)
                }
                None => {
                    let mut list = TopicPartitionList::new();
                    list.add_partition(&topic, partition);
                    self.consumer.pause(&list)
                }
            };
            if let Err(error) = done {
                warn!(%topic, partition, %error, "cannot set the partition's position");
            }
        }
    }

    /// The partitions that librdkafka fetches and nothing has halted.
    fn active(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for slot in self.context().slots().iter() {
            if slot.fetching && slot.halted.is_none() {
                list.add_partition(&slot.topic, slot.partition);
            }
        }
        list
    }

    fn resume(&mut self) {
        self.stalled_since = None;
        if !self.paused {
            return;
        }
        self.paused = false;
        if std::mem::take(&mut self.rewind) {
            self.check_ranges();
        }
        if let Err(error) = self.consumer.resume(&self.active()) {
            error!(brokers = %self.config.brokers, %error, "kafka: cannot read on after a pause");
        }
    }

    /// As if the store had taken nothing for long.
    #[cfg(test)]
    pub(super) fn stall_for_test(&mut self) {
        self.stalled_since = Instant::now().checked_sub(STALL_PAUSE);
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
        if !self.connect()? {
            return Ok(polled);
        }
        self.resume();
        self.tend();
        let mut wait = wait;
        let mut bytes = 0;
        loop {
            // A rebalance makes this return nothing, so no message is seen before the change is.
            match self.consumer.poll(wait) {
                None => break,
                Some(Err(error)) => self.on_error(&error)?,
                Some(Ok(message)) => {
                    let wanted = push_message(self.context(), &message, push);
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
        polled.flush = self.context().changed.swap(false, Ordering::Relaxed);
        if polled.flush {
            // What was just assigned has had no time to bring records.
            self.last_record = Instant::now();
        }
        if polled.records > 0 {
            let status = &self.consumer.context().status;
            self.last_record = Instant::now();
            status.records.fetch_add(polled.records as u64, Ordering::Relaxed);
            status.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        } else {
            polled.at_end = self.at_end();
        }
        Ok(polled)
    }

    fn spans(&mut self) -> Vec<Span> {
        let context = self.context();
        let mut spans = Vec::new();
        for slot in context.slots().iter_mut() {
            let Some(next) = slot.next.filter(|next| *next > slot.base) else {
                continue;
            };
            spans.push(context.span(&slot.topic, slot.partition, slot.base, next));
            slot.base = next;
        }
        spans
    }

    fn stalled(&mut self, pause: Duration) -> Result<(), Error> {
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        if since.elapsed() < STALL_PAUSE {
            std::thread::sleep(pause);
            return Ok(());
        }
        if !self.paused {
            warn!("the store is slow to take batches; fetching is paused until it does");
            self.paused = true;
            if let Err(error) = self.consumer.pause(&self.active()) {
                warn!(%error, "kafka: cannot pause");
            }
        }
        match self.consumer.poll(pause) {
            None => Ok(()),
            Some(Ok(_)) => {
                self.rewind = true;
                Ok(())
            }
            Some(Err(error)) => self.on_error(&error),
        }
    }
}

/// Pushes one message and moves its slot on; `None` when the message is not wanted: its partition
/// is halted or no longer ours, or it was pushed before.
fn push_message(
    context: &Context,
    message: &BorrowedMessage<'_>,
    push: &mut dyn FnMut(&Record<'_>) -> bool,
) -> Option<bool> {
    let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
    {
        let mut slots = context.slots();
        let slot =
            find(&mut slots, topic, partition).filter(|slot| slot.assigned && slot.halted.is_none())?;
        match slot.next {
            Some(next) if offset < next => return None,
            Some(_) => {}
            None => slot.base = offset,
        }
        slot.next = Some(offset + 1);
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

fn find<'a>(slots: &'a mut [Slot], topic: &str, partition: i32) -> Option<&'a mut Slot> {
    slots.iter_mut().find(|slot| slot.partition == partition && *slot.topic == *topic)
}
