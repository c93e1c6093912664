//! What if: events that exist for one question only, laid over a snapshot.
//!
//! The events become one more segment a table, and their keys are folded again: what the writer does with a new
//! batch, on a copy that nobody else sees. So every metric answers a what-if, at any moment and over a range.
//! Invariants: the snapshot laid over is not changed and nothing is written; an event counts from its own time on,
//! and is known from then on, unless it says `observedat`.
//! Deliberately absent: taking events away; a later event that says otherwise does the same.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use chrono::{DateTime, Utc};
use event::{Batch, BatchBuilder, Outcome, Record, Table};

use crate::error::Error;
use crate::moment::Moment;
use crate::rows::segment::{Segment, key_column, micros};
use crate::rows::tables::{ByTable, EVENT_TABLES, Keys};
use crate::snapshot::Snapshot;
use crate::views::Views;

/// The name of the parameter in errors.
const WHAT_IF: &str = "what_if";

/// Events that are taken to have happened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Overlay(Arc<Batch>);

/// Only itself: two questions with events are never taken for one.
impl PartialEq for Overlay {
    fn eq(&self, other: &Overlay) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Overlay {
    /// Takes CloudEvents, one JSON object a line; empty lines are skipped.
    ///
    /// # Errors
    /// As [`Overlay::new`].
    pub fn of_lines(text: &[u8], events_max: usize) -> Result<Overlay, Error> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        Overlay::new(lines, events_max)
    }

    /// # Errors
    /// `BadParameter` that names the event: one that cannot be read, of an unknown type, or with an id that came
    /// before; for more than `events_max` and for none.
    pub fn new<'b>(bodies: impl IntoIterator<Item = &'b [u8]>, events_max: usize) -> Result<Overlay, Error> {
        let mut builder = BatchBuilder::new();
        let mut events = 0;
        for body in bodies {
            if events == events_max {
                return Err(bad(format!(
                    "has more than {events_max} events (limits.what_if_events_max); ask about fewer at once"
                )));
            }
            let record = Record {
                topic: "what-if",
                partition: 0,
                offset: events as i64,
                timestamp_us: -1, // no log: known when it happens
                key: None,
                headers: &[],
                value: Some(body),
            };
            events += 1;
            if let Some(wrong) = wrong(&record, builder.push(&record)) {
                return Err(bad(format!("event {events} {wrong}")));
            }
        }
        if events == 0 {
            return Err(bad("has no events; give one CloudEvent a line".to_owned()));
        }
        let batch = builder.finish(Vec::new());
        each_once(&batch)?;
        Ok(Overlay(Arc::new(batch)))
    }

    pub fn events(&self) -> usize {
        self.tables().map(RecordBatch::num_rows).iter().sum()
    }

    /// The snapshot with the events on it, for questions about moments up to `last`.
    ///
    /// # Errors
    /// `BadParameter` for an event that happens after `last` and for one that the snapshot has.
    pub async fn over(
        &self,
        snapshot: &Snapshot,
        views: &Arc<Views>,
        last: DateTime<Utc>,
    ) -> Result<Snapshot, Error> {
        self.happens_by(last)?;
        self.is_new_to(snapshot)?;
        let mut snapshot = snapshot.clone();
        let mut keys = Vec::new();
        for (index, rows) in self.tables().into_iter().enumerate() {
            let segments = &mut snapshot.tables.segments[index];
            if rows.num_rows() > 0 {
                keys.extend_from_slice(key_column(rows).values());
                if EVENT_TABLES[index] == Table::Commits {
                    keys.extend(snapshot.tables.gone.learn(rows, segments));
                }
                segments.push(Arc::new(Segment::sort(rows, None)?));
            }
        }
        keys.sort_unstable();
        keys.dedup();
        views.refold(&snapshot.tables, &keys, &mut snapshot.views).await?;
        snapshot.what_if = self.events();
        Ok(snapshot)
    }

    fn tables(&self) -> ByTable<&RecordBatch> {
        EVENT_TABLES.map(|table| self.0.table(table))
    }

    /// # Errors
    /// `BadParameter` for an event that happens after `last`: nothing would come of it.
    fn happens_by(&self, last: DateTime<Utc>) -> Result<(), Error> {
        for rows in self.tables() {
            let late = |at_us: &i64| *at_us > last.timestamp_micros();
            if let Some(row) = micros(rows, "effective_at").iter().position(late) {
                return Err(bad(format!(
                    "event {:?} happens after the moment asked, {last}; give it an earlier time or ask later",
                    ids(rows).value(row)
                )));
            }
        }
        Ok(())
    }

    /// # Errors
    /// `BadParameter` for an event whose id one of the same subject has.
    fn is_new_to(&self, snapshot: &Snapshot) -> Result<(), Error> {
        for (index, rows) in self.tables().into_iter().enumerate() {
            let mut keys = key_column(rows).values().to_vec();
            keys.sort_unstable();
            keys.dedup();
            let stored = snapshot.tables.gather(index, &Keys::Set(keys.into()), Moment::ALL)?;
            let known: HashSet<&str> = ids(&stored).iter().flatten().collect();
            if let Some(id) = ids(rows).iter().flatten().find(|id| known.contains(id)) {
                return Err(bad(format!(
                    "event {id:?} has the id of an event that happened; give it its own"
                )));
            }
        }
        Ok(())
    }
}

/// Why a record is no event, where it is none.
fn wrong(record: &Record<'_>, outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Event(_) | Outcome::Normalised(_) => None,
        Outcome::Unknown => Some("is of no type that is known; docs/events.md lists them".to_owned()),
        Outcome::Tombstone => Some("is empty".to_owned()),
        Outcome::DeadLetter(_) => event::decode(record)
            .err()
            .map(|reject| format!("is refused: {}: {}", reject.reason.as_str(), reject.detail)),
    }
}

fn each_once(batch: &Batch) -> Result<(), Error> {
    let mut seen = HashSet::new();
    for table in EVENT_TABLES {
        if let Some(id) = ids(batch.table(table)).iter().flatten().find(|id| !seen.insert(id.to_string())) {
            return Err(bad(format!("has two events with the id {id:?}; give each its own")));
        }
    }
    Ok(())
}

fn ids(rows: &RecordBatch) -> &arrow::array::StringViewArray {
    rows.column_by_name("event_id").expect("event rows carry event_id").as_string_view()
}

fn bad(reason: String) -> Error {
    Error::BadParameter { name: WHAT_IF.to_owned(), reason }
}
