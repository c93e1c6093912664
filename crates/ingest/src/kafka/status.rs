//! What is known of the cluster and of the reading of it, for Prometheus and health checks to see at any time.
//!
//! Invariants: looking never waits for Kafka. Counters only grow. Every partition of the topics is there, read or not,
//! and what a silent cluster said last is not taken for what it would say now.
//! Deliberately lacking: any judgement of whether that is well.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::survey::{Seen, Survey};

/// A cluster that has not answered for so long is not connected.
pub const SILENCE_MAX: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub struct KafkaStatus {
    pub records: AtomicU64,
    /// Bytes of keys and values.
    pub bytes: AtomicU64,
    /// Records in the last whole second or so.
    pub records_per_second: AtomicU64,
    /// Errors that librdkafka reported; it recovers from most by itself.
    pub errors: AtomicU64,
    /// Partitions halted since the start because reading on would leave a gap.
    pub halts: AtomicU64,
    answers: Mutex<Answers>,
    readings: Mutex<BTreeMap<(Arc<str>, i32), Reading>>,
}

#[derive(Debug, Default)]
struct Answers {
    newest: Option<Arc<Survey>>,
    /// When that was there.
    at: Option<Instant>,
    /// Why nothing has been answered since.
    silence: Option<String>,
}

/// What the consumer does with a partition.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    pub next: i64,
    /// The offset after the last record that this run has handed over; markers and the like follow it.
    pub after_record: Option<i64>,
    pub halted: Option<String>,
}

/// One partition of the topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Its records are read, or would be if there were any.
    pub read: bool,
    /// The offset that is read next.
    pub next: Option<i64>,
    /// The end of what is committed; `None` while it is not known.
    pub end: Option<i64>,
    /// Why the partition is not read.
    pub halted: Option<String>,
    after_record: Option<i64>,
}

impl PartitionStatus {
    /// Records in the log, if they are known, that somebody lacks who covers everything before `covered`. The markers
    /// of transactions are no records.
    pub fn behind(&self, covered: i64) -> Option<i64> {
        let end = self.end?;
        let at_end = self.next.is_some_and(|next| next >= end);
        if at_end && self.after_record.is_none_or(|after| covered >= after) {
            return Some(0);
        }
        Some((end - covered).max(0))
    }
}

impl KafkaStatus {
    /// Whether a broker has answered lately.
    pub fn is_connected(&self) -> bool {
        lock(&self.answers).at.is_some_and(|at| at.elapsed() < SILENCE_MAX)
    }

    /// Why the cluster does not answer; `None` while it does.
    pub fn silence(&self) -> Option<String> {
        if self.is_connected() {
            return None;
        }
        Some(lock(&self.answers).silence.clone().unwrap_or_else(|| "it has not been reached yet".to_owned()))
    }

    /// Every partition of the topics, by topic and number.
    pub fn partitions(&self) -> BTreeMap<(Arc<str>, i32), PartitionStatus> {
        let connected = self.is_connected();
        let mut partitions: BTreeMap<(Arc<str>, i32), PartitionStatus> = BTreeMap::new();
        for (place, reading) in lock(&self.readings).iter() {
            let status = PartitionStatus {
                read: reading.halted.is_none(),
                next: Some(reading.next),
                end: None,
                halted: reading.halted.clone(),
                after_record: reading.after_record,
            };
            partitions.insert(place.clone(), status);
        }
        for (topic, seen) in self.survey().iter().flat_map(|survey| &survey.topics) {
            let Seen::There { partitions: ranges, .. } = seen else { continue };
            for (number, range) in ranges {
                let status = partitions.entry((Arc::clone(topic), *number)).or_default();
                status.end = range.as_ref().filter(|_| connected).map(|range| *range.end());
            }
        }
        partitions
    }

    /// The topics, and why each is not there or cannot be seen.
    pub fn topics(&self) -> BTreeMap<Arc<str>, Option<String>> {
        let why = |seen: &Seen| match seen {
            Seen::Absent => Some("it does not exist".to_owned()),
            Seen::Refused(code) => Some(code.to_string()),
            Seen::There { .. } => None,
        };
        let survey = self.survey();
        survey
            .iter()
            .flat_map(|survey| &survey.topics)
            .map(|(name, seen)| (Arc::clone(name), why(seen)))
            .collect()
    }

    /// The newest answer.
    pub(super) fn survey(&self) -> Option<Arc<Survey>> {
        lock(&self.answers).newest.clone()
    }

    /// Takes an answer; says whether the cluster was silent before.
    pub(super) fn answered(&self, survey: Survey) -> bool {
        let was_connected = self.is_connected();
        *lock(&self.answers) =
            Answers { newest: Some(Arc::new(survey)), at: Some(Instant::now()), silence: None };
        !was_connected
    }

    /// Takes why there was no answer; gives the time of the last one.
    pub(super) fn silent(&self, reason: &str) -> Option<Instant> {
        let mut answers = lock(&self.answers);
        answers.silence = Some(reason.to_owned());
        answers.at
    }

    pub(super) fn set_reading(&self, topic: &Arc<str>, partition: i32, reading: Reading) {
        lock(&self.readings).insert((Arc::clone(topic), partition), reading);
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: i32, range: Option<std::ops::RangeInclusive<i64>>) -> Survey {
        let there = Seen::There { id: None, partitions: BTreeMap::from([(number, range)]) };
        Survey {
            began: Instant::now(),
            cluster: "c".into(),
            topics: BTreeMap::from([("t".into(), there), ("gone".into(), Seen::Absent)]),
        }
    }

    #[test]
    fn a_silent_cluster_is_not_connected_and_its_ends_are_not_known() {
        let status = KafkaStatus::default();
        assert!(!status.is_connected() && status.silence().is_some());
        assert!(status.answered(seen(0, Some(0..=7))));
        let place: (Arc<str>, i32) = ("t".into(), 0);
        assert_eq!((status.is_connected(), status.silence()), (true, None));
        assert_eq!(status.partitions()[&place].end, Some(7));
        assert!(status.topics()["gone"].is_some() && status.topics()["t"].is_none());
        // What nobody reads is there all the same.
        assert!(!status.partitions()[&place].read);
        lock(&status.answers).at = Instant::now().checked_sub(SILENCE_MAX);
        status.silent("connection refused");
        assert_eq!(status.silence().as_deref(), Some("connection refused"));
        assert_eq!(status.partitions()[&place].end, None);
    }

    #[test]
    fn markers_at_the_end_are_no_records_that_are_behind() {
        let partition = |next, after_record| PartitionStatus {
            read: true,
            next: Some(next),
            end: Some(12),
            halted: None,
            after_record,
        };
        assert_eq!(partition(10, Some(10)).behind(10), Some(2));
        assert_eq!(partition(12, Some(10)).behind(10), Some(0));
        assert_eq!(partition(12, Some(10)).behind(9), Some(3), "its last record is not covered yet");
        assert_eq!(partition(12, None).behind(0), Some(0), "there never was a record");
    }
}
