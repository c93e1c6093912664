//! The event tables at one instant: immutable segments and the variants of ids.
//!
//! Invariant: a `Tables` never changes; the engine publishes a new one after each batch. It answers
//! one question: which rows do these keys have at this moment, one per event id.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use event::Table;

use crate::moment::Moment;
use crate::rows::gone::Gone;
use crate::rows::ids::{Variants, settle};
use crate::rows::segment::{Clocks, Segment, indices, key_column, micros};
use crate::store::dead::DeadLetters;

/// The tables that views fold.
pub const EVENT_TABLES: [Table; 4] = [Table::Commits, Table::Reviews, Table::Tickets, Table::Directory];

/// One for each of [`EVENT_TABLES`], in their order.
pub type ByTable<T> = [T; EVENT_TABLES.len()];

/// Segments by table, and the dead letters next to them.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    pub segments: ByTable<Vec<Arc<Segment>>>,
    pub dead_letters: DeadLetters,
    pub variants: Variants,
    pub gone: Gone,
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
        let seen = self.seen_at(moment);
        let mut found = Vec::new();
        for segment in &self.segments[table] {
            let ranges = match keys {
                Keys::Set(keys) => segment.rows_of(keys),
                Keys::Between(from, to) => vec![segment.rows_between(*from, *to)],
            };
            if let ([range], true) = (ranges.as_slice(), segment.is_before(moment)) {
                found.push(segment.batch.slice(range.start, range.len()));
                continue;
            }
            // Of a far past few rows stand: they are told by their clocks before any is copied.
            let clocks = segment.clocks();
            let rows = indices(ranges.into_iter().flatten().filter(|&row| seen(&clocks, row)));
            if !rows.is_empty() {
                found.push(take_record_batch(&segment.batch, &rows)?);
            }
        }
        let rows = concat_batches(&schema(table), &found)?;
        let rows = settle(&rows, &self.variants, moment.as_of_us, moment.known_at_us)?;
        self.present(table, rows, moment)
    }

    /// Of rows that stand, those that a reader sees.
    fn present(&self, table: usize, rows: RecordBatch, moment: Moment) -> Result<RecordBatch, ArrowError> {
        if EVENT_TABLES[table] == Table::Commits {
            self.gone.filter(rows, &self.variants, moment)
        } else {
            Ok(rows)
        }
    }

    /// The rows of a segment that stand at `moment`, some columns of them.
    pub fn standing(
        &self,
        table: usize,
        segment: &Segment,
        projection: Option<&Vec<usize>>,
        moment: Moment,
    ) -> Result<RecordBatch, ArrowError> {
        let rows = if segment.is_before(moment) && self.variants.is_empty() {
            segment.batch.clone()
        } else {
            settle(&segment.batch, &self.variants, moment.as_of_us, moment.known_at_us)?
        };
        let rows = self.present(table, rows, moment)?;
        match projection {
            Some(columns) => rows.project(columns),
            None => Ok(rows),
        }
    }

    /// Whether every row was known by then.
    pub fn is_known_by(&self, known_at_us: i64) -> bool {
        self.segments.iter().flatten().all(|segment| segment.observed_max_us <= known_at_us)
    }

    /// Keys (ascending) with a row that is hidden at `moment`.
    pub fn keys_hidden_at(&self, moment: Moment) -> Vec<i64> {
        let mut keys = Vec::new();
        for segment in self.segments.iter().flatten().filter(|segment| !segment.is_before(moment)) {
            let clocks = segment.clocks();
            for (row, &key) in clocks.keys.iter().enumerate() {
                let hidden = !clocks.happened(row, moment) || !clocks.known(row, moment);
                if hidden && keys.last() != Some(&key) {
                    keys.push(key);
                }
            }
        }
        keys.extend(self.variants.keys_hidden_at(moment.known_at_us));
        keys.extend(self.gone.keys_hidden_at(&self.variants, moment));
        ascending(keys)
    }

    /// Those of `keys` (ascending) that may have a row at `moment`; the others have none.
    pub fn keys_seen_at(&self, keys: &[i64], moment: Moment) -> Vec<i64> {
        let seen = self.seen_at(moment);
        let mut found = Vec::new();
        for segment in self.segments.iter().flatten() {
            let clocks = segment.clocks();
            let ranges = segment.rows_of(keys).into_iter();
            found.extend(
                ranges
                    .filter(|rows| rows.clone().any(|row| seen(&clocks, row)))
                    .map(|r| clocks.keys[r.start]),
            );
        }
        ascending(found)
    }

    /// Tells the rows that may stand at `moment` from those that cannot. Where an id has several rows, one may
    /// count from earlier than it says; `settle` tells.
    fn seen_at(&self, moment: Moment) -> impl Fn(&Clocks<'_>, usize) -> bool {
        let limited = moment != Moment::ALL;
        let unsure: HashSet<i64> = limited.then(|| self.variants.keys()).into_iter().flatten().collect();
        move |clocks, row| {
            clocks.known(row, moment) && (clocks.happened(row, moment) || unsure.contains(&clocks.keys[row]))
        }
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
        self.variants.changes().for_each(|(at_us, key)| add(at_us, key));
        self.gone.changes(&self.variants).for_each(|(at_us, key)| add(at_us, key));
        found.into_iter().map(ascending).collect()
    }
}

/// Each key once, in order. They come as a few runs that are, which this sort makes use of.
fn ascending(mut keys: Vec<i64>) -> Vec<i64> {
    keys.sort();
    keys.dedup();
    keys
}

/// The Arrow schema of an event table.
pub fn schema(table: usize) -> SchemaRef {
    event::schema(EVENT_TABLES[table])
}
