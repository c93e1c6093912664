//! Which partitions are ours and where each is read: the rebalance callback and the slots it keeps.
//!
//! Invariants: a start offset is part of the assignment, set before librdkafka fetches anything;
//! it is the store's position, or what this run has already handed over if that is further. A
//! partition whose log does not hold that offset is left out and halted (I4).
//!
//! Revoked partitions: what was read stays in the batch, which is handed over at once. That is
//! safe because a batch's span must begin at the store's position when it is committed, so a
//! process that lost a partition to another cannot commit over it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use event::Span;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, error, info, warn};

use super::status::{KafkaStatus, PartitionStatus};
use crate::{Error, Positions};

const WATERMARKS_TIMEOUT: Duration = Duration::from_secs(10);
/// The same error text is not logged again for this long.
const REPEAT_ERROR: Duration = Duration::from_secs(30);

/// One partition that is or was ours.
pub struct Slot {
    pub topic: Arc<str>,
    pub partition: i32,
    /// Where the batch being built begins.
    pub base: i64,
    /// The next offset wanted. `None` only until the first record, when the store has no position
    /// and the log's beginning could not be asked for.
    pub next: Option<i64>,
    pub assigned: bool,
    /// Given to librdkafka to fetch: assigned, and not halted at the time.
    pub fetching: bool,
    pub halted: Option<String>,
    /// The position that Kafka was last told.
    pub advised: i64,
}

/// What the callbacks and the polling thread share.
pub struct Context {
    pub status: Arc<KafkaStatus>,
    pub positions: Positions,
    brokers: String,
    /// `kafka:<cluster id>`, known before anything is assigned.
    pub log: OnceLock<Arc<str>>,
    slots: Mutex<Vec<Slot>>,
    /// Set by each rebalance, cleared by the polling thread.
    pub changed: AtomicBool,
    last_error: Mutex<Option<(String, Instant)>>,
}

impl Context {
    pub fn new(brokers: &str, positions: Positions) -> Context {
        Context {
            status: Arc::default(),
            positions,
            brokers: brokers.to_owned(),
            log: OnceLock::new(),
            slots: Mutex::default(),
            changed: AtomicBool::new(false),
            last_error: Mutex::default(),
        }
    }

    /// Must not be held across a call that may run a callback.
    pub fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn span(&self, topic: &Arc<str>, partition: i32, base: i64, next: i64) -> Span {
        Span {
            log: self.log.get().cloned().unwrap_or_else(|| "kafka:".into()),
            topic: Arc::clone(topic),
            partition,
            base,
            next,
        }
    }

    /// The store's durable next offset of a partition.
    pub fn stored(&self, topic: &Arc<str>, partition: i32) -> Option<i64> {
        (self.positions)(&self.span(topic, partition, 0, 0).app_id())
    }

    pub fn publish(&self, slot: &Slot, end: Option<i64>) {
        let status =
            PartitionStatus { assigned: slot.assigned, next: slot.next, end, halted: slot.halted.clone() };
        self.status.set_partition(&slot.topic, slot.partition, status);
    }

    /// Marks a slot as not to be read, with an alarm.
    pub fn halt(&self, slot: &mut Slot, start: i64, end: i64) {
        let reason = Error::Gap {
            partition: format!("{}/{} at {}", slot.topic, slot.partition, self.brokers),
            next: slot.next.unwrap_or(start),
            start,
            end,
        }
        .to_string();
        error!(topic = %slot.topic, partition = slot.partition, "partition halted: {reason}");
        slot.halted = Some(reason);
        KafkaStatus::count(&self.status.halts);
    }

    /// Takes over the partitions of `list`; gives those to fetch, with their start offsets.
    fn take(
        &self,
        consumer: &BaseConsumer<Context>,
        list: &TopicPartitionList,
    ) -> KafkaResult<TopicPartitionList> {
        let mut fetch = TopicPartitionList::with_capacity(list.count());
        for element in list.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let range = consumer.fetch_watermarks(topic, partition, WATERMARKS_TIMEOUT);
            if let Err(error) = &range {
                // Reading from the position is still safe: Kafka refuses one that it does not have.
                warn!(topic, partition, %error, "cannot ask where the partition begins and ends");
            }
            let mut slots = self.slots();
            let slot = slot_of(&mut slots, topic, partition);
            let stored = self.stored(&slot.topic, partition);
            let start = match (stored, slot.next, &range) {
                (None, None, Ok((low, _))) => Some(*low),
                (stored, handed_over, _) => stored.max(handed_over),
            };
            // Rows of the batch being built keep their base; otherwise it begins here.
            if slot.next != start {
                slot.base = start.unwrap_or(0);
                slot.next = start;
            }
            slot.assigned = true;
            slot.halted = None;
            if let (Some(next), Ok((low, high))) = (start, &range)
                && !(*low..=*high).contains(&next)
            {
                self.halt(slot, *low, *high);
            }
            slot.fetching = slot.halted.is_none();
            if slot.fetching {
                let offset = start.map_or(Offset::Beginning, Offset::Offset);
                fetch.add_partition_offset(topic, partition, offset)?;
            }
            info!(topic, partition, start, "partition assigned");
            self.publish(slot, range.ok().map(|(_, high)| high));
        }
        Ok(fetch)
    }

    /// Gives up the partitions of `list`; gives those that were fetched.
    fn leave(&self, list: &TopicPartitionList) -> TopicPartitionList {
        let mut fetched = TopicPartitionList::with_capacity(list.count());
        for element in list.elements() {
            let (topic, partition) = (element.topic(), element.partition());
            let mut slots = self.slots();
            let slot = slot_of(&mut slots, topic, partition);
            if slot.fetching {
                fetched.add_partition(topic, partition);
            }
            slot.assigned = false;
            slot.fetching = false;
            info!(topic, partition, next = slot.next, "partition revoked");
            self.publish(slot, None);
        }
        fetched
    }
}

/// The slot of a partition, made when it is new. There are never more than the topics' partitions.
fn slot_of<'a>(slots: &'a mut Vec<Slot>, topic: &str, partition: i32) -> &'a mut Slot {
    let found = slots.iter().position(|slot| slot.partition == partition && *slot.topic == *topic);
    let index = found.unwrap_or_else(|| {
        slots.push(Slot {
            topic: topic.into(),
            partition,
            base: 0,
            next: None,
            assigned: false,
            fetching: false,
            halted: None,
            advised: -1,
        });
        slots.len() - 1
    });
    &mut slots[index]
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
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Context>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.take(consumer, list).and_then(|fetch| {
                if cooperative { consumer.incremental_assign(&fetch) } else { consumer.assign(&fetch) }
            })
        } else {
            let fetched = self.leave(list);
            if cooperative { consumer.incremental_unassign(&fetched) } else { consumer.unassign() }
        };
        if let Err(error) = done {
            KafkaStatus::count(&self.status.errors);
            error!(brokers = %self.brokers, %error, "kafka: the assignment was not accepted");
        }
        KafkaStatus::count(&self.status.rebalances);
        self.changed.store(true, Ordering::Relaxed);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            debug!(brokers = %self.brokers, %error, "kafka: advisory commit failed");
        }
    }
}
