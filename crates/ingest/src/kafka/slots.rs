//! One slot for each partition: where it is read, and why it is not.
//!
//! Invariants: where to begin is decided by the store's position on this very topic and by the offsets that the log
//! holds; where that cannot be asked, the partition waits, and where reading would leave a gap it is halted, for as
//! long as the process runs (I4). A slot's span goes on without holes between batches.
//! Deliberately lacking: librdkafka.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

use event::Span;
use tracing::{error, info};

use super::status::Reading;
use super::survey::{Seen, Survey};
use crate::Error;
use crate::identity::{Known, known};

/// One partition that is read, or halted.
#[derive(Clone, Debug)]
pub struct Slot {
    pub topic: Arc<str>,
    pub partition: i32,
    /// The topic that is read, by its id; as in [`Span::log`].
    pub log: Arc<str>,
    /// Where the batch being built begins.
    base: i64,
    /// The next offset wanted.
    pub next: i64,
    after_record: Option<i64>,
    /// When `next` last moved.
    moved: Instant,
    pub halted: Option<String>,
    /// The app id to retire, until the store has done so.
    was: Option<Arc<str>>,
    /// The position that Kafka was last told.
    pub advised: i64,
}

#[derive(Debug, Default)]
pub struct Slots {
    pub all: Vec<Slot>,
    /// Partitions halted so far.
    pub halts: u64,
    /// There is something that the next span says and that no record comes with.
    pub news: bool,
}

impl Slot {
    pub fn app_id(&self) -> String {
        self.span(self.next).app_id()
    }

    fn span(&self, next: i64) -> Span {
        Span {
            log: Arc::clone(&self.log),
            topic: Arc::clone(&self.topic),
            partition: self.partition,
            base: self.base,
            next,
            was: self.was.clone(),
        }
    }

    pub fn reading(&self) -> Reading {
        Reading { next: self.next, after_record: self.after_record, halted: self.halted.clone() }
    }

    /// Takes the record at `offset`; false where it is not wanted.
    pub fn take(&mut self, offset: i64) -> bool {
        if self.halted.is_some() || offset < self.next {
            return false;
        }
        self.next = offset + 1;
        self.after_record = Some(self.next);
        self.moved = Instant::now();
        true
    }
}

impl Slots {
    pub fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Slot> {
        self.all.iter_mut().find(|slot| slot.partition == partition && *slot.topic == *topic)
    }

    pub fn read(&self) -> impl Iterator<Item = &Slot> {
        self.all.iter().filter(|slot| slot.halted.is_none())
    }

    /// Takes a survey. `suspect` says that Kafka refused a position before it began. True when other partitions are to
    /// be read than before, or from elsewhere.
    pub fn consider(&mut self, survey: &Survey, positions: &HashMap<String, i64>, suspect: bool) -> bool {
        let mut changed = false;
        for (topic, seen) in &survey.topics {
            let Seen::There { id, partitions } = seen else { continue };
            let log = survey.log(id.as_deref());
            let prefix = format!("plimsoll:{log}/");
            let ends = format!(":{topic}:");
            // A broker too old to know ids, in a cluster that has given one: ask the others.
            if id.is_none() && positions.keys().any(|key| key.starts_with(&prefix) && key.contains(&ends)) {
                continue;
            }
            for (partition, range) in partitions {
                changed |= match (self.find(topic, *partition), range) {
                    (Some(slot), range) => {
                        if slot.was.is_some() && positions.contains_key(&slot.app_id()) {
                            slot.was = None;
                        }
                        let halted =
                            slot.halted.is_none() && slot.check(&log, range.as_ref(), survey, suspect);
                        self.halts += u64::from(halted);
                        halted
                    }
                    (None, Some(range)) => {
                        let slot = begin(topic, *partition, &log, range, positions);
                        self.halts += u64::from(slot.halted.is_some());
                        self.news |= slot.was.is_some();
                        self.all.push(slot);
                        true
                    }
                    // It cannot be asked just now; the next survey may know.
                    (None, None) => false,
                };
            }
        }
        changed
    }

    /// Positions as librdkafka has them, which go past markers and records of transactions that were aborted.
    pub fn advance(&mut self, topic: &str, partition: i32, position: i64) {
        if let Some(slot) = self.find(topic, partition).filter(|slot| slot.halted.is_none())
            && position > slot.next
        {
            slot.next = position;
            slot.moved = Instant::now();
            self.news = true;
        }
    }

    /// What was read since the last call.
    pub fn spans(&mut self) -> Vec<Span> {
        self.news = false;
        let mut spans = Vec::new();
        for slot in &mut self.all {
            if slot.halted.is_some() && slot.next == slot.base {
                continue;
            }
            if slot.next > slot.base || slot.was.is_some() {
                spans.push(slot.span(slot.next));
                slot.base = slot.next;
            }
        }
        spans
    }
}

impl Slot {
    /// Halts a slot that can no longer be read without a gap.
    fn check(
        &mut self,
        log: &str,
        range: Option<&RangeInclusive<i64>>,
        survey: &Survey,
        suspect: bool,
    ) -> bool {
        if *self.log != *log {
            let (was, now) = (self.log.to_string(), log.to_owned());
            self.halt(&Error::Replaced { partition: self.name(), was, now });
            return true;
        }
        let Some(range) = range else { return false };
        // While records come, the survey is older than they are.
        let shrunk = self.next > *range.end() && self.moved < survey.began;
        // What was deleted may have been fetched before; whether it was, Kafka says when it is asked for more.
        if shrunk || (suspect && !range.contains(&self.next) && self.moved < survey.began) {
            self.halt(&gap(self.name(), self.next, range));
            return true;
        }
        false
    }

    fn name(&self) -> String {
        format!("{}/{}", self.topic, self.partition)
    }

    fn halt(&mut self, reason: &Error) {
        error!(topic = %self.topic, partition = self.partition, "partition halted: {reason}");
        self.halted = Some(reason.to_string());
    }
}

fn gap(partition: String, next: i64, range: &RangeInclusive<i64>) -> Error {
    Error::Gap { partition, next, start: *range.start(), end: *range.end() }
}

/// The slot of a partition that was not seen before in this run.
fn begin(
    topic: &Arc<str>,
    partition: i32,
    log: &Arc<str>,
    range: &RangeInclusive<i64>,
    positions: &HashMap<String, i64>,
) -> Slot {
    let known = known(positions, log, topic, partition);
    let next = match &known {
        Known::Nothing => *range.start(),
        Known::Next(next) | Known::Unnamed { next, .. } => *next,
        Known::Other { replaced, .. } => replaced.as_ref().map_or(0, |(_, next)| *next),
    };
    let mut slot = Slot {
        topic: Arc::clone(topic),
        partition,
        log: Arc::clone(log),
        base: next,
        next,
        after_record: None,
        moved: Instant::now(),
        halted: None,
        was: None,
        advised: -1,
    };
    match known {
        Known::Other { log: was, .. } => {
            slot.halt(&Error::Replaced { partition: slot.name(), was, now: log.to_string() });
            return slot;
        }
        Known::Unnamed { app_id, .. } => slot.was = Some(app_id.into()),
        Known::Nothing | Known::Next(_) => {}
    }
    if range.contains(&next) {
        info!(%topic, partition, next, "reading the partition");
    } else {
        slot.was = None;
        slot.halt(&gap(slot.name(), next, range));
    }
    slot
}
