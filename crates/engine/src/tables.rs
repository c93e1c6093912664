//! The event tables at one instant: immutable segments and the variants of ids.
//!
//! Invariant: a `Tables` never changes; the engine publishes a new one after each batch. It answers
//! one question: which rows do these keys have at this moment, one per event id.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use event::Table;

use crate::ids::{Variants, keys_of_hidden_variants, observations, settle};
use crate::segment::{Segment, indices, key_column, micros};

/// A moment on both clocks, µs: what had happened by `as_of`, of what was known by `known_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    pub as_of_us: i64,
    pub known_at_us: i64,
}

impl Moment {
    /// Everything, whenever it happened or was known.
    pub const ALL: Moment = Moment { as_of_us: i64::MAX, known_at_us: i64::MAX };
}

/// The tables that views fold.
pub const EVENT_TABLES: [Table; 3] = [Table::Commits, Table::Reviews, Table::Tickets];

/// Segments by table, in the order of [`EVENT_TABLES`], and the dead letters beside them.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    pub segments: [Vec<Arc<Segment>>; 3],
    pub dead_letters: Vec<RecordBatch>,
    pub variants: Arc<Variants>,
}

/// Which keys to gather.
#[derive(Debug, Clone)]
pub enum Keys {
    /// These, ascending.
    Set(Arc<[i64]>),
    /// All in `from..=to`.
    Between(i64, i64),
}

impl Tables {
    pub fn rows(&self, table: usize) -> usize {
        self.segments[table].iter().map(|s| s.rows()).sum()
    }

    pub fn total_rows(&self) -> usize {
        (0..EVENT_TABLES.len()).map(|table| self.rows(table)).sum()
    }

    /// The rows of `keys` in one table as they stand at `moment`.
    pub fn gather(&self, table: usize, keys: &Keys, moment: Moment) -> Result<RecordBatch, ArrowError> {
        let mut found = Vec::new();
        for segment in &self.segments[table] {
            match keys {
                Keys::Set(keys) => {
                    let ranges = segment.rows_of(keys);
                    if !ranges.is_empty() {
                        found.push(take_record_batch(&segment.batch, &indices(&ranges))?);
                    }
                }
                Keys::Between(from, to) => {
                    let range = segment.rows_between(*from, *to);
                    if !range.is_empty() {
                        found.push(segment.batch.slice(range.start, range.len()));
                    }
                }
            }
        }
        let rows = concat_batches(&schema(table), &found)?;
        settle(&rows, &self.variants, moment.as_of_us, moment.known_at_us)
    }

    /// The rows of a segment that stand at `moment`, some columns of them.
    pub fn standing(
        &self,
        segment: &Segment,
        projection: Option<&Vec<usize>>,
        moment: Moment,
    ) -> Result<RecordBatch, ArrowError> {
        let in_time =
            segment.effective_max_us <= moment.as_of_us && segment.observed_max_us <= moment.known_at_us;
        let rows = if in_time && self.variants.is_empty() {
            segment.batch.clone()
        } else {
            settle(&segment.batch, &self.variants, moment.as_of_us, moment.known_at_us)?
        };
        match projection {
            Some(columns) => rows.project(columns),
            None => Ok(rows),
        }
    }

    /// Keys (ascending) with a row that is hidden at `moment`.
    pub fn keys_hidden_at(&self, moment: Moment) -> Vec<i64> {
        let mut keys = Vec::new();
        for segment in self.segments.iter().flatten() {
            segment.keys_hidden_at(moment.as_of_us, moment.known_at_us, &mut keys);
        }
        keys.extend(keys_of_hidden_variants(&self.variants, moment.known_at_us));
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// For each of `times_us` (ascending) but the first, the keys (ascending) with an event that happened after
    /// the one before it and not after itself. One pass over the rows, however many times there are.
    pub fn keys_between(&self, times_us: &[i64]) -> Vec<Vec<i64>> {
        let mut found = vec![Vec::new(); times_us.len().saturating_sub(1)];
        let mut add = |at_us: i64, key: i64| {
            let index = times_us.partition_point(|&time| time < at_us);
            if let Some(keys) = index.checked_sub(1).and_then(|index| found.get_mut(index))
                && keys.last() != Some(&key)
            {
                keys.push(key);
            }
        };
        for segment in self.segments.iter().flatten() {
            let effective = micros(&segment.batch, "effective_at");
            let keys = key_column(&segment.batch).values();
            effective.iter().zip(keys.iter()).for_each(|(&at_us, &key)| add(at_us, key));
        }
        // A row of an id that has several may count from the earliest observation among them.
        observations(&self.variants).for_each(|(observed_us, key)| add(observed_us, key));
        for keys in &mut found {
            keys.sort_unstable();
            keys.dedup();
        }
        found
    }
}

/// The Arrow schema of an event table.
pub fn schema(table: usize) -> SchemaRef {
    event::schema::schema(EVENT_TABLES[table])
}
