//! Immutable event rows, sorted by key.
//!
//! Invariant: rows are in ascending `key_hash` order, so the rows of a key are one contiguous
//! range found by binary search, and a range of keys is one slice. A segment is never changed:
//! it is replaced when hot rows become a cold file or cold files are merged. It knows nothing of
//! duplicates between segments; that is `ids.rs`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

use crate::moment::Moment;
use crate::rows::compact::compact;

/// Event rows of one table, sorted by `key_hash`.
#[derive(Debug, Clone)]
pub struct Segment {
    pub batch: RecordBatch,
    /// The cold file that holds the same rows; `None` for rows not yet committed.
    pub file: Option<String>,
    keys: ScalarBuffer<i64>,
    /// Largest `effective_at` and `observed_at`, µs: a past moment after both needs no row check.
    pub effective_max_us: i64,
    pub observed_max_us: i64,
}

impl Segment {
    /// Takes rows in any order.
    pub fn sort(batch: &RecordBatch, file: Option<String>) -> Result<Segment, ArrowError> {
        Ok(Segment::sorted(sort_by_key(batch)?, file))
    }

    /// Takes rows that are already in `key_hash` order.
    pub fn sorted(batch: RecordBatch, file: Option<String>) -> Segment {
        let keys = key_column(&batch).values().clone();
        debug_assert!(keys.is_sorted(), "segment rows are in key order");
        let effective_max_us = max_us(&batch, "effective_at");
        let observed_max_us = max_us(&batch, "observed_at");
        Segment { batch, file, keys, effective_max_us, observed_max_us }
    }

    /// Several segments as one, for fewer places to look a key up.
    pub fn merge(segments: &[Arc<Segment>], file: Option<String>) -> Result<Segment, ArrowError> {
        let schema = segments.first().map(|s| s.batch.schema());
        let schema = schema.ok_or_else(|| ArrowError::InvalidArgumentError("nothing to merge".into()))?;
        let all = concat_batches(&schema, segments.iter().map(|s| &s.batch))?;
        Segment::sort(&all, file)
    }

    /// The same rows, as a part of another file.
    pub fn of_file(&self, file: Option<String>) -> Segment {
        Segment { file, ..self.clone() }
    }

    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// The rows of each of `keys` (ascending), as ranges in row order.
    pub fn rows_of(&self, keys: &[i64]) -> Vec<Range<usize>> {
        ranges_of(&self.keys, keys)
    }

    /// The rows whose key lies in `from..=to`.
    pub fn rows_between(&self, from: i64, to: i64) -> Range<usize> {
        let start = self.keys.partition_point(|&k| k < from);
        let end = self.keys.partition_point(|&k| k <= to);
        start..end
    }

    /// Whether every row had happened and was known by `moment`.
    pub fn is_before(&self, moment: Moment) -> bool {
        self.effective_max_us <= moment.as_of_us && self.observed_max_us <= moment.known_at_us
    }

    pub fn clocks(&self) -> Clocks<'_> {
        Clocks {
            keys: &self.keys,
            effective_us: micros(&self.batch, "effective_at"),
            observed_us: micros(&self.batch, "observed_at"),
        }
    }
}

/// The key and the clocks of a segment's rows.
#[derive(Clone, Copy)]
pub struct Clocks<'s> {
    pub keys: &'s [i64],
    effective_us: &'s [i64],
    observed_us: &'s [i64],
}

impl Clocks<'_> {
    pub fn happened(&self, row: usize, moment: Moment) -> bool {
        self.effective_us[row] <= moment.as_of_us
    }

    pub fn known(&self, row: usize, moment: Moment) -> bool {
        self.observed_us[row] <= moment.known_at_us
    }
}

/// Rows in `key_hash` order, equal keys as they were, in few buffers.
pub fn sort_by_key(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let keys = key_column(batch);
    if keys.values().is_sorted() {
        return compact(batch);
    }
    let order = sort_to_indices(keys, None, None)?;
    compact(&take_record_batch(batch, &order)?)
}

/// The ranges of the sorted `rows` that equal each of the sorted `keys`.
pub fn ranges_of(rows: &[i64], keys: &[i64]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for &key in keys {
        from = gallop(rows, from, key);
        if from == rows.len() {
            break;
        }
        if rows[from] == key {
            let end = from + rows[from..].partition_point(|&k| k <= key);
            found.push(from..end);
            from = end;
        }
    }
    found
}

/// First index at or after `from` whose key is not below `key`: doubling steps, then a search,
/// so that dense look-ups cost a step and sparse ones a logarithm.
fn gallop(rows: &[i64], from: usize, key: i64) -> usize {
    let mut step = 1;
    let mut low = from;
    while low + step < rows.len() && rows[low + step] < key {
        low += step;
        step *= 2;
    }
    let high = (low + step + 1).min(rows.len());
    low + rows[low..high].partition_point(|&k| k < key)
}

/// Row numbers, for `take`.
pub fn indices(rows: impl Iterator<Item = usize>) -> UInt32Array {
    rows.map(|row| row as u32).collect::<Vec<_>>().into()
}

pub fn key_column(batch: &RecordBatch) -> &Int64Array {
    batch.column_by_name("key_hash").expect("event and view rows carry key_hash").as_primitive::<Int64Type>()
}

/// A timestamp column's values in µs; NULLs read as 0, so only for columns that are never NULL.
pub fn micros<'a>(batch: &'a RecordBatch, name: &str) -> &'a [i64] {
    let column = batch.column_by_name(name).expect("event rows carry their clocks");
    column.as_primitive::<TimestampMicrosecondType>().values()
}

fn max_us(batch: &RecordBatch, name: &str) -> i64 {
    match batch.column_by_name(name) {
        Some(column) if !column.is_empty() => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            values.iter().copied().max().unwrap_or(i64::MIN)
        }
        _ => i64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_finds_every_key_and_no_other() {
        let rows = [-5, -5, 0, 3, 3, 3, 9, 12, 40];
        assert_eq!(ranges_of(&rows, &[-5, 3, 4, 40, 41]), vec![0..2, 3..6, 8..9]);
        assert_eq!(ranges_of(&rows, &[-9, 1, 100]), Vec::<Range<usize>>::new());
        assert_eq!(ranges_of(&[], &[1]), Vec::<Range<usize>>::new());
    }
}
