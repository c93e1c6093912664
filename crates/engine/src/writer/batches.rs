//! What the writer asks of batches and segments: how much memory they take, how new they are, and fewer segments for many.
//!
//! Deliberately absent: state.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use chrono::{DateTime, Utc};
use event::{Batch, Table};

use crate::error::Error;
use crate::rows::segment::{Segment, micros};
use crate::rows::tables::EVENT_TABLES;

/// Small hot segments are merged when there are more than this many of a table.
const HOT_SEGMENTS_MAX: usize = 12;
/// Bytes of memory that the rows of a batch take.
pub fn bytes_of(batch: &Batch) -> usize {
    EVENT_TABLES
        .iter()
        .chain([&Table::DeadLetters])
        .map(|&table| batch.table(table).get_array_memory_size())
        .sum()
}

/// Merges the small segments of a table when there are many, so that a look-up has few places to look.
pub fn merge_small(segments: &mut Vec<Arc<Segment>>) -> Result<(), Error> {
    if segments.len() <= HOT_SEGMENTS_MAX {
        return Ok(());
    }
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.rows()));
    let mut from = segments.len() - 1;
    let mut rows = segments[from].rows();
    while from > 0 && segments[from - 1].rows() <= 2 * rows {
        from -= 1;
        rows += segments[from].rows();
    }
    let from = from.min(segments.len() - 2);
    let merged = Segment::merge(&segments[from..], None)?;
    segments.truncate(from);
    segments.push(Arc::new(merged));
    Ok(())
}

/// Largest `occurred_at`, leaving out what the source dated after the log record.
pub fn watermark(batch: &RecordBatch) -> Option<DateTime<Utc>> {
    let effective = micros(batch, "effective_at").iter().copied().max()?;
    DateTime::from_timestamp_micros(effective)
}

/// Dead letters by reason.
pub fn reasons(dead_letters: &RecordBatch) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    if let Some(column) = dead_letters.column_by_name("reason") {
        for reason in column.as_string_view().iter().flatten() {
            *counts.entry(reason.to_owned()).or_default() += 1;
        }
    }
    counts
}
