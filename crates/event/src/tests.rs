//! The crate's tests, as data: records in, one line out.
//!
//! Invariant: every case goes through [`check`], which pushes the record into a builder as ingest does.
//! Deliberately absent: clocks, and files other than golden documents and the folder of real data.

mod corpus;
mod documents;
mod events;
mod normalise;
mod properties;
mod rejects;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::{Batch, BatchBuilder, Outcome, Record, Table};

/// 2026-03-02T10:00:00Z.
const LOGGED_US: i64 = 1_772_445_600_000_000;

type Headers<'a> = &'a [(&'a str, &'a [u8])];

fn record<'a>(headers: Headers<'a>, value: &'a [u8]) -> Record<'a> {
    let (topic, timestamp_us) = ("plimsoll.reviews", LOGGED_US);
    Record { topic, partition: 3, offset: 42, timestamp_us, key: Some(b"key"), headers, value: Some(value) }
}

/// Pushes one record; the outcome as a line, and the batch.
fn push(record: &Record<'_>) -> (String, Batch) {
    let mut builder = BatchBuilder::new();
    let outcome = match builder.push(record) {
        Outcome::Event(table) => format!("row {table}"),
        Outcome::Normalised(rows) => format!("rows {rows}"),
        Outcome::DeadLetter(reason) => format!("dead letter {reason}"),
        Outcome::Unknown => "unknown".to_owned(),
        Outcome::Tombstone => "tombstone".to_owned(),
    };
    let batch = builder.finish(Vec::new());
    let rows: usize = Table::ALL.iter().map(|table| batch.table(*table).num_rows()).sum();
    let counts = batch.counts;
    assert_eq!(rows as u64, counts.events + counts.dead_letters);
    assert_eq!(counts.records, counts.events + counts.dead_letters + counts.unknown + counts.tombstones);
    (outcome, batch)
}

/// Pushes one record and compares the outcome, then the named columns of the only row.
#[track_caller]
fn check(record: &Record<'_>, outcome: &str, columns: &[(&str, &str)]) {
    let (found, batch) = push(record);
    let shown = record.value.map(String::from_utf8_lossy).unwrap_or_default();
    let shown: String = shown.chars().take(400).collect();
    let detail = cell(&batch.dead_letters, "detail");
    assert_eq!(found, outcome, "{shown}: {detail}");
    let rows = Table::ALL.iter().map(|table| batch.table(*table)).find(|rows| rows.num_rows() == 1);
    for (column, expected) in columns {
        assert_eq!(cell(rows.unwrap(), column), *expected, "{column} of {shown}");
    }
}

/// A column of the first row as text; empty without rows, `-` for null.
fn cell(rows: &RecordBatch, column: &str) -> String {
    if rows.num_rows() == 0 {
        return String::new();
    }
    let array = rows.column_by_name(column).unwrap_or_else(|| panic!("no column {column}"));
    // Arrow prints the zone "UTC" only with a time zone database.
    let array: ArrayRef = match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) => Arc::new(times.clone().with_timezone("+00:00")),
        None => Arc::clone(array),
    };
    let options = FormatOptions::default().with_null("-");
    ArrayFormatter::try_new(array.as_ref(), &options).unwrap().value(0).to_string()
}

/// A structured event of a type, with these data.
fn event(name: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"e1","source":"s","type":"dev.plimsoll.{name}.v1","time":"2026-03-02T09:14:00Z","data":{data}}}"#
    )
}
